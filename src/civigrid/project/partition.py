"""Whole cells to polygons: every cell goes to the polygon that holds its centre."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
from pyproj import CRS, Transformer
from scipy import sparse

from civigrid.crosswalk import ROUNDING, Crosswalk, covered_share
from civigrid.engine import Scheduler
from civigrid.grid import Grid
from civigrid.kernels.group import group_sum
from civigrid.kernels.winding import holds
from civigrid.project.geometry import rings_of
from civigrid.project.polygons import polygon_crosswalk
from civigrid.types import Bools, Floats, Ints

STEPS = ("centre", "largest overlap")
"""How a unit got its cells."""


def centre_partition(geometry: gpd.GeoSeries, grid: Grid, *, scheduler: Scheduler | None = None) -> Crosswalk:
    """Give every cell whole to the polygon that holds its centre: polygons that partition the land partition the cells.

    A centre on a border belongs to the polygon east of it, on a level border to the one north of it.  A unit too small
    to hold a centre would lose its people: it takes what it covers of the cell it covers most of, and the cell's owner
    keeps the rest.

    Parameters
    ----------
    geometry : geopandas.GeoSeries
        Valid polygons with a CRS, in which borders are straight; the index holds the unit ids.
    grid : Grid
        Square or H3 grid.
    scheduler : Scheduler, optional
        Where blocks of polygons are worked on.

    Returns
    -------
    Crosswalk
        Measure in m2, the whole cell where `step` is 0 (``"centre"``); `step` is 1 (``"largest overlap"``) for units
        that hold no centre.  A unit's measure is that of its cells.

    Raises
    ------
    SourceError
        As `polygon_crosswalk`.

    Examples
    --------
    >>> from civigrid.grid import SquareGrid
    >>> import shapely
    >>> box = gpd.GeoSeries([shapely.box(4_000_400, 3_000_000, 4_001_600, 3_001_000)], ["a"], crs="EPSG:3035")
    >>> centre_partition(box, SquareGrid(cell_size_m=1000)).measure.toarray()
    array([[1000000., 1000000.]])
    """
    areas = polygon_crosswalk(geometry, grid, scheduler=scheduler)
    n, cells = areas.measure.shape
    unit = np.repeat(np.arange(n), np.diff(areas.measure.indptr))
    column, area = areas.measure.indices.astype(np.int64), areas.measure.data
    held = _held(geometry, areas, unit, column)
    whole = np.where(held, areas.cell_measure[column], 0.0)
    small = _largest_overlap(unit, area, held, n)
    whole[small] = area[small]
    taken = group_sum(column[small], area[small], cells)
    whole[held] = np.maximum(whole[held] - taken[column[held]], 0.0)
    kept = whole > 0
    measure = sparse.csr_array((whole[kept], (unit[kept], column[kept])), shape=(n, cells))
    used = np.flatnonzero(np.bincount(column[kept], minlength=cells))
    step = np.zeros(n, dtype=np.int64)
    step[unit[small]] = 1
    return replace(
        areas,
        cell_id=areas.cell_id[used],
        measure=sparse.csr_array(measure[:, used]),
        unit_measure=group_sum(unit[kept], whole[kept], n),
        cell_measure=areas.cell_measure[used],
        covered=covered_share(group_sum(column[kept], whole[kept], cells)[used], areas.cell_measure[used]),
        method=f"centre of cell ({len(small)} units hold none: largest overlap)",
        steps=STEPS,
        step=step,
    )


def _held(geometry: gpd.GeoSeries, areas: Crosswalk, unit: Ints, column: Ints) -> Bools:
    """Which pairs are of a polygon and a cell whose centre it holds."""
    held = areas.measure.data >= (1 - ROUNDING) * areas.cell_measure[column]
    open_ = np.flatnonzero(~held)
    centre = areas.grid.centre(areas.cell_id[column[open_]])
    if CRS.from_user_input(areas.grid.crs) != geometry.crs:
        there = Transformer.from_crs(areas.grid.crs, geometry.crs, always_xy=True)
        centre = np.stack(there.transform(centre[:, 0], centre[:, 1]), axis=1)
    held[open_] = holds(rings_of(geometry), unit[open_], centre)
    return held


def _largest_overlap(unit: Ints, area: Floats, held: Bools, n: int) -> Ints:
    """The pair of largest area of each unit that holds no centre; the first of equal ones."""
    alone = np.flatnonzero(np.bincount(unit[held], minlength=n)[unit] == 0)
    order = alone[np.lexsort((-area[alone], unit[alone]))]
    return order[np.flatnonzero(np.diff(unit[order], prepend=-1))]
