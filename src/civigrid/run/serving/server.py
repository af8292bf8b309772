"""Serve a run on this machine: its released files by ranges, its tiles, and what a GIS asks about them."""

from __future__ import annotations

import re
import socket
import zlib
from dataclasses import dataclass
from email.message import Message
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from civigrid.errors import SchemaError, SourceError
from civigrid.io.tile_archives import gunzip
from civigrid.maps.policy import content_security_policy
from civigrid.run.serving import tile_service
from civigrid.run.serving.front_page import POLICY, front_page
from civigrid.run.serving.http_answers import (
    HEADERS,
    NO_SCRIPT,
    Answer,
    accepts_gzip,
    json_answer,
    json_bytes,
    range_of,
    refused,
)
from civigrid.run.serving.served_run import ServedFile, ServedRun, open_run

PORT = 8765
"""Where a run is served if nobody says otherwise."""
LOOPBACK = {"127.0.0.1": socket.AF_INET, "localhost": socket.AF_INET, "::1": socket.AF_INET6}
"""Names that a server may be bound to: this machine, and nobody else reaches them."""
HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
"""What the header Host may say; any port, for one that is forwarded has another number."""
_CHUNK = 1 << 18


class Server(ThreadingHTTPServer):
    """A server of one run, bound to this machine; use it as a context, or `close` it.

    Parameters
    ----------
    run : ServedRun
        What to serve.
    host : str
        A name in `LOOPBACK`.
    port : int
        0 takes one that is free.
    """

    daemon_threads = True

    def __init__(self, run: ServedRun, host: str, port: int) -> None:
        self.address_family = LOOPBACK[host]
        self.host = host
        self.run = run
        self.policies: dict[str, str] = {}
        super().__init__(("127.0.0.1" if host == "localhost" else host, port), partial(_Handler, run))

    @property
    def url(self) -> str:
        """Address of the front page."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""


def serve_run(folder: Path, *, host: str = "127.0.0.1", port: int = PORT) -> Server:
    """Make a server of a run; `serve_forever` starts it.

    Parameters
    ----------
    folder : Path
        Run directory, as `civigrid run` leaves it.
    host : {"127.0.0.1", "localhost", "::1"}
        Loopback only: what a run holds is not for a network, and there is no option to change that.
    port : int
        Between 0 and 65,535; 0 takes one that is free.

    Returns
    -------
    Server
        Bound, not yet answering.

    Raises
    ------
    SchemaError
        Another host, a port that is none, or no run.
    SourceError
        A released file is not there, or an archive of tiles is broken; or the port is taken.

    Notes
    -----
    HTTP semantics and ranges: RFC 9110 (2022); OGC API Common 1.0 and Tiles 1.0 (20-057, 2022); TileJSON 3.0.
    """
    if host not in LOOPBACK:
        words = ", ".join(LOOPBACK)
        raise SchemaError(f"host {host!r} is not this machine alone: one of {words}. Copy the release to a web server.")
    if not 0 <= port <= 65_535:
        raise SchemaError(f"port {port} is none: 0 to 65535")
    run = open_run(folder)
    for archive in run.archives.values():
        tile_service.square_of(archive)
    try:
        return Server(run, host, port)
    except OSError as error:
        raise SourceError(f"port {port} cannot be had ({error.strerror}): give another with --port.") from error


class _Handler(BaseHTTPRequestHandler):
    """Answers requests: looks paths up among what is released, never on the disk."""

    protocol_version = "HTTP/1.1"
    server_version = "civigrid"
    sys_version = ""
    timeout = 30
    # head and body in one packet: else each answer waits for the client's delayed acknowledgement
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: Server

    def __init__(self, run: ServedRun, *given: Any) -> None:
        self.run = run
        super().__init__(*given)

    def log_message(self, *_: Any) -> None:
        """Keep no log: who looked at what is nobody's business."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Say what was wrong, and nothing of what was asked."""
        self.close_connection = True
        self._send(refused(HTTPStatus(code)))

    def do_GET(self) -> None:
        """Answer."""
        self._send(self._answer())

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self.do_GET()

    def __getattr__(self, name: str) -> Any:
        """Every other method is refused, also `OPTIONS`: no page of another origin may ask."""
        if name.startswith("do_"):
            return self._no_method
        raise AttributeError(name)

    def _no_method(self) -> None:
        self.close_connection = True
        self._send(refused(HTTPStatus.METHOD_NOT_ALLOWED, Allow="GET, HEAD"))

    def _answer(self) -> Answer:
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or not HOST.fullmatch(hosts[0]):
            # a name that a stranger's page made point here
            return refused(HTTPStatus.MISDIRECTED_REQUEST)
        if self.headers.get("Sec-Fetch-Site") == "cross-site" and self.headers.get("Sec-Fetch-Mode") != "navigate":
            return refused(HTTPStatus.FORBIDDEN)
        target = urlsplit(self.path)
        try:
            steps = tuple(unquote(step, errors="strict") for step in target.path.split("/")[1:])
        except UnicodeDecodeError:
            return refused(HTTPStatus.BAD_REQUEST)
        if not self.path.startswith("/") or any("/" in s or "\\" in s or s in (".", "..") for s in steps):
            return refused(HTTPStatus.NOT_FOUND)
        asked = _Asked(steps, f"http://{hosts[0]}", parse_qs(target.query).get("f", [""])[0], self.headers)
        try:
            return self._routed(asked)
        except SourceError as error:
            return refused(HTTPStatus.GONE, str(error))
        except (ValueError, OSError, zlib.error):
            return refused(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _routed(self, asked: _Asked) -> Answer:
        head, rest = asked.steps[0], asked.steps[1:]
        if asked.steps == ("",):
            return self._front(asked)
        if asked.steps == ("favicon.ico",):
            # browsers ask for it with every page that names none
            return Answer(status=HTTPStatus.NO_CONTENT)
        if head == "files":
            file = self.run.files.get("/".join(rest))
            return self._file(file, asked.headers) if file else refused(HTTPStatus.NOT_FOUND)
        if (tile := tile_service.tile_of(self.run, asked.steps)) is not None:
            return self._tile(*tile, asked.headers)
        found = tile_service.document(self.run, asked.steps, asked.base)
        if found is None:
            return refused(HTTPStatus.NOT_FOUND)
        if asked.steps == ("api",):
            return Answer(media_type=tile_service.OPENAPI, body=json_bytes(found))
        return json_answer(found)

    def _front(self, asked: _Asked) -> Answer:
        if asked.form == "html" or (asked.form != "json" and "text/html" in asked.headers.get("Accept", "")):
            text = front_page(self.run).encode()
            return Answer(media_type="text/html; charset=utf-8", body=text, policy=POLICY, headers={"Vary": "Accept"})
        return json_answer(tile_service.landing(self.run, asked.base), Vary="Accept")

    def _file(self, file: ServedFile, given: Message) -> Answer:
        """Give a file or a range of it."""
        tag = f'"{file.sha256}"'
        stream = file.open()
        size = stream.seek(0, 2)
        more = {"ETag": tag, "Accept-Ranges": "bytes"}
        media = file.media_type + ("; charset=utf-8" if file.media_type.startswith("text/") else "")
        if given.get("If-None-Match") in (tag, "*"):
            stream.close()
            return Answer(status=HTTPStatus.NOT_MODIFIED, media_type=media, headers=more)
        policy = self._policy(file) if file.media_type == "text/html" else NO_SCRIPT
        answer = Answer(media_type=media, stream=stream, size=size, policy=policy, headers=more)
        wanted = given.get("Range", "") if given.get("If-Range", tag) == tag else ""
        span = range_of(wanted, size)
        if span == ():
            stream.close()
            return refused(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, **more, **{"Content-Range": f"bytes */{size}"})
        if span:
            answer.status, answer.start, answer.size = HTTPStatus.PARTIAL_CONTENT, span[0], span[1] - span[0] + 1
            more["Content-Range"] = f"bytes {span[0]}-{span[1]}/{size}"
        return answer

    def _policy(self, file: ServedFile) -> str:
        """Policy of a released page: its own scripts by hash; none at all where they cannot be told apart."""
        if file.sha256 not in self.server.policies:
            with file.open() as stream:
                text = stream.read().decode("utf-8", errors="replace")
            try:
                policy = _own_server(content_security_policy(text))
            except SchemaError:
                policy = NO_SCRIPT
            self.server.policies[file.sha256] = policy
        return self.server.policies[file.sha256]

    def _tile(self, name: str, z: int, x: int, y: int, given: Message) -> Answer:
        archive, file = self.run.archives[name], self.run.files[self.run.paths[name]]
        if not archive.min_zoom <= z <= archive.max_zoom or max(x, y) >= 1 << z:
            return refused(HTTPStatus.NOT_FOUND)
        file.open().close()
        tag = f'"{file.sha256[:32]}-{z}-{x}-{y}"'
        more = {"ETag": tag, "Vary": "Accept-Encoding"}
        if given.get("If-None-Match") in (tag, "*"):
            return Answer(status=HTTPStatus.NOT_MODIFIED, headers=more)
        data = archive.tile(z, x, y)
        if data is None:
            return Answer(status=HTTPStatus.NO_CONTENT, headers=more)
        if archive.gzipped and accepts_gzip(given.get("Accept-Encoding", "")):
            more["Content-Encoding"] = "gzip"
        elif archive.gzipped:
            data = gunzip(data)
        return Answer(media_type=archive.media_type, body=data, headers=more)

    def _send(self, answer: Answer) -> None:
        size = answer.size if answer.stream else len(answer.body)
        if self.request_version == "HTTP/0.9":
            # also a request that cannot be read is told so in a way that clients understand
            self.request_version = "HTTP/1.0"
        bare = answer.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        try:
            self.send_response(answer.status)
            for name, value in {**HEADERS, **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Security-Policy", f"{answer.policy}; frame-ancestors 'self'")
            if not bare:
                self.send_header("Content-Type", answer.media_type)
                self.send_header("Content-Length", str(size))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD" and not bare:
                self._write(answer)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        finally:
            if answer.stream:
                answer.stream.close()

    def _write(self, answer: Answer) -> None:
        if answer.stream is None:
            self.wfile.write(answer.body)
            return
        answer.stream.seek(answer.start)
        left = answer.size
        while left and (data := answer.stream.read(min(_CHUNK, left))):
            self.wfile.write(data)
            left -= len(data)
        if left:
            # shorter than promised: the client must not wait
            self.close_connection = True


def _own_server(policy: str) -> str:
    """Let a page read this server besides, as a viewer does that reads an archive by ranges."""
    parts = policy.split("; ")
    own = [p.startswith(("img-src", "connect-src")) and "'self'" not in p for p in parts]
    return "; ".join(f"{p} 'self'" if add else p for p, add in zip(parts, own, strict=True))


@dataclass(frozen=True)
class _Asked:
    """A request: decoded steps of its path, where this server is, the form, headers."""

    steps: tuple[str, ...]
    base: str
    form: str
    headers: Message
