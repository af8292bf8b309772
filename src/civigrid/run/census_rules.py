"""The census grid held against its publisher's own rules: read, check, write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from civigrid.grid import SquareGrid
from civigrid.io.census import read_census_grid
from civigrid.io.codes import write_codes
from civigrid.io.write import write_csv
from civigrid.project.validation_rules import PARTITIONS, additivity, census_rules
from civigrid.release import public_grid, release


def check_census_file(path: Path, *, of_additivity: bool = False, out: Path | None = None) -> pd.DataFrame:
    """Check a file of the census grid 2021 by the published validation rules, by country.

    Parameters
    ----------
    path : Path
        Any form that `read_census_grid` reads.
    of_additivity : bool
        Give `additivity` instead: how far parts add up, by country.
    out : Path, optional
        Write the table there, as CSV.

    Returns
    -------
    pandas.DataFrame
        Rules by country, the first failing cells as codes; or the table of additivity.
    """
    source, _ = read_census_grid(Path(path))
    if of_additivity:
        table = additivity(source).reset_index()
    else:
        table = census_rules(source)
        table["first"] = [_codes(ids, source.grid) for ids in table["first"]]
    if out is not None:
        write_csv(release(table, public_grid()), Path(out))
    return table


def _codes(ids: tuple[int, ...], grid: object) -> str:
    if not ids or not isinstance(grid, SquareGrid):
        return ""
    return " ".join(write_codes(np.array(ids, dtype=np.uint64), grid).astype(str))


def additivity_markdown(table: pd.DataFrame) -> str:
    """Write a table of additivity as Markdown, in percent with one digit; flags only where there are some."""
    groups = [g for g in PARTITIONS if g in table]
    head = ("country", "cells", "T", f"adds up, %: {' / '.join(groups)}", "smallest T", "flagged, %: M / OTH")
    rows = [(*head, "sd of T - M - F"), ("---", *["---:"] * 6)]
    for row in table.to_dict("records"):
        adds = " / ".join(percent(row[g]) for g in groups)
        flags = [percent(row.get(f"flagged_{p}", np.nan), whole=False) for p in ("M", "OTH")]
        shown = "" if set(flags) <= {"0.0", ""} else " / ".join(flags)
        counts = (f"{row['cells']:,}", f"{row['T']:,.0f}", adds, f"{row['min_T']:.0f}", shown)
        rows.append((row["country"], *counts, f"{row.get('sd_T_M_F', np.nan):.2f}"))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def percent(share: float, *, whole: bool = True) -> str:
    """Write a share in percent with one digit; all of it as 100, where `whole` says so.

    >>> percent(1.0), percent(0.0949), percent(float("nan"))
    ('100', '9.5', '')
    """
    if np.isnan(share):
        return ""
    text = f"{100 * share:.1f}"
    return "100" if text == "100.0" and whole else text
