"""`civigrid access`: travel times, people and services from files; measures of access to files."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.errors import SchemaError, first_few, unknown_name
from civigrid.io.cells import INSIDE, read_cells
from civigrid.io.travel_times import Columns, read_times
from civigrid.layers.access.measures import measure_named
from civigrid.layers.access.sources import SOURCES
from civigrid.release import Profile, release
from civigrid.run.access.asked import Announce
from civigrid.run.access.measures import measured_access, with_others
from civigrid.run.access.supply import ONE_EACH, read_supply, supply_by_kind
from civigrid.run.access.wanted import Wanted, check_wanted
from civigrid.run.steps import WRITERS, write_cells_file, write_table_file
from civigrid.travel_times import TravelTimes, times_of_pairs


@dataclass(frozen=True, kw_only=True)
class AccessFiles:
    """Files, and how they are read.

    Parameters
    ----------
    times, demand, supply : Path
        Travel times; cells with people; services.
    columns : mapping
        Columns of another engine's matrix: origin, site, time, unit.
    site_id, supply_column, kind_column : str
        Columns of the services: ids, what they offer (empty: 1 each), kinds (empty: all are one).
    table, cells : Path, optional
        Where the table and the cells go.
    """

    times: Path
    demand: Path
    supply: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    site_id: str = ""
    supply_column: str = ""
    kind_column: str = ""
    table: Path | None = None
    cells: Path | None = None


def access_file(
    files: AccessFiles, wanted: Wanted, profile: Profile, announce: Announce = lambda _: None
) -> dict[str, Any]:
    """Compute measures of access of files, and write them.

    Returns
    -------
    dict
        ``table``: the rows that may leave, parameters as objects; ``measures``: title, unit, which way is better,
        advice, source; what was noticed; what was hidden; seconds.

    Raises
    ------
    SchemaError, SourceError, UnknownNameError
        Each fault of the files or of what was asked, with its mend.
    """
    began = time.perf_counter()
    check_wanted(wanted)
    _check_outputs(files)
    announce(f"reading {files.times.name}")
    times, grid, noticed = read_times(files.times, _columns(files.columns))
    cells = read_cells(files.demand)
    if grid_of(cells) != grid:
        raise SchemaError(
            f"{files.times.name} starts from cells of {grid.id}, {files.demand.name} holds cells of "
            f"{grid_of(cells).id}."
        )
    sites = read_supply(files.supply, files.site_id)
    supply = supply_by_kind(sites, files.supply_column, files.kind_column)
    met, findings = joined(times, cells, sites.index, (files.demand.name, files.supply.name))
    if not files.supply_column:
        findings.append(f"no column of supply is named: each service offers {ONE_EACH.split()[0]} (--supply-column)")
    announce(f"{len(wanted.measures)} measures of {len(met.cell_id):,} cells and {len(met.site_id):,} services")
    about = {} if files.supply_column else {"supply": ONE_EACH}
    cells, groups = with_others(cells, wanted)
    found = measured_access(cells, met, supply, replace(wanted, groups=groups), profile, about)
    passed = release(found.table, profile).data
    hidden = {} if files.cells is None else write_cells_file(found.cells, files.cells, profile)
    if files.table is not None:
        write_table_file(found.table, files.table, profile)
    return {
        "out": str(files.table) if files.table else "",
        "cells_out": str(files.cells) if files.cells else "",
        "profile": str(profile),
        "mode": met.mode,
        "services": list(supply),
        "cells": len(met.cell_id),
        "sites": len(met.site_id),
        "pairs": len(met.seconds),
        "stand_ins": found.stand_ins,
        "held_back": found.held_back,
        "suppressed": hidden,
        "findings": [*(str(f) for f in noticed), *findings, *found.findings],
        "measures": [described(name) for name in wanted.measures],
        "table": _rows(passed),
        "seconds": time.perf_counter() - began,
    }


def described(name: str) -> dict[str, str]:
    """Say what a measure is: title, units, which way is better, formula, invariants, advice, source."""
    one = measure_named(name)
    return {
        "name": one.name, "title": one.title, "units": one.units, "better": one.better, "formula": one.formula,
        "options": ", ".join(one.uses), "weights": "decay" if one.weighs else "",
        "competes": "yes" if one.competes else "", "invariants": one.invariants,
        "advice": one.advice, "source": SOURCES[one.source],
    }  # fmt: skip


def joined(
    times: TravelTimes, cells: xr.Dataset, sites: pd.Index, names: tuple[str, str]
) -> tuple[TravelTimes, list[str]]:
    """Give the times from the cells to the services, matched by id, and say what either side lacks.

    Cells of people that the times do not have reach nothing; times of other cells are left out; services that the times
    do not have are reached by nobody.

    Raises
    ------
    SchemaError
        No cell, or no service, is on both sides; the times go to sites that the services do not hold.
    """
    demand, supply = names
    ids = ids_of(cells)
    number = sites.get_indexer(pd.Index(times.site_id.astype(str)))
    if (number < 0).any():
        lacking = times.site_id[number < 0]
        raise SchemaError(
            f"the travel times go to {len(lacking)} sites that {supply} does not hold (first: {first_few(lacking)}; it "
            f"has {first_few(sites)}). Ids must be the same; --site-id names their column."
        )
    at = np.minimum(np.searchsorted(ids, times.cell_id), max(len(ids) - 1, 0))
    there = ids[at] == times.cell_id if len(ids) else np.zeros(len(times.cell_id), dtype=bool)
    if not there.any():
        raise SchemaError(f"no cell of {demand} is among the {len(times.cell_id):,} cells of the travel times.")
    rows = times.rows()
    keep = there[rows]
    made = times_of_pairs(
        ids, sites.to_numpy().astype(str), at[rows[keep]], number[times.site[keep]], times.seconds[keep],
        limit_s=times.limit_s, mode=times.mode,
    )  # fmt: skip
    said = []
    if absent := len(ids) - int(there.sum()):
        said.append(f"warning: {absent:,} of {len(ids):,} cells of {demand} have no travel times: they reach nothing")
    if beyond := int((~there).sum()):
        said.append(f"{beyond:,} cells of the travel times are not in {demand}: nobody is known there, left out")
    if unmet := len(sites) - len(number):
        some = first_few(sites[~sites.isin(times.site_id.astype(str))])
        said.append(f"warning: {unmet:,} services are not in the travel times: nobody reaches them (first: {some})")
    return made, said


def _columns(given: Mapping[str, str]) -> Columns:
    known = ("origin", "site", "time", "unit")
    for name in given:
        if name not in known:
            raise unknown_name("column of a matrix", name, known)
    return Columns(**dict(given))  # type: ignore[arg-type]


def _check_outputs(files: AccessFiles) -> None:
    if files.table is not None and files.table.suffix not in (".csv", ".parquet"):
        raise SchemaError(f"--out {files.table.name}: a table is written as .csv or .parquet.")
    if files.cells is not None and files.cells.suffix not in (*WRITERS, INSIDE):
        raise SchemaError(f"--cells {files.cells.name}: the suffix must be one of {', '.join([*WRITERS, INSIDE])}.")


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(k): v for k, v in row.items()} | {"parameters": json.loads(row["parameters"])}
        for row in table.to_dict("records")
    ]
