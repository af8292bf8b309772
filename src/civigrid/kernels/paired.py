"""Numbers of persons drawn by a seed, each cell and group by numbers of its own: two scenarios meet the same people.

The numbers come from a hash of seed, cell, group and draw, not from a stream: whatever else is drawn, in whatever
order, by however many workers, a cell keeps its people.
"""

from __future__ import annotations

import math
from typing import Any
from zlib import crc32

import numba
import numpy as np

from civigrid.types import Floats, Ids

LARGE = 60.0
"""Means from which on the quantile of the Poisson distribution is an expansion, exact to less than one person."""
_jit: Any = numba.njit(cache=True, nogil=True)


def key_of(word: str) -> int:
    """Give the number a name is drawn by: that of its letters, not of its place.

    >>> key_of("newcomers")
    87789165
    """
    return crc32(word.encode())


def drawn_sums(cell_id: Ids, persons: Floats, value: Floats, *, key: int, seed: int, draws: int) -> Floats:
    r"""Sum values over drawn persons: :math:`\sum_i N_i^{(d)} v_{im}` with :math:`N_i \sim \mathrm{Poisson}(P_i)`.

    Parameters
    ----------
    cell_id : ndarray of uint64, shape (cell,)
        What the numbers of each cell are drawn by.
    persons : ndarray of float64, shape (cell,)
        Expected persons, at least 0.
    value : ndarray of float64, shape (cell, measure)
        What each person adds; cells without any may be left out, and change no bit.
    key : int
        What tells groups apart (`key_of`).
    seed : int
        Seed.
    draws : int
        How often.

    Returns
    -------
    ndarray of float64, shape (draw, measure)
        Sums over the cells in their order.

    Notes
    -----
    Common random numbers: Law (2015), Simulation Modeling and Analysis, section 11.2.  The hash is SplitMix64 (Steele,
    Lea and Flood 2014, OOPSLA); the quantile runs up from 0, and for large means follows Cornish and Fisher (1937).

    Examples
    --------
    >>> ids, people = np.array([3, 9], dtype=np.uint64), np.array([5.0, 2000.0])
    >>> both = drawn_sums(ids, people, np.ones((2, 1)), key=1, seed=7, draws=3)
    >>> first = drawn_sums(ids[:1], people[:1], np.ones((1, 1)), key=1, seed=7, draws=3)
    >>> second = drawn_sums(ids[1:], people[1:], np.ones((1, 1)), key=1, seed=7, draws=3)
    >>> np.array_equal(both, first + second)
    True
    """
    total = np.zeros((draws, value.shape[1]))
    _sums(cell_id, persons, value, np.uint64(key), np.uint64(seed), total)
    return total


@_jit
def _mixed(x):  # type: ignore[no-untyped-def]
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@_jit
def _uniform(state, d):  # type: ignore[no-untyped-def]
    """A number inside (0, 1)."""
    x = _mixed(state + np.uint64(d + 1) * np.uint64(0x9E3779B97F4A7C15))
    return (np.float64(x >> np.uint64(11)) + 0.5) * 2.0**-53


@_jit
def _poisson(mean, u, v):  # type: ignore[no-untyped-def]
    if mean >= LARGE:
        z = math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * v)
        return max(0.0, math.floor(mean + z * math.sqrt(mean) + (z * z - 1.0) / 6.0 + 0.5))
    chance = math.exp(-mean)
    below, k = chance, 0.0
    while u > below and k < 1000.0:
        k += 1.0
        chance *= mean / k
        below += chance
    return k


@_jit
def _sums(cell_id, persons, value, key, seed, total):  # type: ignore[no-untyped-def]
    start = _mixed(_mixed(seed + np.uint64(0x9E3779B97F4A7C15)) ^ key)
    for i in range(cell_id.size):
        if not persons[i] > 0:
            continue
        state = _mixed(start ^ _mixed(cell_id[i] + np.uint64(0x632BE59BD9B4E019)))
        for d in range(total.shape[0]):
            n = _poisson(persons[i], _uniform(state, 2 * d), _uniform(state, 2 * d + 1))
            for m in range(value.shape[1]):
                total[d, m] += n * value[i, m]
