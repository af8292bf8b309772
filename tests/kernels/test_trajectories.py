"""Divergence at all scales: against plain loops, in its limits, and whatever must not matter."""

import json

import numpy as np
import pytest
from scipy.stats import entropy

from civigrid.cells import make_cells, values_of
from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.kernels.trajectories import City, city_of, extreme_distortion, mean_by_scales, summaries, trajectory
from civigrid.layers.segregation.neighbourhoods.trajectories import (
    divergence_trajectories,
    trajectory_cells,
    trajectory_table,
)
from civigrid.layers.segregation.neighbourhoods.trajectory_paths import TrajectoryOptions
from civigrid.types import Column, Status

GRID = SquareGrid(cell_size_m=100)
ABOUT = {name: Column(long_name=name.upper()) for name in "abc"}


def town(side=22, seed=2):
    """Places and counts of a town whose groups live apart, a third of it empty."""
    rng = np.random.default_rng(seed)
    at = np.stack(np.indices((side, side)), axis=-1).reshape(-1, 2)[rng.random(side * side) > 0.35]
    share = np.stack([0.9 - 0.7 * at[:, 1] / side, 0.05 + 0.7 * at[:, 1] / side, np.full(len(at), 0.05)], axis=1)
    counts = rng.poisson(rng.gamma(0.8, 15, len(at))[:, None] * share)
    return at[counts.sum(axis=1) > 0].astype(float), counts[counts.sum(axis=1) > 0]


def brute(at, counts, i, reference, threshold):
    """One trajectory, ring by ring, and its short form."""
    rings, number = np.unique(((at - at[i]) ** 2).sum(axis=1), return_inverse=True)
    near = np.cumsum([np.bincount(number, column) for column in counts.T], axis=1).T
    divergence = entropy(near / near.sum(axis=1, keepdims=True), reference[None], axis=1)
    rows = np.stack([np.sqrt(rings), near.sum(axis=1), divergence], axis=1)
    new = np.diff(rows[:, 1], prepend=0)
    last = np.flatnonzero(rows[:, 2] >= threshold)
    first = last[-1] + 1 if len(last) else 0
    reach = rows[first, :2] if first < len(rows) else [np.nan, np.nan]
    return rows, [(rows[:, 2] * new).sum() / new.sum(), (new / rows[:, 1]).sum() / new.sum(), *reach]


def as_cells(at, counts, labels=None):
    row, col = at.astype(int).T
    ids = GRID.from_row_col(row + 30_000, col + 40_000)
    values = {n: counts[:, m] for m, n in enumerate("abc"[: counts.shape[1]])}
    return make_cells(GRID, ids, values, ABOUT, labels=labels)


@pytest.mark.parametrize("table", [True, False])
def test_trajectories_equal_plain_loops(table):
    """All cells of three towns, a thousand and more: with rings known beforehand, and by sorting."""
    met = 0
    for seed in range(4):
        at, counts = town(26, seed)
        reference = counts.sum(axis=0) / counts.sum()
        city = city_of(at, counts, 1.0, squares=table)
        found = summaries(city, np.arange(len(at)), np.tile(reference, (len(at), 1)), 0.05)
        assert (len(city.distance) > 0) == table
        for i in range(len(at)):
            _, (area, inverse, distance, persons) = brute(at, counts, i, reference, 0.05)
            assert found.distortion[i] == pytest.approx(area, rel=1e-12)
            assert found.expected[i] == pytest.approx(inverse - 1 / counts.sum(), rel=1e-9)
            assert (found.distance[i], found.persons[i]) == (pytest.approx(distance), persons)
            met += 1
        assert trajectory(city, 5, reference) == pytest.approx(brute(at, counts, 5, reference, 1)[0], abs=1e-12)
    assert met >= 1000


def test_it_begins_with_the_cell_and_ends_with_everyone():
    """At distance 0 the local divergence, at the end everyone and exactly 0."""
    at, counts = town()
    cells = as_cells(at, counts)
    reference = counts.sum(axis=0) / counts.sum()
    order = np.argsort(GRID.from_row_col(*(at.astype(int).T + [[30_000], [40_000]])))
    for i, cell in list(zip(order, cells["cell_id"].to_numpy(), strict=True))[::37]:
        found = divergence_trajectories(cells, ["a", "b", "c"], [cell])
        assert found["distance_m"].iloc[0] == 0
        assert found["divergence"].iloc[0] == pytest.approx(entropy(counts[i] / counts[i].sum(), reference), abs=1e-12)
        assert found["divergence"].iloc[-1] == 0
        assert found["persons"].iloc[-1] == counts.sum()
        assert (np.diff(found["distance_m"]) > 0).all()


