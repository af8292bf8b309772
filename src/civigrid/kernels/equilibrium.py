"""The equilibrium of people who choose sites by travel and crowding, as a convex program with a certified gap."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from civigrid.kernels.forest import settle_forest
from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)
NEAREST = 8
"""Cheapest pairs of each cell that come into use first."""
ENTERS = 0.5
"""A pair comes into use where it is this much nearer to the cheapest than to what is paid."""
SWEEPS = 5
"""Sweeps over the pairs in use, before their circles are cancelled."""
DENSE = 4
"""Pairs in use for each cell and site, above which sweeps are quicker than circles."""


class Equilibrium(NamedTuple):
    """Where people go.

    Parameters
    ----------
    flow : ndarray of float64, shape (pair,)
        Persons from cell to site; not unique where several sites cost the same.
    load : ndarray of float64, shape (site,)
        Persons at each site; unique.
    gap : float
        Relative duality gap: the value found less the best lower bound, by the value.
    rounds : int
        Looks at all pairs.
    """

    flow: Floats
    load: Floats
    gap: float
    rounds: int


def crowding_equilibrium(
    indptr: Ints,
    site: npt.NDArray[np.int32],
    cost: Floats,
    persons: Floats,
    capacity: Floats,
    *,
    tolerance: float = 1e-4,
    most_rounds: int = 2_000,
) -> Equilibrium:
    r"""Find flows where nobody gains by another site, at costs :math:`a_{ij} + D_j / K_j`.

    Parameters
    ----------
    indptr, site
        Pairs by cell, shapes (cell + 1,) and (pair,); every site of a pair has capacity.
    cost : ndarray of float64, shape (pair,)
        Travel cost, in units of crowding.
    persons : ndarray of float64, shape (cell,)
        Who chooses; cells without pairs are left out.
    capacity : ndarray of float64, shape (site,)
        Persons a site takes at a crowding of 1.
    tolerance : float
        Stop at this relative duality gap.
    most_rounds : int
        Stop after so many in any case: `gap` tells how far it came.

    Returns
    -------
    Equilibrium
        The same bytes in each run.

    Notes
    -----
    Beckmann, McGuire and Winsten (1956): minimise :math:`\sum a d + \sum_j D_j^2 / 2 K_j`.  For any loads the value
    :math:`\sum_i P_i \min_j c_{ij} - \sum_j D_j^2 / 2 K_j` is a lower bound.  Each cell in turn takes its best answer
    to all others, exactly (a search for the level at which its persons are placed).  Once few pairs are in use, the
    circles among them are cancelled, and the loads of the forest that is left are known at once; then pairs that would
    be cheaper come in.

    Examples
    --------
    >>> two = np.array([0, 2]), np.array([0, 1], dtype=np.int32), np.array([0.0, 1.0])
    >>> crowding_equilibrium(*two, np.array([30.0]), np.array([10.0, 10.0])).load.tolist()
    [20.0, 10.0]
    """
    flow, load = np.zeros(len(site)), np.zeros(len(capacity))
    # sites without capacity have no pairs
    slope = np.where(capacity > 0, capacity, 1.0)
    price = np.empty(int(np.diff(indptr).max(initial=0)))
    used, at = np.empty(len(site), dtype=np.int64), np.zeros(len(indptr), dtype=np.int64)
    count = _nearest(indptr, cost, persons, NEAREST, used, at)
    best, gap, rounds = -np.inf, np.inf, 0
    while True:
        some = used[:count]
        few, where = flow[some], site[some]
        _settle(at, where, cost[some], persons, slope, few, load, price)
        flow[some] = few
        value, excess, count = _priced(indptr, site, cost, persons, slope, flow, load, price, used, at)
        rounds += 1
        best = max(best, value - excess)
        gap = (value - best) / value if value > 0 else 0.0
        if gap <= tolerance or rounds == most_rounds:
            break
    return Equilibrium(flow, load, float(max(gap, 0.0)), rounds)


@_jit
def _nearest(indptr, cost, persons, k, used, at):  # type: ignore[no-untyped-def]
    """Numbers of the k cheapest pairs of each cell, and of those that cost as much as the k-th; how many they are."""
    best, count = np.empty(k), 0
    for i in range(len(persons)):
        n = 0
        for p in range(indptr[i], indptr[i + 1]):
            if n == k and cost[p] >= best[k - 1]:
                continue
            place = n if n < k else k - 1
            while place > 0 and best[place - 1] > cost[p]:
                best[place] = best[place - 1]
                place -= 1
            best[place] = cost[p]
            n = min(n + 1, k)
        for p in range(indptr[i], indptr[i + 1]):
            if persons[i] > 0 and cost[p] <= best[n - 1]:
                used[count] = p
                count += 1
        at[i + 1] = count
    return count


@_jit
def _settle(indptr, site, cost, persons, slope, flow, load, price):  # type: ignore[no-untyped-def]
    """Settle the pairs in use: sweeps bring new ones in, the forest brings all to where they tend."""
    for turn in range(SWEEPS):
        _sweep(indptr, site, cost, persons, slope, flow, load, turn % 2 == 1, price)
    if np.count_nonzero(flow) <= DENSE * (len(indptr) + len(load)):
        row = np.empty(len(site), dtype=np.int64)
        for i in range(len(indptr) - 1):
            row[indptr[i] : indptr[i + 1]] = i
        settle_forest(row, site, cost, persons, slope, flow)
    # summed anew, so that what additions lose does not pile up
    load[:] = 0.0
    for p in range(len(site)):
        load[site[p]] += flow[p]


@_jit
def _sweep(indptr, site, cost, persons, slope, flow, load, back, price):  # type: ignore[no-untyped-def]
    cells = len(indptr) - 1
    each = 1.0 / slope
    for turn in range(cells):
        i = cells - 1 - turn if back else turn
        b, e = indptr[i], indptr[i + 1]
        # whoever has one way has no choice
        if persons[i] <= 0 or b == e or (e - b == 1 and flow[b] == persons[i]):
            continue
        wide, level = 0.0, persons[i]
        for p in range(b, e):
            j = site[p]
            price[p - b] = cost[p] + (load[j] - flow[p]) * each[j]
            level += price[p - b] * slope[j]
            wide += slope[j]
        level = _level(level / wide, persons[i], price, slope, site, b, e)
        left, largest, at = persons[i], 0.0, b
        for p in range(b, e):
            x = (level - price[p - b]) * slope[site[p]] if price[p - b] < level else 0.0
            left -= x
            if x > largest:
                largest, at = x, p
            load[site[p]] += x - flow[p]
            flow[p] = x
        # what rounding lost
        flow[at] += left
        load[site[at]] += left


@_jit
def _level(level, persons, price, slope, site, b, e):  # type: ignore[no-untyped-def]
    """Find where all persons are placed: Newton from above on a convex function; dearer sites drop out one by one."""
    among = e - b
    while True:
        n, wide, top = 0, 0.0, persons
        for q in range(e - b):
            if price[q] < level:
                k = slope[site[b + q]]
                top += price[q] * k
                wide += k
                n += 1
        if n == 0 or n >= among:
            return level
        among = n
        level = top / wide


@_jit
def _priced(indptr, site, cost, persons, slope, flow, load, price, used, at):  # type: ignore[no-untyped-def]
    """Value, how much people could save, and how many pairs are in use, or much cheaper than what is paid: `used`."""
    value, excess, count = 0.0, 0.0, 0
    crowd = load / slope
    for j in range(len(load)):
        value += load[j] * crowd[j] / 2
    for i in range(len(persons)):
        b, e = indptr[i], indptr[i + 1]
        if persons[i] > 0 and b < e:
            least, paid = np.inf, 0.0
            for p in range(b, e):
                c = cost[p] + crowd[site[p]]
                price[p - b] = c
                least = min(least, c)
                paid += flow[p] * c
                value += flow[p] * cost[p]
            excess += paid - persons[i] * least
            bar = least + ENTERS * (paid / persons[i] - least)
            for p in range(b, e):
                # written in any case, counted where it is meant: no branch to guess
                used[count] = p
                count += flow[p] > 0 or price[p - b] < bar
        at[i + 1] = count
    return value, excess, count
