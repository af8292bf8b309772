"""Values of coarser cells, honest by kind: counts add up, rates average by their weight, other things are not carried.

The one rule of far views in maps, tiles and rasters.  Only released values go in, and a parent with a hidden part is
the sum of the others and says that it is partial: a parent less its shown children is 0, whatever was hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from civigrid.cells import column_of, is_missing, status_of, values_of
from civigrid.grid import Grid
from civigrid.kernels.aggregate import Pairs, sum_with_status
from civigrid.types import Floats, Ids, Ints, Status, Statuses

How = Literal["sum", "mean", "most", "none"]
"""What stands on a parent: the sum; the mean by weight; the code of most people; nothing."""
_LIGHT = 1e-6
"""Weight of a cell without people where codes are counted: less than that of any person."""

Arrays = Mapping[str, Floats | Statuses]


class Rule(NamedTuple):
    """What becomes of a variable on parents, and by which weight; without one, codes count cells."""

    how: How
    weight: str | None = None

    @property
    def words(self) -> str:
        """Say in words how parents come by it.

        >>> Rule("mean", "population").words
        'mean weighted by population'
        """
        most = f"code of most of {self.weight}" if self.weight else "code of most cells"
        return {"sum": "sum", "mean": f"mean weighted by {self.weight}", "most": most, "none": "not carried"}[self.how]


class Values(NamedTuple):
    """Values and statuses of one variable, shape (cell,)."""

    values: Floats
    status: Statuses


def rule_of(cells: xr.Dataset, name: str, *, coded: bool = False) -> Rule:
    """Say what becomes of a variable on parents.

    Parameters
    ----------
    cells : xarray.Dataset
        The finest cells.
    name : str
        A measured variable.
    coded : bool
        Whether its values are codes of words (`civigrid.style.classes.words_of_codes`).

    Returns
    -------
    Rule
        A rate is averaged by its weight, which must be among the cells.  One without, as an index that compares shares
        of a whole city, is on no parent, and neither is the bound of a rate.
    """
    column = column_of(cells[name])
    if column.kind == "extensive":
        return Rule("sum")
    weight = column.weight if column.weight is not None and column.weight in cells else None
    if column.companion_of is not None:
        return Rule("none")
    if coded:
        return Rule("most", weight)
    return Rule("none") if weight is None else Rule("mean", weight)


def parents(grid: Grid, ids: Ids, coarser: Grid) -> tuple[Ids, Ints]:
    """Parents of cells, sorted, and the place of each cell's parent among them.

    >>> from civigrid.grid import H3Grid
    >>> found, row = parents(H3Grid(8), np.array([613036919474880511, 613036919476977663], dtype=np.uint64), H3Grid(0))
    >>> len(found), row.tolist()
    (1, [0, 0])
    """
    return grouped(grid.parent(ids, coarser).astype(np.uint64))


def grouped(keys: Ids) -> tuple[Ids, Ints]:
    """Sorted distinct keys, and the place of each key among them.

    >>> [part.tolist() for part in grouped(np.array([7, 7, 3, 7], dtype=np.uint64))]
    [[3, 7], [1, 1, 0, 1]]
    """
    if not len(keys):
        return keys, np.zeros(0, dtype=np.int64)
    # neighbours often share a parent: their runs are sorted instead of the cells
    first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    found, place = np.unique(keys[first], return_inverse=True)
    return found, np.repeat(place.astype(np.int64), np.diff(np.append(first, len(keys))))


def inputs(cells: xr.Dataset, rules: Mapping[str, Rule]) -> dict[str, Floats | Statuses]:
    """Arrays that overviews are made of: values, statuses, and weights, by name."""
    found: dict[str, Floats | Statuses] = {}
    for name in dict.fromkeys([*rules, *(r.weight for r in rules.values() if r.weight is not None)]):
        found[f"value:{name}"] = values_of(cells, name).astype(np.float64, copy=False)
        found[f"status:{name}"] = status_of(cells, name).astype(np.uint8, copy=False)
    return found


def overview(arrays: Arrays, name: str, rule: Rule, pairs: Pairs) -> Values:
    """Give one variable of the parents.

    Parameters
    ----------
    arrays : mapping
        As `inputs` gives them.
    name : str
        The variable.
    rule : Rule
        What becomes of it.
    pairs : Pairs
        The place of each cell's parent.

    Returns
    -------
    Values
        NaN where nothing is known, with the reason; ``PARTIAL`` where some parts are missing.

    Examples
    --------
    >>> arrays = {"value:n": np.array([2.0, np.nan]), "status:n": np.array([0, 7], dtype=np.uint8)}
    >>> overview(arrays, "n", Rule("sum"), Pairs(np.array([0, 0]), 1))
    Values(values=array([2.]), status=array([8], dtype=uint8))
    """
    value, status = _of(arrays, name)
    if rule.how == "none":
        return Values(np.full(pairs.n, np.nan), np.zeros(pairs.n, dtype=np.uint8))
    if rule.how == "sum":
        found = sum_with_status(pairs, value, status)
        return Values(np.where(is_missing(found.status), np.nan, found.total), found.status)
    if rule.how == "most":
        return _most(value, status, None if rule.weight is None else _of(arrays, rule.weight).values, pairs)
    return _mean(value, status, _of(arrays, str(rule.weight)), pairs)


def _of(arrays: Arrays, name: str) -> Values:
    values, status = arrays[f"value:{name}"], arrays[f"status:{name}"]
    return Values(values.astype(np.float64, copy=False), status.astype(np.uint8, copy=False))


def _mean(value: Floats, status: Statuses, by: Values, pairs: Pairs) -> Values:
    counts = np.isfinite(value) & (by.values > 0)
    part = np.where(counts, by.values, 0.0)
    found = sum_with_status(pairs, np.where(counts, value * part, 0.0), _rate_status(value, status, by))
    mass = pairs.add(part)
    middle = np.divide(found.total, mass, out=np.full(pairs.n, np.nan), where=mass > 0)
    # over nobody a rate is not withheld, but undefined
    return _told(middle, np.where((mass > 0) | is_missing(found.status), found.status, Status.OK).astype(np.uint8))


def _rate_status(value: Floats, status: Statuses, by: Values) -> Statuses:
    """Status of a rate as a part of a mean: one whose weight is missing is missing, one over nobody is no part."""
    weight = by.values
    lacks = np.isnan(value) & ~is_missing(status)
    found = np.where(lacks & (weight > 0), Status.UNAVAILABLE, status)
    found = np.where(np.isnan(weight) & ~is_missing(found.astype(np.uint8)), by.status, found)
    unknown = np.isnan(weight) & ~is_missing(found.astype(np.uint8))
    found = np.where(unknown, Status.UNAVAILABLE, found)
    return np.where(weight == 0, Status.STRUCTURAL_ZERO, found).astype(np.uint8)


def _most(value: Floats, status: Statuses, weight: Floats | None, pairs: Pairs) -> Values:
    """Code of each parent in which most of its weight lies; of equals the lowest; among nobody that of most cells."""
    mass_of = np.ones(len(value)) if weight is None else np.nan_to_num(weight) + _LIGHT
    best, most = np.full(pairs.n, np.nan), np.zeros(pairs.n)
    for code in np.unique(value[np.isfinite(value)]):
        mass = pairs.add(np.where(value == code, mass_of, 0.0))
        best, most = np.where(mass > most, code, best), np.maximum(mass, most)
    return _told(best, sum_with_status(pairs, value, status).status)


def _told(middle: Floats, status: Statuses) -> Values:
    """Nothing where all parts are missing; no zero said of a value that is none."""
    zero = (status == Status.OBSERVED_ZERO) & (middle != 0)
    return Values(np.where(is_missing(status), np.nan, middle), np.where(zero, Status.OK, status).astype(np.uint8))
