"""Porto Alegre by public transport: all cells to all cells, 60 departures; beside searches of single departures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks import transit_city
from benchmarks.measure import against, measure, row
from benchmarks.peers import Answer

FILES = ("r5r_poa/poa_eptc.zip", "r5r_poa/poa_trensurb.zip", "r5r_poa/poa_hexgrid.csv")


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """The whole matrix on two threads; some cells on one thread, at once and departure by departure."""
    real = not smallest and transit_city.data(*FILES) is not None
    for arrive_by in (False, True):
        seconds, peak, (size, checked) = measure(_matrix, real, arrive_by, repeats=1)
        yield row("transit-poa", f"{size}, two threads", (seconds, peak), checked=checked)
    some = 4 if smallest else 24
    _, peak, (range_s, single_s, apart) = measure(_singles, real, some, repeats=1)
    floor = "60 searches of single departures"
    checked = f"{apart} times of {some} x 60 searches differ; {1000 * range_s / some:.1f} ms by cell"
    yield against("transit-poa", f"{some} cells, one thread", (range_s, peak), floor, single_s, checked)


def _city(real: bool) -> tuple[Any, Any, str]:
    """Timetable, walks, and what they are; walks are straight lines times 1.3, up to 20 minutes."""
    from civigrid.travel.stop_walks import straight_walks

    if real:
        import h3
        import pandas as pd

        files = transit_city.data(*FILES)
        assert files is not None
        timetable = transit_city.day(files[:2], "2019-05-13")
        cells = pd.read_csv(files[2])["id"]
        place = np.array([h3.cell_to_latlng(cell)[::-1] for cell in cells])
        ids = np.array([int(cell, 16) for cell in cells], dtype=np.uint64)
        what = "Porto Alegre"
    else:
        timetable = transit_city.invented()
        rng = np.random.default_rng(1)
        place, ids = timetable.stop_place[rng.integers(0, len(timetable.stop_id), 60)] + 0.001, np.arange(60)
        what = "invented city"
    origins = transit_city.points(place, ids)
    walks = straight_walks(timetable, origins, transit_city.sites(origins.place))
    n = len(ids)
    return timetable, walks, f"{what}: {n:,} x {n:,} cells, {len(timetable.arrival):,} events"


def _options(arrive_by: bool) -> Any:
    from civigrid.travel.transit import TransitOptions

    return TransitOptions(start="14:00", until="15:00", arrive_by=arrive_by, limit_min=90, max_rides=3)


def _matrix(real: bool, arrive_by: bool) -> Callable[[], Any]:
    from civigrid.engine import Scheduler
    from civigrid.travel.transit import transit_times

    timetable, walks, size = _city(real)
    options, two = _options(arrive_by), Scheduler("threads", 2)
    transit_times(transit_city.invented(2), _small(), options=options, scheduler=two)

    def form(window: Any) -> tuple[str, str]:
        median = window.percentile(50.0)
        told = f"{len(median.seconds):,} pairs, {median.seconds.mean() / 60:.2f} min on average"
        return f"{size}, 60 {'arrivals' if arrive_by else 'departures'}", told

    return Answer(lambda: transit_times(timetable, walks, options=options, scheduler=two), form)


def _small() -> Any:
    from civigrid.travel.stop_walks import straight_walks

    timetable = transit_city.invented(2)
    origins = transit_city.points(timetable.stop_place[:3], np.arange(3))
    return straight_walks(timetable, origins, transit_city.sites(origins.place))


def _singles(real: bool, some: int) -> Callable[[], Any]:
    timetable, walks, _ = _city(real)
    return lambda: transit_city.one_by_one(timetable, walks, _options(False), some)
