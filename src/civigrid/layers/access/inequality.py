"""How unequally access is spread: over persons, between groups and between zones, each number with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import labels, values_of
from civigrid.errors import SchemaError
from civigrid.kernels.inequality import Curve, kappa_of, lorenz, people_of
from civigrid.layers.access.inequality_draws import Draws, Estimates, estimates_of, interval
from civigrid.layers.access.inequality_indices import (
    BY_RANK,
    COUNT_UNREACHABLE,
    Inequality,
    InequalityOptions,
    chosen,
)
from civigrid.layers.access.inequality_parts import Derived, between_groups, parts_by_group, parts_by_zone
from civigrid.layers.access.inequality_people import Population, populations
from civigrid.result_table import parameters, result_table
from civigrid.types import Ints

_Z_95 = 1.959963984540054
_DRAWN = "bootstrap of cells"


def inequality_table(
    cells: xr.Dataset,
    variable: str | Mapping[str, str],
    groups: Sequence[str] = (),
    *,
    total: str = "",
    zones: str = "",
    by: str = "",
    indices: Sequence[str] = (),
    bootstrap: int = 200,
    seed: int = 0,
    options: InequalityOptions | None = None,
    **settings: Any,
) -> pd.DataFrame:
    """Give indices of inequality and poverty of access, for everyone and each group, in the whole and in each zone.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells with the variable, and counts of persons.
    variable : str or mapping of str to str
        What persons have, by cell: a score of access, or a time.  One for all, or one by group and total (which then
        is that of the persons no group holds), as where groups differ in the modes they use.
    groups : sequence of str
        Counts of groups that do not overlap.
    total : str
        Count of all residents; what the groups leave of it is the group "rest".
    zones : str
        Label of zones, such as municipalities.
    by : str
        Socio-economic variable by cell that ranks persons, poorest first.
    indices : sequence of str
        Names from `INEQUALITY`; by default all that what is given allows.
    bootstrap : int
        Draws; 0: only indices that are means have an interval, by linearisation.
    seed : int
        Seed of the draws.
    options : InequalityOptions, optional
        Threshold, bads, aversion, bounds, cap of the unreachable.
    **settings : object
        Fields of `InequalityOptions`, in place of its own: ``bads=True, threshold=30``.

    Returns
    -------
    pandas.DataFrame
        A result table of topic "access".  Beside the indices: ``unreachable`` (share of persons who reach nothing);
        ``gap`` and ``ratio`` of means between groups; parts within and between groups and zones (``theil_t_within``
        ... ; `parameters` tells by what), which add up to the index, Gini with a residual by overlap; ``fgt1_share``
        and its like, the part of poverty that each group or zone makes.

    Raises
    ------
    SchemaError
        Negative values where an index takes ratios; values outside the bounds; an index without what it needs.

    Notes
    -----
    Draws weigh each cell by an exponential number of mean 1 (Rubin 1981, Annals of Statistics 9, the Bayesian
    bootstrap): no draw is empty, all groups see the same draw, and the interval (2.5 to 97.5 %) is about which places
    there are, not about errors of the counts.  Kappa and thresholds are kept.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> from civigrid.types import Column
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> about = {"jobs": Column(kind="intensive"), "total": Column()}
    >>> ids = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
    >>> cells = make_cells(grid, ids, {"jobs": [1.0, 3.0], "total": [50.0, 50.0]}, about)
    >>> inequality_table(cells, "jobs", total="total", indices=["gini"])["estimate"].tolist()
    [0.25, 0.0]
    """
    given = replace(options or InequalityOptions(), **settings)
    wanted = chosen(tuple(indices), given, by)
    everyone, parts = populations(cells, variable, groups, total, bads=given.bads)
    given = _checked(everyone.reached(given.unreachable), wanted, given)
    names, code = _numbered(cells, zones)
    how = Draws(draws=bootstrap, seed=seed, zone=code, zones=len(names), rank=values_of(cells, by) if by else None)
    about = {"variable": variable if isinstance(variable, str) else dict(variable), "bootstrap": bootstrap or None}
    say = _Words(wanted, given, by, about | {"seed": seed if bootstrap else None, "unknown": _unknown(everyone)})
    whole = estimates_of(everyone, wanted, given, how)
    each = [estimates_of(part, wanted, given, how) for part in parts] if len(parts) > 1 else []
    rows: list[dict[str, Any]] = []
    for at, zone in enumerate(["all", *names]):
        for one in [whole, *each]:
            rows += say.indices(one, at, zone)
        rows += [say.derived(d, zone) for d in between_groups(whole, each, at)]
        rows += [say.derived(d, zone) for d in parts_by_group(whole, each, at)]
    for one in [whole, *each]:
        rows += [say.derived(d, d.zone or "all") for d in parts_by_zone(one, names, zones)]
    return result_table(rows)


def lorenz_curve(
    cells: xr.Dataset,
    variable: str,
    persons: str,
    *,
    by: str = "",
    bads: bool = False,
    unreachable: float | None = None,
) -> Curve:
    """Give the Lorenz curve of a variable over persons, for a figure; with `by`, the concentration curve.

    Persons who reach nothing are left out, unless `unreachable` says what counts for them; `inequality_table` tells
    how many they are.
    """
    everyone, _ = populations(cells, variable, (), persons, bads=bads)
    there = everyone.reached(unreachable)
    if not by:
        return lorenz(people_of(there.values, there.persons))
    rank = values_of(cells, by)[there.cell]
    known = ~np.isnan(rank)
    return lorenz(people_of(there.values[known], there.persons[known], by=rank[known]))


def _checked(there: Population, wanted: Sequence[Inequality], given: InequalityOptions) -> InequalityOptions:
    """Give the options with kappa known, or say what the values do not allow."""
    if not len(there.values):
        raise SchemaError("nobody has a value: no person lives in a cell where the variable is known and finite.")
    low, high = float(there.values.min()), float(there.values.max())
    if low < 0 and (bad := [index.name for index in wanted if index.relative]):
        raise SchemaError(f"values go down to {low:g}: {', '.join(bad)} take ratios to the mean. Leave them out.")
    a, b = given.possible
    if given.bounds is not None and (low < a or high > b):
        raise SchemaError(
            f"values lie in [{low:g}, {high:g}], outside the bounds {given.bounds} that were said possible."
        )
    if given.kappa is None:
        kappa = kappa_of(there.values, there.persons, given.epsilon)
        return replace(given, kappa=kappa if kappa > 0 else None)
    return given


def _numbered(cells: xr.Dataset, zones: str) -> tuple[list[str], Ints]:
    """Names of the zones, and each cell's number."""
    if not zones:
        return [], np.zeros(cells.sizes["cell"], dtype=np.int64)
    if zones not in labels(cells):
        raise SchemaError(f"{zones!r} is no label of these cells. Known: {', '.join(labels(cells)) or 'none'}.")
    names, code = np.unique(cells[zones].to_numpy().astype(str), return_inverse=True)
    if "all" in names or {"", "(none)"} <= set(names.tolist()):
        raise SchemaError(
            "a zone is called 'all' or '(none)', which name the whole and what lies in no zone: rename it."
        )
    return [str(name) or "(none)" for name in names], code.astype(np.int64)


