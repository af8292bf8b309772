"""Maps: what they carry, what they refuse, and what a browser without a network sees."""

import base64
import json
import re
import zlib

import geopandas as gpd
import numpy as np
import pytest
import shapely
from matplotlib.colors import rgb_to_hsv, to_rgb
from pyproj import Transformer

from civigrid.cells import ids_of, make_cells, values_of
from civigrid.errors import UnknownNameError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.layers.segregation import segregation_cells
from civigrid.maps import CellData, CellLayer, SiteLayer, make_map, to_html
from civigrid.maps.encode import encode_cells, rounded
from civigrid.release import min_count, public_grid, release
from civigrid.source import Licence
from civigrid.style.classes import classify
from civigrid.style.palette import SCHEMES, SETTLEMENT, SETTLEMENT_1, colors
from civigrid.types import Column, Status

HOSTILE = "</script><img src=x onerror=alert(1)>"
KM = SquareGrid(cell_size_m=1000)


def town(n=400, seed=0):
    rng = np.random.default_rng(seed)
    row, col = np.unravel_index(rng.choice(1600, n, replace=False), (40, 40))
    values = {"a": rng.integers(0, 500, n).astype(float), "b": rng.integers(0, 900, n).astype(float)}
    status = np.full(n, Status.OK, dtype=np.uint8)
    status[:5] = Status.CONFIDENTIAL
    values["a"][:5] = np.nan
    about = {
        "a": Column(long_name=f"Group {HOSTILE}", source="test", reference_date="2021"),
        "b": Column(long_name="Others"),
    }
    return make_cells(KM, KM.from_row_col(3250 + row, 4530 + col), values, about, status={"a": status})


