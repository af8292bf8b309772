"""Where the cells of a map lie: the first view, and what a background must cover."""

from __future__ import annotations

import numpy as np
import xarray as xr
from pyproj import Transformer

from civigrid.cells import grid_of, ids_of
from civigrid.types import Bounds

NOWHERE = Bounds(-25.0, 34.0, 45.0, 72.0)
"""Shown where there is no cell: Europe."""
LOOKED_AT = 50_000
AROUND = 1.2
"""How far a background runs on beyond the cells, in the longer side of their box: a wide window shows as much."""


def extent_of(cells: xr.Dataset) -> Bounds:
    """Give the box that holds the middle 99.8 % of the cells: a far island does not shrink the map.

    Parameters
    ----------
    cells : xarray.Dataset
        Any grid.

    Returns
    -------
    Bounds
        Degrees; across the antimeridian the east lies beyond 180.
    """
    grid, ids = grid_of(cells), ids_of(cells)
    if not len(ids):
        return NOWHERE
    plane = grid.centre(ids[:: max(1, len(ids) // LOOKED_AT)])
    lon, lat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(*plane.T)
    lon = np.sort(lon)
    # across the antimeridian a box runs on beyond 180: it begins behind the widest gap
    gap = int(np.append(np.diff(lon), lon[0] + 360 - lon[-1]).argmax())
    if lon[-1] - lon[0] > 180 and gap < len(lon) - 1:
        lon = np.concatenate([lon[gap + 1 :], lon[: gap + 1] + 360])
    west, east = (float(np.quantile(lon, q)) for q in (0.001, 0.999))
    south, north = (float(np.quantile(lat, q)) for q in (0.001, 0.999))
    return Bounds(west, south, east, north)


def corners_of(cells: xr.Dataset) -> list[list[float]]:
    """Give the same box as Leaflet wants it: south-west and north-east, latitude first."""
    box = extent_of(cells)
    return [[box.south, box.west], [box.north, box.east]]


def bounds_of(cells: xr.Dataset) -> Bounds:
    """Give the box that a background covers: that of the cells and what a wide window shows around it."""
    box = extent_of(cells)
    narrow = max(0.2, float(np.cos(np.radians((box.south + box.north) / 2))))
    side = max(box.east - box.west, (box.north - box.south) / narrow)
    x, y = max(0.02, AROUND * side), max(0.02, AROUND * side * narrow)
    return Bounds(
        max(-180.0, box.west - x), max(-85.0, box.south - y), min(180.0, box.east + x), min(85.0, box.north + y)
    )
