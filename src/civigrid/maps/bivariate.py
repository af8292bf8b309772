"""Two variables on one map: where a group's share is high, and whether many people or few live there."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import xarray as xr
from folium.map import Layer
from jinja2 import Template

from civigrid.cells import column_of, status_of, values_of
from civigrid.errors import SchemaError
from civigrid.maps.elements import CellData, CellLayer, SiteLayer
from civigrid.maps.page import View, Words, cells_page
from civigrid.maps.scripts import as_script
from civigrid.maps.summaries import summaries_of
from civigrid.maps.words import Language, language
from civigrid.release.gate import Release
from civigrid.style.classes import _two_digits, _words
from civigrid.style.palette import BIVARIATE
from civigrid.style.words import BEYOND, REASONS, missing_reasons, source_words
from civigrid.types import Column, Floats

CLASSES = 3
"""Classes of each variable at most: nine colours are as many as a reader tells apart."""


class BivariateLayer(Layer):  # type: ignore[misc]
    """A rate and a count of the same cells in nine colours, with a legend that runs two ways.

    Parameters
    ----------
    data : CellData
        The cells, added to the map before.
    rate : str
        Runs upwards, as the share of a group; cut where thirds of its people live.
    count : str
        Runs to the right, as residents: on cells of equal area it is density; cut at thirds of the cells.
    title : str
        Name in the layer control and above the legend; by default both variables.
    show : bool
        Whether it is the one shown first.

    Notes
    -----
    A coefficient without its people misleads: a high share among few is not a concentration (Stepinski and Dmowska
    2019, PLoS ONE 14, e0211541, on what is lost when only one is drawn).
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = civigrid.twoWayLayer({{ this.data.key }}, {{ this.settings }});"
        "{% endmacro %}"
    )

    def __init__(self, data: CellData, rate: str, count: str, *, title: str = "", show: bool = False) -> None:
        up, right = (column_of(data.cells[name]) for name in (rate, count))
        if right.kind != "extensive" or up.kind != "intensive":
            raise SchemaError(f"{rate!r} must be a rate and {count!r} a count: the count is read as density.")
        title = title or f"{up.long_name or rate}, and how many live there"
        super().__init__(name=escape(title), overlay=False, control=True, show=show)
        self._name = "BivariateLayer"
        self.data = data
        share, persons = values_of(data.cells, rate), values_of(data.cells, count)
        inside = np.isfinite(share) & (persons > 0)
        up_breaks = _thirds(share[inside], persons[inside])
        right_breaks = _thirds(persons[inside], np.ones(int(inside.sum())))
        shades = _shades(len(up_breaks) + 1, len(right_breaks) + 1)
        names = _names(up_breaks, up), _names(right_breaks, right)
        where = np.searchsorted(up_breaks, share, side="right") * len(names[1])
        where = where + np.searchsorted(right_breaks, persons, side="right")
        counted = np.bincount(where[inside], minlength=len(shades))
        classes = [
            {"label": f"{a}; {b}", "color": color, "count": f"{n:,}"}
            for (a, b), color, n in zip(
                ((a, b) for a in names[0] for b in names[1]), shades, counted.tolist(), strict=True
            )
        ]
        status = np.maximum(status_of(data.cells, rate), status_of(data.cells, count))
        gone = np.where(np.isnan(share) | np.isnan(persons), np.nan, 0.0)
        reasons = missing_reasons(gone, status, up)
        known = {key: n for key in REASONS if key != BEYOND and (n := int(reasons[key].sum()))}
        rows = [{"reason": k, "label": REASONS[k]["en"], "count": f"{n:,}", "cells": n} for k, n in known.items()]
        note = ", ".join(dict.fromkeys(filter(None, (source_words(up), up.reference_date, right.reference_date))))
        self.legend: dict[str, Any] = {
            "title": title,
            "unit": "Number of cells in each class",
            "classes": classes,
            "twoway": {
                "up": names[0], "right": names[1], "up_title": up.long_name or rate,
                "right_title": f"{right.long_name or count}, per cell",
            },
            "missing_rows": rows,
            "empty": "",
            "note": f"Source: {note}" if note else "",
        }  # fmt: skip
        parts = [{"variable": count, "breaks": right_breaks}, {"variable": rate, "breaks": up_breaks}]
        settings = {"variable": rate, "breaks": (), "zero": False, "parts": parts, "hatch_undefined": False}
        self.settings = as_script({**settings, "legend": self.legend})


def _thirds(values: Floats, weight: Floats) -> tuple[float, ...]:
    """Lower bounds of the upper classes: the first values beyond each third of the weight, rounded to two digits."""
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weight[order])
    if not len(mass):
        return ()
    at = np.searchsorted(mass, mass[-1] * np.arange(1, CLASSES) / CLASSES * (1 - 1e-12), side="left")
    # values that end a third belong to it: the next one begins the next class
    next_ = [values[order][k + 1 :] for k in at]
    found = {
        _two_digits(float(v[v > values[order][k]][0]))
        for k, v in zip(at, next_, strict=True)
        if (v > values[order][k]).any()
    }
    return tuple(sorted(b for b in found if values.min() < b <= values.max()))


def _shades(up: int, right: int) -> list[str]:
    """Colours row by row from below; of fewer classes than three the outer ones."""
    pick = {1: (0,), 2: (0, 2), 3: (0, 1, 2)}
    return [BIVARIATE[r][c] for r in pick[up] for c in pick[right]]


def _names(breaks: Sequence[float], about: Column) -> list[str]:
    if not breaks:
        return ["all"]
    middle = [f"{_words(a, about)} to {_words(b, about)}" for a, b in pairwise(breaks)]
    return [f"below {_words(breaks[0], about)}", *middle, f"{_words(breaks[-1], about)} +"]


def make_bivariate_map(
    release: Release[xr.Dataset],
    rates: Sequence[str],
    count: str,
    *,
    title: str,
    question: str = "",
    more: Sequence[str] = (),
    sites: Sequence[SiteLayer] = (),
    outline: gpd.GeoSeries | None = None,
    notes: Sequence[str] = (),
    lang: str | Language = "en",
    view: View = "mercator",
) -> folium.Map:
    """Draw rates against a count, one at a time, and other variables after them, on a page that needs no network.

    Parameters
    ----------
    release : Release of xarray.Dataset
        The cells.
    rates : sequence of str
        Shares of groups, a layer each; the first is shown at the start.
    count : str
        Residents.
    title, question : str
        What the map is called, and what it answers.
    more : sequence of str
        Ordinary layers beside them: contributions, distances of convergence, whose class holds.
    sites : sequence of SiteLayer
        Services, drawn on demand.
    outline : geopandas.GeoSeries, optional
        Lines for orientation.
    notes : sequence of str
        Sentences a reader must know.
    lang : str or Language
        Language of the page.
    view : {"mercator", "native"}
        Web Mercator, or the EU grid's own projection.

    Returns
    -------
    folium.Map
        `civigrid.maps.to_html` writes it.
    """
    if not rates:
        raise SchemaError("name at least one rate to draw against the count.")
    data = CellData(release, list(dict.fromkeys([*rates, count, *more])))
    layers: list[Layer] = [BivariateLayer(data, rate, count, show=i == 0) for i, rate in enumerate(rates)]
    base = language(lang).base
    told = summaries_of(data.cells, [*rates, count, *more], lang=base)
    words = Words(title, question, tuple(notes), lang, view, told)
    beside = [CellLayer(data, name, lang=base) for name in more]
    return cells_page(release, [data, *layers, *beside], words, outline=outline, above=sites)
