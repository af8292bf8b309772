"""Differences between tables: published terms, laws, and iterative proportional fitting in ten lines beside them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from civigrid.errors import CivigridError
from civigrid.kernels import shapley
from civigrid.kernels.shapley import information, mutual_information, shapley_difference, two_term_difference

FIRST = np.array([[40.0, 30, 20, 10], [5, 10, 15, 20]])
SECOND = np.array([[20.0, 20, 20, 15], [5, 10, 10, 15]])
TERMS = ("additions", "removals", "group_marginal", "unit_marginal", "structural")
seeds = st.integers(0, 2**32 - 1)


def fit(table, units, groups):
    """Iterative proportional fitting, plainly."""
    table = table / table.sum()
    for _ in range(400):
        table = table * (groups / groups.sum() / table.sum(axis=0))
        table = table * (units / units.sum() / table.sum(axis=1))[:, None]
    return table


def plain(a, b, index):
    """The three terms of full tables by their formulas."""
    rows, cols = (lambda t: t.sum(axis=1)), (lambda t: t.sum(axis=0))
    value = {
        "AAA": index(a), "BBB": index(b),
        "BBA": index(fit(a, rows(b), cols(b))), "ABA": index(fit(a, rows(b), cols(a))),
        "BAA": index(fit(a, rows(a), cols(b))), "AAB": index(fit(b, rows(a), cols(a))),
        "BAB": index(fit(b, rows(a), cols(b))), "ABB": index(fit(b, rows(b), cols(a))),
    }  # fmt: skip
    v = value.__getitem__
    group = (v("BAA") - v("AAA") + v("BBA") - v("ABA") + v("BBB") - v("ABB") + v("BAB") - v("AAB")) / 4
    unit = (v("ABA") - v("AAA") + v("BBA") - v("BAA") + v("BBB") - v("BAB") + v("ABB") - v("AAB")) / 4
    return group, unit, (v("AAB") - v("AAA") + v("BBB") - v("BBA")) / 2


def draw(seed, units=7, groups=3):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 40, (units, groups)).astype(float), rng.integers(1, 40, (units, groups)).astype(float)


def test_published_values_of_small_tables_and_of_schools(real_data):
    """The README of R's segregation of 2020, whose margins are fitted to 0.1 %: schools 2000 and 2005.

    Later versions print 0.01787, -0.01171 and -0.00349: they stop when no margin is off by 1e-3 of all persons, more
    than a whole school has, and so leave the margins of schools unfitted.
    """
    assert mutual_information(FIRST) == pytest.approx(0.095260442888, abs=1e-12)
    assert mutual_information(SECOND) == pytest.approx(0.024392017209, abs=1e-12)
    long = [pd.read_csv(real_data / "us_schools_elbers" / f"schools{y}.csv").assign(year=y) for y in ("00", "05")]
    wide = pd.concat(long).pivot_table(index="school", columns=["year", "race"], values="n", fill_value=0)
    found = shapley_difference(wide["00"].to_numpy(float), wide["05"].to_numpy(float), mutual_information, added=1e-10)

    assert found.before == pytest.approx(0.42554, abs=5e-6)
    assert found.after == pytest.approx(0.41339, abs=5e-6)
    assert found.additions == pytest.approx(-0.00341, abs=5e-6)
    assert found.removals == pytest.approx(-0.01141, abs=5e-6)
    assert found.group_marginal == pytest.approx(0.01623, abs=5e-5)
    assert found.unit_marginal == pytest.approx(-0.01674, abs=5e-5)
    assert found.structural == pytest.approx(0.00318, abs=5e-5)


@settings(max_examples=30)
@given(seeds, st.sampled_from([mutual_information, information]))
def test_terms_are_those_of_plain_fitting(seed, index):
    """Group, unit and structural terms equal their formulas with fitting written plainly."""
    a, b = draw(seed)
    found = shapley_difference(a, b, index)

    np.testing.assert_allclose(
        [found.group_marginal, found.unit_marginal, found.structural], plain(a, b, index), atol=1e-8
    )


@given(seeds, st.sampled_from([mutual_information, information]))
def test_terms_add_up_and_swap_signs(seed, index):
    """Five terms sum to the difference; exchanging the tables exchanges signs, additions becoming removals."""
    a, b = draw(seed)
    a[0], b[-1] = 0, 0
    there, back = shapley_difference(a, b, index), shapley_difference(b, a, index)

    assert sum(getattr(there, t) for t in TERMS) == pytest.approx(there.after - there.before, abs=1e-12)
    for term in TERMS[2:]:
        assert getattr(there, term) == pytest.approx(-getattr(back, term), abs=1e-12)
    assert there.additions == pytest.approx(-back.removals, abs=1e-12)
    assert there.units == len(a) - 2


@given(seeds)
def test_units_and_groups_may_be_exchanged_for_mutual_information(seed):
    """M is symmetric: turning the tables round exchanges the two marginal terms and leaves the structural one."""
    a, b = draw(seed)
    found, turned = shapley_difference(a, b, mutual_information), shapley_difference(a.T, b.T, mutual_information)

    assert found.group_marginal == pytest.approx(turned.unit_marginal, abs=1e-8)
    assert found.structural == pytest.approx(turned.structural, abs=1e-8)


@given(seeds)
def test_scaled_margins_are_no_structural_change(seed):
    """Multiplying rows and columns leaves odds ratios: structure adds nothing, and units add to it what they should."""
    a, b = draw(seed)
    scaled = a * np.array([1.0, 3, 1, 2, 1, 1, 5])[:, None] * np.array([1.0, 2, 4])
    found, other = (shapley_difference(a, t, mutual_information) for t in (scaled, b))

    assert found.structural == pytest.approx(0, abs=1e-8)
    assert found.structural_by_unit == pytest.approx(np.zeros(len(a)), abs=1e-8)
    assert other.structural_by_unit.sum() == pytest.approx(other.structural, abs=1e-8)


def test_zeros_that_forbid_the_margins_are_told():
    """A diagonal table cannot take margins that no diagonal has; a little in empty places lets it."""
    diagonal, other = np.diag([50.0, 50.0]), np.array([[10.0, 70.0], [10.0, 10.0]])

    with pytest.raises(CivigridError, match="did not converge.*2 of 4 combinations"):
        shapley_difference(diagonal, other, mutual_information)
    assert np.isfinite(shapley_difference(diagonal, other, mutual_information, added=1e-3).structural)


def test_tables_without_common_units_are_refused():
    """Nothing in common: no counterfactual, and the message says so."""
    a, b = np.array([[5.0, 5.0], [0.0, 0.0]]), np.array([[0.0, 0.0], [5.0, 5.0]])

    with pytest.raises(CivigridError, match="0 units"):
        shapley_difference(a, b, mutual_information)


def test_a_group_that_one_table_lacks_is_an_addition():
    """A new group changes M by its arrival alone when the others stay as they are."""
    before = np.array([[30.0, 10.0, 0.0], [10.0, 30.0, 0.0]])
    after = before + np.array([[0.0, 0.0, 20.0], [0.0, 0.0, 0.0]])
    found = shapley_difference(before, after, mutual_information)

    assert found.groups == 2
    assert found.structural == pytest.approx(0, abs=1e-12)
    assert found.additions == pytest.approx(mutual_information(after) - mutual_information(before[:, :2]), abs=1e-12)


def pairs(seed, cells):
    rng = np.random.default_rng(seed)
    size = rng.integers(20, 400, cells)
    x = rng.binomial(size, rng.beta(1.5, 5, cells))
    return np.stack([x, size - x], axis=1).astype(float)


@given(seeds)
def test_two_terms_add_up_and_swap_signs(seed):
    """Composition and space sum to the difference, and swapping the cities swaps signs."""
    a, b = pairs(seed, 30), pairs(seed + 1, 50)
    there, back = two_term_difference(a, b, information), two_term_difference(b, a, information)

    assert there.composition + there.spatial == pytest.approx(there.second - there.first, abs=1e-12)
    assert there.composition == pytest.approx(-back.composition, abs=1e-12)


@given(seeds)
def test_splitting_a_cell_in_two_changes_no_term(seed):
    """Two cells of one composition are one cell: quantiles are counted in persons."""
    a, b = pairs(seed, 30), pairs(seed + 1, 50)
    split = np.concatenate([a[:-1], a[-1:] / 4, a[-1:] * 3 / 4])
    whole, parted = two_term_difference(a, b, information), two_term_difference(split, b, information)

    assert parted.composition == pytest.approx(whole.composition, abs=1e-9)


def test_two_terms_are_near_those_of_pysal_on_cells_of_one_size():
    """Where all cells have one size, quantiles of persons and of cells are the same but for PySAL's ends."""
    segregation = pytest.importorskip("segregation.singlegroup")
    from segregation.decomposition import DecomposeSegregation

    a, b = (np.stack([x, 200 - x], axis=1) for x in (np.arange(1.0, 181), 20 + 0.3 * np.arange(1.0, 181)))
    frames = [pd.DataFrame({"x": t[:, 0], "t": t.sum(axis=1)}) for t in (b, a)]
    # PySAL reports first less second
    peer = DecomposeSegregation(*(segregation.Entropy(f, group_pop_var="x", total_pop_var="t") for f in frames))
    found = two_term_difference(a, b, shapley.information)

    assert found.composition == pytest.approx(peer.c_a, abs=3e-3)
    assert found.spatial == pytest.approx(peer.c_s, abs=3e-3)
