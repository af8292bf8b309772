r"""Indices of evenness: how far the compositions of neighbourhoods lie from that of the whole.

Each is a function of `Zones` alone: :math:`\tau_i` persons live in cell *i*, :math:`\pi_{im}` is the share of group *m*
in the neighbourhood of *i*, :math:`P_m` its share in the zone, :math:`T` the persons of the zone.  All are a function
*g* of :math:`P` and of a mean :math:`A = \sum_i \tau_i f(\pi_i, P) / T`, so that one piece of code gives the
derivatives of all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from civigrid.kernels.zones import Value, Zones, across
from civigrid.types import Floats


class Term(NamedTuple):
    """What a neighbourhood adds, `f` (row,), with its derivatives by the shares around and by those of the whole."""

    f: Floats
    by_share: Floats
    by_whole: Floats | float = 0.0


class Mean(NamedTuple):
    """A term's mean over the persons of each zone, shape (zone,), and its derivatives."""

    value: Floats
    by_own: Floats
    by_share: Floats
    by_whole: Floats


def whole_of(rows: Zones) -> tuple[Floats, Floats]:
    """Persons of each zone, shape (zone,), and shares of the groups in it, shape (zone, group)."""
    groups = rows.sums(rows.own)
    persons = groups.sum(axis=1)
    return persons, groups / persons[:, None]


def mean_of(rows: Zones, term: Term) -> Mean:
    """Mean of a term over the persons of each zone."""
    size, persons = rows.size, rows.sums(rows.size)
    value = rows.sums(size * term.f) / persons
    inverse = rows.by_row(1 / persons)
    by_share = (size * inverse)[:, None] * term.by_share
    if isinstance(term.by_whole, float):
        by_whole = np.full((len(value), rows.own.shape[1]), term.by_whole)
    else:
        by_whole = rows.sums(size[:, None] * term.by_whole) / persons[:, None]
    return Mean(value, (term.f - rows.by_row(value)) * inverse, by_share, by_whole)


def index_of(rows: Zones, mean: Mean, estimate: Floats, by_mean: Floats, by_whole: Floats | float = 0.0) -> Value:
    """Give an index *g(A, P)*, from its derivatives by the mean *A* and by the shares of the whole *P*."""
    persons, share = whole_of(rows)
    moved = by_mean[:, None] * mean.by_whole + by_whole
    moved = (moved - (share * moved).sum(axis=1, keepdims=True)) / persons[:, None]
    own = rows.by_row(by_mean) * mean.by_own
    by_own = own[:, None] + rows.by_row(moved)
    return Value(estimate, np.nan_to_num(by_own), np.nan_to_num(rows.by_row(by_mean)[:, None] * mean.by_share))


def defined(estimate: Floats, denominator: Floats) -> tuple[Floats, Floats]:
    """Give an index and its denominator, both NaN where a zone holds one group alone: nothing is even or uneven."""
    there = denominator > 1e-15
    return np.where(there, estimate, np.nan), np.where(there, denominator, np.nan)


def _log(share: Floats) -> Floats:
    """Logarithm, 0 for nobody: their derivative is multiplied by none of them."""
    return np.asarray(np.log(np.where(share > 0, share, 1.0)))


def _deviation(rows: Zones) -> tuple[Mean, Floats]:
    _, share = whole_of(rows)
    gap = rows.share - rows.by_row(share)
    sign = np.sign(gap)
    return mean_of(rows, Term(across(np.abs(gap)), sign, -sign)), share


def dissimilarity(rows: Zones) -> Value:
    r"""Dissimilarity, :math:`D = \sum_m\sum_i \tau_i|\pi_{im}-P_m| / (2TI)`, with :math:`I = \sum P_m(1-P_m)`.

    With two groups it is Duncan and Duncan's *D*; of a kernel's neighbourhoods it is Reardon and O'Sullivan's.

    Notes
    -----
    Duncan and Duncan (1955); Morgan (1975); Sakoda (1981); Reardon and Firebaugh (2002); Reardon and O'Sullivan
    (2004).

    Examples
    --------
    >>> from civigrid.kernels.zones import zones_of
    >>> dissimilarity(zones_of(np.array([[10.0, 0.0], [10.0, 30.0]]))).estimate
    array([0.5])
    """
    mean, share = _deviation(rows)
    _, twice = defined(mean.value, 2 * (1 - (share**2).sum(axis=1)))
    index = mean.value / twice
    return index_of(rows, mean, index, 1 / twice, (index / twice)[:, None] * 4 * share)


