r"""Exact coverage of square cells by polygons: the signed-edge sweep.

Every edge is cut where it crosses a cell side.  A piece that rises by *d* (signed) inside cell (row, column), with
mean fractional easting *f*, adds :math:`-d(1-f)` to that cell and :math:`-df` to the next one; the running sum of
these along a row is the covered share of each cell.  Shells run counter-clockwise, holes clockwise, so holes and
multipart polygons need nothing special.  The idea is that of exact-area font rasterisers (R. Levien, font-rs, 2016);
the sums here are integers (multiples of 2**-52), so that no order of edges, polygons or blocks changes a bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from civigrid.kernels.cut_edges import cut_edges
from civigrid.types import Bools, Floats, Ints

QUANTUM = 2.0**-52
INVALID_BEYOND = 1e-9
"""Coverage this far outside [0, 1] means invalid or overlapping rings."""
NEGLIGIBLE = 1e-13
"""Coverage below this is rounding, not area: at 1 km it is a tenth of a square millimetre."""


class Rings(NamedTuple):
    """Polygons as arrays: the form in which geometry reaches a kernel or another process.

    `xy` has shape (corner, 2), every ring closed; ring *k* is ``xy[start[k]:start[k + 1]]``, belongs to polygon
    ``polygon[k]`` and is a hole where ``hole[k]``.  Rings of one polygon are contiguous.
    """

    xy: Floats
    start: Ints
    polygon: Ints
    hole: Bools


class Coverage(NamedTuple):
    """Which share of which cell each polygon covers.

    Cells that an edge passes stand one by one (`polygon`, `row`, `col`, `share`); between them the covered share is
    constant (1 inside, less above a horizontal edge) and stands as runs, columns ``run_col`` to ``run_stop``
    (exclusive) of ``run_row``.  `invalid` lists polygons whose rings overlap or cross.
    """

    polygon: Ints
    row: Ints
    col: Ints
    share: Floats
    run_polygon: Ints
    run_row: Ints
    run_col: Ints
    run_stop: Ints
    run_share: Floats
    invalid: Ints


def coverage(rings: Rings, cell_size: float, *, compiled: bool = True) -> Coverage:
    """Give the exact share of each square cell that each polygon covers.

    Parameters
    ----------
    rings : Rings
        Polygons in a plane, same unit as `cell_size`.
    cell_size : float
        Side of a cell; cells start at multiples of it.
    compiled : bool
        Cut edges with the compiled kernel or with its NumPy twin: the answers are equal.

    Returns
    -------
    Coverage
        Ordered by polygon, row, column.

    Examples
    --------
    >>> square = np.array([[0.5, 0.5], [1.5, 0.5], [1.5, 1.0], [0.5, 1.0], [0.5, 0.5]])
    >>> found = coverage(Rings(square, np.array([0, 5]), np.array([0]), np.array([False])), 1.0)
    >>> found.col, found.share
    (array([0, 1]), array([0.25, 0.25]))
    """
    n_polygons = int(rings.polygon.max()) + 1 if len(rings.polygon) else 0
    if n_polygons == 0:
        none, nothing = np.empty(0, dtype=np.int64), np.empty(0)
        return Coverage(none, none, none, nothing, none, none, none, none, nothing, none)
    x, y, origin, size = _local(rings, cell_size, n_polygons)
    sign = _orientation(rings, x, y)
    ring_of = np.repeat(np.arange(len(rings.polygon)), np.diff(rings.start))
    is_edge = np.ones(len(x), dtype=bool)
    is_edge[rings.start[1:] - 1] = False
    first = np.flatnonzero(is_edge)
    ring = ring_of[first]
    pieces = cut_edges(x[first], y[first], x[first + 1], y[first + 1], compiled=compiled)
    polygon = rings.polygon[ring][pieces.edge]
    return _accumulate(polygon, pieces.row, pieces.col, pieces.rise * sign[ring][pieces.edge], pieces.f, origin, size)


def _local(rings: Rings, cell_size: float, n: int) -> tuple[Floats, Floats, Ints, Ints]:
    """Coordinates in cells, counted from each polygon's own corner: large offsets would eat a sliver's digits."""
    per_corner = np.repeat(rings.polygon, np.diff(rings.start))
    starts = np.flatnonzero(np.diff(per_corner, prepend=-1))
    present = per_corner[starts]
    low, high = np.zeros((n, 2), dtype=np.int64), np.zeros((n, 2), dtype=np.int64)
    low[present] = np.floor(np.minimum.reduceat(rings.xy, starts) / cell_size)
    high[present] = np.ceil(np.maximum.reduceat(rings.xy, starts) / cell_size)
    local = (rings.xy - low[per_corner] * cell_size) / cell_size
    return local[:, 0], local[:, 1], low, high - low + 1


def _orientation(rings: Rings, x: Floats, y: Floats) -> Floats:
    """+1 for rings that run the right way (shells counter-clockwise, holes clockwise), -1 for the others."""
    first = rings.start[:-1]
    of_ring = np.repeat(first, np.diff(rings.start))
    u, v = x - x[of_ring], y - y[of_ring]
    cross = np.append(u[:-1] * v[1:] - u[1:] * v[:-1], 0.0)
    cross[rings.start[1:] - 1] = 0.0
    counter_clockwise = np.add.reduceat(cross, first) > 0
    return np.where(counter_clockwise != rings.hole, 1.0, -1.0)


def _accumulate(polygon: Ints, row: Ints, col: Ints, rise: Floats, f: Floats, origin: Ints, size: Ints) -> Coverage:
    """Sum the pieces cell by cell, run along each row, and split boundary cells from full runs."""
    width, height = size[:, 0] + 1, size[:, 1] + 1
    base = np.concatenate([[0], np.cumsum(width * height)])
    key = base[polygon] + row * width[polygon] + col
    whole = np.rint(-rise / QUANTUM).astype(np.int64)
    right = np.rint(-rise * f / QUANTUM).astype(np.int64)
    keys, sums = _sum_by_key(np.concatenate([key, key + 1]), np.concatenate([whole - right, right]))
    of = np.searchsorted(base, keys, side="right") - 1
    at_row, at_col = np.divmod(keys - base[of], width[of])
    new_row = np.diff(of, prepend=-1).astype(bool) | np.diff(at_row, prepend=-1).astype(bool)
    running = np.cumsum(sums)
    before = np.concatenate([[0], running[:-1]])[np.flatnonzero(new_row)]
    covered = (running - np.repeat(before, np.diff(np.append(np.flatnonzero(new_row), len(keys))))) * QUANTUM
    gap = np.where(np.append(new_row[1:], True), 0, np.append(at_col[1:], 0) - at_col - 1)
    return _split(of, at_row, at_col, covered, gap, origin)


def _sum_by_key(key: Ints, value: Ints) -> tuple[Ints, Ints]:
    order = np.argsort(key, kind="stable")
    key = key[order]
    start = np.flatnonzero(np.diff(key, prepend=-1))
    return key[start], np.add.reduceat(value[order], start)


def _split(of: Ints, row: Ints, col: Ints, covered: Floats, gap: Ints, origin: Ints) -> Coverage:
    """Cells that edges pass, and the runs between them: a gap keeps the coverage of the cell before it."""
    wrong = (covered < -INVALID_BEYOND) | (covered > 1 + INVALID_BEYOND)
    covered = np.minimum(covered, 1.0)
    pair = covered > NEGLIGIBLE
    run = pair & (gap > 0)
    row, col = row + origin[of, 1], col + origin[of, 0]
    return Coverage(
        of[pair], row[pair], col[pair], covered[pair],
        of[run], row[run], col[run] + 1, col[run] + 1 + gap[run], covered[run],
        np.unique(of[wrong]),
    )  # fmt: skip


def expand_runs(found: Coverage) -> tuple[Ints, Ints, Ints, Floats]:
    """All pairs, runs written out: (polygon, row, col, share), ordered by polygon, row, column."""
    length = found.run_stop - found.run_col
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    polygon = np.concatenate([found.polygon, np.repeat(found.run_polygon, length)])
    row = np.concatenate([found.row, np.repeat(found.run_row, length)])
    col = np.concatenate([found.col, np.repeat(found.run_col, length) + within])
    share = np.concatenate([found.share, np.repeat(found.run_share, length)])
    order = np.lexsort((col, row, polygon))
    return polygon[order], row[order], col[order], share[order]
