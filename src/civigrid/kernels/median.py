"""Where to put sites: the p-median with any costs on sparse lists, by greedy choice and interchange, with a bound.

The cost of a cell at a site is any number: weighted minutes, `exp(kappa t)` (Kolm-Pollak), 0 or 1 (cover).  Whoever has
no cheaper site on their list stays unserved at a cost of their own; so short lists are exact, not an approximation.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from civigrid.errors import SchemaError
from civigrid.kernels.counting import counting_order
from civigrid.kernels.median_bound import raise_bound
from civigrid.kernels.median_moves import greedy, interchange, sort_rows, try_all, two
from civigrid.types import Bools, Floats, Ints

ENUMERATED = 3e7
"""Sets of sites times cells up to which all sets are tried."""
TRIALS = 12
"""Starts of the interchange at most."""
_jit: Any = numba.njit(cache=True, nogil=True)


@dataclass(frozen=True, eq=False, kw_only=True)
class Lists:
    """What serving each cell from each site on its list costs: rows cheapest first, and the same by site.

    Parameters
    ----------
    indptr : ndarray of int64, shape (cell + 1,)
        List of cell ``i``: ``indptr[i]:indptr[i + 1]``.
    site : ndarray of int32, shape (pair,)
        Sites, cheapest first, ties by number.
    cost : ndarray of float64, shape (pair,)
        Cost, below `beyond` of the cell.
    beyond : ndarray of float64, shape (cell,)
        Cost of leaving the cell unserved.
    starts : ndarray of int64, shape (site + 1,)
        Where each site begins in `cell` and `cost_there`.
    cell : ndarray of int64, shape (pair,)
        Cells that have a site on their list, ascending.
    cost_there : ndarray of float64, shape (pair,)
        Their costs.
    """

    indptr: Ints
    site: npt.NDArray[np.int32]
    cost: Floats
    beyond: Floats
    starts: Ints
    cell: Ints
    cost_there: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Sited:
    """An answer, and how good it is for certain.

    Parameters
    ----------
    sites : ndarray of int64, shape (open,)
        Open sites, ascending.
    value : float
        Costs of all cells, and of the sites.
    bound : float
        No choice costs less.
    """

    sites: Ints
    value: float
    bound: float

    @property
    def gap(self) -> float:
        """How far the value can lie above the best, as a share of it; 0 is proved best."""
        return (self.value - self.bound) / self.value if self.value > self.bound else 0.0


def lists_of(indptr: Ints, site: npt.NDArray[np.integer], cost: Floats, beyond: Floats, sites: int) -> Lists:
    """Put costs into the order in which siting reads them; pairs that cost no less than staying unserved are left out.

    Parameters
    ----------
    indptr : ndarray of int64, shape (cell + 1,)
        Pairs of each cell.
    site : ndarray of int, shape (pair,)
        Site of each pair, in [0, `sites`), ascending within a row.
    cost : ndarray of float64, shape (pair,)
        Cost of serving the whole cell from there.
    beyond : ndarray of float64, shape (cell,)
        Cost of leaving it unserved.
    sites : int
        Number of sites.

    Raises
    ------
    SchemaError
        A cost is not a finite number.

    Examples
    --------
    >>> made = lists_of(np.array([0, 2]), np.array([0, 1]), np.array([5.0, 3.0]), np.array([9.0]), 2)
    >>> made.site, made.cost
    (array([1, 0], dtype=int32), array([3., 5.]))
    """
    if not (np.isfinite(cost).all() and np.isfinite(beyond).all()):
        raise SchemaError("a cost of siting is not a finite number. Scale exponents, and give every cell its weight.")
    row = np.repeat(np.arange(len(beyond)), np.diff(indptr))
    keep = cost < beyond[row]
    row, column_of, cost = row[keep], site[keep].astype(np.int32), cost[keep].astype(np.float64)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(beyond)))]).astype(np.int64)
    column, starts = counting_order(column_of, sites)
    order = np.empty(len(cost), dtype=np.int64)
    sort_rows(indptr, cost, order)
    return Lists(
        indptr=indptr, site=column_of[order], cost=cost[order], beyond=np.asarray(beyond, dtype=np.float64),
        starts=starts, cell=row[column], cost_there=cost[column],
    )  # fmt: skip


def median(
    lists: Lists,
    most: int,
    *,
    fixed: Floats | None = None,
    required: Bools | None = None,
    forbidden: Bools | None = None,
    steps: int = 200,
    enough: float = 1e-9,
) -> Sited:
    r"""Choose at most `most` sites so that the costs of all cells, and of the sites, are least.

    Parameters
    ----------
    lists : Lists
        Costs (`lists_of`).
    most : int
        Sites open at most, the required ones among them.
    fixed : ndarray of float64, shape (site,), optional
        Cost of having each site, at least 0; by default 0.
    required, forbidden : ndarray of bool, shape (site,), optional
        Sites that are open, that may not be.
    steps : int
        Steps to raise the bound at most.
    enough : float
        Stop at this gap.

    Returns
    -------
    Sited
        The same for any order of the cells, but for ties and the last bits of sums.

    Raises
    ------
    SchemaError
        More sites are required than may be open, or one is required and forbidden.

    Notes
    -----
    .. math:: \min_S \sum_{j \in S} F_j + \sum_i \min(b_i, \min_{j \in S} c_{ij}), \quad |S| \le p

    All sets are tried where they are few.  Else greedy choice (lazily: Minoux 1978), then interchange with gain, loss
    and correction (Whitaker 1983; Resende and Werneck 2004, J. Heuristics 10, 59-88), and the Lagrangian bound of the
    assignment by a deflected subgradient (Cornuejols, Fisher and Nemhauser 1977; Camerini, Fratta and Maffioli 1975),
    whose sets are new starts of the interchange.

    Examples
    --------
    >>> line = np.array([0.0, 1.0, 2.0, 9.0, 10.0])
    >>> cost = np.abs(line[:, None] - line)
    >>> made = lists_of(np.arange(0, 26, 5), np.tile(np.arange(5), 5), cost.ravel(), np.full(5, 99.0), 5)
    >>> found = median(made, 2)
    >>> found.sites.tolist(), found.value, found.gap
    ([1, 3], 3.0, 0.0)
    """
    n = len(lists.starts) - 1
    cost = np.zeros(n) if fixed is None else np.asarray(fixed, dtype=np.float64)
    must = np.zeros(n, dtype=bool) if required is None else required
    may = ~must if forbidden is None else ~must & ~forbidden
    if forbidden is not None and (must & forbidden).any():
        raise SchemaError(f"site {int(np.flatnonzero(must & forbidden)[0])} is required and forbidden. Say which.")
    if must.sum() > most:
        raise SchemaError(f"{int(must.sum())} sites are required, but at most {most} may be open.")
    most = min(most, int(must.sum() + may.sum()))
    if (found := _by_trying(lists, most, cost, must, may)) is not None:
        return found
    is_open = must.copy()
    greedy(*_by_site(lists), lists.beyond, cost, may, is_open, most)
    value = _improve(lists, cost, may, is_open, most)
    best, bound = is_open, -np.inf
    near = best_two(lists, is_open)
    start = np.where(near[0] >= 0, (near[2] + near[3]) / 2, lists.beyond)
    aim, seen, trials = np.array([value]), {best.tobytes()}, 0
    for bound, trial in raise_bound(lists, most, cost, must, may, start, aim, steps):
        key = trial.tobytes()
        fresh = key not in seen and trials < TRIALS
        seen.add(key)
        # a new start only where it promises something: interchange is the dear part
        if fresh and cost_of(lists, trial, cost) < 1.01 * value:
            trials += 1
            reached = _improve(lists, cost, may, trial, most)
            if reached < value:
                value, best = reached, trial
                aim[0] = value
        if value - bound <= enough * abs(value):
            break
    return Sited(sites=np.flatnonzero(best), value=value, bound=min(bound, value))


def cost_of(lists: Lists, is_open: Bools, fixed: Floats | None = None) -> float:
    """Cost of a set of open sites, shape (site,).

    >>> lists = lists_of(np.array([0, 1]), np.array([0]), np.array([5.0]), np.array([9.0]), 1)
    >>> cost_of(lists, np.array([True])), cost_of(lists, np.array([False]))
    (5.0, 9.0)
    """
    own = 0.0 if fixed is None else float(fixed[is_open].sum())
    return own + float(best_two(lists, is_open)[2].sum())


def best_two(lists: Lists, is_open: Bools) -> tuple[Ints, Ints, Floats, Floats]:
    """Cheapest and second cheapest open site of each cell, -1 for unserved, and their costs; each shape (cell,)."""
    n = len(lists.beyond)
    first, second = np.full(n, -1, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    near, next_ = lists.beyond.copy(), lists.beyond.copy()
    two(np.arange(n), lists.indptr, lists.site, lists.cost, lists.beyond, is_open, first, second, near, next_)
    return first, second, near, next_


def _by_site(lists: Lists) -> tuple[Ints, Ints, Floats]:
    return lists.starts, lists.cell, lists.cost_there


def _by_trying(lists: Lists, most: int, fixed: Floats, must: Bools, may: Bools) -> Sited | None:
    """Try all sets, where they are few."""
    free, left = np.flatnonzero(may), most - int(must.sum())
    sets = sum(comb(len(free), k) for k in range(left + 1)) if len(free) <= 200 else np.inf
    if sets * max(len(lists.beyond), 1) > ENUMERATED:
        return None
    dense = np.repeat(lists.beyond[None], len(free), axis=0)
    for row, j in enumerate(free):
        dense[row, lists.cell[lists.starts[j] : lists.starts[j + 1]]] = lists.cost_there[
            lists.starts[j] : lists.starts[j + 1]
        ]
    chosen = np.zeros(left, dtype=np.int64)
    count = try_all(dense, best_two(lists, must)[2], fixed[free], left, chosen)
    is_open = must.copy()
    is_open[free[chosen[:count]]] = True
    value = cost_of(lists, is_open, fixed)
    return Sited(sites=np.flatnonzero(is_open), value=value, bound=value)


def _improve(lists: Lists, fixed: Floats, may: Bools, is_open: Bools, most: int) -> float:
    """Swap, open and close sites in place while that pays; give the cost reached."""
    first, second, near, next_ = best_two(lists, is_open)
    # below this a profit is rounding, and swaps would go round in circles
    least = 1e-11 * (float(near.sum()) + float(fixed[is_open].sum()) + 1e-300)
    interchange(
        (lists.indptr, lists.site, lists.cost, lists.beyond), *_by_site(lists), fixed, may, is_open, most,
        (first, second, near, next_), least,
    )  # fmt: skip
    return cost_of(lists, is_open, fixed)
