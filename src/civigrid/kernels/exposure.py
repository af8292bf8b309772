"""Indices of exposure: whom a member of a group meets in the neighbourhood."""

from __future__ import annotations

import numpy as np

from civigrid.kernels.zones import Value, Zones


def exposure(rows: Zones, a: int = 0, b: int = 1) -> Value:
    r"""Exposure of group *a* to group *b*, :math:`{}_aP_b = \sum_i (a_i/A)\,\pi_{ib}`.

    Notes
    -----
    Bell (1954); Lieberson (1981); Massey and Denton (1988); of neighbourhoods Reardon and O'Sullivan
    (2004).  The exposures of a group to all groups, its own among them, sum to 1.

    >>> from civigrid.kernels.zones import zones_of
    >>> exposure(zones_of(np.array([[10.0, 0.0], [10.0, 30.0]]))).estimate
    array([0.375])
    """
    x, met = rows.own[:, a], rows.share[:, b]
    members = rows.sums(x)
    members = np.where(members > 0, members, np.nan)
    index = rows.sums(x * met) / members
    by_own, by_share = np.zeros_like(rows.own), np.zeros_like(rows.share)
    inverse = rows.by_row(1 / members)
    by_own[:, a] = (met - rows.by_row(index)) * inverse
    by_share[:, b] = x * inverse
    return Value(index, np.nan_to_num(by_own), np.nan_to_num(by_share))


def isolation(rows: Zones) -> Value:
    r"""Isolation, :math:`{}_xP_x`: the share of the own group that a member of the first group meets.

    >>> from civigrid.kernels.zones import zones_of
    >>> isolation(zones_of(np.array([[10.0, 0.0], [10.0, 30.0]]))).estimate
    array([0.625])
    """
    return exposure(rows, 0, 0)


def interaction(rows: Zones) -> Value:
    r"""Interaction of the first group with everyone else, :math:`{}_xP_y = 1 - {}_xP_x`.

    >>> from civigrid.kernels.zones import zones_of
    >>> interaction(zones_of(np.array([[10.0, 0.0], [10.0, 30.0]]))).estimate
    array([0.375])
    """
    return exposure(rows, 0, 1)
