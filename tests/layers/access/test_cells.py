"""Labelled: cells in, cells out, statuses, disclosure, and the table by group."""

import json

import numpy as np
import pytest

from civigrid.cells import check_cells, column_of, make_cells, status_of, values_of
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import SquareGrid
from civigrid.layers.access import AccessOptions, access_cells, access_market, access_table, mean_of_decay, weighted
from civigrid.layers.access.cells import PERSONS
from civigrid.layers.access.decay import Binary, Gaussian
from civigrid.layers.access.measures import MEASURES
from civigrid.result_table import check_table
from civigrid.travel_times import times_of_pairs
from civigrid.types import Column, Status

DECAY = Gaussian(15.0)


@pytest.fixture
def town():
    """Thirty cells in three districts with two groups, one of them unknown in one cell; times to five sites."""
    rng = np.random.default_rng(8)
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(np.repeat(np.arange(3000, 3005), 6), np.tile(np.arange(4000, 4006), 5))
    a, b = rng.integers(5, 90, 30).astype(float), rng.integers(0, 40, 30).astype(float)
    b[4] = np.nan
    status = {"b": np.where(np.isnan(b), Status.CONFIDENTIAL, Status.OK).astype(np.uint8)}
    about = {"a": Column(long_name="Born here"), "b": Column(long_name="Born abroad")}
    district = np.array(["north", "mid", "south"])[np.arange(30) % 3]
    cells = make_cells(grid, ids, {"a": a, "b": b}, about, status=status, labels={"district": district})
    there = rng.random((30, 5)) < 0.7
    row, site = np.nonzero(there)
    seconds = rng.integers(0, 3600, len(row))
    names = np.array(["advice", "bank", "clinic", "desk", "east"])
    times = times_of_pairs(np.sort(ids), names, row, site, seconds, limit_s=3600, mode="walk")
    return cells, times, {"courses": np.array([3.0, 0.0, 9.0, 4.0, 1.0]), "advice": np.ones(5)}


def test_every_measure_becomes_a_described_variable(town):
    """All measures, two services: a valid dataset; what rests on counts says so; the cells' own variables stay."""
    cells, times, supply = town
    found = check_cells(access_cells(cells, times, ["a", "b"], supply, measures=sorted(MEASURES), decay=DECAY))

    for name, measure in MEASURES.items():
        for service in supply:
            column = column_of(found[f"{name}_{service}"])
            assert column.units == measure.units
            assert column.rests_on == ("a|b" if measure.competes else None)
            assert column.weight == (None if measure.adds else PERSONS)
            assert column.long_name == f"{measure.title}: {service}"
    assert values_of(found, "a").tolist() == values_of(cells, "a").tolist()
    assert "access_weights" in found["2sfca_courses"].attrs
    assert found["2sfca_courses"].attrs["access_cells_unknown"] == 1
    assert found["3sfca_courses"].attrs["access_advice"].startswith("A. Paez")
    assert "access_weights" not in found["nearest_courses"].attrs


def test_what_needs_the_cells_own_count_is_missing_where_it_is(town):
    """Places of a cell of unknown people are confidential; access of the place itself is known."""
    cells, times, supply = town
    found = access_cells(
        cells, times, ["a", "b"], supply, measures=["2sfca", "availability", "balancing_time"], decay=DECAY
    )

    k = int(np.flatnonzero(np.isnan(values_of(cells, "b")))[0])

    assert status_of(found, "availability_courses")[k] == Status.CONFIDENTIAL
    assert status_of(found, "balancing_time_courses")[k] == Status.CONFIDENTIAL
    assert status_of(found, PERSONS)[k] == Status.CONFIDENTIAL
    assert status_of(found, "2sfca_courses")[k] == Status.OK
    assert np.isnan(values_of(found, "availability_courses")[k])


