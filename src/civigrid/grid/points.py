"""The check every point passes before it becomes a cell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from civigrid.errors import SchemaError, first_few
from civigrid.types import Bounds, Floats


def check_points(points: npt.ArrayLike, bounds: Bounds, crs: str) -> Floats:
    """Return points as float64, shape (n, 2), or raise `SchemaError`.

    NaN, points outside `bounds`, and points that fit only with their axes swapped are refused here, before any
    library could turn them into a plausible wrong cell.
    """
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise SchemaError(f"points must have shape (n, 2), got {array.shape}. Stack easting (or longitude) first.")
    if (bad := np.flatnonzero(~np.isfinite(array).all(axis=1))).size:
        raise SchemaError(f"{bad.size} of {len(array)} points are not finite (rows {first_few(bad)}). Drop them first.")
    outside = ~_inside(array, bounds)
    if outside.any():
        rows = np.flatnonzero(outside)
        hint = f"Points must be given in {crs}, easting or longitude first."
        if _inside(array[outside][:, ::-1], bounds).all():
            hint = "They would fit with their axes swapped: give easting (or longitude) first, then northing."
        raise SchemaError(
            f"{rows.size} of {len(array)} points lie outside {tuple(bounds)} (row {rows[0]}: "
            f"{array[rows[0]].tolist()}). {hint}"
        )
    return array


def _inside(points: Floats, bounds: Bounds) -> npt.NDArray[np.bool_]:
    west, south, east, north = bounds
    x, y = points.T
    inside: npt.NDArray[np.bool_] = (x >= west) & (x < east) & (y >= south) & (y < north)
    return inside
