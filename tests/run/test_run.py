"""Runs: faults told by key, resume with the same bytes, and the demo against the city's truth."""

import json
from hashlib import sha256

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from civigrid.cli import app
from civigrid.errors import SchemaError
from civigrid.io.hashing import sha256_of
from civigrid.run import (
    check_run,
    json_schema,
    key_documentation,
    make_plan,
    read_run,
    run_demo,
    run_file,
    write_sample,
)
from civigrid.run.panel_config import read_panel
from civigrid.sample import CityOptions, make_city

PERSONS = 20_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo on a small city."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, run_demo(folder, persons=PERSONS)


def hashes(folder):
    return {
        p.relative_to(folder).as_posix(): sha256_of(p) for p in sorted((folder / "release").rglob("*")) if p.is_file()
    }


def test_the_demo_finds_the_citys_truth(demo):
    """Counted from the register, the index of those born elsewhere is the true one; nobody is lost."""
    _, done = demo
    ledger = done.ledger

    assert (ledger["error"] < 1e-12).all()
    assert (
        ledger.loc[(ledger["cells"] == "register_100m") & (ledger["variable"] == "population"), "placed"].iloc[0]
        == PERSONS
    )
    truth = make_city(CityOptions(persons=PERSONS))
    population = done.cells["register_100m"]["population"].values
    assert truth.counts(100)["population"].tolist() == population.tolist()


def test_dasymetric_is_better_than_area(demo):
    """Told where people live, the same areas place fewer people wrongly."""
    table = demo[1].results
    error = table[table["index"] == "total_allocation_error"].set_index("parameters")["estimate"]
    area, homes = (error[next(k for k in error.index if name in k)] for name in ("areas_by_area", "areas_by_homes"))

    assert homes < area / 1.5


def test_killed_and_started_again_it_ends_with_the_same_bytes(demo, tmp_path):
    """After damage to parts and outputs a second run restores every released byte, and keeps what was whole."""
    folder, _ = demo
    before = hashes(folder)
    parts = sorted((folder / "parts").glob("*.cells"))
    parts[0].unlink()
    parts[1].write_bytes(b"half")
    next((folder / "release" / "maps").glob("*.html")).unlink()
    again = run_file(folder / "demo.toml", folder=folder)

    assert before == hashes(folder)
    assert again.seconds["segregation:2"] == 0.0
    for part in parts[:2]:
        assert again.seconds[part.stem.rsplit("-", 1)[0].replace("-", ":", 1)] > 0.0
    fresh = tmp_path / "fresh"
    run_demo(fresh, persons=PERSONS, scheduler="processes")
    assert before == hashes(fresh)
    assert (folder / "manifest.json").read_text() == (fresh / "manifest.json").read_text()


def test_a_changed_key_makes_only_what_hangs_on_it(demo):
    """Another threshold for access leaves segregation as it was."""
    folder, _ = demo
    text = (folder / "demo.toml").read_text()
    (folder / "changed.toml").write_text(
        text.replace("threshold_min = 15\n\n[[onestop]]", "threshold_min = 10\n\n[[onestop]]")
    )
    old, new = ({s.name: s.key for s in make_plan(read_run(folder / n), folder)} for n in ("demo.toml", "changed.toml"))

    assert {"access:0", "onestop:0", "archetypes:0", "reach:0"} == {name for name in old if old[name] != new[name]}


def test_the_manifest_tells_all_and_names_no_place(demo):
    """Inputs, versions, profile, ledger and outputs with hashes; no path of the machine, no time."""
    folder, done = demo
    manifest = json.loads((folder / "manifest.json").read_text())

    assert manifest["disclosure_profile"] == "min-count(10)"
    assert {"persons.parquet", "areas_2021.gpkg", "population_2021.csv", "services.csv"} == {
        i["file"] for i in manifest["inputs"]
    }
    assert str(folder) not in (folder / "manifest.json").read_text()
    for name, expected in manifest["outputs"].items():
        assert expected == sha256_of(folder / name)
    assert len(manifest["outputs"]) == len(done.files)


