"""Rasters to cells: every pixel is dealt out, nothing unknown becomes 0, and others find the same."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from civigrid.cells import ids_of, status_of, to_geodataframe, values_of
from civigrid.engine import Scheduler
from civigrid.errors import GridMismatchError, SchemaError, SourceError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.raster import open_raster
from civigrid.project import pixel_cells, rasters
from civigrid.project.pixel_cells import Lattice
from civigrid.project.rasters import RasterArray, project_classes, project_raster
from civigrid.types import Column, Status

KM = SquareGrid(cell_size_m=1000)
FINE = SquareGrid(cell_size_m=100)
RATE = Column(kind="intensive", units="1")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
LATTICES = {
    "nested": ("EPSG:3035", (50.0, 0.0, 4_500_000.0, 0.0, -50.0, 3_203_000.0)),
    "misaligned": ("EPSG:3035", (37.0, 0.0, 4_500_013.0, 0.0, -41.0, 3_203_007.0)),
    "southwards": ("EPSG:3035", (37.0, 0.0, 4_500_013.0, 0.0, 41.0, 3_203_007.0)),
    "coarser": ("EPSG:3035", (1_700.0, 0.0, 4_500_013.0, 0.0, -1_300.0, 3_243_007.0)),
    "turned": ("EPSG:3035", (30.0, 10.0, 4_500_013.0, 8.0, -33.0, 3_203_007.0)),
    "utm": ("EPSG:25833", (43.0, 0.0, 380_000.0, 0.0, -43.0, 5_820_000.0)),
    "degrees": ("EPSG:4326", (1 / 1800, 0.0, 13.3, 0.0, -1 / 1800, 52.6)),
}


def raster(name, shape=(60, 70), seed=1, unknown=0.0):
    crs, transform = LATTICES[name]
    rng = np.random.default_rng(seed)
    values = rng.gamma(0.5, 10.0, shape)
    values[rng.random(shape) < unknown] = np.nan
    return RasterArray(values, Lattice(crs, transform, *shape))


@pytest.mark.parametrize("grid", [KM, FINE, SquareGrid(cell_size_m=5000), H3Grid(7), H3Grid(9)], ids=lambda g: g.id)
@pytest.mark.parametrize("name", LATTICES)
def test_a_counts_total_stays(name, grid):
    """People per pixel keep their total to 1e-12 on every grid, with and without unknown pixels."""
    for unknown in (0.0, 0.3):
        given_ = raster(name, unknown=unknown)
        made = project_raster(given_, grid, name="people")
        (entry,) = made.ledger

        assert np.nansum(given_.values) == pytest.approx(made.cells["people"].sum().item(), rel=1e-12)
        assert (int(np.isnan(given_.values).sum()), 0.0) == (entry.missing_units, entry.outside)


def test_nested_pixels_are_added_as_they_are():
    """Where 20 by 20 pixels fill a cell, sums and means of whole counts are those of plain blocks to the last bit."""
    given_ = raster("nested", shape=(60, 80))
    whole = RasterArray(np.rint(given_.values), given_.lattice)
    made = project_raster(whole, KM, name="people")
    rate = project_raster(whole, KM, name="rate", about=RATE)
    row, col = KM.row_col(ids_of(made.cells))
    blocks = whole.values.reshape(3, 20, 4, 20).sum(axis=(1, 3))[3202 - row, col - 4500]

    assert blocks.tolist() == made.cells["people"].values.tolist()
    assert (blocks / 400).tolist() == rate.cells["rate"].values.tolist()
    assert set(status_of(made.cells, "people")) <= {Status.OK, Status.OBSERVED_ZERO}
    assert made.cells["covered"].values.tolist() == [1.0] * 12


def test_misaligned_pixels_are_split_by_overlap():
    """Shares are products of overlaps along each axis: two matrices, written out, give the same."""
    given_ = raster("misaligned")
    made = project_raster(given_, FINE, name="people")
    a, _, west, _, e, north = given_.lattice.transform
    row, col = FINE.row_col(ids_of(made.cells))

    def overlap(cell, first, step, n):
        sides = first + step * np.arange(n + 1)
        low, high = np.minimum(sides[:-1], sides[1:]), np.maximum(sides[:-1], sides[1:])
        shared = np.minimum(high, (cell[:, None] + 1) * 100) - np.maximum(low, cell[:, None] * 100)
        return np.clip(shared, 0, None) / abs(step)

    expected = np.einsum("kr,rc,kc->k", overlap(row, north, e, 60), given_.values, overlap(col, west, a, 70))

    np.testing.assert_allclose(made.cells["people"].values, expected, rtol=1e-11)


@pytest.mark.parametrize("name", ["misaligned", "utm", "degrees"])
def test_exactextract_finds_the_same(name):
    """Sums by cell agree with exactextract, drawn in the raster's CRS, to its float32 coverage."""
    exactextract = pytest.importorskip("exactextract", reason="exactextract is a peer, not a dependency")
    from exactextract.raster import NumPyRasterSource

    given_ = raster(name)
    made = project_raster(given_, KM, name="people")
    b = given_.lattice.bounds
    sides = {"xmin": b.west, "ymin": b.south, "xmax": b.east, "ymax": b.north}
    cells = to_geodataframe(made.cells).to_crs(given_.lattice.crs)
    theirs = NumPyRasterSource(given_.values, **sides, srs_wkt=cells.crs.to_wkt())
    frame = gpd.GeoDataFrame({"k": np.arange(len(cells))}, geometry=cells.geometry.to_numpy(), crs=cells.crs)
    found = exactextract.exact_extract(theirs, frame, ["sum"], output="pandas")["sum"]

    np.testing.assert_allclose(made.cells["people"].values, found, rtol=2e-6, atol=1e-5 * given_.values.mean())


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_gdal_finds_nearly_the_same():
    """GDAL's sum resampling of the same raster agrees where cells are large against pixels."""
    from rasterio.warp import Resampling, reproject

    given_ = raster("utm", shape=(150, 150))
    made = project_raster(given_, KM, name="people")
    row, col = KM.row_col(ids_of(made.cells))
    top, left = int(row.max()) + 1, int(col.min())
    into = np.zeros((top - int(row.min()), int(col.max()) + 1 - left))
    reproject(
        given_.values, into, src_crs=given_.lattice.crs, dst_crs="EPSG:3035", resampling=Resampling.sum,
        src_transform=rasterio.Affine(*given_.lattice.transform),
        dst_transform=rasterio.Affine(1000, 0, left * 1000, 0, -1000, top * 1000),
    )  # fmt: skip
    whole = made.cells["covered"].values > 1 - 1e-9

    np.testing.assert_allclose(made.cells["people"].values[whole], into[top - 1 - row, col - left][whole], rtol=0.02)


