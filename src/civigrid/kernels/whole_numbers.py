"""Whole persons: shares of a unit rounded so that its total stays, by largest remainder with seeded ties."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from civigrid.types import Floats, Ints

_Words = npt.NDArray[np.uint64]


def largest_remainder(row: Ints, expected: Floats, totals: Ints, tie: _Words) -> Ints:
    """Round the parts of each row to whole numbers that sum to the row's total.

    Parameters
    ----------
    row : ndarray of int, shape (part,)
        Row of each part, ascending.
    expected : ndarray of float64, shape (part,)
        Parts, at least 0, that sum to about the row's total.
    totals : ndarray of int, shape (row,)
        What each row must sum to; a row without parts keeps nothing.
    tie : ndarray of uint64, shape (part,)
        Decides between equal remainders, as `tie_breaker` gives it.

    Returns
    -------
    ndarray of int64, shape (part,)
        Each part less than 1 from its expectation.

    Notes
    -----
    The method of Hamilton (Hare-Niemeyer), as in apportionment.

    Examples
    --------
    >>> largest_remainder(np.array([0, 0, 0]), np.array([1.4, 1.4, 1.2]), np.array([4]), np.array([7, 3, 9], np.uint64))
    array([1, 2, 1])
    """
    # a part that is whole but for rounding is whole
    floor = np.floor(expected + 1e-9).astype(np.int64)
    rest = totals - np.bincount(row, weights=floor, minlength=len(totals)).astype(np.int64)
    order = np.lexsort((tie, -np.round(expected - floor, 9), row))
    start = np.searchsorted(row, np.arange(len(totals)))
    rank = np.empty(len(row), dtype=np.int64)
    rank[order] = np.arange(len(row)) - start[row[order]]
    whole: Ints = floor + (rank < rest[row])
    return whole


def tie_breaker(seed: int, *keys: _Words) -> _Words:
    """Scramble keys to words that look random: the same for the same seed and keys, whatever stands beside them.

    Notes
    -----
    G. L. Steele, D. Lea, C. H. Flood (2014), Fast splittable pseudorandom number generators (the mixer of SplitMix64).

    >>> int(tie_breaker(1, np.array([5], np.uint64))[0]) == int(tie_breaker(1, np.array([9, 5], np.uint64))[1])
    True
    """
    word = np.full(1, seed % 2**64, dtype=np.uint64)
    for key in keys:
        word = _mix(word ^ np.asarray(key, dtype=np.uint64))
    return word


def _mix(word: _Words) -> _Words:
    word = word + np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))
