"""Words of the map's tools (legend, comparison, sliders, choice of indicators), in English and German."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from civigrid.errors import unknown_name

TOOL_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "legend": ("Legend", "Legende"),
        "cells": ("Cells", "Zellen"),
        "people": ("People", "Personen"),
        "histogram": ("Cells by value, {low} to {high}", "Zellen nach Wert, {low} bis {high}"),
        "log": ("logarithmic", "logarithmisch"),
        "highlight": ("Press a class to highlight it.", "Eine Klasse drücken, um sie hervorzuheben."),
        "no_class": ("No value is shown", "Kein Wert wird gezeigt"),
        "not_drawn": ("{n} cells without residents are not drawn", "{n} Zellen ohne Einwohner sind nicht gezeichnet"),
        "source": ("Source: {text}", "Quelle: {text}"),
        "status_0": ("no value", "kein Wert"),
        "status_3": ("confidential: withheld by the publisher", "vertraulich: vom Herausgeber zurückgehalten"),
        "status_4": ("not available", "nicht verfügbar"),
        "status_5": ("perturbed or flagged by the publisher", "vom Herausgeber verändert oder markiert"),
        "status_6": ("estimated from larger areas", "aus größeren Gebieten geschätzt"),
        "status_7": ("suppressed to protect people", "zum Schutz von Personen unterdrückt"),
        "status_8": ("lower bound: parts are missing", "Untergrenze: Teile fehlen"),
        "beyond": ("beyond the time searched", "außerhalb der gesuchten Zeit"),
        "uncertain": ("uncertain", "unsicher"),
        "unit_persons": ("persons per cell", "Personen je Zelle"),
        "unit_min": ("minutes", "Minuten"),
        "indicators": ("Indicators", "Indikatoren"),
        "search": ("Search indicators", "Indikatoren suchen"),
        "found": ("{n} of {all}", "{n} von {all}"),
        "none_found": ("No indicator is called so.", "Kein Indikator heißt so."),
        "compare": ("Compare", "Vergleichen"),
        "swipe": ("Swipe", "Schieben"),
        "pair": ("Side by side", "Nebeneinander"),
        "difference": ("Difference", "Differenz"),
        "divider": ("Divider between {left} and {right}", "Trennlinie zwischen {left} und {right}"),
        "divided": ("{left}: {n} % of the map", "{left}: {n} % der Karte"),
        "gains": ("Who gains, who loses", "Wer gewinnt, wer verliert"),
        "changes": ("Where it rises, where it falls", "Wo es steigt, wo es fällt"),
        "group": ("Group", "Gruppe"),
        "gain": ("Gain", "Gewinnen"),
        "stay": ("Stay", "Bleiben"),
        "lose": ("Lose", "Verlieren"),
        "rise": ("Rise", "Steigt"),
        "fall": ("Fall", "Fällt"),
        "unknown": ("Not known", "Unbekannt"),
        "mean": ("Mean", "Mittel"),
        "persons_who": ("{group}: {n} persons, {what}", "{group}: {n} Personen, {what}"),
        "all_of": ("{group}: all who gain or lose", "{group}: alle, die gewinnen oder verlieren"),
        "persons_of": ("Persons by group, as in {label}.", "Personen nach Gruppe, Stand {label}."),
        "less_is_gain": ("Less is a gain.", "Weniger ist ein Gewinn."),
        "more_is_gain": ("More is a gain.", "Mehr ist ein Gewinn."),
        "least": ("Below {least} counts as no change.", "Unter {least} gilt als keine Änderung."),
        "press": ("Press a number to see where.", "Eine Zahl drücken zeigt, wo."),
        "show_all": ("Show all", "Alle zeigen"),
        "timeline": ("Time", "Zeit"),
        "before": ("Previous", "Zurück"),
        "after": ("Next", "Weiter"),
        "play": ("Play", "Abspielen"),
        "pause": ("Pause", "Anhalten"),
        "threshold": ("Within", "Innerhalb von"),
        "within": (
            "{n} of {all} persons ({percent}) within {t}",
            "{n} von {all} Personen ({percent}) innerhalb von {t}",
        ),
        "range": ("Values shown", "Gezeigte Werte"),
        "from": ("From", "Von"),
        "to": ("To", "Bis"),
        "range_all": ("all values", "alle Werte"),
        "range_of": ("{low} to {high}: {n} of {all} cells", "{low} bis {high}: {n} von {all} Zellen"),
        "minutes": ("{n} min", "{n} min"),
    }
)
"""Key to words; what stands in braces is filled in by the page."""
LANGUAGES = ("en", "de")


def tool_words(lang: str) -> dict[str, str]:
    """Words of the tools in a language; a regional tag, as ``de-AT``, has the words of its language.

    >>> tool_words("de-AT")["legend"]
    'Legende'
    """
    base = lang.split("-")[0].lower()
    if base not in LANGUAGES:
        raise unknown_name("language of the tools", lang, LANGUAGES)
    return {key: both[LANGUAGES.index(base)] for key, both in TOOL_WORDS.items()}
