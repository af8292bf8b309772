"""Vector tiles of shapes that are no cells (borders, districts), by GDAL; with metadata of ours, which tell no sample.

GDAL cuts and simplifies the shapes; its tiles are then put into an archive or a folder like those of cells.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio

from civigrid.errors import SchemaError
from civigrid.io.atomic import write_json
from civigrid.kernels.vector_tile import MAX_ZOOM
from civigrid.release.gate import Release
from civigrid.tiles.archives import Contents, tile_id, write_folder, write_mbtiles, write_pmtiles
from civigrid.tiles.metadata import common, tilejson
from civigrid.tiles.schemes import TileScheme, scheme_named
from civigrid.tiles.vector import Tile, deflated
from civigrid.types import Bounds

_NO_LIMIT = "2000000000"


@dataclass(frozen=True, kw_only=True)
class ShapeOptions:
    """What tiles of shapes shall be like.

    Parameters
    ----------
    layer : str
        Name of the layer.
    columns : tuple of str
        Columns that the features bear; no other leaves.
    scheme : str
        As of `civigrid.tiles.TileOptions`.
    min_zoom, max_zoom : int
        Zooms, both included.
    """

    layer: str = "borders"
    columns: tuple[str, ...] = ()
    scheme: str = "WebMercatorQuad"
    min_zoom: int = 0
    max_zoom: int = 9


def write_shape_tiles(release: Release[gpd.GeoDataFrame], out: Path, options: ShapeOptions) -> int:
    """Write vector tiles of shapes to ``.pmtiles``, ``.mbtiles`` or a folder; gives the number of tiles.

    Parameters
    ----------
    release : Release of geopandas.GeoDataFrame
        Borders, districts, zones with a CRS.
    out : Path
        Where.
    options : ShapeOptions
        What they shall be like.

    Raises
    ------
    TypeError
        No release.
    SchemaError
        GDAL here has no driver MVT; no such zooms; no CRS; no such column; nothing to draw; another suffix.

    References
    ----------
    GDAL, driver "MVT: Mapbox Vector Tiles" (options TILING_SCHEME, MAX_SIZE, MAX_FEATURES).
    """
    if not isinstance(release, Release) or not isinstance(release.data, gpd.GeoDataFrame):
        raise TypeError("tiles are made of a Release of shapes: pass them through civigrid.release.release() first.")
    if "w" not in pyogrio.list_drivers(write=True).get("MVT", ""):
        raise SchemaError("this GDAL cannot write vector tiles (no driver MVT): install pyogrio from its wheel.")
    shapes = release.data
    if shapes.crs is None:
        raise SchemaError("the shapes have no CRS. Set it with shapes.set_crs(...).")
    if lacking := [c for c in options.columns if c not in shapes]:
        raise SchemaError(f"the shapes have no column {', '.join(lacking)}. They have: {', '.join(map(str, shapes))}.")
    if not 0 <= options.min_zoom <= options.max_zoom <= MAX_ZOOM:
        zooms = f"no tiles from zoom {options.min_zoom} to {options.max_zoom}"
        raise SchemaError(f"{zooms}: zooms go from 0 to {MAX_ZOOM}, the least first.")
    scheme = scheme_named(options.scheme)
    kept = shapes[[*options.columns, shapes.geometry.name]].dropna(subset=[shapes.geometry.name])
    frame = kept[~kept.geometry.is_empty].to_crs(scheme.crs)
    if not len(frame):
        raise SchemaError("there are no shapes to draw.")
    contents = _contents(frame, scheme, options, release)
    with TemporaryDirectory() as temporary:
        made = Path(temporary) / "tiles"
        _gdal(frame, made, scheme, options)
        return _write(made, out, contents)


def _write(made: Path, out: Path, contents: Contents) -> int:
    if out.suffix in (".pmtiles", ".mbtiles"):
        write = write_pmtiles if out.suffix == ".pmtiles" else write_mbtiles
        n = write(out, _tiles(made, compress=True), lambda: contents)
        write_json(out.with_suffix(".tilejson.json"), tilejson(contents, f"{out.stem}/{{z}}/{{x}}/{{y}}.mvt"))
        return n
    if out.suffix:
        raise SchemaError(f"--out {out.name}: end it in .pmtiles or .mbtiles, or name a folder (no suffix).")

    def more(folder: Path) -> None:
        write_json(folder / "tilejson.json", tilejson(contents, "{z}/{x}/{y}.pbf"))

    return write_folder(out, _tiles(made, compress=False), lambda: contents, more)


def _gdal(frame: gpd.GeoDataFrame, folder: Path, scheme: TileScheme, options: ShapeOptions) -> None:
    settings = {
        "FORMAT": "DIRECTORY",
        "COMPRESS": "NO",
        "MINZOOM": str(options.min_zoom),
        "MAXZOOM": str(options.max_zoom),
        # by default features are left out of tiles that grow large
        "MAX_SIZE": _NO_LIMIT,
        "MAX_FEATURES": _NO_LIMIT,
        "TILING_SCHEME": f"{scheme.crs},{scheme.left!r},{scheme.top!r},{scheme.size_m!r}",
    }
    pyogrio.write_dataframe(frame, folder, layer=options.layer, driver="MVT", dataset_options=settings)


def _tiles(folder: Path, *, compress: bool) -> Iterator[Tile]:
    """Tiles that GDAL made, in the order of PMTiles."""
    found = [Tile(int(p.parts[-3]), int(p.parts[-2]), int(p.stem), b"") for p in folder.glob("*/*/*.pbf")]
    for tile in sorted(found, key=tile_id):
        data = (folder / str(tile.zoom) / str(tile.column) / f"{tile.row}.pbf").read_bytes()
        plain = zlib.decompress(data, 31) if data[:2] == b"\x1f\x8b" else data
        yield tile._replace(data=deflated(plain) if compress else plain)


def _contents(
    frame: gpd.GeoDataFrame, scheme: TileScheme, options: ShapeOptions, release: Release[gpd.GeoDataFrame]
) -> Contents:
    box = frame.to_crs("EPSG:4326").total_bounds
    low, high = np.floor(box[:2] * 1e5) / 1e5, np.ceil(box[2:] * 1e5) / 1e5
    fields = {str(c): _kind(frame[c]) for c in options.columns}
    about = common(options.layer, options.layer, scheme, (), release.profile, release.terms)
    layer: dict[str, Any] = {"id": options.layer, "description": options.layer, "fields": fields}
    layer |= {"minzoom": options.min_zoom, "maxzoom": options.max_zoom}
    return Contents(
        kind="mvt",
        bounds=Bounds(*low.tolist(), *high.tolist()),
        min_zoom=options.min_zoom,
        max_zoom=options.max_zoom,
        metadata={**about, "vector_layers": [layer]},
    )


def _kind(column: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(column):
        return "Boolean"
    return "Number" if pd.api.types.is_numeric_dtype(column) else "String"
