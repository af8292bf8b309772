"""The k nearest persons around every cell, exactly, ring by ring.

All cells at exactly one distance enter together.  The squared distance of the ring that crosses k is found by a
bracketed secant search over whole numbers; nothing limits how far it looks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from civigrid.kernels.rings import Plane, fill_rings, groups_within, persons_within, spread_back, unit_of, units
from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)
_WIDTH = 128
"""Most squared distances left between two discs when their rings are looked at one by one."""


class Crossing(NamedTuple):
    """Where neighbourhoods reach k persons.

    `square` squared distance of the ring that crosses k, in cells, shape (row,); `before` that of the last inhabited
    ring inside it, -1 where there is none; `inside` and `ring` units of persons nearer, and on it, shape (row, group).
    """

    square: Ints
    before: Ints
    inside: Ints
    ring: Ints


@_jit
def _ring(index, everyone, row, col, target, low, n_low, high, n_high, rings):  # type: ignore[no-untyped-def]
    """Find the first ring within which `target` units live, between a disc with fewer and one with enough.

    Give its squared distance, the units inside it, and the inhabited ring before it if that lies above `low`, else -1.
    """
    slow, from_above = 0, True
    # a ring costs as much as a few rows of a disc: few of them near, more of them far away
    near = np.int64(min(max(0.5 * np.sqrt(np.float64(high)), 8.0), np.float64(_WIDTH)))
    while high - low > near:
        width = high - low
        if slow < 3:
            there = low + np.int64((high - low) * ((target - n_low) / (n_high - n_low)))
            # look a little beyond where the answer should lie: on its other side
            there += -near // 2 if from_above else near // 2
            there = min(max(there, low + 1), high - 1)
        else:
            there = (low + high) // 2
        found = persons_within(index, everyone, row, col, there)
        from_above = found >= target
        if from_above:
            high, n_high = there, found
        else:
            low, n_low = there, found
        slow = slow + 1 if 2 * (high - low) > width else 0
    fill_rings(index, everyone, row, col, low, high, rings)
    inside, before = n_low, np.int64(-1)
    for step in range(high - low):
        if inside + rings[step] >= target:
            return low + 1 + step, inside, before
        if rings[step] > 0:
            inside, before = inside + rings[step], low + 1 + step
    return high, inside, before


@_jit
def _bracket(index, everyone, row, col, target, low, n_low, guess, most):  # type: ignore[no-untyped-def]
    """Give a disc with fewer units than `target`, and one with enough, from a guess."""
    there = min(max(guess, low + 1), most)
    while True:
        found = persons_within(index, everyone, row, col, there)
        if found >= target:
            return low, n_low, there, found
        low, n_low = there, found
        more = np.float64(there) * target / found * 1.05 if found > 0 else 4.0 * there
        there = np.int64(min(max(more, there + 8.0), 4.0 * there + 8.0, np.float64(most)))


@_jit
def _cross(index, everyone, groups, row, col, target, start, square, before, inside, ring):  # type: ignore[no-untyped-def]
    """Fill the arrays of a `Crossing` for all rows; they may hold that of a smaller target (`start`)."""
    rings = np.empty(_WIDTH, dtype=np.int64)
    most = index[1] ** 2 + (64 * index[2]) ** 2
    guess = np.int64(0)
    for i in range(len(row)):
        low, n_low = np.int64(-1), np.int64(0)
        if start:
            low, n_low = square[i], inside[i].sum() + ring[i].sum()
            if n_low >= target:
                guess = square[i]
                continue
        r, c = row[i], col[i]
        low, n_low, high, n_high = _bracket(index, everyone, r, c, target, low, n_low, guess, most)
        found, nearer, last = _ring(index, everyone, r, c, target, low, n_low, high, n_high, rings)
        if last < 0 and nearer > 0:
            # the disc below holds everyone nearer: its outermost inhabited ring is the first that holds them all
            last, _, _ = _ring(index, everyone, r, c, nearer, np.int64(-1), np.int64(0), found - 1, nearer, rings)
        square[i], before[i], guess = found, last, found
        inside[i], ring[i] = 0, 0
        groups_within(index, groups, r, c, found, inside[i], ring[i])


def crossing(plane: Plane, row: Ints, col: Ints, k: float, smaller: Crossing | None = None) -> Crossing:
    """Find the ring that crosses k persons around each place.

    Parameters
    ----------
    plane : Plane
        Cells with their persons.
    row, col : ndarray of int64, shape (row,)
        Places in the plane's box, with a cell or without; those that follow each other are best near each other.
    k : float
        Persons to reach; the plane holds them.
    smaller : Crossing, optional
        The answer for a smaller k, from which the search goes on.

    Returns
    -------
    Crossing
        Exact; the same whatever the order of rows.

    Notes
    -----
    Hennerdal and Nielsen (2017), Annals AAG 107(3), define the neighbourhood; rings enter whole, so that no order of
    rows matters.

    Examples
    --------
    >>> from civigrid.kernels.rings import plane_of
    >>> plane = plane_of(np.array([0, 0, 0]), np.array([0, 1, 3]), np.array([[5.0], [2.0], [4.0]]))
    >>> found = crossing(plane, plane.row, plane.col, 6)
    >>> found.square, found.inside[:, 0], found.ring[:, 0]
    (array([1, 1, 4]), array([5, 2, 4]), array([2, 5, 2]))
    """
    target = np.int64(units(k, plane.unit))
    if target > plane.everyone[-1]:
        raise ValueError(f"the plane holds {plane.persons} persons, fewer than {k}.")
    groups = plane.groups.shape[1]
    if smaller is None:
        start = Crossing(*(np.full(len(row), -1, dtype=np.int64) for _ in range(2)),
                         *(np.zeros((len(row), groups), dtype=np.int64) for _ in range(2)))  # fmt: skip
    else:
        start = Crossing(*(np.array(part) for part in smaller))
    _cross(plane.places, plane.everyone, plane.groups, row, col, target, smaller is not None, *start)
    return start


@_jit
def _sums(index, running, row, col, square, inside, ring):  # type: ignore[no-untyped-def]
    for i in range(len(row)):
        groups_within(index, running, row[i], col[i], square[i], inside[i], ring[i])


def sums_of(plane: Plane, row: Ints, col: Ints, square: Ints, values: Floats) -> tuple[Floats, Floats]:
    """Sum values of cells that are not negative inside discs, and on the rings around them, shape (row, column) each.

    `values`, shape (cell, column), stand in the order of the cells as they were given to `plane_of`.
    """
    unit = unit_of(values)
    running = np.zeros((len(values) + 1, values.shape[1]), dtype=np.int64)
    np.cumsum(np.rint(values[plane.order] / unit).astype(np.int64), axis=0, out=running[1:])
    inside, ring = (np.zeros((len(row), values.shape[1]), dtype=np.int64) for _ in range(2))
    _sums(plane.places, running, row, col, square, inside, ring)
    return np.asarray(inside * unit), np.asarray(ring * unit)


@_jit
def _all_back(index, row, col, square, part, values, into, start):  # type: ignore[no-untyped-def]
    for i in range(len(row)):
        spread_back(index, row[i], col[i], square[i], part[i], values[i], into, start)


def back_to_cells(
    plane: Plane, row: Ints, col: Ints, square: Ints, part: Floats, values: Floats
) -> tuple[Ints, Floats]:
    """Take values of neighbourhoods back to the cells that make them: the transposed weights.

    Parameters
    ----------
    plane : Plane
        The cells.
    row, col, square : ndarray of int64, shape (row,)
        Places, and the squared distances of their rings that cross k.
    part : ndarray of float64, shape (row,)
        Weight of the cells on the ring; those inside have 1.
    values : ndarray of float64, shape (row, column)
        What is taken back.

    Returns
    -------
    tuple of ndarray
        Cells, as they were given to `plane_of`, in order, and the sums there, shape (cell, column); all cells of the
        rows that a disc touches are among them.
    """
    if not len(row):
        return np.empty(0, dtype=np.int64), np.empty((0, values.shape[1]))
    reach = np.sqrt(square).astype(np.int64) + 1
    first = int(np.searchsorted(plane.row, (row - reach).min()))
    last = int(np.searchsorted(plane.row, (row + reach).max(), side="right"))
    into = np.zeros((last - first + 1, values.shape[1]))
    _all_back(plane.places, row, col, square, part, values, into, first)
    cells = plane.order[first:last]
    order = np.argsort(cells)
    return cells[order], np.cumsum(into, axis=0)[:-1][order]
