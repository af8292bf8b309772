"""The table of inequality: groups, zones, intervals, decompositions, and persons who reach nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from civigrid.cells import make_cells
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import SquareGrid
from civigrid.kernels import inequality as unequal
from civigrid.kernels.inequality import people_of
from civigrid.layers.access.inequality import inequality_table, lorenz_curve
from civigrid.layers.access.inequality_indices import INEQUALITY, InequalityOptions
from civigrid.result_table import TABLE_COLUMNS
from civigrid.types import Column, Status


def _cells(minutes, groups, *, zone=None, more=None, status=None):
    """Cells with minutes and counts; `total` is what groups and others sum up to."""
    n = len(minutes)
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(3000 + np.arange(n) // 8, 4000 + np.arange(n) % 8)
    values = {"minutes": minutes, **groups, **(more or {})}
    about = {k: Column(kind="intensive" if k not in groups else "extensive") for k in values}
    labels = {"town": np.array(zone, dtype=object)} if zone is not None else {}
    return make_cells(grid, ids, values, about, labels=labels, status=status)


@pytest.fixture
def town():
    """64 cells of two groups and others, three towns, an income."""
    rng = np.random.default_rng(7)
    counts = {g: rng.integers(0, 40, 64).astype(float) for g in ("a", "b")}
    counts["total"] = counts["a"] + counts["b"] + rng.integers(0, 90, 64)
    zone = np.array(["north", "south", "west"])[rng.integers(0, 3, 64)]
    return _cells(
        rng.gamma(3.0, 8.0, 64), counts, zone=zone, more={"income": rng.integers(1, 6, 64).astype(float)}
    )  # fmt: skip


def _get(table, index, groups="total", zone="all"):
    """Return the only row of an index."""
    rows = table[(table["index"] == index) & (table["groups"] == groups) & (table["zone"] == zone)]
    assert len(rows) == 1
    return rows.iloc[0]


OPTIONS = InequalityOptions(bads=True, threshold=30.0, bounds=(0.0, 200.0))


def test_every_index_stands_in_the_table_with_its_interval(town):
    """All that what is given allows, for everyone and each group, in the whole and each zone."""
    table = inequality_table(
        town, "minutes", ["a", "b"], total="total", zones="town", by="income", options=OPTIONS, bootstrap=60, seed=3
    )
    one = table[(table["groups"] == "b") & (table["zone"] == "north")].set_index("index")

    assert list(table.columns) == list(TABLE_COLUMNS)
    assert set(table["topic"]) == {"access"}
    assert set(INEQUALITY) <= set(one.index)
    assert set(table["zone"]) == {"all", "north", "south", "west"}
    assert set(table[table["index"] == "gini"]["groups"]) == {"total", "a", "b", "rest"}
    sure = one.loc[[n for n in INEQUALITY if n != "worst"]]
    assert (sure["low"] < sure["estimate"]).all()
    assert (sure["estimate"] < sure["high"]).all()
    assert np.isnan(one.loc["worst", "low"])
    said = json.loads(one.loc["kolm_pollak_ede", "parameters"])
    assert said["kappa"] > 0
    assert said["interval"] == "bootstrap of cells"
    assert said["seed"] == 3


def test_numbers_are_those_of_the_kernel(town):
    """A group's index in a zone is that of its persons there; kappa is everyone's."""
    table = inequality_table(town, "minutes", ["a", "b"], total="total", zones="town", by="income", bootstrap=0)
    there = town["town"].to_numpy() == "west"
    minutes, persons = town["minutes"].to_numpy(), town["a"].to_numpy()
    people = people_of(minutes[there], persons[there])
    ranked = people_of(minutes[there], persons[there], by=town["income"].to_numpy()[there])
    total = town["total"].to_numpy()
    kappa = (total * minutes).sum() / (total * minutes**2).sum()

    assert _get(table, "gini", "a", "west").estimate == pytest.approx(float(unequal.gini(people)[0, 0]))
    assert _get(table, "concentration", "a", "west").estimate == pytest.approx(
        float(unequal.concentration(ranked)[0, 0])
    )
    goods = float(unequal.kolm_pollak(people, kappa, bads=False)[0, 0])
    assert _get(table, "kolm_pollak_ede", "a", "west").estimate == pytest.approx(goods)
    assert _get(table, "gini", "a", "west").persons == persons[there].sum()


def test_parts_add_up_by_group_and_by_zone(town):
    """Theil within and between, Gini with its overlap, and shares of poverty: sums are the index, or 1."""
    table = inequality_table(
        town, "minutes", ["a", "b"], total="total", zones="town", options=OPTIONS, bootstrap=10,
        indices=["gini", "theil_t", "theil_l", "fgt0", "fgt1", "fgt2"],
    )  # fmt: skip
    told = table.assign(by=[json.loads(p).get("by") for p in table["parameters"]])
    for by in ("groups", "town"):
        rows = told[(told["by"] == by) & ((told["zone"] == "all") | told["index"].str.endswith("_share"))]
        rows = rows[rows["zone"] == "all"] if by == "groups" else rows[rows["groups"] == "total"]
        for index in ("theil_t", "theil_l", "gini"):
            parts = rows[rows["index"].isin([f"{index}_{p}" for p in ("within", "between", "overlap")])]
            assert len(parts) == (3 if index == "gini" else 2)
            assert parts["estimate"].sum() == pytest.approx(_get(table, index).estimate, abs=1e-14)
        for a in (0, 1, 2):
            shares = rows[rows["index"] == f"fgt{a}_share"]
            assert len(shares) == 3
            assert shares["estimate"].sum() == pytest.approx(1.0)


def test_gaps_between_groups_have_intervals_of_the_same_draws(town):
    """A gap is the difference of means, against everyone else and by pair; a group against itself has none."""
    same = town.assign(b=town["a"], total=town["a"] * 2)
    table = inequality_table(town, "minutes", ["a", "b"], total="total", indices=["mean"], bootstrap=50)
    twin = inequality_table(same, "minutes", ["a", "b"], total="total", indices=["mean"], bootstrap=50)
    minutes, a, total = (town[n].to_numpy() for n in ("minutes", "a", "total"))
    others = (minutes * (total - a)).sum() / (total - a).sum()
    gap = _get(table, "gap", "a|everyone else")

    assert gap.estimate == pytest.approx(_get(table, "mean", "a").estimate - others)
    assert gap.low < gap.estimate < gap.high
    pair = _get(table, "ratio", "a|b")
    assert pair.estimate == pytest.approx(_get(table, "mean", "a").estimate / _get(table, "mean", "b").estimate)
    alike = _get(twin, "gap", "a|b")
    assert (alike.low, alike.estimate, alike.high) == (0.0, 0.0, 0.0)


def test_persons_who_reach_nothing_are_counted():
    """NaN and infinite times are persons apart, or capped; they are poor; the missing are told as unknown."""
    cells = _cells(
        [10.0, 20.0, np.nan, np.inf, np.nan], {"total": [10.0, 20.0, 5.0, 5.0, 7.0]},
        status={"minutes": np.array([0, 0, 0, 0, Status.UNAVAILABLE], dtype=np.uint8)},
    )  # fmt: skip
    names = ["mean", "sufficiency", "fgt0", "fgt1", "worst"]
    apart = inequality_table(cells, "minutes", total="total", indices=names, bads=True, threshold=15.0)
    capped = inequality_table(
        cells, "minutes", total="total", indices=names, bads=True, threshold=15.0, unreachable=60.0
    )  # fmt: skip

    assert _get(apart, "unreachable").estimate == 0.25
    assert _get(apart, "mean").estimate == pytest.approx(50 / 3)
    assert _get(apart, "mean").persons == 30.0
    assert _get(apart, "sufficiency").estimate == 0.25
    assert _get(apart, "sufficiency").persons == 40.0
    assert _get(apart, "fgt1").estimate == pytest.approx(2 / 3 * 5 / 15)
    said = json.loads(_get(apart, "mean").parameters)
    assert (said["unreachable"], said["unreachable_persons"], said["unknown"]) == ("apart", 10.0, {"persons": 7.0})
    assert json.loads(_get(apart, "fgt0").parameters)["unreachable"] == "poor"
    assert _get(capped, "unreachable").estimate == 0.25
    assert _get(capped, "mean").estimate == pytest.approx((100 + 400 + 600) / 40)
    assert _get(capped, "worst").estimate == 60.0
    assert _get(capped, "fgt1").estimate == pytest.approx((20 * 5 / 15 + 10 * 45 / 15) / 40)
    assert json.loads(_get(capped, "mean").parameters)["capped_at"] == 60.0


def test_undefined_numbers_say_why():
    """Theil's L of someone with nothing, and a zone where nobody lives, are empty with a reason."""
    cells = _cells([0.0, 2.0, 5.0], {"total": [3.0, 5.0, 4.0], "a": [1.0, 1.0, 0.0]}, zone=["x", "x", "y"])
    table = inequality_table(cells, "minutes", ["a"], total="total", zones="town", indices=["theil_l", "theil_t"])

    assert np.isnan(_get(table, "theil_l").estimate)
    assert json.loads(_get(table, "theil_l").parameters)["undefined"] == "3 of 12 persons have nothing"
    assert np.isnan(_get(table, "theil_t", "a", "y").estimate)
    assert json.loads(_get(table, "theil_t", "a", "y").parameters)["undefined"] == "no persons with a value"
    assert _get(table, "theil_l", "total", "y").estimate == pytest.approx(0.0, abs=1e-15)


