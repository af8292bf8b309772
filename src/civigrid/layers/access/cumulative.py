"""Opportunities within reach: counted, weighted, over an interval of thresholds, and as the utility of a choice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from civigrid.errors import SchemaError
from civigrid.kernels.catchment import to_sites
from civigrid.kernels.group import group_sum, smallest
from civigrid.layers.access.decay import Binary, Closed, Decay, Named
from civigrid.layers.access.found import Access
from civigrid.layers.access.market import Market
from civigrid.layers.access.weights import weighted
from civigrid.types import Floats


def gravity(town: Market) -> Access:
    r"""Gravity access, active: :math:`A_i = \sum_j S_j f(t_{ij})`.

    Parameters
    ----------
    town : Market
        Its demand does not count.

    Returns
    -------
    Access
        In units of supply.

    Notes
    -----
    Hansen (1959).

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> gravity(two_cells()).of().tolist()
    [4.0, 7.0]
    """
    return Access(market=town, value=town.over_modes({m: town.at_cells(m, town.supply) for m in town.modes}))


def passive(town: Market) -> Floats:
    r"""Gravity access, passive: people around each site, :math:`\sum_i P_i f(t_{ij})`.

    Parameters
    ----------
    town : Market
        Its supply does not count; whoever a site does not serve is not counted there.

    Returns
    -------
    ndarray of float64, shape (site, service, group)
        Demand, sites in the order of the market's.

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> passive(two_cells()).ravel().tolist()
    [40.0, 30.0]
    """
    total = np.zeros((*town.supply.shape, len(town.groups)))
    for mode, only in town.modes.items():
        persons = town.demand * town.share[mode] if town.share else town.demand
        total += to_sites(only.pairs, persons)[:, None, :] * town.need.T[None]
    return total if town.eligible is None else total * town.eligible


def reweighted(town: Market, decay: Decay) -> Market:
    """Give the market with another decay of its travel times.

    >>> from civigrid.layers.access.examples import two_cells
    >>> reweighted(two_cells(), Binary(10.0)).modes["all"].weight.tolist()
    [1.0, 0.0, 1.0]
    """
    for only in town.modes.values():
        if not only.timed:
            raise SchemaError(f"a threshold is of a travel time, here is a {only.words}. Take a percentile of times.")
    return replace(town, modes={m: weighted(w.times, decay) for m, w in town.modes.items()})


def cumulative(town: Market, threshold_min: float, *, closed: Closed = "right") -> Access:
    r"""Opportunities within a time, :math:`\sum_j S_j 1\{t_{ij} \le T\}`.

    Parameters
    ----------
    town : Market
        Its own weights do not count, its travel times do.
    threshold_min : float
        Minutes.
    closed : {"right", "left"}
        Whether the threshold itself still counts ("right").

    Returns
    -------
    Access
        In units of supply; never falls as the threshold grows.

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> cumulative(two_cells(), 10.0).of().tolist()
    [4.0, 3.0]
    """
    return gravity(reweighted(town, Binary(threshold_min, closed)))


@dataclass(frozen=True)
class Thresholds(Named):
    """Mean or median over thresholds of what each counts, as a decay.

    A count never falls as the threshold grows, so that its median over thresholds is the count at the middle one, or
    the mean of the two middle ones; the mean over thresholds weighs a time by the share of thresholds that hold it.

    Parameters
    ----------
    from_min, upto_min : float
        First and last threshold, both included, minutes.
    step_min : float
        Distance of thresholds, minutes.
    summary : {"median", "mean"}
        Of what the thresholds count.

    >>> Thresholds(10.0, 12.0, summary="mean")(np.array([10.0, 10.5, 12.0])).round(3).tolist()
    [1.0, 0.667, 0.333]
    """

    name: ClassVar[str] = "thresholds"
    from_min: float
    upto_min: float
    step_min: float = 1.0
    summary: Literal["median", "mean"] = "median"

    def __post_init__(self) -> None:
        self._positive("upto_min", "step_min")
        if not 0 <= self.from_min <= self.upto_min:
            raise SchemaError(f"thresholds from {self.from_min:g} to {self.upto_min:g} minutes: must ascend from 0.")
        if self.summary not in ("median", "mean"):
            raise SchemaError(f"summary = {self.summary!r}: must be 'median' or 'mean'.")

    @property
    def until_min(self) -> float:
        """Beyond this it is 0."""
        return self.upto_min

    def __call__(self, minutes: Floats) -> Floats:
        """Weights of times."""
        steps = int(np.floor((self.upto_min - self.from_min) / self.step_min + 1e-9))
        each = self.from_min + self.step_min * np.arange(steps + 1)
        if self.summary == "median":
            each = each[[steps // 2, (steps + 1) // 2]]
        # how many thresholds each time is not above
        held = len(each) - np.searchsorted(each, minutes, side="left")
        return np.asarray(held / len(each))


def interval(
    town: Market,
    from_min: float,
    upto_min: float,
    *,
    step_min: float = 1.0,
    summary: Literal["median", "mean"] = "median",
) -> Access:
    """Opportunities within a time, over an interval of thresholds: less depends on the choice of one.

    Parameters
    ----------
    town : Market
        Its own weights do not count, its travel times do.
    from_min, upto_min : float
        First and last threshold, both included, minutes.
    step_min : float
        Distance of thresholds, minutes.
    summary : {"median", "mean"}
        Over thresholds; nothing is rounded.

    Returns
    -------
    Access
        In units of supply.

    Notes
    -----
    Tomasiello, Herszenhut, Oliveira, Braga and Pereira (2023).

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> interval(two_cells(), 5.0, 20.0, summary="mean").of().tolist()
    [2.75, 3.25]
    """
    return gravity(reweighted(town, Thresholds(from_min, upto_min, step_min, summary)))


def logsum(town: Market, *, theta_per_min: float) -> Access:
    r"""Utility of the choice among all sites, in minutes: :math:`\frac1\theta \ln \sum_j S_j e^{-\theta t_{ij}}`.

    Parameters
    ----------
    town : Market
        Of one mode; its own weights do not count, its travel times do.
    theta_per_min : float
        How much people mind a minute, above 0.

    Returns
    -------
    Access
        Minutes, the higher the better: never falls when a site is added.  With one site of one place it is less the
        travel time.  NaN where no site is within the bound.

    Notes
    -----
    Ben-Akiva and Lerman (1985), section 10.2.

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> logsum(two_cells(), theta_per_min=0.1).of().round(3).tolist()
    [3.863, 8.591]
    """
    if not (np.isfinite(theta_per_min) and theta_per_min > 0):
        raise SchemaError(f"theta_per_min = {theta_per_min}: must be above 0.")
    times = town.times("the utility of a choice")
    rows, minutes = times.rows(), times.seconds / 60
    shape = (len(times.cell_id), len(town.services), 1 if town.eligible is None else len(town.groups))
    value = np.full(shape, np.nan)
    for s, g in np.ndindex(*shape[1:]):
        open_to = town.offers[:, s] if town.eligible is None else town.offers[:, s] & town.eligible[:, s, g]
        near = open_to[times.site]
        shift = smallest(rows[near], minutes[near], shape[0])
        # from the nearest site on: nothing vanishes below the smallest number
        terms = town.supply[times.site[near], s] * np.exp(-theta_per_min * (minutes[near] - shift[rows[near]]))
        total = group_sum(rows[near], terms, shape[0])
        there = total > 0
        value[there, s, g] = np.log(total[there]) / theta_per_min - shift[there]
    return Access(market=town, value=value)
