"""A release as a static STAC catalogue: one Collection, an Item for each set of cells, links relative."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyproj import CRS

from civigrid.io.catalogues.model import Field, File, Released, Table, interval_of, whole_box
from civigrid.types import Bounds

VERSION = "1.1.0"
_HOST = "https://stac-extensions.github.io"
EXTENSIONS = {
    name: f"{_HOST}/{name}/v{version}/schema.json"
    for name, version in {
        "file": "2.1.0",
        "processing": "1.2.0",
        "projection": "2.0.0",
        "raster": "1.1.0",
        "scientific": "1.0.0",
        "table": "1.2.0",
        "version": "1.2.0",
        "web-map-links": "1.2.0",
    }.items()
}
"""Extensions by name, as their schemas are identified."""
Catalogue = dict[str, dict[str, Any]]
"""Objects by their path in the release."""
WORLD = Bounds(-180.0, -90.0, 180.0, 90.0)
_UP = "../"
_TYPES = {"number": "double", "integer": "int64", "object": "struct", "string": "string", "binary": "binary"}


def stac(released: Released) -> Catalogue:
    """Describe a release as STAC.

    Parameters
    ----------
    released : Released
        What was released.

    Returns
    -------
    dict
        By path in the release: ``stac/collection.json``, and ``stac/NAME/NAME.json`` for every set of cells.  An Item
        must have a date: cells that state none have those that the run's other inputs state (and say so), and where
        no input states any, the cells are assets of the Collection.

    Notes
    -----
    STAC specification 1.1.0 (2024), with the extensions file 2.1.0, processing 1.2.0, projection 2.0.0, raster 1.1.0,
    scientific 1.0.0, table 1.2.0, version 1.2.0 and web map links 1.2.0.  One Item holds all indicators of its cells,
    for they share one table; a raster of one indicator is an asset of it.

    Examples
    --------
    >>> from civigrid.io.catalogues import describe_release
    >>> from pathlib import Path
    >>> list(stac(describe_release({"title": "Town"}, Path())))
    ['stac/collection.json']
    """
    span = interval_of(released.dates)
    items = {f"stac/{t.name}/{t.name}.json": _item(released, t, span) for t in released.cells} if span else {}
    return {"stac/collection.json": _collection(released, list(items), span)} | items


def _collection(released: Released, items: list[str], span: tuple[str, str] | None) -> dict[str, Any]:
    whole = list(whole_box(t.lonlat for t in released.cells) or WORLD)
    links = [_link("root", "./collection.json", released.title)]
    links += [_link("item", f"./{p.removeprefix('stac/')}", p.rsplit("/", 1)[1][:-5]) for p in items]
    if any(f.path == "report.html" for f in released.others):
        links += [_link(rel, f"{_UP}report.html", "Report: method, limits, sources and their terms", "text/html")
                  for rel in ("license", "about")]  # fmt: skip
    loose = released.cells if not items else ()
    assets = {_key(f): _asset(f, _UP) for f in released.others}
    assets |= {f"{t.name}-{f.suffix}": _asset(f, _UP, t) for t in loose for f in t.files}
    if released.results:
        about = {"table:columns": _columns(released.results), "table:row_count": released.results.rows}
        assets |= {f"results-{f.suffix}": _asset(f, _UP, released.results) | about for f in released.results.files}
    used = ["file", "processing", "scientific", "version", *(["table"] if released.results else [])]
    return {
        "type": "Collection",
        "stac_version": VERSION,
        "stac_extensions": [EXTENSIONS[n] for n in sorted(used)],
        "id": released.id,
        "title": released.title,
        "description": released.description,
        "license": released.licence or "other",
        "keywords": ["census", "grid", "segregation", "accessibility"],
        "version": released.version or "0",
        "providers": list(_providers(released)),
        "extent": {
            "spatial": {"bbox": [whole]},
            "temporal": {"interval": [list(span) if span else [None, None]]},
        },
        "sci:citation": citation(released),
        "links": links,
        "assets": assets,
    }


def citation(released: Released) -> str:
    """Words to cite a release by.

    >>> from civigrid.io.catalogues import describe_release
    >>> from pathlib import Path
    >>> citation(describe_release({"title": "Town", "civigrid": "0.1.0"}, Path()))
    'Town. Made with civigrid 0.1.0.'
    """
    parts = [released.title, f"Made with civigrid {released.version}".strip()]
    parts += [f"Sources: {released.attribution}"] if released.attribution else []
    return " ".join(p if p.endswith((".", "?", "!")) else f"{p}." for p in parts)


def _providers(released: Released) -> Iterator[dict[str, Any]]:
    made = _processing(released)
    yield {"name": "civigrid", "description": "Software that made the release", "roles": ["processor"], **made}
    for name in dict.fromkeys(i.publisher for i in released.inputs if i.publisher and i.publisher != "civigrid"):
        words = dict.fromkeys(i.attribution for i in released.inputs if i.publisher == name and i.attribution)
        about = {"name": name, "roles": ["producer", "licensor"]}
        yield about | ({"description": "; ".join(words)} if words else {})


def _processing(released: Released) -> dict[str, Any]:
    lineage = ", ".join(f"{i.file} (sha256 {i.sha256[:12]})" for i in released.inputs) or "no input"
    return {
        "processing:software": {"civigrid": released.version, **released.libraries},
        "processing:lineage": f"From {lineage}. Disclosure control: {released.disclosure}.",
    }


def _item(released: Released, table: Table, span: tuple[str, str]) -> dict[str, Any]:
    box = table.lonlat
    own = interval_of(table.dates)
    first, last = own or span
    properties: dict[str, Any] = {
        "title": table.title,
        "description": _about(table, dated=own is not None),
        "datetime": None,
        "start_datetime": first,
        "end_datetime": last,
        "version": released.version or "0",
        "license": released.licence or "other",
        "sci:citation": citation(released),
        "table:columns": _columns(table),
        "table:row_count": table.rows,
        "civigrid:grid": table.grid,
        "civigrid:disclosure": released.disclosure,
        **_processing(released),
        **_projection(table),
    }
    if any(f.name == "geometry" for f in table.fields):
        properties["table:primary_geometry"] = "geometry"
    maps = list(_map_links(table))
    used = ["file", "processing", "projection", "scientific", "table", "version"]
    used += ["raster"] if any("bands" in f.about for f in table.files) else []
    used += ["web-map-links"] if maps else []
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": [EXTENSIONS[n] for n in sorted(used)],
        "id": table.name,
        "collection": released.id,
        **({"bbox": list(box)} if box else {}),
        "geometry": _polygon(box) if box else None,
        "properties": properties,
        "links": [
            _link("root", "../collection.json", released.title),
            _link("parent", "../collection.json", released.title),
            _link("collection", "../collection.json", released.title),
            *maps,
        ],
        "assets": {_name(f, table): _asset(f, _UP * 2, table) for f in table.files},
    }


def _about(table: Table, *, dated: bool) -> str:
    values = [f.title for f in table.fields if f.role == "value"]
    text = f"{table.rows:,} cells of {table.grid} with {', '.join(values[:12])}{' and more' if values[12:] else ''}."
    return text if dated else f"{text} Its source states no reference date: the dates are those of the run's inputs."


def _projection(table: Table) -> dict[str, Any]:
    crs = CRS.from_user_input(table.crs)
    name = crs.to_authority()
    about: dict[str, Any] = {"proj:bbox": list(table.box)} if table.box else {}
    return about | ({"proj:code": ":".join(name)} if name else {"proj:code": None, "proj:wkt2": crs.to_wkt()})


def _polygon(box: Bounds) -> dict[str, Any]:
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _columns(table: Table) -> list[dict[str, Any]]:
    return [_column(f) for f in table.fields]


def _column(field: Field) -> dict[str, Any]:
    words = [field.title, field.description, f"Unit: {field.unit}." if field.unit else ""]
    said = [w if w.endswith((".", "?", "!")) else f"{w}." for w in words if w]
    about = {"name": field.name, "type": _TYPES[field.type]}
    return about | ({"description": " ".join(said)} if said else {})


def _map_links(table: Table) -> Iterator[dict[str, Any]]:
    for file in table.files:
        if file.suffix == "pmtiles":
            about = _link("pmtiles", f"{_UP * 2}{file.path}", "Tiles", file.media_type)
            layers = file.about.get("layers", [])
            yield about | ({"pmtiles:layers": layers} if layers else {})


def _name(file: File, table: Table) -> str:
    """Key of an asset: what it is beyond its cells, as ``parquet`` or ``population-tif``."""
    rest = file.path.rsplit("/", 1)[-1].removeprefix(table.name).strip("._-")
    folder = file.path.split("/", 1)[0]
    return "-".join(filter(None, [folder if folder != "cells" else "", *rest.split(".")]))


def _key(file: File) -> str:
    return file.path.replace("/", "-").replace(".", "-")


def _asset(file: File, up: str, table: Table | None = None) -> dict[str, Any]:
    """Describe a file, its checksum as a multihash: code 0x12 is SHA-256, 0x20 its 32 bytes (file extension 2.1.0)."""
    about: dict[str, Any] = {
        "href": f"{up}{file.path}",
        "title": file.title or (f"{table.title} ({file.suffix})" if table else file.path),
        "type": file.media_type,
        "roles": list(file.roles),
        "file:size": file.bytes,
        "file:checksum": f"1220{file.sha256}",
    }
    if "bands" in file.about:
        about |= {
            "proj:shape": file.about["shape"],
            "proj:transform": file.about["transform"],
            "bands": [{"name": b["name"], "data_type": b["data_type"]} for b in file.about["bands"]],
            "raster:bands": [_band(b, file.about["resolution"]) for b in file.about["bands"]],
        }
    return about


def _band(band: dict[str, Any], resolution: float) -> dict[str, Any]:
    nodata = band["nodata"]
    about = {"data_type": band["data_type"], "spatial_resolution": resolution, "sampling": "area"}
    about |= {"scale": band["scale"], "offset": band["offset"]}
    about |= {"unit": band["unit"]} if band["unit"] else {}
    return about | ({} if nodata is None else {"nodata": "nan" if nodata != nodata else nodata})


def _link(rel: str, href: str, title: str, media: str = "") -> dict[str, Any]:
    kind = media or ("application/geo+json" if rel == "item" else "application/json")
    return {"rel": rel, "href": href, "type": kind, "title": title}
