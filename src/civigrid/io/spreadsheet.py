"""Cells as XLSX with three sheets: data, variables, sources."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import xarray as xr

from civigrid.cells import grid_of
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.io.atomic import write_atomic
from civigrid.io.features import titles_of
from civigrid.io.fields import Field, fields_of, released, tables
from civigrid.io.record import Record, facts, record_of
from civigrid.io.styles.looks import plain
from civigrid.release.gate import Release

MOST_ROWS, MOST_COLUMNS, MOST_LETTERS = 1_048_576, 16_384, 32_767
"""What a sheet and a cell hold (ECMA-376, as Excel implements it)."""
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_DEFAULTS = (
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
)
_LOOKS = (
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/>'
    '</font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill '
    'patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/>'
    '</cellStyleXfs><cellXfs count="2"><xf/><xf fontId="1" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
)
"""Plain, and bold for heads."""
SHEETS = ("data", "variables", "sources")


def write_spreadsheet(release: Release[xr.Dataset], path: Path, *, values: Sequence[str] = (), title: str = "") -> None:
    """Write cells as XLSX; equal cells give equal bytes.

    All text stands as text: nothing that a label says becomes a formula.

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

    Raises
    ------
    SchemaError
        More cells or columns than a sheet holds.

    Notes
    -----
    ECMA-376, Part 1 (SpreadsheetML) with inline strings.  The date inside the archive is the first that ZIP knows.
    """
    cells = released(release, xr.Dataset)
    fields = fields_of(cells, values)
    n = cells.sizes["cell"]
    if n + 1 > MOST_ROWS or len(fields) + 4 > MOST_COLUMNS:
        raise SchemaError(
            f"{n:,} cells with {len(fields)} columns do not fit on a sheet of {MOST_ROWS:,} rows and {MOST_COLUMNS:,} "
            "columns. Export coarser cells, fewer variables (--value), or csv or gpkg."
        )
    record = record_of(release, fields, title)

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as book:
            for name, text in _parts(record).items():
                with book.open(_entry(name), "w") as out:
                    out.write(text.encode("utf-8"))
            rows = (_data(cells, fields), iter(_variables(cells, fields)), iter(_sources(record)))
            for i, lines in enumerate(rows, start=1):
                # the size is not known beforehand
                with book.open(_entry(f"xl/worksheets/sheet{i}.xml"), "w", force_zip64=True) as out:
                    for text in _sheet(lines):
                        out.write(text.encode("utf-8"))

    write_atomic(path, write)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _data(cells: xr.Dataset, fields: Sequence[Field]) -> Iterator[list[object]]:
    for i, (_, table) in enumerate(tables(cells, fields, plain=True, rows=10_000)):
        if i == 0:
            yield list(table.column_names)
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            yield list(row)


def _variables(cells: xr.Dataset, fields: Sequence[Field]) -> list[list[object]]:
    """One row for each column of the data: what it is, and how much of it is known."""
    head = [
        "column",
        "title",
        "holds",
        "unit",
        "kind",
        "averaged by",
        "source",
        "reference date",
        "cells without value",
        "least",
        "largest",
    ]
    square = isinstance(grid_of(cells), SquareGrid)
    rows: list[list[object]] = [list(head)]
    for name, title in titles_of((), square=square).items():
        rows.append([name, title, "key"])
    for field in fields:
        about = field.about
        if field.role != "value":
            rows.append([field.name, field.title, field.role])
            continue
        raw = cells[field.variable].to_numpy()
        known = raw[np.isfinite(raw)]
        ends: list[object] = [float(known.min()), float(known.max())] if len(known) else [None, None]
        told = [field.name, field.title, "value", about.units, about.kind, about.weight or "", about.source]
        rows.append([*told, about.reference_date, int(np.isnan(raw).sum()), *ends])
    return rows


def _sources(record: Record) -> list[list[object]]:
    rows: list[list[object]] = [["fact", "value"], *([k, v] for k, v in facts(record).items())]
    told = ["; ".join(filter(None, vars(term).values())) for term in record.terms]
    rows.extend(["publisher, licence, attribution", text] for text in told)
    return rows


def _sheet(rows: Iterator[list[object]]) -> Iterable[str]:
    yield f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="{_MAIN}"><sheetViews>'
    yield '<sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    yield '</sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols><col min="1" max="1" width="34" '
    yield 'customWidth="1"/><col min="2" max="60" width="22" customWidth="1"/></cols><sheetData>'
    for i, row in enumerate(rows):
        bold = ' s="1"' if i == 0 else ""
        yield f"<row>{''.join([_cell(v, bold) for v in row])}</row>"
    yield "</sheetData></worksheet>"


def _cell(value: object, bold: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "<c/>"
    if isinstance(value, int | float):
        if isinstance(value, float) and math.isinf(value):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return f"<c><v>{value!r}</v></c>"
    text = escape(plain(str(value)))[:MOST_LETTERS]
    return f'<c t="inlineStr"{bold}><is><t xml:space="preserve">{text}</t></is></c>'


def _parts(record: Record) -> dict[str, str]:
    """Everything in the archive but the sheets: what they are, how they hang together, two styles, the title."""
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    kinds, links, sheets = [], [], []
    for i, name in enumerate(SHEETS, start=1):
        kinds.append(f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{_KIND}.worksheet+xml"/>')
        links.append(_link(i, f"{_DOCUMENT}/worksheet", f"worksheets/sheet{i}.xml"))
        sheets.append(f'<sheet name="{name}" sheetId="{i}" r:id="rId{i}"/>')
    kinds.append(f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>')
    kinds.append(f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>')
    core = "application/vnd.openxmlformats-package.core-properties+xml"
    kinds.append(f'<Override PartName="/docProps/core.xml" ContentType="{core}"/>')
    links.append(_link(4, f"{_DOCUMENT}/styles", "styles.xml"))
    top = _link(1, f"{_DOCUMENT}/officeDocument", "xl/workbook.xml")
    top += _link(2, f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml")
    relations = f'{head}<Relationships xmlns="{_PACKAGE}/relationships">'
    return {
        "[Content_Types].xml": f'{head}<Types xmlns="{_PACKAGE}/content-types">{_DEFAULTS}{"".join(kinds)}</Types>',
        "_rels/.rels": f"{relations}{top}</Relationships>",
        "xl/workbook.xml": f'{head}<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}">'
        f"<sheets>{''.join(sheets)}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"{relations}{''.join(links)}</Relationships>",
        "xl/styles.xml": f'{head}<styleSheet xmlns="{_MAIN}">{_LOOKS}</styleSheet>',
        "docProps/core.xml": f'{head}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(record.title)}</dc:title>'
        f"<dc:description>{escape(record.abstract)}</dc:description></cp:coreProperties>",
    }


def _link(place: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{place}" Type="{kind}" Target="{target}"/>'
