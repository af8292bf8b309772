"""Cells as places of lattices, in runs: what a page needs to find the cell of a pixel without any polygon."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from civigrid.errors import SchemaError
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.kernels.icosahedron import Faces, degrees, faces_of, lattice, unit_vectors
from civigrid.maps.pack import pack_planes, pack_words
from civigrid.types import Bools, Floats, Ids, Ints

FACE = 2**24
"""Rows of one face: far more than a lattice has at the finest resolution."""
PENTAGONS = (4, 14, 24, 38, 49, 58, 63, 72, 83, 97, 107, 117)
"""Base cells of H3 around the corners of its icosahedron."""
REACH = 1.5 * 0.38196601125010500003 / np.sqrt(3.0)
"""No point of a cell of resolution 0 is further from its centre, radians, with a margin of a half."""
INWARD = (0.999, 0.9, 0.6, 0.3)
ALONG = (0.0, 0.2, 0.4, 0.6, 0.8)
"""How far from its centre to its border, and where along each side, a cell is sampled for the faces it lies on."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Cells in the order of their lattice.

    Parameters
    ----------
    order : ndarray of int64, shape (cell,)
        Which cell stands where.
    about : dict
        JSON-ready: ``ids`` (runs), for H3 also ``more`` (other faces' places of cells on an edge) and ``codes``.
    """

    order: Ints
    about: dict[str, Any]


def place_cells(grid: Grid, cell_id: Ids) -> Placed:
    """Put cells in the order of their lattice and write it down as runs.

    Parameters
    ----------
    grid : Grid
        Squares of EPSG:3035, or H3.
    cell_id : ndarray of uint64, shape (cell,)
        Their ids.

    Returns
    -------
    Placed
        Order and runs.

    Raises
    ------
    SchemaError
        On squares of another CRS: the page knows how to project to EPSG:3035 alone.
    """
    if isinstance(grid, H3Grid):
        return _hexagons(grid, cell_id)
    if not isinstance(grid, SquareGrid) or grid.crs != "EPSG:3035":
        raise SchemaError(f"a map draws squares of EPSG:3035 and H3 cells, not {grid.id}: project the data to one.")
    row, col = grid.row_col(cell_id)
    order = np.lexsort((col, row))
    return Placed(order, {"ids": _runs(row[order], col[order])})


def _runs(key: Ints, col: Ints) -> str:
    """Cells sorted by row and column, as runs: rows, first columns, lengths."""
    if not len(key):
        return pack_words(np.empty(0, dtype=np.int64), 4)
    new = np.concatenate([[True], (np.diff(key) != 0) | (np.diff(col) != 1)])
    start = np.flatnonzero(new)
    length = np.diff(np.append(start, len(key)))
    return pack_words(np.concatenate([key[start], col[start], length]), 4)


@cache
def h3_faces() -> Faces:
    """Give the faces of H3's icosahedron, found from its pentagons."""
    ids = np.array([(1 << 59) | (base << 45) | (2**45 - 1) for base in PENTAGONS], dtype=np.uint64)
    return faces_of(unit_vectors(H3Grid(0).centre(ids)))


def faces_table() -> list[list[float]]:
    """Give the faces as rows of nine numbers: what the page computes with."""
    faces = h3_faces()
    table: list[list[float]] = np.concatenate([faces.centre, faces.right, faces.up], axis=1).tolist()
    return table


def _hexagons(grid: H3Grid, cell_id: Ids) -> Placed:
    centre = unit_vectors(grid.centre(cell_id))
    face, q, r = lattice(centre, grid.resolution, h3_faces())
    key = face * FACE + FACE // 2 + r
    order = np.lexsort((q, key))
    sorted_ids = cell_id[order]
    about: dict[str, Any] = {"ids": _runs(key[order], q[order]), "codes": pack_planes(*_short(sorted_ids, grid))}
    near = np.flatnonzero(_near_an_edge(centre[order], grid.resolution))
    if len(near):
        more = _other_places(grid, sorted_ids[near], key[order][near], q[order][near])
        about["more"] = pack_words(np.concatenate([more[0], more[1], near[more[2]]]), 4)
    return Placed(order, about)


def _short(cell_id: Ids, grid: H3Grid) -> tuple[Ids, int]:
    """Base cell and digits of ids as one number, and its bytes: all else is known from the resolution."""
    bits = 7 + 3 * grid.resolution
    short = (cell_id >> np.uint64(3 * (15 - grid.resolution))) & np.uint64(2**bits - 1)
    return short, -(-bits // 8)


def _near_an_edge(centre: Floats, resolution: int) -> Bools:
    """Whether a cell may lie on more than one face: how much nearer its own face is than the next."""
    nearness = np.sort(centre @ h3_faces().centre.T, axis=1)
    near: Bools = nearness[:, -1] - nearness[:, -2] < 2 * REACH / np.sqrt(7.0) ** resolution
    return near


def _other_places(grid: H3Grid, cell_id: Ids, key: Ints, q: Ints) -> tuple[Ints, Ints, Ints]:
    """Places of cells besides those of their centres: rows, columns, and which cell each belongs to; sorted."""
    corners = grid.vertices(cell_id)
    after = np.roll(corners, -1, axis=1)
    border = unit_vectors(np.concatenate([corners + t * (after - corners) for t in ALONG], axis=1).reshape(-1, 2))
    centre = np.repeat(unit_vectors(grid.centre(cell_id)), len(border) // len(cell_id), axis=0)
    cell = np.repeat(np.arange(len(cell_id)), len(border) // len(cell_id))
    found = []
    for share in INWARD:
        points = centre + share * (border - centre)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        face, at, r = lattice(points, grid.resolution, h3_faces())
        inside = grid.cell_at(degrees(points)) == cell_id[cell]
        found.append(np.stack([face * FACE + FACE // 2 + r, at, cell])[:, inside])
    row, col, cell = np.unique(np.concatenate(found, axis=1), axis=1)
    other = (row != key[cell]) | (col != q[cell])
    return row[other], col[other], cell[other]
