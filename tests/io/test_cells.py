"""Cells read back: what a writer wrote, a census grid, and what is refused."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from civigrid.cells import column_of, grid_of, ids_of, make_cells, measured, status_of, values_of
from civigrid.errors import SourceError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.cells import read_cells
from civigrid.io.geopackage import write_geopackage
from civigrid.io.geoparquet import write_geoparquet
from civigrid.io.tables import column_names
from civigrid.io.write import write_csv
from civigrid.release import min_count, public_grid, release
from civigrid.types import Column, Status


@pytest.mark.parametrize(
    ("write", "suffix"), [(write_geoparquet, "parquet"), (write_geopackage, "gpkg"), (write_csv, "csv")]
)
def test_what_was_written_comes_back(four_cells, tmp_path, write, suffix):
    """Ids, grid, values, statuses and labels are those that were written, in every format."""
    cells = four_cells.assign(country=("cell", np.array(["MT", "", "MT", "IT"], dtype=object), {"kind": "label"}))
    shown = release(cells, min_count(3))
    path = tmp_path / f"cells.{suffix}"
    write(shown, path)
    back = read_cells(path)

    assert grid_of(back) == grid_of(cells)
    assert ids_of(back).tolist() == ids_of(cells).tolist()
    assert measured(back) == measured(cells)
    np.testing.assert_array_equal(values_of(back, "a"), values_of(shown.data, "a"))
    assert status_of(back, "a").tolist() == status_of(shown.data, "a").tolist()
    assert back["country"].to_numpy().tolist() == ["MT", "", "MT", "IT"]
    assert "code" in column_names(path)
    assert measured(read_cells(path, columns=["b"])) == ["b"]


def test_a_rate_is_no_count(four_cells, tmp_path):
    """Rates are known by their metadata, by name, or because the caller says so; hexagons come back too."""
    grid = H3Grid(8)
    hexagons = make_cells(
        grid,
        grid.cell_at(np.array([[13.4, 52.5], [9.9, 50.1]])),
        {"t": [1.0, 2.0], "share_t": [0.5, np.nan], "speed": [3.0, 4.0]},
        {"t": Column(), "share_t": Column(kind="intensive", weight="t"), "speed": Column(kind="intensive")},
    )
    write_geoparquet(release(hexagons, public_grid()), tmp_path / "h.parquet")
    back = read_cells(tmp_path / "h.parquet", intensive=["speed"])
    table = pq.read_table(tmp_path / "h.parquet", columns=["code", "speed"])
    told = {b"civigrid": json.dumps({"speed": {"kind": "intensive", "units": "km/h", "long_name": "Speed"}}).encode()}
    pq.write_table(table.replace_schema_metadata(told), tmp_path / "told.parquet")

    assert grid_of(back) == grid
    assert {n: back[n].attrs["kind"] for n in measured(back)} == {
        "t": "extensive", "share_t": "intensive", "speed": "intensive"
    }  # fmt: skip
    assert column_of(read_cells(tmp_path / "told.parquet")["speed"]).units == "km/h"


def test_a_census_grid_brings_its_share_of_land(tmp_path):
    """A census table is read by its own reader; what it does not know is joined by cell."""
    table = pd.DataFrame(
        {
            "GRD_ID": ["CRS3035RES1000mN3001000E4000000", "CRS3035RES1000mN3000000E4000000", "FR_unallocated"],
            "T": [5, -9999, 9],
            "LAND_SURFACE": [0.25, 1.0, np.nan],
        }
    )
    table.to_parquet(tmp_path / "g.parquet")
    cells = read_cells(tmp_path / "g.parquet", columns=["T", "LAND_SURFACE"])

    assert values_of(cells, "LAND_SURFACE").tolist() == [1.0, 0.25]
    assert cells["LAND_SURFACE"].attrs["kind"] == "intensive"
    assert status_of(cells, "T").tolist() == [Status.UNAVAILABLE, Status.OK]


def test_real_cells_with_their_land(real_data):
    """Malta: 311 cells, 519,562 residents, and a share of land for each."""
    path = real_data / "malta" / "census2021_1km_malta.parquet"
    cells = read_cells(path, columns=["T", "LAND_SURFACE"])

    assert cells.sizes["cell"] == 311
    assert np.nansum(values_of(cells, "T")) == 519_562
    assert np.isfinite(values_of(cells, "LAND_SURFACE")).all()


def test_what_is_no_cell_is_refused(tmp_path):
    """Unknown columns, strange codes, mixed grids and strange statuses say what is wrong."""
    good = {"code": ["1kmN3000E4000", "1kmN3000E4001"], "T": [1.0, 2.0], "T_status": ["ok", "ok"]}

    def wrong(**change):
        pq.write_table(pa.table(good | change), tmp_path / "w.parquet")
        return tmp_path / "w.parquet"

    with pytest.raises(SourceError, match="has no column Q"):
        read_cells(wrong(), columns=["Q"])
    with pytest.raises(SourceError, match="neither an INSPIRE code nor an H3"):
        read_cells(wrong(code=["zz", "y"]))
    with pytest.raises(SourceError, match="not all codes are cells of h3-r8"):
        read_cells(wrong(code=["881f1d4887fffff", "871f1d488ffffff"]))
    with pytest.raises(SourceError, match="T_status holds perhaps"):
        read_cells(wrong(T_status=["ok", "perhaps"]))
    with pytest.raises(SourceError, match="no census variable"):
        pd.DataFrame({"x": [1000], "y": [1000], "Z": [1]}).to_parquet(tmp_path / "z.parquet")
        read_cells(tmp_path / "z.parquet", columns=["Z"])
    assert grid_of(read_cells(wrong())) == SquareGrid(cell_size_m=1000)
