"""Polygons to cells by exact area: squares by the sweep, hexagons by `project.hexagons`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy import sparse

from civigrid.crosswalk import Crosswalk, covered_share
from civigrid.engine import Block, Scheduler, map_blocks
from civigrid.engine.reduction import Columns
from civigrid.errors import SourceError, first_few
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.kernels.pairs import Matrix, mark_places, matrix_of_runs
from civigrid.kernels.sweep import Coverage, Rings, coverage, expand_runs
from civigrid.project.geometry import equal_area_plane, rings_of, to_plane
from civigrid.project.hexagons import hexagon_areas, mean_area_m2
from civigrid.types import Bools, Floats, Ids, Ints

R = TypeVar("R")
CORNERS_PER_BLOCK = 200_000
"""Corners of polygons (and hexagons, where they are the cells) that one task works on."""
MOST_BLOCKS = 4_000
BOX_CELLS_PER_PAIR = 8
"""A box with fewer places than this per pair is filled to number the cells; in a larger one they are sorted."""
AREA_ERROR = 1e-9
"""Hexagons' shares of a polygon may miss its area by this much of it; more means that something was lost."""


def polygon_crosswalk(geometry: gpd.GeoSeries, grid: Grid, *, scheduler: Scheduler | None = None) -> Crosswalk:
    """Give the area that each polygon shares with each cell, exact in float64.

    Parameters
    ----------
    geometry : geopandas.GeoSeries
        Valid polygons or multipolygons with a CRS; the index holds the unit ids.  Missing or empty ones are kept,
        with measure 0: what they carry is reported as unplaceable.  Polygons may overlap: `Crosswalk.overlap` tells.
    grid : Grid
        Square or H3 grid.
    scheduler : Scheduler, optional
        Where blocks of polygons are worked on; no result depends on it.

    Returns
    -------
    Crosswalk
        Measure in m2; for squares in the grid's own plane, for H3 in an equal-area plane, in which a unit's shares
        sum to 1 within 1e-12 and the parts of a cell to the cell.

    Raises
    ------
    SourceError
        No CRS, no polygons, or rings that overlap or cross.

    Examples
    --------
    >>> box = gpd.GeoSeries([shapely.box(4_000_500, 3_000_000, 4_001_500, 3_001_000)], ["a"], crs="EPSG:3035")
    >>> polygon_crosswalk(box, SquareGrid(cell_size_m=1000)).measure.toarray()
    array([[500000., 500000.]])
    """
    if not isinstance(grid, SquareGrid | H3Grid):
        raise TypeError(f"grid must be a SquareGrid or an H3Grid, got {type(grid).__name__}")
    plane = to_plane(geometry, grid.crs if isinstance(grid, SquareGrid) else equal_area_plane(geometry))
    with _refusing_invalid(geometry):
        rings = rings_of(plane)
        if isinstance(grid, SquareGrid):
            cells, cell_measure, matrix = _square_matrix(_swept(rings, grid, scheduler, plane.index), grid, len(plane))
            within, cell_area = _within(plane, grid), float(grid.cell_size_m) ** 2
        else:
            cells, cell_measure, matrix = _hexagon_matrix(plane, rings, grid, scheduler)
            within, cell_area = np.ones(len(plane), dtype=bool), mean_area_m2(grid)
        made_from = {"geometry": _digest(rings if plane is geometry else rings_of(geometry))}
    measure = sparse.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(len(plane), len(cells)))
    return Crosswalk(
        grid=grid,
        unit_id=geometry.index.to_numpy(),
        cell_id=cells,
        measure=measure,
        unit_measure=_unit_areas(plane, measure.sum(axis=1), within, cell_area),
        cell_measure=cell_measure,
        covered=covered_share(matrix.column_sum, cell_measure),
        method="area",
        made_from=made_from,
    )


def square_coverage(geometry: gpd.GeoSeries, grid: SquareGrid, scheduler: Scheduler | None = None) -> Coverage:
    """Give the exact share of each square cell that each polygon covers, as runs of cells.

    A large polygon on a fine grid is a few runs per row, where pairs would be millions.

    Parameters
    ----------
    geometry : geopandas.GeoSeries
        Valid polygons; reprojected to the grid's plane where they lie in another.
    grid : SquareGrid
        Cells beyond its bounds are left out.
    scheduler : Scheduler, optional
        Where to sweep, in blocks of polygons; no result depends on it.

    Returns
    -------
    Coverage
        `polygon` counts the rows of `geometry`.

    Raises
    ------
    SourceError
        Rings overlap or cross; their ids are named.
    """
    plane = to_plane(geometry, grid.crs)
    with _refusing_invalid(geometry):
        return _swept(rings_of(plane), grid, scheduler, plane.index)


