"""Cells as the pixels of a picture: squares and hexagons without a seam, hatched where something is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from civigrid.cells import column_of, grid_of, ids_of, status_of, values_of
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.kernels.fill import fill_polygons, hatch
from civigrid.kernels.group import group_sum
from civigrid.report.frame import Lattice, corners_of
from civigrid.style.classes import Classes
from civigrid.style.color_difference import srgb
from civigrid.style.words import EMPTY, missing_reasons
from civigrid.types import Bools, Floats, Ids, Ints, Statuses

Pixels = npt.NDArray[np.uint8]
WIDEST = 2**31
"""More columns than any grid has: row and column make one number."""
FEW_PIXELS = 3.0
"""Hexagons of fewer pixels than this lose their shape."""
PATTERNS: Mapping[str, str] = {
    "confidential": "/", "suppressed": "/", "unavailable": "\\", "beyond": "x", "undefined": ".", "uncertain": "/",
}  # fmt: skip
HATCH: Mapping[str, tuple[str, str]] = {"light": ("#e9e9e6", "#8a8f94"), "dark": ("#30353a", "#8b9299")}
"""Paper and lines of what is missing, by background."""


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
        Cells along the side of what one pixel shows (of hexagons: cells in what is drawn as one); 1: cells are seen one
        by one.
    """

    classes: Ints
    missing: dict[str, Bools]
    block: int = 1


def draw_values(
    cells: xr.Dataset, name: str, classes: Classes, lattice: Lattice, *, uncertain: Bools | None = None
) -> Drawn:
    """Draw a variable into an image of the lattice's `pixels`.

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
    uncertain : ndarray of bool, shape (cell,), optional
        Values to hatch.

    Notes
    -----
    Square cells are found from pixels, so each has whole pixels and no seam.  Where a pixel is larger than a cell it
    shows the mean of the known values in a block of cells (weighted, for rates; per cell, for counts; for codes the one
    of most cells), in the same classes; where hexagons are smaller than `FEW_PIXELS`, their parents are drawn so.
    """
    about = column_of(cells[name])
    values, status = values_of(cells, name), status_of(cells, name)
    rough = np.zeros(len(values), dtype=bool) if uncertain is None else uncertain
    grid, ids = grid_of(cells), ids_of(cells)
    wide, high = lattice.pixels
    block, shown, parent = _block(grid, ids, lattice)
    if block > 1:
        keys, group = np.unique(parent, return_inverse=True)
        weight = values_of(cells, about.weight) if about.weight and about.weight in cells else None
        code = about.words is not None or about.units == "class"
        values, status, rough = _means(group, len(keys), (values, status, rough), weight, code=code)
    else:
        keys = ids
    if isinstance(grid, SquareGrid):
        row, col = grid.row_col(ids) if block == 1 else np.divmod(keys.astype(np.int64), WIDEST)
        where = _squares(row, col, grid.cell_size_m * block, lattice, (high, wide))
    else:
        where = _hexagons(corners_of(shown, keys, lattice.crs), lattice, (high, wide))
    reasons = missing_reasons(values, status, about)
    of = np.where(reasons.pop(EMPTY), -2, classes.of(values))
    lookup = np.append(of, -2)
    marks = {**reasons, "uncertain": rough & (of >= 0)}
    return Drawn(lookup[where], {k: np.append(v, False)[where] for k, v in marks.items() if v.any()}, block)


def _block(grid: Grid, ids: Ids, lattice: Lattice) -> tuple[int, Grid, Ids]:
    """Cells along the side of a block (of hexagons: in it), the grid that is drawn, and the block of each cell."""
    b, (wide, high) = lattice.bounds, lattice.pixels
    if isinstance(grid, SquareGrid):
        block = max(1, int(np.ceil((b.east - b.west) / grid.cell_size_m / wide - 1e-9)))
        row, col = (v // block for v in grid.row_col(ids))
        return block, grid, (row * WIDEST + col).astype(np.uint64)
    if not isinstance(grid, H3Grid):
        return 1, grid, ids
    pixel = (b.east - b.west) * (b.north - b.south) / (wide * high) / 1e6
    area = float(np.median(grid.area_km2(ids[:: max(1, len(ids) // 1000)])))
    up = 0
    while area * 7**up < FEW_PIXELS * pixel and up < grid.resolution:
        up += 1
    coarser = H3Grid(grid.resolution - up)
    return 7**up, coarser, grid.parent(ids, coarser) if up else ids


def _squares(row: Ints, col: Ints, side: int, lattice: Lattice, shape: tuple[int, int]) -> Ints:
    """Index of the cell (or block) under the middle of each pixel, -1 where there is none."""
    b = lattice.bounds
    x = b.west + (np.arange(shape[1]) + 0.5) * (b.east - b.west) / shape[1]
    y = b.north - (np.arange(shape[0]) + 0.5) * (b.north - b.south) / shape[0]
    at_col, at_row = (np.floor(v / side).astype(np.int64) for v in (x, y))
    low_row, low_col = at_row.min(), at_col.min()
    table = np.full((int(np.ptp(at_row)) + 1, int(np.ptp(at_col)) + 1), -1, dtype=np.int64)
    inside = (row >= low_row) & (row <= at_row.max()) & (col >= low_col) & (col <= at_col.max())
    table[row[inside] - low_row, col[inside] - low_col] = np.flatnonzero(inside)
    return table[np.ix_(at_row - low_row, at_col - low_col)]


def _hexagons(corners: Floats, lattice: Lattice, shape: tuple[int, int]) -> Ints:
    b = lattice.bounds
    scale = shape[1] / (b.east - b.west), shape[0] / (b.north - b.south)
    return fill_polygons(
        np.stack([(corners[..., 0] - b.west) * scale[0], (b.north - corners[..., 1]) * scale[1]], axis=-1), shape
    )


def _means(
    group: Ints, n: int, of: tuple[Floats, Statuses, Bools], weight: Floats | None, *, code: bool
) -> tuple[Floats, Statuses, Bools]:
    """Mean of the known values of each block; its status is OK where one is known, else the highest of its cells."""
    values, status, rough = of
    known = np.isfinite(values)
    mass = known.astype(np.float64) if weight is None else np.where(known, np.nan_to_num(weight) + 1e-9, 0.0)
    total = group_sum(group, mass, n)
    mean = np.full(n, np.nan)
    np.divide(group_sum(group, mass * np.nan_to_num(values), n), total, out=mean, where=total > 0)
    if code and known.any():
        kinds = np.unique(values[known])
        counted = np.stack([group_sum(group, mass * (values == kind), n) for kind in kinds])
        mean = np.where(total > 0, kinds[counted.argmax(axis=0)], np.nan)
    highest = np.zeros(n, dtype=np.uint8)
    np.maximum.at(highest, group, status)
    highest[total > 0] = 0
    return mean, highest, group_sum(group, rough & known, n) > 0.5 * group_sum(group, known, n)


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
