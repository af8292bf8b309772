"""Indices for the whole and for every zone, in one grouped pass over the cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.engine import Reduction, Scheduler, plan_blocks, reduce_blocks
from civigrid.engine.reduction import Columns
from civigrid.errors import SchemaError
from civigrid.kernels.compositions import Compositions, compositions, merge, without_zones
from civigrid.kernels.random_allocation import Chance, chance_of
from civigrid.kernels.zones import Zones, zones_of
from civigrid.layers.segregation.groups import group_counts, group_noise, is_interpolated
from civigrid.layers.segregation.indices import DEFAULT, Index, index_named
from civigrid.layers.segregation.measured import against_others, measure, of_target, targets
from civigrid.layers.segregation.sources import SOURCES
from civigrid.result_table import parameters, result_table, result_table_of
from civigrid.types import Floats


def segregation_table(
    cells: xr.Dataset,
    groups: Sequence[str],
    *,
    total: str = "",
    zone: str = "",
    indices: Sequence[str] = DEFAULT,
    noise_variance: float | None = None,
    scheduler: Scheduler | None = None,
    cells_per_block: int = 256,
) -> pd.DataFrame:
    """Give segregation indices with their expectation under random allocation, corrected values and intervals.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.
    groups : sequence of str
        Counts of at least two groups that share the people out among them.
    total : str
        Published total.  Named: what the groups leave of it is one more group, "rest".  Empty: the sum of the groups
        is the total, as disclosure control often keeps parts from adding up.
    zone : str
        Label whose values are zones, as ``country``; empty: the whole only.
    indices : sequence of str
        Names in `INDICES`.
    noise_variance : float, optional
        Variance of the noise that the publisher added to each count, persons2; by default what the counts declare.
        It widens intervals, and is taken out with what chance alone makes.
    scheduler : Scheduler, optional
        Where to compute; no figure depends on it.
    cells_per_block : int
        Cells along a block's side; no figure depends on it.

    Returns
    -------
    pandas.DataFrame
        A result table: zone "all" first, then the zones by name.  `parameters` tells the definition, how many cells
        were left out because a count is missing, and ``unreliable`` where chance explains more than half.

    Raises
    ------
    SchemaError
        Fewer than two groups.
    UnknownNameError
        An index that is not declared.

    Notes
    -----
    Intervals: delta method with independent Poisson persons and independent noise, 95 %.  A suppressed table is
    refused: an index of what was left would be silently wrong.  Where most counts were interpolated (``IMPUTED``),
    cells of one area share its composition and lack the scatter of counted people: nothing is expected of chance, and
    nothing is corrected.
    """
    declared = [index_named(name) for name in indices]
    counts, left_out = group_counts(cells, groups, total)
    names = [*groups, "rest"] if total else list(groups)
    if len(names) < 2:
        raise SchemaError(f"segregation needs two groups at least, got {names}. Name the total to make a rest.")
    labels, code = _zones(cells, zone)
    noise = group_noise(cells, groups, total, noise_variance)
    if noise is not None:
        # a cell without residents must stay one: compositions leave it out
        counts = np.concatenate([counts, np.where(counts.sum(axis=1, keepdims=True) > 0, noise, 0.0)], axis=1)
    columns: dict[str, npt.NDArray[Any]] = {f"group_{k}": counts[:, k] for k in range(counts.shape[1])}
    columns["zone"] = code
    found = reduce_blocks(
        Reduction(partial(_partial, counts.shape[1]), merge, _same),
        columns,
        plan_blocks(grid_of(cells), ids_of(cells), cells_per_block),
        scheduler,
    )
    about = {"total": total or "sum of the groups", "left_out_cells": left_out}
    if is_interpolated(cells, groups):
        about["no_correction"] = "counts are interpolated: they lack the scatter that chance makes among counted people"
    return _of_compositions(found, names, declared, labels, about)


def composition_table(
    counts: Floats,
    names: Sequence[str],
    *,
    zone: Sequence[str] | npt.NDArray[Any] = (),
    indices: Sequence[str] = DEFAULT,
    noise: Floats | None = None,
    about: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Give segregation indices of any units, as schools or tracts: no cells, no geometry.

    Parameters
    ----------
    counts : ndarray, shape (unit, group)
        Persons by group; units with NaN are left out and told, units without persons count for nothing.
    names : sequence of str
        Names of the groups; one called "rest", where it is the last, is what they leave of a total.
    zone : sequence of str, shape (unit,)
        Zone of each unit; empty: the whole only.
    indices : sequence of str
        Names in `INDICES`.
    noise : ndarray, shape (unit, group), optional
        Variance of the publisher's noise in each count, persons2.
    about : mapping, optional
        What else `parameters` shall tell.

    Returns
    -------
    pandas.DataFrame
        A result table as `segregation_table` gives it; `cells` is the number of units.

    Raises
    ------
    SchemaError
        Fewer than two groups, or arrays of different lengths.

    Examples
    --------
    >>> table = composition_table(np.array([[10.0, 90.0], [40.0, 60.0]]), ["a", "b"], indices=["D"])
    >>> table.loc[0, ["zone", "groups"]].tolist(), f"{table.estimate[0]:.6f}"
    (['all', 'a'], '0.400000')
    """
    declared = [index_named(name) for name in indices]
    if counts.ndim != 2 or counts.shape[1] != len(names) or len(names) < 2:
        raise SchemaError(f"segregation needs counts by unit of two groups at least, got {counts.shape} for {names}.")
    if len(zone) not in (0, len(counts)):
        raise SchemaError(f"{len(zone)} zones for {len(counts)} units: give one each.")
    missing = np.isnan(counts).any(axis=1)
    labels, code = _numbered(np.asarray(zone).astype(str)) if len(zone) else ([], np.zeros(len(counts), dtype=np.int64))
    columns = counts
    if noise is not None:
        noise = np.broadcast_to(noise, counts.shape)
        columns = np.concatenate([counts, np.where(counts.sum(axis=1, keepdims=True) > 0, noise, 0.0)], axis=1)
    columns = columns[~missing]
    found = compositions(code[~missing], np.ascontiguousarray(columns))
    said = {"left_out_units": int(missing.sum()), **(about or {})}
    return _of_compositions(found, names, declared, labels, said)


