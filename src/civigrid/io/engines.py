"""Other routing engines, where they are installed: their matrices in our shape.  Nothing here is needed by the rest."""

from __future__ import annotations

from typing import Any, Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from civigrid.errors import CivigridError, SchemaError
from civigrid.travel import Origins
from civigrid.travel.places import lonlat
from civigrid.travel_times import TravelTimes, times_of_pairs

COSTING = {"walk": "pedestrian", "bike": "bicycle", "drive": "auto"}
"""Valhalla's word for each mode."""
BATCH = 50
"""Origins, and sites, of one request: Valhalla's own limit is 2,500 pairs."""


class Actor(Protocol):
    """What ``valhalla.Actor`` can do that is needed here."""

    def matrix(self, request: dict[str, Any]) -> dict[str, Any]:
        """Give times from sources to targets."""


def valhalla_times(actor: Actor, origins: Origins, sites: gpd.GeoSeries, *, mode: str, limit_min: float) -> TravelTimes:
    """Let Valhalla compute street times: turn costs and tags by its rules, tiles of the caller's.

    Parameters
    ----------
    actor : valhalla.Actor
        ``valhalla.Actor(config)``; ``pip install civigrid[valhalla]`` (Python 3.12 or later).
    origins : Origins
        Where people set out; the time of a cell is the mean over its points, by their weights, where all of them reach.
    sites : geopandas.GeoSeries of Point
        Services; the index holds their ids.
    mode : str
        ``walk``, ``bike``, ``drive``.
    limit_min : float
        Longer times are dropped, minutes.

    Returns
    -------
    TravelTimes

    Raises
    ------
    SchemaError
        An unknown mode, or an answer of another shape than was asked for.

    Notes
    -----
    Its matrix knows no public transport (its documentation says so), and is asked in batches of 50 by 50.
    """
    if mode not in COSTING:
        raise SchemaError(f"mode {mode!r}: Valhalla's matrix knows {', '.join(COSTING)}.")
    places, times = lonlat(sites), np.full((len(origins.place), len(sites)), np.nan)
    for i in range(0, len(origins.place), BATCH):
        for j in range(0, len(sites), BATCH):
            asked = {
                "sources": _locations(origins.place[i : i + BATCH]),
                "targets": _locations(places[j : j + BATCH]),
                "costing": COSTING[mode],
            }
            times[i : i + BATCH, j : j + BATCH] = _seconds(actor.matrix(asked), len(asked["sources"]))
    return _of_points(times, origins, sites, limit_min, f"Valhalla, {COSTING[mode]}")


def _locations(place: Any) -> list[dict[str, float]]:
    return [{"lat": float(lat), "lon": float(lon)} for lon, lat in place]


def _seconds(found: dict[str, Any], rows: int) -> Any:
    answer = found.get("sources_to_targets")
    if not isinstance(answer, list) or len(answer) != rows:
        raise SchemaError(f"Valhalla's answer holds no matrix of {rows} rows: {str(found)[:200]}")
    return [[np.nan if pair.get("time") is None else float(pair["time"]) for pair in row] for row in answer]


def _of_points(times: Any, origins: Origins, sites: gpd.GeoSeries, limit_min: float, mode: str) -> TravelTimes:
    """Times of points to times of cells: means by weight."""
    n = len(origins.cell_id)
    mean = np.zeros((n, len(sites)))
    np.add.at(mean, origins.row, origins.weight[:, None] * times)
    row, site = np.nonzero(np.isfinite(mean))
    limit_s, ids = round(limit_min * 60), sites.index.to_numpy().astype(str)
    seconds = np.rint(mean[row, site]).astype(np.int64)
    return times_of_pairs(
        origins.cell_id, ids, row, site, seconds, limit_s=limit_s, mode=f"{mode}, up to {limit_min:g} minutes"
    )


def r5py_times(
    network: Any, origins: Origins, sites: gpd.GeoSeries, *, limit_min: float, **options: Any
) -> TravelTimes:
    """Let r5py compute travel times: by timetable with its rules, on a network of the caller's.

    Parameters
    ----------
    network : r5py.TransportNetwork
        ``pip install civigrid[r5py]``; it needs Java.
    origins : Origins
        As `valhalla_times`.
    sites : geopandas.GeoSeries of Point
        Services.
    limit_min : float
        Longer times are dropped, minutes.
    **options
        Handed on to ``r5py.TravelTimeMatrix``: departure, transport_modes, percentiles (of several the first is taken).

    Returns
    -------
    TravelTimes
        Whole minutes, as r5py gives them.

    Raises
    ------
    CivigridError
        r5py is not installed.
    """
    try:
        import r5py
    except ImportError as error:
        raise CivigridError("r5py is not installed: pip install civigrid[r5py], and Java.") from error
    points = np.arange(len(origins.place)).astype(str)
    starts = gpd.GeoDataFrame({"id": points}, geometry=shapely.points(origins.place), crs="EPSG:4326")
    ends = gpd.GeoDataFrame({"id": sites.index.astype(str)}, geometry=sites.to_crs("EPSG:4326").to_numpy(), crs=4326)
    found = pd.DataFrame(r5py.TravelTimeMatrix(network, origins=starts, destinations=ends, **options))
    column = next(c for c in found.columns if str(c).startswith("travel_time"))
    times = np.full((len(points), len(sites)), np.nan)
    row = pd.Index(points).get_indexer(pd.Index(found["from_id"].astype(str)))
    site = pd.Index(ends["id"]).get_indexer(pd.Index(found["to_id"].astype(str)))
    times[row, site] = found[column].to_numpy(dtype=np.float64) * 60
    return _of_points(times, origins, sites, limit_min, f"r5py, {column}")
