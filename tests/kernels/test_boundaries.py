"""Boundary indices against published patterns, brute force, and cells without residents."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from patterns import pattern

from civigrid.kernels import boundaries as kernel
from civigrid.kernels.evenness import dissimilarity
from civigrid.kernels.zones import zones_of

PRINTED = {  # D, D_adj rook = D_w, D_adj queen, D_s
    "A": (1, 0.944444, 0.921053, 0.947222),
    "B": (1, 0.827778, 0.777778, 0.8375),
    "C": (1, 0.5, 0.5, 0.538889),
    "D": (0.842105, 0.789327, 0.767544, 0.792105),
    "I": (0, 0, 0, 0),
}


def squares(row, col, *, corners=False):
    first, second = kernel.square_pairs(row, col, corners=corners)
    side = (row[first] == row[second]) | (col[first] == col[second])
    return kernel.Borders(first, second, side.astype(float), np.ones(len(row)), np.full(len(row), 4.0))


def values(counts, rook, queen):
    return [
        dissimilarity(zones_of(counts)).estimate[0],
        kernel.adjusted_dissimilarity(counts, rook, kernel.morrill(rook)).value,
        kernel.adjusted_dissimilarity(counts, queen, kernel.morrill(queen)).value,
        kernel.adjusted_dissimilarity(counts, rook, kernel.wong_shape(rook)).value,
    ]


@pytest.mark.parametrize("name", PRINTED)
def test_patterns_of_morrill_and_wong(name):
    """D, D_adj by sides and by corners, D_w and D_s to the printed digits."""
    counts, row, col = pattern(name)
    rook, queen = squares(row, col), squares(row, col, corners=True)

    np.testing.assert_allclose(values(counts, rook, queen), PRINTED[name], atol=5e-7)
    np.testing.assert_allclose(kernel.wong_boundary(rook), kernel.morrill(rook))
    np.testing.assert_allclose(kernel.wong_shape(rook, perimeter="whole"), kernel.wong_boundary(rook))
    by_length = kernel.adjusted_dissimilarity(counts, queen, kernel.wong_boundary(queen)).value
    assert by_length == pytest.approx(PRINTED[name][1], abs=5e-7)


def scattered(seed, n=30, side=8):
    rng = np.random.default_rng(seed)
    row, col = np.divmod(rng.choice(side * side, n, replace=False), side)
    return rng.integers(0, 40, (n, 2)).astype(float) + np.array([0.0, 1.0]), row, col


@given(st.integers(0, 10_000), st.booleans())
def test_pairs_one_by_one_in_any_order_and_turn(seed, corners):
    """Touching pairs are those a double loop finds; turns, shifts and the order of rows change nothing."""
    counts, row, col = scattered(seed)
    first, second = kernel.square_pairs(row, col, corners=corners)
    found = {frozenset(p) for p in zip(first.tolist(), second.tolist(), strict=True)}
    close = {
        frozenset((i, j)) for i in range(30) for j in range(i)
        if (abs(row[i] - row[j]) + abs(col[i] - col[j]) == 1)
        or (corners and max(abs(row[i] - row[j]), abs(col[i] - col[j])) == 1)
    }  # fmt: skip
    mixed = np.random.default_rng(seed).permutation(30)

    assert found == close
    assert len(first) == len(close)
    expected = values(counts, squares(row, col), squares(row, col, corners=True))
    for c, r, k in ((counts[mixed], row[mixed], col[mixed]), (counts, col, -row), (counts, row + 5, 3 - col)):
        np.testing.assert_allclose(values(c, squares(r, k), squares(r, k, corners=True)), expected, atol=1e-12)


@pytest.mark.parametrize("name", ["morrill", "wong_boundary", "wong_shape"])
def test_gradients_are_derivatives(name):
    """Each gradient equals a central difference."""
    counts, row, col = scattered(3)
    counts += np.random.default_rng(1).uniform(0.1, 0.4, counts.shape)
    borders = squares(row, col)
    weight = getattr(kernel, name)(borders)

    def f(counts, borders):
        return kernel.adjusted_dissimilarity(counts, borders, weight)

    numeric = np.zeros_like(counts)
    for i, g in np.ndindex(*counts.shape):
        step = np.zeros_like(counts)
        step[i, g] = 1e-6
        numeric[i, g] = (f(counts + step, borders).value - f(counts - step, borders).value) / 2e-6

    np.testing.assert_allclose(f(counts, borders).gradient, numeric, atol=1e-7)


def test_cells_that_touch_nobody_and_empty_sides():
    """Without a boundary the index is D; without members it is not a number; no cells give no pairs."""
    row = np.array([0, 9])
    counts = np.array([[3.0, 1.0], [1.0, 3.0]])
    apart = squares(row, row)

    for weight in (kernel.morrill, kernel.wong_boundary, kernel.wong_shape):
        assert kernel.adjusted_dissimilarity(counts, apart, weight(apart)).value == 0.5
        assert np.isnan(kernel.adjusted_dissimilarity(counts * [0, 1], apart, weight(apart)).value)
    assert len(kernel.square_pairs(row[:0], row[:0])[0]) == 0


def slope(seed=1, people=20.0, turn=4.0):
    """A group that grows more frequent eastwards, in cells of few people: mean counts."""
    row, col = np.divmod(np.arange(225), 15)
    size, share = np.random.default_rng(seed).gamma(1, people, 225) + 1, 1 / (1 + np.exp(1 - (col - 7) / turn))
    return np.column_stack([size * share, size * (1 - share)]), row, col


@pytest.mark.parametrize("name", ["morrill", "wong_boundary", "wong_shape"])
def test_chance_is_taken_out_of_both_terms(name):
    """Small counts put D_adj 0.1 too low; freed of chance it lies near the truth, and near 0 where all is chance."""
    rng = np.random.default_rng(2)
    for turn, off in ((4.0, 0.07), (1e9, 0.0)):
        mean, row, col = slope(turn=turn)
        borders = squares(row, col)
        weight = getattr(kernel, name)(borders)
        true = kernel.adjusted_dissimilarity(mean, borders, weight).value
        drawn = [rng.poisson(mean).astype(float) for _ in range(60)]
        drawn = [np.where(n.sum(axis=1, keepdims=True) > 0, n, [0.0, 1.0]) for n in drawn]
        raw = np.mean([kernel.adjusted_dissimilarity(n, borders, weight).value for n in drawn])
        free = np.mean([kernel.freed_of_chance(n, borders, weight).value for n in drawn])

        assert abs(raw - true) > off
        assert free == pytest.approx(true, abs=0.02)


def test_many_people_leave_nothing_to_take_out():
    """A thousand times the people: what is freed of chance is the index."""
    mean, row, col = slope(people=2e6)
    borders = squares(row, col)
    weight = kernel.morrill(borders)
    found, plain = (f(mean, borders, weight) for f in (kernel.freed_of_chance, kernel.adjusted_dissimilarity))
    noise = np.random.default_rng(1).binomial(6, 0.5, 225).astype(float)

    assert found.value == pytest.approx(plain.value, abs=1e-3)
    assert not found.unreliable
    assert kernel.freed_of_chance(np.column_stack([noise, 6 - noise]), borders, weight).unreliable


def test_random_allocations_keep_their_margins():
    """Each draw is the index of an allocation with the sizes and the number of members given; the seed decides."""
    counts, row, col = scattered(5)
    borders, size = squares(row, col), counts.sum(axis=1).astype(int)
    members, weights = int(counts[:, 0].sum()), np.stack([kernel.morrill(borders), kernel.wong_shape(borders)])
    found = kernel.random_allocations(size, members, borders, weights, 3, seed=9)
    rng = np.random.default_rng(9)
    for values in found:
        x = rng.multivariate_hypergeometric(size, members, method="marginals").astype(float)
        pair = np.column_stack([x, size - x])
        expected = [kernel.adjusted_dissimilarity(pair, borders, w).value for w in weights]

        assert x.sum() == members
        np.testing.assert_allclose(values, expected, atol=1e-12)
