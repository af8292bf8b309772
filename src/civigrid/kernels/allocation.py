"""Flows from cells to sites that meet margins: by proportional fitting, and at least cost under capacities."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import linprog

from civigrid.errors import CivigridError
from civigrid.kernels.catchment import Pairs
from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)
FIRST = 12
"""Cheapest sites of each cell that the first program holds."""


class Balance(NamedTuple):
    """Flows of pairs, factors of rows (cell,) and columns (site,), the largest deviation by the total, and rounds."""

    flow: Floats
    row: Floats
    column: Floats
    deviation: float
    rounds: int


def balance(pairs: Pairs, rows: Floats, columns: Floats, *, tolerance: float, most_rounds: int) -> Balance:
    r"""Fit :math:`a_i b_j x_i y_j w_{ij}` to row and column sums in turn.

    Parameters
    ----------
    pairs : Pairs
        Weights.
    rows, columns : ndarray of float64, shapes (cell,) and (site,)
        Sums :math:`x, y`, equal in total.
    tolerance : float
        Stop when no sum deviates by more, by the total.
    most_rounds : int
        Stop after so many in any case.

    Returns
    -------
    Balance
        Columns are met exactly, rows to the deviation; a factor is 0 where its sum is.

    Examples
    --------
    >>> pairs = Pairs(np.array([0, 2, 4]), np.array([0, 1, 0, 1], dtype=np.int32), np.array([2.0, 1.0, 1.0, 2.0]), 2)
    >>> found = balance(pairs, np.array([3.0, 3.0]), np.array([3.0, 3.0]), tolerance=1e-12, most_rounds=99)
    >>> found.flow.round(9).tolist()
    [2.0, 1.0, 1.0, 2.0]
    """
    a, b = np.zeros(len(rows)), np.where(columns > 0, 1.0, 0.0)
    total, reach, got = float(rows.sum()), np.zeros(len(rows)), np.zeros(len(columns))
    deviation, rounds = 0.0, 0
    while total > 0:
        _reach(pairs.indptr, pairs.site, pairs.weight, b * columns, reach)
        if rounds:
            deviation = float(np.abs(a * rows * reach - rows).max() / total)
            if deviation <= tolerance or rounds == most_rounds:
                break
        a = np.divide(1.0, reach, out=np.zeros(len(rows)), where=(reach > 0) & (rows > 0))
        _got(pairs.indptr, pairs.site, pairs.weight, a * rows, got)
        b = np.divide(1.0, got, out=np.zeros(len(columns)), where=(got > 0) & (columns > 0))
        rounds += 1
    of_row = np.repeat(a * rows, np.diff(pairs.indptr))
    return Balance(of_row * (b * columns)[pairs.site] * pairs.weight, a, b, deviation, rounds)


@_jit
def _reach(indptr, site, weight, offered, reach):  # type: ignore[no-untyped-def]
    for i in range(len(reach)):
        s = 0.0
        for p in range(indptr[i], indptr[i + 1]):
            s += weight[p] * offered[site[p]]
        reach[i] = s


@_jit
def _got(indptr, site, weight, sent, got):  # type: ignore[no-untyped-def]
    got[:] = 0.0
    for i in range(len(sent)):
        if sent[i] > 0:
            for p in range(indptr[i], indptr[i + 1]):
                got[site[p]] += weight[p] * sent[i]


class Allocation(NamedTuple):
    """Who is placed where.

    Parameters
    ----------
    flow : ndarray of float64, shape (pair,)
        Persons from cell to site.
    unmet : ndarray of float64, shape (cell,)
        Persons without a place.
    value : ndarray of float64, shape (site,)
        What one more place at a site takes off the total cost.
    cost : float
        Total cost, of travel and of the unmet.
    """

    flow: Floats
    unmet: Floats
    value: Floats
    cost: float


def cheapest_allocation(pairs: Pairs, persons: Floats, capacity: Floats, unmet_cost: float) -> Allocation:
    r"""Place people at sites of limited capacity at the least total cost.

    Parameters
    ----------
    pairs : Pairs
        The weight of a pair is its cost for one person.
    persons : ndarray of float64, shape (cell,)
        Who wants a place.
    capacity : ndarray of float64, shape (site,)
        Places.
    unmet_cost : float
        Cost of a person without a place.

    Returns
    -------
    Allocation
        An optimum, proved by its dual.

    Notes
    -----
    The transport problem (Hitchcock 1941), by HiGHS.  The program begins with the cheapest sites of each cell, and
    takes in every pair that the prices of the last one show to be worth it, until there is none: exact, and far smaller
    than with all pairs.

    Examples
    --------
    >>> pairs = Pairs(np.array([0, 2]), np.array([0, 1], dtype=np.int32), np.array([5.0, 9.0]), 2)
    >>> found = cheapest_allocation(pairs, np.array([10.0]), np.array([4.0, 3.0]), 60.0)
    >>> found.flow.tolist(), found.unmet.tolist(), found.value.tolist()
    ([4.0, 3.0], [3.0], [55.0, 51.0])
    """
    cells = len(persons)
    if not cells:  # a program of nobody is none to HiGHS
        return Allocation(np.zeros(0), np.zeros(0), np.zeros(len(capacity)), 0.0)
    row = np.repeat(np.arange(cells), np.diff(pairs.indptr))
    useful = (persons[row] > 0) & (capacity[pairs.site] > 0) & (pairs.weight < unmet_cost)
    inside = useful & (_rank(pairs.indptr, pairs.weight, useful) < FIRST)
    while True:
        chosen = np.flatnonzero(inside)
        flow, unmet, level, value, cost = _program(row[chosen], pairs, chosen, persons, capacity, unmet_cost)
        # a pair is worth taking in where it costs less than a person's price, with the place's price
        saving = level[row] - value[pairs.site] - pairs.weight
        more = useful & ~inside & (saving > 1e-7 * max(unmet_cost, 1.0))
        if not more.any():
            break
        inside |= more
    full = np.zeros(len(pairs.site))
    full[chosen] = flow
    return Allocation(full, unmet, value, cost)


def _rank(indptr: Ints, cost: Floats, useful: npt.NDArray[np.bool_]) -> Ints:
    """Place of each pair among the useful ones of its cell, the cheapest first."""
    row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    order = np.lexsort((np.where(useful, cost, np.inf), row))
    rank = np.empty(len(cost), dtype=np.int64)
    rank[order] = np.arange(len(cost)) - indptr[row]
    return rank


def _program(
    row: Ints, pairs: Pairs, chosen: Ints, persons: Floats, capacity: Floats, unmet_cost: float
) -> tuple[Floats, Floats, Floats, Floats, float]:
    """Solve the program of some pairs: flows, unmet, prices of persons and of places, cost."""
    cells, n = len(persons), len(chosen)
    ones = np.ones(n)
    of_cell: Any = sparse.coo_array((ones, (row, np.arange(n))), shape=(cells, n))
    of_site: Any = sparse.coo_array((ones, (pairs.site[chosen], np.arange(n))), shape=(pairs.sites, n + cells))
    everyone: Any = sparse.hstack([of_cell, sparse.eye_array(cells)])
    cost = np.concatenate([pairs.weight[chosen], np.full(cells, unmet_cost)])
    done: Any = linprog(cost, A_ub=of_site.tocsr(), b_ub=capacity, A_eq=everyone.tocsr(), b_eq=persons, method="highs")
    if done.status != 0:
        raise CivigridError(f"HiGHS found no allocation: {done.message}")
    flow = np.maximum(done.x, 0.0)
    return flow[:n], flow[n:], done.eqlin.marginals, np.maximum(-done.ineqlin.marginals, 0.0), float(done.fun)
