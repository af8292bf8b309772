"""Cells as Cloud Optimized GeoTIFF: one file for each indicator, its pixels the cells, its overviews by kind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr
from affine import Affine
from rasterio.shutil import copy as copy_raster

from civigrid.cells import column_of, status_of, values_of
from civigrid.io.atomic import write_atomic
from civigrid.io.fields import WORDS, Field, fields_of, released
from civigrid.io.frame import Frame, frame_of
from civigrid.io.overviews import added, averaged, first
from civigrid.io.record import Record, facts, record_of
from civigrid.io.shapes import crs_of
from civigrid.io.styles.looks import plain
from civigrid.io.styles.xml import child, text_of
from civigrid.release.gate import Release
from civigrid.types import Floats

BLOCK = 256
"""Pixels of a block's side."""
SMALL = 512
"""A raster of at most this side has no overviews."""
NO_COUNT = -(2**31)
"""No value in a raster of whole counts; one of other numbers has NaN, one of statuses `NO_CELL`."""
NO_CELL = 255
_TYPES = {"int32": "Int32", "float64": "Float64", "uint8": "Byte"}
_HOW = {
    "sum": "overviews add up the known values of their pixels; a missing one adds nothing, so they are lower bounds",
    "mean": "overviews are means of the known values of their pixels",
    "first": "overviews show the first known of their pixels, as codes cannot be averaged",
}


def write_cog(release: Release[xr.Dataset], path: Path, variable: str, *, title: str = "") -> None:
    """Write one variable of square cells as a Cloud Optimized GeoTIFF; equal cells give equal bytes.

    Parameters
    ----------
    release : Release of xarray.Dataset
        Square cells.
    path : Path
        The file.
    variable : str
        Which variable.
    title : str
        What the data are called.

    Raises
    ------
    SchemaError
        Hexagons; no cells; cells too far apart.

    Notes
    -----
    OGC 21-026 (Cloud Optimized GeoTIFF 1.0), by GDAL's driver.  Pixels are the cells, corners multiples of the largest
    overview's pixel, so that pixels of overviews are coarser cells.  Whole counts are 32-bit integers, all else
    64-bit floats, nothing is rounded.  Overviews are made here, as GDAL knows no sums: counts add up, rates are means
    by their weight, where it stands among the cells.
    """
    cells = released(release, xr.Dataset)
    field = fields_of(cells, [variable])[0]
    record, about = record_of(release, [field], title), column_of(cells[variable])
    frame = _frame(cells)
    levels, how = _levels(cells, variable, frame)
    words = {"units": about.units, "kind": about.kind, "overviews": _HOW[how] if len(levels) > 1 else "none"}
    if about.weight and how == "mean":
        by = about.weight if about.weight in cells else f"nothing, as {about.weight} is not among the cells"
        words["overviews"] += f", weighted by {by}"
    _write(path, levels, frame, field, record, {k: v for k, v in words.items() if v})


def write_status_cog(release: Release[xr.Dataset], path: Path, variable: str, *, title: str = "") -> None:
    """Write the statuses of one variable as a COG of bytes; 255 where there is no cell.

    The codes are those of `civigrid.types.Status`; their words stand in the file's tags.
    """
    cells = released(release, xr.Dataset)
    field = fields_of(cells, [variable])[0]
    frame = _frame(cells)
    level = frame.dense(status_of(cells, variable).astype(np.float64), np.nan)
    levels = [level]
    while max(levels[-1].shape) > SMALL:
        levels.append(first(levels[-1]))
    coded = [np.where(np.isnan(v), NO_CELL, v).astype(np.uint8) for v in levels]
    words = {
        "flag_values": ",".join(str(i) for i in range(len(WORDS))),
        "flag_meanings": " ".join(WORDS),
        "overviews": _HOW["first"] if len(levels) > 1 else "none",
    }
    record = record_of(release, [field], title)
    _write(path, coded, frame, field, record, words, name=f"{variable}_status", nodata=NO_CELL)


def has_status(cells: xr.Dataset, variable: str) -> bool:
    """Whether any cell has something to say beyond its value."""
    return bool(status_of(cells, variable).any())


def _frame(cells: xr.Dataset) -> Frame:
    side = max(frame_of(cells, "a COG").shape)
    return frame_of(cells, "a COG", halvings=max(0, math.ceil(math.log2(side / SMALL))))


