"""Opening hours: a part of OpenStreetMap's syntax, to the quarters of an hour of a week."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from civigrid.kernels.visits import WEEK
from civigrid.types import Bools, Ints

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
QUARTERS = 96
"""Quarters of an hour in a day."""
_DAY = "|".join(DAYS)
_DAYS = rf"(?:{_DAY}|PH|SH)(?:-(?:{_DAY}))?"
_RULE = re.compile(rf"^(?P<days>{_DAYS}(?:\s*,\s*{_DAYS})*)?\s*(?P<rest>.*)$")
_TIMES = re.compile(r"^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$")


@dataclass(frozen=True, eq=False, kw_only=True)
class Opening:
    """What a text of opening hours says.

    Parameters
    ----------
    week : ndarray of bool, shape (672,)
        Open in each quarter of an hour from Monday 00:00; a quarter counts where it is open all through.
    understood : bool
        Whether the whole text was understood; if not, nothing is open.
    notes : tuple of str
        What was left aside, in words.
    """

    week: Bools
    understood: bool
    notes: tuple[str, ...] = ()


class _UnknownError(Exception):
    """A part of the text that is not understood."""


def parse_opening(text: str) -> Opening:
    """Read opening hours.

    Parameters
    ----------
    text : str
        As ``Mo-Fr 08:00-12:00,13:00-18:00; Sa off``: days, ranges and lists of them, several times a day, times after
        midnight (``22:00-02:00``, ``22:00-26:00``), ``off`` or ``closed``, ``24/7``.  A later rule replaces the days
        it names; after a comma it adds to them.  Public and school holidays are noted and left aside: a week has none.

    Returns
    -------
    Opening
        Of a text with anything else (months, weeks of a year, sunrise, open ends, words) nothing is taken: `week` is
        closed, `understood` False, and a note quotes what was not understood.  An empty text is not understood.

    Notes
    -----
    Specification: OpenStreetMap wiki, Key:opening_hours/specification, version 0.7.2.

    Examples
    --------
    >>> hours = parse_opening("Mo,We 09:00-15:00; PH off")
    >>> hours.week.reshape(7, 96).sum(axis=1).tolist(), hours.notes
    ([24, 0, 24, 0, 0, 0, 0], ('public holidays are left aside: PH off',))
    >>> parse_opening("Mo-Fr sunrise-18:00").notes
    ("not understood: 'sunrise-18:00'",)
    """
    week, notes = np.zeros(WEEK, dtype=bool), []
    try:
        rules = [rule.strip() for rule in text.replace("–", "-").strip().rstrip(";").split(";")]
        for rule in rules:
            for number, part in enumerate(_parts(rule)):
                days, times, note = _read(part)
                notes += [note] if note else []
                _apply(week, days, times, adds=number > 0)
    except _UnknownError as fault:
        return Opening(week=np.zeros(WEEK, dtype=bool), understood=False, notes=(f"not understood: {fault}",))
    return Opening(week=week, understood=True, notes=tuple(notes))


def _parts(rule: str) -> list[str]:
    """Cut a rule at the commas that begin days after times: ``Mo 08:00-12:00, Tu 13:00-17:00``."""
    return [part.strip() for part in re.split(rf"(?<=[0-9f])\s*,\s*(?={_DAY}|PH|SH)", rule)]


def _read(part: str) -> tuple[Ints | None, list[tuple[int, int]], str]:
    """Days (None: holidays alone), times in minutes, and a note."""
    if part == "24/7":
        return np.arange(7), [(0, 24 * 60)], ""
    found = _RULE.match(part)
    named, rest = (found["days"], found["rest"].strip()) if found else (None, part)
    if not part or (named is None and not rest):
        raise _UnknownError(repr(part))
    times = _times(rest)
    if named is None:
        return np.arange(7), times, ""
    days, left_out = _days(named)
    word = "public holidays" if "PH" in left_out else "school holidays"
    note = f"{word} are left aside: {part}" if left_out else ""
    return (days if len(days) else None), times, note


def _days(text: str) -> tuple[Ints, list[str]]:
    days: list[int] = []
    left_out = []
    for piece in re.split(r"\s*,\s*", text):
        first, _, last = piece.partition("-")
        if first not in DAYS:
            if last:
                raise _UnknownError(repr(piece))
            left_out.append(first)
            continue
        a = DAYS.index(first)
        b = DAYS.index(last) if last else a
        days += [(a + d) % 7 for d in range((b - a) % 7 + 1)]
    return np.unique(np.array(days, dtype=np.int64)), left_out


def _times(text: str) -> list[tuple[int, int]]:
    """Ranges in minutes from midnight; none for ``off``; the end of one over midnight is beyond 24 hours."""
    text = re.sub(r"^(open)\s+|\s+(open)$", "", text)
    if text in ("off", "closed"):
        return []
    if text == "":
        return [(0, 24 * 60)]
    ranges = []
    for piece in re.split(r"\s*,\s*", text):
        found = _TIMES.match(piece)
        if not found:
            raise _UnknownError(repr(piece))
        h0, m0, h1, m1 = map(int, found.groups())
        begin, end = h0 * 60 + m0, h1 * 60 + m1
        if max(m0, m1) > 59 or begin >= 24 * 60 or end > 48 * 60:
            raise _UnknownError(repr(piece))
        ranges.append((begin, end if end > begin else end + 24 * 60))
    return ranges


def _apply(week: Bools, days: Ints | None, times: list[tuple[int, int]], *, adds: bool) -> None:
    if days is None:
        return
    for day in days.tolist():
        at = day * QUARTERS
        if not adds:
            week[at : at + QUARTERS] = False
    for day in days.tolist():
        for begin, end in times:
            # only what is open all through a quarter
            quarters = np.arange(-(-begin // 15), end // 15)
            week[(day * QUARTERS + quarters) % WEEK] = True
