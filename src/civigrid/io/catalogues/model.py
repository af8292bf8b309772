"""What a run released, as plain values: the one model that every catalogue is written from."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from civigrid.types import Bounds

FieldType = Literal["string", "number", "integer", "object", "binary"]
FieldRole = Literal["code", "value", "status", "label", "shape"]

SPDX = {
    "cc0 1.0": "CC0-1.0",
    "cc0-1.0": "CC0-1.0",
    "cc by 4.0": "CC-BY-4.0",
    "cc-by-4.0": "CC-BY-4.0",
    "cc by 3.0": "CC-BY-3.0",
    "cc by-sa 4.0": "CC-BY-SA-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "odbl 1.0": "ODbL-1.0",
    "odbl-1.0": "ODbL-1.0",
    "dl-de/by-2-0": "DL-DE-BY-2.0",
    "dl-de/by-2.0": "DL-DE-BY-2.0",
    "dl-de-by-2.0": "DL-DE-BY-2.0",
    "dl-de/zero-2-0": "DL-DE-ZERO-2.0",
    "ogl-uk-3.0": "OGL-UK-3.0",
    "etalab-2.0": "etalab-2.0",
}
"""Identifiers of the SPDX licence list, by the words that publishers use."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A column of a released table."""

    name: str
    type: FieldType
    role: FieldRole = "value"
    title: str = ""
    description: str = ""
    unit: str = ""
    reference_date: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class File:
    """A released file: `path` is relative to the release, with forward slashes."""

    path: str
    media_type: str
    bytes: int
    sha256: str
    title: str = ""
    roles: tuple[str, ...] = ("data",)
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """What its name ends in, without the dot."""
        return self.path.rsplit(".", 1)[-1] if "." in self.path.rsplit("/", 1)[-1] else ""


@dataclass(frozen=True, kw_only=True)
class Input:
    """An input: named, hashed, and under whose terms; it is not part of the release."""

    source: str
    file: str
    sha256: str
    publisher: str = ""
    licence: str = ""
    attribution: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Released cells, or the result table: columns, and the files that hold them.

    Parameters
    ----------
    name, title : str
        Short name, and plain words.
    fields : tuple of Field
        Columns of its Parquet file, or of the CSV where there is none.
    files : tuple of File
        The same table in every format, and its rasters, tiles and styles.
    rows : int
        Rows.
    grid, crs : str
        Id of the grid, and the CRS of its shapes; empty for a table without places.
    box : Bounds or None
        What the cells cover, in `crs`.
    lonlat : Bounds or None
        The same in degrees (WGS 84).
    """

    name: str
    title: str
    fields: tuple[Field, ...]
    files: tuple[File, ...]
    rows: int
    grid: str = ""
    crs: str = ""
    box: Bounds | None = None
    lonlat: Bounds | None = None

    @property
    def dates(self) -> tuple[str, ...]:
        """Reference dates that its columns declare, sorted."""
        return tuple(sorted({f.reference_date for f in self.fields if f.reference_date}))


@dataclass(frozen=True, kw_only=True)
class Released:
    """All that a run released.

    Parameters
    ----------
    id, title, question, purpose : str
        Of the run; `id` is its title as letters, digits and dashes.
    disclosure : str
        The profile that every file went through.
    version, code_sha256 : str
        Of civigrid.
    libraries : mapping of str to str
        Versions of what it computes with.
    steps : tuple of str
        What was done, sorted by name.
    inputs : tuple of Input
        What it was made from.
    cells : tuple of Table
        Released cells.
    results : Table or None
        The result table.
    others : tuple of File
        Report, maps, figures.
    created : str
        Day or time it was made; empty where the manifest states none.
    """

    id: str
    title: str
    question: str
    purpose: str
    disclosure: str
    version: str
    code_sha256: str
    libraries: Mapping[str, str]
    steps: tuple[str, ...]
    inputs: tuple[Input, ...]
    cells: tuple[Table, ...]
    results: Table | None
    others: tuple[File, ...]
    created: str = ""

    @property
    def files(self) -> tuple[File, ...]:
        """Every released file, sorted by path."""
        tables = (*self.cells, *((self.results,) if self.results else ()))
        return tuple(sorted((f for t in tables for f in t.files), key=_path) + sorted(self.others, key=_path))

    @property
    def dates(self) -> tuple[str, ...]:
        """Reference dates that any cells declare, sorted."""
        return tuple(sorted({d for t in self.cells for d in t.dates}))

    @property
    def licence(self) -> str:
        """SPDX identifier of the inputs' one licence; empty where they have several, or one that SPDX does not list."""
        found = {SPDX.get(i.licence.strip().lower(), "") for i in self.inputs}
        return found.pop() if len(found) == 1 else ""

    @property
    def attribution(self) -> str:
        """Words that must stand beside the data, each once."""
        return "; ".join(dict.fromkeys(i.attribution for i in self.inputs if i.attribution))

    @property
    def description(self) -> str:
        """Say in some sentences what the release is."""
        said = [self.question or self.title]
        if self.purpose:
            said.append(f"Purpose: {_stopped(self.purpose)}")
        said.append(f"Disclosure control: {self.disclosure}. Missing, confidential and suppressed values are not zero.")
        if self.attribution:
            said.append(f"Sources: {_stopped(self.attribution)}")
        return " ".join(said)


