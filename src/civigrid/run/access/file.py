"""`civigrid travel`: cells and services from files, travel times to a file."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

from civigrid.cells import grid_of, ids_of, values_of
from civigrid.engine import Scheduler
from civigrid.errors import SchemaError, unknown_name
from civigrid.grid import Grid
from civigrid.io.atomic import write_text
from civigrid.io.cells import read_cells
from civigrid.io.points import read_points
from civigrid.io.travel_times import plain_table, write_times
from civigrid.run import config
from civigrid.run.access.asked import Announce, Asked, Made
from civigrid.run.access.times import make_times
from civigrid.source import Report
from civigrid.travel import Origins, weighted_centres
from civigrid.travel_times import TravelTimes
from civigrid.types import Ids


@dataclass(frozen=True, kw_only=True)
class SitesFile:
    """A file of services, and how it is read.

    Parameters
    ----------
    path : Path
        The file.
    x, y, crs : str
        Coordinate columns of a plain table, and their CRS.
    id_column, kind_column : str
        Columns of unique ids and of kinds.
    """

    path: Path
    x: str = ""
    y: str = ""
    crs: str = ""
    id_column: str = ""
    kind_column: str = ""

    def read(self, counts: tuple[str, ...] = ()) -> tuple[gpd.GeoDataFrame, Report]:
        """Give the services that have a place, by their own ids, and what was noticed."""
        source, report = read_points(
            self.path,
            x=self.x,
            y=self.y,
            crs=self.crs,
            id_column=self.id_column,
            kind_column=self.kind_column,
            counts=counts,
        )
        report.raise_errors()
        if source.geometry is None:
            raise SchemaError(f"{self.path.name} has no points: services need places.")
        bare = [i.split(":", 1)[1] for i in source.table.index]
        frame = gpd.GeoDataFrame(source.table.set_axis(bare), geometry=source.geometry.set_axis(bare))
        return frame[~(frame.geometry.isna() | frame.geometry.is_empty)], report


def travel_file(
    origins: Path, sites: SitesFile, item: config.Times, out: Path | None, *, scheduler: Scheduler, announce: Announce
) -> dict[str, Any]:
    """Make travel times from the cells of a file to the services of another, and write them.

    Parameters
    ----------
    origins : Path
        Cells: a census grid, or what civigrid wrote.
    sites : SitesFile
        Services.
    item : config.Times
        How; `finer` is the path of finer cells and a variable of them.
    out : Path, optional
        Parquet of ``code, site_id, seconds``; a CSV for a suffix ``.csv``.
    scheduler : Scheduler
        Where.
    announce : callable
        Told what is going on.

    Returns
    -------
    dict
        How many cells, sites and pairs; who reaches nothing; what was noticed; seconds.
    """
    if out is not None and out.suffix not in (".parquet", ".csv"):
        raise SchemaError(f"--out {out.name}: travel times are written as .parquet or .csv.")
    began = time.perf_counter()
    announce("reading cells and services")
    cells = read_cells(origins)
    frame, report = sites.read()
    if not len(frame):
        raise SchemaError(f"{sites.path.name} has no services with a place.")
    grid, ids = grid_of(cells), ids_of(cells)
    made = make_times(
        Asked(
            item=replace(item, finer=""),
            grid=grid,
            cell_id=ids,
            sites=frame.geometry,
            origins=_finer(item.finer, grid, ids),
            base=Path.cwd(),
            scheduler=scheduler,
            announce=announce,
        )
    )
    if out is not None:
        announce("writing")
        _write(made.times, grid, out)
    said = [str(f) for f in (*report, *made.findings)]
    return {"out": str(out) if out else "", **summary(made), "findings": said, "seconds": time.perf_counter() - began}


def _finer(text: str, grid: Grid, ids: Ids) -> Origins | None:
    if not text:
        return None
    name, _, variable = text.rpartition(":")
    finer = read_cells(Path(name))
    if variable not in finer:
        raise unknown_name(f"variable of {Path(name).name}", variable, [str(v) for v in finer.data_vars])
    return weighted_centres(grid, ids, grid_of(finer), ids_of(finer), values_of(finer, variable))


def _write(times: TravelTimes, grid: Grid, out: Path) -> None:
    if out.suffix == ".parquet":
        write_times(times, grid, out)
        return
    write_text(out, plain_table(times, grid).to_csv(index=False, lineterminator="\n"))


def summary(made: Made) -> dict[str, Any]:
    """What travel times are like, in a few numbers."""
    times = made.times
    per_cell = np.diff(times.indptr)
    reached = np.bincount(times.site, minlength=len(times.site_id))
    starts = times.indptr[:-1][per_cell > 0]
    nearest = np.minimum.reduceat(times.seconds, starts) / 60 if len(starts) else np.empty(0)
    shown = np.percentile(nearest, [10, 50, 90]) if len(nearest) else np.full(3, np.nan)
    return {
        "mode": times.mode,
        "cells": len(times.cell_id),
        "sites": len(times.site_id),
        "pairs": len(times.seconds),
        "cells_that_reach_nothing": int((per_cell == 0).sum()),
        "sites_that_nobody_reaches": int((reached == 0).sum()),
        "minutes_to_nearest": dict(zip(("p10", "p50", "p90"), (round(float(m), 1) for m in shown), strict=True)),
        **made.facts,
    }
