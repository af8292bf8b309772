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
    """Places in the order of the blocks they are needed in; one in several halos stands there several times.

    `entry` is the number of the place among those that hold values, or among those `asked` for; `row` and `col` its
    place in the dense block of `shape`; all of shape (entry,).  Block *b* holds entries ``starts[b]`` to
    ``starts[b + 1]``.
    """

    entry: Ints
    row: Ints
    col: Ints
    asked: Bools
    starts: Ints
    shape: tuple[int, int]
    halo: int


def plan_stencils(row: Ints, col: Ints, holding: int, reach: int, cells_per_side: int = 512) -> Blocks:
    """Cut a list of places into blocks with a halo of `reach`; blocks where no sum is asked for do not appear.

    Parameters
    ----------
    row, col : ndarray of int64, shape (place,)
        First the places that hold values, then those whose sums are asked for; at least one of these.
    holding : int
        How many hold values.
    reach : int
        Cells the widest kernel reaches.
    cells_per_side : int
        About how many cells a block has along its side; no sum depends on it.

    Returns
    -------
    Blocks
        Every place that is asked for stands in one block, those that hold values in all that they reach.

    Examples
    --------
    >>> plan = plan_stencils(np.array([0, 9, 9]), np.array([0, 0, 0]), 2, reach=2, cells_per_side=4)
    >>> plan.entry, plan.asked, plan.shape
    (array([1, 0]), array([False,  True]), (8, 5))
    """
    row, col = row - row.min(), col - col.min()
    side = [_side(int(at.max()) + 1, reach, cells_per_side) for at in (row, col)]
    down, along = row // side[0], col // side[1]
    width = int(along.max()) + 1
    own = down[holding:] * width + along[holding:]
    entries, blocks = [np.arange(len(own))], [own]
    many = [range(-(reach // s + 1), reach // s + 2) for s in side]
    for step_down, step_along in product(*many):
        at_row, at_col = down[:holding] + step_down, along[:holding] + step_along
        near = _within(row[:holding], at_row, side[0], reach) & _within(col[:holding], at_col, side[1], reach)
        held = np.flatnonzero(near & (at_row >= 0) & (at_col >= 0) & (at_col < width))
        entries.append(held)
        blocks.append(at_row[held] * width + at_col[held])
    entry, block = np.concatenate(entries), np.concatenate(blocks)
    asked = np.arange(len(entry)) < len(own)
    kept = np.flatnonzero(np.isin(block, np.unique(own)))
    kept = kept[np.lexsort((entry[kept], asked[kept], block[kept]))]
    entry, block, asked = entry[kept], block[kept], asked[kept]
    starts = np.append(np.flatnonzero(np.diff(block, prepend=-1)), len(block))
    place = entry + np.where(asked, holding, 0)
    in_row = row[place] - block // width * side[0] + reach
    in_col = col[place] - block % width * side[1] + reach
    return Blocks(entry, in_row, in_col, asked, starts, (side[0] + 2 * reach, side[1] + 2 * reach), reach)


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
    """Give the sums that are asked for in one block, shape (kernel, asked, column).

    `columns` holds its entries: ``row``, ``col``, ``asked`` and the values ``value_0``, ``value_1`` ...
    """
    count = sum(name.startswith("value_") for name in columns)
    row, col, asked = (columns[name] for name in ("row", "col", "asked"))
    dense = np.zeros((count, *shape))
    for k in range(count):
        dense[k, row[~asked], col[~asked]] = columns[f"value_{k}"][~asked]
    row, col = row[asked], col[asked]
    sums = np.empty((len(weights), len(row), count))
    for k, found in enumerate(convolve_all(dense, weights, halo=halo, spectra=spectra)):
        sums[k] = found[:, row, col].T
    return sums
