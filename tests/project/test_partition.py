"""Whole cells by their centres: every cell has one owner, and no unit loses its people."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapes import tiling

from civigrid.grid import H3Grid, SquareGrid
from civigrid.project import centre_partition, project_areas
from civigrid.source import Source
from civigrid.types import Column

GRIDS = [SquareGrid(cell_size_m=1000), SquareGrid(cell_size_m=100), H3Grid(8)]


def test_centres_decide_by_hand():
    """Half a cell and more is all of it; a border through a centre gives the cell to the east."""
    west, middle = shapely.box(4e6, 3e6, 4_001_500, 3_001_000), shapely.box(4_001_500, 3e6, 4_002_600, 3_001_000)
    found = centre_partition(gpd.GeoSeries([west, middle], ["w", "m"], crs="EPSG:3035"), GRIDS[0])

    assert found.measure.toarray().tolist() == [[1e6, 0, 0], [0, 1e6, 1e6]]
    assert found.covered.tolist() == [1, 1, 1]
    assert found.unit_measure.tolist() == [1e6, 2e6]


@pytest.mark.parametrize("grid", GRIDS, ids=lambda g: g.id)
@pytest.mark.parametrize("crs", ["EPSG:3035", "EPSG:4326"])
def test_a_partition_of_land_is_a_partition_of_cells(grid, crs):
    """Each cell has at most one owner, each inside the tiling exactly one, which GEOS finds too."""
    shapes = tiling(14, 12_000.0).to_crs(crs)
    found = centre_partition(shapes, grid)
    owners = np.diff(found.measure.tocsc().indptr)
    centre = gpd.GeoSeries(shapely.points(grid.centre(found.cell_id)), crs=grid.crs).to_crs(crs).to_numpy()
    inside = shapely.contains(shapes.to_numpy()[:, None], centre[None, :])

    assert (owners == 1).all()
    assert (found.step == 0).all()
    assert found.placed_share.tolist() == pytest.approx([1.0] * 14)
    np.testing.assert_array_equal(found.measure.toarray() > 0, inside)
    np.testing.assert_allclose(found.measure.data, found.cell_measure[found.measure.indices], rtol=1e-12)


def test_every_cell_of_a_region_is_given_once():
    """All squares whose centre lies in the region are there, and no others."""
    grid, shapes = GRIDS[1], tiling(14, 6_000.0)
    found = centre_partition(shapes, grid)
    west, south, east, north = (shapes.total_bounds // 100).astype(int)
    row, col = (v.ravel() for v in np.mgrid[south : north + 1, west : east + 1])
    inside = shapely.contains_xy(shapely.unary_union(shapes.to_numpy()), col * 100.0 + 50, row * 100.0 + 50)

    np.testing.assert_array_equal(found.cell_id, np.sort(grid.from_row_col(row[inside], col[inside])))


def test_a_unit_without_a_centre_keeps_its_people():
    """A unit smaller than a cell takes what it covers most, is named, and the cell's owner keeps the rest."""
    hut = shapely.box(4_000_900, 3_000_900, 4_001_100, 3_001_050)
    land = shapely.box(4e6, 3e6, 4_003_000, 3_002_000).difference(hut)
    shapes = gpd.GeoSeries([land, hut], ["land", "hut"], crs="EPSG:3035")
    found = centre_partition(shapes, GRIDS[0])
    table = pd.DataFrame({"people": [600.0, 12.0]}, index=shapes.index)
    made = project_areas(Source(name="s", table=table, columns={"people": Column()}, geometry=shapes), found)

    assert found.unit_id[found.step == 1].tolist() == ["hut"]
    assert "1 units hold none" in found.method
    assert found.measure[[1]].sum() == pytest.approx(10_000)
    assert made.cells["people"].sum() == pytest.approx(612.0)
    np.testing.assert_allclose(np.asarray(found.measure.sum(axis=0)), 1e6)
    np.testing.assert_allclose(found.back_extensive(np.ones(6)).sum(), 6.0)


def test_missing_units_are_left_alone():
    """A unit without a shape has no cell, and no step was needed for it."""
    shapes = gpd.GeoSeries([None, shapely.box(4e6, 3e6, 4_001_000, 3_001_000)], ["a", "b"], crs="EPSG:3035")
    found = centre_partition(shapes, GRIDS[0])

    assert found.unit_measure.tolist() == [0, 1e6]
    assert found.step.tolist() == [0, 0]
