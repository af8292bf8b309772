"""Indices against published numbers, by hand, and by the laws that catch known defects."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from civigrid.kernels import random_allocation as chance
from civigrid.kernels import segregation as kernel
from civigrid.kernels.compositions import compositions, merge

TWO_GROUP = {
    "dissimilarity": 0.687622563427,
    "gini": 0.855978820471,
    "information": 0.501076818723,
    "isolation": 0.611959574521,
    "interaction": 0.388040425479,
}
COUNTS = arrays(np.float64, (6, 2), elements=st.integers(0, 30).map(float))


def one_each(n):
    return np.ones(len(n), dtype=np.int64)


def test_published_school_values(real_data):
    """schools00 of the R package segregation: H of five groups, and black against the rest."""
    long = pd.read_csv(real_data / "us_schools_elbers" / "schools00.csv")
    table = long.pivot_table(index="school", columns="race", values="n", fill_value=0, aggfunc="sum")
    n = table.to_numpy(float)
    black = n[:, table.columns.get_loc("black")]
    pair = np.stack([black, n.sum(axis=1) - black], axis=1)

    assert kernel.information(n, one_each(n)).estimate == pytest.approx(0.418808314642, abs=1e-12)
    for name, expected in TWO_GROUP.items():
        assert getattr(kernel, name)(pair, one_each(pair)).estimate == pytest.approx(expected, abs=1e-12)


def test_published_sacramento_values(real_data):
    """Hispanic against all others in 403 tracts, as PySAL asserts them."""
    import geopandas as gpd

    path = next((real_data / "us_sacramento_tracts").glob("*.shp"), None) or next(
        (real_data / "us_sacramento_tracts").glob("*.g*")
    )
    tracts = gpd.read_file(path)
    n = np.stack([tracts["HISP_"], tracts["TOT_POP"] - tracts["HISP_"]], axis=1).astype(float)
    n = n[n.sum(axis=1) > 0]

    assert kernel.dissimilarity(n, one_each(n)).estimate == pytest.approx(0.32184656076566864, abs=1e-12)
    assert kernel.gini(n, one_each(n)).estimate == pytest.approx(0.43506510676886234, abs=1e-12)
    assert kernel.information(n, one_each(n)).estimate == pytest.approx(0.09626774479970557, abs=1e-12)
    assert kernel.isolation(n, one_each(n)).estimate == pytest.approx(0.2319615486459151, abs=1e-12)


PATTERNS = {"A": (1, 1, 1, 1), "D": (0.842105, 0.921053, 0.698129, 0.75), "I": (0, 0, 0, 0.5)}


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_of_morrill_and_wong(name):
    """The 10 x 10 patterns: D, Gini, H and isolation to the printed digits."""
    share = np.zeros((10, 10))
    if name == "A":
        share[:5, 5:] = 1
    elif name == "D":
        share[:6, 4:] = 0.5
        share[:3, 6:] = 1
    else:
        share[:] = 0.5
    n = np.stack([100 * share.ravel(), 100 - 100 * share.ravel()], axis=1)
    found = [getattr(kernel, f)(n, one_each(n)).estimate for f in ("dissimilarity", "gini", "information", "isolation")]

    np.testing.assert_allclose(found, PATTERNS[name], atol=5e-7)


@given(COUNTS)
def test_laws_of_two_group_indices(n):
    """Bounds, D <= G, exposure sums to 1; splitting a cell, an empty cell and the order of cells change nothing."""
    n = n[n.sum(axis=1) > 0]
    if len(n) == 0 or (n.sum(axis=0) == 0).any():
        return
    w = one_each(n)
    d, g, h = (f(n, w).estimate for f in (kernel.dissimilarity, kernel.gini, kernel.information))

    assert -1e-12 <= d <= g + 1e-12 <= 1 + 2e-12
    assert -1e-12 <= h <= 1 + 1e-12
    assert kernel.isolation(n, w).estimate + kernel.interaction(n, w).estimate == pytest.approx(1)
    split = np.concatenate([n[:1] / 2, n[:1] / 2, n[1:][::-1]])
    for f in (kernel.dissimilarity, kernel.gini, kernel.information, kernel.isolation):
        assert f(split, one_each(split)).estimate == pytest.approx(f(n, w).estimate, abs=1e-12)
    pairs = [(i, j) for i in range(len(n)) for j in range(len(n))]
    brute = sum(abs(n[i, 0] * n[j, 1] - n[j, 0] * n[i, 1]) for i, j in pairs) / 2 / n[:, 0].sum() / n[:, 1].sum()
    assert g == pytest.approx(brute, abs=1e-12)


@pytest.mark.parametrize("name", ["dissimilarity", "information", "entropy", "gini", "isolation", "interaction"])
def test_gradients_are_derivatives(name):
    """Each gradient equals a central difference: the intervals rest on it."""
    f = getattr(kernel, name)
    n = (
        np.random.default_rng(0)
        .integers(1, 30, (6, 3 if name in ("dissimilarity", "information", "entropy") else 2))
        .astype(float)
    )
    w, numeric = one_each(n), np.zeros_like(n)
    for i, g in np.ndindex(*n.shape):
        step = np.zeros_like(n)
        step[i, g] = 1e-6
        numeric[i, g] = (f(n + step, w).estimate - f(n - step, w).estimate) / 2e-6

    np.testing.assert_allclose(f(n, w).gradient, numeric, atol=1e-8)


def test_delta_variance_is_that_of_simulated_cities():
    """The analytic standard error of D agrees with 400 Poisson cities within 15 %."""
    rng = np.random.default_rng(3)
    mean = rng.uniform(20, 400, (80, 2)) * np.array([0.3, 1.0])
    w = one_each(mean)
    drawn = np.std([kernel.dissimilarity(rng.poisson(mean).astype(float), w).estimate for _ in range(400)])
    value = kernel.dissimilarity(mean, w)

    assert np.sqrt(kernel.variance(mean, w, value.gradient)) == pytest.approx(drawn, rel=0.15)


WINSHIP = [(10, 0.01, 0.9135), (10, 0.1, 0.3874), (10, 0.5, 0.2461), (20, 0.1, 0.2852), (100, 0.1, 0.1319),
           (100, 0.01, 0.3697), (1000, 0.01, 0.1257), (500, 0.5, 0.0357)]  # fmt: skip


@pytest.mark.parametrize(("size", "share", "expected"), WINSHIP)
def test_expected_dissimilarity_is_winships(size, share, expected):
    """Winship (1977), table 2, and its continuation."""
    n = np.array([[size * share, size * (1 - share)]])

    assert chance.expected_dissimilarity(n, np.array([10_000])) == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize(("size", "share"), [(10, 0.1), (50, 0.02), (200, 0.3), (5000, 0.001)])
def test_expected_values_agree_with_simulation(size, share):
    """H, Gini and isolation of 40,000 cells filled at random lie within 3 % of their expectation."""
    x = np.random.default_rng(5).binomial(size, share, 40_000).astype(float)
    n = np.stack([x, size - x], axis=1)
    w = one_each(n)
    for value, expected in (
        (kernel.information, chance.expected_information),
        (kernel.gini, chance.expected_gini),
        (kernel.isolation, chance.expected_isolation),
    ):
        assert expected(n, w) == pytest.approx(value(n, w).estimate, rel=0.03)


@given(arrays(np.float64, (12, 3), elements=st.integers(0, 4).map(float)), st.integers(1, 11))
def test_any_cut_gives_the_same_compositions(counts, cut):
    """Compositions merged from two blocks are those of the whole, to the byte."""
    zone = np.arange(12) % 3
    whole = compositions(zone, counts)
    merged = merge(compositions(zone[cut:], counts[cut:]), compositions(zone[:cut], counts[:cut]))

    for one, other in zip(whole, merged, strict=True):
        assert one.tobytes() == other.tobytes()
