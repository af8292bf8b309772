"""Whatever says where people live first becomes cells: a raster, points and lines all serve dasymetric."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from civigrid.cells import ids_of, values_of
from civigrid.grid import SquareGrid
from civigrid.project import (
    RasterArray,
    polygon_crosswalk,
    project_areas,
    project_classes,
    project_lines,
    project_points,
    project_raster,
)
from civigrid.project.methods import class_layer, count_layer, dasymetric
from civigrid.project.pixel_cells import Lattice
from civigrid.source import Source
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=100)
WEST, SOUTH = 4_500_000, 3_200_000
AREAS = gpd.GeoSeries(
    shapely.box(WEST + np.array([0, 530]), SOUTH, WEST + np.array([530, 1000]), SOUTH + 1000),
    ["a", "b"],
    crs="EPSG:3035",
)
PEOPLE = Source(
    name="areas", table=pd.DataFrame({"n": [900.0, 60.0]}, ["a", "b"]), columns={"n": Column()}, geometry=AREAS
)


def spread(*layers):
    """People of two areas, spread by layers: by row and column of the hundred cells."""
    made = project_areas(PEOPLE, polygon_crosswalk(AREAS, GRID), method=dasymetric(*layers))
    row, col = GRID.row_col(ids_of(made.cells))
    found = np.zeros((10, 10))
    found[row - SOUTH // 100, col - WEST // 100] = values_of(made.cells, "n")

    assert found.sum() == pytest.approx(960.0, rel=1e-12)
    return found


def pixels(values, size=50):
    return RasterArray(
        np.asarray(values, float),
        Lattice("EPSG:3035", (size, 0.0, WEST, 0.0, -size, SOUTH + 1000.0), *np.shape(values)),
    )


def test_a_raster_of_classes_weighs():
    """All live where the raster says town: in the two northern rows of cells, evenly."""
    land = np.full((20, 20), 2)
    land[:4] = 1
    found = spread(class_layer(project_classes(pixels(land), GRID, {1: "town", 2: "forest"}), {"town": 1.0}))

    assert found[:8].sum() == 0
    np.testing.assert_allclose(found[8:, :5], 900 / 2 / 5.3, rtol=1e-12)
    np.testing.assert_allclose(found[8:, 6:], 60 / 2 / 4.7, rtol=1e-12)


def test_a_raster_of_counts_weighs():
    """Four persons of the raster in one cell, one in another: people follow four to one."""
    count = np.zeros((20, 20))
    count[0, 0], count[18, 0], count[0, 19] = 4, 1, 7
    found = spread(count_layer(project_raster(pixels(count), GRID, name="people").cells, "people"))

    assert pytest.approx((found[9, 0], found[0, 0], found[9, 9]), rel=1e-12) == (720.0, 180.0, 60.0)


def test_points_weigh_by_what_they_carry():
    """Floor space of buildings: 300 m2 against 100; where there is no building, the next layer, at last area."""
    at = gpd.GeoSeries(shapely.points([[WEST + 50, SOUTH + 50], [WEST + 250, SOUTH + 50]]), crs="EPSG:3035")
    houses = Source(
        name="houses",
        table=pd.DataFrame({"floor_m2": [300.0, 100.0]}),
        columns={"floor_m2": Column(units="m2")},
        geometry=at,
    )
    found = spread(count_layer(project_points(houses, GRID, total="houses").cells, "floor_m2"))

    assert pytest.approx((found[0, 0], found[0, 2]), rel=1e-12) == (675.0, 225.0)
    np.testing.assert_allclose(found[:, 6:], 60 / 4.7 / 10, rtol=1e-12)


def test_lines_weigh_by_length():
    """People live along the roads: 200 m of one cell against 100 m of another."""
    roads = [[(30, 30), (30, 90), (70, 90), (70, 30), (30, 30)], [(310, 30), (390, 30), (390, 50)]]
    lines = gpd.GeoSeries([shapely.LineString(np.array(r) + [WEST, SOUTH]) for r in roads], crs="EPSG:3035")
    source = Source(name="roads", table=pd.DataFrame(index=[0, 1]), geometry=lines)
    found = spread(count_layer(project_lines(source, GRID).cells, "length_km"))

    assert pytest.approx((found[0, 0], found[0, 3]), rel=1e-4) == (600.0, 300.0)