def test_the_same_bytes_whatever_the_order_of_cells_and_memory(town, monkeypatch):
    """Cells in another order and draws in other blocks change nothing."""
    from civigrid.layers.access import inequality_draws

    ask = {"total": "total", "zones": "town", "by": "income", "options": OPTIONS, "bootstrap": 20}
    table = inequality_table(town, "minutes", ["a", "b"], **ask)
    grid = SquareGrid(cell_size_m=1000)
    order = np.random.default_rng(0).permutation(64)
    names = [n for n in town.data_vars if n != "town"]
    mixed = make_cells(
        grid, town["cell_id"].to_numpy()[order], {n: town[n].to_numpy()[order] for n in names},
        {n: Column(kind=town[n].attrs["kind"]) for n in names}, labels={"town": town["town"].to_numpy()[order]},
    )  # fmt: skip
    monkeypatch.setattr(inequality_draws, "_AT_ONCE", 64 * 3)

    assert inequality_table(mixed, "minutes", ["a", "b"], **ask).equals(table)


def test_linearised_and_drawn_intervals_agree(town):
    """Of a mean, the bootstrap of cells and the linearised error say the same within a few percent."""
    ask = {"indices": ["mean", "fgt0"], "bads": True, "threshold": 25.0}
    drawn = inequality_table(town, "minutes", total="total", bootstrap=2000, **ask)
    linear = inequality_table(town, "minutes", total="total", bootstrap=0, **ask)
    for index in ("mean", "fgt0"):
        one, other = _get(drawn, index), _get(linear, index)
        assert (one.high - one.low) == pytest.approx(other.high - other.low, rel=0.1)
    assert json.loads(_get(linear, "mean").parameters)["interval"] == "linearised"


