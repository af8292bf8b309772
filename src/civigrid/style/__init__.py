"""How values look: classes, colours, and the words beside them; one model for maps, tiles, GIS files and figures."""

from civigrid.style.classes import Classes, classify
from civigrid.style.palette import SCHEMES, colors

__all__ = ["SCHEMES", "Classes", "classify", "colors"]
