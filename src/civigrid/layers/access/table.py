"""Access as one table: means by group, shares of persons beyond thresholds, totals that are conserved or left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.errors import unknown_name
from civigrid.layers.access.cells import Supply, Times, access_market, told
from civigrid.layers.access.decay import Decay
from civigrid.layers.access.found import Access
from civigrid.layers.access.measures import DEFAULT, AccessOptions, Measure, measure_access, measure_named
from civigrid.layers.segregation.groups import zone_codes
from civigrid.result_table import parameters, result_table
from civigrid.types import Bools, Floats

TOTALS = ("supply_shared", "supply_lost", "demand", "demand_unserved", "unmet")
"""Notes that become rows."""


def access_table(
    cells: xr.Dataset,
    times: Times | Mapping[str, Times],
    demand: Sequence[str],
    supply: Supply,
    *,
    measures: Sequence[str] = DEFAULT,
    decay: Decay | None = None,
    options: AccessOptions | None = None,
    thresholds: Mapping[str, float] | None = None,
    zone: str = "",
    **more: Any,
) -> pd.DataFrame:
    """Tabulate access by group.

    Parameters
    ----------
    cells, times, demand, supply, decay
        As of `civigrid.layers.access.access_market`.
    measures : sequence of str
        Names in `civigrid.layers.access.measures.MEASURES`.
    options : AccessOptions, optional
        What measures ask for.
    thresholds : mapping of measure to float, optional
        What is just good enough: minutes at most, places at least.
    zone : str
        Label by which rows are made too; access itself is of the whole, across borders of zones.
    more
        `need`, `eligible` and `mode_share`, as of `access_market`.

    Returns
    -------
    pandas.DataFrame
        A result table with topic ``access``.  ``MEASURE``: mean over persons of a group, and of all groups, who have a
        value (of what adds up: its sum over cells).  ``MEASURE_missed``: share of persons for whom it is worse than the
        threshold, or who reach nothing.  Totals, as ``supply_lost``, for the whole.  `parameters` holds the service.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> from civigrid.layers.access.decay import Binary
    >>> from civigrid.travel_times import times_of_pairs
    >>> from civigrid.types import Column
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
    >>> cells = make_cells(grid, ids, {"people": [10.0, 30.0]}, {"people": Column()})
    >>> row, site, seconds = np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([600, 1200, 300])
    >>> times = times_of_pairs(ids, np.array(["a", "b"]), row, site, seconds, limit_s=1800, mode="walk")
    >>> table = access_table(
    ...     cells, times, ["people"], [4.0, 3.0], measures=["2sfca"], decay=Binary(30.0), thresholds={"2sfca": 0.15}
    ... )
    >>> table[["index", "groups", "estimate"]].head(3).values.tolist()
    [['2sfca', 'people', 0.175], ['2sfca_missed', 'people', 0.25], ['supply_shared', 'people', 7.0]]
    """
    asked = options or AccessOptions()
    town = access_market(cells, times, demand, supply, decay=decay, **more)
    return table_of_access(cells, measure_access(town, measures, asked), asked, thresholds=thresholds, zone=zone)


def table_of_access(
    cells: xr.Dataset,
    found: Mapping[str, Access],
    options: AccessOptions,
    *,
    thresholds: Mapping[str, float] | None = None,
    zone: str = "",
) -> pd.DataFrame:
    """Tabulate what `measure_access` found, as `access_table` says."""
    limits = thresholds or {}
    for name in limits:
        if name not in found:
            raise unknown_name("measure with a threshold", name, found)
    zones, code = zone_codes(cells, zone)
    parts: list[tuple[str, Bools]] = [("all", np.ones(len(code), dtype=bool))]
    parts += [(name, code == k) for k, name in enumerate(zones)]
    rows: list[Mapping[str, Any]] = []
    for name, access in found.items():
        measure = measure_named(name)
        for s, service in enumerate(access.market.services):
            said = told(measure, access, s, options)
            for note in (*TOTALS, "advice"):
                said.pop(note, None)
            for place, inside in parts:
                of_groups = _of_groups(measure, access, s, inside, limits.get(name), {"service": service} | said)
                rows += [{"zone": place, "topic": "access"} | row for row in of_groups]
            rows += _totals(access, s, name, service)
    return result_table(rows)


def _of_groups(
    measure: Measure, access: Access, service: int, inside: Bools, limit: float | None, said: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    town = access.market
    here = inside & town.known
    columns = [([g], name) for g, name in enumerate(town.groups)]
    if measure.adds and access.value.shape[2] == 1:
        columns = []  # places of a cell are those of all its groups
    if len(town.groups) > 1 or not columns:
        columns.append((list(range(len(town.groups))), "|".join(town.groups)))
    for groups, name in columns:
        value = np.stack([access.of(service, g)[here] for g in groups], axis=1)
        people = town.demand[here][:, groups]
        has = people > 0
        persons = float(people.sum())
        row = {"groups": name, "persons": persons, "cells": int(has.any(axis=1).sum())}
        if measure.adds:
            adding = value[:, :1] if access.value.shape[2] == 1 else value
            yield row | {"index": measure.name, "estimate": float(np.nansum(adding)), "parameters": parameters(**said)}
            continue
        yield row | {"index": measure.name} | _mean(value, people, said)
        if limit is not None and persons > 0:
            missed = float(people[_worse(measure, value, limit) & has].sum()) / persons
            told_limit = parameters(**said, threshold=limit)
            yield row | {"index": f"{measure.name}_missed", "estimate": missed, "parameters": told_limit}


def _mean(value: Floats, people: Floats, said: Mapping[str, Any]) -> dict[str, Any]:
    there = ~np.isnan(value) & (people > 0)
    whole, persons = float(people.sum()), float(people[there].sum())
    mean = float((people[there] * value[there]).sum() / persons) if persons > 0 else np.nan
    without = {"share_without_value": (whole - persons) / whole} if whole > 0 and persons < whole else {}
    return {"estimate": mean, "parameters": parameters(**said, **without)}


def _worse(measure: Measure, value: Floats, limit: float) -> Bools:
    with np.errstate(invalid="ignore"):
        worse = value > limit if measure.better == "lower" else value < limit
    return np.asarray(worse | np.isnan(value))


def _totals(access: Access, service: int, measure: str, name: str) -> Iterator[dict[str, Any]]:
    town = access.market
    common = {
        "zone": "all",
        "topic": "access",
        "groups": "|".join(town.groups),
        "persons": float(town.demand.sum()),
        "cells": int((town.demand.sum(axis=1) > 0).sum()),
        "parameters": parameters(service=name, measure=measure),
    }
    for note in TOTALS:
        if note in access.notes:
            yield common | {"index": note, "estimate": float(access.notes[note][service])}
