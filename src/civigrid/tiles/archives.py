"""Tiles to a PMTiles archive, an MBTiles database or a folder: whole or not at all, equal tiles to equal bytes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, Literal

import numpy as np

from civigrid.errors import SchemaError
from civigrid.io.atomic import write_atomic, write_json
from civigrid.kernels.tile_cover import hilbert_distance
from civigrid.kernels.vector_tile import varint
from civigrid.tiles.vector import Tile, deflated
from civigrid.types import Bounds

ROOT_BYTES = 16_384 - 127
"""Header and root directory together: what one request fetches (PMTiles version 3, section 3)."""
LEAF = 4_096
SIGN = "civigrid"
"""Written as ``generator``: a folder with it may be replaced."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What an archive holds.

    Parameters
    ----------
    kind : {"mvt", "png"}
        Vector tiles or pictures.
    bounds : Bounds
        Longitude and latitude.
    min_zoom, max_zoom : int
        Zooms.
    metadata : dict
        JSON.
    """

    kind: Literal["mvt", "png"]
    bounds: Bounds
    min_zoom: int
    max_zoom: int
    metadata: dict[str, Any]

    @property
    def center(self) -> tuple[float, float]:
        """Middle of the bounds."""
        west, south, east, north = self.bounds
        return round((west + east) / 2, 5), round((south + north) / 2, 5)


@dataclass
class _Directory:
    """Entries of a PMTiles directory while tiles are written."""

    ids: list[int] = field(default_factory=list)
    runs: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    known: dict[bytes, int] = field(default_factory=dict)
    tiles: int = 0

    def add(self, tile_id: int, data: bytes, end: int) -> bool:
        """Note a tile; says whether its bytes are new and go to `end`."""
        self.tiles += 1
        key = blake2b(data, digest_size=20).digest()
        at = self.known.setdefault(key, end)
        if self.ids and self.offsets[-1] == at and at != end and tile_id == self.ids[-1] + self.runs[-1]:
            self.runs[-1] += 1
            return False
        for column, value in zip(
            (self.ids, self.runs, self.sizes, self.offsets), (tile_id, 1, len(data), at), strict=True
        ):
            column.append(value)
        return at == end

    def packed(self, first: int, last: int) -> bytes:
        return _packed(self.ids[first:last], self.runs[first:last], self.sizes[first:last], self.offsets[first:last])

    def directories(self) -> tuple[bytes, bytes]:
        """Root and leaves; without leaves where the root is small enough."""
        root, n, size = self.packed(0, len(self.ids)), len(self.ids), LEAF
        leaves = b""
        while len(root) > ROOT_BYTES:
            parts = [self.packed(k, min(k + size, n)) for k in range(0, n, size)]
            at = np.cumsum([0, *map(len, parts)]).tolist()
            root = _packed(self.ids[::size], [0] * len(parts), [len(p) for p in parts], at[:-1])
            leaves, size = b"".join(parts), size * 2
        return root, leaves


def _packed(ids: list[int], runs: list[int], sizes: list[int], offsets: list[int]) -> bytes:
    ends = [-1, *(o + s for o, s in zip(offsets, sizes, strict=True))]
    steps = np.diff(np.array(ids, dtype=np.int64), prepend=0).tolist()
    places = [0 if o == e else o + 1 for o, e in zip(offsets, ends[:-1], strict=True)]
    return deflated(b"".join(map(varint, [len(ids), *steps, *runs, *sizes, *places])))


def tile_id(tile: Tile) -> int:
    """Id of a tile in PMTiles: those of lower zooms first, then along Hilbert's curve.

    >>> tile_id(Tile(1, 1, 0, b""))
    4
    """
    before: int = (4**tile.zoom - 1) // 3
    return before + int(hilbert_distance(np.array([[tile.column, tile.row]]), tile.zoom)[0])


def write_pmtiles(path: Path, tiles: Iterable[Tile], contents: Callable[[], Contents]) -> int:
    """Write a PMTiles archive, version 3, clustered; gives the number of tiles.

    Parameters
    ----------
    path : Path
        ``.pmtiles``.
    tiles : iterable of Tile
        In the order of `tile_id`.
    contents : callable
        Asked when all tiles are written.

    References
    ----------
    Protomaps, PMTiles version 3 specification (2022).
    """
    directory = _Directory()

    def write(temporary: Path) -> None:
        with TemporaryFile(dir=path.parent) as body:
            for tile in tiles:
                if directory.add(tile_id(tile), tile.data, body.tell()):
                    body.write(tile.data)
            about, size = contents(), body.tell()
            root, leaves = directory.directories()
            metadata = deflated(_json(about.metadata))
            at = np.cumsum([127, len(root), len(metadata), len(leaves)]).tolist()
            counts = (directory.tiles, len(directory.ids), len(directory.known))
            spans = [at[0], len(root), at[1], len(metadata), at[2], len(leaves), at[3], size, *counts]
            with temporary.open("wb") as stream:
                stream.write(_header(spans, about) + root + metadata + leaves)
                body.seek(0)
                shutil.copyfileobj(body, stream)

    write_atomic(path, write)
    return directory.tiles


def _header(spans: list[int], about: Contents) -> bytes:
    """The 127 bytes of the header; tiles that are pictures are not compressed again."""
    west, south, east, north = (round(v * 1e7) for v in about.bounds)
    compression, kind = (2, 1) if about.kind == "mvt" else (1, 2)
    out = b"PMTiles\x03" + b"".join(v.to_bytes(8, "little") for v in spans)
    out += bytes([1, 2, compression, kind, about.min_zoom, about.max_zoom])
    out += b"".join(v.to_bytes(4, "little", signed=True) for v in (west, south, east, north))
    out += bytes([about.min_zoom])
    return out + b"".join(round(v * 1e7).to_bytes(4, "little", signed=True) for v in about.center)


def _json(what: Any) -> bytes:
    return json.dumps(what, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def write_mbtiles(path: Path, tiles: Iterable[Tile], contents: Callable[[], Contents]) -> int:
    """Write an MBTiles database (specification 1.3: rows count from the bottom); gives the number of tiles."""
    n = 0

    def rows() -> Iterable[tuple[int, int, int, bytes]]:
        nonlocal n
        for tile in tiles:
            n += 1
            yield tile.zoom, tile.column, 2**tile.zoom - 1 - tile.row, tile.data

    def write(temporary: Path) -> None:
        with closing(sqlite3.connect(temporary)) as base:
            base.execute("PRAGMA journal_mode = OFF")
            base.execute("PRAGMA application_id = 1297105496")
            base.execute("CREATE TABLE metadata (name text, value text)")
            base.execute(
                "CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)"
            )
            base.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows())
            base.execute("CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row)")
            base.executemany("INSERT INTO metadata VALUES (?, ?)", _rows_of(contents()))
            base.commit()

    write_atomic(path, write)
    return n


def _rows_of(about: Contents) -> list[tuple[str, str]]:
    """The metadata table of MBTiles, sorted by name."""
    told = dict(about.metadata)
    fields = {"vector_layers": told.pop("vector_layers")} if "vector_layers" in told else {}
    texts = ("name", "description", "attribution", "type", "version")
    rows: dict[str, str] = {k: str(told.pop(k)) for k in texts if k in told}
    rows |= {
        "format": "pbf" if about.kind == "mvt" else "png",
        "bounds": ",".join(map(str, about.bounds)),
        "center": ",".join(map(str, (*about.center, about.min_zoom))),
        "minzoom": str(about.min_zoom),
        "maxzoom": str(about.max_zoom),
        "json": _json({**fields, **told}).decode("utf-8"),
    }
    return sorted(rows.items())


def write_folder(
    path: Path, tiles: Iterable[Tile], contents: Callable[[], Contents], more: Callable[[Path], None]
) -> int:
    """Write tiles as files ``zoom/column/row.pbf`` or ``.png`` with ``metadata.json``; gives the number of tiles.

    Parameters
    ----------
    path : Path
        The folder; one that holds tiles of ours is replaced at once, another is refused.
    tiles : iterable of Tile
        Not compressed: any web server can then hand them out.
    contents : callable
        Asked when all tiles are written.
    more : callable
        Puts further files into the folder before it takes its place.
    """
    _refuse_foreign(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    n = 0
    with TemporaryDirectory(dir=path.parent, prefix=".") as temporary:
        new, old = Path(temporary) / "new", Path(temporary) / "old"
        new.mkdir()
        for tile in tiles:
            suffix = "png" if tile.data[:4] == b"\x89PNG" else "pbf"
            file = new / str(tile.zoom) / str(tile.column) / f"{tile.row}.{suffix}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(tile.data)
            n += 1
        about = contents()
        write_json(new / "metadata.json", folder_metadata(about))
        more(new)
        if path.exists():
            path.rename(old)
        new.rename(path)
    return n


def folder_metadata(about: Contents) -> dict[str, Any]:
    """Metadata of a folder, as GDAL reads them."""
    told = dict(_rows_of(about))
    keep = {k: v for k, v in about.metadata.items() if k not in told and k != "vector_layers"}
    return {**told, **keep}


def _refuse_foreign(path: Path) -> None:
    if not path.exists():
        return
    found = path / "metadata.json"
    ours = found.is_file() and json.loads(found.read_text(encoding="utf-8")).get("generator") == SIGN
    if path.is_dir() and (ours or not any(path.iterdir())):
        return
    raise SchemaError(f"{path.name} exists and holds no tiles of civigrid's: name another folder, or remove it.")
