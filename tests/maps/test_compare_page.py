"""Comparisons in a browser: what is pointed at, both maps of a pair, hexagons, the native view, accessibility."""

import numpy as np
import pytest
from pages import HOSTILE, code_of, compare_page, findings, open_page, point_of, town

from civigrid.cells import make_cells, values_of
from civigrid.grid import H3Grid
from civigrid.maps import compare_cells, make_compare_map, to_html
from civigrid.release import public_grid, release
from civigrid.types import Column

pytestmark = pytest.mark.browser
SIZES = {"desktop": {"width": 1100, "height": 780}, "phone": {"width": 320, "height": 640}}


def test_each_side_tells_its_own_value(browser, tmp_path):
    """Left of the divider the pointer tells the first side, right of it the second; in a pair each map its own."""
    cells = town()
    k = int(np.argmax(values_of(cells, "people")))
    before = values_of(cells, "minutes")[k]
    after = max(before - 4 * (k % 3), 1.0)
    tab = open_page(browser, tmp_path, compare_page())
    x, y = point_of(tab, cells, k)
    told = "document.querySelector('.cg-tip .cg-strong').textContent"
    for at, side, value in ((0.99, "Now", before), (0.01, HOSTILE, after)):
        tab.evaluate("at => civigrid.map.civigridCompare.modes.swipe.move(at)", at)
        tab.mouse.move(5, 400)
        tab.mouse.move(x, y)
        tab.wait_for_timeout(60)
        assert f"({side})" in tab.evaluate(told)
        assert f"{value:g}\u00a0min" in tab.evaluate(told)
    tab.evaluate("civigrid.map.civigridCompare.choose('pair')")
    tab.wait_for_timeout(300)
    box = tab.query_selector(".cg-second").bounding_box()
    x, y = point_of(tab, cells, k)
    tab.mouse.click(box["x"] + x, y)
    tab.wait_for_selector(".cg-card:not([hidden])")
    card = tab.inner_text(".cg-card").replace("\u00a0", " ")
    assert code_of(cells, k) in card
    assert f"{before:g} min" in card
    assert f"{after:g} min" in card
    assert tab.heard == []


@pytest.mark.parametrize("mode", ["swipe", "pair", "difference"])
def test_hexagons_and_the_native_view_are_compared(browser, tmp_path, mode):
    """H3 cells in every mode, and squares in the EU grid's projection: all is drawn, nothing is said to the console."""
    grid = H3Grid(8)
    lon, lat = np.meshgrid(np.linspace(13.3, 13.5, 30), np.linspace(52.4, 52.6, 30))
    ids = np.unique(grid.cell_at(np.stack([lon.ravel(), lat.ravel()], axis=1)))
    about = {"n": Column(long_name="Residents")}
    sides = [release(make_cells(grid, ids, {"n": np.arange(len(ids)) * f}, about), public_grid()) for f in (10.0, 11.0)]
    hexagons = to_html(make_compare_map(compare_cells(*sides, "n"), title="H3", mode=mode))
    sides = [release(town(), public_grid())] * 2
    native = to_html(make_compare_map(compare_cells(*sides, "minutes"), title="EU", mode=mode, view="native"))
    painted = """() => [...document.querySelectorAll('.leaflet-tile')].some(t =>
      t.getContext('2d').getImageData(0, 0, t.width, t.height).data.some(v => v > 0))"""
    for html in (hexagons, native):
        tab = open_page(browser, tmp_path, html)
        assert tab.evaluate(painted)
        assert tab.heard == []


def test_a_pair_has_its_legend_in_its_own_corner(browser, tmp_path):
    """The legend moves to the second map, open, and back; nothing of it is covered by the other panel."""
    tab = open_page(browser, tmp_path, compare_page(mode="pair"))
    box = "(s) => { let r = document.querySelector(s).getBoundingClientRect(); return [r.left, r.right]; }"
    assert tab.is_visible(".cg-second .cg-legend .cg-panel-body")
    assert tab.evaluate(box, ".cg-compare")[1] < tab.evaluate(box, ".cg-legend")[0]
    tab.click(".cg-second .cg-legend button.cg-class >> nth=1")
    assert tab.evaluate("civigrid.map.civigridCompare.layers.map(l => l.chosen)")[:2] == [1, 1]
    tab.click("button.cg-mode >> nth=0")
    assert tab.is_visible(".leaflet-container:not(.cg-second) .cg-legend .cg-panel-body")
    assert tab.evaluate("document.querySelectorAll('.cg-legend').length") == 1
    assert tab.heard == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["pair", "difference"])
def test_axe_finds_nothing_on_comparisons(browser, tmp_path, mode, size, scheme):
    """Both maps of a pair, and a difference with a group of the table pressed."""
    tab = open_page(browser, tmp_path, compare_page(mode=mode), viewport=SIZES[size], color_scheme=scheme)
    tab.evaluate("document.querySelectorAll('.cg-panel-head[aria-expanded=false]').forEach(b => b.click())")
    tab.evaluate("document.querySelectorAll('.cg-gains .cg-pick')[1].click()")
    tab.wait_for_timeout(100)

    assert findings(tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
    assert tab.heard == []
