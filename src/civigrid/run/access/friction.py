"""Times over land where no network is known: land cover, paths and slopes by cell."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import shapely

from civigrid.cells import ids_of
from civigrid.errors import SchemaError
from civigrid.grid import H3Grid
from civigrid.io.elevation import read_elevation
from civigrid.io.raster import open_raster
from civigrid.project import project_classes
from civigrid.run.access.asked import Asked, Made
from civigrid.run.access.streets import streets_of
from civigrid.run.paths import resolve
from civigrid.source import Finding
from civigrid.travel.friction import FrictionOptions, FrictionReport, FrictionSurface, friction_times
from civigrid.travel.friction_speeds import LAND_KMH, fastest_of, land_speeds, road_speeds
from civigrid.travel.lines import StreetLines
from civigrid.travel.modes import Speeds
from civigrid.travel.uses import use_of
from civigrid.types import Bools, Floats, Ids


def over_land(asked: Asked) -> Made:
    """Times over the cells of a raster of land cover; a network makes cells with a path as quick as walking."""
    item = asked.item
    path = asked.path(item.landcover, "landcover")
    table = _table(item.landcover_table, item.kmh)
    asked.announce(f"land cover of {path.name}")
    names = {code: str(code) for code in table}
    land = project_classes(open_raster(path), asked.grid, names, scheduler=asked.scheduler)
    largest = land["largest"].to_numpy().astype(str)
    known = largest != ""
    ids = ids_of(land)[known]
    kmh: Floats = land_speeds(largest[known].astype(np.int64), table)
    on_foot: Bools | None = None
    nodes = resolve(item.nodes, asked.base) if item.nodes else None
    if item.network:
        lines = streets_of(asked.path(item.network, "network"), nodes, item.crs)
        roads, road_kmh = walkable(lines, Speeds(walk_kmh=item.speed_kmh, ferries=item.ferries))
        kmh, _ = fastest_of(kmh, road_speeds(asked.grid, ids, roads, road_kmh))
    surface = FrictionSurface(
        grid=asked.grid, cell_id=ids, speed_kmh=kmh, height_m=_heights(asked, ids), on_foot=on_foot
    )
    asked.announce(f"searching over {len(ids):,} cells to {len(asked.sites):,} services")
    options = FrictionOptions(limit_min=item.max_min, neighbours=8 if isinstance(asked.grid, H3Grid) else 16)
    times, report = friction_times(
        surface, asked.sites, origins=asked.cell_id, options=options, scheduler=asked.scheduler
    )
    return Made(times=times, findings=tuple(_told(report)))


def _table(name: str, own: Mapping[str, float]) -> dict[int, float]:
    """Speeds by code: those of a named table, changed by one's own."""
    table = dict(LAND_KMH[name]) if name in LAND_KMH else {}
    if name and name not in LAND_KMH:
        raise SchemaError(f"landcover_table {name!r} is unknown. Known: {', '.join(LAND_KMH)}.")
    for code, kmh in own.items():
        if not str(code).lstrip("-").isdigit():
            raise SchemaError(f"kmh: {code!r} is no code of land cover, a whole number.")
        table[int(code)] = float(kmh)
    if not table:
        raise SchemaError("mode 'friction' needs speeds: landcover_table = \"corine\", or kmh = { 10 = 3.0, ... }.")
    return table


def walkable(lines: StreetLines, speeds: Speeds) -> tuple[gpd.GeoSeries, Floats]:
    """Streets that people walk on, as lines, and how fast, km/h."""
    use = [use_of(tags, "walk", speeds) for tags in lines.kinds]
    kmh = np.array([max(u.forward_kmh, u.backward_kmh) for u in use])[lines.kind]
    ways = np.flatnonzero((kmh > 0) & (np.diff(lines.indptr) > 1))
    shapes = [shapely.LineString(lines.place[lines.vertex[lines.indptr[w] : lines.indptr[w + 1]]]) for w in ways]
    return gpd.GeoSeries(shapes, crs="EPSG:4326"), kmh[ways]


def _heights(asked: Asked, ids: Ids) -> Floats | None:
    if not asked.item.elevation:
        return None
    centres = gpd.GeoSeries(shapely.points(asked.grid.centre(ids)), crs=asked.grid.crs).to_crs("EPSG:4326")
    places = shapely.get_coordinates(centres.to_numpy())
    (west, south), (east, north) = places.min(axis=0), places.max(axis=0)
    bounds = (float(west), float(south), float(east), float(north))
    return read_elevation(resolve(asked.item.elevation, asked.base), bounds).at(places)


def _told(report: FrictionReport) -> list[Finding]:
    counts = (len(report.lost_sites), len(report.shut_cells), len(report.far_cells))
    codes = [c for c, n in zip(("sites", "shut", "far"), counts, strict=True) if n]
    sizes = [n for n in counts if n]
    return [
        Finding("warning" if code != "far" else "note", f"friction.{code}", text.split(" (first")[0], n)
        for code, text, n in zip(codes, report.lines(), sizes, strict=True)
    ]
