"""Archetypes on equal terms: the budget kept, the siting as good as said, and who gains and loses."""

from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from service_towns import KINDS, a_town, some_services

from civigrid.cells import make_cells, status_of, values_of
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import SquareGrid
from civigrid.layers.onestop.archetypes import (
    CLUSTER,
    HUB,
    POINTS,
    SATELLITES,
    cluster_of_towns,
    hub_and_satellites,
    neighbourhood_points,
    one_hub,
)
from civigrid.layers.onestop.comparison import MEASURES, compare, kolm_pollak, not_dominated
from civigrid.layers.onestop.costs import Costs, provision, spent
from civigrid.layers.onestop.evaluation import evaluate
from civigrid.layers.onestop.growth import grow, growth_table
from civigrid.layers.onestop.services import services_at
from civigrid.layers.onestop.siting import OBJECTIVES, Plan, cost_of_way, sited
from civigrid.layers.onestop.who_gains import gains_cells, gains_table
from civigrid.result_table import check_table
from civigrid.types import Column, Status

VISITS = (4.0, 6.0, 2.0, 3.0)
MONEY = 1_200_000.0


@pytest.fixture(scope="module")
def town():
    """120 cells, 25 sites."""
    return a_town(5, cells=120, sites=25, visits=VISITS)


@pytest.fixture(scope="module")
def plan():
    """Money for a hub and more."""
    return Plan(budget=MONEY)


@pytest.fixture(scope="module")
def towns():
    """Five municipalities of five sites each."""
    return np.array([f"town-{j % 5}" for j in range(25)])


@pytest.fixture(scope="module")
def compared(town, plan, towns):
    """All archetypes, compared."""
    layouts = [one_hub(town, plan), neighbourhood_points(town, plan), hub_and_satellites(town, plan),
               cluster_of_towns(town, plan, towns), grow(town, plan).layouts[-1]]  # fmt: skip
    return compare(town, layouts, plan.costs)


def test_every_archetype_keeps_the_budget_and_offers_the_bundle(compared, plan):
    """Costs, kinds in house somewhere, hours and candidates are what the plan says."""
    assert compared.wide["layout"].tolist()[:4] == [HUB, POINTS, SATELLITES, CLUSTER]
    for layout in compared.layouts:
        services = layout.services
        fixed = ~np.isin(services.site, list(layout.mobile))

        assert layout.spent(plan.costs).provision <= plan.budget
        assert set(services.kind[services.in_house].tolist()) == set(KINDS)
        assert set(services.open_week[fixed].sum(axis=1).tolist()) == {5 * 8 * 4}


def test_candidates_are_kept_to(town, plan):
    """Only allowed sites are used, by every archetype; with one candidate all are a hub or an error."""
    may = np.arange(25) % 3 == 0
    strict = replace(plan, candidate=may)
    for make in (one_hub, neighbourhood_points, hub_and_satellites):
        assert may[make(town, strict).services.site].all()
    assert all(may[layout.services.site].all() for layout in grow(town, strict).layouts)
    with pytest.raises(SchemaError, match="no candidate"):
        one_hub(town, replace(plan, candidate=np.zeros(25, dtype=bool)))
    with pytest.raises(SchemaError, match="as many candidates \\(1 there are\\)"):
        neighbourhood_points(town, replace(plan, candidate=np.arange(25) == 4))
    with pytest.raises(SchemaError, match="one by site"):
        one_hub(town, replace(plan, candidate=np.ones(3, dtype=bool)))


def test_the_hub_is_the_best_of_all_sites(town, plan):
    """Every site tried: none has a smaller burden for everyone."""
    hub = one_hub(town, plan)
    burden = [
        town.counts[:, 0] @ evaluate(town, services_at([j] * 4, KINDS)).year_min()
        for j in range(len(town.times.site_id))
    ]

    assert int(hub.services.site[0]) == int(np.argmin(burden))
    assert hub.gap == 0


def test_points_have_different_kinds_at_different_sites(compared):
    """No site holds two packets, each kind has a point, points have two kinds."""
    services = compared.layouts[1].services
    kinds_at = {j: tuple(services.kind[services.site == j]) for j in set(services.site.tolist())}

    assert {("doctor", "office"), ("information", "school")} >= set(kinds_at.values())
    assert len(set(kinds_at.values())) == 2
    assert len(kinds_at) > 4


