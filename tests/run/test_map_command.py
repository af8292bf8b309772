"""Maps from the shell: what they hold, what they tell, and errors that explain."""

import json
from functools import partial

import commands
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pages import ARGS, KM, LABELS, open_page, town
from typer.testing import CliRunner

from civigrid.cells import ids_of, make_cells, status_of, values_of
from civigrid.cli import app
from civigrid.errors import CivigridError, GridMismatchError, SchemaError, UnknownNameError
from civigrid.grid import SquareGrid
from civigrid.io.parts import save_cells
from civigrid.types import Column

call = partial(commands.call, "map")
answer = partial(commands.answer_of, "map")
HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A town before and after a library opens, on another grid, and without residents."""
    folder = tmp_path_factory.mktemp("maps")
    before = town()
    save_cells(before, folder / "before.cells")
    after = before.copy(deep=True)
    after["minutes"] = after["minutes"] - 5 * (np.arange(after.sizes["cell"]) % 3)
    save_cells(after, folder / "after.cells")
    grid = SquareGrid(cell_size_m=500)
    one = make_cells(grid, grid.from_row_col(np.array([6000]), np.array([9000])), {"minutes": [3.0]},
                     {"minutes": Column(kind="intensive", units="min")})  # fmt: skip
    save_cells(one, folder / "other.cells")
    return folder


def refused(*words):
    """The error of a command."""
    found = CliRunner().invoke(app, ["map", *map(str, words)])
    assert found.exit_code != 0
    return found.exception


def test_a_map_is_written_and_told(files, tmp_path):
    """One page with every variable; the answer says what it shows, what was hidden, and how large it is."""
    out = tmp_path / "map.html"
    found = answer(files / "before.cells", "--value", "minutes,people", "--value", "share_born", "--out", out)

    assert found["variables"] == ["minutes", "people", "share_born"]
    assert found["profile"].startswith("min-count")
    assert found["files"] == 1
    assert found["bytes"] == out.stat().st_size
    assert found["summary"][0].startswith("Minutes to the nearest library: from ")
    text = out.read_text(encoding="utf-8")
    assert text.count("civigrid.cellLayer(") == 3
    assert "Minutes to the nearest library" in text
    assert str(tmp_path) not in text


def test_small_counts_do_not_leave(files, tmp_path):
    """Counts below the threshold are suppressed in the page and counted in the answer; a public grid keeps them."""
    cells = town()
    few = int(((values_of(cells, "people") > 0) & (values_of(cells, "people") < 60)).sum())
    strict = answer(files / "before.cells", "--value", "people", "--threshold", "60", "--out", tmp_path / "a.html")
    public = answer(
        files / "before.cells", "--value", "people", "--profile", "public-grid", "--out", tmp_path / "b.html"
    )

    assert strict["suppressed"]["people"] >= few > 0
    assert public["suppressed"] == {}
    assert f"hidden   {strict['suppressed']['people']}" in call(
        files / "before.cells", "--value", "people", "--threshold", "60", "--out", tmp_path / "a.html"
    )


def test_equal_commands_give_equal_bytes(files, tmp_path):
    """Neither time nor the place of the output is in a page."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        call(files / "before.cells", "--value", "minutes", "--out", tmp_path / name / "map.html")

    assert (tmp_path / "a" / "map.html").read_bytes() == (tmp_path / "b" / "map.html").read_bytes()


def test_two_files_are_compared(files, tmp_path):
    """Gains by hand: two thirds of the cells get five or ten minutes nearer, by released counts."""
    out = tmp_path / "map.html"
    words = (files / "before.cells", "--compare", files / "after.cells", "--value", "minutes", "--out", out)
    found = answer(*words, "--profile", "public-grid", "--way", "difference", "--groups", "people")
    people = values_of(town(), "people")
    nearer = people[np.arange(len(people)) % 3 > 0].sum()

    row = found["gains"][0]
    assert (row["group"], row["gain"], row["lose"]) == ("people", nearer, 0.0)
    assert found["variables"] == ["minutes", "minutes_compared", "minutes_change"]
    text = out.read_text(encoding="utf-8")
    assert '"labels": ["before", "after"]' in text
    assert '"mode": "difference"' in text
    assert "gain, " in call(*words)


