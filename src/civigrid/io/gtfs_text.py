"""Text of comma-separated values to a table: rows of any length, quotes anywhere, quotes that are never closed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from contextlib import suppress

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from civigrid.travel.feed import Fault


def parsed(name: str, text: str, faults: list[Fault]) -> pd.DataFrame:
    """Give a table of text; columns as the first row names them.

    Rows with more or fewer values than there are columns are told.  GTFS forbids line breaks in values: where one holds
    what looks like rows, a quote was not closed, and every line is read as a row of its own.
    """
    frame = _even(text)
    told: list[Fault] = []
    if frame is None:
        # a value longer than any is a quote that swallows all that follows
        with suppress(csv.Error):
            frame = _uneven(name, csv.reader(io.StringIO(text, newline=""), skipinitialspace=True), told)
    if frame is not None and not _swallows(frame):
        faults += told
        return _broken_lines(name, frame, faults)
    why = "quotes are not closed: every line is read as a row"
    faults.append(Fault("error", "open-quote", f"{name}.txt", "", why, "repaired", 1))
    return _uneven(name, (_line(line) for line in re.split("\r\n|\r|\n", text)), faults)


def _even(text: str) -> pd.DataFrame | None:
    """Read a table whose rows have as many values as there are columns; None where they have not."""
    # pyarrow takes a quote for one only at the very start of a value
    if ', "' in text or ',\t"' in text:
        return None
    data = pa.py_buffer(text.encode())
    parse = pacsv.ParseOptions(newlines_in_values='"' in text)
    read = pacsv.ReadOptions(use_threads=False)
    try:
        names = pacsv.open_csv(pa.BufferReader(data), read_options=read, parse_options=parse).schema.names
        kinds = pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
        table = pacsv.read_csv(pa.BufferReader(data), read_options=read, parse_options=parse, convert_options=kinds)
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None
    return pd.DataFrame(table.to_pandas())


def _uneven(name: str, rows: Iterable[list[str]], faults: list[Fault]) -> pd.DataFrame:
    """Fit rows to the columns that the first names, and tell which have more or fewer values."""
    found = [row for row in rows if row]
    header = found[0] if found else []
    width = len(header)
    long = [k for k, row in enumerate(found[1:], start=2) if len(row) > width]
    short = [k for k, row in enumerate(found[1:], start=2) if len(row) < width]
    for numbers, what, done in ((long, "more", "read from the left"), (short, "fewer", "the rest taken as empty")):
        if numbers:
            shown = tuple(f"line {n}" for n in numbers[:5])
            why = f"rows have {what} values than there are columns"
            faults.append(Fault("warning", "row-length", f"{name}.txt", "", why, done, len(numbers), shown))
    body = [[*row, *([""] * width)][:width] for row in found[1:]]
    # columns by number, since names may be there twice
    columns = {k: pd.Series([row[k] for row in body], dtype=str) for k in range(width)}
    return pd.DataFrame(columns, index=range(len(body))).set_axis(pd.Index(header, dtype=str), axis=1)


def _line(line: str) -> list[str]:
    try:
        return next(csv.reader([line], skipinitialspace=True), [])
    except csv.Error:
        return line.split(",")


def _breaks(frame: pd.DataFrame) -> Iterable[pd.Series]:
    """Values with line breaks, of each column that has some."""
    for k in range(frame.shape[1]):
        values = frame.iloc[:, k]
        if (broken := values.str.contains("[\r\n]").to_numpy(dtype=bool)).any():
            yield values[broken]


def _swallows(frame: pd.DataFrame) -> bool:
    """Whether values hold lines that look like rows."""
    width = frame.shape[1]
    return any(
        any(line.count(",") >= max(width - 1, 1) for line in str(value).splitlines()[1:])
        for values in _breaks(frame)
        for value in values
    )


def _broken_lines(name: str, frame: pd.DataFrame, faults: list[Fault]) -> pd.DataFrame:
    """Tell of values over several lines, which GTFS forbids."""
    found = [row for values in _breaks(frame) for row in values.index]
    if found:
        shown = tuple(f"line {row + 2}" for row in found[:5])
        why = "values run over several lines, which GTFS forbids"
        faults.append(Fault("warning", "line-break", f"{name}.txt", "", why, "left", len(found), shown))
    return frame
