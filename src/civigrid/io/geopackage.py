"""Cells as a GeoPackage that opens with colours, titles and metadata: a view for each indicator, with its style."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import xarray as xr

from civigrid.cells import grid_of
from civigrid.grid import SquareGrid
from civigrid.io.atomic import write_atomic
from civigrid.io.features import titles_of, write_features
from civigrid.io.fields import KEYS, LONGEST, Field, fields_of, released
from civigrid.io.geoparquet import meaning_of
from civigrid.io.record import NO_TIME, Record, description_of, iso_record, record_of
from civigrid.io.styles.looks import Look, plain
from civigrid.io.styles.qml import qml
from civigrid.io.styles.sld import sld
from civigrid.release.gate import Release

_STYLES = """CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT,
styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME)"""
"""As QGIS 3 makes it; it is found only if `gpkg_contents` lists it."""
_METADATA = """CREATE TABLE gpkg_metadata (id INTEGER CONSTRAINT m_pk PRIMARY KEY ASC NOT NULL,
md_scope TEXT NOT NULL DEFAULT 'dataset', md_standard_uri TEXT NOT NULL, mime_type TEXT NOT NULL DEFAULT 'text/xml',
metadata TEXT NOT NULL DEFAULT '')"""
_REFERENCE = """CREATE TABLE gpkg_metadata_reference (reference_scope TEXT NOT NULL, table_name TEXT, column_name TEXT,
row_id_value INTEGER, timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
md_file_id INTEGER NOT NULL, md_parent_id INTEGER,
CONSTRAINT crmr_mfi_fk FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata(id),
CONSTRAINT crmr_mpi_fk FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata(id))"""

MEANING = "urn:civigrid:meaning"
"""Under this name a GeoPackage keeps what its columns mean, for `civigrid.io.cells.read_cells`."""


def write_geopackage(
    release: Release[xr.Dataset],
    path: Path,
    *,
    layer: str = "cells",
    values: Sequence[str] = (),
    crs: str = "",
    looks: Sequence[Look] = (),
    title: str = "",
) -> None:
    """Write cells as a GeoPackage, statuses in words; equal cells give equal bytes.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Cells.
    path : Path
        The file.
    layer : str
        Name of the table that holds them all.
    values : sequence of str
        Variables to write; empty: all, and the labels.
    crs : str
        Another CRS of the shapes than the grid's.
    looks : sequence of Look
        Of `civigrid.io.styles.choose.looks_of`: each becomes a view with its default style, as QGIS loads one style
        for each layer.  Empty: no views.
    title : str
        What the data are called.

    Notes
    -----
    OGC 12-128r15 (GeoPackage 1.2) with its extensions for schema (titles, units), metadata (ISO 19139) and the R-tree,
    and ``layer_styles`` of QGIS.  Names are safe and at most `LONGEST` characters.  Where the format keeps the time of
    writing, `NO_TIME` stands.
    """
    cells = released(release, xr.Dataset)
    fields = fields_of(cells, values, longest=LONGEST)
    record = record_of(release, fields, title)

    def write(temporary: Path) -> None:
        temporary.unlink(missing_ok=True)
        more = {"IDENTIFIER": record.title, "DESCRIPTION": record.abstract}
        # of newer versions QGIS 3.22 says at each layer that it may know them in part only
        how = {"layer_options": more, "dataset_options": {"VERSION": "1.2"}}
        write_features(cells, fields, temporary, driver="GPKG", layer=layer, crs=crs, **how)
        with closing(sqlite3.connect(temporary)) as base, base:
            _describe(base, cells, fields, layer, record)
            _add_views(base, cells, fields, layer, looks, record)

    write_atomic(path, write)


def meaning_in(path: Path) -> dict[str, Any]:
    """Read what the columns of a GeoPackage of ours mean; of another's, nothing."""
    with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as base:
        if not base.execute("SELECT 1 FROM sqlite_master WHERE name = 'gpkg_metadata'").fetchone():
            return {}
        found = base.execute("SELECT metadata FROM gpkg_metadata WHERE md_standard_uri = ?", [MEANING]).fetchone()
    return dict(json.loads(found[0])) if found else {}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _describe(base: sqlite3.Connection, cells: xr.Dataset, fields: Sequence[Field], layer: str, record: Record) -> None:
    """Titles of columns beside their names, and the metadata record."""
    base.execute("UPDATE gpkg_data_columns SET title = name WHERE table_name = ?", [layer])
    base.execute(_METADATA)
    base.execute(_REFERENCE)
    where = "http://www.isotc211.org/2005/gmd"
    base.execute(
        "INSERT INTO gpkg_metadata VALUES (1, 'dataset', ?, 'text/xml', ?)", [where, iso_record(record, cells)]
    )
    base.execute("INSERT INTO gpkg_metadata_reference VALUES ('table', ?, NULL, NULL, ?, 1, NULL)", [layer, NO_TIME])
    base.execute(
        "INSERT INTO gpkg_metadata VALUES (2, 'attributeType', ?, 'application/json', ?)",
        [MEANING, meaning_of(cells, fields)],
    )
    base.execute("INSERT INTO gpkg_metadata_reference VALUES ('table', ?, NULL, NULL, ?, 2, 1)", [layer, NO_TIME])
    about = "http://www.geopackage.org/spec120/#extension_metadata"
    for table in ("gpkg_metadata", "gpkg_metadata_reference"):
        base.execute("INSERT INTO gpkg_extensions VALUES (?, NULL, 'gpkg_metadata', ?, 'read-write')", [table, about])


