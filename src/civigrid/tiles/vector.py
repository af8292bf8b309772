"""Vector tiles of a level: cells placed in the tiles, encoded and deflated, one task for a bundle of tiles."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np

from civigrid.engine.arrays import map_ranges, map_shared
from civigrid.engine.execute import Scheduler
from civigrid.grid import Grid
from civigrid.kernels.tile_cover import Cover, cover
from civigrid.kernels.vector_tile import WORLD_BITS, encode_tiles, layer_head, word_table
from civigrid.tiles.attributes import WORDS, Attributes
from civigrid.tiles.levels import Level, feature_ids
from civigrid.tiles.schemes import TileScheme
from civigrid.types import Bounds, Ids, Ints

CELLS_AT_ONCE = 50_000
"""Cells whose corners are projected in one task."""
BUNDLE = 10_000
"""Cells in the tiles of one task, about; the bundles do not depend on the number of workers."""
_FAR = 2**40
_WORLD = 2**WORLD_BITS


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
    """

    ring: Ints
    cell: Ints

    @property
    def box(self) -> Bounds | None:
        """Box around what lies in the square, in its units, y down; None where nothing does."""
        inside = self.ring[(self.ring[..., 0].min(axis=1) < _WORLD) & (self.ring[..., 1].min(axis=1) < _WORLD)]
        if not len(inside):
            return None
        low, high = inside.min(axis=(0, 1)).clip(0, _WORLD), inside.max(axis=(0, 1)).clip(0, _WORLD)
        return Bounds(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def place(ids: Ids, grid: Grid, scheme: TileScheme, scheduler: Scheduler) -> Placed:
    """Project the corners of cells into a scheme's square; those that it cannot show lie far outside."""
    parts = map_ranges(functools.partial(_rings, grid, scheme), {"ids": ids}, len(ids), CELLS_AT_ONCE, scheduler)
    wide = max(part.shape[1] for part in parts)
    ring = np.concatenate([np.pad(p, ((0, 0), (0, wide - p.shape[1]), (0, 0)), mode="edge") for p in parts])
    cell = np.arange(len(ids), dtype=np.int64)
    if not len(ids):
        return Placed(ring=ring, cell=cell)
    low, high = ring.min(axis=1), ring.max(axis=1)
    # a cell around the pole, or opposite to the centre of the projection, has no shape here
    broken = ((high - low) > (_WORLD // 2 if scheme.around else _WORLD)).any(axis=1)
    ring[broken] = _FAR
    if scheme.around:
        for over, turn in (((high[:, 0] > _WORLD) & ~broken, -_WORLD), ((low[:, 0] < 0) & ~broken, _WORLD)):
            if over.any():
                again = ring[: len(ids)][over] + np.array([turn, 0])
                ring, cell = np.concatenate([ring, again]), np.concatenate([cell, cell[: len(ids)][over]])
    return Placed(ring=ring, cell=cell)


def _rings(grid: Grid, scheme: TileScheme, shared: Mapping[str, Any], start: int, stop: int) -> Ints:
    return scheme.rings(grid, shared["ids"][start:stop])


def bundles(found: Cover) -> list[tuple[int, int]]:
    """Cut tiles into ranges of about `BUNDLE` cells."""
    if not len(found.tile):
        return []
    number = found.start[:-1] // BUNDLE
    cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(found.tile)]
    return list(pairwise(cuts))


def vector_tiles(
    level: Level, ids: Ids, placed: Placed, about: Attributes, scheduler: Scheduler, *, compress: bool = True
) -> Iterator[Tile]:
    """Make the vector tiles of a level, zoom by zoom, in Hilbert's order.

    Parameters
    ----------
    level : Level
        Its cells and zooms.
    ids : ndarray of uint64, shape (cell,)
        The cells.
    placed : Placed
        Where they lie.
    about : Attributes
        What the features carry.
    scheduler : Scheduler
        Where; the bytes do not depend on it.
    compress : bool
        By gzip, as PMTiles and MBTiles expect.
    """
    words, word_at = word_table(WORDS)
    shared: dict[str, Any] = {
        "ring": placed.ring,
        "fid": feature_ids(level.grid, ids)[placed.cell],
        "codes": about.codes if len(placed.cell) == len(ids) else about.codes[placed.cell],
        "kind": about.kind,
        "head": layer_head(level.layer, list(about.keys)),
        "words": words,
        "word_at": word_at,
    }
    for zoom in range(level.min_zoom, level.max_zoom + 1):
        found = cover(placed.ring, zoom)
        made = map_shared(
            functools.partial(_bundle, zoom, compress), {**shared, "cover": found}, bundles(found), scheduler
        )
        for (column, row), data in zip(found.tile.tolist(), chain.from_iterable(made), strict=True):
            yield Tile(zoom, column, row, data)


def _bundle(zoom: int, compress: bool, shared: Mapping[str, Any], piece: tuple[int, int]) -> list[bytes]:
    first, last = piece
    tile, start, row = shared["cover"]
    pairs = slice(int(start[first]), int(start[last]))
    made = encode_tiles(
        shared["ring"],
        np.asarray(start[first : last + 1]) - start[first],
        np.asarray(row[pairs]),
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
