"""Points along rings, no farther apart than a step."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)


def along_rings(xy: Floats, start: Ints, step: float) -> tuple[Floats, Ints]:
    """Points along closed rings, so that no place on a ring is farther than `step` from the point before it.

    Parameters
    ----------
    xy : ndarray of float64, shape (corner, 2)
        Corners of closed rings.
    start : ndarray of int64, shape (ring + 1,)
        First corner of each ring.
    step : float
        Same unit; corners closer than this to the last point are passed over.

    Returns
    -------
    tuple of ndarray
        Points, shape (point, 2), each ring's in order, not closed; and the ring of each.

    Examples
    --------
    >>> ring = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 0.0]])
    >>> along_rings(ring, np.array([0, 4]), 3.0)[0].tolist()
    [[0.0, 0.0], [2.0, 0.0], [4.0, 0.0], [4.0, 3.0], [2.0, 1.5]]
    """
    points, ring = _walk(np.ascontiguousarray(xy, dtype=np.float64), np.asarray(start, dtype=np.int64), float(step))
    return points, ring


@_jit
def _walk(xy, start, step):  # type: ignore[no-untyped-def]
    most = len(start) - 1
    for i in range(len(xy) - 1):
        most += int(np.hypot(xy[i + 1, 0] - xy[i, 0], xy[i + 1, 1] - xy[i, 1]) / step) + 1
    points, ring, at = np.empty((most, 2)), np.empty(most, np.int64), 0
    for r in range(len(start) - 1):
        points[at], ring[at] = xy[start[r]], r
        at, walked = at + 1, 0.0
        for i in range(start[r], start[r + 1] - 1):
            length = np.hypot(xy[i + 1, 0] - xy[i, 0], xy[i + 1, 1] - xy[i, 1])
            if walked + length <= step:
                walked += length
                continue
            if walked > 0:
                points[at], ring[at] = xy[i], r
                at += 1
            pieces = int(np.ceil(length / step))
            for k in range(1, pieces):
                points[at] = xy[i] + (xy[i + 1] - xy[i]) * (k / pieces)
                ring[at] = r
                at += 1
            walked = length / pieces
    return points[:at].copy(), ring[:at].copy()
