"""A map as one file, as a folder from disk, and from a server; what lies under it."""

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import geopandas as gpd
import numpy as np
import pytest
import shapely
from tests.maps.test_maps import HOSTILE, town

from civigrid.cells import make_cells, values_of
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import H3Grid
from civigrid.io.background import read_background
from civigrid.maps import Background, OnlineBackground, make_map, to_files, to_html
from civigrid.release import public_grid, release
from civigrid.types import Bounds, Column

BOX = Bounds(10.0, 50.0, 11.0, 51.0)


def hexagons():
    """Cells of H3 near Berlin with a value each."""
    grid = H3Grid(8)
    ids = np.unique(grid.cell_at(np.random.default_rng(1).uniform([13.2, 52.4], [13.6, 52.6], (300, 2))))
    return make_cells(grid, ids, {"b": np.arange(len(ids), dtype=float)}, {"b": Column(long_name=HOSTILE)})


def drawn(cells, title="T"):
    return make_map(release(cells, public_grid()), ["b"], title=title)


def put(files, folder):
    """Write files and say their names."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return sorted(files)


@pytest.mark.parametrize("mode", ["single", "folder", "served"])
def test_equal_maps_give_equal_files(mode):
    """In every mode; the page itself is `index.html`."""
    first, second = (to_files(drawn(town()), mode) for _ in range(2))

    assert first == second
    assert "index.html" in first
    assert (len(first) == 1) == (mode == "single")
    if mode == "single":
        assert first["index.html"] == to_html(drawn(town())).encode()


def test_an_unknown_mode_is_refused():
    """With the nearest that there is."""
    with pytest.raises(UnknownNameError, match="mode of a map 'server'"):
        to_files(drawn(town()), "server")


VALUES = """() => { let l = null; civigrid.map.eachLayer(x => { if (x.isCell) { l = x; } });
  let s = l.data.levels[0]; return [...Array(s.n).keys()].map(i => civigrid.valueOf(s.values.b, i)); }"""
DONE = "() => { let s = Object.values(civigrid.stores)[0]; return s && s.all().then(() => true); }"


@pytest.mark.browser
@pytest.mark.parametrize("cells", [town, hexagons])
@pytest.mark.parametrize("mode", ["folder", "served"])
def test_every_mode_shows_the_same_values(browser, tmp_path, mode, cells):
    """A folder opens from disk, a served one from a server; no error, and nobody else is asked."""
    made = cells()
    names = put(to_files(drawn(made), mode), tmp_path)
    heard, asked = [], []
    tab = browser.new_context(viewport={"width": 800, "height": 600}).new_page()
    tab.on("request", lambda r: asked.append(r.url))
    tab.on("console", lambda m: heard.append(m.text))
    tab.on("pageerror", lambda e: heard.append(str(e)))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}/" if mode == "served" else f"file://{tmp_path}/"
    tab.goto(here + "index.html")
    assert tab.evaluate(DONE)
    found = tab.evaluate(VALUES)
    server.shutdown()
    server.server_close()
    expected = values_of(made, "b")

    assert sorted(found) == sorted(expected.tolist())
    assert heard == []
    assert {a.split("?")[0].removeprefix(here) for a in asked if not a.startswith("data:")} <= set(names)


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that writes no log."""

    def log_message(self, *words):
        """Say nothing."""


def layers(path, **options):
    """Write a file of two layers: a lake and a border."""
    lake = gpd.GeoDataFrame(geometry=[shapely.box(10.2, 50.2, 12.0, 50.6)], crs="EPSG:4326")
    line = gpd.GeoDataFrame(geometry=[shapely.LineString([(9, 50.5), (12, 50.5)])], crs="EPSG:4326")
    if path.suffix == ".gpkg":
        lake.to_crs("EPSG:3035").to_file(path, layer="water")
        line.to_crs("EPSG:3035").to_file(path, layer="boundaries", mode="a")
    else:
        lake.to_file(path, driver={".pmtiles": "PMTiles", ".mbtiles": "MBTiles"}[path.suffix], layer="water", **options)
    return path