@given(
    st.sampled_from(["misaligned", "utm", "degrees", "turned"]),
    st.integers(0, 2**32 - 1),
    st.sampled_from([KM, H3Grid(8)]),
)
@settings(max_examples=20)
def test_means_lie_between_and_keep_a_constant(name, seed, grid):
    """A mean lies within what it averages; a constant stays itself; weighted by w it is sum of v w over sum of w."""
    given_ = raster(name, shape=(40, 45), seed=seed, unknown=0.2)
    weight = raster(name, shape=(40, 45), seed=seed + 1, unknown=0.1)
    mean = project_raster(given_, grid, name="v", about=RATE).cells["v"].values
    seven = RasterArray(np.where(np.isnan(given_.values), np.nan, 7.0), given_.lattice)
    product = RasterArray(given_.values * weight.values, given_.lattice)
    base = RasterArray(np.where(np.isnan(given_.values), np.nan, weight.values), given_.lattice)
    weighted = project_raster(given_, grid, name="v", about=RATE, weight=weight).cells
    top, bottom = (project_raster(r, grid, name="v").cells["v"] for r in (product, base))
    ratio = (top / bottom).values[np.isin(ids_of(top.to_dataset()), ids_of(weighted))]

    assert np.nanmin(given_.values) <= mean.min() <= mean.max() <= np.nanmax(given_.values)
    np.testing.assert_allclose(project_raster(seven, grid, name="v", about=RATE).cells["v"].values, 7.0, rtol=1e-12)
    np.testing.assert_allclose(weighted["v"].values, ratio, rtol=1e-9)


def test_unknown_is_never_zero():
    """A cell half of unknown pixels is a lower bound; one of unknown pixels alone is absent; a mean ignores them."""
    values = np.full((20, 60), 2.0)
    values[:, 10:20], values[:, 40:] = np.nan, np.nan
    given_ = RasterArray(values, Lattice("EPSG:3035", (50.0, 0.0, 4e6, 0.0, -50.0, 3_001_000.0), 20, 60))
    counts = project_raster(given_, KM, name="n").cells
    rate = project_raster(given_, KM, name="r", about=RATE).cells

    assert values_of(counts, "n").tolist() == [400.0, 800.0]
    assert counts["covered"].values.tolist() == [0.5, 1.0]
    assert status_of(counts, "n").tolist() == [Status.PARTIAL, Status.OK]
    assert values_of(rate, "r").tolist() == [2.0, 2.0]


