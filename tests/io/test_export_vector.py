"""GeoParquet, GeoPackage, FlatGeobuf and geodatabase, read back by GDAL and pyarrow."""

import json
import sqlite3
from contextlib import closing
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pyogrio.raw
import pytest
import shapely
from exported import ARABIC, hard_cells, hexagons
from pyproj import Transformer

from civigrid.cells import grid_of, ids_of, measured, values_of
from civigrid.errors import SchemaError
from civigrid.io.cells import read_cells
from civigrid.io.fields import LONGEST, fields_of
from civigrid.io.flatgeobuf import write_flatgeobuf, write_geodatabase
from civigrid.io.geopackage import write_geopackage
from civigrid.io.geoparquet import write_geoparquet
from civigrid.io.hashing import sha256_of
from civigrid.io.styles.choose import looks_of
from civigrid.release import min_count, public_grid, release
from civigrid.source import Licence

TERMS = [Licence(publisher="Office", licence="CC BY 4.0", attribution="© Office <2021> & others")]
SHOWN = release(hard_cells(), public_grid(), terms=TERMS)
DRIVERS = {
    "gpkg": write_geopackage,
    "fgb": write_flatgeobuf,
    "gdb": write_geodatabase,
    "parquet": write_geoparquet,
}


def styled(passed, path, **more):
    """Write a GeoPackage with its views."""
    write_geopackage(passed, path, looks=looks_of(passed), **more)
    return path


def read(path, layer="cells"):
    """Read a layer in the order of the cells."""
    frame = gpd.read_parquet(path) if path.suffix == ".parquet" else pyogrio.read_dataframe(path, layer=layer)
    return frame.sort_values("code", ignore_index=True)


@pytest.mark.parametrize("suffix", list(DRIVERS))
def test_counts_values_types_crs_and_corners_come_back(tmp_path, suffix):
    """Every format holds what was released: to the last bit, and null where nothing is known."""
    DRIVERS[suffix](SHOWN, tmp_path / f"c.{suffix}")
    back, cells = read(tmp_path / f"c.{suffix}"), SHOWN.data
    fields = fields_of(cells, longest=0 if suffix == "parquet" else LONGEST)
    wanted = gpd.GeoDataFrame({f.name: cells[f.variable].to_numpy() for f in fields if f.role == "value"})
    grid = grid_of(cells)
    wanted["code"] = [f"CRS3035RES1000mN{n}E{e}" for e, n in grid.corner(ids_of(cells)).tolist()]
    wanted["shape"] = shapely.polygons(grid.vertices(ids_of(cells)))
    wanted = wanted.sort_values("code", ignore_index=True)

    assert back.crs.to_epsg() == 3035
    assert back["code"].tolist() == wanted["code"].tolist()
    for field in fields:
        if field.role == "value":
            np.testing.assert_array_equal(back[field.name].to_numpy(dtype=float), wanted[field.name].to_numpy())
    assert shapely.equals(back.geometry.to_numpy(), wanted["shape"].to_numpy()).all()
    assert back["total_status"].astype(str).value_counts().to_dict() == {
        "ok": 33, "confidential": 2, "observed_zero": 1
    }  # fmt: skip
    assert {ARABIC, "=cmd|' /C calc'!A0"} <= set(back["zone"])


@pytest.mark.parametrize("suffix", ["gpkg", "fgb", "gdb"])
def test_types_are_those_of_the_values(tmp_path, suffix):
    """Counts are integers of 32 and 64 bits, rates doubles, all else text."""
    DRIVERS[suffix](SHOWN, tmp_path / f"c.{suffix}")
    info = pyogrio.read_info(tmp_path / f"c.{suffix}", layer="cells")
    types = dict(zip(info["fields"], info["ogr_types"], strict=True))

    assert types["total"] == "OFTInteger64"
    assert types["fid_"] == types["x"] == "OFTInteger"
    assert types["share_a"] == "OFTReal"
    assert types["total_status"] == types["code_short"] == "OFTString"
    assert info["geometry_type"].endswith("Polygon")
    assert info["features"] == 36


@pytest.mark.parametrize("suffix", ["gpkg", "fgb", "parquet"])
def test_equal_cells_give_equal_bytes(tmp_path, suffix):
    """Nothing of the time or place of writing is in the file."""
    for name in ("one", "two"):
        path = tmp_path / name / f"c.{suffix}"
        path.parent.mkdir()
        styled(SHOWN, path) if suffix == "gpkg" else DRIVERS[suffix](SHOWN, path)

    assert sha256_of(tmp_path / "one" / f"c.{suffix}") == sha256_of(tmp_path / "two" / f"c.{suffix}")
    assert str(tmp_path).encode() not in (tmp_path / "one" / f"c.{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", list(DRIVERS))
