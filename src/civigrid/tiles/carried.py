"""Variables of tiles: how each is written, and what becomes of it on parents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from civigrid.cells import column_of, values_of
from civigrid.errors import SchemaError
from civigrid.release.overviews import Rule, rule_of
from civigrid.style.classes import words_of_codes
from civigrid.types import Column, Floats


@dataclass(frozen=True, kw_only=True)
class Carried:
    """A variable of the tiles.

    Parameters
    ----------
    name : str
        Its name.
    column : Column
        What it means.
    rule : Rule
        What becomes of it on parents.
    whole : bool
        Whether it is written as whole numbers.
    decimals : int
        Digits behind the point that are kept of one that is not.
    """

    name: str
    column: Column
    rule: Rule
    whole: bool
    decimals: int


def carried(cells: xr.Dataset, names: Sequence[str]) -> tuple[Carried, ...]:
    """Say how each variable is written and what becomes of it on parents.

    Raises
    ------
    SchemaError
        No such measured variable.
    """
    if absent := [n for n in names if cells.get(n) is None or "units" not in cells[n].attrs]:
        raise SchemaError(f"no measured variable {', '.join(absent)} on these cells.")
    return tuple(_carried(cells, name) for name in dict.fromkeys(names))


def _carried(cells: xr.Dataset, name: str) -> Carried:
    column, values = column_of(cells[name]), values_of(cells, name)
    coded = words_of_codes(name, column.words) is not None
    known = values[np.isfinite(values)]
    most = float(np.abs(known).max()) if len(known) else 0.0
    may_be_whole = column.kind == "extensive" or coded
    whole = may_be_whole and most < 2.0**53 and bool(np.all(known == np.rint(known))) and not np.isinf(values).any()
    decimals = int(np.clip(4 - np.ceil(np.log10(most)), 0, 12)) if most > 0 else 4
    if column.kind == "extensive":
        decimals = max(decimals, 2)
    return Carried(name=name, column=column, rule=rule_of(cells, name, coded=coded), whole=whole, decimals=decimals)


def rounded_values(values: Floats, of: Carried) -> Floats:
    """Values as the tiles tell them: whole numbers exactly, others to four digits of the largest.

    >>> of = Carried(name="share", column=Column(kind="intensive"), rule=Rule("none"), whole=False, decimals=4)
    >>> rounded_values(np.array([1 / 3]), of)
    array([0.3333])
    """
    return values if of.whole else np.round(values, of.decimals)
