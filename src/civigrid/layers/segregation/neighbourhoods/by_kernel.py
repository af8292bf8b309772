"""Who lives around each cell: one answer, whatever makes a neighbourhood."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import xarray as xr

from civigrid.cells import grid_of, ids_of
from civigrid.engine import Scheduler
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid import Grid, SquareGrid
from civigrid.kernels.convolution import Kernel, kernel_weights
from civigrid.layers.segregation.neighbourhoods.gather import CELLS_PER_BLOCK, Gather
from civigrid.types import Floats, Ids, Ints

VALUES_AT_ONCE = 60_000_000
"""Sums held in memory at once, half a gigabyte: kernels beyond that are gathered later."""


class Neighbours(NamedTuple):
    """Cells that are neighbours without being residents: counts of the same groups, shape (cell, group).

    `noise` is the variance of the publisher's noise in each count, or None.
    """

    cells: xr.Dataset
    counts: Floats
    noise: Floats | None = None


class Back(Protocol):
    """Takes what happens to neighbourhoods back to the persons who make them."""

    @property
    def everyone(self) -> Floats:
        """Persons who count as neighbours, shape (place, group): those of the cells, then those outside."""

    @property
    def noise(self) -> Floats | None:
        """Variance of the noise in each of these counts, or None."""

    def __call__(self, rows: Ints, values: Floats) -> tuple[Ints, Floats]:
        """Give places, `rows` among them, in order, and the sums there of values of some cells, shape (row, column)."""


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
    noise : ndarray of float64, shape (cell, group), optional
        Variance that the publisher's noise gives `counts`.
    back : callable, optional
        Weights the other way, as `Back` has them; None: no interval can be told.
    """

    counts: Floats
    size: Floats
    oneself: Floats
    about: Mapping[str, Any]
    noise: Floats | None = None
    back: Back | None = None


Neighbourhood = Kernel | Callable[[xr.Dataset, Floats], Around]
"""A kernel, or a function of cells and counts by group, shape (cell, group), to who lives around."""


