"""Comparisons: one set of breaks, differences of released values, who gains, and what a reader does with them."""

import json

import numpy as np
import pytest

from civigrid.cells import make_cells, values_of
from civigrid.errors import GridMismatchError, SchemaError, UnknownNameError
from civigrid.grid import SquareGrid
from civigrid.maps import CellData, CellLayer, Compare, compare_cells, gains_and_losses, make_compare_map, to_html
from civigrid.maps.compare import compare_elements
from civigrid.release import min_count, public_grid, release
from civigrid.style.classes import Classes
from civigrid.types import Column, Status

HOSTILE = "</script><img src=x onerror=alert(1)>"
KM = SquareGrid(cell_size_m=1000)
GROUPS = {"t": Column(long_name="Residents"), "a": Column(long_name=f"Group {HOSTILE}", part_of="t")}


def scenario(minutes, persons, part, *, status=None, keep=None):
    """Cells in rows of ten, with minutes and two counts; NaN minutes lie beyond the search."""
    keep = np.arange(len(minutes)) if keep is None else np.asarray(keep)
    minutes, persons, part = (np.asarray(v, dtype=float)[keep] for v in (minutes, persons, part))
    state = np.where(np.isnan(minutes), Status.OBSERVED_ZERO, Status.OK).astype(np.uint8)
    state = state if status is None else np.asarray(status, dtype=np.uint8)[keep]
    about = {**GROUPS, "m": Column(kind="intensive", units="min", weight="t", long_name="Minutes", of_place=True)}
    row, col = np.divmod(keep, 10)
    ids = KM.from_row_col(3250 + row, 4530 + col)
    return make_cells(KM, ids, {"m": minutes, "t": persons, "a": part}, about, status={"m": state})


def public(cells):
    return release(cells, public_grid())


def test_gains_and_losses_by_hand():
    """Five cells: one gains, one stays within a minute, one loses, one is reached at last, one is not known."""
    before = scenario([20, 20, 20, np.nan, 20], [100, 200, 300, 400, 500], [10, 0, 30, 40, 50])
    after = scenario(
        [5, 20.5, 30, 12, np.nan],
        [100, 200, 300, 400, 500],
        [10, 0, 30, 40, 50],
        status=[0, 0, 0, 0, Status.UNAVAILABLE],
    )
    found = gains_and_losses(compare_cells(public(before), public(after), "m")).set_index("group")

    assert found.loc["t", ["gain", "stay", "lose", "unknown"]].tolist() == [500, 200, 300, 500]
    assert found.loc["a", ["gain", "stay", "lose", "unknown"]].tolist() == [50, 0, 30, 50]
    assert found.loc["t", "mean"] == (-15 * 100 + 0.5 * 200 + 10 * 300) / 600


def test_a_change_is_known_only_where_both_sides_are():
    """Suppressed on one side is suppressed in the change; a cell of one side only is not available."""
    before = scenario([20, 20, 20], [100, 5, 30], [0, 0, 0])
    after = scenario([10, 10, 10], [100, 50, 30], [0, 0, 0], keep=[0, 1])
    sides = [release(c, min_count(10)) for c in (before, after)]
    hidden = scenario([10, np.nan, 10], [100, 50, 30], [0, 0, 0], status=[0, Status.SUPPRESSED, 0])
    found = compare_cells(sides[0], sides[1], "m").release.data
    withheld = compare_cells(public(hidden), sides[0], "m").release.data

    assert values_of(found, "m_change")[0] == -10
    assert np.isnan(values_of(found, "m_change")[2])
    assert found["m_change_status"].to_numpy()[2] == Status.UNAVAILABLE
    assert np.isnan(values_of(withheld, "m_change")[1])
    assert withheld["m_change_status"].to_numpy()[1] == Status.SUPPRESSED


def test_suppressed_counts_are_in_no_table():
    """Persons whom the profile hid are counted nowhere: the table adds released counts."""
    before = scenario([20, 20, 20, 20], [100, 7, 8, 60], [0, 0, 0, 0])
    side = release(before, min_count(10))
    compared = compare_cells(side, side, "m")

    assert gains_and_losses(compared).set_index("group").loc["t", "stay"] == 160
    assert "7" not in json.loads(compare_elements(compared)[-1].settings)["table"]["groups"][0].values()


