"""Indices and maps of the k nearest persons: by hand, by brute force, beside EquiPop, and in their limits."""

import json

import numpy as np
import pytest

from civigrid.cells import make_cells, values_of
from civigrid.engine import Scheduler
from civigrid.errors import CivigridError, SchemaError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.kernels.evenness import dissimilarity, information
from civigrid.kernels.zones import zones_of
from civigrid.layers.segregation.neighbourhoods.by_kernel import Neighbours
from civigrid.layers.segregation.neighbourhoods.nearest import PRESETS, Nearest, nearest_around
from civigrid.layers.segregation.neighbourhoods.nearest_table import nearest_cells, nearest_table
from civigrid.layers.segregation.neighbourhoods.spatial import SpatialOptions, spatial_table
from civigrid.layers.segregation.neighbourhoods.spatial_chance import spatial_error
from civigrid.layers.segregation.table import segregation_table
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=100)
ABOUT = {name: Column(long_name=name.upper()) for name in "abc"}


def on_squares(row, col, counts, status=None):
    ids = GRID.from_row_col(row + 30_000, col + 40_000)
    return make_cells(
        GRID, ids, {n: counts[:, m] for m, n in enumerate("abc"[: counts.shape[1]])}, ABOUT, status=status
    )


def counts_of(cells, names="abc"):
    return np.stack([values_of(cells, n) for n in names], axis=1)


def town(side=24, seed=3, whole=True):
    """A town whose second group lives in the east."""
    rng = np.random.default_rng(seed)
    row, col = (v.ravel() for v in np.indices((side, side)))
    kept = rng.random(side * side) > 0.3
    row, col = row[kept], col[kept]
    share = np.stack([0.8 - 0.5 * col / side, 0.1 + 0.5 * col / side, np.full(len(col), 0.1)], axis=1)
    counts = rng.poisson(rng.gamma(0.7, 12, len(row))[:, None] * share).astype(float)
    return on_squares(row, col, counts if whole else counts * 0.3)


def brute(cells, counts, k, mode):
    """Neighbourhood, radius, effective persons and chance of oneself of every cell, from all distances."""
    row, col = (v * 100.0 for v in GRID.row_col(cells["cell_id"].to_numpy()))
    size = counts.sum(axis=1)
    found = []
    for i in range(len(row)):
        square = (row - row[i]) ** 2 + (col - col[i]) ** 2
        order = np.argsort(square, kind="stable")
        ring = square[order][np.flatnonzero(np.cumsum(size[order]) >= k * (1 - 1e-9))[0]]
        inside, edge = square < ring, square == ring
        part = (k - size[inside].sum()) / size[edge].sum()
        weight = inside + (1.0 if mode == "whole" else part) * edge
        own = 100.0**2 / np.pi
        inner = max(square[inside & (size > 0)].max(initial=0), min(own, ring))
        radius = np.sqrt(inner + (1.0 if mode == "whole" else part) * (ring - inner)) if ring else np.sqrt(own * part)
        near = weight @ size
        found.append([*(weight @ counts), radius, near**2 / (weight**2 @ size), weight[i] / near])
    return np.array(found)


@pytest.mark.parametrize("mode", ["proportional", "whole"])
@pytest.mark.parametrize("whole", [True, False])
def test_neighbourhoods_equal_brute_force(mode, whole):
    """Composition, radius, effective persons and the chance to meet oneself, of whole persons and of parts of them."""
    cells = town(whole=whole)
    counts = counts_of(cells)
    for found in nearest_around(cells, counts, [3, 40, 200, 1000], overshoot=mode):
        expected = brute(cells, counts, found.nearest.k, mode)
        assert found.around.counts == pytest.approx(expected[:, :3], rel=1e-9, abs=1e-9)
        assert found.radius_m == pytest.approx(expected[:, 3], rel=1e-9)
        assert found.around.size == pytest.approx(expected[:, 4], rel=1e-9)
        assert found.around.oneself == pytest.approx(expected[:, 5], rel=1e-9)
        if mode == "proportional":
            assert found.around.counts.sum(axis=1) == pytest.approx(found.nearest.k, rel=1e-12)


def test_radius_grows_with_k():
    """A thousand values of k: the radius never falls, and parts of a cell have parts of its circle."""
    cells = town()
    before = np.zeros(cells.sizes["cell"])
    for found in nearest_around(cells, counts_of(cells), range(1, 1001)):
        assert (found.radius_m >= before - 1e-9).all()
        before = found.radius_m


