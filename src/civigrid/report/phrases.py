"""The words of a report, by language: one TOML file each, so that a language is added without code."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def phrases(lang: str) -> dict[str, dict[str, Any]]:
    """Give the words of a language.

    Parameters
    ----------
    lang : str
        As `civigrid.report.numbers.known_language` gives it.

    Returns
    -------
    dict
        Tables ``page`` (headings and standing paragraphs), ``sentences`` (about results), ``methods`` (steps of a run),
        ``modes`` and ``grids`` (words in place of others).

    Examples
    --------
    >>> phrases("de")["page"]["maps"]
    'Karten'
    """
    return tomllib.loads((files("civigrid.report") / "assets" / f"{lang}.toml").read_text(encoding="utf-8"))
