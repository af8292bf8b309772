"""What if: edits of services, and archetypes compared on the same terms, in a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
import xarray as xr

from civigrid.cells import column_of, grid_of, ids_of, with_variables
from civigrid.errors import SchemaError, first_few, unknown_name
from civigrid.io.tables import read_shapes
from civigrid.layers.onestop.archetypes import (
    CLUSTER,
    cluster_of_towns,
    hub_and_satellites,
    neighbourhood_points,
    one_hub,
)
from civigrid.layers.onestop.comparison import Comparison, compare
from civigrid.layers.onestop.costs import Costs
from civigrid.layers.onestop.edit_text import parse_edit
from civigrid.layers.onestop.edits import Edit, Move
from civigrid.layers.onestop.evaluation import Evaluation, evaluate
from civigrid.layers.onestop.growth import grow
from civigrid.layers.onestop.personas import Persona
from civigrid.layers.onestop.places import at_places
from civigrid.layers.onestop.scenario import Scenario, TimesTo
from civigrid.layers.onestop.services import Services
from civigrid.layers.onestop.sharing import MOST, share_costs
from civigrid.layers.onestop.siting import Layout, Plan
from civigrid.layers.onestop.town import Town, town_of
from civigrid.layers.onestop.who_gains import gains_cells, gains_table
from civigrid.result_table import result_table
from civigrid.run import config
from civigrid.run.paths import resolve
from civigrid.run.setting import Setting
from civigrid.travel_times import TravelTimes
from civigrid.types import Column, Ints

DRAWS = 200
"""Draws of the persons behind each interval of gains; the same persons before and after."""
TODAY = "today"
"""Name of the layout that is there."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Change:
    """What edits change for a persona: rows of results, and cells with who gains and loses."""

    cells: xr.Dataset
    table: pd.DataFrame


def judged_edits(
    texts: Sequence[str],
    persona: Persona,
    services: Services,
    place: Ints,
    town: Town,
    cells: xr.Dataset,
    times_to: TimesTo | None,
) -> Change:
    """Judge the services of today and those after the edits by the same people, times and needs.

    Parameters
    ----------
    texts : sequence of str
        Edits as `parse_edit` reads them; a site is named by its own id, or with the name of its source before it.
    persona : Persona
        Whose gains and losses.
    services, place, town
        What is there, the place of each site, and by what it is judged.  Edits are of sites; who needs several services
        finds those of one place together, so both are judged by places.
    cells : xarray.Dataset
        The cells of the town.
    times_to : callable or None
        Times to a new place, where a site moves.
    """
    edits = tuple(known_site(parse_edit(text), town.times) for text in texts)
    if times_to is None and any(isinstance(edit, Move) for edit in edits):
        raise SchemaError("a site moves, and these travel times cannot be made to a new place: import them anew.")
    base = Scenario(town=town, services=services, times_to=times_to)
    before = evaluate(*_at_places(town, services, place))
    moved = [town.site(edit.site) for edit in edits if isinstance(edit, Move)]
    changed = place.copy()
    # what moves leaves its place
    changed[moved] = place.max(initial=-1) + 1 + np.arange(len(moved))
    _, changed = np.unique(changed, return_inverse=True)
    after = evaluate(*_at_places(*base.with_edits(*edits).layout(), changed), before=None if moved else before)
    table = gains_table(before, after, draws=DRAWS)
    about = {"persona": persona.name, "edits": list(texts)}
    return Change(cells=_gains(cells, before, after, f"{persona.name} if"), table=_told(table, about))


def _at_places(town: Town, services: Services, place: Ints) -> tuple[Town, Services]:
    times, _, there = at_places(town.times, None, services, place)
    return replace(town, times=times), there


def known_site(edit: Edit, times: TravelTimes) -> Edit:
    """Name the site of an edit as the travel times do."""
    ids = times.site_id.tolist()
    if edit.site in ids:
        return edit
    found = [i for i in ids if i.split(":", 1)[-1] == edit.site]
    if not found:
        raise unknown_name("site", edit.site, [i.split(":", 1)[-1] for i in ids])
    if len(found) > 1:
        raise SchemaError(f"{len(found)} sites are called {edit.site!r}: {first_few(found)}. Name one with its source.")
    return replace(edit, site=found[0])


def _gains(cells: xr.Dataset, before: Evaluation, after: Evaluation, label: str) -> xr.Dataset:
    """Add who gains and who loses by a change, named by its label."""
    prefix = f"{label.replace(' ', '_')}_"
    made = gains_cells(cells, before, after)
    names = [str(n) for n in made.data_vars if n not in cells and not str(n).endswith("_status")]
    return with_variables(
        cells,
        {prefix + n: made[n].to_numpy() for n in names},
        {prefix + n: _worded(column_of(made[n]), n, label, cells) for n in names},
        status={prefix + n: made[f"{n}_status"].to_numpy() for n in names if f"{n}_status" in made},
    )


def _worded(column: Column, name: str, label: str, cells: xr.Dataset) -> Column:
    """Say whose change it is, in words people use for the group."""
    what, _, group = name.partition("_") if name.startswith(("gain", "lose")) else name.partition("_change_")
    words = column_of(cells[group]).long_name or group
    told = {"gain": f"{words} who save time", "lose": f"{words} who need longer"}
    text = told.get(what, f"more minutes a year per person ({words}; below 0: fewer)")
    return replace(column, long_name=f"{label.capitalize()}: {text}")


