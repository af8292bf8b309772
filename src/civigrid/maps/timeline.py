"""Time on a map: the periods of a stack as steps of one layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import folium
import geopandas as gpd
import xarray as xr
from branca.element import MacroElement
from jinja2 import Template

from civigrid.cells import column_of, grid_of, ids_of, make_cells, measured, values_of
from civigrid.errors import SchemaError, unknown_name
from civigrid.maps.elements import CellData, CellLayer, SiteLayer
from civigrid.maps.legend_rows import layer_settings
from civigrid.maps.page import View, Words, cells_page
from civigrid.maps.scripts import as_script
from civigrid.maps.summaries import summaries_of
from civigrid.maps.words import Language, language
from civigrid.release.gate import Release
from civigrid.stacks import slice_of
from civigrid.style.classes import shared_classes
from civigrid.types import Column, Floats


def flatten_periods(stack: xr.Dataset, *, of: Sequence[str] = ()) -> xr.Dataset:
    """Give the periods of a stack as variables of one cell dataset, so that a profile and a map can take them.

    Parameters
    ----------
    stack : xarray.Dataset
        Cells along ``period``, as `civigrid.stacks.stack_cells` makes them.
    of : sequence of str
        Variables to take; by default all that are measured.

    Returns
    -------
    xarray.Dataset
        A variable ``NAME_LABEL`` for each period and variable that differs by period, told with its label; what is the
        same in all stays as it is.  Weights and totals are those of the same period.

    Raises
    ------
    SchemaError
        There is no dimension ``period``, or two labels give one name.
    """
    if "period" not in stack.dims:
        raise SchemaError("this is no stack of periods: make one with stack_cells(slices, 'period', labels).")
    labels = [str(label) for label in stack["period"].to_numpy().tolist()]
    varying = {str(n) for n, v in stack.data_vars.items() if "period" in v.dims}
    names = [n for n in measured(stack) if not of or n in of]
    if lacking := [n for n in of if n not in names]:
        raise unknown_name("variable of the stack", lacking[0], measured(stack))
    values: dict[str, Floats] = {}
    about, status = {}, {}
    for label, period in zip(labels, stack["period"].to_numpy().tolist(), strict=True):
        cells = slice_of(stack, "period", period)
        for name in names:
            differs = name in varying or f"{name}_status" in varying
            own = f"{name}_{label}" if differs else name
            if differs and own in values:
                raise SchemaError(f"two periods are called {label!r}: give each its own label.")
            column = _of_period(column_of(cells[name]), varying & set(names), label)
            title = f"{column.long_name or name}, {label}" if differs else column.long_name
            about[own] = replace(column, long_name=title)
            values[own] = values_of(cells, name)
            if f"{name}_status" in cells:
                status[own] = cells[f"{name}_status"].to_numpy()
    return make_cells(grid_of(stack), ids_of(stack), values, about, status=status)


def _of_period(column: Column, varying: set[str], label: str) -> Column:
    """Description of a variable whose weight, total and counts are those of its own period."""

    def own(name: str | None) -> str | None:
        return f"{name}_{label}" if name in varying else name

    rests = "|".join(str(own(n)) for n in column.rests_on.split("|")) if column.rests_on else column.rests_on
    return replace(
        column,
        weight=own(column.weight),
        part_of=own(column.part_of),
        companion_of=own(column.companion_of),
        rests_on=rests,
    )


def period_variables(stack: xr.Dataset, name: str) -> dict[str, str]:
    """Give the labels of a stack and the variables `flatten_periods` makes of one of its own.

    >>> period_variables(xr.Dataset(coords={"period": ["2020", "2021"]}), "n")
    {'2020': 'n_2020', '2021': 'n_2021'}
    """
    return {str(label): f"{name}_{label}" for label in stack["period"].to_numpy().tolist()}


class Timeline(MacroElement):  # type: ignore[misc]
    """A slider of years or dates: one layer shows a variable for each, with one set of classes for all.

    Add `CellData` and the layer of `timeline_layer` to the map before, then this.

    Parameters
    ----------
    layer : CellLayer
        The layer that moves; its variable is one of the steps.
    steps : mapping of str to str
        Label of each step and its variable, in the order of time.
    title : str
        Words above the slider.
    pause_s : float
        Seconds between steps while it plays.  Who asks the system for reduced motion moves step by step.

    Raises
    ------
    SchemaError
        Fewer than two steps, a step that the cells do not carry, or a layer that shows none of them.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "civigrid.timeline({{ this._parent.get_name() }}, {{ this.layer.get_name() }}, {{ this.steps }}, "
        "{{ this.settings }});"
        "{% endmacro %}"
    )

    def __init__(self, layer: CellLayer, steps: Mapping[str, str], *, title: str = "", pause_s: float = 0.9) -> None:
        super().__init__()
        self._name = "Timeline"
        names = list(steps.values())
        _check_steps(layer, names)
        layer.control, layer.show = False, True
        self.layer = layer
        found = [
            layer_settings(layer.data.cells, name, layer.classes, lang=layer.lang) | {"label": str(label)}
            for label, name in steps.items()
        ]
        self.steps = as_script(found)
        settings = {"title": title, "pause": round(1000 * pause_s), "start": names.index(layer.variable)}
        self.settings = as_script(settings)


def _check_steps(layer: CellLayer, names: Sequence[str]) -> None:
    if len(names) < 2:
        raise SchemaError(f"a timeline has two steps or more, got {len(names)}.")
    if lacking := [n for n in names if n not in layer.data.variables]:
        raise SchemaError(f"the layer's cells do not carry {', '.join(lacking)}: give them to its CellData.")
    if layer.variable not in names:
        raise SchemaError(f"the layer shows {layer.variable!r}, which is no step of the timeline.")


def timeline_layer(data: CellData, steps: Mapping[str, str], *, start: str = "", lang: str = "en") -> CellLayer:
    """Make the layer of a timeline: its classes are cut over all steps together.

    Parameters
    ----------
    data : CellData
        Cells that carry all steps.
    steps : mapping of str to str
        Label of each step and its variable.
    start : str
        Label shown first; by default the last.
    lang : str
        Language of its legend.
    """
    names = list(steps.values())
    first = steps[start] if start else names[-1]
    about = column_of(data.cells[names[0]])
    values = [values_of(data.cells, name) for name in names]
    classes = shared_classes(values, about, name=names[0], lang=lang)
    return CellLayer(data, first, show=True, classes=classes, lang=lang)


def make_timeline_map(
    release: Release[xr.Dataset],
    steps: Mapping[str, str],
    *,
    title: str,
    question: str = "",
    start: str = "",
    tell: Sequence[str] = (),
    sites: Sequence[SiteLayer] = (),
    outline: gpd.GeoSeries | None = None,
    notes: Sequence[str] = (),
    lang: str | Language = "en",
    view: View = "mercator",
) -> folium.Map:
    """Draw a variable through time, with one set of classes for all its steps, on a page that needs no network.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Cells that hold a variable for each step, as of `flatten_periods`.
    steps : mapping of str to str
        Label of each step and its variable, in the order of time; `period_variables` gives them.
    title, question : str
        What the map is called, and what it answers.
    start : str
        Label shown first; by default the last.
    tell : sequence of str
        More variables that cells tell.
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
    names = list(steps.values())
    data = CellData(release, list(dict.fromkeys([*names, *tell])))
    layer = timeline_layer(data, steps, start=start, lang=base)
    told = summaries_of(data.cells, names, lang=base)
    words = Words(title, question, tuple(notes), lang, view, told)
    return cells_page(release, [data, layer], words, outline=outline, above=[Timeline(layer, steps), *sites])
