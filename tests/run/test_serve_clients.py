"""Clients of a served run: its tiles, what OGC API Tiles and TileJSON say of them, GDAL, a browser."""

import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from served import BOX, HOSTILE, PNG, ask, make_run, serving, squares, told

from civigrid.io.tile_archives import open_tiles
from civigrid.tiles import SCHEMES, viewer


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A run directory; its viewer reads the archive by ranges, as one does that is too large for a page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(viewer, "EMBEDDED", 0)
        return make_run(tmp_path_factory.mktemp("run") / "out")


@pytest.fixture(scope="module")
def server(town):
    """Its server."""
    with serving(town) as found:
        yield found


def test_tiles_are_those_of_the_archive(server, town):
    """By PMTiles' directory and MBTiles' rows, the same tiles GDAL wrote; none is 204, none possible 404."""
    with closing(sqlite3.connect(town / "release" / "tiles" / "town.mbtiles")) as base:
        rows = base.execute("SELECT zoom_level, tile_column, tile_row, tile_data FROM tiles").fetchall()
    assert len(rows) > 15
    for z, x, row, data in rows:
        y = 2**z - 1 - row
        for name in ("town.mbtiles", "town.pmtiles"):
            status, about, body = ask(server, f"/tiles/{name}/{z}/{x}/{y}")
            assert (status, about["Content-Type"]) == (200, "application/vnd.mapbox-vector-tile")
            assert body == gzip.decompress(data)
    z, x, row, data = rows[-1]
    status, about, body = ask(server, f"/tiles/town.pmtiles/{z}/{x}/{2**z - 1 - row}.mvt", Accept_Encoding="br, gzip")
    assert (about["Content-Encoding"], about["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(body) == gzip.decompress(data)
    assert ask(server, "/tiles/town.pmtiles/10/0/0")[::2] == (204, b"")
    assert ask(server, "/tiles/town.pmtiles/11/0/0")[0] == 404
    assert ask(server, "/tiles/town.pmtiles/5/32/0")[0] == 404


def test_pictures_lie_where_their_projection_says(server):
    """Row and column of the standard, column and row of the template: the same tile; the set has northing first."""
    assert ask(server, "/tiles/eu/1/1/0.png")[2] == PNG + b"1"
    assert ask(server, "/collections/eu/tiles/EU1kmQuad/1/0/1")[2] == PNG + b"1"
    matrices = told(server, "/tileMatrixSets/EU1kmQuad")
    assert matrices["crs"] == "http://www.opengis.net/def/crs/EPSG/0/3035"
    assert matrices["orderedAxes"] == ["Y", "X"]
    assert matrices["tileMatrices"][0]["pointOfOrigin"] == [8192000.0, 0.0]
    assert matrices["tileMatrices"][1]["cellSize"] == 16000.0
    # 9 to 12 degrees east, 50 to 52 north: near (4.3, 3.1) million metres
    limits = told(server, "/collections/eu/tiles/EU1kmQuad")["tileMatrixSetLimits"][1]
    assert (limits["minTileCol"], limits["maxTileCol"], limits["minTileRow"], limits["maxTileRow"]) == (1, 1, 1, 1)


def test_tile_matrix_sets_are_those_that_tiles_were_made_in(server):
    """What the archive's metadata say comes out as the scheme that made it; tiles are read as they were written."""
    found = told(server, "/tileMatrixSets/EU1kmQuad")["tileMatrices"]

    assert found == SCHEMES["EU1kmQuad"].to_tms(len(found) - 1)["tileMatrices"]
    about = told(server, "/tiles/own.json")
    assert (about["tile_matrix_set"], about["crs"]) == ("EU1kmQuad", "EPSG:3035")
    limits = told(server, "/collections/own/tiles/EU1kmQuad")["tileMatrixSetLimits"][-1]
    z, row, col = limits["tileMatrix"], limits["minTileRow"], limits["minTileCol"]
    assert ask(server, f"/collections/own/tiles/EU1kmQuad/{z}/{row}/{col}")[0] == 200


def test_tilejson_and_ogc_api_agree_with_the_archive(server, town):
    """Zooms, bounds, layers with their fields; the matrix of a known set is the registered one."""
    archive = open_tiles(town / "release" / "tiles" / "town.pmtiles")
    about = told(server, "/tiles/town.pmtiles.json")

    assert about["tilejson"] == "3.0.0"
    assert about["tiles"] == [f"{server.url}tiles/town.pmtiles/{{z}}/{{x}}/{{y}}"]
    assert (about["minzoom"], about["maxzoom"], about["bounds"]) == (5, 10, list(archive.bounds))
    assert [v["id"] for v in about["vector_layers"]] == ["squares"]
    assert about["attribution"] == "Data &lt;b&gt;&amp; more&lt;/b&gt;"
    matrix = told(server, "/tileMatrixSets/WebMercatorQuad")["tileMatrices"][0]
    assert matrix["scaleDenominator"] == pytest.approx(559082264.028717, rel=1e-12)
    assert matrix["pointOfOrigin"] == pytest.approx([-20037508.342789, 20037508.342789])
    for limits in told(server, "/collections/town.pmtiles/tiles/WebMercatorQuad")["tileMatrixSetLimits"]:
        z = int(limits["tileMatrix"])
        assert archive.tile(z, limits["minTileCol"], limits["minTileRow"])
        assert archive.tile(z, limits["maxTileCol"], limits["maxTileRow"])


def test_every_link_of_the_service_leads_somewhere(server):
    """From the landing page on: each document's links answer with the type they promise."""
    seen, waiting = set(), ["/?f=json"]
    while waiting:
        path = waiting.pop()
        status, about, body = ask(server, path)
        assert status == 200, path
        if not about["Content-Type"].startswith("application/json"):
            continue
        for found in links_of(json.loads(body)):
            href = found["href"].removeprefix(server.url.rstrip("/"))
            assert href.startswith("/"), found
            href = href.format(tileMatrix=10, tileRow=found.get("row", 340), tileCol=found.get("col", 543))
            if href in seen or href.startswith("/files/stac"):
                continue
            seen.add(href)
            status, about, _ = ask(server, href)
            if found.get("templated"):
                assert status in (200, 204, 404)
            else:
                assert (status, about["Content-Type"].split("; ")[0]) == (200, found["type"]), href
                waiting.append(href)
    assert {"/collections/eu/tiles", "/tileMatrixSets/EU1kmQuad", "/api", "/conformance", "/tiles/eu.json"} <= seen


def links_of(what):
    if isinstance(what, dict):
        yield from (x for x in what.get("links", []))
        for key, value in what.items():
            if key != "links":
                yield from links_of(value)
    elif isinstance(what, list):
        for value in what:
            yield from links_of(value)


def test_the_landing_page_is_for_people_and_for_machines(server):
    """A browser gets a page, a GIS JSON; the run's words are text on it, and it has no script."""
    status, about, body = ask(server, "/", Accept="text/html,*/*")
    page = body.decode()

    assert (status, about["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;/script&gt;&lt;img src=x" in page
    for path in re.findall(r'href="(/[^"]*)"', page):
        assert ask(server, path.replace("&amp;", "&"))[0] == 200, path
    assert told(server, "/")["title"] == HOSTILE
    assert "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core" in told(server, "/conformance")["conformsTo"]


def client(code, *words):
    """Run GDAL as a client in a process of its own: while it waits for an answer no other thread of its own runs."""
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, env=env, check=True, timeout=120
    )
    return json.loads(done.stdout)


VSICURL = """
import json, sys, pyogrio
found = pyogrio.read_dataframe(sys.argv[1])
print(json.dumps({"n": found["n"].tolist(), "wkb": found.geometry.to_wkb(hex=True).tolist(), "crs": str(found.crs)}))
"""
OGC = """
import json, sys, pyogrio
box = dict(zip(("MINX", "MINY", "MAXX", "MAXY"), sys.argv[2:6]))
found = pyogrio.read_dataframe("OGCAPI:" + sys.argv[1], layer="Zoom level 10", **box)
centre = found.drop_duplicates("n").set_index("n").sort_index().to_crs("EPSG:4326").geometry.representative_point()
print(json.dumps({"n": centre.index.tolist(), "x": centre.x.tolist(), "y": centre.y.tolist(), "crs": str(found.crs)}))
"""


def test_gdal_reads_an_archive_by_ranges(server, town):
    """PMTiles over HTTP are what they are on disk."""
    far = client(VSICURL, f"/vsicurl/{server.url}files/tiles/town.pmtiles")
    near = pyogrio.read_dataframe(town / "release" / "tiles" / "town.pmtiles")

    assert set(far["n"]) == set(range(100))
    assert far["n"] == near["n"].tolist()
    assert far["wkb"] == near.geometry.to_wkb(hex=True).tolist()
    assert far["crs"] == "EPSG:3857"


@pytest.mark.skipif("OGCAPI" not in pyogrio.list_drivers(), reason="this GDAL has no driver for OGC API")
@pytest.mark.parametrize("name", ["town.mbtiles", "town.pmtiles"])
def test_gdal_reads_ogc_api_tiles(server, name):
    """From the collection over tileset and tile matrix set to tiles: the deepest zoom has every square."""
    bounds = gpd.GeoSeries([shapely.box(*BOX).buffer(0.1)], crs="EPSG:4326").to_crs("EPSG:3857").total_bounds
    # without a box in the tiles' own metres GDAL takes degrees for metres
    found = client(OGC, f"{server.url}collections/{name}", *bounds.astype(str))

    assert found["n"] == list(range(100))
    assert found["crs"] == "EPSG:3857"
    np.testing.assert_allclose(found["x"], shapely.get_x(shapely.centroid(squares().geometry.values)), atol=0.02)
    np.testing.assert_allclose(found["y"], shapely.get_y(shapely.centroid(squares().geometry.values)), atol=0.02)


DONE = "() => { let s = Object.values(civigrid.stores)[0]; return s && s.all().then(() => true); }"
INK = """() => { let n = 0; for (let c of document.querySelectorAll('.leaflet-container canvas')) {
  if (c.width) { n += c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter(v => v).length; } }
  return n; }"""


@pytest.mark.browser
@pytest.mark.parametrize("page", ["maps/town.html", "maps/apart/index.html"])
def test_a_browser_reads_a_map_under_its_policy(server, browser, page):
    """From the front page by its link: cells are drawn, no policy is broken, nobody else is asked."""
    heard, asked = [], []
    tab = browser.new_context(viewport={"width": 900, "height": 700}).new_page()
    tab.on("request", lambda r: asked.append(r.url))
    tab.on("console", lambda m: heard.append(m.text))
    tab.on("pageerror", lambda e: heard.append(str(e)))
    tab.goto(server.url)
    if folder := os.environ.get("CIVIGRID_PICTURES"):
        tab.screenshot(path=f"{folder}/front.png", full_page=True)
    tab.click(f'a[href="/files/{page}"]')
    tab.wait_for_load_state()
    assert tab.evaluate(DONE)
    tab.wait_for_timeout(300)

    assert tab.evaluate(INK) > 1000
    assert heard == []
    assert all(url.startswith((server.url, "data:", "blob:")) for url in asked)
    assert tab.evaluate("document.querySelectorAll('img[src=x]').length") == 0


@pytest.mark.browser
def test_a_viewer_reads_an_archive_by_ranges(server, browser):
    """The page asks this server for parts of the archive, and draws cells."""
    heard, asked = [], []
    tab = browser.new_context(viewport={"width": 900, "height": 700}).new_page()
    tab.on("response", lambda r: asked.append((r.url, r.status)))
    tab.on("console", lambda m: heard.append(m.text))
    tab.on("pageerror", lambda e: heard.append(str(e)))
    tab.goto(f"{server.url}files/tiles/own.html")
    tab.wait_for_function(f"() => ({INK})() > 1000")
    if folder := os.environ.get("CIVIGRID_PICTURES"):
        tab.screenshot(path=f"{folder}/viewer.png")

    # reading the canvas back, as this test does, is slow and told so
    assert [words for words in heard if "Canvas2D" not in words] == []
    assert (f"{server.url}files/tiles/own.pmtiles", 206) in asked
    assert {status for _, status in asked} <= {200, 204, 206}


def test_the_guide_names_addresses_that_are_there(server):
    """Every address of the table in docs/sharing.md answers."""
    text = (Path(__file__).parents[2] / "docs" / "sharing.md").read_text(encoding="utf-8")
    table = text.split("| address | what |")[1].split("\n\n")[0]
    named = [a for row in table.splitlines() for a in re.findall(r"`(/[^`]*)`", row.split(" | ")[0])]

    assert len(named) > 12
    for address in named:
        filled = address.replace("PATH", "cells/town.csv").replace("NAME", "eu").replace("SET", "EU1kmQuad")
        assert ask(server, filled.format(z=0, x=0, y=0, row=0, column=0))[0] == 200, address
