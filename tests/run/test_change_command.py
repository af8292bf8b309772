"""Change between two years or two cities from the shell: published terms, real cells, and errors that explain."""

import json
from functools import partial

import commands
import numpy as np
import pandas as pd
import pytest

from civigrid.cells import make_cells
from civigrid.errors import CivigridError
from civigrid.grid import SquareGrid
from civigrid.io.cells import read_cells
from civigrid.io.parts import save_cells
from civigrid.layers.segregation import city_difference_table, comparison_table, difference_table
from civigrid.types import Column

BIRTH = "NAT,EU_OTH,OTH"
FIVE = ("additions", "removals", "group_marginal", "unit_marginal", "structural")


call = partial(commands.call, "change")
rows_of = partial(commands.answer_of, "change")
estimates = commands.estimates


def save_town(path, seed, *, side=1000, moved=0, persons=60):
    """Save ten by ten cells, groups a and b, halves east and west."""
    rng, grid = np.random.default_rng(seed), SquareGrid(cell_size_m=side)
    row, col = np.divmod(np.arange(100), 10)
    ids = grid.from_row_col(1500 + row, 2000 + col + moved)
    share = np.where(col < 5, 0.3, 0.6)
    values = {"a": rng.binomial(persons, share).astype(float), "b": rng.binomial(persons, 1 - share).astype(float)}
    half = np.where(col < 5, "west", "east")
    save_cells(make_cells(grid, ids, values, {"a": Column(), "b": Column()}, labels={"half": half}), path)
    return path


@pytest.fixture(scope="module")
def towns(tmp_path_factory):
    """Two years of a town, and others elsewhere and on another grid."""
    folder = tmp_path_factory.mktemp("towns")
    save_town(folder / "then.cells", 1)
    save_town(folder / "now.cells", 2)
    save_town(folder / "elsewhere.cells", 3, moved=500)
    save_town(folder / "coarse.cells", 4, side=2000)
    save_town(folder / "few.cells", 5, persons=1)
    return folder


def test_published_terms_of_schools(real_data, tmp_path):
    """Five terms of M and H of schools 2000 to 2005 sum to the difference; M before and after as published."""
    folder = real_data / "us_schools_elbers"
    words = [folder / "schools00.csv", folder / "schools05.csv", "--long", "race,n", "--units", "school"]
    found = rows_of(*words, "--indices", "H_multi", "--figure", tmp_path / "f.svg", "--out", tmp_path / "t.csv")
    value = {r["index"]: r["estimate"] for r in found["table"]}
    assert value["M_before"] == pytest.approx(0.425539, abs=5e-7)
    assert value["M_after"] == pytest.approx(0.413385, abs=5e-7)
    for index in ("M", "H"):
        assert sum(value[f"{index}_{t}"] for t in FIVE) == pytest.approx(value[f"{index}_difference"], abs=1e-9)
    assert value["M_removals"] == pytest.approx(-0.011405, abs=5e-6)
    assert value["M_structural"] == pytest.approx(0.003154, abs=5e-6)
    assert value["H_multi_difference"] == pytest.approx(value["H_difference"], abs=1e-12)
    test = next(r for r in found["table"] if r["index"] == "H_multi_difference")["parameters"]
    assert test["z"] < -20
    assert test["p_z"] < 1e-90
    assert {"elbers2023", "zou2008"} <= {s["key"] for s in found["sources"]}
    assert "where people live, all else equal" in (tmp_path / "f.svg").read_text()
    told = pd.read_csv(tmp_path / "t.csv")
    assert len(told) == len(found["table"])
    assert "p is that of z" in call(*words, "--indices", "D")


def test_years_on_cells_are_the_functions(towns):
    """The command gives what the functions of cells give; plain tables of the same counts give the same."""
    words = [towns / "then.cells", towns / "now.cells", "--groups", "a,b"]
    found = rows_of(*words, "--zones", "half", "--indices", "D", "--draws", 19, "--seed", 3, "--added", 1e-6)
    then, now = (read_cells(towns / f"{n}.cells") for n in ("then", "now"))
    five = difference_table(then, now, ["a", "b"], zone="half", draws=19, seed=3, added=1e-6)
    test = comparison_table(then, now, ["a", "b"], indices=["D"], draws=19, seed=3)
    asked = estimates(found)
    for table in (five, test):
        for zone, index, groups, value in table[["zone", "index", "groups", "estimate"]].to_numpy():
            assert asked[zone, index, groups] == value
    row = next(r for r in found["table"] if r["index"] == "D_difference")
    assert row["parameters"]["test"] == "permutation"
    assert row["parameters"]["p"] == json.loads(test["parameters"].iloc[0])["p"]
    for name, cells in (("then", then), ("now", now)):
        frame = pd.DataFrame({"unit": cells["cell_id"].to_numpy().astype(str), "a": cells["a"], "b": cells["b"]})
        # rows in any order: units are matched by their names
        frame.sample(frac=1, random_state=1).to_csv(towns / f"{name}.csv", index=False)
    plain = rows_of(towns / "then.csv", towns / "now.csv", "--groups", "a,b", "--units", "unit", "--indices", "D")
    assert plain["unit"] == "units"
    for key, value in estimates(plain).items():
        assert value == pytest.approx(asked[key], abs=1e-12), key


