"""Gates of the one-stop shop: every way against trying all, closures that never help, and edges of what is asked."""

from dataclasses import replace
from itertools import pairwise, permutations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shops import KINDS, metric_town

from civigrid.errors import SchemaError
from civigrid.layers.onestop import PERSONAS, Bundle, explain_cell, explain_site, one_stop_of, services_at
from civigrid.layers.onestop.access import variables_of
from civigrid.layers.onestop.chains import chains_of
from civigrid.layers.onestop.completeness import completeness_of
from civigrid.layers.onestop.patterns import patterns_of
from civigrid.layers.onestop.places import dense_between
from civigrid.layers.onestop.referral import entries_of
from civigrid.travel_times import times_of_pairs

BUNDLE = Bundle(kinds=KINDS, visits=(1.0, 1.0, 3.0, 5.0), threshold_min=20.0)
NEVER_LESS = ("completeness", "week_all", "week_one_stop")


def of_seconds(seconds, limit_s=3600):
    """Times of a small matrix; below 0: none."""
    seconds = np.asarray(seconds)
    row, site = np.nonzero(seconds >= 0)
    names = np.array([f"s{j}" for j in range(seconds.shape[1])], dtype=np.str_)
    ids = np.arange(seconds.shape[0], dtype=np.uint64)
    return times_of_pairs(ids, names, row, site, seconds[row, site], limit_s=limit_s, mode="by hand")


def dense(times):
    """Seconds as a matrix, infinite where there is no pair."""
    matrix = np.full((len(times.cell_id), len(times.site_id)), np.inf)
    matrix[times.rows(), times.site] = times.seconds
    return matrix


def persona(bundle, **more):
    """Someone who walks and is always free."""
    return replace(PERSONAS["job seeker"], bundle=bundle, free=(("24/7", 1.0),), modes={"walk": 1.0}, **more)


def everything(times, between, services, bundle=BUNDLE):
    """All variables of all ways, by name."""
    return {name: value for name, value, *_ in variables_of(one_stop_of(times, between, services, persona(bundle)))}


def by_trying(seconds, between, offers, bundle):
    """Minutes of each way from one cell by enumeration: separate, one stop, mix, chain, at least k; then of a year."""
    n, kinds = len(seconds), range(len(bundle.kinds))

    def ways(need):
        separate = sum(min((seconds[j] for j in range(n) if k in offers[j]), default=np.inf) for k in need)
        one = min((seconds[j] for j in range(n) if need <= offers[j]), default=np.inf)
        mixes = product(*([j for j in range(n) if k in offers[j]] for k in need))
        mix = min((sum(seconds[j] for j in set(chosen)) for chosen in mixes), default=np.inf)
        chain = np.inf
        for stops in (t for m in (1, 2, 3) for t in permutations(range(n), m)):
            if need <= set().union(*(offers[j] for j in stops)):
                legs = sum(between[a, b] for a, b in pairwise(stops))
                chain = min(chain, seconds[stops[0]] + legs + seconds[stops[-1]])
        return np.array([2 * separate, 2 * one, 2 * mix, chain]) / 60

    rounds = [
        ({k for k, v in enumerate(bundle.visits_a_year) if v >= often}, often)
        for often in sorted(set(bundle.visits_a_year))
    ]
    before, year = 0.0, np.zeros(4)
    for need, often in rounds:
        year += ways(need) * (often - before)
        before = often
    some = [min((seconds[j] / 60 for j in range(n) if len(offers[j]) >= k + 1), default=np.inf) for k in kinds]
    return ways(set(kinds)), year, np.array(some)


@given(st.integers(0, 10_000))
@settings(max_examples=15)
def test_every_way_equals_trying_all(seed):
    """Separate, one stop, mix, chain and k of the bundle, once and in a year of unequal visits."""
    _, times, between, services = metric_town(seed, cells=6, sites=6)
    offers = [{KINDS.index(k) for k in services.kind[services.site == j]} for j in range(6)]
    seconds, ways = dense(times), patterns_of(times, services, BUNDLE)
    chains, matrix = chains_of(times, between, services, BUNDLE, hours=False), dense(between)
    np.fill_diagonal(matrix, 0)
    for i in range(6):
        once, year, some = by_trying(seconds[i], matrix, offers, BUNDLE)
        found = [ways.separate_min, ways.one_stop_min, ways.mix_min, chains.chain_min]
        of_year = [ways.separate_year_min, ways.one_stop_year_min, ways.mix_year_min, chains.chain_year_min]

        assert [v[i] for v in found] == pytest.approx(np.where(np.isinf(once), np.nan, once).tolist(), nan_ok=True)
        assert [v[i] for v in of_year[1:]] == pytest.approx(
            np.where(np.isinf(year[1:]), np.nan, year[1:]).tolist(), nan_ok=True
        )
        assert ways.at_least_min[i] == pytest.approx(np.where(np.isinf(some), np.nan, some), nan_ok=True)
        each = ways.nearest_min[i] @ np.array(BUNDLE.visits) * 2
        assert of_year[0][i] == pytest.approx(each, nan_ok=True)