def test_order_turns_and_workers_change_nothing():
    """Shuffled, turned by 90 degrees, in threads: the same to the bit."""
    at, counts = town()
    mixed = np.random.default_rng(1).permutation(len(at))
    whole = trajectory_cells(as_cells(at, counts), ["a", "b", "c"])
    turned = trajectory_cells(as_cells(np.stack([at[:, 1], 40 - at[:, 0]], axis=1), counts), ["a", "b", "c"])
    others = [trajectory_cells(as_cells(at[mixed], counts[mixed]), ["a", "b", "c"])]
    others.append(
        trajectory_cells(
            as_cells(at, counts), ["a", "b", "c"], options=TrajectoryOptions(scheduler=Scheduler("threads", 2))
        )
    )
    for name in ("distortion", "convergence_m", "convergence_persons"):
        assert all(np.array_equal(values_of(other, name), values_of(whole, name)) for other in others)
        assert np.array_equal(np.sort(values_of(turned, name)), np.sort(values_of(whole, name)))


def test_splitting_persons_into_units_changes_nothing():
    """Each cell's persons in two units at one place: both have the distortion of the cell, with or without table."""
    at, counts = town(15)
    half = counts // 2
    twice, parts = np.append(at, at, axis=0), np.append(half, counts - half, axis=0)
    share = counts.sum(axis=0) / counts.sum()
    whole = summaries(city_of(at, counts, 1.0, squares=True), np.arange(len(at)), np.tile(share, (len(at), 1)), 0.05)
    for table in (True, False):
        city = city_of(twice, parts, 1.0, squares=table)
        found = summaries(city, np.arange(len(twice)), np.tile(share, (len(twice), 1)), 0.05)
        for one, other in zip(whole, found, strict=True):
            assert np.array_equal(np.tile(one, 2), other)


def test_empty_cells_and_even_towns():
    """A cell of nobody changes nothing; an even town has no distortion, at any scale."""
    at, counts = town()
    empty = np.array([[50.0, 50.0]])
    more = trajectory_table(as_cells(np.append(at, empty, axis=0), np.append(counts, [[0, 0, 0]], axis=0)), list("abc"))
    assert more["estimate"].tolist() == trajectory_table(as_cells(at, counts), list("abc"))["estimate"].tolist()
    even = trajectory_table(as_cells(at, np.tile([30, 20, 10], (len(at), 1))), list("abc"))
    assert even["estimate"].tolist() == pytest.approx([0, 0, 0, 60], abs=1e-12)


def test_extreme_city_has_distortion_1():
    """Persons in a row, all of the smallest group first: the area from its end is that of the extreme city."""
    sizes = np.array([1000, 2000, 5000])
    counts = np.repeat(np.eye(3, dtype=np.int64), sizes, axis=0)
    at = np.stack([np.zeros(8000), np.arange(8000.0)], axis=1)
    share = sizes / 8000
    found = summaries(city_of(at, counts, 1.0, squares=True), np.array([0]), share[None], 0.01)
    assert found.distortion[0] == pytest.approx(extreme_distortion(share), rel=2e-3)
    assert extreme_distortion(share[::-1]) == extreme_distortion(share)
    assert extreme_distortion(np.array([1.0, 0.0])) == 0
    middle = (np.arange(1_000_000) + 0.5) / 1_000_000
    rest = (middle - 0.3) / middle
    with np.errstate(invalid="ignore", divide="ignore"):
        later = 0.3 / middle * np.log(1 / middle) + np.where(rest > 0, rest * np.log(rest / 0.7), 0)
    by_hand = np.where(middle < 0.3, np.log(1 / 0.3), later).mean()
    assert extreme_distortion(np.array([0.3, 0.7])) == pytest.approx(by_hand, abs=1e-5)


def test_no_town_exceeds_the_extreme():
    """Normalised distortions of random towns lie between 0 and 1."""
    for seed in range(10):
        at, counts = town(9, seed)
        shown = values_of(trajectory_cells(as_cells(at, counts), ["a", "b", "c"]), "distortion_normalised")
        assert ((shown >= 0) & (shown <= 1)).all()


