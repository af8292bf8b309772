"""Flows on a forest: circles are cancelled, then loads follow from the tree alone.  It ends what sweeps only approach.

People of one cell go to several sites only where these cost the same; so pairs in use tie the prices of a tree to each
other, and one number settles them all.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_jit: Any = numba.njit(cache=True, nogil=True)


@_jit
def settle_forest(row, site, cost, persons, slope, flow):  # type: ignore[no-untyped-def]
    """Bring the flows of the pairs in use to their optimum, in place; a pair may fall out of use, none comes in.

    `row`, `site`, `cost` and `flow` by pair; `persons` by cell; `slope` by site.  Nodes of the forest are the cells,
    then the sites.
    """
    cells, nodes = len(persons), len(persons) + len(slope)
    up, via = np.full(nodes, -1), np.full(nodes, -1)
    stamp = np.full(nodes, -1)
    for p in range(len(row)):
        if flow[p] > 0:
            _join(p, row[p], cells + site[p], cells, up, via, stamp, cost, flow)
    pot, rest, rank = np.empty(nodes), np.empty(nodes), np.empty(nodes, dtype=np.int64)
    aim, root = np.empty(len(row)), np.empty(nodes, dtype=np.int64)
    while True:
        order = _order(up, rank, root)
        _aims(order, up, via, root, cells, cost, persons, slope, pot, rest, aim)
        if not _towards(order, up, via, root, flow, aim):
            break


@_jit
def _join(p, cell, site, cells, up, via, stamp, cost, flow):  # type: ignore[no-untyped-def]
    """Take a pair into the forest; where it closes a circle, send people round it until a pair of it is empty."""
    u = cell
    while u >= 0:
        stamp[u] = p
        u = up[u]
    top = site
    while top >= 0 and stamp[top] != p:
        top = up[top]
    if top < 0:
        _reroot(site, up, via)
        up[site], via[site] = cell, p
        return
    # along the circle pairs gain and lose in turn, the first of each side loses what this pair gains
    gain = cost[p] + _along(cell, top, cells, True, up, via, cost) + _along(site, top, cells, False, up, via, cost)
    rise = gain < 0
    a, low = _lowest(cell, top, cells, rise, up, via, flow, np.inf)
    b, lower = _lowest(site, top, cells, not rise, up, via, flow, low)
    if not rise and flow[p] <= lower:
        a, b, lower = -1, -1, flow[p]
    move = lower if rise else -lower
    _shift(cell, top, cells, True, up, via, flow, move)
    _shift(site, top, cells, False, up, via, flow, move)
    flow[p] += move
    if a < 0 and b < 0:
        flow[p] = 0.0
        return
    cut, end, other = (b, site, cell) if b >= 0 else (a, cell, site)
    flow[via[cut]] = 0.0
    up[cut], via[cut] = -1, -1
    _reroot(end, up, via)
    up[end], via[end] = other, p


@_jit
def _reroot(node, up, via):  # type: ignore[no-untyped-def]
    """Make a node the root of its tree."""
    before, by = -1, -1
    while node >= 0:
        after, then = up[node], via[node]
        up[node], via[node] = before, by
        before, by, node = node, then, after


@_jit
def _along(node, top, cells, from_cell, up, via, cost):  # type: ignore[no-untyped-def]
    """Cost of what changes up to the top, for one person more on the pair that closes the circle."""
    total = 0.0
    while node != top:
        total += -cost[via[node]] if (node < cells) == from_cell else cost[via[node]]
        node = up[node]
    return total


@_jit
def _lowest(node, top, cells, cells_lose, up, via, flow, low):  # type: ignore[no-untyped-def]
    """Node below the pair of least flow among those that lose, where it is below `low`, and that flow."""
    at = -1
    while node != top:
        if (node < cells) == cells_lose and flow[via[node]] < low:
            at, low = node, flow[via[node]]
        node = up[node]
    return at, low


@_jit
def _shift(node, top, cells, from_cell, up, via, flow, move):  # type: ignore[no-untyped-def]
    while node != top:
        flow[via[node]] += -move if (node < cells) == from_cell else move
        node = up[node]


@_jit
def _order(up, rank, root):  # type: ignore[no-untyped-def]
    """Nodes from the roots down; the root of each is noted."""
    n = len(up)
    rank[:] = -1
    path = np.empty(n, dtype=np.int64)
    deepest = 0
    for start in range(n):
        k, node = 0, start
        while node >= 0 and rank[node] < 0:
            path[k] = node
            k += 1
            node = up[node]
        depth = 0 if node < 0 else rank[node] + 1
        first = path[k - 1] if node < 0 else root[node]
        for q in range(k - 1, -1, -1):
            rank[path[q]], root[path[q]] = depth, first
            depth += 1
        deepest = max(deepest, depth)
    begin = np.zeros(deepest + 2, dtype=np.int64)
    for node in range(n):
        begin[rank[node] + 1] += 1
    for d in range(1, len(begin)):
        begin[d] += begin[d - 1]
    order = np.empty(n, dtype=np.int64)
    for node in range(n):
        order[begin[rank[node]]] = node
        begin[rank[node]] += 1
    return order


@_jit
def _aims(order, up, via, root, cells, cost, persons, slope, pot, rest, aim):  # type: ignore[no-untyped-def]
    """Flows at which all pairs of a tree cost their cell the same."""
    n = len(order)
    whole, wide = np.zeros(n), np.zeros(n)
    for node in order:
        u = up[node]
        if u < 0:
            pot[node] = 0.0
        else:
            pot[node] = pot[u] + (cost[via[node]] if node < cells else -cost[via[node]])
        if node < cells:
            whole[root[node]] += persons[node]
        else:
            k = slope[node - cells]
            whole[root[node]] -= k * pot[node]
            wide[root[node]] += k
    for node in range(n):
        if node < cells:
            rest[node] = persons[node]
        else:
            first = root[node]
            rest[node] = -slope[node - cells] * (pot[node] + whole[first] / wide[first])
    for q in range(n - 1, -1, -1):
        node = order[q]
        if up[node] >= 0:
            # what the branch has too many goes up, what it lacks comes down
            aim[via[node]] = rest[node] if node < cells else -rest[node]
            rest[up[node]] += rest[node]


@_jit
def _towards(order, up, via, root, flow, aim):  # type: ignore[no-untyped-def]
    """Go towards the aim, each tree as far as no flow falls below 0; pairs that end there are cut.  Tell if any was."""
    step = np.ones(len(order))
    for node in order:
        p = via[node]
        if p >= 0 and aim[p] < 0:
            step[root[node]] = min(step[root[node]], flow[p] / (flow[p] - aim[p]))
    cut = False
    for node in order:
        p, s = via[node], step[root[node]]
        if p < 0:
            continue
        ends = aim[p] < 0 and flow[p] / (flow[p] - aim[p]) <= s
        flow[p] = 0.0 if ends else flow[p] + s * (aim[p] - flow[p])
        if ends:
            up[node], via[node] = -1, -1
            cut = True
    return cut
