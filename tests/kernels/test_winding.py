"""Which polygon holds a point: borders by hand, GEOS elsewhere, one owner for every point of a tiling."""

import geopandas as gpd
import numpy as np
import shapely
from shapes import odd_shapes, tiling

from civigrid.kernels.walk import along_rings
from civigrid.kernels.winding import holds
from civigrid.project.geometry import rings_of


def test_borders_belong_to_the_east_and_the_north():
    """Of four squares round a point, the one north-east of it holds it; each side has one owner."""
    squares = gpd.GeoSeries([shapely.box(x, y, x + 1, y + 1) for x in (0, 1) for y in (0, 1)])
    points = np.array([[1.0, 1.0], [1.0, 0.5], [0.5, 1.0], [0.0, 0.0], [2.0, 2.0]])
    owner = [holds(rings_of(squares), np.full(5, k), points) for k in range(4)]

    assert np.stack(owner).astype(int).tolist() == [
        [0, 0, 0, 1, 0],
        [0, 0, 1, 0, 0],
        [0, 1, 0, 0, 0],
        [1, 0, 0, 0, 0],
    ]


def test_points_inside_are_those_of_geos():
    """Points off the borders: the same answer as GEOS, holes and parts included."""
    shapes = odd_shapes(120)
    points = np.random.default_rng(1).uniform(-6, 10, (60, 2)) + (4_000, 3_000)
    polygon = np.repeat(np.arange(len(shapes)), len(points))
    found = holds(rings_of(gpd.GeoSeries(shapes)), polygon, np.tile(points, (len(shapes), 1)))
    expected = shapely.contains_xy(np.array(shapes)[:, None], points[:, 0], points[:, 1])

    np.testing.assert_array_equal(found.reshape(len(shapes), -1), expected)


def test_every_corner_of_a_tiling_has_one_owner():
    """Corners of polygons are points too: inside the tiling each is held by exactly one polygon."""
    tiles = tiling(25, 5_000.0, wrinkled=False)
    corners = np.unique(shapely.get_coordinates(tiles.to_numpy()), axis=0)
    middle = (np.abs(corners - corners.mean(axis=0)) < 1_900).all(axis=1)
    points = corners[middle]
    found = holds(
        rings_of(tiles), np.repeat(np.arange(len(tiles)), len(points)), np.tile(points, (len(tiles), 1))
    ).reshape(len(tiles), -1)

    assert len(points) > 10
    assert found.sum(axis=0).tolist() == [1] * len(points)


def test_points_along_a_ring_leave_no_gap():
    """Every corner lies within a step of the sample before it, and steps are not much shorter than they may be."""
    rings = rings_of(tiling(9, 9_000.0))
    points, ring = along_rings(rings.xy, rings.start, 300.0)
    for k in range(9):
        mine = points[ring == k]
        corners = rings.xy[rings.start[k] : rings.start[k + 1]]
        apart = np.sqrt(((corners[:, None] - mine[None]) ** 2).sum(-1)).min(axis=1)

        assert apart.max() <= 300.0
        assert np.hypot(*(mine - np.roll(mine, -1, axis=0)).T).max() <= 300.0 + 1e-9
    length = shapely.length(tiling(9, 9_000.0).to_numpy()).sum()
    assert len(points) < 2.2 * length / 300.0
