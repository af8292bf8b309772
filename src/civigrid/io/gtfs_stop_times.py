"""Times of stops: sorted, joined to trips and stops, filled in where nobody wrote them, never falling along a trip."""

from __future__ import annotations

import numpy as np
import pandas as pd

from civigrid.io.gtfs_values import Told, clock, column, numbers
from civigrid.travel.feed import NO_TIME
from civigrid.travel.places import on_the_globe
from civigrid.types import Bools, Floats, Ints

FILE = "stop_times.txt"


def stop_times_of(
    table: pd.DataFrame, trips: pd.DataFrame, stops: pd.DataFrame, told: Told
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give the times of the trips that can be used, and these trips.

    Times that nobody wrote are put between those before and after: by ``shape_dist_traveled`` where all stops of a trip
    have it and it does not fall, else by the distance from stop to stop.  A trip without its first or last time cannot
    be filled in and is dropped; times that fall are raised to the one before.

    Returns
    -------
    tuple of pandas.DataFrame
        `Feed.stop_times` and `Feed.trips`.
    """
    trip = trips.index.get_indexer(pd.Index(table["trip_id"]))
    stop = stops.index.get_indexer(pd.Index(table["stop_id"]))
    told.rows("error", "unknown-trip", FILE, "trip_id", "trips are named that are not there", "their rows dropped",
              table["trip_id"][trip < 0].unique())  # fmt: skip
    told.rows("error", "unknown-stop", FILE, "stop_id", "stops are named that are not there", "their rows dropped",
              table["stop_id"][stop < 0].unique())  # fmt: skip
    sequence = numbers(table, "stop_sequence", FILE, told)
    unnumbered = np.isnan(sequence)
    told.rows("error", "sequence", FILE, "stop_sequence", "rows have no number in their trip", "dropped",
              table["trip_id"][unnumbered])  # fmt: skip
    keep = (trip >= 0) & (stop >= 0) & ~unnumbered
    arrival, departure = _clocks(table, told)
    frame = pd.DataFrame(
        {
            "trip": trip,
            "stop": stop,
            "sequence": sequence,
            "arrival": arrival,
            "departure": departure,
            "board": ~column(table, "pickup_type").isin(["1"]).to_numpy(),
            "alight": ~column(table, "drop_off_type").isin(["1"]).to_numpy(),
            "along": numbers(table, "shape_dist_traveled", FILE, told),
        }
    )[keep].sort_values(["trip", "sequence", "stop"], kind="stable", ignore_index=True)
    return _usable(_once(frame, trips, told), trips, stops, told)


def _clocks(table: pd.DataFrame, told: Told) -> tuple[Ints, Ints]:
    """Arrivals and departures; of one that is absent the other counts."""
    found = []
    for name in ("arrival_time", "departure_time"):
        text = column(table, name)
        seconds = clock(text)
        odd = (seconds == NO_TIME) & (text != "").to_numpy()
        told.rows(
            "error", "time", FILE, name, "values are no times, as 08:05:00", "taken as absent", text[odd].unique()
        )
        found.append(seconds)
    arrival, departure = found
    arrival, departure = (np.where(a == NO_TIME, b, a) for a, b in ((arrival, departure), (departure, arrival)))
    late = arrival > departure
    told.rows("error", "arrival-after-departure", FILE, "arrival_time", "vehicles leave before they arrive",
              "they leave when they arrive", table["trip_id"][late])  # fmt: skip
    return arrival, np.maximum(arrival, departure)


def _once(frame: pd.DataFrame, trips: pd.DataFrame, told: Told) -> pd.DataFrame:
    again = frame.duplicated(["trip", "sequence"]).to_numpy()
    names = trips.index.to_numpy()[frame["trip"].to_numpy()[again]]
    told.rows("error", "sequence-twice", FILE, "stop_sequence", "a number of a trip is there twice", "the first is "
              "kept", names)  # fmt: skip
    return frame[~again].reset_index(drop=True)


def _usable(
    frame: pd.DataFrame, trips: pd.DataFrame, stops: pd.DataFrame, told: Told
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Drop trips that cannot be used, fill in the others, and number the trips anew."""
    n = len(trips)
    size = np.bincount(frame["trip"], minlength=n)
    ids = trips.index.to_numpy()
    told.rows(
        "warning", "no-stops", "trips.txt", "trip_id", "trips have fewer than two stops", "dropped", ids[size < 2]
    )
    starts = np.concatenate([[0], np.cumsum(size)])
    timed = (frame["arrival"] != NO_TIME).to_numpy()
    ends = np.zeros(n, dtype=bool)
    some = size > 1
    ends[some] = timed[starts[:-1][some]] & timed[starts[1:][some] - 1]
    told.rows("error", "no-end-times", FILE, "arrival_time", "trips have no time at their first or last stop: nothing "
              "can be filled in", "dropped", ids[some & ~ends])  # fmt: skip
    frame = frame[ends[frame["trip"]]].reset_index(drop=True)
    number = np.cumsum(ends) - 1
    trips = trips[ends]
    frame["trip"] = number[frame["trip"]]
    frame["written"] = frame["arrival"] != NO_TIME
    if not len(frame):
        return frame.drop(columns=["sequence", "along"]), trips
    arrival, departure, way = _filled(frame, stops)
    missing = ~frame["written"].to_numpy()
    names = trips.index.to_numpy()[frame["trip"].to_numpy()[missing]]
    told.rows(
        "note", "interpolated", FILE, "arrival_time", f"of {len(frame):,} stops of trips have no time", way, names
    )
    arrival, departure = _rising(frame["trip"].to_numpy(), arrival, departure, trips, told)
    frame = frame.assign(arrival=arrival, departure=departure)
    return frame.drop(columns=["sequence", "along"]), trips


def _filled(frame: pd.DataFrame, stops: pd.DataFrame) -> tuple[Ints, Ints, str]:
    """Times with the absent ones put between those written, and how that was done."""
    arrival, departure = (frame[c].to_numpy(dtype=np.int64) for c in ("arrival", "departure"))
    known = frame["written"].to_numpy(dtype=bool)
    if known.all():
        return arrival, departure, "none"
    way, shaped = _way_along(frame, stops)
    row = np.arange(len(frame))
    before = np.maximum.accumulate(np.where(known, row, -1))
    after = np.minimum.accumulate(np.where(known, row, len(frame))[::-1])[::-1]
    missing = np.flatnonzero(~known)
    a, b = before[missing], after[missing]
    length = way[b] - way[a]
    # stops at one place share the time evenly
    share = np.where(length > 0, (way[missing] - way[a]) / np.where(length > 0, length, 1), (missing - a) / (b - a))
    time = departure[a] + np.rint(share * (arrival[b] - departure[a])).astype(np.int64)
    arrival, departure = arrival.copy(), departure.copy()
    arrival[missing], departure[missing] = time, time
    told = "filled in by shape_dist_traveled" if shaped.all() else "filled in by distance between stops"
    return (
        arrival,
        departure,
        told if shaped.all() or not shaped.any() else "filled in by distance, along the shape or straight",
    )


def _way_along(frame: pd.DataFrame, stops: pd.DataFrame) -> tuple[Floats, Bools]:
    """Way from the first stop of the trip, shape (row,), and whether it is the publisher's."""
    trip = frame["trip"].to_numpy()
    first = np.concatenate([[True], trip[1:] != trip[:-1]])
    given = frame["along"].to_numpy()
    falls = np.concatenate([[False], given[1:] < given[:-1]]) & ~first
    bad = np.bincount(trip, weights=np.isnan(given) | falls) > 0
    globe = on_the_globe(stops[["lon", "lat"]].to_numpy())[frame["stop"].to_numpy()]
    step = np.concatenate([[0.0], np.linalg.norm(np.diff(globe, axis=0), axis=1)])
    step = np.where(first | np.isnan(step), 0.0, step)
    along = np.cumsum(step)
    way: Floats = np.where(bad[trip], along, given)
    return way, ~bad[trip]


def _rising(trip: Ints, arrival: Ints, departure: Ints, trips: pd.DataFrame, told: Told) -> tuple[Ints, Ints]:
    """Raise times that fall along a trip to the one before."""
    # trips apart by more than any time: one running maximum serves all of them
    base = trip * (2**20)
    flat = np.stack([arrival + base, departure + base], axis=1).ravel()
    risen = np.maximum.accumulate(flat).reshape(-1, 2) - base[:, None]
    changed = (risen[:, 0] != arrival) | (risen[:, 1] != departure)
    names = trips.index.to_numpy()[np.unique(trip[changed])]
    told.rows("error", "time-falls", FILE, "arrival_time", "trips have times before those of the stop before",
              "raised to the time before", names)  # fmt: skip
    return risen[:, 0], risen[:, 1]
