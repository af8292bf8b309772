"""Tile pyramids of released cells: vector tiles and pictures, in three schemes, as archives or folders."""

from civigrid.tiles.make import TileOptions, TileSet, make_tiles
from civigrid.tiles.metadata import maplibre_style, tilejson
from civigrid.tiles.schemes import SCHEMES, TileScheme, scheme_named
from civigrid.tiles.write import write_tiles

__all__ = [
    "SCHEMES",
    "TileOptions",
    "TileScheme",
    "TileSet",
    "make_tiles",
    "maplibre_style",
    "scheme_named",
    "tilejson",
    "write_tiles",
]
