"""Indices of who lives around: every index, on the neighbourhoods of a kernel or of any other rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.kernels.convolution import Kernel
from civigrid.kernels.random_allocation import Chance
from civigrid.kernels.zones import Value, Zones, zones_of
from civigrid.layers.segregation.groups import group_counts, group_noise, is_interpolated, rest_note, zone_codes
from civigrid.layers.segregation.indices import Index, index_named
from civigrid.layers.segregation.measured import Target, measure, of_target, row_parameters, targets
from civigrid.layers.segregation.neighbourhoods.by_kernel import Around, Neighbourhood, Neighbours, arounds
from civigrid.layers.segregation.neighbourhoods.gather import CELLS_PER_BLOCK, Gather
from civigrid.layers.segregation.neighbourhoods.spatial_chance import SizeClasses, spatial_error
from civigrid.result_table import result_table, result_table_of
from civigrid.types import Floats, Ints

SPATIAL = ("D", "H", "V", "isolation", "interaction", "D_multi", "H_multi", "R")
"""What is computed of neighbourhoods where nobody says: the indices of Reardon and O'Sullivan (2004), and *V*."""


@dataclass(frozen=True, kw_only=True)
class SpatialOptions:
    """How neighbourhoods are gathered and what is told of them.

    Parameters
    ----------
    outside : xarray.Dataset, optional
        Cells around the study area with the same groups: their people are neighbours, not residents.
    noise_variance : float, optional
        Variance of the noise that the publisher added to each count, persons2; by default what the counts declare.
    interval : bool
        Whether intervals are told: they cost a convolution per index, group and kernel.
    scheduler : Scheduler, optional
        Where to compute; no figure depends on it.
    cells_per_block : int
        Cells along a block's side, about; no figure depends on it.
    """

    outside: xr.Dataset | None = None
    noise_variance: float | None = None
    interval: bool = True
    scheduler: Scheduler | None = None
    cells_per_block: int = CELLS_PER_BLOCK


def spatial_table(
    cells: xr.Dataset,
    groups: Sequence[str],
    neighbourhood: Neighbourhood,
    *,
    total: str = "",
    zone: str = "",
    indices: Sequence[str] = SPATIAL,
    options: SpatialOptions | None = None,
) -> pd.DataFrame:
    r"""Give indices of neighbourhoods with their expectation under random allocation, corrected values and intervals.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset, of squares or H3.
    groups : sequence of str
        Counts of at least two groups that share the people out among them.
    neighbourhood : Kernel or callable
        Who lives around: a kernel, or a function of cells and counts to `Around`, as for the k nearest persons.
    total : str
        Published total, whose rest is one more group; empty: the sum of the groups is the total.
    zone : str
        Label whose values are zones; empty: the whole only.  A zone's residents have neighbours beyond its border.
    indices : sequence of str
        Names in `INDICES`, which all work on neighbourhoods.
    options : SpatialOptions, optional
        Neighbours outside, noise, intervals, and where to compute.

    Returns
    -------
    pandas.DataFrame
        A result table; `parameters` tell the neighbourhood too.

    Raises
    ------
    SchemaError
        Fewer than two groups.
    UnknownNameError
        An index that is not declared.

    Notes
    -----
    Reardon and O'Sullivan (2004), Sociol. Methodol. 34: persons weigh, neighbourhoods are compared.  Under random
    allocation a neighbourhood shows the composition of :math:`(Kt)^2/K^2t` independent persons; the Gini index alone,
    which compares neighbourhoods that overlap, has no expectation then.  Where neighbourhoods hold about one member of
    a group or none, unequal weights make the expectation too high (*D* by up to a tenth, roots of shares by a third): a
    uniform kernel's is not.  Intervals: delta method for independent
    Poisson persons, 95 %.

    Examples
    --------
    >>> from civigrid.cells import make_cells
    >>> from civigrid.grid import SquareGrid
    >>> from civigrid.types import Column
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> ids = grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001]))
    >>> cells = make_cells(grid, ids, {"a": [40, 0], "b": [0, 40]}, {"a": Column(), "b": Column()})
    >>> spatial_table(cells, ["a", "b"], Kernel("triangular", 2000), indices=["D"])["estimate"].round(6).tolist()
    [0.333333, 0.333333]
    """
    options = options or SpatialOptions()
    study = study_of(cells, groups, total, zone, options)
    declared = [index_named(name) for name in indices]
    if not len(study.inhabited):
        return result_table([])
    if isinstance(neighbourhood, Kernel):
        (found,) = study.arounds([neighbourhood], chance=True)
        return study.table([study.columns(found, declared, neighbourhood)])
    if options.outside is not None:
        raise SchemaError("outside is for kernels: a rule of one's own gathers its neighbours itself.")
    made = neighbourhood(cells, study.counts)
    if study.noise is not None and made.noise is None:
        # a rule that tells no noise of its neighbourhoods leaves it in: no variance may be claimed
        study.about["noise_left_in"] = study.about.pop("noise_variance", None)
    return study.table([study.columns(made, declared)])


