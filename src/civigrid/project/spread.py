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
from civigrid.project.ledger import Entry, check_ledger
from civigrid.source import Source
from civigrid.types import Bools, Column, Floats, Labels, Status, Statuses

COVERED = "covered"
"""Name of the variable that says which share of each cell known source units cover."""


@dataclass(frozen=True, eq=False)
class Projection:
    """Cells, and the ledger that accounts for every person in them."""

    cells: xr.Dataset
    ledger: tuple[Entry, ...]


def project_areas(source: Source, crosswalk: Crosswalk, *, columns: Sequence[str] | None = None) -> Projection:
    """Project the measured columns of a source of areas onto the cells of a crosswalk.

    Parameters
    ----------
    source : Source
        Its units, in order, are the rows of `crosswalk`.
    crosswalk : Crosswalk
        Shared measure of units and cells.
    columns : sequence of str, optional
        Which columns; by default every measured one.

    Returns
    -------
    Projection
        Counts spread by share, rates averaged by measure.  A cell that only units without a value touch is missing;
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
        given = source.table[name].to_numpy(dtype=np.float64)
        codes = source.status.get(name, np.zeros(len(given), dtype=np.uint8))
        missing = is_missing(codes) | np.isnan(given)
        if column.kind == "extensive":
            values[name] = crosswalk.apply_extensive(np.where(missing, 0.0, given))
            ledger.append(_entry(source, name, np.where(missing, 0.0, given), values[name], crosswalk, missing))
        else:
            values[name] = crosswalk.apply_intensive(np.where(missing, np.nan, given))
        status[name] = _spread_status(crosswalk, codes, missing, values[name])
        values[name] = np.where(is_missing(status[name]), np.nan, values[name])
        about[name] = replace(column, source=source.name, reference_date=source.reference_date)
    values[COVERED] = crosswalk.covered
    about[COVERED] = Column(
        kind="intensive", units="1", long_name="Share of the cell covered by source units", source=source.name
    )
    cells = make_cells(crosswalk.grid, crosswalk.cell_id, values, about, status=status)
    return Projection(cells, check_ledger(ledger))


def _entry(source: Source, name: str, given: Floats, placed: Floats, crosswalk: Crosswalk, missing: Bools) -> Entry:
    nowhere = crosswalk.unit_measure == 0
    unplaced = float(source.unplaced.get(name, 0.0))
    return Entry(
        source=source.name,
        variable=name,
        total=float(np.sum(given)) + unplaced,
        placed=float(np.sum(placed)),
        outside=float(np.sum(given * (1 - crosswalk.placed_share) * ~nowhere)),
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
    # a unit spread over several cells was not counted there: its cells hold estimates
    spread = np.diff(shared.indptr) > 1
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
