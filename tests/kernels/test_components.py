"""Components and holes of sparse cells, against scipy's labels of dense rasters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from civigrid.kernels.components import components, holes

RASTERS = hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))
QUEEN = np.ones((3, 3), dtype=int)


def test_corners_count_only_for_the_queen():
    """Two cells that touch by a corner are one component for the queen and two for the rook."""
    row, col = np.array([5, 6, 5]), np.array([5, 6, 9])

    assert components(row, col, diagonal=False)[0].tolist() == [0, 1, 2]
    assert components(row, col, diagonal=True)[0].tolist() == [0, 0, 1]
    assert components(row[:0], col[:0], diagonal=True)[1] == 0


@given(RASTERS, st.booleans(), st.randoms(use_true_random=False))
def test_components_are_those_of_scipy(raster, diagonal, random):
    """On any raster, in any order of the cells, the partition is scipy's; numbers follow the first appearance."""
    row, col = np.nonzero(raster)
    order = np.array(random.sample(range(len(row)), len(row)), dtype=int)
    label, n = components(row[order], col[order], diagonal=diagonal)
    expected, m = ndimage.label(raster, QUEEN if diagonal else None)
    theirs = expected[row[order], col[order]]
    first = np.unique(theirs, return_index=True)[1]

    assert n == m
    assert [theirs[i] for i in np.unique(label, return_index=True)[1]] == [theirs[i] for i in np.sort(first)]
    assert len({(a, b) for a, b in zip(label.tolist(), theirs.tolist(), strict=True)}) == n


@given(RASTERS, st.booleans())
def test_holes_are_those_that_scipy_fills(raster, diagonal):
    """All cells of all holes together are what binary_fill_holes adds, for either contiguity of the outside."""
    row, col = np.nonzero(raster)
    found = holes(row, col, np.zeros(len(row), dtype=np.int64), most=10**6, diagonal=diagonal)
    filled = np.zeros_like(raster)
    filled[found[0], found[1]] = True
    # binary_fill_holes floods the outside with the structure it is given
    expected = ndimage.binary_fill_holes(raster, QUEEN if diagonal else None) & ~raster

    np.testing.assert_array_equal(filled, expected)


@pytest.mark.parametrize(("most", "found"), [(14, 1), (15, 16)])
def test_a_hole_is_filled_up_to_its_size(most, found):
    """Of a hole of 15 cells and one of 1, in two groups, only those within the limit are given."""
    big = np.ones((5, 7), dtype=bool)
    big[1:4, 1:6] = False
    small = np.ones((3, 3), dtype=bool)
    small[1, 1] = False
    row, col = np.nonzero(big)
    row2, col2 = np.nonzero(small)
    rows, cols = np.concatenate([row, row2 + 20]), np.concatenate([col, col2])
    group = np.repeat([0, 3], [len(row), len(row2)])
    r, _, of, hole = holes(rows, cols, group, most=most)

    assert len(r) == found
    assert of[r == 21].tolist() == [3]
    assert len(np.unique(hole)) == (1 if found == 1 else 2)
