"""Polygons and convex cells against GEOS, and laws that need no other library."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapes import odd_shapes, tiling

from civigrid.kernels.convex_cells import convex_cells
from civigrid.kernels.shared_areas import shared_areas
from civigrid.kernels.sweep import Rings
from civigrid.project.geometry import rings_of


def hexagons(n, m, side=1.0, west=3_991.0, south=2_991.0):
    """A lattice of hexagons whose neighbours share corners, digit by digit."""
    row, col = (v.ravel()[:, None] for v in np.mgrid[0:n, 0:m])
    turn = np.arange(6) * np.pi / 3 + np.pi / 6
    east = west + side * (np.sqrt(3) * (col + 0.5 * (row % 2)) + np.cos(turn))
    north = south + side * (1.5 * row + np.sin(turn))
    return np.round(np.stack([east, north], axis=-1), 9)


CORNERS = hexagons(14, 12)
CELLS = convex_cells(CORNERS.reshape(-1, 2), np.arange(len(CORNERS) + 1) * 6)
SHAPES = shapely.polygons(CORNERS)
MARKS = np.concatenate([CORNERS.reshape(-1, 2), CORNERS.mean(axis=1), CELLS.centre])


def dense(shapes, small=0.0, cells=CELLS):
    found = shared_areas(rings_of(gpd.GeoSeries(shapes)), cells, small=small)
    table = np.zeros((len(shapes), len(cells.area)))
    table[found.polygon, found.cell] = found.area
    return table, found


def test_one_square_on_four_cells_by_hand():
    """A square round the corner of four squares gives each a quarter; a hole takes its part."""
    corners = np.array([[x, y] for c in ((0, 0), (2, 0), (0, 2), (2, 2)) for x, y in np.array(c) + SQUARE], dtype=float)
    cells = convex_cells(corners, np.arange(5) * 4)
    shape = shapely.box(1, 1, 3, 3).difference(shapely.box(1.25, 1.25, 1.75, 1.75))
    for small in (0.0, 9.0):
        assert dense([shape], small, cells)[0].tolist() == [[0.75, 1.0, 1.0, 1.0]]


SQUARE = np.array([[0, 0], [2, 0], [2, 2], [0, 2]])


@pytest.mark.parametrize("small", [0.0, 2.6, 1e9], ids=["by sectors", "as used", "corner by corner"])
def test_areas_are_those_of_geos(small):
    """Of 630 shapes on corners, sides and centres of cells, tiny and needle-thin, every area is GEOS's within 1e-11."""
    shapes = odd_shapes(700, marks=MARKS)
    table, found = dense(shapes, small)
    expected = np.array([shapely.area(shapely.intersection(SHAPES, s)) for s in shapes])
    whole = shapely.area(shapes)

    assert len(shapes) >= 500
    assert not len(found.invalid)
    np.testing.assert_allclose(table, expected, atol=2e-11)
    np.testing.assert_allclose(table.sum(axis=1), whole, atol=1e-11)


def test_a_tiny_polygon_keeps_its_digits():
    """Square metres in cells of square kilometres: relative to the polygon, areas are as good as GEOS's."""
    corners = hexagons(5, 5, side=500.0, west=4_000_000.0, south=3_000_000.0)
    cells = convex_cells(corners.reshape(-1, 2), np.arange(26) * 6)
    shapes = [
        shapely.Point(x, y).buffer(0.01) for x, y in corners[[6, 7, 8, 11, 12, 13, 16]].reshape(-1, 2) + (0.003, 0.001)
    ]
    table, _ = dense(shapes, float(cells.area[0]), cells)

    np.testing.assert_allclose(table.sum(axis=1), shapely.area(shapes), rtol=1e-7)
    expected = shapely.area(shapely.intersection(shapely.polygons(corners)[None], np.array(shapes)[:, None]))
    np.testing.assert_allclose(table, expected, atol=1e-7 * shapes[0].area)


def test_a_tiling_covers_each_cell_once():
    """Parts of one cell in all polygons of a tiling add up to the cell within 1e-12."""
    shapes = tiling(40, 12.0, origin=(3_993.0, 2_993.0)).to_numpy()
    table, found = dense(shapes, small=2.6)
    inner = shapely.contains_properly(shapely.unary_union(shapes), SHAPES)

    assert not len(found.invalid)
    assert inner.sum() > 20
    np.testing.assert_allclose(table.sum(axis=0)[inner], CELLS.area[inner], rtol=1e-12)
    np.testing.assert_allclose(table.sum(axis=1), shapely.area(shapes), rtol=1e-12)


def test_order_direction_and_company_change_nothing():
    """A polygon's areas are the same bits alone and among others; rings may run either way."""
    shapes = odd_shapes(60, marks=MARKS)
    together, _ = dense(shapes, 2.6)
    backwards, _ = dense([shapely.reverse(s) for s in shapes[::-1]], 2.6)
    for k, shape in enumerate(shapes):
        np.testing.assert_array_equal(dense([shape], 2.6)[0][0], together[k])
    np.testing.assert_allclose(backwards[::-1], together, atol=1e-13)


def test_crossing_and_broken_rings_are_named():
    """A bow-tie over cells, a part twice, a ring that is not closed and one that is not finite are reported."""
    box = np.array([(0, 0), (4, 0), (4, 4), (0, 4), (0, 0)]) + (3_996.0, 2_996.0)
    rings = [box, box[[0, 2, 1, 3, 0]], box, box + 0.5, box[:4], np.where(box == 4_000.0, np.nan, box)]
    start = np.concatenate([[0], np.cumsum([len(r) for r in rings])])
    found = shared_areas(
        Rings(np.concatenate(rings), start, np.array([0, 1, 2, 2, 3, 4]), np.zeros(6, bool)), CELLS, small=2.6
    )

    assert found.invalid.tolist() == [1, 2, 3, 4]
    assert set(found.polygon[found.polygon != 1]) == {0, 2}


def test_nothing_gives_nothing():
    """No polygon, or no cell: empty arrays."""
    none = rings_of(gpd.GeoSeries([], crs="EPSG:3035"))

    assert len(shared_areas(none, CELLS, small=1.0).area) == 0
    empty = convex_cells(np.empty((0, 2)), np.zeros(1, dtype=np.int64))
    assert len(shared_areas(rings_of(gpd.GeoSeries([shapely.box(0, 0, 1, 1)])), empty, small=1.0).area) == 0
