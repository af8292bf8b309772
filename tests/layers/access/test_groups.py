"""Groups: need rates, whom sites serve, modes; several services at once; what a market refuses."""

from dataclasses import replace

import numpy as np
import pytest
from towns_of_access import dense, random_times, random_town

from civigrid.errors import SchemaError, UnknownNameError
from civigrid.layers.access import allocation, market, measure_access, passive, patronage, raam, weighted
from civigrid.layers.access.catchment import three_step, two_step
from civigrid.layers.access.cumulative import gravity, logsum
from civigrid.layers.access.decay import Binary, Gaussian
from civigrid.layers.access.nearest import nearest
from civigrid.layers.access.sharing import fewest_sharing
from civigrid.travel_times import times_of_pairs

DECAY = Gaussian(15.0)


@pytest.fixture
def modes():
    """Walk and car: the same cells and sites, other times; sites in another order by car."""
    walk, car = random_times(1), random_times(2, share=0.9)
    new = np.random.default_rng(0).permutation(12)
    turned = times_of_pairs(
        car.cell_id, car.site_id[np.argsort(new)], car.rows(), new[car.site], car.seconds, limit_s=3600, mode="car"
    )
    return {"walk": weighted(walk, DECAY), "car": weighted(turned, DECAY)}, walk, car


def test_services_computed_together_are_those_computed_alone():
    """Three services, every measure: the same bits as one by one."""
    town = random_town(DECAY, groups=2, services=3)
    for name, found in measure_access(town, ["2sfca", "3sfca", "bfca", "logsum", "nearest", "raam", "unmet"]).items():
        for s in range(3):
            alone = replace(town, supply=town.supply[:, [s]], services=("x",), need=town.need[:, [s]])
            assert found.of(s).tolist() == pytest.approx(measure_access(alone, [name])[name].of().tolist(), nan_ok=True)


def test_need_rates_scale_demand():
    """A group with twice the need counts twice; a group without need not at all."""
    town = random_town(DECAY, groups=3, need=np.array([2.0, 0.0, 1.0]))
    plain = replace(town, demand=town.demand[:, [0, 0, 2]] * np.array([1.0, 1.0, 1.0]), need=np.ones((3, 1)))

    assert two_step(town).of() == pytest.approx(two_step(plain).of(), rel=1e-12)


def test_sites_that_serve_some_groups_only():
    """Each group's access by its own sites, with the others' competition where they share one; dense."""
    rng = np.random.default_rng(3)
    eligible = rng.random((12, 2)) < 0.7
    times = random_times(3)
    people, supply = rng.integers(0, 90, (40, 2)).astype(float), rng.integers(1, 30, 12).astype(float)
    town = market(weighted(times, DECAY), people, supply, eligible=eligible)
    f, _ = dense(times, DECAY)
    demand = sum((f * eligible[:, g]).T @ people[:, g] for g in range(2))
    ratio = np.divide(supply, demand, out=np.zeros(12), where=demand > 0)
    found = two_step(town)

    for g in range(2):
        assert found.of(group=g) == pytest.approx((f * eligible[:, g]) @ ratio, rel=1e-12)
    served = sum(people[:, g] @ found.of(group=g) for g in range(2))
    assert served == pytest.approx(found.notes["supply_shared"][0], rel=1e-12)
    three = three_step(town)
    assert sum(people[:, g] @ three.of(group=g) for g in range(2)) == pytest.approx(
        three.notes["supply_shared"][0], rel=1e-12
    )
    assert np.all(passive(town)[~eligible[:, 0], 0, 0] == 0)
    assert np.all(patronage(town).users[~eligible[:, 1], 0, 1] == 0)


def test_a_group_without_sites_has_no_access():
    """Served nowhere: 0 places, no minutes, all unmet, all unserved."""
    eligible = np.column_stack([np.ones(12, dtype=bool), np.zeros(12, dtype=bool)])
    town = market(weighted(random_times(3), DECAY), np.full((40, 2), 5.0), np.full(12, 4.0), eligible=eligible)

    assert np.all(two_step(town).of(group=1) == 0)
    assert np.isnan(nearest(town).of(group=1)).all()
    assert np.isnan(logsum(town, theta_per_min=0.1).of(group=1)).all()
    assert np.all(allocation(town).of(group=1) == 1)
    assert two_step(town).notes["demand_unserved"][0] == 200 + 5 * np.isnan(nearest(town).of()).sum()


