"""Local statistics: masks, seeds, brute force beside esda, disclosure control, and the table that sums them up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patterns import pattern

from civigrid.cells import ids_of, make_cells, status_of, values_of
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.layers.segregation.pattern.local import LocalOptions, local_cells, local_table
from civigrid.layers.segregation.pattern.places import touching_pairs
from civigrid.release import min_count, release
from civigrid.result_table import check_table
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=1000)
ABOUT = {"a": Column(), "b": Column()}
FAST = LocalOptions(permutations=99)


def square_cells(counts, row, col, status=None):
    ids = GRID.from_row_col(3000 + row, 4000 + col)
    return make_cells(GRID, ids, {"a": counts[:, 0], "b": counts[:, 1]}, ABOUT, status=status)


def test_a_block_is_a_cluster_and_the_rest_of_the_map_is_another():
    """Pattern A: the block is high-high for its group and low-low for the rest; eight zeros among 75 are no finding."""
    counts, row, col = pattern("A")
    found = local_cells(square_cells(counts, row, col), ["a", "b"])
    inside, far = (np.searchsorted(ids_of(found), GRID.from_row_col(3000 + k, 4000 + k)) for k in np.array([8, 2]))

    assert values_of(found, "moran_class_a")[[inside, far]].tolist() == [1, 0]
    assert values_of(found, "moran_class_b")[[inside, far]].tolist() == [3, 0]
    assert values_of(found, "joins_class_a").max() == 1
    even = local_cells(square_cells(*pattern("I")), ["a", "b"], options=FAST)
    assert np.isnan(values_of(even, "moran_a")).all()
    assert np.isnan(values_of(even, "joins_p_a")).all()


def test_cells_without_residents_are_masked():
    """Nobody's neighbour and no zero share: a ring of empty and withheld cells leaves every value as it was."""
    rng = np.random.default_rng(4)
    row, col = np.divmod(np.arange(49), 7)
    counts = rng.integers(1, 50, (49, 2)).astype(float)
    plain = local_cells(square_cells(counts, row, col), ["a", "b"], options=FAST)
    rim = np.array([(r, c) for r in range(-1, 8) for c in range(-1, 8) if not (0 <= r < 7 and 0 <= c < 7)])
    status = np.concatenate([np.zeros(49), np.where(np.arange(32) < 9, Status.CONFIDENTIAL, 0)]).astype(np.uint8)
    padded = np.concatenate([counts, np.zeros((32, 2))])
    padded[status == Status.CONFIDENTIAL, 0] = np.nan
    cells = square_cells(padded, np.concatenate([row, rim[:, 0]]), np.concatenate([col, rim[:, 1]]), {"a": status})
    found = local_cells(cells, ["a", "b"], options=FAST)
    inside = np.isin(ids_of(found), ids_of(plain))

    for name in ("moran_a", "moran_p_b", "joins_a", "joins_p_a", "lq_shrunk_a"):
        np.testing.assert_allclose(values_of(found, name)[inside], values_of(plain, name), err_msg=name)
        assert np.isnan(values_of(found, name)[~inside]).all()
        assert (status_of(found, name)[~inside] == Status.CONFIDENTIAL).sum() == 9


@settings(max_examples=8)
@given(st.integers(0, 1000))
def test_same_seed_same_bytes_in_any_order_of_rows(seed):
    """A table of other order gives the same cells, and so the same draws."""
    rng = np.random.default_rng(seed)
    row, col = np.divmod(rng.choice(100, 40, replace=False), 10)
    counts, mixed = rng.integers(1, 50, (40, 2)).astype(float), rng.permutation(40)
    one = local_cells(square_cells(counts, row, col), ["a", "b"], options=FAST)
    other = local_cells(square_cells(counts[mixed], row[mixed], col[mixed]), ["a", "b"], options=FAST)

    assert one.identical(other)


def test_chance_is_seldom_a_finding():
    """Shares without pattern in 900 cells: at most a handful of false clusters; a block among them is found."""
    rng = np.random.default_rng(5)
    row, col = np.divmod(np.arange(900), 30)
    size = rng.integers(20, 60, 900)
    x = rng.binomial(size, 0.3).astype(float)
    noise = local_cells(square_cells(np.column_stack([x, size - x]), row, col), ["a", "b"])
    x[(row < 8) & (col < 8)] = rng.binomial(size[(row < 8) & (col < 8)], 0.6)
    block = local_cells(square_cells(np.column_stack([x, size - x]), row, col), ["a", "b"])

    assert (values_of(noise, "moran_class_a") > 0).sum() <= 9
    assert (values_of(block, "moran_class_a") == 1).sum() >= 30