def test_few_people_behind_a_site_suppress_what_shares_it_out(town):
    """Where a site is shared by fewer than asked, competitive measures are suppressed; times are not."""
    cells, times, supply = town
    found = access_cells(
        cells, times, ["a", "b"], supply, measures=["nearest", "2sfca"], decay=Binary(10.0), least_persons=200.0
    )
    hidden = status_of(found, "2sfca_courses") == Status.SUPPRESSED

    assert 0 < hidden.sum() < 30
    assert np.isnan(values_of(found, "2sfca_courses")[hidden]).all()
    assert not (status_of(found, "nearest_courses") == Status.SUPPRESSED).any()


def test_groups_with_their_own_access_have_their_own_variables(town):
    """Eligibility by group: one variable for each, weighed by that group."""
    cells, times, supply = town
    eligible = np.array([[True, True]] * 3 + [[True, False]] * 2)
    found = access_cells(cells, times, ["a", "b"], supply, measures=["2sfca"], decay=DECAY, eligible=eligible)

    assert column_of(found["2sfca_courses_b"]).weight == "b"
    assert column_of(found["2sfca_courses_b"]).long_name.endswith("courses, Born abroad")
    assert np.all(values_of(found, "2sfca_courses_a") >= values_of(found, "2sfca_courses_b"))


def test_modes_shares_and_needs_by_name(town):
    """Shares from a variable of the cells and as a number; needs by group and service."""
    cells, times, supply = town
    cells["car"] = ("cell", np.full(30, 0.5), {"kind": "intensive", "units": "1", "long_name": "", "source": "",
                                               "reference_date": ""})  # fmt: skip
    share = {"walk": {"a": 0.5, "b": 1.0}, "drive": {"a": "car"}}
    made = access_market(
        cells, {"walk": times, "drive": times}, ["a", "b"], supply, decay=DECAY, mode_share=share,
        need={"a": 2.0, "b": {"courses": 5.0}},
    )  # fmt: skip

    assert made.need.tolist() == [[2.0, 2.0], [5.0, 1.0]]
    assert made.share["drive"][0].tolist() == [0.5, 0.0]
    with pytest.raises(UnknownNameError, match="group among the needs 'c'"):
        access_market(cells, times, ["a", "b"], supply, decay=DECAY, need={"c": 1.0})
    with pytest.raises(UnknownNameError, match="service among the needs 'course'.*'courses'"):
        access_market(cells, times, ["a", "b"], supply, decay=DECAY, need={"a": {"course": 1.0}})
    with pytest.raises(UnknownNameError, match="group among the shares of modes 'c'"):
        access_market(cells, times, ["a", "b"], supply, decay=DECAY, mode_share={"all": {"c": 1.0}})


def test_table_has_means_by_group_shares_that_miss_and_totals(town):
    """Means are person-weighted; who reaches nothing misses any threshold; the supply is accounted for."""
    cells, times, supply = town
    table = access_table(
        cells, times, ["a", "b"], supply, measures=["nearest", "2sfca", "availability"], decay=DECAY,
        thresholds={"nearest": 20.0, "2sfca": 0.01}, zone="district",
    )  # fmt: skip
    check_table(table)
    said = table["parameters"].map(json.loads)
    of = (
        table[(said.map(lambda p: p["service"]) == "courses")]
        .set_index(["zone", "index", "groups"])["estimate"]
        .sort_index()
    )
    made = access_cells(cells, times, ["a", "b"], supply, measures=["nearest", "2sfca", "availability"], decay=DECAY)
    minutes, places = values_of(made, "nearest_courses"), values_of(made, "2sfca_courses")
    b = np.nan_to_num(values_of(cells, "b"))
    reach = ~np.isnan(minutes)

    assert of["all", "nearest", "b"] == pytest.approx((minutes[reach] * b[reach]).sum() / b[reach].sum(), rel=1e-12)
    assert of["all", "nearest_missed", "b"] == pytest.approx(b[~(minutes <= 20)].sum() / b.sum(), rel=1e-12)
    assert of["all", "2sfca_missed", "b"] == pytest.approx(b[places < 0.01].sum() / b.sum(), rel=1e-12)
    total = of.loc["all", "supply_shared"].iloc[0] + of.loc["all", "supply_lost"].iloc[0]
    assert total == pytest.approx(17.0)
    assert of["all", "availability", "a|b"] == pytest.approx(of.loc["all", "supply_shared"].iloc[0], rel=1e-12)
    by_district = [of[d, "availability", "a|b"] for d in ("north", "mid", "south")]
    assert sum(by_district) == pytest.approx(of["all", "availability", "a|b"], rel=1e-12)
    assert set(table["topic"]) == {"access"}


