"""A MapLibre style of tiles: a fill for each variable and level, colours by the one model of styles."""

from __future__ import annotations

from typing import Any

import numpy as np

from civigrid.io.styles.looks import SHOWN_EMPTY, Look
from civigrid.io.styles.maplibre import fill_color
from civigrid.style.classes import words_of_codes
from civigrid.tiles.attributes import SILENT, LevelTable
from civigrid.tiles.carried import Carried
from civigrid.tiles.make import TileSet


def maplibre_style(made: TileSet, url: str) -> dict[str, Any]:
    """Give a MapLibre style: a fill for each variable and level, the first variable shown.

    Parameters
    ----------
    made : TileSet
        Vector tiles.
    url : str
        ``pmtiles://T.pmtiles``, or the template of a folder.

    Returns
    -------
    dict
        JSON-ready.  Where features bear ids alone, colours are those of values set by ``setFeatureState``.

    References
    ----------
    MapLibre Style Specification, version 8: ``step`` expressions, ``fill-antialias``.
    """
    contents = made.contents
    about = contents.metadata
    where: dict[str, Any] = {"tiles": [url]} if "{z}" in url else {"url": url}
    if "tiles" in where:
        where |= {"minzoom": contents.min_zoom, "maxzoom": contents.max_zoom, "bounds": list(contents.bounds)}
    layers = [
        _fill(made, of, table, shown=k == 0)
        for k, of in enumerate(made.variables)
        for table in made.tables
        if of.name in table.values
    ]
    return {
        "version": 8,
        "name": about["name"],
        "metadata": {"tile_matrix_set": about["tile_matrix_set"], "disclosure": about["disclosure"]},
        "center": list(contents.center),
        "zoom": contents.min_zoom,
        "sources": {"cells": {"type": "vector", "attribution": about["attribution"], **where}},
        "layers": layers,
    }


def look_of(of: Carried, table: LevelTable) -> Look:
    """How one variable of a level is drawn: its classes; grey where a value is withheld, nothing over nobody."""
    values, status = table.values[of.name]
    classes = table.classes[of.name]
    codes: tuple[float, ...] = ()
    if words_of_codes(of.name, of.column.words) is not None:
        found = np.unique(values[np.isfinite(values)])
        codes = tuple(found.tolist()) if len(found) == len(classes.labels) else ()
    said = bool((~np.isin(status, SILENT)).any())
    rate = of.column.kind == "intensive" and of.column.units != "min"
    return Look(
        variable=of.name,
        field=of.name,
        title=of.column.long_name or of.name,
        units=of.column.units,
        classes=classes,
        status=f"{of.name}_status" if said else "",
        hatched=("status" if said else "none") if rate else "all",
        codes=codes,
    )


def _fill(made: TileSet, of: Carried, table: LevelTable, *, shown: bool) -> dict[str, Any]:
    look, level = look_of(of, table), table.level
    color = _asked(fill_color(look), look.status, joined=made.options.geometry_only)
    fill: dict[str, Any] = {
        "id": f"{of.name}/{level.layer}",
        "type": "fill",
        "source": "cells",
        "source-layer": level.layer,
        "minzoom": level.min_zoom,
        "layout": {"visibility": "visible" if shown else "none"},
        # neighbours share edges: antialiasing would draw them as hairlines
        "paint": {"fill-antialias": False, "fill-color": color},
        "metadata": {"variable": of.name, "labels": [s.label for s in look.steps]},
    }
    # the deepest tiles are drawn at every deeper zoom
    return fill if level.max_zoom == made.contents.max_zoom else fill | {"maxzoom": level.max_zoom + 1}


def _asked(expression: Any, status: str, *, joined: bool) -> Any:
    """Ask for the state of a feature instead of its attribute; tiles do not say a status that needs no words."""
    if not isinstance(expression, list):
        return expression
    if expression[:1] == ["get"]:
        value = ["feature-state" if joined else "get", *expression[1:]]
        return ["coalesce", value, SHOWN_EMPTY[0]] if expression[1] == status else value
    return [_asked(part, status, joined=joined) for part in expression]
