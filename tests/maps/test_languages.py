"""Pages in English, German and a language of one's own, in both directions; on paper; and in a notebook."""

import re
from string import Formatter

import numpy as np
import pytest
from pages import LABELS, open_page, page_of, point_of, town

from civigrid.cells import make_cells, values_of
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import SquareGrid
from civigrid.maps import language, make_language, make_map
from civigrid.maps.word_table import TABLE
from civigrid.maps.words import ENGLISH, GERMAN
from civigrid.release import public_grid, release
from civigrid.types import Column, Status

ARABIC = {
    "people": "السكان",
    "share_born": "نسبة المولودين في الخارج",
    "minutes": "الدقائق إلى أقرب مكتبة",
    "nearest": "أقرب مكتبة",
    "words": "المكتبة المركزية|مكتبة النهر|المكتبة المتنقلة|فرع البلدية",
    "title": "من يصل إلى مكتبة سيرًا على الأقدام؟",
    "question": "الدقائق سيرًا لكل من يسكن المدينة.",
}
ARABIC_WORDS = {
    "keyboard": "قراءة الخلايا بلوحة المفاتيح",
    "table": "جدول الخلايا",
    "values": "القيم",
    "close": "إغلاق",
}
STATE = """() => [...document.querySelectorAll('body *')].filter(e => !['SCRIPT', 'STYLE', 'PRE'].includes(e.tagName))
  .flatMap(e => [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.textContent)
    .concat(['aria-label', 'title'].map(a => e.getAttribute(a)))).filter(t => t && t.trim())"""


def holes(text):
    """What stands in braces."""
    return sorted(hole for _, hole, _, _ in Formatter().parse(text) if hole is not None)


@pytest.mark.parametrize("key", TABLE)
def test_both_languages_say_everything(key):
    """No words are empty, both fill in the same values, and neither is a copy of the other without a reason."""
    same = {"at", "with_status", "unit_min"}
    english, german = TABLE[key]

    assert english.strip()
    assert german.strip()
    assert holes(english) == holes(german)
    assert (english == german) == (key in same)


def test_every_word_of_the_scripts_is_in_the_table():
    """What a script asks for exists, and nothing stands in the table that no part asks for."""
    from importlib.resources import files

    folder = files("civigrid.maps")
    scripts = "".join(p.read_text("utf-8") for p in (folder / "assets").iterdir() if p.name.endswith(".js"))
    python = "".join((folder / f"{name}.py").read_text("utf-8") for name in ("text", "page", "access", "compare"))
    asked = set(re.findall(r"cg\.word\(\"([a-z0-9_]+)\"", scripts))
    made = ("status_", "unit_", "legend_unit_", "no_cell_", "more_is_", "less_is_")
    named = set(re.findall(r"[\"']([A-Za-z0-9_: ]+)[\"']", scripts + python))

    assert len(asked) > 40
    assert {key for key in asked if not key.startswith(made)} <= set(TABLE)
    assert {key for key in TABLE if not key.startswith(made)} <= named
    assert {f"status_{int(s)}" for s in Status if s != Status.OK} <= set(TABLE)


def test_a_language_of_one_s_own():
    """Words of other keys come from the base; unknown keys, other braces and no tags are refused."""
    arabic = make_language("ar", ARABIC_WORDS)

    assert (arabic.direction, language("de-CH").direction) == ("rtl", "ltr")
    assert (arabic.words["close"], arabic.words["legend"]) == ("إغلاق", "Legend")
    assert make_language("nds", {}, base="de").words == GERMAN
    assert language(arabic) is arabic
    with pytest.raises(UnknownNameError, match=r"language of a page 'fr'.*make_language"):
        language("fr")
    with pytest.raises(UnknownNameError, match="Did you mean 'legend'"):
        make_language("fr", {"legende": "Légende"})
    with pytest.raises(SchemaError, match="words of 'cell' have braces"):
        make_language("fr", {"cell": "Cellule {id}"})
    with pytest.raises(SchemaError, match="do not close"):
        make_language("fr", {"cell": "Cellule {code"})
    with pytest.raises(SchemaError, match="no language tag"):
        make_language('fr" onload="x', {})


def every_state(tab, cells):
    """Words of a page: the map, its tooltip, a card, cells by keyboard, the table."""
    k = int(np.argmax(values_of(cells, "people")))
    found = tab.evaluate(STATE)
    tab.mouse.move(*point_of(tab, cells, k))
    found += tab.evaluate(STATE)
    tab.mouse.click(*point_of(tab, cells, k))
    tab.wait_for_selector(".cg-card:not([hidden])")
    found += tab.evaluate(STATE)
    tab.keyboard.press("Escape")
    tab.click("#cg-tools button:nth-child(1)")
    for key in ("Home", "ArrowUp", "ArrowUp", "End", "t"):
        tab.keyboard.press(key)
        tab.wait_for_timeout(200)
        found += tab.evaluate(STATE)
    return {text.replace("\u00a0", " ").strip() for text in found}


@pytest.mark.browser
def test_a_german_page_is_german(browser, tmp_path):
    """No English words of the table stand on a German page in any state; numbers are written as Germans do."""
    cells = town({"words": "Stadtbibliothek|Flussbibliothek|Fahrbibliothek|Rathaus"})
    tab = open_page(browser, tmp_path, page_of(cells, lang="de", carry=["people"]))
    found = every_state(tab, cells)
    english = {text for key, text in ENGLISH.items() if text != GERMAN[key] and not holes(text)}
    patterns = [rf"\b{re.escape(text)}(?!\w)" for text in english if len(text) > 4]
    patterns += [r"\bSource:", r"\bof \d", r"\bpersons?\b", r"\d\.\d %"]
    left = {(p, text) for text in found for p in patterns if re.search(p, text) and text not in LABELS.values()}

    assert left == set()
    assert tab.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["de", "ltr"]
    assert any(re.fullmatch(r"\d+,\d %", text) for text in found)
    assert any(re.fullmatch(r"\d\.\d{3} Personen", text) for text in found)
    assert any("Vergrößern" in text for text in found)
    assert tab.heard == []


