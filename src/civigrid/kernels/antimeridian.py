"""Polygons that cross the antimeridian: longitudes made to run on, then cut at 180 degrees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from civigrid.types import Bools, Floats

Shapes = npt.NDArray[np.object_]
_HALF, _TURN = 180.0, 360.0


def may_cross(shapes: Shapes) -> Bools:
    """Shapes in degrees that are wider than 180, or leave -180 to 180: only these can cross, shape (n,).

    >>> may_cross(np.array([shapely.box(0, 0, 2, 2), shapely.box(-179, 0, 179, 2)])).tolist()
    [False, True]
    """
    west, _, east, _ = shapely.bounds(shapes).T
    with np.errstate(invalid="ignore"):
        found: Bools = (east - west > _HALF) | (west < -_HALF) | (east > _HALF)
    return found


def run_on(shape: shapely.Geometry) -> shapely.Geometry:
    """Give a polygon whose longitudes run on beyond 180 where an edge jumps from one side of the map to the other.

    An edge longer than 180 degrees takes the short way round; one that runs along the frame, from -180 to 180, is no
    jump.  A shape that never jumps is given back as it is.

    Raises
    ------
    ValueError
        A ring goes round a pole: it has no inside in longitude and latitude.

    Notes
    -----
    RFC 7946, section 3.1.9, asks for shapes cut at the antimeridian; many files hold them uncut.

    Examples
    --------
    >>> ring = [(179, 0), (-179, 0), (-179, 2), (179, 2)]
    >>> run_on(shapely.Polygon(ring)).bounds
    (179.0, 0.0, 181.0, 2.0)
    """
    parts = [_run_on(part) for part in shapely.get_parts(shape)]
    if all(ours is None for ours in parts):
        return shape
    whole = [theirs if ours is None else ours for ours, theirs in zip(parts, shapely.get_parts(shape), strict=True)]
    return whole[0] if len(whole) == 1 else shapely.MultiPolygon(whole)


def _run_on(part: shapely.Polygon) -> shapely.Polygon | None:
    rings = [np.asarray(ring.coords)[:, :2] for ring in (part.exterior, *part.interiors)]
    turned = [_unwrapped(ring) for ring in rings]
    if all((ours == theirs).all() for ours, theirs in zip(turned, rings, strict=True)):
        return None
    shell, holes = turned[0], turned[1:]
    middle = (shell[:, 0].min() + shell[:, 0].max()) / 2
    for hole in holes:
        # a hole is moved by whole turns until it lies in its shell
        hole[:, 0] += _TURN * np.round((middle - (hole[:, 0].min() + hole[:, 0].max()) / 2) / _TURN)
    return shapely.Polygon(shell, holes)


def _unwrapped(ring: Floats) -> Floats:
    step = np.diff(ring[:, 0])
    framed = (np.abs(ring[:-1, 0]) == _HALF) & (np.abs(ring[1:, 0]) == _HALF)
    turns = np.where(framed, 0.0, np.round(step / _TURN))
    if turns.sum() != 0:
        raise ValueError("a ring goes round a pole")
    out = ring.copy()
    out[1:, 0] -= _TURN * np.cumsum(turns)
    return out


def cut(shape: shapely.Geometry) -> shapely.Geometry:
    """Cut a valid polygon at every 180 degrees, each piece brought back between -180 and 180.

    >>> sorted(round(part.bounds[0]) for part in cut(shapely.box(179, 0, 181, 2)).geoms)
    [-180, 179]
    """
    west, _, east, _ = shapely.bounds(shape).tolist()
    if not (west < -_HALF or east > _HALF):
        return shape
    pieces = []
    for turn in range(int(np.floor((west + _HALF) / _TURN)), int(np.ceil((east - _HALF) / _TURN)) + 1):
        frame = shapely.box(-_HALF + _TURN * turn, -90, _HALF + _TURN * turn, 90)
        parts = shapely.get_parts(shapely.intersection(shape, frame))
        parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
        xy = shapely.get_coordinates(parts) - [_TURN * turn, 0]
        pieces += list(shapely.set_coordinates(parts, xy))
    return pieces[0] if len(pieces) == 1 else shapely.MultiPolygon(pieces)
