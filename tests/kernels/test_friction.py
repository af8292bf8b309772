"""Least-cost times over ground: against scikit-image, scipy on an explicit graph, geometry, and its laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from civigrid.kernels import friction_search
from civigrid.kernels.friction import SHUT, ground_of, place_of, step_of
from civigrid.kernels.friction_search import Web, from_each, nearest_of
from civigrid.travel.slopes import tobler

STRAIGHT = [(-1, 0), (0, -1), (0, 1), (1, 0)]
DIAGONAL = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
KNIGHT = [(a, b) for a in (-2, -1, 1, 2) for b in (-2, -1, 1, 2) if abs(a) != abs(b)]


def _field(shape, seed=0, shut=0.15):
    """Paces of 0.05 to 3.6 s/m in patches, and some cells nobody can enter."""
    rng = np.random.default_rng(seed)
    pace = np.exp(rng.uniform(np.log(0.05), np.log(3.6), shape))
    pace[rng.random(shape) < shut] = np.inf
    return pace


def _dense(ground, seeds, shape, **more):
    """Milliseconds and site by cell of a window."""
    ms, site = nearest_of(ground, seeds, **more)
    at = place_of(*np.indices(shape).reshape(2, -1), shape[1])
    return ms[at].reshape(shape), site[at].reshape(shape)


def _explicit(pace, size, *, neighbours, corners, height=None, walked=None, towards=True):
    """Graph of all steps in seconds, as the docstrings define them; a way of its own, cell by cell."""
    rows, cols = pace.shape
    one, other, cost = [], [], []
    for r, c in np.argwhere(np.isfinite(pace)):
        for a, b in STRAIGHT + DIAGONAL + (KNIGHT if neighbours == 16 else []):
            y, x = r + a, c + b
            if not (0 <= y < rows and 0 <= x < cols and np.isfinite(pace[y, x])):
                continue
            crossed = [(r, c), (y, x)]
            if abs(a) + abs(b) == 3:
                step = (a // 2, 0) if abs(a) == 2 else (0, b // 2)
                crossed += [(r + step[0], c + step[1]), (y - step[0], x - step[1])]
            elif abs(a) + abs(b) == 2 and not corners and np.isinf(pace[r, x]) and np.isinf(pace[y, c]):
                continue
            metres = size * np.hypot(a, b)
            seconds = [pace[p] * metres / len(crossed) for p in crossed]
            if height is not None:
                rise = height[r, c] - height[y, x] if towards else height[y, x] - height[r, c]
                feet = [walked[p] for p in crossed]
                times = float(tobler(np.array([rise / metres]))[0])
                seconds = [s * (times if f else 1.0) for s, f in zip(seconds, feet, strict=True)]
            if np.isfinite(sum(seconds)):
                one.append(r * cols + c)
                other.append(y * cols + x)
                cost.append(sum(seconds))
    return coo_array((cost, (one, other)), shape=(rows * cols, rows * cols)).tocsr()


def _agree(ms, seconds, most_steps):
    """Whole milliseconds are within one per step of exact seconds, and both reach the same cells."""
    reached = ms != SHUT

    assert (reached == np.isfinite(seconds)).all()
    assert reached.sum() > 0.5 * reached.size
    assert np.abs(ms[reached] / 1000 - seconds[reached]).max() < most_steps * 0.002


def test_eight_neighbours_are_those_of_scikit_image():
    """Times equal MCP_Geometric's, which squeezes between corners, within the rounding of whole milliseconds."""
    graph = pytest.importorskip("skimage.graph", reason="scikit-image is a peer, not a dependency")
    pace, sources = _field((60, 70)), [(5, 5), (50, 60)]
    pace[[5, 50], [5, 60]] = 0.5
    peer = graph.MCP_Geometric(np.where(np.isfinite(pace), pace, -1.0), fully_connected=True)
    seconds, _ = peer.find_costs(sources)
    seeds = place_of(*np.array(sources).T, 70)
    ms, _ = _dense(ground_of(pace, 100.0), seeds, pace.shape, corners=True)

    _agree(ms, seconds * 100.0, 150)