def test_satellites_refer_to_the_hub_and_the_mobile_unit_goes_round(compared, plan):
    """Hub in house, satellites inform and refer, each stop is open on one day only, all stops are one operator."""
    layout = compared.layouts[2]
    services, hub = layout.services, int(compared.layouts[2].services.site[0])
    referred = ~services.in_house
    stop = np.isin(services.site, list(layout.mobile))
    days = services.open_week[stop].reshape(-1, 7, 96).any(axis=2)

    assert set(services.targets[referred].tolist()) == {hub}
    assert len(layout.mobile) == 5 == len(set(np.argmax(days, axis=1).tolist()))
    assert (days.sum(axis=1) == 1).all()
    assert set(services.operator[stop].tolist()) == {"mobile unit"}
    assert compared.wide["one_place_completeness"][2] > compared.wide["one_place_completeness"][0]


def test_cluster_shares_kinds_out_and_is_best_for_separate_trips(town, plan, towns):
    """Every kind in one town, at most one kind more in any; no other sharing out is shorter by separate trips."""
    tight = replace(plan, budget=plan.point(1) * 5)
    three = np.where(np.isin(towns, ["town-0", "town-1", "town-2", "town-3"]), towns, "")
    layout = cluster_of_towns(town, tight, three)
    seats = dict(zip(layout.services.kind.tolist(), layout.services.site.tolist(), strict=True))
    far = np.full((120, 25), town.times.limit_s)
    far[town.times.rows(), town.times.site] = town.times.seconds
    cost = {
        (k, j): v * town.counts[:, 0] @ far[:, j] for k, v in zip(KINDS, VISITS, strict=True) for j in seats.values()
    }
    total = sum(cost[k, j] for k, j in seats.items())
    others = [sum(cost[k, j] for k, j in zip(KINDS, p, strict=True)) for p in permutations(seats.values())]

    assert len(set(seats.values())) == 4
    assert total == pytest.approx(min(others))
    assert len(cluster_of_towns(town, plan, three).services.site) > 4
    with pytest.raises(SchemaError, match="a cluster needs two"):
        cluster_of_towns(town, plan, np.full(25, "one"))


def test_growth_is_nested_and_its_price_is_bounded(town, plan):
    """Each step keeps the sites of the one before; values fall; free <= nested; the bound holds."""
    growth = grow(town, replace(plan, budget=4 * MONEY), first="site-007")
    sites = [set(layout.services.site.tolist()) for layout in growth.layouts]
    table = check_table(growth_table(growth, town))
    price = table[table["index"] == "growth:price_of_nesting"]

    assert sites[0] == sites[1] == {7}
    assert all(a < b for a, b in pairwise(sites[1:]))
    assert (np.diff(growth.value) < 0).all()
    assert (growth.price >= 0).all()
    assert growth.price[0] > 0
    assert (growth.price_at_most >= growth.price - 1e-12).all()
    assert len(price) == len(growth.sites) == len(growth.layouts) - 1
    assert growth.layouts[0].services.in_house.sum() == 1


def test_growth_from_a_site_that_is_no_candidate(town, plan):
    """What is there stays; choosing anew may keep it, and costs no more."""
    may = np.arange(25) != 7
    growth = grow(town, replace(plan, budget=4 * MONEY, candidate=may), first="site-007")

    assert growth.sites[0] == 7
    assert (growth.bound <= growth.free * (1 + 1e-12)).all()
    assert (growth.free <= growth.value).all()


def test_growth_of_small_means(town, plan):
    """Money for the information point alone, and for less."""
    small = grow(town, replace(plan, budget=plan.point(1, 3)))

    assert len(small.layouts) == 1
    assert len(growth_table(small, town)) == 1
    with pytest.raises(SchemaError, match="information point costs"):
        grow(town, replace(plan, budget=1.0))
    with pytest.raises(SchemaError, match="one hub costs"):
        one_hub(town, replace(plan, budget=plan.point(3)))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_siting_minds_what_it_is_told(town, plan, objective):
    """Of three sites, the best for its own objective is no worse than the best for the others."""
    made = {name: sited(town, replace(plan, objective=name), KINDS, 3).sites for name in OBJECTIVES}
    mine = replace(plan, objective=objective)

    def value(sites):
        far = np.full((120, 25), town.times.limit_s + (objective == "cover"))
        far[town.times.rows(), town.times.site] = town.times.seconds
        way = cost_of_way(town, mine, far[:, sites].min(axis=1))
        unserved = far[:, sites].min(axis=1) >= town.times.limit_s
        return (town.counts[:, 0] * np.where(unserved, sum(VISITS), max(VISITS)) * way).sum()

    assert value(made[objective]) <= min(value(s) for s in made.values()) * (1 + 1e-12)


