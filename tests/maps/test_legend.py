"""Legends: what they count, what a class highlights, how they follow the layers."""

import json

import folium
import numpy as np
import pytest

from civigrid.cells import make_cells, values_of
from civigrid.grid import SquareGrid
from civigrid.maps import CellData, CellLayer, Legend, to_html
from civigrid.maps.legend_rows import legend_of_cells, people_of, stops_of
from civigrid.release import public_grid, release
from civigrid.style.classes import Classes, classify
from civigrid.types import Column, Status

HOSTILE = "</script><img src=x onerror=alert(1)>"
KM = SquareGrid(cell_size_m=1000)


def town(n=400):
    """Forty by ten cells: residents, a share with every kind of status, minutes."""
    rng = np.random.default_rng(3)
    people = rng.integers(1, 900, n).astype(float)
    share = rng.integers(0, 100, n) / 100
    minutes = rng.integers(1, 70, n).astype(float)
    state = np.zeros(n, dtype=np.uint8)
    state[:30] = np.repeat([Status.CONFIDENTIAL, Status.SUPPRESSED, Status.UNAVAILABLE], 10)
    share[:30] = np.nan
    state[30:45] = Status.PERTURBED
    unreached = np.where(np.arange(n) >= n - 7, Status.OBSERVED_ZERO, Status.OK).astype(np.uint8)
    minutes[-7:] = np.nan
    about = {
        "t": Column(long_name="Residents", source="Census", reference_date="2021"),
        "s": Column(long_name=f"Share {HOSTILE}", kind="intensive", units="1", weight="t", source="Census"),
        "m": Column(long_name="Minutes", kind="intensive", units="min", weight="t"),
    }
    row, col = np.divmod(np.arange(n), 20)
    return make_cells(
        KM, KM.from_row_col(3250 + row, 4530 + col), {"t": people, "s": share, "m": minutes}, about,
        status={"s": state, "m": unreached},
    )  # fmt: skip


def test_a_legend_counts_cells_and_people():
    """Cells and people of the classes, of what is missing by reason, and of what is not drawn make up all."""
    cells = town()
    classes = classify(values_of(cells, "s"), Column(kind="intensive", units="1"), name="s")
    legend = legend_of_cells(cells, "s", classes)
    known = np.isfinite(values_of(cells, "s"))

    missing = {m["reason"]: m["cells"] for m in legend["missing_rows"]}
    assert missing == {"confidential": 10, "suppressed": 10, "unavailable": 10}
    assert [(m["status"], m["cells"]) for m in legend["uncertain_by"]] == [(5, 15)]
    assert sum(c["cells"] for c in legend["classes"]) == int(known.sum())
    assert sum(c["persons"] for c in legend["classes"]) == int(values_of(cells, "t")[known].sum())
    assert legend["lines"]


def test_minutes_say_what_lies_beyond():
    """Minutes without a value are hatched and called beyond the search, apart from what is withheld."""
    cells = town()
    legend = legend_of_cells(cells, "m", classify(values_of(cells, "m"), Column(units="min", kind="intensive")))

    assert [(m["reason"], m["cells"]) for m in legend["missing_rows"]] == [("beyond", 7)]
    assert legend["empty"] == ""


def test_people_are_told_only_where_they_are_known():
    """A count that is no count of persons, and a rate without a weight, have cells and no people."""
    about = {"area": Column(units="m2"), "r": Column(kind="intensive", units="1"), "c": Column(rests_on="a|b")}
    ids = KM.from_row_col(np.array([3000]), np.array([4000]))
    cells = make_cells(KM, ids, {"area": [1.0], "r": [0.5], "c": [-3.0]}, about)

    assert [people_of(cells, name) for name in about] == [None, None, None]


def test_stops_span_the_values():
    """Stops run from the lowest to the highest value, a hundred at most."""
    values = np.random.default_rng(0).lognormal(3, 2, 5_000)
    stops = stops_of(values)

    assert (values.min(), values.max()) == (stops[0], stops[-1])
    assert len(stops) == 100
    assert stops_of(np.array([])) == []


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """A user's own Folium map with our elements, the network off."""
    users = folium.Map(tiles=None, location=[51.9, 13.1], zoom_start=9)
    users.default_js, users.default_css = [], []
    data = CellData(release(town(), public_grid()))
    for element in (data, *(CellLayer(data, n, show=n == "s") for n in "tsm"), folium.LayerControl(), Legend()):
        users.add_child(element)
    path = tmp_path_factory.mktemp("legend") / "map.html"
    path.write_text(to_html(users), encoding="utf-8")
    tab = browser.new_context(offline=True, viewport={"width": 1000, "height": 800}).new_page()
    tab.heard = []
    tab.on("request", lambda r: tab.heard.append(r.url))
    tab.on("console", lambda m: tab.heard.append(m.text))
    tab.on("pageerror", lambda e: tab.heard.append(str(e)))
    tab.goto(f"file://{path}")
    tab.wait_for_function("Object.values(civigrid.stores).every(s => s.done)")
    tab.wait_for_timeout(300)
    tab.name = users.get_name()
    return tab


