"""`civigrid tiles`: from a file of cells to tiles, in one command."""

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from commands import answer_of, call
from tile_reader import KM, town
from typer.testing import CliRunner

from civigrid.cells import make_cells
from civigrid.cli import app
from civigrid.release import public_grid
from civigrid.run.steps import write_cells_file
from civigrid.types import Column


@pytest.fixture
def cells(tmp_path):
    """A file of cells."""
    path = tmp_path / "town.cells"
    write_cells_file(town(), path, public_grid())
    return path


def test_an_archive_in_one_command(cells, tmp_path):
    """What is said fits what is there; small counts are hidden before anything is made."""
    out = tmp_path / "t.pmtiles"
    found = answer_of("tiles", cells, "--out", out, "--workers", 1)
    told = call("tiles", cells, "--out", out, "--workers", 1)

    assert found["bytes"] == out.stat().st_size
    assert found["profile"] == "min-count (10)" or "10" in found["profile"]
    assert found["suppressed"]["total"] > 0
    assert found["zooms"] == [0, 9]
    assert found["layers"]["cells_1km"] == 400
    assert "totals are equal on all levels" in told
    assert "index" in told


def test_zooms_columns_scheme_and_format(cells, tmp_path):
    """Each option does what it says."""
    some = answer_of("tiles", cells, "--out", tmp_path / "a.mbtiles", "--columns", "total,share", "--min-zoom", 4,
                     "--max-zoom", 6, "--scheme", "EuropeanETRS89_LAEAQuad")  # fmt: skip
    picture = answer_of("tiles", cells, "--out", tmp_path / "b", "--value", "total", "--format", "png")
    bare = answer_of("tiles", cells, "--out", tmp_path / "c.pmtiles", "--geometry-only")

    assert set(some["on_parents"]) == {"total", "share"}
    assert some["zooms"] == [4, 6]
    assert any("EPSG:3035" in note for note in some["notes"])
    assert (tmp_path / "b" / "0" / "0" / "0.png").is_file()
    assert picture["files"][-1] == "index.html"
    assert "c.values.parquet" in bare["files"]
    assert json.loads((tmp_path / "a.tilejson.json").read_text())["minzoom"] == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "gif"), "mvt"),
        (("--scheme", "Mercator"), "WebMercatorQuad"),
        (("--value", "nobody"), "nobody"),
        (("--min-zoom", "7", "--max-zoom", "3"), "zoom"),
        (("--format", "png"), "--value"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones(cells, tmp_path, words, said):
    """No tile is written, and the message says what would do."""
    found = CliRunner().invoke(app, ["tiles", str(cells), "--out", str(tmp_path / "t.pmtiles"), *words])

    assert found.exit_code != 0
    assert said in (found.output + str(found.exception))
    assert not (tmp_path / "t.pmtiles").exists()


def test_borders_carry_words_and_no_counts(tmp_path):
    """Districts become tiles with their names; a column of numbers is refused, and so are pictures."""
    shapes = gpd.GeoDataFrame(
        {"name": ["A", "B"], "n": [3, 900]}, geometry=shapely.box([9, 10], 48, [10, 11], 49), crs=4326
    )
    path, out = tmp_path / "districts.gpkg", tmp_path / "t.pmtiles"
    shapes.to_file(path)
    found = answer_of("tiles", path, "--out", out, "--columns", "name", "--max-zoom", 6, "--name", "districts")
    told = call("tiles", path, "--out", tmp_path / "folder", "--max-zoom", 3)

    assert (found["layers"], found["zooms"]) == ({"districts": 2}, [0, 6])
    assert found["bytes"] == out.stat().st_size
    assert "2 shapes" in told
    for words, said in ((("--columns", "n"), "counts"), (("--format", "png"), "vector tiles")):
        refused = CliRunner().invoke(app, ["tiles", str(path), "--out", str(tmp_path / "x.pmtiles"), *words])
        assert refused.exit_code != 0
        assert said in refused.output + str(refused.exception)


def test_cells_outside_the_scheme_are_told(tmp_path):
    """Cells east of 6,500 km are in no tile of LAEAQuad, and the answer says how many."""
    ids = KM.from_row_col(np.array([3000, 3000]), np.array([4000, 7000]))
    path = tmp_path / "far.cells"
    write_cells_file(make_cells(KM, ids, {"n": [50.0, 60.0]}, {"n": Column()}), path, public_grid())
    found = answer_of("tiles", path, "--out", tmp_path / "t", "--scheme", "EuropeanETRS89_LAEAQuad")

    assert found["outside"] == 1
    assert any("1 cells lie outside" in note or "outside" in note for note in found["notes"])
