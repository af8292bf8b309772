"""Travel times without a network: the quickest way over cells, each with the speed of its ground and its roads."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from civigrid.engine import Block, Scheduler, plan_blocks
from civigrid.engine.arrays import map_shared
from civigrid.errors import SchemaError, first_few
from civigrid.grid import Grid, SquareGrid
from civigrid.kernels.friction import SHUT, Int32s
from civigrid.kernels.friction_search import from_each, nearest_of
from civigrid.travel.friction_windows import Arrays, Way, arrays_of, reach_of, window
from civigrid.travel.places import lonlat
from civigrid.travel.straight_line import IN_CELL
from civigrid.travel.street_times import ids_of_sites
from civigrid.travel_times import TravelTimes, times_of_pairs
from civigrid.types import Bools, Floats, Ids, Ints

LONGEST_MIN = 35_000.0
"""Longest limit, minutes: its milliseconds fit 32 bits."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FrictionSurface:
    """Cells with the speed at which people cross them.

    Parameters
    ----------
    grid : Grid
        Square grid or H3.
    cell_id : ndarray of uint64, shape (cell,)
        Cells, sorted; those that are not there cannot be crossed.
    speed_kmh : ndarray of float64, shape (cell,)
        On the flat; 0: nobody can enter, as water without a bridge.
    height_m : ndarray of float64, shape (cell,), optional
        Height of the cells, as ``Elevation.at`` of their centres; NaN counts as level with its neighbours.
    on_foot : ndarray of bool, shape (cell,), optional
        Where people walk, so that slopes matter; by default everywhere.
    """

    grid: Grid
    cell_id: Ids
    speed_kmh: Floats
    height_m: Floats | None = None
    on_foot: Bools | None = None

    def __post_init__(self) -> None:
        n = len(self.cell_id)
        for name in ("speed_kmh", "height_m", "on_foot"):
            value = getattr(self, name)
            if value is not None and value.shape != (n,):
                raise SchemaError(f"{name} has shape {value.shape}, but there are {n} cells. Give one for each.")
        if n > 1 and not (self.cell_id[1:] > self.cell_id[:-1]).all():
            raise SchemaError("the cells of a friction surface must be sorted, each once. Sort them with their speeds.")
        bad = np.isnan(self.speed_kmh) | (self.speed_kmh < 0) | np.isinf(self.speed_kmh)
        if bad.any():
            ids = first_few(hex(i) for i in self.cell_id[bad])
            raise SchemaError(f"{int(bad.sum())} cells have no speed (first: {ids}). Say 0 where nobody can go.")


@dataclass(frozen=True, kw_only=True)
class FrictionOptions:
    """How people go over cells.

    Parameters
    ----------
    limit_min : float or None
        Longest time looked for, minutes; None (nearest site only): as far as it takes, in one pass.
    neighbours : {8, 16}
        Directions of a step on squares; 16 adds the knight's moves.  Over even ground the way is at most 8.2 % longer
        than the straight line with 8, 2.7 % with 16, and 15.5 % on H3 (6).
    corners : bool
        Whether a diagonal step may squeeze between two cells that nobody can enter.
    towards : bool
        Whether people go to the sites; False: they come from them.  It matters on slopes.
    block : int
        Sites searched by one task; no result depends on it.
    """

    limit_min: float | None = 60.0
    neighbours: int = 8
    corners: bool = False
    towards: bool = True
    block: int = 64

    def __post_init__(self) -> None:
        if self.neighbours not in (8, 16):
            raise SchemaError(f"neighbours is {self.neighbours}: squares have 8, or 16 with knight's moves.")
        if self.limit_min is not None and not 0 <= self.limit_min <= LONGEST_MIN:
            raise SchemaError(f"limit_min = {self.limit_min}: give minutes from 0 to {LONGEST_MIN:,.0f}.")
        if self.block < 1:
            raise SchemaError(f"block = {self.block}: a task needs at least 1 site.")

    def words(self, surface: FrictionSurface) -> str:
        """How the times were made, for every output."""
        steps = f"{self.neighbours} neighbours" if isinstance(surface.grid, SquareGrid) else "6 neighbours"
        slope = ", slopes by Tobler" if surface.height_m is not None else ""
        away = "" if self.towards else ", from the sites"
        limit = "no limit" if self.limit_min is None else f"up to {self.limit_min:g} minutes"
        return f"friction surface on {surface.grid.id}, {steps}{slope}{away}, {limit}"


