"""One-stop access by group: persons, not cells, and modes of travel by who has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import ids_of, is_missing, status_of, values_of
from civigrid.errors import SchemaError, unknown_name
from civigrid.layers.onestop.access import OneStop, variables_of
from civigrid.result_table import parameters, result_table
from civigrid.types import Bools, Floats

GAIN_MIN = 60.0
"""Minutes per person and year from which a saving counts as a gain, unless another bound is given."""
_NOT_ONE_WAY = ("minutes_saved_year", "minutes_referred", "minutes_per_need")


def people_of(cells: xr.Dataset, group: str) -> Floats:
    """Persons of a group in each cell, shape (cell,); 0 where their number is not known, as in every table."""
    known = ~is_missing(status_of(cells, group))
    return np.where(known, np.nan_to_num(values_of(cells, group)), 0.0)


def one_stop_table(
    cells: xr.Dataset, found: Mapping[str, OneStop], groups: Sequence[str], *, total: str, gain_min: float = GAIN_MIN
) -> pd.DataFrame:
    r"""Give the access of each group to the bundle of a persona, over all modes of travel.

    Parameters
    ----------
    cells : xarray.Dataset
        Residents by group.
    found : mapping of str to OneStop
        By mode of travel, for one persona; together the modes must be those it has.
    groups : sequence of str
        Counts of the groups; the total is always there.
    total : str
        Count of residents.
    gain_min : float
        Minutes saved per person and year from which someone gains.

    Returns
    -------
    pandas.DataFrame
        A result table, each row over persons times the share that has a mode (:math:`\sum_m s_m A_i^m`: who is near is
        counted by mode; times of different modes are never averaged for one person).  For each variable of
        `variables_of`: ``mean:`` over the persons it is defined for, ``p90:`` what a tenth of them exceed, ``ratio:``
        that mean by the mean of all residents, ``unreachable:`` the persons it is not defined for.  For minutes one
        way, and half of round trips: ``beyond:`` and ``share_beyond:`` the threshold, or unreachable.
        ``share_on_one:operators_<kind>``: share with one independent operator or none.  ``hours_saved`` per person and
        year; ``minutes_saved`` of all persons; ``persons_gaining`` and ``persons_losing`` at least `gain_min`.

    Raises
    ------
    SchemaError
        The results are of several personas, or start from other cells.
    UnknownNameError
        A mode of the persona is not among the results, or the other way round.
    """
    persona = _persona(cells, found)
    values = {mode: {n: v for n, v, _, _ in variables_of(one)} for mode, one in found.items()}
    share = np.array([persona.modes[mode] for mode in found])
    about = {
        "persona": persona.name,
        "bundle": "|".join(persona.bundle.kinds),
        "threshold_min": persona.bundle.threshold_min,
        "modes": "|".join(f"{mode} {persona.modes[mode]:g}" for mode in found),
        "hours": all(one.options.hours for one in found.values()),
    }
    rows: list[dict[str, Any]] = []
    means: dict[str, float] = {}
    for group in (total, *[g for g in groups if g != total]):
        here = people_of(cells, group)
        persons = np.concatenate([here * s for s in share])
        common = {"zone": "all", "topic": "access", "groups": group, "cells": int((here > 0).sum()),
                  "parameters": parameters(**about)}  # fmt: skip
        for name in next(iter(values.values())):
            column = np.concatenate([values[mode][name] for mode in found])
            numbers = list(_rows(name, column, persons, persona.bundle.threshold_min, gain_min))
            mean = means.setdefault(name, numbers[0][1])
            numbers.append((f"ratio:{name}", numbers[0][1] / mean if mean else np.nan, numbers[0][2]))
            rows += [{**common, "index": i, "estimate": value, "persons": weight} for i, value, weight in numbers]
    return result_table(rows)


def _persona(cells: xr.Dataset, found: Mapping[str, OneStop]) -> Any:
    personas = {one.persona.name: one.persona for one in found.values()}
    if len(personas) != 1:
        raise SchemaError(f"a table is of one persona, got {', '.join(sorted(personas)) or 'none'}.")
    persona = next(iter(personas.values()))
    needed = {mode for mode, share in persona.modes.items() if share > 0}
    for mode in sorted(needed ^ set(found)):
        raise unknown_name(
            "mode of travel" if mode in found else "mode of the results", mode, sorted(needed & set(found))
        )
    for one in found.values():
        if not np.array_equal(ids_of(cells), one.times.cell_id):
            raise SchemaError("these travel times do not start from these cells. Compute them for the cells at hand.")
    return persona


def _rows(
    name: str, column: Floats, persons: Floats, threshold_min: float, gain_min: float
) -> Iterator[tuple[str, float, float]]:
    known = ~np.isnan(column)
    everyone = float(persons.sum())
    there = float(persons[known].sum())
    yield f"mean:{name}", _mean(column, persons, known), there
    yield f"p90:{name}", upper_quantile(column[known], persons[known], 0.9), there
    yield f"unreachable:{name}", float(persons[~known].sum()), everyone
    if name.startswith(("minutes_", "round_")) and name not in _NOT_ONE_WAY:
        way = column / 2 if name.startswith("round_") else column
        beyond = float(persons[~(way <= threshold_min)].sum())
        yield f"beyond:{name}", beyond, everyone
        yield f"share_beyond:{name}", beyond / everyone if everyone > 0 else np.nan, everyone
    if name.startswith("operators_"):
        yield f"share_on_one:{name}", float(persons[column <= 1].sum()) / everyone if everyone > 0 else np.nan, everyone
    if name == "minutes_saved_year":
        yield "hours_saved", _mean(column, persons, known) / 60.0, there
        yield "minutes_saved", float(persons[known] @ column[known]), there
        yield "persons_gaining", float(persons[known & (column >= gain_min)].sum()), everyone
        yield "persons_losing", float(persons[known & (column <= -gain_min)].sum()), everyone


def upper_quantile(values: Floats, persons: Floats, share: float) -> float:
    """Give the smallest value that this share of the persons does not exceed; NaN for nobody.

    >>> upper_quantile(np.array([10.0, 30.0, 20.0]), np.array([5.0, 1.0, 4.0]), 0.9)
    20.0
    """
    order = np.argsort(values, kind="stable")
    below = np.cumsum(persons[order])
    if not len(below) or below[-1] <= 0:
        return np.nan
    # rounding in the sum must not push the border one value up
    return float(values[order][np.searchsorted(below, share * below[-1] * (1 - 1e-12))])


def _mean(column: Floats, persons: Floats, known: Bools) -> float:
    there = float(persons[known].sum())
    return float(persons[known] @ column[known]) / there if there > 0 else np.nan
