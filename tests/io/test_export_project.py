"""The QGIS project: what its XML says, that it knows its data by name alone, and that it holds no stranger's words."""

import zipfile
from xml.etree import ElementTree as ET

import pyogrio
import pytest
from exported import ATTACK, hard_cells, hexagons

from civigrid.io.hashing import sha256_of
from civigrid.io.qgis_project import write_qgis_project
from civigrid.io.styles.choose import looks_of
from civigrid.release import public_grid, release
from civigrid.source import Licence

TERMS = [Licence(attribution="© Office <2021> & others")]
SHOWN = release(hard_cells(), public_grid(), terms=TERMS)


def project_of(path):
    """The XML of a project."""
    if path.suffix == ".qgs":
        return ET.fromstring(path.read_text(encoding="utf-8"))
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [f"{path.stem}.qgs"]
        return ET.fromstring(archive.read(f"{path.stem}.qgs"))


@pytest.mark.parametrize("suffix", [".qgz", ".qgs"])
def test_layers_are_those_of_the_geopackage(tmp_path, suffix):
    """One layer for each look with the colours of the model, found beside the project; only the first is shown."""
    looks = looks_of(SHOWN)
    data = write_qgis_project(SHOWN, tmp_path / f"p{suffix}", looks, title="Test <city>")
    root = project_of(tmp_path / f"p{suffix}")
    nodes, layers = list(root.iter("layer-tree-layer")), list(root.iter("maplayer"))

    assert data == tmp_path / "p.gpkg"
    assert root.findtext("title") == "Test <city>"
    assert [n.get("checked") for n in nodes] == ["Qt::Checked"] + ["Qt::Unchecked"] * (len(looks) - 1)
    assert [n.get("id") for n in nodes] == [layer.findtext("id") for layer in layers]
    for look, layer in zip(looks, layers, strict=True):
        file, name = layer.findtext("datasource").split("|layername=")
        assert file == "./p.gpkg"
        assert len(pyogrio.read_dataframe(data, layer=name)) == 36
        fills = [
            "#" + "".join(f"{int(v):02x}" for v in p.get("v").split(",")[:3])
            for p in layer.findall("renderer-v2/symbols/symbol/layer[1]/prop[@k='color']")
        ]
        assert fills[: len(look.steps)] == list(look.classes.colors)
        assert layer.findtext("attribution") == TERMS[0].attribution
        assert layer.findtext("srs/spatialrefsys/authid") == "EPSG:3035"
        assert look.field in {a.get("field") for a in layer.find("aliases")}


def test_the_first_layer_is_the_first_asked_for(tmp_path):
    """Variables stand in the order in which they were named."""
    wanted = ["share_a", "total"]
    write_qgis_project(SHOWN, tmp_path / "p.qgs", looks_of(SHOWN, wanted), values=wanted)
    titles = [n.get("name") for n in project_of(tmp_path / "p.qgs").iter("layer-tree-layer")]

    assert titles == ["Share of a", "Residents"]


def test_projects_hold_no_path_no_time_and_no_code(tmp_path):
    """Equal cells give equal bytes anywhere; words of others are text, and no expression of QGIS."""
    for name in ("one", "two"):
        write_qgis_project(SHOWN, tmp_path / name / "p.qgz", looks_of(SHOWN))
    with zipfile.ZipFile(tmp_path / "one" / "p.qgz") as archive:
        text = archive.read("p.qgs").decode("utf-8")

    assert sha256_of(tmp_path / "one" / "p.qgz") == sha256_of(tmp_path / "two" / "p.qgz")
    assert str(tmp_path) not in text
    assert "<img" not in text
    assert "[%" not in text
    assert any("<img src=x onerror=alert(1)>" in (n.get("name") or "") for n in ET.fromstring(text).iter())
    assert "[%" in ATTACK


@pytest.mark.parametrize("crs", ["", "EPSG:25833"])
def test_hexagons_one_cell_and_none(tmp_path, crs):
    """Projects of hexagons, of one cell and of no cell have a box and layers."""
    for name, cells in (("h", hexagons()), ("one", hexagons().isel(cell=[0])), ("none", hexagons().isel(cell=[]))):
        passed = release(cells, public_grid())
        write_qgis_project(passed, tmp_path / f"{name}.qgs", looks_of(passed), crs=crs)
        root = project_of(tmp_path / f"{name}.qgs")
        box = [float(root.findtext(f"mapcanvas/extent/{side}")) for side in ("xmin", "ymin", "xmax", "ymax")]
        assert len(list(root.iter("maplayer"))) == 2
        assert box[0] <= box[2]
        assert root.findtext("projectCrs/spatialrefsys/authid") == (crs or "EPSG:4326")
