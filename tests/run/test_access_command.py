"""`civigrid access`: measures from files of times, people and services, what is told, and what is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from commands import answer_of, call
from typer.testing import CliRunner

from civigrid.cells import make_cells, values_of
from civigrid.cli import app
from civigrid.errors import CivigridError
from civigrid.grid import SquareGrid
from civigrid.io.cells import read_cells
from civigrid.io.parts import save_cells
from civigrid.io.travel_times import plain_table, write_times
from civigrid.layers.access import MEASURES
from civigrid.travel_times import times_of_pairs
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=1000)
IDS = GRID.from_row_col(np.full(4, 3000), np.arange(4000, 4004))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four cells, three services of two kinds; the last cell reaches nothing, the last service is reached by nobody."""
    folder = tmp_path_factory.mktemp("access")
    counts = {"all": [100.0, 300.0, 200.0, 50.0], "a": [40.0, 100.0, 150.0, 20.0], "b": [60.0, 200.0, 50.0, 30.0]}
    zone = np.array(["x", "x", "y", "y"], dtype=object)
    about = {name: Column(units="persons") for name in counts}
    save_cells(make_cells(GRID, IDS, counts, about, labels={"zone": zone}), folder / "people.cells")
    row, site = np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1])
    seconds = np.array([300, 600, 900, 240])
    times = times_of_pairs(IDS, np.array(["1", "2", "3"]), row, site, seconds, limit_s=1800, mode="walk")
    write_times(times, GRID, folder / "times.parquet")
    matrix = plain_table(times, GRID).rename(columns={"code": "from_id", "site_id": "to_id"})
    matrix.assign(travel_time=matrix["seconds"] / 60).drop(columns="seconds").to_csv(folder / "m.csv", index=False)
    services = pd.DataFrame({"site_id": [1, 2, 3], "kind": ["doctor", "doctor", "library"], "staff": [4, 2, 6]})
    services.to_csv(folder / "services.csv", index=False)
    return folder


def words(folder, *more, times="times.parquet", supply="services.csv"):
    """Words of the command on these files."""
    files = (folder / times, "--demand", folder / "people.cells", "--supply", folder / supply)
    return ("access", *files, *more)


def rows_of(found, index):
    """Estimates of an index by service and groups, of the whole."""
    return {
        (r["parameters"]["service"], r["groups"]): r["estimate"]
        for r in found["table"]
        if r["index"] == index and r["zone"] == "all"
    }


def test_places_per_person_are_counted_by_hand(folder):
    """Site 1 has 4 places for 400 people, site 2 has 2 for 500; the fourth cell has none."""
    asked = ("--groups", "all", "--supply-column", "staff", "--measure", "nearest,2sfca", "--decay", "binary(30)")
    out = folder / "cells.parquet"
    found = answer_of(*words(folder, *asked, "--cells", out, "--out", folder / "t.csv", "--thresholds", "nearest=5"))
    cells = read_cells(out)
    assert values_of(cells, "2sfca").tolist() == pytest.approx([4 / 400, 4 / 400 + 2 / 500, 2 / 500, 0.0])
    assert rows_of(found, "2sfca")["all", "all"] == pytest.approx(6 / 650)
    assert rows_of(found, "nearest_missed")["all", "all"] == pytest.approx(350 / 650)
    assert rows_of(found, "supply_lost")["all", "all"] == 6
    assert len(pd.read_csv(folder / "t.csv")) == len(found["table"])


def test_each_kind_of_service_is_one_of_its_own(folder):
    """And a service offers 1 where no column says more, which is told."""
    asked = ("--groups", "a,b", "--kind-column", "kind", "--measure", "cumulative,nearest")
    found = answer_of(*words(folder, *asked))
    assert found["services"] == ["doctor", "library"]
    assert rows_of(found, "cumulative")["library", "a|b"] == 0
    assert rows_of(found, "cumulative")["doctor", "a|b"] == pytest.approx((100 + 2 * 300 + 200) / 650)
    assert all(r["parameters"]["supply"] == "1 each" for r in found["table"])
    assert any("--supply-column" in text for text in found["findings"])


def test_the_matrix_of_another_engine_gives_the_same(folder):
    """Its rows lack a cell and a service, which is told; every number is the same."""
    asked = ("--groups", "all", "--supply-column", "staff", "--measure", "nearest,2sfca", "--decay", "binary(15)")
    ours, theirs = answer_of(*words(folder, *asked)), answer_of(*words(folder, *asked, times="m.csv"))
    assert [r["estimate"] for r in ours["table"]] == [r["estimate"] for r in theirs["table"]]
    said = " ".join(theirs["findings"])
    assert "1 of 4 cells of people.cells have no travel times" in said
    assert "1 services are not in the travel times" in said


def test_cells_of_the_times_where_nobody_is_known_are_told(folder):
    """And left out."""
    counts = {"all": [100.0, 300.0]}
    save_cells(make_cells(GRID, IDS[:2], counts, {"all": Column(units="persons")}), folder / "few.cells")
    asked = ("--demand", folder / "few.cells", "--supply", folder / "services.csv", "--groups", "all")
    found = answer_of("access", folder / "times.parquet", *asked)
    assert found["cells"] == 2
    assert any("2 cells of the travel times are not in few.cells" in text for text in found["findings"])