def _swept(rings: Rings, grid: SquareGrid, scheduler: Scheduler | None, ids: pd.Index) -> Coverage:
    work = partial(_covered_cells, grid)
    if scheduler is None or not len(rings.polygon):
        found = work(rings)
    else:
        found = Coverage(*_joined(_in_blocks(rings, _corners(rings), work, scheduler), scheduler))
    _refuse(ids[found.invalid], "their coverage lies outside [0, 1]")
    return found


def _covered_cells(grid: SquareGrid, rings: Rings) -> Coverage:
    return _clipped(coverage(rings, grid.cell_size_m), grid)


def _hexagon_matrix(
    plane: gpd.GeoSeries, rings: Rings, grid: H3Grid, scheduler: Scheduler | None
) -> tuple[Ids, Floats, Matrix]:
    """Give the sorted cells, their areas, and the area of every pair as a matrix."""
    if not len(rings.polygon):
        none = np.empty(0, dtype=np.int64)
        matrix = matrix_of_runs(none, none, none, np.empty(0), none, (len(plane), 0))
        return none.astype(np.uint64), np.empty(0), matrix
    # a hexagon costs about as much as four corners
    expected = np.nan_to_num(plane.area.to_numpy())[np.unique(rings.polygon)] / mean_area_m2(grid)
    work = partial(hexagon_areas, grid=grid, crs=plane.crs.to_string())
    scheduler = scheduler or Scheduler("serial")
    parts = _in_blocks(rings, _corners(rings) + 4 * expected, work, scheduler)
    unit, cell, area, whole, invalid = _joined(parts, scheduler)
    _refuse(plane.index[invalid], "their coverage lies outside [0, 1]")
    cells, first, column = np.unique(cell, return_index=True, return_inverse=True)
    one = np.ones(len(unit), dtype=np.int64)
    matrix = matrix_of_runs(unit, column, one, area, np.arange(len(cells)), (len(plane), len(cells)))
    return cells, whole[first], matrix


def _within(plane: gpd.GeoSeries, grid: SquareGrid) -> Bools:
    """Which shapes lie wholly within the grid's bounds."""
    box = plane.bounds.to_numpy()
    within: Bools = (box[:, :2] >= grid.bounds_m[:2]).all(axis=1) & (box[:, 2:] <= grid.bounds_m[2:]).all(axis=1)
    return within


def _unit_areas(plane: gpd.GeoSeries, found: Floats, within: Bools, cell_area: float) -> Floats:
    """Area of each unit: of one that lies within the grid, the sum of its parts, so that its shares sum to 1.

    Raises `SourceError` where parts and whole differ by more than rounding.
    """
    area = np.nan_to_num(plane.area.to_numpy())
    box = plane.bounds.to_numpy()
    # what GEOS knows of the area of a needle is as coarse as its box is large; parts are as coarse as their cell
    rounding = AREA_ERROR * area + 1e-12 * (np.nan_to_num(((box[:, 2:] - box[:, :2]) ** 2).sum(axis=1)) + cell_area)
    _refuse(plane.index[within & (np.abs(found - area) > rounding)], "their parts in cells do not add up to them")
    areas: Floats = np.where(within & (found > 0), found, area)
    return areas


@contextmanager
def _refusing_invalid(geometry: gpd.GeoSeries) -> Iterator[None]:
    """Ask GEOS beside the work: areas cannot tell all that is wrong, the lobes of a bow-tie within one cell cancel."""
    shapes = geometry.to_numpy()
    with ThreadPoolExecutor(1) as aside:
        valid = aside.submit(shapely.is_valid, shapes)
        try:
            yield
        finally:
            wrong = np.flatnonzero(~valid.result() & ~shapely.is_missing(shapes))
            _refuse(geometry.index[wrong], str(shapely.is_valid_reason(shapes[wrong[0]])) if len(wrong) else "")


def _refuse(ids: npt.ArrayLike, reason: str) -> None:
    ids = np.asarray(ids)
    if len(ids):
        raise SourceError(
            f"{len(ids)} polygons have rings that overlap or cross (first: {first_few(ids)}; {reason}). "
            "Read them with civigrid's readers, which repair and report, or call .make_valid()."
        )


# --- blocks of polygons ---

_SHELL, _HOLE = 1, 2
"""Marks of the first corner of a ring, in the table that workers read."""


def _corners(rings: Rings) -> Ints:
    """Corners of each polygon that has any."""
    first = np.flatnonzero(np.diff(rings.polygon, prepend=-1))
    return np.diff(np.append(rings.start[first], rings.start[-1]))


