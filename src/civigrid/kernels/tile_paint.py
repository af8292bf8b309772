"""Convex cells painted into the pixels of a tile: a pixel is of the cell that holds its centre, so there is no seam."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Ints

SIDE = 256
"""Pixels along a tile."""
HATCH = 8
"""Period of the hatching, pixels: it goes on from tile to tile."""

Pixels = npt.NDArray[np.uint8]


def paint_tile(
    ring: Ints, row: Ints, code: npt.NDArray[np.uint8], zoom: int, column: int, line: int, hatched: int
) -> Pixels:
    """Paint the cells of one tile.

    Parameters
    ----------
    ring : ndarray of int64, shape (cell, corner, 2)
        Corners of convex cells in units of the square, as in `civigrid.kernels.vector_tile.encode_tiles`.
    row : ndarray of int64, shape (k,)
        The tile's cells.
    code : ndarray of uint8, shape (cell,)
        Colour of each cell; 0 stays empty.
    zoom, column, line : int
        The tile.
    hatched : int
        The code that is hatched: each second stripe gets the next code.

    Returns
    -------
    ndarray of uint8, shape (256, 256)

    Notes
    -----
    A centre on an edge belongs to the cell to its right or below: no pixel is painted twice, or by no neighbour.

    Examples
    --------
    >>> half = 2**30
    >>> ring = np.array([[[0, 0], [0, half], [half, half], [half, 0]]])
    >>> made = paint_tile(ring, np.array([0]), np.array([3], dtype=np.uint8), 0, 0, 0, 9)
    >>> int((made == 3).sum()), int(made[127, 127]), int(made[128, 128])
    (16384, 3, 0)
    """
    return np.asarray(_paint(ring, row, code, zoom, column, line, hatched))


@numba.njit(cache=True, nogil=True)
def _paint(ring, row, code, zoom, column, line, hatched):  # type: ignore[no-untyped-def]
    out = np.zeros((256, 256), np.uint8)
    bits = np.int64(31 - zoom)
    pixel = np.int64(1) << (bits - 8)
    x0, y0 = np.int64(column) << bits, np.int64(line) << bits
    corners = ring.shape[1]
    for k in row:
        if code[k] == 0:
            continue
        top, bottom = ring[k, 0, 1], ring[k, 0, 1]
        for j in range(1, corners):
            top, bottom = min(top, ring[k, j, 1]), max(bottom, ring[k, j, 1])
        first = max((top - y0 - pixel // 2) // pixel, 0)
        last = min((bottom - y0 - pixel // 2) // pixel + 1, 255)
        for py in range(first, last + 1):
            y = y0 + py * pixel + pixel // 2
            left, right = np.inf, -np.inf
            for j in range(corners):
                i = (j + 1) % corners
                xa, ya, xb, yb = ring[k, j, 0], ring[k, j, 1], ring[k, i, 0], ring[k, i, 1]
                if (ya <= y) == (yb <= y):
                    continue
                if ya > yb:
                    # an edge is cut in one direction, whichever cell asks
                    xa, ya, xb, yb = xb, yb, xa, ya
                x = xa + (y - ya) * ((xb - xa) / (yb - ya))
                left, right = min(left, x), max(right, x)
            if left >= right:
                continue
            a = np.int64(max(np.ceil((left - x0 - pixel // 2) / pixel), 0))
            b = np.int64(min(np.ceil((right - x0 - pixel // 2) / pixel), 256))
            for px in range(int(a), int(b)):
                odd = code[k] == hatched and (px + py) % 8 < 3
                out[py, px] = code[k] + 1 if odd else code[k]
    return out


def png(pixels: Pixels, palette: Sequence[tuple[int, int, int, int]]) -> bytes:
    r"""Write pixels as a PNG with a palette.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width)
        Places in the palette.
    palette : sequence of (red, green, blue, opacity)
        At most 256.

    References
    ----------
    W3C, Portable Network Graphics (third edition), sections 11.2 and 11.3.1.

    Examples
    --------
    >>> png(np.zeros((1, 1), dtype=np.uint8), [(255, 0, 0, 255)])[:4]
    b'\x89PNG'
    """
    height, width = pixels.shape
    lines = np.concatenate([np.zeros((height, 1), dtype=np.uint8), pixels], axis=1)
    colors = np.array(palette, dtype=np.uint8)
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 3, 0, 0, 0])
    parts = [(b"IHDR", head), (b"PLTE", colors[:, :3].tobytes()), (b"tRNS", colors[:, 3].tobytes())]
    parts += [(b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