def _unknown(everyone: Population) -> dict[str, float] | None:
    """Who is not in the numbers since something about them is missing."""
    told = {"persons": round(everyone.unknown, 6), "cells_without_persons": everyone.blank}
    return {name: n for name, n in told.items() if n} or None


@dataclass(frozen=True, eq=False)
class _Words:
    """Rows of the result table."""

    wanted: Sequence[Inequality]
    options: InequalityOptions
    by: str
    about: dict[str, Any]

    def indices(self, one: Estimates, at: int, zone: str) -> Iterator[dict[str, Any]]:
        """Rows of one population in one zone."""
        for index in self.wanted:
            yield self._index(index, one, at, zone)
        empty = np.full(len(one.lost), np.nan)
        share = np.divide(one.lost[:, at], one.persons[:, at], where=one.persons[:, at] > 0, out=empty)
        lost = Derived("unreachable", one.name, share, float(one.persons[0, at]), int(one.cells[at]))
        yield self.derived(lost, zone, unreachable_persons=float(one.lost[0, at]))

    def _index(self, index: Inequality, one: Estimates, at: int, zone: str) -> dict[str, Any]:
        draws = one.values[index.name][:, at]
        estimate = float(draws[0])
        low, high = one.bounds[index.name][:, at].tolist()
        how: str | None = _DRAWN
        if index.per_person is not None and len(draws) == 1:
            error = float(one.errors[index.name][at])
            low, high, how = estimate - _Z_95 * error, estimate + _Z_95 * error, "linearised"
        if not index.places:
            low, high, how = np.nan, np.nan, None
        counted = index.name in COUNT_UNREACHABLE
        persons = one.ranked[at] if index.name in BY_RANK else (one.persons if counted else one.reached)[0, at]
        said = self._settings(index) | {
            "interval": how if low == low else None,
            "undefined": self._why(one, at, float(persons)) if np.isnan(estimate) else None,
        }
        if lost := float(one.lost[0, at]):
            capped = self.options.unreachable is not None
            said |= {"unreachable": "capped" if capped else "poor" if counted else "apart", "unreachable_persons": lost}
        return {
            "zone": zone, "topic": "access", "index": index.name, "groups": one.name, "estimate": estimate,
            "low": low, "high": high, "persons": float(persons), "cells": int(one.cells[at]),
            "parameters": parameters(**self.about, **said),
        }  # fmt: skip

    def _settings(self, index: Inequality) -> dict[str, Any]:
        """Give what an index takes, and where it comes from."""
        o, ranked, kolm = self.options, index.name in BY_RANK, index.name.startswith("kolm")
        return {
            "bads": o.bads or None, "source": index.source or None, "capped_at": o.unreachable,
            "threshold": o.threshold if index.needs == "threshold" else None,
            "epsilon": o.epsilon if index.name == "atkinson" or kolm else None,
            "kappa": o.kappa if kolm else None, "ranked_by": self.by if ranked else None,
            "bounds": list(o.possible) if index.needs == "bounds" else None,
        }  # fmt: skip

    @staticmethod
    def _why(one: Estimates, at: int, persons: float) -> str:
        if persons <= 0:
            return "no persons with a value"
        if zero := float(one.zero[at]):
            return f"{zero:g} of {persons:g} persons have nothing"
        return "the mean is 0, or at a bound"

    def derived(self, one: Derived, zone: str, **more: Any) -> dict[str, Any]:
        """Row of a number that is made of others."""
        low, high = interval(one.draws[:, None])[:, 0].tolist()
        o = self.options
        said = {
            "by": one.of or None, "bads": o.bads or None, "interval": _DRAWN if low == low else None,
            "threshold": o.threshold if one.name.startswith("fgt") else None, "capped_at": o.unreachable,
        }  # fmt: skip
        return {
            "zone": zone, "topic": "access", "index": one.name, "groups": one.groups, "estimate": float(one.draws[0]),
            "low": low, "high": high, "persons": one.persons, "cells": one.cells,
            "parameters": parameters(**self.about, **said, **more),
        }  # fmt: skip
