"""Read off a release what it holds: columns, extents, dates.  Only the shape of tables, never their values."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyproj import CRS, Transformer

from civigrid.catalog import declarations
from civigrid.cells import grid_of, ids_of
from civigrid.errors import SchemaError
from civigrid.grid import Grid
from civigrid.io.catalogues.model import Field, FieldType, File, Input, Released, Table, slug
from civigrid.io.cells import ids_of_codes, read_cells
from civigrid.io.media import media_type
from civigrid.io.tables import column_names, read_table
from civigrid.io.tile_archives import TILE_SUFFIXES, open_tiles
from civigrid.types import Bounds, Status

TABLES = (".parquet", ".gpkg", ".csv")
"""Suffixes that hold a table of cells, the best described first."""
RESULTS = {
    "zone": "The area a number is about; all: the whole",
    "topic": "Family of the number, as segregation or access",
    "index": "Which number it is",
    "groups": "Groups of persons it is about",
    "estimate": "The number",
    "expected": "Its value under random allocation",
    "corrected": "The estimate freed of what chance alone makes",
    "low": "Lower bound of its 95 % interval",
    "high": "Upper bound of its 95 % interval",
    "persons": "Persons it rests on",
    "cells": "Cells it rests on",
    "parameters": "Parameters of the computation, as JSON",
}
"""What the columns of a result table mean (`civigrid.result_table`)."""
_OF_PLACE = {
    "code": ("Cell", "Code of the cell: INSPIRE's code of the lower left corner, or the H3 index in hexadecimal"),
    "code_short": ("Cell, short", "Short code of the cell"),
    "x": ("x", "Centre of the cell in the grid's coordinate system"),
    "y": ("y", "Centre of the cell in the grid's coordinate system"),
    "geometry": ("Shape", "The cell's polygon"),
    "bbox": ("Box", "Bounding box of the shape"),
}


def describe_release(manifest: Mapping[str, Any], folder: Path) -> Released:
    """Describe the files of a release that its manifest lists.

    Parameters
    ----------
    manifest : mapping
        Of a run: title, question, inputs, and ``outputs``, paths below the run directory with their SHA-256.
    folder : Path
        The release, the folder ``release`` of the run directory.

    Returns
    -------
    Released
        Its files, and the columns, extents and reference dates of its tables.

    Raises
    ------
    SchemaError
        An output is not there, or lies outside the release.
    """
    found = _hashes(manifest, folder)
    files = {path: _file(path, digest, folder) for path, digest in found.items()}
    names = sorted({Path(p).stem for p in files if p.startswith("cells/") and Path(p).suffix in TABLES})
    owner = {path: _owner(path, names) for path in files}
    cells = tuple(_cells(n, [files[p] for p in files if owner[p] == n], folder) for n in names)
    results = [f for p, f in files.items() if p in ("results.csv", "results.parquet")]
    others = tuple(f for p, f in files.items() if not owner[p] and f not in results)
    return Released(
        id=slug(str(manifest.get("title", ""))),
        title=str(manifest.get("title", "")) or "Untitled run",
        question=str(manifest.get("question", "")),
        purpose=str(manifest.get("purpose", "")),
        disclosure=str(manifest.get("disclosure_profile", "")) or "none",
        version=str(manifest.get("civigrid", "")),
        code_sha256=str(manifest.get("code_sha256", "")),
        libraries=dict(sorted(manifest.get("libraries", {}).items())),
        steps=tuple(sorted(manifest.get("steps", {}))),
        inputs=tuple(_input(i) for i in manifest.get("inputs", [])),
        cells=cells,
        results=_results(results, folder) if results else None,
        others=others,
        created=str(manifest.get("created", "")),
    )


def _hashes(manifest: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Released files by their path in the release."""
    found = {}
    for path, digest in sorted(manifest.get("outputs", {}).items()):
        inside = path.removeprefix("release/")
        if inside == path or ".." in Path(inside).parts or not (folder / inside).exists():
            raise SchemaError(f"the manifest names {path!r}, which is no file of the release. Run the run file again.")
        found[inside] = str(digest)
    return found


def _input(given: Mapping[str, str]) -> Input:
    return Input(**{k: str(given.get(k, "")) for k in Input.__dataclass_fields__})


def _owner(path: str, names: list[str]) -> str:
    """Cells a file belongs to, by how its name begins: ``register_100m_population.tif`` is of ``register_100m``."""
    if not path.startswith(("cells/", "tiles/", "styles/")):
        return ""
    stem = path.split("/", 1)[1].split("/")[0]
    mine = [n for n in names if stem == n or (stem.startswith(n) and stem[len(n)] in "._-")]
    return max(mine, key=len, default="")


