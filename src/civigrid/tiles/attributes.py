"""One level of the pyramid as arrays ready to be tiled: ids of features, attributes as codes, classes."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from civigrid.cells import grid_of, ids_of, is_missing
from civigrid.engine.arrays import map_shared
from civigrid.engine.execute import Scheduler
from civigrid.kernels.aggregate import Pairs
from civigrid.kernels.vector_tile import ABSENT, DOUBLE, SINT, UINT, WORD, double_codes, whole_codes
from civigrid.style import Classes, classify
from civigrid.tiles.levels import Level
from civigrid.tiles.overview import Carried, Values, inputs, overview, parents
from civigrid.types import Floats, Ids, Ints, Status, Statuses

WORDS = [s.name.lower() for s in Status]
SILENT = (Status.OK, Status.OBSERVED_ZERO)
"""Statuses that need no words."""


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
    """

    level: Level
    ids: Ids
    values: dict[str, Values]
    classes: dict[str, Classes]


def level_table(cells: xr.Dataset, level: Level, variables: Sequence[Carried], scheduler: Scheduler) -> LevelTable:
    """Make the values of one level, and classes for them: of counts each level has its own, of rates the finest's."""
    if level.grid == grid_of(cells):
        ids, row = ids_of(cells), None
    else:
        ids, row = parents(cells, level.grid)
    shared: dict[str, Any] = {"arrays": inputs(cells, variables)}
    if row is not None:
        shared["row"] = row
    kept = [of for of in variables if row is None or of.how != "none"]
    made = map_shared(functools.partial(_variable, len(ids)), shared, kept, scheduler)
    values = {of.name: found for of, (found, _) in zip(kept, made, strict=True)}
    return LevelTable(
        level=level, ids=ids, values=values, classes={of.name: c for of, (_, c) in zip(kept, made, strict=True)}
    )


def with_classes_of(table: LevelTable, finest: LevelTable, variables: Sequence[Carried]) -> LevelTable:
    """Give rates the classes of the finest cells: a mean is on the same scale."""
    same = {of.name: finest.classes[of.name] for of in variables if of.how in ("mean", "most")}
    return replace(table, classes={**table.classes, **same})


def _variable(n: int, shared: Mapping[str, Any], of: Carried) -> tuple[Values, Classes]:
    arrays = shared["arrays"]
    if "row" in shared:
        found = overview(arrays, of, Pairs(shared["row"], n))
    else:
        found = Values(arrays[f"value:{of.name}"], arrays[f"status:{of.name}"])
    return found, classify(found.values, of.column, name=of.name)


@dataclass(frozen=True, kw_only=True, eq=False)
class Attributes:
    """Attributes of the features of a level.

    Parameters
    ----------
    keys : tuple of str
        Their names.
    codes : ndarray of int64, shape (cell, key)
        As `civigrid.kernels.vector_tile.encode_tiles` takes them.
    kind : ndarray of uint8, shape (key,)
        How each is stored.
    """

    keys: tuple[str, ...]
    codes: Ints
    kind: Statuses


def attributes(table: LevelTable, variables: Sequence[Carried]) -> Attributes:
    """Turn values into codes; beside one with statuses worth telling stands ``NAME_status``, in words."""
    keys, codes, kinds = [], [], []
    for of in variables:
        if of.name not in table.values:
            continue
        value, status = table.values[of.name]
        rounded = rounded_values(value, of)
        keys.append(of.name)
        codes.append(whole_codes(rounded) if of.whole else double_codes(rounded))
        kinds.append((SINT if (rounded < 0).any() else UINT) if of.whole else DOUBLE)
        loud = ~np.isin(status, SILENT)
        if loud.any():
            keys.append(f"{of.name}_status")
            codes.append(np.where(loud, status.astype(np.int64), ABSENT))
            kinds.append(WORD)
    matrix = np.stack(codes, axis=1) if codes else np.empty((len(table.ids), 0), dtype=np.int64)
    return Attributes(keys=tuple(keys), codes=matrix, kind=np.array(kinds, dtype=np.uint8))


def rounded_values(values: Floats, of: Carried) -> Floats:
    """Values as the tiles tell them: whole numbers exactly, others to four digits of the largest.

    >>> from civigrid.types import Column
    >>> of = Carried(name="share", column=Column(kind="intensive"), how="none", whole=False, decimals=4)
    >>> rounded_values(np.array([1 / 3]), of)
    array([0.3333])
    """
    return values if of.whole else np.round(values, of.decimals)


def known_total(table: LevelTable, name: str) -> float:
    """Sum of what is known of a count."""
    values, status = table.values[name]
    return float(np.nansum(np.where(is_missing(status), np.nan, values)))
