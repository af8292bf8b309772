"""Searches over graphs against SciPy's Dijkstra, to the last unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from civigrid.kernels.gather import Attached, Cells, Direct, gather
from civigrid.kernels.nearest_sites import nearest_of_points, nearest_sites
from civigrid.kernels.search import UNREACHED, Seeds, buckets_for, graph_of, settled


def random_graph(rng, n, m, longest):
    """A random graph, parallel edges and loops included; and the same for SciPy, the cheapest of parallel edges."""
    tail, head = np.sort(rng.integers(0, n, m)), rng.integers(0, n, m).astype(np.int32)
    cost = rng.integers(1, longest + 1, m).astype(np.int32)
    least = np.full((n, n), np.inf)
    np.minimum.at(least, (tail, head), cost)
    least[~np.isfinite(least)] = 0
    return graph_of(np.searchsorted(tail, np.arange(n + 1)), head, cost), csr_array(least)


def seeds_of(rng, n, sources, most=50):
    """None to three seeds for each source."""
    count = rng.integers(0, 4, sources)
    node, cost = rng.integers(0, n, count.sum()), rng.integers(0, most, count.sum())
    return Seeds(np.append(0, np.cumsum(count)), node.astype(np.int32), cost.astype(np.int32))


def all_costs(scipy_graph, seeds):
    """Cost from each source to each node, by SciPy, shape (source, node)."""
    between = dijkstra(scipy_graph)
    out = np.full((len(seeds.starts) - 1, between.shape[0]), np.inf)
    for i in range(len(out)):
        for k in range(seeds.starts[i], seeds.starts[i + 1]):
            out[i] = np.minimum(out[i], seeds.cost[k] + between[seeds.node[k]])
    return out


def dense(found, n):
    """What was settled, as a matrix; every node at most once for each source."""
    out = np.full((len(found.starts) - 1, n), np.inf)
    for i in range(len(out)):
        some = slice(found.starts[i], found.starts[i + 1])
        assert len(np.unique(found.node[some])) == len(found.node[some])
        out[i, found.node[some]] = found.cost[some]
    return out


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(0, 90), st.sampled_from([1, 7, 300, 100_000]))
def test_settled_costs_are_those_of_scipy(seed, n, m, longest):
    """Any graph, any seeds, any bound: the same nodes at the same costs."""
    rng = np.random.default_rng(seed)
    graph, peer = random_graph(rng, n, m, longest)
    seeds = seeds_of(rng, n, 5)
    expected = all_costs(peer, seeds)
    bound = int(rng.integers(0, 3 * longest + 60))

    assert expected.tolist() == dense(settled(graph, seeds), n).tolist()
    assert np.where(expected <= bound, expected, np.inf).tolist() == dense(settled(graph, seeds, bound), n).tolist()


@given(st.integers(0, 10_000), st.integers(1, 25), st.integers(0, 70), st.integers(1, 4), st.sampled_from([1, 3, 300]))
def test_nearest_sites_are_the_smallest_of_all(seed, n, m, k, longest):
    """The k smallest (cost, number) of every node, also with many ties."""
    rng = np.random.default_rng(seed)
    graph, peer = random_graph(rng, n, m, longest)
    seeds = seeds_of(rng, n, 6, most=4)
    costs = all_costs(peer, seeds)
    bound = int(rng.integers(0, 3 * longest + 10))
    for limit, (site, cost) in (
        (np.inf, nearest_sites(graph, seeds, k)),
        (bound, nearest_sites(graph, seeds, k, bound)),
    ):
        for u in range(n):
            best = sorted((c, s) for s, c in enumerate(costs[:, u]) if c <= limit and np.isfinite(c))[:k]
            best += [(UNREACHED, -1)] * (k - len(best))

            assert best == list(zip(cost[u].tolist(), site[u].tolist(), strict=True))


def test_points_take_the_better_of_their_ends_and_of_the_direct_way():
    """A point between two nodes, with a site on its own street."""
    whole = lambda *values: np.array(values, np.int32)  # noqa: E731
    attached = Attached(np.array([0, 1, 2]), whole(0, 0), whole(10, 2))
    direct = Direct(np.array([0, 0, 1]), whole(0), whole(5))
    site, cost = nearest_of_points(whole([0, 1], [0, 1]), whole([4, 5], [8, 30]), attached, direct, 1)

    assert site.tolist() == [[1, 0]]
    assert cost.tolist() == [[5, 10]]
    assert nearest_of_points(whole([0], [0]), whole([4], [8]), attached, direct, 1, bound=9)[0].tolist() == [[1]]


def test_a_mean_needs_half_of_the_weight():
    """A cell of three points of which the search reaches some: the mean is over those, or there is none."""
    whole = lambda *values: np.array(values, np.int32)  # noqa: E731
    graph = graph_of(np.array([0, 1, 2, 2]), whole(1, 2), whole(100, 100))
    seeds = Seeds(np.array([0, 1]), whole(0), whole(0))
    attached = Attached(np.array([0, 1, 2, 3]), whole(0, 1, 2), whole(0, 0, 0))
    direct = Direct(np.array([0, 0]), whole(), whole())

    def found(weight, limit, slack=0):
        cells = Cells(np.array([0, 3]), whole(0, 0, 0), np.array(weight), whole(0, 0, 0), whole(slack))
        got = gather(graph, seeds, attached, direct, cells, limit, 0, 1)
        return got.seconds.tolist(), got.partly

    assert found([0.25, 0.25, 0.5], 20) == ([13], 0)
    assert found([0.25, 0.25, 0.5], 11) == ([5], 1)
    assert found([0.25, 0.24, 0.51], 11) == ([], 0)
    assert found([0.25, 0.25, 0.5], 13, slack=70) == ([13], 0)
    assert found([0.5, 0.5, 0.0], 11) == ([5], 0)


def test_seconds_are_rounded_once_half_up():
    """4 deciseconds are none, 5 are one second; the limit is closed."""
    whole = lambda *values: np.array(values, np.int32)  # noqa: E731
    graph = graph_of(np.zeros(7, np.int64), whole(), whole())
    cost = whole(4, 5, 14, 15, 24, 25)
    seeds = Seeds(np.arange(7), np.arange(6, dtype=np.int32), cost)
    attached = Attached(np.arange(7), np.arange(6, dtype=np.int32), np.zeros(6, np.int32))
    direct = Direct(np.zeros(7, np.int64), whole(), whole())
    cells = Cells(np.arange(7), np.arange(6, dtype=np.int32), np.ones(6), np.zeros(6, np.int32), np.zeros(6, np.int32))

    assert gather(graph, seeds, attached, direct, cells, 2, 0, 6).seconds.tolist() == [0, 1, 1, 2, 2]


def test_buckets_hold_the_longest_edge_and_the_latest_seed():
    """A power of two above both, never more than the bound needs; their width follows the mean."""

    def of(costs, seed, bound):
        graph = graph_of(np.array([0, len(costs)]), np.zeros(len(costs), np.int32), np.array(costs, np.int32))
        return tuple(
            buckets_for(graph, Seeds(np.array([0, 1]), np.zeros(1, np.int32), np.array([seed], np.int32)), bound)
        )

    assert of([8], 0, 100) == (16, 0)
    assert of([8], 40, 100) == (64, 0)
    assert of([1_000, 10], 0, 10_000) == (64, 5)
    assert of([1_000_000], 0, 100) == (2, 16)
    assert of([], 0, 0) == (2, 0)


def test_costs_that_buckets_cannot_hold_are_refused():
    """An edge of 0 and a seed below 0 would go wrong in silence."""
    one = np.zeros(1, np.int32)
    graph = graph_of(np.array([0, 1]), one, one + 1)

    with pytest.raises(ValueError, match="edges must cost at least 1; the least costs 0"):
        graph_of(np.array([0, 1]), one, one)
    for function in (settled, lambda graph, seeds: nearest_sites(graph, seeds, 1)):
        with pytest.raises(ValueError, match="seeds must cost at least 0; the least costs -1"):
            function(graph, Seeds(np.array([0, 1]), one, one - 1))


def test_no_site_is_no_number():
    """A k below 1 is refused; no sources and no seeds give nothing."""
    graph = graph_of(np.array([0, 0]), np.empty(0, np.int32), np.empty(0, np.int32))
    none = Seeds(np.array([0]), np.empty(0, np.int32), np.empty(0, np.int32))

    with pytest.raises(ValueError, match="k = 0"):
        nearest_sites(graph, none, 0)
    assert nearest_sites(graph, none, 2)[0].tolist() == [[-1, -1]]
    assert settled(graph, none).starts.tolist() == [0]
