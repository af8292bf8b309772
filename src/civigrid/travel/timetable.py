"""`Timetable`: one day of public transport as arrays: patterns of stops, trips that do not overtake, changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from civigrid.errors import SchemaError
from civigrid.types import Bools, Floats, Ints

Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False, kw_only=True)
class Timetable:
    """What runs on one day, in seconds since its midnight (of local time).

    A **pattern** is a sequence of stops that all its trips serve in this order with the same rights to board and
    alight, and in which no trip overtakes another: trips of a pattern are sorted, at every stop alike.  A line whose
    trips overtake is several patterns.  Trips of the day before that run past midnight are there, a day earlier.

    Parameters
    ----------
    date : str
        The day, as 2026-03-17.
    stop_id : ndarray of str, shape (stop,)
        Stops, with the feed's number before the id where there are several feeds.
    stop_name : ndarray of str, shape (stop,)
        Names.
    stop_place : ndarray of float64, shape (stop, 2)
        Longitude and latitude, degrees.
    pattern_first : ndarray of int64, shape (pattern + 1,)
        Positions of pattern ``p`` are ``pattern_first[p]:pattern_first[p + 1]``.
    pattern_stop : ndarray of int32, shape (position,)
        Stop at each position.
    may_board, may_alight : ndarray of bool, shape (position,)
        Whether people may get on, and off.
    pattern_line : ndarray of str, shape (pattern,)
        Name of the line, for explanations.
    trip_first : ndarray of int64, shape (pattern + 1,)
        Trips of pattern ``p`` are ``trip_first[p]:trip_first[p + 1]``.
    event_first : ndarray of int64, shape (pattern + 1,)
        Its times: trip ``k`` of the pattern, position ``j`` stand at ``event_first[p] + k * length + j``.
    arrival, departure : ndarray of int32, shape (event,)
        Seconds; never falling along a trip, nor from a trip to the next of its pattern.
    trip_id : ndarray of str, shape (trip,)
        Trips, in the order of the patterns.
    change_first : ndarray of int64, shape (stop + 1,)
        Changes from stop ``s`` that the feed states (transfers, pathways).
    change_stop, change_s : ndarray of int32, shape (change,)
        Stop, and seconds on foot; a change from a stop to itself is the least time between two vehicles there.
    """

    date: str
    stop_id: npt.NDArray[np.str_]
    stop_name: npt.NDArray[np.str_]
    stop_place: Floats
    pattern_first: Ints
    pattern_stop: Int32s
    may_board: Bools
    may_alight: Bools
    pattern_line: npt.NDArray[np.str_]
    trip_first: Ints
    event_first: Ints
    arrival: Int32s
    departure: Int32s
    trip_id: npt.NDArray[np.str_]
    change_first: Ints
    change_stop: Int32s
    change_s: Int32s

    def __post_init__(self) -> None:
        length, trips = np.diff(self.pattern_first), np.diff(self.trip_first)
        if not np.array_equal(np.diff(self.event_first), length * trips) or self.event_first[-1] != len(self.arrival):
            raise SchemaError("the times do not fit the patterns and trips of this Timetable.")
