"""Draws and hold-out: the moments of the Dirichlet-multinomial, totals kept, intervals that hold what they say."""

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.stats import dirichlet_multinomial

from civigrid.cells import make_cells, status_of
from civigrid.engine import Scheduler
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.kernels.dirichlet import (
    draw_counts,
    estimate_concentration,
    interval_holds,
    log_likelihood,
    shortest_interval,
)
from civigrid.kernels.errors_of import allocation_errors
from civigrid.layers.segregation import segregation_table
from civigrid.project import draws as draws_module
from civigrid.project import polygon_crosswalk, project_areas
from civigrid.project.draws import draw_areas, draw_matrix
from civigrid.project.holdout import calibrated_concentration, hide_finest, holdout_rows
from civigrid.project.methods import by_area, count_layer, dasymetric
from civigrid.result_table import result_table
from civigrid.source import Source
from civigrid.stacks import interval, over, slice_of, stack_cells
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=100)
X, Y, SIDE = 4_500_000, 3_200_000, 1_000


def tiling(n=5):
    i, j = np.divmod(np.arange(n * n), n)
    shapes = shapely.box(X + i * SIDE, Y + j * SIDE, X + (i + 1) * SIDE, Y + (j + 1) * SIDE)
    return gpd.GeoSeries(shapes, [f"u{k:02d}" for k in range(n * n)], crs="EPSG:3035")


def register(n=5, seed=3):
    shapes = tiling(n)
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"a": rng.integers(0, 400, n * n), "b": rng.integers(0, 60, n * n)}, shapes.index)
    return Source(name="r", table=table.astype(float), columns={"a": Column(), "b": Column()}, geometry=shapes)


def test_moments_of_one_unit():
    """Mean N w, variance N w (1 - w) (N + a) / (1 + a); with infinite concentration, multinomial."""
    w, total = np.array([0.1, 0.2, 0.7]), 80
    for alpha, factor in ((4.0, (total + 4.0) / 5.0), (np.inf, 1.0)):
        found = draw_counts(total, w, alpha, 40_000, np.random.default_rng(5))

        assert (found.sum(axis=1) == total).all()
        np.testing.assert_allclose(found.mean(axis=0), total * w, rtol=0.02)
        np.testing.assert_allclose(found.var(axis=0), total * w * (1 - w) * factor, rtol=0.05)


def test_tiny_concentrations_still_place_everyone():
    """Where every share underflows, all live in one cell."""
    found = draw_counts(9, np.array([0.5, 0.5]), 1e-6, 2_000, np.random.default_rng(1))

    assert set(np.unique(found)) == {0, 9}
    assert 0.4 < (found[:, 0] == 9).mean() < 0.6


def test_likelihood_is_scipys_and_concentration_is_found_again():
    """The kernel differs from scipy's log mass by a term free of the concentration; the estimate recovers the truth."""
    rng = np.random.default_rng(2)
    unit, w = np.repeat(np.arange(400), 5), np.tile([0.05, 0.15, 0.2, 0.25, 0.35], 400)
    n = np.concatenate([draw_counts(120, w[:5], 12.0, 1, rng)[0] for _ in range(400)]).astype(float)
    ours = [log_likelihood(unit, n, w, a) for a in (3.0, 30.0)]
    theirs = [
        sum(dirichlet_multinomial.logpmf(c.astype(int), a * w[:5], 120) for c in n.reshape(-1, 5)) for a in (3.0, 30.0)
    ]

    assert ours[1] - ours[0] == pytest.approx(theirs[1] - theirs[0], rel=1e-9)
    assert estimate_concentration(unit, n, w) == pytest.approx(12.0, rel=0.15)


def test_draws_keep_unit_totals_statuses_and_bits(monkeypatch):
    """Every draw holds every unit's people; no block, worker or neighbour changes a bit."""
    source = register()
    source.table.loc["u07", "a"] = np.nan
    crosswalk = polygon_crosswalk(source.geometry, GRID)
    first = draw_areas(source, crosswalk, concentration={"a": 20.0, "b": 5.0}, n=12, seed=4)
    monkeypatch.setattr(draws_module, "PAIRS_PER_BLOCK", 150)
    for scheduler in (Scheduler("threads", 2), Scheduler("processes", 2)):
        other = draw_areas(source, crosswalk, concentration={"a": 20.0, "b": 5.0}, n=12, seed=4, scheduler=scheduler)
        assert first.identical(other)
    values = first["b"].transpose("draw", "cell").to_numpy()
    by_unit = np.stack([(crosswalk.measure > 0).astype(float) @ v for v in values])

    assert (by_unit == source.table["b"].to_numpy()).all()
    assert np.isnan(first["a"].to_numpy()).sum() == 12 * 100
    mean = project_areas(source, crosswalk).cells
    np.testing.assert_array_equal(status_of(slice_of(first, "draw", 3), "a"), status_of(mean, "a"))
    alone = Source(name="r", table=source.table.iloc[3:4], columns=source.columns, geometry=source.geometry.iloc[3:4])
    lone = draw_areas(alone, polygon_crosswalk(alone.geometry, GRID), concentration=5.0, n=12, seed=4, columns=["b"])
    mine = np.isin(first["cell_id"], lone["cell_id"])
    np.testing.assert_array_equal(lone["b"].to_numpy(), first["b"].transpose(*lone["b"].dims).to_numpy()[..., mine])


