"""Gridded sources to cells, and cells to coarser cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from civigrid.cells import grid_of, ids_of, is_missing, labels, make_cells, values_of
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.kernels.aggregate import Pairs, sum_with_status
from civigrid.project.ledger import Entry, check_ledger
from civigrid.project.spread import Projection
from civigrid.project.unknown import (
    companions,
    companions_of,
    is_companion,
    rate_status,
    table_of_cells,
    without_noise,
    zero_or_not,
)
from civigrid.source import Source
from civigrid.types import Column, Floats, Labels


def project_cells(source: Source, *, columns: Sequence[str] | None = None, keep: Sequence[str] = ()) -> Projection:
    """Turn a source whose units are cells already (a census grid) into cells, statuses and labels kept.

    Parameters
    ----------
    source : Source
        With `grid` set.
    columns : sequence of str, optional
        Measured columns to take; by default all.
    keep : sequence of str
        Label columns to take, as ``country``.

    Returns
    -------
    Projection
        The source's values unchanged; the ledger counts what its publisher placed in no cell.
    """
    if source.grid is None:
        raise SchemaError(f"source {source.name!r} has no grid: its units are not cells. Project it with a crosswalk.")
    names = list(source.columns) if columns is None else list(columns)
    names += [c for n in names for c in companions_of(n, source.columns) if c not in names]
    values = {n: source.table[n].to_numpy(dtype=np.float64) for n in names}
    about = {n: replace(source.columns[n], source=source.name, reference_date=source.reference_date) for n in names}
    status = {n: source.status[n] for n in names if n in source.status}
    label = {n: source.table[n].astype(object).fillna("").to_numpy() for n in keep}
    ids = source.table.index.to_numpy().astype(np.uint64)
    counts = [n for n in names if about[n].kind == "extensive" and about[n].companion_of is None]
    ledger = [_entry(source, n, values[n]) for n in counts]
    cells = make_cells(source.grid, ids, values, about, status=status, labels=label)
    return Projection(cells, check_ledger(ledger))


def _entry(source: Source, name: str, values: Floats) -> Entry:
    unplaced = float(source.unplaced.get(name, 0.0))
    placed = float(np.nansum(values))
    return Entry(
        source=source.name,
        variable=name,
        total=placed + unplaced,
        placed=placed,
        unplaceable=unplaced,
        missing_units=int(np.isnan(values).sum()),
        method="cells as published",
    )


def coarsen(cells: xr.Dataset, coarser: Grid, *, bounds: bool = False) -> xr.Dataset:
    """Add up cells to a coarser level of the same square grid.

    Counts add up.  A cell with missing parts is ``PARTIAL``, the sum of what is known and so a lower bound; one whose
    parts are all missing is missing.  Rates are averaged by their weight; one whose weight is missing counts as
    missing.  Labels go by the number of cells.  Variances of a publisher's noise add up beside the counts.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells of a square grid.
    coarser : Grid
        A square grid whose size is a multiple.
    bounds : bool
        Beside each count *v* with missing parts, carry how many parts are confidential (``v_confidential_parts``) and
        missing at all (``v_missing_parts``), and what the sum is at most (``v_high``): a missing part of a known
        total is at most that total.  Bounds that the cells carry already are carried on in any case.

    Returns
    -------
    xarray.Dataset
        Every cell of `coarser` that holds one of `cells`.  Any chain of levels gives what one step gives.
    """
    if isinstance(coarser, H3Grid):
        raise GridMismatchError("H3 cells do not nest: build a grid_crosswalk() and regrid() instead of coarsening.")
    parent, row = np.unique(grid_of(cells).parent(ids_of(cells), coarser), return_inverse=True)
    table, pairs = table_of_cells(cells), Pairs(row, len(parent))
    values, status, about = {}, {}, {}
    for name, column in table.columns.items():
        if is_companion(name, table.columns):
            continue
        value, rate = table.values(name), column.kind == "intensive"
        found = sum_with_status(pairs, value, rate_status(name, table) if rate else table.status(name))
        total = _mean(pairs, value, _weight(cells, column)) if rate else found.total
        status[name] = zero_or_not(found.status, total) if rate else found.status
        values[name], about[name] = np.where(is_missing(status[name]), np.nan, total), without_noise(column)
        for key, (extra, told) in companions(name, table, pairs, found.total, bounds=bounds).items():
            values[key], about[key] = extra, told
    label = {name: _majority(row, len(parent), cells[name].to_numpy()) for name in labels(cells)}
    return make_cells(coarser, parent, values, about, status=status, labels=label).assign_attrs(cells.attrs)


def pyramid(cells: xr.Dataset, sizes_m: Sequence[int], *, bounds: bool = False) -> dict[int, xr.Dataset]:
    """Give cells at several coarser sizes, each made from the coarsest level that divides it.

    >>> from civigrid.cells import make_cells
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> cells = make_cells(grid, grid.from_row_col(np.array([3000]), np.array([4000])), {"T": [5.0]}, {"T": Column()})
    >>> [int(level["T"].sum()) for level in pyramid(cells, [2000, 5000, 10_000]).values()]
    [5, 5, 5]
    """
    base = grid_of(cells)
    if not isinstance(base, SquareGrid):
        raise GridMismatchError("H3 cells do not nest: build a grid_crosswalk() for each level instead.")
    levels = {base.cell_size_m: cells}
    for size in sorted(sizes_m):
        source = max(s for s in levels if size % s == 0 or s == base.cell_size_m)
        if size not in levels:
            levels[size] = coarsen(levels[source], replace(base, cell_size_m=size), bounds=bounds)
    return {size: levels[size] for size in sizes_m}


def _weight(cells: xr.Dataset, column: Column) -> Floats:
    if column.weight is not None and column.weight in cells:
        # a rate whose weight is not known is left out of the mean, and its status says so
        return np.nan_to_num(values_of(cells, column.weight))
    return grid_of(cells).area_km2(ids_of(cells))


def _mean(pairs: Pairs, value: Floats, weight: Floats) -> Floats:
    weight = np.where(np.isnan(value), 0.0, weight)
    total, part = pairs.add(weight), pairs.add(weight * np.nan_to_num(value))
    mean: Floats = np.divide(part, total, out=np.full(pairs.n, np.nan), where=total > 0)
    return mean


def _majority(row: npt.NDArray[np.intp], n: int, label: Labels) -> Labels:
    names, code = np.unique(label.astype(str), return_inverse=True)
    count = np.bincount(row * len(names) + code, minlength=n * len(names)).reshape(n, len(names))
    winner: Labels = names[count.argmax(axis=1)].astype(object)
    return winner
