"""The one-stop shop in a run: personas, modes of travel, and what it takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from civigrid.cells import column_of, with_variables
from civigrid.errors import SchemaError
from civigrid.io.services import ServiceTable, services_of_table
from civigrid.layers.onestop.access import OneStop, OneStopOptions, one_stop_cells, one_stop_of
from civigrid.layers.onestop.bundle import places_of
from civigrid.layers.onestop.gains import Fare
from civigrid.layers.onestop.personas import PERSONAS, Persona
from civigrid.layers.onestop.places import at_places
from civigrid.layers.onestop.services import Services
from civigrid.layers.onestop.table import one_stop_table, people_of
from civigrid.run import config
from civigrid.run.access.served import served_table
from civigrid.run.access.steps import between_of, findings_table, times_to, times_to_place
from civigrid.run.access.whatif import compared, judged_edits, town_for
from civigrid.run.parts import Part
from civigrid.run.setting import Setting, of_cells, sites_of
from civigrid.source import Finding
from civigrid.travel import StraightLine
from civigrid.travel_times import TravelTimes
from civigrid.types import Column, Floats, Ints

KEPT = {
    "round_separate": "separate trips, there and back",
    "round_one_stop": "all at one place, there and back",
    "round_mix": "cheapest mix of places, there and back",
    "round_chain": "shortest tour to all services",
    "chain_stops": "stops of the tour",
    "minutes_saved_year": "time that one stop saves in a year",
    "week_one_stop": "share of free time when one place is open for all",
    "completeness": "share of the bundle at the best place nearby",
    "completed": "services completed after referrals",
    "chain_stop_1": "first stop of the tour",
    "chain_stop_2": "second stop of the tour",
    "chain_stop_3": "third stop of the tour",
}
"""Variables of a persona that stand in the cells, for its commonest mode, in short words; `details` keeps all."""


def add_onestop(item: config.Onestop, cells: xr.Dataset, setting: Setting) -> Part:
    """What it takes each persona to obtain all its services, by cell and by group; and why."""
    sites = sites_of(item.sites, setting.sources)
    table = with_places(service_table(sites), sites, item.same_place_m)
    personas = [persona_of(name, item) for name in item.personas]
    made, tables = cells, []
    noticed: list[Finding] = []
    served: list[pd.DataFrame] = []
    for persona in personas:
        setting.announce(f"{persona.title}: trips, tours, referrals")
        judgements = {
            mode: judged(item, persona, ways_of(item, mode, sites, cells, setting), table, setting)
            for mode, share in persona.modes.items()
            if share > 0
        }
        found = {mode: one for mode, (one, _) in judgements.items()}
        moved = next(iter(judgements.values()))[1]
        tables.append(one_stop_table(cells, found, item.groups, total=item.total))
        if item.edits:
            made, change = _edited(item, persona, table, sites, made, setting)
            tables.append(change)
        served.append(_served(persona, found, moved, cells, item))
        noticed += [finding for mode, one in found.items() if (finding := _no_tour(persona, mode, one))]
        made = with_persona(made, persona, found, Named(sites, table.place), item)
    results = of_cells(pd.concat(tables, ignore_index=True), item.cells)
    tables_of = {"results": results, "findings": findings_table((*table.report, *noticed))}
    return Part(made, {**tables_of, "served": pd.concat(served, ignore_index=True)})


def _no_tour(persona: Persona, mode: str, one: OneStop) -> Finding | None:
    """Say that no tour has all services though each is reached from somewhere: an empty map would not say why."""
    if one.chains is None or not len(one.chains.chain_min) or np.isfinite(one.chains.chain_min).any():
        return None
    kinds = persona.bundle.kinds
    text = (
        f"{persona.title}, {mode}: from no cell does a tour of {one.options.most_stops} stops have all of "
        f"{', '.join(kinds)} in time: round_chain is empty. Services further apart may count as one place "
        "(same_place_m), or round_mix may be shown instead"
    )
    return Finding("warning", "onestop.no-tour", text, len(one.chains.chain_min))


def _served(
    persona: Persona, found: Mapping[str, OneStop], services: Services, cells: xr.Dataset, item: config.Onestop
) -> pd.DataFrame:
    """Whom each place serves, by the commonest mode of the persona."""
    one = found[max(found, key=lambda m: (persona.modes[m], m))]
    people = {group: people_of(cells, group) for group in dict.fromkeys([item.total, *item.groups])}
    return served_table(one, services, people)


def _edited(
    item: config.Onestop,
    persona: Persona,
    table: ServiceTable,
    sites: gpd.GeoDataFrame,
    cells: xr.Dataset,
    setting: Setting,
) -> tuple[xr.Dataset, pd.DataFrame]:
    """Who gains and who loses by the edits, by the commonest mode of the persona."""
    mode = max(persona.modes, key=lambda m: (persona.modes[m], m))
    times, _ = ways_of(item, mode, sites, cells, setting)
    town = town_for(cells, times, persona, item)
    made_by = times_to_place(setting.times[item.times[mode]].item, cells, setting)
    change = judged_edits(item.edits, persona, table.services, table.place, town, cells, made_by)
    return change.cells, change.table


def add_archetypes(item: config.Archetypes, cells: xr.Dataset, setting: Setting) -> Part:
    """Archetypes beside today's services, and who would gain and lose by each."""
    sites = sites_of(item.sites, setting.sources)
    table = with_places(service_table(sites), sites, item.same_place_m)
    persona = PERSONAS[item.persona]
    persona = persona.of_kinds({k: v for k, v in item.kinds.items() if k in persona.bundle.kinds})
    persona = replace(persona, bundle=replace(persona.bundle, threshold_min=item.threshold_min))
    times = times_to(sites, item.times, cells, setting, StraightLine())
    # services near each other are at one place, today and in every archetype
    times, _, services = at_places(times, None, table.services, table.place)
    town = town_for(cells, times, persona, item)
    found = compared(item, persona, services, town, cells, sites.loc[times.site_id], setting)
    results = of_cells(found.table, item.cells)
    wide = found.comparison.wide.assign(notes=found.comparison.wide["notes"].astype(object))
    return Part(found.cells, {"results": results, "comparison": wide, "findings": findings_table(tuple(table.report))})