def _told(table: pd.DataFrame, about: dict[str, Any]) -> pd.DataFrame:

    texts = [
        json.dumps({**json.loads(text), **about}, sort_keys=True, ensure_ascii=False) for text in table["parameters"]
    ]
    return table.assign(parameters=pd.Series(texts, index=table.index, dtype=object))


def town_for(cells: xr.Dataset, times: TravelTimes, persona: Persona, item: config.Onestop | config.Archetypes) -> Town:
    """People, times and needs by which layouts are judged for a persona."""
    groups = tuple(dict.fromkeys([item.total, *item.groups]))
    return town_of(cells, times, persona.bundle, groups, free=persona.free_week(), referral=item.referral)


@dataclass(frozen=True, eq=False, kw_only=True)
class Compared:
    """Archetypes beside what is there: rows of results, the comparison, and cells with who gains and loses."""

    cells: xr.Dataset
    table: pd.DataFrame
    comparison: Comparison


def compared(
    item: config.Archetypes, persona: Persona, services: Services, town: Town, cells: xr.Dataset,
    sites: gpd.GeoDataFrame, setting: Setting,
) -> Compared:  # fmt: skip
    """Make the archetypes within the budget, and judge them and what is there by the same terms."""
    plan = Plan(
        budget=item.budget,
        costs=Costs(**dict(item.costs)),
        information=item.information if item.information in persona.bundle.kinds else persona.bundle.kinds[0],
        kinds_per_point=item.kinds_per_point,
        hours=item.hours,
    )
    layouts = [Layout(name=TODAY, services=of_kinds(services, persona.bundle.kinds))]
    for name in item.archetypes:
        setting.announce(f"{persona.title}: {name}")
        layouts += _made(name, item, town, plan, sites, setting)
    found = compare(town, layouts, plan.costs, scheduler=setting.scheduler)
    about = {"persona": persona.name, "budget": item.budget}
    tables = [_told(found.table(), about)]
    before = evaluate(town, layouts[0].services)
    made = cells
    for layout in layouts[1:]:
        after = found.of(layout.name)
        tables.append(_told(gains_table(before, after, draws=DRAWS), {**about, "layout": layout.name}))
        made = _gains(made, before, after, layout.name)
        if layout.name == CLUSTER:
            shared = _shared(after, layout, plan, item, cells, sites, setting)
            tables.append(_told(shared, {**about, "layout": layout.name}))
    return Compared(cells=made, table=pd.concat(tables, ignore_index=True), comparison=found)


def of_kinds(services: Services, kinds: Sequence[str]) -> Services:
    """Services of some kinds: what is there for a persona."""
    return services.some(np.isin(services.kind, list(kinds)))


def _made(
    name: str, item: config.Archetypes, town: Town, plan: Plan, sites: gpd.GeoDataFrame, setting: Setting
) -> list[Layout]:
    if name == "one hub":
        return [one_hub(town, plan)]
    if name == "neighbourhood points":
        return [neighbourhood_points(town, plan)]
    if name == "hub and satellites":
        return [hub_and_satellites(town, plan)]
    if name == "cluster of towns":
        return [cluster_of_towns(town, plan, towns_of(item, sites.geometry, setting))]
    if name == "growth":
        return [replace(layout, name=layout.name) for layout in grow(town, plan).layouts[1:]]
    known = ("one hub", "neighbourhood points", "hub and satellites", "cluster of towns", "growth")
    raise unknown_name("archetype", name, known)


def _shared(
    found: Evaluation, layout: Layout, plan: Plan, item: config.Archetypes, cells: xr.Dataset,
    sites: gpd.GeoDataFrame, setting: Setting,
) -> pd.DataFrame:  # fmt: skip
    """Who of a cluster pays how much, by every rule; of more towns than coalitions can be looked at: nothing."""
    towns = towns_of(item, sites.geometry, setting)
    centres = gpd.GeoSeries(shapely.points(grid_of(cells).centre(ids_of(cells))), crs=grid_of(cells).crs)
    homes = towns_of(item, centres, setting)
    known = set(towns.tolist()) - {""}
    # people of towns without a site are outside the cluster
    homes = np.where(np.isin(homes, sorted(known)), homes, "")
    if len(known) > MOST:
        return result_table([])
    return share_costs(found, layout, plan, towns, homes).table(found.town.times.mode)


def towns_of(item: config.Archetypes, places: gpd.GeoSeries, setting: Setting) -> npt.NDArray[np.str_]:
    """Municipality of each place: the polygon it lies in, empty where it lies in none."""
    path, _, column = item.towns.rpartition(":")
    if not path:
        raise SchemaError(
            "'cluster of towns' needs towns = \"FILE:COLUMN\": polygons of municipalities and their names."
        )
    shapes = read_shapes(resolve(path, setting.base))
    if column not in shapes:
        raise unknown_name(f"column of {path.rsplit('/', 1)[-1]}", column, [str(c) for c in shapes.columns])
    points = gpd.GeoDataFrame(geometry=places.to_crs(shapes.crs).to_numpy(), crs=shapes.crs)
    joined = points.sjoin(shapes[[column, "geometry"]], how="left", predicate="within")
    first = joined[~joined.index.duplicated()].sort_index()
    names: npt.NDArray[np.str_] = first[column].fillna("").astype(str).to_numpy().astype(str)
    return names
