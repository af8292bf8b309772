"""The degree of urbanisation from files to files: cells, units, functional urban areas, a map."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from scipy import sparse

from civigrid.catalog import declarations
from civigrid.cells import grid_of, labels
from civigrid.crosswalk import Crosswalk
from civigrid.engine import Scheduler
from civigrid.errors import SchemaError, SourceError, first_few
from civigrid.io.atomic import write_text
from civigrid.io.cells import read_cells
from civigrid.io.geoparquet import write_geoparquet
from civigrid.io.tables import column_names, read_shapes, read_table, to_numbers
from civigrid.io.vector import read_areas
from civigrid.io.write import write_csv
from civigrid.layers.typology import DegurbaRules, with_degurba
from civigrid.layers.typology.degurba import land_of
from civigrid.layers.typology.functional import FunctionalAreas, FunctionalRules, functional_areas, touching_units
from civigrid.layers.typology.rules import rules_named
from civigrid.layers.typology.stability import Noise, with_stability
from civigrid.layers.typology.tables import degurba_table
from civigrid.layers.typology.units import classify_units, persons_in_centres, unit_shares
from civigrid.maps import make_map, to_html
from civigrid.project import polygon_crosswalk
from civigrid.release import public_grid, release
from civigrid.source import Licence, Source

LAND = "LAND_SURFACE"
"""Share of land of the census grid, taken where it is there and nothing else is asked for."""
COMMUTERS = ("origin", "destination", "persons")
"""Columns of a table of commuters."""


@dataclass(frozen=True, kw_only=True)
class DegurbaJob:
    """What is asked for.

    Parameters
    ----------
    cells : Path
        A census grid, or cells that civigrid wrote: published data, which is handed on as it is.
    out : Path
        GeoParquet of the cells with their classes; tables of units and areas lie beside it.
    population : str
        Count of residents.
    rules : str
        Name of a preset.
    changes : sequence of str
        Parameters of the rules to change, each ``key=value``.
    land : str
        Share of land; ``"auto"``: `LAND` where the file has it; ``"none"``: whole cells.
    built : str
        Share of built-up land; empty: the option is not used.
    units : Path or None
        Polygons to classify, by the column `id_column`, of the layer `layer`.
    commuting : Path or None
        Table of commuters between units, with the columns of `COMMUTERS`.
    names : Path or None
        Named points, most important first; their column is `name_column`.
    noise : Noise or None
        Draws of noise for the stability of classes; None: not computed.
    map_file : Path or None
        HTML page to draw.
    """

    cells: Path
    out: Path
    population: str = "T"
    rules: str = "eu-2024"
    changes: Sequence[str] = ()
    land: str = "auto"
    built: str = ""
    units: Path | None = None
    id_column: str = ""
    layer: str | None = None
    commuting: Path | None = None
    names: Path | None = None
    name_column: str = "name"
    noise: Noise | None = None
    map_file: Path | None = None
    scheduler: str = "serial"

    def __post_init__(self) -> None:
        if self.units is not None and not self.id_column:
            raise SchemaError(f"which column of {self.units.name} names its units? Give --id.")
        if self.commuting is not None and self.units is None:
            raise SchemaError("commuters go between units: give their polygons with --units.")

    @property
    def steps(self) -> tuple[str, ...]:
        """What will be done, in words, in order."""
        asked = (
            ("read cells", True),
            ("classify cells", True),
            ("draw noise", self.noise is not None),
            ("classify units", self.units is not None),
            ("find functional urban areas", self.commuting is not None),
            ("write files", True),
            ("draw map", self.map_file is not None),
        )
        return tuple(words for words, wanted in asked if wanted)


def _silent(step: str) -> None:
    """Say nothing."""


def run_degurba(job: DegurbaJob, announce: Callable[[str], None] = _silent) -> dict[str, Any]:
    """Classify cells, and units and areas where they are asked for; write them; give what was found, JSON-ready.

    Raises
    ------
    CivigridError
        What any of its steps refuses; nothing is written then.
    """
    rules = _rules(job)
    announce("read cells")
    cells, land = _cells(job)
    announce("classify cells")
    names, places = _places(job, cells)
    options: dict[str, Any] = {"land": land, "built": job.built, "scheduler": Scheduler.parse(job.scheduler)}
    made = with_degurba(cells, job.population, rules, names=names, places=places, **options)
    if job.noise is not None:
        announce("draw noise")
        made = with_stability(made, job.population, rules, noise=job.noise, **options)
    tables, found = _units(job, made, rules, land, announce)
    announce("write files")
    profile, terms = public_grid(), _terms(job)
    shown = release(made, profile, terms=terms)
    files = [job.out]
    write_geoparquet(shown, job.out)
    for name, table in tables.items():
        files.append(job.out.with_name(f"{job.out.stem}-{name}.csv"))
        write_csv(release(table.reset_index(), profile), files[-1])
    if job.map_file is not None:
        announce("draw map")
        files.append(job.map_file)
        write_text(job.map_file, _map(job, shown, rules, found))
    zone = "country" if "country" in labels(made) else ""
    return {
        "files": [str(path) for path in files],
        "found": json.loads(made.attrs["degurba"]),
        "stability": json.loads(made.attrs.get("degurba_stability", "null")),
        "classes": _records(degurba_table(made, job.population, zone=zone)),
        **{name: _counts(table) for name, table in tables.items()},
    }


def _rules(job: DegurbaJob) -> DegurbaRules:
    rules = rules_named(job.rules)
    for change in job.changes:
        key, sign, value = change.partition("=")
        if not sign:
            raise SchemaError(f"{change!r} changes nothing: write key=value, as land_floor=0.2.")
        rules = rules.changed(key.strip(), value.strip())
    return rules


def _cells(job: DegurbaJob) -> tuple[xr.Dataset, str]:
    """Cells with what the rules need, and the name of their share of land."""
    if not job.cells.exists():
        raise SourceError(f"{job.cells} does not exist. Check the path.")
    columns = column_names(job.cells)
    land = {"auto": LAND if LAND in columns else "", "none": ""}.get(job.land, job.land)
    wanted = [job.population, *filter(None, (land, job.built))]
    shares = [n for n in (land, job.built) if n]
    cells = read_cells(job.cells, columns=() if "code" in columns else wanted, intensive=shares)
    if lacking := [n for n in wanted if n not in cells]:
        raise SourceError(f"{job.cells.name} has no column {', '.join(lacking)}. It has: {first_few(columns, 12)}.")
    # refuse what the rules cannot read before anything long begins
    land_of(cells, job.population, land=land, built=job.built)
    return cells, land


def _places(job: DegurbaJob, cells: xr.Dataset) -> tuple[Any, Any]:
    if job.names is None:
        return None, None
    known = read_shapes(job.names)
    if job.name_column not in known or known.crs is None:
        raise SourceError(f"{job.names.name} needs a CRS and a column {job.name_column!r}. It has {list(known)[:8]}.")
    points = known.to_crs(grid_of(cells).crs).geometry
    return known[job.name_column].astype(object).to_numpy(), np.stack([points.x, points.y], axis=1)


def _units(
    job: DegurbaJob, cells: xr.Dataset, rules: DegurbaRules, land: str, announce: Callable[[str], None]
) -> tuple[dict[str, pd.DataFrame], Source | None]:
    """Tables of units, of functional urban areas and of their cities, as far as they are asked for."""
    if job.units is None:
        return {}, None
    announce("classify units")
    source, report = read_areas(job.units, id_column=job.id_column, layer=job.layer)
    report.raise_errors()
    grid = grid_of(cells)
    shapes = gpd.GeoSeries(source.geometry).to_crs(grid.crs)
    crosswalk = polygon_crosswalk(shapes, grid)
    units = classify_units(unit_shares(cells, job.population, crosswalk, land=land), rules.units)
    if job.commuting is None:
        return {"units": units}, source
    announce("find functional urban areas")
    areas = _areas(job, cells, crosswalk, units, shapes)
    return {"units": units.join(areas.units), "cities": areas.cities}, source


def _areas(
    job: DegurbaJob, cells: xr.Dataset, crosswalk: Crosswalk, units: pd.DataFrame, shapes: gpd.GeoSeries
) -> FunctionalAreas:
    ids = crosswalk.unit_id.astype(str)
    flows, employed = read_commuters(Path(str(job.commuting)), ids)
    centre, inside = persons_in_centres(cells, job.population, crosswalk)
    neighbours = touching_units(shapes.to_numpy())
    return functional_areas(
        units["persons"].to_numpy(),
        inside,
        flows,
        neighbours,
        unit_id=ids.astype(object),
        centre_name=centre,
        employed=employed,
        rules=FunctionalRules(),
    )


def read_commuters(path: Path, unit_id: Any) -> tuple[sparse.csr_array, Any]:
    """Read a table of commuters: flows between the units, and the employed residents of each, wherever they work.

    Raises
    ------
    SourceError
        Columns are lacking, counts are missing or negative, or no origin is a unit.
    """
    table = read_table(path, text=path.suffix.lower() in (".csv", ".txt", ".tsv"))
    if lacking := [c for c in COMMUTERS if c not in table]:
        raise SourceError(f"{path.name} has no column {', '.join(lacking)}. Name its columns {', '.join(COMMUTERS)}.")
    persons, missing = to_numbers(table["persons"])
    if missing.any() or (persons < 0).any():
        bad = int((missing | (persons < 0)).sum())
        raise SourceError(f"{path.name}: {bad} counts of commuters are missing or negative. Drop or mend these rows.")
    index = pd.Index(unit_id)
    a = index.get_indexer(pd.Index(table["origin"].astype(str).str.strip()))
    b = index.get_indexer(pd.Index(table["destination"].astype(str).str.strip()))
    if not (a >= 0).any():
        shown = f"{first_few(table['origin'], 3)} against {first_few(unit_id, 3)}"
        raise SourceError(f"no origin of {path.name} is a unit ({shown}). Do they belong to one vintage?")
    n, inside = len(index), (a >= 0) & (b >= 0)
    count = persons.to_numpy()
    flows = sparse.csr_array((count[inside], (a[inside], b[inside])), shape=(n, n))
    return flows, np.bincount(a[a >= 0], weights=count[a >= 0], minlength=n)


def _terms(job: DegurbaJob) -> list[Licence]:
    """Words of the census grid's publisher; cells that civigrid wrote carried theirs in their own release."""
    declared = declarations("boundaries").get("eurostat-census-2021")
    if declared is None or "code" in column_names(job.cells):
        return []
    return [Licence(**{k: str(declared.get(k, "")) for k in ("publisher", "licence", "attribution")})]


