"""The page that a browser sees first: maps, report, tables and tiles of a run as links; it has no script."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from pathlib import PurePosixPath
from urllib.parse import quote

from civigrid.run.serving.served_run import ServedRun

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --quiet: #566373; --line: #d5dbe2; --paper: #fff; --link: #0b5394; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf0; --quiet: #a7b3c0; --line: #3a4653; --paper: #151b22; --link: #8ec1f5; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; max-width: 45rem; overflow-wrap: anywhere; }
ul { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
li { display: flex; gap: 1rem; justify-content: space-between; padding: .5rem 0; border-bottom: 1px solid var(--line); }
a { color: var(--link); overflow-wrap: anywhere; }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.quiet { color: var(--quiet); white-space: nowrap; font-variant-numeric: tabular-nums; }
footer { margin-top: 2.5rem; color: var(--quiet); font-size: .875rem; }
"""
_HASH = base64.b64encode(sha256(STYLE.encode()).digest()).decode("ascii")
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; base-uri 'none'; form-action 'none'"
"""Content security policy of the page."""
Row = tuple[str, str, str]
"""Address, words, and what stands beside them."""


def front_page(run: ServedRun) -> str:
    """Write the page.

    Parameters
    ----------
    run : ServedRun
        What is served.

    Returns
    -------
    str
        HTML; every word of the run is escaped.
    """
    groups = [
        ("Report", list(_files(run, ("report",)))),
        ("Maps", list(_pages(run))),
        ("Tables", list(_files(run, ("cells/", "results", "flows")))),
        ("Tiles", list(_tiles(run))),
        ("Figures", list(_files(run, ("figures/",)))),
        ("Catalogues", list(_files(run, ("datapackage.json", "ro-crate-metadata.json", "stac/collection.json")))),
    ]
    known = {row[0] for _, rows in groups for row in rows}
    rest = [r for r in _files(run, ("",)) if r[0] not in known and not _within(r[0])]
    parts = [_section(words, rows) for words, rows in [*groups, ("Other files", rest)] if rows]
    service = (
        '<section><h2>For GIS</h2><p>OGC API Tiles: <a href="/?f=json">landing page</a>, '
        '<a href="/collections">collections</a>, <a href="/tileMatrixSets">tile matrix sets</a>.</p></section>'
    )
    told = [f"Disclosure control: {run.disclosure}." if run.disclosure else "", *run.attribution]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(run.title)}</title><style>{STYLE}</style></head>\n<body>\n"
        f'<header><h1 dir="auto">{escape(run.title)}</h1><p dir="auto">{escape(run.question)}</p></header>\n'
        f"<main>{''.join(parts)}{service}</main>\n"
        f"<footer>{''.join(f'<p>{escape(t)}</p>' for t in told if t)}"
        "<p>Served on this machine only. Only released files are served.</p></footer>\n</body></html>\n"
    )


def _section(words: str, rows: list[Row]) -> str:
    items = "".join(
        f'<li><a href="{escape(href)}"><bdi>{escape(text)}</bdi></a><span class="quiet">{escape(beside)}</span></li>'
        for href, text, beside in rows
    )
    return f"<section><h2>{words}</h2><ul>{items}</ul></section>"


def _address(path: str) -> str:
    return f"/files/{quote(path)}"


def _words(path: str) -> str:
    """File name as words.

    >>> _words("maps/who-lives-where.html")
    'Who lives where'
    """
    text = PurePosixPath(path).stem.replace("-", " ").replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def _pages(run: ServedRun) -> Iterator[Row]:
    """Maps: a page each, or a folder with ``index.html``."""
    for path in run.files:
        parts = PurePosixPath(path).parts
        if parts[0] == "maps" and path.endswith(".html"):
            if len(parts) == 2:
                yield _address(path), _words(path), _size(run, path)
            elif parts[2:] == ("index.html",):
                yield _address(path), _words(parts[1]), ""


def _within(href: str) -> bool:
    """Files that are parts of another: those of a map's folder, items of a catalogue, single tiles."""
    parts = href.removeprefix("/files/").split("/")
    return len(parts) > 2 or (parts[0] == "maps" and not href.endswith(".html"))


def _files(run: ServedRun, starts: tuple[str, ...]) -> Iterator[Row]:
    for path in run.files:
        if path.startswith(starts) and path not in run.paths.values():
            yield _address(path), PurePosixPath(path).name if path.count(".") else path, _size(run, path)


def _tiles(run: ServedRun) -> Iterator[Row]:
    for name, path in run.paths.items():
        archive = run.archives[name]
        words = str(archive.metadata.get("name") or name)
        page = str(PurePosixPath(path).with_suffix(".html"))
        if page in run.files:
            yield _address(page), f"{words}: map", PurePosixPath(page).name
        yield _address(path), words, f"{PurePosixPath(path).name}, {_size(run, path)}"
        yield f"/tiles/{quote(name)}.json", f"{words}: TileJSON", f"zooms {archive.min_zoom} to {archive.max_zoom}"


def _size(run: ServedRun, path: str) -> str:
    try:
        n = run.files[path].path.stat().st_size
    except OSError:
        return ""
    return f"{n / 1e6:,.1f} MB" if n >= 1e6 else f"{n / 1e3:,.1f} kB" if n >= 1e3 else f"{n} B"
