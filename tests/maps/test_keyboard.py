"""A map without a mouse: cells by arrow keys, the table, the file of all cells; each step said aloud."""

import csv
import io

import numpy as np
import pytest
from pages import HOSTILE, KM, code_of, open_page, page_of, town

from civigrid.cells import ids_of, make_cells, status_of, values_of
from civigrid.grid import H3Grid
from civigrid.maps import make_map, to_html
from civigrid.maps.words import ENGLISH
from civigrid.release import public_grid, release
from civigrid.types import Column

pytestmark = pytest.mark.browser
SAID = "document.querySelector('.cg-said').textContent"
FOUND = "civigrid.reader.cursor.found.code"


@pytest.fixture(scope="module")
def cells():
    """The town."""
    return town()


@pytest.fixture
def tab(browser, tmp_path, cells):
    """The town's page, read by keyboard alone, and nothing heard when it closes."""
    made = open_page(browser, tmp_path, page_of(cells))
    yield made
    made.context.close()
    assert made.heard == []


def press(tab, *keys):
    """Press keys and wait until what they say is said."""
    for key in keys:
        tab.keyboard.press(key)
    tab.wait_for_timeout(250)


def focused(tab):
    """Text of what has the focus."""
    return tab.evaluate(
        "document.activeElement.textContent.trim() || document.activeElement.getAttribute('aria-label')"
    )


def reading(tab):
    """Reach the mode by Tab alone."""
    for _ in range(12):
        tab.keyboard.press("Tab")
        if focused(tab) == "Read cells by keyboard":
            break
    press(tab, "Enter")
    tab.wait_for_function("Boolean(civigrid.reader.cursor.found)")
    tab.wait_for_timeout(200)


def neighbour(cells, code, d_row, d_col):
    """Code of the next cell of the town in a direction, skipping up to fifty holes; the cell itself where none is."""
    row, col = KM.row_col(ids_of(cells))
    here = [code_of(cells, k) for k in range(len(row))]
    k = here.index(code)
    places = {(int(r), int(c)): i for i, (r, c) in enumerate(zip(row, col, strict=True))}
    steps = ((row[k] + s * d_row, col[k] + s * d_col) for s in range(1, 51))
    return next((here[places[p]] for p in steps if p in places), code)


def test_the_whole_page_by_keyboard(tab, cells):
    """Skip link first; then tools, cells, card, table and back, with the focus always somewhere that is seen."""
    press(tab, "Tab")
    assert focused(tab) == "Skip to the map"
    reading(tab)
    assert tab.evaluate("document.activeElement.getAttribute('role')") == "application"
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    first = tab.evaluate(FOUND)
    press(tab, "ArrowRight")
    assert tab.evaluate(FOUND) == neighbour(cells, first, 0, 1)
    press(tab, "Enter")
    assert tab.evaluate("document.activeElement.className") == "cg-card"
    assert focused(tab).startswith(f"Cell {tab.evaluate(FOUND)}")
    press(tab, "Escape")
    assert tab.evaluate("document.activeElement.getAttribute('role')") == "application"
    press(tab, "t")
    assert tab.evaluate("document.querySelector('.cg-table').open")
    assert tab.evaluate("document.querySelector('.cg-table').contains(document.activeElement)")
    press(tab, "Escape")
    assert not tab.evaluate("document.querySelector('.cg-table').open")
    assert tab.evaluate("document.activeElement.getAttribute('role')") == "application"
    press(tab, "Escape")
    assert focused(tab) == "Read cells by keyboard"
    assert tab.evaluate(SAID) == ENGLISH["cursor_left"]
    assert tab.evaluate("!civigrid.map.cgRing")


def test_arrows_go_cell_by_cell(tab, cells):
    """Sixty steps in all directions: each is the cell Python finds there, over holes too, and at the edge it stays."""
    reading(tab)
    sides = {"ArrowUp": (1, 0), "ArrowDown": (-1, 0), "ArrowLeft": (0, -1), "ArrowRight": (0, 1)}
    code = tab.evaluate(FOUND)
    walk = np.random.default_rng(0).choice(list(sides), 60).tolist() + ["ArrowUp"] * 25
    for key in walk:
        tab.keyboard.press(key)
        code = neighbour(cells, code, *sides[key])
        assert tab.evaluate(FOUND) == code
    tab.wait_for_timeout(250)

    assert tab.evaluate(SAID) == "No cell to the north."
    press(tab, "Shift+ArrowDown")
    for _ in range(10):
        code = neighbour(cells, code, -1, 0)
    assert tab.evaluate(FOUND) == code


