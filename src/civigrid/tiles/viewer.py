"""A page to look at tiles: self-contained, silent towards the network, in the tiles' own projection."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape, unescape
from importlib.resources import files
from pathlib import Path
from typing import Any

from pyproj import Transformer
from xstatic.pkg import leaflet

from civigrid.tiles.archives import Contents
from civigrid.tiles.schemes import SCHEMES

EMBEDDED = 12_000_000
"""Bytes of an archive that still goes into the page, which then opens from a folder; a larger one is read by ranges."""
_CSS = """
html,body{margin:0;height:100%;font:15px/1.4 system-ui,sans-serif;color:#1c2733}
body{display:grid;grid-template-rows:auto 1fr auto;background:#fff}
header,footer{padding:.5em 1em;background:#f4f5f6;display:flex;flex-wrap:wrap;gap:.3em 1.2em;align-items:baseline}
h1{font-size:1.15em;margin:0}#map{background:#e9ecee;outline-offset:-3px}
#legend{position:absolute;right:12px;top:12px;z-index:900;background:#fffffff2;padding:.6em .8em;border-radius:4px;
max-width:17em;box-shadow:0 1px 4px #0003}#legend h2{font-size:1em;margin:0}#legend p{margin:.2em 0;font-size:.85em}
#legend ul{list-style:none;margin:.3em 0;padding:0}#legend li{display:flex;gap:.5em;align-items:center}
.shade{width:1.4em;height:1em;border:1px solid #4445;flex:none}
.hatch{background:repeating-linear-gradient(135deg,#8c8c8c 0 3px,#dedede 3px 8px)}
main{position:relative}#map{position:absolute;inset:0}footer{font-size:.85em}#says{min-height:1.4em;font-weight:600}
.leaflet-container .leaflet-tile{image-rendering:pixelated}
details pre{white-space:pre-wrap}select{font:inherit;max-width:24em}
"""
NOTICE = "Drawn with Leaflet, (c) 2010-2023 Volodymyr Agafonkin, (c) 2010-2011 CloudMade, BSD 2-Clause licence."


def viewer_page(
    contents: Contents,
    url: str,
    *,
    embed: Path | None = None,
    listed: Mapping[str, Mapping[str, Sequence[int]]] | None = None,
) -> str:
    """Give the page as HTML.

    Parameters
    ----------
    contents : Contents
        Of the tiles.
    url : str
        The archive, or the template of a folder, as seen from the page.
    embed : Path, optional
        The archive, which is put into the page if it has at most `EMBEDDED` bytes.
    listed : mapping, optional
        Rows of the tiles of a folder, by zoom and column: no other is asked for.

    Returns
    -------
    str
        Whatever stands in names and labels is text there and never code.
    """
    about = _about(contents, url) | ({} if listed is None else {"listed": listed})
    inside = ""
    if embed is not None and embed.stat().st_size <= EMBEDDED:
        text = base64.b64encode(embed.read_bytes()).decode("ascii")
        inside = f'<script type="application/octet-stream" id="civigrid-tiles">{text}</script>'
    told = json.dumps(about, ensure_ascii=False).replace("<", "\\u003c")
    name, words = escape(about["name"]), escape(contents.metadata["description"])
    source = escape(unescape(contents.metadata["attribution"]))
    control = f"Disclosure control: {escape(contents.metadata['disclosure'])}."
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title>{''.join(_assets())}</head><body>"
        f'<header><h1>{name}</h1><label>Show <select id="variable"></select></label>'
        '<span id="says" role="status" aria-live="polite"></span></header>'
        f'<main><div id="map" role="application" aria-label="Map: {words}" dir="ltr"></div>'
        '<section id="legend" aria-label="Legend"></section></main>'
        f"<footer><span>{source}</span><span>{control}</span><details><summary>Licences</summary>"
        f"<p>{escape(NOTICE)}</p></details></footer>"
        f'<script type="application/json" id="civigrid-about">{told}</script>{inside}</body></html>\n'
    )


def _about(contents: Contents, url: str) -> dict[str, Any]:
    told, scheme = contents.metadata, SCHEMES[contents.metadata["tile_matrix_set"]]
    west, south, east, north = contents.bounds
    if scheme.crs != "EPSG:3857":
        turn = Transformer.from_crs("EPSG:4326", scheme.crs, always_xy=True)
        west, south, east, north = turn.transform_bounds(west, south, east, north)
    return {
        "name": told["name"],
        "kind": contents.kind,
        "url": url,
        "minzoom": contents.min_zoom,
        "maxzoom": contents.max_zoom,
        "box": [[south, west], [north, east]],
        "crs": scheme.crs,
        "left": scheme.left,
        "top": scheme.top,
        "size_m": scheme.size_m,
        "layers": told["layers"],
        "variables": told["variables"],
    }


def _assets() -> list[str]:
    """Leaflet and our scripts, inlined; no picture is fetched."""
    folder, own = Path(leaflet.BASE_DIR), files("civigrid.tiles") / "assets"
    css = (folder / "leaflet.css").read_text(encoding="utf-8")
    for image in ("layers.png", "layers-2x.png", "marker-icon.png"):
        css = css.replace(f"url(images/{image})", "none")
    js = [(folder / "leaflet.js").read_text(encoding="utf-8").split("//# sourceMappingURL")[0]]
    js += [(own / name).read_text(encoding="utf-8") for name in ("archive.js", "viewer.js")]
    js = [text.replace("</script", "<\\/script") for text in js]
    styles = [f"<style>{css}</style>", f"<style>{_CSS}</style>"]
    return styles + [f"<script>{text}</script>" for text in js]
