"""Join counts beside permutations, false discoveries, and shrinkage beside what was true."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from civigrid.kernels.boundaries import square_pairs
from civigrid.kernels.local_statistics import found_at, local_joins, local_moran, shrunk_shares


def grid_neighbours(side):
    row, col = np.divmod(np.arange(side * side), side)
    first, second = square_pairs(row, col, corners=True)
    half = sparse.csr_array((np.ones(len(first)), (first, second)), shape=(side * side,) * 2)
    return sparse.csr_array(half + half.T)


def test_local_moran_is_esdas():
    """I and quadrants of values with a slope in them, but for n - 1 in place of n; the mean is Moran's I."""
    from esda.moran import Moran_Local
    from libpysal.graph import Graph

    lists, values = grid_neighbours(9), np.random.default_rng(8).random(81) + np.arange(81) / 60
    moran, _, quadrant = local_moran(values, lists)
    theirs = Moran_Local(values, Graph.from_sparse(lists), permutations=0)
    z = values - values.mean()
    lag = np.asarray(lists @ z) / lists.sum(axis=1)

    np.testing.assert_allclose(moran * 80 / 81, theirs.Is, rtol=1e-10)
    np.testing.assert_array_equal(quadrant, theirs.q)
    assert moran.mean() == pytest.approx(z @ lag / (z @ z))


def test_p_of_local_moran_is_that_of_permutations():
    """Twice the share of permutations of all other values whose neighbours average as far out, each drawn anew."""
    rng = np.random.default_rng(4)
    lists, values = grid_neighbours(6), rng.random(36) + np.arange(36) / 40
    _, p, _ = local_moran(values, lists, permutations=1999)
    for at in (0, 8, 35):
        others, around = np.delete(values, at), lists[[at]].indices
        means = np.array([np.insert(rng.permutation(others), at, values[at])[around].mean() for _ in range(2000)])
        high = (means >= values[around].mean()).mean()

        assert p[at] == pytest.approx(2 * min(high, 1 - high), abs=0.06)


def test_p_of_local_moran_is_uniform_under_chance():
    """Values without pattern: each p is at most its level as often as it says, and never 0."""
    rng, lists = np.random.default_rng(9), grid_neighbours(8)
    p = np.concatenate([local_moran(rng.random(64), lists, permutations=199, seed=k)[1] for k in range(60)])

    assert p.min() >= 2 / 200
    assert np.mean(p <= 0.05) == pytest.approx(0.05, abs=0.015)
    assert np.mean(p <= 0.5) == pytest.approx(0.5, abs=0.04)


def test_cells_without_a_neighbour_have_no_local_moran():
    """An island is masked and changes no other value; a map of one value has none at all."""
    lists, values = grid_neighbours(5), np.random.default_rng(3).random(25)
    more = sparse.csr_array(sparse.block_diag([lists, sparse.csr_array((1, 1))]))
    alone = local_moran(np.append(values, 99.0), more)

    assert np.isnan(alone[0][-1])
    assert np.isnan(alone[1][-1])
    for one, other in zip(alone, local_moran(values, lists), strict=True):
        np.testing.assert_array_equal(one[:-1], other)
    assert np.isnan(local_moran(np.full(25, 0.1) * 3, lists)[0]).all()


def test_exact_p_of_join_counts_is_that_of_permutations():
    """The hypergeometric tail is the share of 4,000 permutations of the other cells with as many joins."""
    rng = np.random.default_rng(1)
    lists, high = grid_neighbours(6), rng.random(36) < 0.4
    joins, p = local_joins(high, lists)
    at = int(np.flatnonzero(high)[3])
    others, around = np.delete(high, at), lists[[at]].indices
    as_many = 0
    for _ in range(4000):
        mixed = np.insert(rng.permutation(others), at, True)
        as_many += mixed[around].sum() >= joins[at]

    assert p[at] == pytest.approx(as_many / 4000, abs=0.03)
    assert joins[at] == high[around].sum()
    assert np.isnan(p[~high]).all()


def test_islands_and_empty_maps():
    """A high cell without neighbours has no p; a map without high cells has none at all."""
    alone = sparse.csr_array((3, 3))

    assert np.isnan(local_joins(np.ones(3, dtype=bool), alone)[1]).all()
    assert np.isnan(local_joins(np.zeros(9, dtype=bool), grid_neighbours(3))[1]).all()
    assert not found_at(np.full(4, np.nan), 0.05).any()


def test_false_discoveries_are_controlled():
    """Of 2,000 maps of nothing but chance, about 5 % hold a finding; real ones among them are found."""
    rng = np.random.default_rng(2)
    false = np.mean([found_at(rng.random(50), 0.05).any() for _ in range(2000)])
    real = found_at(np.concatenate([np.full(20, 1e-5), rng.random(80)]), 0.05)

    assert false == pytest.approx(0.05, abs=0.015)
    assert real[:20].all()


@given(st.integers(0, 1000))
def test_shrunk_shares_lie_between_the_share_and_the_mean(seed):
    """Never beyond either, the same for equal shares, in any order of rows."""
    rng = np.random.default_rng(seed)
    pair, zone = rng.integers(0, 30, (40, 2)) + [[0.0, 1.0]], rng.integers(0, 3, 40)
    share, found = pair[:, 0] / pair.sum(axis=1), shrunk_shares(pair, zone)
    mean = np.array([pair[zone == z, 0].sum() / pair[zone == z].sum() for z in range(3)])[zone]
    mixed = rng.permutation(40)

    assert ((found - mean) * (share - mean) >= -1e-12).all()
    assert (np.abs(found - mean) <= np.abs(share - mean) + 1e-12).all()
    np.testing.assert_allclose(shrunk_shares(pair[mixed], zone[mixed]), found[mixed], atol=1e-12)
    np.testing.assert_allclose(shrunk_shares(np.array([[2.0, 2.0], [5.0, 5.0]]), np.zeros(2, int)), 0.5)


def test_shrunk_shares_are_nearer_the_truth():
    """Drawn from a beta with mean 0.2: shrinkage finds its two parameters, and errs less than half as much."""
    rng = np.random.default_rng(3)
    true, size = rng.beta(4, 16, 5000), rng.integers(1, 40, 5000)
    x = rng.binomial(size, true)
    pair = np.column_stack([x, size - x]).astype(float)
    found = shrunk_shares(pair, np.zeros(5000, dtype=np.int64))
    best = (x + 4) / (size + 20)

    assert np.mean((found - true) ** 2) < 0.5 * np.mean((x / size - true) ** 2)
    assert np.abs(found - best).max() < 0.02


def test_no_scatter_beyond_chance_draws_all_to_the_mean():
    """Cells more alike than coin tosses: the mean is the best guess for each."""
    pair = np.array([[5.0, 5.0], [6.0, 4.0], [4.0, 6.0]])

    np.testing.assert_allclose(shrunk_shares(pair, np.zeros(3, dtype=np.int64)), 0.5)
    assert shrunk_shares(pair[:0], np.zeros(0, dtype=np.int64)).shape == (0,)
