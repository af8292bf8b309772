"""Lines of totals among the units of a table: of the whole, or of a zone; exact or rounded."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from civigrid.errors import SourceError
from civigrid.source import Finding
from civigrid.types import Bools, Floats, Ints

TOTAL_NAMES = (
    r"(?i)(?<![^\W\d_])(?:summe|gesamt|insgesamt|total|zusammen)(?![^\W\d_])"
    r"|(?:^|/)\s*(?:all(?:e|es)?|sum|ensemble)\s*(?:$|/)"
)
"""How offices name such lines; "all" only where it is the whole name, since wards are called All Saints."""
FEW, SHARE = 5, 1e-3
"""Persons, or share of them, by which a rounded total may differ from its sum."""
SOME, MANY = 100, 1000
"""Persons from which a sum of a named line, and of each of two groups of any line, is no accident within `FEW`."""
Words = npt.NDArray[np.object_]


class _Sums(NamedTuple):
    """By row: whether it is its area's sum exactly or nearly, that sum by group, and units with people in the area."""

    exact: Bools
    near: Bools
    whole: Floats
    lived: Ints


def check_totals(counts: Floats, unit: Words, zone: Words, file: str) -> list[Finding]:
    """Refuse lines that are sums of others; tell those that only have the name of one.

    Parameters
    ----------
    counts : ndarray, shape (unit, column)
        Persons, NaN where missing.
    unit, zone : ndarray of str, shape (unit,)
        Names; `zone` is empty without zones.
    file : str
        Name of the file.

    Raises
    ------
    SourceError
        A unit is the sum of all others, or of the others of its zone, in every column.
    """
    named = pd.Series(unit.astype(str)).str.contains(TOTAL_NAMES, regex=True).to_numpy(dtype=bool)
    if len(zone):
        _refuse_in_zones(counts, unit, zone, named, file)
    _refuse_of_whole(counts, unit, named, file)
    if not named.any():
        return []
    text = (
        f"{int(named.sum())} units are named as totals are: if they hold the people of other units, these count "
        "twice. Drop such lines"
    )
    return [Finding("warning", "composition.named-total", text, int(named.sum()), tuple(map(str, unit[named][:5])))]


def _sums(counts: Floats, area: Ints, times: int) -> _Sums:
    """Compare each row with its area, which holds `times` its persons where the row is a total above subtotals."""
    held = np.nan_to_num(counts)
    n = int(area.max()) + 1
    whole = np.stack([np.bincount(area, column, n) for column in held.T], axis=1)[area]
    lived = np.bincount(area, held.sum(axis=1) > 0, n).astype(np.int64)[area]
    gap = np.abs(times * counts - whole)
    with np.errstate(invalid="ignore"):
        exact = (gap <= 1e-6 * np.maximum(whole, 1)).all(axis=1)
        near = (gap <= (times - 1) * np.maximum(FEW, SHARE * whole / times)).all(axis=1)
    # nobody is no sum of anybody
    inhabited = held.sum(axis=1) > 0
    return _Sums(exact & inhabited, near & inhabited, whole / times, lived)


def _by_name(found: _Sums, named: Bools) -> Bools:
    return np.asarray(named & (found.lived >= 2) & (found.exact | (found.near & (found.whole.sum(axis=1) >= SOME))))


def _refuse_of_whole(counts: Floats, unit: Words, named: Bools, file: str) -> None:
    for times, least in ((2, 4), (3, 7), (4, 15)):
        found = _sums(counts, np.zeros(len(counts), dtype=np.int64), times)
        persons, groups = found.whole.sum(axis=1), found.whole >= MANY
        # of three units one may be the sum of two by accident where they are small
        enough = (found.lived >= least) | ((times == 2) & (found.lived == 3) & (persons >= SOME))
        large = (found.lived >= max(least - 1, 3)) & (groups.sum(axis=1) >= 2)
        exact, near = found.exact & enough, found.near & large
        rows = _by_name(found, named)
        rows |= exact & (exact.sum() == 1)
        rows |= near & (near.sum() == 1)
        if rows.any():
            nearly = "" if found.exact[rows][0] else "nearly "
            what = "the sum of all others" if times == 2 else f"1/{times} of all, as a total above subtotals is"
            raise SourceError(
                f"{file}: unit {unit[rows][0]!r} is {nearly}{what}, in every group. It is a line of totals: drop such "
                "lines."
            )


def _refuse_in_zones(counts: Floats, unit: Words, zone: Words, named: Bools, file: str) -> None:
    _, area = np.unique(zone.astype(str), return_inverse=True)
    found = _sums(counts, area, 2)
    inside = zone.astype(str) != ""
    several = inside & (found.lived >= 3)
    zones = len(np.unique(area[several]))
    some = ((found.whole >= FEW * 4).sum(axis=1) >= 2) & (found.whole.sum(axis=1) >= SOME)
    exact = several & found.exact & some
    near = several & found.near & ((found.whole >= MANY).sum(axis=1) >= 2)
    rows = inside & _by_name(found, named)
    # of thousands of zones a few hold such a unit by accident
    if len(np.unique(area[exact])) >= max(1, 0.01 * zones):
        rows |= exact
    if len(np.unique(area[near])) >= max(1, 0.5 * zones):
        rows |= near
    if rows.any():
        nearly = "" if found.exact[rows][0] else "nearly "
        more = f" {int(rows.sum())} units are such." if rows.sum() > 1 else ""
        raise SourceError(
            f"{file}: unit {unit[rows][0]!r} is {nearly}the sum of the others of zone {zone[rows][0]!r}, in every "
            f"group.{more} They are lines of totals: drop such lines."
        )