def test_two_countries_as_two_cities(real_data, tmp_path):
    """Luxembourg and Malta: two terms sum to the difference that is tested, and are drawn."""
    census = pd.read_parquet(real_data / "eu_census2021_1km" / "census2021_1km_v2.parquet")
    for code in ("LU", "MT"):
        census[census["CNTR_ID"] == code].to_parquet(tmp_path / f"{code}.parquet")
    files = [tmp_path / "LU.parquet", tmp_path / "MT.parquet"]
    words = [*files, "--groups", BIRTH, "--cities", "--indices", "D", "--draws", 19]
    found = rows_of(*words, "--figure", tmp_path / "f.png", "--group", "OTH")
    value = estimates(found)
    cells = [read_cells(f, columns=BIRTH.split(",")) for f in files]
    for _, row in city_difference_table(*cells, BIRTH.split(","), indices=["D"]).iterrows():
        assert value["all", row["index"], row["groups"]] == row["estimate"]
    for group in BIRTH.split(","):
        two = value["all", "D_composition", group] + value["all", "D_spatial", group]
        assert two == pytest.approx(value["all", "D_difference", group], abs=1e-12)
    row = next(r for r in found["table"] if r["index"] == "D_difference")
    assert row["parameters"]["test"] == "bootstrap"
    assert (tmp_path / "f.png").read_bytes()[:4] == b"\x89PNG"
    census[census["CNTR_ID"].isin(["LU", "MT"])].to_parquet(tmp_path / "both.parquet")
    both = [tmp_path / "both.parquet", files[0], "--groups", BIRTH, "--cities"]
    with pytest.raises(CivigridError, match="reported by LU, MT"):
        call(*both)
    assert rows_of(*both, "--reference", "whole")["table"]


def test_small_sets_stay_inside(towns, tmp_path):
    """One small year holds back what both together would tell, in the table and in the figure."""
    words = [towns / "few.cells", towns / "now.cells", "--groups", "a,b", "--indices", "D", "--added", "0.001"]
    found = rows_of(*words, "--out", tmp_path / "t.csv")
    assert found["held_back"] == len(found["table"])
    assert pd.read_csv(tmp_path / "t.csv")["estimate"].isna().all()
    assert "held back" in call(*words)
    with pytest.raises(CivigridError, match="lets be drawn"):
        call(*words, "--figure", tmp_path / "f.png")
    assert not (tmp_path / "f.png").exists()
    call(*words, "--figure", tmp_path / "f.png", "--profile", "public-grid")


@pytest.mark.parametrize(
    ("after", "words", "text"),
    [
        ("coarse.cells", [], "different grids"),
        ("elsewhere.cells", [], "no cell in common"),
        ("now.cells", ["--indices", "ACL"], "pattern is not compared"),
        ("now.cells", ["--indices", "Dd"], "Did you mean 'D'"),
        ("now.cells", ["--zones", "halves"], "Did you mean 'half'"),
        ("now.cells", ["--cities", "--indices", "M"], "none of M"),
        ("now.cells", ["--cities", "--zones", "half"], "one difference"),
        ("now.cells", ["--figure", "f.jpg"], "--figure f.jpg: the suffix must be"),
        ("now.cells", ["--figure", "f.png", "--show", "G"], "--show"),
        ("plain.csv", [], "is a plain table"),
    ],
)
def test_refusals(towns, after, words, text):
    """Each says what is wrong, and what would be right."""
    (towns / "plain.csv").write_text("u,a,b\n1,5,3\n2,9,9\n")
    with pytest.raises(CivigridError, match=text):
        call(towns / "then.cells", towns / after, "--groups", "a,b", *words)


def test_refusals_of_plain_tables(tmp_path):
    """Units that cannot be matched are told."""
    (tmp_path / "one.csv").write_text("u,a,b\n1,500,300\n2,900,9\n")
    (tmp_path / "other.csv").write_text("u,a,b\n3,500,300\n4,900,9\n")
    files = [tmp_path / "one.csv", tmp_path / "other.csv", "--groups", "a,b"]
    with pytest.raises(CivigridError, match="--units"):
        call(*files)
    with pytest.raises(CivigridError, match="no unit in common"):
        call(*files, "--units", "u")
    found = rows_of(*files, "--cities", "--indices", "D")
    assert estimates(found)["all", "D_difference", "a"] == pytest.approx(0, abs=1e-12)
