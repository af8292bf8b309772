"""Words on printed maps, English and German: sources, disclosure, projection, and how to read small multiples."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from civigrid.source import Licence
from civigrid.style.words import cells_words, number
from civigrid.style.words import source_words as origin
from civigrid.types import Column

WORDS: Mapping[str, Mapping[str, str]] = {
    "source": {"en": "Source: {}.", "de": "Quelle: {}."},
    "terms": {"en": "Data: {}.", "de": "Daten: {}."},
    "hidden": {
        "en": "Disclosure control: counts of persons from 1 to {} are hidden ({}).",
        "de": "Geheimhaltung: Anzahlen von 1 bis {} Personen sind verborgen ({}).",
    },
    "public": {
        "en": "Disclosure control: as its publisher protected the data ({}).",
        "de": "Geheimhaltung: wie vom Herausgeber der Daten geschützt ({}).",
    },
    "profile": {"en": "Disclosure control: {}.", "de": "Geheimhaltung: {}."},
    "projection": {"en": "Projection: {}.", "de": "Projektion: {}."},
    "equal_area": {"en": "equal area around its middle", "de": "flächentreu um die Mitte"},
    "block": {
        "en": "A pixel shows the mean of the known values in {0} × {0} cells.",
        "de": "Ein Bildpunkt zeigt das Mittel der bekannten Werte in {0} × {0} Zellen.",
    },
    "hexagons": {
        "en": "A hexagon shows the mean of the known values in {} cells.",
        "de": "Ein Sechseck zeigt das Mittel der bekannten Werte in {} Zellen.",
    },
    "outside": {"en": "Outside the picture: {}.", "de": "Außerhalb des Bildes: {}."},
    "all_maps": {
        "en": "Counts are of all maps together.",
        "de": "Die Zahlen gelten für die Karten zusammen.",
    },
    "same": {"en": "Same classes on every map.", "de": "Gleiche Klassen auf jeder Karte."},
    "median": {"en": "median {}", "de": "Median {}"},
    "beyond": {"en": "median beyond the time searched", "de": "Median außerhalb der gesuchten Zeit"},
    "unknown": {"en": "no value", "de": "kein Wert"},
    "rough": {
        "en": "Uncertain are {} of {} known values: too many to hatch.",
        "de": "Unsicher sind {} von {} bekannten Werten: zu viele zum Schraffieren.",
    },
    "short": {"en": "In short", "de": "Kurz gesagt"},
}


def word(key: str, lang: str) -> str:
    """Give a phrase.

    >>> word("short", "de")
    'Kurz gesagt'
    """
    return WORDS[key][lang]


def disclosure_words(profile: str, lang: str) -> str:
    """Say what a disclosure profile did.

    >>> disclosure_words("min-count(10)", "en")
    'Disclosure control: counts of persons from 1 to 9 are hidden (min-count(10)).'
    """
    if found := re.fullmatch(r"min-count\((\d+)\)", profile):
        return word("hidden", lang).format(int(found[1]) - 1, profile)
    return word("public" if profile == "public-grid" else "profile", lang).format(profile)


def source_words(about: Sequence[Column], terms: Sequence[Licence], lang: str) -> list[str]:
    """Name sources with their dates, and the words that must stand beside the data.

    >>> source_words([Column(source="Census", reference_date="2021")], [Licence(attribution="© Office")], "en")
    ['Source: Census, 2021.', 'Data: © Office.']
    """
    dates: dict[str, list[str]] = {}
    for column in about:
        known = dates.setdefault(origin(column, lang), [])
        if column.reference_date and column.reference_date not in known:
            known.append(column.reference_date)
    named = [", ".join(filter(None, (source, *days))) for source, days in dates.items()]
    owned = [", ".join(filter(None, (t.attribution or t.publisher, t.licence))) for t in terms]
    said = [word("source", lang).format("; ".join(filter(None, named)))] if any(named) else []
    return said + ([word("terms", lang).format("; ".join(dict.fromkeys(filter(None, owned))))] if any(owned) else [])


def drawing_words(crs: str, block: int, outside: int, lang: str, *, squares: bool) -> list[str]:
    """Say how cells became a picture.

    >>> drawing_words("EPSG:3035", 2, 0, "en", squares=True)[1]
    'A pixel shows the mean of the known values in 2 × 2 cells.'
    """
    said = [word("projection", lang).format(word("equal_area", lang) if crs.startswith("+") else crs)]
    if block > 1:
        said.append(word("block" if squares else "hexagons", lang).format(number(block, lang, 0)))
    if outside:
        said.append(word("outside", lang).format(cells_words(outside, lang)))
    return said
