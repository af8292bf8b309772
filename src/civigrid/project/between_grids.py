"""Squares to H3 and back: the exact area that cells of two grids share, made block by block and kept."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import NamedTuple, Protocol

import h3ronpy
import numpy as np
import pyarrow as pa
from scipy import sparse

from civigrid.crosswalk import Crosswalk, covered_share
from civigrid.engine import Scheduler, map_blocks, plan_blocks
from civigrid.engine.reduction import Columns
from civigrid.errors import GridMismatchError
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.kernels.group import distinct, group_sum
from civigrid.kernels.sweep import Rings, coverage, expand_runs
from civigrid.project.geometry import transformer
from civigrid.types import Floats, Ids, Ints

VERSION = "between-grids-1"
"""Part of every block's name: a change of the method makes new blocks."""
BLOCK_CELLS = 256
"""Cells along a block's side.  Blocks are the grid's own; no result depends on them."""


class Shared(NamedTuple):
    """What a block's squares and hexagons share: places in `square` and `hexagon`, and the area in m2."""

    square: Ids
    hexagon: Ids
    at_square: Ints
    at_hexagon: Ints
    area: Floats
    hexagon_area: Floats


class BlockStore(Protocol):
    """Keeps blocks between runs, by name."""

    def load(self, name: str) -> Shared | None:
        """Give the block of that name, None where there is none."""

    def save(self, name: str, block: Shared) -> None:
        """Keep a block under its name."""


def grid_crosswalk(
    cell_id: Ids, grid: Grid, to: Grid, *, scheduler: Scheduler | None = None, store: BlockStore | None = None
) -> Crosswalk:
    """Give the area that cells of one grid share with cells of another: squares to H3, or H3 to squares.

    Parameters
    ----------
    cell_id : ndarray of uint64, shape (cell,)
        Cells of `grid`, sorted.
    grid, to : Grid
        From, and to: one square, one H3.
    scheduler : Scheduler, optional
        Where blocks are computed; no result depends on it.
    store : BlockStore, optional
        Where blocks are kept: a second call reads them.

    Returns
    -------
    Crosswalk
        Units are the cells of `grid`; each one's shares sum to 1 within 1e-12.  A value is moved by area, so a count
        is never painted as if cells were of equal size.

    Notes
    -----
    Hexagons are drawn straight in the plane of the squares and swept over them.  Neighbours share corners, so none
    of a square is lost; against geodesic edges an area is off by 1e-9 of itself at resolution 8.
    """
    if isinstance(grid, SquareGrid) == isinstance(to, SquareGrid):
        raise GridMismatchError(f"{grid.id} and {to.id} are of one kind: use coarsen(), or parent() of H3.")
    blocks = plan_blocks(grid, cell_id, BLOCK_CELLS)
    names = [block_name(grid, to, cell_id[b.start : b.stop]) for b in blocks]
    found = [None if store is None else store.load(name) for name in names]
    absent = [k for k, block in enumerate(found) if block is None]
    work = partial(_block, grid, to)
    made = map_blocks(work, {"cell_id": cell_id}, [blocks[k] for k in absent], scheduler or Scheduler("serial"))
    for k, block in zip(absent, made, strict=True):
        found[k] = block
        if store is not None:
            store.save(names[k], block)
    return _joined([b for b in found if b is not None], cell_id, grid, to)


def block_name(grid: Grid, to: Grid, cell_id: Ids) -> str:
    """Name of a block: what it was made from, and how."""
    text = f"{VERSION} {grid.to_dict()} {to.to_dict()}".encode()
    return f"{grid.id}--{to.id}--{sha256(text + cell_id.tobytes()).hexdigest()[:24]}"


def _block(grid: Grid, to: Grid, table: Columns) -> Shared:
    cells = table["cell_id"]
    if isinstance(grid, SquareGrid) and isinstance(to, H3Grid):
        return _shared(grid, to, _touching(cells, grid, to), cells)
    assert isinstance(grid, H3Grid)
    assert isinstance(to, SquareGrid)
    return _shared(to, grid, cells, None)


def _shared(squares: SquareGrid, hexagons: H3Grid, hexagon: Ids, wanted: Ids | None) -> Shared:
    """Sweep hexagons over squares; with `wanted`, keep those squares only."""
    xy = _in_plane(hexagons.vertices(hexagon), squares.crs)
    corners = xy.shape[1]
    closed = np.concatenate([xy, xy[:, :1]], axis=1)
    n = len(hexagon)
    rings = Rings(
        closed.reshape(-1, 2), np.arange(n + 1) * (corners + 1), np.arange(n), np.zeros(n, dtype=bool)
    )  # fmt: skip
    unit, row, col, share = expand_runs(coverage(rings, squares.cell_size_m))
    cell = squares.from_row_col(row, col)
    square, at = np.unique(cell, return_inverse=True) if wanted is None else (wanted, _places(wanted, cell))
    kept = (at >= 0) & (cell != 0)
    used, hex_at = np.unique(unit[kept], return_inverse=True) if wanted is not None else (np.arange(n), unit[kept])
    area = _shoelace(closed)[used]
    at = at[kept]
    # ordered as the crosswalk's rows will be: squares to hexagons, or hexagons to squares
    order = np.lexsort((hex_at, at) if wanted is not None else (at, hex_at))
    shared = share[kept][order] * float(squares.cell_size_m) ** 2
    return Shared(square, hexagon[used], at[order], hex_at[order], shared, area)


