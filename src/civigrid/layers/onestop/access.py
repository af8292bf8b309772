"""All ways of one persona to have a bundle by one mode of travel: computed together, and as variables of cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from civigrid.cells import ids_of, with_variables
from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.layers.onestop.chains import MOST_STOPS, Chains, chains_of
from civigrid.layers.onestop.completeness import completeness_of
from civigrid.layers.onestop.gains import Fare, Gains, gains_of
from civigrid.layers.onestop.patterns import BLOCK, Patterns, patterns_of
from civigrid.layers.onestop.personas import Persona
from civigrid.layers.onestop.redundancy import operators_of
from civigrid.layers.onestop.referral import Referred, referred_of
from civigrid.layers.onestop.services import Services
from civigrid.layers.onestop.week import Week, week_of
from civigrid.travel_times import TravelTimes
from civigrid.types import Column, Floats, Ints, Kind


@dataclass(frozen=True, kw_only=True)
class OneStopOptions:
    """What to assume.

    Parameters
    ----------
    hours : bool
        Whether chains keep to opening hours and free time.
    most_stops : int
        Stops of a chain, 1 to 3.
    free_at_least : float
        Chains are made when at least this share of such people is free.
    drop_out : float
        Probability of being lost at a referral.
    else_nearest : bool
        Whether who finds a service absent is sent to the nearest site that has it.
    referral : float
        How much a service had by referral counts towards completeness.
    fare : Fare
        What travel costs.
    """

    hours: bool = True
    most_stops: int = MOST_STOPS
    free_at_least: float = 0.5
    drop_out: float = 0.2
    else_nearest: bool = True
    referral: float = 0.5
    fare: Fare = Fare()


@dataclass(frozen=True, eq=False, kw_only=True)
class OneStop:
    """All ways of a persona to have a bundle, by cell and one mode of travel.

    Parameters
    ----------
    persona : Persona
        Who.
    times : TravelTimes
        How, and how long.
    options : OneStopOptions
        What was assumed.
    patterns, chains, week, referred, completeness, operators, gains
        The results; `chains` and `referred` are None without times between the sites.
    """

    persona: Persona
    times: TravelTimes
    options: OneStopOptions
    patterns: Patterns
    chains: Chains | None
    week: Week
    referred: Referred | None
    completeness: Floats
    operators: Ints
    gains: Gains


def one_stop_of(
    times: TravelTimes,
    between: TravelTimes | None,
    services: Services,
    persona: Persona,
    *,
    options: OneStopOptions | None = None,
    scheduler: Scheduler | None = None,
    block: int = BLOCK,
) -> OneStop:
    """Compute every way of a persona to have a bundle by one mode of travel.

    Parameters
    ----------
    times : TravelTimes
        Cell to site, or to place (`at_places`).
    between : TravelTimes or None
        Site to site; rows are the sites, numbered in their order.  None: no chains, and no referrals.
    services : Services
        What is offered.
    persona : Persona
        Who needs what.
    options : OneStopOptions, optional
        What to assume.
    scheduler : Scheduler, optional
        Where blocks of cells are computed.
    block : int
        Cells of a block.

    Returns
    -------
    OneStop
        A pure function of its arguments: for another set of services it is called again.
    """
    options = options or OneStopOptions()
    bundle, groups = persona.bundle, persona.groups
    patterns = patterns_of(times, services, bundle, groups=groups, scheduler=scheduler, block=block)
    chains = referred = None
    if between is not None:
        chains = chains_of(
            times, between, services, bundle,
            free=persona.is_free(options.free_at_least), hours=options.hours, most_stops=options.most_stops,
            groups=groups, scheduler=scheduler, block=block,
        )  # fmt: skip
        referred = referred_of(
            times, between, services, bundle,
            drop_out=options.drop_out, else_nearest=options.else_nearest, groups=groups,
        )  # fmt: skip
    return OneStop(
        persona=persona,
        times=times,
        options=options,
        patterns=patterns,
        chains=chains,
        week=week_of(
            times, services, bundle, free=persona.free_week(), groups=groups, scheduler=scheduler, block=block
        ),
        referred=referred,
        completeness=completeness_of(times, services, bundle, referral=options.referral, groups=groups),
        operators=operators_of(times, services, bundle, groups=groups),
        gains=gains_of(patterns, bundle, options.fare),
    )


def variables_of(found: OneStop) -> Iterator[tuple[str, Floats, str, str]]:
    """Name, values, units and plain words of every variable, shape (cell,) each; chains as columns of sites."""
    p, bundle = found.patterns, found.persona.bundle
    for k, kind in enumerate(bundle.kinds):
        yield f"minutes_{kind}", p.nearest_min[:, k], "min", f"Minutes to the nearest {kind}"
    for k in range(len(bundle.kinds)):
        words = f"Minutes to the nearest place with {k + 1} or more of {len(bundle.kinds)} services"
        yield f"minutes_to_{k + 1}_of_{len(bundle.kinds)}", p.at_least_min[:, k], "min", words
    words = "Minutes there and back for all services once, "
    yield "round_separate", p.separate_min, "min", words + "each on a trip of its own"
    yield "round_one_stop", p.one_stop_min, "min", words + "at one place"
    yield "round_mix", p.mix_min, "min", words + "by the cheapest mix of places"
    words = "Minutes of travel per person and year, "
    yield "year_separate", p.separate_year_min, "min", words + "each service on trips of its own"
    yield "year_one_stop", p.one_stop_year_min, "min", words + "all at one place"
    yield "year_mix", p.mix_year_min, "min", words + "by the cheapest mix of places"
    if found.chains is not None:
        yield from _chain_variables(found.chains, found.options)
    kinds, every, one = found.week.shares()
    for k, kind in enumerate(bundle.kinds):
        yield f"week_{kind}", kinds[:, k], "1", f"Share of free time in which {kind} is open on arrival"
    yield "week_all", every, "1", "Share of free time in which each service is open on arrival"
    yield "week_one_stop", one, "1", "Share of free time in which all can be done at one place"
    yield "completeness", found.completeness, "1", f"Bundle completeness within {bundle.threshold_min:g} minutes"
    if found.referred is not None:
        yield "completed", found.referred.completed, "services", "Services completed, with losses at referrals"
        yield "minutes_referred", found.referred.referred_min, "min", "Minutes of travel by entry and referrals"
    yield "minutes_saved_year", found.gains.minutes_saved, "min", "Minutes one stop saves per person and year"
    currency = found.options.fare.currency
    yield "fare_saved_year", found.gains.fare_saved, currency, "Fares one stop saves per person and year"
    yield "minutes_per_need", found.gains.minutes_per_need, "min", "Minutes of travel for one visit, on separate trips"
    yield "fare_per_need", found.gains.fare_per_need, currency, "Fares for one visit, on separate trips"
    for k, kind in enumerate(bundle.kinds):
        words = f"Independent operators of {kind} within {bundle.threshold_min:g} minutes"
        yield f"operators_{kind}", found.operators[:, k].astype(np.float64), "1", words


def _chain_variables(chains: Chains, options: OneStopOptions) -> Iterator[tuple[str, Floats, str, str]]:
    when = " in opening hours" if options.hours else ""
    yield "round_chain", chains.chain_min, "min", f"Minutes of the tour that has all services{when}"
    yield "year_chain", chains.chain_year_min, "min", f"Minutes of tours per person and year{when}"
    made = chains.stops[:, 0] >= 0
    count = np.where(made, (chains.stops >= 0).sum(axis=1), np.nan)
    yield "chain_stops", count, "1", "Stops of the tour that has all services"


def one_stop_cells(cells: xr.Dataset, found: OneStop, *, total: str, prefix: str = "") -> xr.Dataset:
    """Add the ways of a persona to have a bundle to cells.

    Parameters
    ----------
    cells : xarray.Dataset
        The cells the travel times start from.
    found : OneStop
        As `one_stop_of` gives it.
    total : str
        Count of residents: the weight of averages.
    prefix : str
        Put before every name, so that several personas or modes stand side by side.

    Returns
    -------
    xarray.Dataset
        With the variables of `variables_of`; NaN where something cannot be reached.  Stops of chains stand there as
        codes, whose words are the ids of the sites: ``chain_stop_1`` to ``chain_stop_3``.
    """
    if not np.array_equal(ids_of(cells), found.times.cell_id):
        raise SchemaError("these travel times do not start from these cells. Compute them for the cells at hand.")
    kind: Kind = "intensive"
    values, about = {}, {}
    said: dict[str, Any] = {"weight": total, "of_place": True, "source": f"{found.persona.title}: {found.times.mode}"}
    for name, value, units, words in variables_of(found):
        values[prefix + name] = value
        about[prefix + name] = Column(kind=kind, units=units, long_name=words, **said)
    if found.chains is not None:
        for k in range(MOST_STOPS):
            stop = found.chains.stops[:, k]
            name = f"{prefix}chain_stop_{k + 1}"
            used = np.unique(stop[stop >= 0])
            values[name] = np.where(stop >= 0, np.searchsorted(used, stop), np.nan)
            column = Column(kind=kind, units="class", long_name=f"Stop {k + 1} of the tour", **said)
            about[name] = replace(column, words="|".join(found.times.site_id[used].tolist()))
    return with_variables(cells, values, about)
