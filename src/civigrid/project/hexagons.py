"""Polygons to H3 cells by exact area: candidates along borders and inside, cut in an equal-area plane."""

from __future__ import annotations

import h3ronpy
import numpy as np
import pyarrow as pa
import shapely
from h3ronpy import vector

from civigrid.grid import H3Grid
from civigrid.kernels.convex_cells import ConvexCells, convex_cells
from civigrid.kernels.group import distinct, group_sum
from civigrid.kernels.shared_areas import NEGLIGIBLE, SharedAreas, shared_areas
from civigrid.kernels.sweep import Rings
from civigrid.kernels.walk import along_rings
from civigrid.project.geometry import transformer
from civigrid.types import Floats, Ids, Ints

CELLS_AT_A_TIME = 200_000
"""Cells that are drawn and cut at a time: what bounds the memory of a block."""
STRAIGHT_FROM = 6
"""From this resolution on sides are drawn straight: areas are off by 1e-10, along H3's icosahedron by 2e-6 to 2e-7."""
LONGEST_PIECE_KM = 1.0
"""At coarser resolutions sides follow great circles in pieces no longer than this."""
_EARTH_KM = 6371.0072


def hexagon_areas(rings: Rings, grid: H3Grid, crs: str) -> tuple[Ints, Ids, Floats, Floats, Ints]:
    """Give the area that each polygon shares with each H3 cell.

    Parameters
    ----------
    rings : Rings
        Polygons in the equal-area plane `crs`, metres.
    grid : H3Grid
        The cells.
    crs : str
        The plane.

    Returns
    -------
    tuple of ndarray
        Of each pair, ordered by polygon and cell: polygon, cell, shared area and the cell's whole area, m2; and
        polygons with invalid rings.
    """
    cells = _candidates(rings, grid, crs)
    small = mean_area_m2(grid)
    parts = []
    for first in range(0, max(len(cells), 1), CELLS_AT_A_TIME):
        some = cells[first : first + CELLS_AT_A_TIME]
        drawn, owner = drawn_cells(some, grid, crs)
        whole = group_sum(owner, drawn.area, len(some))
        parts.append((some, whole, _by_cell(shared_areas(rings, drawn, small=small), owner, whole)))
    polygon = np.concatenate([found.polygon for *_, found in parts])
    cell = np.concatenate([some[found.cell] for some, _, found in parts])
    area = np.concatenate([found.area for *_, found in parts])
    cell_area = np.concatenate([whole[found.cell] for _, whole, found in parts])
    invalid = np.unique(np.concatenate([found.invalid for *_, found in parts]))
    # cells come in order, so that a stable sort by polygon leaves them so
    order = np.argsort(polygon, kind="stable")
    return polygon[order], cell[order], area[order], cell_area[order], invalid


def mean_area_m2(grid: H3Grid) -> float:
    """Mean area of the cells of a resolution, m2."""
    return float(4e6 * np.pi * _EARTH_KM**2 / (2 + 120 * 7.0**grid.resolution))


def _by_cell(found: SharedAreas, owner: Ints, whole: Floats) -> SharedAreas:
    """Add up the convex parts of each cell."""
    cell = owner[found.cell]
    if not len(cell) or owner[-1] == len(owner) - 1:
        return found._replace(cell=cell)
    first = np.flatnonzero(np.append(True, (np.diff(found.polygon) != 0) | (np.diff(cell) != 0)))
    area = np.add.reduceat(found.area, first)
    kept = area > NEGLIGIBLE * whole[cell[first]]
    return SharedAreas(found.polygon[first][kept], cell[first][kept], area[kept], found.invalid)


def drawn_cells(cells: Ids, grid: H3Grid, crs: str) -> tuple[ConvexCells, Ints]:
    """Draw H3 cells in a plane as convex parts; give the parts, in order, and the place of the cell of each.

    A cell across an edge of H3's icosahedron may have a dent: it becomes triangles round its centre, as do cells
    whose sides follow great circles.
    """
    if not len(cells):
        return convex_cells(np.empty((0, 2)), np.zeros(1, dtype=np.int64)), np.empty(0, dtype=np.int64)
    corners = grid.vertices(cells)
    if grid.resolution < STRAIGHT_FROM:
        corners = _along_great_circles(corners)
    xy = np.stack(transformer("EPSG:4326", crs).transform(corners[..., 0], corners[..., 1]), axis=-1)
    n, m = xy.shape[:2]
    side = np.roll(xy, -1, axis=1) - xy
    # short cells repeat their last corner: what follows it is the closing side
    side = np.where((side == 0).all(axis=-1, keepdims=True), side[:, -1:], side)
    before = np.roll(side, 1, axis=1)
    turn = before[..., 0] * side[..., 1] - before[..., 1] * side[..., 0]
    convex = (turn >= 0).all(axis=1) & (grid.resolution >= STRAIGHT_FROM)
    if convex.all():
        return convex_cells(xy.reshape(-1, 2), np.arange(n + 1) * m), np.arange(n)
    count = np.where(convex, 1, m)
    owner = np.repeat(np.arange(n), count)
    start = np.concatenate([[0], np.cumsum(np.where(convex, m, 3)[owner])])
    flat = np.empty((start[-1], 2))
    whole = np.flatnonzero(convex)
    first = np.concatenate([[0], np.cumsum(count)])
    flat[start[first[whole]][:, None] + np.arange(m)] = xy[whole]
    dented = np.flatnonzero(~convex)
    middle = np.broadcast_to(xy[dented].mean(axis=1, keepdims=True), xy[dented].shape)
    triangles = np.stack([middle, xy[dented], np.roll(xy[dented], -1, axis=1)], axis=2)
    flat[start[first[dented]][:, None] + np.arange(3 * m)] = triangles.reshape(len(dented), -1, 2)
    return _without_empty(flat, start, owner)


