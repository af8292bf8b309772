"""The tooltip and the card of a cell: short and exact, in full and with its reasons; and never markup."""

import json

import numpy as np
import pytest
from pages import HOSTILE, code_of, open_page, page_of, point_of, town

from civigrid.cells import status_of, values_of
from civigrid.maps import make_language
from civigrid.maps.words import ENGLISH
from civigrid.types import Status

pytestmark = pytest.mark.browser
CARD = "document.querySelector('.cg-card')"


@pytest.fixture(scope="module")
def cells():
    """The town."""
    return town()


@pytest.fixture
def tab(browser, tmp_path, cells):
    """The town's page, and nothing heard when it closes."""
    made = open_page(browser, tmp_path, page_of(cells, carry=["people"]))
    yield made
    made.context.close()
    assert made.heard == []


def open_card(tab, cells, k):
    """Click a cell; give its card's rows, title to texts."""
    tab.mouse.click(*point_of(tab, cells, k))
    tab.wait_for_selector(".cg-card:not([hidden])")
    rows = tab.evaluate(f"[...{CARD}.querySelectorAll('.cg-item')].map(r => [...r.children].map(c => c.textContent))")
    rows = [[text.replace("\u00a0", " ") for text in row] for row in rows]
    return {row[0]: row[1:] for row in rows}


def shown(cells, at):
    """Cells of the middle of the town, where no furniture lies over the map, that fulfil a condition."""
    row = np.arange(len(at))
    middle = (row > len(at) * 0.35) & (row < len(at) * 0.65)
    return np.flatnonzero(at & middle)


