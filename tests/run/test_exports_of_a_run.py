"""Exports and the language of a run file."""

import json
from hashlib import sha256

import pytest

from civigrid.io.geoparquet import terms_in
from civigrid.run import check_run, outputs, run_file, write_sample
from civigrid.run.export import FORMATS
from civigrid.sample import CityOptions

RUN = """
[run]
title = "Town"
question = "Who lives where?"
lang = "de"
[[source]]
name = "areas"
reader = "areas"
path = "town/areas_2021.gpkg"
declared_as = "havelmark"
options = { id_column = "area_id", labels = ["district"] }
[source.counts]
path = "town/population_2021.csv"
id_column = "area_id"
columns = ["population", "native"]
part_of = { native = "population" }
reference_date = "2021-12-31"
[[cells]]
name = "by_area"
source = "areas"
grid = "eu-laea-1km"
method = "area"
[[map]]
title = "Leute"
cells = "by_area"
variables = ["population"]
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that writes every format, and what it says."""
    folder = tmp_path_factory.mktemp("town")
    write_sample(folder / "town", CityOptions(persons=2_000))
    # a QGIS project brings its GeoPackage: one of the two
    asked = [f'[[export]]\ncells = "by_area"\nto = "{form}"\n' for form in FORMATS if form != "gpkg"]
    (folder / "run.toml").write_text(RUN + "".join(asked), encoding="utf-8")
    return run_file(folder / "run.toml", scheduler="serial", folder=folder / "out")


def test_every_format_is_written_and_listed(finished):
    """Each export lies in its folder, and the manifest has the hash of each of its files."""
    outputs = json.loads((finished.folder / "manifest.json").read_text("utf-8"))["outputs"]
    made = {k: v for k, v in outputs.items() if k.startswith("release/exports/")}

    on_disk = {p for p in (finished.folder / "release" / "exports").rglob("*") if p.is_file()}
    assert {finished.folder / name for name in made} == on_disk
    assert all(sha256((finished.folder / name).read_bytes()).hexdigest() == digest for name, digest in made.items())
    assert {".gpkg", ".qgz", ".parquet", ".fgb", ".tif", ".nc", ".csv", ".xlsx"} <= {p.suffix for p in on_disk}


def test_exports_carry_their_terms(finished):
    """Files that leave the folder still say whose data they are."""
    path = finished.folder / "release" / "exports" / "by-area.parquet"

    assert any(term.licence for term in terms_in(path))


def test_maps_and_report_speak_the_language_of_the_run(finished):
    """Both pages are German."""
    (page,) = (finished.folder / "release" / "maps").glob("*.html")

    assert "schraffiert" in page.read_text("utf-8")
    assert '<html lang="de"' in (finished.folder / "release" / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('cells = "nowhere"\nto = "cog"', "run.export[0].cells"),
        ('cells = "by_area"\nto = "shapefile"', "run.export[0].to"),
    ],
)
def test_exports_that_cannot_be_are_named(tmp_path, text, key):
    """Unknown cells and unknown formats are faults of the run file."""
    write_sample(tmp_path / "town", CityOptions(persons=200))
    (tmp_path / "run.toml").write_text(f"{RUN}[[export]]\n{text}\n", encoding="utf-8")

    _, faults = check_run(tmp_path / "run.toml")

    assert key in {fault.key for fault in faults}


def test_a_geopackage_that_is_not_written_is_told(tmp_path, monkeypatch):
    """Cells above the bound are written as the other formats, and the report says what is not there and what to do."""
    monkeypatch.setattr(outputs, "GPKG_UP_TO", 1)
    write_sample(tmp_path / "town", CityOptions(persons=500))
    (tmp_path / "run.toml").write_text(RUN, encoding="utf-8")
    done = run_file(tmp_path / "run.toml", scheduler="serial", folder=tmp_path / "out")

    assert not list((tmp_path / "out" / "release" / "cells").glob("*.gpkg"))
    (told,) = done.findings[done.findings["message"].str.contains("GeoPackage")].to_dict("records")
    assert told["cells"] == "by_area"
    assert told["count"] > 1
    assert "[[export]]" in (done.folder / "release" / "report.html").read_text("utf-8")
