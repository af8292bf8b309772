"""Methods: whatever the weights, every unit keeps its people."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from civigrid.cells import ids_of, make_cells, values_of
from civigrid.crosswalk import Crosswalk
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.kernels.pycnophylactic import smooth_density
from civigrid.kernels.whole_numbers import largest_remainder, tie_breaker
from civigrid.project import polygon_crosswalk, project_areas
from civigrid.project.methods import (
    by_area,
    by_largest_overlap,
    class_layer,
    count_layer,
    dasymetric,
    pycnophylactic,
    reweight,
)
from civigrid.project.methods.model import by_model
from civigrid.source import Source
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=100)
WEST, SOUTH = 4_500_000, 3_200_000


def tiles(n=6, side=730.0, shift=37.0):
    """A tiling of n x n rectangles that lie askew on the grid."""
    i, j = np.divmod(np.arange(n * n), n)
    west, south = WEST + shift + i * side, SOUTH + shift + j * side
    boxes = shapely.box(west, south, west + side, south + side)
    return gpd.GeoSeries(boxes, [f"u{k:02d}" for k in range(n * n)], crs="EPSG:3035")


def land(seed=0, n=60):
    """Cells with people, a land-use share, and a covariate that explains density."""
    rng = np.random.default_rng(seed)
    row, col = np.divmod(np.arange(n * n), n)
    ids = GRID.from_row_col(SOUTH // 100 + row, WEST // 100 + col)
    people = np.where(rng.random(n * n) < 0.4, rng.integers(1, 80, n * n), 0).astype(float)
    lights = np.exp(-((row - 30) ** 2 + (col - 20) ** 2) / 200)
    values = {"people": people, "urban": (people > 0).astype(float), "lights": lights}
    about = {"people": Column(), "urban": Column(kind="intensive", units="1")} | {
        "lights": Column(kind="intensive", units="1")
    }
    return make_cells(GRID, ids, values, about)


def source_of(counts):
    shapes = tiles()
    table = pd.DataFrame({"n": counts}, index=shapes.index)
    return Source(name="tiles", table=table, columns={"n": Column()}, geometry=shapes)


METHODS = {
    "area": by_area,
    "largest": by_largest_overlap,
    "people": lambda: dasymetric(count_layer(land(), "people")),
    "chain": lambda: dasymetric(class_layer(land(), {"urban": 1.0}), count_layer(land(), "people")),
    "pycnophylactic": pycnophylactic,
    "poisson": lambda: by_model(land(), ["lights", "people"]),
    "boosting": lambda: by_model(land(), ["lights"], kind="boosting"),
}


ANY_GRID = ("area", "largest", "pycnophylactic")
CASES = [(name, GRID) for name in METHODS]
CASES += [(name, grid) for name in ANY_GRID for grid in (SquareGrid(cell_size_m=1000), H3Grid(9))]


@pytest.mark.parametrize(("name", "grid"), CASES, ids=lambda c: getattr(c, "id", c))
def test_every_method_keeps_every_units_people(name, grid):
    """Row by row, what a unit's cells hold is what the unit holds."""
    areas = polygon_crosswalk(tiles(), grid)
    counts = np.random.default_rng(1).integers(0, 500, 36).astype(float)
    found = METHODS[name]()(areas, counts)
    by_unit = np.asarray((found.shares().multiply(counts[:, None])).sum(axis=1)).ravel()

    np.testing.assert_allclose(by_unit, counts, rtol=1e-12)
    assert found.apply_extensive(counts).min() >= 0
    assert Crosswalk.from_bytes(found.to_bytes()).digest() == found.digest()


@pytest.mark.parametrize("name", METHODS)
def test_projection_by_any_method_balances_and_keeps_the_unknown_unknown(name):
    """A missing unit stays missing, the rest is placed to the last person."""
    counts = np.arange(36.0) * 10
    counts[7] = np.nan
    found = project_areas(source_of(counts), polygon_crosswalk(tiles(), GRID), method=METHODS[name]())

    assert found.ledger[0].error < 1e-12
    assert found.ledger[0].placed == pytest.approx(np.nansum(counts), rel=1e-12)
    assert found.ledger[0].missing_units == 1
    assert np.isnan(values_of(found.cells, "n")).any()


def test_a_unit_whose_mask_is_empty_falls_back_step_by_step():
    """No unit vanishes: the chain says which step spread each."""
    cells = land()
    areas = polygon_crosswalk(tiles(), GRID)
    mine = np.isin(ids_of(cells), areas.cell_id[areas.measure[[0]].indices])
    other = np.isin(ids_of(cells), areas.cell_id[areas.measure[[35]].indices])
    people = np.where(mine | other, 0.0, values_of(cells, "people"))
    built = np.where(other, 0.0, 5.0)
    both = make_cells(GRID, ids_of(cells), {"p": people, "b": built}, {"p": Column(), "b": Column(units="m3")})
    found = reweight(areas, count_layer(both, "p"), count_layer(both, "b"))

    assert found.steps == ("p", "b", "area")
    assert [found.steps[k] for k in found.step[[0, 1, 35]]] == ["b", "p", "area"]
    np.testing.assert_allclose(found.placed_share, 1.0)
    cells_35 = found.shares()[[35]].toarray().ravel()
    np.testing.assert_allclose(cells_35, areas.shares()[[35]].toarray().ravel(), atol=1e-15)


def test_binary_mask_puts_people_on_the_mask_alone():
    """Where a unit has land of the class, no one is placed elsewhere."""
    cells = land()
    found = dasymetric(class_layer(cells, {"urban": 1.0}))(polygon_crosswalk(tiles(), GRID), np.ones(36))
    urban = dict(zip(ids_of(cells).tolist(), values_of(cells, "urban").tolist(), strict=True))
    spread = found.apply_extensive(np.full(36, 100.0))
    off = [v for c, v in zip(found.cell_id.tolist(), spread.tolist(), strict=True) if urban[c] == 0]

    assert max(off) < 1e-4


