"""Pieces of a table too large to hold: planned from its header, each read by whoever needs it, batch by batch."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from civigrid.errors import SourceError, first_few
from civigrid.io.tables import MISSING_WORDS

PARQUET = (".parquet", ".pq")
TEXT = (".csv", ".txt", ".tsv")
BATCH_ROWS = 262_144
"""Rows that a worker holds at a time."""
BUFFER_BYTES = 1 << 20
"""Bytes of a column read at a time, so that a row group of any size stays small in memory."""
GROUP_BYTES = 1 << 26
"""A row group up to this is read at once, which is quicker; a larger one batch by batch."""
_BYTES_PER_ROW = 60
_HEAD_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a file: what a task is told instead of records.

    Parameters
    ----------
    path : str
        The file, as the worker sees it.
    numbers, labels : tuple of str
        Columns read as float64, and as text.
    start, stop : int
        Row groups of a Parquet file, bytes of a text file.
    rows : int
        Rows, as far as the header tells.
    header, separator, decimal, encoding : str
        How a text file is written.
    """

    path: str
    numbers: tuple[str, ...]
    labels: tuple[str, ...]
    start: int
    stop: int
    rows: int
    header: str = ""
    separator: str = ","
    decimal: str = "."
    encoding: str = ""


def rows_of(path: Path) -> int:
    """Rows of a table, from its header (Parquet) or its size (text: an estimate); 0 where there is no such file."""
    if not path.exists():
        return 0
    if path.suffix.lower() in PARQUET:
        return int(_opened(path).metadata.num_rows)
    return path.stat().st_size // _BYTES_PER_ROW


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(f"{path.name} cannot be read as Parquet: {error}") from error


