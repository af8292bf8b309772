"""civigrid's own Folium elements: they work in any `folium.Map`, into which they bring their scripts and styles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
import xarray as xr
from branca.element import MacroElement
from folium.map import Layer
from jinja2 import Template

from civigrid.cells import column_attrs, column_of, measured, values_of
from civigrid.maps.encode import encode_cells, rounded
from civigrid.maps.legend_rows import UNCERTAIN_OF, layer_settings
from civigrid.maps.scripts import as_script, bring_assets
from civigrid.release.gate import Release
from civigrid.style.classes import Classes, classify
from civigrid.style.uncertain import UncertainRule, uncertain_of
from civigrid.types import Column

SITE_COLORS = ("#1b4f72", "#117a65", "#7d5a00", "#6c3483", "#4d5656", "#2e4053", "#145a32", "#5b2c6f")

BY_ERROR = UncertainRule(statuses=())
"""Values whose error is large; what their status makes uncertain is counted by status."""


class Own(MacroElement):
    """An element that brings what it needs into any page, once."""

    def render(self, **kwargs: Any) -> None:
        """Write the element into its page."""
        bring_assets(self.get_root())
        super().render(**kwargs)


class CellData(Own):
    """Ids and values of released cells, once for all layers that draw them.

    Parameters
    ----------
    release : Release of xarray.Dataset
        What may be shown.
    variables : sequence of str, optional
        Variables the page carries and its tooltip tells; by default all that are measured.
    carry : sequence of str
        More variables that intervals are computed from; told only where no variable in persons is.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}civigrid.store({{ this.key }}, {{ this.payload }});{% endmacro %}"
    )

    def __init__(
        self, release: Release[xr.Dataset], variables: Sequence[str] | None = None, *, carry: Sequence[str] = ()
    ) -> None:
        super().__init__()
        if not isinstance(release, Release):
            raise TypeError(f"maps show a Release, got {type(release).__name__}: pass the cells through release().")
        self._name = "CellData"
        self.cells = release.data
        told = list(variables or measured(release.data))
        self.uncertain = _uncertain(release.data, told)
        cells = release.data.assign(self.uncertain)
        carry = [c for c in carry if c not in told]
        self.variables = [*told, *carry]
        if not any(release.data[v].attrs["units"] == "persons" for v in told):
            told, carry = [*told, *carry[:1]], carry[1:]
        payload = encode_cells(cells, [*self.variables, *self.uncertain]) | {"order": told}
        # what the page tells is what its classes are cut from and its legend counts
        shown = {
            name: rounded(values_of(self.cells, name), payload["about"][name]["decimals"]) for name in self.variables
        }
        self.cells = cells.assign({n: (self.cells[n].dims, v, self.cells[n].attrs) for n, v in shown.items()})
        self.payload = as_script(payload)

    @property
    def key(self) -> str:
        """Name of the store in the page."""
        return as_script(self.get_name())


def _uncertain(cells: xr.Dataset, names: Sequence[str]) -> dict[str, xr.DataArray]:
    """Give a variable of 0 and 1 beside each whose errors make some values uncertain."""
    about = column_attrs(Column(kind="intensive", units="class", words="certain|uncertain"))
    found = {name: uncertain_of(cells, name, BY_ERROR) for name in names}
    return {
        UNCERTAIN_OF.format(name): xr.DataArray(rough.astype("float64"), dims=cells[name].dims, attrs=about)
        for name, rough in found.items()
        if rough.any()
    }


