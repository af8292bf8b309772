"""What a legend says of a layer: its classes with cells and people, what is missing and why, a histogram, a source."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from civigrid.cells import column_of, status_of, values_of
from civigrid.style.classes import Classes, words_of_codes
from civigrid.types import Column, Floats, Ints, Status

BARS = 28
"""Bars of a histogram."""
SKEWED = 20.0
"""From this ratio of the highest to the middle value on, bars of a positive variable are cut on a logarithmic scale."""
STOPS = 100
"""Steps of the slider that filters values."""
UNCERTAIN = (Status.PERTURBED, Status.IMPUTED, Status.PARTIAL)
"""Statuses whose value is shown, and is not certain."""


def legend_of_cells(cells: xr.Dataset, name: str, classes: Classes) -> dict[str, Any]:
    """Say of one variable what a legend tells.

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
        JSON-ready: ``title``, ``units``, ``classes`` (``label``, ``color``, ``cells``, ``people``, ``low``, ``high``),
        ``missing_by`` and ``uncertain_by`` (``status``, ``cells``), ``histogram``, ``stops``, ``source``, ``empty``.
        People are those of the variable itself where it counts persons, else those of its weight, else not told.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000, 3000]), np.array([4000, 4001, 4002]))
    >>> cells = make_cells(grid, ids, {"n": [0.0, 5.0, 50.0]}, {"n": Column()})
    >>> legend = legend_of_cells(cells, "n", Classes((10.0,), ("0", "1 to 10", "10 and more"), True, "people"))
    >>> [(c["label"], c["cells"], c["people"]) for c in legend["classes"]]
    [('0', 1, 0), ('1 to 10', 1, 5), ('10 and more', 1, 50)]
    """
    about, values, status = column_of(cells[name]), values_of(cells, name), status_of(cells, name)
    known = np.isfinite(values)
    people = people_of(cells, name)
    hidden = ~known & ((status > Status.STRUCTURAL_ZERO) | (about.units == "min"))
    source = ", ".join(filter(None, (about.source, about.reference_date)))
    uncertain = [s for s in UNCERTAIN if (known & (status == s)).any()]
    return {
        "title": about.long_name or name,
        "units": about.units,
        "classes": class_rows(classes, values, people),
        "missing_by": _missing(about, status[hidden]),
        "uncertain_by": [{"status": int(s), "cells": int((known & (status == s)).sum())} for s in uncertain],
        # lines over most of a map would say nothing
        "lines": bool(uncertain and np.isin(status[known], uncertain).mean() <= 0.5),
        "histogram": None if words_of_codes(name, about.words) else histogram_of(values[known], classes),
        "stops": stops_of(values[known]),
        "source": source,
        "empty": int((~known & ~hidden).sum()),
    }


def people_of(cells: xr.Dataset, name: str) -> Floats | None:
    """Persons a variable stands for, cell by cell: itself where it counts them, else its weight; None: not known."""
    about = column_of(cells[name])
    if about.kind == "extensive":
        counted = about.units == "persons" and not about.rests_on
        return np.nan_to_num(values_of(cells, name)) if counted else None
    if about.weight in cells and cells[about.weight].attrs.get("units") == "persons":
        return np.nan_to_num(values_of(cells, str(about.weight)))
    return None


def class_rows(classes: Classes, values: Floats, people: Floats | None) -> list[dict[str, Any]]:
    """Give a row for each class: words, colour, bounds, cells, and people where they are known."""
    at, n = classes.of(values), len(classes.labels)
    counted = np.bincount(at[at >= 0], minlength=n)
    persons = None if people is None else np.bincount(at[at >= 0], weights=people[at >= 0], minlength=n)
    edges = [None, *classes.breaks, None]
    bounds = [*([(0.0, 0.0)] if classes.zero else []), *pairwise(edges)]
    return [
        {
            "label": label,
            "color": color,
            "low": low,
            "high": high,
            "cells": int(counted[k]),
            "people": None if persons is None else round(float(persons[k])),
        }
        for k, (label, color, (low, high)) in enumerate(zip(classes.labels, classes.colors, bounds, strict=True))
    ]


def _missing(about: Column, codes: Any) -> list[dict[str, Any]]:
    """Count what is hatched by its reason; minutes without one lie beyond the time searched."""
    found = []
    if about.units == "min" and (codes <= Status.STRUCTURAL_ZERO).any():
        found.append({"status": 0, "beyond": True, "cells": int((codes <= Status.STRUCTURAL_ZERO).sum())})
    codes = codes[codes > Status.STRUCTURAL_ZERO]
    return [*found, *({"status": int(s), "cells": int((codes == s).sum())} for s in np.unique(codes))]


def histogram_of(known: Floats, classes: Classes) -> dict[str, Any] | None:
    """Count values in bars of equal width, on a logarithmic scale where they are positive and skewed.

    Parameters
    ----------
    known : ndarray of float64, shape (value,)
        Finite values; zero is left out where it is a class of its own.
    classes : Classes
        Their classes: each bar has the colour of its middle.

    Returns
    -------
    dict or None
        ``counts``, ``edges``, ``classes``, ``breaks``, ``log``; None where there are no two different values.
    """
    some = known[known != 0] if classes.zero else known
    if not len(some) or some.min() == some.max():
        return None
    low, high = float(some.min()), float(some.max())
    log = bool(low > 0 and high / float(np.median(some)) >= SKEWED)
    edges = np.geomspace(low, high, BARS + 1) if log else np.linspace(low, high, BARS + 1)
    middle = np.sqrt(edges[:-1] * edges[1:]) if log else (edges[:-1] + edges[1:]) / 2
    # bars of equal width are counted without a search; of whole numbers they would alternate, but none is lost
    counts: Ints = np.histogram(np.log(some) if log else some, bins=BARS)[0]
    return {
        "counts": counts.tolist(),
        "edges": [float(f"{e:.6g}") for e in edges],
        "classes": classes.of(middle).tolist(),
        "breaks": list(classes.breaks),
        "log": log,
    }


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


def layer_settings(cells: xr.Dataset, name: str, classes: Classes) -> dict[str, Any]:
    """Give what the page needs to draw a variable, as `CellLayer` and a switch between variables take it."""
    return {
        "variable": name,
        "breaks": list(classes.breaks),
        "zero": classes.zero,
        "legend": legend_of_cells(cells, name, classes),
        "hatch_undefined": column_of(cells[name]).units == "min",
    }


def variables_settings(cells: xr.Dataset, names: Sequence[str], classes: Classes) -> list[dict[str, Any]]:
    """Give settings of several variables with the same classes."""
    return [layer_settings(cells, name, classes) for name in names]
