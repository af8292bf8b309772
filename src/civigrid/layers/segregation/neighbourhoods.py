"""Who lives around each cell: one answer, whatever makes a neighbourhood."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.engine import Block, Scheduler, map_blocks
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid import Grid, SquareGrid
from civigrid.kernels.convolution import Kernel, in_steps, kernel_weights
from civigrid.kernels.stencils import Spectra, block_sums, plan_stencils
from civigrid.kernels.true_distances import on_earth, sums_on_earth
from civigrid.types import Bools, Floats, Ids

CELLS_PER_BLOCK = 512


class Neighbours(NamedTuple):
    """Cells that are neighbours without being residents: counts of the same groups, shape (cell, group)."""

    cells: xr.Dataset
    counts: Floats


class Around(NamedTuple):
    """Who lives around each cell.

    Parameters
    ----------
    counts : ndarray of float64, shape (cell, group)
        Persons of each group around, by weight; their shares are the composition of the neighbourhood.
    size : ndarray of float64, shape (cell,)
        Independent persons whose composition is as steady: for weights *K*, :math:`(K t)^2 / (K^2 t)`; 0 where nobody
        is around.
    oneself : ndarray of float64, shape (cell,)
        Chance that a person met around is oneself, :math:`K_{ii} / (K t)_i`; 0 where nobody is around.
    about : mapping
        What makes the neighbourhood, for `parameters` of a result table.
    everyone : ndarray of float64, shape (place, group), optional
        Persons who count as neighbours: those of the cells, then those outside.
    back : callable, optional
        Takes values of the cells, shape (cell, column), to the places they came from, shape (place, column): the
        transposed weights.  None: intervals have to do without.
    """

    counts: Floats
    size: Floats
    oneself: Floats
    about: Mapping[str, Any]
    everyone: Floats | None = None
    back: Callable[[Floats], Floats] | None = None


Neighbourhood = Kernel | Callable[[xr.Dataset, Floats], Around]
"""A kernel, or a function of cells and counts by group, shape (cell, group), to who lives around."""


def around(
    cells: xr.Dataset,
    counts: Floats,
    kernel: Kernel,
    *,
    outside: Neighbours | None = None,
    scheduler: Scheduler | None = None,
    cells_per_block: int = CELLS_PER_BLOCK,
) -> Around:
    r"""Gather who lives around each cell, by a kernel.

    Parameters
    ----------
    cells : xarray.Dataset
        Cell dataset, of squares or H3.
    counts : ndarray of float64, shape (cell, group)
        Persons; a cell with NaN has no known residents and is nobody's neighbour.
    kernel : Kernel
        Weight by distance between centres: in the plane of a square grid, along the ellipsoid for H3.  Weights are
        rounded to steps of 2.4e-7, which makes sums of whole persons exact.
    outside : Neighbours, optional
        Cells around the study area: neighbours, not residents.  Those that are in `cells` too do not count twice.
    scheduler : Scheduler, optional
        Where to compute; no sum depends on it.
    cells_per_block : int
        Cells along a block's side, about; no sum depends on it.

    Returns
    -------
    Around
        In the order of the cells.

    Notes
    -----
    Reardon and O'Sullivan (2004), Sociol. Methodol. 34, eq. 1, for persons instead of points of a surface.  The share
    :math:`(K n)_i / (K t)_i` is renormalised by itself over whoever lives within the radius: neither an edge of the
    area nor empty land counts.
    """
    return next(arounds(cells, counts, [kernel], outside=outside, scheduler=scheduler, cells_per_block=cells_per_block))


def arounds(
    cells: xr.Dataset,
    counts: Floats,
    kernels: Sequence[Kernel],
    *,
    outside: Neighbours | None = None,
    scheduler: Scheduler | None = None,
    cells_per_block: int = CELLS_PER_BLOCK,
) -> Iterator[Around]:
    """Gather by many kernels at once, as `around` does by one: what they share is computed once."""
    if not kernels:
        raise SchemaError("no kernel was given: name at least one radius.")
    place = _places(cells, counts, outside)
    gather = _Gather(place.grid, place.ids, scheduler, cells_per_block)
    residents = np.arange(place.ids.size) < len(counts)
    persons = place.persons.sum(axis=1, keepdims=True)
    sums = gather(place.persons, [(k, 1) for k in kernels], residents)
    uneven = [k for k in kernels if k.shape != "uniform"]
    squares = dict(zip(uneven, gather(persons, [(k, 2) for k in uneven], residents), strict=True)) if uneven else {}
    for kernel, found in zip(kernels, sums, strict=True):
        near = found.sum(axis=1)
        square = squares[kernel][:, 0] if kernel in squares else near
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.where(near > 0, near * near / square, 0.0)
            oneself = np.where(near > 0, 1 / near, 0.0)
        about = {"kernel": kernel.shape, "radius_m": kernel.radius_m, "decay_m": kernel.decay_m}
        yield Around(found, size, oneself, about, place.persons, partial(_back, gather, kernel, len(counts)))


class _Places(NamedTuple):
    grid: Grid
    ids: Ids
    persons: Floats


def _places(cells: xr.Dataset, counts: Floats, outside: Neighbours | None) -> _Places:
    """Ids and persons of the cells, then of those outside."""
    ids, grid = ids_of(cells), grid_of(cells)
    if counts.shape[0] != len(ids):
        raise SchemaError(f"{counts.shape[0]} rows of counts for {len(ids)} cells: give one row for each cell.")
    if outside is not None:
        if grid_of(outside.cells) != grid:
            raise GridMismatchError(
                f"neighbours outside lie on {grid_of(outside.cells).id}, the cells on {grid.id}. Project them to one."
            )
        more: Bools = np.isin(ids_of(outside.cells), ids, invert=True)
        ids = np.concatenate([ids, ids_of(outside.cells)[more]])
        counts = np.concatenate([counts, outside.counts[more]])
    unknown = np.asarray(np.isnan(counts).any(axis=1))
    return _Places(grid, ids, np.where(unknown[:, None], 0.0, counts))


class _Gather:
    """Sums around places of a grid; kernels are transformed once for all that is asked."""

    def __init__(self, grid: Grid, ids: Ids, scheduler: Scheduler | None, cells_per_block: int) -> None:
        self.grid, self.ids, self.scheduler, self.cells_per_block = grid, ids, scheduler, cells_per_block
        self.spectra = Spectra()

    def __call__(self, values: Floats, kernels: Sequence[tuple[Kernel, int]], wanted: Bools) -> Floats:
        """Sums at the wanted places, shape (kernel, wanted, column), from kernels and the powers of their weights."""
        if not wanted.any():
            return np.zeros((len(kernels), 0, values.shape[1]))
        if not isinstance(self.grid, SquareGrid):
            degrees = self.grid.centre(self.ids)
            places = on_earth(degrees[:, 0], degrees[:, 1])
            return sums_on_earth(places, values, kernels, np.flatnonzero(wanted))
        row, col = self.grid.row_col(self.ids)
        extent = int(max(np.ptp(row), np.ptp(col)))
        weights = [
            in_steps(in_steps(kernel_weights(kernel, self.grid.cell_size_m, extent)) ** power)
            for kernel, power in kernels
        ]
        plan = plan_stencils(row, col, wanted, max(len(w) // 2 for w in weights), self.cells_per_block)
        columns: dict[str, npt.NDArray[Any]] = {"row": plan.row, "col": plan.col, "mine": plan.mine}
        columns |= {f"value_{k}": values[plan.cell, k] for k in range(values.shape[1])}
        blocks = [Block(b, int(s), int(e)) for b, (s, e) in enumerate(zip(plan.starts, plan.starts[1:], strict=False))]
        work = partial(block_sums, weights, plan.shape, plan.halo, self.spectra)
        found = np.concatenate(map_blocks(work, columns, blocks, self.scheduler), axis=1)
        place = np.empty(len(self.ids), dtype=np.int64)
        place[plan.cell[plan.mine]] = np.arange(found.shape[1])
        return np.asarray(found[:, place[wanted]])


def _back(gather: _Gather, kernel: Kernel, residents: int, values: Floats) -> Floats:
    """Spread values of the residents' cells over those they came from: distance is the same both ways."""
    spread = np.zeros((len(gather.ids), values.shape[1]))
    spread[:residents] = values
    return np.asarray(gather(spread, [(kernel, 1)], np.ones(len(spread), dtype=bool))[0])
