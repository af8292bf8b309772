"""The element that opens a map to everyone: cell card, keyboard, table, names for screen readers, print."""

from __future__ import annotations

from collections.abc import Sequence

from branca.element import MacroElement
from jinja2 import Template

from civigrid.maps.scripts import as_script


class Access(MacroElement):  # type: ignore[misc]
    """Cell card, cells by keyboard, table of cells and names for screen readers; once a map, after its layers.

    Parameters
    ----------
    title : str
        What the map is called.
    profile : str
        Disclosure profile, which each card tells.
    sources : sequence of str
        Sources, which each card tells.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "civigrid.reader = civigrid.access({{ this._parent.get_name() }}, {{ this.settings }});"
        "{% endmacro %}"
    )

    def __init__(self, title: str, *, profile: str = "", sources: Sequence[str] = ()) -> None:
        super().__init__()
        self._name = "Access"
        self.settings = as_script({"title": title, "profile": profile, "sources": list(sources)})
