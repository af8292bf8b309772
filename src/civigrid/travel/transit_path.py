"""The way one pair takes at one departure: walks, lines, stops and times, to explain a travel time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from civigrid.errors import SchemaError, first_few
from civigrid.kernels.raptor import Changes, Int32s, Rides, turned_changes
from civigrid.kernels.raptor_search import Ways, labels, search
from civigrid.travel.stop_walks import WalkTimes
from civigrid.travel.timetable import Timetable
from civigrid.travel.transit import TransitOptions, clock
from civigrid.travel.transit_plan import Settings, changes_of, plan, rides_of

HOUSE = -1
"""Stands for a place that is no stop: the cell at the beginning, the site at the end."""


def _hours(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"


@dataclass(frozen=True, kw_only=True)
class Leg:
    """One part of a way.

    Parameters
    ----------
    kind : {"walk", "ride"}
        On foot or in a vehicle.
    start, end : str
        Names of the stops; the cell and the site by their ids.
    departs, arrives : int
        Seconds since midnight.
    line, trip_id : str
        Of a ride.
    stops : int
        Stops ridden; 0 on foot.
    """

    kind: Literal["walk", "ride"]
    start: str
    end: str
    departs: int
    arrives: int
    line: str = ""
    trip_id: str = ""
    stops: int = 0

    @property
    def words(self) -> str:
        """One line of text.

        >>> Leg(kind="walk", start="a", end="b", departs=28800, arrives=29100).words
        '08:00 walk 5 min to b'
        """
        if self.kind == "walk":
            return f"{_hours(self.departs)} walk {round((self.arrives - self.departs) / 60)} min to {self.end}"
        return f"{_hours(self.departs)} {self.line} from {self.start} to {self.end}, {_hours(self.arrives)}"


@dataclass(frozen=True, kw_only=True)
class Itinerary:
    """A way from a cell to a site; without legs there is none within the limits.

    Parameters
    ----------
    departs : int
        When people leave home, seconds since midnight.
    seconds : int
        Travel time: from the departure (or to the appointment), waiting included; -1 without a way.
    legs : tuple of Leg
        Its parts in order.
    """

    departs: int
    seconds: int
    legs: tuple[Leg, ...]

    @property
    def rides(self) -> int:
        """Number of vehicles."""
        return sum(leg.kind == "ride" for leg in self.legs)

    @property
    def words(self) -> str:
        """The way in one line of text."""
        return "; ".join(leg.words for leg in self.legs)


class _Known(NamedTuple):
    """A finished search from one cell at one departure, and what it ran on."""

    timetable: Timetable
    rides: Rides
    back: Changes
    vehicle: Int32s
    access: dict[int, int]
    departs: int
    cell: str


class _Ride(NamedTuple):
    """A ride found backwards: trip and event rows, places in the pattern, and how it was come to."""

    walk: int
    before: int
    pattern: int
    trip: int
    board: int
    alight: int


def transit_path(
    timetable: Timetable,
    walks: WalkTimes,
    cell_id: int,
    site_id: str,
    *,
    at: str,
    options: TransitOptions | None = None,
) -> Itinerary:
    """Tell the way from one cell to one site.

    Parameters
    ----------
    timetable : Timetable
        What runs on the day.
    walks : WalkTimes
        Walks.
    cell_id : int
        The cell.
    site_id : str
        The site.
    at : str
        Departure, as ``08:05``; the appointment where ``options.arrive_by`` says so.
    options : TransitOptions, optional
        Limits; its window is not used.

    Returns
    -------
    Itinerary
        Its travel time is the one `transit_times` finds.  Among ways as fast: all on foot, then the fewest rides, then
        the shortest last walk, then the shortest walk to each vehicle.

    Raises
    ------
    SchemaError
        The cell or the site is unknown.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, shapely
    >>> from civigrid.travel.build_timetable import Journey, timetable_of
    >>> from civigrid.travel.places import Origins
    >>> from civigrid.travel.stop_walks import straight_walks
    >>> stops = pd.DataFrame({"name": ["Mill", "Hall"], "lon": [8.0, 8.1], "lat": [49.0, 49.0]}, index=["a", "b"])
    >>> stop, time, yes = np.array([0, 1], np.int32), np.array([29_100, 29_700], np.int32), np.array([True, True])
    >>> none = pd.DataFrame({"a": [], "b": [], "seconds": []})
    >>> table = timetable_of("2026-03-17", stops, [Journey(stop, time, time, yes, yes, "Tram 5", "t1")], none)
    >>> cell = np.array([7], dtype=np.uint64)
    >>> home = Origins(cell_id=cell, place=np.array([[8.0, 49.0]]), row=np.array([0]), weight=np.ones(1))
    >>> walks = straight_walks(table, home, gpd.GeoSeries([shapely.Point(8.1, 49.0)], ["library"], crs="EPSG:4326"))
    >>> transit_path(table, walks, 7, "library", at="08:00").words
    '08:00 walk 0 min to Mill; 08:05 Tram 5 from Mill to Hall, 08:15; 08:15 walk 0 min to library'
    """
    options = options or TransitOptions()
    if options.max_walk_min is not None:
        walks = walks.within(round(options.max_walk_min * 60))
    row, col = _row(walks, cell_id), _col(walks, site_id)
    moment, limit = clock(at), options.limit_s
    on_foot = _direct(walks, row, col, limit)
    seconds = _search(timetable, walks, row, col, moment, options, exact=options.arrive_by)[0]
    if min(on_foot, seconds) > limit:
        return Itinerary(departs=moment, seconds=-1, legs=())
    departs = moment - min(on_foot, seconds) if options.arrive_by else moment
    if on_foot <= seconds:
        leg = Leg(kind="walk", start=str(cell_id), end=site_id, departs=departs, arrives=departs + on_foot)
        return Itinerary(departs=departs, seconds=on_foot, legs=(leg,))
    forward, vehicle, access = _search(timetable, walks, row, col, departs, options, exact=False)
    back = turned_changes(changes_of(timetable, walks.between, options.change_s))
    known = _Known(timetable, rides_of(timetable), back, vehicle, access, departs, str(cell_id))
    legs = _legs(known, _last_walks(walks, col), departs + forward, site_id)
    return Itinerary(departs=departs, seconds=seconds, legs=legs)


def _row(walks: WalkTimes, cell_id: int) -> int:
    at = int(np.searchsorted(walks.cell_id, np.uint64(cell_id)))
    if at == len(walks.cell_id) or walks.cell_id[at] != np.uint64(cell_id):
        raise SchemaError(f"cell {cell_id} is not among the {len(walks.cell_id)} cells of these walks.")
    return at


def _col(walks: WalkTimes, site_id: str) -> int:
    at = np.flatnonzero(walks.site_id == site_id)
    if not len(at):
        raise SchemaError(f"site {site_id!r} is not among the sites of these walks ({first_few(walks.site_id)}, ...).")
    return int(at[0])


def _direct(walks: WalkTimes, row: int, col: int, limit: int) -> int:
    """Seconds all the way on foot; more than the limit where it is too far."""
    part = slice(walks.direct.indptr[row], walks.direct.indptr[row + 1])
    seconds = walks.direct.seconds[part][walks.direct.site[part] == col]
    return int(seconds[0]) if len(seconds) else limit + 1


def _last_walks(walks: WalkTimes, col: int) -> list[tuple[int, int]]:
    """Walks from stops to the site: stop, seconds."""
    keep = walks.from_stop.site == col
    return list(zip(walks.from_stop.rows()[keep].tolist(), walks.from_stop.seconds[keep].tolist(), strict=True))


def _search(
    timetable: Timetable, walks: WalkTimes, row: int, col: int, at: int, options: TransitOptions, *, exact: bool
) -> tuple[int, Int32s, dict[int, int]]:
    """Search from the cell: seconds by vehicle, labels, and walks to stops."""
    targets = len(walks.site_id)
    settings = Settings(limit=options.limit_s, exact=exact, backwards=False, rides=options.max_rides, targets=targets)
    made = plan(timetable, walks, np.array([at]), change_s=options.change_s, settings=settings)
    work = labels(made.network, settings.rides)
    near = slice(made.access.first[row], made.access.first[row + 1])
    out, need = np.empty((1, targets), dtype=np.int32), np.empty(targets, dtype=np.int32)
    stop, walk = made.access.end[near], made.access.seconds[near]
    egress = Ways(*made.egress)
    search(made.network, work, egress, stop, walk, made.slots, exact, settings.limit, need, out)
    return int(out[0, col]), work.vehicle, dict(zip(stop.tolist(), walk.tolist(), strict=True))


def _legs(known: _Known, last: list[tuple[int, int]], arrives: int, site_id: str) -> tuple[Leg, ...]:
    """Follow the labels from the site back to the cell."""
    ends = [(k, walk, stop) for k in range(len(known.vehicle)) for stop, walk in last
            if known.vehicle[k, stop] + walk == arrives]  # fmt: skip
    k, walk, stop = min(ends)
    names = known.timetable.stop_name
    legs = [Leg(kind="walk", start=str(names[stop]), end=site_id, departs=arrives - walk, arrives=arrives)]
    while True:
        k = int(np.flatnonzero(known.vehicle[:, stop] == known.vehicle[k, stop])[0])
        ride = _ride_to(known, stop, k)
        legs.append(_ride_leg(known, ride))
        begin, ready = legs[-1].start, known.departs if ride.before == HOUSE else int(known.vehicle[k - 1, ride.before])
        start = known.cell if ride.before == HOUSE else str(names[ride.before])
        boards = int(known.rides.pattern_stop[known.rides.pattern_first[ride.pattern] + ride.board])
        if ride.before != boards:
            legs.append(Leg(kind="walk", start=start, end=begin, departs=ready, arrives=ready + ride.walk))
        if ride.before == HOUSE:
            return tuple(reversed(legs))
        stop, k = ride.before, k - 1


def _ride_to(known: _Known, stop: int, k: int) -> _Ride:
    """Find the ride that arrives at the stop as its label says."""
    rides, time = known.rides, known.vehicle[k, stop]
    found = []
    for at in np.flatnonzero((rides.pattern_stop == stop) & rides.may_alight).tolist():
        p = int(np.searchsorted(rides.pattern_first, at, side="right")) - 1
        first, length = int(rides.pattern_first[p]), int(rides.pattern_first[p + 1] - rides.pattern_first[p])
        event = int(rides.event_first[p])
        come = rides.arrival[event + at - first : rides.event_first[p + 1] : length]
        for trip in np.flatnonzero(come == time).tolist():
            leave = rides.departure[event + trip * length :]
            for j in range(at - first):
                if rides.may_board[first + j]:
                    reached = _come_to(known, int(rides.pattern_stop[first + j]), k, int(leave[j]))
                    found += [_Ride(walk, before, p, trip, j, at - first) for walk, before in reached]
    return min(found)


def _come_to(known: _Known, stop: int, k: int, leaves: int) -> list[tuple[int, int]]:
    """How people may have come to a stop in time for ride ``k``: seconds of the change, and from which stop."""
    if k == 0:
        walk = known.access.get(stop)
        return [(walk, HOUSE)] if walk is not None and known.departs + walk <= leaves else []
    ways = range(int(known.back.first[stop]), int(known.back.first[stop + 1]))
    pairs = [(int(known.back.seconds[c]), int(known.back.stop[c])) for c in ways]
    return [(walk, before) for walk, before in pairs if known.vehicle[k - 1, before] + walk <= leaves]


def _ride_leg(known: _Known, ride: _Ride) -> Leg:
    rides, names = known.rides, known.timetable.stop_name
    first, length = rides.pattern_first[ride.pattern], np.diff(rides.pattern_first)[ride.pattern]
    event = rides.event_first[ride.pattern] + ride.trip * length
    return Leg(
        kind="ride",
        start=str(names[rides.pattern_stop[first + ride.board]]),
        end=str(names[rides.pattern_stop[first + ride.alight]]),
        departs=int(rides.departure[event + ride.board]),
        arrives=int(rides.arrival[event + ride.alight]),
        line=str(known.timetable.pattern_line[ride.pattern]),
        trip_id=str(known.timetable.trip_id[rides.trip_first[ride.pattern] + ride.trip]),
        stops=ride.alight - ride.board,
    )
