r"""Boundary indices: dissimilarity less what neighbours across a boundary differ by.

Two cells of unlike composition segregate less if they touch.  All three indices are
:math:`D - \sum w_{ij} |p_i - p_j| / \sum b_{ij}` over touching pairs of inhabited cells; *p* is the group's share.
Cells without residents touch nobody: they change nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from civigrid.kernels.estimate import Estimate
from civigrid.kernels.evenness import dissimilarity
from civigrid.kernels.zones import gradient, zones_of
from civigrid.types import Floats, Ints


class Borders(NamedTuple):
    """Touching pairs of inhabited cells, each once.

    `first` and `second` are row numbers, shape (pair,); `length` the shared boundary, metres; `area` and `perimeter`
    belong to the cells, shape (row,), m2 and metres.  Cells that share
    only a corner may be pairs, of length 0.
    """

    first: Ints
    second: Ints
    length: Floats
    area: Floats
    perimeter: Floats

    @property
    def inner_perimeter(self) -> Floats:
        """Boundary of each cell that it shares with an inhabited cell, metres, shape (row,)."""
        rows = len(self.area)
        sides = (np.bincount(at, self.length, minlength=rows) for at in (self.first, self.second))
        return np.asarray(sum(sides, np.zeros(rows)))


def square_pairs(row: Ints, col: Ints, *, corners: bool = False) -> tuple[Ints, Ints]:
    """Give each pair of touching square cells once, as places in the arrays.

    Parameters
    ----------
    row, col : ndarray of int64, shape (cell,)
        Rows and columns, each cell once.
    corners : bool
        Whether cells that touch at a corner are pairs (queen), or only those with a common side (rook).

    Examples
    --------
    >>> square_pairs(np.array([0, 0, 1]), np.array([0, 1, 1]))
    (array([0, 1]), array([1, 2]))
    """
    if not len(row):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    row, col = row - row.min(), col - col.min() + 1
    wide = int(col.max()) + 2
    code = row * wide + col
    order = np.argsort(code)
    first, second = [], []
    for step in (1, wide) + ((wide - 1, wide + 1) if corners else ()):
        at = np.minimum(np.searchsorted(code, code + step, sorter=order), len(code) - 1)
        found = code[order[at]] == code + step
        first.append(np.flatnonzero(found))
        second.append(order[at[found]])
    return np.concatenate(first), np.concatenate(second)


def _plain(counts: Floats) -> Estimate:
    rows = zones_of(counts)
    found = dissimilarity(rows)
    return Estimate(float(found.estimate[0]), gradient(rows, found))


def _less(counts: Floats, borders: Borders, weight: Floats, whole: float) -> Estimate:
    """Take the weighted mean difference across boundaries from D."""
    plain = _plain(counts)
    if np.isnan(plain.value) or whole <= 0:
        return plain
    size = counts.sum(axis=1)
    share = counts[:, 0] / size
    step = share[borders.first] - share[borders.second]
    signed, rows = weight * np.sign(step) / whole, len(counts)
    by_share = np.bincount(borders.first, signed, rows) - np.bincount(borders.second, signed, rows)
    moved = np.column_stack([(1 - share) / size, -share / size]) * by_share[:, None]
    return Estimate(plain.value - float(weight @ np.abs(step)) / whole, plain.gradient - moved)


def adjusted_dissimilarity(counts: Floats, borders: Borders) -> Estimate:
    r"""Morrill's adjusted dissimilarity, every touching pair alike: :math:`c_{ij} = 1`.

    Parameters
    ----------
    counts : ndarray of float64, shape (row, 2)
        Persons of the group and of everyone else in inhabited cells.
    borders : Borders
        Touching pairs, by sides (rook) or by corners too (queen).

    Notes
    -----
    Morrill (1991), Geography Research Forum 11.

    Examples
    --------
    >>> pair = Borders(np.array([0]), np.array([1]), np.array([1.0]), np.ones(2), np.full(2, 4.0))
    >>> adjusted_dissimilarity(np.array([[10.0, 0.0], [10.0, 30.0]]), pair).value
    -0.25
    """
    ones = np.ones(len(borders.first))
    return _less(counts, borders, ones, float(ones.sum()))


def boundary_dissimilarity(counts: Floats, borders: Borders) -> Estimate:
    r"""Wong's :math:`D(w)`: pairs weigh by the length of their common boundary.

    Notes
    -----
    Wong (1993), Urban Studies 30.  Weights sum to 1 over the whole map, not over the boundaries of each cell.
    On squares joined by sides it is Morrill's index; a corner has no length.
    """
    return _less(counts, borders, borders.length, float(borders.length.sum()))


def shape_dissimilarity(counts: Floats, borders: Borders, *, perimeter: str = "inner") -> Estimate:
    r"""Wong's :math:`D(s)`: pairs weigh by boundary and by how ragged both cells are for their area.

    :math:`w_{ij} = b_{ij} (r_i + r_j) / (2 \max r)` with :math:`r = ` perimeter / area.

    Parameters
    ----------
    counts, borders
        As for `adjusted_dissimilarity`.
    perimeter : {"inner", "whole"}
        What counts as perimeter: the boundary shared with inhabited cells (Tivadar 2019, J. Stat. Software 89(7)), or
        all of it (Wong 1993); on equal cells the latter leaves :math:`D(w)`.
    """
    around = borders.inner_perimeter if perimeter == "inner" else borders.perimeter
    ragged = around / borders.area
    top = float(ragged.max(initial=0.0))
    factor = (ragged[borders.first] + ragged[borders.second]) / (2 * top) if top > 0 else 0.0 * borders.length
    return _less(counts, borders, borders.length * factor, float(borders.length.sum()))
