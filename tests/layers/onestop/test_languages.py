"""Languages: staff counted once, the worst-off first, interpreters slower."""

from dataclasses import replace

import numpy as np
import pytest

from civigrid.errors import SchemaError
from civigrid.layers.onestop.languages import (
    Interpreters,
    effective_capacity,
    share_staff,
    staff_by_site,
    understood,
)
from civigrid.layers.onestop.services import services_at

DE, AR, BOTH = frozenset({"de"}), frozenset({"ar"}), frozenset({"de", "ar"})


def test_capacity_alone_is_hours_by_the_share_that_shares_a_language():
    """Two pools at one site: 100 visits in German, 50 in German or Arabic; unknown languages are counted apart."""
    services = replace(
        services_at([0, 0, 0], ["doctor"] * 3),
        capacity=np.array([100.0, 50.0, 30.0]),
        languages=(DE, BOTH, frozenset()),
    )
    table = effective_capacity(services, {"new": [(AR, 0.6), (DE, 0.1)], "old": [(DE, 1.0)]}).set_index("group")

    assert table.loc["new", "effective"] == pytest.approx(100 * 0.1 + 50 * 0.7)
    assert table.loc["old", "effective"] == pytest.approx(150.0)
    assert table["unknown"].tolist() == [1, 1]
    assert understood([DE, BOTH], [(AR, 0.6), (BOTH, 0.2)]).tolist() == pytest.approx([0.2, 0.8])


def test_shared_staff_is_counted_once():
    """Groups that compete for one pool together never get more than it has, the worst-off first."""
    spoken = {"old": [(DE, 1.0)], "new": [(AR, 1.0)]}
    table = share_staff(np.array([60.0, 40.0]), [DE, BOTH], {"old": 100.0, "new": 100.0}, spoken).set_index("group")

    # only the second pool speaks Arabic; the first serves the old
    assert table.loc["new", "served"] == pytest.approx(40.0, rel=1e-6)
    assert table.loc["old", "served"] == pytest.approx(60.0, rel=1e-6)
    assert table["interpreted"].sum() == 0


def test_who_can_have_more_gets_it_after_the_worst_off():
    """Those limited by language do not hold back the others."""
    spoken = {"a": [(DE, 1.0)], "b": [(AR, 0.25)], "c": [(DE, 1.0)]}
    table = share_staff(np.array([90.0]), [BOTH], {"a": 100.0, "b": 40.0, "c": 20.0}, spoken).set_index("group")

    # b has ten at most, a quarter; a and c share the eighty that are left alike
    np.testing.assert_allclose(table["share"], [2 / 3, 0.25, 2 / 3], rtol=1e-6)


def test_interpreters_take_twice_as_long():
    """With interpreters nobody is shut out, but each such visit takes two."""
    spoken = {"old": [(DE, 1.0)], "new": [(AR, 1.0)]}
    wanted = {"old": 30.0, "new": 30.0}
    without = share_staff(np.array([60.0]), [DE], wanted, spoken)
    with_them = share_staff(np.array([60.0]), [DE], wanted, spoken, interpreters=Interpreters(slower=2.0))
    few = share_staff(np.array([60.0]), [DE], wanted, spoken, interpreters=Interpreters(slower=2.0, visits=5.0))

    assert without["served"].tolist() == pytest.approx([30.0, 0.0])
    assert with_them["served"].tolist() == pytest.approx([20.0, 20.0], rel=1e-6)
    assert with_them["interpreted"].tolist() == pytest.approx([0.0, 20.0], rel=1e-6)
    assert few["served"].tolist() == pytest.approx([30.0, 5.0], rel=1e-6)


def test_random_pools_keep_the_laws():
    """Nobody gets more than wanted or than could be had alone, all pools together not more than they have."""
    rng = np.random.default_rng(0)
    for _ in range(10):
        pools = [
            frozenset(rng.choice(["de", "ar", "tr"], rng.integers(1, 4), replace=False).tolist()) for _ in range(4)
        ]
        capacity = rng.integers(0, 100, 4).astype(float)
        spoken = {g: [(frozenset({tongue}), 0.9)] for g, tongue in zip("xyz", ("de", "ar", "tr"), strict=True)}
        demand = {g: float(rng.integers(0, 150)) for g in "xyz"}
        table = share_staff(capacity, pools, demand, spoken)
        alone = [capacity[[bool(spoken[g][0][0] & p) for p in pools]].sum() for g in "xyz"]
        tight = 1 + 1e-6

        assert (table["served"] <= np.minimum(table["demand"] * 0.9, alone) * tight + 1e-6).all()
        assert table["served"].sum() <= capacity.sum() * tight
        everyone = share_staff(capacity, pools, demand, {g: [(frozenset({"de", "ar", "tr"}), 1.0)] for g in "xyz"})
        total = min(capacity.sum(), everyone["demand"].sum())
        assert everyone["served"].sum() == pytest.approx(total, rel=1e-5, abs=1e-5)


def test_unknown_capacities_and_languages_are_refused():
    """What nobody knows cannot be shared out."""
    with pytest.raises(SchemaError, match="must be known"):
        share_staff(np.array([np.nan]), [DE], {"a": 1.0}, {"a": [(DE, 1.0)]})
    with pytest.raises(SchemaError, match="no languages are given for a"):
        share_staff(np.array([1.0]), [DE], {"a": 1.0}, {})
    with pytest.raises(SchemaError, match="must be 1 or more"):
        Interpreters(slower=0.5)


def test_sites_share_out_their_own_staff():
    """Each site serves who comes to it; pools for some serve no others, and unknown ones nobody."""
    services = replace(
        services_at([0, 0, 1], ["doctor"] * 3),
        capacity=np.array([30.0, 20.0, np.nan]),
        languages=(BOTH, BOTH, BOTH),
        eligible=(frozenset(), frozenset({"new"}), frozenset()),
    )
    spoken = {"old": [(DE, 1.0)], "new": [(AR, 1.0)]}
    demand = {"old": np.array([[40.0], [5.0]]), "new": np.array([[20.0], [0.0]])}
    table = staff_by_site(services, ["doctor"], demand, spoken).set_index(["site", "group"])

    # twenty places for newcomers alone: the other thirty go to the old
    assert table.loc[(0, "new"), "served"] == pytest.approx(20.0, rel=1e-6)
    assert table.loc[(0, "old"), "served"] == pytest.approx(30.0, rel=1e-6)
    assert table.loc[(1, "old"), ["served", "unknown"]].tolist() == [0.0, 1]
    assert staff_by_site(services, ["doctor"], {}, spoken).empty
