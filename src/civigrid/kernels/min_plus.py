"""The least sum over what lies between: ways to a station, a ride, and the way on."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Ints

_jit: Any = numba.njit(cache=True, nogil=True)
FAR = 2**30
"""No way: two of them still fit into 32 bits."""
Int32s = npt.NDArray[np.int32]


def min_plus(
    indptr: Ints, station: Int32s, walk: Int32s, onward: Int32s, limit: int
) -> tuple[Ints, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Give the least ``walk[i, k] + onward[k, j]`` over all k, for every i and j, up to a limit.

    Parameters
    ----------
    indptr : ndarray of int64, shape (row + 1,)
        Pairs of row ``i`` are ``indptr[i]:indptr[i + 1]``.
    station, walk : ndarray of int32, shape (pair,)
        The k of each pair, and its time.
    onward : ndarray of int32, shape (station, site)
        Times from there; `FAR` where there is no way.
    limit : int
        Longer sums are left out.

    Returns
    -------
    indptr : ndarray of int64, shape (row + 1,)
    site, time : ndarray of int32, shape (found,)
        Sites ascending in each row.

    Notes
    -----
    A product of matrices in the min-plus semiring (Floyd 1962, Communications of the ACM 5, 345).

    Examples
    --------
    >>> one = np.array([0, 2]), np.array([0, 1], dtype=np.int32), np.array([5, 1], dtype=np.int32)
    >>> onward = np.array([[10, FAR], [20, 7]], dtype=np.int32)
    >>> min_plus(*one, onward, 60)[1:]
    (array([0, 1], dtype=int32), array([15,  8], dtype=int32))
    """
    found = np.empty(len(indptr), dtype=np.int64)
    _count(indptr, station, walk, onward, limit, found)
    site, time = np.empty(found[-1], dtype=np.int32), np.empty(found[-1], dtype=np.int32)
    _fill(indptr, station, walk, onward, limit, found, site, time)
    return found, site, time


@_jit
def _best(first, last, station, walk, onward, best):  # type: ignore[no-untyped-def]
    best[:] = FAR
    for p in range(first, last):
        row = onward[station[p]]
        for j in range(best.size):
            best[j] = min(best[j], walk[p] + row[j])


@_jit
def _count(indptr, station, walk, onward, limit, found):  # type: ignore[no-untyped-def]
    best = np.empty(onward.shape[1], np.int32)
    found[0] = 0
    for i in range(indptr.size - 1):
        _best(indptr[i], indptr[i + 1], station, walk, onward, best)
        found[i + 1] = found[i] + np.sum(best <= limit)


@_jit
def _fill(indptr, station, walk, onward, limit, found, site, time):  # type: ignore[no-untyped-def]
    best = np.empty(onward.shape[1], np.int32)
    for i in range(indptr.size - 1):
        _best(indptr[i], indptr[i + 1], station, walk, onward, best)
        at = found[i]
        for j in range(best.size):
            if best[j] <= limit:
                site[at], time[at] = j, best[j]
                at += 1
