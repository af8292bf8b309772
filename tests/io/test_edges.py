"""Streets from tables and from lines with tags."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import LineString, MultiLineString, Point

from civigrid.errors import SchemaError
from civigrid.io.edges import read_edge_table, read_street_lines
from civigrid.io.streets import read_streets
from civigrid.sample import CityOptions
from civigrid.sample.streets import make_streets
from civigrid.travel.build_graph import build_graph


@pytest.fixture
def tables(tmp_path):
    """Write nodes and edges with some changes, and give their paths."""

    def write(suffix=".csv", nodes=None, drop=(), **edges):
        places = {"node": ["x", "y", "z"], "longitude": [8.0, 8.001, 8.002], "latitude": [49.0, 49.0, 49.0]}
        streets = {"a": ["x", "y"], "b": ["y", "z"], "length_m": [100.0, 200.0], "speed_kmh": [50, 30]} | edges
        paths = tmp_path / f"edges{suffix}", tmp_path / f"nodes{suffix}"
        for path, columns in zip(paths, (streets, places | (nodes or {})), strict=True):
            frame = pd.DataFrame({k: v for k, v in columns.items() if k not in drop})
            frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
        return paths

    return write


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_edge_table_states_lengths_and_speeds(tables, suffix):
    """Stated lengths hold, not those as the crow flies; cars go as fast as it says."""
    lines = read_edge_table(*tables(suffix, walk=[True, True], drive=[True, False], name=["A", "B"]))
    walk, drive = (build_graph(lines, mode)[0] for mode in ("walk", "drive"))

    assert walk.cost.tolist() == [2250, 2250]
    assert drive.cost.tolist() == [72, 72]
    assert lines.way_id.tolist() == [0, 1]


def test_lengths_that_are_not_given_are_as_drawn(tables):
    """One edge without a length, one with: 73 m and 200 m."""
    lines = read_edge_table(*tables(length_m=[None, 200.0]))

    assert build_graph(lines, "walk")[1].length_km == pytest.approx(0.2731, abs=1e-4)
    assert build_graph(read_edge_table(*tables(drop=("length_m",))), "walk")[1].length_km == pytest.approx(
        0.1463, abs=1e-4
    )


def test_places_may_coincide_where_a_length_is_stated(tables):
    """Stairs in one place have a length, and parts of it."""
    lines = read_edge_table(*tables(nodes={"longitude": [8.0, 8.0, 8.0]}))

    assert build_graph(lines, "walk")[1].length_km == pytest.approx(0.3)


def test_havelmark_is_read_from_its_own_tables(tmp_path):
    """The invented city: every edge is walked, main streets are driven, easting and northing need their system."""
    nodes, edges = make_streets(CityOptions(persons=20_000))
    nodes.to_parquet(tmp_path / "streets_nodes.parquet")
    edges.to_parquet(tmp_path / "streets_edges.parquet")
    paths = tmp_path / "streets_edges.parquet", tmp_path / "streets_nodes.parquet"
    lines = read_streets(paths[0], nodes=paths[1], crs="EPSG:3035")
    walk, report = build_graph(lines, "walk")
    drive, told = build_graph(lines, "drive")

    assert report.length_km == pytest.approx(edges["length_m"].sum() / 1000)
    assert told.length_km == pytest.approx(edges.loc[edges["drive"], "length_m"].sum() / 1000)
    ends = nodes["node"].searchsorted(edges[["a", "b"]].to_numpy())
    matrix = coo_array((np.ones(len(ends)), ends.T), shape=(len(nodes), len(nodes)))
    assert report.islands == connected_components(matrix, directed=False)[0] - 1
    assert len(walk.node_place) > len(drive.node_place)
    with pytest.raises(SchemaError, match="easting and northing: name their coordinate system"):
        read_streets(paths[0], nodes=paths[1])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"drop": ("speed_kmh",)}, r"has no column speed_kmh \(or highway\)"),
        ({"drop": ("a", "b")}, "has no column a, b"),
        ({"lenght_m": [1, 2]}, "columns that are not known: lenght_m"),
        ({"length_m": [1.0, -2.0]}, r"length_m is below nought in 1 rows \(first: 1\)"),
        ({"length_m": ["1", "far"]}, r"length_m is no number in 1 rows \(first: 1\)"),
        ({"speed_kmh": [0, 30]}, r"speed_kmh is no speed in 1 rows \(first: 0\)"),
        ({"speed_kmh": [None, 30]}, r"speed_kmh is no speed in 1 rows \(first: 0\)"),
        ({"b": ["y", "q"]}, r"1 edges have an end 'b' that is no node of nodes.csv \(first: q, in rows 1\)"),
        ({"walk": ["yes", "maybe"]}, r"walk is neither yes nor no in 1 rows \(first: 1\)"),
        ({"nodes": {"node": ["x", "x", "z"]}}, r"nodes stand there twice \(first: x\)"),
        ({"nodes": {"latitude": [49.0, None, 49.0]}}, r"1 nodes have no place on the globe \(first: y\)"),
        ({"nodes": {"longitude": [8.0, 999.0, 8.0]}}, r"1 nodes have no place on the globe \(first: y\)"),
        ({"drop": ("longitude",)}, "has no columns node, and longitude, latitude or easting, northing"),
    ],
)
def test_faults_of_edge_tables_are_named(tables, change, match):
    """Each with the rows or ids it is found in."""
    with pytest.raises(SchemaError, match=match):
        read_edge_table(*tables(**change))


def test_columns_may_be_left_out_on_purpose(tables):
    """A column named in ignore= need not be understood."""
    assert len(read_edge_table(*tables(colour=["red", "blue"]), ignore=("colour",)).way_id) == 2


@pytest.fixture
def drawn(tmp_path):
    """Write lines with tags, and give the path."""

    def write(shapes, crs="EPSG:4326", suffix=".gpkg", **columns):
        frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)
        path = tmp_path / f"lines{suffix}"
        frame.to_file(path) if suffix == ".gpkg" else frame.to_parquet(path)
        return path

    return write


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])
def test_lines_meet_where_they_share_a_vertex(drawn, suffix):
    """Crossing without one is a bridge; the parts of one row are ways of one id; numbers are read as tags."""
    shapes = [
        LineString([(8.0, 49.0), (8.001, 49.0), (8.002, 49.0)]),
        MultiLineString([[(8.001, 49.0), (8.001, 49.001)], [(8.0005, 48.999), (8.0005, 49.001)]]),
    ]
    lines = read_street_lines(drawn(shapes, suffix=suffix, highway=["residential"] * 2, maxspeed=[30.0, np.nan]))
    report = build_graph(lines, "drive")[1]

    assert lines.way_id.tolist() == [0, 1, 1]
    assert sorted(map(len, lines.kinds)) == [1, 2]
    assert {"highway": "residential", "maxspeed": "30"} in lines.kinds
    assert report.islands == 1
    assert report.nodes == 6


def test_projected_lines_and_stated_lengths(drawn):
    """Metres of any system are brought to degrees; a stated length is shared among the parts of a row."""
    shapes = [
        MultiLineString([[(500_000, 5_400_000), (500_300, 5_400_000)], [(500_300, 5_400_000), (500_400, 5_400_000)]])
    ]
    lines = read_street_lines(drawn(shapes, crs="EPSG:32632", highway=["footway"], length_m=[800.0]))

    assert lines.length_m.tolist() == pytest.approx([600, 200], rel=1e-3)
    assert build_graph(lines, "walk")[1].length_km == pytest.approx(0.8)


def test_rows_without_a_line_are_counted(drawn):
    """They are no streets, and the report says so."""
    lines = read_street_lines(drawn([LineString([(8, 49), (8.1, 49)]), None], highway=["path", "path"]))

    assert lines.notes == {"rows without a line": 1}
    assert lines.way_id.tolist() == [0]


@pytest.mark.parametrize(
    ("shapes", "options", "match"),
    [
        ([LineString([(8, 49), (8.1, 49)])], {"name": ["A"]}, "neither a column 'highway' nor 'speed_kmh'"),
        ([Point(8, 49)], {"highway": ["path"]}, r"shapes are no lines in 1 rows \(first: 0\)"),
        ([LineString([(8, 49), (8.1, 49)])], {"highway": ["path"], "length_m": [-1.0]}, "length_m is below nought"),
        ([LineString([(8, 49), (8.1, 49)])], {"highway": ["path"], "crs": None}, "names no coordinate system"),
    ],
)
def test_faults_of_lines_are_named(drawn, shapes, options, match):
    """What a network cannot be built from."""
    with pytest.raises(SchemaError, match=match):
        read_street_lines(drawn(shapes, suffix=".parquet", **options))