def service_table(sites: gpd.GeoDataFrame) -> ServiceTable:
    """Services of the sources' tables; a referral names its site as the table does."""
    table = pd.DataFrame(sites.drop(columns="geometry")).assign(site_id=sites.index.astype(str))
    if "referral_to" in table:
        prefix = table["site_id"].str.split(":", n=1).str[0]
        said = table["referral_to"].fillna("").astype(str)
        table["referral_to"] = np.where(said == "", "", prefix + ":" + said)
    return services_of_table(table, table["site_id"].tolist())


def persona_of(name: str, item: config.Onestop) -> Persona:
    """Give a persona with the kinds, modes and the threshold of a run file."""
    persona = PERSONAS[name]
    persona = persona.of_kinds({k: v for k, v in item.kinds.items() if k in persona.bundle.kinds})
    modes = dict(item.modes) or {m: s for m, s in persona.modes.items() if m in item.times}
    if not modes or sum(modes.values()) <= 0:
        raise SchemaError(
            f"persona {name!r} travels by {', '.join(persona.modes)}, the run has times for {', '.join(item.times)}: "
            "say with modes which share has which."
        )
    if unknown := sorted(set(modes) - set(item.times)):
        raise SchemaError(
            f"modes of travel without times: {', '.join(unknown)}. Times are of: {', '.join(item.times)}."
        )
    # people of a mode that has no times here are shared out among the others
    whole = sum(modes.values())
    bundle = replace(persona.bundle, threshold_min=item.threshold_min)
    return replace(persona, modes={m: s / whole for m, s in modes.items()}, bundle=bundle)


def ways_of(
    item: config.Onestop, mode: str, sites: gpd.GeoDataFrame, cells: xr.Dataset, setting: Setting
) -> tuple[TravelTimes, TravelTimes | None]:
    """Times of a mode to the sites, and between them."""
    times = times_to(sites, item.times[mode], cells, setting, StraightLine())
    return times, between_of(sites, item.times[mode], setting)


def judged(
    item: config.Onestop,
    persona: Persona,
    ways: tuple[TravelTimes, TravelTimes | None],
    table: ServiceTable,
    setting: Setting,
) -> tuple[OneStop, Services]:
    """Every way of a persona to have its bundle by one mode, and the services at places: near ones are at one."""
    options = OneStopOptions(
        hours=item.hours,
        drop_out=item.drop_out,
        referral=item.referral,
        fare=Fare(per_ride=item.fare_per_ride, per_minute=item.fare_per_minute),
    )
    times, between, moved = at_places(*ways, table.services, table.place)
    return one_stop_of(times, between, moved, persona, options=options, scheduler=setting.scheduler), moved


