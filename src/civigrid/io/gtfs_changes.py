"""Changes that a feed states: transfers between stops, ways through stations, and staying in the vehicle."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from civigrid.io.gtfs_tables import Tables
from civigrid.io.gtfs_values import LARGEST_SECONDS, Told, codes, column, numbers
from civigrid.travel.places import on_the_globe
from civigrid.types import Floats, Ints

WALK_M_S = 4.8 / 3.6
DETOUR = 1.3
"""Where a transfer or a way states no time: 4.8 km/h over a straight line times 1.3; ways with a length, over it."""
LEAST_S = 60
"""A change that states no time takes at least this, but where the vehicle waits (type 1)."""
TRANSFERS, PATHWAYS = "transfers.txt", "pathways.txt"
NONE = pd.DataFrame({"a": np.empty(0, np.int64), "b": np.empty(0, np.int64), "seconds": np.empty(0, np.int64)})
FOR_SOME = ("from_route_id", "to_route_id", "from_trip_id", "to_trip_id")
"""A transfer with one of these holds for some vehicles only."""


def changes_of(tables: Tables, stops: pd.DataFrame, told: Told) -> tuple[pd.DataFrame, dict[str, int]]:
    """Give stated changes ``a, b, seconds`` between stops, and how many rows of each file they are from.

    Transfers of type 0 and 1 without a time take the walk between the stops, type 0 at least `LEAST_S`; one of type 0
    from a stop to itself says nothing.  Type 2 takes its ``min_transfer_time``.  Those of a station count for all of
    its stops.  Type 3 (no change possible) cannot be said to the search and is told.  Those
    of some routes or trips count for all where nothing is said of all, by the longest.  Pathways of a station become
    changes between its stops, by the quickest way through it.  Of several for a pair of stops the shortest counts.
    """
    transfers, n_transfers = _transfers(tables, stops, told)
    pathways, n_pathways = _pathways(tables, stops, told)
    found = pd.concat([transfers, pathways], ignore_index=True)
    least = found.groupby(["a", "b"])["seconds"].min()
    return least.reset_index(), {"transfers": n_transfers, "pathways": n_pathways}


def _transfers(tables: Tables, stops: pd.DataFrame, told: Told) -> tuple[pd.DataFrame, int]:
    table = tables.get("transfers")
    if table is None or not len(table):
        return NONE, 0
    kind = codes(table, "transfer_type", TRANSFERS, told, allowed=range(6))
    told.rows("note", "no-change", TRANSFERS, "transfer_type", "changes are said to be impossible", "dropped: people "
              "who walk there may still change", table["from_stop_id"].to_numpy()[kind == 3])  # fmt: skip
    table, kind = table[kind < 3], kind[kind < 3]
    a, b = (stops.index.get_indexer(pd.Index(table[c])) for c in ("from_stop_id", "to_stop_id"))
    seconds = numbers(table, "min_transfer_time", TRANSFERS, told)
    walk = _straight(stops, a, b) * DETOUR / WALK_M_S
    bare, unsaid = np.isnan(seconds), np.isnan(seconds) & (kind == 2)
    told.rows("error", "missing-value", TRANSFERS, "min_transfer_time", "changes say that they need time, and not how "
              "much", "taken as the walk between the stops", table["from_stop_id"].to_numpy()[unsaid])  # fmt: skip
    floor = np.where(kind == 1, 0, LEAST_S)
    seconds = np.where(bare, np.maximum(walk, floor), seconds)
    some = np.zeros(len(table), dtype=bool)
    for name in FOR_SOME:
        some |= (column(table, name) != "").to_numpy()
    frame = pd.DataFrame({"a": a, "b": b, "seconds": seconds, "some": some, "name": table["from_stop_id"].to_numpy()})
    frame = _sound(frame.assign(bare=bare, floor=floor), TRANSFERS, told)
    station = stops["kind"].to_numpy()[frame["a"]] == 1
    nothing = (frame["bare"] & (frame["floor"] > 0) & (frame["a"] == frame["b"])).to_numpy() & ~station
    told.rows("note", "change-of-no-time", TRANSFERS, "min_transfer_time", "changes from a stop to itself state no "
              "time", "dropped: they take what any change takes", frame["name"][nothing])  # fmt: skip
    frame = frame[~nothing].copy()
    # what holds for all first, and there the shortest; else the longest of what holds for some
    frame["rank"] = np.where(frame["some"], -frame["seconds"], frame["seconds"])
    frame = frame.sort_values(["a", "b", "some", "rank"], kind="stable")
    again = frame.duplicated(["a", "b"]).to_numpy()
    told.rows("note", "change-again", TRANSFERS, "from_stop_id", "changes between the same stops are there already",
              "dropped: what holds for all vehicles counts, the shortest", frame["name"][again])  # fmt: skip
    frame = frame[~again]
    told.rows("note", "change-of-some", TRANSFERS, "from_route_id", "changes hold for some vehicles only", "used for "
              "all, the longest", frame["name"][frame["some"]])  # fmt: skip
    return _at_stops(frame, stops), len(frame)


def _sound(frame: pd.DataFrame, file: str, told: Told) -> pd.DataFrame:
    """Drop changes between stops that are not there, and those of no possible time."""
    lost = ((frame["a"] < 0) | (frame["b"] < 0)).to_numpy()
    told.rows("error", "unknown-stop", file, "from_stop_id", "rows name a stop that is not there", "dropped",
              frame["name"][lost])  # fmt: skip
    seconds = frame["seconds"].to_numpy()
    bad = ~lost & ~((seconds >= 0) & (seconds <= LARGEST_SECONDS))
    told.rows("error", "change-time", file, "from_stop_id", "rows have a time below 0 or of days, or none and "
              "their stops no place", "dropped", frame["name"][bad])  # fmt: skip
    return frame[~lost & ~bad].copy()


def _straight(stops: pd.DataFrame, a: Ints, b: Ints) -> Floats:
    """Straight line between stops, metres; rows of unknown stops give anything."""
    globe = on_the_globe(stops[["lon", "lat"]].to_numpy())
    metres: Floats = np.linalg.norm(globe[a] - globe[b], axis=1)
    return metres


def _at_stops(frame: pd.DataFrame, stops: pd.DataFrame) -> pd.DataFrame:
    """Let changes of a station hold for each of its stops."""
    parent = stops.index.get_indexer(pd.Index(stops["parent"]))
    kind = stops["kind"].to_numpy()
    platforms: dict[int, list[int]] = {}
    for row in np.flatnonzero((parent >= 0) & (kind == 0)).tolist():
        platforms.setdefault(int(parent[row]), []).append(row)
    pairs = [
        (one, other, k)
        for k, (a, b) in enumerate(zip(frame["a"].tolist(), frame["b"].tolist(), strict=True))
        for one, other in itertools.product(platforms.get(a, [a]), platforms.get(b, [b]))
    ]
    one, other, k = np.array(pairs, dtype=np.int64).reshape(-1, 3).T
    seconds, floor, bare = (frame[c].to_numpy()[k] for c in ("seconds", "floor", "bare"))
    # where no time is stated it is the walk between the platforms, not that between their stations
    walk = np.maximum(_straight(stops, one, other) * DETOUR / WALK_M_S, floor)
    seconds = np.where(bare & ~np.isnan(walk), walk, seconds)
    keep = ~(bare & (floor > 0) & (one == other))
    found = pd.DataFrame({"a": one, "b": other, "seconds": np.rint(seconds).astype(np.int64)})
    return pd.DataFrame(found[keep].reset_index(drop=True))


def _pathways(tables: Tables, stops: pd.DataFrame, told: Told) -> tuple[pd.DataFrame, int]:
    table = tables.get("pathways")
    if table is None or not len(table):
        return NONE, 0
    a, b = (stops.index.get_indexer(pd.Index(table[c])) for c in ("from_stop_id", "to_stop_id"))
    seconds = numbers(table, "traversal_time", PATHWAYS, told)
    length = numbers(table, "length", PATHWAYS, told)
    metres = np.where(np.isnan(length), _straight(stops, a, b) * DETOUR, length)
    seconds = np.where(np.isnan(seconds), metres / WALK_M_S, seconds)
    both = codes(table, "is_bidirectional", PATHWAYS, told, allowed=(0, 1), otherwise=1) == 1
    frame = pd.DataFrame({"a": a, "b": b, "seconds": seconds, "both": both, "name": table["from_stop_id"].to_numpy()})
    frame = _sound(frame, PATHWAYS, told)
    back = frame[frame["both"]].rename(columns={"a": "b", "b": "a"})
    ways = pd.concat([frame, back]).groupby(["a", "b"])["seconds"].min().reset_index()
    if not len(ways):
        return NONE, 0
    return _through(ways, stops), len(frame)


def _through(ways: pd.DataFrame, stops: pd.DataFrame) -> pd.DataFrame:
    """Quickest way from each stop to each other stop through the ways of its station."""
    places, ends = np.unique(ways[["a", "b"]].to_numpy(), return_inverse=True)
    i, j = ends.reshape(-1, 2).T
    # a way of no time is a way still, which a sparse graph would take for none
    cost = np.maximum(ways["seconds"].to_numpy(dtype=np.float64), 1e-3)
    graph = sparse.csr_array((cost, (i, j)), shape=(len(places), len(places)))
    platforms = np.flatnonzero(stops["kind"].to_numpy()[places] == 0)
    parts = [NONE]
    for start in platforms.tolist():
        way = dijkstra(graph, indices=[start])[0, platforms]
        to = np.isfinite(way) & (platforms != start)
        seconds = np.rint(way[to]).astype(np.int64)
        parts.append(pd.DataFrame({"a": places[start], "b": places[platforms[to]], "seconds": seconds}))
    return pd.concat(parts, ignore_index=True)


def seated_of(tables: Tables, trips: pd.DataFrame, told: Told) -> pd.DataFrame:
    """Give pairs of trips ``a, b`` between which people may stay in the vehicle, or must leave it (``stay``)."""
    table = tables.get("transfers", pd.DataFrame({"transfer_type": []}, dtype=str))
    kind = column(table, "transfer_type")
    table, kind = table[kind.isin(["4", "5"])], kind[kind.isin(["4", "5"])]
    a, b = (trips.index.get_indexer(pd.Index(column(table, c))) for c in ("from_trip_id", "to_trip_id"))
    lost = (a < 0) | (b < 0)
    told.rows("error", "unknown-trip", TRANSFERS, "from_trip_id", "in-seat changes name a trip that is not there, or "
              "that was dropped", "dropped", column(table, "from_trip_id")[lost])  # fmt: skip
    frame = pd.DataFrame({"a": a, "b": b, "stay": (kind == "4").to_numpy()})[~lost]
    frame = frame.sort_values(["a", "b", "stay"], kind="stable")
    again = frame.duplicated(["a", "b"]).to_numpy()
    told.rows("error", "in-seat-again", TRANSFERS, "from_trip_id", "in-seat changes between two trips are there "
              "already", "dropped: people must leave where one says so",
              trips.index.to_numpy()[frame["a"].to_numpy()[again]])  # fmt: skip
    return frame[~again].reset_index(drop=True)
