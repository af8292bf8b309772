"""The steps that add layers: cells in, the same cells with new variables out, and a result table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, ids_of, values_of
from civigrid.io.tables import read_shapes, read_table, to_numbers
from civigrid.layers.reach import reach_table
from civigrid.layers.segregation import TrajectoryOptions, segregation_cells, trajectory_cells
from civigrid.layers.segregation.groups import group_counts
from civigrid.layers.segregation.neighbourhoods.trajectory_paths import EXACT_UP_TO
from civigrid.layers.typology import with_centres
from civigrid.project import COVERED, coarsen
from civigrid.release.indices import fewest_members
from civigrid.result_table import parameters, result_table
from civigrid.run import config
from civigrid.run.access.onestop import add_archetypes, add_onestop
from civigrid.run.access.steps import add_access, add_times, times_to
from civigrid.run.parts import Part
from civigrid.run.paths import resolve
from civigrid.run.segregation.members import members_of
from civigrid.run.segregation.names import DISTANCE
from civigrid.run.segregation.people import People
from civigrid.run.segregation.tables import tables_of, wanted_of
from civigrid.run.setting import Setting, of_cells, sites_of
from civigrid.travel import StraightLine


def add_centres(item: config.Centres, cells: xr.Dataset, setting: Setting) -> Part:
    """Label urban centres, named by known places where a file of them is given."""
    names = places = None
    if item.names:
        known = read_shapes(resolve(item.names, setting.base)).to_crs("EPSG:3035")
        names = known[item.name_column].astype(object).to_numpy()
        places = np.stack([known.geometry.x, known.geometry.y], axis=1)
    made = with_centres(
        cells,
        item.variable,
        density_km2=item.density_km2,
        minimum_persons=item.minimum_persons,
        largest=item.largest,
        label=item.label,
        names=names,
        places=places,
    )
    return Part(made)


def add_segregation(item: config.Segregation, cells: xr.Dataset, setting: Setting) -> Part:
    """Local measures by cell; indices of all families asked for, for the whole and by zone."""
    options: dict[str, Any] = {"scheduler": setting.scheduler, "cells_per_block": setting.block_cells}
    counts, _ = group_counts(cells, item.groups, item.total)
    names = [*item.groups, *(["rest"] if item.total else [])]
    tables: list[pd.DataFrame] = []
    rests_on: list[pd.DataFrame] = []
    for zone in item.zones or ("",):
        people = People(cells=cells, groups=item.groups, total=item.total, zone=zone, options=options)
        found = tables_of(people, wanted_of(item))
        # the whole stands once, however many labels make zones
        found = found if not tables else found[found["zone"] != "all"]
        zones, members = members_of(counts, cells[zone].to_numpy() if zone else np.empty(0, dtype=object))
        tables.append(found)
        rests_on.append(pd.DataFrame({"label": zone, "fewest": fewest_members(found, zones, names, members)}))
    table = of_cells(pd.concat(tables, ignore_index=True), item.cells)
    # what decides whether a row may leave goes with it: a profile is no part of what was computed
    return Part(
        _local_measures(item, cells, setting),
        {"results": table, "rests_on": pd.concat(rests_on, ignore_index=True)},
    )


def _local_measures(item: config.Segregation, cells: xr.Dataset, setting: Setting) -> xr.Dataset:
    """Cells with the measures asked for, and how far one has to look around where that is asked."""
    plain = [name for name in item.measures if name != DISTANCE]
    made = segregation_cells(cells, item.groups, total=item.total, measures=plain)
    if DISTANCE not in item.measures:
        return made
    many = cells.sizes["cell"] > EXACT_UP_TO
    options = TrajectoryOptions(scales=40 if many else 0, scheduler=setting.scheduler)
    return trajectory_cells(made, item.groups, total=item.total, options=options)


def add_reach(item: config.Reach, cells: xr.Dataset, setting: Setting) -> Part:
    """Who a service serves, against who lives in its catchment."""
    sites = sites_of((item.sites,), setting.sources)
    users = read_table(resolve(item.users, setting.base), text=True)
    prefix = str(sites.index[0]).split(":", 1)[0] if len(sites) else ""
    users = users.assign(site_id=[f"{prefix}:{s}" for s in users["site_id"]], users=to_numbers(users["users"])[0])
    used = sites[sites.index.isin(users["site_id"])]
    times = times_to(used, item.times, cells, setting, StraightLine(limit_min=max(item.threshold_min, 1.0)))
    table = reach_table(
        cells, times, users, item.groups, total=item.total, threshold_min=item.threshold_min, min_users=item.min_users
    )
    names = used["name"].astype(str).to_dict()
    table["zone"] = table["zone"].map(lambda site: f"{names.get(site, '')} ({site.split(':', 1)[1]})").astype(object)
    return Part(cells, {"results": of_cells(table, item.cells)})


def compare_cells(item: config.Compare, cells: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """Errors of projections against reference cells: total allocation error, mean absolute error, correlation."""
    rows = []
    for name in item.cells:
        ours = cells[name]
        grid = grid_of(ours)
        theirs = cells[item.reference]
        if grid_of(theirs) != grid:
            theirs = coarsen(theirs, grid)
        inside = values_of(ours, COVERED) >= item.min_covered if COVERED in ours else np.ones(ours.sizes["cell"], bool)
        ids, value = ids_of(ours)[inside], np.nan_to_num(values_of(ours, item.variable))[inside]
        at = np.minimum(np.searchsorted(ids_of(theirs), ids), theirs.sizes["cell"] - 1)
        truth = np.where(ids_of(theirs)[at] == ids, np.nan_to_num(values_of(theirs, item.reference_variable)[at]), 0.0)
        error = value - truth
        about = parameters(on=name, reference=item.reference, grid=grid.id, min_covered=item.min_covered)
        figures = {
            "total_allocation_error": float(np.abs(error).sum() / (2 * truth.sum())) if truth.sum() else np.nan,
            "mean_absolute_error": float(np.abs(error).mean()) if len(error) else np.nan,
            "root_mean_square_error": float(np.sqrt((error**2).mean())) if len(error) else np.nan,
            "correlation": float(np.corrcoef(value, truth)[0, 1]) if len(error) > 1 and value.std() > 0 else np.nan,
        }
        common = {"zone": "all", "topic": "validation", "groups": item.variable, "parameters": about}
        rows += [
            {**common, "index": index, "estimate": figure, "persons": float(truth.sum()), "cells": len(ids)}
            for index, figure in figures.items()
        ]
    return result_table(rows)


LAYERS: tuple[tuple[str, Callable[[Any, xr.Dataset, Setting], Part]], ...] = (
    ("centres", add_centres),
    ("segregation", add_segregation),
    ("times", add_times),
    ("access", add_access),
    ("onestop", add_onestop),
    ("archetypes", add_archetypes),
    ("reach", add_reach),
)
"""Layer steps in the order they run: a table of the run file by this name, and the function it calls."""
