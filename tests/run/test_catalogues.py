"""A run's catalogues: each passes its validator without network, and says of the files what is true of them."""

import json
import os
import shutil
import socket
import subprocess
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pystac
import pytest
from frictionless import Package
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.table import TableExtension
from pystac.validation import validate_dict

from civigrid.errors import SchemaError
from civigrid.io.catalogues import describe_release, stac
from civigrid.io.catalogues.model import interval_of
from civigrid.io.catalogues.stac import EXTENSIONS
from civigrid.run import run_file, write_sample
from civigrid.run.catalogues import write_catalogues
from civigrid.sample import CityOptions

HOSTILE = "</script><img src=x onerror=alert(1)> عدد السكان who lives near whom"
RUN = f"""
[run]
title = "{HOSTILE}"
question = "Who lives where?"
purpose = "Test"
profile = "min-count"
threshold = 10
[[source]]
name = "register"
reader = "points"
path = "town/persons.parquet"
declared_as = "havelmark"
options = {{ x = "easting", y = "northing", crs = "EPSG:3035", id_column = "person_id", labels = ["origin", "birth"] }}
[[source]]
name = "areas"
reader = "areas"
path = "town/areas_2021.gpkg"
declared_as = "havelmark"
options = {{ id_column = "area_id", labels = ["district"] }}
[source.counts]
path = "town/population_2021.csv"
id_column = "area_id"
columns = ["population", "native"]
part_of = {{ native = "population" }}
reference_date = "2021-12-31"
[[cells]]
name = "register_1km"
source = "register"
grid = "eu-laea-1km"
method = "points"
by = "origin"
[[cells]]
name = "by_area"
source = "areas"
grid = "eu-laea-1km"
method = "area"
[[cells]]
name = "register_h3"
source = "register"
grid = "h3-r7"
method = "points"
by = "birth"
words = {{ NAT = "{HOSTILE}" }}
[[map]]
title = "Residents"
cells = "register_1km"
variables = ["population"]
"""
VALIDATORS = Path(
    os.environ.get("CIVIGRID_VALIDATORS", Path(__file__).parents[2] / ".venv-validators" / "bin" / "python")
)
SCRIPT = Path(__file__).with_name("validate_crate.py")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small run of an invented town: squares and hexagons, one map, the report."""
    folder = tmp_path_factory.mktemp("town")
    write_sample(folder / "town", CityOptions(persons=3_000))
    (folder / "run.toml").write_text(RUN, encoding="utf-8")
    return run_file(folder / "run.toml", scheduler="serial", folder=folder / "out")


@pytest.fixture
def no_network(monkeypatch):
    """Whoever asks for another machine fails."""

    def refuse(*_):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def read(finished, path):
    return json.loads((finished.folder / "release" / path).read_text(encoding="utf-8"))


def manifest_of(finished):
    return json.loads((finished.folder / "manifest.json").read_text(encoding="utf-8"))


def test_a_run_ends_with_catalogues_that_the_manifest_lists(finished):
    """They lie beside the outputs, are hashed like them, and name no place of this machine."""
    outputs = manifest_of(finished)["outputs"]

    made = ["datapackage.json", "ro-crate-metadata.json", "stac/collection.json", "stac/by_area/by_area.json"]
    for path in made:
        data = (finished.folder / "release" / path).read_bytes()
        assert outputs[f"release/{path}"] == sha256(data).hexdigest()
        assert str(finished.folder.parent).encode() not in data
    assert set(finished.files) == {finished.folder / p for p in outputs}


def test_stac_passes_its_schemas_and_its_readers(finished, no_network):
    """The core schemas that pystac carries accept Collection and Items; its extensions read what we wrote."""
    collection = pystac.Collection.from_file(str(finished.folder / "release" / "stac" / "collection.json"))
    items = list(collection.get_items())

    assert {i.id for i in items} == {"by_area", "register_1km", "register_h3"}
    for found in (collection, *items):
        about = found.to_dict(include_self_link=False, transform_hrefs=False)
        assert set(about["stac_extensions"]) <= set(EXTENSIONS.values())
        # pystac carries the core schemas only: extensions are read by its classes below
        assert validate_dict(about | {"stac_extensions": []})
    for item in items:
        table = TableExtension.ext(item)
        assert table.row_count == pq.read_metadata(item.assets["parquet"].get_absolute_href()).num_rows
        assert [c.name for c in table.columns] == pq.read_schema(item.assets["parquet"].get_absolute_href()).names
        for asset in item.assets.values():
            about, data = FileExtension.ext(asset), Path(asset.get_absolute_href()).read_bytes()
            assert about.size == len(data)
            assert about.checksum == "1220" + sha256(data).hexdigest()
    square = next(i for i in items if i.id == "by_area")
    assert ProjectionExtension.ext(square).epsg == 3035
    assert square.properties["end_datetime"] == "2021-12-31T23:59:59Z"


def test_the_collection_covers_its_items(finished):
    """The box of the Collection holds the boxes of the Items, which are where Havelmark lies."""
    west, south, east, north = read(finished, "stac/collection.json")["extent"]["spatial"]["bbox"][0]
    for name in ("by_area", "register_1km", "register_h3"):
        box = read(finished, f"stac/{name}/{name}.json")["bbox"]
        assert west <= box[0] < box[2] <= east
        assert south <= box[1] < box[3] <= north
    assert 9 < west < east < 13
    assert 50 < south < north < 53


def test_a_schema_refuses_what_is_wrong(finished, no_network):
    """The validation above can fail: an Item without its date does not pass."""
    item = read(finished, "stac/by_area/by_area.json")
    del item["properties"]["datetime"]

    with pytest.raises(pystac.errors.STACValidationError):
        validate_dict(item | {"stac_extensions": []})


def test_the_data_package_is_valid_row_by_row(finished, no_network):
    """The validator frictionless reads every CSV by its schema, and counts bytes and hash of every file."""
    package = Package(str(finished.folder / "release" / "datapackage.json"))
    report = package.validate()

    assert report.valid, report.flatten(["name", "type", "note"])
    assert len(package.resources) == len(list_released(finished))
    fields = {f.name: f for f in package.get_resource("by-area-csv").schema.fields}
    assert fields["population"].custom["unit"] == "persons"
    assert fields["population"].custom["referenceDate"] == "2021-12-31"
    assert "suppressed" in fields["population_status"].constraints["enum"]


def list_released(finished):
    """Files that catalogues describe: all but themselves."""
    own = ("stac/", "datapackage.json", "ro-crate-metadata.json")
    paths = [p.removeprefix("release/") for p in manifest_of(finished)["outputs"]]
    return [p for p in paths if not p.startswith(own)]


@pytest.mark.parametrize("damage", ["value", "status", "byte"])
def test_the_data_package_tells_damage(finished, tmp_path, no_network, damage):
    """A count that is a word, a status nobody knows, one byte more: frictionless sees each of them."""
    shutil.copytree(finished.folder / "release", tmp_path / "r")
    path = tmp_path / "r" / "cells" / "by_area.csv"
    if damage == "byte":
        path = tmp_path / "r" / "report.html"
        path.write_bytes(path.read_bytes() + b" ")
    else:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.loc[0, "population" if damage == "value" else "population_status"] = "many"
        table.to_csv(path, index=False)

    assert not Package(str(tmp_path / "r" / "datapackage.json")).validate().valid


def validate_crate(folder):
    run = subprocess.run([VALIDATORS, SCRIPT, folder], capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.skipif(not VALIDATORS.exists(), reason="no environment of validators: see tests/validators.txt")
def test_the_crate_is_a_valid_process_run_crate(finished, tmp_path):
    """All that RO-Crate 1.1 and Process Run Crate 0.5 require, by their SHACL shapes; a crate undated does not pass."""
    assert validate_crate(finished.folder / "release") == []
    shutil.copytree(finished.folder / "release", tmp_path / "r")
    crate = read(finished, "ro-crate-metadata.json")
    del next(e for e in crate["@graph"] if e["@id"] == "./")["datePublished"]
    (tmp_path / "r" / "ro-crate-metadata.json").write_text(json.dumps(crate), encoding="utf-8")
    assert any("datePublished" in told for told in validate_crate(tmp_path / "r"))


def test_the_crate_tells_what_was_made_from_what(finished):
    """Inputs by hash and terms, outputs by hash, the software by version; every reference has its entity."""
    graph = {e["@id"]: e for e in read(finished, "ro-crate-metadata.json")["@graph"]}
    action, manifest = graph["#run"], manifest_of(finished)

    given = [graph[i["@id"]] for i in action["object"]]
    assert [i["sha256"] for i in given] == [i["sha256"] for i in manifest["inputs"]]
    assert {i["usageInfo"] for i in given} == {"CC0 1.0"}
    for part in action["result"]:
        assert graph[part["@id"]]["sha256"] == manifest["outputs"][f"release/{part['@id']}"]
    assert f"pkg:pypi/numpy@{manifest['libraries']['numpy']}" in graph
    wanted = set()
    for entity in graph.values():
        for value in entity.values():
            wanted |= {v["@id"] for v in (value if isinstance(value, list) else [value]) if isinstance(v, dict)}
    outside = {"https://w3id.org/ro/crate/1.1"}
    assert wanted - outside <= set(graph)
    assert graph["#place"]["geo"] == {"@id": "#box"}


def test_hostile_words_stay_words(finished):
    """A title with markup and another script is kept as text; identifiers are letters, digits and dashes."""
    collection = read(finished, "stac/collection.json")

    assert collection["title"] == HOSTILE
    assert collection["id"] == "script-img-src-x-onerror-alert-1-who-lives-near-whom"
    assert read(finished, "datapackage.json")["name"] == collection["id"]


def test_catalogues_of_a_run_made_again_are_the_same(finished):
    """A manifest that lists catalogues gives the same catalogues: they do not describe themselves."""
    before = {p: h for p, h in manifest_of(finished)["outputs"].items() if p.endswith("json")}

    assert write_catalogues(manifest_of(finished), finished.folder) == before


def test_an_output_that_is_not_there_is_told(finished):
    """A manifest that names a file outside the release, or none, is refused."""
    for path in ("release/cells/gone.csv", "release/../manifest.json", "parts/x.cells"):
        with pytest.raises(SchemaError, match="Run the run file again"):
            describe_release({"outputs": {path: "00"}}, finished.folder / "release")


def test_a_run_of_nothing_has_a_collection_and_no_item(tmp_path):
    """Without cells, dates and inputs the Collection covers the world at no time; a crate needs a date."""
    (tmp_path / "release").mkdir()
    made = write_catalogues({"title": ""}, tmp_path)
    collection = json.loads((tmp_path / "release" / "stac" / "collection.json").read_text(encoding="utf-8"))

    assert sorted(made) == ["release/datapackage.json", "release/stac/collection.json"]
    assert collection["extent"]["temporal"]["interval"] == [[None, None]]
    assert validate_dict(collection | {"stac_extensions": []})


def test_no_catalogue_tells_a_value(finished):
    """Only the shape of tables is described: no statistics, no sample, no row."""
    graph = json.dumps([stac(describe_release(manifest_of(finished), finished.folder / "release"))])

    for word in ("statistics", "histogram", "minimum", "maximum", "example"):
        assert word not in graph


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2021-02"], ("2021-02-01T00:00:00Z", "2021-02-28T23:59:59Z")),
        (["2015/2020"], ("2015-01-01T00:00:00Z", "2020-12-31T23:59:59Z")),
        (["2021-13", "0000", "2021-02-40"], None),
    ],
)
def test_reference_dates_become_an_interval(dates, expected):
    """A month ends on its last day, a span at its second year; what is no date gives none."""
    assert interval_of(dates) == expected
