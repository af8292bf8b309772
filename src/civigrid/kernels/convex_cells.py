"""Convex cells in a plane, laid out for kernels, and a lattice of buckets to find those near a place."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from civigrid.types import Floats, Ints

MOST_BUCKETS = 2_000_000
_jit: Any = numba.njit(cache=True, nogil=True)


class ConvexCells(NamedTuple):
    """Convex cells in a plane.

    Corners of cell *j*, counter-clockwise and counted from its `centre`, are ``corner[start[j]:start[j + 1]]``, the
    first one above the ray east of the centre.  `swept` is the area swept up to each corner, `area` the whole,
    `box` west, south, east, north.
    """

    corner: Floats
    start: Ints
    centre: Floats
    swept: Floats
    area: Floats
    box: Floats


class Buckets(NamedTuple):
    """Cells whose box meets bucket *b*: ``member[start[b]:start[b + 1]]``.

    `frame` is west, south and the side of a bucket, `lattice` how many there are eastwards and northwards.
    """

    start: Ints
    member: Ints
    frame: Floats
    lattice: Ints


def convex_cells(corner: Floats, start: Ints) -> ConvexCells:
    """Prepare convex cells.

    Parameters
    ----------
    corner : ndarray of float64, shape (corner, 2)
        Corners of all cells, counter-clockwise; repeated ones do no harm.
    start : ndarray of int64, shape (cell + 1,)
        First corner of each cell.

    Examples
    --------
    >>> convex_cells(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]), np.array([0, 4])).area
    array([2.])
    """
    return ConvexCells(*_prepare(np.ascontiguousarray(corner, dtype=np.float64), start.astype(np.int64)))


def buckets(cells: ConvexCells) -> Buckets:
    """Sort cells into square buckets, each about as large as a cell."""
    west, south = cells.box[:, :2].min(axis=0)
    width, height = cells.box[:, 2:].max(axis=0) - (west, south)
    side = float((cells.box[:, 2:] - cells.box[:, :2]).max())
    side = max(side, float(np.sqrt(width * height / MOST_BUCKETS)))
    frame, lattice = np.array([west, south, side]), np.array([int(width / side) + 1, int(height / side) + 1])
    start, member = _fill_buckets(cells.box, frame, lattice)
    return Buckets(start, member, frame, lattice)


@_jit
def _prepare(corner, start):  # type: ignore[no-untyped-def]
    n = len(start) - 1
    turned, swept = np.empty_like(corner), np.empty(len(corner))
    centre, area, box = np.empty((n, 2)), np.empty(n), np.empty((n, 4))
    for j in range(n):
        a, b = start[j], start[j + 1]
        m, x, y, weights = b - a, 0.0, 0.0, 0.0
        west, south, east, north = np.inf, np.inf, -np.inf, -np.inf
        for i in range(a, b):
            # not quite the middle, yet within: corners of a polygon often lie at the centres of cells
            weight = 1.0 + 0.0371 * (i - a)
            x, y = x + weight * (corner[i, 0] - corner[a, 0]), y + weight * (corner[i, 1] - corner[a, 1])
            weights += weight
            west, east = min(west, corner[i, 0]), max(east, corner[i, 0])
            south, north = min(south, corner[i, 1]), max(north, corner[i, 1])
        x, y = corner[a, 0] + x / weights, corner[a, 1] + y / weights
        centre[j, 0], centre[j, 1] = x, y
        box[j, 0], box[j, 1], box[j, 2], box[j, 3] = west, south, east, north
        first = 0
        for i in range(m):
            if corner[a + i, 1] > y and corner[a + (i - 1) % m, 1] <= y:
                first = i
        for i in range(m):
            turned[a + i, 0] = corner[a + (first + i) % m, 0] - x
            turned[a + i, 1] = corner[a + (first + i) % m, 1] - y
        out = ray(turned, a, b)
        total = 0.5 * out * turned[a, 1]
        for i in range(a, b):
            swept[i] = total
            if i + 1 < b:
                total += 0.5 * (turned[i, 0] * turned[i + 1, 1] - turned[i, 1] * turned[i + 1, 0])
        area[j] = total - 0.5 * out * turned[b - 1, 1]
    return turned, start, centre, swept, area, box


@_jit
def ray(corner, a, b):  # type: ignore[no-untyped-def]
    """Where the ray east of the centre leaves the cell: between its last corner and its first."""
    x0, y0, x1, y1 = corner[b - 1, 0], corner[b - 1, 1], corner[a, 0], corner[a, 1]
    return x0 + (x1 - x0) * (-y0 / (y1 - y0))


@_jit
def _fill_buckets(box, frame, lattice):  # type: ignore[no-untyped-def]
    """Cells whose box meets each bucket: first place of each bucket, and the cells."""
    nx, ny = lattice
    count = np.zeros(nx * ny + 1, np.int64)
    for turn in range(2):
        if turn == 1:
            count[1:] = np.cumsum(count[1:])
            member = np.empty(count[-1], np.int64)
            free = count[:-1].copy()
        for j in range(len(box)):
            c0, r0 = int((box[j, 0] - frame[0]) / frame[2]), int((box[j, 1] - frame[1]) / frame[2])
            c1, r1 = int((box[j, 2] - frame[0]) / frame[2]), int((box[j, 3] - frame[1]) / frame[2])
            for r in range(r0, min(r1, ny - 1) + 1):
                for c in range(c0, min(c1, nx - 1) + 1):
                    if turn == 0:
                        count[r * nx + c + 1] += 1
                    else:
                        member[free[r * nx + c]] = j
                        free[r * nx + c] += 1
    return count, member


@_jit
def near_cells(low, high, box, buckets, seen, stamp, found):  # type: ignore[no-untyped-def]
    """Cells whose box meets a box, in order: written to `found`, their number given."""
    frame, nx, ny = buckets.frame, buckets.lattice[0], buckets.lattice[1]
    c0, c1 = int(np.floor((low[0] - frame[0]) / frame[2])), int(np.floor((high[0] - frame[0]) / frame[2]))
    r0, r1 = int(np.floor((low[1] - frame[1]) / frame[2])), int(np.floor((high[1] - frame[1]) / frame[2]))
    n = 0
    for r in range(max(r0, 0), min(r1, ny - 1) + 1):
        for c in range(max(c0, 0), min(c1, nx - 1) + 1):
            for k in range(buckets.start[r * nx + c], buckets.start[r * nx + c + 1]):
                j = buckets.member[k]
                if seen[j] != stamp:
                    seen[j] = stamp
                    if box[j, 0] <= high[0] and box[j, 2] >= low[0] and box[j, 1] <= high[1] and box[j, 3] >= low[1]:
                        found[n] = j
                        n += 1
    found[:n].sort()
    return n
