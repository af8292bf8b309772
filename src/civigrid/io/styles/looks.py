"""What a file draws: the classes of one variable as steps that every style language can say."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    # matplotlib comes with it: files without styles need none
    from civigrid.style import Classes

MISSING_FILL, MISSING_LINE = "#dedede", "#787878"
"""Ground and lines of the hatching of what is missing, as on the maps."""
MISSING_LABEL = "No value: confidential, unavailable or suppressed"
SHOWN_EMPTY = ("ok", "observed_zero", "structural_zero")
"""Beside these statuses no value is a rate of nobody: nothing is drawn."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One class: its values, its words, its colour.

    Parameters
    ----------
    low, high : float or None
        At least, and below; None: no bound.
    exactly : float or None
        One value; `low` and `high` are None.
    but : float or None
        A value between the bounds that has a class of its own.
    label, color : str
        Words and ``#rrggbb``.
    """

    low: float | None = None
    high: float | None = None
    exactly: float | None = None
    but: float | None = None
    label: str
    color: str


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a variable of a file is drawn.

    Parameters
    ----------
    variable, field, title, units : str
        Name in the cells, column in the file, plain words, unit.
    classes : Classes
        Breaks, labels and colours.
    status : str
        Column of its status; empty: it has none.
    hatched : {"all", "status", "none"}
        Which empty values are hatched: all, those whose status says missing, or none.
    codes : tuple of float
        For values that are codes: the code of each class.
    note : str
        Source and date.
    low, high : float
        Least and largest known value.
    """

    variable: str
    field: str
    title: str
    units: str
    classes: Classes
    status: str = ""
    hatched: Literal["all", "status", "none"] = "all"
    codes: tuple[float, ...] = ()
    note: str = ""
    low: float = 0.0
    high: float = 0.0

    @property
    def steps(self) -> tuple[Step, ...]:
        """The classes, one step each, together all numbers, none twice: as `Classes.of`."""
        classes = self.classes
        both = list(zip(map(plain, classes.labels), classes.colors, strict=True))
        if self.codes:
            return tuple(
                Step(exactly=code, label=text, color=color)
                for code, (text, color) in zip(self.codes, both, strict=True)
            )
        found = [Step(exactly=0.0, label=both[0][0], color=both[0][1])] if classes.zero else []
        bounds = pairwise([None, *classes.breaks, None])
        for (low, high), (text, color) in zip(bounds, both[int(classes.zero) :], strict=True):
            holds = classes.zero and (low is None or low <= 0) and (high is None or high > 0)
            found.append(Step(low=low, high=high, but=0.0 if holds else None, label=text, color=color))
        return tuple(found)


def plain(text: str) -> str:
    """Text that XML can hold and that QGIS does not take for an expression (``[% ... %]``).

    >>> plain("one[% 1 + 1 %]")
    'one[ % 1 + 1 % ]'
    """
    # Unicode categories: Cc control, Cs surrogate, Cn not a character
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Cn") else c for c in text)
    return kept.replace("[%", "[ %").replace("%]", "% ]")


def number(value: float) -> str:
    """A number as all style languages read it, without loss.

    >>> number(20.0), number(0.1)
    ('20', '0.1')
    """
    return repr(float(value)).removesuffix(".0")
