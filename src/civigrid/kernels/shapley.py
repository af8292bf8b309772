"""What a difference of an index between two tables is made of: units, margins, and how people are sorted.

Two tables are compared by tables in between: the margins of one with the association of the other, by iterative
proportional fitting (`kernels.rake`).  Terms are averaged over the order in which things change, so that swapping the
tables only swaps signs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from civigrid.errors import CivigridError
from civigrid.kernels.rake import rake
from civigrid.types import Bools, Floats

TOLERANCE = 1e-10
"""Largest deviation of a margin, as a share of all persons, at which fitting is done."""
MOST_ROUNDS = 20_000

TableIndex = Callable[[Floats], float]
"""Persons (unit, group) to an index; no row and no column of the table is empty."""


class Difference(NamedTuple):
    """An index before and after, and the five terms whose sum is the difference.

    `structural_by_unit` holds what each unit adds to `structural`, shape (unit,), where the index is M; 0 for units
    that stand in one table only.  `units` and `groups` count what stands in both tables.  `deviation` is the largest
    left in a margin, as a share of all persons, after at most `rounds` rounds of fitting.
    """

    before: float
    after: float
    additions: float
    removals: float
    group_marginal: float
    unit_marginal: float
    structural: float
    structural_by_unit: Floats
    units: int
    groups: int
    rounds: int
    deviation: float


class _Fitted(NamedTuple):
    table: Floats
    rounds: int
    deviation: float


def mutual_information(table: Floats) -> float:
    r"""Mutual information of units and groups, :math:`M = \sum_{ug} p_{ug}\ln(p_{ug} / p_u p_g)`, nats.

    >>> round(mutual_information(np.array([[40.0, 0.0], [0.0, 40.0]])), 6)
    0.693147
    """
    return float(_local(table).sum())


def information(table: Floats) -> float:
    """Theil's H: mutual information by the entropy of the groups; NaN where only one group has anybody.

    >>> information(np.array([[40.0, 0.0], [0.0, 40.0]]))
    1.0
    """
    share = table.sum(axis=0) / table.sum()
    entropy = -float(xlogy(share, share).sum())
    return mutual_information(table) / entropy if entropy > 0 else float("nan")


def shapley_difference(before: Floats, after: Floats, index: TableIndex, *, added: float = 0.0) -> Difference:
    r"""Split the difference of an index between two tables into five terms.

    Parameters
    ----------
    before, after : ndarray of float64, shape (unit, group)
        Persons of the same units and groups, in the same order; a unit that one table does not have has a row of 0.
    index : callable
        Persons (unit, group) to an index, as `mutual_information`.
    added : float
        Persons put into each empty combination of a unit and a group that both tables have, before fitting.  0 leaves
        empty what is empty; Elbers' R package adds 1e-10.

    Returns
    -------
    Difference
        ``after - before`` is the sum of ``additions`` (units and groups that only `after` has), ``removals``,
        ``group_marginal``, ``unit_marginal`` and ``structural``.

    Raises
    ------
    CivigridError
        No unit or fewer than two groups in both tables, or margins that no table with these zeros can have.

    Notes
    -----
    B. Elbers (2023), Sociol. Methods Res. 52(1), "A method for studying differences in segregation across time and
    space", with *AAB* = groups and units as in A, association as in B:
    structural :math:`= \tfrac12(I_{AAB}-I_{AAA}) + \tfrac12(I_{BBB}-I_{BBA})`, group marginal
    :math:`= \tfrac14(I_{BAA}-I_{AAA}+I_{BBA}-I_{ABA}+I_{BBB}-I_{ABB}+I_{BAB}-I_{AAB})`, unit marginal alike.
    Shapley value: J. Deutsch, Y. Flückiger, J. Silber (2006).

    Examples
    --------
    >>> found = shapley_difference(
    ...     np.array([[40.0, 10.0], [10.0, 40.0]]), np.array([[80.0, 20.0], [20.0, 80.0]]), mutual_information
    ... )
    >>> found.structural
    0.0
    """
    units, groups = _common(before, after)
    a, b = (np.where(t[units][:, groups] > 0, t[units][:, groups], added) for t in (before, after))
    # first letter: groups of, second: units of, third: association of
    fits = {
        "BBA": _fit(a, b.sum(axis=1), b.sum(axis=0)),
        "ABA": _fit(a, b.sum(axis=1), a.sum(axis=0)),
        "BAA": _fit(a, a.sum(axis=1), b.sum(axis=0)),
        "AAB": _fit(b, a.sum(axis=1), a.sum(axis=0)),
        "BAB": _fit(b, a.sum(axis=1), b.sum(axis=0)),
        "ABB": _fit(b, b.sum(axis=1), a.sum(axis=0)),
    }
    tables = {name: fit.table for name, fit in fits.items()}
    # what was added is no part of either table's own value
    tables["AAA"], tables["BBB"] = before[units][:, groups], after[units][:, groups]
    i = {name: index(table) for name, table in tables.items()}
    whole = [index(t[t.sum(axis=1) > 0][:, t.sum(axis=0) > 0]) for t in (before, after)]
    return Difference(
        before=whole[0],
        after=whole[1],
        additions=whole[1] - i["BBB"],
        removals=i["AAA"] - whole[0],
        group_marginal=_mean(i, ("BAA", "AAA"), ("BBA", "ABA"), ("BBB", "ABB"), ("BAB", "AAB")),
        unit_marginal=_mean(i, ("ABA", "AAA"), ("BBA", "BAA"), ("BBB", "BAB"), ("ABB", "AAB")),
        structural=_mean(i, ("AAB", "AAA"), ("BBB", "BBA")),
        structural_by_unit=_by_unit(tables, units),
        units=int(units.sum()),
        groups=int(groups.sum()),
        rounds=max(fit.rounds for fit in fits.values()),
        deviation=max(fit.deviation for fit in fits.values()),
    )


def _mean(index: dict[str, float], *steps: tuple[str, str]) -> float:
    return float(np.mean([index[to] - index[start] for to, start in steps]))


def _common(before: Floats, after: Floats) -> tuple[Bools, Bools]:
    """Units and groups that have people in both tables, counting only what is common itself."""
    units, groups = np.ones(len(before), dtype=bool), np.ones(before.shape[1], dtype=bool)
    while True:
        u = units & (before[:, groups].sum(axis=1) > 0) & (after[:, groups].sum(axis=1) > 0)
        g = groups & (before[u].sum(axis=0) > 0) & (after[u].sum(axis=0) > 0)
        if u.sum() == 0 or g.sum() < 2:
            raise CivigridError(
                f"the two tables have {int(u.sum())} units and {int(g.sum())} groups with people in common: nothing "
                "can be compared. Give both the same units (cells of one grid) and groups."
            )
        if (u == units).all() and (g == groups).all():
            return units, groups
        units, groups = u, g


def _fit(table: Floats, units: Floats, groups: Floats) -> _Fitted:
    """Give the table these margins while its odds ratios stay; margins are shares, so that size does not matter."""
    units = units / units.sum()
    one = np.zeros(len(table), dtype=np.int64)
    found = rake(table, units, one, (groups / groups.sum())[None], tolerance=TOLERANCE, most_rounds=MOST_ROUNDS)
    rounds, deviation = int(found.rounds[0]), float(found.deviation[0])
    if deviation > TOLERANCE:
        empty = int((table == 0).sum())
        raise CivigridError(
            f"iterative proportional fitting did not converge: after {rounds} rounds a group is still off by "
            f"{deviation:.2g} of all persons. {empty} of {table.size} combinations of unit and group are empty, and no "
            "table with these zeros has the other table's margins. Use coarser cells, leave out the smallest groups, "
            "or put a little into empty combinations (added=1e-3)."
        )
    return _Fitted(found.parts, rounds, deviation)


def _local(table: Floats) -> Floats:
    """What each unit adds to M, shape (unit,)."""
    p = table / table.sum()
    unit, group = p.sum(axis=1, keepdims=True), p.sum(axis=0)
    return np.asarray((xlogy(p, p) - xlogy(p, unit) - xlogy(p, group)).sum(axis=1))


def _by_unit(tables: dict[str, Floats], units: Bools) -> Floats:
    # the margins of units agree in each pair, so that a unit's part is its own share times its change in local M
    moved = 0.5 * (_local(tables["AAB"]) - _local(tables["AAA"]) + _local(tables["BBB"]) - _local(tables["BBA"]))
    found = np.zeros(len(units))
    found[units] = moved
    return found


class TwoTerms(NamedTuple):
    """An index in two places, and the two terms whose sum is the difference `second - first`."""

    first: float
    second: float
    composition: float
    spatial: float


def two_term_difference(first: Floats, second: Floats, index: TableIndex) -> TwoTerms:
    r"""Split the difference of a two-group index between two cities into composition and spatial structure.

    Parameters
    ----------
    first, second : ndarray of float64, shape (unit, 2)
        Persons of the group and of all others in the cells of each city; no row is empty.
    index : callable
        Persons (unit, 2) to an index.

    Returns
    -------
    TwoTerms
        ``composition``: how the group's share is distributed over cells; ``spatial``: the sizes of the cells and which
        of them have high shares.

    Notes
    -----
    S. J. Rey, R. Cortes, E. Knaap (2021), Comparative spatial segregation analytics, Spatial Demography 9, approach
    "composition": each cell takes the share that stands at its own quantile in the other city.  We count quantiles in
    persons, not in cells, and take the middle of a run of equal shares, so that a city compared with itself has no
    terms and splitting a cell in two changes nothing.

    Examples
    --------
    >>> city = np.array([[10.0, 0.0], [10.0, 30.0]])
    >>> two_term_difference(city, city, mutual_information).spatial
    0.0
    """
    swapped = [_with_shares_of(one, other) for one, other in ((first, second), (second, first))]
    own_1, own_2 = index(first), index(second)
    mixed_1, mixed_2 = (index(t) for t in swapped)
    composition = 0.5 * (mixed_1 - own_1 + own_2 - mixed_2)
    spatial = 0.5 * (mixed_2 - own_1 + own_2 - mixed_1)
    return TwoTerms(own_1, own_2, composition, spatial)


def _with_shares_of(city: Floats, other: Floats) -> Floats:
    """Give the cells of `city` the shares that stand at their quantiles in `other`."""
    size = city.sum(axis=1)
    at, row, _ = _quantiles(city)
    known, _, share = _quantiles(other)
    found = np.interp(at, known, share)[row]
    return np.stack([size * found, size * (1 - found)], axis=1)


def _quantiles(city: Floats) -> tuple[Floats, np.ndarray[tuple[int, ...], np.dtype[np.int64]], Floats]:
    """Middle of each distinct share in the distribution of persons, the share of each row among them, the shares."""
    size = city.sum(axis=1)
    shares, row = np.unique(city[:, 0] / size, return_inverse=True)
    persons = np.bincount(row, size)
    return (np.cumsum(persons) - persons / 2) / size.sum(), row.astype(np.int64), shares
