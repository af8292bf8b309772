"""Edits and what they change: a part computed anew equals the whole, order means nothing, undoing gives the base."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_towns import KINDS, a_town, same, seconds_between, some_services, times_within

from civigrid.errors import SchemaError, UnknownNameError
from civigrid.kernels.bundles import UNREACHED
from civigrid.layers.onestop.edit_text import FORMS, parse_edit
from civigrid.layers.onestop.edits import Add, Close, Hours, Language, Move, Open, Remove, in_order
from civigrid.layers.onestop.evaluation import evaluate
from civigrid.layers.onestop.scenario import Scenario, evaluate_scenario
from civigrid.layers.onestop.services import services_at
from civigrid.layers.onestop.town import town_of


def by_hand(town, services, group, i):
    """Least seconds a year one way over all choices of a site by kind, by trying them all; completeness; near."""
    far = np.full(len(town.times.site_id), UNREACHED)
    a, b = town.times.indptr[i : i + 2]
    far[town.times.site[a:b]] = town.times.seconds[a:b]
    suits = town.suitable(services, group) & services.in_house
    where = {k: set(services.site[suits & (services.kind == k)].tolist()) for k in town.bundle.kinds}
    cap, total = town.times.limit_s, 0.0
    for need, often in town.bundle.rounds():
        kinds = [k for n, k in enumerate(town.bundle.kinds) if need >> n & 1]
        choices = [[j for j in where[k] if far[j] <= cap] + [-1 - n] for n, k in enumerate(kinds)]
        total += often * min(sum(cap if j < 0 else far[j] for j in set(c)) for c in itertools.product(*choices))
    near = all(any(far[j] <= town.threshold_s for j in where[k]) for k in town.bundle.kinds)
    return total, near


@given(st.integers(0, 10_000), st.sampled_from([(), (1.0, 2.0, 2.0, 5.0)]))
def test_evaluation_equals_trying_all_choices(seed, visits):
    """Every group of a few cells: the cheapest mix with caps, and who is near, by enumeration."""
    town = a_town(seed, cells=4, sites=6, visits=visits)
    services = some_services(town, seed, 9)
    found = evaluate(town, services)
    for group in town.groups:
        for i in range(4):
            seconds, near = by_hand(town, services, group, i)

            assert found.year_min(group)[i] == pytest.approx(2 * seconds / 60, rel=1e-12)
            assert found.near(group)[i] == near


def one_edit(form, site, first, absent, rng):
    """An edit of a form that can be made at a site, whose first kind and absent kinds are given."""
    if form == "open":
        return Open(site=site, kinds=KINDS[: rng.integers(1, 5)], hours="Mo-Sa 08:00-20:00")
    if form == "move":
        return Move(site=site, longitude=float(rng.random()), latitude=float(rng.random()))
    if form == "add" and absent:
        return Add(site=site, kind=absent[0])
    if form == "remove":
        return Remove(site=site, kind=first)
    if form == "hours":
        return Hours(site=site, hours="Tu,Th 10:00-12:00")
    return Language(site=site, language="so") if form == "language" else Close(site=site)


def some_edits(town, services, rng, most=5):
    """Edits that can be made, of all forms."""
    ids, taken = town.times.site_id, np.unique(services.site)
    free = np.setdiff1d(np.arange(len(ids)), taken)
    made, used = [], set()
    for _ in range(most):
        form = rng.choice(["close", "open", "move", "hours", "language", "add", "remove"])
        j = int(rng.choice(free if form == "open" and len(free) else taken))
        here = services.site == j
        if j in used or (form == "open" and not len(free)):
            continue
        site, absent = str(ids[j]), [k for k in KINDS if k not in services.kind[here].tolist()]
        first = str(services.kind[here][0]) if here.any() else ""
        made.append(one_edit(form, site, first, absent, rng))
        used.add(j)
    return tuple(made)


def times_to(longitude, latitude):
    """Times to a new place: from the first third of 60 cells."""
    rng = np.random.default_rng(int(1e6 * longitude) + int(1e6 * latitude))
    return np.arange(20), rng.integers(0, 2700, 20)


@given(st.integers(0, 10_000))
def test_a_part_computed_anew_is_the_whole(seed):
    """Any edits: evaluated from the base, alone, in another order, and in other blocks: the same bytes."""
    rng = np.random.default_rng(seed)
    town = a_town(seed % 7)
    services = some_services(town, seed)
    base = Scenario(town=town, services=services, times_to=times_to)
    before = evaluate_scenario(base)
    edits = some_edits(town, services, rng)
    after = base.with_edits(*edits)
    other = replace(base, edits=edits[::-1])
    found = evaluate_scenario(after, before=before)
    whole = evaluate_scenario(after)

    assert same(whole, found)
    assert found.computed <= whole.computed
    assert same(whole, evaluate_scenario(other, before=before))
    assert same(whole, evaluate(*after.layout(), block=7))
    assert same(before, evaluate_scenario(after.without(*after.edits), before=found))


@given(st.integers(0, 10_000), st.integers(0, 7), st.booleans())
def test_closing_never_helps_and_opening_never_hurts(seed, site, opens):
    """Of any site: minutes, nearness, completeness and hours of the week go one way for every cell and group."""
    town = a_town(seed % 5)
    services = some_services(town, seed)
    name = str(town.times.site_id[site + 4 if opens else site])
    there = (services.site == site).any()
    edits = (Open(site=name, hours="Mo-Fr 08:00-20:00"),) if opens and not (services.site == site + 4).any() else ()
    edits = (Close(site=name),) if there and not opens else edits
    before = evaluate(town, services)
    after = evaluate_scenario(Scenario(town=town, services=services, edits=edits), before=before)
    worse, better = (before, after) if opens else (after, before)
    for group in town.groups:
        assert (worse.year_min(group) >= better.year_min(group)).all()
        assert (worse.near(group) <= better.near(group)).all()
        assert (worse.of(group).complete <= better.of(group).complete).all()
        assert (worse.of(group).week <= better.of(group).week + 1e-12).all()


def test_only_cells_that_reach_a_changed_site_are_computed():
    """Closing one of twelve sites, and another line through one cell."""
    town = a_town(limit=1200)
    services = some_services(town)
    before = evaluate(town, services)
    j = int(services.site[0])
    closed = evaluate_scenario(
        Scenario(town=town, services=services, edits=(Close(site=town.times.site_id[j]),)), before=before
    )
    reached = (town.times.site == j).sum()
    classes = sum(town.suitable(services, g)[services.site == j].any() for g in ("all", "new"))
    far, _ = seconds_between(np.random.default_rng(1), 60, 12)
    far[3] = far[3] // 2
    line = Scenario(town=town, services=services, line=times_within(far, 1200))
    faster = evaluate_scenario(line, before=before)

    assert closed.computed == reached * classes
    assert faster.computed == len(before.judged)
    assert same(faster, evaluate_scenario(line))
    assert (faster.year_min() <= before.year_min()).all()


def test_a_language_and_hours_reach_only_who_they_are_for():
    """A desk that speaks Arabic serves the new; a door that is closed at their free time serves nobody."""
    town = a_town(sites=1, limit=6000)
    services = replace(services_at([0] * 4, KINDS), languages=(frozenset(["de"]),) * 4)
    base = Scenario(town=town, services=services)
    spoken = evaluate_scenario(base.with_edits(Language(site="site-000", language="ar")))
    shut = evaluate_scenario(base.with_edits(Hours(site="site-000", hours="off")))

    assert evaluate_scenario(base).unserved("new").all()
    assert not spoken.unserved("new").any()
    assert shut.of("old").week.sum() == 0
    assert spoken.of("old").week.max() == 1


def test_closing_takes_referrals_along():
    """A desk that refers to a site that closes has nothing to refer to."""
    town = a_town(sites=3, limit=6000)
    services = replace(
        services_at([0, 1], ["doctor", "doctor"]), in_house=np.array([True, False]), refers_to=np.array([-1, 0])
    )
    made = Scenario(town=town, services=services, edits=(Close(site="site-000"),)).layout()[1]

    assert len(made.site) == 0


@pytest.mark.parametrize(
    "text",
    [
        "close=library-003", "open=a", "open=a:doctor,school", "open=a:doctor@Mo-Fr 08:00-16:00", "open=a:@24/7",
        "move=a:13.4,-52.5", 'move="osm:12":13.4,52.5', "hours=a:Mo-Fr 08:00-20:00; Sa off", "hours=a:24/7@doctor",
        "language=a:ar", "add=a:doctor", "remove=a:doctor",
    ],
)  # fmt: skip
def test_text_of_an_edit_goes_there_and_back(text):
    """What is read is written as it was."""
    assert text == str(parse_edit(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("library-003", "is no edit. Write close=ID"),
        ("close=", "no site is named"),
        ("close=a:b", "too much is said"),
        ("hours=a", "does not say what"),
        ("hours=a:Mo-Fr sunrise-18:00", "not understood: 'sunrise-18:00'"),
        ("open=a:doctor@whenever", "not understood"),
        ("move=a:13.4", "no longitude and latitude"),
        ("move=a:13.4,152", "outside"),
        ("add=a", "Write add=ID:KIND"),
    ],
)
def test_text_that_is_no_edit_is_refused(text, words):
    """The message quotes it and says how to write it."""
    with pytest.raises(SchemaError, match=words):
        parse_edit(text)


def test_unknown_edits_and_sites_are_named():
    """Near names are offered."""
    town = a_town()
    base = Scenario(town=town, services=some_services(town))

    with pytest.raises(UnknownNameError, match="Did you mean 'hours'"):
        parse_edit("hour=a")
    with pytest.raises(UnknownNameError, match="site-001"):
        base.with_edits(Close(site="site-0O1")).layout()
    assert set(FORMS) == {"close", "open", "move", "hours", "language", "add", "remove"}


def test_edits_that_contradict_or_change_nothing_are_refused():
    """Two hours, closed and changed, added and removed, open already, nothing there, undone without being made."""
    town = a_town()
    services = services_at([0, 0], ["doctor", "school"])
    base = Scenario(town=town, services=services)
    site = {"site": "site-000"}

    with pytest.raises(SchemaError, match="contradict"):
        in_order([Hours(**site, hours="24/7"), Hours(**site, hours="off")])
    with pytest.raises(SchemaError, match="contradict"):
        in_order([Close(**site), Language(**site, language="ar")])
    with pytest.raises(SchemaError, match="contradict"):
        in_order([Add(**site, kind="doctor"), Remove(**site, kind="doctor")])
    for edit, words in (
        (Open(**site), "open already"),
        (Add(**site, kind="doctor"), "offers 'doctor' already"),
        (Remove(**site, kind="office"), "no service of kind 'office'"),
        (Close(site="site-004"), "no service"),
        (Language(**site, language="ar"), "nobody said"),
        (Move(**site, longitude=0.0, latitude=0.0), "times_to"),
    ):
        with pytest.raises(SchemaError, match=words):
            base.with_edits(edit).layout()
    with pytest.raises(SchemaError, match="cannot be undone"):
        base.without(Close(**site))
    with pytest.raises(SchemaError, match="other cells or sites"):
        replace(base, line=town.times.within(60)).layout()


def test_towns_are_checked(four_cells):
    """Shapes, counts and groups; people come from cells, unknown ones as NaN."""
    town = a_town()
    ids = four_cells["cell_id"].to_numpy()
    times = replace(town.times.only(np.zeros(12, dtype=bool)), cell_id=ids, indptr=np.zeros(5, dtype=np.int64))

    assert town_of(four_cells, times, town.bundle, ["total", "a"]).persons[:, 1].tolist() == [10, 40, 2, 0]
    assert evaluate(town_of(four_cells, times, town.bundle, ["total"]), services_at([], [])).unserved().all()
    with pytest.raises(SchemaError, match="do not start from these cells"):
        town_of(four_cells, town.times, town.bundle, ["total"])
    with pytest.raises(SchemaError, match="a column by group"):
        replace(town, groups=("all",))
    with pytest.raises(SchemaError, match="at least 0"):
        replace(town, persons=town.persons - 100)
    with pytest.raises(UnknownNameError, match="group"):
        replace(town, speaks={"nobody": frozenset()})
    with pytest.raises(SchemaError, match="but the times have 12 sites"):
        evaluate(town, services_at([12], ["doctor"]))
