"""Documents of a tile service: TileJSON and OGC API Tiles, made of what the archives say of themselves."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from html import escape, unescape
from typing import Any
from urllib.parse import quote

from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from civigrid.errors import SourceError
from civigrid.io.tile_archives import TileArchive
from civigrid.run.serving.served_run import ServedRun
from civigrid.types import Bounds

JSON = "application/json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
MERCATOR_M = math.pi * 6_378_137.0
PIXELS = 256
PIXEL_M = 0.00028
"""Side of a pixel on a screen by which scales are reckoned (OGC 17-083r4, section 6.1)."""
CONFORMS = (
    *(f"http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/{c}" for c in ("core", "landing-page", "json", "oas30")),
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    *(
        f"http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/{c}"
        for c in ("core", "tileset", "tilesets-list", "dataset-tilesets", "geodata-tilesets", "mvt", "png")
    ),
    *(f"http://www.opengis.net/spec/tms/2.0/conf/{c}" for c in ("tilematrixset", "json-tilematrixset")),
)
"""Conformance classes of OGC API Common 1.0, OGC API Tiles 1.0 and Two Dimensional Tile Matrix Set 2.0."""
Document = dict[str, Any]


def link(rel: str, href: str, title: str, media: str = JSON, **more: Any) -> Document:
    """Give a link as OGC API has it."""
    return {"rel": rel, "type": media, "title": title, "href": href, **more}


def square_of(archive: TileArchive) -> tuple[str, str, float, float, float]:
    """Give id and CRS of an archive's tile matrix set, its upper left corner and the side of its one tile at zoom 0.

    Tiles in another CRS than Web Mercator say so in their metadata, by the names that GDAL reads and writes.

    Raises
    ------
    SourceError
        They say what cannot be.
    """
    about = archive.metadata
    crs = str(about.get("crs") or "EPSG:3857")
    try:
        if CRS.from_user_input(crs).to_epsg() == 3857:
            return "WebMercatorQuad", "EPSG:3857", -MERCATOR_M, MERCATOR_M, 2 * MERCATOR_M
        names = ("tile_origin_upper_left_x", "tile_origin_upper_left_y", "tile_dimension_zoom_0")
        left, top, side = (float(about[name]) for name in names)
    except (ProjError, KeyError, ValueError, TypeError) as error:
        raise SourceError(f"{archive.path.name} does not say how its tiles lie ({error}). Make it again.") from error
    if not (all(map(math.isfinite, (left, top, side))) and side > 0):
        raise SourceError(f"{archive.path.name} does not say how its tiles lie. Make it again.")
    return str(about.get("tile_matrix_set") or archive.path.stem), crs, left, top, side


def _urn(crs: str) -> str:
    authority, code = CRS.from_user_input(crs).to_authority() or ("", crs)
    return f"http://www.opengis.net/def/crs/{authority}/0/{code}"


def matrix_set(archive: TileArchive) -> Document:
    """Give a tile matrix set as JSON: zooms halve the tile, rows count from the top (OGC 17-083r4)."""
    name, crs, left, top, side = square_of(archive)
    east_first = CRS.from_user_input(crs).axis_info[0].direction == "east"
    about: Document = {
        "id": name,
        "title": name,
        "crs": _urn(crs),
        "orderedAxes": [a.abbrev or a.name for a in CRS.from_user_input(crs).axis_info],
        "tileMatrices": [
            {
                "id": str(z),
                "scaleDenominator": side / PIXELS / 2**z / PIXEL_M,
                "cellSize": side / PIXELS / 2**z,
                "cornerOfOrigin": "topLeft",
                "pointOfOrigin": [left, top] if east_first else [top, left],
                "tileWidth": PIXELS,
                "tileHeight": PIXELS,
                "matrixWidth": 2**z,
                "matrixHeight": 2**z,
            }
            for z in range(archive.max_zoom + 1)
        ],
    }
    return about | ({"uri": _uri(name)} if name in OGC_SETS else {})


OGC_SETS = ("WebMercatorQuad", "EuropeanETRS89_LAEAQuad")
"""Tile matrix sets that OGC registers."""


def _uri(name: str) -> str:
    return f"http://www.opengis.net/def/tilematrixset/OGC/1.0/{name}"


def limits(archive: TileArchive) -> list[Document]:
    """First and last row and column of each zoom that the archive's bounds touch."""
    _, crs, left, top, side = square_of(archive)
    box = Bounds(*archive.bounds)
    if crs == "EPSG:3857":
        box = Bounds(box.west, max(box.south, -85.051128), box.east, min(box.north, 85.051128))
    west, south, east, north = Transformer.from_crs("OGC:CRS84", crs, always_xy=True).transform_bounds(*box)
    found = []
    for z in range(archive.min_zoom, archive.max_zoom + 1):
        tile, last = side / 2**z, 2**z - 1
        first_col, last_col, first_row, last_row = (
            min(max(math.floor(v / tile), 0), last) for v in (west - left, east - left, top - north, top - south)
        )
        found.append(
            {
                "tileMatrix": str(z),
                "minTileRow": first_row,
                "maxTileRow": last_row,
                "minTileCol": first_col,
                "maxTileCol": last_col,
            }
        )
    return found