def unpack(text, width, plain=False):
    """Numbers, or their differences, in byte planes, back to whole numbers below ``256 ** width``."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8).reshape(width, -1).astype(np.int64)
    words = sum(plane << 8 * k for k, plane in enumerate(planes))
    return words if plain else np.cumsum(words) % 256**width


def values_in(level, name, decimals=0):
    """Values a page decodes: NaN where nothing is known."""
    found = level["values"][name]
    code = unpack(found["data"], found["width"], found.get("plain", False))
    return np.where(code == 0, np.nan, (found["low"] + code - 1) / 10.0**decimals)


def test_the_encoding_comes_back():
    """Runs give the cells in order, counts are exact, rates to four decimals."""
    cells = segregation_cells(town(), ["a", "b"])
    about = encode_cells(cells, ["a", "b", "share_b"])
    level = about["levels"][0]
    runs = unpack(level["ids"], 4).reshape(3, -1)
    found = [(r, c + k) for r, c, n in runs.T for k in range(n)]
    row, col = KM.row_col(ids_of(cells))
    order = np.lexsort((col, row))

    assert list(zip(row[order].tolist(), col[order].tolist(), strict=True)) == found
    for name, decimals in {"a": 0, "b": 0, "share_b": 4}.items():
        assert about["about"][name]["decimals"] == decimals
        np.testing.assert_array_equal(
            values_in(level, name, decimals), np.round(values_of(cells, name)[order], decimals)
        )


@pytest.mark.parametrize(
    ("values", "units", "decimals"),
    [
        ([1e-6, 3e-6, np.nan], "1", 10),
        ([0.5, 9e8], "persons/km2", 0),
        ([3e12, 5e12], "persons", -4),
        ([-7.25, 1e3], "min", 1),
        ([np.nan, np.nan], "1", 0),
    ],
)
def test_values_of_any_size_keep_their_digits(values, units, decimals):
    """Tiny, huge, negative and missing values come back to the decimals that the page states."""
    cells = make_cells(KM, KM.from_row_col([3000] * len(values), 4000 + np.arange(len(values))), {"v": values},
                       {"v": Column(units=units, kind="intensive")})  # fmt: skip
    coded = encode_cells(cells, ["v"])

    assert coded["about"]["v"]["decimals"] == decimals
    found = values_in(coded["levels"][0], "v", decimals)
    np.testing.assert_allclose(found, rounded(np.array(values), decimals), rtol=1e-15)
    np.testing.assert_allclose(found, values, atol=0.5 * 10.0**-decimals)


def test_overviews_keep_totals():
    """Coarser levels hold the same people; rates are weighted means."""
    n = 180
    row, col = np.divmod(np.arange(n * n), n)
    people = np.arange(n * n, dtype=float) % 97
    rate = (np.arange(n * n) % 10) / 10
    index = Column(kind="intensive", units="1")
    about = {"t": Column(), "r": Column(kind="intensive", units="1", weight="t"), "index": index}
    values = {"t": people, "r": rate, "index": rate}
    cells = make_cells(KM, KM.from_row_col(2000 + row, 4000 + col), values, about)
    levels = encode_cells(cells, ["t", "r", "index"])["levels"]

    assert [level["size"] for level in levels] == [1000, 4000, 16000]
    for level in levels:
        assert people.sum() == values_in(level, "t").sum()
        np.testing.assert_allclose((values_in(level, "t") * values_in(level, "r", 4)).sum(), people @ rate, rtol=1e-4)
    # what has no weight cannot be averaged
    assert ["index" in level["values"] for level in levels] == [True, False, False]


def test_hexagons_keep_totals():
    """Parents hold the same people at each coarser resolution."""
    grid = H3Grid(9)
    ids = np.unique(
        grid.cell_at(np.stack(np.meshgrid(np.linspace(13, 14, 400), np.linspace(52, 53, 400)), -1).reshape(-1, 2))
    )
    people = (np.arange(len(ids)) % 50).astype(float)
    levels = encode_cells(make_cells(grid, ids, {"t": people}, {"t": Column()}), ["t"])["levels"]

    assert [level["resolution"] for level in levels] == [9, 8, 7, 6]
    assert [values_in(level, "t").sum() for level in levels] == [people.sum()] * 4


def test_maps_show_nothing_but_a_release():
    """Unreleased cells and sites are refused."""
    with pytest.raises(TypeError, match="maps show a Release"):
        CellData(town())
    with pytest.raises(TypeError, match="maps show a Release"):
        SiteLayer(gpd.GeoDataFrame())


def machado(rgb, kind):
    """Simulate colour blindness, severity 1 (Machado, Oliveira and Fernandes 2009), on linear RGB."""
    matrix = {
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "normal": np.eye(3),
    }[kind]
    return np.clip(rgb @ np.array(matrix).T, 0, 1)


def lab(hexes, kind):
    srgb = np.array([[int(h[i : i + 2], 16) for i in (1, 3, 5)] for h in hexes]) / 255
    linear = machado(np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4), kind)
    xyz = linear @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T
    f = np.cbrt(xyz / np.array([0.95047, 1.0, 1.08883]))
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


OWN = {"settlement": tuple(SETTLEMENT.values()), "settlement, level 1": tuple(SETTLEMENT_1.values())}


@pytest.mark.parametrize("scheme", [*SCHEMES, *OWN])
def test_palettes_serve_the_colour_blind_and_are_never_red(scheme):
    """Neighbouring classes differ by 9 or more in CIELAB for everyone; no class is red."""
    found = OWN.get(scheme) or colors(scheme, 5)
    for kind in ("normal", "protan", "deutan"):
        steps = np.linalg.norm(np.diff(lab(found, kind), axis=0), axis=1)
        assert steps.min() > 9, (scheme, kind, steps)
    for hue, saturation, value in map(rgb_to_hsv, [to_rgb(h) for h in found]):
        assert not ((hue < 20 / 360 or hue > 340 / 360) and saturation > 0.5 and value > 0.5)
    with pytest.raises(UnknownNameError, match="colour scheme"):
        colors("danger", 5)


def test_classes_speak_and_count():
    """Counts have a class for zero; minutes and quotients have fixed breaks; constants have one class."""
    counts = classify(np.array([0.0, 0.0, 1.0, 5.0, 9.0, 100.0]), Column())

    assert counts.zero
    assert counts.labels[0] == "0"
    assert classify(np.arange(60.0), Column(units="min", kind="intensive")).breaks == (5.0, 10.0, 15.0, 30.0, 45.0)
    assert classify(np.array([0.5, 2.0]), Column(kind="intensive", units="1"), name="lq_a").scheme == "around"
    assert len(classify(np.full(5, 0.3), Column(kind="intensive", units="1")).labels) == 1


def test_codes_of_classes_have_words_and_colours():
    """Only classes that occur are in the legend, in words; a coarser cell has the class of most of its people."""
    n = 180
    row, col = np.divmod(np.arange(n * n), n)
    code = np.where((row % 16 == 0) & (col % 16 == 0), 30.0, 11.0)
    people = np.where(code == 30, 1000.0, np.where(row < 16, 0.0, 1.0))
    code[(row < 16) & (code == 30)] = 10
    people[(row < 16)] = 0
    column = Column(kind="intensive", units="class", weight="t", long_name="Degree of urbanisation")
    values, about = {"t": people, "degurba_2": code}, {"t": Column(), "degurba_2": column}
    cells = make_cells(KM, KM.from_row_col(2000 + row, 4000 + col), values, about)
    data = CellData(release(cells, public_grid()), ["degurba_2"])
    legend = CellLayer(data, "degurba_2").legend
    coarse = encode_cells(cells, ["degurba_2"])
    found = values_in(coarse["levels"][2], "degurba_2")

    assert [c["label"] for c in legend["classes"]] == ["Water", "Very low density rural", "Urban centre"]
    assert [c["color"] for c in legend["classes"]] == [SETTLEMENT[k] for k in (10, 11, 30)]
    assert coarse["about"]["degurba_2"]["words"]["30"] == "urban centre"
    # nobody lives in the south: most cells decide there; elsewhere the one cell with a thousand people does
    assert set(found.tolist()) == {11, 30}
    assert (found == 11).sum() == 12


def test_hostile_words_never_become_markup():
    """A label with a script in it stays text, in data, legend, title and licences."""
    sites = gpd.GeoDataFrame(
        {"name": [HOSTILE], "kind": [HOSTILE]}, geometry=[shapely.Point(13.4, 52.5)], crs="EPSG:4326"
    )
    terms = [Licence(attribution=HOSTILE, licence="CC")]
    page = make_map(
        release(town(), public_grid(), terms=terms),
        ["a", "b"],
        title=HOSTILE,
        question=HOSTILE,
        sites=[SiteLayer(release(sites, public_grid()))],
    )
    html = to_html(page)

    assert "<img src=x" not in html
    assert not re.search(r"https?://(?!www\.w3\.org|leafletjs\.com)[^\s\"'<)]*\.(js|css|png)", html)


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """A page of squares, opened from a file with the network off."""
    cells = segregation_cells(town(), ["a", "b"])
    sites = gpd.GeoDataFrame(
        {"name": [HOSTILE], "kind": ["library"]}, geometry=[shapely.Point(13.4, 52.5)], crs="EPSG:4326"
    )
    html = to_html(
        make_map(
            release(cells, public_grid()),
            ["b", "a", "share_b"],
            title="Test",
            sites=[SiteLayer(release(sites, public_grid()))],
        )
    )
    path = tmp_path_factory.mktemp("map") / "map.html"
    path.write_text(html, encoding="utf-8")
    tab = browser.new_context(offline=True, viewport={"width": 1000, "height": 800}).new_page()
    tab.heard = []
    tab.on("request", lambda r: tab.heard.append(r.url))
    tab.on("console", lambda m: tab.heard.append(m.text))
    tab.on("pageerror", lambda e: tab.heard.append(str(e)))
    tab.goto(f"file://{path}")
    tab.wait_for_function("Object.values(civigrid.stores).every(s => s.done)")
    tab.wait_for_timeout(400)
    tab.cells = cells
    return tab


@pytest.mark.browser
def test_the_page_asks_for_nothing(page):
    """One file, no request, no message, no error."""
    heard = [h for h in page.heard if not h.startswith(("file://", "data:", "blob:"))]

    assert heard == []


@pytest.mark.browser
def test_every_cell_is_found_with_its_value(page):
    """At the centre of each cell the page tells the value Python has, and the status."""
    lonlat = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True).transform(*KM.centre(ids_of(page.cells)).T)
    script = """(p) => { let l = null; civigrid.map.eachLayer(x => { if (x.isCell) { l = x; } });
      return p.map(([x, y]) => { let c = l.cellAt(L.latLng(y, x), 12);
        return c && [c.values.b, c.values.a, c.status.a]; }); }"""
    found = page.evaluate(script, np.stack(lonlat, axis=1).tolist())
    a = values_of(page.cells, "a")

    assert values_of(page.cells, "b").tolist() == [f[0] for f in found]
    assert [None if np.isnan(v) else v for v in a] == [None if f[1] is None or np.isnan(f[1]) else f[1] for f in found]
    assert sum(f[2] == Status.CONFIDENTIAL for f in found) == 5


@pytest.mark.browser
def test_the_projection_is_that_of_pyproj(page):
    """Longitude and latitude to EPSG:3035 in the page, within a millimetre."""
    points = np.random.default_rng(0).uniform([-20, 34], [40, 71], (200, 2))
    expected = np.stack(Transformer.from_crs("EPSG:4326", "EPSG:3035", always_xy=True).transform(*points.T), axis=1)
    found = np.array(page.evaluate("(p) => p.map(([x, y]) => civigrid.laea(x, y))", points.tolist()))

    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.browser
def test_pixels_have_the_colour_of_their_class(page):
    """The colour drawn in the middle of a cell is the legend's colour of its class."""
    import io

    from matplotlib.image import imread

    legend = CellLayer(CellData(release(page.cells, public_grid()), ["b"]), "b")
    lonlat = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True).transform(*KM.centre(ids_of(page.cells)).T)
    points = page.evaluate(
        "(p) => p.map(([x, y]) => { let q = civigrid.map.latLngToContainerPoint([y, x]); return [q.x, q.y]; })",
        np.stack(lonlat, axis=1).tolist(),
    )
    picture = (imread(io.BytesIO(page.screenshot())) * 255).astype(int)
    values, seen = values_of(page.cells, "b"), 0
    for (x, y), value in zip(points, values, strict=True):
        if not (70 < x < 650 and 150 < y < 780):
            continue
        k = 0 if value == 0 else 1 + int(np.searchsorted(legend.classes.breaks, value, side="right"))
        color = legend.legend["classes"][k]["color"]
        expected = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
        ground = np.array([0xF4, 0xF3, 0xEF])
        mixed = expected * 235 / 255 + ground * 20 / 255
        np.testing.assert_allclose(picture[int(y), int(x), :3], mixed, atol=3)
        seen += 1

    assert seen > 100


