"""Geometry on its way into a kernel: an equal-area plane, and rings as arrays."""

from __future__ import annotations

from functools import cache

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS, Transformer

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


@cache
def transformer(from_crs: str, to_crs: str) -> Transformer:
    """Give the way from one CRS to another, easting or longitude first; made once, safe in any thread."""
    return Transformer.from_crs(from_crs, to_crs, always_xy=True)


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
    kinds = shapely.get_type_id(shapes)
    empty = geometry.isna().to_numpy() | geometry.is_empty.to_numpy()
    stray = ~empty & (kinds != shapely.GeometryType.POLYGON) & (kinds != shapely.GeometryType.MULTIPOLYGON)
    if stray.any():
        units = geometry.index[stray]
        names = ", ".join(sorted({shape.geom_type for shape in shapes[stray]}))
        raise SourceError(
            f"{len(units)} units hold {names}, not polygons (first: {first_few(units)}). Use points there."
        )
    unit = np.flatnonzero(~empty)
    if not len(unit):
        none = np.empty(0, dtype=np.int64)
        return Rings(np.empty((0, 2)), np.zeros(1, dtype=np.int64), none, none.astype(bool))
    kind, xy, offsets = shapely.to_ragged_array(shapes[unit], include_z=False)
    start, first_ring = offsets[0].astype(np.int64), offsets[1]
    first_part = offsets[2] if kind == shapely.GeometryType.MULTIPOLYGON else np.arange(len(unit) + 1)
    hole = np.ones(len(start) - 1, dtype=bool)
    hole[first_ring[:-1]] = False
    polygon = np.repeat(unit, np.diff(first_ring[first_part])).astype(np.int64)
    return Rings(xy, start, polygon, hole)
