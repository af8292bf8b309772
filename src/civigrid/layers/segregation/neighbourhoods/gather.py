"""Sums around places of a grid, under kernels: by blocks of squares, or by true distances between hexagons."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from civigrid.engine import Block, Scheduler, map_blocks
from civigrid.grid import Grid, SquareGrid
from civigrid.kernels.convolution import Kernel, in_steps, kernel_weights
from civigrid.kernels.stencils import Spectra, block_sums, plan_stencils
from civigrid.kernels.true_distances import on_earth, sums_on_earth
from civigrid.types import Floats, Ids, Ints

CELLS_PER_BLOCK = 512


class Gather:
    """Sums around places of a grid; kernels are transformed once for all that is asked.

    Parameters
    ----------
    grid : Grid
        Squares, whose distances are those of their plane, or H3, whose distances are those along the ellipsoid.
    ids : ndarray of uint64, shape (place,)
        The places.
    scheduler : Scheduler, optional
        Where blocks of squares are computed; no sum depends on it.
    cells_per_block : int
        Cells along a block's side, about; no sum depends on it.
    """

    def __init__(
        self, grid: Grid, ids: Ids, scheduler: Scheduler | None = None, cells_per_block: int = CELLS_PER_BLOCK
    ) -> None:
        self.square, self.scheduler, self.cells_per_block = isinstance(grid, SquareGrid), scheduler, cells_per_block
        self.spectra = Spectra()
        self.at: npt.NDArray[Any]
        if isinstance(grid, SquareGrid):
            self.side_m, self.at = float(grid.cell_size_m), np.stack(grid.row_col(ids), axis=1)
        else:
            degrees = grid.centre(ids)
            self.side_m, self.at = 1.0, on_earth(degrees[:, 0], degrees[:, 1])

    def near(self, rows: Ints, reach_m: float) -> Ints:
        """Give all places in a box around some, and as far beyond it as a kernel reaches."""
        reach = reach_m / self.side_m + 1
        low, high = self.at[rows].min(axis=0) - reach, self.at[rows].max(axis=0) + reach
        return np.flatnonzero(((self.at >= low) & (self.at <= high)).all(axis=1))

    def __call__(
        self, values: Floats, kernels: Sequence[tuple[Kernel, int]], wanted: Ints, among: Ints | None = None
    ) -> Floats:
        """Sum at the wanted places, shape (kernel, wanted, column), what lies around them.

        `kernels` come with the power of their weights; `values` are those of all places, or of those `among` them.
        """
        if not (len(wanted) and kernels):
            return np.zeros((len(kernels), len(wanted), values.shape[1]))
        among = np.arange(len(self.at)) if among is None else among
        if not self.square:
            return sums_on_earth(self.at[among], values, kernels, self.at[wanted])
        row, col = self.at[np.concatenate([among, wanted])].T
        weights = self._weights(kernels, int(max(np.ptp(row), np.ptp(col))))
        plan = plan_stencils(row, col, len(among), max(len(w) // 2 for w in weights), self.cells_per_block)
        held = np.where(plan.asked, 0, plan.entry)
        columns: dict[str, npt.NDArray[Any]] = {"row": plan.row, "col": plan.col, "asked": plan.asked}
        columns |= {f"value_{k}": values[held, k] for k in range(values.shape[1])}
        blocks = [Block(b, int(s), int(e)) for b, (s, e) in enumerate(pairwise(plan.starts))]
        work = partial(block_sums, weights, plan.shape, plan.halo, self.spectra)
        found = np.concatenate(map_blocks(work, columns, blocks, self.scheduler), axis=1)
        place = np.empty(len(wanted), dtype=np.int64)
        place[plan.entry[plan.asked]] = np.arange(len(wanted))
        return found[:, place]

    def _weights(self, kernels: Sequence[tuple[Kernel, int]], extent: int) -> list[Floats]:
        plain = [in_steps(kernel_weights(kernel, self.side_m, extent)) for kernel, _ in kernels]
        return [in_steps(w**power) for w, (_, power) in zip(plain, kernels, strict=True)]
