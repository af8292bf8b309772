"""What a layer step may use besides its cells, and what every one of them does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import pandas as pd
import xarray as xr

from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.release import Profile, min_count
from civigrid.run import config
from civigrid.source import Source
from civigrid.travel_times import TravelTimes


@dataclass(frozen=True, eq=False, kw_only=True)
class Ways:
    """Travel times from the cells to services, and between these, where rows are numbered as the services are.

    `item` says how they were made, so that times to a new place can be made alike.
    """

    times: TravelTimes
    between: TravelTimes | None = None
    item: config.Times | None = None


@dataclass(frozen=True, eq=False)
class Setting:
    """What a layer step may use besides its cells."""

    base: Path
    cells: Mapping[str, xr.Dataset]
    sources: Callable[[str], Source]
    scheduler: Scheduler
    block_cells: int
    times: Mapping[str, Ways] = field(default_factory=dict)
    announce: Callable[[str], None] = lambda _: None
    profile: Profile = field(default_factory=min_count)


def sites_of(names: tuple[str, ...], sources: Callable[[str], Source]) -> gpd.GeoDataFrame:
    """Services of several sources as one frame: index = site id, columns ``name``, ``kind``; without the placeless."""
    frames = []
    for name in names:
        source = sources(name)
        if source.geometry is None:
            raise SchemaError(f"source {name!r} has no points: services need places.")
        frames.append(gpd.GeoDataFrame(source.table, geometry=source.geometry.to_crs("EPSG:3035")))
    sites = gpd.GeoDataFrame(pd.concat(frames), crs="EPSG:3035")
    return sites[~(sites.geometry.isna() | sites.geometry.is_empty)]


def of_cells(table: pd.DataFrame, cells: str) -> pd.DataFrame:
    """Say in each row which cells it was computed on: one index on two grids is two numbers."""
    texts = table["parameters"].map(lambda text: text[:-1] + (", " if text != "{}" else "") + f'"on": "{cells}"}}')
    return table.assign(parameters=texts.astype(object))
