"""Cells as a stream of features for GDAL: columns and shapes, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyogrio
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.io.fields import Field, tables
from civigrid.io.record import NO_TIME, description_of
from civigrid.io.shapes import crs_of, is_cut, shapes_of
from civigrid.io.styles.looks import plain

_KEY_TITLES = {"code": "Cell code", "code_short": "Short cell code", "x": "Easting of the lower-left corner, m"} | {
    "y": "Northing of the lower-left corner, m"
}


def titles_of(fields: Sequence[Field], *, square: bool) -> dict[str, str]:
    """Titles of all columns of a file of features, keys first, no two alike, as a GeoPackage wants them."""
    found = dict(_KEY_TITLES) if square else {"code": _KEY_TITLES["code"]}
    for field in fields:
        title = plain(field.title).strip() or field.name
        while title in found.values():
            title = f"{title} ({field.name})"
        found[field.name] = title
    return found


def feature_stream(
    cells: xr.Dataset, fields: Sequence[Field], crs: str = "", *, multi: bool = False
) -> pa.RecordBatchReader:
    """Give rows with their shapes (column ``geometry``), never more than a block in memory.

    Titles travel as alternative names of GDAL's fields, units and sources as their comments (GDAL 3.8 and newer).
    """
    titles, described = titles_of(fields, square=True), {f.name: description_of(f) for f in fields}
    blocks = _blocks(cells, fields, crs, multi=multi)
    first = next(blocks)
    schema = pa.schema(
        [
            f.with_metadata(
                {"GDAL:OGR:alternative_name": titles[f.name]}
                | ({"GDAL:OGR:comment": described[f.name]} if f.name in described else {})
            )
            if f.name in titles
            else f
            for f in first.schema
        ]
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for block in chain([first], blocks):
            yield from block.cast(schema).to_batches()

    return pa.RecordBatchReader.from_batches(schema, batches())


def _blocks(cells: xr.Dataset, fields: Sequence[Field], crs: str, *, multi: bool) -> Iterator[pa.Table]:
    grid = grid_of(cells)
    for ids, table in tables(cells, fields, plain=True):
        yield table.append_column("geometry", shapes_of(grid, ids, crs, multi=multi)[0])


@contextmanager
def no_clock() -> Iterator[None]:
    """Keep the time of day out of what GDAL writes."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": NO_TIME})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def write_features(
    cells: xr.Dataset, fields: Sequence[Field], path: Path, *, driver: str, layer: str, crs: str = "", **options: Any
) -> None:
    """Write features by a driver of GDAL; `path` must not exist."""
    grid = grid_of(cells)
    where, multi = crs or grid.crs, is_cut(grid, ids_of(cells), crs)
    with no_clock():
        pyogrio.write_arrow(
            feature_stream(cells, fields, crs, multi=multi),
            path,
            layer=layer,
            driver=driver,
            geometry_name="geometry",
            geometry_type="MultiPolygon" if multi else "Polygon",
            # WKT, as a name outside the EPSG list would not be looked up
            crs=f"EPSG:{code}" if (code := crs_of(where).to_epsg()) else crs_of(where).to_wkt(),
            **options,
        )
