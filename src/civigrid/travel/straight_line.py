"""Travel times by straight line with a stated detour: the last resort where there is no network."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

from civigrid.errors import SchemaError, first_few
from civigrid.grid import Grid, SquareGrid
from civigrid.travel.places import lonlat, on_the_globe
from civigrid.travel.street_times import ids_of_sites, limit_of
from civigrid.travel_times import TravelTimes, times_of_pairs
from civigrid.types import Floats, Ids

IN_CELL = 0.3826
"""Mean distance from the centre of a unit square to a point of it: (sqrt 2 + asinh 1) / 6."""


@dataclass(frozen=True, kw_only=True)
class StraightLine:
    """How fast and how far people go.

    Parameters
    ----------
    speed_kmh : float
        Walking speed, km/h.
    detour : float
        Way walked per straight line.  1.2 to 1.4 in European street networks.
    limit_min : float
        Longest time looked for, minutes.
    """

    speed_kmh: float = 4.8
    detour: float = 1.3
    limit_min: float = 60.0

    def __post_init__(self) -> None:
        if not (0 < self.speed_kmh < np.inf and 0 < self.detour < np.inf):
            raise SchemaError(f"speed_kmh = {self.speed_kmh} and detour = {self.detour}: both must be above 0.")
        limit_of(self.limit_min)

    @property
    def words(self) -> str:
        """How the times were made, for every output."""
        return f"straight line × {self.detour:g} at {self.speed_kmh:g} km/h, up to {self.limit_min:g} minutes"


def straight_line_times(
    grid: Grid, cell_id: Ids, sites: gpd.GeoSeries, *, options: StraightLine | None = None
) -> TravelTimes:
    """Give the time from each cell's centre to each site within reach.

    Parameters
    ----------
    grid : Grid
        The grid of the cells.
    cell_id : ndarray of uint64, shape (cell,)
        Origins, sorted.
    sites : geopandas.GeoSeries of Point
        Destinations; the index holds their ids.
    options : StraightLine, optional
        Speed, detour, limit.

    Returns
    -------
    TravelTimes
        Whole seconds.  Residents do not live at the centre of their cell: no distance is taken to be shorter than
        `IN_CELL` of its side.  Lines run in the plane of a square grid; from other cells, over the globe.

    Raises
    ------
    SchemaError
        A site has no place, or its id is given twice.

    Examples
    --------
    >>> grid = SquareGrid(cell_size_m=100)
    >>> cell = grid.cell_at(np.array([[4_000_050.0, 3_000_050.0]]))
    >>> site = gpd.GeoSeries([shapely.Point(4_000_450, 3_000_050)], ["library"], crs="EPSG:3035")
    >>> straight_line_times(grid, cell, site).seconds
    array([390], dtype=int32)
    """
    options = options or StraightLine()
    within = np.sqrt(grid.area_km2(cell_id) * 1e6) * IN_CELL
    if isinstance(grid, SquareGrid):
        starts, places = grid.centre(cell_id), _placed(sites, grid.crs)
    else:
        centres = gpd.GeoSeries(shapely.points(grid.centre(cell_id)), crs=grid.crs)
        starts, places = on_the_globe(lonlat(centres)), on_the_globe(lonlat(sites))
    return _between(starts, within, cell_id, places, ids_of_sites(sites), options)


def straight_lines_between(
    places: gpd.GeoSeries, sites: gpd.GeoSeries | None = None, *, options: StraightLine | None = None
) -> TravelTimes:
    """Give the time from each place to each site, by default from each place to each: rows are numbered as the places.

    >>> sites = gpd.GeoSeries([shapely.Point(8, 49), shapely.Point(8.01, 49)], ["a", "b"], crs="EPSG:4326")
    >>> straight_lines_between(sites).seconds
    array([  0, 711, 711,   0], dtype=int32)
    """
    number = np.arange(len(places), dtype=np.uint64)
    ends = places if sites is None else sites
    starts, stops = on_the_globe(lonlat(places)), on_the_globe(lonlat(ends))
    return _between(starts, np.zeros(len(places)), number, stops, ids_of_sites(ends), options or StraightLine())


def _placed(sites: gpd.GeoSeries, plane: str) -> Floats:
    if (nowhere := sites.index[sites.isna() | sites.is_empty]).size:
        raise SchemaError(f"{nowhere.size} sites have no place (first: {first_few(nowhere)}). Drop them first.")
    places: Floats = shapely.get_coordinates(sites.to_crs(plane).to_numpy())
    return places


def _between(
    origins: Floats,
    within: Floats,
    cell_id: Ids,
    places: Floats,
    site_id: npt.NDArray[np.str_],
    options: StraightLine,
) -> TravelTimes:
    """Times from points, each at least `within` metres from anything, to the places near them, in any dimension."""
    metres_per_second = options.speed_kmh / 3.6 / options.detour
    found = cKDTree(origins).query_ball_point(places, options.limit_min * 60 * metres_per_second)
    near = [np.asarray(rows, dtype=np.int64) for rows in found]
    site = np.repeat(np.arange(len(places), dtype=np.int64), [len(rows) for rows in near])
    row = np.concatenate([np.empty(0, dtype=np.int64), *near])
    metres = np.maximum(np.sqrt(((origins[row] - places[site]) ** 2).sum(axis=1)), within[row])
    return times_of_pairs(
        cell_id,
        site_id,
        row,
        site,
        np.rint(metres / metres_per_second).astype(np.int64),
        limit_s=limit_of(options.limit_min),
        mode=options.words,
    )
