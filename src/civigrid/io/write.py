"""The door of all writers: atomic files, cells as GeoParquet, GeoPackage and CSV, tables.

The formats of cells stand in modules of their own (`civigrid.io.geoparquet` ...); what was imported from here still is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import xarray as xr

from civigrid.io.atomic import write_atomic, write_bytes, write_folder, write_json, write_text
from civigrid.io.features import no_clock
from civigrid.io.fields import ROWS_AT_ONCE, WORDS, code_of, released
from civigrid.io.geopackage import write_geopackage
from civigrid.io.geoparquet import write_geoparquet
from civigrid.release.gate import Release

__all__ = [
    "ROWS_AT_ONCE", "code_of", "write_atomic", "write_bytes", "write_csv", "write_folder", "write_geopackage",
    "write_geoparquet", "write_json", "write_layer", "write_table", "write_text",
]  # fmt: skip


def _frame(release: Release[xr.Dataset]) -> pd.DataFrame:
    """Cells as a plain table: code first, statuses in words."""
    cells = released(release, xr.Dataset)
    words = pd.Index(WORDS)
    columns: dict[str, Any] = {"code": code_of(cells)}
    for name, variable in cells.data_vars.items():
        values = variable.to_numpy()
        coded = variable.attrs.get("kind") == "status"
        columns[str(name)] = pd.Categorical.from_codes(values, words) if coded else values
    return pd.DataFrame(columns)


def write_layer(frame: gpd.GeoDataFrame, path: Path, layer: str) -> None:
    """Write a frame as the only layer of a GeoPackage; equal frames give equal bytes."""

    def write(temporary: Path) -> None:
        temporary.unlink(missing_ok=True)
        frame.to_file(temporary, layer=layer, driver="GPKG", engine="pyogrio")

    with no_clock():
        write_atomic(path, write)


def write_csv(release: Release[Any], path: Path) -> None:
    """Write released cells or a released table as CSV (UTF-8, decimal point), codes and words instead of ids."""
    data = released(release, object)
    frame = _frame(release) if isinstance(data, xr.Dataset) else pd.DataFrame(data)
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def write_table(release: Release[pd.DataFrame], path: Path) -> None:
    """Write a released table as Parquet."""
    table = released(release, pd.DataFrame)
    write_bytes(path, table.to_parquet(index=False, compression="zstd"))
