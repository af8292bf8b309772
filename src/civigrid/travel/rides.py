"""Rides along a graph of stations without a timetable, with straight lines to and from them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from civigrid.errors import SchemaError
from civigrid.grid import Grid
from civigrid.kernels.min_plus import FAR, min_plus
from civigrid.travel.places import lonlat, on_the_globe
from civigrid.travel.straight_line import StraightLine, straight_line_times, straight_lines_between
from civigrid.travel_times import TravelTimes, times_of_pairs
from civigrid.types import Ids, Ints


@dataclass(frozen=True, kw_only=True)
class Rides:
    """How a line without a timetable is taken to run: always, in both directions.

    Parameters
    ----------
    speed_kmh : float
        Mean speed with stops, along the straight line between stations.  30 is usual for an underground railway.
    wait_min : float
        Mean wait for a vehicle: half of the headway.
    change_min : float
        Walk from one line to another at a station; the wait comes on top.
    walk_min : float
        Longest walk to a station, and from one.
    """

    speed_kmh: float = 30.0
    wait_min: float = 2.5
    change_min: float = 2.0
    walk_min: float = 15.0

    @property
    def words(self) -> str:
        """How the times were made, for every output."""
        return (
            f"rides at {self.speed_kmh:g} km/h with {self.wait_min:g} minutes of waiting and {self.change_min:g} more "
            f"for a change, stations within {self.walk_min:g} minutes on foot"
        )


def station_times(stations: gpd.GeoSeries, links: pd.DataFrame, rides: Rides | None = None) -> Ints:
    """Give the time from each station to each: the first wait, the ride, changes with their walk and wait.

    Parameters
    ----------
    stations : geopandas.GeoSeries of Point
        The index holds their names.
    links : pandas.DataFrame
        Columns ``a, b, line``: stations that a line joins, both ways.
    rides : Rides, optional
        Speed and waits.

    Returns
    -------
    ndarray of int64, shape (station, station)
        Seconds; `civigrid.kernels.min_plus.FAR` where no line leads; 0 from a station to itself.

    Raises
    ------
    SchemaError
        A link names a station that is not there.

    Examples
    --------
    >>> import shapely
    >>> stations = gpd.GeoSeries([shapely.Point(0, 0), shapely.Point(0.1, 0)], ["A", "B"], crs="EPSG:4326")
    >>> links = pd.DataFrame({"a": ["A"], "b": ["B"], "line": ["1"]})
    >>> station_times(stations, links).tolist()
    [[0, 1484], [1484, 0]]
    """
    rides = rides or Rides()
    names = pd.Index(stations.index.astype(str))
    a, b = (names.get_indexer(pd.Index(links[c].astype(str))) for c in ("a", "b"))
    if (unknown := np.flatnonzero((a < 0) | (b < 0))).size:
        row = links.iloc[int(unknown[0])]
        raise SchemaError(f"{unknown.size} links name an unknown station (first: {row['a']!r} to {row['b']!r}).")
    # a node is a station and a line: who changes goes to another node of the station
    line = pd.factorize(links["line"].astype(str))[0]
    node, number = np.unique(np.concatenate([a, b]) * (line.max(initial=0) + 1) + np.tile(line, 2), return_inverse=True)
    station = node // (line.max(initial=0) + 1)
    metres = np.linalg.norm(on_the_globe(lonlat(stations))[a] - on_the_globe(lonlat(stations))[b], axis=1)
    ride = np.maximum(np.rint(metres / (rides.speed_kmh / 3.6)), 1)
    half = len(a)
    n = len(node)
    ends = (np.concatenate([number[:half], number[half:]]), np.concatenate([number[half:], number[:half]]))
    along = sparse.coo_array((np.tile(ride, 2), ends), shape=(n, n))
    same = np.argwhere(station[:, None] == station[None, :])
    same = same[same[:, 0] != same[:, 1]]
    change = round(60 * (rides.change_min + rides.wait_min))
    changes = sparse.coo_array((np.full(len(same), float(change)), (same[:, 0], same[:, 1])), shape=(n, n))
    # of several links of two stations on one line the quickest counts
    both = _quickest(along, changes)
    found = dijkstra(both, directed=True)
    times = np.full((len(names), len(names)), np.inf)
    np.minimum.at(times, (station[:, None], station[None, :]), found)
    seconds = np.where(np.isfinite(times), np.rint(times) + round(60 * rides.wait_min), FAR).astype(np.int64)
    np.fill_diagonal(seconds, 0)
    return seconds


def _quickest(*parts: sparse.coo_array) -> sparse.csr_array:
    row, col, value = (np.concatenate(v) for v in zip(*((p.row, p.col, p.data) for p in parts), strict=True))
    order = np.lexsort((value, col, row))
    row, col, value = row[order], col[order], value[order]
    first = np.ones(len(row), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (col[1:] != col[:-1])
    return sparse.csr_array((value[first], (row[first], col[first])), shape=parts[0].shape)


def ride_times(
    grid: Grid,
    cell_id: Ids,
    sites: gpd.GeoSeries,
    stations: gpd.GeoSeries,
    links: pd.DataFrame,
    *,
    walking: StraightLine,
    rides: Rides | None = None,
) -> TravelTimes:
    """Give the time from each cell to each site: on foot, or on foot to a station, by rides, and on foot again.

    Parameters
    ----------
    grid, cell_id, sites
        As `straight_line_times`.
    stations, links
        As `station_times`.
    walking : StraightLine
        How people walk; its limit is that of the whole way.
    rides : Rides, optional
        How lines run.

    Returns
    -------
    TravelTimes
        Never longer than on foot.
    """
    rides = rides or Rides()
    near = replace(walking, limit_min=min(rides.walk_min, walking.limit_min))
    to_station = straight_line_times(grid, cell_id, stations, options=near)
    on_foot = straight_line_times(grid, cell_id, sites, options=walking)
    return _by_ride(to_station, on_foot, stations, sites, links, near, rides)


def rides_between(
    sites: gpd.GeoSeries, stations: gpd.GeoSeries, links: pd.DataFrame, *, walking: StraightLine, rides: Rides
) -> TravelTimes:
    """Give the same from each site to each; the rows are the sites, numbered in their order."""
    near = replace(walking, limit_min=min(rides.walk_min, walking.limit_min))
    to_station = straight_lines_between(sites, stations, options=near)
    return _by_ride(to_station, straight_lines_between(sites, options=walking), stations, sites, links, near, rides)


def _by_ride(
    to_station: TravelTimes,
    on_foot: TravelTimes,
    stations: gpd.GeoSeries,
    sites: gpd.GeoSeries,
    links: pd.DataFrame,
    near: StraightLine,
    rides: Rides,
) -> TravelTimes:
    limit_s = on_foot.limit_s
    riding = station_times(stations, links, rides)
    off = straight_lines_between(stations, sites, options=near)
    # from each station by any ride and then on foot, site by site: few stations are near a site
    onward = np.full((len(stations), len(sites)), FAR, dtype=np.int64)
    order, starts = off.by_site()
    rows = off.rows()
    for j in range(len(sites)):
        pairs = order[starts[j] : starts[j + 1]]
        if len(pairs):
            onward[:, j] = (riding[:, rows[pairs]] + off.seconds[pairs]).min(axis=1)
    least = np.minimum(onward, FAR).astype(np.int32)
    indptr, site, seconds = min_plus(to_station.indptr, to_station.site, to_station.seconds, least, limit_s)
    row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return times_of_pairs(
        on_foot.cell_id,
        on_foot.site_id,
        np.concatenate([on_foot.rows(), row]),
        np.concatenate([on_foot.site, site]),
        np.concatenate([on_foot.seconds, seconds]),
        limit_s=limit_s,
        mode=f"{on_foot.mode}, or {rides.words}",
    )
