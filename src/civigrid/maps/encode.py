"""Cells to the compact text a map carries (format 1, docs/map_format.md): ids and values, no geometry."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from civigrid.cells import column_of, grid_of, ids_of, is_missing, status_of, values_of
from civigrid.grid import SquareGrid
from civigrid.kernels.group import group_sum
from civigrid.style.classes import words_of_codes
from civigrid.types import Floats, Ints, Statuses

OVERVIEWS = (4, 16)
"""Factors of the coarser levels: shown where a cell would be smaller than a pixel."""
MANY_CELLS = 20_000
"""Below this many cells no overview is needed: every cell is drawn at every zoom."""
NO_VALUE_12, NO_VALUE_32 = 4_095, -(2**31)


def pack(data: bytes) -> str:
    """Deflate, then base64."""
    return base64.b64encode(zlib.compress(data, 6)).decode("ascii")


def pack_words(values: npt.NDArray[np.integer[Any]], width: int) -> str:
    """Delta-code whole numbers, split them into byte planes, deflate: like bytes lie beside each other."""
    words = np.diff(values.astype(np.int64), prepend=0).astype(f"<i{4}")
    planes = words.view(np.uint8).reshape(-1, 4)[:, :width]
    return pack(np.ascontiguousarray(planes.T).tobytes())


def encode_cells(cells: xr.Dataset, variables: Sequence[str]) -> dict[str, Any]:
    """Give what the page's script needs to draw cells and tell their values.

    Parameters
    ----------
    cells : xarray.Dataset
        Released cells.
    variables : sequence of str
        Measured variables to carry.

    Returns
    -------
    dict
        JSON-ready.  Counts that are whole numbers are exact; other values keep 4,094 steps of their range.
    """
    grid = grid_of(cells)
    about = {name: _about(cells, name) for name in variables}
    if not isinstance(grid, SquareGrid):
        corners = grid.vertices(ids_of(cells))
        flat = np.rint(np.concatenate([corners[..., 0].ravel(), corners[..., 1].ravel()]) * 1e6).astype(np.int64)
        level = {"factor": 1, "ids": pack_words(flat, 4), "values": _values(cells, variables, None)}
        shape = {"kind": "shape", "corners": corners.shape[1], "cell_size_m": 0}
        return {**shape, "levels": [level], "about": about, "order": list(variables)}
    row, col = grid.row_col(ids_of(cells))
    order = np.lexsort((col, row))
    levels = [{"factor": 1, "ids": _runs(row[order], col[order]), "values": _values(cells, variables, order)}]
    factors = OVERVIEWS if len(order) > MANY_CELLS else ()
    levels += [_overview(cells, variables, row // f, col // f, f) for f in factors]
    square = {"kind": "square", "cell_size_m": grid.cell_size_m}
    return {**square, "levels": levels, "about": about, "order": list(variables)}


def _about(cells: xr.Dataset, name: str) -> dict[str, Any]:
    column = column_of(cells[name])
    values = values_of(cells, name)
    known = values[np.isfinite(values)]
    whole = bool(np.all(known == np.rint(known)))
    percent = name.startswith("share_")
    words = column.long_name or name
    about = {"long_name": words, "units": column.units, "kind": column.kind, "whole": whole, "percent": percent}
    if (codes := words_of_codes(name, column.words)) is not None:
        about["words"] = {str(code): text for code, text in codes.items()}
    return about | {"base": column.weight if name != "share_at_one_place" else None}


def _runs(row: Ints, col: Ints) -> str:
    """Cells sorted by row and column, as runs: rows, first columns, lengths."""
    new = np.concatenate([[True], (np.diff(row) != 0) | (np.diff(col) != 1)])
    start = np.flatnonzero(new)
    length = np.diff(np.append(start, len(row)))
    return pack_words(np.concatenate([row[start], col[start], length]), 4)


def _values(cells: xr.Dataset, variables: Sequence[str], order: Ints | None) -> dict[str, Any]:
    found = {}
    for name in variables:
        values, status = values_of(cells, name), status_of(cells, name)
        if order is not None:
            values, status = values[order], status[order]
        found[name] = _quantised(values, status, str(cells[name].attrs["kind"]))
    return found


def _quantised(values: Floats, status: Statuses, kind: str) -> dict[str, Any]:
    known = np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 0.0)
    whole = bool(np.all(values[known] == np.rint(values[known]))) and abs(high) < 2**31 and abs(low) < 2**31
    if whole:
        code = np.where(known, np.nan_to_num(values), NO_VALUE_32).astype(np.int64)
        packed = {"width": 4, "low": 0, "step": 1, "data": pack_words(code, 4)}
    else:
        step = (high - low) / (NO_VALUE_12 - 1) or 1.0
        code = np.where(known, np.rint((np.nan_to_num(values, nan=low) - low) / step), NO_VALUE_12).astype(np.int64)
        packed = {"width": 2, "low": low, "step": step, "data": pack_words(code, 2)}
    return {**packed, "kind": kind, "status": pack(status.tobytes())}


def _overview(cells: xr.Dataset, variables: Sequence[str], row: Ints, col: Ints, factor: int) -> dict[str, Any]:
    """Coarser cells: counts add up, rates are averaged by their weight, and what is wholly missing stays missing."""
    width = int(col.max()) + 1
    keys, group = np.unique(row * width + col, return_inverse=True)
    n, found = len(keys), {}
    for name in variables:
        values, kind, missing = values_of(cells, name), cells[name].attrs["kind"], is_missing(status_of(cells, name))
        known = np.isfinite(values)
        some = group_sum(group, known, n) > 0
        total = group_sum(group, np.nan_to_num(values), n)
        if kind == "intensive":
            base = cells[name].attrs.get("weight")
            weight = np.nan_to_num(values_of(cells, str(base))) if base in cells else np.ones(len(values))
            mass = group_sum(group, weight * known, n)
            mean = group_sum(group, weight * np.nan_to_num(values), n)
            total = np.divide(mean, mass, out=np.full(n, np.nan), where=mass > 0)
            if words_of_codes(name, cells[name].attrs.get("words")) is not None:
                total = _most(group, values, weight, n)
        partial = some & (group_sum(group, missing, n) > 0)
        status = np.where(some, np.where(partial, 8, 0), _common(status_of(cells, name), group, n)).astype(np.uint8)
        found[name] = _quantised(np.where(some, total, np.nan), status, str(kind))
    return {"factor": factor, "ids": _runs(keys // width, keys % width), "values": found}


def _most(group: npt.NDArray[np.integer[Any]], values: Floats, weight: Floats, n: int) -> Floats:
    """Code of each group in which most of its weight lies; where nothing has weight, most of its cells."""
    codes = np.unique(values[np.isfinite(values)])
    if not len(codes):
        return np.full(n, np.nan)
    # a cell counts for less than any person
    light = weight + 1e-6
    mass = np.stack([group_sum(group, light * (values == code), n) for code in codes])
    most: Floats = codes[mass.argmax(axis=0)]
    return most


def _common(status: Statuses, group: npt.NDArray[np.integer[Any]], n: int) -> Statuses:
    """Highest status code of each group: why nothing is known there."""
    highest = np.zeros(n, dtype=np.uint8)
    np.maximum.at(highest, group, status)
    return highest