def _places(ids: Ids, wanted: Ids) -> Ints:
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[at] == wanted, at, -1)


def _shoelace(closed: Floats) -> Floats:
    """Areas of closed rings in the plane, m2."""
    local = closed - closed[:, :1]
    x, y = local[..., 0], local[..., 1]
    area: Floats = np.abs(np.sum(x[:, :-1] * y[:, 1:] - x[:, 1:] * y[:, :-1], axis=1)) / 2
    return area


def _in_plane(lonlat: Floats, crs: str) -> Floats:
    x, y = transformer("EPSG:4326", crs).transform(lonlat[..., 0], lonlat[..., 1])
    return np.stack([x, y], axis=-1)


def _touching(cells: Ids, grid: SquareGrid, to: H3Grid) -> Ids:
    """Every hexagon that may share area with the squares: those at points of a lattice, and their neighbours.

    No point of a square is farther from the lattice than 0.9 of the shortest hexagon side, so that a hexagon that
    reaches into a square holds a point of the lattice or touches one that does.
    """
    some = to.cell_at(_lonlat(grid.centre(cells[:: max(len(cells) // 64, 1)]), grid.crs))
    ring = _in_plane(to.vertices(np.unique(some)), grid.crs)
    side = np.linalg.norm(ring - np.roll(ring, 1, axis=1), axis=-1)
    shortest = float(side[side > 1.0].min())
    steps = max(int(np.ceil(grid.cell_size_m * np.sqrt(0.5) / (0.9 * 0.9 * shortest))), 1)
    row, col = grid.row_col(cells)
    i, j = (v.ravel() for v in np.mgrid[0 : steps + 1, 0 : steps + 1])
    width = int(col.max() + 2) * steps
    key = np.unique(((row[:, None] * steps + i) * width + col[:, None] * steps + j).ravel())
    points = np.stack([key % width, key // width], axis=1) * (grid.cell_size_m / steps)
    held = distinct(to.cell_at(_lonlat(points, grid.crs)))
    around = pa.array(h3ronpy.grid_disk(held, 1, flatten=True)).to_numpy()
    return distinct(np.asarray(around, dtype=np.uint64))


def _lonlat(points: Floats, crs: str) -> Floats:
    return np.stack(transformer(crs, "EPSG:4326").transform(points[:, 0], points[:, 1]), axis=1)


def _joined(blocks: list[Shared], cell_id: Ids, grid: Grid, to: Grid) -> Crosswalk:
    """One matrix from all blocks: rows are the cells of `grid`, in order, and so are the blocks and their pairs."""
    forward = isinstance(grid, SquareGrid)
    targets = distinct(np.concatenate([cell_id[:0], *(b.hexagon if forward else b.square for b in blocks)]))
    target_area = np.zeros(len(targets))
    indptr, columns, areas = [np.zeros(1, dtype=np.int64)], [np.empty(0, np.int32)], [np.empty(0)]
    for block in blocks:
        ours, theirs = (block.at_square, block.at_hexagon) if forward else (block.at_hexagon, block.at_square)
        place = np.searchsorted(targets, block.hexagon if forward else block.square).astype(np.int32)
        units = len(block.square if forward else block.hexagon)
        ends = np.cumsum(np.bincount(ours, minlength=units))
        indptr.append(ends + indptr[-1][-1])
        columns.append(place[theirs])
        areas.append(block.area)
        if forward:
            target_area[place] = block.hexagon_area
    rows, column, area = np.concatenate(indptr), np.concatenate(columns), np.concatenate(areas)
    if forward:
        unit_measure = grid.area_km2(cell_id) * 1e6
        area = _closed_up(area, rows, unit_measure)
    else:
        unit_measure, target_area = np.concatenate([b.hexagon_area for b in blocks]), to.area_km2(targets) * 1e6
    return Crosswalk(
        grid=to,
        unit_id=cell_id,
        cell_id=targets,
        measure=sparse.csr_array((area, column, rows), shape=(len(cell_id), len(targets))),
        unit_measure=unit_measure,
        cell_measure=target_area,
        covered=covered_share(group_sum(column, area, len(targets)), target_area),
        method=f"area, {grid.id} to {to.id}",
        made_from={"cells": sha256(cell_id.tobytes()).hexdigest()},
    )


def _closed_up(area: Floats, rows: Ints, whole: Floats) -> Floats:
    """Make each square's parts sum to the square: H3 gives a shared corner with other last digits to each neighbour."""
    if not len(area):
        return area
    found = np.add.reduceat(area, np.minimum(rows[:-1], len(area) - 1))
    near = np.abs(found - whole) < 1e-9 * whole
    closed: Floats = area * np.repeat(np.where(near, whole / np.where(near, found, 1.0), 1.0), np.diff(rows))
    return closed
