"""Shapes of cells as well-known binary, made of their ids, exact in the grid's own CRS."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from civigrid.errors import SchemaError
from civigrid.grid import Grid
from civigrid.types import Floats, Ids


def corners_of(grid: Grid, ids: Ids, crs: str = "") -> Floats:
    """Corners of cells, the first again at the end, shape (cell, corner, 2): easting and northing, or degrees.

    Parameters
    ----------
    grid : Grid
        The grid.
    ids : ndarray of uint64, shape (cell,)
        Its cells.
    crs : str
        Another CRS than the grid's: corners are reprojected one by one, so that neighbours still share them to the
        last bit; edges stay straight lines between them.

    Raises
    ------
    SchemaError
        A CRS that is unknown, or in which a corner has no place.
    """
    corners = grid.vertices(ids)
    closed = np.concatenate([corners, corners[:, :1]], axis=1)
    if not crs or crs_of(crs) == CRS.from_user_input(grid.crs) or not len(ids):
        return closed
    change = Transformer.from_crs(grid.crs, crs_of(crs), always_xy=True)
    moved = np.stack(change.transform(closed[..., 0], closed[..., 1]), axis=-1)
    if not np.isfinite(moved).all():
        raise SchemaError(f"--crs {crs}: some cells have no place in it. Choose a CRS made for where the cells lie.")
    return moved


def crs_of(text: str) -> CRS:
    """Give a CRS by its name.

    >>> crs_of("EPSG:25832").to_epsg()
    25832
    """
    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise SchemaError(f"unknown CRS {text!r}. Name it by its code, as EPSG:25832.") from error


def wkb(closed: Floats) -> pa.Array:
    """Well-known binary of one-ring polygons, shape (polygon, corner, 2) in: one header, then coordinates.

    Source: OGC 06-103r4, section 8 (little endian, type 3).
    """
    n, k, _ = closed.shape
    kind = np.dtype([("order", "u1"), ("type", "<u4"), ("rings", "<u4"), ("points", "<u4"), ("xy", "<f8", (k, 2))])
    shapes = np.empty(n, dtype=kind)
    shapes["order"], shapes["type"], shapes["rings"], shapes["points"], shapes["xy"] = 1, 3, 1, k, closed
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(kind.itemsize)
    return pa.Array.from_buffers(pa.binary(), n, [None, pa.py_buffer(offsets), pa.py_buffer(shapes.tobytes())])


def box_of(closed: Floats) -> Floats:
    """Box of each shape: west, south, east, north, shape (polygon, 4)."""
    boxes: Floats = np.concatenate([closed.min(axis=1), closed.max(axis=1)], axis=1).reshape(-1, 4)
    return boxes
