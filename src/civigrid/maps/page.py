"""A whole page: a Folium map that carries everything it needs and asks the network for nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import folium
import geopandas as gpd
import numpy as np
import xarray as xr
from branca.element import Element
from folium.map import Layer

from civigrid.cells import column_of, grid_of, ids_of
from civigrid.errors import SchemaError, unknown_name
from civigrid.maps.access import Access
from civigrid.maps.elements import CellData, CellLayer, Furniture, Outline, SiteLayer
from civigrid.maps.extent import corners_of
from civigrid.maps.indicators import Indicators
from civigrid.maps.scripts import bring_assets
from civigrid.maps.sliders import Threshold, ValueRange
from civigrid.maps.summaries import summaries_of
from civigrid.maps.text import Summary, Text, frame
from civigrid.maps.words import Language, language
from civigrid.release.gate import Release
from civigrid.style.classes import Classes

Tool = Literal["list", "range", "threshold"]
TOOLS = {
    "list": "indicators in a list with a search",
    "range": "two handles over the values",
    "threshold": "a slider of minutes, and who lives within",
}
"""What a map may have beside its legend."""
View = Literal["mercator", "native"]
VIEWS = {"mercator": "EPSG3857", "native": "EPSG3035"}
"""Views of a map and what the page calls them."""


def make_map(
    release: Release[xr.Dataset],
    variables: Sequence[str],
    *,
    title: str,
    question: str = "",
    tell: Sequence[str] = (),
    sites: Sequence[SiteLayer] = (),
    outline: gpd.GeoSeries | None = None,
    notes: Sequence[str] = (),
    carry: Sequence[str] = (),
    classes: Mapping[str, Classes] | None = None,
    tools: Sequence[Tool] = (),
    lang: str | Language = "en",
    view: View = "mercator",
) -> folium.Map:
    """Draw released cells as a Folium map.

    Parameters
    ----------
    release : Release of xarray.Dataset
        The cells.
    variables : sequence of str
        Indicators, one shown at a time, the first at the start.
    title, question : str
        What the map is called, and what it answers.
    tell : sequence of str
        More variables that the tooltip tells, as which site is nearest; no layer shows them.
    sites : sequence of SiteLayer
        Services, drawn on demand.
    outline : geopandas.GeoSeries, optional
        Lines for orientation.
    notes : sequence of str
        Sentences a reader must know.
    carry : sequence of str
        More variables, from which the tooltip computes intervals.
    classes : mapping of str to Classes, optional
        Breaks and colours of a variable; by default `civigrid.style.classify` chooses.
    tools : sequence of {"list", "range", "threshold"}
        A list of the indicators with a search, instead of the choice of layers; two handles over the values; a slider
        of minutes for the first variable that is minutes.
    lang : str or Language
        Language of the page: English, German, or one of your own (`make_language`).
    view : {"mercator", "native"}
        Web Mercator, or the EU grid's own projection, where equal cells are equal squares.

    Returns
    -------
    folium.Map
        Scripts and styles are inlined; `to_html` writes it as one page.

    Raises
    ------
    UnknownNameError
        No such tool.
    SchemaError
        A slider of minutes where none are drawn, or beside a list, whose one layer shows other variables too.
    """
    data = CellData(release, [*variables, *tell], carry=carry)
    base = language(lang).base
    own = classes or {}
    drawn = list(variables)[: 1 if "list" in tools else None]
    layers = [CellLayer(data, name, show=i == 0, classes=own.get(name), lang=base) for i, name in enumerate(drawn)]
    beside = _tools(layers, variables, tools, own)
    words = Words(title, question, tuple(notes), lang, view, summaries_of(data.cells, variables, lang=base))
    return cells_page(release, [data, *layers], words, outline=outline, above=[*beside, *sites])


def _tools(
    layers: Sequence[CellLayer], variables: Sequence[str], tools: Sequence[str], classes: Mapping[str, Classes]
) -> list[Element]:
    found: list[Element] = []
    for tool in dict.fromkeys(tools):
        if tool not in TOOLS:
            raise unknown_name("tool of a map", tool, TOOLS)
        if tool == "list":
            found.append(Indicators(layers[0], variables, classes=classes))
        elif tool == "range":
            found.append(ValueRange())
        else:
            timed = [y for y in layers if column_of(y.data.cells[y.variable]).units == "min"]
            if not timed or "list" in tools:
                raise SchemaError("a slider of minutes needs a layer of minutes of its own, without a list.")
            found.append(Threshold(timed[0]))
    return found


@dataclass(frozen=True)
class Words:
    """What a page says: title, question, sentences a reader must know, language, the map in words; and its view."""

    title: str
    question: str = ""
    notes: tuple[str, ...] = ()
    lang: str | Language = "en"
    view: View = "mercator"
    summaries: tuple[Summary, ...] = ()


def cells_page(
    release: Release[xr.Dataset],
    layers: Sequence[Element],
    words: Words,
    *,
    outline: gpd.GeoSeries | None = None,
    above: Sequence[Element] = (),
) -> folium.Map:
    """Put layers of cells, lines for orientation and what lies above them on a page, with a choice of layers."""
    lines = [] if outline is None else [Outline(outline, tolerance_m=_tolerance(release.data))]
    shown = [*layers, *lines, *above]
    # a choice of nothing is not shown: tools may have taken the layers into their own hands
    offered = [element for element in shown if isinstance(element, Layer) and element.control]
    if len(offered) > 1 or any(layer.overlay for layer in offered):
        shown.append(folium.LayerControl(collapsed=False, position="topright"))
    return offline_page(shown, corners_of(release.data), words, release)


def offline_page(
    elements: Sequence[Element], bounds: list[list[float]], words: Words, release: Release[Any]
) -> folium.Map:
    """Make a page that asks the network for nothing, of elements in their order."""
    if words.view not in VIEWS:
        raise unknown_name("view of a map", words.view, VIEWS)
    page = folium.Map(tiles=None, crs=VIEWS[words.view], zoom_control=True, prefer_canvas=True, world_copy_jump=False)
    page.default_js, page.default_css = [], []
    say = language(words.lang)
    bring_assets(page.get_root(), say)
    text = Text(
        title=words.title, question=words.question, notes=words.notes, say=say, profile=release.profile,
        terms=tuple(release.terms), summaries=words.summaries,
    )  # fmt: skip
    for element in elements:
        page.add_child(element)
    page.add_child(Furniture(bounds))
    page.add_child(Access(words.title, profile=release.profile, sources=text.sources))
    frame(page, text)
    return page


def to_html(page: folium.Map) -> str:
    """Write a map as one self-contained HTML page; equal maps give equal bytes."""
    _number(page.get_root(), 0)
    text: str = page.get_root().render()
    return text


def _number(element: Element, last: int) -> int:
    """Number the elements in their order: Folium's own names are random."""
    for child in element._children.values():
        last += 1
        child._id = f"{last:04d}"
        last = _number(child, last)
    return last


def _tolerance(cells: xr.Dataset) -> float:
    """Outlines need no more detail than a third of a cell's side, and no less than 100 m."""
    area = float(grid_of(cells).area_km2(ids_of(cells)[:1])[0])
    return min(0.3 * float(np.sqrt(area * 1e6)), 100.0)
