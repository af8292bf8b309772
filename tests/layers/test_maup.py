"""The MAUP audit: blocks of every size and origin, other areas, whose class holds."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from civigrid.cells import make_cells, values_of
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.kernels.origins import Cut, cut, origins, sums, within
from civigrid.layers.segregation import INDICES, segregation_table
from civigrid.layers.segregation.maup.classes import maup_cells
from civigrid.layers.segregation.maup.rows import _tau
from civigrid.layers.segregation.maup.settings import MaupOptions
from civigrid.layers.segregation.maup.table import maup_table
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=1000)
SMALL = MaupOptions(sizes=(1, 2, 3))


def town(side=9, seed=1, *, turns=0, labels=None, factor=1.0):
    """A square town of two groups, some of its cells empty, turned by quarters."""
    rng = np.random.default_rng(seed)
    size = rng.integers(0, 40, (side, side)) * (rng.random((side, side)) < 0.9)
    share = np.clip(np.linspace(0.05, 0.7, side)[:, None] + rng.normal(0, 0.1, (side, side)), 0, 1)
    a = rng.binomial(size, share)
    fields = [np.rot90(v, turns) for v in (a, size - a)]
    row, col = np.indices((side, side))
    ids = GRID.from_row_col(3000 + row.ravel(), 4000 + col.ravel())
    values = {n: factor * v.ravel().astype(float) for n, v in zip("ab", fields, strict=True)}
    named = {} if labels is None else {"district": labels(row, col).ravel().astype(str)}
    return make_cells(GRID, ids, values, {n: Column(long_name=n) for n in "ab"}, labels=named)


def about(row):
    return json.loads(row["parameters"])


def rows_of(table, index, groups="a", zone="all"):
    found = table[(table["index"] == index) & (table["groups"] == groups) & (table["zone"] == zone)]
    return found.reset_index(drop=True)


def brute(cells, size, shift):
    """Dissimilarity of blocks, counted with a dictionary."""
    row, col = GRID.row_col(cells["cell_id"].to_numpy())
    blocks = {}
    for r, c, a, b in zip(row, col, values_of(cells, "a"), values_of(cells, "b"), strict=True):
        key = (int(r + shift[0]) // size, int(c + shift[1]) // size)
        x, y = blocks.get(key, (0.0, 0.0))
        blocks[key] = (x + a, y + b)
    x, y = np.array(list(blocks.values())).T
    return 0.5 * np.abs(x / x.sum() - y / y.sum()).sum()


def test_origins_are_all_or_as_a_latin_square():
    """Every origin once; a subset is even over rows and columns, holds the own origin, and follows its seed."""
    assert len(np.unique(origins(5, 25, 3), axis=0)) == 25
    for size, most in ((10, 25), (7, 7), (6, 20), (12, 5)):
        some = origins(size, most, 3)
        counts = [np.bincount(some[:, k], minlength=size) for k in (0, 1)]

        assert len(np.unique(some, axis=0)) == most
        assert some[0].tolist() == [0, 0]
        assert all(np.ptp(c) <= 1 for c in counts)
    assert origins(10, 25, 3).tolist() == origins(10, 25, 3).tolist() != origins(10, 25, 4).tolist()


def test_blocks_hold_everybody():
    """No origin loses anybody, blocks of zones neither, and far islands take no room between."""
    rng = np.random.default_rng(0)
    row, col = np.append(rng.integers(0, 30, 200), 10**7), np.append(rng.integers(0, 30, 200), 10**7)
    counts, zone = rng.random((201, 2)), rng.integers(0, 3, 201)
    for shift in origins(4, 16, 0):
        blocks = cut(row, col, 4, shift)
        of_zone = within(zone, blocks)

        assert blocks.blocks < 1000
        np.testing.assert_allclose(sums(blocks, counts).sum(axis=0), counts.sum(axis=0), rtol=1e-12)
        np.testing.assert_allclose(sums(of_zone, counts).sum(axis=0), counts.sum(axis=0), rtol=1e-12)
    assert cut(row[:0], col[:0], 4, shift).blocks == 0
    assert sums(Cut(np.zeros(1, dtype=np.int64), 1), np.ones((1, 0))).shape == (1, 0)


def test_envelope_by_brute_force():
    """Least, median and most of D over origins are those of a dictionary of blocks."""
    cells = town()
    rows = rows_of(maup_table(cells, ["a", "b"], options=SMALL, indices=["D"]), "D")

    assert [about(r)["origins"] for _, r in rows.iterrows()] == [1, 4, 9]
    for (_, row), size in zip(rows.iterrows(), SMALL.sizes, strict=True):
        expected = [brute(cells, size, shift) for shift in np.ndindex(size, size)]
        found = about(row)
        wanted = np.quantile(expected, (0, 0.05, 0.5, 0.95, 1))
        values = [found["least"], found["p5"], row["estimate"], found["p95"], found["most"]]

        np.testing.assert_allclose(values, wanted, rtol=1e-12)
        assert found["ratio"] == pytest.approx((wanted[3] - wanted[1]) / wanted[2], rel=1e-12)
        assert found["size_m"] == 1000.0 * size


def test_finest_cells_are_the_segregation_table():
    """Blocks of one cell give what `segregation_table` gives: estimate, expectation, corrected value and interval."""
    cells = town()
    audit = maup_table(cells, ["a", "b"], options=SMALL)
    for _, row in segregation_table(cells, ["a", "b"]).iterrows():
        if row["index"] not in audit["index"].unique():
            continue
        own = rows_of(audit, row["index"], row["groups"]).iloc[0]
        columns = ["estimate", "expected", "corrected", "low", "high", "persons", "cells"]

        np.testing.assert_allclose(own[columns].to_numpy(float), row[columns].to_numpy(float), rtol=1e-9, atol=1e-12)


def test_quarter_turns_and_scale_change_nothing():
    """With all origins a turned town has the same audit; so has one of thrice the cells' order; D does not scale."""
    first = maup_table(town(), ["a", "b"], options=SMALL, indices=["D", "H"])
    for turned in (town(turns=1), town(turns=2)):
        again = maup_table(turned, ["a", "b"], options=SMALL, indices=["D", "H"])
        numbers = ["estimate", "expected", "corrected", "low", "high"]

        np.testing.assert_allclose(first[numbers], again[numbers], rtol=1e-12, atol=1e-12)
    larger = maup_table(town(factor=1000.0), ["a", "b"], options=SMALL, indices=["D"])

    np.testing.assert_allclose(rows_of(larger, "D")["estimate"], rows_of(first, "D")["estimate"], rtol=1e-12)


