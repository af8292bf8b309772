"""Lines to cells: the length of roads, rails or paths in each cell, on the ellipsoid.

Edges are cut exactly at the sides of the cells.  A plane distorts lengths (EPSG:3035 by up to 1-2 %), so each edge, cut
to at most 1 km, brings its geodesic length, which its parts share as they do its length in the plane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import geopandas as gpd
import h3ronpy
import numpy as np
import pyarrow as pa
import shapely
from pyproj import CRS, Transformer

from civigrid.cells import make_cells
from civigrid.errors import SchemaError, SourceError, first_few
from civigrid.grid import INVALID, Grid, H3Grid, SquareGrid
from civigrid.kernels.cut_lines import cut_lines
from civigrid.kernels.group import group_sum
from civigrid.project.geometry import equal_area_plane, to_plane
from civigrid.project.ledger import Entry, check_ledger
from civigrid.project.spread import Projection
from civigrid.source import Source
from civigrid.types import Column, Floats, Ids, Ints, Status

EDGE_M = 1_000.0
"""Longest edge: along it the scale of the plane changes by less than 2e-5, and the total length not at all."""


class _Edges(NamedTuple):
    """Straight edges of all lines: which line, ends in the plane, shape (edge, 2), and geodesic length in km."""

    line: Ints
    start: Floats
    end: Floats
    km: Floats


class _Parts(NamedTuple):
    """Parts of edges in cells: which line, which cell (`INVALID` outside the grid), km."""

    line: Ints
    cell: Ids
    km: Floats


def project_lines(
    source: Source, grid: Grid, *, by: str | None = None, groups: Sequence[str] | None = None, total: str = "length_km"
) -> Projection:
    """Give the length of a source's lines in each cell.

    Parameters
    ----------
    source : Source
        Lines; units without one are unplaceable.
    grid : Grid
        Square cells are cut exactly in their plane; hexagons are drawn straight in an equal-area plane.
    by : str, optional
        Label column whose values become one length each, as ``highway``.
    groups : sequence of str, optional
        Values of `by` to expect; by default those that occur, sorted.
    total : str
        Name of the length of all lines.

    Returns
    -------
    Projection
        Cells that hold a line: `total` and one variable per value of `by` (``part_of`` the total), geodesic km on the
        ellipsoid of the grid's CRS.  A line along a side of a square lies in the cell above or right of it.

    Raises
    ------
    SchemaError
        The source has no geometry, or a value of `by` is named as the total.
    SourceError
        A unit holds something else than lines.

    Notes
    -----
    C. F. F. Karney (2013), Algorithms for geodesics, J. Geod. 87, 43-55, by PROJ.

    Examples
    --------
    >>> import pandas as pd
    >>> road = gpd.GeoSeries([shapely.LineString([(4_320_500, 3_210_500), (4_322_000, 3_210_500)])], crs="EPSG:3035")
    >>> roads = Source(name="roads", table=pd.DataFrame(index=["a"]), geometry=road.set_axis(["a"]))
    >>> project_lines(roads, SquareGrid(cell_size_m=1000)).cells["length_km"].values.round(4)
    array([0.5, 1. ])
    """
    if source.geometry is None:
        raise SchemaError(f"source {source.name!r} has no lines. Read it with read_lines().")
    shapes = _checked(source.geometry)
    parts, edges = _in_squares(shapes, grid) if isinstance(grid, SquareGrid) else _in_hexagons(shapes, grid)
    placed = parts.cell != INVALID
    cells, row = np.unique(parts.cell[placed], return_inverse=True)
    of_line = {total: np.ones(len(shapes), dtype=bool)}
    if by is not None:
        label = source.table[by].astype(str).to_numpy()
        names = sorted(set(label) - {""}) if groups is None else list(groups)
        if total in names:
            raise SchemaError(f"{total!r} would name two variables. Recode {by!r}, or rename the total.")
        of_line |= {name: label == name for name in names}
    values, ledger = {}, []
    nowhere = int((shapes.isna() | shapes.is_empty).sum())
    for name, mine in of_line.items():
        km = np.where(mine[parts.line], parts.km, 0.0)
        values[name] = group_sum(row, km[placed], len(cells))
        entry = Entry(
            source=source.name,
            variable=name,
            total=float(edges.km[mine[edges.line]].sum()),
            placed=float(values[name].sum()),
            outside=float(km[~placed].sum()),
            missing_units=nowhere if name == total else 0,
            method="lines, geodesic length",
        )
        ledger.append(entry)
    about = {n: Column(units="km", long_name=n, part_of=None if n == total else total) for n in values}
    about[total] = replace(about[total], long_name="Length of lines")
    about = {n: replace(c, source=source.name, reference_date=source.reference_date) for n, c in about.items()}
    status = {n: np.where(v == 0, Status.OBSERVED_ZERO, Status.OK).astype(np.uint8) for n, v in values.items()}
    return Projection(make_cells(grid, cells, values, about, status=status), check_ledger(ledger))


def _checked(geometry: gpd.GeoSeries) -> gpd.GeoSeries:
    kinds = shapely.get_type_id(geometry.to_numpy())
    fine = [-1, *map(int, (shapely.GeometryType.LINESTRING, shapely.GeometryType.LINEARRING))]
    stray = ~np.isin(kinds, [*fine, int(shapely.GeometryType.MULTILINESTRING)])
    if stray.any():
        units = geometry.index[stray]
        raise SourceError(
            f"{int(stray.sum())} units hold no lines (first: {first_few(units)}). Use areas or points there."
        )
    return geometry


def _edges(plane: gpd.GeoSeries, longest_m: float) -> _Edges:
    """Edges of lines in a plane, cut to a length, with their length on the ellipsoid."""
    parts, of_part = shapely.get_parts(shapely.segmentize(plane.to_numpy(), longest_m), return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    first = np.flatnonzero(part[1:] == part[:-1])
    crs = CRS(plane.crs)
    lonlat = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(*xy.T)
    lon, lat = (np.asarray(v) for v in lonlat)
    ellipsoid = crs.get_geod()
    assert ellipsoid is not None
    _, _, metres = ellipsoid.inv(lon[first], lat[first], lon[first + 1], lat[first + 1])
    return _Edges(of_part[part[first]], xy[first], xy[first + 1], np.asarray(metres) / 1000)


def _in_squares(shapes: gpd.GeoSeries, grid: SquareGrid) -> tuple[_Parts, _Edges]:
    edges = _edges(to_plane(shapes, grid.crs), EDGE_M)
    size = float(grid.cell_size_m)
    found = cut_lines(*(edges.start / size).T, *(edges.end / size).T)
    cell = grid.from_row_col(found.row, found.col)
    return _Parts(edges.line[found.edge], cell, edges.km[found.edge] * found.share), edges


def _in_hexagons(shapes: gpd.GeoSeries, grid: Grid) -> tuple[_Parts, _Edges]:
    """Edges shorter than a hexagon lie in the one of their start, or are shared among it and its neighbours."""
    assert isinstance(grid, H3Grid)
    if not len(shapes) or (shapes.isna() | shapes.is_empty).all():
        none = np.empty(0)
        lines = np.empty(0, dtype=np.int64)
        return _Parts(lines, np.empty(0, dtype=np.uint64), none), _Edges(lines, none, none, none)
    plane = to_plane(shapes, equal_area_plane(shapes))
    lonlat = Transformer.from_crs(plane.crs, grid.crs, always_xy=True)
    some = grid.cell_at(np.stack(lonlat.transform(*shapely.get_coordinates(plane.to_numpy()).T), axis=1))
    edges = _edges(plane, min(0.4e3 * float(np.sqrt(grid.area_km2(np.unique(some)).min())), EDGE_M))
    begin, end = (grid.cell_at(np.stack(lonlat.transform(*xy.T), axis=1)) for xy in (edges.start, edges.end))
    whole = np.flatnonzero(begin == end)
    cut, cell, share = _shared(edges, np.flatnonzero(begin != end), begin, grid, plane.crs)
    edge = np.concatenate([whole, cut])
    km = edges.km[edge] * np.concatenate([np.ones(len(whole)), share])
    return _Parts(edges.line[edge], np.concatenate([begin[whole], cell]), km), edges


def _shared(edges: _Edges, cut: Ints, begin: Ids, grid: H3Grid, crs: CRS) -> tuple[Ints, Ids, Floats]:
    """Share of edges `cut` in the hexagon of their start and in each of its neighbours."""
    homes, of_home = np.unique(begin[cut], return_inverse=True)
    disks = pa.array(h3ronpy.grid_disk(homes, 1))
    around, offsets = disks.flatten().to_numpy().astype(np.uint64), disks.offsets.to_numpy()
    count = np.diff(offsets)[of_home]
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    cell = around[np.repeat(offsets[:-1][of_home], count) + within]
    edge = np.repeat(cut, count)
    hexagons, at = np.unique(cell, return_inverse=True)
    corners = grid.vertices(hexagons)
    flat = Transformer.from_crs(grid.crs, crs, always_xy=True).transform(corners[..., 0], corners[..., 1])
    shapes = np.asarray(shapely.polygons(np.stack(flat, axis=-1)))
    lines = shapely.linestrings(np.stack([edges.start[edge], edges.end[edge]], axis=1))
    length = np.asarray(shapely.length(shapely.intersection(lines, shapes[at])))
    # a line along a side is shared by both of its hexagons: what an edge leaves sums to the edge
    whole = group_sum(edge, length, len(edges.km))[edge]
    kept = length > 0
    return edge[kept], cell[kept], (length / np.where(whole > 0, whole, 1.0))[kept]
