"""The files of a GTFS feed as tables of text: from a zip or a folder, whatever their order, quotes and blanks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from civigrid.errors import SourceError
from civigrid.travel.feed import Fault

NEEDED: dict[str, tuple[str, ...]] = {
    "stops": ("stop_id",),
    "routes": ("route_id", "route_type"),
    "trips": ("route_id", "service_id", "trip_id"),
    "stop_times": ("trip_id", "stop_id", "stop_sequence"),
}
"""Files without which there is no timetable, and their columns without which a row says nothing."""
MORE: dict[str, tuple[str, ...]] = {
    "agency": (),
    "calendar": ("service_id", "start_date", "end_date"),
    "calendar_dates": ("service_id", "date", "exception_type"),
    "frequencies": ("trip_id", "start_time", "end_time", "headway_secs"),
    "transfers": ("from_stop_id", "to_stop_id"),
    "pathways": ("from_stop_id", "to_stop_id", "pathway_mode"),
    "feed_info": (),
}
"""Files that are read where they are there."""
LARGEST = 4 * 2**30
"""A table larger than this, in bytes, is refused: no city has one, and a small zip may pretend to."""


class Tables(dict[str, pd.DataFrame]):
    """Tables by name, all columns text, absent values empty; and the faults of reading them."""

    faults: list[Fault]


def read_tables(path: Path) -> Tables:
    """Read the files of a feed.

    Raises
    ------
    SourceError
        No such file, no zip, or a table without which there is no timetable is absent.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError(f"{path} does not exist. Check the path, and CIVIGRID_DATA where the path uses it.")
    tables = Tables()
    tables.faults = []
    with _opened(path) as files:
        for name, columns in (NEEDED | MORE).items():
            if name in files:
                tables[name] = _table(name, columns, files[name], tables.faults)
    if lacking := [name for name in NEEDED if name not in tables or not len(tables[name])]:
        there = ", ".join(sorted(tables)) or "none of GTFS"
        raise SourceError(
            f"{path.name} holds no rows of {', '.join(f'{n}.txt' for n in lacking)}: without them there is no "
            f"timetable. It holds: {there}."
        )
    if "calendar" not in tables and "calendar_dates" not in tables:
        raise SourceError(f"{path.name} has neither calendar.txt nor calendar_dates.txt: nobody knows when it runs.")
    return tables


@contextmanager
def _opened(path: Path) -> Iterator[dict[str, bytes]]:
    """Give the bytes of each known table by its name."""
    known = [f"{name}.txt" for name in (*NEEDED, *MORE)]
    if path.is_dir():
        yield {n.removesuffix(".txt"): (path / n).read_bytes() for n in known if (path / n).is_file()}
        return
    try:
        with ZipFile(path) as archive:
            # some publishers put the files into a folder; the shallowest of a name counts
            members = sorted(archive.infolist(), key=lambda m: (m.filename.count("/"), m.filename))
            found: dict[str, bytes] = {}
            for member in members:
                name = member.filename.rsplit("/", 1)[-1]
                if name not in known or name.removesuffix(".txt") in found:
                    continue
                if member.file_size > LARGEST:
                    raise SourceError(f"{path.name}: {name} says it is {member.file_size:,} bytes long: refused.")
                found[name.removesuffix(".txt")] = archive.read(member)
    # zipfile raises the last two for a member that is encrypted, or compressed in a way it does not know
    except (BadZipFile, EOFError, OSError, RuntimeError, ValueError) as error:
        raise SourceError(
            f"{path.name} cannot be read as a zip of GTFS tables ({error}). Download it again."
        ) from error
    except Exception as error:
        # zlib.error is no subclass of anything above
        raise SourceError(f"{path.name} is damaged ({error}). Download it again.") from error
    yield found


def _table(name: str, needed: tuple[str, ...], data: bytes, faults: list[Fault]) -> pd.DataFrame:
    text = _decoded(name, data, faults)
    frame = _even(text)
    if frame is None:
        frame = _uneven(name, text, faults)
    header = [str(column).strip().lower() for column in frame.columns]
    if len(set(header)) < len(header):
        raise SourceError(f"{name}.txt names a column twice: {', '.join(header)}.")
    frame = frame.set_axis(header, axis=1).set_axis(pd.RangeIndex(2, len(frame) + 2))
    if lacking := [column for column in needed if column not in header]:
        if name in NEEDED:
            raise SourceError(
                f"{name}.txt has no column {', '.join(lacking)}, which it must have. It has: {', '.join(header)}."
            )
        why = f"has no column {', '.join(lacking)}: the file is left out"
        faults.append(Fault("error", "missing-column", f"{name}.txt", lacking[0], why, "left out", len(frame)))
        return frame.iloc[:0].reindex(columns=[*header, *lacking])
    return pd.DataFrame({name: frame[name].str.strip() for name in header}, index=frame.index)


def _even(text: str) -> pd.DataFrame | None:
    """Read a table whose rows have as many values as there are columns; None where they have not."""
    if "\0" in text:
        return None
    parse = pacsv.ParseOptions(newlines_in_values=True)
    read = pacsv.ReadOptions(use_threads=False)
    try:
        names = pacsv.open_csv(io.BytesIO(text.encode()), read_options=read, parse_options=parse).schema.names
        kinds = pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
        table = pacsv.read_csv(io.BytesIO(text.encode()), read_options=read, parse_options=parse, convert_options=kinds)
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None
    return pd.DataFrame(table.to_pandas())


def _uneven(name: str, text: str, faults: list[Fault]) -> pd.DataFrame:
    """Read a table row by row, and tell which rows have more or fewer values than there are columns."""
    rows = _rows(name, text, faults)
    header = rows[0] if rows else []
    width = len(header)
    body: list[list[str]] = []
    long: list[int] = []
    short: list[int] = []
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != width:
            (long if len(row) > width else short).append(number)
        body.append([*row, *([""] * width)][:width])
    for numbers, what, done in ((long, "more", "read from the left"), (short, "fewer", "the rest taken as empty")):
        if numbers:
            shown = tuple(f"line {n}" for n in numbers[:5])
            why = f"rows have {what} values than there are columns"
            faults.append(Fault("warning", "row-length", f"{name}.txt", "", why, done, len(numbers), shown))
    return pd.DataFrame(body, columns=header, dtype=str)


def _decoded(name: str, data: bytes, faults: list[Fault]) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "is not UTF-8: read as Windows-1252"
        faults.append(Fault("error", "encoding", f"{name}.txt", "", text, "repaired", 1))
        return data.decode("cp1252", errors="replace")


def _rows(name: str, text: str, faults: list[Fault]) -> list[list[str]]:
    if "\0" in text:
        faults.append(
            Fault("error", "null-bytes", f"{name}.txt", "", "holds null bytes", "taken out", text.count("\0"))
        )
        text = text.replace("\0", "")
    try:
        return list(csv.reader(io.StringIO(text, newline=""), skipinitialspace=True))
    except csv.Error as error:
        raise SourceError(f"{name}.txt is no table of comma-separated values: {error}.") from error
