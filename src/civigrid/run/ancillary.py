"""What a method may weigh by, named on the command line: cells, rasters, points or buildings, each brought to cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from civigrid.errors import CivigridError, SchemaError
from civigrid.grid import Grid
from civigrid.io.cells import read_cells
from civigrid.io.german_grid import read_german_grid
from civigrid.io.raster import RASTER, read_raster
from civigrid.io.tables import VECTOR, read_shapes, to_numbers
from civigrid.project import (
    polygon_crosswalk,
    project_areas,
    project_cells,
    project_classes,
    project_points,
    project_raster,
)
from civigrid.project.methods import Layer, any_layer, class_layer
from civigrid.run.methods import Ancillary, on_grid
from civigrid.source import Source
from civigrid.types import Column


def split_name(text: str) -> tuple[Path, str]:
    """Cut ``FILE:VARIABLE``; the variable may be absent.

    >>> split_name("homes.gpkg:floor_space")
    (PosixPath('homes.gpkg'), 'floor_space')
    """
    file, colon, name = text.rpartition(":")
    # a colon in a Windows path stands before a separator
    if not colon or "/" in name or "\\" in name:
        return Path(text), ""
    return Path(file), name


def read_ancillary(weights: Sequence[str], covariates: str, grid: Grid) -> Ancillary:
    """Read what a method looks at.

    Parameters
    ----------
    weights : sequence of str
        ``FILE:VARIABLE`` in order of trust.  A file of cells (civigrid's, a census grid) keeps its grid; a raster
        (``FILE.tif``), points (the sum of the variable, or their number) and polygons (the variable, or their area)
        are brought to the grid of the first cells, else to `grid`.  ``FILE:urban=1,village=0.3`` weighs by classes of
        land: shares of cells, or codes of a raster.
    covariates : str
        ``FILE:A,B,C=rate``: cells and their variables, for models; ``=rate`` marks one that is no count.
    grid : Grid
        The grid asked for.

    Returns
    -------
    Ancillary
        Layers on one grid, finer cells added up to the first; and covariates.
    """
    layers: list[Layer] = []
    for text in weights:
        path, name = split_name(text)
        layers.append(_layer(path, name, layers[0].grid if layers else None, grid))
    if not covariates:
        return Ancillary(tuple(layers))
    path, names = split_name(covariates)
    said = [name.partition("=") for name in names.split(",") if name]
    rates = [name for name, _, kind in said if kind == "rate"]
    columns = tuple(name for name, _, _ in said)
    return Ancillary(tuple(layers), cells_of_file(path, columns, rates), columns)


def cells_of_file(path: Path, columns: Sequence[str], rates: Sequence[str] = ()) -> xr.Dataset:
    """Read cells of any kind civigrid knows: its own, a census grid, a German grid; some columns may be rates."""
    try:
        return read_cells(path, columns=columns, intensive=rates)
    except CivigridError as first:
        try:
            counts = [c for c in columns if c not in rates]
            source, report = read_german_grid(path, counts=counts, rates=dict.fromkeys(rates, "1"))
        except CivigridError:
            raise first from None
        report.raise_errors()
        return project_cells(source).cells


def _layer(path: Path, name: str, base: Grid | None, grid: Grid) -> Layer:
    classes = class_weights(name)
    if path.suffix.lower() in RASTER:
        return _from_raster(path, classes, base or grid)
    if path.suffix.lower() in VECTOR:
        cells, variable = _from_shapes(path, name, base or grid)
        return any_layer(cells, variable)
    if not name:
        raise SchemaError(f"--weights {path.name}: name the variable that weighs, as {path.name}:population.")
    if classes:
        return class_layer(on_grid(cells_of_file(path, list(classes), list(classes)), base), classes, path.stem)
    return any_layer(on_grid(cells_of_file(path, [name]), base), name)


def class_weights(text: str) -> dict[str, float]:
    """Read ``urban=1,village=0.3``; nothing where no class is weighed.

    >>> class_weights("urban=1,village=0.3"), class_weights("population")
    ({'urban': 1.0, 'village': 0.3}, {})
    """
    pairs = [part.partition("=") for part in text.split(",") if "=" in part]
    try:
        return {name: float(value) for name, _, value in pairs}
    except ValueError as error:
        raise SchemaError(f"weights of classes are numbers, as urban=1,village=0.3; got {text!r}.") from error


def _from_raster(path: Path, classes: Mapping[str, float], grid: Grid) -> Layer:
    """Amounts per pixel add up; codes of classes become shares of land, each with its weight."""
    source, report = read_raster(path, classes={code: code for code in classes} or None)
    report.raise_errors()
    if classes:
        return class_layer(project_classes(source.raster, grid, source.classes), classes, path.stem)
    name, column = next(iter(source.columns.items()))
    return any_layer(project_raster(source.raster, grid, name=name, about=column).cells, name)


def _from_shapes(path: Path, name: str, grid: Grid) -> tuple[xr.Dataset, str]:
    """Points count, or add up a column; polygons give their column, or their area, by area."""
    frame = read_shapes(path)
    if name and name not in frame.columns:
        raise SchemaError(f"--weights {path.name} has no column {name!r}. It has {list(frame.columns)[:12]}.")
    points = bool((shapely.get_type_id(frame.geometry.to_numpy()) <= shapely.GeometryType.POINT).all())
    amount = to_numbers(frame[name])[0].to_numpy() if name else None
    if amount is None:
        amount = np.ones(len(frame)) if points else frame.geometry.to_crs("EPSG:3035").area.to_numpy()
    label = name or ("points" if points else "area")
    geometry = gpd.GeoSeries(frame.geometry.to_numpy(), np.arange(len(frame)).astype(str), crs=frame.crs)
    table = pd.DataFrame({label: np.nan_to_num(amount)}, index=geometry.index)
    about = {label: Column(units="1", long_name=label)}
    source = Source(name=path.stem, table=table, columns=about, geometry=geometry)
    if points:
        return project_points(source, grid, total="count_of_points").cells, label
    return project_areas(source, polygon_crosswalk(geometry, grid)).cells, label
