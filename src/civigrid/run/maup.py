"""The MAUP audit from a file of cells to a table, a figure and a map."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, ids_of, labels, values_of
from civigrid.errors import SchemaError, first_few
from civigrid.grid import H3Grid, SquareGrid
from civigrid.io.atomic import write_bytes, write_text
from civigrid.io.cells import INSIDE
from civigrid.io.composition import Composed
from civigrid.io.tables import column_names
from civigrid.io.write import write_csv, write_table
from civigrid.layers.segregation import segregation_cells
from civigrid.layers.segregation.groups import group_counts
from civigrid.layers.segregation.indices import NOMINAL, index_named
from civigrid.layers.segregation.maup.classes import WORDS, maup_cells
from civigrid.layers.segregation.maup.settings import MaupOptions
from civigrid.layers.segregation.maup.table import DEFAULT, maup_table
from civigrid.maps import make_map, to_html
from civigrid.project import centre_partition, label_cells
from civigrid.project.geometry import transformer
from civigrid.release import Profile, public_grid, release
from civigrid.release.indices import indices_held_back, protect_indices
from civigrid.report.drawing import SUFFIXES, figure_bytes
from civigrid.report.maup_figures import maup_figure
from civigrid.run.ancillary import cells_of_file, split_name
from civigrid.run.audit import read_zones
from civigrid.run.segregation.cell_checks import check_cells
from civigrid.run.segregation.limits import check_files, check_show
from civigrid.run.segregation.members import members_of
from civigrid.types import Labels

Announce = Callable[[str, int, int], None]
"""Told what is done, how many settings are behind and of how many."""
TABLES = {".csv": write_csv, ".parquet": write_table}


@dataclass(frozen=True, kw_only=True)
class MaupJob:
    """What is asked for.

    Parameters
    ----------
    cells : Path
        Square cells: a file of civigrid's, a census grid, a German grid.
    groups : tuple of str
        Counts of the groups.
    total : str
        Published total; empty: the sum of the groups.
    zone : str
        Label of the cells: each zone by itself as well.
    where : str
        ``LABEL=VALUE``: these cells only.
    h3 : tuple of int
        Resolutions of H3: cells go whole to the hexagon that holds their centre.
    areas : tuple of str
        ``FILE:COLUMN`` of polygons and their ids, or ``NAME=FILE:COLUMN``: cells go whole to the area that holds their
        centre.
    inside : bool
        Leave out cells that some of the areas do not hold, so that all settings divide the same people.
    indices : tuple of str
        Names of indices; ``all``: `NOMINAL`; empty: `DEFAULT`.
    shown : tuple of str
        Indices of the figure; empty: D and H, or those audited.
    group : str
        Group of the figure and of the map's first layer.
    options : MaupOptions
        Sizes, origins, classes.
    covariate : str
        A variable of the cells; a rate is named ``NAME=rate`` where the file does not say so itself.
    noise_variance : float or None
        Of the publisher's noise in each count.
    profile : Profile
        Disclosure profile of table and map.
    table, figure, page : Path or None
        What to write.
    """

    cells: Path
    groups: tuple[str, ...]
    total: str = ""
    zone: str = ""
    where: str = ""
    h3: tuple[int, ...] = ()
    areas: tuple[str, ...] = ()
    inside: bool = False
    indices: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    group: str = ""
    options: MaupOptions = field(default_factory=MaupOptions)
    covariate: str = ""
    noise_variance: float | None = None
    profile: Profile = field(default_factory=public_grid)
    table: Path | None = None
    figure: Path | None = None
    page: Path | None = None

    def __post_init__(self) -> None:
        # a bad suffix is told before an hour's work, not after
        check_files(
            {
                "--out": (self.table, tuple(TABLES)),
                "--figure": (self.figure, SUFFIXES),
                "--map": (self.page, (".html",)),
            }
        )
        if self.figure is not None:
            for name in self.shown:
                check_show(name, self.audited)
        if self.group and self.group not in self.groups:
            raise SchemaError(f"the figure's group {self.group!r} is none of {', '.join(self.groups)}.")

    @property
    def audited(self) -> tuple[str, ...]:
        """Indices that are audited."""
        return NOMINAL if self.indices == ("all",) else self.indices or DEFAULT

    @property
    def drawn(self) -> tuple[str, ...]:
        """Indices of the figure: those named, else the usual two where they are audited, else the first six."""
        usual = tuple(name for name in ("D", "H") if name in self.audited)
        return self.shown or usual or self.audited[:6]


def _silent(what: str, done: int, of: int) -> None:
    """Say nothing."""


def run_maup(job: MaupJob, announce: Announce = _silent) -> dict[str, Any]:
    """Audit a file of cells; write what is asked for; give what was found, JSON-ready.

    Returns
    -------
    dict
        ``cells``, ``settings``, ``findings`` (sentences), ``rows`` (of the result table, parameters as a dict), and
        ``files``.

    Raises
    ------
    CivigridError
        What any of its steps refuses; nothing is written then.
    """
    announce("read cells", 0, 1)
    cells, others, findings = _input(job)
    table = maup_table(
        cells,
        job.groups,
        total=job.total,
        zone=job.zone,
        others=others,
        indices=job.audited,
        options=job.options,
        covariate=job.covariate.partition("=")[0],
        noise_variance=job.noise_variance,
        announce=lambda done, of: announce("cut cells", done, of),
    )
    counts, _ = group_counts(cells, job.groups, job.total)
    zones, members = members_of(counts, cells[job.zone].to_numpy() if job.zone else np.empty(0, dtype=object))
    names = [*job.groups, *(["rest"] if job.total else [])]
    why = indices_held_back(table, zones, names, members, job.profile)
    passed = release(protect_indices(table, why, job.profile), job.profile)
    # all is made before anything is written: a refusal leaves no half
    picture, page = b"", ""
    if job.figure is not None:
        announce("draw figure", 0, 1)
        words = {g: str(cells[g].attrs.get("long_name") or g) for g in job.groups}
        drawn = maup_figure(passed.data, indices=job.drawn, groups=job.group, words=words)
        picture = figure_bytes(drawn, job.figure.suffix.lower())
    if job.page is not None:
        announce("draw map", 0, 1)
        page = _page(job, cells, passed.data)
    files = []
    if job.table is not None:
        TABLES[job.table.suffix.lower()](passed, job.table)
        files.append(job.table)
    if job.figure is not None:
        write_bytes(job.figure, picture)
        files.append(job.figure)
    if job.page is not None:
        write_text(job.page, page)
        files.append(job.page)
    return {
        "cells": cells.sizes["cell"],
        "grid": grid_of(cells).id,
        "settings": int(json.loads(table[table["index"].str.startswith("people:")]["parameters"].iloc[0])["settings"]),
        "findings": findings,
        "rows": _records(passed.data),
        "files": [str(f) for f in files],
    }


def _input(job: MaupJob) -> tuple[xr.Dataset, dict[str, Labels], list[str]]:
    """Cells, their labels in other divisions, and what a reader must know of them."""
    counts = [*job.groups, *([job.total] if job.total else [])]
    label, _, value = job.where.partition("=")
    if job.where and not (label and value):
        raise SchemaError(f"--where {job.where}: write LABEL=VALUE, as country=DE.")
    own = job.cells.suffix == INSIDE or "code" in column_names(job.cells)
    wanted = [n for n in (job.zone, label) if n and own]
    name, _, kind = job.covariate.partition("=")
    if kind not in ("", "rate"):
        raise SchemaError(f"--covariate {job.covariate}: write NAME, or NAME=rate.")
    wanted += [name] if name else []
    cells = cells_of_file(job.cells, list(dict.fromkeys([*counts, *wanted])), [name] if kind else [])
    if job.where:
        cells = _only(cells, label, value)
    grid = grid_of(cells)
    if not isinstance(grid, SquareGrid):
        raise SchemaError(f"{job.cells.name} holds cells of {grid.id}: the audit starts from square cells.")
    others: dict[str, Labels] = {f"H3 res {r}": _hexagons(cells, r) for r in job.h3}
    areas = dict(_areas(cells, text) for text in job.areas)
    others |= areas
    findings = check_cells(cells, Composed(groups=job.groups, total=job.total), job.cells.name)
    if areas and job.inside:
        held = np.all([label != "" for label in areas.values()], axis=0)
        if not held.any():
            raise SchemaError("no cell lies inside the areas: are they of another place, or another CRS?")
        cells = cells.isel(cell=np.flatnonzero(held))
        others = {name: of[held] for name, of in others.items()}
    for name in areas:
        findings += _coverage(cells, counts, name, others[name])
    return cells, others, findings


def _only(cells: xr.Dataset, label: str, value: str) -> xr.Dataset:
    if label not in labels(cells):
        known = ", ".join(labels(cells)) or "none"
        raise SchemaError(f"--where {label}={value}: {label} is no label of these cells. They have: {known}.")
    named = cells[label].to_numpy().astype(str)
    if not (named == value).any():
        raise SchemaError(f"no cell has {label} = {value!r}. There are {first_few(np.unique(named), 8)}.")
    return cells.isel(cell=np.flatnonzero(named == value))


def _hexagons(cells: xr.Dataset, resolution: int) -> Labels:
    """Hexagon that holds the centre of each cell, as text."""
    grid = grid_of(cells)
    xy = grid.centre(ids_of(cells))
    lonlat = np.stack(transformer(grid.crs, "EPSG:4326").transform(xy[:, 0], xy[:, 1]), axis=1)
    return np.array([f"{i:x}" for i in H3Grid(resolution).cell_at(lonlat).tolist()], dtype=object)


def _areas(cells: xr.Dataset, text: str) -> tuple[str, Labels]:
    """Name of a division, and the area that holds the centre of each cell; "" where none does."""
    name, _, file = text.rpartition("=")
    path, column = split_name(file)
    name = name or path.stem
    if not column:
        raise SchemaError(f"--areas {text}: name the column of ids, as {path.name}:ID.")
    geometry, _ = read_zones(str(path), id_column=column)
    crosswalk = centre_partition(geometry, grid_of(cells))
    # a unit too small for a centre took a part of a cell: the cell stays with the unit that has most of it
    named = label_cells(crosswalk, geometry.index.astype(str))
    ids = ids_of(cells)
    at = np.minimum(np.searchsorted(crosswalk.cell_id, ids), max(len(crosswalk.cell_id) - 1, 0))
    if not len(crosswalk.cell_id):
        return name, np.full(len(ids), "", dtype=object)
    return name, np.where(crosswalk.cell_id[at] == ids, named[at], "").astype(object)


def _coverage(cells: xr.Dataset, counts: list[str], name: str, label: Labels) -> list[str]:
    persons = np.nansum([values_of(cells, n) for n in (counts[-1:] if len(counts) > 2 else counts)], axis=0)
    held = float(persons[label != ""].sum() / persons.sum()) if persons.sum() > 0 else 1.0
    if held > 0.9995:
        return []
    return [f"{name} holds {held:.1%} of the people: its index is of these. --inside audits them alone."]


def _page(job: MaupJob, cells: xr.Dataset, table: pd.DataFrame) -> str:
    """One page: whose class holds, how far settings agree, and the shares that are classified."""
    groups = [job.group, *(g for g in job.groups if g != job.group)] if job.group else list(job.groups)
    made = segregation_cells(maup_cells(cells, groups, total=job.total, options=job.options), groups, total=job.total)
    variables = [v for g in groups for v in (f"class_holds_{g}", f"agreement_{g}", f"share_{g}")]
    cut = " and ".join(f"{b:g}" for b in job.options.breaks)
    notes = [
        f"A cell's class is that of the block it lies in: location quotient cut at {cut}. Blocks of "
        f"{', '.join(map(str, job.options.sizes))} cells' side, from {job.options.origins} origins at most.",
        f"Robust: {job.options.steady:.0%} of the settings agree. Scale-dependent: they agree at each size. "
        "Fragile: where the grid begins decides.",
    ]
    for group in groups:
        rows = table[table["groups"] == group].set_index("index")["estimate"]
        parts = [f"{word} {rows[f'people:{word}']:.0%}" for word in WORDS.values() if f"people:{word}" in rows]
        notes.append(f"{group}: people in cells that are {', '.join(parts)}.")
    page = make_map(
        release(made, job.profile),
        variables,
        title="Whose class holds?",
        question="Where does it depend on the grid whether a group is called concentrated?",
        notes=notes,
    )
    return to_html(page)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(k): v for k, v in row.items()} | {"parameters": json.loads(row["parameters"])} for row in rows]


def summary_lines(rows: list[Mapping[str, Any]]) -> list[str]:
    """Say in lines what an audit found: what moves each index, and whose class holds."""
    lines = []
    for row in rows:
        about, name = row["parameters"], str(row["index"]).rpartition(":")[2]
        if row["zone"] != "all" or not str(row["index"]).startswith("maup:") or row["estimate"] is None:
            continue
        title = index_named(name).title
        moved = ", ".join(f"{word} {about[word]:.4f}" for word in ("scale", "zoning", "sampling") if word in about)
        lines.append(f"{name:<12} {row['groups']:<24} moved by {moved}: {about['dominates']}   ({title})")
    for group in dict.fromkeys(r["groups"] for r in rows if str(r["index"]).startswith("people:")):
        found = {r["index"]: r["estimate"] for r in rows if r["groups"] == group}
        parts = [
            f"{word} {found[f'people:{word}']:.1%}"
            for word in WORDS.values()
            if found.get(f"people:{word}") is not None
        ]
        lines.append(f"class holds  {group:<24} {', '.join(parts)} of people")
    for row in rows:
        if str(row["index"]).startswith("correlation:") and row["estimate"] is not None:
            about = row["parameters"]
            lines.append(
                f"{row['index']:<24} {row['groups']:<12} {about['size_m'] / 1000:g} km: {row['estimate']:+.2f} "
                f"({about['least']:+.2f} to {about['most']:+.2f}), sign changes {about['sign_changes']:.0%}"
            )
    ranks = [r for r in rows if str(r["index"]).startswith("ranks_of_") and r["estimate"] is not None]
    lines += [f"{r['index']:<24} tau-b {r['estimate']:.2f}, at least {r['parameters']['least']:.2f}" for r in ranks]
    return lines
