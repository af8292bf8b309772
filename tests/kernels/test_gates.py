"""Identities that every index keeps, on tables with empty cells, one cell or group, ties, huge and partial counts."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from civigrid.kernels import decomposition, shapley
from civigrid.kernels.gini import gini
from civigrid.kernels.permutation import fixed_margins
from civigrid.kernels.random_allocation import chance_of, expected_gini
from civigrid.kernels.zones import zones_of
from civigrid.layers.segregation.indices import INDICES, with_parameters
from civigrid.layers.segregation.measured import of_target, targets

PERSONS = st.one_of(
    st.just(0.0),
    st.integers(1, 9).map(float),
    st.sampled_from([1e9, 999_999_999.0, 123_456_789.0, 0.25, 0.1, 1e-3]),
)
TABLES = st.tuples(st.integers(1, 9), st.integers(2, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=PERSONS)
)
EVENNESS = [n for n, i in INDICES.items() if i.correction in ("squares", "rescaled")]
NOMINAL = [n for n, i in INDICES.items() if i.groups != "ordered"]


def inhabited(n):
    return n[n.sum(axis=1) > 0]


def every(n, names=tuple(INDICES), around=None):
    """Each index for whomever it is about: {(index, groups): value}."""
    lived = n.sum(axis=1) > 0
    rows = zones_of(n[lived], None if around is None else around[lived])
    groups = [f"g{k}" for k in range(n.shape[1])]
    found = {}
    for name in names:
        value, _ = with_parameters(INDICES[name])
        for target in targets(INDICES[name], groups):
            pair = {"a": target.first, "b": target.second} if INDICES[name].groups == "pairs" else {}
            some = of_target(INDICES[name], rows, target)
            found[name, target.groups] = float(value(some, **pair).estimate[0])
    return found


def same(found, expected, tolerance=1e-9):
    """Equal, and NaN for the same indices."""
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=tolerance, abs=tolerance, nan_ok=True), key


@given(TABLES)
def test_exposure_information_and_bounds(n):
    """Exposures sum to 1; V of isolation; H = M / E; divergence = M; D <= G <= 1; MinMax of D; Gorard's of D."""
    assume(len(inhabited(n)))
    v, groups = every(n), [f"g{k}" for k in range(n.shape[1])]
    for k, g in enumerate(groups):
        share = n[:, k].sum() / n.sum()
        if share == 0:
            assert np.isnan(v["isolation", g])
            continue
        assert sum(v["exposure", f"{g}->{h}"] for h in groups) == pytest.approx(1, abs=1e-12)
        assert v["isolation", g] + v["interaction", g] == pytest.approx(1, abs=1e-12)
        assert v["exposure", f"{g}->{g}"] == pytest.approx(v["isolation", g], abs=1e-12)
        if not 1e-6 < share < 1 - 1e-6:
            continue
        assert v["V", g] == pytest.approx((v["isolation", g] - share) / (1 - share), abs=1e-9)
        assert -1e-12 <= v["D", g] <= v["G", g] + 1e-9 <= 1 + 2e-9
        assert v["minmax", g] == pytest.approx(2 * v["D", g] / (1 + v["D", g]), abs=1e-12)
        assert v["gorard", g] == pytest.approx(v["D", g] * (1 - share), abs=1e-9)
    whole = "|".join(groups)
    assert v["divergence", whole] == pytest.approx(v["M", whole], abs=1e-12)
    if v["E", whole] > 1e-6:
        assert v["H_multi", whole] == pytest.approx(v["M", whole] / v["E", whole], abs=1e-9)
    of_groups = sum(n[:, k].sum() / n.sum() * v["L_g", g] for k, g in enumerate(groups) if n[:, k].sum() > 0)
    assert of_groups == pytest.approx(v["M", whole], abs=1e-9)


@given(TABLES)
def test_mutual_information_is_symmetric_and_sums_over_units(n):
    """M of units and groups is M of groups and units, and the mean over persons of each unit's local segregation."""
    n = inhabited(n)[:, n.sum(axis=0) > 0] if len(inhabited(n)) else n[:0]
    assume(n.size)
    levels = decomposition.pyramid(n, [np.zeros(len(n), dtype=np.int64)])
    found = decomposition.term(levels, 0, 1, decomposition.whole_of(levels).surprise)
    expected = shapley.mutual_information(n)

    assert shapley.mutual_information(n.T) == pytest.approx(expected, abs=1e-12)
    assert n.sum(axis=1) / n.sum() @ found.divergence == pytest.approx(expected, abs=1e-12)
    assert found.estimate[0] == pytest.approx(expected, abs=1e-12)


