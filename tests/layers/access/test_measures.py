"""Every measure against a dense computation of its formula, its invariants, and the traps of peers."""

from dataclasses import replace

import numpy as np
import pytest
from towns_of_access import dense, random_times, random_town

from civigrid.errors import SchemaError, UnknownNameError
from civigrid.layers.access import (
    AccessOptions,
    constrained_doubly,
    given_weights,
    market,
    mean_of_decay,
    measure_access,
    passive,
    patronage,
    weighted,
)
from civigrid.layers.access.balanced import availability, availability_per_person, balanced, constrained_total
from civigrid.layers.access.catchment import modified_two_step, three_step, two_step
from civigrid.layers.access.cumulative import cumulative, gravity, interval, logsum
from civigrid.layers.access.decay import Binary, Exponential, Gaussian, Step
from civigrid.layers.access.huff import choice
from civigrid.layers.access.more_decay import Within
from civigrid.layers.access.nearest import balancing_time, dual_access, nearest
from civigrid.travel_times import times_of_pairs

DECAYS = (Binary(30.0), Gaussian(12.0), Step((10.0, 20.0, 30.0), (1.0, 0.68, 0.22)))
BY_DECAY = pytest.mark.parametrize("decay", DECAYS, ids=lambda f: f.words)


def parts(town):
    """Weights, minutes, people and places of a market, densely."""
    only = town.modes["all"]
    f = np.zeros((len(town.cell_id), len(town.site_id)))
    f[only.times.rows(), only.times.site] = only.weight
    _, minutes = dense(only.times, Binary(1.0))
    return f, minutes, town.demand.sum(axis=1), town.supply[:, 0]


def over(above, below):
    """Quotient, 0 by 0."""
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below > 0)


@BY_DECAY
def test_catchments_are_their_formulas(decay):
    """2SFCA, 3SFCA both ways, M2SFCA and BFCA as products of dense matrices; two groups of people are one demand."""
    town = random_town(decay, groups=2)
    f, _, p, s = parts(town)
    open_f = f * (s > 0)
    two = f @ over(s, p @ f)
    select = over(open_f, open_f.sum(axis=1, keepdims=True))
    three = (select * f) @ over(s, p @ (select * f))
    by_size = over(s * f, (s * f).sum(axis=1, keepdims=True))
    huff = (by_size * f) @ over(s, p @ (by_size * f))
    bfca = over(f, f.sum(axis=0)) @ over(s, p @ select)

    assert two_step(town).of() == pytest.approx(two, rel=1e-12)
    assert three_step(town).of() == pytest.approx(three, rel=1e-12)
    assert three_step(town, huff=True).of() == pytest.approx(huff, rel=1e-12)
    assert modified_two_step(town).of() == pytest.approx(f**2 @ over(s, p @ f), rel=1e-12)
    assert balanced(town).of() == pytest.approx(bfca, rel=1e-12)


@BY_DECAY
def test_supply_is_conserved(decay):
    """Persons times access is the supply that anyone reaches; the rest is told, not lost in silence."""
    town = random_town(decay)
    people, supply = town.demand[:, 0], town.supply[:, 0]
    reached = (parts(town)[0] * people[:, None]).sum(axis=0) > 0

    assert not reached[-1]
    for found in (two_step(town), three_step(town), three_step(town, huff=True)):
        assert (people * found.of()).sum() == pytest.approx(supply[reached].sum(), rel=1e-12)
        assert found.notes["supply_shared"][0] == supply[reached].sum()
        assert found.notes["supply_lost"][0] == supply[~reached].sum() > 0
        assert found.notes["demand_unserved"][0] == people[parts(town)[0] @ supply == 0].sum() > 0
        assert found.notes["demand"][0] == people.sum()


def test_modified_two_step_is_two_step_for_binary_and_wastes_otherwise():
    """Delamater's square changes nothing where weights are 0 or 1; else some supply stays unused."""
    binary, steps = random_town(DECAYS[0]), random_town(DECAYS[2])
    used = (steps.demand[:, 0] * modified_two_step(steps).of()).sum()

    assert modified_two_step(binary).of().tolist() == two_step(binary).of().tolist()
    assert used < two_step(steps).notes["supply_shared"][0]


