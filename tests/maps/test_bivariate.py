"""Two variables on one map: classes, colours, the legend that runs two ways, and a browser that shows them."""

import json
from itertools import combinations

import numpy as np
import pytest

from civigrid.cells import make_cells
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.maps import CellData, to_html
from civigrid.maps.bivariate import BivariateLayer, make_bivariate_map
from civigrid.release import min_count, public_grid, release
from civigrid.style.palette import BIVARIATE
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=1000)


def town(share=None):
    """Nine cells: few, more, many people from west to east, low to high share from south to north; one is empty."""
    row, col = (v.ravel() for v in np.indices((3, 3)))
    persons = np.array([10.0, 100.0, 1000.0])[col]
    rate = np.array([0.2, 0.304, 0.612])[row] if share is None else np.full(9, share)
    ids = np.append(GRID.from_row_col(2930 + row, 4200 + col), GRID.from_row_col(np.array([2930]), np.array([4203])))
    values = {"share_a": np.append(rate, np.nan), "residents": np.append(persons, 0.0)}
    about = {
        "share_a": Column(kind="intensive", units="1", weight="residents", long_name="Share: </script>A"),
        "residents": Column(long_name="Residents", source="made up"),
    }
    return make_cells(GRID, ids, values, about)


def legend_of(cells):
    return BivariateLayer(CellData(cells), "share_a", "residents").legend


def test_nine_classes_by_hand():
    """Each of the nine cells is alone in its class; rows run upwards; the empty cell is in none."""
    legend = legend_of(release(town(), public_grid()))

    assert [c["count"] for c in legend["classes"]] == ["1"] * 9
    assert [c["color"] for c in legend["classes"]] == [color for row in BIVARIATE for color in row]
    assert legend["twoway"]["up"] == ["below 30 %", "30 % to 61 %", "61 % +"]
    assert legend["twoway"]["right"] == ["below 100", "100 to 1,000", "1,000 +"]
    assert legend["missing_rows"] == []


def test_fewer_classes_and_hidden_cells():
    """One share everywhere makes one row of colours; suppressed cells are counted as missing."""
    legend = legend_of(release(town(share=0.5), public_grid()))
    hidden = legend_of(release(town(), min_count(11)))

    assert legend["twoway"]["up"] == ["all"]
    assert [c["color"] for c in legend["classes"]] == list(BIVARIATE[0])
    assert [(r["reason"], r["cells"]) for r in hidden["missing_rows"]] == [("suppressed", 3)]
    assert sum(int(c["count"]) for c in hidden["classes"]) == 6


def test_what_is_refused():
    """A count for a rate, a rate for a count, no rate at all, cells that passed no profile."""
    data = CellData(release(town(), public_grid()))
    with pytest.raises(SchemaError, match="must be a rate"):
        BivariateLayer(data, "residents", "residents")
    with pytest.raises(SchemaError, match="at least one rate"):
        make_bivariate_map(release(town(), public_grid()), [], "residents", title="t")
    with pytest.raises(TypeError, match="Release"):
        make_bivariate_map(town(), ["share_a"], "residents", title="t")


def test_colours_are_told_apart():
    """Any two of the nine differ by 14 units of CIELAB, for normal sight and for the three colour-blindnesses."""
    sight = {
        "normal": np.eye(3),
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    }
    shades = [color for row in BIVARIATE for color in row]
    for matrix in sight.values():
        seen = [_lab(np.asarray(matrix) @ _linear(c)) for c in shades]

        assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 14


def _linear(color):
    value = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _lab(rgb):
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.asarray(matrix) @ np.clip(rgb, 0, 1) / [0.95047, 1, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.browser
def test_in_a_browser(tmp_path, chromium):
    """No request leaves; the legend is a square; every cell is drawn in its class; words cannot become markup."""
    from playwright.sync_api import sync_playwright

    cells = release(town(), min_count(11))
    page = make_bivariate_map(cells, ["share_a"], "residents", title="Two at once", more=["residents"])
    (tmp_path / "m.html").write_text(to_html(page))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        shown = browser.new_page(viewport={"width": 900, "height": 600})
        asked, failed = [], []
        shown.on(
            "request", lambda r: asked.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None
        )
        shown.on("pageerror", lambda error: failed.append(str(error)))
        shown.goto((tmp_path / "m.html").as_uri())
        shown.wait_for_function("window.civigrid && civigrid.map && Object.values(civigrid.stores)[0].done")
        squares = shown.locator(".cg-twoway-cell").all_inner_texts()
        classes = shown.evaluate(
            "(function () { var found; civigrid.map.eachLayer(function (l) { if (l.parts) { found = l; } });"
            " var level = found.data.levels[0], out = [];"
            " for (var i = 0; i < 10; i++) { out.push(found.classOf(level, i)); } return JSON.stringify(out); }())"
        )
        legend = shown.inner_text(".cg-legend")
        browser.close()

    assert asked == failed == []
    assert len(squares) == 6
    # row by row from the south: the west is suppressed, the empty cell stands last in the first row
    assert json.loads(classes) == [-1, 0, 1, -2, -1, 2, 3, -1, 4, 5]
    assert "Share: </script>A" in legend
