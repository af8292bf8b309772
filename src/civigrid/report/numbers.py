"""How a report writes numbers, in English and in German: no more digits than the reader can use."""

from __future__ import annotations

from math import isfinite

from civigrid.errors import unknown_name

LANGUAGES = ("en", "de")
"""Languages a report is written in."""
NARROW = "\u202f"
"""Space that does not break, between a number and its unit."""
_TO = {"en": "to", "de": "bis"}
_MARKS = {"en": str.maketrans({}), "de": str.maketrans({",": ".", ".": ","})}


def known_language(lang: str) -> str:
    """Give the language a report can be written in, from a tag as ``de-AT``.

    Raises
    ------
    UnknownNameError
        Another language.

    Examples
    --------
    >>> known_language("de-AT")
    'de'
    """
    short = lang.replace("_", "-").split("-")[0].lower()
    if short not in LANGUAGES:
        raise unknown_name("language of reports", lang, LANGUAGES)
    return short


def count_words(value: float, lang: str) -> str:
    """Write a count, whole and in groups of three; nothing where it is not known.

    >>> count_words(250000, "en"), count_words(250000, "de"), count_words(float("nan"), "en")
    ('250,000', '250.000', '')
    """
    return f"{value:,.0f}".translate(_MARKS[lang]) if isfinite(value) else ""


def percent_words(value: float, lang: str, *, digits: int = 1) -> str:
    r"""Write a share as percent, with a space that does not break.

    >>> percent_words(0.2068, "de")
    '20,7\u202f%'
    """
    return f"{100 * value:.{digits}f}{NARROW}%".translate(_MARKS[lang]) if isfinite(value) else ""


def figure_of(value: float, lang: str) -> str:
    """Write any number of a table: counts and large numbers whole, others with three decimals.

    >>> figure_of(0.20684, "en"), figure_of(12345.6, "de"), figure_of(0.0, "en")
    ('0.207', '12.346', '0.000')
    """
    if not isfinite(value):
        return ""
    whole = abs(value) >= 100 or (value == round(value) and abs(value) > 1)
    return (f"{value:,.0f}" if whole else f"{value:.3f}").translate(_MARKS[lang])


def range_words(low: float, high: float, lang: str, *, percent: bool = False) -> str:
    r"""Write an interval; nothing where it is not known.

    >>> range_words(0.203, 0.211, "en", percent=True), range_words(0.203, 0.211, "de")
    ('20.3\u202f% to 21.1\u202f%', '0,203 bis 0,211')
    """
    if not (isfinite(low) and isfinite(high)):
        return ""
    written = [percent_words(v, lang) if percent else figure_of(v, lang) for v in (low, high)]
    return f"{written[0]} {_TO[lang]} {written[1]}"


def listed(words: list[str] | tuple[str, ...], lang: str) -> str:
    """Join names as people do.

    >>> listed(["a", "b", "c"], "de"), listed(["a"], "en")
    ('a, b und c', 'a')
    """
    last = {"en": "and", "de": "und"}[lang]
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)