@BY_DECAY
def test_balanced_catchments_count_nobody_twice(decay):
    """Demand at sites sums to all who reach one; the sum over cells is that of levels over sites."""
    town = random_town(decay)
    found = balanced(town)
    f, _, p, s = parts(town)

    assert found.at_site["demand"].sum() == pytest.approx(p[(f * (s > 0)).sum(axis=1) > 0].sum(), rel=1e-12)
    assert found.of().sum() == pytest.approx(found.at_site["ratio"].sum(), rel=1e-12)


@BY_DECAY
def test_spatial_availability_is_two_step_by_person(decay):
    """Metamorphic: for alpha 1 they are one measure, to the last bit; places sum to the supply."""
    town = random_town(decay, groups=2)
    found = availability(town)
    people = town.demand.sum(axis=1)

    assert availability_per_person(town).of().tolist() == two_step(town).of().tolist()
    assert found.of().sum() == pytest.approx(found.notes["supply_shared"][0], rel=1e-12)
    assert found.of() == pytest.approx(people * two_step(town).of(), rel=1e-12)


def test_spatial_availability_with_another_power():
    """The dense formula with alpha 1.5; nobody at home has no places and no rate."""
    town = random_town(Gaussian(12.0))
    f, _, p, s = parts(town)
    share = over(p[:, None] ** 1.5 * f, p**1.5 @ f)
    empty = p == 0

    assert availability(town, alpha=1.5).of() == pytest.approx(share @ s, rel=1e-12)
    assert availability_per_person(town, alpha=1.5).of()[~empty] == pytest.approx(
        (share @ s)[~empty] / p[~empty], rel=1e-12
    )
    assert np.isnan(availability_per_person(town, alpha=1.5).of()[empty]).all()


def test_constrained_measures_meet_their_totals():
    """Total: cells share all places that anyone reaches by gravity.  Demand: Huff's users are all who reach a site."""
    town = random_town(Gaussian(12.0))
    f, _, p, s = parts(town)
    found = constrained_total(town)
    users = patronage(town)

    assert found.of() == pytest.approx((f @ s) / (f @ s).sum() * s[f.sum(axis=0) > 0].sum(), rel=1e-12)
    assert users.users.sum() + users.nowhere.sum() == pytest.approx(p.sum(), rel=1e-12)
    assert users.users[:, 0, 0] == pytest.approx(p @ over(f * s, (f * s).sum(axis=1, keepdims=True)), rel=1e-12)


def test_doubly_constrained_meets_both_margins_whatever_the_order():
    """R accessibility assumes an order of its rows (a silent transposition); here both may be mixed."""
    rng = np.random.default_rng(3)
    minutes = rng.integers(1, 50, (5, 3))
    row, site = (v.ravel() for v in np.indices((5, 3)))
    people, supply = np.array([40.0, 10.0, 25.0, 5.0, 20.0]), np.array([30.0, 50.0, 20.0])
    flows = []
    for order, columns in ((np.arange(15), [0, 1, 2]), (rng.permutation(15), [2, 0, 1])):
        number = np.argsort(columns)
        times = times_of_pairs(
            np.arange(5, dtype=np.uint64), np.array(["a", "b", "c"])[columns], row[order], number[site[order]],
            60 * minutes[row[order], site[order]], limit_s=3600, mode="walk",
        )  # fmt: skip
        town = market(weighted(times, Exponential(beta_per_min=0.1)), people, supply[columns])
        found = constrained_doubly(town, tolerance=1e-12)
        flows.append(found.flows[0].flow.reshape(5, 3))

        assert found.converged == (True,)
        assert flows[-1].sum(axis=1) == pytest.approx(people, rel=1e-9)
        assert flows[-1].sum(axis=0) == pytest.approx(supply, rel=1e-9)
    assert flows[0].tobytes() == flows[1].tobytes()
    seen = np.exp(-0.1 * minutes)
    odds = flows[0][0, 0] * flows[0][1, 1] / flows[0][0, 1] / flows[0][1, 0]
    assert odds == pytest.approx(seen[0, 0] * seen[1, 1] / seen[0, 1] / seen[1, 0], rel=1e-9)


def test_doubly_constrained_scales_demand_and_tells_what_is_left_out():
    """More people than places: rows are in proportion; an unreached site and a cell without sites are told."""
    town = random_town(Exponential(beta_per_min=0.05))
    found = constrained_doubly(town)
    only = town.modes["all"]
    f, _, p, s = parts(town)
    rows = np.bincount(only.times.rows(), found.flows[0].flow, minlength=len(p))
    near = f @ s > 0

    assert rows[near] == pytest.approx(p[near] * s[:-1].sum() / p[near].sum(), abs=1e-6)
    assert found.access.notes["supply_lost"][0] == s[-1]
    assert found.access.notes["demand_unserved"][0] == p[~near].sum()
    assert np.isnan(found.access.of()[~near | (p == 0)]).all()


