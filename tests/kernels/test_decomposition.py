"""Terms of nested units: published school values, laws, simulated expectations, and intervals that hold the truth."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from civigrid.errors import SchemaError
from civigrid.kernels.decomposition import (
    expected_information,
    hierarchy_of,
    log_shares,
    logs_of_supergroups,
    logs_within,
    pyramid,
    term,
    unit_of,
    whole_of,
)
from civigrid.kernels.shapley import information, mutual_information

seeds = st.integers(0, 2**32 - 1)


def town(seed, n=24, groups=4, most=30):
    """Counts of cells in blocks of 4 cells, blocks in halves, halves in one or two zones; no cell is empty."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, most, (n, groups)).astype(float)
    counts[:, 0] += 1
    blocks = np.arange(n) // 4
    halves = np.arange(n // 4) // 3
    return counts, blocks, halves


def between(counts, low, high):
    """Mean divergence of small units from the large ones that hold them, written plainly."""
    total, found = counts.sum(), 0.0
    for unit in np.unique(low):
        inside = low == unit
        own = counts[inside].sum(axis=0)
        around = counts[high == high[inside][0]].sum(axis=0)
        p, q = own / own.sum(), around / around.sum()
        found += own.sum() / total * sum(a * np.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)
    return found


def test_published_school_values(real_data):
    """schools00 of the R package segregation: between and within states, and schools in districts in states."""
    long = pd.read_csv(real_data / "us_schools_elbers" / "schools00.csv")
    wide = long.pivot_table(index=["state", "district", "school"], columns="race", values="n", fill_value=0)
    state, district = (wide.index.get_level_values(k).to_numpy().astype(str) for k in (0, 1))
    districts, of_school = np.unique(np.char.add(np.char.add(state, "|"), district), return_inverse=True)
    _, of_district = np.unique([d.split("|")[0] for d in districts], return_inverse=True)
    levels = pyramid(wide.to_numpy(float), [of_school, of_district, np.zeros(of_district.max() + 1, dtype=int)])
    whole = whole_of(levels)
    value = {pair: float(term(levels, *pair, whole.surprise).estimate[0]) for pair in [(0, 3), (2, 3), (0, 2), (1, 2)]}

    assert value[0, 3] == pytest.approx(0.425538975876, abs=1e-12)
    assert float(whole.entropy[0]) == pytest.approx(1.016070982832, abs=1e-12)
    assert value[0, 3] / float(whole.entropy[0]) == pytest.approx(0.418808314642, abs=1e-12)
    assert value[2, 3] == pytest.approx(0.0992, abs=5e-5)
    assert value[2, 3] / float(whole.entropy[0]) == pytest.approx(0.0977, abs=5e-5)
    assert value[0, 2] == pytest.approx(0.326, abs=5e-4)
    assert value[0, 2] / float(whole.entropy[0]) == pytest.approx(0.321, abs=5e-4)
    assert 0 < value[1, 2] < value[0, 2]


@given(seeds)
def test_terms_are_mean_divergences_and_sum_to_mutual_information(seed):
    """Each term equals its definition; terms of levels that follow each other sum to M of the cells."""
    counts, blocks, halves = town(seed)
    levels = pyramid(counts, [blocks, halves, np.zeros(2, dtype=int)])
    surprise = whole_of(levels).surprise
    found = [float(term(levels, k, k + 1, surprise).estimate[0]) for k in range(3)]
    at = [np.arange(len(counts)), blocks, halves[blocks], np.zeros(len(counts), dtype=int)]

    np.testing.assert_allclose(found, [between(counts, at[k], at[k + 1]) for k in range(3)], atol=1e-12)
    assert sum(found) == pytest.approx(mutual_information(counts), abs=1e-12)
    assert min(found) >= -1e-15


@given(seeds)
def test_each_zone_is_decomposed_as_if_it_were_alone(seed):
    """Terms of several zones at once are those of each zone by itself; an empty zone has none."""
    counts, blocks, halves = town(seed)
    levels = pyramid(counts, [blocks, halves])
    surprise = whole_of(levels).surprise
    together = [term(levels, k, 2, surprise).estimate for k in (0, 1)]

    for zone in (0, 1):
        inside = halves[blocks] == zone
        alone = pyramid(counts[inside], [blocks[inside] - 3 * zone, np.zeros(3, dtype=int)])
        for k in (0, 1):
            own = term(alone, k, 2, whole_of(alone).surprise).estimate[0]
            assert together[k][zone] == pytest.approx(own, abs=1e-12)


@given(seeds)
def test_a_weighted_mean_of_h_is_the_term_within(seed):
    """H within, by entropy ratios and persons, is M within by the entropy of the whole (Theil and Finizza)."""
    counts, blocks, _ = town(seed)
    levels = pyramid(counts, [blocks, np.zeros(6, dtype=int)])
    whole = whole_of(levels)
    inside = [counts[blocks == b] for b in range(6)]
    entropy = [-np.nansum((s := c.sum(axis=0) / c.sum()) * np.where(s > 0, np.log(np.where(s > 0, s, 1)), 0))
               for c in inside]  # fmt: skip
    weighted = sum(
        c.sum() / counts.sum() * e / whole.entropy[0] * information(c)
        for c, e in zip(inside, entropy, strict=True) if e > 0
    )  # fmt: skip

    assert weighted == pytest.approx(term(levels, 0, 1, whole.surprise).estimate[0] / whole.entropy[0], abs=1e-12)


@given(seeds)
def test_groups_of_groups_add_up_at_every_level(seed):
    """Supergroups, and groups within each, sum to each term; the parts are M of their own tables, by shares."""
    counts, blocks, halves = town(seed)
    levels = pyramid(counts, [blocks, halves, np.zeros(2, dtype=int)])
    surprise = whole_of(levels).surprise
    nested = hierarchy_of(["a", "b", "c", "d"], {"abroad": ["b", "d"]})
    logs = [logs_of_supergroups(nested), *(logs_within(nested, k) for k in range(3))]
    for k in range(3):
        parts = [float(term(levels, k, k + 1, surprise, part).estimate[0]) for part in logs]
        assert sum(parts) == pytest.approx(term(levels, k, k + 1, surprise, log_shares).estimate[0], abs=1e-12)
    above = np.stack([counts[:, 0], counts[:, 1] + counts[:, 3], counts[:, 2]], axis=1)
    below = counts[:, [1, 3]]
    below = below[below.sum(axis=1) > 0]
    abroad = float(term(levels, 0, 3, surprise, logs_within(nested, 1)).estimate[0])

    assert term(levels, 0, 3, surprise, logs[0]).estimate[0] == pytest.approx(mutual_information(above), abs=1e-12)
    assert abroad == pytest.approx(below.sum() / counts.sum() * mutual_information(below), abs=1e-12)


def test_hierarchies_that_overlap_or_name_strangers_are_refused():
    """A group in two supergroups, an unknown group, a supergroup called like a group outside it."""
    with pytest.raises(SchemaError, match="must not overlap"):
        hierarchy_of(["a", "b"], {"x": ["a"], "y": ["a", "b"]})
    with pytest.raises(SchemaError, match="none of the groups"):
        hierarchy_of(["a", "b"], {"x": ["a", "c"]})
    with pytest.raises(SchemaError, match="name of a group outside"):
        hierarchy_of(["a", "b", "c"], {"c": ["a", "b"]})


def test_expected_terms_are_those_of_simulated_random_allocation():
    """People placed at random: the mean of each term over 300 towns is the expected one (cells within 1 %)."""
    rng = np.random.default_rng(3)
    size = rng.integers(3, 60, 240)
    share = np.array([0.7, 0.2, 0.1])
    blocks, halves = np.arange(240) // 8, np.arange(30) // 15
    parents = [blocks, halves, np.zeros(2, dtype=int)]
    terms, expected = [], []
    for _ in range(300):
        levels = pyramid(rng.multinomial(size, share).astype(float), parents)
        surprise = whole_of(levels).surprise
        terms.append([float(term(levels, k, k + 1, surprise).estimate[0]) for k in range(3)])
        expected.append(-np.diff(expected_information(levels)[:, 0]))

    assert np.mean(expected, axis=0) / np.mean(terms, axis=0) == pytest.approx([1, 1, 1], abs=0.1)
    assert np.mean(expected, axis=0)[0] == pytest.approx(np.mean(terms, axis=0)[0], rel=0.01)


def test_standard_errors_are_the_scatter_of_drawn_towns():
    """The delta method's standard error of each term is the standard deviation over 400 towns, within 12 %."""
    rng = np.random.default_rng(4)
    blocks, halves = np.arange(64) // 8, np.arange(8) // 4
    truth = rng.dirichlet([4, 2, 1], 64)
    truth[:32, 0] += 0.5
    mean = 300 * truth / truth.sum(axis=1, keepdims=True)
    found, errors = [], []
    for _ in range(400):
        levels = pyramid(rng.poisson(mean).astype(float), [blocks, halves, np.zeros(2, dtype=int)])
        whole = whole_of(levels)
        terms = [term(levels, k, k + 1, whole.surprise) for k in range(3)]
        found.append([float(t.estimate[0]) for t in terms])
        errors.append([
            np.sqrt(float(t.square[0] - 2 * t.estimate[0] * t.line[0] + t.estimate[0] ** 2 * whole.spread[0]))
            / whole.persons[0] for t in terms
        ])  # fmt: skip

    np.testing.assert_allclose(np.mean(errors, axis=0), np.std(found, axis=0), rtol=0.12)


def test_units_are_followed_up_the_levels():
    """The unit of a cell two levels up is the parent of its parent."""
    counts, blocks, halves = town(0)
    levels = pyramid(counts, [blocks, halves, np.zeros(2, dtype=int)])

    assert unit_of(levels, 0, 2).tolist() == halves[blocks].tolist()
    assert levels[2].counts.sum() == counts.sum()