def test_scales_come_close_to_every_ring():
    """Forty numbers of persons instead of all rings: the global value within 2 %, half of them tell how far off."""
    at, counts = town(40)
    cells = as_cells(at, counts)
    exact = trajectory_table(cells, ["a", "b", "c"])
    found = trajectory_table(cells, ["a", "b", "c"], options=TrajectoryOptions(scales=40))
    half = json.loads(found["parameters"].iloc[0])["half_the_scales"]

    assert found["estimate"].iloc[:2].to_numpy() == pytest.approx(exact["estimate"].iloc[:2].to_numpy(), rel=0.02)
    assert abs(found["estimate"][0] - exact["estimate"][0]) <= abs(half - found["estimate"][0])
    assert found["expected"].to_numpy()[:2] == pytest.approx(exact["expected"].to_numpy()[:2], rel=0.1)
    assert found["estimate"][2] == pytest.approx(exact["estimate"][2], rel=0.2)


def test_mean_by_scales_of_a_logarithm():
    """A divergence that is straight over the logarithm of persons is integrated exactly."""
    scales = np.geomspace(1, 1000, 7)
    found = mean_by_scales(scales, (5 - np.log(scales))[:, None], 1000.0)
    assert found[0] == pytest.approx((5 + 5 * 999 - (1000 * np.log(1000) - 999)) / 1000)


def test_expected_under_random_allocation():
    """Persons shuffled over all places 60 times: the mean distortion is what the table expects."""
    at, counts = town(20)
    size, groups = counts.sum(axis=1), counts.sum(axis=0)
    rng = np.random.default_rng(3)
    found = []
    for _ in range(60):
        people = rng.permutation(np.repeat([0, 1, 2], groups))
        mixed = np.zeros_like(counts)
        np.add.at(mixed, (np.repeat(np.arange(len(size)), size), people), 1)
        found.append(trajectory_table(as_cells(at, mixed), list("abc"))["estimate"][0])
    expected = trajectory_table(as_cells(at, counts), list("abc"))["expected"][0]
    assert expected == pytest.approx(np.mean(found), rel=0.06)


def test_interval_is_that_of_drawn_cities():
    """Poisson persons drawn 200 times: the interval has their width, around the corrected value; the seed decides."""
    at, counts = town(12)
    options = TrajectoryOptions(draws=200, seed=5)
    table = trajectory_table(as_cells(at, counts), list("abc"), options=options)
    rng = np.random.default_rng(1)
    found = []
    for _ in range(200):
        drawn = rng.poisson(counts)
        some = drawn.sum(axis=1) > 0
        found.append(trajectory_table(as_cells(at[some], drawn[some]), list("abc"))["estimate"][0])
    assert (table["high"][0] - table["low"][0]) / 3.92 == pytest.approx(np.std(found), rel=0.2)
    assert table["low"][0] < table["corrected"][0] < table["high"][0]
    again = trajectory_table(as_cells(at, counts), list("abc"), options=options)
    assert again["low"].iloc[:2].tolist() == table["low"].iloc[:2].tolist()
    assert trajectory_table(as_cells(at, counts), list("abc"))["low"].isna().all()


def test_expected_beside_another_reference():
    """Beside given shares an even town has the divergence of everyone, and nothing is taken out but chance."""
    at = np.stack(np.indices((6, 6)), axis=-1).reshape(-1, 2).astype(float)
    options = TrajectoryOptions(reference=[0.9, 0.1])
    table = trajectory_table(as_cells(at, np.tile([30, 30], (36, 1))), ["a", "b"], options=options)
    far = entropy([0.5, 0.5], [0.9, 0.1])
    assert table["index"].tolist() == ["distortion", "convergence_m", "convergence_persons"]
    assert table["estimate"][0] == pytest.approx(far)
    assert table["expected"][0] > far
    assert table["corrected"][0] == pytest.approx(far - (table["expected"][0] - far))


def test_reference_of_a_country():
    """Two even countries of different composition: at home nobody differs, and the other country never converges."""
    at = np.stack(np.indices((6, 20)), axis=-1).reshape(-1, 2).astype(float)
    west = at[:, 1] < 10
    counts = np.where(west[:, None], [9, 1], [2, 8])
    labels = {"country": np.where(west, "A", "B").astype(object)}
    cells = as_cells(at, counts, labels)
    own = trajectory_cells(cells, ["a", "b"], options=TrajectoryOptions(reference="country"))
    whole = trajectory_cells(cells, ["a", "b"])
    given = trajectory_cells(cells, ["a", "b"], options=TrajectoryOptions(reference=[0.9, 0.1]))
    row = divergence_trajectories(
        cells, ["a", "b"], [cells["cell_id"].to_numpy()[0]], options=TrajectoryOptions(reference="country")
    )

    assert row["divergence"].iloc[0] == pytest.approx(0, abs=1e-12)
    assert row["divergence"].iloc[-1] == pytest.approx(entropy([0.55, 0.45], [0.9, 0.1]), rel=1e-9)
    assert (own["convergence_m_status"] == Status.UNAVAILABLE).all()
    assert (whole["convergence_m_status"] == Status.OK).all()
    in_west = np.flatnonzero(values_of(cells, "a") == 9)
    assert values_of(given, "distortion")[in_west] == pytest.approx(values_of(own, "distortion")[in_west], rel=1e-12)


