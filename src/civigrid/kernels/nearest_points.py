"""The k nearest persons around points on the Earth: for cells that no array of rows and columns can hold.

Slower than rings of squares, and as exact: every search widens until the ring that crosses k lies within it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.spatial import KDTree

from civigrid.kernels.rings import unit_of, units
from civigrid.kernels.true_distances import along_ground
from civigrid.types import Bools, Floats, Ints

SAME_RING_M = 1e-3
"""Cells whose distances, in order, differ by less than this from one to the next are on one ring, metres."""
_PAIRS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Points:
    """Places on the Earth with their persons, as whole numbers of `unit`.

    `at` (place, 3) metres from the Earth's centre; `groups` (place, group).
    """

    at: Floats
    groups: Ints
    unit: float
    tree: KDTree

    @property
    def persons(self) -> float:
        """Persons of all places."""
        return float(self.groups.sum()) * self.unit


class CrossingPoints(NamedTuple):
    """Where neighbourhoods reach k persons.

    `distance` of the ring that crosses k, metres, shape (row,); `before` that of the last inhabited ring inside it, -1
    where there is none; `inside` and `ring` units of persons nearer, and on it, shape (row, group).
    """

    distance: Floats
    before: Floats
    inside: Ints
    ring: Ints


class _Near(NamedTuple):
    """Neighbours of some rows by distance, shape (row, neighbour)."""

    rows: Ints
    cell: Ints
    distance: Floats
    inside: Bools
    ring: Bools


def points_of(at: Floats, counts: Floats) -> Points:
    """Lay out places with persons, shape (place, group); NaN in any group: nobody known."""
    known = np.where(np.isfinite(counts.sum(axis=1, keepdims=True)), counts, 0.0)
    unit = unit_of(known)
    return Points(at, np.rint(known / unit).astype(np.int64), unit, KDTree(at))


def _near(points: Points, at: Floats, k: float) -> Iterator[_Near]:
    """Give neighbourhoods up to the end of the ring that crosses k, many rows at a time."""
    target = units(k, points.unit)
    everyone = points.groups.sum(axis=1)
    if target > everyone.sum():
        raise ValueError(f"these places hold {points.persons} persons, fewer than {k}.")
    n = len(points.at)
    many = min(n, 16 + int(1.5 * n * target / float(everyone.sum())))
    rows = np.arange(len(at))
    while len(rows):
        wider: list[Ints] = []
        step = max(_PAIRS_AT_ONCE // many, 1)
        for first in range(0, len(rows), step):
            some = rows[first : first + step]
            chord, cell = (np.asarray(part) for part in points.tree.query(at[some], k=range(1, many + 1)))
            distance = along_ground(chord)
            number = np.zeros(cell.shape, dtype=np.int64)
            number[:, 1:] = np.cumsum(np.diff(distance, axis=1) > SAME_RING_M, axis=1)
            running = np.cumsum(everyone[cell], axis=1)
            place = np.minimum((running < target).sum(axis=1), many - 1)
            crossing = number[np.arange(len(some)), place]
            whole = (running[:, -1] >= target) & (number[:, -1] > crossing) | (many == n)
            ring = number == crossing[:, None]
            found = _Near(some, cell, distance, number < crossing[:, None], ring)
            yield _Near(*(part[whole] for part in found))
            wider.append(some[~whole])
        rows, many = np.concatenate(wider), min(2 * many, n)


def crossing_points(points: Points, at: Floats, k: float) -> CrossingPoints:
    """Find the ring that crosses k persons around each place.

    Parameters
    ----------
    points : Points
        Places with persons.
    at : ndarray of float64, shape (row, 3)
        From `on_earth`: where it is asked.
    k : float
        Persons to reach; the points hold them.

    Returns
    -------
    CrossingPoints
        Exact; the same whatever the order of rows.

    Examples
    --------
    >>> from civigrid.kernels.true_distances import on_earth
    >>> at = on_earth(np.array([10.0, 10.01, 10.1]), np.array([50.0, 50.0, 50.0]))
    >>> found = crossing_points(points_of(at, np.array([[5.0], [2.0], [4.0]])), at, 6)
    >>> found.distance.round(), found.ring[:, 0]
    (array([ 717.,  717., 6453.]), array([2, 5, 2]))
    """
    groups = points.groups.shape[1]
    result = CrossingPoints(
        np.empty(len(at)),
        np.empty(len(at)),
        np.empty((len(at), groups), np.int64),
        np.empty((len(at), groups), np.int64),
    )
    inhabited = points.groups.sum(axis=1) > 0
    for near in _near(points, at, k):
        here = points.groups[near.cell]
        result.inside[near.rows] = (here * near.inside[..., None]).sum(axis=1)
        result.ring[near.rows] = (here * near.ring[..., None]).sum(axis=1)
        result.distance[near.rows] = np.where(near.ring, near.distance, 0.0).max(axis=1)
        known = near.inside & inhabited[near.cell]
        result.before[near.rows] = np.where(known, near.distance, -1.0).max(axis=1)
    return result


def sums_inside(points: Points, at: Floats, k: float, values: Floats) -> tuple[Floats, Floats]:
    """Sum values of the places, shape (place, column), inside and on the rings that cross k, shape (row, column)."""
    inside, ring = np.empty((len(at), values.shape[1])), np.empty((len(at), values.shape[1]))
    for near in _near(points, at, k):
        here = values[near.cell]
        inside[near.rows] = (here * near.inside[..., None]).sum(axis=1)
        ring[near.rows] = (here * near.ring[..., None]).sum(axis=1)
    return inside, ring


def back_to_points(points: Points, at: Floats, k: float, part: Floats, values: Floats) -> Floats:
    """Take values of neighbourhoods, shape (row, column), back to the places that make them: transposed weights.

    Places on the ring that crosses k weigh `part`, shape (row,), those inside 1.
    """
    result = np.zeros((len(points.at), values.shape[1]))
    for near in _near(points, at, k):
        weight = near.inside + near.ring * part[near.rows, None]
        for m in range(values.shape[1]):
            # the columns of one row hold each place once
            given = (weight * values[near.rows, m, None]).ravel()
            result[:, m] += np.bincount(near.cell.ravel(), given, minlength=len(result))
    return result
