"""A last look at what was built: no page loads anything from elsewhere, none names a folder of the machine."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

LOADED = re.compile(
    r"""<(?:script|img|iframe|source)[^>]*\ssrc=["'](?:https?:)?//[^"']*|<link(?![^>]*rel=["']canonical)[^>]*\shref=["'](?:https?:)?//[^"']*"""
)
STYLED = re.compile(r"""@import|url\(\s*["']?(?:https?:)?//""")


def setup(sphinx: Sphinx) -> dict[str, bool]:
    """Look when all is written."""
    sphinx.connect("build-finished", _look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _look(sphinx: Sphinx, exception: Exception | None) -> None:
    if exception is None and (
        found := faults(Path(sphinx.outdir), [str(Path(sphinx.srcdir).parent), str(Path.home())])
    ):
        raise ExtensionError("\n".join(found))


def faults(folder: Path, machine: list[str]) -> list[str]:
    """Give each page with what it loads from elsewhere, or which path of the machine it names."""
    told = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".html", ".css", ".js"}):
        text = path.read_text(encoding="utf-8")
        loaded = (STYLED if path.suffix == ".css" else LOADED).findall(text) if path.suffix != ".js" else []
        told += [f"{path.name} loads {found}" for found in loaded]
        told += [f"{path.name} names {place}" for place in machine if len(place) > 1 and place + "/" in text]
    return told
