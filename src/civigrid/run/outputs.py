"""What may leave: cells, tables, maps and the report, each through a disclosure profile and then to a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.io.write import write_csv, write_geopackage, write_geoparquet, write_table, write_text
from civigrid.release import PROFILES, Profile, Release, release
from civigrid.release.indices import held_back, protect_indices
from civigrid.report import comparison_figure, interval_figure, make_report
from civigrid.run import config
from civigrid.run.paths import slug
from civigrid.run.report_rows import persona_sentences, shown
from civigrid.source import Licence

WRITERS: dict[str, tuple[str, Callable[[Release[xr.Dataset], Path], None]]] = {
    "parquet": ("parquet", write_geoparquet),
    "gpkg": ("gpkg", write_geopackage),
    "csv": ("csv", write_csv),
}
"""Format of released cells, its suffix, its writer."""
GPKG_UP_TO = 300_000
"""More cells than this are written as GeoParquet and CSV only: a GeoPackage of them takes minutes."""


def profile_of(run: config.Run) -> Profile:
    """Give the disclosure profile of a run."""
    return PROFILES[run.profile](run.threshold) if run.profile == "min-count" else PROFILES[run.profile]()


def write_cells(run: config.Run, name: str, cells: xr.Dataset, terms: Sequence[Licence], folder: Path) -> list[Path]:
    """Write released cells in the formats of the run."""
    out, written = release(cells, profile_of(run), terms=terms), []
    for form in run.formats:
        suffix, write = WRITERS[form]
        if form == "gpkg" and cells.sizes["cell"] > GPKG_UP_TO:
            continue
        written.append(folder / "cells" / f"{name}.{suffix}")
        write(out, written[-1])
    return written


def protected(run: config.Run, table: pd.DataFrame, rests_on: pd.DataFrame | None) -> pd.DataFrame:
    """Take out of a step's results the rows that would tell of a few, by the rule of `civigrid segregation --out`.

    Parameters
    ----------
    run : config.Run
        Its profile decides.
    table : pandas.DataFrame
        A result table.
    rests_on : pandas.DataFrame or None
        For each row the ``label`` that made its zone and the ``fewest`` persons that it rests on; None: of a step that
        makes no indices.
    """
    profile = profile_of(run)
    if rests_on is None or not len(table):
        return table
    why, label = held_back(table, rests_on["fewest"].to_numpy(), profile), rests_on["label"].to_numpy()
    parts = []
    for name in dict.fromkeys(label):
        # zones of one label make up the whole: of another, the same name is another place
        rows = label == name
        parts.append(protect_indices(table[rows], why[rows], profile))
    return pd.concat(parts)


def write_results(run: config.Run, table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write the result table as CSV and Parquet."""
    out = release(table, profile_of(run))
    paths = [folder / "results.csv", folder / "results.parquet"]
    write_csv(out, paths[0])
    write_table(out, paths[1])
    return paths


def page_of(item: config.Map) -> str:
    """Where a map lies beside the report."""
    return f"maps/{slug(item.title)}" + (".html" if item.mode == "single" else "/index.html")


def write_report(
    run: config.Run,
    table: pd.DataFrame,
    cells: Mapping[str, xr.Dataset],
    terms: Sequence[Licence],
    checks: tuple[pd.DataFrame, pd.DataFrame],
    folder: Path,
    drawn: Sequence[tuple[str, Any]] = (),
) -> list[Path]:
    """Write the one-page report; `checks` are the mass ledger and what the readers noticed, `drawn` further figures."""
    out = release(table, profile_of(run))
    figures = list(drawn)
    by_zone = table[(table["index"] == "H_multi") & (table["zone"] != "all") & ~of_neighbours(table)]
    for groups, part in by_zone.groupby("groups", sort=False):
        text = f"Segregation of {str(groups).replace('|', ', ')} by zone (information index H), the largest zones"
        figures.append((text, interval_figure(release(part, profile_of(run)), "H_multi")))
    if (table["topic"] == "validation").any():
        figures.append(("How far each projection is from the reference", comparison_figure(out)))
    whole = shown(table[table["zone"] == "all"])
    tables = [
        (f"{str(t).title()}: the whole", release(p, profile_of(run))) for t, p in whole.groupby("topic", sort=False)
    ]
    others = table[(table["zone"] != "all") & ~of_neighbours(table)]
    for topic, part in others.groupby("topic", sort=False):
        large = part.nlargest(60, "persons") if topic == "segregation" else part.head(120)
        large = large[large["index"].isin(["D_multi", "H_multi"])] if topic == "segregation" else large
        tables.append((f"{str(topic).title()}: by zone (all rows are in results.csv)", release(large, profile_of(run))))
    text = make_report(
        title=run.title,
        question=run.question,
        sentences=sentences(out.data, cells),
        tables=tables,
        checks=[("Where every person went (mass ledger)", checks[0]), ("What the readers noticed", checks[1])],
        figures=figures,
        maps=[(m.title, page_of(m)) for m in run.map],
        terms=terms,
        facts={"Disclosure control": str(profile_of(run)), "Purpose": run.purpose or "not stated"},
    )
    write_text(folder / "report.html", text)
    return [folder / "report.html"]


def of_neighbours(table: pd.DataFrame) -> pd.Series:
    """Rows about who lives around, not about the cells themselves: one index has one row for each neighbourhood.

    >>> of_neighbours(pd.DataFrame({"parameters": ['{"radius_m": 1000.0}', '{"total": "T"}']})).tolist()
    [True, False]
    """
    return table["parameters"].str.contains('"radius_m": |"k": ', regex=True)


def sentences(table: pd.DataFrame, cells: Mapping[str, xr.Dataset]) -> list[str]:
    """Say the main results in plain words, one cell set after the other."""
    about = table["parameters"].map(json.loads)
    on = about.map(lambda a: str(a.get("on", "")))
    found = []
    for name, ds in cells.items():
        mine = table[(on == name) & (table["zone"] == "all") & ~of_neighbours(table)]
        found += [_segregation(row, name, ds) for _, row in mine[mine["index"] == "D"].iterrows()]
        found += [_beyond(row, ds) for _, row in mine[mine["index"] == "share_beyond:one_stop"].iterrows()]
        found += persona_sentences(table, name, ds)
    errors = table[table["index"] == "total_allocation_error"]
    for row, a in zip(errors.itertuples(), about[errors.index], strict=True):
        found.append(
            f"{a['on']} puts {row.estimate:.1%} of people into a wrong cell of {a['grid']}, by {a['reference']}."
        )
    return found


def _segregation(row: pd.Series, name: str, cells: xr.Dataset) -> str:
    words = cells[row["groups"]].attrs.get("long_name") or row["groups"]
    text = f"{words}: {row['estimate']:.1%} would have to move to live as evenly as everyone else ({name})"
    if not np.isfinite(row["expected"]):
        return f"{text}; {row['low']:.1%} to {row['high']:.1%}."
    interval = f"{row['low']:.1%} to {row['high']:.1%}"
    return f"{text}; chance alone would make {row['expected']:.1%}, corrected {row['corrected']:.1%} ({interval})."


def _beyond(row: pd.Series, cells: xr.Dataset) -> str:
    a, words = json.loads(row["parameters"]), cells[row["groups"]].attrs.get("long_name") or row["groups"]
    wanted = a["bundle"].replace("|", ", ")
    return f"{words}: {row['estimate']:.1%} have no place with {wanted} within {a['threshold_min']:g} minutes."
