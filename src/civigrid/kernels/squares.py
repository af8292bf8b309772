r"""Indices made of squared shares: variance ratio and its relatives for several groups, Simpson's diversity."""

from __future__ import annotations

import numpy as np

from civigrid.kernels.evenness import Mean, Term, defined, index_of, mean_of, of_whole, whole_of
from civigrid.kernels.zones import Value, Zones, across
from civigrid.types import Floats


def _squares(rows: Zones, weigh: object) -> tuple[Mean, Floats]:
    """Mean of the squared deviations, each group's by a weight that depends on its share in the whole."""
    assert callable(weigh)
    _, share = whole_of(rows)
    weight, slope = weigh(share)
    gap = rows.share - rows.by_row(share)
    by_share = 2 * gap * rows.by_row(weight)
    by_whole = gap**2 * rows.by_row(slope) - by_share
    return mean_of(rows, Term(across(gap**2 * rows.by_row(weight)), by_share, by_whole)), share


def variance_ratio(rows: Zones) -> Value:
    r"""Variance ratio of the first group, :math:`V = \sum_i \tau_i(\pi_i-P)^2 / (TP(1-P))` (eta squared).

    Of cells themselves it is isolation freed of the group's size: :math:`V = ({}_xP_x-P)/(1-P)`.

    Notes
    -----
    Bell (1954); Stearns and Logan (1986), Urban Affairs Q. 22; Massey and Denton (1988).

    >>> from civigrid.kernels.zones import zones_of
    >>> variance_ratio(zones_of(np.array([[10.0, 0.0], [10.0, 30.0]]))).estimate
    array([0.375])
    """

    def first(share: Floats) -> tuple[Floats, Floats]:
        weight = np.zeros_like(share)
        weight[:, 0] = 1.0
        return weight, np.zeros_like(share)

    mean, share = _squares(rows, first)
    p = share[:, 0]
    _, spread = defined(p, p * (1 - p))
    index = mean.value / spread
    by_whole = np.zeros_like(share)
    by_whole[:, 0] = -index / spread * (1 - 2 * p)
    return index_of(rows, mean, index, 1 / spread, by_whole)


def squared_variation(rows: Zones) -> Value:
    r"""Squared coefficient of variation, :math:`C = \sum_m\sum_i \tau_i(\pi_{im}-P_m)^2 / (T(G-1)P_m)`, *G* groups.

    Notes
    -----
    Reardon and Firebaugh (2002).  Groups without persons do not count among *G*.

    >>> from civigrid.kernels.zones import zones_of
    >>> squared_variation(zones_of(np.array([[10.0, 0.0], [10.0, 30.0]]))).estimate
    array([0.375])
    """

    def inverse(share: Floats) -> tuple[Floats, Floats]:
        one = np.divide(1.0, share, out=np.zeros_like(share), where=share > 0)
        return one, -(one**2)

    mean, share = _squares(rows, inverse)
    _, others = defined(mean.value, (share > 0).sum(axis=1) - 1.0)
    return index_of(rows, mean, mean.value / others, 1 / others)


def normalized_exposure(rows: Zones) -> Value:
    r"""Normalised exposure, :math:`P = \sum_m\sum_i \tau_i(\pi_{im}-P_m)^2 / (T(1-P_m))`.

    Notes
    -----
    James (1986), Sociol. Methods Res. 14; Reardon and Firebaugh (2002).

    >>> from civigrid.kernels.zones import zones_of
    >>> normalized_exposure(zones_of(np.array([[10.0, 0.0], [10.0, 30.0]]))).estimate
    array([0.375])
    """

    def rest(share: Floats) -> tuple[Floats, Floats]:
        one = np.divide(1.0, 1 - share, out=np.full_like(share, np.nan), where=share < 1)
        return one, one**2

    mean, _ = _squares(rows, rest)
    return index_of(rows, mean, mean.value, np.ones_like(mean.value))


def relative_diversity(rows: Zones) -> Value:
    r"""Relative diversity, :math:`R = 1 - \sum_i \tau_i I_i / (T I)`, with Simpson's :math:`I = \sum \pi_m(1-\pi_m)`.

    Notes
    -----
    Carlson (1992); Reardon and Firebaugh (2002); of neighbourhoods Reardon and O'Sullivan (2004).

    >>> from civigrid.kernels.zones import zones_of
    >>> relative_diversity(zones_of(np.array([[10.0, 0.0], [10.0, 30.0]]))).estimate
    array([0.375])
    """
    _, share = whole_of(rows)
    mean = mean_of(rows, Term(across(rows.share**2), 2 * rows.share))
    _, whole = defined(mean.value, 1 - (share**2).sum(axis=1))
    by_whole = (-(1 - mean.value) / whole**2)[:, None] * 2 * share
    return index_of(rows, mean, 1 - (1 - mean.value) / whole, 1 / whole, by_whole)


def simpson(rows: Zones) -> Value:
    r"""Chance that two persons of the whole differ, :math:`I = 1 - \sum P_m^2` (interaction); no index of segregation.

    Notes
    -----
    Simpson (1949), Nature 163; Lieberson (1969), Am. Sociol. Rev. 34.

    >>> from civigrid.kernels.zones import zones_of
    >>> simpson(zones_of(np.array([[1.0, 1.0]]))).estimate
    array([0.5])
    """
    _, share = whole_of(rows)
    return of_whole(rows, 1 - (share**2).sum(axis=1), -2 * share)
