"""Cells over time: a stack of periods with the method of each, and change told apart from redrawn borders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from civigrid.cells import column_of, grid_of, ids_of, is_missing, make_cells, status_of, values_of
from civigrid.crosswalk import Crosswalk
from civigrid.errors import SchemaError
from civigrid.project.ledger import Entry
from civigrid.project.spread import label_cells, project_areas
from civigrid.source import Source
from civigrid.stacks import align_cells, stack_cells
from civigrid.types import Column, Labels, Status, Statuses

METHOD = "method"
"""Name of the label that says, by cell and period, which borders and which weights the counts came by."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Cells by period, and the ledger of each.

    Parameters
    ----------
    cells : xarray.Dataset
        A stack along ``period``: counts with statuses, the covered share, and the label ``method``.
    ledgers : mapping of str to tuple of Entry
        By period.
    """

    cells: xr.Dataset
    ledgers: Mapping[str, tuple[Entry, ...]]


def make_panel(periods: Mapping[str, tuple[Source, Crosswalk]], columns: Sequence[str]) -> Panel:
    """Project one source per period onto the same grid and stack the cells.

    Parameters
    ----------
    periods : mapping of str to tuple of Source and Crosswalk
        In the order of time: counts, and the weights of their own boundary vintage.
    columns : sequence of str
        Counts that every period has.

    Returns
    -------
    Panel
        On the union of all cells.  A cell that the borders of a period do not touch is 0 there (a structural zero);
        ``method`` names the vintage of the borders and the step of the weights' chain for each cell and period.

    Raises
    ------
    GridMismatchError, SchemaError
        The crosswalks lie on different grids, or a period lacks a column.
    """
    made, ledgers = {}, {}
    for period, (source, crosswalk) in periods.items():
        if lacking := [c for c in columns if c not in source.columns]:
            raise SchemaError(f"period {period!r} has no column {', '.join(lacking)}. It has {list(source.columns)}.")
        found = project_areas(source, crosswalk, columns=columns)
        label = ("cell", _method(source, crosswalk), {"kind": "label"})
        made[period], ledgers[period] = found.cells.assign({METHOD: label}), found.ledger
    ids = np.unique(np.concatenate([ids_of(ds) for ds in made.values()]))
    whole = [align_cells(ds, ids, absent=0.0, status=Status.STRUCTURAL_ZERO) for ds in made.values()]
    return Panel(stack_cells(whole, "period", list(made)), ledgers)


def _method(source: Source, crosswalk: Crosswalk) -> Labels:
    """By cell: the vintage of the borders, and how most of its area was weighed."""
    steps = crosswalk.steps or ("area",)
    step = np.zeros(len(crosswalk.unit_id), dtype=np.int64) if crosswalk.step is None else crosswalk.step
    return label_cells(crosswalk, [f"{source.vintage or source.name}: {steps[k]}" for k in step])


def separate_change(
    before: xr.Dataset, recut: xr.Dataset, after: xr.Dataset, name: str, *, totals: Sequence[str] = ()
) -> xr.Dataset:
    r"""Tell change of people apart from change of borders, cell by cell.

    Parameters
    ----------
    before : xarray.Dataset
        Counts of the first date, from the areas of its own vintage.
    recut : xarray.Dataset
        The same people, brought to the areas of the second vintage (`to_vintage`) and projected from there.
    after : xarray.Dataset
        Counts of the second date, from the areas of the second vintage.
    name : str
        Which count.
    totals : sequence of str
        Other counts whose change stands beside it: if `name` is part of one, its counts are parts of that one's.

    Returns
    -------
    xarray.Dataset
        On the cells of all three: ``NAME_before``, ``NAME_recut``, ``NAME_after``; ``NAME_change`` (after less
        before), which is the sum of ``NAME_boundary_change`` (recut less before: no one moved, only the line) and
        ``NAME_real_change`` (after less recut).  Where a count is not known, neither is a change that rests on it.
    """
    ids = np.unique(np.concatenate([ids_of(ds) for ds in (before, recut, after)]))
    parts = [
        align_cells(ds[[name, f"{name}_status"]], ids, absent=0.0, status=Status.STRUCTURAL_ZERO)
        for ds in (before, recut, after)
    ]
    keys = [f"{name}_{k}" for k in ("before", "recut", "after")]
    first = column_of(parts[0][name])
    words = first.long_name or name
    dates = [column_of(ds[name]).reference_date for ds in parts]
    values = {k: values_of(ds, name) for k, ds in zip(keys, parts, strict=True)}
    status = {k: status_of(ds, name) for k, ds in zip(keys, parts, strict=True)}
    whole = first.part_of if first.part_of in totals else None
    about = {
        f"{name}_{k}": replace(
            column_of(ds[name]), long_name=f"{words}, {text}", part_of=f"{whole}_{k}" if whole else None
        )
        for k, ds, text in zip(
            ("before", "recut", "after"), parts, (dates[0], f"{dates[0]}, later borders", dates[2]), strict=True
        )
    }
    b, r, a = keys
    for key, (later, earlier), text in (
        ("change", (a, b), "both"),
        ("boundary_change", (r, b), "borders redrawn"),
        ("real_change", (a, r), "people came or left"),
    ):
        status[f"{name}_{key}"] = _difference_status(status[later], status[earlier])
        gone = is_missing(status[f"{name}_{key}"])
        values[f"{name}_{key}"] = np.where(gone, np.nan, values[later] - values[earlier])
        about[f"{name}_{key}"] = Column(
            units="persons",
            long_name=f"{words}: {text}",
            source=first.source,
            reference_date=dates[2],
            rests_on=f"{later}|{earlier}",
        )
    return make_cells(grid_of(before), ids, values, about, status=status)


def _difference_status(one: Statuses, other: Statuses) -> Statuses:
    """Status of a difference: missing where a count is missing or only a lower bound, else imputed."""
    unknown = is_missing(one) | is_missing(other) | (one == Status.PARTIAL) | (other == Status.PARTIAL)
    return np.where(unknown, Status.UNAVAILABLE, Status.IMPUTED).astype(np.uint8)
