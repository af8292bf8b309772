"""CSV with metadata, XLSX and the tiled grid, read back: values, gaps, hostile words and names alike."""

import json
import warnings
import zipfile
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
from exported import ARABIC, ATTACK, hard_cells, hexagons

from civigrid.cells import ids_of, make_cells, measured, values_of
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.io.cells import read_cells
from civigrid.io.csv_with_metadata import write_csv_with_metadata
from civigrid.io.fields import fields_of, tables
from civigrid.io.geopackage import write_geopackage
from civigrid.io.geoparquet import write_geoparquet
from civigrid.io.hashing import sha256_of
from civigrid.io.spreadsheet import MOST_ROWS, SHEETS, write_spreadsheet
from civigrid.io.styles.choose import looks_of
from civigrid.io.tiled_grid import write_tiled_grid
from civigrid.release import public_grid, release
from civigrid.source import Licence
from civigrid.types import Column

TERMS = [Licence(publisher="Office", licence="CC BY 4.0", attribution="© Office & others")]
SHOWN = release(hard_cells(), public_grid(), terms=TERMS)
NAMES = ["x", "code", "Geometry", "T", "t", "a b", "a-b", '"; DROP TABLE cells; --', ARABIC, "=1+1", "n" * 80]


def hostile():
    """Cells whose variables are called as no database wants them, all of one title."""
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(np.array([3000, 3001, 3002]), np.array([4000, 4000, 4001]))
    values = {name: np.arange(3.0) + i for i, name in enumerate(NAMES)}
    return make_cells(grid, ids, values, {name: Column(long_name="Cell code") for name in NAMES})


def test_csv_holds_what_was_released(tmp_path):
    """Values to the last bit, nothing where nothing is known, words as they are; GDAL reads it too."""
    beside = write_csv_with_metadata(SHOWN, tmp_path / "c.csv", title="Test <city>")
    back = pd.read_csv(tmp_path / "c.csv", keep_default_na=False, na_values=[""])

    assert beside.name == "c.csv-metadata.json"
    for name in ("total", "share_a", "change", "fid"):
        np.testing.assert_array_equal(back[name].to_numpy(dtype=float), values_of(SHOWN.data, name))
    assert {ARABIC, ATTACK, "Süd, Mitte"} <= set(back["zone"].dropna())
    assert b"\r" not in (tmp_path / "c.csv").read_bytes()
    assert len(pyogrio.read_dataframe(tmp_path / "c.csv")) == 36


def test_metadata_of_a_csv_describe_each_column(tmp_path):
    """Names are those of the header in its order, types and statuses those of the columns, rights stand beside."""
    write_csv_with_metadata(SHOWN, tmp_path / "c.csv", title="Test <city>")
    about = json.loads((tmp_path / "c.csv-metadata.json").read_text(encoding="utf-8"))
    columns = about["tableSchema"]["columns"]
    kinds = {c["titles"][0]: c["datatype"] for c in columns}

    assert about["@context"][0] == "http://www.w3.org/ns/csvw"
    assert about["url"] == "c.csv"
    assert [c["titles"][0] for c in columns] == list(pd.read_csv(tmp_path / "c.csv", nrows=0).columns)
    assert kinds["total"] == "integer"
    assert kinds["share_a"] == "number"
    assert "observed_zero" in kinds["total_status"]["format"].split("|")
    assert about["dc:license"] == "CC BY 4.0"
    assert about["dc:title"] == "Test <city>"
    assert next(c for c in columns if c["name"] == "code")["required"]


def test_a_spreadsheet_has_data_variables_and_sources(tmp_path):
    """Three sheets with names of at most 31 letters; numbers are numbers, gaps empty, formulas text."""
    openpyxl = pytest.importorskip("openpyxl")
    write_spreadsheet(SHOWN, tmp_path / "c.xlsx", title="Test <city>")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        book = openpyxl.load_workbook(tmp_path / "c.xlsx")
    rows = list(book["data"].values)
    data = pd.DataFrame(rows[1:], columns=rows[0])
    zones = {c.value: c.data_type for c in book["data"]["N"][1:]}
    described = {row[0]: row for row in book["variables"].values}

    assert tuple(book.sheetnames) == SHEETS
    assert all(len(name) <= 31 for name in book.sheetnames)
    np.testing.assert_array_equal(data["total"].to_numpy(dtype=float), values_of(SHOWN.data, "total"))
    np.testing.assert_array_equal(data["share_a"].to_numpy(dtype=float), values_of(SHOWN.data, "share_a"))
    assert zones["=cmd|' /C calc'!A0"] == "s"
    assert ARABIC in zones
    assert described["fid"][1] == "=1+1"
    assert described["total"][8] == 2
    assert ("licence", "CC BY 4.0") in set(book["sources"].values)
    assert book.properties.title == "Test <city>"
    assert len(pyogrio.read_dataframe(tmp_path / "c.xlsx", layer="data")) == 36


def test_a_spreadsheet_of_too_many_cells_is_refused():
    """A sheet has 1,048,576 rows, the head is one of them."""
    grid = SquareGrid(cell_size_m=1000)
    row, col = np.divmod(np.arange(MOST_ROWS), 1200)
    row, col = row + 3000, col + 3000
    many = make_cells(grid, grid.from_row_col(row, col), {"total": np.ones(MOST_ROWS)}, {"total": Column()})
    with pytest.raises(SchemaError, match="do not fit on a sheet of 1,048,576 rows"):
        write_spreadsheet(release(many, public_grid()), "never.xlsx")


