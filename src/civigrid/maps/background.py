"""What lies under the cells: a background carried by the page, or one from a server, asked for by the reader alone."""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

import geopandas as gpd
import numpy as np
import shapely
from branca.element import MacroElement
from jinja2 import Template

from civigrid.errors import SchemaError
from civigrid.maps.elements import Own
from civigrid.maps.scripts import as_script

LOOKS = {
    "land": {"fill": "#ecebe5"},
    "green": {"fill": "#e7ecdf"},
    "water": {"fill": "#d9e6ed", "line": "#c3d6e0", "weight": 1.0},
    "built": {"fill": "#e8e3da"},
    "road": {"line": "#d5cec0", "weight": 1.5},
    "border": {"line": "#9aa3ab", "weight": 1.0},
}
"""How each kind is drawn, from below: pale, so that the cells are read and not the ground."""
SEA = "#e4edf2"


class Background(Own):
    """Land, water, green and borders under the cells, drawn from what the page carries: no server is asked.

    Parameters
    ----------
    shapes : geopandas.GeoDataFrame
        Lines and areas with a ``kind`` of `LOOKS`, as `civigrid.io.background.read_background` gives them.
    tolerance_deg : float
        Corners nearer than this to the line without them are left out, degrees.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "civigrid.background({{ this._parent.get_name() }}, {{ this.shapes }}, {{ this.looks }}, {{ this.sea }});"
        "{% endmacro %}"
    )

    def __init__(self, shapes: gpd.GeoDataFrame, *, tolerance_deg: float = 1e-4) -> None:
        super().__init__()
        self._name = "Background"
        unknown = sorted(set(shapes["kind"]) - set(LOOKS))
        if unknown:
            raise SchemaError(f"a background cannot draw {unknown[0]!r}. Known kinds: {', '.join(LOOKS)}.")
        plane = shapes.to_crs("EPSG:4326")
        found = []
        for kind in LOOKS:
            geometry = shapely.simplify(plane.geometry[(plane["kind"] == kind).to_numpy()].to_numpy(), tolerance_deg)
            found.append({"kind": kind, "areas": _areas(geometry), "lines": _lines(geometry)})
        self.shapes = as_script([f for f in found if f["areas"] or f["lines"]])
        self.looks, self.sea = as_script(LOOKS), as_script(SEA if (plane["kind"] == "land").any() else "")


def _whole(shape: shapely.Geometry) -> list[int]:
    """Corners of a line as differences of whole numbers: 1e-5 degrees of latitude, then of longitude."""
    corner = np.rint(shapely.get_coordinates(shape)[:, ::-1] * 1e5).astype(np.int64)
    steps: list[int] = np.diff(corner, axis=0, prepend=0).ravel().tolist()
    return steps


def _areas(shapes: np.ndarray) -> list[list[list[int]]]:
    parts = shapely.get_parts(shapes)
    parts = parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)]
    return [[_whole(ring) for ring in (part.exterior, *part.interiors)] for part in parts]


def _lines(shapes: np.ndarray) -> list[list[int]]:
    parts = shapely.get_parts(shapes)
    parts = parts[(shapely.get_dimensions(parts) == 1) & ~shapely.is_empty(parts)]
    return [_whole(part) for part in parts]


class OnlineBackground(MacroElement):  # type: ignore[misc]
    """Tiles of a server, asked for only when the reader presses a button that names it.

    Parameters
    ----------
    url : str
        Template of an address with ``{z}``, ``{x}``, ``{y}``.
    attribution : str
        Words its publisher wants beside the map.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "civigrid.onlineBackground({{ this._parent.get_name() }}, {{ this.url }}, {{ this.host }}, {{ this.words }});"
        "{% endmacro %}"
    )

    def __init__(self, url: str, *, attribution: str) -> None:
        super().__init__()
        self._name = "OnlineBackground"
        parts = urlsplit(url)
        if (
            parts.scheme not in ("http", "https")
            or not parts.netloc
            or not all(k in url for k in ("{z}", "{x}", "{y}"))
        ):
            raise SchemaError(f"an online background is https://… with {{z}}, {{x}} and {{y}} in it, got {url!r}.")
        # Leaflet writes an attribution as markup
        self.url, self.words, self.host = as_script(url), as_script(escape(attribution)), as_script(parts.netloc)
