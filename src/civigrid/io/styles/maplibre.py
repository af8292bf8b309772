"""Styles for MapLibre (style specification 8): one fill layer, colours by an expression on the column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from civigrid.io.styles.looks import MISSING_FILL, MISSING_LABEL, SHOWN_EMPTY, Look, Step

NOTHING = "rgba(0,0,0,0)"
"""Where nothing is drawn."""


def maplibre_style(
    looks: Sequence[Look], *, url: str = "pmtiles://cells.pmtiles", source: str = "cells", layer: str = "cells"
) -> dict[str, Any]:
    """Style with one layer for each look, the first shown.

    Parameters
    ----------
    looks : sequence of Look
        What is drawn.
    url, source, layer : str
        Where the tiles are, what the style calls them, and the layer in them.

    Returns
    -------
    dict
        For `json`; the words of the legend stand in each layer's ``metadata``.
    """
    layers = [
        {
            "id": look.field,
            "type": "fill",
            "source": source,
            "source-layer": layer,
            "layout": {"visibility": "none" if i else "visible"},
            # neighbours share edges: antialiasing would draw them as hairlines
            "paint": {"fill-antialias": False, "fill-color": fill_color(look)},
            "metadata": {
                "civigrid:title": look.title,
                "civigrid:units": look.units,
                "civigrid:source": look.note,
                "civigrid:legend": [{"label": s.label, "color": s.color} for s in look.steps]
                + ([{"label": MISSING_LABEL, "color": MISSING_FILL}] if look.hatched != "none" else []),
            },
        }
        for i, look in enumerate(looks)
    ]
    name = looks[0].title if looks else ""
    return {"version": 8, "name": name, "sources": {source: {"type": "vector", "url": url}}, "layers": layers}


def fill_color(look: Look) -> list[Any]:
    """Expression that gives a cell its colour; what is missing is grey, as sprites alone could hatch.

    SOURCE: MapLibre Style Specification 8, expressions ``case``, ``step`` (a value on a stop belongs above it).
    """
    value = ["get", look.field]
    if look.hatched == "status":
        shown = ["in", ["get", look.status], ["literal", list(SHOWN_EMPTY)]]
        empty: Any = ["case", shown, NOTHING, MISSING_FILL]
    else:
        empty = MISSING_FILL if look.hatched == "all" else NOTHING
    single = [s for s in look.steps if s.exactly is not None]
    ranges = [s for s in look.steps if s.exactly is None]
    found: list[Any] = ["case", ["==", value, None], empty]
    for step in single:
        found += [["==", value, step.exactly], step.color]
    return [*found, _stepped(value, ranges) if ranges else NOTHING]


def _stepped(value: list[str], ranges: Sequence[Step]) -> Any:
    if len(ranges) == 1:
        return ranges[0].color
    stops: list[Any] = [part for s in ranges[1:] for part in (s.low, s.color)]
    return ["step", ["to-number", value], ranges[0].color, *stops]