def test_inequality_and_zones_stand_in_the_same_table(folder):
    """With their seed; the same seed gives the same intervals."""
    asked = ("--groups", "a,b", "--measure", "nearest", "--inequality", "gini,mean", "--zones", "zone")
    more = ("--bootstrap", "20", "--seed", "3", "--profile", "public-grid")
    first, second = (answer_of(*words(folder, *asked, *more)) for _ in range(2))
    assert first["table"] == second["table"]
    gini = [r for r in first["table"] if r["index"] == "gini" and r["zone"] == "x" and r["groups"] == "a"]
    assert gini[0]["estimate"] == pytest.approx(abs(10 - 5) * 40 * 100 / (140 * (40 * 5 + 100 * 10)))


def test_people_read_what_it_means(folder):
    """Units, which way is better, the advice against 3SFCA, what was left out, whom to cite."""
    asked = ("--groups", "all", "--supply-column", "staff", "--measure", "2sfca,3sfca", "--decay", "binary(30)")
    text = call(*words(folder, *asked))
    for part in ("places per person; higher is better", "Paez", "6 places at services that nobody reaches", "Luo"):
        assert part in text
    assert "50 persons who reach no service" in text


def test_every_measure_is_listed():
    """For people, machines and the documentation."""
    assert [m["name"] for m in json.loads(call("access", "--list", "--json"))] == list(MEASURES)
    assert "raam" in call("access", "--list")
    assert "| `2sfca` |" in call("access", "--list", "--markdown")


def refused(*given):
    """Run a command that must refuse, and give why."""
    found = CliRunner().invoke(app, [str(w) for w in given])
    assert found.exit_code != 0
    return str(found.exception) if isinstance(found.exception, CivigridError) else found.output


@pytest.mark.parametrize(
    ("table", "more", "said"),
    [
        ({"site_id": [1, 2], "staff": [1, 1]}, (), "does not hold"),
        ({"site_id": ["01", "02", "03"], "staff": [1, 1, 1]}, (), "Ids must be the same"),
        ({"site_id": [1, 1, 3], "staff": [1, 1, 1]}, (), "twice"),
        ({"site_id": [1, 2, 3], "staff": [1, None, 1]}, (), "no number of 0 or more"),
        ({"site_id": [1, 2, 3], "staff": [1, -2, 1]}, (), "no number of 0 or more"),
        ({"name": [1, 2, 3], "staff": [1, 2, 1]}, (), "site_id"),
        ({"site_id": [1, 2, 3]}, (), "staff"),
    ],
)
def test_services_that_do_not_fit_are_refused(folder, table, more, said):
    """With the ids, and how to mend it."""
    pd.DataFrame(table).to_csv(folder / "bad.csv", index=False)
    asked = ("--groups", "all", "--supply-column", "staff", *more)
    assert said in refused(*words(folder, *asked, supply="bad.csv"))


def test_times_of_another_grid_and_unknown_counts_are_refused(folder):
    """With what there is."""
    coarse = SquareGrid(cell_size_m=2000)
    ids = coarse.from_row_col(np.array([1500]), np.array([2000]))
    save_cells(make_cells(coarse, ids, {"all": [9.0]}, {"all": Column(units="persons")}), folder / "two.cells")
    asked = ("--demand", folder / "two.cells", "--supply", folder / "services.csv", "--groups", "all")
    assert "holds cells of" in refused("access", folder / "times.parquet", *asked)
    assert "Known: a, all, b" in refused(*words(folder, "--groups", "al"))
    assert "written as .csv" in refused(*words(folder, "--groups", "all", "--out", folder / "t.xlsx"))
    assert "no number" in refused(*words(folder, "--groups", "all", "--thresholds", "nearest=near"))


def test_a_hidden_count_stands_as_half_of_the_threshold(folder):
    """Which the rows say, and no released file tells more."""
    answers = []
    for few in (3.0, 8.0):
        cells = make_cells(GRID, IDS, {"all": [few, 300.0, 200.0, 50.0]}, {"all": Column(units="persons")})
        save_cells(cells, folder / "small.cells")
        files = ("--demand", folder / "small.cells", "--supply", folder / "services.csv", "--groups", "all")
        asked = ("--measure", "2sfca,raam,unmet", "--decay", "binary(30)", "--supply-column", "staff")
        out = (folder / "small.csv", folder / "small.parquet", folder / "cells.csv")
        found = answer_of("access", folder / "times.parquet", *files, *asked, "--out", out[0], "--cells", out[2])
        answers.append((out[0].read_bytes(), out[2].read_bytes(), found["table"]))
    assert answers[0] == answers[1]
    assert found["stand_ins"]["all"] >= 1
    assert "stand as 5" in found["table"][0]["parameters"]["counts"]
    assert all(r["estimate"] is None or math.isfinite(r["estimate"]) for r in found["table"])
