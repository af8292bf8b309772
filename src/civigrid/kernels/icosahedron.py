"""The icosahedron under H3: on each of its faces the cells of a resolution are a plane lattice of hexagons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from civigrid.types import Floats, Ints

UNIT = 0.38196601125010500003
"""Distance of neighbouring cells of resolution 0 on a face, in radii of the sphere (H3, ``RES0_U_GNOMONIC``)."""
TURN = float(np.arcsin(np.sqrt(3 / 28)))
"""Lattices of odd resolutions are turned by this against those of even ones, radians (class III, aperture 7)."""


@dataclass(frozen=True, eq=False)
class Faces:
    """The twenty faces, each as three directions in space.

    Parameters
    ----------
    centre, right, up : ndarray of float64, shape (20, 3)
        Unit vectors: middle of the face, towards one of its corners, and across.
    """

    centre: Floats
    right: Floats
    up: Floats


def faces_of(corners: Floats) -> Faces:
    """Give the faces of an icosahedron.

    Parameters
    ----------
    corners : ndarray of float64, shape (12, 3)
        Its corners, unit vectors: the middles of H3's pentagons.

    Returns
    -------
    Faces
        In lexicographic order of their corners.
    """
    near = np.triu(corners @ corners.T > 0.4, 1)
    triples = [t for t in combinations(range(12), 3) if all(near[pair] for pair in combinations(t, 2))]
    middle = corners[np.array(triples)].sum(axis=1)
    centre = middle / np.linalg.norm(middle, axis=1, keepdims=True)
    first = corners[[t[0] for t in triples]]
    right = first - centre * (first * centre).sum(axis=1, keepdims=True)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return Faces(centre, right, np.cross(centre, right))


def unit_vectors(place: Floats) -> Floats:
    """Longitudes and latitudes in degrees, shape (n, 2), as points of the unit sphere, shape (n, 3)."""
    lon, lat = np.radians(place[:, 0]), np.radians(place[:, 1])
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def degrees(points: Floats) -> Floats:
    """Longitudes and latitudes of points of the unit sphere, degrees, shape (n, 2).

    >>> degrees(unit_vectors(np.array([[13.4, 52.5]]))).round(9).tolist()
    [[13.4, 52.5]]
    """
    lon, lat = np.arctan2(points[:, 1], points[:, 0]), np.arcsin(np.clip(points[:, 2], -1.0, 1.0))
    place: Floats = np.degrees(np.stack([lon, lat], axis=1))
    return place


def lattice(points: Floats, resolution: int, faces: Faces) -> tuple[Ints, Ints, Ints]:
    """Say at which place of which face's lattice points lie.

    The nearest face, its gnomonic plane, and the nearest point of the lattice: H3's own way from a point to a cell
    (Sahr, White and Kimerling 2003, Cartography and Geographic Information Science 30, 121-134; H3 4,
    ``latLngToCell``), so that points of one place lie in one cell.

    Parameters
    ----------
    points : ndarray of float64, shape (n, 3)
        Unit vectors.
    resolution : int
        Of H3, 0 to 15.
    faces : Faces
        Of `faces_of`.

    Returns
    -------
    face, q, r : ndarray of int64, shape (n,)
        Number of the face, and axial coordinates of the hexagon: axes 60 degrees apart.
    """
    face = (points @ faces.centre.T).argmax(axis=1)
    turn = TURN if resolution % 2 else 0.0
    right = np.cos(turn) * faces.right + np.sin(turn) * faces.up
    up = np.cos(turn) * faces.up - np.sin(turn) * faces.right
    scale = np.sqrt(7.0) ** resolution / UNIT / (points * faces.centre[face]).sum(axis=1)
    x, y = scale * (points * right[face]).sum(axis=1), scale * (points * up[face]).sum(axis=1)
    q, r = _rounded(x - y / np.sqrt(3.0), y / np.sqrt(0.75))
    return face.astype(np.int64), q, r


def _rounded(q: Floats, r: Floats) -> tuple[Ints, Ints]:
    """Nearest hexagon: round the three cube coordinates, and mend the one that was rounded most."""
    s = -q - r
    whole = np.rint(np.stack([q, r, s]))
    off = np.abs(whole - np.stack([q, r, s]))
    first = (off[0] > off[1]) & (off[0] > off[2])
    second = ~first & (off[1] > off[2])
    a = np.where(first, -whole[1] - whole[2], whole[0])
    b = np.where(second, -a - whole[2], whole[1])
    return a.astype(np.int64), b.astype(np.int64)
