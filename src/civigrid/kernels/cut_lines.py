"""Cut straight edges at the sides of unit cells, and say which part of each lies in which cell."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)


class LinePieces(NamedTuple):
    """Pieces of edges, in their order along each: `share` is the part of the edge that lies in cell (row, col)."""

    edge: Ints
    row: Ints
    col: Ints
    share: Floats


@_jit
def _begin(start, end):  # type: ignore[no-untyped-def]
    """First cell along an axis, the step, the first side that is crossed, and how many are."""
    if end > start:
        return int(np.floor(start)), 1, np.floor(start) + 1.0, int(np.ceil(end) - np.floor(start)) - 1
    if end < start:
        return int(np.ceil(start)) - 1, -1, np.ceil(start) - 1.0, int(np.ceil(start) - np.floor(end)) - 1
    return int(np.floor(start)), 0, 0.0, 0


@_jit
def _cut(x0, y0, x1, y1, edge, row, col, share):  # type: ignore[no-untyped-def]
    n = 0
    for i in range(len(x0)):
        # counted from the edge's own corner: large offsets would eat digits
        west, south = np.floor(min(x0[i], x1[i])), np.floor(min(y0[i], y1[i]))
        ax, ay, bx, by = x0[i] - west, y0[i] - south, x1[i] - west, y1[i] - south
        c, step_c, side_x, left_x = _begin(ax, bx)
        r, step_r, side_y, left_y = _begin(ay, by)
        before = 0.0
        while True:
            t_x = (side_x - ax) / (bx - ax) if left_x > 0 else 2.0
            t_y = (side_y - ay) / (by - ay) if left_y > 0 else 2.0
            t = min(t_x, t_y, 1.0)
            if t > before:
                edge[n], row[n], col[n], share[n] = i, r + int(south), c + int(west), t - before
                n += 1
                before = t
            if left_x <= 0 and left_y <= 0:
                break
            if t_x <= t_y:
                c, side_x, left_x = c + step_c, side_x + step_c, left_x - 1
            else:
                r, side_y, left_y = r + step_r, side_y + step_r, left_y - 1
    return n


def cut_lines(x0: Floats, y0: Floats, x1: Floats, y1: Floats) -> LinePieces:
    """Cut the edges (x0, y0) to (x1, y1), in cell units, shape (edge,), where they cross whole x or y.

    An edge that runs along a side lies in the cell above or right of it; one without length leaves no share.

    Examples
    --------
    >>> found = cut_lines(*(np.array([v]) for v in (0.5, 0.0, 2.0, 0.0)))
    >>> found.col, found.share.round(3)
    (array([0, 1]), array([0.333, 0.667]))
    """
    places = np.abs(np.floor(x1) - np.floor(x0)) + np.abs(np.floor(y1) - np.floor(y0)) + 3
    edge, row, col = (np.empty(int(places.sum()), dtype=np.int64) for _ in range(3))
    share = np.empty(len(edge))
    n = _cut(x0, y0, x1, y1, edge, row, col, share)
    return LinePieces(edge[:n], row[:n], col[:n], share[:n])
