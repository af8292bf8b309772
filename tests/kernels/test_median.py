"""Siting: against all sets, against published optima, and what must not matter."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import floyd_warshall

from civigrid.errors import SchemaError
from civigrid.kernels import median as siting
from civigrid.kernels.median import cost_of, lists_of, median

OPTIMA = {1: 5819, 2: 4093, 3: 4250, 4: 3034, 5: 1355}
"""Beasley (1985), OR-Library, pmedopt.txt."""


def dense_lists(cost, beyond=None):
    """Lists that hold every site."""
    n, m = cost.shape
    far = np.full(n, cost.max() + 1) if beyond is None else beyond
    return lists_of(np.arange(0, n * m + 1, m), np.tile(np.arange(m), n), cost.ravel(), far, m)


def by_hand(cost, beyond, most, fixed, must=(), never=()):
    """Least cost over all sets of sites."""
    free = [j for j in range(cost.shape[1]) if j not in must and j not in never]
    best = np.inf
    for k in range(most - len(must) + 1):
        for more in combinations(free, k):
            chosen = [*must, *more]
            near = np.minimum(cost[:, chosen].min(axis=1), beyond) if chosen else beyond
            best = min(best, near.sum() + fixed[chosen].sum())
    return best


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 8), st.integers(0, 4), st.booleans())
def test_equals_the_best_of_all_sets(seed, n, m, most, priced):
    """Small cases are exact: with and without costs of sites, required and forbidden ones."""
    rng = np.random.default_rng(seed)
    cost = rng.integers(0, 30, (n, m)).astype(float)
    beyond = rng.integers(0, 40, n).astype(float)
    fixed = rng.integers(0, 20, m).astype(float) * priced
    must = [0] if most else []
    never = [m - 1] if m > 2 else []
    required, forbidden = (np.isin(np.arange(m), v) for v in (must, never))
    found = median(dense_lists(cost, beyond), most, fixed=fixed, required=required, forbidden=forbidden)

    assert by_hand(cost, beyond, most, fixed, must, never) == found.value == found.bound
    assert len(found.sites) <= most
    assert required[found.sites].sum() == required.sum()
    assert not forbidden[found.sites].any()


@given(st.integers(0, 2**32), st.integers(2, 30), st.integers(2, 9), st.integers(1, 4), st.booleans())
def test_search_and_bound_bracket_the_optimum(seed, n, m, most, priced):
    """Without enumeration: bound <= optimum <= value, and the value is that of the sites given."""
    rng = np.random.default_rng(seed)
    cost, beyond = rng.random((n, m)) * 30, rng.random(n) * 40
    fixed = rng.random(m) * 20 * priced
    lists = dense_lists(cost, beyond)
    before = siting.ENUMERATED
    siting.ENUMERATED = 0
    try:
        found = median(lists, most, fixed=fixed)
    finally:
        siting.ENUMERATED = before
    best = by_hand(cost, beyond, most, fixed)

    assert found.bound <= best * (1 + 1e-12)
    assert found.value >= best * (1 - 1e-12)
    assert found.value == cost_of(lists, np.isin(np.arange(m), found.sites), fixed)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_published_optima(real_data, number):
    """OR-Library: the optimum lies between bound and value, which lie within 0.5 % of it."""
    lines = (real_data / "orlib_pmed" / f"pmed{number}.txt").read_text().split()
    n, m, p = map(int, lines[:3])
    graph = np.full((n, n), np.inf)
    for i, j, c in np.array(lines[3 : 3 + 3 * m], dtype=int).reshape(-1, 3):
        graph[i - 1, j - 1] = graph[j - 1, i - 1] = c
    np.fill_diagonal(graph, 0)
    found = median(dense_lists(floyd_warshall(graph)), p)

    assert found.bound <= OPTIMA[number] <= found.value
    assert found.value <= OPTIMA[number] * 1.005
    assert found.bound >= OPTIMA[number] * 0.995
    assert len(found.sites) == p


def town(seed=3, n=600, m=40):
    """Cells and candidates in a square, costs of those within reach."""
    rng = np.random.default_rng(seed)
    cells, sites = rng.random((n, 2)), rng.random((m, 2))
    weight = rng.integers(1, 50, n).astype(float)
    far = np.linalg.norm(cells[:, None] - sites, axis=2)
    return far, weight


def sparse_lists(far, weight, limit, order=None):
    """Lists of the sites within a limit; the unserved count as at the limit."""
    i, j = np.nonzero(far < limit)
    indptr = np.searchsorted(i, np.arange(len(far) + 1))
    return lists_of(indptr, j, (weight[:, None] * far)[i, j], weight * limit, far.shape[1])


def test_lists_cut_short_equal_whole_ones():
    """What costs no less than staying unserved may be on the list or not."""
    far, weight = town()
    short = median(sparse_lists(far, weight, 0.3), 6)
    whole = median(dense_lists(weight[:, None] * np.minimum(far, 0.3), weight * 0.3), 6)

    assert short.value == pytest.approx(whole.value, rel=1e-12)
    assert short.gap < 0.02


def test_more_sites_cost_no_more_and_scale_is_units():
    """Monotone in the number of sites; a hundredfold of the weights costs a hundredfold at the same sites."""
    far, weight = town()
    lists = sparse_lists(far, weight, 0.4)
    found = [median(lists, p, steps=60) for p in range(8)]
    again = median(sparse_lists(far, weight * 128, 0.4), 5, steps=60)

    assert all(a.value >= b.value for a, b in pairwise(found))
    assert found[0].value == pytest.approx(float(weight.sum() * 0.4))
    assert again.value == 128 * found[5].value
    assert again.sites.tolist() == found[5].sites.tolist()


def test_order_of_cells_changes_nothing():
    """Rows in another order: the same sites."""
    far, weight = town()
    order = np.random.default_rng(1).permutation(len(far))
    one, other = (median(sparse_lists(far[o], weight[o], 0.4), 7) for o in (slice(None), order))

    assert one.sites.tolist() == other.sites.tolist()
    assert one.value == pytest.approx(other.value, rel=1e-12)


def test_cover_and_kolm_pollak_are_the_same_kernel():
    """Costs of 0 and 1 are the maximal cover; exp(kappa t) with a large kappa spares the worst off."""
    far, weight = town(n=80, m=12)
    cover = median(dense_lists(weight[:, None] * (far > 0.25), weight), 3)
    chosen = list(combinations(range(12), 3))
    best = max(weight[(far[:, s] <= 0.25).any(axis=1)].sum() for s in chosen)
    fair = median(dense_lists(np.exp(40 * far), np.full(80, np.exp(40 * 2.0))), 3)
    centre = min(far[:, s].min(axis=1).max() for s in chosen)

    assert weight.sum() - best == cover.value
    assert far[:, fair.sites].min(axis=1).max() <= centre * 1.1


def test_nothing_to_choose_from():
    """No cells, no sites, none allowed: defined, and no error."""
    empty = lists_of(np.array([0]), np.array([], dtype=int), np.array([]), np.array([]), 0)
    lonely = lists_of(np.array([0, 0]), np.array([], dtype=int), np.array([]), np.array([7.0]), 0)

    assert median(empty, 2).value == 0
    assert median(lonely, 2).value == 7 == median(lonely, 2).bound
    assert median(lonely, 0).sites.tolist() == []


def test_what_cannot_be_is_refused():
    """Too many required, both required and forbidden, costs without end."""
    lists = dense_lists(np.ones((2, 3)))
    yes = np.ones(3, dtype=bool)

    with pytest.raises(SchemaError, match="3 sites are required, but at most 2"):
        median(lists, 2, required=yes)
    with pytest.raises(SchemaError, match="required and forbidden"):
        median(lists, 3, required=yes, forbidden=yes)
    with pytest.raises(SchemaError, match="finite"):
        dense_lists(np.full((1, 1), np.inf), np.array([1.0]))
