"""Segregation of one file, of cells or a plain table, as one result table with what it rests on and may tell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from civigrid.cells import labels, measured, values_of
from civigrid.engine import Scheduler
from civigrid.errors import CivigridError, SchemaError, unknown_name
from civigrid.io.atomic import write_text
from civigrid.io.cells import INSIDE, read_cells
from civigrid.io.census import MEANING
from civigrid.io.codes import detect_grid
from civigrid.io.composition import Composed, read_composition
from civigrid.io.peek import first_row
from civigrid.io.tables import column_names
from civigrid.layers.segregation.by_cell import MEASURES, segregation_cells
from civigrid.layers.segregation.groups import group_counts, refuse_zone_names
from civigrid.layers.segregation.neighbourhoods.permuted import composition_tests
from civigrid.layers.segregation.neighbourhoods.spatial import SPATIAL
from civigrid.layers.segregation.sources import SOURCES
from civigrid.layers.segregation.table import composition_table
from civigrid.release import Profile
from civigrid.release.indices import indices_held_back, protect_indices
from civigrid.run.segregation.bounds import bounds_of_cells, bounds_of_units
from civigrid.run.segregation.cell_checks import check_cells
from civigrid.run.segregation.figures import CURVES_ONLY, draw, draws_curves
from civigrid.run.segregation.limits import check_outputs, check_show
from civigrid.run.segregation.members import Computed, members_of
from civigrid.run.segregation.names import needs_order, refuse_few_groups
from civigrid.run.segregation.people import People
from civigrid.run.segregation.permutations import with_p
from civigrid.run.segregation.reference import spanning_areas
from civigrid.run.segregation.tables import Announce, Wanted, check_wanted, draws_text, tables_of
from civigrid.run.steps import WRITERS, write_cells_file, write_table_file
from civigrid.types import Floats


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is wanted of a file.

    Parameters
    ----------
    composed : Composed
        Groups, total, zones; and how a plain table is read.
    wanted : Wanted
        Indices, neighbourhoods, scales; noise.
    plain : bool
        Read the file as a plain table even where it holds cells.
    scheduler : Scheduler
        Where to compute; no figure depends on it.
    """

    composed: Composed
    wanted: Wanted = field(default_factory=Wanted)
    plain: bool = False
    scheduler: Scheduler = field(default_factory=Scheduler)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where results go.

    Parameters
    ----------
    table, local, bibtex : Path or None
        The result table, cells with local measures (both after disclosure control), the publications to cite.
    figure : Path or None
        One picture of what may leave, ``.png`` or ``.svg``.
    show : str
        Index of the picture; by default H_multi, or the first.
    """

    table: Path | None = None
    local: Path | None = None
    bibtex: Path | None = None
    figure: Path | None = None
    show: str = ""


def segregation_file(
    path: Path, asked: Asked, profile: Profile, out: Outputs, announce: Announce = lambda _: None
) -> dict[str, Any]:
    """Compute segregation of a file of cells or of a plain table.

    Parameters
    ----------
    path : Path
        The file.
    asked : Asked
        What is wanted of it.
    profile : Profile
        What a file written may tell.
    out : Outputs
        Files to write.
    announce : callable
        Hears what is done.

    Returns
    -------
    dict
        ``table``: rows with ``parameters`` as objects, ``citation``, ``unreliable`` and ``held_back`` (why a row may
        not leave, or ""); and what was noticed.

    Raises
    ------
    SchemaError, SourceError, UnknownNameError
        Each fault of the file or of what was asked, with its mend.
    """
    check_wanted(asked.wanted)
    _check_outputs(asked.wanted, out)
    announce(f"reading {path.name}")
    cells = holds_cells(path, asked.composed, asked.plain)
    if out.local is not None and not cells:
        raise SchemaError("--local writes cells: this is a plain table, whose units have no place.")
    computed = (_of_cells if cells else _of_plain)(path, asked, announce)
    why = indices_held_back(computed.table, computed.zones, computed.names, computed.members, profile)
    rows = rows_of(computed.table, why)
    keys = sorted({row["citation"]["key"] for row in rows if row["citation"]})
    told = protect_indices(computed.table, why, profile)
    drawn = out.figure is not None and _drawn(computed, told, why, asked.wanted, profile, out)
    hidden, values = _write(computed, told, asked.composed, profile, out)
    if out.bibtex is not None:
        write_text(out.bibtex, "\n\n".join(SOURCES[key].bibtex() for key in keys) + "\n")
    return {
        "out": str(out.table) if out.table else "",
        "local": str(out.local) if out.local else "",
        "figure": str(out.figure) if drawn else "",
        "profile": str(profile),
        "unit": "units" if computed.cells is None else "cells",
        "groups": computed.names,
        "persons": float(computed.members[0].sum()),
        "findings": computed.findings,
        "held_back": int((why != "").sum()),
        "suppressed": hidden,
        "local_values": values,
        "sources": [cited(key) for key in keys],
        "table": rows,
    }


def _check_outputs(wanted: Wanted, out: Outputs) -> None:
    """Refuse files and a figure that cannot be made before the work, not after it."""
    check_outputs(out.table, out.figure, out.bibtex, (out.local, (*WRITERS, INSIDE)))
    if out.local is not None and wanted.bounds is not None:
        raise SchemaError("--local writes measures of counts that are all known: it goes without --bounds.")
    if out.figure is not None and not draws_curves(wanted):
        near = wanted.radii_m or wanted.k
        check_show(out.show, ((wanted.names.of_shares if wanted.indices else ()) or SPATIAL) if near else ())


def _drawn(
    computed: Computed,
    told: pd.DataFrame,
    why: npt.NDArray[np.object_],
    wanted: Wanted,
    profile: Profile,
    out: Outputs,
) -> bool:
    """Draw the figure; what forbids it is told, and takes nothing else away."""
    if out.figure is None:
        return False
    try:
        draw(computed, told, why, wanted, out.show, profile, out.figure)
    except CivigridError as error:
        computed.findings.append(f"figure not drawn: {error}")
        return False
    if wanted.distortion and draws_curves(wanted):
        computed.findings.append(CURVES_ONLY)
    return True


def _write(
    computed: Computed, table: pd.DataFrame, composed: Composed, profile: Profile, out: Outputs
) -> tuple[dict[str, int], int]:
    """Write what was asked for; gives how many cells of each local measure were hidden, and of how many values."""
    if out.table is not None:
        write_table_file(table, out.table, profile)
    if out.local is None or computed.cells is None:
        return {}, 0
    made = segregation_cells(computed.cells, composed.groups, total=composed.total, measures=tuple(MEASURES))
    values = sum(int(np.isfinite(values_of(made, name)).sum()) for name in measured(made))
    return write_cells_file(made, out.local, profile), values


def holds_cells(path: Path, composed: Composed, plain: bool) -> bool:
    """Whether a file is one of cells: its suffix, its codes, or the columns of a census grid say so."""
    if plain or composed.long or composed.units or composed.where or composed.layer:
        return False
    if path.suffix == INSIDE:
        return True
    if path.suffix.lower() not in (".parquet", ".csv", ".gpkg") or not path.exists():
        return False
    row = first_row(path)
    if "code" in row:
        return _is_code(row["code"])
    census = "GRD_ID" in row or ({"x", "y"} <= set(row) and any(name.endswith("_CI") for name in row))
    return census and any(name in MEANING or name == "OBS_VALUE_T" for name in row)


def _is_code(text: str) -> bool:
    """Whether a text names a cell: an INSPIRE code, or an H3 index in 15 hexadecimal digits.

    >>> [_is_code(t) for t in ("1kmN2689E4337", "891f1d48863ffff", "11000000")]
    [True, True, False]
    """
    try:
        detect_grid(text)
    except CivigridError:
        return len(text) == 15 and text.startswith("8") and all(c in "0123456789abcdef" for c in text)
    return True


def _of_plain(path: Path, asked: Asked, announce: Announce) -> Computed:
    composed, wanted = asked.composed, asked.wanted
    if wanted.needs_places:
        raise SchemaError(
            f"{', '.join(wanted.needs_places)} ask where people live, which a plain table does not say. Bring it onto "
            "cells first (civigrid project), or leave them out."
        )
    names = wanted.names.of_shares
    if needs_order(names) and not composed.groups:
        raise SchemaError("ordered indices need the groups in their order: --groups LOWEST,...,HIGHEST.")
    if composed.groups:
        refuse_few_groups(composed.groups, composed.total)
    found = read_composition(path, replace(composed, bounded=wanted.bounds is not None))
    if wanted.bounds is not None:
        return bounds_of_units(found, wanted, composed)
    if len(found.names) < 2:
        refuse_few_groups(found.names, "")
    announce(f"{len(names)} indices of {len(found.unit):,} units{draws_text(wanted)}")
    noise = _noise(wanted.noise_variance, found.counts, len(found.names), bool(composed.total))
    about = {"total": composed.total or "sum of the groups"}
    table = composition_table(
        found.counts, found.names, zone=found.zone, indices=names, noise=noise, about=about, **wanted.interval
    )
    if wanted.permutations:
        known = found.counts[~np.isnan(found.counts).any(axis=1)]
        tested = composition_tests(known, found.names, names, draws=wanted.permutations, seed=wanted.seed)
        table = with_p(table, tested, wanted.permutations, wanted.seed)
    zones, members = members_of(found.counts, found.zone)
    findings = [str(f) for f in found.findings]
    return Computed(table, zones, list(found.names), members, findings, None, found.counts)


def _noise(variance: float | None, counts: Floats, groups: int, total: bool) -> Floats | None:
    """Variance of each count; what groups leave of a total has the noise of all of them and of the total."""
    if variance is None:
        return None
    if not (np.isfinite(variance) and variance >= 0):
        raise SchemaError(f"noise_variance is {variance}: a variance is at least 0.  Leave it out where none is known.")
    each = np.full(groups, float(variance))
    if total:
        each[-1] = variance * groups
    return np.broadcast_to(each, counts.shape) if variance else None


def _of_cells(path: Path, asked: Asked, announce: Announce) -> Computed:
    composed = asked.composed
    cells = cells_of(path, composed, asked.wanted.levels)
    people = People(
        cells=cells,
        groups=composed.groups,
        total=composed.total,
        zone=composed.zones,
        options={"scheduler": asked.scheduler},
    )
    refuse_few_groups(composed.groups, composed.total)
    findings = check_cells(cells, composed, path.name, bounded=asked.wanted.bounds is not None)
    if asked.wanted.bounds is not None:
        spanning_areas(people, asked.wanted.reference)
        bounded = bounds_of_cells(cells, asked.wanted, composed)
        return bounded._replace(findings=findings + bounded.findings)
    table = tables_of(people, asked.wanted, announce)
    counts, _ = group_counts(cells, composed.groups, composed.total)
    zone = cells[composed.zones].to_numpy() if composed.zones else np.empty(0, dtype=object)
    zones, members = members_of(counts, zone)
    return Computed(table, zones, people.names, members, findings, cells, counts)


def cells_of(path: Path, composed: Composed, levels: Sequence[str]) -> xr.Dataset:
    """Cells with the groups, the total and the zones asked for, or the nearest names there are."""
    wanted = [*composed.groups, *([composed.total] if composed.total else [])]
    if not composed.groups:
        raise SchemaError(f"name the groups of {path.name}: --groups A,B.")
    if path.suffix != INSIDE:
        names = column_names(path)
        for name in wanted:
            if name not in names and not (name == "T" and "OBS_VALUE_T" in names):
                raise unknown_name(f"column of {path.name}", name, names)
        wanted += [name for name in dict.fromkeys([composed.zones, *levels]) if name in names]
    cells = read_cells(path, columns=wanted if path.suffix != INSIDE else ())
    for name in [*composed.groups, composed.total]:
        if name and name not in cells:
            raise unknown_name(f"count of {path.name}", name, measured(cells))
        if name and cells[name].attrs.get("kind") != "extensive":
            raise SchemaError(f"{name!r} of {path.name} is no count of persons but a rate or a label.")
    for name in filter(None, [composed.zones, *levels]):
        _check_label(cells, name, path)
    if composed.zones:
        refuse_zone_names(cells[composed.zones].to_numpy())
    return cells


def _check_label(cells: xr.Dataset, name: str, path: Path) -> None:
    known = labels(cells)
    if not known:
        raise SchemaError(f"{path.name} has no label {name!r}, a column of text that names areas.")
    if name not in known:
        raise unknown_name(f"label of {path.name}", name, known)


def rows_of(table: pd.DataFrame, why: Sequence[str] | npt.NDArray[np.object_]) -> list[dict[str, Any]]:
    """Rows as values: parameters as objects, the source cited, whether chance explains more than half."""
    read: dict[str, tuple[dict[str, Any], bool, Any]] = {}
    for text in table["parameters"].unique():
        said = json.loads(text)
        unreliable = bool(said.pop("unreliable", False))
        read[text] = said, unreliable, cited(said.pop("cite", ""))
    rows = []
    for row, held in zip(table.to_dict("records"), why, strict=True):
        said, unreliable, source = read[row["parameters"]]
        more = {"parameters": said, "unreliable": unreliable, "citation": source, "held_back": held}
        rows.append({str(k): v for k, v in row.items()} | more)
    return rows


def cited(key: str) -> dict[str, str] | None:
    """Give a publication as results name it, None where the key names none."""
    if key not in SOURCES:
        return None
    source = SOURCES[key]
    return {"key": key, "short": source.short, "title": source.title, "venue": source.venue}
