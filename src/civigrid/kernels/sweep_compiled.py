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
def _put(place, rise, f, dense, key, amount, at):  # type: ignore[no-untyped-def]
    """Add a piece to its cell and the one east of it: in a dense box, or at the end of a list."""
    whole, part = np.int64(np.rint(rise)), np.int64(np.rint(rise * f))
    if dense:
        amount[place] += whole - part
        amount[place + 1] += part
        return at
    key[at], amount[at] = place, whole - part
    key[at + 1], amount[at + 1] = place + 1, part
    return at + 2


@_jit
def _cut_edge(x0, y0, x1, y1, sign, width, dense, key, amount, at):  # type: ignore[no-untyped-def]
    """Put what an edge adds to the cells it passes; give the next place of the list."""
    if y0 == y1:
        return at
    if y0 < y1:
        low, high, x_low, x_high = y0, y1, x0, x1
    else:
        sign, low, high, x_low, x_high = -sign, y1, y0, x1, x0
    first, last = int(low), int(high)
    if last == high:
        last -= 1
    slope = (x_high - x_low) / (high - low)
    for r in range(first, last + 1):
        bottom, top = max(low, float(r)), min(high, float(r + 1))
        # the ends of an edge are exact; between them x follows from y
        x_bottom = x_low if r == first else x_low + slope * (bottom - low)
        x_top = x_high if r == last else x_low + slope * (top - low)
        left, right = min(x_bottom, x_top), max(x_bottom, x_top)
        c0, c1 = int(left), int(right)
        if c1 == right and c1 > c0:
            c1 -= 1
        rise = sign * (top - bottom)
        if c0 == c1:
            at = _put(r * width + c0, rise, 0.5 * (left + right) - c0, dense, key, amount, at)
            continue
        for c in range(c0, c1 + 1):
            a, b = max(left, float(c)), min(right, float(c + 1))
            share = (b - a) / (right - left)
            at = _put(r * width + c, rise * share, 0.5 * (a + b) - c, dense, key, amount, at)
    return at


@_jit
def _cut_rings(xy, start, sign, cell_size, origin, width, dense, key, amount):  # type: ignore[no-untyped-def]
    """Cut all edges of a polygon, corners counted in cells from its own corner: large offsets would eat digits.

    What is counted this way is never negative, so that cutting off its decimals rounds it down.
    """
    at, west, south = 0, origin[0] * cell_size, origin[1] * cell_size
    for ring in range(len(sign)):
        # a rise in the cell's own coin, negative upwards: whole numbers from here on
        coin = -sign[ring] * _ONE
        i = start[ring]
        x1, y1 = (xy[i, 0] - west) / cell_size, (xy[i, 1] - south) / cell_size
        c1, r1 = int(x1), int(y1)
        for i in range(start[ring] + 1, start[ring + 1]):
            x0, y0, c0, r0 = x1, y1, c1, r1
            x1, y1 = (xy[i, 0] - west) / cell_size, (xy[i, 1] - south) / cell_size
            c1, r1 = int(x1), int(y1)
            if c0 == c1 and r0 == r1:
                at = _put(r0 * width + c0, coin * (y1 - y0), 0.5 * (x0 + x1) - c0, dense, key, amount, at)
            else:
                at = _cut_edge(x0, y0, x1, y1, coin, width, dense, key, amount, at)
    return at


@_jit
def _measure(xy, start, hole, sign, box):  # type: ignore[no-untyped-def]
    """Set which rings run the wrong way, and the box; give the length of all edges along both axes."""
    box[0], box[1], box[2], box[3], length = np.inf, np.inf, -np.inf, -np.inf, 0.0
    for ring in range(len(hole)):
        a, total = start[ring], 0.0
        x, y = xy[a, 0], xy[a, 1]
        u1, v1 = 0.0, 0.0
        for i in range(a, start[ring + 1]):
            u0, v0 = u1, v1
            u1, v1 = xy[i, 0] - x, xy[i, 1] - y
            total += u0 * v1 - u1 * v0
            length += abs(u1 - u0) + abs(v1 - v0)
            box[0], box[2] = min(box[0], xy[i, 0]), max(box[2], xy[i, 0])
            box[1], box[3] = min(box[1], xy[i, 1]), max(box[3], xy[i, 1])
        sign[ring] = 1.0 if (total > 0) != hole[ring] else -1.0
    return length


@_jit
def _write(out, share, at, polygon, row, col, stop, covered):  # type: ignore[no-untyped-def]
    out[0][at], out[1][at], out[2][at], out[3][at], share[at] = polygon, row, col, stop, min(covered, 1.0)
    return at + 1


