"""Persons drawn without replacement, each draw by random numbers of its own: no order of draws changes any."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)


@_jit
def _log_choose(n, k):  # type: ignore[no-untyped-def]
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)


@_jit
def _hypergeometric(good, bad, drawn, u):  # type: ignore[no-untyped-def]
    """Give how many of `drawn` are good: outcomes from the likeliest outwards share out the unit interval."""
    low, high = max(drawn - bad, 0), min(drawn, good)
    if low == high:
        return low
    mode = min(max((drawn + 1) * (good + 1) // (good + bad + 2), low), high)
    chance = math.exp(_log_choose(good, mode) + _log_choose(bad, drawn - mode) - _log_choose(good + bad, drawn))
    left = u - chance
    down, up, p_down, p_up = mode, mode, chance, chance
    while left >= 0 and (down > low or up < high):
        if up < high:
            p_up *= (good - up) * (drawn - up) / ((up + 1.0) * (bad - drawn + up + 1.0))
            up += 1
            left -= p_up
            if left < 0:
                return up
        if down > low:
            p_down *= down * (bad - drawn + down) / ((good - down + 1.0) * (drawn - down + 1.0))
            down -= 1
            left -= p_down
            if left < 0:
                return down
    # what rounding leaves of the interval belongs to the likeliest
    return mode


@_jit
def _draw(groups, n, uniform, taken):  # type: ignore[no-untyped-def]
    for i in range(len(n)):
        left, others = n[i], groups[i].sum()
        for m in range(groups.shape[1]):
            others -= groups[i, m]
            taken[i, m] = _hypergeometric(groups[i, m], others, left, uniform[i, m])
            left -= taken[i, m]


def draw_persons(groups: Ints, n: Ints, uniform: Floats) -> Ints:
    """Draw persons from groups, each person as likely as any other: multivariate hypergeometric.

    Parameters
    ----------
    groups : ndarray of int64, shape (row, group)
        Persons to draw from.
    n : ndarray of int64, shape (row,)
        Persons to draw, at most all of them.
    uniform : ndarray of float64, shape (row, group)
        Independent random numbers in [0, 1).

    Returns
    -------
    ndarray of int64, shape (row, group)
        Persons drawn.

    Notes
    -----
    Group after group, each by its hypergeometric distribution given those before (Johnson, Kotz and Balakrishnan 1997,
    Discrete Multivariate Distributions, ch. 39).

    Examples
    --------
    >>> draw_persons(np.array([[3, 0, 5]]), np.array([8]), np.array([[0.1, 0.2, 0.3]]))
    array([[3, 0, 5]])
    """
    taken = np.empty_like(groups)
    _draw(groups, n, uniform, taken)
    return taken