@dataclass(frozen=True, eq=False, kw_only=True)
class FrictionReport:
    """What no way leads to.

    Parameters
    ----------
    lost_sites : ndarray of str
        Sites in no cell of the surface, or in one that nobody can enter.
    shut_cells : ndarray of uint64
        Cells that nobody can enter: they reach nothing.
    far_cells : ndarray of uint64
        Open cells that reach no site within the limit.
    """

    lost_sites: npt.NDArray[np.str_]
    shut_cells: Ids
    far_cells: Ids

    def lines(self) -> tuple[str, ...]:
        """Say it in sentences; nothing that is not so."""
        told = (
            (self.lost_sites, "sites lie where nobody can go"),
            (self.shut_cells, "cells cannot be entered: they reach nothing"),
            (self.far_cells, "cells reach no site within the limit"),
        )
        return tuple(f"{len(ids):,} {words} (first: {first_few(ids)})" for ids, words in told if len(ids))


@dataclass(frozen=True, eq=False, kw_only=True)
class NearestSite:
    """The nearest site of every cell.

    Parameters
    ----------
    cell_id : ndarray of uint64, shape (cell,)
        Cells of the surface.
    seconds : ndarray of int32, shape (cell,)
        Time to the nearest site; -1: none within the limit.
    site : ndarray of int32, shape (cell,)
        Which site, of equally near ones the first; -1: none.
    site_id : ndarray of str, shape (site,)
        Names.
    mode : str
        How the times were made.
    """

    cell_id: Ids
    seconds: Int32s
    site: Int32s
    site_id: npt.NDArray[np.str_]
    mode: str


