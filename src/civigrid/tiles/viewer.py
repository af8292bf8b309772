"""A page to look at tiles."""
from __future__ import annotations
from pathlib import Path
from civigrid.tiles.archives import Contents
def viewer_page(contents: Contents, url: str, embed: Path | None = None) -> str:
    """Give the page."""
    return ""
