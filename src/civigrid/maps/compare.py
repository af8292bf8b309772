"""Comparison on a map: a divider between two layers, two maps with one view, their difference, who gains and loses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import folium
import geopandas as gpd
import numpy as np
from branca.element import Element, MacroElement
from jinja2 import Template

from civigrid.cells import column_of, values_of
from civigrid.errors import SchemaError, unknown_name
from civigrid.maps.compared import Compared, gains_and_losses
from civigrid.maps.elements import CellData, CellLayer
from civigrid.maps.legend_rows import stops_of
from civigrid.maps.page import View, Words, cells_page
from civigrid.maps.scripts import as_script
from civigrid.maps.summaries import summaries_of
from civigrid.maps.words import Language, language
from civigrid.style.legend import histogram

Mode = Literal["swipe", "pair", "difference"]
MODES = ("swipe", "pair", "difference")


class Compare(MacroElement):  # type: ignore[misc]
    """Two layers of cells compared: by a divider, side by side, or by their difference.

    Add the layers to the map before, then this.  It takes them out of the layer control and shows them itself.

    Parameters
    ----------
    left, right : CellLayer
        The two sides, with the same classes.
    change : CellLayer, optional
        Their difference, where it is asked for.
    labels : tuple of str
        What the sides are called.
    mode : {"swipe", "pair", "difference"}
        What is shown first; the reader may choose another.
    table : dict, optional
        Gains and losses by group, as `gains_table` gives them.

    Raises
    ------
    SchemaError
        The sides do not have the same classes: their colours would not compare.  Or no difference is given.
    UnknownNameError
        An unknown mode.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "civigrid.compare({{ this._parent.get_name() }}, {{ this.left.get_name() }}, {{ this.right.get_name() }}, "
        "{{ this.change.get_name() if this.change else 'null' }}, {{ this.settings }});"
        "{% endmacro %}"
    )

    def __init__(
        self,
        left: CellLayer,
        right: CellLayer,
        change: CellLayer | None = None,
        *,
        labels: tuple[str, str] = ("Before", "After"),
        mode: Mode = "swipe",
        table: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._name = "Compare"
        if mode not in MODES:
            raise unknown_name("mode of comparison", mode, MODES)
        if mode == "difference" and change is None:
            raise SchemaError("to show a difference, give its layer: compare_cells() computes it.")
        if left.classes != right.classes:
            raise SchemaError("the two sides have different classes: give both layers the same `classes`.")
        for layer in filter(None, (left, right, change)):
            layer.control = layer.show = False
        self.left, self.right, self.change = left, right, change
        legend = legend_of_both(left, right, labels)
        self.settings = as_script({"labels": labels, "mode": mode, "legend": legend, "table": table})


def legend_of_both(left: CellLayer, right: CellLayer, labels: tuple[str, str]) -> dict[str, Any]:
    """Legend of two sides with the same classes: their numbers of cells beside each other, one histogram of both."""
    one, two = left.legend, right.legend
    rows = [{**a, "numbers": [a["cells"], b["cells"]]} for a, b in zip(one["classes"], two["classes"], strict=True)]
    values = np.concatenate([values_of(layer.data.cells, layer.variable) for layer in (left, right)])
    return one | {
        "title": one["title"].removesuffix(f" ({labels[0]})"),
        "classes": rows,
        "columns": list(labels),
        "missing_rows": _beside(one["missing_rows"], two["missing_rows"], "reason"),
        "uncertain_by": _beside(one["uncertain_by"], two["uncertain_by"], "status"),
        "rough": [one["rough"], two["rough"]] if one["rough"] or two["rough"] else 0,
        "empty": "",
        "histogram": None if one["histogram"] is None else histogram(values, left.classes),
        "stops": stops_of(values[np.isfinite(values)]),
        "source": ", ".join(dict.fromkeys(filter(None, (one["source"], two["source"])))),
        "date": ", ".join(dict.fromkeys(filter(None, (one["date"], two["date"])))),
    }


def _beside(left: Sequence[dict[str, Any]], right: Sequence[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Rows of two sides by what they tell of, with the cells of both."""
    found: dict[Any, dict[str, Any]] = {}
    for side, rows in enumerate((left, right)):
        for row in rows:
            found.setdefault(row[key], {**row, "numbers": [0, 0]})["numbers"][side] = row["cells"]
    return list(found.values())


def gains_table(compared: Compared) -> dict[str, Any] | None:
    """Give what the page needs of gains and losses by group; None where no group is known."""
    found = gains_and_losses(compared)
    if not len(found):
        return None
    about = column_of(compared.release.data[compared.left])
    shades = compared.change_classes.colors
    down, up = (shades[-1], shades[0]) if compared.better == "less" else (shades[0], shades[-1])
    rows = [
        {**row, "variable": row["group"], "mean": None if np.isnan(row["mean"]) else row["mean"]}
        for row in found.to_dict("records")
    ]
    neither = compared.better == "neither"
    return {
        "title": "changes" if neither else "gains",
        "words": ["rise", "fall"] if neither else ["gain", "lose"],
        "groups": rows,
        "outcome": compared.outcome,
        "least": compared.least,
        "better": compared.better,
        "label": compared.labels[0],
        "units": about.units,
        "percent": compared.left.startswith("share_"),
        "colors": {"gain": up, "lose": down, "stay": "#c3c9d0"},
    }


def compare_elements(compared: Compared, *, mode: Mode = "swipe", lang: str = "en") -> list[Element]:
    """Give the elements of a comparison, in their order, for any `folium.Map`."""
    told = [compared.left, compared.right, compared.change]
    carry = [n for n in dict.fromkeys([compared.outcome, *compared.groups]) if n in compared.release.data]
    data = CellData(compared.release, told, carry=carry)
    left = CellLayer(data, compared.left, classes=compared.classes, lang=lang)
    right = CellLayer(data, compared.right, classes=compared.classes, lang=lang)
    change = CellLayer(data, compared.change, classes=compared.change_classes, lang=lang)
    table = gains_table(compared)
    both = Compare(left, right, change, labels=compared.labels, mode=mode, table=table)
    return [data, left, right, change, both]


def make_compare_map(
    compared: Compared,
    *,
    title: str,
    question: str = "",
    mode: Mode = "swipe",
    sites: Sequence[Element] = (),
    outline: gpd.GeoSeries | None = None,
    notes: Sequence[str] = (),
    lang: str | Language = "en",
    view: View = "mercator",
) -> folium.Map:
    """Draw a comparison as one self-contained page.

    Parameters
    ----------
    compared : Compared
        Two sides, of `compare_cells`.
    title, question : str
        What the map is called, and what it answers.
    mode : {"swipe", "pair", "difference"}
        What is shown first.
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
    base = language(lang).base
    elements = compare_elements(compared, mode=mode, lang=base)
    told = summaries_of(elements[0].cells, [compared.left, compared.right, compared.change], lang=base)
    words = Words(title, question, tuple(notes), lang, view, told)
    return cells_page(compared.release, elements, words, outline=outline, above=sites)
