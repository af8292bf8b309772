"""Whose access an index is about: persons of each group by cell, with what they reach; nobody is dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from civigrid.cells import is_missing, status_of, values_of
from civigrid.errors import SchemaError
from civigrid.types import Bools, Floats, Ints

REST = "rest"
EXCESS = 0.01
"""Share of all persons by which groups may exceed their total, as noise of the publisher makes them."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Population:
    """Persons of one group, or all.

    Parameters
    ----------
    name : str
        As tables name them.
    cell : ndarray of int64, shape (row,)
        Cell of each row.
    persons : ndarray of float64, shape (row,)
        Persons, at least 0; only rows whose value is known.
    values : ndarray of float64, shape (row,)
        What they have; infinite where they reach nothing: minus infinity of goods, infinity of bads.
    unknown : float
        Persons whose value is missing, or who live in a cell where it is.
    blank : int
        Cells whose number of persons is missing.
    """

    name: str
    cell: Ints
    persons: Floats
    values: Floats
    unknown: float
    blank: int

    def reached(self, cap: float | None) -> Population:
        """Give those who reach something, or all of them, the others with the cap as their value."""
        there = np.isfinite(self.values)
        if cap is not None:
            return self._with(np.where(there, self.values, cap), np.ones(len(there), dtype=bool))
        return self._with(self.values, there)

    def _with(self, values: Floats, kept: Bools) -> Population:
        return Population(
            name=self.name, cell=self.cell[kept], persons=self.persons[kept], values=values[kept],
            unknown=self.unknown, blank=self.blank,
        )  # fmt: skip


def populations(
    cells: xr.Dataset, variable: str | Mapping[str, str], groups: Sequence[str], total: str, *, bads: bool
) -> tuple[Population, list[Population]]:
    """Give everyone, and each group; what the groups leave of the total is the last, called "rest".

    Raises
    ------
    SchemaError
        No group and no total; a group called "rest"; a count below 0; groups that exceed their total by more than
        `EXCESS`; a variable that some group lacks.
    """
    if not groups and not total:
        raise SchemaError("whose access? Name groups, or the total.")
    if REST in groups:
        raise SchemaError("a group is called 'rest', which is what groups leave of a total. Rename it.")
    names = [*groups, total] if total else list(groups)
    of = dict.fromkeys(names, variable) if isinstance(variable, str) else dict(variable)
    if lacking := [name for name in names if name not in of]:
        raise SchemaError(f"no variable for {lacking}: name one for each group, and for the total (what is left).")
    counts = _counts(cells, groups, total)
    columns = [*groups, REST] if total and groups else names
    values = {name: _value(cells, name, bads=bads) for name in sorted(set(of.values()))}
    parts = [
        _population(name, counts[:, k], values[of[total if name == REST else name]]) for k, name in enumerate(columns)
    ]
    whole = total or "|".join(groups)
    if len({of[name] for name in names}) == 1:
        # one row by cell, not one by cell and group: all have the same
        return _population(whole, counts.sum(axis=1), values[of[names[0]]]), parts
    return _joined(whole, parts), parts


def _joined(name: str, parts: Sequence[Population]) -> Population:
    return Population(
        name=name,
        cell=np.concatenate([p.cell for p in parts]),
        persons=np.concatenate([p.persons for p in parts]),
        values=np.concatenate([p.values for p in parts]),
        unknown=sum(p.unknown for p in parts),
        blank=max(p.blank for p in parts),
    )


def _population(name: str, persons: Floats, values: Floats) -> Population:
    lived = persons > 0
    known = lived & ~np.isnan(values)
    return Population(
        name=name,
        cell=np.flatnonzero(known),
        persons=persons[known],
        values=values[known],
        unknown=float(persons[lived & ~known].sum()),
        blank=int(np.isnan(persons).sum()),
    )


def _value(cells: xr.Dataset, name: str, *, bads: bool) -> Floats:
    """Values by cell: NaN where nothing is known, infinite where nothing is reached."""
    found = values_of(cells, name)
    nothing = np.isinf(found) | np.isnan(found)
    told = np.where(nothing, np.inf if bads else -np.inf, found)
    return np.where(is_missing(status_of(cells, name)), np.nan, told)


def _counts(cells: xr.Dataset, groups: Sequence[str], total: str) -> Floats:
    """Persons by group and rest, shape (cell, column); NaN in all where one is missing."""
    names = [*groups, total] if total else list(groups)
    counts = np.stack([np.where(is_missing(status_of(cells, n)), np.nan, values_of(cells, n)) for n in names], axis=1)
    if (counts < 0).any():
        raise SchemaError(f"{int((counts < 0).any(axis=1).sum())} cells have fewer than 0 persons. Mend the counts.")
    if total and groups:
        rest = counts[:, -1] - counts[:, :-1].sum(axis=1)
        over, people = -np.nansum(np.minimum(rest, 0.0)), np.nansum(counts[:, -1])
        if over > EXCESS * people:
            raise SchemaError(
                f"groups are more than {total!r} by {over:,.0f} of {people:,.0f} persons: they overlap. "
                "Name groups that do not, or leave the total out and compare one at a time."
            )
        counts[:, -1] = np.maximum(rest, 0.0)
    counts[np.isnan(counts).any(axis=1)] = np.nan
    return counts
