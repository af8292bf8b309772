"""What an index of segregation sees: who lives in each row, and who lives around, zone after zone.

Every index is a function of these rows alone.  Aspatial, spatial and k-nearest indices are one formula on different
neighbourhoods: the cell itself, what a kernel gathers, or the k nearest persons.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from civigrid.types import Floats, Ints


def across(values: Floats) -> Floats:
    """Sum over the groups, shape (row,): column by column, which for few columns is ten times quicker than a sum.

    >>> across(np.array([[1.0, 2.0]]))
    array([3.])
    """
    total = values[:, 0].copy()
    for column in values.T[1:]:
        total += column
    return total


class Zones(NamedTuple):
    """Rows of one or more zones; the rows of a zone follow each other, and no zone is empty.

    `own` holds the persons who live in a cell, shape (row, group); `share` the composition of its neighbourhood, shape
    (row, group), each row summing to 1; `cells` how many cells are like this row, shape (row,); `starts` the first row
    of each zone, shape (zone,).
    """

    own: Floats
    share: Floats
    cells: Ints
    starts: Ints

    @property
    def size(self) -> Floats:
        """Persons in each row, shape (row,)."""
        return across(self.own)

    def sums(self, values: Floats) -> Floats:
        """Sum over the cells of each zone: (row, ...) to (zone, ...)."""
        weight = self.cells.reshape(-1, *([1] * (values.ndim - 1)))
        return np.asarray(np.add.reduceat(weight * values, self.starts, axis=0))

    def by_row(self, values: Floats) -> Floats:
        """Give every row what its zone has: (zone, ...) to (row, ...)."""
        return np.asarray(np.repeat(values, np.diff(self.starts, append=len(self.own)), axis=0))


class Value(NamedTuple):
    """An index of each zone, shape (zone,), and its derivatives, shape (row, group), for one cell of each row.

    `by_own`: by the persons of the cell while all shares stay; `by_share`: by the shares of its neighbourhood while all
    persons stay.
    """

    estimate: Floats
    by_own: Floats
    by_share: Floats


def zones_of(own: Floats, around: Floats | None = None, cells: Ints | None = None, starts: Ints | None = None) -> Zones:
    """Make rows: of their own composition, or of that of the persons `around`, shape (row, group).

    >>> zones_of(np.array([[1.0, 3.0]])).share
    array([[0.25, 0.75]])
    """
    persons = own if around is None else around
    share = persons / across(persons)[:, None]
    cells = np.ones(len(own), dtype=np.int64) if cells is None else cells
    return Zones(own, share, cells, np.zeros(1, dtype=np.int64) if starts is None else starts)


def gradient(rows: Zones, value: Value) -> Floats:
    """Give the whole derivative by each count, shape (row, group), where the neighbourhood is the cell itself."""
    moved = value.by_share - across(rows.share * value.by_share)[:, None]
    return np.asarray(value.by_own + moved / rows.size[:, None])
