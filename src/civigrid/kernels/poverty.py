"""Who has too little: poverty of access (FGT), sufficiency, the worst off, and parts of an index by subgroup.

Arrays are of shape (draw, zone), as in `civigrid.kernels.inequality`.
"""

from __future__ import annotations

import numpy as np

from civigrid.kernels.inequality import People
from civigrid.types import Floats, Ints


def fgt(people: People, threshold: float, power: int, *, bads: bool) -> Floats:
    r"""Foster-Greer-Thorbecke index, :math:`\sum p_i 1\{A_i<z\}((z-A_i)/z)^a`; for bads, of times above *z*.

    Parameters
    ----------
    people : People
        Persons; infinite values (nobody reaches anything) are allowed with power 0.
    threshold : float
        *z*, above 0; who has exactly *z* is not poor.
    power : int
        *a*: 0 counts the poor, 1 adds up their gaps, 2 their squared gaps.
    bads : bool
        Whether less is better, as with times: the poor are those with more than *z*, and a gap may exceed 1.

    Returns
    -------
    ndarray of float64, shape (draw, zone)
        In [0, 1] for goods.

    Notes
    -----
    Foster, Greer and Thorbecke (1984), Econometrica 52(3), equation 3.

    Examples
    --------
    >>> from civigrid.kernels.inequality import people_of
    >>> fgt(people_of([1.0, 4.0], [1.0, 3.0]), 2.0, 1, bads=False)
    array([[0.125]])
    """
    return people.mean_of(gaps(people.values, threshold, power, bads=bads))


def gaps(values: Floats, threshold: float, power: int, *, bads: bool) -> Floats:
    """Relative gap of each row to the threshold, to a power; 0 of who is not poor."""
    poor = values > threshold if bads else values < threshold
    if power == 0:
        return poor.astype(np.float64)
    return np.where(poor, np.abs(values - threshold) / threshold, 0.0) ** power


def sufficiency(people: People, threshold: float, *, bads: bool) -> Floats:
    """Share of persons who have at least the threshold, or for bads at most: 1 - FGT(0)."""
    return 1 - fgt(people, threshold, 0, bads=bads)


def worst(people: People, *, bads: bool) -> Floats:
    """What the worst off have (Rawls's maximin): the least good, the longest time."""
    reduce = np.maximum if bads else np.minimum
    return np.broadcast_to(reduce.reduceat(people.values, people.starts), (len(people.weights), len(people.starts)))


def linear_error(people: People, of: Floats, cell: Ints) -> Floats:
    """Standard error of the mean of a quantity over persons, cells being drawn, shape (zone,); NaN of one cell.

    Parameters
    ----------
    people : People
        Persons, of whom the first draw is looked at.
    of : ndarray of float64, shape (row,)
        The quantity, in the order of `people`.
    cell : ndarray of int64, shape (row,)
        Cell of each row: rows of one cell are drawn together, and lie in one zone.

    Notes
    -----
    Linearisation of a ratio: Woodruff (1971), JASA 66; Särndal, Swensson and Wretman (1992), equation 5.6.7.
    """
    zone = np.repeat(np.arange(len(people.starts)), np.diff(np.append(people.starts, len(people.values))))
    rest = people.weights[0] * (of - people.by_row(people.mean_of(of)[:1])[0])
    _, first, at = np.unique(cell, return_index=True, return_inverse=True)
    square = np.bincount(zone[first], np.bincount(at, rest) ** 2, len(people.starts))
    n = np.bincount(zone[first], minlength=len(people.starts)).astype(np.float64)
    factor = np.divide(n, n - 1, out=np.full(len(n), np.nan), where=n > 1)
    error: Floats = np.sqrt(factor * square) / people.sums()[0]
    return error


def _shares(persons: Floats, means: Floats) -> tuple[Floats, Floats, Floats]:
    """Shares of persons and of what they have, and ratios of means to the whole's, by subgroup (last axis)."""
    whole = persons.sum(axis=-1, keepdims=True)
    mu = (persons * means).sum(axis=-1, keepdims=True) / whole
    mu = np.where(mu > 0, mu, np.nan)
    ratio = means / mu
    return persons / whole, persons / whole * ratio, ratio


def theil_t_parts(persons: Floats, means: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Theil's T within and between subgroups, which add up to it exactly.

    Parameters
    ----------
    persons, means, values : ndarray of float64, shape (..., subgroup)
        Persons, mean and T of each subgroup; NaN where nobody has anything, which adds nothing.

    Returns
    -------
    tuple of ndarray, shape (...)
        Within: sum of income shares times T; between: sum of income shares times the log of the ratio of means.

    Notes
    -----
    Shorrocks (1980), Econometrica 48(3).
    """
    _, share, ratio = _shares(persons, means)
    within = np.where(share == 0, 0.0, share * values).sum(axis=-1)
    return within, (share * np.log(np.where(ratio == 0, 1.0, ratio))).sum(axis=-1)


def theil_l_parts(persons: Floats, means: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Theil's L within and between subgroups: weights are shares of persons.  NaN where a subgroup has nothing."""
    size, _, ratio = _shares(persons, means)
    with np.errstate(divide="ignore"):
        between = -(size * np.log(ratio)).sum(axis=-1)
    return (size * values).sum(axis=-1), np.where(np.isfinite(between), between, np.nan)


def gini_parts(persons: Floats, means: Floats, values: Floats, whole: Floats) -> tuple[Floats, Floats, Floats]:
    """Gini within and between subgroups, and the residual that their overlap makes.

    Within is the sum of the shares of persons and of what they have times the subgroup's Gini; between is the Gini of
    everyone having the mean of the subgroup; the residual is 0 where no subgroups overlap.

    Notes
    -----
    Bhattacharya and Mahalanobis (1967), JASA 62; the residual: Lambert and Aronson (1993), Economic Journal 103.

    >>> ones = np.ones((1, 2))
    >>> gini_parts(ones, np.array([[1.0, 3.0]]), 0 * ones, np.array([0.25]))
    (array([0.]), array([0.25]), array([0.]))
    """
    size, share, _ = _shares(persons, means)
    within = np.where(share == 0, 0.0, size * share * values).sum(axis=-1)
    order = np.argsort(means, axis=-1, kind="stable")
    size, share = np.take_along_axis(size, order, -1), np.take_along_axis(share, order, -1)
    upto = np.cumsum(share, axis=-1)
    between = 1 - (size * (2 * upto - share)).sum(axis=-1)
    return within, between, whole - within - between


def additive_shares(persons: Floats, values: Floats) -> Floats:
    """Part of a mean (FGT) that each subgroup makes, shape (..., subgroup): the parts add up to 1; NaN of nothing."""
    mass = persons * values
    whole = mass.sum(axis=-1, keepdims=True)
    shares: Floats = np.divide(mass, whole, out=np.full(mass.shape, np.nan), where=whole != 0)
    return shares
