"""Cells as the pixels of a picture: squares and hexagons without a seam, hatched where something is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr
from pyproj import Transformer

from civigrid.cells import column_of, grid_of, ids_of, status_of, values_of
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.kernels.fill import fill_polygons, hatch
from civigrid.kernels.group import group_sum
from civigrid.style.classes import Classes
from civigrid.style.color_difference import srgb
from civigrid.style.words import EMPTY, missing_reasons
from civigrid.types import Bools, Bounds, Floats, Ints, Statuses

Pixels = npt.NDArray[np.uint8]
EUROPE = Bounds(-32.0, 27.0, 45.0, 72.0)
"""Where EPSG:3035 is the usual projection, degrees."""
TRIMMED, SHRINKS = 0.002, 0.75
"""So few cells are left outside a picture, if its area is then less than this part."""
PATTERNS: Mapping[str, str] = {
    "confidential": "/", "suppressed": "/", "unavailable": "\\", "beyond": "x", "undefined": ".", "uncertain": "/",
}  # fmt: skip
HATCH: Mapping[str, tuple[str, str]] = {"light": ("#e9e9e6", "#8a8f94"), "dark": ("#30353a", "#8b9299")}
"""Paper and lines of what is missing, by background."""


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
    """

    crs: str
    bounds: Bounds
    outside: int = 0

    @property
    def aspect(self) -> float:
        """Width by height."""
        b = self.bounds
        return (b.east - b.west) / (b.north - b.south)


def lattice_of(cells: xr.Dataset) -> Lattice:
    """Choose projection and box of a picture: all cells, unless few far ones would make the others tiny.

    Raises
    ------
    SchemaError
        There are no cells.
    """
    grid, ids = grid_of(cells), ids_of(cells)
    if not len(ids):
        raise SchemaError("there are no cells to draw.")
    if isinstance(grid, SquareGrid):
        low = grid.corner(ids).astype(np.float64)
        bounds, outside = _box(low, low + grid.cell_size_m)
        return Lattice(grid.crs, bounds, outside)
    centre = grid.centre(ids)
    west, south, east, north = EUROPE
    inside = (centre >= (west, south)).all(axis=1) & (centre <= (east, north)).all(axis=1)
    lon, lat = np.median(centre, axis=0)
    crs = "EPSG:3035" if inside.all() else f"+proj=laea +lat_0={lat:.1f} +lon_0={lon:.1f} +datum=WGS84 +units=m"
    corners = corners_in(cells, crs)
    bounds, outside = _box(corners.min(axis=1), corners.max(axis=1))
    return Lattice(crs, bounds, outside)


def _box(low: Floats, high: Floats) -> tuple[Bounds, int]:
    whole = Bounds(*low.min(axis=0), *high.max(axis=0))
    share = TRIMMED / 4
    trimmed = Bounds(*np.quantile(low, share, axis=0), *np.quantile(high, 1 - share, axis=0))
    pad = 0.02 * max(trimmed.east - trimmed.west, trimmed.north - trimmed.south)
    trimmed = Bounds(
        max(trimmed.west - pad, whole.west), max(trimmed.south - pad, whole.south),
        min(trimmed.east + pad, whole.east), min(trimmed.north + pad, whole.north),
    )  # fmt: skip
    if _area(trimmed) >= SHRINKS * _area(whole):
        return whole, 0
    out = (low < trimmed[:2]).any(axis=1) | (high > trimmed[2:]).any(axis=1)
    return trimmed, int(out.sum())


def _area(b: Bounds) -> float:
    return (b.east - b.west) * (b.north - b.south)


def corners_in(cells: xr.Dataset, crs: str) -> Floats:
    """Corners of the cells in a projection, shape (cell, corner, 2)."""
    grid = grid_of(cells)
    corners = grid.vertices(ids_of(cells))
    if grid.crs == crs:
        return corners
    to = Transformer.from_crs(grid.crs, crs, always_xy=True)
    x, y = to.transform(corners[..., 0], corners[..., 1])
    return np.stack([x, y], axis=-1)


