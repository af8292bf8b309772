"""Inequality by hand, by definition and by its laws: scale, replication, transfers, order, ties, bounds."""

from __future__ import annotations

import numpy as np
import pytest

from civigrid.kernels import inequality as unequal
from civigrid.kernels import poverty
from civigrid.kernels.inequality import kappa_of, lorenz, people_of

RELATIVE = {
    "gini": unequal.gini,
    "palma": unequal.palma,
    "theil_t": unequal.theil_t,
    "theil_l": unequal.theil_l,
    "atkinson_half": lambda p: unequal.atkinson(p, 0.5),
    "atkinson_1": lambda p: unequal.atkinson(p, 1.0),
    "atkinson_2": lambda p: unequal.atkinson(p, 2.0),
}
ABSOLUTE = {
    "kolm_goods": lambda p: unequal.kolm_pollak_index(p, 0.4, bads=False),
    "kolm_bads": lambda p: unequal.kolm_pollak_index(p, 0.4, bads=True),
}


def _one(function, values, weights=None, **more):
    """Value of one index of one draw and zone."""
    values = np.asarray(values, dtype=float)
    return float(function(people_of(values, np.ones(len(values)) if weights is None else weights, **more))[0, 0])


def test_two_points_have_their_analytic_values():
    """A share p has 1, the others x: each index has its closed form."""
    p, x = 0.3, 4.0
    mu = p + (1 - p) * x
    s = p / mu
    expected = {
        "gini": p - s,
        "palma": x / ((0.3 + 0.1 * x) / 0.4),
        "theil_t": s * np.log(1 / mu) + (1 - s) * np.log(x / mu),
        "theil_l": p * np.log(mu) + (1 - p) * np.log(mu / x),
        "atkinson_half": 1 - (p + (1 - p) * 2.0) ** 2 / mu,
        "atkinson_1": 1 - x ** (1 - p) / mu,
        "atkinson_2": 1 - 1 / (p + (1 - p) / x) / mu,
    }
    for name, function in RELATIVE.items():
        assert _one(function, [x, 1.0], [1 - p, p]) == pytest.approx(expected[name], abs=1e-12), name
    goods = -np.log(p * np.exp(-0.4) + (1 - p) * np.exp(-0.4 * x)) / 0.4
    bads = np.log(p * np.exp(0.4) + (1 - p) * np.exp(0.4 * x)) / 0.4

    assert _one(ABSOLUTE["kolm_goods"], [1.0, x], [p, 1 - p]) == pytest.approx(mu - goods)
    assert _one(ABSOLUTE["kolm_bads"], [1.0, x], [p, 1 - p]) == pytest.approx(bads - mu)


def test_all_pairs_give_the_same_gini_and_concentration():
    """Gini is the mean difference of all pairs by twice the mean; concentration is the definition with mid-ranks."""
    rng = np.random.default_rng(1)
    values, weights = rng.integers(0, 9, 60).astype(float), rng.integers(1, 50, 60).astype(float)
    by = rng.integers(0, 5, 60).astype(float)
    share = weights / weights.sum()
    mu = share @ values
    pairs = share @ np.abs(values[:, None] - values) @ share / (2 * mu)
    rank = np.array([share[by < b].sum() + share[by == b].sum() / 2 for b in by])
    defined = 2 * share @ ((values - mu) * (rank - 0.5)) / mu

    assert _one(unequal.gini, values, weights) == pytest.approx(pairs, abs=1e-13)
    assert _one(unequal.concentration, values, weights, by=by) == pytest.approx(defined, abs=1e-13)
    curve = lorenz(people_of(values, weights))
    area = 1 - np.sum(np.diff(curve.persons) * (curve.share[1:] + curve.share[:-1]))
    assert area == pytest.approx(pairs, abs=1e-13)


@pytest.mark.parametrize("name", [*RELATIVE, *ABSOLUTE])
def test_laws_of_every_index(name):
    """Equal values make none; replication and order change nothing; a transfer to the worse off lowers inequality."""
    function = {**RELATIVE, **ABSOLUTE}[name]
    rng = np.random.default_rng(2)
    values, weights = rng.gamma(2.0, 3.0, 40), rng.integers(1, 30, 40).astype(float)
    found = _one(function, values, weights)
    order = rng.permutation(40)
    poor, rich = np.argmin(values), np.argmax(values)
    moved = values.copy()
    moved[poor] += 0.01 / weights[poor]
    moved[rich] -= 0.01 / weights[rich]

    assert _one(function, np.full(3, 2.0)) == pytest.approx(1.0 if name == "palma" else 0.0, abs=1e-12)
    assert _one(function, np.tile(values, 3), np.tile(weights, 3)) == pytest.approx(found, abs=1e-12)
    assert _one(function, values, weights * 7) == pytest.approx(found, abs=1e-12)
    assert _one(function, values[order], weights[order]) == found
    assert _one(function, moved, weights) < found
    if name in RELATIVE:
        assert _one(function, values * 60, weights) == pytest.approx(found, abs=1e-12)
    else:
        assert _one(function, values + 60, weights) == pytest.approx(found, abs=1e-9)


