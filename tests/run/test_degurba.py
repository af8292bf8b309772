"""``civigrid degurba``: from files to files, in both languages of the command, and what it refuses."""

import json
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from layers.typology.towns import raster_cells

from civigrid.cells import values_of
from civigrid.errors import SchemaError, SourceError, UnknownNameError
from civigrid.io.cells import read_cells
from civigrid.io.geoparquet import write_geoparquet
from civigrid.layers.typology.stability import Noise
from civigrid.release import public_grid, release
from civigrid.run.degurba import DegurbaJob, read_commuters, run_degurba


@pytest.fixture
def place(tmp_path):
    """A centre of 5 by 5 km in 11 by 11, four units as stripes, and who commutes between them."""
    raster = np.full((11, 11), 20.0)
    raster[3:8, 3:8] = 3000
    raster[0, 0] = np.nan
    write_geoparquet(release(raster_cells(raster, land=1.0), public_grid()), tmp_path / "cells.parquet")
    stripes = [
        shapely.box(4e6 + a * 1000, 3e6, 4e6 + b * 1000, 3.011e6) for a, b in ((0, 3), (3, 8), (8, 10), (10, 11))
    ]
    units = gpd.GeoDataFrame({"lau": ["01", "02", "03", "04"]}, geometry=stripes, crs="EPSG:3035")
    units.to_file(tmp_path / "units.gpkg", layer="units")
    flows = [("01", "02", 20), ("01", "01", 80), ("02", "02", 900), ("03", "02", 10), ("03", "99", 90), ("04", "04", 9)]
    pd.DataFrame(flows, columns=["origin", "destination", "persons"]).to_csv(tmp_path / "flows.csv", index=False)
    return tmp_path


def test_everything_at_once(place):
    """Cells, stability, units, areas and a map are written; the answer counts them."""
    steps = []
    job = DegurbaJob(
        cells=place / "cells.parquet",
        out=place / "out.parquet",
        land="land",
        changes=["land_floor=0.2", "centre.steps=fill,filter"],
        units=place / "units.gpkg",
        id_column="lau",
        commuting=place / "flows.csv",
        noise=Noise(draws=2),
        map_file=place / "map.html",
    )
    found = run_degurba(job, steps.append)
    cells = read_cells(place / "out.parquet")
    units = pd.read_csv(place / "out-units.csv", dtype={"unit": str}).set_index("unit")

    assert tuple(steps) == job.steps
    assert [p.rsplit("/", 1)[1] for p in found["files"]] == [
        "out.parquet",
        "out-units.csv",
        "out-cities.csv",
        "map.html",
    ]
    assert (values_of(cells, "degurba_2") == 30).sum() == 25
    assert cells["degurba_2_class"].to_numpy().tolist().count("unknown") == 1
    assert found["found"]["rules"]["name"] == "eu-2024 (changed)"
    assert found["found"]["rules"]["land_floor"] == 0.2
    assert units["degurba_1_class"].tolist() == ["rural area", "city", "rural area", "rural area"]
    # 03 sends 10 of 100 workers, most of them beyond the units
    assert units["role"].fillna("").tolist() == ["commuting zone", "city", "", ""]
    assert found["cities"] == {"cities": 1, "short_of_their_centre": 0}
    assert "Very low density rural" in (place / "map.html").read_text(encoding="utf-8")


def test_the_command_answers_people_and_machines(place):
    """Text for people, JSON for machines, exit code 2 and a mend for wrong input; nothing is written then."""
    command = [sys.executable, "-m", "civigrid.cli", "degurba", str(place / "cells.parquet"), "--out"]
    good = subprocess.run([*command, str(place / "a.parquet"), "--json"], capture_output=True, text=True, check=False)
    bad = subprocess.run(
        [*command, str(place / "b.parquet"), "--rules", "eu-2025"], capture_output=True, text=True, check=False
    )
    text = subprocess.run([*command, str(place / "c.parquet")], capture_output=True, text=True, check=True).stdout

    assert json.loads(good.stdout)["found"]["centres"] == 1
    assert bad.returncode == 2
    assert "Did you mean 'eu-2024'" in bad.stderr
    assert not (place / "b.parquet").exists()
    assert "1 urban centres" in text
    assert "residents unknown: 1 cells" in text


def test_what_is_refused(place):
    """Jobs that cannot be done say so before anything is written."""
    cells, out = place / "cells.parquet", place / "o.parquet"
    with pytest.raises(SchemaError, match="Give --id"):
        DegurbaJob(cells=cells, out=out, units=place / "units.gpkg")
    with pytest.raises(SchemaError, match="with --units"):
        DegurbaJob(cells=cells, out=out, commuting=place / "flows.csv")
    for change, error, match in (
        ("land_floor", SchemaError, "write key=value"),
        ("floor=1", UnknownNameError, "Did you mean 'land_floor'"),
        ("centre.smooth=1", UnknownNameError, "Did you mean 'centre.smoothing'"),
        ("land_floor=x", SchemaError, "cannot be read as such a value"),
        ("land_floor=2", SchemaError, r"must lie in \(0, 1\]"),
    ):
        with pytest.raises(error, match=match):
            run_degurba(DegurbaJob(cells=cells, out=out, changes=[change]))
    with pytest.raises(SourceError, match="has no column people"):
        run_degurba(DegurbaJob(cells=cells, out=out, population="people"))
    with pytest.raises(SourceError, match="does not exist"):
        run_degurba(DegurbaJob(cells=place / "nowhere.parquet", out=out))
    with pytest.raises(SourceError, match="needs a CRS and a column 'name'"):
        run_degurba(DegurbaJob(cells=cells, out=out, names=place / "units.gpkg"))
    assert not out.exists()


def test_commuters_are_checked(tmp_path):
    """Columns, counts and ids of a table of commuters are refused by name."""
    path = tmp_path / "f.csv"
    for text, match in (
        ("a,b,c\n1,2,3\n", "has no column origin, destination, persons"),
        ("origin,destination,persons\n1,2,-3\n", "1 counts of commuters are missing or negative"),
        ("origin,destination,persons\n1,2,3\n", "no origin of f.csv is a unit"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(SourceError, match=match):
            read_commuters(path, np.array(["x", "y"]))
