"""Several services wanted together: the nearest place by what it offers, and the cheapest mix of places, cell by cell.

Kinds of service are bits: a site that offers kinds 0 and 2 has mask 5.  All is counted in whole seconds one way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from civigrid.errors import SchemaError
from civigrid.types import Ints

Int32s = npt.NDArray[np.int32]
Masks = npt.NDArray[np.uint8]
MOST_KINDS = 8
"""Kinds in a bundle: masks have eight bits, and partitions of a set grow as 3 to the power of its size."""
UNREACHED = np.int32(2**30 - 1)
"""Longer than any way; two of it still fit into 32 bits."""
_jit: Any = numba.njit(cache=True, nogil=True)


class Nearest(NamedTuple):
    """What a cell has near, seconds one way, `UNREACHED` where there is none; sites are columns, -1 for none.

    ``kind, kind_site`` (cell, kind): nearest site of each kind.  ``at_least`` (cell, kind): nearest site with at least
    1, 2, ... of the kinds.  ``one, one_site`` (cell, round): nearest site with all that is needed in a round.
    ``mix`` (cell, round): least sum of ways to sites that together have all.
    """

    kind: Int32s
    kind_site: Int32s
    at_least: Int32s
    one: Int32s
    one_site: Int32s
    mix: Int32s


def nearest_of_masks(
    indptr: Ints, site: Int32s, seconds: Int32s, mask: Masks, rounds: npt.NDArray[np.integer], kinds: int
) -> Nearest:
    """Find the nearest site of each kind, of all kinds together, and the cheapest mix of sites.

    Parameters
    ----------
    indptr : ndarray of int64, shape (cell + 1,)
        Pairs of cell ``i`` are ``indptr[i]:indptr[i + 1]``.
    site, seconds : ndarray of int32, shape (pair,)
        Column of the site and way to it, seconds.
    mask : ndarray of uint8, shape (site,)
        Kinds that each site offers, as bits.
    rounds : ndarray of int, shape (round,)
        Kinds needed in each round, as bits.
    kinds : int
        Number of kinds, at most 8.

    Returns
    -------
    Nearest
        Exact.  Of sites equally near, that of the lowest column.

    Raises
    ------
    SchemaError
        There are more than 8 kinds.

    Notes
    -----
    The time to the nearest site that has at least the kinds ``A`` is a minimum over supersets (one pass for each bit);
    the cheapest mix is a minimum over partitions of the bundle into such sets, by dynamic programming over subsets:
    3^8 steps a cell, however many sites there are.  Set cover with costs: Karp (1972); over subsets: Fomin and Kratsch
    (2010), Exact Exponential Algorithms, section 3.1.

    Examples
    --------
    >>> indptr, site = np.array([0, 3]), np.array([0, 1, 2], dtype=np.int32)
    >>> seconds, mask = np.array([60, 120, 900], dtype=np.int32), np.array([1, 2, 3], dtype=np.uint8)
    >>> near = nearest_of_masks(indptr, site, seconds, mask, np.array([3]), 2)
    >>> near.kind.tolist(), near.one.tolist(), near.mix.tolist()
    ([[60, 120]], [[900]], [[180]])
    """
    if not 1 <= kinds <= MOST_KINDS:
        raise SchemaError(f"a bundle of {kinds} kinds: exact mixes take 1 to {MOST_KINDS}. Split the bundle.")
    n, r = len(indptr) - 1, len(rounds)
    shapes = ((n, kinds), (n, kinds), (n, kinds), (n, r), (n, r), (n, r))
    found = Nearest(*(np.empty(shape, dtype=np.int32) for shape in shapes))
    _nearest(indptr, site, seconds, mask, rounds.astype(np.int64), kinds, *found)
    return found


@_jit
def _nearest(indptr, site, seconds, mask, rounds, kinds, kind, kind_site, at_least, one, one_site, mix):  # type: ignore[no-untyped-def]
    size = 1 << kinds
    bits = _bit_counts(size)
    best, where = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    cost = np.empty(size, dtype=np.int64)
    for i in range(indptr.size - 1):
        _by_superset(site[indptr[i] : indptr[i + 1]], seconds[indptr[i] : indptr[i + 1]], mask, kinds, best, where)
        _cheapest_partitions(best, cost)
        for k in range(kinds):
            kind[i, k], kind_site[i, k] = best[1 << k], where[1 << k]
            at_least[i, k] = UNREACHED
        for a in range(1, size):
            at_least[i, bits[a] - 1] = min(at_least[i, bits[a] - 1], best[a])
        for r in range(rounds.size):
            one[i, r], one_site[i, r] = best[rounds[r]], where[rounds[r]]
            mix[i, r] = min(cost[rounds[r]], UNREACHED)


@_jit
def _bit_counts(size):  # type: ignore[no-untyped-def]
    bits = np.zeros(size, dtype=np.int64)
    for a in range(1, size):
        bits[a] = bits[a >> 1] + (a & 1)
    return bits


@_jit
def _by_superset(site, seconds, mask, kinds, best, where):  # type: ignore[no-untyped-def]
    """Nearest site that offers at least the kinds of each mask; of equals, the lowest column."""
    size = best.size
    best[:] = UNREACHED
    where[:] = -1
    for p in range(site.size):
        a = mask[site[p]] & (size - 1)
        if seconds[p] < best[a]:
            best[a], where[a] = seconds[p], site[p]
    for k in range(kinds):
        bit = 1 << k
        for a in range(size):
            if not a & bit:
                b = a | bit
                if best[b] < best[a] or (best[b] == best[a] and 0 <= where[b] < where[a]):
                    best[a], where[a] = best[b], where[b]


@_jit
def _cheapest_partitions(best, cost):  # type: ignore[no-untyped-def]
    """Least sum of ways over all ways to share out the kinds of each mask among trips."""
    cost[0] = 0
    for a in range(1, best.size):
        low = a & -a
        rest = a ^ low
        least = np.int64(UNREACHED)
        part = rest
        while True:
            # the trip that has the lowest kind: which others it takes along
            here = np.int64(best[part | low]) + cost[rest ^ part]
            least = min(least, here)
            if part == 0:
                break
            part = (part - 1) & rest
        cost[a] = least
