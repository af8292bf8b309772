"""From searches to cells: what each source reaches among the points of cells, as whole seconds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from civigrid.kernels.search import UNREACHED, Graph, Int32s, Seeds, bucket_count, check, clear, room, search
from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)

HALF = 0.5 - 1e-9
"""Weight of a cell's points that must be reached; a little less than half, as weights are floats."""


class Attached(NamedTuple):
    """Points at nodes: ``point[starts[u]:starts[u + 1]]``, each with the cost `extra` from the node."""

    starts: Ints
    point: Int32s
    extra: Int32s


class Direct(NamedTuple):
    """Ways that touch no node: source ``i`` is `cost` away from ``point[starts[i]:starts[i + 1]]``."""

    starts: Ints
    point: Int32s
    cost: Int32s


class Cells(NamedTuple):
    """Points of cell ``c`` are ``starts[c]:starts[c + 1]``.

    `row` cell of each point; `weight` its weight; `least` the least cost it may have; `slack`, shape (cell,), how far
    beyond the limit a point of the cell still counts.
    """

    starts: Ints
    row: Int32s
    weight: Floats
    least: Int32s
    slack: Int32s


class Gathered(NamedTuple):
    """Cells of source ``i``: ``row[starts[i]:starts[i + 1]]`` at `seconds`; `partly` pairs lack some weight."""

    starts: Ints
    row: Int32s
    seconds: Int32s
    partly: int


@_jit
def half_up(cost):  # type: ignore[no-untyped-def]
    """Whole seconds of deciseconds, half of one rounded up; a millionth is for means of floats."""
    return np.int32(np.floor((cost + 5.000001) / 10.0))


@_jit
def _note(point, cost, most, best, row, seen, near, n):  # type: ignore[no-untyped-def]
    """Keep the smallest cost of a point, and list its cell once."""
    if cost <= most and cost < best[point]:
        best[point] = cost
        cell = row[point]
        if not seen[cell]:
            seen[cell] = True
            near[n] = cell
            n += 1
    return n


@_jit
def _mean(cell, cells, last, best):  # type: ignore[no-untyped-def]
    """Mean cost of a cell's points up to `last`, and their weight; their costs are forgotten."""
    starts, _, weight, least, _ = cells
    some, total, missing = 0.0, 0.0, False
    for p in range(starts[cell], starts[cell + 1]):
        if best[p] <= last:
            some += weight[p]
            total += weight[p] * max(best[p], least[p])
        elif weight[p] > 0:
            missing = True
        best[p] = UNREACHED
    return total / some if some > 0 else np.inf, some, missing


@_jit
def _gather(graph, seeds, attached, direct, cells, first, stop, limit, bound, buckets):  # type: ignore[no-untyped-def]
    starts, seed_node, seed_cost = seeds
    at, at_point, extra = attached
    on, on_point, on_cost = direct
    space = room(len(graph[0]) - 1, len(graph[1]), 2 + len(seed_node), buckets)
    dist, _, _, reached = space
    best = np.full(len(cells[1]), UNREACHED, dtype=np.int32)
    seen = np.zeros(len(cells[4]), dtype=np.bool_)
    near = np.empty(len(cells[4]), dtype=np.int32)
    begin = np.zeros(stop - first + 1, dtype=np.int64)
    row, seconds = np.empty(1024, dtype=np.int32), np.empty(1024, dtype=np.int32)
    total = partly = 0
    for i in range(first, stop):
        some = slice(starts[i], starts[i + 1])
        n = search(graph, seed_node[some], seed_cost[some], bound, space)
        m = 0
        for j in range(n):
            u = reached[j]
            for k in range(at[u], at[u + 1]):
                m = _note(at_point[k], dist[u] + extra[k], bound, best, cells[1], seen, near, m)
        for k in range(on[i], on[i + 1]):
            m = _note(on_point[k], on_cost[k], bound, best, cells[1], seen, near, m)
        clear(n, space)
        if total + m > len(row):
            row = np.concatenate((row, np.empty(total + m, dtype=np.int32)))
            seconds = np.concatenate((seconds, np.empty(total + m, dtype=np.int32)))
        for j in range(m):
            cell = near[j]
            seen[cell] = False
            cost, weight, missing = _mean(cell, cells, 10 * limit + 4 + cells[4][cell], best)
            if weight >= HALF and cost < 10 * limit + 4.999999:
                row[total], seconds[total] = cell, half_up(cost)
                total += 1
                partly += missing
        begin[i - first + 1] = total
    return begin, row[:total].copy(), seconds[:total].copy(), partly


