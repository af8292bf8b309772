"""Bounded searches for the quickest ways over a graph whose edges cost whole numbers, at least 1."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Ints

Int32s = npt.NDArray[np.int32]
_jit: Any = numba.njit(cache=True, nogil=True)

UNREACHED = 2**31 - 1
"""Cost of a node that no search has reached; also the largest bound plus one."""


class Graph(NamedTuple):
    """Edges out of node ``i`` are ``indptr[i]:indptr[i + 1]``: `head` where they lead, `cost` at least 1."""

    indptr: Ints
    head: Int32s
    cost: Int32s


class Seeds(NamedTuple):
    """Where searches begin: source ``i`` at ``node[starts[i]:starts[i + 1]]``, each with a `cost` of its own."""

    starts: Ints
    node: Int32s
    cost: Int32s


class Settled(NamedTuple):
    """What searches reach: source ``i`` has ``node[starts[i]:starts[i + 1]]`` at `cost`, in no stated order."""

    starts: Ints
    node: Int32s
    cost: Int32s


def bucket_count(cost: Int32s, seeds: Int32s, bound: int) -> int:
    """How many buckets hold every cost that can wait at one time: a power of two.

    >>> bucket_count(np.array([3, 9], np.int32), np.array([0], np.int32), 100)
    16
    """
    longest = max(int(cost.max(initial=1)), int(seeds.max(initial=0)))
    return 1 << min(longest, bound).bit_length()


@_jit
def room(nodes, edges, seeds, buckets):  # type: ignore[no-untyped-def]
    """Arrays that all searches of a block share: cost by node, buckets, those who wait, nodes reached."""
    dist = np.full(nodes, UNREACHED, dtype=np.int32)
    bucket = np.full(buckets, -1, dtype=np.int32)
    # every node is settled once, so every edge lets at most one wait
    waits = np.empty((edges + seeds, 2), dtype=np.int32)
    return dist, bucket, waits, np.empty(nodes, dtype=np.int32)


@_jit
def search(graph, node, cost, bound, space):  # type: ignore[no-untyped-def]
    """Search from some nodes with costs of their own, up to the bound; give how many nodes are reached.

    They stand in the last array of `space`, their costs in the first; `clear` makes it ready for the next search.
    """
    indptr, head, length = graph
    dist, bucket, waits, reached = space
    mask = bucket.size - 1
    n = used = waiting = 0
    for i in range(len(node)):
        u, d = node[i], cost[i]
        if d <= bound and d < dist[u]:
            if dist[u] == UNREACHED:
                reached[n] = u
                n += 1
            dist[u] = d
            waits[used, 0], waits[used, 1] = u, bucket[d & mask]
            bucket[d & mask] = used
            used, waiting = used + 1, waiting + 1
    now = 0
    while waiting > 0:
        # edges cost at least 1: nobody joins the bucket that is being emptied
        at = bucket[now & mask]
        bucket[now & mask] = -1
        while at >= 0:
            u, at = waits[at, 0], waits[at, 1]
            waiting -= 1
            if dist[u] != now:
                continue
            for k in range(indptr[u], indptr[u + 1]):
                v, d = head[k], now + length[k]
                if d < dist[v] and d <= bound:
                    if dist[v] == UNREACHED:
                        reached[n] = v
                        n += 1
                    dist[v] = d
                    waits[used, 0], waits[used, 1] = v, bucket[d & mask]
                    bucket[d & mask] = used
                    used, waiting = used + 1, waiting + 1
        now += 1
    return n


@_jit
def clear(n, space):  # type: ignore[no-untyped-def]
    """Forget the costs of the last search, which reached `n` nodes; the buckets are empty already."""
    dist, _, _, reached = space
    for i in range(n):
        dist[reached[i]] = UNREACHED


@_jit
def _settle(graph, seeds, bound, buckets):  # type: ignore[no-untyped-def]
    starts, seed_node, seed_cost = seeds
    space = room(len(graph[0]) - 1, len(graph[1]), len(seed_node), buckets)
    dist, _, _, reached = space
    begin = np.zeros(len(starts), dtype=np.int64)
    node, cost = np.empty(1024, dtype=np.int32), np.empty(1024, dtype=np.int32)
    total = 0
    for i in range(len(starts) - 1):
        some = slice(starts[i], starts[i + 1])
        n = search(graph, seed_node[some], seed_cost[some], bound, space)
        if total + n > len(node):
            node = np.concatenate((node, np.empty(total + n, dtype=np.int32)))
            cost = np.concatenate((cost, np.empty(total + n, dtype=np.int32)))
        for j in range(n):
            node[total + j], cost[total + j] = reached[j], dist[reached[j]]
        total += n
        begin[i + 1] = total
        clear(n, space)
    return begin, node[:total].copy(), cost[:total].copy()


def settled(graph: Graph, seeds: Seeds, bound: int = UNREACHED - 1) -> Settled:
    """Find the nodes that each source reaches within a bound, and at what cost.

    Parameters
    ----------
    graph : Graph
        Edges, shape (edge,), their costs at least 1.
    seeds : Seeds
        Nodes where each source begins, and the cost to get there; a source may have none.
    bound : int
        Largest cost that counts; by default none.

    Returns
    -------
    Settled
        Exact; the costs are the same for any order of edges, seeds or sources.

    Raises
    ------
    ValueError
        An edge costs less than 1, or a seed less than 0.

    Notes
    -----
    Dial (1969), Algorithm 360, Communications of the ACM 12(11): one bucket for each cost, used in turns.  With buckets
    of one unit, nothing is sorted and nothing is approximate.  On a street grid of 160,000 nodes, a 4-ary heap took
    1.5 times as long for 1,100 nodes and 2.4 times for 105,000, so there is no other queue here.

    Examples
    --------
    >>> graph = Graph(np.array([0, 1, 2, 2]), np.array([1, 2], np.int32), np.array([4, 5], np.int32))
    >>> found = settled(graph, Seeds(np.array([0, 1]), np.array([0], np.int32), np.array([1], np.int32)), bound=9)
    >>> found.node.tolist(), found.cost.tolist()
    ([0, 1], [1, 5])
    """
    check(graph, seeds)
    if not len(seeds.node):
        none = np.empty(0, dtype=np.int32)
        return Settled(np.zeros(len(seeds.starts), dtype=np.int64), none, none)
    return Settled(*_settle(tuple(graph), tuple(seeds), bound, bucket_count(graph.cost, seeds.cost, bound)))


def check(graph: Graph, seeds: Seeds) -> None:
    """Refuse costs with which buckets would go wrong in silence."""
    if len(graph.cost) and graph.cost.min() < 1:
        raise ValueError(f"edges must cost at least 1; the least costs {graph.cost.min()}.")
    if len(seeds.cost) and seeds.cost.min() < 0:
        raise ValueError(f"seeds must cost at least 0; the least costs {seeds.cost.min()}.")
