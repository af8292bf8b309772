"""Segregation by scale: every index at every radius, and how much of what is near is left far away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.errors import SchemaError
from civigrid.kernels.convolution import Kernel
from civigrid.layers.segregation.indices import index_named
from civigrid.layers.segregation.neighbourhoods.ratio import WHY, ratio_of
from civigrid.layers.segregation.neighbourhoods.spatial import SPATIAL, Columns, SpatialOptions, study_of
from civigrid.result_table import parameters, result_table
from civigrid.types import Floats

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
    Reardon, Matthews, O'Sullivan, Lee, Firebaugh, Farrell and Bischoff (2008), Demography 45: the ratio is the
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
    found = [
        study.columns(around, declared, kernel)
        for kernel, around in zip(chosen, study.arounds(chosen, chance=chance), strict=True)
    ]
    return study.table([*found, *_by_scale(found, chosen)])


def _by_scale(found: Sequence[Columns], kernels: Sequence[Kernel]) -> list[Columns]:
    """Ratios and slopes, from columns whose rows stand in the same order."""
    radii = np.array([float(kernel.radius_m) for kernel in kernels])
    small, large = int(radii.argmin()), int(radii.argmax())
    if small == large:
        return []
    shapes = {kernel.shape for kernel in kernels}
    said = {"kernel": shapes.pop() if len(shapes) == 1 else "mixed"}
    of_scales = said | {"micro_m": radii[small], "macro_m": radii[large], "source": "Reardon et al. (2008)"}
    slope = parameters(**said, radii_m=radii[radii > 0].tolist(), per="doubling of the radius, least squares")
    same = {name: found[0][name] for name in ("zone", "groups", "persons", "cells")}
    none = np.full(len(same["zone"]), np.nan)
    pairs = [(found[small][k], found[large][k]) for k in ("estimate", "corrected")]
    plain, better, without = ratio_of(pairs[0], pairs[1], found[small]["low"])
    texts = np.where(without, parameters(**of_scales, not_told=WHY), parameters(**of_scales)).astype(object)
    slopes = {k: _slope(radii, np.stack([c[k] for c in found])) for k in ("estimate", "corrected")}
    columns = []
    for name, told, text in (
        ("macro_micro", {"estimate": plain, "corrected": better}, texts),
        ("slope", slopes, np.full(len(none), slope, dtype=object)),
    ):
        index = np.array([f"{i}_{name}" for i in found[0]["index"]], dtype=object)
        columns.append(same | told | {"index": index, "parameters": text, "expected": none, "low": none, "high": none})
    return columns


def _slope(radii: Floats, values: Floats) -> Floats:
    some = radii > 0
    if some.sum() < 2:
        return np.full(values.shape[1], np.nan)
    doublings = np.log2(radii[some])
    doublings -= doublings.mean()
    return np.asarray(doublings @ values[some] / (doublings @ doublings))
