"""The legend as one dictionary, and the words and numbers in it."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from civigrid.errors import CivigridError
from civigrid.style import classify
from civigrid.style.legend import histogram, legend_of
from civigrid.style.words import REASONS, missing_reasons, number, percent
from civigrid.types import Column, Status

PERSONS = Column(long_name="Residents", source="census", reference_date="2021")
MINUTES = Column(kind="intensive", units="min", long_name="Minutes to a doctor", weight="residents")
RATE = Column(kind="intensive", units="1", long_name="Share: A", weight="residents")


def made(values, status, about, **more):
    """A legend by the default classes."""
    values = np.array(values, dtype=float)
    return legend_of(values, np.array(status, dtype=np.uint8), classify(values, about), about, **more)


def test_every_reason_has_a_row_of_its_own():
    """Withheld, suppressed, absent and too far are four rows; nobody home is a sentence."""
    nan = np.nan
    found = made([5, 20, nan, nan, nan, nan, nan], [0, 0, 3, 7, 7, 4, 0], MINUTES)

    assert [(r["reason"], r["cells"]) for r in found["missing_rows"]] == [
        ("confidential", 1), ("suppressed", 2), ("unavailable", 1), ("beyond", 1),
    ]  # fmt: skip
    assert found["missing"]["count"] == "5"
    assert found["empty"] == ""

    found = made([0.1, 0.9, nan], [0, 0, 0], RATE)
    assert found["missing"] is None
    assert found["empty"] == "Not drawn, as nobody lives there: 1 cell"


def test_reasons_cover_each_missing_value_once():
    """For every status and kind the reasons add up to the NaN."""
    values = np.where(np.arange(18) % 2, np.nan, 1.0)
    status = np.repeat(np.array([int(s) for s in Status], dtype=np.uint8), 2)
    for about in (PERSONS, MINUTES, RATE):
        found = np.stack(list(missing_reasons(values, status, about).values()))

        assert found.sum(axis=0).tolist() == np.isnan(values).astype(int).tolist()


def test_rows_tell_counts_bounds_and_people():
    """Rows add up to the cells; each class lies within its bounds; people are weighed."""
    rng = np.random.default_rng(3)
    values = np.r_[0.0, np.rint(rng.lognormal(4, 1.2, 999))]
    weight = np.ones(1000)
    found = made(values, np.zeros(1000), PERSONS, weight=weight)
    rows = found["classes"]

    assert sum(r["cells"] for r in rows) == 1000
    assert rows[0] == rows[0] | {"label": "0", "low": 0.0, "high": 0.0, "cells": 1 + int((values[1:] == 0).sum())}
    assert all(a["high"] == b["low"] for a, b in pairwise(rows[1:]))
    assert sum(r["people"] for r in rows) == pytest.approx(1)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("lang", ["en", "de"])
def test_numbers_are_written_by_language(lang):
    """Thousands and decimals swap between English and German; minus is minus."""
    point = {"en": "1,234.5", "de": "1.234,5"}[lang]

    assert number(1234.5, lang, 1) == point
    assert number(-1234.5, lang, 1) == "−" + point
    assert number(float("nan"), lang) == "–"
    assert number(-0.0001, lang, 1).startswith("0")
    assert percent(0.5, lang) == "50 %"
    assert all(lang in words for words in REASONS.values())


def test_an_unknown_language_is_named():
    """A language without words is refused with those that have them."""
    with pytest.raises(CivigridError, match="unknown language 'tlh'"):
        made([1.0], [0], PERSONS, lang="tlh")


def test_histogram_counts_every_value_and_marks_breaks():
    """Bars hold all known values; breaks lie inside in order; skew is counted by powers."""
    rng = np.random.default_rng(1)
    for values in (np.rint(rng.lognormal(3, 2, 5000)), rng.normal(size=5000), rng.random(5000)):
        classes = classify(values, PERSONS)
        found = histogram(values, classes)

        assert sum(found["cells"]) == np.sum(values != 0)
        assert max(found["height"]) == 1
        assert found["at"][0] == 0
        assert found["at"][-1] == pytest.approx(1)
        assert len(found["breaks_at"]) == len(classes.breaks)
        assert found["breaks_at"] == sorted(found["breaks_at"])
        assert len(found["class"]) == len(found["cells"]) == len(found["edges"]) - 1
        assert found["class"] == sorted(found["class"])
    assert histogram(np.rint(rng.lognormal(3, 2, 5000)), classes)["scale"] == "log"


@pytest.mark.parametrize("values", [[], [np.nan], [3.0], [2.0, 2.0, 2.0], [np.nan, np.inf, 1.0]])
def test_few_values_have_no_histogram(values):
    """Empty, one, equal, missing, infinite: rows, and no bars."""
    found = made(values, [4 if np.isnan(v) else 0 for v in values], PERSONS)

    assert found["histogram"] is None
    assert sum(r["cells"] for r in found["classes"]) == np.isfinite(values).sum()


def test_uncertain_values_have_a_row():
    """Only values that stand there can be uncertain; none: no row; notes of the breaks are handed on."""
    values, status = np.array([1.0, 30.0, 60.0, np.nan]), np.array([0, 0, 0, 7], np.uint8)
    about = Column(long_name="Residents")
    classes = replace(classify(values, about), notes=("A break was moved.",))
    some = legend_of(values, status, classes, about, uncertain=np.array([True, False, False, True]), lang="de")

    assert some["uncertain"] == {"label": "unsichere Werte", "count": "1", "cells": 1}
    assert some["notes"] == ["A break was moved."]
    assert legend_of(values, status, classes, about)["uncertain"] is None
    assert legend_of(values, status, classes, about, uncertain=np.zeros(4, bool))["uncertain"] is None


def test_histograms_say_where_they_end():
    """The ends of the axis are written as readers of the language write them."""
    values = np.arange(1.0, 3001.0)
    about = Column(long_name="Residents")
    found = legend_of(values, np.zeros(3000, np.uint8), classify(values, about), about, lang="de")

    assert found["histogram"]["ends"] == ["1", "3.000"]


def test_people_are_not_told_where_some_are_hidden():
    """Sums of those who may be shown would pass for all: no share of people stands beside a class."""
    values, about = np.array([1.0, 20.0, 40.0]), Column(units="min")
    for weight, told in ((np.array([5.0, 5.0, 10.0]), True), (np.array([5.0, np.nan, 10.0]), False)):
        found = legend_of(values, np.zeros(3, np.uint8), classify(values, about), about, weight=weight)
        assert all((row["people"] is not None) == told for row in found["classes"])
