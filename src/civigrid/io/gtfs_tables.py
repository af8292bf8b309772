"""The files of a GTFS feed as tables of text: from a zip or a folder, whatever their order, quotes and blanks."""

from __future__ import annotations

import zlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

import pandas as pd

from civigrid.errors import SourceError
from civigrid.io.gtfs_text import parsed
from civigrid.io.gtfs_values import Told
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
    "shapes": ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"),
    "feed_info": (),
}
"""Files that are read where they are there."""
LARGEST = 4 * 2**30
"""A table larger than this, in bytes, is refused: no city has one, and a small zip may pretend to."""
MOST_RATIO = 300
"""A member that says it grows by more than this when unpacked is refused: tables pack 5 to 50 times."""


class Tables(dict[str, pd.DataFrame]):
    """Tables by name, all columns text, absent values empty; rows that were read, and the faults of reading them."""

    faults: list[Fault]
    read: dict[str, int]


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
    tables.faults, tables.read = [], {}
    files = _folder(path, tables.faults) if path.is_dir() else _zip(path, tables.faults)
    for name, columns in (NEEDED | MORE).items():
        if name in files:
            # the text is let go of as soon as it is a table
            table, tables.read[name] = _table(name, columns, files.pop(name), tables.faults)
            tables[name] = table
    if lacking := [name for name in NEEDED if name not in tables or not len(tables[name])]:
        there = ", ".join(sorted(tables)) or "none of GTFS"
        raise SourceError(
            f"{path.name} holds no rows of {', '.join(f'{n}.txt' for n in lacking)}: without them there is no "
            f"timetable. It holds: {there}."
        )
    if "calendar" not in tables and "calendar_dates" not in tables:
        raise SourceError(f"{path.name} has neither calendar.txt nor calendar_dates.txt: nobody knows when it runs.")
    return tables


def _known(name: str) -> str:
    """Name of the table a file holds, whatever its case; empty where we read none of it."""
    stem = name.rsplit("/", 1)[-1].lower().removesuffix(".txt")
    return stem if name.lower().endswith(".txt") and stem in NEEDED | MORE else ""


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _feed_folder(names: list[str]) -> str:
    """Folder of a zip that holds the feed: the one with the most tables, of several the shallowest.

    Some publishers put the files into a folder, and some several feeds into one zip: tables of two are never mixed.
    """
    tables: dict[str, set[str]] = {}
    for name in names:
        if table := _known(name):
            tables.setdefault(_parent(name), set()).add(table)
    return min(tables, key=lambda f: (-len(tables[f] & NEEDED.keys()), f.count("/") + (f != ""), f), default="")


def _not_read(names: list[str], under: str, faults: list[Fault]) -> None:
    """Tell of tables that lie elsewhere, and of files that we do not read."""
    told = Told(faults)
    elsewhere = [n for n in names if _known(n) and _parent(n) != under and not n.startswith("__MACOSX/")]
    told.rows("warning", "several-feeds", "feed", "", f"tables lie outside of the folder {under or 'at the top'}, as "
              "those of another feed", "not read: give each feed a zip of its own", elsewhere)  # fmt: skip
    other = [n for n in names if n.lower().endswith(".txt") and not _known(n) and _parent(n) == under]
    told.rows(
        "note", "other-file", "feed", "", "files say nothing about when and where vehicles run", "not read", other
    )


def _folder(path: Path, faults: list[Fault]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    _not_read(sorted(f.name for f in path.iterdir() if f.is_file()), "", faults)
    for file in sorted(path.iterdir()):
        table = _known(file.name)
        if not table or table in found or not file.is_file():
            continue
        if (size := file.stat().st_size) > LARGEST:
            raise SourceError(f"{file} is {size:,} bytes long: refused.")
        try:
            found[table] = file.read_bytes()
        except OSError as error:
            raise SourceError(f"{file} cannot be read ({error.strerror}). Check its permissions.") from error
    return found


def _zip(path: Path, faults: list[Fault]) -> dict[str, bytes]:
    """Give the bytes of each known table; one that is damaged is told, and fatal only where it is needed."""
    found: dict[str, bytes] = {}
    try:
        with ZipFile(path) as archive:
            members = sorted((m for m in archive.infolist() if not m.is_dir()), key=lambda m: m.filename)
            under = _feed_folder([m.filename for m in members])
            _not_read([m.filename for m in members], under, faults)
            for member in members:
                table = _known(member.filename)
                if table and table not in found and _parent(member.filename) == under:
                    found |= _member(archive, member, table, path.name, faults)
    except (BadZipFile, EOFError, OSError, RuntimeError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path.name} cannot be read as a zip of GTFS tables ({error}). Download it again."
        ) from error
    return found