def tilejson(run: ServedRun, name: str, base: str) -> Document:
    """Give TileJSON 3.0 of an archive (Mapbox, 2021); another CRS than Web Mercator is told in fields of our own."""
    archive = run.archives[name]
    matrices, crs, *_ = square_of(archive)
    west, south, east, north = archive.bounds
    about: Document = {
        "tilejson": "3.0.0",
        "tiles": [f"{base}/tiles/{quote(name)}/{{z}}/{{x}}/{{y}}"],
        "scheme": "xyz",
        "name": _title(archive),
        "description": str(archive.metadata.get("description", "")),
        "attribution": _attribution(run, archive),
        "minzoom": archive.min_zoom,
        "maxzoom": archive.max_zoom,
        "bounds": list(archive.bounds),
        "center": [(west + east) / 2, (south + north) / 2, archive.min_zoom],
    }
    if crs != "EPSG:3857":
        about |= {"tile_matrix_set": matrices, "crs": crs}
    if archive.format == "mvt":
        about["vector_layers"] = archive.metadata.get("vector_layers", [])
    return about


def _title(archive: TileArchive) -> str:
    return str(archive.metadata.get("name") or archive.path.stem)


def _attribution(run: ServedRun, archive: TileArchive) -> str:
    """Words as HTML: so map clients take them, and so archives have them."""
    return str(archive.metadata.get("attribution") or escape("; ".join(run.attribution)))


def landing(run: ServedRun, base: str) -> Document:
    """Give the landing page (OGC API Common 1.0, section 7.2)."""
    links = [
        link("self", f"{base}/?f=json", "This document"),
        link("alternate", f"{base}/?f=html", "This document as a page", "text/html"),
        link("service-desc", f"{base}/api", "Definition of the interface", OPENAPI),
        link("conformance", f"{base}/conformance", "Conformance classes"),
        link("data", f"{base}/collections", "Collections"),
        link(f"{REL}data", f"{base}/collections", "Collections"),
        link(f"{REL}tiling-schemes", f"{base}/tileMatrixSets", "Tile matrix sets"),
    ]  # fmt: skip
    kinds = sorted({_kind(a) for a in run.archives.values()})
    links += [link(f"{REL}tilesets-{kind}", f"{base}/tiles", "Tilesets") for kind in kinds]
    if "stac/collection.json" in run.files:
        links.append(link("describedby", f"{base}/files/stac/collection.json", "STAC Collection"))
    return {
        "title": run.title,
        "description": run.question,
        "attribution": "; ".join(run.attribution),
        "links": links,
    }


def collections(run: ServedRun, base: str) -> Document:
    """Give all collections: an archive of tiles is one."""
    found = [collection(run, name, base) for name in run.archives]
    return {"links": [link("self", f"{base}/collections", "This document")], "collections": found}


def collection(run: ServedRun, name: str, base: str) -> Document:
    """Give a collection (OGC API Common 2, section 8)."""
    archive, here = run.archives[name], f"{base}/collections/{quote(name)}"
    links = [
        link("self", here, "This document"),
        link(f"{REL}tilesets-{_kind(archive)}", f"{here}/tiles", "Tilesets"),
        link("enclosure", f"{base}/files/{quote(run.paths[name])}", "All tiles in one file", _media(run, name)),
        link("alternate", f"{base}/tiles/{quote(name)}.json", "TileJSON"),
    ]
    return {
        "id": name,
        "title": _title(archive),
        "description": str(archive.metadata.get("description", "")),
        "attribution": unescape(_attribution(run, archive)),
        "extent": {"spatial": {"bbox": [list(archive.bounds)], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}},
        "crs": [_urn(square_of(archive)[1])],
        "links": links,
    }


def _media(run: ServedRun, name: str) -> str:
    return run.files[run.paths[name]].media_type


def _kind(archive: TileArchive) -> str:
    return "vector" if archive.format == "mvt" else "map"


def tilesets(run: ServedRun, names: Iterator[str] | list[str], base: str, here: str) -> Document:
    """Give a list of tilesets (OGC API Tiles 1.0, section 9)."""
    found = [_tileset_item(run.archives[name], name, base) for name in names]
    return {"links": [link("self", f"{base}{here}", "This document")], "tilesets": found}


def _tileset_item(archive: TileArchive, name: str, base: str) -> Document:
    matrices, crs, *_ = square_of(archive)
    href = f"{base}/collections/{quote(name)}/tiles/{quote(matrices)}"
    about: Document = {"title": _title(archive), "dataType": _kind(archive), "crs": _urn(crs)}
    about |= {"tileMatrixSetURI": _uri(matrices)} if matrices in OGC_SETS else {}
    scheme = link(f"{REL}tiling-scheme", f"{base}/tileMatrixSets/{quote(matrices)}", "Tile matrix set")
    return about | {"links": [link("self", href, "This tileset"), scheme]}