def test_nothing_depends_on_workers_or_pieces():
    """Pieces of 7 or 100 cells, in threads or one by one: the same to the bit, sampled persons too."""
    cells = town()
    counts = counts_of(cells)
    for mode in ("proportional", "sampled"):
        whole = list(nearest_around(cells, counts, [40, 500], overshoot=mode, scheduler=Scheduler("serial")))
        for scheduler, n in (
            (Scheduler("threads", 2), 7),
            (Scheduler("serial"), 100),
            (Scheduler("processes", 2), 200),
        ):
            if mode == "sampled" and scheduler.kind == "processes":
                continue
            parts = nearest_around(cells, counts, [40, 500], overshoot=mode, scheduler=scheduler, cells_at_once=n)
            for one, other in zip(whole, parts, strict=True):
                assert np.array_equal(one.around.counts, other.around.counts)
                assert np.array_equal(one.radius_m, other.radius_m)


def test_turned_map_has_the_same_indices():
    """Turned by 90 degrees and moved, every index of the nearest persons is the same."""
    cells = town()
    row, col = GRID.row_col(cells["cell_id"].to_numpy())
    turned = on_squares(col - 39_000, 31_000 - row, counts_of(cells))
    one, other = (nearest_table(c, ["a", "b", "c"], [100, 400]) for c in (cells, turned))

    for name in ("estimate", "expected", "corrected", "low", "high"):
        assert one[name].to_numpy() == pytest.approx(other[name].to_numpy(), abs=1e-12, nan_ok=True)


def test_sampled_persons():
    """They are k whole persons; over many seeds their mean is the proportional part; the seed alone decides."""
    cells = town(side=12)
    counts = counts_of(cells)
    even = next(nearest_around(cells, counts, [60])).around.counts
    draws = [next(nearest_around(cells, counts, [60], overshoot="sampled", seed=s)).around.counts for s in range(400)]

    assert all((draw.sum(axis=1) == 60).all() and (draw == np.rint(draw)).all() for draw in draws)
    spread = np.std(draws, axis=0) / 20
    assert (abs(np.mean(draws, axis=0) - even) <= 5 * spread + 1e-9).all()
    again = next(nearest_around(cells, counts, [60], overshoot="sampled", seed=7)).around.counts
    assert np.array_equal(again, draws[7])
    assert not np.array_equal(draws[7], draws[8])


def test_sampled_persons_belong_to_the_cell():
    """Without some far cells, the draws of the others stay what they were: no order, no neighbour changes them."""
    cells = town(side=12)
    some = cells.isel(cell=cells["a"].to_numpy() >= 0)
    far = on_squares(np.append(*[[900], [901]]), np.array([900, 900]), np.array([[50.0, 40.0, 9.0]] * 2))
    both = make_cells(
        GRID,
        np.concatenate([some["cell_id"].to_numpy(), far["cell_id"].to_numpy()]),
        {n: np.concatenate([values_of(some, n), values_of(far, n)]) for n in "abc"},
        ABOUT,
    )
    kept = np.isin(both["cell_id"].to_numpy(), some["cell_id"].to_numpy())
    one = next(nearest_around(some, counts_of(some), [60], overshoot="sampled")).around.counts
    other = next(nearest_around(both, counts_of(both), [60], overshoot="sampled")).around.counts
    assert np.array_equal(one, other[kept])


