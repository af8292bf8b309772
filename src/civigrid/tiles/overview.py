"""Values of parents, honest by kind: counts add up, rates average by their weight, other things are not carried.

Only released values go in, and a parent with a hidden part is the sum of the others and says that it is partial: a
parent less its shown children is 0, whatever was hidden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from civigrid.cells import column_of, grid_of, ids_of, is_missing, status_of, values_of
from civigrid.errors import SchemaError
from civigrid.grid import Grid
from civigrid.kernels.aggregate import Pairs, sum_with_status
from civigrid.style.classes import words_of_codes
from civigrid.types import Column, Floats, Ids, Ints, Status, Statuses

How = Literal["sum", "mean", "most", "none"]
"""What stands on a parent: the sum; the mean by weight; the code of most people; nothing."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """A variable of the tiles.

    Parameters
    ----------
    name : str
        Its name.
    column : Column
        What it means.
    how : {"sum", "mean", "most", "none"}
        What becomes of it on parents.
    whole : bool
        Whether it is written as whole numbers.
    decimals : int
        Digits behind the point that are kept of one that is not.
    """

    name: str
    column: Column
    how: How
    whole: bool
    decimals: int

    @property
    def words(self) -> str:
        """Say in words how parents come by it."""
        return {
            "sum": "sum",
            "mean": f"mean weighted by {self.column.weight}",
            "most": f"code of most of {self.column.weight}",
            "none": "not carried",
        }[self.how]


class Values(NamedTuple):
    """Values and statuses of one variable, shape (cell,)."""

    values: Floats
    status: Statuses


def carried(cells: xr.Dataset, names: Sequence[str]) -> tuple[Carried, ...]:
    """Say how each variable is written and what becomes of it on parents.

    A rate is averaged by its weight, which must be among the cells; one without, as an index that compares shares of
    the whole city, is on no parent, and neither is the bound of a rate.
    """
    if absent := [n for n in names if cells.get(n) is None or "units" not in cells[n].attrs]:
        raise SchemaError(f"no measured variable {', '.join(absent)} on these cells.")
    return tuple(_carried(cells, name) for name in names)


def _carried(cells: xr.Dataset, name: str) -> Carried:
    column, values = column_of(cells[name]), values_of(cells, name)
    known = values[np.isfinite(values)]
    coded = words_of_codes(name, column.words) is not None
    how: How = "sum"
    if column.kind == "intensive":
        averaged = column.weight is not None and column.weight in cells and column.companion_of is None
        how = ("most" if coded else "mean") if averaged else "none"
    may_be_whole = column.kind == "extensive" or coded
    whole = may_be_whole and len(known) == np.isfinite(values).sum() and bool(np.all(known == np.rint(known)))
    whole = whole and not np.isinf(values).any() and bool(np.all(np.abs(known) < 2.0**53))
    most = float(np.abs(known).max()) if len(known) else 0.0
    decimals = int(np.clip(4 - np.ceil(np.log10(most)), 0, 12)) if most > 0 else 4
    if column.kind == "extensive":
        decimals = max(decimals, 2)
    return Carried(name=name, column=column, how=how, whole=whole, decimals=decimals)


def parents(cells: xr.Dataset, coarser: Grid) -> tuple[Ids, Ints]:
    """Parents of cells, sorted, and the place of each cell's parent among them."""
    grid = grid_of(cells)
    found, row = np.unique(grid.parent(ids_of(cells), coarser), return_inverse=True)
    return found.astype(np.uint64), row.astype(np.int64)


def inputs(cells: xr.Dataset, variables: Sequence[Carried]) -> dict[str, Floats | Statuses]:
    """Arrays that overviews are made of: values, statuses, and weights, by name."""
    found: dict[str, Floats | Statuses] = {}
    for of in variables:
        for name in (of.name, of.column.weight if of.how in ("mean", "most") else None):
            if name is not None:
                found[f"value:{name}"], found[f"status:{name}"] = values_of(cells, name), status_of(cells, name)
    return found


def overview(arrays: Mapping[str, Floats | Statuses], of: Carried, pairs: Pairs) -> Values:
    """Give one variable of the parents.

    Parameters
    ----------
    arrays : mapping
        As `inputs` gives them.
    of : Carried
        The variable.
    pairs : Pairs
        The place of each cell's parent.

    Returns
    -------
    Values
        NaN where nothing is known, with the reason; ``PARTIAL`` where some parts are missing.

    Examples
    --------
    >>> of = Carried(name="n", column=Column(), how="sum", whole=True, decimals=0)
    >>> arrays = {"value:n": np.array([2.0, np.nan]), "status:n": np.array([0, 7], dtype=np.uint8)}
    >>> overview(arrays, of, Pairs(np.array([0, 0]), 1))
    Values(values=array([2.]), status=array([8], dtype=uint8))
    """
    value, status = _of(arrays, of.name)
    if of.how == "none":
        return Values(np.full(pairs.n, np.nan), np.zeros(pairs.n, dtype=np.uint8))
    if of.how == "sum":
        found = sum_with_status(pairs, value, status)
        return Values(np.where(is_missing(found.status), np.nan, found.total), found.status)
    weight, of_weight = _of(arrays, str(of.column.weight))
    status = _rate_status(value, status, weight, of_weight)
    counts = np.isfinite(value) & (weight > 0)
    part = np.where(counts, weight, 0.0)
    found = sum_with_status(pairs, np.where(counts, value * part, 0.0), status)
    mass = pairs.add(part)
    if of.how == "most":
        middle = _most(value, part, pairs)
    else:
        middle = np.divide(found.total, mass, out=np.full(pairs.n, np.nan), where=mass > 0)
    # over nobody a rate is not withheld, but undefined
    told = np.where((mass > 0) | is_missing(found.status), found.status, Status.OK).astype(np.uint8)
    zero = (told == Status.OBSERVED_ZERO) & (middle != 0)
    return Values(np.where(is_missing(told), np.nan, middle), np.where(zero, Status.OK, told).astype(np.uint8))


def _of(arrays: Mapping[str, Floats | Statuses], name: str) -> Values:
    """Values and statuses of one name."""
    values, status = arrays[f"value:{name}"], arrays[f"status:{name}"]
    return Values(values.astype(np.float64, copy=False), status.astype(np.uint8, copy=False))


def _rate_status(value: Floats, status: Statuses, weight: Floats, of_weight: Statuses) -> Statuses:
    """Status of a rate as a part of a mean: one whose weight is missing is missing, one over nobody is no part."""
    lacks = np.isnan(value) & ~is_missing(status)
    found = np.where(lacks & (weight > 0), Status.UNAVAILABLE, status)
    found = np.where(np.isnan(weight) & ~is_missing(found.astype(np.uint8)), of_weight, found)
    unknown = np.isnan(weight) & ~is_missing(found.astype(np.uint8))
    found = np.where(unknown, Status.UNAVAILABLE, found)
    return np.where(weight == 0, Status.STRUCTURAL_ZERO, found).astype(np.uint8)


def _most(value: Floats, weight: Floats, pairs: Pairs) -> Floats:
    """Code of each parent in which most of its weight lies; of equals the lowest."""
    best, most = np.full(pairs.n, np.nan), np.zeros(pairs.n)
    for code in np.unique(value[np.isfinite(value) & (weight > 0)]):
        mass = pairs.add(np.where(value == code, weight, 0.0))
        best, most = np.where(mass > most, code, best), np.maximum(mass, most)
    return best
