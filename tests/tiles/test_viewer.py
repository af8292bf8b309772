"""The page beside tiles, in a browser without a network: what it asks for, shows and says."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer
from tile_reader import KM, town

from civigrid.cells import ids_of, values_of
from civigrid.engine.execute import Scheduler
from civigrid.release import public_grid, release
from civigrid.style.classes import classify
from civigrid.tiles import TileOptions, make_tiles, viewer, write_tiles
from civigrid.tiles.viewer import viewer_page

HOSTILE = "</script><img src=x onerror=alert(1)>"
AT = "([lat, lng]) => { const f = civigridCells.at(L.latLng(lat, lng)); return f && f.values; }"


def opened(browser, address, *, offline=True):
    """A tab with a page, and what it asked for and complained of."""
    tab = browser.new_context(offline=offline, viewport={"width": 900, "height": 700}).new_page()
    tab.heard, tab.asked = [], []
    tab.on("request", lambda r: tab.asked.append(r.url))
    tab.on("console", lambda m: tab.heard.append(m.text))
    tab.on("pageerror", lambda e: tab.heard.append(str(e)))
    tab.on("dialog", lambda d: (tab.heard.append(d.message), d.dismiss()))
    tab.goto(address)
    tab.wait_for_function("window.civigridCells && civigridCells._map && !civigridCells.isLoading()")
    return tab


def shown(tab, variable, zoom_by=9):
    """Choose a variable and go to the finest cells."""
    tab.select_option("#variable", variable)
    tab.evaluate(f"civigridMap.setZoom({zoom_by}, {{animate: false}})")
    tab.wait_for_function("!civigridCells.isLoading()")


def write(cells, out, **options):
    """Write tiles; give the page."""
    write_tiles(make_tiles(release(cells, public_grid()), TileOptions(**options), Scheduler("serial")), out)
    return out.with_suffix(".html") if out.suffix else out / "index.html"


def places(cells, scheme):
    """Centres of cells as the page's plane has them: latitude and longitude, or northing and easting."""
    centre = KM.centre(ids_of(cells))
    if scheme == "WebMercatorQuad":
        lon, lat = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True).transform(*centre.T)
        return np.stack([lat, lon], axis=1).tolist()
    return centre[:, ::-1].tolist()


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "geometry_only"), [("WebMercatorQuad", False), ("EU1kmQuad", True)])
def test_every_cell_is_found_with_its_value(browser, tmp_path, scheme, geometry_only):
    """Opened from disk, with values in the tiles or joined to them: each cell tells its own, and nothing is fetched."""
    cells = town(label=HOSTILE)
    page = write(cells, tmp_path / "t.pmtiles", scheme=scheme, geometry_only=geometry_only)
    tab = opened(browser, f"file://{page}")
    shown(tab, "part", 9 if scheme == "WebMercatorQuad" else 7)
    told = [tab.evaluate(AT, place) for place in places(cells, scheme)]

    for k, found in enumerate(told):
        part = values_of(cells, "part")[k]
        assert found["total"] == values_of(cells, "total")[k]
        assert found.get("part") == (None if np.isnan(part) else part)
        assert found.get("part_status") == ("confidential" if np.isnan(part) else None)
    assert tab.asked == [f"file://{page}"]
    assert tab.heard == []


@pytest.mark.browser
def test_pixels_have_the_colour_of_their_class(browser, tmp_path):
    """What is painted is what the classes of the level say; a label with markup stays text."""
    cells = town(label=HOSTILE)
    tab = opened(browser, f"file://{write(cells, tmp_path / 't.pmtiles', scheme='EU1kmQuad')}")
    shown(tab, "part", 7)
    values = values_of(cells, "part")
    classes = classify(values, make_column(cells), name="part")
    paint = """([lat, lng]) => { const q = civigridMap.project([lat, lng], 7);
        const x = Math.floor(q.x / 256), y = Math.floor(q.y / 256);
        const tile = civigridCells._tiles[`${x}:${y}:7`].el;
        return [...tile.getContext("2d").getImageData(q.x - 256 * x, q.y - 256 * y, 1, 1).data]; }"""
    for place, value, of in zip(places(cells, "EU1kmQuad"), values, classes.of(values), strict=True):
        color = tab.evaluate(paint, place)
        if np.isnan(value):
            assert color in ([0x8C, 0x8C, 0x8C, 255], [0xDE, 0xDE, 0xDE, 255])
        else:
            assert color == [*bytes.fromhex(classes.colors[of][1:]), 255]
    assert HOSTILE in tab.inner_text("#legend")
    assert tab.locator("img[src=x]").count() == 0
    assert tab.locator("#legend li").count() == len(classes.labels) + 1


def make_column(cells):
    """What the part means."""
    from civigrid.cells import column_of

    return column_of(cells["part"])


