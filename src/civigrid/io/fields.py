"""Released cells as the columns of a file: names that are safe, titles, exact types, statuses in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import xarray as xr

from civigrid.cells import column_of, grid_of, ids_of, labels, measured
from civigrid.errors import unknown_name
from civigrid.grid import SquareGrid
from civigrid.io.codes import write_codes
from civigrid.release.gate import Release
from civigrid.types import Column, Floats, Ids, Status

ROWS_AT_ONCE = 100_000
"""Rows of a group of a Parquet file, and shapes in memory at one time."""
WORDS = tuple(s.name.lower() for s in Status)
"""What a status is called in files, by its code."""
KEYS = ("code", "code_short", "x", "y")
"""Columns that name a cell.  Hexagons have only the first."""
LONGEST = 31
"""Characters of a name that every database and GIS takes."""
_OURS = {*KEYS, "geometry", "bbox"}
_RESERVED = {*_OURS, "fid", "ogc_fid", "geom", "shape", "objectid", "rowid"}


@dataclass(frozen=True, kw_only=True)
class Field:
    """A column of a file.

    Parameters
    ----------
    variable : str
        Name in the cells.
    name : str
        Name in the file.
    role : {"value", "status", "label"}
        What it holds.
    title : str
        Plain words.
    about : Column
        What the value means, or the value beside which a status stands.
    type : pyarrow.DataType
        Whole counts are integers, all else that is measured is a double.
    """

    variable: str
    name: str
    role: Literal["value", "status", "label"]
    title: str
    about: Column
    type: pa.DataType


def released(release: Any, kind: type[Any]) -> Any:
    """Give what a release holds, or say why it is none.

    Raises
    ------
    TypeError
        Anything but a `Release` of that kind.
    """
    if not isinstance(release, Release):
        raise TypeError(f"writers accept a Release, got {type(release).__name__}: pass it through release() first.")
    if not isinstance(release.data, kind):
        raise TypeError(f"this writer takes a Release of {kind.__name__}, got one of {type(release.data).__name__}.")
    return release.data


def fields_of(cells: xr.Dataset, values: Sequence[str] = (), *, longest: int = 0) -> tuple[Field, ...]:
    """Give the columns of released cells, in the order of the dataset.

    Parameters
    ----------
    cells : xarray.Dataset
        Released cells.
    values : sequence of str
        Variables and labels to take, each with its status; empty: all.
    longest : int
        Characters of a name at most, of safe letters only; 0: names stay as they are, but those of `KEYS`.

    Raises
    ------
    UnknownNameError
        `values` names what the cells do not have.
    """
    known = [*measured(cells), *labels(cells)]
    for name in values:
        if name not in known:
            raise unknown_name("variable of the cells", name, known)
    wanted = set(values or known)
    kept = [n for n in map(str, cells.data_vars) if n in wanted or (_of_status(cells, n) and n[:-7] in wanted)]
    # room for the ending, so that a status is named as its value is
    roots = [n.removesuffix("_status") if _of_status(cells, n) else n for n in kept]
    again = {n for n in roots if roots.count(n) > 1}
    unique = dict.fromkeys(roots)
    short = safe_names(unique, longest, room=7, roomy=again) if longest else _free_names(unique)
    ends = ["_status" if n != r else "" for n, r in zip(kept, roots, strict=True)]
    return _told_apart([_field(cells, n, short[r] + e) for n, r, e in zip(kept, roots, ends, strict=True)])


def _free_names(names: Iterable[str]) -> dict[str, str]:
    """Names as they are, but those of columns that every file has: they get an underscore, or more."""
    names, found = list(names), {}
    taken = set(names)
    for name in names:
        made = name
        while made.lower() in _OURS or (made != name and made in taken):
            made += "_"
        taken.add(made)
        found[name] = made
    return found


def _told_apart(fields: Sequence[Field]) -> tuple[Field, ...]:
    """Titles that two columns share get the column's name: a GeoPackage refuses equal ones."""
    titles = [f.title for f in fields]
    return tuple(f if titles.count(f.title) == 1 else replace(f, title=f"{f.title} ({f.variable})") for f in fields)


def _of_status(cells: xr.Dataset, name: str) -> bool:
    return cells[name].attrs.get("kind") == "status" and name.removesuffix("_status") in cells


def _field(cells: xr.Dataset, variable: str, name: str) -> Field:
    kind = cells[variable].attrs["kind"]
    if kind == "label":
        return Field(variable=variable, name=name, role="label", title=variable, about=Column(), type=pa.string())
    of = variable.removesuffix("_status") if kind == "status" else variable
    about = column_of(cells[of]) if cells[of].attrs.get("kind") != "status" else Column()
    title = about.long_name or of
    if kind == "status":
        words = pa.dictionary(pa.int8(), pa.string())
        return Field(variable=variable, name=name, role="status", title=f"{title}: status", about=about, type=words)
    return Field(
        variable=variable, name=name, role="value", title=title, about=about, type=_type(cells[variable].to_numpy())
    )


