"""`Access`: what a measure found, with what it left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from civigrid.errors import unknown_name
from civigrid.layers.access.market import Market
from civigrid.types import Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Access:
    """A measure of each cell, service and group.

    Parameters
    ----------
    market : Market
        What it was computed from.
    value : ndarray of float64, shape (cell, service, group or 1)
        One column for all groups where they have the same access.  NaN: not defined there.
    at_site : mapping of str to ndarray of float64, shape (site, service)
        What was found at sites on the way, sites in the order of the market's: ``demand``, ``ratio`` ...
    notes : mapping of str to ndarray of float64, shape (service,)
        Totals: ``supply_lost`` at sites that nobody reaches, ``demand_unserved`` of those who reach no site ...
    """

    market: Market
    value: Floats
    at_site: Mapping[str, Floats] = field(default_factory=dict)
    notes: Mapping[str, Floats] = field(default_factory=dict)

    def of(self, service: str | int = 0, group: str | int = 0) -> Floats:
        """Values of one service and group by name or number, shape (cell,)."""
        s = _number(self.market.services, service, "service")
        g = _number(self.market.groups, group, "group")
        return self.value[:, s, min(g, self.value.shape[2] - 1)]

    def mean(self) -> Floats:
        """Mean over persons by service and group, shape (service, group); cells without a value are left out."""
        people = self.market.demand
        found = np.full((len(self.market.services), len(self.market.groups)), np.nan)
        for g in range(found.shape[1]):
            for s in range(found.shape[0]):
                value = self.of(s, g)
                there = ~np.isnan(value) & (people[:, g] > 0)
                if there.any():
                    found[s, g] = (people[there, g] * value[there]).sum() / people[there, g].sum()
        return found


def _number(names: tuple[str, ...], asked: str | int, what: str) -> int:
    if isinstance(asked, int):
        return asked
    if asked not in names:
        raise unknown_name(what, asked, names)
    return names.index(asked)


def ratio(above: Floats, below: Floats, otherwise: float = 0.0) -> Floats:
    """Quotient where the divisor is above 0, else another value.

    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
    [0.5, 0.0]
    """
    shape = np.broadcast_shapes(above.shape, below.shape)
    return np.asarray(np.divide(above, below, out=np.full(shape, otherwise), where=below > 0))


def left_out(town: Market, demand: Floats) -> dict[str, Floats]:
    """Supply that is shared out and that is lost, by service; demand at sites tells which sites anyone reaches."""
    reached = demand > 0
    return {
        "supply_shared": np.where(reached, town.supply, 0.0).sum(axis=0),
        "supply_lost": np.where(reached, 0.0, town.supply).sum(axis=0),
    }


def unserved(town: Market, reach: Mapping[str, Floats]) -> dict[str, Floats]:
    """Demand that reaches no site, and demand in all, by service; `reach` is what each claimant reaches."""
    none, every = np.zeros(len(town.services)), np.zeros(len(town.services))
    for mode, value in reach.items():
        claims = town.claims(mode)
        none += np.where(value > 0, 0.0, claims).sum(axis=(0, 2))
        every += claims.sum(axis=(0, 2))
    return {"demand": every, "demand_unserved": none}
