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
from civigrid.kernels.quantile import group_quantiles
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
CUT = 1e-6
"""A cell of which a zone lacks more than this share is cut."""
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
        Further statistics of each variable over the known, listed cells that a zone touches (`STATISTICS`).
    absent : {"empty", "unknown"}
        What a cell that `cells` does not list is: empty, as in a table of inhabited cells, or not known.  A zone
        without any listed cell is ``UNAVAILABLE`` in either case.

    Returns
    -------
    Zonal
        One row per zone, in order, index ``zone``; ``listed_share``, the share of the zone in cells that are listed.
        For each variable *v*:

        - ``v``: the count :math:`\sum_j c_j m_{ij}/m_j`, or the mean of a rate by its weight, else by the shared
          measure; NaN where no cell of the zone is known;
        - ``v_status``: `Status` as for any sum; a zone that cuts inhabited cells is ``IMPUTED``, one that reaches
          beyond the grid ``PARTIAL``;
        - ``v_confidential_cells``, ``v_missing_cells``: how many of the cells it touches;
        - ``v_known_share``: share of the zone in cells that are fully known, empty ones among them, in [0, 1];
        - for a count ``v_low``, ``v_high``: what missing cells leave it at least and at most, a cell being at most its
          total (infinite where that is not known), and ``v_noise_variance`` where one was declared;
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
    if absent not in ("empty", "unknown"):
        raise unknown_name("meaning of absent cells", absent, ("empty", "unknown"))
    zones = _zones(cells, crosswalk, absent)
    table = _with_one_unknown(table_of_cells(cells)) if absent == "unknown" else table_of_cells(cells)
    names = [n for n in (table.columns if variables is None else variables) if n != COVERED]
    if unknown := [n for n in names if n not in table.columns]:
        raise SchemaError(f"no variable {unknown[0]!r} on these cells. Known: {', '.join(table.columns)}.")
    out: dict[str, Any] = {"listed_share": zones.listed}
    ledger = []
    for name in names:
        if is_companion(name, table.columns):
            continue
        if table.columns[name].kind == "extensive":
            out |= _count(name, table, zones)
            ledger.append(_entry(name, cells, zones))
        else:
            out |= _rate(name, table, zones)
        out |= _statistics(name, table.values(name), zones, also) if also else {}
    for name in labels:
        out |= _majority(name, cells, zones)
    found = pd.DataFrame(out, index=pd.Index(crosswalk.unit_id, name="zone"))
    return Zonal(found, check_ledger(ledger))


class _Zones(NamedTuple):
    """Zones and cells: pairs with the share of the cell, and what of a zone lies where.

    Parts of the pairs are rows of the cells; one more row stands for all cells that are absent and not known.
    """

    pairs: Pairs
    start: Ints
    measure: Floats
    whole: Floats
    listed: Floats
    empty: Floats
    beyond: Bools
    reached: Floats
    overlap: bool

    @property
    def part(self) -> Ints:
        """Row of the cell of each pair."""
        part: Ints = np.asarray(self.pairs.part)
        return part

    def share_of(self, rows: Bools) -> Floats:
        """Share of each zone that lies in some of the cells."""
        held = self.pairs._replace(share=self.measure).add(rows.astype(np.float64))
        return np.divide(held, self.whole, out=np.zeros(self.pairs.n), where=self.whole > 0)


def _zones(cells: xr.Dataset, crosswalk: Crosswalk, absent: Absent) -> _Zones:
    ids, n, rows = ids_of(cells), crosswalk.measure.shape[0], cells.sizes["cell"]
    at = lookup(ids, np.arange(rows, dtype=np.float64), crosswalk.cell_id, absent=rows).astype(np.int64)
    pairs = crosswalk.measure
    kept = (at < rows)[pairs.indices] if absent == "empty" else np.ones(len(pairs.data), dtype=bool)
    zone = np.repeat(np.arange(n), np.diff(pairs.indptr))[kept]
    divisor, overlap = _divisor(cells, crosswalk)
    measure, part = pairs.data[kept], at[pairs.indices[kept]]
    divisor = divisor[pairs.indices[kept]]
    share = np.minimum(np.divide(measure, divisor, out=np.zeros_like(measure), where=divisor > 0), 1.0)
    whole = crosswalk.unit_measure
    listed = np.divide(group_sum(zone, measure * (part < rows), n), whole, out=np.zeros(n), where=whole > 0)
    placed = crosswalk.placed_share
    return _Zones(
        pairs=Pairs(zone, n, part, share),
        start=np.searchsorted(zone, np.arange(n + 1)),
        measure=measure,
        whole=whole,
        listed=listed,
        empty=np.maximum(placed - listed, 0.0) * (absent == "empty"),
        beyond=placed < 1 - NEARLY,
        reached=group_sum(part, share, rows + 1)[:rows],
        overlap=overlap,
    )


