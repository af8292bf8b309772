"""Ways to have a bundle: the laws between them, and the same numbers for any blocks and workers."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shops import KINDS, metric_town

from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.layers.onestop import Bundle
from civigrid.layers.onestop.chains import chains_of
from civigrid.layers.onestop.completeness import completeness_of, completeness_of_sites
from civigrid.layers.onestop.gains import Fare, gains_of
from civigrid.layers.onestop.patterns import patterns_of
from civigrid.layers.onestop.places import at_places, dense_between
from civigrid.layers.onestop.redundancy import operators_of
from civigrid.layers.onestop.referral import entries_of, referred_of
from civigrid.layers.onestop.services import services_at
from civigrid.layers.onestop.week import week_of
from civigrid.travel_times import times_of_pairs

BUNDLE = Bundle(kinds=KINDS, visits=(2.0, 4.0, 4.0, 12.0), minutes=(30.0, 20.0, 15.0, 45.0), threshold_min=30.0)
towns = st.integers(0, 10_000).map(metric_town)


def at_most(less, more):
    """Assert that values are nowhere larger, NaN counting as infinite."""
    less, more = (np.where(np.isnan(v), np.inf, v) for v in (less, more))
    assert (less <= more + 1e-9).all()


@given(towns)
@settings(max_examples=25)
def test_mix_is_at_most_separate_and_one_stop_and_chain_at_most_each(town):
    """Per round and per year: mix and chain <= one stop, mix <= separate; one stop >= the way to any one kind."""
    _, times, between, services = town
    ways = patterns_of(times, services, BUNDLE)
    chains = chains_of(times, between, services, BUNDLE, hours=False)

    for every in ("min", "year_min"):
        mix, one = getattr(ways, f"mix_{every}"), getattr(ways, f"one_stop_{every}")
        at_most(mix, one)
        at_most(mix, getattr(ways, f"separate_{every}"))
        at_most(getattr(chains, f"chain_{every}"), one)
    at_most(2 * ways.nearest_min.max(axis=1), ways.one_stop_min)
    assert (np.diff(ways.at_least_min, axis=1)[~np.isnan(ways.at_least_min[:, 1:])] >= 0).all()


@given(towns, st.sampled_from(KINDS))
@settings(max_examples=15)
def test_one_service_makes_all_ways_one(town, kind):
    """With one service in the bundle, separate trips, one stop, mix and chain are the same round trip."""
    _, times, between, services = town
    bundle = Bundle(kinds=(kind,), visits=(5.0,))
    ways = patterns_of(times, services, bundle)

    for name in ("separate", "one_stop", "mix"):
        np.testing.assert_array_equal(getattr(ways, f"{name}_min"), 2 * ways.nearest_min[:, 0])
        np.testing.assert_allclose(getattr(ways, f"{name}_year_min"), 10 * ways.nearest_min[:, 0])
    np.testing.assert_array_equal(chains_of(times, between, services, bundle, hours=False).chain_min, ways.one_stop_min)


@given(towns, st.integers(0, 11), st.sampled_from(KINDS))
@settings(max_examples=20)
def test_a_further_service_never_hurts(town, site, kind):
    """One more service anywhere: no way takes longer, nothing is less complete, no hour of the week is lost."""
    _, times, between, services = town
    more = services_at([*services.site, site], [*services.kind, kind])
    old, new = patterns_of(times, services, BUNDLE), patterns_of(times, more, BUNDLE)

    for name in ("separate", "one_stop", "mix"):
        at_most(getattr(new, f"{name}_min"), getattr(old, f"{name}_min"))
        at_most(getattr(new, f"{name}_year_min"), getattr(old, f"{name}_year_min"))
    for hours in (False, True):
        before = chains_of(times, between, services, BUNDLE, hours=hours)
        at_most(chains_of(times, between, more, BUNDLE, hours=hours).chain_min, before.chain_min)
    assert (completeness_of(times, more, BUNDLE) >= completeness_of(times, services, BUNDLE)).all()
    assert (week_of(times, more, BUNDLE).all_hours >= week_of(times, services, BUNDLE).all_hours).all()
    was = referred_of(times, between, services, BUNDLE).completed
    assert (referred_of(times, between, more, BUNDLE).completed >= was - 1e-9).all()


@given(towns)
@settings(max_examples=15)
def test_a_further_site_never_hurts(town):
    """Without one of the sites nothing is nearer than with it."""
    _, times, between, services = town
    keep = services.site != 0
    kinds = tuple(k for k in KINDS if k in services.kind[keep])
    bundle = Bundle(kinds=kinds)
    less, more = (patterns_of(times, s, bundle) for s in (services.some(keep), services))

    at_most(more.separate_min, less.separate_min)
    at_most(more.one_stop_min, less.one_stop_min)
    at_most(more.mix_min, less.mix_min)
    at_most(
        chains_of(times, between, services, bundle).chain_min,
        chains_of(times, between, services.some(keep), bundle).chain_min,
    )


@given(towns, st.floats(0, 1))
@settings(max_examples=15)
def test_nobody_lost_at_a_referral_completes_all(town, drop_out):
    """With no drop-out every entry completes the bundle; with some, (1 - d) to the power of the referrals."""
    _, times, between, services = town
    matrix = dense_between(between, times)
    surely = entries_of(matrix, services, BUNDLE, drop_out=0.0)
    made = entries_of(matrix, services, BUNDLE, drop_out=drop_out)

    np.testing.assert_allclose(surely.completed, len(KINDS))
    np.testing.assert_allclose(made.completed, ((1 - drop_out) ** made.referrals).sum(axis=1))
    assert set(np.unique(made.referrals)) <= {0, 1}
    best = referred_of(times, between, services, BUNDLE, drop_out=drop_out)
    for i in range(len(times.cell_id)):
        near = times.site[times.indptr[i] : times.indptr[i + 1]]
        assert best.completed[i] == pytest.approx(made.completed[near].max(initial=0.0))


def test_referrals_are_followed_from_site_to_site():
    """Two referrals in a row lose people twice, and each way counts for those who make it."""
    services = replace(
        services_at([0, 1, 2], ["doctor"] * 3),
        in_house=np.array([False, False, True]),
        refers_to=np.array([1, 2, -1]),
    )
    between = np.array([[0, 100, 900], [100, 0, 200], [900, 200, 0]], dtype=np.int32)
    made = entries_of(between, services, Bundle(kinds=("doctor",)), drop_out=0.5, else_nearest=False)

    assert made.referrals[:, 0].tolist() == [2, 1, 0]
    np.testing.assert_allclose(made.completed, [0.25, 0.5, 1.0])
    np.testing.assert_allclose(made.onward_s[:, 0], [0.5 * (100 + 0.5 * 200), 0.5 * 200, 0.0])


def test_a_service_nobody_refers_to_is_not_had():
    """Without referral and without being sent to the nearest, an absent service is not completed."""
    services = services_at([0, 1], ["doctor", "school"])
    between = np.array([[0, 60], [60, 0]], dtype=np.int32)
    bundle = Bundle(kinds=("doctor", "school"))

    assert entries_of(between, services, bundle, else_nearest=False).completed.tolist() == [1.0, 1.0]
    assert entries_of(between, services, bundle, drop_out=0.25).completed.tolist() == [1.75, 1.75]


def test_completeness_counts_referral_half_and_absence_nothing():
    """In house 1, by referral r, absent 0, weighed by visits; r is swept from 0 to 1."""
    services = replace(
        services_at([0, 0, 1], ["doctor", "school", "school"]),
        in_house=np.array([True, False, True]),
        refers_to=np.array([-1, 1, -1]),
    )
    bundle = Bundle(kinds=("doctor", "school"), visits=(3.0, 1.0))

    for r in (0.0, 0.5, 1.0):
        found = completeness_of_sites(services, bundle, 3, referral=r)
        np.testing.assert_allclose(found, [(3 + r) / 4, 0.25, 0.0])
    with pytest.raises(SchemaError, match="0 to 1"):
        completeness_of_sites(services, bundle, 3, referral=1.5)


def test_co_location_saves_what_the_textbook_says():
    """Three services ten minutes each at separate sites, against one place twelve minutes away: 60 - 24 = 36."""
    site = np.array([0, 1, 2, 3])
    times = times_of_pairs(
        np.array([7], dtype=np.uint64), np.array(list("abch")), 0 * site, site,
        np.array([600, 600, 600, 720]), limit_s=1800, mode="walk",
    )  # fmt: skip
    services = services_at([0, 1, 2, 3, 3, 3], ["x", "y", "z", "x", "y", "z"])
    bundle = Bundle(kinds=("x", "y", "z"))
    gains = gains_of(patterns_of(times, services, bundle), bundle, Fare(per_ride=1.5, per_minute=0.1))

    assert gains.minutes_saved.tolist() == [36.0]
    assert gains.trips_saved == 2.0
    assert gains.fare_saved.tolist() == pytest.approx([2 * 2 * 1.5 + 3.6])
    assert gains.minutes_per_need.tolist() == [20.0]


@pytest.mark.parametrize("kind", ["serial", "threads"])
def test_blocks_and_workers_change_nothing(kind):
    """Any blocks and any scheduler give the same bytes."""
    _, times, between, services = metric_town(5)
    few = {"scheduler": Scheduler(kind, 2), "block": 7}
    made = (
        patterns_of(times, services, BUNDLE, **few),
        chains_of(times, between, services, BUNDLE, **few),
        week_of(times, services, BUNDLE, **few),
    )
    whole = (
        patterns_of(times, services, BUNDLE),
        chains_of(times, between, services, BUNDLE),
        week_of(times, services, BUNDLE),
    )

    for some, every in zip(made, whole, strict=True):
        for name, value in vars(every).items():
            np.testing.assert_array_equal(getattr(some, name), value, err_msg=name)


def test_other_processes_give_the_same_bytes():
    """Workers that map the arrays into memory find the same chains."""
    _, times, between, services = metric_town(5)
    bundle = replace(BUNDLE, visits=())
    made = chains_of(times, between, services, bundle, scheduler=Scheduler("processes", 2), block=20)

    for name, value in vars(chains_of(times, between, services, bundle)).items():
        np.testing.assert_array_equal(getattr(made, name), value, err_msg=name)


def test_the_order_of_services_changes_nothing():
    """Rows of services in another order give the same ways."""
    _, times, between, services = metric_town(6)
    order = np.random.default_rng(1).permutation(len(services.site))
    shuffled = services_at(services.site[order], services.kind[order])
    old, new = (chains_of(times, between, s, BUNDLE) for s in (services, shuffled))

    np.testing.assert_array_equal(old.chain_min, new.chain_min)
    np.testing.assert_array_equal(old.stops, new.stops)


def test_the_stops_told_make_up_the_time():
    """The chain's stops have all services, and the ways between them add up to its minutes."""
    _, times, between, services = metric_town(2, offered=0.25)
    matrix = dense_between(between, times)
    for hours in (False, True):
        chains = chains_of(times, between, services, BUNDLE, hours=hours)
        assert np.isfinite(chains.chain_min).any()
        for i in np.flatnonzero(np.isfinite(chains.chain_min)):
            stops = chains.stops[i][chains.stops[i] >= 0]
            pairs = slice(times.indptr[i], times.indptr[i + 1])
            near = dict(zip(times.site[pairs], times.seconds[pairs], strict=True))
            total = near[stops[0]] + near[stops[-1]] + sum(matrix[a, b] for a, b in pairwise(stops))
            assert chains.chain_min[i] * 60 == pytest.approx(total)
            assert np.bitwise_or.reduce(chains.done[i]) == 15
            for site, done in zip(chains.stops[i], chains.done[i], strict=True):
                offered = {KINDS.index(k) for k in services.kind[services.site == site]}
                assert {k for k in range(4) if done >> k & 1} <= offered


