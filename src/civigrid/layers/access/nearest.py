"""How long to the nearest, to the k-th, and until there is capacity enough."""

from __future__ import annotations

import numpy as np

from civigrid.errors import SchemaError
from civigrid.kernels.catchment import flat, kth_nearest, time_until
from civigrid.layers.access.found import Access
from civigrid.layers.access.market import Market
from civigrid.types import Floats, Ints


def nearest(town: Market, *, k: int = 1) -> Access:
    r"""Minutes to the k-th nearest site that offers the service, :math:`t_{(k),i}`.

    Parameters
    ----------
    town : Market
        Of one mode; a site offers what it has a capacity of.
    k : int
        1: the nearest.

    Returns
    -------
    Access
        Minutes; NaN where fewer are within the bound of the search.

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> nearest(two_cells()).of().tolist(), nearest(two_cells(), k=2).of().tolist()
    ([10.0, 5.0], [nan, 20.0])
    """
    if k < 1:
        raise SchemaError(f"k = {k}: the nearest site is the 1st.")
    times = town.times("the nearest site")
    offers = _by_group(town, town.offers.astype(np.float64))
    found = kth_nearest(times.indptr, times.site, times.seconds, flat(offers) > 0, int(k))
    return Access(market=town, value=_minutes(found, offers.shape))


def dual_access(town: Market, *, wanted: float) -> Access:
    r"""Minutes until a capacity is within reach: least :math:`t` with :math:`\sum_{t_{ij} \le t} S_j \ge n`.

    Parameters
    ----------
    town : Market
        Of one mode.
    wanted : float
        Capacity, above 0.

    Returns
    -------
    Access
        Minutes; NaN where the sites within the bound do not have it.

    Notes
    -----
    Cui and Levinson (2020), the dual of `cumulative`.

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> dual_access(two_cells(), wanted=4.0).of().tolist()
    [10.0, 20.0]
    """
    if not (np.isfinite(wanted) and wanted > 0):
        raise SchemaError(f"wanted = {wanted}: a capacity above 0.")
    times = town.times("dual access")
    supply = _by_group(town, town.supply)
    wide = flat(supply)
    asked = np.full((len(times.cell_id), wide.shape[1]), float(wanted))
    found = time_until(times.indptr, times.site, times.seconds, wide, asked)
    return Access(market=town, value=_minutes(found, supply.shape))


def balancing_time(town: Market) -> Access:
    r"""Minutes until supply exceeds the cell's own demand: least :math:`T` with :math:`\sum_{t_{ij} \le T} S_j > P_i`.

    Parameters
    ----------
    town : Market
        Of one mode; nobody else competes.

    Returns
    -------
    Access
        Minutes; NaN where the sites within the bound do not suffice, or the cell's people are unknown.

    Notes
    -----
    Barboza, Carneiro, Falavigna, Luz and Orrico (2021).

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> import dataclasses, numpy
    >>> few = dataclasses.replace(two_cells(), demand=numpy.array([[3.0], [5.0]]))
    >>> balancing_time(few).of().tolist()
    [10.0, 20.0]
    """
    times = town.times("balancing time")
    claims = town.claims(next(iter(town.modes)))
    wanted = np.where(town.known[:, None, None], claims, np.nan)
    supply = np.repeat(town.supply[:, :, None], wanted.shape[2], axis=2)
    if town.eligible is not None:
        supply = supply * town.eligible
    found = time_until(times.indptr, times.site, times.seconds, flat(supply), flat(wanted), more=True)
    return Access(market=town, value=_minutes(found, supply.shape))


def _by_group(town: Market, offered: Floats) -> Floats:
    """What each site offers to whom, shape (site, service, group or 1)."""
    wide = offered[:, :, None]
    return wide if town.eligible is None else wide * town.eligible


def _minutes(seconds: Ints, shape: tuple[int, ...]) -> Floats:
    return np.where(seconds < 0, np.nan, seconds / 60).reshape(len(seconds), *shape[1:])
