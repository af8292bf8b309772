"""What a search over streets needs, as plain arrays: ways on and off the streets, and blocks of sites as pieces."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from civigrid.engine import Scheduler
from civigrid.engine.arrays import map_shared
from civigrid.kernels.counting import counting_order
from civigrid.kernels.gather import Attached, Cells, Direct, Gathered, bound_of, gather
from civigrid.kernels.search import Buckets, Graph, Int32s, Seeds, buckets_for, graph_of
from civigrid.travel.graph import StreetGraph
from civigrid.travel.places import Origins, on_the_globe
from civigrid.travel.snap import Snapped
from civigrid.types import Bools, Floats, Ints

R = TypeVar("R")


class Work(NamedTuple):
    """All that a block of sites needs: the reversed streets, where sites begin, points and their cells."""

    graph: Graph
    seeds: Seeds
    attached: Attached
    direct: Direct
    cells: Cells


def run(
    function: Callable[[Work, int, int], R],
    work: Work,
    pieces: list[tuple[int, int]],
    *,
    scheduler: Scheduler | None = None,
    done: Callable[[int], None] | None = None,
) -> list[R]:
    """Apply `function` to ranges of sources, in their order; `done` is told, now and then, how many are done."""
    return map_shared(functools.partial(_on_range, function), work, pieces, scheduler, done=done)


def blocks(first: int, stop: int, size: int) -> list[tuple[int, int]]:
    """Cut a range into ranges.

    >>> blocks(0, 5, 2)
    [(0, 2), (2, 4), (4, 5)]
    """
    return [(at, min(at + size, stop)) for at in range(first, stop, size)]


def _on_range(function: Callable[[Work, int, int], R], work: Work, piece: tuple[int, int]) -> R:
    return function(work, *piece)


def gathering(limit_s: int, work: Work) -> Callable[[Work, int, int], Gathered]:
    """Give the function that finds the cells which a block of sites reaches within the limit."""
    return functools.partial(_gathered, limit_s, buckets_for(work.graph, work.seeds, bound_of(work.cells, limit_s)))


def _gathered(limit_s: int, buckets: Buckets, work: Work, first: int, stop: int) -> Gathered:
    return gather(*work, limit=limit_s, first=first, stop=stop, buckets=buckets)


def plain(graph: StreetGraph) -> Graph:
    """Streets as the kernels take them."""
    return graph_of(graph.indptr, graph.head, graph.cost)


def _ends(graph: StreetGraph, on: Snapped, nodes: Int32s, cost: Int32s, walk: Int32s) -> tuple[Ints, Int32s, Int32s]:
    """Give place, node and cost of every way between places and the ends of their chains, shape (way,) each."""
    place = np.flatnonzero(~on.beyond)
    spot = on.spot[place]
    ways = np.asarray(cost)[spot]
    use = ways >= 0
    # a spot that is a node has both its ends there
    use[:, 1] &= np.asarray(graph.spot_chain)[spot] >= 0
    which, end = np.nonzero(use)
    node = np.asarray(nodes)[spot[which], end]
    return place[which], node.astype(np.int32), (ways[which, end] + walk[place[which]]).astype(np.int32)


def seeds_of(graph: StreetGraph, sites: Snapped, walk: Int32s) -> Seeds:
    """Where the search for ways *to* each site begins, on the reversed graph."""
    site, node, cost = _ends(graph, sites, graph.spot_node_from, graph.spot_from, walk)
    starts = np.searchsorted(site, np.arange(len(sites.spot) + 1)).astype(np.int64)
    return Seeds(starts, node, cost)


def attached_to(graph: StreetGraph, origins: Snapped, walk: Int32s) -> Attached:
    """Points people set out from, at the nodes they come to first."""
    point, node, extra = _ends(graph, origins, graph.spot_node, graph.spot_to, walk)
    order, starts = counting_order(node, len(graph.node_place))
    return Attached(starts, point[order].astype(np.int32), extra[order])


def direct_ways(graph: StreetGraph, origins: Snapped, origin_walk: Int32s, sites: Snapped, site_walk: Int32s) -> Direct:
    """Ways from points to sites on the same chain, which need touch no node."""
    chain = np.append(np.asarray(graph.spot_chain), -1)
    of_point, of_site = chain[origins.spot], chain[sites.spot]
    order = np.argsort(of_point, kind="stable")
    first = np.searchsorted(of_point[order], of_site)
    count = np.where(of_site >= 0, np.searchsorted(of_point[order], of_site, side="right") - first, 0)
    site = np.repeat(np.arange(len(of_site)), count)
    nth = np.arange(len(site)) - np.repeat(np.cumsum(count) - count, count)
    point = order[first[site] + nth]
    cost = along_chain(graph, origins.spot[point], sites.spot[site])
    use = cost >= 0
    total = (cost + origin_walk[point] + site_walk[site])[use].astype(np.int32)
    starts = np.searchsorted(site[use], np.arange(len(of_site) + 1)).astype(np.int64)
    return Direct(starts, point[use].astype(np.int32), total)


def along_chain(graph: StreetGraph, one: Ints, other: Ints) -> Ints:
    """Deciseconds from one spot to another of the same chain, along it, shape (pair,); -1 where one-way forbids.

    The way is the part of the way to (or from) an end that the other spot has not, whichever is known.
    """
    ahead, behind = np.asarray(graph.spot_to, np.int64), np.asarray(graph.spot_from, np.int64)
    best = np.full(len(one), -1, dtype=np.int64)
    for end in (0, 1):
        for longer, shorter in ((ahead[one, end], ahead[other, end]), (behind[other, end], behind[one, end])):
            way = np.where((longer >= 0) & (shorter >= 0), longer - shorter, -1)
            best = np.where((way >= 0) & ((best < 0) | (way < best)), way, best)
    return best


def cells_with(origins: Origins, least: Int32s, across_kmh: float) -> Cells:
    """Points of cells for the kernel; a point counts if it is no farther beyond the limit than its cell is wide."""
    n = len(origins.cell_id)
    starts = np.searchsorted(origins.row, np.arange(n + 1)).astype(np.int64)
    width = np.floor(_widths(origins, starts) * 36 / across_kmh + 0.5)
    return Cells(starts, origins.row.astype(np.int32), origins.weight, least, width.astype(np.int32))


def _widths(origins: Origins, starts: Ints) -> Floats:
    """Diagonal of the box around the points of each cell, metres, shape (cell,); 0 for a point alone."""
    width = np.zeros(len(origins.cell_id))
    many: Bools = np.diff(starts) > 1
    if many.any():
        use = many[origins.row]
        at, begin = on_the_globe(origins.place[use]), np.searchsorted(origins.row[use], np.flatnonzero(many))
        span = np.maximum.reduceat(at, begin) - np.minimum.reduceat(at, begin)
        width[many] = np.linalg.norm(span, axis=1)
    return width
