"""Sums by group."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from civigrid.types import Floats


def group_sum(group: npt.NDArray[np.integer], values: npt.ArrayLike, n: int) -> Floats:
    """Sum `values` by group, in the order of the rows.

    Parameters
    ----------
    group : ndarray of int, shape (row,)
        Group of each row, in [0, n).
    values : array_like, shape (row,)
        What is summed; booleans count.
    n : int
        Number of groups.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 for a group without rows.

    Examples
    --------
    >>> group_sum(np.array([0, 2, 2]), [1.0, 2.0, 3.0], 3)
    array([1., 0., 5.])
    """
    weights = np.asarray(values, dtype=np.float64)
    return np.bincount(group, weights=weights, minlength=n).astype(np.float64, copy=False)
