"""What people give commands by mistake: each is told in words that say what to do, and none ends in a traceback."""

import numpy as np
import pandas as pd
import pytest
from commands import answer_of
from typer.testing import CliRunner

from civigrid.cells import make_cells
from civigrid.cli import app
from civigrid.errors import CivigridError, SchemaError, SourceError
from civigrid.grid import SquareGrid
from civigrid.io.parts import save_cells
from civigrid.io.points import read_points
from civigrid.project.zoning import AuditOptions
from civigrid.run import write_sample
from civigrid.run.describe import describe_file
from civigrid.sample import CityOptions
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=1000)
PLACES = ("--x", "easting", "--y", "northing", "--site-id", "site_id")


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Files of a small Havelmark, and its inhabited square kilometres."""
    folder = tmp_path_factory.mktemp("havelmark")
    write_sample(folder, CityOptions(persons=1500))
    people = pd.read_parquet(folder / "persons.parquet")
    ids, count = np.unique(GRID.cell_at(people[["easting", "northing"]].to_numpy()), return_counts=True)
    half = np.floor(count / 2)
    values = {"a": half, "b": count - half}
    save_cells(make_cells(GRID, ids, values, {n: Column() for n in values}), folder / "km.cells")
    return folder


def refused(*words):
    """Run a command that must refuse, and give its words on one line: an error of ours, or of usage."""
    found = CliRunner().invoke(app, [str(w) for w in words])
    assert isinstance(found.exception, CivigridError) or (found.exit_code == 2 and "Error" in found.output)
    return " ".join(f"{found.exception} {found.output}".replace("│", " ").split())


def straight(city, *words, sites="services.csv", crs="EPSG:3035"):
    """The words of a command that asks for straight lines."""
    places = ("--origins", city / "km.cells", "--sites", city / sites, *PLACES, "--crs", crs)
    return ("travel", *places, "--mode", "straight", *words)


def test_a_crs_that_is_none_is_named(city):
    """PROJ's own error ended the command before."""
    assert "crs = 'foo' is no CRS. Write it as EPSG:" in refused(*straight(city, crs="foo"))


def test_swapped_axes_are_told_by_the_distance(city):
    """A matrix without a pair is right for far places, and mostly a mistake."""
    table = pd.read_csv(city / "services.csv").rename(columns={"easting": "northing", "northing": "easting"})
    table.to_csv(city / "swapped.csv", index=False)
    found = answer_of(*straight(city, sites="swapped.csv"))

    assert found["pairs"] == 0
    assert any("no cell reaches any service" in f and "swapped" in f and " km " in f for f in found["findings"])
    assert not any("no cell reaches" in f for f in answer_of(*straight(city))["findings"])


def test_a_detour_shorter_than_the_straight_line_is_refused(city):
    """Nobody walks less than straight on."""
    assert "give 1 or more" in refused(*straight(city, "--detour", "0.5"))


def test_rides_say_where_they_belong(city):
    """The command has no option for their tables."""
    assert "rides are for run files" in refused(*straight(city)[:-1], "rides")


def test_describe_knows_cells_timetables_and_what_is_no_table(city, tmp_path):
    """Each is told as what it is; bytes are never shown as columns."""
    cells, feed = describe_file(city / "km.cells"), describe_file(city / "gtfs")
    (tmp_path / "cut.cells").write_bytes((city / "km.cells").read_bytes()[:300])
    (tmp_path / "odd.csv").write_bytes(b"\x00\x01\x02, \xff\n")
    (tmp_path / "empty").mkdir()

    assert (cells["grid"], cells["columns"]) == ("eu-laea-1km", "a, b")
    assert feed["trips"] > 0
    assert "timetable" in feed["reader"]
    for name, words in (("cut.cells", "no cell file"), ("odd.csv", "is no text"), ("empty", "no timetable")):
        with pytest.raises(SourceError, match=words):
            describe_file(tmp_path / name)


def test_cells_in_place_of_a_table_are_named(city):
    """Their bytes were taken for a title."""
    table = pd.DataFrame({"unit": ["1", "2"], "a": [30, 40], "b": [20, 90]})
    table.to_csv(city / "table.csv", index=False)
    said = refused("change", city / "table.csv", city / "km.cells", "--groups", "a,b", "--units", "unit")

    assert "holds cells of civigrid, no plain table" in said


def test_an_unknown_column_of_kinds_is_named_where_kinds_are_chosen(city):
    """As it is where they are not."""
    options = {"x": "easting", "y": "northing", "crs": "EPSG:3035"}
    for kinds in (None, {"school": "school"}):
        with pytest.raises(SourceError, match="has no column knd"):
            read_points(city / "services.csv", kind_column="knd", kinds=kinds, **options)


def test_repeated_ids_say_what_to_do(city):
    """Points of one id cannot be told apart."""
    table = pd.read_csv(city / "services.csv")
    pd.concat([table, table.iloc[:1]]).to_csv(city / "twice.csv", index=False)

    assert "or name no column" in refused(*straight(city, sites="twice.csv"))


@pytest.mark.parametrize("name", ["tolerance_m2", "sliver_width_m", "gap_width_m"])
def test_an_audit_refuses_a_negative_tolerance(name):
    """Below 0 rounding itself would be a fault."""
    with pytest.raises(SchemaError, match=f"{name} = -1"):
        AuditOptions(**{name: -1.0})


def test_access_without_people_names_the_options(city):
    """And a label that cells without labels do not have is told as such."""
    answer_of(*straight(city, "--out", city / "t.parquet"))
    words = ("access", city / "t.parquet", "--demand", city / "km.cells", "--supply", city / "services.csv")
    words = (*words, "--site-id", "site_id")

    assert "--groups A,B" in refused(*words)
    assert "Known: none." in refused(*words, "--groups", "a,b", "--zones", "district")
