"""Tables of any kind to pandas: encodings, separators, decimal commas and the many words for "missing"."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import IO

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio

from civigrid.errors import SourceError

MISSING_WORDS = ("", "..", "...", ".", "-", "–", "—", "NA", "N/A", "NaN", "nan", "null", "NULL", ":", "x", "X", "/")
"""What statistical offices write where a number is not given."""
VECTOR = {".gpkg", ".shp", ".geojson", ".json", ".fgb", ".gml", ".kml", ".zip", ".gdb"}


def read_table(
    path: Path, *, encoding: str = "", text: bool = False, wanted: Callable[[str], bool] | None = None
) -> pd.DataFrame:
    """Read a table: Parquet, CSV, or the attributes of a vector file.

    Parameters
    ----------
    path : Path
        The file; its suffix says what it is.
    encoding : str
        Encoding of a CSV; empty: UTF-8, and where that fails Windows-1252.
    text : bool
        Leave every column of a CSV as text (ids keep their leading zeros).
    wanted : callable, optional
        Whether a column of a Parquet file is needed, by its name: others are not read.

    Returns
    -------
    pandas.DataFrame
        Columns as they are named; a CSV's numbers are settled by `to_numbers` where `text` is asked for.

    Raises
    ------
    SourceError
        The file is absent, truncated, or not what its suffix says.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError(f"{path} does not exist. Check the path, and CIVIGRID_DATA where the path uses it.")
    try:
        if path.suffix == ".parquet":
            names = None if wanted is None else [n for n in pq.read_schema(path).names if wanted(n)]
            # columns apart, so that one can be dropped when it has served
            return pd.DataFrame(pq.read_table(path, columns=names).to_pandas(split_blocks=True, self_destruct=True))
        if path.suffix.lower() in VECTOR:
            # ours hold a view for each indicator beside the cells
            ours = "cells" if "cells" in pyogrio.list_layers(path)[:, 0] else None
            return pd.DataFrame(pyogrio.read_dataframe(path, layer=ours, read_geometry=False))
        return _read_csv(path, encoding, text=text)
    except SourceError:
        raise
    except Exception as error:
        raise SourceError(f"{path.name} cannot be read as {path.suffix or 'a table'}: {one_line(error)}") from error


def column_names(path: Path) -> list[str]:
    """Names of the columns of a table, without reading its rows where the format allows it."""
    if path.suffix == ".parquet" and path.exists():
        try:
            return [str(n) for n in pq.read_schema(path).names]
        except (OSError, pa.ArrowInvalid) as error:
            raise SourceError(f"{path.name} cannot be read as .parquet: {error}") from error
    return [str(c) for c in read_table(path).columns]


def _read_csv(path: Path, encoding: str, *, text: bool) -> pd.DataFrame:
    refuse_binary(path)
    encoding = encoding or _encoding(path)
    if encoding == "cp1252" and _starts(path) in (b"\xff\xfe", b"\xfe\xff"):
        raise SourceError(f"{path.name} is encoded in UTF-16, not in UTF-8. Save it as CSV UTF-8.")
    with _text(path, encoding) as stream:
        head = [stream.readline() for _ in range(5)]
    if not head[0].strip():
        raise SourceError(f"{path.name} is empty.")
    separator = separator_of(head)
    names = next(csv.reader([head[0].strip("\r\n﻿")], delimiter=separator))
    # as they are named below: without the spaces around them
    names = [name.strip("\ufeff ") for name in names]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise SourceError(f"{path.name} has columns of one name twice: {', '.join(twice)}. Rename them.")
    kind = str if text else None
    frame = pd.read_csv(path, sep=separator, encoding=encoding, dtype=kind, keep_default_na=not text, low_memory=False)
    frame.columns = [str(c).strip("﻿ ") for c in frame.columns]
    return frame


def refuse_binary(path: Path) -> None:
    """Refuse what is no text before its bytes are taken for columns.

    Raises
    ------
    SourceError
        A folder, cells of civigrid, or a file of bytes that no text has.
    """
    if path.is_dir():
        raise SourceError(f"{path.name} is a directory. Name a file in it.")
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        head = bytes(stream.read(4096))
    if head.startswith(b"ARROW1"):
        raise SourceError(f"{path.name} holds cells of civigrid, no plain table: give it where cells are asked for.")
    # UTF-16, which has zeros too, is told by its own message
    if b"\0" in head and head[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise SourceError(f"{path.name} is no text: a table is CSV, Parquet, or a vector file by its suffix.")


def one_line(error: Exception) -> str:
    r"""Words of a library's error on one line, with a full stop.

    >>> one_line(ValueError("no geo\n   metadata"))
    'no geo metadata.'
    """
    text = " ".join(str(error).split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _text(path: Path, encoding: str) -> IO[str]:
    """Open a text file, packed by gzip or not."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def _starts(path: Path) -> bytes:
    """Give the first two bytes, which name the encoding of files that are not one byte by letter."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        return bytes(stream.read(2))


def _encoding(path: Path) -> str:
    try:
        with _text(path, "utf-8") as stream:
            stream.read()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def separator_of(head: list[str]) -> str:
    """The mark that splits the header most often."""
    return max(";\t,|", key=lambda mark: (head[0].count(mark), mark == ";"))


def to_numbers(column: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Settle a text column: numbers, and whether each entry is one of the words for "missing".

    A decimal comma is understood where no entry has a decimal point.  What is neither a number nor a known word for
    missing raises, with the first such entries.

    >>> to_numbers(pd.Series(["1,5", "–", "2"]))[0].tolist()
    [1.5, nan, 2.0]
    """
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(np.float64), column.isna()
    words = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    missing = words.isin(MISSING_WORDS)
    plain = words.str.replace(r"[\s   ']", "", regex=True)
    if plain.str.contains(",").any():
        if plain[plain.str.contains(",")].str.contains(r"\.").any():
            plain = plain.str.replace(".", "", regex=False)
        elif plain.str.contains(r"\.").any():
            raise SourceError(f"column {column.name!r} mixes decimal commas and points. Write numbers in one way.")
        plain = plain.str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(plain.where(~missing), errors="coerce")
    if (bad := numbers.isna() & ~missing).any():
        shown = ", ".join(repr(w) for w in words[bad].head(5))
        raise SourceError(f"column {column.name!r} has {int(bad.sum())} entries that are no numbers (first: {shown}).")
    return numbers.astype(np.float64), missing


def read_shapes(path: Path, *, layer: str | None = None, encoding: str = "") -> gpd.GeoDataFrame:
    """Read a vector file with its geometry.

    Raises
    ------
    SourceError
        The file is absent, truncated, holds several layers and none was named, or has no geometry.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError(f"{path} does not exist. Check the path, and CIVIGRID_DATA where the path uses it.")
    try:
        if path.suffix == ".parquet":
            frame = gpd.read_parquet(path)
        else:
            layers = [str(name) for name, _ in pyogrio.list_layers(path)]
            if layer is None and len(layers) > 1:
                raise SourceError(f"{path.name} has the layers {', '.join(layers)}. Name one (layer=, --layer).")
            frame = pyogrio.read_dataframe(path, layer=layer, encoding=encoding or None)
    except SourceError:
        raise
    except Exception as error:
        raise SourceError(f"{path.name} cannot be read as a vector file: {one_line(error)}") from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise SourceError(f"{path.name} holds no geometry. Is it the right layer?")
    return frame
