"""The validation ladder: conservation, the finest level hidden, point truth, a published grid, stress."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from civigrid.cells import grid_of, make_cells
from civigrid.crosswalk import Crosswalk
from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid, load_grid
from civigrid.project import coarsen_crosswalk, polygon_crosswalk
from civigrid.project.external import external_rows
from civigrid.project.holdout import HeldOut, hide_finest, holdout_rows
from civigrid.project.ledger import TOLERANCE
from civigrid.project.methods import Weigh, count_layer
from civigrid.project.stress import stress_rows
from civigrid.release import Profile
from civigrid.result_table import parameters, result_table
from civigrid.run.ancillary import cells_of_file, read_ancillary
from civigrid.run.areas import Areas
from civigrid.run.methods import Ancillary, polygons_of, spread_method
from civigrid.run.steps import write_table_file
from civigrid.sample import CityOptions, make_city
from civigrid.types import Column, Floats

COVERAGE = (0.87, 0.93)
"""A 90 % interval is honest if it holds this share."""
LARGEST_STRESS = 1e-6
"""Persons by which a stress case may be off: rounding."""
Announce = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ValidateOptions:
    """What `validate_files` does.

    Parameters
    ----------
    methods : tuple of str
        Methods compared (`civigrid.run.methods.SPREADS`).
    weights, covariates
        As `read_ancillary` takes them.
    groups : tuple of str
        Counts of the fine cells that are hidden (V1, V2).
    grids : tuple of str
        Grids compared on: the hidden one, and coarser levels of it.
    external : str
        ``FILE`` of a published grid (V4).
    pairs : tuple of str
        ``OURS=THEIRS``: counts of the areas' table against variables of the published grid.
    density : str
        Variable of the first weights, and of the published grid, that makes the density classes: ``OURS=THEIRS``.
    draws : int
        Draws for the coverage of intervals.
    seed : int
        Of draws.
    """

    methods: tuple[str, ...] = ("area", "pycnophylactic")
    weights: tuple[str, ...] = ()
    covariates: str = ""
    groups: tuple[str, ...] = ()
    grids: tuple[str, ...] = ()
    external: str = ""
    pairs: tuple[str, ...] = ()
    density: str = ""
    draws: int = 200
    seed: int = 0


def validate_files(
    fine: Path | None,
    areas: Areas | None,
    options: ValidateOptions,
    out: Path | None,
    profile: Profile,
    *,
    scheduler: Scheduler | None = None,
    announce: Announce = lambda _: None,
) -> dict[str, Any]:
    """Climb the ladder as far as the files allow; without files, on invented people alone (V1, V2, V3, V5).

    Returns
    -------
    dict
        ``table``: all figures; ``verdicts``: rung by rung, what was asked and whether it held.

    Raises
    ------
    SchemaError
        Cells without areas, a published grid without counts to compare.
    """
    rows: list[dict[str, Any]] = []
    if fine is not None or options.external:
        if areas is None:
            raise SchemaError("validation needs areas to project from: give --areas FILE --id COLUMN.")
        rows += _on_files(fine, areas, options, scheduler, announce)
    announce("V3: an invented city, whose every home is known")
    rows += point_truth_rows(draws=options.draws, seed=options.seed)
    announce("V5: stress cases")
    rows += list(stress_rows())
    table = result_table(rows)
    if out is not None:
        write_table_file(table, out, profile)
    return {"out": str(out or ""), "verdicts": verdicts(table), "table": table.to_dict("records")}


def _on_files(
    fine: Path | None, areas: Areas, options: ValidateOptions, scheduler: Scheduler | None, announce: Announce
) -> Iterator[dict[str, Any]]:
    """Rungs V1 and V2 where fine cells are given, V4 where a published grid is."""
    if fine is not None:
        cells = cells_of_file(fine, options.groups)
        grids = [load_grid(g) for g in options.grids] or [grid_of(cells)]
        ancillary = read_ancillary(options.weights, options.covariates, grid_of(cells))
        methods = _methods(options, ancillary)
        geometry = polygons_of(areas.read()[0])
        held = hide_finest(cells, geometry, grid_of(cells), options.groups)
        density = _unit_density(held, options, ancillary)
        announce("V1: mass by unit")
        yield from mass_rows(held, methods)
        yield from holdout_rows(
            held,
            methods,
            grids=grids,
            n=options.draws,
            seed=options.seed,
            density=density,
            scheduler=scheduler,
            announce=lambda what: announce(f"V2: {what}"),
        )
    if options.external:
        announce("V4: against a published grid")
        yield from _external(areas, options, scheduler)


def _methods(options: ValidateOptions, ancillary: Ancillary) -> dict[str, Weigh]:
    """Methods by name; those that look at what was not given are refused."""
    return {m: spread_method(m, ancillary) for m in options.methods}


def _unit_density(held: HeldOut, options: ValidateOptions, ancillary: Ancillary) -> Floats | None:
    """Residents per km2 of each unit, from the layer that weighs first."""
    if not (options.density and ancillary.layers):
        return None
    persons = held.areas.back_extensive(ancillary.layers[0].on(held.areas))
    area = held.areas.unit_measure / 1e6
    density: Floats = np.divide(persons, area, out=np.zeros_like(persons), where=area > 0)
    return density


def mass_rows(held: HeldOut, methods: dict[str, Weigh]) -> Iterator[dict[str, Any]]:
    """Rung V1: the largest share of a unit's people that a method loses or invents."""
    for method, weigh in methods.items():
        for group in held.truth:
            counts = held.source.table[group].to_numpy(dtype=np.float64)
            placed = weigh(held.areas, counts).placed_share
            error = np.abs(placed - 1)[(counts > 0) & (held.areas.unit_measure > 0)]
            yield {
                "zone": "all",
                "topic": "validation",
                "index": "mass_error",
                "groups": group,
                "estimate": float(error.max(initial=0.0)),
                "persons": float(counts.sum()),
                "cells": len(held.areas.cell_id),
                "parameters": parameters(rung="V1", method=method, grid=held.areas.grid.id),
            }


