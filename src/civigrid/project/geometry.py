"""Geometry on its way into a kernel: an equal-area plane, and rings as arrays."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from civigrid.errors import SourceError, first_few
from civigrid.kernels.sweep import Rings

DENSIFY_DEGREES = 0.02
DENSIFY_M = 2_000.0
"""Edges are cut to this length before they are reprojected: a straight line in one CRS is a curve in another."""


def to_plane(geometry: gpd.GeoSeries, crs: str) -> gpd.GeoSeries:
    """Reproject to `crs`, long edges densified first.

    Raises
    ------
    SourceError
        The geometry has no CRS, or points of it do not exist in `crs`.
    """
    if geometry.crs is None:
        raise SourceError("geometry has no CRS. Set it with .set_crs() to what its coordinates are.")
    if CRS.from_user_input(crs) == geometry.crs:
        return geometry
    step = DENSIFY_DEGREES if geometry.crs.is_geographic else DENSIFY_M
    plane = geometry.segmentize(step).to_crs(crs)
    bounds = plane.bounds.to_numpy()
    if (bad := plane.index[~plane.is_empty & ~np.isfinite(bounds).all(axis=1)]).size:
        raise SourceError(
            f"{bad.size} geometries leave the area of use of {crs} (first: {first_few(bad)}). Check their CRS."
        )
    return plane


def equal_area_plane(geometry: gpd.GeoSeries) -> str:
    """CRS in which areas are true: EPSG:3035 in Europe, else an azimuthal plane centred on the data."""
    if CRS.from_user_input("EPSG:3035") == geometry.crs:
        return "EPSG:3035"
    west, south, east, north = geometry.to_crs("EPSG:4326").total_bounds
    if west >= -16.1 and south >= 32.88 and east <= 40.18 and north <= 84.73:
        return "EPSG:3035"
    return f"+proj=laea +lat_0={(south + north) / 2:.4f} +lon_0={(west + east) / 2:.4f} +ellps=GRS80 +units=m"


def rings_of(geometry: gpd.GeoSeries) -> Rings:
    """Rings of polygons and multipolygons as arrays; missing and empty geometries have none.

    Raises
    ------
    SourceError
        A geometry is not polygonal.
    """
    shapes = geometry.to_numpy()
    parts, of_part = shapely.get_parts(shapes, return_index=True)
    polygonal = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)
    stray = ~polygonal & ~shapely.is_empty(parts)
    if stray.any():
        units = geometry.index[np.unique(of_part[stray])]
        kinds = ", ".join(sorted({part.geom_type for part in parts[stray]}))
        raise SourceError(
            f"{len(units)} units hold {kinds}, not polygons (first: {first_few(units)}). Use points there."
        )
    parts, of_part = parts[polygonal], of_part[polygonal]
    rings, of_ring = shapely.get_rings(parts, return_index=True)
    xy, of_corner = shapely.get_coordinates(rings, return_index=True)
    start = np.concatenate([[0], np.cumsum(np.bincount(of_corner, minlength=len(rings)))]).astype(np.int64)
    hole = np.diff(of_ring, prepend=-1) == 0
    return Rings(xy, start, of_part[of_ring].astype(np.int64), hole)
