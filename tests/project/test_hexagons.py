"""Polygons to H3: GEOS, exact sums, hard places, and the same bytes from any blocks and workers."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapes import tiling

from civigrid.engine import Scheduler
from civigrid.grid import H3Grid
from civigrid.project import hexagons, polygon_crosswalk, polygons
from civigrid.project.geometry import equal_area_plane, to_plane


def geos_areas(geometry, crosswalk):
    """Shared areas by GEOS, cells drawn straight in the plane; corners that repeat do no harm."""
    crs = equal_area_plane(geometry)
    corners = crosswalk.grid.vertices(crosswalk.cell_id)
    flat = gpd.GeoSeries(shapely.points(corners.reshape(-1, 2)), crs="EPSG:4326").to_crs(crs)
    cells = shapely.polygons(shapely.get_coordinates(flat.to_numpy()).reshape(corners.shape))
    shapes = to_plane(geometry, crs).to_numpy()
    return shapely.area(shapely.intersection(shapes[:, None], cells[None, :]))


def hard_shapes():
    """Holes, parts, a needle, tiny ones, one inside a cell, and corners that are corners and centres of cells."""
    grid = H3Grid(8)
    cell = grid.cell_at(np.array([[13.4, 52.5]]))
    corners = gpd.GeoSeries([shapely.Polygon(grid.vertices(cell)[0])], crs="EPSG:4326").to_crs("EPSG:3035").iloc[0]
    near = gpd.GeoSeries(shapely.points(grid.centre(grid.ring(cell, 2)[0])), crs="EPSG:4326").to_crs("EPSG:3035")
    x, y = corners.centroid.coords[0]
    shapes = {
        "a cell": corners,
        "through centres": shapely.MultiPoint(near.to_numpy()).convex_hull,
        "hole": shapely.Point(x, y).buffer(4_000).difference(shapely.box(x - 900, y - 1_100, x + 700, y + 800)),
        "parts": shapely.MultiPolygon([shapely.box(x + d, y, x + d + 900, y + 90) for d in (0, 5_000, 12_000)]),
        "needle": shapely.Polygon([(x, y), (x + 30_000, y + 10_000), (x + 30_000, y + 10_001)]),
        "inside one": shapely.Point(x, y).buffer(30),
        "tiny on a corner": shapely.Point(*shapely.get_coordinates(corners)[0]).buffer(0.05),
        "long sides": shapely.box(x - 60_000, y - 200, x + 50_000, y + 300),
    }
    return gpd.GeoSeries(shapes, crs="EPSG:3035")


def test_areas_are_those_of_geos():
    """Every shared area equals GEOS's to 1e-9 of the unit; no pair is missed; every unit's shares sum to 1."""
    shapes = hard_shapes()
    found = polygon_crosswalk(shapes, H3Grid(8))
    expected = geos_areas(shapes, found)

    np.testing.assert_allclose(found.placed_share, 1.0, rtol=1e-12)
    np.testing.assert_allclose(found.unit_measure, shapes.area, rtol=1e-7)
    np.testing.assert_allclose(found.unit_measure[:4], shapes.area[:4], rtol=1e-11)
    apart = np.abs(found.measure.toarray() - expected) / shapes.area.to_numpy()[:, None]
    assert apart[[0, 1, 2, 3, 5, 7]].max() < 1e-9
    assert apart.max() < 1e-6
    alone = found.measure[[0]].toarray()[0]
    assert alone.max() == pytest.approx(shapes.area.iloc[0], rel=1e-12)
    assert np.count_nonzero(alone > 1e-6 * alone.max()) == 1


@pytest.mark.parametrize(
    ("place", "resolution"),
    [
        ((10.54, 64.7), 7),
        ((10.54, 64.7), 8),
        ((25.0, 70.5), 9),
        ((-52.5, 4.0), 8),
        ((147.0, -42.0), 6),
        ((31.8, 2.3), 7),
    ],
    ids=["pentagon", "pentagon, even", "Arctic", "Guiana", "Tasmania", "another face"],
)
def test_a_tiling_covers_each_cell_once_anywhere(place, resolution):
    """Near a pentagon, across H3's faces, far north and south: parts of a cell add up to it within 1e-12."""
    size = 25 / 2.6**resolution * np.array([1 / np.cos(np.radians(place[1])), 1.0])
    box = shapely.box(*(np.array(place) - 2 * size), *(np.array(place) + 2 * size))
    points = shapely.MultiPoint(np.random.default_rng(2).uniform(place - 2 * size, place + 2 * size, (9, 2)))
    cells = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(points, extend_to=box)), box)
    found = polygon_crosswalk(gpd.GeoSeries(cells, crs="EPSG:4326"), H3Grid(resolution))
    full = found.covered > 1 - 1e-6

    assert full.sum() >= 8
    np.testing.assert_allclose(found.covered[full], 1.0, rtol=1e-12)
    np.testing.assert_allclose(found.placed_share, 1.0, rtol=1e-12)
    np.testing.assert_allclose(found.cell_measure, found.grid.area_km2(found.cell_id) * 1e6, rtol=2e-6)


