"""Timetables to measure on: Porto Alegre, Rhein-Neckar, or an invented city of crossing lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.street_city import lonlat_of


def data(*names: str) -> list[Path] | None:
    """Real files, or None where they are not here."""
    import os

    folder = Path(os.environ.get("CIVIGRID_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    files = [folder / name for name in names]
    return files if all(file.is_file() for file in files) else None


def day(files: list[Path], date: str) -> Any:
    """The timetable of a day."""
    from civigrid.io.gtfs import read_gtfs
    from civigrid.travel.build_timetable import build_timetable

    return build_timetable([read_gtfs(file) for file in files], date)[0]


def points(place: Any, ids: Any) -> Any:
    """Cells at points, degrees; ids ascending."""
    from civigrid.travel.places import Origins

    order = np.argsort(ids)
    n = len(ids)
    return Origins(
        cell_id=np.asarray(ids, dtype=np.uint64)[order], place=place[order], row=np.arange(n), weight=np.ones(n)
    )


def sites(place: Any) -> Any:
    """Sites at points, degrees."""
    import geopandas as gpd
    import shapely

    return gpd.GeoSeries(shapely.points(place), np.arange(len(place)).astype(str), crs="EPSG:4326")


def invented(lines: int = 6, stops: int = 12, seed: int = 7) -> Any:
    """Lines along and across a square, every 10 minutes or so, both ways, stops 500 m apart."""
    from civigrid.travel.timetable import Timetable

    rng = np.random.default_rng(seed)
    along = np.arange(stops) * 500.0
    offset = np.linspace(0, along[-1], lines)
    place = np.concatenate(
        [np.column_stack([along, np.full(stops, y)]) for y in offset]
        + [np.column_stack([np.full(stops, x), along]) for x in offset]
    )
    ways = [np.arange(k * stops, (k + 1) * stops) for k in range(2 * lines)]
    ways += [way[::-1] for way in ways]
    starts = [np.arange(5 * 3600 + int(rng.integers(600)), 24 * 3600, 600) for _ in ways]
    ride = np.arange(stops) * 90
    come = [(start[:, None] + ride).ravel() for start in starts]
    trips = np.array([len(start) for start in starts])
    first = np.concatenate([[0], np.cumsum(trips)])
    n, positions = len(place), len(ways) * stops
    return Timetable(
        date="2026-03-17",
        stop_id=np.arange(n).astype(str),
        stop_name=np.arange(n).astype(str),
        stop_place=lonlat_of(place),
        pattern_first=np.arange(len(ways) + 1) * stops,
        pattern_stop=np.concatenate(ways).astype(np.int32),
        may_board=np.ones(positions, dtype=bool),
        may_alight=np.ones(positions, dtype=bool),
        pattern_line=np.arange(len(ways)).astype(str),
        trip_first=first,
        event_first=first * stops,
        arrival=np.concatenate(come).astype(np.int32),
        departure=np.concatenate(come).astype(np.int32) + np.int32(20),
        trip_id=np.arange(trips.sum()).astype(str),
        change_first=np.zeros(n + 1, dtype=np.int64),
        change_stop=np.empty(0, dtype=np.int32),
        change_s=np.empty(0, dtype=np.int32),
    )


def one_by_one(timetable: Any, walks: Any, options: Any, sources: int) -> tuple[float, float, int]:
    """Search some cells (or sites) at once and departure by departure, on one thread: seconds, seconds, differences.

    The side is the one where the times of the window are: forward from cells, or backward from sites to arrive by.
    """
    import time

    from civigrid.kernels.raptor_search import labels, search
    from civigrid.travel.transit_plan import Settings, plan

    back = options.arrive_by
    targets = len(walks.cell_id) if back else len(walks.site_id)
    rule = Settings(limit=options.limit_s, exact=False, backwards=back, rides=options.max_rides, targets=targets)
    made = plan(timetable, walks, options.times, change_s=options.change_s, settings=rule)
    work, need = labels(made.network, options.max_rides), np.empty(targets, dtype=np.int32)
    out = [np.empty((len(made.slots), targets), dtype=np.int32) for _ in range(2)]

    def run(source: int, slots: Any, into: Any) -> None:
        near = slice(made.access.first[source], made.access.first[source + 1])
        stop, walk = made.access.end[near], made.access.seconds[near]
        search(made.network, work, made.egress, stop, walk, slots, False, rule.limit, need, into)

    run(0, made.slots, out[0])
    seconds, apart = [0.0, 0.0], 0
    every = np.linspace(0, len(made.access.first) - 2, sources).astype(int)
    for source in every.tolist():
        began = time.perf_counter()
        run(source, made.slots, out[0])
        seconds[0] += time.perf_counter() - began
        began = time.perf_counter()
        for q in range(len(made.slots)):
            run(source, made.slots[q : q + 1], out[1][q : q + 1])
        seconds[1] += time.perf_counter() - began
        apart += int((np.minimum(out[0], rule.limit + 1) != np.minimum(out[1], rule.limit + 1)).sum())
    return seconds[0], seconds[1], apart
