"""Polygons to cells by exact area: squares by the sweep, hexagons by clipping what their edges cut."""

from __future__ import annotations

from functools import partial
from hashlib import sha256

import geopandas as gpd
import numpy as np
import shapely
from h3ronpy import vector
from scipy import sparse

from civigrid.crosswalk import Crosswalk
from civigrid.engine import Block, Scheduler, map_blocks
from civigrid.engine.reduction import Columns
from civigrid.errors import SourceError, first_few
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.kernels.group import group_sum
from civigrid.kernels.sweep import Coverage, Rings, coverage, expand_runs
from civigrid.project.geometry import equal_area_plane, rings_of, to_plane
from civigrid.types import Floats, Ids, Ints

BOX_CELLS_PER_PAIR = 8
"""A box with fewer places than this per pair is filled to number the cells; in a larger one they are sorted."""


def polygon_crosswalk(geometry: gpd.GeoSeries, grid: Grid) -> Crosswalk:
    """Give the area that each polygon shares with each cell, exact in float64.

    Parameters
    ----------
    geometry : geopandas.GeoSeries
        Valid polygons or multipolygons with a CRS; the index holds the unit ids.  Missing or empty ones are kept,
        with measure 0: what they carry is reported as unplaceable.
    grid : Grid
        Square or H3 grid.

    Returns
    -------
    Crosswalk
        Measure in m2; for squares in the grid's own plane, for H3 in an equal-area plane.

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
    if isinstance(grid, SquareGrid):
        plane = to_plane(geometry, grid.crs)
        unit, column, cells, share = _square_pairs(square_coverage(plane, grid), grid)
        area = share * float(grid.cell_size_m) ** 2
    elif isinstance(grid, H3Grid):
        plane = to_plane(geometry, equal_area_plane(geometry))
        unit, cell, area = _hexagon_pairs(plane, grid)
        cells, column = np.unique(cell, return_inverse=True)
    else:
        raise TypeError(f"grid must be a SquareGrid or an H3Grid, got {type(grid).__name__}")
    # pairs come ordered by unit: the matrix needs no sort but within its rows
    indptr = np.concatenate([[0], np.cumsum(np.bincount(unit, minlength=len(geometry)))])
    shape = (len(geometry), len(cells))
    measure = sparse.csr_array((area, column.astype(np.int32), indptr), shape=shape)
    measure.sort_indices()
    cell_measure = grid.area_km2(cells) * 1e6
    return Crosswalk(
        grid=grid,
        unit_id=geometry.index.to_numpy(),
        cell_id=cells,
        measure=measure,
        unit_measure=np.nan_to_num(plane.area.to_numpy()),
        cell_measure=cell_measure,
        covered=np.minimum(group_sum(measure.indices, measure.data, len(cells)) / cell_measure, 1.0),
        method="area",
        made_from={"geometry": geometry_digest(geometry)},
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
    rings = rings_of(plane)
    if scheduler is None or not len(rings.polygon):
        found = coverage(rings, grid.cell_size_m)
    else:
        found = _in_blocks(rings, grid.cell_size_m, scheduler)
    if len(found.invalid):
        ids = first_few(plane.index[found.invalid])
        raise SourceError(
            f"{len(found.invalid)} polygons have rings that overlap or cross (first: {ids}). "
            "Read them with civigrid's readers, which repair and report, or call .make_valid()."
        )
    return _clipped(found, grid)


CORNERS_PER_BLOCK = 200_000
"""Corners of polygons that one task sweeps."""


def _in_blocks(rings: Rings, cell_size: float, scheduler: Scheduler) -> Coverage:
    """Sweep blocks of whole polygons; workers read coordinates, never shapes."""
    count = np.diff(rings.start)
    ring = np.repeat(np.arange(len(count)), count)
    table = {
        "x": rings.xy[:, 0],
        "y": rings.xy[:, 1],
        "ring": ring,
        "polygon": rings.polygon[ring],
        "hole": rings.hole[ring],
    }
    first = rings.start[np.flatnonzero(np.diff(rings.polygon, prepend=-1))]
    cuts = np.unique(np.searchsorted(first, np.arange(0, len(ring), CORNERS_PER_BLOCK)))
    starts = first[cuts[cuts < len(first)]]
    stops = np.append(starts[1:], len(ring))
    blocks = [Block(0, int(a), int(b)) for a, b in zip(starts, stops, strict=True)]
    parts = map_blocks(partial(_sweep_block, cell_size), table, blocks, scheduler)
    return Coverage(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _sweep_block(cell_size: float, table: Columns) -> Coverage:
    start = np.append(np.flatnonzero(np.diff(table["ring"], prepend=-1)), len(table["ring"]))
    xy = np.stack([table["x"], table["y"]], axis=1)
    rings = Rings(xy, start, table["polygon"][start[:-1]], table["hole"][start[:-1]])
    return coverage(rings, cell_size)


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
    return sha256(b"".join(shapely.to_wkb(geometry.to_numpy()[~geometry.isna()]))).hexdigest()


def _square_pairs(found: Coverage, grid: SquareGrid) -> tuple[Ints, Ints, Ids, Floats]:
    """Give unit, place of the cell, the sorted cells, and share, of every pair."""
    unit, row, col, share = expand_runs(found)
    if not len(unit):
        return unit, unit, np.empty(0, dtype=np.uint64), share
    south, west = row.min(), col.min()
    width, height = int(col.max() - west) + 1, int(row.max() - south) + 1
    if width * height > BOX_CELLS_PER_PAIR * len(unit) + 1_000_000:
        cells, column = np.unique(grid.from_row_col(row, col), return_inverse=True)
        return unit, column, cells, share
    # a box of places is quicker than a sort of all pairs
    at = (row - south) * width + (col - west)
    place = np.zeros(width * height, dtype=np.int64)
    place[at] = 1
    used = np.flatnonzero(place)
    ids = grid.from_row_col(used // width + south, used % width + west)
    order = np.argsort(ids)
    place[used[order]] = np.arange(len(used))
    return unit, place[at], ids[order], share


def _hexagon_pairs(plane: gpd.GeoSeries, grid: H3Grid) -> tuple[Ints, Ids, Floats]:
    """Shared areas with hexagons drawn straight in the plane: neighbours share corners, so nothing is lost."""
    cells = _candidates(plane, grid)
    corners = grid.vertices(cells)
    flat = gpd.GeoSeries(shapely.points(corners.reshape(-1, 2)), crs=grid.crs).to_crs(plane.crs)
    hexagons = np.asarray(shapely.polygons(shapely.get_coordinates(flat.to_numpy()).reshape(corners.shape)))
    shapes = plane.to_numpy()
    hexagon, unit = shapely.STRtree(shapes).query(hexagons, predicate="intersects")
    shapely.prepare(shapes)
    whole = shapely.contains_properly(shapes[unit], hexagons[hexagon])
    area = np.asarray(shapely.area(hexagons))[hexagon]
    cut = ~whole
    area[cut] = shapely.area(shapely.intersection(shapes[unit[cut]], hexagons[hexagon[cut]]))
    order = np.lexsort((cells[hexagon], unit))
    order = order[area[order] > 0]
    return unit[order], cells[hexagon[order]], area[order]


def _candidates(plane: gpd.GeoSeries, grid: H3Grid) -> Ids:
    """Every cell that may touch a polygon: those whose centre lies in it after widening by a cell's radius."""
    known = plane[~(plane.isna() | plane.is_empty)]
    reach = 1.6 * float(np.sqrt(_largest_area_m2(known, grid)))
    wide = known.buffer(reach, quad_segs=2).segmentize(50 * reach).to_crs(grid.crs)
    found = vector.wkb_to_cells(list(shapely.to_wkb(wide.to_numpy())), grid.resolution, flatten=True)
    cells: Ids = np.unique(np.asarray(found.to_numpy()).astype(np.uint64))
    return cells


def _largest_area_m2(plane: gpd.GeoSeries, grid: H3Grid) -> float:
    """Area of the largest cell near the polygons' centres: how wide a candidate may reach."""
    points = plane.representative_point().to_crs(grid.crs)
    cells = np.unique(grid.cell_at(shapely.get_coordinates(points.to_numpy())))
    return float(grid.area_km2(cells).max() * 1e6) if len(cells) else 0.0
