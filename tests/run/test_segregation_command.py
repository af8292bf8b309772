"""Segregation from the shell and from a run file, on cells and on plain tables, real ones where they are here."""

import json
import tomllib
from functools import partial

import commands
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from civigrid.cells import make_cells, values_of
from civigrid.cli import app
from civigrid.errors import CivigridError
from civigrid.grid import SquareGrid
from civigrid.io.cells import read_cells
from civigrid.io.parts import save_cells
from civigrid.layers.segregation import segregation_table
from civigrid.run import check_run, describe_plan, make_plan, read_run, run_file, write_sample
from civigrid.run.segregation.names import SETS, index_names
from civigrid.run.segregation.text import table_text
from civigrid.sample import CityOptions
from civigrid.types import Column

GROUPS = "NAT,EU_OTH,OTH"


call = partial(commands.call, "segregation")
rows_of = partial(commands.answer_of, "segregation")
estimates = commands.estimates


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Havelmark's people on cells of 200 m, with its districts."""
    folder = tmp_path_factory.mktemp("havelmark")
    write_sample(folder, CityOptions(persons=20_000))
    out = folder / "people.cells"
    words = ["project", folder / "areas_2021.gpkg", "--id", "area_id", "--counts", folder / "population_2021.csv"]
    words += ["--extensive", "population,native", "--keep", "district", "--grid", "eu-laea-200m", "--whole", 3]
    for target in (out, folder / "people.parquet"):
        found = CliRunner().invoke(app, [str(w) for w in [*words, "--out", target]], catch_exceptions=False)
        assert found.exit_code == 0, found.output
    return folder


def test_schools_as_published(real_data, tmp_path):
    """Elbers' M and H of a long table, the same from a wide one, with citations and BibTeX."""
    path, bib = real_data / "us_schools_elbers" / "schools00.csv", tmp_path / "cite.bib"
    long = rows_of(path, "--long", "race,n", "--units", "school", "--indices", "M,H_multi", "--bibtex", bib)
    assert [round(r["estimate"], 6) for r in long["table"]] == [0.425539, 0.418808]
    assert long["table"][0]["citation"]["key"] == "mora2011"
    assert long["table"][0]["parameters"]["left_out_units"] == 0
    assert "@article{mora2011," in bib.read_text()
    assert "2083 of 10225 pairs of unit and group have no row" in long["findings"][0]
    text = call(path, "--long", "race,n", "--units", "school", "--indices", "M,H_multi")
    assert "0.425539" in text
    assert "0.418808" in text
    table = pd.read_csv(path).pivot_table(index="school", columns="race", values="n", fill_value=0).reset_index()
    table.to_parquet(tmp_path / "wide.parquet")
    wide = rows_of(
        tmp_path / "wide.parquet", "--groups", "asian,black,hisp,native,white", "--units", "school", "--indices", "M"
    )
    assert wide["table"][0]["estimate"] == pytest.approx(long["table"][0]["estimate"], abs=1e-12)


def test_tracts_as_pysal_has_them(real_data):
    """Values that PySAL asserts on the same file, to nine digits, with a total and without."""
    folder = real_data / "us_sacramento_tracts"
    known = pd.read_csv(folder / "pysal_expected_values.csv").set_index("index")["expected"]
    one = rows_of(folder / "sacramentot2.shp", "--groups", "HISP_", "--total", "TOT_POP", "--indices",
                  "D,G,H,A,isolation,interaction,V")  # fmt: skip
    names = {"D": "Dissim", "G": "Gini", "H": "Entropy", "A": "Atkinson", "isolation": "Isolation",
             "interaction": "Interaction", "V": "CorrelationR"}  # fmt: skip
    for row in one["table"]:
        assert row["estimate"] == pytest.approx(known[names[row["index"]]], abs=1e-9), row["index"]
    several = rows_of(folder / "sacramentot2.shp", "--groups", "WHITE_,BLACK_,ASIAN_,HISP_", "--indices",
                      "D_multi,G_multi,H_multi,R,E")  # fmt: skip
    names = {"D_multi": "MultiDissim", "G_multi": "MultiGini", "H_multi": "MultiInfoTheory",
             "R": "MultiRelativeDiversity", "E": "MultiDiversity"}  # fmt: skip
    for row in several["table"]:
        assert row["estimate"] == pytest.approx(known[names[row["index"]]], abs=1e-9), row["index"]


