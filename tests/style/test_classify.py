"""Classes: exact against mapclassify and brute force, people as weights, one set for comparisons, and no stigma."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from civigrid.errors import CivigridError
from civigrid.kernels.breaks import distinct_values, head_tail_breaks, natural_breaks, weighted_quantiles
from civigrid.style import classify
from civigrid.style.classes import shared_classes
from civigrid.style.guard import PaletteError
from civigrid.style.methods import NAMES, breaks_by
from civigrid.types import Column

PERSONS = Column(long_name="Residents")
MINUTES = Column(kind="intensive", units="min", long_name="Minutes", weight="residents")
SHARE = Column(kind="intensive", units="1", long_name="Share: A", weight="residents")
INDEX = Column(kind="intensive", units="1", long_name="Entropy", weight="residents")


def squares(values, weight, ends):
    """Weighted squares about the means of the classes that end at `ends`."""
    where = np.searchsorted(ends, values)
    means = np.bincount(where, values * weight) / np.bincount(where, weight)
    return float(np.sum(weight * (values - means[where]) ** 2))


@given(
    st.lists(st.integers(-30, 30), min_size=1, max_size=9),
    st.integers(1, 5),
    st.lists(st.integers(1, 9), min_size=9, max_size=9),
)
def test_natural_breaks_are_the_best_of_all_partitions(numbers, k, masses):
    """No partition of the distinct values into k runs has a smaller sum of weighted squares."""
    values, weight = np.array(numbers, dtype=float), np.array(masses[: len(numbers)], dtype=float)
    found = natural_breaks(values, k, weight)
    distinct = np.unique(values)
    k = min(k, len(distinct))
    best = min(
        squares(values, weight, np.array([*(distinct[i - 1] for i in cut), distinct[-1]]))
        for cut in combinations(range(1, len(distinct)), k - 1)
    )

    assert len(found) == k
    assert found[-1] == distinct[-1]
    assert squares(values, weight, found) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("k", [2, 3, 5, 7])
@pytest.mark.parametrize("draw", ["lognormal", "whole", "normal"])
def test_natural_breaks_equal_mapclassify(k, draw):
    """The same breaks as mapclassify.FisherJenks, unweighted."""
    mapclassify = pytest.importorskip("mapclassify", reason="mapclassify, the peer, is not installed")
    rng = np.random.default_rng(k)
    values = {"lognormal": rng.lognormal(2, 1, 400), "normal": rng.normal(0, 1, 400)}.get(
        draw, np.rint(rng.lognormal(3, 1, 400))
    )

    assert natural_breaks(values, k).tolist() == mapclassify.FisherJenks(values, k).bins.tolist()


def test_weights_are_repetitions():
    """A value of weight 3 counts as if it stood there three times; no weight, no say."""
    rng = np.random.default_rng(0)
    values, times = np.rint(rng.lognormal(3, 1, 300)), rng.integers(0, 5, 300)
    repeated = np.repeat(values, times)

    assert natural_breaks(values, 5, times.astype(float)).tolist() == natural_breaks(repeated, 5).tolist()
    q = np.linspace(0.05, 0.95, 7)
    assert weighted_quantiles(values, q, times.astype(float)).tolist() == weighted_quantiles(repeated, q).tolist()
    assert weighted_quantiles(repeated, q).tolist() == np.quantile(repeated, q, method="inverted_cdf").tolist()
    assert head_tail_breaks(values, times.astype(float)).tolist() == pytest.approx(head_tail_breaks(repeated).tolist())


def test_head_tail_breaks_equal_mapclassify():
    """The same means as mapclassify as far as heads stay a minority, which it does not ask for."""
    mapclassify = pytest.importorskip("mapclassify", reason="mapclassify, the peer, is not installed")
    values = np.random.default_rng(2).pareto(1.2, 3000)
    theirs = mapclassify.HeadTailBreaks(values).bins
    ours = head_tail_breaks(values)

    assert len(ours) >= 3
    assert ours.tolist() == pytest.approx(theirs[: len(ours)].tolist())
    assert len(head_tail_breaks(np.arange(100.0))) == 1


@pytest.mark.parametrize("values", [[], [np.nan], [3.0], [2.0, 2.0], [np.nan, np.inf, 1.0, -np.inf]])
def test_kernels_take_whatever_comes(values):
    """Empty, missing, one, equal, infinite: no fault, and no more classes than values."""
    values = np.array(values)
    some = np.unique(values[np.isfinite(values)])

    assert natural_breaks(values, 5).tolist() == some.tolist()
    assert head_tail_breaks(values).tolist() == []
    assert distinct_values(values)[0].tolist() == some.tolist()
    assert np.isnan(weighted_quantiles(values, np.array([0.5]))).all() == (len(some) == 0)


@pytest.mark.parametrize("by", [n for n in NAMES if n not in ("manual", "policy")])
@pytest.mark.parametrize("about", [PERSONS, MINUTES, SHARE, INDEX])
@pytest.mark.parametrize("case", ["empty", "missing", "one", "equal", "two", "huge", "zeros", "skewed", "signed"])
def test_every_way_gives_sound_classes(by, about, case):
    """Breaks rise, each value has a class, labels and colours are as many; whatever the values."""
    rng = np.random.default_rng(5)
    values = {
        "empty": [], "missing": [np.nan] * 3, "one": [0.3], "equal": [0.5] * 9, "two": [0.0, 0.5, np.nan],
        "huge": rng.random(50) * 1e15, "zeros": np.zeros(20), "skewed": rng.pareto(1.0, 500),
        "signed": rng.normal(size=300),
    }[case]  # fmt: skip
    values = np.array(values, dtype=float)
    found = classify(values, about, name="v", by=by, weight=np.ones(len(values)))

    assert list(found.breaks) == sorted(set(found.breaks))
    assert len(found.labels) == len(found.colors) == len(found.breaks) + 1 + int(found.zero)
    assert ((found.of(values) >= 0) == np.isfinite(values)).all()
    assert found.of(values).max(initial=0) < len(found.labels)


def test_natural_classes_are_cut_at_round_numbers_that_change_nothing():
    """Each value lies in the class of the exact optimum, and breaks have few digits."""
    values = np.random.default_rng(7).lognormal(5, 1.5, 2000)
    found = classify(values, MINUTES, by="natural")
    exact = natural_breaks(values, 5)

    assert (found.of(values) == np.searchsorted(exact, values)).all()
    assert all(len(f"{b:.15g}".rstrip("0").replace(".", "")) <= 3 for b in found.breaks)


def test_quantiles_of_people_differ_from_those_of_cells():
    """With weights the classes hold equal numbers of people."""
    values = np.arange(1.0, 1001.0)
    weight = np.where(values > 900, 100.0, 1.0)
    cells, people = (classify(values, INDEX, by="quantile", weight=w, n=4) for w in (None, weight))
    mass = np.bincount(people.of(values), weights=weight)

    assert cells.breaks == (250.0, 500.0, 750.0)
    assert np.abs(mass / mass.sum() - 0.25).max() < 0.15
    assert min(people.breaks) > 800


def test_around_is_centred_on_the_people_and_symmetric():
    """The centre is the mean of the people; breaks mirror; the middle colour stays in the middle."""
    rng = np.random.default_rng(3)
    values, weight = rng.normal(20, 5, 500), rng.random(500)
    mean = float(f"{np.average(values, weights=weight):.3g}")
    five, four = (classify(values, MINUTES, by="around", weight=weight, n=n) for n in (5, 4))

    assert [b - mean for b in five.breaks] == pytest.approx([mean - b for b in five.breaks[::-1]])
    assert four.breaks[1] == mean
    assert five.scheme == "around"
    skewed = classify(np.r_[np.full(90, 1.0), np.linspace(1, 9, 10)], INDEX, by="around", breaks=(2.0,), n=5)
    full = classify(np.linspace(-10, 14, 50), INDEX, by="around", breaks=(2.0,), n=5)
    assert len(skewed.breaks) < 4
    middle = full.colors[2]
    assert middle == skewed.colors[int(skewed.of(np.array([2.0]))[0])]
    assert skewed.on("dark").colors != skewed.colors


def test_deviation_and_policy_have_their_breaks():
    """Whole standard deviations about the mean; the thresholds of plans as they stand."""
    values = np.random.default_rng(1).normal(50, 10, 4000)
    mean, spread = values.mean(), values.std()
    found = classify(values, INDEX, by="deviation", n=4).breaks

    assert found == pytest.approx((mean - spread, mean, mean + spread), rel=1e-2)
    assert classify(values, MINUTES, by="policy").breaks == (5.0, 10.0, 15.0, 30.0, 45.0)
    assert classify(values, Column(kind="intensive", units="m"), by="policy").breaks[0] == 300
    with pytest.raises(CivigridError, match="no policy thresholds are known for units '1'"):
        classify(values, INDEX, by="policy")


def test_compared_values_share_their_classes():
    """One call for several years gives the classes of all together; each alone would differ."""
    rng = np.random.default_rng(9)
    years = [rng.lognormal(2, 1, 300), rng.lognormal(3, 1, 200)]
    shared = shared_classes(years, INDEX, by="natural")

    assert shared == classify(np.concatenate(years), INDEX, by="natural")
    assert shared != classify(years[0], INDEX, by="natural")
    weights = [np.ones(300), np.full(200, 5.0)]
    assert shared_classes(years, INDEX, weights=weights, by="quantile") != shared_classes(years, INDEX, by="quantile")
    with pytest.raises(CivigridError, match="no values to compare"):
        shared_classes([], INDEX)


@pytest.mark.parametrize("by", ["auto", "quantile", "natural", "head-tail", "deviation", "around"])
def test_no_class_of_a_group_begins_at_30_or_50_percent(by):
    """Whatever way, unless the user says so; what moved is told, and classes still rise."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        values = np.round(rng.choice([0.1, 0.28, 0.29, 0.3, 0.31, 0.5, 0.52, 0.7, 0.9], 400), 2)
        values[: seed * 20] = 0.3
        found = classify(values, SHARE, name="share_a", by=by)

        assert not any(np.isclose(b, s) for b in found.breaks for s in (0.3, 0.5))
        assert all(a < b for a, b in pairwise(found.breaks))


