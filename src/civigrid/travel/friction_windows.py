"""Windows of a friction surface: the cells that a bounded search can touch, and no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import h3ronpy
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from civigrid.errors import SchemaError
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.kernels.friction import FASTEST_SLOPE, SHUT, Ground, ground_of, place_of, step_of
from civigrid.kernels.friction_search import Web
from civigrid.kernels.morton import interleave
from civigrid.kernels.true_distances import along_ground, on_earth
from civigrid.travel.slopes import STEEPEST, tobler
from civigrid.types import Bools, Floats, Ids, Ints

R = TypeVar("R")
_MOST = 400_000_000
"""Cells of the largest box that is searched at once."""


class Arrays(NamedTuple):
    """A surface, and the row of each site's cell (-1: none), as plain arrays.

    `height`, `walked` are empty on flat ground; `earth`, places on the ellipsoid in metres, on squares.
    """

    cell_id: Ids
    pace: Floats
    height: Floats
    walked: Bools
    earth: Floats
    site_row: Ints


@dataclass(frozen=True)
class Way:
    """How searches go: steps, direction, bound in ms, and how far one gets within it."""

    grid: Grid
    neighbours: int
    corners: bool
    towards: bool
    bound: int
    reach: float
    """Rows or columns of squares; metres of H3."""


@dataclass(frozen=True, eq=False)
class Window:
    """Ground of a search, the row of the surface at each place (-1: none), and where rows of the surface lie."""

    ground: Ground | Web
    row_of: Ints
    place_of: Callable[[Ints], Ints]


def arrays_of(grid: Grid, cell_id: Ids, pace: Floats, height: Floats | None, walked: Bools | None) -> Arrays:
    """Give a surface as plain arrays, without sites."""
    level = np.empty(0) if height is None else height
    feet = np.empty(0, dtype=bool)
    if height is not None:
        feet = np.ones(len(cell_id), dtype=bool) if walked is None else walked
    earth = np.empty((0, 3)) if isinstance(grid, SquareGrid) else on_earth(*grid.centre(cell_id).T)
    return Arrays(cell_id, pace, level, feet, earth, np.empty(0, dtype=np.int64))


def reach_of(grid: Grid, arrays: Arrays, neighbours: int, bound: int) -> float:
    """How far anyone gets within the bound at the top speed of the surface: rows of squares, or metres."""
    quickest = float(arrays.pace.min(initial=np.inf))
    if not np.isfinite(quickest):
        return 0.0
    if isinstance(grid, SquareGrid):
        level = np.zeros((1, 1)) if len(arrays.height) else None
        least = step_of(ground_of(np.full((1, 1), quickest), grid.cell_size_m, neighbours=neighbours, height=level))
        return bound // least + 2
    slope = FASTEST_SLOPE if len(arrays.height) else 1.0
    # steps are rounded to whole ms: short ones may be quicker than they should by half of one
    edge_m = 0.8e3 * float(np.sqrt(grid.area_km2(arrays.cell_id[:1])[0]))
    least = 1000 * quickest * slope
    return bound / least * (1 + 1 / max(least * edge_m - 1, 1)) + edge_m


def window(way: Way, arrays: Arrays, rows: Ints, *, whole: bool = False) -> Window:
    """Give what a search from these rows of the surface can touch, or all of it."""
    if isinstance(way.grid, SquareGrid):
        return _squares(way.grid, way, arrays, rows, whole=whole)
    if not isinstance(way.grid, H3Grid):
        raise SchemaError(f"no friction on {way.grid.id}: square grids and H3 have neighbours.")
    return _hexagons(way, arrays, rows, whole=whole)


def _squares(grid: SquareGrid, way: Way, arrays: Arrays, rows: Ints, *, whole: bool) -> Window:
    line, col = grid.row_col(arrays.cell_id[rows])
    box = [int(line.min()), int(line.max()), int(col.min()), int(col.max())]
    if whole:
        kept = rows
    else:
        far = int(way.reach) + 1
        kept = _in_box(grid, arrays.cell_id, [box[0] - far, box[1] + far, box[2] - far, box[3] + far])
        line, col = grid.row_col(arrays.cell_id[kept])
        box = [int(line.min()), int(line.max()), int(col.min()), int(col.max())]
    shape = (box[1] - box[0] + 1, box[3] - box[2] + 1)
    if shape[0] * shape[1] > _MOST:
        raise SchemaError(
            f"the cells span {shape[0]:,} x {shape[1]:,} places, too many to search at once. Give a limit and "
            "cells_per_side, or treat distant parts one by one."
        )
    line, col = line - box[0], col - box[2]

    def dense(values: npt.NDArray[Any], fill: float) -> npt.NDArray[Any]:
        table: npt.NDArray[Any] = np.full(shape, fill, dtype=values.dtype)
        table[line, col] = values[kept]
        return table

    ground = ground_of(
        dense(arrays.pace, np.inf),
        grid.cell_size_m,
        neighbours=way.neighbours,
        height=dense(arrays.height, np.nan) if len(arrays.height) else None,
        walked=dense(arrays.walked, False) if len(arrays.height) else None,
        steepest=STEEPEST,
    )
    row_of = np.full(len(ground.part), -1, dtype=np.int64)
    row_of[place_of(line, col, shape[1])] = kept

    def places(of: Ints) -> Ints:
        at, over = grid.row_col(arrays.cell_id[of])
        return place_of(at - box[0], over - box[2], shape[1])

    return Window(ground, row_of, places)


def _in_box(grid: SquareGrid, cell_id: Ids, box: Sequence[int]) -> Ints:
    """Rows of the table whose cells lie in a box of rows and columns: from the few id ranges that cover it."""
    low, high, left, right = (max(v, 0) for v in box)
    side = 1 << (max(high - low, right - left) // 4 + 1).bit_length()
    up, over = np.meshgrid(np.arange(low // side, high // side + 1), np.arange(left // side, right // side + 1))
    first = np.sort(interleave(up.ravel() * side, over.ravel() * side)) | np.uint64(grid.level << 56)
    starts = np.searchsorted(cell_id, first)
    stops = np.searchsorted(cell_id, first + np.uint64(side * side))
    rows = np.concatenate([np.arange(a, b) for a, b in zip(starts, stops, strict=True)])
    line, col = grid.row_col(cell_id[rows])
    return rows[(line >= low) & (line <= high) & (col >= left) & (col <= right)]


def _hexagons(way: Way, arrays: Arrays, rows: Ints, *, whole: bool) -> Window:
    kept = np.arange(len(arrays.cell_id))
    if not whole:
        middle = arrays.earth[rows].mean(axis=0)
        far = np.linalg.norm(arrays.earth[rows] - middle, axis=1).max() + way.reach
        kept = np.flatnonzero(np.linalg.norm(arrays.earth - middle, axis=1) <= far)
    kept = kept[np.isfinite(arrays.pace[kept])]
    ids, pace, earth = arrays.cell_id[kept], arrays.pace[kept], arrays.earth[kept]
    one, other = _touching(ids)
    metres = along_ground(np.linalg.norm(earth[one] - earth[other], axis=1))
    ms = (pace[one] + pace[other]) / 2 * metres * 1000
    if len(arrays.height):
        level, feet = arrays.height[kept], arrays.walked[kept]
        rise = level[one] - level[other] if way.towards else level[other] - level[one]
        share = (pace[one] * feet[one] + pace[other] * feet[other]) / (pace[one] + pace[other])
        ms *= 1 + share * (tobler(rise / metres) - 1)
    if len(ms) and ms.max() > SHUT / 64:
        raise SchemaError("a cell takes more than nine hours to cross: nobody goes there, say so (speed 0).")
    head, cost = (np.full((len(ids), 6), fill, dtype=np.int32) for fill in (-1, SHUT))
    slot = np.arange(len(one)) - np.searchsorted(one, one)
    head[one, slot], cost[one, slot] = other, np.maximum(np.rint(ms), 1)

    def places(of: Ints) -> Ints:
        at = np.minimum(np.searchsorted(kept, of), max(len(kept) - 1, 0))
        return np.where(kept[at] == of, at, -1) if len(kept) else np.full(len(of), -1)

    return Window(Web(head, cost), kept, places)


def _touching(ids: Ids) -> tuple[Ints, Ints]:
    """Pairs of hexagons that share an edge, both ways, in the order of the first."""
    if not len(ids):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    disk = pa.array(h3ronpy.grid_disk(np.ascontiguousarray(ids), 1))
    one = np.repeat(np.arange(len(ids)), np.diff(disk.offsets.to_numpy()))
    near = disk.values.to_numpy()
    at = np.minimum(np.searchsorted(ids, near), len(ids) - 1)
    kept = (ids[at] == near) & (at != one)
    order = np.lexsort((at[kept], one[kept]))
    return one[kept][order], at[kept][order]
