"""Measures of access rest on counts that may leave: nothing released tells a hidden one."""

from __future__ import annotations

import dataclasses
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from civigrid.cells import ids_of, make_cells, values_of
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import SquareGrid
from civigrid.layers.access import MEASURES
from civigrid.release import min_count, public_grid, release
from civigrid.run import make_plan, read_run, run_file, write_sample
from civigrid.run.access.measures import measured_access, with_others
from civigrid.run.access.measures_text import measures_markdown
from civigrid.run.access.wanted import Wanted, check_wanted, options_of
from civigrid.sample import CityOptions
from civigrid.travel_times import times_of_pairs
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=1000)
ROOT = Path(__file__).parents[2]
# the doubly constrained needs flows that meet both margins, which so small a town has not
ALL = tuple(name for name in MEASURES if name != "doubly_constrained")


def town(counts, labels=None):
    """Cells in a row, with counts of groups."""
    n = len(next(iter(counts.values())))
    ids = GRID.from_row_col(np.full(n, 3000), np.arange(4000, 4000 + n))
    return make_cells(GRID, ids, counts, {name: Column(units="persons") for name in counts}, labels=labels)


def ways(cells, pairs, sites):
    """Times of five minutes for pairs of cell and site."""
    row, site = np.array(pairs).T
    return times_of_pairs(ids_of(cells), np.array(sites), row, site, np.full(len(row), 300), limit_s=3600, mode="walk")


def shown(cells, times, supply, wanted, profile):
    """Everything that leaves: values of cells and the table."""
    found = measured_access(cells, times, supply, wanted, profile, {})
    passed = release(found.cells, profile).data
    values = {str(n): passed[n].to_numpy().tolist() for n in passed.data_vars}
    attrs = {str(n): {k: str(v) for k, v in passed[n].attrs.items()} for n in passed.data_vars}
    table = release(found.table, profile).data
    return json.dumps([values, attrs, table.to_dict("records")], default=str)


@pytest.mark.parametrize("pairs", [[(0, 0), (1, 0)], [(0, 0), (1, 0), (1, 1)], [(0, 0), (1, 1)]])
def test_one_hidden_neighbour_is_told_by_nothing_that_leaves(pairs):
    """Two cells, one site or two: 2 people or 9 beside 40 are the same release, whatever the measure."""
    wanted = Wanted(
        groups=("people",), measures=ALL, decay="binary(30)", inequality=("mean", "gini"), bootstrap=20,
        thresholds={"2sfca": 0.1, "nearest": 4},
    )  # fmt: skip
    seen = set()
    for few in (2.0, 9.0):
        cells = town({"people": [few, 40.0, 40.0]})
        times = ways(cells, pairs, ["a", "b"])
        seen.add(shown(cells, times, {"all": np.array([4.0, 3.0])}, wanted, min_count(10)))
    assert len(seen) == 1
    # the attack works where counts are taken as they are
    open_ = set()
    for few in (2.0, 9.0):
        cells = town({"people": [few, 40.0, 40.0]})
        open_.add(shown(cells, ways(cells, pairs, ["a", "b"]), {"all": np.array([4.0, 3.0])}, wanted, public_grid()))
    assert len(open_) == 2


def test_a_hidden_group_is_told_by_nothing_that_leaves():
    """Groups with a total: what moves between two hidden groups of a cell, the total held, is not seen."""
    seen = set()
    for few in (3.0, 8.0):
        cells = town({"all": [90.0, 400.0, 300.0], "a": [few, 100.0, 100.0], "b": [90.0 - few, 300.0, 200.0]})
        asked = Wanted(groups=("a", "b"), total="all", measures=ALL, decay="binary(30)")
        cells, groups = with_others(cells, asked)
        asked = dataclasses.replace(asked, groups=groups)
        times = ways(cells, [(0, 0), (1, 0), (2, 1)], ["x", "y"])
        seen.add(shown(cells, times, {"all": np.array([4.0, 3.0])}, asked, min_count(10)))
    assert len(seen) == 1


def test_hidden_groups_keep_the_sum_of_a_total_that_is_shown():
    """The people who compete are the published total, however they are shared out."""
    cells = town({"all": [90.0, 400.0, 300.0], "a": [3.0, 100.0, 100.0], "b": [87.0, 300.0, 200.0]})
    asked = Wanted(groups=("a", "b"), total="all", measures=("2sfca",), decay="binary(30)")
    cells, groups = with_others(cells, asked)
    times = ways(cells, [(0, 0), (1, 0), (2, 0)], ["x"])
    asked = dataclasses.replace(asked, groups=groups)
    found = measured_access(cells, times, {"all": np.array([79.0])}, asked, min_count(10), {})
    assert values_of(found.cells, "2sfca")[1] == pytest.approx(79 / 790)
    assert groups == ("a", "b")
    assert found.stand_ins["a"] >= 1
    assert found.stand_ins["b"] >= 1