def around(
    cells: xr.Dataset,
    counts: Floats,
    kernel: Kernel,
    *,
    noise: Floats | None = None,
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
    noise : ndarray of float64, shape (cell, group), optional
        Variance of the publisher's noise in each count.
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
    Reardon and O'Sullivan (2004), Sociol. Methodol. 34, for persons instead of points of a surface.  The share
    :math:`(K n)_i / (K t)_i` is renormalised by itself over whoever lives within the radius: neither an edge of the
    area nor empty land counts.

    Examples
    --------
    >>> from civigrid.grid import SquareGrid
    >>> from civigrid.cells import make_cells
    >>> grid = SquareGrid(cell_size_m=1000)
    >>> cells = make_cells(grid, grid.from_row_col(np.array([3000, 3000]), np.array([4000, 4001])), {}, {})
    >>> around(cells, np.array([[9.0, 1.0], [0.0, 10.0]]), Kernel("triangular", 2000)).counts
    array([[ 9. ,  6. ],
           [ 4.5, 10.5]])
    """
    return next(
        arounds(
            cells,
            counts,
            [kernel],
            noise=noise,
            outside=outside,
            scheduler=scheduler,
            cells_per_block=cells_per_block,
        )
    )


def arounds(
    cells: xr.Dataset,
    counts: Floats,
    kernels: Sequence[Kernel],
    *,
    noise: Floats | None = None,
    outside: Neighbours | None = None,
    scheduler: Scheduler | None = None,
    cells_per_block: int = CELLS_PER_BLOCK,
    chance: bool = True,
) -> Iterator[Around]:
    """Gather by many kernels at once, as `around` does by one: what they share is computed once.

    Without `chance` nothing is told of it: `size` is NaN.
    """
    if not kernels:
        raise SchemaError("no kernel was given: name at least one radius.")
    place = known_places(cells, counts, noise, outside)
    gather = Gather(place.grid, place.ids, scheduler, cells_per_block)
    residents, groups = np.arange(len(counts)), counts.shape[1]
    # chance works on persons, noise on counts: both by the squared weights
    uncertain = place.persons.sum(axis=1, keepdims=True)
    if place.noise is not None:
        uncertain = np.concatenate([uncertain, place.noise], axis=1)
    for some in _batches(kernels, len(counts) * groups):
        sums = gather(place.persons, [(k, 1) for k in some], residents)
        uneven = [k for k in some if chance and (k.shape != "uniform" or place.noise is not None)]
        squares = dict(zip(uneven, gather(uncertain, [(k, 2) for k in uneven], residents), strict=True))
        for kernel, found in zip(some, sums, strict=True):
            near = found.sum(axis=1)
            # the weights of a uniform kernel are their own squares
            square = squares[kernel][:, 0] if kernel in squares else near
            # slivers of persons that a transform rounds to nothing: no weight is above 1, so that size is at least near
            square = np.where(square > 0, square, near)
            size = np.divide(near * near, square, out=np.zeros_like(near), where=near > 0)
            oneself = np.divide(1.0, near, out=np.zeros_like(near), where=near > 0)
            noisy = squares[kernel][:, 1:] if place.noise is not None and chance else None
            back = KernelBack(place.persons, place.noise, gather, kernel)
            yield Around(
                found, size if chance else np.full_like(size, np.nan), oneself, _told(place.grid, kernel), noisy, back
            )


def _batches(kernels: Sequence[Kernel], values: int) -> Iterator[Sequence[Kernel]]:
    """Give as many kernels at a time as have room in memory."""
    step = max(VALUES_AT_ONCE // max(values, 1), 1)
    yield from (kernels[first : first + step] for first in range(0, len(kernels), step))


def _told(grid: Grid, kernel: Kernel) -> dict[str, Any]:
    """What a kernel is, and whether it reaches no other cell: then its indices are those of the cells themselves."""
    about = dict(kernel.about)
    if isinstance(grid, SquareGrid) and kernel.radius_m > 0:
        alone = np.count_nonzero(kernel_weights(kernel, grid.cell_size_m, at_most=1)) <= 1
        about |= {"reaches": "no other cell: the radius is too small for this grid"} if alone else {}
    return about


class Known(NamedTuple):
    """Cells whose persons are known, those outside after the study's own: grid, ids, persons and noise."""

    grid: Grid
    ids: Ids
    persons: Floats
    noise: Floats | None


def known_places(cells: xr.Dataset, counts: Floats, noise: Floats | None, outside: Neighbours | None) -> Known:
    """Ids, persons and noise of the cells, then of those outside."""
    ids, grid = ids_of(cells), grid_of(cells)
    if counts.shape[0] != len(ids):
        raise SchemaError(f"{counts.shape[0]} rows of counts for {len(ids)} cells: give one row for each cell.")
    if outside is not None:
        if grid_of(outside.cells) != grid:
            raise GridMismatchError(
                f"neighbours outside lie on {grid_of(outside.cells).id}, the cells on {grid.id}. Project them to one."
            )
        more = np.flatnonzero(np.isin(ids_of(outside.cells), ids, invert=True))
        ids = np.concatenate([ids, ids_of(outside.cells)[more]])
        if noise is not None or outside.noise is not None:
            inside = np.zeros_like(counts) if noise is None else noise
            beyond = np.zeros_like(outside.counts) if outside.noise is None else outside.noise
            noise = np.concatenate([inside, beyond[more]])
        counts = np.concatenate([counts, outside.counts[more]])
    known = np.isfinite(counts.sum(axis=1, keepdims=True))
    return Known(grid, ids, np.where(known, counts, 0.0), None if noise is None else np.where(known, noise, 0.0))


@dataclass(frozen=True)
class KernelBack:
    """A kernel's weights the other way, as `Back` has them: distance is the same both ways."""

    everyone: Floats
    noise: Floats | None
    gather: Gather
    kernel: Kernel

    def __call__(self, rows: Ints, values: Floats) -> tuple[Ints, Floats]:
        """Give the places within reach of some cells, and the sums there of their values."""
        if not len(rows):
            return rows, values
        places = self.gather.near(rows, self.kernel.radius_m)
        return places, np.asarray(self.gather(values, [(self.kernel, 1)], places, rows)[0])
