"""The publisher's noise in segregation: what it adds by chance is taken out, and intervals are as wide as simulated."""

import json

import numpy as np
import pytest

from civigrid.cells import ids_of, make_cells, noise_variance_of, values_of
from civigrid.errors import SchemaError
from civigrid.grid import SquareGrid
from civigrid.kernels import evenness, exposure, gini
from civigrid.kernels import random_allocation as chance
from civigrid.kernels.zones import gradient, zones_of
from civigrid.layers.segregation import INDICES, segregation_table
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=1000)
STEP = np.arange(-2, 3)
V = 2.0
"""Variance of whole numbers from -2 to 2, all alike."""


def noisy(counts, rng):
    """Counts as published: with noise, never negative; cells in which nobody is left are left out."""
    published = np.maximum(counts + rng.choice(STEP, counts.shape), 0).astype(float)
    return published[published.sum(axis=1) > 0]


def rows_and_noise(n):
    return zones_of(n), np.full_like(n, V)


@pytest.mark.parametrize("size", [12, 30, 120])
def test_what_is_expected_of_chance_and_noise_is_what_simulation_finds(size):
    """Random allocation seen through noise: each index within 3 % (the smallest cells 8 %) of its simulated mean."""
    rng = np.random.default_rng(1)
    cells = rng.integers(size, 3 * size, 3000)
    pairs = {
        "D": (evenness.dissimilarity, chance.expected_dissimilarity),
        "H": (evenness.information, chance.expected_information),
        "G": (gini.gini, chance.expected_gini),
        "isolation": (exposure.isolation, chance.expected_isolation),
    }
    found = {name: [] for name in pairs}
    for _ in range(8):
        minority = rng.binomial(cells, 0.25)
        published = noisy(np.stack([minority, cells - minority], axis=1), rng)
        rows, noise = rows_and_noise(published)
        seen, plain = chance.chance_of(rows, noise), chance.chance_of(rows)
        for name, (index, expected) in pairs.items():
            found[name].append((index(rows).estimate[0], expected(seen)[0], expected(plain)[0]))
    for name, figures in found.items():
        simulated, with_noise, without = np.mean(figures, axis=0)
        assert with_noise == pytest.approx(simulated, rel=0.08 if size < 30 else 0.03), name
        assert abs(with_noise - simulated) < abs(without - simulated), name


def test_intervals_are_as_wide_as_the_scatter_of_noisy_cities():
    """The standard error with noise is the standard deviation of 400 cities, within 10 %; without it is too small.

    Shares lie far from the city's: near it the delta method of D errs on the wide side, with noise or without.
    """
    rng = np.random.default_rng(2)
    size, share = rng.integers(30, 60, 800), rng.choice([0.15, 0.7], 800, p=[0.6, 0.4])
    found, errors = [], []
    for _ in range(400):
        group, others = rng.poisson(size * share), rng.poisson(size * (1 - share))
        n = noisy(np.stack([group, others], axis=1), rng)
        rows, noise = rows_and_noise(n)
        value = evenness.dissimilarity(rows)
        slope = gradient(rows, value)
        found.append(value.estimate[0])
        errors.append([((n + noise) * slope**2).sum(), (n * slope**2).sum()])
    with_noise, without = np.sqrt(np.mean(errors, axis=0))

    assert with_noise == pytest.approx(np.std(found), rel=0.1)
    assert without < 0.96 * with_noise


def town(declared=None, companion=False):
    rng = np.random.default_rng(3)
    ids = GRID.from_row_col(3000 + np.arange(400) // 20, 4000 + np.arange(400) % 20)
    values = {g: rng.integers(0, 30, 400).astype(float) for g in "ab"} | {"T": np.full(400, 70.0)}
    about = {n: Column(noise_variance=declared) for n in values}
    if companion:
        values |= {f"{n}_noise_variance": np.full(400, V) for n in ("a", "b")}
        about |= {f"{n}_noise_variance": Column(companion_of=n) for n in ("a", "b")}
    return make_cells(GRID, ids, values, about)


def test_declared_noise_reaches_the_table():
    """Said in the column, by cell, or in the call: the same corrected values; nobody said it: none is assumed."""
    tables = [
        segregation_table(town(declared=V), ["a", "b"]),
        segregation_table(town(companion=True), ["a", "b"]),
        segregation_table(town(), ["a", "b"], noise_variance=V),
    ]
    plain = segregation_table(town(), ["a", "b"])

    for table in tables[1:]:
        assert tables[0].equals(table)
    assert json.loads(tables[0]["parameters"][0])["noise_variance"] == V
    assert "noise_variance" not in json.loads(plain["parameters"][0])
    assert plain.equals(segregation_table(town(declared=V), ["a", "b"], noise_variance=0.0))
    np.testing.assert_array_equal(tables[0]["estimate"], plain["estimate"])
    chosen = (plain["index"] == "H") & (plain["groups"] == "a")
    assert (tables[0]["expected"] > plain["expected"])[chosen].all()
    width = [t["high"] - t["low"] for t in (tables[0], plain)]
    assert (width[0] > width[1])[chosen].all()
    rest = segregation_table(town(declared=V), ["a", "b"], total="T")
    assert json.loads(rest["parameters"][0])["noise_variance"] == pytest.approx((V + V + 3 * V) / 3, abs=1e-3)


def test_any_blocks_give_the_same_table_with_noise():
    """Noise by cell joins the compositions: no block size changes a figure."""
    cells = town(companion=True)
    cells["a_noise_variance"][:200] = 1.0

    assert segregation_table(cells, ["a", "b"], cells_per_block=4).equals(segregation_table(cells, ["a", "b"]))


def test_noise_by_cell_is_read_where_it_stands():
    """A companion first, else the declaration; none where nothing can be, NaN where nobody said anything."""
    codes = np.array([0, Status.STRUCTURAL_ZERO, Status.CONFIDENTIAL], dtype=np.uint8)
    ids = ids_of(town())[:3]

    def make(v):
        about, status = {"a": Column(noise_variance=v)}, {"a": codes}
        return make_cells(GRID, ids, {"a": [1.0, 0.0, np.nan]}, about, status=status)

    assert noise_variance_of(make(V), "a").tolist() == [V, 0.0, 0.0]
    assert np.isnan(noise_variance_of(make(None), "a")).tolist() == [True, False, False]
    assert values_of(make(V), "a")[0] == 1.0
    with pytest.raises(SchemaError, match="a variance is at least 0"):
        segregation_table(town(), ["a", "b"], noise_variance=-1.0)


@pytest.mark.parametrize(
    "name", sorted(n for n, index in INDICES.items() if index.expected and index.groups != "pairs")
)
def test_every_expectation_knows_noise(name):
    """Noise makes chance alone show more of every index, and less of interaction; rank-order may leave [0, 1]."""
    index, n = INDICES[name], np.random.default_rng(1).integers(5, 40, (500, 2)).astype(float)
    rows, noise = rows_and_noise(n)
    with_noise, without = (float(index.expected(chance.chance_of(rows, v))[0]) for v in (noise, None))

    assert with_noise < without if name == "interaction" else with_noise > without
