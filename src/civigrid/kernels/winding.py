"""How often rings go round points: which polygon holds a point.  Where polygons meet, each point has one owner."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from civigrid.kernels.sweep import Rings
from civigrid.types import Bools, Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)


def holds(rings: Rings, polygon: Ints, points: Floats) -> Bools:
    """Say whether each point lies in the polygon it is asked of.

    A point on a border belongs to the polygon east of it, on a level border to the one north of it: polygons that
    share an edge, in the same digits, share no point and lose none.

    Parameters
    ----------
    rings : Rings
        Polygons.
    polygon : ndarray of int64, shape (point,)
        Which polygon each point is asked of, ascending.
    points : ndarray of float64, shape (point, 2)
        In the plane of the polygons.

    Returns
    -------
    ndarray of bool, shape (point,)
        False for a polygon without rings.

    Notes
    -----
    The crossing rule of M. Shimrat (1962), Algorithm 112: position of point relative to polygon, CACM 5, 434.

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    >>> rings = Rings(square, np.array([0, 5]), np.array([0]), np.array([False]))
    >>> holds(rings, np.array([0, 0, 0]), np.array([[0.0, 0.5], [1.0, 0.5], [0.5, 0.0]]))
    array([ True, False,  True])
    """
    inside = np.zeros(len(polygon), dtype=np.bool_)
    if not len(rings.polygon) or not len(polygon):
        return inside
    order = np.lexsort((points[:, 1], polygon))
    who = polygon[order]
    first = np.flatnonzero(np.diff(rings.polygon, prepend=-1))
    owner = rings.polygon[first]
    begin, end = np.searchsorted(who, owner), np.searchsorted(who, owner, side="right")
    bounds = np.append(first, len(rings.polygon))
    xy = np.ascontiguousarray(rings.xy, dtype=np.float64)
    inside[order] = _hold(xy, rings.start, bounds, rings.hole, begin, end, np.ascontiguousarray(points[order].T))
    return inside


@_jit
def _hold(xy, start, first_ring, hole, begin, end, points):  # type: ignore[no-untyped-def]
    counted = np.zeros(points.shape[1])
    _, signs = ring_areas(xy, start, hole)
    for p in range(len(begin)):
        a, b = begin[p], end[p]
        for r in range(first_ring[p], first_ring[p + 1]):
            wind(xy, start[r], start[r + 1], signs[r], points[0, a:b], points[1, a:b], counted[a:b])
    return counted > 0.5


@_jit
def ring_areas(xy, start, hole):  # type: ignore[no-untyped-def]
    """Signed area of each ring as it runs, and +1 where it runs the right way, else -1.

    Shells should run counter-clockwise, holes clockwise.
    """
    area, sign = np.zeros(len(hole)), np.ones(len(hole))
    for r in range(len(hole)):
        a = start[r]
        for i in range(a, start[r + 1] - 1):
            u0, v0 = xy[i, 0] - xy[a, 0], xy[i, 1] - xy[a, 1]
            u1, v1 = xy[i + 1, 0] - xy[a, 0], xy[i + 1, 1] - xy[a, 1]
            area[r] += 0.5 * (u0 * v1 - v0 * u1)
        if (area[r] > 0) == hole[r]:
            sign[r] = -1.0
    return area, sign


@_jit
def wind(xy, a, b, sign, px, py, winding):  # type: ignore[no-untyped-def]
    """Add the crossings of a ring with the rays east of points, which are sorted northwards.

    A point on an edge belongs to the east of it, on a level edge to the north: where polygons share an edge, each
    point has one owner.
    """
    n = len(py)
    for i in range(a, b - 1):
        x0, y0, x1, y1 = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
        low, high = (y0, y1) if y0 < y1 else (y1, y0)
        if n == 0 or high <= py[0] or low > py[n - 1] or low == high:
            continue
        p = np.searchsorted(py, low)
        while p < n and py[p] < high:
            side = (x0 - px[p]) * (y1 - py[p]) - (y0 - py[p]) * (x1 - px[p])
            if y0 < y1 and side > 0:
                winding[p] += sign
            elif y0 > y1 and side < 0:
                winding[p] -= sign
            p += 1
