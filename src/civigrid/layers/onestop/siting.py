"""Where services should be: candidates, what siting minds, and the siting of kinds that stand together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels.median import Lists, Sited, lists_of, median
from civigrid.layers.onestop.costs import Costs, Spent, provision
from civigrid.layers.onestop.edits import joined, week_of_text
from civigrid.layers.onestop.services import Services, services_at
from civigrid.layers.onestop.town import Town
from civigrid.types import Bools, Floats, Ints

OBJECTIVES = ("minutes", "kolm_pollak", "cover")
"""Person-minutes; the same with the far weighed more; persons beyond the threshold."""
NO_SERVICES = services_at([], [])


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """The terms on which archetypes are made: the same for all of them.

    Parameters
    ----------
    budget : float
        What all services may cost a year, in the currency of `costs`.
    costs : Costs
        Prices.
    candidate : ndarray of bool, shape (site,), or None
        Sites where services may be; None: all.
    hours : str
        Opening hours of every fixed site.
    languages : frozenset of str
        Languages spoken at every service; empty: as if nobody said, which serves all.
    objective : str
        What siting minds: one of `OBJECTIVES`.
    kappa : float
        For ``"kolm_pollak"``: aversion to inequality, per minute.
    kinds_per_point : int
        Kinds that a neighbourhood point offers.
    information : str
        Kind that a satellite, and the first step of growth, has in house.
    aboard : tuple of str
        Kinds aboard the mobile unit; empty: the two most visited, `information` aside.
    round : tuple of str
        When the mobile unit stands at its stops, one after another; empty: there is none.
    steps, enough : int, float
        Siting raises its bound by so many steps at most, and stops at this gap.

    Raises
    ------
    SchemaError
        A number is out of range, hours are not understood, or the objective is unknown.
    """

    budget: float
    costs: Costs = field(default_factory=Costs)
    candidate: Bools | None = None
    hours: str = "Mo-Fr 09:00-17:00"
    languages: frozenset[str] = frozenset()
    objective: str = "minutes"
    kappa: float = 0.05
    kinds_per_point: int = 2
    information: str = "information"
    aboard: tuple[str, ...] = ()
    round: tuple[str, ...] = tuple(f"{day} 09:00-15:00" for day in ("Mo", "Tu", "We", "Th", "Fr"))
    steps: int = 100
    enough: float = 0.003

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise unknown_name("objective", self.objective, OBJECTIVES)
        if not self.budget >= 0 or not 0 < self.kappa < np.inf or self.kinds_per_point < 1:
            raise SchemaError(
                f"budget {self.budget}, kappa {self.kappa}, kinds_per_point {self.kinds_per_point}: the budget is at "
                "least 0, kappa above 0, and a point has at least one kind."
            )
        for text in (self.hours, *self.round):
            week_of_text(text)

    def candidates(self, town: Town) -> Bools:
        """Sites where services may be, shape (site,)."""
        sites = len(town.times.site_id)
        if self.candidate is not None and self.candidate.shape != (sites,):
            raise SchemaError(f"candidate has shape {self.candidate.shape}, must have ({sites},): one by site.")
        return np.ones(sites, dtype=bool) if self.candidate is None else self.candidate

    def services(
        self,
        town: Town,
        sites: Ints,
        kinds: Sequence[str],
        *,
        operator: str,
        hours: str = "",
        in_house: bool = True,
        refers_to: int = -1,
    ) -> Services:
        """Give the same kinds at each of some sites, on the terms of this plan; `{}` in `operator` is its id."""
        column = np.repeat(sites, len(kinds))
        made = services_at(column.tolist(), list(kinds) * len(sites))
        n = len(column)
        return Services(
            site=made.site,
            kind=made.kind.astype(np.str_),
            operator=np.array([operator.replace("{}", str(town.times.site_id[j])) for j in column], dtype=np.str_),
            capacity=made.capacity,
            open_week=np.tile(week_of_text(hours or self.hours), (n, 1)),
            languages=(self.languages,) * n,
            eligible=made.eligible,
            in_house=np.full(n, in_house),
            refers_to=np.full(n, -1 if in_house else refers_to, dtype=np.int64),
        )

    def hours_a_week(self, text: str = "") -> float:
        """Hours a week that a text of opening hours names; by default those of fixed sites."""
        return float(week_of_text(text or self.hours).sum()) / 4

    def point(self, kinds: int, referrals: int = 0) -> float:
        """Cost of a fixed site with so many kinds in house and by referral, a year."""
        prices = self.costs
        return prices.site + kinds * prices.service_year(self.hours_a_week()) + referrals * prices.referral


@dataclass(frozen=True, eq=False, kw_only=True)
class Layout:
    """Services where some archetype has them.

    Parameters
    ----------
    name : str
        What it is called.
    services : Services
        What is offered where.
    mobile : frozenset of int
        Columns of sites that are stops of a mobile unit.
    gap : float
        How far the siting can lie above the best of its kind for its own objective, at most, as a share.
    notes : tuple of str
        What could not be had, in words.
    """

    name: str
    services: Services
    mobile: frozenset[int] = frozenset()
    gap: float = 0.0
    notes: tuple[str, ...] = ()

    def spent(self, costs: Costs) -> Spent:
        """What it costs a year, without its users' ways."""
        return provision(self.services, costs, self.mobile)