def _of_compositions(
    found: Compositions, names: Sequence[str], declared: Sequence[Index], labels: Sequence[str], about: dict[str, Any]
) -> pd.DataFrame:
    """Rows of the whole, then of the zones by name."""
    if not len(found.zone):
        return result_table([])
    about = {**about, "interval": "delta method, 95 %"}
    k = len(names)
    if found.counts.shape[1] > k:
        # every cell that has residents counts once
        noise = (found.counts[:, k:].mean(axis=1) * found.cells).sum() / found.cells.sum()
        about["noise_variance"] = round(float(noise), 3)
    tables = [_of_zones(["all"], without_zones(found), names, declared, about)]
    if len(labels):
        known = [labels[number] for number in np.unique(found.zone)]
        tables.append(_of_zones(known, found, names, declared, about))
    return pd.concat(tables, ignore_index=True)


def _partial(groups: int, columns: Columns) -> Compositions:
    return compositions(columns["zone"], np.stack([columns[f"group_{k}"] for k in range(groups)], axis=1))


def _same(found: Compositions) -> Compositions:
    return found


def _zones(cells: xr.Dataset, zone: str) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Names of the zones, and each cell's number; cells without a name count in the whole alone."""
    if not zone:
        return [], np.zeros(cells.sizes["cell"], dtype=np.int64)
    if zone not in cells or cells[zone].attrs.get("kind") != "label":
        raise SchemaError(f"{zone!r} is no label of these cells. Keep it when the source is projected (keep = [...]).")
    return _numbered(cells[zone].to_numpy().astype(str))


def _numbered(zone: npt.NDArray[np.str_]) -> tuple[list[str], npt.NDArray[np.int64]]:
    names, code = np.unique(zone, return_inverse=True)
    return [str(n) or "(none)" for n in names], code.astype(np.int64)


def _of_zones(
    zones: Sequence[str], found: Compositions, names: Sequence[str], indices: Sequence[Index], about: dict[str, Any]
) -> pd.DataFrame:
    """Rows of all zones at once: every index is one pass over them."""
    starts = np.flatnonzero(np.diff(found.zone, prepend=-1))
    k = len(names)
    noise = found.counts[:, k:] if found.counts.shape[1] > k else None
    rows = zones_of(np.ascontiguousarray(found.counts[:, :k]), cells=found.cells, starts=starts)
    persons, cells = rows.sums(rows.size), rows.sums(np.ones(len(rows.own))).astype(np.int64)
    prepared: dict[Any, tuple[Zones, Floats | None, Chance | None]] = {}
    columns: list[dict[str, Any]] = []
    order = np.arange(len(zones))
    for index in indices:
        for target in targets(index, names):
            key = target.first if index.groups == "each" else "all"
            if key not in prepared:
                some = of_target(index, rows, target)
                theirs = noise if noise is None or key == "all" else against_others(noise, target.first)
                prepared[key] = some, theirs, None if "no_correction" in about else chance_of(some, theirs)
            some, theirs, chance = prepared[key]
            found_here = measure(index, target, some, chance, noise=theirs)
            texts = _parameters(index, about)
            columns.append(
                {
                    "order": order, "zone": zones, "index": index.name, "groups": target.groups,
                    "estimate": found_here.estimate, "expected": found_here.expected,
                    "corrected": found_here.corrected if index.correction == "none" or chance else np.nan,
                    "low": found_here.low, "high": found_here.high, "persons": persons, "cells": cells,
                    "parameters": np.where(found_here.unreliable, texts[1], texts[0]),
                }
            )  # fmt: skip
    table = pd.concat([pd.DataFrame(c) for c in columns], ignore_index=True)
    table = table.sort_values("order", kind="stable", ignore_index=True)
    return result_table_of(table.assign(topic="segregation"))


def _parameters(index: Index, about: dict[str, Any]) -> tuple[str, str]:
    """Parameters of a row, and the same of a row whose value chance alone explains by more than half."""
    where = f", {index.where}" if index.where else ""
    source = SOURCES[index.source].short + where
    said = {**about, **index.parameters, "correction": index.correction, "source": source, "cite": index.source}
    return parameters(**said), parameters(**said, unreliable=True)
