"""Square cells as Eurostat's tiled grid: a folder of small Parquet files that Gridviz shows without a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from civigrid.cells import ids_of
from civigrid.errors import SchemaError
from civigrid.io.atomic import write_folder, write_json
from civigrid.io.fields import fields_of, released, tables
from civigrid.io.frame import square_of
from civigrid.io.record import facts, record_of
from civigrid.io.shapes import crs_of
from civigrid.release.gate import Release

TILE = 256
"""Cells of a tile's side, as in Eurostat's census grid."""


def write_tiled_grid(
    release: Release[xr.Dataset], path: Path, *, values: Sequence[str] = (), title: str = "", tile: int = TILE
) -> None:
    """Write square cells as tiles ``X/Y.parquet`` with an ``info.json``; equal cells give equal files.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Square cells.
    path : Path
        The folder.
    values : sequence of str
        Variables to write, each with its status; empty: all, and the labels.
    title : str
        What the data are called.
    tile : int
        Cells of a tile's side.

    Raises
    ------
    SchemaError
        Hexagons, or no cells.

    Notes
    -----
    SOURCE: "Tiled grid format", docs/tiledformat.md of eurostat/gridviz, which bears no version of its own; the Parquet
    encoding is that of eurostat/gridviz-parquet, the keys those that gridtiler 1.0.7 writes.  ``x`` and ``y`` count
    cells from the tile's lower left corner, tiles from the origin of the CRS.  Files are compressed by Snappy, which
    browsers decode without more code.  Missing values are null, and their status stands beside them.
    """
    cells = released(release, xr.Dataset)
    grid, ids = square_of(cells, "a tiled grid"), ids_of(cells)
    if not len(ids):
        raise SchemaError("there are no cells to write as a tiled grid: choose another file.")
    fields = fields_of(cells, values)
    row, col = grid.row_col(ids)
    across, up = col // tile, row // tile
    order = np.lexsort((col, row, up, across))
    cuts = np.flatnonzero((np.diff(across[order]) != 0) | (np.diff(up[order]) != 0)) + 1
    whole = pa.concat_tables([t for _, t in tables(cells, fields, plain=True)]).select([f.name for f in fields])
    whole = whole.take(pa.array(order)).combine_chunks()
    inside = {"x": pa.array((col % tile)[order].astype(np.int32)), "y": pa.array((row % tile)[order].astype(np.int32))}
    info: dict[str, Any] = {
        "dims": [f.name for f in fields],
        "crs": str(crs_of(grid.crs).to_epsg() or grid.crs),
        "tileSizeCell": tile,
        "originPoint": {"x": 0, "y": 0},
        "resolutionGeo": grid.cell_size_m,
        "tilingBounds": {
            "xMin": int(across.min()),
            "yMin": int(up.min()),
            "xMax": int(across.max()),
            "yMax": int(up.max()),
        },
        "format": "parquet",
        "metadata": facts(record_of(release, fields, title)),
    }

    def write(folder: Path) -> None:
        for start, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(ids)], strict=True):
            part = pa.table({n: v[start:end] for n, v in inside.items()})
            for name in whole.column_names:
                part = part.append_column(name, whole[name][start:end])
            at = order[start]
            out = folder / str(across[at]) / f"{up[at]}.parquet"
            out.parent.mkdir(exist_ok=True)
            pq.write_table(part, out, compression="snappy")
        write_json(folder / "info.json", info)

    write_folder(path, write)
