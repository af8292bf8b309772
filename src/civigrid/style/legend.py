"""The legend of a map as one dictionary: pages, pictures and reports draw the same one."""

from __future__ import annotations

from typing import Any

import numpy as np

from civigrid.style.classes import Classes, categories
from civigrid.style.labels import value_label
from civigrid.style.words import (
    EMPTY,
    REASONS,
    cells_words,
    language,
    missing_reasons,
    number,
    percent,
    source_words,
    unit_words,
)
from civigrid.types import Bools, Column, Floats, Statuses

BINS = 40
SKEWED = 6.0
"""Where the 99th hundredth is this many times the middle, the histogram counts by powers."""
WORDS = {
    "counted": {"en": "number of cells", "de": "Zahl der Zellen"},
    "people": {"en": "share of people", "de": "Anteil der Menschen"},
    "empty": {
        "en": "Not drawn, as nobody lives there: {}",
        "de": "Nicht gezeichnet, weil dort niemand wohnt: {}",
    },
    "source": {"en": "Source: {}", "de": "Quelle: {}"},
    "uncertain": {"en": "uncertain values", "de": "unsichere Werte"},
}


def legend_of(
    values: Floats,
    status: Statuses,
    classes: Classes,
    about: Column,
    *,
    name: str = "",
    weight: Floats | None = None,
    uncertain: Bools | None = None,
    lang: str = "en",
) -> dict[str, Any]:
    """Say in full what a map of a variable shows.

    Parameters
    ----------
    values : ndarray of float64, shape (cell,)
        What is drawn, NaN where unknown.
    status : ndarray of uint8, shape (cell,)
        `Status` codes.
    classes : Classes
        Breaks and colours.
    about : Column
        What the variable is.
    name : str
        Its name, told where it has no title.
    weight : ndarray of float64, shape (cell,), optional
        Persons, for the share of people in each class.
    uncertain : ndarray of bool, shape (cell,), optional
        Values that are too uncertain to be read as they stand (`uncertain.uncertain_of`).
    lang : str
        ``"en"`` or ``"de"``.

    Returns
    -------
    dict
        Ready for JSON. ``title, unit, source, date, note, counted`` (what the counts count), ``scheme``, ``breaks``;
        ``classes``: rows of ``label, color, count`` (written), ``cells`` (int), ``low, high`` (the class holds
        low <= value < high, the last one also its end; None where there is no value), ``people`` (share, or None);
        ``missing``: None, or all of them in one row of ``label, count``; ``missing_rows``: one row for each reason,
        ``reason`` (key of `words.REASONS`), ``label, count, cells``; ``uncertain``: None, or
        ``label, count, cells``; ``notes``: what must be known of the breaks; ``empty``: a sentence or nothing;
        ``histogram``: see `histogram`, and ``ends``: the least and the greatest value, written; or None.

    Examples
    --------
    >>> from civigrid.style import classify
    >>> values, about = np.array([0.0, 5.0, np.nan]), Column(long_name="Residents")
    >>> found = legend_of(values, np.array([1, 0, 7], np.uint8), classify(values, about), about)
    >>> [row["count"] for row in found["classes"]], found["missing_rows"][0]["label"]
    (['1', '1'], 'suppressed to protect people')
    """
    lang = language(lang)
    missing = missing_reasons(values, status, about)
    rows: list[dict[str, Any]] = [
        {"reason": key, "label": REASONS[key][lang], "count": number(n, lang, 0), "cells": n}
        for key in REASONS
        if (n := int(missing[key].sum()))
    ]
    total = sum(row["cells"] for row in rows)
    label = rows[0]["label"] if len(rows) == 1 else REASONS["undefined"][lang]
    empty = int(missing[EMPTY].sum())
    source = source_words(about, lang)
    note = ", ".join(filter(None, (source, about.reference_date)))
    return {
        "title": about.long_name or name,
        "unit": unit_words(about, lang),
        "counted": WORDS["counted"][lang],
        "source": source,
        "date": about.reference_date,
        "scheme": classes.scheme,
        "breaks": list(classes.breaks),
        "classes": _rows(values, classes, weight, lang),
        "missing": {"label": label, "count": number(total, lang, 0)} if total else None,
        "missing_rows": rows,
        "uncertain": _uncertain(values, uncertain, lang),
        "notes": list(classes.notes),
        "empty": WORDS["empty"][lang].format(cells_words(empty, lang)) if empty else "",
        "note": WORDS["source"][lang].format(note) if note else "",
        "histogram": None if categories(name) or about.words else _bars(values, classes, about, lang, name),
    }


