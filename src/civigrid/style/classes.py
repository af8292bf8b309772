"""Classes of a map: breaks a reader can say aloud, chosen by the data and never by a stigma."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from civigrid.errors import SchemaError
from civigrid.layers.segregation.maup.classes import WORDS as HOLDS
from civigrid.layers.typology import LEVEL_1, LEVEL_2
from civigrid.style.guard import PaletteError, is_red
from civigrid.style.labels import labels_of, two_digits, value_label
from civigrid.style.methods import breaks_by, is_origin_share, nudged, quantile
from civigrid.style.palette import SETTLEMENT, SETTLEMENT_1, STEADY, ZERO, colors
from civigrid.types import Column, Floats, Ints

MOST_VALUES = 7
"""A rate with no more values than this has a class for each."""
MINUTES: tuple[float, ...] = (5.0, 10.0, 15.0, 30.0, 45.0)
FACTORS = (1.0, 2.0, 4.0, 6.0, 12.0, 24.0, 60.0, 120.0, 240.0, 600.0)
"""Minutes of a year of trips are classed as those of one trip, times one of these."""
GAINS: tuple[float, ...] = (0.0, 5.0, 15.0, 30.0)
QUOTIENTS: tuple[float, ...] = (0.5, 0.8, 1.25, 2.0)
CATEGORIES = {"degurba_1": (LEVEL_1, SETTLEMENT_1), "degurba_2": (LEVEL_2, SETTLEMENT), "class_holds_": (HOLDS, STEADY)}
"""Variables whose values are codes: their words and colours.  A cell of several is shown as most of its people are.
A name that ends in an underscore stands for all that begin so: one for each group."""


def categories(name: str) -> tuple[dict[int, str], dict[int, str]] | None:
    """Words and colours of a variable whose values are codes; None where they are not.

    >>> categories("class_holds_OTH")[0][2]
    'fragile'
    >>> categories("population") is None
    True
    """
    families = [key for key in CATEGORIES if key.endswith("_") and name.startswith(key)]
    return CATEGORIES.get(families[0] if families else name)


def words_of_codes(name: str, words: str | None) -> dict[int, str] | None:
    """Words of a variable whose values are codes: its own (`Column.words`), or those of its family.

    >>> words_of_codes("nearest_library", "City library|Mobile library")
    {0: 'City library', 1: 'Mobile library'}
    """
    if words is not None:
        return dict(enumerate(words.split("|")))
    known = categories(name)
    return None if known is None else known[0]


@dataclass(frozen=True)
class Classes:
    """Breaks and labels.

    Parameters
    ----------
    breaks : tuple of float
        Lower bounds of all classes but the first; a value on a break belongs above.
    labels : tuple of str
        One per class, the zero class first where there is one.
    zero : bool
        Whether exact zero is a class of its own.
    scheme : str
        Colour scheme.
    shades : tuple of str
        Colours of its own, one per class; empty: those of the scheme.
    notes : tuple of str
        What a reader must know of the breaks.
    background : {"light", "dark"}
        The page.
    part : tuple of int, optional
        Where outer classes around a centre hold nothing: the first that is kept, and how many there were.
    """

    breaks: tuple[float, ...]
    labels: tuple[str, ...]
    zero: bool
    scheme: str
    shades: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    background: str = "light"
    part: tuple[int, int] | None = None

    @property
    def colors(self) -> tuple[str, ...]:
        """One ``#rrggbb`` per class; exact zero, where it is a class, is white, or nearly as dark as a dark page."""
        n = len(self.labels) - int(self.zero)
        first, total = self.part or (0, n)
        shades = self.shades or colors(self.scheme, total, self.background)[first : first + n]
        return (ZERO[self.background], *shades) if self.zero else shades

    def on(self, background: str) -> Classes:
        """Give the same classes for a light or a dark page.

        >>> len(Classes((2.0,), ("low", "high"), False, "people").on("dark").colors)
        2
        """
        return replace(self, background=background)

    def of(self, values: Floats) -> Ints:
        """Class of each value, shape (cell,); -1 where there is none.

        >>> Classes((2.0, 5.0), ("0", "1 to 2", "2 to 5", "5 and more"), True, "people").of(np.array([0, 2, 9, np.nan]))
        array([ 0,  2,  3, -1])
        """
        found = np.searchsorted(np.array(self.breaks), values, side="right") + int(self.zero)
        found = np.where(self.zero & (values == 0), 0, found)
        return np.where(np.isfinite(values), found, -1).astype(np.int64)