def test_costs_by_hand():
    """One site, two kinds in house for ten hours, one by referral; a mobile unit of one kind on two days."""
    costs = Costs(site=100, service=10, referral=1, staffed_hour=2, mobile_day=7, weeks=50)
    plan = Plan(budget=1e9, costs=costs, hours="Mo 08:00-18:00")
    town = a_town()
    fixed = plan.services(town, np.array([3]), ["a", "b"], operator="x")
    assert provision(fixed, costs).provision == 100 + 2 * (10 + 10 * 50 * 2) == plan.point(2)
    unit = plan.services(town, np.array([1, 2]), ["a"], operator="van")
    week = unit.open_week.copy()
    week[1] = np.roll(week[1], 96)
    unit = replace(unit, open_week=week)
    found = provision(unit, costs, frozenset([1, 2]))

    assert found.sites == 0
    assert found.services == 10
    assert found.staff == 2 * 10 * 50 * 2
    assert found.mobile == 2 * 50 * 7


def test_users_pay_by_minute_and_fare(town):
    """Transport is minutes and trips of everyone at their prices; a share of it is paid back."""
    found = evaluate(town, services_at([0] * 4, KINDS))
    money = spent(found, Costs(minute=0.5, fare=3.0, paid_share=0.25))
    by_hand = town.counts[:, 0] @ (0.5 * found.year_min() + 3.0 * found.year_trips())

    assert money.transport == pytest.approx(by_hand)
    assert money.paid_back == money.transport / 4
    assert money.public == money.provision + money.paid_back
    assert money.everyone == money.provision + money.transport
    # all at one site is one trip for each round; who reaches nothing makes one for each kind
    assert set(found.year_trips().tolist()) <= {max(VISITS), sum(VISITS)}


def test_comparison_tells_the_same_in_every_form(compared, town):
    """Wide, by group, and as a result table; Pareto by hand; the equivalent is no less than the mean."""
    table = check_table(compared.table())
    wide = compared.wide
    hub = table[table["parameters"].str.contains('"one hub"') & (table["groups"] == "all")].set_index("index")

    assert len(table) == len(compared.layouts) * (3 * (len(MEASURES) - 4) + 4)
    for name in MEASURES:
        assert wide[name][0] == hub["estimate"][f"onestop:{name}"]
    assert (wide["burden_ede"] >= wide["burden"]).all()
    assert (wide["burden_p90"] >= wide["burden"] * 0.9).all()
    assert wide["reach"][0] == town.counts[compared.of(HUB).near(), 0].sum() == wide["fragility_unmet"][0]
    assert wide["pareto"].any()
    assert wide["worst_group"].isin(["new", "old"]).all()


def test_dominated_layouts_are_found():
    """Equal ones stay; one that is worse in everything does not."""
    made = {"cost": [1, 1, 2, 0], "reach": [5, 5, 4, 1], "burden_ede": [1, 1, 2, 9], "fragility_unmet": [3, 3, 3, 3]}
    assert not_dominated(pd.DataFrame(made)).tolist() == [True, True, False, True]


def test_equivalent_against_its_formula():
    """Log of a mean of exponentials, without overflow; kappa 0 is the mean; nobody has none."""
    z, p = np.array([10.0, 2000.0, 300.0]), np.array([5.0, 1.0, 3.0])

    assert kolm_pollak(z, p, 2.0) == pytest.approx(logsumexp(2.0 * z, b=p / p.sum()) / 2.0)
    assert kolm_pollak(z, p, 0.0) == p @ z / p.sum()
    assert np.isnan(kolm_pollak(z, p * 0, 1.0))


