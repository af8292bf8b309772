"""Every setting of a MAUP audit: the same people in blocks of several sizes and origins, and in other areas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.errors import SchemaError, first_few
from civigrid.grid import SquareGrid
from civigrid.kernels.origins import Cut, cut, origins, sums, within
from civigrid.layers.segregation.groups import group_counts, group_noise, is_interpolated, zone_codes
from civigrid.types import Floats, Ints, Labels

Others = Mapping[str, "Labels | xr.Dataset | pd.DataFrame"]
"""Other ways to divide the same people: a label for each cell (areas, hexagons), cells of another grid, or a table of
counts whose columns are the groups (and the total)."""
Announce = Callable[[int, int], None]
"""Told how many settings are done, and of how many."""


TOO_LARGE = 10
"""Times the extent of the cells by which a block is refused: moved to any origin, it would hold everyone."""


@dataclass(frozen=True, kw_only=True)
class MaupOptions:
    """What a MAUP audit tries.

    Parameters
    ----------
    sizes : tuple of int
        Sides of square blocks, in cells.
    origins : int
        Origins of each size at most; a size of *s* has *s* squared.
    seed : int
        Which of them, where there are more.
    breaks : tuple of float
        Classes of cells: where their location quotient is cut.  1.5: the group is one and a half times as frequent
        as in the whole, or not.
    steady : float
        A class holds where at least this share of the settings agrees.
    """

    sizes: tuple[int, ...] = (1, 2, 3, 4, 5, 10)
    origins: int = 25
    seed: int = 0
    breaks: tuple[float, ...] = (1.5,)
    steady: float = 0.9

    def __post_init__(self) -> None:
        sizes = self.sizes
        if not sizes or any(int(s) != s or s < 1 for s in sizes) or len(set(sizes)) < len(sizes):
            raise SchemaError(f"sizes are different whole numbers of cells, 1 or more; got {sizes}.")
        if self.origins < 1:
            raise SchemaError(f"origins must be 1 or more, got {self.origins}.")
        if self.seed < 0:
            raise SchemaError(f"seed is {self.seed}: a seed is a whole number, 0 or more.")
        if not all(np.isfinite(b) and b > 0 for b in self.breaks):
            raise SchemaError(f"breaks cut location quotients: finite numbers above 0, got {self.breaks}.")
        if not self.breaks or any(a >= b for a, b in zip(self.breaks, self.breaks[1:], strict=False)):
            raise SchemaError(f"breaks must rise, got {self.breaks}.")
        if not 0.5 < self.steady <= 1:
            raise SchemaError(f"steady must lie above 0.5 and be at most 1, got {self.steady}.")
        object.__setattr__(self, "sizes", tuple(sorted(int(s) for s in sizes)))


class Setting(NamedTuple):
    """One way to divide the people: squares of `size` cells moved by `shift`, or other areas (`size` 0)."""

    name: str
    size: int
    shift: tuple[int, int]
    size_m: float


class People(NamedTuple):
    """Inhabited cells: place, zone, persons by group and the variance of the publisher's noise, (cell, group).

    `kept` are their rows in the dataset; `left_out` counts cells whose counts are missing.
    """

    row: Ints
    col: Ints
    zone: Ints
    counts: Floats
    noise: Floats | None
    kept: Ints
    left_out: int
    interpolated: bool
    cell_size_m: float

    @property
    def columns(self) -> Floats:
        """Counts, then noise where there is some, (cell, column)."""
        return self.counts if self.noise is None else np.concatenate([self.counts, self.noise], axis=1)


class Rows(NamedTuple):
    """Blocks of all settings, one after the other, and in each the zones in order: counts, noise, and their `starts`.

    `at` gives setting and zone of each start; pairs without persons are not there.
    """

    counts: Floats
    noise: Floats | None
    starts: Ints
    at: tuple[Ints, Ints]


def people_of(
    cells: xr.Dataset, groups: Sequence[str], total: str, zone: str, noise_variance: float | None
) -> tuple[People, list[str]]:
    """Give the inhabited cells of a dataset, and the names of its zones."""
    grid = grid_of(cells)
    if not isinstance(grid, SquareGrid):
        raise SchemaError(f"the cells lie on {grid.id}: blocks are made of square cells. Hand in H3 cells as `others`.")
    if len(groups) + bool(total) < 2:
        raise SchemaError(f"segregation needs two groups at least, got {list(groups)}. Name the total to make a rest.")
    counts, left_out = group_counts(cells, groups, total)
    noise = group_noise(cells, groups, total, noise_variance)
    names, code = zone_codes(cells, zone)
    with np.errstate(invalid="ignore"):
        kept = np.flatnonzero(counts.sum(axis=1) > 0)
    if not len(kept):
        raise SchemaError("no cell has residents whose groups are all known: there is nothing to audit.")
    row, col = grid.row_col(ids_of(cells)[kept])
    return (
        People(
            row.astype(np.int64),
            col.astype(np.int64),
            code[kept],
            counts[kept],
            None if noise is None else noise[kept],
            kept,
            left_out,
            is_interpolated(cells, groups),
            float(grid.cell_size_m),
        ),
        names,
    )


def settings_of(people: People, options: MaupOptions) -> list[Setting]:
    """Every size and origin that is tried, sizes rising, own origin first.

    Raises
    ------
    SchemaError
        Blocks far larger than the area: all people would live in one, whatever the origin.
    """
    across = int(max(np.ptp(people.row), np.ptp(people.col))) + 1
    if large := [size for size in options.sizes if size > TOO_LARGE * across]:
        raise SchemaError(
            f"blocks of {large[0]:,} cells' side are far larger than the area, which is {across:,} cells across: one "
            f"block would hold everyone. Name sizes up to {across:,}."
        )
    return [
        Setting("squares", size, (int(a), int(b)), size * people.cell_size_m)
        for size in options.sizes
        for a, b in origins(size, options.origins, options.seed)
    ]


def cuts(people: People, settings: Sequence[Setting]) -> Iterator[Cut]:
    """Cut the cells as each setting does."""
    for setting in settings:
        yield cut(people.row, people.col, setting.size, np.array(setting.shift))


def square_rows(
    people: People, settings: Sequence[Setting], *, by_zone: bool = False, announce: Announce | None = None
) -> Rows:
    """Give the blocks of every setting; `by_zone`: of each zone by itself."""
    parts, where = [], []
    zones = int(people.zone.max()) + 1 if by_zone else 1
    for number, blocks in enumerate(cuts(people, settings)):
        cells = within(people.zone, blocks) if by_zone else blocks
        found = sums(cells, people.columns)
        held = np.flatnonzero(found[:, : people.counts.shape[1]].sum(axis=1) > 0)
        zone = _first(cells, people.zone, held) if by_zone else np.zeros(len(held), dtype=np.int64)
        parts.append(found[held])
        where.append(number * zones + zone)
        if announce is not None:
            announce(number + 1, len(settings))
    return _rows(np.concatenate(parts), np.concatenate(where), zones, people.counts.shape[1])


def _first(cells: Cut, zone: Ints, held: Ints) -> Ints:
    """Zone of each block: all cells of a block have the same."""
    of = np.zeros(cells.blocks, dtype=np.int64)
    of[cells.block] = zone
    return of[held]


def _rows(found: Floats, key: Ints, zones: int, groups: int) -> Rows:
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    noise = found[:, groups:] if found.shape[1] > groups else None
    setting, zone = np.divmod(key[starts], zones)
    return Rows(np.ascontiguousarray(found[:, :groups]), noise, starts, (setting, zone))


def other_rows(
    people: People, others: Others, groups: Sequence[str], total: str, cells: xr.Dataset
) -> tuple[Rows, list[Setting]] | None:
    """Give the areas of other divisions, and what they are."""
    parts, where, settings = [], [], []
    for number, (name, given) in enumerate(others.items()):
        found, size_m = _other(people, name, given, groups, total, cells)
        parts.append(found)
        where.append(np.full(len(found), number))
        settings.append(Setting(name, 0, (0, 0), size_m))
    if not parts:
        return None
    return _rows(np.concatenate(parts), np.concatenate(where), 1, people.counts.shape[1]), settings


def _other(
    people: People, name: str, given: Any, groups: Sequence[str], total: str, cells: xr.Dataset
) -> tuple[Floats, float]:
    """Counts by area, with noise where the cells have some, and the side of a square as large as a mean area, m."""
    if isinstance(given, xr.Dataset):
        counts, _ = group_counts(given, groups, total)
        noise = None if people.noise is None else group_noise(given, groups, total, None)
        side = float(np.sqrt(grid_of(given).area_km2(ids_of(given)).mean() * 1e6))
        return _inhabited(name, counts, people, noise), side
    if isinstance(given, pd.DataFrame):
        return _inhabited(name, _counts_of(name, given, groups, total), people, None), float("nan")
    label = np.asarray(given, dtype=object)
    if label.shape != (cells.sizes["cell"],):
        raise SchemaError(f"{name!r} has {label.shape} labels, must have one for each of {cells.sizes['cell']} cells.")
    of = label[people.kept].astype(str)
    # a cell that no area names is in none of them
    inside = of != ""
    if not inside.any():
        raise SchemaError(f"{name!r} names no area for any cell with residents.")
    named, block = np.unique(of[inside], return_inverse=True)
    found = sums(Cut(block.astype(np.int64), len(named)), people.columns[inside])
    return found, people.cell_size_m * float(np.sqrt(len(block) / len(named)))


def _counts_of(name: str, table: pd.DataFrame, groups: Sequence[str], total: str) -> Floats:
    if lacking := [c for c in [*groups, *([total] if total else [])] if c not in table]:
        raise SchemaError(f"the table {name!r} lacks {lacking}. It has {first_few(table.columns, 12)}.")
    counts = table[list(groups)].to_numpy(dtype=np.float64)
    if total:
        rest = np.maximum(table[total].to_numpy(dtype=np.float64) - counts.sum(axis=1), 0.0)
        counts = np.concatenate([counts, rest[:, None]], axis=1)
    if (counts < 0).any() or np.isinf(counts).any():
        raise SchemaError(f"the table {name!r} has counts that are negative or infinite. Mend it.")
    return counts


def _inhabited(name: str, counts: Floats, people: People, noise: Floats | None) -> Floats:
    with np.errstate(invalid="ignore"):
        held = counts.sum(axis=1) > 0
    if not held.any():
        raise SchemaError(f"{name!r} has no area with residents whose groups are all known.")
    if people.noise is None:
        return np.asarray(counts[held])
    added = np.zeros_like(counts) if noise is None else noise
    return np.asarray(np.concatenate([counts, added], axis=1)[held])
