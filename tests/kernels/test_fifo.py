"""Chains of trips that do not overtake: they hold, none is needless, and nobody needs fewer of two times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from civigrid.kernels.fifo import fifo_chains


def fewest(times):
    """Fewest chains: as many as the largest set of trips of which each overtakes each other (Dilworth 1950)."""
    n = len(times)
    clash = [[(times[i] < times[j]).any() and (times[i] > times[j]).any() for j in range(n)] for i in range(n)]
    best = 0
    for chosen in range(1 << n):
        rows = [i for i in range(n) if chosen >> i & 1]
        if len(rows) > best and all(clash[i][j] for i in rows for j in rows if i != j):
            best = len(rows)
    return best


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 2), min_size=1, max_size=9))
def test_trips_of_two_times_need_no_more_chains_than_any_way_would(times):
    """Where trips differ in two times only, first fit is best: the largest clash is the number of chains."""
    rows = np.array(sorted(times), dtype=np.int32)
    chain = fifo_chains(rows)

    assert chain.max() + 1 == fewest(rows)


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 4), min_size=1, max_size=8))
def test_chains_hold_and_none_is_needless(times):
    """In a chain no time falls; a trip opens a chain only where it overtakes the last of each other."""
    rows = np.array(sorted(times), dtype=np.int32)
    chain = fifo_chains(rows)

    for c in range(chain.max() + 1):
        assert (np.diff(rows[chain == c], axis=0) >= 0).all()
    for k in np.flatnonzero(np.diff(np.maximum.accumulate(chain), prepend=-1)):
        last = [rows[:k][chain[:k] == c][-1] for c in range(chain[k])]
        assert all((rows[k] < row).any() for row in last)
    assert fewest(rows) <= chain.max() + 1


@pytest.mark.parametrize(
    ("times", "chains"),
    [
        (np.empty((0, 4)), []),
        (np.empty((3, 0)), [0, 0, 0]),
        ([[5, 9]], [0]),
        ([[5, 9], [5, 9], [5, 9]], [0, 0, 0]),
        ([[0, 30], [1, 20], [2, 10]], [0, 1, 2]),
        ([[0, 30], [1, 20], [2, 25], [3, 40]], [0, 1, 1, 0]),
        ([[-600, 1200], [85_800, 87_600]], [0, 0]),
    ],
    ids=["no trip", "no time", "one", "equal", "each overtakes", "first that fits", "the day before"],
)
def test_chains_of_known_trips(times, chains):
    """No trips, equal trips, and each overtaking all before it."""
    assert fifo_chains(np.array(times, dtype=np.int32)).tolist() == chains


def test_a_view_of_other_order_gives_the_same():
    """Columns first, or every second row: what counts is the values."""
    times = np.sort(np.random.default_rng(2).integers(0, 50, (40, 6)).astype(np.int32), axis=0)
    times[:, 3] = np.random.default_rng(3).permutation(times[:, 3])
    times = times[np.lexsort(times.T[::-1])]
    expected = fifo_chains(times)
    wide = np.zeros((80, 6), dtype=np.int32)
    wide[::2] = times

    assert expected.max() > 3
    assert np.array_equal(expected, fifo_chains(np.asfortranarray(times)))
    assert np.array_equal(expected, fifo_chains(wide[::2]))
