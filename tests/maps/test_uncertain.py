"""What is uncertain, suppressed or missing is told apart: by pattern on the map, by row in the legend, in words."""

import json

import numpy as np
import pytest
from pages import KM, open_page, until

from civigrid.cells import make_cells
from civigrid.maps import CellData, CellLayer, compare_cells, make_map, to_html
from civigrid.maps.compare import compare_elements
from civigrid.release import public_grid, release
from civigrid.types import Column, Status

N = 100


def rates(error=0.5):
    """Ten by ten cells of minutes: some values withheld, not available, beyond the search, estimated, or rough."""
    minutes = np.linspace(2.0, 40.0, N)
    status = np.zeros(N, dtype=np.uint8)
    status[:10], status[10:20], status[20:30] = Status.SUPPRESSED, Status.UNAVAILABLE, Status.OBSERVED_ZERO
    minutes[:30] = np.nan
    status[30:40] = Status.IMPUTED
    errors = np.where(np.arange(N) >= 95, minutes * error, 0.01)
    row, col = np.divmod(np.arange(N), 10)
    about = {
        "m": Column(long_name="Minutes", kind="intensive", units="min", weight="t"),
        "m_se": Column(long_name="Error", kind="intensive", units="min"),
        "t": Column(long_name="Residents"),
    }
    values = {"m": minutes, "m_se": np.nan_to_num(errors, nan=0.01), "t": np.full(N, 50.0)}
    ids = KM.from_row_col(3250 + row, 4530 + col)
    return make_cells(KM, ids, values, about, status={"m": status})


def settings(cells):
    """What the page knows of the minutes."""
    layer = CellLayer(CellData(release(cells, public_grid()), ["m", "t"]), "m")
    return json.loads(layer.settings)


def test_errors_and_statuses_make_values_uncertain():
    """Five values whose error is above a third of them, ten that are estimated; nothing where errors are small."""
    rough, exact = settings(rates()), settings(rates(error=0.1))

    assert (rough["uncertain"], rough["legend"]["rough"]) == ("m_uncertain", 5)
    assert rough["legend"]["uncertain_by"] == [{"status": 6, "cells": 10}]
    assert rough["legend"]["lines"]
    assert (exact["uncertain"], exact["legend"]["rough"]) == ("", 0)


def test_lines_over_most_of_a_map_are_left_out():
    """Where most values are estimated, lines would hide them; the legend still counts them."""
    cells = rates()
    cells["m_status"][np.isfinite(cells["m"].to_numpy())] = Status.IMPUTED

    found = settings(cells)["legend"]
    assert not found["lines"]
    assert found["uncertain_by"] == [{"status": 6, "cells": 70}]


def test_both_sides_of_a_comparison_count_what_is_uncertain():
    """Estimated and withheld cells stand beside each other for both sides, and both sides are lined."""
    left, right = rates(), rates()
    right["m_status"][np.flatnonzero(right["m_status"].to_numpy() == Status.IMPUTED)[:4]] = Status.OK
    compared = compare_cells(release(left, public_grid()), release(right, public_grid()), "m")
    both = json.loads(compare_elements(compared)[-1].settings)["legend"]

    assert [(r["status"], r["numbers"]) for r in both["uncertain_by"]] == [(6, [10, 6])]
    assert {r["reason"]: r["numbers"] for r in both["missing_rows"]} == {
        "suppressed": [10, 10], "unavailable": [10, 10], "beyond": [10, 10],
    }  # fmt: skip
    assert both["lines"]


def test_the_map_in_words_is_there_without_asking():
    """Range, who is served worst, what is missing and why, what is uncertain; in the language of the page."""
    page = to_html(make_map(release(rates(), public_grid()), ["m", "t"], title="T", lang="de"))

    assert '<section id="cg-summary-0" data-variable="m">' in page
    assert "brauchen mehr als 15 Minuten" in page
    assert "10 zum Schutz von Personen unterdrückt; 10 nicht verfügbar; 10 in der gesuchten Zeit nicht erreicht" in page
    assert "Unsicher und schraffiert: 21 % der Werte (15)." in page


PIXELS = """() => { let l = civigrid.top(civigrid.map), found = {};
  for (let key in l._tiles) { let t = l._tiles[key].el, w = t.width;
    let d = t.getContext('2d').getImageData(0, 0, w, w).data;
    for (let o = 0; o < w * w; o++) { let i = t.cells[o]; if (i < 0) { continue; }
      let s = t.level.values.m.state[i], k = s + (l.rough(t.level, i) ? 'r' : '');
      found[k] = found[k] || {}; let c = [d[4 * o], d[4 * o + 1], d[4 * o + 2]].join();
      found[k][c] = (found[k][c] || 0) + 1; } }
  return found; }"""


@pytest.mark.browser
def test_each_reason_has_its_pattern(browser, tmp_path):
    """Paper and lines in each reason's own part; thin lines over the colour of what is uncertain; none elsewhere."""
    tab = open_page(browser, tmp_path, to_html(make_map(release(rates(), public_grid()), ["m", "t"], title="T")))
    found = tab.evaluate(PIXELS)
    paper, line, dark, light = "233,233,230", "138,143,148", "60,60,60", "240,240,240"

    part = {k: found[k][line] / sum(found[k].values()) for k in ("7", "4", "1")}
    assert all(set(found[k]) == {paper, line} for k in part)
    assert part["7"] == pytest.approx(0.2, abs=0.02)
    assert part["4"] == pytest.approx(0.2, abs=0.02)
    assert part["1"] == pytest.approx(0.36, abs=0.03)
    for key in ("6", "0r"):
        lines = sum(n for c, n in found[key].items() if c in (dark, light))
        assert lines / sum(found[key].values()) == pytest.approx(1 / 6, abs=0.02)
    assert not {paper, line, dark, light} & set(found["0"])
    assert tab.heard == []


@pytest.mark.browser
def test_rough_values_are_highlighted(browser, tmp_path):
    """Its row in the legend leaves only what has a large error in full colour."""
    tab = open_page(browser, tmp_path, to_html(make_map(release(rates(), public_grid()), ["m", "t"], title="T")))
    tab.click("button.cg-class:has-text('standard error')")
    until(tab, "civigrid.top(civigrid.map).chosen === -100")
    full = """() => { let l = civigrid.top(civigrid.map), level = l.data.levels[0], n = 0;
      for (let i = 0; i < level.n; i++) { if (l.mask(level, i)) { n += 1; } } return n; }"""

    assert tab.evaluate(full) == 5
    assert tab.heard == []
