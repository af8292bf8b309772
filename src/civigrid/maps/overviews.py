"""Coarser cells for far views of a map, their values by the one rule of `civigrid.release.overviews`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.kernels.aggregate import Pairs
from civigrid.release.overviews import Arrays, Rule, grouped, inputs, overview, parents, rule_of
from civigrid.style.classes import words_of_codes
from civigrid.types import Bounds, Column, Floats, Ids, Ints, Statuses

MANY_CELLS = 20_000
"""Below this many cells no overview is needed: every cell is drawn at every zoom."""
FACTORS = (4, 16)
"""Sides of coarser squares, in sides of the cells."""
STEPS = 3
"""Coarser resolutions of H3."""


@dataclass(frozen=True, eq=False)
class Level:
    """Cells of one size with their values and statuses; a variable that cannot be averaged is absent from coarser ones.

    `cells_each` says how many of the finest cells one of these stands for: counts are coloured by their mean.
    """

    grid: Grid
    cell_id: Ids
    values: Mapping[str, Floats]
    status: Mapping[str, Statuses]
    cells_each: int = 1

    def about(self) -> dict[str, Any]:
        """JSON-ready: side of the cells in metres, and how many of the finest one holds."""
        if isinstance(self.grid, SquareGrid):
            return {"size": self.grid.cell_size_m, "each": self.cells_each}
        assert isinstance(self.grid, H3Grid)
        # the mean area of a cell of resolution 0 is 4.36 million km2, and each step divides it by seven
        size = float(np.sqrt(4.357449e12 / 7.0**self.grid.resolution))
        return {"size": round(size), "resolution": self.grid.resolution, "each": self.cells_each}


def overviews(cells: xr.Dataset, first: Level, columns: Mapping[str, Column]) -> list[Level]:
    """Give coarser levels of cells, finer ones first; none of few cells.

    Parameters
    ----------
    cells : xarray.Dataset
        Released cells, for the weights of rates.
    first : Level
        The cells as they are.
    columns : mapping of str to Column
        What each variable is.

    Returns
    -------
    list of Level
        Sums of counts, weighted means of rates, for codes of classes those of most residents; other intensive variables
        (an index, a number without weight) are left out.  What is wholly missing stays missing; what is partly
        missing is a lower bound, and its status says so.
    """
    grid, found = first.grid, []
    if len(first.cell_id) <= MANY_CELLS:
        return []
    rules = {n: rule_of(cells, n, coded=words_of_codes(n, c.words) is not None) for n, c in columns.items()}
    arrays = inputs(cells, rules)
    if isinstance(grid, SquareGrid):
        row, col = grid.row_col(first.cell_id)
        for factor in FACTORS:
            side = SquareGrid(cell_size_m=grid.cell_size_m * factor, crs=grid.crs, bounds_m=grid.bounds_m)
            width = int(col.max()) // factor + 1
            keys, group = grouped(((row // factor) * width + col // factor).astype(np.uint64))
            # overviews may reach beyond the bounds of the grid: their ids are made without asking
            ids = _ids_of(side, (keys // width).astype(np.int64), (keys % width).astype(np.int64))
            found.append(_level(arrays, rules, group, (side, ids, factor**2)))
    elif isinstance(grid, H3Grid):
        for step in range(1, min(STEPS, grid.resolution) + 1):
            coarser = H3Grid(grid.resolution - step)
            ids, group = parents(grid, first.cell_id, coarser)
            found.append(_level(arrays, rules, group, (coarser, ids, 7**step)))
    return found


def _ids_of(grid: SquareGrid, row: Ints, col: Ints) -> Ids:
    beyond = Bounds(0, 0, *(2 * v for v in grid.bounds_m[2:]))
    return SquareGrid(cell_size_m=grid.cell_size_m, crs=grid.crs, bounds_m=beyond).from_row_col(row, col)


def _level(arrays: Arrays, rules: Mapping[str, Rule], group: Ints, of: tuple[Grid, Ids, int]) -> Level:
    grid, ids, each = of
    pairs = Pairs(group, len(ids))
    kept = {name: overview(arrays, name, rule, pairs) for name, rule in rules.items() if rule.how != "none"}
    return Level(grid, ids, {n: v.values for n, v in kept.items()}, {n: v.status for n, v in kept.items()}, each)
