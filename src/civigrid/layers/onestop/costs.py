"""What a layout of services costs a year: sites, services, staffed hours, a van, and its users' ways."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from civigrid.errors import SchemaError
from civigrid.layers.onestop.evaluation import Evaluation
from civigrid.layers.onestop.services import Services
from civigrid.types import Bools


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Costs by year, in one currency.  The numbers here are round assumptions, not findings: set your own.

    Parameters
    ----------
    site : float
        Having a site: rent, energy, reception, a year.
    service : float
        Offering a service there, besides its staff: systems, training, interpreters, a year.
    referral : float
        Offering a service by referral: the link to who has it, a year.
    staffed_hour : float
        An hour that one service in house is open: one member of staff.
    mobile_day : float
        A day on the road of a mobile unit: vehicle, driver, pitches.
    weeks : float
        Weeks open in a year.
    minute : float
        A minute of a user's way; 0: their time is not counted as money.
    fare : float
        Fares of a user's trip there and back.
    paid_share : float
        Share of fares and minutes that the public side pays back to users, in [0, 1].

    Raises
    ------
    SchemaError
        A cost lies below 0, is not finite, or the share lies outside [0, 1].
    """

    site: float = 60_000.0
    service: float = 6_000.0
    referral: float = 1_000.0
    staffed_hour: float = 40.0
    mobile_day: float = 400.0
    weeks: float = 50.0
    minute: float = 0.0
    fare: float = 4.0
    paid_share: float = 0.0

    def __post_init__(self) -> None:
        for name in (f.name for f in fields(self)):
            if not 0 <= getattr(self, name) < math.inf:
                raise SchemaError(f"costs.{name} = {getattr(self, name)}: costs are finite and at least 0.")
        if self.paid_share > 1:
            raise SchemaError(f"costs.paid_share = {self.paid_share}: a share lies in [0, 1].")

    def service_year(self, hours_a_week: float) -> float:
        """Cost of a service in house that is open so long, a year.

        >>> Costs(service=1_000, staffed_hour=10, weeks=50).service_year(20)
        11000
        """
        return self.service + hours_a_week * self.weeks * self.staffed_hour


class Spent(NamedTuple):
    """What a layout costs a year: `provision` is the sum of the parts before it; `transport` is what users spend."""

    sites: float
    services: float
    staff: float
    mobile: float
    provision: float
    transport: float
    paid_back: float

    @property
    def public(self) -> float:
        """Provision, and what is paid back to users."""
        return self.provision + self.paid_back

    @property
    def everyone(self) -> float:
        """Provision, and all that users spend."""
        return self.provision + self.transport


def provision(services: Services, costs: Costs, mobile: frozenset[int] = frozenset()) -> Spent:
    """Cost of having services, without their users' ways.

    Parameters
    ----------
    services : Services
        The layout.  Staff is paid for the hours of its opening, one member for each service in house.
    costs : Costs
        Prices.
    mobile : frozenset of int
        Columns of sites that are stops of a mobile unit: they cost no site, but each day with a stop costs a day on the
        road; a kind aboard costs one service, however many stops it has.

    Returns
    -------
    Spent
        With `transport` and `paid_back` 0.

    Examples
    --------
    >>> from civigrid.layers.onestop.services import services_at
    >>> round(provision(services_at([0, 0], ["a", "b"]), Costs(weeks=50, staffed_hour=1)).provision)
    88800
    """
    at_stop = np.isin(services.site, np.array(sorted(mobile), dtype=np.int64))
    sites = len(set(services.site[~at_stop].tolist()))
    aboard = {(k, o) for k, o in zip(services.kind[at_stop].tolist(), services.operator[at_stop].tolist(), strict=True)}
    in_house = int((services.in_house & ~at_stop).sum())
    referrals = int((~services.in_house).sum())
    hours = float(services.open_week[services.in_house].sum()) / 4
    days = _days(services, at_stop)
    parts = (
        sites * costs.site,
        (in_house + len(aboard)) * costs.service + referrals * costs.referral,
        hours * costs.weeks * costs.staffed_hour,
        days * costs.weeks * costs.mobile_day,
    )
    return Spent(*parts, math.fsum(parts), 0.0, 0.0)


def _days(services: Services, at_stop: Bools) -> int:
    """Days a week on the road, over all mobile units (operators)."""
    total = 0
    for unit in set(services.operator[at_stop].tolist()):
        open_then = services.open_week[at_stop & (services.operator == unit)].any(axis=0)
        total += int(open_then.reshape(7, 96).any(axis=1).sum())
    return total


def spent(found: Evaluation, costs: Costs, mobile: frozenset[int] = frozenset()) -> Spent:
    """Cost of a layout and of everyone's ways to it, by the cheapest mix of trips.

    Parameters
    ----------
    found : Evaluation
        The layout, judged.
    costs, mobile
        As for `provision`.
    """
    base = provision(found.services, costs, mobile)
    persons = found.town.counts[:, 0]
    ways = costs.minute * found.year_min() + costs.fare * found.year_trips()
    transport = float(persons @ ways)
    return base._replace(transport=transport, paid_back=costs.paid_share * transport)
