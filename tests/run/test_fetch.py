"""Declared sources: fetched from a file, tried by their reader, read with terms and vintage."""

import json
import zipfile

import geopandas as gpd
import pytest
import shapely
from typer.testing import CliRunner

from civigrid.cli import app
from civigrid.errors import SchemaError, SourceError, UnknownNameError
from civigrid.io.fetch import read_record
from civigrid.run import config
from civigrid.run.fetch import fetch, list_sources, read_declared
from civigrid.run.inputs import read_source


@pytest.fixture
def nuts(tmp_path):
    """Two levels of NUTS, as GISCO lays them on top of each other."""
    frame = gpd.GeoDataFrame(
        {"NUTS_ID": ["XX", "XX1", "XX2"], "LEVL_CODE": [0, 1, 1], "CNTR_CODE": "XX", "NAME_LATN": ["x", "y", "z"]},
        geometry=[shapely.box(5, 50, 7, 51), shapely.box(5, 50, 6, 51), shapely.box(6, 50, 7, 51)],
        crs="EPSG:4326",
    )
    frame.to_file(tmp_path / "NUTS_RG_20M_2024_4326.geojson")
    return tmp_path / "NUTS_RG_20M_2024_4326.geojson"


def test_a_local_file_is_fetched_and_read(nuts, tmp_path):
    """It lies in the cache, and is read with its vintage, date and terms; one level of it by `only`."""
    cache = tmp_path / "cache"
    found = fetch("gisco-nuts-2024", file=nuts, cache=cache)
    source, report = read_declared("gisco-nuts-2024", cache=cache, only={"LEVL_CODE": 1})

    assert (found.units, found.crs, found.origin, found.verified) == (3, "EPSG:4326", "file", False)
    assert found.path == cache / "gisco-nuts-2024" / nuts.name
    assert report.findings == ()
    assert source.table.index.tolist() == ["XX1", "XX2"]
    assert source.table["NAME_LATN"].tolist() == ["y", "z"]
    assert (source.vintage, source.reference_date) == ("gisco-nuts-2024", "2024-01-01")
    assert source.terms.attribution == "(c) EuroGeographics for the administrative boundaries"
    assert {r["id"]: r["cached"] for r in list_sources(cache)}["gisco-nuts-2024"]
    assert {p.name for p in cache.iterdir()} == {"gisco-nuts-2024"}


def test_a_refused_file_replaces_nothing(nuts, tmp_path):
    """The reader refuses a file without the declared column: the good one stays."""
    cache = tmp_path / "cache"
    fetch("gisco-nuts-2024", file=nuts, cache=cache)
    bad = tmp_path / "bad.geojson"
    gpd.read_file(nuts).drop(columns="NUTS_ID").to_file(bad)
    with pytest.raises(SourceError, match="has no column NUTS_ID"):
        fetch("gisco-nuts-2024", file=bad, cache=cache)

    assert read_record(cache / "gisco-nuts-2024")["file"] == nuts.name
    assert {p.name for p in cache.iterdir()} == {"gisco-nuts-2024"}
    (cache / "gisco-nuts-2024" / nuts.name).write_text("changed")
    with pytest.raises(SourceError, match="changed since it was fetched"):
        read_declared("gisco-nuts-2024", cache=cache)


def test_archives_hashes_and_counts_are_held_to_the_declaration(nuts, tmp_path):
    """The member is chosen by its pattern; a hash that is declared is verified; other units and CRSs are told."""
    about = {"id": "x", "format": "geojson", "reader": "areas", "id_column": "NUTS_ID", "crs": "EPSG:3035", "units": 4}
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(nuts, "in/a.geojson")
    found = fetch(about, file=tmp_path / "a.zip", cache=tmp_path / "cache")

    assert found.path == tmp_path / "cache" / "x" / "unpacked" / "in" / "a.geojson"
    assert {f.code for f in found.report} == {"declared.crs", "declared.units"}
    with pytest.raises(SourceError, match="has another hash"):
        fetch(about | {"sha256": "0" * 64}, file=tmp_path / "a.zip", cache=tmp_path / "cache")
    with pytest.raises(SourceError, match="is not the file that 'x' declares"):
        fetch(about | {"parts_sha256": {"geojson": "0" * 64}}, file=tmp_path / "a.zip", cache=tmp_path / "cache")
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.write(nuts, "in/b.geojson")
    with pytest.raises(SourceError, match="holds 2 files like"):
        fetch(about, file=tmp_path / "a.zip", cache=tmp_path / "cache")
    plain = fetch({"id": "y", "format": "geojson"}, file=nuts, cache=tmp_path / "cache")
    assert plain.units is None


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (lambda c: fetch("gisco-nuts-2025", cache=c), UnknownNameError, "Did you mean 'gisco-nuts-202"),
        (lambda c: fetch("zensus-2011", cache=c), SourceError, "declares no address. Get the file from https"),
        (lambda c: read_declared("gisco-nuts-2024", cache=c), SourceError, "civigrid fetch gisco-nuts-2024"),
        (lambda c: read_declared("geostat-2011", cache=c), SourceError, "declares no reader"),
        (lambda c: read_declared("vg250", c / "x.shp", colour=1), SchemaError, "knows no option colour"),
    ],
)
def test_what_cannot_be_fetched_or_read_says_why(tmp_path, work, error, message):
    """Each in its own words, with the way out."""
    with pytest.raises(error, match=message):
        work(tmp_path)


