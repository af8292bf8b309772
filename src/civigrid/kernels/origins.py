"""One city cut into blocks of cells again and again: at every size, from every origin.

Sums are taken by the block that each cell lies in.  A summed-area table would have to hold the whole box round a
city, sea and all, and its differences leave dust where fractional counts cancel; sums of parts never do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from civigrid.kernels.group import group_sum
from civigrid.types import Floats, Ints


class Cut(NamedTuple):
    """Cells cut into blocks: `block` of each cell, shape (cell,), and how many numbers of blocks there are."""

    block: Ints
    blocks: int


def origins(size: int, most: int, seed: int) -> Ints:
    """Origins of blocks of `size` by `size` cells: how far they are moved, shape (origin, 2), own origin first.

    All `size` squared of them where `most` allows it; else a subset in which, as in a Latin square, every row shift
    and every column shift is as frequent as any other, give or take one.

    Parameters
    ----------
    size : int
        Cells along a block's side.
    most : int
        How many origins at most.
    seed : int
        Of the subset.

    Returns
    -------
    ndarray of int64, shape (origin, 2)
        Row and column shift, in [0, size); the first is (0, 0).

    Notes
    -----
    Latin squares and their transversals: Fisher and Yates (1934), Proc. Camb. Phil. Soc. 30, 492-507.

    Examples
    --------
    >>> origins(2, 25, 0).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> np.bincount(origins(10, 25, 0)[:, 1]).tolist()
    [2, 2, 3, 3, 2, 2, 2, 3, 3, 3]
    """
    if size * size <= most:
        return np.stack(np.divmod(np.arange(size * size), size), axis=1)
    rng = np.random.default_rng([seed, size])
    column = np.append(0, 1 + rng.permutation(size - 1))
    added = np.append(0, 1 + rng.permutation(size - 1))
    rows = np.append(0, 1 + rng.permutation(size - 1))
    # each step through all rows meets each column once
    steps = np.stack([np.tile(rows, size), (column[np.tile(rows, size)] + np.repeat(added, size)) % size], axis=1)
    return steps[:most]


def cut(row: Ints, col: Ints, size: int, shift: Ints) -> Cut:
    """Cut cells into blocks of `size` by `size`, moved by `shift` rows and columns.

    Parameters
    ----------
    row, col : ndarray of int64, shape (cell,)
        Place of each cell in its grid.
    size : int
        Cells along a block's side.
    shift : ndarray of int64, shape (2,)
        How far blocks are moved, southwards and westwards.

    Returns
    -------
    Cut
        Blocks row by row from the south-west; not every number has a cell.

    Examples
    --------
    >>> cut(np.array([0, 0, 3]), np.array([0, 1, 3]), 2, np.array([0, 0])).block
    array([0, 0, 3])
    >>> cut(np.array([0, 0, 3]), np.array([0, 1, 3]), 2, np.array([0, 1])).block
    array([0, 1, 5])
    """
    if not len(row):
        return Cut(np.zeros(0, dtype=np.int64), 0)
    south, west = (row + shift[0]) // size, (col + shift[1]) // size
    south, west = south - south.min(), west - west.min()
    width = int(west.max()) + 1
    return _numbered(south * width + west, (int(south.max()) + 1) * width)


def within(zone: Ints, cells: Cut) -> Cut:
    """Cut blocks at the borders of zones: a block is what one zone has of it, zone after zone.

    >>> within(np.array([0, 1, 1]), Cut(np.array([0, 0, 3]), 4)).block
    array([0, 4, 7])
    """
    zones = int(zone.max(initial=-1)) + 1
    return _numbered(zone * cells.blocks + cells.block, zones * cells.blocks)


def _numbered(block: Ints, blocks: int) -> Cut:
    """Number blocks anew where most of their numbers have no cell: sums need room for every number."""
    if blocks <= 1_000_000 + 4 * len(block):
        return Cut(block, blocks)
    found, number = np.unique(block, return_inverse=True)
    return Cut(number.astype(np.int64), len(found))


def sums(cells: Cut, counts: Floats) -> Floats:
    """Sum counts, shape (cell, column), by block: (block, column)."""
    found = [group_sum(cells.block, counts[:, k], cells.blocks) for k in range(counts.shape[1])]
    return np.stack(found, axis=1) if found else np.zeros((cells.blocks, 0))
