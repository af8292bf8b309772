"""Indices for the whole and for every zone, in one grouped pass over the cells."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.engine import Reduction, Scheduler, plan_blocks, reduce_blocks
from civigrid.engine.reduction import Columns
from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels.bootstrap import bootstrap
from civigrid.kernels.compositions import Compositions, compositions, merge, without_zones
from civigrid.kernels.random_allocation import Chance, chance_of
from civigrid.kernels.zones import Zones, zones_of
from civigrid.layers.segregation.groups import (
    group_counts,
    group_noise,
    is_interpolated,
    numbered,
    rest_note,
    zone_codes,
)
from civigrid.layers.segregation.indices import DEFAULT, Index, index_named, with_parameters
from civigrid.layers.segregation.measured import Target, against_others, measure, of_target, row_parameters, targets
from civigrid.result_table import parameters, result_table, result_table_of
from civigrid.types import Floats

Interval = Literal["delta", "bootstrap"]


def segregation_table(
    cells: xr.Dataset,
    groups: Sequence[str],
    *,
    total: str = "",
    zone: str = "",
    indices: Sequence[str] = DEFAULT,
    noise_variance: float | None = None,
    interval: Interval = "delta",
    draws: int = 200,
    seed: int = 0,
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
    interval : {"delta", "bootstrap"}
        How intervals are found: from derivatives, or by drawing the city again.
    draws, seed : int
        How many cities the bootstrap draws, and the seed of its generator.
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
    labels, code = zone_codes(cells, zone)
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
    about = {"total": total or "sum of the groups", "left_out_cells": left_out, **_how(interval, draws, seed)}
    about |= rest_note(cells, groups, total)
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
    interval: Interval = "delta",
    draws: int = 200,
    seed: int = 0,
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
    interval, draws, seed : {"delta", "bootstrap"}, int, int
        As of `segregation_table`.
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
    labels, code = numbered(np.asarray(zone).astype(str)) if len(zone) else ([], np.zeros(len(counts), dtype=np.int64))
    columns = counts
    if noise is not None:
        noise = np.broadcast_to(noise, counts.shape)
        columns = np.concatenate([counts, np.where(counts.sum(axis=1, keepdims=True) > 0, noise, 0.0)], axis=1)
    columns = columns[~missing]
    found = compositions(code[~missing], np.ascontiguousarray(columns))
    said = {"left_out_units": int(missing.sum()), **_how(interval, draws, seed), **(about or {})}
    return _of_compositions(found, names, declared, labels, said)


def _how(interval: Interval, draws: int, seed: int) -> dict[str, Any]:
    """How intervals are found, as `parameters` tell it."""
    if interval not in ("delta", "bootstrap"):
        raise unknown_name("interval", interval, ("delta", "bootstrap"))
    if interval == "delta":
        return {"interval": "delta method, 95 %"}
    if draws < 2:
        raise SchemaError(f"draws is {draws}: an interval needs two at least; 200 are usual.")
    return {"interval": "bootstrap of persons, 95 %", "draws": draws, "seed": seed}


def _of_compositions(
    found: Compositions, names: Sequence[str], declared: Sequence[Index], labels: Sequence[str], about: dict[str, Any]
) -> pd.DataFrame:
    """Rows of the whole, then of the zones by name."""
    if not len(found.zone):
        return result_table([])
    k = len(names)
    if found.counts.shape[1] > k:
        # every cell that has residents counts once
        noise = (found.counts[:, k:].mean(axis=1) * found.cells).sum() / found.cells.sum()
        about = {**about, "noise_variance": round(float(noise), 3)}
    tables = [_of_zones(["all"], without_zones(found), names, declared, about)]
    if len(labels):
        known = [labels[number] for number in np.unique(found.zone)]
        tables.append(_of_zones(known, found, names, declared, about))
    return pd.concat(tables, ignore_index=True)


def _partial(groups: int, columns: Columns) -> Compositions:
    return compositions(columns["zone"], np.stack([columns[f"group_{k}"] for k in range(groups)], axis=1))


def _same(found: Compositions) -> Compositions:
    return found


class _Prepared(NamedTuple):
    """An index of some groups, and the rows it takes."""

    declared: Index
    target: Target
    rows: Zones
    noise: Floats | None
    chance: Chance | None


def _prepare(
    rows: Zones, noise: Floats | None, names: Sequence[str], indices: Sequence[Index], corrects: bool
) -> Iterator[_Prepared]:
    """Walk through the indices and whom they are about; what several need is made once."""
    made: dict[int, tuple[Zones, Floats | None, Chance | None]] = {}
    for index in indices:
        for target in targets(index, names):
            key = target.first if index.groups == "each" else -1
            if key not in made:
                some = of_target(index, rows, target)
                theirs = noise if noise is None or key < 0 else against_others(noise, key)
                made[key] = some, theirs, chance_of(some, theirs) if corrects else None
            yield _Prepared(index, target, *made[key])


def _of_zones(
    zones: Sequence[str], found: Compositions, names: Sequence[str], indices: Sequence[Index], about: dict[str, Any]
) -> pd.DataFrame:
    """Rows of all zones at once: every index is one pass over them."""
    starts = np.flatnonzero(np.diff(found.zone, prepend=-1))
    k = len(names)
    noise = found.counts[:, k:] if found.counts.shape[1] > k else None
    rows = zones_of(np.ascontiguousarray(found.counts[:, :k]), cells=found.cells, starts=starts)
    prepared = list(_prepare(rows, noise, names, indices, "no_correction" not in about))
    scatter = _scatter(rows, noise, prepared, about) if "draws" in about else [None] * len(prepared)
    parts = []
    for one, drawn in zip(prepared, scatter, strict=True):
        measured = measure(one.declared, one.target, one.rows, one.chance, noise=one.noise, scatter=drawn)
        plain, flagged = row_parameters(one.declared, about)
        figures = {name: values for name, values in measured._asdict().items() if name != "unreliable"}
        if one.chance is None and one.declared.correction != "none":
            figures["corrected"] = np.nan
        said = np.where(measured.unreliable, flagged, plain)
        names_of = {"zone": zones, "index": one.declared.name, "groups": one.target.groups, "parameters": said}
        parts.append(pd.DataFrame({"order": np.arange(len(zones))} | names_of | figures))
    table = pd.concat(parts, ignore_index=True).sort_values("order", kind="stable", ignore_index=True)
    at = table["order"].to_numpy()
    cells = rows.sums(np.ones(len(rows.own))).astype(np.int64)
    alone = (cells[at] == 1) & ~table["index"].isin(["E", "simpson"])
    # one cell is as even as can be, whoever lives there: no index, no chance and no interval of it means anything
    table.loc[alone, ["expected", "corrected", "low", "high"]] = np.nan
    table.loc[alone, "parameters"] = [
        parameters(**(json.loads(text) | {"unreliable": None, "one_cell": "one cell alone cannot be uneven"}))
        for text in table.loc[alone, "parameters"]
    ]
    return result_table_of(table.assign(topic="segregation", persons=rows.sums(rows.size)[at], cells=cells[at]))


def _scatter(
    rows: Zones, noise: Floats | None, prepared: Sequence[_Prepared], about: dict[str, Any]
) -> Sequence[Floats | None]:
    """Values of every index in cities drawn again, shape (draw, zone) each."""

    def function(one: _Prepared) -> Callable[[Zones], Floats]:
        value, _ = with_parameters(one.declared)
        pair = {"a": one.target.first, "b": one.target.second} if one.declared.groups == "pairs" else {}
        return lambda city: value(of_target(one.declared, city, one.target), **pair).estimate

    drawn = bootstrap(rows, [function(one) for one in prepared], about["draws"], about["seed"], noise=noise)
    return [drawn[:, i] for i in range(len(prepared))]
