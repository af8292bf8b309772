"""GTFS feeds: read, typed and checked; what cannot be used is told, and not fatal where the rest is sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from civigrid.errors import SourceError
from civigrid.io.gtfs_changes import changes_of, seated_of
from civigrid.io.gtfs_checks import plausibility
from civigrid.io.gtfs_stop_times import stop_times_of
from civigrid.io.gtfs_tables import Tables, read_tables
from civigrid.io.gtfs_values import Told, clock, column, dates, flags, numbers, unique
from civigrid.travel.feed import Feed
from civigrid.travel.service_days import WEEK


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
        is implausible; `Feed.rows` counts rows read and kept.

    Raises
    ------
    SourceError
        No zip, a table without which there is no timetable is absent or empty, or no trip can be used.

    Notes
    -----
    The rules follow the GTFS Schedule reference (gtfs.org).  Times count from noon less twelve hours, as it says: on
    the two days a year when clocks change they are not the clock's.
    """
    path = Path(path)
    tables = read_tables(path)
    told = Told(list(tables.faults))
    read = {f"{name}.txt": len(table) for name, table in tables.items()}
    stops = _stops(tables, told)
    routes = _routes(tables, told)
    services, exceptions = _services(tables, told)
    trips = _trips(tables, routes, services, exceptions, told)
    stop_times, trips = stop_times_of(tables["stop_times"], trips, stops, told)
    if not len(trips):
        raise SourceError(f"{path.name}: no trip has two stops with times. {_first_errors(told)}")
    kept = {
        "stops.txt": len(stops),
        "routes.txt": len(routes),
        "trips.txt": len(trips),
        "stop_times.txt": len(stop_times),
    }
    kept |= {"calendar.txt": len(services), "calendar_dates.txt": len(exceptions)}
    frequencies = _frequencies(tables, trips, told)
    changes = changes_of(tables, stops, told)
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
        seated=seated_of(tables, trips, told),
        rows={name: (n, kept.get(name, n)) for name, n in read.items()},
    )
    order = {"error": 0, "warning": 1, "note": 2}
    faults = sorted([*told.faults, *plausibility(feed)], key=lambda f: (order[f.severity], f.file, f.rule))
    return Feed(**{**vars(feed), "faults": tuple(faults)})


def _first_errors(told: Told) -> str:
    return "; ".join(f"{f.file}: {f.message}" for f in told.faults if f.severity == "error")[:600]


def _stops(tables: Tables, told: Told) -> pd.DataFrame:
    table = unique(tables["stops"], "stop_id", "stops.txt", told)
    lon, lat = (numbers(table, c, "stops.txt", told) for c in ("stop_lon", "stop_lat"))
    nowhere = np.isnan(lon) | np.isnan(lat) | (np.abs(lat) > 90) | (np.abs(lon) > 180)
    null = (lon == 0) & (lat == 0)
    ids = table["stop_id"].to_numpy()
    told.rows("error", "stop-place", "stops.txt", "stop_lat", "stops have no place on earth",
              "no way on foot from them", ids[nowhere])  # fmt: skip
    told.rows("error", "stop-at-zero", "stops.txt", "stop_lat", "stops lie at latitude 0, longitude 0",
              "no way on foot from them", ids[null])  # fmt: skip
    lon, lat = (np.where(nowhere | null, np.nan, v) for v in (lon, lat))
    kind = numbers(table, "location_type", "stops.txt", told, otherwise=0).astype(np.int64)
    parent = column(table, "parent_station")
    unknown = (parent != "") & ~parent.isin(ids)
    told.rows("error", "unknown-parent", "stops.txt", "parent_station", "stations are named that are not there",
              "left", parent[unknown].unique())  # fmt: skip
    frame = pd.DataFrame({"name": column(table, "stop_name").to_numpy(), "lon": lon, "lat": lat, "kind": kind})
    frame["parent"] = np.where(unknown, "", parent)
    return frame.set_axis(pd.Index(ids, name="stop_id"))


def _routes(tables: Tables, told: Told) -> pd.DataFrame:
    table = unique(tables["routes"], "route_id", "routes.txt", told)
    kind = numbers(table, "route_type", "routes.txt", told, otherwise=3).astype(np.int64)
    short, long = column(table, "route_short_name"), column(table, "route_long_name")
    nameless = ((short == "") & (long == "")).to_numpy()
    told.rows("warning", "route-name", "routes.txt", "route_short_name", "routes have neither a short nor a long name",
              "named by their id", table["route_id"].to_numpy()[nameless])  # fmt: skip
    line = np.where(short != "", short, np.where(long != "", long, table["route_id"]))
    index = pd.Index(table["route_id"].to_numpy(), name="route_id")
    return pd.DataFrame({"line": line, "type": kind}).set_axis(index)