def test_german_sides_and_classes(files, tmp_path):
    """Labels of one's own, breaks for both sides, German words in page and answer."""
    out = tmp_path / "map.html"
    found = answer(
        files / "before.cells", "--compare", files / "after.cells", "--value", "minutes", "--out", out,
        "--labels", f"Heute,{HOSTILE}", "--breaks", "10,20", "--lang", "de",
    )  # fmt: skip
    text = out.read_text(encoding="utf-8")

    assert "Hälfte" in found["summary"][0]
    assert '<html lang="de"' in text
    assert "10 bis 20" in text
    assert HOSTILE not in text


def test_shares_against_a_count(files, tmp_path):
    """A share and residents in nine colours."""
    out = tmp_path / "map.html"
    call(files / "before.cells", "--value", "share_born", "--against", "people", "--out", out)

    assert out.read_text(encoding="utf-8").count("civigrid.twoWayLayer(") == 1


def test_years_on_one_layer(files, tmp_path):
    """Variables of two years become steps of one layer."""
    cells = town()
    people = values_of(cells, "people")
    about = {"p11": Column(long_name="Residents, 2011"), "p21": Column(long_name="Residents, 2021")}
    save_cells(make_cells(KM, ids_of(cells), {"p11": people, "p21": people * 2}, about), tmp_path / "t.cells")
    out = tmp_path / "map.html"
    call(tmp_path / "t.cells", "--timeline", "2011=p11,2021=p21", "--out", out)
    text = out.read_text(encoding="utf-8")

    assert text.count("civigrid.cellLayer(") == 1
    assert '"label": "2021"' in text


def test_many_variables_stand_in_a_list(files, tmp_path):
    """From five variables on there is a list instead of a choice of layers; tools come when asked for."""
    cells, out = town(), tmp_path / "map.html"
    more = {f"g{k}": values_of(cells, "people") for k in range(5)}
    save_cells(make_cells(KM, ids_of(cells), more, {n: Column() for n in more}), tmp_path / "g.cells")
    call(tmp_path / "g.cells", "--value", ",".join(more), "--tool", "range", "--out", out)
    text = out.read_text(encoding="utf-8")
    assert ("civigrid.indicators(map" in text, "civigrid.range(map" in text) == (True, True)
    assert "L.control.layers(" not in text.split("<body>")[1]
    call(files / "before.cells", "--value", "minutes", "--tool", "threshold", "--out", out)
    assert "civigrid.threshold(map" in out.read_text(encoding="utf-8")


def test_classes_as_asked(files, tmp_path):
    """Breaks of one's own, and natural ones."""
    out = tmp_path / "map.html"
    call(files / "before.cells", "--value", "minutes", "--breaks", "7,14,21", "--out", out)
    assert '"breaks": [7.0, 14.0, 21.0]' in out.read_text(encoding="utf-8")
    call(files / "before.cells", "--value", "minutes", "--by", "natural", "--classes", "3", "--out", out)
    settings = json.loads(out.read_text(encoding="utf-8").split('"breaks": ')[1].split("]")[0] + "]")
    assert len(settings) == 2


def test_a_folder_of_files(files, tmp_path):
    """Modes with several files write a folder."""
    for mode in ("folder", "served"):
        found = answer(files / "before.cells", "--value", "minutes", "--mode", mode, "--out", tmp_path / mode)
        assert (tmp_path / mode / "index.html").is_file()
        assert found["files"] > 2


def test_background_and_services(files, tmp_path):
    """Water below and services above, of a vector file and of a table; the rest of their columns stays behind."""
    water = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.box(13.2, 52.3, 13.5, 52.6)], crs="EPSG:4326")
    water.to_file(tmp_path / "water.geojson")
    table = pd.DataFrame({"name": [HOSTILE], "kind": ["library"], "lon": [13.4], "lat": [52.4], "secret": ["wage 7"]})
    table.to_csv(tmp_path / "places.csv", index=False)
    out = tmp_path / "map.html"
    words = (files / "before.cells", "--value", "minutes", "--out", out, "--background", tmp_path / "water.geojson")
    call(*words, "--sites", tmp_path / "places.csv", "--attribution", "Census office", "--view", "native")
    text = out.read_text(encoding="utf-8")

    assert "civigrid.background(map" in text
    assert "civigrid.sites([" in text
    assert "Census office" in text
    assert "EPSG3035" in text
    assert "wage 7" not in text
    assert HOSTILE not in text
    table.drop(columns="lon").to_csv(tmp_path / "nowhere.csv", index=False)
    assert "no column lon" in str(refused(*words, "--sites", tmp_path / "nowhere.csv"))