@pytest.mark.parametrize("resolution", [0, 2, 4, 5])
def test_coarse_cells_follow_great_circles(resolution):
    """Sides of a hundred kilometres are not straight in a plane: a small tiling on a border loses nothing."""
    grid = H3Grid(resolution)
    corner = grid.vertices(grid.cell_at(np.array([[13.4, 52.5]])))[0, 0]
    boxes = [shapely.box(*(corner + d), *(corner + d + 0.05)) for d in ((-0.05, -0.05), (0, -0.05), (-0.05, 0), (0, 0))]
    found = polygon_crosswalk(gpd.GeoSeries(boxes, crs="EPSG:4326"), grid)

    assert 2 <= len(found.cell_id) <= 3
    np.testing.assert_allclose(found.placed_share, 1.0, rtol=1e-12)
    known = gpd.GeoSeries(boxes, crs="EPSG:4326").to_crs("EPSG:3035").area
    np.testing.assert_allclose(found.unit_measure, known, rtol=1e-5)


def test_blocks_workers_and_order_change_no_bit(monkeypatch):
    """One digest from one block or many, few cells at a time or all, on one worker or two, threads or processes."""
    shapes = tiling(30, 30_000.0)
    digests = {polygon_crosswalk(shapes, H3Grid(8)).digest()}
    monkeypatch.setattr(polygons, "CORNERS_PER_BLOCK", 300)
    monkeypatch.setattr(hexagons, "CELLS_AT_A_TIME", 97)
    digests |= {polygon_crosswalk(shapes, H3Grid(8), scheduler=s).digest() for s in (None, Scheduler("threads", 2))}
    digests.add(polygon_crosswalk(shapes, H3Grid(8), scheduler=Scheduler("processes", 2)).digest())

    assert len(digests) == 1
    backwards = polygon_crosswalk(shapes[::-1], H3Grid(8))
    assert (backwards.measure[::-1] != polygon_crosswalk(shapes, H3Grid(8)).measure).nnz == 0


def test_across_the_antimeridian_is_the_sum_of_its_halves():
    """A polygon that seems to go round the Earth is cut at 180 degrees, not spread over it."""
    fiji = gpd.GeoSeries([shapely.box(-179.5, -17, 179.5, -16)], ["FJ"], crs="EPSG:4326")
    east = gpd.GeoSeries([shapely.box(179.5, -17, 180, -16)], ["FJ east"], crs="EPSG:4326")
    found, half = polygon_crosswalk(fiji, H3Grid(5)), polygon_crosswalk(east, H3Grid(5))

    assert found.placed_share.tolist() == pytest.approx([1.0])
    assert found.unit_measure[0] == pytest.approx(2 * half.unit_measure[0], rel=1e-6)


def test_no_shapes_no_cells():
    """Missing and empty shapes have measure 0, and none at all gives an empty crosswalk."""
    found = polygon_crosswalk(gpd.GeoSeries([None, shapely.Polygon()], ["a", "b"], crs="EPSG:3035"), H3Grid(8))

    assert found.unit_measure.tolist() == [0.0, 0.0]
    assert found.measure.shape == (2, 0)
