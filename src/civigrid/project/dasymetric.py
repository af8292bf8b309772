"""The first dasymetric step: where, within a unit, do its people live?  Ask a finer layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr
from scipy import sparse

from civigrid.cells import grid_of, ids_of, values_of
from civigrid.crosswalk import Crosswalk
from civigrid.errors import GridMismatchError
from civigrid.grid import Grid
from civigrid.kernels.group import group_sum
from civigrid.types import Floats

FAINT = 1e-9
"""Density given to cells without people, relative to the mean: only units that hold no people at all feel it."""


def reweight(crosswalk: Crosswalk, cells: xr.Dataset, variable: str) -> Crosswalk:
    r"""Weigh a crosswalk by a count of the cells, as the population of a finer census.

    The measure that unit *i* and cell *j* share becomes :math:`p_j a_{ij} / a_j`, the people of the cell who live in
    the overlap if they are spread evenly over the cell.  A unit in which nobody lives falls back to area, so that no
    one is lost; the method names how many did.

    Parameters
    ----------
    crosswalk : Crosswalk
        Area crosswalk.
    cells : xarray.Dataset
        Cells of the same grid.
    variable : str
        Count to weigh by; a missing value weighs nothing.

    Returns
    -------
    Crosswalk
        Measure in persons; the part of a unit outside the grid keeps its share of the unit's area.

    Notes
    -----
    J. K. Wright (1936), A method of mapping densities of population, Geogr. Rev. 26, 103-110.
    """
    if grid_of(cells) != crosswalk.grid:
        raise GridMismatchError(f"weights lie on {grid_of(cells).id}, the crosswalk on {crosswalk.grid.id}.")
    people = _aligned(crosswalk, cells, variable)
    mean = people.sum() / max(crosswalk.cell_measure.sum(), 1.0)
    area = crosswalk.measure
    density = np.divide(people, crosswalk.cell_measure, out=np.zeros_like(people), where=crosswalk.cell_measure > 0)
    in_rows = np.repeat(np.arange(area.shape[0]), np.diff(area.indptr))
    weighted = area.data * density[area.indices]
    empty = (group_sum(in_rows, weighted, area.shape[0]) == 0) & (np.diff(area.indptr) > 0)
    faint = np.where(empty[in_rows], area.data * max(mean, 1.0) * FAINT, 0.0)
    measure = sparse.csr_array((weighted + faint, area.indices, area.indptr), shape=area.shape)
    placed = crosswalk.placed_share
    inside = np.asarray(measure.sum(axis=1)).ravel()
    unit_measure = np.divide(inside, placed, out=np.zeros_like(inside), where=placed > 0)
    # a unit wholly outside the grid has no cell to ask: its area still says that it is outside, not nowhere
    unit_measure = np.where((placed == 0) & (crosswalk.unit_measure > 0), crosswalk.unit_measure, unit_measure)
    return replace(
        crosswalk,
        measure=measure,
        unit_measure=unit_measure,
        cell_measure=np.maximum(people, np.asarray(measure.sum(axis=0)).ravel()),
        method=f"{crosswalk.method}, weighted by {variable} ({int(empty.sum())} units by area, where it is zero)",
        unit_of_measure="persons",
    )


def _aligned(crosswalk: Crosswalk, cells: xr.Dataset, variable: str) -> Floats:
    """Values of `variable` for the crosswalk's cells; 0 where the layer has no such cell."""
    ids = ids_of(cells)
    at = np.minimum(np.searchsorted(ids, crosswalk.cell_id), len(ids) - 1)
    found = ids[at] == crosswalk.cell_id
    people: Floats = np.where(found, np.nan_to_num(values_of(cells, variable)[at]), 0.0)
    return people


def coarsen_crosswalk(crosswalk: Crosswalk, coarser: Grid) -> Crosswalk:
    """Add up a crosswalk's cells to a coarser level: weights found at 100 m serve at 1 km.

    The measure of a coarse cell is that of the fine cells the crosswalk knows.
    """
    parent, column = np.unique(crosswalk.grid.parent(crosswalk.cell_id, coarser), return_inverse=True)
    pairs = crosswalk.measure.tocoo()
    shape = (len(crosswalk.unit_id), len(parent))
    measure = sparse.csr_array(sparse.coo_array((pairs.data, (pairs.row, column[pairs.col])), shape=shape))
    measure.sum_duplicates()
    area = coarser.area_km2(parent)
    known = group_sum(column, crosswalk.cell_measure, len(parent))
    part = crosswalk.covered * crosswalk.grid.area_km2(crosswalk.cell_id)
    return replace(
        crosswalk,
        grid=coarser,
        cell_id=parent,
        measure=measure,
        cell_measure=area * 1e6 if crosswalk.unit_of_measure == "m2" else known,
        covered=group_sum(column, part, len(parent)) / area,
    )
