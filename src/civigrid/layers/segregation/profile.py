"""Segregation by scale: every index at every radius, and how much of what is near is left far away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.errors import SchemaError
from civigrid.kernels.convolution import Kernel
from civigrid.layers.segregation.indices import index_named
from civigrid.layers.segregation.spatial import SPATIAL, SpatialOptions, study_of
from civigrid.result_table import parameters, result_table

RADII_M = (500.0, 1000.0, 2000.0, 4000.0)
"""Radii of Reardon et al. (2008)."""


def profile_table(
    cells: xr.Dataset,
    groups: Sequence[str],
    kernels: Sequence[Kernel | float] = RADII_M,
    *,
    shape: str = "biweight",
    total: str = "",
    zone: str = "",
    indices: Sequence[str] = SPATIAL,
    options: SpatialOptions | None = None,
    chance: bool = True,
) -> pd.DataFrame:
    r"""Give indices at many scales, with their expectations, and how they change with scale.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset, of squares or H3.
    groups : sequence of str
        Counts of at least two groups that share the people out among them.
    kernels : sequence of Kernel or float
        Kernels of different radii, or radii in metres of kernels of one `shape`.
    shape : str
        Shape of the kernels that are given by their radius.
    total : str
        Published total, whose rest is one more group; empty: the sum of the groups is the total.
    zone : str
        Label whose values are zones; empty: the whole only.
    indices : sequence of str
        Names in `INDICES`.
    options : SpatialOptions, optional
        As of `spatial_table`.
    chance : bool
        Whether expectations are told, and values freed of them.

    Returns
    -------
    pandas.DataFrame
        A result table: the rows of `spatial_table` for each kernel, as given; then for each index *I* of each zone
        ``I_macro_micro``, its value at the largest radius by that at the smallest, and ``I_slope``, its change per
        doubling of the radius (a straight line by least squares over all radii above 0).

    Raises
    ------
    SchemaError
        No kernel, or two that are equal.

    Notes
    -----
    Reardon, Matthews, O'Sullivan, Lee, Firebaugh, Farrell and Bischoff (2008), Demography 45, p. 492: the ratio is the
    part of what separates small neighbourhoods that large ones are separated by too.  All kernels share one transform
    of the groups; every index is computed from the same sums.
    """
    options = options or SpatialOptions()
    chosen = [k if isinstance(k, Kernel) else Kernel(shape, float(k)) for k in kernels]
    if len(set(chosen)) < len(chosen) or not chosen:
        raise SchemaError(f"a profile takes kernels that differ; got {[k.radius_m for k in chosen]} m.")
    declared = [index_named(name) for name in indices]
    study = study_of(cells, groups, total, zone, options)
    if not len(study.inhabited):
        return result_table([])
    tables = [
        study.rows(found, declared, kernel)
        for kernel, found in zip(chosen, study.arounds(chosen, chance=chance), strict=True)
    ]
    return pd.concat([*tables, _by_scale(tables, chosen)], ignore_index=True)


def _by_scale(tables: Sequence[pd.DataFrame], kernels: Sequence[Kernel]) -> pd.DataFrame:
    """Ratios and slopes, from tables whose rows stand in the same order."""
    radii = np.array([float(kernel.radius_m) for kernel in kernels])
    estimate = np.stack([table["estimate"] for table in tables])
    corrected = np.stack([table["corrected"] for table in tables])
    small, large = int(radii.argmin()), int(radii.argmax())
    if small == large:
        return result_table([])
    said: dict[str, Any] = {"kernel": kernels[0].shape if len({k.shape for k in kernels}) == 1 else "mixed"}
    ratio = parameters(**said, micro_m=radii[small], macro_m=radii[large], source="Reardon et al. (2008), p. 492")
    slope = parameters(**said, radii_m=radii[radii > 0].tolist(), per="doubling of the radius, least squares")
    rows = []
    for k, first in enumerate(tables[0].itertuples(index=False)):
        same = {"zone": first.zone, "topic": first.topic, "groups": first.groups}
        same |= {"persons": first.persons, "cells": first.cells}
        by_size = [_ratio(values[large, k], values[small, k]) for values in (estimate, corrected)]
        by_doubling = [_slope(radii, values[:, k]) for values in (estimate, corrected)]
        for name, (plain, freed), about in (("macro_micro", by_size, ratio), ("slope", by_doubling, slope)):
            rows.append(
                same | {"index": f"{first.index}_{name}", "estimate": plain, "corrected": freed, "parameters": about}
            )
    return result_table(rows)


def _ratio(macro: float, micro: float) -> float:
    # what chance explains altogether has no ratio
    return float(macro / micro) if micro > 0 else float("nan")


def _slope(radii: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> float:
    some = radii > 0
    if some.sum() < 2:
        return float("nan")
    doublings = np.log2(radii[some])
    doublings -= doublings.mean()
    return float((doublings * values[some]).sum() / (doublings**2).sum())
