"""Numbers to compact text: differences, byte planes, deflate, base64 (docs/map_format.md)."""

from __future__ import annotations

import base64
import zlib

import numpy as np

from civigrid.types import Ids, Ints

SAMPLE = 65_536
"""So many values in the middle tell whether differences pack better than the values themselves."""


def pack(data: bytes) -> str:
    """Deflate, then base64."""
    return base64.b64encode(zlib.compress(data, 6)).decode("ascii")


def pack_planes(values: Ids, width: int) -> str:
    """Little-endian words of `width` bytes, like bytes beside each other."""
    planes = values.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width]
    return pack(np.ascontiguousarray(planes.T).tobytes())


def pack_words(values: Ints, width: int) -> str:
    """Differences of whole numbers, modulo what `width` bytes hold, as byte planes."""
    steps = np.diff(values.astype(np.int64), prepend=np.int64(0))
    return pack_planes(steps.view(np.uint64), width)


def pack_values(values: Ints, width: int) -> tuple[str, bool]:
    """Byte planes of differences or of the numbers themselves, whichever is smaller; the latter is told by True.

    Times change little from cell to cell, counts of people a lot.

    >>> pack_values(np.arange(1000) % 256 * 7, 2)[1], pack_values(np.array([5, 900, 2, 7, 800, 1]), 2)[1]
    (False, True)
    """
    middle = max(0, len(values) - SAMPLE) // 2
    some = values[middle : middle + SAMPLE]
    if len(pack_planes(some.astype(np.uint64), width)) <= len(pack_words(some, width)):
        return pack_planes(values.astype(np.uint64), width), True
    return pack_words(values, width), False
