"""A map in sentences, what is uncertain, and what is shown first."""

import numpy as np
import pytest

from civigrid.cells import with_variables
from civigrid.errors import CivigridError
from civigrid.style.order import advice, shown_order
from civigrid.style.summary import median_of, summary
from civigrid.style.uncertain import UncertainRule, standard_error, uncertain_of
from civigrid.types import Column, Status

PERSONS = Column(long_name="Residents", part_of="all")
MINUTES = Column(kind="intensive", units="min", long_name="Minutes to a doctor", weight="residents")
SHARE = Column(kind="intensive", units="1", long_name="Share: A", weight="residents")


def test_a_count_is_told_with_range_median_and_concentration():
    """Nine cells of 10 and one of 910: the top tenth holds 91 %; both languages write their numbers."""
    values = np.r_[np.full(9, 10.0), 910.0, 2000.5]
    values[-1] = np.nan
    status = np.r_[np.zeros(10), Status.SUPPRESSED].astype(np.uint8)

    assert summary(values, status, PERSONS) == [
        "Residents: from 10 to 910 persons per cell in 10 cells; half of the cells lie at 10 or below.",
        "The tenth of the cells with the highest counts holds 91 % of the total.",
        "No value in 1 cell: 1 suppressed to protect people.",
    ]
    german = summary(values * 10, status, PERSONS, lang="de")
    assert german[0].startswith("Residents: von 100 bis 9.100 Personen je Zelle in 10 Zellen")
    assert german[2] == "Kein Wert in 1 Zelle: 1 zum Schutz von Personen unterdrückt."


def test_the_worst_served_are_counted_as_people():
    """Forty of a hundred people need more than 15 minutes, ten of them beyond what was searched."""
    values, weight = np.array([5.0, 15.0, 20.0, np.nan]), np.array([50.0, 10.0, 30.0, 10.0])
    said = summary(values, np.zeros(4, dtype=np.uint8), MINUTES, weight=weight)

    assert said[0] == "Minutes to a doctor: from 5 to 20 minutes in 3 cells; half of the people lie at 5 or below."
    assert said[1] == (
        "40 % of the people need more than 15 minutes or reach nothing in the time searched;"
        " the worst-served tenth needs 20 minutes or more."
    )
    assert said[2] == "No value in 1 cell: 1 not reached in the time searched."
    weight[-1] = 50
    assert "needs longer than was searched" in summary(values, np.zeros(4, np.uint8), MINUTES, weight=weight)[1]


def test_shares_are_percent_and_people_concentrate():
    """Range in percent; where the highest shares are, few people live; nobody home is left out, not missing."""
    values = np.r_[np.linspace(0.01, 0.5, 20), np.nan]
    weight = np.r_[np.full(18, 100.0), 50.0, 50.0, 0.0]
    said = summary(values, np.zeros(21, np.uint8), SHARE, weight=weight, uncertain=values > 0.48)

    assert said[0].startswith("Share: A: from 1 % to 50 % in 20 cells; half of the people lie at")
    assert said[1] == "In the tenth of the cells with the highest values live 5.3 % of the people."
    assert said[2:] == ["Left out, as nobody lives there: 1 cell.", "Uncertain, and hatched: 5 % of the values (1)."]


@pytest.mark.parametrize("lang", ["en", "de"])
@pytest.mark.parametrize("about", [PERSONS, MINUTES, SHARE, Column(units="class", kind="intensive")])
@pytest.mark.parametrize("values", [[], [np.nan], [4.0], [0.0, 0.0], [-1.0, 2.0] * 10])
def test_whatever_comes_is_told(values, about, lang):
    """Nothing, one, zero, negative: sentences without gaps or faults."""
    values = np.array(values, dtype=float)
    status = np.where(np.isnan(values), Status.UNAVAILABLE, Status.OK).astype(np.uint8)
    for weight in (None, np.ones(len(values)), np.zeros(len(values))):
        said = summary(values, status, about, weight=weight, lang=lang)

        assert all(s.endswith(".") and "nan" not in s and "{" not in s for s in said)
        assert said or (about.units == "class" and not np.isnan(values).any())