def test_a_half_and_half_town_depends_on_scale():
    """Stripes of one cell: wholly apart at 1 km, even at 2 km, whatever the origin: scale dominates."""
    side = 8
    row, col = np.indices((side, side))
    ids = GRID.from_row_col(3000 + row.ravel(), 4000 + col.ravel())
    odd = (row.ravel() % 2).astype(float)
    values = {"a": 1000 * odd, "b": 1000 * (1 - odd)}
    cells = make_cells(GRID, ids, values, {n: Column() for n in "ab"})
    options = MaupOptions(sizes=(1, 2))
    table = maup_table(cells, ["a", "b"], indices=["D"], options=options)
    overall = rows_of(table, "maup:D").iloc[0]
    kinds = maup_cells(cells, ["a", "b"], options=options)["class_holds_a"].to_numpy()
    at = GRID.row_col(cells["cell_id"].to_numpy())[0] - 3000

    assert rows_of(table, "D")["estimate"].tolist() == [1.0, 0.125]
    assert about(overall)["dominates"] == "scale"
    # the last stripe has no neighbour beyond it: there origin decides
    assert kinds[at % 2 == 0].max() == 0.0
    assert kinds[(at % 2 == 1) & (at < 7)].tolist() == [1.0] * 24
    assert kinds[at == 7].tolist() == [2.0] * 8
    assert rows_of(table, "people:robust")["estimate"].iloc[0] == pytest.approx((kinds == 0).mean(), abs=1e-12)