def test_hours_and_free_time_only_take_away():
    """Opening hours, and less free time, make no chain shorter and no share of the week larger."""
    _, times, between, services = metric_town(4)
    week = np.zeros((len(services.site), 672), dtype=bool)
    rng = np.random.default_rng(0)
    for k in range(len(week)):
        begin = rng.integers(30, 60)
        week[k, begin : begin + 20] = True
    shut = replace(services, open_week=week)
    free = np.zeros(672, dtype=bool)
    free[40:70] = True
    chains = [
        chains_of(times, between, services, BUNDLE, hours=False).chain_min,
        chains_of(times, between, shut, BUNDLE).chain_min,
        chains_of(times, between, shut, BUNDLE, free=free).chain_min,
    ]
    weeks = [week_of(times, s, BUNDLE).all_hours for s in (services, shut)]

    at_most(chains[0], chains[1])
    at_most(chains[1], chains[2])
    assert np.isfinite(chains[1]).any()
    assert (weeks[1] <= weeks[0]).all()
    assert weeks[0].max() == 168.0


def test_who_is_not_eligible_is_not_served():
    """A service for others counts for no one else."""
    _, times, _, services = metric_town(1)
    closed = replace(services, eligible=(frozenset({"newcomers"}),) * len(services.site))

    assert np.isnan(patterns_of(times, closed, BUNDLE).nearest_min).all()
    np.testing.assert_array_equal(
        patterns_of(times, closed, BUNDLE, groups=("newcomers",)).mix_min, patterns_of(times, services, BUNDLE).mix_min
    )