@pytest.mark.parametrize("name", ["b.gpkg", "b.pmtiles", "b.mbtiles"])
def test_a_background_is_cut_to_its_box(tmp_path, name):
    """Layers, GDAL's tiles in one file: the lake is as large as it is, cut at the eastern edge, whole again."""
    options = {} if name.endswith("gpkg") else {"MINZOOM": 4, "MAXZOOM": 9}
    found = read_background(layers(tmp_path / name, **options), BOX)
    lake = found[found["kind"] == "water"]

    assert lake.geometry.union_all().area == pytest.approx(0.8 * 0.4, rel=0.01)
    np.testing.assert_allclose(lake.total_bounds, [10.2, 50.2, 11.0, 50.6], atol=0.01)
    assert len(lake) == 1
    assert ("border" in set(found["kind"])) == name.endswith("gpkg")


@pytest.mark.parametrize(("name", "kind"), [("LAND_3M", "land"), ("my water", "water"), ("countries", "border")])
def test_a_file_of_one_layer_is_what_its_name_says(tmp_path, name, kind):
    """A layer whose own name says nothing; of areas as borders the lines are drawn, and the box's edge is none."""
    shape = gpd.GeoDataFrame(geometry=[shapely.box(10.5, 50.5, 12, 52)], crs="EPSG:4326")
    shape.to_file(tmp_path / f"{name}.gpkg", layer="buffered", driver="GPKG")
    found = read_background(tmp_path / f"{name}.gpkg", BOX)

    assert found["kind"].tolist() == [kind]
    whole = found.geometry.union_all()
    assert whole.area == pytest.approx(0 if kind == "border" else 0.25)
    if kind == "border":
        assert whole.length == pytest.approx(1.0)


def test_a_background_elsewhere_or_of_pictures_is_refused(tmp_path):
    """The message says what was wrong."""
    path = layers(tmp_path / "b.gpkg")
    with pytest.raises(SchemaError, match=r"nothing in b\.gpkg lies within 100\.000"):
        read_background(path, Bounds(100, 0, 101, 1))
    (tmp_path / "p.png").write_bytes(b"\x89PNG")
    with pytest.raises(SchemaError, match="holds no vectors"):
        read_background(tmp_path / "p.png", BOX)
    with pytest.raises(SchemaError, match="no file"):
        read_background(tmp_path / "q.gpkg", BOX)
    with pytest.raises(SchemaError, match="cannot draw 'moon'"):
        Background(gpd.GeoDataFrame({"kind": ["moon"]}, geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:4326"))


@pytest.mark.browser
def test_a_background_lies_under_the_cells_and_asks_nobody(browser, tmp_path):
    """The lake's colour is on the page; a server only when its button is pressed, and only it."""
    cells = release(town(), public_grid())
    shapes = gpd.GeoDataFrame(
        {"kind": ["land", "water"]}, geometry=[shapely.box(0, 40, 20, 60), shapely.box(5, 51, 25, 54)], crs="EPSG:4326"
    )
    page = drawn(cells.data)
    page.add_child(Background(shapes))
    page.add_child(OnlineBackground("https://tiles.example.org/{z}/{x}/{y}.png", attribution=HOSTILE))
    (tmp_path / "m.html").write_text(to_html(page), encoding="utf-8")
    asked = []
    context = browser.new_context(viewport={"width": 800, "height": 600})
    context.route(re.compile("^https:"), lambda route: (asked.append(route.request.url), route.abort()))
    tab = context.new_page()
    heard = []
    tab.on("pageerror", lambda e: heard.append(str(e)))
    tab.goto(f"file://{tmp_path / 'm.html'}")
    tab.wait_for_timeout(500)
    assert asked == heard == []
    pixel = tab.evaluate("""() => { let c = document.querySelector('.leaflet-cg-under-pane canvas');
      return [...c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data]; }""")
    assert pixel[:3] == [0xD9, 0xE6, 0xED]
    assert "tiles.example.org" in tab.evaluate("document.querySelector('.cg-online button').textContent")
    tab.click(".cg-online button")
    tab.wait_for_timeout(1000)
    assert heard == []
    assert asked
    assert all(url.startswith("https://tiles.example.org/") for url in asked)
    assert tab.evaluate("document.querySelectorAll('img[src=x]').length") == 0


@pytest.mark.parametrize("url", ["tiles/{z}/{x}/{y}.png", "https://a.example/{z}/{x}.png", "javascript:{z}{x}{y}", ""])
def test_an_online_background_is_an_address(url):
    """Of a server, with the places of a tile."""
    with pytest.raises(SchemaError, match="an online background is"):
        OnlineBackground(url, attribution="")
