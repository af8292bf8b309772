"""Small streets, and a plain shortest-path search over their vertices, for tests."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pyproj
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from civigrid.travel.graph import NO_WAY, StreetGraph
from civigrid.travel.lines import StreetLines, Turn
from civigrid.travel.modes import Speeds
from civigrid.travel.uses import use_of

ROAD = {"highway": "residential"}
ONE_WAY = {"highway": "residential", "oneway": "yes"}
ORIGIN = (8.0, 49.0)
PER_M = (1 / 73_172.77, 1 / 111_199.27)
"""Degrees of longitude and latitude by metre at the origin, about."""


def same(one: StreetGraph, other: StreetGraph) -> bool:
    """Whether two graphs are equal in every array."""
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(StreetGraph))


def at_m(xy) -> np.ndarray:
    """Longitude and latitude of places given in metres east and north of the origin."""
    return np.array(ORIGIN) + np.asarray(xy, dtype=float) * PER_M


def streets(xy, ways, *, barriers=None, turns=()) -> StreetLines:
    """Streets between places in metres; `ways` are (vertices, tags) or (vertices, tags, id)."""
    kinds = [dict(way[1]) for way in ways]
    shut = barriers or {}
    return StreetLines(
        place=at_m(xy),
        vertex_id=np.arange(len(xy)) + 100,
        indptr=np.concatenate([[0], np.cumsum([len(way[0]) for way in ways])]),
        vertex=np.array([v for way in ways for v in way[0]], dtype=np.int64),
        way_id=np.array([way[2] if len(way) > 2 else k for k, way in enumerate(ways)], dtype=np.int64),
        kind=np.arange(len(ways)),
        kinds=tuple(kinds),
        barrier=np.array(sorted(shut), dtype=np.int64),
        barriers=tuple(shut[v] for v in sorted(shut)),
        turns=tuple(Turn(k, *turn) for k, turn in enumerate(turns)),
    )


def plain_times(lines: StreetLines, mode: str, sources, speeds=None):
    """Deciseconds from vertices to all vertices along the streets as drawn, and the tree, by scipy's Dijkstra."""
    geod = pyproj.Geod(ellps="WGS84")
    uses = [use_of(tags, mode, speeds or Speeds()) for tags in lines.kinds]
    way = np.repeat(np.arange(len(lines.way_id)), np.diff(lines.indptr))
    k = np.flatnonzero(way[:-1] == way[1:])
    u, v, kind = lines.vertex[k], lines.vertex[k + 1], lines.kind[way[k]]
    length = geod.inv(*lines.place[u].T, *lines.place[v].T)[2]
    tail, head, cost = [], [], []
    for a, b, field in ((u, v, 0), (v, u, 1)):
        kmh = np.array([use[field] for use in uses])[kind]
        is_open = (kmh > 0) & (u != v)
        tail.append(a[is_open])
        head.append(b[is_open])
        cost.append(36 * length[is_open] / kmh[is_open])
    tail, head, cost = map(np.concatenate, (tail, head, cost))
    # scipy adds parallel edges up: keep the quickest; nought means no edge to it
    order = np.lexsort((cost, head, tail))
    first = np.unique(tail[order] * len(lines.place) + head[order], return_index=True)[1]
    rows = order[first]
    n = len(lines.place)
    matrix = coo_array((np.maximum(cost[rows], 1e-9), (tail[rows], head[rows])), shape=(n, n)).tocsr()
    return dijkstra(matrix, indices=sources, return_predecessors=True)


def node_times(graph: StreetGraph, sources):
    """Deciseconds from nodes to all nodes of a compact graph, and the tree."""
    n = len(graph.node_place)
    tail = np.repeat(np.arange(n), np.diff(graph.indptr))
    matrix = coo_array((graph.cost.astype(float), (tail, graph.head)), shape=(n, n)).tocsr()
    return dijkstra(matrix, indices=sources, return_predecessors=True)


def spot_times(graph: StreetGraph, source: int) -> np.ndarray:
    """Deciseconds from one spot to all spots; those on its own chain are reached by way of the chain's ends only."""
    starts, to = graph.spot_node[source], graph.spot_to[source]
    best = np.full(len(graph.node_place), np.inf)
    for end in (0, 1):
        if to[end] != NO_WAY:
            best = np.minimum(best, to[end] + node_times(graph, starts[end])[0])
    off = np.where(graph.spot_from == NO_WAY, np.inf, graph.spot_from)
    return np.min(best[graph.spot_node_from] + off, axis=1)


def hops(tree: np.ndarray, times: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """How many counted vertices lie on the way to each vertex."""
    along = np.zeros(len(times))
    for v in np.argsort(times, kind="stable"):
        if tree[v] >= 0 and np.isfinite(times[v]):
            along[v] = along[tree[v]] + counts[v]
    return along
