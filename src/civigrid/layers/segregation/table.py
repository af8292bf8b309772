"""Indices for the whole and for every zone, in one grouped pass over the cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.engine import Reduction, Scheduler, plan_blocks, reduce_blocks
from civigrid.engine.reduction import Columns
from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels.compositions import Compositions, by_zone, compositions, merge, without_zones
from civigrid.kernels.segregation import variance
from civigrid.layers.segregation.groups import group_counts, group_noise, is_interpolated
from civigrid.layers.segregation.indices import INDICES, Index, corrected
from civigrid.result_table import parameters, result_table
from civigrid.types import Floats

Z_95 = 1.959963984540054
DEFAULT = tuple(INDICES)


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
    for name in indices:
        if name not in INDICES:
            raise unknown_name("index", name, INDICES)
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
    about = {"total": total or "sum of the groups", "left_out_cells": left_out, "interval": "delta method, 95 %"}
    if is_interpolated(cells, groups):
        about["no_correction"] = "counts are interpolated: they lack the scatter that chance makes among counted people"
    if noise is not None and len(found.zone):
        about["noise_variance"] = round(float(noise[counts[:, : len(names)].sum(axis=1) > 0].mean()), 3)
    rows: list[dict[str, Any]] = []
    if len(found.zone):
        rows += _rows("all", without_zones(found), names, indices, about)
    if zone:
        for number, part in by_zone(found):
            rows += _rows(labels[number], part, names, indices, about)
    return result_table(rows)


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
    names, code = np.unique(cells[zone].to_numpy().astype(str), return_inverse=True)
    return [str(n) or "(none)" for n in names], code.astype(np.int64)


def _rows(
    zone: str, part: Compositions, names: Sequence[str], indices: Sequence[str], about: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    k_groups = len(names)
    n, noise = part.counts[:, :k_groups], part.counts[:, k_groups:] if part.counts.shape[1] > k_groups else None
    for name in indices:
        index = INDICES[name]
        if index.groups == "all":
            yield _row(zone, index, (n, part.cells, noise), "|".join(names), about)
            continue
        for k, group in enumerate(names):
            if group == "rest" and len(names) > 1:
                continue
            two = (_against_others(n, k), part.cells, None if noise is None else _against_others(noise, k))
            yield _row(zone, index, two, group, about)


def _against_others(columns: Floats, k: int) -> Floats:
    """One column, and the sum of all others."""
    return np.stack([columns[:, k], columns.sum(axis=1) - columns[:, k]], axis=1)


def _row(
    zone: str,
    index: Index,
    counted: tuple[Floats, npt.NDArray[np.int64], Floats | None],
    groups: str,
    about: dict[str, Any],
) -> dict[str, Any]:
    n, w, noise = counted
    value = index.value(n, w)
    persons, share = float((w @ n).sum()), float((w @ n)[0] / (w @ n).sum())
    chance = index.expected is not None and "no_correction" not in about
    expected = index.expected(n, w, noise) if chance and index.expected is not None else float("nan")
    better, factor = corrected(index, value.estimate, expected, share) if chance else (value.estimate, 1.0)
    half = Z_95 * factor * float(np.sqrt(variance(n, w, value.gradient, noise)))
    unreliable = True if index.correction == "rescaled" and expected > value.estimate / 2 else None
    low, high = (better - half, better + half) if np.isfinite(better) else (np.nan, np.nan)
    return {
        "zone": zone,
        "topic": "segregation",
        "index": index.name,
        "groups": groups,
        "estimate": value.estimate,
        "expected": expected,
        "corrected": better if chance else float("nan"),
        "low": low if index.correction == "none" else max(low, -1.0),
        "high": high if index.correction == "none" else min(high, 1.0),
        "persons": persons,
        "cells": int(w.sum()),
        "parameters": parameters(**about, correction=index.correction, source=index.source, unreliable=unreliable),
    }
