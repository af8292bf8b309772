"""Chance in every family: expectations beside simulated towns of tiny, heavy-tailed and dominating cells."""

import numpy as np
import pytest
from towns import NAMES, on_cells

from civigrid.kernels.permutation import fixed_margins
from civigrid.layers.segregation import (
    INDICES,
    Kernel,
    PatternOptions,
    SpatialOptions,
    nearest_table,
    pattern_table,
    scale_table,
    segregation_table,
    spatial_table,
)

SIDE, DRAWS = 14, 30
ALL = [name for name in INDICES if not name.startswith("G")]
QUICK = SpatialOptions(interval=False)
PATTERN = PatternOptions(simulations=99, seed=5)
FAMILIES = {
    "cells": lambda c: segregation_table(c, NAMES, indices=list(INDICES)),
    "uniform kernel": lambda c: spatial_table(c, NAMES, Kernel("uniform", 1500), indices=ALL, options=QUICK),
    "nearest": lambda c: nearest_table(c, NAMES, [50], indices=ALL, options=QUICK),
    "pattern": lambda c: pattern_table(c, NAMES, decay_m=1000.0, options=PATTERN),
    "scales": lambda c: scale_table(c, NAMES, levels_m=[2000, 4000]),
    "smooth kernel": lambda c: spatial_table(c, NAMES, Kernel("biweight", 2500), indices=ALL, options=QUICK),
}


def sizes(kind):
    rng = np.random.default_rng(5)
    if kind == "tiny":
        return rng.integers(1, 4, SIDE * SIDE)
    if kind == "heavy":
        return rng.negative_binomial(0.4, 0.4 / 20.4, SIDE * SIDE)
    cells = rng.integers(0, 20, SIDE * SIDE)
    cells[90] = 4 * cells.sum()
    return cells


def simulated(family, kind, shares):
    """Tables of towns without segregation: expectations, their means over draws, and their errors."""
    size = sizes(kind)
    groups = np.rint(np.array(shares) * size.sum())
    groups[0] = size.sum() - groups[1:].sum()
    people = np.repeat(np.arange(3), groups.astype(int))
    start = np.stack([np.bincount(part, minlength=3) for part in np.split(people, np.cumsum(size)[:-1])]).astype(float)
    towns = fixed_margins(start, DRAWS, np.random.default_rng(2))
    tables = [FAMILIES[family](on_cells(town, SIDE)) for town in towns]
    estimate = np.array([t["estimate"] for t in tables])
    expected = np.array([t["expected"] for t in tables]).mean(axis=0)
    return tables[0], estimate.mean(axis=0), expected, estimate.std(axis=0) / np.sqrt(DRAWS)


@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "smooth kernel"])
@pytest.mark.parametrize("kind", ["tiny", "heavy", "dominating"])
def test_expectations_are_means_of_towns_without_segregation(family, kind):
    """Cells of 1 to 3 persons, with a heavy tail, or under one of four fifths: within 3 % and five standard errors."""
    for shares in ((0.6, 0.3, 0.1), (0.9, 0.095, 0.005)):
        table, mean, expected, error = simulated(family, kind, shares)
        told = np.isfinite(expected)
        away = np.abs(expected - mean) - 0.03 * np.abs(mean) - 5 * error

        assert told.sum() > 5
        wrong = table.loc[told & (away > 1e-9), ["index", "groups"]].assign(mean=mean[told & (away > 1e-9)])
        assert wrong.empty, (shares, wrong, expected[told & (away > 1e-9)])


def test_smooth_kernels_expect_too_much_of_a_very_rare_group():
    """Unequal weights leave more places without any member than as many equal persons do: D up to a tenth too much."""
    table, mean, expected, _ = simulated("smooth kernel", "tiny", (0.9, 0.09, 0.01))
    d = table["index"].eq("D").to_numpy()
    rare = d & table["groups"].eq("c").to_numpy()

    assert (expected[d] / mean[d] < 1.1).all()
    assert expected[rare] / mean[rare] > 1.02
    more, mean, expected, error = simulated("smooth kernel", "tiny", (0.5, 0.3, 0.2))
    common = more["index"].isin(["D", "H", "V", "isolation"]).to_numpy()
    assert (np.abs(expected - mean) < 0.04 * mean + 4 * error)[common].all()
