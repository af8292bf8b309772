"""Concentration: bounds, the ends of the scale, Massey and Denton's own case, and chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from patterns import pattern

from civigrid.kernels import concentration as kernel

NAMES = ("delta", "absolute_concentration", "relative_concentration")


def index(name):
    """An index of counts and area, whatever it takes."""
    f = getattr(kernel, name)
    return f if name.endswith("delta") else lambda counts, area: f(kernel.lived_on(counts, area))


def town(seed, n=14):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 60, (n, 2)).astype(float), rng.uniform(0.2, 3, n)


@pytest.mark.parametrize(("name", "expected"), [("A", 0.75), ("B", 0.75), ("C", 0.75), ("D", 0.64), ("I", 0)])
def test_delta_of_patterns(name, expected):
    """Delta of the 10 x 10 patterns as printed; all cells are equally dense, so ACO has no value and RCO is 0."""
    counts, _, _ = pattern(name)

    assert kernel.delta(counts, np.ones(100)).value == pytest.approx(expected, abs=1e-12)
    assert np.isnan(index("absolute_concentration")(counts, np.ones(100)).value)
    assert index("relative_concentration")(counts, np.ones(100)).value == 0


def test_by_hand():
    """Three cells of 1 km2 with 40, 20 and 10 people, 20 of a group: ground, least and most worked out on paper."""
    counts = np.array([[10.0, 30.0], [10.0, 10.0], [0.0, 10.0]])
    ground, least, most = 10 / 40 + 10 / 20, 20 / 40, 1 + 10 / 20
    fair = 20 / 70 * 3

    aco = index("absolute_concentration")(counts, np.ones(3)).value
    rco = index("relative_concentration")(counts, np.ones(3)).value
    assert aco == pytest.approx((most - ground) / (most - least), abs=1e-12)
    assert rco == pytest.approx((fair - ground) / (fair - least), abs=1e-12)


def test_tracts_of_equal_population_are_massey_and_dentons():
    """Units of 100 people and unequal area, X a whole number of units: eq. 10 with areas ranked, as printed."""
    rng = np.random.default_rng(1)
    area = np.sort(rng.uniform(1, 9, 12))
    x = rng.permutation(np.repeat([0.0, 25.0, 50.0, 75.0], 3))
    n1 = int(x.sum() / 100)
    x[0] += 100 * n1 - x.sum() if x[0] + 100 * n1 - x.sum() >= 0 else 100 * (n1 + 1) - x.sum()
    n1 = round(x.sum() / 100)
    low, high = area[:n1].mean(), area[-n1:].mean()
    printed = 1 - (x @ area / x.sum() - low) / (high - low)

    found = index("absolute_concentration")(np.column_stack([x, 100 - x]), area).value
    assert found == pytest.approx(printed, abs=1e-12)


@given(st.integers(0, 10_000))
def test_bounds_and_ends_of_the_scale(seed):
    """Never infinite: 1 in the densest cells, 0 (RCO: -1) in the sparsest, RCO 0 where spread as all are."""
    counts, area = town(seed)
    size = counts.sum(axis=1)
    order = np.argsort(area / size)
    filled = np.zeros((14, 2))
    filled[order[:6], 0], filled[order[6:], 1] = size[order[:6]], size[order[6:]]
    emptied = filled[:, ::-1]
    even = kernel.evenly(counts)

    assert 0 <= kernel.delta(counts, area).value <= 1
    assert -1e-12 <= index("absolute_concentration")(counts, area).value <= 1 + 1e-12
    assert -1 - 1e-12 <= index("relative_concentration")(counts, area).value <= 1 + 1e-12
    for name, ends in (("absolute_concentration", (1, 0)), ("relative_concentration", (1, -1))):
        found = [index(name)(c, area).value for c in (filled, emptied)]
        np.testing.assert_allclose(found, ends, atol=1e-9)
    assert index("relative_concentration")(even, area).value == pytest.approx(0, abs=1e-9)
    assert kernel.delta(np.column_stack([area, area]), area).value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(st.integers(0, 10_000))
def test_order_scale_and_splits_change_nothing(name, seed):
    """Rows in another order, ten times the people, and a cell cut in proportion: the same index."""
    counts, area = town(seed)
    f = index(name)
    expected = f(counts, area).value
    mixed = np.random.default_rng(seed).permutation(14)
    halves = (
        np.concatenate([counts[:1] / 2, counts[:1] / 2, counts[1:]]),
        np.concatenate([area[:1] / 2] * 2 + [area[1:]]),
    )

    for other in ((counts[mixed], area[mixed]), (10 * counts, area), (counts, 5 * area), halves):
        assert f(*other).value == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("flip", [False, True])
def test_gradients_are_derivatives(name, flip):
    """Each gradient equals a central difference, on both sides of RCO's zero."""
    counts, area = town(5)
    counts = counts[:, ::-1].copy() if flip else counts
    counts += np.array([0.3, 0.4])
    f, numeric = index(name), np.zeros_like(counts)
    for i, g in np.ndindex(*counts.shape):
        step = np.zeros_like(counts)
        step[i, g] = 1e-5
        numeric[i, g] = (f(counts + step, area).value - f(counts - step, area).value) / 2e-5

    np.testing.assert_allclose(f(counts, area).gradient, numeric, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_expectations_are_means_of_random_towns(name):
    """The mean of 4,000 random allocations lies within four standard errors and half a percent."""
    rng = np.random.default_rng(7)
    size, area = rng.integers(1, 40, 80), rng.uniform(0.5, 2, 80)
    drawn = rng.multivariate_hypergeometric(size, 150, 4000, method="marginals").astype(float)
    f = index(name)
    found = np.array([f(np.column_stack([x, size - x]), area).value for x in drawn])
    expected = index(f"expected_{name}")(np.column_stack([drawn[0], size - drawn[0]]), area)

    assert abs(found.mean() - expected) < 4 * found.std() / np.sqrt(4000) + 0.005 * abs(expected)


def test_the_kink_of_relative_concentration():
    """Its bias is that of random towns where the group lives as all do, none in the densest cells."""
    rng = np.random.default_rng(3)
    size, area = rng.integers(5, 60, 60), np.ones(60)
    order = np.argsort(-size)
    dense = np.zeros(60)
    dense[order[:10]] = 0.9 * size[order[:10]]
    dense[order[10:]] = 0.05 * size[order[10:]]
    far = index("kink_of_relative_concentration")(np.column_stack([dense, size - dense]), area)
    near = index("expected_relative_concentration")(np.column_stack([dense, size - dense]), area)

    assert abs(far) < 1e-9 < abs(near)


@pytest.mark.parametrize("name", NAMES)
def test_empty_sides_and_single_cells(name):
    """Nobody of the group: not a number; one cell: nothing to choose between, nothing breaks."""
    f, expected = index(name), index(f"expected_{name}")
    nobody = np.array([[0.0, 4.0], [0.0, 5.0]])
    single = f(np.array([[2.0, 4.0]]), np.ones(1)).value

    assert np.isnan(f(nobody, np.ones(2)).value)
    assert np.isnan(expected(nobody, np.ones(2)))
    assert np.isnan(single) if name == "absolute_concentration" else single == 0
