"""Runs of cells to a sparse matrix, without a sort: two passes of counting put every pair where it belongs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)


class Matrix(NamedTuple):
    """A sparse matrix by rows, columns ascending in each, and the sum of each column."""

    indptr: Ints
    indices: Ints
    data: Floats
    column_sum: Floats


def mark_places(row: Ints, col: Ints, stop: Ints, width: int, height: int) -> Ints:
    """Places ``row * width + col`` of a box that any run holds, ascending.

    >>> mark_places(np.array([1, 1]), np.array([0, 1]), np.array([2, 3]), 4, 2)
    array([4, 5, 6])
    """
    used = np.zeros(width * height, dtype=np.uint8)
    _mark(row, col, stop, width, used)
    return np.flatnonzero(used)


def matrix_of_runs(
    unit: Ints, place: Ints, length: Ints, value: Floats, column: Ints, shape: tuple[int, int]
) -> Matrix:
    """Write runs out as a sparse matrix.

    Parameters
    ----------
    unit, place, length : ndarray of int64, shape (run,)
        A run gives `unit` (ascending) the places from `place` on, `length` of them.
    value : ndarray of float64, shape (run,)
        The same for all places of a run.
    column : ndarray of int64, shape (place,)
        Column of each place, numbered as the columns are sorted.
    shape : tuple of int
        Number of units and columns.

    Examples
    --------
    >>> one = np.array([0])
    >>> matrix_of_runs(one, one, np.array([2]), np.array([0.5]), np.array([1, 0]), (1, 2)).indices
    array([0, 1], dtype=int32)
    """
    return Matrix(*_matrix(unit, place, length, value, column, *shape))


@_jit
def _mark(row, col, stop, width, used):  # type: ignore[no-untyped-def]
    for i in range(len(row)):
        for k in range(row[i] * width + col[i], row[i] * width + stop[i]):
            used[k] = 1


@_jit
def _matrix(unit, place, length, value, column, n_units, n_columns):  # type: ignore[no-untyped-def]
    # first by column: pairs of a column come in the order of the units
    at = np.zeros(n_columns + 1, np.int64)
    indptr = np.zeros(n_units + 1, np.int64)
    for i in range(len(unit)):
        indptr[unit[i] + 1] += length[i]
        for k in range(place[i], place[i] + length[i]):
            at[column[k] + 1] += 1
    at, indptr = np.cumsum(at), np.cumsum(indptr)
    pairs = at[-1]
    by_unit, by_value = np.empty(pairs, np.int32), np.empty(pairs)
    free = at[:-1].copy()
    for i in range(len(unit)):
        for k in range(place[i], place[i] + length[i]):
            j = column[k]
            by_unit[free[j]], by_value[free[j]] = unit[i], value[i]
            free[j] += 1
    # then by unit: its columns come in order
    indices, data, total = np.empty(pairs, np.int32), np.empty(pairs), np.zeros(n_columns)
    free = indptr[:-1].copy()
    for j in range(n_columns):
        for k in range(at[j], at[j + 1]):
            u = by_unit[k]
            indices[free[u]], data[free[u]] = j, by_value[k]
            total[j] += by_value[k]
            free[u] += 1
    return indptr, indices, data, total
