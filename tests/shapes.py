"""Polygons that try an areal kernel: tilings, and cases that sit on lines, corners and rounding."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

WEST, SOUTH = 4_000_000.0, 3_000_000.0


def tiling(n, side, seed=0, origin=(WEST, SOUTH), wrinkled=True):
    """A Voronoi tiling of a square whose borders are wrinkled and shared digit by digit."""
    rng = np.random.default_rng(seed)
    corner = np.array(origin) + side * np.array([0.013731, 0.021117])
    box = shapely.box(*corner, *(corner + side))
    points = shapely.MultiPoint(rng.uniform(corner, corner + side, (n, 2)))
    cells = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(points, extend_to=box)), box)
    if wrinkled:
        scale = side / np.sqrt(n) / 12
        fine = shapely.segmentize(cells, 2 * scale)
        cells = shapely.transform(
            fine, lambda xy: xy + scale * np.stack([np.sin(xy[:, 1] / scale / 2.1), np.cos(xy[:, 0] / scale / 1.7)], 1)
        )
    assert shapely.is_valid(cells).all()
    return gpd.GeoSeries(cells, [f"u{k}" for k in range(len(cells))], crs="EPSG:3035")


def odd_shape(seed, *, origin=(4_000.0, 3_000.0), marks=None):
    """A polygon or multipolygon of about 4 units: by `seed` on lines, with holes, parts, tiny, a needle or a box.

    `marks`, shape (n, 2), are places to put corners on; by default whole and half units.
    """
    rng = np.random.default_rng(seed)
    at = rng.uniform(-3, 3, 2) + origin
    kind = seed % 9
    if kind == 0:
        shape = shapely.box(*np.floor(at), *(np.floor(at) + rng.integers(1, 5, 2)))
    elif kind == 1:
        shape = shapely.Point(at).buffer(10.0 ** rng.uniform(-5, 0))
    elif kind == 2:
        shape = shapely.Polygon(at + [(0, 0), rng.uniform(2, 6, 2), rng.uniform(2, 6, 2) * (1, 1 + 1e-7)])
    else:
        angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 25)))
        radius = rng.uniform(0.3, 4, len(angle))[:, None]
        corners = at + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        if kind in (3, 4):
            corners = np.round(corners * 2) / 2 if marks is None else marks[_nearest(marks, corners)]
        shape = shapely.Polygon(corners)
    shape = shapely.make_valid(shape)
    if seed % 2:
        shape = shape.difference(shapely.Point(at).buffer(0.4))
    if seed % 7 == 0:
        shape = shape.union(shapely.box(*(at + 4.6), *(at + 6.1)))
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and p.area > 0]
    return shapely.MultiPolygon(parts) if parts else None


def odd_shapes(n, **about):
    """The first `n` odd shapes that are valid."""
    shapes = [odd_shape(seed, **about) for seed in range(n)]
    return [s for s in shapes if s is not None and s.is_valid]


def _nearest(marks, points):
    return ((points[:, None] - marks[None]) ** 2).sum(-1).argmin(axis=1)


def broken():
    """Polygons that are wrong, each a few kilometres large, by what is wrong with them."""
    ring = np.array([(0, 0), (5, 0), (5, 5), (0, 5)], dtype=float)

    def at(*rings):
        shells = [WEST + 1000 * np.asarray(r, dtype=float) + (0.0, SOUTH - WEST) for r in rings]
        return shapely.Polygon(shells[0], shells[1:])

    small_bow = [(0.1, 0.1), (0.4, 0.4), (0.4, 0.1), (0.1, 0.4)]
    return {
        "bow-tie": at([(0, 0), (4, 4), (4, 0), (0, 4)]),
        "bow-tie within a cell": at(small_bow),
        "overlapping parts": shapely.MultiPolygon([at(ring), at(ring + 1)]),
        "the same part twice": shapely.MultiPolygon([at(ring), at(ring)]),
        "hole outside its shell": at(ring, ring + 7),
        "spike": at([(0, 0), (5, 0), (5, 5), (5, 9), (5, 5), (0, 5)]),
        "ring that touches itself along an edge": at([(0, 0), (5, 0), (5, 5), (2, 5), (2, 0), (1, 0), (1, 5), (0, 5)]),
        "not finite": shapely.transform(at(ring), lambda xy: np.where(xy == WEST + 5000, np.nan, xy)),
    }
