"""Smooth densities that keep each unit's total: Tobler's pycnophylactic iteration on any cells with neighbours."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Floats


def smooth_density(
    label: npt.NDArray[np.integer],
    totals: Floats,
    neighbours: npt.NDArray[np.integer],
    *,
    tolerance: float = 1e-3,
    iterations: int = 200,
) -> tuple[Floats, int]:
    """Smooth cell values until they barely change, keeping the sum of each unit.

    Parameters
    ----------
    label : ndarray of int, shape (cell,)
        Unit of each cell; -1: in none, its value is 0 and no neighbour feels it.
    totals : ndarray of float64, shape (unit,)
        What each unit's cells must sum to, at least 0.
    neighbours : ndarray of int, shape (cell, k)
        Places of the neighbours of each cell; -1 where there is none.
    tolerance : float
        Stop when no value changes by more than this share of the largest.
    iterations : int
        Stop after so many in any case.

    Returns
    -------
    tuple of ndarray of float64, shape (cell,), and int
        Values, at least 0, and how many iterations were made.  A unit without a cell keeps its total to itself.

    Notes
    -----
    W. R. Tobler (1979), Smooth pycnophylactic interpolation for geographical regions, J. Am. Stat. Assoc. 74,
    519-530: smooth, correct each unit's sum by adding, then by multiplying where that would go below 0.  One pass
    over the cells per step, sums by label.

    Examples
    --------
    >>> line = np.array([[-1, 1], [0, 2], [1, 3], [2, -1]])
    >>> smooth_density(np.array([0, 0, 1, 1]), np.array([2.0, 8.0]), line)[0].round(2)
    array([0.62, 1.38, 3.62, 4.38])
    """
    label = np.ascontiguousarray(label, dtype=np.int64)
    values, made = _iterate(label, totals.astype(np.float64), neighbours.astype(np.int64), tolerance, iterations)
    return values, int(made)


_jit: Any = numba.njit(cache=True, nogil=True)


@_jit
def _iterate(label, totals, neighbours, tolerance, iterations):  # type: ignore[no-untyped-def]
    size = np.zeros(len(totals))
    for u in label:
        if u >= 0:
            size[u] += 1
    value, new = np.zeros(len(label)), np.zeros(len(label))
    for i in range(len(label)):
        if label[i] >= 0:
            value[i] = totals[label[i]] / size[label[i]]
    for made in range(iterations):
        _smooth(value, new, label, neighbours)
        change, largest = _restore(value, new, label, totals, size)
        value, new = new, value
        if change <= tolerance * largest:
            return value, made + 1
    return value, iterations


@_jit
def _smooth(value, new, label, neighbours):  # type: ignore[no-untyped-def]
    """Half of each value, half of the mean around it."""
    for i in range(len(label)):
        if label[i] < 0:
            continue
        around, count = 0.0, 0
        for m in neighbours[i]:
            if m >= 0 and label[m] >= 0:
                around += value[m]
                count += 1
        new[i] = 0.5 * (value[i] + around / count) if count else value[i]


@_jit
def _restore(value, new, label, totals, size):  # type: ignore[no-untyped-def]
    """Bring each unit back to its total: by adding what lacks, then by a factor where that went below 0."""
    total, kept = np.zeros(len(totals)), np.zeros(len(totals))
    for i in range(len(label)):
        if label[i] >= 0:
            total[label[i]] += new[i]
    for i in range(len(label)):
        u = label[i]
        if u >= 0:
            new[i] = max(new[i] + (totals[u] - total[u]) / size[u], 0.0)
            kept[u] += new[i]
    change, largest = 0.0, 0.0
    for i in range(len(label)):
        u = label[i]
        if u >= 0:
            if kept[u] > 0:
                new[i] *= totals[u] / kept[u]
            change, largest = max(change, abs(new[i] - value[i])), max(largest, new[i])
    return change, largest
