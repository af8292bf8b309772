"""Slopes: heights from an elevation raster, and how much longer people take up and down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyproj

from civigrid.types import Floats

SAMPLE_M = 25.0
"""Streets are sampled at least this often, metres."""
STEEPEST = 0.5
"""Slopes are cut here: what is steeper is a fault of the raster, or a cliff the street does not climb."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Elevation:
    """Heights of the ground on a raster.

    Parameters
    ----------
    height_m : ndarray of float64, shape (row, col)
        Metres; NaN: not known.
    transform : tuple of float
        ``(a, b, c, d, e, f)``: column and row, from the upper left corner, lie at ``x = a col + b row + c`` and
        ``y = d col + e row + f``.
    crs : str
        Its coordinate system.
    """

    height_m: Floats
    transform: tuple[float, float, float, float, float, float]
    crs: str = "EPSG:4326"

    def at(self, place: Floats) -> Floats:
        """Height of places (longitude, latitude), metres, shape (place,), bilinear between the centres of pixels.

        NaN outside the centres of the outermost pixels, and where a pixel that counts is not known.

        >>> ground = Elevation(height_m=np.array([[0.0, 10.0]]).repeat(2, axis=0), transform=(1, 0, 0, 0, -1, 2))
        >>> ground.at(np.array([[0.5, 1.0], [1.0, 1.0], [9.0, 1.0]]))
        array([ 0.,  5., nan])
        """
        to_own = pyproj.Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)
        x, y = to_own.transform(place[:, 0], place[:, 1])
        a, b, c, d, e, f = self.transform
        det = a * e - b * d
        col = (e * (x - c) - b * (y - f)) / det - 0.5
        row = (a * (y - f) - d * (x - c)) / det - 0.5
        return _bilinear(self.height_m, row, col)


def _bilinear(height: Floats, row: Floats, col: Floats) -> Floats:
    rows, cols = height.shape
    # a place on the outermost centres may lie outside by a rounding of its coordinates
    slack = 1e-9 * max(rows, cols)
    inside = (row >= -slack) & (row <= rows - 1 + slack) & (col >= -slack) & (col <= cols - 1 + slack)
    row, col = np.where(inside, row, 0).clip(0, rows - 1), np.where(inside, col, 0).clip(0, cols - 1)
    top, left = np.floor(row).astype(np.int64), np.floor(col).astype(np.int64)
    low, right = row - top, col - left
    value = np.zeros(len(row))
    for down, part in ((0, 1 - low), (1, low)):
        for over, share in ((0, 1 - right), (1, right)):
            weight = part * share
            known = height[np.minimum(top + down, rows - 1), np.minimum(left + over, cols - 1)]
            value += np.where(weight > 0, known, 0.0) * weight
    return np.where(inside, value, np.nan)


def tobler(slope: Floats) -> Floats:
    """Time walked on a slope, as a multiple of that on the flat, shape (n,).

    Parameters
    ----------
    slope : ndarray of float64, shape (n,)
        Rise over run, up is positive; NaN counts as flat.

    Returns
    -------
    ndarray of float64, shape (n,)
        Below 1 on gentle ways down: people are quickest at -0.05.

    Notes
    -----
    W. Tobler (1993), Three presentations on geographical analysis and modeling, NCGIA Report 93-1, gives a speed of
    :math:`6 e^{-3.5 |s + 0.05|}` km/h.  We take its shape only, and set its speed on the flat (5.04 km/h) to that of
    the mode.

    Examples
    --------
    >>> tobler(np.array([0.0, 0.1, -0.05, np.nan])).round(3)
    array([1.   , 1.419, 0.839, 1.   ])
    """
    s = np.clip(np.nan_to_num(slope), -STEEPEST, STEEPEST)
    return np.asarray(np.exp(3.5 * (np.abs(s + 0.05) - 0.05)))


def cycling(slope: Floats) -> Floats:
    """Time cycled on a slope, as a multiple of that on the flat, shape (n,).

    Parameters
    ----------
    slope : ndarray of float64, shape (n,)
        Rise over run, up is positive; NaN counts as flat.

    Returns
    -------
    ndarray of float64, shape (n,)
        Uphill never more than that of walking pace (a quarter of the speed), downhill never quicker than at -10 %.

    Notes
    -----
    J. Parkin and J. Rotheram (2010), Transport Policy 17, 335-341: 21.6 km/h on the flat, 1.44 km/h less by per cent
    uphill, 0.86 km/h more by per cent downhill.  We take the ratio to the flat.

    Examples
    --------
    >>> cycling(np.array([0.0, 0.05, -0.05, 0.4])).round(3)
    array([1.   , 1.5  , 0.834, 4.   ])
    """
    s = np.nan_to_num(slope)
    share = np.where(s > 0, 1 - 1.44 / 21.6 * 100 * s, 1 + 0.86 / 21.6 * 100 * np.minimum(-s, 0.1))
    return np.asarray(1 / np.maximum(share, 0.25))
