"""Sums under a kernel for cells in a list: dense blocks with a halo, so that a continent fits into memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import fft

from civigrid.kernels.convolution import convolve_all, spectrum
from civigrid.types import Bools, Floats, Ints


class Blocks(NamedTuple):
    """Cells in the order of the blocks they are needed in; a cell in several halos stands there several times.

    `cell` is the cell's place in the list, `row` and `col` its place in the dense block of `shape`, `mine` whether the
    block is the one whose sums it takes; all of shape (entry,).  Block *b* holds entries ``starts[b]`` to
    ``starts[b + 1]``.
    """

    cell: Ints
    row: Ints
    col: Ints
    mine: Bools
    starts: Ints
    shape: tuple[int, int]
    halo: int


def plan_stencils(row: Ints, col: Ints, wanted: Bools, reach: int, cells_per_side: int = 512) -> Blocks:
    """Cut a list of cells into blocks with a halo of `reach`; blocks where no sum is wanted do not appear.

    Parameters
    ----------
    row, col : ndarray of int64, shape (cell,)
        Places of the cells.
    wanted : ndarray of bool, shape (cell,)
        Cells whose sums are asked for.
    reach : int
        Cells the widest kernel reaches.
    cells_per_side : int
        About how many cells a block has along its side; no sum depends on it.

    Returns
    -------
    Blocks
        Every wanted cell is `mine` in exactly one block.

    Examples
    --------
    >>> plan = plan_stencils(np.array([0, 9]), np.array([0, 0]), np.array([True, True]), reach=2, cells_per_side=4)
    >>> plan.cell, plan.shape
    (array([0, 1]), (8, 5))
    """
    row, col = row - row.min(initial=0), col - col.min(initial=0)
    side = [_side(int(at.max(initial=0)) + 1, reach, cells_per_side) for at in (row, col)]
    columns_of_blocks = int(col.max(initial=0)) // side[1] + 2
    found_cell, found_block = [], []
    many = [reach // s + 1 for s in side]
    for down, along in product(*(range(-m, m + 1) for m in many)):
        at_row, at_col = row // side[0] + down, col // side[1] + along
        near = _within(row, at_row, side[0], reach) & _within(col, at_col, side[1], reach)
        near &= (at_row >= 0) & (at_col >= 0) & (at_col < columns_of_blocks)
        cell = np.flatnonzero(near)
        found_cell.append(cell)
        found_block.append(at_row[cell] * columns_of_blocks + at_col[cell])
    cell, block = np.concatenate(found_cell), np.concatenate(found_block)
    mine = (block == (row // side[0] * columns_of_blocks + col // side[1])[cell]) & wanted[cell]
    asked = np.isin(block, np.unique(block[mine]))
    cell, block, mine = cell[asked], block[asked], mine[asked]
    order = np.lexsort((cell, block))
    cell, block, mine = cell[order], block[order], mine[order]
    starts = np.append(np.flatnonzero(np.diff(block, prepend=-1)), len(block))
    corner = block // columns_of_blocks * side[0] - reach, block % columns_of_blocks * side[1] - reach
    shape = side[0] + 2 * reach, side[1] + 2 * reach
    return Blocks(cell, row[cell] - corner[0], col[cell] - corner[1], mine, starts, shape, reach)


def _side(extent: int, reach: int, wished: int) -> int:
    """Give the side of a block: a length that transforms fast once the halo is added, and no larger than the map."""
    if extent <= wished:
        return extent
    return int(fft.next_fast_len(max(wished, reach) + 2 * reach, real=True)) - 2 * reach


def _within(at: Ints, block: Ints, side: int, reach: int) -> Bools:
    return np.asarray((at >= block * side - reach) & (at < (block + 1) * side + reach))


class Spectra:
    """Kernels by frequency, computed once for all blocks; other processes compute their own."""

    def __init__(self) -> None:
        self.known: dict[tuple[bytes, tuple[int, ...]], Floats] = {}

    def __call__(self, weights: Floats, shape: tuple[int, ...]) -> Floats:
        """Give a kernel by frequency."""
        key = weights.tobytes(), shape
        if key not in self.known:
            self.known[key] = spectrum(weights, shape)
        return self.known[key]

    def __reduce__(self) -> tuple[Callable[[], Spectra], tuple[()]]:
        return Spectra, ()


def block_sums(
    weights: Sequence[Floats],
    shape: tuple[int, int],
    halo: int,
    spectra: Spectra,
    columns: Mapping[str, npt.NDArray[Any]],
) -> Floats:
    """Give the sums of one block's own cells, shape (kernel, entry that is mine, column).

    `columns` holds the entries of the block: ``row``, ``col``, ``mine`` and the values ``value_0``, ``value_1`` ...
    """
    count = sum(name.startswith("value_") for name in columns)
    row, col, mine = (columns[name] for name in ("row", "col", "mine"))
    dense = np.zeros((count, *shape))
    for k in range(count):
        dense[k, row, col] = columns[f"value_{k}"]
    sums = np.empty((len(weights), int(mine.sum()), count))
    at_row, at_col = row[mine], col[mine]
    for k, found in enumerate(convolve_all(dense, weights, halo=halo, spectra=spectra)):
        sums[k] = found[:, at_row, at_col].T
    return sums