@given(TABLES, st.integers(0, 10_000))
def test_between_and_within_make_the_whole(n, seed):
    """M, H (areas weighted by their persons and entropies) and divergence split into between and within areas."""
    n = inhabited(n)
    assume(len(n))
    area = np.random.default_rng(seed).integers(0, 3, len(n))
    parts = [n[area == k] for k in np.unique(area)]
    between = np.stack([p.sum(axis=0) for p in parts])
    whole, v = "|".join(f"g{k}" for k in range(n.shape[1])), every(n, ("M", "H_multi", "divergence", "E"))
    inside = [every(p, ("M", "H_multi", "divergence", "E")) for p in parts]
    weight = between.sum(axis=1) / n.sum()
    for name in ("M", "divergence"):
        split = every(between, (name,))[name, whole] + weight @ [p[name, whole] for p in inside]
        assert split == pytest.approx(v[name, whole], abs=1e-12)
    if v["E", whole] > 1e-3:
        ratio = weight * [p["E", whole] for p in inside] / v["E", whole]
        # an area of one group has no H, and no weight
        own = np.nan_to_num([p["H_multi", whole] for p in inside])
        split = every(between, ("H_multi",))["H_multi", whole] + ratio @ own
        assert split == pytest.approx(v["H_multi", whole], abs=1e-9)


@given(TABLES, st.integers(0, 10_000))
def test_what_changes_nothing(n, seed):
    """Shuffled rows, empty cells, a cell split in proportion, everyone c times over, a group without people."""
    assume(len(inhabited(n)) and (n.sum(axis=0) > 1e-6 * n.sum()).all())
    rng = np.random.default_rng(seed)
    expected = every(n)
    split = np.concatenate([0.25 * n[:1], n[1:], 0.75 * n[:1]])
    for other in (rng.permutation(n), np.insert(n, 0, 0.0, axis=0), split, 8.0 * n, n / 8):
        same(every(other), expected)
    more = every(np.concatenate([n, 0 * n[:, :1]], axis=1), tuple(NOMINAL))
    alone = f"g{n.shape[1]}"
    kept = {k: v for k, v in more.items() if alone not in k[1].split("->") and "|" not in k[1]}
    same(kept, {k: expected[k] for k in kept})
    for (name, groups), value in more.items():
        if "|" in groups:
            whole = "|".join(f"g{k}" for k in range(n.shape[1]))
            assert value == pytest.approx(expected[name, whole], rel=1e-9, abs=1e-9, nan_ok=True), name


@given(TABLES, st.integers(0, 10_000))
def test_names_of_groups_do_not_matter(n, seed):
    """Groups in another order: the same value for all together, and each group takes its own along."""
    assume(len(inhabited(n)) and (n.sum(axis=0) > 1e-6 * n.sum()).all())
    order = np.random.default_rng(seed).permutation(n.shape[1])
    found, expected = every(n[:, order], tuple(NOMINAL)), every(n, tuple(NOMINAL))
    back = {f"g{new}": f"g{old}" for new, old in enumerate(order)}
    for (name, groups), value in found.items():
        before = "|".join(sorted(back.values())) if "|" in groups else "->".join(back[g] for g in groups.split("->"))
        assert value == pytest.approx(expected[name, before], rel=1e-9, abs=1e-9, nan_ok=True), (name, groups)


@given(TABLES)
def test_two_of_several_groups_are_the_two_group_index(n):
    """Of two groups, every index of all groups is the one of a group against everyone else."""
    n = n[:, :2]
    assume(len(inhabited(n)) and (n.sum(axis=0) > 1e-6 * n.sum()).all())
    v = every(n)
    for several, two in (("D_multi", "D"), ("G_multi", "G"), ("H_multi", "H"), ("R", "V"), ("C", "V"), ("P", "V")):
        assert v[several, "g0|g1"] == pytest.approx(v[two, "g0"], abs=1e-9), several
    for ordered, two in (("ordinal_H", "H"), ("ordinal_R", "V"), ("ordinal_S", "hutchens")):
        assert v[ordered, "g0|g1"] == pytest.approx(v[two, "g0"], abs=1e-9), ordered
    for name in ("D", "G", "H", "V", "hutchens", "minmax"):
        assert v[name, "g0"] == pytest.approx(v[name, "g1"], abs=1e-9), name


