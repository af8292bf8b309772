"""Public transport on real timetables: Porto Alegre, Rhein-Neckar and Helsinki against a graph of their events."""

import dataclasses
import itertools

import geopandas as gpd
import numpy as np
import pytest
import shapely
from timetables import Events

from civigrid.engine import Scheduler
from civigrid.io.gtfs import read_gtfs
from civigrid.travel.build_timetable import build_timetable
from civigrid.travel.places import Origins
from civigrid.travel.stop_walks import StraightWalks, straight_walks
from civigrid.travel.transit import TransitOptions, _searched
from civigrid.travel.transit_path import transit_path

FEEDS = {
    "porto-alegre": (("r5r_poa/poa_eptc.zip", "r5r_poa/poa_trensurb.zip"), "2019-05-13", "14:00"),
    "rhein-neckar": (("rhein_neckar/rnv_gtfs.zip",), "2016-11-15", "08:00"),
    "helsinki": (("helsinki_center/helsinki_gtfs.zip",), "2022-02-22", "08:00"),
}
CELLS, SITES = 5, 5
SERIAL = Scheduler("serial")


@pytest.fixture(scope="module", params=list(FEEDS))
def town(request, real_data):
    """A timetable, walks from some places to others near its stops, and options of a window."""
    files, date, start = FEEDS[request.param]
    timetable, _ = build_timetable([read_gtfs(real_data / name) for name in files], date)
    rng = np.random.default_rng(3)
    stops = np.unique(timetable.pattern_stop)
    # half of the sites near the middle of the network, so that there is a way to them
    middle = np.argsort(
        np.abs(timetable.stop_place[stops] - np.median(timetable.stop_place[stops], axis=0)).sum(axis=1)
    )
    place = timetable.stop_place[np.concatenate([rng.choice(stops, CELLS), stops[rng.choice(middle[:200], SITES)]])]
    place = place + rng.uniform(-0.002, 0.002, place.shape)
    number = np.arange(CELLS)
    origins = Origins(cell_id=number.astype(np.uint64), place=place[:CELLS], row=number, weight=np.ones(CELLS))
    sites = gpd.GeoSeries(shapely.points(place[CELLS:]), [f"site{j}" for j in range(SITES)], crs="EPSG:4326")
    walks = straight_walks(timetable, origins, sites, options=StraightWalks(max_min=12, max_change_min=6))
    options = TransitOptions(start=start, until=f"{start[:3]}02", limit_min=75, percentiles=(50.0, 100.0))
    return timetable, walks, options


@pytest.fixture(scope="module")
def events(town):
    """Its graph of events."""
    return Events(town[0], town[1], rides=town[2].max_rides, change_s=town[2].change_s, limit_s=town[2].limit_s)


def dense(times):
    """Cell × site, 10**9 where there is none."""
    matrix = np.full((len(times.cell_id), len(times.site_id)), 10**9)
    matrix[times.rows(), times.site] = times.seconds
    return matrix


def searched(town, *, sites, **options):
    """Search from one side, with some options changed."""
    timetable, walks, given = town
    return _searched(timetable, walks, dataclasses.replace(given, **options), None, SERIAL, 2, from_sites=sites)


def test_departures_are_those_of_the_events(town, events):
    """Every time of the window, from either side."""
    options = town[2]
    times = np.full((CELLS, SITES, len(options.times)), 10**9)
    for q, departs in enumerate(options.times.tolist()):
        for cell in range(CELLS):
            for site, then in events.arrivals(cell, departs).items():
                times[cell, site, q] = then - departs
    times[times > options.limit_s] = 10**9
    times.sort(axis=2)

    assert (times[:, :, 0] < 10**9).mean() > 0.3
    for sites in (True, False):
        window = searched(town, sites=sites)
        for k, percent in enumerate(options.percentiles):
            assert np.array_equal(dense(window.percentile(percent)), times[:, :, k])


def test_arrivals_are_dual_to_departures_in_the_events(town, events):
    """Who leaves at the latest departure found is there in time; who leaves a second later is not."""
    options = town[2]
    arrives = int(options.times[-1]) + 3600
    begin, end = (f"{t // 3600:02d}:{t // 60 % 60:02d}:{t % 60:02d}" for t in (arrives, arrives + 1))
    back = dense(searched(town, sites=True, start=begin, until=end, arrive_by=True).fastest)[:2]
    found = np.argwhere(back < 10**9)
    for cell, site in found:
        departs = arrives - int(back[cell, site])

        assert events.arrivals(cell, departs)[site] <= arrives
        assert events.arrivals(cell, departs + 1).get(site, 10**9) > arrives
    assert len(found) >= 3


@pytest.mark.parametrize("arrive_by", [False, True])
def test_both_sides_agree_over_an_hour(town, arrive_by):
    """Range search forward from cells, and backward from sites, at 60 times of two hours: the same bytes."""
    end = f"{int(town[2].start[:2]) + 2:02d}:00"
    windows = [searched(town, sites=sites, until=end, step_s=120, arrive_by=arrive_by) for sites in (True, False)]

    assert len(windows[0].reached) > 0
    for name in ("reached", "at"):
        assert np.array_equal(*(getattr(window, name) for window in windows))
    assert np.array_equal(*(window.fastest.site for window in windows))


def test_more_rides_are_never_slower_and_ways_take_what_is_found(town):
    """One ride more at a time; the way told takes the time searched."""
    fastest = [dense(searched(town, sites=True, max_rides=rides).fastest) for rides in (1, 2, 3, 4)]
    start, options = town[2].start, town[2]
    alone = dense(searched(town, sites=False, until=f"{start}:01").fastest)
    for cell in range(CELLS):
        way = transit_path(town[0], town[1], cell, "site0", at=start, options=options)

        assert way.seconds == (-1 if alone[cell, 0] == 10**9 else alone[cell, 0])
    assert all((more <= fewer).all() for fewer, more in itertools.pairwise(fastest))
    assert (fastest[2] < fastest[0]).any()
