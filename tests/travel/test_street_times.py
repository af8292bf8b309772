"""Street times against SciPy over every vertex; islands, cells of several points; no order matters."""

from dataclasses import replace

import numpy as np
import pytest
from lattices import STEP, dense, expected_ds, lattice, origins_at, sites_at, whole_seconds

from civigrid.engine.execute import Scheduler
from civigrid.errors import SchemaError
from civigrid.travel.graph import StreetGraph
from civigrid.travel.nearest_sites import nearest_times
from civigrid.travel.places import EARTH_M
from civigrid.travel.snap import snap
from civigrid.travel.street_search import cells_with
from civigrid.travel.street_times import StreetOptions, site_times, street_times

FAR = {"limit_min": 600}


@pytest.mark.parametrize("limit", [600, 3, 1.0, 0.2, 0])
def test_times_are_those_of_scipy_over_every_vertex(streets, limit):
    """Chains, one-way streets, sites on the same chain and at nodes, walks at both ends: equal to the second."""
    city, here, there = streets
    times, report = street_times(city.graph, origins_at(here), sites_at(there), limit_min=limit)
    expected = whole_seconds(expected_ds(city, here, there))
    expected[expected > limit * 60] = np.inf

    assert expected.tolist() == dense(times).tolist()
    assert np.isfinite(expected).any() or limit == 0
    assert report.partly == 0


def test_sites_of_one_chain_and_at_a_node():
    """By hand: a two-way street of four spots, and the same one-way, where the way back must go round."""
    place = np.array([[0.0, 0.0], [3 * STEP, 0.0], [STEP, 0.0], [2 * STEP, 0.0]])
    ends = np.array([[0, 0], [1, 1], [0, 1], [0, 1]], np.int32)

    def times(home, round_trip):
        graph = StreetGraph(
            mode="walk", node_place=place[:2], indptr=np.array([0, 1, 2]), head=np.array([1, 0], np.int32),
            cost=np.array([600, round_trip], np.int32), component=np.zeros(2, np.int32), spot_place=place,
            spot_node=ends, spot_to=np.array([[0, 0], [0, 0], [home[0], 400], [home[1], 200]], np.int32),
            spot_from=np.array([[0, 0], [0, 0], [200, home[1]], [400, home[0]]], np.int32),
            spot_chain=np.array([-1, -1, 0, 0], np.int32),
        )  # fmt: skip
        found, _ = street_times(graph, origins_at(place), sites_at(place), limit_min=60)
        assert site_times(graph, sites_at(place)).tolist() == dense(found).tolist()
        return dense(found).astype(int).tolist()

    assert times((200, 400), 600) == [[0, 60, 20, 40], [60, 0, 40, 20], [20, 40, 0, 20], [40, 20, 20, 0]]
    assert times((-1, -1), 3000) == [[0, 60, 20, 40], [300, 0, 320, 340], [340, 40, 0, 20], [320, 20, 340, 0]]


