"""How much of a sum is not known: its missing parts, what it is at most, the noise in it.

One piece of code for every way to aggregate: finer cells to coarser ones, units to cells, cells to zones.  Beside a
count *v* it makes the companions

- ``v_confidential_parts``, ``v_missing_parts``: how many parts have no value.  A part that lies in several cells
  counts in each by its share there, so that these numbers add up over any chain of steps, as counts do;
- ``v_high``: what *v* is at most.  A missing part is at most the total it is a part of (infinite where that is not
  known either); *v* itself is the sum of what is known and so a lower bound;
- ``v_noise_variance``: variance of the publisher's noise in *v*.  It adds up over independent counts; a share *s* of a
  count has :math:`s^2` of its variance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import xarray as xr

from civigrid.cells import column_of, declared_noise, is_missing, measured, status_of, values_of
from civigrid.kernels.aggregate import Pairs
from civigrid.source import Source
from civigrid.types import Column, Floats, Status, Statuses

CONFIDENTIAL, MISSING_PARTS, HIGH, NOISE = "confidential_parts", "missing_parts", "high", "noise_variance"


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of a source or of cells: what aggregation reads."""

    columns: Mapping[str, Column]
    values: Callable[[str], Floats]
    status: Callable[[str], Statuses]

    def companion(self, name: str, what: str) -> Floats | None:
        """Values of a companion of `name`, None where there is none."""
        key = f"{name}_{what}"
        held = key in self.columns and self.columns[key].companion_of == name
        return self.values(key) if held else None


def table_of_cells(cells: xr.Dataset) -> Table:
    """Read cells as a table."""
    columns = {n: column_of(cells[n]) for n in measured(cells)}
    return Table(columns, lambda n: values_of(cells, n), lambda n: status_of(cells, n))


def table_of_source(source: Source) -> Table:
    """Read a source as a table; a value whose status says missing is NaN."""
    none = np.zeros(len(source.table), dtype=np.uint8)

    def values(name: str) -> Floats:
        given = source.table[name].to_numpy(dtype=np.float64)
        return np.where(is_missing(status(name)), np.nan, given)

    def status(name: str) -> Statuses:
        codes = source.status.get(name)
        if codes is not None:
            return codes
        gone = source.table[name].isna().to_numpy()
        return np.where(gone, Status.UNAVAILABLE, none).astype(np.uint8) if gone.any() else none

    return Table(source.columns, values, status)


def is_companion(name: str, columns: Mapping[str, Column]) -> bool:
    """Whether a column is a companion that aggregation makes itself."""
    of = columns[name].companion_of
    return of in columns and name in {f"{of}_{what}" for what in (CONFIDENTIAL, MISSING_PARTS, HIGH, NOISE)}


def companions_of(name: str, columns: Mapping[str, Column]) -> list[str]:
    """Names of the companions of a column."""
    return [n for n in columns if columns[n].companion_of == name and is_companion(n, columns)]


class Parts(NamedTuple):
    """What is not known of each part, shape (part,): `extra` is how much more than its value it may be."""

    confidential: Floats
    missing: Floats
    extra: Floats


def parts_of(name: str, table: Table) -> Parts:
    """What is not known of the parts of `name`, as their own companions tell or else their statuses."""
    value, codes = table.values(name), table.status(name)
    gone = is_missing(codes)
    known = np.where(gone, 0.0, value)
    confidential = _told(table, name, CONFIDENTIAL, (codes == Status.CONFIDENTIAL).astype(np.float64))
    missing = _told(table, name, MISSING_PARTS, gone.astype(np.float64))
    most = np.where(gone | (codes == Status.PARTIAL), _most(name, table), known)
    high = _told(table, name, HIGH, most)
    return Parts(confidential, missing, np.maximum(high - known, 0.0))


def _told(table: Table, name: str, what: str, otherwise: Floats) -> Floats:
    told = table.companion(name, what)
    return otherwise if told is None else np.where(np.isnan(told), otherwise, told)