def _map(job: DegurbaJob, shown: Any, rules: DegurbaRules, units: Source | None) -> str:
    stable = [n for n in ("degurba_2_stability", "degurba_1_stability") if n in shown.data]
    facts = json.loads(shown.data.attrs["degurba"])
    notes = [
        f"Rules: {rules.name}. Share of land: {facts['land']}. Built-up share: {facts['built']}.",
        f"{facts['centres']:,} urban centres; {facts['cells_unknown']:,} cells with unknown residents are hatched.",
    ]
    page = make_map(
        shown,
        ["degurba_2", "degurba_1", job.population, *stable],
        title="Degree of urbanisation",
        question="Where are cities, towns, suburbs, villages and empty land?",
        outline=None if units is None else units.geometry,
        notes=notes,
    )
    return to_html(page)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    names = ("zone", "index", "estimate", "persons", "cells")
    columns = [table[n].astype(object).where(table[n].notna(), None).tolist() for n in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _counts(table: pd.DataFrame) -> dict[str, int]:
    """How many units, of each class of level 2, or areas."""
    if "degurba_2_class" in table:
        classes = table["degurba_2_class"].value_counts().to_dict()
        areas = {"functional_urban_areas": int(table["area"].replace("", np.nan).nunique())} if "area" in table else {}
        return {str(k): int(v) for k, v in classes.items()} | areas
    return {"cities": int((table["units"] > 0).sum()), "short_of_their_centre": int(table["is_short"].sum())}