def _file(path: str, digest: str, folder: Path) -> File:
    whole = folder / path
    suffix = whole.suffix.lower()
    size = sum(p.stat().st_size for p in whole.rglob("*")) if whole.is_dir() else whole.stat().st_size
    roles, title = _looks(path, suffix)
    about = {".tif": _raster, ".csv": _header, **dict.fromkeys(TILE_SUFFIXES, _tiles)}.get(suffix, _nothing)(whole)
    return File(
        path=path,
        media_type=media_type(path),
        bytes=size,
        sha256=digest,
        title=title,
        roles=roles,
        about=about,
    )


def _looks(path: str, suffix: str) -> tuple[tuple[str, ...], str]:
    """Roles of a file by the STAC vocabulary, and its title."""
    words = Path(path).stem.replace("-", " ").replace("_", " ")
    if path == "report.html":
        return ("metadata",), "Report"
    if path.startswith("maps/"):
        return ("visual", "overview"), f"Map: {words}"
    if path.startswith("figures/"):
        return ("visual",), f"Figure: {words}"
    if suffix in (*TILE_SUFFIXES, ".png"):
        return ("visual",), f"Tiles: {words}"
    return (("metadata",) if suffix in (".qml", ".sld", ".json", ".xml", ".txt", ".md") else ("data",)), ""


def _nothing(_: Path) -> dict[str, Any]:
    return {}


def _header(path: Path) -> dict[str, Any]:
    """Columns of a CSV, which has not all that a GeoParquet of the same cells has."""
    with path.open(encoding="utf-8", newline="") as stream:
        return {"columns": next(csv.reader(stream), [])}


def _raster(path: Path) -> dict[str, Any]:
    """What a raster says of its pixels and bands; no statistics, for those are values."""
    import rasterio

    with rasterio.open(path) as raster:
        bands = [
            {
                "name": raster.descriptions[i] or path.stem,
                "data_type": raster.dtypes[i],
                "nodata": raster.nodatavals[i],
                "unit": raster.units[i] or "",
                "scale": raster.scales[i],
                "offset": raster.offsets[i],
            }
            for i in range(raster.count)
        ]
        return {
            "bands": bands,
            "shape": list(raster.shape),
            "transform": list(raster.transform)[:6],
            "resolution": raster.res[0],
        }


def _tiles(path: Path) -> dict[str, Any]:
    """What an archive of tiles says of itself."""
    tiles = open_tiles(path)
    return {"layers": list(tiles.layers), "zooms": [tiles.min_zoom, tiles.max_zoom], "format": tiles.format}


def _cells(name: str, files: list[File], folder: Path) -> Table:
    """Cells in all their files; columns are read off the best described."""
    path = folder / next(f.path for s in TABLES for f in files if f.path == f"cells/{name}{s}")
    fields = tuple(_fields(path))
    grid, rows, box = _extent(path)
    title = str(declarations("grids").get(grid.id, {}).get("title", grid.id))
    return Table(
        name=name,
        title=f"{name}: {title}",
        fields=fields,
        files=tuple(sorted(files, key=lambda f: f.path)),
        rows=rows,
        grid=grid.id,
        crs=grid.crs,
        box=box,
        lonlat=to_degrees(box, grid.crs) if box else None,
    )