def _add_views(
    base: sqlite3.Connection,
    cells: xr.Dataset,
    fields: Sequence[Field],
    layer: str,
    looks: Sequence[Look],
    record: Record,
) -> None:
    if not looks:
        return
    base.execute(_STYLES)
    base.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles', 'Styles of the layers', ?, 0)",
        [NO_TIME],
    )
    titles, of = titles_of(fields, square=isinstance(grid_of(cells), SquareGrid)), {f.name: f for f in fields}
    _style(base, layer, looks[0], titles, record)
    for name, look in view_names(looks, layer).items():
        columns = [c for c in (*KEYS, look.field, look.status) if c in titles]
        shown = ", ".join(map(_quoted, columns))
        base.execute(f"CREATE VIEW {_quoted(name)} AS SELECT fid AS OGC_FID, geom, {shown} FROM {_quoted(layer)}")
        base.execute(
            "INSERT INTO gpkg_contents SELECT ?, data_type, ?, ?, last_change, min_x, min_y, max_x, max_y, srs_id "
            "FROM gpkg_contents WHERE table_name = ?",
            [name, _identifier(base, plain(look.title), name), description_of(of[look.field]), layer],
        )
        base.execute(
            "INSERT INTO gpkg_geometry_columns SELECT ?, column_name, geometry_type_name, srs_id, z, m "
            "FROM gpkg_geometry_columns WHERE table_name = ?",
            [name, layer],
        )
        marks = ", ".join("?" * len(columns))
        base.execute(
            "INSERT INTO gpkg_data_columns SELECT ?, column_name, name, title, description, mime_type, constraint_name "
            f"FROM gpkg_data_columns WHERE table_name = ? AND column_name IN ({marks})",
            [name, layer, *columns],
        )
        _style(base, name, look, {c: titles[c] for c in columns}, record)


def view_names(looks: Sequence[Look], layer: str = "cells") -> dict[str, Look]:
    """Name of each look's view: its column, or that and an ending where a table has the name."""
    taken, found = {layer.lower(), "layer_styles"}, {}
    for look in looks:
        name = look.field
        while name.lower() in taken or name.lower().startswith(("gpkg_", "rtree_", "sqlite_")):
            name = f"v_{name}"[:LONGEST]
        taken.add(name.lower())
        found[name] = look
    return found


def _identifier(base: sqlite3.Connection, title: str, name: str) -> str:
    known = base.execute("SELECT count(*) FROM gpkg_contents WHERE identifier = ?", [title]).fetchone()[0]
    return f"{title} ({name})" if known else title


def _style(base: sqlite3.Connection, table: str, look: Look, titles: dict[str, str], record: Record) -> None:
    told = "; ".join(filter(None, (look.units, look.note, record.attribution)))
    values = ["", "", table, "geom", look.field[:30], qml(look, titles), sld(look, table), 1, plain(told), "", NO_TIME]
    base.execute(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
        "styleQML, styleSLD, useAsDefault, description, owner, update_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )
