"""Sources to cells through a crosswalk: counts are spread, rates averaged, and missing stays missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from civigrid.cells import column_of, grid_of, ids_of, is_missing, labels, make_cells, measured, status_of, values_of
from civigrid.crosswalk import Crosswalk
from civigrid.errors import SchemaError
from civigrid.kernels.group import group_sum
from civigrid.kernels.whole_numbers import largest_remainder, tie_breaker
from civigrid.project.ledger import Entry, check_ledger
from civigrid.project.methods.base import Weigh
from civigrid.project.whole import unit_keys, whole_counts
from civigrid.source import Source
from civigrid.types import Bools, Column, Floats, Labels, Status, Statuses

COVERED = "covered"
"""Name of the variable that says which share of each cell known source units cover."""


@dataclass(frozen=True, eq=False)
class Projection:
    """Cells, and the ledger that accounts for every person in them."""

    cells: xr.Dataset
    ledger: tuple[Entry, ...]


def project_areas(
    source: Source,
    crosswalk: Crosswalk,
    *,
    columns: Sequence[str] | None = None,
    method: Weigh | None = None,
    whole_seed: int | None = None,
) -> Projection:
    """Project the measured columns of a source of areas onto the cells of a crosswalk.

    Parameters
    ----------
    source : Source
        Its units, in order, are the rows of `crosswalk`.
    crosswalk : Crosswalk
        Shared measure of units and cells.
    columns : sequence of str, optional
        Which columns; by default every measured one.
    method : Weigh, optional
        How counts are spread (`civigrid.project.methods`); by default as the crosswalk says.
    whole_seed : int, optional
        Place whole persons: by largest remainder in each unit, this seed deciding ties.  Unit totals stay.

    Returns
    -------
    Projection
        Counts spread by share; rates averaged by the column that weighs them where the source has it, else by
        measure.  A cell that only units without a value touch is missing;
        one that some of them touch is ``PARTIAL``, a lower bound.  `covered` says how much of a cell is known land
        of the source.

    Raises
    ------
    SchemaError
        The crosswalk was built for other units.
    MassError
        A count does not balance.
    """
    if list(map(str, source.table.index)) != list(map(str, crosswalk.unit_id)):
        raise SchemaError(f"this crosswalk was not built for the units of {source.name!r}: ids differ.")
    names = list(source.columns) if columns is None else list(columns)
    values, status, about, ledger = {}, {}, {}, []
    for name in names:
        column = source.columns[name]
        given, codes = _given(source, name)
        missing = np.isnan(given)
        if column.kind == "extensive":
            weighed = crosswalk if method is None else method(crosswalk, given)
            known = np.where(missing, 0.0, given)
            values[name], placed = _spread(weighed, known, whole_seed)
            ledger.append(_entry(source, name, (known, placed, values[name]), weighed, missing))
        else:
            weighed = crosswalk
            values[name] = _mean_rate(source, column, given, crosswalk)
        status[name] = _spread_status(weighed, codes, missing, values[name])
        values[name] = np.where(is_missing(status[name]), np.nan, values[name])
        about[name] = replace(column, source=source.name, reference_date=source.reference_date)
    values[COVERED] = crosswalk.covered
    about[COVERED] = Column(
        kind="intensive", units="1", long_name="Share of the cell covered by source units", source=source.name
    )
    cells = make_cells(crosswalk.grid, crosswalk.cell_id, values, about, status=status)
    return Projection(cells, check_ledger(ledger))


def _given(source: Source, name: str) -> tuple[Floats, Statuses]:
    """Values of a column, NaN where missing, and their status."""
    given = source.table[name].to_numpy(dtype=np.float64)
    codes = source.status.get(name, np.zeros(len(given), dtype=np.uint8))
    return np.where(is_missing(codes), np.nan, given), codes


def _mean_rate(source: Source, column: Column, rate: Floats, crosswalk: Crosswalk) -> Floats:
    """Rates by cell: averaged by the count that weighs them, spread as the crosswalk spreads it."""
    if column.weight is None or column.weight not in source.columns:
        return crosswalk.apply_intensive(rate)
    weight, _ = _given(source, column.weight)
    known = np.isfinite(rate) & np.isfinite(weight)
    base = crosswalk.apply_extensive(np.where(known, weight, 0.0))
    part = crosswalk.apply_extensive(np.where(known, np.nan_to_num(weight) * np.nan_to_num(rate), 0.0))
    return np.divide(part, base, out=crosswalk.apply_intensive(rate), where=base > 0)


def _spread(crosswalk: Crosswalk, counts: Floats, seed: int | None) -> tuple[Floats, Floats]:
    """Give counts by cell, and how much of each unit's count lies in cells."""
    placed = counts * crosswalk.placed_share
    if seed is None:
        return crosswalk.apply_extensive(counts), placed
    return _whole(crosswalk, counts, seed), np.rint(placed)


def _whole(crosswalk: Crosswalk, counts: Floats, seed: int) -> Floats:
    """Whole persons by cell; what a unit has outside the grid is rounded too."""
    counts = whole_counts(crosswalk.unit_id, counts)
    shares = crosswalk.shares()
    row = np.repeat(np.arange(shares.shape[0]), np.diff(shares.indptr))
    placed = np.rint(counts * crosswalk.placed_share).astype(np.int64)
    tie = tie_breaker(seed, unit_keys(crosswalk.unit_id)[row], crosswalk.cell_id[shares.indices])
    whole = largest_remainder(row, shares.data * counts[row], placed, tie)
    return group_sum(shares.indices, whole, shares.shape[1])


def _entry(
    source: Source, name: str, mass: tuple[Floats, Floats, Floats], crosswalk: Crosswalk, missing: Bools
) -> Entry:
    given, placed, in_cells = mass
    nowhere = crosswalk.unit_measure == 0
    unplaced = float(source.unplaced.get(name, 0.0))
    return Entry(
        source=source.name,
        variable=name,
        total=float(np.sum(given)) + unplaced,
        placed=float(np.sum(in_cells)),
        outside=float(np.sum((given - placed)[~nowhere])),
        unplaceable=float(np.sum(given[nowhere])) + unplaced,
        missing_units=int(np.sum(missing)),
        method=crosswalk.method,
    )


def _spread_status(crosswalk: Crosswalk, codes: Statuses, missing: Bools, values: Floats) -> Statuses:
    """Status by cell: missing where nothing is known, partial where something is not, imputed where it was spread."""
    shared = crosswalk.shares()
    shared.data = (shared.data > 0).astype(np.float64)
    known = shared.T @ (~missing).astype(np.float64) > 0
    status = np.where(values == 0, Status.OBSERVED_ZERO, Status.OK).astype(np.uint8)
    # where a layer of weights lets no one live, nothing was observed
    status[shared.T @ np.ones(shared.shape[0]) == 0] = Status.STRUCTURAL_ZERO
    # a unit spread over several cells was not counted there: its cells hold estimates
    spread = group_sum(np.repeat(np.arange(shared.shape[0]), np.diff(shared.indptr)), shared.data, shared.shape[0]) > 1
    for code, units in (
        (Status.PERTURBED, codes == Status.PERTURBED),
        (Status.IMPUTED, spread | (codes == Status.IMPUTED)),
    ):
        status[(shared.T @ units.astype(np.float64) > 0) & (values != 0)] = code
    if missing.any():
        unknown = shared.T @ missing.astype(np.float64) > 0
        confidential = shared.T @ (codes == Status.CONFIDENTIAL).astype(np.float64) > 0
        status[unknown & known] = Status.PARTIAL
        status[unknown & ~known] = Status.UNAVAILABLE
        status[unknown & ~known & confidential] = Status.CONFIDENTIAL
    return status


def regrid(cells: xr.Dataset, crosswalk: Crosswalk) -> Projection:
    """Move cells to another grid through a `grid_crosswalk`; labels follow the largest overlap."""
    if not np.array_equal(ids_of(cells), crosswalk.unit_id):
        raise SchemaError("this crosswalk was not built for these cells: ids differ.")
    names = [n for n in measured(cells) if n != COVERED]
    moved = project_areas(_as_source(cells, names), crosswalk, columns=names)
    added = {n: label_cells(crosswalk, cells[n].to_numpy()) for n in labels(cells)}
    data = moved.cells.assign({n: ("cell", label, {"kind": "label"}) for n, label in added.items()})
    for name in names:
        data[name].attrs.update(source=cells[name].attrs["source"], reference_date=cells[name].attrs["reference_date"])
    return Projection(data, moved.ledger)


def _as_source(cells: xr.Dataset, names: Sequence[str]) -> Source:
    table = pd.DataFrame({n: values_of(cells, n) for n in names}, index=pd.Index(ids_of(cells)))
    return Source(
        name=grid_of(cells).id,
        table=table,
        columns={n: column_of(cells[n]) for n in names},
        status={n: status_of(cells, n) for n in names},
        grid=grid_of(cells),
    )


def label_cells(crosswalk: Crosswalk, unit_label: npt.ArrayLike) -> Labels:
    """Label of the unit that shares most with each cell; ties go to the first unit.

    Parameters
    ----------
    crosswalk : Crosswalk
        Shared measure.
    unit_label : ndarray of str, shape (unit,)
        Label of each unit, as its district.

    Returns
    -------
    ndarray of str, shape (cell,)
        ``""`` where no unit has a share.
    """
    by_label, code = np.unique(np.asarray(unit_label, dtype=str), return_inverse=True)
    pairs = crosswalk.measure.tocoo()
    key = pairs.col.astype(np.int64) * len(by_label) + code[pairs.row]
    keys, where = np.unique(key, return_inverse=True)
    total = np.bincount(where, weights=pairs.data)
    cell, label = np.divmod(keys, len(by_label))
    order = np.lexsort((label, -total, cell))
    first = order[np.flatnonzero(np.diff(cell[order], prepend=-1))]
    result = np.full(len(crosswalk.cell_id), "", dtype=object)
    result[cell[first]] = by_label[label[first]]
    return result