@pytest.mark.browser
def test_the_legend_says_when_a_level_has_no_value(browser, tmp_path):
    """An index that cannot be averaged: on large cells the page says so, on the finest it has its classes."""
    tab = opened(browser, f"file://{write(town(), tmp_path / 't.pmtiles')}")
    shown(tab, "index", 4)
    assert "cannot be averaged" in tab.inner_text("#legend")
    shown(tab, "index", 9)
    assert "cannot be averaged" not in tab.inner_text("#legend")
    assert "Squares of 1 km" in tab.inner_text("#legend")


@pytest.mark.browser
def test_the_keyboard_moves_the_map_and_the_page_says_what_is_there(browser, tmp_path):
    """With the map in focus, arrows move it and the cell in the middle is told in a live region."""
    cells = town()
    tab = opened(browser, f"file://{write(cells, tmp_path / 't.pmtiles')}")
    shown(tab, "total")
    tab.evaluate("(p) => civigridMap.setView(p, 9, {animate: false})", places(cells, "WebMercatorQuad")[7])
    tab.wait_for_function("!civigridCells.isLoading()")
    tab.focus("#map")
    said = []
    for key in ("ArrowRight", "ArrowLeft"):
        tab.evaluate("document.getElementById('says').textContent = ''")
        tab.keyboard.press(key)
        tab.wait_for_function("document.getElementById('says').textContent !== ''")
        said.append(tab.inner_text("#says"))
        tab.wait_for_timeout(300)

    assert said[1].startswith(f"Residents: {values_of(cells, 'total')[7]:,.0f} persons")
    assert said[0] != said[1]
    assert tab.get_attribute("#says", "aria-live") == "polite"


@pytest.mark.browser
@pytest.mark.parametrize("pictures", [False, True])
def test_folders_are_read_through_a_server_tile_by_tile(browser, tmp_path, pictures):
    """Only tiles that exist are asked for; pictures need no server at all."""
    options = {"pictures": True, "values": ("total",)} if pictures else {}
    page = write(town(), tmp_path / "tiles", **options)
    if pictures:
        tab = opened(browser, f"file://{page}")
    else:
        handler = functools.partial(Quiet, directory=tmp_path)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tab = opened(browser, f"http://127.0.0.1:{server.server_port}/tiles/index.html", offline=False)
        server.shutdown()
        server.server_close()
    tiles = [a for a in tab.asked if a.endswith((".pbf", ".png"))]

    assert tiles
    assert all((tmp_path / "tiles" / a.split("/tiles/")[1]).is_file() for a in tiles)
    assert [h for h in tab.heard if "favicon" not in h and "404" not in h] == []


@pytest.mark.browser
@pytest.mark.parametrize("ranges", [True, False])
def test_a_large_archive_is_read_by_ranges(browser, tmp_path, monkeypatch, ranges):
    """Header, root and the tiles in sight, some bytes of the archive; a server without ranges will do."""
    monkeypatch.setattr(viewer, "EMBEDDED", 100)
    cells = town()
    write(cells, tmp_path / "t.pmtiles")
    handler = functools.partial(Ranges if ranges else Quiet, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tab = opened(browser, f"http://127.0.0.1:{server.server_port}/t.html", offline=False)
        shown(tab, "total")
        place = places(cells, "WebMercatorQuad")[3]
        tab.evaluate("(p) => civigridMap.setView(p, 9, {animate: false})", place)
        tab.wait_for_function("!civigridCells.isLoading()")
        found = tab.evaluate(AT, place)
        server.shutdown()

    assert found["total"] == values_of(cells, "total")[3]
    assert [h for h in tab.heard if "favicon" not in h and "404" not in h] == []


class Quiet(SimpleHTTPRequestHandler):
    """A server that says nothing."""

    def log_message(self, *words):
        """Say nothing."""


class Ranges(Quiet):
    """A server that gives parts of files."""

    def do_GET(self):
        """Answer a range with 206, and anything else as ever."""
        asked = self.headers.get("Range")
        if asked is None:
            super().do_GET()
            return
        first, last = map(int, asked.removeprefix("bytes=").split("-"))
        part = Path(self.translate_path(self.path)).read_bytes()[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)


def test_a_large_archive_stays_beside_its_page(tmp_path, monkeypatch):
    """Beyond the limit the page holds no tiles and reads the archive by ranges."""
    made = make_tiles(release(town(), public_grid()), TileOptions(), Scheduler("serial"))
    write_tiles(made, tmp_path / "t.pmtiles")
    small = viewer_page(made.contents, "t.pmtiles", embed=tmp_path / "t.pmtiles")
    monkeypatch.setattr(viewer, "EMBEDDED", 100)
    large = viewer_page(made.contents, "t.pmtiles", embed=tmp_path / "t.pmtiles")

    assert 'id="civigrid-tiles"' in small
    assert 'id="civigrid-tiles"' not in large
    assert "http://" not in large.replace("http://www.w3.org", "").replace("http://leafletjs.com", "")