def test_what_was_moved_is_said_and_manual_is_obeyed():
    """A quantile at 30 % moves to 31 % with a sentence; manual stays; services are no stigma."""
    values = np.repeat([0.1, 0.3, 0.31, 0.4, 0.6, 0.65, 0.8, 0.9, 0.95], [20, 20, 1, 20, 1, 20, 1, 20, 1])
    found = classify(values, SHARE, name="share_a")
    given = classify(values, SHARE, name="share_a", breaks=(0.3, 0.5))

    assert 0.3 not in found.breaks
    assert found.notes == ("No class begins at 30 % of a group: the break was moved to 31 %.",)
    assert given.breaks == (0.3, 0.5)
    assert given.notes == ()
    place = classify(values, SHARE, name="share_at_one_place")
    assert 0.3 in place.breaks


def test_few_values_of_a_share_keep_their_classes():
    """Halves and thirds as classes of their own: cut between values, not at 50 %."""
    values = np.array([0.25, 0.5, 0.75, 0.5, 0.25])
    found = classify(values, SHARE, name="share_a")

    assert found.labels == ("25 %", "50 %", "75 %")
    assert found.of(values).tolist() == [0, 1, 2, 1, 0]
    assert 0.5 not in found.breaks


def test_zero_of_a_group_is_a_class():
    """Nobody of the group is told apart from a few, in white."""
    values = np.r_[np.zeros(50), np.linspace(0.01, 0.9, 200), np.nan]
    found = classify(values, SHARE, name="share_a")

    assert found.zero
    assert found.labels[0] == "0 %"
    assert found.colors[0] == "#ffffff"
    assert found.of(values)[[0, -1]].tolist() == [0, -1]


