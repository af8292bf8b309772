"""Vector tiles as bytes: whole convex cells with attributes, in the Mapbox Vector Tile encoding, version 2.1."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from civigrid.types import Ids, Ints

EXTENT = 4096
"""Units along the side of a tile."""
WORLD_BITS = 31
"""A scheme's square is cut into 2**31 units a side: 19 mm in Web Mercator."""
MAX_ZOOM = WORLD_BITS - 13
"""Deepest zoom: below it a unit of a tile would be finer than one of the square."""
ABSENT = np.iinfo(np.int64).min
"""Code of an attribute that a cell does not have."""
UINT, SINT, DOUBLE, WORD = 0, 1, 2, 3
"""How an attribute is stored: whole numbers, with sign, doubles by their bits, and words by their place in a list."""

Bytes = npt.NDArray[np.uint8]


def varint(value: int) -> bytes:
    """Write a whole number as a protobuf varint.

    >>> varint(300).hex()
    'ac02'
    """
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def layer_head(name: str, keys: list[str]) -> Bytes:
    """Give the bytes of a layer before its features: version, name, extent, names of the attributes."""
    out = b"\x78\x02" + _text(0x0A, name) + b"\x28" + varint(EXTENT)
    return np.frombuffer(out + b"".join(_text(0x1A, key) for key in keys), dtype=np.uint8)


def _text(tag: int, text: str) -> bytes:
    data = text.encode("utf-8")
    return bytes([tag]) + varint(len(data)) + data


def word_table(words: list[str]) -> tuple[Bytes, Ints]:
    """Words as UTF-8 behind each other, and where each begins."""
    data = [word.encode("utf-8") for word in words]
    return np.frombuffer(b"".join(data) or b"\0", dtype=np.uint8), np.cumsum([0, *map(len, data)])


def encode_tiles(
    ring: Ints,
    start: Ints,
    row: Ints,
    tile: Ints,
    zoom: int,
    fid: Ids,
    codes: Ints,
    kind: npt.NDArray[np.uint8],
    head: Bytes,
    words: tuple[Bytes, Ints],
) -> list[bytes]:
    """Encode tiles of one layer, one after another.

    Parameters
    ----------
    ring : ndarray of int64, shape (cell, corner, 2)
        Corners of the cells in units of the square, x to the right and y downwards; a corner may repeat.
    start : ndarray of int64, shape (tile + 1,)
        Where each tile's cells begin in `row`.
    row : ndarray of int64, shape (pair,)
        Cells of the tiles.
    tile : ndarray of int64, shape (tile, 2)
        Column and row of each tile.
    zoom : int
        Zoom of the tiles, at most `MAX_ZOOM`.
    fid : ndarray of uint64, shape (cell,)
        Ids of the features.
    codes : ndarray of int64, shape (key, cell)
        Attributes; `ABSENT` where a cell has none.
    kind : ndarray of uint8, shape (key,)
        How each attribute is stored.
    head : ndarray of uint8
        As `layer_head` gives it.
    words : tuple of ndarray
        As `word_table` gives them.

    Returns
    -------
    list of bytes
        One tile each, not compressed.

    Notes
    -----
    Cells are never cut: one that crosses the edge of a tile stands whole, with the same id, in both.  Rings turn as the
    specification asks for (area positive by the surveyor's formula).  A cell too small to have an area is a square of
    one unit, so that none is lost.

    References
    ----------
    Mapbox, Vector Tile Specification 2.1 (2016), sections 4.1 to 4.4.

    Examples
    --------
    >>> square = np.array([[[0, 2**31], [2**31, 2**31], [2**31, 0], [0, 0]]])
    >>> zeros = np.zeros((1, 2), dtype=np.int64)
    >>> made = encode_tiles(
    ...     square, np.array([0, 1]), np.array([0]), zeros, 0, np.array([7], dtype=np.uint64),
    ...     np.array([[5]]), np.array([UINT], dtype=np.uint8), layer_head("a", ["n"]), word_table([]),
    ... )
    >>> made[0].hex()
    '1a2a78020a01612880201a016e12190807120200001803220f090080401a00ff3f8040000080400f22022805'
    """
    out, ends = _encode(ring, start, row, tile, zoom, fid, codes, kind, head, words[0], words[1])
    data = out[: ends[-1]].tobytes() if len(ends) else b""
    return [data[a:b] for a, b in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)] if len(ends) else []


@numba.njit(cache=True, nogil=True, inline="always")
def _put(out, at, value):  # type: ignore[no-untyped-def]
    """Write a varint; give the place behind it."""
    v = np.uint64(value)
    while v > np.uint64(127):
        out[at] = np.uint8((v & np.uint64(127)) | np.uint64(128))
        v >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(v)
    return at + 1


@numba.njit(cache=True, nogil=True, inline="always")
def _zigzag(value):  # type: ignore[no-untyped-def]
    return np.uint64((value << 1) ^ (value >> 63))


@numba.njit(cache=True, nogil=True)
def _geometry(ring, x0, y0, shift, points, out):  # type: ignore[no-untyped-def]
    """Write the commands of one ring; give their length."""
    half = (np.int64(1) << shift) >> 1
    n = 0
    for k in range(ring.shape[0]):
        x, y = (ring[k, 0] - x0 + half) >> shift, (ring[k, 1] - y0 + half) >> shift
        if n and x == points[n - 1, 0] and y == points[n - 1, 1]:
            continue
        points[n, 0], points[n, 1] = x, y
        n += 1
    while n > 1 and points[0, 0] == points[n - 1, 0] and points[0, 1] == points[n - 1, 1]:
        n -= 1
    twice = np.int64(0)
    for k in range(n):
        j = (k + 1) % n
        twice += points[k, 0] * points[j, 1] - points[j, 0] * points[k, 1]
    if twice == 0:
        x, y = points[0, 0], points[0, 1]
        points[1, 0], points[1, 1] = x + 1, y
        points[2, 0], points[2, 1] = x + 1, y + 1
        points[3, 0], points[3, 1] = x, y + 1
        n, twice = 4, np.int64(1)
    at = _put(out, 0, 9)
    px = py = np.int64(0)
    for k in range(n):
        j = k if twice > 0 else (n - k) % n
        if k == 1:
            at = _put(out, at, ((n - 1) << 3) | 2)
        at = _put(out, at, _zigzag(points[j, 0] - px))
        at = _put(out, at, _zigzag(points[j, 1] - py))
        px, py = points[j, 0], points[j, 1]
    return _put(out, at, 15)


@numba.njit(cache=True, nogil=True)
def _look_up(code, kind, slots, mask, keys, kinds, place, n):  # type: ignore[no-untyped-def]
    """Index of a value among those of the tile; `n` where it is new."""
    h = np.uint64(code) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(kind)
    slot = np.int64((h ^ (h >> np.uint64(29))) & mask)
    while slots[slot] >= 0:
        found = slots[slot]
        if keys[found] == code and kinds[found] == kind:
            return found
        slot = np.int64(np.uint64(slot + 1) & mask)
    slots[slot], keys[n], kinds[n], place[n] = n, code, kind, slot
    return n


@numba.njit(cache=True, nogil=True)
def _value(code, kind, out, at, words, word_at):  # type: ignore[no-untyped-def]
    """Write one value message."""
    out[at] = 0x22
    if kind == 3:
        a, b = word_at[code], word_at[code + 1]
        scratch = np.empty(12, np.uint8)
        n = _put(scratch, 0, b - a)
        at = _put(out, at + 1, 1 + n + b - a)
        out[at] = 0x0A
        at = _put(out, at + 1, b - a)
        out[at : at + b - a] = words[a:b]
        return at + b - a
    if kind == 2:
        out[at + 1], out[at + 2] = 9, 0x19
        bits = np.uint64(code)
        for k in range(8):
            out[at + 3 + k] = np.uint8((bits >> np.uint64(8 * k)) & np.uint64(255))
        return at + 11
    scratch = np.empty(12, np.uint8)
    n = _put(scratch, 0, np.uint64(code) if kind == 0 else _zigzag(code))
    out[at + 1] = 1 + n
    out[at + 2] = 0x28 if kind == 0 else 0x30
    out[at + 3 : at + 3 + n] = scratch[:n]
    return at + 3 + n


@numba.njit(cache=True, nogil=True)
def _gather(codes, row, kind, slots, mask, keys, kinds, place, used):  # type: ignore[no-untyped-def]
    """Number the values of one tile's cells as they come; give how many there are."""
    n = 0
    for k in range(len(row)):
        for j in range(len(kind)):
            code = codes[j, row[k]]
            if code == ABSENT:
                used[k, j] = -1
                continue
            used[k, j] = _look_up(code, kind[j], slots, mask, keys, kinds, place, n)
            if used[k, j] == n:
                n += 1
    return n


