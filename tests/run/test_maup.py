"""The MAUP audit from the shell: table, figure, map, JSON, and what is refused before any work."""

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import box
from typer.testing import CliRunner

from civigrid.cells import make_cells
from civigrid.cli import app
from civigrid.errors import SchemaError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.parts import save_cells
from civigrid.run.maup import MaupJob, run_maup, summary_lines
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=1000)


@pytest.fixture
def town(tmp_path):
    """Twelve by twelve cells near Heidelberg, two halves, and areas of six by six without the last row of them."""
    rng = np.random.default_rng(5)
    row, col = (v.ravel() for v in np.indices((12, 12)))
    size = rng.integers(20, 300, 144)
    a = rng.binomial(size, 0.1 + 0.04 * row)
    values = {"a": a.astype(float), "b": (size - a).astype(float), "all": size.astype(float)}
    about = {n: Column(long_name=f"Group {n}") for n in ("a", "b")} | {"all": Column(long_name="Residents")}
    halves = np.where(row < 6, "south", "north")
    cells = make_cells(
        GRID, GRID.from_row_col(2930 + row, 4200 + col), values, about, labels={"half": halves, "third": col % 3}
    )
    path = tmp_path / "town.cells"
    save_cells(cells.assign(third=("cell", cells["third"].to_numpy().astype(str), {"kind": "label"})), path)
    corners = [(4200 + 6 * i, 2930 + 6 * j) for i in range(2) for j in range(2)][:3]
    shapes = [box(1000 * x, 1000 * y, 1000 * (x + 6), 1000 * (y + 6)) for x, y in corners]
    gpd.GeoDataFrame({"ID": ["p", "q", "r"]}, geometry=shapes, crs="EPSG:3035").to_file(tmp_path / "areas.gpkg")
    return path


def test_one_command(town, tmp_path):
    """Table, figure and map are written, in new folders too; JSON tells the rows; sentences say what moves an index."""
    out, figure, page = (tmp_path / "o" / name for name in ("t.csv", "f.svg", "m.html"))
    areas = f"quarters={tmp_path / 'areas.gpkg'}:ID"
    command = ["maup", str(town), "--groups", "a,b", "--zones", "half", "--sizes", "1,2,3", "--h3", "6,7"]
    command += ["--areas", areas, "--out", str(out), "--figure", str(figure), "--map", str(page), "--group", "a"]
    told = CliRunner().invoke(app, [*command, "--json"])
    found = json.loads(told.stdout)
    table = pd.read_csv(out)
    divisions = [json.loads(p)["division"] for p in table[table["index"] == "D_multi"]["parameters"]][:7]

    assert told.exit_code == 0
    assert found["cells"] == 144
    assert found["settings"] == 14
    assert len(found["rows"]) == len(table)
    assert divisions == ["squares"] * 3 + ["half", "H3 res 6", "H3 res 7", "quarters"]
    assert set(table["zone"]) == {"all", "south", "north"}
    assert "quarters holds" in found["findings"][0]
    assert "Group a" in figure.read_text()
    assert "Whose class holds?" in page.read_text()
    more = CliRunner().invoke(app, [*command[:8], "--covariate", "b"]).stdout
    assert "correlation:b" in more
    assert "sign changes" in more
    plain = CliRunner().invoke(app, [*command[:8], "--where", "third=1"]).stdout
    assert "48 cells of eu-laea-1km" in plain
    assert "moved by scale" in plain
    assert "class holds" in plain


def test_inside_divides_the_same_people(town, tmp_path):
    """With --inside every division is of the people whom the areas hold."""
    job = MaupJob(cells=town, groups=("a", "b"), areas=(f"{tmp_path / 'areas.gpkg'}:ID",), inside=True, indices=("D",))
    found = run_maup(job)
    persons = {r["persons"] for r in found["rows"] if r["index"] == "D"}

    assert found["cells"] == 108
    assert found["findings"] == []
    assert len(persons) == 1


def test_disclosure_control_reaches_the_table(town):
    """Rows of few persons lose their figures; the map's counts pass the same profile; summary lines bear the gaps."""
    from civigrid.release import min_count

    job = MaupJob(cells=town, groups=("a", "b"), indices=("D",), profile=min_count(10**7))
    found = run_maup(job)

    assert {r["estimate"] for r in found["rows"] if r["index"] == "D"} == {None}
    assert summary_lines(found["rows"])[0].startswith("class holds  a")


def test_told_step_by_step(town, tmp_path):
    """The bar hears of reading, of every setting, and of drawing."""
    told = []
    job = MaupJob(cells=town, groups=("a",), total="all", indices=("D",), figure=tmp_path / "f.png")
    run_maup(job, lambda what, done, of: told.append((what, done, of)))

    assert told[0] == ("read cells", 0, 1)
    assert ("cut cells", 80, 80) in told
    assert told[-1] == ("draw figure", 0, 1)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--sizes", "1,x"], "numbers with commas"),
        (["--sizes", "1.5"], "whole numbers"),
        (["--figure", "f.pdf"], "suffix must be"),
        (["--out", "t.xlsx"], "suffix must be"),
        (["--group", "z"], "none of a, b"),
        (["--where", "half"], "LABEL=VALUE"),
        (["--where", "half=west"], "no cell has"),
        (["--where", "a=1"], "is no label"),
        (["--zones", "a"], "no label"),
        (["--areas", "areas.gpkg"], "name the column"),
        (["--covariate", "all=count"], "NAME=rate"),
    ],
)
def test_refused(town, more, words):
    """Each wrong option is named, with what would be right."""
    result = CliRunner().invoke(app, ["maup", str(town), "--groups", "a,b", *more])

    assert isinstance(result.exception, ValueError)
    assert words in str(result.exception)


def test_areas_elsewhere_and_hexagons(town, tmp_path):
    """Areas that hold no cell, and cells that are hexagons, are refused."""
    far = gpd.GeoDataFrame({"ID": ["x"]}, geometry=[box(4_900_000, 2_900_000, 4_910_000, 2_910_000)], crs="EPSG:3035")
    far.to_file(tmp_path / "far.gpkg")
    with pytest.raises(SchemaError, match="no cell lies inside"):
        run_maup(MaupJob(cells=town, groups=("a", "b"), areas=(f"{tmp_path / 'far.gpkg'}:ID",), inside=True))
    ids = H3Grid(8).cell_at(np.array([[8.6, 49.4]]))
    save_cells(
        make_cells(H3Grid(8), ids, {"a": [1.0], "b": [2.0]}, dict.fromkeys("ab", Column())), tmp_path / "h.cells"
    )
    with pytest.raises(SchemaError, match="starts from square cells"):
        run_maup(MaupJob(cells=tmp_path / "h.cells", groups=("a", "b")))


@pytest.mark.browser
def test_the_map_in_a_browser(town, tmp_path, chromium):
    """No request leaves, nothing fails; the legend says robust, the tooltip in words."""
    from playwright.sync_api import sync_playwright

    run_maup(MaupJob(cells=town, groups=("a", "b"), page=tmp_path / "m.html"))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 900, "height": 600})
        asked, failed = [], []
        page.on("request", lambda r: asked.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None)
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.goto((tmp_path / "m.html").as_uri())
        page.wait_for_function("window.civigrid && civigrid.map && Object.values(civigrid.stores)[0].done")
        legend = page.inner_text(".cg-legend")
        page.mouse.move(450, 320)
        tip = page.inner_text(".cg-tip")
        browser.close()

    assert asked == failed == []
    assert "Robust" in legend
    assert any(word in tip for word in ("robust", "scale-dependent", "fragile"))
