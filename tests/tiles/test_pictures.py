"""Tiles as pictures: a pixel is a cell, and what is missing is hatched."""

import io

import numpy as np
import pytest
from PIL import Image
from pmtiles.reader import MmapSource, Reader
from tile_reader import KM, town

from civigrid.cells import ids_of, make_cells, values_of
from civigrid.engine.execute import Scheduler
from civigrid.release import min_count, public_grid, release
from civigrid.tiles import TileOptions, make_tiles, write_tiles
from civigrid.tiles.pictures import STRIPES
from civigrid.types import Column


def pixels(data):
    """Red, green, blue and opacity."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def test_a_pixel_is_a_cell():
    """In the aligned quad at zoom 5 each cell is one pixel of the colour of its class, and no other is painted."""
    cells = town()
    options = TileOptions(values=("part",), pictures=True, scheme="EU1kmQuad")
    made = make_tiles(release(cells, public_grid()), options, Scheduler("serial"))
    deepest = {(t.column, t.row): pixels(t.data) for t in made.tiles() if t.zoom == 5}
    row, col = KM.row_col(ids_of(cells))
    classes = made.tables[-1].classes["part"]
    found = classes.of(values_of(cells, "part"))
    line = 8191 - row

    assert made.contents.max_zoom == 5
    assert sum(int((p[..., 3] > 0).sum()) for p in deepest.values()) == len(row)
    for k in range(len(row)):
        color = tuple(deepest[col[k] // 256, line[k] // 256][line[k] % 256, col[k] % 256])
        if found[k] < 0:
            assert color in STRIPES
        else:
            assert color == (*bytes.fromhex(classes.colors[found[k]][1:]), 255)


@pytest.mark.parametrize("scheme", ["WebMercatorQuad", "EuropeanETRS89_LAEAQuad"])
def test_full_squares_have_no_seam(scheme):
    """Inside a block of cells every pixel is painted, whatever the projection."""
    row, col = (v.ravel() for v in np.mgrid[3000:3040, 4300:4340])
    cells = make_cells(KM, KM.from_row_col(row, col), {"n": np.full(1600, 3.0)}, {"n": Column()})
    options = TileOptions(values=("n",), pictures=True, scheme=scheme)
    made = make_tiles(release(cells, public_grid()), options, Scheduler("serial"))
    for zoom in range(made.contents.max_zoom + 1):
        tiles = {(t.column, t.row): pixels(t.data)[..., 3] > 0 for t in made.tiles() if t.zoom == zoom}
        x, y = (np.array([t[k] for t in tiles]) for k in (0, 1))
        whole = np.zeros(((np.ptp(y) + 1) * 256, (np.ptp(x) + 1) * 256), dtype=bool)
        for (tx, ty), painted in tiles.items():
            whole[(ty - y.min()) * 256 :, (tx - x.min()) * 256 :][:256, :256] = painted
        for line in whole[whole.any(axis=1)]:
            first, last = np.flatnonzero(line)[[0, -1]]
            assert line[first : last + 1].all()


def test_pictures_go_into_archives_and_folders(tmp_path):
    """PMTiles of type PNG; a folder of files; a page beside both."""
    made = make_tiles(
        release(town(), public_grid()), TileOptions(values=("total",), pictures=True), Scheduler("serial")
    )
    said = write_tiles(made, tmp_path / "t.pmtiles")
    write_tiles(made, tmp_path / "folder")
    with (tmp_path / "t.pmtiles").open("rb") as stream:
        reader = Reader(MmapSource(stream))
        header, tile = reader.header(), reader.get(0, 0, 0)

    assert (header["tile_type"].name, header["tile_compression"].name) == ("PNG", "NONE")
    assert pixels(tile).shape == (256, 256, 4)
    assert said["tiles"] == len(list((tmp_path / "folder").rglob("*.png")))
    assert (tmp_path / "folder" / "index.html").is_file()
    assert "style.json" not in said["files"]


def test_a_rate_of_nobody_is_not_painted_and_a_hidden_one_is_hatched():
    """Nothing where nobody lives, stripes where the rate is withheld."""
    row = np.arange(3000, 3006)
    about = {"total": Column(), "share": Column(kind="intensive", units="1", weight="total", source="x")}
    values = {"total": [0.0, 5.0, 500.0, 600.0, 700.0, 800.0], "share": [np.nan, 0.2, 0.4, 0.4, 0.5, 0.5]}
    cells = release(make_cells(KM, KM.from_row_col(row, np.full(6, 4000)), values, about), min_count(10))
    options = TileOptions(values=("share",), pictures=True, scheme="EU1kmQuad", min_zoom=5)
    (tile,) = make_tiles(cells, options, Scheduler("serial")).tiles()
    painted = pixels(tile.data)[8191 - row - 256 * tile.row, 4000 % 256]
    striped = [tuple(color) in STRIPES for color in painted]

    assert painted[:, 3].tolist() == [0, 255, 255, 255, 255, 255]
    assert striped == (np.isnan(values_of(cells.data, "share")) & (row > 3000)).tolist()
    assert striped[1]
    assert not all(striped[2:])
