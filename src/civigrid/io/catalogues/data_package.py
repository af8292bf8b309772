"""A release as a data package: `datapackage.json`, with a table schema for every CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from civigrid.io.catalogues.model import Field, File, Released, Table, slug

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
"""Data Package standard 2.0 (Open Knowledge Foundation, 2024)."""


def data_package(released: Released) -> dict[str, Any]:
    """Describe a release as a data package.

    Parameters
    ----------
    released : Released
        What was released.

    Returns
    -------
    dict
        Content of ``datapackage.json``, which lies at the root of the release.

    Notes
    -----
    Data Package and Table Schema, version 2.0 (Open Knowledge Foundation, 2024).  A CSV has a table schema: type,
    title, description and unit of each column, the words a status may be, ``code`` as primary key, and the empty text
    as the one missing value.  Every other file has its media type, bytes and SHA-256.

    Examples
    --------
    >>> from civigrid.io.catalogues import describe_release
    >>> from pathlib import Path
    >>> data_package(describe_release({"title": "Town"}, Path()))["name"]
    'town'
    """
    about: dict[str, Any] = {
        "$schema": PROFILE,
        "name": released.id,
        "title": released.title,
        "description": released.description,
        "version": released.version,
        "keywords": ["census", "grid", "segregation", "accessibility"],
        "sources": list(_sources(released)),
        "licenses": _licences(released),
        "contributors": [{"title": t, "roles": ["publisher"]} for t in _publishers(released)],
        "resources": list(_resources(released)),
    }
    if released.created:
        about["created"] = released.created
    return {k: v for k, v in about.items() if v or k == "resources"}


def _sources(released: Released) -> Iterator[dict[str, Any]]:
    for given in released.inputs:
        words = given.attribution or given.publisher or given.source
        yield {"title": f"{given.source}: {given.file} ({words})", "version": f"sha256:{given.sha256}"}


def _licences(released: Released) -> list[dict[str, str]]:
    if released.licence:
        return [{"name": released.licence, "title": released.inputs[0].licence}]
    named = dict.fromkeys(i.licence for i in released.inputs if i.licence)
    return [{"name": slug(text), "title": text} for text in named]


def _publishers(released: Released) -> list[str]:
    return list(dict.fromkeys(i.publisher for i in released.inputs if i.publisher))


def _resources(released: Released) -> Iterator[dict[str, Any]]:
    names: set[str] = set()
    owners = {f.path: t for t in (*released.cells, *((released.results,) if released.results else ())) for f in t.files}
    for file in released.files:
        about = _resource(file, owners.get(file.path), names)
        names.add(about["name"])
        yield about


def _resource(file: File, table: Table | None, taken: set[str]) -> dict[str, Any]:
    name = slug(file.path.removeprefix("cells/"))
    while name in taken:
        name += "-2"
    about: dict[str, Any] = {
        "name": name,
        "path": file.path,
        "title": file.title or (table.title if table else file.path),
        "format": _format(file, table),
        "mediatype": file.media_type,
        "bytes": file.bytes,
        "hash": f"sha256:{file.sha256}",
    }
    if table and file.path.endswith(f"{table.name}.csv"):
        about |= {"type": "table", "encoding": "utf-8", "dialect": {"delimiter": ","}, "schema": _schema(table)}
    return about


def _format(file: File, table: Table | None) -> str:
    """Name a format; Parquet not by its suffix.

    Readers that take ``parquet`` for a plain table stop at a column of shapes, and count neither bytes nor hash
    (frictionless 5).
    """
    if file.suffix == "parquet":
        return "geoparquet" if table and any(f.name == "geometry" for f in table.fields) else "apache-parquet"
    return file.suffix


def _schema(table: Table) -> dict[str, Any]:
    """Table schema of a CSV: shapes are not in it."""
    fields = [f for f in table.fields if f.role != "shape"]
    schema: dict[str, Any] = {"fields": [_field(f) for f in fields], "missingValues": [""]}
    if any(f.name == "code" for f in fields):
        schema["primaryKey"] = ["code"]
    return schema


def _field(field: Field) -> dict[str, Any]:
    about: dict[str, Any] = {"name": field.name, "type": field.type}
    given = {
        "title": field.title,
        "description": field.description,
        "unit": field.unit,
        "referenceDate": field.reference_date,
    }
    about |= {k: v for k, v in given.items() if v}
    if field.name == "code":
        about["constraints"] = {"required": True, "unique": True}
    elif field.words:
        about["constraints"] = {"required": True, "enum": list(field.words)}
    return about