def within_budget(layout: Layout, plan: Plan) -> Layout:
    """Give the layout, or refuse it where it costs more than the plan has."""
    cost = layout.spent(plan.costs).provision
    if cost > plan.budget * (1 + 1e-12):
        raise SchemaError(
            f"{layout.name} costs {cost:,.0f} a year, the budget is {plan.budget:,.0f}. Raise it, or shorten hours, or "
            "change the prices."
        )
    return layout


def cost_of_way(town: Town, plan: Plan, seconds: npt.NDArray[np.integer] | Floats) -> Floats:
    """What siting minds of one way, any shape: minutes, exp(kappa minutes) less 1, or 1 beyond the threshold."""
    minutes: Floats = np.asarray(seconds) / 60.0
    if plan.objective == "minutes":
        return minutes
    if plan.objective == "cover":
        return np.asarray(seconds > town.threshold_s).astype(np.float64)
    return np.expm1(plan.kappa * minutes)


def bound_cost(town: Town, plan: Plan) -> float:
    """What siting minds where nothing is reached within the bound of the times."""
    bound = town.times.limit_s + (plan.objective == "cover")
    return float(cost_of_way(town, plan, np.array([bound]))[0])


def lists_for(town: Town, plan: Plan, kinds: Sequence[str]) -> Lists:
    r"""Costs of offering some kinds together at each site.

    Parameters
    ----------
    town : Town
        People, times and needs.
    plan : Plan
        What siting minds.
    kinds : sequence of str
        Kinds that stand together: a person goes there as often as to the most visited of them; for what is not in the
        bundle, once.

    Returns
    -------
    Lists
        Persons times yearly visits times :func:`cost_of_way`; unserved, every kind is a trip of its own as long as the
        bound of the times.
    """
    often = [v for k, v in zip(town.bundle.kinds, town.bundle.visits_a_year, strict=True) if k in kinds] or [1.0]
    persons, times = town.counts[:, 0], town.times
    beyond = persons * sum(often) * bound_cost(town, plan)
    cost = persons[times.rows()] * max(often) * cost_of_way(town, plan, times.seconds)
    return lists_of(times.indptr, times.site, cost, beyond, len(times.site_id))


def sited(
    town: Town,
    plan: Plan,
    kinds: Sequence[str],
    most: int,
    *,
    taken: Sequence[int] = (),
    required: Sequence[int] = (),
    lists: Lists | None = None,
) -> Sited:
    """Choose at most `most` candidates to offer some kinds together.

    Parameters
    ----------
    town, plan
        What for, and on which terms.
    kinds : sequence of str
        Kinds that stand together.
    most : int
        Number of sites.
    taken : sequence of int
        Sites that hold something else.
    required : sequence of int
        Sites among them for certain.
    lists : Lists, optional
        As `lists_for` gives them for these kinds, where they are at hand.

    Raises
    ------
    SchemaError
        There is no candidate.
    """
    may = plan.candidates(town).copy()
    may[np.asarray(taken, dtype=np.int64)] = False
    must = np.zeros(len(may), dtype=bool)
    must[np.asarray(required, dtype=np.int64)] = True
    if not (may | must).any():
        raise SchemaError("no candidate is left to put services at. Give more candidates.")
    lists = lists_for(town, plan, kinds) if lists is None else lists
    found = median(lists, most, required=must, forbidden=~may & ~must, steps=plan.steps, enough=plan.enough)
    if len(found.sites) == 0 and most > 0:
        # nobody is reached from anywhere: any candidate is as good, the first is taken
        first = np.flatnonzero(may)[:1]
        return Sited(sites=first, value=found.value, bound=found.bound)
    return found


def together(parts: Sequence[Services]) -> Services:
    """Put services together; none at all is a layout too."""
    return joined(parts) if parts else NO_SERVICES
