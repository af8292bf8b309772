"""Opening hours: each form by hand, and nothing that is not understood is open."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from civigrid.layers.onestop.opening import DAYS, parse_opening
from civigrid.layers.onestop.personas import FREE_TIMES, PERSONAS

BY_DAY = {
    "Mo-Fr 08:00-18:00": [40, 40, 40, 40, 40, 0, 0],
    "Mo,We 09:00-15:00": [24, 0, 24, 0, 0, 0, 0],
    "Mo-Tu,Th-Fr 08:00-13:00": [20, 20, 0, 20, 20, 0, 0],
    "Mo-Sa 08:00-18:00; Sa off": [40, 40, 40, 40, 40, 0, 0],
    "Mo-Fr 08:00-18:00; We 10:00-12:00": [40, 40, 8, 40, 40, 0, 0],
    "Mo-Fr 08:00-12:00, Sa 09:00-12:00": [16, 16, 16, 16, 16, 12, 0],
    "Mo-Fr 08:00-12:00,13:00-18:00": [36, 36, 36, 36, 36, 0, 0],
    "24/7": [96] * 7,
    "08:00-10:00": [8] * 7,
    "Mo": [96, 0, 0, 0, 0, 0, 0],
    "Mo 00:00-24:00": [96, 0, 0, 0, 0, 0, 0],
    "Sa-Mo 10:00-12:00": [8, 0, 0, 0, 0, 8, 8],
    "Fr-Sa 22:00-02:00": [0, 0, 0, 0, 8, 16, 8],
    "Su 22:00-26:00": [8, 0, 0, 0, 0, 0, 8],
    "Mo 08:07-08:50": [2, 0, 0, 0, 0, 0, 0],
    "Mo-Fr 08:00-18:00; PH off": [40, 40, 40, 40, 40, 0, 0],
    "Mo-Su closed": [0] * 7,
}
ODD = [
    "", "Mo-Fr 08:00+", "Jan-Mar 08:00-10:00", "Mo-Fr sunrise-18:00", "Mo[1] 08:00-10:00", "week 1-20 Mo 08:00-10:00",
    'Mo 08:00-10:00 "by appointment"', "Mo 25:00-26:00", "Mo 08:00-08:75", "asap", "Mo-Fr 08:00-12:00; ; Sa",
]  # fmt: skip


@pytest.mark.parametrize("text", BY_DAY)
def test_quarters_by_day_are_those_counted_by_hand(text):
    """Each form of the subset opens the quarters it says."""
    said = parse_opening(text)

    assert said.understood
    assert said.week.reshape(7, 96).sum(axis=1).tolist() == BY_DAY[text]


@pytest.mark.parametrize("text", ODD)
def test_what_is_not_understood_is_never_open(text):
    """Anything outside the subset closes the whole week, and the note quotes it."""
    said = parse_opening(text)

    assert not said.understood
    assert not said.week.any()
    assert said.notes[0].startswith("not understood: ")


@given(st.text(alphabet="MoTuWeThFrSaSuPH0123456789:-,; off/"))
def test_no_text_breaks_the_parser(text):
    """Any text gives a week, and one that is not understood gives none of it."""
    said = parse_opening(text)

    assert said.week.shape == (672,)
    assert said.understood or not said.week.any()


@given(st.integers(0, 6), st.integers(0, 95), st.integers(1, 96))
def test_a_range_opens_its_own_quarters(day, begin, length):
    """What is written as day and times comes back as those quarters, over midnight and over Sunday too."""
    end = begin + length
    text = f"{DAYS[day]} {begin // 4:02d}:{begin % 4 * 15:02d}-{end // 4:02d}:{end % 4 * 15:02d}"
    expected = np.zeros(672, dtype=bool)
    expected[(day * 96 + begin + np.arange(length)) % 672] = True

    np.testing.assert_array_equal(parse_opening(text).week, expected)


def test_holidays_are_noted():
    """A rule for public holidays changes no week, and is told."""
    assert parse_opening("Mo 08:00-10:00; PH off").notes == ("public holidays are left aside: PH off",)
    assert parse_opening("SH off; Mo 08:00-10:00").notes == ("school holidays are left aside: SH off",)


def test_example_personas_state_assumptions_and_are_free_at_times():
    """Every persona says what it assumes, has shares that add up, and is free for some of the week."""
    for persona in PERSONAS.values():
        assert persona.assumptions
        assert sum(share for _, share in persona.spoken()) == pytest.approx(1.0)
        assert 0 < persona.is_free().sum() <= 672
        assert len(persona.bundle.kinds) <= 8
    for text, _ in [part for profile in FREE_TIMES.values() for part in profile]:
        assert parse_opening(text).understood