Columns = dict[str, npt.NDArray[Any]]
"""Columns of a result table."""


class _Part(NamedTuple):
    """Zones side by side: their names, the cell of each row, and the first row of each zone."""

    names: list[str]
    at: Ints
    starts: Ints


@dataclass(frozen=True)
class Study:
    """Everything about cells that no neighbourhood changes."""

    cells: xr.Dataset
    groups: list[str]
    counts: Floats
    noise: Floats | None
    outside: Neighbours | None
    parts: list[_Part]
    about: dict[str, Any]
    options: SpatialOptions

    @property
    def inhabited(self) -> Ints:
        """Cells with residents."""
        return self.parts[0].at

    def arounds(self, kernels: Sequence[Kernel], *, chance: bool) -> Iterator[Around]:
        """Gather by each kernel."""
        return arounds(
            self.cells,
            self.counts,
            kernels,
            noise=self.noise,
            outside=self.outside,
            scheduler=self.options.scheduler,
            cells_per_block=self.options.cells_per_block,
            chance=chance,
        )

    @cached_property
    def gather(self) -> Gather:
        """Sums around the cells themselves."""
        return Gather(grid_of(self.cells), ids_of(self.cells), self.options.scheduler, self.options.cells_per_block)

    def table(self, columns: Sequence[Columns]) -> pd.DataFrame:
        """Make one result table of the columns of several neighbourhoods."""
        together = {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}
        return result_table_of(pd.DataFrame(together).assign(topic="segregation"))

    def columns(self, around: Around, indices: Sequence[Index], kernel: Kernel | None = None) -> Columns:
        """Columns of a result table: of the whole, then of the zones."""
        found = [self._of(part, around, indices, kernel) for part in self.parts]
        return {name: np.concatenate([c[name] for c in found]) for name in found[0]}

    def _of(self, part: _Part, around: Around, indices: Sequence[Index], kernel: Kernel | None) -> Columns:
        at = part.at
        rows = zones_of(self.counts[at], around.counts[at], starts=part.starts)
        same = {"zone": np.array(part.names, dtype=object), "persons": rows.sums(rows.size)}
        same["cells"] = np.diff(part.starts, append=len(at))
        classes = None
        if not ("no_correction" in self.about or np.isnan(around.size).any()):
            classes = SizeClasses(rows, around, at, self._within(part, around, kernel))
        prepared: dict[Any, tuple[Zones, Chance | None]] = {}
        columns: list[Columns] = []
        for index in indices:
            for target in targets(index, self.groups):
                key = target.first if index.groups == "each" else "all"
                if key not in prepared:
                    some = of_target(index, rows, target)
                    two = None if key == "all" else target.first
                    prepared[key] = some, None if classes is None else classes.chance(some, two)
                columns.append(same | self._measured(index, target, *prepared[key], around, at))
        # zone after zone, in each the indices in their order
        return {name: np.stack([c[name] for c in columns], axis=1).ravel() for name in columns[0]}

    def _within(self, part: _Part, around: Around, kernel: Kernel | None) -> Floats:
        """Share of each row's neighbourhood that lives in its zone; a half where nobody can tell."""
        whole = len(part.starts) == 1 and len(part.at) == len(self.inhabited)
        if whole and self.outside is None:
            return np.ones(len(part.at))
        if kernel is None:
            return np.full(len(part.at), 0.5)
        size = self.counts.sum(axis=1)[:, None]
        found = np.empty(len(part.at))
        for first, last in zip(part.starts, np.append(part.starts[1:], len(part.at)), strict=True):
            own = part.at[first:last]
            found[first:last] = self.gather(size[own], [(kernel, 1)], own, own)[0, :, 0]
        return np.asarray(found / around.counts.sum(axis=1)[part.at])

    def _measured(
        self, index: Index, target: Target, rows: Zones, chance: Chance | None, around: Around, at: Ints
    ) -> Columns:
        # neighbourhoods that overlap differ less than chance lets single ones differ
        if index.name.startswith("G") and chance is not None and chance.counted is None:
            chance = None
        known = around.back is not None and self.options.interval
        two = target.first if index.groups == "each" else None

        def unknown(rows: Zones, _: Value) -> Floats:
            return np.full(len(rows.starts), np.nan)

        found = measure(index, target, rows, chance, error=spatial_error(around, at, two) if known else unknown)
        about = {**self.about, **around.about} | ({"interval": "delta method, 95 %"} if known else {})
        texts = row_parameters(index, about)
        corrected = found.corrected if index.correction == "none" or chance else np.full_like(found.estimate, np.nan)
        return {
            "index": np.full(len(rows.starts), index.name, dtype=object),
            "groups": np.full(len(rows.starts), target.groups, dtype=object),
            "estimate": found.estimate,
            "expected": found.expected,
            "corrected": corrected,
            "low": found.low,
            "high": found.high,
            "parameters": np.where(found.unreliable, *np.array(texts[::-1], dtype=object)),
        }


