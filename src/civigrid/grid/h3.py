"""H3 cells: hexagons on the sphere.  Not equal-area, not nested: areas are always asked for, never assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h3ronpy
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from h3ronpy import vector

from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid.base import INVALID, Grid
from civigrid.grid.points import check_points
from civigrid.kernels.equal_area import polygon_area_km2
from civigrid.types import Bools, Bounds, Floats, Ids

_WORLD = Bounds(-180.0, -90.0, np.nextafter(180.0, 181.0), np.nextafter(90.0, 91.0))
_RESOLUTION_BIT = np.uint64(52)
_WKB_HEADER = 13
"""Bytes before the coordinates of a polygon of one ring: order, type, rings, corners."""


def _digits_below(resolution: int) -> int:
    """Bit mask of the digits finer than `resolution`: three bits each, up to resolution 15."""
    return int(2 ** (3 * (15 - resolution)) - 1)


@dataclass(frozen=True)
class H3Grid(Grid):
    """All H3 cells of one `resolution` (0 to 15); ids are H3's own, whose order is hierarchical.

    Points, centres and vertices are (longitude, latitude) in degrees.

    Examples
    --------
    >>> H3Grid(8).cell_at(np.array([[13.4, 52.5]]))
    array([613036919474880511], dtype=uint64)
    """

    resolution: int

    def __post_init__(self) -> None:
        if not 0 <= self.resolution <= 15:
            raise SchemaError(f"H3 resolution must lie in 0 to 15, got {self.resolution}.")

    @property
    def id(self) -> str:
        """Name as in ``grids/``: ``h3-r8``."""
        return f"h3-r{self.resolution}"

    @property
    def crs(self) -> str:
        """Longitude and latitude on WGS 84."""
        return "EPSG:4326"

    def to_dict(self) -> dict[str, Any]:
        """Attributes for ``cell_id``, in xdggs's convention: xdggs decodes them."""
        return {"grid_name": "h3", "level": self.resolution}

    def is_valid(self, cell_id: Ids) -> Bools:
        """Whether each id is an H3 cell of this resolution."""
        ids = np.ascontiguousarray(cell_id, dtype=np.uint64)
        valid = _numpy(h3ronpy.cells_valid(ids, booleanarray=True)).astype(bool)
        ours: Bools = valid & (((ids >> _RESOLUTION_BIT) & np.uint64(15)) == self.resolution)
        return ours

    def cell_at(self, points: Floats) -> Ids:
        """Ids of the cells that hold `points` (longitude, latitude), shape (n,)."""
        points = check_points(points, _WORLD, self.crs)
        longitude, latitude = (np.ascontiguousarray(column) for column in points.T)
        return _numpy(vector.coordinates_to_cells(latitude, longitude, self.resolution)).astype(np.uint64)

    def centre(self, cell_id: Ids) -> Floats:
        """Centres (longitude, latitude), degrees, shape (n, 2)."""
        if not len(cell_id):
            return np.empty((0, 2))
        place = vector.cells_to_coordinates(np.ascontiguousarray(cell_id))
        return np.stack([_numpy(place.column("lng")), _numpy(place.column("lat"))], axis=-1)

    def vertices(self, cell_id: Ids) -> Floats:
        """Corners (longitude, latitude) counter-clockwise, degrees, shape (n, k, 2).

        Cells across an icosahedron edge have more than six corners, pentagons five: short ones repeat their last.
        Across the antimeridian longitudes run on beyond 180, so that each cell is whole.
        """
        if not len(cell_id):
            return np.empty((0, 6, 2))
        wkb = pa.array(vector.cells_to_wkb_polygons(np.ascontiguousarray(cell_id)))
        # the coordinates lie in the buffer, behind a header: no shape is made of them
        start = np.frombuffer(wkb.buffers()[1], dtype=np.int64)[wkb.offset : wkb.offset + len(wkb) + 1]
        data = np.frombuffer(wkb.buffers()[2], dtype=np.uint8)
        count = (np.diff(start) - _WKB_HEADER) // 16 - 1  # the closing corner repeats the first
        result = np.empty((len(wkb), count.max(), 2))
        for corners in np.unique(count):
            rows = np.flatnonzero(count == corners)
            if len(rows) == len(wkb):
                lines = data[start[0] : start[-1]].reshape(len(wkb), -1)
                taken = np.ascontiguousarray(lines[:, _WKB_HEADER : _WKB_HEADER + 16 * corners])
            else:
                taken = data[(start[rows] + _WKB_HEADER)[:, None] + np.arange(16 * corners)]
            xy = taken.view("<f8").reshape(len(rows), corners, 2)
            result[rows] = xy if corners == count.max() else xy[:, np.minimum(np.arange(count.max()), corners - 1)]
        west = result[:, :1, 0]
        result[..., 0] -= 360 * np.round((result[..., 0] - west) / 360)
        return result

    def area_km2(self, cell_id: Ids) -> Floats:
        """True areas on the ellipsoid, km2, shape (n,)."""
        corners = self.vertices(cell_id)
        return polygon_area_km2(corners[..., 0], corners[..., 1])

    def parent(self, cell_id: Ids, coarser: Grid) -> Ids:
        """Cells of `coarser` in H3's own hierarchy: they hold most, not all, of each cell's area."""
        resolution = self._resolution_of(coarser)
        if resolution > self.resolution:
            raise GridMismatchError(f"{coarser.id} is finer than {self.id}: ask for children().")
        level = np.uint64(self.resolution - resolution) << _RESOLUTION_BIT
        return (np.asarray(cell_id, dtype=np.uint64) - level) | np.uint64(_digits_below(resolution))

    def children(self, cell_id: Ids, finer: Grid) -> Ids:
        """Cells of `finer` in H3's hierarchy, shape (n, 7**levels); a pentagon has fewer, padded by `INVALID`."""
        resolution = self._resolution_of(finer)
        levels = resolution - self.resolution
        if levels < 0:
            raise GridMismatchError(f"{finer.id} is coarser than {self.id}: ask for parent().")
        digits = np.zeros(1, dtype=np.uint64)
        for _ in range(levels):
            digits = ((digits << np.uint64(3))[:, None] | np.arange(7, dtype=np.uint64)).ravel()
        cleared = np.asarray(cell_id, dtype=np.uint64) & ~np.uint64(_digits_below(self.resolution))
        base = (cleared + (np.uint64(levels) << _RESOLUTION_BIT)) | np.uint64(_digits_below(resolution))
        ids = base[:, None] | (digits << np.uint64(3 * (15 - resolution)))
        valid = _numpy(h3ronpy.cells_valid(ids.ravel(), booleanarray=True)).astype(bool).reshape(ids.shape)
        return np.where(valid, ids, np.uint64(INVALID))

    def _resolution_of(self, other: Grid) -> int:
        if not isinstance(other, H3Grid):
            raise GridMismatchError(f"{other.id} and {self.id} share no hierarchy. Use a crosswalk between them.")
        return other.resolution

    def ring(self, cell_id: Ids, k: int) -> Ids:
        """Cells `k` steps away, sorted, shape (n, 6k); near a pentagon fewer, padded by `INVALID`."""
        ids = np.ascontiguousarray(cell_id, dtype=np.uint64)
        if k == 0:
            return ids[:, None].copy()
        disk, inner = _disk(ids, k), _disk(ids, k - 1)
        ring = np.full((len(ids), 6 * k), INVALID, dtype=np.uint64)
        for row, (outer_cells, inner_cells) in enumerate(zip(disk, inner, strict=True)):
            cells = np.setdiff1d(outer_cells, inner_cells)
            ring[row, : len(cells)] = cells
        return ring

    def block_starts(self, cell_id: Ids, cells_per_side: int) -> Ids:
        """First id of each cell's block: the ancestor that holds about ``cells_per_side`` squared cells."""
        levels = round(2 * np.log(max(cells_per_side, 1)) / np.log(7))
        block = max(self.resolution - levels, 0)
        below = _digits_below(block) & ~_digits_below(self.resolution)
        return cell_id & ~np.uint64(below)


def _disk(ids: Ids, k: int) -> list[Ids]:
    return [np.asarray(item.as_py(), dtype=np.uint64) for item in h3ronpy.grid_disk(ids, k)]


def _numpy(array: Any) -> npt.NDArray[Any]:
    """Give an Arrow array of h3ronpy as NumPy."""
    return np.asarray(array.to_numpy())
