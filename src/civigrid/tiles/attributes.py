"""One level of the pyramid as arrays ready to be tiled: ids of cells, values, attributes as codes, classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from civigrid.cells import grid_of, ids_of, is_missing
from civigrid.engine.arrays import map_shared
from civigrid.engine.execute import Scheduler
from civigrid.grid import Grid
from civigrid.kernels.aggregate import Pairs
from civigrid.kernels.vector_tile import ABSENT, DOUBLE, SINT, UINT, WORD, double_codes, whole_codes
from civigrid.release.overviews import Values, inputs, overview, parents
from civigrid.style import Classes, classify
from civigrid.tiles.carried import Carried, rounded_values
from civigrid.tiles.levels import Level
from civigrid.types import Ids, Ints, Status, Statuses

WORDS = [s.name.lower() for s in Status]
SILENT = (Status.OK, Status.OBSERVED_ZERO)
"""Statuses that need no words."""
WHOLE = 2**31 - 1
"""Whole numbers up to it are what most programs mean by an integer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Attributes:
    """Attributes of the features of a level.

    Parameters
    ----------
    keys : tuple of str
        Their names.
    codes : ndarray of int64, shape (key, cell)
        As `civigrid.kernels.vector_tile.encode_tiles` takes them.
    kind : ndarray of uint8, shape (key,)
        How each is stored.
    large : tuple of bool
        Whether whole numbers go beyond `WHOLE`.
    """

    keys: tuple[str, ...]
    codes: Ints
    kind: Statuses
    large: tuple[bool, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class LevelTable:
    """The values of one level.

    Parameters
    ----------
    level : Level
        Which cells, and at which zooms.
    ids : ndarray of uint64, shape (cell,)
        Ids of the cells, sorted.
    values : dict
        Values and statuses by name; what is not carried is not there.
    classes : dict
        Classes by name.
    about : Attributes
        What the features bear.
    """

    level: Level
    ids: Ids
    values: dict[str, Values]
    classes: dict[str, Classes]
    about: Attributes


class _Coded(NamedTuple):
    """One attribute: name, codes, how it is stored, whether its whole numbers are large."""

    key: str
    codes: Ints
    kind: int
    large: bool


def level_tables(
    cells: xr.Dataset, levels: Sequence[Level], variables: Sequence[Carried], scheduler: Scheduler, *, bare: bool
) -> tuple[LevelTable, ...]:
    """Make the values of all levels, and classes for them: of counts each level has its own, of rates the finest's.

    Parameters
    ----------
    cells : xarray.Dataset
        Released cells.
    levels : sequence of Level
        Coarsest first.
    variables : sequence of Carried
        What is carried.
    scheduler : Scheduler
        Where parents are found, and variables rolled up.
    bare : bool
        Whether features bear no attributes.
    """
    grid, ids = grid_of(cells), ids_of(cells)
    coarser = [a.grid for a in levels if a.grid != grid]
    above = dict(zip(coarser, map_shared(_parents, {"ids": ids, "grid": grid}, coarser, scheduler), strict=True))
    arrays = inputs(cells, {of.name: of.rule for of in variables})
    tables = []
    for level in levels:
        found, row = above.get(level.grid, (ids, None))
        kept = [of for of in variables if row is None or of.rule.how != "none"]
        shared: dict[str, Any] = {"arrays": arrays, "n": len(found), "bare": bare}
        shared |= {} if row is None else {"row": row}
        made = map_shared(_variable, shared, kept, scheduler)
        tables.append(
            LevelTable(
                level=level,
                ids=found,
                values={of.name: values for of, (values, _, _) in zip(kept, made, strict=True)},
                classes={of.name: classes for of, (_, classes, _) in zip(kept, made, strict=True)},
                about=_attributes([one for *_, coded in made for one in coded], len(found)),
            )
        )
    return tuple(_with_classes_of(table, tables[-1], variables) for table in tables)


def _parents(shared: Mapping[str, Any], coarser: Grid) -> tuple[Ids, Ints]:
    return parents(shared["grid"], shared["ids"], coarser)


def _with_classes_of(table: LevelTable, finest: LevelTable, variables: Sequence[Carried]) -> LevelTable:
    """Give rates the classes of the finest cells: a mean is on the same scale."""
    averaged = [of.name for of in variables if of.rule.how in ("mean", "most")]
    return replace(table, classes=table.classes | {name: finest.classes[name] for name in averaged})


def _variable(shared: Mapping[str, Any], of: Carried) -> tuple[Values, Classes, list[_Coded]]:
    arrays = shared["arrays"]
    if "row" in shared:
        found = overview(arrays, of.name, of.rule, Pairs(shared["row"], shared["n"]))
    else:
        found = Values(arrays[f"value:{of.name}"], arrays[f"status:{of.name}"])
    return found, classify(found.values, of.column, name=of.name), [] if shared["bare"] else _coded(found, of)


def _coded(found: Values, of: Carried) -> list[_Coded]:
    """Turn values into codes; beside one with statuses worth telling stands ``NAME_status``, in words."""
    told = rounded_values(found.values, of)
    kind = (SINT if bool((told < 0).any()) else UINT) if of.whole else DOUBLE
    large = of.whole and bool((np.abs(told) > WHOLE).any())
    coded = [_Coded(of.name, whole_codes(told) if of.whole else double_codes(told), kind, large)]
    loud = ~np.isin(found.status, SILENT)
    if loud.any():
        coded.append(_Coded(f"{of.name}_status", np.where(loud, found.status.astype(np.int64), ABSENT), WORD, False))
    return coded


def _attributes(coded: Sequence[_Coded], n: int) -> Attributes:
    codes = np.stack([one.codes for one in coded]) if coded else np.empty((0, n), dtype=np.int64)
    return Attributes(
        keys=tuple(one.key for one in coded),
        codes=codes,
        kind=np.array([one.kind for one in coded], dtype=np.uint8),
        large=tuple(one.large for one in coded),
    )


def known_total(table: LevelTable, name: str) -> float:
    """Sum of what is known of a count."""
    values, status = table.values[name]
    return float(np.nansum(np.where(is_missing(status), np.nan, values)))
