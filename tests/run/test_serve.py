"""Serving a run: released files only, whatever is asked, by whom, and whatever lies there meanwhile."""

import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection

import pytest
from served import PNG, ask, list_outputs, make_run, serving
from typer.testing import CliRunner

from civigrid.cli import app
from civigrid.errors import SchemaError, SourceError
from civigrid.run.serving.http_answers import range_of
from civigrid.run.serving.server import serve_run


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A run directory."""
    return make_run(tmp_path_factory.mktemp("run") / "out")


@pytest.fixture(scope="module")
def server(town):
    """Its server."""
    with serving(town) as found:
        yield found


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
