"""The way of one pair over the streets, vertex by vertex, to explain a time or to draw it; only on demand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from civigrid.errors import CivigridError
from civigrid.kernels.search import UNREACHED, Seeds, settled
from civigrid.travel.graph import StreetGraph
from civigrid.travel.snap import Snapped
from civigrid.travel.street_search import along_chain, plain, seeds_of
from civigrid.travel.street_times import StreetOptions, snapped
from civigrid.types import Floats, Ints

ROUNDED = 2
"""Deciseconds by which sums of rounded parts of an edge may differ from the edge."""


class Way(NamedTuple):
    """A way: `place`, shape (vertex, 2), degrees, from door to door; `seconds`, shape (vertex,), since the first."""

    place: Floats
    seconds: Ints


def street_path(
    graph: StreetGraph,
    origin: tuple[float, float],
    site: tuple[float, float],
    *,
    options: StreetOptions | None = None,
) -> Way:
    """Find the quickest way from one place to another.

    Parameters
    ----------
    graph : StreetGraph
        Streets of one mode.
    origin, site : tuple of float
        Longitude and latitude, degrees.
    options : StreetOptions, optional
        Access to the streets.

    Returns
    -------
    Way
        The last of its seconds is what `street_times` says for a cell with this one point; of ways equally quick, the
        one through lower node numbers.

    Raises
    ------
    CivigridError
        A place is too far from any street, or no way leads there.

    Examples
    --------
    >>> place = np.array([[0.0, 0.0], [0.01, 0.0]])
    >>> ends, zero = np.array([[0, 0], [1, 1]], np.int32), np.zeros((2, 2), np.int32)
    >>> graph = StreetGraph(mode="walk", node_place=place, indptr=np.array([0, 1, 2]), head=np.array([1, 0], np.int32),
    ...     cost=np.array([8340, 8340], np.int32), component=zero[0], spot_place=place, spot_node=ends, spot_to=zero,
    ...     spot_from=zero, spot_chain=zero[0] - 1)
    >>> way = street_path(graph, (0.0, 0.001), (0.01, 0.0))
    >>> way.seconds
    array([  0,  83, 917])
    """
    options = options or StreetOptions()
    place = np.array([origin, site], dtype=np.float64)
    on = snapped(graph, place, options)
    for where, metres, lost in zip((origin, site), on.metres, on.beyond, strict=True):
        if lost:
            raise CivigridError(
                f"{where} lies {metres:.0f} m from any street, farther than {options.snap_limit_m:g} m. Raise "
                "snap_limit_m, or give a place nearer to a street."
            )
    walk = on.walk_ds(options.access_kmh)
    along, since = _way(_Streets(graph), on)
    vertices = np.concatenate([place[:1], along, place[1:]])
    cost = np.concatenate([[0], since + walk[0], [since[-1] + walk[0] + walk[1]]])
    # a place that is itself a spot stands once
    new = np.append(True, (np.diff(vertices, axis=0) != 0).any(axis=1) | (np.diff(cost) > 0))
    return Way(vertices[new], (cost[new] + 5) // 10)


class _Streets:
    """Streets with their spots by chain, and by the lower of their nodes."""

    def __init__(self, graph: StreetGraph) -> None:
        self.graph = graph
        self.place, self.node = np.asarray(graph.spot_place), np.asarray(graph.spot_node)
        self.node_from = np.asarray(graph.spot_node_from)
        self.to, self.back = np.asarray(graph.spot_to, np.int64), np.asarray(graph.spot_from, np.int64)
        self.chain = np.asarray(graph.spot_chain)
        self.inner = np.flatnonzero(self.chain >= 0)
        # a chain leads from a node of its own to another: spots are found by the lower of the two, by either direction
        low = np.minimum(self.node_from[self.inner], self.node[self.inner, ::-1])
        self.inner, self.end = self.inner.repeat(2), np.tile([0, 1], len(self.inner))
        order = np.argsort(low.ravel(), kind="stable")
        self.inner, self.end, self.low = self.inner[order], self.end[order], low.ravel()[order]

    def on_chain(self, spot: int) -> Ints:
        """Spots of the chain of a spot; that spot alone where it is a node."""
        return np.flatnonzero(self.chain == self.chain[spot]) if self.chain[spot] >= 0 else np.array([spot])

    def along_edge(self, tail: int, head: int, cost: int) -> tuple[Ints, Ints]:
        """Spots within an edge, in order, and the deciseconds to each: those of the chain that costs the same."""
        first, last = np.searchsorted(self.low, [min(tail, head), min(tail, head) + 1])
        some, end = self.inner[first:last], self.end[first:last]
        use = (self.node_from[some, end] == tail) & (self.node[some, 1 - end] == head)
        use &= (self.back[some, end] >= 0) & (self.to[some, 1 - end] >= 0)
        some, end = some[use], end[use]
        off = np.abs(self.back[some, end] + self.to[some, 1 - end] - cost)
        rows = np.column_stack([off, self.chain[some], self.back[some, end], some])[off <= ROUNDED]
        if len(rows):
            rows = rows[np.lexsort(rows.T[::-1])]
            rows = rows[rows[:, 1] == rows[0, 1]]
            rows = rows[np.argsort(rows[:, 2], kind="stable")]
        return rows[:, 3], rows[:, 2]


def _way(streets: _Streets, on: Snapped) -> tuple[Floats, Ints]:
    """Vertices of the way between two spots, and the deciseconds to each."""
    one, other = int(on.spot[0]), int(on.spot[1])
    both = seeds_of(streets.graph, on, np.zeros(2, dtype=np.int32))
    seeds = Seeds(both.starts[1:] - both.starts[1], both.node[both.starts[1] :], both.cost[both.starts[1] :])
    found = settled(plain(streets.graph.reversed()), seeds)
    left = np.full(len(streets.graph.node_place), -1, dtype=np.int64)
    left[found.node] = found.cost
    beside = one == other or streets.chain[one] == streets.chain[other] >= 0
    direct = int(along_chain(streets.graph, on.spot[:1], on.spot[1:])[0]) if beside else -1
    out, there = streets.to[one], left[streets.node[one]]
    total, end = min((int(out[e] + there[e]) if min(out[e], there[e]) >= 0 else UNREACHED, e) for e in (0, 1))
    if direct < 0 and total == UNREACHED:
        raise CivigridError("no way leads from the one place to the other: their streets are not joined.")
    if 0 <= direct <= total:
        return _between(streets, one, other, direct)
    return _over_nodes(streets, one, end, other, left)


def _between(streets: _Streets, one: int, other: int, direct: int) -> tuple[Floats, Ints]:
    """Vertices from one spot to another of its chain."""
    spots = streets.on_chain(one)
    spots = spots[(spots != one) & (spots != other)]
    there = along_chain(streets.graph, np.full(len(spots), one), spots)
    onward = along_chain(streets.graph, spots, np.full(len(spots), other))
    use = (there >= 0) & (onward >= 0) & (there <= direct) & (there + onward <= direct + ROUNDED)
    spots = spots[use][np.argsort(there[use], kind="stable")]
    since = np.concatenate([[0], np.sort(there[use]), [direct]])
    return streets.place[np.concatenate([[one], spots, [other]])], since


def _over_nodes(streets: _Streets, one: int, end: int, other: int, left: Ints) -> tuple[Floats, Ints]:
    """Vertices from a spot by an end of its chain, from node to node, to another spot."""
    graph = streets.graph
    first = streets.on_chain(one)
    # of spots at the same cost as the first, none lies between it and the end for certain
    first = first[(streets.to[first, end] >= 0) & (streets.to[first, end] < streets.to[one, end])]
    first = first[np.argsort(-streets.to[first, end], kind="stable")]
    now, node = int(streets.to[one, end]), int(streets.node[one, end])
    places, since = [streets.place[[one, *first]]], [now - streets.to[[one, *first], end]]
    while (last := _last_end(streets, other, node, int(left[node]))) < 0:
        some = slice(graph.indptr[node], graph.indptr[node + 1])
        head, length = np.asarray(graph.head[some]), np.asarray(graph.cost[some])
        edge = np.flatnonzero((left[head] >= 0) & (length + left[head] == left[node]))[0]
        spots, cost = streets.along_edge(node, int(head[edge]), int(length[edge]))
        places += [graph.node_place[[node]], streets.place[spots]]
        since += [np.array([now]), now + cost]
        now, node = now + int(length[edge]), int(head[edge])
    spots = streets.on_chain(other)
    spots = spots[(streets.back[spots, last] >= 0) & (streets.back[spots, last] < streets.back[other, last])]
    spots = np.append(spots[np.argsort(streets.back[spots, last], kind="stable")], other)
    places += [graph.node_place[[node]], streets.place[spots]]
    since += [np.array([now]), now + streets.back[spots, last]]
    return np.concatenate(places), np.concatenate(since)


def _last_end(streets: _Streets, spot: int, node: int, left: int) -> int:
    """End of the spot's chain where the way leaves the nodes; -1 if it goes on."""
    for end in (0, 1):
        if streets.node_from[spot, end] == node and streets.back[spot, end] == left:
            return end
    return -1