def _bars(values: Floats, classes: Classes, about: Column, lang: str, name: str) -> dict[str, Any] | None:
    """A histogram with the ends of its axis in words."""
    bars = histogram(values, classes)
    if bars is None:
        return None
    known = values[np.isfinite(values) & (values != 0 if classes.zero else True)]
    ends = [value_label(float(v), about, lang, name) for v in (known.min(), known.max())]
    return {**bars, "ends": ends}


def _uncertain(values: Floats, uncertain: Bools | None, lang: str) -> dict[str, Any] | None:
    n = 0 if uncertain is None else int((uncertain & np.isfinite(values)).sum())
    return {"label": WORDS["uncertain"][lang], "count": number(n, lang, 0), "cells": n} if n else None


def _rows(values: Floats, classes: Classes, weight: Floats | None, lang: str) -> list[dict[str, Any]]:
    inside = np.isfinite(values)
    known, n = values[inside], len(classes.labels)
    where = classes.of(known)
    count = np.bincount(where, minlength=n).tolist()
    people: list[float | None] = [None] * n
    if weight is not None and np.isfinite(mass := weight[inside]).all() and mass.sum() > 0:
        people = (np.bincount(where, weights=mass, minlength=n) / mass.sum()).tolist()
    bounds = _bounds(known[known != 0] if classes.zero else known, classes)
    return [
        {
            "label": label, "color": color, "count": number(k, lang, 0), "cells": k, "low": low, "high": high,
            "people": share, "people_words": "" if share is None else percent(share, lang),
        }
        for label, color, k, (low, high), share in zip(
            classes.labels, classes.colors, count, bounds, people, strict=True
        )
    ]  # fmt: skip


def _bounds(known: Floats, classes: Classes) -> list[tuple[float | None, float | None]]:
    """Lowest and highest value of each class, the outer ones as far as values go."""
    least, most = (float(known.min()), float(known.max())) if len(known) else (None, None)
    inner = list(classes.breaks)
    lows: list[float | None] = [least, *inner]
    highs: list[float | None] = [*inner, most]
    if least is not None and most is not None and inner:
        lows[0], highs[-1] = min(least, inner[0]), max(most, inner[-1])
    zero: list[tuple[float | None, float | None]] = [(0.0, 0.0)] if classes.zero else []
    return zero + list(zip(lows, highs, strict=True))


def histogram(values: Floats, classes: Classes, bins: int = BINS) -> dict[str, Any] | None:
    """Count values for a small histogram above the classes; zero is left out where it is a class of its own.

    Parameters
    ----------
    values : ndarray of float64, shape (cell,)
        NaN is left out.
    classes : Classes
        Their breaks are marked, and each bar has the class of its middle.
    bins : int
        Bars at most.

    Returns
    -------
    dict or None
        ``scale`` (``"linear"`` or ``"log"``), ``edges`` (n + 1), ``at`` (the edges from 0 to 1 along the axis),
        ``cells`` (n), ``height`` (n, density along the axis, the highest 1), ``class`` (n), ``breaks_at`` (0 to 1).
        None where fewer than three values differ: the rows say it all.

    Examples
    --------
    >>> found = histogram(np.arange(100.0), Classes((50.0,), ("low", "high"), False, "people"), bins=4)
    >>> found["cells"], found["class"], round(found["breaks_at"][0], 2)
    ([25, 25, 25, 25], [0, 0, 1, 1], 0.51)
    """
    known = values[np.isfinite(values) & (values != 0 if classes.zero else True)]
    if len(known) < 3 or len(np.unique(known[:: max(1, len(known) // 10_000)])) < 3:
        return None
    low, high = float(known.min()), float(known.max())
    middle, far = (float(v) for v in np.quantile(known, (0.5, 0.99)))
    log = low > 0 and far > SKEWED * middle
    edges = np.geomspace(low, high, bins + 1) if log else np.linspace(low, high, bins + 1)
    if bool(np.all(known == np.rint(known))) and low < high:
        # whole numbers lie between edges, so that no bar is empty for want of a number
        edges = np.unique(np.concatenate([[low - 0.5], np.floor(edges[1:-1]) + 0.5, [high + 0.5]]))
    cells, _ = np.histogram(known, edges)
    place = np.log(edges) if log else edges
    at = (place - place[0]) / (place[-1] - place[0])
    height = cells / np.diff(at)
    middles = (np.sqrt(edges[1:] * edges[:-1])) if log else (edges[1:] + edges[:-1]) / 2
    inside = [b for b in classes.breaks if edges[0] < b < edges[-1]]
    marks = np.interp(inside, edges, at) if not log else np.interp(np.log(inside), place, at)
    return {
        "scale": "log" if log else "linear",
        "edges": edges.tolist(),
        "at": at.tolist(),
        "cells": cells.tolist(),
        "height": (height / height.max()).tolist(),
        "class": classes.of(middles).tolist(),
        "breaks_at": [float(m) for m in np.atleast_1d(marks)] if inside else [],
    }
