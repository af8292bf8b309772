"""Cells and crosswalks between the steps of a run: lossless, the same bytes for the same content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import xarray as xr

from civigrid.cells import DIM, check_cells, status_attrs
from civigrid.crosswalk import Crosswalk
from civigrid.errors import SourceError
from civigrid.io.atomic import write_atomic, write_bytes
from civigrid.project.between_grids import Shared


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
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
        raise SourceError(f"{path} is no cell file of civigrid ({error}). Remove it and run again.") from error
    data = {n: (DIM, _numpy(table[n]), _attrs(about[n])) for n in table.column_names if n != "cell_id"}
    coords = {"cell_id": (DIM, _numpy(table["cell_id"]), about["cell_id"])}
    return check_cells(xr.Dataset(data, coords=coords, attrs=about["attrs"]))


def save_crosswalk(crosswalk: Crosswalk, path: Path) -> None:
    """Write a crosswalk; equal crosswalks give equal bytes."""
    write_bytes(path, crosswalk.to_bytes())


def load_crosswalk(path: Path, *, made_from: Mapping[str, str] | None = None) -> Crosswalk:
    """Read a crosswalk, and refuse it where it was made from something else.

    Parameters
    ----------
    path : Path
        What `save_crosswalk` wrote.
    made_from : mapping of str to str, optional
        Hashes it must have been made from.

    Raises
    ------
    SourceError
        Not a crosswalk, or one of other sources.
    """
    try:
        found = Crosswalk.from_bytes(path.read_bytes())
    except (OSError, BadZipFile, KeyError, ValueError) as error:
        raise SourceError(f"{path} is no crosswalk of civigrid ({error}). Build it again.") from error
    for name, expected in (made_from or {}).items():
        if found.made_from.get(name) != expected:
            raise SourceError(f"{path} was made from another {name} ({found.made_from.get(name)}). Build it again.")
    return found


def _attrs(attrs: dict[str, Any]) -> dict[str, Any]:
    return status_attrs() if attrs.get("kind") == "status" else attrs


def _numpy(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[Any]]:
    array: np.ndarray[Any, np.dtype[Any]] = column.combine_chunks().to_numpy(zero_copy_only=False)
    return array


class BlockFolder:
    """Blocks of a `grid_crosswalk` in a folder, one Arrow file each: a later run reads what an earlier one made.

    Parameters
    ----------
    folder : Path
        Made when first needed.  Blocks are named by what they were made from; removing any is safe.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, name: str) -> Shared | None:
        """Read a block, None where there is none or the file is not whole."""
        path = self.folder / f"{name}.arrow"
        if not path.exists():
            return None
        try:
            with pa.memory_map(str(path)) as file:
                batch = pa.ipc.open_file(file).read_all()
                return Shared(*(batch[f][0].values.to_numpy(zero_copy_only=False) for f in Shared._fields))
        except (OSError, pa.ArrowInvalid, KeyError):
            return None

    def save(self, name: str, block: Shared) -> None:
        """Write a block under its name, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        table = pa.table({f: pa.array([getattr(block, f)]) for f in Shared._fields})
        write_atomic(self.folder / f"{name}.arrow", lambda temporary: _write(table, temporary))
