"""Turn restrictions: which pairs of streets may not follow each other at a vertex, and which cannot be applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from civigrid.travel.lines import Turn
from civigrid.types import Bools, Ints

BOUND_BY = frozenset({"motorcar", "motor_vehicle", "vehicle"})
"""A restriction that exempts one of these does not bind cars."""

_ELSEWHERE = "its ways do not meet at its node, or are closed to cars"
_AGAINST = "leads against a one-way street anyway"


@dataclass(frozen=True)
class Segments:
    """Segments of streets as turns see them: way, ends, directions; shape (segment,) each."""

    way_id: Ints
    u: Ints
    v: Ints
    ahead: Bools
    back: Bools


@dataclass
class Forbidden:
    """Turns that may not be made.

    Parameters
    ----------
    pairs : dict of (int, int) to set of int
        By vertex and the segment it is reached by: segments it may not be left by.
    applied : int
        Restrictions that are in force.
    ignored : Counter of str
        The others, by reason.
    """

    pairs: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    applied: int = 0
    ignored: Counter[str] = field(default_factory=Counter)

    @property
    def vertices(self) -> Ints:
        """Vertices with a turn that may not be made, sorted."""
        return np.unique(np.array([vertex for vertex, _ in self.pairs], dtype=np.int64))


def forbidden_turns(turns: Sequence[Turn], segments: Segments, closed: frozenset[int]) -> Forbidden:
    """Find the segments that each restriction means.

    Parameters
    ----------
    turns : sequence of Turn
        Restrictions; `via` is a vertex of the segments.
    segments : Segments
        Segments that cars use.
    closed : frozenset of int
        Vertices with a barrier, where nobody turns.

    Returns
    -------
    Forbidden
        An ``only_...`` forbids every other way on from where it comes, the way back included; several from one street
        allow what any of them allows.
    """
    found = Forbidden()
    at = _ends_at(segments, {turn.via for turn in turns})
    allowed: dict[tuple[int, int], set[int]] = {}
    for turn in sorted(turns):
        reason, arrive, leave = _read(turn, segments, at, closed)
        if reason:
            found.ignored[reason] += 1
            continue
        found.applied += 1
        for came in arrive:
            rule = allowed if turn.rule.startswith("only_") else found.pairs
            rule.setdefault((turn.via, came), set()).update(leave)
    for (vertex, came), ways_on in allowed.items():
        others = {s for s, out in at[vertex] if out} - ways_on
        found.pairs.setdefault((vertex, came), set()).update(others)
    return found


def _ends_at(segments: Segments, vertices: set[int]) -> Mapping[int, list[tuple[int, bool]]]:
    """By vertex, segments with an end there, each with whether it leads away (twice where it leads both ways)."""
    wanted = np.array(sorted(vertices - {-1}), dtype=np.int64)
    at: dict[int, list[tuple[int, bool]]] = {int(v): [] for v in wanted}
    for end, away, toward in ((segments.u, segments.ahead, segments.back), (segments.v, segments.back, segments.ahead)):
        for s in np.flatnonzero(np.isin(end, wanted)):
            at[int(end[s])] += [(int(s), out) for out, is_open in ((True, away[s]), (False, toward[s])) if is_open]
    return at


def _read(
    turn: Turn, segments: Segments, at: Mapping[int, list[tuple[int, bool]]], closed: frozenset[int]
) -> tuple[str, list[int], list[int]]:
    """Why a restriction is not applied (empty: it is), and its segments towards and away from its vertex."""
    if turn.fault:
        return turn.fault, [], []
    if BOUND_BY & set(turn.exempt):
        return "does not bind cars", [], []
    if turn.via < 0:
        return _ELSEWHERE, [], []
    if turn.via in closed:
        return "a barrier closes its node", [], []
    arrive: list[int] = []
    leave: list[int] = []
    for ways, side, out in ((turn.from_ways, arrive, False), (turn.to_ways, leave, True)):
        own = [(s, leads_out) for s, leads_out in at[turn.via] if segments.way_id[s] in ways]
        side += [s for s, leads_out in own if leads_out == out]
        if not side:
            return _AGAINST if own else _ELSEWHERE, [], []
        if len({int(segments.way_id[s]) for s in side}) < len(side):
            return "a way runs through its node", [], []
    return "", arrive, leave
