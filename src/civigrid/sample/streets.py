"""Streets and a timetable for Havelmark: a bent lattice, two bridges, four lines."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from civigrid.sample.options import CRS, CityOptions
from civigrid.sample.people import density, is_water, river_row
from civigrid.types import Bools, Ints

BLOCK_M = 200
BRIDGES = (0.35, 0.62)
"""Where the bridges cross, as share of the width."""


def make_streets(options: CityOptions) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give street nodes and edges: ``node, easting, northing`` and ``a, b, length_m, speed_kmh, walk, drive``."""
    rng = options.rng("streets")
    n_rows, n_cols = options.height_m // BLOCK_M, options.width_m // BLOCK_M
    row, col = (v.ravel() for v in np.mgrid[0:n_rows, 0:n_cols])
    jitter = rng.uniform(-45, 45, (len(row), 2))
    east, north = col * BLOCK_M + 100 + jitter[:, 0], row * BLOCK_M + 100 + jitter[:, 1]
    lived = density(options)[(north // 100).astype(int), (east // 100).astype(int)] > 0
    keep = ~is_water(options)[(north // 100).astype(int), (east // 100).astype(int)] & (
        lived | (rng.random(len(row)) < 0.5)
    )
    index = np.arange(len(row)).reshape(n_rows, n_cols)
    a = np.concatenate([index[:, :-1].ravel(), index[:-1, :].ravel()])
    b = np.concatenate([index[:, 1:].ravel(), index[1:, :].ravel()])
    course = river_row(options) * 100
    side = north > course[np.clip((east // 100).astype(int), 0, len(course) - 1)]
    use = keep[a] & keep[b] & (rng.random(len(a)) > 0.08) & (side[a] == side[b])
    bridges = _bridges(index, keep, side, {int(share * n_cols) for share in BRIDGES})
    a, b = np.concatenate([a[use], bridges[:, 0]]), np.concatenate([b[use], bridges[:, 1]])
    length = np.round(np.hypot(east[a] - east[b], north[a] - north[b]), 1)
    main = (row[a] % 5 == 0) | (col[a] % 5 == 0)
    used = np.unique(np.concatenate([a, b]))
    nodes = pd.DataFrame(
        {
            "node": used,
            "easting": np.round(options.west_m + east[used], 1),
            "northing": np.round(options.south_m + north[used], 1),
        }
    )
    edges = pd.DataFrame(
        {"a": a, "b": b, "length_m": length, "speed_kmh": np.where(main, 50, 30), "walk": True, "drive": main}
    )
    return nodes, edges


def _bridges(index: Ints, keep: Bools, side: Bools, columns: set[int]) -> Ints:
    """Edges across the river: in each column, from the northernmost node of the south to the first of the north."""
    ends = []
    for col in sorted(columns):
        nodes = index[:, col][keep[index[:, col]]]
        ends.append((nodes[~side[nodes]].max(), nodes[side[nodes]].min()))
    return np.array(ends)


def make_timetable(options: CityOptions) -> dict[str, pd.DataFrame]:
    """Give a small GTFS feed: four lines through the centre, every 10 to 20 minutes from 6:00 to 22:00."""
    stops, trips, times, routes = [], [], [], []
    middle = np.array([options.west_m + options.width_m / 2, options.south_m + options.height_m / 2])
    for line in range(4):
        angle = np.pi * line / 4 + 0.2
        course = np.array([np.cos(angle), np.sin(angle)])
        places = [middle + course * step for step in np.linspace(-5_500, 5_500, 12)]
        ids = [f"L{line + 1}-{k:02d}" for k in range(len(places))]
        lonlat = gpd.GeoSeries(gpd.points_from_xy(*np.array(places).T), crs=CRS).to_crs("EPSG:4326")
        names = [f"Line {line + 1}, stop {k + 1}" for k in range(len(places))]
        stops += [(i, name, round(p.y, 6), round(p.x, 6)) for i, name, p in zip(ids, names, lonlat, strict=True)]
        routes.append((f"L{line + 1}", f"Line {line + 1}", 3))
        for start in range(6 * 60, 22 * 60, 10 + 5 * (line % 3)):
            for way in (0, 1):
                trip = f"L{line + 1}-{way}-{start}"
                trips.append((f"L{line + 1}", "weekday", trip, way))
                order = ids if way == 0 else ids[::-1]
                times += [(trip, _clock(start + 3 * k), _clock(start + 3 * k), s, k + 1) for k, s in enumerate(order)]
    return {
        "agency": pd.DataFrame(
            [("H", "Havelmark Transport (invented)", "https://example.org", "Europe/Berlin")],
            columns=["agency_id", "agency_name", "agency_url", "agency_timezone"],
        ),
        "stops": pd.DataFrame(stops, columns=["stop_id", "stop_name", "stop_lat", "stop_lon"]),
        "routes": pd.DataFrame(routes, columns=["route_id", "route_short_name", "route_type"]),
        "trips": pd.DataFrame(trips, columns=["route_id", "service_id", "trip_id", "direction_id"]),
        "stop_times": pd.DataFrame(
            times, columns=["trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"]
        ),
        "calendar": pd.DataFrame(
            [("weekday", 1, 1, 1, 1, 1, 0, 0, "20260101", "20261231")],
            columns=[
                "service_id", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
                "start_date", "end_date",
            ],
        ),
    }  # fmt: skip


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}:00"
