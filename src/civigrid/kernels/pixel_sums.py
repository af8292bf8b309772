"""Sums of pixels by cell: each cell is a list of runs of pixels, with the share of each that lies in it.

A cell's pixels are added row by row, with compensation (Neumaier), so that neither blocks nor strips change a bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from civigrid.kernels.sweep import Coverage
from civigrid.types import Floats

Codes = npt.NDArray[np.int16]
NO_CLASS = -1
"""Code of a pixel that is known, and of no class asked for."""
UNKNOWN = -2
"""Code of a pixel without a value."""
_jit: Any = numba.njit(cache=True, nogil=True)


class PixelSums(NamedTuple):
    """By cell, shape (cell,): what `add_runs` adds up.

    `total` sums value x weight x share; `base` sums weight x share and `known` sums area x share of pixels with a
    value; `split` tells whether a pixel that is not 0 lies in this cell in part.  Of total and base the second row
    holds what rounding lost.
    """

    total: Floats
    base: Floats
    known: Floats
    split: npt.NDArray[np.bool_]

    @classmethod
    def zeros(cls, cells: int) -> PixelSums:
        """Nothing added yet."""
        return cls(np.zeros((2, cells)), np.zeros((2, cells)), np.zeros(cells), np.zeros(cells, dtype=bool))


@_jit
def _add(sums, k, value):  # type: ignore[no-untyped-def]
    total = sums[0, k] + value
    if abs(sums[0, k]) >= abs(value):
        sums[1, k] += (sums[0, k] - total) + value
    else:
        sums[1, k] += (value - total) + sums[0, k]
    sums[0, k] = total


@_jit
def _add_runs(cell, row, col, stop, share, values, weight, area, total, base, known, split):  # type: ignore[no-untyped-def]
    for i in range(len(cell)):
        k, r, s = cell[i], row[i], share[i]
        for c in range(col[i], stop[i]):
            value, w = values[r, c], weight[r, c]
            if np.isnan(value) or np.isnan(w):
                continue
            _add(total, k, value * w * s)
            _add(base, k, w * s)
            known[k] += area[r] * s
            if s != 1.0 and value != 0.0:
                split[k] = True


def add_runs(
    runs: Coverage, corner: tuple[int, int], values: Floats, weight: Floats, area: Floats, to: PixelSums
) -> None:
    """Add a window of pixels to the sums of the cells, in place.

    Parameters
    ----------
    runs : Coverage
        Runs of pixels of each cell (`polygon`), all within the window, in order.
    corner : tuple of int
        Row and column of the window's first pixel.
    values : ndarray of float64, shape (row, col)
        NaN where unknown.
    weight : ndarray of float64, shape (row, col)
        What a pixel weighs; NaN where unknown.
    area : ndarray of float64, shape (row,)
        Area of a pixel of each row.
    to : PixelSums
        What is added to.

    Examples
    --------
    >>> sums = PixelSums.zeros(1)
    >>> half = box_runs(np.array([0.5]), np.array([2.0]), np.array([0.0]), np.array([1.0]))
    >>> add_runs(half, (0, 0), np.array([[4.0, 3.0]]), np.ones((1, 2)), np.ones(1), sums)
    >>> sums.total[0], sums.known
    (array([5.]), array([1.5]))
    """
    row, col, stop = runs.row - corner[0], runs.col - corner[1], runs.stop - corner[1]
    _add_runs(runs.polygon, row, col, stop, runs.share, values, weight, area, *to)


@_jit
def _add_classes(cell, row, col, stop, share, codes, area, by_class, known):  # type: ignore[no-untyped-def]
    for i in range(len(cell)):
        k, part = cell[i], share[i] * area[row[i]]
        for c in range(col[i], stop[i]):
            code = codes[row[i], c]
            if code != UNKNOWN:
                known[k] += part
            if code >= 0:
                by_class[k, code] += part


def add_classes(
    runs: Coverage, corner: tuple[int, int], codes: Codes, area: Floats, by_class: Floats, known: Floats
) -> None:
    """Add the area of each class in a window of pixels to that of the cells, in place.

    `codes`, shape (row, col), are places of classes, `NO_CLASS` or `UNKNOWN`; `by_class` has shape (cell, class) and
    `known` shape (cell,).
    """
    row, col, stop = runs.row - corner[0], runs.col - corner[1], runs.stop - corner[1]
    _add_classes(runs.polygon, row, col, stop, runs.share, codes, area, by_class, known)


def whole_area(runs: Coverage, cells: int, first_row: int, area: Floats) -> Floats:
    """Area of each cell, shape (cell,), in the units of `area`, that of a pixel of each row from `first_row` on."""
    each = runs.share * (runs.stop - runs.col) * area[runs.row - first_row]
    return np.bincount(runs.polygon, weights=each, minlength=cells).astype(np.float64)


@_jit
def _box_runs(x0, x1, y0, y1, cell, row, col, stop, share):  # type: ignore[no-untyped-def]
    n = 0
    for k in range(len(x0)):
        first, last = int(np.floor(x0[k])), int(np.ceil(x1[k])) - 1
        for r in range(int(np.floor(y0[k])), int(np.ceil(y1[k]))):
            high = min(y1[k], r + 1.0) - max(y0[k], float(r))
            # whole pixels are one run, the cut ones at its ends a run each
            inner = first if x0[k] == first else first + 1
            outer = last + 1 if x1[k] == last + 1 else last
            if inner > first:
                cell[n], row[n], col[n], stop[n] = k, r, first, first + 1
                share[n] = high * (min(x1[k], first + 1.0) - x0[k])
                n += 1
            if outer > inner:
                cell[n], row[n], col[n], stop[n], share[n] = k, r, inner, outer, high
                n += 1
            if outer <= last and last >= inner:
                cell[n], row[n], col[n], stop[n] = k, r, last, last + 1
                share[n] = high * (x1[k] - last)
                n += 1
    return n


def box_runs(x0: Floats, x1: Floats, y0: Floats, y1: Floats) -> Coverage:
    """Runs of pixels in boxes whose sides run along the pixels': exact overlaps per axis, and their product.

    Parameters
    ----------
    x0, x1, y0, y1 : ndarray of float64, shape (cell,)
        Sides of the boxes in pixels; a pixel covers 1 by 1 from its number on.

    Returns
    -------
    Coverage
        `polygon` counts the boxes.  A pixel's shares over boxes that share sides sum to 1 exactly.
    """
    places = 3 * int((np.ceil(y1) - np.floor(y0)).sum())
    ints = [np.empty(places, dtype=np.int64) for _ in range(4)]
    share = np.empty(places)
    n = _box_runs(x0, x1, y0, y1, *ints, share)
    cell, row, col, stop = (column[:n] for column in ints)
    return Coverage(cell, row, col, stop, share[:n], np.empty(0, dtype=np.int64))


def clip_runs(runs: Coverage, rows: tuple[int, int], cols: tuple[int, int]) -> Coverage:
    """Runs within a window of pixels, in their order."""
    col, stop = np.maximum(runs.col, cols[0]), np.minimum(runs.stop, cols[1])
    kept = (stop > col) & (runs.row >= rows[0]) & (runs.row < rows[1])
    return Coverage(runs.polygon[kept], runs.row[kept], col[kept], stop[kept], runs.share[kept], runs.invalid)