def test_fractional_households(real_data):
    """Counts of the Grenoble data have fractions: they are no rates."""
    path = real_data / "oasisr_segdata_grenoble" / "GreHSize.shp"
    found = rows_of(path, "--groups", "VAR3,VAR4,VAR5", "--indices", "D,all,'A(b=0.1)'".replace("'", ""))
    assert found["unit"] == "units"
    assert len({r["index"] for r in found["table"]}) == len(SETS["all"]) + 1
    assert all(r["cells"] == 53 for r in found["table"])


def test_a_plain_table_and_cells_are_one_code(tmp_path):
    """Cells, and the same counts without places, give the same numbers to the last digit."""
    rng, grid = np.random.default_rng(5), SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(np.repeat(np.arange(3000, 3010), 12), np.tile(np.arange(4000, 4012), 10))
    native = rng.integers(0, 40, 120).astype(float)
    population = native + rng.integers(0, 90, 120)
    district = rng.choice(["north", "south", ""], 120)
    values, about = {"native": native, "population": population}, {"native": Column(), "population": Column()}
    save_cells(make_cells(grid, ids, values, about, labels={"district": district}), tmp_path / "people.cells")
    pd.DataFrame({**values, "district": district}).to_csv(tmp_path / "plain.csv", index=False)
    asked = ["--groups", "native", "--total", "population", "--zones", "district", "--noise-variance", 1.5]
    ours, plain = rows_of(tmp_path / "people.cells", *asked), rows_of(tmp_path / "plain.csv", *asked)
    assert (ours["unit"], plain["unit"]) == ("cells", "units")
    assert {r["zone"] for r in ours["table"]} == {"all", "(none)", "north", "south"}
    for a, b in zip(ours["table"], plain["table"], strict=True):
        for key in ("zone", "index", "groups", "estimate", "expected", "corrected", "low", "high", "persons", "cells"):
            assert a[key] == b[key], (a["zone"], a["index"], key)
        assert a["parameters"]["noise_variance"] == b["parameters"]["noise_variance"]
    assert estimates(rows_of(tmp_path / "plain.csv", *asked, "--plain")) == estimates(plain)


def test_families_on_cells(real_data, tmp_path):
    """Radii, nearest persons, nested scales and pattern stand below the indices of cells."""
    path = real_data / "berlin_grids" / "census2021_1km_berlin.parquet"
    found = rows_of(path, "--groups", GROUPS, "--indices", "D,M,SP", "--decay", 1000, "--radii", "0,1500", "--k", 1600,
                    "--scales", "2,4", "--kernel", "uniform")  # fmt: skip
    by = {}
    for r in found["table"]:
        said = r["parameters"]
        by.setdefault((r["index"], said.get("radius_m"), said.get("k")), []).append(r["estimate"])
    # a neighbourhood of the cell alone is the cell
    np.testing.assert_allclose(by["D", 0.0, None], by["D", None, None], rtol=1e-12)
    assert by["M", None, None][0] == pytest.approx(by["M", None, None][1], abs=1e-12)
    terms = ["M_between_4km", "M_between_2km_within_4km", "M_within_2km"]
    assert sum(by[t, None, None][0] for t in terms) == pytest.approx(by["M", None, None][0], abs=1e-12)
    assert by["D", 1500.0, None][0] < by["D", None, None][0]
    assert by["D", None, 1600][0] < by["D", None, None][0]
    assert all(1 < sp < 1.2 for sp in by["SP", None, None])
    assert {s["key"] for s in found["sources"]} >= {"duncan1955", "mora2011", "white1983"}
    text = table_text(found | {"table": found["table"][:3], "findings": ["one thing"]})
    assert text.splitlines()[0].split()[:4] == ["zone", "index", "groups", "estimate"]
    assert "one thing" in text


def test_levels_and_hierarchies(city, real_data):
    """Administrative labels decompose as squares do; groups of groups split each term once more."""
    asked = ["--groups", "native", "--total", "population", "--indices", "M"]
    found = {r["index"]: r["estimate"] for r in rows_of(city / "people.cells", *asked, "--levels", "district")["table"]}
    assert found["M_between_district"] + found["M_within_district"] == pytest.approx(found["M"], abs=1e-12)
    path = real_data / "berlin_grids" / "census2021_1km_berlin.parquet"
    words = ["--groups", GROUPS, "--indices", "M", "--scales", "4", "--hierarchy", "abroad=EU_OTH+OTH"]
    found = rows_of(path, *words)["table"]
    parts = {r["parameters"].get("part", ""): r["estimate"] for r in found if r["index"] == "M_between_4km"}
    assert set(parts) == {"", "supergroups", "within abroad"}
    assert parts["supergroups"] + parts["within abroad"] == pytest.approx(parts[""], abs=1e-12)
    with pytest.raises(CivigridError, match="Did you mean 'district'"):
        call(city / "people.cells", *asked, "--levels", "districts")
    with pytest.raises(CivigridError, match="name scales or levels too"):
        call(city / "people.cells", *asked, "--hierarchy", "x=native+rest")