def test_operators_are_counted_once():
    """Two sites of one operator are one; unnamed ones stand alone."""
    site = np.array([0, 1, 2, 3])
    times = times_of_pairs(
        np.array([7], dtype=np.uint64), np.array(list("abcd")), 0 * site, site,
        np.array([60, 120, 180, 1500]), limit_s=1800, mode="walk",
    )  # fmt: skip
    services = replace(services_at([0, 1, 2, 3], ["x"] * 4), operator=np.array(["city", "city", "", ""]))

    assert operators_of(times, services, Bundle(kinds=("x",), threshold_min=10.0)).tolist() == [[2]]
    assert operators_of(times, services, Bundle(kinds=("x",), threshold_min=30.0)).tolist() == [[3]]


def test_places_are_one_stop():
    """Sites of one place offer together what each lacks."""
    site = np.array([0, 1, 2])
    names = np.array(list("abc"))
    times = times_of_pairs(
        np.array([7], dtype=np.uint64), names, 0 * site, site, np.array([60, 120, 600]), limit_s=1800, mode="walk"
    )
    between = times_of_pairs(
        np.arange(3, dtype=np.uint64), names, np.repeat(site, 3), np.tile(site, 3),
        np.array([0, 9, 500, 9, 0, 400, 500, 400, 0]), limit_s=1800, mode="walk",
    )  # fmt: skip
    made = at_places(times, between, services_at([0, 1, 2], ["x", "y", "y"]), np.array([0, 0, 1]))

    assert patterns_of(times, services_at([0, 1, 2], ["x", "y", "y"]), Bundle(kinds=("x", "y"))).one_stop_site[0] == -1
    assert patterns_of(made[0], made[2], Bundle(kinds=("x", "y"))).one_stop_min.tolist() == [2.0]
    assert dense_between(made[1], made[0]).tolist() == [[0, 400], [400, 0]]
    with pytest.raises(SchemaError, match="without gaps"):
        at_places(times, between, services_at([0], ["x"]), np.array([0, 2, 2]))
    with pytest.raises(SchemaError, match="do not fit"):
        dense_between(between, made[0])


