"""The sweep against GEOS, and both its ways against each other."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS
from shapes import broken, odd_shape, odd_shapes, tiling

from civigrid.kernels.sweep import Rings, coverage, expand_runs
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


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("size", "origin"), [(1.0, (4_000.0, 3_000.0)), (0.5, (4e6, 3e6))], ids=["cells", "E = 4e6"])
def test_odd_shapes_cover_what_geos_says(size, origin, compiled):
    """Over 500 shapes on lines and corners, boxes on lines, holes, parts, tiny discs and needles, also at E = 4e6."""
    shapes = odd_shapes(620, origin=origin)
    found = coverage(rings_of(gpd.GeoSeries(shapes)), size, compiled=compiled)
    polygon, row, col, share = expand_runs(found)
    boxes = shapely.box(col * size, row * size, (col + 1) * size, (row + 1) * size)
    expected = shapely.area(shapely.intersection(boxes, np.array(shapes)[polygon]))

    assert len(shapes) >= 500
    assert not len(found.invalid)
    np.testing.assert_allclose(share * size**2, expected, atol=1e-8 if origin[0] > 1e6 else 1e-11)
    np.testing.assert_allclose(
        np.bincount(polygon, share * size**2, len(shapes)), shapely.area(shapes), atol=1e-8 if size < 1 else 1e-11
    )


def test_coverage_is_that_of_exactextract():
    """Every share equals exactextract's to its single precision, and no cell is missed or invented beyond that."""
    exactextract = pytest.importorskip("exactextract", reason="the peer exactextract is not installed")
    raster = pytest.importorskip("exactextract.raster")
    shapes, crs = odd_shapes(560), CRS("EPSG:3035")
    source = raster.NumPyRasterSource(
        np.ones((30, 30)), xmin=3_985, ymin=2_985, xmax=4_015, ymax=3_015, srs_wkt=crs.to_wkt()
    )
    frame = gpd.GeoDataFrame({"k": np.arange(len(shapes))}, geometry=shapes, crs=crs)
    theirs = exactextract.exact_extract(source, frame, ["cell_id", "coverage"], output="pandas")
    table = np.zeros((len(shapes), 900))
    for k, (cells, shares) in enumerate(zip(theirs["cell_id"], theirs["coverage"], strict=True)):
        table[k, np.asarray(cells, dtype=int)] = shares
    polygon, row, col, share = expand_runs(coverage(rings_of(gpd.GeoSeries(shapes)), 1.0))
    ours = np.zeros_like(table)
    ours[polygon, (3_014 - row) * 30 + col - 3_985] = share

    assert len(shapes) >= 470
    np.testing.assert_allclose(ours, table, atol=2e-6)
    whole = shapely.area(shapes)
    np.testing.assert_allclose(ours.sum(axis=1), whole, atol=1e-13)
    assert np.abs(table.sum(axis=1) - whole).max() > 1e-9, "sums of single precision: the fault that we avoid"


def test_a_tiling_covers_each_cell_once():
    """Shares of a cell in all polygons of a tiling add up to 1 within 1e-12, whatever the order of the polygons."""
    tiles = tiling(60, 20_000.0)
    shuffled = tiles.sample(frac=1.0, random_state=3)
    sums = []
    for shapes in (tiles, shuffled):
        polygon, row, col, share = expand_runs(coverage(rings_of(shapes), 1000.0))
        table = np.zeros((25, 25))
        np.add.at(table, (row - 2_998, col - 3_998), share)
        sums.append(table)
        np.testing.assert_allclose(np.bincount(polygon, share * 1e6), shapes.area, rtol=1e-12)

    np.testing.assert_allclose(sums[0][6:19, 6:19], 1.0, atol=1e-12)
    np.testing.assert_allclose(sums[0], sums[1], atol=1e-14)


@given(st.integers(0, 10_000), st.integers(-3_000, 3_000), st.integers(-2_000, 2_000))
def test_moving_by_whole_cells_moves_the_cells(seed, east, north):
    """A polygon on a raster of corners, moved by whole cells, covers the moved cells, bit for bit."""
    shape = odd_shape(seed)
    if shape is None or not shape.is_valid:
        return
    shape = shapely.set_precision(shape, 2.0**-20)
    if not shape.is_valid or shape.is_empty:
        return
    moved = shapely.transform(shape, lambda xy: xy + (east, north))
    one, other = (coverage(rings_of(gpd.GeoSeries([s])), 1.0) for s in (shape, moved))

    np.testing.assert_array_equal(one.col + east, other.col)
    np.testing.assert_array_equal(one.row + north, other.row)
    np.testing.assert_array_equal(one.share, other.share)


@given(st.integers(0, 10_000), st.sampled_from([2, 5, 10]))
def test_fine_cells_add_up_to_coarse_ones(seed, factor):
    """Covered area by fine cells, added up to coarse ones, is the coarse cells' own."""
    shape = odd_shape(seed)
    if shape is None or not shape.is_valid:
        return
    rings = rings_of(gpd.GeoSeries([shape]))
    table = np.zeros((2, 32, 32))
    for k, (size, ratio) in enumerate(((1.0, 1), (1.0 / factor, factor))):
        _, row, col, share = expand_runs(coverage(rings, size))
        np.add.at(table[k], (row // ratio - 2_984, col // ratio - 3_984), share * size**2)

    np.testing.assert_allclose(table[0], table[1], atol=1e-12)


def test_what_is_wrong_is_named_alike_by_both_ways():
    """Rings that overlap, cross, lie outside, are open or not finite: one list, whichever way they are swept."""
    shapes = broken()
    seen = ["bow-tie", "overlapping parts", "the same part twice", "hole outside its shell", "not finite"]
    blind = ["bow-tie within a cell", "spike", "ring that touches itself along an edge"]
    names = [*seen, *blind]
    rings = rings_of(gpd.GeoSeries([shapes[n] for n in names], crs="EPSG:3035"))
    ring = np.array([(0.0, 0.0), (5.0, 0.0), (5.0, 5.0), (0.0, 5.0)])
    opened = Rings(
        np.concatenate([rings.xy, 1000 * ring]),
        np.append(rings.start, len(rings.xy) + 4),
        np.append(rings.polygon, len(names)),
        np.append(rings.hole, False),
    )
    one, other = (coverage(opened, 1000.0, compiled=c) for c in (True, False))

    assert one.invalid.tolist() == other.invalid.tolist() == [0, 1, 2, 3, 4, len(names)]
    for name in one._fields:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_nothing_covers_nothing():
    """Missing and empty geometries have no rings and leave no run."""
    rings = rings_of(gpd.GeoSeries([None, shapely.Polygon(), shapely.box(0, 0, 1, 1)]))

    assert coverage(rings, 1.0).polygon.tolist() == [2]
    assert len(coverage(rings_of(gpd.GeoSeries([None])), 1.0).share) == 0