def test_equal_to_equipop():
    """EquiPop's own reference town: whole and proportional rings as its files have them, and its engine to 1e-12."""
    equipop = pytest.importorskip("equipop", reason="the peer equipop is not installed")
    from equipop.cells import CellData
    from equipop.fastcounts import run_knn_counts
    from equipop.gridby import gridby

    people = gridby()["people"]
    row, col = (people["y"] // 100).astype(int).to_numpy(), (people["x"] // 100).astype(int).to_numpy()
    group, everyone = people["count_group"].to_numpy(), people["count_all"].to_numpy()
    cells = on_squares(row, col, np.stack([group, everyone - group], axis=1))
    theirs = CellData(people["x"].to_numpy(), people["y"].to_numpy(), everyone, {"g": group}, unit_size=100.0)
    if not hasattr(theirs, "valid_for"):
        pytest.skip(f"equipop {equipop.__version__} has another interface")
    order = np.argsort(GRID.from_row_col(row + 30_000, col + 40_000))
    first = int(np.flatnonzero((row[order] == 0) & (col[order] == 0))[0])
    published = {"whole": (406, 51, 728.0109889), "proportional": (400, 49.73684211, 725.8388976)}
    for mode, (persons, members, radius) in published.items():
        table = run_knn_counts(theirs, [5, 50, 400, 3200], overshoot_mode=mode, report=False).iloc[order]
        for found in nearest_around(cells, counts_of(cells, "ab"), [5, 50, 400, 3200], overshoot=mode):
            k = found.nearest.k
            assert found.around.counts[:, 0] == pytest.approx(table[f"T_g_{k}"].to_numpy(), rel=1e-12)
            assert found.around.counts.sum(axis=1) == pytest.approx(table[f"N_{k}"].to_numpy(), rel=1e-12)
            assert found.radius_m == pytest.approx(table[f"Dist_{k}"].to_numpy(), rel=1e-12)
            if k == 400:
                near = found.around.counts[first]
                assert [near.sum(), near[0], found.radius_m[first]] == pytest.approx(
                    [persons, members, radius], abs=1e-6
                )


def test_persons_weigh_not_cells():
    """A dense city divided in two beside an even countryside: H is that of persons, where EquiPop weighs cells."""
    row, col = np.concatenate([np.indices((4, 4)).reshape(2, -1), 100 + np.indices((40, 40)).reshape(2, -1)], axis=1)
    city = np.arange(len(row)) < 16
    west = col < 2
    counts = np.where(city[:, None], np.where(west[:, None], [1000.0, 0.0], [0.0, 1000.0]), [[1.0, 1.0]])
    cells = on_squares(row, col, counts)
    found = nearest_table(cells, ["a", "b"], [200], indices=["H"])["estimate"].iloc[0]
    near = next(nearest_around(cells, counts_of(cells, "ab"), [200])).around.counts
    own = counts_of(cells, "ab")

    assert found == pytest.approx(information(zones_of(own, near)).estimate[0], rel=1e-12)
    by_cell = information(zones_of(near, near)).estimate[0]
    assert found > 0.8
    assert by_cell < 0.05


def test_one_person_around_is_the_cell_itself():
    """Where every inhabited cell holds at least k persons, the k nearest show the cell: the aspatial indices."""
    cells = on_squares(*np.indices((5, 5)).reshape(2, -1), np.random.default_rng(1).integers(20, 60, (25, 3)) * 1.0)
    near, own = nearest_table(cells, ["a", "b", "c"], [30]), segregation_table(cells, ["a", "b", "c"])
    keys = ["index", "groups"]
    both = near.merge(own, on=keys, suffixes=("", "_own"))

    assert len(both) >= 10
    assert both["estimate"].to_numpy() == pytest.approx(both["estimate_own"].to_numpy(), abs=1e-12)


def test_everyone_around_is_even():
    """With k equal to all persons every neighbourhood is the whole: no index is left."""
    cells = town()
    total = int(counts_of(cells).sum())
    table = nearest_table(cells, ["a", "b", "c"], [total], indices=["D_multi", "H_multi", "R"])
    assert table["estimate"].to_numpy() == pytest.approx(0, abs=1e-12)


def test_too_few_people_is_told():
    """A k beyond all people is missing, with its count of cells, and is no part of the ratio."""
    cells = town(side=10)
    table = nearest_table(cells, ["a", "b", "c"], [50, 100, 10**6], indices=["D", "H_multi"])
    missing = table[table["parameters"].map(lambda text: json.loads(text).get("k") == 10**6)]
    ratio = table[table["index"] == "H_multi_macro_micro"]

    assert len(missing) == 4
    assert missing["estimate"].isna().all()
    assert json.loads(missing["parameters"].iloc[0])["unreached_cells"] == cells.sizes["cell"]
    assert json.loads(ratio["parameters"].iloc[0])["macro_k"] == 100
    shown = nearest_cells(cells, ["a", "b", "c"], [10**6])
    assert (shown[f"radius_{10**6}_status"] == Status.UNAVAILABLE).all()


def test_expected_under_random_allocation():
    """Persons shuffled over all places, 200 times: means of D, H and V lie where the table expects them."""
    cells = town(side=30)
    counts = counts_of(cells)
    size, groups = counts.sum(axis=1).astype(int), counts.sum(axis=0).astype(int)
    rng = np.random.default_rng(11)
    people = np.repeat([0, 1, 2], groups)
    row, col = (v - v.min() for v in GRID.row_col(cells["cell_id"].to_numpy()))
    names, found = ["D_multi", "H_multi", "R"], []
    options = SpatialOptions(interval=False)
    for _ in range(200):
        rng.shuffle(people)
        mixed = np.stack(
            [np.bincount(np.repeat(np.arange(len(size)), size)[people == m], minlength=len(size)) for m in range(3)],
            axis=1,
        )
        other = on_squares(row, col, mixed.astype(float)[np.argsort(np.argsort(GRID.from_row_col(row, col)))])
        found.append(nearest_table(other, ["a", "b", "c"], [120], indices=names, options=options)["estimate"])
    expected = nearest_table(cells, ["a", "b", "c"], [120], indices=names, options=options)["expected"]
    assert expected.to_numpy() == pytest.approx(np.mean(found, axis=0), rel=0.05)


def test_error_is_that_of_poisson_persons():
    """Standard errors by the transposed weights: those of 400 towns of independent Poisson persons."""
    cells = town(side=20)
    counts = counts_of(cells)
    at = np.flatnonzero(counts.sum(axis=1) > 0)
    near = next(nearest_around(cells, counts, [150])).around
    rows = zones_of(counts[at], near.counts[at])
    rng = np.random.default_rng(12)
    found = []
    for _ in range(400):
        drawn = rng.poisson(counts).astype(float)
        some = drawn.sum(axis=1) > 0
        around = next(nearest_around(cells, drawn, [150])).around.counts
        found.append([f(zones_of(drawn[some], around[some])).estimate[0] for f in (dissimilarity, information)])
    error = [spatial_error(near, at, None)(rows, f(rows))[0] for f in (dissimilarity, information)]
    spread = np.std(found, axis=0)
    # where a share crosses that of the whole, D has a kink: the delta method is on the safe side
    assert 0.95 * spread[0] < error[0] < 1.2 * spread[0]
    assert error[1] == pytest.approx(spread[1], rel=0.1)


def test_noise_and_neighbours_outside():
    """People outside are neighbours only; noise sums up by squared weights."""
    cells = town(side=16)
    counts = counts_of(cells)
    west = GRID.row_col(cells["cell_id"].to_numpy())[1] < 40_008
    part, rest = cells.isel(cell=west), cells.isel(cell=~west)
    noise = np.random.default_rng(2).random(counts.shape)
    outside = Neighbours(rest, counts[~west], noise[~west])
    whole = next(nearest_around(cells, counts, [200], noise=noise)).around
    inner = next(nearest_around(part, counts[west], [200], noise=noise[west], outside=outside)).around

    assert np.array_equal(inner.counts, whole.counts[west])
    assert inner.noise == pytest.approx(whole.noise[west], rel=1e-12)
    places, back = inner.back(np.arange(west.sum()), inner.counts)
    assert inner.back.everyone[places].shape == back.shape
    # the sum over places of x times K^T y is that over cells of K x times y
    assert (inner.back.everyone[places] * back).sum() == pytest.approx((inner.counts**2).sum(), rel=1e-12)


def test_cells_show_shares_and_radius():
    """Shares of the groups sum to 1; unknown residents have no neighbourhood shown, and are nobody's neighbours."""
    counts = np.array([[4.0, 0.0], [np.nan, 3.0], [0.0, 8.0], [0.0, 0.0]])
    status = {"a": np.array([0, Status.CONFIDENTIAL, 0, 0], dtype=np.uint8)}
    cells = on_squares(np.zeros(4, dtype=int), np.arange(4), counts, status)
    shown = nearest_cells(cells, ["a", "b"], [6])
    order = np.argsort(GRID.row_col(shown["cell_id"].to_numpy())[1])

    assert shown["share_a_6"].to_numpy()[order] == pytest.approx([4 / 6, np.nan, 0, 0], nan_ok=True)
    assert shown["radius_6"].to_numpy()[order][0] == pytest.approx(np.sqrt(100**2 / np.pi * 0.75 + 200**2 * 0.25))
    assert shown["share_b_6_status"].to_numpy()[order].tolist() == [0, Status.CONFIDENTIAL, 0, 0]


def test_hexagons():
    """On H3 N is k exactly, radii grow, and a fine surface has the index that squares have."""
    rng = np.random.default_rng(4)
    squares = SquareGrid(cell_size_m=200)
    places = np.stack([rng.uniform(4_320_000, 4_332_000, 9000), rng.uniform(3_000_000, 3_012_000, 9000)], axis=1)
    member = rng.random(9000) < 0.1 + 0.8 * (places[:, 0] > 4_326_000)
    import geopandas as gpd

    degrees = gpd.GeoSeries(gpd.points_from_xy(*places.T), crs="EPSG:3035").to_crs("EPSG:4326")
    both = []
    for grid, points in ((squares, places), (H3Grid(9), np.stack([degrees.x, degrees.y], axis=1))):
        ids, at = np.unique(grid.cell_at(points), return_inverse=True)
        values = {"a": np.bincount(at, member), "b": np.bincount(at, ~member)}
        both.append(make_cells(grid, ids, values, ABOUT))
    tables = [nearest_table(cells, ["a", "b"], [200, 800], indices=["D", "H"]) for cells in both]
    assert tables[0]["estimate"].to_numpy() == pytest.approx(tables[1]["estimate"].to_numpy(), rel=0.02)
    assert tables[0]["high"].to_numpy() == pytest.approx(tables[1]["high"].to_numpy(), rel=0.02, nan_ok=True)
    found = list(nearest_around(both[1], counts_of(both[1], "ab"), [5, 200, 800]))
    assert found[1].around.counts.sum(axis=1) == pytest.approx(200, rel=1e-12)
    assert (found[1].radius_m >= found[0].radius_m).all()
    assert (found[2].radius_m >= found[1].radius_m).all()


def test_a_neighbourhood_of_the_spatial_table():
    """`Nearest` is a neighbourhood as kernels are: the same values as in the profile."""
    cells = town(side=12)
    one = spatial_table(cells, ["a", "b", "c"], Nearest(k=100), indices=["D", "R"])
    other = nearest_table(cells, ["a", "b", "c"], [100], indices=["D", "R"])
    assert one["estimate"].tolist() == other["estimate"].tolist()
    assert one["high"].tolist() == other["high"].tolist()


def test_zones_and_nobody():
    """Zones have rows of their own; cells without residents give an empty table."""
    cells = town(side=10)
    labels = np.where(GRID.row_col(cells["cell_id"].to_numpy())[1] < 40_005, "west", "east").astype(object)
    cells = make_cells(
        GRID, cells["cell_id"].to_numpy(), {n: values_of(cells, n) for n in "abc"}, ABOUT, labels={"side": labels}
    )
    table = nearest_table(cells, ["a", "b", "c"], [60], zone="side", indices=["H_multi"])
    assert table["zone"].tolist() == ["all", "east", "west"]
    assert not len(nearest_table(on_squares(np.zeros(1, int), np.zeros(1, int), np.zeros((1, 2))), ["a", "b"], [5]))


def test_what_is_refused():
    """No k, a k that is no whole number, an unknown rule, and draws from parts of persons are told, not guessed."""
    cells = town(side=6)
    counts = counts_of(cells)
    assert PRESETS[0] == 200
    with pytest.raises(SchemaError, match="no k"):
        next(nearest_around(cells, counts, []))
    with pytest.raises(SchemaError, match="whole number"):
        next(nearest_around(cells, counts, [0.5]))
    with pytest.raises(CivigridError, match="overshoot"):
        next(nearest_around(cells, counts, [5], overshoot="none"))
    with pytest.raises(SchemaError, match="parts"):
        next(nearest_around(cells, counts * 0.3, [5], overshoot="sampled"))


def test_processes_give_the_same():
    """Other processes get the plane and the state of the search so far."""
    cells = town(side=12)
    counts = counts_of(cells)
    one = list(nearest_around(cells, counts, [40, 90]))
    scheduler = Scheduler("processes", 2)
    for here, there in zip(
        one, nearest_around(cells, counts, [40, 90], scheduler=scheduler, cells_at_once=60), strict=True
    ):
        assert np.array_equal(here.around.counts, there.around.counts)
