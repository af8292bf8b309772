"""Who lives around, on square cells: kernels in metres, and sums of dense arrays under them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from civigrid.errors import SchemaError, unknown_name
from civigrid.types import Floats

STEP = 2.0**-22
"""Weights in whole steps of this size make sums of whole persons exact, whatever the route and the order."""
_FEW_ROWS = 4
"""Radius in cells up to which a disc is summed row by row: beyond it transforms are cheaper."""

SHAPES: dict[str, Callable[[Floats, Floats | float], Floats]] = {
    "uniform": lambda near, _: np.ones_like(near),
    "triangular": lambda near, _: 1 - near,
    "biweight": lambda near, _: (1 - near**2) ** 2,
    "gaussian": lambda _, decay: np.exp(-(np.asarray(decay) ** 2) / 2),
    "exponential": lambda _, decay: np.exp(-np.asarray(decay)),
}
"""Weight at a distance, from the distance in radii and in decay lengths; inside the radius."""
DECAYING = ("gaussian", "exponential")


@dataclass(frozen=True)
class Kernel:
    r"""How much a person at a distance counts: 1 at no distance, 0 beyond the radius.

    ===========  =======================  ============================================================
    shape        weight at distance *d*   radius *r*, decay length *b*
    ===========  =======================  ============================================================
    uniform      1                        all within *r*, the edge included
    triangular   1 - d/r                  reaches 0 at *r*
    biweight     (1 - (d/r)^2)^2          reaches 0 at *r* (Reardon and O'Sullivan 2004, p. 155)
    gaussian     exp(-d^2 / 2 b^2)        cut off beyond *r*; *b* is the standard deviation
    exponential  exp(-d / b)              cut off beyond *r*; *b* is the distance at which 1/e is left
    ===========  =======================  ============================================================

    Parameters
    ----------
    shape : str
        One of `SHAPES`.
    radius_m : float
        Distance beyond which nobody counts, metres; 0: the cell itself alone.
    decay_m : float, optional
        Decay length of ``gaussian`` and ``exponential``, metres: it has no default, as no unit is natural.  A cut-off
        at three (gaussian) or seven (exponential) decay lengths leaves out 1 % of the weight on a plane.

    Examples
    --------
    >>> Kernel("biweight", 2000)(np.array([0.0, 1000.0, 2000.0]))
    array([1.    , 0.5625, 0.    ])
    """

    shape: str
    radius_m: float
    decay_m: float | None = None

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise unknown_name("kernel shape", self.shape, SHAPES)
        if not (np.isfinite(self.radius_m) and self.radius_m >= 0):
            raise SchemaError(f"radius_m is {self.radius_m}: give metres, 0 for the cell itself.")
        if (self.shape in DECAYING) != (self.decay_m is not None):
            what = "needs decay_m, its decay length in metres" if self.shape in DECAYING else "takes no decay_m"
            raise SchemaError(f"a {self.shape} kernel {what}; got {self.decay_m}. radius_m is where it is cut off.")
        if self.decay_m is not None and not (np.isfinite(self.decay_m) and self.decay_m > 0):
            raise SchemaError(f"decay_m is {self.decay_m}: a decay length is above 0 metres.")

    @property
    def about(self) -> dict[str, str | float | None]:
        """What stands in the parameters of a result."""
        return {"kernel": self.shape, "radius_m": float(self.radius_m), "decay_m": self.decay_m}

    def __call__(self, distance_m: Floats) -> Floats:
        """Weights at distances in metres, of any shape of array."""
        distance = np.asarray(distance_m, dtype=np.float64)
        # the edge is inside although metres are rounded
        inside = distance <= self.radius_m * (1 + 1e-12)
        near = np.minimum(distance / self.radius_m, 1.0) if self.radius_m > 0 else np.zeros_like(distance)
        weights = SHAPES[self.shape](near, distance / (self.decay_m or 1.0))
        return np.where(inside, weights, 0.0)


def kernel_weights(kernel: Kernel, cell_size_m: float, at_most: int | None = None) -> Floats:
    """Weights of square cells around one, by the distance between centres.

    Parameters
    ----------
    kernel : Kernel
        Shape and radius.
    cell_size_m : float
        Side of a cell, metres.
    at_most : int, optional
        Cells beyond which nobody can live: a radius may be larger than the map.

    Returns
    -------
    ndarray of float64, shape (2r + 1, 2r + 1)
        Weight 1 in the middle; *r* is the number of cells the kernel reaches along a row.

    Examples
    --------
    >>> kernel_weights(Kernel("uniform", 1000), 1000)
    array([[0., 1., 0.],
           [1., 1., 1.],
           [0., 1., 0.]])
    """
    if not cell_size_m > 0:
        raise SchemaError(f"cell_size_m is {cell_size_m}: a cell has a side above 0 metres.")
    far = kernel.radius_m / cell_size_m * (1 + 1e-12)
    reach = int(np.floor(far if at_most is None else min(far, at_most)))
    steps = np.arange(-reach, reach + 1)
    weights = kernel(np.sqrt((steps**2)[:, None] + (steps**2)[None, :]) * cell_size_m)
    reached = int(np.abs(steps[weights[reach] > 0]).max())
    cut = reach - reached
    return weights[cut : 2 * reach + 1 - cut, cut : 2 * reach + 1 - cut]


def in_steps(weights: Floats) -> Floats:
    """Round weights to whole multiples of `STEP`: no weight moves by more than 1.2e-7."""
    return np.asarray(np.rint(weights / STEP) * STEP)


def convolve(dense: Floats, weights: Floats) -> Floats:
    """Sum what lies around each place, by weight; nobody lives beyond the edge.

    Parameters
    ----------
    dense : ndarray of float64, shape (..., ny, nx)
        Counts, or derivatives by them; no NaN.
    weights : ndarray of float64, shape (2r + 1, 2q + 1)
        Weight of each neighbour, by its offset in rows and columns.

    Returns
    -------
    ndarray of float64, shape (..., ny, nx)
        Exact where counts are whole and weights whole or in `STEP`; else right to about 1e-15 of the largest sum.

    Notes
    -----
    Single precision would lose rare groups: its rounding errors are 4e-4 persons beside a city.
    """
    return convolve_all(dense, [weights])[0]


def convolve_all(
    dense: Floats, weights: Sequence[Floats], *, halo: int = 0, spectra: Callable[..., Floats] | None = None
) -> list[Floats]:
    """Convolve one array by many kernels; what they share is transformed once.

    Sums of the `halo` cells along the edges are not asked for, and may be wrong.
    """
    dense = np.asarray(dense, dtype=np.float64)
    if not np.isfinite(dense).all():
        raise SchemaError(
            "convolve() was given NaN or infinite values. Fill or drop them before: a sum would spread them."
        )
    transformed: Transformed | None = None
    result = []
    for w in weights:
        route = _route(w)
        if route is None:
            if transformed is None:
                reach = max(max(v.shape) // 2 for v in weights)
                # what wraps around the edge lands in the halo
                transformed = Transformed(dense, max(reach - halo, 0), spectra or spectrum)
            result.append(cleaned(transformed.convolved(w), w, dense))
        else:
            result.append(cleaned(route(dense, w), w, dense))
    return result


class Transformed:
    """Dense arrays by frequency, with `room` beyond their edges for what wraps around."""

    def __init__(self, dense: Floats, room: int, spectra: Callable[..., Floats]) -> None:
        self.inside = dense.shape[-2:]
        self.shape = tuple(fft.next_fast_len(n + room, real=True) for n in self.inside)
        self.waves, self.spectra = fft.rfft2(dense, s=self.shape), spectra

    def convolved(self, weights: Floats) -> Floats:
        """Give sums by weight."""
        waves = self.waves * self.spectra(weights, self.shape)
        sums = fft.irfft2(waves, s=self.shape, overwrite_x=True)
        return np.asarray(sums[..., : self.inside[0], : self.inside[1]])


def spectrum(weights: Floats, shape: tuple[int, ...]) -> Floats:
    """Give a kernel by frequency, its middle at the origin; real where it looks the same upside down."""
    rows, cols = (n // 2 for n in weights.shape)
    padded = np.zeros(shape)
    padded[: weights.shape[0], : weights.shape[1]] = weights[::-1, ::-1]
    waves = fft.rfft2(np.roll(padded, (-rows, -cols), axis=(0, 1)))
    return np.asarray(waves.real.copy() if np.array_equal(weights, weights[::-1, ::-1]) else waves)


def is_whole(values: Floats) -> bool:
    """Whether all values are whole numbers."""
    return bool(np.array_equal(values, np.rint(values)))


def cleaned(sums: Floats, weights: Floats, values: Floats) -> Floats:
    """Take rounding errors out: sums of whole counts are multiples of a step, and sums of counts are not below 0."""
    step = 1.0 if is_whole(weights) else STEP
    positive = values.min(initial=0.0) >= 0
    # errors of a transform are below 1e-15 of the largest sum, those of other routes smaller
    if positive and 1e-15 * sums.max(initial=0.0) < step / 8 and is_whole(values) and is_whole(weights / step):
        sums = np.rint(sums / step) * step
    return np.maximum(sums, 0.0) if positive else sums


def _route(weights: Floats) -> Callable[[Floats, Floats], Floats] | None:
    """Give the cheapest exact way to sum under these weights; None: by transform."""
    if weights.size == 1:
        return lambda dense, w: dense * w[0, 0]
    if not is_whole(weights) or weights.max() != 1:
        return _separable if max(weights.shape) <= 2 * _FEW_ROWS + 1 and _is_separable(weights) else None
    if weights.all():
        return _window
    runs = (np.diff(weights, prepend=0, append=0, axis=1) == 1).sum(axis=1)
    return _by_row if len(weights) <= 2 * _FEW_ROWS + 1 and (runs <= 1).all() else None


def _window(dense: Floats, weights: Floats) -> Floats:
    """Sum a rectangle from its corners in a table of sums (Crow 1984)."""
    for axis, size in zip((-2, -1), weights.shape, strict=True):
        dense = _runs(dense, -(size // 2), size // 2, axis)
    return dense


def _by_row(dense: Floats, weights: Floats) -> Floats:
    """Sum a disc row by row, each row from the two ends of its run."""
    rows, cols = (n // 2 for n in weights.shape)
    padding = [(0, 0)] * (dense.ndim - 2) + [(rows, rows), (0, 0)]
    tall = np.pad(dense, padding)
    result = np.zeros_like(dense)
    for k, row in enumerate(weights):
        if row.any():
            inside = np.flatnonzero(row) - cols
            part = tall[..., k : k + dense.shape[-2], :]
            result += _runs(part, int(inside[0]), int(inside[-1]), -1)
    return result


def _runs(dense: Floats, first: int, last: int, axis: int) -> Floats:
    """Sum places `first` to `last` from each one along an axis."""
    n = dense.shape[axis]
    sums = np.concatenate([np.zeros_like(dense.take([0], axis)), np.cumsum(dense, axis)], axis)
    place = np.arange(n)
    high = np.clip(place + last + 1, 0, n)
    return np.asarray(sums.take(high, axis) - sums.take(np.clip(place + first, 0, n), axis))


def _is_separable(weights: Floats) -> bool:
    middle = weights[len(weights) // 2], weights[:, weights.shape[1] // 2]
    top = middle[0][weights.shape[1] // 2]
    return bool(top > 0 and np.allclose(np.outer(middle[1], middle[0]) / top, weights, rtol=1e-15, atol=0))


def _separable(dense: Floats, weights: Floats) -> Floats:
    """Sum along rows, then along columns: as a Gaussian in a square window allows."""
    middle = len(weights) // 2, weights.shape[1] // 2
    down, along = weights[:, middle[1]], weights[middle[0]] / weights[middle]
    first = ndimage.correlate1d(dense, down, axis=-2, mode="constant")
    return np.asarray(ndimage.correlate1d(first, along, axis=-1, mode="constant"))
