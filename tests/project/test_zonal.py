"""Cells back to zones: exact for constant density, honest about what is missing, equal to an independent library."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from civigrid.cells import ids_of, make_cells, status_of, values_of
from civigrid.errors import GridMismatchError, SchemaError, UnknownNameError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.project import polygon_crosswalk, project_areas
from civigrid.project.zonal import STATISTICS, zonal
from civigrid.source import Source
from civigrid.types import Bounds, Column, Status

KM = SquareGrid(cell_size_m=1000)
WEST, SOUTH = 4_000_000, 3_000_000


def tiling(seed=0, n=9, box=(4_000_250.5, 3_000_250.5, 4_007_333.3, 3_006_411.1)):
    """Voronoi areas that fill a box askew on the grid."""
    points = np.random.default_rng(seed).uniform(box[:2], box[2:], (n, 2))
    shape = shapely.box(*box)
    parts = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=shape))
    return gpd.GeoSeries([p.intersection(shape) for p in parts], [f"z{k}" for k in range(n)], crs="EPSG:3035")


def land(seed=0, n=8):
    """Cells with people of whom some are hidden."""
    rng = np.random.default_rng(seed)
    row, col = np.divmod(np.arange(n * n), n)
    ids = KM.from_row_col(SOUTH // 1000 + row, WEST // 1000 + col)
    total = rng.integers(0, 90, n * n).astype(float)
    part = np.floor(total * rng.random(n * n))
    codes = rng.choice(np.array([0, 3, 4, 5], np.uint8), n * n, p=[0.7, 0.1, 0.1, 0.1])
    gone = np.isin(codes, (3, 4))
    about = {"T": Column(), "g": Column(part_of="T"), "r": Column(kind="intensive", units="1", weight="T")}
    values = {"T": total, "g": np.where(gone, np.nan, part), "r": rng.random(n * n)}
    zone = np.where(col < n // 2, "west", "east")
    order = np.argsort(ids)
    return make_cells(KM, ids, values, about, status={"g": codes}, labels={"half": zone}), part[order]


def covered_as_shared(crosswalk):
    """The crosswalk whose share of each covered cell is the sum of what units share with it."""
    held = np.asarray(crosswalk.measure.sum(axis=0)).ravel()
    return replace(crosswalk, covered=np.minimum(held / crosswalk.cell_measure, 1.0))


@pytest.mark.parametrize("grid", [KM, SquareGrid(cell_size_m=100), H3Grid(8), H3Grid(9)])
def test_constant_density_comes_back_exactly(grid):
    """Areas to cells to the same areas: equal to 1e-12, on squares and hexagons, counts and rates."""
    shapes = tiling()
    crosswalk = covered_as_shared(polygon_crosswalk(shapes, grid))
    density = crosswalk.unit_measure / 1e4
    data = pd.DataFrame({"n": density, "r": np.full(9, 0.3)}, index=shapes.index)
    about = {"n": Column(), "r": Column(kind="intensive", units="1", weight="n")}
    made = project_areas(Source(name="s", table=data, columns=about, geometry=shapes), crosswalk)
    found = zonal(made.cells, crosswalk)

    np.testing.assert_allclose(found.table["n"], crosswalk.placed_share * density, rtol=1e-12)
    np.testing.assert_allclose(found.table["r"], 0.3, rtol=1e-12)
    assert found.ledger[0].error < 1e-12
    assert found.ledger[0].outside == pytest.approx(0.0, abs=1e-6 * density.sum())


def test_a_zone_by_hand():
    """Two cells, one hidden, one shared by half: sum, bounds, shares and counts of cells."""
    ids = KM.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
    about = {"T": Column(), "g": Column(part_of="T", noise_variance=2.0)}
    hidden = {"g": np.array([Status.OK, Status.CONFIDENTIAL], dtype=np.uint8)}
    cells = make_cells(KM, ids, {"T": [10.0, 8.0], "g": [4.0, np.nan]}, about, status=hidden)
    boxes = [
        shapely.box(WEST, SOUTH, WEST + 1500, SOUTH + 1000),
        shapely.box(WEST + 1500, SOUTH, WEST + 2000, SOUTH + 1000),
    ]
    boxes += [shapely.box(WEST + 5000, SOUTH, WEST + 5500, SOUTH + 500), None]
    zones = gpd.GeoSeries(boxes, ["a", "b", "far", "none"], crs="EPSG:3035")
    found = zonal(cells, polygon_crosswalk(zones, KM), variables=["T", "g"])
    table = found.table

    assert table["T"].tolist()[:2] == [14.0, 4.0]
    assert table["g"].tolist()[0] == 4.0
    assert table["g"].isna().tolist() == [False, True, True, True]
    expected = [Status.PARTIAL, Status.CONFIDENTIAL, Status.UNAVAILABLE, Status.UNAVAILABLE]
    assert [int(s) for s in expected] == table["g_status"].tolist()
    assert table["g_low"].tolist()[:3] == [4.0, 0.0, 0.0]
    assert table["g_high"].tolist() == [8.0, 4.0, np.inf, np.inf]
    assert table["g_confidential_cells"].tolist() == [1, 1, 0, 0]
    assert table["listed_share"].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert table["g_known_share"].tolist() == [pytest.approx(2 / 3), 0.0, 0.0, 0.0]
    assert table["g_noise_variance"].tolist()[:2] == [2.0, 0.0]
    assert (found.ledger[0].total, found.ledger[0].placed, found.ledger[0].outside) == (18.0, 18.0, 0.0)
    wide = gpd.GeoSeries([shapely.box(WEST, SOUTH, WEST + 4000, SOUTH + 1000)], ["w"], crs="EPSG:3035")
    for absent, status, high in (("empty", Status.OK, 18.0), ("unknown", Status.PARTIAL, np.inf)):
        row = zonal(cells, polygon_crosswalk(wide, KM), variables=["T"], absent=absent).table.iloc[0]
        assert (row["T"], row["T_status"], row["T_high"], row["listed_share"]) == (18.0, status, high, 0.5)


@given(st.integers(0, 2**32 - 1))
def test_zones_bound_the_truth(seed):
    """Low <= what the zones would have if all cells were known <= high; every person is in a zone or outside."""
    cells, truth = land(seed)
    crosswalk = polygon_crosswalk(tiling(seed, n=5), KM)
    found = zonal(cells, crosswalk, variables=["g"], also=["min", "max"])
    full = make_cells(KM, ids_of(cells), {"g": truth}, {"g": Column()})
    true = zonal(full, crosswalk).table["g"]

    assert (found.table["g_low"] <= true + 1e-9).all()
    assert (true <= found.table["g_high"] + 1e-9).all()
    assert found.ledger[0].missing_units == np.isnan(values_of(cells, "g")).sum()
    missing = found.table["g_missing_cells"] > 0
    assert (found.table["g_status"].isin([3, 4, 8]) == missing).all()


def test_zones_that_overlap_each_get_all():
    """Two zones on one cell both have its people; the ledger counts them once."""
    cells, _ = land()
    box = shapely.box(WEST, SOUTH, WEST + 1000, SOUTH + 1000)
    zones = polygon_crosswalk(gpd.GeoSeries([box, box], ["a", "b"], crs="EPSG:3035"), KM)
    found = zonal(cells, zones, variables=["T"])

    assert found.table["T"].tolist() == [values_of(cells, "T")[0]] * 2
    assert found.ledger[0].placed == values_of(cells, "T")[0]
    assert "overlap" in found.ledger[0].method


def test_a_zone_beyond_the_grid_is_partly_known():
    """What lies outside the grid was not counted: a lower bound without an upper one."""
    cells, _ = land()
    grid = replace(KM, bounds_m=Bounds(WEST, SOUTH, WEST + 8000, SOUTH + 8000))
    cells = make_cells(grid, ids_of(cells), {"T": values_of(cells, "T")}, {"T": Column()})
    box = gpd.GeoSeries([shapely.box(WEST - 1000, SOUTH, WEST + 1000, SOUTH + 1000)], ["a"], crs="EPSG:3035")
    table = zonal(cells, polygon_crosswalk(box, grid)).table

    assert table["T"].tolist() == [values_of(cells, "T")[0]]
    assert [int(Status.PARTIAL)] == table["T_status"].tolist()
    assert table["T_high"].tolist() == [np.inf]
    assert table["T_known_share"].tolist() == [pytest.approx(0.5)]


def test_quantiles_and_majorities_by_brute_force():
    """Each quantile is the value where the sorted shares pass it; the label is that of the largest area."""
    cells, _ = land(4)
    crosswalk = polygon_crosswalk(tiling(4), KM)
    table = zonal(cells, crosswalk, variables=["r"], labels=["half"], also=list(STATISTICS)).table
    rate, half = values_of(cells, "r"), cells["half"].values
    at = np.searchsorted(ids_of(cells), crosswalk.cell_id)
    shared = crosswalk.measure.toarray()
    for z in range(shared.shape[0]):
        touched = np.flatnonzero(shared[z] > 0)
        order = touched[np.argsort(rate[at[touched]])]
        passed = np.cumsum(shared[z, order]) / shared[z].sum()
        for name, q in STATISTICS.items():
            assert table[f"r_{name}"].iloc[z] == rate[at[order[np.argmax(passed >= q - 1e-9)]]]
        by = {h: shared[z, touched][half[at[touched]] == h].sum() for h in ("west", "east")}
        assert table["half"].iloc[z] == max(by, key=by.get)
        assert table["half_share"].iloc[z] == pytest.approx(max(by.values()) / shared[z].sum())


def test_exactextract_finds_the_same_sums_and_means():
    """An independent library, on 9 zones: sums, means weighted by people, smallest and largest values."""
    exactextract = pytest.importorskip("exactextract", reason="exactextract is a peer: install the group 'peers'")
    from exactextract.raster import NumPyRasterSource

    cells, _ = land(2)
    shapes = tiling(2)
    row, col = KM.row_col(ids_of(cells))
    rasters = {}
    for name in ("T", "r"):
        image = np.zeros((8, 8))
        image[7 - (row - SOUTH // 1000), col - WEST // 1000] = values_of(cells, name)
        rasters[name] = NumPyRasterSource(
            image, xmin=WEST, ymin=SOUTH, xmax=WEST + 8000, ymax=SOUTH + 8000, name=name, srs_wkt=shapes.crs.to_wkt()
        )
    frame = gpd.GeoDataFrame({"zone": shapes.index}, geometry=shapes.to_numpy(), crs=shapes.crs)
    sums = exactextract.exact_extract(rasters["T"], frame, ["sum", "min", "max"], output="pandas")
    means = exactextract.exact_extract(
        rasters["r"], frame, ["weighted_mean"], weights=rasters["T"], output="pandas"
    )  # fmt: skip
    table = zonal(cells, polygon_crosswalk(shapes, KM), also=["min", "max"]).table

    np.testing.assert_allclose(table["T"], sums["sum"], rtol=1e-6)
    np.testing.assert_allclose(table["T_min"], sums["min"])
    np.testing.assert_allclose(table["T_max"], sums["max"])
    np.testing.assert_allclose(table["r"], means.iloc[:, 0], rtol=1e-6)


def test_what_cannot_be_is_refused():
    """Another grid, an unknown variable, statistic, label or meaning of absent cells."""
    cells, _ = land()
    crosswalk = polygon_crosswalk(tiling(), KM)
    with pytest.raises(GridMismatchError, match="the zones on"):
        zonal(cells, polygon_crosswalk(tiling(), SquareGrid(cell_size_m=500)))
    with pytest.raises(UnknownNameError, match="unknown statistic 'mean'"):
        zonal(cells, crosswalk, also=["mean"])
    with pytest.raises(SchemaError, match="no variable 'x'"):
        zonal(cells, crosswalk, variables=["x"])
    with pytest.raises(SchemaError, match="is no label"):
        zonal(cells, crosswalk, labels=["T"])
    with pytest.raises(UnknownNameError, match="absent cells"):
        zonal(cells, crosswalk, absent="zero")
    assert status_of(cells, "T").max() == 0


def test_a_zone_that_cuts_inhabited_cells_is_an_estimate():
    """Whole cells are counted; half a cell of people is guessed, and says so."""
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(np.array([3000, 3000, 3000]), np.array([4000, 4001, 4002]))
    cells = make_cells(grid, ids, {"T": [10.0, 4.0, 0.0]}, {"T": Column()})
    shapes = [
        shapely.box(4_000_000 + a, 3e6, 4_000_000 + b, 3_001_000) for a, b in ((0, 1_000), (0, 1_500), (1_000, 2_500))
    ]
    zones = gpd.GeoSeries(shapes, ["whole", "cut", "empty is cut"], crs="EPSG:3035")
    found = zonal(cells, polygon_crosswalk(zones, grid)).table

    assert [Status(s).name for s in found["T_status"]] == ["OK", "IMPUTED", "OK"]
