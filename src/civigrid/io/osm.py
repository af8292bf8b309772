"""OpenStreetMap extracts (.osm.pbf, .osm): streets, barriers and turn restrictions, read once for all modes."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import osmium
from osmium.filter import KeyFilter, TagFilter
from osmium.osm import NODE, RELATION, WAY

from civigrid.errors import SourceError
from civigrid.travel.lines import BARRIER_KEYS, WAY_KEYS, StreetLines, Tags, Turn
from civigrid.types import Ints

_PER_DEGREE = 1e7
"""OpenStreetMap keeps degrees to seven places, as whole numbers."""
_RULES = ("restriction", "restriction:motor_vehicle", "restriction:motorcar")


def read_osm(path: Path) -> StreetLines:
    """Read the streets of an OpenStreetMap extract.

    Parameters
    ----------
    path : Path
        ``.osm.pbf`` or any file that osmium reads.

    Returns
    -------
    StreetLines
        Ways with ``highway``, ferries, barriers on them, and turn restrictions.  `notes` tells of ways cut where the
        extract lacks a node, and of ways with fewer than two nodes left.

    Raises
    ------
    SourceError
        The file is absent, damaged or cut off, or holds no streets.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError(f"{path} does not exist. Check the path, and CIVIGRID_DATA where the path uses it.")
    found = _Found()
    try:
        _read(path, found)
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
        raise SourceError(
            f"{path.name} cannot be read as an OpenStreetMap file ({error}). Is it cut off? Download it again, and "
            "compare its size and checksum."
        ) from error
    if not found.way_id:
        raise SourceError(
            f"{path.name} holds no ways with a highway tag and two nodes that are in the file. Is it the right extract?"
        )
    return found.lines()


class _Found:
    """Streets as they come out of the file."""

    def __init__(self) -> None:
        self.x, self.y, self.ref = array("q"), array("q"), array("q")
        self.size, self.way_id, self.kind = array("q"), array("q"), array("q")
        self.kinds: dict[tuple[tuple[str, str], ...], int] = {}
        self.barriers: dict[int, Tags] = {}
        self.turns: list[Turn] = []
        self.notes: Counter[str] = Counter()

    def way(self, way: Any) -> None:
        """Take a way, cut where nodes are missing."""
        tags = tuple(sorted((t.k, t.v) for t in way.tags if t.k in WAY_KEYS))
        kind = self.kinds.setdefault(tags, len(self.kinds))
        whole, count, used = True, 0, 0
        for node in way.nodes:
            location = node.location
            if location.valid():
                self.x.append(location.x)
                self.y.append(location.y)
                self.ref.append(node.ref)
                count += 1
                continue
            whole = False
            used += self._end(way.id, kind, count)
            count = 0
        used += self._end(way.id, kind, count)
        self.notes["ways cut at nodes that are not in the file"] += not whole
        self.notes["ways with fewer than two nodes in the file"] += not used

    def _end(self, way_id: int, kind: int, count: int) -> bool:
        """Close a run of nodes; one alone is no street."""
        if count < 2:
            for column in (self.x, self.y, self.ref):
                del column[len(column) - count :]
            return False
        self.size.append(count)
        self.way_id.append(way_id)
        self.kind.append(kind)
        return True

    def turn(self, relation: Any) -> None:
        """Take a turn restriction; its node is an id until `lines` finds the vertex."""
        tags = {t.k: t.v for t in relation.tags}
        rule = next((tags[key] for key in _RULES if key in tags), "")
        ways: dict[str, list[int]] = {"from": [], "to": [], "via": []}
        nodes = []
        for member in relation.members:
            if member.type == "w" and member.role in ways:
                ways[member.role].append(member.ref)
            elif member.type == "n" and member.role == "via":
                nodes.append(member.ref)
        fault = _fault(tags, rule, len(nodes), ways)
        via = nodes[0] if len(nodes) == 1 else -1
        exempt = tuple(sorted(word.strip() for word in tags.get("except", "").split(";") if word.strip()))
        self.turns.append(Turn(relation.id, rule, tuple(ways["from"]), tuple(ways["to"]), via, exempt, fault))

    def lines(self) -> StreetLines:
        """Give what was found, with vertices numbered."""
        ref = np.array(self.ref, dtype=np.int64)
        ids, first, vertex = np.unique(ref, return_index=True, return_inverse=True)
        place = np.stack([np.array(self.x), np.array(self.y)], axis=1)[first] / _PER_DEGREE
        barrier = np.array(sorted(self.barriers), dtype=np.int64)
        at = _positions(ids, barrier)
        return StreetLines(
            place=place,
            vertex_id=ids,
            indptr=np.concatenate([[0], np.cumsum(np.array(self.size, dtype=np.int64))]),
            vertex=vertex.astype(np.int64),
            way_id=np.array(self.way_id, dtype=np.int64),
            kind=np.array(self.kind, dtype=np.int64),
            kinds=tuple(dict(tags) for tags in self.kinds),
            barrier=at[at >= 0],
            barriers=tuple(self.barriers[int(b)] for b in barrier[at >= 0]),
            turns=_placed(self.turns, ids, self.way_id),
            notes={note: n for note, n in sorted(self.notes.items()) if n},
        )


def _read(path: Path, found: _Found) -> None:
    """Run through the file once."""
    reader: Any = osmium.FileProcessor(str(path), NODE | WAY | RELATION).with_locations()
    wanted: tuple[tuple[Any, Any], ...] = (
        (KeyFilter("barrier"), NODE),
        (KeyFilter("highway", "route"), WAY),
        (TagFilter(("type", "restriction")), RELATION),
    )
    for only, entity in wanted:
        only.enable_for(entity)
        reader = reader.with_filter(only)
    for thing in reader:
        if thing.is_way():
            if "highway" in thing.tags or thing.tags.get("route") == "ferry":
                found.way(thing)
        elif thing.is_node():
            found.barriers[thing.id] = {t.k: t.v for t in thing.tags if t.k in BARRIER_KEYS}
        else:
            found.turn(thing)


def _fault(tags: Tags, rule: str, nodes: int, ways: dict[str, list[int]]) -> str:
    """Why a restriction cannot be applied, by its tags and members alone; empty: nothing is wrong."""
    if not rule:
        others = [key for key in tags if key.startswith("restriction")]
        conditional = any(key.endswith(":conditional") for key in others)
        return "holds at certain times only" if conditional else "does not bind cars"
    if not rule.startswith(("no_", "only_")):
        return "its rule is not known"
    if ways["via"]:
        return "leads via ways"
    if nodes != 1 or not ways["from"] or not ways["to"]:
        return "lacks a member"
    return ""


def _positions(ids: Ints, wanted: Ints) -> Ints:
    """Where each wanted id stands among the sorted ids; -1: nowhere."""
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[at] == wanted, at, -1)


def _placed(turns: list[Turn], ids: Ints, way_id: Iterable[int]) -> tuple[Turn, ...]:
    """Turn restrictions with the vertex in place of the node's id."""
    here = set(way_id)
    at = _positions(ids, np.array([turn.via for turn in turns], dtype=np.int64)).tolist()
    placed = []
    for turn, via in zip(turns, at, strict=True):
        absent = not turn.fault and (via < 0 or not here & set(turn.from_ways) or not here & set(turn.to_ways))
        placed.append(turn._replace(via=via, fault="its members are not in the file" if absent else turn.fault))
    return tuple(sorted(placed))
