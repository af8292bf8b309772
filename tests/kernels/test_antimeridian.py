"""Polygons across 180 degrees: nothing is lost, nothing wraps round the world."""

import numpy as np
import pytest
import shapely

from civigrid.kernels.antimeridian import cut, may_cross, run_on


def test_the_trap_of_the_reference_page():
    """179 to -179 is 2 degrees wide, not 358: the planar area is 4, not 716."""
    naive = shapely.Polygon([(179, 0), (-179, 0), (-179, 2), (179, 2)])
    found = cut(run_on(naive))

    assert naive.area == 716.0
    assert found.area == 4.0
    assert found.is_valid
    assert sorted(part.bounds for part in found.geoms) == [(-180.0, 0.0, -179.0, 2.0), (179.0, 0.0, 180.0, 2.0)]


def test_holes_and_parts_follow_their_shell():
    """A hole on the other side of the line stays a hole; parts that do not cross are untouched."""
    shell = [(170, 0), (-170, 0), (-170, 10), (170, 10)]
    hole = [(-176, 4), (-174, 4), (-174, 6), (-176, 6)]
    far = shapely.box(10, 0, 12, 2)
    found = cut(run_on(shapely.MultiPolygon([shapely.Polygon(shell, [hole]), far])))

    assert found.area == 200.0 - 4.0 + 4.0
    assert found.is_valid
    assert not shapely.intersects(found, shapely.Point(-175, 5))
    assert shapely.contains(found, far)


@pytest.mark.parametrize("shape", [shapely.box(-180, -90, 180, 90), shapely.box(-30, 0, 30, 2), shapely.Polygon()])
def test_what_does_not_cross_is_given_back_as_it_is(shape):
    """A frame of the whole world is no jump; narrow and empty shapes are the same object."""
    assert run_on(shape) is shape
    assert cut(shape) is shape


def test_longitudes_of_0_to_360_are_brought_back():
    """A file that counts to 360 is cut and turned, its area kept."""
    found = cut(run_on(shapely.box(350, 0, 370, 1)))

    assert shapely.equals(found, shapely.union_all([shapely.box(-10, 0, 0, 1), shapely.box(0, 0, 10, 1)]))
    assert may_cross(np.array([shapely.box(350, 0, 370, 1), None])).tolist() == [True, False]


def test_a_ring_round_a_pole_is_refused():
    """Its inside is not defined in longitude and latitude."""
    around = shapely.Polygon([(lon, 80) for lon in (-150, -90, -30, 30, 90, 150)])

    with pytest.raises(ValueError, match="round a pole"):
        run_on(around)
