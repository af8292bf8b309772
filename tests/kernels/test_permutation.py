"""Random allocation with fixed margins, and the chance of an index."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import hypergeom

from civigrid.errors import SchemaError
from civigrid.kernels.permutation import fixed_margins, p_value, whole_persons

COUNTS = arrays(np.float64, (5, 3), elements=st.integers(0, 20).map(float))


@given(COUNTS)
def test_margins_stay(counts):
    """Every cell keeps its size, every group its members, and nobody is cut in two."""
    for found in fixed_margins(counts, 3, np.random.default_rng(1)):
        assert np.array_equal(found.sum(axis=0), counts.sum(axis=0))
        assert np.array_equal(found.sum(axis=1), counts.sum(axis=1))
        assert (found >= 0).all()
        assert np.array_equal(found, np.rint(found))


def test_allocations_are_hypergeometric():
    """How many of a group come to a cell is distributed as in Fisher's exact test, for each of three groups."""
    counts = np.array([[3.0, 2, 1], [1, 3, 5], [2, 0, 4]])
    found = np.stack(list(fixed_margins(counts, 20_000, np.random.default_rng(2))))
    for k in range(3):
        expected = hypergeom(21, int(counts[:, k].sum()), 6).pmf(np.arange(7))
        assert np.bincount(found[:, 0, k].astype(int), minlength=7) / 20_000 == pytest.approx(expected, abs=0.012)


def test_same_seed_same_draws():
    """A seed decides everything; another seed gives other draws."""
    counts = np.array([[30.0, 20], [10, 30]])
    first, again, other = (next(fixed_margins(counts, 1, np.random.default_rng(s))) for s in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_p_by_hand():
    """The observed value is one of the possible ones; equal values count."""
    drawn = np.array([0.1, 0.2, 0.3, 0.4])

    assert p_value(0.3, drawn) == pytest.approx(3 / 5)
    assert p_value(0.3, drawn, "less") == pytest.approx(4 / 5)
    assert p_value(9.0, drawn, "two-sided") == pytest.approx(2 / 5)
    assert p_value(0.3 * (1 + 1e-15), drawn) == pytest.approx(3 / 5)


@given(arrays(np.float64, (40, 2), elements=st.floats(0, 3)))
def test_rounding_keeps_groups_and_is_near(counts):
    """Rounded groups keep their persons to a half, also those in cells of less than half a person."""
    whole = whole_persons(counts)

    assert np.abs(whole.sum(axis=0) - counts.sum(axis=0)).max() <= 0.5 + 1e-9
    assert np.abs(whole - counts).max() <= 1 + 1e-9
    assert (whole >= 0).all()


@pytest.mark.parametrize("bad", [0.5, -1.0, np.nan])
def test_only_whole_persons_are_allocated(bad):
    """Fractional, negative and unknown counts are refused, with what to do instead."""
    with pytest.raises(SchemaError, match="rounded=True"):
        next(fixed_margins(np.array([[bad, 1.0]]), 1, np.random.default_rng(0)))


def test_too_many_people_are_told():
    """More persons than can be drawn from are refused."""
    with pytest.raises(SchemaError, match="too many"):
        next(fixed_margins(np.array([[6e8, 6e8]]), 1, np.random.default_rng(0)))
