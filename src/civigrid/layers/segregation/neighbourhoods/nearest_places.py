"""Places whose k nearest persons are asked for: squares in their plane, or hexagons on the Earth."""

from __future__ import annotations

from collections.abc import Callable
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
    last: Crossing | None = None

    @property
    def unit(self) -> float:
        """Persons per unit."""
        return self.plane.unit

    @property
    def persons(self) -> float:
        """Everyone who may be a neighbour."""
        return self.plane.persons

    def reach(self, k: float) -> Reach:
        """Find the rings that cross k, which must not fall from call to call."""
        columns: dict[str, npt.NDArray[Any]] = {"row": self.row, "col": self.col}
        if self.last is not None:
            columns |= {"square": self.last.square, "before": self.last.before}
            for m in range(self.last.inside.shape[1]):
                columns |= {f"inside_{m}": self.last.inside[:, m], f"ring_{m}": self.last.ring[:, m]}
        starts = range(0, len(self.row), self.cells_at_once)
        blocks = [Block(first, first, min(first + self.cells_at_once, len(self.row))) for first in starts]
        parts = map_blocks(partial(_crossing, self.plane, k), columns, blocks, self.scheduler)
        found = Crossing(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        self.last = found
        area = float(self.side_m**2)
        outer, inner = _circles(found.square * area, found.before * area, np.full(len(self.row), area / np.pi))
        sums = partial(sums_of, self.plane, self.row, self.col, found.square)
        return Reach(outer, inner, found.inside, found.ring, sums, partial(self._back, found.square))

    def _back(self, square: Ints, rows: Ints, part: Floats, values: Floats) -> tuple[Ints, Floats]:
        return back_to_cells(self.plane, self.row[rows], self.col[rows], square[rows], part, values)


def _crossing(plane: Plane, k: float, columns: Columns) -> Crossing:
    smaller = None
    if "square" in columns:
        groups = range(plane.groups.shape[1])
        inside, ring = (np.stack([columns[f"{name}_{m}"] for m in groups], axis=1) for name in ("inside", "ring"))
        smaller = Crossing(columns["square"], columns["before"], inside, ring)
    return crossing(plane, columns["row"], columns["col"], k, smaller)


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

    def reach(self, k: float) -> Reach:
        """Find the rings that cross k."""
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
