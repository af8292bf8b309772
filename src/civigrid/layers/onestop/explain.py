"""Explanations: why a cell has the access it has, and whom a site serves."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from civigrid.errors import SchemaError
from civigrid.kernels.group import group_sum, smallest
from civigrid.kernels.visits import QUARTER_S
from civigrid.layers.onestop.access import OneStop
from civigrid.layers.onestop.opening import DAYS, QUARTERS
from civigrid.layers.onestop.services import Services, number_of_kind, offers, serving
from civigrid.travel_times import TravelTimes
from civigrid.types import Bools, Floats, Ints

People = Mapping[str, Floats]
"""Persons of each group by cell, NaN where unknown: they count nobody; the first is the total."""


def demand_of(found: OneStop, persons: Floats) -> Floats:
    """Visits a year to each site and kind, if all go to the nearest, shape (site, kind).

    Parameters
    ----------
    found : OneStop
        Nearest sites, and visits per person.
    persons : ndarray of float64, shape (cell,)
        Persons who have these needs, NaN where unknown: nobody is counted there.
    """
    known = np.nan_to_num(persons)
    near, sites = found.patterns.nearest_site, len(found.times.site_id)
    demand = np.zeros((sites, near.shape[1]))
    for k, visits in enumerate(found.persona.bundle.visits_a_year):
        there = near[:, k] >= 0
        demand[:, k] = group_sum(near[there, k], known[there] * visits, sites)
    return demand


def capacity_of(found: OneStop, services: Services) -> Floats:
    """Visits a year each site can take, shape (site, kind); NaN where one of its services has not said."""
    kind = number_of_kind(services, found.persona.bundle.kinds)
    use = (kind >= 0) & services.in_house & serving(services, found.persona.groups)
    capacity = np.zeros((len(found.times.site_id), len(found.persona.bundle.kinds)))
    np.add.at(capacity, (services.site[use], kind[use]), services.capacity[use])
    return capacity


def explain_cell(
    cell_id: int, found: OneStop, services: Services, people: People, *, between: TravelTimes | None = None
) -> pd.DataFrame:
    """Tell why a cell has the access it has.

    Parameters
    ----------
    cell_id : int
        The cell.
    found : OneStop
        As `one_stop_of` gives it.
    services : Services
        The services it was computed for.
    people : mapping of str to ndarray, shape (cell,)
        Persons by group; the first compete for the services.
    between : TravelTimes, optional
        Site to site, to tell the hours of the chain.

    Returns
    -------
    pandas.DataFrame
        Columns ``part, order, service, site_id, minutes, binding, visits, capacity, visits_per_capacity, when,
        persons``.  Part ``nearest``: the nearest site of each service, the binding one (the furthest, or unreachable)
        marked, visits a year of all who are nearest to it (persons who make them in ``persons``), and its capacity.
        Part ``one stop``: the nearest site with all.  Part ``chain``: the stops in their order, minutes from the one
        before, what is done there, and when.  Part ``home``: the way back.

    Raises
    ------
    SchemaError
        The cell is not among those of the travel times.
    """
    row = _row(found.times, cell_id)
    p, bundle, names = found.patterns, found.persona.bundle, found.times.site_id
    total = np.nan_to_num(next(iter(people.values())))
    demand, capacity = demand_of(found, total), capacity_of(found, services)
    minutes = p.nearest_min[row]
    rows: list[dict[str, Any]] = []
    for k, kind in enumerate(bundle.kinds):
        site = int(p.nearest_site[row, k])
        worst = bool(np.isnan(minutes[k]) or minutes[k] == np.max(minutes))
        rows.append({"part": "nearest", "order": k + 1, "service": kind, "minutes": minutes[k], "binding": worst})
        if site >= 0:
            rows[-1] |= {
                "site_id": str(names[site]),
                "visits": demand[site, k],
                "capacity": capacity[site, k],
                "visits_per_capacity": demand[site, k] / capacity[site, k] if capacity[site, k] > 0 else np.nan,
                "persons": float(total[p.nearest_site[:, k] == site].sum()),
            }
    if (site := int(p.one_stop_site[row])) >= 0:
        rows.append(
            {
                "part": "one stop",
                "order": 1,
                "service": "|".join(bundle.kinds),
                "site_id": str(names[site]),
                "minutes": p.one_stop_min[row] / 2,
                "persons": float(total[p.one_stop_site == site].sum()),
            }
        )
    rows += _chain_rows(row, found, between)
    return pd.DataFrame(rows, columns=list(_CELL_COLUMNS))


_CELL_COLUMNS = (
    "part", "order", "service", "site_id", "minutes", "binding", "visits", "capacity", "visits_per_capacity", "when",
    "persons",
)  # fmt: skip


def _row(times: TravelTimes, cell_id: int) -> int:
    at = int(np.searchsorted(times.cell_id, np.uint64(cell_id)))
    if at == len(times.cell_id) or times.cell_id[at] != np.uint64(cell_id):
        raise SchemaError(f"cell {cell_id:#x} is not among the {len(times.cell_id)} cells of these travel times.")
    return at


def _way(times: TravelTimes, row: int, site: int) -> int:
    pairs = slice(times.indptr[row], times.indptr[row + 1])
    return int(times.seconds[pairs][np.searchsorted(times.site[pairs], site)])


def _chain_rows(row: int, found: OneStop, between: TravelTimes | None) -> list[dict[str, Any]]:
    if found.chains is None or found.chains.stops[row, 0] < 0:
        return []
    chains, bundle = found.chains, found.persona.bundle
    stops = [int(s) for s in chains.stops[row] if s >= 0]
    ways = [_way(found.times, row, stops[0])]
    if between is not None:
        ways += [_way(between, a, b) if a != b else 0 for a, b in pairwise(stops)]
    quarter = int(chains.arrival[row])
    begin = quarter * QUARTER_S if quarter >= 0 else None
    rows: list[dict[str, Any]] = []
    for k, site in enumerate(stops):
        done = [s for s in range(len(bundle.kinds)) if chains.done[row, k] >> s & 1]
        way = ways[k] if k < len(ways) else None
        if begin is not None and k > 0:
            # the next visit begins with the next full quarter of an hour
            begin = None if way is None else -(-(begin + way) // QUARTER_S) * QUARTER_S
        end = None if begin is None else begin + int(bundle.seconds[done].sum())
        rows.append(
            {
                "part": "chain",
                "order": k + 1,
                "service": "|".join(bundle.kinds[s] for s in done),
                "site_id": str(found.times.site_id[site]),
                "minutes": np.nan if way is None else way / 60.0,
                "when": "" if begin is None or end is None else f"{_clock(begin)}-{_clock(end)}",
            }
        )
        begin = end
    back = _way(found.times, row, stops[-1])
    rows.append({"part": "home", "order": len(stops) + 1, "minutes": back / 60.0})
    rows[-1]["when"] = "" if begin is None else _clock(begin + back)
    return rows


def _clock(second: int) -> str:
    """Day and time of a second of the week.

    >>> _clock(9 * 3600 + 900), _clock(7 * 86_400)
    ('Mo 09:15', 'Mo 00:00')
    """
    minute = second // 60 % (7 * QUARTERS * 15)
    return f"{DAYS[minute // 1440]} {minute % 1440 // 60:02d}:{minute % 60:02d}"


def explain_site(site_id: str, found: OneStop, services: Services, people: People) -> pd.DataFrame:
    """Tell whom a site serves, and who would lose if it closed.

    Parameters
    ----------
    site_id : str
        The site.
    found : OneStop
        As `one_stop_of` gives it.
    services : Services
        The services it was computed for.
    people : mapping of str to ndarray, shape (cell,)
        Persons by group.

    Returns
    -------
    pandas.DataFrame
        One row by service of the bundle that it offers, and one for the whole bundle (``one stop``) if it has all, by
        group: ``service, group, persons`` (to whom it is the nearest), ``share`` (of those it serves), ``only``
        (persons who would have none within the bound), ``extra_minutes`` (mean one way to the next one, of the
        others), ``person_minutes`` (their sum, there and back, for a year's visits).

    Raises
    ------
    SchemaError
        The site is not among those of the travel times.
    """
    known = found.times.site_id.tolist()
    if site_id not in known:
        raise SchemaError(f"site {site_id!r} is not among the {len(known)} sites of these travel times.")
    site, bundle = known.index(site_id), found.persona.bundle
    mask = offers(services, bundle.kinds, len(known), found.persona.groups).astype(np.int64)
    need = (1 << len(bundle.kinds)) - 1
    wants = [(kind, 1 << k, found.patterns.nearest_site[:, k], bundle.visits_a_year[k])
             for k, kind in enumerate(bundle.kinds) if mask[site] >> k & 1]  # fmt: skip
    if mask[site] == need:
        wants.append(("one stop", need, found.patterns.one_stop_site, max(bundle.visits_a_year)))
    total = np.nan_to_num(next(iter(people.values())))
    rows: list[dict[str, Any]] = []
    for service, bits, nearest, visits in wants:
        served = nearest == site
        extra = _extra(found.times, site, (mask & bits) == bits, served)
        all_served = float(total[served].sum())
        for group, persons in people.items():
            here = np.where(served, np.nan_to_num(persons), 0.0)
            others = ~np.isnan(extra)
            moved = float(here[others].sum())
            minutes = float(here[others] @ extra[others])
            rows.append(
                {
                    "service": service,
                    "group": group,
                    "persons": float(here.sum()),
                    "share": float(here.sum()) / all_served if all_served > 0 else np.nan,
                    "only": float(here[served & ~others].sum()),
                    "extra_minutes": minutes / moved if moved > 0 else np.nan,
                    "person_minutes": 2 * minutes * visits,
                }
            )
    return pd.DataFrame(rows, columns=list(_SITE_COLUMNS))


_SITE_COLUMNS = ("service", "group", "persons", "share", "only", "extra_minutes", "person_minutes")


def _extra(times: TravelTimes, site: int, offered: Bools, served: Bools) -> Floats:
    """Minutes further, one way, to the next site that offers it: NaN where there is none, or another is nearest."""
    rows: Ints = times.rows()
    seconds = times.seconds.astype(np.float64)
    use = offered[times.site] & served[rows]
    here, other = use & (times.site == site), use & (times.site != site)
    n = len(times.cell_id)
    now, then = smallest(rows[here], seconds[here], n), smallest(rows[other], seconds[other], n)
    both = np.isfinite(now) & np.isfinite(then)
    return np.where(both, np.where(both, then, 0.0) - np.where(both, now, 0.0), np.nan) / 60.0
