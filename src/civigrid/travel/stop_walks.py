"""`WalkTimes`: on foot to stops, between stops, from stops, and all the way: what a timetable is entered by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from civigrid.errors import SchemaError
from civigrid.travel.places import Origins, lonlat, on_the_globe
from civigrid.travel.street_times import ids_of_sites, limit_of
from civigrid.travel.timetable import Timetable
from civigrid.travel_times import TravelTimes, times_of_pairs
from civigrid.types import Floats, Ids, Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class WalkTimes:
    """Times on foot around a timetable, from streets or straight lines.

    Parameters
    ----------
    to_stop : TravelTimes
        Cell × stop: from where people live to stops.
    from_stop : TravelTimes
        Stop × site: from stops to the destinations; its rows are numbered, as `stop_rows` gives them.
    between : TravelTimes
        Stop × stop: changes on foot, beside those the timetable states.
    direct : TravelTimes
        Cell × site: all the way on foot.
    """

    to_stop: TravelTimes
    from_stop: TravelTimes
    between: TravelTimes
    direct: TravelTimes

    def __post_init__(self) -> None:
        same = (
            ("from_stop and direct name different sites", self.from_stop.site_id, self.direct.site_id),
            ("to_stop and direct have different cells", self.to_stop.cell_id, self.direct.cell_id),
            ("to_stop and between name different stops", self.to_stop.site_id, self.between.site_id),
            ("the rows of from_stop are not numbered stops", self.from_stop.cell_id, stop_rows(self.n_stops)),
            ("the rows of between are not numbered stops", self.between.cell_id, stop_rows(self.n_stops)),
        )
        for what, one, other in same:
            if not np.array_equal(one, other):
                raise SchemaError(f"{what}: {len(one)} and {len(other)} of them. Make all four from the same places.")

    @property
    def n_stops(self) -> int:
        """Number of stops."""
        return len(self.to_stop.site_id)

    @property
    def cell_id(self) -> Ids:
        """Cells, sorted."""
        return self.to_stop.cell_id

    @property
    def site_id(self) -> npt.NDArray[np.str_]:
        """Sites."""
        return self.from_stop.site_id

    def within(self, walk_s: int) -> WalkTimes:
        """Shorten the walks to stops, from stops and all the way, seconds; changes stay as they are."""
        return WalkTimes(
            to_stop=self.to_stop.within(walk_s),
            from_stop=self.from_stop.within(walk_s),
            between=self.between,
            direct=self.direct.within(walk_s),
        )


def stop_rows(n: int) -> Ids:
    """Numbers of stops, as the rows of a `TravelTimes` are named.

    >>> stop_rows(2).tolist()
    [0, 1]
    """
    return np.arange(n, dtype=np.uint64)


def placed_stops(timetable: Timetable) -> tuple[Origins, Ints]:
    """Stops with coordinates as points people set out from, named by their numbers; and these numbers."""
    at = np.flatnonzero(np.isfinite(timetable.stop_place).all(axis=1))
    row, weight = np.arange(len(at), dtype=np.int64), np.ones(len(at))
    return Origins(cell_id=at.astype(np.uint64), place=timetable.stop_place[at], row=row, weight=weight), at


@dataclass(frozen=True, kw_only=True)
class StraightWalks:
    """How fast and how far people walk where no streets are known.

    Parameters
    ----------
    speed_kmh : float
        Walking speed, km/h.
    detour : float
        Way walked per straight line.
    max_min : float
        Longest walk to a stop, from a stop, or all the way, minutes.
    max_change_min : float
        Longest walk between two stops, minutes.
    """

    speed_kmh: float = 4.8
    detour: float = 1.3
    max_min: float = 20.0
    max_change_min: float = 8.0

    def __post_init__(self) -> None:
        if not (0 < self.speed_kmh < np.inf and 0 < self.detour < np.inf):
            raise SchemaError(f"speed_kmh = {self.speed_kmh} and detour = {self.detour}: both must be above 0.")
        limit_of(self.max_min)
        limit_of(self.max_change_min)

    @property
    def words(self) -> str:
        """How the times were made, for every output."""
        return f"straight line × {self.detour:g} at {self.speed_kmh:g} km/h"


def straight_walks(
    timetable: Timetable,
    origins: Origins,
    sites: gpd.GeoSeries,
    *,
    options: StraightWalks | None = None,
) -> WalkTimes:
    """Walk in straight lines with a stated detour.

    Parameters
    ----------
    timetable : Timetable
        Its stops; one without coordinates is reached by the changes that the timetable states, and by vehicle.
    origins : Origins
        Where people set out; the walk of a cell is the mean of its points, weighted by who lives there.
    sites : geopandas.GeoSeries of Point
        Destinations; the index holds their ids.
    options : StraightWalks, optional
        Speed, detour, limits.

    Returns
    -------
    WalkTimes
        Whole seconds.

    Raises
    ------
    SchemaError
        A site has no place, or its id is given twice.
    """
    options = options or StraightWalks()
    walk_s, change_s = round(options.max_min * 60), round(options.max_change_min * 60)
    site_id, site_place = ids_of_sites(sites), lonlat(sites)
    placed, at = placed_stops(timetable)
    stops = replace(placed, cell_id=stop_rows(len(timetable.stop_id)), row=at)
    return WalkTimes(
        to_stop=_lines(origins, timetable.stop_id, timetable.stop_place, walk_s, options),
        from_stop=_lines(stops, site_id, site_place, walk_s, options),
        between=_lines(stops, timetable.stop_id, timetable.stop_place, change_s, options),
        direct=_lines(origins, site_id, site_place, walk_s, options),
    )


def _lines(
    origins: Origins, site_id: npt.NDArray[np.str_], place: Floats, limit_s: int, options: StraightWalks
) -> TravelTimes:
    metres_per_second = options.speed_kmh / 3.6 / options.detour
    at = np.flatnonzero(np.isfinite(place).all(axis=1))
    row, col, seconds = _near(origins, place[at], limit_s, metres_per_second)
    col = at[col]
    return times_of_pairs(origins.cell_id, site_id, row, col, seconds, limit_s=limit_s, mode=options.words)


def _near(origins: Origins, place: Floats, limit_s: int, speed: float) -> tuple[Ints, Ints, Ints]:
    """Pairs of cells and places, and whole seconds between them, metres per second given."""
    none = np.empty(0, dtype=np.int64)
    if not len(origins.place) or not len(place):
        return none, none, none
    there, here = on_the_globe(place), on_the_globe(origins.place)
    # half a second more than the limit is rounded to it; the slack of a metre is cut off again below
    found = cKDTree(here).sparse_distance_matrix(cKDTree(there), (limit_s + 0.5) * speed + 1, output_type="ndarray")
    pair = np.unique(origins.row[found["i"]] * len(place) + found["j"])
    row, col = np.divmod(pair, len(place))
    points = np.bincount(origins.row, minlength=len(origins.cell_id))
    first = np.concatenate([[0], np.cumsum(points)])
    many = points[row]
    starts = np.concatenate([[0], np.cumsum(many)])
    which = np.repeat(np.arange(len(pair)), many)
    point = first[row[which]] + np.arange(len(which)) - starts[which]
    metres = np.linalg.norm(here[point] - there[col[which]], axis=1)
    mean = np.bincount(which, weights=metres * origins.weight[point], minlength=len(pair))
    return row, col, np.floor(mean / speed + 0.5).astype(np.int64)
