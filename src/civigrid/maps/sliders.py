"""Sliders on a map: minutes of travel, and the values shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from branca.element import MacroElement
from jinja2 import Template

from civigrid.cells import column_of, values_of
from civigrid.errors import SchemaError
from civigrid.maps.elements import CellLayer
from civigrid.maps.scripts import as_script


class Threshold(MacroElement):  # type: ignore[misc]
    """A slider of minutes: what is reached within is in full colour, and how many people that is stands beside it.

    Parameters
    ----------
    layer : CellLayer
        Minutes of travel.
    groups : sequence of str
        Counts of people of the same cells; by default what weighs the minutes.
    stops : sequence of float
        Minutes the slider stops at, rising.
    start : float
        Where it stands first: the nearest stop.
    title : str
        Words above the slider; by default those of the layer.

    Raises
    ------
    SchemaError
        The layer shows no minutes, or stops do not rise.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "civigrid.threshold({{ this._parent.get_name() }}, {{ this.layer.get_name() }}, {{ this.settings }});"
        "{% endmacro %}"
    )

    def __init__(
        self,
        layer: CellLayer,
        *,
        groups: Sequence[str] = (),
        stops: Sequence[float] = tuple(range(61)),
        start: float = 15.0,
        title: str = "",
    ) -> None:
        super().__init__()
        self._name = "Threshold"
        cells, about = layer.data.cells, column_of(layer.data.cells[layer.variable])
        if about.units != "min":
            raise SchemaError(f"{layer.variable!r} is in {about.units!r}: a threshold of travel time needs minutes.")
        if len(stops) < 2 or list(stops) != sorted(set(stops)):
            raise SchemaError("stops of a threshold must rise, and be two or more.")
        self.layer = layer
        known = tuple(groups) or ((str(about.weight),) if about.weight in cells else ())
        told = [within(cells, layer.variable, g, stops) for g in known]
        at = int(np.argmin(np.abs(np.asarray(stops, dtype=np.float64) - start)))
        title = title or about.long_name or layer.variable
        self.settings = as_script({"stops": list(stops), "start": at, "groups": told, "title": title})


def within(cells: xr.Dataset, minutes: str, group: str, stops: Sequence[float]) -> dict[str, Any]:
    """Count people within each number of minutes, from released counts.

    Returns
    -------
    dict
        ``name``; ``all``: persons where the time is known or known to lie beyond; ``within``: persons at each stop.
    """
    time, persons = values_of(cells, minutes), np.nan_to_num(values_of(cells, group))
    state = cells[f"{minutes}_status"].to_numpy() if f"{minutes}_status" in cells else np.zeros(len(time), np.uint8)
    told = np.isfinite(time) | (state <= 2)
    order = np.argsort(np.where(np.isfinite(time), time, np.inf), kind="stable")
    total = np.concatenate([[0.0], np.cumsum(persons[order])])
    at = np.searchsorted(time[order], np.asarray(stops, dtype=np.float64), side="right")
    at = np.minimum(at, int(np.isfinite(time).sum()))
    return {
        "name": str(cells[group].attrs["long_name"] or group),
        "all": float(persons[told].sum()),
        "within": [float(v) for v in total[at]],
    }


class ValueRange(MacroElement):  # type: ignore[misc]
    """Two handles that filter the layer shown by its values; it follows the layer control and every switch.

    Parameters
    ----------
    position : str
        Corner of the map, as Leaflet names it.

    Examples
    --------
    >>> ValueRange().position
    'bottomleft'
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "civigrid.range({{ this._parent.get_name() }}, {{ this.settings }});"
        "{% endmacro %}"
    )

    def __init__(self, *, position: str = "bottomleft") -> None:
        super().__init__()
        self._name = "ValueRange"
        self.position = position
        self.settings = as_script({"position": position})
