"""Public transport over a window, against a graph of events, its own reverse, and the laws of time."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timetables import Events, random_city

from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.travel.transit import TransitOptions, _searched, clock, transit_times

SEEDS = st.integers(0, 100_000)
SERIAL = Scheduler("serial")
WINDOW = TransitOptions(start="08:00", until="08:15", limit_min=60, percentiles=(1.0, 50.0, 75.0, 100.0))


def searched(city, options, *, sites, decay=None, block=2):
    """Search from one side."""
    return _searched(*city, options, decay, SERIAL, block, from_sites=sites)


def bytes_of(window):
    """Everything a window says, to compare."""
    arrays = [window.fastest.indptr, window.fastest.site, window.fastest.seconds, window.reached, window.at]
    arrays += [] if window.mean_decay is None else [window.mean_decay]
    return [np.ascontiguousarray(array).tobytes() for array in arrays]


def dense(window, percent=None):
    """Cell × site, 10**9 where there is none."""
    times = window.fastest if percent is None else window.percentile(percent)
    matrix = np.full((len(times.cell_id), len(times.site_id)), 10**9)
    matrix[times.rows(), times.site] = times.seconds
    return matrix


def by_events(city, options):
    """Times of every cell, site and slot by the graph of events, 10**9 beyond the limit."""
    events = Events(*city, rides=options.max_rides, change_s=options.change_s)
    cells, sites = len(city[1].cell_id), len(city[1].site_id)
    times = np.full((cells, sites, len(options.times)), 10**9)
    for q, time in enumerate(options.times.tolist()):
        for cell in range(cells):
            if options.arrive_by:
                left = [events.latest(cell, site, time, options.limit_s) for site in range(sites)]
                found = {site: time - then for site, then in enumerate(left) if then is not None}
            else:
                found = {site: then - time for site, then in events.arrivals(cell, time).items()}
            for site, seconds in found.items():
                if seconds <= options.limit_s:
                    times[cell, site, q] = seconds
    return times


options_of = st.builds(
    TransitOptions,
    start=st.just("08:00"),
    until=st.sampled_from(["08:01", "08:12"]),
    step_s=st.sampled_from([60, 77, 300]),
    arrive_by=st.booleans(),
    max_rides=st.integers(1, 4),
    limit_min=st.sampled_from([20.0, 60.0, 90.0]),
    percentiles=st.just((1.0, 50.0, 75.0, 100.0)),
    change_s=st.sampled_from([0, 60]),
)


@given(SEEDS, options_of, st.booleans())
@settings(max_examples=60)
def test_a_window_is_what_the_events_say(seed, options, sites):
    """Range search, from either side, to depart or to arrive, equals a search of all events: every value."""
    city = random_city(seed)
    window, times = searched(city, options, sites=sites), np.sort(by_events(city, options), axis=2)
    n = len(options.times)
    reached = (times <= options.limit_s).sum(axis=2)

    assert np.array_equal(dense(window), times[:, :, 0])
    assert np.array_equal(window.reached, reached[reached > 0])
    for percent in options.percentiles:
        assert np.array_equal(dense(window, percent), times[:, :, int(np.ceil(percent * n / 100)) - 1])


@given(SEEDS, options_of)
@settings(max_examples=60)
def test_both_sides_and_all_blocks_give_the_same_bytes(seed, options):
    """Forward from cells and backward from sites, one at a time or all at once."""
    city = random_city(seed, cells=7, sites=5)
    decay = np.exp(-np.arange(options.limit_s + 1) / 1000)
    one = bytes_of(searched(city, options, sites=True, decay=decay, block=1))

    assert one == bytes_of(searched(city, options, sites=True, decay=decay, block=16))
    assert one == bytes_of(searched(city, options, sites=False, decay=decay, block=3))
    assert one == bytes_of(transit_times(*city, options=options, decay=decay, scheduler=SERIAL))


@given(SEEDS, st.booleans())
@settings(max_examples=25)
def test_a_window_is_its_single_departures(seed, arrive_by):
    """Labels kept from later departures change nothing: each departure searched alone gives the same."""
    city = random_city(seed)
    options = dataclasses.replace(WINDOW, arrive_by=arrive_by)
    alone = []
    for time in options.times.tolist():
        begin, end = (f"{t // 3600:02d}:{t // 60 % 60:02d}:{t % 60:02d}" for t in (time, time + 1))
        alone.append(dense(searched(city, dataclasses.replace(options, start=begin, until=end), sites=False)))
    window = searched(city, options, sites=False)
    ordered = np.sort(alone, axis=0)

    assert np.array_equal(dense(window), ordered[0])
    assert np.array_equal(dense(window, 75.0), ordered[int(np.ceil(0.75 * len(alone))) - 1])


@given(SEEDS, st.integers(7 * 3600 + 1800, 9 * 3600))
@settings(max_examples=40)
def test_latest_departure_and_earliest_arrival_are_dual(seed, arrives):
    """Who leaves at the latest departure for an arrival is there in time; who leaves a second later is not."""
    city = random_city(seed)

    def at(time, *, arrive_by):
        begin, end = (f"{t // 3600:02d}:{t // 60 % 60:02d}:{t % 60:02d}" for t in (time, time + 1))
        return dense(
            searched(city, dataclasses.replace(WINDOW, start=begin, until=end, arrive_by=arrive_by), sites=True)
        )

    back = at(arrives, arrive_by=True)
    for cell, site in np.argwhere(back < 10**9):
        departs = int(arrives - back[cell, site])

        assert departs + at(departs, arrive_by=False)[cell, site] <= arrives
        assert departs + 1 + at(departs + 1, arrive_by=False)[cell, site] > arrives


@given(SEEDS, st.booleans(), st.booleans())
@settings(max_examples=30)
def test_more_rides_longer_walks_and_shorter_changes_are_never_slower(seed, arrive_by, sites):
    """What people may do more of does not make them late."""
    city = random_city(seed)
    options = dataclasses.replace(WINDOW, arrive_by=arrive_by, max_rides=2, max_walk_min=8, change_s=60)
    before = searched(city, options, sites=sites)
    for more in ({"max_rides": 3}, {"max_walk_min": 15}, {"change_s": 0}):
        after = searched(city, dataclasses.replace(options, **more), sites=sites)

        assert all((dense(after, p) <= dense(before, p)).all() for p in options.percentiles)


@given(SEEDS)
@settings(max_examples=30)
def test_a_shorter_limit_only_leaves_pairs_out(seed):
    """Each departure within the shorter limit has the time it had."""
    city = random_city(seed)
    short = searched(city, dataclasses.replace(WINDOW, limit_min=30), sites=True)
    whole = dense(searched(city, WINDOW, sites=True))

    assert np.array_equal(dense(short), np.where(whole <= 1800, whole, 10**9))


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_workers_change_nothing(kind):
    """Same bytes in threads and in processes."""
    city = random_city(5, cells=9, sites=7)
    decay = np.linspace(1, 0, WINDOW.limit_s + 1)
    one = transit_times(*city, options=WINDOW, decay=decay, scheduler=SERIAL)
    other = transit_times(*city, options=WINDOW, decay=decay, scheduler=Scheduler(kind, 2), block=2)

    assert bytes_of(one) == bytes_of(other)


def test_the_mean_of_a_decay_is_not_the_decay_of_the_median():
    """Both are given, by name; the mean is over all departures, those that do not reach counting nothing."""
    city = random_city(13)
    decay = np.where(np.arange(WINDOW.limit_s + 1) <= 1800, 1.0, 0.1)
    window, times = searched(city, WINDOW, sites=True, decay=decay), by_events(city, WINDOW)
    mean = np.where(times <= WINDOW.limit_s, decay[np.minimum(times, WINDOW.limit_s)], 0).mean(axis=2)
    some = (times <= WINDOW.limit_s).any(axis=2)
    median = window.at[1]
    known = median <= WINDOW.limit_s

    assert window.mean_decay == pytest.approx(mean[some], rel=1e-12)
    assert np.abs(window.mean_decay[known] - decay[median[known]]).max() > 0.1
    assert window.share == pytest.approx((times <= WINDOW.limit_s).mean(axis=2)[some])


def test_nothing_runs_and_nowhere_to_go():
    """On foot only where no trip runs; no cells and no sites give no pairs."""
    city = random_city(3)
    night = searched(city, dataclasses.replace(WINDOW, start="01:00", until="01:10"), sites=True)
    direct = city[1].direct.within(WINDOW.limit_s)

    assert np.array_equal(night.fastest.seconds, direct.seconds)
    assert (night.share == 1).all()
    for some in ({"cells": 0}, {"sites": 0}):
        for sites in (True, False):
            empty = searched(random_city(3, **some), WINDOW, sites=sites)

            assert len(empty.fastest.seconds) == 0
            assert len(empty.percentile(50.0).seconds) == 0


def test_what_is_asked_wrongly_is_refused():
    """Each message says what is wrong and how to mend it."""
    timetable, walks = random_city(1)
    other, _ = random_city(2)
    for wrong in ({"until": "08:00"}, {"step_s": 0}):
        with pytest.raises(SchemaError, match="holds no departure"):
            TransitOptions(start="08:00", **wrong)
    for wrong in ({"max_rides": 0}, {"limit_min": 0}, {"change_s": -1}, {"limit_min": float("nan")}):
        with pytest.raises(SchemaError, match="are needed"):
            TransitOptions(**wrong)
    with pytest.raises(SchemaError, match="above 0 and up to 100"):
        TransitOptions(percentiles=(0.0,))
    with pytest.raises(SchemaError, match="no time of day"):
        clock("8 o'clock")
    with pytest.raises(SchemaError, match="Make the walks from the stops of this timetable"):
        transit_times(other, walks)
    with pytest.raises(SchemaError, match="a weight for each second"):
        transit_times(timetable, walks, decay=np.ones(60))
    with pytest.raises(SchemaError, match="was not searched"):
        transit_times(timetable, walks, scheduler=SERIAL).percentile(20)
    with pytest.raises(SchemaError, match="different sites"):
        dataclasses.replace(walks, direct=dataclasses.replace(walks.direct, site_id=walks.direct.site_id[::-1]))
