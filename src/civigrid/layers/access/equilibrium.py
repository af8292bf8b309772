"""RAAM: access where people avoid crowded sites, as an equilibrium that proves itself by a duality gap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from civigrid.errors import SchemaError
from civigrid.kernels.equilibrium import crowding_equilibrium
from civigrid.layers.access.claimants import Claimants, claimants
from civigrid.layers.access.found import Access
from civigrid.layers.access.market import Market
from civigrid.types import Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Crowded:
    """The rational agents' equilibrium.

    Parameters
    ----------
    access : Access
        Cost of the best site: travel time by `tau_min` and crowding by the mean crowding.  ``load`` and ``crowding``
        at sites are unique.
    gap : tuple of float
        Relative duality gap, by service.
    rounds : tuple of int
        Looks at all pairs, by service.
    converged : tuple of bool
        Whether the gap is within the tolerance.
    """

    access: Access
    gap: tuple[float, ...]
    rounds: tuple[int, ...]
    converged: tuple[bool, ...]


def raam(
    town: Market,
    *,
    tau_min: float = 60.0,
    rho: float | None = None,
    tolerance: float = 1e-4,
    most_rounds: int = 2_000,
) -> Crowded:
    r"""Rational agent access model: everybody takes the site that costs least in travel and crowding together.

    .. math:: c_{ij} = \frac{t_{ij}}{\tau} + \frac{D_j}{\rho S_j}, \quad \rho = \frac{\sum_i P_i}{\sum_j S_j}

    Parameters
    ----------
    town : Market
        Its weights do not count, its travel times do; several modes and groups compete for the same places.
    tau_min : float
        Travel time that weighs as much as the mean crowding, minutes.
    rho : float, optional
        Demand per place at a crowding of 1; by default the mean.  Hold it to compare scenarios: with more places the
        mean falls, and the same crowd counts as a worse one.
    tolerance : float
        Relative duality gap at which it stops.
    most_rounds : int
        Stop after so many looks at all pairs in any case: `converged` tells.

    Returns
    -------
    Crowded
        Lower is better.  A cell without people has the cost that one person there would meet; NaN where no site is
        within the bound.

    Notes
    -----
    Saxon and Snow (2020); solved as the convex program of Beckmann, McGuire and Winsten (1956),
    :math:`\min \sum t d / \tau + \sum_j D_j^2 / 2\rho S_j`, whose loads :math:`D_j` are unique.  PySAL shifts whole
    persons for a fixed number of cycles and tells no gap.

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> found = raam(two_cells(), tau_min=60.0, tolerance=1e-9)
    >>> found.access.at_site["load"].ravel().round(3).tolist(), found.access.of().round(3).tolist()
    ([20.408, 19.592], [1.06, 1.226])
    """
    if not (np.isfinite(tau_min) and tau_min > 0):
        raise SchemaError(f"tau_min = {tau_min}: must be above 0 minutes.")
    if rho is not None and not (np.isfinite(rho) and rho > 0):
        raise SchemaError(f"rho = {rho}: must be above 0 persons per place.")
    n, services = len(town.cell_id), len(town.services)
    cost = {m: np.full((n, services, len(town.groups) if town.by_group else 1), np.nan) for m in town.modes}
    load, crowding = np.zeros(town.supply.shape), np.full(town.supply.shape, np.nan)
    notes = {k: np.zeros(services) for k in ("demand", "demand_unserved", "gap")}
    rounds = []
    for s in range(services):
        who = claimants(town, s, "RAAM")
        demand, supply = who.persons.sum(), town.supply[:, s].sum()
        mean = demand / supply if supply > 0 and demand > 0 else 1.0
        capacity = town.supply[:, s] * (rho or mean)
        done = crowding_equilibrium(
            who.indptr, who.site, who.minutes / tau_min, who.persons, capacity,
            tolerance=tolerance, most_rounds=most_rounds,
        )  # fmt: skip
        offers = town.offers[:, s]
        load[:, s] = done.load
        crowding[offers, s] = done.load[offers] / capacity[offers]
        least = _least(who, who.minutes / tau_min + np.nan_to_num(crowding[:, s])[who.site])
        for mode, g, part in who.by_block(least):
            cost[mode][:, s, g] = part
        notes["demand"][s], notes["gap"][s] = demand, done.gap
        notes["demand_unserved"][s] = who.persons[np.isnan(least)].sum()
        rounds.append(done.rounds)
    access = Access(market=town, value=_mean(town, cost), at_site={"load": load, "crowding": crowding}, notes=notes)
    gap = tuple(notes["gap"].tolist())
    return Crowded(access=access, gap=gap, rounds=tuple(rounds), converged=tuple(g <= tolerance for g in gap))


def _least(who: Claimants, cost: Floats) -> Floats:
    """Least cost of each row, NaN for a row without pairs."""
    count = np.diff(who.indptr)
    least = np.full(len(count), np.nan)
    if len(cost):
        least[count > 0] = np.minimum.reduceat(cost, who.indptr[:-1][count > 0])
    return least


def _mean(town: Market, cost: dict[str, Floats]) -> Floats:
    """Mean over the modes a group has: NaN where a mode that some of it has reaches nothing."""
    if not town.share:
        return next(iter(cost.values()))
    some = {m: np.broadcast_to(town.share[m][:, None, :] > 0, cost[m].shape) for m in cost}
    total = town.over_modes({m: np.where(some[m], cost[m], 0.0) for m in cost})
    return np.where(np.any(list(some.values()), axis=0), total, np.nan)
