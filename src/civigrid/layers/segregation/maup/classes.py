"""Whose class holds: how often a cell stays what it is called when cells are cut otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from civigrid.cells import column_of, status_of, with_variables
from civigrid.kernels.origins import sums
from civigrid.layers.segregation.groups import with_whole
from civigrid.layers.segregation.maup.settings import MaupOptions, People, Setting, cuts, people_of, settings_of
from civigrid.types import Column, Floats, Ints, Status

WORDS = {0: "robust", 1: "scale-dependent", 2: "fragile"}
"""What `stability_of` calls a cell, by code."""


class Stability(NamedTuple):
    """Of each inhabited cell and group, shape (cell, group): most frequent class, how often it has it, and a code.

    `agreement` is the share of settings with that class, each size weighing alike; `kind` a code of `WORDS`.
    """

    usual: Ints
    agreement: Floats
    kind: Ints


def stability_of(people: People, settings: Sequence[Setting], options: MaupOptions) -> Stability:
    """Classify every cell as its block is classified, in every setting, and see how far the settings agree.

    Robust: at least `options.steady` of all settings agree.  Else scale-dependent: at each size by itself they do, on
    average, so that size decides and origin hardly matters.  Else fragile.
    """
    counts = people.counts
    share = counts.sum(axis=0) / counts.sum()
    breaks, k_classes = np.asarray(options.breaks), len(options.breaks) + 1
    groups = counts.shape[1]
    ours, cell = np.arange(groups), np.arange(len(counts))[:, None]
    everywhere = np.zeros((len(counts), groups, k_classes))
    at_size = np.zeros((len(counts), groups))
    weight = {s: 1.0 / sum(t.size == s for t in settings) for s in options.sizes}
    current, votes = 0, np.zeros_like(everywhere)
    for setting, blocks in zip(settings, cuts(people, settings), strict=True):
        if setting.size != current:
            at_size += votes.max(axis=2)
            current, votes = setting.size, np.zeros_like(everywhere)
        held = sums(blocks, counts)
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = held / (held.sum(axis=1, keepdims=True) * share)
        # a group that nobody belongs to is nowhere more frequent than elsewhere
        found = np.searchsorted(breaks, np.nan_to_num(quotient), side="right")[blocks.block]
        votes[cell, ours, found] += weight[setting.size]
        everywhere[cell, ours, found] += weight[setting.size] / len(options.sizes)
    at_size = (at_size + votes.max(axis=2)) / len(options.sizes)
    agreement = everywhere.max(axis=2)
    enough = options.steady - 1e-9
    kind = np.where(agreement >= enough, 0, np.where(at_size >= enough, 1, 2))
    return Stability(everywhere.argmax(axis=2), np.minimum(agreement, 1.0), kind)


def stability_rows(
    people: People, names: Sequence[str], settings: Sequence[Setting], options: MaupOptions
) -> Iterator[dict[str, Any]]:
    """Give the share of people who live in cells of each kind, by group."""
    found = stability_of(people, settings, options)
    size = people.counts.sum(axis=1)
    for k, group in enumerate(names):
        if group == "rest":
            continue
        for code, word in WORDS.items():
            held = found.kind[:, k] == code
            yield {
                "zone": "all",
                "index": f"people:{word}",
                "groups": group,
                "estimate": float(size[held].sum() / size.sum()),
                "persons": float(size.sum()),
                "cells": len(size),
                "about": {
                    "breaks": list(options.breaks),
                    "steady": options.steady,
                    "share_of_group": float(people.counts[held, k].sum() / max(people.counts[:, k].sum(), 1e-300)),
                    "settings": len(settings),
                },
            }


def maup_cells(
    cells: xr.Dataset, groups: Sequence[str], *, total: str = "", options: MaupOptions | None = None
) -> xr.Dataset:
    """Add to cells how far their class of each group depends on how cells are cut.

    A cell's class is that of the block it lies in: its location quotient, cut at `options.breaks`.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells of a square grid.
    groups : sequence of str
        Counts of at least two groups, or of one beside a `total`.
    total : str
        Published total; what the groups leave of it is one more group.
    options : MaupOptions, optional
        Sizes, origins, classes.

    Returns
    -------
    xarray.Dataset
        The same cells with ``residents``, and for each group *g* `X` (0 robust, 1 scale-dependent, 2 fragile)
        and ``agreement_g``, the share of settings with the most frequent class, in (0, 1], each size weighing
        alike.  NaN where nobody lives; missing where a count is.

    Notes
    -----
    Share of people whose class agrees in nine of ten settings: the class stability of the MAUP protocol.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000, 3000]), np.array([4000, 4001, 4009]))
    >>> counts = {"a": [9.0, 1.0, 2.0], "b": [1.0, 9.0, 30.0]}
    >>> made = maup_cells(make_cells(grid, ids, counts, dict.fromkeys(counts, Column())), ["a", "b"],
    ...     options=MaupOptions(sizes=(1, 2)))
    >>> made["class_holds_a"].to_numpy()
    array([0., 2., 0.])
    """
    options = options or MaupOptions()
    people, _ = people_of(cells, groups, total, "", None)
    found = stability_of(people, settings_of(people, options), options)
    n = cells.sizes["cell"]
    values: dict[str, Floats] = {"residents": _on_cells(people.counts.sum(axis=1), people.kept, n)}
    cells, about = with_whole(cells, groups, total, values["residents"])
    for k, group in enumerate(groups):
        words = column_of(cells[group]).long_name or group
        values[f"class_holds_{group}"] = _on_cells(found.kind[:, k].astype(np.float64), people.kept, n)
        about[f"class_holds_{group}"] = _rate("class", f"Does its class hold? {words}")
        values[f"agreement_{group}"] = _on_cells(found.agreement[:, k], people.kept, n)
        about[f"agreement_{group}"] = _rate("1", f"Share of settings that agree: {words}")
    return with_variables(cells, values, about, status=_status(cells, groups, total, values))


def _rate(units: str, words: str) -> Column:
    return Column(kind="intensive", units=units, weight="residents", source="segregation", long_name=words)


def _on_cells(values: Floats, kept: Ints, n: int) -> Floats:
    found = np.full(n, np.nan)
    found[kept] = values
    return found


def _status(cells: xr.Dataset, groups: Sequence[str], total: str, values: dict[str, Floats]) -> dict[str, Any]:
    """Unknown where a count is; a cell where nobody lives has no class, and no residents."""
    names = [*groups, total] if total else list(groups)
    unknown = np.any([np.isnan(cells[g].to_numpy()) for g in names], axis=0)
    why = np.max([status_of(cells, g) for g in names], axis=0)
    why = np.where(unknown & np.isin(why, (Status.CONFIDENTIAL, Status.SUPPRESSED)), why, Status.UNAVAILABLE)
    values["residents"] = np.where(unknown, np.nan, np.nan_to_num(values["residents"]))
    return {n: np.where(unknown, why, Status.OK).astype(np.uint8) for n in values}
