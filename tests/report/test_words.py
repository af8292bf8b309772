"""Numbers as people write them, and the words of each language: the same keys, the same places to fill."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from civigrid.errors import UnknownNameError
from civigrid.report.numbers import (
    LANGUAGES,
    count_words,
    figure_of,
    known_language,
    listed,
    percent_words,
    range_words,
)
from civigrid.report.phrases import phrases

LEFT_OUT = {"modes", "grids", "indices"}
NUMBERS = st.floats(-1e9, 1e9)


def read_back(words, lang):
    """The number that a reader of the language reads."""
    group, point = {"en": (",", "."), "de": (".", ",")}[lang]
    return float(words.replace(group, "").replace(point, "."))


@given(NUMBERS, st.sampled_from(LANGUAGES))
def test_numbers_are_read_as_they_were(value, lang):
    """To half of the last digit that is written, with the marks of the language."""
    assert abs(read_back(count_words(value, lang), lang) - value) <= 0.5
    written = figure_of(value, lang)
    assert abs(read_back(written, lang) - value) <= (0.5 if abs(value) >= 100 else 0.0005) + 1e-6
    percent = percent_words(value, lang).split("\u202f")[0]
    assert abs(read_back(percent, lang) - 100 * value) <= 0.0501 + 1e-9 * abs(value)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_not_known_is_not_written(lang):
    """Neither a number nor a word for none: a cell stays empty."""
    for value in (np.nan, np.inf, -np.inf):
        assert [count_words(value, lang), percent_words(value, lang), figure_of(value, lang)] == ["", "", ""]
        assert range_words(value, 1.0, lang) == range_words(0.0, value, lang) == ""


def test_languages_are_known_by_their_tag():
    """Countries and cases do not matter; another language is refused by name."""
    assert [known_language(tag) for tag in ("de", "DE-at", "en_GB", "en")] == ["de", "de", "en", "en"]
    with pytest.raises(UnknownNameError, match="'fr'"):
        known_language("fr")
    assert listed([], "en") == ""
    assert listed(("a", "b"), "de") == "a und b"


def leaves(table, path=()):
    """Every text of a table with its path."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), [value] if isinstance(value, str) else value


def places(texts):
    """Names of the places that are filled in."""
    return sorted({name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name})


def test_every_language_says_the_same():
    """The same keys, as many items, the same places to fill; only words in place of others differ in number."""
    first = {path: told for path, told in leaves(phrases("en")) if path[0] not in LEFT_OUT}
    for lang in LANGUAGES[1:]:
        other = {path: told for path, told in leaves(phrases(lang)) if path[0] not in LEFT_OUT}
        assert sorted(other) == sorted(first)
        for path, told in first.items():
            assert len(other[path]) == len(told), path
            assert places(other[path]) == places(told), path


def test_no_word_is_left_in_english():
    """A text that is the same in both languages is one of those that are."""
    english = dict(leaves(phrases("en")))
    same = {".".join(p) for p, told in leaves(phrases("de")) if english.get(p) == told}

    assert same <= {
        "page.library_caption", "sentences.as_measured", "sentences.share_of", "tables.radius",
    }  # fmt: skip
