"""Downloads against a server of our own, and archives that mean harm."""

import stat
import threading
import zipfile
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from civigrid.errors import SourceError
from civigrid.io import fetch
from civigrid.io.fetch import download, read_record, store, unpack

BODY = b"id,n\n1,2\n" * 200_000


class Handler(BaseHTTPRequestHandler):
    """Serves one file, counts requests, and breaks off where it is told to."""

    def __init__(self, seen, *args):
        self.seen = seen
        super().__init__(*args)

    def do_GET(self):
        """Answer one request."""
        self.seen.append(self.path)
        if "absent" in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[:1000] if "short" in self.path else BODY)

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def server(monkeypatch):
    """Address of a server on loopback, and the requests it saw."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    seen = []
    host = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, seen))
    thread = threading.Thread(target=host.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{host.server_port}", seen
    host.shutdown()
    host.server_close()
    thread.join()


class Count:
    """A progress bar that only counts."""

    total = 0
    came = 0

    def update(self, n):
        """Count."""
        self.came += n

    def reset(self):
        """Begin anew."""
        self.came = 0

    def close(self):
        """Nothing to close."""


def test_a_download_is_verified_and_kept(server, tmp_path):
    """The second call asks nobody; a file that changed in the cache is refused."""
    url, seen = server
    known, bar = sha256(BODY).hexdigest(), Count()
    first = download(f"{url}/a.csv", tmp_path / "c", known_sha256=known, bar=bar)
    second = download(f"{url}/a.csv", tmp_path / "c", known_sha256=known)

    assert (first.origin, second.origin) == ("download", "cache")
    assert first.sha256 == second.sha256 == known
    assert first.path.read_bytes() == BODY
    assert seen == ["/a.csv"]
    assert bar.came == bar.total == len(BODY)
    first.path.write_bytes(b"other")
    with pytest.raises(SourceError, match="has another hash"):
        download(f"{url}/a.csv", tmp_path / "c", known_sha256=known)


def test_an_undeclared_hash_is_held_to_the_first_one(server, tmp_path):
    """Without a declared hash the first file counts: later it must be the same."""
    url, seen = server
    first = download(f"{url}/a.csv", tmp_path)

    assert first.sha256 == sha256(BODY).hexdigest()
    assert download(f"{url}/a.csv", tmp_path).origin == "cache"
    first.path.write_bytes(b"other")
    with pytest.raises(SourceError, match="expected " + sha256(BODY).hexdigest()):
        download(f"{url}/a.csv", tmp_path)
    assert len(seen) == 1


def test_another_hash_is_refused_and_nothing_kept(server, tmp_path):
    """The message names both hashes."""
    url, _ = server
    with pytest.raises(SourceError, match=f"{sha256(BODY).hexdigest()}, expected {'0' * 64}"):
        download(f"{url}/a.csv", tmp_path, known_sha256="0" * 64)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/absent.csv", "/short.csv"])
def test_a_download_that_fails_says_what_to_do(server, tmp_path, path):
    """404 and a connection that breaks off leave nothing behind."""
    url, _ = server
    with pytest.raises(SourceError, match="with --file"):
        download(url + path, tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_no_network_says_so(tmp_path, monkeypatch):
    """Nobody listens: the reason is given in a few words, and the way out."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(SourceError, match=r"cannot be fetched \(Connection refused\).*with --file"):
        download("http://127.0.0.1:9/a.csv", tmp_path)
    with pytest.raises(SourceError, match="no https address"):
        download("file:///etc/hostname", tmp_path)


def test_a_local_shapefile_comes_with_all_its_files(tmp_path):
    """Shapes, index, table and CRS are copied; other neighbours are not; a wrong hash copies nothing."""
    for suffix in ("shp", "shx", "dbf", "prj", "txt"):
        (tmp_path / f"z.{suffix}").write_text(suffix)
    stored = store(tmp_path / "z.shp", tmp_path / "c")

    assert {p.name for p in (tmp_path / "c").iterdir()} == {"z.shp", "z.shx", "z.dbf", "z.prj", "fetched.json"}
    assert read_record(tmp_path / "c")["sha256"] == stored.sha256 == sha256(b"shp").hexdigest()
    with pytest.raises(SourceError, match="has another hash"):
        store(tmp_path / "z.shp", tmp_path / "d", known_sha256="0" * 64)
    with pytest.raises(SourceError, match="is no file"):
        store(tmp_path / "y.shp", tmp_path / "d")
    assert not (tmp_path / "d").exists()
    (tmp_path / "c" / "fetched.json").write_text("{")
    with pytest.raises(SourceError, match="is damaged"):
        read_record(tmp_path / "c")


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_members_are_chosen_by_name(tmp_path):
    """Of three resolutions the one asked for comes, never the first; of a shapefile, its other files too."""
    members = {f"g/Gitter_{size}.csv": b"x" for size in ("10km", "1km", "100m")} | {
        f"g/A.{suffix}": b"y" for suffix in ("SHP", "dbf", "prj", "xml")
    }
    path = zipped(tmp_path / "a.zip", members)

    assert unpack(path, tmp_path / "o", wanted=["*100m.csv"]) == [tmp_path / "o" / "g" / "Gitter_100m.csv"]
    assert [p.name for p in unpack(path, tmp_path / "p", wanted=["*.shp"])] == ["A.SHP"]
    assert {p.name for p in (tmp_path / "p" / "g").iterdir()} == {"A.SHP", "A.dbf", "A.prj"}
    with pytest.raises(SourceError, match=r"nothing like \*.gpkg. It holds g/Gitter_10km.csv"):
        unpack(path, tmp_path / "q", wanted=["*.gpkg"])


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt", "C:evil.txt", "a\\evil.txt"])
def test_members_that_point_outside_are_refused(tmp_path, name):
    """Nothing is written anywhere."""
    path = zipped(tmp_path / "a.zip", {name: b"x"})
    with pytest.raises(SourceError, match="points outside"):
        unpack(path, tmp_path / "in" / "o")

    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["a.zip"]


def test_links_bombs_and_broken_archives_are_refused(tmp_path, monkeypatch):
    """A link, a member that grows a thousandfold, an archive that says it is small, one cut off."""
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "l.zip", "w") as archive:
        archive.writestr(link, "/etc/hostname")
    with pytest.raises(SourceError, match="is a link"):
        unpack(tmp_path / "l.zip", tmp_path / "o")

    monkeypatch.setattr(fetch, "MOST_RATIO", 10)
    monkeypatch.setattr(fetch, "_CHUNK", 1000)
    bomb = zipped(tmp_path / "b.zip", {"b.txt": b"0" * 1_000_000})
    with pytest.raises(SourceError, match="beyond measure"):
        unpack(bomb, tmp_path / "o")
    monkeypatch.setattr(fetch, "MOST_BYTES", 100)
    with pytest.raises(SourceError, match="more than 0 GB"):
        unpack(bomb, tmp_path / "o")

    (tmp_path / "c.zip").write_bytes(bomb.read_bytes()[:200])
    with pytest.raises(SourceError, match="no whole zip"):
        unpack(tmp_path / "c.zip", tmp_path / "o")
    assert not list(tmp_path.glob("o/**/*.txt"))
