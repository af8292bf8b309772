"""A reader of vector tiles and archives that shares no line with the writer, and cells to make tiles of."""

import gzip
import struct

import numpy as np

from civigrid.cells import make_cells
from civigrid.grid import SquareGrid
from civigrid.types import Column, Status

KM = SquareGrid(cell_size_m=1000)


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _fields(data):
    """Number and content of each field of a protobuf message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            value, at = _varint(data, at)
        else:
            size, at = (8, at) if key & 7 == 1 else _varint(data, at)
            value, at = data[at : at + size], at + size
        yield key >> 3, value


def _signed(value):
    return (value >> 1) ^ -(value & 1)


def _packed(data):
    at, found = 0, []
    while at < len(data):
        value, at = _varint(data, at)
        found.append(value)
    return found


def _value(data):
    ((kind, value),) = _fields(data)
    read = {1: lambda v: v.decode(), 3: lambda v: struct.unpack("<d", v)[0], 5: int, 6: _signed}
    return read[kind](value)


def _ring(numbers):
    """Corners of the one ring of a feature: move to, line to, close."""
    assert numbers[0] == 9
    assert numbers[-1] == 15
    count = numbers[3] >> 3
    assert numbers[3] & 7 == 2
    steps = [_signed(v) for v in (*numbers[1:3], *numbers[4:-1])]
    assert len(steps) == 2 * (count + 1)
    return np.cumsum(np.array(steps).reshape(-1, 2), axis=0)


def decode(data):
    """Layers of a tile: name to a list of (id, properties, ring)."""
    layers = {}
    for number, layer in _fields(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data):
        assert number == 3
        keys, values, features, name = [], [], [], None
        for field, value in _fields(layer):
            if field == 1:
                name = value.decode()
            elif field == 2:
                features.append(dict(_fields(value)))
            elif field == 3:
                keys.append(value.decode())
            elif field == 4:
                values.append(_value(value))
            else:
                assert (field, value) in ((5, 4096), (15, 2))
        layers[name] = [
            (
                f[1],
                {keys[k]: values[v] for k, v in zip(*[iter(_packed(f.get(2, b"")))] * 2, strict=True)},
                _ring(_packed(f[4])),
            )
            for f in features
        ]
    return layers


def features_of(made, zoom):
    """Id to properties of all features of one zoom of a `TileSet`."""
    found = {}
    for tile in made.tiles():
        if tile.zoom == zoom:
            for features in decode(tile.data).values():
                found |= {fid: about for fid, about, _ in features}
    return found


def town(n=400, seed=0, label="Group"):
    """Cells of 1 km with a total, a part with missing values, a rate and an index that nothing weighs."""
    rng = np.random.default_rng(seed)
    row, col = np.unravel_index(rng.choice(1600, n, replace=False), (40, 40))
    total = rng.integers(0, 900, n).astype(float)
    part = np.floor(total * rng.random(n))
    share = np.divide(part, total, out=np.full(n, np.nan), where=total > 0)
    status = np.full(n, Status.OK, dtype=np.uint8)
    status[:5] = Status.CONFIDENTIAL
    part[:5] = np.nan
    about = {
        "total": Column(long_name="Residents"),
        "part": Column(long_name=label, source="test", reference_date="2021", part_of="total"),
        "share": Column(kind="intensive", units="1", weight="total", long_name="Share"),
        "index": Column(kind="intensive", units="1", long_name="Index"),
    }
    values = {"total": total, "part": part, "share": share, "index": rng.random(n)}
    return make_cells(KM, KM.from_row_col(3250 + row, 4530 + col), values, about, status={"part": status})