def test_nearest_dual_and_balancing_time():
    """Against sorting, one cell at a time; whoever lacks enough within the limit has no value."""
    town = random_town(Binary(30.0))
    _, minutes, p, s = parts(town)
    p = np.where(np.arange(len(p)) % 2, p / 20, p)
    town = replace(town, demand=p[:, None])
    for i in range(len(p)):
        order = np.argsort(minutes[i], kind="stable")
        order = order[np.isfinite(minutes[i][order])]
        t, had = minutes[i][order], np.cumsum(s[order])
        offering = t[s[order] > 0]
        third = offering[2] if len(offering) > 2 else np.nan
        enough = t[had >= 50][0] if np.any(had >= 50) else np.nan
        more = t[had > p[i]][0] if np.any(had > p[i]) else np.nan

        assert nearest(town, k=3).of()[i] == pytest.approx(third, nan_ok=True)
        assert dual_access(town, wanted=50.0).of()[i] == pytest.approx(enough, nan_ok=True)
        assert balancing_time(town).of()[i] == pytest.approx(more, nan_ok=True)


def test_cumulative_is_closed_at_its_threshold():
    """A site at exactly 10 minutes counts, unless the left closure is asked for."""
    town = random_town(Binary(30.0))
    _, minutes, _, s = parts(town)
    at = float(minutes[np.isfinite(minutes)][0])

    assert cumulative(town, at).of() == pytest.approx((minutes <= at) @ s)
    assert cumulative(town, at, closed="left").of() == pytest.approx((minutes < at) @ s)
    assert cumulative(town, at).of().sum() > cumulative(town, at, closed="left").of().sum()


@pytest.mark.parametrize("summary", ["median", "mean"])
@pytest.mark.parametrize(("first", "last", "step"), [(15, 45, 1), (15, 44, 1), (10, 31, 5), (20, 20, 1)])
def test_interval_is_the_summary_over_all_thresholds(summary, first, last, step):
    """In one pass the median or mean of the counts; R truncates means to integers, this does not."""
    town = random_town(Binary(30.0))
    every = np.stack([cumulative(town, float(t)).of() for t in range(first, last + 1, step)])
    found = interval(town, float(first), float(last), step_min=float(step), summary=summary).of()
    expected = getattr(np, summary)(every, axis=0)

    assert found == pytest.approx(expected, rel=1e-12)
    if summary == "mean" and last > first:
        assert np.any(found != np.trunc(found))


def test_gravity_active_passive_and_linear():
    """Both sides as dense products; twice the supply is twice the access."""
    town = random_town(Gaussian(12.0), groups=3)
    f, _, _, s = parts(town)

    assert gravity(town).of() == pytest.approx(f @ s, rel=1e-12)
    assert passive(town)[:, 0] == pytest.approx(f.T @ town.demand, rel=1e-12)
    assert gravity(replace(town, supply=2 * town.supply)).of() == pytest.approx(2 * f @ s, rel=1e-12)


@pytest.mark.parametrize("theta", [0.05, 60.0])
def test_logsum_is_stable(theta):
    """The utility by its formula in long arithmetic, even where every term is below the smallest number."""
    town = random_town(Binary(30.0))
    _, minutes, _, s = parts(town)
    found = logsum(town, theta_per_min=theta).of()
    with np.errstate(divide="ignore"):
        terms = np.log(s.astype(np.longdouble)) - theta * minutes.astype(np.longdouble)
    top = terms.max(axis=1)
    there = np.isfinite(top)
    expected = (top[there] + np.log(np.exp(terms[there] - top[there, None]).sum(axis=1))) / theta

    assert np.isnan(found[~there]).all()
    assert found[there] == pytest.approx(expected.astype(float), rel=1e-11)


def test_huff_shares_sum_to_one():
    """Each cell that reaches a site divides its people among its sites."""
    town = random_town(Gaussian(12.0))
    only = town.modes["all"]
    total = np.bincount(only.times.rows(), choice(town, alpha=0.7), minlength=len(town.cell_id))
    near = parts(town)[0] @ town.supply[:, 0] > 0

    assert total[near] == pytest.approx(1.0, rel=1e-12)
    assert np.all(total[~near] == 0)


