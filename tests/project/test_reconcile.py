"""Parts that shall add up: only where asked, never the total, and always written down."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from civigrid.cells import ids_of, is_missing, make_cells, status_of, values_of
from civigrid.errors import GridMismatchError, SchemaError, UnknownNameError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.parts import load_cells, save_cells
from civigrid.kernels.rake import rake
from civigrid.project import coarsen, reconcile
from civigrid.types import Column, Status

KM, FIVE = SquareGrid(cell_size_m=1000), SquareGrid(cell_size_m=5000)
SEX, BIRTH = ("M", "F"), ("NAT", "EU", "OTH")
ABOUT = {"T": Column()} | {n: Column(part_of="T", noise_variance=2.0) for n in SEX + BIRTH}
seeds = st.integers(0, 2**32 - 1)


def noisy(seed=0, n=100, hidden=0.1):
    """A town whose counts each got noise of their own, and some of whose parts are hidden."""
    rng = np.random.default_rng(seed)
    side = int(np.sqrt(n))
    row, col = np.divmod(np.arange(n), side)
    true = {"T": rng.integers(3, 400, n)}
    true["M"] = rng.binomial(true["T"], 0.5)
    true["NAT"] = rng.binomial(true["T"], 0.8)
    true["EU"] = rng.binomial(true["T"] - true["NAT"], 0.5)
    true |= {"F": true["T"] - true["M"], "OTH": true["T"] - true["NAT"] - true["EU"]}
    values = {k: np.maximum(v + rng.integers(-2, 3, n) * (v > 0), 0).astype(float) for k, v in true.items()}
    status = {k: np.zeros(n, np.uint8) for k in SEX + BIRTH}
    for name in BIRTH:
        gone = rng.random(n) < hidden
        values[name][gone], status[name][gone] = np.nan, Status.CONFIDENTIAL
    label = np.where(col < side // 2, "a", "b")
    ids = KM.from_row_col(3000 + row, 4000 + col)
    return make_cells(KM, ids, values, ABOUT, status=status, labels={"zone": label}), true, np.argsort(ids)


def parts_of(cells, names):
    return np.stack([values_of(cells, n) for n in names], axis=1)


def test_nothing_is_repaired_unless_asked():
    """None: every value and status as published; the choice is written down and survives a file."""
    cells, _, _ = noisy()
    found = reconcile(cells, "T", [SEX, BIRTH])

    for name in ("T", *SEX, *BIRTH):
        np.testing.assert_array_equal(values_of(cells, name), values_of(found.cells, name))
        np.testing.assert_array_equal(status_of(cells, name), status_of(found.cells, name))
    assert found.cells["M"].attrs["reconciled"] == "none"
    assert found.report["changed"].tolist() == [0, 0]
    assert "reconciled" not in cells.attrs


@given(seeds, st.sampled_from(["scale", "rake"]), st.booleans())
def test_parts_add_up_where_all_is_known(seed, how, rest):
    """Parts sum to the total, which stays; a cell with a hidden part is left alone unless the rest is asked for."""
    cells, _, _ = noisy(seed)
    found = reconcile(cells, "T", [SEX, BIRTH], how=how, rest=rest)
    np.testing.assert_array_equal(values_of(cells, "T"), values_of(found.cells, "T"))
    for names in (SEX, BIRTH):
        before, after = parts_of(cells, names), parts_of(found.cells, names)
        hidden = np.isnan(before).any(axis=1)
        scalable = (np.nan_to_num(before).sum(axis=1) > 0) | hidden
        rows = scalable & (rest | ~hidden)
        np.testing.assert_allclose(after.sum(axis=1)[rows], values_of(cells, "T")[rows], rtol=1e-9)
        if not rest:
            np.testing.assert_array_equal(before[hidden], after[hidden])
        for k, name in enumerate(names):
            codes = status_of(found.cells, name)
            was = np.isnan(before[:, k])
            assert (codes[was] == (Status.IMPUTED if rest else Status.CONFIDENTIAL)).all()
            moved = ~was & (before[:, k] != after[:, k])
            assert (codes[moved] == Status.PERTURBED).all()
            assert (is_missing(codes) == np.isnan(after[:, k])).all()


def test_scaling_by_hand_and_what_is_written_down(tmp_path):
    """3 + 1 of 8 become 6 + 2; all zero cannot be scaled; the record travels with cells, levels and files."""
    ids = KM.from_row_col(np.full(3, 3000), np.arange(4000, 4003))
    values = {"T": [8.0, 5.0, 0.0], "M": [3.0, 0.0, 1.0], "F": [1.0, 0.0, 0.0]}
    cells = make_cells(KM, ids, values, {n: ABOUT[n] for n in values})
    found = reconcile(cells, "T", [SEX], how="scale")

    assert values_of(found.cells, "M").tolist() == [6.0, 0.0, 0.0]
    assert values_of(found.cells, "F").tolist() == [2.0, 0.0, 0.0]
    row = found.report.iloc[0]
    assert (row["parts"], row["added_up"], row["add_up"], row["all_zero"], row["changed"]) == ("M + F", 0, 2, 1, 2)
    assert json.loads(found.cells.attrs["reconciled"])["how"] == "scale"
    save_cells(found.cells, tmp_path / "c.arrow")
    coarse = coarsen(load_cells(tmp_path / "c.arrow"), FIVE)
    assert coarse["M"].attrs["reconciled"] == "scale"
    assert coarse.attrs == found.cells.attrs
    assert status_of(coarse, "M").tolist() == [Status.PERTURBED]


def test_the_rest_by_hand():
    """Of 10, 6 are known: the hidden parts get 4, in the proportions of the other cells."""
    ids = KM.from_row_col(np.full(2, 3000), np.arange(4000, 4002))
    gone = {n: np.array([0, Status.CONFIDENTIAL], np.uint8) for n in ("EU", "OTH")}
    values = {"T": [8.0, 10.0], "NAT": [4.0, 6.0], "EU": [3.0, np.nan], "OTH": [1.0, np.nan]}
    cells = make_cells(KM, ids, values, {n: ABOUT[n] for n in values}, status=gone)
    found = reconcile(cells, "T", [BIRTH], rest=True).cells

    assert values_of(found, "EU")[1] == pytest.approx(3.0)
    assert values_of(found, "OTH")[1] == pytest.approx(1.0)
    assert values_of(found, "NAT").tolist() == [4.0, 6.0]
    assert found["OTH"].attrs["reconciled"] == "none, missing parts get the rest"


@pytest.mark.parametrize("within", ["", "zone"])
def test_raking_keeps_the_sum_of_every_part(within):
    """Each part keeps its share of the whole, or of each zone, in agreement with the totals; it says it converged."""
    cells, _, _ = noisy(3, hidden=0.0)
    found = reconcile(cells, "T", [SEX, BIRTH], how="rake", within=within)
    zone = cells["zone"].values if within else np.zeros(100)
    for names in (SEX, BIRTH):
        before, after = parts_of(cells, names), parts_of(found.cells, names)
        for z in set(zone):
            rows = (zone == z) & (before.sum(axis=1) > 0)
            wanted = before[rows].sum(axis=0) / before[rows].sum() * values_of(cells, "T")[rows].sum()
            np.testing.assert_allclose(after[rows].sum(axis=0), wanted, rtol=1e-4)
    assert (found.report["not_converged"] == 0).all()
    assert (found.report["deviation"] < 1e-6).all()


def test_raking_to_published_coarser_cells():
    """Exact 5 km counts are met; a block with a hidden part keeps its own sums, and it is told how many do."""
    cells, true, order = noisy(5, hidden=0.0)
    about = {n: ABOUT[n] for n in ("T", *SEX, *BIRTH)}
    exact = make_cells(KM, ids_of(cells), {n: np.asarray(true[n], float)[order] for n in about}, about)
    published = coarsen(exact, FIVE)
    # with true totals the margins agree, and raking can meet all of them
    cells = cells.assign(T=exact["T"])
    found = reconcile(cells, "T", [SEX, BIRTH], how="rake", to=published)
    coarse = coarsen(found.cells, FIVE)
    for name in SEX + BIRTH:
        np.testing.assert_allclose(values_of(coarse, name), values_of(published, name), rtol=1e-4)
    assert found.report["published_blocks"].tolist() == [4, 4]
    hole, _, _ = noisy(5, hidden=0.02)
    some = reconcile(hole, "T", [BIRTH], how="rake", to=published).report.iloc[0]
    assert some["published_blocks"] < 4
    assert some["blocks"] == 4


def test_raking_finds_the_table_of_a_naive_loop():
    """The compiled blocks give what the textbook loop gives."""
    rng = np.random.default_rng(1)
    parts, total = rng.uniform(1, 9, (12, 3)), rng.uniform(5, 40, 12)
    block, target = np.repeat([0, 1], 6), rng.uniform(1, 9, (2, 3))
    slow = parts.copy()
    for _ in range(500):
        slow *= (total / slow.sum(axis=1))[:, None]
        for b in (0, 1):
            wanted = target[b] / target[b].sum() * total[block == b].sum()
            slow[block == b] *= wanted / slow[block == b].sum(axis=0)
    found = rake(parts, total, block, target, tolerance=1e-12)

    np.testing.assert_allclose(found.parts, slow, rtol=1e-8)
    assert (found.rounds > 1).all()


def test_what_cannot_be_reconciled_is_refused():
    """Unknown ways, parts in two places, rates, grids that do not nest, names that are no labels."""
    cells, _, _ = noisy()
    with pytest.raises(UnknownNameError, match="way to reconcile"):
        reconcile(cells, "T", [SEX], how="ipf")
    with pytest.raises(SchemaError, match="M stands in two places"):
        reconcile(cells, "T", [SEX, ("M", "NAT")])
    with pytest.raises(SchemaError, match="is no label"):
        reconcile(cells, "T", [SEX], how="rake", within="T")
    rate = cells.assign(M=cells["M"].assign_attrs(kind="intensive"))
    with pytest.raises(SchemaError, match="is a rate"):
        reconcile(rate, "T", [SEX])
    hexagons = make_cells(H3Grid(8), H3Grid(8).cell_at(np.array([[13.4, 52.5]])), {"M": [1.0]}, {"M": Column()})
    with pytest.raises(GridMismatchError, match="no whole cells"):
        reconcile(cells, "T", [SEX], how="rake", to=hexagons)
