"""Make perturbed parts add up to their total, only where someone asks, and write down that it was done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import DIM, check_cells, grid_of, ids_of, is_missing, status_attrs, status_of, values_of
from civigrid.errors import GridMismatchError, SchemaError, unknown_name
from civigrid.grid import SquareGrid
from civigrid.kernels.group import group_sum
from civigrid.kernels.rake import rake, scale_rows
from civigrid.project.methods.base import lookup
from civigrid.project.unknown import HIGH
from civigrid.types import Bools, Floats, Ints, Status

How = Literal["none", "scale", "rake"]
WAYS: tuple[How, ...] = ("none", "scale", "rake")
TOLERANCE = 1e-6
"""Deviation from a part total, by the persons of its block, at which raking has converged."""
MOST_ROUNDS = 200


@dataclass(frozen=True, eq=False)
class Reconciled:
    """Cells, and one row per partition that says what was done to it."""

    cells: xr.Dataset
    report: pd.DataFrame


def reconcile(
    cells: xr.Dataset,
    total: str,
    groups: Sequence[Sequence[str]],
    *,
    how: How = "none",
    rest: bool = False,
    to: xr.Dataset | None = None,
    within: str = "",
) -> Reconciled:
    """Make the parts of a total add up to it.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.
    total : str
        Count that parts shall sum to; it is never changed.
    groups : sequence of sequences of str
        Partitions of the total, as ``[["M", "F"], ["NAT", "EU_OTH", "OTH"]]``.
    how : {"none", "scale", "rake"}
        ``none``: leave all as published.  ``scale``: multiply the parts of each cell so that they sum to its total.
        ``rake``: iterative proportional fitting, so that besides each part keeps its sum over all cells (over each
        zone of `within`; or reaches its published count in each coarser cell of `to`).
    rest : bool
        Give parts without a value what the others leave of the total, in the proportions of the whole.  Else they
        stay missing, and nothing of their cell is changed.
    to : xarray.Dataset, optional
        For ``rake``: published coarser cells of the same grid with the same parts.  Where a coarse part is not known,
        or a cell within is not, its cells keep their own sums.
    within : str
        For ``rake``: label within whose zones each part keeps its sum, as ``country``.

    Returns
    -------
    Reconciled
        The same cells; a value that was changed is ``PERTURBED``, one that was filled in ``IMPUTED``.  The choice
        stands in ``attrs["reconciled"]`` and beside every part.  The report tells for each partition how many cells
        added up before and after, could not be reconciled (a part or the total is not known, or all parts are 0),
        were changed, by how much at most, and whether raking converged.

    Raises
    ------
    SchemaError
        A part that is in no partition's place: not there, a rate, or in two partitions.
    GridMismatchError
        `to` is no coarser level of the same grid.

    Notes
    -----
    Scaling and raking return the nearest table by Kullback-Leibler divergence, in fractions of persons.  They make
    tables consistent; they take out no noise: the variance that the publisher declared stays beside the counts.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.types import Column
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000]), np.array([4000]))
    >>> about = {"T": Column(), "M": Column(part_of="T"), "F": Column(part_of="T")}
    >>> cells = make_cells(grid, ids, {"T": [12.0], "M": [4.0], "F": [6.0]}, about)
    >>> found = reconcile(cells, "T", [["M", "F"]], how="scale").cells
    >>> found["M"].values.round(9), found["F"].values.round(9), found["M"].attrs["reconciled"]
    (array([4.8]), array([7.2]), 'scale')
    """
    if how not in WAYS:
        raise unknown_name("way to reconcile", how, WAYS)
    _check(cells, total, groups)
    changed, rows = cells.copy(), []
    choice = how + (", missing parts get the rest" if rest else "")
    for parts in groups:
        table = _read(cells, total, list(parts))
        made = _filled(table) if rest else table
        blocks = _blocks(made, cells, parts, to, within) if how == "rake" else None
        fitted, facts = _fitted(made, how, blocks)
        rows.append(_facts(table, fitted, facts))
        for k, name in enumerate(parts):
            changed = _written(changed, name, (table.parts[:, k], fitted[:, k]), table.missing[:, k], choice)
    about = {"total": total, "groups": [list(p) for p in groups], "how": how, "rest": rest}
    changed = changed.assign_attrs(reconciled=json.dumps(about))
    return Reconciled(check_cells(changed), pd.DataFrame(rows))


class _Table(NamedTuple):
    """Total, shape (cell,), and parts, shape (cell, part), NaN where not known; where parts are missing or partial."""

    names: list[str]
    total: Floats
    parts: Floats
    missing: Bools
    partial: Bools

    @property
    def usable(self) -> Bools:
        """Cells in which all is known and parts can be scaled."""
        known = ~np.isnan(self.total) & ~np.isnan(self.parts).any(axis=1) & ~self.partial
        found: Bools = known & ((np.nan_to_num(self.parts).sum(axis=1) > 0) | (self.total == 0))
        return found


class _Blocks(NamedTuple):
    """Block of each cell, part totals of each block, and which blocks have totals of their own published."""

    block: Ints
    target: Floats
    published: Bools


def _check(cells: xr.Dataset, total: str, groups: Sequence[Sequence[str]]) -> None:
    names = [n for parts in groups for n in parts]
    if twice := sorted({n for n in names if names.count(n) > 1} | ({total} & set(names))):
        raise SchemaError(f"{', '.join(twice)} stands in two places. A part belongs to one partition of {total!r}.")
    for name in (total, *names):
        values_of(cells, name)
        if cells[name].attrs["kind"] != "extensive":
            raise SchemaError(f"{name!r} is a rate: only counts are parts of a total.")


def _read(cells: xr.Dataset, total: str, names: list[str]) -> _Table:
    codes = np.stack([status_of(cells, n) for n in names], axis=1)
    whole = status_of(cells, total)
    partial = (codes == Status.PARTIAL).any(axis=1) | (whole == Status.PARTIAL)
    parts = np.stack([values_of(cells, n) for n in names], axis=1)
    return _Table(names, values_of(cells, total), parts, is_missing(codes), partial)


def _filled(table: _Table) -> _Table:
    """Parts without a value get what the others leave, in the proportions of the cells where all is known."""
    usable = table.usable
    overall = table.parts[usable].sum(axis=0) + 1e-9
    rows = table.missing.any(axis=1) & ~np.isnan(table.total) & ~table.partial
    left = np.maximum(table.total - np.nansum(table.parts, axis=1), 0.0)
    weight = table.missing * overall
    share = np.divide(weight, weight.sum(axis=1, keepdims=True), out=np.zeros_like(weight), where=rows[:, None])
    filled = np.where(table.missing & rows[:, None], left[:, None] * share, table.parts)
    return table._replace(parts=filled)


def _blocks(table: _Table, cells: xr.Dataset, parts: Sequence[str], to: xr.Dataset | None, within: str) -> _Blocks:
    usable = table.usable
    block: Ints = np.zeros(len(usable), dtype=np.int64)
    published, n = None, 1
    if to is not None:
        block, published = _published(cells, parts, to)
        n = len(published)
    elif within:
        if within not in cells or cells[within].attrs.get("kind") != "label":
            raise SchemaError(f"{within!r} is no label of these cells. Keep it when the source is projected.")
        names, number = np.unique(cells[within].to_numpy().astype(str), return_inverse=True)
        block, n = number.astype(np.int64), len(names)
    own = np.stack([group_sum(block[usable], table.parts[usable, k], n) for k in range(len(parts))], axis=1)
    if published is None:
        return _Blocks(block, own, np.zeros(n, dtype=bool))
    # a cell that is not known hides how much of the published count the others have
    known = ~np.isnan(published).any(axis=1) & (group_sum(block, ~usable, n) == 0)
    return _Blocks(block, np.where(known[:, None], published, own), known)


def _published(cells: xr.Dataset, parts: Sequence[str], to: xr.Dataset) -> tuple[Ints, Floats]:
    """Coarser cell of each cell, and the published parts of these, NaN where one is not known in full."""
    grid, coarser = grid_of(cells), grid_of(to)
    if not isinstance(grid, SquareGrid) or not isinstance(coarser, SquareGrid):
        raise GridMismatchError(f"{coarser.id} holds no whole cells of {grid.id}. Give published coarser squares.")
    parent, block = np.unique(grid.parent(ids_of(cells), coarser), return_inverse=True)
    counts: list[Floats] = []
    for name in parts:
        value = np.where(status_of(to, name) == Status.PARTIAL, np.nan, values_of(to, name))
        counts.append(lookup(ids_of(to), value, parent, absent=np.nan))
    return block.astype(np.int64), np.stack(counts, axis=1)


def _fitted(table: _Table, how: How, blocks: _Blocks | None) -> tuple[Floats, dict[str, Any]]:
    """Parts that add up, in the cells where they can; the others as they are."""
    facts: dict[str, Any] = {"blocks": 0, "published_blocks": 0, "not_converged": 0, "rounds": 0, "deviation": 0.0}
    fitted, rows = table.parts.copy(), table.usable
    if how == "scale":
        fitted[rows] = scale_rows(table.parts[rows], table.total[rows])
    elif blocks is not None:
        found = rake(
            table.parts[rows],
            table.total[rows],
            blocks.block[rows],
            blocks.target,
            tolerance=TOLERANCE,
            most_rounds=MOST_ROUNDS,
        )
        fitted[rows] = found.parts
        facts["blocks"], facts["published_blocks"] = len(blocks.target), int(blocks.published.sum())
        facts["not_converged"] = int((found.deviation > TOLERANCE).sum())
        facts["rounds"], facts["deviation"] = int(found.rounds.max()), float(found.deviation.max())
    return fitted, facts


def _facts(table: _Table, fitted: Floats, facts: dict[str, Any]) -> dict[str, Any]:
    known = ~np.isnan(table.parts).any(axis=1) & ~np.isnan(table.total) & ~table.partial
    usable, change = table.usable, np.abs(fitted - table.parts)
    after = np.isclose(fitted.sum(axis=1), table.total, rtol=1e-9, atol=1e-9)
    return {
        "parts": " + ".join(table.names),
        "cells": len(known),
        "added_up": int((table.parts.sum(axis=1) == table.total)[known].sum()),
        "add_up": int(after[~np.isnan(table.total) & ~table.partial].sum()),
        "not_known": int((~known).sum()),
        "all_zero": int((known & ~usable).sum()),
        "changed": int((change > 0).any(axis=1).sum()),
        "filled": int((np.isnan(table.parts) & ~np.isnan(fitted)).sum()),
        "largest_change": float(np.nan_to_num(change).max(initial=0.0)),
    } | facts


def _written(cells: xr.Dataset, name: str, values: tuple[Floats, Floats], missing: Bools, choice: str) -> xr.Dataset:
    """Put a part back, with its statuses, its bound and the choice."""
    before, after = values
    codes = status_of(cells, name)
    filled = missing & ~np.isnan(after)
    moved = ~missing & (after != before) & ~np.isnan(after)
    status = np.where(moved & (codes != Status.IMPUTED), Status.PERTURBED, codes)
    status = np.where(filled, Status.IMPUTED, status).astype(np.uint8)
    attrs = {**cells[name].attrs, "reconciled": choice}
    data: dict[str, Any] = {name: (DIM, after, attrs)}
    if (status != 0).any() or f"{name}_status" in cells:
        attrs["ancillary_variables"] = f"{name}_status"
        data[f"{name}_status"] = (DIM, status, status_attrs())
    if f"{name}_{HIGH}" in cells:
        high = cells[f"{name}_{HIGH}"]
        data[f"{name}_{HIGH}"] = (DIM, np.where(moved, after, high.to_numpy()), high.attrs)
    return cells.assign(data)
