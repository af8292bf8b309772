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
TILE = 16
"""Cells that share one place of the hash, and one line of the processor's cache."""
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
def _line(place, size):  # type: ignore[no-untyped-def]
    """Row or column of a coordinate; a quotient that was rounded up to a side is put back below it."""
    line = np.int64(np.floor(place / size))
    return line - 1 if line * size > place else line


@_jit
def _square_ids(x, y, size, bounds, level, ids):  # type: ignore[no-untyped-def]
    for i in range(len(x)):
        if np.isnan(x[i]) or np.isnan(y[i]):
            ids[i] = np.uint64(NOWHERE)
        elif x[i] >= bounds[0] and x[i] < bounds[2] and y[i] >= bounds[1] and y[i] < bounds[3]:
            row, col = np.uint64(_line(y[i], size)), np.uint64(_line(x[i], size))
            ids[i] = (_spread(row) << np.uint64(1)) | _spread(col) | level
        else:
            ids[i] = np.uint64(OUTSIDE)


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
    _square_ids(x, y, float(size), np.array(bounds, dtype=np.float64), np.uint64(level << 56), ids)
    return ids


@_jit
def number_cells(ids, shift, tiles, pages, cells, used, rows):  # type: ignore[no-untyped-def]
    """Give each id a row of its own, in the order in which the ids first come.

    `tiles` is the hash: tile and its page; ``pages[TILE * page + place]`` is 1 + the row of a cell; ``used`` holds how
    many pages and rows are taken.  The caller leaves room for as many new tiles and cells as there are ids.
    """
    mask = np.uint64(len(tiles) - 1)
    for i in range(len(ids)):
        key = ids[i] >> shift
        tile = key >> np.uint64(4)
        at = ((tile * _SCATTER) >> np.uint64(32)) & mask
        while tiles[at, 0] != tile:
            if tiles[at, 0] == _EMPTY:
                tiles[at, 0], tiles[at, 1] = tile, np.uint64(used[0])
                used[0] += 1
                break
            at = (at + np.uint64(1)) & mask
        place = tiles[at, 1] * np.uint64(TILE) + (key & np.uint64(TILE - 1))
        if pages[place] == 0:
            cells[used[1]] = ids[i]
            used[1] += 1
            pages[place] = used[1]
        rows[i] = pages[place] - 1


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
def add_points(rows, group, counts):  # type: ignore[no-untyped-def]
    """Add one to the count of each point's row and group."""
    for i in range(len(rows)):
        counts[rows[i], np.uint64(group[i])] += 1


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


def carried(whole: Ints, part: Ints) -> tuple[Ints, Ints]:
    """Bring the parts of a unit below one unit: equal sums get equal numbers."""
    return whole + (part >> 52), part & (2**52 - 1)
