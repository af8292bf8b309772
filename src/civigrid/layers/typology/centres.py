"""Urban centres: dense clusters, smoothed along a sparse frontier, their gaps filled, in the order the rules name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from civigrid.grid import INVALID, SquareGrid
from civigrid.kernels.components import holes
from civigrid.layers.typology.clusters import cluster_persons, large_enough, look_up
from civigrid.layers.typology.rules import CentreRule
from civigrid.types import Bools, Floats, Ids, Ints

_NEEDED = 5
"""Of eight neighbours: more than half."""


@dataclass(frozen=True, eq=False)
class Members:
    """Cells of labelled clusters, also such as the table does not hold.

    Parameters
    ----------
    cell_id : ndarray of uint64, shape (member,)
        Sorted ids.
    label : ndarray of int64, shape (member,)
        Cluster of each, in [0, count).
    count : int
        How many clusters there were at first; a dropped one keeps its number.
    """

    cell_id: Ids
    label: Ints
    count: int

    def with_more(self, cell_id: Ids, label: Ints) -> Members:
        """Give the members with more of them."""
        ids, labels = np.concatenate([self.cell_id, cell_id]), np.concatenate([self.label, label])
        order = np.argsort(ids, kind="stable")
        return Members(ids[order], labels[order], self.count)

    def where(self, kept: Bools) -> Members:
        """Give the members of the clusters that are kept, shape (count,)."""
        mine = kept[self.label]
        return Members(self.cell_id[mine], self.label[mine], self.count)


@dataclass(frozen=True, eq=False)
class Ground:
    """What the steps need to know of all cells: the table's ids, residents, and which are land or populated, or water.

    Parameters
    ----------
    cell_id : ndarray of uint64, shape (cell,)
        Sorted ids of the table.
    persons : ndarray of float64, shape (cell,)
        Known residents; NaN counts as none in sums, and as populated in majorities.
    solid : ndarray of bool, shape (cell,)
        Populated, or more land than water.
    water : ndarray of bool, shape (cell,)
        Permanent water: it never joins by majority.
    """

    cell_id: Ids
    persons: Floats
    solid: Bools
    water: Bools


def finish_centres(grid: SquareGrid, members: Members, rule: CentreRule, ground: Ground) -> Members:
    """Take the steps of the rule, in its order: filter, smooth, fill."""
    for step in rule.steps:
        if step == "filter":
            members = filter_members(members, rule, ground)
        elif step == "smooth":
            members = smooth(grid, members, rule, ground)
        else:
            members = fill(grid, members, rule)
    return members


def filter_members(members: Members, rule: CentreRule, ground: Ground) -> Members:
    """Drop clusters with too few residents."""
    at = look_up(ground.cell_id, members.cell_id)
    persons = np.where(at >= 0, ground.persons[at], 0.0)
    return members.where(large_enough(cluster_persons(members.label, members.count, persons), rule))


def smooth(grid: SquareGrid, members: Members, rule: CentreRule, ground: Ground) -> Members:
    """Let cells join the cluster that holds most of their neighbours, until none does.

    Only neighbours of the cells that joined last are looked at again: a frontier, never the whole grid.  All cells of
    one pass join at once, so no order of the cells matters; a member never changes its cluster.

    Source: GHSL Data Package 2022, majority rule; Data Package 2023, its footnote 29 (majority among land).
    """
    fresh = members.cell_id
    while len(fresh):
        candidates = _frontier(grid, members, fresh, rule)
        around = grid.ring(candidates, 1)
        at = look_up(members.cell_id, around)
        best, most = _most_common(np.where(at >= 0, members.label[at], -1))
        if rule.smoothing == "five-of-eight":
            joins = most >= _NEEDED
        else:
            joins = 2 * most > _counted(around, at, rule, ground)
            joins &= ~_is_water(candidates, rule, ground)
        fresh = candidates[joins]
        members = members.with_more(fresh, best[joins])
    return members


def _frontier(grid: SquareGrid, members: Members, fresh: Ids, rule: CentreRule) -> Ids:
    """Cells beside the ones that joined last that are no members; in the first pass only such as can have enough."""
    beside, times = np.unique(grid.ring(fresh, 1), return_counts=True)
    if rule.smoothing == "five-of-eight" and len(fresh) == len(members.cell_id):
        beside = beside[times >= _NEEDED]
    candidates: Ids = beside[(look_up(members.cell_id, beside) < 0) & (beside != INVALID)]
    return candidates


def _most_common(label: Ints) -> tuple[Ints, Ints]:
    """Label that most of each row's eight neighbours bear, and how many do; of equals the smaller label."""
    if not len(label):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    times = (label[:, :, None] == label[:, None, :]).sum(axis=2) * (label >= 0)
    most = times.max(axis=1)
    none = np.iinfo(np.int64).max
    best = np.where((times == most[:, None]) & (label >= 0), label, none).min(axis=1)
    return best, most


def _counted(around: Ids, member_at: Ints, rule: CentreRule, ground: Ground) -> Ints:
    """How many neighbours a majority is taken of: members, populated cells and land."""
    at = look_up(ground.cell_id, around)
    solid = np.where(at >= 0, ground.solid[at], rule.absent == "land") | (member_at >= 0)
    counted: Ints = (solid & (around != INVALID)).sum(axis=1)
    return counted


def _is_water(cell_id: Ids, rule: CentreRule, ground: Ground) -> Bools:
    at = look_up(ground.cell_id, cell_id)
    return np.where(at >= 0, ground.water[at], rule.absent == "water")


def fill(grid: SquareGrid, members: Members, rule: CentreRule) -> Members:
    """Fill the gaps that one cluster alone encloses and that are smaller than the rule's.

    A gap that holds a cell of another cluster, or touches one, lies between two centres and belongs to neither.
    """
    size_km2 = grid.cell_size_m**2 / 1e6
    most = int(np.ceil(rule.hole_km2 / size_km2 - 1e-9)) - 1
    if most < 1 or not len(members.label):
        return members
    row, col = grid.row_col(members.cell_id)
    found = holes(row, col, members.label, most=most, diagonal=rule.hole_contiguity == "queen")
    cell_id, label, hole = grid.from_row_col(found[0], found[1]), found[2], found[3]
    foreign = look_up(members.cell_id, cell_id) >= 0
    whole = ~np.isin(hole, hole[foreign])
    return members.with_more(cell_id[whole], label[whole])
