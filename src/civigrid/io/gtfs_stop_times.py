"""Times of stops: sorted, joined to trips and stops, filled in where nobody wrote them, never falling along a trip."""

from __future__ import annotations

import numpy as np
import pandas as pd

from civigrid.io.gtfs_values import Told, clock, codes, column, numbers
from civigrid.travel.feed import NO_TIME
from civigrid.travel.places import on_the_globe
from civigrid.types import Bools, Floats, Ints

FILE = "stop_times.txt"
DAY_S = 86_400


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
    ids = table["trip_id"].to_numpy()
    trip = trips.index.get_indexer(pd.Index(table["trip_id"]))
    stop = stops.index.get_indexer(pd.Index(table["stop_id"]))
    sequence = numbers(table, "stop_sequence", FILE, told)
    told.rows("error", "unknown-trip", FILE, "trip_id", "rows name a trip that is not there", "dropped", ids[trip < 0])
    zone = (column(table, "location_id") != "") | (column(table, "location_group_id") != "")
    zone &= (table["stop_id"] == "") & (trip >= 0)
    told.rows("warning", "zone", FILE, "location_id", "rows name a zone in which people are picked up on request, and "
              "no stop", "dropped", ids[zone])  # fmt: skip
    told.rows("error", "unknown-stop", FILE, "stop_id", "rows name a stop that is not there", "dropped",
              table["stop_id"].to_numpy()[(trip >= 0) & (stop < 0) & ~zone.to_numpy()])  # fmt: skip
    unnumbered = np.isnan(sequence)
    told.rows("error", "sequence", FILE, "stop_sequence", "rows have no number in their trip", "dropped",
              ids[(trip >= 0) & (stop >= 0) & unnumbered])  # fmt: skip
    keep = (trip >= 0) & (stop >= 0) & ~unnumbered
    arrival, departure = _clocks(table, told)
    rights = {
        name: codes(table, column, FILE, told, allowed=range(4)) != 1
        for name, column in (("board", "pickup_type"), ("alight", "drop_off_type"))
    }
    along = numbers(table, "shape_dist_traveled", FILE, told)
    frame = pd.DataFrame(
        {"trip": trip, "stop": stop, "sequence": sequence, "arrival": arrival, "departure": departure}
        | rights
        | {"along": along}
    )
    order = ["trip", "sequence", "stop", "arrival", "departure"]
    frame = frame[keep].sort_values(order, kind="stable", ignore_index=True)
    return _usable(_once(frame, trips, told), trips, stops, told)


def _clocks(table: pd.DataFrame, told: Told) -> tuple[Ints, Ints]:
    """Arrivals and departures; of one that is absent the other counts."""
    found = []
    for name in ("arrival_time", "departure_time"):
        text = column(table, name)
        seconds = clock(text)
        odd = (seconds == NO_TIME) & (text != "").to_numpy()
        told.rows("error", "time", FILE, name, "values are no times, as 08:05:00", "taken as absent", text[odd])
        found.append(seconds)
    arrival, departure = found
    arrival, departure = (np.where(a == NO_TIME, b, a) for a, b in ((arrival, departure), (departure, arrival)))
    exact = (arrival == NO_TIME) & (column(table, "timepoint") == "1").to_numpy()
    told.rows("error", "timepoint", FILE, "timepoint", "stops are said to have exact times, and have none", "filled in "
              "where that can be done", table["trip_id"][exact])  # fmt: skip
    late = arrival > departure
    told.rows("error", "arrival-after-departure", FILE, "arrival_time", "vehicles leave before they arrive",
              "they leave when they arrive", table["trip_id"][late])  # fmt: skip
    return arrival, np.maximum(arrival, departure)


def _once(frame: pd.DataFrame, trips: pd.DataFrame, told: Told) -> pd.DataFrame:
    again = frame.duplicated(["trip", "sequence"]).to_numpy()
    names = trips.index.to_numpy()[frame["trip"].to_numpy()[again]]
    told.rows("error", "sequence-twice", FILE, "stop_sequence", "rows have a number that their trip has already",
              "dropped: one of each is kept", names)  # fmt: skip
    return frame[~again].reset_index(drop=True)


