"""Cells to the files that others open: one command, one registry of formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from civigrid.cells import grid_of, labels, measured
from civigrid.errors import SchemaError, unknown_name
from civigrid.io.atomic import write_folder, write_json, write_text
from civigrid.io.cells import read_cells
from civigrid.io.cog import has_status, write_cog, write_status_cog
from civigrid.io.csv_with_metadata import write_csv_with_metadata
from civigrid.io.fields import LONGEST, safe_names
from civigrid.io.flatgeobuf import write_flatgeobuf, write_geodatabase
from civigrid.io.geopackage import view_names, write_geopackage
from civigrid.io.geoparquet import terms_in, write_geoparquet
from civigrid.io.netcdf import write_netcdf, write_zarr
from civigrid.io.qgis_project import write_qgis_project
from civigrid.io.shapes import crs_of
from civigrid.io.spreadsheet import write_spreadsheet
from civigrid.io.styles import Look, maplibre_style, qml, raster_qml, raster_sld, sld
from civigrid.io.styles.choose import looks_of
from civigrid.io.tiled_grid import write_tiled_grid
from civigrid.release import Profile, Release, release
from civigrid.run.export_config import ExportItem, file_of
from civigrid.source import Licence

Cells = Release[xr.Dataset]


@dataclass(frozen=True, kw_only=True)
class Export:
    """What to write.

    Parameters
    ----------
    to : str
        One of `FORMATS`.
    out : Path
        File or folder.
    values : tuple of str
        Variables; empty: all, and the labels.
    crs : str
        Another CRS of polygons than the grid's.
    title : str
        What the data are called.
    terms : tuple of Licence
        Words that must stand beside the data; none: those that a Parquet file of ours brings along.
    """

    to: str
    out: Path
    values: tuple[str, ...] = ()
    crs: str = ""
    title: str = ""
    terms: tuple[Licence, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format: its suffixes (a folder has none, or its own), what it is, its writer, whether it takes a CRS."""

    suffixes: tuple[str, ...]
    words: str
    write: Callable[[Cells, Export], list[Path]]
    crs: bool = False


def _geopackage(cells: Cells, wanted: Export) -> list[Path]:
    looks = looks_of(cells, wanted.values)
    write_geopackage(cells, wanted.out, values=wanted.values, crs=wanted.crs, looks=looks, title=wanted.title)
    return [wanted.out]


def _project(cells: Cells, wanted: Export) -> list[Path]:
    looks = looks_of(cells, wanted.values)
    data = write_qgis_project(cells, wanted.out, looks, values=wanted.values, crs=wanted.crs, title=wanted.title)
    return [wanted.out, data]


def _geoparquet(cells: Cells, wanted: Export) -> list[Path]:
    write_geoparquet(cells, wanted.out, values=wanted.values, crs=wanted.crs)
    return [wanted.out]


def _parquet(cells: Cells, wanted: Export) -> list[Path]:
    write_geoparquet(cells, wanted.out, values=wanted.values, geometry=False)
    return [wanted.out]


def _flatgeobuf(cells: Cells, wanted: Export) -> list[Path]:
    write_flatgeobuf(cells, wanted.out, values=wanted.values, crs=wanted.crs, title=wanted.title)
    return [wanted.out]


def _geodatabase(cells: Cells, wanted: Export) -> list[Path]:
    write_geodatabase(cells, wanted.out, values=wanted.values, crs=wanted.crs, title=wanted.title)
    return [wanted.out]


def _cogs(cells: Cells, wanted: Export) -> list[Path]:
    """One raster for each indicator, that of its statuses where it has any, and styles beside it."""
    looks, single = looks_of(cells, wanted.values), wanted.out.suffix == ".tif"
    if single and len(looks) != 1:
        raise SchemaError(
            f"--out {wanted.out.name} is one file, but there are {len(looks)} variables: name one with --value, or let "
            "--out be a folder."
        )
    files = []
    names = safe_names((look.variable for look in looks), LONGEST, room=7, roomy=[look.variable for look in looks])
    for look in looks:
        path = wanted.out if single else wanted.out / f"{names[look.variable]}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_cog(cells, path, look.variable, title=wanted.title)
        write_text(path.with_suffix(".qml"), raster_qml(look))
        write_text(path.with_suffix(".sld"), raster_sld(look, path.stem))
        files += [path, path.with_suffix(".qml"), path.with_suffix(".sld")]
        if has_status(cells.data, look.variable):
            files.append(path.with_name(f"{path.stem}_status.tif"))
            write_status_cog(cells, files[-1], look.variable, title=wanted.title)
    return files


def _netcdf(cells: Cells, wanted: Export) -> list[Path]:
    write_netcdf(cells, wanted.out, values=wanted.values, title=wanted.title)
    return [wanted.out]


def _zarr(cells: Cells, wanted: Export) -> list[Path]:
    write_zarr(cells, wanted.out, values=wanted.values, title=wanted.title)
    return [wanted.out]


def _csv(cells: Cells, wanted: Export) -> list[Path]:
    beside = write_csv_with_metadata(cells, wanted.out, values=wanted.values, title=wanted.title)
    return [wanted.out, beside]


def _spreadsheet(cells: Cells, wanted: Export) -> list[Path]:
    write_spreadsheet(cells, wanted.out, values=wanted.values, title=wanted.title)
    return [wanted.out]


