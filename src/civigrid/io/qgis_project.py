"""A QGIS project: one layer for each indicator of a GeoPackage beside it, with its colours and its legend."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import xarray as xr
from pyproj import CRS

from civigrid.cells import grid_of, ids_of
from civigrid.grid import SquareGrid
from civigrid.io.atomic import write_atomic
from civigrid.io.features import titles_of
from civigrid.io.fields import KEYS, LONGEST, fields_of, released
from civigrid.io.geopackage import view_names, write_geopackage
from civigrid.io.record import bounds_of, description_of, record_of
from civigrid.io.shapes import crs_of, is_cut
from civigrid.io.styles.looks import Look, plain
from civigrid.io.styles.qml import VERSION, elements
from civigrid.io.styles.xml import child, text_of
from civigrid.release.gate import Release
from civigrid.types import Bounds


def write_qgis_project(
    release: Release[xr.Dataset],
    path: Path,
    looks: Sequence[Look],
    *,
    values: Sequence[str] = (),
    crs: str = "",
    title: str = "",
) -> Path:
    """Write cells as a GeoPackage and, beside it, a project that opens it; equal cells give equal bytes.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Cells.
    path : Path
        The project, ``.qgz`` or ``.qgs``.
    looks : sequence of Look
        A layer each, the first shown.
    values : sequence of str
        Variables to write; empty: all, and the labels.
    crs : str
        Another CRS than the grid's.
    title : str
        What the data are called.

    Returns
    -------
    Path
        The GeoPackage: same folder, same name.  The project knows it by that name alone, so both may be moved together.

    Notes
    -----
    The format is that of QGIS 3.22, which newer ones read.
    """
    cells = released(release, xr.Dataset)
    data = path.with_suffix(".gpkg")
    write_geopackage(release, data, values=values, crs=crs, looks=looks, title=title)
    fields = fields_of(cells, values, longest=LONGEST)
    record = record_of(release, fields, title)
    grid = grid_of(cells)
    where, bounds = crs_of(crs or grid.crs), bounds_of(cells, crs)
    kind = "MultiPolygon" if is_cut(grid, ids_of(cells), crs) else "Polygon"
    titles = titles_of(fields, square=isinstance(grid, SquareGrid))
    described = {f.name: description_of(f) for f in fields}
    root = ET.Element("qgis", {"version": VERSION, "projectname": record.title})
    child(root, "title", record.title)
    _srs(child(root, "projectCrs"), where)
    named = view_names(looks)
    _tree(root, named, data.name)
    canvas = child(root, "mapcanvas", name="theMapCanvas", annotationsVisible="1")
    child(canvas, "units", "degrees" if where.is_geographic else "meters")
    _box(child(canvas, "extent"), bounds)
    child(canvas, "rotation", "0")
    _srs(child(canvas, "destinationsrs"), where)
    layers = child(root, "projectlayers")
    for name, look in named.items():
        shown = {c: titles[c] for c in (*KEYS, look.field, look.status) if c in titles}
        made = _layer(layers, name, look, shown, data.name, where, bounds)
        made.set("wkbType", kind)
        child(made, "abstract", described[look.field])
        child(made, "attribution", record.attribution)
    order = child(root, "layerorder")
    for name in named:
        child(order, "layer", id=_id(name))
    child(child(child(root, "properties"), "Paths"), "Absolute", "false", type="bool")
    _about(root, record.title, record.abstract, where)
    _save(path, text_of(root, head="<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"))
    return data


def _save(path: Path, text: str) -> None:
    def write(temporary: Path) -> None:
        if path.suffix == ".qgs":
            temporary.write_text(text, encoding="utf-8")
            return
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as project:
            entry = zipfile.ZipInfo(f"{path.stem}.qgs", (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            project.writestr(entry, text)

    write_atomic(path, write)


def _id(name: str) -> str:
    # QGIS takes an id of ten letters or fewer for none, and makes one by chance
    return f"civigrid_cells_{name}"


def _tree(root: ET.Element, named: dict[str, Look], data: str) -> None:
    tree = child(root, "layer-tree-group")
    child(tree, "customproperties")
    for i, (name, look) in enumerate(named.items()):
        child(
            tree, "layer-tree-layer", id=_id(name), name=plain(look.title),
            checked="Qt::Unchecked" if i else "Qt::Checked",
            expanded="0" if i else "1", source=f"./{data}|layername={name}", providerKey="ogr", legend_exp="",
            legend_split_behavior="0", patch_size="-1,-1",
        )  # fmt: skip


def _layer(
    layers: ET.Element,
    name: str,
    look: Look,
    titles: dict[str, str],
    data: str,
    where: CRS,
    bounds: Bounds,
) -> ET.Element:
    layer = child(
        layers, "maplayer", type="vector", geometry="Polygon", hasScaleBasedVisibilityFlag="0",
        autoRefreshEnabled="0", simplifyDrawingHints="1", simplifyDrawingTol="1", simplifyLocal="1", readOnly="1",
    )  # fmt: skip
    _box(child(layer, "extent"), bounds)
    child(layer, "id", _id(name))
    child(layer, "datasource", f"./{data}|layername={name}")
    child(layer, "layername", plain(look.title))
    _srs(child(layer, "srs"), where)
    child(layer, "provider", "ogr", encoding="UTF-8")
    layer.extend(elements(look, titles))
    child(layer, "layerGeometryType", "2")
    child(layer, "previewExpression", '"code"')
    return layer


def _box(parent: ET.Element, bounds: Bounds) -> None:
    for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), bounds, strict=True):
        child(parent, tag, repr(value))


def _srs(parent: ET.Element, where: CRS) -> None:
    about = child(parent, "spatialrefsys", nativeFormat="Wkt")
    child(about, "wkt", where.to_wkt())
    code = where.to_epsg()
    if code:
        child(about, "srid", str(code))
        child(about, "authid", f"EPSG:{code}")
    child(about, "description", where.name)
    child(about, "geographicflag", "true" if where.is_geographic else "false")


def _about(root: ET.Element, title: str, abstract: str, where: CRS) -> None:
    about = child(root, "projectMetadata")
    child(about, "type", "dataset")
    child(about, "title", title)
    child(about, "abstract", abstract)
    _srs(child(about, "crs"), where)