def test_modes_are_means_over_shares_of_a_group(modes):
    """Claimants by mode compete at one site; a group's access is the mean over its shares (dense)."""
    weights, walk, car = modes
    rng = np.random.default_rng(5)
    people, supply = rng.integers(0, 90, (40, 2)).astype(float), rng.integers(1, 30, 12).astype(float)
    share = {"walk": np.array([0.3, 0.9]), "car": np.array([0.7, 0.1])}
    town = market(weights, people, supply, mode_share=share)
    f = {"walk": dense(walk, DECAY)[0], "car": dense(car, DECAY)[0]}
    demand = sum(f[m].T @ (people * share[m]).sum(axis=1) for m in f)
    ratio = np.divide(supply, demand, out=np.zeros(12), where=demand > 0)

    for g in range(2):
        expected = sum(share[m][g] * (f[m] @ ratio) for m in f)
        assert two_step(town).of(group=g) == pytest.approx(expected, rel=1e-12)
        assert gravity(town).of(group=g) == pytest.approx(sum(share[m][g] * (f[m] @ supply) for m in f), rel=1e-12)
    assert (people * two_step(town).value[:, 0]).sum() == pytest.approx(
        two_step(town).notes["supply_shared"][0], rel=1e-12
    )


def test_one_mode_for_all_equals_shares_of_one(modes):
    """Everyone walks, said in two ways: the same to the last digits; nobody without a mode reaches anything."""
    weights, walk, _ = modes
    people, supply = np.full((40, 1), 7.0), np.full(12, 3.0)
    alone = market(weighted(walk, DECAY), people, supply)
    told = market(weights, people, supply, mode_share={"walk": np.array([1.0]), "car": np.array([0.0])})
    none = market(weights, people, supply, mode_share={"walk": np.array([0.0]), "car": np.array([0.0])})

    for measure in (two_step, three_step, gravity):
        assert measure(told).of() == pytest.approx(measure(alone).of(), rel=1e-12)
    assert raam(told).access.of() == pytest.approx(raam(alone).access.of(), rel=1e-9, nan_ok=True)
    assert np.all(gravity(none).of() == 0)
    assert patronage(none).nowhere.sum() == 280


def test_times_are_never_averaged_over_modes(modes):
    """Minutes to the nearest have no mean over car and walk: refused, with what to do."""
    weights, _, _ = modes
    town = market(weights, np.ones((40, 1)), np.ones(12), mode_share={"walk": np.array([0.5]), "car": np.array([0.5])})

    for name in ("nearest", "dual", "balancing_time", "logsum", "bfca", "doubly_constrained"):
        with pytest.raises(SchemaError, match="Compute it for each"):
            measure_access(town, [name])


def test_raam_with_modes_shares_the_places(modes):
    """Drivers and walkers meet in one crowd: loads are all who reach a site; costs are means over shares."""
    weights, _, _ = modes
    people = np.random.default_rng(1).integers(0, 50, (40, 2)).astype(float)
    share = {"walk": np.array([0.4, 1.0]), "car": np.array([0.6, 0.0])}
    found = raam(market(weights, people, np.full(12, 9.0), mode_share=share), tau_min=30.0)
    load = found.access.at_site["load"]

    assert found.converged == (True,)
    assert load.sum() + found.access.notes["demand_unserved"][0] == pytest.approx(people.sum(), rel=1e-9)
    assert np.isfinite(found.access.of(group=0)).sum() <= np.isfinite(found.access.of(group=1)).sum()


def test_allocation_places_as_many_as_possible_in_the_least_time():
    """Against the two-step optimum: unmet as little as can be; one more place, solved again."""
    town = random_town(DECAY, seed=3)
    town = replace(town, demand=town.demand / 20)
    found = allocation(town)
    notes = {k: float(v[0]) for k, v in found.notes.items()}
    met = np.nansum(town.demand[:, 0] * (1 - found.of()))

    assert np.all(found.at_site["load"] <= town.supply + 1e-6)
    assert met == pytest.approx(notes["demand"] - notes["unmet"], rel=1e-9)
    assert found.at_site["load"].sum() == pytest.approx(met, rel=1e-9)
    for site in (0, 4, 7):
        more = town.supply.copy()
        more[site] += 1e-3
        after = allocation(replace(town, supply=more))
        gained = (notes["unmet"] - float(after.notes["unmet"][0])) / 1e-3
        saved = (notes["minutes"] - float(after.notes["minutes"][0])) / 1e-3

        assert gained == pytest.approx(found.at_site["serves_more"][site, 0], abs=1e-3)
        assert saved == pytest.approx(found.at_site["value"][site, 0], abs=1e-2)


