"""The sweep against GEOS, and both its ways against each other."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from civigrid.kernels.sweep import coverage, expand_runs
from civigrid.project.geometry import rings_of


def geometries(seed):
    """A polygon with corners on lines and cell corners, holes, parts and slivers."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(-3, 3, 2) + 4_000
    angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 20)))
    radius = rng.uniform(0.01 if seed % 5 == 0 else 0.3, 4, len(angle))
    corners = centre + np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    shape = shapely.make_valid(shapely.Polygon(np.round(corners * 2) / 2 if seed % 3 == 0 else corners))
    if seed % 2:
        shape = shape.difference(shapely.Point(centre).buffer(0.4))
    if seed % 7 == 0:
        shape = shape.union(shapely.box(*(centre + 6), *(centre + 8.5)))
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and p.area > 0]
    return shapely.MultiPolygon(parts) if parts else None


@pytest.mark.parametrize("compiled", [True, False])
def test_coverage_is_that_of_geos(compiled):
    """Every covered share equals an exact intersection within 1e-11, no cell is missed and none invented."""
    for seed in range(150):
        shape = geometries(seed)
        if shape is None or not shape.is_valid:
            continue
        found = coverage(rings_of(gpd.GeoSeries([shape])), 1.0, compiled=compiled)
        _, row, col, share = expand_runs(found)
        expected = shapely.area(shapely.intersection(shapely.box(col, row, col + 1, row + 1), shape))

        assert not len(found.invalid)
        np.testing.assert_allclose(share, expected, atol=1e-11)
        assert share.sum() == pytest.approx(shape.area, abs=1e-11)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=6), st.sampled_from([0.07, 0.5, 1.0, 40.0]))
def test_both_ways_give_the_same_bits(seeds, cell_size):
    """The compiled sweep and its NumPy twin give equal runs, in dense boxes and in sorted lists."""
    shapes = gpd.GeoSeries([s for s in map(geometries, seeds) if s is not None and s.is_valid])
    one, other = (coverage(rings_of(shapes), cell_size, compiled=c) for c in (True, False))

    for name in one._fields:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_order_and_company_change_no_bit():
    """A polygon's cells are the same alone, among others, and whichever ring comes first."""
    shapes = [s for s in map(geometries, range(40)) if s is not None and s.is_valid]
    together = expand_runs(coverage(rings_of(gpd.GeoSeries(shapes)), 1.0))
    for k, shape in enumerate(shapes):
        alone = expand_runs(coverage(rings_of(gpd.GeoSeries([shapely.reverse(shape)])), 1.0))
        mine = together[0] == k

        np.testing.assert_array_equal(alone[2], together[2][mine])
        np.testing.assert_allclose(alone[3], together[3][mine], atol=4e-16)


def test_a_split_polygon_covers_what_the_whole_does():
    """Coverage of the two halves adds up to that of the whole."""
    whole = shapely.Point(4000.3, 3000.7).buffer(3.3)
    halves = [
        whole.intersection(shapely.box(3990, 2990, 4000.77, 3010)),
        whole.difference(shapely.box(3990, 2990, 4000.77, 3010)),
    ]
    dense = []
    for shapes in ([whole], halves):
        _, row, col, share = expand_runs(coverage(rings_of(gpd.GeoSeries(shapes)), 1.0))
        table = np.zeros((20, 20))
        np.add.at(table, (row - 2990, col - 3990), share)
        dense.append(table)

    np.testing.assert_allclose(dense[0], dense[1], atol=1e-13)


def test_crossing_rings_are_found():
    """A bow-tie is reported, not summed."""
    bow = gpd.GeoSeries([shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)]), shapely.box(5, 5, 6, 6)])

    assert coverage(rings_of(bow), 1.0).invalid.tolist() == [0]


def test_interiors_stay_runs():
    """A large square is a handful of runs, not a million pairs."""
    found = coverage(rings_of(gpd.GeoSeries([shapely.box(0.5, 0.5, 999.5, 999.5)])), 1.0)

    assert len(found.row) <= 4_000
    assert expand_runs(found)[3].sum() == pytest.approx(999.0**2)