def _external(areas: Areas, options: ValidateOptions, scheduler: Scheduler | None) -> Iterator[dict[str, Any]]:
    pairs = dict(text.partition("=")[::2] for text in options.pairs)
    if not pairs or not all(pairs.values()):
        raise SchemaError("a published grid is compared by pairs: give --pairs OURS=THEIRS, as population=T.")
    density = options.density.partition("=")[2]
    reference = cells_of_file(Path(options.external), [*dict.fromkeys([*pairs.values(), *filter(None, [density])])])
    source, _ = areas.read(list(pairs))
    grid = grid_of(reference)
    ancillary = read_ancillary(options.weights, options.covariates, grid)
    methods = _methods(options, ancillary)
    grids = {m: ancillary.grid_for(m) or grid for m in methods}
    areas_on = {g: polygon_crosswalk(polygons_of(source), g) for g in set(grids.values())}

    def weigher(method: str) -> Callable[[Floats], Crosswalk]:
        def weigh(counts: Floats) -> Crosswalk:
            found = methods[method](areas_on[grids[method]], counts)
            return found if found.grid == grid else coarsen_crosswalk(found, grid)

        return weigh

    yield from external_rows(
        source,
        {m: weigher(m) for m in methods},
        reference,
        pairs,
        density=density,
        n=options.draws,
        seed=options.seed,
        scheduler=scheduler,
    )


def point_truth_rows(*, draws: int = 200, seed: int = 0, persons: int = 40_000) -> Iterator[dict[str, Any]]:
    """Rung V3: areas of an invented city, whose people live in known homes, projected and compared home by home.

    The dasymetric method knows the buildings (how many homes a cell has), not who lives in them.
    """
    city, grid = make_city(CityOptions(persons=persons)), SquareGrid(cell_size_m=100)
    truth = city.counts(100)
    groups = list(truth.columns)
    values = {g: truth[g].to_numpy(dtype=np.float64) for g in groups}
    ids = truth.index.to_numpy().astype(np.uint64)
    homes = city.persons[["easting", "northing"]].drop_duplicates().to_numpy()
    at, count = np.unique(grid.cell_at(homes), return_counts=True)
    buildings = make_cells(grid, at, {"homes": count}, {"homes": Column(units="homes")})
    cells = make_cells(grid, ids, values, {g: Column() for g in groups})
    geometry = gpd.GeoSeries(city.areas_2021.set_index("area_id").geometry)
    held = hide_finest(cells, geometry, grid, groups)
    layers = Ancillary((count_layer(buildings, "homes"),))
    methods = {m: spread_method(m, layers) for m in ("area", "dasymetric")}
    for row in holdout_rows(held, methods, n=draws, seed=seed):
        about = json.loads(row["parameters"]) | {"rung": "V3"}
        yield row | {"parameters": parameters(**about)}


