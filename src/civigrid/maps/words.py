"""Every word of a page, in one table: English, German, and what a user adds.

Words of the data (names of variables, of sites, of sources) are the data's own and stay as they are.  Numbers and units
are written by the browser (``Intl``, ECMA-402), by the language of the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter
from types import MappingProxyType

from civigrid.errors import SchemaError, unknown_name

RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ku", "ps", "sd", "ug", "ur", "yi"})
"""Languages that are written from right to left (CLDR 46, ``characterOrder``)."""

TABLE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # around the map
        "skip": ("Skip to the map", "Zur Karte springen"),
        "map": ("Map: {title}", "Karte: {title}"),
        "tools": ("Ways to read the map", "Wege, die Karte zu lesen"),
        "keyboard": ("Read cells by keyboard", "Zellen mit der Tastatur lesen"),
        "table": ("Table of cells", "Tabelle der Zellen"),
        "about": ("About this map: sources and licences", "Über diese Karte: Quellen und Lizenzen"),
        "in_words": ("The map in words", "Die Karte in Worten"),
        "sources": ("Sources", "Quellen"),
        "source": ("Source: {source}", "Quelle: {source}"),
        "disclosure": ("Disclosure control: {profile}", "Geheimhaltung: {profile}"),
        "no_script": (
            "The map needs JavaScript. It asks the network for nothing.",
            "Die Karte braucht JavaScript. Sie fragt nichts im Netz ab.",
        ),
        "zoom_in": ("Zoom in", "Vergrößern"),
        "zoom_out": ("Zoom out", "Verkleinern"),
        "layers": ("Layers", "Ebenen"),
        "close": ("Close", "Schließen"),
        # the legend
        "legend": ("Legend", "Legende"),
        # what a cell tells
        "cell": ("Cell {code}", "Zelle {code}"),
        "side_km": ("{n} km cell", "{n}-km-Zelle"),
        "side_m": ("{n} m cell", "{n}-m-Zelle"),
        "side_h3": ("H3 cell, resolution {n}", "H3-Zelle, Auflösung {n}"),
        "undefined": ("not defined for cells together", "für Zellen zusammen nicht bestimmt"),
        "together": (
            "Larger cell: up to {n} cells together. Zoom in for single cells.",
            "Größere Zelle: bis zu {n} Zellen zusammen. Einzelne Zellen zeigt eine größere Karte.",
        ),
        "values": ("Values", "Werte"),
        "why": ("Why", "Warum"),
        "interval": ("between {low} and {high}", "zwischen {low} und {high}"),
        "interval_95": ("95 %: {low} to {high}", "95 %: {low} bis {high}"),
        "copy": ("Copy cell id", "Zell-ID kopieren"),
        "copied": ("Copied: {code}", "Kopiert: {code}"),
        "not_copied": ("The browser would not copy. The id is {code}", "Der Browser kopiert nicht. Die ID ist {code}"),
        "nobody": ("nobody lives here", "hier wohnt niemand"),
        "none": ("none", "keine"),
        "beyond": ("beyond the time searched", "außerhalb der gesuchten Zeit"),
        "with_status": ("{value} ({status})", "{value} ({status})"),
        "status_1": ("observed: none", "beobachtet: keine"),
        "status_2": ("nobody can live here", "hier kann niemand wohnen"),
        "status_3": ("confidential: withheld by the publisher", "vertraulich: vom Herausgeber zurückgehalten"),
        "status_4": ("not available", "nicht verfügbar"),
        "status_5": ("perturbed or flagged by the publisher", "vom Herausgeber verändert oder markiert"),
        "status_6": ("estimated from larger areas", "aus größeren Gebieten geschätzt"),
        "status_7": ("suppressed to protect people", "zum Schutz von Personen unterdrückt"),
        "status_8": ("lower bound: parts are missing", "Untergrenze: Teile fehlen"),
        "unit_persons": ("persons", "Personen"),
        "unit_persons_one": ("person", "Person"),
        "unit_households": ("households", "Haushalte"),
        "unit_households_one": ("household", "Haushalt"),
        "unit_min": ("min", "min"),
        # the background from a server
        "Show a background: this contacts ": (
            "Show a background: this contacts ",
            "Hintergrund zeigen: das fragt bei ",
        ),
        "Hide the background of ": ("Hide the background of ", "Hintergrund ausblenden von "),
        # the keyboard
        "cursor": ("Cells of the map, by keyboard", "Zellen der Karte, mit der Tastatur"),
        "cursor_help": (
            "Arrow keys: next cell. Shift and arrow: ten cells. Home: highest value. End: lowest value. "
            "Page Up and Page Down: larger and smaller. Enter: all values. C: copy the id. T: table. Escape: leave.",
            "Pfeiltasten: nächste Zelle. Umschalt und Pfeil: zehn Zellen. Pos1: höchster Wert. Ende: niedrigster Wert. "
            "Bild auf und Bild ab: größer und kleiner. Eingabe: alle Werte. C: ID kopieren. T: Tabelle. "
            "Escape: verlassen.",
        ),
        "cursor_left": ("No longer reading cells.", "Zellen werden nicht mehr gelesen."),
        "at": ("{value}. {name}. {place}.", "{value}. {name}. {place}."),
        "place_grid": ("North {north}, east {east}", "Nord {north}, Ost {east}"),
        "place_degrees": ("Latitude {lat}, longitude {lon}", "Breite {lat}, Länge {lon}"),
        "after_gap": ("After a gap of {gap} km.", "Nach einer Lücke von {gap} km."),
        "no_cell_north": ("No cell to the north.", "Keine Zelle im Norden."),
        "no_cell_south": ("No cell to the south.", "Keine Zelle im Süden."),
        "no_cell_west": ("No cell to the west.", "Keine Zelle im Westen."),
        "no_cell_east": ("No cell to the east.", "Keine Zelle im Osten."),
        "no_cells": ("No cells here.", "Hier sind keine Zellen."),
        "highest": ("Highest value.", "Höchster Wert."),
        "lowest": ("Lowest value.", "Niedrigster Wert."),
        # the table
        "table_of": ("Cells: {title}", "Zellen: {title}"),
        "rows": ("{n} of {all} cells, by {name}, {order}.", "{n} von {all} Zellen, nach {name}, {order}."),
        "falling": ("highest first", "höchste zuerst"),
        "rising": ("lowest first", "niedrigste zuerst"),
        "code": ("Cell", "Zelle"),
        "show_cell": ("Show cell {code} on the map", "Zelle {code} auf der Karte zeigen"),
        "more_rows": ("Show {n} more", "{n} weitere zeigen"),
        "download": ("Download all cells as CSV", "Alle Zellen als CSV speichern"),
        "csv_note": (
            "The file is made in this page of the values it holds; nothing is sent.",
            "Die Datei entsteht in dieser Seite aus den Werten, die sie enthält; nichts wird gesendet.",
        ),
    }
)
"""Key to words in English and German.  What stands in braces is filled in by the page."""

ENGLISH = {key: both[0] for key, both in TABLE.items()}
GERMAN = {key: both[1] for key, both in TABLE.items()}


@dataclass(frozen=True, eq=False)
class Language:
    """Words of a page in one language.

    Parameters
    ----------
    code : str
        BCP 47 tag, as ``"de"`` or ``"de-AT"``: what ``lang`` says, and how numbers are written.
    words : mapping of str to str
        All keys of `TABLE`.
    base : str
        Language of what is said by other parts, as legends and summaries: ``"en"`` or ``"de"``.
    """

    code: str
    words: Mapping[str, str]
    base: str = "en"

    @property
    def direction(self) -> str:
        """``"rtl"`` or ``"ltr"``: what ``dir`` says."""
        return "rtl" if self.code.split("-")[0].lower() in RIGHT_TO_LEFT else "ltr"

    def say(self, key: str, **values: str) -> str:
        """Fill values into the words of a key.

        >>> language("de").say("source", source="Eurostat")
        'Quelle: Eurostat'
        """
        return self.words[key].format(**values)


def language(code: str | Language) -> Language:
    """Give the words of a language; a regional one has the words of its language and numbers of its region.

    Raises
    ------
    UnknownNameError
        Neither the language nor a relation of it has words here.

    Examples
    --------
    >>> language("de-AT").words["legend"], language("de-AT").code
    ('Legende', 'de-AT')
    """
    if isinstance(code, Language):
        return code
    known = {"en": ENGLISH, "de": GERMAN}
    base = code.split("-")[0].lower()
    if base not in known:
        error = unknown_name("language of a page", code, known)
        raise type(error)(f"{error} Bring the words of another with make_language().")
    return Language(code, known[base], base)


def make_language(code: str, words: Mapping[str, str], *, base: str = "en") -> Language:
    """Bring a language of one's own.

    Parameters
    ----------
    code : str
        BCP 47 tag.
    words : mapping of str to str
        Keys of `TABLE`, each with its words; what stands in braces in the table must stand in braces here.
    base : str
        Where the words of other keys come from.

    Returns
    -------
    Language
        What ``lang`` of `make_map` takes.

    Raises
    ------
    UnknownNameError
        A key that no page knows.
    SchemaError
        Words with other braces than the table's, or a tag that is none.

    Examples
    --------
    >>> arabic = make_language("ar", {"legend": "مفتاح الخريطة"})
    >>> arabic.direction, arabic.words["close"]
    ('rtl', 'Close')
    """
    if not code.replace("-", "").isalnum() or not code.isascii():
        raise SchemaError(f"{code!r} is no language tag: write it as BCP 47 does, as 'fr' or 'ar-EG'.")
    known = language(base)
    start = known.words
    for key, text in words.items():
        if key not in start:
            raise unknown_name("key of a page's words", key, start)
        if set(_holes(text)) != set(_holes(start[key])):
            raise SchemaError(f"words of {key!r} have braces {sorted(_holes(text))}: use {sorted(_holes(start[key]))}.")
    return Language(code, {**start, **words}, known.base)


def _holes(text: str) -> Iterator[str]:
    try:
        yield from (hole for _, hole, _, _ in Formatter().parse(text) if hole is not None)
    except ValueError as error:
        raise SchemaError(f"braces of {text!r} do not close: write what is filled in as {{name}}.") from error