def test_zeros_keep_their_weight_in_t_and_leave_l_undefined():
    """Half of all have nothing: T is ln 2, L is undefined, Atkinson is 1 from epsilon 1 on and not below."""
    values = [0.0, 0.0, 3.0, 3.0]

    assert _one(unequal.theil_t, values) == pytest.approx(np.log(2))
    assert np.isnan(_one(unequal.theil_l, values))
    assert _one(RELATIVE["atkinson_1"], values) == 1.0
    assert _one(RELATIVE["atkinson_2"], values) == 1.0
    assert _one(RELATIVE["atkinson_half"], values) == pytest.approx(0.5)
    assert all(np.isnan(_one(f, [0.0, 0.0])) for f in RELATIVE.values())


def test_palma_divides_a_cell_between_the_shares():
    """Thresholds fall inside cells: 40 % of 100 persons end in the second cell, 90 % in the third."""
    low, high = (float(v[0, 0]) for v in unequal.tail_means(people_of([1.0, 2.0, 3.0], [30.0, 30.0, 40.0]), 0.4, 0.1))

    assert low == pytest.approx((30 * 1 + 10 * 2) / 40)
    assert high == pytest.approx(3.0)


def test_ties_of_rank_do_not_depend_on_the_order_of_rows():
    """Cells of equal status share their ranks: whichever comes first, the indices are the same bytes."""
    values, by = np.array([1.0, 9.0, 4.0, 2.0]), np.array([1.0, 1.0, 1.0, 2.0])
    for function in (unequal.concentration, unequal.palma):
        found = {
            _one(function, values[list(o)], np.ones(4), by=by[list(o)])
            for o in ((0, 1, 2, 3), (1, 0, 2, 3), (3, 2, 1, 0))
        }
        assert len(found) == 1
    assert _one(unequal.concentration, values, by=np.ones(4)) == 0.0
    assert _one(unequal.palma, values, by=by) == pytest.approx(2.0 / (14 / 3))


def test_bounded_concentration_takes_theoretical_bounds():
    """Of a share everyone lacks or has, Erreygers of shortfalls mirrors that of attainments; Wagstaff too."""
    values, by = np.array([0.2, 0.4, 0.9]), np.array([1.0, 2.0, 3.0])
    concentration = _one(unequal.concentration, values, by=by)
    erreygers = _one(lambda p: unequal.erreygers(p, 0.0, 1.0), values, by=by)
    wagstaff = _one(lambda p: unequal.wagstaff(p, 0.0, 1.0), values, by=by)

    assert erreygers == pytest.approx(4 * 0.5 * concentration)
    assert wagstaff == pytest.approx(concentration / (1 - 0.5))
    assert _one(lambda p: unequal.erreygers(p, 0.0, 1.0), 1 - values, by=by) == pytest.approx(-erreygers)
    assert _one(lambda p: unequal.wagstaff(p, 0.0, 1.0), 1 - values, by=by) == pytest.approx(-wagstaff)
    assert _one(lambda p: unequal.erreygers(p, 1.0, 3.0), 2 * values + 1, by=by) == pytest.approx(erreygers)
    assert np.isnan(_one(lambda p: unequal.wagstaff(p, 0.0, 1.0), [1.0, 1.0], by=by[:2]))


def test_kolm_pollak_neither_overflows_nor_leaves_its_bounds():
    """Times of thousands of seconds with a large kappa: between the mean and the worst."""
    times = np.array([10.0, 3600.0, 90_000.0])
    bads = _one(lambda p: unequal.kolm_pollak(p, 2.0, bads=True), times)
    goods = _one(lambda p: unequal.kolm_pollak(p, 2.0, bads=False), times)

    assert times.mean() < bads < 90_000.0
    assert 10.0 < goods < times.mean()
    assert bads == pytest.approx(90_000 - np.log(3) / 2)
    assert kappa_of(np.array([2.0, 0.0]), np.array([1.0, 3.0]), 0.5) == 0.25
    assert np.isnan(kappa_of(np.zeros(2), np.ones(2), 1.0))
    assert np.isnan(_one(lambda p: unequal.kolm_pollak(p, float("nan"), bads=True), times))


