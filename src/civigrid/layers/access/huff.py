"""Huff's model: with which probability people of a cell go to which site, and whom a site can expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from civigrid.errors import SchemaError
from civigrid.kernels.catchment import flat, to_sites
from civigrid.kernels.group import group_sum
from civigrid.layers.access.found import ratio
from civigrid.layers.access.market import Market
from civigrid.types import Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Patronage:
    """Whom sites can expect.

    Parameters
    ----------
    market : Market
        What it was computed from.
    users : ndarray of float64, shape (site, service, group)
        Expected users, sites in the order of the market's.
    nowhere : ndarray of float64, shape (service, group)
        Demand of those who reach no site, or have no mode; with the users it is all demand.
    """

    market: Market
    users: Floats
    nowhere: Floats


def _power(town: Market, alpha: float) -> Floats:
    if not (np.isfinite(alpha) and alpha >= 0):
        raise SchemaError(f"alpha = {alpha}: must be at least 0; 0 makes all sites equally attractive.")
    return np.where(town.offers, town.supply, 1.0) ** alpha * town.offers


def patronage(town: Market, *, alpha: float = 1.0) -> Patronage:
    r"""Expected users of each site, :math:`\sum_i P_i h_{ij}`.

    .. math:: h_{ij} = \frac{S_j^\alpha f_{ij}}{\sum_l S_l^\alpha f_{il}}

    Parameters
    ----------
    town : Market
        Each mode chooses among the sites within its reach that serve the group.
    alpha : float
        Power of the capacity, the attraction.

    Returns
    -------
    Patronage
        With `alpha` 1 this is the constrained measure with the demand as its constraint.

    Notes
    -----
    Huff (1964); singly constrained: Wilson (1971).

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> patronage(two_cells()).users.ravel().round(4).tolist()
    [27.1429, 12.8571]
    """
    pull = _power(town, alpha)
    users = np.zeros((*town.supply.shape, len(town.groups)))
    nowhere = (town.demand[:, None, :] * town.need.T[None]).sum(axis=0)
    for mode, only in town.modes.items():
        share = town.share[mode] if town.share else 1.0
        claims = (town.demand * share)[:, None, :] * town.need.T[None]
        sum_of = town.at_cells(mode, pull)
        spread = claims * ratio(np.ones_like(sum_of), sum_of)
        found = to_sites(only.pairs, flat(spread)).reshape(users.shape) * pull[:, :, None]
        users += found if town.eligible is None else found * town.eligible
        nowhere -= np.where(sum_of > 0, claims, 0.0).sum(axis=0)
    return Patronage(market=town, users=users, nowhere=np.maximum(nowhere, 0.0))


def choice(town: Market, *, service: int = 0, group: int = 0, alpha: float = 1.0) -> Floats:
    r"""Probability that people of each pair's cell go to its site, :math:`h_{ij}`.

    Parameters
    ----------
    town : Market
        Of one mode.
    service, group : int
        Number of the service, and of the group.
    alpha : float
        Power of the capacity.

    Returns
    -------
    ndarray of float64, shape (pair,)
        In the order of the pairs of the market's mode; the pairs of a cell sum to 1, or are 0 where no site of the
        service is within its reach.

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> choice(two_cells()).round(4).tolist()
    [1.0, 0.5714, 0.4286]
    """
    only = town.only_mode("the choice of a site")
    pull = _power(town, alpha)[:, service]
    if town.eligible is not None:
        pull = pull * town.eligible[:, service, group]
    weight = only.weight * pull[only.times.site]
    rows = only.times.rows()
    total = group_sum(rows, weight, len(town.cell_id))
    return ratio(weight, total[rows])
