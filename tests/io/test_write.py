"""Writers: only a Release, whole or not at all, and what is written is what was meant."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from civigrid.cells import make_cells
from civigrid.errors import SourceError
from civigrid.grid import H3Grid
from civigrid.io.atomic import write_atomic
from civigrid.io.geopackage import write_geopackage
from civigrid.io.geoparquet import write_geoparquet
from civigrid.io.hashing import sha256_of
from civigrid.io.parts import load_cells, save_cells
from civigrid.io.write import write_csv, write_table
from civigrid.release import min_count, public_grid, release
from civigrid.types import Column


@pytest.mark.parametrize("write", [write_csv, write_geopackage, write_geoparquet, write_table])
def test_writers_accept_nothing_but_a_release(four_cells, tmp_path, write):
    """Unreleased cells never reach a file."""
    with pytest.raises(TypeError, match="accept a Release"):
        write(four_cells, tmp_path / "x")


def test_tables_and_cells_are_not_confused(four_cells, tmp_path):
    """A writer of cells takes no table."""
    table = release(pd.DataFrame({"a": [1]}), public_grid())

    with pytest.raises(TypeError, match="takes a Release of Dataset"):
        write_geoparquet(table, tmp_path / "x.parquet")


@pytest.mark.parametrize(("write", "suffix"), [(write_geoparquet, "parquet"), (write_geopackage, "gpkg")])
def test_cells_come_back_with_exact_corners(four_cells, tmp_path, write, suffix):
    """Polygons are whole metres in the grid's CRS, beside code, values and statuses in words."""
    path = tmp_path / f"cells.{suffix}"
    write(release(four_cells, min_count(3)), path)
    back = gpd.read_parquet(path) if suffix == "parquet" else gpd.read_file(path)

    assert back.crs.to_epsg() == 3035
    assert back.area.tolist() == [1e6] * 4
    assert back["code"][0] == "CRS3035RES1000mN3000000E4000000"
    assert "suppressed" in back["a_status"].astype(str).tolist()
    # one hidden cell alone would be told by the sum of the others
    assert back["a"].isna().sum() == 2


def test_geoparquet_reads_by_box_and_on_hexagons(four_cells, tmp_path):
    """The bounding boxes serve a partial read; hexagons are written in longitude and latitude."""
    write_geoparquet(release(four_cells, public_grid()), tmp_path / "c.parquet")
    grid = H3Grid(8)
    hexagons = make_cells(grid, grid.cell_at(np.array([[13.4, 52.5]])), {"t": [1.0]}, {"t": Column()})
    write_geoparquet(release(hexagons, public_grid()), tmp_path / "h.parquet")

    assert len(gpd.read_parquet(tmp_path / "c.parquet", bbox=(4_000_100, 3_000_100, 4_000_200, 3_000_200))) == 1
    assert gpd.read_parquet(tmp_path / "h.parquet").geometry.is_valid.all()


@pytest.mark.parametrize(
    ("write", "suffix"), [(write_geoparquet, "parquet"), (write_geopackage, "gpkg"), (write_csv, "csv")]
)
def test_equal_cells_give_equal_bytes(four_cells, tmp_path, write, suffix):
    """Written twice, the files are the same to the byte."""
    for name in ("one", "two"):
        write(release(four_cells, public_grid()), tmp_path / name / f"cells.{suffix}")

    assert sha256_of(tmp_path / "one" / f"cells.{suffix}") == sha256_of(tmp_path / "two" / f"cells.{suffix}")


def test_a_failing_write_leaves_the_old_file(tmp_path):
    """Old good output survives, and no half file is left beside it."""
    path = tmp_path / "x.txt"
    path.write_text("old")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomic(path, fail)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]


def test_parts_are_lossless_and_damage_is_seen(four_cells, tmp_path):
    """Cells come back identical; a damaged part is an error."""
    cells = release(four_cells, min_count(3)).data
    cells = cells.assign(zone=("cell", np.array(["x", "", "y", "x"], dtype=object), {"kind": "label"}))
    save_cells(cells, tmp_path / "p.cells")

    assert load_cells(tmp_path / "p.cells").identical(cells)
    (tmp_path / "p.cells").write_bytes(b"ARROW1 but not really")
    with pytest.raises(SourceError, match="no cell file"):
        load_cells(tmp_path / "p.cells")
    with pytest.raises(SourceError, match="cannot be read"):
        sha256_of(tmp_path / "absent")
