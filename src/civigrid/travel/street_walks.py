"""`WalkTimes` over streets: the walks a timetable is entered by, searched on the graph of pavements and paths."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import shapely

from civigrid.engine import Scheduler
from civigrid.travel.graph import StreetGraph
from civigrid.travel.places import Origins
from civigrid.travel.stop_walks import WalkTimes, placed_stops, stop_rows
from civigrid.travel.street_report import StreetReport
from civigrid.travel.street_times import StreetOptions, street_times
from civigrid.travel.timetable import Timetable
from civigrid.travel_times import TravelTimes
from civigrid.types import Ints


def street_walks(
    graph: StreetGraph,
    timetable: Timetable,
    origins: Origins,
    sites: gpd.GeoSeries,
    *,
    max_min: float = 20.0,
    max_change_min: float = 8.0,
    options: StreetOptions | None = None,
    scheduler: Scheduler | None = None,
) -> tuple[WalkTimes, StreetReport, StreetReport]:
    """Walk over streets to stops, between stops, from stops, and all the way.

    Parameters
    ----------
    graph : StreetGraph
        Streets to walk on.
    timetable : Timetable
        Its stops; one without coordinates is reached by the changes that the timetable states, and by vehicle.
    origins : Origins
        Where people set out.
    sites : geopandas.GeoSeries of Point
        Destinations; the index holds their ids.
    max_min : float
        Longest walk to a stop, from a stop, or all the way, minutes.
    max_change_min : float
        Longest walk between two stops, minutes.
    options : StreetOptions, optional
        Access to the streets.
    scheduler : Scheduler, optional
        Where; no result depends on it.

    Returns
    -------
    WalkTimes
        Whole seconds.
    StreetReport
        How cells and sites met the streets.
    StreetReport
        How cells and stops did: far stops and stops on islands are told, and have no walks.
    """
    stops, at = placed_stops(timetable)
    as_sites = gpd.GeoSeries(shapely.points(stops.place), index=timetable.stop_id[at], crs="EPSG:4326")

    def walked(start: Origins, end: gpd.GeoSeries, minutes: float) -> tuple[TravelTimes, StreetReport]:
        return street_times(graph, start, end, limit_min=minutes, options=options, scheduler=scheduler)

    direct, report = walked(origins, sites, max_min)
    to_stop, stop_report = walked(origins, as_sites, max_min)
    from_stop, _ = walked(stops, sites, max_min)
    between, _ = walked(stops, as_sites, max_change_min)
    walks = WalkTimes(
        to_stop=_all_columns(to_stop, timetable, at),
        from_stop=_all_rows(from_stop, len(timetable.stop_id)),
        between=_all_columns(_all_rows(between, len(timetable.stop_id)), timetable, at),
        direct=direct,
    )
    return walks, report, stop_report


def _all_rows(times: TravelTimes, stops: int) -> TravelTimes:
    """Give stops without a place rows without pairs."""
    count = np.zeros(stops, dtype=np.int64)
    count[times.cell_id.astype(np.int64)] = np.diff(times.indptr)
    return replace(times, cell_id=stop_rows(stops), indptr=np.concatenate([[0], np.cumsum(count)]))


def _all_columns(times: TravelTimes, timetable: Timetable, at: Ints) -> TravelTimes:
    """Give stops without a place columns without pairs."""
    return replace(times, site_id=timetable.stop_id, site=at[times.site].astype(np.int32))
