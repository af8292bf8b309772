"""Cells as arrays that follow the CF conventions: squares on rows and columns, hexagons along their ids.

SOURCE: NetCDF Climate and Forecast (CF) Metadata Conventions 1.11, sections 3 (description), 3.5 (flags), 5.6 (grid
mappings), 7.1 (bounds), 7.3 (cell methods).  The standard name table has no name for residents or services: variables
of people bear none, coordinates and statuses bear theirs.  Hexagons follow xdggs (``grid_name`` and ``level`` on
``cell_ids``); in Zarr also the ``dggs`` convention for Zarr, version 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xarray as xr
from pyproj import CRS

from civigrid.cells import grid_of, ids_of
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.fields import LONGEST, WORDS, Field, fields_of, released
from civigrid.io.frame import Frame, frame_of
from civigrid.io.record import facts, record_of
from civigrid.io.styles.looks import plain
from civigrid.release.gate import Release

NO_COUNT = {"int32": -(2**31), "int64": -(2**63)}
NO_CELL = 255
MOST_NAMES, MOST_LETTERS = 1000, 30_000
"""Names of a label, and letters of them all: an attribute of HDF5 holds no more than 64 kB."""
UNITS = {"1": "1", "min": "min", "h": "h", "m": "m", "km": "km", "km2": "km2", "m2": "m2", "%": "percent"}
"""Units that UDUNITS knows; all others are counted things, whose unit is 1."""
SIDE, LENGTH = 512, 100_000
"""Chunks: cells of a square's side, and hexagons."""


def parts_of(
    release: Release[xr.Dataset], values: Sequence[str] = (), title: str = ""
) -> tuple[xr.Dataset, Iterator[xr.Dataset]]:
    """Give the coordinates with the facts about the file, and one variable after the other, as datasets.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Cells.
    values : sequence of str
        Variables to take; empty: all, and the labels.
    title : str
        What the data are called.

    Returns
    -------
    tuple of xarray.Dataset and iterator of xarray.Dataset
        Never more than one dense variable in memory.  Encodings (type, fill value, chunks) stand in the variables.
    """
    cells = released(release, xr.Dataset)
    # names of netCDF have no limit here, but must be plain
    fields = fields_of(cells, values, longest=10 * LONGEST)
    record, grid = record_of(release, fields, title), grid_of(cells)
    left = [f.title for f in fields if f.role == "label" and not _fits(cells, f)]
    about = facts(record) | {"Conventions": "CF-1.11", "history": f"civigrid: {record.title}"}
    if left:
        about["left_out"] = f"labels with too many names for an attribute: {', '.join(left)}"
    frame = frame_of(cells, "netCDF or Zarr") if isinstance(grid, SquareGrid) else None
    base = (_square(frame) if frame is not None else _hexagons(cells, grid)).assign_attrs(about)
    return base, _variables(cells, fields, frame)


def _variables(cells: xr.Dataset, fields: Sequence[Field], frame: Frame | None) -> Iterator[xr.Dataset]:
    status = {f.variable: f.name for f in fields if f.role == "status"}
    named = {f.variable: f.name for f in fields}
    for field in fields:
        if field.role == "label" and not _fits(cells, field):
            continue
        values, empty, attrs = _flat(cells, field, named, status)
        if frame is None:
            made = xr.Variable(("cell",), values, attrs)
            chunks: tuple[int, ...] = (min(LENGTH, max(len(values), 1)),)
        else:
            made = xr.Variable(("y", "x"), frame.dense(values, empty), attrs)
            chunks = (min(SIDE, frame.shape[0]), min(SIDE, frame.shape[1]))
        made.encoding = {"dtype": values.dtype, "_FillValue": values.dtype.type(empty), "chunksizes": chunks}
        yield xr.Dataset({field.name: made})


