"""Steps of a run about access: travel times, and layers made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from civigrid.cells import grid_of, ids_of, values_of
from civigrid.errors import SchemaError, first_few, unknown_name
from civigrid.io.travel_times import times_of_table, times_table
from civigrid.layers.onestop import Bundle, bundle_cells, bundle_table, places_of
from civigrid.layers.onestop.scenario import TimesTo
from civigrid.run import config
from civigrid.run.access.asked import Asked
from civigrid.run.access.measures import measured_access
from civigrid.run.access.supply import ONE_EACH, supply_by_kind
from civigrid.run.access.times import make_times
from civigrid.run.access.wanted import Wanted
from civigrid.run.parts import Part
from civigrid.run.setting import Setting, Ways, of_cells, sites_of
from civigrid.source import Finding
from civigrid.travel import Origins, StraightLine, straight_line_times, weighted_centres
from civigrid.travel_times import TravelTimes, times_of_pairs
from civigrid.types import Ints


def add_times(item: config.Times, cells: xr.Dataset, setting: Setting) -> Part:
    """Travel times from the cells to the services; what was noticed stands among the findings."""
    sites = sites_of(item.sites, setting.sources)
    made = make_times(
        Asked(
            item=item,
            grid=grid_of(cells),
            cell_id=ids_of(cells),
            sites=sites.geometry,
            origins=_origins(item, cells, setting),
            base=setting.base,
            scheduler=setting.scheduler,
            announce=setting.announce,
        )
    )
    times = made.times
    facts = {"times": item.name, "limit_s": times.limit_s, "mode": times.mode, **made.facts}
    tables = {"times": times_table(times), "sites": pd.DataFrame({"site_id": times.site_id.astype(object)})}
    if made.between is not None:
        tables["between"] = times_table(made.between)
    # several times start from the same cells: each says which of them it noticed something of
    noticed = [replace(f, message=f"times {item.name!r}: {f.message}") for f in made.findings]
    return Part(None, {**tables, "findings": findings_table(noticed)}, facts)


def times_to_place(item: config.Times | None, cells: xr.Dataset, setting: Setting) -> TimesTo | None:
    """Give what makes times to a new place by the same engine; None for those of another engine."""
    if item is None or item.mode == "import":
        return None

    def times(longitude: float, latitude: float) -> tuple[Ints, Ints]:
        place = gpd.GeoSeries([shapely.Point(longitude, latitude)], ["new place"], crs="EPSG:4326")
        asked = Asked(
            item=replace(item, between=False),
            grid=grid_of(cells),
            cell_id=ids_of(cells),
            sites=place.to_crs("EPSG:3035"),
            origins=_origins(item, cells, setting),
            base=setting.base,
            scheduler=setting.scheduler,
        )
        made = make_times(asked).times
        return made.rows(), made.seconds.astype(np.int64)

    return times


def findings_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """Give what was noticed as rows of a run's findings."""
    rows = []
    for f in findings:
        some = f" (first: {', '.join(f.examples)})" if f.examples else ""
        rows.append({"level": f.level, "message": f"{f.message}{some}", "count": f.count})
    return pd.DataFrame(rows, columns=["level", "message", "count"])


def times_of_part(part: Part) -> Ways:
    """Give the travel times that a part keeps."""
    site_id = part.tables["sites"]["site_id"].to_numpy().astype(str)
    about: dict[str, Any] = {"limit_s": int(part.facts["limit_s"]), "mode": str(part.facts["mode"])}
    between = part.tables.get("between")
    return Ways(
        times=times_of_table(part.tables["times"], site_id, **about),
        between=None if between is None else times_of_table(between, site_id, **about),
    )


def _origins(item: config.Times, cells: xr.Dataset, setting: Setting) -> Origins | None:
    if not item.finer:
        return None
    name, _, variable = item.finer.partition(":")
    if name not in setting.cells:
        raise unknown_name("cells (finer)", name, setting.cells)
    finer = setting.cells[name]
    if variable not in finer:
        raise unknown_name(f"variable of the cells {name!r} (finer)", variable, [str(v) for v in finer.data_vars])
    return weighted_centres(grid_of(cells), ids_of(cells), grid_of(finer), ids_of(finer), values_of(finer, variable))


