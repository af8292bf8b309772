"""Heights of the ground around streets, from a raster."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pyproj import Transformer

from civigrid.errors import SourceError
from civigrid.io.raster import open_raster
from civigrid.travel.slopes import Elevation
from civigrid.types import Floats

_AROUND = 33
"""Points along each side of a box that is projected onto the raster."""


def read_elevation(
    path: Path,
    bounds: tuple[float, float, float, float],
    *,
    band: int = 1,
    crs: str = "",
    nodata: float | None = None,
) -> Elevation:
    """Read the heights around a box.

    Parameters
    ----------
    path : Path
        Any raster GDAL reads; metres above some level.
    bounds : tuple of float
        West, south, east, north, degrees: `StreetLines.bounds`.  Nothing else is read.
    band : int
        Which band, from 1.
    crs : str
        CRS of a file that names none.
    nodata : float, optional
        Value that means "not known", where the file does not say.

    Returns
    -------
    Elevation
        Heights on the part of the raster that covers the box.

    Raises
    ------
    SourceError
        The file cannot be read, or does not touch the box.
    """
    raster = open_raster(path, band=band, crs=crs, nodata=nodata)
    lattice = raster.lattice
    west, south, east, north = bounds
    lon, lat = np.linspace(west, east, _AROUND), np.linspace(south, north, _AROUND)
    sides = (np.full(_AROUND, west), np.full(_AROUND, east)), (np.full(_AROUND, south), np.full(_AROUND, north))
    to_own = Transformer.from_crs("EPSG:4326", lattice.crs, always_xy=True)
    x, y = to_own.transform(np.concatenate([lon, lon, *sides[0]]), np.concatenate([*sides[1], lat, lat]))
    a, b, c, d, e, f = lattice.transform
    det = a * e - b * d
    rows = _span((a * (y - f) - d * (x - c)) / det, lattice.rows)
    cols = _span((e * (x - c) - b * (y - f)) / det, lattice.cols)
    if rows[0] >= rows[1] or cols[0] >= cols[1]:
        raise SourceError(
            f"{Path(path).name} does not touch the streets (longitude {west:.3f} to {east:.3f}, latitude {south:.3f} "
            f"to {north:.3f}). Give a raster of the same region."
        )
    corner = (a * cols[0] + b * rows[0] + c, d * cols[0] + e * rows[0] + f)
    transform = (a, b, corner[0], d, e, corner[1])
    return Elevation(height_m=raster.read(rows, cols), transform=transform, crs=lattice.crs)


def _span(at: Floats, size: int) -> tuple[int, int]:
    """First and one past the last row or column, with two more on each side for the space between centres."""
    at = at[np.isfinite(at)]
    if not len(at):
        return 0, 0
    return max(int(np.floor(at.min())) - 2, 0), min(int(np.ceil(at.max())) + 2, size)
