"""Indices from tables with hidden counts: not refused, but bounded by all that the hidden counts can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import is_missing, status_of, values_of
from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels.bounds import SHAPES, Known, bound
from civigrid.layers.segregation.groups import zones_within
from civigrid.layers.segregation.indices import INDICES
from civigrid.layers.segregation.sources import SOURCES
from civigrid.result_table import parameters, result_table
from civigrid.types import Bools, Floats, Status

HIDDEN = (Status.SUPPRESSED, Status.CONFIDENTIAL)
"""Statuses of a count that is there, but not shown."""
REFUSED = {
    "G": "the Gini index compares all pairs of cells, so that hidden counts do not act one by one",
    "A": "whether the Atkinson index first falls and then rises in a hidden count is not proven",
    "hutchens": "whether the square root index first falls and then rises in a hidden count is not proven",
}
"""Two-group indices without bounds, and why."""


class Limits(NamedTuple):
    """Limits of a group in the cells that are used, which cells those are, and how many counts are hidden in them."""

    known: Known
    rows: Bools
    hidden: Bools


def bounds_table(
    cells: xr.Dataset,
    groups: Sequence[str],
    *,
    total: str,
    high: float | Mapping[str, float] | None = None,
    low: float = 0.0,
    zone: str = "",
    indices: Sequence[str] = ("D", "H", "isolation"),
) -> pd.DataFrame:
    """Bound two-group indices of a table in which counts were suppressed or are confidential.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset; hidden counts have the status ``SUPPRESSED`` or ``CONFIDENTIAL``, sums of which parts are hidden
        ``PARTIAL``.
    groups : sequence of str
        Counts of groups, each against everyone else.
    total : str
        Published total of each cell.  It must be known wherever a group is hidden.
    high : float or mapping of str to float, optional
        Most persons that a hidden count can stand for, as k - 1 where counts below k are suppressed; for all groups
        or by group.  A companion ``NAME_high`` comes first; without either it is the total of the cell.
    low : float
        Fewest persons that a hidden count can stand for: 1 where zeros are shown.
    zone : str
        Label whose values are zones; empty: the whole only.
    indices : sequence of {"D", "H", "V", "gorard", "minmax", "isolation", "interaction"}
        Indices that can be bounded.

    Returns
    -------
    pandas.DataFrame
        A result table: no estimate, but ``low`` and ``high`` such that the index of every table within the limits lies
        between them.  `parameters` tells how many counts are hidden, and ``gap``, how much `high` owes to the search.

    Raises
    ------
    SchemaError
        A hidden total, an index that cannot be bounded (with the reason), limits below a known count.

    Notes
    -----
    These are limits, not a confidence interval: chance is not taken out, and the truth lies within for certain.  What
    other groups of the cell leave of its total is not used, as disclosure control keeps parts from adding up.  Method:
    `civigrid.kernels.bounds`.
    """
    check_bounded(indices)
    if not total:
        raise SchemaError("bounds need the published total of each cell: a sum of groups is hidden with one of them.")
    rows: list[dict[str, Any]] = []
    for group in groups:
        limits = _limits(cells, group, total, high, low)
        for label in ("", zone) if zone else ("",):
            rows += list(_rows(cells, group, total, limits, label, indices))
    table = result_table(rows)
    first = {name: k for k, name in enumerate(dict.fromkeys(["all", *table["zone"].sort_values()]))}
    return table.sort_values("zone", key=lambda z: z.map(first), kind="stable", ignore_index=True)


def check_bounded(indices: Sequence[str]) -> None:
    """Refuse indices that have no bounds.

    Raises
    ------
    SchemaError, UnknownNameError
        An index without bounds, or one that is not declared.
    """
    for name in indices:
        if name in SHAPES:
            continue
        if name not in INDICES:
            raise unknown_name("index", name, INDICES)
        why = REFUSED.get(name, "bounds are known for one group against everyone else only")
        raise SchemaError(f"{name} cannot be bounded: {why}. Can be: {', '.join(SHAPES)}.")


def _limits(
    cells: xr.Dataset, group: str, total: str, high: float | Mapping[str, float] | None, fewest: float
) -> Limits:
    """Limits of one group, cell by cell; cells that are not available are left out, as are empty ones."""
    status, value = status_of(cells, group), values_of(cells, group)
    of_total, whole = status_of(cells, total), values_of(cells, total)
    hidden = np.isin(status, HIDDEN)
    secret = np.isin(of_total, HIDDEN) | (of_total == Status.PARTIAL)
    if secret.any():
        raise SchemaError(
            f"{total!r} is hidden, or known in part, in {int(secret.sum())} cells: without the persons of a cell no "
            "index has bounds. Take a total that is published, or leave these cells out."
        )
    rows = ~is_missing(of_total) & ~np.isnan(whole) & (hidden | ~np.isnan(value)) & (np.fmax(whole, value) > 0)
    if not fewest >= 0:
        raise SchemaError(f"low = {fewest}: the fewest that a hidden count can be is at least 0.")
    low = np.where(hidden, fewest, value)
    unsure = hidden | (status == Status.PARTIAL)
    most = np.where(unsure, np.minimum(_most(cells, group, high), np.nan_to_num(whole)), value)
    if (over := rows & unsure & (most < low)).any():
        raise SchemaError(
            f"{group!r} is at most less than at least in {int(over.sum())} cells: their totals or `high` are "
            "too small, or `low` too large."
        )
    # the publisher's noise may leave a group larger than its total: then it is everyone
    size = np.maximum(np.where(rows, whole, 1.0), np.where(rows, most, 0.0))
    return Limits(Known(low[rows], most[rows], size[rows]), rows, unsure & rows)


def _most(cells: xr.Dataset, group: str, high: float | Mapping[str, float] | None) -> Floats:
    """Most persons a hidden count can be, before its cell's total: the companion, or what is given, or no limit."""
    given = high.get(group) if isinstance(high, Mapping) else high
    if given is not None and not given >= 0:
        raise SchemaError(f"high = {given} for {group!r}: the most a hidden count can be is at least 0.")
    most = np.full(cells.sizes["cell"], np.inf if given is None else float(given))
    key = f"{group}_high"
    if key in cells.data_vars and cells[key].attrs.get("companion_of") == group:
        theirs = values_of(cells, key)
        most = np.where(np.isnan(theirs), most, theirs)
    return most


