"""Where on the streets a place lies: the nearest spot, how far it is, and places that are too far or on an island."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from civigrid.errors import SchemaError
from civigrid.travel.graph import Int32s, StreetGraph
from civigrid.travel.places import on_the_globe
from civigrid.types import Bools, Floats, Ints

SNAP_LIMIT_M = 500.0
"""Places farther from any street are taken to be unreachable, metres."""

MAIN_WITHIN_M = 200.0
"""An island's spot must be nearer than the main network's by more than this, metres."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Snapped:
    """Places on the streets.

    Parameters
    ----------
    spot : ndarray of int64, shape (place,)
        Spot of the graph; -1 where none is within the limit.
    metres : ndarray of float64, shape (place,)
        Straight line to the spot, or to the nearest usable one where that is beyond the limit; infinite where a graph
        has none.
    component : ndarray of int32, shape (place,)
        Part of the graph the spot lies on: 0 the main network, others are islands; -1 beyond the limit.
    """

    spot: Ints
    metres: Floats
    component: Int32s

    @property
    def beyond(self) -> Bools:
        """Places beyond the limit, shape (place,)."""
        return self.spot < 0

    @property
    def on_island(self) -> Bools:
        """Places on a part of the graph that is not the main network, shape (place,)."""
        return self.component > 0

    def walk_ds(self, speed_kmh: float) -> Int32s:
        """Deciseconds on foot between each place and its spot, rounded once, shape (place,); 0 beyond the limit."""
        walked = np.where(self.beyond, 0.0, self.metres) * 36.0 / speed_kmh
        return np.floor(walked + 0.5).astype(np.int32)

    def taken(self, some: Ints) -> Snapped:
        """Some of the places, in another order."""
        return replace(self, spot=self.spot[some], metres=self.metres[some], component=self.component[some])

    def split(self, n: int) -> tuple[Snapped, Snapped]:
        """Give the first `n` places, and the others."""
        number = np.arange(len(self.spot))
        return self.taken(number[:n]), self.taken(number[n:])


def spot_component(graph: StreetGraph) -> Int32s:
    """Part of the graph each spot lies on, shape (spot,); -1 where people cannot both get on and off.

    A spot lies on the main network, 0, if that can be both reached and left from it, whatever else it touches.
    """
    component = np.asarray(graph.component)
    part, part_from = component[np.asarray(graph.spot_node)], component[np.asarray(graph.spot_node_from)]
    out, back = np.asarray(graph.spot_to) >= 0, np.asarray(graph.spot_from) >= 0
    main = (out & (part == 0)).any(axis=1) & (back & (part_from == 0)).any(axis=1)
    own = np.where(out[:, 0], part[:, 0], part[:, 1])
    # a one-way street from the main network to an island: neither, and said to be the island
    own = np.where(own == 0, part.max(axis=1, initial=0), own)
    usable = out.any(axis=1) & back.any(axis=1)
    return np.where(usable, np.where(main, 0, own), -1).astype(np.int32)


def snap(
    graph: StreetGraph,
    place: Floats,
    *,
    limit_m: float = SNAP_LIMIT_M,
    main_within_m: float = MAIN_WITHIN_M,
    workers: int = 1,
) -> Snapped:
    """Find the spot of each place.

    Parameters
    ----------
    graph : StreetGraph
        Streets of one mode.
    place : ndarray of float64, shape (place, 2)
        Longitude and latitude, degrees.
    limit_m : float
        Farthest spot that counts, metres of straight line.
    main_within_m : float
        The nearest spot of the main network is taken if it is within the limit and at most this many metres farther
        than the nearest of any island; else the nearest.  So nobody is stuck on two nodes that a map left unjoined,
        and those who do live on an island stay there.
    workers : int
        Threads that look for spots; no result depends on it.

    Returns
    -------
    Snapped
        Only spots where people can both get on and off are considered.

    Raises
    ------
    SchemaError
        A limit is negative or no number, or a place is not finite.

    Examples
    --------
    >>> one = np.zeros((1, 2), np.int32)
    >>> here = np.array([[14.5, 35.9]])
    >>> graph = StreetGraph(mode="walk", node_place=here, indptr=np.array([0, 0]), head=one[0, :0], cost=one[0, :0],
    ...     component=one[0, :1], spot_place=here, spot_node=one, spot_to=one, spot_from=one, spot_chain=one[0, :1] - 1)
    >>> near = snap(graph, np.array([[14.5, 35.901], [14.5, 35.91]]))
    >>> near.spot.tolist(), near.metres.round().tolist()
    ([0, -1], [111.0, 1112.0])
    """
    if not (limit_m >= 0 and main_within_m >= 0):
        raise SchemaError(f"limit_m = {limit_m} and main_within_m = {main_within_m}: both must be 0 metres or more.")
    if not np.isfinite(place).all():
        raise SchemaError(f"{(~np.isfinite(place)).any(axis=1).sum()} places have no coordinates. Drop them first.")
    part = spot_component(graph)
    globe = on_the_globe(np.asarray(graph.spot_place))
    at = on_the_globe(place)
    main, main_m = _nearest(globe, np.flatnonzero(part == 0), at, workers)
    other, other_m = _nearest(globe, np.flatnonzero(part > 0), at, workers)
    take = (main_m <= limit_m) & (main_m <= other_m + main_within_m)
    take |= main_m <= other_m
    spot, metres = np.where(take, main, other), np.where(take, main_m, other_m)
    spot = np.where(metres <= limit_m, spot, -1)
    component = np.where(spot >= 0, part[spot] if len(part) else -1, -1).astype(np.int32)
    return Snapped(spot=spot, metres=metres, component=component)


def _nearest(globe: Floats, among: Ints, at: Floats, workers: int) -> tuple[Ints, Floats]:
    """Nearest of some spots to each place, and its distance; -1 and infinity where there is none."""
    if not len(among) or not len(at):
        return np.full(len(at), -1, dtype=np.int64), np.full(len(at), np.inf)
    # the tree is searched about as often as it has points: one quickly built is enough
    metres, number = cKDTree(globe[among], balanced_tree=False).query(at, workers=workers)
    return among[np.asarray(number)], np.asarray(metres)
