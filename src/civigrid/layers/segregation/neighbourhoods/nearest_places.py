"""Places whose k nearest persons are asked for: squares in their plane, or hexagons on the Earth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from civigrid.engine import Block, Scheduler, map_blocks
from civigrid.engine.reduction import Columns
from civigrid.grid import Grid, SquareGrid
from civigrid.kernels.nearest import Crossing, back_to_cells, crossing, sums_of
from civigrid.kernels.nearest_points import Points, back_to_points, crossing_points, points_of, sums_inside
from civigrid.kernels.rings import Plane, plane_of
from civigrid.kernels.true_distances import on_earth
from civigrid.types import Floats, Ids, Ints

_NUMBERS_AT_ONCE = 20_000_000
"""Numbers that the answers for several k may hold together, 160 MB."""
_PIECES, _LEAST_CELLS, _MOST_CELLS = 8, 1024, 16_384
"""Pieces that cells are cut into, and how few and how many of them a piece holds."""


class Reach(NamedTuple):
    """Where the neighbourhood of each cell reaches k persons.

    `outer_m2` and `inner_m2`, shape (cell,): squared distances of the ring that crosses k, and of the last inhabited
    ring inside it; people of the cell itself live within the circle of its area.  `inside` and `ring`: persons nearer,
    and on the ring, in units, shape (cell, group).  `sums` of values of all places, shape (place, column), gives those
    inside and those on the ring, shape (cell, column); `back` takes rows, the part of the ring that counts there, and
    values, to places and sums of the values there.
    """

    outer_m2: Floats
    inner_m2: Floats
    inside: Ints
    ring: Ints
    sums: Callable[[Floats], tuple[Floats, Floats]]
    back: Callable[[Ints, Floats, Floats], tuple[Ints, Floats]]


@dataclass
class Squares:
    """Square cells; `row` and `col` are where it is asked."""

    plane: Plane
    row: Ints
    col: Ints
    side_m: float
    scheduler: Scheduler | None
    cells_at_once: int

    @property
    def unit(self) -> float:
        """Persons per unit."""
        return self.plane.unit

    @property
    def persons(self) -> float:
        """Everyone who may be a neighbour."""
        return self.plane.persons

    def reaches(self, k: Sequence[float]) -> Iterator[Reach]:
        """Find the rings that cross each k, from the smallest to the largest; as many at once as have room."""
        step = max(_NUMBERS_AT_ONCE // max(len(self.row) * (2 + 2 * self.plane.groups.shape[1]), 1), 1)
        last: Crossing | None = None
        for first in range(0, len(k), step):
            for found in self._crossings(k[first : first + step], last):
                yield self._reach(found)
                last = found

    def _crossings(self, k: Sequence[float], last: Crossing | None) -> Iterator[Crossing]:
        columns: dict[str, npt.NDArray[Any]] = {"row": self.row, "col": self.col}
        if last is not None:
            columns |= {"square": last.square, "before": last.before}
            for m in range(last.inside.shape[1]):
                columns |= {f"inside_{m}": last.inside[:, m], f"ring_{m}": last.ring[:, m]}
        n = len(self.row)
        many = self.cells_at_once or min(max(-(-n // _PIECES), _LEAST_CELLS), _MOST_CELLS)
        blocks = [Block(start, start, min(start + many, n)) for start in range(0, max(n, 1), many)]
        parts = map_blocks(partial(_crossings, self.plane, k), columns, blocks, self.scheduler)
        for of_one in zip(*parts, strict=True):
            yield Crossing(*(np.concatenate(part) for part in zip(*of_one, strict=True)))

    def _reach(self, found: Crossing) -> Reach:
        area = float(self.side_m**2)
        outer, inner = _circles(found.square * area, found.before * area, np.full(len(self.row), area / np.pi))
        sums = partial(sums_of, self.plane, self.row, self.col, found.square)
        return Reach(outer, inner, found.inside, found.ring, sums, partial(self._back, found.square))

    def _back(self, square: Ints, rows: Ints, part: Floats, values: Floats) -> tuple[Ints, Floats]:
        return back_to_cells(self.plane, self.row[rows], self.col[rows], square[rows], part, values)


def _crossings(plane: Plane, k: Sequence[float], columns: Columns) -> list[Crossing]:
    last = None
    if "square" in columns:
        groups = range(plane.groups.shape[1])
        inside, ring = (np.stack([columns[f"{name}_{m}"] for m in groups], axis=1) for name in ("inside", "ring"))
        last = Crossing(columns["square"], columns["before"], inside, ring)
    found = []
    for one in k:
        last = crossing(plane, columns["row"], columns["col"], one, last)
        found.append(last)
    return found


@dataclass
class Hexagons:
    """Cells of H3, by distances along the ground; the first of the places are where it is asked."""

    points: Points
    at: Floats
    own_m2: Floats

    @property
    def unit(self) -> float:
        """Persons per unit."""
        return self.points.unit

    @property
    def persons(self) -> float:
        """Everyone who may be a neighbour."""
        return self.points.persons

    def reaches(self, k: Sequence[float]) -> Iterator[Reach]:
        """Find the rings that cross each k."""
        yield from map(self._reach, k)

    def _reach(self, k: float) -> Reach:
        found = crossing_points(self.points, self.at, k)
        outer, inner = _circles(found.distance**2, np.where(found.before < 0, -1.0, found.before**2), self.own_m2)
        sums = partial(sums_inside, self.points, self.at, k)
        return Reach(outer, inner, found.inside, found.ring, sums, partial(self._back, k))

    def _back(self, k: float, rows: Ints, part: Floats, values: Floats) -> tuple[Ints, Floats]:
        found = back_to_points(self.points, self.at[rows], k, part, values)
        return np.arange(len(found)), found


def _circles(outer: npt.NDArray[Any], inner: npt.NDArray[Any], own: Floats) -> tuple[Floats, Floats]:
    """People of the cell itself are spread over the circle of its area: it begins at 0 and ends at its radius."""
    itself = outer <= 0
    inner = np.where(itself, 0.0, np.where(inner <= 0, np.minimum(own, outer), inner))
    return np.where(itself, own, outer), inner


Places = Squares | Hexagons


def places_of(
    grid: Grid, ids: Ids, counts: Floats, residents: int, scheduler: Scheduler | None, cells_at_once: int
) -> Places:
    """Lay out places, shape (place,), the first `residents` of which are where it is asked."""
    if isinstance(grid, SquareGrid):
        row, col = grid.row_col(ids)
        plane = plane_of(row, col, counts)
        row, col = row[:residents] - plane.corner[0], col[:residents] - plane.corner[1]
        return Squares(plane, row, col, float(grid.cell_size_m), scheduler, cells_at_once)
    degrees = grid.centre(ids)
    at = on_earth(degrees[:, 0], degrees[:, 1])
    own = grid.area_km2(ids[:residents]) * 1e6 / np.pi
    return Hexagons(points_of(at, counts), at[:residents], own)
