"""Times over streets: the network from its file, slopes, and what became of both in words."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from civigrid.errors import SourceError
from civigrid.io.elevation import read_elevation
from civigrid.io.streets import read_streets
from civigrid.run.access.asked import Asked
from civigrid.run.paths import resolve
from civigrid.source import Finding
from civigrid.travel.build_graph import build_graph
from civigrid.travel.graph import StreetGraph
from civigrid.travel.lines import StreetLines
from civigrid.travel.modes import Speeds
from civigrid.travel.street_report import StreetReport


class Network(NamedTuple):
    """A graph of one mode, and what was noticed when it was made."""

    graph: StreetGraph
    findings: tuple[Finding, ...]


def read_network(
    path: Path,
    mode: str,
    *,
    speed_kmh: float,
    nodes: Path | None = None,
    crs: str = "",
    ferries: bool = False,
    elevation: Path | None = None,
) -> Network:
    """Read streets and build the graph of a mode.

    Parameters
    ----------
    path : Path
        ``.osm.pbf``, a file of street lines, or a table of edges.
    mode : str
        ``walk``, ``bike``, ``drive``.
    speed_kmh : float
        Walking speed.
    nodes : Path, optional
        Table of nodes that a table of edges names.
    crs : str
        Coordinate system of a file that names none.
    ferries : bool
        Whether ferries are used.
    elevation : Path, optional
        Raster of heights.
    """
    try:
        lines = streets_of(path, nodes, crs)
    except SourceError as error:
        if nodes is None and path.suffix in (".parquet", ".csv"):
            raise SourceError(f"{error} Where it is a table of edges, name its table of nodes too (nodes).") from error
        raise
    speeds = Speeds(walk_kmh=speed_kmh, ferries=ferries)
    heights = read_elevation(elevation, lines.bounds) if elevation is not None else None
    graph, report = build_graph(lines, mode, speeds=speeds, elevation=heights)
    return Network(graph, tuple(report.findings()))


@functools.lru_cache(maxsize=1)
def _streets(path: Path, nodes: Path | None, crs: str, _changed: int) -> StreetLines:
    return read_streets(path, nodes=nodes, crs=crs)


def streets_of(path: Path, nodes: Path | None, crs: str) -> StreetLines:
    """Read streets, once for all modes that use the same file."""
    return _streets(path, nodes, crs, path.stat().st_mtime_ns if path.exists() else 0)


def told_of(report: StreetReport) -> list[Finding]:
    """Say how places met the streets."""
    found = []
    for what, lost, island in (
        ("cells", report.lost_cells, report.island_cells),
        ("services", report.lost_sites, report.island_sites),
    ):
        ids = (lost.tolist(), island.tolist())
        for code, some, text in (
            ("far", ids[0], f"lie further than {report.limit_m:g} m from any street: unreachable"),
            ("island", ids[1], "lie on streets that are not joined to the main network"),
        ):
            if some:
                shown = tuple(str(i) for i in some[:5]) if what == "services" else ()
                found.append(Finding("warning", f"snap.{code}", f"{len(some)} {what} {text}", len(some), shown))
    if report.partly:
        text = "pairs whose time is a mean over some of the cell's people, at least half of them"
        found.append(Finding("note", "snap.partly", f"{report.partly} {text}", report.partly))
    return found


def facts_of(report: StreetReport) -> dict[str, Any]:
    """How far places are from the streets, metres."""
    facts: dict[str, Any] = {}
    for what, on in (("cells", report.origins), ("services", report.sites)):
        near = on.metres[~on.beyond]
        if len(near):
            facts[f"metres_from_street_{what}"] = {
                "median": round(float(np.median(near)), 1),
                "furthest": round(float(near.max()), 1),
            }
    return facts


def network_of(asked: Asked, mode: str) -> Network:
    """Read the network that is asked for, as a mode uses it."""
    item = asked.item
    path = asked.path(item.network, "network")
    asked.announce(f"reading streets of {path.name}")
    elevation = resolve(item.elevation, asked.base) if item.elevation else None
    nodes = resolve(item.nodes, asked.base) if item.nodes else None
    return read_network(
        path, mode, speed_kmh=item.speed_kmh, nodes=nodes, crs=item.crs, ferries=item.ferries, elevation=elevation
    )
