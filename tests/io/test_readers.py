"""Readers against small bad files, each trap by name."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from civigrid.cells import is_missing
from civigrid.errors import SourceError
from civigrid.io.census import read_census_grid
from civigrid.io.counts import join_counts
from civigrid.io.german_grid import read_german_grid
from civigrid.io.points import read_points
from civigrid.io.tables import read_shapes, read_table, to_numbers
from civigrid.io.vector import read_areas
from civigrid.types import Bounds, Status

CODES = [f"CRS3035RES1000mN{n}E4337000" for n in (2689000, 2690000, 2691000)]


def codes_of(report):
    return {finding.code for finding in report}


@pytest.fixture
def v3(tmp_path):
    """Census V3: sentinels, a border cell, and people in no cell."""
    table = pd.DataFrame(
        {
            "GRD_ID": [*CODES, "FR_unallocated"],
            "T": [10, 0, -9999, 77],
            "OTH": [-8888, 0, -9999, 5],
            "CNTR_ID": ["DE", "AT-DE", "DE", "FR"],
        }
    )
    table.to_parquet(tmp_path / "v3.parquet")
    table.to_csv(tmp_path / "v3.csv", index=False)
    return tmp_path


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_census_v3(v3, suffix):
    """-8888 is confidential, -9999 unavailable, the unallocated are in the ledger, border cells keep their codes."""
    source, report = read_census_grid(v3 / f"v3.{suffix}")

    assert source.status["T"].tolist() == [Status.OK, Status.OBSERVED_ZERO, Status.UNAVAILABLE]
    assert source.status["OTH"].tolist() == [Status.CONFIDENTIAL, Status.OBSERVED_ZERO, Status.UNAVAILABLE]
    assert source.table["OTH"].isna().tolist() == [True, False, True]
    assert source.unplaced == {"T": 77.0, "OTH": 5.0}
    assert source.table["country"].tolist() == ["DE", "AT-DE", "DE"]
    assert {"census.unallocated", "census.border", "census.missing"} <= codes_of(report)


def test_census_v2_and_v1(tmp_path):
    """V2 flags: a flagged -9999 is confidential, a flagged count stands as perturbed; V1 names its total otherwise."""
    frame = gpd.GeoDataFrame(
        {"GRD_ID": CODES, "T": [10, -9999, 5], "T_CI": [np.nan, -9999, 1]},
        geometry=[shapely.box(4_337_000, n, 4_338_000, n + 1000) for n in (2_689_000, 2_690_000, 2_691_000)],
        crs="EPSG:3035",
    )
    frame.to_file(tmp_path / "v2.gpkg")
    source, report = read_census_grid(tmp_path / "v2.gpkg")

    assert source.status["T"].tolist() == [Status.OK, Status.CONFIDENTIAL, Status.PERTURBED]
    assert "census.flagged-value" in codes_of(report)
    pd.DataFrame({"GRD_ID": CODES, "OBS_VALUE_T": [1, 2, 3]}).to_csv(tmp_path / "v1.csv", index=False)
    assert read_census_grid(tmp_path / "v1.csv")[0].table["T"].sum() == 6.0


def test_census_xy_and_bbox(tmp_path):
    """Cells named by x and y; a box keeps what begins in it."""
    pd.DataFrame({"x": [4_337_000, 4_338_000], "y": [2_689_000, 2_689_000], "T": [1, 2]}).to_parquet(
        tmp_path / "c.parquet"
    )
    box = Bounds(4_338_000, 0, 4_339_000, 9_000_000)

    assert read_census_grid(tmp_path / "c.parquet", bbox=box)[0].table["T"].tolist() == [2.0]


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ({"GRD_ID": [CODES[0], CODES[0]], "T": [1, 2]}, {}, "stand twice"),
        ({"GRD_ID": [CODES[0], None], "T": [1, 2]}, {}, "have no GRD_ID"),
        ({"GRD_ID": CODES[:1], "X": [1]}, {}, "has no column"),
        ({"T": [1]}, {}, "names no cells"),
        ({"GRD_ID": CODES[:1], "T": [1]}, {"columns": ["T", "EMP"]}, "has no column EMP"),
        ({"x": [500], "y": [1000], "T": [1]}, {"cell_size_m": 1000}, "no corners"),
    ],
)
def test_census_faults(tmp_path, table, options, message):
    """Each fault of a census table has its own words."""
    pd.DataFrame(table).to_parquet(tmp_path / "c.parquet")

    with pytest.raises(SourceError, match=message):
        read_census_grid(tmp_path / "c.parquet", **options)


def test_negative_counts_are_errors(tmp_path):
    """A negative count that is no sentinel is an error of the report, which a run raises."""
    pd.DataFrame({"GRD_ID": CODES, "T": [1, -5, 2]}).to_parquet(tmp_path / "c.parquet")
    _, report = read_census_grid(tmp_path / "c.parquet")

    assert not report.is_ok
    with pytest.raises(SourceError, match="negative or not finite"):
        report.raise_errors()


@pytest.fixture
def squares(tmp_path):
    """Two areas with leading zeros in EPSG:25832."""
    boxes = [shapely.box(500_000 + k * 1000, 5_500_000, 501_000 + k * 1000, 5_501_000) for k in range(2)]
    frame = gpd.GeoDataFrame(
        {"ID": ["001", "002"], "n": [5.0, 7.0], "zone": ["a", "b"]}, geometry=boxes, crs="EPSG:25832"
    )
    frame.to_file(tmp_path / "areas.gpkg", layer="areas")
    return tmp_path, frame


def test_areas_are_read_with_counts_and_labels(squares):
    """Ids are text, labels stay, counts are described."""
    folder, _ = squares
    source, report = read_areas(folder / "areas.gpkg", id_column="ID", counts=["n"], labels=["zone"])

    assert source.table.index.tolist() == ["001", "002"]
    assert source.table["n"].sum() == 12.0
    assert report.is_ok
    assert len(source.files["areas.gpkg"]) == 64


def relabelled(frame, crs):
    return frame.set_crs(crs, allow_override=True)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda f: relabelled(f, None), {}, "names no CRS"),
        (lambda f: relabelled(f, "EPSG:4326"), {}, "look like metres"),
        (lambda f: relabelled(f.to_crs("EPSG:4326"), "EPSG:3035"), {}, "which are degrees"),
        (lambda f: relabelled(f, "EPSG:27700"), {}, "outside its area of use"),
        (lambda f: f.set_geometry(shapely.transform(f.geometry.values, lambda a: a[:, ::-1])), {}, "axes swapped"),
        (lambda f: f.assign(ID=["1", "1"]), {}, "repeat"),
        (lambda f: f, {"counts": ["people"]}, "has no column people"),
    ],
)
def test_faulty_areas_are_refused(squares, change, options, message):
    """Missing CRS, wrong label, swapped axes, repeated ids, absent columns."""
    folder, frame = squares
    change(frame).to_parquet(folder / "bad.parquet")

    with pytest.raises(SourceError, match=message):
        read_areas(folder / "bad.parquet", id_column="ID", **options)


def bow_tie(west=500_000):
    return shapely.transform(
        shapely.Polygon([(0, 0), (1000, 1000), (1000, 0), (0, 1000)]), lambda a: a + [west, 5_500_000]
    )


def test_areas_that_need_repair_are_repaired_and_reported(squares):
    """A bow-tie is mended; an area without geometry stays and is told; points and negative counts are errors."""
    folder, frame = squares
    frame.loc[0, "geometry"] = bow_tie()
    frame.loc[1, "geometry"] = None
    frame.to_parquet(folder / "bad.parquet")
    source, report = read_areas(folder / "bad.parquet", id_column="ID", max_area_change=np.inf)

    assert {"areas.repaired", "areas.no-geometry"} == codes_of(report)
    assert source.geometry.iloc[0].is_valid
    frame.loc[1, "geometry"] = shapely.Point(500_000, 5_500_000)
    frame["n"] = [-1.0, np.inf]
    frame.to_parquet(folder / "worse.parquet")
    _, report = read_areas(folder / "worse.parquet", id_column="ID", counts=["n"])
    assert {"areas.no-polygon", "counts.negative"} <= {f.code for f in report if f.level == "error"}


def test_repair_that_changes_an_area_too_much_is_an_error(squares):
    """The surveyor's area of a bow-tie is 0: any repair changes it without bound, and it is said in m2 and percent."""
    folder, frame = squares
    frame.loc[0, "geometry"] = bow_tie()
    frame.to_parquet(folder / "bad.parquet")
    _, report = read_areas(folder / "bad.parquet", id_column="ID")
    told = next(f for f in report if f.code == "areas.repaired").examples[0]

    assert {f.code for f in report if f.level == "error"} == {"areas.changed"}
    assert told.startswith("001 +50")
    assert told.endswith("m2 (from almost nothing)")
    with pytest.raises(SourceError, match="max_area_change"):
        report.raise_errors()


