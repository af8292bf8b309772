"""Measures of access in a run and from the shell: computed from the counts that may leave, tabled, with inequality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import labels, measured, status_of, values_of, with_variables
from civigrid.errors import SchemaError, unknown_name
from civigrid.layers.access import (
    access_market,
    measure_access,
    parse_decay,
    table_of_access,
    with_access,
)
from civigrid.layers.access.measures import Measure
from civigrid.layers.segregation.groups import group_counts, refuse_zone_names, why_missing
from civigrid.release import Profile, release
from civigrid.run.access.unequal import guarded, spread_of, with_words
from civigrid.run.access.wanted import Wanted, check_wanted
from civigrid.travel_times import TravelTimes
from civigrid.types import Bools, Column, Floats, Status

OTHERS = "others"
"""What the groups leave of the total: they compete for places too."""

_ANYBODY = 0.5
"""Fewer persons than this in all are rounding."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Measured:
    """Cells with measures, the result table, why rows were held back, and in how many cells half counts stand."""

    cells: xr.Dataset
    table: pd.DataFrame
    held_back: dict[str, int]
    stand_ins: dict[str, int]
    findings: tuple[str, ...]


def released_counts(
    cells: xr.Dataset, groups: tuple[str, ...], total: str, profile: Profile
) -> tuple[xr.Dataset, dict[str, int]]:
    """Give cells whose counts are made of those that may leave.

    Measures that share supply out tell the people behind a site.  Made of these counts, they tell nothing that the
    released counts do not tell already: a hidden count stands as half of the threshold, and hidden parts of a total
    that is shown share what the shown parts leave of it, as the groups are elsewhere.

    Returns
    -------
    tuple of xarray.Dataset and dict of str to int
        Cells, and how many counts are stood in for, by name.
    """
    if not profile.threshold:
        return cells, {}
    passed = release(cells, profile).data
    names = tuple(dict.fromkeys([*groups, *([total] if total else [])]))
    hidden = {
        n: (status_of(passed, n) == Status.SUPPRESSED) & (status_of(cells, n) != Status.SUPPRESSED) for n in names
    }
    half = profile.threshold / 2
    value = {n: np.where(hidden[n], half, values_of(passed, n)) for n in names}
    if total and total not in groups and nobody_else(cells, groups, total):
        value |= _shares(value, hidden, groups, total)
    changed = cells.copy()
    for name in names:
        changed[name] = ("cell", value[name], dict(cells[name].attrs))
    return changed, {n: int(rows.sum()) for n, rows in hidden.items()}


def nobody_else(cells: xr.Dataset, groups: tuple[str, ...], total: str) -> bool:
    """Whether the groups are everybody of the total, as a census defines them."""
    return not float(np.nansum(group_counts(cells, groups, total)[0][:, -1])) > _ANYBODY


def _shares(
    value: Mapping[str, Floats], hidden: Mapping[str, Bools], groups: tuple[str, ...], total: str
) -> dict[str, Floats]:
    """Hidden parts of a shown total, shared out as the groups are where they may stand, or are shown."""
    known = {g: np.nansum(value[g]) for g in groups}
    weight = np.sum([np.where(hidden[g], known[g], 0.0) for g in groups], axis=0)
    shown = np.sum([np.where(hidden[g], 0.0, value[g]) for g in groups], axis=0)
    left = np.clip(value[total] - shown, 0.0, None) / np.where(weight > 0, weight, 1.0)
    told = ~hidden[total] & np.isfinite(left)
    return {g: np.where(hidden[g] & told, left * known[g], value[g]) for g in groups}


def with_others(cells: xr.Dataset, wanted: Wanted) -> tuple[xr.Dataset, tuple[str, ...]]:
    """Give cells with groups, and what they leave of the total, declared as its parts, and the counts that compete.

    Disclosure control must know what adds up.
    """
    groups = checked_counts(cells, wanted)
    if not wanted.total or groups == (wanted.total,):
        return cells, groups
    whole = cells.copy()
    for name in groups:
        whole[name] = whole[name].assign_attrs(part_of=wanted.total)
    left = group_counts(cells, groups, wanted.total)[0][:, -1]
    if not np.nansum(left) > _ANYBODY:
        return whole, groups
    return _with_left(whole, left, groups, wanted.total), (*groups, OTHERS)


def checked_counts(cells: xr.Dataset, wanted: Wanted) -> tuple[str, ...]:
    """Give the names of the counts that compete.

    Raises
    ------
    SchemaError, UnknownNameError
        A count that is none; a suppressed count; groups that exceed the total.
    """
    names = tuple(dict.fromkeys([*wanted.groups, *([wanted.total] if wanted.total else [])]))
    for name in names:
        if name not in measured(cells):
            raise unknown_name("count of these cells", name, measured(cells))
        if cells[name].attrs.get("kind") != "extensive":
            raise SchemaError(f"{name!r} is no count of persons but a rate. Name counts.")
    groups = tuple(g for g in wanted.groups if g != wanted.total) or names
    if wanted.total and OTHERS in groups and cells[OTHERS].attrs.get("source") != "access":
        raise SchemaError(f"a group is called {OTHERS!r}, which is what groups leave of a total. Rename it.")
    group_counts(cells, groups, wanted.total if groups != names else "")
    return groups


