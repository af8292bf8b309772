"""Speed limits as mappers write them: numbers, units, zones of countries, and the words for none."""

from __future__ import annotations

import re

KMH = {"": 1.0, "km/h": 1.0, "kmh": 1.0, "kph": 1.0, "mph": 1.609344, "knots": 1.852}
"""Units of a limit, in km/h."""
WALK_KMH = 7.0
"""What *walk* means on a sign, as courts in Germany read it: 4 to 7 km/h."""
NO_LIMIT_KMH = 130.0
"""Taken where there is no limit: Germany's advisory speed on motorways."""
ZONES = {
    "urban": 50.0, "rural": 90.0, "trunk": 100.0, "motorway": 120.0, "living_street": 10.0, "bicycle_road": 30.0,
    "school": 30.0, "walk": WALK_KMH, "none": NO_LIMIT_KMH, "single": 90.0,
}  # fmt: skip
"""Limit of each kind of zone, km/h, where the country below says nothing else."""
COUNTRIES = {
    "DE": {"rural": 100.0, "motorway": NO_LIMIT_KMH, "living_street": WALK_KMH},
    "AT": {"rural": 100.0, "motorway": 130.0},
    "BE": {"rural": 70.0},
    "BR": {"urban": 40.0, "rural": 100.0, "motorway": 110.0},
    "CH": {"rural": 80.0, "living_street": 20.0},
    "DK": {"rural": 80.0, "motorway": 130.0},
    "FI": {"rural": 80.0},
    "FR": {"rural": 80.0, "motorway": 130.0, "living_street": 20.0},
    "GB": {
        "urban": 48.28032, "rural": 96.56064, "motorway": 112.65408, "nsl_restricted": 48.28032,
        "nsl_single": 96.56064, "nsl_dual": 112.65408,
    },
    "IT": {"rural": 90.0, "motorway": 130.0},
    "MT": {"rural": 80.0},
    "NL": {"rural": 80.0, "motorway": 100.0, "living_street": 15.0},
    "PL": {"motorway": 140.0, "living_street": 20.0},
    "RU": {"urban": 60.0, "motorway": 110.0, "living_street": 20.0},
    "SE": {"rural": 70.0, "motorway": 110.0},
}  # fmt: skip
"""National limits that differ, km/h, by ISO country (OpenStreetMap wiki, Default speed limits)."""
NO_NUMBER = {"signals", "variable", "default", "implicit"}
"""Words that are understood and name no number: the street's class decides."""

_NUMBER = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z/]*)")
_ZONE = re.compile(r"(?:([a-z]{2})(?:-[a-z]+)?:)?(?:zone:?)?(\d+)")
_NAMED = re.compile(r"(?:([a-z]{2})(?:-[a-z]+)?:)([a-z_]+)")


def limit_kmh(text: str) -> float | None:
    """Understand one speed limit.

    Parameters
    ----------
    text : str
        Value of ``maxspeed``; the lowest of several, parted by ``;`` or ``|``, holds.

    Returns
    -------
    float or None
        km/h; 0 for a word that is understood and names no number; None: not understood.

    Examples
    --------
    >>> [limit_kmh(w) for w in ("50", "30 mph", "DE:urban", "walk", "none", "signals", "fast")]
    [50.0, 48.28032, 50.0, 7.0, 130.0, 0.0, None]
    """
    parts = [part for part in re.split(r"[;|]", text.strip().lower()) if part.strip()]
    found = [_one(part.strip()) for part in parts]
    known = [limit for limit in found if limit is not None]
    if not known:
        return None
    return min((limit for limit in known if limit > 0), default=0.0)


def _one(word: str) -> float | None:
    if word in NO_NUMBER:
        return 0.0
    if word in ("none", "walk"):
        return ZONES[word]
    if number := _NUMBER.fullmatch(word):
        unit = KMH.get(number[2])
        limit = float(number[1].replace(",", ".")) * unit if unit else 0.0
        # a limit of nought or of 800 km/h is a slip of the keyboard
        return limit if 0 < limit <= 200 else None
    if zone := _ZONE.fullmatch(word):
        return float(zone[2]) * (KMH["mph"] if zone[1] in ("gb", "uk") else 1.0)
    if named := _NAMED.fullmatch(word):
        country = "GB" if named[1] == "uk" else named[1].upper()
        return COUNTRIES.get(country, {}).get(named[2], ZONES.get(named[2]))
    return None
