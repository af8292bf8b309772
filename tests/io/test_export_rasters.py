"""COG, netCDF and Zarr, read back by GDAL and xarray."""

import json

import numpy as np
import pytest
import rasterio
import xarray as xr
from exported import ARABIC, hard_cells, hexagons

from civigrid.cells import ids_of, make_cells, values_of
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.io.cog import NO_COUNT, has_status, write_cog, write_status_cog
from civigrid.io.hashing import sha256_of
from civigrid.io.netcdf import write_netcdf, write_zarr
from civigrid.release import min_count, public_grid, release
from civigrid.types import Column

SHOWN = release(hard_cells(), public_grid())


def wide(side=700):
    """Cells of a box so wide that it has overviews, with a count, a rate on it and a code; a third is missing."""
    grid = SquareGrid(cell_size_m=1000)
    rng = np.random.default_rng(3)
    at = np.unique(rng.integers(0, side * side, 40_000))
    row, col = 1001 + at // side, 1003 + at % side
    total = rng.integers(1, 500, len(at)).astype(float)
    values = {"total": total, "share_a": rng.random(len(at)), "degurba_1": rng.integers(1, 4, len(at)).astype(float)}
    about = {
        "total": Column(long_name="Residents"),
        "share_a": Column(kind="intensive", units="1", long_name="Share of a", weight="total"),
        "degurba_1": Column(kind="intensive", units="class", long_name="Degree of urbanisation"),
    }
    return make_cells(grid, grid.from_row_col(row, col), values, about)


def at_cells(path, cells):
    """Values of a raster at the middles of cells."""
    x, y = SquareGrid(cell_size_m=1000).centre(ids_of(cells)).T
    with rasterio.open(path) as source:
        rows, cols = (source.transform.f - y) // 1000, (x - source.transform.c) // 1000
        return source.read(1, masked=True)[rows.astype(int), cols.astype(int)]


@pytest.mark.parametrize(("variable", "kind"), [("total", "float64"), ("fid", "int32"), ("share_a", "float64")])
def test_pixels_are_the_cells(tmp_path, variable, kind):
    """Values, gaps, type, CRS, unit and corner are exact; 3,000,000,000 persons fit too."""
    path = tmp_path / "c.tif"
    write_cog(SHOWN, path, variable, title="Test <city>")
    values, found = values_of(SHOWN.data, variable), at_cells(path, SHOWN.data)

    np.testing.assert_array_equal(np.ma.filled(found.astype(float), np.nan), values)
    with rasterio.open(path) as source:
        assert source.crs.to_epsg() == 3035
        assert source.transform[:6] == (1000.0, 0.0, 4_000_000.0, 0.0, -1000.0, 3_006_000.0)
        assert source.dtypes == (kind,)
        assert source.nodata == NO_COUNT if kind == "int32" else np.isnan(source.nodata)
        assert source.descriptions == (variable,)
        assert source.units == (SHOWN.data[variable].attrs["units"],)
        assert source.tags()["title"] == "Test <city>"
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert source.read(1, masked=True).count() == np.isfinite(values).sum()
    assert not list(tmp_path.glob("*.aux.xml"))


@pytest.mark.parametrize("variable", ["total", "share_a", "degurba_1"])
def test_cogs_are_valid_and_overviews_say_the_truth(tmp_path, variable):
    """Counts add up at every level; rates keep their weighted mean; codes are never mixed; pixels are coarse cells."""
    validate = pytest.importorskip("rio_cogeo.cogeo").cog_validate
    cells = wide()
    passed = release(cells, public_grid())
    write_cog(passed, tmp_path / "c.tif", variable)
    values, total = values_of(cells, variable), values_of(cells, "total")

    assert validate(tmp_path / "c.tif", strict=True) == (True, [], [])
    with rasterio.open(tmp_path / "c.tif") as source:
        assert source.overviews(1) == [2]
        assert source.tags()["overviews"] != "none"
        coarse = source.read(1, masked=True).astype(float)
    with rasterio.open(tmp_path / "c.tif", overview_level=0) as source:
        half = source.read(1, masked=True)
        assert source.transform.c % 2000 == source.transform.f % 2000 == 0
        assert source.transform.a == 2000
    by = frame_of_sums(tmp_path, passed)
    if variable == "total":
        assert half.sum() == values.sum()
    elif variable == "share_a":
        assert float((half * by).sum()) == pytest.approx(float((values * total).sum()), rel=1e-12)
    else:
        assert set(np.unique(half.compressed())) <= {1.0, 2.0, 3.0}
    assert coarse.count() == len(values)


