"""Chains of at most three stops that together offer all that is needed: exact, by what lies between first and last.

The best middle stop between a first and a last one does not depend on the cell: it is found once for all cells, with
opening hours where asked (`Ways`).  A cell then looks only for its first and last stop.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from civigrid.kernels.bundles import UNREACHED, Int32s, Masks
from civigrid.types import Ints

_jit: Any = numba.njit(cache=True, nogil=True)


class Ways(NamedTuple):
    """Ways from a first stop to a last one that cover a need, best first; several where opening hours make a choice.

    Parameters
    ----------
    starts : ndarray of int64, shape (site * site + 1,)
        Ways of the pair (first, last) are ``starts[first * site + last]`` to the next.
    cost : ndarray of int32, shape (way,)
        Seconds of travel from the first to the last stop.
    before, after : ndarray of int32, shape (way,)
        Most seconds the way from home, and back home, may take.
    middle : ndarray of int32, shape (way,)
        The stop between them; -1 for none.
    arrival : ndarray of int32, shape (way,)
        Quarter of an hour of the week in which the first visit begins; -1 without opening hours.
    done : ndarray of uint8, shape (way, 2)
        Kinds done at the first and the middle stop, as bits; the last does the rest.
    least : ndarray of int32, shape (site,)
        Smallest cost of the ways from each first stop.
    """

    starts: Ints
    cost: Int32s
    before: Int32s
    after: Int32s
    middle: Int32s
    arrival: Int32s
    done: Masks
    least: Int32s


class Chained(NamedTuple):
    """Best chain of each cell: seconds of the whole tour (`UNREACHED` without), first and last stop, its way; or -1."""

    seconds: Int32s
    first: Int32s
    last: Int32s
    way: Ints


def ways_at_any_time(between: Int32s, mask: Masks, need: int, most_stops: int) -> Ways:
    """Find the shortest way from each first to each last stop that covers a need, whatever the hour.

    Parameters
    ----------
    between : ndarray of int32, shape (site, site)
        Seconds from site to site; `UNREACHED` where there is no way, 0 on the diagonal.
    mask : ndarray of uint8, shape (site,)
        Kinds that each site offers, as bits.
    need : int
        Kinds needed, as bits.
    most_stops : int
        Stops of a chain, 1 to 3.

    Returns
    -------
    Ways
        At most one by pair.  The middle stop may be any site.

    Examples
    --------
    >>> between = np.array([[0, 50, 70], [50, 0, 30], [70, 30, 0]], dtype=np.int32)
    >>> ways = ways_at_any_time(between, np.array([1, 2, 4], dtype=np.uint8), 7, 3)
    >>> ways.cost.tolist(), ways.middle.tolist()   # 0-1-2, and back; 0-2-1 and 1-0-2 and back
    ([100, 80, 100, 120, 80, 120], [2, 1, 2, 0, 1, 0])
    """
    n = len(mask)
    cost, middle = np.empty((n, n), dtype=np.int32), np.empty((n, n), dtype=np.int32)
    _any_time(between, mask, need, most_stops, cost, middle)
    there = cost.ravel() < UNREACHED
    pair = np.flatnonzero(there)
    first, last, via = mask[pair // max(n, 1)], mask[pair % max(n, 1)], middle.ravel()[pair]
    done = np.stack([need & first, np.where(via >= 0, need & ~first & mask[via] & ~last, 0)], axis=1)
    always = np.full(len(pair), UNREACHED, dtype=np.int32)
    return Ways(
        starts=np.concatenate([[0], np.cumsum(there)]).astype(np.int64),
        cost=cost.ravel()[pair],
        before=always,
        after=always,
        middle=via,
        arrival=np.full(len(pair), -1, dtype=np.int32),
        done=done.astype(np.uint8),
        least=cost.min(axis=1, initial=UNREACHED).astype(np.int32),
    )


@_jit
def _any_time(between, mask, need, most_stops, cost, middle):  # type: ignore[no-untyped-def]
    n = mask.size
    for j in range(n):
        keys = np.sort(between[j].astype(np.int64) * n + np.arange(n))
        for k in range(n):
            have = mask[j] | mask[k]
            least, via = np.int64(UNREACHED), -1
            if need & ~have == 0 and (j == k or most_stops >= 2):
                least = min(least, np.int64(between[j, k]))
            if most_stops >= 3:
                for p in range(n):
                    to, m = keys[p] // n, keys[p] % n
                    if to >= least:
                        break
                    if need & ~(have | mask[m]) == 0 and to + between[m, k] < least:
                        least, via = to + between[m, k], m
            cost[j, k], middle[j, k] = least, via


def best_chains(indptr: Ints, site: Int32s, seconds: Int32s, ways: Ways) -> Chained:
    """Find the shortest tour from each cell by a first stop, a way of `ways`, and a last stop back home.

    Parameters
    ----------
    indptr : ndarray of int64, shape (cell + 1,)
        Pairs of cell ``i`` are ``indptr[i]:indptr[i + 1]``.
    site, seconds : ndarray of int32, shape (pair,)
        Column of the site and way to it, seconds; the way back takes as long.
    ways : Ways
        From first to last stops.

    Returns
    -------
    Chained
        Exact.  Of equal tours that whose first, then last stop is nearest, then has the lowest column.

    Notes
    -----
    First and last stops are tried from the nearest on; a first stop is left as soon as no last one can be better:
    way there + least way from it + way back is a lower bound.

    Examples
    --------
    >>> between = np.array([[0, 50], [50, 0]], dtype=np.int32)
    >>> ways = ways_at_any_time(between, np.array([1, 2], dtype=np.uint8), 3, 3)
    >>> pairs = np.array([0, 1], dtype=np.int32), np.array([60, 90], dtype=np.int32)
    >>> best_chains(np.array([0, 2]), *pairs, ways).seconds.tolist()   # 60 + 50 + 90
    [200]
    """
    n = len(indptr) - 1
    total, first, last = (np.empty(n, dtype=np.int32) for _ in range(3))
    found = Chained(total, first, last, np.empty(n, dtype=np.int64))
    _search(indptr, site, seconds, ways.starts, ways.cost, ways.before, ways.after, ways.least, *found)
    return found


@_jit
def _search(indptr, site, seconds, starts, cost, before, after, least, total, first, last, way):  # type: ignore[no-untyped-def]
    n_sites = least.size
    any_way = np.int64(least.min()) if n_sites else np.int64(UNREACHED)
    for i in range(indptr.size - 1):
        total[i], first[i], last[i], way[i] = UNREACHED, -1, -1, -1
        if any_way == UNREACHED:
            continue
        lo, hi = indptr[i], indptr[i + 1]
        keys = np.sort(seconds[lo:hi].astype(np.int64) * n_sites + site[lo:hi])
        best = np.int64(UNREACHED)
        for p in range(keys.size):
            to, j = keys[p] // n_sites, keys[p] % n_sites
            if to + any_way + keys[0] // n_sites >= best:
                break
            for q in range(keys.size):
                back, k = keys[q] // n_sites, keys[q] % n_sites
                if to + least[j] + back >= best:
                    break
                pair = j * n_sites + k
                for o in range(starts[pair], starts[pair + 1]):
                    if to <= before[o] and back <= after[o]:
                        if to + cost[o] + back < best:
                            best = to + cost[o] + back
                            first[i], last[i], way[i] = j, k, o
                        break
        total[i] = best
