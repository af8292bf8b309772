"""Local statistics of where groups live: clusters of high and low shares, beyond what chance would show.

Every measure is of shares.  A cell without residents has no share: it is masked, and is nobody's neighbour, so that no
zero stands where nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from scipy import sparse

from civigrid.cells import column_of, grid_of, ids_of, with_variables
from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels.centralization import local_centralization
from civigrid.kernels.local_statistics import found_at, local_joins, local_moran, shrunk_shares
from civigrid.kernels.zones import across
from civigrid.layers.segregation.groups import group_counts, statuses_of, with_whole, zone_codes
from civigrid.layers.segregation.pattern.places import metres, touching_pairs
from civigrid.result_table import parameters, result_table
from civigrid.types import Bools, Column, Floats, Ints

CLASSES = ("not significant", "high-high", "low-high", "low-low", "high-low")
"""Classes of local Moran by code: a cell and its neighbours."""
INHABITED = 0.5
"""Persons from which a cell has a share: half a person, spread there by interpolation, is nobody."""


@dataclass(frozen=True, kw_only=True)
class LocalOptions:
    """How local statistics look around, and what counts as a finding.

    Parameters
    ----------
    contiguity : {"queen", "rook"}
        Which cells are neighbours: touching at a corner too, or by a side.
    permutations : int
        Random permutations of the other cells' shares for local Moran.
    seed : int
        Seed of these.
    discoveries : float
        Share of false ones among the findings (Benjamini and Hochberg 1995).
    radius_m : float, optional
        Radius of local centralization, metres; None: it is left out.
    zone : str
        Label within whose zones shares are shrunk to their mean; empty: to the mean of all.
    """

    contiguity: Literal["queen", "rook"] = "queen"
    permutations: int = 999
    seed: int = 0
    discoveries: float = 0.05
    radius_m: float | None = None
    zone: str = ""

    def __post_init__(self) -> None:
        if self.contiguity not in ("queen", "rook"):
            raise unknown_name("contiguity", self.contiguity, ("queen", "rook"))
        if self.permutations < 99:
            raise SchemaError(f"permutations is {self.permutations}: fewer than 99 find nothing at 5 % of discoveries.")
        if not 0 < self.discoveries < 1:
            raise SchemaError(f"discoveries is {self.discoveries}: give a share between 0 and 1, usually 0.05.")


def local_cells(
    cells: xr.Dataset, groups: Sequence[str], *, total: str = "", options: LocalOptions | None = None
) -> xr.Dataset:
    r"""Add local statistics to cells.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.
    groups : sequence of str
        Counts of the groups.
    total : str
        Published total to divide by; empty: the sum of the groups.
    options : LocalOptions, optional
        Neighbours, permutations, seed, control of false discoveries.

    Returns
    -------
    xarray.Dataset
        The same cells with ``residents``, and for each group *g*: ``moran_g`` (local Moran's I of the share),
        ``moran_p_g`` (two-sided), ``moran_class_g`` (code in `CLASSES`), ``joins_g`` (neighbours above the whole's
        share beside a cell above it), ``joins_p_g``, ``joins_class_g`` (1: more than chance), ``lq_shrunk_g``, and
        ``centralization_g`` where a radius is given.  NaN where nobody lives, or nobody lives next door.

    Raises
    ------
    SchemaError
        A suppressed count, or a zone that is no label.

    Notes
    -----
    Local Moran: Anselin (1995), conditional permutation, p = (b + 1) / (B + 1), two-sided.  Join counts: Anselin and Li
    (2019); conditional permutation of a binary map is the hypergeometric distribution, so p is exact, not simulated.
    Classes hold at a false discovery rate (Benjamini and Hochberg 1995).  Quotients are shrunk by
    `civigrid.kernels.local_statistics.shrunk_shares`.
    """
    options = options or LocalOptions()
    counts, _ = group_counts(cells, groups, total)
    size = across(counts)
    inhabited = np.nan_to_num(size) >= INHABITED
    lists = _neighbours(cells, inhabited, options.contiguity)
    zone = zone_codes(cells, options.zone)[1]
    names = [*groups, total] if total else list(groups)
    rests_on = "|".join(names)
    values: dict[str, Floats] = {"residents": size}
    cells, about = with_whole(cells, groups, total, size)
    for k, group in enumerate(groups):
        words = column_of(cells[group]).long_name or group
        pair = np.stack([counts[:, k], size - counts[:, k]], axis=1)
        found = _of_group(pair[inhabited], zone[inhabited], lists, options)
        if options.radius_m is not None:
            places = metres(grid_of(cells), grid_of(cells).centre(ids_of(cells)[inhabited]))
            found["centralization"] = local_centralization(pair[inhabited], places, options.radius_m)
        for name, value in found.items():
            values[f"{name}_{group}"] = np.full(len(size), np.nan)
            values[f"{name}_{group}"][inhabited] = value
            about[f"{name}_{group}"] = _rate(f"{_WORDS[name]}: {words}", rests_on, _UNITS.get(name, "1"))
    return with_variables(cells, values, about, status=statuses_of(cells, names, size, values))


_WORDS = {
    "moran": "Local Moran's I of the share",
    "moran_p": "Local Moran's I, p by permutation",
    "moran_class": "Clusters (1 high-high, 2 low-high, 3 low-low, 4 high-low)",
    "joins": "Neighbours above the whole's share, beside a cell above it",
    "joins_p": "Local join count, exact p",
    "joins_class": "More neighbours above the whole's share than by chance (1)",
    "lq_shrunk": "Location quotient, shrunk for small counts",
    "centralization": "Local centralization",
}
_UNITS = {"moran_class": "class", "joins_class": "class", "joins": "cells"}


def _rate(words: str, rests_on: str, units: str = "1") -> Column:
    return Column(
        kind="intensive", units=units, weight="residents", source="segregation", long_name=words, rests_on=rests_on
    )


def _neighbours(cells: xr.Dataset, inhabited: Bools, kind: str) -> sparse.csr_array:
    """Neighbours among inhabited cells, 1 for each, shape (inhabited, inhabited)."""
    n = int(inhabited.sum())
    first, second = touching_pairs(grid_of(cells), ids_of(cells)[inhabited], kind)
    half = sparse.csr_array((np.ones(len(first)), (first, second)), shape=(n, n))
    return sparse.csr_array(half + half.T)


def _of_group(pair: Floats, zone: Ints, lists: sparse.csr_array, options: LocalOptions) -> dict[str, Floats]:
    """All measures of one group in inhabited cells."""
    share = pair[:, 0] / pair.sum(axis=1)
    whole = float(pair[:, 0].sum() / pair.sum()) if len(pair) else np.nan
    moran, p, quadrant = local_moran(share, lists, permutations=options.permutations, seed=options.seed)
    joins, joins_p = local_joins(share > whole, lists)
    shrunk = shrunk_shares(pair, zone)
    return {
        "moran": moran,
        "moran_p": p,
        "moran_class": np.where(np.isnan(p), np.nan, np.where(found_at(p, options.discoveries), quadrant, 0)),
        "joins": joins,
        "joins_p": joins_p,
        "joins_class": np.where(
            np.diff(lists.indptr) > 0, found_at(joins_p, options.discoveries).astype(float), np.nan
        ),
        "lq_shrunk": shrunk / whole if whole > 0 else np.full(len(pair), np.nan),
    }


def local_table(cells: xr.Dataset, groups: Sequence[str], *, options: LocalOptions | None = None) -> pd.DataFrame:
    """Sum up what `local_cells` found: Moran's I of each group's share, and who lives in each class of clusters.

    Parameters
    ----------
    cells : xarray.Dataset
        What `local_cells` gave.
    groups : sequence of str
        Groups it was asked for.
    options : LocalOptions, optional
        As it was asked: its settings stand beside the figures.

    Returns
    -------
    pandas.DataFrame
        A result table: ``moran`` (expected -1 / (n - 1)), and ``moran:CLASS``, the share of residents in cells of each
        class, with ``cells`` how many these are.
    """
    options = options or LocalOptions()
    told = parameters(
        contiguity=options.contiguity, permutations=options.permutations, seed=options.seed,
        false_discovery_rate=options.discoveries, source="Anselin (1995)", cite="anselin1995",
    )  # fmt: skip
    rows: list[dict[str, Any]] = []
    for group in groups:
        if f"moran_class_{group}" not in cells:
            raise SchemaError(f"these cells have no 'moran_class_{group}'. Pass them through local_cells() first.")
        moran, code = cells[f"moran_{group}"].to_numpy(), cells[f"moran_class_{group}"].to_numpy()
        residents = cells["residents"].to_numpy()
        known = ~np.isnan(moran)
        people, n = float(residents[known].sum()), int(known.sum())
        row = {"zone": "all", "topic": "segregation", "groups": group, "persons": people, "parameters": told}
        whole = {"estimate": moran[known].mean(), "expected": -1 / (n - 1)} if n > 1 else {}
        rows.append(row | {"index": "moran", "cells": n} | whole)
        for number, name in enumerate(CLASSES):
            inside = known & (code == number)
            part = float(residents[inside].sum()) / people if people > 0 else np.nan
            rows.append(row | {"index": f"moran:{name}", "estimate": part, "cells": int(inside.sum())})
    return result_table(rows)
