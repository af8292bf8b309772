"""Numbers to compact text: differences, byte planes, deflate, base64 (docs/map_format.md)."""

from __future__ import annotations

import base64
import zlib

import numpy as np

from civigrid.types import Ids, Ints


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
