"""Cells as GeoParquet 1.1, and as plain Parquet without shapes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from civigrid.cells import grid_of
from civigrid.io.atomic import write_atomic
from civigrid.io.fields import Field, fields_of, released, tables
from civigrid.io.shapes import box_of, corners_of, crs_of, wkb
from civigrid.release.gate import Release

_BOX = ("xmin", "ymin", "xmax", "ymax")
_FLAT = ["geometry", "code", "code_short", *(f"bbox.{n}" for n in _BOX)]
"""Columns of which no two rows are alike: a dictionary of them would only cost time."""


def write_geoparquet(
    release: Release[xr.Dataset], path: Path, *, values: Sequence[str] = (), crs: str = "", geometry: bool = True
) -> None:
    """Write cells as GeoParquet 1.1 with a bounding box per row; corners are exact, in the grid's CRS.

    Corners are computed from the ids, block by block, so that no more than `ROWS_AT_ONCE` shapes ever exist.  Rows lie
    along a space-filling curve, a block is a row group: a reader that asks for a box skips the others.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Cells.
    path : Path
        The file.
    values : sequence of str
        Variables to write, each with its status; empty: all, and the labels.
    crs : str
        Another CRS of the shapes than the grid's.
    geometry : bool
        False: plain Parquet, cells by their codes alone.

    Notes
    -----
    GeoParquet specification 1.1.0 (OGC), with its ``covering.bbox``.  Key ``civigrid`` of the file's metadata says what
    the variables mean, ``civigrid_release`` how they were protected and whose words must stand beside them.
    """
    cells = released(release, xr.Dataset)
    fields, grid = fields_of(cells, values), grid_of(cells)

    def write(temporary: Path) -> None:
        bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
        writer = None
        for ids, table in tables(cells, fields):
            if geometry:
                closed = corners_of(grid, ids, crs)
                boxes = box_of(closed)
                if len(boxes):
                    bounds = np.concatenate(
                        [
                            np.minimum(bounds[:2], boxes[:, :2].min(axis=0)),
                            np.maximum(bounds[2:], boxes[:, 2:].max(axis=0)),
                        ]
                    )
                table = _with_shapes(table, wkb(closed), boxes)
            if writer is None:
                flat = [c for c in table.column_names if c not in _FLAT and c != "bbox"]
                writer = pq.ParquetWriter(temporary, table.schema, compression="zstd", use_dictionary=flat)
            writer.write_table(table)
        assert writer is not None
        about = {"civigrid": json.dumps(_meaning(cells, fields), sort_keys=True), "civigrid_release": _terms(release)}
        if geometry:
            box = bounds.tolist() if np.isfinite(bounds).all() else None
            about["geo"] = json.dumps(_geo(crs or grid.crs, box))
        writer.add_key_value_metadata(about)
        writer.close()

    write_atomic(path, write)


def _meaning(cells: xr.Dataset, fields: Sequence[Field]) -> dict[str, Any]:
    """What each variable means, as `civigrid.io.cells.read_cells` reads it back."""
    return {f.name: {k: v for k, v in cells[f.variable].attrs.items() if k != "flag_values"} for f in fields}


def _terms(release: Release[xr.Dataset]) -> str:
    terms = [{k: v for k, v in vars(t).items() if v} for t in release.terms]
    return json.dumps({"disclosure": release.profile, "terms": terms}, sort_keys=True, ensure_ascii=False)


def _with_shapes(table: pa.Table, shapes: pa.Array, boxes: Any) -> pa.Table:
    box = pa.StructArray.from_arrays([pa.array(boxes[:, i]) for i in range(4)], names=list(_BOX))
    return table.append_column("geometry", shapes).append_column("bbox", box)


def _geo(crs: str, bounds: list[float] | None) -> dict[str, Any]:
    """GeoParquet 1.1 metadata."""
    column = {
        "encoding": "WKB",
        "geometry_types": ["Polygon"],
        "crs": crs_of(crs).to_json_dict(),
        "covering": {"bbox": {n: ["bbox", n] for n in _BOX}},
    }
    if bounds is not None:
        column["bbox"] = bounds
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
