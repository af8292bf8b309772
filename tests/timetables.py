"""Random timetables and walks, and a search over all their events that knows nothing of rounds, patterns or ranges."""

from __future__ import annotations

import bisect
import heapq

import numpy as np

from civigrid.travel.stop_walks import WalkTimes, stop_rows
from civigrid.travel.timetable import Timetable
from civigrid.travel_times import times_of_pairs

HOUR = 3600


def random_timetable(rng, *, stops=8, patterns=5, trips=6, spread=2 * HOUR, rights=0.85, stated=4, longest=6):
    """Lines over a few stops within `spread` seconds around 08:00; some stops only for boarding or alighting."""
    pattern_stop, board, alight, arrival, departure, lengths, runs = [], [], [], [], [], [], []
    for _ in range(patterns):
        length, many = int(rng.integers(2, longest + 1)), int(rng.integers(0, trips + 1))
        pattern_stop.append(rng.integers(0, stops, length))
        board.append(rng.random(length) < rights)
        alight.append(rng.random(length) < rights)
        ride, dwell = rng.integers(0, 400, length), rng.integers(0, 60, length)
        start = np.sort(8 * HOUR + rng.integers(-HOUR // 2, spread, many))
        # each trip runs the same way plus a delay that only grows from trip to trip: nobody overtakes
        late = np.sort(rng.integers(0, 200, (many, length)), axis=0).cumsum(axis=1)
        come = start[:, None] + np.cumsum(ride) + np.concatenate([[0], np.cumsum(dwell)[:-1]]) + late
        arrival.append(come.ravel())
        departure.append((come + dwell).ravel())
        lengths.append(length)
        runs.append(many)
    lengths, runs = np.array(lengths, dtype=np.int64), np.array(runs, dtype=np.int64)
    begin, end = rng.integers(0, stops, stated), rng.integers(0, stops, stated)
    order = np.lexsort((end, begin))
    pair = np.unique(np.stack([begin[order], end[order]], axis=1), axis=0)
    return Timetable(
        date="2026-03-17",
        stop_id=np.array([f"s{i}" for i in range(stops)]),
        stop_name=np.array([f"Stop {i}" for i in range(stops)]),
        stop_place=np.column_stack([8.6 + rng.random(stops) / 50, 49.4 + rng.random(stops) / 50]),
        pattern_first=_starts(lengths),
        pattern_stop=np.concatenate(pattern_stop).astype(np.int32),
        may_board=np.concatenate(board),
        may_alight=np.concatenate(alight),
        pattern_line=np.array([f"L{i}" for i in range(patterns)]),
        trip_first=_starts(runs),
        event_first=_starts(lengths * runs),
        arrival=np.concatenate(arrival).astype(np.int32),
        departure=np.concatenate(departure).astype(np.int32),
        trip_id=np.array([f"t{i}" for i in range(runs.sum())], dtype=np.str_),
        change_first=_starts(np.bincount(pair[:, 0], minlength=stops)),
        change_stop=pair[:, 1].astype(np.int32),
        change_s=rng.integers(0, 400, len(pair)).astype(np.int32),
    )


def _starts(size):
    return np.concatenate([[0], np.cumsum(size)]).astype(np.int64)


def random_city(seed, *, cells=4, sites=3):
    """A timetable and walks; in some cities one has to change often, in others one walks a lot."""
    rng = np.random.default_rng(seed)
    stops, patterns = int(rng.integers(3, 14)), int(rng.integers(2, 24))
    longest = int(rng.choice([2, 3, 6]))
    timetable = random_timetable(rng, stops=stops, patterns=patterns, trips=12, spread=HOUR, longest=longest)
    often = float(rng.choice([0.1, 0.2, 0.4]))
    return timetable, random_walks(rng, timetable, cells=cells, sites=sites, often=often)


def random_walks(rng, timetable, *, cells=4, sites=3, limit=900, often=0.4):
    """Walks between some of the pairs."""
    stops = len(timetable.stop_id)
    rows = {"to_stop": (cells, stops), "from_stop": (stops, sites), "between": (stops, stops), "direct": (cells, sites)}
    names = {cells: np.arange(cells, dtype=np.uint64) + 10}
    made = {}
    for name, (n, m) in rows.items():
        share = often * {"to_stop": 0.7, "from_stop": 0.7, "between": 0.5, "direct": 0.2}[name]
        row, col = np.nonzero(rng.random((n, m)) < share)
        cell_id = stop_rows(n) if name in ("from_stop", "between") else names[cells]
        site_id = timetable.stop_id if name in ("to_stop", "between") else np.array([f"site{j}" for j in range(m)])
        most = 4 * limit if name == "direct" else limit
        seconds = rng.integers(0, most, len(row))
        made[name] = times_of_pairs(cell_id, site_id, row, col, seconds, limit_s=most, mode="random")
    return WalkTimes(**made)


def pairs(times):
    """All pairs of a sparse matrix, as lists by row."""
    return [
        list(zip(times.site[a:b].tolist(), times.seconds[a:b].tolist(), strict=True))
        for a, b in zip(times.indptr[:-1], times.indptr[1:], strict=True)
    ]


class Events:
    """Every arrival and departure of every trip on its own: a graph of events, searched by time (Dijkstra 1959)."""

    def __init__(self, timetable, walks, *, rides, change_s, limit_s=4 * HOUR):
        self.rides, self.limit_s = rides, limit_s
        self.to_stop, self.from_stop, self.direct = pairs(walks.to_stop), pairs(walks.from_stop), pairs(walks.direct)
        stops = len(timetable.stop_id)
        changes = {(s, s): change_s for s in range(stops)}
        for s, row in enumerate(pairs(walks.between)):
            changes |= {(s, other): max(seconds, change_s) for other, seconds in row if other != s}
        stated = {}
        for s in range(stops):
            for c in range(timetable.change_first[s], timetable.change_first[s + 1]):
                key = (s, int(timetable.change_stop[c]))
                stated[key] = min(int(timetable.change_s[c]), stated.get(key, 10**9))
        self.changes = [[] for _ in range(stops)]
        for (s, other), seconds in (changes | stated).items():
            self.changes[s].append((other, seconds))
        # at each stop its departures; at each arrival its time, its stop, and whether the trip goes on
        self.leave, self.come = [[] for _ in range(stops)], []
        for p in range(len(timetable.pattern_line)):
            first, last = timetable.pattern_first[p], timetable.pattern_first[p + 1]
            for event in range(timetable.event_first[p], timetable.event_first[p + 1]):
                j = (event - timetable.event_first[p]) % (last - first)
                stop, on = int(timetable.pattern_stop[first + j]), bool(j < last - first - 1)
                self.come.append((int(timetable.arrival[event]), stop, bool(timetable.may_alight[first + j]), on))
                if timetable.may_board[first + j] and on:
                    self.leave[stop].append((int(timetable.departure[event]), event))
        for row in self.leave:
            row.sort()

    def arrivals(self, cell, departs):
        """Earliest arrival at every site that can be reached, from a cell at one second."""
        best = {site: departs + seconds for site, seconds in self.direct[cell]}
        heap = [(departs + seconds, 0, "ready", stop) for stop, seconds in self.to_stop[cell]]
        heapq.heapify(heap)
        # the fewest rides that got there so far: later and with no fewer rides is no use
        done, ridden, last = {}, {}, departs + self.limit_s
        while heap:
            time, used, what, stop = heapq.heappop(heap)
            if done.get((what, stop), self.rides + 1) <= used or time > last:
                continue
            done[what, stop] = used
            if what == "ready" and used < self.rides:
                for arrives, there in self.ridden_to(stop, time, last, used, ridden):
                    heapq.heappush(heap, (arrives, used + 1, "off", there))
            elif what == "off":
                for site, seconds in self.from_stop[stop]:
                    best[site] = min(best.get(site, 10**9), time + seconds)
                for other, seconds in self.changes[stop]:
                    heapq.heappush(heap, (time + seconds, used, "ready", other))
        return best

    def ridden_to(self, stop, time, last, used, ridden):
        """Arrivals of every trip that leaves a stop from `time` to `last`, as far as it was not ridden to before."""
        for leaves, event in self.leave[stop][bisect.bisect_left(self.leave[stop], (time, 0)) :]:
            if leaves > last:
                return
            on = True
            while on and ridden.get(event + 1, self.rides) > used:
                event += 1
                ridden[event] = used
                arrives, there, off, on = self.come[event]
                if off:
                    yield arrives, there

    def latest(self, cell, site, arrives, limit):
        """Latest second to leave a cell and be at a site in time, or None: arrivals never fall with departures."""
        low, high = arrives - limit - 1, arrives
        if self.arrivals(cell, low + 1).get(site, 10**9) > arrives:
            return None
        low += 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.arrivals(cell, middle).get(site, 10**9) <= arrives:
                low = middle
            else:
                high = middle - 1
        return low