@given(st.integers(0, 10_000))
@settings(max_examples=10)
def test_closing_a_service_never_helps_anyone(seed):
    """Each service in turn, where its kind is still offered: no way is shorter, nothing more complete or more often."""
    _, times, between, services = metric_town(seed, cells=12, sites=6)
    before = everything(times, between, services)
    longer = [n for n in before if n.startswith(("minutes_", "round_")) or n in ("year_mix", "year_one_stop")]
    longer = [n for n in longer if not n.startswith(("minutes_saved", "minutes_referred"))]
    for row in range(len(services.site)):
        rest = services.some(np.arange(len(services.site)) != row)
        if set(rest.kind.tolist()) != set(KINDS):
            continue
        after = everything(times, between, rest)
        for name in longer:
            assert (np.nan_to_num(after[name], nan=np.inf) >= np.nan_to_num(before[name], nan=np.inf) - 1e-9).all()
        for name in (*NEVER_LESS, *(n for n in before if n.startswith(("week_", "operators_")))):
            assert (after[name] <= before[name] + 1e-9).all()


def test_referrals_complete_what_their_probability_says():
    """By hand: entering where one of three is there, one is referred once and one twice, a fifth lost each time."""
    services = replace(
        services_at([0, 0, 1, 1, 2], ["doctor", "school", "school", "office", "office"]),
        in_house=np.array([True, False, True, False, True]),
        refers_to=np.array([-1, 1, -1, 2, -1]),
    )
    bundle = Bundle(kinds=("doctor", "school", "office"))
    to_office = replace(services_at([0], ["office"]), in_house=np.array([False]), refers_to=np.array([1]))
    joined = replace(
        services,
        **{n: np.concatenate([getattr(services, n), getattr(to_office, n)]) for n in
           ("site", "kind", "operator", "capacity", "open_week", "in_house", "refers_to")},
        languages=services.languages + to_office.languages,
        eligible=services.eligible + to_office.eligible,
    )  # fmt: skip
    times = of_seconds([[600, 900, 1200]])
    made = entries_of(dense_between(of_seconds(np.full((3, 3), 300)), times), joined, bundle, drop_out=0.2)

    assert made.referrals[0].tolist() == [0, 1, 2]
    assert made.completed[0] == pytest.approx(1 + 0.8 + 0.8**2)
    assert made.onward_s[0].tolist() == pytest.approx([0, 0.8 * 300, 0.8 * (300 + 0.8 * 300)])


def test_completeness_is_one_half_and_nothing_by_hand():
    """In house 1, referral r, absent 0, by visits; a site one second beyond the threshold does not count."""
    services = replace(services_at([0, 0, 1], ["doctor", "school", "office"]), in_house=np.array([True, False, True]))
    bundle = Bundle(kinds=("doctor", "school", "office"), visits=(1.0, 2.0, 5.0), threshold_min=10.0)

    for referral, best in ((0.0, 1 / 8), (0.5, 2 / 8), (1.0, 3 / 8)):
        found = completeness_of(of_seconds([[600, 601]]), services, bundle, referral=referral)
        assert found == pytest.approx([best])
    assert completeness_of(of_seconds([[601, 600]]), services, bundle) == pytest.approx([5 / 8])


@pytest.mark.parametrize(
    ("seconds", "minutes", "complete"),
    [([[600]], 20.0, 1.0), ([[-1]], np.nan, 0.0), ([[0]], 0.0, 1.0), (np.zeros((0, 1), dtype=int), None, None)],
)
def test_one_cell_one_site_and_none(seconds, minutes, complete):
    """Reached, unreached, at home, and nobody: every way has its value, or none."""
    bundle = Bundle(kinds=("doctor", "school"))
    found = everything(of_seconds(seconds), of_seconds([[0]]), services_at([0, 0], ["doctor", "school"]), bundle)
    if minutes is None:
        assert all(len(value) == 0 for value in found.values())
        return
    for name in ("round_one_stop", "round_mix", "round_chain"):
        assert found[name].tolist() == pytest.approx([minutes], nan_ok=True)
    assert found["completeness"].tolist() == [complete]


def test_unknown_people_leave_places_and_explanations_known():
    """A cell with NaN people has its minutes; who explains it counts the others alone."""
    _, times, between, services = metric_town(3, cells=8, sites=5)
    people = np.arange(8.0)
    people[2] = np.nan
    found = one_stop_of(times, between, services, persona(BUNDLE))
    told = explain_cell(int(times.cell_id[2]), found, services, {"all": people}, between=between)
    known = explain_cell(int(times.cell_id[2]), found, services, {"all": np.nan_to_num(people)}, between=between)
    sites = [explain_site("s04", found, services, {"all": p}) for p in (people, np.nan_to_num(people))]

    pd.testing.assert_frame_equal(told, known)
    pd.testing.assert_frame_equal(*sites)
    assert sites[0]["persons"].sum() > 0


def test_what_is_nowhere_is_refused_by_name():
    """A service or a referral at a site there is not, a threshold that is no time: SchemaError, with the number."""
    times, between = of_seconds([[600, 900]]), of_seconds([[0, 60], [60, 0]])
    bundle = Bundle(kinds=("doctor",))
    away = replace(services_at([0, 1], ["doctor", "doctor"]), in_house=np.array([False, True]))
    for services, words in (
        (services_at([2, 0], ["doctor", "doctor"]), "stand at site 2, but there are 2"),
        (services_at([-1, 0], ["doctor", "doctor"]), "stand at site -1"),
        (replace(away, refers_to=np.array([9, -1])), "refer to site 9"),
    ):
        with pytest.raises(SchemaError, match=words):
            one_stop_of(times, between, services, persona(bundle))
    for minutes in (-1.0, np.nan, np.inf):
        with pytest.raises(SchemaError, match="threshold_min"):
            Bundle(kinds=("doctor",), threshold_min=minutes)
