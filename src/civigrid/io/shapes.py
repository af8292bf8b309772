"""Shapes of cells as well-known binary, made of their ids, exact in the grid's own CRS, cut at the antimeridian."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from civigrid.errors import SchemaError
from civigrid.grid import Grid, SquareGrid
from civigrid.io.fields import ROWS_AT_ONCE
from civigrid.kernels.antimeridian import cut
from civigrid.types import Bounds, Floats, Ids

Cuts = Mapping[int, shapely.Geometry]
"""Shapes of the rows that one ring cannot draw: those across the antimeridian or round a pole."""
_HALF, _TURN = 180.0, 360.0
_CHOOSE = "Choose a CRS made for where the cells lie."


def crs_of(text: str) -> CRS:
    """Give a CRS by its name.

    >>> crs_of("EPSG:25832").to_epsg()
    25832
    """
    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise SchemaError(f"unknown CRS {text!r}. Name it by its code, as EPSG:25832.") from error


def shapes_of(grid: Grid, ids: Ids, crs: str = "", *, multi: bool = False) -> tuple[pa.Array, Floats]:
    """Give the shapes of cells and the box of each.

    Parameters
    ----------
    grid : Grid
        The grid.
    ids : ndarray of uint64, shape (cell,)
        Its cells.
    crs : str
        Another CRS than the grid's.
    multi : bool
        Write all as MultiPolygon: needed where some are cut, as `extent_of` says.

    Returns
    -------
    tuple of pyarrow.Array of binary and ndarray, shape (cell, 4)
        Well-known binary; west, south, east, north.  What is cut at the antimeridian has a box from -180 to 180, so
        that a reader who asks for a box misses nothing.

    Raises
    ------
    SchemaError
        A CRS that is unknown, or in which a corner has no place.
    """
    closed = corners_of(grid, ids, crs)
    boxes = box_of(closed)
    if _simple(grid, crs):
        return wkb(closed, multi=multi), boxes
    cuts = cuts_of(grid, ids, closed, crs)
    for row, shape in cuts.items():
        boxes[row] = shapely.bounds(shape)
    # cells across an edge of H3's icosahedron have more corners: the others repeat their last
    count = closed.shape[1] - (closed[:, 1:] == closed[:, :-1]).all(axis=2).sum(axis=1)
    sizes = np.unique(count)
    if not cuts and len(sizes) <= 1:
        return wkb(_trimmed(closed, *sizes.tolist()), multi=multi), boxes
    made = np.empty(len(ids), dtype=object)
    for size in sizes.tolist():
        rows = np.flatnonzero(count == size)
        made[rows] = wkb(_trimmed(closed[rows], size), multi=multi).to_pylist()
    for row, shape in cuts.items():
        parts = shapely.multipolygons(shapely.get_parts(shape)) if multi else shape
        made[row] = shapely.to_wkb(parts, byte_order=1)
    return pa.array(made.tolist(), type=pa.binary()), boxes


def extent_of(grid: Grid, ids: Ids, crs: str = "") -> tuple[Bounds, bool]:
    """Give the box of all cells, of none zeros, and whether any is cut in two.

    >>> from civigrid.grid import H3Grid
    >>> grid = H3Grid(3)
    >>> extent_of(grid, grid.cell_at(np.array([[179.99, -16.5]])))[1]
    True
    """
    if not len(ids):
        return Bounds(0.0, 0.0, 0.0, 0.0), False
    if isinstance(grid, SquareGrid) and not crs:
        corner = grid.corner(ids)
        return Bounds(*map(float, corner.min(axis=0)), *map(float, corner.max(axis=0) + grid.cell_size_m)), False
    least, most, multi = np.full(2, np.inf), np.full(2, -np.inf), False
    for start in range(0, len(ids), ROWS_AT_ONCE):
        part = ids[start : start + ROWS_AT_ONCE]
        closed = corners_of(grid, part, crs)
        boxes = box_of(closed)
        cuts = {} if _simple(grid, crs) else cuts_of(grid, part, closed, crs)
        for row, shape in cuts.items():
            boxes[row] = shapely.bounds(shape)
            multi = multi or int(shapely.get_num_geometries(shape)) > 1
        least, most = np.minimum(least, boxes[:, :2].min(axis=0)), np.maximum(most, boxes[:, 2:].max(axis=0))
    return Bounds(*least.tolist(), *most.tolist()), multi


def is_cut(grid: Grid, ids: Ids, crs: str = "") -> bool:
    """Whether any cell is cut in two, as `extent_of`; of squares in a plane that is known without a look."""
    return not _simple(grid, crs) and extent_of(grid, ids, crs)[1]


def corners_of(grid: Grid, ids: Ids, crs: str = "") -> Floats:
    """Corners of cells, the first again at the end, shape (cell, corner, 2): easting and northing, or degrees.

    Corners are reprojected one by one, so that neighbours still share them to the last bit; edges stay straight lines
    between them.  Longitudes run on beyond 180 where a cell crosses it.
    """
    corners = grid.vertices(ids)
    closed = np.concatenate([corners, corners[:, :1]], axis=1)
    if not crs or crs_of(crs) == CRS.from_user_input(grid.crs) or not len(ids):
        return closed
    moved = np.stack(_change(grid, crs).transform(closed[..., 0], closed[..., 1]), axis=-1)
    _check_finite(moved, crs)
    if crs_of(crs).is_geographic:
        moved[..., 0] -= _TURN * np.round((moved[..., 0] - moved[:, :1, 0]) / _TURN)
    return moved


def cuts_of(grid: Grid, ids: Ids, closed: Floats, crs: str = "") -> Cuts:
    """Give the shapes of the rows that cross the antimeridian or go round a pole.

    Parameters
    ----------
    grid, ids, crs
        As for `shapes_of`.
    closed : ndarray, shape (cell, corner, 2)
        Of `corners_of`.

    Notes
    -----
    RFC 7946, section 3.1.9: shapes are cut at the antimeridian.  A ring round a pole is led along its parallel of 90
    degrees.  In a plane a ring stays whole where the plane holds it whole, as UTM zone 60 or a polar one does; in one
    whose edge is the antimeridian, as EPSG:3857, the two pieces are reprojected.
    """
    if not len(ids) or crs_of(crs or grid.crs).is_geographic:
        return {row: _cut(closed[row]) for row in _crossing(closed).tolist()}
    if not CRS.from_user_input(grid.crs).is_geographic:
        return {}
    degrees, found, change = corners_of(grid, ids), {}, _change(grid, crs)

    def moved(xy: Floats) -> Floats:
        return np.column_stack(change.transform(*xy.T))

    for row in _crossing(degrees).tolist():
        whole, pole = shapely.Polygon(closed[row]), _pole(degrees[row])
        if pole:
            there = moved(np.array([[0.0, pole]]))
            if not (whole.is_valid and np.isfinite(there).all() and whole.contains(shapely.Point(there[0]))):
                raise SchemaError(f"--crs {crs}: a cell lies round a pole, which has no place in it. {_CHOOSE}")
            continue
        pieces = shapely.transform(_cut(degrees[row]), moved)
        if not (whole.is_valid and whole.area <= 2 * shapely.area(pieces)):
            _check_finite(shapely.get_coordinates(pieces), crs)
            found[row] = pieces
    return found


def _simple(grid: Grid, crs: str) -> bool:
    """Squares in a plane: one ring of four corners each, nothing to cut."""
    return isinstance(grid, SquareGrid) and not crs_of(crs or grid.crs).is_geographic


def _change(grid: Grid, crs: str) -> Transformer:
    return Transformer.from_crs(grid.crs, crs_of(crs), always_xy=True)


def _check_finite(moved: Floats, crs: str) -> None:
    if not np.isfinite(moved).all():
        raise SchemaError(f"--crs {crs}: some cells have no place in it. {_CHOOSE}")


def _crossing(closed: Floats) -> Any:
    x = closed[..., 0]
    outside = (x.max(axis=1, initial=0) > _HALF) | (x.min(axis=1, initial=0) < -_HALF)
    return np.flatnonzero(outside | (np.abs(np.diff(x, axis=1)) > _HALF).any(axis=1))


def _run_on(ring: Floats) -> Floats:
    turns = np.cumsum(np.round(np.diff(ring[:, 0], prepend=ring[0, 0]) / _TURN))
    return np.column_stack([ring[:, 0] - _TURN * turns, ring[:, 1]])


def _pole(ring: Floats) -> float:
    """Latitude of the pole that a ring in degrees goes round; 0 where it goes round none."""
    run_on = _run_on(ring)
    return float(np.copysign(90.0, ring[:, 1].sum())) if abs(run_on[-1, 0] - run_on[0, 0]) > _HALF else 0.0


def _cut(ring: Floats) -> shapely.Geometry:
    run_on, pole = _run_on(ring), _pole(ring)
    if not pole:
        return cut(shapely.Polygon(run_on))
    rim = np.array([[run_on[-1, 0], pole], [run_on[0, 0], pole]])
    # where the ring begins is no edge
    return shapely.union_all(shapely.get_parts(cut(shapely.Polygon(np.concatenate([run_on, rim, run_on[:1]])))))


def _trimmed(closed: Floats, size: int = 0) -> Floats:
    """Rings of `size` corners without the repeated ones before the closing corner."""
    if size in (0, closed.shape[1]):
        return closed
    return np.concatenate([closed[:, : size - 1], closed[:, -1:]], axis=1)


def wkb(closed: Floats, *, multi: bool = False) -> pa.Array:
    """Well-known binary of one-ring polygons, shape (polygon, corner, 2) in: one header, then coordinates.

    Source: OGC 06-103r4, section 8 (little endian, type 3; as the one part of a type 6 where `multi`).
    """
    n, k, _ = closed.shape
    outer = [("o6", "u1"), ("t6", "<u4"), ("parts", "<u4")] if multi else []
    kind = np.dtype([*outer, ("o3", "u1"), ("t3", "<u4"), ("rings", "<u4"), ("points", "<u4"), ("xy", "<f8", (k, 2))])
    shapes = np.empty(n, dtype=kind)
    if multi:
        shapes["o6"], shapes["t6"], shapes["parts"] = 1, 6, 1
    shapes["o3"], shapes["t3"], shapes["rings"], shapes["points"], shapes["xy"] = 1, 3, 1, k, closed
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(kind.itemsize)
    return pa.Array.from_buffers(pa.binary(), n, [None, pa.py_buffer(offsets), pa.py_buffer(shapes.tobytes())])


def box_of(closed: Floats) -> Floats:
    """Box of each shape: west, south, east, north, shape (polygon, 4)."""
    boxes: Floats = np.concatenate([closed.min(axis=1), closed.max(axis=1)], axis=1).reshape(-1, 4)
    return boxes