def plan_pieces(
    path: Path, *, numbers: Sequence[str], labels: Sequence[str] = (), rows: int = 1_000_000, encoding: str = ""
) -> tuple[Piece, ...]:
    """Cut a Parquet or text table into pieces of about `rows` rows, from its header alone.

    Parameters
    ----------
    path : Path
        The file.
    numbers, labels : sequence of str
        Columns wanted, as numbers and as text.
    rows : int
        Rows of a piece; whole row groups of Parquet are kept together.
    encoding : str
        Encoding of a text file; empty: UTF-8, and where that fails Windows-1252.

    Returns
    -------
    tuple of Piece
        In the order of the file; none where it has no rows.

    Raises
    ------
    SourceError
        No such file, no table of a known kind, or columns it does not have.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError(f"{path} does not exist. Check the path, and CIVIGRID_DATA where the path uses it.")
    if path.suffix.lower() in PARQUET:
        return _row_groups(path, tuple(numbers), tuple(labels), rows)
    if path.suffix.lower() in TEXT:
        return _byte_ranges(path, tuple(numbers), tuple(labels), rows, encoding)
    raise SourceError(f"{path.name} cannot be read in pieces: write it as Parquet or CSV.")


def _row_groups(path: Path, numbers: tuple[str, ...], labels: tuple[str, ...], rows: int) -> tuple[Piece, ...]:
    about = _opened(path)
    _check_columns(path, (*numbers, *labels), about.schema_arrow.names)
    sizes = [about.metadata.row_group(k).num_rows for k in range(about.metadata.num_row_groups)]
    upto = np.cumsum([0, *sizes])
    n = max(-(-int(upto[-1]) // max(rows, 1)), 1)
    # the row groups that end nearest to equal parts: pieces of one size keep all workers busy to the end
    cuts = np.unique(np.abs(upto[:, None] - np.linspace(0, upto[-1], n + 1)).argmin(axis=0))
    return tuple(
        Piece(path=str(path), numbers=numbers, labels=labels, start=int(a), stop=int(b), rows=int(upto[b] - upto[a]))
        for a, b in pairwise(cuts)
        if upto[b] > upto[a]
    )


def _byte_ranges(
    path: Path, numbers: tuple[str, ...], labels: tuple[str, ...], rows: int, encoding: str
) -> tuple[Piece, ...]:
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    size = path.stat().st_size
    first, _, rest = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    header = first.decode(encoding or _encoding(first)).rstrip("\r")
    separator = max(";\t,|", key=lambda mark: (header.count(mark), mark == ";"))
    names = [name.strip().strip('"') for name in header.split(separator)]
    _check_columns(path, (*numbers, *labels), names)
    per_row = len(rest) / max(rest.count(b"\n"), 1)
    begin, step = len(head) - len(rest), max(int(rows * per_row), 1)
    # a comma inside a number can only be a decimal mark where it does not part the columns
    decimal = "," if separator != "," and b"," in rest and b"." not in rest else "."
    return tuple(
        Piece(
            path=str(path),
            numbers=numbers,
            labels=labels,
            start=start,
            stop=min(start + step, size),
            rows=max(int((min(start + step, size) - start) / max(per_row, 1)), 1),
            header=separator.join(names),
            separator=separator,
            decimal=decimal,
            encoding=encoding,
        )
        for start in range(begin, size, step)
    )


def _check_columns(path: Path, wanted: Sequence[str], known: Sequence[str]) -> None:
    if lacking := [n for n in wanted if n not in known]:
        raise SourceError(f"{path.name} has no column {', '.join(lacking)}. It has {first_few(known, 12)}.")


def read_piece(piece: Piece) -> Iterator[dict[str, pa.Array]]:
    """Read a piece batch by batch, its columns by name: float64 with nulls, or text as dictionaries.

    Raises
    ------
    SourceError
        A number that is none, or a text file whose records cannot be told apart.
    """
    batches = _parquet_batches if Path(piece.path).suffix.lower() in PARQUET else _text_batches
    try:
        for batch in batches(piece):
            yield {name: _settled(batch.column(name), name in piece.labels) for name in batch.schema.names}
    except pa.ArrowInvalid as error:
        raise SourceError(f"{Path(piece.path).name} cannot be read: {error}") from error


def _parquet_batches(piece: Piece) -> Iterator[pa.RecordBatch]:
    columns = [*piece.numbers, *piece.labels]
    with pq.ParquetFile(piece.path, read_dictionary=list(piece.labels), buffer_size=BUFFER_BYTES) as file:
        for group in range(piece.start, piece.stop):
            if file.metadata.row_group(group).total_byte_size <= GROUP_BYTES:
                yield from file.read_row_group(group, columns=columns, use_threads=False).to_batches(BATCH_ROWS)
            else:
                yield from file.iter_batches(BATCH_ROWS, row_groups=[group], columns=columns, use_threads=False)


def _text_batches(piece: Piece) -> Iterator[pa.RecordBatch]:
    """Read the lines that begin in the range: the first of a range belongs to the one before if it began there."""
    with Path(piece.path).open("rb") as stream:
        stream.seek(piece.start - 1)
        stream.readline()
        begin = stream.tell()
        data = stream.read(max(piece.stop - begin, 0))
        data += b"" if data.endswith(b"\n") or not data else stream.readline()
    if not data.strip():
        return
    if data.count(b'"') % 2:
        raise pa.ArrowInvalid("a quoted field holds a line break. Write the table as Parquet")
    kinds = dict.fromkeys(piece.numbers, pa.float64()) | dict.fromkeys(
        piece.labels, pa.dictionary(pa.int32(), pa.string())
    )
    table = pc_csv.read_csv(
        io.BytesIO(data),
        read_options=pc_csv.ReadOptions(
            use_threads=False,
            column_names=piece.header.split(piece.separator),
            encoding=piece.encoding or _encoding(data),
        ),
        parse_options=pc_csv.ParseOptions(delimiter=piece.separator),
        convert_options=pc_csv.ConvertOptions(
            column_types=kinds,
            include_columns=list(kinds),
            null_values=list(MISSING_WORDS),
            strings_can_be_null=True,
            decimal_point=piece.decimal,
        ),
    )
    yield from table.to_batches()


def _encoding(data: bytes) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _settled(column: pa.Array, label: bool) -> pa.Array:
    if not label:
        return column if column.type == pa.float64() else column.cast(pa.float64())
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column.cast(pa.string()))
    return column
