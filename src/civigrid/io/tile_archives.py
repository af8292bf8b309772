"""Read tiles one by one out of a PMTiles archive or an MBTiles database, and what these say of themselves."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from civigrid.errors import SourceError
from civigrid.types import Bounds

TILE_SUFFIXES = (".pmtiles", ".mbtiles")
"""Suffixes of archives of tiles."""
LARGEST = 64 << 20
"""Bytes that a directory or the metadata may deflate to: a file that claims more is broken, or wants to harm."""
_HEADER = struct.Struct("<7sB11QBBBBBBiiiiBii")
_FORMATS = {1: "mvt", 2: "png", 3: "jpeg", 4: "webp", 5: "avif"}
_GZIP = 2
DEEPEST_ZOOM = 30
"""Deeper tiles are smaller than a centimetre of the ground."""
_KEPT = 64
"""Directories that an archive keeps once they were read."""
_DEEPEST = 4
"""Directories from the root down that are followed (PMTiles version 3 writers make one or two)."""
MEDIA_TYPES = {
    "mvt": "application/vnd.mapbox-vector-tile",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
}
"""Media type of a tile, by its format."""


@dataclass(kw_only=True)
class TileArchive(ABC):
    """An archive of tiles, open for reading.

    Parameters
    ----------
    path : Path
        The file.
    format : str
        ``mvt``, ``png``, ``jpeg``, ``webp`` or ``avif``.
    gzipped : bool
        Whether its tiles are deflated as they lie there.
    min_zoom, max_zoom : int
        Zooms.
    bounds : Bounds
        Longitude and latitude.
    metadata : mapping
        What it says of itself.
    """

    path: Path
    format: str
    gzipped: bool
    min_zoom: int
    max_zoom: int
    bounds: Bounds
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of its vector layers."""
        given = self.metadata.get("vector_layers")
        found = given if isinstance(given, list) else []
        return tuple(str(v["id"]) for v in found if isinstance(v, dict) and "id" in v)

    @property
    def media_type(self) -> str:
        """Media type of a tile."""
        return MEDIA_TYPES[self.format]

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """Give a tile as it lies there, row `y` counted from the top; None where there is none.

        Raises
        ------
        SourceError
            The archive is broken at this place.
        """
        with _told(self.path):
            return self._tile(z, x, y)

    @abstractmethod
    def _tile(self, z: int, x: int, y: int) -> bytes | None:
        """Read a tile."""


