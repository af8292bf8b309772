"""Travel times over streets: from cells to sites, exactly, searched from the sites on the reversed graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from civigrid.engine.execute import Scheduler
from civigrid.errors import SchemaError, first_few
from civigrid.kernels.gather import rows_of
from civigrid.kernels.search import Int32s
from civigrid.travel.graph import StreetGraph
from civigrid.travel.places import Origins, lonlat
from civigrid.travel.snap import MAIN_WITHIN_M, SNAP_LIMIT_M, Snapped, snap
from civigrid.travel.street_report import StreetReport, report_of
from civigrid.travel.street_search import (
    Work,
    attached_to,
    blocks,
    cells_with,
    direct_ways,
    gathering,
    plain,
    run,
    seeds_of,
)
from civigrid.travel_times import TravelTimes
from civigrid.types import Floats, Ints

BLOCK = 256
"""Sites searched by one task; they lie near each other."""

ACROSS_KMH = {"walk": 4.8, "bike": 12.0, "drive": 20.0}
"""Speed within a cell, where no street is followed."""

LONGEST_MIN = 1_000_000
"""Longest limit, minutes: its deciseconds fit 32 bits, with room for the width of a cell."""


@dataclass(frozen=True, kw_only=True)
class StreetOptions:
    """How people get to the streets and off them.

    Parameters
    ----------
    access_kmh : float
        Speed on foot between a place and its spot on a street, km/h of straight line.
    snap_limit_m : float
        Places farther than this from any street are unreachable and reported, metres.
    main_within_m : float
        How much farther than an island's the main network's spot may be and is still taken, metres.
    block : int
        Sites searched by one task; no result depends on it.
    """

    access_kmh: float = 4.8
    snap_limit_m: float = SNAP_LIMIT_M
    main_within_m: float = MAIN_WITHIN_M
    block: int = BLOCK

    def __post_init__(self) -> None:
        if not self.access_kmh > 0:
            raise SchemaError(f"access_kmh = {self.access_kmh}: a speed must be above 0 km/h.")
        if self.block < 1:
            raise SchemaError(f"block = {self.block}: a task needs at least 1 site.")


def street_times(
    graph: StreetGraph,
    origins: Origins,
    sites: gpd.GeoSeries,
    *,
    limit_min: float,
    in_cell_m: Floats | float = 0.0,
    options: StreetOptions | None = None,
    scheduler: Scheduler | None = None,
    done: Callable[[int], None] | None = None,
) -> tuple[TravelTimes, StreetReport]:
    """Give the time from each cell to each site within reach, over streets.

    Parameters
    ----------
    graph : StreetGraph
        Streets of one mode.
    origins : Origins
        Points people set out from, one or several by cell, weighted by who lives there.
    sites : geopandas.GeoSeries of Point
        Destinations; the index holds their ids.
    limit_min : float
        Longest time looked for, minutes.
    in_cell_m : float or ndarray of float64, shape (point,)
        No way from a point is taken to be shorter, metres at `ACROSS_KMH`: residents do not live at the centre of a
        cell, and `civigrid.travel.straight_line.IN_CELL` of its side is the mean.  By default 0: points are homes.
    options : StreetOptions, optional
        Access to the streets.
    scheduler : Scheduler, optional
        Where blocks of sites are searched; no result depends on it.
    done : callable, optional
        Told, now and then, how many blocks are done.

    Returns
    -------
    TravelTimes
        Whole seconds: walk to the street, way over the streets, walk to the door; rounded once, half up.
    StreetReport
        How far places were from the streets, what is out of reach, and what lies on islands.

    Raises
    ------
    SchemaError
        A site has no place or its id is given twice; a limit or a speed is no use.

    Notes
    -----
    A cell of several points has their weighted mean.  Its search goes beyond the limit by the time across the box
    around its points; the pair counts if the points so reached hold at least half of the weight, and the mean is over
    those.  What is missing then is in the report (`partly`).  Searches: Dial (1969), see `civigrid.kernels.search`;
    from the sites, as they are fewer than the cells, so every edge is turned round.

    Examples
    --------
    >>> import shapely
    >>> place = np.array([[0.0, 0.0], [0.01, 0.0]])
    >>> ends, zero = np.array([[0, 0], [1, 1]], np.int32), np.zeros((2, 2), np.int32)
    >>> graph = StreetGraph(mode="walk", node_place=place, indptr=np.array([0, 1, 2]), head=np.array([1, 0], np.int32),
    ...     cost=np.array([8340, 8340], np.int32), component=zero[0], spot_place=place, spot_node=ends, spot_to=zero,
    ...     spot_from=zero, spot_chain=zero[0] - 1)
    >>> here = Origins(cell_id=np.array([5], np.uint64), place=place[:1], row=np.array([0]), weight=np.ones(1))
    >>> site = gpd.GeoSeries([shapely.Point(0.01, 0.001)], ["library"], crs="EPSG:4326")
    >>> times, report = street_times(graph, here, site, limit_min=30)
    >>> times.seconds, report.sites.metres.round()
    (array([917], dtype=int32), array([111.]))
    """
    options = options or StreetOptions()
    limit_s = limit_of(limit_min)
    site_id = ids_of_sites(sites)
    check_origins(origins)
    on = snapped(graph, np.concatenate([origins.place, lonlat(sites)]), options, scheduler)
    here, there = on.split(len(origins.place))
    least = in_cell_ds(graph, in_cell_m, len(origins.place))
    rows, partly = _times(graph, origins, here, there, least, limit_s, options, scheduler, done)
    times = TravelTimes(
        cell_id=origins.cell_id,
        site_id=site_id,
        indptr=rows[0],
        site=rows[1],
        seconds=rows[2],
        limit_s=limit_s,
        mode=words(graph, limit_min, options),
    )
    return times, report_of(origins, here, site_id, there, limit_m=options.snap_limit_m, partly=partly)


def site_times(
    graph: StreetGraph,
    sites: gpd.GeoSeries,
    *,
    limit_min: float = 600.0,
    options: StreetOptions | None = None,
    scheduler: Scheduler | None = None,
) -> Int32s:
    """Give the time from every site to every other, door to door, for chains of stops.

    Parameters
    ----------
    graph : StreetGraph
        Streets of one mode.
    sites : geopandas.GeoSeries of Point
        Some thousand at most: the matrix is dense.
    limit_min : float
        Longest time looked for, minutes.
    options : StreetOptions, optional
        Access to the streets.
    scheduler : Scheduler, optional
        Where blocks of sites are searched.

    Returns
    -------
    ndarray of int32, shape (site, site)
        Seconds from the site of the row to that of the column, in the order given; -1 where there is no way within the
        limit; 0 on the diagonal, whatever the way.

    Raises
    ------
    SchemaError
        A site has no place or its id is given twice.
    """
    options = options or StreetOptions()
    ids_of_sites(sites)
    n = len(sites)
    number = np.arange(n, dtype=np.int64)
    origins = Origins(cell_id=number.astype(np.uint64), place=lonlat(sites), row=number, weight=np.ones(n))
    on, least = snapped(graph, origins.place, options, scheduler), np.zeros(n, dtype=np.int32)
    rows, _ = _times(graph, origins, on, on, least, limit_of(limit_min), options, scheduler, None)
    matrix = np.full((n, n), -1, dtype=np.int32)
    matrix[np.repeat(number, np.diff(rows[0])), rows[1]] = rows[2]
    np.fill_diagonal(matrix, 0)
    return matrix


def snapped(graph: StreetGraph, place: Floats, options: StreetOptions, scheduler: Scheduler | None = None) -> Snapped:
    """Spots of places, as the options have it, with the threads of the scheduler."""
    scheduler = scheduler or Scheduler()
    return snap(
        graph,
        place,
        limit_m=options.snap_limit_m,
        main_within_m=options.main_within_m,
        workers=scheduler.n_workers if scheduler.kind == "threads" else 1,
    )


def _times(
    graph: StreetGraph,
    origins: Origins,
    here: Snapped,
    there: Snapped,
    least: Int32s,
    limit_s: int,
    options: StreetOptions,
    scheduler: Scheduler | None,
    done: Callable[[int], None] | None,
) -> tuple[tuple[Ints, Int32s, Int32s], int]:
    """Rows of cells (`indptr`, sites, seconds), and how many pairs miss some of their cell's weight."""
    order, number = _along_the_curve(graph, there)
    work = work_of(graph, origins, here, there.taken(order), least, options)
    pieces = blocks(0, len(order), options.block)
    found = run(gathering(limit_s, work), work, pieces, scheduler=scheduler, done=done)
    return rows_of(found, number, len(origins.cell_id)), sum(part.partly for part in found)