@pytest.mark.parametrize("form", ["csv", "xlsx", "tiled"])
def test_equal_cells_give_equal_bytes(tmp_path, form):
    """Nothing of the time or place of writing is in the files."""
    write = {"csv": write_csv_with_metadata, "xlsx": write_spreadsheet, "tiled": write_tiled_grid}[form]
    for name in ("one", "two"):
        write(SHOWN, tmp_path / name / "c")
    files = [
        {p.relative_to(tmp_path / n).as_posix(): sha256_of(p) for p in (tmp_path / n).rglob("*") if p.is_file()}
        for n in ("one", "two")
    ]
    assert files[0]
    assert files[0] == files[1]


def test_tiles_hold_each_cell_once(tmp_path):
    """Places in the tile and the tile's own give back the cell; info.json has what Gridviz reads."""
    write_tiled_grid(SHOWN, tmp_path / "t", tile=4, title="Test")
    info = json.loads((tmp_path / "t" / "info.json").read_text(encoding="utf-8"))
    bounds, found = info["tilingBounds"], []
    for path in (tmp_path / "t").glob("*/*.parquet"):
        across, up = int(path.parent.name), int(path.stem)
        assert bounds["xMin"] <= across <= bounds["xMax"]
        assert bounds["yMin"] <= up <= bounds["yMax"]
        table = pq.ParquetFile(path).read().to_pandas()
        assert table[["x", "y"]].to_numpy().max() < 4
        found.append(table.assign(x=table["x"] + across * 4, y=table["y"] + up * 4))
    whole = pd.concat(found)
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(whole["y"].to_numpy(), whole["x"].to_numpy())
    order = np.argsort(ids)

    assert len(found) == 4
    assert ids[order].tolist() == ids_of(SHOWN.data).tolist()
    np.testing.assert_array_equal(whole["total"].to_numpy(dtype=float)[order], values_of(SHOWN.data, "total"))
    assert info["crs"] == "3035"
    assert info["resolutionGeo"] == 1000
    assert info["tileSizeCell"] == 4
    assert set(info["dims"]) == {f.name for f in fields_of(SHOWN.data)}
    assert info["format"] == "parquet"
    assert "total_status" in whole


def test_tiles_are_of_squares_and_of_some_cells(tmp_path):
    """Hexagons and no cells are refused before anything is written."""
    with pytest.raises(SchemaError, match="a tiled grid holds square cells"):
        write_tiled_grid(release(hexagons(), public_grid()), tmp_path / "h")
    with pytest.raises(SchemaError, match="there are no cells"):
        write_tiled_grid(release(hard_cells().isel(cell=slice(0, 0)), public_grid()), tmp_path / "n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [write_csv_with_metadata, write_spreadsheet])
def test_tables_of_no_cells_and_of_hexagons(tmp_path, write):
    """A head without rows; hexagons have a code alone."""
    write(release(hard_cells().isel(cell=slice(0, 0)), public_grid()), tmp_path / "none")
    write(release(hexagons(), public_grid()), tmp_path / "hexagons")
    if write is write_csv_with_metadata:
        assert len(pd.read_csv(tmp_path / "none")) == 0
        assert "x" not in pd.read_csv(tmp_path / "hexagons", nrows=0)
    else:
        with zipfile.ZipFile(tmp_path / "none") as book:
            sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))
        assert len([e for e in sheet.iter() if e.tag.endswith("}row")]) == 1


def test_names_of_variables_never_hide_a_key(tmp_path):
    """A variable called x, code or Geometry does not overwrite the column that says where the cell is."""
    cells = hostile()
    ((_, table),) = tables(cells, fields_of(cells))
    names = table.column_names

    assert table["x"].to_pylist() == [4_000_000, 4_000_000, 4_001_000]
    assert {"x_", "code_", "Geometry_", "T", "t"} <= set(names)
    write_geoparquet(release(cells, public_grid()), tmp_path / "c.parquet")
    assert len(pq.read_schema(tmp_path / "c.parquet").names) == len(names) + 2
    back = read_cells(tmp_path / "c.parquet")
    assert len(measured(back)) == len(NAMES)
    np.testing.assert_array_equal(values_of(back, "x_"), values_of(cells, "x"))


def test_hostile_names_are_columns_of_every_file(tmp_path):
    """SQL in a name, names alike but for case, one title for all: GeoPackage, CSVW and XLSX take them."""
    passed = release(hostile(), public_grid())
    write_geopackage(passed, tmp_path / "c.gpkg", looks=looks_of(passed))
    write_csv_with_metadata(passed, tmp_path / "c.csv")
    write_spreadsheet(passed, tmp_path / "c.xlsx")
    frame = pyogrio.read_dataframe(tmp_path / "c.gpkg", layer="cells", read_geometry=False)
    about = json.loads((tmp_path / "c.csv-metadata.json").read_text(encoding="utf-8"))
    columns = about["tableSchema"]["columns"]

    assert len({n.lower() for n in frame}) == len(frame.columns) == len(NAMES) + 4
    assert len(pyogrio.list_layers(tmp_path / "c.gpkg")) == len(NAMES) + 2
    assert len({c["name"] for c in columns}) == len(columns) == len(NAMES) + 4
    assert len(pyogrio.read_dataframe(tmp_path / "c.xlsx", layer="data")) == 3
    assert NAMES[7] in pd.read_csv(tmp_path / "c.csv", nrows=0)
