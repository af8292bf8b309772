"""Bundles: masks, mixes and chains beside enumeration of every possibility."""

from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from civigrid.errors import SchemaError
from civigrid.kernels.bundles import UNREACHED, nearest_of_masks
from civigrid.kernels.chains import best_chains, ways_at_any_time
from civigrid.kernels.timed_chains import free_slack, ways_at_hours
from civigrid.kernels.visits import bits_of_week, open_runs, shares_of_week, visits_of, week_of_bits

QUARTERS = 672


@st.composite
def worlds(draw, most_sites=5, kinds=3):
    """A few cells and sites, some out of reach of each other, times in quarters of hours and not."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sites = draw(st.integers(1, most_sites))
    between = rng.integers(0, 3000, (sites, sites)).astype(np.int32)
    between[rng.random((sites, sites)) < 0.15] = UNREACHED
    np.fill_diagonal(between, 0)
    reach = rng.random((3, sites)) < 0.8
    seconds = rng.integers(0, 3000, (3, sites)).astype(np.int32)
    mask = rng.integers(0, 1 << kinds, sites).astype(np.uint8)
    return rng, between, reach, seconds, mask


def rows_of(reach, seconds):
    """Compress a matrix by row."""
    indptr = np.concatenate([[0], np.cumsum(reach.sum(axis=1))]).astype(np.int64)
    return indptr, np.nonzero(reach)[1].astype(np.int32), seconds[reach]


def tours(sites, most):
    """Every sequence of at most so many sites."""
    return [t for n in range(1, most + 1) for t in product(range(sites), repeat=n)]


@given(worlds(), st.integers(1, 7))
@settings(max_examples=60)
def test_nearest_and_mix_equal_every_assignment_of_kinds_to_sites(world, need):
    """The nearest of each set, and the cheapest mix, are the best of all assignments."""
    _, _, reach, seconds, mask = world
    near = nearest_of_masks(*rows_of(reach, seconds), mask, np.array([need]), 3)
    wanted = [k for k in range(3) if need >> k & 1]

    for i in range(3):
        there = [j for j in range(len(mask)) if reach[i, j]]
        for k in range(3):
            expected = min((seconds[i, j] for j in there if mask[j] >> k & 1), default=UNREACHED)
            assert near.kind[i, k] == expected
        one = min((seconds[i, j] for j in there if need & ~int(mask[j]) == 0), default=UNREACHED)
        assert near.one[i, 0] == one
        for k in range(3):
            enough = (seconds[i, j] for j in there if int(mask[j]).bit_count() > k)
            assert near.at_least[i, k] == min(enough, default=UNREACHED)
        mixes = [
            sum(int(seconds[i, j]) for j in set(chosen))
            for chosen in product(there, repeat=len(wanted))
            if all(mask[j] >> k & 1 for j, k in zip(chosen, wanted, strict=True))
        ]
        assert near.mix[i, 0] == min(mixes, default=UNREACHED)


@given(worlds(), st.integers(1, 7), st.integers(1, 3))
@settings(max_examples=60)
def test_chains_equal_every_tour(world, need, most):
    """The best chain is the shortest of all tours of so many stops that have all."""
    _, between, reach, seconds, mask = world
    ways = ways_at_any_time(between, mask, need, most)
    found = best_chains(*rows_of(reach, seconds), ways)

    for i in range(3):
        costs = []
        for tour in tours(len(mask), most):
            have = np.bitwise_or.reduce(mask[list(tour)])
            legs = [int(between[a, b]) for a, b in pairwise(tour)]
            if reach[i, tour[0]] and reach[i, tour[-1]] and need & ~int(have) == 0 and UNREACHED not in legs:
                costs.append(int(seconds[i, tour[0]]) + sum(legs) + int(seconds[i, tour[-1]]))
        assert found.seconds[i] == min(costs, default=UNREACHED)


def can_visit(week, kinds, lasts, begin):
    """Whether kinds can be done in some order from a second of the week on."""
    for order in permutations(kinds):
        at, fine = begin, True
        for k in order:
            first, last = at // 900, max((at + lasts[k] + 899) // 900, at // 900 + 1)
            fine &= all(week[k, q % QUARTERS] for q in range(first, last))
            at += lasts[k]
        if fine:
            return True
    return False


def free_between(free, begin, end):
    """Whether someone is free from one second to another, quarter by quarter."""
    return all(free[q % QUARTERS] for q in range(begin // 900, -(-end // 900)))


def timed_tours(between, mask, week, lasts, need, free, to, back):
    """Cost of the cheapest tour at some time of the week, by trying all."""
    kinds = [k for k in range(3) if need >> k & 1]
    best = UNREACHED
    for tour in tours(len(mask), 3):
        if any(a == b for a, b in pairwise(tour)):
            continue
        if len(tour) == 3 and tour[1] in (tour[0], tour[2]):
            continue
        legs = [int(between[a, b]) for a, b in pairwise(tour)]
        if UNREACHED in legs or to[tour[0]] < 0 or back[tour[-1]] < 0:
            continue
        cost = to[tour[0]] + sum(legs) + back[tour[-1]]
        if cost >= best:
            continue
        for where in product(range(len(tour)), repeat=len(kinds)):
            parts = [[k for k, w in zip(kinds, where, strict=True) if w == s] for s in range(len(tour))]
            if not all(parts) or not all(mask[tour[s]] >> k & 1 for s, p in enumerate(parts) for k in p):
                continue
            if any(made(tour, parts, legs, week, lasts, free, to, back, q) for q in range(QUARTERS)):
                best = cost
                break
    return best


def made(tour, parts, legs, week, lasts, free, to, back, quarter):
    """Whether a tour with its parts can be made when its first visit begins in this quarter."""
    at = quarter * 900
    for s, site in enumerate(tour):
        at = at if s == 0 else -(-(at + legs[s - 1]) // 900) * 900
        if not can_visit(week[site], parts[s], lasts, at):
            return False
        at += sum(lasts[k] for k in parts[s])
    # a minute before Monday is a minute of Sunday
    return free_between(free, quarter * 900 - to[tour[0]], quarter * 900) and free_between(
        free, quarter * 900, at + back[tour[-1]]
    )


@given(worlds(most_sites=3), st.booleans())
@settings(max_examples=40)
def test_chains_at_hours_equal_every_tour_at_every_time(world, always_free):
    """With hours, durations and free time the best chain is that of trying every tour, sharing-out and time."""
    rng, between, reach, seconds, mask = world
    mask |= rng.integers(0, 8, len(mask)).astype(np.uint8)
    week = np.zeros((len(mask), 3, QUARTERS), dtype=bool)
    for j, k in product(range(len(mask)), range(3)):
        begin = rng.integers(30, 44)
        week[j, k, begin : begin + rng.integers(2, 16)] = True
    lasts = rng.choice([0, 600, 1500, 2700], 3).astype(np.int64)
    free = np.ones(QUARTERS, dtype=bool)
    if not always_free:
        free[:] = False
        free[rng.integers(24, 32) : rng.integers(50, 70)] = True
    visits = visits_of(open_runs(week.reshape(-1, QUARTERS)).reshape(week.shape), mask, lasts)
    longest = int(seconds[reach].max(initial=0))
    ways = ways_at_hours(between, mask, 7, 3, visits, free, longest)
    found = best_chains(*rows_of(reach, seconds), ways)

    for i in range(3):
        to = [int(s) if r else -1 for s, r in zip(seconds[i], reach[i], strict=True)]
        assert found.seconds[i] == timed_tours(between, mask, week, lasts.tolist(), 7, free, to, to)


def test_a_week_that_is_always_open_gives_the_chains_without_hours():
    """No duration, always open, always free: hours change nothing where ways are shortest ways."""
    rng = np.random.default_rng(3)
    at, homes = rng.random((12, 2)) * 2000, rng.random((40, 2)) * 2000
    between = np.ceil(np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))).astype(np.int32)
    seconds = np.ceil(np.hypot(*(homes[:, None] - at[None]).transpose(2, 0, 1))).astype(np.int32)
    mask = rng.integers(0, 16, 12).astype(np.uint8)
    pairs = rows_of(np.ones((40, 12), dtype=bool), seconds)
    run = open_runs(np.ones((48, QUARTERS), dtype=bool)).reshape(12, 4, QUARTERS)
    visits = visits_of(run, mask, np.zeros(4, dtype=np.int64))
    timed = ways_at_hours(between, mask, 15, 3, visits, np.ones(QUARTERS, dtype=bool), 3000)

    expected = best_chains(*pairs, ways_at_any_time(between, mask, 15, 3)).seconds
    assert (expected < UNREACHED).all()
    np.testing.assert_array_equal(best_chains(*pairs, timed).seconds, expected)


@given(worlds())
@settings(max_examples=40)
def test_shares_of_the_week_count_every_quarter(world):
    """The weight of the week is the sum over quarters in which some site is open on arrival."""
    rng, _, reach, seconds, mask = world
    week = rng.random((len(mask), 3, QUARTERS)) < 0.7
    lasts = np.array([0, 900, 1700])
    visits = visits_of(open_runs(week.reshape(-1, QUARTERS)).reshape(week.shape), mask, lasts)
    free = rng.random(QUARTERS)
    sets = np.array([1, 2, 4])
    found = shares_of_week(*rows_of(reach, seconds), visits, sets, free)

    opens = np.zeros((3, 3, QUARTERS), dtype=bool)
    for i, j, k in product(range(3), range(len(mask)), range(3)):
        if reach[i, j] and mask[j] >> k & 1:
            begin = [(q + -(-int(seconds[i, j]) // 900)) * 900 for q in range(QUARTERS)]
            opens[i, k] |= [can_visit(week[j], [k], lasts.tolist(), b) for b in begin]
    np.testing.assert_allclose(found[:, :3], opens @ free, atol=1e-9)
    np.testing.assert_allclose(found[:, 3], opens.all(axis=1) @ free, atol=1e-9)


def test_weeks_go_round():
    """What opens on Sunday night and closes on Monday is one run, and free time too."""
    week = np.zeros((1, QUARTERS), dtype=bool)
    week[0, [668, 669, 670, 671, 0, 1]] = True
    before, after = free_slack(week[0])

    assert open_runs(week)[0, [667, 668, 671, 0, 1, 2]].tolist() == [0, 6, 3, 2, 1, 0]
    assert after[[668, 0, 2]].tolist() == [5400, 1800, 0]
    assert before[[668, 671, 0, 2, 3]].tolist() == [0, 2700, 3600, 5400, 0]
    np.testing.assert_array_equal(week_of_bits(bits_of_week(week[0])), week[0])


def test_no_sites_and_no_pairs_are_unreached():
    """Cells without pairs, and a region without sites, have nothing near and no chain."""
    none = np.empty(0, dtype=np.int32)
    indptr, empty = np.zeros(3, dtype=np.int64), np.empty(0, dtype=np.uint8)
    near = nearest_of_masks(indptr, none, none, empty, np.array([1]), 1)
    chains = best_chains(indptr, none, none, ways_at_any_time(np.empty((0, 0), dtype=np.int32), empty, 1, 3))

    assert near.kind.tolist() == [[UNREACHED], [UNREACHED]]
    assert chains.seconds.tolist() == [UNREACHED, UNREACHED]
    assert chains.way.tolist() == [-1, -1]


def test_more_than_eight_kinds_are_refused():
    """Nine kinds do not fit into the bits of a mask."""
    none = np.empty(0, dtype=np.int32)
    with pytest.raises(SchemaError, match="exact mixes take 1 to 8"):
        nearest_of_masks(np.zeros(2, dtype=np.int64), none, none, np.empty(0, dtype=np.uint8), np.array([1]), 9)