@pytest.mark.browser
def test_hover_tells_every_value_as_text(page):
    """The tooltip shows the cell's variables; a hostile name is words, not markup."""
    page.mouse.move(450, 450)
    page.wait_for_timeout(100)
    text = page.evaluate("document.querySelector('.cg-tip').textContent")

    assert HOSTILE in text or text == ""
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    assert "Others" in page.evaluate("document.querySelector('.cg-legend').textContent")


@pytest.mark.browser
def test_a_class_is_told_in_words(browser, tmp_path):
    """Tooltip and legend name the class of a cell; an unknown one says why; no code is shown."""
    row, col = np.divmod(np.arange(100), 10)
    code, status = np.full(100, 23.0), np.zeros(100, dtype=np.uint8)
    code[row == 9], status[row == 9] = np.nan, Status.CONFIDENTIAL
    about = {"degurba_2": Column(kind="intensive", units="class", long_name="Degree")}
    ids = KM.from_row_col(3250 + row, 4530 + col)
    cells = make_cells(KM, ids, {"degurba_2": code}, about, status={"degurba_2": status})
    html = to_html(make_map(release(cells, public_grid()), ["degurba_2"], title="D"))
    (tmp_path / "d.html").write_text(html, encoding="utf-8")
    tab = browser.new_context(offline=True, viewport={"width": 900, "height": 700}).new_page()
    tab.goto(f"file://{tmp_path / 'd.html'}")
    tab.wait_for_function("Object.values(civigrid.stores).every(s => s.done)")
    tab.wait_for_timeout(300)
    places = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True).transform(*KM.centre(ids).T)
    told = []
    for k in (np.flatnonzero(row == 4)[5], np.flatnonzero(row == 9)[5]):
        x, y = tab.evaluate(
            "(p) => { let q = civigrid.map.latLngToContainerPoint(p); return [q.x, q.y]; }",
            [places[1][k], places[0][k]],
        )
        tab.mouse.move(x, y)
        tab.wait_for_timeout(100)
        told.append(tab.evaluate("document.querySelector('.cg-tip').textContent"))

    assert told[0].endswith("Degreedense urban cluster")
    assert told[1].endswith("Degreeconfidential: withheld by the publisher")
    assert "Dense urban cluster" in tab.evaluate("document.querySelector('.cg-legend').textContent")


