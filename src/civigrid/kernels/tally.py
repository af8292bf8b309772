"""Counts by cell and group in one pass: a compiled hash of cell ids that grows with the cells, not with the points.

Sums of measured values are whole numbers too (units, and 2**-52ths of a unit with a carry), so that no order of points,
pieces or workers changes a bit.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Floats, Ids, Ints

OUTSIDE = 0
"""Id that stands for every place outside the grid: that of no cell."""
NOWHERE = 2**64 - 1
"""Id that stands for points without coordinates."""
FRACTION = 2.0**52
"""Parts a unit is counted in: every float of at least 1 is a whole multiple of them."""
LARGEST = 2.0**40
"""Values must lie below: then a cell holds eight million of the largest ones, and all sums are exact."""
TILE_BITS = 6
TILE = 2**TILE_BITS
"""Cells that share one place of the hash: it stays small, and near cells near each other."""
CHUNK = 4_096
"""Points that are placed, numbered and counted at a time."""
_EMPTY = np.uint64(2**64 - 2)
_SCATTER = np.uint64(0x9E3779B97F4A7C15)
_jit: Any = numba.njit(cache=True, nogil=True)


@_jit
def _spread(value):  # type: ignore[no-untyped-def]
    """Put a zero bit before every bit of `value`: half a Morton code."""
    value = (value | (value << np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    value = (value | (value << np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    value = (value | (value << np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    value = (value | (value << np.uint64(2))) & np.uint64(0x3333333333333333)
    return (value | (value << np.uint64(1))) & np.uint64(0x5555555555555555)


@_jit
def _line(place, size, per_size):  # type: ignore[no-untyped-def]
    """Row or column of a coordinate, exact: a product that was rounded over a side is put back."""
    line = np.floor(place * per_size)
    line = line - 1.0 if line * size > place else line
    line = line + 1.0 if (line + 1.0) * size <= place else line
    # rows and columns have 28 bits: the narrow integer lets the loop run on several points at a time
    return np.uint64(np.int32(line))


@_jit
def _square_ids(x, y, size, bounds, level, ids):  # type: ignore[no-untyped-def]
    per_size, (west, south, east, north) = 1.0 / size, bounds
    for i in range(len(x)):
        # no branches, for the same reason; a comparison with NaN is false
        inside = (x[i] >= west) & (x[i] < east) & (y[i] >= south) & (y[i] < north)
        row = _line(y[i] if inside else south, size, per_size)
        col = _line(x[i] if inside else west, size, per_size)
        cell = (_spread(row) << np.uint64(1)) | _spread(col) | level
        beyond = np.uint64(NOWHERE) if (x[i] != x[i]) | (y[i] != y[i]) else np.uint64(OUTSIDE)
        ids[i] = cell if inside else beyond


def square_ids(x: Floats, y: Floats, *, size: float, bounds: tuple[float, ...], level: int) -> Ids:
    """Ids of the squares that hold points; a point on a side belongs to the cell above or right of it.

    Parameters
    ----------
    x, y : ndarray of float64, shape (point,)
        Easting and northing in the plane of the squares; NaN where unknown.
    size : float
        Side of a cell; cells start at multiples of it.
    bounds : tuple of float
        West, south, east and north; a point on the east or north bound lies outside.
    level : int
        Level bits of every id.

    Returns
    -------
    ndarray of uint64, shape (point,)
        `OUTSIDE` beyond the bounds, `NOWHERE` without coordinates.

    Examples
    --------
    >>> square_ids(np.array([1.0, 0.5, np.nan]), np.zeros(3), size=1.0, bounds=(0, 0, 4, 4), level=0)
    array([                   1,                    0, 18446744073709551615], dtype=uint64)
    """
    ids = np.empty(len(x), dtype=np.uint64)
    west, south, east, north = (float(b) for b in bounds)
    _square_ids(x, y, float(size), (west, south, east, north), np.uint64(level << 56), ids)
    return ids


@_jit
def number_cells(ids, shift, tables, rows):  # type: ignore[no-untyped-def]
    """Give each id a row of its own, in the order in which the ids first come.

    Of `tables`, `tiles` is the hash: tile and the first place of its page; ``pages[place]`` is 1 + the row of a cell;
    ``cells`` holds the ids by row; ``used`` says how many pages and rows are taken.  Gives where it stopped: before
    the end if there is no room for a new tile or cell.
    """
    tiles, pages, cells, used = tables
    mask, n_tiles, n = np.uint64(len(tiles) - 1), used[0], used[1]
    most_tiles, stopped = len(pages) // TILE, len(ids)
    for i in range(len(ids)):
        key = ids[i] >> shift
        tile = key >> np.uint64(TILE_BITS)
        at = ((tile * _SCATTER) >> np.uint64(32)) & mask
        while tiles[at, 0] != tile and tiles[at, 0] != _EMPTY:
            at = (at + np.uint64(1)) & mask
        if tiles[at, 0] == _EMPTY:
            if n_tiles == most_tiles:
                stopped = i
                break
            tiles[at, 0], tiles[at, 1] = tile, np.uint64(n_tiles * TILE)
            n_tiles += 1
        place = tiles[at, 1] + (key & np.uint64(TILE - 1))
        row = pages[place]
        if row == 0:
            if n == len(cells):
                stopped = i
                break
            cells[n] = ids[i]
            n += 1
            pages[place] = row = n
        rows[i] = row - 1
    used[0], used[1] = n_tiles, n
    return stopped


@_jit
def _add_points(rows, codes, column, counts):  # type: ignore[no-untyped-def]
    n = len(column)
    for i in range(len(codes)):
        code = codes[i]
        counts[rows[i], column[code if code >= 0 else n - 1]] += np.int32(1)


@_jit
def count_points(ids, x, y, start, square, codes, column, shift, tables, rows, counts):  # type: ignore[no-untyped-def]
    """Count points from `start` on by cell and group; give where it stopped, as `number_cells` does.

    The cells of the points are `ids`, or if it is empty those of the squares (size, bounds and level bits) that hold
    `x` and `y`.  Points are taken a few thousand at a time, from place to count, so that nothing leaves the
    processor's cache.  ``column[code]`` is the column of a group, its last entry that of code -1; without codes, all
    points count in the first.
    """
    size, bounds, level = square
    made = np.empty(CHUNK, np.uint64)
    for a in range(start, len(rows), CHUNK):
        b = min(a + CHUNK, len(rows))
        part = ids[a:b] if len(ids) else made[: b - a]
        if not len(ids):
            _square_ids(x[a:b], y[a:b], size, bounds, level, part)
        done = number_cells(part, shift, tables, rows[a:b])
        if len(codes):
            _add_points(rows[a : a + done], codes[a : a + done], column, counts)
        else:
            for i in range(a, a + done):
                counts[rows[i], 0] += np.int32(1)
        if done < b - a:
            return a + done
    return len(rows)


@_jit
def rehash(tiles, larger):  # type: ignore[no-untyped-def]
    """Put every tile in its place in a larger hash."""
    mask = np.uint64(len(larger) - 1)
    for i in range(len(tiles)):
        tile = tiles[i, 0]
        if tile == _EMPTY:
            continue
        at = ((tile * _SCATTER) >> np.uint64(32)) & mask
        while larger[at, 0] != _EMPTY:
            at = (at + np.uint64(1)) & mask
        larger[at] = tiles[i]


def empty_hash(places: int) -> Ids:
    """Give a hash of tiles without any, shape (places, 2); a power of two."""
    return np.full((places, 2), _EMPTY, dtype=np.uint64)


@_jit
def add_values(rows, values, whole, part, missing):  # type: ignore[no-untyped-def]
    """Add each point's value to the sum of its row, exactly; count those without a value."""
    for i in range(len(rows)):
        k, value = rows[i], values[i]
        if np.isnan(value):
            missing[k] += 1
            continue
        units = np.floor(value)
        whole[k] += np.int64(units)
        part[k] += np.int64(np.rint((value - units) * FRACTION))
        carry = part[k] >> 52
        whole[k] += carry
        part[k] -= carry << 52


