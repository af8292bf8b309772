"""Rasters to cells, exact: every cell is swept over the pixels, so that each pixel is dealt out to the last bit.

Cells are drawn in the plane of the raster, where its pixels are squares: boxes if both lie in one CRS (whole pixels if
they nest), else polygons whose sides are cut to 1 km before they are projected.  Neighbours share their corners, so
nothing of a pixel is lost or counted twice, on squares and on H3 alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import fsum
from typing import NamedTuple, Protocol

import numpy as np
import xarray as xr

from civigrid.cells import make_cells
from civigrid.engine import Scheduler, map_pieces
from civigrid.errors import GridMismatchError, SchemaError, SourceError
from civigrid.grid import Grid
from civigrid.kernels.pixel_sums import (
    NO_CLASS,
    UNKNOWN,
    PixelSums,
    add_classes,
    add_runs,
    clip_runs,
    whole_area,
)
from civigrid.kernels.sweep import Coverage
from civigrid.project.ledger import Entry, check_ledger
from civigrid.project.pixel_cells import Block, Lattice, bounds_runs, plan_cells, runs_of
from civigrid.project.spread import COVERED, Projection
from civigrid.source import Source
from civigrid.types import Column, Floats, Ids, Ints, Kind, Status, Statuses

STRIP_PIXELS = 4_000_000
"""Pixels read at a time: what a worker holds, however large the raster or a cell."""


class Raster(Protocol):
    """One band of a raster: where its pixels lie, and how to read some of them.  Tasks are told this, not pixels."""

    @property
    def lattice(self) -> Lattice:
        """Where the pixels lie."""

    def read(self, rows: tuple[int, int], cols: tuple[int, int]) -> Floats:
        """Values of a window, shape (row, col), NaN where unknown."""


@dataclass(frozen=True, eq=False)
class RasterArray:
    """A raster in memory.

    Parameters
    ----------
    values : ndarray of float64, shape (row, col)
        NaN where unknown.
    lattice : Lattice
        Where the pixels lie.
    """

    values: Floats
    lattice: Lattice

    def read(self, rows: tuple[int, int], cols: tuple[int, int]) -> Floats:
        """Values of a window, shape (row, col)."""
        return np.asarray(self.values[slice(*rows), slice(*cols)], dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class RasterSource(Source):
    """A source whose one measured column is a raster.

    Parameters
    ----------
    raster : Raster
        The band.
    classes : mapping of int to str
        For a raster of classes, the name of each code.
    """

    raster: Raster
    classes: Mapping[int, str] = field(default_factory=dict)


class _Part(NamedTuple):
    """What a block of cells found: only cells with a known pixel."""

    cell_id: Ids
    total: Floats
    base: Floats
    covered: Floats
    split: Floats
    by_class: Floats


def project_raster(
    raster: Raster,
    grid: Grid,
    *,
    name: str,
    about: Column | None = None,
    weight: Raster | None = None,
    source: str = "",
    scheduler: Scheduler | None = None,
) -> Projection:
    """Bring a raster onto cells: counts are dealt out by area, rates averaged by area or by another raster.

    Parameters
    ----------
    raster : Raster
        The band.
    grid : Grid
        Square or H3 grid, in any CRS.
    name : str
        Name of the variable made.
    about : Column, optional
        What it means; by default a count of persons.  ``extensive``: people per pixel, their total stays to 1e-12.
        ``intensive``: a share, a density, a height.
    weight : Raster, optional
        For a rate, what its mean is weighted by; the same pixels.  By default area.
    source : str
        Name of the source, for the ledger.
    scheduler : Scheduler, optional
        Where blocks of cells are summed; no result depends on it.

    Returns
    -------
    Projection
        Cells that hold a known pixel, at least in part.  `covered` says which share of a cell is known; a count of a
        cell that is not known wholly is ``PARTIAL``, a lower bound; one that holds parts of pixels is ``IMPUTED``.
        Nothing is made of a pixel without a value: it never counts as 0.

    Raises
    ------
    GridMismatchError
        The weight has other pixels.
    SourceError
        A value is infinite.

    Examples
    --------
    >>> from civigrid.grid import SquareGrid
    >>> pixels = Lattice("EPSG:3035", (500.0, 0.0, 4_000_000.0, 0.0, -500.0, 3_001_000.0), 2, 4)
    >>> people = RasterArray(np.array([[1.0, 2, 3, 4], [5, 6, 7, np.nan]]), pixels)
    >>> made = project_raster(people, SquareGrid(cell_size_m=1000), name="people")
    >>> made.cells["people"].values, made.cells["covered"].values
    (array([14., 14.]), array([1.  , 0.75]))
    """
    about = about or Column(long_name=name)
    if weight is not None and weight.lattice != raster.lattice:
        raise GridMismatchError("the weights have other pixels than the raster. Resample one to the other first.")
    if weight is not None and about.kind == "extensive":
        raise SchemaError(f"{name!r} is a count: it is dealt out by area, and takes no weight.")
    work = partial(_sum_block, raster, weight, grid, about.kind)
    part = _joined(map_pieces(work, plan_cells(raster.lattice, grid), scheduler), 0)
    values = {name: part.total if about.kind == "extensive" else part.total / part.base, COVERED: part.covered}
    status = {} if about.kind == "intensive" else {name: _count_status(part)}
    columns = {name: replace(about, source=source or about.source), COVERED: _covered_about(source)}
    cells = make_cells(grid, part.cell_id, values, columns, status=status)
    ledger = (
        [_entry(raster, grid, (name, source), float(fsum(part.total)), scheduler)] if about.kind == "extensive" else []
    )
    return Projection(cells, check_ledger(ledger))


def project_classes(
    raster: Raster, grid: Grid, classes: Mapping[int, str], *, source: str = "", scheduler: Scheduler | None = None
) -> xr.Dataset:
    """Give the share of each cell's area that each class of a raster covers, and the largest class.

    Parameters
    ----------
    raster : Raster
        Whole numbers, the codes of classes.
    grid : Grid
        Square or H3 grid, in any CRS.
    classes : mapping of int to str
        Name of each code that is wanted; others are known, and of no class.
    source : str
        Name of the source.
    scheduler : Scheduler, optional
        Where blocks of cells are summed; no result depends on it.

    Returns
    -------
    xarray.Dataset
        One share per class, in [0, 1], of the whole cell; `covered`, the share whose class is known; and the label
        `largest`, the class with most area (the first of equal ones), empty where none of them occurs.

    Examples
    --------
    >>> from civigrid.grid import SquareGrid
    >>> pixels = Lattice("EPSG:3035", (500.0, 0.0, 4_000_000.0, 0.0, -500.0, 3_001_000.0), 2, 2)
    >>> land = RasterArray(np.array([[1.0, 1], [2, np.nan]]), pixels)
    >>> made = project_classes(land, SquareGrid(cell_size_m=1000), {1: "urban", 2: "forest"})
    >>> made["urban"].values, made["covered"].values, made["largest"].values
    (array([0.5]), array([0.75]), array(['urban'], dtype=object))
    """
    if taken := sorted({COVERED, "largest"} & set(classes.values())):
        raise SchemaError(f"a class is named {', '.join(taken)}, as a variable that is made. Rename it.")
    work = partial(_class_block, raster, dict(classes), grid)
    part = _joined(map_pieces(work, plan_cells(raster.lattice, grid), scheduler), len(classes))
    names = np.array([*classes.values(), ""], dtype=object)
    largest = np.where(part.by_class.max(axis=1, initial=0) > 0, _first_largest(part.by_class), len(classes))
    values = dict(zip(classes.values(), part.by_class.T, strict=True)) | {COVERED: part.covered}
    about = {n: Column(kind="intensive", units="1", long_name=n, source=source) for n in classes.values()}
    about[COVERED] = _covered_about(source)
    return make_cells(grid, part.cell_id, values, about, labels={"largest": names[largest]})


def _first_largest(by_class: Floats) -> Ints:
    return by_class.argmax(axis=1) if by_class.shape[1] else np.zeros(len(by_class), dtype=np.int64)


def _covered_about(source: str) -> Column:
    return Column(kind="intensive", units="1", long_name="Share of the cell that the raster tells", source=source)


def _sum_block(raster: Raster, weight: Raster | None, grid: Grid, kind: Kind, block: Block) -> _Part:
    """Sum the pixels of a block of cells: what a worker does."""
    ids, runs = runs_of(block, raster.lattice, grid)
    whole = _whole_area(runs, len(ids), raster.lattice)
    runs = _on_raster(runs, raster.lattice)
    sums = PixelSums.zeros(len(ids))
    for strip in _strips(runs):
        corner, rows, cols = _box(strip)
        values = _finite(raster.read(rows, cols))
        area = raster.lattice.pixel_areas(*rows)
        if weight is not None:
            weights = _finite(weight.read(rows, cols))
        else:
            weights = np.repeat(area[:, None] if kind == "intensive" else np.ones((len(area), 1)), values.shape[1], 1)
        add_runs(strip, corner, values, weights, area, sums)
    total, base = sums.total.sum(axis=0), sums.base.sum(axis=0)
    held = (sums.known > 0) & ((base > 0) | (kind == "extensive"))
    covered = np.minimum(sums.known[held] / whole[held], 1.0)
    return _Part(ids[held], total[held], base[held], covered, sums.split[held], np.empty((int(held.sum()), 0)))


def _class_block(raster: Raster, classes: Mapping[int, str], grid: Grid, block: Block) -> _Part:
    ids, runs = runs_of(block, raster.lattice, grid)
    whole = _whole_area(runs, len(ids), raster.lattice)
    runs = _on_raster(runs, raster.lattice)
    by_class, known = np.zeros((len(ids), len(classes))), np.zeros(len(ids))
    for strip in _strips(runs):
        corner, rows, cols = _box(strip)
        values = _finite(raster.read(rows, cols))
        codes = np.full(values.shape, NO_CLASS, dtype=np.int16)
        for place, code in enumerate(classes):
            codes[values == code] = place
        codes[np.isnan(values)] = UNKNOWN
        add_classes(strip, corner, codes, raster.lattice.pixel_areas(*rows), by_class, known)
    held = known > 0
    covered, none = np.minimum(known[held] / whole[held], 1.0), np.empty(int(held.sum()))
    return _Part(ids[held], none, none, covered, none, np.minimum(by_class[held] / whole[held, None], 1.0))


def _joined(parts: list[_Part], classes: int) -> _Part:
    if not parts:
        none = np.empty(0)
        return _Part(np.empty(0, dtype=np.uint64), none, none, none, none, np.empty((0, classes)))
    return _Part(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _whole_area(runs: Coverage, cells: int, lattice: Lattice) -> Floats:
    if not len(runs.row):
        return np.zeros(cells)
    first, stop = int(runs.row.min()), int(runs.row.max()) + 1
    return whole_area(runs, cells, first, lattice.pixel_areas(first, stop))


def _on_raster(runs: Coverage, lattice: Lattice) -> Coverage:
    return clip_runs(runs, (0, lattice.rows), (0, lattice.cols))


def _strips(runs: Coverage) -> list[Coverage]:
    """Runs by strips of rows, southwards: each is read by itself, and every cell meets its rows in one order."""
    if not len(runs.row):
        return []
    width = int(runs.stop.max() - runs.col.min())
    first, stop = int(runs.row.min()), int(runs.row.max()) + 1
    step = max(STRIP_PIXELS // width, 1)
    everywhere = (int(runs.col.min()), int(runs.stop.max()))
    if stop - first <= step:
        return [runs]
    strips = [clip_runs(runs, (r, min(r + step, stop)), everywhere) for r in range(first, stop, step)]
    return [strip for strip in strips if len(strip.row)]


def _box(runs: Coverage) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    rows = int(runs.row.min()), int(runs.row.max()) + 1
    cols = int(runs.col.min()), int(runs.stop.max())
    return (rows[0], cols[0]), rows, cols


def _finite(values: Floats) -> Floats:
    if np.isinf(values).any():
        raise SourceError(
            f"{int(np.isinf(values).sum())} pixels are infinite. Say what they are: nodata, or mend them."
        )
    return values


def _count_status(part: _Part) -> Statuses:
    status = np.where(part.total == 0, Status.OBSERVED_ZERO, Status.OK).astype(np.uint8)
    status[part.split.astype(bool) & (part.total != 0)] = Status.IMPUTED
    status[part.covered < 1 - 1e-9] = Status.PARTIAL
    return status


# --- the ledger: a second look at the raster, strip by strip, that knows of no cells ---


def _entry(raster: Raster, grid: Grid, names: tuple[str, str], placed: float, scheduler: Scheduler | None) -> Entry:
    lattice = raster.lattice
    step = max(STRIP_PIXELS // max(lattice.cols, 1), 1)
    strips = [(r, min(r + step, lattice.rows)) for r in range(0, lattice.rows, step)]
    found = map_pieces(partial(_strip_sum, raster), strips, scheduler)
    total = fsum(part for part, _ in found)
    return Entry(
        source=names[1],
        variable=names[0],
        total=total,
        placed=placed,
        outside=total - _inside(raster, grid, total),
        missing_units=sum(unknown for _, unknown in found),
        method="raster, by area",
    )


def _strip_sum(raster: Raster, rows: tuple[int, int]) -> tuple[float, int]:
    values = raster.read(rows, (0, raster.lattice.cols))
    return float(np.nansum(values)), int(np.isnan(values).sum())


def _inside(raster: Raster, grid: Grid, total: float) -> float:
    """Mass within the grid's bounds."""
    runs = bounds_runs(raster.lattice, grid)
    if runs is None:
        return total
    sums = PixelSums.zeros(1)
    for strip in _strips(_on_raster(runs, raster.lattice)):
        corner, rows, cols = _box(strip)
        values = raster.read(rows, cols)
        add_runs(strip, corner, values, np.ones(values.shape), np.ones(len(values)), sums)
    return float(sums.total.sum())