def _levels(cells: xr.Dataset, variable: str, frame: Frame) -> tuple[list[npt.NDArray[Any]], str]:
    """The raster and its overviews, and how they were made."""
    about = column_of(cells[variable])
    levels: list[Floats] = [frame.dense(values_of(cells, variable), np.nan)]
    how = "sum" if about.kind == "extensive" else "first" if _coded(cells, variable) else "mean"
    by = values_of(cells, about.weight) if about.weight and about.weight in cells else np.ones(len(frame.row))
    weight = frame.dense(by, np.nan) if how == "mean" else levels[0]
    while max(levels[-1].shape) > SMALL:
        if how == "mean":
            mean, weight = averaged(levels[-1], weight)
            levels.append(mean)
        else:
            levels.append(added(levels[-1]) if how == "sum" else first(levels[-1]))
    whole = all(np.array_equal(v, np.rint(v), equal_nan=True) for v in levels)
    largest = max((float(np.nanmax(np.abs(v))) for v in levels if not np.isnan(v).all()), default=0.0)
    if whole and largest < -NO_COUNT and not np.isnan(levels[0]).all():
        return [np.where(np.isnan(v), NO_COUNT, v).astype(np.int32) for v in levels], how
    return list(levels), how


def _coded(cells: xr.Dataset, variable: str) -> bool:
    about = column_of(cells[variable])
    return about.words is not None or about.units == "class"


def _write(
    path: Path,
    levels: Sequence[npt.NDArray[Any]],
    frame: Frame,
    field: Field,
    record: Record,
    words: dict[str, str],
    *,
    name: str = "",
    nodata: float | None = None,
) -> None:
    kind = levels[0].dtype.name
    empty = nodata if nodata is not None else NO_COUNT if kind == "int32" else math.nan
    predictor = {"float64": "FLOATING_POINT", "int32": "STANDARD"}.get(kind, "NO")

    def write(temporary: Path) -> None:
        with TemporaryDirectory(dir=path.parent, prefix=".") as folder:
            for i, level in enumerate(levels):
                _plain_tiff(Path(folder) / f"{i}.tif", level, frame, 2**i)
            described = _vrt(levels, frame, _tags(field, record, words), name or field.variable, empty)
            (Path(folder) / "all.vrt").write_text(described, encoding="utf-8")
            copy_raster(
                Path(folder) / "all.vrt",
                temporary,
                driver="COG",
                BLOCKSIZE=BLOCK,
                COMPRESS="DEFLATE",
                PREDICTOR=predictor,
                OVERVIEWS="FORCE_USE_EXISTING" if len(levels) > 1 else "NONE",
                BIGTIFF="IF_SAFER",
            )

    write_atomic(path, write)


def _tags(field: Field, record: Record, words: dict[str, str]) -> dict[str, str]:
    return {"long_name": field.title, **words, **facts(record)}


def _plain_tiff(path: Path, level: npt.NDArray[Any], frame: Frame, factor: int) -> None:
    size = frame.size_m * factor
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=level.shape[0],
        width=level.shape[1],
        count=1,
        dtype=level.dtype,
        crs=crs_of(frame.crs).to_wkt(),
        transform=Affine(size, 0, frame.west, 0, -size, frame.north),
        tiled=True,
        blockxsize=BLOCK,
        blockysize=BLOCK,
    ) as out:
        out.write(level, 1)


def _vrt(levels: Sequence[npt.NDArray[Any]], frame: Frame, tags: dict[str, str], name: str, empty: float) -> str:
    """Say in GDAL's own words which raster is the base, which are its overviews, and what they mean."""
    rows, cols = levels[0].shape
    root = ET.Element("VRTDataset", {"rasterXSize": str(cols), "rasterYSize": str(rows)})
    child(root, "SRS", crs_of(frame.crs).to_wkt())
    child(root, "GeoTransform", f"{frame.west}, {frame.size_m}, 0, {frame.north}, 0, -{frame.size_m}")
    told = child(root, "Metadata")
    for key, value in sorted(tags.items()):
        child(told, "MDI", plain(value), key=key)
    band = child(root, "VRTRasterBand", dataType=_TYPES[levels[0].dtype.name], band="1")
    child(band, "Description", plain(name))
    child(band, "UnitType", plain(tags.get("units", "")))
    child(band, "NoDataValue", "nan" if math.isnan(empty) else str(empty))
    source = child(band, "SimpleSource")
    child(source, "SourceFilename", "0.tif", relativeToVRT="1")
    child(source, "SourceBand", "1")
    for i in range(1, len(levels)):
        overview = child(band, "Overview")
        child(overview, "SourceFilename", f"{i}.tif", relativeToVRT="1")
        child(overview, "SourceBand", "1")
    return text_of(root, head="")
