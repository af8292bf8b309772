"""Archives of tiles read back: what was written, and nothing where a file is broken or wants to harm."""

import gzip
import json
import random
import sqlite3
from contextlib import closing

import pytest

from civigrid.errors import SourceError
from civigrid.io.tile_archives import gunzip, open_tiles, tile_number
from civigrid.tiles.archives import Contents, tile_id, write_mbtiles, write_pmtiles
from civigrid.tiles.vector import Tile
from civigrid.types import Bounds

ABOUT = {"name": "n", "description": "", "attribution": "", "vector_layers": [{"id": "a", "fields": {}}]}
CONTENTS = Contents(kind="mvt", bounds=Bounds(9, 50, 10, 51), min_zoom=0, max_zoom=8, metadata=ABOUT)


def tiles(count=None):
    """Tiles of zooms 0 to 8 in the order of an archive, most of them different, some alike one after the other."""
    made = [Tile(z, x, y, b"") for z in range(9) for x in range(2**z) for y in range(2**z) if (x * 7 + y) % 3]
    made = sorted(made, key=lambda t: tile_number(t.zoom, t.column, t.row))[:count]
    return [Tile(t.zoom, t.column, t.row, gzip.compress(b"%d" % (k // 2), mtime=0)) for k, t in enumerate(made)]


@pytest.fixture(scope="module", params=[(".pmtiles", write_pmtiles), (".mbtiles", write_mbtiles)], ids=["pm", "mb"])
def archive(request, tmp_path_factory):
    """An archive so large that PMTiles need a second level of directories."""
    suffix, write = request.param
    path = tmp_path_factory.mktemp("a") / f"t{suffix}"
    made = tiles()
    write(path, made, lambda: CONTENTS)
    return open_tiles(path), made


def test_every_tile_comes_back(archive):
    """By number or by row, through leaf directories and runs of equal tiles; what is not there is None."""
    found, made = archive
    known = {(t.zoom, t.column, t.row): t.data for t in made}
    assert len(made) > 50_000
    for t in random.Random(0).sample(made, 2_000):
        assert found.tile(t.zoom, t.column, t.row) == t.data
    for z, x, y in ((8, 0, 0), (5, 1, 2), (9, 0, 0), (0, 0, 0)):
        assert found.tile(z, x, y) == known.get((z, x, y))
    assert (found.min_zoom, found.max_zoom, found.bounds) == (0, 8, Bounds(9, 50, 10, 51))
    assert (found.format, found.gzipped, found.layers) == ("mvt", True, ("a",))


def test_numbers_are_those_of_the_writer():
    """Two ways along Hilbert's curve, one number."""
    for _ in range(500):
        z = random.randrange(0, 27)
        x, y = random.randrange(2**z), random.randrange(2**z)
        assert tile_number(z, x, y) == tile_id(Tile(z, x, y, b""))


def test_a_broken_archive_is_told(tmp_path):
    """Whatever byte is wrong: an error of ours or a tile, never a crash or a wait without end."""
    path = tmp_path / "t.pmtiles"
    write_pmtiles(path, tiles(300), lambda: CONTENTS)
    whole, chance = path.read_bytes(), random.Random(1)
    for k in range(300):
        data = bytearray(whole[: chance.randrange(len(whole))] if k % 3 == 0 else whole)
        for _ in range(chance.randrange(1, 6)):
            if data:
                data[chance.randrange(min(len(data), 400))] = chance.randrange(256)
        path.write_bytes(bytes(data))
        read = refused = 0
        for z, x, y in ((0, 0, 0), (3, 1, 2), (4, 3, 3)):
            try:
                open_tiles(path).tile(z, x, y)
                read += 1
            except SourceError as error:
                refused += "t.pmtiles" in str(error)
        assert read + refused == 3


def test_what_inflates_without_end_is_refused():
    """A bomb of a gigabyte in a megabyte costs no more than what is allowed."""
    bomb = gzip.compress(b"\0" * 3_000_000)
    with pytest.raises(ValueError, match="more than 1,000,000 bytes"):
        gunzip(bomb, 1_000_000)
    assert gunzip(gzip.compress(b"a" * 10), 10) == b"a" * 10


@pytest.mark.parametrize(
    "change",
    [{"format": "gif"}, {"bounds": "nan,0,1,1"}, {"bounds": "5,0,1,1"}, {"bounds": "a"}, {"maxzoom": "99"},
     {"minzoom": "9"}, {"json": "{"}, {"format": None}],
)  # fmt: skip
def test_metadata_that_cannot_be_are_refused(tmp_path, change):
    """Unknown format, bounds that are none, zooms too deep, no JSON."""
    about = {"format": "pbf", "bounds": "0,0,1,1", "minzoom": "0", "maxzoom": "5", "json": json.dumps(ABOUT)} | change
    with closing(sqlite3.connect(tmp_path / "t.mbtiles")) as base:
        base.execute("CREATE TABLE metadata (name text, value text)")
        base.execute("CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)")
        base.executemany("INSERT INTO metadata VALUES (?, ?)", [(k, v) for k, v in about.items() if v is not None])
        base.commit()

    with pytest.raises(SourceError, match=r"t\.mbtiles is no archive"):
        open_tiles(tmp_path / "t.mbtiles")


def test_an_archive_of_nothing_is_read(tmp_path):
    """No tile, and none is found."""
    write_pmtiles(tmp_path / "t.pmtiles", [], lambda: CONTENTS)

    assert open_tiles(tmp_path / "t.pmtiles").tile(0, 0, 0) is None


def test_an_archive_that_is_gone_is_told_without_its_place(tmp_path):
    """The message goes to clients: it names the file, not the folder."""
    for name in ("t.pmtiles", "t.mbtiles"):
        with pytest.raises(SourceError) as told:
            open_tiles(tmp_path / name)
        assert name in str(told.value)
        assert str(tmp_path) not in str(told.value)
