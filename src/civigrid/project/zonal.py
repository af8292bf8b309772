"""Cells back to zones: sums and means by any crosswalk, with what is known about each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, ids_of, is_missing, values_of
from civigrid.crosswalk import Crosswalk
from civigrid.errors import GridMismatchError, SchemaError, unknown_name
from civigrid.kernels.aggregate import Pairs, sum_with_status
from civigrid.kernels.group import group_sum
from civigrid.project.ledger import Entry, check_ledger
from civigrid.project.methods.base import lookup
from civigrid.project.spread import COVERED
from civigrid.project.unknown import (
    HIGH,
    NOISE,
    Table,
    companions,
    is_companion,
    rate_status,
    table_of_cells,
    zero_or_not,
)
from civigrid.types import Bools, Floats, Ints, Status, Statuses

Absent = Literal["empty", "unknown"]
STATISTICS: dict[str, float] = {"min": 0.0, "q10": 0.1, "q25": 0.25, "median": 0.5, "q75": 0.75, "q90": 0.9, "max": 1.0}
"""Further statistics by name: quantiles over the cells, weighted by the measure that zone and cell share."""
NEARLY = 1e-9
"""Relative difference of measures that is rounding."""


@dataclass(frozen=True, eq=False)
class Zonal:
    """Values by zone, and the ledger that accounts for every person of the cells."""

    table: pd.DataFrame
    ledger: tuple[Entry, ...]


def zonal(
    cells: xr.Dataset,
    crosswalk: Crosswalk,
    *,
    variables: Sequence[str] | None = None,
    labels: Sequence[str] = (),
    also: Sequence[str] = (),
    absent: Absent = "empty",
) -> Zonal:
    r"""Give counts and rates of cells by zone, with statuses and bounds.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells on the grid of `crosswalk`.  Where they carry ``covered``, their people live in the covered part.
    crosswalk : Crosswalk
        Its units are the zones; zones may overlap.
    variables : sequence of str, optional
        Measured variables; by default all.
    labels : sequence of str
        Labels of which each zone gets the one that covers most of it.
    also : sequence of str
        Further statistics of each variable over the cells a zone touches (`STATISTICS`).
    absent : {"empty", "unknown"}
        What a cell that `cells` does not list is: empty, as in a table of inhabited cells, or not known.

    Returns
    -------
    Zonal
        One row per zone, in order, index ``zone``.  For each variable *v*:

        - ``v``: the count :math:`\sum_j c_j m_{ij}/m_j`, or the mean of a rate by its weight, else by the shared
          measure; NaN where no cell of the zone is known;
        - ``v_status``: `Status` as for any sum; a zone that reaches beyond the grid is ``PARTIAL``;
        - ``v_confidential_cells``, ``v_missing_cells``: how many of the cells it touches;
        - ``v_known_share``: share of the zone in cells that are fully known, in [0, 1];
        - for a count ``v_low``, ``v_high``: what it is at least and at most, missing cells being at most their total
          (infinite where that is not known), and ``v_noise_variance`` where one was declared;
        - ``v_min`` ... as asked for.

    Raises
    ------
    GridMismatchError
        Cells and crosswalk lie on different grids.
    UnknownNameError
        A statistic that is not known.

    Notes
    -----
    A constant density comes back exactly: areas to cells to the same areas.

    Examples
    --------
    >>> from scipy import sparse
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> from civigrid.types import Column
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
    >>> zones = Crosswalk(
    ...     grid=grid, unit_id=np.array(["a"]), cell_id=ids, measure=sparse.csr_array(np.array([[1e6, 5e5]])),
    ...     unit_measure=np.array([1.5e6]), cell_measure=np.full(2, 1e6), covered=np.array([1.0, 0.5]), method="area",
    ... )
    >>> people = make_cells(grid, ids, {"T": [10.0, 4.0]}, {"T": Column()})
    >>> float(zonal(people, zones).table.loc["a", "T"])
    12.0
    """
    if grid_of(cells) != crosswalk.grid:
        raise GridMismatchError(
            f"cells lie on {grid_of(cells).id}, the zones on {crosswalk.grid.id}. Build the crosswalk on their grid."
        )
    for name in also:
        if name not in STATISTICS:
            raise unknown_name("statistic", name, STATISTICS)
    table, zones = _aligned(cells, crosswalk, absent), _zones(cells, crosswalk)
    names = [n for n in (table.columns if variables is None else variables) if n != COVERED]
    if unknown := [n for n in names if n not in table.columns]:
        raise SchemaError(f"no variable {unknown[0]!r} on these cells. Known: {', '.join(table.columns)}.")
    out: dict[str, Any] = {}
    ledger = []
    for name in names:
        if is_companion(name, table.columns):
            continue
        if table.columns[name].kind == "extensive":
            out |= _count(name, table, zones)
            ledger.append(_entry(name, cells, table, zones))
        else:
            out |= _rate(name, table, zones)
        out |= {f"{name}_{s}": _quantile(zones, table.values(name), STATISTICS[s]) for s in also}
    for name in labels:
        out |= _majority(name, cells, crosswalk, zones)
    found = pd.DataFrame(out, index=pd.Index(crosswalk.unit_id, name="zone"))
    return Zonal(found, check_ledger(ledger))


class _Zones(NamedTuple):
    """Zones and cells: pairs with the share of the cell, the measure they share, and what of a zone is in cells."""

    pairs: Pairs
    measure: Floats
    whole: Floats
    placed: Floats
    overlap: bool

    @property
    def beyond(self) -> Bools:
        """Zones of which some lies in no cell."""
        return self.placed < 1 - NEARLY

    def share_of(self, cells: Bools) -> Floats:
        """Share of each zone that lies in some of the cells."""
        assert self.pairs.part is not None
        part = group_sum(self.pairs.target, self.measure * cells[self.pairs.part], self.pairs.n)
        return np.divide(part, self.whole, out=np.zeros(self.pairs.n), where=self.whole > 0)


def _zones(cells: xr.Dataset, crosswalk: Crosswalk) -> _Zones:
    measure = crosswalk.measure
    zone = np.repeat(np.arange(measure.shape[0], dtype=measure.indices.dtype), np.diff(measure.indptr))
    held = group_sum(measure.indices, measure.data, measure.shape[1])
    overlap = held > crosswalk.cell_measure * (1 + NEARLY)
    divisor = crosswalk.cell_measure
    if COVERED in cells:
        divisor = divisor * lookup(ids_of(cells), values_of(cells, COVERED), crosswalk.cell_id, absent=1.0)
    # zones that do not overlap never get more than the cell has, though its people may live in a part of it
    divisor = np.where(overlap, divisor, np.maximum(divisor, held))[measure.indices]
    share = np.divide(measure.data, divisor, out=np.zeros_like(measure.data), where=divisor > 0)
    pairs = Pairs(zone, measure.shape[0], measure.indices, np.minimum(share, 1.0))
    return _Zones(pairs, measure.data, crosswalk.unit_measure, crosswalk.placed_share, bool(overlap.any()))


def _aligned(cells: xr.Dataset, crosswalk: Crosswalk, absent: Absent) -> Table:
    """Columns of the cells at the cells of the crosswalk."""
    table, ids, wanted = table_of_cells(cells), ids_of(cells), crosswalk.cell_id
    if absent not in ("empty", "unknown"):
        raise unknown_name("meaning of absent cells", absent, ("empty", "unknown"))
    at = np.minimum(np.searchsorted(ids, wanted), max(len(ids) - 1, 0))
    listed = ids[at] == wanted if len(ids) else np.zeros(len(wanted), dtype=bool)
    code = Status.STRUCTURAL_ZERO if absent == "empty" else Status.UNAVAILABLE

    def values(name: str) -> Floats:
        # a count of an empty cell is 0, a rate of it is not defined
        nothing = 0.0 if absent == "empty" and table.columns[name].kind == "extensive" else np.nan
        result = np.full(len(wanted), nothing)
        result[listed] = table.values(name)[at[listed]]
        return result

    def status(name: str) -> Statuses:
        result = np.full(len(wanted), code, dtype=np.uint8)
        result[listed] = table.status(name)[at[listed]]
        return result

    return Table(table.columns, values, status)


def _count(name: str, table: Table, zones: _Zones) -> dict[str, Any]:
    found = sum_with_status(zones.pairs, table.values(name), table.status(name))
    status = _seen(found.status, zones)
    more = companions(name, table, zones.pairs, found.total, bounds=True)
    high = more[f"{name}_{HIGH}"][0] if f"{name}_{HIGH}" in more else found.total
    noise = {f"{name}_{NOISE}": more[f"{name}_{NOISE}"][0]} if f"{name}_{NOISE}" in more else {}
    return {
        name: np.where(is_missing(status), np.nan, found.total),
        f"{name}_status": status,
        f"{name}_confidential_cells": found.confidential,
        f"{name}_missing_cells": found.missing,
        f"{name}_known_share": _known_share(table.status(name), zones),
        f"{name}_low": found.total,
        f"{name}_high": np.where(zones.beyond, np.inf, high),
    } | noise


def _rate(name: str, table: Table, zones: _Zones) -> dict[str, Any]:
    codes, rate, column = rate_status(name, table), table.values(name), table.columns[name]
    found = sum_with_status(zones.pairs, rate, codes)
    known = ~np.isnan(rate) & ~is_missing(codes)
    if column.weight is not None and column.weight in table.columns:
        by = zones.pairs
        weight = np.where(known, np.nan_to_num(table.values(column.weight)), 0.0)
    else:
        by = zones.pairs._replace(share=zones.measure)
        weight = known.astype(np.float64)
    base, part = by.add(weight), by.add(weight * np.nan_to_num(rate))
    mean = np.divide(part, base, out=np.full(by.n, np.nan), where=base > 0)
    status = zero_or_not(_seen(found.status, zones), mean)
    return {
        name: np.where(is_missing(status), np.nan, mean),
        f"{name}_status": status,
        f"{name}_confidential_cells": found.confidential,
        f"{name}_missing_cells": found.missing,
        f"{name}_known_share": _known_share(codes, zones),
    }


def _seen(status: Statuses, zones: _Zones) -> Statuses:
    """Beyond the grid nobody counted: a zone that reaches there is partly known, one wholly there is not."""
    full = ~is_missing(status)
    seen = np.where(full & zones.beyond, Status.PARTIAL, status)
    return np.where(full & (zones.placed == 0), Status.UNAVAILABLE, seen).astype(np.uint8)


def _known_share(codes: Statuses, zones: _Zones) -> Floats:
    return zones.share_of(~is_missing(codes) & (codes != Status.PARTIAL))


def _entry(name: str, cells: xr.Dataset, table: Table, zones: _Zones) -> Entry:
    """Where the people of the cells went: to zones, or outside all of them."""
    value = np.nan_to_num(table.values(name))
    assert zones.pairs.part is not None
    assert zones.pairs.share is not None
    shared = group_sum(zones.pairs.part, zones.pairs.share, len(value))
    given = values_of(cells, name)
    placed, total = float(value @ np.minimum(shared, 1.0)), float(np.nansum(given))
    # what no zone reaches is found by itself where cells are in the crosswalk, else by difference
    reached = float(value.sum())
    return Entry(
        source=grid_of(cells).id,
        variable=name,
        total=total,
        placed=placed,
        outside=float(value @ np.maximum(1.0 - shared, 0.0)) + (total - reached),
        missing_units=int(np.isnan(given).sum()),
        method="cells to zones" + (", zones overlap: some are counted in several" if zones.overlap else ""),
    )


def _quantile(zones: _Zones, values: Floats, q: float) -> Floats:
    """Smallest known value that at least the share `q` of a zone's known measure does not exceed; NaN without any."""
    assert zones.pairs.part is not None
    value = values[zones.pairs.part]
    kept = ~np.isnan(value) & (zones.measure > 0)
    zone, value, weight = zones.pairs.target[kept], value[kept], zones.measure[kept]
    order = np.lexsort((value, zone))
    zone, value, weight = zone[order], value[order], weight[order]
    result = np.full(zones.pairs.n, np.nan)
    if not len(zone):
        return result
    starts = np.flatnonzero(np.diff(zone, prepend=-1))
    ends = np.append(starts[1:], len(zone)) - 1
    upto = np.cumsum(weight)
    before = upto[starts] - weight[starts]
    place = np.searchsorted(upto, before + q * (upto[ends] - before) * (1 - NEARLY), side="left")
    result[zone[starts]] = value[np.clip(place, starts, ends)]
    return result


