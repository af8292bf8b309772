"""Tables to files: released ones as CSV and Parquet, and the layers of invented cities.

Formats of cells stand in modules of their own: `civigrid.io.geoparquet`, `geopackage`, `cog` ...
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import xarray as xr

from civigrid.io.atomic import write_atomic, write_bytes, write_text
from civigrid.io.features import no_clock
from civigrid.io.fields import WORDS, code_of, released
from civigrid.release.gate import Release


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
