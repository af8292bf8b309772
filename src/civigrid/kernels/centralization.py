"""Centralization: whether a group lives nearer to a centre, or to the nearest of several, than ground or others do.

Cells are passed from the centre outwards.  Cells at one distance enter together: on a grid there are four or eight at
each, and an order among them would be an accident of the table.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from scipy.spatial import cKDTree

from civigrid.errors import SchemaError
from civigrid.kernels.estimate import Estimate, undefined
from civigrid.kernels.group import group_sum
from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)
_CHUNK = 20_000
MILLIMETRE = 1e-3


def rings_of(distance_m: Floats) -> Ints:
    """Number the rings of equal distance outwards; distances that differ by less than a millimetre are equal.

    >>> rings_of(np.array([5.0, 3.0, 5.0 + 1e-9]))
    array([1, 0, 1])
    """
    rounded = np.rint(distance_m / MILLIMETRE)
    return np.asarray(np.unique(rounded, return_inverse=True)[1], dtype=np.int64)


def centre_distance(points: Floats, centres: Floats, weights: Floats | None = None, *, nearest: int = 1) -> Floats:
    """Distance from each cell to the nearest of several centres, or to the mean of the `nearest` ones.

    Parameters
    ----------
    points : ndarray of float64, shape (row, 2 or 3)
        Places of the cells, metres.
    centres : ndarray of float64, shape (centre, 2 or 3)
        Places of the centres.
    weights : ndarray of float64, shape (centre,), optional
        Weight of each, such as the services it offers: a centre of half the largest weight seems twice as far.
    nearest : int
        Over how many of the nearest centres the mean is taken.

    Returns
    -------
    ndarray of float64, shape (row,)
        Metres; weighted ones where there are weights.

    Raises
    ------
    SchemaError
        No centre, fewer than `nearest`, or a weight that is not above 0.

    Notes
    -----
    Multiplicatively weighted distance: Aurenhammer and Edelsbrunner (1984).  Polycentric centralization: Tivadar
    (2019), J. Stat. Software 89(7).

    Examples
    --------
    >>> centre_distance(np.array([[0.0, 0.0], [9.0, 0.0]]), np.array([[0.0, 0.0], [10.0, 0.0]]))
    array([0., 1.])
    """
    if not 1 <= nearest <= len(centres):
        raise SchemaError(
            f"{len(centres)} centres, and the {nearest} nearest are asked for. Give more, or ask for fewer."
        )
    if weights is None:
        tree = cKDTree(centres)
        found = tree.query(points, k=np.arange(1, nearest + 1))[0] if len(points) else np.empty((0, nearest))
        return np.asarray(np.asarray(found).mean(axis=1))
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (len(centres),) or not (np.isfinite(weights).all() and weights.min() > 0):
        raise SchemaError(
            f"weights must be {len(centres)} numbers above 0, one for each centre; got {weights.tolist()}."
        )
    best = np.full((len(points), nearest), np.inf)
    for centre, weight in zip(centres, weights / weights.max(), strict=True):
        far = np.sqrt(((points - centre) ** 2).sum(axis=1)) / weight
        best = np.sort(np.column_stack([best, far]), axis=1)[:, :nearest]
    return np.asarray(best.mean(axis=1))


def _beyond_less_within(ring: Ints, mass: Floats) -> Floats:
    """Mass of the rings farther out than each row, less that of the rings nearer."""
    by_ring = group_sum(ring, mass, int(ring.max(initial=-1)) + 1)
    upto = np.cumsum(by_ring)
    whole = upto[-1] if len(upto) else 0.0
    return np.asarray((whole - upto - (upto - by_ring))[ring])


def absolute_centralization(counts: Floats, area: Floats, distance_m: Floats) -> Estimate:
    r"""Absolute centralization, :math:`ACE = \sum_k X_{k-1}A_k - \sum_k X_k A_{k-1}`, cumulated outwards.

    *X* and *A* are the shares of the group and of the ground within each ring.  Between -1 (all at the rim) and 1
    (all at the centre); 0 where the group is spread as the ground.

    Parameters
    ----------
    counts : ndarray of float64, shape (row, 2)
        Persons of the group and of everyone else, in inhabited cells.
    area : ndarray of float64, shape (row,)
        Ground of each cell, above 0.
    distance_m : ndarray of float64, shape (row,)
        Distance to the centre, or as `centre_distance` gives it.

    Notes
    -----
    Duncan and Duncan (1955b), Am. J. Sociology 60; Massey and Denton (1988), Social Forces 67.

    Examples
    --------
    >>> absolute_centralization(np.array([[4.0, 0], [0, 4.0]]), np.ones(2), np.array([0.0, 1.0])).value
    0.5
    """
    x, everyone = counts[:, 0], float(counts[:, 0].sum())
    if everyone <= 0:
        return undefined(len(counts))
    gain = _beyond_less_within(rings_of(distance_m), area / area.sum())
    value = float(x @ gain) / everyone
    return Estimate(value, np.column_stack([(gain - value) / everyone, np.zeros_like(gain)]))


def relative_centralization(counts: Floats, distance_m: Floats) -> Estimate:
    r"""Relative centralization, :math:`RCE = \sum_k X_{k-1}Y_k - \sum_k X_k Y_{k-1}`.

    The share of the group that would have to change places to be as central as everyone else; 1 where every member
    lives nearer to the centre than anyone else, -1 where farther.

    Notes
    -----
    Duncan and Duncan (1955b); Massey and Denton (1988).

    Examples
    --------
    >>> relative_centralization(np.array([[4.0, 0], [0, 4.0]]), np.array([0.0, 1.0])).value
    1.0
    """
    all_x, all_y = (float(v) for v in counts.sum(axis=0))
    if not min(all_x, all_y) > 0:
        return undefined(len(counts))
    ring = rings_of(distance_m)
    of_x = _beyond_less_within(ring, counts[:, 1] / all_y)
    of_y = -_beyond_less_within(ring, counts[:, 0] / all_x)
    value = float(counts[:, 0] @ of_x) / all_x
    return Estimate(value, np.column_stack([(of_x - value) / all_x, (of_y - value) / all_y]))


@_jit
def _by_cell(start, ring, other, x, y):  # type: ignore[no-untyped-def]
    """Relative centralization of each list of neighbours, sorted outwards; NaN where one side is empty."""
    result = np.full(len(start) - 1, np.nan)
    for i in range(len(start) - 1):
        sum_x, sum_y, index = 0.0, 0.0, 0.0
        k = start[i]
        while k < start[i + 1]:
            here_x, here_y, this = 0.0, 0.0, ring[k]
            while k < start[i + 1] and ring[k] == this:
                here_x += x[other[k]]
                here_y += y[other[k]]
                k += 1
            index += sum_x * here_y - here_x * sum_y
            sum_x += here_x
            sum_y += here_y
        if sum_x > 0.0 and sum_y > 0.0:
            result[i] = index / (sum_x * sum_y)
    return result


def local_centralization(counts: Floats, points: Floats, radius_m: float) -> Floats:
    """Relative centralization of what lies around each cell, with the cell as the centre.

    Parameters
    ----------
    counts : ndarray of float64, shape (row, 2)
        Persons of the group and of everyone else, in inhabited cells.
    points : ndarray of float64, shape (row, 2 or 3)
        Places of the cells, metres.
    radius_m : float
        How far around, the edge included.

    Returns
    -------
    ndarray of float64, shape (row,)
        From -1 (the group lives at the rim) to 1 (at the cell); NaN where only one side lives within the radius.

    Notes
    -----
    Folch and Rey (2016), Papers in Regional Science 95(3), take the k nearest units: on a grid these depend on the
    order of the table, so all cells within a radius are taken.

    Examples
    --------
    >>> local_centralization(np.array([[4.0, 0], [0, 4.0]]), np.array([[0.0, 0.0], [1.0, 0.0]]), 1.0)
    array([ 1., -1.])
    """
    if not (np.isfinite(radius_m) and radius_m > 0):
        raise SchemaError(f"radius_m is {radius_m}: give a distance above 0 metres.")
    result = np.full(len(points), np.nan)
    if not len(points):
        return result
    tree = cKDTree(points)
    for begin in range(0, len(points), _CHUNK):
        part = points[begin : begin + _CHUNK]
        found = cKDTree(part).sparse_distance_matrix(tree, radius_m + MILLIMETRE / 2, output_type="ndarray")
        ring = np.rint(found["v"] / MILLIMETRE).astype(np.int64)
        order = np.lexsort((found["j"], ring, found["i"]))
        start = np.searchsorted(found["i"][order], np.arange(len(part) + 1))
        result[begin : begin + _CHUNK] = _by_cell(start, ring[order], found["j"][order], *counts.T.copy())
    return result
