"""Sums over pairs of cells and sites, several columns in one compiled pass: what every catchment measure is made of.

Pairs stand by cell, and by site within a cell.  Sums over sites run in the order of the sites, sums over cells in the
order of the cells, so that no block or thread changes a bit.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Bools, Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)
_ONE, _TWO = np.uint64(1), np.uint64(2)
"""Unsigned numbers of pairs, sites and columns need no test for indices below 0: twice as fast."""


class Pairs(NamedTuple):
    """Weighted pairs by cell: `indptr` (cell + 1,), `site` and `weight` (pair,), and how many sites there are."""

    indptr: Ints
    site: npt.NDArray[np.int32]
    weight: Floats
    sites: int


def flat(values: Floats) -> Floats:
    """All axes but the first as one, also where there are no rows: shape (row, ...) becomes (row, column).

    >>> flat(np.zeros((0, 2, 3))).shape
    (0, 6)
    """
    return values.reshape(len(values), math.prod(values.shape[1:]))


def to_sites(pairs: Pairs, values: Floats, *, square: bool = False) -> Floats:
    r"""Sum values of cells at their sites, :math:`\sum_i w_{ij} x_{ic}`.

    Parameters
    ----------
    pairs : Pairs
        Weights.
    values : ndarray of float64, shape (cell, column)
        What cells bring: persons by group, say.
    square : bool
        Weigh by the square of the weights.

    Returns
    -------
    ndarray of float64, shape (site, column)
        0 for a site without pairs.

    Examples
    --------
    >>> pairs = Pairs(np.array([0, 2, 3]), np.array([0, 1, 1], dtype=np.int32), np.array([1.0, 0.5, 1.0]), 2)
    >>> to_sites(pairs, np.array([[10.0], [4.0]])).ravel().tolist()
    [10.0, 9.0]
    """
    found = np.zeros((pairs.sites, values.shape[1]))
    _to_sites(*pairs[:3], np.ascontiguousarray(values, dtype=np.float64), square, found)
    return found


def to_cells(pairs: Pairs, values: Floats, *, square: bool = False) -> Floats:
    r"""Sum values of sites at their cells, :math:`\sum_j w_{ij} y_{jc}`.

    Parameters
    ----------
    pairs : Pairs
        Weights.
    values : ndarray of float64, shape (site, column)
        What sites offer: places by service, say.
    square : bool
        Weigh by the square of the weights.

    Returns
    -------
    ndarray of float64, shape (cell, column)
        0 for a cell without pairs.

    Examples
    --------
    >>> pairs = Pairs(np.array([0, 2, 3]), np.array([0, 1, 1], dtype=np.int32), np.array([1.0, 0.5, 1.0]), 2)
    >>> to_cells(pairs, np.array([[10.0], [4.0]])).ravel().tolist()
    [12.0, 4.0]
    """
    found = np.zeros((len(pairs.indptr) - 1, values.shape[1]))
    _to_cells(*pairs[:3], np.ascontiguousarray(values, dtype=np.float64), square, found)
    return found


def looked_up(
    indptr: Ints, site: npt.NDArray[np.int32], seconds: npt.NDArray[np.int32], table: Floats, sites: int
) -> Pairs:
    """Weigh pairs by a table of whole seconds, and leave out those beyond its last weight.

    Parameters
    ----------
    indptr, site, seconds
        Pairs by cell, shapes (cell + 1,), (pair,), (pair,).
    table : ndarray of float64, shape (second,)
        Weight of each second.
    sites : int
        How many there are.

    Returns
    -------
    Pairs
        In the same order.

    Examples
    --------
    >>> site, seconds = np.array([0, 1], dtype=np.int32), np.array([2, 0], dtype=np.int32)
    >>> looked_up(np.array([0, 2]), site, seconds, np.array([1.0, 0.5, 0.0]), 2).weight.tolist()
    [1.0]
    """
    last = int(np.flatnonzero(table)[-1]) if table.any() else -1
    if last == len(table) - 1:
        return Pairs(indptr, site, _look_up(seconds, table), sites)
    start, kept, times = np.zeros(len(indptr), dtype=np.int64), np.empty_like(site), np.empty_like(seconds)
    n = _keep(indptr, site, seconds, last, start, kept, times)
    return Pairs(start, kept[:n], _look_up(times[:n], table), sites)


def kth_nearest(
    indptr: Ints, site: npt.NDArray[np.int32], seconds: npt.NDArray[np.int32], offers: Bools, k: int
) -> Ints:
    """Time to the k-th nearest site that offers a service.

    Parameters
    ----------
    indptr, site, seconds
        Pairs by cell, shapes (cell + 1,), (pair,), (pair,).
    offers : ndarray of bool, shape (site, column)
        Which site offers which service.
    k : int
        1: the nearest.

    Returns
    -------
    ndarray of int64, shape (cell, column)
        Seconds; -1 where fewer than k are within the limit.

    Examples
    --------
    >>> site, seconds = np.array([0, 1], dtype=np.int32), np.array([90, 60], dtype=np.int32)
    >>> kth_nearest(np.array([0, 2]), site, seconds, np.ones((2, 1), dtype=bool), 2).tolist()
    [[90]]
    """
    found = np.full((len(indptr) - 1, offers.shape[1]), -1, dtype=np.int64)
    _kth(indptr, site, seconds, np.ascontiguousarray(offers), k, found)
    return found


def time_until(
    indptr: Ints,
    site: npt.NDArray[np.int32],
    seconds: npt.NDArray[np.int32],
    supply: Floats,
    wanted: Floats,
    *,
    more: bool = False,
) -> Ints:
    """Least time within which sites together have a capacity.

    Parameters
    ----------
    indptr, site, seconds
        Pairs by cell, shapes (cell + 1,), (pair,), (pair,).
    supply : ndarray of float64, shape (site, column)
        Capacity of each site.
    wanted : ndarray of float64, shape (cell, column)
        Capacity asked for; NaN: none can be told.
    more : bool
        Ask for more than `wanted`, not for at least as much.

    Returns
    -------
    ndarray of int64, shape (cell, column)
        Seconds; -1 where the sites within the limit do not have it.

    Examples
    --------
    >>> site, seconds = np.array([0, 1], dtype=np.int32), np.array([90, 60], dtype=np.int32)
    >>> time_until(np.array([0, 2]), site, seconds, np.array([[5.0], [5.0]]), np.array([[6.0]])).tolist()
    [[90]]
    """
    found = np.full((len(indptr) - 1, supply.shape[1]), -1, dtype=np.int64)
    _until(indptr, site, seconds, np.ascontiguousarray(supply), np.ascontiguousarray(wanted), more, found)
    return found


@_jit
def _look_up(seconds, table):  # type: ignore[no-untyped-def]
    weight = np.empty(len(seconds))
    for p in range(len(seconds)):
        weight[p] = table[np.uint64(seconds[p])]
    return weight


@_jit
def _keep(indptr, site, seconds, last, start, kept, times):  # type: ignore[no-untyped-def]
    n, latest = np.uint64(0), np.int32(last)
    for i in range(len(indptr) - 1):
        p, e = np.uint64(indptr[i]), np.uint64(indptr[i + 1])
        while p < e:
            # written in any case, counted where it is near enough: no branch to guess
            t = seconds[p]
            kept[n], times[n] = site[p], t
            n += np.uint64(t <= latest)
            p += _ONE
        start[i + 1] = n
    return n


@_jit
def _to_sites(indptr, site, weight, values, square, found):  # type: ignore[no-untyped-def]
    columns = np.uint64(values.shape[1])
    for i in range(len(indptr) - 1):
        b, e, c = np.uint64(indptr[i]), np.uint64(indptr[i + 1]), np.uint64(0)
        # two columns at a time stay in registers; a row of pairs stays in the cache for the next two
        while c + _TWO <= columns:
            x0, x1, p = values[i, c], values[i, c + _ONE], b
            while p < e:
                w, j = weight[p] * weight[p] if square else weight[p], np.uint64(site[p])
                found[j, c] += w * x0
                found[j, c + _ONE] += w * x1
                p += _ONE
            c += _TWO
        if c < columns:
            x0, p = values[i, c], b
            while p < e:
                w = weight[p] * weight[p] if square else weight[p]
                found[np.uint64(site[p]), c] += w * x0
                p += _ONE


@_jit
def _to_cells(indptr, site, weight, values, square, found):  # type: ignore[no-untyped-def]
    columns = np.uint64(values.shape[1])
    for i in range(len(indptr) - 1):
        b, e, c = np.uint64(indptr[i]), np.uint64(indptr[i + 1]), np.uint64(0)
        while c + _TWO <= columns:
            s0, s1, p = 0.0, 0.0, b
            while p < e:
                w, j = weight[p] * weight[p] if square else weight[p], np.uint64(site[p])
                s0 += w * values[j, c]
                s1 += w * values[j, c + _ONE]
                p += _ONE
            found[i, c], found[i, c + _ONE] = s0, s1
            c += _TWO
        if c < columns:
            s0, p = 0.0, b
            while p < e:
                w = weight[p] * weight[p] if square else weight[p]
                s0 += w * values[np.uint64(site[p]), c]
                p += _ONE
            found[i, c] = s0


@_jit
def _kth(indptr, site, seconds, offers, k, found):  # type: ignore[no-untyped-def]
    best = np.empty(k, dtype=np.int64)
    for i in range(len(indptr) - 1):
        for c in range(offers.shape[1]):
            n = 0
            for p in range(indptr[i], indptr[i + 1]):
                if not offers[site[p], c] or (n == k and seconds[p] >= best[k - 1]):
                    continue
                # the k least times so far, ascending
                at = n if n < k else k - 1
                while at > 0 and best[at - 1] > seconds[p]:
                    best[at] = best[at - 1]
                    at -= 1
                best[at] = seconds[p]
                n = min(n + 1, k)
            if n == k:
                found[i, c] = best[k - 1]


@_jit
def _until(indptr, site, seconds, supply, wanted, more, found):  # type: ignore[no-untyped-def]
    for i in range(len(indptr) - 1):
        b, e = indptr[i], indptr[i + 1]
        order = np.argsort(seconds[b:e], kind="mergesort")
        for c in range(supply.shape[1]):
            if wanted[i, c] <= 0 and not more:
                found[i, c] = 0
                continue
            had = 0.0
            for q in range(e - b):
                p = b + order[q]
                had += supply[site[p], c]
                if had > wanted[i, c] if more else had >= wanted[i, c]:
                    found[i, c] = seconds[p]
                    break
