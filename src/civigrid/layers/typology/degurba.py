"""The degree of urbanisation of cells: level 1 and level 2, urban centres and clusters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from civigrid.cells import grid_of, ids_of, is_missing, status_of, values_of, with_variables
from civigrid.engine import Scheduler
from civigrid.errors import GridMismatchError, SchemaError, first_few
from civigrid.grid import SquareGrid
from civigrid.layers.typology.centres import Ground, Members, finish_centres
from civigrid.layers.typology.clusters import (
    BLOCK_CELLS,
    belongs,
    cluster_persons,
    label_clusters,
    land_density,
    large_enough,
    look_up,
)
from civigrid.layers.typology.named import name_clusters
from civigrid.layers.typology.rules import EU_2024, ClusterRule, DegurbaRules
from civigrid.types import Bools, Column, Floats, Ids, Ints, Labels, Status, Statuses

LEVEL_1 = {0: "water", 1: "rural", 2: "urban cluster", 3: "urban centre"}
LEVEL_2 = {
    10: "water",
    11: "very low density rural",
    12: "low density rural",
    13: "rural cluster",
    21: "suburban or peri-urban",
    22: "semi-dense urban cluster",
    23: "dense urban cluster",
    30: "urban centre",
}
"""Classes of cells by their code, as GHSL and Eurostat number them."""
UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Land:
    """Cells as the rules see them.

    Parameters
    ----------
    grid : SquareGrid
        Their grid.
    cell_id : ndarray of uint64, shape (cell,)
        Sorted ids.
    persons : ndarray of float64, shape (cell,)
        Residents; NaN where unknown.
    land, built : ndarray of float64, shape (cell,), or None
        Share of land, and of built-up land, in [0, 1]; None where nobody knows.
    """

    grid: SquareGrid
    cell_id: Ids
    persons: Floats
    land: Floats | None = None
    built: Floats | None = None


@dataclass(frozen=True, eq=False)
class Classes:
    """What the rules make of cells; all arrays have shape (cell,).

    Parameters
    ----------
    level_1, level_2 : ndarray of int64
        Codes of `LEVEL_1` and `LEVEL_2`; -1 where unknown.
    centre, cluster : ndarray of int64
        Number of the urban centre and of the urban cluster; -1 outside.
    joined : ndarray of bool
        Cells that belong to a centre by its smoothing or filling, not by their own density.
    absent : int
        Cells of centres that the table does not hold.
    """

    level_1: Ints
    level_2: Ints
    centre: Ints
    cluster: Ints
    joined: Bools
    absent: int


def classify_cells(
    about: Land,
    rules: DegurbaRules = EU_2024,
    *,
    scheduler: Scheduler | None = None,
    cells_per_block: int = BLOCK_CELLS,
) -> Classes:
    """Classify cells at both levels.

    An unknown count makes no cell dense and adds nothing to a cluster; its own class is unknown, unless a centre's
    smoothing or filling settles it.
    """
    run = _Run(about, rules, scheduler, cells_per_block)
    (centre, dense_itself), absent = run.centres()
    wide, wide_persons = run.clusters(rules.urban)
    urban = _of(wide, large_enough(wide_persons, rules.urban))
    level_1 = np.where(urban >= 0, 2, 1)
    level_1[centre >= 0] = 3
    level_2 = run.level_2(centre, urban)
    empty = run.water()
    level_1[empty & (level_1 == 1)] = 0
    level_2[empty & (level_2 == 11)] = 10
    unknown = np.isnan(about.persons) & (centre < 0)
    level_1[unknown], level_2[unknown] = -1, -1
    return Classes(level_1, level_2, centre, urban, (centre >= 0) & ~dense_itself, absent)


def _of(label: Ints, kept: Bools) -> Ints:
    """Labels of the clusters that are kept, -1 elsewhere."""
    if not len(kept):
        return np.full(len(label), -1, dtype=np.int64)
    return np.where((label >= 0) & kept[label], label, -1)


class _Run:
    """One classification: densities once, each kind of cluster once."""

    def __init__(self, about: Land, rules: DegurbaRules, scheduler: Scheduler | None, cells_per_block: int) -> None:
        self.about, self.rules = about, rules
        self.scheduler, self.cells_per_block = scheduler, cells_per_block
        area = about.grid.area_km2(about.cell_id)
        self.density = land_density(about.persons, area, about.land, floor=rules.land_floor, zero=rules.land_zero)
        self.known: dict[tuple[Any, ...], tuple[Ints, Floats]] = {}

    def clusters(self, rule: ClusterRule) -> tuple[Ints, Floats]:
        """Number of each cell's cluster (-1: none) and the residents of each; kinds that differ in size share it."""
        key = (rule.density_km2, rule.density_above, rule.built_share, rule.contiguity)
        if key not in self.known:
            inside = belongs(self.density, self.about.built, rule)
            label = np.full(len(inside), -1, dtype=np.int64)
            label[inside], count = label_clusters(
                self.about.grid,
                self.about.cell_id[inside],
                rule.contiguity,
                scheduler=self.scheduler,
                cells_per_block=self.cells_per_block,
            )
            self.known[key] = label, cluster_persons(label[inside], count, self.about.persons[inside])
        return self.known[key]

    def water(self) -> Bools:
        """Cells with little land, no resident and nothing built."""
        about = self.about
        if about.land is None:
            return np.zeros(len(about.cell_id), dtype=bool)
        with np.errstate(invalid="ignore"):
            water: Bools = (about.land < self.rules.water_land_share) & (about.persons == 0)
            return water if about.built is None else water & ~(about.built > 0)

    def centres(self) -> tuple[tuple[Ints, Bools], int]:
        """Centre of each cell, whether it is dense itself, and how many cells of centres are not in the table."""
        about, rule = self.about, self.rules.centre
        label, persons = self.clusters(rule)
        dense = label >= 0
        solid = np.isnan(about.persons) | (about.persons > 0)
        with np.errstate(invalid="ignore"):
            solid |= True if about.land is None else np.isnan(about.land) | (about.land > self.rules.water_land_share)
        ground = Ground(about.cell_id, about.persons, solid, self.water())
        members = Members(about.cell_id[dense], label[dense], len(persons))
        members = finish_centres(about.grid, members, rule, ground)
        at = look_up(about.cell_id, members.cell_id)
        centre = np.full(len(label), -1, dtype=np.int64)
        centre[at[at >= 0]] = members.label[at >= 0]
        return (centre, dense), int((at < 0).sum())

    def level_2(self, centre: Ints, urban: Ints) -> Ints:
        """Classes of level 2, each over what the denser ones left; water comes later."""
        rules = self.rules
        with np.errstate(invalid="ignore"):
            code = np.where(self.density >= rules.low_density_km2, 12, 11)
        code[self.large(rules.rural) >= 0] = 13
        code[urban >= 0] = 21
        dense = self.large(rules.dense)
        semi = self.away(self.large(rules.semi_dense), (centre >= 0) | (dense >= 0))
        code[(semi >= 0) & ((urban >= 0) | (not rules.semi_dense_in_urban))] = 22
        code[dense >= 0] = 23
        code[centre >= 0] = 30
        return code

    def large(self, rule: ClusterRule) -> Ints:
        """Clusters of a kind that have enough residents."""
        label, persons = self.clusters(rule)
        return _of(label, large_enough(persons, rule))

    def away(self, label: Ints, near: Bools) -> Ints:
        """Clusters of which no cell lies within the buffer of the cells `near`."""
        about, inside = self.about, np.flatnonzero(label >= 0)
        if not len(inside):
            return label
        steps = int(np.floor(self.rules.buffer_km * 1000 / about.grid.cell_size_m + 1e-9))
        ids = about.cell_id[near]
        touched = near[inside].copy()
        for k in range(1, steps + 1):
            touched |= (look_up(ids, about.grid.ring(about.cell_id[inside], k)) >= 0).any(axis=1)
        free = np.ones(int(label.max()) + 1, dtype=bool)
        free[label[inside[touched]]] = False
        return _of(label, free)