def test_breaks_are_one_set_for_both_sides():
    """Both layers have the classes of all values together, or the breaks that were given."""
    before, after = scenario([1, 2, 3], [1, 1, 1], [0, 0, 0]), scenario([100, 200, 300], [1, 1, 1], [0, 0, 0])
    compared = compare_cells(public(before), public(after), "m", breaks=(10, 150))
    left, right = compare_elements(compared)[1:3]

    assert left.classes == right.classes == compared.classes
    assert compared.classes.breaks == (10.0, 150.0)
    assert compared.classes.labels == ("1 to 10", "10 to 150", "150 and more")
    with pytest.raises(SchemaError, match="breaks must be finite and rise"):
        compare_cells(public(before), public(after), "m", breaks=(10, 5))


def test_classes_of_a_change_are_alike_on_both_sides_of_zero():
    """Each class of losses mirrors one of gains, also for values on a break; a gain is purple either way."""
    change = np.array([-15.0, -2.0, -1.0, -0.4, 0.0, 0.4, 1.0, 2.0, 15.0])
    before = scenario(np.full(9, 20.0), np.ones(9), np.zeros(9))
    after = scenario(20.0 + change, np.ones(9), np.zeros(9))
    found = compare_cells(public(before), public(after), "m")
    classes = found.change_classes.of(change)
    more = compare_cells(public(before), public(after), "m", better="more").change_classes

    assert (classes + classes[::-1] == len(found.change_classes.labels) - 1).all()
    assert found.change_classes.colors[0] == more.colors[-1]
    counts = values_of(found.release.data, "m_outcome")
    assert counts.tolist() == [2, 2, 2, 1, 1, 1, 0, 0, 0]


def test_counts_have_no_better():
    """More people are no gain and no loss: the table says rise and fall, and every person counts."""
    before, after = scenario([1, 1], [100, 100], [40, 50]), scenario([1, 1], [101, 99], [40, 50])
    compared = compare_cells(public(before), public(after), "t", groups=("t",))
    table = json.loads(compare_elements(compared)[-1].settings)["table"]

    assert compared.better == "neither"
    assert table["words"] == ["rise", "fall"]
    assert (table["groups"][0]["gain"], table["groups"][0]["lose"]) == (100, 100)


def test_what_does_not_compare_is_refused():
    """Unreleased cells, other grids, other units, unknown variables, layers of other classes."""
    one = scenario([1.0], [1], [0])
    half = SquareGrid(cell_size_m=500)
    other = make_cells(half, half.from_row_col(np.array([6500]), np.array([9060])), {"m": [1.0]}, {"m": Column()})
    counted = make_cells(KM, one["cell_id"].to_numpy(), {"m": [1.0]}, {"m": Column()})
    with pytest.raises(TypeError, match="maps compare Releases"):
        compare_cells(one, public(one), "m")
    with pytest.raises(GridMismatchError, match="cannot compare"):
        compare_cells(public(one), public(other), "m")
    with pytest.raises(SchemaError, match="compare like with like"):
        compare_cells(public(one), public(counted), "m")
    with pytest.raises(UnknownNameError, match="variable to compare"):
        compare_cells(public(one), public(one), "q")
    with pytest.raises(UnknownNameError, match="sense of better"):
        compare_cells(public(one), public(one), "m", better="nicer")
    data = CellData(public(one))
    left = CellLayer(data, "m")
    with pytest.raises(SchemaError, match="different classes"):
        Compare(left, CellLayer(data, "m", classes=Classes((1.0,), ("a", "b"), False, "time")))
    with pytest.raises(SchemaError, match="to show a difference"):
        Compare(left, left, mode="difference")
    with pytest.raises(UnknownNameError, match="mode of comparison"):
        Compare(left, left, mode="blink")


