"""Single steps from the shell, on Havelmark's files: what goes in comes out, and the ledger says so."""

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from typer.testing import CliRunner

from civigrid.cli import app
from civigrid.errors import CivigridError
from civigrid.grid import SquareGrid
from civigrid.io.cells import read_cells
from civigrid.io.raster import read_raster
from civigrid.io.write import write_csv
from civigrid.project import project_classes
from civigrid.release import public_grid, release
from civigrid.run import write_sample
from civigrid.sample import CityOptions


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("havelmark")
    write_sample(folder, CityOptions(persons=20_000))
    return folder


def call(*words):
    found = CliRunner().invoke(app, [str(w) for w in words], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def project(files, out, *more):
    return call(
        "project", files / "areas_2021.gpkg", "--id", "area_id", "--counts", files / "population_2021.csv",
        "--extensive", "population,native", "--out", out, *more,
    )  # fmt: skip


@pytest.mark.parametrize("method", ["area", "largest", "dasymetric", "pycnophylactic", "poisson"])
def test_project_by_any_method_and_back(files, tmp_path, method):
    """The JSON holds the ledger; cells added up by the same areas give the people back."""
    people = tmp_path / "people.cells"
    project(files, people, "--grid", "eu-laea-100m")
    looked_at = {
        "dasymetric": ["--weights", f"{people}:native", "--weights", f"{files / 'streets.gpkg'}"][:2],
        "poisson": ["--covariates", f"{people}:native"],
    }.get(method, [])
    out = tmp_path / "cells.cells"
    told = json.loads(project(files, out, "--grid", "eu-laea-200m", "--by", method, *looked_at, "--json"))
    back = json.loads(call("zonal", out, files / "districts.gpkg", "--id", "district", "--json"))

    assert [e["variable"] for e in told["ledger"]] == ["population", "native"]
    assert all(e["error"] < 1e-9 and e["total"] > 0 for e in told["ledger"])
    assert told["ledger"][0]["placed"] == pytest.approx(20_000)
    assert sum(row["population"] for row in back["table"]) == pytest.approx(20_000, rel=1e-6)


def test_what_leaves_has_passed_disclosure_control(files, tmp_path):
    """A file that may be published hides small counts; one that stays inside does not."""
    outside, inside = tmp_path / "cells.parquet", tmp_path / "cells.cells"
    told = json.loads(project(files, outside, "--grid", "eu-laea-100m", "--keep", "district", "--json"))
    project(files, inside, "--grid", "eu-laea-100m", "--keep", "district")
    shown, kept = read_cells(outside), read_cells(inside)

    assert told["suppressed"]["native"] > 0
    assert shown["native"].isnull().sum() == told["suppressed"]["native"]
    assert kept["native"].isnull().sum() == 0
    assert shown["native"].attrs["kind"] == "extensive"
    assert set(shown["district"].to_numpy()) == set(kept["district"].to_numpy())


def test_points_and_buildings_weigh(files, tmp_path):
    """Places of a file count by cell; polygons weigh by their area or a column of it."""
    services = pd.read_csv(files / "services.csv")
    at = gpd.points_from_xy(services["easting"], services["northing"], crs="EPSG:3035")
    homes = gpd.GeoDataFrame({"rooms": range(1, len(at) + 1)}, geometry=at)
    homes.to_file(tmp_path / "homes.gpkg")
    homes.set_geometry(homes.buffer(30)).to_file(tmp_path / "houses.gpkg")
    grid = ["--grid", "eu-laea-200m", "--by", "dasymetric", "--json"]
    for weights in ("homes.gpkg", "homes.gpkg:rooms", "houses.gpkg", "houses.gpkg:rooms"):
        told = json.loads(project(files, tmp_path / "c.cells", *grid, "--weights", tmp_path / weights))
        assert told["ledger"][0]["placed"] == pytest.approx(20_000)
        assert "else area" in told["method"]


def test_crosswalk_between_vintages(files, tmp_path):
    """Flows as a table; counts arrive with their range; what is reassigned depends on the weights."""
    people = tmp_path / "people.cells"
    project(files, people, "--grid", "eu-laea-100m")
    told = json.loads(
        call(
            "crosswalk", files / "areas_2015.gpkg", files / "areas_2021.gpkg", "--old-id", "area_id", "--new-id",
            "area_id", "--counts", files / "population_2015.csv", "--extensive", "population", "--weights",
            f"{people}:population", "--out", tmp_path / "flows.csv", "--counts-out", tmp_path / "n.csv", "--json",
        )
    )  # fmt: skip
    flows, counts = pd.read_csv(tmp_path / "flows.csv"), pd.read_csv(tmp_path / "n.csv")

    assert told["ledger"][0]["error"] < 1e-9
    assert flows.groupby("old")["share"].sum().round(9).eq(1).all()
    assert set(told["reassigned_persons"]["population"]) == {"population", "area"}
    shown = counts.dropna()
    assert (shown["population_low"] <= shown["population"]).all()


def test_refusals(files, tmp_path):
    """Nothing to project, an unknown method, a suffix nobody writes, weights without a variable."""
    for words, text in (
        (["--extensive", "", "--grid", "eu-laea-1km"], "nothing to project"),
        (["--grid", "eu-laea-1km", "--by", "aera"], "Did you mean 'area'"),
        (["--grid", "eu-laea-1km", "--by", "dasymetric"], "at least one layer"),
        (["--grid", "eu-laea-1km", "--by", "poisson"], "learns from covariates"),
    ):
        with pytest.raises(CivigridError, match=text):
            project(files, tmp_path / "c.parquet", *words)
    with pytest.raises(CivigridError, match="suffix must be one of"):
        project(files, tmp_path / "c.xlsx", "--grid", "eu-laea-1km")
    with pytest.raises(CivigridError, match="name the variable"):
        project(
            files,
            tmp_path / "c.csv",
            "--grid",
            "eu-laea-1km",
            "--weights",
            files / "persons.parquet",
            "--by",
            "dasymetric",
        )


def test_rasters_and_classes_weigh(files, tmp_path):
    """People per pixel, codes of land with a weight each, and shares of cells with a weight each."""
    areas = gpd.read_file(files / "areas_2021.gpkg")
    west, south = (np.floor(areas.total_bounds[:2] / 1000) * 1000).tolist()
    rng = np.random.default_rng(4)
    profile = {"driver": "GTiff", "width": 300, "height": 300, "count": 1, "crs": "EPSG:3035"}
    place = rasterio.Affine(100, 0, west, 0, -100, south + 30_000)
    for name, pixels in (("people", rng.integers(0, 9, (300, 300))), ("land", rng.integers(1, 4, (300, 300)))):
        with rasterio.open(tmp_path / f"{name}.tif", "w", transform=place, dtype="uint8", **profile) as file:
            file.write(pixels.astype(np.uint8), 1)
    shares = tmp_path / "shares.csv"
    grid = ["--grid", "eu-laea-200m", "--by", "dasymetric", "--json"]
    for weights in ("people.tif", "land.tif:1=1.0,2=0.1"):
        told = json.loads(project(files, tmp_path / "c.cells", *grid, "--weights", tmp_path / weights))
        assert told["ledger"][0]["placed"] == pytest.approx(20_000)
    land = project_classes(read_raster(tmp_path / "land.tif")[0].raster, SquareGrid(cell_size_m=200), {1: "share_a"})
    write_csv(release(land, public_grid()), shares)
    told = json.loads(project(files, tmp_path / "c.cells", *grid, "--weights", f"{shares}:share_a=0.5"))
    assert "weighted by shares" in told["method"]
    with pytest.raises(CivigridError, match="weights of classes are numbers"):
        project(files, tmp_path / "c.cells", *grid, "--weights", f"{shares}:share_a=much")


def test_categories_become_shares_of_land(files, tmp_path):
    """Each district has its share of every cell; together they are what areas cover."""
    project(files, tmp_path / "c.cells", "--grid", "eu-laea-1km", "--keep", "district", "--shares", "district")
    cells = read_cells(tmp_path / "c.cells")
    names = [str(n) for n in cells.data_vars if str(n).startswith("district_")]
    together = sum(cells[n].to_numpy() for n in names)

    assert len(names) > 3
    np.testing.assert_allclose(together, cells["covered"].to_numpy(), atol=1e-9)
    assert all(cells[n].attrs["kind"] == "intensive" for n in names)


def test_areas_on_one_another_are_told(files, tmp_path):
    """Twice the same area is twice its people, and a warning."""
    one = gpd.read_file(files / "areas_2021.gpkg").iloc[:1]
    both = pd.concat([one.assign(area_id="a", n=100), one.assign(area_id="b", n=100)])
    both.to_file(tmp_path / "both.gpkg")
    told = json.loads(
        call(
            "project", tmp_path / "both.gpkg", "--id", "area_id", "--extensive", "n", "--grid", "eu-laea-1km",
            "--out", tmp_path / "c.cells", "--json",
        )
    )  # fmt: skip

    assert any("areas overlap in" in f for f in told["findings"])


def test_impossible_counts_of_cells_are_refused(files, tmp_path):
    """A negative count in a table of cells is no count."""
    path = tmp_path / "cells.csv"
    path.write_text("code,T\nCRS3035RES1000mN3000000E4000000,-10\n", encoding="utf-8")

    with pytest.raises(CivigridError, match="'T' is negative or infinite in 1 cells"):
        read_cells(path)
