"""Cut edges at the sides of unit cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from civigrid.types import Floats, Ints


class Pieces(NamedTuple):
    """Pieces of edges, each inside one cell, in the order of the edges.

    `edge` says which edge a piece comes from, `rise` its signed height, `f` its mean easting within the cell, 0 to 1.
    """

    edge: Ints
    row: Ints
    col: Ints
    rise: Floats
    f: Floats


def cut_edges(x0: Floats, y0: Floats, x1: Floats, y1: Floats) -> Pieces:
    """Cut the edges (x0, y0) to (x1, y1), in cell units, shape (edge,), where they cross whole x or y.

    Horizontal edges have no rise and leave no piece.

    >>> cut_edges(*(np.array([v]) for v in (0.5, 0.0, 1.5, 1.0))).rise
    array([0.5, 0.5])
    """
    rises = np.flatnonzero(y0 != y1)
    x0, y0, x1, y1 = x0[rises], y0[rises], x1[rises], y1[rises]
    low, high = np.minimum(y0, y1), np.maximum(y0, y1)
    x_low, x_high = np.where(y0 < y1, x0, x1), np.where(y0 < y1, x1, x0)
    first = np.floor(low).astype(np.int64)
    count = np.ceil(high).astype(np.int64) - first
    edge, step = _repeat(count)
    row = first[edge] + step
    bottom, top = np.maximum(low[edge], row), np.minimum(high[edge], row + 1)
    slope = ((x_high - x_low) / (high - low))[edge]
    # the ends of an edge are exact; between them x follows from y
    x_bottom = np.where(step == 0, x_low[edge], x_low[edge] + slope * (bottom - low[edge]))
    x_top = np.where(step == count[edge] - 1, x_high[edge], x_low[edge] + slope * (top - low[edge]))
    rise = np.where(y0 < y1, 1.0, -1.0)[edge] * (top - bottom)
    left, right = np.minimum(x_bottom, x_top), np.maximum(x_bottom, x_top)
    first_col = np.floor(left).astype(np.int64)
    columns = np.maximum(np.ceil(right).astype(np.int64) - first_col, 1)
    part, step = _repeat(columns)
    col = first_col[part] + step
    a, b = np.maximum(left[part], col), np.minimum(right[part], col + 1)
    span = right[part] - left[part]
    share = np.where(columns[part] == 1, 1.0, (b - a) / np.where(span > 0, span, 1.0))
    return Pieces(rises[edge[part]], row[part], col, rise[part] * share, 0.5 * (a + b) - col)


def _repeat(count: Ints) -> tuple[Ints, Ints]:
    """Index of each item repeated `count` times, and the number of the repetition."""
    index = np.repeat(np.arange(len(count)), count)
    return index, np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)