def _tiled(cells: Cells, wanted: Export) -> list[Path]:
    write_tiled_grid(cells, wanted.out, values=wanted.values, title=wanted.title)
    return [wanted.out]


def _styles(cells: Cells, wanted: Export) -> list[Path]:
    """Styles alone: QML and SLD for each view of the GeoPackage, one MapLibre style for all."""
    named: dict[str, Look] = view_names(looks_of(cells, wanted.values))

    def write(folder: Path) -> None:
        for name, look in named.items():
            write_text(folder / f"{name}.qml", qml(look))
            write_text(folder / f"{name}.sld", sld(look, name))
        write_json(folder / "maplibre.json", maplibre_style(list(named.values())))

    write_folder(wanted.out, write)
    return [wanted.out]


FORMATS: dict[str, Format] = {
    "gpkg": Format(
        suffixes=(".gpkg",), words="GeoPackage: views, styles, titles, metadata", write=_geopackage, crs=True
    ),
    "qgis": Format(suffixes=(".qgz", ".qgs"), words="QGIS project, its GeoPackage beside it", write=_project, crs=True),
    "geoparquet": Format(suffixes=(".parquet", ".geoparquet"), words="GeoParquet 1.1", write=_geoparquet, crs=True),
    "parquet": Format(suffixes=(".parquet",), words="Parquet, cells by code alone", write=_parquet),
    "fgb": Format(suffixes=(".fgb",), words="FlatGeobuf", write=_flatgeobuf, crs=True),
    "gdb": Format(suffixes=(".gdb",), words="file geodatabase, a folder", write=_geodatabase, crs=True),
    "cog": Format(suffixes=("", ".tif"), words="Cloud Optimized GeoTIFF, one for each variable", write=_cogs),
    "netcdf": Format(suffixes=(".nc",), words="netCDF-4 by CF-1.11", write=_netcdf),
    "zarr": Format(suffixes=(".zarr",), words="Zarr by CF-1.11, a folder", write=_zarr),
    "csv": Format(suffixes=(".csv",), words="CSV and its CSVW metadata", write=_csv),
    "xlsx": Format(suffixes=(".xlsx",), words="spreadsheet: data, variables, sources", write=_spreadsheet),
    "tiled-grid": Format(suffixes=("",), words="Eurostat's tiled grid in Parquet, a folder", write=_tiled),
    "styles": Format(suffixes=("",), words="QML, SLD and MapLibre styles, a folder", write=_styles),
}
"""Formats by their name on the command line."""


def export_file(path: Path, wanted: Export, profile: Profile) -> dict[str, Any]:
    """Write a file of cells in another format, after disclosure control.

    Returns
    -------
    dict
        Files written, cells, grid, variables, and what the profile hid.

    Raises
    ------
    UnknownNameError
        An unknown format or variable.
    SchemaError
        A suffix, a CRS or a grid that the format cannot have.
    """
    form = _checked(wanted)
    cells = release(read_cells(path), profile, terms=wanted.terms or terms_in(path))
    known = [*measured(cells.data), *labels(cells.data)]
    for name in wanted.values:
        if name not in known:
            raise unknown_name("variable of the cells", name, known)
    files = form.write(cells, wanted)
    return {
        "out": str(wanted.out),
        "format": wanted.to,
        "files": [str(f) for f in files],
        "cells": cells.data.sizes["cell"],
        "grid": grid_of(cells.data).id,
        "variables": list(wanted.values) or known,
        "suppressed": dict(cells.actions),
        "profile": cells.profile,
        "attribution": [t.attribution or t.publisher for t in cells.terms],
    }


def write_export(cells: Cells, wanted: Export) -> list[Path]:
    """Write released cells in a format, and give the files: the step of a run.

    Raises
    ------
    UnknownNameError
        An unknown format or variable.
    SchemaError
        A suffix, a CRS or a grid that the format cannot have.
    """
    return _checked(wanted).write(cells, wanted)


def _checked(wanted: Export) -> Format:
    if wanted.to not in FORMATS:
        raise unknown_name("format", wanted.to, FORMATS)
    form = FORMATS[wanted.to]
    if wanted.out.suffix not in form.suffixes:
        ends = " or ".join(s or "none (a folder)" for s in form.suffixes)
        raise SchemaError(f"--out {wanted.out.name}: the suffix of {wanted.to} is {ends}.")
    if wanted.crs and not form.crs:
        able = ", ".join(n for n, f in FORMATS.items() if f.crs)
        raise SchemaError(
            f"--crs is for polygons ({able}): {wanted.to} holds whole cells, which another CRS would have to resample."
        )
    if wanted.crs:
        crs_of(wanted.crs)
    return form


def write_item(
    item: ExportItem, cells: xr.Dataset, terms: Sequence[Licence], profile: Profile, folder: Path
) -> list[Path]:
    """Write one ``[[export]]`` of a run into ``exports/`` of its folder, after disclosure control; give its files."""
    out = folder / "exports" / file_of(item, FORMATS[item.to].suffixes[0])
    out.parent.mkdir(parents=True, exist_ok=True)
    wanted = Export(to=item.to, out=out, values=item.variables, crs=item.crs, title=item.title)
    written = write_export(release(cells, profile, terms=terms), wanted)
    return [
        file for path in written for file in (sorted(path.rglob("*")) if path.is_dir() else [path]) if file.is_file()
    ]
