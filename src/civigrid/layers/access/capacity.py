"""Capacitated allocation: who finds a place when sites are full, and what one more place would be worth."""

from __future__ import annotations

import numpy as np

from civigrid.errors import SchemaError
from civigrid.kernels.allocation import cheapest_allocation
from civigrid.kernels.catchment import Pairs
from civigrid.layers.access.claimants import claimants
from civigrid.layers.access.found import Access, ratio
from civigrid.layers.access.market import Market


def allocation(town: Market, *, unmet_min: float | None = None) -> Access:
    r"""Place all demand at sites of limited capacity, in the least total time.

    .. math:: \min \sum_{ij} t_{ij} d_{ij} + M \sum_i u_i, \quad \sum_j d_{ij} + u_i = P_i, \quad \sum_i d_{ij} \le S_j

    Parameters
    ----------
    town : Market
        Its weights do not count, its travel times do.  Demand and supply in the same unit, as visits a year.
    unmet_min : float, optional
        Minutes that being without a place counts as, :math:`M`.  By default so many that as many as possible are
        placed, and of all ways to do so the quickest is taken.

    Returns
    -------
    Access
        Share of the demand that is unmet, by cell, service and group, NaN where there is none; groups of one cell that
        have the same access share what is unmet alike.  At sites: ``load``; ``value``, minutes that one more place
        saves (the dual); and, where all are placed first, ``serves_more``, how many more persons it serves.  In the
        notes: ``demand``, ``unmet``, ``minutes`` in all.

    Notes
    -----
    The transport problem, Hitchcock (1941), solved exactly by HiGHS.  The value of a place holds for one more; where
    several optima exist the flows are one of them.

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> found = allocation(two_cells())
    >>> found.of().round(4).tolist(), found.at_site["serves_more"].ravel().tolist()
    ([0.6, 0.9], [1.0, 1.0])
    """
    if unmet_min is not None and not (np.isfinite(unmet_min) and unmet_min > 0):
        raise SchemaError(f"unmet_min = {unmet_min}: must be above 0 minutes.")
    n, services = len(town.cell_id), len(town.services)
    columns = len(town.groups) if town.by_group else 1
    unmet, wanted = np.zeros((n, services, columns)), np.zeros((n, services, columns))
    at_site = {k: np.zeros(town.supply.shape) for k in ("load", "value")}
    if unmet_min is None:
        at_site["serves_more"] = np.zeros(town.supply.shape)
    notes = {k: np.zeros(services) for k in ("demand", "unmet", "minutes")}
    for s in range(services):
        who = claimants(town, s, "the allocation")
        longest = max(float(who.minutes.max(initial=0.0)), 1.0)
        # an exchange of places runs through each site once at most: dearer than any of them, four times over
        price = 4.0 * (len(town.site_id) + 1) * longest if unmet_min is None else float(unmet_min)
        pairs = Pairs(who.indptr, who.site, who.minutes, len(town.site_id))
        done = cheapest_allocation(pairs, who.persons, town.supply[:, s], price)
        for _, g, part in who.by_block(done.unmet):
            unmet[:, s, g] += part
        for _, g, part in who.by_block(who.persons):
            wanted[:, s, g] += part
        at_site["load"][:, s] = np.bincount(who.site, weights=done.flow, minlength=len(town.site_id))
        at_site["value"][:, s] = done.value
        if unmet_min is None:
            # the price is so high that it tells persons and minutes apart
            at_site["serves_more"][:, s] = np.round(done.value / price)
            at_site["value"][:, s] -= at_site["serves_more"][:, s] * price
        notes["demand"][s], notes["unmet"][s] = who.persons.sum(), done.unmet.sum()
        notes["minutes"][s] = (done.flow * who.minutes).sum()
    return Access(market=town, value=ratio(unmet, wanted, otherwise=np.nan), at_site=at_site, notes=notes)