@dataclass(frozen=True)
class Drawn:
    """A variable as pixels.

    Parameters
    ----------
    classes : ndarray of int64, shape (row, column)
        Class of each pixel, row 0 in the north; -1: nothing is known, -2: nothing is drawn.
    missing : dict of str to ndarray of bool
        Pixels that lack a value, by reason (`words.REASONS`), and ``"uncertain"`` ones that have one.
    block : int
        Cells along the side of what one pixel shows; 1: cells are seen one by one.
    """

    classes: Ints
    missing: dict[str, Bools]
    block: int = 1


def draw_values(
    cells: xr.Dataset, name: str, classes: Classes, lattice: Lattice, width: int, *, uncertain: Bools | None = None
) -> Drawn:
    """Draw a variable into an image of a given width; its height follows.

    Parameters
    ----------
    cells : xarray.Dataset
        Released cells.
    name : str
        The variable.
    classes : Classes
        Its classes.
    lattice : Lattice
        What is drawn.
    width : int
        Pixels.
    uncertain : ndarray of bool, shape (cell,), optional
        Values to hatch.

    Notes
    -----
    Square cells are found from pixels, so each has whole pixels and no seam.  Where a pixel is larger than a cell it
    shows the mean of the known values in a block of cells (weighted, for rates; per cell, for counts; for codes the one
    of most cells), in the same classes.
    """
    about = column_of(cells[name])
    values, status = values_of(cells, name), status_of(cells, name)
    rough = np.zeros(len(values), dtype=bool) if uncertain is None else uncertain
    height = max(1, round(width / lattice.aspect))
    grid = grid_of(cells)
    block = 1
    if isinstance(grid, SquareGrid):
        side = (lattice.bounds.east - lattice.bounds.west) / grid.cell_size_m
        block = max(1, int(np.ceil(side / width - 1e-9)))
        row, col = (v // block for v in grid.row_col(ids_of(cells)))
        if block > 1:
            weight = values_of(cells, about.weight) if about.weight and about.weight in cells else None
            code = about.words is not None or about.units == "class"
            row, col, values, status, rough = _blocks(
                row, col, values, status, rough, classes if code else None, weight
            )
        where = _squares(row, col, grid.cell_size_m * block, _origin(cells, grid), lattice, (height, width))
    else:
        where = _hexagons(cells, lattice, (height, width))
    reasons = missing_reasons(values, status, about)
    of = np.where(reasons.pop(EMPTY), -2, classes.of(values))
    lookup = np.append(of, -2)
    marks = {**reasons, "uncertain": rough & (of >= 0)}
    return Drawn(lookup[where], {k: np.append(v, False)[where] for k, v in marks.items() if v.any()}, block)


def _squares(
    row: Ints, col: Ints, side: int, origin: tuple[int, int], lattice: Lattice, shape: tuple[int, int]
) -> Ints:
    """Index of the cell (or block) under the middle of each pixel, -1 where there is none."""
    b, (west, south) = lattice.bounds, origin
    x = b.west + (np.arange(shape[1]) + 0.5) * (b.east - b.west) / shape[1]
    y = b.north - (np.arange(shape[0]) + 0.5) * (b.north - b.south) / shape[0]
    at_col, at_row = (np.floor((v - o) / side).astype(np.int64) for v, o in ((x, west), (y, south)))
    low_row, low_col = at_row.min(), at_col.min()
    table = np.full((int(np.ptp(at_row)) + 1, int(np.ptp(at_col)) + 1), -1, dtype=np.int64)
    inside = (row >= low_row) & (row <= at_row.max()) & (col >= low_col) & (col <= at_col.max())
    table[row[inside] - low_row, col[inside] - low_col] = np.flatnonzero(inside)
    return table[np.ix_(at_row - low_row, at_col - low_col)]


def _origin(cells: xr.Dataset, grid: SquareGrid) -> tuple[int, int]:
    """Corner of row 0 and column 0."""
    first = ids_of(cells)[:1]
    (row,), (col,) = grid.row_col(first)
    west, south = grid.corner(first)[0]
    return int(west) - int(col) * grid.cell_size_m, int(south) - int(row) * grid.cell_size_m


def _hexagons(cells: xr.Dataset, lattice: Lattice, shape: tuple[int, int]) -> Ints:
    b = lattice.bounds
    corners = corners_in(cells, lattice.crs)
    scale = shape[1] / (b.east - b.west), shape[0] / (b.north - b.south)
    return fill_polygons(
        np.stack([(corners[..., 0] - b.west) * scale[0], (b.north - corners[..., 1]) * scale[1]], axis=-1), shape
    )


def _blocks(
    row: Ints, col: Ints, values: Floats, status: Statuses, rough: Bools, codes: Classes | None, weight: Floats | None
) -> tuple[Ints, Ints, Floats, Statuses, Bools]:
    """Mean of the known values of each block; its status is OK where one is known, else the highest of its cells."""
    width = int(col.max()) + 1
    keys, group = np.unique(row * width + col, return_inverse=True)
    n, known = len(keys), np.isfinite(values)
    mass = known.astype(np.float64) if weight is None else np.where(known, np.nan_to_num(weight) + 1e-9, 0.0)
    total = group_sum(group, mass, n)
    mean = np.full(n, np.nan)
    np.divide(group_sum(group, mass * np.nan_to_num(values), n), total, out=mean, where=total > 0)
    if codes is not None:
        kinds = np.unique(values[known])
        counted = np.stack([group_sum(group, mass * (values == kind), n) for kind in kinds]) if len(kinds) else None
        mean = mean if counted is None else np.where(total > 0, kinds[counted.argmax(axis=0)], np.nan)
    highest = np.zeros(n, dtype=np.uint8)
    np.maximum.at(highest, group, status)
    highest[total > 0] = 0
    return (
        keys // width,
        keys % width,
        mean,
        highest,
        group_sum(group, rough & known, n) > 0.5 * group_sum(group, known, n),
    )


def paint(drawn: Drawn, classes: Classes, line_px: int) -> Pixels:
    """Colour an image, hatched where values are missing or uncertain; what is not drawn is transparent.

    Parameters
    ----------
    drawn : Drawn
        From `draw_values`.
    classes : Classes
        Colours, for their background.
    line_px : int
        Width of a hatching line; lines stand four of them apart.

    Returns
    -------
    ndarray of uint8, shape (row, column, 4)
        RGBA.
    """
    shades = np.rint(srgb(classes.colors) * 255).astype(np.uint8)
    table = np.zeros((len(shades) + 2, 4), dtype=np.uint8)
    table[: len(shades), :3], table[: len(shades), 3] = shades, 255
    # index -1 is what is missing, -2 what is not drawn
    table[-1, :3], table[-1, 3] = srgb([HATCH[classes.background][0]])[0] * 255, 255
    image = table[drawn.classes]
    for reason, where in drawn.missing.items():
        _hatch_into(image, where, reason, classes.background, line_px)
    return image


def swatch(color: str | None, reason: str | None, background: str, shape: tuple[int, int], line_px: int) -> Pixels:
    """Give a small field of a legend, coloured and hatched as the map is, shape (row, column, 4)."""
    image = np.full((*shape, 4), 255, dtype=np.uint8)
    image[..., :3] = np.rint(srgb([color or HATCH[background][0]])[0] * 255)
    if reason is not None:
        _hatch_into(image, np.ones(shape, dtype=bool), reason, background, line_px)
    return image


def _hatch_into(image: Pixels, where: Bools, reason: str, background: str, line_px: int) -> None:
    lines = where & hatch(
        image.shape[:2], PATTERNS[reason], 5 * line_px if reason == "uncertain" else 4 * line_px, line_px
    )
    if reason != "uncertain":
        image[lines, :3] = np.rint(srgb([HATCH[background][1]])[0] * 255)
        return
    # on dark classes light lines, on light classes dark ones
    dark = image[lines, :3] @ np.array([0.2126, 0.7152, 0.0722]) < 140
    image[lines, :3] = np.where(dark[:, None], 240, 60).astype(np.uint8)