def gorard(rows: Zones) -> Value:
    r"""Gorard's index of the first group, :math:`GS = \sum_i|x_i - X t_i/T| / (2X) = D(1-P)`.

    Notes
    -----
    Gorard and Taylor (2002), Sociology 36.

    >>> from civigrid.kernels.zones import zones_of
    >>> gorard(zones_of(np.array([[10.0, 0.0], [10.0, 30.0]]))).estimate
    array([0.3])
    """
    mean, share = _deviation(rows)
    # the deviations of both groups are equal: their sum counts each twice
    four = np.where(share.min(axis=1) > 1e-15, 4 * share[:, 0], np.nan)
    index = mean.value / four
    by_whole = np.zeros_like(share)
    by_whole[:, 0] = -index / share[:, 0]
    return index_of(rows, mean, index, 1 / four, by_whole)


def minmax(rows: Zones) -> Value:
    r"""Ratio of what two groups do not share to all they cover, :math:`S = 1 - \sum\min/\sum\max = 2D/(1+D)`.

    Notes
    -----
    O'Sullivan and Wong (2007), Geographical Analysis 39, without their surfaces.

    >>> from civigrid.kernels.zones import zones_of
    >>> minmax(zones_of(np.array([[10.0, 0.0], [10.0, 30.0]]))).estimate.round(6)
    array([0.666667])
    """
    d = dissimilarity(rows)
    slope = rows.by_row(2 / (1 + d.estimate) ** 2)[:, None]
    return Value(2 * d.estimate / (1 + d.estimate), slope * d.by_own, slope * d.by_share)


def _entropies(rows: Zones) -> tuple[Mean, Floats, Floats]:
    """Mean of the shares' logarithms (a negative entropy), entropy of the whole, and its derivative by shares."""
    _, share = whole_of(rows)
    log = _log(rows.share)
    mean = mean_of(rows, Term(across(rows.share * log), log))
    # the constant of the derivative cancels: shares sum to 1
    return mean, -xlogy(share, share).sum(axis=1), -_log(share)


def information(rows: Zones) -> Value:
    r"""Theil's information index, :math:`H = 1 - \sum_i \tau_i E_i / (T E)`, with entropies :math:`E`.

    Notes
    -----
    Theil and Finizza (1971); Reardon and Firebaugh (2002); of neighbourhoods Reardon and O'Sullivan (2004), where
    it may be below 0.

    >>> from civigrid.kernels.zones import zones_of
    >>> information(zones_of(np.array([[40.0, 0.0], [0.0, 40.0]]))).estimate
    array([1.])
    """
    mean, entropy, slope = _entropies(rows)
    _, entropy = defined(mean.value, entropy)
    by_whole = (-mean.value / entropy**2)[:, None] * slope
    return index_of(rows, mean, 1 + mean.value / entropy, 1 / entropy, by_whole)


def mutual_information(rows: Zones) -> Value:
    r"""Mutual information of groups and cells, :math:`M = E - \sum_i \tau_i E_i / T`, nats.

    Notes
    -----
    Theil and Finizza (1971); Mora and Ruiz-Castillo (2011), Sociol. Methodol. 41.

    >>> from civigrid.kernels.zones import zones_of
    >>> mutual_information(zones_of(np.array([[40.0, 0.0], [0.0, 40.0]]))).estimate.round(6)
    array([0.693147])
    """
    mean, entropy, slope = _entropies(rows)
    return index_of(rows, mean, entropy + mean.value, np.ones_like(entropy), slope)


def divergence(rows: Zones) -> Value:
    r"""Divergence of neighbourhoods from the whole, :math:`\sum_i \tau_i \sum_m \pi_{im}\ln(\pi_{im}/P_m) / T`, nats.

    Of cells themselves it is the mutual information.

    Notes
    -----
    Roberto (2015), arXiv:1508.01167 (there with logarithms to the base 2).

    >>> from civigrid.kernels.zones import zones_of
    >>> divergence(zones_of(np.array([[40.0, 0.0], [0.0, 40.0]]))).estimate.round(6)
    array([0.693147])
    """
    _, share = whole_of(rows)
    whole = rows.by_row(share)
    ratio = np.divide(rows.share, whole, out=np.ones_like(whole), where=whole > 0)
    log = _log(ratio)
    term = Term(across(rows.share * log), log, -ratio)
    mean = mean_of(rows, term)
    return index_of(rows, mean, mean.value, np.ones_like(mean.value))


def local_of_group(rows: Zones) -> Value:
    r"""Local segregation of the first group, :math:`L_g = \sum_i \frac{x_i}{X}\ln\frac{\pi_i}{P}`, nats.

    The groups' values, weighted by their shares, sum to the mutual information: :math:`\sum_g P_gL_g = M`.

    Notes
    -----
    Alonso-Villar and Del Rio (2010), Math. Soc. Sci. 60; Mora and Ruiz-Castillo (2011); Elbers (2023).

    >>> from civigrid.kernels.zones import zones_of
    >>> local_of_group(zones_of(np.array([[40.0, 0.0], [0.0, 40.0]]))).estimate.round(6)
    array([0.693147])
    """
    _, share = whole_of(rows)
    p = np.where(share[:, 0] > 0, share[:, 0], np.nan)
    ratio = rows.share[:, 0] / rows.by_row(p)
    log = _log(np.nan_to_num(ratio))
    by_share, by_whole = np.zeros_like(rows.share), np.zeros_like(rows.share)
    by_share[:, 0], by_whole[:, 0] = log + 1, -ratio
    mean = mean_of(rows, Term(rows.share[:, 0] * log, by_share, by_whole))
    index = mean.value / p
    of_share = np.zeros_like(share)
    of_share[:, 0] = -index / p
    return index_of(rows, mean, index, 1 / p, of_share)


