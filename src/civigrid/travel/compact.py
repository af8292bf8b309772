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

    def with_rows(self, rows: Ints, tail: Ints) -> _Edges:
        """Give these edges, and some of them again from other tails."""
        return _Edges(
            np.concatenate([self.tail, tail]),
            *(np.concatenate([part, part[rows]]) for part in (self.head, self.cost, self.out, self.into)),
        )


@dataclass(eq=False)
class _Course:
    """Chains in one direction; shape (chain,) but for `along`, shape (piece,).

    `start`, `end`: vertices between which spots lie; `lead`: deciseconds before `start`, where that is not the chain's
    own end; `whole`: deciseconds in all, `NO_WAY` where closed; `along`: after each piece from the chain's first end;
    `leave`, `come`: pieces at its two ends.
    """

    start: Ints
    end: Ints
    lead: Ints
    whole: Ints
    along: Ints
    leave: Ints
    come: Ints


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
    keep = meeting(n, pieces.u, pieces.v, np.isfinite(pieces.ahead_s), np.isfinite(pieces.back_s))
    keep[split] = True
    found = chains(n, pieces.u, pieces.v, keep)
    forth, back = _courses(pieces, found)
    exits = _leave(forth, found, pieces, split, n), _leave(back, found, pieces, split, n)
    # the second lot of exits is numbered on from the first
    back.start[back.start >= n] += len(exits[0])
    ways = _edges(found, forth, back)
    edges, twins, arrival = _split(ways, n + sum(map(len, exits)), _turns(forbidden, whole_u, starts))
    forth.end, back.end = (_arrived(course, arrival) for course in (forth, back))
    place = pieces.place[np.concatenate([np.arange(n), *exits, twins])]
    number, order = _numbered(found, edges, split, place, len(twins))
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
    } | _spots(pieces, found, number, split, forth, back)
    length = added_up(found.indptr, pieces.length_m[found.piece])[1]
    ends = np.where(
        forth.whole != NO_WAY, [number[forth.start], number[forth.end]], [number[back.end], number[back.start]]
    )
    return Compact(arrays, ends.T, length)


def _courses(pieces: Pieces, found: Chains) -> tuple[_Course, _Course]:
    """Chains from their first end to their last, and the other way."""
    there = np.where(found.turned, pieces.back_s[found.piece], pieces.ahead_s[found.piece])
    here = np.where(found.turned, pieces.ahead_s[found.piece], pieces.back_s[found.piece])
    first, last = found.piece[found.indptr[:-1]], found.piece[found.indptr[1:] - 1]
    nought = np.zeros(len(first), dtype=np.int64)
    forth, forth_whole = _rounded(found, there)
    back, back_whole = _rounded(found, here)
    return (
        _Course(found.first.copy(), found.last.copy(), nought, forth_whole, forth, first, last),
        _Course(found.last.copy(), found.first.copy(), nought.copy(), back_whole, back, last, first),
    )


def _rounded(found: Chains, seconds: Floats) -> tuple[Ints, Ints]:
    """Deciseconds after each piece and of each whole chain, rounded once along one sum; `NO_WAY` where closed."""
    along, total = added_up(found.indptr, seconds * PER_SECOND)
    is_open = np.isfinite(total)
    whole = np.where(is_open, np.maximum(np.rint(np.where(is_open, total, 0)), 1), NO_WAY).astype(np.int64)
    most = np.repeat(whole, np.diff(found.indptr))
    return np.minimum(np.rint(np.where(np.isfinite(along), along, 0)), most).astype(np.int64), whole


def _leave(course: _Course, found: Chains, pieces: Pieces, split: Ints, n: int) -> Ints:
    """Let chains that leave a split vertex begin at their first spot: an exit, which all who may go there come to.

    Nobody turns round at an exit.  Returns its vertex; exits are numbered from `n`.
    """
    many = np.diff(found.indptr) > 1
    rows = np.flatnonzero(np.isin(course.start, split) & many & (course.whole > 1))
    is_last = course.leave[rows] == found.piece[found.indptr[rows + 1] - 1]
    at = np.where(is_last, found.indptr[rows + 1] - 2, found.indptr[rows])
    from_start = np.where(is_last, course.whole[rows] - course.along[at], course.along[at])
    course.lead[rows] = np.clip(from_start, 1, course.whole[rows] - 1)
    course.start[rows] = n + np.arange(len(rows))
    return np.where(found.turned, pieces.u[found.piece], pieces.v[found.piece])[at]