def test_poverty_counts_below_or_above_the_threshold():
    """Who has exactly the threshold is not poor; of times, the poor are those above it."""
    people = people_of([0.0, 1.0, 2.0, 5.0], [1.0, 2.0, 3.0, 4.0])
    goods = [float(poverty.fgt(people, 2.0, a, bads=False)[0, 0]) for a in (0, 1, 2)]
    bads = [float(poverty.fgt(people, 2.0, a, bads=True)[0, 0]) for a in (0, 1, 2)]

    assert goods == pytest.approx([0.3, 0.2, 0.15])
    assert bads == pytest.approx([0.4, 0.6, 0.9])
    assert float(poverty.sufficiency(people, 2.0, bads=False)[0, 0]) == pytest.approx(0.7)
    assert float(poverty.sufficiency(people, 2.0, bads=True)[0, 0]) == pytest.approx(0.6)
    assert float(poverty.worst(people, bads=False)[0, 0]) == 0.0
    assert float(poverty.worst(people, bads=True)[0, 0]) == 5.0


def test_zones_and_draws_are_what_each_alone_would_give():
    """Many zones and weightings at once equal one zone and weighting at a time."""
    rng = np.random.default_rng(3)
    values, weights, zone = rng.gamma(2.0, 3.0, 90), rng.integers(0, 20, 90).astype(float), rng.integers(0, 4, 90)
    times = rng.exponential(size=(3, 90))
    people = people_of(values, weights, zone=zone).drawn(times)
    for function in {**RELATIVE, **ABSOLUTE}.values():
        found = function(people)
        for d in range(3):
            for z in range(4):
                alone = _one(function, values[zone == z], (weights * times[d])[zone == z])
                assert found[d, z] == pytest.approx(alone, abs=1e-12)


def test_parts_add_up_and_overlap_is_none_where_groups_do_not_overlap():
    """Theil's parts add up exactly; the residual of Gini is 0 for groups apart, and above 0 for groups mixed."""
    rng = np.random.default_rng(4)
    for apart in (True, False):
        group = np.repeat([0, 1, 2], 20)
        values = rng.uniform(0.1, 1.0, 60) + (group if apart else 0)
        weights = rng.integers(1, 9, 60).astype(float)
        people, whole = people_of(values, weights, zone=group), people_of(values, weights)
        persons, means = people.sums(), unequal.mean(people)
        for index, split in ((unequal.theil_t, poverty.theil_t_parts), (unequal.theil_l, poverty.theil_l_parts)):
            assert sum(split(persons, means, index(people)))[0] == pytest.approx(float(index(whole)[0, 0]), abs=1e-14)
        _, _, overlap = poverty.gini_parts(persons, means, unequal.gini(people), unequal.gini(whole)[:, 0])
        assert overlap[0] == pytest.approx(0.0, abs=1e-13) if apart else overlap[0] > 0.01


def test_a_group_with_nothing_adds_nothing_to_t():
    """A subgroup whose mean is 0 has no T of its own: within and between still add up."""
    people, whole = people_of([0.0, 0.0, 2.0, 4.0], np.ones(4), zone=np.array([0, 0, 1, 1])), [0.0, 0.0, 2.0, 4.0]
    within, between = poverty.theil_t_parts(people.sums(), unequal.mean(people), unequal.theil_t(people))

    assert (within + between)[0] == pytest.approx(_one(unequal.theil_t, whole))
    assert np.isnan(poverty.theil_l_parts(people.sums(), unequal.mean(people), unequal.theil_l(people))[1][0])


def test_what_is_not_known_is_refused():
    """Values that are not numbers, and weights below 0, are no input of an index."""
    with pytest.raises(ValueError, match="Leave out what is not known"):
        people_of([1.0, np.nan], [1.0, 1.0])
    with pytest.raises(ValueError, match="weights persons >= 0"):
        people_of([1.0, 2.0], [1.0, -1.0])
    assert _one(unequal.gini, [1.0, np.nan, 3.0], [1.0, 0.0, 1.0]) == 0.25


def test_linear_error_of_equal_weights_is_the_standard_error():
    """Of cells of one person each, the linearised error is s / sqrt(n); rows of a cell are drawn together."""
    values = np.array([1.0, 2.0, 4.0, 9.0])
    people = people_of(values, np.ones(4))
    twice = people_of(np.repeat(values, 2), np.full(8, 0.5))

    assert poverty.linear_error(people, people.values, people.row)[0] == pytest.approx(values.std(ddof=1) / 2)
    assert poverty.linear_error(twice, twice.values, twice.row // 2)[0] == pytest.approx(values.std(ddof=1) / 2)
    assert np.isnan(poverty.linear_error(people_of([1.0], [5.0]), np.ones(1), np.zeros(1, dtype=np.int64))[0])
