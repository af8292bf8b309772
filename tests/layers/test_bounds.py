"""Bounds of indices from tables with hidden counts: the truth lies within, and what cannot be bounded is refused."""

import json

import numpy as np
import pytest

from civigrid.cells import make_cells, values_of, with_variables
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import SquareGrid
from civigrid.layers.segregation import segregation_table
from civigrid.layers.segregation.bounds import bounds_table
from civigrid.result_table import check_table
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=1000)
ALL = ("D", "H", "V", "gorard", "minmax", "isolation", "interaction")
ABOUT = {"x": Column(part_of="T"), "T": Column()}


def city(k=10, seed=0, side=12, status=Status.SUPPRESSED):
    """A city as it is, and the same with counts below k hidden."""
    rng = np.random.default_rng(seed)
    row, col = (a.ravel() for a in np.meshgrid(np.arange(side), np.arange(side), indexing="ij"))
    total = rng.integers(0, 200, side * side).astype(float)
    x = rng.binomial(total.astype(int), rng.beta(0.6, 4, side * side)).astype(float)
    ids = GRID.from_row_col(3000 + row, 4000 + col)
    labels = {"zone": np.where(col < 5, "west", "east")}
    hidden = x < k
    codes = np.where(hidden, status, Status.OK).astype(np.uint8)
    true = make_cells(GRID, ids, {"x": x, "T": total}, ABOUT, labels=labels)
    shown = {"x": np.where(hidden, np.nan, x), "T": total}
    return true, make_cells(GRID, ids, shown, ABOUT, status={"x": codes}, labels=labels)


@pytest.mark.parametrize("status", [Status.SUPPRESSED, Status.CONFIDENTIAL])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_index_of_the_whole_table_lies_within(seed, status):
    """Every index of every zone is between its bounds, which are not the whole range."""
    true, shown = city(seed=seed, status=status)
    truth = segregation_table(true, ["x"], total="T", zone="zone", indices=ALL).set_index(["zone", "index"])["estimate"]
    table = check_table(bounds_table(shown, ["x"], total="T", high=9, zone="zone", indices=ALL))

    assert list(table["zone"].unique()) == ["all", "east", "west"]
    assert table["estimate"].isna().all()
    for zone, index, low, high in table[["zone", "index", "low", "high"]].itertuples(index=False):
        assert low <= truth[zone, index] <= high
        assert high - low < 0.5


def test_a_smaller_limit_gives_narrower_bounds_and_a_companion_comes_first():
    """Limits of 4 are within those of 9; a companion of the count replaces what is given."""
    _, shown = city(k=5)
    wide, narrow = (bounds_table(shown, ["x"], total="T", high=h).set_index("index") for h in (9, 4))
    high = np.where(np.isnan(values_of(shown, "x")), 4.0, values_of(shown, "x"))
    told = with_variables(shown, {"x_high": high}, {"x_high": Column(companion_of="x")})
    by_companion = bounds_table(told, ["x"], total="T", high=9).set_index("index")

    assert (narrow["low"] >= wide["low"]).all()
    assert (narrow["high"] <= wide["high"]).all()
    np.testing.assert_allclose(by_companion[["low", "high"]], narrow[["low", "high"]])


def test_zeros_that_are_shown_narrow_the_bounds():
    """A hidden count of at least 1 leaves less room; more than a cell has is refused."""
    _, shown = city(k=5)
    wide, narrow = (bounds_table(shown, ["x"], total="T", high=4, low=k, indices=["D"]).iloc[0] for k in (0, 0.5))

    assert wide["low"] <= narrow["low"] < narrow["high"] <= wide["high"]
    with pytest.raises(SchemaError, match="or `low` too large"):
        bounds_table(shown, ["x"], total="T", high=4, low=5)
    with pytest.raises(SchemaError, match="low = -1"):
        bounds_table(shown, ["x"], total="T", low=-1)


def test_without_a_limit_a_hidden_count_may_be_the_whole_cell():
    """No limit is known: bounds are wide, and still hold."""
    true, shown = city()
    table = bounds_table(shown, ["x"], total="T", indices=["D"]).iloc[0]
    truth = segregation_table(true, ["x"], total="T", indices=["D"])["estimate"].iloc[0]

    assert table["low"] < truth < table["high"]
    assert json.loads(table["parameters"])["hidden_counts"] == int(np.isnan(values_of(shown, "x"))[
        values_of(shown, "T") > 0].sum())  # fmt: skip


def test_a_group_that_may_have_nobody_says_so():
    """All counts are 0: no bounds, and the reason."""
    true, _ = city()
    nobody = with_variables(true, {"x": np.zeros(144)}, {"x": Column()})
    row = bounds_table(nobody, ["x"], total="T", indices=["D"]).iloc[0]

    assert np.isnan(row["low"])
    assert "cannot have anybody" in json.loads(row["parameters"])["undefined"]


def test_a_known_table_has_its_index_for_both_bounds():
    """Nothing hidden: low and high are the estimate."""
    true, _ = city()
    table = bounds_table(true, ["x"], total="T", indices=ALL).set_index("index")
    truth = segregation_table(true, ["x"], total="T", indices=ALL).set_index("index")["estimate"]

    np.testing.assert_allclose(table["low"], truth.loc[table.index], atol=1e-8)
    np.testing.assert_allclose(table["high"], truth.loc[table.index], atol=1e-8)


def test_what_cannot_be_bounded_is_refused_with_the_reason():
    """A hidden total, the Gini index, indices of several groups, unknown ones, no total."""
    _, shown = city()
    codes = np.zeros(144, dtype=np.uint8)
    codes[0] = Status.SUPPRESSED
    total = values_of(shown, "T").copy()
    total[0] = np.nan
    secret = with_variables(shown, {"T": total}, {"T": Column()}, status={"T": codes})

    with pytest.raises(SchemaError, match="'T' is hidden, or known in part, in 1 cells"):
        bounds_table(secret, ["x"], total="T", high=9)
    with pytest.raises(SchemaError, match="G cannot be bounded: the Gini index compares all pairs"):
        bounds_table(shown, ["x"], total="T", indices=["G"])
    with pytest.raises(SchemaError, match="H_multi cannot be bounded: .*one group against"):
        bounds_table(shown, ["x"], total="T", indices=["H_multi"])
    with pytest.raises(UnknownNameError):
        bounds_table(shown, ["x"], total="T", indices=["nothing"])
    with pytest.raises(SchemaError, match="need the published total"):
        bounds_table(shown, ["x"], total="")
    with pytest.raises(SchemaError, match="at least 0"):
        bounds_table(shown, ["x"], total="T", high=-1)


def test_a_sum_with_hidden_parts_is_at_least_what_is_known():
    """A PARTIAL count lies between itself and its companion."""
    true, _ = city(side=4)
    codes = np.zeros(16, dtype=np.uint8)
    codes[2] = Status.PARTIAL
    high = values_of(true, "x").copy()
    high[2] += 5
    about = {"x": Column(), "T": Column(), "x_high": Column(companion_of="x")}
    values = {"x": values_of(true, "x"), "T": values_of(true, "T") + 5, "x_high": high}
    part = make_cells(GRID, true["cell_id"].to_numpy(), values, about, status={"x": codes})
    found = bounds_table(part, ["x"], total="T", indices=["isolation"]).iloc[0]

    assert found["low"] < found["high"]
    assert json.loads(found["parameters"])["hidden_persons_at_most"] == 5.0