def test_invalid_areas_can_be_rejected(squares):
    """With invalid='reject' nothing is repaired: the report names the area and what is wrong with it."""
    folder, frame = squares
    frame.loc[0, "geometry"] = bow_tie()
    frame.to_parquet(folder / "bad.parquet")
    source, report = read_areas(folder / "bad.parquet", id_column="ID", invalid="reject")

    assert not source.geometry.iloc[0].is_valid
    with pytest.raises(SourceError, match=r"invalid \(Self-intersection.*001"):
        report.raise_errors()


def test_areas_across_180_degrees_are_cut_and_told(tmp_path):
    """179 to -179 becomes two parts of one unit, 4 square degrees in all."""
    shape = shapely.Polygon([(179, -18), (-179, -18), (-179, -16), (179, -16)])
    gpd.GeoDataFrame({"ID": ["F"]}, geometry=[shape], crs="EPSG:4326").to_parquet(tmp_path / "f.parquet")
    source, report = read_areas(tmp_path / "f.parquet", id_column="ID")

    assert codes_of(report) == {"areas.antimeridian"}
    assert len(source.geometry.iloc[0].geoms) == 2
    assert shapely.area(source.geometry.iloc[0]) == 4.0


def test_one_level_of_a_nested_file_is_kept(squares):
    """Rows are chosen by a column's value; a value nobody has is refused."""
    folder, _ = squares

    assert read_areas(folder / "areas.gpkg", id_column="ID", only={"zone": "b"})[0].table.index.tolist() == ["002"]
    with pytest.raises(SourceError, match="holds no area with {'zone': 'c'}"):
        read_areas(folder / "areas.gpkg", id_column="ID", only={"zone": "c"})


