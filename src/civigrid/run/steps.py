"""Single steps, each from files to one file: project, zonal, crosswalk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import column_of, grid_of, measured
from civigrid.errors import SchemaError
from civigrid.grid import load_grid
from civigrid.io.cells import INSIDE, read_cells
from civigrid.io.geopackage import write_geopackage
from civigrid.io.geoparquet import write_geoparquet
from civigrid.io.parts import save_cells
from civigrid.io.tables import read_table
from civigrid.io.write import write_csv, write_table
from civigrid.project import ledger_table, polygon_crosswalk
from civigrid.project.vintages import to_vintage, vintage_crosswalk, with_records
from civigrid.project.zonal import zonal
from civigrid.release import PROFILES, Profile, Release, release
from civigrid.release.suppress import hidden_counts, rate_hidden
from civigrid.run.ancillary import read_ancillary, split_name
from civigrid.run.areas import Areas
from civigrid.run.methods import outside_findings, overlap_findings, polygons_of, project_by
from civigrid.types import Column, Status

_WORDS = {int(s): s.name.lower() for s in Status}
WRITERS: dict[str, Callable[[Release[xr.Dataset], Path], None]] = {
    ".parquet": write_geoparquet,
    ".gpkg": write_geopackage,
    ".csv": write_csv,
}


@dataclass(frozen=True, kw_only=True)
class ProjectOptions:
    """What `project_file` does.

    Parameters
    ----------
    grid : str
        Id of a grid in ``grids/``.
    method : str
        One of `civigrid.run.methods.SPREADS`.
    extensive, intensive, keep, shares_of : tuple of str
        Counts, rates (``rent:dwellings`` names the weight), labels by largest overlap, labels as shares of land.
    weights : tuple of str
        ``FILE:VARIABLE`` in order of trust.
    covariates : str
        ``FILE:A,B`` for models.
    whole_seed : int or None
        Place whole persons.
    """

    grid: str
    method: str = "area"
    extensive: tuple[str, ...] = ()
    intensive: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    shares_of: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    covariates: str = ""
    whole_seed: int | None = None


def project_file(areas: Areas, options: ProjectOptions, out: Path, profile: Profile) -> dict[str, Any]:
    """Project a file of areas to a file of cells.

    Returns
    -------
    dict
        What was done: cells, grid, method, the mass ledger, findings, what disclosure control hid.

    Raises
    ------
    SchemaError
        Nothing to project.
    SourceError, MassError
        Bad input; a count that does not balance.
    """
    if not (options.extensive or options.intensive or options.shares_of):
        raise SchemaError(
            "nothing to project: name counts with --extensive A,B, rates with --intensive C, or labels with --shares."
        )
    if options.weights and options.method != "dasymetric":
        raise SchemaError(f"--weights serve --by dasymetric; --by {options.method} does not look at them.")
    labels = tuple(dict.fromkeys([*options.keep, *options.shares_of]))
    source, report = areas.read(options.extensive, options.intensive, labels)
    grid = load_grid(options.grid)
    ancillary = read_ancillary(options.weights, options.covariates, grid)
    made = project_by(
        source,
        grid,
        options.method,
        ancillary,
        keep=options.keep,
        shares_of=options.shares_of,
        whole_seed=options.whole_seed,
    )
    if not made.cells.sizes["cell"]:
        raise SchemaError(
            f"no area of {areas.path.name} meets {grid.id}. Are they in the right CRS, and in its extent?"
        )
    ledger = ledger_table(made.ledger)
    return {
        "out": str(out),
        "cells": made.cells.sizes["cell"],
        "grid": grid.id,
        "method": ledger["method"].iloc[0] if len(ledger) else "area",
        "ledger": ledger.to_dict("records"),
        "findings": [str(f) for f in (*report, *outside_findings(source, grid), *overlap_findings(made.cells))],
        "suppressed": write_cells_file(made.cells, out, profile),
        "profile": "none: stays on the machine" if out.suffix == INSIDE else str(profile),
    }


def write_cells_file(cells: xr.Dataset, out: Path, profile: Profile) -> dict[str, int]:
    """Write cells by the suffix of the file; all but ``.cells`` pass disclosure control.  Gives what was hidden."""
    if out.suffix == INSIDE:
        save_cells(cells, out)
        return {}
    if out.suffix not in WRITERS:
        raise SchemaError(f"--out {out.name}: the suffix must be one of {', '.join([*WRITERS, INSIDE])}.")
    passed = release(cells, profile)
    WRITERS[out.suffix](passed, out)
    return dict(passed.actions)


def profile_named(name: str, threshold: int) -> Profile:
    """Give a disclosure profile by name."""
    if name not in PROFILES:
        raise SchemaError(f"unknown profile {name!r}. Known: {', '.join(PROFILES)}.")
    return PROFILES[name](threshold) if name == "min-count" else PROFILES[name]()


def zonal_file(cells_path: Path, zones: Areas, out: Path | None, profile: Profile) -> dict[str, Any]:
    """Give counts and rates of a file of cells by zone, as a table.

    Returns
    -------
    dict
        Rows of the table (after disclosure control), the ledger, and what was hidden.
    """
    cells, (areas, report) = read_cells(cells_path), zones.read()
    found = zonal(cells, polygon_crosswalk(polygons_of(areas), grid_of(cells)))
    worded = {str(c): found.table[c].map(_WORDS) for c in found.table if str(c).endswith("_status")}
    columns = {n: column_of(cells[n]) for n in measured(cells)}
    table, hidden = protect_zones(found.table.assign(**worded), columns, profile)
    if out is not None:
        write_table_file(table.reset_index(names="zone"), out, profile)
    return {
        "out": str(out) if out else "",
        "zones": len(table),
        "ledger": ledger_table(found.ledger).to_dict("records"),
        "findings": [str(f) for f in report],
        "suppressed": hidden,
        "table": table.reset_index(names="zone").to_dict("records"),
    }


def protect_zones(
    table: pd.DataFrame, columns: Mapping[str, Column], profile: Profile
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Hide counts of persons by zone as cells would be, what stands beside them, and rates that tell few persons.

    Parameters
    ----------
    table : pandas.DataFrame
        Zones by variable; what stands beside a variable *v* is named ``v_...``.
    columns : mapping of str to Column
        What the variables are.
    profile : Profile
        Its threshold; 0: nothing is hidden.

    Returns
    -------
    tuple of pandas.DataFrame and dict of str to int
        A changed copy, and how many values of each variable were hidden.
    """
    if not profile.threshold:
        return table, {}
    names = [n for n in columns if n in table]
    counts = [n for n in names if columns[n].kind == "extensive" and columns[n].units == "persons"]
    values = {n: table[n].to_numpy(dtype=np.float64) for n in names}
    part_of = {n: str(columns[n].part_of) for n in counts if columns[n].part_of}
    hidden = hidden_counts({n: values[n] for n in counts}, part_of, profile.threshold)
    for name in names:
        weight = columns[name].weight
        if name not in hidden and weight in hidden:
            hidden[name] = hidden[weight] | rate_hidden(values[name], values[weight], profile.threshold)
    table = table.copy()
    for name, rows in hidden.items():
        beside = [c for c in table if str(c) == name or (str(c).startswith(f"{name}_") and str(c) not in columns)]
        table.loc[rows, [c for c in beside if c != f"{name}_status"]] = np.nan
        if f"{name}_status" in table:
            table.loc[rows, f"{name}_status"] = _WORDS[Status.SUPPRESSED]
    return table, {n: int(rows.sum()) for n, rows in hidden.items()}


