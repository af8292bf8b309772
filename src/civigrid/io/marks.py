"""Entries of a table of counts: numbers, what is missing, and what the publisher keeps back."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from civigrid.errors import SourceError, first_few
from civigrid.io.tables import to_numbers
from civigrid.types import Bools, Floats

MISSING = ("", "...", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "None", "null", "NULL", ":")
"""What stands where nothing is known."""
HIDDEN = ("suppressed", "confidential")
"""Words of a column of statuses for what is known and not told."""
_KEPT_BACK = r"\.|\.\.|x|X|c|C|\*+|/|[-–—]|:\s*[a-z]|[<≤]\s*=?\s*\d+|\d+\s*[-–—]\s*\d+"
"""What statistical offices write where they know a number and do not tell it; a dash may also stand for zero."""


class Entries(NamedTuple):
    """Entries of one column, shape (row,) each: `values` is NaN where `missing` or `kept_back`.

    `most` is the largest count that a mark leaves open: 4 for ``<5``, infinite for ``..``, NaN for counts.
    `fractional` are entries of text with a decimal point and up to three digits behind it, not all 0;
    none where any has more.
    """

    values: Floats
    missing: Bools
    kept_back: Bools
    most: Floats
    marks: tuple[str, ...]
    fractional: Bools


def read_entries(column: pd.Series) -> Entries:
    """Settle a column of counts.

    Raises
    ------
    SourceError
        Text, percentages, or numbers whose mark may be of decimals or of thousands.

    Examples
    --------
    >>> found = read_entries(pd.Series(["1,5", "<5", "", "12"]))
    >>> found.values.tolist(), found.kept_back.tolist()
    ([1.5, nan, nan, 12.0], [False, True, False, False])
    """
    if pd.api.types.is_bool_dtype(column):
        raise SourceError(f"column {column.name!r} holds true and false, no counts.")
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        no = np.zeros(len(values), dtype=bool)
        return Entries(values, np.isnan(values), no, np.full(len(values), np.nan), (), no)
    words = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    missing = words.isin(MISSING).to_numpy()
    kept_back = (words.str.fullmatch(_KEPT_BACK) & ~missing).to_numpy(dtype=bool)
    if (percent := words.str.fullmatch(r"[\d.,\s]+%")).any():
        raise SourceError(
            f"column {column.name!r} holds percentages (first: {words[percent].iloc[0]!r}): indices need counts of "
            "persons. Multiply them by the persons of each row."
        )
    _refuse_ambiguous(words, str(column.name))
    _refuse_thousands(words[~(missing | kept_back)], str(column.name))
    numbers, _ = to_numbers(words.where(~(missing | kept_back), ""))
    most = np.where(kept_back, np.inf, np.nan)
    most[kept_back] = [_most(word) for word in words[kept_back]]
    fractional = words.str.fullmatch(r"\d+\.(?!0+$)\d{1,3}").to_numpy(dtype=bool)
    if words.str.fullmatch(r"\d+\.\d{4,}").any():
        fractional = np.zeros(len(words), dtype=bool)
    marks = tuple(dict.fromkeys(words[kept_back].head(1000)))
    return Entries(numbers.to_numpy(), missing, kept_back, most, marks, fractional)


def with_status(entries: Entries, status: pd.Series) -> Entries:
    """Keep back what a column of statuses says is kept back, whatever stands in the column of counts.

    civigrid writes ``NAME_status`` beside a count from which disclosure control took some.

    >>> found = with_status(read_entries(pd.Series(["", "7"])), pd.Series(["suppressed", "ok"]))
    >>> found.kept_back.tolist(), found.missing.tolist(), found.marks
    ([True, False], [False, False], ('suppressed',))
    """
    words = status.astype(object).where(status.notna(), "").astype(str).str.strip().str.lower()
    hidden = words.isin(HIDDEN).to_numpy(dtype=bool)
    unknown = (words == "unavailable").to_numpy(dtype=bool)
    none = hidden | unknown
    return Entries(
        np.where(none, np.nan, entries.values),
        (entries.missing | unknown) & ~hidden,
        (entries.kept_back | hidden) & ~unknown,
        np.where(hidden & np.isnan(entries.most), np.inf, np.where(unknown, np.nan, entries.most)),
        tuple(dict.fromkeys((*entries.marks, *words[hidden].unique()))),
        entries.fractional & ~none,
    )


def _most(mark: str) -> float:
    """The largest count that a mark leaves open.

    >>> [_most(mark) for mark in ("<5", "<=5", "1-4", "..")]
    [4.0, 5.0, 4.0, inf]
    """
    digits = re.findall(r"\d+", mark)
    if not digits:
        return math.inf
    return float(digits[-1]) - (mark[0] == "<" and "=" not in mark)


def _refuse_ambiguous(words: pd.Series, name: str) -> None:
    """1,234 beside 567 is 1234 to one and 1.234 to another: a thousand times fewer persons."""
    for mark in (",", "."):
        marked = words[words.str.contains(mark, regex=False) & words.str.contains(r"\d")]
        other = "," if mark == "." else "."
        if not len(marked) or marked.str.contains(other, regex=False).any():
            continue
        # where every entry has a point, points are decimal
        if mark == "." and words.str.fullmatch(r"\d+").sum() == 0:
            continue
        if marked.str.fullmatch(rf"[1-9]\d{{0,2}}(?:\{mark}\d{{3}})+").all():
            raise SourceError(
                f"column {name!r}: {first_few(map(repr, marked), 3)} may be thousands or decimals. "
                "Write 1234 without a mark, or decimals with another number of digits."
            )


def _refuse_thousands(words: pd.Series, name: str) -> None:
    """Half of real decimals never have three digits: 75.222 beside 106.864 are persons, a thousand times more."""
    for mark in (",", "."):
        like = words[words.str.fullmatch(rf"[1-9]\d{{0,2}}(?:\{mark}\d{{3}})+")]
        # 0.25 and 1.2345 can be decimals only
        sure = words.str.fullmatch(rf"0+\{mark}\d+|\d+\{mark}\d{{4,}}").any()
        if len(like) >= max(2, 0.5 * len(words)) and not sure:
            raise SourceError(
                f"column {name!r}: {len(like)} of {len(words)} values may be thousands or decimals (first: "
                f"{like.iloc[0]!r}). Remove the separators of thousands, or write decimals with another number of "
                "digits than three."
            )
