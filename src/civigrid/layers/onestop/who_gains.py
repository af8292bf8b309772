"""Who gains and who loses, in persons: by cell for maps, by group with intervals that share their people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import ids_of, with_variables
from civigrid.errors import SchemaError
from civigrid.kernels.paired import drawn_sums, key_of
from civigrid.layers.onestop.evaluation import Evaluation
from civigrid.result_table import parameters, result_table
from civigrid.types import Bools, Column, Floats, Status

MEASURES = ("person_hours_change", "gain", "lose", "near_change")
"""Person-hours a year more; persons who travel less and who travel more; persons more with every kind near."""


def gains_cells(cells: xr.Dataset, before: Evaluation, after: Evaluation, *, least_min: float = 0.0) -> xr.Dataset:
    """Add to cells who gains and who loses by a change.

    Parameters
    ----------
    cells : xarray.Dataset
        The cells of the town.
    before, after : Evaluation
        The reference, and what it is compared with: of the same cells, groups and bundle.
    least_min : float
        Minutes a year that a person must save, or lose, to count; they always must be above 0.

    Returns
    -------
    xarray.Dataset
        By group: ``minutes_change_<group>`` (a year and person; below 0: less), ``gain_<group>`` and ``lose_<group>``
        (persons; missing where the group's count is).

    Raises
    ------
    SchemaError
        The evaluations or the cells do not fit each other, or `least_min` lies below 0.
    """
    _check(before, after, least_min)
    town = after.town
    if not np.array_equal(ids_of(cells), town.times.cell_id):
        raise SchemaError("these cells are not those of the town. Use the cells its travel times start from.")
    values: dict[str, Floats] = {}
    about, status = {}, {}
    for g, group in enumerate(town.groups):
        persons, mode = town.persons[:, g], town.times.mode
        change, gains, loses = _changes(before, after, group, least_min)
        codes = np.where(np.isnan(persons), int(Status.UNAVAILABLE), int(Status.OK)).astype(np.uint8)
        values |= {f"minutes_change_{group}": change}
        about[f"minutes_change_{group}"] = Column(
            kind="intensive", units="min", weight=group, source=mode, of_place=True,
            long_name=f"Minutes a person of {group} travels more in a year",
        )  # fmt: skip
        for name, who, does in (("gain", gains, "save"), ("lose", loses, "lose")):
            values[f"{name}_{group}"] = np.where(who, persons, np.where(np.isnan(persons), np.nan, 0.0))
            status[f"{name}_{group}"] = codes
            words = f"Persons of {group} who {does} time" + (
                f", {least_min:g} minutes a year or more" * (least_min > 0)
            )
            about[f"{name}_{group}"] = Column(
                kind="extensive", units="persons", long_name=words, source=mode, rests_on=group
            )
    return with_variables(cells, values, about, status=status)


def gains_table(
    before: Evaluation, after: Evaluation, *, least_min: float = 0.0, draws: int = 200, seed: int = 0
) -> pd.DataFrame:
    r"""Give who gains and loses by group, with intervals.

    Parameters
    ----------
    before, after : Evaluation
        The reference, and what it is compared with.
    least_min : float
        As for `gains_cells`.
    draws : int
        Draws of the persons of each cell and group; 0: no intervals.
    seed : int
        Seed of the draws.

    Returns
    -------
    pandas.DataFrame
        A result table of `MEASURES`; `low` and `high` span 95 % of the draws, :math:`N_i \sim \mathrm{Poisson}(P_i)`
        with the same persons before and after: what did not change has no part in the interval.  Cells with an unknown
        count add nothing.
    """
    _check(before, after, least_min)
    town, rows = after.town, []
    for g, group in enumerate(town.groups):
        persons = town.counts[:, g]
        value = _values(before, after, group, least_min)
        estimate = persons @ value
        moved = np.flatnonzero((value != 0).any(axis=1))
        low = high = np.full(len(MEASURES), np.nan)
        if draws > 0:
            drawn = drawn_sums(
                town.times.cell_id[moved], persons[moved], value[moved], key=key_of(group), seed=seed, draws=draws
            )
            low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        about = {"mode": town.times.mode, "least_min": least_min, "draws": draws, "seed": seed}
        rows += [
            {"zone": "all", "topic": "access", "index": f"onestop:{name}", "groups": group,
             "estimate": float(estimate[m]), "low": float(low[m]), "high": float(high[m]),
             "persons": float(persons.sum()), "cells": len(moved), "parameters": parameters(**about)}
            for m, name in enumerate(MEASURES)
        ]  # fmt: skip
    return result_table(rows)


def _values(before: Evaluation, after: Evaluation, group: str, least_min: float) -> Floats:
    """What each person adds to each of `MEASURES`, shape (cell, 4)."""
    change, gains, loses = _changes(before, after, group, least_min)
    near = after.near(group).astype(np.float64) - before.near(group)
    return np.column_stack([change / 60.0, gains.astype(np.float64), loses.astype(np.float64), near])


def _changes(before: Evaluation, after: Evaluation, group: str, least_min: float) -> tuple[Floats, Bools, Bools]:
    change = after.year_min(group) - before.year_min(group)
    large = np.abs(change) >= least_min
    return change, (change < 0) & large, (change > 0) & large


def _check(before: Evaluation, after: Evaluation, least_min: float) -> None:
    a, b = before.town, after.town
    if not np.array_equal(a.times.cell_id, b.times.cell_id) or a.groups != b.groups or a.bundle != b.bundle:
        raise SchemaError("the two evaluations are of other cells, groups or bundles: they cannot be compared.")
    if not least_min >= 0:
        raise SchemaError(f"least_min = {least_min}: minutes that count are at least 0.")
