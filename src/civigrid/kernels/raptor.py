"""The timetable as the search reads it: rides by pattern, turned round in time, cut to a window, changes by stop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from civigrid.kernels.counting import counting_order
from civigrid.types import Bools, Ints

Int32s = npt.NDArray[np.int32]
INFINITE = 2**30
"""Later than every time; sums of it and a time still fit into 32 bits."""


class Rides(NamedTuple):
    """Patterns, trips and their times, seconds.

    Parameters
    ----------
    pattern_first : ndarray of int64, shape (pattern + 1,)
        Positions of pattern ``p`` are ``pattern_first[p]:pattern_first[p + 1]``.
    pattern_stop : ndarray of int32, shape (position,)
        Stop at each position.
    may_board, may_alight : ndarray of bool, shape (position,)
        Whether people may get on, and off.
    trip_first : ndarray of int64, shape (pattern + 1,)
        Trips of pattern ``p``; none overtakes another.
    event_first : ndarray of int64, shape (pattern + 1,)
        Trip ``k``, position ``j`` of pattern ``p`` stand at ``event_first[p] + k * length + j``.
    arrival, departure : ndarray of int32, shape (event,)
        Times.
    """

    pattern_first: Ints
    pattern_stop: Int32s
    may_board: Bools
    may_alight: Bools
    trip_first: Ints
    event_first: Ints
    arrival: Int32s
    departure: Int32s


class Changes(NamedTuple):
    """Ways on foot between two rides, by the stop they begin at; those from a stop to itself are among them.

    Parameters
    ----------
    first : ndarray of int64, shape (stop + 1,)
        Changes from stop ``s`` are ``first[s]:first[s + 1]``.
    stop : ndarray of int32, shape (change,)
        Where the next ride begins.
    seconds : ndarray of int32, shape (change,)
        Least time between getting off and getting on.
    """

    first: Ints
    stop: Int32s
    seconds: Int32s


class Network(NamedTuple):
    """Rides and changes with what the search looks up.

    Parameters
    ----------
    pattern_first, pattern_stop, may_alight, trip_first, arrival
        As in `Rides`.
    trip_pattern : ndarray of int32, shape (trip,)
        Pattern of each trip.
    trip_event : ndarray of int64, shape (trip,)
        Where the times of each trip begin.
    stop_first : ndarray of int64, shape (stop + 1,)
        ``stop_position[stop_first[s]:stop_first[s + 1]]`` are the positions where one may get on at stop ``s``.
    stop_position : ndarray of int32, shape (boarding,)
        Positions; the last of a pattern leads nowhere and is left out.
    position_pattern : ndarray of int32, shape (position,)
        Pattern of each position.
    column : ndarray of int64, shape (position,)
        Where the departures of each position begin in `departing`.
    departing : ndarray of int32, shape (event,)
        Departures by position, trip after trip, so that a search for the next one reads neighbours.
    change_first, change_stop, change_s
        As in `Changes`.
    """

    pattern_first: Ints
    pattern_stop: Int32s
    may_alight: Bools
    trip_first: Ints
    arrival: Int32s
    trip_pattern: Int32s
    trip_event: Ints
    stop_first: Ints
    stop_position: Int32s
    position_pattern: Int32s
    column: Ints
    departing: Int32s
    change_first: Ints
    change_stop: Int32s
    change_s: Int32s


def turned(rides: Rides) -> Rides:
    """Turn time round: patterns run backwards, a departure at ``t`` is an arrival at ``-t``.

    The earliest arrival in what comes out is the latest departure in what went in, so one search answers both.

    >>> none = np.array([True, True])
    >>> there = np.array([0, 2]), np.array([7, 8], dtype=np.int32), none, none, np.array([0, 1]), np.array([0, 2])
    >>> back = turned(Rides(*there, np.array([10, 20], dtype=np.int32), np.array([11, 21], dtype=np.int32)))
    >>> back.pattern_stop.tolist(), back.arrival.tolist(), back.departure.tolist()
    ([8, 7], [-21, -11], [-20, -10])
    """
    at, event = _flipped(rides.pattern_first), _flipped(rides.event_first)
    return Rides(
        rides.pattern_first,
        rides.pattern_stop[at],
        rides.may_alight[at],
        rides.may_board[at],
        rides.trip_first,
        rides.event_first,
        -rides.departure[event],
        -rides.arrival[event],
    )


def _flipped(first: Ints) -> Ints:
    """Places of a list of blocks when every block is read backwards."""
    size = np.diff(first)
    whole: Ints = np.repeat(first[:-1] + first[1:] - 1, size) - np.arange(first[-1])
    return whole


def turned_changes(changes: Changes) -> Changes:
    """Turn every change round."""
    n = len(changes.first) - 1
    begin = np.repeat(np.arange(n, dtype=np.int32), np.diff(changes.first))
    order, first = counting_order(changes.stop, n)
    return Changes(first, begin[order], changes.seconds[order])


def within(rides: Rides, low: int, high: int) -> Rides:
    """Keep the trips that still run at `low` and have set out by `high`, seconds; patterns without trips go."""
    length, trips = np.diff(rides.pattern_first), np.diff(rides.trip_first)
    start = _trip_events(rides)
    stop = start + np.repeat(length, trips) - 1
    keep = (rides.arrival[stop] >= low) & (rides.departure[start] <= high)
    pattern = np.repeat(np.arange(len(length)), trips)
    count = np.bincount(pattern[keep], minlength=len(length))
    used = count > 0
    event, position = np.repeat(keep, length[pattern]), np.repeat(used, length)
    return Rides(
        _starts(length[used]),
        rides.pattern_stop[position],
        rides.may_board[position],
        rides.may_alight[position],
        _starts(count[used]),
        _starts((length * count)[used]),
        rides.arrival[event],
        rides.departure[event],
    )


def network(rides: Rides, changes: Changes) -> Network:
    """Lay out what the search looks up."""
    length, trips = np.diff(rides.pattern_first), np.diff(rides.trip_first)
    n = int(rides.pattern_first[-1])
    pattern = np.repeat(np.arange(len(length), dtype=np.int32), length)
    place = np.arange(n) - rides.pattern_first[pattern]
    ends = np.zeros(n, dtype=bool)
    ends[(rides.pattern_first[1:] - 1)[length > 0]] = True
    boarding = np.flatnonzero(rides.may_board & ~ends)
    order, stop_first = counting_order(rides.pattern_stop[boarding], len(changes.first) - 1)
    column = rides.event_first[pattern] + place * trips[pattern]
    trip_pattern = np.repeat(np.arange(len(trips), dtype=np.int32), trips)
    by_position = np.empty(len(rides.departure), dtype=np.int32)
    event_trip = np.repeat(np.arange(len(trip_pattern)), length[trip_pattern])
    event_place = np.arange(len(event_trip)) - _trip_events(rides)[event_trip]
    event_pattern = trip_pattern[event_trip]
    at = column[rides.pattern_first[event_pattern] + event_place] + event_trip - rides.trip_first[event_pattern]
    by_position[at] = rides.departure
    return Network(
        rides.pattern_first,
        rides.pattern_stop,
        rides.may_alight,
        rides.trip_first,
        rides.arrival,
        trip_pattern,
        _trip_events(rides),
        stop_first,
        boarding[order].astype(np.int32),
        pattern,
        column,
        by_position,
        *changes,
    )


def _trip_events(rides: Rides) -> Ints:
    """Where the times of each trip begin, shape (trip,)."""
    return _starts(np.repeat(np.diff(rides.pattern_first), np.diff(rides.trip_first)))[:-1]


def _starts(size: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