def test_gains_and_losses_in_persons(town, plan):
    """Cells and table by hand; nobody gains and loses; back again turns gains into losses."""
    before, after = (evaluate(town, some_services(town, s, 30)) for s in (1, 2))
    forth, back = gains_table(before, after, seed=3), gains_table(after, before, seed=3)
    change = after.year_min("new") - before.year_min("new")
    of = {(r["index"][8:], r["groups"]): r for r in forth.to_dict("records")}
    turned = {(r["index"][8:], r["groups"]): r for r in back.to_dict("records")}
    persons = town.counts[:, 1]

    assert of["gain", "new"]["estimate"] == persons[change < 0].sum() == turned["lose", "new"]["estimate"]
    assert of["person_hours_change", "new"]["estimate"] == pytest.approx(persons @ change / 60)
    assert of["gain", "new"]["low"] == turned["lose", "new"]["low"]
    for row in forth.to_dict("records"):
        assert row["low"] <= row["estimate"] <= row["high"]
    assert gains_table(before, before)[["estimate", "low", "high"]].to_numpy().any() == np.False_
    assert gains_table(before, after, draws=0)["low"].isna().all()
    with pytest.raises(SchemaError, match="least_min"):
        gains_table(before, after, least_min=-1)
    with pytest.raises(SchemaError, match="other cells, groups or bundles"):
        gains_table(before, evaluate(a_town(), some_services(a_town())))


def test_intervals_of_a_small_change_are_small(town):
    """Paired draws: one changed site has a far narrower interval than the difference of two unpaired totals."""
    services = some_services(town, 1, 30)
    before = evaluate(town, services)
    after = evaluate(town, services.some(services.site != services.site[0]), before=before)
    row = gains_table(before, after).iloc[0]
    total = np.sqrt(2 * (town.counts[:, 0] @ (before.year_min() / 60) ** 2))

    assert row["high"] - row["low"] < 2 * 1.96 * total / 4


def test_gains_on_cells(four_cells):
    """Variables by group; an unknown count stays unknown in persons, not in minutes."""
    town = a_town(cells=4)
    ids = four_cells["cell_id"].to_numpy()
    persons = town.persons.copy()
    persons[2, 1] = np.nan
    town = replace(town, times=replace(town.times, cell_id=ids), persons=persons)
    about = {g: Column() for g in town.groups}
    status = {g: np.where(np.isnan(persons[:, k]), 4, 0).astype(np.uint8) for k, g in enumerate(town.groups)}
    cells = make_cells(SquareGrid(cell_size_m=1000), ids, dict(zip(town.groups, persons.T, strict=True)), about,
                       status=status)  # fmt: skip
    before, after = (evaluate(town, services_at([j] * 4, KINDS)) for j in (0, 1))
    found = gains_cells(cells, before, after)
    gain, lose = (values_of(found, f"{n}_all") for n in ("gain", "lose"))
    change = values_of(found, "minutes_change_all")

    assert (gain > 0).tolist() == (change < 0).tolist()
    assert (lose > 0).tolist() == (change > 0).tolist()
    assert np.isnan(values_of(found, "gain_new")).tolist() == [False, False, True, False]
    assert status_of(found, "gain_new")[2] == Status.UNAVAILABLE
    assert not np.isnan(values_of(found, "minutes_change_new")).any()
    assert values_of(gains_cells(cells, before, after, least_min=1e9), "gain_all").sum() == 0
    with pytest.raises(SchemaError, match="not those of the town"):
        gains_cells(four_cells.isel(cell=slice(2)), before, after)


def test_terms_are_checked(town, plan):
    """Prices, budgets, objectives, hours, kinds aboard, names of layouts."""
    with pytest.raises(SchemaError, match=r"costs\.site = -1"):
        Costs(site=-1)
    with pytest.raises(SchemaError, match="paid_share"):
        Costs(paid_share=1.5)
    with pytest.raises(UnknownNameError, match="objective"):
        Plan(budget=1.0, objective="beauty")
    with pytest.raises(SchemaError, match="at least one kind"):
        Plan(budget=1.0, kinds_per_point=0)
    with pytest.raises(SchemaError, match="not understood"):
        Plan(budget=1.0, hours="sometimes")
    with pytest.raises(UnknownNameError, match="aboard"):
        hub_and_satellites(town, replace(plan, aboard=("library",)))
    with pytest.raises(SchemaError, match="each its own name"):
        compare(town, [one_hub(town, plan)] * 2, plan.costs)
