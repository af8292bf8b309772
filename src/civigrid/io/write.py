"""Writers.  Each writes to a temporary file beside its target, syncs it, and renames: old good output survives."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import xarray as xr

from civigrid.cells import grid_of, ids_of, to_geodataframe
from civigrid.grid import SquareGrid
from civigrid.io.codes import write_codes
from civigrid.release.gate import Release
from civigrid.types import Status


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file in the target's folder, then put it in place at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=path.suffix, delete=False) as stream:
        temporary = Path(stream.name)
    try:
        write(temporary)
        with temporary.open("rb") as done:
            os.fsync(done.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes, whole or not at all."""
    write_atomic(path, lambda temporary: _put(temporary, data))


def _put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, what: Any) -> None:
    """Write JSON in one canonical form: sorted keys, two spaces, a newline at the end."""
    write_text(path, json.dumps(what, sort_keys=True, indent=2, ensure_ascii=False, default=str) + "\n")


def code_of(cells: xr.Dataset) -> np.ndarray[Any, np.dtype[np.str_]]:
    """Codes that people and GIS read: INSPIRE's long code for squares, H3's hexadecimal text, shape (cell,)."""
    grid, ids = grid_of(cells), ids_of(cells)
    if isinstance(grid, SquareGrid):
        return write_codes(ids, grid).astype(str)
    return np.array([f"{i:x}" for i in ids.tolist()])


def _frame(release: Release[xr.Dataset]) -> pd.DataFrame:
    """Cells as a plain table: code first, statuses in words."""
    cells = _released(release, xr.Dataset)
    words = np.array([s.name.lower() for s in Status])
    columns: dict[str, Any] = {"code": code_of(cells)}
    for name, variable in cells.data_vars.items():
        values = variable.to_numpy()
        columns[str(name)] = words[values] if variable.attrs.get("kind") == "status" else values
    return pd.DataFrame(columns)


def _released(release: Any, kind: type[Any]) -> Any:
    if not isinstance(release, Release):
        raise TypeError(f"writers accept a Release, got {type(release).__name__}: pass it through release() first.")
    if not isinstance(release.data, kind):
        raise TypeError(f"this writer takes a Release of {kind.__name__}, got one of {type(release.data).__name__}.")
    return release.data


def write_geoparquet(release: Release[xr.Dataset], path: Path) -> None:
    """Write cells as GeoParquet 1.1 with a bounding box per row; corners are exact, in the grid's CRS."""
    frame = _polygons(release)
    write_atomic(
        path,
        lambda temporary: frame.to_parquet(
            temporary, index=False, compression="zstd", write_covering_bbox=True, schema_version="1.1.0"
        ),
    )


def write_geopackage(release: Release[xr.Dataset], path: Path, *, layer: str = "cells") -> None:
    """Write cells as a GeoPackage layer, statuses in words."""
    frame = _polygons(release)
    write_layer(frame, path, layer)


def write_layer(frame: gpd.GeoDataFrame, path: Path, layer: str) -> None:
    """Write a frame as the only layer of a GeoPackage; equal frames give equal bytes."""
    # GDAL stamps a GeoPackage with the time of day unless it is told another
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"})

    def write(temporary: Path) -> None:
        temporary.unlink(missing_ok=True)
        frame.to_file(temporary, layer=layer, driver="GPKG", engine="pyogrio")

    try:
        write_atomic(path, write)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _polygons(release: Release[xr.Dataset]) -> gpd.GeoDataFrame:
    cells = _released(release, xr.Dataset)
    shapes = to_geodataframe(cells.drop_vars(list(cells.data_vars)))
    return gpd.GeoDataFrame(_frame(release), geometry=shapes.geometry.to_numpy(), crs=shapes.crs)


def write_csv(release: Release[Any], path: Path) -> None:
    """Write released cells or a released table as CSV (UTF-8, decimal point), codes and words instead of ids."""
    data = _released(release, object)
    frame = _frame(release) if isinstance(data, xr.Dataset) else pd.DataFrame(data)
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def write_table(release: Release[pd.DataFrame], path: Path) -> None:
    """Write a released table as Parquet."""
    table = _released(release, pd.DataFrame)
    write_bytes(path, table.to_parquet(index=False, compression="zstd"))
