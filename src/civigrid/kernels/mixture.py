"""How much the shares of random cells differ from each other: what the expected Gini index is made of."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from civigrid.types import Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)
_BINS = 4096
_BELL = np.exp(-0.5 * (np.arange(-20, 21) / 4) ** 2)
_BELL /= _BELL.sum()


@_jit  # type: ignore[untyped-decorator]
def mean_difference(starts: Ints, ends: Ints, size: Floats, persons: Floats, cells: Floats, share: Floats) -> Floats:
    r"""Mean absolute difference of the shares that two persons of a zone see, each cell's drawn at random.

    Parameters
    ----------
    starts, ends : ndarray of int64, shape (zone,)
        Rows of each zone.
    size, persons, cells, share : ndarray of float64, shape (row,)
        Persons drawn for the share a row shows; persons who see it; cells it stands for; the group's chance.

    Notes
    -----
    :math:`E|S-S'| = 2\int F(1-F)\,ds`, *F* the distribution of the share in the mixture of all rows, less what a cell
    would differ from a copy of itself.  Shares are gathered in classes of about equal spread (:math:`\sqrt{s}`), each
    at its mean.
    """
    found = np.zeros(len(starts))
    mass, moment = np.zeros(_BINS + 1), np.zeros(_BINS + 1)
    for zone in range(len(starts)):
        mass[:], moment[:], total, itself = 0.0, 0.0, 0.0, 0.0
        for row in range(starts[zone], ends[zone]):
            t, weight, p = size[row], persons[row], share[row]
            total += weight
            sd = np.sqrt(t * p * (1 - p))
            # two draws of one cell would differ by this: they are one cell, and differ by nothing
            itself += weight * weight / cells[row] * _scatter(mass, moment, t, p, sd, weight)
        below, last, sum_ = 0.0, -1.0, 0.0
        for k in range(_BINS + 1):
            if mass[k] > 0:
                place = moment[k] / mass[k]
                if last >= 0:
                    sum_ += below / total * (1 - below / total) * (place - last)
                below, last = below + mass[k], place
        found[zone] = max(2 * sum_ - itself / (total * total), 0.0)
    return found


@_jit  # type: ignore[untyped-decorator]
def _scatter(mass: Floats, moment: Floats, t: float, p: float, sd: float, weight: float) -> float:
    """Add the distribution of one row's share to the classes; give by how much two draws of it differ."""
    if sd == 0.0:
        place = int(np.sqrt(p) * _BINS)
        mass[place] += weight
        moment[place] += weight * p
        return 0.0
    if sd > 20.0:
        for k in range(len(_BELL)):
            s = min(max(p + (k - len(_BELL) // 2) * sd / (4 * t), 0.0), 1.0)
            add = weight * _BELL[k]
            place = int(np.sqrt(s) * _BINS)
            mass[place] += add
            moment[place] += add * s
        return float(2 / np.sqrt(np.pi) * sd / t)
    spread = 12.0 + 7.0 * sd
    k, last = max(0.0, np.floor(t * p - spread)), min(t, np.ceil(t * p + spread))
    log = math.lgamma(t + 1) - math.lgamma(k + 1) - math.lgamma(t - k + 1) + k * np.log(p) + (t - k) * np.log1p(-p)
    pmf, odds, below, apart = np.exp(log), p / (1 - p), 0.0, 0.0
    while k <= last:
        s = k / t
        place = int(np.sqrt(s) * _BINS)
        mass[place] += weight * pmf
        moment[place] += weight * pmf * s
        below += pmf
        apart += max(below * (1 - below), 0.0)
        pmf *= (t - k) / (k + 1) * odds
        k += 1.0
    return 2 * apart / t
