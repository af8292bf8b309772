"""Cells as FlatGeobuf, which streams over HTTP by its packed R-tree, and as a file geodatabase for ArcGIS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from civigrid.io.atomic import write_atomic, write_folder
from civigrid.io.features import write_features
from civigrid.io.fields import LONGEST, fields_of, released
from civigrid.io.record import record_of
from civigrid.release.gate import Release


def write_flatgeobuf(
    release: Release[xr.Dataset], path: Path, *, values: Sequence[str] = (), crs: str = "", title: str = ""
) -> None:
    """Write cells as FlatGeobuf with its spatial index; equal cells give equal bytes.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Cells.
    path : Path
        The file.
    values : sequence of str
        Variables to write; empty: all, and the labels.
    crs : str
        Another CRS of the shapes than the grid's.
    title : str
        What the data are called.
    """
    cells = released(release, xr.Dataset)
    fields = fields_of(cells, values, longest=LONGEST)
    record = record_of(release, fields, title)

    def write(temporary: Path) -> None:
        temporary.unlink(missing_ok=True)
        more = {"TITLE": record.title, "DESCRIPTION": record.abstract, "SPATIAL_INDEX": "YES"}
        write_features(cells, fields, temporary, driver="FlatGeobuf", layer="cells", crs=crs, layer_options=more)

    write_atomic(path, write)


def write_geodatabase(
    release: Release[xr.Dataset], path: Path, *, values: Sequence[str] = (), crs: str = "", title: str = ""
) -> None:
    """Write cells as a file geodatabase (a folder ``.gdb``) with aliases, for teams that have ArcGIS alone.

    The format numbers its tables by chance: equal cells do not give equal bytes.
    """
    cells = released(release, xr.Dataset)
    fields = fields_of(cells, values, longest=LONGEST)
    name = record_of(release, fields, title).title

    def write(temporary: Path) -> None:
        temporary.rmdir()
        more = {"LAYER_ALIAS": name, "TARGET_ARCGIS_VERSION": "ARCGIS_PRO_3_2_OR_LATER"}
        write_features(cells, fields, temporary, driver="OpenFileGDB", layer="cells", crs=crs, layer_options=more)

    write_folder(path, write)