def with_degurba(
    cells: xr.Dataset,
    variable: str,
    rules: DegurbaRules = EU_2024,
    *,
    land: str = "",
    built: str = "",
    names: Labels | None = None,
    places: Floats | None = None,
    scheduler: Scheduler | None = None,
    cells_per_block: int = BLOCK_CELLS,
) -> xr.Dataset:
    """Add the degree of urbanisation of each cell.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells of a square grid, 1 km where the official classes are wanted.
    variable : str
        Count of residents.
    rules : DegurbaRules
        A preset, or a changed one.
    land : str
        Variable with each cell's share of land; empty: the whole cell counts, which the parameters say.
    built : str
        Variable with each cell's share of built-up land; empty: the built-up option is not used.
    names, places : ndarray, optional
        Names of known places, most important first, shape (place,), and their positions, shape (place, 2).
    scheduler, cells_per_block
        Where, and in what blocks, clusters are labelled; no result depends on it.

    Returns
    -------
    xarray.Dataset
        The same cells with ``degurba_1`` and ``degurba_2`` (codes), ``degurba_1_class`` and ``degurba_2_class``
        (words, labels for grouped indices), ``urban_centre`` and ``urban_cluster`` (labels, named after a place or
        the most populous cell, ``""`` outside).  ``attrs["degurba"]`` holds every parameter and what was found, JSON.

    Raises
    ------
    GridMismatchError
        The cells are no squares.
    SchemaError
        Shares outside [0, 1], negative residents.

    Notes
    -----
    A cell whose residents are not known has no class: NaN, with the status of its count.  Where a centre's smoothing
    or filling takes it in, its class is known from its neighbours, and its status is ``IMPUTED``.
    """
    about = land_of(cells, variable, land=land, built=built)
    found = classify_cells(about, rules, scheduler=scheduler, cells_per_block=cells_per_block)
    status = class_status(found, status_of(cells, variable), np.isnan(about.persons))
    column = {
        n: Column(kind="intensive", units="class", long_name=words, source="degurba", weight=variable)
        for n, words in (("degurba_1", "Degree of urbanisation"), ("degurba_2", "Degree of urbanisation, level 2"))
    }
    codes = {"degurba_1": found.level_1, "degurba_2": found.level_2}
    values = {n: np.where(code < 0, np.nan, code) for n, code in codes.items()}
    text = {
        "degurba_1_class": in_words(found.level_1, LEVEL_1),
        "degurba_2_class": in_words(found.level_2, LEVEL_2),
    }
    size = np.nan_to_num(about.persons)
    for name, label, called in (("urban_centre", found.centre, "Centre"), ("urban_cluster", found.cluster, "Cluster")):
        text[name] = name_clusters(about.grid, about.cell_id, label, size, called, names, places)
    made = with_variables(cells, values, column, status=dict.fromkeys(codes, status))
    # as variables, all at once: xarray looks through every text again whenever it meets a bare array
    made = made.assign({name: xr.Variable("cell", words, {"kind": "label"}) for name, words in text.items()})
    made.attrs["degurba"] = json.dumps(_facts(found, about, rules, variable, land, built), sort_keys=True)
    return made


