"""Counts of a unit scattered over its cells: the Dirichlet-multinomial, its concentration, and draws from it."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from civigrid.kernels.group import group_sum
from civigrid.types import Floats, Ints

LOWEST, HIGHEST = 1e-3, 1e6
"""Concentrations searched: below, a unit lives in one cell; above, nothing but multinomial scatter is left."""


def log_likelihood(unit: Ints, counts: Floats, weight: Floats, concentration: float) -> float:
    r"""Log-likelihood of counts by cell, given each unit's total, without terms that the concentration leaves alone.

    Parameters
    ----------
    unit : ndarray of int, shape (pair,)
        Unit of each pair of unit and cell.
    counts : ndarray of float64, shape (pair,)
        Persons of the unit in the cell.
    weight : ndarray of float64, shape (pair,)
        Expected shares, summing to 1 by unit; pairs of weight 0 are left out.
    concentration : float
        :math:`\alpha`.

    Returns
    -------
    float
        :math:`\sum_z [\ln\Gamma(\alpha) - \ln\Gamma(\alpha + N_z) + \sum_c (\ln\Gamma(n_{zc} + \alpha w_{zc}) -
        \ln\Gamma(\alpha w_{zc}))]`.

    Notes
    -----
    J. E. Mosimann (1962), On the compound multinomial distribution, Biometrika 49, 65-82.

    Examples
    --------
    >>> one = (np.array([0, 0]), np.array([3.0, 1.0]), np.array([0.5, 0.5]))
    >>> bool(log_likelihood(*one, 2.0) < log_likelihood(*one, 20.0))
    True
    """
    open_ = weight > 0
    unit, counts, alpha = unit[open_], counts[open_], concentration * weight[open_]
    total = group_sum(unit, counts, int(unit.max(initial=-1)) + 1)
    seen = np.bincount(unit, minlength=len(total)) > 0
    inner = np.sum(gammaln(counts + alpha) - gammaln(alpha))
    return float(inner + np.sum(gammaln(concentration) - gammaln(concentration + total[seen])))


def estimate_concentration(unit: Ints, counts: Floats, weight: Floats) -> float:
    r"""Concentration that makes counts by cell most likely.

    Parameters
    ----------
    unit, counts, weight
        As `log_likelihood` takes them.

    Returns
    -------
    float
        :math:`\alpha`, between `LOWEST` and `HIGHEST`: the smaller, the more unevenly people live within their units.

    Examples
    --------
    >>> unit = np.repeat(np.arange(50), 4)
    >>> even, one_place = np.full(200, 5.0), np.tile([20.0, 0.0, 0.0, 0.0], 50)
    >>> [estimate_concentration(unit, n, np.full(200, 0.25)) > 10 for n in (even, one_place)]
    [True, False]
    """

    def cost(log_alpha: float) -> float:
        return -log_likelihood(unit, counts, weight, float(np.exp(log_alpha)))

    found = minimize_scalar(cost, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return float(np.exp(found.x))


def draw_counts(total: int, weight: Floats, concentration: float, n: int, rng: np.random.Generator) -> Ints:
    r"""Draw counts by cell of one unit.

    Parameters
    ----------
    total : int
        Persons of the unit.
    weight : ndarray of float64, shape (cell,)
        Expected shares, summing to 1.
    concentration : float
        :math:`\alpha`; infinite: multinomial scatter alone.
    n : int
        Number of draws.
    rng : numpy.random.Generator
        Of this unit.

    Returns
    -------
    ndarray of int64, shape (n, cell)
        Each row sums to `total`; the variance of a cell is :math:`N w (1 - w) (N + \alpha) / (1 + \alpha)`.

    Examples
    --------
    >>> draws = draw_counts(10, np.array([0.3, 0.7]), 5.0, 4, np.random.default_rng(1))
    >>> draws.shape, draws.sum(axis=1)
    ((4, 2), array([10, 10, 10, 10]))
    """
    if np.isinf(concentration):
        return rng.multinomial(total, weight / weight.sum(), size=n)
    share = rng.standard_gamma(concentration * weight, size=(n, len(weight)))
    whole = share.sum(axis=1)
    # so small a concentration that every part underflows: all live in one cell, drawn by weight
    if (lost := np.flatnonzero(whole <= 0)).size:
        share[lost, rng.choice(len(weight), size=lost.size, p=weight / weight.sum())] = 1.0
        whole[lost] = 1.0
    share /= whole[:, None]
    # the last share takes what rounding left, or multinomial() would find a sum above 1
    share[:, -1] = np.maximum(1.0 - share[:, :-1].sum(axis=1), 0.0)
    return rng.multinomial(total, share)


def shortest_interval(draws: Floats, level: float = 0.9) -> tuple[Floats, Floats]:
    """Shortest interval that holds at least `level` of the draws of each cell, shape (cell, draw) in, (cell,) out.

    >>> low, high = shortest_interval(np.array([[0.0, 0.0, 0.0, 1.0, 9.0]]), 0.6)
    >>> low, high
    (array([0.]), array([0.]))
    """
    ordered = np.sort(draws, axis=1)
    n = ordered.shape[1]
    k = min(max(int(np.ceil(level * n - 1e-9)), 1), n)
    width = ordered[:, k - 1 :] - ordered[:, : n - k + 1]
    first = width.argmin(axis=1)
    row = np.arange(len(ordered))
    return ordered[row, first], ordered[row, first + k - 1]


def interval_holds(draws: Floats, truth: Floats, level: float, rng: np.random.Generator) -> Floats:
    """Whether the central interval of the draws holds the truth, ties between whole persons broken at random.

    Counts are whole: an interval of small counts holds more than it says.  The place of the truth among the draws,
    drawn evenly within its ties, is uniform where the draws are right; a central interval of it holds exactly `level`.

    Parameters
    ----------
    draws : ndarray of float64, shape (cell, draw)
        Draws.
    truth : ndarray of float64, shape (cell,)
        What was counted.
    level : float
        As 0.9.
    rng : numpy.random.Generator
        Breaks ties.

    Returns
    -------
    ndarray of float64, shape (cell,)
        1 where held, else 0.

    Notes
    -----
    The randomised probability integral transform: A. E. Brockwell (2007), Stat. Probab. Lett. 77, 1473-1478.

    Examples
    --------
    >>> interval_holds(np.array([[0.0, 1.0, 2.0]]), np.array([1.0]), 0.9, np.random.default_rng(0))
    array([1.])
    """
    below = (draws < truth[:, None]).sum(axis=1)
    ties = (draws == truth[:, None]).sum(axis=1)
    # the truth is one more of the exchangeable values
    place = (below + rng.random(len(truth)) * (ties + 1)) / (draws.shape[1] + 1)
    tail = (1 - level) / 2
    held: Floats = ((place >= tail) & (place <= 1 - tail)).astype(np.float64)
    return held
