"""Streets of one mode as pieces between vertices, in an order that does not depend on that of the ways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from civigrid.kernels.group import group_sum
from civigrid.kernels.morton import BITS, interleave
from civigrid.travel.lines import StreetLines, ground_m
from civigrid.travel.modes import Use, is_closed
from civigrid.types import Bools, Floats, Ids, Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class Pieces:
    """Straight pieces of streets; shape (piece,) unless said otherwise.

    Parameters
    ----------
    place : ndarray of float64, shape (vertex, 2)
        Longitude and latitude.
    vertex : ndarray of int64, shape (vertex,)
        Vertex of the lines each of these is or is a copy of; -1: put between two.
    u, v : ndarray of int64
        Ends.
    length_m : ndarray of float64
        Length.
    ahead_s, back_s : ndarray of float64
        Seconds from ``u`` to ``v`` and from ``v`` to ``u``; inf: not that way.
    way_id : ndarray of int64
        Id of its way.
    board, level : ndarray of bool
        As in `Use`.
    """

    place: Floats
    vertex: Ints
    u: Ints
    v: Ints
    length_m: Floats
    ahead_s: Floats
    back_s: Floats
    way_id: Ints
    board: Bools
    level: Bools

    def __len__(self) -> int:
        return len(self.u)


def curve(place: Floats) -> Ids:
    """Number of places along a space-filling curve, shape (place,); one step is about 0.15 m."""
    side = 2**BITS
    row = np.floor((place[:, 1] + 90) / 360 * side).astype(np.int64)
    col = np.floor((place[:, 0] + 180) / 360 * side).astype(np.int64)
    return interleave(row.clip(0, side - 1), col.clip(0, side - 1))


def pieces_of(lines: StreetLines, uses: Sequence[Use]) -> Pieces:
    """Cut the ways that a mode uses into pieces.

    Parameters
    ----------
    lines : StreetLines
        Streets.
    uses : sequence of Use, one by kind
        How the mode uses each kind of street.

    Returns
    -------
    Pieces
        Vertices along a space-filling curve, ``u < v``, pieces in order: the same for any order of ways.
    """
    u, v, way = _segments(lines)
    n = len(lines.way_id)
    length = ground_m(lines.place[u], lines.place[v])
    drawn: Floats = group_sum(way, length, n)
    if lines.length_m is not None:
        length = length * _stretch(lines.length_m, drawn)[way]
        # a way drawn as a point, but with a stated length, has it in equal parts
        point = (drawn[way] == 0) & (np.nan_to_num(lines.length_m[way]) > 0)
        length[point] = (np.nan_to_num(lines.length_m) / np.maximum(np.bincount(way, minlength=n), 1))[way[point]]
        drawn = group_sum(way, length, n)
    table = {name: np.array([use[k] for use in uses]) for k, name in enumerate(Use._fields[:6])}
    kind = lines.kind
    ahead = _seconds(length, way, drawn, table["forward_kmh"][kind], table["forward_s"][kind])
    back = _seconds(length, way, drawn, table["backward_kmh"][kind], table["backward_s"][kind])
    use = (np.isfinite(ahead) | np.isfinite(back)) & (u != v)
    rows = np.flatnonzero(use)
    order, rank = _along_curve(lines, np.unique(np.concatenate([u[rows], v[rows]])))
    found = Pieces(
        place=lines.place[order],
        vertex=order,
        u=rank[u[rows]],
        v=rank[v[rows]],
        length_m=length[rows],
        ahead_s=ahead[rows],
        back_s=back[rows],
        way_id=lines.way_id[way[rows]],
        board=table["board"][kind][way[rows]].astype(bool),
        level=table["level"][kind][way[rows]].astype(bool),
    )
    return _in_order(found)


def _segments(lines: StreetLines) -> tuple[Ints, Ints, Ints]:
    """Both ends and the way of each segment of each way."""
    size = np.diff(lines.indptr)
    way = np.repeat(np.arange(len(size)), size)
    inner = np.flatnonzero(way[:-1] == way[1:]) if len(way) else np.empty(0, dtype=np.int64)
    return lines.vertex[inner], lines.vertex[inner + 1], way[inner]


def _stretch(stated: Floats, drawn: Floats) -> Floats:
    """How much longer each way is than it is drawn."""
    with np.errstate(divide="ignore", invalid="ignore"):
        stretch = stated / drawn
    return np.where(np.isfinite(stretch), stretch, 1.0)


def _seconds(length: Floats, way: Ints, drawn: Floats, kmh: Floats, stated_s: Floats) -> Floats:
    """Seconds of each segment; inf where the way is closed in this direction."""
    with np.errstate(divide="ignore", invalid="ignore"):
        per_m = np.where(kmh > 0, 3.6 / kmh, np.inf)
        per_m = np.where((kmh > 0) & (stated_s > 0) & (drawn > 0), stated_s / drawn, per_m)
        seconds = length * per_m[way]
    # nought metres of a closed way are closed too
    return np.where(np.isfinite(per_m[way]), seconds, np.inf)


def _along_curve(lines: StreetLines, used: Ints) -> tuple[Ints, Ints]:
    """Vertices along the curve, and the number of each vertex of the lines there."""
    place = lines.place[used]
    order = used[np.lexsort((lines.vertex_id[used], place[:, 1], place[:, 0], curve(place)))]
    rank = np.full(len(lines.place), -1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    return order, rank


def _in_order(pieces: Pieces) -> Pieces:
    """Turn each piece to ``u < v`` and sort by all it is."""
    turn = pieces.u > pieces.v
    u, v = np.where(turn, pieces.v, pieces.u), np.where(turn, pieces.u, pieces.v)
    ahead, back = (
        np.where(turn, pieces.back_s, pieces.ahead_s),
        np.where(turn, pieces.ahead_s, pieces.back_s),
    )
    rows = np.lexsort((pieces.level, pieces.board, pieces.way_id, pieces.length_m, back, ahead, v, u))
    return replace(
        pieces,
        u=u[rows],
        v=v[rows],
        length_m=pieces.length_m[rows],
        ahead_s=ahead[rows],
        back_s=back[rows],
        way_id=pieces.way_id[rows],
        board=pieces.board[rows],
        level=pieces.level[rows],
    )


def close_barriers(pieces: Pieces, lines: StreetLines, mode: str) -> tuple[Pieces, frozenset[int]]:
    """Cut the streets at barriers that stop a mode: one may come up to them from each side.

    Returns
    -------
    tuple of Pieces and frozenset of int
        Each end of a piece at a closed vertex gets a vertex of its own; and the closed vertices.
    """
    shut = [v for v, tags in zip(lines.barrier.tolist(), lines.barriers, strict=True) if is_closed(tags, mode)]
    closed = np.flatnonzero(np.isin(pieces.vertex, np.array(shut, dtype=np.int64)))
    if not len(closed):
        return pieces, frozenset()
    ends = np.stack([pieces.u, pieces.v], axis=1).ravel()
    at = np.flatnonzero(np.isin(ends, closed))
    copies = ends[at]
    ends[at] = len(pieces.place) + np.arange(len(at))
    return replace(
        pieces,
        place=np.concatenate([pieces.place, pieces.place[copies]]),
        vertex=np.concatenate([pieces.vertex, pieces.vertex[copies]]),
        u=ends[::2],
        v=ends[1::2],
    ), frozenset(closed.tolist())


def cut_long(pieces: Pieces, most_m: float) -> tuple[Pieces, Ints]:
    """Cut pieces on land into equal parts of at most `most_m`.

    Returns
    -------
    tuple of Pieces and ndarray of int64, shape (old piece + 1,)
        Parts of piece ``i``, from its ``u`` to its ``v``, are ``starts[i]:starts[i + 1]``.
    """
    parts = np.where(pieces.board, np.maximum(np.ceil(pieces.length_m / most_m - 1e-9), 1), 1).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(parts)])
    old = np.repeat(np.arange(len(pieces)), parts)
    step = np.arange(len(old)) - starts[old]
    inner = step > 0
    new = len(pieces.place) + np.arange(int(inner.sum()))
    share = (step[inner] / parts[old[inner]])[:, None]
    place = pieces.place[pieces.u[old[inner]]] * (1 - share) + pieces.place[pieces.v[old[inner]]] * share
    u, v = pieces.u[old], pieces.v[old]
    u[inner], v[np.flatnonzero(inner) - 1] = new, new
    return replace(
        pieces,
        place=np.concatenate([pieces.place, place]),
        vertex=np.concatenate([pieces.vertex, np.full(len(new), -1)]),
        u=u,
        v=v,
        length_m=(pieces.length_m / parts)[old],
        ahead_s=(pieces.ahead_s / parts)[old],
        back_s=(pieces.back_s / parts)[old],
        way_id=pieces.way_id[old],
        board=pieces.board[old],
        level=pieces.level[old],
    ), starts


def counted(lines: StreetLines, uses: Sequence[Use]) -> tuple[dict[str, int], dict[str, int]]:
    """Ways left out by reason, and ways by value that was not understood; the most frequent first."""
    many = np.bincount(lines.kind, minlength=len(uses)).tolist()
    reasons: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for use, n in zip(uses, many, strict=True):
        reasons[use.reason] += n
        for key, value in use.unknown:
            unknown[f"{key}={value}"] += n
    del reasons[""]
    return _sorted(reasons), _sorted(unknown)


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(((k, n) for k, n in counts.items() if n), key=lambda pair: (-pair[1], pair[0])))
