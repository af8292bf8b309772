"""What travel times are asked for, and what is given back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.grid import Grid
from civigrid.run import config
from civigrid.run.paths import resolve
from civigrid.source import Finding
from civigrid.travel import Origins, centres_of
from civigrid.travel.places import lonlat
from civigrid.travel.straight_line import IN_CELL
from civigrid.travel_times import TravelTimes
from civigrid.types import Floats, Ids

Announce = Callable[[str], None]
"""Told in words what is going on."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Asked:
    """From where, to where, and how.

    Parameters
    ----------
    item : config.Times
        The table of the run file, or the options of the command.
    grid : Grid
        Grid of the cells.
    cell_id : ndarray of uint64, shape (cell,)
        The cells, sorted.
    sites : geopandas.GeoSeries of Point
        Services; the index holds their ids.
    origins : Origins, optional
        Where people set out; by default the centres of the cells.
    base : Path
        Folder that paths are relative to.
    scheduler : Scheduler
        Where blocks of services are computed.
    announce : callable
        Told what is going on.
    """

    item: config.Times
    grid: Grid
    cell_id: Ids
    sites: gpd.GeoSeries
    base: Path
    origins: Origins | None = None
    scheduler: Scheduler = field(default_factory=Scheduler)
    announce: Announce = lambda _: None

    @property
    def start(self) -> Origins:
        """Where people set out."""
        return self.origins or centres_of(self.grid, self.cell_id)

    @property
    def in_cell_m(self) -> Floats | float:
        """Mean way from the centre of a cell to a place in it; 0 where people set out from finer cells."""
        if self.origins is not None:
            return 0.0
        return np.asarray(np.sqrt(self.grid.area_km2(self.cell_id) * 1e6) * IN_CELL)

    def path(self, text: str, key: str) -> Path:
        """Path of a file that the mode needs."""
        if not text:
            raise SchemaError(f"mode {self.item.mode!r} needs {key}. Name the file.")
        return resolve(text, self.base)


@dataclass(frozen=True, eq=False, kw_only=True)
class Made:
    """Travel times, those between the services, what was noticed on the way, and facts that fit in JSON."""

    times: TravelTimes
    between: TravelTimes | None = None
    findings: tuple[Finding, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


def sites_as_origins(sites: gpd.GeoSeries) -> Origins:
    """Let people set out from services, numbered in their order, as if they were cells."""
    n = len(sites)
    number = np.arange(n, dtype=np.uint64)
    return Origins(cell_id=number, place=lonlat(sites), row=number.astype(np.int64), weight=np.ones(n))
