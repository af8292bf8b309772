"""Choose the looks of released cells: the classes of the maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from civigrid.cells import column_of, values_of
from civigrid.io.fields import LONGEST, fields_of, released
from civigrid.io.styles.looks import Look
from civigrid.release.gate import Release
from civigrid.style.classes import categories, classify


def looks_of(release: Release[xr.Dataset], values: Sequence[str] = (), *, longest: int = LONGEST) -> tuple[Look, ...]:
    """Give a look for each variable but those that only tell more about another.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Cells.
    values : sequence of str
        Variables, in the order in which they are offered; empty: all, in that of the cells.
    longest : int
        As for `fields_of`: columns must be called as they are in the file.

    Returns
    -------
    tuple of Look
        With the classes that the maps of the same release have.
    """
    cells = released(release, xr.Dataset)
    fields = fields_of(cells, values, longest=longest)
    status = {f.variable.removesuffix("_status"): f.name for f in fields if f.role == "status"}
    shown = [f for f in fields if f.role == "value" and f.about.companion_of is None]
    if values:
        shown.sort(key=lambda f: list(values).index(f.variable))
    return tuple(_look(cells, f.variable, f.name, f.title, status.get(f.variable, "")) for f in shown)


def _look(cells: xr.Dataset, variable: str, field: str, title: str, status: str) -> Look:
    about, values = column_of(cells[variable]), values_of(cells, variable)
    weight = values_of(cells, about.weight) if about.weight and about.weight in cells else None
    classes = classify(values, about, name=variable, weight=weight)
    known = values[np.isfinite(values)]
    codes: tuple[float, ...] = ()
    if categories(variable) is not None or about.words is not None:
        found = np.unique(known)
        codes = tuple(found.tolist()) if len(found) == len(classes.labels) else ()
    rate = about.kind == "intensive" and about.units != "min"
    return Look(
        variable=variable,
        field=field,
        title=title,
        units=about.units,
        classes=classes,
        status=status,
        # time beyond the limit is a finding; a share of nobody is nothing to show
        hatched=("status" if status else "none") if rate else "all",
        codes=codes,
        note=", ".join(filter(None, (about.source, about.reference_date))),
        low=float(known.min()) if len(known) else 0.0,
        high=float(known.max()) if len(known) else 0.0,
    )
