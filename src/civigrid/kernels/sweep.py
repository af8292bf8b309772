r"""Exact coverage of square cells by polygons: the signed-edge sweep.

Every edge is cut where it crosses a cell side.  A piece that rises by *d* (signed) inside cell (row, column), with
mean fractional easting *f*, adds :math:`-d(1-f)` to that cell and :math:`-df` to the next one; the running sum of
these along a row is the covered share of each cell.  Shells run counter-clockwise, holes clockwise, so holes and
multipart polygons need nothing special.  The idea is that of exact-area font rasterisers (R. Levien, font-rs, 2016);
the sums here are integers (multiples of 2**-52), so that no order of edges, polygons or blocks changes a bit, and the
compiled loop and its NumPy twin give equal answers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from civigrid.kernels.cut_edges import cut_edges
from civigrid.kernels.sweep_compiled import sweep_polygons
from civigrid.types import Bools, Floats, Ints

QUANTUM = 2.0**-52
INVALID_BEYOND = 1e-9
"""Coverage this far outside [0, 1] means invalid or overlapping rings."""
NEGLIGIBLE = 1e-13
"""Coverage below this is rounding, not area: at 1 km it is a tenth of a square millimetre."""


FARTHEST_CELL = 2.0**30
"""Rows and columns beyond this are no places on Earth; their products would not fit into 64 bits."""


class Rings(NamedTuple):
    """Polygons as arrays: the form in which geometry reaches a kernel or another process.

    `xy` has shape (corner, 2), every ring closed; ring *k* is ``xy[start[k]:start[k + 1]]``, belongs to polygon
    ``polygon[k]`` (ascending) and is a hole where ``hole[k]``.
    """

    xy: Floats
    start: Ints
    polygon: Ints
    hole: Bools


class Coverage(NamedTuple):
    """Which share of which cell each polygon covers, as runs of cells of one row.

    A run holds columns `col` to `stop` (exclusive) of `row`, each covered by `share`.  A cell that an edge passes is a
    run of one; between such cells the covered share is constant (1 inside, less above a horizontal edge), so that the
    inside of a large polygon is one run per row.  Ordered by polygon, row, column.

    `invalid` lists polygons whose coverage lies outside [0, 1]: rings that cross or overlap, holes outside their
    shell; and those with rings that are not closed or not finite.  What overlaps within one cell without filling it
    cannot be seen in a coverage: ask GEOS, as `project.polygons` does.
    """

    polygon: Ints
    row: Ints
    col: Ints
    stop: Ints
    share: Floats
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
        Sweep by the compiled kernel or by its NumPy twin: the answers are equal.

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
    rings, broken = whole_rings(rings, FARTHEST_CELL * cell_size)
    if not len(rings.polygon):
        none = np.empty(0, dtype=np.int64)
        return Coverage(none, none, none, none, np.empty(0), broken)
    found = _coverage_compiled(rings, cell_size) if compiled else _coverage_numpy(rings, cell_size)
    return found._replace(invalid=np.union1d(found.invalid, broken))


def whole_rings(rings: Rings, farthest: float) -> tuple[Rings, Ints]:
    """Leave out polygons with a ring that is not closed, not finite or farther from 0 than `farthest`; name them."""
    if not len(rings.polygon):
        return rings, np.empty(0, dtype=np.int64)
    closed = (rings.xy[rings.start[:-1]] == rings.xy[rings.start[1:] - 1]).all(axis=1)
    # a comparison with what is not a number fails
    if closed.all() and -farthest <= rings.xy.min() and rings.xy.max() <= farthest:
        return rings, np.empty(0, dtype=np.int64)
    near = np.logical_and.reduceat((np.abs(rings.xy) <= farthest).all(axis=1), rings.start[:-1])
    broken = np.unique(rings.polygon[~(closed & near)])
    kept = ~np.isin(rings.polygon, broken)
    length = np.diff(rings.start)
    start = np.concatenate([[0], np.cumsum(length[kept])])
    return Rings(rings.xy[np.repeat(kept, length)], start, rings.polygon[kept], rings.hole[kept]), broken


def _coverage_compiled(rings: Rings, cell_size: float) -> Coverage:
    first = np.flatnonzero(np.diff(rings.polygon, prepend=-1))
    polygon = rings.polygon[first]
    xy = np.ascontiguousarray(rings.xy, dtype=np.float64)
    bounds = np.append(first, len(rings.polygon)).astype(np.int64)
    limits = np.array([INVALID_BEYOND, NEGLIGIBLE])
    found = sweep_polygons(xy, rings.start, bounds, rings.hole, polygon, float(cell_size), limits)
    of, row, col, stop, share, wrong = found
    return Coverage(of, row, col, stop, share, polygon[np.flatnonzero(wrong)])


def _coverage_numpy(rings: Rings, cell_size: float) -> Coverage:
    x, y, origin, size = _local(rings, cell_size, int(rings.polygon.max()) + 1)
    sign = _orientation(rings, x, y)
    ring_of = np.repeat(np.arange(len(rings.polygon)), np.diff(rings.start))
    is_edge = np.ones(len(x), dtype=bool)
    is_edge[rings.start[1:] - 1] = False
    first = np.flatnonzero(is_edge)
    ring = ring_of[first]
    pieces = cut_edges(x[first], y[first], x[first + 1], y[first + 1])
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
    """Sum the pieces cell by cell and run along each row: a gap keeps the coverage of the cell before it."""
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
    wrong = (covered < -INVALID_BEYOND) | (covered > 1 + INVALID_BEYOND)
    covered = np.minimum(covered, 1.0)
    stop = np.where(np.append(new_row[1:], True), at_col + 1, np.append(at_col[1:], 0))
    starts = np.stack([at_col, at_col + 1], axis=1).ravel()
    stops = np.stack([at_col + 1, stop], axis=1).ravel()
    kept = (stops > starts) & np.repeat(covered > NEGLIGIBLE, 2)
    of_run, row_run, share = (np.repeat(v, 2)[kept] for v in (of, at_row, covered))
    east, north = origin[of_run].T
    return Coverage(
        of_run, row_run + north, starts[kept] + east, stops[kept] + east, share, np.unique(of[wrong]).astype(np.int64)
    )


def _sum_by_key(key: Ints, value: Ints) -> tuple[Ints, Ints]:
    order = np.argsort(key, kind="stable")
    key = key[order]
    start = np.flatnonzero(np.diff(key, prepend=-1))
    total = np.add.reduceat(value[order], start)
    # a cell in which all cancels is like the one before it
    return key[start][total != 0], total[total != 0]


def expand_runs(found: Coverage) -> tuple[Ints, Ints, Ints, Floats]:
    """All pairs, runs written out: (polygon, row, col, share), ordered by polygon, row, column."""
    length = found.stop - found.col
    if len(length) == length.sum():
        return found.polygon, found.row, found.col, found.share
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    polygon, row, col = (np.repeat(v, length) for v in (found.polygon, found.row, found.col))
    return polygon, row, col + within, np.repeat(found.share, length)
