"""`civigrid export` and ``[[export]]``: every format from one command, refusals that explain, words that travel."""

import json
from functools import partial
from typing import get_args

import commands
import numpy as np
import pyogrio
import pytest
import rasterio
from exported import hard_cells, hexagons

from civigrid.cells import make_cells
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import SquareGrid
from civigrid.io.geoparquet import terms_in, write_geoparquet
from civigrid.io.parts import save_cells
from civigrid.release import min_count, public_grid, release
from civigrid.run.export import FORMATS, Export, export_file, write_item
from civigrid.run.export_config import POLYGONS, ExportFormat, ExportItem, export_faults
from civigrid.source import Licence
from civigrid.types import Column

call = partial(commands.call, "export")
answer_of = partial(commands.answer_of, "export")
TERMS = [Licence(publisher="Office", licence="CC BY 4.0", attribution="© Office & others")]


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """Hard cells in a file."""
    path = tmp_path_factory.mktemp("town") / "town.cells"
    save_cells(hard_cells(), path)
    return path


@pytest.mark.parametrize("to", list(FORMATS))
def test_every_format_is_one_command(town, tmp_path, to):
    """Each writes what it says, and nothing but files it names, or a folder of them."""
    out = tmp_path / f"out{FORMATS[to].suffixes[0]}"
    found = answer_of(town, "--to", to, "--out", out, "--profile", "public-grid", "--title", "Test")
    there = {str(p) for p in tmp_path.iterdir()}

    assert found["cells"] == 36
    assert found["grid"] == "eu-laea-1km"
    assert str(out) in there
    assert all(any(file.startswith(p) for file in found["files"]) for p in there)


def test_formats_are_listed():
    """Names, suffixes and words, for people and machines; those of run files are the same."""
    listed = commands.answer_of("export", "--list")

    assert list(listed) == list(FORMATS) == list(get_args(ExportFormat))
    assert [n for n, f in listed.items() if f["crs"]] == list(POLYGONS)
    assert all(name in call("--list") for name in FORMATS)


def test_one_variable_in_another_crs(town, tmp_path):
    """Variables may stand in one option or in two; polygons are in the CRS asked for."""
    found = call(town, "--to", "gpkg", "--out", tmp_path / "a.gpkg", "--value", "share_a,total", "--crs", "EPSG:25832")
    info = pyogrio.read_info(tmp_path / "a.gpkg", layer="cells")

    assert info["crs"] == "EPSG:25832"
    assert list(info["fields"])[4:] == ["total", "share_a", "total_status", "share_a_status"]
    assert "36 cells of eu-laea-1km, 2 variables, profile min-count(10)" in found
    assert "total: " in found


def test_small_counts_are_hidden_by_default(town, tmp_path):
    """Without a word about it counts below ten are suppressed, and the answer says how many."""
    found = answer_of(town, "--to", "cog", "--out", tmp_path / "t.tif", "--value", "total")
    with rasterio.open(tmp_path / "t.tif") as source:
        shown = source.read(1, masked=True).compressed()

    assert found["profile"].startswith("min-count")
    assert found["suppressed"]["total"] > 0
    assert not ((shown > 0) & (shown < 10)).any()


def test_refusals_explain(town, tmp_path):
    """Unknown formats and variables name the near one; suffix, CRS and grid say what would do."""
    run = partial(export_file, town, profile=public_grid())
    with pytest.raises(UnknownNameError, match="Did you mean 'gpkg'"):
        run(Export(to="gpkgs", out=tmp_path / "a.gpkg"))
    with pytest.raises(UnknownNameError, match="variable of the cells"):
        run(Export(to="gpkg", out=tmp_path / "a.gpkg", values=("share_b",)))
    with pytest.raises(SchemaError, match=r"the suffix of gpkg is \.gpkg"):
        run(Export(to="gpkg", out=tmp_path / "a.shp"))
    with pytest.raises(SchemaError, match=r"--crs is for polygons \(gpkg, qgis, geoparquet, fgb, gdb\)"):
        run(Export(to="cog", out=tmp_path / "a", crs="EPSG:25832"))
    with pytest.raises(SchemaError, match="unknown CRS 'here'"):
        run(Export(to="gpkg", out=tmp_path / "a.gpkg", crs="here"))
    with pytest.raises(SchemaError, match="is one file, but there are"):
        run(Export(to="cog", out=tmp_path / "a.tif"))
    assert list(tmp_path.iterdir()) == []


