"""A number and how it moves with each count: what an interval needs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from civigrid.types import Floats


class Estimate(NamedTuple):
    """An index of one zone, and its derivative by the counts of the group and of everyone else, shape (row, 2)."""

    value: float
    gradient: Floats


def undefined(rows: int) -> Estimate:
    """Give what an index is where nobody, or only one side, lives: not a number, and nothing moves it."""
    return Estimate(float("nan"), np.zeros((rows, 2)))


def sampling_variance(estimate: Estimate, counts: Floats, noise: Floats | None = None) -> float:
    r"""Variance of an index by the delta method, :math:`\sum n (\partial I/\partial n)^2`, independent Poisson persons.

    `counts` holds the persons of the group and of everyone else, `noise` the variance of what a publisher added to
    each, both of shape (row, 2).

    >>> sampling_variance(Estimate(0.5, np.array([[0.5, 0.0]])), np.array([[4.0, 7.0]]))
    1.0
    """
    return float(((counts if noise is None else counts + noise) * estimate.gradient**2).sum())


def variance_of_sum(weight: Floats, size: Floats, group: float) -> float:
    r"""Variance of :math:`\sum_i w_i x_i` when `group` persons are drawn at random from cells of `size` persons.

    :math:`\frac{XY}{T(T-1)}\sum_i t_i (w_i - \bar w)^2`: sampling without replacement (Cochran 1977, theorem 2.2).

    >>> variance_of_sum(np.array([0.0, 1.0]), np.array([1.0, 1.0]), 1.0)
    0.25
    """
    total = float(size.sum())
    if total <= 1:
        return 0.0
    mean = float(weight @ size) / total
    return group * (total - group) / (total * (total - 1)) * float(size @ (weight - mean) ** 2)