def test_any_layer_takes_draws():
    """A layer runs on every draw as on any cells, and its spread is an interval."""
    source = register()
    stack = draw_areas(source, polygon_crosswalk(source.geometry, GRID), concentration=8.0, n=20)

    def dissimilarity(cells):
        table = segregation_table(cells, ["a", "b"])
        return float(table.loc[table["index"] == "D", "estimate"].iloc[0])

    values = list(over(stack, "draw", dissimilarity).values())
    low, high = interval(stack, dissimilarity)
    assert min(values) <= low < high <= max(values)
    assert sum(low <= v <= high for v in values) >= 18


def test_refusals():
    """Fractions of persons, an impossible concentration, stacks of different cells."""
    source = register()
    crosswalk = polygon_crosswalk(source.geometry, GRID)
    halves = Source(name="r", table=source.table + 0.5, columns=source.columns, geometry=source.geometry)
    one = project_areas(source, crosswalk).cells

    with pytest.raises(SchemaError, match="25 units have counts that are not whole"):
        draw_areas(halves, crosswalk, concentration=1.0, n=2)
    with pytest.raises(SchemaError, match="must be above 0"):
        draw_areas(source, crosswalk, concentration=0.0, n=2)
    with pytest.raises(SchemaError, match="same cells"):
        stack_cells([one, one.isel(cell=slice(5))], "draw", [0, 1])
    with pytest.raises(SchemaError, match="one label to each slice"):
        stack_cells([one], "draw", [0, 1])
    with pytest.raises(GridMismatchError, match="cannot stack"):
        stack_cells([one, project_areas(source, polygon_crosswalk(source.geometry, H3Grid(8))).cells], "draw", [0, 1])


def scattered(seed=11, alpha=15.0):
    """A town whose people scatter within their units exactly as a Dirichlet-multinomial of the land."""
    rng = np.random.default_rng(seed)
    n = 60
    row, col = np.divmod(np.arange((10 * n) * 10), 10 * n)
    ids = GRID.from_row_col(Y // 100 + row, X // 100 + col)
    land = rng.integers(1, 9, len(ids)).astype(float)
    unit = col // 10
    truth = np.zeros(len(ids))
    for u in range(n):
        mine = np.flatnonzero(unit == u)
        truth[mine] = draw_counts(int(rng.integers(200, 4_000)), land[mine] / land[mine].sum(), alpha, 1, rng)[0]
    shapes = [shapely.box(X + u * SIDE, Y, X + (u + 1) * SIDE, Y + SIDE) for u in range(n)]
    cells = make_cells(GRID, ids, {"p": truth, "land": land}, {"p": Column(), "land": Column(units="m2")})
    return cells, gpd.GeoSeries(shapes, [f"t{u}" for u in range(n)], crs="EPSG:3035")


def test_holdout_finds_the_better_method_and_honest_intervals():
    """Where the truth is known, the right weights err least, alpha is found, and 90 % intervals hold 90 %."""
    cells, shapes = scattered()
    held = hide_finest(cells, shapes, GRID, ["p"])
    methods = {"area": by_area(), "land": dasymetric(count_layer(cells, "land"))}
    density = held.source.table["p"].to_numpy() / (held.areas.unit_measure / 1e6)
    table = result_table(holdout_rows(held, methods, n=100, density=density))
    about = table["parameters"].map(json.loads)
    table["method"], table["class"] = about.map(lambda a: a["method"]), about.map(lambda a: a["density_class"])
    figures = table[table["class"] == "all"].pivot(index="method", columns="index", values="estimate")

    assert figures.loc["land", "total_allocation_error"] < figures.loc["area", "total_allocation_error"]
    assert figures.loc["land", "concentration"] == pytest.approx(15.0, rel=0.15)
    assert figures["coverage_90"].between(0.87, 0.93).all()
    assert table["class"].nunique() >= 3
    parts = table[(table["index"] == "persons_misplaced") & (table["class"] != "all")]
    assert parts["estimate"].sum() == pytest.approx(2 * 0.5 * figures["persons_misplaced"].sum())
    counts = held.source.table["p"].to_numpy()
    weighed = methods["land"](held.areas, counts)
    found = calibrated_concentration(weighed, counts, held.truth["p"], "p")
    again = draw_matrix(counts, weighed, "p", found, n=200, seed=77).T
    assert interval_holds(again, held.truth["p"], 0.9, np.random.default_rng(3)).mean() == pytest.approx(0.9, abs=0.015)
    assert 5 < found < 45


def test_figures_by_hand():
    """Ten of a hundred people are in the wrong cell."""
    found = allocation_errors(np.array([60.0, 40.0, 0.0]), np.array([50.0, 50.0, 0.0]))

    assert found["total_allocation_error"] == pytest.approx(0.1)
    assert found["persons_misplaced"] == 10
    assert found["root_mean_square_error"] == pytest.approx(np.sqrt(200 / 3))
    assert np.isnan(allocation_errors(np.empty(0), np.empty(0))["bias"])
    assert shortest_interval(np.array([[0.0, 0, 0, 0, 5, 6, 7, 8, 9, 90]]), 0.9)[1].tolist() == [9.0]


def test_statuses_of_a_draw_say_imputed():
    """A drawn count was not counted."""
    source = register()
    stack = draw_areas(source, polygon_crosswalk(source.geometry, GRID), concentration=8.0, n=2)

    assert set(np.unique(stack["a_status"])) <= {Status.IMPUTED, Status.OBSERVED_ZERO}


def test_draws_without_scatter_are_a_stack_too():
    """Where each unit has one place to be, every draw is the same, and is there."""
    source = register()
    one = draw_areas(source, polygon_crosswalk(source.geometry, SquareGrid(cell_size_m=1000)), concentration=8.0, n=3)

    assert one["a"].sizes == {"draw": 3, "cell": 25}
    assert over(one, "draw", lambda c: float(c["a"].sum())) == dict.fromkeys(range(3), source.table["a"].sum())
