"""Who may use a street, and how fast: from its tags, by mode.  Every default stands in a table here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from civigrid.errors import unknown_name
from civigrid.travel.lines import Tags

Mode = Literal["walk", "bike", "drive"]
MODES: tuple[Mode, ...] = ("walk", "bike", "drive")


class Class(NamedTuple):
    """What a class of street means where nothing else is tagged.

    Parameters
    ----------
    walk : bool
        Whether people walk there.
    bike : {"ride", "push", ""}
        Whether bicycles are ridden, pushed, or kept out.
    drive : bool
        Whether cars may drive there.
    drive_kmh : float
        Speed cars reach there where no limit is known, or where a tag lets them in, km/h.
    """

    walk: bool
    bike: str
    drive: bool
    drive_kmh: float


CLASSES: dict[str, Class] = {
    "motorway": Class(False, "", True, 100),
    "motorway_link": Class(False, "", True, 50),
    "trunk": Class(True, "ride", True, 70),
    "trunk_link": Class(True, "ride", True, 40),
    "primary": Class(True, "ride", True, 45),
    "primary_link": Class(True, "ride", True, 35),
    "secondary": Class(True, "ride", True, 40),
    "secondary_link": Class(True, "ride", True, 30),
    "tertiary": Class(True, "ride", True, 35),
    "tertiary_link": Class(True, "ride", True, 30),
    "unclassified": Class(True, "ride", True, 30),
    "road": Class(True, "ride", True, 25),
    "residential": Class(True, "ride", True, 25),
    "living_street": Class(True, "ride", True, 7),
    "service": Class(True, "ride", True, 12),
    "services": Class(True, "ride", True, 12),
    "rest_area": Class(True, "ride", True, 12),
    "track": Class(True, "ride", False, 15),
    "busway": Class(False, "", False, 30),
    "bus_guideway": Class(False, "", False, 30),
    "cycleway": Class(True, "ride", False, 10),
    "path": Class(True, "ride", False, 10),
    "bridleway": Class(True, "push", False, 10),
    "pedestrian": Class(True, "push", False, 7),
    "footway": Class(True, "push", False, 7),
    "platform": Class(True, "push", False, 7),
    "corridor": Class(True, "push", False, 7),
    "crossing": Class(True, "push", False, 7),
    "elevator": Class(True, "push", False, 7),
    "steps": Class(True, "push", False, 7),
}
"""Classes of ``highway`` (access: OpenStreetMap wiki, Access restrictions, worldwide row; speeds: ours)."""
NOT_BUILT = frozenset({"proposed", "construction", "planned", "abandoned", "disused", "razed", "demolished", "removed"})

ACCESS_KEYS: dict[str, tuple[str, ...]] = {
    "walk": ("foot", "access"),
    "bike": ("bicycle", "vehicle", "access"),
    "drive": ("motorcar", "motor_vehicle", "vehicle", "access"),
}
"""Access tags of each mode, the most special first: the first that is understood decides."""
OPEN = frozenset(
    {
        "yes", "permissive", "designated", "official", "public", "destination", "customers", "customer", "delivery",
        "allowed", "opposite", "dismount", "use_sidepath",
    }
)  # fmt: skip
"""Values that let people in.  Who goes to a place there is let in: through traffic is not told apart.  A path beside
the street (``use_sidepath``) takes as long as the street, whether it is mapped on its own or not."""
SHUT = frozenset(
    {
        "no", "private", "agricultural", "forestry", "psv", "bus", "taxi", "hgv", "emergency",
        "military", "restricted", "residents", "residential", "permit", "service", "employees",
        "disabled", "closed", "tourist",
    }
)  # fmt: skip
"""Values that keep people out; of several values one that lets them in is enough."""

SURFACES: dict[str, float] = {
    "cobblestone": 0.6, "unhewn_cobblestone": 0.5, "sett": 0.75, "paving_stones": 0.95, "compacted": 0.85,
    "fine_gravel": 0.85, "gravel": 0.65, "pebblestone": 0.6, "unpaved": 0.7, "dirt": 0.65, "earth": 0.65,
    "ground": 0.65, "grass": 0.5, "grass_paver": 0.65, "mud": 0.35, "sand": 0.3, "wood": 0.8, "woodchips": 0.5,
    "rock": 0.4,
}  # fmt: skip
"""Share of its speed a bicycle keeps on each ``surface``; 1 on all others."""
TRACKS: dict[str, float] = {"grade1": 1.0, "grade2": 0.85, "grade3": 0.7, "grade4": 0.6, "grade5": 0.5}
"""The same by ``tracktype``, where no surface is tagged."""
ROUGH = 0.8
"""The same on a ``track`` or ``path`` of which nothing is known."""


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """How fast people go.

    Parameters
    ----------
    walk_kmh : float
        Walking, km/h; also pushing a bicycle.
    steps_share : float
        Share of walking speed kept on steps, along their length on the map (about 0.65 m/s).
    bike_kmh : float
        Cycling on a smooth level way, km/h.
    drive_share : float
        Speed of cars as a share of the limit: crossings, lights and other cars cost time.  No other time is taken for
        turns or crossings, and U-turns cost nothing.
    drive_most_kmh : float
        Fastest car, km/h.
    ferries : bool
        Whether ferries are used.  Without them islands are out of reach.
    ferry_kmh : float
        Ferries whose ``duration`` is not tagged, km/h; waiting is not counted.
    """

    walk_kmh: float = 4.8
    steps_share: float = 0.5
    bike_kmh: float = 15.0
    drive_share: float = 0.8
    drive_most_kmh: float = 130.0
    ferries: bool = False
    ferry_kmh: float = 15.0


class Use(NamedTuple):
    """How one mode uses a kind of street.

    Parameters
    ----------
    forward_kmh, backward_kmh : float
        Speed as drawn and against it; 0: not that way.
    forward_s, backward_s : float
        Stated seconds of the whole way, which hold instead; 0: none stated.
    board : bool
        Whether people get on and off along it: not on motorways, in tunnels, at sea.
    level : bool
        Whether slopes are left out of account: bridges, tunnels, steps, ferries.
    reason : str
        Why it is not used; empty: it is.
    unknown : tuple of (str, str)
        Keys and values that were not understood.
    """

    forward_kmh: float = 0.0
    backward_kmh: float = 0.0
    forward_s: float = 0.0
    backward_s: float = 0.0
    board: bool = True
    level: bool = False
    reason: str = ""
    unknown: tuple[tuple[str, str], ...] = ()


class Access(NamedTuple):
    """What the tags say: `open` is None where they say nothing; `word` is the value that decided."""

    open: bool | None
    key: str
    word: str
    unknown: tuple[tuple[str, str], ...]


def access_of(tags: Tags, mode: str) -> Access:
    """Read the access tags of one mode.

    >>> access_of({"access": "private", "foot": "yes"}, "walk").open
    True
    >>> access_of({"access": "private", "foot": "yes"}, "drive").open
    False
    """
    if mode not in ACCESS_KEYS:
        raise unknown_name("mode", mode, MODES)
    unknown: list[tuple[str, str]] = []
    for key in ACCESS_KEYS[mode]:
        words = {word.strip() for word in tags.get(key, "").lower().split(";")} - {""}
        for word in ("dismount", *sorted(OPEN & words)):
            if word in words:
                return Access(True, key, word, tuple(unknown))
        if SHUT & words:
            return Access(False, key, min(SHUT & words), tuple(unknown))
        if words and words != {"unknown"}:
            unknown.append((key, tags[key]))
    return Access(None, "", "", tuple(unknown))


BARRIERS_OPEN: dict[str, frozenset[str]] = {
    "drive": frozenset(
        {
            "gate", "lift_gate", "entrance", "toll_booth", "border_control", "cattle_grid", "sally_port",
            "height_restrictor", "checkpoint", "kerb", "bump", "no", "traffic_sign", "arch", "ticket",
        }
    ),
}  # fmt: skip
"""Barriers that cars pass where nothing else is tagged: all others stop them."""
BARRIERS_SHUT: dict[str, frozenset[str]] = {
    "walk": frozenset({"wall", "fence", "hedge", "retaining_wall", "city_wall"}),
    "bike": frozenset(
        {
            "wall", "fence", "hedge", "retaining_wall", "city_wall", "stile", "turnstile", "full-height_turnstile",
            "kissing_gate",
        }
    ),
}  # fmt: skip
"""Barriers that stop people on foot and bicycles where nothing else is tagged: they pass all others."""


def is_closed(tags: Tags, mode: str) -> bool:
    """Whether a barrier stops a mode.

    >>> [is_closed({"barrier": "bollard"}, mode) for mode in ("walk", "bike", "drive")]
    [False, False, True]
    """
    stated = access_of(tags, mode).open
    if stated is not None:
        return not stated
    kind = tags.get("barrier", "")
    if mode == "drive":
        return kind not in BARRIERS_OPEN["drive"]
    return kind in BARRIERS_SHUT[mode]


def class_table() -> Iterator[dict[str, Any]]:
    """Give the defaults of each class of street as rows, for documentation.

    >>> next(row for row in class_table() if row["highway"] == "steps")["bike"]
    'push'
    """
    for name, row in CLASSES.items():
        yield {"highway": name, **row._asdict()}