def _member(archive: ZipFile, member: ZipInfo, table: str, name: str, faults: list[Fault]) -> dict[str, bytes]:
    if member.file_size > min(LARGEST, MOST_RATIO * member.compress_size + 2**20):
        raise SourceError(f"{name}: {member.filename} says it is {member.file_size:,} bytes long: refused.")
    try:
        # never more than the size it says is read, and its checksum is held to
        return {table: archive.read(member)}
    # RuntimeError and its child NotImplementedError: encrypted, or compressed in a way zipfile does not know
    except (BadZipFile, EOFError, OSError, RuntimeError, zlib.error) as error:
        if table in NEEDED:
            raise SourceError(
                f"{name}: {member.filename} is damaged or locked ({error}). Download the feed again."
            ) from error
        why = f"is damaged or locked ({error})"
        faults.append(Fault("error", "damaged-file", f"{table}.txt", "", why, "left out", 1))
        return {}


def _table(name: str, needed: tuple[str, ...], data: bytes, faults: list[Fault]) -> tuple[pd.DataFrame, int]:
    """Give a table, and how many rows of it were read: of a table that lacks a column all rows are dropped."""
    text = _decoded(name, data, faults)
    frame = parsed(name, text, faults)
    frame = _named(name, frame, faults)
    header = list(frame.columns)
    if lacking := [column for column in needed if column not in header]:
        there = ", ".join(header) or "nothing"
        if name in NEEDED:
            raise SourceError(
                f"{name}.txt has no column {', '.join(lacking)}, which it must have. It has: {there[:300]}."
            )
        why = f"rows are there, and no column {', '.join(lacking)}"
        faults.append(Fault("error", "missing-column", f"{name}.txt", lacking[0], why, "dropped", len(frame)))
        return frame.iloc[:0].reindex(columns=[*header, *lacking]), len(frame)
    table = pd.DataFrame({column: frame[column].str.strip() for column in header}, index=frame.index)
    return table, len(table)


def _named(name: str, frame: pd.DataFrame, faults: list[Fault]) -> pd.DataFrame:
    """Give columns by their names in lower case, the first of each, without those that have none."""
    header = pd.Index([str(column).strip().lower() for column in frame.columns], dtype=str)
    keep = ~header.duplicated() & (header != "")
    if again := sorted(set(header[header.duplicated() & (header != "")])):
        why = "columns are named again"
        told = Fault("error", "duplicate-column", f"{name}.txt", again[0], why, "the first counts", len(again))
        faults.append(told)
    return frame.loc[:, keep].set_axis(header[keep], axis=1).set_axis(pd.RangeIndex(2, len(frame) + 2))


def _decoded(name: str, data: bytes, faults: list[Fault]) -> str:
    try:
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = data.decode("utf-16" if wide else "utf-8-sig")
        if wide:
            why = "file is not UTF-8"
            faults.append(Fault("error", "encoding", f"{name}.txt", "", why, "repaired: read as UTF-16", 1))
    except UnicodeDecodeError:
        why = "file is not UTF-8"
        faults.append(Fault("error", "encoding", f"{name}.txt", "", why, "repaired: read as Windows-1252", 1))
        text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        count = text.count("\0")
        faults.append(Fault("error", "null-bytes", f"{name}.txt", "", "null bytes are there", "taken out", count))
        text = text.replace("\0", "")
    return text
