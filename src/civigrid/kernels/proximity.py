r"""Who is near whom: sums of counts under a proximity :math:`c_{ij}`, cell by cell.

A proximity is an operator, never a table of all pairs: on square cells a product of Fourier transforms in tiles, on
points a loop over true distances, for contiguity a sparse matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numba
import numpy as np
from scipy import fft, sparse
from scipy.spatial import cKDTree

from civigrid.errors import SchemaError
from civigrid.kernels.convolution import Kernel, kernel_weights, spectrum
from civigrid.types import Floats, Ints

DECAYS = 36.0
"""Decay lengths after which exp(-d) is cut off: the rest weighs 1e-14 of the whole, as little as rounding."""
TILE = 512
"""Side of a tile's transform: the least that stays in a processor's cache and wastes little on the halo."""
MOST_POINTS = 20_000
"""Points whose every pair is looked at; beyond, `reach_m` must say where nearness ends."""
_CHUNK = 2_000
_jit: Any = numba.njit(cache=True, nogil=True)


class Proximity(NamedTuple):
    """How near cells are to each other.

    `around` sums columns of counts, shape (row, column), over all cells by nearness, the cell itself included; `own`
    is the nearness of the people of one cell, shape (row,).
    """

    around: Callable[[Floats], Floats]
    own: Floats


def _checked(decay_m: float, side_m: float, self_distance: float) -> None:
    if not (np.isfinite(decay_m) and decay_m > 0):
        raise SchemaError(f"decay_m is {decay_m}: a decay length is above 0 metres.")
    if decay_m < side_m / 10:
        raise SchemaError(
            f"decay_m is {decay_m:g} m on cells of {side_m:g} m: people of the next cell would be no neighbours at "
            f"all. Give {side_m / 10:g} m or more, or take finer cells."
        )
    if not (np.isfinite(self_distance) and self_distance >= 0):
        raise SchemaError(f"self_distance is {self_distance}: give a share of a cell's side, 0 or more; usual is 0.6.")


def square_proximity(
    row: Ints, col: Ints, cell_size_m: float, decay_m: float, *, self_distance: float = 0.6
) -> Proximity:
    r"""Nearness of square cells, :math:`c_{ij} = \exp(-d_{ij}/b)` between centres, by Fourier transforms in tiles.

    Parameters
    ----------
    row, col : ndarray of int64, shape (cell,)
        Places of the cells, each once.
    cell_size_m : float
        Side of a cell, metres.
    decay_m : float
        Decay length *b*, metres; at least a tenth of a side.
    self_distance : float
        Distance between people of one cell, in sides.

    Returns
    -------
    Proximity
        Cut off after `DECAYS` decay lengths, where what is left weighs 1e-14.

    Raises
    ------
    SchemaError
        A decay length or a distance that means nothing.

    Notes
    -----
    White (1983), Am. J. Sociology 88: distance decay and :math:`0.6\sqrt{a}` inside a cell.  Overlap-save: Stockham
    (1966).

    Examples
    --------
    >>> near = square_proximity(np.array([0, 0]), np.array([0, 1]), 1000, 1000, self_distance=0)
    >>> near.around(np.array([[1.0], [0.0]])).ravel().round(6)
    array([1.      , 0.367879])
    """
    _checked(decay_m, cell_size_m, self_distance)
    if not len(row):
        return Proximity(lambda values: values, np.empty(0))
    row, col = row - row.min(), col - col.min()
    height, width = int(row.max(initial=0)) + 1, int(col.max(initial=0)) + 1
    farthest = float(np.hypot(height, width)) * cell_size_m
    weights = kernel_weights(Kernel("exponential", min(DECAYS * decay_m, farthest), decay_m), cell_size_m)
    own = float(np.exp(-self_distance * cell_size_m / decay_m))
    tiles = _Tiles(row, col, weights)

    def around(values: Floats) -> Floats:
        return tiles.sums(values) + (own - 1) * values

    return Proximity(around, np.full(len(row), own))


class _Axis(NamedTuple):
    """Tiles along one axis: where their own cells start, how many each has, the halo, and the transform's length."""

    starts: range
    inner: int
    halo: int
    length: int
    reach: int


def _axis(cells: int, reach: int) -> _Axis:
    reach = min(reach, cells - 1)
    length = fft.next_fast_len(max(TILE, 4 * reach), real=True)
    whole = fft.next_fast_len(cells + reach, real=True)
    if whole <= length:
        return _Axis(range(0, cells, cells), cells, 0, whole, reach)
    inner = length - 2 * reach
    return _Axis(range(0, cells, inner), inner, reach, length, reach)


class _Tiles:
    """Sums under a symmetric kernel, tile after tile: only tiles with cells are transformed, and none is kept."""

    def __init__(self, row: Ints, col: Ints, weights: Floats) -> None:
        middle = len(weights) // 2
        self.down, self.along = (_axis(int(v.max(initial=0)) + 1, middle) for v in (row, col))
        y, x = self.down.reach, self.along.reach
        cut = weights[middle - y : middle + y + 1, middle - x : middle + x + 1]
        self.waves = spectrum(cut, (self.down.length, self.along.length))
        self.order = np.lexsort((col, row))
        self.row, self.col = row[self.order], col[self.order]

    def sums(self, values: Floats) -> Floats:
        """Sum columns of counts around each cell."""
        result = np.empty_like(values)
        for at, window, (y, x) in self._windows(values[self.order]):
            sums = fft.irfft2(fft.rfft2(window) * self.waves, s=window.shape[1:])
            result[self.order[at]] = sums[:, y, x].T
        return result

    def _windows(self, values: Floats) -> Iterator[tuple[Ints, Floats, tuple[Ints, Ints]]]:
        """Give each tile's own cells, its dense array with its halo, and where its cells lie in it."""
        down, along = self.down, self.along
        width = (len(along.starts) - 1) * along.inner + along.length
        for top in down.starts:
            first, own_first, own_last, last = np.searchsorted(
                self.row, [top - down.halo, top, top + down.inner, top - down.halo + down.length]
            )
            if own_first == own_last:
                continue
            strip = np.zeros((values.shape[1], down.length, width))
            at = slice(first, last)
            strip[:, self.row[at] - top + down.halo, self.col[at] + along.halo] = values[at].T
            tile = self.col[own_first:own_last] // along.inner
            by_tile = np.argsort(tile, kind="stable")
            bounds = np.searchsorted(tile[by_tile], np.arange(len(along.starts) + 1))
            for number, left in enumerate(along.starts):
                own = own_first + by_tile[bounds[number] : bounds[number + 1]]
                if len(own):
                    place = (self.row[own] - top + down.halo, self.col[own] - left + along.halo)
                    yield own, strip[:, :, left : left + along.length], place