def _divisor(cells: xr.Dataset, crosswalk: Crosswalk) -> tuple[Floats, bool]:
    """Measure of each cell that its people live in, and whether zones overlap."""
    held = group_sum(crosswalk.measure.indices, crosswalk.measure.data, len(crosswalk.cell_id))
    overlap = held > crosswalk.cell_measure * (1 + NEARLY)
    divisor = crosswalk.cell_measure
    if COVERED in cells:
        divisor = divisor * lookup(ids_of(cells), values_of(cells, COVERED), crosswalk.cell_id, absent=1.0)
    # zones that do not overlap never get more than the cell has, though its people may live in a part of it
    return np.where(overlap, divisor, np.maximum(divisor, held)), bool(overlap.any())


def _with_one_unknown(table: Table) -> Table:
    """Columns with one more row, of which nothing is known."""
    return Table(
        table.columns,
        lambda name: np.append(table.values(name), np.nan),
        lambda name: np.append(table.status(name), np.uint8(Status.UNAVAILABLE)),
    )


def _count(name: str, table: Table, zones: _Zones) -> dict[str, Any]:
    value = table.values(name)
    found = sum_with_status(zones.pairs, value, table.status(name))
    status = _seen(_estimated(found.status, value, zones), zones)
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
        f"{name}_high": np.where(zones.beyond | (zones.listed == 0), np.inf, high),
    } | noise


def _estimated(status: Statuses, value: Floats, zones: _Zones) -> Statuses:
    """A zone that cuts through inhabited cells was not counted: its sum is an estimate."""
    assert zones.pairs.part is not None
    assert zones.pairs.share is not None
    cut = (zones.pairs.share > 0) & (zones.pairs.share < 1 - CUT) & (np.nan_to_num(value)[zones.pairs.part] > 0)
    cuts = np.bincount(zones.pairs.target[cut], minlength=zones.pairs.n) > 0
    counted = (status == Status.OK) | (status == Status.PERTURBED)
    return np.where(cuts & counted, Status.IMPUTED, status).astype(np.uint8)


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
    """Beyond the grid nobody counted: a zone that reaches there is partly known.  One without a listed cell is not."""
    full = ~is_missing(status)
    seen = np.where(full & zones.beyond, Status.PARTIAL, status)
    return np.where(full & (zones.listed == 0), Status.UNAVAILABLE, seen).astype(np.uint8)


def _known_share(codes: Statuses, zones: _Zones) -> Floats:
    known = zones.share_of(~is_missing(codes) & (codes != Status.PARTIAL)) + zones.empty
    return np.where(zones.listed == 0, 0.0, known)


def _entry(name: str, cells: xr.Dataset, zones: _Zones) -> Entry:
    """Where the people of the cells went: to zones, or outside all of them."""
    given = values_of(cells, name)
    value = np.nan_to_num(given)
    return Entry(
        source=grid_of(cells).id,
        variable=name,
        total=float(value.sum()),
        placed=float(value @ np.minimum(zones.reached, 1.0)),
        outside=float(value @ np.maximum(1.0 - zones.reached, 0.0)),
        missing_units=int(np.isnan(given).sum()),
        method="cells to zones" + (", zones overlap: some are counted in several" if zones.overlap else ""),
    )


def _statistics(name: str, value: Floats, zones: _Zones, also: Sequence[str]) -> dict[str, Floats]:
    """Further statistics of one variable over the known cells that each zone touches."""
    q = np.array([STATISTICS[s] for s in also])
    found = group_quantiles(zones.start, value[zones.part], zones.measure, q)
    return {f"{name}_{s}": found[:, k] for k, s in enumerate(also)}


def _majority(name: str, cells: xr.Dataset, zones: _Zones) -> Mapping[str, Any]:
    """Label that covers most of each zone, and its share of the zone; ties go to the first by name."""
    if name not in cells or cells[name].attrs.get("kind") != "label":
        raise SchemaError(f"{name!r} is no label of these cells. Keep it when the source is projected.")
    words, code = np.unique(cells[name].to_numpy().astype(str), return_inverse=True)
    at = np.append(code, -1)[zones.part]
    kept = (at >= 0) & (zones.measure > 0)
    key, where = np.unique(zones.pairs.target[kept] * len(words) + at[kept], return_inverse=True)
    held = group_sum(where, zones.measure[kept], len(key))
    zone, label = np.divmod(key, max(len(words), 1))
    order = np.lexsort((label, -held, zone))
    first = order[np.flatnonzero(np.diff(zone[order], prepend=-1))]
    winner, share = np.full(zones.pairs.n, "", dtype=object), np.zeros(zones.pairs.n)
    winner[zone[first]] = words[label[first]]
    share[zone[first]] = held[first] / zones.whole[zone[first]]
    return {name: winner, f"{name}_share": share}
