"""Cells: the one labelled table.  An xarray Dataset over `cell`, its schema, and the ways in and out.

The schema, checked by `check_cells`:

- one dimension, ``cell``; coordinate ``cell_id`` (uint64, sorted, unique) whose attributes are ``grid.to_dict()``;
- each measured variable has ``kind``, ``units``, ``long_name``, ``source``, ``reference_date`` (and ``weight`` where
  intensive, ``part_of`` where it is part of a total);
- beside a variable ``v`` may stand ``v_status`` (uint8, `Status` codes); where it says missing, ``v`` is NaN, and a
  NaN without a status is refused: missing is never zero, and never unexplained;
- a label (country, district ...) is a variable of ``kind = "label"`` holding strings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
import xarray as xr

from civigrid.errors import GridMismatchError, SchemaError, first_few
from civigrid.grid import Grid, grid_from_dict
from civigrid.types import MISSING, Bools, Column, Floats, Ids, Labels, Status, Statuses

DIM = "cell"
_NAMES = "ok observed_zero structural_zero confidential unavailable perturbed imputed suppressed partial"


def make_cells(
    grid: Grid,
    cell_id: Ids,
    values: Mapping[str, npt.ArrayLike],
    about: Mapping[str, Column],
    *,
    status: Mapping[str, Statuses] | None = None,
    labels: Mapping[str, npt.ArrayLike] | None = None,
) -> xr.Dataset:
    """Make a checked cell dataset from arrays; rows are sorted by id.

    Parameters
    ----------
    grid : Grid
        The grid of every id.
    cell_id : ndarray of uint64, shape (cell,)
        Unique ids, in any order.
    values : mapping of str to array_like, shape (cell,)
        Measured variables, stored as float64.
    about : mapping of str to Column
        What each of `values` means.
    status : mapping of str to ndarray of uint8, optional
        `Status` codes beside a variable.
    labels : mapping of str to array_like of str, optional
        Names of zones the cells belong to.

    Returns
    -------
    xarray.Dataset
        Passed by `check_cells`.

    Raises
    ------
    SchemaError
        A value without a description, a NaN without a status, a repeated id.

    Examples
    --------
    >>> from civigrid.grid import SquareGrid
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.cell_at(np.array([[4321500.0, 3210500.0]]))
    >>> cells = make_cells(grid, ids, {"population": [12.0]}, {"population": Column(long_name="Residents")})
    >>> float(cells["population"].sum())
    12.0
    """
    ids = np.asarray(cell_id, dtype=np.uint64)
    order = np.argsort(ids, kind="stable")
    if missing := set(values) - set(about):
        raise SchemaError(f"no description for {sorted(missing)}: pass a Column for each in `about`.")
    data: dict[str, Any] = {}
    for name, value in values.items():
        data[name] = (DIM, np.asarray(value, dtype=np.float64)[order], column_attrs(about[name]))
    for name, codes in (status or {}).items():
        data[f"{name}_status"] = (DIM, np.asarray(codes, dtype=np.uint8)[order], status_attrs())
        data[name][2]["ancillary_variables"] = f"{name}_status"
    for name, label in (labels or {}).items():
        data[name] = (DIM, np.asarray(label, dtype=object)[order], {"kind": "label"})
    coords = {"cell_id": (DIM, ids[order], grid.to_dict())}
    return check_cells(xr.Dataset(data, coords=coords))


def column_attrs(column: Column) -> dict[str, Any]:
    """Attributes of a variable, from its description; what is None is left out."""
    return {k: v for k, v in vars(column).items() if v is not None}


def column_of(variable: xr.DataArray) -> Column:
    """Description of a variable, from its attributes."""
    return Column(**{k: variable.attrs[k] for k in Column.__dataclass_fields__ if k in variable.attrs})


def status_attrs() -> dict[str, Any]:
    """CF flag attributes of a status variable."""
    codes = np.array([int(s) for s in Status], dtype=np.uint8)
    return {"kind": "status", "flag_values": codes, "flag_meanings": _NAMES}


def grid_of(cells: xr.Dataset) -> Grid:
    """Give the grid a dataset lies on."""
    if "cell_id" not in cells.coords:
        raise SchemaError("this dataset has no coordinate 'cell_id'. Make cell datasets with make_cells().")
    return grid_from_dict(cells["cell_id"].attrs)


def ids_of(cells: xr.Dataset) -> Ids:
    """Give the ids of a dataset, shape (cell,), sorted."""
    ids: Ids = cells["cell_id"].to_numpy()
    return ids


def values_of(cells: xr.Dataset, name: str) -> Floats:
    """Give the values of one measured variable, shape (cell,), NaN where missing."""
    if name not in cells.data_vars:
        known = ", ".join(measured(cells))
        raise SchemaError(f"no variable {name!r} on these cells. Known: {known}.")
    values: Floats = cells[name].to_numpy()
    return values


def status_of(cells: xr.Dataset, name: str) -> Statuses:
    """Give the status codes of one variable, shape (cell,); all OK where none are stored."""
    key = f"{name}_status"
    if key in cells.data_vars:
        codes: Statuses = cells[key].to_numpy()
        return codes
    return np.zeros(cells.sizes[DIM], dtype=np.uint8)


def noise_variance_of(cells: xr.Dataset, name: str) -> Floats:
    """Variance of the publisher's noise in each known count, shape (cell,), persons2; NaN where nobody declared one.

    It stands in the companion ``NAME_noise_variance``, else in the description of the variable.
    """
    key = f"{name}_noise_variance"
    if key in cells.data_vars and cells[key].attrs.get("companion_of") == name:
        return np.nan_to_num(values_of(cells, key))
    return declared_noise(column_of(cells[name]).noise_variance, status_of(cells, name))


def declared_noise(declared: float | None, codes: Statuses) -> Floats:
    """Variance of the noise in values of these statuses; where nothing can be, a publisher publishes nothing."""
    nothing = is_missing(codes) | (codes == Status.STRUCTURAL_ZERO)
    return np.where(nothing, 0.0, np.nan if declared is None else declared)


def is_missing(codes: Statuses) -> Bools:
    """Whether each status means that no value is known."""
    missing: Bools = np.isin(codes, np.array(MISSING, dtype=np.uint8))
    return missing


def measured(cells: xr.Dataset) -> list[str]:
    """Names of the measured variables, in their order."""
    return [str(n) for n, v in cells.data_vars.items() if v.attrs.get("kind") in ("extensive", "intensive")]


def labels(cells: xr.Dataset) -> list[str]:
    """Names of the label variables, in their order."""
    return [str(n) for n, v in cells.data_vars.items() if v.attrs.get("kind") == "label"]


def with_variables(
    cells: xr.Dataset,
    values: Mapping[str, npt.ArrayLike],
    about: Mapping[str, Column],
    *,
    status: Mapping[str, Statuses] | None = None,
) -> xr.Dataset:
    """Add variables to a dataset (cells in, cells out); its own variables are untouched.

    A variable of a name that is there already is replaced, with its status and its companions: what was known about
    the old values says nothing about the new ones.
    """
    added = make_cells(grid_of(cells), ids_of(cells), values, about, status=status)
    return check_cells(without(cells, values).assign(added.data_vars))


def without(cells: xr.Dataset, names: Iterable[str]) -> xr.Dataset:
    """Take variables out of a dataset, with their statuses and companions."""
    gone = set(names)
    stale = [
        n for n, v in cells.data_vars.items()
        if n in gone or str(n).removesuffix("_status") in gone or v.attrs.get("companion_of") in gone
    ]  # fmt: skip
    stale += [f"{n}_status" for n in stale if f"{n}_status" in cells and f"{n}_status" not in stale]
    return cells.drop_vars(stale)


def join_cells(*datasets: xr.Dataset) -> xr.Dataset:
    """Join datasets of one grid on the union of their cells; what one lacks is missing there (``UNAVAILABLE``).

    A label that stands in several is that of the first which names the cell.

    Raises
    ------
    GridMismatchError
        The datasets do not lie on one grid: nothing is regridded by guess.
    """
    grids = {grid_of(ds) for ds in datasets}
    if len(grids) > 1:
        names = ", ".join(sorted(g.id for g in grids))
        raise GridMismatchError(f"cannot join cells of different grids ({names}). Project them to one grid first.")
    ids = np.unique(np.concatenate([ids_of(ds) for ds in datasets]))
    values, about, status = {}, {}, {}
    label: dict[str, Labels] = {}
    for ds in datasets:
        at = np.searchsorted(ids, ids_of(ds))
        for name in measured(ds):
            if name in values:
                raise SchemaError(f"variable {name!r} stands in two of the datasets. Rename one before joining.")
            values[name] = np.full(len(ids), np.nan)
            values[name][at] = values_of(ds, name)
            codes = np.full(len(ids), Status.UNAVAILABLE, dtype=np.uint8)
            codes[at] = status_of(ds, name)
            status[name] = codes
            about[name] = column_of(ds[name])
        for name in labels(ds):
            into = label.setdefault(name, np.full(len(ids), "", dtype=object))
            into[at] = np.where(into[at] == "", ds[name].to_numpy(), into[at])
    joined = make_cells(grids.pop(), ids, values, about, status=status, labels=label)
    return joined.assign_attrs({k: v for ds in reversed(datasets) for k, v in ds.attrs.items()})


def check_cells(cells: xr.Dataset) -> xr.Dataset:
    """Return `cells` if they follow the schema of this module, else raise `SchemaError` with every fault."""
    faults = list(_faults(cells))
    if faults:
        raise SchemaError("not a cell dataset:\n- " + "\n- ".join(faults))
    return cells


def _faults(cells: xr.Dataset) -> Iterator[str]:
    grid, ids = grid_of(cells), ids_of(cells)
    if ids.dtype != np.uint64:
        yield f"cell_id is {ids.dtype}, must be uint64"
        return
    if set(cells.dims) != {DIM}:
        yield f"dimensions are {sorted(map(str, cells.dims))}, must be only 'cell'"
        return
    if np.any(ids[1:] < ids[:-1]):
        yield "cell_id is not sorted"
    elif (twice := np.flatnonzero(ids[1:] == ids[:-1])).size:
        yield f"cell_id is not unique: {twice.size} cells stand there twice (first: {ids[twice[0]]:#x})"
    if (bad := ids[~grid.is_valid(ids)]).size:
        yield f"{bad.size} ids are no cells of {grid.id} (first: {first_few(hex(i) for i in bad)})"
    for name, variable in cells.data_vars.items():
        kind = variable.attrs.get("kind")
        if kind in ("extensive", "intensive"):
            yield from _value_faults(cells, str(name))
        elif kind not in ("status", "label"):
            yield f"{name!r} has kind {kind!r}, must be extensive, intensive, status or label"


def _value_faults(cells: xr.Dataset, name: str) -> Iterator[str]:
    variable = cells[name]
    if absent := [k for k in ("units", "long_name", "source", "reference_date") if k not in variable.attrs]:
        yield f"{name!r} lacks the attributes {absent}"
    if variable.dtype != np.float64:
        yield f"{name!r} is {variable.dtype}, must be float64"
        return
    unknown, missing = np.isnan(variable.to_numpy()), is_missing(status_of(cells, name))
    if f"{name}_status" in cells.data_vars and (n := int(np.sum(missing & ~unknown))):
        yield f"{name!r}: {n} cells have a value although their status says missing"
    # A rate over nothing (0/0) is undefined, not withheld: only counts must explain every NaN.
    if variable.attrs["kind"] == "extensive" and (n := int(np.sum(unknown & ~missing))):
        ids = ids_of(cells)[unknown & ~missing]
        yield f"{name!r}: {n} cells are NaN without a status that says why (first: {first_few(hex(i) for i in ids)})"


def to_geodataframe(cells: xr.Dataset, crs: str | None = None) -> gpd.GeoDataFrame:
    """Give the cells as polygons, for export: the only place where cells become geometry.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.
    crs : str, optional
        CRS of the result; by default the grid's own, whose corners are exact.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per cell, column ``cell_id`` (uint64) first.
    """
    grid, ids = grid_of(cells), ids_of(cells)
    corners = grid.vertices(ids)
    closed = np.concatenate([corners, corners[:, :1]], axis=1)
    frame = pd.DataFrame({"cell_id": ids} | {str(n): v.to_numpy() for n, v in cells.data_vars.items()})
    result = gpd.GeoDataFrame(frame, geometry=shapely.polygons(closed), crs=grid.crs)
    return result if crs is None else result.to_crs(crs)


def from_geodataframe(
    frame: gpd.GeoDataFrame, grid: Grid, about: Mapping[str, Column], *, id_column: str = "cell_id"
) -> xr.Dataset:
    """Give a cell dataset from a frame that has an id column; NaN becomes ``UNAVAILABLE``."""
    ids = frame[id_column].to_numpy().astype(np.uint64)
    values = {name: frame[name].to_numpy(dtype=np.float64) for name in about}
    status = {}
    for name, value in values.items():
        key = f"{name}_status"
        codes = frame[key].to_numpy(dtype=np.uint8) if key in frame else None
        if codes is None and np.isnan(value).any():
            codes = np.where(np.isnan(value), Status.UNAVAILABLE, Status.OK).astype(np.uint8)
        if codes is not None:
            status[name] = codes
    return make_cells(grid, ids, values, about, status=status)
