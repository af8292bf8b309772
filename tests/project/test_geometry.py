"""The geometry gate: planes, repair, overseas, the antimeridian."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from civigrid.errors import SourceError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.project import polygon_crosswalk, project_areas
from civigrid.project.geometry import (
    cut_at_antimeridian,
    equal_area_plane,
    mend,
    outside_units,
    run_on_longitudes,
    to_plane,
)
from civigrid.source import Source
from civigrid.types import Column

EU = SquareGrid(cell_size_m=1000)


def series(*shapes, crs="EPSG:4326"):
    return gpd.GeoSeries(list(shapes), [chr(97 + k) for k in range(len(shapes))], crs=crs)


@settings(max_examples=25)
@given(st.floats(-20, 30), st.floats(35, 70), st.floats(0.01, 8), st.floats(0.01, 8), st.sampled_from([1.0, 0.1]))
def test_edges_follow_the_true_curve(west, south, width, height, bend_m):
    """No point of an edge, however long, lies further off than the tolerance."""
    corner = [(west, south), (west + width, south + height), (west, south + height)]
    ours = to_plane(series(shapely.Polygon(corner)), "EPSG:3035", bend_m=bend_m)
    true = series(shapely.Polygon(corner)).segmentize(max(width, height) / 60).to_crs("EPSG:3035")
    off = shapely.distance(shapely.points(shapely.get_coordinates(true.iloc[0])), ours.iloc[0].exterior)

    assert off.max() <= bend_m


def test_without_points_areas_are_wrong():
    """A box of 10 by 5 degrees loses 0.1 % of its area; ours agrees with the ellipsoid to 1e-7."""
    box = series(shapely.box(0, 50, 10, 55))
    ring = shapely.get_coordinates(shapely.segmentize(box.iloc[0], 0.005))
    true = abs(Geod(ellps="WGS84").polygon_area_perimeter(*ring.T)[0]) / 1e6

    assert abs(box.to_crs("EPSG:3035").area.iloc[0] / 1e6 / true - 1) > 1e-3
    assert abs(to_plane(box, "EPSG:3035").area.iloc[0] / 1e6 / true - 1) < 1e-7


def test_neighbours_still_meet_bit_for_bit():
    """Two boxes with one long shared edge share every point of it in the new plane."""
    ours = to_plane(series(shapely.box(0, 50, 4, 53), shapely.box(4, 50, 9, 53)), "EPSG:3035")
    west, east = (set(map(tuple, shapely.get_coordinates(s).tolist())) for s in ours)

    assert len(west & east) > 100
    assert ours.iloc[0].intersection(ours.iloc[1]).area == 0.0


def test_lines_points_and_mixed_kinds_are_brought_too():
    """Lines get points in them, points stay points, collections and missing shapes pass."""
    shapes = [
        shapely.LineString([(0, 50), (9, 50)]),
        shapely.Point(5, 50),
        None,
        shapely.GeometryCollection([shapely.Point(5, 50)]),
        shapely.Polygon(),
    ]
    found = to_plane(series(*shapes), "EPSG:3035")

    assert [None if s is None else s.geom_type for s in found] == [None if s is None else s.geom_type for s in shapes]
    assert shapely.get_num_coordinates(found.iloc[0]) > 100
    assert to_plane(found.iloc[:1], "EPSG:3035") is not None


@pytest.mark.parametrize(
    ("shapes", "crs", "message"),
    [
        ([shapely.box(0, 0, 1, 1)], None, "no CRS"),
        ([shapely.box(0, 0, 1, 95)], "EPSG:4326", "area of use"),
        ([shapely.Polygon([(x, 80) for x in (-150, -90, -30, 30, 90, 150)])], "EPSG:4326", "round a pole"),
        ([shapely.Polygon([(179, 0), (-179, 2), (-179, 0), (179, 2)])], "EPSG:4326", "crosses 180 degrees and is inv"),
    ],
)
def test_what_cannot_be_brought_is_refused(shapes, crs, message):
    """No CRS, no place, no inside: each in its own words."""
    with pytest.raises(SourceError, match=message):
        to_plane(gpd.GeoSeries(shapes, ["a"], crs=crs), "EPSG:3035")


def test_a_polygon_across_180_keeps_its_area_on_hexagons():
    """Fiji-like: the crosswalk to H3 holds 4 square degrees, and each side of the line has cells."""
    naive = series(shapely.Polygon([(179, -18), (-179, -18), (-179, -16), (179, -16)]))
    naive["b"] = shapely.box(178, -18, 179, -16)
    cut, rows = cut_at_antimeridian(naive)
    true = abs(Geod(ellps="WGS84").polygon_area_perimeter([179, 181, 181, 179], [-18, -18, -16, -16])[0]) / 1e6
    grid = H3Grid(4)
    found = polygon_crosswalk(cut, grid)
    again = polygon_crosswalk(naive, grid)
    placed = np.asarray(found.measure.sum(axis=1)).ravel()

    assert rows.tolist() == [True, False]
    assert equal_area_plane(naive) == equal_area_plane(cut)
    assert equal_area_plane(cut).startswith("+proj=laea +lat_0=-17.0000 +lon_0=179.5000")
    assert abs(found.unit_measure[0] / 1e6 / true - 1) < 1e-3
    assert np.abs(placed / found.unit_measure - 1).max() < 1e-12
    assert (again.measure - found.measure).count_nonzero() == 0
    assert {bool(x > 0) for x in grid.centre(found.cell_id)[:, 0]} == {True, False}


def test_a_plane_for_data_on_both_sides_of_180():
    """The plane is centred on the data, not on the far side of the world; in Europe it is the European one."""
    assert equal_area_plane(series(shapely.box(176, -40, 178, -38), shapely.box(-178, -44, -176, -43))) == (
        "+proj=laea +lat_0=-41.0000 +lon_0=180.0000 +ellps=GRS80 +units=m"
    )
    assert equal_area_plane(series(shapely.box(5, 50, 6, 51))) == "EPSG:3035"
    assert equal_area_plane(series(shapely.Polygon())) == "EPSG:3035"


def test_repair_counts_what_rings_enclose_twice_once():
    """Bow-tie, a loop laid over itself, parts that overlap: areas before and after, worked out on paper."""
    bow = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    loop = shapely.Polygon([(0, 0), (4, 0), (4, 2), (1, 2), (1, 1), (3, 1), (3, 3), (0, 3)])
    parts = shapely.MultiPolygon([shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)])
    whole = shapely.box(0, 0, 1, 1)
    shapes, table = mend(series(bow, loop, parts, whole, None, crs="EPSG:3035"))

    assert table.index.tolist() == ["a", "b", "c"]
    assert table["before_m2"].tolist() == [0.0, 13.0, 8.0]
    assert table["after_m2"].tolist() == [0.5, 11.0, 7.0]
    assert table["change_percent"].tolist() == [np.inf, -200 / 13, -12.5]
    assert shapes.iloc[:4].is_valid.all()
    assert mend(shapes)[1].empty


def test_repair_of_a_bow_tie_across_180():
    """Longitudes run on, then it is mended, then cut: half of 4 square degrees is left, valid."""
    bow = series(shapely.Polygon([(179, 0), (-179, 2), (-179, 0), (179, 2)]))
    turned, rows = run_on_longitudes(bow)
    fixed, table = mend(turned)
    found, _ = cut_at_antimeridian(fixed)

    assert rows.all()
    assert len(table) == 1
    assert found.iloc[0].is_valid
    assert shapely.area(found.iloc[0]) == 2.0


def test_units_outside_are_named_with_their_area():
    """Half out of the grid, wholly out, inside; H3 has no outside."""
    shapes = series(
        shapely.box(7_399_000, 3_000_000, 7_401_000, 3_001_000),
        shapely.box(8_000_000, 3_000_000, 8_001_000, 3_001_000),
        shapely.box(4_000_000, 3_000_000, 4_001_000, 3_001_000),
        crs="EPSG:3035",
    )
    found = outside_units(shapes, EU)

    assert found["outside_grid_km2"].tolist() == [1.0, 1.0]
    assert found["share_outside"].tolist() == [0.5, 1.0]
    assert outside_units(shapes, H3Grid(7)).empty


@pytest.fixture(scope="module")
def nuts(real_data):
    """NUTS 2 regions of 2024, their crosswalk to the EU grid of 10 km, and which of them leave it."""
    frame = pyogrio.read_dataframe(real_data / "eu_nuts2024_20m" / "nuts2024_20m.gpkg", where="LEVL_CODE = 2")
    shapes = gpd.GeoSeries(frame.geometry.to_numpy(), frame["NUTS_ID"].to_numpy(), crs=frame.crs)
    grid = SquareGrid(cell_size_m=10_000)
    return shapes, polygon_crosswalk(shapes, grid), outside_units(shapes, grid)


def test_overseas_territories_of_the_real_file(nuts):
    """The French overseas regions and Svalbard leave the grid; Madeira, Azores and Canaries do not."""
    shapes, crosswalk, found = nuts
    wholly = found.index[found["share_outside"] > 1 - 1e-9]
    placed = np.asarray(crosswalk.measure.sum(axis=1)).ravel() / 1e6
    area = crosswalk.unit_measure / 1e6
    off = found["outside_grid_km2"].reindex(shapes.index).fillna(0.0).to_numpy()

    assert set(wholly) == {"FRY1", "FRY2", "FRY3", "FRY4", "FRY5"}
    assert set(found.index) == {*wholly, "NO0B"}
    assert found.loc["FRY3", "outside_use_km2"] > 80_000
    assert np.abs(area - placed - off).max() < 1e-6 * area.max()


def test_mass_outside_the_grid_is_in_the_ledger(nuts):
    """A thousand people in each NUTS 2 region: those overseas are outside, to the person, and nothing is lost."""
    shapes, crosswalk, found = nuts
    people = pd.DataFrame({"people": np.full(len(shapes), 1000.0)}, index=shapes.index)
    source = Source(name="nuts", table=people, geometry=shapes, columns={"people": Column(long_name="People")})
    entry = project_areas(source, crosswalk).ledger[0]

    assert entry.outside == pytest.approx(1000 * found["share_outside"].sum(), rel=1e-6)
    assert 5_000 < entry.outside < 6_000
    assert entry.error < 1e-12
