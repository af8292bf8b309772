"""`StreetLines`: streets as they were drawn, with their tags, before any mode of travel is thought of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from civigrid.errors import SchemaError
from civigrid.types import Floats, Ints

Tags = Mapping[str, str]

AXIS_M, E2 = 6_378_137.0, 0.006_694_379_990_141_316
"""Half axis, metres, and squared eccentricity of WGS 84."""

WAY_KEYS = frozenset(
    {
        "highway", "route", "area", "junction", "service", "motorroad", "sidewalk", "sidewalk:left", "sidewalk:right",
        "sidewalk:both", "surface", "tracktype", "bridge", "tunnel", "conveying", "duration", "duration:forward",
        "duration:backward", "maxspeed", "maxspeed:forward", "maxspeed:backward", "maxspeed:type", "source:maxspeed",
        "access", "vehicle", "motor_vehicle", "motorcar", "bicycle", "foot", "oneway", "oneway:foot", "oneway:bicycle",
        "oneway:vehicle", "oneway:motor_vehicle", "oneway:motorcar", "cycleway", "cycleway:left", "cycleway:right",
        "cycleway:both", "cycleway:left:oneway", "cycleway:right:oneway", "walk", "bike", "drive", "speed_kmh",
    }
)  # fmt: skip
"""Tags that decide who may use a street and how fast; readers keep no others."""
BARRIER_KEYS = frozenset({"barrier", "access", "vehicle", "motor_vehicle", "motorcar", "bicycle", "foot"})
"""Tags of a barrier that decide who may pass it."""


class Turn(NamedTuple):
    """A turn restriction.

    Parameters
    ----------
    relation_id : int
        Its number.
    rule : str
        ``no_left_turn``, ``only_straight_on`` ...
    from_ways, to_ways : tuple of int
        Ids of the ways it leads from and to.
    via : int
        Vertex where the turn is made; -1 where it is not one vertex.
    exempt : tuple of str
        Vehicles it does not bind.
    fault : str
        Why it cannot be applied, as far as the reader saw; empty: nothing is wrong.
    """

    relation_id: int
    rule: str
    from_ways: tuple[int, ...]
    to_ways: tuple[int, ...]
    via: int
    exempt: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class StreetLines:
    """Streets with their tags: what readers fill and `build_graph` reads, once for each mode.

    Parameters
    ----------
    place : ndarray of float64, shape (vertex, 2)
        Longitude and latitude, degrees.
    vertex_id : ndarray of int64, shape (vertex,)
        Distinct ids.
    indptr : ndarray of int64, shape (way + 1,)
        Vertices of way ``i`` are ``vertex[indptr[i]:indptr[i + 1]]``.
    vertex : ndarray of int64, shape (vertex of a way,)
        Ways that share a vertex meet there; crossing lines without one do not.
    way_id : ndarray of int64, shape (way,)
        Ids; the pieces of a way that was cut share one.
    kind : ndarray of int64, shape (way,)
        Row of `kinds`.
    kinds : tuple of mapping
        Each distinct set of tags; few, so that each is judged once.
    length_m : ndarray of float64, shape (way,), optional
        Stated length of each way, metres; NaN: as drawn.
    barrier : ndarray of int64, shape (barrier,)
        Vertices with a barrier.
    barriers : tuple of mapping, one by barrier
        Their tags.
    turns : tuple of Turn
        Turn restrictions.
    notes : mapping of str to int
        What the reader left out or mended, and how many.
    """

    place: Floats
    vertex_id: Ints
    indptr: Ints
    vertex: Ints
    way_id: Ints
    kind: Ints
    kinds: tuple[Tags, ...]
    length_m: Floats | None = None
    barrier: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    barriers: tuple[Tags, ...] = ()
    turns: tuple[Turn, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.way_id)
        if self.indptr.shape != (n + 1,) or self.indptr[-1] != len(self.vertex) or self.kind.shape != (n,):
            raise SchemaError("indptr, kind and way_id of these StreetLines do not fit together.")
        if len(self.vertex) and not 0 <= self.vertex.min() <= self.vertex.max() < len(self.place):
            raise SchemaError(f"a way of these StreetLines names a vertex outside the {len(self.place)} there are.")
        if not np.isfinite(self.place).all():
            raise SchemaError("some vertices of these StreetLines have no place. Drop them, and cut the ways there.")

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north, degrees."""
        (west, south), (east, north) = self.place.min(axis=0), self.place.max(axis=0)
        return float(west), float(south), float(east), float(north)


def ground_m(start: Floats, end: Floats) -> Floats:
    """Distance between near places on WGS 84, metres, shape (n,); right to 1e-7 up to 10 km.

    Notes
    -----
    Pythagoras with the ellipsoid's two radii of curvature at the middle latitude (W. Torge 2001, Geodesy, 4.1.3).

    Examples
    --------
    >>> ground_m(np.array([[8.0, 49.0]]), np.array([[8.001, 49.001]])).round(2)
    array([133.12])
    """
    mid = np.radians((start[:, 1] + end[:, 1]) / 2)
    east, north = np.radians(end - start).T
    w2 = 1 - E2 * np.sin(mid) ** 2
    return np.asarray(
        np.hypot(AXIS_M * (1 - E2) / w2**1.5 * north, AXIS_M / np.sqrt(w2) * np.cos(mid) * east), dtype=np.float64
    )