def study_of(cells: xr.Dataset, groups: Sequence[str], total: str, zone: str, options: SpatialOptions) -> Study:
    """Look at cells once for all neighbourhoods."""
    counts, left_out = group_counts(cells, groups, total)
    names = [*groups, "rest"] if total else list(groups)
    if len(names) < 2:
        raise SchemaError(f"segregation needs two groups at least, got {names}. Name the total to make a rest.")
    noise = group_noise(cells, groups, total, options.noise_variance)
    if noise is not None:
        noise = np.where(counts.sum(axis=1, keepdims=True) > 0, noise, 0.0)
    outside = None
    if options.outside is not None:
        beyond, _ = group_counts(options.outside, groups, total)
        outside = Neighbours(
            options.outside, beyond, group_noise(options.outside, groups, total, options.noise_variance)
        )
    inhabited = np.flatnonzero(counts.sum(axis=1) > 0)
    parts = [_Part(["all"], inhabited, np.zeros(1, dtype=np.int64))]
    about: dict[str, Any] = {"total": total or "sum of the groups", "left_out_cells": left_out}
    about |= rest_note(cells, groups, total)
    if zone:
        labels, code = zone_codes(cells, zone)
        at = inhabited[np.argsort(code[inhabited], kind="stable")]
        starts = np.flatnonzero(np.diff(code[at], prepend=-1))
        parts.append(_Part([labels[k] for k in code[at[starts]]], at, starts))
    if is_interpolated(cells, groups):
        about["no_correction"] = "counts are interpolated: they lack the scatter that chance makes among counted people"
    if noise is not None and len(inhabited):
        about["noise_variance"] = round(float(noise[inhabited].mean()), 3)
    if outside is not None:
        about["outside_cells"] = len(outside.counts)
    return Study(cells, names, counts, noise, outside, parts, about, options)