def test_what_groups_leave_of_the_total_competes():
    """Places per person count everybody, not the groups alone."""
    cells = town({"all": [100.0, 100.0], "a": [50.0, 50.0]})
    asked = Wanted(groups=("a",), total="all", measures=("2sfca",), decay="binary(30)")
    times = ways(cells, [(0, 0), (1, 0)], ["x"])
    found = measured_access(cells, times, {"all": np.array([20.0])}, asked, public_grid(), {})
    assert values_of(found.cells, "2sfca").tolist() == [0.1, 0.1]
    assert set(found.table["groups"]) >= {"a", "others"}
    assert "others" not in found.cells


def test_inequality_of_few_cells_has_no_figures():
    """Of twelve cells the whole may leave; a zone of two may not."""
    cells = town({"people": np.full(12, 50.0)}, {"zone": np.array(["a"] * 10 + ["b"] * 2, dtype=object)})
    times = ways(cells, [(i, 0) for i in range(12)], ["x"])
    asked = Wanted(
        groups=("people",), measures=("2sfca",), decay="binary(30)", inequality=("gini",), zones="zone", bootstrap=0
    )
    found = measured_access(cells, times, {"all": np.array([20.0])}, asked, min_count(10), {})
    gini = found.table[found.table["index"] == "gini"].set_index("zone")["estimate"]
    assert gini["all"] == pytest.approx(0)
    assert gini["a"] == pytest.approx(0)
    assert np.isnan(gini["b"])
    assert sum(found.held_back.values()) > 0


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        (Wanted(groups=("a",), measures=()), SchemaError, "no measure"),
        (Wanted(measures=("nearest",)), SchemaError, "nobody is counted"),
        (Wanted(groups=("a",), measures=("2sfca",)), SchemaError, "Give a decay"),
        (Wanted(groups=("a",), measures=("nearst",)), UnknownNameError, "nearest"),
        (Wanted(groups=("a",), measures=("nearest",), inequality=("ginny",)), UnknownNameError, "gini"),
        (Wanted(groups=("a",), measures=("nearest",), options={"kk": 1}), UnknownNameError, "kk"),
        (Wanted(groups=("a",), measures=("nearest",), options={"k": 1.5}), SchemaError, "whole number"),
        (Wanted(groups=("a",), measures=("nearest",), thresholds={"2sfca": 1}), UnknownNameError, "2sfca"),
    ],
)
def test_what_cannot_be_is_refused_with_its_mend(wanted, error, words):
    """Before anything is read."""
    with pytest.raises(error, match=words):
        check_wanted(wanted)


def test_options_are_read_as_text_and_numbers():
    """As the shell and the run file have them."""
    assert options_of({"k": "2", "tau_min": 45, "summary": "mean"}).tau_min == 45
    with pytest.raises(SchemaError, match="median or mean"):
        options_of({"summary": "mode"})


def test_the_documentation_of_measures_is_up_to_date():
    """docs/access_measures.md is what the declarations say."""
    assert measures_markdown() == (ROOT / "docs" / "access_measures.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The demo of a small Havelmark with measures in its table of access."""
    folder = tmp_path_factory.mktemp("measures")
    write_sample(folder / "havelmark", CityOptions(persons=3000))
    more = 'measures = ["nearest", "2sfca"]\ndecay = "gaussian(sigma_min=10)"\ninequality = ["gini"]\nbootstrap = 10\n'
    more += 'compete = ["native", "born_elsewhere"]\n'
    text = (files("civigrid.run") / "demo.toml").read_text(encoding="utf-8")
    path = folder / "demo.toml"
    path.write_text(text.replace("[[access]]\n", f"[[access]]\n{more}"), encoding="utf-8")
    return path


def test_a_run_has_measures_beside_the_bundle(project):
    """Values by kind in the cells, rows in the results, and what counts stand for among the parameters."""
    rows = run_file(project).results
    rows = rows[rows["topic"] == "access"]
    assert {"nearest", "2sfca", "gini"} <= set(rows["index"])
    assert any(name.startswith("share_beyond") for name in rows["index"])
    said = json.loads(rows[rows["index"] == "2sfca"]["parameters"].iloc[0])
    assert "as released by min-count" in said["counts"]
    assert said["supply"] == "1 each"


def test_the_profile_is_part_of_what_made_a_step(project):
    """Another threshold makes the measures anew; a run without measures keeps its parts."""
    run = read_run(project)
    other = dataclasses.replace(run, threshold=20)
    first, second = ({s.name: s.key for s in make_plan(r, project.parent)} for r in (run, other))
    assert first["access:0"] != second["access:0"]
    plain = dataclasses.replace(run, access=tuple(dataclasses.replace(a, measures=()) for a in run.access))
    keys = [
        {s.name: s.key for s in make_plan(dataclasses.replace(plain, threshold=t), project.parent)} for t in (10, 20)
    ]
    assert keys[0] == keys[1]