@numba.njit(cache=True, nogil=True)
def _tags(used, rank, out):  # type: ignore[no-untyped-def]
    """Write the tags of one feature; give their length."""
    n = 0
    for j in range(len(used)):
        if used[j] >= 0:
            n = _put(out, n, j)
            n = _put(out, n, rank[used[j]])
    return n


@numba.njit(cache=True, nogil=True)
def _longest(start):  # type: ignore[no-untyped-def]
    most = np.int64(0)
    for t in range(len(start) - 1):
        most = max(most, start[t + 1] - start[t])
    return most


@numba.njit(cache=True, nogil=True)
def _encode(ring, start, row, tile, zoom, fid, codes, kind, head, words, word_at):  # type: ignore[no-untyped-def]
    n_tiles, corners, n_keys = len(tile), ring.shape[1], codes.shape[0]
    most, size = _longest(start), 16
    while size < 2 * most * n_keys:
        size *= 2
    slots, mask = np.full(size, -1, np.int64), np.uint64(size - 1)
    keys, kinds = np.empty(most * n_keys, np.int64), np.empty(most * n_keys, np.uint8)
    place, used = np.empty(most * n_keys, np.int64), np.empty((most, n_keys), np.int64)
    rank = np.empty(most * n_keys, np.int64)
    tags, shape = np.empty(n_keys * 8 + 16, np.uint8), np.empty(corners * 22 + 96, np.uint8)
    points = np.empty((corners + 4, 2), np.int64)
    # room for the longest a cell can be, and for every word once
    one, more = 120 + n_keys * 22 + corners * 22, len(head) + 64 + len(words) + 16 * len(word_at)
    out, layer = np.empty(len(row) * one + n_tiles * more, np.uint8), np.empty(most * one + more, np.uint8)
    ends, end = np.empty(n_tiles, np.int64), 0
    shift, span = np.int64(31 - 12 - zoom), np.int64(1) << np.int64(31 - zoom)
    for t in range(n_tiles):
        rows = row[start[t] : start[t + 1]]
        n_values = _gather(codes, rows, kind, slots, mask, keys, kinds, place, used)
        # in the order of their size values lie beside their like, and deflate well
        order = np.argsort(keys[:n_values])
        for k in range(n_values):
            rank[order[k]] = k
            slots[place[k]] = -1
        layer[: len(head)] = head
        at = len(head)
        for k in range(len(rows)):
            n_tags = _tags(used[k], rank, tags)
            n_shape = _geometry(ring[rows[k]], tile[t, 0] * span, tile[t, 1] * span, shift, points, shape)
            at = _feature(layer, at, fid[rows[k]], tags, n_tags, shape, n_shape)
        for k in range(n_values):
            at = _value(keys[order[k]], kinds[order[k]], layer, at, words, word_at)
        out[end] = 0x1A
        end = _put(out, end + 1, at)
        out[end : end + at] = layer[:at]
        end += at
        ends[t] = end
    return out, ends


@numba.njit(cache=True, nogil=True)
def _feature(out, at, fid, tags, n_tags, shape, n_shape):  # type: ignore[no-untyped-def]
    scratch = np.empty(12, np.uint8)
    n_id, n_a = _put(scratch, 0, fid), _put(scratch, 0, n_shape)
    length = 1 + n_id + 2 + 1 + n_a + n_shape
    if n_tags:
        length += 1 + _put(scratch, 0, n_tags) + n_tags
    out[at] = 0x12
    at = _put(out, at + 1, length)
    out[at] = 0x08
    at = _put(out, at + 1, fid)
    if n_tags:
        out[at] = 0x12
        at = _put(out, at + 1, n_tags)
        out[at : at + n_tags] = tags[:n_tags]
        at += n_tags
    out[at], out[at + 1], out[at + 2] = 0x18, 3, 0x22
    at = _put(out, at + 3, n_shape)
    out[at : at + n_shape] = shape[:n_shape]
    return at + n_shape


def double_codes(values: npt.NDArray[np.float64]) -> Ints:
    """Doubles by their bits; NaN is `ABSENT`, and -0 is 0."""
    bits: Any = (values + 0.0).view(np.int64)
    return np.where(np.isnan(values), ABSENT, bits)


def whole_codes(values: npt.NDArray[np.float64]) -> Ints:
    """Whole numbers as such; NaN is `ABSENT`."""
    return np.where(np.isnan(values), ABSENT, np.nan_to_num(values).astype(np.int64))