def test_files_pass_disclosure_control(real_data, tmp_path):
    """Small zones are on the screen, marked, and not in the file; figures there have three digits; all can be told."""
    path = real_data / "eu_census2021_1km" / "census2021_1km_v2.parquet"
    small = pd.read_parquet(path)
    small = small[small["CNTR_ID"].isin(["LI", "AD-ES", "AL-EL", "LU"])]
    small.to_parquet(tmp_path / "small.parquet")
    asked = [tmp_path / "small.parquet", "--groups", GROUPS, "--zones", "country", "--indices", "D,M"]
    asked += ["--reference", "whole"]
    found = rows_of(*asked, "--out", tmp_path / "t.csv")
    told = pd.read_csv(tmp_path / "t.csv")
    held = {(r["zone"], r["index"], r["groups"]) for r in found["table"] if r["held_back"]}
    assert {zone for zone, _, _ in held} == {"AD-ES", "AL-EL"}
    assert found["held_back"] == len(held) == told["estimate"].isna().sum()
    assert all(r["estimate"] is not None for r in found["table"])
    shown = told["estimate"].dropna()
    assert (shown.round(3) == shown).all()
    rows_of(*asked, "--out", tmp_path / "all.parquet", "--profile", "public-grid")
    everything = pd.read_parquet(tmp_path / "all.parquet")
    assert everything["estimate"].notna().all()
    text = call(*asked)
    assert "held back: a file of them (--out) would lack" in text


def test_local_measures_leave_by_the_same_door(city, tmp_path):
    """A file that may be published hides small cells; one that stays inside keeps them."""
    asked = [city / "people.cells", "--groups", "native", "--total", "population", "--indices", "D"]
    found = rows_of(*asked, "--local", tmp_path / "local.parquet")
    rows_of(*asked, "--local", tmp_path / "local.cells")
    hidden = sum(found["suppressed"].values())
    assert 0 < hidden <= found["local_values"]
    said = " ".join(call(*asked, "--local", tmp_path / "local.parquet").split())
    assert f"{hidden:,} of {found['local_values']:,} values hidden" in said
    assert "public-grid hides none: it is for grids that their publisher has protected already" in said
    with pytest.raises(CivigridError, match=r"--local x\.shp: the suffix must be one of \.parquet"):
        call(*asked, "--local", tmp_path / "x.shp")
    shown, kept = read_cells(tmp_path / "local.parquet"), read_cells(tmp_path / "local.cells")
    assert found["suppressed"]["adds_to_D_native"] > 0
    assert np.isnan(values_of(shown, "adds_to_D_native")).sum() > np.isnan(values_of(kept, "adds_to_D_native")).sum()
    assert np.nansum(values_of(kept, "adds_to_D_native")) == pytest.approx(found["table"][0]["estimate"], abs=1e-12)
    with pytest.raises(CivigridError, match="suppressed in .* cells"):
        call(city / "people.parquet", "--groups", "native", "--total", "population")


def test_hidden_counts_are_bounded(tmp_path):
    """The index of the true table lies within; what cannot be bounded is refused, with the reason."""
    rng = np.random.default_rng(2)
    a = rng.integers(0, 30, 60)
    table = pd.DataFrame({"a": a, "n": a + rng.integers(20, 200, 60), "z": np.where(np.arange(60) % 2, "n", "s")})
    table.to_csv(tmp_path / "true.csv")
    hidden = table.assign(a=[f"{v}" if not 0 < v < 5 else "<5" for v in a])
    hidden.to_csv(tmp_path / "hidden.csv")
    asked = ["--groups", "a", "--total", "n", "--zones", "z", "--indices", "D,H,isolation"]
    true = estimates(rows_of(tmp_path / "true.csv", *asked))
    found = rows_of(tmp_path / "hidden.csv", *asked, "--bounds", 9)
    assert len(found["table"]) == 9
    for r in found["table"]:
        assert r["low"] <= true[r["zone"], r["index"], "a"] <= r["high"] < r["low"] + 0.1
        assert r["parameters"]["hidden_persons_at_most"] == 4 * r["parameters"]["hidden_counts"]
    assert "least to most" in call(tmp_path / "hidden.csv", *asked, "--bounds", 9)
    with pytest.raises(CivigridError, match="--bounds"):
        call(tmp_path / "hidden.csv", *asked)
    with pytest.raises(CivigridError, match="G cannot be bounded"):
        call(tmp_path / "hidden.csv", *asked[:-1], "G", "--bounds", 9)
    hidden.assign(n=hidden["n"].astype(str).replace(str(hidden["n"][0]), "..")).to_csv(tmp_path / "total.csv")
    with pytest.raises(CivigridError, match="'n' is kept back in"):
        call(tmp_path / "total.csv", *asked, "--bounds", 9)