def test_who_is_robust_by_hand():
    """An island of one group is robust, two neighbours who differ are fragile, kinds make up everybody."""
    ids = GRID.from_row_col(np.array([3000, 3000, 3000, 3000]), np.array([4000, 4001, 4020, 4040]))
    values = {"a": [9.0, 0.0, 8.0, 0.0], "b": [0.0, 90.0, 0.0, 50.0]}
    cells = make_cells(GRID, ids, values, {n: Column() for n in "ab"})
    options = MaupOptions(sizes=(1, 2))
    made = maup_cells(cells, ["a", "b"], options=options)
    table = maup_table(cells, ["a", "b"], options=options)
    shares = [rows_of(table, f"people:{w}")["estimate"].iloc[0] for w in ("robust", "scale-dependent", "fragile")]

    # two of four origins of 2 km join the first two: their block has a tenth of a, as the city has a ninth
    assert made["class_holds_a"].to_numpy().tolist() == [2.0, 0.0, 0.0, 0.0]
    assert made["agreement_a"].to_numpy().tolist() == [0.75, 1.0, 1.0, 1.0]
    assert shares == pytest.approx([148 / 157, 0.0, 9 / 157])


def test_zones_ranks_and_other_areas():
    """A zone is audited as if it were alone; ranks of zones; labels, cells and tables divide the whole as they do."""
    cells = town(labels=lambda row, col: 3 * (row // 3) + col // 3)
    districts = cells["district"].to_numpy()
    by_hand = pd.DataFrame({g: values_of(cells, g) for g in "ab"}).groupby(districts).sum()
    others = {"nine": districts, "table": by_hand, "again": cells}
    table = maup_table(cells, ["a", "b"], zone="district", others=others, indices=["D"], options=SMALL)
    whole = rows_of(table, "D")
    names = [about(r)["division"] for _, r in whole.iterrows()]
    one = maup_table(cells.isel(cell=np.flatnonzero(districts == "4")), ["a", "b"], indices=["D"], options=SMALL)
    ranks = rows_of(table, "ranks_of_zones:D").iloc[0]

    assert names == ["squares"] * 3 + ["district", "nine", "table", "again"]
    assert whole["estimate"][3] == whole["estimate"][4] == pytest.approx(whole["estimate"][5], rel=1e-12)
    assert whole["estimate"][6] == pytest.approx(whole["estimate"][0], rel=1e-12)
    assert about(whole.iloc[3])["size_m"] == pytest.approx(1000 * np.sqrt(whole["cells"][0] / 9), rel=1e-12)
    np.testing.assert_allclose(
        rows_of(table, "D", zone="4")["estimate"], rows_of(one, "D")["estimate"], rtol=1e-12, atol=1e-15
    )
    assert -1 <= about(ranks)["least"] <= ranks["estimate"] <= 1
    assert len(about(ranks)["order"]) == 9


def test_missing_noisy_and_interpolated_counts():
    """Cells with a missing count are left out and told; noise widens and lowers; interpolated ones stay."""
    cells = town()
    a = values_of(cells, "a").copy()
    a[:3] = np.nan
    status = np.where(np.isnan(a), Status.CONFIDENTIAL, Status.OK).astype(np.uint8)
    holes = cells.assign(a=("cell", a, cells["a"].attrs), a_status=("cell", status, {"kind": "status"}))
    table = maup_table(holes, ["a", "b"], indices=["D"], options=SMALL)
    made = maup_cells(holes, ["a", "b"], options=SMALL)
    plain = rows_of(maup_table(cells, ["a", "b"], indices=["D"], options=SMALL), "D")
    noisy = rows_of(maup_table(cells, ["a", "b"], indices=["D"], options=SMALL, noise_variance=4.0), "D")
    guessed = cells.assign(
        {f"{g}_status": ("cell", np.full(81, Status.IMPUTED, np.uint8), {"kind": "status"}) for g in "ab"}
    )
    free = rows_of(maup_table(guessed, ["a", "b"], indices=["D"], options=SMALL), "D")

    assert about(table.iloc[0])["left_out_cells"] == 3
    assert made["class_holds_a_status"].to_numpy()[:3].tolist() == [Status.CONFIDENTIAL] * 3
    assert np.isnan(made["class_holds_a"].to_numpy()[:3]).all()
    assert made["residents"].to_numpy()[4] == values_of(cells, "a")[4] + values_of(cells, "b")[4]
    assert (noisy["corrected"] < plain["corrected"]).all()
    assert (noisy["high"] - noisy["low"] > plain["high"] - plain["low"]).all()
    assert free["expected"].isna().all()
    assert "no_correction" in about(free.iloc[0])
    assert "ratio" in about(free.iloc[2])


def test_one_cell_one_group_and_nobody():
    """One cell, and a group that nobody belongs to, give no number; nobody at all is refused."""
    alone = town(side=1, seed=3)
    one = alone.assign(a=("cell", [5.0], alone["a"].attrs), b=("cell", [5.0], alone["b"].attrs))
    none = town().assign(a=("cell", np.zeros(81), alone["a"].attrs))

    assert rows_of(maup_table(one, ["a", "b"], indices=["D"], options=SMALL), "D")["estimate"].tolist() == [0, 0, 0]
    assert rows_of(maup_table(none, ["a", "b"], indices=["D"], options=SMALL), "D")["estimate"].isna().all()
    assert (maup_cells(none, ["a", "b"], options=SMALL)["class_holds_a"].dropna("cell") == 0).all()
    with pytest.raises(SchemaError, match="nothing to audit"):
        maup_table(one.assign(a=("cell", [0.0], one["a"].attrs), b=("cell", [0.0], one["b"].attrs)), ["a", "b"])


def test_no_counts_leave_the_audit():
    """Rows hold indices of the whole, of zones and of divisions; no row is about a block."""
    table = maup_table(town(), ["a", "b"], options=SMALL, indices=["D"])

    assert set(table["zone"]) == {"all"}
    assert set(table["persons"].dropna()) == {float(town()["a"].sum() + town()["b"].sum())}


def test_what_is_refused():
    """Hexagons as base, one group, unknown names, bad options, labels and tables that do not fit."""
    cells = town()
    hexagons = make_cells(H3Grid(8), H3Grid(8).cell_at(np.array([[13.4, 52.5]])), {"a": [1.0]}, {"a": Column()})
    with pytest.raises(SchemaError, match="square cells"):
        maup_table(hexagons, ["a", "a"])
    with pytest.raises(SchemaError, match="two groups"):
        maup_table(cells, ["a"])
    with pytest.raises(UnknownNameError, match="index"):
        maup_table(cells, ["a", "b"], indices=["Z"])
    with pytest.raises(SchemaError, match="no label"):
        maup_table(cells, ["a", "b"], zone="a")
    with pytest.raises(SchemaError, match="one for each"):
        maup_table(cells, ["a", "b"], others={"x": np.array(["1"])})
    with pytest.raises(SchemaError, match="names no area"):
        maup_table(cells, ["a", "b"], others={"x": np.full(81, "")})
    with pytest.raises(SchemaError, match="lacks"):
        maup_table(cells, ["a", "b"], others={"x": pd.DataFrame({"a": [1.0]})})
    with pytest.raises(SchemaError, match="negative"):
        maup_table(cells, ["a", "b"], others={"x": pd.DataFrame({"a": [-1.0], "b": [2.0]})})
    with pytest.raises(SchemaError, match="no area with residents"):
        maup_table(cells, ["a", "b"], others={"x": pd.DataFrame({"a": [0.0], "b": [0.0]})})
    hidden = np.where(np.arange(81) < 2, Status.SUPPRESSED, Status.OK).astype(np.uint8)
    gone = np.where(hidden == Status.SUPPRESSED, np.nan, values_of(cells, "a"))
    with pytest.raises(SchemaError, match="suppressed"):
        maup_table(
            cells.assign(a=("cell", gone, cells["a"].attrs), a_status=("cell", hidden, {"kind": "status"})), ["a", "b"]
        )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sizes": ()}, "sizes"),
        ({"sizes": (1, 1)}, "sizes"),
        ({"sizes": (0,)}, "sizes"),
        ({"origins": 0}, "origins"),
        ({"breaks": (2.0, 1.0)}, "breaks"),
        ({"steady": 0.5}, "steady"),
    ],
)
def test_bad_options(options, words):
    """Each option that makes no sense is named."""
    with pytest.raises(SchemaError, match=words):
        MaupOptions(**options)


