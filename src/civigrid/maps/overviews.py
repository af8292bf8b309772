"""Coarser cells for far views: counts add up, rates are averaged by their weight, and nothing else is averaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from civigrid.cells import is_missing, values_of
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.kernels.group import group_sum
from civigrid.style.classes import words_of_codes
from civigrid.types import Bounds, Column, Floats, Ids, Ints, Status, Statuses

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
    if isinstance(grid, SquareGrid):
        row, col = grid.row_col(first.cell_id)
        for factor in FACTORS:
            side = SquareGrid(cell_size_m=grid.cell_size_m * factor, crs=grid.crs, bounds_m=grid.bounds_m)
            width = int(col.max()) // factor + 1
            keys, group = np.unique((row // factor) * width + col // factor, return_inverse=True)
            # overviews may reach beyond the bounds of the grid: their ids are made without asking
            ids = _ids_of(side, keys // width, keys % width)
            found.append(_summed(cells, first, columns, (side, ids, group, factor**2)))
    elif isinstance(grid, H3Grid):
        for step in range(1, min(STEPS, grid.resolution) + 1):
            parent = H3Grid(grid.resolution - step)
            ids, group = np.unique(grid.parent(first.cell_id, parent), return_inverse=True)
            found.append(_summed(cells, first, columns, (parent, ids, group, 7**step)))
    return found


def _ids_of(grid: SquareGrid, row: Ints, col: Ints) -> Ids:
    beyond = Bounds(0, 0, *(2 * v for v in grid.bounds_m[2:]))
    return SquareGrid(cell_size_m=grid.cell_size_m, crs=grid.crs, bounds_m=beyond).from_row_col(row, col)


def _summed(cells: xr.Dataset, first: Level, columns: Mapping[str, Column], to: tuple[Grid, Ids, Ints, int]) -> Level:
    grid, ids, group, each = to
    values, statuses = {}, {}
    for name, column in columns.items():
        total = _rolled(cells, first.values[name], name, column, group, len(ids))
        if total is None:
            continue
        known, missing = np.isfinite(first.values[name]), is_missing(first.status[name])
        some = group_sum(group, known, len(ids)) > 0
        partial = some & (group_sum(group, missing, len(ids)) > 0)
        worst = _highest(first.status[name], group, len(ids))
        values[name] = np.where(some, total, np.nan)
        statuses[name] = np.where(some, np.where(partial, Status.PARTIAL, Status.OK), worst).astype(np.uint8)
    return Level(grid, ids, values, statuses, each)


def _rolled(cells: xr.Dataset, values: Floats, name: str, column: Column, group: Ints, n: int) -> Floats | None:
    """One variable in coarser cells; None where it cannot be averaged."""
    if column.kind != "intensive":
        total: Floats = group_sum(group, np.nan_to_num(values), n)
        return total
    coded = words_of_codes(name, column.words) is not None
    base = column.weight if column.weight is not None and column.weight in cells else None
    if base is None and not coded:
        return None
    weight = np.ones(len(values)) if base is None else np.nan_to_num(values_of(cells, base))
    if coded:
        return _most(group, values, weight, n)
    mass = group_sum(group, weight * np.isfinite(values), n)
    mean = group_sum(group, weight * np.nan_to_num(values), n)
    average: Floats = np.divide(mean, mass, out=np.full(n, np.nan), where=mass > 0)
    return average


def _most(group: npt.NDArray[np.integer[Any]], values: Floats, weight: Floats, n: int) -> Floats:
    """Code of each group in which most of its weight lies; where nothing has weight, most of its cells."""
    codes = np.unique(values[np.isfinite(values)])
    if not len(codes):
        return np.full(n, np.nan)
    # a cell counts for less than any person
    light = weight + 1e-6
    mass = np.stack([group_sum(group, light * (values == code), n) for code in codes])
    most: Floats = codes[mass.argmax(axis=0)]
    return most


def _highest(status: Statuses, group: npt.NDArray[np.integer[Any]], n: int) -> Statuses:
    """Highest status code of each group: why nothing is known there."""
    highest = np.zeros(n, dtype=np.uint8)
    np.maximum.at(highest, group, status)
    return highest
