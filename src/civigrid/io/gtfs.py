"""GTFS feeds: read, typed and checked; what cannot be used is told, and not fatal where the rest is sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from civigrid.errors import SourceError
from civigrid.io.gtfs_changes import changes_of, seated_of
from civigrid.io.gtfs_checks import plausibility
from civigrid.io.gtfs_practice import empty_week, practice
from civigrid.io.gtfs_references import references
from civigrid.io.gtfs_stop_times import stop_times_of
from civigrid.io.gtfs_tables import Tables, read_tables
from civigrid.io.gtfs_values import LARGEST_SECONDS, Told, clock, codes, column, dates, numbers, unique
from civigrid.travel.feed import Feed
from civigrid.travel.service_days import WEEK

PLACES = range(5)
"""Codes of ``location_type``: stop, station, entrance, node of ways, boarding area."""
VEHICLES = (*range(8), 11, 12, *range(100, 1800))
"""Codes of ``route_type``, with the extended list."""


def read_gtfs(path: Path) -> Feed:
    """Read a GTFS feed.

    Parameters
    ----------
    path : Path
        A zip or a folder.

    Returns
    -------
    Feed
        Rows that fit together.  `Feed.faults` tells of every row that was dropped, repaired or filled in, and of what
        is implausible; `Feed.rows` counts rows read and kept: the rest is told as dropped, row for row.

    Raises
    ------
    SourceError
        No zip, a table without which there is no timetable is absent or empty, or no trip can be used.

    Notes
    -----
    The rules follow the GTFS Schedule reference (gtfs.org).  Times count from noon less twelve hours, as it says: on
    the two days a year when clocks change, times before the change differ from the clock's by an hour.
    Stops and trips are sorted by id: the order of rows in the files changes nothing.
    """
    path = Path(path)
    tables = read_tables(path)
    told = Told(list(tables.faults))
    stops = _stops(tables, told)
    routes = _routes(tables, told)
    services, exceptions = _services(tables, told)
    trips = _trips(tables, routes, services, exceptions, told)
    stop_times, trips = stop_times_of(tables["stop_times"], trips, stops, told)
    if not len(trips):
        raise SourceError(f"{path.name}: no trip has two stops with times. {_first_errors(told)}")
    frequencies = _frequencies(tables, trips, told)
    changes, used = changes_of(tables, stops, told)
    seated = seated_of(tables, trips, told)
    references(tables, stops, stop_times, told)
    kept = {"stops": stops, "routes": routes, "trips": trips, "stop_times": stop_times, "frequencies": frequencies}
    kept |= {"calendar": services, "calendar_dates": exceptions}
    count = {name: len(table) for name, table in tables.items()} | {name: len(table) for name, table in kept.items()}
    count |= used | {"transfers": used["transfers"] + len(seated)}
    feed = Feed(
        name=path.name,
        agency=tables.get("agency", pd.DataFrame()),
        feed_info=tables.get("feed_info", pd.DataFrame()),
        stops=stops,
        routes=routes,
        trips=trips,
        stop_times=stop_times,
        services=services,
        exceptions=exceptions,
        frequencies=frequencies,
        changes=changes,
        seated=seated,
        rows={f"{name}.txt": (n, count[name]) for name, n in tables.read.items()},
    )
    order = {"error": 0, "warning": 1, "note": 2}
    faults = sorted(
        [*told.faults, *plausibility(feed), *practice(tables, feed)],
        key=lambda f: (order[f.severity], f.file, f.rule, f.field),
    )
    return replace(feed, faults=tuple(faults))


def _first_errors(told: Told) -> str:
    return "; ".join(f"{f.file}: {f.count:,} {f.message}" for f in told.faults if f.severity == "error")[:600]


def _stops(tables: Tables, told: Told) -> pd.DataFrame:
    table = unique(tables["stops"], "stop_id", "stops.txt", told).sort_values("stop_id", kind="stable")
    lon, lat = (numbers(table, c, "stops.txt", told) for c in ("stop_lon", "stop_lat"))
    kind = codes(table, "location_type", "stops.txt", told, allowed=PLACES)
    nowhere = np.isnan(lon) | np.isnan(lat) | (np.abs(lat) > 90) | (np.abs(lon) > 180)
    # nobody lives in this part of the sea, and many have forgotten to fill in a place
    null = (np.abs(lon) < 0.1) & (np.abs(lat) < 0.1)
    ids = table["stop_id"].to_numpy()
    told.rows("error", "stop-place", "stops.txt", "stop_lat", "stops have no place on earth",
              "no way on foot from them", ids[nowhere & (kind < 3)])  # fmt: skip
    told.rows("error", "stop-at-zero", "stops.txt", "stop_lat", "stops lie at latitude 0, longitude 0",
              "no way on foot from them", ids[null])  # fmt: skip
    lon, lat = (np.where(nowhere | null, np.nan, v) for v in (lon, lat))
    parent = column(table, "parent_station").to_numpy()
    frame = pd.DataFrame({"name": column(table, "stop_name").to_numpy(), "lon": lon, "lat": lat, "kind": kind})
    frame = frame.assign(parent=parent).set_axis(pd.Index(ids, name="stop_id"))
    _parents(frame, told)
    return frame.assign(parent=np.where(frame["parent"].isin(frame.index), frame["parent"], ""))


def _parents(stops: pd.DataFrame, told: Told) -> None:
    """Tell of parents that are not there, are none, or are lacking."""
    parent, kind = stops["parent"], stops["kind"].to_numpy()
    named = (parent != "").to_numpy()
    known = parent.isin(stops.index).to_numpy()
    told.rows("error", "unknown-parent", "stops.txt", "parent_station", "stops belong to a station that is not there",
              "taken as belonging to none", stops.index[named & ~known])  # fmt: skip
    fits = np.where(kind == 4, 0, 1)
    wrong = known & (parent.map(stops["kind"]).fillna(-1).to_numpy() != fits)
    told.rows("error", "parent-kind", "stops.txt", "parent_station", "stops belong to something that is no station",
              "left", stops.index[wrong])  # fmt: skip
    alone = (kind >= 2) & ~named
    told.rows("error", "missing-parent", "stops.txt", "parent_station", "parts of a station name no station",
              "left", stops.index[alone])  # fmt: skip


def _routes(tables: Tables, told: Told) -> pd.DataFrame:
    table = unique(tables["routes"], "route_id", "routes.txt", told)
    ids = table["route_id"].to_numpy()
    kind = codes(table, "route_type", "routes.txt", told, allowed=VEHICLES, otherwise=3)
    told.rows("error", "missing-value", "routes.txt", "route_type", "routes do not say what vehicle it is",
              "taken as bus", ids[table["route_type"] == ""])  # fmt: skip
    short, long = column(table, "route_short_name"), column(table, "route_long_name")
    nameless = ((short == "") & (long == "")).to_numpy()
    told.rows("warning", "route-name", "routes.txt", "route_short_name", "routes have neither a short nor a long name",
              "named by their id", ids[nameless])  # fmt: skip
    line = np.where(short != "", short, np.where(long != "", long, ids))
    return pd.DataFrame({"line": line, "type": kind}).set_axis(pd.Index(ids, name="route_id"))


def _services(tables: Tables, told: Told) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns = ["service_id", *WEEK, "start_date", "end_date"]
    weekly = tables.get("calendar", pd.DataFrame(columns=columns, dtype=str))
    weekly = unique(weekly, "service_id", "calendar.txt", told)
    start, end = (dates(weekly, c, "calendar.txt", told) for c in ("start_date", "end_date"))
    ids = weekly["service_id"].to_numpy()
    empty_week(tables, WEEK, told)
    told.rows("error", "calendar-span", "calendar.txt", "end_date", "services end before they start", "never run",
              ids[(start > end) & (end > 0)])  # fmt: skip
    # without a first or a last day there is no day at all
    start, end = np.where(start > 0, start, 99_991_231), np.where(start > 0, end, 0)
    days = {day: codes(weekly, day, "calendar.txt", told, allowed=(0, 1)) == 1 for day in WEEK}
    services = pd.DataFrame(days | {"start": start, "end": end}).set_axis(pd.Index(ids, name="service_id"))
    return services, _exceptions(tables, told)


def _exceptions(tables: Tables, told: Told) -> pd.DataFrame:
    file = "calendar_dates.txt"
    extra = tables.get("calendar_dates", pd.DataFrame(columns=["service_id", "date", "exception_type"], dtype=str))
    kind = column(extra, "exception_type")
    odd = ~kind.isin(["1", "2"])
    told.rows("error", "exception-type", file, "exception_type", "rows have an exception that is neither 1 (runs) nor "
              "2 (does not)", "dropped", extra.loc[odd, "service_id"])  # fmt: skip
    extra, kind = extra[~odd], kind[~odd]
    days = dates(extra, "date", file, told, action="dropped")
    frame = pd.DataFrame({"service_id": extra["service_id"].to_numpy(), "date": days, "runs": (kind == "1").to_numpy()})
    frame = frame[frame["date"] > 0].sort_values(["service_id", "date", "runs"], kind="stable")
    again = frame.duplicated(["service_id", "date"])
    told.rows("error", "exception-twice", file, "date", "exceptions of a service and day are there again",
              "dropped: it does not run where one says so", frame.loc[again, "service_id"])  # fmt: skip
    return frame[~again].reset_index(drop=True)


def _trips(
    tables: Tables, routes: pd.DataFrame, services: pd.DataFrame, exceptions: pd.DataFrame, told: Told
) -> pd.DataFrame:
    table = unique(tables["trips"], "trip_id", "trips.txt", told)
    known = table["route_id"].isin(routes.index)
    told.rows("error", "unknown-route", "trips.txt", "route_id", "trips name a route that is not there",
              "kept, as a bus without a name", table.loc[~known, "trip_id"])  # fmt: skip
    served = table["service_id"].isin(services.index.union(pd.Index(exceptions["service_id"])))
    told.rows("error", "unknown-service", "trips.txt", "service_id", "trips name a service that no calendar has",
              "never run", table.loc[~served, "trip_id"])  # fmt: skip
    frame = pd.DataFrame({name: column(table, name).to_numpy() for name in ("route_id", "service_id", "block_id")})
    often = tables.get("frequencies", pd.DataFrame({"trip_id": []}))["trip_id"]
    frame["by_headway"] = table["trip_id"].isin(often).to_numpy()
    return frame.set_axis(pd.Index(table["trip_id"].to_numpy(), name="trip_id")).sort_index(kind="stable")


def _frequencies(tables: Tables, trips: pd.DataFrame, told: Told) -> pd.DataFrame:
    file, columns = "frequencies.txt", ["trip_id", "start_time", "end_time", "headway_secs"]
    table = tables.get("frequencies", pd.DataFrame(columns=columns, dtype=str))
    ids = table["trip_id"].to_numpy()
    trip = trips.index.get_indexer(pd.Index(table["trip_id"]))
    start, end = (clock(table[c]) for c in ("start_time", "end_time"))
    headway = numbers(table, "headway_secs", file, told, otherwise=0)
    headway = np.where(headway <= LARGEST_SECONDS, headway, 0).astype(np.int64)
    bad = (start < 0) | (end < 0) | (headway <= 0) | (end <= start)
    told.rows("error", "frequency", file, "headway_secs", "rows have no times, no headway above 0, or end before they "
              "start", "dropped: a trip of which no row is left never runs", ids[bad])  # fmt: skip
    told.rows("error", "unknown-trip", file, "trip_id", "rows name a trip that is not there, or that was dropped",
              "dropped", ids[(trip < 0) & ~bad])  # fmt: skip
    exact = codes(table, "exact_times", file, told, allowed=(0, 1)) == 1
    frame = pd.DataFrame({"trip": trip, "start": start, "end": end, "headway": headway, "exact": exact})
    frame = frame[(trip >= 0) & ~bad].sort_values(list(frame.columns), kind="stable")
    again = frame.duplicated().to_numpy()
    told.rows("error", "frequency-twice", file, "trip_id", "rows are there again, word for word", "dropped",
              trips.index.to_numpy()[frame["trip"].to_numpy()[again]])  # fmt: skip
    frame = frame[~again]
    same = frame["trip"].to_numpy()[1:] == frame["trip"].to_numpy()[:-1]
    over = same & (frame["start"].to_numpy()[1:] < frame["end"].to_numpy()[:-1])
    names = trips.index.to_numpy()[frame["trip"].to_numpy()[1:][over]]
    told.rows("error", "frequency-overlap", file, "start_time", "periods of one trip overlap", "left: both run", names)
    return frame.reset_index(drop=True)
