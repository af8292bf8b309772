"""Languages of a page: English, German, and what a user adds.

Numbers and units are written by the browser (``Intl``, ECMA-402), by the language of the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter

from civigrid.errors import SchemaError, unknown_name
from civigrid.maps.word_table import TABLE

RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ku", "ps", "sd", "ug", "ur", "yi"})
"""Languages that are written from right to left (CLDR 46, ``characterOrder``)."""

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
