"""Counts of the groups as indices take them: what is missing, noisy or interpolated is told, never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from civigrid.cells import is_missing, noise_variance_of, status_of, values_of
from civigrid.errors import SchemaError
from civigrid.types import Bools, Column, Floats, Ints, Status, Statuses

RESIDENTS = Column(long_name="Residents counted in the groups", source="segregation")
"""What the variable ``residents`` means, by which measures of cells average."""


def with_whole(
    cells: xr.Dataset, groups: Sequence[str], total: str, residents: Floats
) -> tuple[xr.Dataset, dict[str, Column]]:
    """Declare groups as parts of the total, or of ``residents``, and describe ``residents``.

    Disclosure control must know what adds up: residents less the groups that are shown would tell a hidden one.  Where
    all groups are parts, or parts of parts, of one count with the numbers of the residents, these are hidden where
    that is; of counts with other numbers, they are hidden with any of the groups.
    """
    parent, changed = total or "residents", cells.copy()
    wholes: set[str | None] = set()
    for group in groups:
        of = cells[group].attrs.get("part_of")
        if of in (None, "", parent) or of not in cells:
            changed[group] = cells[group].assign_attrs(part_of=parent)
            wholes.add(parent)
        else:
            wholes.add(_same_above(cells, group, residents))
    if None in wholes:
        rests_on = "|".join(groups)
    else:
        rests_on = str(wholes.pop()) if len(wholes) == 1 and parent not in wholes else ""
    return changed, {"residents": replace(RESIDENTS, rests_on=rests_on or None)}


def _same_above(cells: xr.Dataset, group: str, residents: Floats) -> str | None:
    """Nearest count above a group that has the numbers of the residents."""
    name, seen = str(cells[group].attrs["part_of"]), {group}
    while name in cells and name not in seen:
        if np.allclose(np.nan_to_num(values_of(cells, name)), np.nan_to_num(residents), atol=0.5):
            return name
        seen.add(name)
        name = str(cells[name].attrs.get("part_of"))
    return None


def measure_column(words: str, units: str, names: Sequence[str]) -> Column:
    """Describe a measure of cells that averages over residents and is hidden where one of the counts is."""
    return Column(
        kind="intensive",
        units=units,
        weight="residents",
        source="segregation",
        long_name=words,
        rests_on="|".join(names),
    )


EXCESS = 0.01
"""Share of all persons by which groups may exceed their total, as noise makes them."""
_ROUNDING = 1e-6
"""Persons by which sums of interpolated counts may be off."""


def group_counts(cells: xr.Dataset, groups: Sequence[str], total: str) -> tuple[Floats, int]:
    """Give counts by group, shape (cell, group), NaN where any is missing, and how many cells that leaves out.

    Where groups are more than the total, nobody is left of it: `rest_note` counts such cells.

    Raises
    ------
    SchemaError
        A suppressed count; a group called "rest"; groups that exceed their total by more than `EXCESS` of all persons.
    """
    if "rest" in groups:
        raise SchemaError("a group is called 'rest', which is what groups leave of a total. Rename it.")
    names = [*groups, total] if total else list(groups)
    missing = np.zeros(cells.sizes["cell"], dtype=bool)
    for name in names:
        status = status_of(cells, name)
        if (suppressed := status == Status.SUPPRESSED).any():
            raise SchemaError(
                f"{name!r} is suppressed in {int(suppressed.sum())} cells: an index of the rest would be wrong. "
                "Compute indices before disclosure control."
            )
        missing |= is_missing(status) | np.isnan(values_of(cells, name))
    counts = np.stack([values_of(cells, name) for name in groups], axis=1)
    if total:
        everyone = values_of(cells, total)
        rest = everyone - counts.sum(axis=1)
        over, people = -rest[~missing & (rest < 0)].sum(), everyone[~missing].sum()
        if over > EXCESS * people:
            raise SchemaError(
                f"groups are more than {total!r} by {over:,.0f} of {people:,.0f} persons. Some group is part of "
                "another, or the total is of other people. Name a total that holds all groups, or leave it out."
            )
        counts = np.concatenate([counts, np.maximum(rest, 0.0)[:, None]], axis=1)
    counts[missing] = np.nan
    return counts, int(missing.sum())


def rest_note(cells: xr.Dataset, groups: Sequence[str], total: str) -> dict[str, int]:
    """Give ``negative_rest_cells``, in how many cells groups are more than their total; empty where in none."""
    if not total:
        return {}
    over = sum(values_of(cells, name) for name in groups) - values_of(cells, total) > _ROUNDING
    return {"negative_rest_cells": int(np.count_nonzero(over))} if np.any(over) else {}


def group_noise(cells: xr.Dataset, groups: Sequence[str], total: str, given: float | None) -> Floats | None:
    """Variance of the publisher's noise in each count, shape (cell, group); None where there is none to speak of.

    What groups leave of a total has the noise of all of them.
    """
    names = [*groups, total] if total else list(groups)
    if given is not None and not (np.isfinite(given) and given >= 0):
        raise SchemaError(f"noise_variance is {given}: a variance is at least 0.  Leave it out where none is known.")
    if given is None:
        noise = np.nan_to_num(np.stack([noise_variance_of(cells, n) for n in names], axis=1))
    else:
        noise = np.full((cells.sizes["cell"], len(names)), float(given))
    if total:
        noise[:, -1] = noise.sum(axis=1)
    return noise if noise.any() else None


def is_interpolated(cells: xr.Dataset, groups: Sequence[str]) -> bool:
    """Whether most of the inhabited cells hold estimates."""
    known = np.stack([values_of(cells, g) > 0 for g in groups])
    guessed = np.stack([status_of(cells, g) == Status.IMPUTED for g in groups])
    return bool((guessed & known).sum() > 0.5 * known.sum())


def why_missing(cells: xr.Dataset, names: Sequence[str]) -> Statuses:
    """Status of what rests on several counts, shape (cell,): OK, or why one of them is missing.

    Confidential comes before suppressed, suppressed before unavailable.
    """
    why = np.full(cells.sizes["cell"], Status.OK, dtype=np.uint8)
    codes = [(status_of(cells, name), values_of(cells, name)) for name in names]
    for code, values in codes:
        why[np.isnan(values) | is_missing(code)] = Status.UNAVAILABLE
    for status in (Status.SUPPRESSED, Status.CONFIDENTIAL):
        why[np.any([code == status for code, _ in codes], axis=0)] = status
    return why


def statuses_of(
    cells: xr.Dataset, names: Sequence[str], size: Floats, values: Mapping[str, Floats]
) -> dict[str, Statuses]:
    """Statuses of measures that rest on counts: a rate of a cell without residents is undefined, not missing."""
    why, unknown = why_missing(cells, names), np.isnan(size)
    return {n: np.where(unknown & np.isnan(v), why, Status.OK).astype(np.uint8) for n, v in values.items()}


def zone_codes(cells: xr.Dataset, zone: str) -> tuple[list[str], Ints]:
    """Names of the zones, and each cell's number; cells without a name count in the whole alone."""
    if not zone:
        return [], np.zeros(cells.sizes["cell"], dtype=np.int64)
    return numbered(label_of(cells, zone))


