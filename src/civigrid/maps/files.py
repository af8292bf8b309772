"""A map as files: one page that holds everything, a folder that opens from disk, or one that a server gives."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Literal

import folium
from branca.element import Element

from civigrid.errors import unknown_name
from civigrid.maps.elements import CellData
from civigrid.maps.page import to_html

Mode = Literal["single", "folder", "served"]
MODES = {
    "single": "one page, everything inside",
    "folder": "page, scripts, styles and data as files beside it: opens from disk",
    "served": "the same, values fetched when they are shown: needs a server, as `civigrid serve`",
}
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_PACKED = re.compile(r'"(ids|more|codes|data|status)": "([A-Za-z0-9+/=]+)"')


def to_files(page: folium.Map, mode: Mode = "single") -> dict[str, bytes]:
    """Write a map as files.

    Parameters
    ----------
    page : folium.Map
        Of `make_map` and its kin, or any map whose elements are civigrid's.
    mode : {"single", "folder", "served"}
        See `MODES`.

    Returns
    -------
    dict of str to bytes
        Relative path to content; ``index.html`` is the page.  Equal maps give equal files.

    Raises
    ------
    UnknownNameError
        No such mode.
    """
    if mode not in MODES:
        raise unknown_name("mode of a map", mode, MODES)
    text = to_html(page)
    if mode == "single":
        return {"index.html": text.encode("utf-8")}
    files: dict[str, bytes] = {}
    # a server would be asked for an icon that is not there
    head = '<link rel="icon" href="data:,">'
    for k, data in enumerate(_stores(page), 1):
        call = f"civigrid.store({data.key}, {data.payload});"
        if mode == "served":
            text = text.replace(call, f"civigrid.store({data.key}, {_apart(data.payload, f'data/{k}', files)});")
        else:
            files[f"data/{k}.js"] = (
                f"civigrid.kept = civigrid.kept || {{}}; civigrid.kept[{k}] = {data.payload};".encode()
            )
            text = text.replace(call, f"civigrid.store({data.key}, civigrid.kept[{k}]);")
            head += f'<script src="data/{k}.js"></script>'
    # scripts of the head are the same on every page: those of the body are this map's own
    top, body = text.split("<body>", 1)
    top = _SCRIPT.sub(lambda m: _file(m[1], "js", files), top)
    top = _STYLE.sub(lambda m: _file(m[1], "css", files), top)
    files["index.html"] = (top.replace("</head>", head + "</head>", 1) + "<body>" + body).encode("utf-8")
    return files


def _stores(element: Element) -> Iterator[CellData]:
    for child in element._children.values():
        if isinstance(child, CellData):
            yield child
        yield from _stores(child)


def _file(text: str, suffix: str, files: dict[str, bytes]) -> str:
    name = f"assets/{sum(f.startswith('assets/') for f in files) + 1:02d}.{suffix}"
    files[name] = text.encode("utf-8")
    return f'<script src="{name}"></script>' if suffix == "js" else f'<link rel="stylesheet" href="{name}">'


def _apart(payload: str, folder: str, files: dict[str, bytes]) -> str:
    """Put each packed block into a file of its own; the store names it instead."""

    def put(found: re.Match[str]) -> str:
        name = f"{folder}/{len(files) + 1:04d}.z"
        files[name] = base64.b64decode(found[2])
        return f'"{found[1]}": "@{name}"'

    return _PACKED.sub(put, payload)
