"""Classes of a map: breaks a reader can say aloud, chosen by the data and never by a stigma."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from civigrid.layers.segregation.maup.classes import WORDS as HOLDS
from civigrid.layers.typology import LEVEL_1, LEVEL_2
from civigrid.style.palette import SETTLEMENT, SETTLEMENT_1, STEADY, colors
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
    """

    breaks: tuple[float, ...]
    labels: tuple[str, ...]
    zero: bool
    scheme: str
    shades: tuple[str, ...] = ()

    @property
    def colors(self) -> tuple[str, ...]:
        """One ``#rrggbb`` per class; exact zero, where it is a class, is white."""
        shades = self.shades or colors(self.scheme, len(self.labels) - int(self.zero))
        return ("#ffffff", *shades) if self.zero else shades

    def of(self, values: Floats) -> Ints:
        """Class of each value, shape (cell,); -1 where there is none.

        >>> Classes((2.0, 5.0), ("0", "1 to 2", "2 to 5", "5 and more"), True, "people").of(np.array([0, 2, 9, np.nan]))
        array([ 0,  2,  3, -1])
        """
        found = np.searchsorted(np.array(self.breaks), values, side="right") + int(self.zero)
        found = np.where(self.zero & (values == 0), 0, found)
        return np.where(np.isfinite(values), found, -1).astype(np.int64)


def classify(values: Floats, about: Column, *, name: str = "", weight: Floats | None = None) -> Classes:
    """Choose classes for a variable.

    Minutes and location quotients have fixed breaks, which compare between maps; changes are cut alike on both sides of
    zero; everything else is cut at quantiles, rounded to two digits.  Counts give zero its own class; codes of
    `CATEGORIES` have their words.

    Parameters
    ----------
    values : ndarray of float64, shape (cell,)
        NaN is left out.
    about : Column
        What the variable is.
    name : str
        Its name, by which location quotients are known.
    weight : ndarray of float64, shape (cell,), optional
        Persons, for quantiles of people instead of cells.

    Examples
    --------
    >>> classify(np.arange(100.0), Column(units="persons")).labels[:2]
    ('0', '1 to 20')
    """
    known = values[np.isfinite(values)]
    if (words := categories(name)) is not None:
        return _categories(known, *words)
    if name.startswith("lq_"):
        return Classes(QUOTIENTS, _labels(QUOTIENTS, known, about), zero=False, scheme="around")
    if "minutes_change" in name:
        breaks = _around_zero(known)
        return Classes(breaks, _labels(breaks, known, about), zero=False, scheme="around")
    if about.units == "min" and "minutes_saved" in name:
        breaks = _scaled(GAINS, known)
        return Classes(breaks, _labels(breaks, known, about), zero=False, scheme="gain")
    if about.rests_on and (known < 0).any():
        breaks = _around_zero(known)
        return Classes(breaks, _labels(breaks, known, about), zero=False, scheme="around")
    if about.units == "min":
        breaks = _scaled(MINUTES, known)
        return Classes(breaks, _labels(breaks, known, about), zero=False, scheme="time")
    few = np.unique(known)
    if about.kind == "intensive" and 2 <= len(few) <= MOST_VALUES:
        scheme = "gain" if name == "share_at_one_place" else "people"
        return Classes(tuple(few[1:].tolist()), tuple(_words(v, about) for v in few), zero=False, scheme=scheme)
    zero = about.kind == "extensive" and about.units == "persons"
    inside = np.isfinite(values) & (values != 0 if zero else True)
    breaks = _quantiles(values[inside], None if weight is None else weight[inside])
    labels = (("0",) if zero else ()) + _labels(breaks, known[known != 0] if zero else known, about)
    scheme = "gain" if name == "share_at_one_place" else "people"
    return Classes(breaks, labels, zero=zero, scheme=scheme)


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


def _quantiles(values: Floats, weight: Floats | None, n: int = 5) -> tuple[float, ...]:
    if not len(values):
        return ()
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(np.ones(len(values)) if weight is None else np.nan_to_num(weight)[order])
    at = np.searchsorted(mass, mass[-1] * np.arange(1, n) / n)
    breaks = {_two_digits(float(values[order][min(k, len(values) - 1)])) for k in at}
    return tuple(sorted(b for b in breaks if values.min() < b <= values.max()))


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")


def _labels(breaks: tuple[float, ...], known: Floats, about: Column) -> tuple[str, ...]:
    whole = about.units == "persons"
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    if not breaks:
        return (f"{_words(low, about)} to {_words(high, about)}",)
    first = f"{_words(max(low, 1.0) if whole and low >= 0.5 else low, about)} to {_words(breaks[0], about)}"
    if low >= breaks[0]:
        first = f"below {_words(breaks[0], about)}"
    middle = [f"{_words(a, about)} to {_words(b, about)}" for a, b in pairwise(breaks)]
    return (first, *middle, f"{_words(breaks[-1], about)} and more")


def _words(value: float, about: Column) -> str:
    if about.units == "1" and about.kind == "intensive" and about.long_name.startswith("Share"):
        percent = 100 * value
        return f"{percent:.0f} %" if percent >= 9.95 or value == 0 else f"{percent:.2g} %"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