@_jit
def _add_table(total, at, column, table):  # type: ignore[no-untyped-def]
    for i in range(len(at)):
        for j in range(len(column)):
            total[at[i], column[j]] += table[i, j]


def add_table(total: Ints, at: Ints, column: Ints, table: npt.NDArray[np.integer]) -> None:
    """Add a table to some rows and columns of a larger one, in place.

    >>> total = np.zeros((2, 2), dtype=np.int64)
    >>> add_table(total, np.array([1]), np.array([1, 0]), np.array([[5, 7]]))
    >>> total.tolist()
    [[0, 0], [7, 5]]
    """
    _add_table(total, at, column, table)


@_jit
def _ordered(counts, order, columns, out):  # type: ignore[no-untyped-def]
    for i in range(len(order)):
        for j in range(len(columns)):
            out[i, j] = counts[order[i], columns[j]]


def ordered(counts: npt.NDArray[np.integer], order: Ints, columns: Ints) -> Ints:
    """Rows and columns of a table in another order, as int64.

    >>> ordered(np.array([[1, 2], [3, 4]]), np.array([1, 0]), np.array([1])).tolist()
    [[4], [2]]
    """
    out = np.empty((len(order), len(columns)), dtype=np.int64)
    _ordered(counts, order, columns, out)
    return out


def carried(whole: Ints, part: Ints) -> tuple[Ints, Ints]:
    """Bring the parts of a unit below one unit: equal sums get equal numbers."""
    return whole + (part >> 52), part & (2**52 - 1)
