"""What tiles say of themselves: fields with their meaning, classes, source, disclosure; no path and no sample value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from civigrid.grid import H3Grid
from civigrid.kernels.vector_tile import DOUBLE, SINT, UINT
from civigrid.source import Licence
from civigrid.style import Classes
from civigrid.tiles.archives import SIGN, Contents
from civigrid.tiles.attributes import WHOLE, LevelTable
from civigrid.tiles.carried import Carried
from civigrid.tiles.schemes import TileScheme

_EXACT = 2**53 - 1
IDS = {
    "square": "id of a feature: Morton code of row and column; cell id = level << 56 | id",
    "h3": "id of a feature: base cell and digits of the H3 index, (index >> 3 * (15 - r)) & (2**(7 + 3 r) - 1)",
}


def classes_json(classes: Classes, known: bool) -> dict[str, Any]:
    """Breaks, labels and colours; none where nothing is known.

    Without a break the label would tell the extremes, and says ``all values`` instead.
    """
    if not known:
        return {"breaks": [], "labels": [], "colors": [], "zero": False}
    labels = list(classes.labels) if classes.breaks else ["0", "all values"][-len(classes.labels) :]
    return {"breaks": list(classes.breaks), "labels": labels, "colors": list(classes.colors), "zero": classes.zero}


def type_words(of: Carried) -> str:
    """Say how a variable is stored.

    >>> from civigrid.release.overviews import Rule
    >>> from civigrid.types import Column
    >>> type_words(Carried(name="n", column=Column(), rule=Rule("sum"), whole=True, decimals=0))
    'integer'
    """
    return "integer" if of.whole else f"number, to {of.decimals} decimals"


def variables_json(variables: Sequence[Carried]) -> dict[str, Any]:
    """What each variable means, by name."""
    return {
        of.name: {
            "type": type_words(of),
            "long_name": of.column.long_name or of.name,
            "units": of.column.units,
            "kind": of.column.kind,
            "source": of.column.source,
            "reference_date": of.column.reference_date,
            "on_parents": of.rule.words,
        }
        for of in variables
    }


def layers_json(tables: Sequence[LevelTable], names: Sequence[str]) -> dict[str, Any]:
    """What each layer holds: its grid, how many cells, classes of each variable."""
    return {
        t.level.layer: {
            "grid": t.level.grid.id,
            "cells": len(t.ids),
            "minzoom": t.level.min_zoom,
            "maxzoom": t.level.max_zoom,
            "classes": {
                n: classes_json(t.classes[n], bool(np.isfinite(t.values[n].values).any()))
                for n in names
                if n in t.classes
            },
        }
        for t in tables
    }


def vector_layers(tables: Sequence[LevelTable], variables: Sequence[Carried]) -> list[dict[str, Any]]:
    """Layers and types of fields, as MBTiles and TileJSON ask for them."""
    words = {of.name: of.column.long_name or of.name for of in variables}
    found = []
    for table in tables:
        about = table.about
        types = ["Number" if k in (UINT, SINT, DOUBLE) else "String" for k in about.kind]
        grid = table.level.grid
        what = f"H3 cells of resolution {grid.resolution}" if isinstance(grid, H3Grid) else f"Cells of {grid.id}"
        found.append(
            {
                "id": table.level.layer,
                "description": f"{what}: {', '.join(words[k] for k in about.keys if k in words)}" if words else what,
                "minzoom": table.level.min_zoom,
                "maxzoom": table.level.max_zoom,
                "fields": dict(zip(about.keys, types, strict=True)),
            }
        )
    return found


def field_types(tables: Sequence[LevelTable]) -> dict[str, Any]:
    """Types of the fields in the form GDAL reads them from (``tilestats``).

    ``min`` and ``max`` are what the type can hold, whatever the values are: GDAL tells whole numbers by them.
    """
    layers = []
    for table in tables:
        about, columns = table.about, []
        for key, kind, large in zip(about.keys, about.kind.tolist(), about.large, strict=True):
            one: dict[str, Any] = {"attribute": key, "type": "number" if kind in (UINT, SINT, DOUBLE) else "string"}
            if kind in (UINT, SINT):
                most = _EXACT if large else WHOLE
                one |= {"min": -most if kind == SINT else 0, "max": most}
            columns.append(one)
        layers.append(
            {
                "layer": table.level.layer,
                "count": len(table.ids),
                "geometry": "Polygon",
                "attributeCount": len(columns),
                "attributes": columns,
            }
        )
    return {"layerCount": len(layers), "layers": layers}


def common(
    name: str,
    description: str,
    scheme: TileScheme,
    variables: Sequence[Carried],
    profile: str,
    terms: Sequence[Licence],
) -> dict[str, Any]:
    """What vector tiles and pictures say alike."""
    about: dict[str, Any] = {
        "name": name,
        "description": description,
        "attribution": attribution(terms),
        "type": "overlay",
        "version": "1",
        "generator": SIGN,
        "tile_matrix_set": scheme.id,
        "crs": scheme.crs,
        "variables": variables_json(variables),
        "disclosure": profile,
    }
    if scheme.crs != "EPSG:3857":
        about |= {
            "tile_origin_upper_left_x": scheme.left,
            "tile_origin_upper_left_y": scheme.top,
            "tile_dimension_zoom_0": scheme.size_m,
        }
    return about


def attribution(terms: Sequence[Licence]) -> str:
    """Words that must stand beside the data; escaped, since map clients take them for HTML.

    >>> attribution([Licence(publisher="Eurostat", licence="CC BY 4.0")])
    'Eurostat, CC BY 4.0'
    """
    said = [", ".join(filter(None, (t.attribution or t.publisher, t.licence))) for t in terms]
    return escape("; ".join(dict.fromkeys(filter(None, said))))


def tilejson(contents: Contents, url: str) -> dict[str, Any]:
    """Give TileJSON 3.0 of tiles that are found at `url` (``{z}/{x}/{y}.mvt``).

    References
    ----------
    Mapbox, TileJSON 3.0.0 specification (2021).  Of other tile matrix sets than Web Mercator it knows nothing: clients
    find ``tile_matrix_set`` and ``crs`` beside it.
    """
    about = contents.metadata
    layers = [{**v, "fields": _described(v["fields"], about["variables"])} for v in about.get("vector_layers", [])]
    return {
        "tilejson": "3.0.0",
        "tiles": [url],
        "scheme": "xyz",
        "name": about["name"],
        "description": about["description"],
        "attribution": about["attribution"],
        "version": "1.0.0",
        "minzoom": contents.min_zoom,
        "maxzoom": contents.max_zoom,
        "bounds": list(contents.bounds),
        "center": [*contents.center, contents.min_zoom],
        "tile_matrix_set": about["tile_matrix_set"],
        "crs": about["crs"],
        "vector_layers": layers,
    }


def _described(fields: Mapping[str, str], variables: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for key in fields:
        about = variables.get(key)
        told = f"{about['long_name']} ({about['units']}; {about['type']})" if about else "Why it is missing, or unsure"
        found[key] = told
    return found


MISSING_COLOR = "#b9b9b9"
"""Cells without a value, where a client has no hatching."""


def maplibre_style(contents: Contents, url: str, *, joined: bool) -> dict[str, Any]:
    """Give a MapLibre style: a fill for each variable and level, the first variable shown.

    Parameters
    ----------
    contents : Contents
        Of vector tiles.
    url : str
        ``pmtiles://T.pmtiles``, or the template of a folder.
    joined : bool
        Whether values come by ``setFeatureState`` instead of standing in the tiles.

    References
    ----------
    MapLibre Style Specification, version 8: ``step`` expressions, ``fill-antialias``.
    """
    about = contents.metadata
    where: dict[str, Any] = {"tiles": [url]} if "{z}" in url else {"url": url}
    if "tiles" in where:
        where |= {"minzoom": contents.min_zoom, "maxzoom": contents.max_zoom, "bounds": list(contents.bounds)}
    layers: list[dict[str, Any]] = []
    for name in about["variables"]:
        for layer, of in about["layers"].items():
            if name in of["classes"]:
                shown = "none" if layers and layers[0]["metadata"]["variable"] != name else "visible"
                layers.append(_fill(name, layer, of, contents.max_zoom, shown, joined))
    return {
        "version": 8,
        "name": about["name"],
        "metadata": {"tile_matrix_set": about["tile_matrix_set"], "disclosure": about["disclosure"]},
        "center": list(contents.center),
        "zoom": contents.min_zoom,
        "sources": {"cells": {"type": "vector", "attribution": about["attribution"], **where}},
        "layers": layers,
    }


def _fill(name: str, layer: str, of: Mapping[str, Any], deepest: int, shown: str, joined: bool) -> dict[str, Any]:
    classes = of["classes"][name]
    value = ["feature-state" if joined else "get", name]
    colors = classes["colors"][int(classes["zero"]) :] or [MISSING_COLOR]
    color: Any = colors[0]
    if classes["breaks"]:
        steps = [v for pair in zip(classes["breaks"], colors[1:], strict=True) for v in pair]
        color = ["step", ["to-number", value], colors[0], *steps]
    if classes["zero"]:
        color = ["case", ["==", value, 0], classes["colors"][0], color]
    fill: dict[str, Any] = {
        "id": f"{name}/{layer}",
        "type": "fill",
        "source": "cells",
        "source-layer": layer,
        "minzoom": of["minzoom"],
        "layout": {"visibility": shown},
        "paint": {
            "fill-antialias": False,
            "fill-color": ["case", ["==", ["typeof", value], "number"], color, MISSING_COLOR],
        },
        "metadata": {"variable": name, "labels": classes["labels"]},
    }
    # the deepest tiles are drawn at every deeper zoom
    return fill if of["maxzoom"] == deepest else fill | {"maxzoom": of["maxzoom"] + 1}