def friction_times(
    surface: FrictionSurface,
    sites: gpd.GeoSeries,
    *,
    origins: Ids | None = None,
    options: FrictionOptions | None = None,
    scheduler: Scheduler | None = None,
) -> tuple[TravelTimes, FrictionReport]:
    """Give the time from cells to each site within reach, over the cells between them.

    Parameters
    ----------
    surface : FrictionSurface
        Speeds by cell.
    sites : geopandas.GeoSeries of Point
        Destinations; the index holds their ids.
    origins : ndarray of uint64, shape (cell,), optional
        Cells of the same grid that people set out from, sorted; by default all of the surface.
    options : FrictionOptions, optional
        Limit, steps, direction.
    scheduler : Scheduler, optional
        Where blocks of sites are searched; no result depends on it.

    Returns
    -------
    TravelTimes
        Whole seconds from centre to centre; within the site's own cell `IN_CELL` of its side.
    FrictionReport
        What is out of reach.

    Raises
    ------
    SchemaError
        No limit; origins that are not sorted; sites without a place, or of which none lies within the grid.

    Notes
    -----
    A step costs the mean of both cells' seconds per metre times the distance of their centres, as in Douglas (1994),
    Cartographica 31(3); a knight's move, the mean of the four cells its line crosses.  Slopes: see
    `civigrid.travel.slopes.tobler`.  Searches run from the sites on the reversed steps, within the cells that can be
    reached at the top speed of the surface, so a window gives the same bytes as the whole.

    Examples
    --------
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
    >>> surface = FrictionSurface(grid=grid, cell_id=ids, speed_kmh=np.array([5.0, 3.0]))
    >>> site = gpd.GeoSeries([shapely.Point(4_001_500, 3_000_500)], ["clinic"], crs="EPSG:3035")
    >>> friction_times(surface, site)[0].seconds
    array([960, 459], dtype=int32)
    """
    options = options or FrictionOptions()
    if options.limit_min is None:
        raise SchemaError("times to each site need a limit: limit_min. Without one, ask for nearest_site().")
    names, arrays = ids_of_sites(sites), _arrays(surface, sites)
    start = surface.cell_id if origins is None else origins
    if len(start) > 1 and not (start[1:] > start[:-1]).all():
        raise SchemaError("origins must be sorted, each once.")
    order = np.argsort(arrays.site_row, kind="stable")
    order = order[arrays.site_row[order] >= 0]
    way, inside = _way(surface, arrays, options), _own_ms(surface)
    cells = np.searchsorted(start, surface.cell_id)
    here = start[np.minimum(cells, max(len(start) - 1, 0))] == surface.cell_id if len(start) else cells < 0
    task = functools.partial(_of_sites, way, order, np.where(here, cells, -1))
    pieces = [(a, min(a + options.block, len(order))) for a in range(0, len(order), options.block)]
    found = map_shared(task, arrays, pieces, scheduler) if len(surface.cell_id) else []
    none = (np.empty(0, dtype=np.int64),) * 4
    row, cell, site, ms = (np.concatenate(part) for part in zip(none, *found, strict=True))
    ms = np.where(cell == arrays.site_row[site], inside[cell], ms)
    kept = ms <= way.bound
    times = times_of_pairs(
        start,
        names,
        row[kept],
        site[kept],
        (ms[kept] + 500) // 1000,
        limit_s=-(-way.bound // 1000),
        mode=options.words(surface),
    )
    reached = np.zeros(len(start), dtype=bool)
    reached[row[kept]] = True
    at = np.minimum(np.searchsorted(surface.cell_id, start), max(len(surface.cell_id) - 1, 0))
    known = surface.cell_id[at] == start if len(surface.cell_id) else np.zeros(len(start), dtype=bool)
    shut = ~known if not len(surface.cell_id) else ~known | (surface.speed_kmh[at] == 0)
    return times, FrictionReport(
        lost_sites=names[arrays.site_row < 0], shut_cells=start[shut], far_cells=start[~shut & ~reached]
    )


def nearest_site(
    surface: FrictionSurface,
    sites: gpd.GeoSeries,
    *,
    options: FrictionOptions | None = None,
    cells_per_side: int = 0,
    scheduler: Scheduler | None = None,
) -> tuple[NearestSite, FrictionReport]:
    """Give every cell of the surface the time to the nearest site, and which it is.

    Parameters
    ----------
    surface : FrictionSurface
        Speeds by cell.
    sites : geopandas.GeoSeries of Point
        Destinations; the index holds their ids.
    options : FrictionOptions, optional
        Limit, steps, direction.
    cells_per_side : int
        Side of the blocks that are searched one by one, a power of two, each with the cells around it that the limit
        reaches at the top speed; 0: one pass.  No result depends on it.  Without a limit there is one pass.
    scheduler : Scheduler, optional
        Where blocks are searched.

    Returns
    -------
    NearestSite
        Whole seconds from centre to centre; within the site's own cell `IN_CELL` of its side.
    FrictionReport
        What is out of reach.

    Raises
    ------
    SchemaError
        As `friction_times`.

    Examples
    --------
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
    >>> surface = FrictionSurface(grid=grid, cell_id=ids, speed_kmh=np.array([5.0, 0.0]))
    >>> site = gpd.GeoSeries([shapely.Point(4_000_500, 3_000_500)], ["clinic"], crs="EPSG:3035")
    >>> nearest_site(surface, site)[0].seconds
    array([275,  -1], dtype=int32)
    """
    options = options or FrictionOptions()
    names, arrays = ids_of_sites(sites), _arrays(surface, sites)
    way, n = _way(surface, arrays, options), len(surface.cell_id)
    blocks: tuple[Block, ...] = (Block(0, 0, n),) if n else ()
    if cells_per_side and options.limit_min is not None:
        blocks = plan_blocks(surface.grid, surface.cell_id, cells_per_side)
    task = functools.partial(_of_block, way, len(blocks) == 1)
    found = map_shared(task, arrays, [(b.start, b.stop) for b in blocks], scheduler)
    ms = np.concatenate([np.empty(0, dtype=np.int64), *(f[0] for f in found)])
    site = np.concatenate([np.empty(0, dtype=np.int64), *(f[1] for f in found)])
    own, bound = ms == 0, way.bound
    ms[own] = _own_ms(surface)[own]
    reached = ms <= bound
    shut = surface.speed_kmh == 0
    return NearestSite(
        cell_id=surface.cell_id,
        seconds=np.where(reached, (ms + 500) // 1000, -1).astype(np.int32),
        site=np.where(reached, site, -1).astype(np.int32),
        site_id=names,
        mode=options.words(surface),
    ), FrictionReport(
        lost_sites=names[arrays.site_row < 0],
        shut_cells=surface.cell_id[shut],
        far_cells=surface.cell_id[~shut & ~reached],
    )


def _of_sites(way: Way, order: Ints, origin: Ints, arrays: Arrays, piece: tuple[int, int]) -> tuple[Ints, ...]:
    """Origin, row of the surface, site and ms of every pair that some sites make."""
    sites = order[slice(*piece)]
    around = window(way, arrays, arrays.site_row[sites])
    seeds = around.place_of(arrays.site_row[sites])
    found = from_each(around.ground, seeds, way.bound, towards=way.towards, corners=way.corners)
    site = np.repeat(sites, np.diff(found.starts))
    row = around.row_of[found.place]
    kept = origin[row] >= 0
    return origin[row[kept]], row[kept], site[kept], found.ms[kept].astype(np.int64)


def _of_block(way: Way, whole: bool, arrays: Arrays, piece: tuple[int, int]) -> tuple[Ints, Ints]:
    """Ms to the nearest site and its number, of the cells of a block."""
    rows = np.arange(*piece)
    around = window(way, arrays, rows, whole=whole)
    there = np.flatnonzero(np.isin(arrays.site_row, around.row_of[around.row_of >= 0]))
    seeds = around.place_of(arrays.site_row[there])
    ms, site = nearest_of(around.ground, seeds, way.bound, towards=way.towards, corners=way.corners)
    place = around.place_of(rows)
    # cells that nobody can enter are not in a web
    found = (place >= 0) & (ms[place] < SHUT) if len(ms) else np.zeros(len(rows), dtype=bool)
    number = np.where(found, site[place], 0) if len(ms) else np.zeros(len(rows), dtype=np.int64)
    return (
        np.where(found, ms[place], SHUT).astype(np.int64) if len(ms) else np.full(len(rows), SHUT, dtype=np.int64),
        np.where(found, there[number], -1) if len(there) else np.full(len(rows), -1),
    )


def _way(surface: FrictionSurface, arrays: Arrays, options: FrictionOptions) -> Way:
    bound = SHUT - 1 if options.limit_min is None else round(options.limit_min * 60_000)
    reach = reach_of(surface.grid, arrays, options.neighbours, bound)
    return Way(surface.grid, options.neighbours, options.corners, options.towards, bound, reach)


def _pace(speed_kmh: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        pace: Floats = 3.6 / speed_kmh
    return pace


def _own_ms(surface: FrictionSurface) -> Ints:
    """Time within a cell, ms, shape (cell,)."""
    metres = np.sqrt(surface.grid.area_km2(surface.cell_id)) * 1000 * IN_CELL
    ms = np.minimum(np.rint(_pace(surface.speed_kmh) * metres * 1000), SHUT)
    return np.asarray(ms, dtype=np.int64)


def _arrays(surface: FrictionSurface, sites: gpd.GeoSeries) -> Arrays:
    """Surface and sites as plain arrays; a site in no open cell has row -1."""
    flat = arrays_of(surface.grid, surface.cell_id, _pace(surface.speed_kmh), surface.height_m, surface.on_foot)
    row = np.full(len(sites), -1, dtype=np.int64)
    if len(sites) and len(surface.cell_id):
        lonlat(sites)
        xy = shapely.get_coordinates(sites.to_crs(surface.grid.crs).to_numpy())
        inside = np.isfinite(xy).all(axis=1)
        if isinstance(surface.grid, SquareGrid):
            west, south, east, north = surface.grid.bounds_m
            inside &= (xy[:, 0] >= west) & (xy[:, 0] < east) & (xy[:, 1] >= south) & (xy[:, 1] < north)
        # if none is inside, the grid says what is wrong with the points
        cell = surface.grid.cell_at(xy[inside] if inside.any() else xy)
        at = np.minimum(np.searchsorted(surface.cell_id, cell), len(surface.cell_id) - 1)
        row[inside] = np.where((surface.cell_id[at] == cell) & (surface.speed_kmh[at] > 0), at, -1)
    return flat._replace(site_row=row)
