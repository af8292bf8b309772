"""Chains of pieces."""

import numpy as np
import pytest

from civigrid.kernels.contract import added_up, chains, meeting, quickest


def _random(seed):
    rng = np.random.default_rng(seed)
    n, m = 40, 45
    u, v = rng.integers(0, n, (2, m))
    rows = np.flatnonzero(u != v)
    ahead, back = rng.random((2, len(rows))) < 0.8
    return n, u[rows], v[rows], ahead | ~back, back


@pytest.mark.parametrize("seed", range(20))
def test_each_piece_is_in_one_chain_that_hangs_together(seed):
    """Walked from its first end, each piece begins where the last one ended; only ends are kept vertices."""
    n, u, v, ahead, back = _random(seed)
    keep = meeting(n, u, v, ahead, back)
    found = chains(n, u, v, keep)

    assert sorted(found.piece.tolist()) == list(range(len(u)))
    assert (found.first <= found.last).all()
    assert (found.keep | ~keep).all()
    for k, (first, last) in enumerate(zip(found.first, found.last, strict=True)):
        here, middle = first, []
        for i in range(found.indptr[k], found.indptr[k + 1]):
            piece = found.piece[i]
            start, end = (v[piece], u[piece]) if found.turned[i] else (u[piece], v[piece])
            assert start == here
            here = end
            middle.append(end)
        assert here == last
        assert found.keep[[first, last]].all()
        assert not found.keep[middle[:-1]].any()


@pytest.mark.parametrize("seed", range(10))
def test_a_chain_is_open_in_one_way_along_all_of_it(seed):
    """Pieces of a chain are open in the same directions, seen from its first end."""
    n, u, v, ahead, back = _random(seed)
    found = chains(n, u, v, meeting(n, u, v, ahead, back))
    forth = np.where(found.turned, back[found.piece], ahead[found.piece])
    aback = np.where(found.turned, ahead[found.piece], back[found.piece])
    for k in range(len(found.first)):
        part = slice(found.indptr[k], found.indptr[k + 1])
        assert len(set(zip(forth[part].tolist(), aback[part].tolist(), strict=True))) == 1


def test_a_ring_that_touches_nothing_begins_at_its_smallest_vertex():
    """It has no vertex where streets meet: one is kept."""
    both = np.ones(3, dtype=bool)
    u, v = np.array([3, 1, 2]), np.array([1, 2, 3])
    found = chains(5, u, v, meeting(5, u, v, both, both))

    assert (found.first.tolist(), found.last.tolist()) == ([1], [1])
    assert found.keep.tolist() == [True, True, False, False, True]
    assert len(found.piece) == 3


def test_no_pieces_no_chains():
    """Nothing in, nothing out."""
    none = np.empty(0, dtype=np.int64)
    found = chains(2, none, none, np.ones(2, dtype=bool))
    along, total = added_up(found.indptr, np.empty(0))

    assert len(found.first) == len(along) == len(total) == 0
    assert len(quickest(2, none, none, none)) == 0