def test_bounds_of_suppressed_cells(city):
    """Cells that disclosure control has hidden in part, where all people are known."""
    found = rows_of(city / "people.cells", "--groups", "native", "--total", "population", "--bounds", 9)
    true = estimates(rows_of(city / "people.cells", "--groups", "native", "--total", "population"))
    for r in found["table"]:
        assert r["low"] - 1e-6 <= true["all", r["index"], "native"] <= r["high"] + 1e-6


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--groups", "natives", "--total", "population"], "Did you mean 'native'"),
        (["--groups", "native", "--total", "population", "--zones", "districts"], "Did you mean 'district'"),
        (["--groups", "native", "--total", "population", "--indices", "Dd"], "Did you mean 'D'"),
        (["--groups", "native", "--total", "population", "--indices", "acl"], "Did you mean 'ACL'|Known:"),
        (["--groups", "native", "--total", "population", "--indices", "A(c=1)"], "no parameter 'c'"),
        (["--groups", "native"], "two groups at least"),
        ([], "name the groups"),
        (["--groups", "native,native"], "named twice"),
        (["--groups", "native,population", "--total", "population"], "total and a group"),
        (["--groups", "native", "--total", "population", "--indices", "SP"], "SP need the distance"),
        (["--groups", "native", "--total", "population", "--radii", "500", "--kernel", "disc"], "kernel shape"),
        (["--groups", "native", "--total", "population", "--radii", "500,500"], "named twice"),
        (["--groups", "native", "--total", "population", "--radii", "-5"], "radius_m is -5"),
        (["--groups", "native", "--total", "population", "--k", "0"], "at least one"),
        (["--groups", "native", "--total", "population", "--scales", "3,4"], "do not hold whole squares"),
        (["--groups", "native", "--total", "population", "--noise-variance", "-1"], "at least 0"),
        (["--groups", "native", "--total", "population", "--out", "t.xlsx"], "one of .csv, .parquet"),
        (["--groups", "native", "--total", "population", "--bounds", "0"], "at least 1"),
        (["--groups", "native", "--total", "population", "--bounds", "9", "--k", "200"], "cannot be bounded"),
    ],
)
def test_refusals_on_cells(city, words, text):
    """Each says what is wrong, and the nearest that would be right."""
    with pytest.raises(CivigridError, match=text):
        call(city / "people.cells", *words)


def test_refusals_on_plain_tables(tmp_path):
    """Places, order and cells are asked of what has none; a code of municipalities is no cell."""
    path = tmp_path / "t.csv"
    path.write_text('code,a,b,"c, d"\n11000000,5,10,3\n11000001,60,30,4\n')
    assert rows_of(path, "--groups", "a,b")["unit"] == "units"
    assert rows_of(path, "--groups", 'a,"c, d"')["groups"] == ["a", "c, d"]
    for words, text in (
        (["--radii", "500", "--indices", "ACL", "--decay", "9"], "ACL, --radii ask where people live"),
        (["--local", str(tmp_path / "l.cells")], "units have no place"),
    ):
        with pytest.raises(CivigridError, match=text):
            call(path, "--groups", "a,b", *words)
    (tmp_path / "long.csv").write_text("u,g,n\n1,a,5\n1,b,3\n2,a,2\n2,b,9\n")
    with pytest.raises(CivigridError, match="in their order"):
        call(tmp_path / "long.csv", "--long", "g,n", "--units", "u", "--indices", "ordered")
    ordered = rows_of(tmp_path / "long.csv", "--long", "g,n", "--units", "u", "--indices", "ordered", "--groups", "b,a")
    assert {r["index"] for r in ordered["table"]} == set(SETS["ordered"])
    with pytest.raises(CivigridError, match="does not exist"):
        call(tmp_path / "no.csv", "--groups", "a,b")
    found = CliRunner().invoke(app, ["segregation", str(path), "--groups", "a,b", "--radii", "5x"])
    assert found.exit_code == 2


