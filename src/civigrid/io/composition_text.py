"""Faults of tables kept as text: a title above the header, thousands that were read as decimals."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np

from civigrid.errors import SourceError
from civigrid.io.tables import separator_of
from civigrid.source import Finding
from civigrid.types import Bools, Floats

_HEAD = 1 << 16
"""Bytes that hold the titles and the header of any table."""
_LINES = 12
FEW_PERSONS = 1000
"""Persons by unit below which counts with decimals may be thousands: a thousand times more are a large city."""


def refuse_title(path: Path) -> None:
    """Refuse a text file whose first line is a title and no header.

    Raises
    ------
    SourceError
        The first line has one entry, or fewer than a line of words below it.
    """
    if not path.is_file():
        return
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            text = stream.read(_HEAD).decode("utf-8-sig", errors="replace")
    except OSError:
        # the reader that comes next tells what is wrong with it
        return
    lines = text.splitlines()[:_LINES]
    below = [(number, line) for number, line in enumerate(lines[1:], 2) if line.strip()]
    if not below or not lines[0].strip():
        return
    alone = len(_entries(lines[0], separator_of(lines[:1]))) < 2
    for number, line in below:
        mark = separator_of([line])
        entries = _entries(line, mark)
        header = len(entries) > len(_entries(lines[0], mark)) and not any(entry[0].isdigit() for entry in entries)
        if len(entries) >= 2 and (alone or header):
            title = lines[0].strip(" \t;,|\"'")
            raise SourceError(
                f"{path.name}: line 1 looks like a title: {title!r}. The names of the columns seem to stand in line "
                f"{number}: delete the lines above it."
            )
        if not alone:
            return


def _entries(line: str, mark: str) -> list[str]:
    """Entries of a line that are not empty."""
    try:
        return [entry.strip() for row in csv.reader([line], delimiter=mark) for entry in row if entry.strip()]
    except csv.Error:
        return []


def small_fractions(counts: Floats, fractional: Bools, persons: float, units: int) -> list[Finding]:
    """Tell counts that may be thousands: most have a decimal point, with three digits at most, and persons are few.

    Parameters
    ----------
    counts : ndarray
        Of any shape, NaN where missing.
    fractional : ndarray of bool, same shape
        Where text has a point and one to three digits behind it.
    persons : float
        In all.
    units : int
        Number of units.
    """
    lived = np.nan_to_num(counts) > 0
    if not lived.any() or fractional[lived].mean() <= 0.5 or persons >= FEW_PERSONS * units:
        return []
    text = (
        f"counts are fractional and small: {int(fractional[lived].sum())} of {int(lived.sum())} have a decimal point, "
        f"{persons:,.1f} persons in all; are these thousands? Spreadsheets make 8.1 of 8.100"
    )
    return [Finding("warning", "composition.fractions", text, int(fractional[lived].sum()))]