def land_of(cells: xr.Dataset, variable: str, *, land: str = "", built: str = "") -> Land:
    """Give cells as the rules see them, checked."""
    grid = grid_of(cells)
    if not isinstance(grid, SquareGrid):
        raise GridMismatchError(f"centres and clusters are found on squares, not on {grid.id}: regrid() them first.")
    persons, ids = values_of(cells, variable), ids_of(cells)
    with np.errstate(invalid="ignore"):
        if (bad := persons < 0).any():
            shown = first_few(hex(i) for i in ids[bad])
            raise SchemaError(f"{variable!r} is negative in {int(bad.sum())} cells (first: {shown}). Mend the counts.")
    return Land(grid, ids, persons, _share(cells, land), _share(cells, built))


def _share(cells: xr.Dataset, name: str) -> Floats | None:
    if not name:
        return None
    share = values_of(cells, name)
    with np.errstate(invalid="ignore"):
        bad = (share < 0) | (share > 1)
    if bad.any():
        shown = first_few(hex(i) for i in ids_of(cells)[bad])
        raise SchemaError(f"{name!r} is no share in {int(bad.sum())} cells (first: {shown}). It must lie in [0, 1].")
    return share


def class_status(found: Classes, status: Statuses, unknown: Bools) -> Statuses:
    """Why a class is not known, or that it was settled by the neighbours."""
    code = np.full(len(unknown), Status.OK, dtype=np.uint8)
    lost = found.level_1 < 0
    code[lost] = np.where(is_missing(status[lost]), status[lost], Status.UNAVAILABLE)
    code[unknown & ~lost] = Status.IMPUTED
    return code


def in_words(code: Ints, words: Mapping[int, str]) -> Labels:
    """Classes in words, ``"unknown"`` where the code is negative."""
    table = np.full(max(words) + 2, UNKNOWN, dtype=object)
    table[list(words)] = list(words.values())
    text: Labels = table[code]
    return text


def _facts(found: Classes, about: Land, rules: DegurbaRules, variable: str, land: str, built: str) -> dict[str, Any]:
    """Every parameter, and what was found."""
    unknown = np.isnan(about.persons)
    beside = look_up(about.cell_id, about.grid.ring(about.cell_id[unknown], 1))
    touched = found.cluster[beside[beside >= 0]]
    nested = {10: 0, 11: 1, 12: 1, 13: 1, 21: 2, 22: 2, 23: 2, 30: 3, -1: -1}
    of_level_1 = np.array([nested.get(k, -1) for k in range(-1, 31)])[found.level_2 + 1]
    return {
        "rules": rules.to_dict(),
        "population": variable,
        "land": land or "not given: the whole cell counts as land",
        "built": built or "not given: the built-up option is not used",
        "cells": len(about.cell_id),
        "cells_unknown": int(unknown.sum()),
        "cells_unknown_in_centres": int((unknown & (found.centre >= 0)).sum()),
        # their residents are a lower bound
        "urban_clusters_beside_unknown": len(np.unique(touched[touched >= 0])),
        "cells_at_land_floor": 0 if about.land is None else int((about.land < rules.land_floor).sum()),
        "centres": len(np.unique(found.centre[found.centre >= 0])),
        "centre_cells": int((found.centre >= 0).sum()),
        "centre_cells_not_in_table": found.absent,
        "centre_cells_joined": int(found.joined.sum()),
        "urban_clusters": len(np.unique(found.cluster[found.cluster >= 0])),
        "cells_where_levels_disagree": int((of_level_1 != found.level_1).sum()),
    }