@pytest.mark.parametrize("grid", [KM, H3Grid(8)], ids=lambda g: g.id)
@pytest.mark.parametrize("name", ["nested", "utm", "degrees"])
def test_classes_share_the_cell(name, grid):
    """Shares of all classes and the unknown sum to 1 inside; the largest class has the largest share."""
    rng = np.random.default_rng(3)
    given_ = raster(name, shape=(90, 90))
    codes = RasterArray(
        rng.choice([1.0, 2.0, 3.0, np.nan], given_.values.shape, p=[0.5, 0.2, 0.2, 0.1]), given_.lattice
    )
    classes = {1: "urban", 2: "forest", 3: "water"}
    cells = project_classes(codes, grid, classes)
    shares = np.stack([values_of(cells, n) for n in classes.values()], axis=1)
    inside = values_of(project_raster(given_, grid, name="n").cells, "covered") > 1 - 1e-9

    np.testing.assert_allclose(shares.sum(axis=1), values_of(cells, "covered"), atol=1e-12)
    assert np.array(list(classes.values()))[shares.argmax(axis=1)].tolist() == cells["largest"].values.tolist()
    assert np.average(shares[inside], axis=0) == pytest.approx([0.5, 0.2, 0.2], abs=0.05)
    two = project_classes(codes, grid, {1: "urban"})
    assert (values_of(two, "urban") == shares[:, 0]).all()
    np.testing.assert_array_equal(values_of(two, "covered"), values_of(cells, "covered"))


@pytest.mark.parametrize("grid", [KM, H3Grid(8)], ids=lambda g: g.id)
def test_same_bytes_for_any_block_strip_and_scheduler(tmp_path, monkeypatch, grid):
    """A file read in whole or in strips, by one worker or two: the same cells to the last bit."""
    given_ = raster("utm", shape=(150, 150), unknown=0.1)
    path = tmp_path / "people.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=150, width=150, count=1, dtype="float64", crs="EPSG:25833", nodata=-1,
        transform=rasterio.Affine(*given_.lattice.transform),
    ) as file:  # fmt: skip
        file.write(np.nan_to_num(given_.values, nan=-1), 1)
    expected = project_raster(given_, grid, name="n").cells
    for pixels, side, scheduler in ((900, 1000, "serial"), (10**6, 40, "threads"), (5_000, 100, "threads")):
        monkeypatch.setattr(rasters, "STRIP_PIXELS", pixels)
        monkeypatch.setattr(pixel_cells, "BLOCK_PIXELS", side)

        assert expected.identical(
            project_raster(open_raster(path), grid, name="n", scheduler=Scheduler(scheduler, 2)).cells
        )


def test_same_bytes_in_other_processes():
    """Workers of other processes are told where the pixels lie, and find the same."""
    given_ = raster("degrees")
    expected = project_raster(given_, KM, name="n", scheduler=Scheduler("serial"))

    assert expected.cells.identical(project_raster(given_, KM, name="n", scheduler=Scheduler("processes", 2)).cells)


@pytest.mark.parametrize("name", ["misaligned", "utm"])
def test_what_lies_outside_the_grid_is_told(name):
    """A grid that ends inside the raster: placed and outside add up to all, by a second way of counting."""
    given_ = raster(name)
    west, south, east, north = project_raster(given_, KM, name="n").cells.pipe(
        lambda c: to_geodataframe(c).total_bounds
    )
    grid = SquareGrid(cell_size_m=100, bounds_m=(west + 1_000, south, east, north - 1_500))
    (entry,) = project_raster(given_, grid, name="n").ledger

    assert entry.outside > 0
    assert entry.error < 1e-12
    far = SquareGrid(cell_size_m=1000, bounds_m=(0, 0, 10_000, 10_000))
    (entry,) = project_raster(given_, far, name="n").ledger
    assert (0.0, entry.total) == (entry.placed, entry.outside)


def test_real_rasters(real_data):
    """Heights of Porto Alegre on hexagons stay within their range; race densities keep their total in a US plane."""
    height = project_raster(open_raster(real_data / "r5r_poa" / "poa_elevation.tif"), H3Grid(8), name="h", about=RATE)
    us = SquareGrid(cell_size_m=300, crs="EPSG:5070", bounds_m=(0, 0, 3_000_000, 3_000_000))
    path = real_data / "us_raceland" / "race_raster.tif"
    for band in range(1, 6):
        file = open_raster(path, band=band)
        made = project_raster(file, us if file.lattice.bounds.west > 0 else H3Grid(9), name="n")

        assert made.ledger[0].error < 1e-12
    assert height.cells.sizes["cell"] > 200
    assert -50 < height.cells["h"].values.min() < height.cells["h"].values.max() < 400


def test_faulty_rasters_are_told(tmp_path):
    """Each fault has its own words."""
    given_ = raster("utm")
    other = raster("misaligned")
    with pytest.raises(GridMismatchError, match="other pixels"):
        project_raster(given_, KM, name="v", about=RATE, weight=other)
    with pytest.raises(SchemaError, match="takes no weight"):
        project_raster(given_, KM, name="v", weight=given_)
    with pytest.raises(SourceError, match="pixels are infinite"):
        project_raster(RasterArray(np.full((60, 70), np.inf), given_.lattice), KM, name="v")
    with pytest.raises(SchemaError, match="as a variable that is made"):
        project_classes(given_, KM, {1: "covered"})
    with pytest.raises(SourceError, match="have no size"):
        Lattice("EPSG:3035", (0.0, 0.0, 0.0, 0.0, 0.0, 0.0), 1, 1)
    with pytest.raises(SourceError, match="Roll it"):
        Lattice("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -1.0, 90.0), 180, 360)
