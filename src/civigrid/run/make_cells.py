"""The step from a source, or from other cells, to cells: one function per method of the run file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import column_of, grid_of, ids_of, is_missing, status_of, values_of, with_variables
from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.grid import Grid, load_grid
from civigrid.project import (
    Projection,
    RasterSource,
    coarsen,
    grid_crosswalk,
    ledger_table,
    project_cells,
    project_classes,
    project_lines,
    project_points,
    project_raster,
    regrid,
)
from civigrid.project.methods import any_layer
from civigrid.run import config
from civigrid.run.methods import SPREADS, Ancillary, on_grid, outside_findings, overlap_findings, project_by
from civigrid.run.parts import Part
from civigrid.run.points import PointFile, stream_points
from civigrid.source import Report, Source
from civigrid.types import Floats, Status


@dataclass(frozen=True, eq=False)
class Given:
    """What a projection may use: its source or the cells made before it."""

    source: Source | None
    cells: Mapping[str, xr.Dataset]
    scheduler: Scheduler | None = None
    file: PointFile | None = None
    """Points too many to hold: they are counted from their file, and `source` has terms but no rows."""


def cells_part(item: config.Cells, given: Given, report: Report) -> Part:
    """Make the cells one table of the run file asks for, with their ledger and the reader's findings."""
    grid = load_grid(item.grid)
    made = METHODS[item.method](item, given, grid)
    if given.source is not None and item.method in SPREADS:
        report += outside_findings(given.source, grid)
        report += overlap_findings(made.cells)
    cells = _derived(made.cells, item)
    for name, text in item.words.items():
        if name not in cells:
            raise SchemaError(f"cells {item.name!r}: words are given for {name!r}, which is no variable of them.")
        cells[name].attrs["long_name"] = text
    findings = pd.DataFrame(
        [(f.level, f.code, f.message, f.count, ", ".join(f.examples)) for f in report],
        columns=["level", "code", "message", "count", "examples"],
    )
    terms = {} if given.source is None else vars(given.source.terms)
    facts = {"cells": cells.sizes["cell"], "grid": item.grid, "terms": terms}
    return Part(cells, {"ledger": ledger_table(made.ledger), "findings": findings}, facts)


def _source(item: config.Cells, given: Given) -> Source:
    if given.source is None:
        raise SchemaError(f"cells {item.name!r}: method {item.method!r} needs a source.")
    return given.source


def _by_cells(item: config.Cells, given: Given, grid: Grid) -> Projection:
    source = _source(item, given)
    made = project_cells(source, columns=item.columns or None, keep=item.keep)
    if grid_of(made.cells) == grid:
        return made
    return Projection(coarsen(made.cells, grid), made.ledger)


def _by_spread(method: str) -> Callable[[config.Cells, Given, Grid], Projection]:
    def project(item: config.Cells, given: Given, grid: Grid) -> Projection:
        return project_by(
            _source(item, given), grid, method, _ancillary(item, given), columns=item.columns, keep=item.keep
        )

    return project


def _ancillary(item: config.Cells, given: Given) -> Ancillary:
    """What a method looks at: the cells that weigh, then those asked where they find nobody; or covariates."""
    if not item.weights:
        return Ancillary()
    first = given.cells[item.weights]
    if item.covariates:
        return Ancillary(cells=first, covariates=item.covariates)
    chain = [(first, item.weight_variable)]
    for text in item.fallback:
        name, _, variable = text.partition(":")
        chain.append((given.cells[name], variable or item.weight_variable))
    return Ancillary(tuple(any_layer(on_grid(cells, grid_of(first)), variable) for cells, variable in chain))


def _by_points(item: config.Cells, given: Given, grid: Grid) -> Projection:
    source = _source(item, given)
    if given.file is not None:
        date = source.reference_date
        return stream_points(given.file, grid, name=source.name, reference_date=date, scheduler=given.scheduler)
    return project_points(source, grid, by=item.by or None)


def _by_lines(item: config.Cells, given: Given, grid: Grid) -> Projection:
    return project_lines(_source(item, given), grid, by=item.by or None)


def _by_raster(item: config.Cells, given: Given, grid: Grid) -> Projection:
    source = _source(item, given)
    if not isinstance(source, RasterSource):
        raise SchemaError(f"source {source.name!r} is no raster. Read it with reader = 'raster'.")
    if source.classes:
        made = project_classes(source.raster, grid, source.classes, source=source.name, scheduler=given.scheduler)
        return Projection(made, ())
    ((name, about),) = source.columns.items()
    about = replace(about, reference_date=source.reference_date)
    return project_raster(
        source.raster, grid, name=name, about=about, source=source.name, scheduler=given.scheduler
    )  # fmt: skip


def _by_regrid(item: config.Cells, given: Given, grid: Grid) -> Projection:
    cells = given.cells[item.source]
    return regrid(cells, grid_crosswalk(ids_of(cells), grid_of(cells), grid))


def _by_coarsening(item: config.Cells, given: Given, grid: Grid) -> Projection:
    return Projection(coarsen(given.cells[item.source], grid), ())


METHODS: dict[str, Callable[[config.Cells, Given, Grid], Projection]] = {
    "cells": _by_cells,
    **{name: _by_spread(name) for name in SPREADS},
    "points": _by_points,
    "lines": _by_lines,
    "raster": _by_raster,
    "regrid": _by_regrid,
    "coarsen": _by_coarsening,
}
"""Projection by its name in a run file."""


def _derived(cells: xr.Dataset, item: config.Cells) -> xr.Dataset:
    """Add the counts the run file derives: sums of columns, and rests of one column less others."""
    for name, columns in item.sums.items():
        wholes = {column_of(cells[c]).part_of for c in columns}
        whole = wholes.pop() if len(wholes) == 1 else None
        # disclosure control must know what is part of what: parts of the sum, the sum of what they were part of
        nested = whole not in item.sums
        cells = _add(cells, name, columns, np.ones(len(columns)), part_of=whole if nested else None, rests=not nested)
        for column in columns if nested else ():
            cells[column].attrs["part_of"] = name
    for name, columns in item.rests.items():
        known = all(column_of(cells[c]).part_of == columns[0] for c in columns[1:])
        sign = np.array([1.0] + [-1.0] * (len(columns) - 1))
        cells = _add(cells, name, columns, sign, part_of=columns[0] if known else None, rests=not known)
    return cells


def _add(
    cells: xr.Dataset, name: str, columns: tuple[str, ...], sign: Floats, *, part_of: str | None, rests: bool
) -> xr.Dataset:
    parts = np.stack([values_of(cells, c) for c in columns])
    missing = np.stack([is_missing(status_of(cells, c)) for c in columns]).any(axis=0)
    value = sign @ parts
    status = np.where(value == 0, Status.OBSERVED_ZERO, Status.OK).astype(np.uint8)
    # perturbed or interpolated parts may leave a rest below zero by noise: it is none, and it is said
    below = ~missing & (value < 0)
    status[below], value[below] = Status.PERTURBED, 0.0
    status[missing], value[missing] = Status.UNAVAILABLE, np.nan
    first = column_of(cells[columns[0]])
    words = " + ".join(columns) if sign.min() > 0 else " − ".join(columns)
    rests_on = "|".join(columns) if rests else None
    about = replace(
        first, long_name=f"{name} ({words})", part_of=part_of, rests_on=rests_on, noise_variance=None, reconciled=None
    )
    return with_variables(cells, {name: value}, {name: about}, status={name: status})
