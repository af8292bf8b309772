"""Values of GTFS tables: ids, numbers, dates and times of day; every one that cannot be read is told."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from civigrid.travel.feed import NO_TIME, Fault, Severity
from civigrid.types import Bools, Floats, Ints

SHOWN = 5
LARGEST_SECONDS = 10 * 86_400
"""Times of day, headways and changes beyond ten days are not believed."""


@dataclass
class Told:
    """Faults as they are found."""

    faults: list[Fault] = field(default_factory=list)

    def rows(
        self, severity: Severity, rule: str, file: str, field: str, message: str, action: str, which: Iterable[object]
    ) -> None:
        """Tell of some rows, by their ids; of none, nothing.

        Rows are counted all, and shown once each.  Where the action begins with "dropped", as many rows of the file
        were left out: rows read are rows kept and rows dropped.
        """
        ids = list(which)
        if ids:
            shown = tuple(dict.fromkeys(str(i) for i in ids))[:SHOWN]
            self.faults.append(Fault(severity, rule, file, field, message, action, len(ids), shown))


def column(table: pd.DataFrame, name: str) -> pd.Series:
    """Text of a column; empty where there is none."""
    return table[name] if name in table else pd.Series("", index=table.index, dtype=str)


def lines(table: pd.DataFrame, which: Bools) -> list[str]:
    """Where some rows stand in their file."""
    return [f"line {i}" for i in table.index[which]]


def unique(table: pd.DataFrame, name: str, file: str, told: Told) -> pd.DataFrame:
    """Rows with an id, the first of each."""
    ids = table[name]
    told.rows("error", "missing-id", file, name, "rows have no id", "dropped", lines(table, (ids == "").to_numpy()))
    table = table[ids != ""]
    again = table[name].duplicated()
    told.rows("error", "duplicate-id", file, name, "ids are there again", "dropped: the first of each is kept",
              table.loc[again, name])  # fmt: skip
    return table[~again]


def numbers(table: pd.DataFrame, name: str, file: str, told: Told, *, otherwise: float = np.nan) -> Floats:
    """Numbers of a column; `otherwise` where there is none, or text that is none."""
    text = column(table, name)
    values = pd.to_numeric(text.where(text != ""), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    # beyond this a distance, a number of a stop or a time is none, and sums of them would overflow
    values = np.where(np.abs(values) < 1e15, values, np.nan)
    odd = np.isnan(values) & (text != "").to_numpy()
    told.rows("error", "not-a-number", file, name, "values are no numbers", "taken as absent", text[odd])
    filled: Floats = np.where(np.isnan(values), otherwise, values)
    return filled


def codes(
    table: pd.DataFrame, name: str, file: str, told: Told, *, allowed: Collection[int], otherwise: int = 0
) -> Ints:
    """Codes of a column; `otherwise` where there is none, or one that is not allowed."""
    text = column(table, name)
    known = {str(code): code for code in allowed} | {"": otherwise}
    fits = text.isin(list(known)).to_numpy()
    told.rows("error", "unknown-code", file, name, "values are not among the codes of the reference", f"taken as "
              f"{otherwise}", text[~fits])  # fmt: skip
    return np.asarray(text.where(fits, "").map(known), dtype=np.int64)


def dates(table: pd.DataFrame, name: str, file: str, told: Told, *, action: str = "never run") -> Ints:
    """Dates as whole numbers, 20260317; 0 where there is none."""
    text = column(table, name)
    known = {value: _is_date(str(value)) for value in text.unique()}
    fits = text.map(known).to_numpy(dtype=bool)
    told.rows("error", "date", file, name, "values are no dates, as 20260317", action, text[~fits])
    return text.where(fits, "0").to_numpy(dtype=object).astype(np.int64)


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
    return known[code] if len(known) else np.full(len(text), NO_TIME, dtype=np.int64)


def _seconds(text: str) -> int:
    parts = text.split(":")
    if len(parts) != 3 or not all(p.isascii() and p.isdigit() for p in parts) or len(parts[0]) > 3:
        return NO_TIME
    if len(parts[1]) != 2 or len(parts[2]) != 2:
        return NO_TIME
    hours, minutes, seconds = map(int, parts)
    whole = 3600 * hours + 60 * minutes + seconds
    return whole if minutes < 60 and seconds < 60 and whole <= LARGEST_SECONDS else NO_TIME