def frame_of_sums(folder, passed):
    """Residents of the pixels of the first overview."""
    write_cog(passed, folder / "total.tif", "total")
    with rasterio.open(folder / "total.tif", overview_level=0) as source:
        return source.read(1, masked=True)


def test_overviews_rest_on_what_is_shown_alone(tmp_path):
    """A parent is the sum of its shown children: subtracting them leaves nothing of the hidden."""
    passed = release(wide(), min_count(60))
    write_cog(passed, tmp_path / "c.tif", "total")
    shown = values_of(passed.data, "total")
    with rasterio.open(tmp_path / "c.tif", overview_level=0) as source:
        half = source.read(1, masked=True)

    assert np.isnan(shown).sum() > 1000
    assert half.sum() == np.nansum(shown)


def test_statuses_are_a_raster_of_their_own(tmp_path):
    """Codes with their words; 255 where there is no cell."""
    write_status_cog(SHOWN, tmp_path / "s.tif", "total")

    assert at_cells(tmp_path / "s.tif", SHOWN.data).tolist() == SHOWN.data["total_status"].to_numpy().tolist()
    with rasterio.open(tmp_path / "s.tif") as source:
        assert source.nodata == 255
        assert source.tags()["flag_meanings"].split()[7] == "suppressed"
    assert has_status(SHOWN.data, "total")
    assert not has_status(SHOWN.data, "degurba_1")


