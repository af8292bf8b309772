"""From the tags of a street to how each mode uses it: access, direction, speed."""

from __future__ import annotations

import re

from civigrid.errors import unknown_name
from civigrid.travel.limits import limit_kmh
from civigrid.travel.lines import Tags
from civigrid.travel.modes import (
    CLASSES,
    MODES,
    NOT_BUILT,
    ROUGH,
    SURFACES,
    TRACKS,
    Access,
    Class,
    Speeds,
    Use,
    access_of,
)

Unknown = tuple[tuple[str, str], ...]
_WITH = frozenset({"yes", "true", "1"})
_AGAINST = frozenset({"-1", "reverse"})
_BOTH = frozenset({"no", "false", "0", "alternating", "opposite"})
_SIDEWALK = frozenset({"yes", "both", "left", "right", "separate"})
_ISO = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d+):)?(\d+)(?::(\d\d))?")


def use_of(tags: Tags, mode: str, speeds: Speeds) -> Use:
    """Judge one kind of street for one mode.

    Parameters
    ----------
    tags : mapping of str to str
        Its tags, as in OpenStreetMap; ``speed_kmh`` and ``walk``, ``bike``, ``drive`` of an edge table.
    mode : {"walk", "bike", "drive"}
        The mode.
    speeds : Speeds
        How fast people go.

    Returns
    -------
    Use
        Speeds both ways, or the reason why it is not used.

    Raises
    ------
    UnknownNameError
        No such mode.

    Examples
    --------
    >>> use_of({"highway": "residential", "oneway": "yes", "maxspeed": "30"}, "drive", Speeds())[:2]
    (24.0, 0.0)
    >>> use_of({"highway": "motorway"}, "walk", Speeds()).reason
    'no access by class (motorway)'
    """
    if mode not in MODES:
        raise unknown_name("mode", mode, MODES)
    if "speed_kmh" in tags:
        return _stated(tags, mode, speeds)
    if "highway" not in tags:
        return _ferry(tags, mode, speeds) if tags.get("route") == "ferry" else Use(reason="not a street")
    name = tags["highway"]
    if name in NOT_BUILT:
        return Use(reason="not built")
    if name not in CLASSES:
        return Use(reason=f"highway={name} is not known")
    access = access_of(tags, mode)
    if mode == "walk":
        return _walk(tags, CLASSES[name], access, speeds)
    if mode == "bike":
        return _bike(tags, CLASSES[name], access, speeds)
    return _drive(tags, CLASSES[name], access, speeds)


def _shut(tags: Tags, access: Access) -> Use:
    why = f"{access.key}={access.word}" if access.key else f"no access by class ({tags['highway']})"
    return Use(reason=why, unknown=access.unknown)


def _walk(tags: Tags, row: Class, access: Access, speeds: Speeds) -> Use:
    beside = any(tags.get(key) in _SIDEWALK for key in tags if key.startswith("sidewalk"))
    usual = (row.walk and tags.get("motorroad") != "yes") or beside
    if not (usual if access.open is None else access.open):
        return _shut(tags, access)
    steps = tags["highway"] == "steps"
    speed = speeds.walk_kmh * (speeds.steps_share if steps else 1.0)
    ahead, back, unknown = _direction(tags, ("oneway:foot",))
    ahead, back = ahead and tags.get("conveying") != "backward", back and tags.get("conveying") != "forward"
    return _use(tags, access.unknown + unknown, speed * ahead, speed * back, level=steps)


def _bike(tags: Tags, row: Class, access: Access, speeds: Speeds) -> Use:
    usual = row.bike == "ride" and tags.get("motorroad") != "yes"
    rides = usual if access.open is None else access.open
    if not rides or access.word == "dismount":
        # where one may not ride, one may push; bicycle=private keeps out those on foot, too
        if access.key == "bicycle" and access.word not in ("no", "dismount"):
            return _shut(tags, access)
        walk = _walk(tags, row, access_of(tags, "walk"), speeds)
        return walk if not walk.reason else _shut(tags, access)
    steps = tags["highway"] == "steps"
    if steps:
        return _walk(tags, row, Access(True, access.key, access.word, access.unknown), speeds)
    speed = speeds.bike_kmh * _smooth(tags)
    if _contraflow(tags) and "oneway:bicycle" not in tags:
        return _use(tags, access.unknown, speed, speed)
    ahead, back, unknown = _direction(tags, ("oneway:bicycle", "oneway:vehicle", "oneway"))
    return _use(tags, access.unknown + unknown, speed * ahead, speed * back)


def _smooth(tags: Tags) -> float:
    """Share of its speed a bicycle keeps."""
    if "surface" in tags:
        return SURFACES.get(tags["surface"], 1.0)
    if tags.get("tracktype") in TRACKS:
        return TRACKS[tags["tracktype"]]
    return ROUGH if tags["highway"] in ("track", "path", "bridleway") else 1.0


def _contraflow(tags: Tags) -> bool:
    """Whether bicycles may ride against a one-way street."""
    if tags.get("bicycle") == "opposite" or any(
        tags.get(f"cycleway{side}", "").startswith("opposite") for side in ("", ":left", ":right", ":both")
    ):
        return True
    return any(tags.get(f"cycleway:{side}:oneway") in ("-1", "no") for side in ("left", "right"))


