"""Scripts, styles and words that the elements of a page need, brought into it once."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from branca.element import Element, Figure
from xstatic.pkg import leaflet

from civigrid.maps.words import Language, language

SCRIPTS = (
    "words", "decode", "lattice", "cells", "card", "keyboard", "table", "tools", "legend", "indicators", "gains",
    "compare", "sliders", "sites", "background", "access",
)  # fmt: skip
"""Scripts of a page in their order: each adds what it has to `window.civigrid`."""
STYLES = ("civigrid", "tools", "access", "print")
"""Styles of a page in their order."""
FIRST = "civigrid_assets_0"
"""Name in a page's header of the first of them: where it stands, all do."""


def as_script(what: Any) -> str:
    r"""Write a value as JSON that is safe inside a script: no ``<``, ``>`` or ``&`` remains.

    >>> as_script("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(what, ensure_ascii=True, sort_keys=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def assets(lang: str | Language = "en", *, leaflet_too: bool = True) -> list[str]:
    """Scripts, styles and words of a page, as elements to put into its header; without Leaflet where a page has it."""
    folder = Path(leaflet.BASE_DIR)
    own = files("civigrid.maps") / "assets"
    styles = [(own / f"{name}.css").read_text(encoding="utf-8") for name in STYLES]
    scripts = [(own / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    if leaflet_too:
        css = (folder / "leaflet.css").read_text(encoding="utf-8")
        for image in ("layers.png", "layers-2x.png", "marker-icon.png"):
            css = css.replace(f"url(images/{image})", "none")
        styles.insert(0, css)
        scripts.insert(0, (folder / "leaflet.js").read_text(encoding="utf-8"))
    scripts = [text.split("//# sourceMappingURL")[0].replace("</script", "<\\/script") for text in scripts]
    say = language(lang)
    scripts.append(f"civigrid.useWords({as_script(say.code)}, {as_script(dict(say.words))});")
    return [f"<style>{text}</style>" for text in styles] + [f"<script>{text}</script>" for text in scripts]


def bring_assets(page: Figure, lang: str | Language = "en") -> None:
    """Put the assets into a page's header, unless they stand there."""
    if FIRST in page.header._children:
        return
    maps = page._children.values()
    has_leaflet = any(name == "leaflet" for m in maps for name, _ in getattr(m, "default_js", ()))
    for i, text in enumerate(assets(lang, leaflet_too=not has_leaflet)):
        page.header.add_child(Element(text), name=f"{FIRST[:-1]}{i}")
