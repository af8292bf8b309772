"""Clustering against published patterns, brute force over all pairs, and the laws that catch peers' faults."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from patterns import PATTERNS, pattern

from civigrid.errors import SchemaError
from civigrid.kernels import clustering as kernel
from civigrid.kernels.boundaries import square_pairs
from civigrid.kernels.proximity import point_proximity, square_proximity, touching

NAMES = ("absolute_clustering", "relative_clustering", "spatial_proximity", "proximity_within", "proximity_between",
         "decay_isolation", "decay_interaction")  # fmt: skip
CLUSTERING = NAMES[:4] + ("decay_isolation",)

PRINTED = {  # ACL with d_ii = 0 and 0.6; SP with both; RCL and DPxx with d_ii = 0
    "A": ((0.693447, 0.663637), (1.693447, 1.663637), 1.502004, 0.788235),
    "B": ((0.324496, 0.257269), (1.328158, 1.262826), 0.744187, 0.514824),
    "C": ((0.108777, 0.022112), (1.108777, 1.022112), 0.279922, 0.338849),
    "D": ((0.481923, 0.463648), (1.481934, 1.463544), 1.205525, 0.634093),
    "I": ((0, 0), (1, 1), 0, 0.5),
}
CONTIGUITY = {"A": 0.884058, "B": 0.636364, "C": -0.043478, "D": 0.601209, "I": 0}


def seen_of(counts, row, col, self_distance=0.6, decay=1.0):
    return kernel.near(counts, square_proximity(row, col, 1.0, decay, self_distance=self_distance))


def values(seen, names=NAMES):
    return np.array([getattr(kernel, name)(seen).value for name in names])


@pytest.mark.parametrize("name", PRINTED)
def test_patterns_of_morrill_and_wong(name):
    """Patterns A to D and I on 10 x 10 cells: ACL, SP, RCL and DPxx to the printed digits, both ways of d_ii."""
    counts, row, col = pattern(name)
    acl, sp, rcl, dpxx = PRINTED[name]
    for k, self_distance in enumerate((0.0, 0.6)):
        found = values(seen_of(counts, row, col, self_distance))
        np.testing.assert_allclose(found[[0, 2]], [acl[k], sp[k]], atol=5e-7)
        if self_distance == 0:
            np.testing.assert_allclose(found[[1, 5]], [rcl, dpxx], atol=5e-7)
    first, second = square_pairs(row, col)
    contiguous = kernel.near(counts, touching(first, second, 100))

    assert kernel.absolute_clustering(contiguous).value == pytest.approx(CONTIGUITY[name], abs=5e-7)


def test_patterns_are_those_of_the_file(real_data):
    """The patterns made from their description are those that OasisR ships."""
    import geopandas as gpd

    file = gpd.read_file(real_data / "oasisr_segdata_grenoble" / "segdata.shp")
    at = np.floor(np.column_stack([file.centroid.y, file.centroid.x])).astype(int)
    for name in PATTERNS:
        counts, row, col = pattern(name)
        expected = counts[np.lexsort((col, row))]
        found = file[[f"{name}1", f"{name}2"]].to_numpy(float)[np.lexsort((at[:, 1], at[:, 0]))]

        np.testing.assert_array_equal(expected, found, err_msg=name)


def scattered(seed, n=40, side=15, groups=2):
    rng = np.random.default_rng(seed)
    row, col = np.divmod(rng.choice(side * side, n, replace=False), side)
    return rng.integers(1, 60, (n, groups)).astype(float), row, col


def brute(counts, c):
    """All pairs, one by one, as the formulas stand in print."""
    x, y = counts.T
    t, n = x + y, len(x)
    pairs = [(i, j) for i in range(n) for j in range(n)]
    mean = lambda a, b: sum(a[i] * c[i, j] * b[j] for i, j in pairs) / a.sum() / b.sum()  # noqa: E731
    u = lambda z: sum(x[i] / x.sum() * c[i, j] * z[j] for i, j in pairs)  # noqa: E731
    v = x.sum() / n**2 * sum(c[i, j] for i, j in pairs)
    k = np.array([[c[i, j] * t[j] / sum(c[i, m] * t[m] for m in range(n)) for j in range(n)] for i in range(n)])
    dp = lambda z: sum(x[i] / x.sum() * k[i, j] * z[j] / t[j] for i, j in pairs)  # noqa: E731
    sp = (x.sum() * mean(x, x) + y.sum() * mean(y, y)) / (t.sum() * mean(t, t))
    return [(u(x) - v) / (u(t) - v), mean(x, x) / mean(y, y) - 1, sp, mean(x, x), mean(x, y), dp(x), dp(y)]


@pytest.mark.parametrize(("seed", "decay"), [(0, 1.0), (1, 3.7), (2, 0.4)])
def test_all_pairs_one_by_one(seed, decay):
    """Transforms, true distances and neighbour lists give what a loop over all pairs gives."""
    counts, row, col = scattered(seed, n=15)
    xy = np.column_stack([col, row]).astype(float)
    d = np.sqrt(((xy[:, None] - xy) ** 2).sum(axis=2)) + 0.6 * np.eye(15)
    expected = brute(counts, np.exp(-d / decay))
    ways = (
        square_proximity(row, col, 1.0, decay),
        point_proximity(xy, np.ones(15), decay),
        point_proximity(xy, np.ones(15), decay, reach_m=100.0),
    )

    for way in ways:
        np.testing.assert_allclose(values(kernel.near(counts, way)), expected, rtol=1e-12)


def test_tiles_are_seamless():
    """A long strip needs many tiles: sums are those of every pair, within 1e-12."""
    rng = np.random.default_rng(3)
    row, col = np.divmod(rng.choice(900 * 1500, 3000, replace=False), 1500)
    counts = rng.integers(0, 1000, (3000, 2)).astype(float)
    tiled = square_proximity(row, col, 1000.0, 1500.0).around(counts)
    pairs = point_proximity(1000.0 * np.column_stack([col, row]), np.full(3000, 1e6), 1500.0).around(counts)

    np.testing.assert_allclose(tiled, pairs, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(tiled.sum(), pairs.sum(), rtol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_derivatives(name):
    """Each gradient equals a central difference: the intervals rest on it."""
    counts, row, col = scattered(4, n=9, side=5)
    way, f = square_proximity(row, col, 1.0, 1.3), getattr(kernel, name)
    numeric = np.zeros_like(counts)
    for i, g in np.ndindex(*counts.shape):
        step = np.zeros_like(counts)
        step[i, g] = 1e-4
        up, down = (f(kernel.near(counts + s, way)).value for s in (step, -step))
        numeric[i, g] = (up - down) / 2e-4

    np.testing.assert_allclose(f(kernel.near(counts, way)).gradient, numeric, atol=1e-8)


@given(st.integers(0, 10_000))
def test_turns_shifts_and_order_change_nothing(seed):
    """Shuffled rows, a turned, mirrored or shifted map, and ten times as many people: the same index."""
    counts, row, col = scattered(seed, n=25)
    expected = values(seen_of(counts, row, col))
    mixed = np.random.default_rng(seed).permutation(25)
    maps = [
        (counts[mixed], row[mixed], col[mixed]),
        (counts, col, -row),
        (counts, row, -col),
        (counts, row + 9, col - 99),
    ]
    for other in maps:
        np.testing.assert_allclose(values(seen_of(*other)), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(values(seen_of(10 * counts, row, col)), expected, rtol=1e-12, atol=1e-12)


@given(st.integers(0, 10_000), st.floats(0.01, 0.99))
def test_exposure_sums_to_one_and_an_even_group_is_not_clustered(seed, share):
    """DPxx + DPxy = 1 on unequal cells; an even group has SP = 1, RCL = 0 and DPxx = P, and ACL = 0 in equal cells."""
    counts, row, col = scattered(seed, n=30)
    seen = seen_of(counts, row, col)
    size = counts.sum(axis=1)
    spread = values(seen_of(np.column_stack([share * size, (1 - share) * size]), row, col))
    equal = seen_of(np.tile([share, 1 - share], (30, 1)), row, col)

    # the two are summed by roads of their own: y against everyone else is x seen from the other side
    met = [float(seen.x @ (z / seen.near_size)) / seen.x.sum() for z in (seen.near_x, seen.near_y)]
    assert sum(met) == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(met, values(seen)[5:], rtol=1e-12)
    np.testing.assert_allclose(spread[[1, 2, 5]], [0, 1, share], atol=1e-12)
    assert kernel.absolute_clustering(equal).value == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(values(kernel.even(seen)), values(seen_of(
        np.outer(size, counts.sum(axis=0) / counts.sum()), row, col)), rtol=1e-11, atol=1e-12)  # fmt: skip


@pytest.mark.parametrize("name", CLUSTERING)
@pytest.mark.parametrize("way", ["near", "contiguity"])
def test_a_block_beats_random_beats_a_lattice(name, way):
    """25 full cells of 100: PySAL 2.6 ranks the dispersed lattice above the solid block."""
    row, col = np.divmod(np.arange(100), 10)
    block, lattice = (row < 5) & (col >= 5), (row % 2 == 0) & (col % 2 == 1)
    near = square_proximity(row, col, 1.0, 1.0) if way == "near" else touching(*square_pairs(row, col), 100)
    f = getattr(kernel, name)

    def score(full):
        return f(kernel.near(100.0 * np.column_stack([full, ~full]), near)).value

    rng = np.random.default_rng(6)
    chance = [score(rng.permutation(block)) for _ in range(40)]
    assert score(block) > max(chance)
    assert score(lattice) < min(chance)


@pytest.mark.parametrize("name", NAMES)
def test_expectations_are_means_of_random_cities(name):
    """The mean of 3,000 random allocations with fixed margins lies within four standard errors, ratios within 1 %."""
    rng = np.random.default_rng(7)
    row, col = np.divmod(np.arange(64), 8)
    size = rng.integers(1, 40, 64)
    way = square_proximity(row, col, 1.0, 1.0)
    drawn = rng.multivariate_hypergeometric(size, 200, 3000, method="marginals").astype(float)
    f = getattr(kernel, name)
    found = np.array([f(kernel.near(np.column_stack([x, size - x]), way)).value for x in drawn])
    expected = getattr(kernel, f"expected_{name}")(kernel.near(np.column_stack([drawn[0], size - drawn[0]]), way))

    ratio = 0.01 * abs(expected) if name in ("absolute_clustering", "relative_clustering") else 0.0
    assert abs(found.mean() - expected) < 4 * found.std() / np.sqrt(3000) + ratio


def test_noise_of_a_publisher_raises_the_expectation():
    """Noise in the counts makes a group look nearer to itself: by its variance, and only there."""
    counts, row, col = scattered(8)
    seen = seen_of(counts, row, col)
    noisy = seen._replace(noise_x=np.full(40, 2.0))
    more = kernel.expected_proximity_within(noisy) - kernel.expected_proximity_within(seen)

    assert more == pytest.approx(2.0 * seen.proximity.own.sum() / counts[:, 0].sum() ** 2)
    assert kernel.expected_proximity_between(noisy) == pytest.approx(kernel.expected_proximity_between(seen))


def test_short_and_long_decay_are_the_cell_and_the_whole():
    """Distance-decay isolation goes to isolation as the decay length falls, and to the share as it grows."""
    counts, row, col = scattered(9)
    x, size = counts[:, 0], counts.sum(axis=1)
    short, long = (kernel.decay_isolation(seen_of(counts, row, col, 0.0, d)).value for d in (0.1, 1e6))

    assert short == pytest.approx(x @ (x / size) / x.sum(), abs=2e-4)
    assert long == pytest.approx(x.sum() / size.sum(), abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_lonely_groups_and_single_cells(name):
    """No member: not a number; one cell: near itself alone, and nothing breaks."""
    f, expected = getattr(kernel, name), getattr(kernel, f"expected_{name}")
    row = np.array([4])
    nobody = seen_of(np.array([[0.0, 9.0]]), row, row)
    single = f(seen_of(np.array([[3.0, 9.0]]), row, row)).value

    assert np.isnan(f(nobody).value)
    assert np.isnan(expected(nobody))
    assert np.isfinite(single)


def test_lonely_members_beside_a_town_of_others_have_no_absolute_clustering():
    """Members each alone in a far cell, others in one block: U_t < V, where ACL would change its sign, and has none."""
    lone, block = np.divmod(np.arange(100), 10), np.divmod(np.arange(100), 10)
    row, col = (np.concatenate([40 + 9 * a, b]) for a, b in zip(lone, block, strict=True))
    counts = np.repeat([[1.0, 0.0], [0.0, 5.0]], 100, axis=0)
    seen = seen_of(counts, row, col, decay=2.0)

    assert kernel.spatial_proximity(seen).value > 1
    assert np.isnan(kernel.absolute_clustering(seen).value)


def test_senseless_distances_are_refused():
    """A decay length of 0, one far below a cell, a negative own distance, and too many pairs are told."""
    row = np.arange(3)
    with pytest.raises(SchemaError, match="decay length is above 0"):
        square_proximity(row, row, 1000.0, 0.0)
    with pytest.raises(SchemaError, match="no neighbours at all"):
        square_proximity(row, row, 1000.0, 5.0)
    with pytest.raises(SchemaError, match="usual is 0.6"):
        square_proximity(row, row, 1000.0, 1000.0, self_distance=-1)
    with pytest.raises(SchemaError, match="Give reach_m"):
        point_proximity(np.zeros((20_001, 2)), np.ones(20_001), 10.0)
    assert square_proximity(row[:0], row[:0], 1.0, 1.0).around(np.empty((0, 2))).shape == (0, 2)
