"""The timetable as the search reads it, and the percentiles of a window."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timetables import random_timetable

from civigrid.kernels.raptor import INFINITE, Changes, network, turned, turned_changes, within
from civigrid.kernels.raptor_window import summed_up
from civigrid.travel.transit_plan import rides_of

SEEDS = st.integers(0, 10_000)


def same(one, other):
    """Whether two tuples of arrays are equal."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@given(SEEDS)
def test_time_turned_round_twice_is_time(seed):
    """Patterns, rights and times come back; each departure becomes an arrival before it."""
    rides = rides_of(random_timetable(np.random.default_rng(seed)))
    back = turned(rides)

    assert same(turned(back), rides)
    assert np.array_equal(np.sort(back.arrival), np.sort(-rides.departure))
    assert (back.departure >= back.arrival).all()


@given(SEEDS)
def test_changes_turned_round_twice_are_the_changes(seed):
    """Rows become columns and rows again."""
    table = random_timetable(np.random.default_rng(seed), stated=9)
    changes = Changes(table.change_first, table.change_stop, table.change_s)

    assert same(turned_changes(turned_changes(changes)), changes)


@given(SEEDS, st.integers(6 * 3600, 11 * 3600), st.integers(0, 7200))
def test_a_window_keeps_the_trips_that_run_in_it(seed, low, width):
    """Every trip that arrives at the window's begin or later and has left by its end is there, whole, in order."""
    rides = rides_of(random_timetable(np.random.default_rng(seed)))
    cut = within(rides, low, low + width)
    length, expected = np.diff(rides.pattern_first), []
    for p in range(len(length)):
        for k in range(rides.trip_first[p + 1] - rides.trip_first[p]):
            event = rides.event_first[p] + k * length[p] + np.arange(length[p])
            if rides.arrival[event[-1]] >= low and rides.departure[event[0]] <= low + width:
                expected += list(zip(rides.arrival[event], rides.departure[event], strict=True))

    assert list(zip(cut.arrival, cut.departure, strict=True)) == expected
    assert np.array_equal(np.diff(cut.event_first), np.diff(cut.trip_first) * np.diff(cut.pattern_first))


@given(SEEDS)
def test_departures_by_position_are_those_of_the_trips(seed):
    """Each place to board lists the departures of its position, ascending, and knows the last."""
    rides = rides_of(random_timetable(np.random.default_rng(seed)))
    stops = 8
    net = network(rides, Changes(np.zeros(stops + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.int32)))
    seen = 0
    for stop in range(stops):
        for at in range(net.board_first[stop], net.board_first[stop + 1]):
            p = net.trip_pattern[net.board_trip[at]]
            first, length = rides.pattern_first[p], np.diff(rides.pattern_first)[p]
            leaves = rides.departure[rides.event_first[p] + net.board_place[at] : rides.event_first[p + 1] : length]
            listed = net.departing[net.board_column[at] : net.board_column[at] + net.board_count[at]]
            seen += 1

            assert rides.pattern_stop[first + net.board_place[at]] == stop
            assert rides.may_board[first + net.board_place[at]]
            assert np.array_equal(listed, leaves)
            assert net.board_last[at] == leaves[-1]
    runs = np.diff(rides.trip_first) > 0
    last = np.zeros(rides.pattern_first[-1], dtype=bool)
    last[rides.pattern_first[1:] - 1] = True

    assert seen == int((rides.may_board & ~last & np.repeat(runs, np.diff(rides.pattern_first))).sum())


@pytest.mark.parametrize("slots", [1, 7, 120])
def test_percentiles_are_the_values_of_their_rank(slots):
    """Sorted times of each target at their ranks; fastest, number and mean by hand."""
    rng = np.random.default_rng(slots)
    out = rng.integers(0, 200, (slots, 50)).astype(np.int32)
    out[rng.random(out.shape) < 0.3] = INFINITE + 5
    foot = np.where(rng.random(50) < 0.3, 90, INFINITE).astype(np.int32)
    rank, decay = np.array([0, slots // 2, slots - 1]), np.exp(-np.arange(101.0) / 30)
    target, fastest, reached = (np.empty(50, np.int32) for _ in range(3))
    at, mean = np.empty((3, 50), np.int32), np.empty(50)
    n = summed_up(out, foot, 100, False, rank, decay, target, fastest, reached, at, mean)
    times = np.minimum(out, foot)
    use = np.flatnonzero((times <= 100).any(axis=0))
    ordered = np.sort(np.where(times <= 100, times, INFINITE), axis=0)[:, use]
    weight = np.where(times <= 100, decay[np.minimum(times, 100)], 0.0)

    assert target[:n].tolist() == use.tolist()
    assert at[:, :n].tolist() == ordered[rank].tolist()
    assert fastest[:n].tolist() == ordered[0].tolist()
    assert reached[:n].tolist() == (times <= 100).sum(axis=0)[use].tolist()
    assert mean[:n] == pytest.approx(weight.mean(axis=0)[use], rel=1e-12)
