"""Who lives within exact rings of square cells: running sums along rows, and a bit for each cell that holds someone.

A disc is one piece of each row it covers, and a piece is the difference of two running sums.  Where a piece begins
among the cells is told by counting bits, 64 of them at a time: two numbers for 64 cells of a plane that is mostly
empty stay in fast memory, which sums over the whole plane would not.

Counts are held as whole numbers of a fixed small unit, so that every sum is exact: no order of rows, no block and no
turn of the map changes a bit of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)
_ONE, _TWO, _SIX, _LAST = (np.uint64(n) for n in (1, 2, 6, 63))
_MOST = 62
"""All persons together are fewer than this power of two units."""


ROUNDING = 1e-9
"""Parts of persons may sum up to k but for this part of it."""


class Plane(NamedTuple):
    """Cells of a plane with running sums of their persons, row after row.

    `bits` holds for every 64 columns of a row one bit for each cell, and how many cells come before, shape (row, word,
    2), with a last word of no columns; `everyone` (cell + 1,) and `groups` (cell + 1, group) are running sums, in
    `unit` persons; `row`, `col` (cell,) are places in the plane, `order` (cell,) where each cell stood in what was
    given; `corner` is the place of row 0, column 0 in the grid.
    """

    bits: npt.NDArray[np.uint64]
    everyone: Ints
    groups: Ints
    unit: float
    row: Ints
    col: Ints
    order: Ints
    corner: tuple[int, int]

    @property
    def places(self) -> tuple[npt.NDArray[np.uint64], int, int]:
        """What kernels take: bits and counts in a row, how many rows, and words per row."""
        return self.bits.reshape(-1), self.bits.shape[0], self.bits.shape[1]

    @property
    def persons(self) -> float:
        """Persons of all cells."""
        return float(self.everyone[-1]) * self.unit


def plane_of(row: Ints, col: Ints, counts: Floats) -> Plane:
    """Lay cells out by rows.

    Parameters
    ----------
    row, col : ndarray of int64, shape (cell,)
        Places, each once, in any order.
    counts : ndarray of float64, shape (cell, group)
        Persons; NaN in any group: nobody known.  Whole numbers are kept as they are, others to 2**-62 of their total.

    Returns
    -------
    Plane
        Memory grows with the cells, and by a quarter byte for each place of the box around them.

    Examples
    --------
    >>> plane = plane_of(np.array([7, 7]), np.array([3, 5]), np.array([[2.0], [4.0]]))
    >>> plane.everyone, plane.persons
    (array([0, 2, 6]), 6.0)
    """
    corner = (int(row.min(initial=2**62)), int(col.min(initial=2**62))) if len(row) else (0, 0)
    row, col = row - corner[0], col - corner[1]
    order = np.lexsort((col, row))
    row, col = row[order], col[order]
    known = np.where(np.isfinite(counts.sum(axis=1, keepdims=True)), counts, 0.0)[order]
    unit = unit_of(known)
    groups = np.zeros((len(row) + 1, counts.shape[1]), dtype=np.int64)
    np.cumsum(np.rint(known / unit).astype(np.int64), axis=0, out=groups[1:])
    shape = (int(row.max(initial=0)) + 1, int(col.max(initial=0)) // 64 + 2)
    bits = np.zeros((*shape, 2), dtype=np.uint64)
    word = row * shape[1] + col // 64
    np.bitwise_or.at(bits[..., 0].reshape(-1), word, np.uint64(1) << (col % 64).astype(np.uint64))
    before = np.searchsorted(word, np.arange(shape[0] * shape[1]))
    bits[..., 1] = before.reshape(shape).astype(np.uint64)
    return Plane(bits, groups.sum(axis=1), groups, unit, row, col, order.astype(np.int64), corner)


def unit_of(counts: Floats) -> float:
    """Give the unit that counts are whole numbers of: 1 person, or so small that all together fill an integer.

    >>> unit_of(np.array([[2.0, 5.0]]))
    1.0
    """
    if bool((counts == np.rint(counts)).all()):
        return 1.0
    total = float(counts.sum())
    return float(2.0 ** (np.ceil(np.log2(total)) + 1 - _MOST)) if total > 0 else 1.0


def units(k: float, unit: float) -> int:
    """Units that make k persons: what lacks a thousand millionth of k for rounding is k.

    >>> units(3, 1.0), units(3, 0.3)
    (3, 10)
    """
    return int(np.ceil(k * (1 - ROUNDING) / unit))


@_jit
def rank(index, row, col):  # type: ignore[no-untyped-def]
    """How many cells come before a place, row after row; `col` may lie one beyond the last."""
    flat, _, words = index
    # places are never negative, and numbers without a sign need no look for it
    place = _TWO * (np.uint64(row * words) + (np.uint64(col) >> _SIX))
    bits = flat[place] & ((_ONE << (np.uint64(col) & _LAST)) - _ONE)
    # bits are counted by halves, quarters, eighths (Warren 2013, Hacker's Delight, ch. 5): one instruction at last
    bits = bits - ((bits >> _ONE) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> _TWO) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return flat[place + _ONE] + ((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


@_jit
def has(index, row, col):  # type: ignore[no-untyped-def]
    """Whether there is a cell at a place inside the plane's box."""
    flat, _, words = index
    place = _TWO * (np.uint64(row * words) + (np.uint64(col) >> _SIX))
    return (flat[place] >> (np.uint64(col) & _LAST)) & _ONE != np.uint64(0)


