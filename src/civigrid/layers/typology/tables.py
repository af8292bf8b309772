"""Figures of a classification: who lives in which class, by zone; and the built-up share that GHSL calls optimal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, ids_of, values_of
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid import SquareGrid
from civigrid.kernels.group import group_sum
from civigrid.layers.typology.clusters import belongs, cluster_persons, label_clusters, land_density, large_enough
from civigrid.layers.typology.degurba import LEVEL_1, LEVEL_2
from civigrid.layers.typology.rules import ClusterRule
from civigrid.result_table import result_table
from civigrid.types import Bools


def degurba_table(cells: xr.Dataset, variable: str, *, zone: str = "") -> pd.DataFrame:
    """Residents and cells by class, for the whole and by zone.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells with ``degurba_1`` and ``degurba_2``.
    variable : str
        Count of residents; cells without one are in no row.
    zone : str
        Label whose values are zones, as ``country``.

    Returns
    -------
    pandas.DataFrame
        The schema of `result_table`; ``estimate`` is the share of the zone's residents, ``index`` level and class.
    """
    rows = list(_rows(cells, variable, "all", np.ones(cells.sizes["cell"], dtype=bool)))
    if zone:
        names = cells[zone].to_numpy().astype(str)
        for name in np.unique(names[names != ""]):
            rows += _rows(cells, variable, str(name), names == name)
    return result_table(rows)


def _rows(cells: xr.Dataset, variable: str, zone: str, inside: Bools) -> Iterator[dict[str, Any]]:
    persons = np.nan_to_num(values_of(cells, variable)[inside])
    for name, words in (("degurba_1", LEVEL_1), ("degurba_2", LEVEL_2)):
        code = np.nan_to_num(values_of(cells, name)[inside], nan=0).astype(np.int64)
        known = np.isfinite(values_of(cells, name)[inside])
        people = group_sum(code[known], persons[known], max(words) + 1)
        count = np.bincount(code[known], minlength=max(words) + 1)
        total = people.sum()
        for k, word in words.items():
            yield {
                "zone": zone,
                "topic": "degurba",
                "index": f"{name}: {word}",
                "groups": variable,
                "estimate": people[k] / total if total else np.nan,
                "persons": people[k],
                "cells": int(count[k]),
            }


def optimal_built(cells: xr.Dataset, variable: str, built: str, *, land: str = "", floor: float = 0.1) -> float:
    """Give the built-up share above which cells may join centres: the mean over dense clusters, rounded up to 0.01.

    Clusters have 1,500 residents per km2 of land, sides in common, and 5,000 residents.

    Source: GHSL Data Package 2023, footnote 30 (0.20 for the world in 2020).

    Raises
    ------
    SchemaError
        There is no such cluster.
    """
    grid = grid_of(cells)
    if not isinstance(grid, SquareGrid):
        raise GridMismatchError(f"clusters are found on squares, not on {grid.id}: regrid() them first.")
    rule, persons, ids = ClusterRule(density_km2=1500, persons=5000), values_of(cells, variable), ids_of(cells)
    share = values_of(cells, land) if land else None
    dense = belongs(land_density(persons, grid.area_km2(ids), share, floor=floor, zero="whole"), None, rule)
    label, count = label_clusters(grid, ids[dense], rule.contiguity)
    kept = large_enough(cluster_persons(label, count, persons[dense]), rule)
    found = values_of(cells, built)[dense][kept[label]] if count else np.empty(0)
    if not np.isfinite(found).any():
        raise SchemaError("no cluster of 1,500 per km2 and 5,000 residents: give a built-up share yourself.")
    # to the eleventh decimal first: 0.20 must not become 0.21 by the last bit of a mean
    return float(np.ceil(np.round(np.nanmean(found) * 100, 9)) / 100)