def test_uncertain_by_interval_noise_or_error(four_cells):
    """Intervals, declared noise and stated errors give one answer; unknown errors accuse nobody."""
    assert np.isnan(standard_error(four_cells, "a")).all()
    assert not uncertain_of(four_cells, "a").any()

    error = np.array([1.0, 20.0, 1.0, 0.5])
    values = four_cells["a"].to_numpy()
    half = 1.959964 * error
    about = {n: Column(companion_of="a") for n in ("a_low", "a_high")}
    known = with_variables(four_cells, {"a_low": values - half, "a_high": values + half}, about)
    assert standard_error(known, "a") == pytest.approx(error)
    assert uncertain_of(known, "a").tolist() == [False, True, True, True]
    assert uncertain_of(known, "a", UncertainRule(cv=0.6)).tolist() == [False, False, False, True]
    assert uncertain_of(known, "a", UncertainRule(width=50.0)).tolist() == [False, True, False, False]

    stated = with_variables(four_cells, {"a_se": error}, {"a_se": Column(companion_of="a")})
    assert standard_error(stated, "a").tolist() == error.tolist()
    with pytest.raises(CivigridError, match="must be above 0, got cv=0"):
        UncertainRule(cv=0)


def test_missing_values_are_not_uncertain():
    """What is missing is hatched as missing, not as uncertain."""
    found = UncertainRule().applies(np.array([np.nan, 1.0]), np.array([5.0, np.nan]))

    assert found.tolist() == [False, False]


def test_the_gap_of_a_service_comes_first_and_totals_last():
    """Minutes, then rates, then shares of groups, then totals, then counts of groups, each as they stood."""
    columns = {
        "a": Column(part_of="residents"),
        "residents": Column(),
        "share_a": SHARE,
        "diversity": Column(kind="intensive", units="1", long_name="Diversity"),
        "minutes_gp": MINUTES,
        "share_at_one_place": Column(kind="intensive", units="1", long_name="Share of services at one place"),
    }

    assert shown_order(columns) == ["minutes_gp", "share_at_one_place", "diversity", "share_a", "residents", "a"]
    assert "draw the share" in advice(columns["a"])
    assert advice(columns["a"], "de").startswith("Eine Anzahl")
    assert advice(columns["share_a"]) == ""


def test_half_beyond_the_search_is_no_short_median():
    """Who reaches nothing counts as longer than all others: the median is that of everybody asked."""
    about = Column(kind="intensive", units="min", long_name="Minutes")
    values, nobody = np.array([5.0, 10.0, np.nan, np.nan, np.nan]), np.zeros(5, np.uint8)
    weight = np.array([40.0, 20.0, 10.0, 10.0, 0.0])

    assert "half of the cells reach nothing" in summary(values, nobody, about)[0]
    assert "half of the people lie at" in summary(values, nobody, about, weight=weight)[0]
    assert "erreicht in der gesuchten Zeit nichts" in summary(values, nobody, about, lang="de")[0]
    assert median_of(values, nobody, about) == np.inf
    assert median_of(values, np.full(5, Status.SUPPRESSED), about) == 5.0
    assert np.isnan(median_of(values[2:], np.full(3, Status.SUPPRESSED), about))


def test_people_who_are_hidden_are_not_counted_silently():
    """Where the number of people of some cells is hidden, shares of people say so, in both languages."""
    values, about = np.array([5.0, 20.0, np.nan, 30.0]), Column(kind="intensive", units="min", long_name="Minutes")
    status, weight = np.zeros(4, np.uint8), np.array([100.0, np.nan, np.nan, 300.0])

    told = "People of 2 cells are hidden and not among them."
    assert told in summary(values, status, about, weight=weight)
    assert any("2 Zellen sind verborgen" in text for text in summary(values, status, about, weight=weight, lang="de"))
    assert not any("hidden" in text for text in summary(values, status, about, weight=np.full(4, 9.0)))
    assert not any("hidden" in text for text in summary(values, status, about))
