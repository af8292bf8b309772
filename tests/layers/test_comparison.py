"""Tests between two sets of cells: calibrated where nothing differs, sure where much does, the same twice."""

import json

import numpy as np
import pytest

from civigrid.cells import make_cells
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid import SquareGrid
from civigrid.kernels.relabel import relabel
from civigrid.kernels.zones import zones_of
from civigrid.layers.segregation.change.comparison import compare, comparison_table, measured_zones, p_value
from civigrid.layers.segregation.change.pairs import align
from civigrid.layers.segregation.indices import INDICES
from civigrid.layers.segregation.measured import Measured, Target
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=1000)
ABOUT = {"a": Column(), "b": Column()}


def on_cells(counts, offset=0, grid=GRID):
    ids = grid.from_row_col(np.full(len(counts), 3000), 4000 + offset + np.arange(len(counts)))
    return make_cells(grid, ids, {"a": counts[:, 0], "b": counts[:, 1]}, ABOUT)


def drawn(seed, cells=60, spread=1.0, size=None):
    rng = np.random.default_rng(seed)
    size = rng.integers(40, 300, cells) if size is None else size
    share = np.clip(0.2 + spread * (np.arange(cells) / cells - 0.5) * 0.3, 0.01, 0.99)
    x = rng.binomial(size, share)
    return np.stack([x, size - x], axis=1).astype(float)


@pytest.mark.parametrize(
    ("name", "times", "rate"),
    [
        *((name, times, 0.05) for name in ("H", "V", "isolation") for times in (1, 3)),
        *(("D", t, 0.035) for t in (1, 3)),
    ],
)
def test_the_z_test_rejects_one_in_twenty_of_equal_cities(name, times, rate):
    """3,000 pairs of cities of the same shares: p below 5 % in 5 %, within 1.5 % (of D, cautiously, 2 to 5 %).

    With `times` 3 every cell of the second city is three times as large: chance makes less there, and is taken out.
    """
    rng = np.random.default_rng(11)
    pairs, share, size = 3000, rng.beta(2, 5, 80), rng.integers(60, 400, 80)
    tables = []
    for sizes in (size, times * size):
        x = rng.binomial(sizes, share, (pairs, 80))
        tables.append(np.stack([x, sizes - x], axis=2).reshape(-1, 2).astype(float))
    rows = zones_of(np.concatenate(tables), starts=np.arange(2 * pairs) * 80)
    found = measured_zones(INDICES[name], Target("a", 0, -1), rows, None, correct=True)
    first, second = (Measured(*(v[half] for v in found)) for half in (slice(pairs), slice(pairs, None)))
    z = compare(first, second, correct=True).z

    assert np.mean(np.abs(z) > 1.959964) == pytest.approx(rate, abs=0.015)


def test_relabelling_rejects_one_in_twenty_of_equal_years():
    """1,500 pairs of years of one city, 99 draws each: p at most 5 % in 5 %, within 1.5 %."""
    rng = np.random.default_rng(12)
    hits = []
    for _ in range(1500):
        size = rng.integers(20, 80, (2, 30))
        share = np.linspace(0.05, 0.5, 30)
        a, b = (np.stack([x := rng.binomial(s, share), s - x], axis=1).astype(float) for s in size)
        one, other = relabel(a, b, 99, rng)
        value = INDICES["H"].value
        both = [value(zones_of(t.reshape(-1, 2), starts=np.arange(len(t)) * 30)).estimate
                for t in (one, other, a[None], b[None])]  # fmt: skip
        hits.append(p_value(both[1] - both[0], float(both[3][0] - both[2][0]), 0.0, "permutation"))

    assert np.mean(np.array(hits) <= 0.05) == pytest.approx(0.05, abs=0.015)


def test_relabelling_keeps_all_margins():
    """Persons of each sample in a cell, and of each group in both together, are what they were."""
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 9, (20, 3)).astype(float) for _ in range(2))
    one, other = relabel(a, b, 50, rng)

    np.testing.assert_array_equal(one.sum(axis=2), np.broadcast_to(a.sum(axis=1), (50, 20)))
    np.testing.assert_array_equal(one + other, np.broadcast_to(a + b, (50, 20, 3)))
    assert np.std(one[:, :, 0], axis=0).max() > 0