def _with_left(cells: xr.Dataset, left: Floats, groups: tuple[str, ...], total: str) -> xr.Dataset:
    about = Column(units="persons", long_name="Everybody in no group", part_of=total, source="access")
    why = why_missing(cells, [*groups, total])
    known = np.where(why == Status.OK, left, np.nan)
    return with_variables(cells, {OTHERS: known}, {OTHERS: about}, status={OTHERS: why})


def _competing(
    public: xr.Dataset, groups: tuple[str, ...], total: str, *, complete: bool
) -> tuple[xr.Dataset, tuple[str, ...]]:
    """Cells and counts with what the groups leave of the total, where that is somebody and no count says it yet."""
    if not total or groups == (total,) or OTHERS in groups or complete:
        return public, groups
    left = np.clip(values_of(public, total) - np.sum([values_of(public, g) for g in groups], axis=0), 0.0, None)
    if not np.nansum(left) > _ANYBODY:
        return public, groups
    return _with_left(public, left, groups, total), (*groups, OTHERS)


def measured_access(
    cells: xr.Dataset,
    times: TravelTimes,
    supply: Mapping[str, Floats],
    wanted: Wanted,
    profile: Profile,
    about: Mapping[str, Any],
) -> Measured:
    """Compute measures of access, their table and their inequality from the counts that may leave.

    Parameters
    ----------
    cells : xarray.Dataset
        The cells that `times` start from.
    times : TravelTimes
        To the sites.
    supply : mapping of service to ndarray, shape (site,)
        In the order of the times' sites; ``all`` names none.
    wanted : Wanted
        What is asked for.
    profile : Profile
        Its threshold says which counts are hidden before they compete.
    about : mapping
        More words for the parameters of each row.
    """
    chosen, options, decay = check_wanted(wanted)
    _check_zones(cells, wanted.zones)
    groups = checked_counts(cells, wanted)
    public, stands = released_counts(cells, groups, wanted.total, profile)
    complete = not wanted.total or wanted.total in groups or nobody_else(cells, groups, wanted.total)
    public, demand = _competing(public, groups, wanted.total, complete=complete)
    whole = cells
    if demand != groups:
        whole = _with_left(cells, values_of(public, OTHERS), groups, wanted.total)
    offered: Any = next(iter(supply.values())) if tuple(supply) == ("all",) else supply
    decay = decay or parse_decay(f"binary({max(times.limit_s, 60) / 60:g})")
    found = measure_access(access_market(public, times, demand, offered, decay=decay), wanted.measures, options)
    total = wanted.total if len(demand) > 1 else ""
    made = with_access(whole, found, options, total=total)
    # what groups leave of the total is no count anybody asked to publish
    made = made.drop_vars([n for n in (OTHERS, f"{OTHERS}_status") if n in made and n not in cells])
    table = table_of_access(public, found, options, thresholds=wanted.thresholds, zone=wanted.zones)
    held: dict[str, int] = {}
    empty: list[str] = []
    if wanted.inequality:
        scored = with_access(public, found, options)
        spread, empty = spread_of(scored, chosen, tuple(supply), demand, wanted)
        spread, held = guarded(spread, public, demand, wanted.zones, profile)
        table = pd.concat([table, spread], ignore_index=True)
    said = _words(profile, stands) | dict(about)
    table = with_words(table, said)
    for name in made.data_vars:
        if name not in cells and "access_source" in made[name].attrs:
            made[name].attrs |= {f"access_{k}": v for k, v in said.items()}
    return Measured(
        cells=made,
        table=table,
        held_back=held,
        stand_ins=stands,
        findings=(*_findings(chosen, wanted, profile, stands), *empty),
    )


def _check_zones(cells: xr.Dataset, zones: str) -> None:
    if not zones:
        return
    if zones not in labels(cells):
        raise unknown_name("label of these cells", zones, labels(cells))
    refuse_zone_names(cells[zones].to_numpy())


def _words(profile: Profile, stands: Mapping[str, int]) -> dict[str, Any]:
    if not profile.threshold:
        return {}
    half = profile.threshold / 2
    return {
        "counts": f"as released by {profile}: hidden ones stand as {half:g} or a share of the total",
        "counts_hidden": sum(stands.values()),
    }


def _findings(chosen: list[Measure], wanted: Wanted, profile: Profile, stands: Mapping[str, int]) -> Iterator[str]:
    for name, n in stands.items():
        if n:
            yield (
                f"{name}: {n:,} counts are hidden by {profile} and stand as {profile.threshold / 2:g} persons, or as a "
                "share of what a shown total leaves: no measure tells them"
            )
    for measure in chosen:
        if measure.adds and wanted.inequality:
            yield f"{measure.name} adds up over cells: there is no inequality of it between persons"
