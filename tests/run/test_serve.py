"""Serving a run: released files only, whatever is asked, and clients that read them: GDAL and a browser."""

import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from hashlib import sha256
from http.client import HTTPConnection

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from typer.testing import CliRunner

from civigrid.cells import make_cells
from civigrid.cli import app
from civigrid.engine import Scheduler
from civigrid.errors import SchemaError, SourceError
from civigrid.grid import SquareGrid
from civigrid.io.tile_archives import open_tiles
from civigrid.io.write import write_csv, write_geoparquet
from civigrid.maps import make_map
from civigrid.maps.files import to_files
from civigrid.release import public_grid, release
from civigrid.run.http_answers import range_of
from civigrid.run.serve import serve_run
from civigrid.tiles import SCHEMES, TileOptions, make_tiles, viewer, write_tiles
from civigrid.types import Column

HOSTILE = "</script><img src=x onerror=alert(1)>"
KM = SquareGrid(cell_size_m=1000)
BOX = (11.0, 51.0, 11.6, 51.3)
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"


def cells(n=200):
    rng = np.random.default_rng(0)
    row, col = np.unravel_index(rng.choice(1600, n, replace=False), (40, 40))
    values = {"a": rng.integers(1, 500, n).astype(float)}
    return make_cells(KM, KM.from_row_col(3080 + row, 4390 + col), values, {"a": Column(long_name=f"Group {HOSTILE}")})


def squares():
    """A hundred squares as GDAL's tiles hold them."""
    x, y = np.meshgrid(np.linspace(BOX[0], BOX[2], 10), np.linspace(BOX[1], BOX[3], 10))
    shapes = shapely.box(x.ravel(), y.ravel(), x.ravel() + 0.02, y.ravel() + 0.02)
    return gpd.GeoDataFrame({"n": np.arange(100)}, geometry=shapes, crs="EPSG:4326")


def write_pictures(path):
    """Pictures in the EU's projection, with the metadata that GDAL reads: one tile at zooms 0 and 1 each."""
    about = {"crs": "EPSG:3035", "tile_matrix_set": "EU1kmQuad", "tile_origin_upper_left_x": 0.0,
             "tile_origin_upper_left_y": 8192000.0, "tile_dimension_zoom_0": 8192000.0}  # fmt: skip
    rows = {"name": HOSTILE, "format": "png", "minzoom": "0", "maxzoom": "1", "bounds": "9,50,12,52",
            "json": json.dumps(about)}  # fmt: skip
    with closing(sqlite3.connect(path)) as base:
        base.execute("CREATE TABLE metadata (name text, value text)")
        base.execute("CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)")
        base.executemany("INSERT INTO metadata VALUES (?, ?)", rows.items())
        # rows count from the bottom: the upper right quarter is row 1
        base.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", [(0, 0, 0, PNG), (1, 1, 1, PNG + b"1")])
        base.commit()


def list_outputs(folder, **more):
    """Write the manifest of what lies in the release."""
    files = [p for p in sorted((folder / "release").rglob("*")) if p.is_file()]
    outputs = {p.relative_to(folder).as_posix(): sha256(p.read_bytes()).hexdigest() for p in files}
    about = {"title": HOSTILE, "question": "Who?", "disclosure_profile": "public-grid", "outputs": outputs | more}
    about["inputs"] = [{"attribution": "Data <b>& more</b>"}]
    (folder / "manifest.json").write_text(json.dumps(about), encoding="utf-8")


