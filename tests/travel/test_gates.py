"""Gates of travel times: what must hold on real streets and timetables, judged from outside the engines."""

from collections import Counter

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from lattices import dense, origins_at, sites_at
from travel.edge_based import EdgeBased

from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.grid import H3Grid
from civigrid.io.gtfs import read_gtfs
from civigrid.io.osm import read_osm
from civigrid.travel import (
    DayOptions,
    FrictionOptions,
    FrictionSurface,
    Line,
    Speeds,
    StraightLine,
    StraightWalks,
    StreetOptions,
    TransitOptions,
    build_graph,
    build_timetable,
    centres_of,
    friction_times,
    nearest_times,
    site_times,
    straight_line_times,
    straight_walks,
    street_times,
    street_walks,
    transit_times,
    weighted_centres,
    with_line,
    without_line,
)

FEEDS = {
    "porto-alegre": (("r5r_poa/poa_eptc.zip", "r5r_poa/poa_trensurb.zip"), "2019-05-13", 14),
    "rhein-neckar": (("rhein_neckar/rnv_gtfs.zip",), "2016-11-15", 8),
    "helsinki": (("helsinki_center/helsinki_gtfs.zip",), "2022-02-22", 8),
}


@pytest.fixture(scope="module")
def helsinki(real_data):
    """Streets of its centre."""
    return read_osm(real_data / "helsinki_center" / "helsinki_center_wide.osm.pbf")


@pytest.fixture(scope="module")
def on_foot(helsinki):
    """The same for those who walk, and 60 places along them."""
    graph, _ = build_graph(helsinki, "walk")
    place = graph.spot_place[np.random.default_rng(4).choice(len(graph.spot_place), 60, replace=False)]
    return graph, place + 0.0001


