"""Cells from a file: what civigrid wrote (a ``code`` column), or a census grid, as one labelled table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq
import xarray as xr

from civigrid.cells import column_of, ids_of, labels, make_cells, measured, status_of, values_of
from civigrid.errors import SourceError, first_few
from civigrid.grid import Grid, H3Grid, SquareGrid
from civigrid.io.census import MEANING, read_census_grid
from civigrid.io.codes import detect_grid, parse_codes
from civigrid.io.geopackage import meaning_in
from civigrid.io.parts import load_cells
from civigrid.io.tables import column_names, read_table, to_numbers
from civigrid.project import project_cells
from civigrid.types import Column, Floats, Ids, Status, Statuses

RATES = ("share_", "lq_", "minutes", "diversity", "adds_to_", "covered", "degurba", "LAND_SURFACE")
"""A numeric column is a count of persons unless its name begins like one of these, or the file says better."""
INSIDE = ".cells"
"""Suffix of the lossless form that stays on the machine."""
_NOT_VALUES = ("code", "code_short", "geometry", "bbox", "cell_id", "GRD_ID", "CNTR_ID", "x", "y")


def read_cells(path: Path, *, columns: Sequence[str] = (), intensive: Sequence[str] = ()) -> xr.Dataset:
    """Read cells that civigrid wrote, or a Eurostat census grid, as a cell dataset.

    Parameters
    ----------
    path : Path
        GeoParquet, Parquet, GeoPackage or CSV.  With a column ``code`` (INSPIRE codes of one grid, or H3 in hexadecimal
        digits) the cells of civigrid's writers; else what `read_census_grid` understands.  A ``.cells`` file is the
        lossless form that stays on the machine.
    columns : sequence of str
        Columns to read; empty: all that are values or labels (of a census grid: its 13 variables).
    intensive : sequence of str
        Columns that are rates, where the file does not say so itself.

    Returns
    -------
    xarray.Dataset
        Values with their statuses; text columns become labels.  NaN without a status becomes ``UNAVAILABLE``.

    Raises
    ------
    SourceError
        No cells, an unknown column, codes of several grids, statuses that are no words of `Status`.

    Notes
    -----
    What a column means is taken from the file's own metadata (key ``civigrid``) where it is there; else a number is a
    count of persons, unless it is named in `intensive` or begins like one of `RATES`.
    """
    path = Path(path)
    if path.suffix == INSIDE:
        cells = load_cells(path)
        return cells[[n for n in cells.data_vars if not columns or str(n).removesuffix("_status") in columns]]
    names = column_names(path)
    if lacking := [c for c in columns if c not in names]:
        raise SourceError(f"{path.name} has no column {', '.join(lacking)}. It has: {first_few(names, 12)}.")
    if "code" in names:
        return _ours(path, names, columns, set(intensive))
    return _census(path, columns, set(intensive))


def _ours(path: Path, names: list[str], columns: Sequence[str], rates: set[str]) -> xr.Dataset:
    wanted = [n for n in names if n not in _NOT_VALUES and not n.endswith("_status")]
    wanted = [n for n in wanted if not columns or n in columns]
    take = ["code", *wanted, *(f"{n}_status" for n in wanted if f"{n}_status" in names)]
    table, meaning = _table(path, take)
    if not len(table):
        raise SourceError(f"{path.name} has no rows: there are no cells in it.")
    ids, grid = ids_of_codes(table["code"], path)
    _refuse_twice(ids, table["code"], path)
    values, about, label = {}, {}, {}
    status: dict[str, Statuses] = {}
    for name in wanted:
        if meaning.get(name, {}).get("kind") == "label" or not _is_number(table[name], name in meaning):
            label[name] = table[name].astype(object).fillna("").to_numpy()
            continue
        values[name] = to_numbers(table[name])[0].to_numpy(dtype=np.float64)
        about[name] = _meaning(name, meaning, rates, path.stem)
        _refuse_impossible(name, values[name], about[name], path)
        status |= _status(table, name, values[name], about[name], path)
    return make_cells(grid, ids, values, about, status=status, labels=label)


def _refuse_twice(ids: Ids, codes: pd.Series, path: Path) -> None:
    order = np.argsort(ids, kind="stable")
    again = order[1:][ids[order][1:] == ids[order][:-1]]
    if again.size:
        raise SourceError(
            f"{path.name}: {again.size:,} rows name a cell that another row has (first: {codes.iloc[again[0]]}). "
            "Keep one row for each cell, or add them up."
        )


def _refuse_impossible(name: str, values: Floats, about: Column, path: Path) -> None:
    """Counts of persons are finite and at least 0; a change, which rests on counts, may be below."""
    counted = about.kind == "extensive" and about.units == "persons" and not about.rests_on
    bad = np.isinf(values) & (about.companion_of is None) | ((values < 0) & counted)
    if bad.any():
        raise SourceError(
            f"{path.name}: {name!r} is negative or infinite in {int(bad.sum())} cells (first value {values[bad][0]}). "
            "Mend the file, or say that it is a rate."
        )


def _table(path: Path, names: list[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    if path.suffix != ".parquet":
        return read_table(path)[names], meaning_in(path) if path.suffix == ".gpkg" else {}
    table = pq.read_table(path, columns=names)
    return table.to_pandas(), json.loads((table.schema.metadata or {}).get(b"civigrid", b"{}"))


def _is_number(column: pd.Series, declared: bool) -> bool:
    if declared or pd.api.types.is_numeric_dtype(column):
        return True
    return not isinstance(column.dtype, pd.CategoricalDtype) and bool(column.isna().all())


def _meaning(name: str, meaning: Mapping[str, Any], rates: set[str], source: str) -> Column:
    if name in meaning:
        return Column(**{k: v for k, v in meaning[name].items() if k in Column.__dataclass_fields__})
    if name in rates or name.startswith(RATES):
        return Column(kind="intensive", units="1", long_name=name, source=source)
    return Column(long_name=MEANING.get(name, name), source=source)


def _status(table: pd.DataFrame, name: str, values: Floats, about: Column, path: Path) -> dict[str, Statuses]:
    """Statuses from their words; a count that is NaN for no given reason is unavailable."""
    key = f"{name}_status"
    if key not in table:
        unknown = np.isnan(values)
        if about.kind == "intensive" or not unknown.any():
            return {}
        return {name: np.where(unknown, Status.UNAVAILABLE, Status.OK).astype(np.uint8)}
    words = {s.name.lower(): int(s) for s in Status}
    found = table[key].astype(object).fillna("unavailable").map(words)
    if found.isna().any():
        strange = table[key][found.isna().to_numpy()].unique()
        raise SourceError(f"{path.name}: {key} holds {first_few(strange)}. Known: {', '.join(words)}.")
    return {name: np.asarray(found, dtype=np.uint8)}


def ids_of_codes(codes: pd.Series, path: Path) -> tuple[Ids, Grid]:
    """Ids of cells from their codes, INSPIRE or H3 in hexadecimal digits, and the grid that they are of."""
    text = codes.astype(str).to_numpy()
    first = text[0]
    if "N" in first and "E" in first:
        grid = detect_grid(first)
        return parse_codes(text, grid), grid
    try:
        ids = np.array([int(c, 16) for c in text], dtype=np.uint64)
    except ValueError as error:
        raise SourceError(f"{path.name}: {first!r} is neither an INSPIRE code nor an H3 index.") from error
    hexagons = H3Grid(int(ids[0]) >> 52 & 15)
    if not hexagons.is_valid(ids).all():
        raise SourceError(f"{path.name}: not all codes are cells of {hexagons.id}. Keep one grid in a file.")
    return ids, hexagons


def _census(path: Path, columns: Sequence[str], rates: set[str]) -> xr.Dataset:
    known = [c for c in columns if c in MEANING]
    if columns and not known:
        raise SourceError(f"{path.name} has no code column, and {', '.join(columns)} is no census variable. Name one.")
    source, report = read_census_grid(path, columns=known)
    report.raise_errors()
    cells = project_cells(source, keep=[n for n in ("country",) if n in source.table]).cells
    extra = [c for c in columns if c not in MEANING]
    return _with_extra(cells, path, extra, rates) if extra else cells


def _with_extra(cells: xr.Dataset, path: Path, extra: list[str], rates: set[str]) -> xr.Dataset:
    """Add columns that the census reader does not know, as the share of land."""
    names = [n for n in ("GRD_ID", "x", "y") if n in column_names(path)]
    table = _table(path, [*names, *extra])[0]
    if "GRD_ID" in table:
        table = table[~table["GRD_ID"].astype(str).str.contains("unallocated").to_numpy()]
    ids = _ids_of_census(table, cells)
    order = np.searchsorted(ids_of(cells), ids)
    values = {n: values_of(cells, n) for n in measured(cells)}
    about = {n: column_of(cells[n]) for n in values}
    status = {n: status_of(cells, n) for n in values}
    for name in extra:
        values[name] = np.full(cells.sizes["cell"], np.nan)
        values[name][order] = to_numbers(table[name])[0].to_numpy()
        about[name] = _meaning(name, {}, rates, path.stem)
        status |= _status(pd.DataFrame(), name, values[name], about[name], path)
    label: dict[str, npt.ArrayLike] = {n: cells[n].to_numpy() for n in labels(cells)}
    return make_cells(_grid(cells), ids_of(cells), values, about, status=status, labels=label)


def _grid(cells: xr.Dataset) -> SquareGrid:
    about = cells["cell_id"].attrs
    return SquareGrid(cell_size_m=int(about["cell_size_m"]), crs=about["crs"], bounds_m=about["bounds_m"])


def _ids_of_census(table: pd.DataFrame, cells: xr.Dataset) -> Ids:
    grid = _grid(cells)
    if "GRD_ID" in table:
        return parse_codes(table["GRD_ID"].astype(str).to_numpy(), grid)
    corner = table[["x", "y"]].to_numpy(dtype=np.float64)
    if corner.size and corner.max() < 100_000:
        raise SourceError("x and y count within a tile here: give whole coordinates to read more than the counts.")
    return grid.cell_at(corner + grid.cell_size_m / 2)