@pytest.mark.parametrize("minutes", [[np.nan], [0.0], [1e9]])
def test_odd_sides_are_drawn(minutes):
    """One cell, beyond the search, at the site itself, or absurdly far."""
    side = public(scenario(minutes, [5], [0]))

    assert "civigrid.compare(" in to_html(make_compare_map(compare_cells(side, side, "m"), title="T"))


def test_equal_comparisons_give_equal_bytes():
    """Nothing random is in the page."""
    side = public(scenario([5.0, 6.0], [5, 6], [1, 2]))
    pages = [to_html(make_compare_map(compare_cells(side, side, "m"), title="T")) for _ in range(2)]

    assert pages[0] == pages[1]


@pytest.fixture(scope="module")
def compared():
    rng = np.random.default_rng(4)
    persons, part = rng.integers(10, 900, 400), rng.integers(0, 10, 400)
    before, after = rng.integers(1, 60, 400).astype(float), rng.integers(1, 60, 400).astype(float)
    before[:20] = np.nan
    return compare_cells(
        public(scenario(before, persons, part)), public(scenario(after, persons, part)), "m", labels=("Now", HOSTILE)
    )


@pytest.fixture(scope="module")
def page(browser, compared, tmp_path_factory):
    """A comparison in a browser without a network."""
    path = tmp_path_factory.mktemp("compare") / "map.html"
    path.write_text(to_html(make_compare_map(compared, title="Test")), encoding="utf-8")
    tab = browser.new_context(offline=True, viewport={"width": 1200, "height": 800}).new_page()
    tab.heard = []
    tab.on("request", lambda r: tab.heard.append(r.url))
    tab.on("console", lambda m: tab.heard.append(m.text))
    tab.on("pageerror", lambda e: tab.heard.append(str(e)))
    tab.goto(f"file://{path}")
    tab.wait_for_function("Object.values(civigrid.stores).every(s => s.done)")
    tab.wait_for_timeout(300)
    return tab


def drawn(cells, name):
    """Values in the order of the page: by row, then by column."""
    row, col = KM.row_col(cells["cell_id"].to_numpy())
    return values_of(cells, name)[np.lexsort((col, row))]


def choose(page, mode):
    page.evaluate("(m) => civigrid.map.civigridCompare.choose(m)", mode)
    page.wait_for_timeout(400)


def clip(page, name):
    return page.evaluate("(n) => civigrid.map.getPane(n).style.clipPath", name)


@pytest.mark.browser
def test_the_divider_moves_by_keyboard_and_pointer(page):
    """Arrows move it by one hundredth, Page keys by ten, Home and End to the ends; it can be dragged."""
    choose(page, "swipe")
    bar = page.locator(".cg-swipe")
    # it begins in the middle of what legend and layers leave free
    start = int(bar.get_attribute("aria-valuenow"))
    width = page.viewport_size["width"]
    assert start == pytest.approx(100 * (width - 310) / 2 / width, abs=0.6)
    told = []
    for key in ("ArrowRight", "PageDown", "Home", "End"):
        bar.press(key)
        told.append(bar.get_attribute("aria-valuenow"))
    before = clip(page, "cg-left")
    bar.press("Home")
    page.mouse.move(3, 300)
    page.mouse.down()
    page.mouse.move(300, 310, steps=4)
    page.mouse.up()
    page.wait_for_timeout(100)

    assert told == [str(start + 1), str(start - 9), "0", "100"]
    assert bar.get_attribute("aria-valuenow") == "25"
    assert clip(page, "cg-left") != before
    assert bar.get_attribute("aria-valuetext") == "Now: 25 % of the map"
    left, right = (
        page.evaluate(f"civigrid.map.civigridCompare.layers[{k}].getContainer().parentNode.className") for k in (0, 1)
    )
    assert ("cg-left" in left, "cg-right" in right) == (True, True)


