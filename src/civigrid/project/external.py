"""Compare a projection with a grid somebody else published: patterns, since definitions and dates differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from civigrid.cells import ids_of, is_missing, status_of, values_of
from civigrid.crosswalk import Crosswalk
from civigrid.engine import Scheduler
from civigrid.kernels.dirichlet import interval_holds
from civigrid.kernels.errors_of import allocation_errors
from civigrid.project.draws import draw_matrix
from civigrid.project.holdout import DENSITY_CLASSES, LEVEL, calibrated_concentration, class_name, folds_of
from civigrid.project.methods.base import lookup
from civigrid.result_table import parameters
from civigrid.source import Source
from civigrid.types import Bools, Floats

COMPARED = 0.999
"""Cells are compared where units cover at least this share of them."""


def external_rows(
    source: Source,
    weighed: Mapping[str, Callable[[Floats], Crosswalk]],
    reference: xr.Dataset,
    pairs: Mapping[str, str],
    *,
    density: str = "",
    n: int = 200,
    seed: int = 0,
    folds: int = 2,
    scheduler: Scheduler | None = None,
) -> Iterator[dict[str, Any]]:
    """Project counts to the cells of a published grid and say how far the patterns are apart.

    Parameters
    ----------
    source : Source
        Counts by area.
    weighed : mapping of str to callable
        By method: counts to the crosswalk that spreads them, on the grid of `reference`.
    reference : xarray.Dataset
        The published cells.
    pairs : mapping of str to str
        Count of the source to the variable of `reference` it is compared with.
    density : str
        Variable of `reference` whose density makes the classes; empty: none.
    n, seed, folds, scheduler
        As `civigrid.project.holdout.holdout_rows` takes them; folds are of cells.

    Yields
    ------
    dict
        Rows of a result table, topic ``validation``, rung V4.  Both sides are brought to one total, that of the
        reference over the compared cells; ``total_ratio`` says how far they were apart.  A cell the reference
        withholds is left out.
    """
    for method, weigh in weighed.items():
        for name, theirs in pairs.items():
            counts = np.nan_to_num(source.table[name].to_numpy(dtype=np.float64))
            crosswalk = weigh(counts)
            truth, inside = _reference(reference, theirs, crosswalk)
            raw = crosswalk.apply_extensive(counts)
            ratio = float(truth[inside].sum() / raw[inside].sum())
            estimate = raw * ratio
            held = _held(crosswalk, name, counts * ratio, np.where(inside, truth, np.nan), (n, seed, folds), scheduler)
            for label, rows in _classes(reference, density, crosswalk, inside):
                figures = allocation_errors(estimate[rows], truth[rows])
                figures |= {"coverage_90": float(held[rows & (estimate > 0)].mean())} if n else {}
                figures |= {"total_ratio": ratio} if label == "all" else {}
                about = parameters(
                    rung="V4", method=method, grid=crosswalk.grid.id, density_class=label, reference=theirs
                )
                common = {"zone": "all", "topic": "validation", "groups": name, "parameters": about}
                count, persons = int(rows.sum()), float(truth[rows].sum())
                for index, figure in figures.items():
                    yield {**common, "index": index, "estimate": figure, "persons": persons, "cells": count}


def _reference(reference: xr.Dataset, name: str, crosswalk: Crosswalk) -> tuple[Floats, Bools]:
    """Published counts at the cells of a crosswalk, and which are compared."""
    ids, wanted = ids_of(reference), crosswalk.cell_id
    truth = lookup(ids, np.nan_to_num(values_of(reference, name)), wanted, absent=0.0)
    withheld = lookup(ids, is_missing(status_of(reference, name)).astype(np.float64), wanted, absent=0.0) > 0
    return truth, (crosswalk.covered >= COMPARED) & ~withheld


def _held(
    crosswalk: Crosswalk,
    name: str,
    counts: Floats,
    truth: Floats,
    drawing: tuple[int, int, int],
    scheduler: Scheduler | None,
) -> Floats:
    """Whether the 90 % interval of each cell holds the published count, by a concentration learned on other cells."""
    n, seed, folds = drawing
    held = np.zeros(len(truth))
    if not n:
        return held
    fold = folds_of(crosswalk.cell_id, folds)
    for k in range(folds):
        others = np.where(fold != k, truth, np.nan)
        alpha = calibrated_concentration(crosswalk, np.rint(counts), others, name, seed=seed + 1)
        draws = draw_matrix(np.rint(counts), crosswalk, name, alpha, n=n, seed=seed, scheduler=scheduler).T
        found = interval_holds(draws, np.nan_to_num(truth), LEVEL, np.random.default_rng([seed, k]))
        held = np.where(fold == k, found, held)
    return held


def _classes(reference: xr.Dataset, density: str, crosswalk: Crosswalk, inside: Bools) -> Iterator[tuple[str, Bools]]:
    yield "all", inside
    if not density:
        return
    persons, _ = _reference(reference, density, crosswalk)
    per_km2 = persons / crosswalk.grid.area_km2(crosswalk.cell_id)
    for low, high in DENSITY_CLASSES:
        rows = inside & (per_km2 >= low) & (per_km2 < high)
        if rows.any():
            yield class_name(low, high), rows
