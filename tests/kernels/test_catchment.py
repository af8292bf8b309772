"""Sums over pairs against dense products, nearest and capacity searches against sorting, order of pairs."""

import numpy as np
import pytest
from scipy import sparse

from civigrid.kernels.allocation import balance, cheapest_allocation
from civigrid.kernels.catchment import Pairs, kth_nearest, time_until, to_cells, to_sites
from civigrid.kernels.equilibrium import crowding_equilibrium


def pairs_of(matrix):
    """Pairs of a dense matrix of weights."""
    made = sparse.csr_array(matrix)
    made.sort_indices()
    return Pairs(made.indptr.astype(np.int64), made.indices.astype(np.int32), made.data, matrix.shape[1])


@pytest.fixture
def matrix():
    """Weights of 50 cells and 9 sites, half of them absent; an empty row and an empty column."""
    rng = np.random.default_rng(4)
    weights = rng.random((50, 9)) * (rng.random((50, 9)) < 0.5)
    weights[7], weights[:, 3] = 0.0, 0.0
    return weights


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("square", [False, True])
def test_sums_are_matrix_products(matrix, columns, square):
    """Both ways, for one column and several, by weights and by their squares."""
    rng = np.random.default_rng(5)
    power, pairs = matrix**2 if square else matrix, pairs_of(matrix)
    x, y = rng.random((50, columns)), rng.random((9, columns))

    assert to_sites(pairs, x, square=square) == pytest.approx(power.T @ x, rel=1e-13)
    assert to_cells(pairs, y, square=square) == pytest.approx(power @ y, rel=1e-13)


def test_one_column_and_many_give_the_same_bits(matrix):
    """How many groups are computed together changes nothing."""
    rng = np.random.default_rng(6)
    pairs, x, y = pairs_of(matrix), rng.random((50, 4)), rng.random((9, 4))
    alone = np.hstack([to_sites(pairs, x[:, [c]]) for c in range(4)])
    back = np.hstack([to_cells(pairs, y[:, [c]]) for c in range(4)])

    assert to_sites(pairs, x).tobytes() == alone.tobytes()
    assert to_cells(pairs, y).tobytes() == back.tobytes()


def test_nothing_gives_nothing():
    """No cells, no sites, no pairs: zeros of the right shape."""
    none = Pairs(np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32), np.zeros(0), 0)
    lone = Pairs(np.zeros(3, dtype=np.int64), np.zeros(0, dtype=np.int32), np.zeros(0), 2)

    assert to_sites(none, np.zeros((0, 2))).shape == (0, 2)
    assert to_cells(none, np.zeros((0, 2))).shape == (0, 2)
    assert to_sites(lone, np.ones((2, 1))).tolist() == [[0.0], [0.0]]
    assert kth_nearest(lone.indptr, lone.site, lone.site, np.ones((2, 1), dtype=bool), 1).tolist() == [[-1], [-1]]


def _times(seed):
    rng = np.random.default_rng(seed)
    there = rng.random((30, 8)) < 0.6
    row, site = np.nonzero(there)
    seconds = rng.integers(0, 12, len(row)).astype(np.int32)  # many ties
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=30))])
    return row, indptr, site.astype(np.int32), seconds


@pytest.mark.parametrize("k", [1, 2, 5])
def test_kth_nearest_is_the_kth_of_a_sorted_list(k):
    """Ties count each; too few give -1."""
    row, indptr, site, seconds = _times(1)
    offers = np.random.default_rng(2).random((8, 2)) < 0.7
    expected = np.full((30, 2), -1)
    for i in range(30):
        for c in range(2):
            mine = np.sort(seconds[(row == i) & offers[site, c]])
            expected[i, c] = mine[k - 1] if len(mine) >= k else -1

    assert kth_nearest(indptr, site, seconds, offers, k).tolist() == expected.tolist()


