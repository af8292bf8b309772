"""Values of GTFS tables: ids, numbers, dates and times of day; every one that cannot be read is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from civigrid.travel.feed import NO_TIME, Fault, Severity
from civigrid.types import Bools, Floats, Ints

SHOWN = 5


@dataclass
class Told:
    """Faults as they are found."""

    faults: list[Fault] = field(default_factory=list)

    def rows(
        self, severity: Severity, rule: str, file: str, field: str, message: str, action: str, which: Iterable[object]
    ) -> None:
        """Tell of some rows, by their ids; of none, nothing."""
        ids = list(which)
        if ids:
            shown = tuple(str(i) for i in ids[:SHOWN])
            self.faults.append(Fault(severity, rule, file, field, message, action, len(ids), shown))


def column(table: pd.DataFrame, name: str) -> pd.Series:
    """Text of a column; empty where there is none."""
    return table[name] if name in table else pd.Series("", index=table.index, dtype=str)


def unique(table: pd.DataFrame, name: str, file: str, told: Told) -> pd.DataFrame:
    """Rows with an id, the first of each."""
    ids = table[name]
    told.rows(
        "error", "missing-id", file, name, "rows have no id", "dropped", [f"line {i}" for i in table.index[ids == ""]]
    )
    table = table[ids != ""]
    again = table[name].duplicated()
    told.rows("error", "duplicate-id", file, name, "ids are there twice", "the first is kept", table.loc[again, name])
    return table[~again]


def numbers(table: pd.DataFrame, name: str, file: str, told: Told, *, otherwise: float = np.nan) -> Floats:
    """Numbers of a column; `otherwise` where there is none, or text that is none."""
    text = column(table, name)
    values = pd.to_numeric(text.where(text != ""), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    values = np.where(np.isfinite(values), values, np.nan)
    odd = np.isnan(values) & (text != "").to_numpy()
    told.rows("error", "not-a-number", file, name, "values are no numbers", "taken as absent", text[odd].unique())
    filled: Floats = np.where(np.isnan(values), otherwise, values)
    return filled


def flags(table: pd.DataFrame, name: str) -> Bools:
    """Whether a column says 1."""
    return (column(table, name) == "1").to_numpy()


def dates(table: pd.DataFrame, name: str, file: str, told: Told) -> Ints:
    """Dates as whole numbers, 20260317; 0 where there is none."""
    text = column(table, name)
    known = {value: _is_date(value) for value in text.unique()}
    fits = text.map(known).to_numpy(dtype=bool)
    told.rows("error", "date", file, name, "values are no dates, as 20260317", "never run", text[~fits].unique())
    return np.where(fits, text.where(fits, "0"), "0").astype(np.int64)


def _is_date(text: str) -> bool:
    if not (len(text) == 8 and text.isascii() and text.isdigit()):
        return False
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def clock(text: pd.Series) -> Ints:
    """Seconds of times of day, H:MM:SS, which may pass 24:00; `NO_TIME` where there is none or none can be read.

    >>> clock(pd.Series(["08:00:30", "25:10:00", "", "7:5:0", "8.30"])).tolist()
    [28830, 90600, -1, -1, -1]
    """
    code, values = pd.factorize(text)
    known = np.array([_seconds(str(value)) for value in values], dtype=np.int64)
    return known[code] if len(known) else np.empty(0, dtype=np.int64)


def _seconds(text: str) -> int:
    parts = text.split(":")
    if len(parts) != 3 or not all(p.isascii() and p.isdigit() for p in parts) or any(len(p) != 2 for p in parts[1:]):
        return NO_TIME
    hours, minutes, seconds = map(int, parts)
    if minutes > 59 or seconds > 59 or hours > 240:
        return NO_TIME
    return 3600 * hours + 60 * minutes + seconds
