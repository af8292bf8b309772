"""From streets as they are drawn to the compact graph of one mode."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from civigrid.errors import SchemaError
from civigrid.travel.compact import Compact, compact
from civigrid.travel.graph import StreetGraph
from civigrid.travel.graph_report import GraphReport, Island
from civigrid.travel.lines import StreetLines
from civigrid.travel.modes import Speeds
from civigrid.travel.pieces import Pieces, close_barriers, counted, cut_long, pieces_of
from civigrid.travel.slopes import SAMPLE_M, STEEPEST, Elevation, cycling, tobler
from civigrid.travel.turns import Forbidden, Segments, forbidden_turns
from civigrid.travel.uses import use_of

SPOT_M = 50.0
"""Spots on a street are at most this far apart, metres."""
_ISLANDS_TOLD = 10


def build_graph(
    lines: StreetLines, mode: str, *, speeds: Speeds | None = None, elevation: Elevation | None = None
) -> tuple[StreetGraph, GraphReport]:
    """Build the graph of one mode.

    Parameters
    ----------
    lines : StreetLines
        Streets with their tags, from `read_osm`, `read_edge_table` or `read_street_lines`.
    mode : {"walk", "bike", "drive"}
        The mode.
    speeds : Speeds, optional
        How fast people go, and whether ferries are used.
    elevation : Elevation, optional
        Heights: people on foot and on bicycles are slower uphill.  Cars are not.

    Returns
    -------
    tuple of StreetGraph and GraphReport
        The graph, the same for any order of ways; and what became of the streets.

    Raises
    ------
    SchemaError
        No street can be used by this mode.
    UnknownNameError
        No such mode.

    Notes
    -----
    Time along a chain of pieces is added up in floating point and rounded once to deciseconds, at least 1; spots on it
    are rounded along the same sum, so that the way to a spot and on from there is exactly the chain's time.

    Turn restrictions hold for cars.  A vertex with forbidden turns is split by the street one comes from (exact), and
    is no spot: its neighbours, at most 50 m away, are.  Restrictions via ways are counted as ignored.  U-turns are free
    at every junction and end of a street where none is forbidden; nobody turns round in between.

    Nobody gets on or off on motorways, in tunnels, at sea.

    Examples
    --------
    A street of 1 km, walked at 4.8 km/h, is one edge each way; spots are every 50 m:

    >>> place = np.array([[8.0, 49.0], [8.0, 49.008992]])
    >>> lines = StreetLines(place=place, vertex_id=np.array([1, 2]), indptr=np.array([0, 2]), vertex=np.array([0, 1]),
    ...                     way_id=np.array([7]), kind=np.array([0]), kinds=({"highway": "residential"},))
    >>> graph, report = build_graph(lines, "walk")
    >>> graph.cost.tolist(), len(graph.spot_place), round(report.length_km, 3)
    ([7500, 7500], 21, 1.0)
    """
    speeds = speeds or Speeds()
    uses = [use_of(tags, mode, speeds) for tags in lines.kinds]
    left_out, unknown = counted(lines, uses)
    drawn = pieces_of(lines, uses)
    if not len(drawn):
        told = ", ".join(f"{why}: {n}" for why, n in list(left_out.items())[:5])
        raise SchemaError(f"no street can be used by mode {mode!r} (left out: {told}). Check the file and the mode.")
    closed_at, closed = close_barriers(drawn, lines, mode)
    forbidden = _turns(lines, closed_at, closed) if mode == "drive" else Forbidden()
    slopes = elevation is not None and mode in ("walk", "bike")
    pieces, starts = cut_long(closed_at, SAMPLE_M if slopes else SPOT_M)
    flat: dict[str, Any] = {}
    if elevation is not None and slopes:
        pieces, flat = _sloped(pieces, elevation, mode)
    streets = compact(pieces, closed_at.u, starts, forbidden)
    graph = StreetGraph(mode=mode, **streets.arrays)
    report = GraphReport(
        mode=mode,
        ways=len(lines.way_id),
        ways_used=len(lines.way_id) - sum(left_out.values()),
        left_out=left_out,
        not_understood=unknown,
        barriers_closed=len(closed),
        turns_applied=forbidden.applied,
        turns_ignored=dict(sorted(forbidden.ignored.items())),
        nodes=len(graph.node_place),
        edges=len(graph.head),
        spots=len(graph.spot_place),
        vertices=len(drawn.place),
        notes=lines.notes,
        **flat,
        **_islands(graph, streets),
    )
    return graph, report


def _turns(lines: StreetLines, pieces: Pieces, closed: frozenset[int]) -> Forbidden:
    """Forbidden turns, by vertex and piece."""
    rank = np.full(len(lines.place), -1, dtype=np.int64)
    # copies of vertices at barriers come last, and the first of a name is the vertex itself
    rank[pieces.vertex[::-1]] = np.arange(len(pieces.vertex))[::-1]
    turns = [turn._replace(via=int(rank[turn.via]) if turn.via >= 0 else -1) for turn in lines.turns]
    segments = Segments(pieces.way_id, pieces.u, pieces.v, np.isfinite(pieces.ahead_s), np.isfinite(pieces.back_s))
    return forbidden_turns(turns, segments, closed)


def _sloped(pieces: Pieces, elevation: Elevation, mode: str) -> tuple[Pieces, dict[str, Any]]:
    """Change the times of pieces by their slope, and count those left flat."""
    height = elevation.at(pieces.place)
    rise = height[pieces.v] - height[pieces.u]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(pieces.length_m > 0, rise / pieces.length_m, 0.0)
    unknown = np.isnan(slope)
    slope = np.where(unknown | pieces.level, 0.0, slope)
    factor = tobler if mode == "walk" else cycling
    flat: dict[str, Any] = {
        "level_pieces": int(pieces.level.sum()),
        "unknown_height": int((unknown & ~pieces.level).sum()),
        "cut_slopes": int((np.abs(slope) > STEEPEST).sum()),
    }
    return replace(pieces, ahead_s=pieces.ahead_s * factor(slope), back_s=pieces.back_s * factor(-slope)), flat


def _islands(graph: StreetGraph, streets: Compact) -> dict[str, Any]:
    """Measure the strongly connected parts."""
    nodes = np.bincount(graph.component)
    part = graph.component[streets.ends]
    inside = part[:, 0] == part[:, 1]
    km = np.bincount(part[inside, 0], weights=streets.length_m[inside] / 1000, minlength=len(nodes))
    first = np.unique(graph.component, return_index=True)[1]
    told = tuple(
        Island(
            nodes=int(nodes[k]),
            length_km=round(float(km[k]), 3),
            longitude=round(float(graph.node_place[first[k], 0]), 6),
            latitude=round(float(graph.node_place[first[k], 1]), 6),
        )
        for k in range(1, min(len(nodes), _ISLANDS_TOLD + 1))
    )
    return {
        "length_km": float(streets.length_m.sum() / 1000),
        "islands": len(nodes) - 1,
        "island_nodes": int(nodes[1:].sum()),
        "main_km": float(km[0]),
        "island_km": float(km[1:].sum()),
        "between_km": float(streets.length_m[~inside].sum() / 1000),
        "largest_islands": told,
    }