def work_of(
    graph: StreetGraph, origins: Origins, here: Snapped, there: Snapped, least: Int32s, options: StreetOptions
) -> Work:
    """Arrays for searches from sites, which stand where `there` says."""
    out, walk = here.walk_ds(options.access_kmh), there.walk_ds(options.access_kmh)
    return Work(
        graph=plain(graph.reversed()),
        seeds=seeds_of(graph, there, walk),
        attached=attached_to(graph, here, out),
        direct=direct_ways(graph, here, out, there, walk),
        cells=cells_with(origins, least, ACROSS_KMH.get(graph.mode, options.access_kmh)),
    )


def _along_the_curve(graph: StreetGraph, there: Snapped) -> tuple[Ints, Ints]:
    """Sites on the streets in the order of their nodes, and the place of each site in it, -1 beyond the limit."""
    use = np.flatnonzero(~there.beyond)
    order = use[np.argsort(np.asarray(graph.spot_node)[there.spot[use], 0], kind="stable")]
    number = np.full(len(there.spot), -1, dtype=np.int64)
    number[order] = np.arange(len(order))
    return order, number


def limit_of(limit_min: float) -> int:
    """Whole seconds of a limit in minutes.

    Raises
    ------
    SchemaError
        It is negative, no number, or too long.
    """
    if not 0 <= limit_min <= LONGEST_MIN:
        raise SchemaError(f"limit_min = {limit_min}: give minutes from 0 to {LONGEST_MIN:,}.")
    return round(limit_min * 60)


