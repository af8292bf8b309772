"""The sweep as one compiled loop over polygons: the same integer sums as its NumPy twin in `kernels.sweep`."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

DENSE_CELLS_PER_PIECE = 24
"""A polygon whose box holds fewer cells than this per piece is summed in a dense box, others in a sorted list."""
_ONE = 2.0**52
_jit: Any = numba.njit(cache=True, nogil=True)


@_jit
def _counter_clockwise(xy, a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(a, b - 1):
        u0, v0 = xy[i, 0] - xy[a, 0], xy[i, 1] - xy[a, 1]
        u1, v1 = xy[i + 1, 0] - xy[a, 0], xy[i + 1, 1] - xy[a, 1]
        total += u0 * v1 - u1 * v0
    return total > 0


@_jit
def _cut_edge(x0, y0, x1, y1, sign, width, at, key, amount):  # type: ignore[no-untyped-def]
    """Write what one edge adds to which cell, from place `at` on; give the next place."""
    if y0 == y1:
        return at
    if y0 < y1:
        low, high, x_low, x_high = y0, y1, x0, x1
    else:
        sign, low, high, x_low, x_high = -sign, y1, y0, x1, x0
    slope = (x_high - x_low) / (high - low)
    first, last = int(np.floor(low)), int(np.ceil(high)) - 1
    for r in range(first, last + 1):
        bottom, top = max(low, float(r)), min(high, float(r + 1))
        # the ends of an edge are exact; between them x follows from y
        x_bottom = x_low if r == first else x_low + slope * (bottom - low)
        x_top = x_high if r == last else x_low + slope * (top - low)
        left, right = min(x_bottom, x_top), max(x_bottom, x_top)
        c0 = int(np.floor(left))
        columns = max(int(np.ceil(right)) - c0, 1)
        for c in range(c0, c0 + columns):
            a, b = max(left, float(c)), min(right, float(c + 1))
            share = 1.0 if columns == 1 else (b - a) / (right - left)
            rise = sign * (top - bottom) * share
            f = 0.5 * (a + b) - c
            whole, part = np.int64(np.rint(-rise * _ONE)), np.int64(np.rint(-rise * f * _ONE))
            key[at], amount[at] = r * width + c, whole - part
            key[at + 1], amount[at + 1] = r * width + c + 1, part
            at += 2
    return at


@_jit
def _longer(array, length):  # type: ignore[no-untyped-def]
    longer = np.empty((length, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer


@_jit
def _dense(key, amount, n, cells, total, touched):  # type: ignore[no-untyped-def]
    """Sum by cell in a dense box; the touched cells come back in order, in place."""
    for i in range(n):
        k = key[i]
        total[k] += amount[i]
        touched[k] = 1
    m = 0
    for k in range(cells):
        if touched[k]:
            key[m], amount[m] = k, total[k]
            total[k], touched[k] = 0, 0
            m += 1
    return m


@_jit
def _sorted(key, amount, n):  # type: ignore[no-untyped-def]
    """Sum by cell in a sorted list, for a box too large to fill."""
    order = np.argsort(key[:n])
    keys, amounts = key[:n][order], amount[:n][order]
    m = -1
    for i in range(n):
        if m >= 0 and key[m] == keys[i]:
            amount[m] += amounts[i]
        else:
            m += 1
            key[m], amount[m] = keys[i], amounts[i]
    return m + 1


@_jit
def _emit(key, amount, m, width, origin, limits, at, out_int, out_share):  # type: ignore[no-untyped-def]
    """Run along each row and write the runs, from place `at` on; give the next place and whether all is valid."""
    valid, running, row = True, np.int64(0), np.int64(-1)
    for i in range(m):
        r = key[i] // width
        c = key[i] - r * width
        if r != row:
            row, running = r, np.int64(0)
        running += amount[i]
        covered = running / _ONE
        if covered < -limits[0] or covered > 1 + limits[0]:
            valid = False
        if covered <= limits[1]:
            continue
        covered = min(covered, 1.0)
        stop = key[i + 1] - r * width if i + 1 < m and key[i + 1] // width == r else c + 1
        for begin, end in ((c, c + 1), (c + 1, stop)):
            if end > begin:
                out_int[at, 0], out_int[at, 1] = r + origin[1], begin + origin[0]
                out_int[at, 2], out_share[at] = end + origin[0], covered
                at += 1
    return at, valid


@_jit
def _localise(xy, a, b, cell_size, origin, local):  # type: ignore[no-untyped-def]
    """Corners in cells, counted from the polygon's own corner: large offsets would eat a sliver's digits.

    Gives width and height of its box, with a cell to spare, and how many places its pieces take at most.
    """
    west, south, east, north = np.inf, np.inf, -np.inf, -np.inf
    for i in range(a, b):
        west, east = min(west, xy[i, 0]), max(east, xy[i, 0])
        south, north = min(south, xy[i, 1]), max(north, xy[i, 1])
    origin[0], origin[1] = int(np.floor(west / cell_size)), int(np.floor(south / cell_size))
    pieces = 4.0
    for i in range(b - a):
        local[i, 0] = (xy[a + i, 0] - origin[0] * cell_size) / cell_size
        local[i, 1] = (xy[a + i, 1] - origin[1] * cell_size) / cell_size
        if i > 0:
            pieces += abs(local[i, 0] - local[i - 1, 0]) + abs(local[i, 1] - local[i - 1, 1]) + 3
    width, height = int(np.ceil(east / cell_size)) - origin[0] + 2, int(np.ceil(north / cell_size)) - origin[1] + 2
    return width, height, 2 * int(pieces)


@_jit
def _cut_rings(local, start, hole, width, key, amount):  # type: ignore[no-untyped-def]
    m = 0
    for ring in range(len(hole)):
        i0, i1 = start[ring] - start[0], start[ring + 1] - start[0]
        sign = 1.0 if _counter_clockwise(local, i0, i1) != hole[ring] else -1.0
        for i in range(i0, i1 - 1):
            m = _cut_edge(local[i, 0], local[i, 1], local[i + 1, 0], local[i + 1, 1], sign, width, m, key, amount)
    return m


@_jit
def sweep_polygons(xy, start, first_ring, hole, cell_size, invalid_beyond, negligible):  # type: ignore[no-untyped-def]
    """Coverage of each polygon *p*, whose rings are ``first_ring[p]`` to ``first_ring[p + 1]``.

    Returns arrays (polygon, row, col, stop, share), one entry per run, and whether each polygon is wrong.
    """
    n = len(first_ring) - 1
    # scratch, kept from polygon to polygon and made larger when one needs more
    local, key, amount = np.empty((1024, 2)), np.empty(1024, np.int64), np.empty(1024, np.int64)
    total, touched = np.zeros(4096, np.int64), np.zeros(4096, np.uint8)
    out_int, out_share = np.empty((4096, 3), np.int64), np.empty(4096)
    stop_of, wrong = np.zeros(n + 1, np.int64), np.zeros(n, np.bool_)
    limits, origin, at = np.array([invalid_beyond, negligible]), np.zeros(2, np.int64), 0
    for p in range(n):
        r0, r1 = first_ring[p], first_ring[p + 1]
        if start[r1] - start[r0] > len(local):
            local = np.empty((2 * (start[r1] - start[r0]), 2))
        width, height, places = _localise(xy, start[r0], start[r1], cell_size, origin, local)
        if places > len(key):
            key, amount = np.empty(2 * places, np.int64), np.empty(2 * places, np.int64)
        m = _cut_rings(local, start[r0 : r1 + 1], hole[r0:r1], width, key, amount)
        cells = width * height
        if cells <= DENSE_CELLS_PER_PIECE * m:
            if cells > len(total):
                total, touched = np.zeros(2 * cells, np.int64), np.zeros(2 * cells, np.uint8)
            m = _dense(key, amount, m, cells, total, touched)
        else:
            m = _sorted(key, amount, m)
        if at + 2 * m > len(out_share):
            out_int, out_share = _longer(out_int, 2 * (at + 2 * m)), _longer(out_share, 2 * (at + 2 * m))
        at, valid = _emit(key, amount, m, width, origin, limits, at, out_int, out_share)
        wrong[p], stop_of[p + 1] = not valid, at
    columns = out_int[:at].T.copy()
    return np.repeat(np.arange(n), np.diff(stop_of)), columns[0], columns[1], columns[2], out_share[:at].copy(), wrong
