"""What every method of spreading counts is: a crosswalk of areas and the counts in, a crosswalk with weights out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from civigrid.cells import column_of, grid_of, ids_of, values_of
from civigrid.crosswalk import Crosswalk
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid import Grid
from civigrid.types import Floats, Ids

Weigh = Callable[[Crosswalk, Floats], Crosswalk]
"""A method: ``weigh(areas, counts)`` gives the crosswalk that spreads `counts`, shape (unit,), NaN where unknown.

Most methods weigh all counts alike and ignore them; pycnophylactic and model-based ones look at them.
"""


@dataclass(frozen=True, eq=False)
class Layer:
    """An amount by cell that says where, within a unit, its people are: people, floor space, weighted land.

    Parameters
    ----------
    name : str
        What it is, for ledgers.
    grid : Grid
        The grid of its cells.
    cell_id : ndarray of uint64, shape (cell,)
        Sorted ids.
    amount : ndarray of float64, shape (cell,)
        What counts as inhabited, at least 0, in `units`; absent cells have none.
    units : str
        Unit of the amount.
    """

    name: str
    grid: Grid
    cell_id: Ids
    amount: Floats
    units: str = "persons"

    def on(self, crosswalk: Crosswalk) -> Floats:
        """Amount in each cell of a crosswalk, shape (cell,)."""
        if self.grid != crosswalk.grid:
            raise GridMismatchError(f"weights lie on {self.grid.id}, the crosswalk on {crosswalk.grid.id}.")
        return lookup(self.cell_id, self.amount, crosswalk.cell_id, absent=0.0)


def count_layer(cells: xr.Dataset, variable: str) -> Layer:
    """Weigh by a count of the cells: people of a finer census, buildings, floor space.  A missing value weighs nothing.

    Raises
    ------
    SchemaError
        The variable is no count, or is negative somewhere.
    """
    about = column_of(cells[variable]) if variable in cells else None
    values = values_of(cells, variable)
    if about is None or about.kind != "extensive":
        raise SchemaError(f"{variable!r} is a rate: weigh by a count, or by class_layer({{'{variable}': 1.0}}).")
    return Layer(variable, grid_of(cells), ids_of(cells), _positive(np.nan_to_num(values), variable), about.units)


def any_layer(cells: xr.Dataset, variable: str) -> Layer:
    """Weigh by a variable as its kind asks: a count by `count_layer`, a share of land by `class_layer`."""
    if variable in cells and cells[variable].attrs.get("kind") == "intensive":
        return class_layer(cells, {variable: 1.0}, variable)
    return count_layer(cells, variable)


def class_layer(cells: xr.Dataset, weights: Mapping[str, float], name: str = "classes") -> Layer:
    """Weigh by land classes: the area of each class times its relative density.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells with the share of their area in each class, in [0, 1], as `project_classes` makes them.
    weights : mapping of str to float
        Relative density by class: ``{"urban": 1.0, "village": 0.3}``; a class without a weight is uninhabited.  One
        class with weight 1 is a binary mask.
    name : str
        What to call it in ledgers.
    """
    grid, ids = grid_of(cells), ids_of(cells)
    amount = np.zeros(len(ids))
    for variable, weight in weights.items():
        if not weight >= 0:
            raise SchemaError(f"class {variable!r} has weight {weight}: weights are at least 0.")
        amount += weight * np.nan_to_num(values_of(cells, variable))
    return Layer(name, grid, ids, _positive(amount, name) * grid.area_km2(ids) * 1e6, "m2")


def _positive(amount: Floats, name: str) -> Floats:
    if (amount < 0).any():
        raise SchemaError(f"weights {name!r} are negative in {int((amount < 0).sum())} cells. Mend them first.")
    return amount


def lookup(ids: Ids, values: Floats, wanted: Ids, *, absent: float) -> Floats:
    """Values of `wanted` ids among sorted `ids`, `absent` where there is no such id."""
    if not len(ids):
        return np.full(len(wanted), absent)
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    found: Floats = np.where(ids[at] == wanted, values[at], absent)
    return found
