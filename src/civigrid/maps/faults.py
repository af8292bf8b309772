"""A map of what is wrong with a zoning: overlaps, gaps and slivers in colours over its outline."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import folium
import geopandas as gpd
import shapely
from folium.map import Layer
from jinja2 import Template

from civigrid.maps.elements import Outline
from civigrid.maps.page import Words, offline_page
from civigrid.maps.scripts import as_script
from civigrid.release.gate import Release

FAULT_COLORS = {
    "overlap": "#d55e00",
    "duplicate": "#a6420a",
    "gap": "#0072b2",
    "sliver": "#cc79a7",
    "invalid": "#e69f00",
    "thin part": "#009e73",
    "apart": "#56b4e9",
    "outside grid": "#999999",
    "repeated id": "#4d4d4d",
}
"""Colour of each kind of finding; Okabe and Ito's (2008), which the colour-blind can tell apart."""
WORDS = {
    "overlap": "land claimed by two areas",
    "duplicate": "one area drawn twice",
    "gap": "land that no area covers",
    "sliver": "two drawings of one line",
    "invalid": "area that had to be repaired",
    "thin part": "part as thin as a sliver",
    "apart": "area beyond the hull of all others",
    "outside grid": "area that leaves the grid",
    "repeated id": "area with the id of another",
}


class FaultLayer(Layer):  # type: ignore[misc]
    """Shapes of faults, each with a mark that is seen at any zoom, and a plain-text tooltip.

    Parameters
    ----------
    release : Release of geopandas.GeoDataFrame
        Shapes with ``kind``, ``unit``, ``other``, ``area_m2``, ``width_m`` and ``note``, as an `Audit` tells them.
    title : str
        Name in the layer control.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = (function (records, options) {"
        " var group = L.layerGroup();"
        " records.forEach(function (r) {"
        "  var color = options.legend.classes[r.k].color, text = document.createElement('div');"
        "  r.text.forEach(function (t, i) { var d = document.createElement('div'); d.textContent = t;"
        "   if (!i) { d.className = 'cg-strong'; } text.appendChild(d); });"
        "  [L.polygon(r.rings, {color: color, weight: 2, fillColor: color, fillOpacity: 0.55}),"
        "   L.circleMarker(r.at, {radius: 5, weight: 1.5, color: color, fillColor: '#ffffff', fillOpacity: 0.7})]"
        "   .forEach(function (mark) { mark.bindTooltip(text.cloneNode(true)); group.addLayer(mark); });"
        " });"
        " group.isSites = true; group.options = options;"
        " return group;"
        "}({{ this.records }}, {{ this.settings }}));"
        "{% endmacro %}"
    )

    def __init__(self, release: Release[gpd.GeoDataFrame], *, title: str = "Faults") -> None:
        super().__init__(name=escape(title), overlay=True, control=True, show=True)
        if not isinstance(release, Release):
            raise TypeError(f"maps show a Release, got {type(release).__name__}: pass the faults through release().")
        self._name = "FaultLayer"
        known = release.data[~(release.data.geometry.isna() | release.data.geometry.is_empty)]
        # what is only a few metres wide must keep its shape: nothing is simplified, 7 digits are a centimetre
        known = known.assign(geometry=shapely.force_2d(known.geometry.to_numpy())).to_crs("EPSG:4326")
        count = known["kind"].value_counts()
        kinds = [k for k in FAULT_COLORS if k in count.index]
        self.records = as_script([_record(row, kinds) for row in known.to_dict("records")])
        rows = [{"label": f"{k}: {WORDS[k]}", "color": FAULT_COLORS[k], "count": f"{count[k]:,}"} for k in kinds]
        legend = {"title": title, "unit": "", "classes": rows, "missing": None, "note": "" if rows else "none found"}
        self.settings = as_script({"legend": legend})


def _record(row: dict[str, Any], kinds: Sequence[str]) -> dict[str, Any]:
    shape = row["geometry"]
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    rings = [[[[round(y, 7), round(x, 7)] for x, y in r.coords] for r in (p.exterior, *p.interiors)] for p in parts]
    point = shapely.point_on_surface(shape)
    text = [f"{row['kind']}: {', '.join(filter(None, (row['unit'], row['other'])))}"]
    text += [f"{row['area_m2']:,.0f} m2"] if row["area_m2"] == row["area_m2"] else []
    text += [f"{row['width_m']:,.2f} m wide on average"] if row["width_m"] == row["width_m"] else []
    text += [str(row["note"])] if row["note"] else []
    return {"k": kinds.index(row["kind"]), "rings": rings, "at": [round(point.y, 7), round(point.x, 7)], "text": text}


def make_fault_map(
    release: Release[gpd.GeoDataFrame],
    outline: gpd.GeoSeries,
    *,
    title: str,
    question: str = "",
    notes: Sequence[str] = (),
    lang: str = "en",
) -> folium.Map:
    """Draw the faults of a zoning over its outline, as one page that asks the network for nothing.

    Parameters
    ----------
    release : Release of geopandas.GeoDataFrame
        The faults.
    outline : geopandas.GeoSeries
        The areas.
    title, question : str
        What the map is called, and what it answers.
    notes : sequence of str
        Sentences a reader must know.
    lang : str
        Language of the page.

    Returns
    -------
    folium.Map
        `civigrid.maps.to_html` writes it.
    """
    west, south, east, north = outline.to_crs("EPSG:4326").total_bounds.tolist()
    elements = [Outline(outline), FaultLayer(release, title="What was found")]
    return offline_page(elements, [[south, west], [north, east]], Words(title, question, tuple(notes), lang), release)
