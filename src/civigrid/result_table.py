"""The one schema of result tables: every topic's numbers stand side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from civigrid.errors import SchemaError

TABLE_COLUMNS = (
    "zone", "topic", "index", "groups", "estimate", "expected", "corrected", "low", "high", "persons", "cells",
    "parameters",
)  # fmt: skip
"""Zone, topic, index and groups name the number; `expected` is its value under random allocation, `corrected` the
estimate freed of that, `low` and `high` its 95 % interval; `persons` and `cells` say on how many it rests."""


def result_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make a result table from rows; what a row does not say is missing.

    >>> result_table([{"zone": "all", "topic": "segregation", "index": "D", "estimate": 0.4}]).shape
    (1, 12)
    """
    return result_table_of(pd.DataFrame([{c: row.get(c) for c in TABLE_COLUMNS} for row in rows]))


def result_table_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Make a result table from columns; those that are absent are missing, others are left out."""
    table = frame.reindex(columns=list(TABLE_COLUMNS))
    numbers = ["estimate", "expected", "corrected", "low", "high", "persons"]
    table[numbers] = table[numbers].astype("float64")
    table["cells"] = table["cells"].fillna(0).astype("int64")
    for name in ("zone", "topic", "index", "groups", "parameters"):
        table[name] = table[name].fillna("").astype(str).astype(object)
    return table


def check_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table if it has the schema, else raise `SchemaError`."""
    if tuple(table.columns) != TABLE_COLUMNS:
        raise SchemaError(f"a result table has the columns {', '.join(TABLE_COLUMNS)}; got {list(table.columns)}.")
    return table


def parameters(**given: Any) -> str:
    """Write the parameters of a row: short JSON, sorted, without what is None."""
    return json.dumps({k: v for k, v in given.items() if v is not None}, sort_keys=True, ensure_ascii=False)
