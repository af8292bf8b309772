"""A report as PDF, without a browser: A4, numbered pages, tagged for screen readers (PDF/UA-1)."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from importlib.resources import files
from pathlib import Path
from struct import unpack
from typing import Any

import matplotlib as mpl
import typst

from civigrid.report.document import Bullets, Code, Document, Heading, KeyFigures, PageBreak, Picture, Table, Text


def pdf_of(document: Document) -> bytes:
    """Write a report as PDF.

    Typst sets the pages; the words reach it as data in JSON, so that nothing in them is markup.  Only fonts that come
    with installed packages are used (Libertinus of Typst, DejaVu of Matplotlib): pages are the same on every machine.

    Parameters
    ----------
    document : Document
        The report, as for `civigrid.report.page.html_of`.

    Returns
    -------
    bytes
        A PDF of the ISO 14289-1 kind (PDF/UA-1): tagged, with title, language, headings as bookmarks and a text
        alternative of each picture.  Equal documents give equal bytes; no date is inside.

    Examples
    --------
    >>> pdf_of(Document("A & B", "en", (Text("*c* #d $e$"),)))[:5]
    b'%PDF-'
    """
    pictures = {f"p{k}.svg": _svg(b) for k, b in enumerate(document.blocks) if isinstance(b, Picture)}
    told = {
        "title": document.title,
        "lang": document.lang,
        "footer": document.footer,
        "blocks": [_told(block, k) for k, block in enumerate(document.blocks)],
    }
    given: Any = {"main.typ": _template(), "data.json": json.dumps(told, ensure_ascii=False).encode(), **pictures}
    fonts = [Path(mpl.get_data_path()) / "fonts" / "ttf"]
    made = typst.compile(given, font_paths=fonts, ignore_system_fonts=True, format="pdf", pdf_standards=["ua-1"])
    if not isinstance(made, bytes):
        raise TypeError("typst gave no PDF.")
    return made


def _svg(picture: Picture) -> bytes:
    """Give a picture as SVG: files that typst takes from memory must be text, so a PNG is wrapped in one."""
    if picture.suffix == "svg":
        return picture.data
    width, height = unpack(">II", picture.data[16:24])
    image = b64encode(picture.data).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{image}"/></svg>'
    ).encode()


@cache
def _template() -> bytes:
    return (files("civigrid.report") / "assets" / "report.typ").read_bytes()


def _told(block: Any, at: int) -> dict[str, Any]:
    """Give a block as plain data, with the name of its kind."""
    kind = type(block).__name__
    match block:
        case Heading() | Text() | Code():
            return {"kind": kind, **vars(block)}
        case Bullets():
            return {"kind": kind, "items": list(block.items)}
        case KeyFigures():
            return {"kind": kind, "items": [vars(k) for k in block.items]}
        case Picture():
            words = {k: v for k, v in vars(block).items() if k != "data"}
            return {"kind": kind, "file": f"p{at}.svg", **words}
        case Table():
            rows = [list(row) for row in block.rows]
            numbers = sorted(block.numbers)
            return {"kind": kind, "caption": block.caption, "head": block.head, "rows": rows, "numbers": numbers}
        case PageBreak():
            return {"kind": kind}
    raise TypeError(f"a report has no block of the kind {kind}.")
