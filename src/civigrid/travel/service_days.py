"""Which services run on a day: weekly calendars and their exceptions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd

from civigrid.errors import SchemaError
from civigrid.travel.feed import Feed
from civigrid.types import Bools, Ints

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FURTHEST_DAYS = 400
"""Days of a feed that are counted: more than a year adds nothing to what one wants to know."""


def date_of(text: str) -> dt.date:
    """Read a day, 2026-03-17 or 20260317.

    >>> date_of("20260317").isoformat()
    '2026-03-17'
    """
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError as error:
        raise SchemaError(f"{text!r} is no date. Write it as 2026-03-17.") from error


def number_of(day: dt.date) -> int:
    """A day as GTFS writes it, 20260317."""
    return day.year * 10_000 + day.month * 100 + day.day


def running(feed: Feed, day: dt.date) -> Bools:
    """Whether each trip runs on a day, shape (trip,)."""
    number, weekday = number_of(day), WEEK[day.weekday()]
    weekly = feed.services
    on = weekly.index[weekly[weekday] & (weekly["start"] <= number) & (weekly["end"] >= number)]
    today = feed.exceptions[feed.exceptions["date"] == number]
    on = on.union(pd.Index(today.loc[today["runs"], "service_id"]))
    on = on.difference(pd.Index(today.loc[~today["runs"], "service_id"]))
    return np.asarray(feed.trips["service_id"].isin(on))


def days_of(feed: Feed) -> tuple[dt.date, dt.date] | None:
    """First and last day a feed speaks of, None where it speaks of none."""
    ends = [*feed.services["start"], *feed.services["end"], *feed.exceptions["date"]]
    known = [n for n in ends if n > 0]
    return (_day(min(known)), _day(max(known))) if known else None


def _day(number: int) -> dt.date:
    return dt.date(number // 10_000, number // 100 % 100, number % 100)


def trips_by_day(feed: Feed) -> pd.Series:
    """Trips that run, by day of the feed; frequencies count as the one trip they repeat."""
    span = days_of(feed)
    if span is None:
        return pd.Series(dtype=np.int64)
    n = min((span[1] - span[0]).days + 1, FURTHEST_DAYS)
    days = [span[0] + dt.timedelta(days=k) for k in range(n)]
    count: Ints = np.array([running(feed, day).sum() for day in days], dtype=np.int64)
    return pd.Series(count, index=pd.Index([day.isoformat() for day in days], name="day"), name="trips")


def refuse_empty_day(feeds: Sequence[Feed], day: dt.date) -> None:
    """Raise where nothing runs on a day, and say which days there are.

    Raises
    ------
    SchemaError
        With the range of each feed, and the nearest day of the same weekday on which something runs.
    """
    told = []
    for feed in feeds:
        span, count = days_of(feed), trips_by_day(feed)
        if span is None:
            told.append(f"{feed.name} names no day at all")
            continue
        some = [d for d in count.index[count > 0] if dt.date.fromisoformat(d).weekday() == day.weekday()]
        near = min(some, key=lambda d: abs((dt.date.fromisoformat(d) - day).days), default=None)
        if near is None and count.sum():
            near = str(count.idxmax())
        hint = f", as on {near} with {count[near]:,} trips" if near else ""
        told.append(f"{feed.name} runs from {span[0].isoformat()} to {span[1].isoformat()}{hint}")
    raise SchemaError(f"nothing runs on {day.isoformat()}, a {WEEK[day.weekday()].title()}. {'; '.join(told)}.")
