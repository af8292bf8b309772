"""A tally: how many points of which group lie in which cell.  All that is kept of the points.

Tallies of pieces of a file are put together in any order and any grouping, and give the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from civigrid.errors import SourceError, first_few
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.kernels.group import distinct
from civigrid.kernels.tally import (
    FRACTION,
    LARGEST,
    NOWHERE,
    OUTSIDE,
    TILE,
    add_table,
    add_values,
    carried,
    count_points,
    empty_hash,
    ordered,
    rehash,
    square_ids,
)
from civigrid.project.geometry import transformer
from civigrid.types import Floats, Ids, Ints

MAX_GROUPS = 1_000
"""A column with more values than this is an id of persons, not a group."""
_Codes = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Tally:
    """Points by cell and group, and sums of what they carry.

    Parameters
    ----------
    cell_id : ndarray of uint64, shape (cell,)
        Sorted; with `OUTSIDE` for points outside the grid and `NOWHERE` for points without coordinates.
    labels : tuple of str
        Groups, sorted.
    counts : ndarray of int64, shape (cell, 1 + group)
        Points; first those without a label.
    whole, part : ndarray of int64, shape (cell, column)
        Sums of the measured columns: units, and 2**-52ths of a unit.
    missing : ndarray of int64, shape (cell, column)
        Points whose value is not known.
    """

    cell_id: Ids
    labels: tuple[str, ...]
    counts: Ints
    whole: Ints
    part: Ints
    missing: Ints

    def sums(self, column: int) -> Floats:
        """Sum of a measured column by cell, shape (cell,), rounded once."""
        total: Floats = self.whole[:, column] + self.part[:, column] / FRACTION
        return total


def place(grid: Grid, x: Floats, y: Floats, crs: str) -> Ids:
    """Cell of every point, shape (point,): `OUTSIDE` beyond the grid, `NOWHERE` where a coordinate is NaN.

    Coordinates of another CRS are transformed first, which costs more than all else.
    """
    if crs != grid.crs:
        known = ~(np.isnan(x) | np.isnan(y))
        moved = transformer(crs, grid.crs).transform(x, y)
        # what PROJ cannot place is infinite: it lies outside, it is not unknown
        x, y = (np.where(known, column, np.nan) for column in moved)
    if isinstance(grid, SquareGrid):
        size, bounds, level = _square(grid)
        return square_ids(x, y, size=size, bounds=bounds, level=level)
    ids = np.full(len(x), OUTSIDE, dtype=np.uint64)
    inside = (np.abs(x) <= 180) & (np.abs(y) <= 90)
    ids[inside] = grid.cell_at(np.stack([x[inside], y[inside]], axis=1))
    ids[np.isnan(x) | np.isnan(y)] = NOWHERE
    return ids


def _square(grid: SquareGrid) -> tuple[float, tuple[float, float, float, float], int]:
    """Size, bounds and level of squares; what its bounds hold of a cell beyond the last whole one is no cell."""
    west, south, east, north = (float(b) for b in grid.bounds_m)
    size = float(grid.cell_size_m)
    return size, (west, south, east // size * size, north // size * size), grid.level


class Tallying:
    """Counts points as they come, batch by batch; `result` gives the `Tally`.

    Parameters
    ----------
    grid : Grid
        Where to count.
    columns : int
        How many measured columns the points carry.
    """

    def __init__(self, grid: Grid, columns: int = 0) -> None:
        # below its resolution, an H3 id is all ones: only what tells cells apart is looked up
        self._shift = np.uint64(3 * (15 - grid.resolution) if isinstance(grid, H3Grid) else 0)
        self._grid = grid
        self._codes: dict[str, int] = {}
        self._tiles, self._pages = empty_hash(1024), np.zeros(512 * TILE, dtype=np.uint32)
        self._used = np.zeros(2, dtype=np.int64)
        self._cells = np.empty(4096, dtype=np.uint64)
        self._counts = np.zeros((4096, 1), dtype=np.int32)
        self._sums = [[np.zeros(4096, dtype=np.int64) for _ in range(3)] for _ in range(columns)]

    def add(
        self,
        x: Floats,
        y: Floats,
        crs: str,
        labels: Sequence[str | None] = (),
        codes: _Codes | None = None,
        values: Sequence[Floats] = (),
    ) -> None:
        """Count points by their places.

        Parameters
        ----------
        x, y : ndarray of float64, shape (point,)
            Easting (longitude) and northing (latitude), NaN where unknown.
        crs : str
            Their CRS.
        labels : sequence of str or None
            What the codes mean; None and empty ones are no label.
        codes : ndarray of int, shape (point,), optional
            Place of each point's label in `labels`, -1 for none.
        values : sequence of ndarray of float64, shape (point,)
            Measured columns, NaN where unknown.

        Raises
        ------
        SourceError
            Too many labels, or a value that is not finite or too large to be summed exactly.
        """
        if isinstance(self._grid, SquareGrid) and crs == self._grid.crs:
            self._count(np.empty(0, dtype=np.uint64), x, y, labels, codes, values)
        else:
            self._count(place(self._grid, x, y, crs), x, y, labels, codes, values)

    def _count(
        self,
        ids: Ids,
        x: Floats,
        y: Floats,
        labels: Sequence[str | None],
        codes: _Codes | None,
        values: Sequence[Floats],
    ) -> None:
        self._make_columns(labels)
        square: Any = (1.0, (0.0, 0.0, 0.0, 0.0), np.uint64(0))
        if isinstance(self._grid, SquareGrid):
            size, bounds, level = _square(self._grid)
            square = size, bounds, np.uint64(level << 56)
        column = np.array([*(self._codes.get(label or "", 0) for label in labels), 0], dtype=np.uint32)
        codes = np.empty(0, dtype=np.int32) if codes is None else codes
        rows, done = np.empty(len(x), dtype=np.uint32), 0
        while done < len(x):
            tables = (self._tiles, self._pages, self._cells, self._used)
            done = count_points(
                ids, x, y, done, square, codes, column, self._shift, tables, rows, self._counts
            )  # fmt: skip
            if done < len(x):
                self._grow()
        for value, (whole, part, missing) in zip(values, self._sums, strict=True):
            if (bad := np.abs(value) >= LARGEST).any():
                raise SourceError(
                    f"{int(bad.sum())} values of a measured column are infinite or beyond 2**40 (first: "
                    f"{first_few(value[bad])}). Mend them, or leave the column out."
                )
            add_values(rows, value, whole, part, missing)

    def _make_columns(self, labels: Sequence[str | None]) -> None:
        for label in labels:
            if label:
                self._codes.setdefault(label, len(self._codes) + 1)
        if len(self._codes) > MAX_GROUPS:
            raise SourceError(
                f"the column of groups has more than {MAX_GROUPS} values (first: {first_few(self._codes)}). "
                "Is it an id? Name a column of groups, or recode it."
            )
        if len(self._codes) >= self._counts.shape[1]:
            wider = np.zeros((len(self._counts), 1 + len(self._codes)), dtype=np.int32)
            wider[:, : self._counts.shape[1]] = self._counts
            self._counts = wider

    def _grow(self) -> None:
        """Make room for twice as many tiles, or cells, as there are."""
        if self._used[0] * TILE == len(self._pages):
            larger = empty_hash(2 * len(self._tiles))
            rehash(self._tiles, larger)
            self._tiles, self._pages = larger, _twice(self._pages)
        if self._used[1] == len(self._cells):
            self._cells, self._counts = _twice(self._cells), _twice(self._counts)
            self._sums = [[_twice(column) for column in three] for three in self._sums]

    def result(self) -> Tally:
        """Give what was counted so far."""
        n = int(self._used[1])
        order = np.argsort(self._cells[:n])
        labels = tuple(sorted(self._codes))
        columns = np.array([0, *(self._codes[label] for label in labels)])
        none = np.zeros((n, 0), dtype=np.int64)
        whole, part, missing = (
            np.stack([three[k][order] for three in self._sums], axis=1) if self._sums else none for k in range(3)
        )
        return Tally(self._cells[order], labels, ordered(self._counts, order, columns), whole, part, missing)


def _twice(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    longer = np.zeros((2 * len(array), *array.shape[1:]), dtype=array.dtype)
    longer[: len(array)] = array
    return longer


def merge_tallies(*tallies: Tally) -> Tally:
    """Put tallies together: whole numbers are added, so that no order and no grouping changes the sum."""
    if len(tallies) == 1:
        return tallies[0]
    ids = distinct(np.concatenate([t.cell_id for t in tallies]))
    labels = tuple(sorted(set().union(*(t.labels for t in tallies))))
    column = {label: k + 1 for k, label in enumerate(labels)}
    n = tallies[0].whole.shape[1]
    counts = np.zeros((len(ids), 1 + len(labels)), dtype=np.int64)
    whole, part, missing = (np.zeros((len(ids), n), dtype=np.int64) for _ in range(3))
    own = np.arange(n)
    for tally in tallies:
        at = np.searchsorted(ids, tally.cell_id)
        add_table(counts, at, np.array([0, *(column[label] for label in tally.labels)]), tally.counts)
        for total, table in ((whole, tally.whole), (part, tally.part), (missing, tally.missing)):
            add_table(total, at, own, table)
        whole, part = carried(whole, part)
    return Tally(ids, labels, counts, whole, part, missing)
