"""``civigrid picture``: files of cells to pictures."""

import xml.etree.ElementTree as ET

import geopandas as gpd
import numpy as np
import pytest
import shapely
from commands import answer_of, call
from typer.testing import CliRunner

from civigrid.cells import make_cells
from civigrid.cli import app
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.io.geoparquet import write_geoparquet
from civigrid.release import public_grid, release
from civigrid.run.picture import PictureJob
from civigrid.types import Column

KM = SquareGrid(cell_size_m=1000)


@pytest.fixture
def file(tmp_path):
    """Two counts and a total on 10 x 10 cells, written."""
    row, col = np.divmod(np.arange(100), 10)
    about = {"a": Column(long_name="Pupils", reference_date="2020"), "b": Column(long_name="Teachers"), "all": Column()}
    values = {"a": np.arange(100.0), "b": np.arange(100.0)[::-1].copy(), "all": np.full(100, 120.0)}
    path = tmp_path / "town.parquet"
    write_geoparquet(
        release(make_cells(KM, KM.from_row_col(3000 + row, 4000 + col), values, about), public_grid()), path
    )
    return path


def test_a_map(file, tmp_path):
    """One variable, hidden below 10, told as JSON."""
    found = answer_of("picture", file, "--value", "a", "--out", tmp_path / "map.png", "--dpi", 72)

    assert (tmp_path / "map.png").read_bytes()[:4] == b"\x89PNG"
    assert found["title"] == "Pupils"
    assert found["maps"] == found["cells_per_pixel"] == 1
    assert found["missing"] == [{"label": "suppressed to protect people", "cells": 9}]
    assert sum(row["cells"] for row in found["classes"]) == 91


def test_several_values_and_files(file, tmp_path):
    """Each value of each file is a map; labels stand above them."""
    out = tmp_path / "maps.svg"
    words = ["--label", "A & <b>", "--label", "B", "--label", "C", "--label", "D"]
    found = answer_of("picture", file, file, "--value", "a", "--value", "b", "--out", out, "--dpi", 72, *words,
                      "--title", "School", "--lang", "de", "--breaks", "20,40", "--columns", 2,
                      "--profile", "public-grid", "--credit", "© Town")  # fmt: skip
    text = "".join(ET.fromstring(out.read_text(encoding="utf-8")).itertext())

    assert found["maps"] == 4
    assert found["breaks"] == [20, 40]
    assert "A & <b>" in text
    assert "© Town" in text
    assert "Gleiche Klassen" in text


def test_shares_of_a_total(file, tmp_path):
    """Parts of a count are drawn as its shares; where a part is hidden, so is its share."""
    shares = ["--value", "a", "--share-of", "all", "--out", tmp_path / "share.png", "--dpi", 72]
    hidden = answer_of("picture", file, *shares)
    shown = answer_of("picture", file, *shares, "--profile", "public-grid")

    assert shown["title"] == "Share: Pupils"
    assert all("%" in row["label"] for row in shown["classes"])
    assert sum(row["cells"] for row in shown["missing"]) == 0
    assert hidden["missing"][0]["cells"] >= 9
    assert not {0.3, 0.5} & set(shown["breaks"])


def test_lines_and_services(file, tmp_path):
    """An outline and services from files; what is printed names the file."""
    box = shapely.box(4_002_000, 3_002_000, 4_006_000, 3_006_000)
    gpd.GeoDataFrame(geometry=[box], crs="EPSG:3035").to_file(tmp_path / "line.gpkg")
    points = gpd.points_from_xy([4_003_500, 4_005_500], [3_003_500] * 2)
    gpd.GeoDataFrame({"kind": ["school", "clinic"]}, geometry=points, crs="EPSG:3035").to_file(tmp_path / "sites.gpkg")
    out = tmp_path / "map.pdf"
    said = call("picture", file, "--value", "a", "--out", out, "--dpi", 72, "--dark",
                "--outline", tmp_path / "line.gpkg", "--sites", tmp_path / "sites.gpkg")  # fmt: skip

    assert out.read_bytes().startswith(b"%PDF")
    assert "1 map in" in said
    assert "suppressed to protect people" in said


def test_files_without_dates_are_told_apart_by_name(file, tmp_path):
    """Two plans of one date have their files' names above them."""
    other = tmp_path / "plan.parquet"
    other.write_bytes(file.read_bytes())
    out = tmp_path / "maps.svg"
    call("picture", file, other, "--value", "a", "--out", out, "--dpi", 72)
    text = "".join(ET.fromstring(out.read_text(encoding="utf-8")).itertext())

    assert "town" in text
    assert "plan" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--value", "a", "--out", "map.gif"], "a picture is written as .png, .svg, .pdf"),
        (["--value", "a", "--out", "map.png", "--label", "x", "--label", "y"], "2 labels for 1 maps"),
        (["--value", "a", "--out", "map.png", "--breaks", "a,b"], "give numbers"),
        (["--value", "z", "--out", "map.png"], "'z'"),
        (["--value", "a", "--share-of", "z", "--out", "map.png"], "'z'"),
        (["--value", "a", "--uncertain", "-1", "--out", "map.png"], "must be above 0"),
        (["--value", "a", "--out", "map.png", "--scheme", "jet"], "jet"),
    ],
)
def test_refusals(file, words, message, tmp_path, monkeypatch):
    """What cannot be is said before anything is written."""
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(app, ["picture", str(file), *words])

    assert found.exit_code != 0
    assert message in f"{found.output} {found.exception}"
    assert not list(tmp_path.glob("map.*"))


def test_a_job_without_values(tmp_path):
    """A picture of nothing is refused."""
    with pytest.raises(SchemaError, match="at least one"):
        PictureJob(files=(tmp_path / "a.parquet",), values=(), out=tmp_path / "a.png")
