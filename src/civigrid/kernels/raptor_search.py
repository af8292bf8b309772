"""Range-RAPTOR: from one place to all others, for every departure of a window, with at most so many rides.

A label says when people are at a stop: *off a vehicle* after at most ``k`` rides, or *ready to board* after the change
that follows.  They are kept apart, so that no footpath follows a footpath.  Departures are searched from the last to
the first and the labels stay: what an earlier departure does not improve is not looked at again.  A trip that has
been boarded is ridden on from no later position again (the marks of trip-based routing).

Sources: Delling, Pajor, Werneck (2015), Round-based public transit routing, sections 3 and 4.1, with labels of our own;
Witt (2015), Trip-based public transit routing, section 3.2, the marks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from civigrid.kernels.raptor import INFINITE, Int32s, Network
from civigrid.types import Bools, Ints

_jit: Any = numba.njit(cache=True, nogil=True)
_NEVER = np.int32(INFINITE)


class Ways(NamedTuple):
    """Walks as lists by the place they begin at, compressed by row.

    Parameters
    ----------
    first : ndarray of int64, shape (place + 1,)
        Walks of place ``i`` are ``first[i]:first[i + 1]``.
    end : ndarray of int32, shape (walk,)
        Where they end.
    seconds : ndarray of int32, shape (walk,)
        How long they take.
    """

    first: Ints
    end: Int32s
    seconds: Int32s


class Labels(NamedTuple):
    """What a search knows.

    Parameters
    ----------
    vehicle : ndarray of int32, shape (ride, stop)
        Earliest arrival by vehicle with at most so many rides.
    boarded : ndarray of int32, shape (ride, trip)
        First place in its pattern from which the trip has been ridden.
    catch_by : ndarray of int32, shape (ride, boarding)
        Latest time that would catch an earlier trip there than the one caught last, after at most so many rides.
    useful_by : ndarray of int32, shape (ride, stop)
        No earlier than the latest `catch_by` of the stop: to be ready to board later than that is of no use.
    ready : ndarray of int32, shape (stop,)
        Earliest time one can board in this round.
    marked, moved, waits : ndarray of bool, shape (stop,)
        Stops of the lists.
    marked_list, moved_list, waits_list : ndarray of int32, shape (stop,)
        Stops reached in this round; stops reached in any round of this departure; stops to board at.
    """

    vehicle: Int32s
    boarded: Int32s
    catch_by: Int32s
    useful_by: Int32s
    ready: Int32s
    marked: Bools
    moved: Bools
    waits: Bools
    marked_list: Int32s
    moved_list: Int32s
    waits_list: Int32s


def labels(net: Network, rides: int) -> Labels:
    """Make room for the labels of a search."""
    stops = len(net.board_first) - 1
    sizes = (stops, len(net.trip_pattern), len(net.board_place), stops)
    known: list[Any] = [np.empty((rides, n), dtype=np.int32) for n in sizes]
    known.append(np.empty(stops, dtype=np.int32))
    known += [np.zeros(stops, dtype=bool) for _ in range(3)]
    known += [np.empty(stops, dtype=np.int32) for _ in range(3)]
    return Labels(*known)


@_jit
def reset(net, work):  # type: ignore[no-untyped-def]
    """Forget what was known."""
    work.vehicle[:] = _NEVER
    work.useful_by[:] = _NEVER
    for k in range(len(work.vehicle)):
        for trip in range(len(net.trip_pattern)):
            p = net.trip_pattern[trip]
            work.boarded[k, trip] = net.pattern_first[p + 1] - net.pattern_first[p] - 1
        work.catch_by[k] = net.board_last


@_jit
def _first_trip(net, at, time):  # type: ignore[no-untyped-def]
    """First trip of the pattern that leaves at `time` or later."""
    low, high, column = 0, net.board_count[at], net.board_column[at]
    while low < high:
        middle = (low + high) >> 1
        if net.departing[column + middle] < time:
            low = middle + 1
        else:
            high = middle
    return low


@_jit
def _count_or_fill(net, stop, walk, low, high, slots, exact, key, trip, place):  # type: ignore[no-untyped-def]
    """List the trips that can be boarded first, and the latest departure at the source that catches each."""
    n, fill = 0, len(key) > 0
    start, last = slots[0], slots[len(slots) - 1]
    step = slots[1] - start if len(slots) > 1 else 1
    for a in range(len(stop)):
        for at in range(net.board_first[stop[a]], net.board_first[stop[a] + 1]):
            before = _NEVER
            for k in range(_first_trip(net, at, low + walk[a]), net.board_count[at]):
                when = net.departing[net.board_column[at] + k] - walk[a]
                if when > high:
                    break
                if not exact:
                    when = min(start + (when - start) // step * step, last)
                # the first of several trips caught by one departure is the earliest everywhere
                if when == before:
                    continue
                before = when
                if fill:
                    key[n], trip[n], place[n] = when, net.board_trip[at] + k, net.board_place[at]
                n += 1
    return n


@_jit
def _boardings(net, stop, walk, slots, exact, limit):  # type: ignore[no-untyped-def]
    """First rides from the last departure to the first: departure, trip, position."""
    low = slots[0] - (limit if exact else 0)
    high = slots[len(slots) - 1] + (0 if exact else limit)
    none = np.empty(0, dtype=np.int32)
    n = _count_or_fill(net, stop, walk, low, high, slots, exact, none, none, none)
    key, trip, place = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    _count_or_fill(net, stop, walk, low, high, slots, exact, key, trip, place)
    order = np.argsort(-key, kind="mergesort")
    return key[order], trip[order], place[order]


@_jit
def _board(net, work, k, trip, place, queue, n):  # type: ignore[no-untyped-def]
    """Put a trip on the list of round `k`, from `place` to where it has been ridden from already."""
    end = work.boarded[k, trip]
    if place >= end:
        return n
    queue[n, 0], queue[n, 1], queue[n, 2] = trip, place, end
    last = net.trip_first[net.trip_pattern[trip] + 1]
    # later trips, and more rides, get there no sooner
    for j in range(k, len(work.boarded)):
        for later in range(trip, last):
            if work.boarded[j, later] <= place:
                break
            work.boarded[j, later] = place
    return n + 1


@_jit
def _ride(net, work, k, queue, n, bound, moved):  # type: ignore[no-untyped-def]
    """Ride the listed trips; numbers of stops reached sooner in this round, and in this departure."""
    marked, rides, vehicle = 0, len(work.vehicle), work.vehicle
    for q in range(n):
        trip = queue[q, 0]
        event, first = net.trip_event[trip], net.pattern_first[net.trip_pattern[trip]]
        for i in range(queue[q, 1] + 1, queue[q, 2] + 1):
            time = net.arrival[event + i]
            if time > bound:
                break
            stop = net.pattern_stop[first + i]
            if time >= vehicle[k, stop] or not net.may_alight[first + i]:
                continue
            j = k
            while j < rides and time < vehicle[j, stop]:
                vehicle[j, stop] = time
                j += 1
            if j == rides and not work.moved[stop]:
                work.moved[stop] = True
                work.moved_list[moved] = stop
                moved += 1
            if not work.marked[stop]:
                work.marked[stop] = True
                work.marked_list[marked] = stop
                marked += 1
    return marked, moved


@_jit
def _change(net, work, k, marked, bound):  # type: ignore[no-untyped-def]
    """Walk from the stops reached by vehicle; number of stops where one can board something new."""
    waits, vehicle, useful_by, ready = 0, work.vehicle[k], work.useful_by[k], work.ready
    for m in range(marked):
        stop = work.marked_list[m]
        work.marked[stop] = False
        time = vehicle[stop]
        for c in range(net.change_first[stop], net.change_first[stop + 1]):
            there, then = net.change_stop[c], time + net.change_s[c]
            if then > useful_by[there] or then > bound:
                continue
            if not work.waits[there]:
                work.waits[there] = True
                work.waits_list[waits] = there
                waits += 1
                ready[there] = then
            elif then < ready[there]:
                ready[there] = then
    return waits


@_jit
def _catch(net, work, k, waits, queue):  # type: ignore[no-untyped-def]
    """Board the next trip of every pattern at the stops of the list, for round ``k + 1``."""
    n, rides = 0, len(work.vehicle)
    for w in range(waits):
        stop = work.waits_list[w]
        work.waits[stop] = False
        time, useful = work.ready[stop], -_NEVER
        for at in range(net.board_first[stop], net.board_first[stop + 1]):
            if time <= work.catch_by[k, at]:
                trip = _first_trip(net, at, time)
                before = net.departing[net.board_column[at] + trip - 1] if trip > 0 else -_NEVER
                for j in range(k, rides):
                    work.catch_by[j, at] = min(work.catch_by[j, at], before)
                n = _board(net, work, k + 1, net.board_trip[at] + trip, net.board_place[at], queue, n)
            useful = max(useful, work.catch_by[k, at])
        work.useful_by[k, stop] = useful
    return n


@_jit
def _rounds(net, work, queue, n, bound):  # type: ignore[no-untyped-def]
    """All rounds of one departure; number of stops reached sooner with the most rides."""
    moved, rides = 0, len(work.vehicle)
    for k in range(rides):
        marked, moved = _ride(net, work, k, queue, n, bound, moved)
        if k + 1 == rides:
            for m in range(marked):
                work.marked[work.marked_list[m]] = False
            break
        n = _catch(net, work, k, _change(net, work, k, marked, bound), queue)
        if n == 0:
            break
    return moved


@_jit
def _reach(work, moved, ways, bound, need):  # type: ignore[no-untyped-def]
    """Walk from stops to targets; `need` is what an arrival must not exceed to count."""
    for m in range(moved):
        stop = work.moved_list[m]
        work.moved[stop] = False
        time = work.vehicle[len(work.vehicle) - 1, stop]
        for w in range(ways.first[stop], ways.first[stop + 1]):
            then = time + ways.seconds[w]
            if then <= need[ways.end[w]] and then <= bound:
                need[ways.end[w]] = then - 1


@_jit
def _reach_exact(work, moved, ways, bound, need, slots, departs, out):  # type: ignore[no-untyped-def]
    """Walk from stops to targets; this departure is the last one for all slots it newly meets."""
    start = slots[0]
    step = slots[1] - start if len(slots) > 1 else 1
    for m in range(moved):
        stop = work.moved_list[m]
        work.moved[stop] = False
        time = work.vehicle[len(work.vehicle) - 1, stop]
        for w in range(ways.first[stop], ways.first[stop + 1]):
            then, target = time + ways.seconds[w], ways.end[w]
            if then > need[target] or then > bound:
                continue
            first = max(-((start - then) // step), 0)
            for q in range(first, (need[target] - start) // step + 1):
                out[q, target] = slots[q] - departs
            need[target] = slots[first - 1] if first > 0 else -_NEVER


@_jit
def _record(need, slots, high, low, out):  # type: ignore[no-untyped-def]
    """Write down what the departures in slots ``low:high`` take."""
    for q in range(low, high):
        for target in range(len(need)):
            out[q, target] = need[target] + 1 - slots[q]


@_jit
def search(net, work, ways, stop, walk, slots, exact, limit, need, out):  # type: ignore[no-untyped-def]
    """Search from one source: seconds to every target for every slot, above `limit` where there is no way.

    Parameters
    ----------
    net : Network
        Rides and changes.
    work : Labels
        Room.
    ways : Ways
        Walks from stops to targets.
    stop, walk : ndarray of int32, shape (near,)
        Stops in reach of the source, and seconds to them.
    slots : ndarray of int32, shape (slot,)
        Times of the window, evenly spaced, ascending.
    exact : bool
        False: the slots are departures at the source.  True: they are arrivals at the targets, and the last departure
        at the source that meets each one is found among all seconds.
    limit : int
        Longest time from departure (or slot) to arrival (or slot), seconds.
    need : ndarray of int32, shape (target,)
        Room.
    out : ndarray of int32, shape (slot, target)
        Seconds.
    """
    reset(net, work)
    key, trip, place = _boardings(net, stop, walk, slots, exact, limit)
    queue = np.empty((max(len(key), len(net.board_place)) + 1, 3), dtype=np.int32)
    slot = len(slots)
    step = slots[1] - slots[0] if slot > 1 else 1
    need[:] = slots[slot - 1] if exact else _NEVER - 1
    if exact:
        out[:] = _NEVER
    i = 0
    while i < len(key):
        departs, n = key[i], 0
        while i < len(key) and key[i] == departs:
            n = _board(net, work, 0, trip[i], place[i], queue, n)
            i += 1
        if n == 0:
            continue
        bound = departs + limit
        if exact:
            bound = min(bound, slots[len(slots) - 1])
            _reach_exact(work, _rounds(net, work, queue, n, bound), ways, bound, need, slots, departs, out)
        else:
            at = (departs - slots[0]) // step
            _record(need, slots, slot, at + 1, out)
            slot = at + 1
            _reach(work, _rounds(net, work, queue, n, bound), ways, bound, need)
    if not exact:
        _record(need, slots, slot, 0, out)