def test_reprojected_neighbours_still_share_their_corners(tmp_path, suffix):
    """Corners are those that PROJ gives (a geodatabase keeps 0.1 mm), and no gap opens between cells."""
    DRIVERS[suffix](SHOWN, tmp_path / f"c.{suffix}", crs="EPSG:25832")
    back = read(tmp_path / f"c.{suffix}")
    row = back[back["x"] + back["y"] == (back["x"] + back["y"]).min()].iloc[0]
    east, north = Transformer.from_crs("EPSG:3035", "EPSG:25832", always_xy=True).transform(row["x"], row["y"])

    assert back.crs.to_epsg() == 25832
    assert shapely.distance(shapely.Point(east, north), row.geometry.boundary) < (1e-3 if suffix == "gdb" else 1e-9)
    whole = shapely.union_all(back.geometry.to_numpy())
    assert whole.geom_type == "Polygon"
    assert len(whole.interiors) == 0
    with pytest.raises(SchemaError, match="unknown CRS 'EPSG:1'"):
        DRIVERS[suffix](SHOWN, tmp_path / f"d.{suffix}", crs="EPSG:1")


def test_geoparquet_says_all_that_its_specification_asks(tmp_path):
    """Version, CRS, exact box, covering; row groups follow the curve; terms and profile travel along."""
    write_geoparquet(SHOWN, tmp_path / "c.parquet")
    schema = pq.read_schema(tmp_path / "c.parquet")
    geo, terms = (json.loads(schema.metadata[k]) for k in (b"geo", b"civigrid_release"))
    column = geo["columns"]["geometry"]

    assert geo["version"] == "1.1.0"
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["Polygon"]
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 3035}
    assert column["bbox"] == [4_000_000.0, 3_000_000.0, 4_006_000.0, 3_006_000.0]
    assert column["covering"]["bbox"]["xmax"] == ["bbox", "xmax"]
    assert terms == {"disclosure": "public-grid", "terms": [vars(TERMS[0])]}
    assert len(gpd.read_parquet(tmp_path / "c.parquet", bbox=(4_000_100, 3_000_100, 4_000_200, 3_000_200))) == 1
    assert schema.field("x").type == "int32"


def test_plain_parquet_is_the_table_alone(tmp_path):
    """Without shapes it is read as cells like the others, meaning and all."""
    write_geoparquet(SHOWN, tmp_path / "c.parquet", geometry=False, values=["total", "share_a"])
    back = read_cells(tmp_path / "c.parquet")

    assert "geometry" not in pq.read_schema(tmp_path / "c.parquet").names
    assert b"geo" not in pq.read_schema(tmp_path / "c.parquet").metadata
    assert measured(back) == ["total", "share_a"]
    np.testing.assert_array_equal(values_of(back, "total"), values_of(SHOWN.data, "total"))


def test_a_view_for_each_indicator_with_its_style(tmp_path):
    """Views count as the table does, are found by a box, and each has one default style in both languages."""
    path = styled(SHOWN, tmp_path / "c.gpkg", title="Test <city>")
    layers = [n for n, kind in pyogrio.list_layers(path) if kind is not None]
    looks = looks_of(SHOWN)
    box = (4_000_100, 3_000_100, 4_000_200, 3_000_200)

    assert layers == ["cells", *(look.field for look in looks)]
    for look in looks:
        view = pyogrio.read_dataframe(path, layer=look.field)
        assert len(view) == 36
        assert set(view.columns) - {"geometry"} == {
            *("code", "code_short", "x", "y", look.field), *filter(None, [look.status])
        }  # fmt: skip
        assert len(pyogrio.read_dataframe(path, layer=look.field, bbox=box)) == 1
    with closing(sqlite3.connect(path)) as base:
        styles = base.execute("SELECT f_table_name, styleQML, styleSLD, useAsDefault FROM layer_styles").fetchall()
        listed = base.execute("SELECT data_type FROM gpkg_contents WHERE table_name = 'layer_styles'").fetchone()
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert base.execute("PRAGMA foreign_key_check").fetchall() == []
    assert sorted(s[0] for s in styles) == sorted(layers)
    assert listed == ("attributes",)
    for table, style, descriptor, default in styles:
        assert default == 1
        renderer = ET.fromstring(style).find("renderer-v2")
        assert renderer.get("type") in ("RuleRenderer", "categorizedSymbol")
        assert ET.fromstring(descriptor)[0][0].text == table


