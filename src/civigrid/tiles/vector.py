"""Vector tiles of a level: cells placed in the tiles, encoded and deflated, one task for a bundle of tiles."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from civigrid.engine.arrays import map_ranges, map_shared
from civigrid.engine.execute import Scheduler
from civigrid.grid import Grid
from civigrid.kernels.tile_cover import Cover, cover
from civigrid.kernels.vector_tile import WORLD_BITS, encode_tiles, layer_head, word_table
from civigrid.tiles.attributes import WORDS, LevelTable
from civigrid.tiles.levels import Level, feature_ids
from civigrid.tiles.schemes import TileScheme
from civigrid.types import Bounds, Ids, Ints

CELLS_AT_ONCE = 50_000
"""Cells whose corners are projected in one task."""
BUNDLE = 10_000
"""Cells in the tiles of one task, about; the bundles do not depend on the number of workers."""
_FAR = 2**40
_WORLD = 2**WORLD_BITS

Piece = tuple[int, int, int]
"""Zoom, first and last tile (not included) of a bundle."""


class Tile(NamedTuple):
    """One tile: zoom, column, row from the top, and its bytes."""

    zoom: int
    column: int
    row: int
    data: bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """Cells with their corners in a scheme's square.

    Parameters
    ----------
    ring : ndarray of int64, shape (ring, corner, 2)
        Corners; a cell across the edge where the world closes has a second ring on the other side.
    cell : ndarray of int64, shape (ring,)
        Which cell each ring is of.
    box : Bounds or None
        Box around what lies in the square, in its units, y down; None where nothing does.
    outside : int
        Cells that the square does not hold.
    """

    ring: Ints
    cell: Ints
    box: Bounds | None
    outside: int


class _Part(NamedTuple):
    """Rings of some cells, those that go on at the other side of the world, box and number of those in the square."""

    ring: Ints
    turned: Ints
    of: Ints
    box: list[int]
    inside: int


def place(ids: Ids, grid: Grid, scheme: TileScheme, scheduler: Scheduler) -> Placed:
    """Project the corners of cells into a scheme's square; those that it cannot show lie far outside."""
    parts = map_ranges(functools.partial(_rings, grid, scheme), {"ids": ids}, len(ids), CELLS_AT_ONCE, scheduler)
    rings = [part.ring for part in parts] + [part.turned for part in parts]
    wide = max(ring.shape[1] for ring in rings)
    boxes = np.array([part.box for part in parts if part.inside])
    low, high = (boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)) if len(boxes) else (np.zeros(2), np.zeros(2))
    return Placed(
        ring=np.concatenate([np.pad(r, ((0, 0), (0, wide - r.shape[1]), (0, 0)), mode="edge") for r in rings]),
        cell=np.concatenate([np.arange(len(ids), dtype=np.int64), *(part.of for part in parts)]),
        box=Bounds(*map(float, (*low, *high))) if len(boxes) else None,
        outside=len(ids) - sum(part.inside for part in parts),
    )