def test_hexagons():
    """On H3 rings are by distance on the ground; a trajectory ends at 0, with everyone."""
    rng = np.random.default_rng(5)
    grid = H3Grid(9)
    ids = np.unique(grid.cell_at(np.stack([rng.uniform(13.3, 13.4, 2000), rng.uniform(52.4, 52.45, 2000)], axis=1)))
    counts = rng.poisson([8, 3], (len(ids), 2))
    cells = make_cells(grid, ids, {"a": counts[:, 0], "b": counts[:, 1]}, ABOUT)
    inhabited = np.flatnonzero(counts.sum(axis=1) > 0)
    found = divergence_trajectories(cells, ["a", "b"], [cells["cell_id"].to_numpy()[inhabited[7]]])
    table = trajectory_table(cells, ["a", "b"])

    assert found["persons"].iloc[-1] == counts.sum()
    assert found["divergence"].iloc[-1] == 0
    assert table["estimate"][0] > 0
    assert found["distance_m"].iloc[1] == pytest.approx(320, rel=0.35)


def test_parts_of_persons_are_kept():
    """Counts times 0.1 have the trajectories of the counts, and a tenth of the persons."""
    at, counts = town(12)
    whole, part = (trajectory_table(as_cells(at, c), list("abc"))["estimate"] for c in (counts, counts * 0.1))
    assert part[0] == pytest.approx(whole[0], rel=1e-9)
    assert part[3] == pytest.approx(whole[3] / 10, rel=1e-9)


def test_far_towns_do_not_need_a_table_of_rings():
    """Two towns 2,000 cells apart are sorted: the same values as with a table, without a table of their box."""
    at, counts = town(10)
    far, many = np.append(at, at + 2000, axis=0), np.append(counts, counts, axis=0)
    city = city_of(far, many, 1.0, squares=True)
    assert isinstance(city, City)
    assert not len(city.distance)
    reference = counts.sum(axis=0) / counts.sum()
    found = summaries(city, np.array([3]), reference[None], 0.05)
    assert found.distortion[0] == pytest.approx(brute(far, many, 3, reference, 0.05)[1][0], rel=1e-12)


def test_what_is_refused(monkeypatch):
    """One group, a threshold of 0, shares that do not fit, an unknown cell, too many cells."""
    at, counts = town(8)
    cells = as_cells(at, counts)
    with pytest.raises(SchemaError, match="two groups"):
        trajectory_table(cells, ["a"])
    with pytest.raises(SchemaError, match="threshold"):
        TrajectoryOptions(threshold=0)
    with pytest.raises(SchemaError, match="draws"):
        TrajectoryOptions(draws=1)
    with pytest.raises(SchemaError, match="scales"):
        TrajectoryOptions(scales=2)
    with pytest.raises(SchemaError, match="share for each"):
        trajectory_table(cells, ["a", "b"], options=TrajectoryOptions(reference=[1.0]))
    with pytest.raises(SchemaError, match="infinite"):
        trajectory_table(cells, ["a", "b"], options=TrajectoryOptions(reference=[1.0, 0.0]))
    with pytest.raises(SchemaError, match="no known residents"):
        divergence_trajectories(cells, ["a", "b"], [1])
    monkeypatch.setattr("civigrid.layers.segregation.neighbourhoods.trajectory_paths.EXACT_UP_TO", 10)
    with pytest.raises(SchemaError, match="scales=40"):
        trajectory_table(cells, ["a", "b"])
    assert not len(trajectory_table(as_cells(at[:1], np.zeros((1, 2))), ["a", "b"]))


def test_a_group_of_nobody_changes_nothing():
    """A third group without persons leaves every value as it is, normalised ones too."""
    at, counts = town(10)
    two = np.stack([counts[:, 0], counts[:, 1] + counts[:, 2]], axis=1)
    with_nobody = np.concatenate([two, np.zeros((len(two), 1), dtype=np.int64)], axis=1)
    one, other = (
        trajectory_table(as_cells(at, two), ["a", "b"]),
        trajectory_table(as_cells(at, with_nobody), list("abc")),
    )
    assert one["estimate"].tolist() == other["estimate"].tolist()
    assert one["expected"].tolist()[:2] == other["expected"].tolist()[:2]
