"""Choice of indicators, years, minutes and values: by pointer and keyboard, in every state without a finding."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from pages import HOSTILE, KM, LABELS, compare_page, findings, open_page, ready, town, until

from civigrid.cells import column_of, ids_of, make_cells, measured, status_of, values_of, with_variables
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.maps import (
    CellData,
    CellLayer,
    Indicators,
    Legend,
    Threshold,
    Timeline,
    ValueRange,
    flatten_periods,
    language,
    make_language,
    period_variables,
    timeline_layer,
    to_html,
)
from civigrid.maps.page import Words, cells_page
from civigrid.maps.sliders import within
from civigrid.release import public_grid, release
from civigrid.stacks import stack_cells
from civigrid.types import Column

GROUPS = {"residents": "Residents", "seniors": "Über 65", "hostile": HOSTILE}
SIZES = {"desktop": {"width": 1100, "height": 780}, "phone": {"width": 320, "height": 640}}
ARABIC = {"indicators": "المؤشرات", "search": "بحث", "timeline": "الزمن", "range": "القيم المعروضة", "legend": "مفتاح"}


def many(n=12):
    """A town with `n` counts whose titles differ, one of them hostile."""
    cells = town()
    titles = [f"Group {k}" for k in range(n - 2)] + ["Über 65 Jahre", HOSTILE]
    people = values_of(cells, "people")
    more = {f"g{k}": np.rint(people * (k + 1) / n) for k in range(n)}
    about = {f"g{k}": Column(long_name=title, part_of="people") for k, title in enumerate(titles)}
    return with_variables(cells, more, about)


def years():
    """The town in three years, growing."""
    slices = []
    for factor in (1.0, 1.1, 1.3):
        cells = town()
        values = {n: values_of(cells, n) * (factor if n == "people" else 1.0) for n in ("people", "minutes")}
        about = {n: column_of(cells[n]) for n in values}
        slices.append(make_cells(KM, ids_of(cells), {n: np.rint(v) for n, v in values.items()}, about))
    return stack_cells(slices, "period", ["2011", "2016", "2021"])


def indicator_page(lang="en"):
    """Thirteen indicators in one list, and the values shown."""
    out = release(many(), public_grid())
    data = CellData(out, ["people", *(f"g{k}" for k in range(12))])
    layer = CellLayer(data, "people", show=True)
    heads = {f"g{k}": GROUPS["residents"] for k in range(6)} | {"g11": HOSTILE}
    list_ = Indicators(layer, ["people", *(f"g{k}" for k in range(12))], groups=heads)
    return to_html(cells_page(out, [data, layer], Words("Indicators", lang=lang), above=[list_, ValueRange()]))


def timeline_page(lang="en"):
    """Residents of three years."""
    stack = years()
    out = release(flatten_periods(stack, of=["people"]), public_grid())
    steps = period_variables(stack, "people")
    data = CellData(out, list(steps.values()))
    layer = timeline_layer(data, steps, start="2011", lang=language(lang).base)
    return to_html(
        cells_page(out, [data, layer], Words("Years", lang=lang), above=[Timeline(layer, steps), ValueRange()])
    )


def threshold_page(lang="en"):
    """Minutes, and who lives within so many of them."""
    out = release(town(), public_grid())
    data = CellData(out, ["minutes", "people"])
    layer = CellLayer(data, "minutes", show=True)
    return to_html(cells_page(out, [data, layer], Words("Minutes", lang=lang), above=[Threshold(layer)]))


PAGES = {"compare": compare_page, "indicators": indicator_page, "timeline": timeline_page, "threshold": threshold_page}
DRAWN = """() => { let l = civigrid.top(civigrid.map), level = l.data.levels[0], n = 0, sum = 0;
  for (let i = 0; i < level.n; i++) { if (civigrid.isColor(l.colorOf(level, i))) { n += 1; } }
  return [l.name, n]; }"""
FULL = """() => { let l = civigrid.top(civigrid.map), level = l.data.levels[0], n = 0;
  for (let i = 0; i < level.n; i++) { if (l.colorOf(level, i) === l.unmasked(level, i)) { n += 1; } } return n; }"""


@pytest.mark.browser
def test_an_indicator_is_found_and_chosen_by_keyboard(browser, tmp_path):
    """Typing finds without accents and case; arrows and Enter choose; the layer, its legend and its range follow."""
    tab = open_page(browser, tmp_path, indicator_page())
    tab.focus(".cg-search")
    tab.keyboard.type("uber 65")
    shown = "[...document.querySelectorAll('.cg-indicator:not([hidden])')].map(r => r.textContent)"
    assert tab.evaluate(shown) == ["Über 65 Jahre"]
    assert tab.inner_text(".cg-indicators output") == "1 of 13"
    tab.keyboard.press("Enter")
    until(tab, "civigrid.top(civigrid.map).name === 'g10'")
    until(tab, "document.querySelector('.cg-legend-title').textContent === 'Über 65 Jahre'")
    tab.keyboard.press("Escape")
    assert len(tab.evaluate(shown)) == 13
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowDown")
    until(tab, "civigrid.top(civigrid.map).name !== 'g10'")
    tab.fill(".cg-search", "nothing is called so")
    assert tab.inner_text(".cg-indicators output") == "No indicator is called so."
    assert tab.heard == []


@pytest.mark.browser
def test_all_indicators_draw_what_python_has(browser, tmp_path):
    """Each switch shows the values of its variable, from one block of ids."""
    cells = many()
    tab = open_page(browser, tmp_path, indicator_page())
    row, col = KM.row_col(ids_of(cells))
    order = np.lexsort((col, row))
    for k in (11, 3):
        tab.evaluate("k => civigrid.map.civigridIndicators.choose(k)", f"g{k}")
        until(tab, f"civigrid.top(civigrid.map).name === 'g{k}'")
        script = """() => { let l = civigrid.top(civigrid.map), v = l.data.levels[0].values[l.name];
          return [...Array(l.data.levels[0].n).keys()].map(i => civigrid.valueOf(v, i)); }"""
        assert tab.evaluate(script) == values_of(cells, f"g{k}")[order].tolist()
    assert tab.evaluate("Object.keys(civigrid.stores).length") == 1


@pytest.mark.browser
def test_the_range_filters_and_says_how_many(browser, tmp_path):
    """Handles by keyboard: only cells within are drawn; the words count them; a switch of indicator takes it back."""
    tab = open_page(browser, tmp_path, indicator_page())
    low, high = tab.query_selector_all(".cg-range input")
    before = tab.evaluate(DRAWN)[1]
    low.focus()
    for _ in range(3):
        tab.keyboard.press("PageUp")
    tab.wait_for_timeout(150)
    drawn = tab.evaluate(DRAWN)[1]
    told = tab.inner_text(".cg-range output")
    people = values_of(many(), "people")
    stop = tab.evaluate("civigrid.top(civigrid.map).range[0]")
    assert 0 < drawn < before
    assert drawn == int((people >= stop).sum())
    assert f"{drawn} of {int(np.isfinite(people).sum())} cells" in told
    assert low.get_attribute("aria-valuetext") in told
    high.focus()
    tab.keyboard.press("Home")
    tab.wait_for_timeout(150)
    assert high.input_value() == low.input_value()
    tab.evaluate("civigrid.map.civigridIndicators.choose('g1')")
    until(tab, "civigrid.top(civigrid.map).name === 'g1'")
    tab.wait_for_timeout(100)
    assert tab.inner_text(".cg-range output") == "all values"
    assert tab.evaluate("civigrid.top(civigrid.map).range") is None
    assert tab.heard == []


@pytest.mark.browser
def test_years_move_by_keyboard_and_play(browser, tmp_path):
    """Slider, steps and play show each year's values with one set of classes; at the end playing stops."""
    stack = years()
    tab = open_page(browser, tmp_path, timeline_page())
    name = "civigrid.top(civigrid.map).name"
    assert (tab.inner_text(".cg-year"), tab.evaluate(name)) == ("2011", "people_2011")
    breaks = tab.evaluate("civigrid.top(civigrid.map).options.breaks")
    tab.focus(".cg-timeline input")
    tab.keyboard.press("ArrowRight")
    until(tab, f"{name} === 'people_2016'")
    assert tab.get_attribute(".cg-timeline input", "aria-valuetext") == "2016"
    assert tab.evaluate("civigrid.top(civigrid.map).options.breaks") == breaks
    until(tab, "document.querySelector('.cg-legend-title').textContent.includes('2016')")
    total = """() => { let l = civigrid.top(civigrid.map), v = l.data.levels[0].values[l.name], s = 0;
      for (let i = 0; i < l.data.levels[0].n; i++) { s += civigrid.valueOf(v, i) || 0; } return s; }"""
    assert tab.evaluate(total) == float(np.nansum(stack["people"].to_numpy()[1]))
    tab.click("[aria-label='Previous']")
    until(tab, f"{name} === 'people_2011'")
    assert tab.is_disabled("[aria-label='Previous']")
    tab.click("[aria-label='Play']")
    assert tab.get_attribute(".cg-play", "aria-label") == "Pause"
    until(tab, f"{name} === 'people_2021'")
    until(tab, "document.querySelector('.cg-play').getAttribute('aria-label') === 'Play'")
    assert tab.heard == []


