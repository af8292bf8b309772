"""Cells as GeoParquet 1.1, and as plain Parquet without shapes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.io.atomic import write_atomic
from civigrid.io.fields import Field, fields_of, released, tables
from civigrid.io.shapes import crs_of, extent_of, shapes_of
from civigrid.release.gate import Release
from civigrid.source import Licence
from civigrid.types import Bounds

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
    columns, grid = fields_of(cells, values), grid_of(cells)
    # it stands in the schema, which comes first
    about = {"civigrid": meaning_of(cells, columns), "civigrid_release": _terms(release)}
    multi = False
    if geometry:
        bounds, multi = extent_of(grid, ids_of(cells), crs)
        about["geo"] = json.dumps(_geo(crs or grid.crs, bounds if cells.sizes["cell"] else None, multi=multi))

    def write(temporary: Path) -> None:
        writer = None
        for ids, table in tables(cells, columns):
            if geometry:
                table = _with_shapes(table, *shapes_of(grid, ids, crs, multi=multi))
            if writer is None:
                schema = table.schema.with_metadata(about)
                flat = [c for c in table.column_names if c not in _FLAT and c != "bbox"]
                writer = pq.ParquetWriter(temporary, schema, compression="zstd", use_dictionary=flat)
            writer.write_table(table.cast(schema))
        assert writer is not None
        writer.close()

    write_atomic(path, write)


def meaning_of(cells: xr.Dataset, columns: Sequence[Field]) -> str:
    """Say what each column means, as JSON that `civigrid.io.cells.read_cells` reads back."""
    about = {f.name: {k: v for k, v in cells[f.variable].attrs.items() if k != "flag_values"} for f in columns}
    return json.dumps(about, sort_keys=True)


def _terms(release: Release[xr.Dataset]) -> str:
    terms = [{k: v for k, v in vars(t).items() if v} for t in release.terms]
    return json.dumps({"disclosure": release.profile, "terms": terms}, sort_keys=True, ensure_ascii=False)


def terms_in(path: Path) -> tuple[Licence, ...]:
    """Give the words that must stand beside the cells of a Parquet file of ours; of another file, none."""
    if path.suffix not in (".parquet", ".geoparquet") or not path.is_file():
        return ()
    told = (pq.read_schema(path).metadata or {}).get(b"civigrid_release", b"{}")
    known = [f.name for f in fields(Licence)]
    return tuple(Licence(**{k: str(t[k]) for k in known if k in t}) for t in json.loads(told).get("terms", []))


def _with_shapes(table: pa.Table, shapes: pa.Array, boxes: Any) -> pa.Table:
    box = pa.StructArray.from_arrays([pa.array(boxes[:, i]) for i in range(4)], names=list(_BOX))
    return table.append_column("geometry", shapes).append_column("bbox", box)


def _geo(crs: str, bounds: Bounds | None, *, multi: bool) -> dict[str, Any]:
    """GeoParquet 1.1 metadata."""
    column = {
        "encoding": "WKB",
        "geometry_types": ["MultiPolygon" if multi else "Polygon"],
        "crs": crs_of(crs).to_json_dict(),
        "covering": {"bbox": {n: ["bbox", n] for n in _BOX}},
    }
    if bounds is not None:
        column["bbox"] = list(bounds)
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
