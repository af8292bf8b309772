"""Disclosure profiles: what may be shown of cells, tables and sites."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import check_cells, is_missing, measured, status_attrs, status_of, values_of
from civigrid.errors import SchemaError
from civigrid.release.gate import _KEY, Release
from civigrid.release.suppress import hidden_counts, rate_hidden
from civigrid.source import Licence
from civigrid.types import COMPUTED, Bools, Status

T = TypeVar("T")


@dataclass(frozen=True)
class Profile:
    """A disclosure profile.

    Parameters
    ----------
    name : str
        As in a run file.
    threshold : int
        Counts of persons from 1 to below this are suppressed; 0: nothing is.
    """

    name: str
    threshold: int = 0

    def __str__(self) -> str:
        return f"{self.name}({self.threshold})" if self.threshold else self.name


def public_grid() -> Profile:
    """Nothing is added: for input that its publisher has already protected.  Statuses stay as they are."""
    return Profile("public-grid")


def min_count(threshold: int = 10) -> Profile:
    """Suppress counts of persons from 1 to below `threshold`, what they could be computed from, and rates on them.

    Raises
    ------
    SchemaError
        A threshold below 3 protects no one: of two, each knows the other.
    """
    if threshold < 3:
        raise SchemaError(f"threshold must be 3 or more, got {threshold}.")
    return Profile("min-count", threshold)


PROFILES: dict[str, Callable[..., Profile]] = {"public-grid": public_grid, "min-count": min_count}
"""Profiles by their name in a run file."""


def release(data: T, profile: Profile, *, terms: Sequence[Licence] = ()) -> Release[T]:
    """Pass data through a profile: the only way to make a `Release`.

    Parameters
    ----------
    data : xarray.Dataset, or pandas.DataFrame (a result table, or services with their places)
        What shall leave.
    profile : Profile
        The profile.
    terms : sequence of Licence
        Words that must stand beside the data.

    Returns
    -------
    Release
        A changed copy of `data`; `data` itself is untouched.

    Raises
    ------
    TypeError
        `data` is of no releasable kind.
    """
    actions: dict[str, Any] = {}
    out: Any = data
    if isinstance(data, xr.Dataset):
        out = check_cells(_protect_cells(data, profile.threshold, actions))
    elif isinstance(data, pd.DataFrame):
        out = _protect_table(data, profile.threshold, actions) if "estimate" in data else data.copy()
    else:
        raise TypeError(f"cannot release a {type(data).__name__}: give a cell dataset or a table.")
    return Release(out, str(profile), actions, tuple(terms), _KEY)


def _protect_cells(cells: xr.Dataset, threshold: int, actions: dict[str, Any]) -> xr.Dataset:
    """Hide small counts; then parts that the shown ones would give away; then rates on what is hidden."""
    if threshold == 0:
        return cells.copy()
    counts = [n for n in measured(cells) if _is_count(cells[n].attrs)]
    part_of = {n: str(cells[n].attrs["part_of"]) for n in counts if cells[n].attrs.get("part_of")}
    hidden = hidden_counts({n: values_of(cells, n) for n in counts}, part_of, threshold)
    rates = [n for n in measured(cells) if n not in hidden]
    hidden |= {n: np.zeros(cells.sizes["cell"], dtype=bool) for n in rates}
    # a rate may rest on a rate that stands behind it: each round hides more, or is the last
    more = True
    while more:
        more = False
        for name in rates:
            more |= _hide_more(hidden, name, _rate_hidden(cells, name, hidden, threshold))
    changed = cells.copy()
    for name, rows in hidden.items():
        if not rows.any():
            continue
        status = np.where(rows, Status.SUPPRESSED, status_of(cells, name)).astype(np.uint8)
        changed[name] = ("cell", np.where(rows, np.nan, values_of(cells, name)), dict(cells[name].attrs))
        changed[name].attrs["ancillary_variables"] = f"{name}_status"
        changed[f"{name}_status"] = ("cell", status, status_attrs())
        actions[name] = int(rows.sum())
    return changed


def _hide_more(hidden: dict[str, Bools], name: str, rows: Bools) -> bool:
    """Hide rows of a variable; tell whether they were not hidden yet."""
    more = bool((rows & ~hidden[name]).any())
    hidden[name] = hidden[name] | rows
    return more


def _is_count(attrs: Mapping[str, Any]) -> bool:
    """Whether a variable counts persons itself; a difference or a bound of counts rests on them."""
    counted = attrs["kind"] == "extensive" and attrs["units"] == "persons"
    return counted and not (attrs.get("rests_on") or attrs.get("companion_of"))


def _rate_hidden(cells: xr.Dataset, name: str, hidden: Mapping[str, Bools], threshold: int) -> Bools:
    """Cells where a rate, a part of an index or a bound rests on hidden counts or on too few people."""
    rows = np.zeros(cells.sizes["cell"], dtype=bool)
    attrs = cells[name].attrs
    base = attrs.get("weight")
    # a way to a service is no share of the people who live there
    if base in cells and not attrs.get("of_place"):
        persons = values_of(cells, str(base))
        measured_rate = attrs.get("source") not in ("", *COMPUTED)
        rate = values_of(cells, name) if measured_rate else np.full(len(persons), np.nan)
        rows |= rate_hidden(rate, persons, threshold)
        rows |= hidden.get(str(base), np.zeros_like(rows))
    for count in filter(None, (attrs.get("rests_on") or "").split("|")):
        if count in hidden:
            rows |= hidden[count] | is_missing(status_of(cells, count))
    # the bound of a hidden count, or what it lacks, would tell it
    rows |= hidden.get(str(attrs.get("companion_of")), np.zeros_like(rows))
    return rows & ~np.isnan(values_of(cells, name))


COUNTED = (
    "beyond:", "unreachable:", "persons_gaining", "persons_losing", "shortfall", "onestop:gain", "onestop:lose",
    "onestop:near_change", "onestop:reach", "onestop:unserved", "onestop:fragility_unmet",
)  # fmt: skip
"""Indices that are persons themselves."""
SHARED = ("share_beyond:", "share_on_one:", "onestop:reach_share")
"""Indices that are shares of the persons of their row."""


def _protect_table(table: pd.DataFrame, threshold: int, actions: dict[str, Any]) -> pd.DataFrame:
    """Take the figures out of rows that rest on too few people, or are themselves too few; round access to persons.

    Of a count and of a share what they leave counts too.  Persons of rows of access are rounded to the threshold: the
    difference of two rows would be the few who reach nothing.
    """
    changed = table.copy()
    if threshold == 0 or not len(table):
        return changed
    names, persons = table["index"].astype(str), table["persons"]
    few = (persons < threshold) & (persons > 0)
    shared = names.str.startswith(SHARED)
    counted = names.str.startswith(COUNTED) & ~shared
    count = table["estimate"].abs().where(counted, table["estimate"] * persons)
    told = [count, (persons - count).where(~names.str.startswith("shortfall"))]
    for number in told:
        few |= (counted | shared) & (number >= 0.5) & (number < threshold)
    # hours that few gain or lose would tell of them
    key = table["groups"].astype(str) + table["parameters"].astype(str)
    hours = names == "onestop:person_hours_change"
    few |= hours & key.isin(key[few & names.isin(["onestop:gain", "onestop:lose"])])
    changed.loc[few, ["estimate", "expected", "corrected", "low", "high", "persons"]] = np.nan
    access = (table["topic"] == "access").to_numpy()
    changed.loc[access, "persons"] = (changed.loc[access, "persons"] / threshold).round() * threshold
    whole = access & counted.to_numpy()
    changed.loc[whole, "estimate"] = (changed.loc[whole, "estimate"] / threshold).round() * threshold
    if few.any():
        actions["rows"] = int(few.sum())
    return changed
