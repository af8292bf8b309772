"""Pycnophylactic: densities that run smoothly across borders, where nothing finer is known."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from civigrid.crosswalk import Crosswalk
from civigrid.grid import INVALID, Grid
from civigrid.kernels.pycnophylactic import smooth_density
from civigrid.project.methods.base import Layer, Weigh
from civigrid.project.methods.dasymetric import reweight
from civigrid.types import Floats, Ids, Ints


def pycnophylactic(*, tolerance: float = 1e-3, iterations: int = 200) -> Weigh:
    """Spread counts by a smooth density that keeps every unit's total.

    Parameters
    ----------
    tolerance : float
        Stop when no density changes by more than this share of the largest.
    iterations : int
        Stop after so many in any case.

    Notes
    -----
    W. R. Tobler (1979), J. Am. Stat. Assoc. 74, 519-530.  Smoothing sees each cell in the unit that shares most with
    it; the smooth density then weighs the crosswalk, so that totals are exact for cells on borders too.
    """
    return partial(_weigh, tolerance, iterations)


def _weigh(tolerance: float, iterations: int, crosswalk: Crosswalk, counts: Floats) -> Crosswalk:
    label = largest_unit(crosswalk)
    known = np.isfinite(counts)
    label = np.where((label >= 0) & known[label], label, -1)
    around = adjacent(crosswalk.grid, crosswalk.cell_id)
    totals = np.where(known, counts, 0.0)
    smooth, made = smooth_density(label, totals, around, tolerance=tolerance, iterations=iterations)
    # a unit without a count has no density to be smooth with: it keeps its area
    smooth[label < 0] = smooth.mean() or 1.0
    layer = Layer("smooth density", crosswalk.grid, crosswalk.cell_id, smooth)
    found = reweight(crosswalk, layer)
    return replace(found, method=f"{crosswalk.method}, pycnophylactic ({made} iterations)")


def largest_unit(crosswalk: Crosswalk) -> Ints:
    """Row of the unit that shares most with each cell, shape (cell,); -1 where none does, ties to the first."""
    pairs = crosswalk.measure.tocsc()
    column = np.repeat(np.arange(pairs.shape[1]), np.diff(pairs.indptr))
    order = np.lexsort((pairs.indices, -pairs.data, column))
    first = order[np.flatnonzero(np.diff(column[order], prepend=-1))]
    label = np.full(pairs.shape[1], -1, dtype=np.int64)
    label[column[first]] = pairs.indices[first]
    return label


def adjacent(grid: Grid, cell_id: Ids) -> Ints:
    """Places, among sorted ids, of the cells that share a side, shape (cell, k); -1 where there is none."""
    ring = grid.neighbours(cell_id)
    # of the eight squares around a square, those after each corner share a side
    sides = ring[:, 1::2] if ring.shape[1] == 8 else ring
    at = np.minimum(np.searchsorted(cell_id, sides), max(len(cell_id) - 1, 0))
    found: Ints = np.where((sides != INVALID) & (cell_id[at] == sides), at, -1)
    return found
