"""Sums under a kernel by true distances on the Earth: for cells that no array of rows and columns can hold.

Hexagons of H3 lie on the sphere, and distances in any plane stretch towards the edges of a continent.  Distances here
are along the ellipsoid, whatever the rings of cells: a pentagon is a place like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import KDTree

from civigrid.kernels.convolution import STEP, Kernel, cleaned, in_steps
from civigrid.types import Floats, Ints

_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth, metres (Moritz 2000)."""
_AXIS_M, _E2 = 6_378_137.0, 0.006_694_379_990_141_316
"""Half axis, metres, and squared eccentricity of WGS 84."""
_STEPS = np.array([[STEP]])
PAIRS_AT_ONCE = 4_000_000
"""Pairs of neighbours held in memory together."""


def on_earth(longitude: Floats, latitude: Floats) -> Floats:
    """Give places on the ellipsoid WGS 84, metres from the Earth's centre, shape (n, 3), from degrees."""
    lon, lat = np.radians(longitude), np.radians(latitude)
    across = _AXIS_M / np.sqrt(1 - _E2 * np.sin(lat) ** 2)
    return np.stack(
        [
            across * np.cos(lat) * np.cos(lon),
            across * np.cos(lat) * np.sin(lon),
            across * (1 - _E2) * np.sin(lat),
        ],
        axis=-1,
    )


def along_ground(chord_m: Floats) -> Floats:
    """Distance along the ground from that straight through it, metres; right to 1e-7 up to 100 km, 1e-5 up to 1,000.

    >>> along_ground(np.array([0.0, 100_000.0])).round(1)
    array([     0., 100001.])
    """
    return np.asarray(2 * _RADIUS_M * np.arcsin(np.minimum(chord_m / (2 * _RADIUS_M), 1.0)))


def _pairs(tree: KDTree, at: Floats, reach_m: float) -> Iterator[tuple[Ints, Ints, Ints, Floats]]:
    """Give rows of `at`, and their pairs (row, neighbour, distance), some rows at a time."""
    if reach_m >= np.pi * _RADIUS_M:
        chord = np.inf
    else:
        # pairs at the very edge are sorted out by their true distance
        chord = 2 * _RADIUS_M * np.sin(reach_m / (2 * _RADIUS_M)) * (1 + 1e-5) + 1e-3
    many = np.minimum(np.cumsum(tree.query_ball_point(at, chord, return_length=True)), 2**62)
    first = 0
    while first < len(at):
        before = many[first - 1] if first else 0
        last = max(int(np.searchsorted(many, before + PAIRS_AT_ONCE, side="right")), first + 1)
        rows = np.arange(first, last)
        found = KDTree(at[rows]).sparse_distance_matrix(tree, chord, output_type="ndarray")
        yield rows, found["i"], found["j"], along_ground(found["v"])
        first = last


def sums_on_earth(places: Floats, values: Floats, kernels: Sequence[tuple[Kernel, int]], at: Floats) -> Floats:
    """Sum what lies around places, by weight.

    Parameters
    ----------
    places : ndarray of float64, shape (place, 3)
        From `on_earth`.
    values : ndarray of float64, shape (place, column)
        Counts, or derivatives by them.
    kernels : sequence of (Kernel, int)
        Kernels, and the power of their weights: 2 for what chance makes.  Weights are in steps of `STEP`.
    at : ndarray of float64, shape (row, 3)
        Where sums are asked for.

    Returns
    -------
    ndarray of float64, shape (kernel, row, column)
        Exact where counts are whole.

    Examples
    --------
    >>> places = on_earth(np.array([10.0, 10.01, 10.1]), np.array([50.0, 50.0, 50.0]))
    >>> sums_on_earth(places, np.ones((3, 1)), [(Kernel("uniform", 1000), 1)], places)[0, :, 0]
    array([2., 2., 1.])
    """
    result = np.zeros((len(kernels), len(at), values.shape[1]))
    if not (len(at) and len(places)):
        return result
    tree = KDTree(places)
    for rows, i, j, distance in _pairs(tree, at, max(k.radius_m for k, _ in kernels)):
        for number, (kernel, power) in enumerate(kernels):
            weight = in_steps(in_steps(kernel(distance)) ** power)
            near = weight > 0
            matrix = csr_array((weight[near], (i[near], j[near])), shape=(len(rows), len(places)))
            matrix.sort_indices()
            result[number, rows] = cleaned(np.asarray(matrix @ values), _STEPS, values)
    return result