def _in_blocks(rings: Rings, cost: npt.NDArray[np.number], work: Callable[[Rings], R], scheduler: Scheduler) -> list[R]:
    """Work on blocks of whole polygons; workers read coordinates, never shapes."""
    count, ring_start = np.diff(rings.start), rings.start[:-1]
    mark = np.zeros(len(rings.xy), dtype=np.uint8)
    mark[ring_start] = np.where(rings.hole, _HOLE, _SHELL)
    polygon = np.repeat(rings.polygon.astype(np.int32), count)
    table: Columns = {"x": rings.xy[:, 0], "y": rings.xy[:, 1], "mark": mark, "polygon": polygon}
    ends = np.cumsum(cost)
    step = max(CORNERS_PER_BLOCK, float(ends[-1]) / MOST_BLOCKS)
    # a block begins with the polygon in which the cost passes a multiple of the step
    begins = np.flatnonzero(np.diff(np.floor((ends - cost) / step), prepend=-1.0))
    first = rings.start[np.flatnonzero(np.diff(rings.polygon, prepend=-1))]
    starts = first[begins]
    stops = np.append(starts[1:], len(mark))
    blocks = [Block(0, int(a), int(b)) for a, b in zip(starts, stops, strict=True)]
    return map_blocks(partial(_on_rings, work), table, blocks, scheduler)


def _on_rings(work: Callable[[Rings], R], table: Columns) -> R:
    first = np.flatnonzero(table["mark"])
    xy = np.stack([table["x"], table["y"]], axis=1)
    polygon = table["polygon"][first].astype(np.int64)
    return work(Rings(xy, np.append(first, len(xy)), polygon, table["mark"][first] == _HOLE))


def _joined(parts: Sequence[tuple[npt.NDArray[Any], ...]], scheduler: Scheduler) -> list[npt.NDArray[Any]]:
    """Put the results of blocks one behind the other, column by column, on as many threads as there are workers."""
    stops = np.cumsum([[len(column) for column in part] for part in parts], axis=0)
    whole = [np.empty(n, column.dtype) for n, column in zip(stops[-1], parts[0], strict=True)]

    def put(k: int) -> None:
        for column, part, stop in zip(whole, parts[k], stops[k], strict=True):
            column[stop - len(part) : stop] = part

    with ThreadPoolExecutor(scheduler.n_workers if scheduler.kind != "serial" else 1) as pool:
        list(pool.map(put, range(len(parts))))
    return whole


def _clipped(found: Coverage, grid: SquareGrid) -> Coverage:
    """Runs within the grid's bounds."""
    west, south, east, north = (int(b // grid.cell_size_m) for b in grid.bounds_m)
    col, stop = np.maximum(found.col, west), np.minimum(found.stop, east)
    kept = (stop > col) & (found.row >= south) & (found.row < north)
    if kept.all() and (col == found.col).all() and (stop == found.stop).all():
        return found
    return Coverage(found.polygon[kept], found.row[kept], col[kept], stop[kept], found.share[kept], found.invalid)


def geometry_digest(geometry: gpd.GeoSeries) -> str:
    """SHA-256 of the shapes, in order: names what a crosswalk was made from."""
    return _digest(rings_of(geometry))


def _digest(rings: Rings) -> str:
    found = sha256()
    for array in rings:
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _square_matrix(found: Coverage, grid: SquareGrid, n_units: int) -> tuple[Ids, Floats, Matrix]:
    """Give the sorted cells, their areas, and the area of every pair as a matrix."""
    unit, row, col, stop, share = found.polygon, found.row, found.col, found.stop, found.share
    cell_area = float(grid.cell_size_m) ** 2
    area = share * cell_area
    if not len(unit):
        return np.empty(0, dtype=np.uint64), np.empty(0), matrix_of_runs(unit, unit, unit, area, unit, (n_units, 0))
    length = stop - col
    south, west = row.min(), col.min()
    width, height = int(stop.max() - west), int(row.max() - south) + 1
    if width * height > BOX_CELLS_PER_PAIR * int(length.sum()) + 1_000_000:
        unit, row, col, area = expand_runs(found._replace(share=area))
        cells, column = np.unique(grid.from_row_col(row, col), return_inverse=True)
        one = np.ones(len(unit), dtype=np.int64)
        matrix = matrix_of_runs(unit, column, one, area, np.arange(len(cells)), (n_units, len(cells)))
        return cells, np.full(len(cells), cell_area), matrix
    # a box of places is quicker than a sort of all pairs
    used = mark_places(row - south, col - west, stop - west, width, height)
    ids = grid.from_row_col(used // width + south, used % width + west)
    order = np.argsort(ids)
    column = np.empty(width * height, dtype=np.int64)
    column[used[order]] = np.arange(len(used))
    place = (row - south) * width + (col - west)
    matrix = matrix_of_runs(unit, place, length, area, column, (n_units, len(ids)))
    return ids[order], np.full(len(ids), cell_area), matrix
