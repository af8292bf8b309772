"""From searches to cells: what each source reaches among the points of cells, as whole seconds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from civigrid.kernels.search import UNREACHED, Buckets, Graph, Int32s, Seeds, buckets_for, enlarged, room, search
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
def _near(n, space, attached, some, direct, bound, best, near):  # type: ignore[no-untyped-def]
    """List the points that a search, or a direct way, reaches within the bound; their smallest costs go to `best`.

    The costs of the nodes are forgotten.
    """
    dist, _, _, reached = space
    at, at_point, extra = attached
    m = 0
    for j in range(n):
        u = reached[j]
        cost = dist[u]
        dist[u] = UNREACHED
        for k in range(at[u], at[u + np.uint32(1)]):
            p, d = at_point[k], cost + extra[k]
            if d <= bound and d < best[p]:
                if best[p] == UNREACHED:
                    near[m] = p
                    m += 1
                best[p] = d
    for k in range(some.start, some.stop):
        p, d = direct[1][k], direct[2][k]
        if d <= bound and d < best[p]:
            if best[p] == UNREACHED:
                near[m] = p
                m += 1
            best[p] = d
    return m


@_jit
def _mean(cell, cells, last, best):  # type: ignore[no-untyped-def]
    """Mean cost of a cell's points up to `last`, whether half of the weight is reached, and whether some is missing."""
    starts, _, weight, least, _ = cells
    some, total, missing = 0.0, 0.0, False
    for p in range(starts[cell], starts[cell + 1]):
        if best[p] <= last:
            some += weight[p]
            total += weight[p] * max(best[p], least[p])
        elif weight[p] > 0:
            missing = True
        best[p] = UNREACHED
    return (total / some if some > 0 else 0.0), some >= HALF, missing


@_jit
def _gather(graph, seeds, attached, direct, cells, first, stop, limit, bound, count, shift):  # type: ignore[no-untyped-def]
    starts, seed_node, seed_cost = seeds
    cell_of, slack = cells[1], cells[4]
    space = room(len(graph[0]) - 1, count)
    best = np.full(len(cell_of), UNREACHED, dtype=np.int32)
    near = np.empty(len(cell_of), dtype=np.int32)
    begin = np.zeros(stop - first + 1, dtype=np.int64)
    row, seconds = np.empty(1024, dtype=np.int32), np.empty(1024, dtype=np.int32)
    total = partly = 0
    for i in range(first, stop):
        some = slice(starts[i], starts[i + 1])
        n, space = search(graph, seed_node[some], seed_cost[some], bound, shift, space)
        m = _near(n, space, attached, slice(direct[0][i], direct[0][i + 1]), direct, bound, best, near)
        row, seconds = enlarged(row, total, m), enlarged(seconds, total, m)
        for j in range(m):
            # a cell is done with the first of its points, whose costs are forgotten then
            if best[near[j]] == UNREACHED:
                continue
            cell = cell_of[near[j]]
            cost, half, missing = _mean(cell, cells, 10 * limit + 4 + slack[cell], best)
            if half and cost < 10 * limit + 4.999999:
                row[total], seconds[total] = cell, half_up(cost)
                total += 1
                partly += missing
        begin[i - first + 1] = total
    return begin, row[:total].copy(), seconds[:total].copy(), partly


def bound_of(cells: Cells, limit: int) -> int:
    """Give the largest cost of a point that can count, where times may take `limit` seconds."""
    return min(10 * limit + 4 + int(cells.slack.max(initial=0)), UNREACHED - 1)


def gather(
    graph: Graph,
    seeds: Seeds,
    attached: Attached,
    direct: Direct,
    cells: Cells,
    limit: int,
    first: int,
    stop: int,
    buckets: Buckets | None = None,
) -> Gathered:
    """Search from sources `first` to `stop` and give the cells they reach.

    Parameters
    ----------
    graph : Graph
        Edges with costs in deciseconds; reversed, where ways lead to the sources.
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
    buckets : Buckets, optional
        What `buckets_for` gives for all sources and `bound_of` the cells; found anew, if it is not told.

    Returns
    -------
    Gathered
        The weighted mean over a cell's points that are reached within the limit and the cell's slack, if they hold at
        least half of its weight; rounded once, half up.  The same for any range the source lies in.

    Raises
    ------
    ValueError
        A seed costs less than 0.

    Examples
    --------
    A street of two nodes, 4 seconds long, with a cell at either end and a source at the first:

    >>> from civigrid.kernels.search import graph_of
    >>> def whole(*values): return np.array(values, np.int32)
    >>> graph = graph_of(np.array([0, 1, 2]), whole(1, 0), whole(40, 40))
    >>> seeds = Seeds(np.array([0, 1]), whole(0), whole(5))
    >>> attached = Attached(np.array([0, 1, 2]), whole(0, 1), whole(0, 0))
    >>> direct = Direct(np.array([0, 0]), whole(), whole())
    >>> cells = Cells(np.array([0, 1, 2]), whole(0, 1), np.ones(2), whole(0, 0), whole(0, 0))
    >>> found = gather(graph, seeds, attached, direct, cells, 10, 0, 1)
    >>> found.row.tolist(), found.seconds.tolist()
    ([0, 1], [1, 5])
    """
    bound = bound_of(cells, limit)
    buckets = buckets or buckets_for(graph, seeds, bound)
    work = tuple(tuple(part) for part in (graph, seeds, attached, direct, cells))
    return Gathered(*_gather(*work, first, stop, limit, bound, *buckets))


@_jit
def _count(row, count):  # type: ignore[no-untyped-def]
    for k in range(len(row)):
        count[row[k] + 1] += 1


@_jit
def _place(row, seconds, site, at, site_out, seconds_out):  # type: ignore[no-untyped-def]
    """Put the pairs of a site at the next places of their rows."""
    for k in range(len(row)):
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
    indptr = np.zeros(cells + 1, dtype=np.int64)
    for part in found:
        _count(part.row, indptr)
    indptr = np.cumsum(indptr)
    site_out, seconds_out = (np.empty(indptr[-1], dtype=np.int32) for _ in range(2))
    ends = np.cumsum([0, *(len(part.starts) - 1 for part in found)])
    block = np.searchsorted(ends, number, side="right") - 1
    at = indptr[:-1].copy()
    # sites in their order, so that every row ascends; what was found is not copied together
    for site in np.flatnonzero(number >= 0):
        part, i = found[block[site]], number[site] - ends[block[site]]
        some = slice(part.starts[i], part.starts[i + 1])
        _place(part.row[some], part.seconds[some], site, at, site_out, seconds_out)
    return indptr, site_out, seconds_out