def _majority(name: str, cells: xr.Dataset, crosswalk: Crosswalk, zones: _Zones) -> Mapping[str, Any]:
    """Label that covers most of each zone, and its share of the zone; ties go to the first by name."""
    if name not in cells or cells[name].attrs.get("kind") != "label":
        raise SchemaError(f"{name!r} is no label of these cells. Keep it when the source is projected.")
    assert zones.pairs.part is not None
    words, code = np.unique(cells[name].to_numpy().astype(str), return_inverse=True)
    at: Ints = lookup(ids_of(cells), code.astype(np.float64), crosswalk.cell_id, absent=-1.0).astype(np.int64)
    at = at[zones.pairs.part]
    kept = (at >= 0) & (zones.measure > 0)
    key, where = np.unique(zones.pairs.target[kept].astype(np.int64) * len(words) + at[kept], return_inverse=True)
    held = group_sum(where, zones.measure[kept], len(key))
    zone, label = np.divmod(key, max(len(words), 1))
    order = np.lexsort((label, -held, zone))
    first = order[np.flatnonzero(np.diff(zone[order], prepend=-1))]
    winner, share = np.full(zones.pairs.n, "", dtype=object), np.zeros(zones.pairs.n)
    winner[zone[first]] = words[label[first]]
    share[zone[first]] = held[first] / zones.whole[zone[first]]
    return {name: winner, f"{name}_share": share}
