"""Local Moran, join counts, findings among many tests, and shares drawn to a mean: statistics of single cells.

esda is what we compare with, and no more: its join counts take a seed and do not use it, and its local Moran warns
that what p means will change with its next release (2.9).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from scipy import sparse

from civigrid.types import Bools, Floats, Ints

_jit: Any = numba.njit(cache=True, nogil=True)


@_jit
def _beyond(z, around, degree, drawn):  # type: ignore[no-untyped-def]
    """How many draws of the other cells give each cell neighbours that are as high, and as low, on average."""
    high, low = np.zeros(len(z), np.int64), np.zeros(len(z), np.int64)
    for i in range(len(z)):
        slack = 1e-12 * (abs(around[i]) + 1e-300)
        for b in range(len(drawn) if degree[i] > 0 else 0):
            mean = 0.0
            for k in range(degree[i]):
                other = drawn[b, k]
                mean += z[other + 1 if other >= i else other]
            mean /= degree[i]
            high[i] += mean >= around[i] - slack
            low[i] += mean <= around[i] + slack
    return high, low


def local_moran(
    values: Floats, neighbours: sparse.csr_array, *, permutations: int = 999, seed: int = 0
) -> tuple[Floats, Floats, Ints]:
    r"""Local Moran's I, :math:`I_i = z_i \sum_j w_{ij} z_j / m_2`, two-sided p, and the quadrant of each cell.

    Parameters
    ----------
    values : ndarray of float64, shape (row,)
        Known values: cells without any were left out before.
    neighbours : scipy.sparse.csr_array, shape (row, row)
        1 for neighbours; each cell weighs them alike (rows are standardized).
    permutations, seed : int
        Conditional permutation: a cell keeps its value, all others change places.

    Returns
    -------
    tuple of ndarray
        I, whose mean is Moran's I where each cell has a neighbour; p = 2 (b + 1) / (B + 1) of the nearer tail, at most
        1; and 1 high-high, 2 low-high, 3 low-low, 4 high-low.  I and p are NaN for cells without a neighbour, and for
        all where no two values differ; such cells are no part of the mean.

    Notes
    -----
    Anselin (1995), Geographical Analysis 27.  esda divides by n - 1 in place of n.

    Examples
    --------
    >>> line = sparse.csr_array(np.array([[0.0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]]))
    >>> local_moran(np.array([1.0, 1.0, 0.0, 0.0]), line)[0]
    array([1., 0., 0., 1.])
    """
    moran, p, quadrant = np.full(len(values), np.nan), np.full(len(values), np.nan), np.zeros(len(values), np.int64)
    linked = np.flatnonzero(np.diff(neighbours.indptr) > 0)
    if len(linked) < 3 or np.ptp(values[linked]) <= 1e-12:
        return moran, p, quadrant
    among = neighbours[linked][:, linked]
    degree = np.diff(among.indptr).astype(np.int64)
    z = values[linked] - values[linked].mean()
    around = np.asarray(among @ z) / degree
    rng, others = np.random.default_rng(seed), len(linked) - 1
    drawn = np.array([rng.choice(others, min(int(degree.max()), others), replace=False) for _ in range(permutations)])
    nearer = np.minimum(*_beyond(z, around, degree, drawn))
    moran[linked] = z * around / (z @ z / len(z)) + 0.0  # no minus before a zero
    p[linked] = np.minimum(2 * (nearer + 1) / (permutations + 1), 1.0)
    quadrant[linked] = np.where(z > 0, np.where(around > 0, 1, 4), np.where(around > 0, 2, 3))
    return moran, p, quadrant


def local_joins(high: Bools, neighbours: sparse.csr_array) -> tuple[Floats, Floats]:
    r"""Local join counts of a binary map, and their exact upper p.

    Returns
    -------
    tuple of ndarray
        How many neighbours of a high cell are high (0 for a low one), and the chance of as many or more if all other
        cells were permuted: high neighbours then follow the hypergeometric distribution.  p is NaN for low cells and
        for cells without neighbours.

    Notes
    -----
    Anselin and Li (2019), J. Geographical Systems 21, who simulate it; esda 2.9 takes a seed and does not use it.

    Examples
    --------
    >>> line = sparse.csr_array(np.array([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    >>> local_joins(np.array([True, True, False]), line)
    (array([1., 1., 0.]), array([0.5, 1. , nan]))
    """
    degree, n = np.diff(neighbours.indptr), len(high)
    around = np.asarray(neighbours @ high.astype(np.float64))
    joins = np.where(high, around, 0.0)
    p = np.full(n, np.nan)
    asked = high & (degree > 0)
    from scipy.stats import hypergeom  # half a second to import, for this alone

    p[asked] = hypergeom.sf(around[asked] - 1, n - 1, int(high.sum()) - 1, degree[asked])
    return joins, np.minimum(p, 1.0)


def found_at(p: Floats, discoveries: float) -> Bools:
    """Tell which p are findings at a false discovery rate; NaN never is.

    Notes
    -----
    Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57.

    >>> found_at(np.array([0.001, 0.04, np.nan, 0.9]), 0.05)
    array([ True, False, False, False])
    """
    known = ~np.isnan(p)
    result = np.zeros(len(p), dtype=bool)
    if known.any():
        from scipy.stats import false_discovery_control

        result[known] = false_discovery_control(p[known]) <= discoveries
    return result


def shrunk_shares(pair: Floats, zone: Ints) -> Floats:
    r"""Shares drawn to the mean of their zone, the more the fewer people they rest on: for maps, never for an index.

    :math:`\tilde p_i = m + \frac{A t_i}{A t_i + m(1-m) - A}(p_i - m)`: the posterior mean under a beta prior whose
    mean *m* and variance *A* are those of the zone, by moments.

    Parameters
    ----------
    pair : ndarray of float64, shape (row, 2)
        Persons of the group and of everyone else, in inhabited cells.
    zone : ndarray of int64, shape (row,)
        Zone of each.

    Notes
    -----
    Marshall (1991), Applied Statistics 40(2), with binomial in place of Poisson counts; moments of Kleinman (1973), J.
    Am. Stat. Assoc. 68.

    Examples
    --------
    >>> shrunk_shares(np.array([[1.0, 0.0], [500.0, 500.0], [100.0, 900.0]]), np.zeros(3, int)).round(2)
    array([0.57, 0.5 , 0.1 ])
    """
    size = pair.sum(axis=1)
    zones = int(zone.max(initial=-1)) + 1

    def of_zone(values: Floats) -> Floats:
        return np.asarray(np.bincount(zone, values, zones), dtype=np.float64)

    share = pair[:, 0] / size
    total, cells = of_zone(size), of_zone(np.ones(len(size)))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = of_zone(pair[:, 0]) / total
        scatter = of_zone(size * (share - mean[zone]) ** 2)
        binomial, free = mean * (1 - mean), total - of_zone(size**2) / total - (cells - 1)
        between = np.where(free > 0, (scatter - binomial * (cells - 1)) / free, 0.0)
    between = np.clip(np.nan_to_num(between), 0.0, np.nan_to_num(binomial))[zone]
    own = between * size
    weight = own / np.maximum(own + binomial[zone] - between, 1e-300)
    return np.asarray(mean[zone] + np.minimum(weight, 1.0) * (share - mean[zone]))
