"""Polygons for benchmarks, and the loop that nothing exact can be much faster than."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numba
import numpy as np
import shapely

WEST, SOUTH = 4_100_137.0, 2_800_211.0


def polygons(n: int, side_km: float, corners: int = 0) -> gpd.GeoSeries:
    """A Voronoi tiling with wrinkled borders that neighbours share; with `corners`, about so many per polygon."""
    rng = np.random.default_rng(1)
    side = side_km * 1000
    points = rng.uniform(0, side, (n, 2)) + np.array([WEST, SOUTH])
    box = shapely.box(WEST, SOUTH, WEST + side, SOUTH + side)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=box))
    step = side / np.sqrt(n) / 20 if not corners else 4.2 * side / np.sqrt(n) / corners
    fine = shapely.segmentize(shapely.intersection(cells, box), step)

    def wrinkle(xy: Any) -> Any:
        scale = side / np.sqrt(n) / 12
        return xy + scale * np.stack([np.sin(xy[:, 1] / scale / 2.1), np.cos(xy[:, 0] / scale / 1.7)], axis=1)

    shapes = shapely.transform(fine, wrinkle)
    return gpd.GeoSeries(shapes[shapely.is_valid(shapes)], crs="EPSG:3035").reset_index(drop=True)


def cells_around(shapes: gpd.GeoSeries, cell: int) -> tuple[int, int, int, int]:
    """First and last column and row of the cells of side `cell` round all shapes."""
    west, south, east, north = shapes.total_bounds
    low, high = np.floor([west, south]) // cell, np.ceil(np.array([east, north]) / cell)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


@numba.njit(nogil=True)
def bare_loop(xy, start, size, out_polygon, out_cell, out_share):  # noqa: C901
    """Signed areas in floats, simple shells only, no check of anything: pairs written one by one."""
    box, at = np.zeros(1024), 0
    for p in range(len(start) - 1):
        west, south, east, north = np.inf, np.inf, -np.inf, -np.inf
        for i in range(start[p], start[p + 1]):
            west, east = min(west, xy[i, 0]), max(east, xy[i, 0])
            south, north = min(south, xy[i, 1]), max(north, xy[i, 1])
        c_min, r_min = int(np.floor(west / size)), int(np.floor(south / size))
        width, height = int(np.ceil(east / size)) - c_min + 2, int(np.ceil(north / size)) - r_min + 1
        if width * height > len(box):
            box = np.zeros(2 * width * height)
        x1, y1 = xy[start[p], 0] / size - c_min, xy[start[p], 1] / size - r_min
        for i in range(start[p] + 1, start[p + 1]):
            x0, y0 = x1, y1
            x1, y1 = xy[i, 0] / size - c_min, xy[i, 1] / size - r_min
            if y0 == y1:
                continue
            sign, xa, ya, xb, yb = (1.0, x0, y0, x1, y1) if y0 < y1 else (-1.0, x1, y1, x0, y0)
            slope = (xb - xa) / (yb - ya)
            for r in range(int(ya), int(np.ceil(yb))):
                low, high = max(ya, float(r)), min(yb, r + 1.0)
                left, right = xa + slope * (low - ya), xa + slope * (high - ya)
                if left > right:
                    left, right = right, left
                first, last = int(left), int(right)
                for c in range(first, last + 1):
                    a, b = max(left, float(c)), min(right, c + 1.0)
                    rise = sign * (high - low) * (1.0 if first == last else (b - a) / (right - left))
                    f = 0.5 * (a + b) - c
                    box[r * width + c] -= rise * (1 - f)
                    box[r * width + c + 1] -= rise * f
        for r in range(height):
            running = 0.0
            for c in range(width):
                running += box[r * width + c]
                box[r * width + c] = 0.0
                if running > 1e-13:
                    out_polygon[at], out_share[at] = p, running
                    out_cell[at] = (r + r_min) * 8192 + c + c_min
                    at += 1
    return at
