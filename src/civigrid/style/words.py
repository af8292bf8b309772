"""Words and numbers beside pictures, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from civigrid.errors import unknown_name
from civigrid.types import COMPUTED, Bools, Column, Floats, Status, Statuses

LANGUAGES = ("en", "de")
BEYOND, EMPTY = "beyond", "empty"
"""A time that ends before the service is reached; a rate of nobody, which is no gap in the data."""

REASONS: Mapping[str, Mapping[str, str]] = {
    "confidential": {"en": "confidential: withheld by the publisher", "de": "geheim: vom Herausgeber zurückgehalten"},
    "suppressed": {"en": "suppressed to protect people", "de": "zum Schutz von Personen unterdrückt"},
    "unavailable": {"en": "not available", "de": "nicht verfügbar"},
    BEYOND: {"en": "not reached in the time searched", "de": "in der gesuchten Zeit nicht erreicht"},
    "undefined": {"en": "no value: the cell says why", "de": "kein Wert: die Zelle sagt warum"},
}
"""Why a value is missing, in the order of the legend."""

UNITS: Mapping[str, Mapping[str, str]] = {
    "min": {"en": "minutes", "de": "Minuten"},
    "persons": {"en": "persons per cell", "de": "Personen je Zelle"},
    "1": {"en": "", "de": ""},
    "class": {"en": "", "de": ""},
}


def language(lang: str) -> str:
    """Give the language whose words are used: ``de-AT`` is told in German.

    Raises
    ------
    UnknownNameError
        There are no words in it.

    Examples
    --------
    >>> language("de-AT")
    'de'
    """
    short = lang.replace("_", "-").split("-")[0].lower()
    if short not in LANGUAGES:
        raise unknown_name("language", lang, LANGUAGES)
    return short


def number(value: float, lang: str = "en", digits: int | None = None) -> str:
    """Write a number as its language does, with a true minus sign.

    Parameters
    ----------
    value : float
        Any; NaN is a dash.
    lang : str
        ``"en"`` (1,234.5) or ``"de"`` (1.234,5).
    digits : int, optional
        Digits after the point; by default none from 100 on, else three that count.

    Examples
    --------
    >>> number(1234.5, digits=1), number(1234.5, "de", 1), number(0.1234)
    ('1,234.5', '1.234,5', '0.123')
    """
    if not np.isfinite(value):
        return "–"
    text = (f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}") if digits is None else f"{value:,.{digits}f}"
    if text.strip("-0.") == "":
        text = text.lstrip("-")
    if language(lang) == "de":
        text = text.translate(str.maketrans(",.", ".,"))
    return text.replace("-", "−")


def percent(share: float, lang: str = "en") -> str:
    """Write a share as percent, two digits where it is small.

    >>> percent(0.1234), percent(0.0123, "de")
    ('12 %', '1,2 %')
    """
    value = 100 * share
    text = f"{value:.0f}" if abs(value) >= 9.95 or value == 0 else f"{value:.2g}"
    if "e" in text or not np.isfinite(value):
        return f"{number(value, lang)} %"
    return f"{number(float(text), lang, len(text.partition('.')[2]))} %"


def cells_words(n: int, lang: str = "en") -> str:
    """Write a number of cells.

    >>> cells_words(1), cells_words(1200, "de")
    ('1 cell', '1.200 Zellen')
    """
    one = {"en": "cell", "de": "Zelle"}[language(lang)]
    many = {"en": "cells", "de": "Zellen"}[language(lang)]
    return f"{number(n, lang, 0)} {one if n == 1 else many}"


def is_share(about: Column, name: str = "") -> bool:
    """Whether values are shares that readers know as percent."""
    share = about.long_name.startswith("Share") or name.startswith("share_")
    return about.units == "1" and about.kind == "intensive" and share


def value_words(value: float, about: Column, lang: str = "en", name: str = "") -> str:
    """Write a value with its unit.

    >>> value_words(7.0, Column(units="min", kind="intensive"), "de")
    '7 Minuten'
    """
    if is_share(about, name):
        return percent(value, lang)
    unit = {"persons": {"en": "persons", "de": "Personen"}}.get(about.units, UNITS.get(about.units, {}))
    words = unit.get(language(lang), about.units)
    return f"{number(value, lang)} {words}".strip()


def unit_words(about: Column, lang: str = "en") -> str:
    """Give the unit in words; empty where values have none.

    >>> unit_words(Column(units="min"))
    'minutes'
    """
    return UNITS.get(about.units, {}).get(language(lang), about.units)


def source_words(about: Column, lang: str = "en") -> str:
    """Say where a variable comes from: its publisher, or that it was computed.

    >>> source_words(Column(source="Eurostat")), source_words(Column(source="segregation"))
    ('Eurostat', 'computed from counts of people')
    """
    if about.source in COMPUTED:
        return {"en": "computed from counts of people", "de": "aus Personenzahlen berechnet"}[language(lang)]
    return about.source


def missing_reasons(values: Floats, status: Statuses, about: Column) -> dict[str, Bools]:
    """Say which cells have no value, by the reason.

    Parameters
    ----------
    values : ndarray of float64, shape (cell,)
        NaN where unknown.
    status : ndarray of uint8, shape (cell,)
        `Status` codes.
    about : Column
        Minutes end where the search ended; a rate of nobody is no gap.

    Returns
    -------
    dict of str to ndarray of bool, shape (cell,)
        By the keys of `REASONS`, and ``"empty"``: nothing to show, as nobody lives there.  Together all NaN, once each.

    Examples
    --------
    >>> found = missing_reasons(np.array([1.0, np.nan]), np.array([0, 7], np.uint8), Column())
    >>> found["suppressed"].tolist(), int(found["empty"].sum())
    ([False, True], 0)
    """
    unknown = np.isnan(values)
    stated = {
        "confidential": Status.CONFIDENTIAL,
        "suppressed": Status.SUPPRESSED,
        "unavailable": Status.UNAVAILABLE,
    }
    found = {key: unknown & (status == code) for key, code in stated.items()}
    silent = unknown & (status <= Status.STRUCTURAL_ZERO)
    minutes = about.units == "min"
    found[BEYOND] = silent & minutes
    found["undefined"] = unknown & (status > Status.STRUCTURAL_ZERO) & ~np.isin(status, list(stated.values()))
    found[EMPTY] = silent & (not minutes)
    return found
