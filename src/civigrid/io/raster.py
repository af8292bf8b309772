"""Rasters of any kind GDAL reads: described by their header, read window by window by whoever sums them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from civigrid.errors import SourceError
from civigrid.io.hashing import sha256_of
from civigrid.project.pixel_cells import Lattice
from civigrid.project.rasters import RasterSource
from civigrid.source import Finding, Report
from civigrid.types import Column, Floats, Kind

RASTER = {".tif", ".tiff", ".vrt", ".img", ".asc", ".jp2", ".nc"}


@dataclass(frozen=True)
class RasterFile:
    """One band of a raster file: all that a task is told.

    Parameters
    ----------
    path : str
        The file, on a disk that all workers see.
    band : int
        Which band, from 1.
    lattice : Lattice
        Where its pixels lie.
    nodata : float or None
        Value that means "not known", beside what the file itself masks.
    """

    path: str
    band: int
    lattice: Lattice
    nodata: float | None = None

    def read(self, rows: tuple[int, int], cols: tuple[int, int]) -> Floats:
        """Values of a window, shape (row, col), NaN where the file's mask or `nodata` says that none is known."""
        window = Window(cols[0], rows[0], cols[1] - cols[0], rows[1] - rows[0])
        try:
            with rasterio.open(self.path) as file:
                found = file.read(self.band, window=window, masked=True)
                scale, offset = file.scales[self.band - 1], file.offsets[self.band - 1]
        except RasterioError as error:
            raise SourceError(f"{Path(self.path).name} cannot be read: {error}") from error
        values: Floats = found.filled(0).astype(np.float64)
        unknown = np.ma.getmaskarray(found) | (values == self.nodata)
        if (scale, offset) != (1.0, 0.0):
            values = values * scale + offset
        values[unknown] = np.nan
        return values


def open_raster(path: Path, *, band: int = 1, crs: str = "", nodata: float | None = None) -> RasterFile:
    """Describe one band of a raster file, from its header alone.

    Parameters
    ----------
    path : Path
        The file.
    band : int
        Which band, from 1.
    crs : str
        CRS of a file that names none.
    nodata : float, optional
        Value that means "not known", where the file does not say.

    Returns
    -------
    RasterFile
        To be handed to `project_raster` or `project_classes`.

    Raises
    ------
    SourceError
        No such file, no raster, no such band, no CRS, or pixels that lie nowhere.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError(f"{path} does not exist. Check the path, and CIVIGRID_DATA where the path uses it.")
    try:
        with rasterio.open(path) as file:
            bands, rows, cols, own, transform = file.count, file.height, file.width, file.crs, file.transform
    except RasterioError as error:
        raise SourceError(f"{path.name} cannot be read as a raster: {error}") from error
    if not 1 <= band <= bands:
        raise SourceError(f"{path.name} has {bands} bands, no band {band}. Bands count from 1.")
    if own is None and not crs:
        raise SourceError(f"{path.name} names no CRS. Say which its pixels are in: crs='EPSG:...'.")
    named = crs if own is None else (own.to_string() if own.to_epsg() else own.to_wkt())
    return RasterFile(str(path), band, Lattice(named, tuple(transform)[:6], rows, cols), nodata)


def read_raster(
    path: Path,
    *,
    band: int = 1,
    variable: str = "",
    kind: Kind = "extensive",
    units: str = "persons",
    crs: str = "",
    nodata: float | None = None,
    classes: Mapping[str, str] | None = None,
) -> tuple[RasterSource, Report]:
    """Describe a raster as a source; its pixels are read when it is projected.

    Parameters
    ----------
    path : Path
        Any raster GDAL reads.
    band : int
        Which band, from 1.
    variable : str
        Name of what it measures; empty: the file's.
    kind : {"extensive", "intensive"}
        Counts per pixel, or a share, density or height.
    units : str
        Unit of the values.
    crs : str
        CRS of a file that names none.
    nodata : float, optional
        Value that means "not known", where the file does not say.
    classes : mapping of str to str, optional
        For a raster of classes: the name of each code.

    Returns
    -------
    tuple of RasterSource and Report
        A note says how large the raster is.

    Raises
    ------
    SourceError
        As `open_raster`; a code of a class that is no whole number.
    """
    path = Path(path)
    raster = open_raster(path, band=band, crs=crs, nodata=nodata)
    name, lattice = variable or path.stem, raster.lattice
    try:
        codes = {int(code): str(word) for code, word in (classes or {}).items()}
    except ValueError as error:
        raise SourceError(
            f"{path.name}: codes of classes are whole numbers ({error}). Mend the table of classes."
        ) from error
    source = RasterSource(
        name=path.stem,
        table=pd.DataFrame({name: np.empty(0)}, index=pd.Index([], dtype=str)),
        columns={name: Column(kind=kind, units=units, long_name=name)},
        files={path.name: sha256_of(path)},
        raster=raster,
        classes=codes,
    )
    text = f"{path.name}: {lattice.rows} by {lattice.cols} pixels in {lattice.crs[:40]}"
    return source, Report((Finding("note", "raster.size", text, lattice.rows * lattice.cols),))
