"""Random allocation of people: calibration, agreement with the analytic expectation, what is refused."""

import numpy as np
import pytest
from towns import NAMES, on_cells, one, segregated, value_of

from civigrid.errors import SchemaError, UnknownNameError
from civigrid.kernels.convolution import Kernel
from civigrid.kernels.permutation import fixed_margins, p_value
from civigrid.layers.segregation.indices import index_named, with_parameters
from civigrid.layers.segregation.neighbourhoods.by_kernel import around
from civigrid.layers.segregation.neighbourhoods.permuted import permutation_test
from civigrid.layers.segregation.neighbourhoods.spatial import spatial_table


def test_null_is_rejected_as_often_as_it_should_be():
    """At zero segregation on heavy-tailed cells 5 % +- 1 of towns are significant at 5 %."""
    rng = np.random.default_rng(11)
    function = with_parameters(index_named("H"))[0]
    cells = on_cells(np.ones((64, 2)), 8)
    k = around(cells, np.eye(64), Kernel("biweight", 2500)).counts
    rejected = 0
    for _ in range(2000):
        size = np.ceil(rng.pareto(1.1, 64) * 8)
        group = rng.binomial(size.astype(int), 0.15).astype(float)
        own = np.stack([group, size - group], axis=1)
        drawn = np.array([value_of(function, o, k @ o) for o in fixed_margins(own, 19, rng)])
        rejected += p_value(value_of(function, own, k @ own), drawn) <= 0.05

    assert rejected / 2000 == pytest.approx(0.05, abs=0.01)


def test_permutations_and_analytic_expectation_agree():
    """The mean of 400 allocations is the analytic expectation; a segregated town has the smallest p there is."""
    cells, kernel = on_cells(segregated(), 24), Kernel("biweight", 3000)
    for index in ("D", "H_multi", "exposure"):
        found = permutation_test(cells, NAMES, kernel, index, draws=400, seed=3)
        expected = one(spatial_table(cells, NAMES, kernel, indices=[index]), index)
        assert found.estimate == pytest.approx(expected.estimate, abs=1e-12)
        assert found.expected == pytest.approx(
            expected.expected, abs=4 * found.drawn.std() / 20 + 0.01 * found.expected
        )
        assert found.p == pytest.approx(1 / 401)
        assert one(found.table, index).expected == found.expected


def test_permutations_of_any_neighbourhood():
    """Cells themselves are a kernel of radius 0, and a function is asked anew for each allocation: the same draws."""
    cells, kernel = on_cells(segregated(side=8), 8), Kernel("uniform", 2000)
    by_kernel = permutation_test(cells, NAMES, kernel, "H_multi", draws=40)
    by_rule = permutation_test(cells, NAMES, lambda c, n: around(c, n, kernel), "H_multi", draws=40)
    none = permutation_test(cells, NAMES, None, "D", of="b", draws=40)
    zero = permutation_test(cells, NAMES, Kernel("uniform", 0), "D", of="b", draws=40)

    assert by_kernel.drawn == pytest.approx(by_rule.drawn, abs=1e-12)
    assert none.drawn == pytest.approx(zero.drawn, abs=1e-12)
    assert not np.array_equal(
        by_kernel.drawn, permutation_test(cells, NAMES, kernel, "H_multi", draws=40, seed=1).drawn
    )


def test_fractional_people_are_refused_or_rounded():
    """Fractional counts are refused with a reason; rounded they keep the people of small cells."""
    cells = on_cells(segregated(side=8) / 7, 8)

    with pytest.raises(SchemaError, match="rounded=True"):
        permutation_test(cells, NAMES, None, "D")
    found = permutation_test(cells, NAMES, None, "D", rounded=True, draws=19)

    assert found.table["persons"][0] == pytest.approx(sum(float(cells[n].sum()) for n in NAMES), abs=1.5)


def test_what_permutations_refuse():
    """No draws, unknown groups, too few groups, nobody to allocate."""
    cells, kernel = on_cells(segregated(side=8), 8), Kernel("biweight", 2000)

    with pytest.raises(SchemaError, match="0 draws"):
        permutation_test(cells, NAMES, kernel, "D", draws=0)
    with pytest.raises(UnknownNameError, match="unknown group"):
        permutation_test(cells, NAMES, kernel, "D", of="x")
    with pytest.raises(SchemaError, match="two groups"):
        permutation_test(cells, ["a"], kernel, "D")
    with pytest.raises(SchemaError, match="nobody lives"):
        permutation_test(on_cells(np.zeros((64, 3)), 8), NAMES, kernel, "D")
