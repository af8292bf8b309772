"""A map in sentences: for those who do not see it, and for those who want the figures first."""

from __future__ import annotations

import numpy as np

from civigrid.kernels.breaks import weighted_quantiles
from civigrid.style.words import (
    BEYOND,
    EMPTY,
    REASONS,
    cells_words,
    is_share,
    language,
    missing_reasons,
    number,
    percent,
    unit_words,
)
from civigrid.types import Bools, Column, Floats, Statuses

NEAR_MIN = 15.0
"""Minutes that a city of short ways promises (Moreno et al. 2021, Smart Cities 4(1), 93-111)."""
TENTH = 0.1
FAR = 1e18
"""Stands for a time beyond the search."""
WORDS = {
    "range": {
        "en": "{title}: from {low} to {high}{unit} in {cells}; half of the {who} lie at {middle} or below.",
        "de": "{title}: von {low} bis {high}{unit} in {cells}; die Hälfte der {who} liegt bei höchstens {middle}.",
    },
    "far_range": {
        "en": "{title}: from {low} to {high}{unit} in {cells}; half of the {who} reach nothing in the time searched.",
        "de": "{title}: von {low} bis {high}{unit} in {cells};"
        " die Hälfte der {who} erreicht in der gesuchten Zeit nichts.",
    },
    "one": {"en": "{title}: {low}{unit} in one cell.", "de": "{title}: {low}{unit} in einer Zelle."},
    "none": {"en": "{title}: no cell has a value.", "de": "{title}: Keine Zelle hat einen Wert."},
    "cells": {"en": "cells", "de": "Zellen"},
    "people": {"en": "people", "de": "Menschen"},
    "total": {
        "en": "The tenth of the cells with the highest counts holds {share} of the total.",
        "de": "Das Zehntel der Zellen mit den höchsten Zahlen enthält {share} der Summe.",
    },
    "top": {
        "en": "In the tenth of the cells with the highest values live {share} of the people.",
        "de": "Im Zehntel der Zellen mit den höchsten Werten leben {share} der Menschen.",
    },
    "far": {
        "en": "{share} of the {who} need more than {near} minutes{too_far}; the worst-served tenth needs {worst}.",
        "de": "{share} der {who} brauchen mehr als {near} Minuten{too_far};"  # codespell:ignore als
        " das am schlechtesten versorgte Zehntel braucht {worst}.",
    },
    "too_far": {
        "en": " or reach nothing in the time searched",
        "de": " oder erreichen in der gesuchten Zeit nichts",  # codespell:ignore oder
    },
    "at_least": {"en": "{} minutes or more", "de": "mindestens {} Minuten"},
    "longer": {"en": "longer than was searched", "de": "länger, als gesucht wurde"},  # codespell:ignore als
    "untold": {
        "en": "People of {cells} are hidden and not among them.",
        "de": "Die Menschen in {cells} sind verborgen und zählen hier nicht mit.",
    },
    "missing": {"en": "No value in {cells}: {list}.", "de": "Kein Wert in {cells}: {list}."},
    "empty": {
        "en": "Left out, as nobody lives there: {cells}.",
        "de": "Ausgelassen, weil dort niemand wohnt: {cells}.",
    },
    "uncertain": {
        "en": "Uncertain, and hatched: {share} of the values ({n}).",
        "de": "Unsicher und schraffiert: {share} der Werte ({n}).",
    },
}  # fmt: skip


def summary(
    values: Floats,
    status: Statuses,
    about: Column,
    *,
    name: str = "",
    weight: Floats | None = None,
    uncertain: Bools | None = None,
    lang: str = "en",
) -> list[str]:
    """Say in sentences what a map of a variable shows.

    Parameters
    ----------
    values : ndarray of float64, shape (cell,)
        What is drawn, NaN where unknown.
    status : ndarray of uint8, shape (cell,)
        `Status` codes.
    about : Column
        What the variable is.
    name : str
        Its name, where it has no title.
    weight : ndarray of float64, shape (cell,), optional
        Persons: medians and shares are then of people, not of cells.
    uncertain : ndarray of bool, shape (cell,), optional
        Values that are hatched as uncertain.
    lang : str
        ``"en"`` or ``"de"``.

    Returns
    -------
    list of str
        Range and median; concentration, or for minutes who is served worst; what is missing and why; what is uncertain.
        Codes have no range and give only the latter.

    Examples
    --------
    >>> about = Column(long_name="Residents")
    >>> summary(np.array([1.0, 2.0, 1000.0, np.nan]), np.array([0, 0, 0, 7], np.uint8), about)[0]
    'Residents: from 1 to 1,000 persons per cell in 3 cells; half of the cells lie at 2 or below.'
    """
    lang = language(lang)
    said: list[str] = []
    if about.words is None and about.units != "class":
        said += _range(values, status, about, name, weight, lang)
        said += (
            _worst(values, status, about, weight, lang) if about.units == "min" else _top(values, about, weight, lang)
        )
        said += _untold(values, status, about, weight, lang)
    said += _missing(values, status, about, lang)
    if uncertain is not None and uncertain.any():
        n, known = int(uncertain.sum()), max(int(np.isfinite(values).sum()), 1)
        said.append(WORDS["uncertain"][lang].format(n=number(n, lang, 0), share=percent(n / known, lang)))
    return said