@pytest.mark.parametrize("neighbours", [8, 16])
@pytest.mark.parametrize("slopes", [False, True])
def test_times_are_those_of_dijkstra_on_an_explicit_graph(neighbours, slopes):
    """8 and 16 neighbours, flat or steep, towards the site or from it: scipy finds the same."""
    pace, rng = _field((24, 31), seed=3), np.random.default_rng(4)
    pace[12, 15] = 0.7
    more = {}
    if slopes:
        more = {"height": np.cumsum(rng.normal(0, 12, pace.shape), axis=1), "walked": rng.random(pace.shape) < 0.7}
        more["height"][3, 3] = np.nan
    ground = ground_of(pace, 100.0, neighbours=neighbours, **more)
    seeds = place_of(np.array([12]), np.array([15]), 31)
    found = {}
    for towards in (True, False):
        graph = _explicit(pace, 100.0, neighbours=neighbours, corners=False, towards=towards, **more)
        seconds = dijkstra(graph, indices=12 * 31 + 15).reshape(pace.shape)
        found[towards], _ = _dense(ground, seeds, pace.shape, towards=towards)
        _agree(found[towards], seconds, 60)
    assert (found[True] == found[False]).all() != slopes


def test_even_ground_stays_within_the_known_error_of_its_steps():
    """From a centre, ways exceed the straight line by at most 8.24 % with 8 neighbours and 2.75 % with 16."""
    side = 61
    row, col = np.indices((side, side))
    straight = np.hypot(row - 30, col - 30)
    straight[30, 30] = 1.0
    for neighbours, most in ((8, 1.0824), (16, 1.0275)):
        ground = ground_of(np.ones((side, side)), 10.0, neighbours=neighbours)
        ms, _ = _dense(ground, place_of(np.array([30]), np.array([30]), side), (side, side))
        ratio = ms / 10_000 / straight
        ratio[30, 30] = 1.0

        assert ratio.min() > 1 - 1e-4
        assert most - 0.002 < ratio.max() < most + 1e-4


def test_nearest_is_the_least_of_each_and_ties_go_to_the_first():
    """The surface of several sites is the minimum of theirs; sites equally near: the first, in one cell too."""
    pace = _field((30, 30), seed=5)
    pace[[4, 20, 20], [4, 20, 25]] = 1.0
    ground = ground_of(pace, 50.0)
    seeds = place_of(np.array([4, 20, 20, 20]), np.array([4, 25, 20, 25]), 30)
    each = from_each(ground, seeds)
    table = np.full((4, len(ground.part)), SHUT)
    for i in range(4):
        part = slice(each.starts[i], each.starts[i + 1])
        table[i, each.place[part]] = each.ms[part]
    ms, site = nearest_of(ground, seeds)

    assert (ms == table.min(axis=0)).all()
    reached = ms < SHUT
    assert (site[reached] == table.argmin(axis=0)[reached]).all()
    assert set(np.unique(site[reached])) == {0, 1, 2}
    even = ground_of(np.ones((1, 5)), 10.0)
    assert _dense(even, place_of(np.zeros(2, int), np.array([4, 0]), 5), (1, 5))[1].tolist() == [[1, 1, 0, 0, 0]]


def test_a_bound_leaves_out_what_is_beyond_and_nothing_else():
    """Times up to the bound are those without one; a time equal to the bound counts."""
    ground = ground_of(_field((40, 40), seed=6, shut=0.0), 100.0, neighbours=16)
    seed = place_of(np.array([20]), np.array([20]), 40)
    whole, _ = nearest_of(ground, seed)
    bound = int(np.sort(whole[whole < SHUT])[700])
    some = from_each(ground, seed, bound)

    assert set(some.place.tolist()) == set(np.flatnonzero(whole <= bound).tolist())
    assert (whole[some.place] == some.ms).all()


def test_wide_buckets_are_exact_too(monkeypatch):
    """Where paces differ so much that buckets are wider than a step, nothing changes."""
    pace = _field((30, 30), seed=7)
    pace[15, 15] = 1.0
    ground, seed = ground_of(pace, 100.0), place_of(np.array([15]), np.array([15]), 30)
    expected = nearest_of(ground, seed)
    monkeypatch.setattr(friction_search, "_BUCKETS", 4)
    wide = nearest_of(ground, seed)

    assert friction_search._queue(ground, SHUT - 1)[0] > 12
    assert (wide[0] == expected[0]).all()
    assert (wide[1] == expected[1]).all()