def verdicts(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rung by rung: what was asked, the worst found, and whether it held.

    Conservation and stress must hold; whether intervals hold what they say is reported.
    """
    about = table["parameters"].map(json.loads)
    rung = about.map(lambda a: a.get("rung", ""))
    whole = about.map(lambda a: a.get("density_class", "all") == "all")
    found = []
    mass = table[(rung == "V1") & (table["index"] == "mass_error")]["estimate"]
    if len(mass):
        found.append(
            _verdict("V1", f"mass by unit within {TOLERANCE:g}", float(mass.max()), bool(mass.max() <= TOLERANCE))
        )
    for name in ("V2", "V3", "V4"):
        for grid, part in table[(rung == name) & whole & (table["index"] == "coverage_90")].groupby(
            about.map(lambda a: a.get("grid", ""))
        ):
            share = part["estimate"]
            inside = share.between(*COVERAGE)
            asked = f"90 % intervals hold {COVERAGE[0]:.0%} to {COVERAGE[1]:.0%} on {grid}, group by group and method"
            worst = float(share.iloc[int(np.argmax(np.abs(share - 0.9)))])
            found.append(_verdict(name, asked, worst, bool(inside.all()), f"{int(inside.sum())} of {len(share)}"))
    stress = table[rung == "V5"]["estimate"]
    found.append(_verdict("V5", "stress cases", float(stress.max()), bool(stress.max() <= LARGEST_STRESS)))
    return found


def _verdict(rung: str, asked: str, worst: float, held: bool, how_many: str = "") -> dict[str, Any]:
    return {"rung": rung, "asked": asked, "worst": worst, "held": held, "how_many": how_many}


def best_methods(rows: Sequence[Mapping[str, Any]], grid: str) -> pd.DataFrame:
    """Give, group by group, the people each method puts in a wrong cell of a grid, and the best method.

    Parameters
    ----------
    rows : sequence of mapping
        The ``table`` that `validate_files` gives.
    grid : str
        Id of a grid.

    Returns
    -------
    pandas.DataFrame
        A row per group, largest first: persons, persons misplaced by method, the best method.
    """
    frame = with_facts(rows)
    kept = (frame["index"] == "persons_misplaced") & (frame["rung"] == "V2") & (frame["grid"] == grid)
    part = frame[kept & (frame["density"] == "all")]
    wide = part.pivot(index="groups", columns="method", values="estimate")
    persons = part.groupby("groups")["persons"].first()
    table = wide.round().assign(best=wide.idxmin(axis=1)).sort_index(key=lambda g: -persons.loc[g])
    table.insert(0, "persons", persons.reindex(table.index))
    return table.rename_axis(columns=None).reset_index()


def with_facts(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Give rows of a validation as a frame, with rung, grid, method and density class as columns."""
    frame = pd.DataFrame([dict(r) for r in rows])
    about = frame["parameters"].map(json.loads)
    return frame.assign(
        rung=about.map(lambda a: a.get("rung", "")),
        grid=about.map(lambda a: a.get("grid", "")),
        method=about.map(lambda a: a.get("method", "")),
        density=about.map(lambda a: a.get("density_class", "all")),
    )


def rows_to_show(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Give the figures people look at first: persons misplaced and coverage, by rung, grid, group and method."""
    frame = with_facts(rows)
    wanted = ("total_allocation_error", "persons_misplaced", "mean_absolute_percentage_error", "coverage_90")
    part = frame[frame["index"].isin(wanted) & (frame["density"] == "all")]
    wide = part.pivot_table(index=["rung", "grid", "groups", "method"], columns="index", values="estimate")
    return wide.reset_index()[["rung", "grid", "groups", "method", *[w for w in wanted if w in wide]]].round(3)
