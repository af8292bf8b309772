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
import numpy.typing as npt

from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)
_NODES = 128
"""Points at which the divergence of the extreme city is looked at for each group, by Gauss and Legendre's rule."""
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

    `at` (cell, axis) places; `groups` (cell, group) persons; `ring_of` (rows apart, columns apart) number of the ring
    and `distance` (ring,), both empty where cells are sorted; `order` (cell,) row after row, and `starts` (row + 1,) of
    the rows in it; cells whose distances differ by less than `same` are on one ring; `persons` per unit of `groups`.
    """

    at: Floats
    groups: Ints
    ring_of: npt.NDArray[np.uint32]
    order: Ints
    starts: Ints
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
    at = np.ascontiguousarray(at, dtype=np.float64)
    none = np.empty(0, dtype=np.int64)
    unsorted = City(at, groups, np.empty((0, 0), dtype=np.uint32), none, none, np.empty(0), same, persons)
    if not squares or not len(at):
        return unsorted
    at = at - at.min(axis=0)
    high, wide = (int(v) + 1 for v in at.max(axis=0))
    if high * wide > 16 * _RINGS_PER_CELL * len(at):
        return unsorted._replace(at=at)
    square = np.arange(high)[:, None] ** 2 + np.arange(wide) ** 2
    rings, number = np.unique(square, return_inverse=True)
    order = np.lexsort((at[:, 1], at[:, 0])).astype(np.int64)
    starts = np.searchsorted(at[order, 0], np.arange(high + 1)).astype(np.int64)
    ring_of = number.reshape(square.shape).astype(np.uint32)
    return City(at, groups, ring_of, order, starts, np.sqrt(rings), 0.0, persons)


@_jit
def _by_table(cols, groups, ring_of, starts, row, col, sums):  # type: ignore[no-untyped-def]
    """Put all cells, row after row, on the rings around a place."""
    sums[:] = 0
    many = groups.shape[1]
    for r in range(len(starts) - 1):
        ring_at = ring_of[abs(r - row)]
        for j in range(starts[r], starts[r + 1]):
            # numbers without a sign need no look for it
            ring, cell = ring_at[np.uint32(abs(cols[j] - col))], np.uint32(j)
            if many == 3:
                sums[ring, 0] += groups[cell, 0]
                sums[ring, 1] += groups[cell, 1]
                sums[ring, 2] += groups[cell, 2]
            else:
                for m in range(many):
                    sums[ring, m] += groups[cell, m]
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
def _rings_of(city, i, sums, far):  # type: ignore[no-untyped-def]
    """Put all cells on the rings around cell i; give how many rings there are."""
    at, groups, ring_of, starts, cols, same = city
    if len(starts) > 0:
        return _by_table(cols, groups, ring_of, starts, np.int64(at[i, 0]), np.int64(at[i, 1]), sums)
    return _by_sorting(at, groups, i, same, sums, far)


@_jit
def _divergence(near, part, inverse):  # type: ignore[no-untyped-def]
    """Divergence of persons, each of whom is a `part` of them all, from shares given by their inverse."""
    found = 0.0
    for m in range(len(near)):
        if near[m] > 0:
            share = near[m] * part
            found += share * np.log(share * inverse[m])
    # everyone is the whole but for rounding
    return found if found > 1e-15 else 0.0


@_jit
def _follow(city, distance, origin, reference, threshold, total, found):  # type: ignore[no-untyped-def]
    """Fill for each origin: mean divergence, mean of 1/persons, distance and persons of convergence (in units)."""
    groups = city[1].shape[1]
    rings = len(distance) if len(distance) > 0 else len(city[0])
    sums, near = np.zeros((rings, groups), dtype=np.int64), np.zeros(groups, dtype=np.int64)
    far = distance if len(distance) > 0 else np.zeros(rings)
    for o in range(len(origin)):
        many = _rings_of(city, origin[o], sums, far)
        near[:] = 0
        persons, area, inverse, open_ = np.int64(0), 0.0, 0.0, True
        share = 1 / reference[o]
        for ring in range(many):
            here = np.int64(0)
            for m in range(groups):
                here += sums[ring, m]
                near[m] += sums[ring, m]
            if here == 0:
                continue
            persons += here
            part = 1.0 / persons
            divergence = _divergence(near, part, share)
            area += divergence * here
            inverse += here * part
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


def _laid_out(city: City) -> tuple[Any, ...]:
    """Give what kernels take: with rings known beforehand, cells as they are visited, row after row."""
    if not len(city.order):
        return city.at, city.groups, city.ring_of, city.starts, city.order, city.same
    cols = city.at[city.order, 1].astype(np.int64)
    return city.at, city.groups[city.order], city.ring_of, city.starts, cols, city.same


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
    _follow(_laid_out(city), city.distance, origin, reference, threshold, total, found)
    there = int((city.groups.sum(axis=0) > 0).sum())
    expected = (there - 1) / 2 * (found[:, 1] - 1 / total) / city.persons
    return Summary(found[:, 0], np.maximum(expected, 0.0), found[:, 2], found[:, 3] * city.persons)


@_jit
def _one(city, distance, i, reference):  # type: ignore[no-untyped-def]
    groups = city[1].shape[1]
    rings = len(distance) if len(distance) > 0 else len(city[0])
    sums, near = np.zeros((rings, groups), dtype=np.int64), np.zeros(groups, dtype=np.int64)
    far = distance if len(distance) > 0 else np.zeros(rings)
    many = _rings_of(city, i, sums, far)
    found, n, persons = np.empty((many, 3)), 0, np.int64(0)
    for ring in range(many):
        here = sums[ring].sum()
        if here > 0:
            near += sums[ring]
            persons += here
            found[n, 0], found[n, 1] = far[ring], persons
            found[n, 2] = _divergence(near, 1.0 / persons, 1 / reference)
            n += 1
    return found[:n]


def trajectory(city: City, origin: int, reference: Floats) -> Floats:
    """Follow one trajectory: distance, persons gathered and divergence at each inhabited ring, shape (ring, 3).

    >>> city = city_of(np.array([[0.0, 0.0], [0.0, 2.0]]), np.array([[1, 0], [0, 1]]), 1.0, squares=True)
    >>> trajectory(city, 0, np.array([0.5, 0.5])).round(3)
    array([[0.   , 1.   , 0.693],
           [2.   , 2.   , 0.   ]])
    """
    found = _one(_laid_out(city), city.distance, origin, reference)
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

    # nodes crowd where a group begins to be met: the logarithm there is steep
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    step = (node + 1) / 2
    along, weight = step**4, 2 * step**3 * weight
    area = 0.0
    for (low, high), p in zip(pairwise(ends), ordered, strict=True):
        x = low + (high - low) * along
        part = (high - low) * along / x
        area += (high - low) * float(weight @ (part * np.log(part / p) - low / x * np.log(x)))
    return max(float(area), 0.0)
