"""Weighted quantiles of many groups whose rows stand together."""

from __future__ import annotations

import numba
import numpy as np

from civigrid.types import Floats, Ints


def group_quantiles(start: Ints, values: Floats, weight: Floats, q: Floats) -> Floats:
    """Smallest value that at least the share `q` of a group's weight does not exceed.

    Parameters
    ----------
    start : ndarray of int64, shape (group + 1,)
        Rows of group *g* are ``start[g] : start[g + 1]``.
    values : ndarray of float64, shape (row,)
        NaN: left out.
    weight : ndarray of float64, shape (row,)
        At least 0; rows of weight 0 are left out.
    q : ndarray of float64, shape (quantile,)
        In [0, 1].

    Returns
    -------
    ndarray of float64, shape (group, quantile)
        NaN for a group without rows.

    Examples
    --------
    >>> values, weight = np.array([5.0, 1.0, 3.0]), np.array([1.0, 1.0, 2.0])
    >>> group_quantiles(np.array([0, 3]), values, weight, np.array([0.25, 0.5, 1.0]))
    array([[1., 3., 5.]])
    """
    found: Floats = _quantiles(np.asarray(start, dtype=np.int64), values, weight, np.asarray(q, dtype=np.float64))
    return found


@numba.njit(cache=True, nogil=True)
def _quantiles(start, values, weight, q):  # type: ignore[no-untyped-def]
    groups = len(start) - 1
    found = np.full((groups, len(q)), np.nan)
    for g in range(groups):
        v, w = values[start[g] : start[g + 1]], weight[start[g] : start[g + 1]]
        kept = ~np.isnan(v) & (w > 0)
        v, w = v[kept], w[kept]
        if len(v) == 0:
            continue
        order = np.argsort(v)
        upto = np.cumsum(w[order])
        for k in range(len(q)):
            # sums of weights err in their last digits
            place = np.searchsorted(upto, q[k] * upto[-1] * (1 - 1e-9))
            found[g, k] = v[order[min(place, len(v) - 1)]]
    return found