def test_water_is_not_jumped():
    """Neither a knight's move nor a diagonal step crosses a river; squeezing between corners must be asked for."""
    straight, slanted = np.ones((7, 7)), np.ones((7, 7))
    straight[3], slanted[np.arange(7), np.arange(7)] = np.inf, np.inf
    seed = place_of(np.array([1]), np.array([5]), 7)
    for pace in (straight, slanted):
        for neighbours in (8, 16):
            ms, _ = _dense(ground_of(pace, 10.0, neighbours=neighbours), seed, (7, 7))

            assert ms[6, 1] == SHUT
            assert ms[1, 6] < SHUT
    assert _dense(ground_of(slanted, 10.0), seed, (7, 7), corners=True)[0][6, 1] < SHUT
    shut = from_each(ground_of(straight, 10.0), place_of(np.array([3]), np.array([3]), 7))
    assert len(shut.place) == 0


def test_up_takes_longer_than_down():
    """Walking up to a site on a hill takes what Tobler says; on a road slopes do not matter."""
    pace, height = np.ones((1, 2)), np.array([[0.0, 10.0]])
    seed = place_of(np.array([0]), np.array([1]), 2)
    for towards, slope in ((True, 0.1), (False, -0.1)):
        ms, _ = _dense(ground_of(pace, 100.0, height=height), seed, (1, 2), towards=towards)
        assert ms[0, 0] == np.rint(100_000 * tobler(np.array([slope]))[0])
    road = ground_of(pace, 100.0, height=height, walked=np.zeros((1, 2), dtype=bool))
    assert _dense(road, seed, (1, 2))[0][0, 0] == 100_000


def test_cells_with_neighbours_are_those_of_scipy():
    """Any graph of cells: ms are scipy's, exactly, and the bound holds."""
    rng = np.random.default_rng(8)
    head, cost = np.full((200, 6), -1, dtype=np.int32), rng.integers(1, 90, (200, 6)).astype(np.int32)
    for k in range(6):
        use = rng.random(200) < 0.6
        head[use, k] = rng.integers(0, 200, use.sum())
    graph = np.full((200, 200), np.inf)
    for u, k in np.argwhere(head >= 0):
        graph[u, head[u, k]] = min(graph[u, head[u, k]], cost[u, k])
    graph[np.isinf(graph)] = 0
    expected = dijkstra(coo_array(graph).tocsr(), indices=[0, 7])
    web, seeds = Web(head, cost), np.array([0, 7])
    ms, _ = nearest_of(web, seeds)
    found = from_each(web, seeds, 120)

    assert (np.where(ms == SHUT, np.inf, ms) == expected.min(axis=0)).all()
    for i in range(2):
        part = slice(found.starts[i], found.starts[i + 1])
        assert sorted(found.place[part].tolist()) == np.flatnonzero(expected[i] <= 120).tolist()
        assert (found.ms[part] == expected[i][found.place[part]]).all()


def test_the_least_step_bounds_every_way():
    """No cell is nearer in time than its rows or columns times the least step: what halos rest on."""
    rng = np.random.default_rng(9)
    pace = _field((31, 31), seed=9, shut=0.0)
    pace[15, :] = 0.05
    height = np.cumsum(rng.normal(-3, 4, pace.shape), axis=1)
    for neighbours in (8, 16):
        for more in ({}, {"height": height}):
            ground = ground_of(pace, 100.0, neighbours=neighbours, **more)
            ms, _ = _dense(ground, place_of(np.array([15]), np.array([15]), 31), pace.shape)
            row, col = np.indices(pace.shape)
            far = np.maximum(abs(row - 15), abs(col - 15))

            assert (ms >= far * step_of(ground)).all()


def test_ground_that_makes_no_sense_is_refused():
    """Paces must be above 0 and short enough to count; nowhere to go is no error."""
    for wrong in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="above 0"):
            ground_of(np.array([[1.0, wrong]]), 100.0)
    with pytest.raises(ValueError, match="nine hours"):
        ground_of(np.array([[1.0, 1e6]]), 100.0)
    nowhere = ground_of(np.full((2, 2), np.inf), 100.0)
    assert (nearest_of(nowhere, place_of(np.array([0]), np.array([0]), 2))[0] == SHUT).all()
    assert len(from_each(nowhere, np.empty(0, dtype=np.int64)).ms) == 0
