"""The best chain of stops: all that is needed on one tour, at opening hours and inside free time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from civigrid.engine import Scheduler
from civigrid.engine.arrays import Arrays, map_ranges
from civigrid.errors import SchemaError
from civigrid.kernels.bundles import UNREACHED, Int32s, Masks
from civigrid.kernels.chains import Chained, Ways, best_chains, ways_at_any_time
from civigrid.kernels.timed_chains import ways_at_hours
from civigrid.kernels.visits import WEEK, Visits, open_runs, visits_of
from civigrid.layers.onestop.bundle import Bundle
from civigrid.layers.onestop.patterns import BLOCK, minutes, weighted
from civigrid.layers.onestop.places import dense_between
from civigrid.layers.onestop.services import Services, number_of_kind, offers, serving
from civigrid.travel_times import TravelTimes
from civigrid.types import Bools, Floats, Ints

MOST_STOPS = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class Chains:
    """The best chain of each cell.

    Parameters
    ----------
    chain_min, chain_year_min : ndarray of float64, shape (cell,)
        Minutes of travel of the tour that has everything once, and of a year's tours; NaN where none can be made.
    stops : ndarray of int32, shape (cell, 3)
        Columns of its sites in their order; -1 behind the last, and everywhere without a chain.
    done : ndarray of uint8, shape (cell, 3)
        Kinds done at each stop, as bits.
    arrival : ndarray of int32, shape (cell,)
        Quarter of an hour of the week in which its first visit can begin; -1 where hours were not asked for.
    """

    chain_min: Floats
    chain_year_min: Floats
    stops: Int32s
    done: Masks
    arrival: Int32s


def visits_at(services: Services, bundle: Bundle, sites: int, groups: Sequence[str] = ()) -> Visits:
    """When each set of kinds can be done at each site, by what is in house for these groups.

    Where several services of a kind share a site, one of them must be open all through the visit.
    """
    kind = number_of_kind(services, bundle.kinds)
    use = np.flatnonzero((kind >= 0) & services.in_house & serving(services, groups))
    run = np.zeros((sites, len(bundle.kinds), WEEK), dtype=np.uint16)
    np.maximum.at(run, (services.site[use], kind[use]), open_runs(services.open_week[use]))
    return visits_of(run, offers(services, bundle.kinds, sites, groups), bundle.seconds)


def chains_of(
    times: TravelTimes,
    between: TravelTimes,
    services: Services,
    bundle: Bundle,
    *,
    free: Bools | None = None,
    hours: bool = True,
    most_stops: int = MOST_STOPS,
    groups: Sequence[str] = (),
    scheduler: Scheduler | None = None,
    block: int = BLOCK,
) -> Chains:
    """Find the shortest tour by at most three stops that has the whole bundle, from every cell.

    Parameters
    ----------
    times : TravelTimes
        Cell to site; the way back takes as long.
    between : TravelTimes
        Site to site; rows are the sites, numbered in their order.
    services : Services
        What is offered; only what is in house counts.
    bundle : Bundle
        What is needed, at most 8 kinds, and how long each takes.
    free : ndarray of bool, shape (672,), optional
        When the person is free, from leaving home until being back; always, where nobody says.
    hours : bool
        Whether there must be a time in the week at which the whole tour can be made: visits begin on a quarter of an
        hour, without further waits, and all of a visit falls in opening hours.
    most_stops : int
        1 to 3.
    groups : sequence of str
        Groups the person belongs to; services for others are left out.
    scheduler : Scheduler, optional
        Where blocks of cells are computed.
    block : int
        Cells of a block.

    Returns
    -------
    Chains
        Exact: first and last stop lie within the bound of `times`, the middle one anywhere `between` reaches.

    Raises
    ------
    SchemaError
        `between` does not fit, there are other than 1 to 3 stops, or `free` has another shape than (672,).
    """
    if not 1 <= most_stops <= MOST_STOPS:
        raise SchemaError(f"chains of {most_stops} stops: exact chains have 1 to {MOST_STOPS}.")
    free = np.ones(WEEK, dtype=bool) if free is None else free
    if free.shape != (WEEK,):
        raise SchemaError(f"free time has shape {free.shape}, must have ({WEEK},): quarters of hours.")
    mask = offers(services, bundle.kinds, len(times.site_id), groups)
    some = np.flatnonzero(mask)
    near, mask = _from_some(times, some), mask[some]
    matrix = np.ascontiguousarray(dense_between(between, times)[np.ix_(some, some)])
    visits = visits_at(services, bundle, len(times.site_id), groups) if hours else None
    visits = None if visits is None else visits._replace(row=visits.row[some])
    longest = int(near.seconds.max(initial=0))
    total, found, ways = np.zeros(len(times.cell_id)), None, None
    for need, often in bundle.rounds():
        made = (
            ways_at_any_time(matrix, mask, need, most_stops)
            if visits is None
            else ways_at_hours(matrix, mask, need, most_stops, visits, free, longest)
        )
        chained = _search(near, made, scheduler, block)
        total += weighted(minutes(chained.seconds)[:, None], [often])
        if found is None or ways is None:
            found, ways = chained, made
    if found is None or ways is None:
        raise SchemaError("the bundle is empty: name the kinds that are needed.")
    return _told(found, ways, bundle, some, total)


def _from_some(times: TravelTimes, some: Ints) -> TravelTimes:
    """Pairs of some sites, ascending columns: their order within a cell stays, so that nothing is sorted."""
    if len(some) == len(times.site_id):
        return times
    number = np.full(len(times.site_id), -1, dtype=np.int32)
    number[some] = np.arange(len(some), dtype=np.int32)
    site = number[times.site]
    keep = site >= 0
    count = np.concatenate([[0], np.cumsum(keep)])
    return replace(
        times, site_id=times.site_id[some], indptr=count[times.indptr], site=site[keep], seconds=times.seconds[keep]
    )


def _search(near: TravelTimes, ways: Ways, scheduler: Scheduler | None, block: int) -> Chained:
    arrays: Arrays = {"indptr": near.indptr, "site": near.site, "seconds": near.seconds, **ways._asdict()}
    parts = map_ranges(_best, arrays, len(near.cell_id), block, scheduler)
    return Chained(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _best(arrays: Arrays, first: int, stop: int) -> Chained:
    ways = Ways(**{name: arrays[name] for name in Ways._fields})
    return best_chains(arrays["indptr"][first : stop + 1], arrays["site"], arrays["seconds"], ways)


def _told(found: Chained, ways: Ways, bundle: Bundle, some: Ints, year: Floats) -> Chains:
    """Stops in their order, without gaps, and what is done at each."""
    n = len(found.seconds)
    stops, done = np.full((n, 3), -1, dtype=np.int32), np.zeros((n, 3), dtype=np.uint8)
    arrival = np.full(n, -1, dtype=np.int32)
    at = np.flatnonzero(found.way >= 0)
    way = found.way[at]
    middle, need = ways.middle[way], np.uint8((1 << len(bundle.kinds)) - 1)
    alone, two = (found.first[at] == found.last[at]) & (middle < 0), middle < 0
    last = need & ~(ways.done[way, 0] | ways.done[way, 1])
    stops[at, 0], done[at, 0] = found.first[at], np.where(alone, need, ways.done[way, 0])
    stops[at, 1], done[at, 1] = np.where(two, found.last[at], middle), np.where(two, last, ways.done[way, 1])
    stops[at, 2], done[at, 2] = found.last[at], last
    stops[at[two], 2], done[at[two], 2] = -1, 0
    stops[at[alone], 1], done[at[alone], 1] = -1, 0
    arrival[at] = ways.arrival[way]
    number = np.append(some, -1).astype(np.int32)
    return Chains(
        chain_min=np.where(found.seconds < UNREACHED, found.seconds / 60.0, np.nan),
        chain_year_min=year,
        stops=number[stops],
        done=done,
        arrival=arrival,
    )
