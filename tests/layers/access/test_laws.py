"""Laws that hold for many measures at once: closing never helps, no order matters, empty towns are defined."""

import numpy as np
import pytest
from towns_of_access import close, random_times, random_town

from civigrid.layers.access import AccessOptions, market, measure_access, weighted
from civigrid.layers.access.decay import Binary, Gaussian
from civigrid.layers.access.measures import MEASURES
from civigrid.layers.access.sources import SOURCES
from civigrid.travel_times import times_of_pairs

NEVER_BETTER = (
    "nearest", "dual", "balancing_time", "cumulative", "interval", "logsum", "gravity", "2sfca", "m2sfca", "bfca",
    "availability", "availability_per_person", "raam",
)  # fmt: skip
"""Closing a site never helps anyone."""


@pytest.mark.parametrize("name", NEVER_BETTER)
def test_closing_a_site_never_helps(name):
    """For each site: no cell is better off without it.  For RAAM the mean crowding is held, to the gap."""
    town = random_town(Gaussian(15.0), seed=5)
    options = AccessOptions(wanted=20.0, alpha=1.2, rho=50.0, gap=1e-9, tau_min=20.0)
    before = measure_access(town, [name], options)[name].of()
    sign = 1 if MEASURES[name].better == "higher" else -1
    for site in range(len(town.site_id)):
        after = measure_access(close(town, site), [name], options)[name].of()
        worst = -np.inf if sign == 1 else np.inf
        gained = (
            sign * np.where(np.isnan(after), worst, after) > sign * np.where(np.isnan(before), worst, before) + 1e-5
        )

        assert not gained.any()


@pytest.mark.parametrize("name", ["3sfca", "total_constrained"])
def test_closing_a_site_can_help_where_weights_are_shares(name):
    """Not monotone, and not declared so: a selection weight sends people to a site that is hard to reach."""
    town = random_town(Gaussian(15.0), seed=5)
    before = measure_access(town, [name])[name].of()
    gained = [np.any(measure_access(close(town, j), [name])[name].of() > before + 1e-9) for j in range(11)]

    assert any(gained)
    assert "never falls" not in MEASURES[name].invariants


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_no_order_of_sites_or_pairs_changes_a_bit(name):
    """Sites and pairs mixed: the same bytes for every measure."""
    times = random_times(2)
    rng = np.random.default_rng(9)
    people, supply = rng.integers(1, 90, len(times.cell_id)).astype(float), rng.integers(1, 40, 12).astype(float)
    new = rng.permutation(12)
    mixed = times_of_pairs(
        times.cell_id, times.site_id[np.argsort(new)], times.rows()[::-1], new[times.site][::-1], times.seconds[::-1],
        limit_s=times.limit_s, mode=times.mode,
    )  # fmt: skip
    place = [times.site_id.tolist().index(s) for s in mixed.site_id.tolist()]
    one = market(weighted(times, Gaussian(12.0)), people, supply)
    other = market(weighted(mixed, Gaussian(12.0)), people, supply[place])

    found, again = (measure_access(t, [name])[name] for t in (one, other))
    assert found.value.tobytes() == again.value.tobytes()
    for key, value in found.at_site.items():
        assert value.tobytes() == again.at_site[key].tobytes()


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_every_measure_is_declared_in_full(name):
    """Title, formula, source and invariants; advice where its critics give it."""
    measure = MEASURES[name]

    assert measure.source in SOURCES
    assert all((measure.title, measure.formula, measure.invariants, measure.units))
    assert bool(measure.advice) == (name in ("3sfca", "3sfca_huff", "m2sfca"))
    assert all(hasattr(AccessOptions(), option) for option in measure.uses)


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_empty_towns_have_defined_values(name):
    """No pairs, no people, no supply: zeros or NaN, never an error or a warning."""
    none = times_of_pairs(
        np.array([1, 2], dtype=np.uint64), np.array(["a"]), np.zeros(0, dtype=int), np.zeros(0, dtype=int),
        np.zeros(0, dtype=int), limit_s=3600, mode="walk",
    )  # fmt: skip
    some = times_of_pairs(
        np.array([1, 2], dtype=np.uint64), np.array(["a"]), np.array([0]), np.array([0]), np.array([60]),
        limit_s=3600, mode="walk",
    )  # fmt: skip
    for times, people, supply in ((none, [5.0, 5.0], [3.0]), (some, [0.0, 0.0], [3.0]), (some, [5.0, 5.0], [0.0])):
        town = market(weighted(times, Binary(30.0)), np.array(people), np.array(supply))
        value = measure_access(town, [name])[name].of()

        assert value.shape == (2,)
        assert np.isfinite(value[1]) == (MEASURES[name].weighs and value[1] == 0) or name in (
            "cumulative",
            "interval",
            "unmet",
        )
