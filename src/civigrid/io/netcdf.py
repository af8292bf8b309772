"""Cells as netCDF-4 and as Zarr, by CF-1.11."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr
import zarr

from civigrid.cells import grid_of
from civigrid.grid import H3Grid
from civigrid.io.atomic import write_atomic, write_folder
from civigrid.io.cf import dggs_attrs, parts_of
from civigrid.io.shapes import crs_of
from civigrid.release.gate import Release


def write_netcdf(release: Release[xr.Dataset], path: Path, *, values: Sequence[str] = (), title: str = "") -> None:
    """Write cells as netCDF-4; equal cells give equal bytes.

    Squares lie on ``y`` and ``x`` (rows from the north), hexagons along ``cell``.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Cells.
    path : Path
        The file.
    values : sequence of str
        Variables to write; empty: all, and the labels.
    title : str
        What the data are called.

    Raises
    ------
    SchemaError
        No square cells, or squares too far apart for an array.
    """
    base, variables = parts_of(release, values, title)

    def write(temporary: Path) -> None:
        base.to_netcdf(temporary, mode="w", engine="h5netcdf")
        for part in variables:
            for variable in part.data_vars.values():
                variable.encoding |= {"zlib": True, "complevel": 4, "shuffle": True}
            part.to_netcdf(temporary, mode="a", engine="h5netcdf")

    write_atomic(path, write)


def write_zarr(release: Release[xr.Dataset], path: Path, *, values: Sequence[str] = (), title: str = "") -> None:
    """Write cells as a Zarr group, format 2 with consolidated metadata, which more readers know than format 3.

    Chunks without a cell are not written.  Equal cells give equal files.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Cells.
    path : Path
        The folder.
    values : sequence of str
        Variables to write; empty: all, and the labels.
    title : str
        What the data are called.

    Raises
    ------
    SchemaError
        No square cells, or squares too far apart for an array.
    """
    base, variables = parts_of(release, values, title)
    grid = grid_of(release.data)
    more: dict[str, Any] = dggs_attrs(grid.resolution) if isinstance(grid, H3Grid) else {}

    def write(temporary: Path) -> None:
        how: dict[str, Any] = {"zarr_format": 2, "consolidated": False}
        # appending writes the attributes of the group anew
        about = base.attrs | more
        base.assign_attrs(about).to_zarr(temporary, mode="w", **how)
        for part in variables:
            for variable in part.data_vars.values():
                variable.encoding["chunks"] = variable.encoding.pop("chunksizes")
                if not more:
                    variable.attrs["_CRS"] = {"wkt": crs_of(grid.crs).to_wkt()}
            part.assign_attrs(about).to_zarr(temporary, mode="a", **how)
        zarr.consolidate_metadata(str(temporary), zarr_format=2)

    write_folder(path, write)
