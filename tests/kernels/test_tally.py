"""Counting by cell: the half-open rule to the last bit, and sums that no order changes."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from civigrid.grid import H3Grid, SquareGrid
from civigrid.kernels.tally import FRACTION, NOWHERE, OUTSIDE, add_values, square_ids
from civigrid.project.tally import Tallying, merge_tallies, place

GRID = SquareGrid(cell_size_m=100)


def ids_of_squares(x, y):
    return square_ids(x, y, size=100.0, bounds=GRID.bounds_m, level=GRID.level)


@given(st.integers(9_000, 73_999), st.sampled_from([-1, 0, 1]))
def test_a_point_on_a_side_belongs_above_and_right(k, step):
    """Exact arithmetic says the same, at a side and one float before and after it."""
    x = np.nextafter(k * 100.0, k * 100.0 + step)
    y = np.nextafter((k % 40_000 + 10_000) * 100.0, step * np.inf) if step else (k % 40_000 + 10_000) * 100.0
    ids = ids_of_squares(np.array([x]), np.array([y]))
    col, row = Fraction(float(x)) // 100, Fraction(float(y)) // 100
    inside = Fraction(float(x)) >= 900_000

    assert int(ids[0]) == (int(GRID.from_row_col(np.array([row], int), np.array([col], int))[0]) if inside else OUTSIDE)


def test_bounds_are_half_open():
    """West and south bounds are inside, east and north outside; unknown is not outside."""
    w, s, e, n = GRID.bounds_m
    ids = ids_of_squares(np.array([w, e, w, w, np.nan, w]), np.array([s, s, n, s - 1, s, np.nan]))

    assert [bool(i) for i in ids] == [True, False, False, False, True, True]
    assert ids[4] == ids[5] == NOWHERE


def test_half_a_cell_at_the_bounds_is_no_cell():
    """Bounds that cut cells: what lies in no whole cell is outside, as the grid itself says."""
    grid = SquareGrid(cell_size_m=1000, bounds_m=(0, 0, 10_500, 10_500))
    ids = place(grid, np.array([10_200.0, 9_999.0]), np.array([5.0, 5.0]), grid.crs)

    assert [OUTSIDE, int(grid.from_row_col(np.array([0]), np.array([9]))[0])] == ids.tolist()


@given(
    st.lists(st.floats(-1e6, 1e6), max_size=30),
    st.randoms(),
)
def test_sums_are_exact_in_any_order(values, random):
    """Sums are those of exact fractions to the last digit, and equal in any order."""

    def sums(given):
        whole, part, missing = (np.zeros(1, dtype=np.int64) for _ in range(3))
        add_values(np.zeros(len(given), dtype=np.uint32), np.array(given), whole, part, missing)
        return int(whole[0]), int(part[0])

    shuffled = random.sample(values, len(values))
    found = Fraction(sums(values)[0]) + Fraction(sums(values)[1]) / int(FRACTION)

    assert sums(values) == sums(shuffled)
    # each value is rounded once to a part of a unit
    assert abs(found - sum(map(Fraction, values), Fraction())) <= Fraction(len(values)) / 2**52


@given(st.integers(0, 2**32 - 1), st.sampled_from([GRID, H3Grid(9)]))
def test_counts_are_those_of_a_dictionary(seed, grid):
    """Many batches, a hash that grows, groups that come late: the counts of a dictionary filled by hand."""
    rng = np.random.default_rng(seed)
    points = rng.uniform([10, 45], [10.3, 45.2], (400, 2))
    if grid == GRID:
        points = rng.uniform([4e6, 3e6], [4.01e6, 3.004e6], (400, 2))
    ids = grid.cell_at(points)
    group = rng.integers(-1, 3, 400)
    expected: dict = {}
    for cell, g in zip(ids.tolist(), group.tolist(), strict=True):
        expected[cell, g] = expected.get((cell, g), 0) + 1
    cut = rng.integers(0, 400)
    tallies = []
    for part in (slice(0, cut), slice(cut, 400)):
        tallying = Tallying(grid)
        for k in range(part.start, part.stop, 37):
            at = slice(k, min(k + 37, part.stop))
            tallying.add(*points[at].T, grid.crs, ["x", "y", "z"][: max(group[at].max() + 1, 0)], group[at])
        tallies.append(tallying.result())
    whole = merge_tallies(*tallies)
    names = ["", *whole.labels]
    found = {
        (int(c), " xyz".index(n) - 1 if n else -1): int(v)
        for c, line in zip(whole.cell_id, whole.counts, strict=True)
        for n, v in zip(names, line, strict=True)
        if v
    }

    assert expected == found
