"""Which tiles cells lie in, and the order of tiles along Hilbert's curve."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from civigrid.kernels.vector_tile import WORLD_BITS
from civigrid.types import Ints


class Cover(NamedTuple):
    """Tiles of one zoom in Hilbert's order, and the cells of each.

    Parameters
    ----------
    tile : ndarray of int64, shape (tile, 2)
        Column and row, counted from the upper left.
    start : ndarray of int64, shape (tile + 1,)
        Where each tile's cells begin in `row`.
    row : ndarray of int64, shape (pair,)
        Cells, in their order within each tile.
    """

    tile: Ints
    start: Ints
    row: Ints


def cover(ring: Ints, zoom: int) -> Cover:
    """Find the tiles that each cell's box overlaps; to touch an edge is not to overlap.

    Parameters
    ----------
    ring : ndarray of int64, shape (cell, corner, 2)
        Corners in units of the square (`civigrid.kernels.vector_tile.WORLD_BITS`).
    zoom : int
        Zoom of the tiles.

    Examples
    --------
    >>> half = 2**30
    >>> square = np.array([[[0, 0], [half + 1, 0], [half + 1, half], [0, half]]])
    >>> cover(square, 1).tile.tolist()
    [[0, 0], [1, 0]]
    """
    if not len(ring):
        return Cover(np.empty((0, 2), np.int64), np.zeros(1, np.int64), np.empty(0, np.int64))
    key, row = _pairs(ring, zoom, WORLD_BITS - zoom)
    if not len(key):
        return Cover(np.empty((0, 2), np.int64), np.zeros(1, np.int64), row)
    # neighbours in the table lie in the same tile, mostly: their runs are sorted instead of the cells
    begin = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    size = np.diff(np.append(begin, len(key)))
    order = np.argsort(key[begin], kind="stable")
    begin, size = begin[order], size[order]
    end = np.cumsum(size)
    row = row[np.repeat(begin - (end - size), size) + np.arange(len(key))]
    run = key[begin]
    first = np.flatnonzero(np.append(True, run[1:] != run[:-1]))
    return Cover(hilbert_tile(run[first], zoom), np.append((end - size)[first], len(key)), row)


def hilbert_tile(distance: Ints, zoom: int) -> Ints:
    """Columns and rows of tiles from their places along Hilbert's curve, shape (tile, 2).

    >>> hilbert_tile(np.arange(4), 1).tolist()
    [[0, 0], [0, 1], [1, 1], [1, 0]]
    """
    return np.asarray(_tiles(np.asarray(distance, dtype=np.int64), zoom))


def hilbert_distance(tile: Ints, zoom: int) -> Ints:
    """Places of tiles along Hilbert's curve, shape (tile,): the order of a PMTiles archive, version 3."""
    return np.asarray(_distances(np.asarray(tile, dtype=np.int64), zoom))


@numba.njit(cache=True, nogil=True)
def _distance(x, y, zoom):  # type: ignore[no-untyped-def]
    d = np.int64(0)
    for k in range(zoom - 1, -1, -1):
        s = np.int64(1) << k
        rx, ry = np.int64((x & s) > 0), np.int64((y & s) > 0)
        d += s * s * ((3 * rx) ^ ry)
        if ry == 0:
            if rx == 1:
                x, y = s - 1 - (x & (s - 1)), s - 1 - (y & (s - 1))
            x, y = y, x
        x, y = x & (s - 1), y & (s - 1)
    return d


@numba.njit(cache=True, nogil=True)
def _distances(tile, zoom):  # type: ignore[no-untyped-def]
    found = np.empty(len(tile), np.int64)
    for k in range(len(tile)):
        found[k] = _distance(tile[k, 0], tile[k, 1], zoom)
    return found


@numba.njit(cache=True, nogil=True)
def _tiles(distance, zoom):  # type: ignore[no-untyped-def]
    found = np.empty((len(distance), 2), np.int64)
    for k in range(len(distance)):
        d, x, y = distance[k], np.int64(0), np.int64(0)
        for level in range(zoom):
            s = np.int64(1) << level
            rx = (d >> 1) & 1
            ry = (d ^ rx) & 1
            if ry == 0:
                if rx == 1:
                    x, y = s - 1 - x, s - 1 - y
                x, y = y, x
            x, y = x + s * rx, y + s * ry
            d >>= 2
        found[k, 0], found[k, 1] = x, y
    return found


@numba.njit(cache=True, nogil=True)
def _box(ring, side, bits):  # type: ignore[no-untyped-def]
    """First and last column and row of the tiles under one ring, cut at the edges of the square."""
    low_x, high_x, low_y, high_y = ring[0, 0], ring[0, 0], ring[0, 1], ring[0, 1]
    for k in range(1, ring.shape[0]):
        low_x, high_x = min(low_x, ring[k, 0]), max(high_x, ring[k, 0])
        low_y, high_y = min(low_y, ring[k, 1]), max(high_y, ring[k, 1])
    x0, y0 = max(low_x >> bits, 0), max(low_y >> bits, 0)
    x1 = min(max(high_x - 1, low_x) >> bits, side - 1)
    y1 = min(max(high_y - 1, low_y) >> bits, side - 1)
    return x0, x1, y0, y1


@numba.njit(cache=True, nogil=True)
def _pairs(ring, zoom, bits):  # type: ignore[no-untyped-def]
    side, n = np.int64(1) << zoom, np.int64(0)
    for cell in range(len(ring)):
        x0, x1, y0, y1 = _box(ring[cell], side, bits)
        n += max(x1 - x0 + 1, 0) * max(y1 - y0 + 1, 0)
    key, row = np.empty(n, np.int64), np.empty(n, np.int64)
    n = np.int64(0)
    for cell in range(len(ring)):
        x0, x1, y0, y1 = _box(ring[cell], side, bits)
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                key[n], row[n] = _distance(x, y, zoom), cell
                n += 1
    return key, row