def test_no_person_and_no_place_of_a_person_is_in_the_run_directory(demo):
    """Parts and releases hold counts by cell: no column of persons, no coordinate of a home."""
    folder, done = demo
    for cells in done.cells.values():
        assert not {"person_id", "easting", "northing"} & set(map(str, cells.variables))
    assert not list((folder / "parts").glob("*persons*"))


def test_released_cells_hold_no_small_count(demo):
    """In every released table each count of persons is 0 or 10 and more."""
    import pandas as pd

    for path in (demo[0] / "release" / "cells").glob("*.csv"):
        table = pd.read_csv(path)
        for name in ("population", "native", "region_a", "region_d", "OTH"):
            if name in table:
                shown = table[name].dropna()
                assert not ((shown >= 0.5) & (shown < 10)).any(), (path.name, name)


GOOD = """
[run]
title = "t"
question = "q"
[[source]]
name = "s"
reader = "points"
path = "p.csv"
[[cells]]
name = "c"
source = "s"
grid = "eu-laea-1km"
method = "points"
"""


@pytest.mark.parametrize(
    ("change", "key", "words", "line"),
    [
        (('title = "t"\n', ""), "run.title", "is needed", 0),
        (('reader = "points"', 'reader = "excel"'), "run.source[0].reader", "must be one of census-grid", 7),
        (('grid = "eu-laea-1km"', 'grid = "eu-laea-3km"'), "run.cells[0].grid", "no grid of this name", 12),
        (('source = "s"', 'source = "z"'), "run.cells[0].source", "Known: s", 11),
        (('path = "p.csv"', 'path = "q.csv"'), "run.source[0].path", "does not exist", 8),
        (
            ('path = "p.csv"', 'path = "${NOWHERE}/q.csv"'),
            "run.source[0].path",
            "set the environment variable NOWHERE",
            8,
        ),
        (('question = "q"', "question = 5"), "run.question", "must be str", 4),
        (('question = "q"', 'question = "q"\nblock_cells = 100'), "run.block_cells", "power of two", 5),
        (('question = "q"', 'question = "q"\ncolour = "red"'), "run.colour", "unknown key", 5),
        (('method = "points"', 'method = "points"\nkeep = "x"'), "run.cells[0].keep", "must be a list", 14),
        (('method = "points"', 'method = "points"\nsums = 3'), "run.cells[0].sums", "must be a table", 14),
    ],
)
def test_every_fault_is_told_by_key_value_and_mend(tmp_path, change, key, words, line):
    """Faults come all at once, each with the line it stands on."""
    (tmp_path / "p.csv").write_text("x\n1\n")
    (tmp_path / "run.toml").write_text(GOOD.replace(*change))
    _, faults = check_run(tmp_path / "run.toml")

    assert [key] == [fault.key for fault in faults]
    assert words in faults[0].message
    assert line == faults[0].line
    with pytest.raises(SchemaError, match="cannot be run"):
        read_run(tmp_path / "run.toml")


def test_a_good_file_has_no_fault(tmp_path):
    """And what is no TOML, or absent, has one."""
    (tmp_path / "p.csv").write_text("x\n1\n")
    (tmp_path / "run.toml").write_text(GOOD)
    (tmp_path / "bad.toml").write_text("[run\n")

    assert check_run(tmp_path / "run.toml")[1] == []
    assert "is not TOML" in check_run(tmp_path / "bad.toml")[1][0].message
    assert "cannot be read" in check_run(tmp_path / "absent.toml")[1][0].message


def test_the_schema_accepts_what_we_ship_and_refuses_what_check_refuses():
    """The exported JSON Schema is valid, and the demo passes it."""
    import tomllib
    from importlib.resources import files

    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    shipped = tomllib.loads((files("civigrid.run") / "demo.toml").read_text())

    Draft202012Validator(schema).validate(shipped)
    assert not Draft202012Validator(schema).is_valid({**shipped, "colour": 1})
    assert "`threshold_min`" in key_documentation()