def test_people_are_never_red():
    """A red scheme is refused for people and their shares, and passes for places."""
    values = np.linspace(0, 1, 100)
    for about, name in ((PERSONS, "v"), (SHARE, "share_a")):
        with pytest.raises(PaletteError, match="draws people in red"):
            classify(values * 100 if about is PERSONS else values, about, name=name, scheme="lajolla")
    assert classify(values * 60, MINUTES, scheme="lajolla").scheme == "lajolla"
    with pytest.raises(PaletteError, match="'jet' is not used"):
        classify(values, MINUTES, scheme="jet")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": "nice"}, "unknown way to choose breaks 'nice'"),
        ({"by": "quantile", "n": 1}, "2 to 7 classes, got n = 1"),
        ({"by": "natural", "n": 12}, "2 to 7 classes, got n = 12"),
        ({"by": "manual"}, "manual classes need breaks"),
        ({"breaks": (3, 2)}, "must be finite and rise, got 3, 2"),
        ({"breaks": (1, np.nan)}, "must be finite and rise"),
        ({"breaks": range(9)}, "9 breaks make 10 classes"),
        ({"lang": "xx"}, "unknown language 'xx'"),
    ],
)
def test_wrong_wishes_are_named(options, words):
    """Each wrong option says what it got and what is possible."""
    with pytest.raises(CivigridError, match=words):
        classify(np.linspace(1, 50, 60), INDEX, **options)


def test_percent_for_a_share_is_explained():
    """15 for 15 % is refused with how to write it."""
    with pytest.raises(CivigridError, match=r"write 0\.15 for 15 %"):
        classify(np.linspace(0, 1, 50), SHARE, name="share_a", breaks=(5, 15))


def test_labels_are_german_on_request():
    """Words and decimal commas."""
    values = np.linspace(0.5, 2500, 300)
    found = classify(values, INDEX, breaks=(1.5, 1000), lang="de")

    assert found.labels == ("0,5 bis 1,5", "1,5 bis 1.000", "1.000 und mehr")


def test_a_way_takes_only_what_it_can():
    """Breaks of nothing are none."""
    assert breaks_by("natural", np.array([]), None, 5, INDEX, "v", None) == ()
