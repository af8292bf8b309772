"""PNG tiles of one variable: cells in the colours of their classes, hatched where the value is missing."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from civigrid.engine.execute import Scheduler
from civigrid.kernels.tile_paint import paint_tile, png
from civigrid.style import Classes
from civigrid.tiles.attributes import LevelTable
from civigrid.tiles.vector import Piece, Placed, Tile, bundled_tiles

STRIPES = ((0x8C, 0x8C, 0x8C, 255), (0xDE, 0xDE, 0xDE, 255))
"""Dark and light stripes of the hatching: neither is the ground, so that a missing cell of one pixel is seen too."""


def palette(classes: Classes) -> list[tuple[int, int, int, int]]:
    """Nothing, the classes, and the two stripes of what is missing."""
    shades = [bytes.fromhex(c[1:]) for c in classes.colors]
    return [(0, 0, 0, 0), *((s[0], s[1], s[2], 255) for s in shades), STRIPES[1], STRIPES[0]]


def picture_tiles(table: LevelTable, name: str, placed: Placed, scheduler: Scheduler) -> Iterator[Tile]:
    """Paint the tiles of a level, zoom by zoom, in Hilbert's order.

    Parameters
    ----------
    table : LevelTable
        Values and classes of the level; where a variable is not carried, there are no tiles.
    name : str
        The variable.
    placed : Placed
        Where the cells lie.
    scheduler : Scheduler
        Where; the bytes do not depend on it.
    """
    if name not in table.values:
        return
    classes = table.classes[name]
    missing = len(classes.colors) + 1
    found = classes.of(table.values[name].values)
    code = np.where(found < 0, missing, found + 1).astype(np.uint8)[placed.cell]
    shared = {"code": code, "palette": np.array(palette(classes), dtype=np.uint8)}
    yield from bundled_tiles(table.level, placed, functools.partial(_bundle, missing), shared, scheduler)


def _bundle(missing: int, shared: Mapping[str, Any], piece: Piece) -> list[bytes]:
    zoom, first, last = piece
    tile, start, row = shared["covers"][zoom]
    colors: list[Any] = np.asarray(shared["palette"]).tolist()
    return [
        _picture(shared, np.asarray(row[start[k] : start[k + 1]]), zoom, tile[k], missing, colors)
        for k in range(first, last)
    ]


def _picture(
    shared: Mapping[str, Any], row: npt.NDArray[np.int64], zoom: int, tile: Any, missing: int, colors: list[Any]
) -> bytes:
    """One tile; no bytes where a cell beyond the edge reaches no centre of a pixel."""
    pixels = paint_tile(shared["ring"], row, shared["code"], zoom, int(tile[0]), int(tile[1]), missing)
    return png(pixels, colors) if pixels.any() else b""
