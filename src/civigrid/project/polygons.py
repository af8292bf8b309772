"""Polygons to cells by exact area: squares by the sweep, hexagons by clipping what their edges cut."""

from __future__ import annotations

from hashlib import sha256

import geopandas as gpd
import numpy as np
import shapely
from h3ronpy import vector
from scipy import sparse

from civigrid.crosswalk import Crosswalk
from civigrid.errors import SourceError, first_few
from civigrid.grid import INVALID, Grid, H3Grid, SquareGrid
from civigrid.kernels.sweep import coverage, expand_runs
from civigrid.project.geometry import equal_area_plane, rings_of, to_plane
from civigrid.types import Floats, Ids, Ints


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
        unit, cell, share = _square_pairs(plane, grid)
        area = share * float(grid.cell_size_m) ** 2
    elif isinstance(grid, H3Grid):
        plane = to_plane(geometry, equal_area_plane(geometry))
        unit, cell, area = _hexagon_pairs(plane, grid)
    else:
        raise TypeError(f"grid must be a SquareGrid or an H3Grid, got {type(grid).__name__}")
    cells, column = np.unique(cell, return_inverse=True)
    shape = (len(geometry), len(cells))
    measure = sparse.csr_array(sparse.coo_array((area, (unit, column)), shape=shape))
    cell_measure = grid.area_km2(cells) * 1e6
    return Crosswalk(
        grid=grid,
        unit_id=geometry.index.to_numpy(),
        cell_id=cells,
        measure=measure,
        unit_measure=np.nan_to_num(plane.area.to_numpy()),
        cell_measure=cell_measure,
        covered=np.minimum(np.asarray(measure.sum(axis=0)) / cell_measure, 1.0),
        method="area",
        made_from={"geometry": _digest(geometry)},
    )


def _digest(geometry: gpd.GeoSeries) -> str:
    return sha256(b"".join(shapely.to_wkb(geometry.to_numpy()[~geometry.isna()]))).hexdigest()


def _square_pairs(plane: gpd.GeoSeries, grid: SquareGrid) -> tuple[Ints, Ids, Floats]:
    found = coverage(rings_of(plane), grid.cell_size_m)
    if len(found.invalid):
        ids = first_few(plane.index[found.invalid])
        raise SourceError(
            f"{len(found.invalid)} polygons have rings that overlap or cross (first: {ids}). "
            "Read them with civigrid's readers, which repair and report, or call .make_valid()."
        )
    unit, row, col, share = expand_runs(found)
    cell = grid.from_row_col(row, col)
    inside = cell != INVALID
    return unit[inside], cell[inside], share[inside]


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