def test_told_how_far_it_is():
    """Every setting is announced once."""
    told = []
    maup_table(town(), ["a", "b"], options=SMALL, indices=["D"], announce=lambda done, of: told.append((done, of)))

    assert told == [(k + 1, 14) for k in range(14)]


@pytest.mark.parametrize("n", [3, 10, 59, 70])
def test_tau_is_scipys(n):
    """Few items are compared pair by pair, many by SciPy: the same tau-b, ties and all."""
    rng = np.random.default_rng(n)
    a, b = rng.integers(0, 8, n).astype(float), rng.integers(0, 8, n).astype(float)

    assert _tau(a, b) == pytest.approx(kendalltau(a, b).statistic, abs=1e-12)
    assert np.isnan(_tau(a, np.ones(n)))


def test_correlations_may_change_their_sign():
    """Within pairs of cells the covariate falls with the share, between pairs it rises: scale turns the sign."""
    pair = np.repeat(np.arange(8), 2)
    odd = np.tile([0, 1], 8)
    ids = GRID.from_row_col(np.full(16, 3000), 4000 + np.arange(16))
    a = 20.0 + 5 * pair + 30 * odd
    values = {"a": a, "b": 200 - a, "x": 1.0 * pair - 20 * odd, "y": 100.0 * pair}
    about = {"a": Column(), "b": Column(), "y": Column()}
    about["x"] = Column(kind="intensive", units="1", weight="a")
    cells = make_cells(GRID, ids, values, about)
    options = MaupOptions(sizes=(1, 2))
    found = rows_of(maup_table(cells, ["a", "b"], indices=["D"], options=options, covariate="x"), "correlation:x")
    by_hand = np.corrcoef(a / 200, values["x"])[0, 1]
    counted = rows_of(maup_table(cells, ["a", "b"], indices=["D"], options=options, covariate="y"), "correlation:y")

    assert found["estimate"][0] == pytest.approx(by_hand, abs=1e-12)
    assert by_hand < 0
    # pairs as they are: all of the correlation is between them
    assert about_of(found, 1)["most"] == pytest.approx(1.0, abs=1e-12)
    assert about_of(found, 1)["sign_changes"] >= 0.5
    assert about_of(found, 0)["sign_changes"] == 0.0
    assert counted["estimate"][0] == pytest.approx(np.corrcoef(a / 200, pair)[0, 1], abs=1e-12)
    flat = cells.assign(x=("cell", np.ones(16), cells["x"].attrs))
    assert not len(rows_of(maup_table(flat, ["a", "b"], options=options, covariate="x"), "correlation:x"))
    gone = cells.assign(x=("cell", np.full(16, np.nan), cells["x"].attrs))
    with pytest.raises(SchemaError, match="known for no cell"):
        maup_table(gone, ["a", "b"], options=options, covariate="x")


