"""Golden facts on real files."""

import numpy as np
import pytest

from civigrid.cells import ids_of, values_of
from civigrid.grid import SquareGrid
from civigrid.io.census import read_census_grid
from civigrid.io.counts import join_counts
from civigrid.io.german_grid import read_german_grid
from civigrid.io.points import read_points
from civigrid.io.vector import read_areas
from civigrid.project import cells_of_points, coarsen, polygon_crosswalk, project_areas, project_cells
from civigrid.types import Status


@pytest.fixture(scope="module")
def europe(real_data):
    """The whole census grid: total and birth places."""
    path = real_data / "eu_census2021_1km" / "census2021_1km_v2.parquet"
    return read_census_grid(path, columns=["T", "NAT", "EU_OTH", "OTH", "EMP"], cell_size_m=1000)


def test_golden_totals_of_europe(europe):
    """1,906,023 cells, 455,671,735 residents; flags and border cells as counted by hand."""
    source, report = europe
    counts = {f.code: f.count for f in report if "T is" in f.message or "border" in f.code or "no-country" in f.code}

    assert len(source.table) == 1_906_023
    assert source.table["T"].sum() == 455_671_735
    assert counts["census.border"] == 28_616
    assert counts["census.no-country"] == 4_424
    assert int((source.status["T"] == Status.CONFIDENTIAL).sum()) == 4_424
    assert int((source.status["T"] == Status.PERTURBED).sum()) == 3_883


def test_employment_that_was_not_delivered_is_unavailable(europe):
    """EMP of DE, FR and CH is a column of zeros: it is missing, and said to be."""
    source, report = europe
    employed = source.table.loc[source.table["country"] == "DE", "EMP"]

    assert employed.isna().all()
    assert any(f.code == "census.not-delivered" and "CH, DE, FR" in f.message for f in report)
    assert source.table["EMP"].sum() == 130_196_582


@pytest.mark.parametrize(("km", "rows"), [(5, 156_862), (10, 45_184), (50, 2_348), (100, 697)])
def test_sums_equal_the_publishers_own_grids(europe, real_data, km, rows):
    """Aggregated 1 km cells are the published coarser cells, for every count."""
    fine = project_cells(europe[0], columns=["T", "NAT", "OTH"]).cells
    coarse = coarsen(fine, SquareGrid(cell_size_m=1000 * km))
    path = real_data / "eu_census2021_1km" / f"census2021_{km}km_v2_published.parquet"
    published, _ = read_census_grid(path, columns=["T", "NAT", "OTH"], cell_size_m=1000 * km)

    assert rows == coarse.sizes["cell"]
    assert published.table.index.tolist() == ids_of(coarse).tolist()
    for name in ("T", "NAT", "OTH"):
        expected = np.nan_to_num(published.table[name].to_numpy())
        assert expected.tolist() == np.nan_to_num(values_of(coarse, name)).tolist()


def test_an_original_tile_holds_the_same_cells(europe, real_data):
    """A published tile, whose x and y count within the tile, agrees with the big table."""
    tile, _ = read_census_grid(real_data / "eu_census2021_1km" / "tiles_1000" / "17" / "12.parquet", columns=["T"])
    expected = europe[0].table.loc[tile.table.index, "T"]

    assert np.nan_to_num(expected.to_numpy()).tolist() == np.nan_to_num(tile.table["T"].to_numpy()).tolist()


@pytest.fixture(scope="module")
def berlin(real_data):
    """Planning areas with residents."""
    areas, _ = read_areas(
        real_data / "berlin_lor_boundaries" / "lor_planungsraeume_2021.shp", id_column="PLR_ID", labels=["BEZ"]
    )
    path = real_data / "berlin_lor_population" / "berlin-lor-population-2021-02-t1-planning-areas.csv"
    return join_counts(areas, path, id_column="id", columns={"inhabitants": "population"})


def test_berlin_joins_and_projects_without_losing_anyone(berlin):
    """542 of 542 areas join; 3,775,480 people reach the 100 m grid, off by less than 1e-12."""
    source, report = berlin
    made = project_areas(source, polygon_crosswalk(source.geometry, SquareGrid(cell_size_m=100)))

    assert report.findings == ()
    assert made.ledger[0].total == 3_775_480
    assert made.ledger[0].error < 1e-12


def test_services_lie_in_the_area_their_publisher_says(berlin, real_data):
    """Points to areas through 100 m cells agree with the ready-made answer wherever a cell lies in one area."""
    source, _ = read_points(real_data / "berlin_services" / "osm" / "libraries.geojson", labels=["planning-area-id"])
    grid = SquareGrid(cell_size_m=100)
    crosswalk = polygon_crosswalk(berlin[0].geometry, grid)
    whole = np.flatnonzero((crosswalk.measure.toarray() > 9_999).any(axis=0))
    area = {
        int(crosswalk.cell_id[c]): str(crosswalk.unit_id[crosswalk.measure[:, [c]].toarray()[:, 0].argmax()])
        for c in whole
    }
    found = [
        (area.get(int(c)), a)
        for c, a in zip(cells_of_points(source, grid), source.table["planning-area-id"], strict=True)
    ]
    known = [(ours, theirs.zfill(8)) for ours, theirs in found if ours is not None]

    assert len(known) > 40
    assert [theirs for _, theirs in known] == [ours for ours, _ in known]


def test_invalid_municipalities_are_repaired(real_data):
    """37 of the 10,990 German municipalities are invalid: all are mended and told; six change by more than 1 %."""
    source, report = read_areas(real_data / "de_vg250_municipalities" / "VG250_GEM_simplified.zip", id_column="ARS")

    assert {f.code: f.count for f in report} == {"areas.repaired": 37, "areas.changed": 6}
    assert next(f for f in report if f.level == "error").examples[0] == "160615014056 +322,847 m2 (+11 %)"
    assert source.geometry.is_valid.all()


def test_german_cells_are_centres(real_data):
    """Zensus 2022 of Berlin: 64,321 cells, 34,784 without a published share of foreigners."""
    path = real_data / "de_zensus2022_100m_cities" / "berlin_zensus_100m.parquet"
    source, _ = read_german_grid(path, rates={"foreigner_pct": "%"})

    assert len(source.table) == 64_321
    assert int(source.table["foreigner_pct"].isna().sum()) == 34_784
