"""Hide the finest level: add fine counts up to units, project them back, and compare with what was hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy import sparse

from civigrid.cells import column_of, ids_of, values_of
from civigrid.crosswalk import Crosswalk
from civigrid.engine import Scheduler
from civigrid.errors import GridMismatchError
from civigrid.grid import Grid, SquareGrid
from civigrid.kernels.dirichlet import estimate_concentration, interval_holds, shortest_interval
from civigrid.kernels.errors_of import allocation_errors
from civigrid.kernels.group import group_sum
from civigrid.project.draws import draw_matrix
from civigrid.project.methods import Weigh, coarsen_crosswalk
from civigrid.project.methods.base import lookup
from civigrid.project.methods.pycnophylactic import largest_unit
from civigrid.project.polygons import polygon_crosswalk
from civigrid.project.whole import unit_keys
from civigrid.result_table import parameters
from civigrid.source import Source
from civigrid.types import Floats, Ids, Ints

LEVEL = 0.9
"""Intervals hold this share of the draws."""
STEPS, BISECTIONS, TRIAL_DRAWS = 12, 5, 80
"""Concentrations tried from even to uneven, then between two, and draws for each, to bring coverage to `LEVEL`."""
LEAST_COVERED = 0.5
"""A cell belongs to the unit that shares most with it, if units cover at least this share of it."""
DENSITY_CLASSES = ((0.0, 300.0), (300.0, 1500.0), (1500.0, 5000.0), (5000.0, np.inf))
"""Persons per km2 of a unit: the degree of urbanisation's thresholds, and one above for the inner city."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Counts by fine cell, hidden in the units they were added up to.

    Parameters
    ----------
    source : Source
        Units with the sums of their cells.
    areas : Crosswalk
        Whole cells by unit: each cell lies in one unit.
    truth : mapping of str to ndarray of float64, shape (cell,)
        What each cell of `areas` held.
    """

    source: Source
    areas: Crosswalk
    truth: Mapping[str, Floats]

    @property
    def unit(self) -> Ints:
        """Row of the unit of each cell, shape (cell,)."""
        return np.asarray(self.areas.measure.tocsc().indices, dtype=np.int64)


def hide_finest(cells: xr.Dataset, geometry: gpd.GeoSeries, grid: Grid, groups: Sequence[str]) -> HeldOut:
    """Add counts of cells up to the units that hold most of each cell.

    Parameters
    ----------
    cells : xarray.Dataset
        Fine counts on `grid`; a cell that is absent holds nobody, a missing value counts as nobody.
    geometry : geopandas.GeoSeries
        Polygons of the units.
    grid : Grid
        The grid of `cells`.
    groups : sequence of str
        Counts to hide.

    Returns
    -------
    HeldOut
        Mass is that of the cells that units cover by at least `LEAST_COVERED`.
    """
    shared = polygon_crosswalk(geometry, grid)
    owner = largest_unit(shared)
    inside = (owner >= 0) & (shared.covered >= LEAST_COVERED)
    ids, owner = shared.cell_id[inside], owner[inside]
    area = grid.area_km2(ids) * 1e6
    shape = (len(shared.unit_id), len(ids))
    measure = sparse.csr_array(sparse.coo_array((area, (owner, np.arange(len(ids)))), shape=shape))
    unit_measure: Floats = np.asarray(measure.sum(axis=1)).ravel()
    areas = replace(
        shared,
        cell_id=ids,
        measure=measure,
        unit_measure=unit_measure,
        cell_measure=area,
        covered=np.ones(len(ids)),
        method="area, whole cells",
    )
    truth = {g: on_cells(cells, g, ids) for g in groups}
    table = pd.DataFrame(
        {g: group_sum(owner, t, shape[0]) for g, t in truth.items()}, index=[str(u) for u in shared.unit_id]
    )
    about = {g: column_of(cells[g]) for g in groups}
    return HeldOut(Source(name="hidden", table=table, columns=about, geometry=geometry), areas, truth)


def on_cells(cells: xr.Dataset, name: str, ids: Ids) -> Floats:
    """Counts of some cells, 0 where a cell is absent or its value missing."""
    return lookup(ids_of(cells), np.nan_to_num(values_of(cells, name)), ids, absent=0.0)


def folds_of(unit_id: Any, n: int) -> Ints:
    """Fold of each unit, by its id: the same whatever other units there are."""
    folds: Ints = (unit_keys(unit_id) % np.uint64(n)).astype(np.int64)
    return folds


def concentrations(held: HeldOut, level: Crosswalk, group: str, *, folds: int = 2) -> Floats:
    """Concentration of each fold, learned from the units of the other folds, shape (fold,).

    Parameters
    ----------
    held : HeldOut
        What is known of the cells.
    level : Crosswalk
        `held.areas` with the weights of a method, on its own grid or `coarsened`: people scatter more evenly over
        large cells than a concentration found on small ones would say.
    group : str
        Which count.
    folds : int
        Parts the units are cut into; 1: learned from all units, for use elsewhere.
    """
    pairs = level.shares().tocsr()
    unit = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
    counts = _pair_truth(held, level, group, unit, pairs.indices)
    known = held.source.table[group].to_numpy(dtype=np.float64)[unit] > 0
    fold = folds_of(level.unit_id, folds)[unit]
    found = []
    for k in range(folds):
        learn = known & ((fold != k) | (folds == 1))
        found.append(estimate_concentration(unit[learn], counts[learn], pairs.data[learn]))
    return np.array(found)


def _pair_truth(held: HeldOut, level: Crosswalk, group: str, unit: Ints, column: npt.NDArray[np.integer]) -> Floats:
    """What was hidden, by pair of unit and cell of a level, shape (pair,)."""
    where = (held.unit, _parents(held, level))
    shape = (len(level.unit_id), len(level.cell_id))
    table = sparse.csr_array(sparse.coo_array((held.truth[group], where), shape=shape))
    found: Floats = np.asarray(table[unit, column]).ravel()
    return found


def _parents(held: HeldOut, level: Crosswalk) -> Ints:
    """Place, among the cells of a level, of each hidden cell."""
    ids = held.areas.cell_id
    return np.searchsorted(
        level.cell_id, ids if level.grid == held.areas.grid else held.areas.grid.parent(ids, level.grid)
    )


def coarsened(held: HeldOut, weighed: Crosswalk, coarser: Grid) -> tuple[Crosswalk, dict[str, Floats]]:
    """Give weights and truth on a coarser level, where a cell may belong to several units."""
    if coarser == weighed.grid:
        return weighed, dict(held.truth)
    found = coarsen_crosswalk(weighed, coarser)
    parent = _parents(held, found)
    return found, {g: group_sum(parent, t, len(found.cell_id)) for g, t in held.truth.items()}


def calibrated_concentration(crosswalk: Crosswalk, counts: Floats, truth: Floats, name: str, *, seed: int = 0) -> float:
    """Concentration under which the 90 % intervals of draws hold nine of ten of the cells that are known.

    Serves where a cell belongs to several units, so that the truth by unit and cell is not known, or where units
    scatter together: a likelihood of independent units would promise too much.

    Parameters
    ----------
    crosswalk : Crosswalk
        Weights.
    counts : ndarray of float64, shape (unit,)
        Whole persons.
    truth : ndarray of float64, shape (cell,)
        What was counted; NaN is left out.
    name : str
        Of the column: part of the seed of every unit.
    seed : int
        Of the draws, the same for every concentration tried.

    Returns
    -------
    float
        The largest that holds so many: the larger the concentration, the narrower the intervals.
    """
    known = np.isfinite(truth) & (crosswalk.apply_extensive(counts) > 0)

    def held(log_alpha: float) -> float:
        draws = draw_matrix(counts, crosswalk, name, float(np.exp(log_alpha)), n=TRIAL_DRAWS, seed=seed)
        inside = interval_holds(draws.T[known], truth[known], LEVEL, np.random.default_rng(seed))
        return float(inside.mean())

    # from even to uneven: very uneven draws put everyone in one cell, and hold little again
    steps = np.linspace(np.log(1e5), np.log(1e-2), STEPS)
    shares: list[float] = []
    for step in steps:
        shares.append(held(float(step)))
        if shares[-1] >= LEVEL:
            break
    best = int(np.argmax(shares))
    if shares[best] < LEVEL or best == 0:
        return float(np.exp(steps[best]))
    low, high = float(steps[best]), float(steps[best - 1])
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if held(middle) >= LEVEL else (low, middle)
    return float(np.exp(low))


def holdout_rows(
    held: HeldOut,
    methods: Mapping[str, Weigh],
    *,
    grids: Sequence[Grid] = (),
    n: int = 200,
    seed: int = 0,
    density: Floats | None = None,
    folds: int = 2,
    scheduler: Scheduler | None = None,
    announce: Callable[[str], None] = lambda _: None,
) -> Iterator[dict[str, Any]]:
    """Project the hidden counts back by several methods and say how far off each is, group by group.

    Parameters
    ----------
    held : HeldOut
        What was hidden.
    methods : mapping of str to Weigh
        Ways to spread counts, by name.
    grids : sequence of Grid
        Levels to compare on, the hidden one or coarser; by default the hidden one.
    n : int
        Draws for the coverage of the 90 % interval; 0: none.
    seed : int
        Of draws and ties.
    density : ndarray of float64, shape (unit,), optional
        Persons per km2 of each unit, for errors by density class.
    folds : int
        The concentration of a unit is learned from the units of the other folds alone.
    scheduler : Scheduler, optional
        Where to draw; no result depends on it.
    announce : callable
        Told of each method and group as it begins.

    Yields
    ------
    dict
        Rows of a result table, topic ``validation``: the errors of `allocation_errors`, ``coverage_90`` (the
        randomised central interval, which holds 90 % where the draws are right), ``coverage_90_whole`` (the shortest
        interval of whole persons, which holds more where counts are small), and ``concentration``.
    """
    for grid in grids:
        if grid != held.areas.grid and not isinstance(grid, SquareGrid):
            raise GridMismatchError(f"hidden cells of {held.areas.grid.id} have no exact parents on {grid.id}.")
    for method, weigh in methods.items():
        for group in held.truth:
            announce(f"{group} by {method}")
            weighed = weigh(held.areas, held.source.table[group].to_numpy(dtype=np.float64))
            for grid in grids or [weighed.grid]:
                level, truth = coarsened(held, weighed, grid)
                alpha = _learned(held, level, group, truth[group], folds, seed) if n else np.empty(0)
                drawn = _draws(held, level, group, alpha, n, seed, scheduler) if n else None
                yield from _rows(held, level, group, truth[group], drawn, alpha, (method, seed, density))


def _learned(held: HeldOut, level: Crosswalk, group: str, truth: Floats, folds: int, seed: int) -> Floats:
    """Concentration of each fold of units, learned without them: by likelihood, on coarser levels by coverage."""
    if level.grid == held.areas.grid:
        return concentrations(held, level, group, folds=folds)
    counts = held.source.table[group].to_numpy(dtype=np.float64)
    fold = folds_of(level.unit_id, folds)[largest_unit(level)]
    return np.array(
        [
            calibrated_concentration(level, counts, np.where(fold != k, truth, np.nan), group, seed=seed + 1)
            for k in range(folds)
        ]
    )


def _draws(
    held: HeldOut, level: Crosswalk, group: str, alpha: Floats, n: int, seed: int, scheduler: Scheduler | None
) -> Floats:
    """Draws by cell, shape (cell, draw): units of each fold by the concentration learned without them."""
    fold = folds_of(level.unit_id, len(alpha))
    counts = held.source.table[group].to_numpy(dtype=np.float64)
    total = np.zeros((n, len(level.cell_id)))
    for k, value in enumerate(alpha):
        mine = np.where(fold == k, counts, 0.0)
        total += draw_matrix(mine, level, group, float(value), n=n, seed=seed, scheduler=scheduler)
    return total.T.copy()


def _rows(
    held: HeldOut,
    level: Crosswalk,
    group: str,
    truth: Floats,
    drawn: Floats | None,
    alpha: Floats,
    setting: tuple[str, int, Floats | None],
) -> Iterator[dict[str, Any]]:
    method, seed, density = setting
    estimate = level.apply_extensive(held.source.table[group].to_numpy(dtype=np.float64))
    owner = largest_unit(level)
    classes = [("all", np.ones(len(truth), dtype=bool))]
    if density is not None:
        of_cell = density[owner]
        classes += [(class_name(low, high), (of_cell >= low) & (of_cell < high)) for low, high in DENSITY_CLASSES]
    coverage = {} if drawn is None else _coverage(drawn, truth, seed)
    for name, rows in classes:
        if not rows.any():
            continue
        figures = allocation_errors(estimate[rows], truth[rows])
        some = rows & (estimate > 0)
        figures |= {k: float(v[some].mean()) if some.any() else float("nan") for k, v in coverage.items()}
        if name == "all" and len(alpha):
            figures["concentration"] = float(np.exp(np.log(alpha).mean()))
        about = parameters(rung="V2", method=method, grid=level.grid.id, density_class=name)
        common = {"zone": "all", "topic": "validation", "groups": group, "parameters": about}
        for index, figure in figures.items():
            yield {**common, "index": index, "estimate": figure, "persons": truth[rows].sum(), "cells": int(rows.sum())}


def _coverage(drawn: Floats, truth: Floats, seed: int) -> dict[str, Floats]:
    low, high = shortest_interval(drawn, LEVEL)
    held = interval_holds(drawn, truth, LEVEL, np.random.default_rng(seed))
    return {"coverage_90": held, "coverage_90_whole": ((truth >= low) & (truth <= high)).astype(np.float64)}


def class_name(low: float, high: float) -> str:
    """Words for a density class."""
    return f"{low:,.0f} and more per km2" if np.isinf(high) else f"{low:,.0f} to {high:,.0f} per km2"
