"""Points, lines and rasters in a run file; large tables of points are counted from their file, with the same answer."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from civigrid.errors import SchemaError
from civigrid.run import large_points, run_file
from civigrid.run.describe import describe_file

RUN = """
[run]
title = "Everything becomes cells"
question = "Do points, lines and rasters meet on one grid?"
formats = ["parquet"]

[[source]]
name = "register"
reader = "points"
path = "register.{suffix}"
options = {{ x = "e", y = "n", crs = "EPSG:3035", labels = ["origin"], counts = ["flat"] }}

[[source]]
name = "roads"
reader = "lines"
path = "roads.geojson"
options = {{ labels = ["kind"] }}

[[source]]
name = "land"
reader = "raster"
path = "land.tif"
options = {{ classes = {{ 1 = "town", 2 = "forest" }} }}

[[source]]
name = "height"
reader = "raster"
path = "land.tif"
options = {{ variable = "height", kind = "intensive", units = "m" }}

[[cells]]
name = "people"
source = "register"
grid = "eu-laea-1km"
method = "points"
by = "origin"

[[cells]]
name = "roads"
source = "roads"
grid = "h3-r8"
method = "lines"
by = "kind"

[[cells]]
name = "land"
source = "land"
grid = "eu-laea-1km"
method = "raster"

[[cells]]
name = "height"
source = "height"
grid = "eu-laea-1km"
method = "raster"
"""


@pytest.fixture
def folder(tmp_path):
    """A register of 500 persons, two roads and a small raster."""
    rng = np.random.default_rng(1)
    xy = rng.normal([4_500_000, 3_200_000], 2_000, (500, 2)).round(2)
    frame = pd.DataFrame(
        {"e": xy[:, 0], "n": xy[:, 1], "origin": rng.choice(["A", "B"], 500), "flat": rng.integers(20, 90, 500)}
    )
    frame.loc[:5, "e"] = np.nan
    frame.to_parquet(tmp_path / "register.parquet")
    frame.to_csv(tmp_path / "register.csv", index=False, sep=";", decimal=",", encoding="cp1252")
    lines = [shapely.LineString([(13.4, 52.5), (13.41, 52.52)]), shapely.LineString([(13.4, 52.5), (13.43, 52.5)])]
    gpd.GeoDataFrame({"kind": ["path", "rail"]}, geometry=lines, crs="EPSG:4326").to_file(tmp_path / "roads.geojson")
    place = {"crs": "EPSG:3035", "transform": rasterio.Affine(100, 0, 4_499_950, 0, -100, 3_202_050)}
    shape = {"height": 40, "width": 40, "count": 1, "dtype": "uint8", "nodata": 0}
    with rasterio.open(tmp_path / "land.tif", "w", driver="GTiff", **shape, **place) as file:
        file.write(rng.integers(0, 3, (40, 40)).astype(np.uint8), 1)
    return tmp_path


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_large_table_gives_the_same_cells(folder, monkeypatch, suffix):
    """Read whole or counted from its file: the same cells and ledger; only the second says that ids are not checked."""
    path = folder / "run.toml"
    path.write_text(RUN.format(suffix=suffix))
    whole = run_file(path, folder=folder / "whole", scheduler="serial")
    monkeypatch.setattr(large_points, "STREAM_ROWS", 100)
    streamed = run_file(path, folder=folder / "streamed", scheduler="threads")

    assert set(whole.cells) == set(streamed.cells)
    for name, cells in whole.cells.items():
        assert cells.identical(streamed.cells[name])
    assert whole.ledger.equals(streamed.ledger)
    assert "points.streamed" in set(streamed.findings["code"]) - set(whole.findings["code"])
    assert streamed.cells["roads"]["rail"].sum() == pytest.approx(2.04, abs=0.02)
    assert {"town", "forest", "covered", "largest"} <= set(streamed.cells["land"].data_vars)
    assert streamed.cells["height"]["height"].attrs["units"] == "m"


def test_a_source_that_is_no_raster_is_told(folder):
    """Method = raster wants reader = raster."""
    path = folder / "run.toml"
    path.write_text(RUN.format(suffix="csv").replace('source = "height"\n', 'source = "register"\n'))
    with pytest.raises(SchemaError, match="is no raster"):
        run_file(path)


def test_rasters_and_lines_are_described(folder):
    """What a file holds, and which reader fits."""
    assert describe_file(folder / "roads.geojson")["reader"] == "lines"
    assert describe_file(folder / "land.tif") | {"pixels": "40 x 40", "reader": "raster"} == describe_file(
        folder / "land.tif"
    )
