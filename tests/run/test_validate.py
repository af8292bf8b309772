"""The ladder from the shell: hidden cells, a published grid, invented people, stress; verdicts and best methods."""

import json

import pytest
from typer.testing import CliRunner

from civigrid.cli import app
from civigrid.errors import SchemaError
from civigrid.release import public_grid
from civigrid.run import write_sample
from civigrid.run.areas import Areas
from civigrid.run.validate import ValidateOptions, best_methods, validate_files, verdicts, with_facts
from civigrid.sample import CityOptions


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Havelmark's files, and its people on cells of 100 m and 1 km."""
    folder = tmp_path_factory.mktemp("validate")
    write_sample(folder, CityOptions(persons=20_000))
    for grid, name in (("eu-laea-100m", "fine.cells"), ("eu-laea-1km", "published.cells")):
        words = [
            "project", folder / "areas_2021.gpkg", "--id", "area_id", "--counts", folder / "population_2021.csv",
            "--extensive", "population,native", "--grid", grid, "--whole", "1", "--out", folder / name,
        ]  # fmt: skip
        assert CliRunner().invoke(app, [str(w) for w in words]).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def climbed(files):
    options = ValidateOptions(
        methods=("area", "dasymetric"),
        weights=(f"{files / 'fine.cells'}:population",),
        groups=("native",),
        grids=("eu-laea-100m", "eu-laea-1km"),
        external=str(files / "published.cells"),
        pairs=("population=population",),
        density="population=population",
        draws=40,
    )
    areas = Areas(path=files / "areas_2021.gpkg", id_column="area_id", counts=files / "population_2021.csv")
    told = []
    found = validate_files(
        files / "fine.cells", areas, options, files / "out.csv", public_grid(), announce=told.append
    )  # fmt: skip
    return found, told


def test_every_rung_is_climbed(climbed, files):
    """Five rungs in the table, each with its verdict; the file holds the same rows."""
    found, told = climbed
    table = with_facts(found["table"])

    assert set(table["rung"]) == {"V1", "V2", "V3", "V4", "V5"}
    assert set(table[table["rung"] == "V2"]["grid"]) == {"eu-laea-100m", "eu-laea-1km"}
    assert {v["rung"] for v in found["verdicts"]} == {"V1", "V2", "V3", "V4", "V5"}
    assert all(v["held"] for v in found["verdicts"] if v["rung"] in ("V1", "V5"))
    assert any("native by dasymetric" in t for t in told)
    assert len((files / "out.csv").read_text(encoding="utf-8").splitlines()) == len(table) + 1


def test_the_published_grid_of_our_own_making_is_met(climbed):
    """A grid made by the same projection differs by the rounding to whole persons alone."""
    table = with_facts(climbed[0]["table"])
    rows = table[(table["rung"] == "V4") & (table["density"] == "all") & (table["method"] == "area")].set_index("index")

    assert rows.loc["total_allocation_error", "estimate"] < 0.01
    assert rows.loc["total_ratio", "estimate"] == pytest.approx(1.0, abs=0.01)


def test_the_best_method_is_named(climbed):
    """Weights that know the people beat land."""
    table = best_methods(climbed[0]["table"], "eu-laea-100m")

    assert table["best"].tolist() == ["dasymetric"]
    assert table["persons"].iloc[0] > 10_000


def test_lost_people_fail_the_ladder(climbed):
    """A method that loses someone, or a stress case gone wrong, is not held."""
    import pandas as pd

    table = pd.DataFrame(climbed[0]["table"])
    table.loc[table["index"] == "mass_error", "estimate"] = 0.01
    table.loc[table["index"] == "largest_error", "estimate"] = 3.0

    assert {v["rung"]: v["held"] for v in verdicts(table)}["V1"] is False
    assert {v["rung"]: v["held"] for v in verdicts(table)}["V5"] is False


def test_without_files_an_invented_city_is_enough():
    """The command alone climbs V3 and V5, and answers as JSON."""
    found = CliRunner().invoke(app, ["validate", "--draws", "20", "--json"])

    assert found.exit_code == 0, found.output
    assert {v["rung"] for v in json.loads(found.stdout)["verdicts"]} == {"V3", "V5"}


def test_refusals(files):
    """Cells without areas, a published grid without pairs."""
    with pytest.raises(SchemaError, match="needs areas to project from"):
        validate_files(files / "fine.cells", None, ValidateOptions(), None, public_grid())
    areas = Areas(path=files / "areas_2021.gpkg", id_column="area_id")
    with pytest.raises(SchemaError, match="give --pairs OURS=THEIRS"):
        validate_files(None, areas, ValidateOptions(external="x.cells"), None, public_grid())