def median_of(values: Floats, status: Statuses, about: Column, weight: Floats | None = None) -> float:
    """Median of a variable, of people where they are given; infinite where half of them are beyond the time searched.

    Parameters
    ----------
    values, status, weight : ndarray, shape (cell,)
        Values, `Status` codes, persons.
    about : Column
        What the variable is.

    Examples
    --------
    >>> about = Column(kind="intensive", units="min")
    >>> median_of(np.array([1.0, 3.0, np.nan, np.nan]), np.zeros(4, np.uint8), about)
    3.0
    """
    # nothing found in the time searched is longer than any time that was found
    beyond = missing_reasons(values, status, about)[BEYOND]
    middle = float(weighted_quantiles(np.where(beyond, FAR, values), np.array([0.5]), weight)[0])
    return np.inf if middle >= FAR else middle


def _range(values: Floats, status: Statuses, about: Column, name: str, weight: Floats | None, lang: str) -> list[str]:
    known = values[np.isfinite(values)]
    title = about.long_name or name
    if not len(known):
        return [WORDS["none"][lang].format(title=title)]
    share = is_share(about, name)
    unit = "" if share or not unit_words(about, lang) else f" {unit_words(about, lang)}"

    def told(value: float) -> str:
        return percent(value, lang) if share else number(value, lang)

    low, high = told(float(known.min())), told(float(known.max()))
    if len(known) == 1:
        return [WORDS["one"][lang].format(title=title, low=low, unit=unit)]
    middle = median_of(values, status, about, weight)
    if np.isnan(middle):
        weight, middle = None, median_of(values, status, about)
    who = WORDS["cells" if weight is None else "people"][lang]
    sentence = WORDS["range" if np.isfinite(middle) else "far_range"][lang]
    cells = cells_words(len(known), lang)
    return [sentence.format(title=title, low=low, high=high, unit=unit, cells=cells, who=who, middle=told(middle))]


def _top(values: Floats, about: Column, weight: Floats | None, lang: str) -> list[str]:
    """Concentration: what the tenth of the cells with the highest values holds."""
    mass = values if about.kind == "extensive" else weight
    known = np.isfinite(values)
    if mass is None or known.sum() < 1 / TENTH:
        return []
    held = np.nan_to_num(mass[known])
    if not held.sum() > 0 or (held < 0).any():
        return []
    order = np.argsort(-values[known], kind="stable")
    share = held[order[: int(np.ceil(TENTH * len(order)))]].sum() / held.sum()
    return [WORDS["total" if about.kind == "extensive" else "top"][lang].format(share=percent(float(share), lang))]


def _worst(values: Floats, status: Statuses, about: Column, weight: Floats | None, lang: str) -> list[str]:
    """Who is served worst: those beyond the time searched are worse off than all others."""
    beyond = missing_reasons(values, status, about)[BEYOND]
    asked = np.isfinite(values) | beyond
    mass = np.where(asked, 1.0 if weight is None else np.nan_to_num(weight), 0.0)
    if not mass.sum() > 0:
        return []
    far = float(mass[beyond | (values > NEAR_MIN)].sum() / mass.sum())
    # a time beyond the search is longer than any that was found
    worst = float(weighted_quantiles(np.where(beyond, FAR, values), np.array([1 - TENTH]), mass)[0])
    words = WORDS["longer"][lang] if worst >= FAR else WORDS["at_least"][lang].format(number(worst, lang))
    return [
        WORDS["far"][lang].format(
            share=percent(far, lang), who=WORDS["cells" if weight is None else "people"][lang],
            near=number(NEAR_MIN, lang), too_far=WORDS["too_far"][lang] if beyond.any() else "", worst=words,
        )
    ]  # fmt: skip


def _untold(values: Floats, status: Statuses, about: Column, weight: Floats | None, lang: str) -> list[str]:
    """Say that shares of people are of those who may be told."""
    if weight is None or not np.isfinite(weight).any():
        return []
    drawn = np.isfinite(values) | missing_reasons(values, status, about)[BEYOND]
    n = int((drawn & np.isnan(weight)).sum())
    return [WORDS["untold"][lang].format(cells=cells_words(n, lang))] if n else []


def _missing(values: Floats, status: Statuses, about: Column, lang: str) -> list[str]:
    found = missing_reasons(values, status, about)
    empty = int(found.pop(EMPTY).sum())
    rows = [(int(where.sum()), REASONS[key][lang]) for key, where in found.items() if where.any()]
    said = []
    if rows:
        told = "; ".join(f"{number(n, lang, 0)} {words}" for n, words in rows)
        said.append(WORDS["missing"][lang].format(cells=cells_words(sum(n for n, _ in rows), lang), list=told))
    if empty:
        said.append(WORDS["empty"][lang].format(cells=cells_words(empty, lang)))
    return said
