"""Stacks: the same cells many times, along `draw` or `period`.

A stack is what `xarray.concat` makes of cell datasets of one grid: every slice (``stack.isel(draw=3)``) is cells again,
so that any layer takes it.  `over` applies a function to every slice; `interval` sums up numbers over draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import check_cells, grid_of, ids_of, measured
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.kernels.dirichlet import shortest_interval

Axis = Literal["draw", "period"]


def stack_cells(
    slices: Sequence[xr.Dataset], axis: Axis, labels: Sequence[Any], *, always: Sequence[str] = ()
) -> xr.Dataset:
    """Stack cell datasets of one grid and the same cells.

    Parameters
    ----------
    slices : sequence of xarray.Dataset
        Cell datasets with the same ids and the same variables.
    axis : {"draw", "period"}
        What tells them apart.
    labels : sequence
        One label per slice: the number of the draw, the date.
    always : sequence of str
        Variables that get the axis even where every slice holds the same.

    Returns
    -------
    xarray.Dataset
        Variables that differ have the dimensions (`axis`, cell); labels and attributes are those of the first slice.

    Raises
    ------
    GridMismatchError, SchemaError
        The slices do not lie on one grid, or do not hold the same cells and variables.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> from civigrid.types import Column
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000]), np.array([4000]))
    >>> years = [make_cells(grid, ids, {"n": [v]}, {"n": Column()}) for v in (1.0, 3.0)]
    >>> stack = stack_cells(years, "period", ["2020", "2021"])
    >>> over(stack, "period", lambda cells: float(cells["n"].sum()))
    {'2020': 1.0, '2021': 3.0}
    """
    if not slices or len(slices) != len(labels):
        raise SchemaError(f"{len(slices)} slices and {len(labels)} labels: give one label to each slice, and a slice.")
    first = slices[0]
    for ds in slices[1:]:
        if grid_of(ds) != grid_of(first):
            raise GridMismatchError(f"cannot stack cells of {grid_of(first).id} and {grid_of(ds).id}.")
        if not np.array_equal(ids_of(ds), ids_of(first)) or list(ds.data_vars) != list(first.data_vars):
            raise SchemaError("slices of a stack must hold the same cells and variables. Use align_cells() first.")
    index = pd.Index(list(labels), name=axis)
    stacked = xr.concat(
        slices, dim=index, data_vars="different", coords="minimal", compat="equals", combine_attrs="override"
    )
    same = {n: stacked[n].expand_dims({axis: index}).copy() for n in always if axis not in stacked[n].dims}
    return stacked.assign(same)


def align_cells(cells: xr.Dataset, ids: Any, *, absent: float, status: int) -> xr.Dataset:
    """Give cells on a longer list of ids: `absent`, with `status`, where there was no cell; labels stay empty there."""
    at = np.searchsorted(ids, ids_of(cells))
    data: dict[str, Any] = {}
    for name, variable in cells.data_vars.items():
        kind = variable.attrs["kind"]
        fill = {"label": "", "status": status}.get(kind, absent if kind == "extensive" else np.nan)
        whole = np.full(len(ids), fill, dtype=variable.dtype)
        whole[at] = variable.to_numpy()
        data[str(name)] = ("cell", whole, variable.attrs)
    return check_cells(xr.Dataset(data, coords={"cell_id": ("cell", ids, cells["cell_id"].attrs)}))


def slice_of(stack: xr.Dataset, axis: Axis, label: Any) -> xr.Dataset:
    """Give one slice of a stack as cells; a period becomes the reference date of its values."""
    cells = stack.sel({axis: label}).drop_vars(axis)
    if axis == "period":
        for name in measured(cells):
            cells[name].attrs["reference_date"] = str(label)
    return check_cells(cells)


def over(stack: xr.Dataset, axis: Axis, function: Callable[[xr.Dataset], Any]) -> dict[Any, Any]:
    """Apply a function of cells to every slice: label to result.  Any layer serves, since a slice is cells."""
    return {label: function(slice_of(stack, axis, label)) for label in stack[axis].to_numpy().tolist()}


def interval(stack: xr.Dataset, statistic: Callable[[xr.Dataset], float], *, level: float = 0.9) -> tuple[float, float]:
    """Shortest interval that holds `level` of the values a statistic takes over the draws of a stack."""
    values = np.array([list(over(stack, "draw", statistic).values())], dtype=np.float64)
    low, high = shortest_interval(values, level)
    return float(low[0]), float(high[0])
