"""Whether numbers by unit and group can be counts of people whom groups share out: faults are told, never mended."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from civigrid.errors import SourceError, first_few
from civigrid.io.composition_totals import check_totals
from civigrid.io.counts import WHOLE_UP_TO
from civigrid.source import Finding
from civigrid.types import Bools, Floats

NEARLY_ALL = 0.95
"""Share of units in which a group must be the sum of others to be taken for one."""
EXCESS = 0.01
"""Share of all persons by which groups may exceed their total, as noise makes them."""
ENOUGH = 30
"""Units in which both groups live, before one is said to be never larger."""
Words = npt.NDArray[np.object_]


def check_composition(
    names: Sequence[str],
    unit: Words,
    zone: Words,
    counts: Floats,
    kept_back: Bools,
    total: str,
    file: str,
    *,
    estimated: bool = False,
) -> tuple[Floats, list[Finding]]:
    """Check counts by unit and column; units where one is missing become NaN in all.

    Parameters
    ----------
    names : sequence of str
        Columns; `total` is one of them where it is named.
    unit, zone : ndarray of str, shape (unit,)
        Names of the units, and their zones; `zone` is empty without zones.
    counts : ndarray, shape (unit, column)
        Persons, NaN where missing or kept back.
    kept_back : ndarray of bool, shape (unit, column)
        Where the publisher keeps a count back: the unit is left out of the checks, but not of the counts.
    total, file : str
        Column of all persons, or empty; name of the file.
    estimated : bool
        Counts are interpolated: fractions are no sign of rates.

    Returns
    -------
    tuple of ndarray and list of Finding
        Counts, and what was noticed.

    Raises
    ------
    SourceError
        What no count of people can be.
    """
    for k, name in enumerate(names):
        _refuse_impossible(counts[:, k], str(name), unit, file)
    counts, findings = _without_missing(counts, kept_back, unit, file)
    known = counts[~np.isnan(counts).any(axis=1)]
    if not len(known):
        return counts, findings
    people = known[:, names.index(total)] if total else known.sum(axis=1)
    if not people.sum() > 0:
        raise SourceError(f"{file}: no persons are left in {', '.join(names)}. Are these the right columns?")
    groups = [k for k, name in enumerate(names) if name != total]
    if not estimated:
        findings += _refuse_rates(known[:, groups], [str(names[k]) for k in groups], people if total else None, file)
    _refuse_sums(known, [str(n) for n in names], total, file)
    findings += check_totals(counts, unit, zone, file)
    if total:
        findings += _excess(known[:, groups].sum(axis=1), people, total, file)
    if nobody := [names[k] for k in groups if not known[:, k].any()]:
        text = f"nobody is of {first_few(nobody)}: their indices are not defined"
        findings.append(Finding("warning", "composition.nobody", text, len(nobody)))
    findings += _never_larger(known[:, groups], [str(names[k]) for k in groups], float(people.sum()))
    return counts, findings


def _refuse_impossible(values: Floats, name: str, unit: Words, file: str) -> None:
    bad = (values < 0) | np.isinf(values) | (values > WHOLE_UP_TO)
    if bad.any():
        value = values[bad][0]
        mark = " -9999 and -8888 mark what is not available or confidential: write it empty." if value < -8000 else ""
        raise SourceError(
            f"{file}: {name!r} is no count in {int(bad.sum())} units (first: {value:g} in {unit[bad][0]}).{mark}"
        )


def _without_missing(counts: Floats, kept_back: Bools, unit: Words, file: str) -> tuple[Floats, list[Finding]]:
    rows = np.asarray((np.isnan(counts) & ~kept_back).any(axis=1))
    if not rows.any():
        return counts, []
    if rows.all():
        raise SourceError(f"{file}: every unit lacks a count. Are these the right columns?")
    lost, every = np.nansum(counts[rows]), np.nansum(counts)
    text = (
        f"{int(rows.sum())} of {len(rows)} units lack a count and are left out, with {lost:,.0f} known persons "
        f"({lost / every if every else 0:.1%} of all); they are not zero"
    )
    return np.where(rows[:, None], np.nan, counts), [
        Finding("warning", "composition.missing", text, int(rows.sum()), tuple(map(str, unit[rows][:5])))
    ]


def _refuse_rates(groups: Floats, names: list[str], total: Floats | None, file: str) -> list[Finding]:
    broken: Bools = groups != np.round(groups)
    if not groups.size or not groups.any():
        return []
    sums = groups.sum(axis=1)
    lived = sums > 0
    first = groups[broken][0] if broken.any() else groups[groups > 0][0]
    way = f"(first: {first:g}): indices need counts of persons. Multiply them by the persons of each unit."
    if broken.any() and groups.max() <= 1:
        raise SourceError(f"{file}: {', '.join(names)} lie between 0 and 1 as shares do {way}")
    to_hundred = bool((np.abs(sums[lived] - 100) <= 1).mean() >= NEARLY_ALL)
    if broken.any() and to_hundred:
        raise SourceError(f"{file}: {', '.join(names)} add up to 100 as percentages do {way}")
    if total is not None and total.max() > 100 and not (total != np.round(total)).any():
        for k, name in enumerate(names):
            if broken[:, k].any() and groups[:, k].max() <= 100:
                value = groups[broken[:, k], k][0]
                raise SourceError(
                    f"{file}: {name!r} has fractions and no value above 100 (first: {value:g}) beside whole persons, "
                    "as percentages have: indices need counts of persons."
                )
    if to_hundred and lived.sum() > 2 and not broken.any():
        text = f"every unit of {file} has 100 persons: are these percentages? Then units count alike, wrongly"
        return [Finding("warning", "composition.hundred", text, int(lived.sum()))]
    return []


def _refuse_sums(counts: Floats, names: list[str], total: str, file: str) -> None:
    """Refuse a group that is the sum of others: it would count its people twice."""
    if len(names) < 3:
        return
    # a triangle with the same products solves the same, whatever the number of units
    small: Floats = np.asarray(np.linalg.qr(counts, mode="r"))
    for k, name in enumerate(names):
        if name == total:
            continue
        others = [j for j in range(len(names)) if j != k and names[j] != total]
        lived = counts[:, k] > 0
        if len(others) < 2 or lived.sum() < 3:
            continue
        parts = [others[i] for i in np.flatnonzero(np.round(nnls(small[:, others], small[:, k])[0]) == 1)]
        if len(parts) < 2:
            continue
        close = np.abs(counts[:, parts].sum(axis=1) - counts[:, k]) <= 1e-6 * np.maximum(counts[:, k], 1)
        if close[lived].mean() >= NEARLY_ALL:
            whole = " Name it as the total (--total) if it is all persons." if len(parts) == len(others) else ""
            raise SourceError(
                f"{file}: {name!r} is the sum of {', '.join(names[j] for j in parts)} in {close[lived].mean():.0%} of "
                f"units. Groups must share people out among them: leave {name!r} or its parts out.{whole}"
            )


def _excess(sums: Floats, people: Floats, total: str, file: str) -> list[Finding]:
    over = np.maximum(sums - people, 0)
    if not (over > 1e-9 * np.maximum(people, 1)).any():
        return []
    if over.sum() > EXCESS * people.sum():
        raise SourceError(
            f"{file}: groups are more than {total!r} by {over.sum():,.0f} persons in {int((over > 0).sum())} units. "
            "Some group is part of another, or the total is of other people."
        )
    text = f"groups are more than {total!r} in {int((over > 0).sum())} units, by {over.sum():,.1f} persons: rest is 0"
    return [Finding("warning", "composition.excess", text, int((over > 0).sum()))]


def _never_larger(groups: Floats, names: list[str], persons: float) -> list[Finding]:
    """Say which groups are nowhere larger than another: they may be part of it, which no number can tell.

    Of a group that holds half of all persons every other is nowhere larger in many a town, which tells nothing.
    """
    said = []
    for k, name in enumerate(names):
        larger = groups[:, k]
        minor = larger.sum() < 0.5 * persons
        smaller = [
            other
            for j, other in enumerate(names)
            if j != k and _maybe_part(groups[:, j], larger) and (minor or _same(groups[:, j], larger))
        ]
        if smaller:
            said.append(f"{first_few(smaller, 4)} than {name}")
    if not said:
        return []
    text = f"nowhere larger: {'; '.join(said)}. If a group is part of another, its people count twice"
    return [Finding("note", "composition.nested", text, len(said))]


def _maybe_part(part: Floats, whole: Floats) -> bool:
    return bool((part > 0).sum() >= ENOUGH and (part <= whole).all())


def _same(part: Floats, whole: Floats) -> bool:
    """Whether two groups have as many people in nearly all units: one is the other under another name."""
    lived = whole > 0
    return bool((part == whole)[lived].mean() >= NEARLY_ALL)