def _extent(path: Path) -> tuple[Grid, int, Bounds | None]:
    """Grid, rows and box of cells: of a GeoParquet from its footer, else from the codes."""
    if path.suffix == ".parquet":
        file = pq.ParquetFile(path)
        first = next(file.iter_batches(1, columns=["code"]), None)
        if first is not None and len(first) and (box := _footer_box(file.metadata)):
            return ids_of_codes(first.to_pandas()["code"], path)[1], file.metadata.num_rows, box
    cells = read_cells(path)
    grid, ids = grid_of(cells), ids_of(cells)
    if not len(ids):
        return grid, 0, None
    corners = grid.vertices(ids).reshape(-1, 2)
    low, high = corners.min(axis=0), corners.max(axis=0)
    return grid, len(ids), Bounds(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _footer_box(footer: pq.FileMetaData) -> Bounds | None:
    """Box of all shapes, from the statistics of the column ``bbox``."""
    ends: dict[str, list[float]] = {}
    for i in range(footer.num_row_groups):
        group = footer.row_group(i)
        for j in range(group.num_columns):
            column = group.column(j)
            if column.path_in_schema.startswith("bbox.") and column.statistics and column.statistics.has_min_max:
                edge = column.path_in_schema[5:]
                ends.setdefault(edge, []).append(
                    column.statistics.min if edge.endswith("min") else column.statistics.max
                )
    if set(ends) != {"xmin", "ymin", "xmax", "ymax"}:
        return None
    return Bounds(min(ends["xmin"]), min(ends["ymin"]), max(ends["xmax"]), max(ends["ymax"]))


def to_degrees(box: Bounds, crs: str) -> Bounds:
    """Box in degrees, WGS 84, six decimals; one that crosses the antimeridian spans all longitudes."""
    turn = Transformer.from_crs(CRS.from_user_input(crs), "OGC:CRS84", always_xy=True)
    west, south, east, north = turn.transform_bounds(*box, densify_pts=21)
    if west > east or west < -180 or east > 180:
        west, east = -180.0, 180.0
    return Bounds(round(west, 6), round(max(south, -90), 6), round(east, 6), round(min(north, 90), 6))


def _fields(path: Path) -> Iterator[Field]:
    """Columns of cells, with what their own file says of them."""
    if path.suffix == ".parquet":
        schema = pq.read_schema(path)
        meaning = json.loads((schema.metadata or {}).get(b"civigrid", b"{}"))
        kinds = {c.name: _type(c.type) for c in schema}
    else:
        meaning = {}
        table = read_table(path)
        kinds = {c: _type(pa.array(table[c]).type) for c in column_names(path) if c in table and c != "geometry"}
    for name, kind in kinds.items():
        yield _field(name, kind, meaning.get(name, {}), meaning, name.removesuffix("_status") in kinds)


def _type(kind: pa.DataType) -> FieldType:
    if pa.types.is_floating(kind):
        return "number"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_struct(kind):
        return "object"
    return "binary" if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) else "string"


def _field(name: str, kind: FieldType, about: Mapping[str, Any], all_of_them: Mapping[str, Any], of: bool) -> Field:
    if name in _OF_PLACE:
        title, text = _OF_PLACE[name]
        shape = name in ("geometry", "bbox")
        return Field(name=name, type=kind, role="shape" if shape else "code", title=title, description=text)
    if name.endswith("_status") and of:
        value = name.removesuffix("_status")
        title = all_of_them.get(value, {}).get("long_name") or value
        return Field(
            name=name,
            type="string",
            role="status",
            title=f"{title}: status",
            description=f"What is known of {value}. A value that is missing is never zero.",
            words=tuple(s.name.lower() for s in Status),
        )
    if about.get("kind") == "label" or kind == "string":
        return Field(name=name, type=kind, role="label", title=about.get("long_name") or name)
    return Field(
        name=name,
        type=kind,
        title=about.get("long_name") or name,
        description=_meaning(about),
        unit=str(about.get("units", "")),
        reference_date=str(about.get("reference_date", "")),
    )


def _meaning(about: Mapping[str, Any]) -> str:
    """Say how a value behaves, whom it is part of, and where it came from."""
    said = {
        "extensive": "Count: adds up over cells.",
        "intensive": f"Rate: averages over cells, weighted by {about.get('weight') or 'area'}.",
    }
    parts = [said.get(str(about.get("kind", "")), "")]
    for key, words in (("part_of", "Part of"), ("companion_of", "Tells more about"), ("source", "Source:")):
        if about.get(key):
            parts.append(f"{words} {about[key]}.")
    return " ".join(filter(None, parts))


def _results(files: list[File], folder: Path) -> Table:
    """Describe the result table."""
    path = folder / max(files, key=lambda f: f.suffix == "parquet").path
    if path.suffix == ".parquet":
        rows, names = pq.read_metadata(path).num_rows, pq.read_schema(path).names
    else:
        table = read_table(path)
        rows, names = len(table), [str(c) for c in table.columns]
    numbers = {"estimate", "expected", "corrected", "low", "high", "persons"}
    fields = tuple(
        Field(
            name=n,
            type="number" if n in numbers else "integer" if n == "cells" else "string",
            title=n.capitalize(),
            description=RESULTS.get(n, ""),
            unit={"persons": "persons", "cells": "cells"}.get(n, ""),
        )
        for n in names
    )
    return Table(name="results", title="Result table", fields=fields, files=tuple(files), rows=rows)
