"""What tiles say of themselves: fields with their meaning, classes, source, disclosure; no path and no sample value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from civigrid.grid import Grid, H3Grid
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


def cells_words(grid: Grid) -> str:
    """Say in words what the cells are.

    >>> cells_words(H3Grid(8))
    'H3 cells of resolution 8'
    >>> from civigrid.grid import SquareGrid
    >>> cells_words(SquareGrid(cell_size_m=250)), cells_words(SquareGrid(cell_size_m=20_000))
    ('Squares of 250 m', 'Squares of 20 km')
    """
    if isinstance(grid, H3Grid):
        return f"H3 cells of resolution {grid.resolution}"
    name = grid.id.rsplit("-", 1)[-1]
    return f"Squares of {name.rstrip('km')} {name.lstrip('0123456789')}"


def layers_json(tables: Sequence[LevelTable], names: Sequence[str]) -> dict[str, Any]:
    """What each layer holds: its grid, how many cells, classes of each variable."""
    return {
        t.level.layer: {
            "grid": t.level.grid.id,
            "words": cells_words(t.level.grid),
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
        what = cells_words(table.level.grid)
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
