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
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import xarray as xr
from pyproj import CRS

from civigrid.cells import grid_of, ids_of, to_geodataframe
from civigrid.grid import Grid, SquareGrid
from civigrid.io.codes import write_codes
from civigrid.release.gate import Release
from civigrid.types import Floats, Ids, Status

ROWS_AT_ONCE = 100_000
"""Rows of a group of a Parquet file, and shapes in memory at one time."""


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
    words = pd.Index([s.name.lower() for s in Status])
    columns: dict[str, Any] = {"code": code_of(cells)}
    for name, variable in cells.data_vars.items():
        values = variable.to_numpy()
        coded = variable.attrs.get("kind") == "status"
        columns[str(name)] = pd.Categorical.from_codes(values, words) if coded else values
    return pd.DataFrame(columns)


def _released(release: Any, kind: type[Any]) -> Any:
    if not isinstance(release, Release):
        raise TypeError(f"writers accept a Release, got {type(release).__name__}: pass it through release() first.")
    if not isinstance(release.data, kind):
        raise TypeError(f"this writer takes a Release of {kind.__name__}, got one of {type(release.data).__name__}.")
    return release.data


def write_geoparquet(release: Release[xr.Dataset], path: Path) -> None:
    """Write cells as GeoParquet 1.1 with a bounding box per row; corners are exact, in the grid's CRS.

    Corners are computed from the ids, block by block, so that no more than `ROWS_AT_ONCE` shapes ever exist.
    """
    cells, frame = _released(release, xr.Dataset), _frame(release)
    grid, ids = grid_of(cells), ids_of(cells)
    centre, half = grid.centre(ids), np.abs(grid.vertices(ids[:1]) - grid.centre(ids[:1])[:, None]).max() * 2
    bounds = [*(centre.min(axis=0) - half).tolist(), *(centre.max(axis=0) + half).tolist()]

    def write(temporary: Path) -> None:
        about = {"geo": json.dumps(_geo(grid.crs, bounds)), "civigrid": json.dumps(_meaning(cells), sort_keys=True)}
        schema = _chunk(frame[:0], grid, ids[:0]).schema.with_metadata(about)
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for start in range(0, len(ids), ROWS_AT_ONCE):
                rows = slice(start, start + ROWS_AT_ONCE)
                writer.write_table(_chunk(frame[rows], grid, ids[rows]).cast(schema))

    write_atomic(path, write)


def _meaning(cells: xr.Dataset) -> dict[str, Any]:
    """What each variable means, as `civigrid.io.cells.read_cells` reads it back."""
    return {str(n): {k: v for k, v in a.attrs.items() if k != "flag_values"} for n, a in cells.data_vars.items()}


def _chunk(frame: pd.DataFrame, grid: Grid, ids: Ids) -> pa.Table:
    """Rows with their shapes as WKB, and the box of each."""
    corners = grid.vertices(ids)
    closed = np.concatenate([corners, corners[:, :1]], axis=1)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.append_column("geometry", _wkb(closed))
    box = {"xmin": corners[..., 0].min(axis=1), "ymin": corners[..., 1].min(axis=1)} if len(ids) else {}
    box |= {"xmax": corners[..., 0].max(axis=1), "ymax": corners[..., 1].max(axis=1)} if len(ids) else {}
    names = ("xmin", "ymin", "xmax", "ymax")
    arrays = [pa.array(box.get(n, np.empty(0)), type=pa.float64()) for n in names]
    return table.append_column("bbox", pa.StructArray.from_arrays(arrays, names=list(names)))


def _wkb(closed: Floats) -> pa.Array:
    """Well-known binary of one-ring polygons, shape (polygon, corner, 2) in: one header, then coordinates."""
    n, k, _ = closed.shape
    kind = np.dtype([("order", "u1"), ("type", "<u4"), ("rings", "<u4"), ("points", "<u4"), ("xy", "<f8", (k, 2))])
    shapes = np.empty(n, dtype=kind)
    shapes["order"], shapes["type"], shapes["rings"], shapes["points"], shapes["xy"] = 1, 3, 1, k, closed
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(kind.itemsize)
    return pa.Array.from_buffers(pa.binary(), n, [None, pa.py_buffer(offsets), pa.py_buffer(shapes.tobytes())])


def _geo(crs: str, bounds: list[float]) -> dict[str, Any]:
    """GeoParquet 1.1 metadata."""
    column = {
        "encoding": "WKB",
        "geometry_types": ["Polygon"],
        "crs": CRS.from_user_input(crs).to_json_dict(),
        "bbox": bounds,
        "covering": {"bbox": {n: ["bbox", n] for n in ("xmin", "ymin", "xmax", "ymax")}},
    }
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


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
