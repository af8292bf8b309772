"""Blocks: contiguous ranges of ids, planned before anything runs, made dense only when a stencil needs it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from civigrid.errors import SchemaError
from civigrid.grid import INVALID, Grid, SquareGrid
from civigrid.types import Floats, Ids


@dataclass(frozen=True)
class Block:
    """Rows `start` to `stop` of a sorted table: the cells of one spatial block, whose first possible id is `first`."""

    first: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def plan_blocks(grid: Grid, cell_id: Ids, cells_per_side: int) -> tuple[Block, ...]:
    """Cut a sorted table of cells into blocks of about ``cells_per_side`` squared cells; empty ones do not appear.

    Parameters
    ----------
    grid : Grid
        The grid of the ids.
    cell_id : ndarray of uint64, shape (cell,)
        Sorted ids.
    cells_per_side : int
        Cells along a block's side; a power of two for square grids.

    Returns
    -------
    tuple of Block
        In the order of the ids, covering every row once.

    Examples
    --------
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = np.sort(grid.from_row_col(np.array([3000, 3000, 3000]), np.array([4000, 4001, 4900])))
    >>> [len(block) for block in plan_blocks(grid, ids, 256)]
    [2, 1]
    """
    if not len(cell_id):
        return ()
    first = grid.block_starts(cell_id, cells_per_side)
    starts = np.concatenate([[0], np.flatnonzero(first[1:] != first[:-1]) + 1])
    stops = np.append(starts[1:], len(cell_id))
    return tuple(Block(int(first[a]), int(a), int(b)) for a, b in zip(starts, stops, strict=True))


def densify(
    grid: SquareGrid, cell_id: Ids, values: Floats, block: Block, *, cells_per_side: int, halo: int, fill: float
) -> Floats:
    """Give a block with its halo as a dense array.

    Parameters
    ----------
    grid : SquareGrid
        The grid of the ids.
    cell_id : ndarray of uint64, shape (cell,)
        All ids, sorted; the halo is looked up among them.
    values : ndarray of float64, shape (cell,)
        One value per id.
    block : Block
        Which block.
    cells_per_side : int
        As the block was planned.
    halo : int
        Cells around the block.
    fill : float
        Value of cells that are not in the table: 0 for counts of uninhabited land, NaN for unknown.

    Returns
    -------
    ndarray of float64, shape (northing, easting)
        ``cells_per_side + 2 * halo`` each way; row 0 is the southernmost.
    """
    row, col = (int(v[0]) for v in grid.row_col(np.array([block.first], dtype=np.uint64)))
    side = np.arange(-halo, cells_per_side + halo)
    ids = grid.from_row_col((row + side)[:, None], (col + side)[None, :])
    at = np.minimum(np.searchsorted(cell_id, ids), len(cell_id) - 1)
    found = (cell_id[at] == ids) & (ids != INVALID)
    dense: Floats = np.where(found, values[at], fill)
    return dense


def sparsify(grid: SquareGrid, cell_id: Ids, dense: Floats, block: Block, *, cells_per_side: int, halo: int) -> Floats:
    """Give the values of a block's own cells back from its dense array, shape (len(block),)."""
    row, col = grid.row_col(np.array([block.first], dtype=np.uint64))
    rows, cols = grid.row_col(cell_id[block.start : block.stop])
    if dense.shape[0] != cells_per_side + 2 * halo:
        raise SchemaError(f"dense has {dense.shape[0]} rows, must have {cells_per_side + 2 * halo}: block and halo.")
    values: Floats = dense[rows - row + halo, cols - col + halo]
    return values
