"""Two layouts, years or scenarios of the same cells: what changes, by how much, and for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import column_of, grid_of, ids_of, is_missing, make_cells, measured, status_of, values_of
from civigrid.errors import GridMismatchError, SchemaError, unknown_name
from civigrid.release.gate import Release
from civigrid.style.classes import Classes, shared_classes
from civigrid.style.labels import MORE, TO, two_digits, value_label
from civigrid.style.palette import colors
from civigrid.style.words import language
from civigrid.types import Bools, Column, Floats, Ids, Status, Statuses

Better = Literal["more", "less", "neither"]
LEAST = {"min": 1.0, "1": 0.005}
"""Changes smaller than this, by units, count as none: a minute, half a point; of anything else every change counts."""
LOSE, STAY, GAIN = 0, 1, 2
NO_CHANGE = "#d9d8d3"
BEFORE_AFTER = {"en": ("Before", "After"), "de": ("Vorher", "Nachher")}
CHANGE = {"en": "{}: change", "de": "{}: Änderung"}
LESS = {"en": "{} and less", "de": "{} und weniger"}
NOISE = 1e-9


@dataclass(frozen=True, eq=False)
class Compared:
    """Two sides of one indicator on the union of their cells, and their change.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Cells with both sides, the change, and what becomes of them; only released values were read.
    left, right, change, outcome : str
        Variables: the two sides, right less left, and 0 lose, 1 stay, 2 gain.
    labels : tuple of str
        Names of the sides.
    classes, change_classes : Classes
        One set of breaks for both sides; breaks of the change, alike on both sides of zero.
    groups : tuple of str
        Counts of people, taken from the left side.
    least : float
        Smallest change that counts.
    better : {"more", "less", "neither"}
        What is a gain.
    """

    release: Release[xr.Dataset]
    left: str
    right: str
    change: str
    outcome: str
    labels: tuple[str, str]
    classes: Classes
    change_classes: Classes
    groups: tuple[str, ...]
    least: float
    better: Better


def compare_cells(
    left: Release[xr.Dataset],
    right: Release[xr.Dataset],
    variable: str,
    *,
    labels: tuple[str, str] | None = None,
    groups: Sequence[str] = (),
    breaks: Sequence[float] = (),
    least: float | None = None,
    better: Better | None = None,
    lang: str = "en",
) -> Compared:
    """Compare one variable of two releases of cells of one grid.

    Parameters
    ----------
    left, right : Release of xarray.Dataset
        The two sides; cells that one of them lacks are not available there.
    variable : str
        A variable of both.
    labels : tuple of str
        What the sides are called; by default before and after.
    groups : sequence of str
        Counts of people on the left side, for gains and losses by group; by default the count that weighs the
        variable, and its declared parts.
    breaks : sequence of float
        Lower bounds of all classes but the first; by default they are chosen over both sides together.
    least : float, optional
        Smallest change that counts, in the units of the variable; by default one of `LEAST`.
    better : {"more", "less", "neither"}, optional
        What is a gain; by default less of minutes, more of what is said of a place, and nothing of people.
    lang : str
        Language of labels and classes, ``"en"`` or ``"de"``.

    Returns
    -------
    Compared
        The change is known only where both sides are.  Minutes beyond the time searched are worse than any known.

    Raises
    ------
    TypeError
        A side is no Release.
    GridMismatchError, SchemaError
        The sides do not lie on one grid; a variable is missing, or of another kind or unit.
    """
    for side in (left, right):
        if not isinstance(side, Release):
            raise TypeError(f"maps compare Releases, got {type(side).__name__}: pass the cells through release().")
    one, two = left.data, right.data
    if grid_of(one) != grid_of(two):
        raise GridMismatchError(f"cannot compare cells of {grid_of(one).id} with cells of {grid_of(two).id}.")
    about = _same_meaning(one, two, variable)
    lang = language(lang)
    labels = labels or BEFORE_AFTER[lang]
    better = better or _better(about)
    if better not in ("more", "less", "neither"):
        raise unknown_name("sense of better", better, ("more", "less", "neither"))
    groups = tuple(groups) or _groups(one, about, variable)
    ids = np.union1d(ids_of(one), ids_of(two))
    values, status = zip(*(_on(ids, cells, variable) for cells in (one, two)), strict=True)
    least = LEAST.get(about.units, 0.0) if least is None else least
    change, hidden = _change(values, status, about)
    names = (variable, f"{variable}_compared", f"{variable}_change", f"{variable}_outcome")
    outcome, unsaid = _outcomes(values, status, about, least, better)
    data = {names[0]: values[0], names[1]: values[1], names[2]: change, names[3]: outcome}
    states = {names[0]: status[0], names[1]: status[1], names[2]: hidden, names[3]: unsaid}
    title = about.long_name or variable
    meaning = {
        names[0]: replace(about, long_name=f"{title} ({labels[0]})"),
        names[1]: replace(about, long_name=f"{title} ({labels[1]})"),
        names[2]: replace(
            about, long_name=CHANGE[lang].format(title), rests_on=f"{names[0]}|{names[1]}", reference_date=""
        ),
        names[3]: Column(kind="intensive", units="class", long_name="Outcome", words="lose|stay|gain"),
    }
    for name in dict.fromkeys([*groups, *([about.weight] if about.weight in one else [])]):
        if name == variable:
            continue
        data[str(name)], states[str(name)] = _on(ids, one, str(name))
        meaning[str(name)] = column_of(one[str(name)])
    cells = make_cells(grid_of(one), ids, data, meaning, status=states)
    return Compared(
        # both sides passed their profiles before, and nothing but their released values was read
        release=replace(left, data=cells, terms=tuple(dict.fromkeys([*left.terms, *right.terms]))),
        left=names[0],
        right=names[1],
        change=names[2],
        outcome=names[3],
        labels=labels,
        classes=shared_classes(values, about, name=variable, breaks=tuple(breaks) or None, lang=lang),
        change_classes=change_classes(change, about, least, better, lang=lang, name=variable),
        groups=groups,
        least=least,
        better=better,
    )


def _same_meaning(one: xr.Dataset, two: xr.Dataset, variable: str) -> Column:
    for cells in (one, two):
        if variable not in measured(cells):
            raise unknown_name("variable to compare,", variable, measured(cells))
    about, other = column_of(one[variable]), column_of(two[variable])
    if (about.kind, about.units) != (other.kind, other.units):
        raise SchemaError(
            f"{variable!r} is {about.kind} in {about.units!r} on one side and {other.kind} in {other.units!r} on the "
            "other: compare like with like."
        )
    return about


def _better(about: Column) -> Better:
    if about.units == "min":
        return "less"
    return "more" if about.of_place else "neither"


def _groups(cells: xr.Dataset, about: Column, name: str) -> tuple[str, ...]:
    """Counts the indicator is said of: its weight, what it is part of or itself, and the parts of that."""
    total = about.weight or about.part_of or (name if about.units == "persons" else "")
    if total not in cells:
        return ()
    counts = [n for n in measured(cells) if cells[n].attrs["units"] == "persons" and not cells[n].attrs.get("rests_on")]
    return tuple(n for n in counts if n == total or cells[n].attrs.get("part_of") == total)


def _on(ids: Ids, cells: xr.Dataset, name: str) -> tuple[Floats, Statuses]:
    """Values and statuses of a variable on more ids: not available where there was no cell."""
    at = np.searchsorted(ids, ids_of(cells))
    values = np.full(len(ids), np.nan)
    status = np.full(len(ids), Status.UNAVAILABLE, dtype=np.uint8)
    values[at], status[at] = values_of(cells, name), status_of(cells, name)
    return values, status


def _change(values: Sequence[Floats], status: Sequence[Statuses], about: Column) -> tuple[Floats, Statuses]:
    """Right less left, and why there is none: what was suppressed on one side comes first."""
    change: Floats = values[1] - values[0]
    worst = np.maximum(*status)
    for reason in (Status.UNAVAILABLE, Status.CONFIDENTIAL, Status.SUPPRESSED):
        worst = np.where((status[0] == reason) | (status[1] == reason), reason, worst)
    unknown = np.isnan(change)
    # minutes without a value lie beyond the time searched: nothing is withheld
    why = Status.OBSERVED_ZERO if about.units == "min" else Status.UNAVAILABLE
    worst = np.where(unknown & ~is_missing(worst), why, worst)
    return change, np.where(~unknown & (worst <= Status.STRUCTURAL_ZERO), Status.OK, worst).astype(np.uint8)


def _outcomes(
    values: Sequence[Floats], status: Sequence[Statuses], about: Column, least: float, better: Better
) -> tuple[Floats, Statuses]:
    """Whether a cell loses, stays or gains; without a sense of better a rise stands for a gain."""
    sides = [v.copy() for v in values]
    if about.units == "min":
        for v, s in zip(sides, status, strict=True):
            v[np.isnan(v) & ~is_missing(s)] = np.inf
    with np.errstate(invalid="ignore"):
        rise = sides[1] - sides[0]
    rise[np.isinf(sides[0]) & np.isinf(sides[1])] = 0.0
    if better == "less":
        rise = -rise
    counts: Bools = (np.abs(rise) >= least) & (np.abs(rise) > NOISE)
    outcome = np.where(counts, np.where(rise > 0, GAIN, LOSE), STAY).astype(np.float64)
    outcome[np.isnan(rise)] = np.nan
    return outcome, np.where(np.isnan(outcome), Status.UNAVAILABLE, Status.OK).astype(np.uint8)


def change_classes(
    change: Floats, about: Column, least: float, better: Better, *, lang: str = "en", name: str = ""
) -> Classes:
    """Classes of a change: the same on both sides of zero, the middle one holding what counts as none.

    A gain is purple, whether it is more or less; ColorBrewer's PuOr (Brewer 2003), its middle darker than the ground.

    >>> found = change_classes(np.array([-20.0, -5.0, 0.0, 3.0]), Column(units="min", kind="intensive"), 1.0, "less")
    >>> found.labels
    ('−8 and less', '−8 to −1', '−1 to +1', '+1 to +8', '+8 and more')
    """
    size = np.abs(change[np.isfinite(change)])
    size = size[size > NOISE]
    whole = bool(np.array_equal(size, np.rint(size)))
    near = least or (1.0 if whole or not len(size) else two_digits(float(np.quantile(size, 0.2))))
    size = size[size >= near]
    far = two_digits(float(np.quantile(size, 0.6))) if len(size) else near
    half = (near, far) if far > near else (near,)
    # a value on a break belongs above it: a loss on a break must count as much as a gain there
    breaks = (*(-b * (1 - 1e-9) for b in reversed(half)), *half)
    shades = list(colors("around", len(breaks) + 1))
    shades[len(half)] = NO_CHANGE
    signed = [-b for b in reversed(half)] + list(half)
    return Classes(
        breaks, _change_labels(signed, about, lang, name), zero=False, scheme="around",
        shades=tuple(shades if better == "less" else shades[::-1]),
    )  # fmt: skip


def _change_labels(breaks: Sequence[float], about: Column, lang: str, name: str) -> tuple[str, ...]:
    def said(x: float) -> str:
        return ("\u2212" if x < 0 else "+" if x > 0 else "") + value_label(abs(x), about, lang, name)

    middle = [TO[lang].format(said(a), said(b)) for a, b in pairwise(breaks)]
    return (LESS[lang].format(said(breaks[0])), *middle, MORE[lang].format(said(breaks[-1])))


def gains_and_losses(compared: Compared) -> pd.DataFrame:
    """Count who gains, stays and loses, by group, from released counts.

    Parameters
    ----------
    compared : Compared
        Two sides.

    Returns
    -------
    pandas.DataFrame
        A row for each group: ``group`` (variable), ``name``, ``gain``, ``stay``, ``lose``, ``unknown`` (persons where
        the change is not known), ``mean`` (change of a person's value, on average where it is known; NaN where the
        group has nobody there).
    """
    cells = compared.release.data
    outcome, change = values_of(cells, compared.outcome), values_of(cells, compared.change)
    rows: list[dict[str, Any]] = []
    for group in compared.groups:
        persons = np.nan_to_num(values_of(cells, group))
        row: dict[str, Any] = {"group": group, "name": str(cells[group].attrs["long_name"] or group)}
        for what, code in (("gain", GAIN), ("stay", STAY), ("lose", LOSE)):
            row[what] = float(persons[outcome == code].sum())
        row["unknown"] = float(persons[np.isnan(outcome)].sum())
        known = np.isfinite(change)
        base = persons[known].sum()
        row["mean"] = float((persons[known] * change[known]).sum() / base) if base > 0 else np.nan
        rows.append(row)
    return pd.DataFrame(rows, columns=["group", "name", "gain", "stay", "lose", "unknown", "mean"])
