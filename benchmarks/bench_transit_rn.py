"""Rhein-Neckar by public transport: 20,000 cells to 200 services, 120 arrivals; beside searches of single arrivals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks import transit_city
from benchmarks.measure import against, measure, row
from benchmarks.peers import Answer

FILES = ("rhein_neckar/rnv_gtfs.zip", "rhein_neckar/zensus2011_100m_origin_rhein_neckar.parquet")
SERVICES = 200


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """The whole matrix on two threads, to arrive and to depart; some services on one thread, at once and one by one."""
    real = not smallest and transit_city.data(*FILES) is not None
    for arrive_by in (True, False):
        seconds, peak, (size, checked) = measure(_matrix, real, arrive_by, repeats=1)
        yield row("transit-rn", f"{size}, two threads", (seconds, peak), checked=checked)
    some = 4 if smallest else 24
    _, peak, (range_s, single_s, apart) = measure(_singles, real, some, repeats=1)
    floor = "120 searches of single arrivals"
    checked = f"{apart} times of {some} x 120 searches differ; {1000 * range_s / some:.1f} ms by service"
    yield against("transit-rn", f"{some} services, one thread", (range_s, peak), floor, single_s, checked)


def _city(real: bool) -> tuple[Any, Any, str]:
    """Timetable, walks, and what they are: services at seeded stops, straight lines times 1.3, up to 15 minutes."""
    from civigrid.travel.stop_walks import StraightWalks, straight_walks

    rng = np.random.default_rng(7)
    if real:
        import pandas as pd

        from civigrid.grid import SquareGrid
        from civigrid.travel.places import centres_of

        files = transit_city.data(*FILES)
        assert files is not None
        timetable = transit_city.day(files[:1], "2016-11-15")
        grid, table = SquareGrid(cell_size_m=100), pd.read_parquet(files[1])
        origins = centres_of(grid, np.sort(grid.cell_at(table[["x", "y"]].to_numpy(dtype=float))))
        what = "Rhein-Neckar"
    else:
        timetable = transit_city.invented()
        near = timetable.stop_place[rng.integers(0, len(timetable.stop_id), 300)]
        origins = transit_city.points(near + rng.uniform(-0.003, 0.003, near.shape), np.arange(300))
        what = "invented city"
    stops = np.unique(timetable.pattern_stop)
    services = timetable.stop_place[rng.choice(stops, min(SERVICES, len(stops) // 2), replace=False)] + 0.0005
    options = StraightWalks(max_min=15)
    walks = straight_walks(timetable, origins, transit_city.sites(services), options=options)
    size = f"{what}: {len(origins.cell_id):,} cells x {len(services)} services, {len(timetable.arrival):,} events"
    return timetable, walks, size


def _options(arrive_by: bool) -> Any:
    from civigrid.travel.transit import TransitOptions

    return TransitOptions(start="08:00", until="10:00", arrive_by=arrive_by, limit_min=90, max_rides=4)


def _matrix(real: bool, arrive_by: bool) -> Callable[[], Any]:
    from civigrid.engine import Scheduler
    from civigrid.travel.stop_walks import straight_walks
    from civigrid.travel.transit import transit_times

    timetable, walks, size = _city(real)
    options, two = _options(arrive_by), Scheduler("threads", 2)
    little = transit_city.invented(2)
    near = straight_walks(
        little, transit_city.points(little.stop_place[:3], np.arange(3)), transit_city.sites(little.stop_place[:1])
    )
    transit_times(little, near, options=options, scheduler=two)

    def form(window: Any) -> tuple[str, str]:
        median = window.percentile(50.0)
        told = f"{len(median.seconds):,} pairs, {median.seconds.mean() / 60:.2f} min on average"
        return f"{size}, 120 {'arrivals' if arrive_by else 'departures'}", told

    return Answer(lambda: transit_times(timetable, walks, options=options, scheduler=two), form)


def _singles(real: bool, some: int) -> Callable[[], Any]:
    timetable, walks, _ = _city(real)
    return lambda: transit_city.one_by_one(timetable, walks, _options(True), some)