def times_to(
    sites: gpd.GeoDataFrame, name: str, cells: xr.Dataset, setting: Setting, straight: StraightLine
) -> TravelTimes:
    """Travel times to services, in their order: those of this name, or straight lines."""
    if not name:
        return straight_line_times(grid_of(cells), ids_of(cells), sites.geometry, options=straight)
    times = setting.times[name].times
    wanted = pd.Index(times.site_id).get_indexer(pd.Index(sites.index.astype(str)))
    if (lacking := sites.index[wanted < 0]).size:
        raise SchemaError(
            f"the travel times {name!r} know {lacking.size} services not (first: {first_few(lacking)}). Name their "
            "source among the sites of these times."
        )
    if not np.array_equal(times.cell_id, ids_of(cells)):
        raise SchemaError(f"the travel times {name!r} start from other cells. Compute them for these.")
    return times.in_order(wanted)


def between_of(sites: gpd.GeoDataFrame, name: str, setting: Setting) -> TravelTimes | None:
    """Travel times between services, in their order; None where they were not asked for."""
    between = setting.times[name].between
    if between is None:
        return None
    wanted = pd.Index(between.site_id).get_indexer(pd.Index(sites.index.astype(str)))
    if np.array_equal(wanted, np.arange(len(between.site_id))):
        return between
    number = np.full(len(between.site_id), -1, dtype=np.int64)
    number[wanted] = np.arange(len(wanted))
    row, site = number[between.rows()], number[between.site]
    keep = (row >= 0) & (site >= 0)
    return times_of_pairs(
        np.arange(len(wanted), dtype=np.uint64),
        between.site_id[wanted],
        row[keep],
        site[keep],
        between.seconds[keep],
        limit_s=between.limit_s,
        mode=between.mode,
    )


def add_access(item: config.Access, cells: xr.Dataset, setting: Setting) -> Part:
    """Minutes to each service and to the whole bundle, and who is beyond the threshold."""
    sites = sites_of(item.sites, setting.sources)
    sites = sites[sites["kind"].isin(item.kinds)]
    way = StraightLine(speed_kmh=item.speed_kmh, detour=item.detour, limit_min=item.limit_min)
    times = times_to(sites, item.times, cells, setting, way)
    bundle = Bundle(kinds=item.kinds, threshold_min=item.threshold_min)
    place = places_of(shapely.get_coordinates(sites.geometry.to_numpy()), item.same_place_m)
    made = bundle_cells(cells, times, sites["kind"].to_numpy(), place, bundle, total=item.total)
    table = bundle_table(made, bundle, item.groups, total=item.total, mode=times.mode)
    if not item.measures:
        return Part(made, {"results": of_cells(table, item.cells)})
    supply = supply_by_kind(sites, item.supply, "kind", kinds=item.kinds)
    told = {} if item.supply else {"supply": ONE_EACH}
    found = measured_access(made, times, supply, wanted_of(item), setting.profile, told)
    notes = findings_table([Finding("note", "access.measures", text, 1) for text in found.findings])
    results = pd.concat([table, found.table], ignore_index=True)
    return Part(found.cells, {"results": of_cells(results, item.cells), "findings": notes})


def wanted_of(item: config.Access) -> Wanted:
    """Give what a table of the run file asks of measures; its threshold is that of minutes too."""
    minutes = {m: item.threshold_min for m in item.measures if m in ("nearest", "dual")}
    return Wanted(
        groups=item.compete or item.groups,
        total=item.total,
        measures=item.measures,
        decay=item.decay,
        options={"threshold_min": item.threshold_min, **item.options},
        thresholds=minutes,
        inequality=item.inequality,
        zones=item.zones,
        bootstrap=item.bootstrap,
        seed=item.seed,
    )
