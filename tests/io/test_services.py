"""Tables of services: hours, referrals and places, and a report of what is odd."""

import numpy as np
import pandas as pd
import pytest

from civigrid.errors import SourceError
from civigrid.io.services import read_services, services_of_table
from civigrid.sample.city import CityOptions, make_city

SITES = ["a", "b", "c"]


def table(**columns):
    """Three services at three sites, with further columns."""
    return pd.DataFrame({"site_id": SITES, "kind": ["advice", "doctor", "advice"], **columns})


def codes(read):
    """Findings by code, and how many each counts."""
    return {finding.code: finding.count for finding in read.report}


def test_hours_languages_and_places_are_read(tmp_path):
    """Every column ends where it belongs, from a file as from a frame."""
    frame = table(
        place_id=["hub", "hub", ""], operator=["city", "", "city"], capacity=["100", "", "50"],
        opening_hours=["Mo-Fr 08:00-12:00", "24/7", "Mo 10:00-11:00"], languages=["de;ar", "", "de"],
        eligibility=["", "newcomers", ""],
    )  # fmt: skip
    frame.to_csv(tmp_path / "services.csv", index=False)
    for read in (services_of_table(frame, SITES), read_services(tmp_path / "services.csv", SITES)):
        assert read.place.tolist() == [0, 0, 1]
        assert read.services.open_week.sum(axis=1).tolist() == [80, 672, 4]
        assert read.services.languages == (frozenset({"de", "ar"}), frozenset(), frozenset({"de"}))
        assert read.services.eligible[1] == frozenset({"newcomers"})
        np.testing.assert_array_equal(read.services.capacity, [100.0, np.nan, 50.0])
        assert read.services.in_house.all()
        assert codes(read) == {"no-capacity": 1, "no-languages": 1}


def test_hours_that_are_not_understood_are_never_open():
    """The report quotes them; absent hours are open, and counted."""
    read = services_of_table(table(opening_hours=["Mo-Fr 08:00+", "", "Mo 08:00-10:00; PH off"]), SITES)

    assert read.services.open_week.sum(axis=1).tolist() == [0, 672, 8]
    assert codes(read)["hours-not-understood"] == 1
    assert codes(read)["no-hours"] == 1
    assert codes(read)["hours-left-aside"] == 1
    quoted = next(f for f in read.report if f.code == "hours-not-understood")
    assert quoted.level == "warning"
    assert quoted.examples == ("a: 'Mo-Fr 08:00+'",)


def test_a_referral_to_the_same_kind_is_not_in_house():
    """A row that refers to a site with its kind is had there."""
    read = services_of_table(table(referral_to=["c", "", ""]), SITES)

    assert read.services.in_house.tolist() == [False, True, True]
    assert read.services.targets.tolist() == [2, -1, -1]


def test_a_site_that_sends_on_has_the_other_kinds_by_referral():
    """A row that refers to a site of other kinds is in house, and offers those by referral."""
    read = services_of_table(table(referral_to=["b", "", ""]), SITES)

    assert read.services.kind.tolist() == ["advice", "doctor", "advice", "doctor"]
    assert read.services.in_house.tolist() == [True, True, True, False]
    assert read.services.targets.tolist() == [-1, -1, -1, 1]
    assert read.services.site.tolist() == [0, 1, 2, 0]


def test_what_is_said_of_in_house_counts():
    """The column `in_house` overrides what a referral suggests; a referral in vain is reported."""
    read = services_of_table(table(referral_to=["c", "", "b"], in_house=["yes", "", "no"]), SITES)

    assert read.services.in_house.tolist() == [True, True, False]
    assert read.services.targets.tolist() == [-1, -1, 1]
    assert codes(read)["referral-in-vain"] == 1
    with pytest.raises(SourceError, match="in_house is 'maybe'"):
        services_of_table(table(in_house=["maybe", "", ""]), SITES)


def test_services_without_travel_times_are_counted():
    """Rows at unknown sites are left out, referrals to them lost, and negative capacities unknown."""
    read = services_of_table(table(referral_to=["c", "", ""], capacity=["-5", "7", "8"]), ["a", "b"])

    assert codes(read)["no-travel-times"] == 1
    assert codes(read)["referral-lost"] == 1
    assert codes(read)["capacity"] == 1
    assert read.services.site.tolist() == [0, 1]
    assert np.isnan(read.services.capacity[0])


def test_tables_that_are_none_are_refused():
    """Columns that must be there, and fields that must not be empty."""
    with pytest.raises(SourceError, match="no column kind"):
        services_of_table(pd.DataFrame({"site_id": ["a"]}), SITES)
    with pytest.raises(SourceError, match="no site_id or kind"):
        services_of_table(pd.DataFrame({"site_id": ["a"], "kind": [""]}), SITES)


def test_an_empty_table_is_no_services():
    """No rows are no services, at the places of the sites."""
    read = services_of_table(pd.DataFrame({"site_id": [], "kind": []}), SITES)

    assert read.services.open_week.shape == (0, 672)
    assert read.place.tolist() == [0, 1, 2]


def test_the_sample_city_reads_without_a_warning():
    """What civigrid invents, civigrid reads."""
    services = make_city(CityOptions()).services
    read = services_of_table(services, services["site_id"].tolist())

    assert all(finding.level == "note" for finding in read.report)
    assert len(read.services.site) >= len(services)
    assert read.place.max() + 1 == services["place_id"].nunique()