def test_hexagons_go_where_polygons_go(tmp_path):
    """Every format of polygons and of ids takes hexagons; rasters say where else to go."""
    save_cells(hexagons(), tmp_path / "h.cells")
    for to in ("gpkg", "fgb", "netcdf", "zarr", "csv", "xlsx"):
        out = tmp_path / f"h{FORMATS[to].suffixes[0]}"
        assert answer_of(tmp_path / "h.cells", "--to", to, "--out", out)["grid"] == "h3-r7"
    with pytest.raises(SchemaError, match="Project to a square grid, or export as gpkg"):
        export_file(tmp_path / "h.cells", Export(to="cog", out=tmp_path / "r"), public_grid())


def test_nothing_known_is_a_file_without_values(tmp_path):
    """Cells of which nothing may be known are still cells, each with its status."""
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(np.array([3000, 3001]), np.array([4000, 4000]))
    cells = make_cells(grid, ids, {"total": [3.0, 4.0]}, {"total": Column(long_name="Residents")})
    save_cells(cells, tmp_path / "few.cells")
    for to in FORMATS:
        out = tmp_path / f"few-{to}{FORMATS[to].suffixes[0]}"
        assert answer_of(tmp_path / "few.cells", "--to", to, "--out", out)["suppressed"] == {"total": 2}
    frame = pyogrio.read_dataframe(tmp_path / "few-gpkg.gpkg", layer="total")
    with rasterio.open(tmp_path / "few-cog" / "total.tif") as source:
        assert source.read(1, masked=True).count() == 0
    assert frame["total"].isna().all()
    assert frame["total_status"].tolist() == ["suppressed"] * 2


def test_words_of_the_publisher_travel(tmp_path):
    """A Parquet file brings its terms along; words given on the command line stand instead."""
    write_geoparquet(release(hard_cells(), public_grid(), terms=TERMS), tmp_path / "c.parquet")
    found = answer_of(tmp_path / "c.parquet", "--to", "csv", "--out", tmp_path / "c.csv")
    about = json.loads((tmp_path / "c.csv-metadata.json").read_text(encoding="utf-8"))
    other = answer_of(
        tmp_path / "c.parquet", "--to", "csv", "--out", tmp_path / "d.csv", "--attribution", "A", "--licence", "B"
    )

    assert terms_in(tmp_path / "c.parquet") == tuple(TERMS)
    assert terms_in(tmp_path / "absent.parquet") == ()
    assert found["attribution"] == ["© Office & others"]
    assert about["dc:license"] == "CC BY 4.0"
    assert other["attribution"] == ["A"]


def test_exports_of_a_run_lie_in_their_folder(tmp_path):
    """An item of a run file names cells, format and variables; the file is named after it, protected as the run is."""
    item = ExportItem(cells="Town 1 km", to="tiled-grid", variables=("total",))
    table = ExportItem(cells="Town 1 km", to="parquet", name="Table")
    files = write_item(item, hard_cells(), TERMS, min_count(30), tmp_path)
    folder = next(path.parent for path in files if path.name == "info.json")
    (file,) = write_item(table, hard_cells(), TERMS, min_count(30), tmp_path)
    info = json.loads((folder / "info.json").read_text(encoding="utf-8"))

    assert folder == tmp_path / "exports" / "town-1-km-tiled-grid"
    assert info["dims"] == ["total", "total_status"]
    assert info["metadata"]["disclosure"].startswith("min-count(30) (total: ")
    assert info["metadata"]["attribution"] == "© Office & others"
    assert file.name == "table-parquet.parquet"


def test_exports_that_would_meet_are_told():
    """A project brings its GeoPackage; two files of one name, or a CRS where none can be, are faults."""
    items = [
        ExportItem(cells="a", to="qgis"), ExportItem(cells="a", to="gpkg"), ExportItem(cells="a", to="gpkg", name="b"),
        ExportItem(cells="a", to="csv", crs="EPSG:25832"),
    ]  # fmt: skip

    assert [f.key for f in export_faults(items)] == ["run.export[1].name", "run.export[3].crs"]
    assert export_faults([]) == []
