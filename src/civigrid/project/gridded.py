"""Gridded sources to cells, and cells to coarser cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from civigrid.cells import column_of, grid_of, ids_of, is_missing, labels, make_cells, measured, status_of, values_of
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.kernels.aggregate import Sums, sum_with_status
from civigrid.kernels.group import group_sum
from civigrid.project.ledger import Entry, check_ledger
from civigrid.project.spread import Projection
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
    values = {n: source.table[n].to_numpy(dtype=np.float64) for n in names}
    about = {n: replace(source.columns[n], source=source.name, reference_date=source.reference_date) for n in names}
    status = {n: source.status[n] for n in names if n in source.status}
    label = {n: source.table[n].astype(object).fillna("").to_numpy() for n in keep}
    ids = source.table.index.to_numpy().astype(np.uint64)
    ledger = [_entry(source, n, values[n]) for n in names if about[n].kind == "extensive"]
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
    parts are all missing is missing.  Rates are averaged by their weight.  Labels go by the number of cells.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells of a square grid.
    coarser : Grid
        A square grid whose size is a multiple.
    bounds : bool
        Beside each count *v* with missing parts, carry how many parts are confidential (``v_confidential_parts``) and
        missing at all (``v_missing_parts``), and what the sum is at most (``v_high``): a missing part of a known
        total is at most that total.

    Returns
    -------
    xarray.Dataset
        Every cell of `coarser` that holds one of `cells`.  Any chain of levels gives what one step gives.
    """
    if isinstance(coarser, H3Grid):
        raise GridMismatchError("H3 cells do not nest: build a grid_crosswalk() and regrid() instead of coarsening.")
    parent, row = np.unique(grid_of(cells).parent(ids_of(cells), coarser), return_inverse=True)
    n = len(parent)
    values, status, about = {}, {}, {}
    for name in measured(cells):
        about[name] = column_of(cells[name])
        value = values_of(cells, name)
        found = sum_with_status(row, value, status_of(cells, name), n)
        status[name], total = found.status, found.total
        if about[name].kind == "intensive":
            total = _mean(row, n, value, _weight(cells, about[name]))
        values[name] = np.where(is_missing(status[name]), np.nan, total)
        if bounds and about[name].companion_of is None and about[name].kind == "extensive" and found.missing.any():
            for key, (extra, column) in _bounds(cells, name, row, found).items():
                if key not in cells:
                    values[key], about[key] = extra, column
    label = {name: _majority(row, n, cells[name].to_numpy()) for name in labels(cells)}
    return make_cells(coarser, parent, values, about, status=status, labels=label)


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


def _bounds(cells: xr.Dataset, name: str, row: npt.NDArray[np.intp], found: Sums) -> dict[str, tuple[Floats, Column]]:
    """Variables that say how much of a sum is not known."""
    about = column_of(cells[name])
    words = about.long_name or name
    common = replace(about, part_of=None, companion_of=name)
    most = np.full(len(row), np.inf)
    if about.part_of is not None and about.part_of in cells:
        whole = values_of(cells, about.part_of)
        most = np.where(np.isnan(whole), np.inf, whole)
    unknown = is_missing(status_of(cells, name))
    high = found.total + group_sum(row[unknown], most[unknown], len(found.total))
    return {
        f"{name}_confidential_parts": (
            found.confidential.astype(np.float64),
            replace(common, units="cells", long_name=f"Confidential parts of: {words}"),
        ),
        f"{name}_missing_parts": (
            found.missing.astype(np.float64),
            replace(common, units="cells", long_name=f"Missing parts of: {words}"),
        ),
        f"{name}_high": (high, replace(common, long_name=f"At most: {words}")),
    }


def _weight(cells: xr.Dataset, column: Column) -> Floats:
    if column.weight is not None and column.weight in cells:
        return np.nan_to_num(values_of(cells, column.weight))
    return grid_of(cells).area_km2(ids_of(cells))


def _mean(row: npt.NDArray[np.intp], n: int, value: Floats, weight: Floats) -> Floats:
    weight = np.where(np.isnan(value), 0.0, weight)
    total, part = group_sum(row, weight, n), group_sum(row, weight * np.nan_to_num(value), n)
    mean: Floats = np.divide(part, total, out=np.full(n, np.nan), where=total > 0)
    return mean


def _majority(row: npt.NDArray[np.intp], n: int, label: Labels) -> Labels:
    names, code = np.unique(label.astype(str), return_inverse=True)
    count = np.bincount(row * len(names) + code, minlength=n * len(names)).reshape(n, len(names))
    winner: Labels = names[count.argmax(axis=1)].astype(object)
    return winner