def classify(
    values: Floats,
    about: Column,
    *,
    name: str = "",
    weight: Floats | None = None,
    by: str = "auto",
    breaks: Sequence[float] | None = None,
    n: int = 5,
    scheme: str = "",
    lang: str = "en",
) -> Classes:
    """Choose classes for a variable.

    By itself (``"auto"``) minutes and location quotients have fixed breaks, which compare between maps; changes are cut
    alike on both sides of zero; everything else is cut at quantiles, rounded to two digits.  Exact zero is a class of
    its own for counts, and for shares of a group where it occurs; codes of `CATEGORIES` have their words.  Classes of
    the share of a group do not begin at 30 or 50 %, unless by ``"manual"``; what was moved stands in `notes`.

    Parameters
    ----------
    values : ndarray of float64, shape (cell,)
        NaN is left out.
    about : Column
        What the variable is.
    name : str
        Its name, by which location quotients are known.
    weight : ndarray of float64, shape (cell,), optional
        Persons, for classes of people instead of cells.
    by : str
        ``"auto"``, ``"quantile"``, ``"natural"`` (exact), ``"head-tail"``, ``"deviation"``, ``"around"`` the mean of
        the people (or of ``breaks=(centre,)``), ``"policy"``, ``"manual"`` (`breaks`).
    breaks : sequence of float, optional
        Lower bounds of all classes but the first, in units of the variable; they alone mean ``"manual"``.
    n : int
        Classes at most, 2 to 7.
    scheme : str
        What the map is for, or a colour map by its name; by default as fits the variable.
    lang : str
        Language of the labels, ``"en"`` or ``"de"``.

    Raises
    ------
    SchemaError, UnknownNameError
        Breaks that cannot be; a way or a scheme that is not known.
    PaletteError
        Red for people, or classes that some readers cannot tell apart.

    Examples
    --------
    >>> classify(np.arange(100.0), Column(units="persons")).labels[:2]
    ('0', '1 to 20')
    >>> classify(np.array([1.0, 2, 10, 11, 50, 52]), Column(units="min"), by="natural", n=3).breaks
    (10.0, 50.0)
    """
    if by == "auto" and breaks is not None:
        by = "manual"
    known = values[np.isfinite(values)]
    if (words := categories(name)) is not None:
        return _categories(known, *words)
    zero = _has_zero(known, about, name)
    inside = np.isfinite(values) & (values != 0 if zero else True)
    drawn, people = values[inside], None if weight is None else weight[inside]
    few = by == "auto" and _few(drawn, about, name)
    cuts = _auto(drawn, people, about, name) if by == "auto" else breaks_by(by, drawn, people, n, about, name, breaks)
    notes: tuple[str, ...] = ()
    if by != "manual" and is_origin_share(about, name):
        cuts, notes = (_off_values(cuts, drawn), ()) if few else nudged(cuts)
    labels = _few_labels(drawn, about, lang, name) if few else labels_of(cuts, drawn, about, lang, name)
    none = (value_label(0.0, about, lang, name),) if zero else ()
    found = Classes(cuts, (*none, *labels), zero, scheme or _scheme(by, drawn, about, name), notes=notes)
    return _checked(_within(found, drawn) if by == "around" else found, about, name)


def shared_classes(
    arrays: Sequence[Floats], about: Column, *, weights: Sequence[Floats] | None = None, **options: Any
) -> Classes:
    """Choose one set of classes for scenarios, years or groups that are compared.

    Parameters
    ----------
    arrays : sequence of ndarray of float64
        Values of each; the breaks are those of all together.
    about : Column
        What they are.
    weights : sequence of ndarray of float64, optional
        Persons beside each.
    **options
        As of `classify`.

    Raises
    ------
    SchemaError
        Nothing to compare.

    Examples
    --------
    >>> shared_classes([np.array([1.0, 9.0]), np.array([30.0])], Column(units="min")).breaks
    (5.0, 10.0, 15.0, 30.0, 45.0)
    """
    if not len(arrays):
        raise SchemaError("there are no values to compare: give at least one array.")
    weight = None if weights is None else np.concatenate(list(weights))
    return classify(np.concatenate(list(arrays)), about, weight=weight, **options)


def _has_zero(known: Floats, about: Column, name: str) -> bool:
    """Nobody is a class of its own; no change is the middle of a change."""
    if (known < 0).any():
        return False
    if about.kind == "extensive" and about.units == "persons":
        return True
    return is_origin_share(about, name) and bool((known == 0).any()) and bool((known > 0).any())


