"""Segregation cell by cell: shares, location quotients, diversity, and what each cell adds to the index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from civigrid.cells import column_of, status_of, with_variables
from civigrid.layers.segregation.groups import group_counts
from civigrid.types import Column, Floats, Status, Statuses


def segregation_cells(cells: xr.Dataset, groups: Sequence[str], *, total: str = "") -> xr.Dataset:
    r"""Add local measures to cells.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.
    groups : sequence of str
        Counts of the groups.
    total : str
        Published total to divide by; empty: the sum of the groups.

    Returns
    -------
    xarray.Dataset
        The same cells with ``residents`` (the denominator), for each group *g* ``share_g`` and ``lq_g`` (location
        quotient: the cell's share by the whole's, Isard 1960), ``diversity`` (entropy, nats), and what each cell adds
        to an index of the whole: ``adds_to_D_g`` and ``adds_to_H``.  The additions sum to the printed D and H_multi.
    """
    counts, _ = group_counts(cells, groups, total)
    size = counts.sum(axis=1)
    # half a person, spread there by interpolation, is nobody: a share of it would be noise
    inhabited = np.where(size >= 0.5, size, np.nan)
    whole = np.nansum(counts, axis=0)
    everyone = float(whole.sum())
    share = counts / inhabited[:, None]
    values: dict[str, Floats] = {}
    about: dict[str, Column] = {}

    def add(name: str, value: Floats, column: Column) -> None:
        values[name], about[name] = value, column

    add("residents", size, Column(long_name="Residents counted in the groups", source="segregation"))
    for k, group in enumerate(groups):
        words = column_of(cells[group]).long_name or group
        rate = Column(
            kind="intensive", units="1", weight="residents", source="segregation", long_name=f"Share: {words}"
        )
        add(f"share_{group}", share[:, k], rate)
        quotient = f"Location quotient: {words} (1 = as in the whole)"
        ratio = share[:, k] * everyone / whole[k] if whole[k] > 0 else np.full(len(size), np.nan)
        add(f"lq_{group}", ratio, _rate(quotient))
        own, others = counts[:, k], size - counts[:, k]
        gap = np.abs(own / whole[k] - others / (everyone - whole[k])) / 2 if 0 < whole[k] < everyone else 0 * size
        add(f"adds_to_D_{group}", gap, _part(f"Adds to the dissimilarity of: {words}"))
    with np.errstate(divide="ignore", invalid="ignore"):
        whole_share = counts / size[:, None]
        local = -np.nansum(np.where(whole_share > 0, whole_share * np.log(whole_share), 0.0), axis=1)
    local, exact = np.where(np.isnan(inhabited), np.nan, local), local
    city = whole[whole > 0] / everyone
    diversity = -float((city * np.log(city)).sum())
    add("diversity", local, _rate("Diversity of the groups (entropy, nats)"))
    excess = np.where(size > 0, size * (diversity - np.nan_to_num(exact)), 0.0 * size)
    add(
        "adds_to_H",
        excess / (everyone * diversity) if diversity > 0 else 0.0 * size,
        _part("Adds to the information index H"),
    )
    return with_variables(cells, values, about, status=_status(cells, groups, size, values))


def _rate(words: str) -> Column:
    return Column(kind="intensive", units="1", weight="residents", source="segregation", long_name=words)


def _part(words: str) -> Column:
    # parts of an index add up over cells, as counts do, but they are no persons
    return Column(kind="extensive", units="1", source="segregation", long_name=words)


def _status(cells: xr.Dataset, groups: Sequence[str], size: Floats, values: dict[str, Floats]) -> dict[str, Statuses]:
    """Why a value is missing: because a group is.  A rate of a cell without residents is undefined, not missing."""
    why = np.full(len(size), Status.UNAVAILABLE, dtype=np.uint8)
    for code in (Status.SUPPRESSED, Status.CONFIDENTIAL):
        why[np.any([status_of(cells, g) == code for g in groups], axis=0)] = code
    unknown = np.isnan(size)
    return {n: np.where(unknown & np.isnan(v), why, Status.OK).astype(np.uint8) for n, v in values.items()}
