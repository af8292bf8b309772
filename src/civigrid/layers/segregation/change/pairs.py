"""Two sets of cells side by side: the same groups, the same grid, what both know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.layers.segregation.groups import group_counts, group_noise, is_interpolated, label_of
from civigrid.types import Floats, Ids


class Sample(NamedTuple):
    """Persons of the inhabited cells of one set, shape (cell, group), their noise, ids and names of zones."""

    counts: Floats
    noise: Floats | None
    ids: Ids
    zone: npt.NDArray[np.str_]
    left_out: int
    interpolated: bool


class Aligned(NamedTuple):
    """Two sets on the union of their cells, shape (cell, group): 0 where one set has nobody; ids and zones of these.

    Cells whose counts one set does not know are left out of both.
    """

    first: Floats
    second: Floats
    ids: Ids
    zone: npt.NDArray[np.str_]
    left_out: int


def group_names(groups: Sequence[str], total: str) -> list[str]:
    """Names of the columns of counts; at least two."""
    names = [*groups, "rest"] if total else list(groups)
    if len(names) < 2:
        raise SchemaError(f"segregation needs two groups at least, got {names}. Name the total to make a rest.")
    return names


def sample_of(cells: xr.Dataset, groups: Sequence[str], total: str, noise_variance: float | None = None) -> Sample:
    """Read one set; cells with missing counts and cells without people are left out."""
    counts, left_out = group_counts(cells, groups, total)
    rows = counts.sum(axis=1) > 0
    if not rows.any():
        raise SchemaError(
            f"no cell has anybody in {', '.join(group_names(groups, total))}: there is nothing to compare."
        )
    noise = group_noise(cells, groups, total, noise_variance)
    nowhere = np.full(int(rows.sum()), "", dtype=np.str_)
    noise = None if noise is None else noise[rows]
    return Sample(counts[rows], noise, ids_of(cells)[rows], nowhere, left_out, is_interpolated(cells, groups))


def same_grid(first: xr.Dataset, second: xr.Dataset) -> bool:
    """Whether two sets of cells lie on one grid."""
    return grid_of(first) == grid_of(second)


def align(first: xr.Dataset, second: xr.Dataset, groups: Sequence[str], total: str, zone: str = "") -> Aligned:
    """Bring two sets onto the union of their cells.

    Raises
    ------
    GridMismatchError
        Cells of different grids have no units in common.
    """
    if not same_grid(first, second):
        names = " and ".join(grid_of(c).id for c in (first, second))
        raise GridMismatchError(
            f"the two sets lie on different grids ({names}): their cells are no common units. Project both to one grid."
        )
    group_names(groups, total)
    ids: Ids = np.unique(np.concatenate([ids_of(first), ids_of(second)]))
    tables = []
    places = np.full(len(ids), "", dtype=object)
    for cells in (first, second):
        at = np.searchsorted(ids, ids_of(cells))
        table = np.zeros((len(ids), len(groups) + bool(total)))
        table[at] = group_counts(cells, groups, total)[0]
        tables.append(table)
        if zone:
            own = label_of(cells, zone)
            # the later set names the zone where both do
            places[at] = np.where(own == "", places[at], own)
    unknown = np.isnan(tables[0]).any(axis=1) | np.isnan(tables[1]).any(axis=1)
    keep = ~unknown & ((tables[0] + tables[1]).sum(axis=1) > 0)
    zones = places[keep].astype(np.str_)
    return Aligned(tables[0][keep], tables[1][keep], ids[keep], zones, int(unknown.sum()))


def known_in_both(
    first: xr.Dataset, second: xr.Dataset, groups: Sequence[str], total: str
) -> tuple[xr.Dataset, xr.Dataset]:
    """Leave out of both sets the cells whose counts one of them has, but does not know."""
    unknown = [ids_of(c)[np.isnan(group_counts(c, groups, total)[0]).any(axis=1)] for c in (first, second)]
    either = np.concatenate(unknown)
    kept = [c.isel(cell=np.flatnonzero(~np.isin(ids_of(c), either))) for c in (first, second)]
    return kept[0], kept[1]