def open_tiles(path: Path) -> TileArchive:
    """Open an archive of tiles by its suffix.

    Parameters
    ----------
    path : Path
        ``.pmtiles`` or ``.mbtiles``.

    Returns
    -------
    TileArchive
        Of either kind.

    Raises
    ------
    SourceError
        The file is not what its suffix claims, or holds no tiles that a browser shows.

    Notes
    -----
    PMTiles specification version 3 (Protomaps, 2022); MBTiles specification 1.3 (Mapbox, 2018).
    """
    with _told(path):
        return _checked(_open_pmtiles(path) if path.suffix == ".pmtiles" else _open_mbtiles(path))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say of any fault of a file which file it is."""
    try:
        yield
    except SourceError:
        raise
    except (OSError, struct.error, zlib.error, sqlite3.Error, ValueError, KeyError, IndexError) as error:
        # the system's own words name the whole path
        words = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f"{path.name} is no archive of tiles that can be read ({words}). Make it again.") from error


def _checked(archive: TileArchive) -> TileArchive:
    """Refuse what no client could use."""
    west, south, east, north = archive.bounds
    if not 0 <= archive.min_zoom <= archive.max_zoom <= DEEPEST_ZOOM:
        raise ValueError(f"zooms {archive.min_zoom} to {archive.max_zoom}")
    # false also where one of them is no number
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError("bounds that are none")
    return archive


def gunzip(data: bytes, largest: int = LARGEST) -> bytes:
    """Inflate gzip, but no more than `largest` bytes of it.

    Raises
    ------
    ValueError
        It would be more.
    """
    stream = zlib.decompressobj(wbits=31)
    found = stream.decompress(data, largest)
    if stream.unconsumed_tail:
        raise ValueError(f"more than {largest:,} bytes when inflated")
    return found


def tile_number(z: int, x: int, y: int) -> int:
    """Number of a tile in PMTiles: lower zooms first, then along Hilbert's curve (specification, section 4.1).

    >>> [tile_number(1, *xy) for xy in ((0, 0), (0, 1), (1, 1), (1, 0))]
    [1, 2, 3, 4]
    """
    along, side = 0, 1 << z
    half = side >> 1
    while half:
        right, low = int(bool(x & half)), int(bool(y & half))
        along += half * half * ((3 * right) ^ low)
        if not low:
            if right:
                x, y = half - 1 - (x & (half - 1)), half - 1 - (y & (half - 1))
            x, y = y, x
        half >>= 1
    return ((1 << 2 * z) - 1) // 3 + along


class _PMTiles(TileArchive):
    """A PMTiles archive: only the pieces that are asked for are read."""

    spans: tuple[int, ...]
    deflated: bool
    known: dict[int, list[Entry]]

    def _tile(self, z: int, x: int, y: int) -> bytes | None:
        if not self.min_zoom <= z <= self.max_zoom:
            return None
        wanted, (at, size) = tile_number(z, x, y), self.spans[:2]
        leaves, tiles = self.spans[4], self.spans[6]
        with self.path.open("rb") as stream:
            for _ in range(_DEEPEST):
                entry = _find(self._entries(stream, at, size), wanted)
                if entry is None:
                    return None
                _, run, size, offset = entry
                if run:
                    return _read(stream, tiles + offset, size, False)
                at = leaves + offset
        return None

    def _entries(self, stream: Any, at: int, size: int) -> list[Entry]:
        found = self.known.get(at)
        if found is None:
            found = _directory(_read(stream, at, size, self.deflated))
            if len(self.known) >= _KEPT:
                self.known.clear()
            self.known[at] = found
        return found


def _read(stream: Any, at: int, size: int, deflated: bool) -> bytes:
    if size > LARGEST:
        raise ValueError(f"a piece of {size:,} bytes")
    stream.seek(at)
    data: bytes = stream.read(size)
    if len(data) < size:
        raise ValueError("the file ends before its pieces do")
    return gunzip(data) if deflated else data


def _open_pmtiles(path: Path) -> TileArchive:
    with path.open("rb") as stream:
        magic, version, *rest = _HEADER.unpack(stream.read(_HEADER.size))
        if magic != b"PMTiles" or version != 3:
            raise ValueError("it does not begin as PMTiles of version 3")
        spans, (_, inner, outer, kind, low, high, *box) = tuple(rest[:11]), rest[11:]
        if inner not in (1, _GZIP) or outer not in (0, 1, _GZIP):
            raise ValueError("a compression that is not gzip")
        about = json.loads(_read(stream, spans[2], spans[3], inner == _GZIP) or b"{}")
    west, south, east, north = (v / 1e7 for v in box[:4])
    archive = _PMTiles(
        path=path,
        format=_FORMATS[kind],
        gzipped=outer == _GZIP,
        min_zoom=low,
        max_zoom=high,
        bounds=Bounds(west, south, east, north),
        metadata=about if isinstance(about, dict) else {},
    )
    archive.spans, archive.deflated, archive.known = spans, inner == _GZIP, {}
    return archive


Entry = tuple[int, int, int, int]
"""First tile, how many tiles alike (0: a directory), bytes, offset."""


def _directory(data: bytes) -> list[Entry]:
    """Entries of a directory: four columns of variable-length numbers (specification, section 5.2)."""
    numbers = _varints(data)
    n = next(numbers)
    if n > len(data):
        raise ValueError("a directory longer than its bytes")
    steps, runs, sizes, places = ([next(numbers) for _ in range(n)] for _ in range(4))
    entries: list[Entry] = []
    first = end = 0
    for step, run, size, place in zip(steps, runs, sizes, places, strict=True):
        first += step
        offset = place - 1 if place else end
        entries.append((first, run, size, offset))
        end = offset + size
    return entries


def _varints(data: bytes) -> Any:
    value = shift = 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value
            value = shift = 0
    raise ValueError("a directory that ends too early")


def _find(entries: list[Entry], wanted: int) -> Entry | None:
    """Last entry that begins at or before a tile, if it reaches it."""
    low, high = 0, len(entries)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if entries[middle][0] <= wanted else (low, middle)
    if not low:
        return None
    entry = entries[low - 1]
    return entry if not entry[1] or wanted < entry[0] + entry[1] else None


class _MBTiles(TileArchive):
    """An MBTiles database, opened for reading only, anew for each tile: threads share nothing."""

    def _tile(self, z: int, x: int, y: int) -> bytes | None:
        # MBTiles count rows from the bottom
        query = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
        with closing(_database(self.path)) as base:
            row = base.execute(query, (z, x, (1 << z) - 1 - y)).fetchone()
        return bytes(row[0]) if row else None


def _database(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)


def _open_mbtiles(path: Path) -> TileArchive:
    with closing(_database(path)) as base:
        about = {str(k): str(v) for k, v in base.execute("SELECT name, value FROM metadata")}
        first = base.execute("SELECT tile_data FROM tiles LIMIT 1").fetchone()
        zooms = base.execute("SELECT min(zoom_level), max(zoom_level) FROM tiles").fetchone()
    said = {"pbf": "mvt", "jpg": "jpeg"}.get(about["format"], about["format"])
    if said not in MEDIA_TYPES:
        raise ValueError(f"tiles of format {said!r}")
    box = [float(v) for v in about.get("bounds", "-180,-85.051129,180,85.051129").split(",")]
    more = json.loads(about.pop("json", "{}"))
    return _MBTiles(
        path=path,
        format=said,
        gzipped=bool(first) and bytes(first[0][:2]) == b"\x1f\x8b",
        min_zoom=int(about.get("minzoom", zooms[0] or 0)),
        max_zoom=int(about.get("maxzoom", zooms[1] or 0)),
        bounds=Bounds(*box),
        metadata=about | (more if isinstance(more, dict) else {}),
    )
