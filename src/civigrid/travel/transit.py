"""Travel times by public transport over a window of departures or arrivals: percentiles, shares, means of a decay."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from civigrid.engine import Scheduler
from civigrid.engine.arrays import map_ranges
from civigrid.errors import SchemaError
from civigrid.kernels.counting import counting_order
from civigrid.travel.stop_walks import WalkTimes
from civigrid.travel.street_times import LONGEST_MIN
from civigrid.travel.timetable import Timetable
from civigrid.travel.transit_plan import Found, Settings, plan, search_range, together
from civigrid.travel_times import TravelTimes
from civigrid.types import Floats, Ints

_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?")


@dataclass(frozen=True, kw_only=True)
class TransitOptions:
    """When people travel, and how far.

    Parameters
    ----------
    start, until : str
        The window, as ``08:00`` and ``10:00`` or ``25:30:00`` (after midnight); `until` itself is not in it.
    step_s : int
        From one departure (or arrival) of the window to the next, seconds.
    arrive_by : bool
        False: people leave home at each time of the window.  True: they must be at the site by each time of it and
        leave as late as they can.  Waiting counts: at the stop, and before the appointment.
    max_rides : int
        Most vehicles.
    max_walk_min : float or None
        Longest walk to a stop, from a stop, and all the way, minutes; None takes the walks as they are given.
    limit_min : float
        Longest travel time, minutes.
    percentiles : tuple of float
        Which travel times are kept, each in (0, 100].  Percentile *p* of *n* departures is the one of rank
        ``ceil(p n / 100)`` among their times, a departure that does not reach the site counting as infinite.
    change_s : int
        Least time between two vehicles, seconds, at the same stop or with a walk; what a timetable states for a pair of
        stops counts as stated.
    """

    start: str = "08:00"
    until: str = "10:00"
    step_s: int = 60
    arrive_by: bool = False
    max_rides: int = 3
    max_walk_min: float | None = None
    limit_min: float = 90.0
    percentiles: tuple[float, ...] = (50.0,)
    change_s: int = 60

    def __post_init__(self) -> None:
        if self.step_s < 1 or clock(self.until) <= clock(self.start):
            raise SchemaError(f"the window {self.start} to {self.until} by {self.step_s} seconds holds no departure.")
        if self.max_rides < 1 or self.change_s < 0 or not 0 < self.limit_min <= LONGEST_MIN:
            raise SchemaError(
                f"max_rides = {self.max_rides}, change_s = {self.change_s}, limit_min = {self.limit_min}: "
                f"at least 1, at least 0, and more than 0 up to {LONGEST_MIN:,} are needed."
            )
        if wrong := [p for p in self.percentiles if not 0 < p <= 100]:
            raise SchemaError(f"percentiles = {wrong}: they lie above 0 and up to 100.")

    @property
    def times(self) -> Ints:
        """Departures (or arrivals) of the window, seconds since midnight, shape (slot,)."""
        return np.arange(clock(self.start), clock(self.until), self.step_s, dtype=np.int64)

    @property
    def limit_s(self) -> int:
        """Longest travel time, seconds."""
        return round(self.limit_min * 60)

    @property
    def words(self) -> str:
        """How the times were made, for every output."""
        what = "arrive by" if self.arrive_by else "depart"
        return (
            f"public transport, {what} {self.start} to {self.until} every {self.step_s} s, "
            f"at most {self.max_rides} rides, {self.limit_min:g} minutes, changes of {self.change_s} s"
        )


def clock(text: str) -> int:
    """Seconds since midnight of a time of day.

    >>> clock("08:00"), clock("25:30:10")
    (28800, 91810)
    """
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise SchemaError(f"{text!r} is no time of day. Write it as 08:00 or 08:00:30.")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


@dataclass(frozen=True, eq=False, kw_only=True)
class TransitWindow:
    """Travel times over a window.

    A percentile of the time and the mean of a decay are different things: the decay of the median is not the mean of
    the decay.  Both are here, by name.

    Parameters
    ----------
    fastest : TravelTimes
        Every pair that at least one departure reaches, with its shortest time.
    departures : int
        Departures (or arrivals) in the window.
    reached : ndarray of int32, shape (pair,)
        How many of them reach the site within the limit.
    percentiles : tuple of float
        Which percentiles are kept.
    at : ndarray of int32, shape (percentile, pair)
        Percentiles of the time, seconds; above the limit where too few departures reach.
    mean_decay : ndarray of float64, shape (pair,), or None
        Mean over all departures of the decay of their time; a departure that does not reach counts 0.
    """

    fastest: TravelTimes
    departures: int
    reached: npt.NDArray[np.int32]
    percentiles: tuple[float, ...]
    at: npt.NDArray[np.int32]
    mean_decay: Floats | None

    @property
    def share(self) -> Floats:
        """Share of departures that reach the site within the limit, shape (pair,)."""
        return self.reached / self.departures

    def percentile(self, percent: float) -> TravelTimes:
        """Give one percentile; a pair is there if at least so many per cent of the departures reach the site."""
        if percent not in self.percentiles:
            raise SchemaError(f"percentile {percent} was not searched; these were: {list(self.percentiles)}.")
        which = self.at[self.percentiles.index(percent)]
        keep = which <= self.fastest.limit_s
        first = np.concatenate([[0], np.cumsum(keep)])
        return TravelTimes(
            cell_id=self.fastest.cell_id,
            site_id=self.fastest.site_id,
            indptr=first[self.fastest.indptr],
            site=self.fastest.site[keep],
            seconds=which[keep],
            limit_s=self.fastest.limit_s,
            mode=f"{self.fastest.mode}, percentile {percent:g}",
        )


def transit_times(
    timetable: Timetable,
    walks: WalkTimes,
    *,
    options: TransitOptions | None = None,
    decay: Floats | None = None,
    scheduler: Scheduler | None = None,
    block: int = 16,
) -> TransitWindow:
    """Search the travel times of all cells to all sites for every departure of a window.

    Parameters
    ----------
    timetable : Timetable
        What runs on the day.
    walks : WalkTimes
        On foot to, between and from its stops, and all the way: whoever is faster on foot walks.
    options : TransitOptions, optional
        Window, limits, percentiles.
    decay : ndarray of float64, shape (limit_s + 1,), optional
        Weight of each travel time in seconds, for `TransitWindow.mean_decay`.
    scheduler : Scheduler, optional
        Where; no result depends on it.
    block : int
        Sites (or cells) searched by one task; no result depends on it.

    Returns
    -------
    TransitWindow
        The search begins at the cells or at the sites, whichever is less work, and is exact from both: where the times
        of the window lie at the other end, all departures that matter are searched (a profile), and each time of the
        window takes the best of them.

    Raises
    ------
    SchemaError
        The walks belong to other stops, or the decay does not have a weight for each second.

    Notes
    -----
    Delling, Pajor, Werneck (2015), Round-based public transit routing; see `civigrid.kernels.raptor_search`.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, shapely
    >>> from civigrid.travel.build_timetable import Journey, timetable_of
    >>> from civigrid.travel.places import Origins
    >>> from civigrid.travel.stop_walks import straight_walks
    >>> stops = pd.DataFrame({"name": ["Mill", "Hall"], "lon": [8.0, 8.1], "lat": [49.0, 49.0]}, index=["a", "b"])
    >>> stop, time, yes = np.array([0, 1], np.int32), np.array([29_100, 29_700], np.int32), np.array([True, True])
    >>> none = pd.DataFrame({"a": [], "b": [], "seconds": []})
    >>> table = timetable_of("2026-03-17", stops, [Journey(stop, time, time, yes, yes, "Tram 5", "t1")], none)
    >>> cell = np.array([7], dtype=np.uint64)
    >>> home = Origins(cell_id=cell, place=np.array([[8.0, 49.0]]), row=np.array([0]), weight=np.ones(1))
    >>> walks = straight_walks(table, home, gpd.GeoSeries([shapely.Point(8.1, 49.0)], ["library"], crs="EPSG:4326"))
    >>> window = transit_times(table, walks, options=TransitOptions(start="08:00", until="08:10"))
    >>> window.percentile(50).seconds, window.fastest.seconds, window.share
    (array([840], dtype=int32), array([600], dtype=int32), array([0.6]))
    """
    options = options or TransitOptions()
    return _searched(
        timetable,
        walks,
        options,
        decay,
        scheduler,
        block,
        from_sites=_begins_at_sites(len(walks.cell_id), len(walks.site_id), arrive_by=options.arrive_by),
    )


PROFILE = 2
"""How many times the work of a search is done where the times of the window lie at its other end (measured)."""


def _begins_at_sites(cells: int, sites: int, *, arrive_by: bool) -> bool:
    return sites <= PROFILE * cells if arrive_by else PROFILE * sites <= cells


def _searched(
    timetable: Timetable,
    walks: WalkTimes,
    options: TransitOptions,
    decay: Floats | None,
    scheduler: Scheduler | None,
    block: int,
    *,
    from_sites: bool,
) -> TransitWindow:
    _check(timetable, walks, options, decay)
    if options.max_walk_min is not None:
        walks = walks.within(round(options.max_walk_min * 60))
    times = options.times
    n_cells, n_sites = len(walks.cell_id), len(walks.site_id)
    settings = Settings(
        limit=options.limit_s,
        exact=from_sites != options.arrive_by,
        backwards=from_sites,
        rides=options.max_rides,
        targets=n_cells if from_sites else n_sites,
    )
    rank = np.array([math.ceil(p * len(times) / 100) - 1 for p in options.percentiles], dtype=np.int64)
    made = plan(timetable, walks, times, change_s=options.change_s, settings=settings, rank=rank, decay=decay)
    sources = n_sites if from_sites else n_cells
    task = functools.partial(search_range, settings)
    found = together(map_ranges(task, made, sources, block, scheduler), len(rank))
    return _window(found, walks, options, with_decay=decay is not None, from_sites=from_sites)


def _check(timetable: Timetable, walks: WalkTimes, options: TransitOptions, decay: Floats | None) -> None:
    if not np.array_equal(walks.to_stop.site_id, timetable.stop_id):
        raise SchemaError(
            f"these walks lead to {walks.n_stops} stops, the timetable has {len(timetable.stop_id)} or names them "
            "otherwise. Make the walks from the stops of this timetable."
        )
    if decay is not None and decay.shape != (options.limit_s + 1,):
        raise SchemaError(
            f"the decay has the shape {decay.shape}; a weight for each second up to the limit is {options.limit_s + 1}."
        )


def _window(
    found: Found, walks: WalkTimes, options: TransitOptions, *, with_decay: bool, from_sites: bool
) -> TransitWindow:
    """Bring what was found by source into rows of cells."""
    source = np.repeat(np.arange(len(found.size)), found.size)
    if from_sites:
        order, indptr = counting_order(found.target, len(walks.cell_id))
        site = source[order].astype(np.int32)
    else:
        order = np.arange(len(source))
        indptr = np.concatenate([[0], np.cumsum(found.size)]).astype(np.int64)
        site = found.target
    fastest = TravelTimes(
        cell_id=walks.cell_id,
        site_id=walks.site_id,
        indptr=indptr,
        site=site,
        seconds=found.fastest[order],
        limit_s=options.limit_s,
        mode=f"{options.words}; walks: {walks.to_stop.mode}",
    )
    return TransitWindow(
        fastest=fastest,
        departures=len(options.times),
        reached=found.reached[order],
        percentiles=options.percentiles,
        at=found.at[:, order],
        mean_decay=found.mean[order] if with_decay else None,
    )