@pytest.mark.parametrize("kind", ["serial", "threads", "processes"])
def test_no_block_scheduler_or_order_changes_a_byte(kind):
    """Blocks of 1 and 64, one worker and two, sites in another order."""
    city = lattice(seed=4)
    rng = np.random.default_rng(4)
    here, there = rng.uniform(0, 5 * STEP, (50, 2)), rng.uniform(0, 5 * STEP, (9, 2))
    row = np.sort(np.append(np.arange(20), rng.integers(0, 20, 30)))
    origins = origins_at(here, row, 1 / np.bincount(row)[row])
    mixed = rng.permutation(9)
    names, what = np.array([f"s{i}" for i in range(9)]), np.array(list("aabbbcaba"))
    plain, _ = street_times(city.graph, origins, sites_at(there, names), limit_min=5)
    near, _ = nearest_times(city.graph, origins, sites_at(there, names), what, 2, limit_min=5)
    for block, workers in ((1, 2), (64, 1)) if kind != "processes" else ((4, 2),):
        scheduler, options = Scheduler(kind, workers), StreetOptions(block=block)
        given = (city.graph, origins, sites_at(there[mixed], names[mixed]))
        told = []
        again, _ = street_times(*given, limit_min=5, options=options, scheduler=scheduler, done=told.append)
        # to start processes takes long: once is enough
        apart = None if kind == "processes" else scheduler
        nearer, _ = nearest_times(*given, what[mixed], 2, limit_min=5, options=options, scheduler=apart)
        for one, other in ((plain, again), (near, nearer)):
            back = other.in_order(np.argsort(mixed))

            assert len(one.seconds)
            assert [getattr(one, f).tobytes() for f in ("indptr", "site", "seconds", "site_id")] == [
                getattr(back, f).tobytes() for f in ("indptr", "site", "seconds", "site_id")
            ]
        assert told[-1] == -(-9 // block)


def test_a_graph_mapped_from_disk_gives_the_same(streets, tmp_path):
    """What `StreetGraph.open` maps is searched as it is."""
    city, here, there = streets
    city.graph.save(tmp_path)
    mapped = StreetGraph.open(tmp_path)
    times = [street_times(graph, origins_at(here), sites_at(there), **FAR)[0] for graph in (city.graph, mapped)]

    assert times[0].seconds.tolist() == times[1].seconds.tolist()


def test_a_cell_of_several_points_has_their_mean(streets):
    """Weighted over the points, where at least half of the weight is reached; the rest is reported."""
    city, here, there = streets
    rng = np.random.default_rng(1)
    row = np.sort(np.append(np.arange(12), rng.integers(0, 12, len(here) - 12)))
    weight = rng.random(len(here))
    weight /= np.bincount(row, weights=weight)[row]
    times, report = street_times(city.graph, origins_at(here, row, weight), sites_at(there), **FAR)
    ds = expected_ds(city, here, there)
    expected, partly = np.full((12, len(there)), np.inf), 0
    for cell in range(12):
        for site in range(len(there)):
            some = (row == cell) & np.isfinite(ds[:, site])
            if weight[some].sum() >= 0.5:
                mean = (weight[some] * ds[some, site]).sum() / weight[some].sum()
                expected[cell, site] = whole_seconds(mean)
                partly += weight[some].sum() < 1 - 1e-9

    assert expected.tolist() == dense(times).tolist()
    assert report.partly == partly > 0
    assert any(f"{partly} pairs are means over part" in line for line in report.lines())


def test_a_tighter_limit_drops_no_cell_and_lengthens_no_time():
    """Points beyond the limit count as far as their cell is wide; what is left out then only shortens a mean."""
    city = lattice(seed=5, one_way=0.0, missing=0.0)
    place = np.repeat(np.random.default_rng(5).uniform(STEP, 4 * STEP, (30, 2)), 2, axis=0)
    place[1::2] += STEP / 4
    origins = origins_at(place, np.repeat(np.arange(30), 2), np.full(60, 0.5))
    sites = sites_at(city.graph.spot_place[[0, 14, 70]])
    far, near = (street_times(city.graph, origins, sites, limit_min=m)[0] for m in (600, 2))
    expected, found = dense(far.within(120)), dense(near)
    both = np.isfinite(expected)

    assert 20 < both.sum() < expected.size
    assert (found[both] <= expected[both]).all()


def test_a_cell_is_as_wide_as_the_box_around_its_points():
    """By hand: three points over 1/1000 of a degree of latitude at 4.8 km/h; a point alone has no width."""
    origins = origins_at([[0, 0], [0, STEP], [0, STEP / 2], [STEP, 0]], [0, 0, 0, 1], [0.5, 0.25, 0.25, 1])
    cells = cells_with(origins, np.zeros(4, np.int32), 4.8)

    assert cells.slack.tolist() == [round(EARTH_M * np.radians(STEP) / 4.8 * 36), 0]
    assert cells.starts.tolist() == [0, 3, 4]


def test_nobody_is_nearer_than_the_mean_within_the_cell(streets):
    """The shortest way within a cell is stated in metres, for all points or for each."""
    city, here, there = streets
    given = (city.graph, origins_at(here), sites_at(there))
    free, least = (street_times(*given, **FAR, in_cell_m=m)[0] for m in (0.0, np.full(len(here), 100.0)))

    assert np.maximum(free.seconds, 75).tolist() == least.seconds.tolist()
    assert free.seconds.min() < 75
    with pytest.raises(SchemaError, match="in_cell_m has negative or unknown metres"):
        street_times(*given, **FAR, in_cell_m=-1.0)


def test_islands_are_reached_from_themselves_alone_and_reported(streets):
    """Cells and sites on them are named, and no pair joins them to the main network."""
    city, here, there = streets
    here = np.concatenate([here[here[:, 0] < 0.9], [[1.0, 1.0], [0.5, 0.5]]])
    origins = origins_at(here)
    sites = np.concatenate([there, [[0.5, 0.5]]])
    times, report = street_times(city.graph, origins, sites_at(sites), **FAR)
    got = np.isfinite(dense(times))
    far = sites[:, 0] > 0.9

    assert not got[:-2, far].any()
    assert got[-2].tolist() == far.tolist()
    assert not got[-1].any()
    assert far.sum() == 1
    assert report.lost_cells.tolist() == [origins.cell_id[-1]]
    assert origins.cell_id[-2] in report.island_cells
    assert report.lost_sites.tolist() == [f"s{len(there):03d}"]
    assert f"s{np.flatnonzero(far)[0]:03d}" in report.island_sites
    assert "farther than 500 m from any street: they reach nothing" in " ".join(report.lines())


def test_no_site_no_cell_and_no_pair():
    """Each is an answer, not an error."""
    city = lattice(seed=0)
    here, none = city.graph.spot_place[:3], np.empty((0, 2))
    for origins, sites in ((here, none), (none, here), (none, none), (here, [[0.5, 0.5]])):
        times, report = street_times(city.graph, origins_at(origins), sites_at(sites), **FAR)
        near, _ = nearest_times(city.graph, origins_at(origins), sites_at(sites), ["a"] * len(sites), 2)

        assert len(times.seconds) == len(near.seconds) == 0
        assert (len(times.cell_id), len(times.site_id)) == (len(origins), len(sites))
        assert isinstance(report.lines(), tuple)
    assert site_times(city.graph, sites_at(none)).shape == (0, 0)
    assert site_times(city.graph, sites_at([[0.5, 0.5], here[0]])).tolist() == [[0, -1], [-1, 0]]


def test_site_times_obey_the_triangle(streets):
    """They are SciPy's; no way by a third site is quicker, but for rounding; directions differ."""
    city, _, there = streets
    on = snap(city.graph, there)
    matrix = site_times(city.graph, sites_at(there)).astype(float)
    matrix[matrix < 0] = np.inf
    via = (matrix[:, :, None] + matrix[None]).min(axis=1)
    ds = on.walk_ds(4.8)[:, None] + city.between(on.spot, on.spot) + on.walk_ds(4.8)
    apart = ~np.eye(len(there), dtype=bool)

    assert (matrix <= via + 2).all()
    assert (matrix != matrix.T).any()
    assert whole_seconds(ds)[apart].tolist() == matrix[apart].tolist()


def test_what_cannot_be_searched_is_refused():
    """Limits, speeds, ids given twice, points out of order, weights."""
    city = lattice(seed=0)
    here = city.graph.spot_place[:3]
    origins, sites = origins_at(here), sites_at(here)
    for limit in (-1, float("nan"), 1e9):
        with pytest.raises(SchemaError, match="limit_min = "):
            street_times(city.graph, origins, sites, limit_min=limit)
    with pytest.raises(SchemaError, match=r"1 site ids are given twice \(first: a\)"):
        street_times(city.graph, origins, sites_at(here, ["a", "b", "a"]), **FAR)
    with pytest.raises(SchemaError, match="not in the order of their cells"):
        street_times(city.graph, replace(origins, row=np.array([0, 2, 1])), sites, **FAR)
    with pytest.raises(SchemaError, match=r"1 points have a negative or unknown weight \(first: 1\)"):
        street_times(city.graph, replace(origins, weight=np.array([1, np.nan, 1])), sites, **FAR)
    with pytest.raises(SchemaError, match="access_kmh = 0"):
        StreetOptions(access_kmh=0)
    with pytest.raises(SchemaError, match="block = 0"):
        StreetOptions(block=0)
