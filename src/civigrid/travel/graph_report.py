"""What became of the streets when a graph was built: for the user, and for a reviewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from civigrid.source import Finding, Report


@dataclass(frozen=True, kw_only=True)
class Island:
    """Streets that cannot be reached from the others and left again."""

    nodes: int
    length_km: float
    longitude: float
    latitude: float


@dataclass(frozen=True, kw_only=True)
class GraphReport:
    """What became of the streets.

    Parameters
    ----------
    mode : str
        The mode.
    ways, ways_used : int
        Ways read, and ways this mode uses.
    left_out : mapping of str to int
        Ways not used, by reason.
    not_understood : mapping of str to int
        Values of tags that were passed over, as ``key=value``, and the ways that have them.
    barriers_closed : int
        Barriers that stop this mode.
    turns_applied : int
        Turn restrictions in force.
    turns_ignored : mapping of str to int
        The others, by reason.
    nodes, edges, spots, vertices : int
        Size of the graph, and vertices of the streets before contraction.
    length_km : float
        Length of the streets used.
    islands : int
        Strongly connected parts beside the largest.
    island_nodes : int
        Their nodes.
    main_km, island_km, between_km : float
        Length of the streets in the largest part, in the others, and from one part to another.
    largest_islands : tuple of Island
        The largest of them, each with a place on it.
    level_pieces, unknown_height, cut_slopes : int
        With an elevation raster: pieces taken as flat on bridges, in tunnels and on steps; because no height is known;
        and pieces steeper than can be.
    notes : mapping of str to int
        What the reader left out or mended.
    """

    mode: str
    ways: int
    ways_used: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    not_understood: Mapping[str, int] = field(default_factory=dict)
    barriers_closed: int = 0
    turns_applied: int = 0
    turns_ignored: Mapping[str, int] = field(default_factory=dict)
    nodes: int = 0
    edges: int = 0
    spots: int = 0
    vertices: int = 0
    length_km: float = 0.0
    islands: int = 0
    island_nodes: int = 0
    main_km: float = 0.0
    island_km: float = 0.0
    between_km: float = 0.0
    largest_islands: tuple[Island, ...] = ()
    level_pieces: int = 0
    unknown_height: int = 0
    cut_slopes: int = 0
    notes: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, for JSON."""
        plain = asdict(self)
        return {k: dict(v) if isinstance(v, Mapping) else v for k, v in plain.items()}

    def findings(self) -> Report:
        """Give the findings a user should see."""
        told: list[Finding] = []

        def tell(level: Any, code: str, text: str, counts: Mapping[str, int]) -> None:
            if counts:
                shown = tuple(f"{word}: {n}" for word, n in counts.items())[:5]
                told.append(Finding(level, code, f"{self.mode}: {text}", sum(counts.values()), shown))

        tell("note", "streets.left-out", f"{self.ways - self.ways_used} of {self.ways} ways left out", self.left_out)
        tell("warning", "streets.not-understood", "values of tags not understood", self.not_understood)
        tell("note", "streets.turns-ignored", "turn restrictions not applied", self.turns_ignored)
        tell("warning", "streets.reader", "left out or mended in reading", self.notes)
        tell("warning", "streets.no-height", "pieces without a known height are flat",
             {"pieces": self.unknown_height} if self.unknown_height else {})  # fmt: skip
        if self.islands:
            text = (
                f"{self.mode}: {self.islands} islands of {self.island_nodes} nodes and {self.island_km:.1f} km beside "
                f"the main network of {self.main_km:.1f} km"
            )
            where = tuple(
                f"{i.nodes} nodes, {i.length_km:.1f} km at {i.latitude:.4f}, {i.longitude:.4f}"
                for i in self.largest_islands[:3]
            )
            told.append(Finding("note", "streets.islands", text, self.islands, where))
        return Report(tuple(told))