def about_of(rows, at):
    return about(rows.iloc[at])


def test_every_index_and_blocks_larger_than_the_town():
    """Any index is audited, ordered ones and Atkinson's b too; one block for all is even; no warning on the way."""
    options = MaupOptions(sizes=(1, 2, 50))
    table = maup_table(town(), ["a", "b"], indices=[*INDICES, "A(b=0.1)"], options=options)
    rows = table[~table["index"].str.contains("people|ranks|maup")]
    whole = rows[[about(r)["size"] == 50 for _, r in rows.iterrows()]].set_index("index")

    assert set(INDICES) | {"A(b=0.1)"} <= set(rows["index"])
    assert (whole["cells"] == 1).all()
    for name, index in INDICES.items():
        if index.correction == "rescaled" and index.groups != "pairs":
            assert np.abs(np.atleast_1d(whole.loc[name, "estimate"])).max() < 1e-12
    assert about(rows_of(table, "A(b=0.1)").iloc[0])["b"] == 0.1


def test_a_zone_without_a_group():
    """A zone where nobody of the group lives has no figures for it, and takes none from the others."""
    cells = town(labels=lambda row, col: np.where(row < 3, "none", "some"))
    a = np.where(cells["district"].to_numpy() == "none", 0.0, values_of(cells, "a"))
    table = maup_table(
        cells.assign(a=("cell", a, cells["a"].attrs)), ["a", "b"], zone="district", indices=["D"], options=SMALL
    )

    assert rows_of(table, "D", zone="none")["estimate"].isna().all()
    assert rows_of(table, "D", zone="some")["estimate"].notna().all()
    assert not len(rows_of(table, "maup:D", zone="none"))
