"""What part of the world a picture shows: projection, box, and a size in whole pixels to each cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from pyproj import Transformer

from civigrid.cells import grid_of, ids_of
from civigrid.errors import SchemaError
from civigrid.grid import Grid, SquareGrid
from civigrid.types import Bounds, Floats, Ids

EUROPE = Bounds(-32.0, 27.0, 45.0, 72.0)
"""Where EPSG:3035 is the usual projection, degrees."""
TRIMMED, SHRINKS = 0.002, 0.75
"""So few cells are left outside a picture, if its area is then less than this part."""
FILLS = 0.8
"""Cells get whole pixels where the map still fills this part of its room."""


@dataclass(frozen=True)
class Lattice:
    """Where cells lie on paper.

    Parameters
    ----------
    crs : str
        Projection of the picture.
    bounds : Bounds
        What is drawn, in units of `crs`.
    outside : int
        Cells that lie beyond it.
    pixels : tuple of int
        Columns and rows of the picture.
    """

    crs: str
    bounds: Bounds
    outside: int = 0
    pixels: tuple[int, int] = (0, 0)

    @property
    def aspect(self) -> float:
        """Width by height."""
        b = self.bounds
        return (b.east - b.west) / (b.north - b.south)


def lattices_of(datasets: Sequence[xr.Dataset]) -> list[Lattice]:
    """Choose projection and box of one picture or of several side by side: these show the same place, or one scale.

    Parameters
    ----------
    datasets : sequence of xarray.Dataset
        Cells of each picture.

    Returns
    -------
    list of Lattice
        Boxes that overlap become one for all; places apart keep their own, grown to the size of the largest.

    Raises
    ------
    SchemaError
        There are no cells.
    """
    if not all(len(ids_of(cells)) for cells in datasets):
        raise SchemaError("there are no cells to draw.")
    crs = _common_crs(datasets)
    found = [_lattice(cells, crs) for cells in datasets]
    boxes = np.array([tuple(f.bounds) for f in found])
    low, high = boxes[:, :2], boxes[:, 2:]
    if ((high.min(axis=0) - low.max(axis=0)) > 0).all():
        whole = Bounds(*low.min(axis=0).tolist(), *high.max(axis=0).tolist())
        return [
            replace(f, bounds=whole, outside=_outside(cells, f.crs, whole))
            for f, cells in zip(found, datasets, strict=True)
        ]
    grown = (high - low).max(axis=0)
    return [replace(f, bounds=_grown(f.bounds, grown)) for f in found]


def _common_crs(datasets: Sequence[xr.Dataset]) -> str:
    """Projection of all: that of square cells, EPSG:3035 in Europe, elsewhere one around the middle."""
    grids = [grid_of(cells) for cells in datasets]
    squares = {grid.crs for grid in grids if isinstance(grid, SquareGrid)}
    if len(squares) > 1:
        raise SchemaError(f"cells in {' and '.join(sorted(squares))} do not fit one picture: draw them apart.")
    if squares:
        return squares.pop()
    centre = np.concatenate([grid.centre(ids_of(cells)) for grid, cells in zip(grids, datasets, strict=True)])
    west, south, east, north = EUROPE
    if ((centre >= (west, south)) & (centre <= (east, north))).all():
        return "EPSG:3035"
    # around the circle, so that cells on both sides of the antimeridian have a middle between them
    turn = np.exp(1j * np.deg2rad(centre[:, 0])).mean()
    lon, lat = float(np.rad2deg(np.angle(turn))), float(np.median(centre[:, 1]))
    return f"+proj=laea +lat_0={lat:.1f} +lon_0={lon:.1f} +datum=WGS84 +units=m"


def _lattice(cells: xr.Dataset, crs: str) -> Lattice:
    low, high = _corners(cells, crs)
    whole = Bounds(*low.min(axis=0).tolist(), *high.max(axis=0).tolist())
    share = TRIMMED / 4
    trimmed = Bounds(*np.quantile(low, share, axis=0), *np.quantile(high, 1 - share, axis=0))
    pad = 0.02 * max(trimmed.east - trimmed.west, trimmed.north - trimmed.south)
    trimmed = Bounds(
        max(trimmed.west - pad, whole.west), max(trimmed.south - pad, whole.south),
        min(trimmed.east + pad, whole.east), min(trimmed.north + pad, whole.north),
    )  # fmt: skip
    if _area(trimmed) >= SHRINKS * _area(whole):
        return Lattice(crs, whole)
    return Lattice(crs, trimmed, _outside(cells, crs, trimmed))


def _corners(cells: xr.Dataset, crs: str) -> tuple[Floats, Floats]:
    """Lower left and upper right of each cell."""
    grid = grid_of(cells)
    if isinstance(grid, SquareGrid) and grid.crs == crs:
        low = grid.corner(ids_of(cells)).astype(np.float64)
        return low, low + grid.cell_size_m
    corners = corners_of(grid, ids_of(cells), crs)
    return corners.min(axis=1), corners.max(axis=1)


def _outside(cells: xr.Dataset, crs: str, box: Bounds) -> int:
    low, high = _corners(cells, crs)
    return int(((high <= box[:2]).any(axis=1) | (low >= box[2:]).any(axis=1)).sum())


def _grown(box: Bounds, size: Floats) -> Bounds:
    east, north = (box.west + box.east) / 2, (box.south + box.north) / 2
    width, height = (float(v) / 2 for v in size)
    return Bounds(east - width, north - height, east + width, north + height)


def _area(b: Bounds) -> float:
    return (b.east - b.west) * (b.north - b.south)


def corners_of(grid: Grid, ids: Ids, crs: str) -> Floats:
    """Corners of cells in a projection, shape (cell, corner, 2)."""
    corners = grid.vertices(ids)
    if grid.crs == crs:
        return corners
    to = Transformer.from_crs(grid.crs, crs, always_xy=True)
    x, y = to.transform(corners[..., 0], corners[..., 1])
    return np.stack([x, y], axis=-1)


def snapped(lattice: Lattice, side_m: float, room: tuple[int, int]) -> Lattice:
    """Move a box to whole cells, and give it whole pixels to each cell (or whole cells to each pixel), if it can.

    Parameters
    ----------
    lattice : Lattice
        What is to be drawn.
    side_m : float
        Side of a square cell; 0: cells are no squares.
    room : tuple of int
        Most columns and rows of pixels.

    Returns
    -------
    Lattice
        With its `pixels`, at most those of the room.

    Examples
    --------
    >>> found = snapped(Lattice("EPSG:3035", Bounds(0, 0, 10_000, 5000)), 1000.0, (95, 95))
    >>> found.pixels
    (90, 45)
    """
    free = min(room[0] / lattice.aspect, float(room[1]))
    loose = max(1, round(free * lattice.aspect)), max(1, round(free))
    if not side_m:
        return replace(lattice, pixels=loose)
    cells = (lattice.bounds.east - lattice.bounds.west) / side_m
    per_cell = int(loose[0] / cells + 1e-9)
    block = 1 if per_cell else int(np.ceil(cells / loose[0] - 1e-9))
    box = _whole(lattice.bounds, side_m * block)
    wide, high = (round((box[k + 2] - box[k]) / (side_m * block)) * max(per_cell, 1) for k in (0, 1))
    if wide > room[0] or high > room[1] or wide < FILLS * loose[0]:
        return replace(lattice, pixels=loose)
    return replace(lattice, bounds=box, pixels=(wide, high))


def _whole(box: Bounds, step: float) -> Bounds:
    """Grow a box to multiples of a step: rows and columns are counted from the origin of the projection."""
    west, south = (float(np.floor(v / step + 1e-9) * step) for v in box[:2])
    east, north = (float(np.ceil(v / step - 1e-9) * step) for v in box[2:])
    return Bounds(west, south, east, north)
