"""Chains of a street network: what lies between two places where streets meet or end becomes one edge."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from civigrid.kernels.counting import counting_order
from civigrid.types import Bools, Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)


class Chains(NamedTuple):
    """Chains of pieces between kept vertices.

    Parameters
    ----------
    indptr : ndarray of int64, shape (chain + 1,)
        Pieces of chain ``k`` are ``piece[indptr[k]:indptr[k + 1]]``.
    piece : ndarray of int64, shape (piece,)
        Pieces, as met when the chain is walked from its first end; each piece is in one chain.
    turned : ndarray of bool, shape (piece,)
        Whether a piece is walked from its ``v`` to its ``u``.
    first, last : ndarray of int64, shape (chain,)
        Vertices at the chain's ends, ``first <= last``.
    keep : ndarray of bool, shape (vertex,)
        Kept vertices: those asked for, and the smallest of each ring without any.
    """

    indptr: Ints
    piece: Ints
    turned: Bools
    first: Ints
    last: Ints
    keep: Bools


def ends_of(n: int, u: Ints, v: Ints) -> tuple[Ints, Ints]:
    """Ends of pieces at each vertex: end ``2 i`` is piece ``i`` at its ``u``, ``2 i + 1`` at its ``v``.

    >>> [part.tolist() for part in ends_of(3, np.array([0, 1]), np.array([1, 2]))]
    [[0, 1, 2, 3], [0, 1, 3, 4]]
    """
    return counting_order(np.stack([u, v], axis=1).ravel(), n)


def meeting(n: int, u: Ints, v: Ints, ahead: Bools, back: Bools) -> Bools:
    """Vertices that no chain may run through, shape (vertex,).

    Parameters
    ----------
    n : int
        Vertices.
    u, v : ndarray of int64, shape (piece,)
        Ends of each piece.
    ahead, back : ndarray of bool, shape (piece,)
        Whether it is open from ``u`` to ``v``, and from ``v`` to ``u``.

    Returns
    -------
    ndarray of bool, shape (vertex,)
        Where other than two pieces end, or two that are not open in the same directions: along a chain all places are
        reached alike.

    Examples
    --------
    >>> meeting(3, np.array([0, 1]), np.array([1, 2]), np.array([True, True]), np.array([True, True])).tolist()
    [True, False, True]
    >>> meeting(3, np.array([0, 1]), np.array([1, 2]), np.array([True, True]), np.array([False, True])).tolist()
    [True, True, True]
    """
    order, starts = ends_of(n, u, v)
    keep: Bools = np.diff(starts) != 2
    two = np.flatnonzero(~keep)
    one, other = order[starts[two]], order[starts[two] + 1]
    # an end at u is left by going ahead, one at v by going back
    leave = np.stack([ahead, back], axis=1).ravel()
    arrive = np.stack([back, ahead], axis=1).ravel()
    keep[two] = (arrive[one] != leave[other]) | (arrive[other] != leave[one])
    return keep


def chains(n: int, u: Ints, v: Ints, keep: Bools) -> Chains:
    """Join pieces into chains between kept vertices.

    Parameters
    ----------
    n : int
        Vertices.
    u, v : ndarray of int64, shape (piece,)
        Ends of each piece, ``u != v``; pieces may be parallel.
    keep : ndarray of bool, shape (vertex,)
        Vertices where chains end: all but some with exactly two ends of pieces (`meeting`).

    Returns
    -------
    Chains
        Chains in the order of their first vertex and piece: the same for the same numbering.

    Examples
    --------
    A path of three pieces is one chain:

    >>> found = chains(4, np.array([0, 1, 2]), np.array([1, 2, 3]), np.array([True, False, False, True]))
    >>> found.piece.tolist(), found.first.tolist(), found.last.tolist()
    ([0, 1, 2], [0], [3])
    """
    order, starts = ends_of(n, u, v)
    indptr, piece, turned, first, last, kept = _chains(order, starts, u, v, keep.copy())
    return Chains(indptr, piece, turned, first, last, kept)


@_jit
def _follow(end, order, starts, u, v, keep, used, piece, turned, m):  # type: ignore[no-untyped-def]
    """Walk from an end of a piece to the next kept vertex; give it, and the count of pieces walked so far."""
    while True:
        at = end // 2
        used[at] = True
        piece[m], turned[m] = at, end % 2 == 1
        m += 1
        here = u[at] if end % 2 == 1 else v[at]
        if keep[here]:
            return here, m
        k = starts[here]
        end = order[k + 1] if order[k] // 2 == at else order[k]


@_jit
def _chains(order, starts, u, v, keep):  # type: ignore[no-untyped-def]
    n, pieces = starts.size - 1, u.size
    used = np.zeros(pieces, np.bool_)
    piece, turned = np.empty(pieces, np.int64), np.empty(pieces, np.bool_)
    indptr, first, last = np.zeros(pieces + 1, np.int64), np.empty(pieces, np.int64), np.empty(pieces, np.int64)
    count, m = 0, 0
    for ring in range(2):
        for vertex in range(n):
            if ring == 1 and not keep[vertex] and not used[order[starts[vertex]] // 2]:
                keep[vertex] = True
            elif ring == 1 or not keep[vertex]:
                continue
            for k in range(starts[vertex], starts[vertex + 1]):
                if not used[order[k] // 2]:
                    first[count] = vertex
                    last[count], m = _follow(order[k], order, starts, u, v, keep, used, piece, turned, m)
                    count += 1
                    indptr[count] = m
    return indptr[: count + 1], piece, turned, first[:count], last[:count], keep


def added_up(indptr: Ints, value: Floats) -> tuple[Floats, Floats]:
    """Sums along each chain: after each piece, shape (piece,), and in all, shape (chain,), added in order.

    >>> [part.tolist() for part in added_up(np.array([0, 2, 3]), np.array([1.0, 2.0, 5.0]))]
    [[1.0, 3.0, 5.0], [3.0, 5.0]]
    """
    along = _added_up(indptr, value)
    return along, along[indptr[1:] - 1]


@_jit
def _added_up(indptr, value):  # type: ignore[no-untyped-def]
    along = np.empty_like(value)
    for k in range(indptr.size - 1):
        total = 0.0
        for i in range(indptr[k], indptr[k + 1]):
            total += value[i]
            along[i] = total
    return along


def quickest(n: int, tail: Ints, head: Ints, cost: Ints) -> Ints:
    """Rows of the edges that are needed: the quickest of parallel ones, by tail and head; none back to its own tail.

    >>> quickest(2, np.array([0, 0, 0]), np.array([1, 1, 0]), np.array([7, 5, 1])).tolist()
    [1]
    """
    rows = np.flatnonzero(tail != head)
    rows = rows[np.lexsort((cost[rows], head[rows], tail[rows]))]
    key = tail[rows] * n + head[rows]
    return rows[np.concatenate([[True], key[1:] != key[:-1]])] if len(rows) else rows