def test_local_centralization_and_hexagons():
    """With a radius each cell has its own centralization; hexagons have neighbours too."""
    grid = H3Grid(8)
    middle = grid.cell_at(np.array([[13.4, 52.5]]))
    ids = np.concatenate([middle, *(grid.ring(middle, k).ravel() for k in (1, 2, 3))])
    counts = np.column_stack([np.where(np.arange(37) == 0, 50.0, 1.0), np.full(37, 10.0)])
    cells = make_cells(grid, ids, {"a": counts[:, 0], "b": counts[:, 1]}, ABOUT)
    found = local_cells(cells, ["a", "b"], options=LocalOptions(permutations=99, radius_m=2500.0))
    at = int(np.searchsorted(ids_of(found), middle)[0])

    assert values_of(found, "centralization_a")[at] == np.nanmax(values_of(found, "centralization_a")) > 0.5
    np.testing.assert_allclose(values_of(found, "centralization_a"), -values_of(found, "centralization_b"), atol=1e-12)
    assert len(touching_pairs(grid, ids_of(found), "queen")[0]) == 90
    assert "centralization_a" not in local_cells(cells, ["a", "b"], options=FAST)


def test_shrinkage_by_zone():
    """A cell of one person is drawn to the mean of its zone, a full one keeps its quotient."""
    row, col = np.divmod(np.arange(100), 10)
    x = np.random.default_rng(7).binomial(100, 0.1 + 0.3 * (row < 5) + 0.01 * col).astype(float)
    counts = np.column_stack([x, 100 - x])
    counts[0], counts[99] = [1.0, 0.0], [90.0, 10.0]
    cells = square_cells(counts, row, col)
    row_of = GRID.row_col(ids_of(cells))[0] - 3000
    cells = cells.assign(half=("cell", np.where(row_of < 5, "south", "north").astype(object), {"kind": "label"}))
    whole = local_cells(cells, ["a", "b"], options=FAST)
    zoned = local_cells(cells, ["a", "b"], options=LocalOptions(permutations=99, zone="half"))
    small = int(np.flatnonzero(values_of(cells, "a") == 1)[0])
    raw = 1 / (counts[:, 0].sum() / counts.sum())

    assert values_of(whole, "lq_shrunk_a")[small] < 0.9 * raw
    assert values_of(zoned, "lq_shrunk_a")[small] != values_of(whole, "lq_shrunk_a")[small]
    full = int(np.argmax(values_of(cells, "a")))
    assert values_of(whole, "lq_shrunk_a")[full] == pytest.approx(0.9 * raw, rel=0.05)


def test_disclosure_control_hides_local_statistics_with_their_counts():
    """Where a group's count is hidden, so is every measure that rests on it."""
    rng = np.random.default_rng(6)
    row, col = np.divmod(np.arange(64), 8)
    counts = rng.integers(0, 60, (64, 2)).astype(float)
    shown = release(local_cells(square_cells(counts, row, col), ["a", "b"], options=FAST), min_count(10)).data
    hidden = status_of(shown, "a") == Status.SUPPRESSED

    assert hidden.any()
    for name in ("moran_a", "moran_class_a", "joins_a", "lq_shrunk_a"):
        assert np.isnan(values_of(shown, name)[hidden]).all(), name


def test_the_table_sums_up():
    """Moran's I of the whole, and shares of residents by class that add up to 1."""
    cells = local_cells(square_cells(*pattern("A")), ["a", "b"], options=FAST)
    table = check_table(local_table(cells, ["a"], options=FAST))
    by_class = table[table["index"].str.startswith("moran:")]

    assert by_class["estimate"].sum() == pytest.approx(1)
    assert by_class["cells"].sum() == 100
    first = table.iloc[0]
    assert (first["index"], first["expected"]) == ("moran", pytest.approx(-1 / 99))
    assert first["estimate"] == pytest.approx(values_of(cells, "moran_a").mean())
    with pytest.raises(SchemaError, match="Pass them through local_cells"):
        local_table(square_cells(*pattern("A")), ["a"])


def test_refusals_and_small_maps():
    """Odd options are told; two cells, one cell and none have no local Moran, and nothing breaks."""
    with pytest.raises(UnknownNameError, match="unknown contiguity"):
        LocalOptions(contiguity="bishop")
    with pytest.raises(SchemaError, match="fewer than 99"):
        LocalOptions(permutations=9)
    with pytest.raises(SchemaError, match="between 0 and 1"):
        LocalOptions(discoveries=1.0)
    with pytest.raises(SchemaError, match="is no label"):
        local_cells(square_cells(*pattern("A")), ["a"], options=LocalOptions(zone="country"))
    for n in (0, 1, 2):
        row = np.arange(n)
        few = local_cells(square_cells(np.ones((n, 2)), row, row), ["a", "b"], options=FAST)
        assert np.isnan(values_of(few, "moran_a")).all()
        assert len(local_table(few, ["a"])) == 6
