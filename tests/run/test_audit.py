"""The audit from the shell: table, map, JSON and exit codes."""

import json

import geopandas as gpd
import pandas as pd
import pytest
from shapely import box
from typer.testing import CliRunner

from civigrid.cli import app
from civigrid.errors import SourceError
from civigrid.maps.faults import FaultLayer
from civigrid.run.audit import audit_file
from civigrid.run.fetch import fetch


@pytest.fixture
def zones(tmp_path):
    """Three areas near Heidelberg, two of which share 10 m, and a name that means harm."""
    shapes = [box(x, 2_930_000, x + w, 2_931_000) for x, w in ((4_200_000, 1000), (4_200_990, 1010), (4_202_000, 1000))]
    frame = gpd.GeoDataFrame({"ID": ["a", "<img src=x onerror=alert(1)>", "c"]}, geometry=shapes, crs="EPSG:3035")
    frame.to_file(tmp_path / "zones.gpkg")
    return tmp_path / "zones.gpkg"


def test_table_map_and_exit_code(zones, tmp_path):
    """1 where a fault is found; the table and the map are written; JSON tells the same."""
    runner = CliRunner()
    out, page = tmp_path / "o" / "t.csv", tmp_path / "o" / "m.html"
    told = runner.invoke(app, ["audit", str(zones), "--id", "ID", "--out", str(out), "--map", str(page), "--json"])
    table = pd.read_csv(out)

    assert told.exit_code == 1
    assert json.loads(told.stdout)["faults"] == 1
    assert table[["kind", "unit", "area_m2"]].to_numpy().tolist() == [["sliver", "a", 10_000.0]]
    assert "<img src=x" not in page.read_text()
    assert "10,000 m2" in page.read_text()
    assert runner.invoke(app, ["audit", str(zones), "--id", "ID", "--allow", "sliver"]).exit_code == 0
    assert runner.invoke(app, ["audit", str(zones), "--tolerance-m2", "20000"]).exit_code == 0
    assert "1 faults" in runner.invoke(app, ["audit", str(zones)]).stdout
    assert runner.invoke(app, ["audit", str(zones), "--allow", "holes"]).exception is not None


def test_a_declared_source_in_the_cache(tmp_path):
    """An id stands for its file; its level is chosen by what is declared or asked for."""
    frame = gpd.GeoDataFrame(
        {"GISCO_ID": ["A", "B"], "LAU_NAME": "x", "CNTR_CODE": "XX"},
        geometry=[box(5, 50, 6, 51), box(6, 50, 7, 51)],
        crs="EPSG:4326",
    )
    frame.to_file(tmp_path / "LAU.geojson")
    fetch("gisco-lau-2020", file=tmp_path / "LAU.geojson", cache=tmp_path / "cache")

    assert audit_file("gisco-lau-2020", cache=tmp_path / "cache", grid="eu-laea-1km").faults == 0


def test_what_cannot_be_read(zones, tmp_path):
    """No such column, no such file, a CRS that is missing."""
    with pytest.raises(SourceError, match="has no column name"):
        audit_file(str(zones), id_column="name")
    with pytest.raises(SourceError, match="does not exist"):
        audit_file(str(tmp_path / "no.gpkg"))
    bare = gpd.read_file(zones)
    bare.set_crs(None, allow_override=True).to_parquet(tmp_path / "bare.parquet")
    with pytest.raises(SourceError, match="names no CRS"):
        audit_file(str(tmp_path / "bare.parquet"))
    assert audit_file(str(tmp_path / "bare.parquet"), crs="EPSG:3035").faults == 1
    with pytest.raises(TypeError, match="through release"):
        FaultLayer(bare)


@pytest.mark.browser
def test_the_map_in_a_browser(zones, tmp_path, chromium):
    """No request leaves, nothing fails, a fault is drawn and says what it is as plain text."""
    from playwright.sync_api import sync_playwright

    audit_file(str(zones), id_column="ID", page=tmp_path / "m.html")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 900, "height": 600})
        asked, failed = [], []
        page.on("request", lambda r: asked.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None)
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.goto((tmp_path / "m.html").as_uri())
        page.wait_for_function("window.civigrid && civigrid.map")
        legend = page.inner_text(".cg-legend")
        page.evaluate("civigrid.map.eachLayer(function (l) { if (l.getRadius) { l.openTooltip(); } })")
        tip = page.inner_text(".leaflet-tooltip")
        browser.close()

    assert asked == failed == []
    assert "sliver: two drawings of one line" in legend
    assert tip.splitlines()[0] == "sliver: a, <img src=x onerror=alert(1)>"
    assert "10,000 m2" in tip