def _rows(
    cells: xr.Dataset, group: str, total: str, limits: Limits, label: str, indices: Sequence[str]
) -> Iterator[dict[str, Any]]:
    if not limits.rows.any():
        return
    names, code = zones_within(cells, label, limits.rows)
    hidden = limits.hidden[limits.rows]
    left_out = int((~limits.rows & ~(values_of(cells, total) == 0)).sum())
    for z, name in enumerate(names):
        inside = code == z
        known = Known(*(v[inside] for v in limits.known))
        for index in indices:
            hidden_here = int(hidden[inside].sum())
            about = {"total": total, "hidden_counts": hidden_here, "left_out_cells": left_out}
            yield bound_row(index, known, about) | {"zone": name, "groups": group, "cells": int(inside.sum())}


def bound_row(index: str, known: Known, about: Mapping[str, Any]) -> dict[str, Any]:
    """Give the row of an index that lies between its least and its most, of cells or of units without a place."""
    found, source = bound(known, SHAPES[index]), INDICES[index].source
    return {
        "topic": "segregation",
        "index": index,
        "low": found.low,
        "high": found.high,
        "persons": float(known.total.sum()),
        "parameters": parameters(
            **about,
            bounds="every table within the limits",
            hidden_persons_at_most=float((known.high - known.low).sum()),
            gap=round(found.gap, 9) if np.isfinite(found.gap) else None,
            undefined=None if np.isfinite(found.low) else "the group, or everyone else, cannot have anybody",
            source=SOURCES[source].short,
            cite=f"{source}|marshall2011",
            correction="none",
        ),
    }