@pytest.fixture(scope="module", params=list(FEEDS))
def city(request, real_data):
    """A timetable of real feeds, walks of some cells to some sites near its middle, and the hour of its window."""
    files, date, hour = FEEDS[request.param]
    timetable, _ = build_timetable([read_gtfs(real_data / name) for name in files], date)
    used = np.unique(timetable.pattern_stop)
    middle = np.abs(timetable.stop_place[used] - np.median(timetable.stop_place[used], axis=0)).sum(axis=1)
    near = used[np.argsort(middle)[: len(used) // 2]]
    place = timetable.stop_place[np.random.default_rng(11).choice(near, 20, replace=False)] + 0.0013
    return timetable, straight_walks(timetable, origins_at(place[:12]), sites_at(place[12:])), hour


@pytest.mark.parametrize(("name", "differ"), [("rhein_neckar/heidelberg", 0.05), ("malta/malta-latest", 0.002)])
def test_forbidden_turns_of_real_files_equal_a_search_over_pairs_of_segments(real_data, name, differ):
    """448 and 51 restrictions: every time within the rounding of edges; without them many ways would be quicker."""
    lines = read_osm(real_data / f"{name}.osm.pbf")
    graph, report = build_graph(lines, "drive")
    row, often = {tuple(p): v for v, p in enumerate(lines.place)}, Counter(tuple(p) for p in graph.spot_place)
    vertex = np.array([row.get(tuple(p), -1) if often[tuple(p)] == 1 else -1 for p in graph.spot_place])
    minding, free = EdgeBased(lines), EdgeBased(lines, minding_turns=False)
    some = np.flatnonzero((vertex >= 0) & ~minding.closed[vertex])
    pick = np.random.default_rng(5).choice(some, 312, replace=False)
    here, there = graph.spot_place[pick[:12]], graph.spot_place[pick[12:]]
    exact = StreetOptions(snap_limit_m=0.5)
    found = dense(street_times(graph, origins_at(here), sites_at(there), limit_min=600, options=exact)[0])
    expected = np.array([minding.times(v)[vertex[pick[12:]]] for v in vertex[pick[:12]]])
    unbound = np.array([free.times(v)[vertex[pick[12:]]] for v in vertex[pick[:12]]])
    reached = np.isfinite(expected)

    assert report.turns_applied > 50
    assert (np.isfinite(found) == reached).all()
    assert reached.mean() > 0.4
    # an edge is rounded by half a decisecond: 30 edges make 1.5 s
    assert np.abs(found[reached] - expected[reached]).max() < 2
    assert (unbound[reached] <= expected[reached] + 1e-6).all()
    assert (expected[reached] - unbound[reached] > 5).mean() > differ


@pytest.mark.parametrize("mode", ["walk", "bike", "drive"])
def test_no_way_by_a_third_place_is_quicker(helsinki, on_foot, mode):
    """Triangle: t(i, j) <= t(i, k) + t(k, j) + a second of rounding; islands stay infinite."""
    graph, _ = build_graph(helsinki, mode)
    times = site_times(graph, sites_at(on_foot[1])).astype(float)
    times[times < 0] = np.inf
    best = np.min(times[:, :, None] + times[None], axis=1)

    assert (times <= best + 1).all()
    assert np.isfinite(times).mean() > 0.5
    assert mode == "walk" or not np.allclose(times, times.T)


def test_a_bound_is_a_cut_of_any_longer_one(on_foot, city):
    """Streets, timetables and friction: `within` of a long search is the short search, byte for byte."""
    graph, place = on_foot
    timetable, walks, hour = city
    window = {"start": f"{hour:02d}:00", "until": f"{hour:02d}:20"}
    grid = H3Grid(resolution=9)
    cells = np.unique(grid.cell_at(place))
    surface = FrictionSurface(grid=grid, cell_id=cells, speed_kmh=np.linspace(2.0, 9.0, len(cells)))

    def streets(limit):
        return street_times(graph, origins_at(place[:40]), sites_at(place[40:]), limit_min=limit)[0]

    def transit(limit):
        return transit_times(timetable, walks, options=TransitOptions(**window, limit_min=limit)).fastest

    def friction(limit):
        return friction_times(surface, sites_at(place[40:]), options=FrictionOptions(limit_min=limit))[0]

    for search, short, long in ((streets, 9, 40), (transit, 25, 80), (friction, 12, 45)):
        cut, alone = search(long).within(short * 60), search(short)
        assert 0 < len(alone.seconds) < len(search(long).seconds)
        for name in ("indptr", "site", "seconds"):
            assert getattr(cut, name).tobytes() == getattr(alone, name).tobytes()


@pytest.mark.parametrize("arrive_by", [False, True])
def test_a_range_is_its_single_times_on_real_timetables(city, arrive_by):
    """Twenty departures, or arrivals, searched at once and one by one: no value differs."""
    timetable, walks, hour = city
    ranks = tuple(float(p) for p in range(5, 101, 5))
    common = {"arrive_by": arrive_by, "limit_min": 60, "step_s": 180}
    at_once = transit_times(
        timetable, walks, options=TransitOptions(start=f"{hour:02d}:00", until=f"{hour + 1:02d}:00", percentiles=ranks,
                                                 **common),
    )  # fmt: skip
    single = []
    for minute in range(0, 60, 3):
        one = TransitOptions(start=f"{hour:02d}:{minute:02d}", until=f"{hour:02d}:{minute:02d}:01", **common)
        single.append(dense(transit_times(timetable, walks, options=one).fastest))
    single = np.sort(np.array(single), axis=0)

    assert np.isfinite(single).mean() > 0.3
    for k, percent in enumerate(ranks):
        assert np.array_equal(dense(at_once.percentile(percent)), single[k])
    reached = np.zeros(single.shape[1:])
    reached[at_once.fastest.rows(), at_once.fastest.site] = at_once.reached
    assert np.array_equal(reached, np.isfinite(single).sum(axis=0))


def test_leaving_as_late_as_arriving_by_allows_is_in_time(city):
    """Arrive-by against forward: at the latest departure the forward search is in time, a second later it is not."""
    timetable, walks, hour = city
    arrives = (hour + 1) * 3600

    def at(second, **more):
        clock = [f"{t // 3600:02d}:{t // 60 % 60:02d}:{t % 60:02d}" for t in (second, second + 1)]
        options = TransitOptions(start=clock[0], until=clock[1], limit_min=60, **more)
        return dense(transit_times(timetable, walks, options=options).fastest)

    back = at(arrives, arrive_by=True)
    some = np.argwhere(np.isfinite(back))
    for cell, site in some[:: max(len(some) // 12, 1)]:
        departs = arrives - int(back[cell, site])
        assert at(departs)[cell, site] <= back[cell, site]
        assert at(departs + 1)[cell, site] > back[cell, site] - 1
    assert len(some) > 30


def test_a_line_less_is_never_quicker_and_a_line_more_never_slower(city):
    """At every rank of the window, with paired draws; and taking the new line away gives the same bytes."""
    timetable, walks, hour = city
    options = TransitOptions(start=f"{hour:02d}:00", until=f"{hour:02d}:30", percentiles=(1.0, 50.0, 100.0))
    size = np.diff(timetable.event_first) / np.maximum(np.diff(timetable.pattern_first), 1)
    lines, at = np.unique(timetable.pattern_line, return_inverse=True)
    busiest = str(lines[np.bincount(at, weights=size).argmax()])
    ends = walks.to_stop.site_id[[walks.to_stop.site[walks.to_stop.indptr[k]] for k in (0, 5)]]
    more = Line(name="thought of", stops=tuple(ends.tolist()), headway_s=300, speed_kmh=60.0)
    now, less = (transit_times(t, walks, options=options) for t in (timetable, without_line(timetable, busiest)))
    faster = transit_times(with_line(timetable, more), walks, options=options)
    again = transit_times(without_line(with_line(timetable, more), more.name), walks, options=options)

    for percent in options.percentiles:
        assert (dense(less.percentile(percent)) >= dense(now.percentile(percent))).all()
        assert (dense(faster.percentile(percent)) <= dense(now.percentile(percent))).all()
    assert (dense(faster.fastest) < dense(now.fastest)).any()
    assert again.at.tobytes() == now.at.tobytes()
    assert again.fastest.seconds.tobytes() == now.fastest.seconds.tobytes()


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_no_scheduler_or_block_changes_a_byte_on_real_data(on_foot, city, kind):
    """Streets and timetables, in other blocks, in threads and in other processes."""
    graph, place = on_foot
    timetable, walks, hour = city
    two, options = Scheduler(kind, 2), TransitOptions(start=f"{hour:02d}:00", until=f"{hour:02d}:10")
    street = (graph, origins_at(place[:40]), sites_at(place[40:]))
    one = street_times(*street, limit_min=20)[0]
    other = street_times(*street, limit_min=20, options=StreetOptions(block=7), scheduler=two)[0]
    whole = transit_times(timetable, walks, options=options)
    parts = transit_times(timetable, walks, options=options, scheduler=two, block=3)

    assert one.seconds.tobytes() == other.seconds.tobytes()
    assert (whole.at.tobytes(), whole.reached.tobytes()) == (parts.at.tobytes(), parts.reached.tobytes())


@pytest.mark.parametrize(
    ("mode", "expected", "least", "ratio"),
    [("walk", "test_walking_times_snapped", 0.97, 0.05), ("bike", "test_travel_times_bicycle", 0.93, 0.15)],
)
def test_times_of_another_engine_are_near(real_data, helsinki, mode, expected, least, ratio):
    """r5py in Helsinki at its speeds, whole minutes, on a larger and other extract: same order, few per cent apart.

    Only places well inside of our extract are compared.  It is a check of sanity, not of exactness.
    """
    folder = real_data / "helsinki_center" / "r5py_expected"
    place = gpd.read_file(folder / "test_snapped_population_grid_centroids.geojson").set_index("id").geometry
    place = place[place.within(gpd.GeoSeries.from_wkt(["POLYGON((24.931 60.16, 24.957 60.16, 24.957 60.183, "
                                                       "24.931 60.183, 24.931 60.16))"])[0])]  # fmt: skip
    theirs = pd.read_csv(folder / f"{expected}.csv").query("from_id != to_id")
    theirs = theirs[theirs.from_id.isin(place.index) & theirs.to_id.isin(place.index)]
    graph, _ = build_graph(helsinki, mode, speeds=Speeds(walk_kmh=3.6, bike_kmh=12.0))
    origins = origins_at(np.column_stack([place.x, place.y]))
    times, _ = street_times(graph, origins, place, limit_min=120, options=StreetOptions(access_kmh=3.6))
    ours = dense(times)[place.index.get_indexer(theirs.from_id), place.index.get_indexer(theirs.to_id)] / 60

    assert len(theirs) >= 30
    assert np.isfinite(ours).all()
    assert np.corrcoef(ours, theirs.travel_time)[0, 1] > least
    assert abs(np.median(ours / theirs.travel_time.clip(lower=1)) - 1) < ratio


def test_damaged_feeds_and_far_stops_are_told_and_the_rest_runs(real_data, helsinki, on_foot):
    """The damaged feed of Helsinki gives times all the same; stops off the streets have no walks and are counted."""
    feed = read_gtfs(real_data / "helsinki_center" / "broken_gtfs.zip")
    timetable, _ = build_timetable([feed], "2022-02-23")
    graph, place = on_foot
    walks, _, stops = street_walks(graph, timetable, origins_at(place[:20]), sites_at(place[20:30]))
    options = TransitOptions(start="06:00", until="16:00", step_s=900, limit_min=40)
    window = transit_times(timetable, walks, options=options)

    assert {("unknown-stop", "stop_times.txt", 1432), ("unknown-route", "trips.txt", 1)} <= {
        (fault.rule, fault.file, fault.count) for fault in feed.faults if fault.severity == "error"
    }
    assert len(timetable.trip_id) == 63
    assert stops.sites.beyond.sum() > 10
    assert any("farther than 500 m" in line for line in stops.lines())
    assert len(window.fastest.seconds) > len(walks.direct.seconds) + 10


def test_the_edges_of_what_can_be_asked(on_foot):
    """No cells, one cell, sites in one place, a place at sea, a limit of nought: answers; a site twice: refused."""
    graph, place = on_foot
    grid = H3Grid(resolution=9)
    home = np.unique(grid.cell_at(place[:1]))
    start, none = centres_of(grid, home), centres_of(grid, home[:0])
    at = sites_at([*np.repeat(start.place, 3, axis=0), [0.0, 0.0]])

    assert len(set(street_times(graph, start, at, limit_min=20)[0].seconds.tolist())) == 1
    assert street_times(graph, start, at, limit_min=20)[1].sites.beyond.tolist() == [False] * 3 + [True]
    assert len(street_times(graph, start, at, limit_min=0)[0].seconds) == 0
    assert len(street_times(graph, none, at, limit_min=20)[0].indptr) == 1
    assert len(nearest_times(graph, start, at, ["a"] * 4, 9)[0].seconds) == 3
    assert straight_line_times(grid, home, at).site.tolist() == [0, 1, 2]
    assert len(weighted_centres(grid, home[:0], H3Grid(resolution=10), home, np.ones(1)).place) == 0
    with pytest.raises(SchemaError, match="twice"):
        street_times(graph, start, sites_at(place[:2], ["x", "x"]), limit_min=20)


def test_cells_and_hours_outside_of_a_timetable_walk_or_wait(city):
    """In another city, or at an hour when nothing runs, nobody rides: what is left is walking."""
    timetable, walks, _ = city
    start = centres_of(H3Grid(resolution=9), H3Grid(resolution=9).cell_at(np.array([[0.0, 0.0]])))
    far = straight_walks(timetable, start, sites_at([[0.001, 0.0], [24.9, 60.1]]))
    late = TransitOptions(start="47:00", until="47:05")

    assert transit_times(timetable, far).fastest.site.tolist() == [0]
    found = transit_times(timetable, walks, options=late).fastest
    assert found.seconds.tolist() == walks.direct.seconds.tolist()
    assert DayOptions().until_h < 47


@pytest.mark.parametrize(
    "make",
    [
        lambda: TransitOptions(limit_min=4e7),
        lambda: StraightLine(limit_min=np.inf),
        lambda: StraightLine(speed_kmh=0.0),
        lambda: StraightWalks(detour=-1.0),
        lambda: StraightWalks(max_min=np.nan),
        lambda: straight_line_times(H3Grid(9), np.array([1], np.uint64)[:0], sites_at([[8, 49], [8, 49]], ["x", "x"])),
    ],
)
def test_numbers_that_would_go_wrong_in_silence_are_refused(make):
    """Limits beyond 32 bits, speeds of nought, sites given twice."""
    with pytest.raises(SchemaError):
        make()