def test_errors_explain(files, tmp_path):
    """What is wrong, which value, how to mend it."""
    out, before = tmp_path / "m.html", files / "before.cells"
    one = (before, "--value", "minutes")
    two = (*one, "--compare", before)
    cases = [
        ((before,), SchemaError, "--value. The cells have: "),
        ((before, "--value", "minuts"), UnknownNameError, "minutes"),
        ((*one, "--mode", "folder"), SchemaError, "a folder"),
        ((*one, "--mode", "cloud"), UnknownNameError, "single"),
        ((*one, "--tool", "drill"), UnknownNameError, "threshold"),
        ((before, "--value", "people", "--tool", "threshold"), SchemaError, "layer of minutes"),
        ((*one, "--lang", "tlh"), UnknownNameError, "de, en"),
        ((*one, "--view", "globe"), UnknownNameError, "native"),
        ((*one, "--by", "magic"), UnknownNameError, "natural"),
        ((*one, "--labels", "A,B"), SchemaError, "without --compare"),
        ((before, "--value", "minutes,people", "--compare", before), SchemaError, "one variable"),
        ((*two, "--way", "wipe"), UnknownNameError, "swipe"),
        ((*two, "--labels", "A"), SchemaError, "two sides"),
        ((*two, "--against", "people"), SchemaError, "two maps"),
        ((*two, "--by", "natural"), SchemaError, "--by does not"),
        ((*one, "--compare", files / "other.cells"), GridMismatchError, "cannot compare"),
        ((tmp_path / "none.cells", "--value", "minutes"), CivigridError, "none.cells"),
    ]
    for words, kind, said in cases:
        error = refused(*words, "--out", out)
        assert isinstance(error, kind), (words, error)
        assert said in str(error), (said, str(error))
        assert not out.exists()
    assert "a page, as map.html" in str(refused(*one, "--out", tmp_path / "m.pdf"))


def test_odd_files_have_a_map(tmp_path):
    """No cell, one cell, and a variable that nobody knows: a page that says so."""
    one = town()
    for name, cells in (("none", one.isel(cell=slice(0, 0))), ("one", one.isel(cell=slice(0, 1)))):
        save_cells(cells, tmp_path / f"{name}.cells")
        found = answer(tmp_path / f"{name}.cells", "--value", "minutes,share_born", "--out", tmp_path / f"{name}.html")
        assert found["cells"] == cells.sizes["cell"]
        assert found["summary"]


@pytest.mark.browser
def test_a_written_map_opens_silently(files, tmp_path, chromium):
    """The page of a command draws every cell and the land below, asks for nothing and reports no error."""
    from playwright.sync_api import sync_playwright

    out = tmp_path / "page.html"
    land = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.box(12, 51, 15, 54)], crs="EPSG:4326")
    land.to_file(tmp_path / "ground.gpkg", layer="land")
    words = ("--compare", files / "after.cells", "--value", "minutes", "--background", tmp_path / "ground.gpkg")
    call(files / "before.cells", *words, "--out", out)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        tab = open_page(browser, tmp_path, out.read_text(encoding="utf-8"))
        n = tab.evaluate("civigrid.map.civigridCompare.layers[0].data.levels[0].n")
        assert n == len(status_of(town(), "minutes"))
        ground = """() => { let found = []; civigrid.map.eachLayer(l => {
          if (l.options.pane === 'cg-under' && l._parts) { found.push(l._parts.length); } }); return found; }"""
        assert tab.evaluate(ground) == [1]
        assert tab.inner_text("h1") == f"{LABELS['minutes']}: change"
        assert tab.heard == []
        browser.close()
