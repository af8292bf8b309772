"""Access that adds up: balanced catchments, spatial availability, and the constrained family of gravity measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from civigrid.errors import SchemaError
from civigrid.kernels.allocation import Balance, balance
from civigrid.kernels.catchment import Pairs, to_cells, to_sites
from civigrid.layers.access.cumulative import gravity
from civigrid.layers.access.found import Access, left_out, ratio, unserved
from civigrid.layers.access.market import Market
from civigrid.types import Floats


def balanced(town: Market) -> Access:
    r"""Balanced floating catchment area: weights are made shares, so that neither people nor places count twice.

    .. math::
        W^i_{ij} = \frac{f_{ij}}{\sum_l f_{il}}, \quad W^j_{ij} = \frac{f_{ij}}{\sum_k f_{kj}}, \quad
        L_j = \frac{S_j}{\sum_k P_k W^i_{kj}}, \quad A_i = \sum_j L_j W^j_{ij}

    Parameters
    ----------
    town : Market
        Of one mode.

    Returns
    -------
    Access
        Level of service.  ``demand`` at sites sums to all people who reach one; :math:`\sum_i A_i = \sum_j L_j`.
        The second weight is over all cells within reach, inhabited or not: the same town in smaller cells has smaller
        values, so compare within one grid only.

    Notes
    -----
    Paez, Higgins and Vivona (2019), PLOS ONE 14 (6).

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> balanced(two_cells()).of().tolist()
    [0.08, 0.28]
    """
    mode, only = next(iter(town.modes)), town.only_mode("the balanced catchment")
    if town.share:
        raise SchemaError("the balanced catchment has no shares of modes: leave mode_share out.")
    pull = town.at_cells(mode, town.offers.astype(float))
    demand = town.offers * town.at_sites({mode: town.claims(mode) * ratio(np.ones_like(pull), pull)})
    level = ratio(town.supply, demand)
    around = to_sites(only.pairs, np.ones((len(town.cell_id), 1)))
    value = town.at_cells(mode, level * ratio(np.ones_like(around), around))
    notes = left_out(town, demand) | unserved(town, {mode: pull})
    return Access(market=town, value=value, at_site={"demand": demand, "ratio": level}, notes=notes)


def availability(town: Market, *, alpha: float = 1.0) -> Access:
    r"""Spatial availability: how many places fall to each cell when each site is shared out among all who reach it.

    .. math:: V_i = \sum_j S_j \frac{P_i^\alpha f_{ij}}{\sum_k P_k^\alpha f_{kj}}

    Parameters
    ----------
    town : Market
        Its demand competes.
    alpha : float
        Above 1: large cells draw more than their share.

    Returns
    -------
    Access
        Places of each cell (and group); they sum to the supply of all sites that anyone reaches.  This is the
        constrained measure with the supply as its constraint.

    Notes
    -----
    Soukhov, Paez, Higgins and Mohamed (2023), PLOS ONE 18 (1).

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> availability(two_cells()).of().tolist()
    [1.0, 6.0]
    """
    places, notes, at_site, _ = _shared_out(town, alpha)
    total = sum(places.values())
    return Access(market=town, value=np.asarray(total), at_site=at_site, notes=notes)


def availability_per_person(town: Market, *, alpha: float = 1.0) -> Access:
    r"""Spatial availability by person, :math:`v_i = V_i / P_i`; for :math:`\alpha = 1` this is `two_step`.

    Parameters
    ----------
    town : Market
        Its demand competes.
    alpha : float
        Above 1: large cells draw more than their share.

    Returns
    -------
    Access
        Supply per unit of demand; NaN where nobody lives, unless `alpha` is 1.

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> availability_per_person(two_cells()).of().tolist()
    [0.1, 0.2]
    """
    places, notes, at_site, offered = _shared_out(town, alpha)
    if alpha == 1:
        value = town.over_modes(offered)
    else:
        people = town.demand[:, None, :] * town.need.T[None]
        if not town.by_group:
            people = people.sum(axis=2, keepdims=True)
        value = ratio(np.asarray(sum(places.values())), people, otherwise=np.nan)
    return Access(market=town, value=value, at_site=at_site, notes=notes)


def _shared_out(
    town: Market, alpha: float
) -> tuple[dict[str, Floats], dict[str, Floats], dict[str, Floats], dict[str, Floats]]:
    if not (np.isfinite(alpha) and alpha > 0):
        raise SchemaError(f"alpha = {alpha}: must be above 0; 1 shares out by persons.")
    claims = {m: town.claims(m) ** alpha for m in town.modes}
    demand = town.at_sites(claims)
    share = ratio(town.supply, demand)
    offered = {m: town.at_cells(m, share) for m in town.modes}
    places = {m: claims[m] * offered[m] for m in town.modes}
    notes = left_out(town, demand) | unserved(town, offered)
    return places, notes, {"demand": demand, "ratio": share}, offered


def constrained_total(town: Market) -> Access:
    r"""Gravity access made to sum to the supply: each cell's share of all opportunities.

    .. math:: V_i = \frac{\sum_j S_j f_{ij}}{\sum_k \sum_j S_j f_{kj}} \sum_j S_j

    Parameters
    ----------
    town : Market
        Its demand does not count.

    Returns
    -------
    Access
        Places; they sum over cells (and groups, where their access differs) to the supply of all sites within reach.

    Notes
    -----
    Wilson (1971), the unconstrained case with a known total.

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> constrained_total(two_cells()).of().round(4).tolist()
    [2.5455, 4.4545]
    """
    active = gravity(town)
    reached = np.zeros((len(town.site_id), 1))
    for only in town.modes.values():
        reached += to_sites(only.pairs, np.ones((len(town.cell_id), 1)))
    notes = left_out(town, np.broadcast_to(reached, town.supply.shape))
    total = active.value.sum(axis=(0, 2), keepdims=True)
    value = active.value * ratio(notes["supply_shared"][None, :, None], total)
    return Access(market=town, value=value, notes=notes)


@dataclass(frozen=True, eq=False, kw_only=True)
class Doubly:
    """Flows that use all demand and all supply.

    Parameters
    ----------
    access : Access
        By service: supply within reach, weighed by decay and by how little contested each site is.
    flows : tuple of Balance
        Flow of each pair of the market's mode, factors, rounds and the largest deviation, by service.
    converged : tuple of bool
        Whether margins are met to the tolerance.
    """

    access: Access
    flows: tuple[Balance, ...]
    converged: tuple[bool, ...]


def constrained_doubly(town: Market, *, tolerance: float = 1e-9, most_rounds: int = 10_000) -> Doubly:
    r"""Doubly constrained access: flows whose rows sum to the demand of cells and columns to the supply of sites.

    .. math::
        V_{ij} = a_i b_j P_i S_j f_{ij}, \quad a_i = \frac1{\sum_j b_j S_j f_{ij}}, \quad
        b_j = \frac1{\sum_i a_i P_i f_{ij}}

    Parameters
    ----------
    town : Market
        Of one mode, with one access for all groups.  Demand is scaled to the supply that anyone reaches.
    tolerance : float
        Largest deviation of a margin, by the total, at which rounds stop.
    most_rounds : int
        Stop after so many in any case.

    Returns
    -------
    Doubly
        Access is :math:`1/a_i`, with :math:`b` of mean 1 over places: gravity access where sites are equally
        contested.  NaN for a cell without demand or without a site.  Pairs are matched by their ids: no order of rows
        is assumed.

    Notes
    -----
    Wilson (1971); iterative proportional fitting, Deming and Stephan (1940).  Where some cells reach too few places
    for their people, no flows meet all margins: `converged` is False and the deviation tells by how much.

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> found = constrained_doubly(two_cells())
    >>> found.flows[0].flow.round(6).tolist(), found.converged
    ([1.75, 2.25, 3.0], (True,))
    """
    mode, only = next(iter(town.modes)), town.only_mode("doubly constrained access")
    if town.by_group:
        raise SchemaError("doubly constrained access has one access for all groups: leave eligible and shares out.")
    claims = town.claims(mode)[:, :, 0]
    value = np.full((len(town.cell_id), len(town.services), 1), np.nan)
    flows, notes = [], {"supply_lost": np.zeros(len(town.services)), "demand_unserved": np.zeros(len(town.services))}
    for s in range(len(town.services)):
        fits = _margins(only.pairs, claims[:, s], town.supply[:, s])
        notes["supply_lost"][s] = town.supply[:, s].sum() - fits[1].sum()
        notes["demand_unserved"][s] = claims[:, s].sum() - fits[0].sum()
        scale = fits[1].sum() / fits[0].sum() if fits[0].sum() > 0 else 0.0
        done = balance(only.pairs, fits[0] * scale, fits[1], tolerance=tolerance, most_rounds=most_rounds)
        places = (done.column * fits[1]).sum() / max(fits[1].sum(), 1e-300)
        there = done.row > 0
        value[there, s, 0] = 1 / (done.row[there] * max(places, 1e-300))
        flows.append(done)
    access = Access(market=town, value=value, notes=notes)
    return Doubly(access=access, flows=tuple(flows), converged=tuple(f.deviation <= tolerance for f in flows))


def _margins(pairs: Pairs, demand: Floats, supply: Floats) -> tuple[Floats, Floats]:
    """Demand that reaches some supply, and supply that some demand reaches."""
    near = to_cells(pairs, supply[:, None])[:, 0] > 0
    wanted = to_sites(pairs, demand[:, None])[:, 0] > 0
    return np.where(near, demand, 0.0), np.where(wanted, supply, 0.0)