def make_run(folder):
    """A run directory as `civigrid run` leaves it, with tiles, and secrets beside the release."""
    out = folder / "release"
    for name in ("cells", "maps", "tiles"):
        (out / name).mkdir(parents=True)
    released = release(cells(), public_grid())
    write_geoparquet(released, out / "cells" / "town.parquet")
    write_csv(released, out / "cells" / "town.csv")
    for mode in ("single", "served"):
        for name, data in to_files(make_map(released, ["a"], title=f"Map {HOSTILE}"), mode).items():
            path = out / "maps" / ("town.html" if mode == "single" else f"apart/{name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    for name, driver in (("town.pmtiles", "PMTiles"), ("town.mbtiles", "MBTiles")):
        squares().to_file(out / "tiles" / name, driver=driver, layer="squares", MINZOOM=5, MAXZOOM=10)
    write_pictures(out / "tiles" / "eu.mbtiles")
    made = make_tiles(release(cells(), public_grid()), TileOptions(scheme="EU1kmQuad"), Scheduler("serial"))
    write_tiles(made, out / "tiles" / "own.pmtiles")
    (out / "report.html").write_text("<!doctype html><p style='color:red'>Report", encoding="utf-8")
    (out / "empty.txt").write_bytes(b"")
    list_outputs(folder)
    (folder / "parts").mkdir()
    (folder / "parts" / "persons.parquet").write_text("SECRET", encoding="utf-8")
    (folder / "persons.csv").write_text("SECRET", encoding="utf-8")
    (out / "unlisted.csv").write_text("SECRET", encoding="utf-8")
    return folder


@contextmanager
def serving(folder, **options):
    """A server that runs while the block does."""
    with serve_run(folder, port=0, **options) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


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


def ask(server, path, method="GET", **headers):
    """One request, the path sent as it is."""
    with closing(HTTPConnection(server.host, server.server_port, timeout=20)) as line:
        line.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            line.putheader(name.replace("_", "-"), value)
        line.endheaders()
        answer = line.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


def told(server, path, **headers):
    status, about, body = ask(server, path, **headers)
    assert (status, about["Content-Type"]) == (200, "application/json")
    return json.loads(body)


def test_released_files_come_byte_for_byte(server, town):
    """Every file of the manifest, with its type; a page comes with a policy, everything with nosniff."""
    for listed in json.loads((town / "manifest.json").read_text(encoding="utf-8"))["outputs"]:
        path = listed.removeprefix("release/")
        status, about, body = ask(server, f"/files/{path}")

        assert status == 200
        assert body == (town / listed).read_bytes()
        assert about["X-Content-Type-Options"] == "nosniff"
        assert about["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert "Access-Control-Allow-Origin" not in about
    types = {p: ask(server, f"/files/{p}")[1]["Content-Type"] for p in ("report.html", "cells/town.csv",
             "cells/town.parquet", "tiles/town.pmtiles", "maps/apart/assets/01.js")}  # fmt: skip
    assert list(types.values()) == ["text/html; charset=utf-8", "text/csv; charset=utf-8",
        "application/vnd.apache.parquet", "application/vnd.pmtiles", "text/javascript; charset=utf-8"]  # fmt: skip


ATTACKS = [
    "/files/../manifest.json",
    "/files/..%2fmanifest.json",
    "/files/%2e%2e/manifest.json",
    "/files/%2e%2e%2fparts/persons.parquet",
    "/files/%252e%252e/manifest.json",
    "/files/..%5cmanifest.json",
    "/files/cells/../../../persons.csv",
    "/files//etc/passwd",
    "/files/%2fetc%2fpasswd",
    "//etc/passwd",
    "/files/./cells/town.csv",
    "/files/cells%2ftown.csv",
    "/files/cells/town.csv%00.html",
    "/files/cells/town.csv/",
    "/files/cells/",
    "/files/",
    "/files",
    "/files/unlisted.csv",
    "/files/manifest.json",
    "/files/parts/persons.parquet",
    "/parts/persons.parquet",
    "/persons.csv",
    "/manifest.json",
    "/files/release/cells/town.csv",
    "/files/%ff%fe",
    "/tiles/../../persons/0/0/0",
    "/tiles/town.pmtiles/5/0/99999999999",
    "/tiles/town.pmtiles/-1/0/0",
    "/tiles/nobody/0/0/0",
    "/tiles/town.pmtiles/5/16/10.exe",
    "/collections/town.pmtiles/tiles/EU1kmQuad/5/10/16",
    "/collections/town.pmtiles/tiles/WebMercatorQuad/5/10",
    "/tileMatrixSets/none",
    "/tiles/town.pmtiles/%D9%A5/%D9%A1%D9%A6/%D9%A1%D9%A0",
    "http://127.0.0.1/files/cells/town.csv",
    "/%s%n" + "A" * 5000,
]


@pytest.mark.parametrize("path", ATTACKS)
def test_no_path_leads_anywhere_else(server, path):
    """Dots, codes of dots, slashes and zeros, long and absolute paths: refused, and nothing is told."""
    status, _, body = ask(server, path)

    assert status in (400, 404)
    assert b"SECRET" not in body
    assert len(body) < 40


def test_methods_that_change_are_refused(server):
    """Only GET and HEAD; HEAD says what GET would, and sends nothing."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "FOO"):
        status, about, body = ask(server, "/files/cells/town.csv", method)
        assert (status, about["Allow"], body) == (405, "GET, HEAD", b"Method Not Allowed\n")
    for path in ("/", "/files/cells/town.csv", "/tiles/eu/0/0/0", "/collections", "/nowhere"):
        get, head = ask(server, path), ask(server, path, "HEAD")
        assert head[0] == get[0]
        assert head[1]["Content-Length"] == get[1]["Content-Length"] == str(len(get[2]))
        assert head[2] == b""


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "127.0.0.2", "", "0.0.0.0", "[::2]:1"]
)
def test_a_name_that_was_made_to_point_here_is_refused(server, host):
    """DNS rebinding: a page of a stranger asks under its own name, and gets nothing."""
    status, _, body = ask(server, "/files/cells/town.csv", Host=host)

    assert (status, body) == (421, b"Misdirected Request\n")


def test_own_names_are_answered_and_strangers_pages_are_not(server):
    """With any port, for a forwarded one differs; what a page of another site fetches is refused, a link to us not."""
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:9000", "[::1]:8"):
        assert ask(server, "/conformance", Host=host)[0] == 200
    assert ask(server, "/conformance", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403
    assert ask(server, "/conformance", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200


def test_two_hosts_or_none_are_refused(server):
    """What a proxy and a server could read differently is not answered; broken requests end without harm."""
    import socket

    def raw(data):
        with closing(socket.create_connection((server.host, server.server_port), timeout=10)) as line:
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: line.recv(65536), b""))

    assert b" 421 " in raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n").split(b"\r\n")[0]
    assert b" 421 " in raw(b"GET / HTTP/1.1\r\n\r\n").split(b"\r\n")[0]
    assert b" 400 " in raw(b"GET\r\n\r\n").split(b"\r\n")[0]
    assert b" 421 " in raw(b"GET /files/cells/town.csv\r\n\r\n").split(b"\r\n")[0]
    assert b" 505 " in raw(b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n").split(b"\r\n")[0]
    assert b" 414 " in raw(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n").split(b"\r\n")[0]
    assert b" 431 " in raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000 + b"\r\n\r\n").split(b"\r\n")[0]
    assert ask(server, "/conformance")[0] == 200


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=5-9", (5, 10)),
        ("bytes=10-", (10, None)),
        ("bytes=-7", (-7, None)),
        ("bytes=0-999999999999999999", (0, None)),
        ("bytes=-999999999999999999", (0, None)),
    ],
)
def test_a_range_is_that_part_of_the_file(server, town, wanted, expected):
    """As Python would slice it, with what RFC 9110 says beside it."""
    whole = (town / "release" / "tiles" / "town.pmtiles").read_bytes()
    status, about, body = ask(server, "/files/tiles/town.pmtiles", Range=wanted)
    part = whole[slice(*expected)]

    assert (status, body) == (206, part)
    first = whole.index(part) if expected[0] else 0
    assert about["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(whole)}"


@pytest.mark.parametrize("wanted", ["bytes=0-1,4-5", "bytes=9-3", "bytes=-", "bytes=a-b", "rows=0-1", "bytes=0-1x",
                                    "bytes=" + ",".join(["0-"] * 2000), "bytes=" + "9" * 400 + "-"])  # fmt: skip
def test_other_ranges_give_the_whole(server, town, wanted):
    """Several, turned round, or unreadable: the server may send everything (RFC 9110, section 14.2)."""
    status, _, body = ask(server, "/files/cells/town.csv", Range=wanted)

    assert (status, body) == (200, (town / "release" / "cells" / "town.csv").read_bytes())


def test_a_range_beyond_the_end_has_no_byte(server, town):
    """416 says how long the file is; an empty file has no range."""
    size = (town / "release" / "cells" / "town.csv").stat().st_size
    status, about, body = ask(server, "/files/cells/town.csv", Range=f"bytes={size}-")

    assert (status, about["Content-Range"]) == (416, f"bytes */{size}")
    assert len(body) < 60
    assert ask(server, "/files/cells/town.csv", Range="bytes=-0")[0] == 416
    assert ask(server, "/files/empty.txt", Range="bytes=0-")[0] == 416
    assert ask(server, "/files/empty.txt")[::2] == (200, b"")
    assert range_of("bytes=0-", 0) == ()


def test_a_client_that_has_it_is_told_so(server):
    """The tag is the hash; a range of another version is not mixed into this one."""
    tag = ask(server, "/files/cells/town.csv")[1]["ETag"]

    assert ask(server, "/files/cells/town.csv", If_None_Match=tag)[::2] == (304, b"")
    assert ask(server, "/files/cells/town.csv", Range="bytes=0-3", If_Range=tag)[0] == 206
    assert ask(server, "/files/cells/town.csv", Range="bytes=0-3", If_Range='"other"')[0] == 200
    tile = ask(server, "/tiles/eu/0/0/0")[1]["ETag"]
    assert ask(server, "/tiles/eu/0/0/0", If_None_Match=tile)[::2] == (304, b"")


def test_what_changed_since_the_run_is_not_served(tmp_path):
    """A file written over, gone, or replaced by a link to a secret of the same name: 410, and nothing of it."""
    run = make_run(tmp_path / "r")
    with serving(run) as found:
        csv, report = run / "release" / "cells" / "town.csv", run / "release" / "report.html"
        assert ask(found, "/files/cells/town.csv")[0] == 200
        csv.write_text("SECRET", encoding="utf-8")
        status, _, body = ask(found, "/files/cells/town.csv")
        assert status == 410
        assert b"SECRET" not in body
        report.unlink()
        assert ask(found, "/files/report.html")[0] == 410
        report.symlink_to(run / "persons.csv")
        assert ask(found, "/files/report.html")[0] == 410
        (run / "release" / "tiles").rename(run / "moved")
        (run / "release" / "tiles").symlink_to(run / "moved")
        assert ask(found, "/files/tiles/town.pmtiles")[0] == 410
        assert ask(found, "/tiles/eu/0/0/0")[0] == 410


@pytest.mark.parametrize(
    "listed",
    ["parts/persons.parquet", "../secret.csv", "release/../persons.csv", "manifest.json", "/etc/hostname", "",
     "release/link.csv", "release/linked/persons.parquet"],
)  # fmt: skip
def test_a_manifest_that_lists_more_than_the_release_is_refused(tmp_path, listed):
    """Parts, the manifest itself, paths that climb, links to inputs: no server is made."""
    run = make_run(tmp_path / "r")
    (tmp_path / "secret.csv").write_text("SECRET", encoding="utf-8")
    (run / "release" / "link.csv").symlink_to(run / "persons.csv")
    (run / "release" / "linked").symlink_to(run / "parts")
    list_outputs(run, **{listed: "00"})

    with pytest.raises(SchemaError, match="no released file of the run"):
        serve_run(run, port=0)


def test_what_is_no_run_is_told(tmp_path):
    """No manifest, no JSON, no outputs, a listed file that is gone, a broken archive: each in words."""
    for text, words in ((None, "holds no manifest"), ("{", "is no JSON"), ("[]", "lists no outputs")):
        if text is not None:
            (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
        with pytest.raises(SchemaError, match=words):
            serve_run(tmp_path, port=0)
    run = make_run(tmp_path / "r")
    list_outputs(run, **{"release/gone.csv": "00"})
    with pytest.raises(SourceError, match="not there"):
        serve_run(run, port=0)
    (run / "release" / "tiles" / "town.pmtiles").write_bytes(b"PMTiles\x03" + b"\xff" * 300)
    list_outputs(run)
    with pytest.raises(SourceError, match="no archive of tiles"):
        serve_run(run, port=0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.2", "example.org"])
def test_nothing_but_this_machine_is_bound(town, host):
    """No option opens it to a network."""
    with pytest.raises(SchemaError, match="not this machine alone"):
        serve_run(town, host=host, port=0)


def test_a_port_that_is_none_or_taken_is_told(town, server):
    """With what to do."""
    with pytest.raises(SchemaError, match="port 70000"):
        serve_run(town, port=70_000)
    with pytest.raises(SourceError, match="give another with --port"):
        serve_run(town, port=server.server_port)


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


def test_a_browser_that_asks_for_an_icon_gets_none(server):
    """No fault is told for every page that names no icon."""
    assert ask(server, "/favicon.ico")[::2] == (204, b"")


def test_many_ask_at_once(server, town):
    """Eight clients, tiles and ranges: each gets its own bytes."""
    whole = (town / "release" / "tiles" / "town.pmtiles").read_bytes()

    def one(k):
        part = ask(server, "/files/tiles/town.pmtiles", Range=f"bytes={k * 7}-{k * 11}")[2]
        return part == whole[k * 7 : k * 11 + 1] and ask(server, "/tiles/eu/0/0/0")[2] == PNG

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(1, 200)))


def test_the_command_says_where_and_serves(town):
    """It prints its address first; another host is refused with exit code 2."""
    refused = CliRunner().invoke(app, ["serve", str(town), "--host", "0.0.0.0"])
    assert isinstance(refused.exception, SchemaError)
    command = [sys.executable, "-m", "civigrid.cli", "serve", str(town), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as run:
        try:
            lines = []
            for line in run.stdout:
                lines.append(line)
                if line.startswith("}"):
                    break
            about = json.loads("".join(lines))
            port = int(about["url"].rsplit(":", 1)[1].strip("/"))
            with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as line:
                line.request("GET", "/conformance")
                assert line.getresponse().status == 200
        finally:
            run.terminate()
    assert about["files"] > 8
    assert about["tiles"] == ["eu", "own", "town.mbtiles", "town.pmtiles"]


@pytest.fixture(scope="module")
def browser(chromium):
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--no-proxy-server"]  # fmt: skip
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=chromium, args=args)
        yield found
        found.close()


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