@pytest.mark.parametrize("more", [False, True])
def test_time_until_is_the_first_time_with_enough(more):
    """By trying every time; at least as much, or more."""
    row, indptr, site, seconds = _times(3)
    supply = np.random.default_rng(4).integers(0, 6, (8, 1)).astype(float)
    wanted = np.random.default_rng(5).integers(0, 14, (30, 1)).astype(float)
    wanted[4] = np.nan
    expected = np.full((30, 1), -1)
    for i in range(30):
        for t in range(12):
            had = supply[site[(row == i) & (seconds <= t)], 0].sum()
            if had > wanted[i, 0] if more else had >= wanted[i, 0]:
                expected[i, 0] = t
                break
    if not more:
        expected[wanted == 0] = 0

    assert time_until(indptr, site, seconds, supply, wanted, more=more).tolist() == expected.tolist()


def test_balance_meets_both_margins_and_keeps_cross_ratios(matrix):
    """Deming and Stephan: margins met, odds ratios of the start unchanged."""
    weights = np.random.default_rng(8).random((6, 4)) + 0.1
    rows, columns = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0]), np.array([10.0, 6.0, 4.0, 3.0])
    found = balance(pairs_of(weights), rows, columns, tolerance=1e-12, most_rounds=5_000)
    flow = found.flow.reshape(6, 4)
    odds = flow[:-1, :-1] * flow[1:, 1:] / flow[1:, :-1] / flow[:-1, 1:]

    assert found.deviation <= 1e-12
    assert flow.sum(axis=0) == pytest.approx(columns, rel=1e-12)
    assert flow.sum(axis=1) == pytest.approx(rows, rel=1e-10)
    assert odds == pytest.approx(weights[:-1, :-1] * weights[1:, 1:] / weights[1:, :-1] / weights[:-1, 1:], rel=1e-9)


def test_balance_tells_when_margins_cannot_be_met():
    """A cell whose one site is too small: rounds end, the deviation is told."""
    found = balance(
        pairs_of(np.array([[1.0, 0.0], [1.0, 1.0]])), np.array([8.0, 2.0]), np.array([5.0, 5.0]),
        tolerance=1e-9, most_rounds=200,
    )  # fmt: skip

    assert found.rounds == 200
    assert found.deviation > 0.1


def _program(cost, persons, capacity, price):
    """The transport problem with all pairs, densely."""
    from scipy.optimize import linprog

    cells, sites = cost.shape
    usable = np.isfinite(cost)
    c = np.concatenate([np.where(usable, cost, 1e9).ravel(), np.full(cells, price)])
    of_cell = np.hstack([np.kron(np.eye(cells), np.ones(sites)), np.eye(cells)])
    of_site = np.hstack([np.kron(np.ones(cells), np.eye(sites)), np.zeros((sites, cells))])
    return linprog(c, A_ub=of_site, b_ub=capacity, A_eq=of_cell, b_eq=persons, method="highs").fun


@pytest.mark.parametrize("seed", range(6))
def test_the_growing_program_is_as_good_as_the_whole(seed):
    """More sites than the first program holds, tight places: the same optimum as with all pairs at once."""
    rng = np.random.default_rng(seed)
    cost = np.where(rng.random((15, 30)) < 0.8, rng.integers(1, 60, (15, 30)).astype(float), np.inf)
    persons, capacity = rng.integers(0, 20, 15).astype(float), rng.integers(0, 8, 30).astype(float)
    row, site = np.nonzero(np.isfinite(cost))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=15))])
    pairs = Pairs(indptr, site.astype(np.int32), cost[row, site], 30)
    found = cheapest_allocation(pairs, persons, capacity, 500.0)
    placed = np.bincount(row, found.flow, minlength=15)

    assert found.cost == pytest.approx(_program(cost, persons, capacity, 500.0), rel=1e-9)
    assert placed + found.unmet == pytest.approx(persons, abs=1e-7)
    assert np.all(np.bincount(site, found.flow, minlength=30) <= capacity + 1e-7)


