"""Geometry on its way into a kernel: mended, cut at the antimeridian, in an equal-area plane, rings as arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS, Transformer

from civigrid.errors import SourceError, first_few
from civigrid.grid.base import Grid
from civigrid.grid.square import SquareGrid
from civigrid.kernels.antimeridian import Shapes, cut, may_cross, run_on
from civigrid.kernels.densify import new_points, pieces, put_between
from civigrid.kernels.sweep import Rings
from civigrid.types import Bools, Floats

BEND_M = 0.01
"""A reprojected edge follows the true curve this closely, metres."""
_BEND_PER_M2 = 1e-6
"""No plane in use bends an edge of 1 m by more, metres: tan(latitude) / 8R stays below it up to 88.9 degrees."""
_EARTH_M = 6_378_137.0
_POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
_LINEAR = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)


def to_plane(geometry: gpd.GeoSeries, crs: str, *, bend_m: float = BEND_M) -> gpd.GeoSeries:
    """Reproject to `crs`: cut at the antimeridian where it is crossed, points put into edges that bend.

    Parameters
    ----------
    geometry : geopandas.GeoSeries
        Any shapes, with a CRS.
    crs : str
        Where to.
    bend_m : float
        How closely a reprojected edge follows the true curve, metres.  Neighbours cut a shared edge alike.

    Raises
    ------
    SourceError
        The geometry has no CRS, points of it do not exist in `crs`, or a shape goes round a pole of longitude and
        latitude.

    Examples
    --------
    >>> box = gpd.GeoSeries([shapely.box(5, 50, 6, 51)], crs="EPSG:4326")
    >>> float(round(to_plane(box, "EPSG:3035").area.iloc[0] / 1e6, 3))  # km2; 7891.850 without points in its edges
    7892.219
    """
    if geometry.crs is None:
        raise SourceError("geometry has no CRS. Set it with .set_crs() to what its coordinates are.")
    target = CRS.from_user_input(crs)
    if target == geometry.crs:
        return geometry
    if geometry.crs.is_geographic:
        geometry, _ = cut_at_antimeridian(geometry)
    plane = _reprojected(geometry, target, bend_m)
    bounds = plane.bounds.to_numpy()
    if (bad := plane.index[~plane.is_empty & ~plane.isna() & ~np.isfinite(bounds).all(axis=1)]).size:
        raise SourceError(
            f"{bad.size} geometries leave the area of use of {crs} (first: {first_few(bad)}). Check their CRS."
        )
    return cut_at_antimeridian(plane)[0] if target.is_geographic else plane


def _reprojected(geometry: gpd.GeoSeries, target: CRS, bend_m: float) -> gpd.GeoSeries:
    """Reproject, with points put into the edges that bend; shapes of mixed kinds are cut to a fixed length."""
    shapes = geometry.to_numpy()
    kinds = shapely.get_type_id(shapes)
    families = [~shapely.is_empty(shapes) & np.isin(kinds, family) for family in (_POLYGONAL, _LINEAR)]
    rest = ~(families[0] | families[1])
    out = shapes.copy()
    if rest.any():
        mixed = gpd.GeoSeries(shapely.segmentize(shapes[rest], 500 / metres_per_unit(geometry.crs)), crs=geometry.crs)
        out[rest] = mixed.to_crs(target).to_numpy()
    for rows in families:
        if rows.any():
            out[rows] = _bent(shapes[rows], geometry.crs, target, bend_m)
    return gpd.GeoSeries(out, index=geometry.index, crs=target)


def _bent(shapes: Shapes, source: CRS, target: CRS, bend_m: float) -> Shapes:
    transformer = Transformer.from_crs(source, target, always_xy=True)

    def project(xy: Floats) -> Floats:
        return np.stack(transformer.transform(xy[:, 0], xy[:, 1]), axis=1)

    kind, xy, offsets = shapely.to_ragged_array(shapes, include_z=False)
    start = np.asarray(offsets[0], dtype=np.int64)
    there = project(xy)
    shortest = np.sqrt(bend_m / _BEND_PER_M2) / metres_per_unit(source)
    n = pieces(xy, there, start, project, tolerance=bend_m / metres_per_unit(target), shortest=shortest)
    if (n > 1).any():
        there, place = put_between(there, project(new_points(xy, n)), n)
        start = np.append(place, len(there))[start]
    parts: Any = (start, *offsets[1:])
    return np.asarray(shapely.from_ragged_array(kind, there, parts))


def metres_per_unit(crs: CRS) -> float:
    """Metres in one unit of a CRS; a degree as along the equator."""
    factor = float(CRS(crs).axis_info[0].unit_conversion_factor)
    return factor * _EARTH_M if CRS(crs).is_geographic else factor


def cut_at_antimeridian(geometry: gpd.GeoSeries) -> tuple[gpd.GeoSeries, Bools]:
    """Cut polygons in degrees where they cross 180 degrees: the shapes, and which were cut, shape (unit,).

    Raises
    ------
    SourceError
        A polygon goes round a pole.
    """
    return _each_crossing(geometry, lambda shape: cut(run_on(shape)))


def run_on_longitudes(geometry: gpd.GeoSeries) -> tuple[gpd.GeoSeries, Bools]:
    """Let the longitudes of polygons that cross 180 degrees run on beyond it: the shapes, and which, shape (unit,)."""
    return _each_crossing(geometry, run_on)


def _each_crossing(geometry: gpd.GeoSeries, change: Callable[[Any], Any]) -> tuple[gpd.GeoSeries, Bools]:
    shapes = geometry.to_numpy()
    changed = np.zeros(len(shapes), dtype=bool)
    wide = np.flatnonzero(may_cross(shapes) & np.isin(shapely.get_type_id(shapes), _POLYGONAL))
    if not len(wide):
        return geometry, changed
    shapes, poles = shapes.copy(), []
    for i in wide:
        try:
            shape = change(shapes[i])
        except ValueError:
            poles.append(geometry.index[i])
            continue
        except shapely.GEOSException as error:
            raise SourceError(
                f"{geometry.index[i]} crosses 180 degrees and is invalid ({error}). Mend it first."
            ) from error
        changed[i] = shape is not shapes[i]
        shapes[i] = shape
    if poles:
        raise SourceError(
            f"{len(poles)} polygons go round a pole (first: {first_few(poles)}): in longitude and latitude they have "
            "no inside. Give them in a polar CRS, as EPSG:3995, or cut at the antimeridian and along the pole."
        )
    return gpd.GeoSeries(shapes, index=geometry.index, crs=geometry.crs), changed


@cache
def transformer(from_crs: str, to_crs: str) -> Transformer:
    """Give the way from one CRS to another, easting or longitude first; made once, safe in any thread."""
    return Transformer.from_crs(from_crs, to_crs, always_xy=True)


def equal_area_plane(geometry: gpd.GeoSeries) -> str:
    """CRS in which areas are true: EPSG:3035 in Europe, else an azimuthal plane centred on the data."""
    if CRS.from_user_input("EPSG:3035") == geometry.crs:
        return "EPSG:3035"
    known = geometry[~(geometry.isna() | geometry.is_empty)]
    if not len(known):
        return "EPSG:3035"
    if known.crs.is_geographic:
        # a shape that was cut at 180 degrees lies on both sides of the map: its parts are looked at one by one
        known = run_on_longitudes(known)[0].explode()
    boxes = gpd.GeoSeries(shapely.envelope(known.to_numpy()), crs=known.crs)
    degrees = to_plane(boxes, "EPSG:4326", bend_m=1_000)
    west, south, east, north = cut_at_antimeridian(degrees)[0].explode().bounds.to_numpy().T
    low, high = _shortest_arc(west, east)
    if low >= -16.1 and south.min() >= 32.88 and high <= 40.18 and north.max() <= 84.73:
        return "EPSG:3035"
    middle = (low + high) / 2
    middle -= 360 * np.round(middle / 360)
    return f"+proj=laea +lat_0={(south.min() + north.max()) / 2:.4f} +lon_0={middle:.4f} +ellps=GRS80 +units=m"


def _shortest_arc(west: Floats, east: Floats) -> tuple[float, float]:
    """The shortest arc of longitude that holds all of these; its end may lie beyond 180."""
    order = np.argsort(west)
    start, reach = west[order], np.maximum.accumulate(east[order])
    gap = start[1:] - reach[:-1]
    if not len(gap) or gap.max() <= start[0] + 360 - reach[-1]:
        return float(start[0]), float(reach[-1])
    k = int(gap.argmax())
    return float(start[k + 1]), float(reach[k] + 360)


def mend(geometry: gpd.GeoSeries) -> tuple[gpd.GeoSeries, pd.DataFrame]:
    """Make polygons valid, and say what that did to each.

    Parameters
    ----------
    geometry : geopandas.GeoSeries
        Polygons with a CRS; what is valid, empty or missing is left as it is.

    Returns
    -------
    tuple of GeoSeries and DataFrame
        Valid shapes of polygons only, and a row for each unit that was mended: `why`, `before_m2`, `after_m2`,
        `change_m2`, `change_percent` (infinite where the area was 0).

    Notes
    -----
    By GEOS's structure method: what rings enclose twice counts once.  Its other method counts it not at all.
    Areas are taken in an equal-area plane; before the repair, as the surveyor's formula gives them.

    Examples
    --------
    >>> bow = shapely.Polygon([(0, 0), (1000, 1000), (1000, 0), (0, 1000)])
    >>> mend(gpd.GeoSeries([bow], ["a"], crs="EPSG:3035"))[1].loc["a", ["before_m2", "after_m2"]].tolist()
    [0.0, 500000.0]
    """
    shapes = geometry.to_numpy()
    wrong = ~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)
    names = ["why", "before_m2", "after_m2", "change_m2", "change_percent"]
    if not wrong.any():
        return geometry, pd.DataFrame(columns=names, index=geometry.index[:0])
    fixed = shapes.copy()
    fixed[wrong] = [polygonal(s) for s in shapely.make_valid(shapes[wrong], method="structure", keep_collapsed=False)]
    out = gpd.GeoSeries(fixed, index=geometry.index, crs=geometry.crs)
    plane = CRS.from_user_input(equal_area_plane(geometry[wrong]))
    before, after = (_reprojected(g[wrong], plane, BEND_M).area.to_numpy() for g in (geometry, out))
    with np.errstate(divide="ignore", invalid="ignore"):
        percent = np.where(after == before, 0.0, 100 * (after - before) / before)
    why = [str(text).split("[")[0] for text in shapely.is_valid_reason(shapes[wrong])]
    columns = (why, before, after, after - before, percent)
    return out, pd.DataFrame(dict(zip(names, columns, strict=True)), index=geometry.index[wrong])


def polygonal(shape: shapely.Geometry) -> shapely.Geometry:
    """The polygons of a repaired or cut shape; the lines and points that are left over have no area."""
    if shapely.get_type_id(shape) in _POLYGONAL:
        return shape
    parts = shapely.get_parts(shape)
    return shapely.union_all(parts[np.isin(shapely.get_type_id(parts), _POLYGONAL)])


def outside_units(geometry: gpd.GeoSeries, grid: Grid) -> pd.DataFrame:
    """Units that leave the bounds of a grid, or the area its CRS is meant for, each with its area outside.

    Parameters
    ----------
    geometry : geopandas.GeoSeries
        Valid polygons with a CRS.
    grid : Grid
        The grid they shall be projected to.  H3 covers the world: nothing leaves it.

    Returns
    -------
    pandas.DataFrame
        A row for each such unit: `area_km2`, `outside_grid_km2`, `outside_use_km2` (beyond the CRS's area of use,
        where shapes are distorted and other reference frames hold), `share_outside` of the grid.

    Examples
    --------
    >>> boxes = gpd.GeoSeries([shapely.box(0, 0, 2e6, 1e6)], ["a"], crs="EPSG:3035")
    >>> outside_units(boxes, SquareGrid(cell_size_m=1000)).loc["a", "outside_grid_km2"].item()
    1890000.0
    """
    names = ["area_km2", "outside_grid_km2", "outside_use_km2", "share_outside"]
    if not isinstance(grid, SquareGrid):
        return pd.DataFrame(columns=names, index=geometry.index[:0], dtype=float)
    plane = to_plane(geometry, grid.crs)
    area = np.nan_to_num(plane.area.to_numpy())
    off = area - np.nan_to_num(_within(plane, [grid.bounds_m]).area.to_numpy())
    beyond = np.zeros(len(area))
    use = CRS.from_user_input(grid.crs).area_of_use
    if use is not None:
        west, south, east, north = use.bounds
        boxes = [(west, south, east, north)]
        if west > east:
            boxes = [(west, south, 180.0, north), (-180.0, south, east, north)]
        degrees = to_plane(geometry, "EPSG:4326")
        clipped = _within(degrees, boxes)
        rows = np.array([a is not b for a, b in zip(degrees.to_numpy(), clipped.to_numpy(), strict=True)], dtype=bool)
        beyond[rows] = area[rows] - np.nan_to_num(to_plane(clipped[rows], grid.crs).area.to_numpy())
    # what rounding leaves of a unit that lies inside is no finding
    rows = (off > 1e-9 * area + 1e-3) | (beyond > 1e-9 * area + 1e-3)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = (area / 1e6, off / 1e6, beyond / 1e6, np.where(area > 0, off / area, 0.0))
    table = dict(zip(names, columns, strict=True))
    return pd.DataFrame({n: np.maximum(v[rows], 0.0) for n, v in table.items()}, index=geometry.index[rows])


def _within(geometry: gpd.GeoSeries, boxes: list[tuple[float, float, float, float]]) -> gpd.GeoSeries:
    """The part of each shape inside any of some boxes that do not overlap; a shape wholly inside one is untouched."""
    shapes = geometry.to_numpy().copy()
    bounds = shapely.bounds(shapes)
    inside = np.isnan(bounds[:, 0])
    for west, south, east, north in boxes:
        with np.errstate(invalid="ignore"):
            inside |= (bounds[:, :2] >= [west, south]).all(axis=1) & (bounds[:, 2:] <= [east, north]).all(axis=1)
    frame = shapely.union_all([shapely.box(*box) for box in boxes])
    shapes[~inside] = shapely.intersection(shapes[~inside], frame)
    return gpd.GeoSeries(shapes, index=geometry.index, crs=geometry.crs)


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