def test_table_says_how_its_numbers_were_made(town):
    """Weights in words, options, mode, gap: what another needs to compute the same."""
    cells, times, supply = town
    found = access_table(
        cells, times, ["a"], {"courses": supply["courses"]}, measures=["2sfca", "raam", "cumulative"], decay=DECAY,
        options=AccessOptions(threshold_min=25.0),
    )  # fmt: skip
    said = {r["index"]: json.loads(r["parameters"]) for r in found.to_dict("records")}

    assert said["2sfca"]["weights"] == "gaussian(sigma_min=15) of the travel time"
    assert said["2sfca"]["weight_at_limit"] == pytest.approx(np.exp(-8))
    assert said["cumulative"]["threshold_min"] == 25.0
    assert said["raam"]["gap"] <= 1e-4
    assert all(said[name]["mode"] == "walk" and said[name]["source"] for name in ("2sfca", "raam", "cumulative"))


def test_mean_of_decay_is_named_in_the_table(town):
    """Weights of a window of departures go in as they are; their words come out."""
    cells, times, supply = town
    window = mean_of_decay([times, times.within(3600)], DECAY)
    one = access_cells(cells, window, ["a"], supply, measures=["gravity"])
    other = access_cells(cells, weighted(times, DECAY), ["a"], supply, measures=["gravity"])

    assert one["gravity_courses"].attrs["access_weights"] == "mean of gaussian(sigma_min=15) over 2 departures"
    assert values_of(one, "gravity_courses") == pytest.approx(values_of(other, "gravity_courses"), rel=1e-12)


def test_a_single_service_without_a_name(town):
    """An array of capacities: variables bear the measure's name alone; averages by the named total."""
    cells, times, supply = town
    found = access_cells(cells, times, ["b"], supply["courses"], measures=["2sfca"], decay=DECAY, total="a")

    assert column_of(found["2sfca"]).weight == "a"
    assert PERSONS not in found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"decay": None}, "without a decay"),
        ({"supply": {}}, "no service"),
        ({"supply": {"x": np.ones(5), "y": np.ones(4)}}, "different lengths"),
        ({"demand": ["a", "c"]}, "no variable 'c'"),
        ({"total": "c"}, "no variable 'c'"),
        ({"measures": ["nope"]}, "unknown measure of access 'nope'"),
    ],
)
def test_bad_requests_are_refused(town, change, words):
    """The message says what is wrong."""
    cells, times, supply = town
    asked = {"demand": ["a"], "supply": supply, "decay": DECAY} | change
    demand, offered = asked.pop("demand"), asked.pop("supply")
    with pytest.raises((SchemaError, UnknownNameError), match=words):
        access_cells(cells, times, demand, offered, **asked)


def test_times_of_other_cells_and_suppressed_counts_are_refused(town):
    """Neither is a guess."""
    cells, times, supply = town
    hidden = cells.copy()
    hidden["b_status"] = ("cell", np.where(np.arange(30) == 4, Status.SUPPRESSED, Status.OK).astype(np.uint8))

    with pytest.raises(SchemaError, match="do not start from these cells"):
        access_cells(cells.isel(cell=slice(0, 9)), times, ["a"], supply, decay=DECAY)
    with pytest.raises(SchemaError, match="suppressed"):
        access_cells(hidden, times, ["a", "b"], supply, decay=DECAY)
    with pytest.raises(UnknownNameError, match="measure with a threshold 'raam'"):
        access_table(cells, times, ["a"], supply, decay=DECAY, thresholds={"raam": 1.0})
