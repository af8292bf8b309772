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
    board_first : ndarray of int64, shape (stop + 1,)
        Where one may get on at stop ``s``: ``board_first[s]:board_first[s + 1]`` of what follows.  The last position of
        a pattern leads nowhere and is left out.
    board_place : ndarray of int32, shape (boarding,)
        Place in its pattern.
    board_trip, board_count : ndarray of int32, shape (boarding,)
        First trip of the pattern, and how many it has.
    board_column : ndarray of int64, shape (boarding,)
        Where its departures begin in `departing`.
    board_last : ndarray of int32, shape (boarding,)
        Its last departure.
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
    board_first: Ints
    board_place: Int32s
    board_trip: Int32s
    board_count: Int32s
    board_column: Ints
    board_last: Int32s
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
    pattern = np.repeat(np.arange(len(length)), length)
    place = np.arange(len(pattern)) - rides.pattern_first[pattern]
    useful = rides.may_board & (place < length[pattern] - 1) & (trips[pattern] > 0)
    boarding = np.flatnonzero(useful)
    order, board_first = counting_order(rides.pattern_stop[boarding], len(changes.first) - 1)
    at = boarding[order]
    column = rides.event_first[pattern] + place * trips[pattern]
    trip_pattern = np.repeat(np.arange(len(trips)), trips)
    departing = _by_position(rides, column, trip_pattern)
    return Network(
        rides.pattern_first,
        rides.pattern_stop,
        rides.may_alight,
        rides.trip_first,
        rides.arrival,
        trip_pattern.astype(np.int32),
        _trip_events(rides),
        board_first,
        place[at].astype(np.int32),
        rides.trip_first[pattern[at]].astype(np.int32),
        trips[pattern[at]].astype(np.int32),
        column[at],
        departing[column[at] + trips[pattern[at]] - 1],
        departing,
        *changes,
    )


def _by_position(rides: Rides, column: Ints, trip_pattern: Ints) -> Int32s:
    """Departures of each position side by side, those of position ``x`` from ``column[x]`` on."""
    length = np.diff(rides.pattern_first)
    trip = np.repeat(np.arange(len(trip_pattern)), length[trip_pattern])
    pattern = trip_pattern[trip]
    place = np.arange(len(trip)) - _trip_events(rides)[trip]
    departing = np.empty(len(trip), dtype=np.int32)
    departing[column[rides.pattern_first[pattern] + place] + trip - rides.trip_first[pattern]] = rides.departure
    return departing


def _trip_events(rides: Rides) -> Ints:
    """Where the times of each trip begin, shape (trip,)."""
    return _starts(np.repeat(np.diff(rides.pattern_first), np.diff(rides.trip_first)))[:-1]


def _starts(size: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
