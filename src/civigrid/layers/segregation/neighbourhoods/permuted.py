"""Whether an index is larger than chance makes it: people allocated at random, margins as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.engine import Scheduler
from civigrid.errors import SchemaError, unknown_name
from civigrid.kernels.convolution import Kernel
from civigrid.kernels.permutation import Tail, fixed_margins, p_value, whole_persons
from civigrid.kernels.zones import Zones, zones_of
from civigrid.layers.segregation.groups import group_counts, is_interpolated
from civigrid.layers.segregation.indices import Index, index_named, with_parameters
from civigrid.layers.segregation.measured import Target, of_target, targets
from civigrid.layers.segregation.neighbourhoods.by_kernel import Neighbourhood
from civigrid.layers.segregation.neighbourhoods.gather import Gather
from civigrid.result_table import parameters, result_table
from civigrid.types import Floats

_AT_ONCE = 32
"""Allocations gathered by one transform."""


TAILS: dict[str, Tail] = {"interaction": "less", "exposure": "two-sided"}
"""What is extreme: large values, but of interaction small ones, of exposure to another group either."""


class Tested(NamedTuple):
    """*p* of an index, and what was called extreme."""

    p: float
    tail: Tail


class Permutation(NamedTuple):
    """What random allocation says of an index.

    `drawn` holds its values under random allocation, shape (draw,), `expected` their mean; `p` is the chance of a
    value as extreme as the estimate; `table` is all this as a row of a result table, whose `low` and `high` hold 95 %
    of the drawn values.
    """

    estimate: float
    expected: float
    p: float
    drawn: Floats
    table: pd.DataFrame


def permutation_test(
    cells: xr.Dataset,
    groups: Sequence[str],
    neighbourhood: Neighbourhood | None,
    index: str,
    *,
    of: str = "",
    total: str = "",
    draws: int = 999,
    seed: int = 0,
    tail: Tail = "greater",
    rounded: bool = False,
    scheduler: Scheduler | None = None,
) -> Permutation:
    """Allocate people at random, again and again, and compare an index with what comes out.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset.
    groups : sequence of str
        Counts of at least two groups that share the people out among them.
    neighbourhood : Kernel, callable or None
        As of `spatial_table`; None: the cells themselves.
    index : str
        Name in `INDICES`.
    of : str
        Group the index is about, or ``a->b``; by default the first.
    total : str
        Published total, whose rest is one more group; empty: the sum of the groups is the total.
    draws : int
        How many allocations.
    seed : int
        Same seed, same draws.
    tail : {"greater", "less", "two-sided"}
        What is extreme.
    rounded : bool
        Round fractional counts to whole persons first: errors are carried on, so that groups keep their members and
        small cells do not vanish.  Without it fractional counts are refused.
    scheduler : Scheduler, optional
        Where to compute; no figure depends on it.

    Returns
    -------
    Permutation
        Estimate (of the counts that were permuted), expectation, *p* and the drawn values.

    Raises
    ------
    SchemaError
        Fractional or interpolated counts, fewer than two groups, no draws.

    Notes
    -----
    Fixed margins: Fisher's exact allocation, as of r x c tables (Patefield 1981, Appl. Stat. 30), here for kernels of
    any radius.  Two groups in a city of 10,000 cells take some milliseconds a draw.
    """
    if draws < 1:
        raise SchemaError(f"{draws} draws tell nothing: give at least 1, better 999.")
    some, counts, names, left_out = _people(cells, groups, total, rounded)
    declared = index_named(index)
    target = _target(declared, names, of)
    look, value = _looks(some, counts, neighbourhood, scheduler), _value(declared, target)
    estimate = value(next(look(iter([counts]))))
    allocations = fixed_margins(counts, draws, np.random.default_rng(seed))
    drawn = np.array([value(rows) for rows in look(allocations)])
    p = p_value(estimate, drawn, tail)
    about: dict[str, Any] = {"draws": draws, "seed": seed, "tail": tail, "p": p, "left_out_cells": left_out}
    if isinstance(neighbourhood, Kernel):
        about |= neighbourhood.about
    about |= {"rounded": rounded or None, "interval": "95 % of random allocations, margins fixed"}
    low, high = np.quantile(drawn, [0.025, 0.975])
    row = {
        "zone": "all",
        "topic": "segregation",
        "index": declared.name,
        "groups": target.groups,
        "estimate": estimate,
        "expected": drawn.mean(),
        "low": low,
        "high": high,
        "persons": counts.sum(),
        "cells": len(counts),
        "parameters": parameters(**about),
    }
    return Permutation(estimate, float(drawn.mean()), p, drawn, result_table([row]))


def permutation_tests(
    cells: xr.Dataset,
    groups: Sequence[str],
    neighbourhood: Neighbourhood | None,
    indices: Sequence[str],
    *,
    total: str = "",
    draws: int = 999,
    seed: int = 0,
    scheduler: Scheduler | None = None,
) -> dict[tuple[str, str], Tested]:
    """Test several indices of the whole by the same allocations: each *p* is that of `permutation_test`.

    Parameters
    ----------
    cells, groups, neighbourhood, total, draws, seed, scheduler
        As of `permutation_test`.
    indices : sequence of str
        Names in `INDICES`; those that chance does not change (E, simpson) have no test.

    Returns
    -------
    dict
        By index and groups.  A value that is not defined has no test.

    Raises
    ------
    SchemaError
        As of `permutation_test`.
    """
    some, counts, names, _ = _people(cells, groups, total, False)
    return _tests(counts, names, _looks(some, counts, neighbourhood, scheduler), indices, draws, seed)


def composition_tests(
    counts: Floats, names: Sequence[str], indices: Sequence[str], *, draws: int = 999, seed: int = 0
) -> dict[tuple[str, str], Tested]:
    """Test indices of any units, as of `composition_table`, by allocating their people at random.

    Parameters
    ----------
    counts : ndarray, shape (unit, group)
        Whole persons; units with NaN or nobody are left out.
    names, indices : sequence of str
        Names of the groups, and of indices.
    draws, seed : int
        As of `permutation_test`.

    Returns
    -------
    dict
        As of `permutation_tests`.
    """
    some = counts[counts.sum(axis=1) > 0]
    return _tests(some, names, lambda allocations: (zones_of(own) for own in allocations), indices, draws, seed)


def _tests(
    counts: Floats,
    names: Sequence[str],
    look: Callable[[Iterator[Floats]], Iterator[Zones]],
    indices: Sequence[str],
    draws: int,
    seed: int,
) -> dict[tuple[str, str], Tested]:
    if draws < 1:
        raise SchemaError(f"{draws} draws tell nothing: give at least 1, better 999.")
    declared = [index for index in map(index_named, indices) if index.correction != "none"]
    asked = [(index, target) for index in declared for target in targets(index, names)]
    values = [_value(index, target) for index, target in asked]
    rows = next(look(iter([counts])))
    estimates = [value(rows) for value in values]
    allocations = fixed_margins(counts, draws, np.random.default_rng(seed))
    drawn = np.array([[value(rows) for value in values] for rows in look(allocations)])
    found: dict[tuple[str, str], Tested] = {}
    for k, (index, target) in enumerate(asked):
        if np.isfinite(estimates[k]):
            itself = index.groups == "pairs" and target.first == target.second
            tail: Tail = "greater" if itself else TAILS.get(index.name, "greater")
            found[index.name, target.groups] = Tested(p_value(estimates[k], drawn[:, k], tail), tail)
    return found


def _people(
    cells: xr.Dataset, groups: Sequence[str], total: str, rounded: bool
) -> tuple[xr.Dataset, Floats, list[str], int]:
    """Cells with residents, their counts, names of the groups, and how many cells are left out."""
    counts, left_out = group_counts(cells, groups, total)
    names = [*groups, "rest"] if total else list(groups)
    if len(names) < 2:
        raise SchemaError(f"segregation needs two groups at least, got {names}. Name the total to make a rest.")
    if is_interpolated(cells, groups):
        raise SchemaError(
            "counts are interpolated: cells share the composition of their area and lack the scatter that random "
            "allocation makes, so that p would say nothing. Permute the counts of the areas that were counted."
        )
    known = np.flatnonzero(counts.sum(axis=1) > 0)
    if rounded:
        whole = whole_persons(counts[known]).astype(np.float64)
        counts[known] = whole
        known = known[whole.sum(axis=1) > 0]
    if not len(known):
        raise SchemaError("nobody lives in these cells: there is no one to allocate.")
    return cells.isel(cell=known), counts[known], names, left_out


def _target(index: Index, names: Sequence[str], of: str) -> Target:
    known = {target.groups: target for target in targets(index, names)}
    if not of:
        return next(iter(known.values()))
    if of not in known:
        raise unknown_name("group", of, known)
    return known[of]


def _value(index: Index, target: Target) -> Callable[[Zones], float]:
    function, _ = with_parameters(index)
    pair = {"a": target.first, "b": target.second} if index.groups == "pairs" else {}
    return lambda rows: float(function(of_target(index, rows, target), **pair).estimate[0])


def _looks(
    cells: xr.Dataset, counts: Floats, neighbourhood: Neighbourhood | None, scheduler: Scheduler | None
) -> Callable[[Iterator[Floats]], Iterator[Zones]]:
    """Give the function that takes allocations to what an index sees of them."""
    if neighbourhood is None:
        return lambda allocations: (zones_of(counts) for counts in allocations)
    if not isinstance(neighbourhood, Kernel):
        return lambda allocations: (zones_of(own, neighbourhood(cells, own).counts) for own in allocations)
    gather, everyone = Gather(grid_of(cells), ids_of(cells), scheduler), np.arange(len(counts))
    kernel = neighbourhood
    # sizes of cells are fixed, and so are those of neighbourhoods: the last group is what is left
    near = gather(counts.sum(axis=1)[:, None], [(kernel, 1)], everyone)[0]

    def look(allocations: Iterator[Floats]) -> Iterator[Zones]:
        while some := list(islice(allocations, _AT_ONCE)):
            sums = gather(np.concatenate([own[:, :-1] for own in some], axis=1), [(kernel, 1)], everyone)[0]
            parts = np.split(sums, len(some), axis=1)
            for own, around in zip(some, parts, strict=True):
                rest = np.maximum(near - around.sum(axis=1, keepdims=True), 0.0)
                yield zones_of(own, np.concatenate([around, rest], axis=1))

    return look
