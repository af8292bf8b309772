"""A panel file: periods on their own borders, the same cells, change told apart from redrawn borders."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from civigrid.cells import values_of
from civigrid.cli import app
from civigrid.errors import SchemaError
from civigrid.io.cells import read_cells
from civigrid.run import write_sample
from civigrid.run.panel import run_panel
from civigrid.run.panel_config import read_panel
from civigrid.sample import CityOptions

TEXT = """
[panel]
title = "Havelmark"
question = "Who came, and which border moved?"
folder = "out"
grid = "eu-laea-1km"
profile = "public-grid"
columns = { population = "population", native = "native", eu_other = "eu_other" }
part_of = { native = "population", eu_other = "population" }
change = ["2020", "2021"]
change_of = ["population"]

[[vintage]]
areas = "areas_2015.gpkg"
id_column = "area_id"
counts = "counts.csv"
counts_id = "area_id"
periods = ["2015", "2020"]

[[vintage]]
areas = "areas_2021.gpkg"
id_column = "area_id"
counts = "counts.csv"
counts_id = "area_id"
periods = ["2021"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Havelmark's two vintages; between 2020 and 2021 nobody moved, only the borders did."""
    folder = tmp_path_factory.mktemp("panel")
    write_sample(folder, CityOptions(persons=20_000))
    old, new = (pd.read_csv(folder / f"population_{y}.csv", dtype={"area_id": str}) for y in (2015, 2021))
    fewer = old.assign(**{c: old[c] // 2 for c in old.columns[1:]})
    long = [fewer.assign(period="2015"), old.assign(period="2020"), new.assign(period="2021")]
    pd.concat(long).to_csv(folder / "counts.csv", index=False)
    (folder / "panel.toml").write_text(TEXT, encoding="utf-8")
    return folder


def test_a_panel_from_file_to_map(folder):
    """Everyone of every period is on the cells; nobody moved, so what changes is the border's and is found out."""
    told = run_panel(folder / "panel.toml")
    totals = pd.DataFrame(told["totals"]).set_index("period")
    change = read_cells(folder / "out" / "release" / "cells" / "change.parquet")
    later = read_cells(folder / "out" / "release" / "cells" / "2021.parquet")
    manifest = json.loads((folder / "out" / "manifest.json").read_text(encoding="utf-8"))

    assert totals.loc["2020", "population"] == pytest.approx(20_000, abs=0.1)
    assert totals.loc["2021", "population"] == pytest.approx(20_000, abs=0.1)
    assert 9_000 < totals.loc["2015", "population"] < 10_001
    assert told["worst_mass_error"] < 1e-9
    assert told["crosswalk"]["unchanged_areas_exact"]
    parts = values_of(change, "population_real_change") + values_of(change, "population_boundary_change")
    np.testing.assert_allclose(parts, values_of(change, "population_change"), atol=1e-9)
    assert abs(np.nansum(values_of(change, "population_real_change"))) < 1e-6
    assert set(later["method"].to_numpy()) == {"areas_2021: area"}
    assert later["population"].attrs["reference_date"] == "2021"
    assert (folder / "out" / "release" / "maps" / "change.html").stat().st_size > 100_000
    assert set(manifest["outputs"]) >= {"flows.csv", "cells/2015.parquet", "maps/change.html"}


def test_the_command_says_what_was_found(folder, tmp_path):
    """Totals, flows and files on one page."""
    found = CliRunner().invoke(app, ["panel", str(folder / "panel.toml"), "--folder", str(tmp_path)])

    assert found.exit_code == 0, found.output
    assert "unchanged areas came out exactly: yes" in found.output
    assert (tmp_path / "release" / "recut.csv").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('change = ["2020", "2021"]', 'change = ["2020"]', "must be two of the periods 2015, 2020, 2021"),
        ('change_of = ["population"]', 'change_of = ["people"]', "no such count. Known: population"),
        ('periods = ["2021"]', 'periods = ["2020"]', "each period lies in one vintage"),
        ("title", "titel", "panel.titel = 'Havelmark': unknown key"),
        ("[panel]", "[panel", "cannot be read as a panel file"),
    ],
)
def test_faults_are_told_by_key(tmp_path, old, new, message):
    """What is wrong, with its value, and how to mend it."""
    (tmp_path / "p.toml").write_text(TEXT.replace(old, new), encoding="utf-8")

    with pytest.raises(SchemaError, match=message.replace(".", r"\.")):
        read_panel(tmp_path / "p.toml")
