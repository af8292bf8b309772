"""Differences between years and cities on cells: terms sum, swap signs, map onto cells, and say what they cannot do."""

import json

import numpy as np
import pytest

from civigrid.cells import ids_of, make_cells, values_of
from civigrid.errors import CivigridError, GridMismatchError, SchemaError, UnknownNameError
from civigrid.grid import SquareGrid
from civigrid.layers.segregation import segregation_table
from civigrid.layers.segregation.change.differences import (
    TERMS,
    city_difference_table,
    difference_cells,
    difference_table,
)
from civigrid.result_table import check_table
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=1000)
GROUPS = ["a", "b", "c"]


def year(seed, cells=60, drop=(), grow=1.0):
    """A year of a city: group c grows by a factor; some cells are not lived in."""
    rng = np.random.default_rng(7)
    mean = rng.gamma(3, 20, (cells, 1)) * rng.dirichlet([6, 3, 1], cells) * [1, 1, grow]
    counts = np.random.default_rng(seed).poisson(mean).astype(float) + [1, 0, 0]
    ids = GRID.from_row_col(np.full(cells, 3000), 4000 + np.arange(cells))
    keep = ~np.isin(np.arange(cells), drop)
    values = {g: counts[keep, k] for k, g in enumerate(GROUPS)}
    labels = {"zone": np.where(np.arange(cells) < 30, "west", "east")[keep]}
    return make_cells(GRID, ids[keep], values, {g: Column() for g in GROUPS}, labels=labels)


def terms(table, measure, zone="all"):
    rows = table[table["zone"] == zone].set_index("index")["estimate"]
    return rows[f"{measure}_difference"], rows[[f"{measure}_{t}" for t in TERMS]]


def test_five_terms_sum_to_the_difference_in_every_zone():
    """M and H of the years are those of segregation_table; cells in one year only are additions or removals."""
    before, after = year(1, drop=[0, 1]), year(2, drop=[59], grow=3)
    table = check_table(difference_table(before, after, GROUPS, zone="zone"))
    values = table.set_index(["zone", "index"])["estimate"]
    for measure, index in (("M", "M"), ("H", "H_multi")):
        for zone in ("all", "east", "west"):
            whole, parts = terms(table, measure, zone)
            assert parts.sum() == pytest.approx(whole, abs=1e-12)
        for name, cells in (("before", before), ("after", after)):
            truth = segregation_table(cells, GROUPS, indices=[index])["estimate"].iloc[0]
            assert values["all", f"{measure}_{name}"] == pytest.approx(truth, abs=1e-12)
    told = json.loads(table["parameters"].iloc[0])

    assert told["common_cells"] == 57
    assert told["largest_deviation"] < 1e-9
    assert values["east", "M_additions"] == pytest.approx(0, abs=1e-15)
    assert values["west", "M_removals"] == pytest.approx(0, abs=1e-15)
    assert values["west", "M_additions"] != 0


def test_a_group_that_grows_everywhere_alike_is_a_marginal_change():
    """Three times as many of one group in every cell: odds ratios stay, so does the structure."""
    before = year(1)
    values = {g: values_of(before, g) * (3 if g == "c" else 1) for g in GROUPS}
    after = make_cells(GRID, ids_of(before), values, {g: Column() for g in GROUPS})
    _, parts = terms(difference_table(before, after, GROUPS), "M")

    assert parts["M_structural"] == pytest.approx(0, abs=1e-8)
    assert parts["M_group_marginal"] > 0.01


def test_swapping_the_years_swaps_signs():
    """Every term turns its sign; additions are removals."""
    before, after = year(1, drop=[0]), year(2, grow=2)
    _, there = terms(difference_table(before, after, GROUPS), "H")
    _, back = terms(difference_table(after, before, GROUPS), "H")
    there, back = there.to_numpy(), back.to_numpy()

    np.testing.assert_allclose(there[2:], -back[2:], atol=1e-12)
    np.testing.assert_allclose(there[:2], -back[[1, 0]], atol=1e-12)


def test_the_map_sums_to_the_structural_term():
    """What cells add to the structural change is the printed term; cells of one year add nothing."""
    before, after = year(1, drop=[0]), year(2, grow=2)
    _, parts = terms(difference_table(before, after, GROUPS), "M")
    added = values_of(difference_cells(before, after, GROUPS), "adds_to_M_structural")

    assert added.sum() == pytest.approx(parts["M_structural"], abs=1e-8)
    assert added[0] == 0
    assert len(added) == 60


def test_draws_give_intervals_that_hold():
    """60 pairs of years drawn from one city: 0 lies in at least 85 % of the intervals of M and of its structure."""
    held = []
    for seed in range(60):
        table = difference_table(
            year(2 * seed + 10), year(2 * seed + 11), GROUPS, measures=["M"], draws=60, added=1e-6, seed=seed
        ).set_index("index")
        held.append([bool(table["low"][i] < 0 < table["high"][i]) for i in ("M_difference", "M_structural")])

    assert np.mean(held, axis=0).min() >= 0.85


