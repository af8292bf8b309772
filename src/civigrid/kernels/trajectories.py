r"""How the composition around a place comes to be that of the whole, person after person: divergence at all scales.

The neighbourhood of a cell grows ring by ring until it holds everyone; at each ring the divergence of Kullback and
Leibler from a reference, :math:`\sum_m q_m\ln(q_m/P_m)`, says how far its composition lies from it.  All cells of a
ring enter together, so that no order of rows matters.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numba
import numpy as np
from scipy.integrate import quad

from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)
_RINGS_PER_CELL = 4
"""Where there are more rings than this per cell, cells are sorted by distance instead of put into rings."""


class Summary(NamedTuple):
    """Trajectories in short, shape (origin,) each.

    `distortion` mean divergence over persons, nats; `expected` what chance alone makes of it; `distance` of the ring
    from which on the divergence stays below the threshold, and `persons` within it, both NaN where it never does.
    """

    distortion: Floats
    expected: Floats
    distance: Floats
    persons: Floats


class City(NamedTuple):
    """Cells and their rings.

    `at` (cell, axis) places; `groups` (cell, group) persons; `ring_of` (rows apart, columns apart) number of the ring,
    empty where cells are sorted; `distance` (ring,); `same` cells whose distances differ by less are on one ring;
    `persons` per unit of `groups`.
    """

    at: Floats
    groups: Ints
    ring_of: Ints
    distance: Floats
    same: float
    persons: float


def city_of(at: Floats, groups: Ints, persons: float, *, squares: bool, same: float = 0.0) -> City:
    """Lay out a city.

    Parameters
    ----------
    at : ndarray of float64, shape (cell, axis)
        Places; of squares: rows and columns, whole numbers.
    groups : ndarray of int64, shape (cell, group)
        Persons, in units; cells without any are left out before.
    persons : float
        Persons per unit.
    squares : bool
        Whether places are rows and columns of squares, whose rings are known beforehand.
    same : float
        Cells whose distances, in order, differ by no more than this are on one ring.

    Returns
    -------
    City
        Where the box around squares has few rings: with their table.
    """
    nothing = np.empty((0, 0), dtype=np.int64), np.empty(0)
    if not squares or not len(at):
        return City(np.ascontiguousarray(at, dtype=np.float64), groups, *nothing, same, persons)
    at = at - at.min(axis=0)
    high, wide = (int(v) + 1 for v in at.max(axis=0))
    if high * wide > 16 * _RINGS_PER_CELL * len(at):
        return City(at, groups, *nothing, 0.0, persons)
    square = np.arange(high)[:, None] ** 2 + np.arange(wide) ** 2
    rings, ring_of = np.unique(square, return_inverse=True)
    return City(at, groups, ring_of.reshape(square.shape).astype(np.int64), np.sqrt(rings), 0.0, persons)


@_jit
def _by_table(at, groups, ring_of, i, sums):  # type: ignore[no-untyped-def]
    """Put all cells on the rings around cell i."""
    sums[:] = 0
    row, col = np.int64(at[i, 0]), np.int64(at[i, 1])
    for j in range(len(at)):
        ring = ring_of[abs(np.int64(at[j, 0]) - row), abs(np.int64(at[j, 1]) - col)]
        for m in range(groups.shape[1]):
            sums[ring, m] += groups[j, m]
    return len(sums)


@_jit
def _by_sorting(at, groups, i, same, sums, distance):  # type: ignore[no-untyped-def]
    """Put all cells on rings by their distances from cell i; give how many rings there are."""
    n = len(at)
    apart = np.zeros(n)
    for j in range(n):
        for axis in range(at.shape[1]):
            apart[j] += (at[j, axis] - at[i, axis]) ** 2
    order = np.argsort(apart)
    sums[:] = 0
    ring, last = -1, -1.0
    for j in order:
        here = np.sqrt(apart[j])
        if ring < 0 or here - last > same:
            ring += 1
            distance[ring] = here
        last = here
        for m in range(groups.shape[1]):
            sums[ring, m] += groups[j, m]
    return ring + 1


@_jit
def _divergence(near, persons, reference):  # type: ignore[no-untyped-def]
    found = 0.0
    for m in range(len(near)):
        if near[m] > 0:
            share = near[m] / persons
            found += share * np.log(share / reference[m])
    return max(found, 0.0)


@_jit
def _follow(at, groups, ring_of, distance, same, origin, reference, threshold, total, found):  # type: ignore[no-untyped-def]
    """Fill for each origin: mean divergence, mean of 1/persons, distance and persons of convergence (in units)."""
    table = len(distance) > 0
    rings = len(distance) if table else len(at)
    sums = np.zeros((rings, groups.shape[1]), dtype=np.int64)
    far = distance if table else np.zeros(rings)
    for o in range(len(origin)):
        if table:
            many = _by_table(at, groups, ring_of, origin[o], sums)
        else:
            many = _by_sorting(at, groups, origin[o], same, sums, far)
        near = np.zeros(groups.shape[1], dtype=np.int64)
        persons, area, inverse, open_ = np.int64(0), 0.0, 0.0, True
        for ring in range(many):
            here = sums[ring].sum()
            if here == 0:
                continue
            near += sums[ring]
            persons += here
            divergence = _divergence(near, persons, reference[o])
            area += divergence * here
            inverse += here / persons
            if divergence >= threshold:
                open_ = True
            elif open_:
                open_ = False
                found[o, 2], found[o, 3] = far[ring], persons
            if persons == total:
                break
        found[o, 0], found[o, 1] = area / total, inverse / total
        if open_:
            found[o, 2], found[o, 3] = np.nan, np.nan


def summaries(city: City, origin: Ints, reference: Floats, threshold: float) -> Summary:
    r"""Follow the trajectories of some cells.

    Parameters
    ----------
    city : City
        From `city_of`.
    origin : ndarray of int64, shape (origin,)
        Cells they begin at.
    reference : ndarray of float64, shape (origin, group)
        Composition they are compared with; above 0 where anybody is of a group.
    threshold : float
        Divergence below which a neighbourhood looks like the reference, nats.

    Returns
    -------
    Summary
        The same to the bit whatever the order of cells.

    Notes
    -----
    Olteanu, Randon-Furling and Clark (2019), PNAS 116(25); the area under a trajectory is taken over
    persons instead of units, :math:`\Delta_i = \sum_r t_r\,KL(q_{i,\le r}\|P) / T`: the mean over all persons of the
    divergence of everyone who lives as near as they do.  It does not depend on how persons are put into units.
    Chance makes :math:`(G-1)/2\cdot(1/n - 1/T)` of a divergence of *n* of *T* persons (Miller 1955).

    Examples
    --------
    >>> city = city_of(np.array([[0.0, 0.0], [0.0, 1.0]]), np.array([[1, 0], [0, 1]]), 1.0, squares=True)
    >>> summaries(city, np.array([0]), np.array([[0.5, 0.5]]), 0.1).distortion.round(6)
    array([0.346574])
    """
    total = int(city.groups.sum())
    found = np.empty((len(origin), 4))
    _follow(city.at, city.groups, city.ring_of, city.distance, city.same, origin, reference, threshold, total, found)
    there = int((city.groups.sum(axis=0) > 0).sum())
    expected = (there - 1) / 2 * (found[:, 1] - 1 / total) / city.persons
    return Summary(found[:, 0], np.maximum(expected, 0.0), found[:, 2], found[:, 3] * city.persons)


@_jit
def _one(at, groups, ring_of, distance, same, i, reference):  # type: ignore[no-untyped-def]
    table = len(distance) > 0
    rings = len(distance) if table else len(at)
    sums = np.zeros((rings, groups.shape[1]), dtype=np.int64)
    far = distance if table else np.zeros(rings)
    many = _by_table(at, groups, ring_of, i, sums) if table else _by_sorting(at, groups, i, same, sums, far)
    near = np.zeros(groups.shape[1], dtype=np.int64)
    found, n, persons = np.empty((many, 3)), 0, np.int64(0)
    for ring in range(many):
        here = sums[ring].sum()
        if here > 0:
            near += sums[ring]
            persons += here
            found[n, 0], found[n, 1] = far[ring], persons
            found[n, 2] = _divergence(near, persons, reference)
            n += 1
    return found[:n]


def trajectory(city: City, origin: int, reference: Floats) -> Floats:
    """Follow one trajectory: distance, persons gathered and divergence at each inhabited ring, shape (ring, 3).

    >>> city = city_of(np.array([[0.0, 0.0], [0.0, 2.0]]), np.array([[1, 0], [0, 1]]), 1.0, squares=True)
    >>> trajectory(city, 0, np.array([0.5, 0.5])).round(3)
    array([[0.   , 1.   , 0.693],
           [2.   , 2.   , 0.   ]])
    """
    found = _one(city.at, city.groups, city.ring_of, city.distance, city.same, origin, reference)
    return np.asarray(found * [1.0, city.persons, 1.0])


def mean_by_scales(scales: Floats, divergence: Floats, persons: float) -> Floats:
    """Mean over persons of divergences at some scales, straight lines over the logarithm of persons between them.

    Parameters
    ----------
    scales : ndarray of float64, shape (scale,)
        Nearest persons, growing; up to the first of them the divergence is as there.
    divergence : ndarray of float64, shape (scale, origin)
        Divergence of their composition.
    persons : float
        Everyone: the last scale, but for a part of a person.

    Returns
    -------
    ndarray of float64, shape (origin,)

    Examples
    --------
    >>> mean_by_scales(np.array([1.0, 10.0]), np.array([[2.0], [2.0]]), 10.0)
    array([2.])
    """
    area = scales[0] * divergence[0]
    for low, high, one, other in zip(scales, scales[1:], divergence, divergence[1:], strict=False):
        area = area + high * other - low * one - (high - low) / np.log(high / low) * (other - one)
    return np.asarray(area / persons)


def extreme_distortion(share: Floats) -> float:
    r"""Give the area under the trajectory of the extreme city, nats: what distortions are divided by.

    Somebody of the smallest group there meets everyone of it first, then everyone of the next larger group, and the
    largest group last.  With a part *x* of all persons met, *S* of them of groups that are complete, its divergence is
    :math:`\frac Sx\ln\frac1x + \frac{x-S}{x}\ln\frac{x-S}{xP_g}`.

    Parameters
    ----------
    share : ndarray of float64, shape (group,)
        Shares of the groups in the whole.

    Returns
    -------
    float
        0 where there is one group alone.

    Notes
    -----
    The normalisation of Olteanu, Randon-Furling and Clark (2019), for persons.

    Examples
    --------
    >>> round(extreme_distortion(np.array([0.5, 0.5])), 6)
    0.411234
    """
    ordered = np.sort(share[share > 0])
    ends = np.concatenate([[0.0], np.cumsum(ordered)])
    ends[-1] = 1.0

    def divergence(x: float, done: float, p: float) -> float:
        part = (x - done) / x
        rest = part * np.log(part / p) if part > 0 else 0.0
        return float(rest - done / x * np.log(x))

    area = 0.0
    for (low, high), p in zip(pairwise(ends), ordered, strict=True):
        area += quad(divergence, low, high, args=(low, p), epsabs=1e-13, epsrel=1e-11, limit=200)[0] if p < 1 else 0.0
    return area