def _type(values: Floats) -> pa.DataType:
    """Integers where every known value is whole."""
    known = values[np.isfinite(values)]
    if not len(known) or len(known) < np.count_nonzero(~np.isnan(values)) or (known != np.rint(known)).any():
        return pa.float64()
    largest = np.abs(known).max()
    return pa.int32() if largest < 2**31 - 1 else pa.int64() if largest < 2**53 else pa.float64()


def safe_names(
    names: Iterable[str], longest: int = LONGEST, *, room: int = 0, roomy: Iterable[str] = ()
) -> dict[str, str]:
    """Make names that databases and GIS take: letters, digits and underscores, not too long, told apart without case.

    Parameters
    ----------
    names : iterable of str
        Names, in any script.
    longest : int
        Characters at most.
    room, roomy : int, iterable of str
        Characters to leave free in the names that are `roomy`, for an ending.

    Examples
    --------
    >>> safe_names(["Ärzte je 1.000", "ärzte_je_1_000", "fid"], 12)
    {'Ärzte je 1.000': 'Arzte_je_1_0', 'ärzte_je_1_000': 'arzte_je_1_2', 'fid': 'fid_'}
    """
    made: dict[str, str] = {}
    taken = set(_RESERVED)
    wide = set(roomy)
    for name in names:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", plain).strip("_") or "v"
        plain = f"v_{plain}" if plain[0].isdigit() else plain
        limit = longest - (room if name in wide else 0)
        found, n = plain[:limit], 1
        while found.lower() in taken:
            n += 1
            end = f"_{n}" if plain.lower() not in _RESERVED else "_" * (n - 1)
            found = plain[: limit - len(end)] + end
        taken |= {found.lower(), f"{found.lower()}_status"}
        made[name] = found
    return made


def code_of(cells: xr.Dataset) -> np.ndarray[Any, np.dtype[np.str_]]:
    """Codes that people and GIS read: INSPIRE's long code for squares, H3's hexadecimal text, shape (cell,)."""
    codes: np.ndarray[Any, np.dtype[np.str_]] = _codes(cells, ids_of(cells)).astype(str)
    return codes


def _codes(cells: xr.Dataset, ids: Ids) -> np.ndarray[Any, Any]:
    grid = grid_of(cells)
    if isinstance(grid, SquareGrid):
        return write_codes(ids, grid)
    return np.array([f"{i:x}".encode() for i in ids.tolist()], dtype="S15")


def _ascii(codes: np.ndarray[Any, Any]) -> pa.Array:
    """Text of fixed-width ASCII, whose codes are all of their full width or ended by zero bytes."""
    size = codes.dtype.itemsize
    letters = np.frombuffer(np.ascontiguousarray(codes).tobytes(), dtype=np.uint8).reshape(len(codes), size)
    filled = letters != 0
    offsets = np.concatenate([[0], np.cumsum(filled.sum(axis=1))]).astype(np.int32)
    data = letters.tobytes() if filled.all() else letters[filled].tobytes()
    return pa.Array.from_buffers(pa.string(), len(codes), [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(data)])


def tables(
    cells: xr.Dataset, fields: Sequence[Field], *, plain: bool = False, rows: int = ROWS_AT_ONCE
) -> Iterator[tuple[Ids, pa.Table]]:
    """Give the cells block by block: their ids, and a table of keys and columns; missing values are null.

    Parameters
    ----------
    cells : xarray.Dataset
        Released cells.
    fields : sequence of Field
        Of `fields_of`.
    plain : bool
        Statuses as text instead of a dictionary of words, for readers that know no dictionaries.
    rows : int
        Cells in a block.

    Yields
    ------
    tuple of ndarray of uint64 and pyarrow.Table
        In the order of the cells, which is a space-filling curve.  At least one block, empty where there are no cells.
    """
    ids = ids_of(cells)
    for start in range(0, max(len(ids), 1), rows):
        part = slice(start, start + rows)
        columns = keys_of(cells, ids[part])
        for field in fields:
            columns[field.name] = _array(cells[field.variable].to_numpy()[part], field, plain)
        yield ids[part], pa.table(columns)


def keys_of(cells: xr.Dataset, ids: Ids) -> dict[str, pa.Array]:
    """Columns that name cells: the long code; for squares the short one, and the lower-left corner in whole metres."""
    grid = grid_of(cells)
    found = {"code": _ascii(_codes(cells, ids))}
    if isinstance(grid, SquareGrid):
        corner = grid.corner(ids)
        found["code_short"] = _ascii(write_codes(ids, grid, form="short"))
        found |= {"x": pa.array(corner[:, 0].astype(np.int32)), "y": pa.array(corner[:, 1].astype(np.int32))}
    return found


def _array(values: np.ndarray[Any, Any], field: Field, plain: bool) -> pa.Array:
    if field.role == "label":
        return pa.array([str(v) for v in values.tolist()], type=pa.string())
    if field.role == "status":
        coded = pa.DictionaryArray.from_arrays(pa.array(values.astype(np.int8)), pa.array(WORDS))
        return coded.cast(pa.string()) if plain else coded
    unknown = np.isnan(values)
    if pa.types.is_floating(field.type):
        return pa.array(values, mask=unknown)
    whole = np.where(unknown, 0, values).astype(np.int32 if field.type == pa.int32() else np.int64)
    return pa.array(whole, mask=unknown)
