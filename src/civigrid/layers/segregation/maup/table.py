"""MAUP audit: how far an index depends on the size of the cells and on where the grid begins.

Blocks of cells of several sizes and from several origins, hexagons and administrative areas all divide the same people.
What changes between them is the modifiable areal unit problem (Openshaw and Taylor 1979, in Wrigley, ed., Statistical
Applications in the Spatial Sciences): scale is what sizes do, zoning what origins do.  Grids sidestep administrative
arbitrariness; they do not abolish either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.kernels.random_allocation import Chance, chance_of
from civigrid.kernels.zones import Zones, zones_of
from civigrid.layers.segregation.indices import DEFAULT as USUAL
from civigrid.layers.segregation.indices import Index, index_named
from civigrid.layers.segregation.maup.classes import stability_rows
from civigrid.layers.segregation.maup.covariate import correlation_rows
from civigrid.layers.segregation.maup.rows import (
    Audited,
    audited,
    division_rows,
    rank_rows,
    scale_rows,
    shown_of,
    size_rows,
)
from civigrid.layers.segregation.maup.settings import (
    Announce,
    MaupOptions,
    Others,
    People,
    Rows,
    other_rows,
    people_of,
    settings_of,
    square_rows,
)
from civigrid.layers.segregation.measured import against_others, measure, of_target, targets
from civigrid.layers.segregation.sources import SOURCES
from civigrid.result_table import parameters, result_table
from civigrid.types import Floats

TOPIC = "maup"
DEFAULT = tuple(name for name in USUAL if index_named(name).correction != "none")
"""Indices that are audited unless others are named: those that measure segregation."""


def maup_table(
    cells: xr.Dataset,
    groups: Sequence[str],
    *,
    total: str = "",
    zone: str = "",
    others: Others | None = None,
    indices: Sequence[str] = DEFAULT,
    options: MaupOptions | None = None,
    covariate: str = "",
    noise_variance: float | None = None,
    announce: Announce | None = None,
) -> pd.DataFrame:
    """Audit indices against cell size, grid origin and other areas.

    Parameters
    ----------
    cells : xarray.Dataset
        Cells of a square grid, the finest there are: blocks are made of them.
    groups : sequence of str
        Counts of at least two groups, or of one beside a `total`.
    total : str
        Published total; what the groups leave of it is one more group, "rest".
    zone : str
        Label whose values are zones (districts, cities): indices are audited in each by itself as well, their ranks
        compared, and the zones taken as one more way to divide the whole.
    others : mapping, optional
        Other ways to divide the same people, by name: labels of the cells, cells of another grid, or plain tables.
    indices : sequence of str
        Names in `INDICES`.
    options : MaupOptions, optional
        Sizes, origins, classes.
    covariate : str
        Another variable of the cells: does its correlation with the shares of the groups keep its sign?
    noise_variance : float, optional
        As for `segregation_table`.
    announce : callable, optional
        Told how many settings are done.

    Returns
    -------
    pandas.DataFrame
        A result table, topic "maup".  One row for each zone, index, group and size: the median over origins, with that
        of the interval; `parameters` hold the zoning envelope (``least, p5, p95, most`` of the estimate,
        ``corrected_p5, corrected_p95``), ``ratio`` (p95 - p5) / median, and whether origins move the index more than
        sampling does (``dominates``).  One row for each other division.  Then, as ``maup:D``, that ratio over all
        squares, with scale (range of the medians), zoning and sampling (mean widths) beside each other;
        ``ranks_of_zones:D`` and ``ranks_of_groups:D``, Kendall's tau-b against the finest cells; ``correlation:NAME``,
        whose ``sign_changes`` is the share of origins with another sign than the finest cells; and ``people:robust``,
        ``people:scale-dependent``, ``people:fragile``, as `maup_cells` defines them.

    Raises
    ------
    SchemaError
        Cells that are no squares, fewer than two groups, nobody at home, a bad option.
    UnknownNameError
        An index that is not declared.

    Notes
    -----
    Counts of moved blocks never leave this function: subtracting them would tell counts of cells (differencing).  The
    interval is that of sampling at one origin, by the delta method.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> from civigrid.types import Column
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
    >>> counts = {"a": [40.0, 0.0], "b": [0.0, 40.0]}
    >>> cells = make_cells(grid, ids, counts, dict.fromkeys(counts, Column()))
    >>> found = maup_table(cells, ["a", "b"], indices=["D"], options=MaupOptions(sizes=(1, 2)))
    >>> found[(found["index"] == "D") & (found["groups"] == "a")]["estimate"].tolist()
    [1.0, 0.5]
    """
    options = options or MaupOptions()
    declared = [index_named(name) for name in indices]
    people, zones = people_of(cells, groups, total, zone, noise_variance)
    names = [*groups, "rest"] if total else list(groups)
    divisions: Others = {zone: cells[zone].to_numpy(), **(others or {})} if zone else others or {}
    settings = settings_of(people, options)
    work = _Work(people, names, declared)
    rows: list[dict[str, Any]] = []
    whole = list(work.audit(square_rows(people, settings, announce=announce), (len(settings), 1)))
    for found in whole:
        rows += size_rows(found, settings, ["all"])
    other = other_rows(people, divisions, groups, total, cells)
    if other is not None:
        for found in work.audit(other[0], (len(other[1]), 1)):
            rows += division_rows(found, other[1])
    for found in whole:
        rows += scale_rows(found, settings, ["all"])
    rows += _group_ranks(whole, settings)
    if zone:
        for found in work.audit(square_rows(people, settings, by_zone=True), (len(settings), len(zones))):
            rows += [*size_rows(found, settings, zones), *scale_rows(found, settings, zones)]
            rows += rank_rows(shown_of(found), settings, f"ranks_of_zones:{found.name}", found.groups, zones)
    if covariate:
        rows += correlation_rows(cells, people, names, settings, options, covariate)
    rows += stability_rows(people, names, settings, options)
    return result_table(_finished(rows, declared, people, total, options))


class _Work:
    """The people, their groups, and the indices asked for."""

    def __init__(self, people: People, names: Sequence[str], indices: Sequence[Index]) -> None:
        self.people, self.names, self.indices = people, list(names), list(indices)

    def audit(self, rows: Rows, shape: tuple[int, int]) -> Iterator[Audited]:
        """Every index of every group in every setting, shape (setting, zone): each setting is a zone of its own."""
        zones = zones_of(rows.counts, starts=rows.starts)
        prepared: dict[int, tuple[Zones, Floats | None, Chance | None]] = {}
        for index in self.indices:
            for target in targets(index, self.names):
                key = target.first if index.groups == "each" else -1
                if key not in prepared:
                    some = of_target(index, zones, target)
                    noise = rows.noise if rows.noise is None or key < 0 else against_others(rows.noise, key)
                    prepared[key] = some, noise, None if self.people.interpolated else chance_of(some, noise)
                some, noise, chance = prepared[key]
                found = measure(index, target, some, chance, noise=noise)
                if chance is None:
                    found = found._replace(corrected=np.full_like(found.corrected, np.nan))
                yield audited(index.name, target.groups, found, rows, shape)


def _group_ranks(whole: Sequence[Audited], settings: Any) -> Iterator[dict[str, Any]]:
    """Whether the order of the groups by an index is the same in all settings."""
    for name in dict.fromkeys(found.name for found in whole):
        of = [found for found in whole if found.name == name]
        if len(of) > 1:
            shown = np.concatenate([shown_of(found) for found in of], axis=1)
            groups = [found.groups for found in of]
            yield from rank_rows(shown, settings, f"ranks_of_groups:{name}", "|".join(groups), groups)


def _finished(
    rows: Sequence[dict[str, Any]], indices: Sequence[Index], people: People, total: str, options: MaupOptions
) -> Iterator[dict[str, Any]]:
    """Add what every row of the audit has in common."""
    about: dict[str, Any] = {"total": total or "sum of the groups", "left_out_cells": people.left_out}
    about |= {"cell_size_m": people.cell_size_m, "seed": options.seed}
    if people.interpolated:
        about["no_correction"] = "counts are interpolated: they lack the scatter that chance makes among counted people"
    of = {
        i.name: {"source": SOURCES[i.source].short, "cite": i.source, "correction": i.correction, **i.parameters}
        for i in indices
    }
    for row in rows:
        said = about | of.get(row["index"].rpartition(":")[2], {}) | row["about"]
        yield {"topic": TOPIC, **row, "parameters": parameters(**said)}
