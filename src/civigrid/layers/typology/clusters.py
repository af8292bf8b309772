"""Clusters: contiguous cells above a density, labelled in blocks and joined across their edges."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from civigrid.engine import Scheduler, map_blocks, plan_blocks
from civigrid.engine.reduction import Columns
from civigrid.grid import INVALID, SquareGrid
from civigrid.kernels.components import components
from civigrid.kernels.group import group_sum
from civigrid.layers.typology.rules import ClusterRule, Contiguity
from civigrid.types import Bools, Floats, Ids, Ints

BLOCK_CELLS = 1024
"""Cells along a block's side: about thirty blocks for Europe.  No result depends on it."""


def land_density(
    persons: Floats, area_km2: Floats, land: Floats | None, *, floor: float = 1.0, zero: str = "floor"
) -> Floats:
    """Residents per km2 of land.

    Parameters
    ----------
    persons : ndarray of float64, shape (cell,)
        NaN where unknown, which stays NaN.
    area_km2 : ndarray of float64, shape (cell,)
        Areas of the cells.
    land : ndarray of float64, shape (cell,), or None
        Share of land, in [0, 1]; NaN and None: all of the cell.
    floor : float
        Smallest share that is divided by.
    zero : {"floor", "whole"}
        Whether a share of 0 is taken for the floor or for the whole cell.

    Examples
    --------
    >>> land_density(np.array([100.0, 100.0]), np.ones(2), np.array([0.5, 0.0]), floor=0.1)
    array([ 200., 1000.])
    """
    if land is None:
        return persons / area_km2
    whole = np.isnan(land) | ((land == 0) & (zero == "whole"))
    share = np.maximum(np.where(whole, 1.0, land), floor)
    return persons / (area_km2 * share)


def belongs(density: Floats, built: Floats | None, rule: ClusterRule) -> Bools:
    """Whether each cell is dense (or built-up) enough for a kind of cluster; an unknown density is not."""
    with np.errstate(invalid="ignore"):
        enough: Bools = density > rule.density_km2 if rule.density_above else density >= rule.density_km2
        if built is not None and rule.built_share is not None:
            enough = enough | (built >= rule.built_share)
    return enough


def label_clusters(
    grid: SquareGrid,
    cell_id: Ids,
    contiguity: Contiguity,
    *,
    scheduler: Scheduler | None = None,
    cells_per_block: int = BLOCK_CELLS,
) -> tuple[Ints, int]:
    """Label contiguous cells, block by block.

    Parameters
    ----------
    grid : SquareGrid
        The grid of the ids.
    cell_id : ndarray of uint64, shape (cell,)
        Sorted ids of the cells that belong to any cluster.
    contiguity : {"rook", "queen"}
        Which cells touch.
    scheduler : Scheduler, optional
        Where blocks are labelled; by default here, one after the other: Europe's take less time than handing them out.
    cells_per_block : int
        Cells along a block's side, a power of two.

    Returns
    -------
    tuple of ndarray of int64, shape (cell,), and int
        Number of each cell's cluster, in the order of the clusters' first ids, and how many there are; the same for
        any block size and scheduler.

    Examples
    --------
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = np.sort(grid.from_row_col(np.array([3000, 3001, 3009]), np.array([4000, 4001, 4000])))
    >>> label_clusters(grid, ids, "queen")
    (array([0, 0, 1]), 2)
    """
    blocks = plan_blocks(grid, cell_id, cells_per_block)
    diagonal = contiguity == "queen"
    label_block = partial(_in_block, grid=grid, diagonal=diagonal)
    parts = map_blocks(label_block, {"cell_id": cell_id}, blocks, scheduler or Scheduler("serial"))
    if len(parts) <= 1:
        return parts[0] if parts else (np.empty(0, dtype=np.int64), 0)
    offset = np.cumsum([0, *(n for _, n in parts)])
    label = np.concatenate([part + start for (part, _), start in zip(parts, offset[:-1], strict=True)])
    a, b = _across(grid, cell_id, cells_per_block, diagonal=diagonal)
    n = int(offset[-1])
    links = coo_array((np.ones(len(a), dtype=np.int8), (label[a], label[b])), shape=(n, n))
    whole = connected_components(links, directed=False)[1][label]
    return _by_first(whole)


def _in_block(columns: Columns, *, grid: SquareGrid, diagonal: bool) -> tuple[Ints, int]:
    """Label the cells of one block: what a worker runs."""
    return components(*grid.row_col(columns["cell_id"]), diagonal=diagonal)


def _across(grid: SquareGrid, cell_id: Ids, cells_per_block: int, *, diagonal: bool) -> tuple[Ints, Ints]:
    """Pairs of touching cells that lie in different blocks."""
    row, col = grid.row_col(cell_id)
    last = cells_per_block - 1
    steps = ((1, 0), (0, 1), (1, 1), (1, -1)) if diagonal else ((1, 0), (0, 1))
    pairs = []
    for d_row, d_col in steps:
        leaves = ((row & last) == last) & (d_row == 1)
        leaves |= ((col & last) == (last if d_col == 1 else 0)) & (d_col != 0)
        at = np.flatnonzero(leaves)
        other = look_up(cell_id, grid.from_row_col(row[at] + d_row, col[at] + d_col))
        pairs.append((at[other >= 0], other[other >= 0]))
    return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])


def _by_first(label: Ints) -> tuple[Ints, int]:
    """Number labels by where they first appear."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse], len(first)


def look_up(cell_id: Ids, wanted: Ids) -> Ints:
    """Place of each wanted id among sorted ids, any shape; -1 where it is not there."""
    if not len(cell_id):
        return np.full(wanted.shape, -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(cell_id, wanted), len(cell_id) - 1)
    return np.where((cell_id[at] == wanted) & (wanted != INVALID), at, -1)


def cluster_persons(label: Ints, count: int, persons: Floats) -> Floats:
    """Known residents of each cluster, shape (count,); the order of the cells fixes the order of the sum."""
    return group_sum(label, np.nan_to_num(persons), count)


def large_enough(persons: Floats, rule: ClusterRule) -> Bools:
    """Whether each cluster has the residents its rule asks for."""
    enough: Bools = persons > rule.persons if rule.persons_above else persons >= rule.persons
    return enough
