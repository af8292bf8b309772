"""A report as one HTML page that needs nothing else and asks the network for nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from civigrid.report.document import Bullets, Code, Document, Heading, KeyFigures, PageBreak, Picture, Table, Text


def html_of(document: Document) -> str:
    """Write a report as HTML.

    Pictures stand inside as ``data:`` addresses, the style too; there is no script.  A content security policy in the
    page itself forbids every request.

    Parameters
    ----------
    document : Document
        The report.

    Returns
    -------
    str
        HTML; every word is escaped.  Equal documents give equal text.

    Examples
    --------
    >>> page = html_of(Document("A & B", "en", (Text("Fewer than <10>."),)))
    >>> ">A &amp; B</h1>" in page, "Fewer than &lt;10&gt;." in page
    (True, True)
    """
    style = (files("civigrid.report") / "assets" / "report.css").read_text(encoding="utf-8")
    allowed = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><meta name="generator" content="civigrid">'
        f"<title>{escape(document.title)}</title><style>{style}</style>"
    )
    cut = next((k for k, b in enumerate(document.blocks) if isinstance(b, PageBreak)), len(document.blocks))
    written = [_written(block, k) for k, block in enumerate(document.blocks)]
    first, rest = "\n".join(written[:cut]), "\n".join(written[cut:])
    footer = f"<footer><p>{escape(document.footer)}</p></footer>" if document.footer else ""
    return (
        f'<!doctype html>\n<html lang="{escape(document.lang, quote=True)}"><head>{head}</head>\n<body>'
        f'<header><h1 dir="auto">{escape(document.title)}</h1></header>\n<main>\n<div class="first">\n{first}\n</div>\n'
        f"{_contents(document, cut)}{rest}\n</main>\n{footer}</body></html>\n"
    )


def _contents(document: Document, cut: int) -> str:
    """List the sections after the first page, each as a link."""
    listed = [(k, words) for k, words in document.sections() if k > cut]
    if len(listed) < 2:
        return ""
    items = "".join(f'<li><a href="#s{k}">{escape(words)}</a></li>' for k, words in listed)
    return f'<nav aria-labelledby="contents"><h2 id="contents">{escape(document.contents)}</h2><ol>{items}</ol></nav>\n'


def _written(block: Any, at: int) -> str:
    return _WRITERS[type(block)](block, at)


def _heading(block: Heading, at: int) -> str:
    return f'<h{block.level} id="s{at}" dir="auto">{escape(block.words)}</h{block.level}>'


def _text(block: Text, _: int) -> str:
    return f'<p class="{block.role}" dir="auto">{escape(block.words)}</p>'


def _bullets(block: Bullets, _: int) -> str:
    return "<ul>" + "".join(f'<li dir="auto">{escape(words)}</li>' for words in block.items) + "</ul>"


def _keys(block: KeyFigures, _: int) -> str:
    items = [
        f'<div><dt dir="auto">{escape(k.name)}</dt><dd class="value">{escape(k.value)}</dd>'
        f'<dd class="interval">{escape(k.interval)}</dd><dd dir="auto">{escape(k.meaning)}</dd></div>'
        for k in block.items
    ]
    return f'<dl class="keys">{"".join(items)}</dl>'


def _picture(block: Picture, _: int) -> str:
    kind = "image/png" if block.suffix == "png" else "image/svg+xml"
    image = f'<img src="data:{kind};base64,{b64encode(block.data).decode()}" alt="{escape(block.alt, quote=True)}">'
    link = f' <a href="{escape(block.href, quote=True)}">{escape(block.link)}</a>' if block.href else ""
    size = "" if block.large else ' class="half"'
    return f'<figure{size}>{image}<figcaption dir="auto">{escape(block.caption)}{link}</figcaption></figure>'


def _table(block: Table, at: int) -> str:
    classes = ['class="n" ' if k in block.numbers else "" for k in range(len(block.head))]
    head = "".join(f'<th {c}scope="col">{escape(w)}</th>' for c, w in zip(classes, block.head, strict=True))
    body = "".join(
        f'<tr><th scope="row" dir="auto">{escape(row[0])}</th>'
        + "".join(f'<td {c}dir="auto">{escape(w)}</td>' for c, w in zip(classes[1:], row[1:], strict=True))
        + "</tr>"
        for row in block.rows
    )
    # what scrolls sideways must be reached with the keyboard, and named
    return (
        f'<div class="wide" tabindex="0" role="region" aria-labelledby="c{at}"><table><caption id="c{at}" dir="auto">'
        f"{escape(block.caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _code(block: Code, _: int) -> str:
    return f'<pre tabindex="0"><code>{escape(block.words)}</code></pre>'


def _break(_: PageBreak, __: int) -> str:
    return ""


_WRITERS: dict[type, Callable[[Any, int], str]] = {
    Heading: _heading, Text: _text, Bullets: _bullets, KeyFigures: _keys, Picture: _picture, Table: _table,
    Code: _code, PageBreak: _break,
}  # fmt: skip