def _without_empty(flat: Floats, start: Ints, owner: Ints) -> tuple[ConvexCells, Ints]:
    """Leave out triangles without area: a repeated corner makes them."""
    drawn = convex_cells(flat, start)
    if (drawn.area > 0).all():
        return drawn, owner
    kept = drawn.area > 0
    of_kept = np.repeat(kept, np.diff(start))
    return convex_cells(flat[of_kept], np.concatenate([[0], np.cumsum(np.diff(start)[kept])])), owner[kept]


def _along_great_circles(corners: Floats) -> Floats:
    """Divide every side into equal pieces of a great circle, in longitude and latitude; H3 draws them on a sphere."""
    longitude, latitude = np.radians(corners[..., 0]), np.radians(corners[..., 1])
    at = np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=-1
    )
    chord = np.linalg.norm(np.roll(at, -1, axis=1) - at, axis=-1)
    pieces = int(np.ceil(chord.max() * _EARTH_KM / LONGEST_PIECE_KM))
    t = (np.arange(pieces) / pieces)[:, None]
    between = (1 - t) * at[:, :, None, :] + t * np.roll(at, -1, axis=1)[:, :, None, :]
    x, y, z = np.moveaxis(between.reshape(len(corners), -1, 3), -1, 0)
    result = np.stack([np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))], axis=-1)
    result[:, ::pieces] = corners
    return result


def _candidates(rings: Rings, grid: H3Grid, crs: str) -> Ids:
    """Every cell that may share area with a polygon: those along its border, and those whose centre lies in it.

    Points along the border lie closer to each other than the sides of cells are long, so that a cell that the border
    enters holds one or touches a cell that does.  A sliver with no centre is found as well as a country.
    """
    to_lonlat = transformer(crs, "EPSG:4326")
    step = 0.7 * _shortest_side(rings, grid, crs)
    points, ring_of = along_rings(rings.xy, rings.start, step)
    lonlat = np.stack(to_lonlat.transform(points[:, 0], points[:, 1]), axis=1)
    held = distinct(grid.cell_at(lonlat))
    around = np.asarray(pa.array(h3ronpy.grid_disk(held, 1, flatten=True)).to_numpy()).astype(np.uint64)
    return distinct(np.concatenate([around, _inside(rings, lonlat, ring_of, grid)]))


def _inside(rings: Rings, lonlat: Floats, ring_of: Ints, grid: H3Grid) -> Ids:
    """Cells whose centre lies in a polygon drawn through points along its border."""
    count = np.bincount(ring_of, minlength=len(rings.polygon))
    used = count >= 3  # a ring with fewer points is smaller than a cell: its border finds all there is
    shells = used & ~rings.hole
    if not shells.any():
        return np.empty(0, dtype=np.uint64)
    kept = used[ring_of]
    start = np.concatenate([[0], np.cumsum(count[used])])
    closed = np.insert(lonlat[kept], start[1:], lonlat[kept][start[:-1]], axis=0)
    ring = np.repeat(np.arange(len(start) - 1), np.diff(start) + 1)
    linear = np.asarray(shapely.linearrings(closed, indices=ring))
    shell_of = np.cumsum(~rings.hole)[used] - 1
    # a hole whose shell is too small to draw is as small itself
    own = np.isin(shell_of, shell_of[~rings.hole[used]])
    _, polygon = np.unique(shell_of[own], return_inverse=True)
    wkb = shapely.to_wkb(shapely.polygons(linear[own], indices=polygon))
    found = vector.wkb_to_cells(list(wkb), grid.resolution, flatten=True)
    return np.asarray(pa.array(found).to_numpy()).astype(np.uint64)


def _shortest_side(rings: Rings, grid: H3Grid, crs: str) -> float:
    """Shortest side, in the plane, of cells at some corners of the polygons, m."""
    some = rings.xy[:: max(len(rings.xy) // 128, 1)]
    lonlat = np.stack(transformer(crs, "EPSG:4326").transform(some[:, 0], some[:, 1]), axis=1)
    corners = grid.vertices(distinct(grid.cell_at(lonlat)))
    xy = np.stack(transformer("EPSG:4326", crs).transform(corners[..., 0], corners[..., 1]), axis=-1)
    # corners of one cell reach from its centre as far as a side is long
    reach = np.linalg.norm(xy - xy.mean(axis=1, keepdims=True), axis=-1)
    return 0.9 * float(reach.min())
