"""Centralization: rings of equal distance enter together, bounds, several centres, and the local index."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from civigrid.errors import SchemaError
from civigrid.kernels import centralization as kernel


def town(seed, n=30, side=9):
    rng = np.random.default_rng(seed)
    row, col = np.divmod(rng.choice(side * side, n, replace=False), side)
    return rng.integers(1, 60, (n, 2)).astype(float), np.column_stack([col, row]) * 1000.0


def brute(a, b, distance):
    """Sum over pairs in different rings: nearer a with farther b, less the other way."""
    pairs = [(i, j) for i in range(len(a)) for j in range(len(a))]
    return sum(a[i] * b[j] * np.sign(distance[j] - distance[i]) for i, j in pairs) / a.sum() / b.sum()


@given(st.integers(0, 10_000))
def test_brute_force_bounds_and_order(seed):
    """Both indices equal a loop over pairs, lie in [-1, 1], and do not know the order of the table."""
    counts, xy = town(seed)
    area = np.random.default_rng(seed).uniform(0.5, 2, 30)
    far = kernel.centre_distance(xy, np.array([[4000.0, 4000.0]]))
    mixed = np.random.default_rng(seed).permutation(30)
    ace, rce = kernel.absolute_centralization(counts, area, far), kernel.relative_centralization(counts, far)

    assert ace.value == pytest.approx(brute(counts[:, 0], area, far), abs=1e-12)
    assert rce.value == pytest.approx(brute(counts[:, 0], counts[:, 1], far), abs=1e-12)
    assert max(abs(ace.value), abs(rce.value)) <= 1
    assert kernel.absolute_centralization(counts[mixed], area[mixed], far[mixed]).value == pytest.approx(ace.value)
    assert kernel.relative_centralization(counts[:, ::-1], far).value == pytest.approx(-rce.value)


def test_ends_of_the_scale():
    """All members at the centre 1, all at the rim -1, spread as others 0."""
    far = np.arange(10.0)
    inside = np.column_stack([far < 4, far >= 4]).astype(float)

    assert kernel.relative_centralization(inside, far).value == pytest.approx(1)
    assert kernel.relative_centralization(inside[:, ::-1], far).value == pytest.approx(-1)
    assert kernel.relative_centralization(np.ones((10, 2)), far).value == pytest.approx(0)
    assert kernel.absolute_centralization(np.ones((10, 2)), np.ones(10), far).value == pytest.approx(0)


def test_cells_at_one_distance_enter_together():
    """A chequerboard around its centre: within each ring both sides count as equally central, in any order of rows."""
    row, col = np.divmod(np.arange(81), 9)
    xy = np.column_stack([col, row]) * 100.0
    far = kernel.centre_distance(xy, np.array([[400.0, 400.0]]))
    one_ring = np.isclose(far, 100.0)
    counts = np.zeros((81, 2))
    counts[one_ring] = [[3.0, 0.0], [0.0, 3.0], [3.0, 0.0], [0.0, 3.0]]

    assert kernel.relative_centralization(counts[one_ring], far[one_ring]).value == 0
    shaken = far + np.random.default_rng(0).uniform(-1e-7, 1e-7, 81)
    assert len(np.unique(kernel.rings_of(shaken))) == len(np.unique(kernel.rings_of(far))) == 15


@pytest.mark.parametrize("which", ["absolute", "relative"])
def test_gradients_are_derivatives(which):
    """Each gradient equals a central difference."""
    counts, xy = town(3, n=12)
    far, area = kernel.centre_distance(xy, xy[:1]), np.linspace(1, 2, 12)

    def f(c):
        if which == "absolute":
            return kernel.absolute_centralization(c, area, far)
        return kernel.relative_centralization(c, far)

    numeric = np.zeros_like(counts)
    for i, g in np.ndindex(*counts.shape):
        step = np.zeros_like(counts)
        step[i, g] = 1e-5
        numeric[i, g] = (f(counts + step).value - f(counts - step).value) / 2e-5
    np.testing.assert_allclose(f(counts).gradient, numeric, atol=1e-9)


def test_several_centres():
    """The nearest counts; a weighted one pulls farther; K of them are averaged; one centre twice is one centre."""
    xy = np.column_stack([np.arange(11.0), np.zeros(11)])
    two = np.array([[0.0, 0.0], [10.0, 0.0]])
    nearest = kernel.centre_distance(xy, two)
    pulled = kernel.centre_distance(xy, two, np.array([4.0, 1.0]))

    np.testing.assert_array_equal(nearest, np.minimum(np.arange(11), 10 - np.arange(11)))
    np.testing.assert_allclose(pulled, np.minimum(np.arange(11), 4 * (10 - np.arange(11))))
    np.testing.assert_allclose(kernel.centre_distance(xy, two, nearest=2), 5)
    np.testing.assert_allclose(kernel.centre_distance(xy, two, np.ones(2), nearest=2), 5)
    np.testing.assert_array_equal(kernel.centre_distance(xy, two[[0, 0]]), kernel.centre_distance(xy, two[:1]))


def test_local_centralization_is_that_of_each_neighbourhood():
    """Each cell's value is the index of the cells within the radius, measured from it."""
    counts, xy = town(8)
    found = kernel.local_centralization(counts, xy, 3000.0)
    for i in range(30):
        far = np.sqrt(((xy - xy[i]) ** 2).sum(axis=1))
        inside = far <= 3000.0
        alone = kernel.relative_centralization(counts[inside], far[inside]).value
        assert found[i] == pytest.approx(alone, abs=1e-12)
    mixed = np.random.default_rng(0).permutation(30)
    np.testing.assert_allclose(kernel.local_centralization(counts[mixed], xy[mixed], 3000.0), found[mixed], atol=1e-12)


def test_empty_sides_and_senseless_questions():
    """No members: not a number; no centres, odd weights and radii are told."""
    nobody, far = np.array([[0.0, 1.0], [0.0, 2.0]]), np.arange(2.0)

    assert np.isnan(kernel.absolute_centralization(nobody, np.ones(2), far).value)
    assert np.isnan(kernel.relative_centralization(nobody, far).value)
    assert np.isnan(kernel.local_centralization(nobody, np.zeros((2, 2)), 1.0)).all()
    assert kernel.local_centralization(nobody[:0], np.zeros((0, 2)), 1.0).shape == (0,)
    with pytest.raises(SchemaError, match="the 2 nearest are asked for"):
        kernel.centre_distance(np.zeros((1, 2)), np.zeros((1, 2)), nearest=2)
    with pytest.raises(SchemaError, match="one for each centre"):
        kernel.centre_distance(np.zeros((1, 2)), np.zeros((1, 2)), np.array([-1.0]))
    with pytest.raises(SchemaError, match="above 0 metres"):
        kernel.local_centralization(nobody, np.zeros((2, 2)), 0.0)
