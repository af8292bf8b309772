"""Cells drawn over a raster's pixels: which cells a raster can touch, in blocks, and which pixels each cell holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import h3ronpy
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely
from h3ronpy import vector
from pyproj import CRS

from civigrid.engine import plan_blocks
from civigrid.errors import SourceError
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.kernels.equal_area import band_area_km2
from civigrid.kernels.group import distinct
from civigrid.kernels.pixel_sums import box_runs
from civigrid.kernels.sweep import Coverage, Rings, coverage
from civigrid.project.geometry import transformer
from civigrid.types import Bounds, Floats, Ids

EDGE_M = 1_000.0
"""Sides of cells are cut to this length before they are projected: straight in one CRS, they bend 2 cm in another."""
NEST = 1e-7
"""A side of a cell this near to one of a pixel, in pixels, is taken to lie on it."""
BLOCK_PIXELS = 2_048
"""Pixels along the side of a block of cells, about."""
_OUTLINE = 64
"""Points along each side of a raster's outline that is projected."""


@dataclass(frozen=True)
class Lattice:
    """Where the pixels of a raster lie.

    Parameters
    ----------
    crs : str
        CRS of the raster.
    transform : tuple of float
        ``(a, b, c, d, e, f)``: column and row, from the upper left corner, lie at ``x = a col + b row + c`` and
        ``y = d col + e row + f``.
    rows, cols : int
        Pixels down and across.
    """

    crs: str
    transform: tuple[float, float, float, float, float, float]
    rows: int
    cols: int

    def __post_init__(self) -> None:
        a, b, _, d, e, _ = self.transform
        if not a * e - b * d:
            raise SourceError(f"the raster's pixels have no size (transform {self.transform}). Georeference it first.")
        west, _, east, _ = self.bounds
        if CRS(self.crs).is_geographic and (west < -180 - 1e-6 or east > 180 + 1e-6):
            raise SourceError(
                f"the raster spans longitudes {west:.6g} to {east:.6g}. Roll it to -180 to 180 degrees first."
            )

    @property
    def upright(self) -> bool:
        """Whether rows and columns run along the axes."""
        return self.transform[1] == self.transform[3] == 0.0

    @property
    def bounds(self) -> Bounds:
        """Extent in the raster's CRS."""
        x, y = self.points(np.array([0.0, 1.0, 0.0, 1.0]) * self.cols, np.array([0.0, 0.0, 1.0, 1.0]) * self.rows)
        return Bounds(float(x.min()), float(y.min()), float(x.max()), float(y.max()))

    def points(self, col: Floats, row: Floats) -> tuple[Floats, Floats]:
        """Coordinates of places given in pixels."""
        a, b, c, d, e, f = self.transform
        return a * col + b * row + c, d * col + e * row + f

    def pixels(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Places, in pixels, of coordinates; put on a side of a pixel where they all but lie on it."""
        a, b, c, d, e, f = self.transform
        u, v = x - c, y - f
        if self.upright:
            return _snapped(u / a), _snapped(v / e)
        det = a * e - b * d
        return (e * u - b * v) / det, (a * v - d * u) / det

    def pixel_areas(self, first: int, stop: int) -> Floats:
        """Area of a pixel of each row, shape (row,): km2 in degrees, else in pixels.

        In a projected CRS its own plane weighs; within one cell its scale is as good as constant.
        """
        if not (self.upright and CRS(self.crs).is_geographic):
            return np.ones(stop - first)
        a, _, _, _, e, f = self.transform
        side = f + e * np.arange(first, stop + 1)
        return band_area_km2(np.minimum(side[:-1], side[1:]), np.maximum(side[:-1], side[1:]), abs(a))


def _snapped(place: Floats) -> Floats:
    near = np.rint(place)
    return np.where(np.abs(place - near) < NEST, near, place)


class Block(NamedTuple):
    """Cells that one task sums: of a square grid rows and columns from `start` to `stop`, of H3 the ids."""

    start: tuple[int, int]
    stop: tuple[int, int]
    ids: Ids


def plan_cells(lattice: Lattice, grid: Grid) -> list[Block]:
    """Give the blocks of cells that a raster may touch, from its outline alone."""
    if isinstance(grid, SquareGrid):
        return _square_blocks(lattice, grid)
    assert isinstance(grid, H3Grid)
    cells = _hexagons(lattice, grid)
    if not len(cells):
        return []
    pixels = lattice.rows * lattice.cols / max(len(cells), 1)
    side = int(np.clip(BLOCK_PIXELS / np.sqrt(max(pixels, 1e-9)), 1, 256))
    none = (0, 0)
    return [Block(none, none, cells[b.start : b.stop]) for b in plan_blocks(grid, cells, side)]


def _square_blocks(lattice: Lattice, grid: SquareGrid) -> list[Block]:
    outline = _outline(lattice, grid.crs, _window(lattice, grid))
    if outline is None:
        return []
    size = grid.cell_size_m
    west, south, east, north = (int(b // size) for b in grid.bounds_m)
    low = np.maximum(np.floor(outline.min(axis=0) / size).astype(int) - 1, [west, south])
    high = np.minimum(np.ceil(outline.max(axis=0) / size).astype(int) + 1, [east, north])
    if (high <= low).any():
        return []
    cells = float(np.prod((outline.max(axis=0) - outline.min(axis=0)) / size))
    pixels = lattice.rows * lattice.cols / max(cells, 1e-9)
    side = int(np.clip(BLOCK_PIXELS / np.sqrt(pixels), 1, 512))
    none = np.empty(0, dtype=np.uint64)
    return [
        Block((row, col), (min(row + side, int(high[1])), min(col + side, int(high[0]))), none)
        for row in range(int(low[1]), int(high[1]), side)
        for col in range(int(low[0]), int(high[0]), side)
    ]


def _window(lattice: Lattice, grid: SquareGrid) -> tuple[float, float, float, float] | None:
    """Part of the raster, in pixels, that the grid's bounds reach: the rest of the world may not exist in its CRS."""
    if CRS(lattice.crs) == CRS(grid.crs):
        return 0.0, 0.0, float(lattice.cols), float(lattice.rows)
    west, south, east, north = grid.bounds_m
    ring = _ring(west, south, east, north)
    x, y = transformer(grid.crs, lattice.crs).transform(*ring.T)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return 0.0, 0.0, float(lattice.cols), float(lattice.rows)
    col, row = lattice.pixels(x, y)
    left, right = np.clip([col.min() - 2, col.max() + 2], 0, lattice.cols)
    top, bottom = np.clip([row.min() - 2, row.max() + 2], 0, lattice.rows)
    return None if right <= left or bottom <= top else (float(left), float(top), float(right), float(bottom))


def _ring(west: float, south: float, east: float, north: float, n: int = _OUTLINE) -> Floats:
    """Points around a box, shape (point, 2)."""
    box = shapely.box(west, south, east, north)
    points: Floats = shapely.get_coordinates(
        shapely.line_interpolate_point(box.exterior, np.linspace(0, 1, 4 * n), True)
    )
    return np.concatenate([points, shapely.get_coordinates(box)])


def _outline(lattice: Lattice, crs: str, window: tuple[float, float, float, float] | None) -> Floats | None:
    if window is None:
        return None
    # points inside too: where a parallel bends, the northernmost point need not lie on the outline's corner
    col, row = (v.ravel() for v in np.meshgrid(*(np.linspace(window[k], window[k + 2], _OUTLINE) for k in (0, 1))))
    x, y = transformer(lattice.crs, crs).transform(*lattice.points(col, row))
    known = np.isfinite(x) & np.isfinite(y)
    return np.stack([x[known], y[known]], axis=1) if known.any() else None


def _hexagons(lattice: Lattice, grid: H3Grid) -> Ids:
    """Hexagons whose centre lies in the raster, and those along its outline with their neighbours, sorted."""
    corners = np.array([[0, 0], [lattice.cols, 0], [lattice.cols, lattice.rows], [0, lattice.rows]], dtype=np.float64)
    ring = shapely.segmentize(shapely.linearrings(corners), max(lattice.cols, lattice.rows) / _OUTLINE)
    outline = _lonlat(lattice, shapely.get_coordinates(ring))
    filled = vector.wkb_to_cells([shapely.to_wkb(shapely.Polygon(outline))], grid.resolution, flatten=True)
    some = grid.area_km2(grid.cell_at(outline[:1]))[0]
    step = 0.25 * np.sqrt(some) / 111.0
    length = float(shapely.length(shapely.LineString(outline)))
    fine = shapely.segmentize(
        shapely.linearrings(corners), 2 * (lattice.cols + lattice.rows) * step / max(length, step)
    )
    along = distinct(grid.cell_at(_lonlat(lattice, shapely.get_coordinates(fine))))
    around = pa.array(h3ronpy.grid_disk(along, 1, flatten=True)).to_numpy()
    return distinct(np.concatenate([np.asarray(filled.to_numpy()).astype(np.uint64), around.astype(np.uint64)]))


def _lonlat(lattice: Lattice, pixels: Floats) -> Floats:
    x, y = transformer(lattice.crs, "EPSG:4326").transform(*lattice.points(*pixels.T))
    return np.stack([np.clip(x, -180, 180), np.clip(y, -90, 90)], axis=1)


def runs_of(block: Block, lattice: Lattice, grid: Grid) -> tuple[Ids, Coverage]:
    """Give the cells of a block and, for each, its runs of pixels, also of pixels beyond the raster's edge."""
    if not isinstance(grid, SquareGrid):
        return block.ids, _swept(_hexagon_rings(block.ids, lattice, grid))
    row, col = (v.ravel() for v in np.mgrid[block.start[0] : block.stop[0], block.start[1] : block.stop[1]])
    ids = grid.from_row_col(row, col)
    size = float(grid.cell_size_m)
    if lattice.upright and CRS(lattice.crs) == CRS(grid.crs):
        sides = lattice.pixels(np.stack([col, col + 1]) * size, np.stack([row, row + 1]) * size)
        (x0, x1), (y0, y1) = (np.sort(s, axis=0) for s in sides)
        return ids, box_runs(x0, x1, y0, y1)
    return ids, _swept(_square_rings(block.start, block.stop, lattice, grid))


def _square_rings(start: tuple[int, int], stop: tuple[int, int], lattice: Lattice, grid: SquareGrid) -> Floats:
    """Corners, in pixels, of a block's cells with points along their sides, shape (cell, corner, 2), closed.

    Every point is projected once, so that neighbours share it to the last bit.
    """
    size, k = grid.cell_size_m, _cuts(grid)
    rows, cols = stop[0] - start[0], stop[1] - start[1]
    south, west = start[0] * size, start[1] * size
    step = size / k
    level = _projected(west + step * np.arange(cols * k + 1.0), south + size * np.arange(rows + 1.0), lattice, grid)
    upright = level
    if k > 1:
        upright = _projected(
            west + size * np.arange(cols + 1.0), south + step * np.arange(rows * k + 1.0), lattice, grid
        )
    i, j = (v.reshape(-1, 1) for v in np.mgrid[0:rows, 0:cols])
    t = np.arange(k)
    sides = (
        level[i, j * k + t],
        upright[i * k + t, j + 1],
        level[i + 1, (j + 1) * k - t],
        upright[(i + 1) * k - t, j],
        level[i, j * k + t[:1]],
    )
    return np.concatenate(sides, axis=1)


def _cuts(grid: SquareGrid) -> int:
    """Parts that a side is cut into: a power of two, so that cells of any block find the same points."""
    return int(2 ** max(np.ceil(np.log2(grid.cell_size_m / EDGE_M)), 0))


def _projected(easting: Floats, northing: Floats, lattice: Lattice, grid: SquareGrid) -> Floats:
    x, y = np.meshgrid(easting, northing)
    return np.stack(lattice.pixels(*transformer(grid.crs, lattice.crs).transform(x, y)), axis=-1)


def _hexagon_rings(ids: Ids, lattice: Lattice, grid: Grid) -> Floats:
    corners = grid.vertices(ids)
    x, y = corners[..., 0], corners[..., 1]
    if CRS(lattice.crs) != CRS(grid.crs):
        x, y = transformer(grid.crs, lattice.crs).transform(x, y)
    ring = np.stack(lattice.pixels(x, y), axis=-1)
    return np.concatenate([ring, ring[:, :1]], axis=1)


def _swept(rings: Floats) -> Coverage:
    if not np.isfinite(rings).all():
        raise SourceError("cells near the raster do not exist in its CRS. Reproject the raster, or cut it to the grid.")
    n, corners = rings.shape[:2]
    plain: npt.NDArray[np.bool_] = np.zeros(n, dtype=bool)
    return coverage(Rings(rings.reshape(-1, 2), np.arange(n + 1) * corners, np.arange(n), plain), 1.0)


def bounds_runs(lattice: Lattice, grid: Grid) -> Coverage | None:
    """Runs of pixels within the bounds of a grid, along the very sides of its cells; None: all pixels are."""
    if not isinstance(grid, SquareGrid):
        return None
    size, k = grid.cell_size_m, _cuts(grid)
    west, south, east, north = (int(b // size) for b in grid.bounds_m)
    if _lies_within(lattice, grid, (west * size, south * size, east * size, north * size)):
        return None
    step, across, up = size / k, np.arange(west * k, east * k), np.arange(south * k, north * k)
    x = np.concatenate([across, np.full(len(up), east * k), across[::-1] + 1, np.full(len(up), west * k)]) * step
    y = np.concatenate([np.full(len(across), south * k), up, np.full(len(across), north * k), up[::-1] + 1]) * step
    if CRS(lattice.crs) != CRS(grid.crs):
        x, y = transformer(grid.crs, lattice.crs).transform(x, y)
    ring = np.stack(lattice.pixels(x, y), axis=-1)
    return _swept(np.concatenate([ring, ring[:1]])[None])


def _lies_within(lattice: Lattice, grid: SquareGrid, bounds: tuple[float, ...]) -> bool:
    """Whether the raster lies in the bounds, with a cell to spare where it must be projected."""
    outline = _outline(lattice, grid.crs, (0.0, 0.0, float(lattice.cols), float(lattice.rows)))
    if outline is None or len(outline) < _OUTLINE**2:
        return False
    spare = 0.0 if CRS(lattice.crs) == CRS(grid.crs) else float(grid.cell_size_m)
    low, high = outline.min(axis=0) - spare, outline.max(axis=0) + spare
    return bool((low >= bounds[:2]).all() and (high <= bounds[2:]).all())
