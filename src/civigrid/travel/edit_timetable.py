"""What-if edits of a timetable: a line more, a line less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from civigrid.errors import SchemaError, first_few
from civigrid.travel.build_timetable import Journey, timetable_of
from civigrid.travel.places import on_the_globe
from civigrid.travel.timetable import Int32s, Timetable
from civigrid.types import Ints

SAME_PLACE_M = 500.0
"""Stops of one name within this are platforms of one place."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line that is thought of.

    Parameters
    ----------
    name : str
        What it is called.
    stops : tuple of str
        Ids of stops, or their names, in order; both directions are served.
    first_s, last_s : int
        First and last departure at either end, seconds after midnight.
    headway_s : int
        Seconds from one departure to the next.
    run_s : tuple of int
        Seconds from each stop to the next, in both directions; empty: by `speed_kmh`.
    speed_kmh : float
        Mean speed with stops, on straight lines between stops.
    """

    name: str
    stops: tuple[str, ...]
    first_s: int = 6 * 3600
    last_s: int = 22 * 3600
    headway_s: int = 600
    run_s: tuple[int, ...] = ()
    speed_kmh: float = 18.0

    def __post_init__(self) -> None:
        if len(self.stops) < 2 or self.headway_s < 1 or self.last_s < self.first_s or not self.speed_kmh > 0:
            raise SchemaError(
                f"line {self.name!r}: two stops, a headway of at least 1 s (got {self.headway_s}), a last departure "
                f"not before the first and a speed above 0 km/h (got {self.speed_kmh}) are needed."
            )
        if self.run_s and (len(self.run_s) != len(self.stops) - 1 or min(self.run_s) < 0):
            raise SchemaError(
                f"line {self.name!r}: run_s needs {len(self.stops) - 1} times of at least 0 s, one from each of its "
                f"{len(self.stops)} stops to the next; got {list(self.run_s)}."
            )


def find_stop(timetable: Timetable, text: str) -> int:
    """Row of a stop, by its id or by its name.

    Platforms of one place have the same name: where all stops of a name are within `SAME_PLACE_M` of each other, the
    one with the most departures is given, of several the first by id.  From the others one walks there.

    Raises
    ------
    SchemaError
        No stop of this id or name, or several of this name far from each other.
    """
    rows = np.flatnonzero(timetable.stop_id == text)
    if not len(rows):
        rows = np.flatnonzero(timetable.stop_name == text)
    if not len(rows):
        near = [n for n in np.unique(timetable.stop_name).tolist() if text.lower() in n.lower()]
        hint = f" Names like it: {first_few(near)}." if near else ""
        raise SchemaError(f"no stop has the id or the name {text!r}.{hint}")
    if len(rows) == 1:
        return int(rows[0])
    globe = on_the_globe(timetable.stop_place[rows])
    apart = np.linalg.norm(globe[:, None] - globe[None], axis=2)
    if not (apart <= SAME_PLACE_M).all():
        ids = first_few(timetable.stop_id[rows])
        raise SchemaError(
            f"{len(rows)} stops are called {text!r}, up to {np.nanmax(apart):,.0f} m from each other (first: {ids}). "
            "Give the id of one."
        )
    trips = np.repeat(np.diff(timetable.trip_first), np.diff(timetable.pattern_first))
    leaves = np.bincount(timetable.pattern_stop, weights=trips, minlength=len(timetable.stop_id))[rows]
    return int(rows[np.lexsort((timetable.stop_id[rows], -leaves))[0]])


def with_line(timetable: Timetable, line: Line) -> Timetable:
    """Give the timetable with a line more; all that was there runs as before.

    Raises
    ------
    SchemaError
        A line of this name is there already, a stop is not there, or has no place and `Line.run_s` is empty.

    Examples
    --------
    >>> stops = pd.DataFrame({"name": ["A", "B"], "lon": [8.0, 8.1], "lat": [49.0, 49.0]}, index=["1", "2"])
    >>> nothing = timetable_of("2026-03-17", stops, [], pd.DataFrame({"a": [], "b": [], "seconds": []}))
    >>> more = with_line(nothing, Line(name="X", stops=("A", "B"), first_s=0, last_s=600, headway_s=600))
    >>> more.pattern_line.tolist(), len(more.trip_id)
    (['X', 'X'], 4)
    """
    if line.name in timetable.pattern_line:
        raise SchemaError(f"a line is called {line.name!r} already. Give another name, or take that one away before.")
    rows = np.array([find_stop(timetable, stop) for stop in line.stops], dtype=np.int32)
    return _with(timetable, [*journeys_of(timetable), *_both_ways(timetable, line, rows)])


def without_line(timetable: Timetable, name: str) -> Timetable:
    """Give the timetable without the lines of a name.

    Raises
    ------
    SchemaError
        No line is called so.
    """
    if name not in timetable.pattern_line:
        known = first_few(sorted(set(timetable.pattern_line.tolist())), 20)
        raise SchemaError(f"no line is called {name!r}. Lines: {known}.")
    return _with(timetable, [j for j in journeys_of(timetable) if j.line != name])


def _both_ways(timetable: Timetable, line: Line, rows: Int32s) -> list[Journey]:
    run = np.array(line.run_s, dtype=np.int64)
    if not len(run):
        globe = on_the_globe(timetable.stop_place[rows])
        metres = np.linalg.norm(np.diff(globe, axis=0), axis=1)
        if not np.isfinite(metres).all():
            raise SchemaError(f"line {line.name!r}: a stop has no place. Give run_s.")
        run = np.maximum(np.rint(metres / (line.speed_kmh / 3.6)), 1).astype(np.int64)
    ahead: Ints = np.concatenate([[0], np.cumsum(run)])
    back: Ints = ahead[-1] - ahead[::-1]
    found, all_open = [], np.ones(len(rows), dtype=bool)
    for way, (stops, since) in enumerate(((rows, ahead), (rows[::-1], back))):
        for leaves in range(line.first_s, line.last_s + 1, line.headway_s):
            times = (since + leaves).astype(np.int32)
            name = f"{line.name}:{way}:{leaves}"
            found.append(Journey(np.ascontiguousarray(stops), times, times, all_open, all_open, line.name, name))
    return found


def journeys_of(timetable: Timetable) -> list[Journey]:
    """All journeys of a timetable, pattern by pattern."""
    found = []
    for p in range(len(timetable.pattern_line)):
        at = slice(timetable.pattern_first[p], timetable.pattern_first[p + 1])
        stops = timetable.pattern_stop[at]
        for k, trip in enumerate(range(timetable.trip_first[p], timetable.trip_first[p + 1])):
            first = timetable.event_first[p] + k * len(stops)
            events = slice(first, first + len(stops))
            found.append(
                Journey(
                    stops, timetable.arrival[events], timetable.departure[events], timetable.may_board[at],
                    timetable.may_alight[at], str(timetable.pattern_line[p]), str(timetable.trip_id[trip]),
                )
            )  # fmt: skip
    return found


def _with(timetable: Timetable, journeys: Sequence[Journey]) -> Timetable:
    lon, lat = timetable.stop_place.T
    stops = pd.DataFrame({"name": timetable.stop_name, "lon": lon, "lat": lat}, index=timetable.stop_id)
    a = np.repeat(np.arange(len(stops)), np.diff(timetable.change_first))
    changes = pd.DataFrame({"a": a, "b": timetable.change_stop, "seconds": timetable.change_s})
    return timetable_of(timetable.date, stops, journeys, changes)
