"""A window search as plain arrays, and what a worker does with them: it searches its sources."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from civigrid.kernels.counting import counting_order
from civigrid.kernels.raptor import INFINITE, Changes, Int32s, Network, Rides, network, turned, turned_changes, within
from civigrid.kernels.raptor_search import Ways, labels, search
from civigrid.kernels.raptor_window import summed_up
from civigrid.travel.stop_walks import WalkTimes
from civigrid.travel.timetable import Timetable
from civigrid.travel_times import TravelTimes
from civigrid.types import Floats, Ints


class Settings(NamedTuple):
    """Numbers of a search: see `search` and `summed_up`."""

    limit: int
    exact: bool
    backwards: bool
    rides: int
    targets: int


class Plan(NamedTuple):
    """Everything a search reads, in the time it runs in: backwards (negated) where it begins at the sites."""

    network: Network
    access: Ways
    egress: Ways
    direct: Ways
    slots: Int32s
    rank: Ints
    decay: Floats


class Found(NamedTuple):
    """Targets found from some sources: how many by source, and what `summed_up` says of each."""

    size: Ints
    target: Int32s
    fastest: Int32s
    reached: Int32s
    at: Int32s
    mean: Floats


def plan(
    timetable: Timetable,
    walks: WalkTimes,
    times: Ints,
    *,
    change_s: int,
    settings: Settings,
    rank: Ints | None = None,
    decay: Floats | None = None,
) -> Plan:
    """Lay out a search of a window.

    Parameters
    ----------
    timetable : Timetable
        What runs.
    walks : WalkTimes
        Walks.
    times : ndarray of int64, shape (slot,)
        Departures or arrivals of the window, seconds, ascending.
    change_s : int
        Least time between two vehicles, where the timetable states none.
    settings : Settings
        Numbers of the search; ``backwards`` begins it at the sites.
    rank : ndarray of int64, shape (percentile,), optional
        Which of the sorted times each percentile is, from 0.
    decay : ndarray of float64, shape (limit + 1,), optional
        Weight by second.
    """
    rides, changes = rides_of(timetable), changes_of(timetable, walks.between, change_s)
    slots = times.astype(np.int32)
    if settings.backwards:
        rides, changes, slots = turned(rides), turned_changes(changes), -slots[::-1]
        sides = (_columns(walks.from_stop), _columns(walks.to_stop), _columns(walks.direct))
    else:
        sides = (_rows(walks.to_stop), _rows(walks.from_stop), _rows(walks.direct))
    early, late = (settings.limit, 0) if settings.exact else (0, settings.limit)
    rides = within(rides, int(slots[0]) - early, int(slots[-1]) + late)
    rank = np.empty(0, dtype=np.int64) if rank is None else rank
    decay = np.empty(0) if decay is None else decay
    return Plan(network(rides, changes), *sides, np.ascontiguousarray(slots), rank, decay)


def rides_of(timetable: Timetable) -> Rides:
    """Give the arrays of a timetable to the search."""
    return Rides(
        np.ascontiguousarray(timetable.pattern_first, dtype=np.int64),
        np.ascontiguousarray(timetable.pattern_stop, dtype=np.int32),
        np.ascontiguousarray(timetable.may_board, dtype=bool),
        np.ascontiguousarray(timetable.may_alight, dtype=bool),
        np.ascontiguousarray(timetable.trip_first, dtype=np.int64),
        np.ascontiguousarray(timetable.event_first, dtype=np.int64),
        np.ascontiguousarray(timetable.arrival, dtype=np.int32),
        np.ascontiguousarray(timetable.departure, dtype=np.int32),
    )


def changes_of(timetable: Timetable, between: TravelTimes, change_s: int) -> Changes:
    """Put the changes together: what the timetable states counts as stated, walks take `change_s` at least.

    A stop without a stated change to itself has one of `change_s`.
    """
    n = len(timetable.stop_id)
    stated = np.repeat(np.arange(n), np.diff(timetable.change_first))
    own = np.arange(n)
    begin = np.concatenate([stated, own, between.rows()])
    end = np.concatenate([timetable.change_stop, own, between.site]).astype(np.int64)
    walked = np.maximum(between.seconds, change_s)
    seconds = np.concatenate([timetable.change_s, np.full(n, change_s), walked]).astype(np.int64)
    # of one pair the first rank counts (stated, then the stop itself, then walks), and in it the shortest time
    rank = np.repeat([0, 1, 2], [len(stated), n, len(walked)])
    order = np.lexsort((seconds, rank, end, begin))
    begin, end, seconds = begin[order], end[order], seconds[order]
    new = np.ones(len(begin), dtype=bool)
    new[1:] = (begin[1:] != begin[:-1]) | (end[1:] != end[:-1])
    _, first = counting_order(begin[new], n)
    return Changes(first, end[new].astype(np.int32), seconds[new].astype(np.int32))


def _rows(times: TravelTimes) -> Ways:
    return Ways(times.indptr.astype(np.int64), times.site.astype(np.int32), times.seconds.astype(np.int32))


def _columns(times: TravelTimes) -> Ways:
    order, first = times.by_site()
    return Ways(first, times.rows()[order].astype(np.int32), times.seconds[order].astype(np.int32))


def search_range(settings: Settings, made: Plan, first: int, stop: int) -> Found:
    """Search from the sources ``first:stop``: what a worker runs."""
    targets = settings.targets
    work = labels(made.network, settings.rides)
    need = np.empty(targets, dtype=np.int32)
    out = np.empty((len(made.slots), targets), dtype=np.int32)
    on_foot = np.full(targets, INFINITE, dtype=np.int32)
    answer = [np.empty(targets, dtype=np.int32) for _ in range(3)]
    at, mean = np.empty((len(made.rank), targets), dtype=np.int32), np.empty(targets)
    found: list[Found] = []
    for source in range(first, stop):
        near = slice(made.access.first[source], made.access.first[source + 1])
        walk = slice(made.direct.first[source], made.direct.first[source + 1])
        search(
            made.network, work, made.egress, made.access.end[near], made.access.seconds[near], made.slots,
            settings.exact, settings.limit, need, out,
        )  # fmt: skip
        on_foot[made.direct.end[walk]] = made.direct.seconds[walk]
        n = summed_up(
            out, on_foot, settings.limit, settings.backwards, made.rank, made.decay, *answer, at, mean
        )  # fmt: skip
        on_foot[made.direct.end[walk]] = INFINITE
        target, fastest, reached = (a[:n].copy() for a in answer)
        found.append(Found(np.array([n]), target, fastest, reached, at[:, :n].copy(), mean[:n].copy()))
    return together(found, len(made.rank))


def together(found: list[Found], percentiles: int) -> Found:
    """Put what was found one after the other."""
    none = np.empty(0, dtype=np.int32)
    empty = Found(none.astype(np.int64), none, none, none, np.empty((percentiles, 0), dtype=np.int32), np.empty(0))
    parts: list[Any] = [np.concatenate(part, axis=-1) for part in zip(*(empty, *found), strict=True)]
    return Found(*parts)
