"""Drawn persons: their distribution, and that a cell keeps its people."""

import numpy as np
import pytest
from scipy import stats

from civigrid.kernels.paired import drawn_sums, key_of


def drawn(mean, draws=20_000, cell=5, seed=1, key=0):
    """Draws of one cell."""
    ids = np.array([cell], dtype=np.uint64)
    return drawn_sums(ids, np.array([mean]), np.ones((1, 1)), key=key, seed=seed, draws=draws).ravel()


@pytest.mark.parametrize("mean", [0.3, 4.0, 59.0, 60.0, 900.0])
def test_draws_are_poisson(mean):
    """Mean, variance and skewness of 20,000 draws, and the whole distribution, for small and large means."""
    found = drawn(mean)
    steps = np.quantile(stats.poisson(mean).ppf(np.linspace(0.02, 0.98, 25)), np.linspace(0, 1, 25)).round()
    apart = max(abs(np.mean(found <= k) - stats.poisson(mean).cdf(k)) for k in steps)

    assert found.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / 20_000))
    assert found.var() == pytest.approx(mean, rel=0.06)
    assert apart < 0.015
    assert np.array_equal(found, found.round())


def test_cells_groups_and_seeds_have_numbers_of_their_own():
    """Draws of neighbours, of other groups and of other seeds are not alike."""
    base = drawn(50.0, 5_000)

    for other in (drawn(50.0, 5_000, cell=6), drawn(50.0, 5_000, seed=2), drawn(50.0, 5_000, key=1)):
        assert abs(np.corrcoef(base, other)[0, 1]) < 0.05
    assert np.array_equal(base[:100], drawn(50.0, 100))
    assert key_of("a") != key_of("b")


def test_cells_that_add_nothing_change_no_bit():
    """Left out or of value 0: the same sums; nobody and unknown persons draw nobody."""
    ids = np.arange(40, dtype=np.uint64)
    persons, value = np.linspace(0, 100, 40), np.where(np.arange(40) % 3 == 0, 0.1, 0.0)[:, None]
    some = value[:, 0] > 0
    persons[2] = np.nan
    whole = drawn_sums(ids, persons, value, key=1, seed=3, draws=50)

    assert whole.tobytes() == drawn_sums(ids[some], persons[some], value[some], key=1, seed=3, draws=50).tobytes()
    assert drawn(0.0, 10).sum() == 0