def _edges(found: Chains, forth: _Course, back: _Course) -> _Edges:
    """Both directions of each chain, as far as they are open, and the edges to exits."""
    parts = []
    for course, start in ((forth, found.first), (back, found.last)):
        rows = np.flatnonzero(course.whole != NO_WAY)
        led = rows[course.lead[rows] > 0]
        cost = course.whole[rows] - course.lead[rows]
        parts.append((course.start[rows], course.end[rows], cost, course.leave[rows], course.come[rows]))
        parts.append((start[led], course.start[led], course.lead[led], course.leave[led], np.full(len(led), -1)))
    return _Edges(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _turns(forbidden: Forbidden, whole_u: Ints, starts: Ints) -> list[tuple[int, int, set[int]]]:
    """Forbidden turns by vertex, part come by and parts not to leave by: the parts that end at the vertex."""

    def part(vertex: int, whole: int) -> int:
        return int(starts[whole] if whole_u[whole] == vertex else starts[whole + 1] - 1)

    return [
        (vertex, part(vertex, came), {part(vertex, s) for s in shut})
        for (vertex, came), shut in sorted(forbidden.pairs.items())
    ]


def _split(
    edges: _Edges, n: int, turns: list[tuple[int, int, set[int]]]
) -> tuple[_Edges, Ints, dict[tuple[int, int], int]]:
    """Give each street with a forbidden turn an arrival of its own, left only by what it may be left by.

    Returns the edges, the vertices of the arrivals (numbered from `n`), and the arrival at a vertex by a piece.
    """
    arrival = {(vertex, came): n + k for k, (vertex, came, _) in enumerate(turns)}
    twins = np.array([vertex for vertex, _, _ in turns], dtype=np.int64)
    coming = np.flatnonzero(np.isin(edges.head, twins))
    leaving = np.flatnonzero(np.isin(edges.tail, twins))
    head = edges.head.copy()
    more, tails = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for k, (vertex, came, shut) in enumerate(turns):
        head[coming[(edges.head[coming] == vertex) & (edges.into[coming] == came)]] = n + k
        ways_on = leaving[edges.tail[leaving] == vertex]
        ways_on = ways_on[~np.isin(edges.out[ways_on], sorted(shut))]
        more.append(ways_on)
        tails.append(np.full(len(ways_on), n + k))
    edges = _Edges(edges.tail, head, edges.cost, edges.out, edges.into)
    return edges.with_rows(np.concatenate(more), np.concatenate(tails)), twins, arrival


def _arrived(course: _Course, arrival: dict[tuple[int, int], int]) -> Ints:
    """Where chains end: at the arrival made for their last piece, if there is one."""
    end = course.end.copy()
    at = np.unique([vertex for vertex, _ in arrival])
    for k in np.flatnonzero(np.isin(end, at)):
        end[k] = arrival.get((int(end[k]), int(course.come[k])), end[k])
    return end


def _numbered(found: Chains, edges: _Edges, split: Ints, place: Floats, twins: int) -> tuple[Ints, Ints]:
    """Number of each vertex as a node (-1: none), and vertices in that order, along the curve."""
    n = len(place)
    used = np.zeros(n, dtype=bool)
    used[found.first] = used[found.last] = True
    used[edges.tail] = used[edges.head] = True
    # split vertices and arrivals are no spots: without a way in, or out, nobody is ever there
    inner = np.concatenate([split, np.arange(n - twins, n)])
    ways_in, ways_out = (np.bincount(part, minlength=n)[inner] > 0 for part in (edges.head, edges.tail))
    used[inner] = ways_in & ways_out
    order = np.flatnonzero(used)
    order = order[np.argsort(curve(place[order]), kind="stable")]
    number = np.full(n, -1, dtype=np.int64)
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


def _spots(pieces: Pieces, found: Chains, number: Ints, split: Ints, forth: _Course, back: _Course) -> dict[str, Any]:
    """Places to get on and off: nodes and the vertices on chains, along the curve."""
    chain = np.repeat(np.arange(len(found.first)), np.diff(found.indptr))
    board = pieces.board[found.piece]
    inner = np.flatnonzero(chain[:-1] == chain[1:])
    inner = inner[board[inner] | board[inner + 1]]
    on = chain[inner]
    vertex = np.where(found.turned, pieces.u[found.piece], pieces.v[found.piece])[inner]
    # deciseconds from each end of the chain to the spot, and from the spot to each
    since = forth.along[inner], back.whole[on] - back.along[inner]
    left = back.along[inner], forth.whole[on] - forth.along[inner]
    is_open = forth.whole[on] != NO_WAY, back.whole[on] != NO_WAY
    off = [
        np.where(o, np.maximum(s - c.lead[on], 0), NO_WAY)
        for o, s, c in zip(is_open, since, (forth, back), strict=True)
    ]
    to = [np.where(o, s, NO_WAY) for o, s in zip(is_open[::-1], left, strict=True)]
    nodes = _boarded(pieces, found.keep, split)
    own = np.repeat(number[nodes][:, None], 2, axis=1)
    goes = _known(np.stack([number[back.end[on]], number[forth.end[on]]], axis=1))
    comes = _known(np.stack([number[forth.start[on]], number[back.start[on]]], axis=1))
    place = pieces.place[np.concatenate([nodes, vertex])]
    # of several spots in one place, nodes come first, then by chain and along it
    order = np.argsort(curve(place), kind="stable")
    nought = np.zeros_like(own)
    return {
        "spot_place": place[order],
        "spot_node": np.concatenate([own, goes])[order].astype(np.int32),
        "spot_node_from": np.concatenate([own, comes])[order].astype(np.int32),
        "spot_to": np.concatenate([nought, np.stack(to, axis=1)])[order].astype(np.int32),
        "spot_from": np.concatenate([nought, np.stack(off, axis=1)])[order].astype(np.int32),
        "spot_chain": np.concatenate([np.full(len(nodes), -1), on])[order].astype(np.int32),
    }


def _known(ends: Ints) -> Ints:
    """Put the other end where one is no node, as nobody goes there."""
    return np.where(ends >= 0, ends, np.maximum(ends[:, ::-1], 0))


def _boarded(pieces: Pieces, keep: Bools, split: Ints) -> Ints:
    """Vertices that are nodes where people get on and off."""
    board = np.zeros(len(keep), dtype=bool)
    board[pieces.u[pieces.board]] = True
    board[pieces.v[pieces.board]] = True
    board[split] = False
    return np.flatnonzero(board & keep)