@_jit
def _emit_box(total, width, height, origin, polygon, limits, at, out, share):  # type: ignore[no-untyped-def]
    """Run along each row of a dense box, write the runs and empty it; give the next place and whether all is valid."""
    valid = True
    for r in range(height):
        running, covered, last = np.int64(0), 0.0, 0
        row = r + origin[1]
        for k in range(r * width, (r + 1) * width):
            if total[k] == 0:
                continue
            c = k - r * width + origin[0]
            if covered > limits[1] and c > last:
                at = _write(out, share, at, polygon, row, last, c, covered)
            running += total[k]
            total[k], last = 0, c + 1
            covered = running / _ONE
            if covered < -limits[0] or covered > 1 + limits[0]:
                valid = False
            if covered > limits[1]:
                at = _write(out, share, at, polygon, row, c, c + 1, covered)
    return at, valid


@_jit
def _emit_list(key, amount, n, width, origin, polygon, limits, at, out, share):  # type: ignore[no-untyped-def]
    """Do the same with a list, for a box too large to fill."""
    order = np.argsort(key[:n])
    valid, running, covered, last, row, i = True, np.int64(0), 0.0, 0, np.int64(-1), 0
    while i < n:
        k, total = key[order[i]], np.int64(0)
        while i < n and key[order[i]] == k:
            total += amount[order[i]]
            i += 1
        if total == 0:
            continue
        r = k // width
        c = k - r * width + origin[0]
        if r != row:
            row, running, covered = r, np.int64(0), 0.0
        if covered > limits[1] and c > last:
            at = _write(out, share, at, polygon, r + origin[1], last, c, covered)
        running += total
        covered, last = running / _ONE, c + 1
        if covered < -limits[0] or covered > 1 + limits[0]:
            valid = False
        if covered > limits[1]:
            at = _write(out, share, at, polygon, r + origin[1], c, c + 1, covered)
    return at, valid


@_jit
def _longer(array, length):  # type: ignore[no-untyped-def]
    longer = np.empty(length, array.dtype)
    longer[: len(array)] = array
    return longer


@_jit
def sweep_polygons(xy, start, first_ring, hole, polygon, cell_size, limits):  # type: ignore[no-untyped-def]
    """Coverage of each polygon *p*, whose rings are ``first_ring[p]`` to ``first_ring[p + 1]``.

    `limits` are how far outside [0, 1] coverage is invalid, and below what it is rounding.  Returns arrays (polygon,
    row, col, stop, share), one entry per run, and whether each polygon is wrong.
    """
    n, at = len(first_ring) - 1, 0
    # scratch, kept from polygon to polygon and made larger when one needs more
    key, listed, total = np.empty(16, np.int64), np.empty(16, np.int64), np.zeros(4096, np.int64)
    boxes, lengths, signs, walked = np.empty((n, 4)), np.empty(n), np.empty(len(hole)), 0.0
    for p in range(n):
        r0, r1 = first_ring[p], first_ring[p + 1]
        lengths[p] = _measure(xy, start[r0 : r1 + 1], hole[r0:r1], signs[r0:r1], boxes[p]) / cell_size
        walked += lengths[p]
    # room for what so long a border mostly gives; room that is not used is never touched and costs no memory
    room = 4 * (int(walked) + len(hole)) + 4096
    out = (np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64))
    share, wrong = np.empty(room), np.zeros(n, np.bool_)
    origin = np.zeros(2, np.int64)
    for p in range(n):
        r0, r1 = first_ring[p], first_ring[p + 1]
        of, sign, box = start[r0 : r1 + 1], signs[r0:r1], boxes[p]
        origin[0], origin[1] = int(np.floor(box[0] / cell_size)), int(np.floor(box[1] / cell_size))
        width = int(np.ceil(box[2] / cell_size)) - origin[0] + 2
        height = int(np.ceil(box[3] / cell_size)) - origin[1] + 2
        # an edge is cut once more than it crosses lines; a piece reaches two cells
        most = 2 * (int(lengths[p]) + 3 * (of[-1] - of[0]) + 4)
        if at + 2 * min(most, width * height) > len(share):
            room = 2 * (at + 2 * min(most, width * height))
            out = (_longer(out[0], room), _longer(out[1], room), _longer(out[2], room), _longer(out[3], room))
            share = _longer(share, room)
        if width * height <= DENSE_CELLS_PER_PIECE * most:
            if width * height > len(total):
                total = np.zeros(2 * width * height, np.int64)
            _cut_rings(xy, of, sign, cell_size, origin, width, True, key, total)
            at, valid = _emit_box(total, width, height, origin, polygon[p], limits, at, out, share)
        else:
            if most > len(key):
                key, listed = np.empty(2 * most, np.int64), np.empty(2 * most, np.int64)
            m = _cut_rings(xy, of, sign, cell_size, origin, width, False, key, listed)
            at, valid = _emit_list(key, listed, m, width, origin, polygon[p], limits, at, out, share)
        wrong[p] = not valid
    return out[0][:at], out[1][:at], out[2][:at], out[3][:at], share[:at], wrong
