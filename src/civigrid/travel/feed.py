"""`Feed`: a timetable as its publisher wrote it, read, typed and checked, before a day of it is compiled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

Severity = Literal["error", "warning", "note"]
NO_TIME = -1
"""A time of a stop that nobody wrote."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault of a feed.

    Parameters
    ----------
    severity : {"error", "warning", "note"}
        ``error``: rows cannot be used as they are; ``warning``: usable, probably not meant so; ``note``: good to know.
    rule : str
        Short name of the rule.
    file, field : str
        Where.
    message : str
        What is wrong, in words.
    action : str
        What was done: dropped, filled in, repaired, left ...  Where it begins with "dropped", as many rows of the file
        were left out.
    count : int
        How many rows, or ids, as the message says.
    examples : tuple of str
        The first of them.
    """

    severity: Severity
    rule: str
    file: str
    field: str
    message: str
    action: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Feed:
    """A GTFS feed whose rows fit together: every id that is named is there, times are whole seconds.

    Parameters
    ----------
    name : str
        File name.
    agency, feed_info : pandas.DataFrame
        As text.
    stops : pandas.DataFrame
        Index ``stop_id``: ``name, lon, lat, kind`` (0 a stop, 1 a station, 2 to 4 parts of one), ``parent``; sorted by
        id.
    routes : pandas.DataFrame
        Index ``route_id``: ``line`` (short name, else long), ``type`` (as published).
    trips : pandas.DataFrame
        Index ``trip_id``: ``route_id, service_id, block_id``, ``by_headway`` (its times are a pattern that
        `frequencies` repeat); sorted by id.
    stop_times : pandas.DataFrame
        By trip and sequence: ``trip, stop`` (row numbers of `trips` and `stops`), ``arrival, departure`` (seconds),
        ``board, alight`` (bool), ``written`` (whether the publisher gave the time).
    services : pandas.DataFrame
        Index ``service_id``: ``monday`` to ``sunday`` (bool), ``start, end`` (dates as 20260317).
    exceptions : pandas.DataFrame
        ``service_id, date`` (whole number), ``runs`` (bool).
    frequencies : pandas.DataFrame
        ``trip`` (row number), ``start, end, headway`` (seconds), ``exact`` (bool).
    changes : pandas.DataFrame
        ``a, b`` (row numbers of stops), ``seconds``: stated changes on foot; of a stop to itself the least change.
    seated : pandas.DataFrame
        ``a, b`` (row numbers of trips): people may stay in the vehicle from the end of one to the start of the other
        where ``stay``, and must leave it where not.
    faults : tuple of Fault
        What was wrong, and what was done.
    rows : mapping of str to tuple of int
        Rows read and rows kept, by file: the difference are those that `faults` tell as dropped.
    """

    name: str
    agency: pd.DataFrame
    feed_info: pd.DataFrame
    stops: pd.DataFrame
    routes: pd.DataFrame
    trips: pd.DataFrame
    stop_times: pd.DataFrame
    services: pd.DataFrame
    exceptions: pd.DataFrame
    frequencies: pd.DataFrame
    changes: pd.DataFrame
    seated: pd.DataFrame
    faults: tuple[Fault, ...] = ()
    rows: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def of(self, severity: Severity) -> Iterator[Fault]:
        """Faults of one severity."""
        return (fault for fault in self.faults if fault.severity == severity)