@pytest.mark.browser
def test_another_layer_brings_its_own_legend(page):
    """Choosing another indicator changes the legend."""
    page.evaluate("document.querySelectorAll('.leaflet-control-layers-base input')[2].click()")
    page.wait_for_timeout(300)
    text = page.evaluate("document.querySelector('.cg-legend').textContent")
    page.evaluate("document.querySelectorAll('.leaflet-control-layers-base input')[0].click()")

    assert "Share" in text


@pytest.mark.browser
def test_hexagons_are_found_where_they_are(browser, tmp_path):
    """On an H3 page the cell at each centre is the right one."""
    grid = H3Grid(8)
    ids = np.unique(grid.cell_at(np.random.default_rng(1).uniform([13.2, 52.4], [13.6, 52.6], (300, 2))))
    cells = make_cells(grid, ids, {"t": np.arange(len(ids), dtype=float)}, {"t": Column(long_name="T")})
    (tmp_path / "h.html").write_text(
        to_html(make_map(release(cells, public_grid()), ["t"], title="H")), encoding="utf-8"
    )
    tab = browser.new_context(offline=True).new_page()
    tab.goto(f"file://{tmp_path / 'h.html'}")
    tab.wait_for_function("Object.values(civigrid.stores).every(s => s.done)")
    script = """(p) => { let l = null; civigrid.map.eachLayer(x => { if (x.isCell) { l = x; } });
      return p.map(([x, y]) => l.cellAt(L.latLng(y, x), 12).values.t); }"""
    found = tab.evaluate(script, grid.centre(ids).tolist())

    assert list(range(len(ids))) == found


def test_suppressed_values_are_not_in_the_page():
    """What the profile hid is nowhere in the file."""
    cells = release(town(), min_count(50))
    about = json.loads(json.dumps(encode_cells(cells.data, ["b"])))
    shown = values_in(about["levels"][0], "b")

    assert not ((shown > 0) & (shown < 50)).any()