@pytest.mark.parametrize("write", [lambda r, p: write_cog(r, p, "total"), write_netcdf, write_zarr])
def test_hexagons_far_cells_and_no_cells(tmp_path, write):
    """Pixels are squares; a box that fits no memory and an empty one are refused, and told."""
    grid = SquareGrid(cell_size_m=10)
    far = make_cells(
        grid, grid.from_row_col(np.array([100_000, 500_000]), np.array([100_000, 700_000])), {"total": [1.0, 2.0]},
        {"total": Column()},
    )  # fmt: skip
    with pytest.raises(SchemaError, match="too much for"):
        write(release(far, public_grid()), tmp_path / "far")
    with pytest.raises(SchemaError, match="there are no cells"):
        write(release(hard_cells().isel(cell=slice(0, 0)), public_grid()), tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_a_cog_of_hexagons_is_refused(tmp_path):
    """It would be a picture of them."""
    with pytest.raises(SchemaError, match="holds square cells, these are h3-r7"):
        write_cog(release(hexagons(), public_grid()), tmp_path / "c.tif", "total")


def opened(folder, form, passed=SHOWN):
    """Write and open by xarray."""
    if form == "zarr":
        write_zarr(passed, folder / "c.zarr", title="Test")
        return xr.open_zarr(folder / "c.zarr")
    write_netcdf(passed, folder / "c.nc", title="Test")
    return xr.open_dataset(folder / "c.nc", engine="h5netcdf")


@pytest.mark.parametrize("form", ["netcdf", "zarr"])
def test_arrays_follow_cf(tmp_path, form):
    """Grid mapping, standard names, bounds, methods, flags and ancillary variables are those of CF-1.11."""
    with opened(tmp_path, form) as found:
        found = found.load()
    total, share, status, zone = (found[n] for n in ("total", "share_a", "total_status", "zone"))

    assert found.attrs["Conventions"] == "CF-1.11"
    assert found["crs"].attrs["grid_mapping_name"] == "lambert_azimuthal_equal_area"
    assert found["crs"].attrs["crs_wkt"].startswith("PROJCRS")
    assert found["x"].attrs["standard_name"] == "projection_x_coordinate"
    assert found["y"].attrs["standard_name"] == "projection_y_coordinate"
    assert found["x"].attrs["bounds"] == "x_bnds"
    np.testing.assert_array_equal(found["x_bnds"][0], [4_000_000, 4_001_000])
    assert (total.attrs | total.encoding)["grid_mapping"] == "crs"
    assert total.attrs["units"] == "1"
    assert total.attrs["counted"] == "persons"
    assert total.attrs["cell_methods"] == "area: sum"
    assert share.attrs["cell_methods"] == "area: mean (comment: weighted by total)"
    assert total.attrs["ancillary_variables"] == "total_status"
    assert status.attrs["standard_name"] == "status_flag"
    assert status.attrs["flag_meanings"].split()[3] == "confidential"
    assert list(status.attrs["flag_values"]) == list(range(9))
    assert ARABIC in json.loads(zone.attrs["flag_names"])
    assert len(zone.attrs["flag_meanings"].split()) == len(zone.attrs["flag_values"])


@pytest.mark.parametrize("form", ["netcdf", "zarr"])
def test_arrays_hold_the_values(tmp_path, form):
    """Each cell at its place, NaN where nothing is known, nothing beside the cells."""
    with opened(tmp_path, form) as found:
        found = found.load()
    x, y = SquareGrid(cell_size_m=1000).centre(ids_of(SHOWN.data)).T
    where = {"x": xr.DataArray(x, dims="cell"), "y": xr.DataArray(y, dims="cell")}

    for name in ("total", "share_a", "change", "fid_"):
        variable = "fid" if name == "fid_" else name
        np.testing.assert_array_equal(found[name].sel(where), values_of(SHOWN.data, variable))
    assert int(found["total_status"].sel(where).isin([3]).sum()) == 2


@pytest.mark.parametrize("form", ["netcdf", "zarr"])
def test_gdal_reads_arrays(tmp_path, form):
    """CRS, corner and values as GDAL sees them."""
    opened(tmp_path, form).close()
    path = f'ZARR:"{tmp_path / "c.zarr"}":/total' if form == "zarr" else f"netcdf:{tmp_path / 'c.nc'}:total"
    with rasterio.open(path) as source:
        assert source.crs.to_epsg() == 3035
        assert source.transform[:6] == (1000.0, 0.0, 4_000_000.0, 0.0, -1000.0, 3_006_000.0)
        found = source.read(1, masked=True)
    assert found.count() == 34
    assert int(found.sum(dtype="int64")) == int(np.nansum(values_of(SHOWN.data, "total")))


@pytest.mark.parametrize("form", ["netcdf", "zarr"])
def test_xdggs_decodes_hexagons(tmp_path, form):
    """Ids, resolution and values of H3 are what xdggs finds, by its own convention and by that of Zarr."""
    xdggs = pytest.importorskip("xdggs")
    passed = release(hexagons(), public_grid())
    with opened(tmp_path, form, passed) as found:
        found = found.load()
    decoded = xdggs.decode(found)

    assert decoded.dggs.grid_info.level == 7
    assert decoded["cell_ids"].to_numpy().tolist() == ids_of(passed.data).tolist()
    np.testing.assert_array_equal(decoded["total"], values_of(passed.data, "total"))
    assert decoded.dggs.cell_centers()["latitude"].to_numpy() == pytest.approx(found["latitude"].to_numpy())
    if form == "zarr":
        by_zarr = xdggs.decode(found, convention="zarr", name="cell_ids")
        assert by_zarr.dggs.grid_info.level == 7
        assert found.attrs["dggs"]["refinement_level"] == 7


@pytest.mark.parametrize("form", ["cog", "netcdf", "zarr"])
def test_equal_cells_give_equal_bytes(tmp_path, form):
    """Nothing of the time of writing is in the files."""
    write = {"cog": lambda r, p: write_cog(r, p, "total"), "netcdf": write_netcdf, "zarr": write_zarr}[form]
    for name in ("one", "two"):
        write(SHOWN, tmp_path / name / "c")
    files = [
        {p.relative_to(tmp_path / n).as_posix(): sha256_of(p) for p in (tmp_path / n).rglob("*") if p.is_file()}
        for n in ("one", "two")
    ]
    assert files[0] == files[1]
    assert files[0]


def test_labels_that_fit_no_attribute_are_left_out_and_told(tmp_path):
    """More names than an attribute holds: no flag, but a word that they are gone."""
    cells = hard_cells()
    many = np.array([f"{'x' * 1500}{i}" for i in range(36)], dtype=object)
    passed = release(cells.assign(zone=("cell", many, {"kind": "label"})), public_grid())
    with opened(tmp_path, "netcdf", passed) as found:
        assert "zone" not in found
        assert "zone" in found.attrs["left_out"]
