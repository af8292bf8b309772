"""What a transit office would want to mend, and what a search by timetable does not know of: told, and left."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from civigrid.io.gtfs_tables import Tables
from civigrid.io.gtfs_values import Told, column, lines
from civigrid.travel.feed import Fault, Feed
from civigrid.travel.places import on_the_globe
from civigrid.travel.service_days import zone_of
from civigrid.types import Bools, Ints

FAR_CHANGE_M = 2000.0
"""Changes on foot over more than this are told."""
FAST_CHANGE_M_S = 15 / 3.6
"""Changes on foot faster than this, over a straight line and with a minute given, are told."""
SHORT_HEADWAY_S = 60
"""Headways below this are told: no line runs so often, and each departure is a trip to hold."""


def practice(tables: Tables, feed: Feed) -> Iterable[Fault]:
    """Tell of doubles, vehicles in two places, rights and changes that are odd, and what nothing uses."""
    told = Told()
    _routes(tables, feed, told)
    _doubles(feed, told)
    _blocks(feed, told)
    _seats(feed, told)
    _rights(tables, feed, told)
    _changes(feed, told)
    _agency(tables, told)
    _stations(feed, told)
    often = feed.frequencies["headway"].to_numpy() < SHORT_HEADWAY_S
    told.rows("warning", "short-headway", "frequencies.txt", "headway_secs", f"rows have a headway below "
              f"{SHORT_HEADWAY_S} s", "left", feed.trips.index[feed.frequencies["trip"].to_numpy()[often]])  # fmt: skip
    return told.faults


def _routes(tables: Tables, feed: Feed, told: Told) -> None:
    table = tables["routes"]
    table = table[table["route_id"].isin(feed.routes.index)].drop_duplicates("route_id")
    names = [column(table, c) for c in ("route_short_name", "route_long_name", "route_type", "agency_id")]
    # a route without a name is told as such
    named = ((names[0] != "") | (names[1] != "")).to_numpy()
    again = pd.concat(names, axis=1).duplicated().to_numpy() & named
    told.rows("warning", "route-twice", "routes.txt", "route_short_name", "routes have the names, kind and agency of "
              "another", "left", table["route_id"][again])  # fmt: skip
    unused = ~feed.routes.index.isin(feed.trips["route_id"])
    told.rows(
        "note", "unused-route", "routes.txt", "route_id", "routes have no trip", "left", feed.routes.index[unused]
    )


def _doubles(feed: Feed, told: Told) -> None:
    """Tell of trips of one route and calendar with the same stops and times as another."""
    times = feed.stop_times
    rows = np.ascontiguousarray(times[["stop", "arrival", "departure"]].to_numpy(dtype=np.int64))
    bounds = _bounds(feed)
    route, service = (feed.trips[c].tolist() for c in ("route_id", "service_id"))
    seen: set[tuple[str, str, bytes]] = set()
    again = []
    for trip in np.flatnonzero(~feed.trips["by_headway"].to_numpy(dtype=bool)).tolist():
        key = (route[trip], service[trip], rows[bounds[trip] : bounds[trip + 1]].tobytes())
        if key in seen:
            again.append(feed.trips.index[trip])
        seen.add(key)
    told.rows("warning", "trip-twice", "trips.txt", "trip_id", "trips have the route, days, stops and times of another",
              "left: both run", again)  # fmt: skip


def _bounds(feed: Feed) -> Ints:
    return np.searchsorted(feed.stop_times["trip"].to_numpy(), np.arange(len(feed.trips) + 1))


def _blocks(feed: Feed, told: Told) -> None:
    """Tell of trips that their vehicle would begin before it ends the one before."""
    bounds, trips = _bounds(feed), feed.trips
    frame = trips[["block_id", "service_id"]].reset_index()
    frame["leaves"] = feed.stop_times["departure"].to_numpy()[bounds[:-1]]
    frame["ends"] = feed.stop_times["arrival"].to_numpy()[bounds[1:] - 1]
    frame = frame[(frame["block_id"] != "") & ~trips["by_headway"].to_numpy(dtype=bool)]
    block = ["block_id", "service_id"]
    frame = frame.sort_values([*block, "leaves", "ends", "trip_id"], kind="stable")
    # the latest end of all before it in the block
    before = frame.groupby(block)["ends"].cummax().groupby([frame[c] for c in block]).shift(fill_value=-1)
    told.rows("warning", "block-overlap", "trips.txt", "block_id", "trips begin before their vehicle has ended another "
              "of its block", "left: taken as another vehicle",
              frame["trip_id"][(frame["leaves"] < before).to_numpy()])  # fmt: skip


def _seats(feed: Feed, told: Told) -> None:
    """Tell of in-seat changes that no vehicle can make."""
    stay = feed.seated[feed.seated["stay"].to_numpy(dtype=bool)]
    a, b = (stay[c].to_numpy(dtype=np.int64) for c in ("a", "b"))
    bounds, times = _bounds(feed), feed.stop_times
    last, first = bounds[a + 1] - 1, bounds[b]
    arrival, departure = (times[c].to_numpy() for c in ("arrival", "departure"))
    one = times["stop"].to_numpy()[first] == times["stop"].to_numpy()[last]
    early = np.where(one, departure[first] < arrival[last], arrival[first] < departure[last])
    headway = feed.trips["by_headway"].to_numpy(dtype=bool)
    names = feed.trips.index.to_numpy()[a]
    told.rows("error", "in-seat-time", "transfers.txt", "to_trip_id", "in-seat changes lead to a trip that leaves "
              "before the first has arrived", "not used", names[early])  # fmt: skip
    told.rows("warning", "in-seat-headway", "transfers.txt", "from_trip_id", "in-seat changes are of trips at a "
              "headway", "not used", names[~early & (headway[a] | headway[b])])  # fmt: skip


def _rights(tables: Tables, feed: Feed, told: Told) -> None:
    times, bounds = feed.stop_times, _bounds(feed)
    trip = times["trip"].to_numpy()
    # nobody boards at the last stop, nor alights at the first
    board, alight = (times[c].to_numpy(dtype=bool).copy() for c in ("board", "alight"))
    board[bounds[1:] - 1], alight[bounds[:-1]] = False, False
    closed = ~(_any(board, trip, len(feed.trips)) & _any(alight, trip, len(feed.trips)))
    told.rows("warning", "no-passengers", "stop_times.txt", "pickup_type", "trips let nobody on, or nobody off", "left",
              feed.trips.index[closed])  # fmt: skip
    table = tables["stop_times"]
    asked = sum(column(table, c).isin(["2", "3"]).to_numpy() for c in ("pickup_type", "drop_off_type")) > 0
    told.rows("note", "on-request", "stop_times.txt", "pickup_type", "stops must be arranged, by phone or with the "
              "driver", "left: taken as served", table["trip_id"].to_numpy()[asked])  # fmt: skip
    for name, key in (("routes", "route_id"), ("stop_times", "trip_id")):
        part = tables[name]
        open_ = (
            sum(column(part, f"continuous_{c}").isin(["0", "2", "3"]).to_numpy() for c in ("pickup", "drop_off")) > 0
        )
        told.rows("note", "between-stops", f"{name}.txt", "continuous_pickup", "rows let people on or off between "
                  "stops", "not used", part[key].to_numpy()[open_])  # fmt: skip


def _any(flag: Bools, trip: Ints, n: int) -> Bools:
    return np.asarray(np.bincount(trip[flag], minlength=n) > 0)


def _changes(feed: Feed, told: Told) -> None:
    globe = on_the_globe(feed.stops[["lon", "lat"]].to_numpy())
    a, b = (feed.changes[c].to_numpy(dtype=np.int64) for c in ("a", "b"))
    metres = np.nan_to_num(np.linalg.norm(globe[a] - globe[b], axis=1))
    fast = metres > FAST_CHANGE_M_S * (feed.changes["seconds"].to_numpy() + 60)
    ids = feed.stops.index.to_numpy()
    for rule, what, odd in (
        ("far-change", f"changes are over more than {FAR_CHANGE_M / 1000:g} km", metres > FAR_CHANGE_M),
        ("fast-change", "changes on foot are faster than anybody walks", fast),
    ):
        pairs = [f"{ids[i]} to {ids[j]}" for i, j in zip(a[odd].tolist(), b[odd].tolist(), strict=True)]
        told.rows("warning", rule, "transfers.txt", "min_transfer_time", what, "left", pairs)


def _agency(tables: Tables, told: Told) -> None:
    for name, field in (("agency", "agency_url"), ("feed_info", "feed_publisher_url")):
        table = tables.get(name, pd.DataFrame())
        text = column(table, field)
        odd = (text != "") & ~text.str.match(r"(?i)https?://\S+$")
        told.rows("warning", "url", f"{name}.txt", field, "values are no web address, as https://example.org", "left",
                  text[odd])  # fmt: skip
    if zone_of("Europe/Berlin"):
        # else this machine knows no zones at all
        zones = column(tables.get("agency", pd.DataFrame()), "agency_timezone")
        told.rows("error", "time-zone", "agency.txt", "agency_timezone", "values are no time zone, as Europe/Berlin",
                  "left", [z for z in zones.tolist() if z and not zone_of(z)])  # fmt: skip


def _stations(feed: Feed, told: Told) -> None:
    empty = (feed.stops["kind"] == 1).to_numpy() & ~feed.stops.index.isin(feed.stops["parent"])
    told.rows("note", "unused-station", "stops.txt", "parent_station", "stations have no stop", "left",
              feed.stops.index[empty])  # fmt: skip


def empty_week(tables: Tables, days: tuple[str, ...], told: Told) -> None:
    """Tell of services that do not say whether they run on a day of the week."""
    table = tables.get("calendar", pd.DataFrame({"service_id": []}, dtype=str))
    for day in days:
        empty = (column(table, day) == "").to_numpy()
        told.rows("error", "missing-value", "calendar.txt", day, "services do not say whether they run on this day",
                  "taken as not running", lines(table, empty))  # fmt: skip
