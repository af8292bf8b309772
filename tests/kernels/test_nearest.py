"""The k nearest persons by rings, against sums over all cells, and whatever must not matter."""

import numpy as np
import pytest
from scipy.stats import multivariate_hypergeom

from civigrid.kernels.lots import draw_persons
from civigrid.kernels.nearest import back_to_cells, crossing, sums_of
from civigrid.kernels.nearest_points import back_to_points, crossing_points, points_of, sums_inside
from civigrid.kernels.rings import plane_of, unit_of
from civigrid.kernels.true_distances import on_earth


def town(side=60, seed=1, empty=0.4, whole=True):
    """Rows, columns and counts of three groups: a dense core, a river without cells, empty cells and a far village."""
    rng = np.random.default_rng(seed)
    row, col = (v.ravel() for v in np.indices((side, side)))
    kept = (rng.random(side * side) >= empty) & (col != side // 3)
    row, col = np.append(row[kept], [5 * side, 5 * side + 1]), np.append(col[kept], [7 * side, 7 * side])
    density = 200 * np.exp(-np.hypot(row - side / 2, col - side / 2) / (side / 6)) + 0.5
    counts = rng.poisson(density[:, None] * [0.7, 0.2, 0.1]).astype(float)
    return row + 3000, col + 4000, counts if whole else counts * rng.random((len(row), 1))


def brute(row, col, counts, i, k):
    """Squared distance of the ring that crosses k, that of the last inhabited one inside, and persons in and on it."""
    square = (row - row[i]) ** 2 + (col - col[i]) ** 2
    size = counts.sum(axis=1)
    rings = np.unique(square)
    within = np.cumsum(np.bincount(np.searchsorted(rings, square), size))
    ring = rings[np.flatnonzero(within >= k)[0]]
    before = square[(square < ring) & (size > 0)].max(initial=-1)
    return ring, before, counts[square < ring].sum(axis=0), counts[square == ring].sum(axis=0)


@pytest.mark.parametrize("whole", [True, False])
def test_rings_equal_brute_force(whole):
    """1,200 random cells, six k: the ring, the inhabited ring before it, and who lives in and on it."""
    row, col, counts = town(whole=whole)
    plane = plane_of(row, col, counts)
    some = np.random.default_rng(2).choice(len(row), 1200, replace=False)
    r, c = row[some] - plane.corner[0], col[some] - plane.corner[1]
    found = None
    for k in (1, 20, 200, 1600, 12_800, int(counts.sum())):
        found = crossing(plane, r, c, k, found)
        for n, i in enumerate(some):
            ring, before, inside, on_ring = brute(row, col, counts, i, k)
            # all persons of parts of persons: rounding decides whether the last one is needed
            if whole or k < int(counts.sum()):
                assert (found.square[n], found.before[n]) == (ring, before)
            if whole:
                assert np.array_equal(found.inside[n], inside)
                assert np.array_equal(found.ring[n], on_ring)
            elif k < int(counts.sum()):
                assert found.inside[n] * plane.unit == pytest.approx(inside, rel=1e-12, abs=1e-10)
                assert found.ring[n] * plane.unit == pytest.approx(on_ring, rel=1e-12, abs=1e-10)


def test_order_turns_and_the_way_there_change_nothing():
    """Shuffled rows, a map turned by 90 degrees, and k asked for alone or after others: the same rings to the bit."""
    row, col, counts = town(whole=False)
    plane = plane_of(row, col, counts)
    at = plane.row[np.argsort(plane.order)], plane.col[np.argsort(plane.order)]
    after = crossing(plane, *at, 3000, crossing(plane, *at, 700, crossing(plane, *at, 30)))
    alone = crossing(plane, *at, 3000)
    mixed = np.random.default_rng(5).permutation(len(row))
    other = plane_of(row[mixed], col[mixed], counts[mixed])
    shuffled = crossing(other, at[0][mixed], at[1][mixed], 3000)
    turned_plane = plane_of(-col, row, counts)
    turned = crossing(turned_plane, -col - turned_plane.corner[0], row - turned_plane.corner[1], 3000)

    for parts in zip(after, alone, turned, strict=True):
        assert np.array_equal(parts[0], parts[1])
        assert np.array_equal(parts[0], parts[2])
    for part, mix in zip(alone, shuffled, strict=True):
        assert np.array_equal(part[mixed], mix)


def test_no_window_bounds_the_search():
    """Persons 5,000 cells away are found, on a ring that crosses k far out, and nobody in between is missed."""
    row, col = np.array([0, 0, 3000, 4000]), np.array([0, 5000, 4000, 3000])
    plane = plane_of(row, col, np.array([[1.0], [3.0], [2.0], [2.0]]))
    found = crossing(plane, row[:1], col[:1], 3)

    assert found.square[0] == 25_000_000
    assert found.before[0] == 0
    assert found.ring[0, 0] == 7


def test_more_persons_than_there_are():
    """A k that nobody can reach is refused, on squares and on points."""
    plane = plane_of(np.array([0]), np.array([0]), np.array([[2.0]]))
    with pytest.raises(ValueError, match="fewer than 3"):
        crossing(plane, plane.row, plane.col, 3)
    points = points_of(np.array([[6.4e6, 0.0, 0.0]]), np.array([[2.0]]))
    with pytest.raises(ValueError, match="fewer than 3"):
        crossing_points(points, points.at, 3)


def test_unknown_counts_are_nobody():
    """A cell with a missing count adds nothing to anybody."""
    plane = plane_of(np.array([0, 0]), np.array([0, 1]), np.array([[2.0, 1.0], [np.nan, 5.0]]))
    assert plane.persons == 3.0


def test_unit_keeps_whole_persons_and_never_overflows():
    """Whole counts stay whole; parts of them are kept to 1e-12 of the largest, and all of them fit an integer."""
    assert unit_of(np.array([[3.0, 4.0]])) == 1.0
    parts = np.array([[4.5e8, 0.1]])
    assert abs(np.rint(parts / unit_of(parts)) * unit_of(parts) - parts).max() < 1e-9
    assert np.rint(parts / unit_of(parts)).sum() < 2**62


def weights(row, col, counts, found, part):
    """The whole matrix: 1 inside the ring, a part on it."""
    square = (row[:, None] - row) ** 2 + (col[:, None] - col) ** 2
    return (square < found.square[:, None]) + part[:, None] * (square == found.square[:, None])


def test_back_is_the_transposed():
    """Values taken back to cells are those of the transposed matrix; sums of other values those of the matrix."""
    row, col, counts = town(side=25)
    plane = plane_of(row, col, counts)
    found = crossing(plane, row - plane.corner[0], col - plane.corner[1], 900)
    rng = np.random.default_rng(4)
    part, values = rng.random(len(row)), rng.normal(size=(len(row), 2))
    matrix = weights(row, col, counts, found, part)
    some = rng.choice(len(row), 150, replace=False)
    places, back = back_to_cells(
        plane, row[some] - plane.corner[0], col[some] - plane.corner[1], found.square[some], part[some], values[some]
    )

    expected = matrix[some].T @ values[some]
    assert back == pytest.approx(expected[places], abs=1e-10)
    assert not expected[np.setdiff1d(np.arange(len(row)), places)].any()
    inside, ring = sums_of(plane, row - plane.corner[0], col - plane.corner[1], found.square, counts)
    assert inside + part[:, None] * ring == pytest.approx(matrix @ counts, rel=1e-12)
    assert not len(back_to_cells(plane, row[:0], col[:0], found.square[:0], part[:0], values[:0])[0])


def test_points_equal_brute_force():
    """On the Earth: rings of 300 random points are those of all distances, ties within a millimetre together."""
    rng = np.random.default_rng(8)
    longitude, latitude = rng.uniform(9.9, 10.1, 700), rng.uniform(49.9, 50.1, 700)
    # some places twice: at one distance from everybody
    longitude[600:], latitude[600:] = longitude[:100], latitude[:100]
    at, counts = on_earth(longitude, latitude), rng.poisson([5.0, 2.0], (700, 2)).astype(float)
    points = points_of(at, counts)
    found = crossing_points(points, at, 400)
    part, values = rng.random(700), rng.normal(size=(700, 3))
    inside, ring = sums_inside(points, at, 400, counts)
    matrix = np.zeros((700, 700))
    for i in range(700):
        distance = np.sqrt(((at - at[i]) ** 2).sum(axis=1))
        order = np.argsort(distance)
        k = order[np.flatnonzero(np.cumsum(counts.sum(axis=1)[order]) >= 400)[0]]
        same = abs(distance - distance[k]) < 1e-3
        assert np.array_equal(found.ring[i], counts[same].sum(axis=0))
        nearer = (distance < distance[k]) & ~same
        assert np.array_equal(found.inside[i], counts[nearer].sum(axis=0))
        assert found.before[i] == pytest.approx(distance[nearer & (counts.sum(axis=1) > 0)].max(), rel=1e-6)
        assert found.distance[i] == pytest.approx(distance[k], rel=1e-6)
        matrix[i] = nearer + part[i] * same
    assert np.array_equal(inside, found.inside)
    assert np.array_equal(ring, found.ring)
    assert back_to_points(points, at, 400, part, values) == pytest.approx(matrix.T @ values, abs=1e-10)


def test_persons_are_drawn_without_replacement():
    """Means and covariances of 100,000 draws are those of the multivariate hypergeometric distribution."""
    rng = np.random.default_rng(6)
    groups = np.array([5, 0, 3, 9])
    drawn = draw_persons(np.tile(groups, (100_000, 1)), np.full(100_000, 7), rng.random((100_000, 4)))
    theory = multivariate_hypergeom(groups, 7)

    assert (drawn.sum(axis=1) == 7).all()
    assert ((drawn >= 0) & (drawn <= groups)).all()
    assert drawn.mean(axis=0) == pytest.approx(theory.mean(), abs=0.02)
    assert np.cov(drawn.T) == pytest.approx(theory.cov(), abs=0.02)


def test_draws_from_many_persons():
    """Tens of thousands on a ring: mean and variance are right, and no chance underflows to a wrong draw."""
    rng = np.random.default_rng(7)
    groups = np.array([40_000, 25_000])
    drawn = draw_persons(np.tile(groups, (20_000, 1)), np.full(20_000, 30_000), rng.random((20_000, 2)))[:, 0]
    spread = multivariate_hypergeom(groups, 30_000).cov()[0, 0]

    assert drawn.mean() == pytest.approx(30_000 * 40 / 65, abs=5 * np.sqrt(spread / 20_000))
    assert drawn.var() == pytest.approx(spread, rel=0.05)
