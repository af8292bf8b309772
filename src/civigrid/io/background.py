"""What lies under a map, from files of one's own: vector tiles (PMTiles, MBTiles) or layers of lines and areas."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from civigrid.errors import SchemaError
from civigrid.types import Bounds

KINDS: Mapping[str, tuple[str, ...]] = {
    "land": ("earth", "land"),
    "green": ("landcover", "landuse", "park", "natural"),
    "water": ("water", "waterway", "ocean", "physical_line"),
    "built": ("building", "buildings"),
    "road": ("road", "roads", "transportation", "streets"),
    "border": ("boundary", "boundaries", "admin"),
}
"""What a background shows, from below, and the names of its layers in the common schemas of vector tiles."""
GREEN = ("park", "wood", "forest", "grass", "nature_reserve", "wetland", "cemetery", "meadow", "garden", "scrub")
"""Classes of land cover and use that are drawn as green; the others say nothing."""
MAJOR = ("motorway", "trunk", "primary", "secondary", "highway", "major_road", "rail")
"""Classes of roads that are drawn: all of them would hide what lies above."""
TILES = (".pmtiles", ".mbtiles")
MOST_TILES = 64
"""Tiles of a background at most: its zoom is the finest that keeps this."""


def read_background(path: Path, within: Bounds) -> gpd.GeoDataFrame:
    """Read what lies under a map.

    Parameters
    ----------
    path : Path
        Vector tiles (``.pmtiles``, ``.mbtiles``; schemas of Protomaps and OpenMapTiles), or any file of lines and
        areas: a layer is what a word of its name says (`KINDS`), or of the file's name where the layer's says nothing
        and it is the only one, as in ``LAND_3M.gpkg``; others are borders.
    within : Bounds
        West, south, east, north in degrees: what is read.

    Returns
    -------
    geopandas.GeoDataFrame
        In EPSG:4326, column ``kind`` of `KINDS`, lower ones first; cut to the box.

    Raises
    ------
    SchemaError
        Not a file of vectors, or nothing of it lies in the box.
    """
    if not path.exists():
        raise SchemaError(f"no file {path}: a background is vector tiles (.pmtiles, .mbtiles) or a vector file.")
    try:
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
    except pyogrio.errors.DataSourceError as error:
        raise SchemaError(f"{path.name} holds no vectors: {error}. Pictures cannot be backgrounds.") from error
    parts = [_layer(path, name, kind, within) for name, kind in zip(layers, _kinds(path, layers), strict=True)]
    found = pd.concat([p for p in parts if len(p)]) if any(len(p) for p in parts) else gpd.GeoDataFrame()
    if not len(found):
        box = ", ".join(f"{v:.3f}" for v in within)
        raise SchemaError(f"nothing in {path.name} lies within {box} (west, south, east, north): is it another place?")
    order = found["kind"].map({kind: k for k, kind in enumerate(KINDS)})
    return gpd.GeoDataFrame(
        found.iloc[np.argsort(order.to_numpy(), kind="stable")].reset_index(drop=True), crs="EPSG:4326"
    )


def _kinds(path: Path, layers: Sequence[str]) -> list[str]:
    """Say what each layer is, by the words of its name; nothing where no word is known.

    >>> _kinds(Path("LAND_3M.gpkg"), ["buffered"]), _kinds(Path("x.gpkg"), ["Main roads", "places"])
    (['land'], ['road', ''])
    """

    def told(text: str) -> str:
        words = {text.lower(), *re.findall(r"[a-z_]+", text.lower()), *re.findall(r"[a-z]+", text.lower())}
        return next((kind for kind, names in KINDS.items() if words.intersection(names)), "")

    found = [told(name) for name in layers]
    return [told(path.stem)] if found == [""] else found


def _layer(path: Path, name: str, kind: str, within: Bounds) -> gpd.GeoDataFrame:
    tiled = path.suffix.lower() in TILES
    if tiled and not kind:
        return gpd.GeoDataFrame()
    kind = kind or "border"
    options = {"ZOOM_LEVEL": _zoom(path, within)} if tiled else {}
    crs = pyogrio.read_info(path, layer=name)["crs"]
    if crs is None:
        raise SchemaError(f"layer {name!r} of {path.name} states no CRS: give it one.")
    box = gpd.GeoSeries([shapely.box(*within)], crs="EPSG:4326")
    frame = pyogrio.read_dataframe(path, layer=name, bbox=tuple(box.to_crs(crs).total_bounds), **options)
    frame = _shown(frame, kind).to_crs("EPSG:4326")
    shapes = shapely.make_valid(frame.geometry.to_numpy())
    if kind == "border":
        # of areas their lines, before the cut: the edge of the box is no border
        shapes = np.where(shapely.get_dimensions(shapes) == 2, shapely.boundary(shapes), shapes)
    shapes = shapely.intersection(shapes, box.iloc[0])
    shapes = shapes[~shapely.is_empty(shapes) & (shapely.get_dimensions(shapes) > 0)]
    if tiled and len(shapes):
        # tiles overlap by a margin and cut shapes at their edges: they become whole again
        shapes = shapely.get_parts(shapely.union_all(shapes, grid_size=1e-6))
    return gpd.GeoDataFrame({"kind": [kind] * len(shapes)}, geometry=shapes, crs="EPSG:4326")


def _shown(frame: gpd.GeoDataFrame, kind: str) -> gpd.GeoDataFrame:
    """Rows that a background draws: green of land use, larger roads, areas of water and land."""
    classes = {"green": GREEN, "road": MAJOR}.get(kind)
    column = next((c for c in ("pmap:kind", "kind", "class") if c in frame), None)
    if classes is None or column is None:
        return frame
    return frame[frame[column].astype(str).isin(classes).to_numpy()]


def _zoom(path: Path, within: Bounds) -> int:
    """Finest zoom of the file at which the box has no more than `MOST_TILES` tiles."""
    # GDAL gives the zooms of a tile set as metadata of its data set
    meta = pyogrio.read_info(path, layer=0)["dataset_metadata"] or {}
    low, high = int(meta.get("minzoom", 0)), int(meta.get("maxzoom", 14))
    for zoom in range(high, low, -1):
        n = 2**zoom
        across = (within.east - within.west) / 360 * n + 1
        south, north = (np.arcsinh(np.tan(np.radians(v))) / np.pi * n / 2 for v in (within.south, within.north))
        if across * (north - south + 1) <= MOST_TILES:
            return zoom
    return low