def _usable(
    frame: pd.DataFrame, trips: pd.DataFrame, stops: pd.DataFrame, told: Told
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Drop trips that cannot be used, fill in the others, and number the trips anew."""
    n = len(trips)
    size = np.bincount(frame["trip"], minlength=n)
    ids = trips.index.to_numpy()
    told.rows("warning", "no-stops", "trips.txt", "trip_id", "trips have fewer than two stops", "dropped",
              ids[size < 2])  # fmt: skip
    starts = np.concatenate([[0], np.cumsum(size)])
    timed = (frame["arrival"] != NO_TIME).to_numpy()
    ends = np.zeros(n, dtype=bool)
    some = size > 1
    ends[some] = timed[starts[:-1][some]] & timed[starts[1:][some] - 1]
    told.rows("error", "no-end-times", "trips.txt", "trip_id", "trips have no time at their first or last stop, and "
              "nothing can be filled in", "dropped", ids[some & ~ends])  # fmt: skip
    of = frame["trip"].to_numpy()
    told.rows("note", "dropped-trip", FILE, "trip_id", "rows belong to trips that were dropped", "dropped",
              ids[of[~ends[of]]])  # fmt: skip
    frame = frame[ends[of]].reset_index(drop=True)
    number = np.cumsum(ends) - 1
    trips = trips[ends]
    frame["trip"] = number[frame["trip"]]
    frame["written"] = frame["arrival"] != NO_TIME
    frame = _next_day(frame, trips, told)
    back = _falls(frame["trip"].to_numpy(), frame["along"].to_numpy())
    told.rows("warning", "distance-falls", FILE, "shape_dist_traveled", "trips have distances below 0 or below those "
              "of the stop before", "where times are filled in, distance between stops counts",
              trips.index.to_numpy()[np.unique(frame["trip"].to_numpy()[back])])  # fmt: skip
    arrival, departure, way = _filled(frame, stops)
    missing = ~frame["written"].to_numpy()
    told.rows("note", "interpolated", FILE, "arrival_time", f"of {len(frame):,} stops of trips have no time", way,
              trips.index.to_numpy()[frame["trip"].to_numpy()[missing]])  # fmt: skip
    arrival, departure = _rising(frame["trip"].to_numpy(), arrival, departure, trips, told)
    frame = frame.assign(arrival=arrival, departure=departure)
    return frame.drop(columns=["sequence", "along"]), trips


def _next_day(frame: pd.DataFrame, trips: pd.DataFrame, told: Told) -> pd.DataFrame:
    """Let times that fall from the end of a day to the start of the next count on, as GTFS wants: 24:05, not 00:05."""
    some = frame[frame["written"]]
    trip, arrival = some["trip"].to_numpy(), some["arrival"].to_numpy()
    falls = np.zeros(len(some), dtype=bool)
    drop = some["departure"].to_numpy()[:-1] - arrival[1:]
    falls[1:] = (trip[1:] == trip[:-1]) & (drop > DAY_S // 2) & (drop < DAY_S)
    if not falls.any():
        return frame
    told.rows("error", "past-midnight", FILE, "arrival_time", "trips count from 0 again after midnight",
              "repaired: 24 hours added", trips.index.to_numpy()[np.unique(trip[falls])])  # fmt: skip
    # a trip of more days than that is nonsense, and its times would leave the range of whole numbers
    days = pd.Series(falls, index=some.index).groupby(trip).cumsum().clip(upper=10)
    late = days.reindex(frame.index, fill_value=0).to_numpy() * DAY_S
    return frame.assign(arrival=frame["arrival"] + late, departure=frame["departure"] + late)


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
    bad = np.bincount(trip, weights=np.isnan(given) | _falls(trip, given)) > 0
    globe = on_the_globe(stops[["lon", "lat"]].to_numpy())[frame["stop"].to_numpy()]
    step = np.concatenate([[0.0], np.linalg.norm(np.diff(globe, axis=0), axis=1)])
    step = np.where(first | np.isnan(step), 0.0, step)
    along = np.cumsum(step)
    way: Floats = np.where(bad[trip], along, given)
    return way, ~bad[trip]


def _falls(trip: Ints, given: Floats) -> Bools:
    """Where a distance along the trip is below 0 or below that of the stop before, shape (row,)."""
    falls: Bools = given < 0
    falls[1:] |= (trip[1:] == trip[:-1]) & (given[1:] < given[:-1])
    return falls


def _rising(trip: Ints, arrival: Ints, departure: Ints, trips: pd.DataFrame, told: Told) -> tuple[Ints, Ints]:
    """Raise times that fall along a trip to the one before."""
    # trips apart by more than any time: one running maximum serves all of them
    base = trip * (2**24)
    flat = np.stack([arrival + base, departure + base], axis=1).ravel()
    risen = np.maximum.accumulate(flat).reshape(-1, 2) - base[:, None]
    changed = (risen[:, 0] != arrival) | (risen[:, 1] != departure)
    names = trips.index.to_numpy()[np.unique(trip[changed])]
    told.rows("error", "time-falls", FILE, "arrival_time", "trips have times before those of the stop before",
              "raised to the time before", names)  # fmt: skip
    return risen[:, 0], risen[:, 1]
