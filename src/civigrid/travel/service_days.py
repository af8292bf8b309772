"""Which services run on a day: weekly calendars and their exceptions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from civigrid.errors import SchemaError
from civigrid.travel.feed import Feed
from civigrid.types import Bools, Ints

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EARLIEST, LATEST = dt.date(1970, 1, 1), dt.date(2100, 12, 31)
"""Days outside of these are not counted: publishers write 19000101 and 99991231 for always."""


def date_of(text: str) -> dt.date:
    """Read a day, 2026-03-17 or 20260317.

    Raises
    ------
    SchemaError
        It is none, or not of the years 1970 to 2100.

    Examples
    --------
    >>> date_of("20260317").isoformat()
    '2026-03-17'
    """
    try:
        day = dt.date.fromisoformat(text.strip())
    except ValueError as error:
        raise SchemaError(f"{text!r} is no date. Write it as 2026-03-17.") from error
    if not EARLIEST <= day <= LATEST:
        raise SchemaError(f"{text!r} is not within {EARLIEST} to {LATEST}. Write a day as 2026-03-17.")
    return day


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
    """First and last day a feed speaks of, from 1970 to 2100; None where it speaks of none."""
    weekly = feed.services[feed.services["start"] <= feed.services["end"]]
    numbers = [*weekly["start"].tolist(), *weekly["end"].tolist(), *feed.exceptions["date"].tolist()]
    if not numbers or _day(max(numbers)) < EARLIEST or _day(min(numbers)) > LATEST:
        return None
    return max(_day(min(numbers)), EARLIEST), min(_day(max(numbers)), LATEST)


def _day(number: int) -> dt.date:
    return dt.date(number // 10_000, number // 100 % 100, number % 100)


def departures(feed: Feed) -> Ints:
    """How often each trip leaves on a day it runs, shape (trip,): by its headway as often as headways begin."""
    often = feed.frequencies
    times = -((often["start"] - often["end"]) // often["headway"]).to_numpy(dtype=np.int64)
    count = np.zeros(len(feed.trips), dtype=np.int64)
    np.add.at(count, often["trip"].to_numpy(dtype=np.int64), times)
    return np.where(feed.trips["by_headway"].to_numpy(dtype=bool), count, 1)


def trips_by_day(feed: Feed) -> pd.Series:
    """Trips that run, by day of the feed; a trip at a headway counts as often as it leaves.

    Days are counted all at once: by weekday, services that begin less services that have ended.
    """
    span = days_of(feed)
    if span is None:
        return pd.Series(dtype=np.int64, name="trips")
    first, n = span[0].toordinal(), (span[1] - span[0]).days + 1
    trips = pd.Series(departures(feed)).groupby(feed.trips["service_id"].to_numpy()).sum()
    weekly = feed.services.assign(trips=trips.reindex(feed.services.index, fill_value=0))
    inside = (weekly["start"] <= number_of(span[1])) & (weekly["end"] >= number_of(span[0]))
    weekly = weekly[inside & (weekly["start"] <= weekly["end"]) & (weekly["trips"] > 0)]
    begin, end = _ordinals(weekly["start"], first, n), _ordinals(weekly["end"], first, n) + 1
    weekday = (np.arange(n) + span[0].weekday()) % 7
    count = np.zeros(n, dtype=np.int64)
    for k, name in enumerate(WEEK):
        on = np.where(weekly[name], weekly["trips"], 0)
        steps = np.zeros(n + 1, dtype=np.int64)
        np.add.at(steps, begin, on)
        np.subtract.at(steps, end, on)
        count += np.where(weekday == k, np.cumsum(steps)[:-1], 0)
    count += _exceptional(feed, trips, span)
    days = [(span[0] + dt.timedelta(days=k)).isoformat() for k in range(n)]
    return pd.Series(count, index=pd.Index(days, name="day"), name="trips")


def _ordinals(numbers: pd.Series, first: int, n: int) -> Ints:
    """Days of the span that numbers stand for; days outside as its ends."""
    found = [_day(number).toordinal() - first for number in numbers.tolist()]
    return np.clip(np.array(found, dtype=np.int64), 0, n - 1)


def _exceptional(feed: Feed, trips: pd.Series, span: tuple[dt.date, dt.date]) -> Ints:
    """Trips more and less by exceptions, where they say other than the week, shape (day,)."""
    n = (span[1] - span[0]).days + 1
    odd = feed.exceptions[feed.exceptions["service_id"].isin(trips.index)]
    odd = odd[odd["date"].between(number_of(span[0]), number_of(span[1]))]
    week = feed.services.reindex(odd["service_id"])
    day = _ordinals(odd["date"], span[0].toordinal(), n)
    on = week[list(WEEK)].fillna(False).to_numpy(dtype=bool)[np.arange(len(odd)), (day + span[0].weekday()) % 7]
    number = odd["date"].to_numpy()
    on &= (week["start"].fillna(0).to_numpy() <= number) & (week["end"].fillna(0).to_numpy() >= number)
    runs = odd["runs"].to_numpy(dtype=np.int64)
    change = (runs - on.astype(np.int64)) * trips.reindex(odd["service_id"]).to_numpy(dtype=np.int64)
    count = np.zeros(n, dtype=np.int64)
    np.add.at(count, day, change)
    return count


def refuse_empty_day(feeds: Sequence[Feed], day: dt.date) -> None:
    """Raise where nothing runs on a day, and say which days there are.

    Raises
    ------
    SchemaError
        With the range of each feed, and for each weekday the nearest day on which something runs, with its trips.
    """
    told = []
    for feed in feeds:
        span, count = days_of(feed), trips_by_day(feed)
        some = count[count > 0]
        if span is None or not len(some):
            told.append(f"{feed.name} runs on no day at all")
            continue
        days = [dt.date.fromisoformat(text) for text in some.index]
        order = np.argsort([abs((d - day).days) for d in days], kind="stable")
        near: dict[int, str] = {}
        for k in order.tolist():
            near.setdefault(days[k].weekday(), f"{days[k]:%a} {days[k].isoformat()}: {int(some.iloc[k]):,}")
        nearest = ", ".join(near[weekday] for weekday in sorted(near))
        told.append(f"{feed.name} runs from {some.index[0]} to {some.index[-1]}; trips on the nearest days: {nearest}")
    raise SchemaError(f"nothing runs on {day.isoformat()}, a {WEEK[day.weekday()].title()}. {'. '.join(told)}.")


def refuse_two_clocks(feeds: Sequence[Feed], day: dt.date) -> None:
    """Raise where the clocks of feeds differ on a day: their times would not fit together.

    Zones that are not known, or not named, are taken to fit.

    Raises
    ------
    SchemaError
        With the time zone of each feed.
    """
    noon = dt.datetime.combine(day, dt.time(12))
    clocks: dict[dt.timedelta | None, str] = {}
    for feed in feeds:
        for name in feed.agency.get("agency_timezone", pd.Series(dtype=str)).unique().tolist():
            zone = zone_of(str(name))
            if zone is not None:
                clocks.setdefault(noon.replace(tzinfo=zone).utcoffset(), f"{name} ({feed.name})")
                break
    if len(clocks) > 1:
        raise SchemaError(
            f"clocks differ on {day.isoformat()}: {', '.join(clocks.values())}. Times of these feeds do not fit "
            "together: search one of them, or have them written in one time zone."
        )


def zone_of(name: str) -> ZoneInfo | None:
    """A time zone by its name, Europe/Berlin; None where this machine knows none of that name."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None