def test_the_value_of_a_place_is_what_one_more_saves():
    """The dual against solving again with one more place."""
    cost = np.array([[5.0, 20.0], [8.0, 9.0]])
    pairs, persons = pairs_of(cost), np.array([10.0, 10.0])
    before = cheapest_allocation(pairs, persons, np.array([7.5, 6.0]), 100.0)
    for j in range(2):
        more = np.array([7.5, 6.0])
        more[j] += 1
        after = cheapest_allocation(pairs, persons, more, 100.0)

        assert before.cost - after.cost == pytest.approx(before.value[j], abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_equilibrium_is_the_optimum_of_the_convex_program(seed):
    """Against a general solver of the same program, and against its own conditions: nobody gains by another site."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(seed)
    cost = rng.random((6, 4)) * 2
    persons, capacity = rng.integers(1, 30, 6).astype(float), rng.integers(5, 40, 4).astype(float)
    pairs = pairs_of(cost)
    found = crowding_equilibrium(pairs.indptr, pairs.site, pairs.weight, persons, capacity, tolerance=1e-10)
    flow = found.flow.reshape(6, 4)

    def value(d):
        load = d.reshape(6, 4).sum(axis=0)
        return (cost.ravel() * d).sum() + (load**2 / (2 * capacity)).sum()

    def slope(d):
        return (cost + d.reshape(6, 4).sum(axis=0) / capacity).ravel()

    rows = {"type": "eq", "fun": lambda d: d.reshape(6, 4).sum(axis=1) - persons}
    start = np.repeat(persons / 4, 4)
    general = minimize(
        value, start, jac=slope, bounds=[(0, None)] * 24, constraints=rows, method="SLSQP",
        options={"maxiter": 1_000, "ftol": 1e-14},
    )  # fmt: skip
    paid = cost + found.load / capacity

    assert found.gap <= 1e-10
    assert value(found.flow) == pytest.approx(general.fun, rel=1e-7)
    assert found.load == pytest.approx(general.x.reshape(6, 4).sum(axis=0), abs=1e-2)
    assert np.all(paid[flow > 1e-9] <= np.repeat(paid.min(axis=1), (flow > 1e-9).sum(axis=1)) + 1e-4)


@pytest.mark.parametrize("seed", range(12))
def test_equilibria_with_ties_close_their_gap(seed):
    """Whole, equal or no costs, sparse or full, few persons or many: gap closed, everybody placed, nobody below 0."""
    rng = np.random.default_rng(seed)
    there = rng.random((80, 25)) < (0.1, 0.5, 1.0)[seed % 3]
    row, site = np.nonzero(there)
    cost = (rng.random(len(row)), rng.integers(0, 3, len(row)).astype(float), np.zeros(len(row)))[seed % 4 % 3]
    persons = rng.integers(0, 50, 80) * (1e-3 if seed % 5 == 0 else 1.0)
    indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    capacity = rng.integers(1, 50, 25).astype(float)
    found = crowding_equilibrium(indptr, site.astype(np.int32), cost, persons, capacity, tolerance=1e-10)

    assert found.gap <= 1e-10
    assert found.flow.min() >= 0
    assert np.bincount(row, found.flow, minlength=80) == pytest.approx(
        np.where(there.any(axis=1), persons, 0), rel=1e-12
    )
    assert np.bincount(site, found.flow, minlength=25) == pytest.approx(found.load, rel=1e-12, abs=1e-12)


def test_the_equilibrium_tells_a_gap_that_is_not_closed():
    """One round is not enough: the gap says so, and bounds how far the value is off."""
    rng = np.random.default_rng(3)
    pairs = pairs_of(rng.random((40, 10)))
    persons, capacity = np.full(40, 10.0), np.full(10, 20.0)
    early = crowding_equilibrium(*pairs[:3], persons, capacity, tolerance=1e-12, most_rounds=1)
    late = crowding_equilibrium(*pairs[:3], persons, capacity, tolerance=1e-9)

    def value(found):
        return (pairs.weight * found.flow).sum() + (found.load**2 / 40).sum()

    assert early.gap > 1e-9 >= late.gap
    assert value(early) - value(late) <= early.gap * value(early) * (1 + 1e-9)
