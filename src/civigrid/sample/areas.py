"""Administrative areas in two vintages: unequal, jagged, tiling the city without gap or overlap."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from rasterio.features import shapes
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from civigrid.sample.options import CRS, CityOptions
from civigrid.types import Floats, Ints

PIXEL_M = 40
ANGLE_DEG = 11.0
"""Borders are turned against the grid, so that no cell edge is a border."""
MARGIN_M = 2_000


def make_areas(options: CityOptions) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Give the areas of 2015, those of 2021, and the districts.

    Returns
    -------
    tuple of geopandas.GeoDataFrame
        Columns ``area_id`` (text with leading zeros: district, then number) and ``district``; about a fifth of the
        areas was split or merged between the vintages, all others are the same to the last coordinate.
    """
    rng = options.rng("areas")
    label = _label_raster(options, rng, n=95)
    district = _districts(label, rng)
    later, parents = _reformed(label, rng)
    first = _polygons(options, label, district, {k: (k,) for k in range(95)}, "0")
    second = _polygons(options, later, district, parents, "1")
    districts = first.dissolve("district").reset_index()[["district", "geometry"]]
    districts["geometry"] = [_without_slits(shape) for shape in districts.geometry]
    return first, second, districts


def _label_raster(options: CityOptions, rng: np.random.Generator, n: int) -> Ints:
    """Number of the nearest seed for every pixel, seen through a wrinkled glass: the borders come out jagged."""
    half_w, half_h = (s / 2 + MARGIN_M for s in (options.width_m, options.height_m))
    rows, cols = int(2 * half_h // PIXEL_M), int(2 * half_w // PIXEL_M)
    y, x = (np.mgrid[0:rows, 0:cols] * PIXEL_M).astype(np.float64)
    wrinkle = [gaussian_filter(rng.standard_normal((rows, cols)), 4) for _ in range(2)]
    x, y = (v + 260 * w / w.std() for v, w in zip((x, y), wrinkle, strict=True))
    # seeds crowd the centre: small areas in the core, large ones at the edge
    radius = rng.uniform(0, 1, n) ** 1.25
    angle = rng.uniform(0, 2 * np.pi, n)
    seeds = np.stack(
        [half_w + 0.95 * half_w * radius * np.cos(angle), half_h + 0.95 * half_h * radius * np.sin(angle)], 1
    )
    nearest = np.asarray(cKDTree(seeds).query(np.stack([x.ravel(), y.ravel()], axis=1))[1])
    return nearest.reshape(rows, cols).astype(np.int64)


def _placed(options: CityOptions, xy: Floats) -> Floats:
    """Pixel corners to metres: turned by `ANGLE_DEG` about the city's middle.

    Pixel corners are whole numbers, so that neighbours get equal corners.
    """
    half = np.array([options.width_m / 2 + MARGIN_M, options.height_m / 2 + MARGIN_M])
    middle = np.array([options.west_m + options.width_m / 2, options.south_m + options.height_m / 2])
    turn = np.radians(ANGLE_DEG)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    places: Floats = (xy * PIXEL_M - half + np.array([17.3, 5.7])) @ rotation + middle
    return places


def _districts(label: Ints, rng: np.random.Generator) -> dict[int, int]:
    """Eight districts: each area goes to the nearest of eight centres."""
    row, col = np.mgrid[0 : label.shape[0], 0 : label.shape[1]]
    count = np.bincount(label.ravel())
    centre = np.stack([np.bincount(label.ravel(), v.ravel()) / np.maximum(count, 1) for v in (col, row)], axis=1)
    seeds = centre[rng.choice(np.flatnonzero(count), 8, replace=False)]
    nearest = np.asarray(cKDTree(seeds).query(centre)[1])
    return {k: int(d) + 1 for k, d in enumerate(nearest.tolist())}


def _without_slits(shape: shapely.Geometry) -> shapely.Geometry:
    """Close gaps of no width: they open where areas meet on a straight side of a third, whose turned corners round."""
    parts = shapely.get_parts(shape)
    holes = [[r for r in p.interiors if shapely.area(shapely.polygons(r)) > 1.0] for p in parts]
    whole = [shapely.Polygon(p.exterior, kept) for p, kept in zip(parts, holes, strict=True)]
    return shapely.multipolygons(whole) if len(whole) > 1 else whole[0]


def _reformed(label: Ints, rng: np.random.Generator) -> tuple[Ints, dict[int, tuple[int, ...]]]:
    """Split fourteen areas in two and merge four pairs of neighbours; every other pixel keeps its number."""
    later = label.copy()
    parents: dict[int, tuple[int, ...]] = {int(k): (int(k),) for k in np.unique(label)}
    chosen = rng.permutation(np.unique(label))
    number = int(label.max()) + 1
    touched: set[int] = set()
    for k in chosen[:14].tolist():
        row, col = np.nonzero(label == k)
        tilt = rng.uniform(0, np.pi)
        side = (row - row.mean()) * np.sin(tilt) + (col - col.mean()) * np.cos(tilt) > 0
        later[row[side], col[side]] = number
        parents[number] = (k,)
        touched.add(k)
        number += 1
    merged = 0
    for k in chosen[14:].tolist():
        near = np.unique(label[:, 1:][(label[:, :-1] == k) & (label[:, 1:] != k)])
        free = [int(j) for j in near if int(j) not in touched and int(j) != k]
        if merged == 4 or k in touched or not free:
            continue
        later[label == free[0]] = k
        del parents[free[0]]
        parents[k] = (k, free[0])
        touched |= {k, free[0]}
        merged += 1
    return later, parents


def _polygons(
    options: CityOptions, label: Ints, district: dict[int, int], parents: dict[int, tuple[int, ...]], vintage: str
) -> gpd.GeoDataFrame:
    """Trace every number's pixels; neighbours share each corner exactly."""
    found: dict[int, list[shapely.Geometry]] = {}
    for shape, value in shapes(label.astype(np.int32), connectivity=4):
        found.setdefault(int(value), []).append(shapely.geometry.shape(shape))
    numbers = sorted(found)
    areas = [shapely.transform(shapely.union_all(found[k]), lambda xy: _placed(options, xy)) for k in numbers]
    ids = [f"0{district[parents[k][0]]}{vintage if len(parents[k]) > 1 or k >= 95 else '0'}{k:03d}" for k in numbers]
    frame = gpd.GeoDataFrame(
        {"area_id": ids, "district": [f"District {district[parents[k][0]]}" for k in numbers]}, geometry=areas, crs=CRS
    )
    return frame.sort_values("area_id", ignore_index=True)