@given(TABLES)
def test_everyone_around_everyone_is_even(n):
    """Where all see the whole, every index of evenness is 0, and one meets each group by its share."""
    assume(len(inhabited(n)) and (n.sum(axis=0) > 1e-6 * n.sum()).all())
    whole = np.broadcast_to(n.sum(axis=0), n.shape).copy()
    share = n.sum(axis=0) / n.sum()
    for (name, groups), value in every(n, around=whole).items():
        if name in EVENNESS or name in ("M", "divergence", "L_g"):
            assert value == pytest.approx(0, abs=1e-6), name
        elif name == "exposure":
            assert value == pytest.approx(share[int(groups[-1])], abs=1e-9)
        elif name in ("isolation", "interaction"):
            own = share[int(groups[-1])]
            assert value == pytest.approx(own if name == "isolation" else 1 - own, abs=1e-9)


@given(TABLES)
def test_gini_is_that_of_all_pairs(n):
    """Gini by sorting equals the mean difference of all pairs of cells, whatever the ties."""
    n = inhabited(n)
    assume(len(n) and (n.sum(axis=0) > 1e-6 * n.sum()).all())
    t, p = n.sum(axis=1), n / n.sum(axis=1, keepdims=True)
    whole = n.sum(axis=0) / n.sum()
    apart = np.abs(p[:, None] - p).sum(axis=2)
    expected = t @ apart @ t / (2 * n.sum() ** 2 * (whole * (1 - whole)).sum())

    assert gini(zones_of(n)).estimate[0] == pytest.approx(expected, abs=1e-9)


@given(TABLES)
def test_expectations_stand_between_nothing_and_everything(n):
    """What is expected of chance is finite where the index is, and lies between even and complete segregation."""
    n = inhabited(n)
    assume(len(n) and (n.sum(axis=0) > 1e-6 * n.sum()).all())
    rows, groups = zones_of(n), [f"g{k}" for k in range(n.shape[1])]
    for name, index in INDICES.items():
        value, expected = with_parameters(index)
        if expected is None:
            continue
        for target in targets(index, groups):
            pair = {"a": target.first, "b": target.second} if index.groups == "pairs" else {}
            some = of_target(index, rows, target)
            found, by_chance = value(some, **pair).estimate[0], expected(chance_of(some), **pair)[0]
            assert np.isnan(found) or np.isfinite(by_chance), (name, target.groups)
            if name in EVENNESS and np.isfinite(found):
                assert -1e-9 <= by_chance <= 1 + 1e-9, (name, target.groups, by_chance)


@given(st.integers(0, 10_000))
def test_shapley_terms_add_up_and_turn_round(seed):
    """Five terms and two terms sum to the difference, and change signs where the tables change places."""
    rng = np.random.default_rng(seed)
    before = rng.integers(1, 60, (6, 3)).astype(float)
    after = rng.integers(1, 60, (6, 3)) * rng.choice([1.0, 1e6, 0.125], (1, 3))
    one, other = (
        shapley.shapley_difference(*t, shapley.mutual_information) for t in ((before, after), (after, before))
    )
    terms = [one.additions, one.removals, one.group_marginal, one.unit_marginal, one.structural]
    turned = [other.removals, other.additions, other.group_marginal, other.unit_marginal, other.structural]

    assert sum(terms) == pytest.approx(one.after - one.before, abs=1e-9)
    np.testing.assert_allclose(terms, -np.array(turned), atol=1e-7)
    assert one.structural_by_unit.sum() == pytest.approx(one.structural, abs=1e-9)


@pytest.mark.parametrize("persons", [6.5, 0.5, 0.3, 3.0])
def test_a_cell_that_is_its_whole_zone_leaves_nothing_to_chance(persons):
    """Parts of persons too: what rounding leaves of a zone beside its only cell is nobody."""
    rows = zones_of(np.array([[0.3, 0.7]]) * persons)
    for name in ("D", "H", "G", "V", "A", "hutchens", "M", "R", "ordinal_H"):
        _, expected = with_parameters(INDICES[name])
        assert expected(chance_of(rows))[0] == pytest.approx(0, abs=1e-9), name


@pytest.mark.parametrize("sizes", [[20, 20, 20], [10, 20, 50, 100], [100] * 5, [5] * 10])
def test_gini_expected_of_zones_of_few_cells(sizes):
    """Of 3 to 10 cells, within 3 %: two cells of a zone are farther apart than each is from the whole."""
    size = np.array(sizes)
    members = int(0.3 * size.sum())
    people = np.repeat([0, 1], [members, size.sum() - members])
    start = np.stack([np.bincount(part, minlength=2) for part in np.split(people, np.cumsum(size)[:-1])]).astype(float)
    drawn = [gini(zones_of(n)).estimate[0] for n in fixed_margins(start, 3000, np.random.default_rng(1))]

    assert expected_gini(chance_of(zones_of(start)))[0] == pytest.approx(np.mean(drawn), rel=0.03)