@_jit
def _square(a, b):  # type: ignore[no-untyped-def]
    square = 0.0
    for k in range(a.shape[0]):
        square += (a[k] - b[k]) ** 2
    return square


@_jit
def _distance(a, b, radius):  # type: ignore[no-untyped-def]
    """Straight distance, or along a sphere of this radius."""
    chord = np.sqrt(_square(a, b))
    return chord if radius == 0.0 else 2.0 * radius * np.arcsin(min(chord / (2.0 * radius), 1.0))


@_jit
def _all_pairs(points, values, own, decay, radius):  # type: ignore[no-untyped-def]
    result, farthest = np.zeros_like(values), (DECAYS * decay) ** 2
    for i in range(len(points)):
        for k in range(values.shape[1]):
            result[i, k] += own[i] * values[i, k]
        for j in range(i):
            # beyond, people are as near as rounding: neither a root nor an exponential is taken of them
            if _square(points[i], points[j]) > farthest:
                continue
            near = np.exp(-_distance(points[i], points[j], radius) / decay)
            for k in range(values.shape[1]):
                result[i, k] += near * values[j, k]
                result[j, k] += near * values[i, k]
    return result


def point_proximity(
    points: Floats,
    area_m2: Floats,
    decay_m: float,
    *,
    self_distance: float = 0.6,
    radius_m: float = 0.0,
    reach_m: float | None = None,
) -> Proximity:
    r"""Nearness of places by true distances, :math:`c_{ij} = \exp(-d_{ij}/b)`.

    Parameters
    ----------
    points : ndarray of float64, shape (row, 2 or 3)
        Places, metres: in a plane, or on a sphere around the origin.
    area_m2 : ndarray of float64, shape (row,)
        Areas of their cells, m2.
    decay_m, self_distance : float
        As for `square_proximity`; a side is the root of the area.
    radius_m : float
        Radius of the sphere, metres: distances follow it; 0: the places lie in a plane.
    reach_m : float, optional
        Distance beyond which nobody is near; by default every pair counts, for `MOST_POINTS` places at most.

    Raises
    ------
    SchemaError
        More places than that and no `reach_m`.

    Examples
    --------
    >>> near = point_proximity(np.array([[0.0, 0.0], [0.0, 900.0]]), np.full(2, 1e6), 900.0, self_distance=0)
    >>> near.around(np.array([[1.0], [0.0]])).ravel().round(6)
    array([1.      , 0.367879])
    """
    side = np.sqrt(area_m2)
    _checked(decay_m, float(np.median(side)) if len(side) else 0.0, self_distance)
    own = np.exp(-self_distance * side / decay_m)
    if reach_m is None:
        if len(points) > MOST_POINTS:
            raise SchemaError(
                f"{len(points)} cells that are no squares make {len(points) ** 2:.1e} pairs. Give reach_m, the distance"
                f" beyond which nobody is near (10 decay lengths, {10 * decay_m:g} m, leave out 0.05 %), or zones."
            )
        return Proximity(lambda values: np.asarray(_all_pairs(points, values, own, decay_m, radius_m)), own)
    chord = reach_m if radius_m == 0 else 2 * radius_m * np.sin(min(reach_m / (2 * radius_m), np.pi / 2))

    def around(values: Floats) -> Floats:
        tree, result = cKDTree(points), np.empty_like(values)
        for start in range(0, len(points), _CHUNK):
            part = slice(start, start + _CHUNK)
            found = cKDTree(points[part]).sparse_distance_matrix(tree, chord, output_type="coo_matrix")
            along = found.data if radius_m == 0 else 2 * radius_m * np.arcsin(found.data / (2 * radius_m))
            near = sparse.csr_array((np.exp(-along / decay_m), (found.row, found.col)), shape=found.shape)
            # a place is no distance from itself, and how near its own people are is told apart
            result[part] = near @ values + (own[part] - 1)[:, None] * values[part]
        return result

    return Proximity(around, own)


def touching(first: Ints, second: Ints, rows: int, *, own: float = 1.0) -> Proximity:
    """Nearness by contact: 1 for cells that touch, `own` inside a cell, else 0.

    `first` and `second` hold each touching pair once, as row numbers.

    >>> touching(np.array([0]), np.array([1]), 3).around(np.array([[1.0], [2.0], [4.0]])).ravel()
    array([3., 3., 4.])
    """
    ones = np.ones(len(first))
    half = sparse.csr_array((ones, (first, second)), shape=(rows, rows))
    near = half + half.T + sparse.diags_array(np.full(rows, own))
    return Proximity(lambda values: np.asarray(near @ values), np.full(rows, own))
