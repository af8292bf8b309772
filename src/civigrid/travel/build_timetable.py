"""From feeds to the timetable of one day: which trips run, when, and in which patterns."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels.fifo import fifo_chains
from civigrid.travel.feed import Feed
from civigrid.travel.service_days import date_of, refuse_empty_day, refuse_two_clocks, running
from civigrid.travel.timetable import Int32s, Timetable
from civigrid.types import Bools, Ints

DAY_S = 86_400
HEADWAYS = ("seeded", "half")
SEATED = ("stated", "blocks")


@dataclass(frozen=True, kw_only=True)
class DayOptions:
    """How a day is compiled.

    Parameters
    ----------
    until_h : int
        Hours after midnight of the day up to which trips are there; after 24 they are those of the next day too.
    headways : {"seeded", "half"}
        Trips known by their headway alone (``exact_times`` 0): the first leaves a part of the headway after the period
        begins, drawn by `seed`, trip and period; or half of it.  No draw depends on another.
    seed : int
        Seed of these.
    stay_seated : {"stated", "blocks"}
        Trips joined into one: those the feed states (transfers of type 4), or those too that follow each other in a
        block, at the same stop, where the feed does not forbid it (type 5).
    """

    until_h: int = 30
    headways: Literal["seeded", "half"] = "seeded"
    seed: int = 0
    stay_seated: Literal["stated", "blocks"] = "stated"

    def __post_init__(self) -> None:
        if self.headways not in HEADWAYS:
            raise unknown_name("way to treat headways", self.headways, HEADWAYS)
        if self.stay_seated not in SEATED:
            raise unknown_name("way to stay in the vehicle", self.stay_seated, SEATED)
        if self.until_h < 1:
            raise SchemaError(f"until_h = {self.until_h}: at least an hour after midnight is needed.")


class DayReport(NamedTuple):
    """What a day was compiled from.

    Parameters
    ----------
    trips : dict of str to int
        Journeys of the day itself, by feed.
    other_days : int
        Journeys of the days before and after that reach into the hours of this one.
    by_headway : int
        Of `trips`, those known by their headway alone, or expanded from one.
    joined : int
        Trips that became one with the trip before, in whose vehicle people stay.
    patterns : int
        Patterns.
    idle : tuple of str
        Feeds of which nothing runs on the day: is it the right one?
    """

    trips: dict[str, int]
    other_days: int
    by_headway: int
    joined: int
    patterns: int
    idle: tuple[str, ...] = ()


class Journey(NamedTuple):
    """One trip of a vehicle: its stops, times and rights."""

    stop: Int32s
    arrival: Int32s
    departure: Int32s
    board: Bools
    alight: Bools
    line: str
    trip_id: str


def build_timetable(
    feeds: Sequence[Feed], date: str, *, options: DayOptions | None = None
) -> tuple[Timetable, DayReport]:
    """Compile what runs on a day.

    Parameters
    ----------
    feeds : sequence of Feed
        Joined; of several, stop and trip ids begin with the number of the feed.
    date : str
        The day, 2026-03-17.
    options : DayOptions, optional
        Hours, headways, staying in the vehicle.

    Returns
    -------
    tuple of Timetable and DayReport
        The same for any order of rows in the feeds.

    Raises
    ------
    SchemaError
        No feed, no date, nothing runs on it (the days there are are named), or clocks of the feeds differ on it.

    Notes
    -----
    Times count from midnight of the day; trips of the day before that run past midnight stand 24 hours earlier.
    """
    options, day = options or DayOptions(), date_of(date)
    journeys: list[Journey] = []
    counts, others, repeated, joined = {}, 0, 0, 0
    if not feeds:
        raise SchemaError("no feed is given: a timetable needs one at least.")
    refuse_two_clocks(feeds, day)
    offset = np.concatenate([[0], np.cumsum([len(feed.stops) for feed in feeds])])
    for k, feed in enumerate(feeds):
        mark = f"{k}:" if len(feeds) > 1 else ""
        found = 0
        for shift in range(-_days_long(feed), options.until_h // 24 + 1):
            here, headway, ties = _journeys(feed, day + dt.timedelta(days=shift), int(offset[k]), mark, options)
            here = [j for j in (_moved(journey, shift * DAY_S) for journey in here) if _inside(j, options)]
            journeys += here
            found += len(here) if shift == 0 else 0
            others += len(here) if shift else 0
            repeated, joined = (repeated + headway, joined + ties) if shift == 0 else (repeated, joined)
        counts[f"{mark}{feed.name}"] = found
    if not sum(counts.values()):
        refuse_empty_day(feeds, day)
    timetable = timetable_of(day.isoformat(), _all_stops(feeds), journeys, _changes(feeds, offset))
    idle = tuple(name for name, n in counts.items() if not n)
    return timetable, DayReport(counts, others, repeated, joined, len(timetable.pattern_line), idle)


def _days_long(feed: Feed) -> int:
    """Days after its own that a journey of a feed may still be under way."""
    last = int(feed.stop_times["arrival"].max())
    if len(feed.frequencies):
        # a trip by headway takes no longer than its pattern's last time
        last += int(feed.frequencies["end"].max())
    return max(last, 0) // DAY_S


def _all_stops(feeds: Sequence[Feed]) -> pd.DataFrame:
    many = len(feeds) > 1
    parts = [
        feed.stops.set_axis([f"{k}:{i}" if many else str(i) for i in feed.stops.index]) for k, feed in enumerate(feeds)
    ]
    return pd.concat(parts)


def _changes(feeds: Sequence[Feed], offset: Ints) -> pd.DataFrame:
    parts = [
        feed.changes.assign(a=feed.changes["a"] + n, b=feed.changes["b"] + n)
        for feed, n in zip(feeds, offset[:-1], strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def _journeys(feed: Feed, day: dt.date, offset: int, mark: str, options: DayOptions) -> tuple[list[Journey], int, int]:
    """Journeys of a service day, in seconds since its midnight; how many by headway, and how many joins."""
    runs = running(feed, day)
    times = feed.stop_times
    bounds = np.searchsorted(times["trip"].to_numpy(), np.arange(len(feed.trips) + 1))
    stop = times["stop"].to_numpy(dtype=np.int32) + np.int32(offset)
    arrival, departure = (times[c].to_numpy(dtype=np.int32) for c in ("arrival", "departure"))
    board, alight = (times[c].to_numpy(dtype=bool) for c in ("board", "alight"))
    line = feed.routes["line"].reindex(feed.trips["route_id"], fill_value="?").to_numpy()
    names = feed.trips.index.to_numpy()

    def journey(trip: int) -> Journey:
        part = slice(bounds[trip], bounds[trip + 1])
        return Journey(
            stop[part], arrival[part], departure[part], board[part], alight[part], str(line[trip]),
            f"{mark}{names[trip]}",
        )  # fmt: skip

    fixed = np.flatnonzero(runs & ~feed.trips["by_headway"].to_numpy(dtype=bool)).tolist()
    chains = _seated(feed, fixed, bounds, options)
    found = [_tied([journey(t) for t in chain]) for chain in chains]
    often = feed.frequencies[runs[feed.frequencies["trip"].to_numpy(dtype=np.int64)]]
    repeated = [j for row in often.itertuples() for j in _repeated(row, str(names[row.trip]), journey, options)]
    return [*found, *repeated], len(repeated), len(fixed) - len(chains)


def _repeated(row: Any, trip: str, journey: Callable[[int], Journey], options: DayOptions) -> Iterator[Journey]:
    """Journeys of a trip that is repeated at a headway, each named by when it leaves."""
    first = journey(row.trip)
    # drawn by the trip's own id: another feed beside it changes nothing
    wait = 0 if row.exact else _wait(trip, row.start, row.headway, options)
    for leaves in range(row.start + wait, row.end, row.headway):
        moved = _moved(first, leaves - int(first.departure[0]))
        yield moved._replace(trip_id=f"{first.trip_id}@{leaves}")


def _wait(trip_id: str, start: int, headway: int, options: DayOptions) -> int:
    if options.headways == "half":
        return headway // 2
    told = sha256(f"{options.seed}|{trip_id}|{start}".encode()).digest()
    return int.from_bytes(told[:8], "big") % headway


def _moved(journey: Journey, seconds: int) -> Journey:
    if not seconds:
        return journey
    shift = np.int32(seconds)
    return journey._replace(arrival=journey.arrival + shift, departure=journey.departure + shift)


def _inside(journey: Journey, options: DayOptions) -> bool:
    return bool(journey.arrival[-1] >= 0 and journey.departure[0] < options.until_h * 3600)


def _seated(feed: Feed, trips: list[int], bounds: Ints, options: DayOptions) -> list[list[int]]:
    """Chains of trips in whose vehicle people may stay; most are single trips."""
    there, stated = set(trips), feed.seated.sort_values(["a", "b"], kind="stable")
    pairs = list(zip(stated["a"].tolist(), stated["b"].tolist(), stated["stay"].tolist(), strict=True))
    wanted = [(a, b) for a, b, stay in pairs if stay and a in there and b in there and _goes_on(feed, a, b, bounds)]
    if options.stay_seated == "blocks":
        leave = {(a, b) for a, b, stay in pairs if not stay}
        wanted += [pair for pair in _by_block(feed, trips, bounds) if pair not in leave]
    follows: dict[int, int] = {}
    before: set[int] = set()
    # a vehicle goes on as one trip: where a feed says several, the first; what it states before what blocks say
    for a, b in wanted:
        if a not in follows and b not in before and _end(follows, b) != a:
            follows[a] = b
            before.add(b)
    chains = []
    for trip in (t for t in trips if t not in before):
        chain = [trip]
        while chain[-1] in follows:
            chain.append(follows[chain[-1]])
        chains.append(chain)
    return chains


def _end(follows: dict[int, int], trip: int) -> int:
    """Last trip of a chain: joined to its own first trip, a chain would have no beginning and be lost."""
    while trip in follows:
        trip = follows[trip]
    return trip


def _by_block(feed: Feed, trips: list[int], bounds: Ints) -> Iterator[tuple[int, int]]:
    blocks = feed.trips["block_id"].to_numpy()
    leaves = feed.stop_times["departure"].to_numpy()
    some = sorted((str(blocks[t]), int(leaves[bounds[t]]), t) for t in trips if blocks[t] != "")
    for (block, _, a), (after, _, b) in itertools.pairwise(some):
        if block == after and _meets(feed, a, b, bounds):
            yield a, b


def _meets(feed: Feed, a: int, b: int, bounds: Ints) -> bool:
    """Whether trip b begins, no earlier, at the stop where trip a ends."""
    stop, arrival = feed.stop_times["stop"].to_numpy(), feed.stop_times["arrival"].to_numpy()
    last, first = bounds[a + 1] - 1, bounds[b]
    return bool(stop[last] == stop[first] and arrival[last] <= feed.stop_times["departure"].to_numpy()[first])


def _goes_on(feed: Feed, a: int, b: int, bounds: Ints) -> bool:
    """Whether trip b can be run by the vehicle of trip a: it may begin at another platform, after a has left."""
    times = feed.stop_times
    left, reached = times["departure"].to_numpy()[bounds[a + 1] - 1], times["arrival"].to_numpy()[bounds[b]]
    return _meets(feed, a, b, bounds) or bool(left <= reached)


def _tied(parts: list[Journey]) -> Journey:
    """Join journeys where one ends and the next begins: at one stop, or from stop to stop."""
    whole = parts[0]
    for part in parts[1:]:
        # at one stop the two are one event: arrival of the first, departure of the second
        one = int(whole.stop[-1] == part.stop[0])
        n = len(whole.stop) - one
        whole = Journey(
            stop=np.concatenate([whole.stop, part.stop[one:]]),
            arrival=np.concatenate([whole.arrival, part.arrival[one:]]),
            departure=np.concatenate([whole.departure[:n], part.departure]),
            board=np.concatenate([whole.board[:n], part.board]),
            alight=np.concatenate([whole.alight, part.alight[one:]]),
            line=whole.line if whole.line == part.line else f"{whole.line}+{part.line}",
            trip_id=f"{whole.trip_id}+{part.trip_id}",
        )
    return whole


def timetable_of(date: str, stops: pd.DataFrame, journeys: Sequence[Journey], changes: pd.DataFrame) -> Timetable:
    """Put journeys into patterns in which none overtakes another.

    Parameters
    ----------
    date : str
        The day.
    stops : pandas.DataFrame
        Index the ids; ``name, lon, lat``.
    journeys : sequence of Journey
        In any order.
    changes : pandas.DataFrame
        ``a, b, seconds``.
    """
    groups: dict[tuple[bytes, bytes, bytes, str], list[Journey]] = {}
    for j in journeys:
        groups.setdefault((j.stop.tobytes(), j.board.tobytes(), j.alight.tobytes(), j.line), []).append(j)
    patterns = [chain for key in sorted(groups) for chain in _patterns(groups[key])]
    n = len(stops)
    changes = changes.sort_values(["a", "b"], kind="stable")
    length = np.array([len(p[0].stop) for p in patterns], dtype=np.int64)
    trips = np.array([len(p) for p in patterns], dtype=np.int64)

    def joined(name: str, kind: npt.DTypeLike, *, each: bool) -> npt.NDArray[np.generic]:
        parts = [getattr(j, name) for p in patterns for j in (p if each else p[:1])]
        return np.concatenate([np.empty(0, dtype=kind), *parts]).astype(kind)

    return Timetable(
        date=date,
        stop_id=stops.index.to_numpy().astype(str),
        stop_name=stops["name"].to_numpy().astype(str),
        stop_place=stops[["lon", "lat"]].to_numpy(dtype=np.float64),
        pattern_first=_firsts(length),
        pattern_stop=joined("stop", np.int32, each=False),  # type: ignore[arg-type]
        may_board=joined("board", np.bool_, each=False),  # type: ignore[arg-type]
        may_alight=joined("alight", np.bool_, each=False),  # type: ignore[arg-type]
        pattern_line=np.array([p[0].line for p in patterns], dtype=str),
        trip_first=_firsts(trips),
        event_first=_firsts(length * trips),
        arrival=joined("arrival", np.int32, each=True),  # type: ignore[arg-type]
        departure=joined("departure", np.int32, each=True),  # type: ignore[arg-type]
        trip_id=np.array([j.trip_id for p in patterns for j in p], dtype=str),
        change_first=_firsts(np.bincount(changes["a"].to_numpy(dtype=np.int64), minlength=n)),
        change_stop=changes["b"].to_numpy(dtype=np.int32),
        change_s=changes["seconds"].to_numpy(dtype=np.int32),
    )


def _firsts(count: npt.NDArray[np.integer]) -> Ints:
    return np.concatenate([[0], np.cumsum(count)]).astype(np.int64)


def _patterns(journeys: list[Journey]) -> list[list[Journey]]:
    """Chains of journeys over the same stops; equal journeys stand in the order of their names."""
    journeys = sorted(journeys, key=lambda j: j.trip_id)
    times = np.stack([np.stack([j.arrival, j.departure], axis=1).ravel() for j in journeys]).astype(np.int32)
    order = np.lexsort(times.T[::-1])
    chain = fifo_chains(times[order])
    return [[journeys[k] for k in order[chain == c]] for c in range(int(chain.max(initial=-1)) + 1)]