def test_examples_have_no_fault(real_data, monkeypatch):
    """Every example can be run on the real data."""
    from conftest import ROOT

    monkeypatch.setenv("CIVIGRID_DATA", str(real_data))
    for path in sorted((ROOT / "examples").glob("*.toml")):
        if "panel" in path.name:
            assert read_panel(path).vintage
        else:
            assert check_run(path)[1] == [], path.name


def test_malta_runs_whole(real_data, monkeypatch, tmp_path):
    """A whole country from census grid to maps: 519,562 people, segregation, access, hexagons."""
    from conftest import ROOT

    monkeypatch.setenv("CIVIGRID_DATA", str(real_data))
    done = run_file(ROOT / "examples" / "malta.toml", folder=tmp_path)
    table = done.results.set_index(["index", "groups"])

    assert done.cells["km1"]["T"].sum() == 519_562
    assert done.findings["message"].str.contains("from no cell does a tour of 3 stops have all").any()
    assert done.findings["message"].str.contains("times 'drive': .* further than 500 m").any()
    assert pytest.approx(float(done.cells["h3"]["T"].sum()), rel=1e-9) == 519_562
    assert 0 < table.loc[("H_multi", "NAT|EU_OTH|OTH"), "corrected"] < 1
    assert len(done.maps) == 4


def test_the_command_line(tmp_path, monkeypatch):
    """Answers on stdout, also as JSON; exit codes 0, 1 and 2."""
    runner = CliRunner()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.csv").write_text("x;y\n1;2\n")
    (tmp_path / "run.toml").write_text(GOOD)
    (tmp_path / "bad.toml").write_text(GOOD.replace("1km", "7km"))

    assert "civigrid" in json.loads(runner.invoke(app, ["version", "--json"]).stdout)
    assert len(json.loads(runner.invoke(app, ["grids", "--json"]).stdout)) == 17
    assert runner.invoke(app, ["check", "run.toml"]).exit_code == 0
    bad = runner.invoke(app, ["check", "bad.toml", "--json"])
    assert bad.exit_code == 1
    assert json.loads(bad.stdout)[0]["key"] == "run.cells[0].grid"
    assert runner.invoke(app, ["check"]).exit_code == 2
    assert "points" in json.loads(runner.invoke(app, ["describe", "p.csv", "--json"]).stdout)["reader"]
    assert "properties" in json.loads(runner.invoke(app, ["check", "--schema"]).stdout)
    plan = json.loads(runner.invoke(app, ["run", "run.toml", "--dry-run", "--json"]).stdout)
    assert [step["step"] for step in plan["steps"]] == ["cells:c"]
    answer = runner.invoke(app, ["demo", "--persons", "3000", "--folder", "d", "--json"])
    assert answer.exit_code == 0, answer.output
    assert len(json.loads(answer.stdout)["maps"]) == 7


def test_errors_are_told_without_a_traceback(tmp_path):
    """Wrong input: exit code 2 and words on stderr."""
    import subprocess
    import sys

    (tmp_path / "bad.toml").write_text("[run]\n")
    found = subprocess.run(
        [sys.executable, "-m", "civigrid.cli", "run", str(tmp_path / "bad.toml")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 2
    assert "is needed" in found.stderr
    assert "Traceback" not in found.stderr
    assert found.stdout == ""


def test_the_sample_is_written_as_offices_would(tmp_path):
    """Every file of the city is there, the same bytes each time."""
    one = write_sample(tmp_path / "a", CityOptions(persons=2_000))
    two = write_sample(tmp_path / "b", CityOptions(persons=2_000))

    assert {"areas_2021.gpkg", "persons.parquet", "users.csv", "stop_times.txt"} <= {p.name for p in one}
    assert [sha256(p.read_bytes()).hexdigest() for p in one] == [sha256(p.read_bytes()).hexdigest() for p in two]
