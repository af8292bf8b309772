"""Pieces of streets contracted: chains become edges, vertices on them become spots, forbidden turns split vertices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from civigrid.kernels.contract import Chains, added_up, chains, meeting, quickest
from civigrid.travel.graph import NO_WAY
from civigrid.travel.pieces import Pieces, curve
from civigrid.travel.turns import Forbidden
from civigrid.types import Bools, Floats, Ints

PER_SECOND = 10
"""Deciseconds."""


@dataclass(frozen=True, eq=False)
class Compact:
    """Contracted streets.

    Parameters
    ----------
    arrays : dict
        The arrays of a `StreetGraph`, by name.
    ends : ndarray of int64, shape (chain, 2)
        Nodes at the ends of each chain.
    length_m : ndarray of float64, shape (chain,)
        Length of each chain.
    """

    arrays: dict[str, Any]
    ends: Ints
    length_m: Floats


@dataclass(eq=False)
class _Edges:
    """Directed edges between vertices, and the pieces by which each leaves its tail and comes to its head."""

    tail: Ints
    head: Ints
    cost: Ints
    out: Ints
    into: Ints


def compact(pieces: Pieces, whole_u: Ints, starts: Ints, forbidden: Forbidden) -> Compact:
    """Contract pieces.

    Parameters
    ----------
    pieces : Pieces
        Pieces, cut at every spot.
    whole_u : ndarray of int64, shape (whole,)
        First end of the pieces before they were cut.
    starts : ndarray of int64, shape (whole + 1,)
        Which parts each was cut into.
    forbidden : Forbidden
        Forbidden turns, in pieces before they were cut.

    Returns
    -------
    Compact
        Nodes along a space-filling curve.
    """
    n, split = len(pieces.place), forbidden.vertices
    ahead, back = np.isfinite(pieces.ahead_s), np.isfinite(pieces.back_s)
    keep = meeting(n, pieces.u, pieces.v, ahead, back)
    # no spot lies between a split vertex and its neighbours: its place in the network would depend on the direction
    near = np.isin(pieces.u, split) | np.isin(pieces.v, split)
    keep[pieces.u[near]] = True
    keep[pieces.v[near]] = True
    found = chains(n, pieces.u, pieces.v, keep)
    forth, there = _rounded(found, np.where(found.turned, pieces.back_s[found.piece], pieces.ahead_s[found.piece]))
    aback, here = _rounded(found, np.where(found.turned, pieces.ahead_s[found.piece], pieces.back_s[found.piece]))
    edges, twins = _split(_edges(found, there, here), n, _turns(forbidden, whole_u, starts))
    place = np.concatenate([pieces.place, pieces.place[twins]])
    number, order = _numbered(found, edges, split, n, place)
    tail, head = number[edges.tail], number[edges.head]
    rows = np.flatnonzero((tail >= 0) & (head >= 0))
    rows = rows[quickest(len(order), tail[rows], head[rows], edges.cost[rows])]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(tail[rows], minlength=len(order)))])
    arrays = {
        "node_place": place[order],
        "indptr": indptr.astype(np.int64),
        "head": head[rows].astype(np.int32),
        "cost": edges.cost[rows].astype(np.int32),
        "component": _parts(indptr, head[rows]),
    } | _spots(pieces, found, number, split, forth, there, aback, here)
    km = added_up(found.indptr, pieces.length_m[found.piece])[1]
    return Compact(arrays, np.stack([number[found.first], number[found.last]], axis=1), km)


def _rounded(found: Chains, seconds: Floats) -> tuple[Ints, Ints]:
    """Deciseconds after each piece and of each whole chain, rounded once along one sum; `NO_WAY` where closed."""
    along, total = added_up(found.indptr, seconds * PER_SECOND)
    is_open = np.isfinite(total)
    whole = np.where(is_open, np.maximum(np.rint(np.where(is_open, total, 0)), 1), NO_WAY).astype(np.int64)
    most = np.repeat(whole, np.diff(found.indptr))
    return np.minimum(np.rint(np.where(np.isfinite(along), along, 0)), most).astype(np.int64), whole


def _edges(found: Chains, there: Ints, here: Ints) -> _Edges:
    """Both directions of each chain, as far as they are open."""
    start, end = found.piece[found.indptr[:-1]], found.piece[found.indptr[1:] - 1]
    cost = np.concatenate([there, here])
    rows = np.flatnonzero(cost != NO_WAY)
    pairs = (
        (found.first, found.last),
        (found.last, found.first),
        (there, here),
        (start, end),
        (end, start),
    )
    return _Edges(*(np.concatenate(pair)[rows] for pair in pairs))


def _turns(forbidden: Forbidden, whole_u: Ints, starts: Ints) -> list[tuple[int, int, set[int]]]:
    """Forbidden turns by vertex, part come by and parts not to leave by: the parts that end at the vertex."""

    def part(vertex: int, whole: int) -> int:
        return int(starts[whole] if whole_u[whole] == vertex else starts[whole + 1] - 1)

    return [
        (vertex, part(vertex, came), {part(vertex, s) for s in shut})
        for (vertex, came), shut in sorted(forbidden.pairs.items())
    ]


def _split(edges: _Edges, n: int, turns: list[tuple[int, int, set[int]]]) -> tuple[_Edges, Ints]:
    """Give each street with a forbidden turn an arrival of its own, left only by what it may be left by.

    Returns the edges, and the vertices of the arrivals, which are numbered from `n`.
    """
    if not turns:
        return edges, np.empty(0, dtype=np.int64)
    at = np.unique([vertex for vertex, _, _ in turns])
    coming = np.flatnonzero(np.isin(edges.head, at))
    leaving = np.flatnonzero(np.isin(edges.tail, at))
    head, more, tails = edges.head.copy(), [], []
    for k, (vertex, came, shut) in enumerate(turns):
        head[coming[(edges.head[coming] == vertex) & (edges.into[coming] == came)]] = n + k
        ways_on = leaving[edges.tail[leaving] == vertex]
        ways_on = ways_on[~np.isin(edges.out[ways_on], sorted(shut))]
        more.append(ways_on)
        tails.append(np.full(len(ways_on), n + k))
    rows = np.concatenate(more)
    return _Edges(
        np.concatenate([edges.tail, *tails]),
        np.concatenate([head, head[rows]]),
        np.concatenate([edges.cost, edges.cost[rows]]),
        np.concatenate([edges.out, edges.out[rows]]),
        np.concatenate([edges.into, edges.into[rows]]),
    ), np.array([vertex for vertex, _, _ in turns], dtype=np.int64)


def _numbered(found: Chains, edges: _Edges, split: Ints, n: int, place: Floats) -> tuple[Ints, Ints]:
    """Number of each vertex as a node (-1: none), and vertices in that order, along the curve."""
    used = np.zeros(len(place), dtype=bool)
    used[found.first] = used[found.last] = True
    # split vertices and arrivals are no spots: without a way in, or out, nobody is ever there
    inner = np.concatenate([split, np.arange(n, len(place))])
    ways_in = np.bincount(edges.head, minlength=len(place))[inner] > 0
    used[inner] = ways_in & (np.bincount(edges.tail, minlength=len(place))[inner] > 0)
    order = np.flatnonzero(used)
    order = order[np.argsort(curve(place[order]), kind="stable")]
    number = np.full(len(place), -1, dtype=np.int64)
    number[order] = np.arange(len(order))
    return number, order


def _parts(indptr: Ints, head: Ints) -> Ints:
    """Strongly connected part of each node, the largest first; of two alike, that of the smaller node."""
    n = len(indptr) - 1
    matrix = csr_array((np.ones(len(head), dtype=np.int8), head, indptr), shape=(n, n))
    count, label = connected_components(matrix, directed=True, connection="strong")
    first = np.unique(label, return_index=True)[1]
    order = np.lexsort((first, -np.bincount(label, minlength=count)))
    rank = np.empty(count, dtype=np.int32)
    rank[order] = np.arange(count, dtype=np.int32)
    return np.asarray(rank[label])


def _spots(
    pieces: Pieces, found: Chains, number: Ints, split: Ints, forth: Ints, there: Ints, aback: Ints, here: Ints
) -> dict[str, Any]:
    """Places to get on and off: nodes and the vertices on chains, along the curve."""
    chain = np.repeat(np.arange(len(found.first)), np.diff(found.indptr))
    board = pieces.board[found.piece]
    inner = np.flatnonzero(chain[:-1] == chain[1:])
    inner = inner[board[inner] | board[inner + 1]]
    on = chain[inner]
    vertex = np.where(found.turned, pieces.u[found.piece], pieces.v[found.piece])[inner]
    go, come = there[on] != NO_WAY, here[on] != NO_WAY
    to = np.stack([np.where(come, aback[inner], NO_WAY), np.where(go, there[on] - forth[inner], NO_WAY)], axis=1)
    off = np.stack([np.where(go, forth[inner], NO_WAY), np.where(come, here[on] - aback[inner], NO_WAY)], axis=1)
    ends = np.stack([number[found.first[on]], number[found.last[on]]], axis=1)
    nodes = _boarded(pieces, found.keep, split)
    self_ = np.repeat(number[nodes][:, None], 2, axis=1)
    place = pieces.place[np.concatenate([nodes, vertex])]
    chains_ = np.concatenate([np.full(len(nodes), -1), on])
    # of several spots in one place, nodes come first, then by chain and along it
    order = np.argsort(curve(place), kind="stable")
    nought = np.zeros_like(self_)
    return {
        "spot_place": place[order],
        "spot_node": np.concatenate([self_, ends])[order].astype(np.int32),
        "spot_to": np.concatenate([nought, to])[order].astype(np.int32),
        "spot_from": np.concatenate([nought, off])[order].astype(np.int32),
        "spot_chain": chains_[order].astype(np.int32),
    }


def _boarded(pieces: Pieces, keep: Bools, split: Ints) -> Ints:
    """Vertices that are nodes where people get on and off."""
    board = np.zeros(len(keep), dtype=bool)
    board[pieces.u[pieces.board]] = True
    board[pieces.v[pieces.board]] = True
    board[split] = False
    return np.flatnonzero(board & keep)