def test_counts_are_joined_through_every_trap(squares):
    """Lost zeros, decimal commas, cp1252, dashes, ids on one side only: all told, no person lost."""
    folder, _ = squares
    source, _ = read_areas(folder / "areas.gpkg", id_column="ID")
    (folder / "c.csv").write_bytes("Gebiet;Größe;Türkei\n1;1,5;10\n9;2,5;–\n".encode("cp1252"))
    joined, report = join_counts(
        source, folder / "c.csv", id_column="Gebiet", columns={"Größe": "size", "Türkei": "turkey"}
    )

    assert joined.table.loc["001", ["size", "turkey"]].tolist() == [1.5, 10.0]
    assert is_missing(joined.status["turkey"]).tolist() == [False, True]
    assert joined.unplaced == {"size": 2.5, "turkey": 0.0}
    assert {"join.zeros", "join.no-area", "join.no-row"} == codes_of(report)
    (folder / "d.csv").write_text("id,n\n001,\n002,3\n", encoding="utf-8")
    _, told = join_counts(source, folder / "d.csv", id_column="id", columns=["n"])
    assert {"counts.missing"} == codes_of(told)


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("id,n\n001,1\n001,2\n", ["n"], "repeat"),
        ("id,n\n7,1\n", ["n"], "no id of"),
        ("id,n\n001,many\n", ["n"], "no numbers"),
        ("id,n,n\n001,1,2\n", ["n"], "twice"),
        ("id,n\n001,1\n", ["m"], "has no column m"),
        ("", ["n"], "empty"),
    ],
)
def test_faulty_tables_of_counts(squares, text, columns, message):
    """Each fault of a joined table has its own words."""
    folder, _ = squares
    source, _ = read_areas(folder / "areas.gpkg", id_column="ID")
    (folder / "c.csv").write_text(text)

    with pytest.raises(SourceError, match=message):
        join_counts(source, folder / "c.csv", id_column="id", columns=columns)


def test_mixed_decimal_marks_are_refused():
    """1,5 beside 1.5 could mean anything."""
    with pytest.raises(SourceError, match="mixes decimal"):
        to_numbers(pd.Series(["1,5", "1.5"], name="n"))

    assert to_numbers(pd.Series(["1.234,5", "2"]))[0].tolist() == [1234.5, 2.0]


