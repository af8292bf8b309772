"""Answers of a server over HTTP: what is sent with each, which range was asked for, what a client accepts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, BinaryIO

_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")
NO_SCRIPT = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""Content security policy of what is no page of ours."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "no-cache",
}
"""Sent with every answer."""


@dataclass(kw_only=True)
class Answer:
    """What is said to a request: `body`, or `size` bytes of `stream` from `start`."""

    status: int = HTTPStatus.OK
    media_type: str = "text/plain; charset=utf-8"
    body: bytes = b""
    stream: BinaryIO | None = None
    start: int = 0
    size: int = 0
    policy: str = NO_SCRIPT
    headers: dict[str, str] = field(default_factory=dict)


def range_of(wanted: str, size: int) -> tuple[int, int] | tuple[()] | None:
    """Give first and last byte of a range request (RFC 9110, section 14).

    Parameters
    ----------
    wanted : str
        Header ``Range``.
    size : int
        Bytes there are.

    Returns
    -------
    tuple of (int, int), empty tuple or None
        None where the whole is to be sent: no range, several, or none that can be read; empty where it has no byte.

    Examples
    --------
    >>> range_of("bytes=0-99", 50), range_of("bytes=-10", 50), range_of("bytes=50-", 50), range_of("bytes=0-1,3-4", 50)
    ((0, 49), (40, 49), (), None)
    """
    found = _RANGE.fullmatch(wanted)
    if not found or found[1] == found[2] == "":
        return None
    if not found[1]:
        first, last = max(size - int(found[2]), 0), size - 1
    else:
        first, last = int(found[1]), min(int(found[2] or size), size - 1)
        if found[2] and int(found[2]) < first:
            return None
    return (first, last) if first <= last else ()


def accepts_gzip(header: str) -> bool:
    """Say whether a client takes gzip (RFC 9110, section 12.5.3).

    >>> accepts_gzip("br, gzip"), accepts_gzip("gzip;q=0"), accepts_gzip("")
    (True, False, False)
    """
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    return False


def json_bytes(what: Any) -> bytes:
    """Give JSON."""
    return json.dumps(what, ensure_ascii=False, indent=1).encode()


def json_answer(what: Any, **headers: str) -> Answer:
    """Answer with JSON."""
    return Answer(media_type="application/json", body=json_bytes(what), headers=headers)


def refused(status: HTTPStatus, words: str = "", **headers: str) -> Answer:
    """Say that nothing is given, and nothing of what was asked."""
    return Answer(status=status, body=f"{words or status.phrase}\n".encode(), headers=headers)
