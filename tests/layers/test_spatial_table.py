"""Indices of neighbourhoods: limits, expectation and interval against simulation, and profiles over scale."""

import json

import numpy as np
import pytest
from towns import GRID, NAMES, on_cells, one, segregated, value_of

from civigrid.cells import make_cells
from civigrid.errors import SchemaError, UnknownNameError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.kernels.convolution import Kernel
from civigrid.kernels.permutation import fixed_margins
from civigrid.layers.segregation import segregation_table
from civigrid.layers.segregation.indices import INDICES, index_named, with_parameters
from civigrid.layers.segregation.neighbourhoods.by_kernel import Around, around
from civigrid.layers.segregation.neighbourhoods.gather import Gather
from civigrid.layers.segregation.neighbourhoods.profile import profile_table
from civigrid.layers.segregation.neighbourhoods.spatial import SPATIAL, SpatialOptions, spatial_table
from civigrid.types import Column, Status

NUMBERS = ["estimate", "expected", "corrected", "low", "high", "persons", "cells"]


def test_radius_zero_is_the_aspatial_table():
    """Neighbourhoods of one cell give every number of the table of cells, of the whole and of zones."""
    counts = segregated()
    zone = np.where(np.arange(len(counts)) % 24 < 9, "west", "east")
    cells = on_cells(counts, 24, {"part": zone})
    names = list(INDICES)
    for noise in (None, 2.0):
        options = SpatialOptions(noise_variance=noise)
        spatial = spatial_table(cells, NAMES, Kernel("biweight", 0), zone="part", indices=names, options=options)
        aspatial = segregation_table(cells, NAMES, zone="part", indices=names, noise_variance=noise)

        assert spatial[["zone", "index", "groups"]].equals(aspatial[["zone", "index", "groups"]])
        assert spatial[NUMBERS].to_numpy() == pytest.approx(aspatial[NUMBERS].to_numpy(), abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("kernel", [Kernel("uniform", 1e7), Kernel("biweight", 1e9), Kernel("gaussian", 1e9, 1e8)])
def test_radius_to_infinity_is_no_segregation(kernel):
    """Where everyone is everyone's neighbour nothing is segregated, expected or uncertain, and one meets the city."""
    counts = segregated()
    table = spatial_table(on_cells(counts, 24), NAMES, kernel)
    evenness = table[~table["index"].isin(["isolation", "interaction"])]

    assert evenness[["estimate", "expected", "corrected"]].to_numpy() == pytest.approx(0, abs=1e-6)
    assert one(table, "isolation", "a").estimate == pytest.approx(counts[:, 0].sum() / counts.sum(), abs=1e-6)


def test_an_index_by_hand():
    """Two cells that see half of each other: D, isolation and H of compositions worked out by hand."""
    cells = make_cells(
        GRID,
        GRID.from_row_col(np.array([3000, 3000]), np.array([4000, 4001])),
        {"a": [30.0, 0.0], "b": [10.0, 40.0]},
        {"a": Column(), "b": Column()},
    )
    table = spatial_table(cells, ["a", "b"], Kernel("triangular", 2000), indices=["D", "isolation", "H"])
    # around the first 30 + 0 and 10 + 20, around the second 15 and 45: shares 1/2 and 1/4
    city, first, second = (-(p * np.log(p) + (1 - p) * np.log(1 - p)) for p in (0.375, 0.5, 0.25))

    assert one(table, "D").estimate == pytest.approx((40 * 0.125 + 40 * 0.125) / (2 * 80 * 0.375 * 0.625) * 1)
    assert one(table, "isolation", "a").estimate == pytest.approx(0.5)
    assert one(table, "H").estimate == pytest.approx(1 - (first + second) / 2 / city)


@pytest.mark.parametrize("radius", [0, 1500, 3000, 6000, 10_000])
def test_expectation_agrees_with_simulation(radius):
    """Under fixed margins every expectation lies within what 200 allocations tell, at every radius."""
    side, rng = 30, np.random.default_rng(6)
    size = rng.negative_binomial(0.5, 0.5 / 60.5, side * side)
    group = rng.multivariate_hypergeometric(size, int(0.06 * size.sum()), method="marginals")
    counts = np.stack([group, size - group], axis=1).astype(float)
    cells, kernel = on_cells(counts, side), Kernel("biweight", radius)
    names = ["D", "H", "V", "isolation", "A", "hutchens", "R", "C"]
    table = spatial_table(cells, ["a", "b"], kernel, indices=names, options=SpatialOptions(interval=False))
    gather, lived = Gather(GRID, cells["cell_id"].to_numpy()), np.arange(side * side)
    own = np.stack(_sorted(cells, list(fixed_margins(counts, 200, rng)), side))
    near = gather(own.transpose(1, 0, 2).reshape(side * side, -1), [(kernel, 1)], lived)[0]
    near = near.reshape(side * side, 200, 2).transpose(1, 0, 2)
    for name in names:
        value, _ = with_parameters(index_named(name))
        drawn = np.array([value_of(value, o, n) for o, n in zip(own, near, strict=True)])
        expected, error = one(table, name).expected, drawn.std() / np.sqrt(200)
        assert abs(drawn.mean() - expected) < 3.5 * error + 0.012 * expected, name


def _sorted(cells, drawn, side):
    """Put counts that stand row by row into the order of the cells."""
    row, col = GRID.row_col(cells["cell_id"].to_numpy())
    return [c[(row - 3_205) * side + col - 4_310] for c in drawn]


def test_published_expectations():
    """Expected D at 0 to 8 cells falls from 0.16 to 0.02, as in a town of the reference (P = 6 %)."""
    side, rng = 60, np.random.default_rng(1)
    size = rng.negative_binomial(0.5, 0.5 / 69.5, side * side)
    group = rng.binomial(size, 0.06)
    cells = on_cells(np.stack([group, size - group], axis=1).astype(float), side)
    radii = [1000.0 * (r + 1) if r else 0.0 for r in (0, 1, 2, 4, 8)]
    table = profile_table(cells, ["a", "b"], radii, indices=["D"], options=SpatialOptions(interval=False))
    expected = table[(table["index"] == "D") & (table["groups"] == "a")]["expected"].to_numpy()

    assert expected == pytest.approx([0.1606, 0.0945, 0.0616, 0.0358, 0.0196], rel=0.25)


@pytest.mark.parametrize("radius", [0, 2000, 5000])
def test_intervals_agree_with_simulated_towns(radius):
    """Over towns drawn again with Poisson persons, indices scatter as their intervals say."""
    rng = np.random.default_rng(8)
    mean, kernel = segregated(side=20, mean=90.0), Kernel("biweight", radius)
    drawn = [
        spatial_table(
            on_cells(rng.poisson(mean).astype(float), 20), NAMES, kernel, indices=["D", "H", "isolation", "R"]
        )
        for _ in range(120)
    ]
    estimates = np.stack([t["corrected"] for t in drawn])
    half = np.mean([(t["high"] - t["low"]) / 2 / 1.959964 for t in drawn], axis=0)

    assert (half / estimates.std(axis=0)) == pytest.approx(np.ones(half.shape), abs=0.3)
    assert np.mean(half / estimates.std(axis=0)) == pytest.approx(1.0, abs=0.12)


def test_derivative_is_that_of_the_index():
    """One person more moves an index by its derivative: the interval is the sum of these squares."""
    counts = segregated(side=8)
    kernel, function = Kernel("biweight", 3000), with_parameters(index_named("H_multi"))[0]
    cells = on_cells(counts, 8)
    own = np.stack([cells[n].to_numpy() for n in NAMES], axis=1)
    k = around(cells, np.eye(64), kernel).counts
    variance = 0.0
    for j, m in zip(*np.nonzero(own), strict=True):
        more, less = own.copy(), own.copy()
        more[j, m] += 1e-4
        less[j, m] -= 1e-4
        slope = (value_of(function, more, k @ more) - value_of(function, less, k @ less)) / 2e-4
        variance += own[j, m] * slope**2
    row = one(spatial_table(cells, NAMES, kernel, indices=["H_multi"]), "H_multi")

    assert (row.high - row.low) / 2 / 1.959964 * (1 - row.expected) == pytest.approx(np.sqrt(variance), rel=1e-4)


def test_zones_have_neighbours_beyond_their_border():
    """A zone's row is that of its residents alone with the rest of the town outside: numbers and intervals."""
    counts = segregated()
    cells = on_cells(counts, 24, {"part": np.where(np.arange(len(counts)) % 24 < 9, "west", "east")})
    kernel = Kernel("biweight", 4000)
    zones = spatial_table(cells, NAMES, kernel, zone="part")
    west = cells.isel(cell=np.flatnonzero(cells["part"].to_numpy() == "west"))
    alone = spatial_table(west, NAMES, kernel, options=SpatialOptions(outside=cells))
    found = zones[zones["zone"] == "west"][NUMBERS].to_numpy()

    assert zones["zone"].unique().tolist() == ["all", "east", "west"]
    assert found == pytest.approx(alone[NUMBERS].to_numpy(), abs=1e-12, nan_ok=True)


def test_any_rule_makes_neighbourhoods():
    """A function of cells and counts stands in for a kernel; without weights back no interval is told."""
    cells, kernel = on_cells(segregated(), 24), Kernel("biweight", 3000)
    expected = spatial_table(cells, NAMES, kernel)
    same = spatial_table(cells, NAMES, lambda c, n: around(c, n, kernel))
    bare = spatial_table(cells, NAMES, lambda c, n: Around(*around(c, n, kernel)[:3], {"k": 400}))

    assert same[NUMBERS].equals(expected[NUMBERS])
    assert bare["expected"].equals(expected["expected"])
    assert bare["low"].isna().all()
    assert json.loads(bare["parameters"][0])["k"] == 400


def test_noise_of_the_publisher_is_taken_out():
    """Noise added to every count raises what is expected as much as it raises the index."""
    rng = np.random.default_rng(3)
    side, kernel = 30, Kernel("biweight", 2500)
    size = rng.negative_binomial(2, 2 / 42, side * side) + 20
    group = rng.binomial(size, 0.3)
    counts = np.stack([group, size - group], axis=1).astype(float)
    noisy = []
    for _ in range(60):
        noise = rng.integers(-3, 4, counts.shape)
        table = spatial_table(
            on_cells(np.maximum(counts + noise, 0), side),
            ["a", "b"],
            kernel,
            indices=["V", "D"],
            options=SpatialOptions(noise_variance=4.0),
        )
        noisy.append([one(table, "V").corrected, one(table, "D").corrected])
    true = spatial_table(on_cells(counts, side), ["a", "b"], kernel, indices=["V", "D"])

    assert np.mean(noisy, axis=0) == pytest.approx([one(true, "V").corrected, one(true, "D").corrected], abs=0.0016)


def test_square_and_hexagon_converge():
    """One surface of people on squares and on H3: indices meet as cells shrink."""
    from pyproj import Transformer

    rng = np.random.default_rng(5)
    at = rng.uniform(0, 12_000, (60_000, 2))
    first = rng.random(len(at)) < 0.2 + 0.5 * (at[:, 0] > 6_000) * (at[:, 1] > 5_000)
    place = at + [4_321_000, 3_210_000]
    degrees = np.stack(Transformer.from_crs(3035, 4326, always_xy=True).transform(*place.T), axis=1)
    apart = []
    for side, resolution in ((1500, 7), (500, 8), (200, 9)):
        values = []
        for grid, points in ((SquareGrid(cell_size_m=side), place), (H3Grid(resolution), degrees)):
            ids, cell = np.unique(grid.cell_at(points), return_inverse=True)
            a, b = np.bincount(cell, first), np.bincount(cell, ~first)
            cells = make_cells(grid, ids, {"a": a, "b": b}, {"a": Column(), "b": Column()})
            table = spatial_table(
                cells,
                ["a", "b"],
                Kernel("biweight", 3000),
                indices=["D", "H", "isolation"],
                options=SpatialOptions(interval=False),
            )
            values.append([one(table, n, "a").estimate for n in ("D", "H", "isolation")])
        apart.append(np.abs(np.subtract(*values)))

    assert (apart[2] < 0.0012).all()
    assert apart[2].sum() < apart[0].sum() / 4


def test_profile_is_the_tables_of_all_radii():
    """Each radius has the rows of its own table; ratio and slope follow from them."""
    cells, radii = on_cells(segregated(), 24), [1000.0, 2000.0, 4000.0]
    profile = profile_table(cells, NAMES, [Kernel("biweight", int(radius)) for radius in radii])
    for k, radius in enumerate(radii):
        alone = spatial_table(cells, NAMES, Kernel("biweight", radius))
        part = profile.iloc[k * len(alone) : (k + 1) * len(alone)].reset_index(drop=True)
        assert part[NUMBERS].to_numpy() == pytest.approx(alone[NUMBERS].to_numpy(), abs=1e-12, nan_ok=True)
        assert part["parameters"].equals(alone["parameters"])
    h = profile[profile["index"] == "H_multi"]["estimate"].to_numpy()

    assert one(profile, "H_multi_macro_micro").estimate == pytest.approx(h[2] / h[0])
    assert one(profile, "H_multi_slope").estimate == pytest.approx((h[2] - h[0]) / 2)
    assert json.loads(one(profile, "H_multi_macro_micro").parameters)["macro_m"] == 4000


def test_segregation_falls_with_scale():
    """Of a town in two halves nearly all is left at a large radius, of a chequerboard nothing."""
    side = 24
    row, col = (v.ravel() for v in np.indices((side, side)))
    ratios = []
    for full in (col < 12, (row + col) % 2 == 0):
        counts = np.stack([full * 100.0, ~full * 100.0], axis=1)
        profile = profile_table(on_cells(counts, side), ["a", "b"], [500, 3000], indices=["H"])
        ratios.append(one(profile, "H_macro_micro").estimate)

    assert ratios[0] > 0.7
    assert ratios[1] < 0.01


def test_a_profile_without_chance_or_interval():
    """Nothing is told of chance where nobody asks; estimates stay."""
    cells = on_cells(segregated(), 24)
    bare = profile_table(cells, NAMES, [1000, 3000], chance=False, options=SpatialOptions(interval=False))
    full = profile_table(cells, NAMES, [1000, 3000])

    assert bare["estimate"].equals(full["estimate"])
    assert bare[["expected", "low", "high"]].isna().all(axis=None)


def test_odd_cells():
    """Empty cells, cells with unknown counts, nobody at all, one group alone: defined, never a wrong number."""
    counts = segregated(side=8)
    codes = np.zeros(64, dtype=np.uint8)
    codes[3] = Status.UNAVAILABLE
    a = np.where(codes > 0, np.nan, counts[:, 0])
    row, col = (v.ravel() for v in np.indices((8, 8)))
    ids = GRID.from_row_col(row + 3_205, col + 4_310)
    about = {n: Column() for n in NAMES}
    unknown = make_cells(GRID, ids, {"a": a, "b": counts[:, 1], "c": counts[:, 2]}, about, status={"a": codes})
    without = counts.copy()
    without[3] = 0
    kernel = Kernel("biweight", 2500)
    found = spatial_table(unknown, NAMES, kernel)

    assert found[NUMBERS].equals(spatial_table(on_cells(without, 8), NAMES, kernel)[NUMBERS])
    assert json.loads(found["parameters"][0])["left_out_cells"] == 1
    assert spatial_table(on_cells(0 * counts, 8), NAMES, kernel).empty
    assert profile_table(on_cells(0 * counts, 8), NAMES).empty
    alone = spatial_table(on_cells(counts * [1, 0, 0], 8), NAMES, kernel)
    assert np.isnan(one(alone, "H_multi").estimate)
    assert one(alone, "isolation", "a").estimate == 1
    single = spatial_table(on_cells(counts, 8).isel(cell=[9]), NAMES, kernel)
    assert one(single, "D_multi").estimate == 0


def test_gini_of_neighbourhoods_has_no_expectation():
    """Neighbourhoods that overlap are alike by more than chance: the Gini index is not corrected."""
    table = spatial_table(on_cells(segregated(), 24), NAMES, Kernel("biweight", 3000), indices=["G", "G_multi"])

    assert table["estimate"].between(0, 1).all()
    assert table[["expected", "corrected"]].isna().all(axis=None)


def test_hexagons_have_profiles():
    """H3 cells take the same path; radius 0 is the aspatial table."""
    grid, rng = H3Grid(8), np.random.default_rng(0)
    ids = np.unique(grid.cell_at(np.array([10.0, 52.0]) + rng.uniform(-0.1, 0.1, (2000, 2))))
    counts = rng.negative_binomial(0.7, 0.02, (len(ids), 2)).astype(float)
    cells = make_cells(grid, ids, {"a": counts[:, 0], "b": counts[:, 1]}, {"a": Column(), "b": Column()})
    profile = profile_table(cells, ["a", "b"], [0, 2000])
    aspatial = segregation_table(cells, ["a", "b"], indices=SPATIAL)

    assert profile.head(len(aspatial))[NUMBERS].to_numpy() == pytest.approx(aspatial[NUMBERS].to_numpy(), abs=1e-9)
    assert one(profile, "H_macro_micro").estimate < 0.5


def test_what_is_refused():
    """Too few groups, unknown indices, equal radii, neighbours outside of a rule of one's own."""
    cells = on_cells(segregated(side=8), 8)
    kernel = Kernel("biweight", 2000)

    with pytest.raises(SchemaError, match="two groups"):
        spatial_table(cells, ["a"], kernel)
    with pytest.raises(UnknownNameError, match="H_multi"):
        spatial_table(cells, NAMES, kernel, indices=["H_mult"])
    with pytest.raises(SchemaError, match="outside is for kernels"):
        spatial_table(cells, NAMES, lambda c, n: around(c, n, kernel), options=SpatialOptions(outside=cells))
    with pytest.raises(SchemaError, match="kernels that differ"):
        profile_table(cells, NAMES, [1000, 1000])


def test_interpolated_counts_are_not_corrected():
    """Where most counts are estimates nothing is expected of chance, and the interval lies around the estimate."""
    counts = segregated(side=8)
    row, col = (v.ravel() for v in np.indices((8, 8)))
    codes = np.full(64, Status.IMPUTED, dtype=np.uint8)
    cells = make_cells(
        GRID,
        GRID.from_row_col(row + 3_205, col + 4_310),
        {n: counts[:, k] for k, n in enumerate(NAMES)},
        {n: Column() for n in NAMES},
        status=dict.fromkeys(NAMES, codes),
    )
    found = one(spatial_table(cells, NAMES, Kernel("biweight", 2500), indices=["H_multi"]), "H_multi")

    assert np.isnan([found.expected, found.corrected]).all()
    assert (found.low + found.high) / 2 == pytest.approx(found.estimate)
    assert "interpolated" in json.loads(found.parameters)["no_correction"]


def test_outside_with_unknown_counts():
    """Neighbours whose counts nobody knows are no neighbours."""
    cells, beyond = on_cells(segregated(side=8), 8), on_cells(segregated(side=12, seed=9), 12)
    codes = np.zeros(144, dtype=np.uint8)
    ids = beyond["cell_id"].to_numpy()
    codes[~np.isin(ids, cells["cell_id"].to_numpy())] = Status.UNAVAILABLE
    values = {n: np.where(codes > 0, np.nan, beyond[n].to_numpy()) for n in NAMES}
    unknown = make_cells(GRID, ids, values, {n: Column() for n in NAMES}, status=dict.fromkeys(NAMES, codes))
    kernel = Kernel("biweight", 3000)
    alone = spatial_table(cells, NAMES, kernel)

    for outside, same in ((unknown, True), (beyond, False)):
        found = spatial_table(cells, NAMES, kernel, options=SpatialOptions(outside=outside))
        assert np.allclose(found["estimate"], alone["estimate"], rtol=1e-12, atol=0) == same
