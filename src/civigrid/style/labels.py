"""Words of classes, and numbers that can be said aloud."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

import numpy as np

from civigrid.style.words import is_share, language, number, percent
from civigrid.types import Column, Floats

TO = {"en": "{} to {}", "de": "{} bis {}"}
BELOW = {"en": "below {}", "de": "unter {}"}  # codespell:ignore unter
MORE = {"en": "{} and more", "de": "{} und mehr"}


def two_digits(value: float) -> float:
    """Keep two digits that count.

    >>> two_digits(1234.0)
    1200.0
    """
    return float(f"{value:.2g}")


def roundest(low: float, high: float, avoid: Collection[float] = ()) -> float:
    """Give the number of fewest digits above `low` and at most `high`: cut there, and every value stays in its class.

    Parameters
    ----------
    low, high : float
        Largest value of the lower class, smallest of the upper.
    avoid : collection of float
        Numbers not to cut at.

    Examples
    --------
    >>> roundest(142.7, 158.3), roundest(0.29, 0.34, avoid=(0.3,))
    (150.0, 0.34)
    """
    if not low < high:
        return high
    top = int(np.ceil(np.log10(max(abs(low), abs(high), 1e-300)))) + 1
    for power in range(top, top - 18, -1):
        for step in (5, 2, 1):
            unit = step * 10.0**power
            found = float(f"{np.floor(high / unit) * unit:.15g}")
            if low < found <= high and not any(np.isclose(found, a, rtol=0, atol=1e-12) for a in avoid):
                return found
    return high


def value_label(value: float, about: Column, lang: str = "en", name: str = "") -> str:
    """Write a bound of a class: percent for shares, else the number without its unit.

    >>> value_label(1234.0, Column(), "de")
    '1.234'
    """
    return percent(value, lang) if is_share(about, name) else number(value, lang)


def labels_of(
    breaks: tuple[float, ...], known: Floats, about: Column, lang: str = "en", name: str = ""
) -> tuple[str, ...]:
    """Write the classes between breaks; the first begins at the least value.

    >>> labels_of((5.0, 10.0), np.array([2.0, 20.0]), Column(units="min"))
    ('2 to 5', '5 to 10', '10 and more')
    """
    lang = language(lang)
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)

    def words(value: float) -> str:
        return value_label(value, about, lang, name)

    if not breaks:
        same = words(low) == words(high)
        return (words(low) if same else TO[lang].format(words(low), words(high)),)
    least = max(low, 1.0) if about.units == "persons" and low >= 0.5 else low
    first = TO[lang].format(words(least), words(breaks[0]))
    if low >= breaks[0] or words(least) == words(breaks[0]):
        first = BELOW[lang].format(words(breaks[0]))
    middle = [TO[lang].format(words(a), words(b)) for a, b in pairwise(breaks)]
    return (first, *middle, MORE[lang].format(words(breaks[-1])))
