"""Square cells as an array: rows from north to south, columns from west to east."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.types import Floats, Ints

MOST_PIXELS = 400_000_000
"""More than this would not fit into memory beside itself."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """A box of whole cells, and where each of the cells lies in it.

    Parameters
    ----------
    size_m : int
        Side of a cell.
    crs : str
        CRS of the grid.
    west, north : int
        Its upper left corner, metres.
    shape : tuple of int
        Rows and columns.
    row, col : ndarray of int64, shape (cell,)
        Place of each cell, from the upper left.
    """

    size_m: int
    crs: str
    west: int
    north: int
    shape: tuple[int, int]
    row: Ints
    col: Ints

    def dense(self, values: npt.NDArray[Any], fill: float) -> npt.NDArray[Any]:
        """Spread values of the cells over the box; `fill` where there is no cell."""
        array = np.full(self.shape, fill, dtype=values.dtype)
        array[self.row, self.col] = values
        return array

    @property
    def x(self) -> Floats:
        """Eastings of the middles of the columns."""
        middles: Floats = self.west + (np.arange(self.shape[1], dtype=np.float64) + 0.5) * self.size_m
        return middles

    @property
    def y(self) -> Floats:
        """Northings of the middles of the rows, falling."""
        middles: Floats = self.north - (np.arange(self.shape[0], dtype=np.float64) + 0.5) * self.size_m
        return middles


def square_of(cells: xr.Dataset, what: str) -> SquareGrid:
    """Give the grid of square cells, or refuse hexagons.

    Raises
    ------
    SchemaError
        Hexagons: pixels could only be drawn over them.
    """
    grid = grid_of(cells)
    if not isinstance(grid, SquareGrid):
        raise SchemaError(
            f"{what} holds square cells, these are {grid.id}. Project to a square grid, or export as gpkg, geoparquet, "
            "fgb, netcdf or zarr."
        )
    return grid


def frame_of(cells: xr.Dataset, what: str, *, halvings: int = 0) -> Frame:
    """Give the least box around the cells whose corners are those of cells `halvings` times doubled in side.

    Raises
    ------
    SchemaError
        Hexagons, no cells, or cells so far apart that their box has more than `MOST_PIXELS`.
    """
    grid, ids = square_of(cells, what), ids_of(cells)
    if not len(ids):
        raise SchemaError(f"there are no cells to write as {what}: choose another file.")
    row, col = grid.row_col(ids)
    step = 2**halvings
    south, north = int(row.min()) // step * step, -(-(int(row.max()) + 1) // step) * step
    west, east = int(col.min()) // step * step, -(-(int(col.max()) + 1) // step) * step
    shape = (north - south, east - west)
    if shape[0] * shape[1] > MOST_PIXELS:
        raise SchemaError(
            f"{len(ids):,} cells lie in a box of {shape[0]:,} x {shape[1]:,} pixels, which is too much for {what}. "
            "Export a part, coarser cells, or gpkg or geoparquet."
        )
    return Frame(
        size_m=grid.cell_size_m,
        crs=grid.crs,
        west=west * grid.cell_size_m,
        north=north * grid.cell_size_m,
        shape=shape,
        row=north - 1 - row,
        col=col - west,
    )