def with_places(table: ServiceTable, sites: gpd.GeoDataFrame, same_place_m: float) -> ServiceTable:
    """Put services near each other at one place, beside those that the table puts there."""
    near = places_of(shapely.get_coordinates(sites.geometry.to_crs("EPSG:3035").to_numpy()), same_place_m)
    n = len(near)
    site = np.arange(n)
    other = np.concatenate([n + near, n + near.max(initial=-1) + 1 + table.place])
    size = int(other.max(initial=n)) + 1
    graph = sparse.coo_array((np.ones(2 * n), (np.tile(site, 2), other)), shape=(size, size))
    found = connected_components(graph, directed=False)[1][:n]
    _, first, number = np.unique(found, return_index=True, return_inverse=True)
    return replace(table, place=np.argsort(np.argsort(first))[number].astype(np.int64))


def with_persona(
    cells: xr.Dataset, persona: Persona, found: Mapping[str, OneStop], named: Named, item: config.Onestop
) -> xr.Dataset:
    """Add a persona's variables to cells: all of them, or the main ones of its commonest mode with what says why."""
    slug = persona.name.replace(" ", "_")
    if item.details:
        for mode, one in found.items():
            cells = one_stop_cells(cells, one, total=item.total, prefix=f"{slug}_{mode}_")
        return cells
    mode = max(found, key=lambda m: (persona.modes[m], m))
    one = found[mode]
    made = one_stop_cells(cells, one, total=item.total)
    about = {n: replace(column_of(made[n]), long_name=words) for n, words in KEPT.items() if n in made}
    values = {n: made[n].to_numpy() for n in about}
    why, words = _why(one, named, item.total)
    values, about = values | why, about | words
    return with_variables(
        cells,
        {f"{slug}_{n}": v for n, v in values.items()},
        {f"{slug}_{n}": _titled(c, persona, mode, named) for n, c in about.items()},
    )


def _titled(column: Column, persona: Persona, mode: str, named: Named) -> Column:
    """Say whose variable it is, and name sites as people do."""
    words = f"{persona.name.capitalize()}, {mode}: {column.long_name}"
    if not column.words or not column.long_name.endswith("of the tour"):
        return replace(column, long_name=words)
    return replace(column, long_name=words, words="|".join(named.place(i) for i in column.words.split("|")))


class Named:
    """Names of places, and of the service of a kind that is at one; a place has the id of its first site."""

    def __init__(self, sites: gpd.GeoDataFrame, place: Ints) -> None:
        ids = sites.index.astype(str)
        names = sites["name"].astype(str) if "name" in sites else pd.Series(ids, index=sites.index)
        # a service without a name is told by its kind and number
        number = sites["kind"].astype(str).to_numpy() + " " + ids.str.rpartition(":").get_level_values(2).to_numpy()
        plain = np.where((names == "").to_numpy(), number, names.str.replace("|", "/", regex=False))
        first = ids[np.unique(place, return_index=True)[1]].to_numpy()[place]
        self.table = pd.DataFrame({"place": first, "kind": sites["kind"].astype(str).to_numpy(), "name": plain})

    def place(self, site_id: str) -> str:
        """Name of a place: its first service, and how many more are there."""
        there = self.table.loc[self.table["place"] == site_id, "name"]
        return str(there.iloc[0]) + (f" and {len(there) - 1} more" if len(there) > 1 else "")

    def service(self, site_id: str, kind: str) -> str:
        """Name of the first service of a kind at a place."""
        there = self.table[self.table["place"] == site_id]
        own = there.loc[there["kind"] == kind, "name"]
        return str(own.iloc[0]) if len(own) else f"by referral at {there['name'].iloc[0]}"


def _why(one: OneStop, named: Named, total: str) -> tuple[dict[str, Floats], dict[str, Column]]:
    """Which site is nearest for each service, and which service is the furthest, as codes with their words."""
    patterns, bundle = one.patterns, one.persona.bundle
    values: dict[str, Floats] = {}
    about: dict[str, Column] = {}
    for k, kind in enumerate(bundle.kinds):
        site = patterns.nearest_site[:, k]
        used = np.unique(site[site >= 0])
        values[f"nearest_{kind}"] = np.where(site >= 0, np.searchsorted(used, site), np.nan)
        words = "|".join(named.service(i, kind) for i in one.times.site_id[used].tolist())
        about[f"nearest_{kind}"] = _code(f"nearest {kind.replace('_', ' ')}", words, total)
    far = np.where(np.isnan(patterns.nearest_min), np.inf, patterns.nearest_min)
    values["binding"] = far.argmax(axis=1).astype(np.float64)
    about["binding"] = _code("furthest service", "|".join(k.replace("_", " ") for k in bundle.kinds), total)
    return values, about


def _code(long_name: str, words: str, total: str) -> Column:
    return Column(
        kind="intensive", units="class", long_name=long_name, weight=total, words=words, source="access", of_place=True
    )