def zones_within(cells: xr.Dataset, zone: str, rows: Bools) -> tuple[list[str], Ints]:
    """Names of the zones of a label, and the zone of each row that is kept; zones without rows are left out."""
    if not zone:
        return ["all"], np.zeros(int(rows.sum()), dtype=np.int64)
    return numbered(label_of(cells, zone)[rows])


def label_of(cells: xr.Dataset, name: str) -> npt.NDArray[np.str_]:
    """Give the names of one label, shape (cell,), as text."""
    if name not in cells or cells[name].attrs.get("kind") != "label":
        raise SchemaError(f"{name!r} is no label of these cells. Keep it when the source is projected (keep = [...]).")
    return cells[name].to_numpy().astype(str)


def refuse_zone_names(zones: npt.NDArray[Any]) -> None:
    """Refuse zones that bear the name of the whole, or of what lies in no zone: rows of a table would be confused.

    Raises
    ------
    SchemaError
        A zone is called "all", or "(none)" beside rows without a zone.
    """
    names = set(np.unique(zones.astype(str)).tolist())
    if "all" in names:
        raise SchemaError("a zone is called 'all', which names the whole: rename it.")
    if {"", "(none)"} <= names:
        raise SchemaError("a zone is called '(none)', which names what lies in no zone: rename it.")


def numbered(zone: npt.NDArray[np.str_]) -> tuple[list[str], Ints]:
    """Names in order, and the number of each row's.

    Raises
    ------
    SchemaError
        As `refuse_zone_names` says.
    """
    names, code = np.unique(zone, return_inverse=True)
    refuse_zone_names(names)
    return [str(n) or "(none)" for n in names], code.astype(np.int64)
