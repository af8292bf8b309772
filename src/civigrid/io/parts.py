"""Cells between the steps of a run: lossless, the same bytes for the same cells, read without copying."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xarray as xr

from civigrid.cells import DIM, check_cells, status_attrs
from civigrid.errors import SourceError
from civigrid.io.write import write_atomic


def save_cells(cells: xr.Dataset, path: Path) -> None:
    """Write a cell dataset as an Arrow IPC file, its attributes in the schema."""
    names = ["cell_id", *map(str, cells.data_vars)]
    about: dict[str, Any] = {"cell_id": dict(cells["cell_id"].attrs), "attrs": dict(cells.attrs)}
    for name in names[1:]:
        about[name] = {k: v for k, v in cells[name].attrs.items() if k != "flag_values"}
    schema = {"civigrid": json.dumps(about, sort_keys=True)}
    table = pa.table([pa.array(cells[n].to_numpy()) for n in names], names=names).replace_schema_metadata(schema)
    write_atomic(path, lambda temporary: _write(table, temporary))


def _write(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def load_cells(path: Path) -> xr.Dataset:
    """Read what `save_cells` wrote, memory-mapped.

    Raises
    ------
    SourceError
        The file is not whole, or not one of ours.
    """
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all().combine_chunks()
        about = json.loads(table.schema.metadata[b"civigrid"])
    except (OSError, pa.ArrowInvalid, KeyError, TypeError) as error:
        raise SourceError(f"{path} is no cell file of civigrid ({error}). Remove it and run again.") from error
    data = {n: (DIM, _numpy(table[n]), _attrs(about[n])) for n in table.column_names if n != "cell_id"}
    coords = {"cell_id": (DIM, _numpy(table["cell_id"]), about["cell_id"])}
    return check_cells(xr.Dataset(data, coords=coords, attrs=about["attrs"]))


def _attrs(attrs: dict[str, Any]) -> dict[str, Any]:
    return status_attrs() if attrs.get("kind") == "status" else attrs


def _numpy(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[Any]]:
    array: np.ndarray[Any, np.dtype[Any]] = column.combine_chunks().to_numpy(zero_copy_only=False)
    return array