def test_nobody_and_one_unit_are_defined(tmp_path):
    """A group without persons has no index, which is said; one unit has no segregation."""
    (tmp_path / "none.csv").write_text("a,b\n0,10\n0,30\n")
    found = rows_of(tmp_path / "none.csv", "--groups", "a,b", "--indices", "D,E")
    assert [r["estimate"] for r in found["table"]] == [None, None, 0]
    assert "nobody is of a" in found["findings"][0]
    (tmp_path / "one.csv").write_text("a,b\n5,10\n")
    found = rows_of(tmp_path / "one.csv", "--groups", "a,b", "--indices", "D")
    assert max(r["estimate"] for r in found["table"]) < 1e-12


def test_names_of_indices():
    """Words stand for several; each index once, in order; nothing is the default."""
    assert index_names(()) == index_names(("default",))
    assert index_names(("M", "default")).of_shares[0] == "M"
    assert index_names(("pattern", "ACL")).of_shares == ()
    assert len(index_names(("all", "all")).of_shares) == len(SETS["all"])


RUN = """
[run]
title = "Havelmark"
question = "Who lives near whom?"
folder = "run"
formats = ["csv"]
[[source]]
name = "areas"
reader = "areas"
path = "areas_2021.gpkg"
options = {{ id_column = "area_id", labels = ["district"] }}
[source.counts]
path = "population_2021.csv"
id_column = "area_id"
columns = ["population", "native"]
part_of = {{ native = "population" }}
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
{more}
"""


def test_a_run_file_asks_the_same(city):
    """Families stand in the results; without them nothing changes."""
    more = (
        'indices = ["D", "M", "ACL"]\ndecay_m = 500\nradii_m = [400, 800]\nkernel = "gaussian"\nk = [200]\n'
        "scales_m = [400, 800]"
    )
    (city / "more.toml").write_text(RUN.format(more=more))
    seconds = [s["estimated_seconds"] for s in describe_plan(make_plan(read_run(city / "more.toml"), city))]
    assert min(seconds) > 0
    table = pd.read_csv(run_file(city / "more.toml", folder=city / "more").folder / "release" / "results.csv")
    about = table["parameters"].map(json.loads)
    whole = table[table["zone"] == "all"]
    assert set(whole["index"]) >= {"D", "M", "ACL", "D_macro_micro", "M_between_800m", "H_within_400m"}
    assert about.map(lambda a: a.get("radius_m")).dropna().unique().tolist() == [400, 800]
    assert about.map(lambda a: a.get("k")).dropna().unique().tolist() == [200]
    assert not table.duplicated(["zone", "index", "groups", "parameters"]).any()
    (city / "plain.toml").write_text(RUN.format(more=""))
    table = pd.read_csv(run_file(city / "plain.toml", folder=city / "plain").folder / "release" / "results.csv")
    assert list(dict.fromkeys(table["index"])) == list(SETS["default"])
    report = (city / "more" / "release" / "report.html").read_text()
    assert report.count("would have to move to live as evenly") == 1
    assert ">400 m</th>" in report
    assert ">200 nearest people</th>" in report


def test_check_tells_faults_of_segregation(city):
    """Each with its key, its line and its mend, before anything is read."""
    more = 'indices = ["Dd"]\nradii_m = [500, 500]\nk = [0]\nscales_m = [300, 400]'
    path = city / "bad.toml"
    path.write_text(RUN.format(more=more))
    assert tomllib.loads(path.read_text())
    _, faults = check_run(path)
    told = {f.key: f for f in faults}
    names = ("indices", "radii_m", "k", "scales_m")
    assert set(told) == {f"run.segregation[0].{n}" for n in names}
    assert all(f.line > 0 for f in faults)
    assert "Did you mean 'D'" in told["run.segregation[0].indices"].message
    path.write_text(RUN.format(more='kernel = "disc"').replace('total = "population"', "", 1))
    assert {f.key for f in check_run(path)[1]} == {"run.segregation[0].kernel", "run.segregation[0].groups"}
    path.write_text(RUN.format(more='indices = ["SP"]'))
    (fault,) = check_run(path)[1]
    assert fault.key == "run.segregation[0].decay_m"


def test_bootstrap_and_defaults_reach_the_layer(city):
    """What the command says of intervals is what the function does."""
    asked = ["--groups", "native", "--total", "population", "--indices", "D"]
    found = rows_of(city / "people.cells", *asked, "--bootstrap", 30, "--seed", 4)
    cells = read_cells(city / "people.cells")
    table = segregation_table(
        cells, ["native"], total="population", indices=["D"], interval="bootstrap", draws=30, seed=4
    )
    assert found["table"][0]["low"] == table["low"].iloc[0]
    assert found["table"][0]["parameters"]["draws"] == 30