@pytest.mark.parametrize(("units", "test"), [("same", "permutation"), ("different", "bootstrap")])
def test_a_real_difference_is_found_by_every_test(units, test):
    """A city that is twice as uneven: z and draws agree, the interval leaves out 0, and twice is the same."""
    one, other = on_cells(drawn(1, spread=0.5)), on_cells(drawn(2, spread=1.0))
    tables = [comparison_table(one, other, ["a", "b"], indices=["D", "H"], draws=199, units=units) for _ in range(2)]
    row = tables[0].set_index("index").loc["D_difference"].iloc[0]
    told = json.loads(row["parameters"])

    assert tables[0].equals(tables[1])
    assert told["test"] == test
    assert told["p"] == 1 / 200
    assert told["p_z"] < 1e-3
    assert row["low"] > 0
    assert row["corrected"] == pytest.approx(told["second"] - told["first"], abs=1e-12)


@pytest.mark.parametrize("units", ["same", "different"])
def test_turning_the_comparison_round_changes_signs(units):
    """First and second exchanged: the difference and z change sign, the z test's p stays."""
    one, other = on_cells(drawn(1)), on_cells(drawn(2, spread=0.8))
    there = comparison_table(one, other, ["a", "b"], units=units)
    back = comparison_table(other, one, ["a", "b"], units=units)

    np.testing.assert_allclose(there["corrected"], -back["corrected"], atol=1e-12)
    np.testing.assert_allclose(there["low"], -back["high"], atol=1e-12)
    assert json.loads(there["parameters"][0])["p_z"] == pytest.approx(json.loads(back["parameters"][0])["p_z"])


def test_a_group_without_people_has_no_test():
    """Nobody of a group in either city: no index, no z, no p."""
    empty = drawn(1)
    empty[:, 0] = 0
    for units in ("same", "different"):
        row = comparison_table(on_cells(empty), on_cells(empty), ["a", "b"], indices=["D"], draws=19, units=units).iloc[
            0
        ]

        assert np.isnan(row["estimate"])
        assert {"p", "z", "p_z"}.isdisjoint(json.loads(row["parameters"]))


def test_units_are_found_to_be_the_same_or_not():
    """Two years of one city share cells; two cities do not; half persons are never relabelled."""
    year, next_year, city = on_cells(drawn(1)), on_cells(drawn(2)), on_cells(drawn(3), offset=500)

    def units(*pair, **options):
        return json.loads(comparison_table(*pair, ["a", "b"], indices=["H"], **options)["parameters"][0])["units"]

    assert units(year, next_year) == "same"
    assert units(year, city) == "different"
    assert units(year, on_cells(drawn(2) + 0.5)) == "different"
    with pytest.raises(SchemaError, match="no cell in common"):
        units(year, city, units="same")
    with pytest.raises(SchemaError, match="not whole"):
        units(year, on_cells(drawn(2) + 0.5), units="same")
    with pytest.raises(SchemaError, match="auto, same or different"):
        units(year, city, units="alike")


def test_a_cell_that_one_year_does_not_know_is_left_out_of_both():
    """A confidential cell in one year changes nothing but the cells that are left."""
    counts, later = drawn(1), drawn(2)
    hidden = counts.copy()
    hidden[5] = np.nan
    codes = np.zeros(60, dtype=np.uint8)
    codes[5] = Status.CONFIDENTIAL
    ids = GRID.from_row_col(np.full(60, 3000), 4000 + np.arange(60))
    some = make_cells(GRID, ids, {"a": hidden[:, 0], "b": hidden[:, 1]}, ABOUT, status={"a": codes, "b": codes})
    table = comparison_table(some, on_cells(later), ["a", "b"], draws=19)
    rest = np.arange(60) != 5
    expected = comparison_table(on_cells(counts[rest]), on_cells(later[rest]), ["a", "b"])

    np.testing.assert_allclose(table["estimate"], expected["estimate"], atol=1e-12)
    assert json.loads(table["parameters"][0])["left_out_cells"] == [1, 0]
    assert align(some, on_cells(later), ["a", "b"], "").left_out == 1


def test_different_grids_have_no_common_units():
    """Cells of 1 km and of 2 km cannot be aligned; their indices can still be compared."""
    coarse = SquareGrid(cell_size_m=2000)
    ids = coarse.from_row_col(np.full(60, 1500), 2000 + np.arange(60))
    table = drawn(2)
    large = make_cells(coarse, ids, {"a": table[:, 0], "b": table[:, 1]}, ABOUT)

    with pytest.raises(GridMismatchError, match="different grids"):
        align(on_cells(drawn(1)), large, ["a", "b"], "")
    assert len(comparison_table(on_cells(drawn(1)), large, ["a", "b"], indices=["M"])) == 1
