"""The equilibrium of people who choose sites by travel and crowding, as a convex program with a certified gap."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)
INNER = 50
"""Sweeps over the pairs in use between two sweeps over all pairs."""


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
        Sweeps over all pairs.
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
    to all others, exactly (a search for the level at which its persons are placed); forth and back, mostly over the
    pairs in use, which are few.

    Examples
    --------
    >>> two = np.array([0, 2]), np.array([0, 1], dtype=np.int32), np.array([0.0, 1.0])
    >>> crowding_equilibrium(*two, np.array([30.0]), np.array([10.0, 10.0])).load.tolist()
    [20.0, 10.0]
    """
    flow, load = np.zeros(len(site)), np.zeros(len(capacity))
    slope = np.array(capacity, dtype=np.float64)
    width = int(np.diff(indptr).max(initial=0))
    price = np.empty(width)
    best, gap, rounds = -np.inf, np.inf, 0
    while rounds < most_rounds:
        _sweep(indptr, site, cost, persons, slope, flow, load, rounds % 2 == 1, price)
        rounds += 1
        _loads(indptr, site, flow, load)
        value, excess = _value(indptr, site, cost, persons, slope, flow, load)
        best = max(best, value - excess)
        gap = (value - best) / value if value > 0 else 0.0
        if gap <= tolerance:
            break
        used = np.flatnonzero(flow > 0)
        short = np.searchsorted(used, indptr)
        few = flow[used]
        for turn in range(INNER):
            _sweep(short, site[used], cost[used], persons, slope, few, load, turn % 2 == 1, price)
        flow[used] = few
    return Equilibrium(flow, load, float(max(gap, 0.0)), rounds)


@_jit
def _sweep(indptr, site, cost, persons, slope, flow, load, back, price):  # type: ignore[no-untyped-def]
    cells = len(indptr) - 1
    for turn in range(cells):
        i = cells - 1 - turn if back else turn
        b, e = indptr[i], indptr[i + 1]
        if persons[i] <= 0 or b == e:
            continue
        wide, level = 0.0, persons[i]
        for p in range(b, e):
            k = slope[site[p]]
            price[p - b] = cost[p] + (load[site[p]] - flow[p]) / k
            level += price[p - b] * k
            wide += k
        level /= wide
        among = e - b
        # Newton from above on a convex function: sites dearer than the level drop out until none does
        while True:
            n, wide, top = 0, 0.0, persons[i]
            for q in range(e - b):
                if price[q] < level:
                    k = slope[site[b + q]]
                    top += price[q] * k
                    wide += k
                    n += 1
            if n == 0 or n >= among:
                break
            among = n
            level = top / wide
        for p in range(b, e):
            x = (level - price[p - b]) * slope[site[p]] if price[p - b] < level else 0.0
            load[site[p]] += x - flow[p]
            flow[p] = x


@_jit
def _loads(indptr, site, flow, load):  # type: ignore[no-untyped-def]
    # summed anew, so that what additions lose does not pile up
    load[:] = 0.0
    for p in range(indptr[-1]):
        load[site[p]] += flow[p]


@_jit
def _value(indptr, site, cost, persons, slope, flow, load):  # type: ignore[no-untyped-def]
    value, excess = 0.0, 0.0
    for i in range(len(indptr) - 1):
        b, e = indptr[i], indptr[i + 1]
        if persons[i] <= 0 or b == e:
            continue
        least = np.inf
        for p in range(b, e):
            c = cost[p] + load[site[p]] / slope[site[p]]
            least = min(least, c)
            value += flow[p] * cost[p]
            excess += flow[p] * c
        excess -= persons[i] * least
    for j in range(len(load)):
        if slope[j] > 0:
            value += load[j] * load[j] / (2 * slope[j])
    return value, excess