def tileset(run: ServedRun, name: str, base: str) -> Document:
    """Give a tileset's metadata, with the template of its tiles (OGC API Tiles 1.0, section 8)."""
    archive = run.archives[name]
    about = _tileset_item(archive, name, base)
    own = about["links"][0]["href"]
    about["links"] += [
        link("item", own + "/{tileMatrix}/{tileRow}/{tileCol}", "Tile", archive.media_type, templated=True),
        link("alternate", f"{base}/tiles/{quote(name)}.json", "TileJSON"),
    ]
    west, south, east, north = archive.bounds
    about |= {
        "tileMatrixSetLimits": limits(archive),
        "boundingBox": {
            "lowerLeft": [west, south],
            "upperRight": [east, north],
            "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        },
    }
    if archive.layers:
        about["layers"] = [{"id": layer, "dataType": "vector", "geometryDimension": 2} for layer in archive.layers]
    return about


def matrix_sets(run: ServedRun, base: str) -> Document:
    """Give the tile matrix sets of all archives."""
    known = {square_of(a)[0]: a for a in run.archives.values()}
    rows = [
        {
            "id": name,
            "title": name,
            "crs": _urn(square_of(archive)[1]),
            "links": [link("self", f"{base}/tileMatrixSets/{quote(name)}", name)],
        }
        for name, archive in sorted(known.items())
    ]
    return {"tileMatrixSets": rows}


def matrix_set_named(run: ServedRun, name: str) -> Document | None:
    """Give a tile matrix set that some archive has, down to the deepest zoom; None where none has it."""
    found = [a for a in run.archives.values() if square_of(a)[0] == name]
    return matrix_set(max(found, key=lambda a: a.max_zoom)) if found else None


def api(run: ServedRun, base: str) -> Document:
    """Give the definition of the interface (OpenAPI 3.0.3)."""
    paths = {}
    for path in (
        "/", "/conformance", "/collections", "/collections/{collectionId}", "/collections/{collectionId}/tiles",
        "/collections/{collectionId}/tiles/{tileMatrixSetId}",
        "/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}",
        "/tiles", "/tileMatrixSets", "/tileMatrixSets/{tileMatrixSetId}",
    ):  # fmt: skip
        wanted = [p[1:-1] for p in path.split("/") if p.startswith("{")]
        given = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in wanted]
        paths[path] = {"get": {"parameters": given, "responses": {"200": {"description": "Found"}}}}
    return {
        "openapi": "3.0.3",
        "info": {"title": run.title, "version": "1.0.0"},
        "servers": [{"url": base}],
        "paths": paths,
    }


_NUMBER = re.compile(r"[0-9]{1,10}")
_LAST = re.compile(r"([0-9]{1,10})(?:\.(?:mvt|pbf|png|jpg|jpeg|webp))?")


def tile_of(run: ServedRun, steps: tuple[str, ...]) -> tuple[str, int, int, int] | None:
    """Say which tile a path names.

    Parameters
    ----------
    run : ServedRun
        What is served.
    steps : tuple of str
        The path: ``tiles/NAME/z/x/y``, or ``collections/NAME/tiles/SET/z/row/column``.

    Returns
    -------
    tuple of (str, int, int, int) or None
        Archive, zoom, column and row; None where it names none.
    """
    last = _LAST.fullmatch(steps[-1])
    if len(steps) < 5 or not last or not all(_NUMBER.fullmatch(s) for s in steps[-3:-1]):
        return None
    z, a, b = int(steps[-3]), int(steps[-2]), int(last[1])
    match steps[:-3]:
        case ("tiles", name) if name in run.archives:
            return name, z, a, b
        case ("collections", name, "tiles", matrices) if _has(run, name, matrices):
            return name, z, b, a
    return None


def _has(run: ServedRun, name: str, matrices: str) -> bool:
    return name in run.archives and square_of(run.archives[name])[0] == matrices


def document(run: ServedRun, steps: tuple[str, ...], base: str) -> Document | None:
    """Give the document at a path; None where there is none."""
    plain: dict[tuple[str, ...], Callable[[], Document]] = {
        ("api",): lambda: api(run, base),
        ("conformance",): lambda: {"conformsTo": list(CONFORMS)},
        ("collections",): lambda: collections(run, base),
        ("tiles",): lambda: tilesets(run, list(run.archives), base, "/tiles"),
        ("tileMatrixSets",): lambda: matrix_sets(run, base),
    }
    match steps:
        case ("tileMatrixSets", name):
            return matrix_set_named(run, name)
        case ("tiles", name) if name.removesuffix(".json") in run.archives:
            return tilejson(run, name.removesuffix(".json"), base)
        case ("collections", name) if name in run.archives:
            return collection(run, name, base)
        case ("collections", name, "tiles") if name in run.archives:
            return tilesets(run, [name], base, f"/collections/{quote(name)}/tiles")
        case ("collections", name, "tiles", matrices) if _has(run, name, matrices):
            return tileset(run, name, base)
    return plain[steps]() if steps in plain else None
