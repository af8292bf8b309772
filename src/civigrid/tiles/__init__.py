"""Tile pyramids of released cells: vector tiles and pictures, in three schemes, as archives or folders."""

from civigrid.tiles.make import TileOptions, TileSet, make_tiles
from civigrid.tiles.metadata import tilejson
from civigrid.tiles.schemes import SCHEMES, TileScheme, scheme_named
from civigrid.tiles.shapes import ShapeOptions, write_shape_tiles
from civigrid.tiles.style import maplibre_style
from civigrid.tiles.write import write_tiles

__all__ = [
    "SCHEMES",
    "ShapeOptions",
    "TileOptions",
    "TileScheme",
    "TileSet",
    "make_tiles",
    "maplibre_style",
    "scheme_named",
    "tilejson",
    "write_shape_tiles",
    "write_tiles",
]