def _rings(grid: Grid, scheme: TileScheme, shared: Mapping[str, Any], start: int, stop: int) -> _Part:
    ring = scheme.rings(grid, shared["ids"][start:stop])
    low, high = ring[:, 0].copy(), ring[:, 0].copy()
    for corner in range(1, ring.shape[1]):
        np.minimum(low, ring[:, corner], out=low)
        np.maximum(high, ring[:, corner], out=high)
    # a cell around the pole, or opposite to the centre of the projection, has no shape here
    broken = ((high - low) > (_WORLD // 2 if scheme.around else _WORLD)).any(axis=1)
    ring[broken] = _FAR
    inside = ~broken & ((low < _WORLD) & (high > 0)).all(axis=1)
    right, left = (scheme.around & ~broken & over for over in (high[:, 0] > _WORLD, low[:, 0] < 0))
    turned = np.concatenate([ring[right] - np.array([_WORLD, 0]), ring[left] + np.array([_WORLD, 0])])
    box = [0, 0, 0, 0]
    if inside.any():
        box = [*low[inside].min(axis=0).clip(0, _WORLD).tolist(), *high[inside].max(axis=0).clip(0, _WORLD).tolist()]
    of = start + np.concatenate([np.flatnonzero(right), np.flatnonzero(left)])
    return _Part(ring, turned, of, box, int(inside.sum()))


def bundled_tiles(
    level: Level,
    placed: Placed,
    work: Callable[[Mapping[str, Any], Piece], list[bytes]],
    shared: Mapping[str, Any],
    scheduler: Scheduler,
) -> Iterator[Tile]:
    """Find the tiles of a level and make them, zoom by zoom, in Hilbert's order.

    Parameters
    ----------
    level : Level
        Cells and zooms.
    placed : Placed
        Where the cells lie.
    work : callable
        Makes a bundle of tiles from what is shared, ``ring`` and ``covers`` among it; a tile without bytes is none.
    shared : mapping
        Arrays.
    scheduler : Scheduler
        Where; no byte depends on it.
    """
    zooms = range(level.min_zoom, level.max_zoom + 1)
    covers = dict(zip(zooms, map_shared(_cover, {"ring": placed.ring}, zooms, scheduler), strict=True))
    pieces = [(zoom, *ends) for zoom in zooms for ends in _bundles(covers[zoom])]
    made = map_shared(work, {**shared, "ring": placed.ring, "covers": covers}, pieces, scheduler)
    for (zoom, first, last), tiles in zip(pieces, made, strict=True):
        for (column, row), data in zip(covers[zoom].tile[first:last].tolist(), tiles, strict=True):
            if data:
                yield Tile(zoom, column, row, data)


def _cover(shared: Mapping[str, Any], zoom: int) -> Cover:
    return cover(shared["ring"], zoom)


def _bundles(found: Cover) -> list[tuple[int, int]]:
    """Cut tiles into ranges of about `BUNDLE` cells."""
    if not len(found.tile):
        return []
    number = found.start[:-1] // BUNDLE
    return list(pairwise([0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(found.tile)]))


def vector_tiles(table: LevelTable, placed: Placed, scheduler: Scheduler, *, compress: bool = True) -> Iterator[Tile]:
    """Make the vector tiles of a level, zoom by zoom, in Hilbert's order.

    Parameters
    ----------
    table : LevelTable
        Its cells and zooms, and what the features bear.
    placed : Placed
        Where the cells lie.
    scheduler : Scheduler
        Where; the bytes do not depend on it.
    compress : bool
        By gzip, as PMTiles and MBTiles expect.
    """
    words, word_at = word_table(WORDS)
    about, once = table.about, len(placed.cell) == len(table.ids)
    shared: dict[str, Any] = {
        "fid": feature_ids(table.level.grid, table.ids)[placed.cell],
        "codes": about.codes if once else np.ascontiguousarray(about.codes[:, placed.cell]),
        "kind": about.kind,
        "head": layer_head(table.level.layer, list(about.keys)),
        "words": words,
        "word_at": word_at,
    }
    yield from bundled_tiles(table.level, placed, functools.partial(_bundle, compress), shared, scheduler)


def _bundle(compress: bool, shared: Mapping[str, Any], piece: Piece) -> list[bytes]:
    zoom, first, last = piece
    tile, start, row = shared["covers"][zoom]
    made = encode_tiles(
        shared["ring"],
        np.asarray(start[first : last + 1]) - start[first],
        np.asarray(row[int(start[first]) : int(start[last])]),
        np.asarray(tile[first:last]),
        zoom,
        shared["fid"],
        shared["codes"],
        shared["kind"],
        shared["head"],
        (shared["words"], shared["word_at"]),
    )
    return [deflated(data) for data in made] if compress else made


def deflated(data: bytes) -> bytes:
    """Compress by gzip, without the time of day."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()
