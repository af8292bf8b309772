"""The k nearest of many sites for every node of a graph, in one search from all of them."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from civigrid.kernels.gather import Attached, Direct, Gathered
from civigrid.kernels.search import UNREACHED, Graph, Int32s, Seeds, buckets_for, longer

_jit: Any = numba.njit(cache=True, nogil=True)


@_jit
def offer(slots, costs, site, cost):  # type: ignore[no-untyped-def]
    """Put a site into slots that ascend by cost, then number; False if it stood there already or is not near enough.

    A site is kept once, at its smallest cost; the slots hold the best of all that were ever offered, in any order.
    """
    last = len(slots) - 1
    for j in range(len(slots)):
        if slots[j] == site:
            if costs[j] <= cost:
                return False
            last = j
            break
    else:
        if costs[last] < cost or (costs[last] == cost and slots[last] >= 0 and slots[last] < site):
            return False
    while last > 0 and (costs[last - 1] > cost or (costs[last - 1] == cost and slots[last - 1] > site)):
        slots[last], costs[last] = slots[last - 1], costs[last - 1]
        last -= 1
    slots[last], costs[last] = site, cost
    return True


@_jit
def _holds(slots, costs, site, cost):  # type: ignore[no-untyped-def]
    """Whether a site still stands at this cost: it may have been pushed out, or have come nearer."""
    for j in range(len(slots)):
        if slots[j] == site:
            return costs[j] == cost
    return False


@_jit
def _begin(seeds, bound, shift, slots, costs, bucket, waits):  # type: ignore[no-untyped-def]
    """Let the seeds of all sites wait; give how many do."""
    starts, node, cost = seeds
    used = 0
    for site in range(len(starts) - 1):
        for i in range(starts[site], starts[site + 1]):
            u, d = node[i], cost[i]
            if d <= bound and offer(slots[u], costs[u], site, d):
                at = (d >> shift) & (len(bucket) - 1)
                waits[used, 0], waits[used, 1], waits[used, 2], waits[used, 3] = u, site, d, bucket[at]
                bucket[at] = used
                used += 1
    return used


@_jit
def _nearest(graph, seeds, k, bound, count, shift):  # type: ignore[no-untyped-def]
    indptr, edge = graph
    nodes, mask = len(indptr) - 1, count - 1
    slots = np.full((nodes, k), -1, dtype=np.int32)
    costs = np.full((nodes, k), UNREACHED, dtype=np.int32)
    bucket = np.full(count, -1, dtype=np.int32)
    waits = np.empty((nodes + len(seeds[1]), 4), dtype=np.int32)
    waiting = used = _begin(seeds, bound, shift, slots, costs, bucket, waits)
    turn = 0
    while waiting > 0:
        at = bucket[turn & mask]
        if at < 0:
            turn += 1
            continue
        bucket[turn & mask] = -1
        while at >= 0:
            u, site, now, at = np.uint32(waits[at, 0]), waits[at, 1], waits[at, 2], waits[at, 3]
            waiting -= 1
            if not _holds(slots[u], costs[u], site, now):
                continue
            first, last = indptr[u], indptr[u + np.uint32(1)]
            if used + last - first > len(waits):
                waits = longer(waits, used + last - first)
            for e in range(first, last):
                v, d = np.uint32(edge[e, 0]), now + edge[e, 1]
                # most fail here: every slot of the node holds a nearer site
                if d > bound or d > costs[v, k - 1] or not offer(slots[v], costs[v], site, d):
                    continue
                to = (d >> shift) & mask
                waits[used, 0], waits[used, 1], waits[used, 2], waits[used, 3] = v, site, d, bucket[to]
                bucket[to] = used
                used, waiting = used + 1, waiting + 1
    return slots, costs


def nearest_sites(graph: Graph, seeds: Seeds, k: int, bound: int = UNREACHED - 1) -> tuple[Int32s, Int32s]:
    """Find the k nearest sites of every node.

    Parameters
    ----------
    graph : Graph
        Edges; reversed, where ways lead to the sites.
    seeds : Seeds
        Nodes where each site begins, and the cost between.
    k : int
        Sites wanted for each node.
    bound : int
        Largest cost that counts; by default none.

    Returns
    -------
    site : ndarray of int32, shape (node, k)
        Sites by cost, those at equal cost by number; -1 where there are fewer.
    cost : ndarray of int32, shape (node, k)
        Their costs, `UNREACHED` where there are fewer.

    Raises
    ------
    ValueError
        A seed costs less than 0, or k is less than 1.

    Notes
    -----
    Dial (1969), with a label for each of k sites at a node.  A site that is not among the k nearest of a node is not
    among those of any node behind it, by cost and number alike: k others would come the same way.

    Examples
    --------
    >>> from civigrid.kernels.search import graph_of
    >>> graph = graph_of(np.array([0, 1, 2]), np.array([1, 0], np.int32), np.array([4, 4], np.int32))
    >>> seeds = Seeds(np.array([0, 1, 2]), np.array([0, 1], np.int32), np.array([0, 1], np.int32))
    >>> [part.tolist() for part in nearest_sites(graph, seeds, 1)]
    [[[0], [1]], [[0], [1]]]
    """
    if k < 1:
        raise ValueError(f"k = {k}: at least 1 site must be wanted.")
    slots, costs = _nearest(tuple(graph), tuple(seeds), k, bound, *buckets_for(graph, seeds, bound))
    return slots, costs


@_jit
def _at_points(site, cost, attached, direct, bound, slots, costs):  # type: ignore[no-untyped-def]
    at, at_point, extra = attached
    on, on_point, on_cost = direct
    k = slots.shape[1]
    for u in range(len(at) - 1):
        for i in range(at[u], at[u + 1]):
            p = at_point[i]
            for j in range(k):
                if site[u, j] >= 0 and cost[u, j] + extra[i] <= bound:
                    offer(slots[p], costs[p], site[u, j], cost[u, j] + extra[i])
    for s in range(len(on) - 1):
        for i in range(on[s], on[s + 1]):
            if on_cost[i] <= bound:
                offer(slots[on_point[i]], costs[on_point[i]], s, on_cost[i])


def nearest_of_points(
    site: Int32s, cost: Int32s, attached: Attached, direct: Direct, points: int, bound: int = UNREACHED - 1
) -> tuple[Int32s, Int32s]:
    """Give the k nearest sites of points from those of the nodes they come to first.

    Parameters
    ----------
    site, cost : ndarray of int32, shape (node, k)
        What `nearest_sites` found.
    attached : Attached
        Points at the nodes.
    direct : Direct
        Ways from sites to points along one street.
    points : int
        Number of points.
    bound : int
        Largest cost that counts.

    Returns
    -------
    site, cost : ndarray of int32, shape (point, k)
        As for nodes.

    Examples
    --------
    >>> def whole(*values): return np.array(values, np.int32)
    >>> attached = Attached(np.array([0, 1, 2]), whole(0, 0), whole(3, 7))
    >>> direct = Direct(np.array([0, 0]), whole(), whole())
    >>> [part.tolist() for part in nearest_of_points(whole([0], [0]), whole([9], [4]), attached, direct, 1)]
    [[[0]], [[11]]]
    """
    slots = np.full((points, site.shape[1]), -1, dtype=np.int32)
    costs = np.full((points, site.shape[1]), UNREACHED, dtype=np.int32)
    _at_points(site, cost, tuple(attached), tuple(direct), bound, slots, costs)
    return slots, costs


@_jit
def _rank(starts, row, seconds, first, slots, costs):  # type: ignore[no-untyped-def]
    for i in range(len(starts) - 1):
        for j in range(starts[i], starts[i + 1]):
            offer(slots[row[j]], costs[row[j]], first + i, seconds[j])


def k_best(found: Gathered, first: int, k: int, cells: int) -> tuple[Int32s, Int32s]:
    """Keep the k nearest of a block of sites for each cell.

    Parameters
    ----------
    found : Gathered
        Cells that the sites reach.
    first : int
        Number of the block's first site.
    k : int
        Sites wanted.
    cells : int
        Number of cells.

    Returns
    -------
    site, seconds : ndarray of int32, shape (cell, k)
        Sites by time, then number; -1 and `UNREACHED` where there are fewer.

    Examples
    --------
    >>> found = Gathered(np.array([0, 1, 2]), np.array([0, 0], np.int32), np.array([9, 8], np.int32), 0)
    >>> [part.tolist() for part in k_best(found, 40, 1, 1)]
    [[[41]], [[8]]]
    """
    slots = np.full((cells, k), -1, dtype=np.int32)
    costs = np.full((cells, k), UNREACHED, dtype=np.int32)
    _rank(found.starts, found.row, found.seconds, first, slots, costs)
    return slots, costs
