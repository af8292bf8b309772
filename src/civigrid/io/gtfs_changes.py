"""Changes that a feed states: transfers between stops, ways through stations, and staying in the vehicle."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from civigrid.io.gtfs_tables import Tables
from civigrid.io.gtfs_values import Told, column, numbers
from civigrid.travel.places import on_the_globe

WALK_M_S = 4.8 / 3.6 / 1.3
"""Where a transfer states no time: 4.8 km/h over a straight line times 1.3."""
TRANSFERS, PATHWAYS = "transfers.txt", "pathways.txt"


def changes_of(tables: Tables, stops: pd.DataFrame, told: Told) -> pd.DataFrame:
    """Give stated changes ``a, b, seconds`` between stops; of several for a pair the shortest.

    Transfers of type 0 and 1 without a time take the walk between the stops; type 2 its ``min_transfer_time``; those of
    a station count for all of its stops.  Type 3 (no change possible) cannot be said to the search and is told.
    Pathways of a station become changes between its stops, by the quickest way through it.
    """
    parts = [_transfers(tables, stops, told), _pathways(tables, stops, told)]
    found = pd.concat(parts, ignore_index=True).astype(np.int64)
    least = found.groupby(["a", "b"])["seconds"].min()
    return least.reset_index()


def _transfers(tables: Tables, stops: pd.DataFrame, told: Told) -> pd.DataFrame:
    table = tables.get("transfers")
    if table is None or not len(table):
        return pd.DataFrame({"a": [], "b": [], "seconds": []})
    kind = column(table, "transfer_type").replace("", "0")
    table, kind = table[~kind.isin(["4", "5"])], kind[~kind.isin(["4", "5"])]
    told.rows("note", "no-change", TRANSFERS, "transfer_type", "changes are said to be impossible", "not used: people "
              "who walk there may still change", table["from_stop_id"][kind == "3"])  # fmt: skip
    for name in ("from_route_id", "from_trip_id"):
        some = column(table, name) != ""
        told.rows("note", "change-of-route", TRANSFERS, name, "changes hold for some vehicles only", "used for all",
                  table["from_stop_id"][some & (kind != "3")])  # fmt: skip
    table, kind = table[kind != "3"], kind[kind != "3"]
    a, b = (stops.index.get_indexer(pd.Index(table[c])) for c in ("from_stop_id", "to_stop_id"))
    lost = (a < 0) | (b < 0)
    told.rows("error", "unknown-stop", TRANSFERS, "from_stop_id", "changes name a stop that is not there", "dropped",
              table["from_stop_id"].to_numpy()[lost])  # fmt: skip
    seconds = numbers(table, "min_transfer_time", TRANSFERS, told)
    bad = seconds < 0
    told.rows("error", "change-time", TRANSFERS, "min_transfer_time", "times are negative", "dropped",
              table["from_stop_id"].to_numpy()[bad & ~lost])  # fmt: skip
    globe = on_the_globe(stops[["lon", "lat"]].to_numpy())
    walk = np.linalg.norm(globe[a] - globe[b], axis=1) / WALK_M_S
    seconds = np.where(np.isnan(seconds), walk, seconds)
    use = ~lost & ~bad & np.isfinite(seconds)
    rows = [
        (one, other, round(s))
        for i, j, s in zip(a[use], b[use], seconds[use], strict=True)
        for one, other in itertools.product(_stops_of(int(i), stops), _stops_of(int(j), stops))
    ]
    return pd.DataFrame(rows, columns=["a", "b", "seconds"])


def _stops_of(row: int, stops: pd.DataFrame) -> list[int]:
    """A stop itself; of a station its stops."""
    if stops["kind"].iloc[row] != 1:
        return [row]
    return np.flatnonzero(((stops["parent"] == stops.index[row]) & (stops["kind"] == 0)).to_numpy()).tolist() or [row]


def _pathways(tables: Tables, stops: pd.DataFrame, told: Told) -> pd.DataFrame:
    from scipy import sparse
    from scipy.sparse.csgraph import dijkstra

    table = tables.get("pathways")
    if table is None or not len(table):
        return pd.DataFrame({"a": [], "b": [], "seconds": []})
    a, b = (stops.index.get_indexer(pd.Index(table[c])) for c in ("from_stop_id", "to_stop_id"))
    lost = (a < 0) | (b < 0)
    told.rows("error", "unknown-stop", PATHWAYS, "from_stop_id", "ways name a place that is not there", "dropped",
              table["from_stop_id"].to_numpy()[lost])  # fmt: skip
    seconds = numbers(table, "traversal_time", PATHWAYS, told)
    length = numbers(table, "length", PATHWAYS, told)
    globe = on_the_globe(stops[["lon", "lat"]].to_numpy())
    straight = np.linalg.norm(globe[a] - globe[b], axis=1)
    seconds = np.where(np.isnan(seconds), np.where(np.isnan(length), straight * 1.3, length) * 3.6 / 4.8, seconds)
    use = ~lost & np.isfinite(seconds) & (seconds >= 0)
    both = (column(table, "is_bidirectional") != "0").to_numpy()
    i, j = np.concatenate([a[use], b[use & both]]), np.concatenate([b[use], a[use & both]])
    # a way of no time is a way still, which a sparse graph would take for none
    cost = np.maximum(np.concatenate([seconds[use], seconds[use & both]]), 1e-3)
    order = np.lexsort((cost, j, i))
    i, j, cost = i[order], j[order], cost[order]
    first = np.ones(len(i), dtype=bool)
    first[1:] = (i[1:] != i[:-1]) | (j[1:] != j[:-1])
    n = len(stops)
    graph = sparse.csr_array((cost[first], (i[first], j[first])), shape=(n, n))
    ends = np.unique(np.concatenate([i, j]))
    ends = ends[(stops["kind"].to_numpy()[ends]) == 0]
    rows: list[tuple[int, int, int]] = []
    for start in ends.tolist():
        way = dijkstra(graph, indices=start)
        rows += [(start, int(k), round(float(way[k]))) for k in ends if k != start and np.isfinite(way[k])]
    return pd.DataFrame(rows, columns=["a", "b", "seconds"])


def seated_of(tables: Tables, trips: pd.DataFrame, told: Told) -> pd.DataFrame:
    """Give pairs of trips ``a, b`` between which people may stay in the vehicle (transfers of type 4)."""
    table = tables.get("transfers")
    empty = pd.DataFrame({"a": np.empty(0, dtype=np.int64), "b": np.empty(0, dtype=np.int64)})
    if table is None or not len(table) or "from_trip_id" not in table:
        return empty
    table = table[column(table, "transfer_type") == "4"]
    a, b = (trips.index.get_indexer(pd.Index(column(table, c))) for c in ("from_trip_id", "to_trip_id"))
    lost = (a < 0) | (b < 0)
    told.rows("error", "unknown-trip", TRANSFERS, "from_trip_id", "in-seat changes name a trip that is not there",
              "dropped", column(table, "from_trip_id")[lost])  # fmt: skip
    return pd.DataFrame({"a": a[~lost], "b": b[~lost]})