def _flat(
    cells: xr.Dataset, field: Field, named: dict[str, str], status: dict[str, str]
) -> tuple[npt.NDArray[Any], float, dict[str, Any]]:
    """Values along the cells, what stands where there is none, and attributes."""
    raw, attrs = cells[field.variable].to_numpy(), {"long_name": plain(field.title), "grid_mapping": "crs"}
    if field.role == "status":
        flags = {"flag_values": np.arange(len(WORDS), dtype=np.uint8), "flag_meanings": " ".join(WORDS)}
        return raw.astype(np.uint8), NO_CELL, attrs | {"standard_name": "status_flag"} | flags
    if field.role == "label":
        names, at = _names(raw)
        flags = {
            "flag_values": np.arange(len(names), dtype=np.int32),
            "flag_meanings": " ".join("_".join(n.split()) or "none" for n in names),
            "flag_names": json.dumps(names, ensure_ascii=False),
        }
        return at.astype(np.int32), -1, attrs | flags
    about = field.about
    attrs |= {"units": UNITS.get(about.units, "1"), "cell_methods": _methods(about.kind, about.weight, named)}
    if about.units not in UNITS:
        attrs["counted"] = about.units
    attrs |= {k: v for k, v in (("source", about.source), ("reference_date", about.reference_date)) if v}
    beside = [status[f"{field.variable}_status"]] if f"{field.variable}_status" in status else []
    beside += [n for v, n in named.items() if cells[v].attrs.get("companion_of") == field.variable and n not in beside]
    if beside:
        attrs["ancillary_variables"] = " ".join(beside)
    if pa.types.is_floating(field.type):
        return raw, np.nan, attrs
    kind = "int32" if field.type == pa.int32() else "int64"
    return np.where(np.isnan(raw), NO_COUNT[kind], np.nan_to_num(raw)).astype(kind), NO_COUNT[kind], attrs


def _methods(kind: str, weight: str | None, named: dict[str, str]) -> str:
    if kind == "extensive":
        return "area: sum"
    return f"area: mean (comment: weighted by {named.get(weight, weight)})" if weight else "area: mean"


def _names(raw: npt.NDArray[Any]) -> tuple[list[str], npt.NDArray[Any]]:
    names, at = np.unique(raw.astype(str), return_inverse=True)
    return [plain(n) for n in names.tolist()], at


def _fits(cells: xr.Dataset, field: Field) -> bool:
    names = set(cells[field.variable].to_numpy().tolist())
    return len(names) <= MOST_NAMES and sum(map(len, map(str, names))) <= MOST_LETTERS


def _crs(name: str) -> xr.Variable:
    about = {k: v for k, v in CRS.from_user_input(name).to_cf().items() if v is not None}
    # GDAL reads it under this name
    return xr.Variable((), np.int32(0), about | {"spatial_ref": about["crs_wkt"]})


def _square(frame: Frame) -> xr.Dataset:
    half = frame.size_m / 2
    axes = {}
    for name, middle, word in (("x", frame.x, "easting"), ("y", frame.y, "northing")):
        attrs = {
            "standard_name": f"projection_{name}_coordinate",
            "long_name": word,
            "units": "m",
            "axis": name.upper(),
        }
        axes[name] = xr.Variable((name,), middle, attrs | {"bounds": f"{name}_bnds"})
        axes[f"{name}_bnds"] = xr.Variable((name, "nv"), np.stack([middle - half, middle + half], axis=1))
    for variable in axes.values():
        variable.encoding = {"_FillValue": None}
    bounds = {n: v for n, v in axes.items() if n.endswith("_bnds")}
    return xr.Dataset({"crs": _crs(frame.crs)} | bounds, coords={"x": axes["x"], "y": axes["y"]})


def _hexagons(cells: xr.Dataset, grid: Any) -> xr.Dataset:
    ids = ids_of(cells)
    assert isinstance(grid, H3Grid)
    centre = grid.centre(ids).reshape(-1, 2)
    named = {"grid_name": "h3", "level": grid.resolution}
    # xdggs 0.6 refuses attributes that are none of the grid
    coords = {"cell_ids": xr.Variable(("cell",), ids, named)}
    for i, (name, unit) in enumerate((("longitude", "degrees_east"), ("latitude", "degrees_north"))):
        attrs = {"standard_name": name, "long_name": f"{name} of the centre", "units": unit}
        coords[name] = xr.Variable(("cell",), centre[:, i], attrs)
    for variable in coords.values():
        variable.encoding = {"_FillValue": None}
    return xr.Dataset({"crs": _crs(grid.crs)}, coords=coords)


def dggs_attrs(level: int) -> dict[str, Any]:
    """Attributes of a Zarr group of hexagons.  SOURCE: zarr-conventions/dggs, version 1."""
    url = "https://github.com/zarr-conventions/dggs/blob/v1/README.md"
    schema = "https://raw.githubusercontent.com/zarr-conventions/dggs/refs/tags/v1/schema.json"
    convention = {
        "uuid": "7b255807-140c-42ca-97f6-7a1cfecdbc38",
        "schema_url": schema,
        "spec_url": url,
        "name": "dggs",
        "description": "Discrete Global Grid Systems convention for zarr",
    }
    about = {"name": "h3", "refinement_level": level, "spatial_dimension": "cell", "coordinate": "cell_ids"}
    return {"zarr_conventions": [convention], "dggs": about | {"compression": "none"}}
