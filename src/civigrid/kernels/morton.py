"""Morton (Z-order) codes of rows and columns: near cells get near numbers, and a block is a contiguous range."""

from __future__ import annotations

import numpy as np

from civigrid.types import Ids, Ints

BITS = 28
"""Bits of a row or a column: 2**28 cells of 1 m would still span 268,000 km."""

_SPREAD = ((16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F), (2, 0x3333333333333333),
           (1, 0x5555555555555555))  # fmt: skip
_GATHER = ((1, 0x3333333333333333), (2, 0x0F0F0F0F0F0F0F0F), (4, 0x00FF00FF00FF00FF), (8, 0x0000FFFF0000FFFF),
           (16, 0x00000000FFFFFFFF))  # fmt: skip


def _spread(value: Ids) -> Ids:
    """Put a zero bit before every bit of `value`."""
    for shift, mask in _SPREAD:
        value = (value | (value << np.uint64(shift))) & np.uint64(mask)
    return value


def _gather(value: Ids) -> Ids:
    """Undo `_spread`, dropping every second bit."""
    value = value & np.uint64(0x5555555555555555)
    for shift, mask in _GATHER:
        value = (value | (value >> np.uint64(shift))) & np.uint64(mask)
    return value


def interleave(row: Ints, col: Ints) -> Ids:
    """Morton code of rows and columns, each in [0, 2**28), shape (n,).

    Source: G. M. Morton (1966), A computer oriented geodetic data base.

    >>> interleave(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    array([0, 1, 2, 3], dtype=uint64)
    """
    return (_spread(row.astype(np.uint64)) << np.uint64(1)) | _spread(col.astype(np.uint64))


def deinterleave(code: Ids) -> tuple[Ints, Ints]:
    """Rows and columns of Morton codes, each shape (n,).

    >>> deinterleave(interleave(np.array([5]), np.array([9])))
    (array([5]), array([9]))
    """
    row, col = _gather(code >> np.uint64(1)), _gather(code)
    return row.astype(np.int64), col.astype(np.int64)
