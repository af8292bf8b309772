"""The degree of urbanisation against a dense twin by scipy on random towns, and on the real Europe."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers.typology.towns import as_raster, raster_cells
from scipy import ndimage

from civigrid.io.cells import read_cells
from civigrid.layers.typology import PRESETS, rules_named
from civigrid.layers.typology.degurba import classify_cells, land_of

EU, GHSL = PRESETS["eu-2024"], PRESETS["ghsl-r2022a"]
QUEEN = np.ones((3, 3), dtype=int)


def dense_clusters(persons, rule):
    """Labels of cells above a density, on the whole raster."""
    high = persons > rule.density_km2 if rule.density_above else persons >= rule.density_km2
    return ndimage.label(high, QUEEN if rule.contiguity == "queen" else None)[0]


def dense_enough(persons, label, rule):
    """Labels of the clusters with enough residents."""
    size = ndimage.sum_labels(persons, label, np.arange(label.max() + 1))
    ok = size > rule.persons if rule.persons_above else size >= rule.persons
    ok[0] = False
    return np.where(ok[label], label, 0)


def dense_smooth(label):
    """Five of eight, whole raster after whole raster."""
    while True:
        change = np.zeros_like(label)
        for k in np.unique(label[label > 0]):
            around = ndimage.convolve((label == k).astype(int), QUEEN, mode="constant") - (label == k)
            change[(around >= 5) & (label == 0)] = k
        if not change.any():
            return label
        label = label + change


def dense_fill(label, hole_km2):
    """Gaps of one label alone, cluster by cluster."""
    out = label.copy()
    for k in np.unique(label[label > 0]):
        gap, n = ndimage.label(ndimage.binary_fill_holes(label == k) & (label != k))
        for g in range(1, n + 1):
            if (gap == g).sum() < hole_km2 and not label[gap == g].any():
                out[gap == g] = k
    return out


def dense_twin(persons, rules):
    """Levels by scipy on the dense raster: written apart, for whole rasters, one pass at a time."""

    def large(rule):
        return dense_enough(persons, dense_clusters(persons, rule), rule)

    centre = dense_clusters(persons, rules.centre)
    steps = {
        "filter": lambda v: dense_enough(persons, v, rules.centre),
        "smooth": dense_smooth,
        "fill": lambda v: dense_fill(v, rules.centre.hole_km2),
    }
    for step in rules.centre.steps:
        centre = steps[step](centre)
    urban, dense, semi = large(rules.urban) > 0, large(rules.dense) > 0, large(rules.semi_dense)
    near = ndimage.binary_dilation((centre > 0) | dense, QUEEN, iterations=int(rules.buffer_km))
    semi = (semi > 0) & ~np.isin(semi, semi[near & (semi > 0)])
    code = np.where(persons >= rules.low_density_km2, 12, 11)
    code[large(rules.rural) > 0] = 13
    code[urban], code[semi], code[dense], code[centre > 0] = 21, 22, 23, 30
    return np.where(centre > 0, 3, np.where(urban, 2, 1)), code


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["eu-2011", "eu-2024", "ghsl-r2022a"]), st.booleans())
def test_sparse_cells_agree_with_a_dense_twin(seed, name, sparse):
    """On random towns, with empty cells in the table or not, both levels are those of scipy on the whole raster."""
    rng = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(rng.exponential(size=(28, 28)), rng.choice([0.7, 1.0, 1.6]), mode="wrap")
    persons = np.rint(np.maximum(rough - rng.choice([0.7, 1.0]), 0) * rng.choice([2500, 6000]))
    persons[[0, 1, 2, -1, -2, -3]], persons[:, [0, 1, 2, -1, -2, -3]] = 0, 0
    rules = replace(rules_named(name), urban=replace(EU.urban, persons=3000))
    rules = replace(rules, centre=replace(rules.centre, persons=12_000))
    level_1, level_2 = dense_twin(persons, rules)
    cells = raster_cells(persons, keep=persons > 0 if sparse else None)
    found = classify_cells(land_of(cells, "T"), rules)
    in_table = (persons > 0) if sparse else np.ones_like(persons, dtype=bool)

    np.testing.assert_array_equal(as_raster(cells, found.level_1, persons.shape)[in_table], level_1[in_table])
    np.testing.assert_array_equal(as_raster(cells, found.level_2, persons.shape)[in_table], level_2[in_table])
    assert found.absent == (level_1[~in_table] == 3).sum()


@pytest.fixture(scope="module")
def europe(real_data):
    """Residents and land of 1.9 million cells."""
    cells = read_cells(real_data / "eu_census2021_1km" / "census2021_1km_v2.parquet", columns=["T", "LAND_SURFACE"])
    return land_of(cells, "T", land="LAND_SURFACE")


def test_europe_is_what_a_prototype_found(europe):
    """With its reading of land, the 40-line scipy prototype's 689 centres, cells and people, to the last one."""
    rules = replace(GHSL, land_floor=0.001)
    persons = np.nan_to_num(europe.persons)
    raw = classify_cells(europe, replace(rules, centre=replace(rules.centre, steps=("filter",))))
    found = classify_cells(europe, rules)
    whole = classify_cells(replace(europe, land=None), rules)

    assert [len(np.unique(c.centre)) - 1 for c in (raw, found, whole)] == [689, 689, 681]
    assert (raw.level_1 == 3).sum() == 28_557
    assert (found.level_1 == 3).sum() + found.absent == 32_941
    share = [round(100 * persons[found.level_1 == k].sum() / persons.sum(), 1) for k in (3, 2, 1)]
    assert share == [34.7, 36.0, 29.3]
    assert round(100 * persons[whole.level_1 == 3].sum() / persons.sum(), 1) == 34.3


def test_europe_under_the_rules_of_2024(europe):
    """Regression: 699 centres, and the cells of each class; those without a count have none."""
    found = classify_cells(europe)
    codes, count = np.unique(found.level_2, return_counts=True)

    assert len(np.unique(found.centre)) - 1 == 699
    assert dict(zip(codes.tolist(), count.tolist(), strict=True)) == {
        -1: 4_424, 11: 1_161_434, 12: 502_391, 13: 70_608, 21: 95_695, 22: 13_742, 23: 24_939, 30: 32_790
    }  # fmt: skip
