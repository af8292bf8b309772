"""The legend of a map, which follows the layers shown."""

from __future__ import annotations

from branca.element import MacroElement
from jinja2 import Template

from civigrid.maps.scripts import as_script


class Legend(MacroElement):  # type: ignore[misc]
    """A legend that follows the layers shown: classes that highlight, reasons, histogram, unit, source and date.

    It works in any `folium.Map` that carries `civigrid.maps.assets`, whatever its layer control switches.

    Parameters
    ----------
    position : str
        Corner of the map, as Leaflet names it.

    Examples
    --------
    >>> Legend().position
    'bottomright'
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "civigrid.legend({{ this._parent.get_name() }}, {{ this.options }});"
        "{% endmacro %}"
    )

    def __init__(self, *, position: str = "bottomright") -> None:
        super().__init__()
        self._name = "Legend"
        self.position = position
        self.options = as_script({"position": position})