@pytest.mark.browser
def test_each_side_shows_its_own_values(page, compared):
    """Left of the divider the pixel of a cell has the colour of the first side, right of it that of the second."""
    choose(page, "swipe")
    script = """() => civigrid.map.civigridCompare.layers.slice(0, 2).map(l => {
      let level = l.data.levels[0], out = [];
      for (let i = 0; i < level.n; i++) { out.push(l.classOf(level, i)); }
      return out; })"""
    left, right = page.evaluate(script)
    sides = [drawn(compared.release.data, n) for n in (compared.left, compared.right)]

    assert left == compared.classes.of(sides[0]).tolist()
    assert right == compared.classes.of(sides[1]).tolist()


@pytest.mark.browser
def test_two_maps_have_one_view(page):
    """What the first map shows the second does, both ways; what is pointed at is marked and told on both."""
    choose(page, "pair")
    page.evaluate("civigrid.map.setView([52.2, 13.3], 10, {animate: false})")
    page.wait_for_timeout(200)
    script = """() => { let s = civigrid.map.civigridCompare.modes.pair.second();
      return [civigrid.map, s].map(m => { let c = m.getCenter();
        return [m.getZoom(), Math.round(c.lat * 100), Math.round(c.lng * 100)]; }); }"""
    one, two = page.evaluate(script)
    page.evaluate("civigrid.map.civigridCompare.modes.pair.second().panBy([60, 40], {animate: false})")
    page.wait_for_timeout(200)
    moved = page.evaluate(script)
    page.mouse.move(300, 300)
    page.wait_for_timeout(100)
    crosses = page.evaluate("[...document.querySelectorAll('.cg-cross')].map(c => c.style.display)")
    choose(page, "swipe")

    assert one == two == [10, 5220, 1330]
    assert moved[0] == moved[1] != one
    assert "block" in crosses
    assert page.evaluate("document.querySelectorAll('.cg-second').length") == 0


@pytest.mark.browser
def test_the_difference_is_that_of_python(page, compared):
    """Each cell's change in the page is right less left, as Python has it."""
    choose(page, "difference")
    script = """() => { let l = civigrid.map.civigridCompare.layers[2], level = l.data.levels[0], out = [];
      for (let i = 0; i < level.n; i++) { let x = civigrid.valueOf(level.values[l.name], i); out.push(x); }
      return out.map(x => x === x ? x : null); }"""
    found = page.evaluate(script)
    expected = drawn(compared.release.data, compared.change)
    legend = page.evaluate("document.querySelector('.cg-legend').textContent")
    choose(page, "swipe")

    assert [None if np.isnan(v) else v for v in expected] == found
    assert "+1 to" in legend


@pytest.mark.browser
def test_the_table_tells_and_shows(page, compared):
    """Its numbers are Python's; pressed by keyboard, one leaves only its cells in full colour."""
    expected = gains_and_losses(compared).set_index("group")
    rows = page.evaluate(
        "[...document.querySelectorAll('.cg-gains tbody tr:not(.cg-split-row)')]"
        ".map(r => [...r.cells].map(c => c.textContent))"
    )
    page.evaluate("document.querySelectorAll('.cg-gains tbody .cg-pick')[1].focus()")
    page.keyboard.press("Enter")
    page.wait_for_timeout(100)
    script = """() => { let l = civigrid.map.civigridCompare.layers[0], level = l.data.levels[0], out = [];
      for (let i = 0; i < level.n; i++) { out.push(l.mask(level, i)); } return out; }"""
    masked = page.evaluate(script)
    pressed = page.evaluate("document.activeElement.getAttribute('aria-pressed')")
    page.keyboard.press("Space")

    assert rows[0][0] == "Residents"
    assert HOSTILE in rows[1][0]
    assert [int(c.replace(",", "")) for c in rows[0][1:4]] == expected.loc["t", ["gain", "stay", "lose"]].tolist()
    assert masked == (drawn(compared.release.data, compared.outcome) == 2).tolist()
    assert pressed == "true"
    assert page.evaluate("civigrid.map.civigridCompare.layers[0].mask") is None


@pytest.mark.browser
def test_a_comparison_is_silent(page):
    """No request, no message, no error, no markup of the data's, after all that was pressed."""
    assert [h for h in page.heard if not h.startswith(("file://", "data:", "blob:"))] == []
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    assert HOSTILE in page.evaluate("document.querySelector('.cg-swipe').textContent")