def test_draws_repeat_and_say_so():
    """The same seed gives the same table, the corrected value lies in its interval."""
    tables = [difference_table(year(1), year(2), GROUPS, measures=["M"], draws=20, added=1e-6, seed=3) for _ in "ab"]
    row = tables[0].set_index("index").loc["M_difference"]

    assert tables[0].equals(tables[1])
    assert row["low"] < row["corrected"] < row["high"]
    assert json.loads(row["parameters"])["interval"].startswith("bootstrap")


def test_a_cell_that_one_year_does_not_know_is_neither_added_nor_removed():
    """A confidential cell is left out of both years, and counted."""
    before, after = year(1), year(2)
    values = {g: values_of(before, g).copy() for g in GROUPS}
    values["a"][4] = np.nan
    codes = np.zeros(60, dtype=np.uint8)
    codes[4] = Status.CONFIDENTIAL
    hidden = make_cells(GRID, ids_of(before), values, {g: Column() for g in GROUPS}, status={"a": codes})
    table = difference_table(hidden, after, GROUPS)
    _, parts = terms(table, "M")

    assert parts["M_additions"] == 0
    assert json.loads(table["parameters"].iloc[0])["left_out_cells"] == 1


def test_a_zone_that_cannot_be_split_says_why():
    """The east is lived in only in one year: its row has no number but a reason, the west has its terms."""
    before, after = year(1, drop=range(30, 60)), year(2)
    table = difference_table(before, after, GROUPS, zone="zone", measures=["M"])
    east = table[table["zone"] == "east"]

    assert len(east) == 1
    assert np.isnan(east["estimate"].iloc[0])
    assert "0 units" in json.loads(east["parameters"].iloc[0])["not_split"]
    assert len(table[table["zone"] == "west"]) == 8


def test_what_cannot_be_compared_is_refused():
    """Another grid, zeros that forbid a fit, no common cell, an index without five terms, a single group."""
    before, after = year(1), year(2)
    large = SquareGrid(cell_size_m=2000)
    about = {g: Column() for g in GROUPS}
    ones = {g: np.ones(2) for g in GROUPS}
    other = make_cells(large, large.from_row_col(np.array([1500, 1500]), np.array([2000, 2001])), ones, about)
    far = make_cells(GRID, GRID.from_row_col(np.array([3500, 3500]), np.array([4500, 4501])), ones, about)
    ids = GRID.from_row_col(np.full(2, 3000), 4000 + np.arange(2))
    two = {"a": Column(), "b": Column()}
    apart = make_cells(GRID, ids, {"a": [50.0, 0.0], "b": [0.0, 50.0]}, two)
    mixed = make_cells(GRID, ids, {"a": [10.0, 10.0], "b": [70.0, 10.0]}, two)

    with pytest.raises(GridMismatchError, match="eu-laea-1km and eu-laea-2km"):
        difference_table(before, other, GROUPS)
    with pytest.raises(CivigridError, match="0 units"):
        difference_table(before, far, GROUPS)
    with pytest.raises(CivigridError, match="did not converge.*added=1e-3"):
        difference_table(apart, mixed, ["a", "b"])
    with pytest.raises(UnknownNameError, match="five terms"):
        difference_table(before, after, GROUPS, measures=["D"])
    with pytest.raises(SchemaError, match="two groups at least"):
        difference_table(before, after, ["a"])


def test_two_cities_differ_by_composition_and_space():
    """Two terms sum for every group and index; a city differs from itself in nothing."""
    one, other = year(1), year(2, grow=3)
    table = check_table(city_difference_table(one, other, GROUPS, indices=["D", "H", "A(b=0.1)"]))
    rows = table.set_index(["groups", "index"])["estimate"]
    itself = city_difference_table(one, one, GROUPS).set_index("index")["estimate"]
    truth = segregation_table(other, GROUPS, indices=["D"]).set_index("groups")["estimate"]
    for group in GROUPS:
        for index in ("D", "H", "A(b=0.1)"):
            parts = rows[group, f"{index}_composition"] + rows[group, f"{index}_spatial"]
            assert parts == pytest.approx(rows[group, f"{index}_difference"], abs=1e-12)
        assert rows[group, "D_second"] == pytest.approx(truth[group], abs=1e-12)

    assert itself[["D_composition", "D_spatial", "H_composition"]].abs().max() < 1e-12
    with pytest.raises(SchemaError, match="H_multi is no index of two groups"):
        city_difference_table(one, other, GROUPS, indices=["H_multi"])
