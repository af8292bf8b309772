"""Dasymetric: where, within a unit, do its people live?  Ask a finer layer, and another one where that is empty."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from scipy import sparse

from civigrid.crosswalk import Crosswalk
from civigrid.errors import SchemaError
from civigrid.grid import Grid
from civigrid.kernels.group import group_sum
from civigrid.project.methods.base import Layer, Weigh
from civigrid.types import Floats

FAINT = 1e-9
"""Density of a step of the chain relative to the one before: felt only where the steps before hold nobody."""


def dasymetric(*layers: Layer) -> Weigh:
    """Spread counts by the first of `layers` that finds anyone in a unit, at last by area: no unit loses its people.

    Parameters
    ----------
    *layers : Layer
        In order of trust: people of a census, building volume, weighted land classes, a land mask.
    """
    if not layers:
        raise SchemaError(
            "dasymetric needs at least one layer to weigh by: name one (--weights FILE:VARIABLE), or spread by area."
        )
    return partial(_weigh, layers)


def _weigh(layers: tuple[Layer, ...], crosswalk: Crosswalk, counts: Floats) -> Crosswalk:  # noqa: ARG001
    return reweight(crosswalk, *layers)


def reweight(crosswalk: Crosswalk, *layers: Layer) -> Crosswalk:
    r"""Weigh a crosswalk of areas by amounts of the cells, as the population of a finer census.

    The measure that unit *i* and cell *j* share becomes :math:`p_j a_{ij} / a_j`, the people of the cell who live in
    the overlap if they are spread evenly over the cell.  A unit in which a layer finds nobody is asked of the next
    layer, at last of area.

    Parameters
    ----------
    crosswalk : Crosswalk
        Area crosswalk.
    *layers : Layer
        Amounts on the same grid, in order of trust.

    Returns
    -------
    Crosswalk
        Measure in the units of the first layer; the part of a unit outside the grid keeps its share of the unit's
        area.  `steps` names the layers, `step` says which one each unit was spread by.

    Notes
    -----
    J. K. Wright (1936), A method of mapping densities of population, Geogr. Rev. 26, 103-110.
    """
    area = crosswalk.measure
    n = area.shape[0]
    in_rows = np.repeat(np.arange(n), np.diff(area.indptr))
    measure, step = np.zeros(len(area.data)), np.full(n, len(layers))
    for k, layer in enumerate(layers):
        density = _density(layer.on(crosswalk), crosswalk.cell_measure)
        weighted = area.data * density[area.indices]
        filled = (step == len(layers)) & (group_sum(in_rows, weighted, n) > 0)
        step[filled] = k
        measure = np.where(filled[in_rows], weighted * _faint(layers, k, crosswalk), measure)
    by_area = step == len(layers)
    measure = np.where(by_area[in_rows], area.data * _faint(layers, len(layers), crosswalk), measure)
    weighted_area = sparse.csr_array((measure, area.indices, area.indptr), shape=area.shape)
    placed = crosswalk.placed_share
    inside: Floats = np.asarray(weighted_area.sum(axis=1)).ravel()
    unit_measure = np.divide(inside, placed, out=np.zeros_like(inside), where=placed > 0)
    # a unit wholly outside the grid has no cell to ask: its area still says that it is outside, not nowhere
    unit_measure = np.where((placed == 0) & (crosswalk.unit_measure > 0), crosswalk.unit_measure, unit_measure)
    names = (*(layer.name for layer in layers), "area")
    fallen = int((by_area & (np.diff(area.indptr) > 0)).sum())
    return replace(
        crosswalk,
        measure=weighted_area,
        unit_measure=unit_measure,
        cell_measure=np.maximum(layers[0].on(crosswalk), group_sum(area.indices, measure, area.shape[1])),
        method=f"{crosswalk.method}, weighted by {', else '.join(names)} ({fallen} units by area)",
        unit_of_measure=layers[0].units,
        steps=names,
        step=step,
    )


def _density(amount: Floats, cell_measure: Floats) -> Floats:
    return np.divide(amount, cell_measure, out=np.zeros_like(amount), where=cell_measure > 0)


def _faint(layers: tuple[Layer, ...], k: int, crosswalk: Crosswalk) -> float:
    """What step `k` is multiplied by, so that its amounts lie far below those of the first layer where both meet."""
    if k == 0:
        return 1.0
    first = layers[0].on(crosswalk).sum() / max(crosswalk.cell_measure.sum(), 1.0)
    own = layers[k].on(crosswalk).sum() / max(crosswalk.cell_measure.sum(), 1.0) if k < len(layers) else 1.0
    return float(max(first, 1e-12) * FAINT / own) if own > 0 else 1.0


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
