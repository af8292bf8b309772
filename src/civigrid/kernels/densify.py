"""Points put into edges before they are reprojected: a straight line in one plane is a curve in another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from civigrid.types import Bools, Floats, Ints

Project = Callable[[Floats], Floats]
_AT = (1 / 3, 2 / 3)
"""Where an edge is tried.  At a third, both a bow (8/9 of its height) and an S (3/4 of it) are seen; at the middle an S
is not."""
_MOST = 10_000
"""Pieces an edge is cut into at most."""


def pieces(xy: Floats, there: Floats, start: Ints, project: Project, *, tolerance: float, shortest: float) -> Ints:
    """Count the pieces that each edge must be cut into, so that no piece bends by more than `tolerance`.

    Parameters
    ----------
    xy : ndarray of float64, shape (corner, 2)
        Corners of lines or rings, one after the other.
    there : ndarray of float64, shape (corner, 2)
        The same corners in the other plane.
    start : ndarray of int64, shape (line + 1,)
        Where each line begins in `xy`, and where the last ends.
    project : callable
        Brings points, shape (n, 2), into the other plane.
    tolerance : float
        Largest distance between the curve and its pieces, in units of the other plane.
    shortest : float
        Edges up to this length, in units of `xy`, are known to bend less: they are not tried.

    Returns
    -------
    ndarray of int64, shape (corner,)
        Pieces of the edge that begins at each corner; 1 at the last corner of a line.

    Notes
    -----
    The height of a bow falls with the square of the number of pieces, that of an S with the cube.
    """
    n = np.ones(len(xy), dtype=np.int64)
    edge = np.flatnonzero(_long(xy, start, shortest))
    if not len(edge):
        return n
    a, b, turned = _ordered(xy, edge)
    from_, to = there[np.where(turned, edge + 1, edge)], there[np.where(turned, edge, edge + 1)]
    bend = np.zeros(len(edge))
    with np.errstate(invalid="ignore"):
        for t in _AT:
            off = project(a + (b - a) * t) - (from_ + (to - from_) * t)
            bend = np.fmax(bend, np.hypot(off[:, 0], off[:, 1]))
    # what has no place in the other plane is left: the caller names it
    bend[~np.isfinite(bend)] = 0.0
    n[edge] = np.clip(np.ceil(np.sqrt(1.35 * bend / tolerance)), 1, _MOST).astype(np.int64)
    return n


def _long(xy: Floats, start: Ints, shortest: float) -> Bools:
    along = np.diff(xy, axis=0, append=xy[-1:])
    long: Bools = np.hypot(along[:, 0], along[:, 1]) > shortest
    long[start[1:][np.diff(start) > 0] - 1] = False
    return long


def _ordered(xy: Floats, edge: Ints) -> tuple[Floats, Floats, Bools]:
    """Give both ends of edges, the western (then the southern) first: neighbours cut a shared edge alike."""
    a, b = xy[edge], xy[edge + 1]
    turned: Bools = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    return np.where(turned[:, None], b, a), np.where(turned[:, None], a, b), turned


def new_points(xy: Floats, n: Ints) -> Floats:
    """Points that cut each edge into `n` equal pieces, edge after edge, shape (sum of n - 1, 2).

    >>> new_points(np.array([[0.0, 0.0], [4.0, 0.0]]), np.array([4, 1]))[:, 0].tolist()
    [1.0, 2.0, 3.0]
    """
    edge = np.repeat(np.arange(len(xy)), n - 1)
    step = np.arange(len(edge)) - (np.cumsum(n - 1) - (n - 1))[edge] + 1
    a, b, turned = _ordered(xy, edge)
    t = np.where(turned, n[edge] - step, step) / n[edge]
    points: Floats = a + (b - a) * t[:, None]
    return points


def put_between(xy: Floats, points: Floats, n: Ints) -> tuple[Floats, Ints]:
    """Put the points of `new_points` among the corners: all points, and where each corner has come to stand."""
    place = np.cumsum(n) - n
    out = np.empty((int(n.sum()), 2))
    between = np.ones(len(out), dtype=bool)
    between[place] = False
    out[place], out[between] = xy, points
    return out, place
