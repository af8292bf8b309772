"""Square cells in a projected, equal-area CRS: the EU grid and its finer and coarser levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid.base import INVALID, Grid
from civigrid.grid.points import check_points
from civigrid.kernels.morton import BITS, deinterleave, interleave
from civigrid.types import Bools, Bounds, Floats, Ids, Ints

SIZES_M = (1, 2, 5, 10, 20, 50, 100, 200, 250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Cell sizes with a level of their own in the id; every other size shares one more level."""

EU_BOUNDS = Bounds(900_000, 900_000, 7_400_000, 5_500_000)
"""Regulation (EU) 2018/1799, Art. 3(1)."""


@dataclass(frozen=True, kw_only=True)
class SquareGrid(Grid):
    """Squares of `cell_size_m` whose lower-left corners are multiples of it, counted from the CRS's origin.

    A cell holds its lower and left edge.  An id is ``level << 56 | morton(row, column)``: the level tells cells of
    different sizes apart, the Morton code keeps neighbours close.

    Parameters
    ----------
    cell_size_m : int
        Side of a cell, metres.
    crs : str
        A projected, equal-area CRS.
    bounds_m : Bounds
        Extent; points outside are refused.

    Examples
    --------
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> cell = grid.cell_at(np.array([[4337250.0, 2689999.9]]))
    >>> grid.corner(cell)
    array([[4337000, 2689000]])
    """

    cell_size_m: int
    crs: str = "EPSG:3035"
    bounds_m: Bounds = EU_BOUNDS

    def __post_init__(self) -> None:
        object.__setattr__(self, "bounds_m", Bounds(*self.bounds_m))
        if int(self.cell_size_m) != self.cell_size_m or self.cell_size_m < 1:
            raise SchemaError(f"cell_size_m must be a whole number of metres >= 1, got {self.cell_size_m!r}.")
        if min(self.bounds_m) < 0 or max(self.bounds_m) / self.cell_size_m >= 2**BITS:
            raise SchemaError(f"bounds_m must lie in [0, {2**BITS * self.cell_size_m}), got {self.bounds_m}.")

    @property
    def id(self) -> str:
        """Name as in ``grids/``: ``eu-laea-1km``; a grid of another CRS says which."""
        size = f"{self.cell_size_m // 1000}km" if self.cell_size_m % 1000 == 0 else f"{self.cell_size_m}m"
        family = "eu-laea" if self.crs == "EPSG:3035" else f"square-{self.crs.replace(':', '').lower()}"
        return f"{family}-{size}"

    @property
    def level(self) -> int:
        """Level bits of every id: 1 + place of the size in `SIZES_M`."""
        return 1 + (SIZES_M.index(self.cell_size_m) if self.cell_size_m in SIZES_M else len(SIZES_M))

    def to_dict(self) -> dict[str, Any]:
        """Attributes for ``cell_id``."""
        return {
            "grid_name": "square",
            "crs": self.crs,
            "cell_size_m": int(self.cell_size_m),
            "bounds_m": [float(b) for b in self.bounds_m],
        }

    # --- ids and rows and columns ---

    def row_col(self, cell_id: Ids) -> tuple[Ints, Ints]:
        """Rows (northwards) and columns (eastwards) of ids, counted from the CRS's origin."""
        return deinterleave(cell_id & np.uint64(2**56 - 1))

    def from_row_col(self, row: Ints, col: Ints) -> Ids:
        """Ids of rows and columns, any shape; `INVALID` outside the grid's bounds."""
        row, col = np.asarray(row, dtype=np.int64), np.asarray(col, dtype=np.int64)
        inside = self._has(row, col)
        code = interleave(np.where(inside, row, 0), np.where(inside, col, 0))
        return np.where(inside, code | np.uint64(self.level << 56), np.uint64(INVALID))

    def _has(self, row: Ints, col: Ints) -> Bools:
        west, south, east, north = (int(b // self.cell_size_m) for b in self.bounds_m)
        return (col >= west) & (col < east) & (row >= south) & (row < north)

    def is_valid(self, cell_id: Ids) -> Bools:
        """Whether each id has this grid's level and lies inside its bounds."""
        row, col = self.row_col(cell_id)
        valid: Bools = (cell_id >> np.uint64(56) == self.level) & self._has(row, col)
        return valid

    # --- places ---

    def cell_at(self, points: Floats) -> Ids:
        """Ids of the cells that hold `points`; a point on an edge belongs to the cell above or right of it."""
        points = check_points(points, self.bounds_m, self.crs)
        col, row = np.floor(points / self.cell_size_m).astype(np.int64).T
        return self.from_row_col(row, col)

    def corner(self, cell_id: Ids) -> Ints:
        """Lower-left corners (easting, northing), exact integers, metres, shape (n, 2)."""
        row, col = self.row_col(cell_id)
        return np.stack([col, row], axis=-1) * self.cell_size_m

    def centre(self, cell_id: Ids) -> Floats:
        """Centres (easting, northing), metres, shape (n, 2)."""
        return self.corner(cell_id).astype(np.float64) + self.cell_size_m / 2

    def vertices(self, cell_id: Ids) -> Floats:
        """Corners counter-clockwise from the lower left, metres, shape (n, 4, 2)."""
        steps = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * self.cell_size_m
        corners: Floats = (self.corner(cell_id)[:, None, :] + steps).astype(np.float64)
        return corners

    def area_km2(self, cell_id: Ids) -> Floats:
        """Areas, km2: all equal, since the CRS is equal-area."""
        return np.full(len(cell_id), self.cell_size_m**2 / 1e6)

    # --- other cells ---

    def parent(self, cell_id: Ids, coarser: Grid) -> Ids:
        """Cells of `coarser` that hold each cell."""
        factor = self._factor(coarser, self, coarser)
        row, col = self.row_col(cell_id)
        return coarser.from_row_col(row // factor, col // factor)  # type: ignore[attr-defined, no-any-return]

    def children(self, cell_id: Ids, finer: Grid) -> Ids:
        """Cells of `finer` inside each cell, row by row from the lower left, shape (n, factor**2)."""
        factor = self._factor(finer, finer, self)
        row, col = self.row_col(cell_id)
        step_row, step_col = np.divmod(np.arange(factor**2), factor)
        rows, cols = row[:, None] * factor + step_row, col[:, None] * factor + step_col
        return finer.from_row_col(rows, cols)  # type: ignore[attr-defined, no-any-return]

    def _factor(self, other: Grid, fine: Grid, coarse: Grid) -> int:
        if not isinstance(other, SquareGrid) or other.crs != self.crs:
            raise GridMismatchError(f"{other.id} and {self.id} share no hierarchy. Use a crosswalk between them.")
        small, large = (g.cell_size_m for g in (fine, coarse))  # type: ignore[attr-defined]
        if large % small:
            raise GridMismatchError(f"{large} m is no multiple of {small} m, so {coarse.id} cells cut {fine.id} cells.")
        return int(large // small)

    def ring(self, cell_id: Ids, k: int) -> Ids:
        """Cells whose row or column differs by exactly `k` (Chebyshev), clockwise from the north-west."""
        if k == 0:
            return cell_id[:, None].copy()
        along = np.arange(-k, k)
        top, side = np.full(2 * k, k), along
        d_row = np.concatenate([top, -side, -top, side])
        d_col = np.concatenate([side, top, -side, -top])
        row, col = self.row_col(cell_id)
        return self.from_row_col(row[:, None] + d_row, col[:, None] + d_col)

    def block_starts(self, cell_id: Ids, cells_per_side: int) -> Ids:
        """First id of each cell's block of ``cells_per_side`` squared cells; the side is a power of two."""
        if cells_per_side < 1 or cells_per_side & (cells_per_side - 1):
            raise SchemaError(f"cells_per_side must be a power of two, got {cells_per_side}.")
        return cell_id & ~np.uint64(cells_per_side**2 - 1)