def _services(tables: Tables, told: Told) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns = ["service_id", *WEEK, "start_date", "end_date"]
    weekly = tables.get("calendar", pd.DataFrame(columns=columns, dtype=str))
    weekly = unique(weekly, "service_id", "calendar.txt", told)
    start, end = (dates(weekly, c, "calendar.txt", told) for c in ("start_date", "end_date"))
    ids = weekly["service_id"].to_numpy()
    told.rows("error", "calendar-span", "calendar.txt", "end_date", "services end before they start", "never run",
              ids[(start > end) & (end > 0)])  # fmt: skip
    services = pd.DataFrame({day: flags(weekly, day) for day in WEEK} | {"start": start, "end": end})
    services = services.set_axis(pd.Index(ids, name="service_id"))
    extra = tables.get("calendar_dates", pd.DataFrame(columns=["service_id", "date", "exception_type"], dtype=str))
    kind = column(extra, "exception_type")
    odd = ~kind.isin(["1", "2"])
    told.rows("error", "exception-type", "calendar_dates.txt", "exception_type", "is neither 1 nor 2", "dropped",
              kind[odd])  # fmt: skip
    extra, kind = extra[~odd], kind[~odd]
    days = dates(extra, "date", "calendar_dates.txt", told)
    exceptions = pd.DataFrame(
        {"service_id": extra["service_id"].to_numpy(), "date": days, "runs": (kind == "1").to_numpy()}
    )
    return services, exceptions[exceptions["date"] > 0].reset_index(drop=True)


def _trips(
    tables: Tables, routes: pd.DataFrame, services: pd.DataFrame, exceptions: pd.DataFrame, told: Told
) -> pd.DataFrame:
    table = unique(tables["trips"], "trip_id", "trips.txt", told)
    known = table["route_id"].isin(routes.index)
    told.rows("error", "unknown-route", "trips.txt", "route_id", "trips name a route that is not there", "kept without",
              table.loc[~known, "trip_id"])  # fmt: skip
    served = table["service_id"].isin(services.index.union(pd.Index(exceptions["service_id"])))
    told.rows("error", "unknown-service", "trips.txt", "service_id", "trips name a service that no calendar has",
              "never run", table.loc[~served, "trip_id"])  # fmt: skip
    frame = pd.DataFrame({name: column(table, name).to_numpy() for name in ("route_id", "service_id", "block_id")})
    return frame.set_axis(pd.Index(table["trip_id"].to_numpy(), name="trip_id")).sort_index(kind="stable")


def _frequencies(tables: Tables, trips: pd.DataFrame, told: Told) -> pd.DataFrame:
    empty = pd.DataFrame({n: pd.Series(dtype=np.int64) for n in ("trip", "start", "end", "headway")})
    table = tables.get("frequencies")
    if table is None or not len(table):
        return empty.assign(exact=pd.Series(dtype=bool))
    trip = trips.index.get_indexer(pd.Index(table["trip_id"]))
    start, end = (clock(table[c]) for c in ("start_time", "end_time"))
    headway = numbers(table, "headway_secs", "frequencies.txt", told, otherwise=0).astype(np.int64)
    bad = (start < 0) | (end < 0) | (headway <= 0) | (end <= start)
    told.rows("error", "frequency", "frequencies.txt", "headway_secs", "rows have no times, no headway above 0, or end "
              "before they start", "dropped", table["trip_id"].to_numpy()[bad])  # fmt: skip
    told.rows("error", "unknown-trip", "frequencies.txt", "trip_id", "rows name a trip that is not there, or has "
              "no times", "dropped", table["trip_id"].to_numpy()[(trip < 0) & ~bad])  # fmt: skip
    exact = (column(table, "exact_times") == "1").to_numpy()
    frame = pd.DataFrame({"trip": trip, "start": start, "end": end, "headway": headway, "exact": exact})
    frame = frame[(trip >= 0) & ~bad].sort_values(["trip", "start", "end", "headway"], kind="stable")
    same = frame["trip"].to_numpy()[1:] == frame["trip"].to_numpy()[:-1]
    over = same & (frame["start"].to_numpy()[1:] < frame["end"].to_numpy()[:-1])
    names = trips.index.to_numpy()[frame["trip"].to_numpy()[1:][over]]
    told.rows(
        "error", "frequency-overlap", "frequencies.txt", "start_time", "periods of one trip overlap", "left", names
    )
    return frame.reset_index(drop=True)
