"""Halves of an array for its overviews: counts are added, rates averaged by their weight, codes never mixed."""

from __future__ import annotations

import numpy as np

from civigrid.types import Bools, Floats


def _fours(array: Floats) -> Floats:
    """The four parts of each coarser pixel, shape (4, row, column)."""
    return np.stack([array[i::2, j::2] for i in (0, 1) for j in (0, 1)])


def added(array: Floats) -> Floats:
    """Sums of what is known; NaN where nothing is.

    >>> added(np.array([[1.0, np.nan], [2.0, 4.0]]))
    array([[7.]])
    """
    return _sum(_fours(array))


def _sum(parts: Floats) -> Floats:
    known: Bools = ~np.isnan(parts)
    return np.where(known.any(axis=0), np.where(known, parts, 0.0).sum(axis=0), np.nan)


def averaged(array: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Means of what is known by its weight, and the weight of each; a value without weight counts for nothing.

    >>> mean, weight = averaged(np.array([[0.2, 0.4], [np.nan, 0.1]]), np.array([[3.0, 1.0], [9.0, 0.0]]))
    >>> float(mean[0, 0].round(6)), float(weight[0, 0])
    (0.25, 4.0)
    """
    value, by = _fours(array), _fours(weight)
    by = np.where(np.isnan(value) | np.isnan(by), 0.0, by)
    total = by.sum(axis=0)
    product = (np.where(np.isnan(value), 0.0, value) * by).sum(axis=0)
    return np.divide(product, total, out=np.full(total.shape, np.nan), where=total > 0), total


def first(array: Floats) -> Floats:
    """The first known of the four: upper left, upper right, lower left, lower right.

    >>> first(np.array([[np.nan, 3.0], [1.0, 1.0]]))
    array([[3.]])
    """
    parts = _fours(array)
    at = np.argmax(~np.isnan(parts), axis=0)
    found: Floats = np.take_along_axis(parts, at[None], axis=0)[0]
    return found
