"""Segregation by the number of nearest persons: every index at every k, and maps of who lives around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import column_of, with_variables
from civigrid.engine import Scheduler
from civigrid.layers.segregation.groups import measure_column, why_missing, with_whole
from civigrid.layers.segregation.indices import Index, index_named
from civigrid.layers.segregation.measured import targets
from civigrid.layers.segregation.neighbourhoods.nearest import PRESETS, Gathered, Overshoot, nearest_around
from civigrid.layers.segregation.neighbourhoods.ratio import WHY, ratio_of
from civigrid.layers.segregation.neighbourhoods.spatial import SPATIAL, SpatialOptions, Study, study_of
from civigrid.result_table import parameters, result_table
from civigrid.types import Floats, Status


def nearest_table(
    cells: xr.Dataset,
    groups: Sequence[str],
    k: Sequence[int] = PRESETS,
    *,
    overshoot: Overshoot = "proportional",
    seed: int = 0,
    total: str = "",
    zone: str = "",
    indices: Sequence[str] = SPATIAL,
    options: SpatialOptions | None = None,
) -> pd.DataFrame:
    r"""Give indices of the k nearest persons, with expectation under random allocation, corrected value and interval.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset, of squares or H3.
    groups : sequence of str
        Counts of at least two groups that share the people out among them.
    k : sequence of int
        Persons around.
    overshoot, seed : {"proportional", "whole", "sampled"}, int
        As of `Nearest`.
    total : str
        Published total, whose rest is one more group; empty: the sum of the groups is the total.
    zone : str
        Label whose values are zones; empty: the whole only.  A zone's residents have neighbours beyond its border.
    indices : sequence of str
        Names in `INDICES`.
    options : SpatialOptions, optional
        As of `spatial_table`; without ``interval`` a continent takes a minute.

    Returns
    -------
    pandas.DataFrame
        A result table: for each k, from the smallest to the largest, all indices of the whole and of the zones; then
        for each index *I* ``I_macro_micro``, its value at the largest k by that at the smallest; the corrected one only
        where that is clearly above 0.  Where all cells hold fewer than k persons a value is missing, and `parameters`
        count the ``unreached_cells``.

    Raises
    ------
    SchemaError
        Fewer than two groups, no k.
    UnknownNameError
        An index that is not declared.

    Notes
    -----
    Östh, Clark and Malmberg (2015), Geographical Analysis 47.  Persons weigh: a cell counts by its residents.  EquiPop
    1.62 weighs each cell by its neighbourhood, that is, all cells alike: its values of *H* differ for that reason.
    A neighbourhood shows the composition of :math:`k^2/(B+f^2R)` independent persons (weights 1 inside, *f* on the
    ring).  Intervals: delta method through the transposed weights; who is pushed out when a person more lives near is
    taken to be composed as the neighbourhood is.
    """
    options = options or SpatialOptions()
    study = study_of(cells, groups, total, zone, options)
    declared = [index_named(name) for name in indices]
    if not len(study.inhabited):
        return result_table([])
    found = nearest_around(
        cells,
        study.counts,
        k,
        overshoot=overshoot,
        seed=seed,
        noise=study.noise,
        outside=study.outside,
        scheduler=options.scheduler,
    )
    tables, reached = [], []
    for one in found:
        known = one.reached
        tables.append(study.table([study.columns(one.around, declared)]) if known else _unreached(study, declared, one))
        if known:
            reached.append((one.nearest.k, tables[-1]))
        del one
    return pd.concat([*tables, _macro_micro(reached)], ignore_index=True)


def _unreached(study: Study, indices: Sequence[Index], found: Gathered) -> pd.DataFrame:
    size = study.counts.sum(axis=1)
    text = parameters(**study.about, **found.around.about)
    rows: list[dict[str, Any]] = []
    for part in study.parts:
        for name, at in zip(part.names, np.split(part.at, part.starts[1:]), strict=True):
            same = {"zone": name, "topic": "segregation", "persons": size[at].sum(), "cells": len(at)}
            rows += [
                same | {"index": index.name, "groups": target.groups, "parameters": text}
                for index in indices
                for target in targets(index, study.groups)
            ]
    return result_table(rows)


def _macro_micro(reached: Sequence[tuple[int, pd.DataFrame]]) -> pd.DataFrame:
    """Ratios of the largest scale to the smallest, from tables whose rows stand in the same order."""
    if len(reached) < 2:
        return result_table([])
    (small, micro), (large, macro) = reached[0], reached[-1]
    said = {"micro_k": small, "macro_k": large, "source": "Reardon et al. (2008), of k instead of radii"}
    pairs = [(micro[n].to_numpy(), macro[n].to_numpy()) for n in ("estimate", "corrected")]
    plain, better, without = ratio_of(pairs[0], pairs[1], micro["low"].to_numpy())
    text = np.where(without, parameters(**said, not_told=WHY), parameters(**said)).astype(object)
    return micro.assign(
        index=micro["index"] + "_macro_micro", parameters=text, estimate=plain, corrected=better, expected=np.nan,
        low=np.nan, high=np.nan,
    )  # fmt: skip


def nearest_cells(
    cells: xr.Dataset,
    groups: Sequence[str],
    k: Sequence[int] = PRESETS,
    *,
    total: str = "",
    overshoot: Overshoot = "proportional",
    seed: int = 0,
    outside: xr.Dataset | None = None,
    scheduler: Scheduler | None = None,
) -> xr.Dataset:
    """Add to each cell what the k nearest persons are made of, and how far they live.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset, of squares or H3.
    groups : sequence of str
        Counts of at least two groups, or of one and the total.
    k : sequence of int
        Persons around.
    total : str
        Published total to divide by; empty: the sum of the groups.
    overshoot, seed : {"proportional", "whole", "sampled"}, int
        As of `Nearest`.
    outside : xarray.Dataset, optional
        Cells around the study area with the same counts: their people are neighbours.
    scheduler : Scheduler, optional
        Where to compute; no figure depends on it.

    Returns
    -------
    xarray.Dataset
        The same cells with ``residents``, ``share_g_k`` for each group *g*, and ``radius_k``, metres.  Where all cells
        hold fewer than k persons, and where a cell's own residents are unknown, they are missing.
    """
    study = study_of(cells, groups, total, "", SpatialOptions(outside=outside))
    found = nearest_around(
        cells, study.counts, k, overshoot=overshoot, seed=seed, outside=study.outside, scheduler=scheduler
    )
    unknown = np.isnan(study.counts).any(axis=1)
    names = [*groups, total] if total else list(groups)
    values: dict[str, Floats] = {"residents": study.counts.sum(axis=1)}
    cells, about = with_whole(cells, groups, total, values["residents"])
    for one in found:
        number = one.nearest.k
        near = one.around.counts.sum(axis=1)
        for m, group in enumerate(groups):
            words = f"Share among the {number:,} nearest persons: {column_of(cells[group]).long_name or group}"
            values[f"share_{group}_{number}"] = np.where(unknown, np.nan, one.around.counts[:, m] / near)
            about[f"share_{group}_{number}"] = measure_column(words, "1", names)
        values[f"radius_{number}"] = np.where(unknown, np.nan, one.radius_m)
        words = f"Distance of the last of the {number:,} nearest persons"
        about[f"radius_{number}"] = measure_column(words, "m", names)
    why = why_missing(cells, names)
    why = np.where(why == Status.OK, np.uint8(Status.UNAVAILABLE), why)
    status = {name: np.where(np.isnan(value), why, np.uint8(Status.OK)) for name, value in values.items()}
    return with_variables(cells, values, about, status=status)