def gather(
    graph: Graph, seeds: Seeds, attached: Attached, direct: Direct, cells: Cells, limit: int, first: int, stop: int
) -> Gathered:
    """Search from sources `first` to `stop` and give the cells they reach.

    Parameters
    ----------
    graph : Graph
        Edges with costs in deciseconds, at least 1; reversed, where ways lead to the sources.
    seeds : Seeds
        Where each source begins.
    attached : Attached
        Points at the nodes.
    direct : Direct
        Ways from sources to points along one street; the shorter way counts.
    cells : Cells
        Points of cells, ascending, their weights, shape (point,), summing to 1 in each cell.
    limit : int
        Longest time, seconds.
    first, stop : int
        A range of sources.

    Returns
    -------
    Gathered
        The weighted mean over a cell's points that are reached within the limit and the cell's slack, if they hold at
        least half of its weight; rounded once, half up.  The same for any range the source lies in.

    Raises
    ------
    ValueError
        An edge costs less than 1, or a seed less than 0.

    Examples
    --------
    A street of two nodes, 4 seconds long, with a cell at either end and a source at the first:

    >>> def whole(*values): return np.array(values, np.int32)
    >>> graph = Graph(np.array([0, 1, 2]), whole(1, 0), whole(40, 40))
    >>> seeds = Seeds(np.array([0, 1]), whole(0), whole(5))
    >>> attached = Attached(np.array([0, 1, 2]), whole(0, 1), whole(0, 0))
    >>> direct = Direct(np.array([0, 0]), whole(), whole())
    >>> cells = Cells(np.array([0, 1, 2]), whole(0, 1), np.ones(2), whole(0, 0), whole(0, 0))
    >>> found = gather(graph, seeds, attached, direct, cells, 10, 0, 1)
    >>> found.row.tolist(), found.seconds.tolist()
    ([0, 1], [1, 5])
    """
    check(graph, seeds)
    bound = min(10 * limit + 4 + int(cells.slack.max(initial=0)), UNREACHED - 1)
    buckets = bucket_count(graph.cost, seeds.cost, bound)
    found = _gather(
        tuple(graph), tuple(seeds), tuple(attached), tuple(direct), tuple(cells), first, stop, limit, bound, buckets
    )
    return Gathered(*found)


@_jit
def _transpose(order, starts, row, seconds, indptr, site_out, seconds_out):  # type: ignore[no-untyped-def]
    """Put one block's pairs at the next place of their rows; columns must come in ascending order."""
    at = indptr[:-1].copy()
    for site in range(len(order)):
        i = order[site]
        if i < 0:
            continue
        for k in range(starts[i], starts[i + 1]):
            place = at[row[k]]
            site_out[place], seconds_out[place] = site, seconds[k]
            at[row[k]] += 1


def rows_of(found: list[Gathered], number: Ints, cells: int) -> tuple[Ints, Int32s, Int32s]:
    """Put what blocks of sources found into rows of cells.

    Parameters
    ----------
    found : list of Gathered
        Blocks of sources, one after the other.
    number : ndarray of int64, shape (site,)
        Number of the source that stands for each site among all blocks; -1 where there is none.
    cells : int
        Number of cells.

    Returns
    -------
    indptr : ndarray of int64, shape (cell + 1,)
        Where each cell's pairs begin.
    site, seconds : ndarray of int32, shape (pair,)
        Sites, ascending within a cell, and times.

    Examples
    --------
    >>> block = Gathered(np.array([0, 2]), np.array([1, 0], np.int32), np.array([5, 7], np.int32), 0)
    >>> [part.tolist() for part in rows_of([block], np.array([0]), 2)]
    [[0, 1, 2], [0, 0], [7, 5]]
    """
    none = np.empty(0, dtype=np.int32)
    row = np.concatenate([none, *(part.row for part in found)])
    seconds = np.concatenate([none, *(part.seconds for part in found)])
    counts = np.concatenate([np.zeros(1, np.int64), *(np.diff(part.starts) for part in found)])
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=cells))]).astype(np.int64)
    site_out, seconds_out = np.empty_like(row), np.empty_like(seconds)
    _transpose(number, np.cumsum(counts), row, seconds, indptr, site_out, seconds_out)
    return indptr, site_out, seconds_out