def test_truncated_and_absent_files(tmp_path, squares):
    """A cut-off file is an error, not a smaller table."""
    folder, _ = squares
    whole = (folder / "areas.gpkg").read_bytes()
    (folder / "cut.gpkg").write_bytes(whole[: len(whole) // 3])
    (folder / "cut.parquet").write_bytes(b"PAR1 nothing")

    for path in ("cut.gpkg", "absent.gpkg"):
        with pytest.raises(SourceError, match=r"cannot be read|does not exist"):
            read_shapes(folder / path)
    for path in ("cut.parquet", "absent.csv"):
        with pytest.raises(SourceError, match=r"cannot be read|does not exist"):
            read_table(folder / path)


def test_several_layers_must_be_named(squares):
    """Two layers: which one is meant?"""
    folder, frame = squares
    frame.to_file(folder / "areas.gpkg", layer="other")

    with pytest.raises(SourceError, match="Name one .layer=, --layer."):
        read_areas(folder / "areas.gpkg", id_column="ID")


def test_points_from_tables_and_vector_files(tmp_path):
    """Named columns, kinds, capacities; a point without coordinates stays and is told."""
    (tmp_path / "s.csv").write_text("id;lon;lat;art;plaetze\na;13,4;52,5;kita;20\nb;;;kita;30\nc;13,5;52,4;bad;\n")
    source, report = read_points(
        tmp_path / "s.csv", x="lon", y="lat", crs="EPSG:4326", id_column="id", kind_column="art",
        kinds={"kita": "childcare"}, counts=["plaetze"],
    )  # fmt: skip

    assert source.table.index.tolist() == ["s:a", "s:b"]
    assert source.table["kind"].tolist() == ["childcare", "childcare"]
    assert {"points.no-place"} == codes_of(report)
    multi = gpd.GeoDataFrame({"name": ["x"]}, geometry=[shapely.MultiPoint([(13.4, 52.5), (13, 52)])], crs="EPSG:4326")
    multi.to_file(tmp_path / "m.geojson")
    source, _ = read_points(tmp_path / "m.geojson", kind="pharmacy")
    assert source.geometry.iloc[0].geom_type == "Point"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "name its coordinate columns"),
        ({"x": "lon", "y": "lat", "crs": "EPSG:3035"}, "which are degrees"),
        ({"x": "lat", "y": "north", "crs": "EPSG:4326"}, "has no column north"),
        ({"x": "lon", "y": "lat", "crs": "EPSG:4326", "id_column": "art"}, "repeat"),
        ({"x": "lon", "y": "lat", "crs": "EPSG:4326", "labels": ["street"]}, "has no column street"),
    ],
)
def test_faulty_points(tmp_path, options, message):
    """Each fault of a table of points has its own words."""
    (tmp_path / "s.csv").write_text("lon,lat,art\n13.4,52.5,k\n13.5,52.5,k\n")

    with pytest.raises(SourceError, match=message):
        read_points(tmp_path / "s.csv", **options)


def test_german_grids_name_centres(tmp_path):
    """Centres, decimal commas, dashes and -1."""
    (tmp_path / "z.csv").write_text(
        "GITTER_ID_100m;easting;northing;Einwohner;Alter\nA;4337050;2689050;12;41,5\nB;4337150;2689050;-1;–\n",
        encoding="utf-8",
    )
    source, report = read_german_grid(tmp_path / "z.csv", rates={"Alter": "years"})

    assert source.table["Einwohner"].dropna().tolist() == [12.0]
    assert source.table["Alter"].dropna().tolist() == [41.5]
    assert {"german-grid.missing"} == codes_of(report)
    with pytest.raises(SourceError, match="no centres of 1000 m"):
        read_german_grid(tmp_path / "z.csv", cell_size_m=1000)
    with pytest.raises(SourceError, match="lacks"):
        read_german_grid(tmp_path / "z.csv", rates={"Miete": "EUR"})


def test_parts_of_an_area_are_put_together(tmp_path):
    """Rows of one id dissolve where that is asked for, and parts that lie apart are told."""
    shapes = gpd.GeoSeries([shapely.box(k, 0, k + 1, 1) for k in (4e6, 4e6 + 1, 4e6 + 9)], crs="EPSG:3035")
    path = tmp_path / "areas.gpkg"
    gpd.GeoDataFrame({"id": ["a", "b", "a"]}, geometry=shapes).to_file(path)
    whole, apart = read_areas(path, id_column="id", dissolve=True)

    assert whole.table.index.tolist() == ["a", "b"]
    assert "by up to 8" in str(next(iter(apart)))


def test_rates_may_be_negative_and_know_their_weight(tmp_path):
    """A rate is averaged by the count that weighs it, and may be below zero."""
    path = tmp_path / "areas.gpkg"
    shapes = gpd.GeoSeries([shapely.box(4e6, 3e6, 4e6 + 1, 3e6 + 1)], crs="EPSG:3035")
    gpd.GeoDataFrame({"id": ["a"], "n": [3], "growth": [-0.2]}, geometry=shapes).to_file(path)
    source, report = read_areas(path, id_column="id", counts=["n"], rates={"growth": "n"})

    assert report.is_ok
    assert (source.columns["growth"].kind, source.columns["growth"].weight) == ("intensive", "n")