def test_each_step_is_said(tab, cells):
    """Value, unit, name and place are said politely, once; a gap is said first."""
    reading(tab)
    press(tab, "Home")
    k = int(np.argmax(values_of(cells, "minutes")))
    minutes = f"{values_of(cells, 'minutes')[k]:.1f}".removesuffix(".0")
    row, col = KM.row_col(ids_of(cells)[k : k + 1])

    assert tab.evaluate(f"{SAID}.replace(/\\u00a0/g, ' ')") == (
        f"Highest value. {minutes} min. Minutes to the nearest library. North {row[0]}, east {col[0]}."
    )
    assert tab.evaluate("document.querySelector('.cg-said').getAttribute('role')") == "status"
    press(tab, "End")
    assert tab.evaluate(FOUND) == code_of(cells, int(np.argmin(values_of(cells, "minutes"))))
    assert tab.evaluate(SAID).startswith("Lowest value.")
    row, col = (v.tolist() for v in KM.row_col(ids_of(cells)))
    places = set(zip(row, col, strict=True))
    before = next(
        k
        for k, (r, c) in enumerate(zip(row, col, strict=True))
        if (r, c + 1) not in places and (r, c + 2) in places and row[k] > 3255
    )
    tab.evaluate(
        "(code) => { let c = civigrid.reader.cursor, l = c.found.level;"
        " for (let i = 0; i < l.n; i++) { if (l.cells.code(i) === code) { c.go(l, i, ''); } } }",
        code_of(cells, before),
    )
    press(tab, "ArrowRight")
    assert tab.evaluate(SAID).startswith("After a gap of 1 km. ")


def test_the_mode_keeps_out_of_the_map_s_own_keys(tab):
    """On the map itself arrows pan, C begins to read; in the mode arrows leave the map where it is, and keys zoom."""
    tab.evaluate("civigrid.map.getContainer().focus()")
    place = tab.evaluate("civigrid.map.getCenter().lng")
    press(tab, "ArrowRight")
    tab.wait_for_timeout(500)
    assert tab.evaluate("civigrid.map.getCenter().lng") > place
    place = tab.evaluate("[civigrid.map.getCenter().lng, civigrid.map.getZoom()]")
    press(tab, "c")
    tab.wait_for_function("Boolean(civigrid.reader.cursor.found)")
    press(tab, "ArrowLeft")
    assert tab.evaluate("[civigrid.map.getCenter().lng, civigrid.map.getZoom()]") == place
    code = tab.evaluate(FOUND)
    press(tab, "PageUp")
    tab.wait_for_timeout(600)
    assert tab.evaluate("civigrid.map.getZoom()") == place[1] + 1
    assert tab.evaluate(FOUND) == code


def test_another_indicator_is_read_at_the_same_cell(tab, cells):
    """Changing the layer while reading keeps the cell and says the new value."""
    reading(tab)
    press(tab, "ArrowUp", "ArrowLeft")
    code = tab.evaluate(FOUND)
    tab.evaluate("document.querySelectorAll('.leaflet-control-layers-base input')[1].click()")
    tab.wait_for_timeout(400)

    assert tab.evaluate(FOUND) == code
    assert "persons. Residents." in tab.evaluate(f"{SAID}.replace(/\\u00a0/g, ' ')")


def test_the_table_is_sorted_by_keyboard(tab, cells):
    """Columns sort both ways by Enter, missing values last; rows can be added up to all of them."""
    tab.evaluate("document.querySelector('#cg-tools button:nth-child(2)').focus()")
    press(tab, "Enter")
    head = "[...document.querySelectorAll('.cg-table thead th')]"
    column = tab.evaluate(f"{head}.map(h => h.textContent.replace(/[▲▼↕]/g, ''))")
    k = column.index("Share born elsewhere")
    assert tab.evaluate(f"{head}[1].getAttribute('aria-sort')") == "descending"
    row = f"r => [r.children[0].textContent, r.children[{k}].firstChild.textContent]"
    body = f"[...document.querySelectorAll('.cg-table tbody tr')].map({row})"
    tab.evaluate(f"{head}[{k}].querySelector('button').focus()")
    shares, n = values_of(cells, "share_born"), len(ids_of(cells))
    codes = [code_of(cells, i) for i in range(n)]
    tidy = np.round(shares, 4)
    for sign, word in ((-1, "descending"), (1, "ascending")):
        press(tab, "Enter")
        order = sorted(range(n), key=lambda i, s=sign: (np.isnan(tidy[i]), s * np.nan_to_num(tidy[i]), i))[:50]
        told = [float(v.split("%")[0]) for _, v in tab.evaluate(body)]
        np.testing.assert_allclose(told, [100 * tidy[i] for i in order], atol=0.0501)
        assert tab.evaluate(f"{head}[{k}].getAttribute('aria-sort')") == word
    while not tab.evaluate("document.querySelector('.cg-table .cg-buttons button').hidden"):
        tab.click(".cg-table .cg-buttons button")
    rows = tab.evaluate(body)
    missing = [v for _, v in rows if "%" not in v]

    assert sorted(code for code, _ in rows) == sorted(codes)
    assert len(missing) == int(np.isnan(shares).sum())
    assert [v for _, v in rows][-len(missing) :] == missing