def test_titles_units_identifiers_and_the_record(tmp_path):
    """Columns have titles and units, layers have names for people, the file an ISO record; no time of day."""
    path = styled(SHOWN, tmp_path / "c.gpkg", title="Test <city>")
    with closing(sqlite3.connect(path)) as base:
        columns = {
            (t, c): (title, words)
            for t, c, title, words in base.execute(
                "SELECT table_name, column_name, title, description FROM gpkg_data_columns"
            )
        }
        names = dict(base.execute("SELECT table_name, identifier FROM gpkg_contents").fetchall())
        described = dict(base.execute("SELECT table_name, description FROM gpkg_contents").fetchall())
        record = base.execute("SELECT metadata FROM gpkg_metadata").fetchone()[0]
        times = [
            *(t for (t,) in base.execute("SELECT last_change FROM gpkg_contents")),
            *(t for (t,) in base.execute("SELECT timestamp FROM gpkg_metadata_reference")),
            *(t for (t,) in base.execute("SELECT update_time FROM layer_styles")),
        ]
    assert columns["cells", "total"][0] == columns["total", "total"][0] == "Residents"
    assert "Unit: persons" in columns["total", "total"][1]
    assert columns["share_a", "share_a"][1].startswith("Unit: 1; a rate")
    assert names["cells"] == "Test <city>"
    assert names["total"] == "Residents"
    assert "© Office <2021> & others" in described["cells"]
    assert set(times) == {"2000-01-01T00:00:00.000Z"}
    root = ET.fromstring(record)
    text = " ".join(t for t in root.itertext())
    assert "Test <city>" in text
    assert "CC BY 4.0" in text
    west = next(e for e in root.iter() if e.tag.endswith("westBoundLongitude"))
    assert float(west[0].text) == pytest.approx(5.5127, abs=1e-4)


def test_hidden_counts_are_hidden_in_every_layer(tmp_path):
    """What the profile takes out is null in the table and in its view, and says why."""
    passed = release(hard_cells(), min_count(30))
    path = styled(passed, tmp_path / "c.gpkg")
    hidden = int((passed.data["total_status"] == 7).sum())

    assert hidden > 0
    for layer in ("cells", "total"):
        frame = read(path, layer)
        assert frame["total"].isna().sum() == hidden + 2
        assert (frame["total_status"] == "suppressed").sum() == hidden
        assert frame["total"].dropna().between(1, 29).sum() == 0


@pytest.mark.parametrize("suffix", list(DRIVERS))
def test_hexagons_and_one_cell(tmp_path, suffix):
    """Hexagons are written in degrees, under their code; one cell is enough."""
    passed = release(hexagons(), public_grid())
    DRIVERS[suffix](passed, tmp_path / f"h.{suffix}")
    DRIVERS[suffix](release(hexagons().isel(cell=[0]), public_grid()), tmp_path / f"one.{suffix}")
    back = read(tmp_path / f"h.{suffix}")

    assert back.crs.to_epsg() == 4326
    assert back.geometry.is_valid.all()
    assert {int(c, 16) for c in back["code"]} == set(ids_of(passed.data).tolist())
    assert "x" not in back
    assert len(read(tmp_path / f"one.{suffix}")) == 1


@pytest.mark.parametrize("suffix", ["gpkg", "fgb", "parquet"])
def test_no_cells_are_a_file_without_rows(tmp_path, suffix):
    """Empty cells give a file with all columns and no row."""
    passed = release(hard_cells().isel(cell=slice(0, 0)), public_grid())
    path = tmp_path / f"c.{suffix}"
    styled(passed, path) if suffix == "gpkg" else DRIVERS[suffix](passed, path)

    assert len(read(path)) == 0
    assert "total" in read(path).columns


def test_a_variable_named_as_the_table_has_its_view(tmp_path):
    """A view never takes the name of a table."""
    cells = hard_cells().rename({"total": "cells", "total_status": "cells_status"})
    path = styled(release(cells, public_grid()), tmp_path / "c.gpkg")

    assert "v_cells" in pyogrio.list_layers(path)[:, 0]
    assert len(pyogrio.read_dataframe(path, layer="v_cells")) == 36


def test_geopackages_of_ours_are_read_as_cells(tmp_path):
    """The table is taken, not a view; values, statuses and labels are those that were written."""
    back = read_cells(styled(SHOWN, tmp_path / "c.gpkg"))

    np.testing.assert_array_equal(values_of(back, "total"), values_of(SHOWN.data, "total"))
    assert back["total_status"].to_numpy().tolist() == SHOWN.data["total_status"].to_numpy().tolist()
    assert "code_short" not in back
    assert back["zone"].to_numpy().tolist() == SHOWN.data["zone"].to_numpy().tolist()