def test_unmet_people_can_be_priced():
    """Being without a place counts 3 minutes: whoever is further stays away, and a place is worth at most 3."""
    town = random_town(DECAY, seed=3)
    found = allocation(town, unmet_min=3.0)

    assert found.notes["unmet"][0] > allocation(town).notes["unmet"][0]
    assert found.at_site["value"].max() <= 3.0
    assert "serves_more" not in found.at_site


def test_unknown_people_are_left_out_and_counted():
    """A cell with NaN demands nothing, and has access all the same."""
    times, people = random_times(1), np.full((40, 2), 5.0)
    people[3, 1] = np.nan
    town = market(weighted(times, DECAY), people, np.full(12, 3.0))
    without = people.copy()
    without[3] = 0.0
    expected = two_step(market(weighted(times, DECAY), without, np.full(12, 3.0)))

    assert (~town.known).sum() == 1
    assert two_step(town).of().tolist() == expected.of().tolist()
    assert np.isfinite(two_step(town).of()[3])


def test_fewest_sharing_finds_the_smallest_crowd():
    """By a loop over sites: what a value rests on."""
    town = random_town(Binary(20.0), seed=4)
    f, _ = dense(town.modes["all"].times, Binary(20.0))
    around = (f > 0).T @ town.demand[:, 0]
    expected = [
        min((around[j] for j in range(12) if f[i, j] > 0 and town.supply[j, 0] > 0 and around[j] > 0), default=np.inf)
        for i in range(40)
    ]

    assert fewest_sharing(town)[:, 0].tolist() == expected


def test_means_by_group_leave_out_who_has_none():
    """Mean minutes of a group over those who reach a site."""
    town = random_town(DECAY, groups=2)
    found = nearest(town)
    value, people = found.of(), town.demand[:, 1]
    there = ~np.isnan(value)

    assert found.mean()[0, 1] == pytest.approx((value[there] * people[there]).sum() / people[there].sum(), rel=1e-12)
    with pytest.raises(UnknownNameError, match="unknown service 'x'"):
        found.of("x")


def _bad(**change):
    good = {"demand": np.ones((40, 2)), "supply": np.ones(12)}
    return good | change


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (_bad(demand=np.ones(3)), "demand has shape"),
        (_bad(demand=-np.ones(40)), "demand is negative"),
        (_bad(supply=np.ones(3)), "supply has shape"),
        (_bad(supply=np.append(np.ones(11), np.nan)), "supply of 1 sites is unknown .*s11"),
        (_bad(supply=np.append(-1.0, np.ones(11))), "negative .*s00"),
        (_bad(groups=("a", "a")), "unique"),
        (_bad(groups=("a",)), "1 names of groups"),
        (_bad(need=np.ones(3)), "need has shape"),
        (_bad(need=np.array([1.0, -1.0])), "at least 0"),
        (_bad(eligible=np.ones((3, 2), dtype=bool)), "eligible has shape"),
        (_bad(mode_share={"bike": np.ones(2)}), "must agree"),
        (_bad(mode_share={"all": np.array([0.5, 1.5])}), "at most 1"),
        (_bad(mode_share={"all": np.array([0.5, -0.5])}), "at least 0"),
    ],
)
def test_what_does_not_fit_is_refused(given, words):
    """Shapes, negative counts, unknown capacity, names and shares."""
    people, supply = given.pop("demand"), given.pop("supply")
    with pytest.raises(SchemaError, match=words):
        market(weighted(random_times(1), DECAY), people, supply, **given)


def test_modes_must_fit_together(modes):
    """Other cells, other sites, no shares, no modes, a site twice."""
    weights, walk, _ = modes
    people, supply = np.ones((40, 1)), np.ones(12)
    fewer = random_times(1, cells=39)
    others = replace(walk, site_id=np.char.add("x", walk.site_id))
    twice = replace(walk, site_id=np.where(walk.site_id == "s01", "s00", walk.site_id))

    with pytest.raises(SchemaError, match="without mode_share"):
        market(weights, people, supply)
    with pytest.raises(SchemaError, match="different cells"):
        market({"walk": weights["walk"], "car": weighted(fewer, DECAY)}, people, supply)
    with pytest.raises(SchemaError, match="different sites"):
        market({"walk": weights["walk"], "car": weighted(others, DECAY)}, people, supply)
    with pytest.raises(SchemaError, match="no weights"):
        market({}, people, supply)
    with pytest.raises(SchemaError, match="1 sites stand there twice"):
        market(weighted(twice, DECAY), people, supply)