COLORS = """(name) => { let l = null; window[name].eachLayer(x => { if (x.isCell) { l = x; } });
  let level = l.data.levels[0], n = level.n, found = [];
  for (let i = 0; i < n; i++) { found.push([l.classOf(level, i), l.colorOf(level, i), level.values[l.name].state[i]]); }
  return found; }"""


@pytest.mark.browser
def test_a_class_is_highlighted_by_keyboard(page):
    """Enter on a class draws the others pale and is pressed; Space takes it back."""
    page.evaluate("document.querySelectorAll('button.cg-class')[1].focus()")
    before = page.evaluate(COLORS, page.name)
    page.keyboard.press("Enter")
    page.wait_for_timeout(50)
    during = page.evaluate(COLORS, page.name)
    pressed = page.evaluate(
        "[...document.querySelectorAll('button.cg-class')].map(b => b.getAttribute('aria-pressed'))"
    )
    focus = page.evaluate("document.activeElement.dataset.key")
    page.keyboard.press("Space")
    page.wait_for_timeout(50)
    after = page.evaluate(COLORS, page.name)

    changed = {b[0] for b, d in zip(before, during, strict=True) if b[1] != d[1]}
    assert changed == {k for k, _, _ in before if k >= 0} - {1}
    assert pressed[1] == "true"
    assert pressed.count("true") == 1
    assert focus == "1"
    assert before == after


@pytest.mark.browser
def test_a_reason_is_highlighted_too(page):
    """Pressing a reason leaves only its cells hatched."""
    script = "document.querySelector('button.cg-class[data-key=\"-8\"]').click()"
    page.evaluate(script)
    page.wait_for_timeout(50)
    found = page.evaluate(COLORS, page.name)
    page.evaluate(script)

    assert {s for k, c, s in found if c == 2} == {Status.SUPPRESSED}
    assert sum(c == 2 for _, c, _ in found) == 10


@pytest.mark.browser
def test_the_legend_follows_the_layer_control(page):
    """Another layer brings its own classes; words of the data stay text; nothing is asked for."""
    page.evaluate("document.querySelectorAll('.leaflet-control-layers-base input')[2].click()")
    page.wait_for_timeout(200)
    minutes = page.evaluate("document.querySelector('.cg-legend').textContent")
    page.evaluate("document.querySelectorAll('.leaflet-control-layers-base input')[1].click()")
    page.wait_for_timeout(200)
    shares = page.evaluate("document.querySelector('.cg-legend').textContent")

    assert "not reached in the time searched7" in minutes
    assert HOSTILE in shares
    assert "suppressed to protect people10" in shares
    assert "Source: Census" in shares
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert page.evaluate("document.querySelector('.cg-histogram svg').getAttribute('aria-label')").startswith(
        "Cells by"
    )
    assert [h for h in page.heard if not h.startswith(("file://", "data:", "blob:"))] == []


@pytest.mark.browser
def test_the_legend_folds(page):
    """Its head says whether it is open."""
    head = page.locator(".cg-legend .cg-panel-head")
    head.press("Enter")
    closed = head.get_attribute("aria-expanded"), page.locator(".cg-legend .cg-panel-body").is_visible()
    head.press("Enter")

    assert closed == ("false", False)
    assert page.locator(".cg-legend .cg-panel-body").is_visible()


def test_what_was_moved_in_the_breaks_is_told():
    """Notes of the classes reach the legend of the page."""
    classes = Classes((0.31,), ("low", "high"), False, "people", notes=("A break was moved.",))

    assert legend_of_cells(town(), "s", classes)["notes"] == ["A break was moved."]


def test_settings_are_json():
    """What a layer tells the page is plain JSON with the data's words escaped."""
    layer = CellLayer(CellData(release(town(), public_grid())), "s")

    assert "<" not in layer.settings
    assert json.loads(layer.settings)["legend"]["title"] == f"Share {HOSTILE}"
