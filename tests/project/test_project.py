"""From sources to cells: mass is kept, missing stays missing, and every way agrees with brute force."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from civigrid.cells import ids_of, is_missing, make_cells, status_of, values_of
from civigrid.crosswalk import Crosswalk
from civigrid.errors import GridMismatchError, MassError, SchemaError, SourceError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.project import (
    Entry,
    check_ledger,
    coarsen,
    coarsen_crosswalk,
    grid_crosswalk,
    label_cells,
    polygon_crosswalk,
    project_areas,
    project_cells,
    project_points,
    regrid,
    reweight,
)
from civigrid.project.methods import count_layer
from civigrid.source import Source
from civigrid.types import Column, Status

KM, FINE = SquareGrid(cell_size_m=1000), SquareGrid(cell_size_m=100)


def tiling(seed=0, n=12):
    """A Voronoi tiling of a 9 x 7 km box: polygons that share their borders."""
    points = np.random.default_rng(seed).uniform([4_000_300, 3_000_300], [4_009_300, 3_007_300], (n, 2))
    box = shapely.box(4_000_250.5, 3_000_250.5, 4_009_333.3, 3_007_411.1)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=box))
    return gpd.GeoSeries([c.intersection(box) for c in cells], [f"0{k}" for k in range(n)], crs="EPSG:3035")


def areas(values, geometry=None, status=None):
    geometry = tiling(n=len(values)) if geometry is None else geometry
    table = pd.DataFrame({"people": values, "rate": np.arange(len(values), dtype=float)}, index=geometry.index)
    about = {"people": Column(), "rate": Column(kind="intensive", units="1", weight="people")}
    return Source(name="areas", table=table, columns=about, geometry=geometry, status=status or {})


@pytest.mark.parametrize("grid", [KM, FINE, SquareGrid(cell_size_m=250), H3Grid(8), H3Grid(9)])
@pytest.mark.parametrize("crs", ["EPSG:3035", "EPSG:25832", "EPSG:4326"])
def test_mass_is_conserved_and_a_tiling_covers_once(grid, crs):
    """All people are placed; no cell is covered more than once."""
    shapes = tiling().to_crs(crs)
    crosswalk = polygon_crosswalk(shapes, grid)
    made = project_areas(areas(np.arange(1.0, 13.0), shapes), crosswalk)

    assert made.ledger[0].error < 1e-12
    assert made.cells["people"].sum() == pytest.approx(78.0, rel=1e-12)
    assert crosswalk.covered.max() <= 1 + 1e-9
    assert made.ledger[0].outside == pytest.approx(0.0, abs=1e-9)


def test_h3_weights_are_exact_intersections():
    """Each shared area equals the intersection in the plane, and whole hexagons keep their true area."""
    shapes = tiling()
    crosswalk = polygon_crosswalk(shapes, H3Grid(8))

    np.testing.assert_allclose(crosswalk.placed_share, 1.0, rtol=1e-10)
    inner = crosswalk.covered > 1 - 1e-9
    np.testing.assert_allclose(
        np.asarray(crosswalk.measure.sum(axis=0))[inner], crosswalk.cell_measure[inner], rtol=1e-8
    )


def test_rates_average_and_constant_density_comes_back():
    """A cell inside one area has its rate; a count spread at constant density returns unchanged."""
    shapes = tiling()
    crosswalk = polygon_crosswalk(shapes, FINE)
    rates = crosswalk.apply_intensive(np.full(12, 0.25))
    density = shapes.area.to_numpy()

    np.testing.assert_allclose(rates, 0.25)
    full = replace_covered(crosswalk)
    np.testing.assert_allclose(full.back_extensive(full.apply_extensive(density)), density, rtol=1e-12)
    np.testing.assert_allclose(crosswalk.back_intensive(rates), 0.25)


def replace_covered(crosswalk):
    """The crosswalk with cells clipped to the source: its border cells are then whole."""
    from dataclasses import replace

    return replace(crosswalk, cell_measure=np.asarray(crosswalk.measure.sum(axis=0)).ravel())


def test_what_lies_outside_the_grid_is_counted_outside():
    """Half an area beyond the extent: half its people are outside, none are lost."""
    edge = gpd.GeoSeries([shapely.box(899_000, 3_000_000, 901_000, 3_001_000)], ["a"], crs="EPSG:3035")
    entry = project_areas(areas([100.0], edge), polygon_crosswalk(edge, KM)).ledger[0]

    assert entry.placed == pytest.approx(50)
    assert entry.outside == pytest.approx(50)


def test_units_without_geometry_are_unplaceable():
    """An area without a shape keeps its people in the ledger."""
    shapes = tiling(n=3)
    shapes.iloc[1] = None
    entry = project_areas(areas([1.0, 10.0, 100.0], shapes), polygon_crosswalk(shapes, KM)).ledger[0]

    assert entry.unplaceable == 10.0
    assert entry.placed == pytest.approx(101.0)


def test_missing_units_never_become_zero():
    """Cells of an unknown area are missing; cells it shares with a known one are lower bounds."""
    status = {"people": np.array([Status.CONFIDENTIAL] + [Status.OK] * 11, dtype=np.uint8)}
    source = areas([np.nan, *np.ones(11)], status=status)
    crosswalk = polygon_crosswalk(source.geometry, KM)
    made = project_areas(source, crosswalk)
    codes, values = status_of(made.cells, "people"), values_of(made.cells, "people")
    touched = crosswalk.measure[[0]].toarray()[0] > 0
    known = crosswalk.measure[1:].sum(axis=0) > 0

    assert {int(Status.CONFIDENTIAL)} == set(codes[touched & ~known].tolist())
    assert {int(Status.PARTIAL)} == set(codes[touched & known].tolist())
    assert np.isnan(values[touched & ~known]).all()
    assert made.ledger[0].missing_units == 1


def test_invalid_polygons_are_named():
    """A bow-tie is refused with its id."""
    bow = gpd.GeoSeries(
        [shapely.Polygon([(4e6, 3e6), (4.01e6, 3.01e6), (4.01e6, 3e6), (4e6, 3.01e6)])], ["x7"], crs="EPSG:3035"
    )

    with pytest.raises(SourceError, match="overlap or cross.*x7"):
        polygon_crosswalk(bow, KM)


def test_points_are_no_polygons():
    """Points in a polygon source are told."""
    point = gpd.GeoSeries([shapely.Point(4e6, 3e6)], ["p"], crs="EPSG:3035")

    with pytest.raises(SourceError, match="hold Point"):
        polygon_crosswalk(point, KM)


def test_a_missing_crs_is_refused():
    """Coordinates without a CRS mean nothing."""
    with pytest.raises(SourceError, match="no CRS"):
        polygon_crosswalk(gpd.GeoSeries([shapely.box(0, 0, 1, 1)], ["a"]), KM)


def test_a_crosswalk_serves_its_own_units_only():
    """Other ids are refused, not matched by place."""
    crosswalk = polygon_crosswalk(tiling(), KM)

    with pytest.raises(SchemaError, match="ids differ"):
        project_areas(areas(np.ones(3), tiling(n=3)), crosswalk)


def test_dasymetric_puts_people_where_people_are():
    """All people of an area go to its inhabited cells; an uninhabited area falls back to its area."""
    shapes = tiling(n=2)
    area = polygon_crosswalk(shapes, FINE)
    inside = np.flatnonzero((area.measure[[0]].toarray()[0] > 9_999) & (area.measure[[1]].toarray()[0] == 0))
    people = make_cells(FINE, area.cell_id[inside[:3]], {"population": [1.0, 2.0, 7.0]}, {"population": Column()})
    weighted = reweight(area, count_layer(people, "population"))
    placed = weighted.apply_extensive(np.array([100.0, 50.0]))

    np.testing.assert_allclose(placed[inside[:3]], [10.0, 20.0, 70.0])
    assert placed.sum() == pytest.approx(150.0)
    assert "1 units by area" in weighted.method
    coarse = coarsen_crosswalk(weighted, KM)
    assert coarse.apply_extensive(np.array([100.0, 50.0])).sum() == pytest.approx(150.0)
    with pytest.raises(GridMismatchError, match="weights lie on"):
        reweight(polygon_crosswalk(shapes, KM), count_layer(people, "population"))


def test_vintages_transfer_through_the_grid():
    """From one tiling to another all people arrive; from a tiling to itself they stay, in whole cells."""
    one, other = polygon_crosswalk(tiling(0), FINE), polygon_crosswalk(tiling(5), FINE)
    moved = replace_covered(one).transfer(replace_covered(other))

    np.testing.assert_allclose(np.asarray(moved.sum(axis=1)).ravel(), 1.0, rtol=1e-9)
    with pytest.raises(GridMismatchError, match="Build both on one grid"):
        one.transfer(polygon_crosswalk(tiling(), KM))


def test_crosswalks_survive_bytes():
    """Writing and reading gives the same bytes and the same results."""
    crosswalk = polygon_crosswalk(tiling(), KM)
    again = Crosswalk.from_bytes(crosswalk.to_bytes())

    assert crosswalk.to_bytes() == again.to_bytes()
    assert crosswalk.digest() == again.digest()
    assert again.grid == KM
    assert len(again.made_from["geometry"]) == 64


def test_labels_follow_the_largest_share():
    """Each cell bears the name of the area that covers most of it."""
    crosswalk = polygon_crosswalk(tiling(), KM)
    label = label_cells(crosswalk, crosswalk.unit_id)
    expected = crosswalk.unit_id[np.asarray(crosswalk.measure.toarray()).argmax(axis=0)]

    assert expected.tolist() == label.tolist()


@given(st.integers(0, 2**32 - 1))
def test_points_are_counted_where_they_are(seed):
    """Counts by cell and group are those of a dictionary filled by hand; placeless and outside points stay known."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform([4_000_000, 3_000_000], [4_003_000, 3_002_000], (30, 2))
    points = list(shapely.points(xy)) + [None, shapely.Point(100_000, 100_000)]
    group = rng.choice(["a", "b"], 32)
    table = pd.DataFrame({"origin": group})
    source = Source(name="register", table=table, geometry=gpd.GeoSeries(points, crs="EPSG:3035"))
    made = project_points(source, KM, by="origin")
    expected = {}
    for (x, y), g in zip(xy, group, strict=False):
        key = (int(x // 1000), int(y // 1000), g)
        expected[key] = expected.get(key, 0) + 1
    row, col = KM.row_col(ids_of(made.cells))
    found = {
        (int(c), int(r), g): int(n)
        for g in ("a", "b")
        if g in made.cells
        for r, c, n in zip(row, col, made.cells[g].values, strict=True)
        if n
    }

    assert expected == found
    assert (made.ledger[0].placed, made.ledger[0].outside, made.ledger[0].unplaceable) == (30.0, 1.0, 1.0)


def test_points_on_h3_are_counted_alike():
    """The same points on hexagons: the total is the same."""
    at = gpd.GeoSeries(gpd.points_from_xy([4e6, 4e6 + 1], [3e6, 3e6]), crs="EPSG:3035")
    made = project_points(Source(name="p", table=pd.DataFrame(index=[0, 1]), geometry=at), H3Grid(9))

    assert made.cells["population"].values.tolist() == [2.0]


def test_coarse_cells_tell_what_is_missing(four_cells):
    """Sums keep what is known, as lower bounds; wholly missing stays missing; rates are weighted means."""
    five = SquareGrid(cell_size_m=5000)
    status = np.array([Status.OK, Status.CONFIDENTIAL, Status.OK, Status.OBSERVED_ZERO], dtype=np.uint8)
    values = np.array([50.0, np.nan, 30.0, 0.0])
    about = {"t": Column(), "r": Column(kind="intensive", units="1", weight="t")}
    cells = make_cells(KM, ids_of(four_cells), {"t": values, "r": [1.0, 9.0, 0.0, 5.0]}, about, status={"t": status})
    coarse = coarsen(cells, five)

    assert coarse["t"].values.tolist() == [80.0]
    assert [int(Status.PARTIAL)] == status_of(coarse, "t").tolist()
    assert coarse["r"].values[0] == pytest.approx(50 / 80)
    alone = coarsen(cells.isel(cell=[1]), five)
    assert is_missing(status_of(alone, "t")).all()
    with pytest.raises(GridMismatchError, match="do not nest"):
        coarsen(cells, H3Grid(7))


def test_squares_to_hexagons_and_back_keep_every_person(four_cells):
    """Each km2 sums to 1 over its hexagons within 1e-12, both ways."""
    crosswalk = grid_crosswalk(ids_of(four_cells), KM, H3Grid(8))

    np.testing.assert_allclose(crosswalk.placed_share, 1.0, atol=1e-12)
    moved = regrid(four_cells, crosswalk)
    assert moved.cells["total"].sum() == pytest.approx(120.0, rel=1e-12)
    back = crosswalk.reversed(KM)
    assert back.apply_intensive(np.ones(len(back.unit_id))).tolist() == [1.0] * 4
    with pytest.raises(GridMismatchError, match="use coarsen"):
        grid_crosswalk(ids_of(four_cells), KM, FINE)


def test_a_ledger_that_does_not_balance_is_refused():
    """Ten went in, nine came out: an error, with the figures."""
    with pytest.raises(MassError, match="10 went in, 9 were placed"):
        check_ledger([Entry(source="s", variable="v", total=10, placed=9)])


def test_sources_that_are_no_cells_are_told():
    """project_cells wants cells, project_points wants points."""
    with pytest.raises(SchemaError, match="no grid"):
        project_cells(areas(np.ones(2)))
    with pytest.raises(SchemaError, match="has no points"):
        project_points(Source(name="t", table=pd.DataFrame(index=[0])), KM)
    line = gpd.GeoSeries([shapely.LineString([(4e6, 3e6), (4.1e6, 3e6)])], crs="EPSG:3035")
    with pytest.raises(SchemaError, match="several corners"):
        project_points(Source(name="t", table=pd.DataFrame(index=[0]), geometry=line), KM)


def test_covered_is_what_the_areas_share_with_each_cell():
    """The covered share of a cell is the sum of its column, whatever order the pairs were found in."""
    shapes = gpd.GeoSeries(
        [shapely.Point(4_500_000 + 700 * k, 3_200_000).buffer(310 + 17 * k) for k in range(9)], crs="EPSG:3035"
    )
    for grid in (SquareGrid(cell_size_m=100), SquareGrid(cell_size_m=1000), H3Grid(10)):
        found = polygon_crosswalk(shapes, grid)
        whole = np.asarray(found.measure.sum(axis=0)).ravel() / found.cell_measure

        np.testing.assert_allclose(found.covered, whole, rtol=1e-9)