def hutchens(rows: Zones) -> Value:
    r"""Square root index, :math:`1 - \sum_i\sqrt{(x_i/X)(y_i/Y)}`.

    Notes
    -----
    Hutchens (2001), Math. Soc. Sci. 42; (2004), Int. Econ. Rev. 45.

    >>> from civigrid.kernels.zones import zones_of
    >>> hutchens(zones_of(np.array([[40.0, 0.0], [0.0, 40.0]]))).estimate
    array([1.])
    """
    return _powers(rows, 0.5, lambda mean, p: mean / np.sqrt(p * (1 - p)), _of_hutchens)


def atkinson(rows: Zones, b: float = 0.5) -> Value:
    r"""Atkinson's index, :math:`1 - \frac{P}{1-P}\left|\frac{1}{PT}\sum_i t_i(1-p_i)^{1-b}p_i^b\right|^{1/(1-b)}`.

    Parameters
    ----------
    rows : Zones
        Two groups.
    b : float
        In (0, 1): below 0.5 cells where the group is rare weigh more, above 0.5 those where it is common.

    Notes
    -----
    James and Taeuber (1985), Sociol. Methodol. 15; Massey and Denton (1988).

    >>> from civigrid.kernels.zones import zones_of
    >>> atkinson(zones_of(np.array([[40.0, 0.0], [0.0, 40.0]]))).estimate
    array([1.])
    """
    if not 0 < b < 1:
        raise ValueError(f"Atkinson's b is {b}: it lies between 0 and 1, without them.")
    e = 1 / (1 - b)

    def remains(mean: Floats, p: Floats) -> Floats:
        return np.asarray(p / (1 - p) * (mean / p) ** e)

    def slopes(mean: Floats, p: Floats) -> tuple[Floats, Floats]:
        left = remains(mean, p)
        by_mean = np.divide(e * left, mean, out=np.zeros_like(mean), where=mean > 0)
        return by_mean, left * ((1 - e) / p + 1 / (1 - p))

    return _powers(rows, b, remains, slopes)


def _of_hutchens(mean: Floats, p: Floats) -> tuple[Floats, Floats]:
    root = np.sqrt(p * (1 - p))
    return 1 / root, -mean * (1 - 2 * p) / (2 * root**3)


def _powers(rows: Zones, b: float, remains: object, slopes: object) -> Value:
    """One less what remains of the mean of :math:`p^b(1-p)^{1-b}`; both given with `mean` and *P*, shape (zone,)."""
    assert callable(remains)
    assert callable(slopes)
    _, share = whole_of(rows)
    own, others = rows.share[:, 0], rows.share[:, 1]
    product = own**b * others ** (1 - b)
    slope = np.zeros_like(rows.share)
    for k, (part, power) in enumerate(((own, b), (others, 1 - b))):
        slope[:, k] = np.divide(power * product, part, out=np.zeros_like(part), where=part > 0)
    mean = mean_of(rows, Term(product, slope))
    p, _ = defined(share[:, 0], share[:, 0] * share[:, 1])
    by_mean, by_share = slopes(mean.value, p)
    by_whole = np.zeros_like(share)
    by_whole[:, 0] = -by_share
    return index_of(rows, mean, 1 - remains(mean.value, p), -by_mean, by_whole)


def entropy(rows: Zones) -> Value:
    r"""Diversity of the whole, :math:`E = -\sum P_m \ln P_m`, nats; it is no index of segregation.

    Notes
    -----
    Theil (1972), Statistical Decomposition Analysis.

    >>> from civigrid.kernels.zones import zones_of
    >>> entropy(zones_of(np.array([[1.0, 1.0]]))).estimate.round(6)
    array([0.693147])
    """
    _, share = whole_of(rows)
    return of_whole(rows, -xlogy(share, share).sum(axis=1), -_log(share))


def of_whole(rows: Zones, estimate: Floats, by_whole: Floats) -> Value:
    """Give a function of the whole alone, from its derivative by the shares."""
    none = Mean(np.zeros_like(estimate), np.zeros(len(rows.own)), np.zeros_like(rows.share), np.zeros_like(by_whole))
    return index_of(rows, none, estimate, np.zeros_like(estimate), by_whole)
