"""Sharing of costs: axioms of the Shapley value, the core, and rules that add up."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_towns import a_town

from civigrid.errors import SchemaError
from civigrid.layers.onestop.archetypes import cluster_of_towns
from civigrid.layers.onestop.costs import Costs, spent
from civigrid.layers.onestop.evaluation import evaluate
from civigrid.layers.onestop.sharing import RULES, least_core, shapley, share_costs
from civigrid.layers.onestop.siting import Plan
from civigrid.result_table import check_table


def game(seed, n):
    """Random costs of all coalitions of n players."""
    cost = np.random.default_rng(seed).random(1 << n) * 100
    cost[0] = 0
    return cost


@given(st.integers(0, 2**32), st.integers(1, 5))
def test_shapley_equals_all_orders_and_keeps_its_axioms(seed, n):
    """Mean over all orders of joining; efficient, additive; a player who adds nothing pays nothing."""
    cost, other = game(seed, n), game(seed + 1, n)
    by_hand = np.zeros(n)
    for order in permutations(range(n)):
        inside = 0
        for m in order:
            by_hand[m] += cost[inside | 1 << m] - cost[inside]
            inside |= 1 << m
    orders = np.prod(np.arange(1, n + 1))
    dummy = np.concatenate([cost, cost])

    assert shapley(cost) == pytest.approx(by_hand / orders)
    assert shapley(cost).sum() == pytest.approx(cost[-1])
    assert shapley(cost + other) == pytest.approx(shapley(cost) + shapley(other))
    assert shapley(dummy) == pytest.approx(np.append(shapley(cost), 0.0), abs=1e-9)


@given(st.integers(0, 2**32), st.integers(2, 4))
def test_least_core_is_least(seed, n):
    """Shares add up; their largest excess is epsilon; no other shares tried have a smaller one."""
    cost = game(seed, n)
    share, epsilon = least_core(cost)
    coalition = np.arange(1, (1 << n) - 1)
    inside = coalition[:, None] >> np.arange(n) & 1
    others = share + np.random.default_rng(seed).normal(0, 5, (50, n))
    others += ((cost[-1] - others.sum(axis=1)) / n)[:, None]

    assert share.sum() == pytest.approx(cost[-1])
    assert (inside @ share - cost[1:-1]).max() == pytest.approx(epsilon, abs=1e-6)
    assert all((inside @ other - cost[1:-1]).max() >= epsilon - 1e-6 for other in others)


@pytest.fixture(scope="module")
def cluster():
    """Four towns that share four kinds, judged."""
    town = a_town(8, cells=80, sites=20, visits=(2.0, 5.0, 3.0, 3.0))
    towns = np.array([f"town-{j % 4}" for j in range(20)])
    nearest = np.full(80, "town-0", dtype="<U6")
    nearest[town.times.rows()] = towns[town.times.site]
    plan = Plan(budget=700_000.0, costs=Costs(fare=6.0, minute=0.1, paid_share=0.5))
    layout = cluster_of_towns(town, plan, towns)
    return evaluate(town, layout.services), layout, plan, towns, nearest


def test_every_rule_shares_the_whole_cost(cluster):
    """All rules of the list; each adds up to provision and all that users spend."""
    found, layout, plan, towns, nearest = cluster
    shared = share_costs(found, layout, plan, towns, nearest)
    money = spent(found, plan.costs)

    assert tuple(shared.shares) == RULES == tuple(shared.leaving)
    for share in shared.shares.values():
        assert share.sum() == pytest.approx(money.everyone)
    assert shared.alone[-1] == pytest.approx(money.everyone)
    assert len(check_table(shared.table("walk"))) == 4 * 7 + 6


def test_who_would_leave_is_found_by_looking_at_all(cluster):
    """The excess of every coalition by hand; the least core leaves least reason; together is cheaper."""
    found, layout, plan, towns, nearest = cluster
    shared = share_costs(found, layout, plan, towns, nearest)
    for rule, (excess, who) in shared.leaving.items():
        by_hand = [
            (sum(shared.shares[rule][m] for m in range(4) if s >> m & 1) - shared.alone[s], s) for s in range(1, 15)
        ]
        worst = max(by_hand)[0]

        assert excess == pytest.approx(worst)
        assert set(who) <= set(shared.names.tolist())
        assert excess >= shared.leaving["least_core"][0] - 1e-6
    assert shared.alone[[1, 2, 4, 8]].sum() > shared.alone[-1]


def test_one_town_alone_costs_its_own_hub(cluster):
    """A single municipality: its seat with all kinds, and its own residents' ways there."""
    found, layout, plan, towns, nearest = cluster
    shared = share_costs(found, layout, plan, towns, nearest)
    town, kinds = found.town, found.town.bundle.kinds
    seat = int(layout.services.site[layout.services.operator == "town-2"][0])
    own = evaluate(town, plan.services(town, np.array([seat]), kinds, operator="x"))
    ways = plan.costs.minute * own.year_min() + plan.costs.fare * own.year_trips()
    here = nearest == "town-2"

    assert shared.alone[4] == pytest.approx(plan.point(4) + town.counts[here, 0] @ ways[here])


def test_equal_towns_pay_equally_and_free_ways_leave_provision():
    """Two towns of the same people and ways pay the same by every rule but that of the host; nobody else is asked."""
    town = a_town(3, cells=2, sites=2, limit=6000)
    far = np.array([600, 600, 600, 600], dtype=np.int32)
    times = replace(town.times, indptr=np.array([0, 2, 4]), site=np.array([0, 1, 0, 1], dtype=np.int32), seconds=far)
    town = replace(town, times=times, persons=np.full((2, 3), 50.0))
    plan = Plan(budget=1e6, costs=Costs(fare=0.0))
    towns = np.array(["a", "b"])
    layout = cluster_of_towns(town, replace(plan, budget=plan.point(2) * 2), towns)
    shared = share_costs(evaluate(town, layout.services), layout, plan, towns, towns)

    for rule in RULES:
        assert shared.shares[rule] == pytest.approx(np.full(2, plan.point(2)))
        assert shared.leaving[rule][0] < 0


def test_what_cannot_be_shared_is_refused(cluster):
    """A town without a seat, too many towns, shapes, games that are none."""
    found, layout, plan, towns, nearest = cluster

    with pytest.raises(SchemaError, match="people live in nowhere"):
        share_costs(found, layout, plan, towns, np.where(np.arange(80) == 3, "nowhere", nearest))
    with pytest.raises(SchemaError, match="20 municipalities"):
        share_costs(found, layout, plan, np.array([f"t{j}" for j in range(20)]), nearest)
    with pytest.raises(SchemaError, match="one by cell"):
        share_costs(found, layout, plan, towns, nearest[:5])
    with pytest.raises(SchemaError, match="the empty one first"):
        shapley(np.array([1.0, 2.0]))
    with pytest.raises(SchemaError, match="3 costs"):
        least_core(np.array([0.0, 2.0, 3.0]))
