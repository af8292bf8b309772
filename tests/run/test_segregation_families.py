"""Figures, permutations, borders and what may leave: civigrid segregation and run files, on real and made cells."""

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
from civigrid.layers.segregation import (
    Kernel,
    composition_table,
    permutation_test,
    segregation_table,
    trajectory_table,
)
from civigrid.layers.segregation.groups import group_counts
from civigrid.release import min_count, public_grid
from civigrid.release.indices import indices_held_back, protect_indices
from civigrid.run import check_run, run_file, write_sample
from civigrid.run.config import Map, Run
from civigrid.run.maps import write_map
from civigrid.run.segregation.members import members_of
from civigrid.sample import CityOptions
from civigrid.types import Column

GROUPS = "NAT,EU_OTH,OTH"


call = partial(commands.call, "segregation")
rows_of = partial(commands.answer_of, "segregation")
estimates = commands.estimates


def test_one_picture_that_fits(real_data, tmp_path):
    """A profile over radii or k, the terms of scales, or curves; the index is chosen; the same bytes again."""
    asked = [real_data / "berlin_grids" / "census2021_1km_berlin.parquet", "--groups", GROUPS, "--indices", "D,H_multi"]
    for name, words, text in (
        ("radii", ["--radii", "1000,2000"], "Radius of neighbourhoods, km"),
        ("k", ["--k", "200,1600", "--show", "D"], "Nearest persons"),
        ("scales", ["--scales", "2,4"], "between squares of 4 km"),
        ("curves", [], "Everyone else, %"),
    ):
        said = call(*asked, *words, "--figure", tmp_path / f"{name}.svg")
        assert f"figure in {tmp_path / name}.svg" in said.replace("\n", "")
        assert text in (tmp_path / f"{name}.svg").read_text()
    assert "H_multi" in (tmp_path / "radii.svg").read_text()
    call(*asked, "--figure", tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "curves.svg").read_bytes()
    assert "As measured, cells from where" in (tmp_path / "curves.svg").read_text()
    found = rows_of(*asked, "--distortion", "--figure", tmp_path / "again.svg")
    assert "nothing of --distortion" in found["findings"][-1]
    with pytest.raises(CivigridError, match=r"--figure f\.pdf: the suffix must be one of \.png, \.svg"):
        call(*asked, "--figure", "f.pdf")
    with pytest.raises(CivigridError, match=r"unknown index of the figure \(--show\) 'G'"):
        call(*asked, "--figure", tmp_path / "no.png", "--radii", "1000", "--show", "G")


def test_pictures_pass_disclosure_control(tmp_path):
    """What a table may not tell, no figure draws; all else is written and told."""
    (tmp_path / "t.csv").write_text("a,b\n" + "5,40\n" * 12)
    words = [tmp_path / "t.csv", "--groups", "a,b", "--figure", tmp_path / "f.png"]
    said = call(*words, "--out", tmp_path / "t.parquet", "--bibtex", tmp_path / "t.bib")
    assert "figure not drawn: there is nothing of the segregation curves" in said
    assert "fewer than 100 of a group" in said
    assert "figure in" not in said
    assert not (tmp_path / "f.png").exists()
    assert (tmp_path / "t.parquet").exists()
    assert (tmp_path / "t.bib").exists()
    call(*words, "--profile", "public-grid")
    assert (tmp_path / "f.png").exists()


