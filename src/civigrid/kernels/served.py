"""What it takes to have a bundle, every way capped; and what is lost where one site, or all of one operator, closes.

Only what a cell uses can be missed: of all sites, each cell is looked at again without the few it uses, and not
without each of the others.  Kinds of service are bits (`civigrid.kernels.bundles`); times are whole seconds one way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from civigrid.errors import SchemaError
from civigrid.kernels.bundles import MOST_KINDS, Int32s, Masks, _by_superset, _cheapest_partitions
from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)


class Served(NamedTuple):
    """What each cell needs, seconds one way.

    Parameters
    ----------
    kind : ndarray of int32, shape (cell, kind)
        To the nearest site of each kind; `UNREACHED` where there is none.
    kind_site : ndarray of int32, shape (cell, kind)
        Its column; -1 for none.
    mix : ndarray of int32, shape (cell, round)
        Least sum of ways for what a round needs; a kind that is not reached counts as a trip of `cap` seconds.
    trips : ndarray of int32, shape (cell, round)
        Trips of that mix.
    """

    kind: Int32s
    kind_site: Int32s
    mix: Int32s
    trips: Int32s


def serve(
    indptr: Ints,
    site: Int32s,
    seconds: Int32s,
    mask: Masks,
    rounds: npt.NDArray[np.integer],
    kinds: int,
    cap: int,
) -> Served:
    """Find the nearest site of each kind and the cheapest mix, with what is not reached capped.

    Parameters
    ----------
    indptr : ndarray of int64, shape (cell + 1,)
        Pairs of each cell.
    site, seconds : ndarray of int32, shape (pair,)
        Column of the site and way to it.
    mask : ndarray of uint8, shape (site,)
        Kinds that each site offers, as bits.
    rounds : ndarray of int, shape (round,)
        Kinds needed in each round, as bits.
    kinds : int
        Number of kinds, at most 8.
    cap : int
        Seconds that count for a kind no site of which is reached; no way is longer.

    Returns
    -------
    Served
        Of mixes equally short the first in a fixed order is counted: one stop where it can.

    Raises
    ------
    SchemaError
        There are more than 8 kinds.

    Examples
    --------
    >>> site, seconds = np.array([0, 1], dtype=np.int32), np.array([60, 200], dtype=np.int32)
    >>> mask = np.array([1, 3], dtype=np.uint8)
    >>> found = serve(np.array([0, 2, 2]), site, seconds, mask, np.array([3]), 2, 900)
    >>> found.mix.tolist(), found.trips.tolist()   # one stop at the far site; nothing within reach
    ([[200], [1800]], [[1], [2]])
    """
    if not 1 <= kinds <= MOST_KINDS:
        raise SchemaError(f"a bundle of {kinds} kinds: exact mixes take 1 to {MOST_KINDS}. Split the bundle.")
    n, r = len(indptr) - 1, len(rounds)
    found = Served(*(np.empty((n, k), dtype=np.int32) for k in (kinds, kinds, r, r)))
    _serve(indptr, site, seconds, mask, np.asarray(rounds, dtype=np.int64), cap, *found)
    return found


@_jit
def _serve(indptr, site, seconds, mask, rounds, cap, kind, kind_site, mix, trips):  # type: ignore[no-untyped-def]
    kinds = kind.shape[1]
    best, where = np.empty(1 << kinds, dtype=np.int32), np.empty(1 << kinds, dtype=np.int32)
    cost, used = np.empty(1 << kinds, dtype=np.int64), np.empty(kinds, dtype=np.int64)
    for n in range(kind.shape[0]):
        a, b = indptr[n], indptr[n + 1]
        _by_superset(site[a:b], seconds[a:b], mask, kinds, best, where)
        for k in range(kinds):
            kind[n, k], kind_site[n, k] = best[1 << k], where[1 << k]
        _cap(best, cap, kinds)
        _cheapest_partitions(best, cost)
        for r in range(rounds.size):
            mix[n, r] = cost[rounds[r]]
            trips[n, r] = _parts(best, cost, rounds[r], used)


@_jit
def _cap(best, cap, kinds):  # type: ignore[no-untyped-def]
    for k in range(kinds):
        best[1 << k] = min(best[1 << k], cap)


@_jit
def _parts(best, cost, need, used):  # type: ignore[no-untyped-def]
    """Trips of a cheapest mix: the kinds done on each, as bits, in `used`; give their number."""
    count, a = 0, need
    while a:
        low = a & -a
        rest = a ^ low
        part = rest
        while np.int64(best[part | low]) + cost[rest ^ part] != cost[a]:
            part = (part - 1) & rest
        used[count] = part | low
        count += 1
        a = rest ^ part
    return count


def best_within(indptr: Ints, site: Int32s, seconds: Int32s, value: Floats, threshold: int) -> Floats:
    """Give the largest value of the sites within `threshold` seconds of each cell, shape (cell,); 0 where none is.

    >>> site, seconds = np.array([0, 1], dtype=np.int32), np.array([60, 200], dtype=np.int32)
    >>> best_within(np.array([0, 2, 2]), site, seconds, np.array([0.5, 1.0]), 100)
    array([0.5, 0. ])
    """
    found = np.zeros(len(indptr) - 1)
    _best_within(indptr, site, seconds, value, threshold, found)
    return found


@_jit
def _best_within(indptr, site, seconds, value, threshold, found):  # type: ignore[no-untyped-def]
    for i in range(found.size):
        for p in range(indptr[i], indptr[i + 1]):
            if seconds[p] <= threshold:
                found[i] = max(found[i], value[site[p]])


class Missed(NamedTuple):
    """What is lost where one label (a site, an operator) closes.

    Parameters
    ----------
    seconds : ndarray of float64, shape (label, group)
        Person-seconds a year more, one way, by the cheapest mix.
    unmet : ndarray of float64, shape (label, group)
        Persons who had every kind within `threshold`, and then have not.
    worst : ndarray of float64, shape (cell,)
        Seconds a year, one way, that the worst closure costs a person there.
    worst_label : ndarray of int32, shape (cell,)
        Which closure; -1 where none costs anything.
    """

    seconds: Floats
    unmet: Floats
    worst: Floats
    worst_label: Int32s


def leave_out(
    indptr: Ints,
    site: Int32s,
    seconds: Int32s,
    mask: Masks,
    label: Int32s,
    without: Masks,
    rounds: npt.NDArray[np.integer],
    often: Floats,
    persons: Floats,
    cap: int,
    threshold: int,
) -> Missed:
    """Close every label in turn, and find what that costs; exact, by looking again only at who uses it.

    Parameters
    ----------
    indptr : ndarray of int64, shape (cell + 1,)
        Pairs of each cell.
    site, seconds : ndarray of int32, shape (pair,)
        Column of the site and way to it.
    mask : ndarray of uint8, shape (site,)
        Kinds that each site offers, as bits.
    label : ndarray of int32, shape (site, kind)
        Label of the service of each kind at each site; -1 where it is absent or two labels offer it.
    without : ndarray of uint8, shape (label, site)
        Kinds that each site offers where the label is closed.
    rounds, often : ndarray, shape (round,)
        Kinds needed in each round, as bits, and rounds a year.
    persons : ndarray of float64, shape (cell, group)
        Persons.
    cap, threshold : int
        Seconds for what is not reached; seconds within which a kind is near.

    Returns
    -------
    Missed
        Sums run over the cells in their order.

    Examples
    --------
    >>> site, seconds = np.array([0, 1], dtype=np.int32), np.array([60, 200], dtype=np.int32)
    >>> mask, label = np.array([1, 1], dtype=np.uint8), np.array([[0], [1]], dtype=np.int32)
    >>> without = np.array([[0, 1], [1, 0]], dtype=np.uint8)
    >>> missed = leave_out(np.array([0, 2]), site, seconds, mask, label, without, np.array([1]), np.array([1.0]),
    ...                    np.array([[10.0]]), 900, 100)
    >>> missed.seconds.ravel().tolist(), missed.unmet.ravel().tolist()   # the second site is not used
    ([1400.0, 0.0], [10.0, 0.0])
    """
    labels, groups = len(without), persons.shape[1]
    cells = len(indptr) - 1
    lost, unmet = np.zeros((labels, groups)), np.zeros((labels, groups))
    worst, which = np.zeros(cells), np.full(cells, -1, dtype=np.int32)
    plan = (np.asarray(rounds, dtype=np.int64), np.asarray(often, dtype=np.float64))
    _leave_out(indptr, site, seconds, mask, label, without, plan, persons, cap, threshold, (lost, unmet), worst, which)
    return Missed(lost, unmet, worst, which)


@_jit
def _leave_out(indptr, site, seconds, mask, label, without, plan, persons, cap, threshold, sums, worst, which):  # type: ignore[no-untyped-def]
    rounds = plan[0]
    lost, unmet = sums
    kinds = label.shape[1]
    size = 1 << kinds
    best, where, cost = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int64)
    used, asked = np.empty(kinds, dtype=np.int64), np.full(without.shape[0] + 1, -1)
    todo = np.empty(without.shape[0] + 1, dtype=np.int64)
    for i in range(indptr.size - 1):
        a, b = indptr[i], indptr[i + 1]
        before, near = _year(site[a:b], seconds[a:b], mask, kinds, cap, threshold, plan, best, where, cost)
        count = _used_labels(i, best, where, cost, rounds, label, used, asked, todo)
        for t in range(count):
            m = todo[t]
            after, still = _year(site[a:b], seconds[a:b], without[m], kinds, cap, threshold, plan, best, where, cost)
            for g in range(persons.shape[1]):
                lost[m, g] += persons[i, g] * (after - before)
                if near and not still:
                    unmet[m, g] += persons[i, g]
            if after - before > worst[i]:
                worst[i], which[i] = after - before, m


@_jit
def _year(site, seconds, mask, kinds, cap, threshold, plan, best, where, cost):  # type: ignore[no-untyped-def]
    """Seconds a year of the cheapest mix, and whether every kind is near."""
    rounds, often = plan
    _by_superset(site, seconds, mask, kinds, best, where)
    near = True
    for k in range(kinds):
        near = near and best[1 << k] <= threshold
    _cap(best, cap, kinds)
    _cheapest_partitions(best, cost)
    total = 0.0
    for r in range(rounds.size):
        total += often[r] * cost[rounds[r]]
    return total, near


@_jit
def _used_labels(i, best, where, cost, rounds, label, used, asked, todo):  # type: ignore[no-untyped-def]
    """Labels of all services of the mixes, and of the nearest site of each kind, each once."""
    count = 0
    for k in range(label.shape[1]):
        count = _ask(i, where[1 << k], 1 << k, label, asked, todo, count)
    for r in range(rounds.size):
        for t in range(_parts(best, cost, rounds[r], used)):
            count = _ask(i, where[used[t]], used[t], label, asked, todo, count)
    return count


@_jit
def _ask(i, j, kinds, label, asked, todo, count):  # type: ignore[no-untyped-def]
    for k in range(label.shape[1]):
        if j >= 0 and kinds >> k & 1:
            m = label[j, k]
            if m >= 0 and asked[m] != i:
                asked[m] = i
                todo[count] = m
                count += 1
    return count


def independent(indptr: Ints, site: Int32s, offered: Ints, label: Int32s, kinds: int, labels: int) -> Int32s:
    """Count labels that offer each kind among the pairs of each cell, shape (cell, kind).

    Parameters
    ----------
    indptr : ndarray of int64, shape (cell + 1,)
        Pairs of each cell.
    site : ndarray of int32, shape (pair,)
        Column of the site: of the sites that are near.
    offered : ndarray of int64, shape (site + 1,)
        Services of site ``j``: rows ``offered[j]:offered[j + 1]`` of `label`.
    label : ndarray of int32, shape (service, 2)
        Kind (-1: not wanted) and label of each service, by site.
    kinds, labels : int
        Number of kinds and of labels.

    Examples
    --------
    >>> site = np.array([0, 1, 2], dtype=np.int32)
    >>> of = np.array([[0, 0], [0, 0], [0, 1]], dtype=np.int32)
    >>> independent(np.array([0, 3]), site, np.array([0, 1, 2, 3]), of, 1, 2).tolist()   # two of one operator
    [[2]]
    """
    found = np.zeros((len(indptr) - 1, kinds), dtype=np.int32)
    _independent(indptr, site, offered, label, np.full((kinds, max(labels, 1)), -1), found)
    return found


@_jit
def _independent(indptr, site, offered, label, seen, found):  # type: ignore[no-untyped-def]
    for i in range(found.shape[0]):
        for p in range(indptr[i], indptr[i + 1]):
            for s in range(offered[site[p]], offered[site[p] + 1]):
                k, m = label[s]
                if k >= 0 and seen[k, m] != i:
                    seen[k, m] = i
                    found[i, k] += 1