@pytest.mark.browser
def test_who_asks_for_stillness_sees_no_play(browser, tmp_path):
    """With reduced motion years are stepped through by hand."""
    tab = open_page(browser, tmp_path, timeline_page(), reduced_motion="reduce")

    assert not tab.is_visible(".cg-play")
    assert tab.is_visible("[aria-label='Next']")


@pytest.mark.browser
def test_minutes_tell_who_lives_within(browser, tmp_path):
    """The slider leaves cells within its minutes in full colour and says how many people these are."""
    cells = town()
    tab = open_page(browser, tmp_path, threshold_page())
    tab.focus(".cg-threshold input")
    tab.keyboard.press("Home")
    for _ in range(10):
        tab.keyboard.press("ArrowRight")
    tab.wait_for_timeout(200)
    minutes, people = values_of(cells, "minutes"), values_of(cells, "people")
    share = people[minutes <= 10].sum() / people.sum()
    assert tab.get_attribute(".cg-threshold input", "aria-valuetext").replace("\u00a0", " ") == "10 min"
    assert tab.inner_text(".cg-share-number") == f"{100 * share:.1f}%"
    assert tab.evaluate(FULL) == int((minutes <= 10).sum())
    assert tab.heard == []


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing_on_tools(browser, tmp_path, page, size, scheme):
    """Every tool, open, by day and by night, on a wide page and on a phone: no finding, no message."""
    tab = open_page(browser, tmp_path, PAGES[page](), viewport=SIZES[size], color_scheme=scheme)
    tab.evaluate("document.querySelectorAll('.cg-panel-head[aria-expanded=false]').forEach(b => b.click())")
    tab.wait_for_timeout(100)

    assert findings(tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
    assert tab.heard == []


@pytest.mark.browser
@pytest.mark.parametrize("page", PAGES)
def test_tools_from_right_to_left(browser, tmp_path, page):
    """Arabic words of a user's own reach the tools; nothing is found by axe."""
    tab = open_page(browser, tmp_path, PAGES[page](make_language("ar", ARABIC)))

    assert findings(tab) == []
    assert tab.evaluate("document.documentElement.dir") == "rtl"
    assert "مفتاح" in tab.inner_text(".cg-legend .cg-panel-title")


@pytest.mark.browser
@pytest.mark.parametrize("page", PAGES)
def test_tools_obey_a_policy(browser, tmp_path, page):
    """Under the page's own content security policy the tools work and nothing is refused."""
    from civigrid.maps import content_security_policy

    html = PAGES[page]()
    meta = f'<meta http-equiv="Content-Security-Policy" content="{content_security_policy(html)}">'
    tab = open_page(browser, tmp_path, html.replace("<head>", f"<head>{meta}", 1))
    tab.evaluate("document.querySelectorAll('.cg-panel-head').forEach(b => { b.click(); b.click(); })")
    ready(tab)

    assert tab.heard == []


def test_a_german_page_has_german_tools():
    """Words and classes of all tools are German."""
    html = PAGES["timeline"]("de")

    assert '"timeline": "Zeit"' in html
    assert "und mehr" in html


def test_what_a_list_cannot_show_is_refused():
    """Unknown variables, a list without the layer's own, a timeline of one step, minutes that are none."""
    data = CellData(release(many(), public_grid()), ["people", "g1", "minutes"])
    layer = CellLayer(data, "people")

    with pytest.raises(SchemaError, match="do not carry g2"):
        Indicators(layer, ["people", "g2"])
    with pytest.raises(SchemaError, match="name it among the indicators"):
        Indicators(layer, ["g1"])
    with pytest.raises(SchemaError, match="two steps or more"):
        Timeline(layer, {"2011": "people"})
    with pytest.raises(SchemaError, match="no step"):
        Timeline(layer, {"2011": "g1", "2021": "minutes"})
    with pytest.raises(SchemaError, match="needs minutes"):
        Threshold(layer)
    with pytest.raises(SchemaError, match="must rise"):
        Threshold(CellLayer(data, "minutes"), stops=[10, 5])
    with pytest.raises(UnknownNameError, match="variable of the stack"):
        flatten_periods(years(), of=["nobody"])


def test_headings_keep_their_variables_together():
    """Variables of one heading stand together where the first of them stands; titles stay text."""
    data = CellData(release(many(), public_grid()))
    names = ["people", "g0", "g11", "g1"]
    items = json.loads(Indicators(CellLayer(data, "people"), names, groups={"g0": "A", "g1": "A"}).items)

    assert [(i["variable"], i["group"]) for i in items] == [("people", ""), ("g11", ""), ("g0", "A"), ("g1", "A")]


def test_people_within_minutes_by_hand():
    """Who lives where the time is not known counts nowhere; who lives beyond counts in all."""
    ids = KM.from_row_col(np.full(4, 3250), 4530 + np.arange(4))
    about = {"m": Column(kind="intensive", units="min", weight="t"), "t": Column(long_name="All")}
    values = {"m": np.array([5.0, 10.0, np.nan, np.nan]), "t": np.array([10.0, 20.0, 30.0, 40.0])}
    cells = make_cells(KM, ids, values, about, status={"m": np.array([0, 0, 1, 4], np.uint8)})

    assert within(cells, "m", "t", [0, 5, 10, 60]) == {"name": "All", "all": 60.0, "within": [0.0, 10.0, 30.0, 30.0]}


def test_years_of_a_stack_become_variables():
    """Each period has its variable, title and status; what is the same in all stays one."""
    flat = flatten_periods(years())

    assert sorted(measured(flat)) == ["minutes", "people_2011", "people_2016", "people_2021"]
    assert flat["people_2016"].attrs["long_name"] == f"{LABELS['people']}, 2016"
    assert (status_of(flat, "people_2011") <= 1).all()


@pytest.mark.browser
def test_elements_in_a_plain_folium_map(browser, tmp_path):
    """A user's own map with Folium's scripts from a server: cells, legend, list, range and layer control work."""
    import folium
    from xstatic.pkg import leaflet

    users = folium.Map(tiles=None, location=[51.9, 13.1], zoom_start=9)
    data = CellData(release(many(), public_grid()))
    layers = [CellLayer(data, n, show=n == "people") for n in ("people", "minutes")]
    for element in (data, *layers, folium.LayerControl(collapsed=False), Legend(), ValueRange()):
        users.add_child(element)
    path = tmp_path / "own.html"
    users.save(str(path))
    tab = browser.new_page()
    heard = []
    tab.on("pageerror", lambda e: heard.append(str(e)))
    script = (Path(leaflet.BASE_DIR) / "leaflet.js").read_text(encoding="utf-8")
    leaflet_js = re.compile(r"https?://.*/leaflet(\.min)?\.js$")
    tab.route(re.compile("^https?://"), lambda r: r.fulfill(body="", content_type="text/css"))
    tab.route(leaflet_js, lambda r: r.fulfill(body=script, content_type="text/javascript"))
    tab.goto(f"file://{path}")
    name = users.get_name()
    until(
        tab,
        f"(() => {{ let n = 0; {name}.eachLayer(l => {{ n += l.isCell && l.loaded ? 1 : 0; }}); return n; }})() === 1",
    )
    assert tab.inner_text(".cg-legend-title") == LABELS["people"]
    tab.click(f"label:has-text('{LABELS['minutes']}') input")
    until(tab, f"document.querySelector('.cg-legend-title').textContent === '{LABELS['minutes']}'")
    assert tab.is_visible(".cg-range input")
    assert heard == []


@pytest.mark.browser
def test_one_layer_of_a_release_is_a_map(browser, tmp_path):
    """Two lines of a user's script: scripts and cells come along, once, and nothing is asked of the network."""
    import folium

    def made():
        silent = folium.Map(tiles=None, location=[51.9, 13.1], zoom_start=9)
        silent.default_js, silent.default_css = [], []
        passed = release(many(), public_grid())
        for name in ("people", "minutes"):
            CellLayer(passed, name, show=name == "people").add_to(silent)
        return silent

    silent = made()
    text = to_html(silent)
    assert (text.count("civigrid.useWords("), text.count("cg.useWords = ")) == (1, 1)
    assert text == to_html(made())
    (tmp_path / "one.html").write_text(text, encoding="utf-8")
    tab, heard = browser.new_page(), []
    tab.on("pageerror", lambda e: heard.append(str(e)))
    tab.on("request", lambda r: heard.append(r.url))
    tab.goto(f"file://{tmp_path / 'one.html'}")
    name = silent.get_name()
    until(
        tab,
        f"(() => {{ let n = 0; {name}.eachLayer(l => {{ n += l.isCell && l.loaded ? 1 : 0; }}); return n; }})() === 1",
    )
    assert heard == [f"file://{tmp_path / 'one.html'}"]