def test_a_card_tells_everything(tab, cells):
    """Value, unit, interval, source and date of each variable, why, provenance, disclosure profile and id."""
    k = int(shown(cells, (status_of(cells, "share_born") == 0) & (values_of(cells, "people") > 50))[0])
    rows = open_card(tab, cells, k)
    people, share = values_of(cells, "people")[k], values_of(cells, "share_born")[k]
    z, n = 1.96, people
    middle, half = (share + z * z / (2 * n)), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = (100 * (middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    text = tab.evaluate(f"{CARD}.textContent")

    assert rows["Residents"] == [f"{people:,.0f} persons", "Census of the town, 2021"]
    assert rows["Minutes to the nearest library"] == [
        f"{values_of(cells, 'minutes')[k]:.1f}".removesuffix(".0") + " min"
    ]
    assert rows["Share born elsewhere"][0] == f"{100 * share:.1f}%"
    assert rows["Share born elsewhere"][1] == f"95 %: {low:.0f}% to {high:.0f}%"
    assert rows["Nearest library"] == [cells["nearest"].attrs["words"].split("|")[int(values_of(cells, "nearest")[k])]]
    assert tab.evaluate(f"[...{CARD}.querySelectorAll('h3')].map(h => h.textContent)") == ["Values", "Why", "Sources"]
    assert code_of(cells, k) in text
    assert "1 km cell" in text
    assert "Source: Statistical office, CC BY 4.0" in text
    assert "Disclosure control: public-grid" in text


@pytest.mark.parametrize("status", [Status.CONFIDENTIAL, Status.SUPPRESSED, Status.IMPUTED])
def test_a_status_is_said_in_words(tab, cells, status):
    """What is missing says why and is no zero; what is estimated says so beside its value."""
    k = int(shown(cells, status_of(cells, "share_born") == status)[0])
    told = open_card(tab, cells, k)["Share born elsewhere"][0]
    words = ENGLISH[f"status_{int(status)}"]

    if status is Status.IMPUTED:
        assert told == f"{100 * values_of(cells, 'share_born')[k]:.1f}% ({words})"
    else:
        assert told == words


def test_an_interval_of_its_own_stands_beside_its_value(tab, cells):
    """Where two variables bound a third, they are its interval and no rows of their own."""
    tab.evaluate("Object.values(civigrid.stores)[0].about.minutes.interval = ['people', 'people']")
    k = int(shown(cells, values_of(cells, "people") > 50)[0])
    rows = open_card(tab, cells, k)
    n = f"{values_of(cells, 'people')[k]:.0f}"

    assert rows["Minutes to the nearest library"][1] == f"between {n} and {n} min"
    assert "Residents" not in rows


def test_a_card_closes_and_gives_the_focus_back(tab, cells):
    """Escape and the button close it; the map is focused again, and the mark is gone."""
    k = int(shown(cells, values_of(cells, "people") > 0)[0])
    for close in (lambda: tab.keyboard.press("Escape"), lambda: tab.click(".cg-close")):
        open_card(tab, cells, k)
        assert tab.evaluate(f"document.activeElement === {CARD}")
        assert tab.evaluate("Boolean(civigrid.map.cgRing)")
        close()
        assert tab.evaluate(f"{CARD}.hidden")
        assert tab.evaluate("document.activeElement === civigrid.map.getContainer() && !civigrid.map.cgRing")


def test_another_layer_closes_the_card(tab, cells):
    """A card never tells of a layer that is no longer shown."""
    open_card(tab, cells, int(shown(cells, values_of(cells, "people") > 0)[0]))
    tab.evaluate("document.querySelectorAll('.leaflet-control-layers-base input')[1].click()")

    assert tab.evaluate(f"{CARD}.hidden")


def test_the_id_is_copied(browser, tmp_path, cells):
    """The button puts the cell's id on the clipboard and says so."""
    tab = open_page(browser, tmp_path, page_of(cells), permissions=["clipboard-read", "clipboard-write"])
    k = int(shown(cells, values_of(cells, "people") > 0)[0])
    open_card(tab, cells, k)
    tab.click(".cg-card .cg-button")
    tab.wait_for_function(f"{CARD}.querySelector('[role=status]').textContent !== ''")

    assert tab.evaluate(f"{CARD}.querySelector('[role=status]').textContent") == f"Copied: {code_of(cells, k)}"
    assert tab.evaluate("navigator.clipboard.readText()") == code_of(cells, k)
    assert tab.heard == []


def test_the_tooltip_is_short_and_exact(tab, cells):
    """Id, the value that is shown and why; the same as Python's, cell by cell."""
    wanted = shown(cells, np.isfinite(values_of(cells, "minutes")))[::3]
    names = cells["nearest"].attrs["words"].split("|")
    told, expected = [], []
    for k in wanted:
        tab.mouse.move(*point_of(tab, cells, int(k)))
        told.append(
            tab.evaluate(
                "[...document.querySelectorAll('.cg-tip:not([hidden]) .cg-row')].map(r => r.lastChild.textContent)"
            )
        )
        minutes = f"{values_of(cells, 'minutes')[k]:.1f}".removesuffix(".0")
        expected.append(["1 km cell", f"{minutes}\u00a0min", names[int(values_of(cells, "nearest")[k])]])

    assert len(wanted) > 20
    assert told == expected


def test_the_tooltip_can_be_put_away_and_reached(tab, cells):
    """Escape puts it away without moving the pointer; once the pointer rested it may go onto the words."""
    first, second = (int(k) for k in shown(cells, values_of(cells, "people") > 0)[[0, 12]])
    tip = "document.querySelector('.cg-tip')"
    x, y = point_of(tab, cells, first)
    tab.mouse.move(x, y)
    assert not tab.evaluate(f"{tip}.hidden")
    text = tab.evaluate(f"{tip}.textContent")
    tab.wait_for_timeout(800)
    box = tab.evaluate(f"(() => {{ let r = {tip}.getBoundingClientRect(); return [r.left + 20, r.top + 15]; }})()")
    tab.mouse.move(*box, steps=4)
    tab.wait_for_timeout(600)
    assert not tab.evaluate(f"{tip}.hidden")
    assert tab.evaluate(f"{tip}.textContent") == text
    tab.mouse.move(*point_of(tab, cells, second))
    assert not tab.evaluate(f"{tip}.hidden")
    assert tab.evaluate(f"{tip}.textContent") != text
    tab.keyboard.press("Escape")
    assert tab.evaluate(f"{tip}.hidden")
    tab.mouse.move(x, y)
    assert tab.evaluate(f"{tip}.hidden")


def test_words_of_the_data_never_become_code(browser, tmp_path):
    """Names, words of codes, sources, title, words of a language: all are text, wherever they stand."""
    labels = {
        key: f"{key} {HOSTILE}" for key in ("people", "share_born", "minutes", "nearest", "source", "title", "terms")
    }
    labels |= {"question": HOSTILE, "note": f"'\"><svg onload=alert(2)>{HOSTILE}"}
    labels["words"] = "|".join(f"{HOSTILE}{k}" for k in range(4))
    hostile = {k: f"{HOSTILE} {v}" for k, v in ENGLISH.items()}
    cells = town(labels)
    tab = open_page(browser, tmp_path, page_of(cells, labels, lang=make_language("en", hostile)))
    k = int(shown(cells, values_of(cells, "people") > 0)[0])
    tab.mouse.move(*point_of(tab, cells, k))
    assert HOSTILE in tab.evaluate("document.querySelector('.cg-tip').textContent")
    rows = open_card(tab, cells, k)
    assert any(f"minutes {HOSTILE}" in title for title in rows)
    assert tab.evaluate(f"{CARD}.textContent").count("onerror") > 8
    tab.keyboard.press("Escape")
    tab.click("#cg-tools button:nth-child(1)")
    tab.wait_for_function("document.querySelector('.cg-said').textContent.includes('onerror')")
    tab.keyboard.press("t")
    tab.wait_for_selector(".cg-table[open]")
    assert tab.evaluate("document.querySelector('.cg-table').textContent").count("onerror") > 100
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    tab.wait_for_timeout(200)

    assert tab.evaluate("document.querySelectorAll('img, svg[onload], [onerror], [onload]').length") == 0
    assert json.dumps(HOSTILE)[1:-1] in json.dumps(tab.evaluate("document.title"))
    assert tab.heard == []
