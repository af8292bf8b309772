"""Rasters are described by their header; windows are read with what is not known as NaN."""

import numpy as np
import pytest
import rasterio

from civigrid.errors import SourceError
from civigrid.io.raster import open_raster, read_raster


@pytest.fixture
def path(tmp_path):
    """Two bands of whole numbers with nodata, the second scaled."""
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    shape = {"height": 3, "width": 4, "count": 2, "dtype": "int16", "nodata": 5}
    place = {"crs": "EPSG:3035", "transform": rasterio.Affine(10, 0, 4e6, 0, -10, 3e6)}
    with rasterio.open(tmp_path / "r.tif", "w", driver="GTiff", **shape, **place) as file:
        file.write(values)
        file.scales, file.offsets = (1.0, 0.5), (0.0, 2.0)
    return tmp_path / "r.tif"


def test_windows_are_read_with_nan_where_nothing_is_known(path):
    """The file's nodata and the one given are both unknown; scale and offset are applied after that."""
    first, second = open_raster(path, nodata=6), open_raster(path, band=2)

    np.testing.assert_array_equal(first.read((1, 3), (0, 4)), [[4, np.nan, np.nan, 7], [8, 9, 10, 11]])
    np.testing.assert_array_equal(second.read((0, 1), (1, 3)), [[8.5, 9.0]])
    assert (first.lattice.crs, first.lattice.rows, first.lattice.cols) == ("EPSG:3035", 3, 4)


def test_a_raster_is_a_source(path):
    """Its column is described, its pixels are not read, and the note says how many there are."""
    source, report = read_raster(path, variable="people", classes={"1": "town"})

    assert ({"people"}, {1: "town"}, 0) == (set(source.columns), source.classes, len(source.table))
    assert [f.count for f in report] == [12]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_faulty_rasters_are_told(path, tmp_path):
    """Each fault has its own words."""
    (tmp_path / "text.tif").write_text("no raster")
    with rasterio.open(
        tmp_path / "nowhere.tif", "w", driver="GTiff", height=1, width=1, count=1, dtype="uint8"
    ) as file:
        file.write(np.ones((1, 1, 1), dtype=np.uint8))
    with pytest.raises(SourceError, match="does not exist"):
        open_raster(tmp_path / "absent.tif")
    with pytest.raises(SourceError, match="cannot be read as a raster"):
        open_raster(tmp_path / "text.tif")
    with pytest.raises(SourceError, match="no band 3"):
        open_raster(path, band=3)
    with pytest.raises(SourceError, match="names no CRS"):
        open_raster(tmp_path / "nowhere.tif")
    with pytest.raises(SourceError, match="codes of classes are whole numbers"):
        read_raster(path, classes={"town": "1"})
    gone = open_raster(path)
    path.unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        gone.read((0, 1), (0, 1))