def _auto(known: Floats, weight: Floats | None, about: Column, name: str) -> tuple[float, ...]:
    """Breaks as fit the variable."""
    if name.startswith("lq_"):
        return QUOTIENTS
    if _is_change(known, about, name):
        return _around_zero(known)
    if about.units == "min":
        return _scaled(GAINS if "minutes_saved" in name else MINUTES, known)
    if _few(known, about, name):
        return tuple(np.unique(known)[1:].tolist())
    return quantile(known, weight, 5)


def _scheme(by: str, known: Floats, about: Column, name: str) -> str:
    if by == "around" or name.startswith("lq_") or _is_change(known, about, name):
        return "around"
    if about.units == "min":
        return "gain" if "minutes_saved" in name else "time"
    return "gain" if name == "share_at_one_place" else "people"


def _is_change(known: Floats, about: Column, name: str) -> bool:
    if about.units == "min" and "minutes_saved" in name:
        return False
    return "minutes_change" in name or bool(about.rests_on and (known < 0).any())


def _few(known: Floats, about: Column, name: str) -> bool:
    """Whether a rate has so few values that each is a class."""
    fixed = about.units == "min" or name.startswith("lq_") or _is_change(known, about, name)
    return about.kind == "intensive" and not fixed and 2 <= len(np.unique(known)) <= MOST_VALUES


def _few_labels(known: Floats, about: Column, lang: str, name: str) -> tuple[str, ...]:
    return tuple(value_label(v, about, lang, name) for v in np.unique(known).tolist())


def _off_values(cuts: tuple[float, ...], known: Floats) -> tuple[float, ...]:
    """Move cuts that lie on 30 and 50 % halfway to the value below: each value keeps its class."""
    below = np.unique(known)[:-1].tolist()
    return tuple(c if c == m else (b + c) / 2 for c, m, b in zip(cuts, nudged(cuts)[0], below, strict=True))


def _within(found: Classes, known: Floats) -> Classes:
    """Leave out outer classes that hold nothing, so that the centre keeps the middle colour."""
    if not len(known) or not found.breaks:
        return found
    where = found.of(known)
    first, last = int(where.min()) - int(found.zero), int(where.max()) - int(found.zero)
    none, rest = found.labels[: int(found.zero)], found.labels[int(found.zero) :]
    kept, part = (*none, *rest[first : last + 1]), (first, len(rest))
    return replace(found, breaks=found.breaks[first:last], labels=kept, part=part)


def _checked(found: Classes, about: Column, name: str) -> Classes:
    """Refuse red where people are drawn; asking for the colours refuses those that cannot be told apart."""
    shades, people = found.colors, about.units == "persons" or is_origin_share(about, name)
    if red := [c for c in shades if people and is_red(c)]:
        message = f"the scheme {found.scheme!r} draws people in red ({red[0]}), which reads as danger"
        raise PaletteError(f"{message}: take lapaz, batlow, vik or PuOr.")
    return found


def _scaled(breaks: tuple[float, ...], known: Floats) -> tuple[float, ...]:
    """Breaks times the least round factor that leaves at most a third of the values above the last.

    >>> _scaled((5.0, 10.0), np.array([3.0, 12.0, 14.0]))
    (10.0, 20.0)
    """
    enough = [f for f in FACTORS if not len(known) or np.mean(known >= f * breaks[-1]) <= 1 / 3]
    factor = enough[0] if enough else FACTORS[-1]
    return tuple(b * factor for b in breaks)


def _categories(known: Floats, words: Mapping[int, str], shades: Mapping[int, str]) -> Classes:
    """A class for each code that occurs, in the order of the codes."""
    codes = [int(c) for c in np.unique(known) if int(c) in words] or list(words)[:1]
    labels = tuple(words[c].capitalize() for c in codes)
    breaks = tuple(float(c) for c in codes[1:])
    return Classes(breaks, labels, zero=False, scheme="people", shades=tuple(shades[c] for c in codes))


def _around_zero(known: Floats) -> tuple[float, ...]:
    """Breaks of a change: little below and above zero, then much; the same on both sides."""
    size = np.abs(known[known != 0])
    if not len(size):
        return (-1.0, 1.0)
    near, far = (max(_two_digits(float(np.quantile(size, q))), 1.0) for q in (0.6, 0.9))
    return (-far, -near, near, far) if far > near else (-near, near)


_two_digits, _words = two_digits, value_label