def test_bad_bundles_are_refused():
    """Kinds twice, numbers that do not fit, visits of nothing, kinds nobody offers, chains of four stops."""
    _, times, between, services = metric_town(1)
    with pytest.raises(SchemaError, match="stands twice"):
        Bundle(kinds=("x", "x"))
    with pytest.raises(SchemaError, match="2 values for 1 kinds"):
        Bundle(kinds=("x",), visits=(1.0, 2.0))
    with pytest.raises(SchemaError, match="must lie above 0"):
        Bundle(kinds=("x",), visits=(0.0,))
    with pytest.raises(SchemaError, match="no service is of kind bakery"):
        patterns_of(times, services, Bundle(kinds=("bakery",)))
    with pytest.raises(SchemaError, match="chains of 4 stops"):
        chains_of(times, between, services, BUNDLE, most_stops=4)
    with pytest.raises(SchemaError, match="must have"):
        chains_of(times, between, services, BUNDLE, free=np.ones(24, dtype=bool))


@pytest.mark.parametrize("hours", [False, True])
def test_nobody_and_nothing_have_no_ways(hours):
    """No cells, no pairs, and services for others alone: results of the right shape, unreached everywhere."""
    _, times, between, services = metric_town(1)
    empty = times_of_pairs(
        np.empty(0, dtype=np.uint64), times.site_id, *(np.empty(0, dtype=np.int64),) * 3, limit_s=3600, mode="walk"
    )
    far = times.within(0)
    closed = replace(services, eligible=(frozenset({"newcomers"}),) * len(services.site))

    assert chains_of(empty, between, services, BUNDLE, hours=hours).stops.shape == (0, 3)
    assert patterns_of(empty, services, BUNDLE).nearest_min.shape == (0, 4)
    assert week_of(empty, services, BUNDLE).kind_hours.shape == (0, 4)
    assert referred_of(empty, between, services, BUNDLE).entry.shape == (0,)
    for found in (
        chains_of(far, between, services, BUNDLE, hours=hours),
        chains_of(times, between, closed, BUNDLE, hours=hours),
    ):
        assert np.isnan(found.chain_min).all()
        assert (found.stops == -1).all()
    assert week_of(far, services, BUNDLE).all_hours.max() == 0.0
    assert np.isnan(referred_of(far, between, services, BUNDLE).referred_min).all()
    assert referred_of(far, between, services, BUNDLE).completed.max() == 0.0