def test_a_row_leads_to_its_cell(tab, cells):
    """The button of a row shows the cell on the map and opens its card."""
    tab.click("#cg-tools button:nth-child(2)")
    tab.wait_for_selector(".cg-table[open]")
    tab.evaluate("document.querySelectorAll('.cg-table tbody th button')[3].focus()")
    code = focused(tab)
    press(tab, "Enter")
    tab.wait_for_selector(".cg-card:not([hidden])")

    assert tab.evaluate("document.querySelector('.cg-card h2').textContent") == f"Cell {code}"
    assert not tab.evaluate("document.querySelector('.cg-table').open")


def test_the_file_has_every_value(tab, cells):
    """The download holds all cells with exact values, statuses in words, and asks the network for nothing."""
    tab.click("#cg-tools button:nth-child(2)")
    tab.wait_for_selector(".cg-table[open]")
    with tab.expect_download() as waiting:
        tab.click(".cg-table .cg-buttons button:nth-child(2)")
    text = waiting.value.path().read_bytes()
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))
    by_code = {row["cell"]: row for row in rows}
    names = cells["nearest"].attrs["words"].split("|")

    assert waiting.value.suggested_filename == "Who-reaches-a-library-on-foot.csv"
    assert text.startswith(b"\xef\xbb\xbf")
    assert len(rows) == len(ids_of(cells))
    for k in range(len(rows)):
        row, share = by_code[code_of(cells, k)], values_of(cells, "share_born")[k]
        assert float(row["people"]) == values_of(cells, "people")[k]
        assert float(row["minutes"]) == values_of(cells, "minutes")[k]
        assert row["nearest"] == names[int(values_of(cells, "nearest")[k])]
        assert (row["share_born"] == "") == bool(np.isnan(share))
        if not np.isnan(share):
            assert float(row["share_born"]) == pytest.approx(share, abs=5e-5)
        status = int(status_of(cells, "share_born")[k])
        assert row["share_born_status"] == (ENGLISH[f"status_{status}"] if status > 1 else "")


def test_no_word_of_the_file_is_run_as_a_formula(browser, tmp_path):
    """A category that begins like a formula gets an apostrophe; quotes and line ends are escaped by RFC 4180."""
    words = "=HYPERLINK(1)|+1|-1|@SUM(A1)"
    tab = open_page(browser, tmp_path, page_of(town({"words": words, "nearest": f'a "b", {HOSTILE}'})))
    text = tab.evaluate("civigrid.csv(Object.values(civigrid.stores)[0]).text()")
    found = {row["nearest"] for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))}

    assert found == {f"'{word}" for word in words.split("|")}


@pytest.mark.parametrize("side", ["ArrowRight", "ArrowUp"])
def test_hexagons_by_keyboard(browser, tmp_path, side):
    """Hexagons are walked too: each step lies in its direction, is another cell, and its id is H3's."""
    grid = H3Grid(7)
    ids = np.unique(grid.cell_at(np.random.default_rng(1).uniform([13.0, 52.2], [13.8, 52.8], (6000, 2))))
    cells = make_cells(grid, ids, {"t": np.arange(len(ids), dtype=float)}, {"t": Column(long_name="T")})
    tab = open_page(browser, tmp_path, to_html(make_map(release(cells, public_grid()), ["t"], title="H")))
    reading(tab)
    codes, places = [tab.evaluate(FOUND)], [tab.evaluate("civigrid.reader.cursor.latlng")]
    for _ in range(6):
        press(tab, side)
        codes.append(tab.evaluate(FOUND))
        places.append(tab.evaluate("civigrid.reader.cursor.latlng"))
    moved = np.diff([[p["lng"], p["lat"]] for p in places], axis=0)

    assert set(codes) <= {f"{i:x}" for i in ids.tolist()}
    assert len(set(codes)) == 7
    assert (moved[:, 0 if side == "ArrowRight" else 1] > 0).all()
    assert "Latitude 52." in tab.evaluate(SAID)
    assert tab.heard == []