def _most(name: str, table: Table) -> Floats:
    """What a part without a value is at most: the total it is a part of."""
    total = table.columns[name].part_of
    if total is None or total not in table.columns:
        return np.full(len(table.status(name)), np.inf)
    whole, codes = table.values(total), table.status(total)
    whole = np.where(is_missing(codes) | (codes == Status.PARTIAL), np.inf, whole)
    return _told(table, total, HIGH, whole)


def noise_of(name: str, table: Table) -> Floats | None:
    """Variance of the publisher's noise in the known value of each part; None where nobody declared one."""
    told = table.companion(name, NOISE)
    if told is not None:
        return np.nan_to_num(told)
    declared = table.columns[name].noise_variance
    if declared is None:
        return None
    return declared_noise(declared, table.status(name))


def companions(
    name: str, table: Table, pairs: Pairs, total: Floats, *, bounds: bool, whole: bool = False
) -> dict[str, tuple[Floats, Column]]:
    """Companions of an aggregated count, each with what it means.

    Parameters
    ----------
    name : str
        The count.
    table : Table
        Its parts.
    pairs : Pairs
        Which part adds to which sum.
    total : ndarray of float64, shape (n,)
        The sums of what is known.
    bounds : bool
        Make numbers of missing parts and bounds where something is missing.  What the parts carry already is carried
        on in any case.
    whole : bool
        Whether whole persons were placed: a bound is then rounded up.
    """
    about = table.columns[name]
    if about.kind != "extensive" or about.companion_of is not None:
        return {}
    words = about.long_name or name
    base = replace(about, part_of=None, companion_of=name, noise_variance=None, reconciled=None)
    made: dict[str, tuple[Floats, Column]] = {}
    carried = any(table.companion(name, what) is not None for what in (CONFIDENTIAL, MISSING_PARTS, HIGH))
    codes = table.status(name) if bounds else np.empty(0, dtype=np.uint8)
    if carried or (is_missing(codes) | (codes == Status.PARTIAL)).any():
        parts = parts_of(name, table)
        number = replace(base, units="parts")
        made[f"{name}_{CONFIDENTIAL}"] = (
            pairs.add(parts.confidential), replace(number, long_name=f"Confidential parts of: {words}"),
        )  # fmt: skip
        made[f"{name}_{MISSING_PARTS}"] = (
            pairs.add(parts.missing), replace(number, long_name=f"Missing parts of: {words}"),
        )  # fmt: skip
        high = total + (_whole_extra(pairs, parts.extra) if whole else pairs.add(parts.extra))
        made[f"{name}_{HIGH}"] = high, replace(base, long_name=f"At most: {words}")
    noise = noise_of(name, table)
    if noise is not None:
        column = replace(base, units=f"{about.units}2", long_name=f"Variance of the publisher's noise in: {words}")
        made[f"{name}_{NOISE}"] = pairs.add(noise, squared=True), column
    return made


def _whole_extra(pairs: Pairs, extra: Floats) -> Floats:
    """What whole persons may add: of each missing part, its share rounded up."""
    if pairs.share is None or pairs.part is None:
        return pairs.add(extra)
    held = pairs.share > 0
    each = np.ceil(pairs.share[held] * extra[pairs.part[held]])
    return Pairs(pairs.target[held], pairs.n).add(each)


def without_noise(column: Column) -> Column:
    """Column whose variance of noise stands in a companion, cell by cell."""
    return column if column.noise_variance is None else replace(column, noise_variance=None)


def rate_status(name: str, table: Table) -> Statuses:
    """Status of each rate as a part of a mean: one whose weight is missing cannot be averaged, and is missing too."""
    codes, weight = table.status(name), table.columns[name].weight
    if weight is None or weight not in table.columns:
        return codes
    of_weight = table.status(weight)
    unweighted = is_missing(of_weight) & ~is_missing(codes)
    return np.where(unweighted, of_weight, codes) if unweighted.any() else codes


def zero_or_not(status: Statuses, value: Floats) -> Statuses:
    """Statuses of means: what is known in full is ``OBSERVED_ZERO`` where it is 0, else ``OK``."""
    full = (status == Status.OK) | (status == Status.OBSERVED_ZERO)
    return np.where(full, np.where(value == 0, Status.OBSERVED_ZERO, Status.OK), status).astype(np.uint8)
