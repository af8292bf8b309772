"""Halves of an array by choosing: for codes of statuses, and for values that nothing says how to average."""

from __future__ import annotations

import numpy as np

from civigrid.types import Floats


def first(array: Floats) -> Floats:
    """The first known of four pixels: upper left, upper right, lower left, lower right.

    >>> first(np.array([[np.nan, 3.0], [1.0, 1.0]]))
    array([[3.]])
    """
    parts = np.stack([array[i::2, j::2] for i in (0, 1) for j in (0, 1)])
    at = np.argmax(~np.isnan(parts), axis=0)
    found: Floats = np.take_along_axis(parts, at[None], axis=0)[0]
    return found