def test_p_by_permutation(tmp_path):
    """The command's p is that of permutation_test, of cells and of kernels; cells and plain tables agree."""
    rng, grid = np.random.default_rng(8), SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(3000 + np.arange(80) // 10, 4000 + np.arange(80) % 10)
    values = {g: rng.integers(0, 12, 80).astype(float) for g in "abc"}
    cells = make_cells(grid, ids, values, {g: Column() for g in "abc"})
    save_cells(cells, tmp_path / "t.cells")
    pd.DataFrame(values).to_csv(tmp_path / "t.csv", index=False)
    asked = ["--groups", "a,b,c", "--indices", "D,interaction,exposure,M,E,A(b=0.1)", "--permutations", 39, "--seed", 2]
    found = rows_of(tmp_path / "t.cells", *asked, "--radii", "1500")
    kernel = Kernel("biweight", 1500.0)
    for radius, around in ((None, None), (1500.0, kernel)):
        rows = {
            (r["index"], r["groups"]): r["parameters"]
            for r in found["table"]
            if r["parameters"].get("radius_m") == radius
        }
        for index, of, tail in (("D", "b", "greater"), ("interaction", "a", "less"), ("exposure", "a->b", "two-sided")):
            one = permutation_test(cells, ["a", "b", "c"], around, index, of=of, draws=39, seed=2, tail=tail)
            assert (rows[index, of]["p"], rows[index, of]["tail"]) == (one.p, tail)
        fork = permutation_test(cells, ["a", "b", "c"], around, "A(b=0.1)", of="c", draws=39, seed=2)
        assert rows["A(b=0.1)", "c"]["p"] == fork.p
        assert "p" not in rows["E", "a|b|c"]
    plain = rows_of(tmp_path / "t.csv", *asked)["table"]
    for ours, theirs in zip(plain, found["table"], strict=False):
        assert ours["parameters"].get("p") == theirs["parameters"].get("p")
    assert "of 39 allocations" in call(tmp_path / "t.csv", *asked)
    with pytest.raises(CivigridError, match="at least 1, better 999"):
        call(tmp_path / "t.csv", "--groups", "a,b", "--permutations", "-1")


def test_distortion_is_a_family(real_data, tmp_path):
    """All-scale rows are those of trajectory_table; a plain table has no surroundings."""
    path = real_data / "berlin_grids" / "census2021_1km_berlin.parquet"
    found = estimates(rows_of(path, "--groups", GROUPS, "--indices", "E", "--distortion"))
    cells = read_cells(path, columns=GROUPS.split(","))
    for index, value in trajectory_table(cells, GROUPS.split(","))[["index", "estimate"]].to_numpy():
        assert found["all", index, GROUPS.replace(",", "|")] == value
    (tmp_path / "t.csv").write_text("a,b\n5,40\n3,9\n")
    with pytest.raises(CivigridError, match="--distortion ask where people live"):
        call(tmp_path / "t.csv", "--groups", "a,b", "--distortion")


@pytest.fixture(scope="module")
def border(tmp_path_factory, real_data):
    """Luxembourg and Malta in one file, and each alone."""
    folder = tmp_path_factory.mktemp("border")
    census = pd.read_parquet(real_data / "eu_census2021_1km" / "census2021_1km_v2.parquet")
    census = census[census["CNTR_ID"].isin(["LU", "MT"])]
    census.to_parquet(folder / "both.parquet")
    census[census["CNTR_ID"] == "MT"].to_parquet(folder / "MT.parquet")
    return folder


def test_a_border_needs_a_reference(border):
    """Two countries: refused; against the whole, told; against the own country, divergence and no index of both."""
    asked = [border / "both.parquet", "--groups", GROUPS, "--zones", "country", "--indices", "D"]
    with pytest.raises(CivigridError, match="'all' is reported by LU, MT.*Declare --reference country .*run file"):
        call(*asked)
    with pytest.raises(CivigridError, match="'all' is reported by LU, MT"):
        call(border / "both.parquet", "--groups", "NAT", "--total", "T", "--bounds", 9)
    whole = rows_of(*asked, "--reference", "whole")["table"]
    assert {r["zone"] for r in whole} == {"all", "LU", "MT"}
    assert {r["zone"] for r in whole if r["parameters"].get("reference") == "whole"} == {"all"}
    own = rows_of(*asked, "--reference", "country", "--distortion")["table"]
    assert {r["zone"] for r in own if r["index"] == "D"} == {"LU", "MT"}
    by = {r["zone"]: r for r in own if r["index"] == "divergence_from_country"}
    assert set(by) == {"all", "LU", "MT"}
    persons = {z: by[z]["persons"] for z in by}
    mean = sum(by[z]["estimate"] * persons[z] for z in ("LU", "MT")) / persons["all"]
    assert by["all"]["estimate"] == pytest.approx(mean, abs=1e-12)
    distortion = next(r for r in own if r["index"] == "distortion")
    assert distortion["parameters"]["reference"] == "country"
    with pytest.raises(CivigridError, match="reach across the border"):
        call(*asked, "--reference", "country", "--k", 200)
    with pytest.raises(CivigridError, match="declare 'whole' or 'country'"):
        call(*asked, "--reference", "nation")
    # of one country, and of groups that mean the same everywhere, nothing has to be declared
    assert rows_of(border / "MT.parquet", *asked[1:])["table"]
    assert rows_of(border / "both.parquet", "--groups", "M,F", "--indices", "D")["table"]


def test_a_run_over_a_border(border):
    """The run file refuses what the command refuses, and declares the same."""
    text = """
[run]
title = "Two countries"
question = "Who lives near whom?"
profile = "public-grid"
formats = ["csv"]
[[source]]
name = "census"
reader = "census-grid"
path = "both.parquet"
options = {{ columns = ["NAT", "EU_OTH", "OTH"], cell_size_m = 1000 }}
[[cells]]
name = "km1"
source = "census"
grid = "eu-laea-1km"
method = "cells"
keep = ["country"]
[[segregation]]
cells = "km1"
groups = ["NAT", "EU_OTH", "OTH"]
indices = ["D"]
zones = ["country"]
{more}
"""
    path = border / "run.toml"
    path.write_text(text.format(more=""))
    with pytest.raises(CivigridError, match="'all' is reported by LU, MT"):
        run_file(path, folder=border / "none")
    path.write_text(text.format(more='reference = "country"\npermutations = 9\ndistortion = true'))
    table = pd.read_csv(run_file(path, folder=border / "own").folder / "release" / "results.csv")
    assert set(table["index"]) >= {"D", "divergence_from_country", "distortion"}
    assert not ((table["zone"] == "all") & (table["index"] == "D")).any()
    path.write_text(text.format(more='reference = "nation"\npermutations = -1'))
    assert {f.key for f in check_run(path)[1]} == {"run.segregation[0].reference"}
    path.write_text(text.format(more="permutations = -1"))
    assert {f.key for f in check_run(path)[1]} == {"run.segregation[0].permutations"}


TOWN = """
[run]
title = "Havelmark"
question = "Who lives near whom?"
formats = ["csv"]
threshold = 60
[[source]]
name = "areas"
reader = "areas"
path = "areas_2021.gpkg"
options = { id_column = "area_id", labels = ["district"] }
[source.counts]
path = "population_2021.csv"
id_column = "area_id"
columns = ["population", "native"]
part_of = { native = "population" }
[[cells]]
name = "people"
source = "areas"
grid = "eu-laea-200m"
method = "area"
keep = ["district"]
[[segregation]]
cells = "people"
groups = ["native"]
total = "population"
zones = ["district"]
indices = ["D", "H_multi"]
"""


def test_a_run_tells_what_the_command_tells(tmp_path):
    """results.csv lacks the rows that --out lacks, and has the others with the same digits."""
    write_sample(tmp_path, CityOptions(persons=20_000))
    (tmp_path / "told.toml").write_text(TOWN)
    done = run_file(tmp_path / "told.toml", folder=tmp_path / "told")
    table = pd.read_csv(done.folder / "release" / "results.csv")
    full = done.results
    counts, _ = group_counts(done.cells["people"], ["native"], "population")
    zones, members = members_of(counts, done.cells["people"]["district"].to_numpy())
    why = indices_held_back(full, zones, ["native", "rest"], members, min_count(60))
    assert 0 < (why != "").sum() < len(full)
    told = protect_indices(full, why, min_count(60))
    for name in ("estimate", "low", "persons"):
        pd.testing.assert_series_equal(table[name], told[name], check_dtype=False)
    assert table["estimate"].isna().sum() == (why != "").sum()
    report = (done.folder / "release" / "report.html").read_text()
    for value in full["estimate"][why != ""]:
        assert f"{value:.4f}" not in report


def test_groups_above_their_total(tmp_path):
    """Some cells in which noise makes groups more than the total are counted; more than 1 % of persons is refused."""
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(np.full(50, 3000), 4000 + np.arange(50))
    group = np.tile([40.0, 60.0], 25)
    for name, total in (("noise", np.where(np.arange(50) == 1, 58.0, 90.0)), ("wrong", np.full(50, 55.0))):
        values = {"a": group, "n": total}
        save_cells(make_cells(grid, ids, values, {"a": Column(), "n": Column()}), tmp_path / f"{name}.cells")
    asked = ["--groups", "a", "--total", "n", "--indices", "D,M", "--radii", "1500", "--scales", "2"]
    found = rows_of(tmp_path / "noise.cells", *asked)
    told = [r["parameters"].get("negative_rest_cells") for r in found["table"] if "_" not in r["index"]]
    assert set(told) == {1}
    assert "groups are more than 'n' in 1 cells" in found["findings"][0]
    with pytest.raises(CivigridError, match="more than 'n' by 125 of 2,750 persons"):
        call(tmp_path / "wrong.cells", *asked)


def test_a_group_called_rest_is_refused_or_asked():
    """Cells refuse the name; units have it as any other name, unless it stands last."""
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(np.full(2, 3000), 4000 + np.arange(2))
    cells = make_cells(grid, ids, {"a": [5.0, 9.0], "rest": [5.0, 1.0]}, {"a": Column(), "rest": Column()})
    with pytest.raises(CivigridError, match="called 'rest'"):
        segregation_table(cells, ["rest", "a"])
    table = composition_table(np.array([[5.0, 5.0], [1.0, 9.0]]), ["rest", "a"], indices=["D"])
    assert table["groups"].tolist() == ["rest", "a"]


def test_no_ratio_of_scales_on_nothing(tmp_path):
    """People placed by lot: the corrected value near 0 has no ratio, and the row says why; a divided town has one."""
    rng, grid = np.random.default_rng(1), SquareGrid(cell_size_m=1000)
    row, col = np.divmod(np.arange(400), 20)
    ids = grid.from_row_col(3000 + row, 4000 + col)
    for name, share in (("lot", np.full(400, 0.4)), ("divided", np.where(col < 10, 0.1, 0.8))):
        a = rng.binomial(50, share).astype(float)
        cells = make_cells(grid, ids, {"a": a, "b": 50 - a}, {"a": Column(), "b": Column()})
        save_cells(cells, tmp_path / f"{name}.cells")
    asked = ["--groups", "a,b", "--indices", "H", "--radii", "0,4000", "--k", "50,1600"]
    for name in ("lot", "divided"):
        found = rows_of(tmp_path / f"{name}.cells", *asked)["table"]
        ratios = [r for r in found if r["index"] == "H_macro_micro"]
        assert len(ratios) == 4
        for r in ratios:
            assert 0 < r["estimate"] < 1
            assert (r["corrected"] is None) == (name == "lot")
            assert ("not clearly above 0" in r["parameters"].get("not_told", "")) == (name == "lot")
    assert "no ratio of scales" in call(tmp_path / "lot.cells", *asked)


def test_a_run_draws_composition_against_density(tmp_path):
    """The demo's map in two colours has its layers, measures follow the surroundings, a wrong name is told."""
    from civigrid.cells import measured
    from civigrid.io.parts import load_cells
    from civigrid.run import check_run, run_demo

    run_demo(tmp_path, persons=3_000, scheduler="serial")
    path, folder = tmp_path / "demo.toml", tmp_path
    page = (folder / "release" / "maps" / "composition-and-density.html").read_text(encoding="utf-8")
    assert "and how many live there" in page
    made = [load_cells(p) for p in (folder / "parts").glob("segregation-*.cells")]
    assert any({"adds_to_M", "convergence_m"} <= set(measured(cells)) for cells in made)
    path.write_text(
        path.read_text(encoding="utf-8").replace('"adds_to_M", "diversity"', '"adds_to_Q"'), encoding="utf-8"
    )
    assert any("adds_to_Q" in str(fault) for fault in check_run(path))


@pytest.mark.parametrize("words", [{"variables": ("share_b",)}, {"variables": ("share_a",), "against": "people"}])
def test_a_map_of_what_cells_lack_is_refused(words, tmp_path):
    """By name, with the nearest that there is."""
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(np.full(2, 3000), 4000 + np.arange(2))
    about = {"a": Column(), "share_a": Column(kind="intensive", weight="a")}
    cells = make_cells(grid, ids, {"a": [50.0, 90.0], "share_a": [0.5, 0.1]}, about)
    run = Run(title="t", question="q", profile="public-grid", source=(), cells=())
    setting = (tmp_path, lambda name: None, tmp_path, pd.DataFrame())
    with pytest.raises(CivigridError, match="unknown variable of the cells that map 'm' draws, .*Known: a, share_a"):
        write_map(run, Map(cells="c", title="m", **words), cells, (), pd.DataFrame(), setting)


def test_what_a_published_table_may_tell():
    """Fewer than ten units, or a hundred of a group or of all others, is too few; small persons cannot be solved."""
    table = pd.DataFrame({"zone": ["all", "a", "b", "c"] * 2, "groups": ["x"] * 4 + ["x->y"] * 4, "persons":
                          [2000.0, 1000, 995, 5] * 2, "cells": [50, 20, 9, 12] * 2})  # fmt: skip
    for name in ("estimate", "expected", "corrected", "low", "high"):
        table[name] = 0.123456
    people = np.array([[600.0, 1400], [300, 700], [300, 695], [0, 5]])
    why = indices_held_back(table, ["all", "a", "b", "c"], ["x", "y"], people, min_count(10))
    assert why[:4].tolist() == ["", "", "fewer than 10 units", "fewer than 100 of a group"]
    told = protect_indices(table, why, min_count(10))
    assert told["estimate"].iloc[0] == 0.123
    assert told["estimate"].isna().sum() == 4
    # all persons less those of the shown zones would tell the five: another zone is hidden with them
    assert set(told.loc[told["persons"].isna(), "zone"]) == {"b", "c"}
    assert not (indices_held_back(table, ["all"], ["x", "y"], people[:1], public_grid()) != "").any()
