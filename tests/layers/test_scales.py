"""Scale and administrative decompositions on cells: terms that sum, maps that sum to them, nesting that is checked."""

import json

import numpy as np
import pytest

from civigrid.cells import ids_of, make_cells, status_of, values_of
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.kernels.shapley import information, mutual_information
from civigrid.layers.segregation import segregation_table
from civigrid.layers.segregation.scales.table import level_table, scale_cells, scale_table, within_table
from civigrid.result_table import check_table
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=1000)
GROUPS = ["nat", "eu", "oth"]


def country(seed=0, side=24, low=0):
    """A square country whose west is unlike its east, with districts in regions; some cells are empty."""
    rng = np.random.default_rng(seed)
    row, col = (a.ravel() for a in np.meshgrid(np.arange(side), np.arange(side), indexing="ij"))
    foreign = np.where(col < side // 2, 0.3, 0.1) * rng.uniform(0.5, 1.5, side * side)
    size = rng.integers(low, 80, side * side)
    eu = rng.binomial(size, foreign / 2)
    oth = rng.binomial(size - eu, foreign)
    values = {"nat": size - eu - oth, "eu": eu, "oth": oth, "total": size}
    about = {g: Column(part_of="total") for g in GROUPS} | {"total": Column()}
    region = np.where(col < side // 2, "west", "east")
    labels = {"region": region, "district": np.char.add(region, (row // 6).astype(str)).astype(object)}
    return make_cells(GRID, GRID.from_row_col(3001 + row, 4001 + col), values, about, labels=labels)


def counts_of(cells):
    table = np.stack([values_of(cells, g) for g in GROUPS], axis=1)
    return table[table.sum(axis=1) > 0]


def addends(table, measure, zone="all"):
    told = [json.loads(p) for p in table["parameters"]]
    keep = [p["addend"] and "part" not in p and i.startswith(measure + "_")
            for p, i in zip(told, table["index"], strict=True)]  # fmt: skip
    return table[np.array(keep) & (table["zone"] == zone)]


def test_terms_of_all_scales_sum_to_m_and_h():
    """Estimate, expected and corrected terms from 128 km down to 1 km sum to those of the cells."""
    cells = country()
    table = check_table(scale_table(cells, GROUPS, zone="region"))
    for measure, value in (("M", mutual_information), ("H", information)):
        parts = addends(table, measure)
        whole = table[(table["index"] == measure) & (table["zone"] == "all")].iloc[0]

        assert parts["index"].iloc[0] == f"{measure}_between_128km"
        assert parts["index"].iloc[-1] == f"{measure}_within_2km"
        assert whole["estimate"] == pytest.approx(value(counts_of(cells)), abs=1e-12)
        for column in ("estimate", "expected", "corrected"):
            assert parts[column].sum() == pytest.approx(whole[column], abs=1e-12)
    assert set(table["zone"]) == {"all", "east", "west"}


def test_the_whole_is_the_row_of_the_segregation_table():
    """M and H of a decomposition are those of segregation_table, with the same expectation and interval."""
    cells = country()
    theirs = segregation_table(cells, GROUPS, zone="region", indices=["M", "H_multi"], noise_variance=1.5)
    ours = scale_table(cells, GROUPS, zone="region", noise_variance=1.5)
    for measure, index in (("M", "M"), ("H", "H_multi")):
        one = ours[ours["index"] == measure].set_index("zone")
        other = theirs[theirs["index"] == index].set_index("zone")
        for column in ("estimate", "expected", "corrected", "low", "high", "persons", "cells"):
            np.testing.assert_allclose(one[column], other[column].loc[one.index], rtol=1e-9, err_msg=column)


def test_within_is_the_sum_of_all_smaller_scales():
    """M_within_8km is what lies between 4 km squares in 8 km squares, 2 km in 4 km, and cells in 2 km."""
    table = scale_table(country(), GROUPS, measures=["M"]).set_index("index")["estimate"]
    smaller = ["M_between_4km_within_8km", "M_between_2km_within_4km", "M_within_2km"]

    assert table["M_within_8km"] == pytest.approx(table[smaller].sum(), abs=1e-12)


def test_sizes_that_are_no_doublings_nest_too():
    """5 km and 15 km squares; 7 km squares do not nest in 15 km, and are refused."""
    cells = country()
    table = scale_table(cells, GROUPS, levels_m=[5000, 15000], measures=["divergence"])

    assert addends(table, "divergence")["estimate"].sum() == pytest.approx(mutual_information(counts_of(cells)))
    with pytest.raises(SchemaError, match="15000 m do not hold whole squares of 7000 m"):
        scale_table(cells, GROUPS, levels_m=[7000, 15000])
    with pytest.raises(SchemaError, match="resolutions are for H3"):
        scale_table(cells, GROUPS, resolutions=[5])
    with pytest.raises(UnknownNameError, match="measure"):
        scale_table(cells, GROUPS, measures=["D"])


def test_a_scale_at_which_nothing_differs_adds_nothing():
    """A chequerboard of 1 km: all of M lies within 2 km."""
    row, col = (a.ravel() for a in np.meshgrid(np.arange(8), np.arange(8), indexing="ij"))
    black = ((row + col) % 2).astype(float) * 10
    ids = GRID.from_row_col(3000 + row, 4000 + col)
    cells = make_cells(GRID, ids, {"a": black, "b": 10 - black}, {"a": Column(), "b": Column()})
    table = scale_table(cells, ["a", "b"], levels_m=[2000, 4000], measures=["H"]).set_index("index")["estimate"]

    assert table["H_within_2km"] == pytest.approx(1.0)
    assert table["H_between_2km_within_4km"] == pytest.approx(0.0, abs=1e-15)


def test_scale_and_groups_of_groups_are_one_table():
    """Each scale splits into natives against foreigners, and EU against others among foreigners."""
    table = scale_table(country(), GROUPS, hierarchy={"abroad": ["eu", "oth"]}, levels_m=[2000, 8000])
    for index in ("M", "H_between_8km", "M_within_2km"):
        rows = table[table["index"] == index].set_index("groups")["estimate"]

        assert set(rows.index) == {"nat|eu|oth", "nat|abroad", "eu|oth"}
        assert rows["nat|abroad"] + rows["eu|oth"] == pytest.approx(rows["nat|eu|oth"], abs=1e-12)


def test_administrative_terms_sum_and_areas_that_cross_are_named():
    """Districts in regions; the other way round they do not nest, and the message says which."""
    cells = country()
    table = level_table(cells, GROUPS, ["district", "region"], zone="region")

    assert list(addends(table, "M")["index"]) == ["M_between_region", "M_between_district_within_region",
                                                  "M_within_district"]  # fmt: skip
    assert addends(table, "M")["estimate"].sum() == pytest.approx(mutual_information(counts_of(cells)), abs=1e-12)
    assert addends(table, "M", "west").iloc[0]["estimate"] == pytest.approx(0, abs=1e-15)
    with pytest.raises(SchemaError, match=r"2 of 2 areas of 'region' lie in several of 'district'.*'east', 'west'"):
        level_table(cells, GROUPS, ["region", "district"])
    with pytest.raises(SchemaError, match="no label of these cells"):
        level_table(cells, GROUPS, ["town"])


def test_cells_without_a_name_are_an_area_of_the_larger_one():
    """Unnamed cells in two regions are two areas, not one that crosses."""
    cells = country()
    bare = cells["district"].to_numpy().copy()
    bare[::7] = ""
    cells = cells.assign(district=("cell", bare, {"kind": "label"}))

    assert addends(level_table(cells, GROUPS, ["district", "region"]), "M")["estimate"].sum() == pytest.approx(
        mutual_information(counts_of(cells)), abs=1e-12
    )


def test_areas_weigh_in_with_persons_and_entropy():
    """H of each area by its weight sums to H within the areas."""
    cells = country()
    inside = within_table(cells, GROUPS, "district")
    levels = level_table(cells, GROUPS, ["district"]).set_index("index")["estimate"]
    for measure in ("M", "H"):
        rows = inside[inside["index"] == measure]
        weight = [json.loads(p)["weight"] for p in rows["parameters"]]

        assert float(np.dot(weight, rows["estimate"])) == pytest.approx(levels[f"{measure}_within_district"], abs=1e-12)


@pytest.mark.parametrize("how", [{}, {"levels_m": [4000]}, {"labels": ["district", "region"]}])
def test_maps_of_terms_sum_to_the_printed_terms(how):
    """What the cells add to each term is the term; nobody adds less than nothing."""
    cells = country()
    added = scale_cells(cells, GROUPS, **how)
    table = level_table(cells, GROUPS, how["labels"]) if "labels" in how else scale_table(cells, GROUPS, **how)
    terms = addends(table, "M")

    assert len(terms) == sum(str(n).startswith("adds_to_M") and not str(n).endswith("_status") for n in added.data_vars)
    for index, estimate in zip(terms["index"], terms["estimate"], strict=True):
        values = values_of(added, f"adds_to_{index}")
        assert values.sum() == pytest.approx(estimate, abs=1e-12)
        assert values.min() >= 0


def test_a_missing_count_leaves_a_reason_on_the_map():
    """Where a group is confidential nothing is said, and why; the others sum without it."""
    cells = country()
    values = values_of(cells, "eu").copy()
    values[3] = np.nan
    codes = np.zeros(len(values), dtype=np.uint8)
    codes[3] = Status.CONFIDENTIAL
    about = {"nat": Column(), "eu": Column(), "oth": Column()}
    data = {"nat": values_of(cells, "nat"), "eu": values, "oth": values_of(cells, "oth")}
    hidden = make_cells(GRID, ids_of(cells), data, about, status={"eu": codes})
    added = scale_cells(hidden, GROUPS, levels_m=[2000])

    assert status_of(added, "adds_to_M_within_2km")[3] == Status.CONFIDENTIAL
    assert np.isnan(values_of(added, "adds_to_M_within_2km")[3])
    assert json.loads(scale_table(hidden, GROUPS)["parameters"].iloc[0])["left_out_cells"] == 1


def test_h3_cells_take_their_logical_parents_and_say_so():
    """Terms over resolutions sum; the parameters tell that nesting is not exact in area."""
    grid = H3Grid(8)
    rng = np.random.default_rng(1)
    ids = np.unique(grid.cell_at(rng.uniform([13.0, 52.3], [13.6, 52.6], (400, 2))))
    values = {g: rng.integers(0, 30, len(ids)).astype(float) for g in GROUPS}
    cells = make_cells(grid, ids, values, {g: Column() for g in GROUPS})
    table = scale_table(cells, GROUPS)

    assert addends(table, "M")["estimate"].sum() == pytest.approx(mutual_information(counts_of(cells)), abs=1e-12)
    assert "not exact in area" in json.loads(table["parameters"].iloc[0])["nesting"]
    assert addends(table, "M")["index"].iloc[-1] == "M_within_r7"
    with pytest.raises(SchemaError, match="not coarser"):
        scale_table(cells, GROUPS, resolutions=[9])


def test_corrected_terms_are_free_of_chance():
    """Without any segregation corrected terms are about 0 and lie in their intervals; the estimates do not."""
    rng = np.random.default_rng(5)
    row, col = (a.ravel() for a in np.meshgrid(np.arange(32), np.arange(32), indexing="ij"))
    size = rng.integers(1, 25, 1024)
    x = rng.binomial(size, 0.1).astype(float)
    ids = GRID.from_row_col(3008 + row, 4000 + col)
    cells = make_cells(GRID, ids, {"a": x, "b": size - x}, {"a": Column(), "b": Column()})
    table = scale_table(cells, ["a", "b"], levels_m=[2000, 4000, 8000])
    parts = addends(table, "H")

    assert (parts["corrected"].abs() < 0.006).all()
    assert parts["estimate"].sum() > 0.05
    assert all(json.loads(p)["unreliable"] for p in parts["parameters"])


def test_turning_the_country_round_changes_nothing():
    """A quarter turn about a corner of a 4 km square leaves every term as it was."""
    cells = country(side=16)
    row, col = GRID.row_col(ids_of(cells))
    turned = GRID.from_row_col(6000 - 1 - col + 2000, row)
    values = {g: values_of(cells, g) for g in GROUPS}
    about = {g: Column() for g in GROUPS}
    tables = [
        scale_table(make_cells(GRID, ids, values, about), GROUPS, levels_m=[2000, 4000])
        for ids in (ids_of(cells), turned)
    ]

    np.testing.assert_allclose(tables[0]["estimate"], tables[1]["estimate"], atol=1e-12)
