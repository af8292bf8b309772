"""Kernels of tiles: which tiles cells lie in, their bytes, their pixels."""

import io
import zlib

import numpy as np
import pytest
import shapely
from PIL import Image
from pmtiles.tile import tileid_to_zxy, zxy_to_tileid
from tile_reader import decode

from civigrid.kernels.tile_cover import cover, hilbert_distance, hilbert_tile
from civigrid.kernels.tile_paint import paint_tile, png
from civigrid.kernels.vector_tile import (
    ABSENT,
    DOUBLE,
    EXTENT,
    MAX_ZOOM,
    SINT,
    UINT,
    WORD,
    WORLD_BITS,
    double_codes,
    encode_tiles,
    layer_head,
    whole_codes,
    word_table,
)

WORLD = 2**WORLD_BITS


def squares(n, side, seed=0):
    """Rings of `n` squares at places of a lattice, shape (n, 4, 2)."""
    rng = np.random.default_rng(seed)
    corner = rng.choice((WORLD // side) ** 2, n, replace=False)
    corner = np.stack([corner % (WORLD // side), corner // (WORLD // side)], axis=1) * side
    return corner[:, None, :] + np.array([[0, 0], [0, side], [side, side], [side, 0]])


def encoded(ring, zoom, codes, kind, keys, words=()):
    """Tiles of rings, decoded: (column, row) to features."""
    found = cover(ring, zoom)
    fid = np.arange(len(ring), dtype=np.uint64) + 10
    made = encode_tiles(
        ring, found.start, found.row, found.tile, zoom, fid, codes, np.array(kind, dtype=np.uint8),
        layer_head("cells", list(keys)), word_table(list(words)),
    )  # fmt: skip
    return {tuple(t): decode(data)["cells"] for t, data in zip(found.tile.tolist(), made, strict=True)}


@pytest.mark.parametrize("zoom", [0, 1, 5, 12])
def test_the_order_of_tiles_is_that_of_pmtiles(zoom):
    """Hilbert's curve both ways, against the reference reader."""
    rng = np.random.default_rng(zoom)
    tile = rng.integers(0, 2**zoom, (50, 2))
    before = (4**zoom - 1) // 3
    distance = hilbert_distance(tile, zoom)

    assert (before + distance).tolist() == [zxy_to_tileid(zoom, x, y) for x, y in tile.tolist()]
    assert hilbert_tile(distance, zoom).tolist() == tile.tolist()
    assert tileid_to_zxy(before + int(distance[0])) == (zoom, *tile[0].tolist())


def test_each_cell_is_in_every_tile_it_overlaps_and_no_other():
    """Against boxes cut one by one; a cell that touches the edge of a tile is not in it."""
    ring, zoom = squares(300, 2**24) + 2**22 * np.arange(300)[:, None, None] % 2**25, 4
    found = cover(ring, zoom)
    side = WORLD >> zoom
    pairs = {
        (x, y, k)
        for k, corners in enumerate(ring)
        for x in range(2**zoom)
        for y in range(2**zoom)
        if corners[:, 0].min() < (x + 1) * side and corners[:, 0].max() > x * side
        and corners[:, 1].min() < (y + 1) * side and corners[:, 1].max() > y * side
    }  # fmt: skip
    size = np.diff(found.start)
    seen = [(*t, k) for t, k in zip(np.repeat(found.tile, size, axis=0).tolist(), found.row.tolist(), strict=True)]

    assert {(p[0], p[1], p[2]) for p in seen} == pairs
    assert len(seen) == len(pairs)
    assert (np.diff(hilbert_distance(found.tile, zoom)) > 0).all()
    assert all((np.diff(found.row[a:b]) > 0).all() for a, b in zip(found.start, found.start[1:], strict=False))


def test_cells_beyond_the_square_are_in_no_tile():
    """Far away, or none at all: no tile."""
    assert len(cover(squares(4, 2**20) + 2**40, 3).tile) == 0
    assert len(cover(np.empty((0, 4, 2), dtype=np.int64), 3).tile) == 0


def test_values_come_back_as_they_went_in():
    """Whole numbers to 2**53, negative ones, doubles to the bit, words, and nothing where there is nothing."""
    ring = squares(200, 2**24)
    rng = np.random.default_rng(1)
    whole = np.append(rng.integers(0, 90, 198), [2**53 - 1, 0]).astype(float)
    signed, real = rng.integers(-500, 500, 200).astype(float), rng.normal(size=200)
    real[3], real[7] = -0.0, np.nan
    word = rng.integers(0, 2, 200)
    word[9] = ABSENT
    codes = np.stack([whole_codes(whole), whole_codes(signed), double_codes(real), word])
    found = encoded(ring, 3, codes, [UINT, SINT, DOUBLE, WORD], ["a", "b", "c", "d"], ["läuft", "x" * 300])
    about = {fid - 10: of for features in found.values() for fid, of, _ in features}

    assert len(about) == 200
    for k in range(200):
        want = {"a": whole[k], "b": signed[k], "c": real[k], "d": ["läuft", "x" * 300][word[k]] if k != 9 else None}
        assert about[k] == {n: v for n, v in want.items() if v is not None and v == v}


def test_whole_cells_stand_in_both_tiles_at_an_edge():
    """Corners are rounded to the unit of the tile, nothing is cut, and rings have a positive area."""
    ring = np.array([[[WORLD // 2 - 2**20, 0], [WORLD // 2 + 2**20, 0], [WORLD // 2 + 2**20, 2**21], [0, 2**21]]])
    found = encoded(ring, 1, np.empty((0, 1), dtype=np.int64), [], [])
    unit = 2 ** (WORLD_BITS - 1 - 12)

    assert set(found) == {(0, 0), (1, 0)}
    for (x, _), ((fid, about, corners),) in found.items():
        back = {tuple(c) for c in (corners * unit + [x * WORLD // 2, 0]).tolist()}
        assert back == {tuple(c) for c in ring[0].tolist()}
        assert shapely.LinearRing(corners).is_ccw  # y down: clockwise for the eye
        assert (fid, about) == (10, {})


def test_the_smallest_cells_are_squares_of_one_unit():
    """A cell of no width at this zoom is not lost."""
    found = encoded(squares(3, 4), 0, np.empty((0, 3), dtype=np.int64), [], [])
    rings = [corners for features in found.values() for *_, corners in features]

    assert len(rings) == 3
    assert all(shapely.Polygon(corners).area == 1 for corners in rings)


def test_neighbours_share_their_corners_at_the_deepest_zoom():
    """A unit of the tile is a unit of the square there: corners come back exactly."""
    ring = squares(1, 2**11) % 2**14
    ((x, y), ((_, _, corners),)) = next(iter(encoded(ring, MAX_ZOOM, np.empty((0, 1), np.int64), [], []).items()))

    assert (corners * 2 + np.array([x, y]) * EXTENT * 2).min(axis=0).tolist() == ring[0].min(axis=0).tolist()


def test_every_pixel_has_one_cell_and_it_is_the_one_that_holds_its_centre():
    """Triangles of a random tessellation against shapely; no pixel is empty, none is painted twice."""
    rng = np.random.default_rng(3)
    points = shapely.MultiPoint(rng.integers(0, WORLD // 8, (60, 2)) * 8)
    triangles = list(shapely.delaunay_triangles(points).geoms)
    ring = np.array([shapely.get_coordinates(t)[:3] for t in triangles]).astype(np.int64)
    rows = np.arange(len(ring))
    painted = np.zeros((256, 256), dtype=int)
    for k in rows:
        painted += paint_tile(ring, rows[k : k + 1], np.ones(len(ring), dtype=np.uint8), 0, 0, 0, 250) > 0
    y, x = (np.mgrid[:256, :256] + 0.5) * WORLD / 256
    hull = shapely.union_all(triangles)
    inside = shapely.contains_xy(hull, x, y)

    assert painted.max() == 1
    assert (painted[inside] == 1).all()
    assert painted[~inside].sum() == 0


def test_hatching_goes_on_from_tile_to_tile():
    """Missing cells have stripes of two codes, on a period that divides the side of a tile."""
    ring = np.array([[[0, 0], [0, WORLD], [WORLD, WORLD], [WORLD, 0]]])
    made = paint_tile(ring, np.array([0]), np.array([4], dtype=np.uint8), 1, 0, 0, 4)

    assert set(np.unique(made)) == {4, 5}
    assert np.array_equal(np.roll(made, 8, axis=1), made)
    assert np.array_equal(made, paint_tile(ring, np.array([0]), np.array([4], dtype=np.uint8), 1, 1, 1, 4))


def test_pictures_are_read_by_pillow():
    """Colours and opacity of each pixel; equal pixels, equal bytes."""
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4) % 3
    palette = [(0, 0, 0, 0), (255, 10, 20, 255), (1, 2, 3, 255)]
    data = png(pixels, palette)
    image = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))

    assert np.array_equal(image, np.array(palette, dtype=np.uint8)[pixels])
    assert data == png(pixels.copy(), palette)
    assert zlib.crc32(data[-8:-4]) == int.from_bytes(data[-4:], "big")
