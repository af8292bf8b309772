"""A feed's validation report: for a transit office, as a table, and in a few numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from civigrid.io.gtfs import read_gtfs
from civigrid.io.gtfs_checks import EXTENDED
from civigrid.travel.feed import Fault, Feed
from civigrid.travel.service_days import date_of, days_of, trips_by_day

KINDS = {
    0: "tram", 1: "underground", 2: "rail", 3: "bus", 4: "ferry", 5: "cable tram", 6: "aerial lift", 7: "funicular",
    11: "trolleybus", 12: "monorail",
}  # fmt: skip
"""Kinds of vehicles by route type; those of the extended list (704, 900) count as the kind of their hundred."""


def gtfs_report(feed: Feed) -> pd.DataFrame:
    """Give the faults of a feed as a table, errors first: one row by rule, file and field."""
    columns = ["severity", "rule", "file", "field", "count", "message", "action", "examples"]
    rows = [{**vars(fault), "examples": ", ".join(fault.examples)} for fault in feed.faults]
    return pd.DataFrame(rows, columns=columns)


def check_gtfs(path: Path, *, today: str = "") -> dict[str, Any]:
    """Read a feed and say what is in it and what is wrong with it.

    Parameters
    ----------
    path : Path
        A zip or a folder.
    today : str
        A day, 2026-03-17, before which the feed must not end; empty: any feed may be old.

    Returns
    -------
    dict
        ``faults`` (rows of `gtfs_report`), ``rows`` read and kept by file, agencies, stops, routes by kind, the first
        and last day, trips on each day of the fullest week (at a headway: as often as they leave), hours of service,
        the box of the stops.

    Raises
    ------
    SourceError
        As `read_gtfs`: there is no timetable in it.
    """
    feed = read_gtfs(path)
    count = trips_by_day(feed)
    feed = _expired(feed, count, today)
    span = days_of(feed)
    served = np.unique(feed.stop_times["stop"])
    place = feed.stops[["lon", "lat"]].to_numpy()[served]
    place = place[np.isfinite(place).all(axis=1)]
    box = np.concatenate([place.min(axis=0), place.max(axis=0)]).round(5).tolist() if len(place) else []
    faults = gtfs_report(feed)
    errors = int((faults["severity"] == "error").sum())
    return {
        "file": feed.name,
        "without_errors": errors == 0,
        "errors": errors,
        "warnings": int((faults["severity"] == "warning").sum()),
        "agencies": feed.agency["agency_name"].tolist() if "agency_name" in feed.agency else [],
        "stops": len(feed.stops),
        "stops_served": len(served),
        "routes": {str(k): int(n) for k, n in feed.routes["type"].map(_kind).value_counts().items()},
        "trips": len(feed.trips),
        "first_day": span[0].isoformat() if span else None,
        "last_day": span[1].isoformat() if span else None,
        "trips_by_weekday": _fullest_week(count),
        "hours": _hours(feed),
        "west_south_east_north": box,
        "rows": {name: {"read": read, "kept": kept} for name, (read, kept) in feed.rows.items()},
        "faults": faults.to_dict("records"),
    }


def _expired(feed: Feed, count: pd.Series, today: str) -> Feed:
    """Tell where a feed runs nothing from a day on."""
    some = count.index[count > 0]
    if not today or not len(some) or some[-1] >= date_of(today).isoformat():
        return feed
    why = f"feed runs nothing after {some[-1]}, before {date_of(today).isoformat()}"
    fault = Fault("warning", "expired", "calendar.txt", "end_date", why, "left", 1, (some[-1],))
    faults = sorted([*feed.faults, fault], key=lambda f: ("error", "warning", "note").index(f.severity))
    return replace(feed, faults=tuple(faults))


def _kind(number: int) -> str:
    plain = EXTENDED.get(number // 100, -1) if number >= 100 else number
    return KINDS.get(plain, f"type {number}")


def _fullest_week(count: pd.Series) -> dict[str, int]:
    """Trips on the days of the week in which most run."""
    if not len(count) or not count.sum():
        return {}
    days = pd.DatetimeIndex(pd.to_datetime(count.index))
    week = days.to_period("W")
    fullest = count.groupby(week).sum().idxmax()
    inside = week == fullest
    return {f"{day:%a %Y-%m-%d}": int(n) for day, n in zip(days[inside], count[inside], strict=True)}


def _hours(feed: Feed) -> dict[str, str]:
    """First departure and last arrival; of trips at a headway by their periods, not by the times of their pattern."""
    times, often = feed.stop_times, feed.frequencies
    ends = times.groupby("trip").agg(leaves=("departure", "first"), arrives=("arrival", "last"))
    fixed = ends[~feed.trips["by_headway"].to_numpy(dtype=bool)]
    runs = (ends["arrives"] - ends["leaves"]).to_numpy()[often["trip"].to_numpy(dtype=np.int64)]
    leaves = [*fixed["leaves"].tolist(), *often["start"].tolist()]
    arrives = [*fixed["arrives"].tolist(), *(often["end"] + runs).tolist()]
    first, last = (_clock(min(leaves)), _clock(max(arrives))) if leaves else ("never", "never")
    return {"first_departure": first, "last_arrival": last}


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