def ids_of_sites(sites: gpd.GeoSeries) -> npt.NDArray[np.str_]:
    """Ids of sites as text.

    Raises
    ------
    SchemaError
        An id is given twice.
    """
    ids: npt.NDArray[np.str_] = sites.index.to_numpy().astype(str)
    name, count = np.unique(ids, return_counts=True)
    if (count > 1).any():
        twice = name[count > 1]
        raise SchemaError(f"{twice.size} site ids are given twice (first: {first_few(twice)}). Make them unique.")
    return ids


def check_origins(origins: Origins) -> None:
    """Refuse points whose cells or weights the search would take wrongly.

    Raises
    ------
    SchemaError
        Points are not in the order of their cells, or a weight is negative or unknown.
    """
    if (np.diff(origins.row) < 0).any():
        raise SchemaError("the points of origins are not in the order of their cells. Sort them by row.")
    if not (origins.weight >= 0).all():
        bad = np.flatnonzero(~(origins.weight >= 0))
        raise SchemaError(f"{bad.size} points have a negative or unknown weight (first: {first_few(bad)}).")


def in_cell_ds(graph: StreetGraph, in_cell_m: Floats | float, points: int) -> Int32s:
    """Deciseconds of the shortest way that counts, shape (point,), rounded once."""
    metres = np.broadcast_to(np.asarray(in_cell_m, dtype=np.float64), (points,))
    if not (metres >= 0).all():
        raise SchemaError("in_cell_m has negative or unknown metres.")
    return np.floor(metres * 36 / ACROSS_KMH.get(graph.mode, 4.8) + 0.5).astype(np.int32)


def words(graph: StreetGraph, limit_min: float, options: StreetOptions) -> str:
    """How the times were made, for every output."""
    return (
        f"{graph.mode} over streets, up to {limit_min:g} minutes, on foot at {options.access_kmh:g} km/h to streets "
        f"within {options.snap_limit_m:g} m"
    )