def test_three_step_only_chooses_within_the_catchment():
    """Sites beyond the threshold do not draw selection weight: the same number as from a table cut at it."""
    times = random_times(4)
    rng = np.random.default_rng(1)
    people, supply = rng.integers(1, 90, len(times.cell_id)).astype(float), rng.integers(1, 40, 12).astype(float)
    far = market(weighted(times, Within(Gaussian(20.0), 25.0)), people, supply)
    cut = market(weighted(times.within(1500), Gaussian(20.0)), people, supply)
    whole = market(weighted(times, Gaussian(20.0)), people, supply)

    assert three_step(far).of() == pytest.approx(three_step(cut).of(), rel=1e-12)
    assert np.abs(three_step(far).of() - three_step(whole).of()).max() > 1e-4


def test_mean_of_decay_is_not_decay_of_a_percentile():
    """A site reached in 10 minutes by two departures of five: within 30 minutes by mean 0.4, by median not at all."""
    ids, name = np.array([1], dtype=np.uint64), np.array(["a"])
    zero = np.array([0])
    every = [
        times_of_pairs(ids, name, zero, zero, np.array([t * 60]), limit_s=3600, mode="transit")
        for t in (10, 10, 50, 55, 70)
    ]
    mean = mean_of_decay(every, Binary(30.0))
    median = weighted(times_of_pairs(ids, name, zero, zero, np.array([3000]), limit_s=3600, mode="p50"), Binary(30.0))

    assert mean.weight.tolist() == [0.4]
    assert median.weight.tolist() == [0.0]
    assert mean.words == "mean of binary(threshold_min=30) over 5 departures"
    assert median.words == "binary(threshold_min=30) of the travel time"
    assert gravity(market(mean, np.array([1.0]), np.array([10.0]))).of().tolist() == [4.0]


def test_mean_of_decay_against_a_loop():
    """Random departures with pairs that come and go."""
    every = [random_times(seed) for seed in (1, 2, 3)]
    decay = Gaussian(15.0)
    expected = np.mean([dense(t, decay)[0] for t in every], axis=0)
    found = mean_of_decay(every, decay)
    matrix = np.zeros(expected.shape)
    matrix[found.times.rows(), found.times.site] = found.weight

    assert matrix == pytest.approx(expected, rel=1e-13)
    assert found.weight_at_limit == pytest.approx(np.exp(-8))
    with pytest.raises(SchemaError, match="needs travel times, here is a mean of"):
        nearest(market(found, np.ones(40), np.ones(12)))
    with pytest.raises(SchemaError, match="a threshold is of a travel time"):
        cumulative(market(found, np.ones(40), np.ones(12)), 30.0)


def test_departures_must_agree():
    """Other cells, other sites, other bounds, or none: refused."""
    one = random_times(1)

    with pytest.raises(SchemaError, match="no departures"):
        mean_of_decay([], Binary(30.0))
    with pytest.raises(SchemaError, match="departures differ"):
        mean_of_decay([one, one.within(1800)], Binary(30.0))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: nearest(t, k=0), "k = 0"),
        (lambda t: dual_access(t, wanted=0.0), "wanted = 0"),
        (lambda t: logsum(t, theta_per_min=0.0), "theta_per_min = 0"),
        (lambda t: availability(t, alpha=0.0), "alpha = 0"),
        (lambda t: patronage(t, alpha=-1.0), "alpha = -1"),
        (lambda t: measure_access(t, ["raam"], AccessOptions(tau_min=0.0)), "tau_min = 0"),
        (lambda t: measure_access(t, ["raam"], AccessOptions(rho=0.0)), "rho = 0"),
        (lambda t: measure_access(t, ["unmet"], AccessOptions(unmet_min=-1.0)), "unmet_min = -1"),
    ],
)
def test_bad_options_are_refused(call, words):
    """The message names option and value."""
    with pytest.raises(SchemaError, match=words):
        call(random_town(Binary(30.0)))


def test_an_unknown_measure_is_refused():
    """With the nearest name."""
    with pytest.raises(UnknownNameError, match="Did you mean '2sfca'"):
        measure_access(random_town(Binary(30.0)), ["2sfka"])


def test_weights_given_must_be_weights():
    """One for each pair, finite, at least 0."""
    times = random_times()

    with pytest.raises(SchemaError, match="one for each"):
        given_weights(times, np.ones(3), "3")
    with pytest.raises(SchemaError, match="at least 0"):
        given_weights(times, np.full(len(times.site), np.nan), "nan")