@_jit
def root(square):  # type: ignore[no-untyped-def]
    """Largest whole number whose square is not larger; -1 of a negative number."""
    if square < 0:
        return np.int64(-1)
    r = np.int64(np.sqrt(np.float64(square)))
    while r * r > square:
        r -= 1
    while (r + 1) * (r + 1) <= square:
        r += 1
    return r


@_jit
def persons_within(index, everyone, row, col, square):  # type: ignore[no-untyped-def]
    """Units of persons in all cells whose squared distance, in cells, is at most `square`."""
    n_rows, n_cols = index[1], 64 * (index[2] - 1)
    half = root(square)
    total = np.int64(0)
    for up in range(min(half, max(row, n_rows - 1 - row)) + 1):
        while half * half + up * up > square:
            half -= 1
        first, last = max(col - half, 0), min(col + half + 1, n_cols)
        if row + up < n_rows:
            total += everyone[rank(index, row + up, last)] - everyone[rank(index, row + up, first)]
        if up > 0 and row >= up:
            total += everyone[rank(index, row - up, last)] - everyone[rank(index, row - up, first)]
    return total


@_jit
def _add(sums, running, first, last):  # type: ignore[no-untyped-def]
    for m in range(len(sums)):
        sums[m] += running[last, m] - running[first, m]


@_jit
def groups_within(index, groups, row, col, square, inside, ring):  # type: ignore[no-untyped-def]
    """Add units by group: of cells nearer than the ring at `square` to `inside`, of those on it to `ring`."""
    n_rows, n_cols = index[1], 64 * (index[2] - 1)
    half = root(square)
    for up in range(min(half, max(row, n_rows - 1 - row)) + 1):
        while half * half + up * up > square:
            half -= 1
        on_ring = half * half + up * up == square
        within = half - 1 if on_ring else half
        first, last = max(col - within, 0), min(col + within + 1, n_cols)
        for turn in range(2 if up > 0 else 1):
            r = row + up if turn == 0 else row - up
            if r < 0 or r >= n_rows:
                continue
            if last > first:
                _add(inside, groups, rank(index, r, first), rank(index, r, last))
            if on_ring:
                for side in range(2 if half > 0 else 1):
                    c = col + half if side == 0 else col - half
                    if 0 <= c < n_cols and has(index, r, c):
                        at = rank(index, r, c)
                        _add(ring, groups, at, at + _ONE)


@_jit
def _fill_piece(index, everyone, row, first, last, col, square, persons):  # type: ignore[no-untyped-def]
    """Put the cells of one row, from column `first` to `last`, on their rings; `square` is that of the row's shift."""
    first, last = max(first, 0), min(last, 64 * index[2] - 65)
    if first > last:
        return
    at = rank(index, row, first)
    for c in range(first, last + 1):
        if has(index, row, c):
            persons[(c - col) ** 2 + square] += everyone[at + _ONE] - everyone[at]
            at += _ONE


@_jit
def fill_rings(index, everyone, row, col, low, high, persons):  # type: ignore[no-untyped-def]
    """Put units of persons on each ring with a squared distance above `low` and up to `high` into `persons`."""
    n_rows = index[1]
    persons[: high - low] = 0
    outer, inner = root(high), root(low)
    for up in range(min(outer, max(row, n_rows - 1 - row)) + 1):
        while outer * outer + up * up > high:
            outer -= 1
        while inner >= 0 and inner * inner + up * up > low:
            inner -= 1
        square = up * up - low - 1
        for turn in range(2 if up > 0 else 1):
            r = row + up if turn == 0 else row - up
            if r < 0 or r >= n_rows or inner == outer:
                continue
            if inner < 0:
                _fill_piece(index, everyone, r, col - outer, col + outer, col, square, persons)
            else:
                _fill_piece(index, everyone, r, col + inner + 1, col + outer, col, square, persons)
                _fill_piece(index, everyone, r, col - outer, col - inner - 1, col, square, persons)


@_jit
def _put(into, first, last, part, values):  # type: ignore[no-untyped-def]
    for m in range(len(values)):
        into[first, m] += part * values[m]
        into[last, m] -= part * values[m]


@_jit
def spread_back(index, row, col, square, part, values, into, start):  # type: ignore[no-untyped-def]
    """Add the values of one place to all cells of its disc, and a `part` of them to those on its ring.

    `into`, shape (cell + 1, column), takes differences along the rows, from cell `start` on: their running sums are the
    answer.
    """
    n_rows, n_cols = index[1], 64 * (index[2] - 1)
    half = root(square)
    for up in range(min(half, max(row, n_rows - 1 - row)) + 1):
        while half * half + up * up > square:
            half -= 1
        on_ring = half * half + up * up == square
        within = half - 1 if on_ring else half
        first, last = max(col - within, 0), min(col + within + 1, n_cols)
        for turn in range(2 if up > 0 else 1):
            r = row + up if turn == 0 else row - up
            if r < 0 or r >= n_rows:
                continue
            if last > first:
                a, b = np.int64(rank(index, r, first)) - start, np.int64(rank(index, r, last)) - start
                _put(into, a, b, 1.0, values)
            for side in range((2 if half > 0 else 1) if on_ring else 0):
                c = col + half if side == 0 else col - half
                if 0 <= c < n_cols and has(index, r, c):
                    at = np.int64(rank(index, r, c)) - start
                    _put(into, at, at + 1, part, values)