def write_table_file(table: pd.DataFrame, out: Path, profile: Profile) -> None:
    """Write a table by the suffix of the file, after disclosure control."""
    passed = release(table, profile)
    if out.suffix not in (".csv", ".parquet"):
        raise SchemaError(f"--out {out.name}: a table is written as .csv or .parquet.")
    (write_csv if out.suffix == ".csv" else write_table)(passed, out)


def _not_few(figures: Mapping[str, float], profile: Profile) -> dict[str, float | None]:
    """Numbers of persons, those below the threshold of the profile left out."""
    return {k: None if 0 < v < profile.threshold else v for k, v in figures.items()}


def crosswalk_files(
    old: Areas,
    new: Areas,
    grid: str,
    *,
    weights: Sequence[str] = (),
    records: str = "",
    extensive: Sequence[str] = (),
    out: Path | None = None,
    counts_out: Path | None = None,
    profile: Profile,
) -> dict[str, Any]:
    """Give the crosswalk from the areas of one vintage to those of another, and the counts of the old on the new.

    Parameters
    ----------
    old, new : Areas
        The two zonings.
    grid : str
        Grid of the weights.
    weights : sequence of str
        Choices of weights, each ``FILE:VARIABLE``; the first is used, all make the range; area is always one.
    records : str
        ``FILE:OLD,NEW``: a table of records, as addresses, with the columns of their old and new area; used first.
    extensive : sequence of str
        Counts of the old areas to bring over.
    out, counts_out : Path, optional
        Table of the flows; table of the counts by new area with their range.
    profile : Profile
        For the counts.

    Returns
    -------
    dict
        How many areas are unchanged, split, merged, redrawn; reassigned persons by weights; the ledger; the flows.
    """
    (first, report), (second, more) = old.read(extensive), new.read()
    layers = {text: list(read_ancillary([text], "", load_grid(grid)).layers) for text in weights}
    names = {text: text.rpartition(":")[2] or Path(text).stem for text in layers}
    base = next(iter(layers.values()))[0].grid if layers else load_grid(grid)
    chosen = {names[text]: chain for text, chain in layers.items()}
    found = vintage_crosswalk(polygons_of(first), polygons_of(second), base, weights=chosen)
    if records:
        path, columns = split_name(records)
        old_column, _, new_column = columns.partition(",")
        rows = read_table(path, text=True)
        if lacking := [c for c in (old_column, new_column) if c not in rows.columns]:
            raise SchemaError(f"--records {path.name} has no column {lacking}. It has {list(rows.columns)[:12]}.")
        found = with_records(found, rows[old_column].tolist(), rows[new_column].tolist(), name="records")
    table = found.table()
    if out is not None:
        write_table_file(table, out, profile)
    answer: dict[str, Any] = {
        "out": str(out) if out else "",
        "areas": {"old": len(found.old_id), "new": len(found.new_id)},
        "flows": table["what"].value_counts().to_dict(),
        "weights": list(found.shares),
        "sliver_m2": round(found.sliver_m2),
        "outside": int((found.outside > 0).sum()),
        "findings": [str(f) for f in (report + tuple(more))],
        "table": table.to_dict("records"),
    }
    if not extensive:
        return answer
    moved, bounds, ledger = to_vintage(first, found, polygons_of(second))
    counts = pd.concat([moved.table, bounds], axis=1)
    for name in extensive:
        counts[f"{name}_status"] = [_WORDS[s] for s in moved.status[name].tolist()]
    counts, hidden = protect_zones(counts, moved.columns, profile)
    if counts_out is not None:
        write_table_file(counts.reset_index(names="new"), counts_out, profile)
    reassigned = {n: _not_few(found.reassigned(first.table[n].to_numpy(dtype=np.float64)), profile) for n in extensive}
    return answer | {
        "reassigned_persons": reassigned,
        "ledger": ledger_table(ledger).to_dict("records"),
        "suppressed": hidden,
    }