def whole_box(boxes: Iterable[Bounds | None]) -> Bounds | None:
    """Box around boxes; None where there is none.

    >>> whole_box([Bounds(0, 0, 1, 1), None, Bounds(-2, 0, 0, 3)])
    Bounds(west=-2, south=0, east=1, north=3)
    """
    known = [b for b in boxes if b]
    if not known:
        return None
    west, south, east, north = zip(*known, strict=True)
    return Bounds(min(west), min(south), max(east), max(north))


def _path(file: File) -> str:
    return file.path


def _stopped(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def interval_of(dates: Iterable[str]) -> tuple[str, str] | None:
    """First and last instant of reference dates, as RFC 3339; None where none of them is a date.

    Parameters
    ----------
    dates : iterable of str
        Years, months or days (ISO 8601), or two of them with a slash between.

    Returns
    -------
    tuple of (str, str) or None
        In universal time.

    Examples
    --------
    >>> interval_of(["2021", "2019-06"])
    ('2019-06-01T00:00:00Z', '2021-12-31T23:59:59Z')
    >>> interval_of(["", "soon"]) is None
    True
    """
    days = [span for text in dates for part in str(text).split("/") if (span := _days(part.strip()))]
    if not days:
        return None
    return f"{min(a for a, _ in days)}T00:00:00Z", f"{max(b for _, b in days)}T23:59:59Z"


def _days(text: str) -> tuple[str, str] | None:
    """First and last day of a year, a month or a day."""
    found = re.fullmatch(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:T.*)?", text)
    if not found or int(found[1]) < 1:
        return None
    year, month, day = found[1], found[2], found[3]
    if month is None:
        return f"{year}-01-01", f"{year}-12-31"
    if not 1 <= int(month) <= 12:
        return None
    last = calendar.monthrange(int(year), int(month))[1]
    if day is None:
        return f"{year}-{month}-01", f"{year}-{month}-{last}"
    return (f"{year}-{month}-{day}",) * 2 if 1 <= int(day) <= last else None


def slug(text: str) -> str:
    """Letters, digits and dashes of a text, as identifiers of catalogues have them.

    >>> slug("Havelmark: who lives near whom?"), slug("?!")
    ('havelmark-who-lives-near-whom', 'run')
    """
    kept = "".join(c.lower() if c.isascii() and c.isalnum() else "-" for c in text)
    return "-".join(filter(None, kept.split("-"))) or "run"
