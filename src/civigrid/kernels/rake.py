"""Iterative proportional fitting of many small tables: cells by parts, each block of cells with its own part totals."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from civigrid.types import Floats, Ints


class Raked(NamedTuple):
    """Fitted parts, shape (cell, part); per block, rounds made and the largest deviation left, by its persons."""

    parts: Floats
    rounds: Ints
    deviation: Floats


def scale_rows(parts: Floats, total: Floats) -> Floats:
    """Multiply each row so that it sums to its total; a row that sums to 0 stays.

    Parameters
    ----------
    parts : ndarray of float64, shape (cell, part)
        At least 0.
    total : ndarray of float64, shape (cell,)
        At least 0.

    >>> scale_rows(np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([6.0, 5.0]))
    array([[2., 4.],
           [0., 0.]])
    """
    scaled = np.array(parts, dtype=np.float64)
    _scale_rows(scaled, total)
    return scaled


def rake(
    parts: Floats, total: Floats, block: Ints, target: Floats, *, tolerance: float = 1e-6, most_rounds: int = 200
) -> Raked:
    r"""Fit parts to the totals of cells and to the part totals of blocks, in turn.

    Parameters
    ----------
    parts : ndarray of float64, shape (cell, part)
        Where to start; zeros stay.
    total : ndarray of float64, shape (cell,)
        What the parts of each cell sum to, exactly, at the end.
    block : ndarray of int64, shape (cell,)
        Block of each cell, in [0, b).
    target : ndarray of float64, shape (b, part)
        What each part sums to over the cells of a block; made to agree with the cells' totals.
    tolerance : float
        Stop when no part total deviates by more than this share of its block's persons.
    most_rounds : int
        Stop after so many in any case.

    Returns
    -------
    Raked
        The table nearest to `parts` by Kullback-Leibler divergence.

    Notes
    -----
    W. E. Deming and F. F. Stephan (1940), Ann. Math. Stat. 11, 427-444; convergence: I. Csiszar (1975), Ann. Probab.
    3, 146-158.
    """
    fitted = scale_rows(parts, total)
    persons = np.bincount(block, total, minlength=len(target))
    wanted = np.array(target, dtype=np.float64)
    wanted[~(wanted > 0)] = 0.0
    whole = wanted.sum(axis=1)
    wanted *= np.divide(persons, whole, out=np.zeros_like(whole), where=whole > 0)[:, None]
    order = np.argsort(block, kind="stable")
    start = np.searchsorted(block[order], np.arange(len(target) + 1))
    rounds, deviation = _rake(fitted, total, order, start, wanted, tolerance, most_rounds)
    return Raked(fitted, rounds, deviation)


@numba.njit(cache=True, nogil=True)
def _scale_rows(parts, total):  # type: ignore[no-untyped-def]
    cells, n = parts.shape
    for i in range(cells):
        s = 0.0
        for k in range(n):
            s += parts[i, k]
        if s > 0 and s != total[i]:
            f = total[i] / s
            for k in range(n):
                parts[i, k] *= f


@numba.njit(cache=True, nogil=True)
def _rake(parts, total, order, start, wanted, tolerance, most_rounds):  # type: ignore[no-untyped-def]
    blocks, n = wanted.shape
    rounds, left = np.zeros(blocks, np.int64), np.zeros(blocks)
    for b in range(blocks):
        cells = order[start[b] : start[b + 1]]
        persons = wanted[b].sum()
        # a block without persons or targets keeps its cells as they are
        while persons > 0:
            found = np.zeros(n)
            for i in cells:
                for k in range(n):
                    found[k] += parts[i, k]
            left[b] = np.abs(found - wanted[b]).max() / persons
            if left[b] <= tolerance or rounds[b] == most_rounds:
                break
            rounds[b] += 1
            for k in range(n):
                # a part that no cell has cannot grow
                found[k] = wanted[b, k] / found[k] if found[k] > 0 else 1.0
            for i in cells:
                s = 0.0
                for k in range(n):
                    parts[i, k] *= found[k]
                    s += parts[i, k]
                for k in range(n):
                    parts[i, k] *= total[i] / s if s > 0 else 0.0
    return rounds, left
