"""Connected cells: components of a sparse set of squares, and the holes that a component encloses."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Ints

_jit: Any = numba.njit(cache=True, nogil=True)


@_jit
def _find(parent, i):  # type: ignore[no-untyped-def]
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@_jit
def _join(parent, a, b):  # type: ignore[no-untyped-def]
    a, b = _find(parent, a), _find(parent, b)
    if a < b:
        parent[b] = a
    else:
        parent[a] = b


@_jit
def _touching(row, col, reach):  # type: ignore[no-untyped-def]
    """Root of each cell of a list sorted by row and column: one pass, a pointer follows in the row below."""
    n = len(row)
    parent, below = np.arange(n), 0
    for i in range(n):
        if i and row[i - 1] == row[i] and col[i - 1] == col[i] - 1:
            _join(parent, i - 1, i)
        while row[below] < row[i] - 1 or (row[below] == row[i] - 1 and col[below] < col[i] - reach):
            below += 1
        k = below
        while row[k] == row[i] - 1 and col[k] <= col[i] + reach:
            _join(parent, k, i)
            k += 1
    for i in range(n):
        parent[i] = _find(parent, i)
    return parent


@_jit
def _number(root, order):  # type: ignore[no-untyped-def]
    """Number components by their first cell in the caller's order."""
    n = len(root)
    place, label, name, count = np.empty(n, np.int64), np.empty(n, np.int64), np.full(n, -1, np.int64), 0
    place[order] = np.arange(n)
    for i in range(n):
        k = root[place[i]]
        if name[k] < 0:
            name[k] = count
            count += 1
        label[i] = name[k]
    return label, count


def components(row: Ints, col: Ints, *, diagonal: bool) -> tuple[Ints, int]:
    """Label the connected components of cells.

    Parameters
    ----------
    row, col : ndarray of int64, shape (cell,)
        Distinct cells, in any order.
    diagonal : bool
        Whether cells that touch by a corner only are neighbours (queen), or not (rook).

    Returns
    -------
    tuple of ndarray of int64, shape (cell,), and int
        Number of each cell's component, counted from 0 in the order in which components first appear, and how many
        there are: the same set of cells in the same order has the same numbers, however it was found.

    Notes
    -----
    Union-find with path halving (R. E. Tarjan and J. van Leeuwen 1984, J. ACM 31, 245-281), in row order.

    Examples
    --------
    >>> components(np.array([0, 0, 1]), np.array([0, 5, 1]), diagonal=True)
    (array([0, 1, 0]), 2)
    """
    if not len(row):
        return np.empty(0, dtype=np.int64), 0
    order = np.lexsort((col, row))
    label, count = _number(_touching(row[order], col[order], int(diagonal)), order)
    return label, int(count)


@_jit
def _flood(window, stack, start_r, start_c, mark, diagonal):  # type: ignore[no-untyped-def]
    """Mark the zeros that hang together with one place; give how many, their places on the stack's bottom."""
    height, width = window.shape
    window[start_r, start_c] = mark
    stack[0], count, done = start_r * width + start_c, 1, 0
    while done < count:
        r, c = stack[done] // width, stack[done] % width
        done += 1
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                if (dr != 0 and dc != 0 and not diagonal) or r + dr < 0 or r + dr >= height:
                    continue
                if c + dc < 0 or c + dc >= width or window[r + dr, c + dc] != 0:
                    continue
                window[r + dr, c + dc] = mark
                stack[count] = (r + dr) * width + c + dc
                count += 1
    return count


@_jit
def _holes(row, col, first, most, diagonal):  # type: ignore[no-untyped-def]
    """Holes of the groups of cells that begin at `first`: rows, columns, group and number of each hole's cells."""
    out, n, hole = np.empty((4, 1024), np.int64), 0, 0
    for g in range(len(first) - 1):
        rows, cols = row[first[g] : first[g + 1]], col[first[g] : first[g + 1]]
        top, left = rows.min() - 1, cols.min() - 1
        height, width = rows.max() - top + 2, cols.max() - left + 2
        if (height - 2) * (width - 2) == len(rows):
            continue
        window, stack = np.zeros((height, width), np.int8), np.empty(height * width, np.int64)
        for i in range(len(rows)):
            window[rows[i] - top, cols[i] - left] = 1
        _flood(window, stack, 0, 0, 2, diagonal)
        for r in range(1, height - 1):
            for c in range(1, width - 1):
                if window[r, c] != 0:
                    continue
                size = _flood(window, stack, r, c, 3, diagonal)
                if size > most:
                    continue
                while n + size > out.shape[1]:
                    longer = np.empty((4, 2 * out.shape[1]), np.int64)
                    longer[:, :n] = out[:, :n]
                    out = longer
                for k in range(size):
                    out[0, n], out[1, n] = stack[k] // width + top, stack[k] % width + left
                    out[2, n], out[3, n] = g, hole
                    n += 1
                hole += 1
    return out[:, :n]


def holes(
    row: Ints, col: Ints, group: Ints, *, most: int, diagonal: bool = False
) -> tuple[Ints, Ints, Ints, npt.NDArray[np.int64]]:
    """Find the holes that each group of cells encloses.

    Parameters
    ----------
    row, col : ndarray of int64, shape (cell,)
        Distinct cells.
    group : ndarray of int64, shape (cell,)
        Group of each, in [0, n).
    most : int
        Cells of the largest hole wanted.
    diagonal : bool
        Whether the outside passes between two cells that touch by a corner only.

    Returns
    -------
    tuple of four ndarrays of int64, shape (hole cell,)
        Row, column, group and number of the hole of each cell that is enclosed.  A hole may hold cells of other groups.

    Examples
    --------
    >>> ring = [(r, c) for r in range(3) for c in range(3) if (r, c) != (1, 1)]
    >>> row, col = np.array(ring).T
    >>> [int(v[0]) for v in holes(row, col, np.zeros(8, dtype=np.int64), most=14)]
    [1, 1, 0, 0]
    """
    order = np.argsort(group, kind="stable")
    count = np.bincount(group, minlength=int(group.max(initial=-1)) + 1)
    filled = np.flatnonzero(count)
    first = np.concatenate([[0], np.cumsum(count[filled])])
    found = _holes(row[order], col[order], first, most, diagonal)
    return found[0], found[1], filled[found[2]], found[3]