def test_a_run_file_takes_the_same_facts(nuts, tmp_path):
    """`declared_as` gives a run's source its vintage, and the reader what is declared; the run file goes before."""
    about = config.Source(name="n", reader="areas", path=str(nuts), declared_as="gisco-nuts-2024")
    source, _ = read_source(about, tmp_path)

    assert (source.name, source.vintage) == ("n", "gisco-nuts-2024")
    assert len(source.table) == 3
    with pytest.raises(SourceError, match="has no column other"):
        read_source(
            config.Source(
                name="n", reader="areas", path=str(nuts), declared_as="gisco-nuts-2024", options={"id_column": "other"}
            ),
            tmp_path,
        )


def test_the_command(nuts, tmp_path):
    """JSON for machines; the hash to declare for people; 1 where the reader reports an error; 2 for no source."""
    runner, cache = CliRunner(), ["--cache", str(tmp_path / "cache")]
    machine = runner.invoke(app, ["fetch", "gisco-nuts-2024", "--file", str(nuts), "--json", *cache])
    people = runner.invoke(app, ["fetch", "gisco-nuts-2024", "--file", str(nuts), *cache])
    listed = runner.invoke(app, ["fetch", "--list", *cache])

    assert json.loads(machine.stdout)["units"] == 3
    assert 'sha256  not declared; declare it:  sha256 = "' in people.stdout
    assert "gisco-nuts-2024              cached  NUTS regions 2024" in listed.stdout
    assert runner.invoke(app, ["fetch", *cache]).exit_code == 2
    frame = gpd.read_file(nuts)
    frame.loc[0, "geometry"] = shapely.Polygon([(5, 50), (6, 51), (6, 50), (5, 51)])
    frame.to_file(nuts)
    assert runner.invoke(app, ["fetch", "gisco-nuts-2024", "--file", str(nuts), *cache]).exit_code == 1


REAL = [
    ("berlin-lor-2006", "berlin_lor_boundaries/lor_planungsraeume.shp", 448, {"areas.corrected"}),
    ("berlin-lor-2021", "berlin_lor_boundaries/lor_planungsraeume_2021.shp", 542, set()),
    ("vg250", "de_vg250_municipalities/VG250_GEM_simplified.zip", 10_990, {"areas.repaired", "areas.changed"}),
    ("vg250", "rhein_neckar/municipalities_3035.gpkg", 121, {"declared.crs"}),
    ("gisco-nuts-2024", "eu_nuts2024_20m/nuts2024_20m.gpkg", 1_798, set()),
    ("osm-localities", "malta/malta_localities_osm.gpkg", 60, set()),
    ("zensus-2022", "de_zensus2022_100m_cities/berlin_zensus_100m.parquet", 64_321, set()),
]


@pytest.mark.parametrize(("name", "path", "units", "codes"), REAL)
def test_declared_facts_fit_the_real_files(real_data, tmp_path, name, path, units, codes):
    """Columns, CRS, ids and counts as declared; the hashes of both LOR vintages are verified."""
    found = fetch(name, file=real_data / path, cache=tmp_path)

    assert found.units == units
    assert {f.code for f in found.report} == codes
    assert found.verified == name.startswith("berlin-lor")


def test_the_wrong_id_of_the_old_planning_areas_is_corrected(real_data):
    """The published file gives 06010102 twice: Schloßstraße in Charlottenburg is 04030417, and its people are found."""
    source, _ = read_declared("berlin-lor-2006", real_data / "berlin_lor_boundaries" / "lor_planungsraeume.shp")

    assert source.table.loc["04030417", "BEZIRKSNAM"] == "Charlottenburg-Wilmersdorf"
    assert source.table.loc["06010102", "BEZIRKSNAM"] == "Steglitz-Zehlendorf"
