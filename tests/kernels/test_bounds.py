"""Bounds hold for every table within the limits, and are near the extremes: brute force over small tables."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from civigrid.kernels import evenness, exposure, squares
from civigrid.kernels.bounds import SHAPES, TOLERANCE, Known, bound
from civigrid.kernels.zones import zones_of

INDEX = {
    "D": evenness.dissimilarity,
    "H": evenness.information,
    "V": squares.variance_ratio,
    "gorard": evenness.gorard,
    "minmax": evenness.minmax,
    "isolation": exposure.isolation,
    "interaction": exposure.interaction,
}
seeds = st.integers(0, 2**32 - 1)


def values(name, many, total):
    """An index of many tables of the same cells, shape (table,)."""
    x = np.array(many)
    own = np.stack([x, total - x], axis=2).reshape(-1, 2)
    return INDEX[name](zones_of(own, starts=np.arange(len(x)) * len(total))).estimate


def value(name, x, total):
    return float(values(name, [x], total)[0])


def small(seed, hidden=4, known=5, equal=False):
    """A table with a few hidden counts of at most 3 (all equally wide if `equal`)."""
    rng = np.random.default_rng(seed)
    total = rng.integers(4, 40, hidden + known).astype(float)
    x = rng.binomial(total.astype(int), 0.25).astype(float)
    low, high = x.copy(), x.copy()
    low[:hidden] = 0
    high[:hidden] = 3 if equal else np.minimum(rng.integers(1, 5, hidden), total[:hidden])
    if high.sum() < 1:
        high[0] = 1
    return Known(low, high, total)


def tables(known, steps=1):
    """All tables within the limits whose hidden counts are multiples of 1 / steps, at least one person of each kind."""
    ranges = [np.arange(a, b + 1e-9, 1 / steps) for a, b in zip(known.low, known.high, strict=True)]
    for x in product(*ranges):
        if 1 <= sum(x) <= known.total.sum() - 1:
            yield np.array(x)


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=15)
@given(seed=seeds)
def test_every_table_lies_within_the_bounds(name, seed):
    """No table of whole persons is below or above; the least is not above that of a finer search."""
    known = small(seed)
    found = bound(known, SHAPES[name])
    every = values(name, list(tables(known)), known.total)

    assert found.low <= every.min()
    assert every.max() <= found.high
    assert 0 <= found.gap < 2 * TOLERANCE


@pytest.mark.parametrize("name", [n for n in SHAPES if n != "interaction"])
@settings(max_examples=8)
@given(seed=seeds)
def test_the_least_is_attained(name, seed):
    """A search in twelfths of a person comes as near to the bound as its grid allows."""
    known = small(seed, hidden=2)
    least = values(name, list(tables(known, steps=12)), known.total).min()

    assert bound(known, SHAPES[name]).low == pytest.approx(least, abs=3e-3)


@pytest.mark.parametrize("name", [n for n in SHAPES if n != "interaction"])
@settings(max_examples=8)
@given(seed=seeds)
def test_the_most_is_attained_where_limits_are_equally_wide(name, seed):
    """The bound is that of the best corner, to the tolerance and what one cut cell may add."""
    known = small(seed, hidden=6, equal=True)
    corners = product(*[(a, b) if b > a else (a,) for a, b in zip(known.low, known.high, strict=True)])
    most = values(name, [x for x in corners if sum(x) >= 1], known.total).max()

    assert most <= bound(known, SHAPES[name]).high <= most + 0.03


def test_known_counts_give_the_index_itself():
    """Without hidden counts both bounds are the index."""
    known = small(1, hidden=0, known=12)
    for name, shape in SHAPES.items():
        found = bound(known, shape)
        assert (found.low, found.high) == pytest.approx(2 * (value(name, known.low, known.total),), abs=1e-8)


def test_by_hand():
    """Two cells of 10, one with 5 of the group, one with 0 to 2: least when 2, D is 2/3 when none."""
    found = bound(Known(np.array([5.0, 0]), np.array([5.0, 2]), np.array([10.0, 10])), SHAPES["D"])

    assert found.low == pytest.approx(5 / 7 - 5 / 13, abs=1e-8)
    assert found.high == pytest.approx(1 - 5 / 15, abs=1e-5)


def test_a_group_that_may_have_nobody_is_undefined():
    """No person can be in the group: no index, and none is made up."""
    assert np.isnan(bound(Known(np.zeros(2), np.zeros(2), np.array([3.0, 4.0])), SHAPES["D"]).low)


def test_a_large_table_is_bounded_and_order_does_not_matter():
    """Hidden counts below 10 in 8,000 cells: the truth lies within, in any order of the cells."""
    rng = np.random.default_rng(2)
    total = rng.integers(1, 400, 8_000).astype(float)
    x = rng.binomial(total.astype(int), rng.beta(0.5, 6, 8_000)).astype(float)
    hidden = (x < 10) & (rng.random(8_000) < 0.4)
    known = Known(np.where(hidden, 0, x), np.where(hidden, np.minimum(9, total), x), total)
    mixed = rng.permutation(8_000)
    for name in ("D", "H", "isolation"):
        found = bound(known, SHAPES[name])
        again = bound(Known(*(v[mixed] for v in known)), SHAPES[name])

        assert found.low < value(name, x, total) < found.high
        assert (again.low, again.high) == pytest.approx((found.low, found.high), abs=1e-11)
        assert found.high - found.low < 0.12
