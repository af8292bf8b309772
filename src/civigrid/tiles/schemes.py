"""Tile matrix sets: squares of a CRS cut into four, again and again."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyproj import Transformer

from civigrid.errors import unknown_name
from civigrid.grid import Grid
from civigrid.kernels.vector_tile import WORLD_BITS
from civigrid.types import Bounds, Floats, Ids, Ints

PIXELS = 256
"""Pixels along a tile, by which resolutions are reckoned."""


@dataclass(frozen=True, kw_only=True)
class TileScheme:
    """A tile matrix set whose matrix at zoom z has 2**z tiles a side; tiles are counted from the upper left.

    Parameters
    ----------
    id : str
        Its name.
    crs : str
        ``EPSG:3857``.
    left, top : float
        Upper left corner, metres: easting and northing.
    size_m : float
        Side of the only tile of zoom 0.
    axes : tuple of str
        Axes of the CRS in its own order, in which ``pointOfOrigin`` of the JSON is given.  Everything else here is
        easting first.
    pixel_cells : bool
        Whether pixels are cells: sizes of cells are halved and doubled from zoom to zoom.
    around : bool
        Whether the right edge is the left edge.
    """

    id: str
    crs: str
    left: float
    top: float
    size_m: float
    axes: tuple[str, str] = ("X", "Y")
    pixel_cells: bool = False
    around: bool = False

    def pixel_m(self, zoom: int) -> float:
        """Side of a pixel, metres of the CRS.

        >>> SCHEMES["EU1kmQuad"].pixel_m(5)
        1000.0
        """
        return float(self.size_m / PIXELS / 2**zoom)

    def units(self, points: Floats) -> Ints:
        """Turn points of the scheme's CRS into units of its square, x right and y down, shape (..., 2)."""
        scale = 2.0**WORLD_BITS / self.size_m
        xy = np.stack([points[..., 0] - self.left, self.top - points[..., 1]], axis=-1) * scale
        # what a projection cannot show lies far outside
        far = np.where(np.isfinite(xy), np.clip(xy, -(2.0**40), 2.0**40), 2.0**40)
        return np.rint(far).astype(np.int64)

    def rings(self, grid: Grid, ids: Ids) -> Ints:
        """Corners of cells in units of the square, shape (cell, corner, 2).

        Each corner of a lattice is projected once, so that neighbours share theirs to the last unit.
        """
        corners = grid.vertices(ids)
        if grid.crs == self.crs or not len(ids):
            return self.units(corners)
        flat = np.ascontiguousarray(corners.reshape(-1, 2))
        if grid.crs == "EPSG:4326":
            placed = _project(flat, grid.crs, self.crs)
            if self.around:
                # cells across the antimeridian go on beyond 180 degrees, where PROJ would turn back
                placed[:, 0] = flat[:, 0] / 360.0 * self.size_m
            return self.units(placed).reshape(corners.shape)
        low = flat.min(axis=0)
        step = np.rint(flat - low).astype(np.int64)
        width = int(step[:, 0].max()) + 1
        key, back = np.unique(step[:, 1] * width + step[:, 0], return_inverse=True)
        places = np.stack([key % width, key // width], axis=1) + low
        return self.units(_project(places, grid.crs, self.crs))[back].reshape(corners.shape)

    def bounds(self, units: Bounds) -> Bounds:
        """Turn a box in units of the square, y down, into longitude and latitude, rounded outwards to 1e-5 degrees."""
        scale = self.size_m / 2.0**WORLD_BITS
        west, east = self.left + units.west * scale, self.left + units.east * scale
        south, north = self.top - units.north * scale, self.top - units.south * scale
        box = _transformer(self.crs, "EPSG:4326").transform_bounds(west, south, east, north)
        low, high = np.floor(np.array(box[:2]) * 1e5) / 1e5, np.ceil(np.array(box[2:]) * 1e5) / 1e5
        return Bounds(*low.tolist(), *high.tolist())

    def to_tms(self, max_zoom: int) -> dict[str, Any]:
        """Give it as JSON of OGC's Two Dimensional Tile Matrix Set standard 2.0 (17-083r4)."""
        origin = [self.left, self.top] if self.axes[0] in ("X", "E") else [self.top, self.left]
        matrices = [
            {
                "id": str(zoom),
                "scaleDenominator": self.pixel_m(zoom) / 0.00028,
                "cellSize": self.pixel_m(zoom),
                "cornerOfOrigin": "topLeft",
                "pointOfOrigin": origin,
                "tileWidth": PIXELS,
                "tileHeight": PIXELS,
                "matrixWidth": 2**zoom,
                "matrixHeight": 2**zoom,
            }
            for zoom in range(max_zoom + 1)
        ]
        code = self.crs.removeprefix("EPSG:")
        return {
            "id": self.id,
            "crs": f"http://www.opengis.net/def/crs/EPSG/0/{code}",
            "orderedAxes": list(self.axes),
            "tileMatrices": matrices,
        }


@functools.cache
def _transformer(source: str, target: str) -> Transformer:
    """Keep what takes longer to make than a bundle of corners to project; each thread has its own inside."""
    return Transformer.from_crs(source, target, always_xy=True)


def _project(points: Floats, source: str, target: str) -> Floats:
    x, y = _transformer(source, target).transform(points[:, 0], points[:, 1])
    return np.stack([x, y], axis=1)


_MERCATOR = 6_378_137.0 * np.pi
SCHEMES: dict[str, TileScheme] = {
    scheme.id: scheme
    for scheme in (
        TileScheme(
            id="WebMercatorQuad",
            crs="EPSG:3857",
            left=-_MERCATOR,
            top=_MERCATOR,
            size_m=2 * _MERCATOR,
            around=True,
        ),
        TileScheme(
            id="EuropeanETRS89_LAEAQuad",
            crs="EPSG:3035",
            left=2_000_000.0,
            top=5_500_000.0,
            size_m=4_500_000.0,
            axes=("Y", "X"),
        ),
        TileScheme(
            id="EU1kmQuad",
            crs="EPSG:3035",
            left=0.0,
            top=8_192_000.0,
            size_m=8_192_000.0,
            axes=("Y", "X"),
            pixel_cells=True,
        ),
    )
}
"""The first two are OGC's, the third is ours: from (0, 8,192 km), so that a pixel of zoom 5 is a cell of 1 km."""


def scheme_named(name: str) -> TileScheme:
    """Give a scheme by its name.

    >>> scheme_named("EuropeanETRS89_LAEAQuad").pixel_m(0)
    17578.125
    """
    if name not in SCHEMES:
        raise unknown_name("tile scheme", name, SCHEMES)
    return SCHEMES[name]
