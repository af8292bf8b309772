"""Cells as CSV, with its columns described beside it as the W3C's CSV on the Web wants it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import xarray as xr

from civigrid.cells import grid_of
from civigrid.grid import SquareGrid
from civigrid.io.atomic import write_atomic, write_json
from civigrid.io.features import titles_of
from civigrid.io.fields import KEYS, WORDS, Field, fields_of, released, tables
from civigrid.io.record import Record, description_of, record_of
from civigrid.release.gate import Release

_HOW = pacsv.WriteOptions(include_header=True, quoting_style="needed")
_NEXT = pacsv.WriteOptions(include_header=False, quoting_style="needed")


def write_csv_with_metadata(
    release: Release[xr.Dataset], path: Path, *, values: Sequence[str] = (), title: str = ""
) -> Path:
    """Write cells as CSV (UTF-8, commas, decimal points, empty where missing) and ``NAME.csv-metadata.json`` beside it.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Cells.
    path : Path
        The file.
    values : sequence of str
        Variables to write; empty: all, and the labels.
    title : str
        What the data are called.

    Returns
    -------
    Path
        The metadata.

    Notes
    -----
    W3C Recommendations of 2015-12-17: Model for Tabular Data, Metadata Vocabulary for Tabular Data.  Labels stand as
    they are: a spreadsheet that opens a CSV takes text that begins with ``=`` for a formula; XLSX has no such doubt.
    """
    cells = released(release, xr.Dataset)
    fields = fields_of(cells, values)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as out:
            for i, (_, table) in enumerate(tables(cells, fields, plain=True)):
                pacsv.write_csv(table, out, _NEXT if i else _HOW)

    write_atomic(path, write)
    beside = path.with_name(f"{path.name}-metadata.json")
    square = isinstance(grid_of(cells), SquareGrid)
    write_json(beside, csvw(path.name, fields, record_of(release, fields, title), square=square))
    return beside


def csvw(name: str, fields: Sequence[Field], record: Record, *, square: bool) -> dict[str, Any]:
    """Describe the columns of a CSV file called `name`."""
    titles = titles_of(fields, square=square)
    keys = [_column(k, titles[k], "integer" if k in "xy" else "string", required=True) for k in KEYS if k in titles]
    columns, taken = [*keys, *(_field(f, titles[f.name]) for f in fields)], set[str]()
    for column in columns:
        while column["name"] in taken:
            column["name"] += "_"
        taken.add(column["name"])
    about = {
        "dc:title": record.title,
        "dc:source": "; ".join(record.sources),
        "dc:license": record.licences,
        "dc:rights": record.attribution,
        "dc:description": record.abstract,
        "dc:temporal": "; ".join(record.dates),
    }
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"language": "en"}],
        "url": name,
        "dialect": {"delimiter": ",", "encoding": "utf-8", "header": True, "lineTerminators": ["\n"]},
        "tableSchema": {"primaryKey": "code", "columns": columns},
    } | {k: v for k, v in about.items() if v}


def _field(field: Field, title: str) -> dict[str, Any]:
    kind: Any = "string"
    if field.role == "value":
        kind = "number" if pa.types.is_floating(field.type) else "integer"
    if field.role == "status":
        kind = {"base": "string", "format": "|".join(WORDS)}
    return _column(field.name, title, kind) | {"dc:description": description_of(field)}


def _column(name: str, title: str, kind: Any, *, required: bool = False) -> dict[str, Any]:
    # names of CSVW are parts of addresses; what the header says is a title
    safe = "".join(c if c.isalnum() or c in "_." else "_" for c in name)
    found = {"name": safe.lstrip("_") or "column", "titles": list(dict.fromkeys([name, title])), "datatype": kind}
    return found | ({"required": True} if required else {"null": ""})