def test_smooth_density_against_whole_array_convolution():
    """Label sums give what a mask per zone per iteration gives, on a small raster."""
    rng = np.random.default_rng(3)
    labels = np.kron(np.arange(4).reshape(2, 2), np.ones((3, 3), dtype=int))
    totals = rng.integers(10, 100, 4).astype(float)
    place = np.arange(36).reshape(6, 6)
    padded = np.pad(place, 1, constant_values=-1)
    around = np.stack([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]], axis=-1)
    found, made = smooth_density(labels.ravel(), totals, around.reshape(36, 4), tolerance=0.0, iterations=9)
    value = (totals / 9)[labels]
    for _ in range(9):
        edge = np.pad(value, 1, constant_values=np.nan)
        mean = np.nanmean([edge[:-2, 1:-1], edge[2:, 1:-1], edge[1:-1, :-2], edge[1:-1, 2:]], axis=0)
        value = 0.5 * (value + mean)
        for zone in range(4):
            mask = labels == zone
            value[mask] = np.maximum(value[mask] + (totals[zone] - value[mask].sum()) / 9, 0)
            value[mask] *= totals[zone] / value[mask].sum()

    assert made == 9
    np.testing.assert_allclose(found.reshape(6, 6), value, rtol=1e-12)


def test_a_model_finds_where_people_are():
    """With a covariate that explains density, the model errs less than area, and says how much it explains."""
    cells = land()
    truth = np.exp(3 + 3 * values_of(cells, "lights"))
    exact = make_cells(GRID, ids_of(cells), {"t": truth}, {"t": Column()})
    areas = polygon_crosswalk(tiles(), GRID)
    at = np.searchsorted(ids_of(exact), areas.cell_id)
    whole = areas.covered > 0.999
    counts = areas.back_extensive(truth[at])
    errors = {}
    for name, method in {"area": by_area(), "model": by_model(cells, ["lights"])}.items():
        weighed = method(areas, counts)
        errors[name] = np.abs(weighed.apply_extensive(counts) - truth[at])[whole].sum()

    assert errors["model"] < 0.5 * errors["area"]
    assert "deviance explained 1.00" in weighed.method


@given(st.lists(st.integers(0, 60), min_size=36, max_size=36), st.integers(0, 5))
def test_whole_persons_keep_unit_totals(counts, seed):
    """Every cell holds whole persons, every unit keeps its own, and a unit's draw ignores its company."""
    source, areas = source_of(np.array(counts, dtype=float)), polygon_crosswalk(tiles(), GRID)
    found = values_of(project_areas(source, areas, whole_seed=seed).cells, "n")

    assert (found == np.rint(found)).all()
    assert found.sum() == sum(counts)
    expected = areas.apply_extensive(np.array(counts, dtype=float))
    touching = np.diff(areas.measure.tocsc().indptr)
    assert (np.abs(found - expected) < touching + 1e-9).all()


def test_largest_remainder_by_hand():
    """Three seats of 1.5, 0.9, 0.6: the larger remainders win, ties fall by the seed."""
    row, totals = np.zeros(3, dtype=int), np.array([3])
    tie = tie_breaker(4, np.arange(3, dtype=np.uint64))

    assert largest_remainder(row, np.array([1.5, 0.9, 0.6]), totals, tie).tolist() == [1, 1, 1]
    assert largest_remainder(row, np.array([1.5, 0.5, 1.0]), totals, tie).sum() == 3
    with pytest.raises(SchemaError, match="not whole"):
        project_areas(source_of(np.full(36, 1.5)), polygon_crosswalk(tiles(), GRID), whole_seed=1)


def test_refusals():
    """A rate is no weight, a negative weight no weight, another grid no place."""
    cells = land()
    minus = make_cells(GRID, ids_of(cells)[:1], {"p": [-1.0]}, {"p": Column()})

    with pytest.raises(SchemaError, match="is a rate"):
        count_layer(cells, "urban")
    with pytest.raises(SchemaError, match="negative in 1 cells"):
        count_layer(minus, "p")
    with pytest.raises(SchemaError, match="at least 0"):
        class_layer(cells, {"urban": -1.0})
    with pytest.raises(SchemaError, match="at least one layer"):
        dasymetric()
    with pytest.raises(GridMismatchError, match="weights lie on"):
        reweight(polygon_crosswalk(tiles(), SquareGrid(cell_size_m=200)), count_layer(cells, "people"))
    with pytest.raises(SchemaError, match="teach no model"):
        by_model(cells, ["lights"])(polygon_crosswalk(tiles(2), GRID), np.ones(4))


def test_rates_average_by_the_count_that_weighs_them():
    """A rate known per person is averaged over persons where units meet, not over land."""
    shapes = gpd.GeoSeries(
        [shapely.box(WEST, SOUTH, WEST + 50, SOUTH + 100), shapely.box(WEST + 50, SOUTH, WEST + 100, SOUTH + 100)],
        ["a", "b"],
        crs="EPSG:3035",
    )
    table = pd.DataFrame({"n": [90.0, 10.0], "rate": [0.1, 0.9]}, index=shapes.index)
    about = {"n": Column(), "rate": Column(kind="intensive", units="1", weight="n")}
    source = Source(name="s", table=table, columns=about, geometry=shapes)
    found = project_areas(source, polygon_crosswalk(shapes, GRID)).cells

    assert values_of(found, "rate").tolist() == pytest.approx([0.18])
    assert found["n_status"].to_numpy().tolist() == [Status.OK]
