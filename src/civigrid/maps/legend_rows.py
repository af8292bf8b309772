"""What the page's legend says of a layer: `style.legend_of`, and what a reader can do with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from civigrid.cells import column_of, status_of, values_of
from civigrid.style.classes import Classes
from civigrid.style.legend import legend_of
from civigrid.style.uncertain import UncertainRule
from civigrid.types import Bools, Floats

MOST_LINED = 0.5
"""Above this part of uncertain values none is lined: the map would be hidden."""
STOPS = 100
"""Steps of the slider that filters values."""
UNCERTAIN = UncertainRule().statuses
"""Statuses whose value is shown, and is not certain."""
UNCERTAIN_OF = "{}_uncertain"
"""Variable that says which values have too large an error."""


def legend_of_cells(cells: xr.Dataset, name: str, classes: Classes, *, lang: str = "en") -> dict[str, Any]:
    """Say of one variable what a legend tells and does.

    Parameters
    ----------
    cells : xarray.Dataset
        Released cells.
    name : str
        The variable.
    classes : Classes
        Its breaks and colours.

    Returns
    -------
    dict
        What `legend_of` gives, and ``units``; ``persons`` in each row of ``classes``: those of the variable itself
        where it counts them, else those of its weight, else None; ``uncertain_by``: rows of ``status, cells``;
        ``lines``: whether uncertain cells are lined; ``rough``: how many have too large an error; ``stops``: values at
        which the filter stops; ``notes``: what a reader must know of the breaks.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> from civigrid.types import Column
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000, 3000]), np.array([4000, 4001, 4002]))
    >>> cells = make_cells(grid, ids, {"n": [0.0, 5.0, 50.0]}, {"n": Column()})
    >>> legend = legend_of_cells(cells, "n", Classes((10.0,), ("0", "1 to 10", "10 and more"), True, "people"))
    >>> [(c["label"], c["cells"], c["persons"]) for c in legend["classes"]]
    [('0', 1, 0), ('1 to 10', 1, 5), ('10 and more', 1, 50)]
    """
    about, values, status = column_of(cells[name]), values_of(cells, name), status_of(cells, name)
    known = np.isfinite(values)
    legend = legend_of(values, status, classes, about, name=name, lang=lang)
    for row, persons in zip(legend["classes"], persons_by_class(cells, name, classes), strict=True):
        row["persons"] = persons
    rough = known & rough_of(cells, name)
    uncertain = [s for s in UNCERTAIN if (known & (status == s)).any()]
    doubtful = rough | (known & np.isin(status, uncertain))
    # lines over most of a map would say nothing
    lines = bool(doubtful.any() and doubtful[known].mean() <= MOST_LINED)
    return legend | {
        "units": about.units,
        "uncertain_by": [{"status": int(s), "cells": int((known & (status == s)).sum())} for s in uncertain],
        "lines": lines,
        "rough": int(rough.sum()),
        "stops": stops_of(values[known]),
    }


def rough_of(cells: xr.Dataset, name: str) -> Bools:
    """Whether the error of a value is too large for it to be read by itself, as `CellData` found it."""
    beside = UNCERTAIN_OF.format(name)
    return values_of(cells, beside) > 0 if beside in cells else np.zeros(len(values_of(cells, name)), dtype=bool)


def people_of(cells: xr.Dataset, name: str) -> Floats | None:
    """Persons a variable stands for, cell by cell: itself where it counts them, else its weight; None: not known."""
    about = column_of(cells[name])
    if about.kind == "extensive":
        counted = about.units == "persons" and not about.rests_on
        return np.nan_to_num(values_of(cells, name)) if counted else None
    if about.weight in cells and cells[about.weight].attrs.get("units") == "persons":
        return np.nan_to_num(values_of(cells, str(about.weight)))
    return None


def persons_by_class(cells: xr.Dataset, name: str, classes: Classes) -> list[int | None]:
    """Persons of each class, None where they are not known."""
    people, n = people_of(cells, name), len(classes.labels)
    if people is None:
        return [None] * n
    at = classes.of(values_of(cells, name))
    found = np.bincount(at[at >= 0], weights=people[at >= 0], minlength=n)
    return [round(v) for v in found.tolist()]


def stops_of(known: Floats, n: int = STOPS) -> list[float]:
    """Give values a filter can stop at: quantiles, so that each step of the slider moves about as many cells.

    >>> stops_of(np.array([3.0, 1.0, 2.0]))
    [1.0, 2.0, 3.0]
    """
    if not len(known):
        return []
    at = np.unique(np.rint(np.linspace(0, len(known) - 1, n)).astype(np.int64))
    stops = np.unique(np.partition(known, at)[at])
    if len(stops) < n // 5:
        # few values: a stop for each, as far as they fit
        unique = np.unique(known)
        stops = unique if len(unique) <= n else stops
    found: list[float] = stops.tolist()
    return found


def layer_settings(cells: xr.Dataset, name: str, classes: Classes, *, lang: str = "en") -> dict[str, Any]:
    """Give what the page needs to draw a variable, as `CellLayer` and a switch between variables take it."""
    beside = UNCERTAIN_OF.format(name)
    return {
        "variable": name,
        "breaks": list(classes.breaks),
        "zero": classes.zero,
        "legend": legend_of_cells(cells, name, classes, lang=lang),
        # time beyond the limit is a finding; a share of nobody is nothing to show
        "hatch_undefined": column_of(cells[name]).units == "min",
        "uncertain": beside if beside in cells else "",
    }
