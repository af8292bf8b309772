"""The k nearest sites of each kind, over streets, by one search from all sites of a kind."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from civigrid.engine.execute import Scheduler
from civigrid.errors import SchemaError
from civigrid.kernels.gather import Direct, Gathered
from civigrid.kernels.nearest_sites import k_best, nearest_of_points, nearest_sites
from civigrid.kernels.search import UNREACHED, Int32s, Seeds
from civigrid.travel.graph import StreetGraph
from civigrid.travel.places import Origins, lonlat
from civigrid.travel.snap import Snapped
from civigrid.travel.street_report import StreetReport, report_of
from civigrid.travel.street_search import Work, blocks, gathering, plain, run, seeds_of
from civigrid.travel.street_times import (
    StreetOptions,
    check_origins,
    ids_of_sites,
    in_cell_ds,
    limit_of,
    snapped,
    words,
    work_of,
)
from civigrid.travel_times import TravelTimes, times_of_pairs
from civigrid.types import Bools, Floats, Ints

Best = tuple[Int32s, Int32s]
"""Numbers of sites and their costs, shape (place, k) each; -1 and `UNREACHED` where there are fewer."""


def nearest_times(
    graph: StreetGraph,
    origins: Origins,
    sites: gpd.GeoSeries,
    kind: Sequence[object] | npt.NDArray[np.generic],
    k: int,
    *,
    limit_min: float = 600.0,
    in_cell_m: Floats | float = 0.0,
    options: StreetOptions | None = None,
    scheduler: Scheduler | None = None,
    done: Callable[[int], None] | None = None,
) -> tuple[TravelTimes, StreetReport]:
    """Give the time from each cell to its k nearest sites of each kind.

    Parameters
    ----------
    graph : StreetGraph
        Streets of one mode.
    origins : Origins
        Points people set out from.
    sites : geopandas.GeoSeries of Point
        Destinations; the index holds their ids.
    kind : sequence, shape (site,)
        What each site offers: the k nearest are found for each kind apart.
    k : int
        Sites wanted of each kind.
    limit_min : float
        Longest time looked for, minutes.
    in_cell_m : float or ndarray of float64, shape (point,)
        As in `street_times`.
    options : StreetOptions, optional
        Access to the streets.
    scheduler : Scheduler, optional
        Where kinds and blocks of sites are searched; no result depends on it.
    done : callable, optional
        Told, now and then, how many kinds (and blocks of sites) are done.

    Returns
    -------
    TravelTimes
        At most k pairs of a cell and the sites of a kind, the nearest; of sites equally near those first by id.
    StreetReport
        As of `street_times`; `partly` counts pairs within the limit, also those that are not among the nearest.

    Raises
    ------
    SchemaError
        A site has no place or kind, or its id is given twice; k is less than 1.

    Notes
    -----
    For cells of one point one search serves all sites of a kind (see `civigrid.kernels.nearest_sites`).  The mean over
    several points needs the way from each of them to the same site, so those cells have a search by site up to the
    limit, as in `street_times`: give a limit.
    """
    options = options or StreetOptions()
    limit_s, site_id = limit_of(limit_min), ids_of_sites(sites)
    names = _kinds(kind, len(site_id))
    if k < 1:
        raise SchemaError(f"k = {k}: at least 1 site must be wanted.")
    check_origins(origins)
    on = snapped(graph, np.concatenate([origins.place, lonlat(sites)]), options, scheduler)
    here, there = on.split(len(origins.place))
    least = in_cell_ds(graph, in_cell_m, len(origins.place))
    order, ranges = _by_kind(site_id, names, there)
    alone = np.bincount(origins.row, minlength=len(origins.cell_id)) == 1
    pairs, partly = [], 0
    for mean, cells in ((False, alone), (True, ~alone)):
        if not cells.any():
            continue
        at, some = _points_of(origins, cells)
        work = work_of(graph, some, here.taken(at), there.taken(order), least[at], options)
        pieces = [piece for a, b in ranges for piece in (blocks(a, b, options.block) if mean else [(a, b)])]
        search = (
            functools.partial(_means, k, gathering(limit_s, work)) if mean else functools.partial(_alone, k, limit_s)
        )
        found = run(search, work, pieces, scheduler=scheduler, done=done)
        partly += sum(part[1] for part in found)
        for a, b in ranges:
            mine = [part[0] for part, piece in zip(found, pieces, strict=True) if a <= piece[0] < b]
            pairs.append(_pairs(_merged(mine, k), np.flatnonzero(cells)))
    none = np.empty(0, dtype=np.int64)
    row, site, seconds = (np.concatenate(part) for part in zip((none, none, none), *pairs, strict=True))
    times = times_of_pairs(
        origins.cell_id,
        site_id,
        row,
        order[site],
        seconds,
        limit_s=limit_s,
        mode=f"{k} nearest of each kind: {words(graph, limit_min, options)}",
    )
    return times, report_of(origins, here, site_id, there, limit_m=options.snap_limit_m, partly=partly)


def node_nearest(
    graph: StreetGraph, sites: gpd.GeoSeries, k: int, *, options: StreetOptions | None = None
) -> tuple[Int32s, Int32s]:
    """Find the k nearest sites of every node of the streets.

    Parameters
    ----------
    graph : StreetGraph
        Streets of one mode.
    sites : geopandas.GeoSeries of Point
        Destinations.
    k : int
        Sites wanted.
    options : StreetOptions, optional
        Access to the streets.

    Returns
    -------
    site : ndarray of int32, shape (node, k)
        Number of each site as given, by time; those equally near in the order given; -1 where there are fewer.
    cost : ndarray of int32, shape (node, k)
        Deciseconds from the node to the door; 2**31 - 1 where there are fewer.

    Raises
    ------
    SchemaError
        A site has no place; k is less than 1.
    """
    if k < 1:
        raise SchemaError(f"k = {k}: at least 1 site must be wanted.")
    options = options or StreetOptions()
    there = snapped(graph, lonlat(sites), options)
    return nearest_sites(plain(graph.reversed()), seeds_of(graph, there, there.walk_ds(options.access_kmh)), k)


def _kinds(kind: Sequence[object] | npt.NDArray[np.generic], n: int) -> npt.NDArray[np.str_]:
    given = pd.Series(list(kind), dtype=object)
    if len(given) != n or given.isna().any():
        raise SchemaError(
            f"{n} sites have {len(given)} kinds, {given.isna().sum()} of them unknown. Name one for each."
        )
    return given.to_numpy().astype(str)


def _by_kind(
    site_id: npt.NDArray[np.str_], kind: npt.NDArray[np.str_], there: Snapped
) -> tuple[Ints, list[tuple[int, int]]]:
    """Sites on the streets by kind, then id, which settles ties in any order given; and the range of each kind."""
    use = np.flatnonzero(~there.beyond)
    order = use[np.lexsort((site_id[use], kind[use]))]
    new = np.flatnonzero(np.append(True, kind[order][1:] != kind[order][:-1])) if len(order) else order
    ends = np.append(new[1:], len(order))
    return order, [(int(a), int(b)) for a, b in zip(new, ends, strict=False)]


def _points_of(origins: Origins, cells: Bools) -> tuple[Ints, Origins]:
    """Points of some cells, and those cells as origins of their own."""
    at = np.flatnonzero(cells[origins.row])
    row = (np.cumsum(cells) - 1)[origins.row[at]]
    return at, Origins(cell_id=origins.cell_id[cells], place=origins.place[at], row=row, weight=origins.weight[at])


def _alone(k: int, limit_s: int, work: Work, first: int, stop: int) -> tuple[Best, int]:
    """Nearest of sites `first` to `stop` for cells of one point, in seconds."""
    (starts, node, cost), (on, point, way) = work.seeds, work.direct
    seeds = Seeds(starts[first : stop + 1] - starts[first], *(v[starts[first] : starts[stop]] for v in (node, cost)))
    direct = Direct(on[first : stop + 1] - on[first], *(v[on[first] : on[stop]] for v in (point, way)))
    bound = 10 * limit_s + 4
    at_nodes = nearest_sites(work.graph, seeds, k, bound)
    site, deciseconds = nearest_of_points(*at_nodes, work.attached, direct, len(work.cells.row), bound)
    seconds = (np.maximum(deciseconds, work.cells.least[:, None]).astype(np.int64) + 5) // 10
    use = (site >= 0) & (seconds <= limit_s)
    return (
        np.where(use, site + first, -1).astype(np.int32),
        np.where(use, seconds, UNREACHED).astype(np.int32),
    ), 0


def _means(k: int, search: Callable[[Work, int, int], Gathered], work: Work, first: int, stop: int) -> tuple[Best, int]:
    """Nearest of sites `first` to `stop` by the mean over the points of each cell, in seconds."""
    found = search(work, first, stop)
    return k_best(found, first, k, len(work.cells.slack)), found.partly


def _merged(parts: list[Best], k: int) -> Best:
    """Keep the k best of several blocks; numbers settle ties."""
    site = np.concatenate([part[0] for part in parts], axis=1)
    cost = np.concatenate([part[1] for part in parts], axis=1)
    order = np.lexsort((site, cost), axis=1)[:, :k]
    return np.take_along_axis(site, order, 1), np.take_along_axis(cost, order, 1)


def _pairs(best: Best, cell: Ints) -> tuple[Ints, Ints, Ints]:
    """Cell, number of the site, and seconds of every slot that is taken."""
    row, slot = np.nonzero(best[0] >= 0)
    return cell[row], best[0][row, slot].astype(np.int64), best[1][row, slot].astype(np.int64)
