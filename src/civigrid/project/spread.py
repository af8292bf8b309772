"""Sources to cells through a crosswalk: counts are spread, rates averaged, and missing stays missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from civigrid.cells import column_of, grid_of, ids_of, is_missing, labels, make_cells, measured, status_of, values_of
from civigrid.crosswalk import Crosswalk
from civigrid.errors import SchemaError
from civigrid.kernels.aggregate import Pairs, sum_with_status
from civigrid.kernels.group import group_sum
from civigrid.kernels.whole_numbers import largest_remainder, tie_breaker
from civigrid.project.ledger import Entry, check_ledger
from civigrid.project.methods.base import Weigh
from civigrid.project.unknown import (
    Table,
    companions,
    is_companion,
    rate_status,
    table_of_source,
    without_noise,
    zero_or_not,
)
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
    bounds: bool = False,
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
    bounds : bool
        Beside each count *v* of which some units have no value, carry how many of them, by share, are confidential
        (``v_confidential_parts``) and missing at all (``v_missing_parts``), and what the count is at most
        (``v_high``).  Bounds and variances of noise that the source carries already are carried on in any case.

    Returns
    -------
    Projection
        Counts spread by share; rates averaged by the column that weighs them where the source has it, else by
        measure.  A cell that only units without a value touch is missing; one that some of them touch is
        ``PARTIAL``, a lower bound; one that holds part of a unit only is ``IMPUTED``, an estimate.  `covered` says
        how much of a cell is land of the source.

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
    if COVERED in names:
        raise SchemaError(f"a column is called {COVERED!r}, as the share of a cell that units cover. Rename it first.")
    table, pairs_of = table_of_source(source), lru_cache(2)(_pairs)
    values, status, about, ledger = {}, {}, {}, []
    for name in [n for n in names if not is_companion(n, source.columns)]:
        column, given = source.columns[name], table.values(name)
        missing = np.isnan(given)
        by = name if column.kind == "extensive" else column.weight
        known_weight = by is not None and by in table.columns
        # a rate goes the way of the count it is averaged by, else by area
        weighed = method(crosswalk, table.values(str(by))) if method is not None and known_weight else crosswalk
        pairs = pairs_of(weighed)
        if column.kind == "extensive":
            known = np.where(missing, 0.0, given)
            total, placed = _spread(weighed, known, whole_seed)
            ledger.append(_entry(source, name, (known, placed, total), weighed, missing))
            status[name] = sum_with_status(pairs, given, codes_of_parts(pairs, given, table.status(name))).status
        else:
            total = _mean_rate(table, name, weighed)
            codes = sum_with_status(pairs, given, codes_of_parts(pairs, given, rate_status(name, table))).status
            status[name] = zero_or_not(codes, total)
        values[name] = np.where(is_missing(status[name]), np.nan, total)
        about[name] = _of(source, without_noise(column))
        whole = whole_seed is not None
        for key, (extra, told) in companions(name, table, pairs, total, bounds=bounds, whole=whole).items():
            values[key], about[key] = extra, _of(source, told)
    values[COVERED] = crosswalk.covered
    about[COVERED] = Column(
        kind="intensive", units="1", long_name="Share of the cell covered by source units", source=source.name
    )
    cells = make_cells(crosswalk.grid, crosswalk.cell_id, values, about, status=status)
    return Projection(cells, check_ledger(ledger))


def _of(source: Source, column: Column) -> Column:
    return replace(column, source=source.name, reference_date=source.reference_date)


def _pairs(crosswalk: Crosswalk) -> Pairs:
    """Units and cells that share something, with the share of the unit."""
    shares = crosswalk.shares()
    unit = np.repeat(np.arange(shares.shape[0], dtype=shares.indices.dtype), np.diff(shares.indptr))
    return Pairs(shares.indices, shares.shape[1], unit, shares.data)


def codes_of_parts(pairs: Pairs, given: Floats, codes: Statuses) -> Statuses:
    """Status of each unit as a part of cells: one that does not lie in a single cell was not counted there."""
    assert pairs.part is not None
    assert pairs.share is not None
    whole = np.zeros(len(given), dtype=bool)
    # more than nearly all of a unit can lie in one cell only
    whole[pairs.part[pairs.share > 1 - 1e-9]] = True
    counted = (codes == Status.OK) | (codes == Status.PERTURBED)
    return np.where(~whole & counted & (given != 0), Status.IMPUTED, codes).astype(np.uint8)


def _mean_rate(table: Table, name: str, crosswalk: Crosswalk) -> Floats:
    """Rates by cell: averaged by the count that weighs them, spread as the crosswalk spreads it."""
    rate, weight = table.values(name), table.columns[name].weight
    if weight is None or weight not in table.columns:
        return crosswalk.apply_intensive(rate)
    by = table.values(weight)
    known = np.isfinite(rate) & np.isfinite(by)
    base = crosswalk.apply_extensive(np.where(known, by, 0.0))
    part = crosswalk.apply_extensive(np.where(known, np.nan_to_num(by) * np.nan_to_num(rate), 0.0))
    by_measure = crosswalk.apply_intensive(np.where(known, rate, np.nan))
    return np.divide(part, base, out=by_measure, where=base > 0)


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


def regrid(cells: xr.Dataset, crosswalk: Crosswalk, *, bounds: bool = False) -> Projection:
    """Move cells to another grid through a `grid_crosswalk`; labels follow the largest overlap.

    Statuses, companions, and what part of a cell its source covers come along; `bounds` as in `project_areas`.
    """
    if not np.array_equal(ids_of(cells), crosswalk.unit_id):
        raise SchemaError("this crosswalk was not built for these cells: ids differ.")
    names = [n for n in measured(cells) if n != COVERED]
    moved = project_areas(_as_source(cells, names), crosswalk, columns=names, bounds=bounds)
    added = {n: label_cells(crosswalk, cells[n].to_numpy()) for n in labels(cells)}
    data = moved.cells.assign({n: ("cell", label, {"kind": "label"}) for n, label in added.items()})
    for name in set(names) & set(data):
        data[name].attrs.update(source=cells[name].attrs["source"], reference_date=cells[name].attrs["reference_date"])
    if COVERED in cells:
        # a cell that lay half outside its source still does
        part = crosswalk.measure.T @ np.nan_to_num(values_of(cells, COVERED))
        share = np.divide(part, crosswalk.cell_measure, out=np.zeros_like(part), where=crosswalk.cell_measure > 0)
        data[COVERED] = ("cell", np.minimum(share, data[COVERED].to_numpy()), dict(data[COVERED].attrs))
    return Projection(data.assign_attrs(cells.attrs), moved.ledger)


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


def category_shares(crosswalk: Crosswalk, unit_label: npt.ArrayLike) -> dict[str, Floats]:
    """Share of each cell that lies in units of each category.

    Parameters
    ----------
    crosswalk : Crosswalk
        Shared measure: shares of land for areas, of people where people weigh.
    unit_label : ndarray of str, shape (unit,)
        Category of each unit, as its kind of settlement; ``""``: none.

    Returns
    -------
    dict of str to ndarray of float64, shape (cell,)
        By category, sorted; together they are the share of the cell that units with a category cover.

    Examples
    --------
    >>> import geopandas as gpd
    >>> import shapely
    >>> from civigrid.grid import SquareGrid
    >>> from civigrid.project import polygon_crosswalk
    >>> boxes = [shapely.box(4e6, 3e6, 4_000_250, 3_001_000), shapely.box(4_000_250, 3e6, 4_001_000, 3_001_000)]
    >>> areas = polygon_crosswalk(gpd.GeoSeries(boxes, crs="EPSG:3035"), SquareGrid(cell_size_m=1000))
    >>> category_shares(areas, ["town", "village"])
    {'town': array([0.25]), 'village': array([0.75])}
    """
    names, code = np.unique(np.asarray(unit_label, dtype=str), return_inverse=True)
    rows = np.repeat(code, np.diff(crosswalk.measure.indptr))
    n = len(crosswalk.cell_id)
    by = group_sum(rows * n + crosswalk.measure.indices, crosswalk.measure.data, len(names) * n).reshape(-1, n)
    whole = crosswalk.cell_measure
    share = np.divide(by, whole, out=np.zeros_like(by), where=whole > 0)
    return {str(name): share[k] for k, name in enumerate(names) if name}
