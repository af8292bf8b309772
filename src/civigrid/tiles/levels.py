"""Which cells stand at which zoom: the finest at the two deepest, parents above, none finer than can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from civigrid.errors import SchemaError
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.grid.square import SIZES_M
from civigrid.kernels.vector_tile import MAX_ZOOM
from civigrid.tiles.schemes import TileScheme
from civigrid.types import Bounds, Ids

DEEPEST_PIXELS = 3.0
"""At the deepest zoom a cell is at least so many pixels wide; clients draw deeper zooms from these tiles, exactly."""
LEAST_PIXELS = 2.0
"""Parents are at least so many pixels wide.  Both are reckoned where the projection does not stretch."""
_H3_KM2 = 4_357_449.416
"""Mean area of a cell of resolution 0, km2 (H3's table of cell areas); each finer one is a seventh."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """Cells of one size, and the zooms they are shown at.

    Parameters
    ----------
    grid : Grid
        The cells, or their parents.
    min_zoom, max_zoom : int
        Both included.
    """

    grid: Grid
    min_zoom: int
    max_zoom: int

    @property
    def layer(self) -> str:
        """Name of its layer in the tiles: ``cells_1km``, ``cells_h3_r8``."""
        if isinstance(self.grid, H3Grid):
            return f"cells_h3_r{self.grid.resolution}"
        return "cells_" + self.grid.id.rsplit("-", 1)[-1]


def plan_levels(
    grid: Grid,
    scheme: TileScheme,
    *,
    pixels: bool = False,
    min_zoom: int | None = None,
    max_zoom: int | None = None,
) -> tuple[Level, ...]:
    """Plan the pyramid of a grid in a scheme, coarsest first.

    Parameters
    ----------
    grid : Grid
        The finest cells.
    scheme : TileScheme
        The tiles.
    pixels : bool
        For pictures where a pixel is a cell (`TileScheme.pixel_cells`): one pixel is then enough.
    min_zoom, max_zoom : int, optional
        Zooms to make, both included; None: from 0 to where a cell has `DEEPEST_PIXELS`.  Levels are chosen as if all
        were made: a lesser deepest zoom leaves the finer cells out, a greater one repeats the finest.

    Raises
    ------
    SchemaError
        No such zooms; cells that have no levels.

    Examples
    --------
    >>> from civigrid.tiles.schemes import SCHEMES
    >>> planned = plan_levels(SquareGrid(cell_size_m=1000), SCHEMES["EU1kmQuad"])
    >>> [(a.layer, a.min_zoom, a.max_zoom) for a in planned][-2:]
    [('cells_2km', 5, 5), ('cells_1km', 6, 7)]
    >>> [(a.layer, a.min_zoom, a.max_zoom) for a in plan_levels(H3Grid(8), SCHEMES["WebMercatorQuad"])][-2:]
    [('cells_h3_r7', 8, 8), ('cells_h3_r8', 9, 10)]
    """
    at_once = pixels and scheme.pixel_cells
    deepest, least = (1.0, 1.0) if at_once else (DEEPEST_PIXELS, LEAST_PIXELS)
    side = _side_m(grid)
    enough = next((z for z in range(MAX_ZOOM + 1) if side / scheme.pixel_m(z) >= deepest), MAX_ZOOM)
    ladder = [grid, *_coarser(grid, scheme)]
    shown: list[tuple[Grid, int]] = []
    for zoom in _zooms(min_zoom, max_zoom, enough):
        wide = [g for g in ladder if _side_m(g) / scheme.pixel_m(zoom) >= least]
        finest = zoom >= enough - (0 if at_once else 1)
        shown.append((grid if finest else (wide or ladder[-1:])[0], zoom))
    levels: list[Level] = []
    for of, zoom in shown:
        if levels and levels[-1].grid == of:
            levels[-1] = replace(levels[-1], max_zoom=zoom)
        else:
            levels.append(Level(grid=of, min_zoom=zoom, max_zoom=zoom))
    return tuple(levels)


def _zooms(min_zoom: int | None, max_zoom: int | None, enough: int) -> range:
    low, high = min_zoom or 0, enough if max_zoom is None else max_zoom
    if not 0 <= low <= high <= MAX_ZOOM:
        raise SchemaError(f"no tiles from zoom {low} to {high}: zooms go from 0 to {MAX_ZOOM}, the least first.")
    return range(low, high + 1)


def _side_m(grid: Grid) -> float:
    """Width of a cell: the side of a square of its mean area."""
    if isinstance(grid, H3Grid):
        return float(np.sqrt(_H3_KM2 / 7**grid.resolution) * 1000)
    if not isinstance(grid, SquareGrid):
        raise SchemaError(f"cells of {grid.id} have no levels for tiles. Use a square grid or H3.")
    return float(grid.cell_size_m)


def _coarser(grid: Grid, scheme: TileScheme) -> Iterator[Grid]:
    """Grids of parents, each size a multiple of the cells'; finest first."""
    if isinstance(grid, H3Grid):
        yield from (H3Grid(r) for r in range(grid.resolution - 1, -1, -1))
    elif isinstance(grid, SquareGrid):
        base = grid.cell_size_m
        if scheme.pixel_cells:
            sizes = [base * 2**k for k in range(1, 20) if base * 2**k <= 200_000]
        else:
            sizes = [s for s in SIZES_M if s > base and s % base == 0]
            sizes = sizes or [base * k for k in (2, 5, 10, 20, 50, 100, 200, 500, 1000) if base * k <= 100_000]
        yield from (_covering(grid, size) for size in sizes)


def _covering(grid: SquareGrid, size: int) -> SquareGrid:
    """Squares of another size; the extent grows to whole cells, so that each child has a parent."""
    west, south, east, north = grid.bounds_m
    low = [int(v // size) * size for v in (west, south)]
    high = [-(-int(v) // size) * size for v in (east, north)]
    return replace(grid, cell_size_m=size, bounds_m=Bounds(*low, *high))


def feature_ids(grid: Grid, ids: Ids) -> Ids:
    """Give the ids of features: whole numbers below 2**53 from which, with the grid, each cell id follows.

    Square cells: the Morton code of row and column (`civigrid.kernels.morton`), the cell id without its level.  H3:
    base cell and digits, ``(id >> 3 * (15 - r)) & (2**(7 + 3 * r) - 1)``.  Browsers read ids as doubles: the full 64
    bits of cells close by would become one number there.

    >>> grid = H3Grid(8)
    >>> feature_ids(grid, np.array([613036919474880511], dtype=np.uint64)).tolist()
    [261006427]
    >>> cell_ids(grid, np.array([261006427], dtype=np.uint64)).tolist()
    [613036919474880511]
    """
    if isinstance(grid, H3Grid):
        bits = 7 + 3 * grid.resolution
        return (ids >> np.uint64(3 * (15 - grid.resolution))) & np.uint64(2**bits - 1)
    return ids & np.uint64(2**56 - 1)


def cell_ids(grid: Grid, features: Ids) -> Ids:
    """Give the cell ids of ids of features: the way back from `feature_ids`."""
    if isinstance(grid, H3Grid):
        below = 3 * (15 - grid.resolution)
        head = np.uint64((1 << 59) | (grid.resolution << 52) | ((1 << below) - 1))
        return (np.asarray(features, dtype=np.uint64) << np.uint64(below)) | head
    level = np.uint64(grid.level << 56) if isinstance(grid, SquareGrid) else np.uint64(0)
    return np.asarray(features, dtype=np.uint64) | level
