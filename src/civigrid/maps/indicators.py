"""Many indicators of the same cells on one map: a list with a search, and one layer that switches at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from branca.element import MacroElement
from jinja2 import Template

from civigrid.cells import column_of, values_of
from civigrid.errors import SchemaError
from civigrid.maps.elements import CellLayer
from civigrid.maps.legend_rows import layer_settings
from civigrid.maps.scripts import as_script
from civigrid.style.classes import Classes, classify

SEARCH_FROM = 8
"""Above so many indicators the list has a search."""


class Indicators(MacroElement):  # type: ignore[misc]
    """A list of indicators that one layer shows in turn: ids are neither sent nor decoded again.

    Add the layer to the map before, then this.

    Parameters
    ----------
    layer : CellLayer
        The layer that switches; its own variable is shown first.
    variables : sequence of str
        Indicators of the same cells, in the order of the list.
    groups : mapping of str to str, optional
        Heading over a variable; variables of one heading stand together.
    classes : mapping of str to Classes, optional
        Breaks of a variable; by default `classify` chooses.
    title : str
        Words above the list.
    position : str
        Corner of the map, as Leaflet names it.

    Raises
    ------
    SchemaError
        No indicators, one that the layer's cells do not carry, or the layer's own is not among them.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "civigrid.indicators({{ this._parent.get_name() }}, {{ this.layer.get_name() }}, {{ this.items }}, "
        "{{ this.settings }});"
        "{% endmacro %}"
    )

    def __init__(
        self,
        layer: CellLayer,
        variables: Sequence[str],
        *,
        groups: Mapping[str, str] | None = None,
        classes: Mapping[str, Classes] | None = None,
        title: str = "",
        position: str = "topright",
    ) -> None:
        super().__init__()
        self._name = "Indicators"
        if layer.variable not in variables:
            raise SchemaError(f"the layer shows {layer.variable!r}: name it among the indicators, or add its layer.")
        if lacking := [v for v in variables if v not in layer.data.variables]:
            raise SchemaError(f"the layer's cells do not carry {', '.join(lacking)}: give them to its CellData.")
        layer.control, layer.show = False, True
        self.layer = layer
        heading = groups or {}
        order = sorted(range(len(variables)), key=lambda k: _first(variables, heading, k))
        items = []
        for name in (variables[k] for k in order):
            chosen = (classes or {}).get(name) or (layer.classes if name == layer.variable else _classes(layer, name))
            items.append(
                layer_settings(layer.data.cells, name, chosen, lang=layer.lang) | {"group": heading.get(name, "")}
            )
        self.items = as_script(items)
        self.settings = as_script({"position": position, "search_from": SEARCH_FROM, "title": title})


def _first(variables: Sequence[str], heading: Mapping[str, str], k: int) -> int:
    """Place of the first variable under the heading of this one: a stable sort keeps the order within."""
    mine = heading.get(variables[k], "")
    return next(i for i, name in enumerate(variables) if heading.get(name, "") == mine)


def _classes(layer: CellLayer, name: str) -> Classes:
    cells = layer.data.cells
    about = column_of(cells[name])
    weight = values_of(cells, str(about.weight)) if about.weight in cells else None
    return classify(values_of(cells, name), about, name=name, weight=weight, lang=layer.lang)
