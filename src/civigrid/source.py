"""A `Source`: what a reader hands on, checked and described, before anything is projected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import geopandas as gpd
import pandas as pd

from civigrid.errors import SourceError
from civigrid.grid.base import Grid
from civigrid.types import Column, Statuses

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing a reader noticed: how bad, what, how many, the first ids."""

    level: Level
    code: str
    message: str
    count: int = 0
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        ids = f" (first: {', '.join(self.examples)})" if self.examples else ""
        return f"{self.level} {self.code}: {self.message}{ids}"


@dataclass(frozen=True)
class Report:
    """The validation report of one read."""

    findings: tuple[Finding, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether nothing is an error."""
        return all(finding.level != "error" for finding in self.findings)

    def raise_errors(self) -> None:
        """Raise `SourceError` naming every error, if there is one."""
        errors = [str(f) for f in self.findings if f.level == "error"]
        if errors:
            raise SourceError("\n".join(errors))

    def __add__(self, other: Iterable[Finding]) -> Report:
        return Report(self.findings + tuple(other))

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)


@dataclass(frozen=True, kw_only=True)
class Licence:
    """Who published a source, under which terms, and the words that must stand on a map."""

    publisher: str = ""
    licence: str = ""
    attribution: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A checked table, with polygons, points or cells.

    Parameters
    ----------
    name : str
        Short name, used in ledgers, layers and reports.
    table : pandas.DataFrame, one row per unit
        Index: unique unit ids (strings; ``uint64`` cell ids when `grid` is given).  Columns named in `columns`
        are measured values (float64, NaN where missing); all others are labels.
    columns : mapping of str to Column
        What the measured columns mean.
    geometry : geopandas.GeoSeries or None
        Polygons or points, aligned with `table`, CRS set.  None for cells.
    grid : Grid or None
        The grid whose cells the units are.  None for polygons and points.
    status : mapping of str to ndarray of uint8
        `Status` codes per measured column; a column without an entry is all ``OK``.
    unplaced : mapping of str to float
        Totals the publisher placed in no unit (``FR_unallocated``): they belong in the ledger.
    reference_date : str
        ISO date (or year) the values refer to.
    vintage : str
        Boundary vintage of the units: the id of their declaration in ``boundaries/``, empty where nobody said.
    files : mapping of str to str
        Path of every file read, to its SHA-256.
    """

    name: str
    table: pd.DataFrame
    columns: Mapping[str, Column] = field(default_factory=dict)
    geometry: gpd.GeoSeries | None = None
    grid: Grid | None = None
    status: Mapping[str, Statuses] = field(default_factory=dict)
    unplaced: Mapping[str, float] = field(default_factory=dict)
    reference_date: str = ""
    vintage: str = ""
    terms: Licence = field(default_factory=Licence)
    files: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.table.index.is_unique:
            raise SourceError(f"source {self.name!r}: unit ids repeat. Readers must settle duplicates.")
        if self.geometry is not None and self.geometry.crs is None:
            raise SourceError(f"source {self.name!r}: geometry has no CRS. Give crs= to the reader.")
        unknown = set(self.columns) - set(self.table.columns)
        if unknown:
            raise SourceError(f"source {self.name!r}: described but absent columns {sorted(unknown)}.")
