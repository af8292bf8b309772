"""Invented services on the real stops of a timetable, for a city whose services nobody handed out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np

from civigrid.errors import SchemaError
from civigrid.io.gtfs import read_gtfs
from civigrid.io.hashing import sha256_of
from civigrid.sample.placement import place_services
from civigrid.source import Finding, Report, Source
from civigrid.types import Column


def read_placed(
    path: Path, *, seed: int, kinds: Mapping[str, int], hubs: int = 10, shared: float = 0.25, box: Sequence[float] = ()
) -> tuple[Source, Report]:
    """Place invented services on the stops of a timetable.

    Parameters
    ----------
    path : Path
        GTFS feed.
    seed : int
        Equal seeds give equal services.
    kinds : mapping of str to int
        How many services of each kind.
    hubs : int
        Stops that several services share.
    shared : float
        Share of the services that are at one of them.
    box : sequence of float
        West, south, east, north: stops outside do not count; empty: all count.

    Returns
    -------
    tuple of Source and Report
        Services with all their columns.  The report says that they are invented, and so does the source's licence.

    Raises
    ------
    SchemaError
        More services of a kind than stops, or a box that is none.
    """
    feed = read_gtfs(path)
    stops = feed.stops.rename(columns={"lon": "longitude", "lat": "latitude"})
    leaves = np.bincount(feed.stop_times["stop"], minlength=len(stops)).astype(np.float64)
    inside = np.isfinite(stops[["longitude", "latitude"]].to_numpy()).all(axis=1)
    if box:
        if len(box) != 4:
            raise SchemaError(f"box = {list(box)}: four numbers are needed: west, south, east, north.")
        west, south, east, north = box
        inside &= stops["longitude"].between(west, east).to_numpy() & stops["latitude"].between(south, north).to_numpy()
    table = place_services(stops, np.where(inside, leaves, 0.0), kinds, seed=seed, hubs=hubs, shared=shared)
    points = gpd.points_from_xy(table["longitude"], table["latitude"], crs="EPSG:4326")
    # ids as a reader of points gives them: the name of the file, then the id
    data = table.drop(columns=["longitude", "latitude"]).set_index("site_id")
    data.index = [f"{path.stem}:{i}" for i in data.index]
    source = Source(
        name=path.stem,
        table=data,
        columns={"capacity": Column(units="places", long_name="capacity")},
        geometry=gpd.GeoSeries(points, index=data.index),
        files={path.name: sha256_of(path)},
    )
    text = (
        f"{len(data)} services are invented (seed {seed}) and placed on stops of {path.name}: no real service is shown"
    )
    return source, Report((Finding("warning", "services.invented", text, len(data)),))