def _drive(tags: Tags, row: Class, access: Access, speeds: Speeds) -> Use:
    if not (row.drive if access.open is None else access.open):
        return _shut(tags, access)
    keys = ("oneway:motorcar", "oneway:motor_vehicle", "oneway:vehicle", "oneway")
    ahead, back, unknown = _direction(tags, keys)
    speed, odd = [], access.unknown + unknown
    for side in ("forward", "backward"):
        limit, strange = _limit(tags, side)
        odd += tuple(pair for pair in strange if pair not in odd)
        fast = limit * speeds.drive_share if limit else row.drive_kmh
        speed.append(min(fast, speeds.drive_most_kmh))
    fenced = tags["highway"] in ("motorway", "motorway_link") or tags.get("motorroad") == "yes"
    return _use(tags, odd, speed[0] * ahead, speed[1] * back, fenced=fenced)


def _limit(tags: Tags, side: str) -> tuple[float, Unknown]:
    """Limit in one direction, km/h, 0 where none is known, and what was not understood."""
    unknown: list[tuple[str, str]] = []
    for key in (f"maxspeed:{side}", "maxspeed", "maxspeed:type", "source:maxspeed"):
        if key not in tags:
            continue
        limit = limit_kmh(tags[key])
        if limit:
            return limit, tuple(unknown)
        # other words for where a limit comes from ("sign") are no faults
        if limit is None and key.startswith("maxspeed") and key != "maxspeed:type":
            unknown.append((key, tags[key]))
    return 0.0, tuple(unknown)


def _direction(tags: Tags, keys: tuple[str, ...]) -> tuple[bool, bool, Unknown]:
    """Whether the way is open as drawn and against it; the first key that is understood decides."""
    unknown: list[tuple[str, str]] = []
    for key in keys:
        word = tags.get(key)
        if word in _WITH:
            return True, False, tuple(unknown)
        if word in _AGAINST:
            return False, True, tuple(unknown)
        if word in _BOTH:
            return True, True, tuple(unknown)
        if word == "reversible":
            return False, False, tuple(unknown)
        if word:
            unknown.append((key, word))
    round_ = tags.get("junction") in ("roundabout", "circular") or tags.get("highway") == "motorway"
    return True, not ("oneway" in keys and round_), tuple(unknown)


def _use(tags: Tags, unknown: Unknown, ahead: float, back: float, *, fenced: bool = False, level: bool = False) -> Use:
    tunnel = tags.get("tunnel", "no") not in ("no", "building_passage")
    bridge = tags.get("bridge", "no") != "no"
    return Use(
        ahead,
        back,
        board=not (fenced or (tunnel and tags["highway"] not in ("footway", "corridor", "steps", "pedestrian"))),
        level=level or tunnel or bridge,
        reason="" if ahead or back else "open in no fixed direction",
        unknown=unknown,
    )


def _ferry(tags: Tags, mode: str, speeds: Speeds) -> Use:
    """Ferries take everyone on foot, bicycles unless told otherwise, and cars where a tag of theirs says so."""
    if not speeds.ferries:
        return Use(reason="ferry")
    access = access_of(tags, mode)
    if not (mode != "drive" if access.open is None else access.open):
        return Use(reason=f"{access.key}={access.word}" if access.key else "ferry without cars", unknown=access.unknown)
    ahead, back, unknown = _direction(tags, ("oneway",))
    seconds = [seconds_of(tags.get(f"duration:{way}", tags.get("duration", ""))) for way in ("forward", "backward")]
    return Use(
        speeds.ferry_kmh * ahead,
        speeds.ferry_kmh * back,
        seconds[0] * ahead,
        seconds[1] * back,
        board=False,
        level=True,
        reason="" if ahead or back else "open in no fixed direction",
        unknown=access.unknown + unknown,
    )


def seconds_of(duration: str) -> float:
    """Seconds of a tagged duration: ``H:MM``, ``H:MM:SS``, minutes, or ISO 8601; 0 where it is none of these.

    >>> [seconds_of(w) for w in ("1:45", "15", "PT1H3M", "soon")]
    [6300.0, 900.0, 3780.0, 0.0]
    """
    if iso := _ISO.fullmatch(duration.strip()):
        hours, minutes, seconds = (float(part or 0) for part in iso.groups())
        return hours * 3600 + minutes * 60 + seconds
    if clock := _CLOCK.fullmatch(duration.strip()):
        hours, minutes, seconds = (float(part or 0) for part in clock.groups())
        return hours * 3600 + minutes * 60 + seconds
    return 0.0


def _stated(tags: Tags, mode: str, speeds: Speeds) -> Use:
    """Street of an edge table, which states who uses it and how fast cars are."""
    # where a table has no column for bicycles, they go wherever people walk
    word = tags.get(mode, tags.get("walk", "yes") if mode == "bike" else "yes")
    if word != "yes":
        return Use(reason=f"{mode}=no in the edge table")
    ahead, back, unknown = _direction(tags, () if mode == "walk" else ("oneway",))
    speed = {"walk": speeds.walk_kmh, "bike": speeds.bike_kmh, "drive": float(tags["speed_kmh"])}[mode]
    return Use(speed * ahead, speed * back, unknown=unknown)
