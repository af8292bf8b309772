"""What may leave: cells, tables and maps, each through a disclosure profile and then to a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import xarray as xr

from civigrid.io.geopackage import write_geopackage
from civigrid.io.geoparquet import write_geoparquet
from civigrid.io.write import write_csv, write_table
from civigrid.release import PROFILES, Profile, Release, release
from civigrid.release.indices import held_back, protect_indices
from civigrid.run import config
from civigrid.run.paths import slug
from civigrid.source import Licence

WRITERS: dict[str, tuple[str, Callable[[Release[xr.Dataset], Path], None]]] = {
    "parquet": ("parquet", write_geoparquet),
    "gpkg": ("gpkg", write_geopackage),
    "csv": ("csv", write_csv),
}
"""Format of released cells, its suffix, its writer."""
GPKG_UP_TO = 300_000
"""More cells than this are no GeoPackage of every run, which would take minutes: ``[[export]]`` writes one."""


def profile_of(run: config.Run) -> Profile:
    """Give the disclosure profile of a run."""
    return PROFILES[run.profile](run.threshold) if run.profile == "min-count" else PROFILES[run.profile]()


def write_cells(run: config.Run, name: str, cells: xr.Dataset, terms: Sequence[Licence], folder: Path) -> list[Path]:
    """Write released cells in the formats of the run."""
    out, written = release(cells, profile_of(run), terms=terms), []
    for form in run.formats:
        suffix, write = WRITERS[form]
        if form == "gpkg" and cells.sizes["cell"] > GPKG_UP_TO:
            continue
        written.append(folder / "cells" / f"{name}.{suffix}")
        write(out, written[-1])
    return written


def left_out(run: config.Run, cells: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """Say which files a run was asked for and does not write, as findings."""
    large = {n: c.sizes["cell"] for n, c in cells.items() if "gpkg" in run.formats and c.sizes["cell"] > GPKG_UP_TO}
    words = "cells are too many for a GeoPackage of each run, and none is written: ask for one with [[export]]"
    return pd.DataFrame(
        [{"cells": n, "level": "warning", "message": words, "count": count} for n, count in large.items()]
    )


def protected(run: config.Run, table: pd.DataFrame, rests_on: pd.DataFrame | None) -> pd.DataFrame:
    """Take out of a step's results the rows that would tell of a few, by the rule of `civigrid segregation --out`.

    Parameters
    ----------
    run : config.Run
        Its profile decides.
    table : pandas.DataFrame
        A result table.
    rests_on : pandas.DataFrame or None
        For each row the ``label`` that made its zone and the ``fewest`` persons that it rests on; None: of a step that
        makes no indices.
    """
    profile = profile_of(run)
    if rests_on is None or not len(table):
        return table
    why, label = held_back(table, rests_on["fewest"].to_numpy(), profile), rests_on["label"].to_numpy()
    parts = []
    for name in dict.fromkeys(label):
        # zones of one label make up the whole: of another, the same name is another place
        rows = label == name
        parts.append(protect_indices(table[rows], why[rows], profile))
    return pd.concat(parts)


def write_results(run: config.Run, table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write the result table as CSV and Parquet."""
    out = release(table, profile_of(run))
    paths = [folder / "results.csv", folder / "results.parquet"]
    write_csv(out, paths[0])
    write_table(out, paths[1])
    return paths


def page_of(item: config.Map) -> str:
    """Where a map lies beside the report."""
    return f"maps/{slug(item.title)}" + (".html" if item.mode == "single" else "/index.html")