@pytest.mark.browser
def test_a_page_from_right_to_left(browser, tmp_path):
    """Arabic labels and words: direction, order of columns, card and table mirror; codes and numbers stay readable."""
    cells = town(ARABIC)
    tab = open_page(browser, tmp_path, page_of(cells, ARABIC, lang=make_language("ar", ARABIC_WORDS)))
    assert tab.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["ar", "rtl"]
    tab.mouse.click(*point_of(tab, cells, 200))
    tab.wait_for_selector(".cg-card:not([hidden])")
    place = "(s) => { let r = document.querySelector(s).getBoundingClientRect(); return [r.left, r.right]; }"
    name, value = tab.evaluate(place, ".cg-item dt"), tab.evaluate(place, ".cg-item .cg-value")
    assert name[0] > value[0]
    assert tab.evaluate("[...document.querySelectorAll('.cg-item dt')].map(d => d.textContent)")[0] == ARABIC["minutes"]
    tab.evaluate("civigrid.reader.table.open()")
    tab.wait_for_selector(".cg-table[open]")
    first, second = (tab.evaluate(place, f".cg-table th:nth-child({k})") for k in (1, 2))
    assert first[0] > second[0]
    assert tab.evaluate("document.querySelector('.cg-table').scrollWidth <= innerWidth")
    assert tab.heard == []


@pytest.mark.browser
def test_without_motion(browser, tmp_path):
    """Who asks for less motion gets a map that does not fade, glide or zoom gradually."""
    tab = open_page(browser, tmp_path, page_of(town()), reduced_motion="reduce")

    assert tab.evaluate("[civigrid.map._fadeAnimated, civigrid.map._zoomAnimated, civigrid.map.options.inertia]") == [
        False,
        False,
        False,
    ]


@pytest.mark.browser
def test_the_page_has_landmarks(browser, tmp_path):
    """One banner, one main part, the map a named region in it, the skip link first; readers may zoom the page."""
    html = page_of(town())
    tab = open_page(browser, tmp_path, html)
    parts = "['header', 'main', 'h1'].map(t => document.querySelectorAll(t).length)"

    assert tab.evaluate(parts) == [1, 1, 1]
    assert tab.evaluate("document.querySelector('main').contains(civigrid.map.getContainer())")
    assert tab.evaluate("civigrid.map.getContainer().getAttribute('aria-label')") == f"Map: {LABELS['title']}"
    assert tab.evaluate("document.querySelector('a').getAttribute('href')") == "#cg-main"
    assert "user-scalable" not in html
    assert re.match(r'<!DOCTYPE html>\n<html lang="en" dir="ltr">', html)


@pytest.mark.browser
@pytest.mark.parametrize("landscape", [False, True])
def test_paper_has_what_a_reader_needs(browser, tmp_path, landscape):
    """One A4 page with map, title, legend and sources, without what only a screen can use; then all is as before."""
    tab = open_page(browser, tmp_path, page_of(town()))
    tab.evaluate("""() => { window.addEventListener('beforeprint', () => { let seen = e => e && e.offsetParent !== null;
      window.printed = { flat: document.querySelectorAll('.cg-flat').length,
        legend: document.getElementById('cg-paper').contains(document.querySelector('.cg-legend')) }; }); }""")
    before = tab.screenshot()
    pdf = tab.pdf(format="A4", landscape=landscape, print_background=True)
    printed = tab.evaluate("window.printed")
    tab.wait_for_timeout(400)
    tab.mouse.move(5, 5)

    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    assert printed == {"flat": 1, "legend": True}
    assert tab.evaluate("document.querySelectorAll('.cg-flat').length") == 0
    assert tab.evaluate("civigrid.map.getContainer().contains(document.querySelector('.cg-legend'))")
    assert tab.screenshot() == before
    tab.emulate_media(media="print")
    hidden = [".cg-tools", ".leaflet-control-zoom", ".leaflet-control-layers", ".cg-skip", ".cg-about"]
    seen = "(s) => { let r = document.querySelector(s).getBoundingClientRect(); return r.width * r.height > 0; }"
    assert [s for s in hidden if tab.evaluate(seen, s)] == []
    assert all(tab.evaluate(seen, s) for s in ("h1", ".cg-question", ".cg-paper", ".folium-map"))
    assert "Source: Statistical office, CC BY 4.0" in tab.evaluate("document.querySelector('.cg-paper').innerText")


def test_a_notebook_stays_small():
    """A map of 300,000 cells in a notebook is below 2 MB."""
    grid, rng = SquareGrid(cell_size_m=1000), np.random.default_rng(0)
    row, col = np.divmod(np.arange(300_000), 600)
    values = {"people": rng.poisson(200, 300_000).astype(float)}
    cells = make_cells(grid, grid.from_row_col(2500 + row, 4000 + col), values, {"people": Column(long_name="People")})
    text = make_map(release(cells, public_grid()), ["people"], title="Notebook")._repr_html_()

    assert "srcdoc" in text
    assert len(text.encode()) < 2_000_000