class CellLayer(Own, Layer):
    """One indicator of cells, drawn pixel by pixel from ids: no polygon is sent.

    Parameters
    ----------
    data : CellData, or Release of xarray.Dataset
        The cells, added to the map before; released ones are brought along for this layer alone.
    variable : str
        Which indicator.
    show : bool
        Whether it is the one shown first.
    classes : Classes, optional
        Breaks and scheme; by default `classify` chooses.
    lang : str
        Language of its legend, ``"en"`` or ``"de"``.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = civigrid.cellLayer({{ this.data.key }}, {{ this.settings }});"
        "{% endmacro %}"
    )

    def __init__(
        self,
        data: CellData | Release[xr.Dataset],
        variable: str,
        *,
        show: bool = False,
        classes: Classes | None = None,
        lang: str = "en",
    ) -> None:
        beside = data if isinstance(data, CellData) else CellData(data, [variable])
        cells = beside.cells
        about = column_of(cells[variable])
        # Leaflet's layer control writes names as markup: they are escaped here
        super().__init__(name=escape(about.long_name or variable), overlay=False, control=True, show=show)
        self._name = "CellLayer"
        self.alone = beside is not data
        if self.alone:
            self.add_child(beside)
        self.data, self.variable, self.lang = beside, variable, lang
        weight = values_of(cells, about.weight) if about.weight and about.weight in cells else None
        values = values_of(cells, variable)
        self.classes = classes or classify(values, about, name=variable, weight=weight, lang=lang)
        settings = layer_settings(cells, variable, self.classes, lang=lang)
        self.legend: dict[str, Any] = settings["legend"]
        self.settings = as_script(settings)

    def render(self, **kwargs: Any) -> None:
        """Write the layer into its page, its cells before it."""
        if self.alone:
            self.data.render()
        super().render(**kwargs)


class SiteLayer(Own, Layer):
    """Services as circles with plain-text tooltips.

    Parameters
    ----------
    release : Release of geopandas.GeoDataFrame
        Points with a ``kind`` and a ``name``.
    title : str
        Name in the layer control.
    columns : mapping of str to str, optional
        More columns for the tooltip, each with its words.
    palette : mapping of str to str, optional
        Colour of each kind, in the order of the legend; by default one of `SITE_COLORS` each.
    show : bool
        Whether they are drawn at the start.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = civigrid.sites({{ this.records }}, {{ this.settings }});"
        "{% endmacro %}"
    )

    def __init__(
        self,
        release: Release[gpd.GeoDataFrame],
        *,
        title: str = "Services",
        columns: Mapping[str, str] | None = None,
        palette: Mapping[str, str] | None = None,
        show: bool = False,
    ) -> None:
        super().__init__(name=escape(title), overlay=True, control=True, show=show)
        if not isinstance(release, Release):
            raise TypeError(f"maps show a Release, got {type(release).__name__}: pass the sites through release().")
        self._name = "SiteLayer"
        known = release.data[~release.data.geometry.isna()].to_crs("EPSG:4326")
        kinds = sorted(known["kind"].astype(str).unique())
        shades = palette or {k: SITE_COLORS[i % len(SITE_COLORS)] for i, k in enumerate(kinds)}
        kinds = [k for k in shades if k in kinds]
        self.records = as_script([_record(row, kinds, columns or {}) for row in known.to_dict("records")])
        count = known["kind"].astype(str).value_counts()
        rows = [{"label": k, "color": shades[k], "count": str(count[k])} for k in kinds]
        self.settings = as_script(
            {"legend": {"title": title, "unit": "", "classes": rows, "missing": None, "note": ""}}
        )


def _record(row: dict[str, Any], kinds: list[str], columns: Mapping[str, str]) -> dict[str, Any]:
    text = [str(row.get("name") or row["kind"]), str(row["kind"])]
    text += [f"{words}: {row[c]}" for c, words in columns.items() if c in row and not pd.isna(row[c]) and row[c] != ""]
    point = row["geometry"]
    return {"lat": round(point.y, 6), "lon": round(point.x, 6), "k": kinds.index(str(row["kind"])), "text": text}


class Furniture(MacroElement):
    """Legend, tooltip and first view: what a map needs once, after its layers."""

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "civigrid.legend({{ this._parent.get_name() }});"
        "civigrid.tooltip({{ this._parent.get_name() }});"
        "civigrid.firstView({{ this._parent.get_name() }}, {{ this.bounds }});"
        "civigrid.map = {{ this._parent.get_name() }};"
        "{% endmacro %}"
    )

    def __init__(self, bounds: Sequence[Sequence[float]]) -> None:
        super().__init__()
        self._name = "Furniture"
        self.bounds = as_script(bounds)


class Outline(MacroElement):
    """Thin lines for orientation: borders, districts, a coast."""

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "L.polyline({{ this.lines }}, {color: '#30363d', weight: 0.8, opacity: 0.6, interactive: false,"
        " smoothFactor: 1}).addTo({{ this._parent.get_name() }});"
        "{% endmacro %}"
    )

    def __init__(self, shapes: gpd.GeoSeries, *, tolerance_m: float = 0.0) -> None:
        super().__init__()
        self._name = "Outline"
        plane = shapes[~shapes.isna()].to_crs("EPSG:3035")
        if plane.geom_type.str.contains("Polygon").all():
            # neighbours share a border: it is drawn once
            plane = gpd.GeoSeries([shapely.line_merge(shapely.union_all(plane.boundary))], crs=plane.crs)
        parts = plane.simplify(tolerance_m).to_crs("EPSG:4326").explode(ignore_index=True)
        found = [[[round(y, 5), round(x, 5)] for x, y in part.coords] for part in parts if part is not None]
        self.lines = as_script([line for line in found if len(line) > 1])
