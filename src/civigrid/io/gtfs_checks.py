"""What is implausible in a feed that can be read: speeds, places, days; told, and left as it is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from civigrid.io.gtfs_values import Told
from civigrid.travel.feed import Fault, Feed
from civigrid.travel.places import on_the_globe
from civigrid.travel.service_days import WEEK, trips_by_day
from civigrid.types import Bools, Floats

FASTEST_KMH = {0: 100, 1: 150, 2: 350, 3: 130, 4: 80, 5: 30, 6: 50, 7: 50, 11: 100, 12: 150}
"""Above this a vehicle of a kind is not believed; kinds of the extended list count as their hundred."""
EXTENDED = {1: 2, 2: 3, 4: 1, 5: 1, 6: 1, 7: 3, 8: 11, 9: 0, 10: 4, 11: 2, 12: 4, 13: 6, 14: 7, 15: 3}
"""Kind of each hundred of the extended list of route types: 900 is a tram."""
FAR_KM = 100.0
"""Stops this far from all the others are told."""
HOURS = 30
"""Times after this many hours are told: they are allowed, and rare."""


def plausibility(feed: Feed) -> Iterable[Fault]:
    """Tell what is implausible in a feed."""
    told = Told()
    _places(feed, told)
    _speeds(feed, told)
    _days(feed, told)
    late = feed.stop_times["departure"].to_numpy() > HOURS * 3600
    told.rows("note", "late-times", "stop_times.txt", "departure_time", f"times are after {HOURS}:00", "left",
              feed.trips.index.to_numpy()[np.unique(feed.stop_times["trip"].to_numpy()[late])])  # fmt: skip
    blocks = feed.trips["block_id"]
    told.rows("note", "blocks", "trips.txt", "block_id", "trips say which vehicle goes on as which trip", "used where "
              "it is asked for; else going on is a change", blocks.index[blocks != ""])  # fmt: skip
    unused = np.bincount(feed.stop_times["stop"], minlength=len(feed.stops)) == 0
    plain = (feed.stops["kind"] == 0).to_numpy()
    told.rows("note", "unused-stop", "stops.txt", "stop_id", "stops are served by no trip", "left",
              feed.stops.index[unused & plain])  # fmt: skip
    return told.faults


def _places(feed: Feed, told: Told) -> None:
    place = feed.stops[["lon", "lat"]].to_numpy()
    known = np.isfinite(place).all(axis=1)
    if not known.any():
        return
    far = np.zeros(len(place), dtype=bool)
    far[known] = _far(place[known])
    told.rows("warning", "far-stop", "stops.txt", "stop_lat", f"stops lie more than {FAR_KM:g} km from all others, but "
              "their like", "left", feed.stops.index[far])  # fmt: skip
    nameless = (feed.stops["name"] == "").to_numpy() & (feed.stops["kind"] <= 2).to_numpy()
    told.rows(
        "warning", "stop-name", "stops.txt", "stop_name", "stops have no name", "left", feed.stops.index[nameless]
    )


def _far(place: Floats) -> Bools:
    """Whether stops are not of the largest group in which each is within `FAR_KM` of some other."""
    # stops within a tenth of a degree stand for each other: whole countries stay small
    cells, of = np.unique(np.round(place, 1), axis=0, return_inverse=True)
    pairs = cKDTree(on_the_globe(cells)).query_pairs(FAR_KM * 1000, output_type="ndarray")
    ones = np.ones(len(pairs), dtype=bool)
    graph = sparse.coo_array((ones, pairs.T), shape=(len(cells), len(cells)))
    group = connected_components(graph, directed=False)[1][of.ravel()]
    far: Bools = group != np.bincount(group).argmax()
    return far


def _speeds(feed: Feed, told: Told) -> None:
    times = feed.stop_times
    trip, stop = times["trip"].to_numpy(), times["stop"].to_numpy()
    globe = on_the_globe(feed.stops[["lon", "lat"]].to_numpy())
    same = trip[1:] == trip[:-1]
    km = np.linalg.norm(globe[stop[1:]] - globe[stop[:-1]], axis=1) / 1000
    seconds = times["arrival"].to_numpy()[1:] - times["departure"].to_numpy()[:-1]
    route = feed.routes["type"].reindex(feed.trips["route_id"], fill_value=3).to_numpy()
    most = np.array([_fastest(int(kind)) for kind in route])[trip[1:]]
    # whole minutes are usual: half a minute is given at either end
    kmh = np.divide(km, (seconds + 60) / 3600, out=np.zeros(len(km)), where=same)
    fast = same & (kmh > most)
    names = feed.trips.index.to_numpy()[np.unique(trip[1:][fast])]
    told.rows("warning", "too-fast", "stop_times.txt", "arrival_time", "trips go faster than such vehicles do", "left",
              names)  # fmt: skip
    still = same & (seconds == 0) & (km > 1.0)
    names = feed.trips.index.to_numpy()[np.unique(trip[1:][still])]
    told.rows("warning", "no-time", "stop_times.txt", "arrival_time", "trips cover more than a kilometre in no time",
              "left", names)  # fmt: skip


def _fastest(kind: int) -> int:
    return FASTEST_KMH.get(EXTENDED.get(kind // 100, 3) if kind >= 100 else kind, 130)


def _days(feed: Feed, told: Told) -> None:
    count = trips_by_day(feed)
    if not len(count) or not count.sum():
        told.rows("error", "no-day", "calendar.txt", "start_date", "feed runs no trip on any day", "left", [feed.name])
        return
    weekly, extra = feed.services, feed.exceptions
    often = weekly[list(WEEK)].any(axis=1) & (weekly["end"] >= weekly["start"])
    runs = weekly.index[often].union(pd.Index(extra.loc[extra["runs"], "service_id"]))
    never = pd.Index(feed.trips["service_id"].unique()).difference(runs)
    # trips whose service no calendar has are told already
    known = weekly.index.union(pd.Index(extra["service_id"]))
    told.rows("warning", "service-without-day", "calendar.txt", "service_id", "services run on no day", "left",
              never.intersection(known))  # fmt: skip
    unused = known.difference(pd.Index(feed.trips["service_id"]))
    told.rows("note", "unused-service", "calendar.txt", "service_id", "services belong to no trip", "left", unused)
    if len(feed.feed_info) and "feed_end_date" in feed.feed_info:
        said = str(feed.feed_info["feed_end_date"].iloc[0])
        last = str(count.index[count > 0][-1])
        if said.isdigit() and len(said) == 8 and f"{said[:4]}-{said[4:6]}-{said[6:]}" < last:
            told.rows("note", "after-feed-end", "feed_info.txt", "feed_end_date", f"feed runs trips until {last}, "
                      f"after the end it names ({said})", "left", [said])  # fmt: skip
