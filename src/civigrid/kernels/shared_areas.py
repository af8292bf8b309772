r"""Exact areas that polygons share with convex cells (hexagons), without building a single shape.

Each cell has a point *c* inside it.  Seen from *c*, the ring of a polygon sweeps over the cell: an edge outside of it
sweeps a whole sector, an edge inside only a triangle.  All sectors together are the winding number *w* of the ring
round *c* times the cell's area, so that

.. math:: |P \cap H| = w |H| - \sum_{(a, b)} \bigl[ S(b) - S(a) + k_{ab} |H| - \tfrac12 (a - c) \times (b - c) \bigr]

with a sum over the pieces *a* to *b* of edges inside the cell; *S* is the area of the cell swept from the ray east of
*c*, and *k* whether a piece crosses this ray.  No order, no walk along borders: holes and parts need nothing special,
and rings that cross or overlap show as areas below 0 or above the whole.

A polygon smaller than a cell is clipped corner by corner instead (I. E. Sutherland and G. W. Hodgman, 1974, Reentrant
polygon clipping, CACM 17, 32-42), about a corner of its own: its digits are not lost against the cell's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from civigrid.kernels.convex_cells import ConvexCells, buckets, near_cells, ray
from civigrid.kernels.sweep import Rings, whole_rings
from civigrid.kernels.winding import ring_areas, wind
from civigrid.types import Floats, Ints

INVALID_BEYOND = 1e-9
"""Shares this far outside [0, 1] mean rings that cross or overlap."""
FARTHEST = 1e9
"""Coordinates beyond this are no places on Earth."""
NEGLIGIBLE = 1e-13
"""Shares of a cell (or of a polygon smaller than a cell) below this are rounding."""
_jit: Any = numba.njit(cache=True, nogil=True)


class SharedAreas(NamedTuple):
    """Pairs that share area, ordered by polygon, cell; and polygons whose rings cross or overlap."""

    polygon: Ints
    cell: Ints
    area: Floats
    invalid: Ints


def shared_areas(rings: Rings, cells: ConvexCells, *, small: float) -> SharedAreas:
    """Give the area that each polygon shares with each cell.

    Parameters
    ----------
    rings : Rings
        Polygons in the plane of the cells.
    cells : ConvexCells
        Cells that do not overlap.
    small : float
        A polygon whose box is smaller than this is clipped corner by corner: about the area of a cell.

    Returns
    -------
    SharedAreas
        `polygon` as in `rings`, `cell` counts `cells`.

    Examples
    --------
    >>> from civigrid.kernels.convex_cells import convex_cells
    >>> cells = convex_cells(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]), np.array([0, 4]))
    >>> square = np.array([[1.5, 0.5], [2.5, 0.5], [2.5, 1.5], [1.5, 1.5], [1.5, 0.5]])
    >>> shared_areas(Rings(square, np.array([0, 5]), np.array([7]), np.array([False])), cells, small=0.0).area
    array([0.25])
    """
    rings, broken = whole_rings(rings, FARTHEST)
    if not len(rings.polygon) or not len(cells.area):
        none = np.empty(0, dtype=np.int64)
        return SharedAreas(none, none, np.empty(0), broken)
    polygon, first = np.unique(rings.polygon, return_index=True)
    bounds = np.append(first, len(rings.polygon)).astype(np.int64)
    xy = np.ascontiguousarray(rings.xy, dtype=np.float64)
    at, cell, area, wrong = _share(xy, rings.start, bounds, rings.hole, cells, buckets(cells), small)
    return SharedAreas(polygon[at], cell, area, np.union1d(polygon[np.flatnonzero(wrong)], broken))


@_jit
def _swept_to(x, y, corner, swept, a, b):  # type: ignore[no-untyped-def]
    """Area of the cell swept from the ray east of its centre to the direction of a point."""
    at = -1
    for i in range(a, b):
        # angles of one half-plane are ordered by the sign of a cross product, exactly
        if (corner[i, 1] > 0) == (y > 0):
            if corner[i, 0] * y - corner[i, 1] * x >= 0:
                at = i
        elif y <= 0:
            at = i
    if at < 0:
        at, base, x0, y0 = b - 1, 0.0, ray(corner, a, b), 0.0
    else:
        base, x0, y0 = swept[at], corner[at, 0], corner[at, 1]
    other = at + 1 if at + 1 < b else a
    dx, dy = corner[other, 0] - corner[at, 0], corner[other, 1] - corner[at, 1]
    facing = x * dy - y * dx
    if facing <= 0:
        return base
    scale = (corner[at, 0] * dy - corner[at, 1] * dx) / facing
    return base + 0.5 * scale * (x0 * y - y0 * x)


@_jit
def _inside(x0, y0, x1, y1, corner, a, b):  # type: ignore[no-untyped-def]
    """Where an edge enters and leaves a cell, in parts of its length; it leaves before it enters where it misses."""
    enter, leave = 0.0, 1.0
    for i in range(a, b):
        j = i + 1 if i + 1 < b else a
        dx, dy = corner[j, 0] - corner[i, 0], corner[j, 1] - corner[i, 1]
        d0 = dx * (y0 - corner[i, 1]) - dy * (x0 - corner[i, 0])
        d1 = dx * (y1 - corner[i, 1]) - dy * (x1 - corner[i, 0])
        if d0 <= 0 and d1 <= 0:
            if dx != 0 or dy != 0:
                return 1.0, 0.0
        elif d0 < 0:
            enter = max(enter, d0 / (d0 - d1))
        elif d1 < 0:
            leave = min(leave, d0 / (d0 - d1))
    return enter, leave


@_jit
def _not_triangle(x0, y0, x1, y1, cells, j):  # type: ignore[no-untyped-def]
    """What the piece of an edge inside a cell sweeps less than its sector; and whether there is a piece."""
    corner, a, b, area = cells.corner, cells.start[j], cells.start[j + 1], cells.area[j]
    x0, y0, x1, y1 = x0 - cells.centre[j, 0], y0 - cells.centre[j, 1], x1 - cells.centre[j, 0], y1 - cells.centre[j, 1]
    side = x0 * y1 - y0 * x1
    enter, leave = _inside(x0, y0, x1, y1, corner, a, b)
    if enter >= leave:
        return 0.0, False
    ax, ay, bx, by = x0, y0, x1, y1
    if enter > 0:
        ax, ay = x0 + enter * (x1 - x0), y0 + enter * (y1 - y0)
    if leave < 1:
        bx, by = x0 + leave * (x1 - x0), y0 + leave * (y1 - y0)
    sector = _swept_to(bx, by, corner, cells.swept, a, b) - _swept_to(ax, ay, corner, cells.swept, a, b)
    if ay <= 0 and by > 0 and side > 0:
        sector += area
    elif ay > 0 and by <= 0 and side < 0:
        sector -= area
    return sector - 0.5 * (ax * by - ay * bx), True


@_jit
def _cut_ring(xy, a, b, sign, cells, buckets, seen, stamp, less, cut):  # type: ignore[no-untyped-def]
    """Add what each edge of a ring takes from the cells it passes, and mark them; give the next stamp."""
    box = cells.box
    nx, ny = buckets.lattice
    x_min, y_min, side = buckets.frame
    for i in range(a, b - 1):
        x0, y0, x1, y1 = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
        west, east, south, north = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        stamp += 1
        r0, r1 = int(np.floor((south - y_min) / side)), int(np.floor((north - y_min) / side))
        for r in range(max(r0, 0), min(r1, ny - 1) + 1):
            left, right = west, east
            if r1 > r0 + 1:
                # a long edge passes few buckets of a row: those between its places at the row's ends, and some air
                t0, t1 = (y_min + r * side - y0) / (y1 - y0), (y_min + (r + 1) * side - y0) / (y1 - y0)
                air = 1e-6 * side + 1e-9 * (east - west)
                xa, xb = x0 + t0 * (x1 - x0), x0 + t1 * (x1 - x0)
                left, right = max(west, min(xa, xb) - air), min(east, max(xa, xb) + air)
            c0, c1 = int(np.floor((left - x_min) / side)), int(np.floor((right - x_min) / side))
            for c in range(max(c0, 0), min(c1, nx - 1) + 1):
                for k in range(buckets.start[r * nx + c], buckets.start[r * nx + c + 1]):
                    j = buckets.member[k]
                    if seen[j] == stamp:
                        continue
                    seen[j] = stamp
                    if box[j, 0] > east or box[j, 2] < west or box[j, 1] > north or box[j, 3] < south:
                        continue
                    part, passes = _not_triangle(x0, y0, x1, y1, cells, j)
                    if passes:
                        less[j] += sign * part
                        cut[j] = True
    return stamp


@_jit
def _clip_ring(xy, a, b, origin, cells, j):  # type: ignore[no-untyped-def]
    """Signed area of a ring clipped to a cell, corner by corner, about `origin`."""
    n = b - a - 1
    ring, other = np.empty((n + 8, 2)), np.empty((n + 8, 2))
    for i in range(n):
        ring[i, 0], ring[i, 1] = xy[a + i, 0] - origin[0], xy[a + i, 1] - origin[1]
    east, north = cells.centre[j, 0] - origin[0], cells.centre[j, 1] - origin[1]
    for e in range(cells.start[j], cells.start[j + 1]):
        f = e + 1 if e + 1 < cells.start[j + 1] else cells.start[j]
        x, y = cells.corner[e, 0] + east, cells.corner[e, 1] + north
        dx, dy = cells.corner[f, 0] - cells.corner[e, 0], cells.corner[f, 1] - cells.corner[e, 1]
        if dx == 0 and dy == 0:
            continue
        if 2 * n > len(other):
            other = np.empty((2 * n, 2))
        ring, other, n = other, ring, _clip_half(ring, n, x, y, dx, dy, other)
    total = 0.0
    for i in range(1, n - 1):
        u0, v0 = ring[i, 0] - ring[0, 0], ring[i, 1] - ring[0, 1]
        u1, v1 = ring[i + 1, 0] - ring[0, 0], ring[i + 1, 1] - ring[0, 1]
        total += 0.5 * (u0 * v1 - v0 * u1)
    return total


@_jit
def _clip_half(ring, n, x, y, dx, dy, out):  # type: ignore[no-untyped-def]
    """Keep what lies left of a line; give how many corners that leaves."""
    m = 0
    for i in range(n):
        k = i + 1 if i + 1 < n else 0
        d0 = dx * (ring[i, 1] - y) - dy * (ring[i, 0] - x)
        d1 = dx * (ring[k, 1] - y) - dy * (ring[k, 0] - x)
        if d0 >= 0:
            out[m, 0], out[m, 1] = ring[i, 0], ring[i, 1]
            m += 1
        if (d0 > 0 and d1 < 0) or (d0 < 0 and d1 > 0):
            t = d0 / (d0 - d1)
            out[m, 0] = ring[i, 0] + t * (ring[k, 0] - ring[i, 0])
            out[m, 1] = ring[i, 1] + t * (ring[k, 1] - ring[i, 1])
            m += 1
    return m


@_jit
def _longer(array, length):  # type: ignore[no-untyped-def]
    longer = np.empty(length, array.dtype)
    longer[: len(array)] = array
    return longer


@_jit
def _share(xy, start, first_ring, hole, cells, lattice, small):  # type: ignore[no-untyped-def]
    """Pairs of every polygon: place, cell, area; and whether each polygon is wrong."""
    n, many = len(first_ring) - 1, len(cells.area)
    seen, found, stamp = np.zeros(many, np.int64), np.empty(many, np.int64), 0
    less, cut = np.zeros(many), np.zeros(many, np.bool_)
    out_cell, out_area, stop, at = np.empty(4096, np.int64), np.empty(4096), np.zeros(n + 1, np.int64), 0
    wrong = np.zeros(n, np.bool_)
    areas, signs = ring_areas(xy, start, hole)
    for p in range(n):
        r0, r1 = first_ring[p], first_ring[p + 1]
        low, high = _box(xy, start[r0], start[r1])
        stamp += 1
        near = near_cells(low, high, cells.box, lattice, seen, stamp, found)
        if at + near > len(out_cell):
            out_cell, out_area = _longer(out_cell, 2 * (at + near)), _longer(out_area, 2 * (at + near))
        of, sign = start[r0 : r1 + 1], signs[r0:r1]
        if (high[0] - low[0]) * (high[1] - low[1]) < small:
            whole = np.sum(areas[r0:r1] * sign)
            at, valid = _small(xy, of, sign, whole, cells, found[:near], out_cell, out_area, at)
        else:
            winding = _windings(xy, of, sign, cells.centre, found[:near])
            for r in range(r1 - r0):
                stamp = _cut_ring(xy, of[r], of[r + 1], sign[r], cells, lattice, seen, stamp, less, cut)
            at, valid = _emit(found[:near], winding, less, cut, cells, out_cell, out_area, at)
        stop[p + 1], wrong[p] = at, not valid
    return np.repeat(np.arange(n), np.diff(stop)), out_cell[:at].copy(), out_area[:at].copy(), wrong


@_jit
def _box(xy, a, b):  # type: ignore[no-untyped-def]
    low, high = np.array([np.inf, np.inf]), np.array([-np.inf, -np.inf])
    for i in range(a, b):
        for k in range(2):
            low[k], high[k] = min(low[k], xy[i, k]), max(high[k], xy[i, k])
    return low, high


@_jit
def _windings(xy, start, sign, centre, found):  # type: ignore[no-untyped-def]
    """Winding number of a polygon round the centres of cells."""
    north = np.empty(len(found))
    for i in range(len(found)):
        north[i] = centre[found[i], 1]
    order = np.argsort(north)
    px, py, counted = np.empty(len(found)), np.empty(len(found)), np.zeros(len(found))
    for i in range(len(found)):
        px[i], py[i] = centre[found[order[i]], 0], north[order[i]]
    for r in range(len(sign)):
        wind(xy, start[r], start[r + 1], sign[r], px, py, counted)
    winding = np.empty(len(found))
    winding[order] = counted
    return winding


@_jit
def _emit(found, winding, less, cut, cells, out_cell, out_area, at):  # type: ignore[no-untyped-def]
    """Write the cells of a polygon that have a share, from place `at` on, and wipe the slate."""
    valid = True
    for i in range(len(found)):
        j = found[i]
        area = cells.area[j]
        share = winding[i] * area - less[j] if cut[j] else winding[i] * area
        less[j], cut[j] = 0.0, False
        # digits are lost against the box of a needle, not against its area
        box = (cells.box[j, 2] - cells.box[j, 0]) * (cells.box[j, 3] - cells.box[j, 1])
        beyond = INVALID_BEYOND * (area + 1e-2 * box)
        if share < -beyond or share > area + beyond:
            valid = False
        if share > NEGLIGIBLE * area:
            out_cell[at], out_area[at] = j, min(share, area)
            at += 1
    return at, valid


@_jit
def _small(xy, start, sign, whole, cells, found, out_cell, out_area, at):  # type: ignore[no-untyped-def]
    """Write the cells of a polygon smaller than a cell, from place `at` on."""
    origin, valid = xy[start[0]], True
    for i in range(len(found)):
        share = 0.0
        for r in range(len(sign)):
            share += sign[r] * _clip_ring(xy, start[r], start[r + 1], origin, cells, found[i])
        if share < -INVALID_BEYOND * whole:
            valid = False
        if share > NEGLIGIBLE * whole:
            out_cell[at], out_area[at] = found[i], share
            at += 1
    return at, valid
