"""Travel times as a run file or the shell asks for them: which engine makes them, from which files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Geod

from civigrid.errors import SchemaError, first_few, unknown_name
from civigrid.io.travel_times import Columns, read_times
from civigrid.run import config
from civigrid.run.access.asked import Asked, Made, sites_as_origins
from civigrid.run.access.friction import over_land
from civigrid.run.access.rides import read_lines_of
from civigrid.run.access.streets import facts_of, network_of, told_of
from civigrid.run.access.timetables import transit
from civigrid.source import Finding
from civigrid.travel import StraightLine, straight_line_times, straight_lines_between
from civigrid.travel.rides import Rides, ride_times, rides_between
from civigrid.travel.street_times import StreetOptions, street_times
from civigrid.travel.transit import clock
from civigrid.travel_times import TravelTimes, times_of_pairs


def times_item(*, mode: str, departure: str = "", until: str = "", **more: Any) -> config.Times:
    """Give the table of a run file from what a command is told.

    Parameters
    ----------
    mode : str
        One of `MODES`.
    departure : str
        Day and first departure, as 2026-03-17T08:00 or with a blank between.
    until : str
        End of the window; empty: two hours later.
    **more
        Further keys of `config.Times`.

    Raises
    ------
    SchemaError
        No day and time of day, or a window that ends before it begins.

    Examples
    --------
    >>> item = times_item(mode="transit", departure="2026-03-17T07:30")
    >>> item.date, item.depart, item.until
    ('2026-03-17', '07:30', '09:30')
    """
    if mode not in MODES:
        raise unknown_name("mode", mode, MODES)
    if departure:
        date, _, time_of_day = departure.replace(" ", "T").partition("T")
        if not time_of_day:
            raise SchemaError(f"departure {departure!r} names no time of day. Write it as 2026-03-17T08:00.")
        start = clock(time_of_day)
        more |= {"date": date, "depart": time_of_day, "until": until or clock_of(start + WINDOW_S)}
    return config.Times(name="", cells="", sites=(), mode=mode, **more)  # type: ignore[arg-type]


WINDOW_S = 7200
"""A window of departures whose end nobody said, seconds."""


def clock_of(seconds: int) -> str:
    """Time of day as people write it; past midnight the hours go on.

    >>> clock_of(90_000)
    '25:00'
    """
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"


def make_times(asked: Asked) -> Made:
    """Make travel times by the mode that is asked for.

    Raises
    ------
    SchemaError, SourceError
        A file the mode needs is not named, absent, or not what it should be; no site has a place.
    """
    for name in ("speed_kmh", "detour", "max_min", "max_walk_min"):
        if not 0 < getattr(asked.item, name) < np.inf:
            raise SchemaError(f"{name} = {getattr(asked.item, name):g}: a number above 0 is needed.")
    if asked.item.detour < 1:
        raise SchemaError(f"detour = {asked.item.detour:g}: no way is shorter than the straight line; give 1 or more.")
    made = MODES[asked.item.mode](asked)
    if len(made.times.seconds) or not (len(asked.cell_id) and len(asked.sites)):
        return made
    return replace(made, findings=(*made.findings, _far_apart(asked)))


def _far_apart(asked: Asked) -> Finding:
    """Say how far services are from the cells where no cell reaches any: mostly a wrong CRS, or axes swapped."""
    points = asked.sites.to_crs("EPSG:4326")
    centre = asked.grid.centre(asked.cell_id)
    cells = gpd.GeoSeries(shapely.points(centre), crs=asked.grid.crs).to_crs("EPSG:4326")
    here, there = (np.median(shapely.get_coordinates(s.to_numpy()), axis=0) for s in (cells, points))
    far = Geod(ellps="WGS84").inv(*here, *there)[2] / 1000
    where = f"{far:,.0f} km from that of the cells" if np.isfinite(far) else "on no map"
    text = (
        f"no cell reaches any service: the middle of the services lies {where}. "
        "If that is not so, their CRS is another, or easting and northing are swapped"
    )
    return Finding("warning", "travel.nothing", text, len(asked.sites))


def _straight(asked: Asked) -> Made:
    item = asked.item
    way = StraightLine(speed_kmh=item.speed_kmh, detour=item.detour, limit_min=item.max_min)
    between = straight_lines_between(asked.sites, options=way) if item.between else None
    return Made(times=straight_line_times(asked.grid, asked.cell_id, asked.sites, options=way), between=between)


def _imported(asked: Asked) -> Made:
    known = ("origin", "site", "time", "unit")
    if unknown := sorted(set(asked.item.columns) - set(known)):
        raise SchemaError(f"columns of a matrix: unknown {', '.join(unknown)}. Known: {', '.join(known)}.")
    path = asked.path(asked.item.matrix, "matrix")
    times, grid, findings = read_times(path, Columns(**dict(asked.item.columns)))  # type: ignore[arg-type]
    if grid != asked.grid:
        raise SchemaError(f"{path.name} starts from cells of {grid.id}, these cells are of {asked.grid.id}.")
    made, more = _for(times, asked)
    return Made(times=made, findings=(*findings, *more))


def _for(times: TravelTimes, asked: Asked) -> tuple[TravelTimes, list[Finding]]:
    """Times from the cells and to the sites that are asked for; what the file lacks is told."""
    sites = asked.sites.index.to_numpy().astype(str)
    # the reader of points puts the file's name before an id, which no other engine knows
    bare = np.array([s.split(":", 1)[-1] for s in sites.tolist()], dtype=str)
    once = len(np.unique(bare)) == len(bare)
    known = {name: k for k, name in enumerate(bare.tolist())} if once else {}
    known |= {name: k for k, name in enumerate(sites.tolist())}
    number = np.array([known.get(s, -1) for s in times.site_id.tolist()], dtype=np.int64)
    if not (number >= 0).any():
        raise SchemaError(
            f"no site of the matrix is a service here: it has {first_few(times.site_id)}, the services are "
            f"{first_few(bare)}. Ids must be the same."
        )
    at = np.minimum(np.searchsorted(asked.cell_id, times.cell_id), max(len(asked.cell_id) - 1, 0))
    there = asked.cell_id[at] == times.cell_id
    rows, site = times.rows(), number[times.site]
    keep = there[rows] & (site >= 0)
    made = times_of_pairs(
        asked.cell_id,
        sites,
        at[rows][keep],
        site[keep],
        times.seconds[keep],
        limit_s=times.limit_s,
        mode=times.mode,
    )
    findings = []
    lacking = len(asked.cell_id) - int(np.isin(asked.cell_id, times.cell_id).sum())
    if lacking:
        text = f"the matrix has no row for {lacking} of {len(asked.cell_id)} cells: they reach nothing"
        findings.append(Finding("warning", "times.cells", text, lacking))
    absent = sorted(set(range(len(sites))) - set(number.tolist()))
    if absent:
        names = tuple(bare[absent[:5]].tolist())
        text = f"the matrix knows {len(sites) - len(absent)} of {len(sites)} services: nobody reaches the others"
        findings.append(Finding("warning", "times.sites", text, len(absent), names))
    return made, findings


def _rides(asked: Asked) -> Made:
    item = asked.item
    lines = read_lines_of(asked.path(item.stations, "stations"), asked.path(item.links, "links"), item.columns)
    walking = StraightLine(speed_kmh=item.speed_kmh, detour=item.detour, limit_min=item.max_min)
    rides = Rides(speed_kmh=item.ride_kmh, wait_min=item.wait_min, walk_min=item.max_walk_min)
    about: dict[str, Any] = {"walking": walking, "rides": rides}
    return Made(
        times=ride_times(asked.grid, asked.cell_id, asked.sites, lines.stations, lines.links, **about),
        between=rides_between(asked.sites, lines.stations, lines.links, **about) if item.between else None,
        findings=lines.findings,
    )


def _streets(asked: Asked) -> Made:
    item = asked.item
    network = network_of(asked, item.mode)
    asked.announce(f"searching {item.mode} times to {len(asked.sites):,} services")
    options = StreetOptions(access_kmh=item.speed_kmh, snap_limit_m=item.snap_m)
    about: dict[str, Any] = {"limit_min": item.max_min, "options": options, "scheduler": asked.scheduler}
    times, report = street_times(network.graph, asked.start, asked.sites, in_cell_m=asked.in_cell_m, **about)
    between = None
    if item.between:
        between, _ = street_times(network.graph, sites_as_origins(asked.sites), asked.sites, **about)
    return Made(times=times, between=between, findings=(*network.findings, *told_of(report)), facts=facts_of(report))


MODES: dict[str, Callable[[Asked], Made]] = {
    "walk": _streets,
    "bike": _streets,
    "drive": _streets,
    "transit": transit,
    "friction": over_land,
    "straight": _straight,
    "rides": _rides,
    "import": _imported,
}
"""Engine by mode."""
