"""No serious finding of axe-core (WCAG 2.2 A and AA, best practices) in any state of a page; and reflow."""

import pytest
from pages import LABELS, findings, open_page, page_of, point_of, town

from civigrid.maps import make_language
from civigrid.maps.text import Summary

pytestmark = pytest.mark.browser
SIZES = {"desktop": {"width": 1100, "height": 780}, "phone": {"width": 320, "height": 640}}


@pytest.fixture(scope="module")
def html():
    """The town's page."""
    return page_of(town())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing(browser, tmp_path, html, size, scheme):
    """Map alone, about opened, card, cells by keyboard and table: no finding at all."""
    cells = town()
    tab = open_page(browser, tmp_path, html, viewport=SIZES[size], color_scheme=scheme)
    assert findings(tab) == []
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert findings(tab) == []
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = false; })")
    tab.evaluate("civigrid.map.getContainer().scrollIntoView()")
    tab.mouse.move(*point_of(tab, cells, 200))
    assert findings(tab) == []
    tab.mouse.click(*point_of(tab, cells, 200))
    tab.wait_for_selector(".cg-card:not([hidden])")
    assert findings(tab) == []
    tab.keyboard.press("Escape")
    tab.evaluate("civigrid.map.getContainer().focus()")
    tab.keyboard.press("c")
    tab.wait_for_function("document.querySelector('.cg-said').textContent !== ''")
    assert findings(tab) == []
    tab.keyboard.press("t")
    tab.wait_for_selector(".cg-table[open]")
    assert findings(tab) == []
    assert tab.heard == []


def test_axe_finds_nothing_from_right_to_left(browser, tmp_path):
    """Arabic labels on an Arabic page."""
    tab = open_page(browser, tmp_path, page_of(town(), lang=make_language("ar", {"legend": "مفتاح الخريطة"})))

    assert findings(tab) == []


def test_axe_sees_what_is_wrong(browser, tmp_path, html):
    """A button without a name and grey words on grey are found: the empty lists above mean something."""
    tab = open_page(browser, tmp_path, html)
    tab.evaluate("""() => { let b = document.createElement('button'); document.querySelector('.cg-head').append(b);
      document.querySelector('h1').style.color = '#cccccc'; }""")

    assert {"button-name", "color-contrast"} <= {name for name, _, _ in findings(tab)}


@pytest.mark.parametrize("width", [320, 640, 641, 1280])
def test_nothing_is_cut_off_or_covered(browser, tmp_path, width):
    """No sideways scrolling from 320 pixels up (1.4.10); long words wrap; targets are 24 pixels (2.5.8)."""
    labels = {
        key: f"{text} {'Donaudampfschifffahrtsgesellschaft' * 2}" for key, text in LABELS.items() if key != "words"
    }
    tab = open_page(browser, tmp_path, page_of(town(labels), labels), viewport={"width": width, "height": 720})
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    wide = "document.documentElement.scrollWidth"
    small = """[...document.querySelectorAll('button, .leaflet-bar a')].filter(b => { let r = b.getBoundingClientRect();
      return r.width && (r.width < 24 || r.height < 24); }).map(b => b.outerHTML)"""
    assert tab.evaluate(wide) <= width
    tab.evaluate("civigrid.reader.table.open()")
    tab.wait_for_selector(".cg-table[open]")
    assert tab.evaluate(wide) <= width
    box = tab.locator(".cg-table").bounding_box()

    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert tab.evaluate(small) == []


def ratio(tab, first, second):
    """Contrast of two colours as the browser writes them (WCAG 2.2, relative luminance)."""
    script = """([a, b]) => { let f = c => { let v = c.match(/[0-9.]+/g).slice(0, 3).map(Number).map(x => x / 255)
        .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
        return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; }, x = f(a), y = f(b);
      return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); }"""
    return tab.evaluate(script, [first, second])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_focus_and_edges_are_seen(browser, tmp_path, html, scheme):
    """Ring of focus and edges of buttons stand 3:1 out from what they lie on (1.4.11); the mark bears two tones."""
    tab = open_page(browser, tmp_path, html, color_scheme=scheme)
    tab.evaluate("document.querySelector('#cg-tools button').focus()")
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Tab")
    style = "getComputedStyle(document.activeElement)"
    panel = "getComputedStyle(document.querySelector('.cg-head')).backgroundColor"
    ring, edge, ground = tab.evaluate(f"[{style}.outlineColor, {style}.borderTopColor, {panel}]")

    assert tab.evaluate(f"{style}.outlineWidth") == "3px"
    assert ratio(tab, ring, ground) >= 3
    assert ratio(tab, edge, ground) >= 3
    assert ratio(tab, "rgb(255, 255, 255)", "rgb(20, 23, 26)") >= 9


def test_the_map_is_described_by_its_words(browser, tmp_path):
    """The summary of the indicator that is shown describes the map, and another follows another layer."""
    from civigrid.maps import CellData, CellLayer, to_html
    from civigrid.maps.page import Words, cells_page
    from civigrid.release import public_grid, release

    made = release(town(), public_grid())
    data = CellData(made, ["minutes", "people"])
    summaries = tuple(Summary(n, n, (f"{n} lie between 3 and 27.", "Half is near.")) for n in ("minutes", "people"))
    page = cells_page(
        made, [data, CellLayer(data, "minutes", show=True), CellLayer(data, "people")],
        Words("T", summaries=summaries),
    )  # fmt: skip
    tab = open_page(browser, tmp_path, to_html(page))
    words = "document.getElementById(civigrid.map.getContainer().getAttribute('aria-describedby')).textContent"
    assert tab.evaluate(words) == "minutesminutes lie between 3 and 27.Half is near."
    tab.evaluate("document.querySelectorAll('.leaflet-control-layers-base input')[1].click()")
    tab.wait_for_timeout(200)

    assert tab.evaluate(words).startswith("peoplepeople lie")
    assert tab.evaluate("document.querySelector('#cg-summary summary').textContent") == "The map in words"
    assert findings(tab) == []