def test_groups_may_have_values_of_their_own():
    """Those with cars reach more: everyone is the groups together, and parts still add up."""
    cells = _cells([10.0, 20.0], {"car": [1.0, 3.0], "total": [4.0, 4.0]}, more={"by_car": [2.0, 4.0]})
    table = inequality_table(
        cells, {"car": "by_car", "total": "minutes"}, ["car"], total="total", indices=["mean", "theil_t"], bootstrap=0
    )  # fmt: skip

    assert _get(table, "mean", "car").estimate == pytest.approx(3.5)
    assert _get(table, "mean", "rest").estimate == pytest.approx(12.5)
    assert _get(table, "mean").estimate == pytest.approx(8.0)
    groups = "car|rest"
    parts = _get(table, "theil_t_within", groups).estimate + _get(table, "theil_t_between", groups).estimate
    assert parts == pytest.approx(_get(table, "theil_t").estimate)
    assert _get(table, "gap", groups).estimate == pytest.approx(-9.0)


def test_lorenz_curve_of_cells(town):
    """The curve ends at 1 and lies under the diagonal; ranked by income it need not."""
    curve = lorenz_curve(town, "minutes", "total")
    by = lorenz_curve(town, "minutes", "total", by="income")

    assert (curve.persons[-1], curve.share[-1]) == (1.0, 1.0)
    assert (curve.share <= curve.persons).all()
    assert len(by.persons) == 1 + 5


def test_what_cannot_be_computed_is_refused(town):
    """Each refusal says what to give or to leave out."""
    with pytest.raises(UnknownNameError, match="Did you mean 'gini'"):
        inequality_table(town, "minutes", total="total", indices=["ginni"])
    with pytest.raises(SchemaError, match="fgt0 needs a threshold"):
        inequality_table(town, "minutes", total="total", indices=["fgt0"])
    with pytest.raises(SchemaError, match="erreygers needs by, and bounds"):
        inequality_table(town, "minutes", total="total", indices=["erreygers"], by="income")
    with pytest.raises(SchemaError, match="outside the bounds"):
        inequality_table(town, "minutes", total="total", by="income", bounds=(0.0, 1.0))
    with pytest.raises(SchemaError, match="take ratios to the mean"):
        inequality_table(town.assign(minutes=town["minutes"] - 50), "minutes", total="total", indices=["gini"])
    with pytest.raises(SchemaError, match="they overlap"):
        inequality_table(town.assign(a=town["total"]), "minutes", ["a", "b"], total="total")
    with pytest.raises(SchemaError, match="whose access"):
        inequality_table(town, "minutes")
    with pytest.raises(SchemaError, match="called 'rest'"):
        inequality_table(town.rename(a="rest"), "minutes", ["rest"], total="total")
    with pytest.raises(SchemaError, match="no variable for"):
        inequality_table(town, {"a": "minutes"}, ["a"], total="total")
    with pytest.raises(SchemaError, match="is no label"):
        inequality_table(town, "minutes", total="total", zones="village")
    with pytest.raises(SchemaError, match="called 'all'"):
        inequality_table(
            town.assign(town=town["town"].where(town["a"] > 5, "all")), "minutes", total="total", zones="town"
        )
    with pytest.raises(SchemaError, match="nobody has a value"):
        inequality_table(town.assign(minutes=town["minutes"] * np.nan), "minutes", total="total")
    with pytest.raises(SchemaError, match="fewer than 0 persons"):
        inequality_table(town.assign(a=town["a"] - 100), "minutes", ["a"])
    for wrong, says in (({"threshold": 0.0}, "threshold is 0.0"), ({"unreachable": np.inf}, "finite value")):
        with pytest.raises(SchemaError, match=says):
            inequality_table(town, "minutes", total="total", **wrong)
    with pytest.raises(SchemaError, match="least possible value"):
        InequalityOptions(bounds=(1.0, 1.0))
