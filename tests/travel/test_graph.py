"""Compact street graphs: the same ways as along the streets as drawn."""

from dataclasses import replace

import numpy as np
import pytest
from travel.streets import ONE_WAY, PER_M, ROAD, hops, node_times, plain_times, same, spot_times, streets

from civigrid.errors import SchemaError, UnknownNameError
from civigrid.io.osm import read_osm
from civigrid.travel.build_graph import SPOT_M, build_graph
from civigrid.travel.graph import NO_WAY, StreetGraph
from civigrid.travel.lines import StreetLines, ground_m
from civigrid.travel.modes import Speeds


def _compare(lines: StreetLines, mode: str, sources: int, rng) -> int:
    """Times between spots that are vertices, by the compact graph and along the streets as drawn."""
    graph, _ = build_graph(lines, mode)
    # vertices that share a place cannot be told apart by it
    place, first, many = np.unique(lines.place, axis=0, return_index=True, return_counts=True)
    row = {tuple(p): int(v) for p, v, m in zip(place, first, many, strict=True) if m == 1}
    vertex = np.array([row.get(tuple(p), -1) for p in graph.spot_place])
    spots = np.flatnonzero(vertex >= 0)
    is_node = np.zeros(len(lines.place), dtype=bool)
    is_node[vertex[(vertex >= 0) & (graph.spot_chain < 0)]] = True
    compared = 0
    for source in rng.choice(spots, size=min(sources, len(spots)), replace=False):
        ours = spot_times(graph, int(source))
        plain, tree = plain_times(lines, mode, vertex[source])
        passed = hops(tree, plain, is_node)
        told = node_times(graph, graph.spot_node[source])
        steps = max(hops(t, d, np.ones(len(d))).max() for d, t in zip(*told, strict=True))
        rows = spots[(graph.spot_chain[spots] < 0) | (graph.spot_chain[spots] != graph.spot_chain[source])]
        expected = plain[vertex[rows]]

        assert (np.isfinite(ours[rows]) == np.isfinite(expected)).all()
        known = np.isfinite(expected)
        apart = ours[rows][known] - expected[known]
        # half a decisecond by edge and by end; an edge of no length counts a whole one
        assert (apart <= passed[vertex[rows]][known] + 2).all()
        assert (apart >= -0.5 * steps - 2).all()
        assert np.abs(apart).mean() < 5
        compared += int(known.sum())
    return compared


@pytest.mark.parametrize("mode", ["walk", "bike", "drive"])
@pytest.mark.parametrize("name", ["r5r_poa/poa_osm.pbf", "malta/malta-latest.osm.pbf"])
def test_times_on_real_streets_equal_those_along_the_drawn_lines(real_data, name, mode):
    """Contraction changes no way: scipy's Dijkstra on the vertices gives the same times, to the rounding."""
    lines = replace(read_osm(real_data / name), turns=(), barrier=np.empty(0, dtype=np.int64), barriers=())

    assert _compare(lines, mode, 4, np.random.default_rng(5)) > 50_000


@pytest.mark.parametrize("seed", range(12))
def test_times_on_small_random_streets_equal_those_along_the_drawn_lines(seed):
    """One-way streets, loops, parallel chains, dead ends, rings that touch nothing: all at once."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 2_000, (60, 2)).round()
    ways = [
        (rng.choice(60, size=rng.integers(2, 6), replace=False).tolist(), ONE_WAY if rng.random() < 0.4 else ROAD)
        for _ in range(14)
    ]
    ways += [([0, 1, 2, 0], ROAD), ([3, 4, 5, 3], ONE_WAY), ([6, 7], ROAD), ([6, 8, 7], ROAD), ([57, 58, 59, 57], ROAD)]

    assert _compare(streets(xy, ways), "drive", 10, rng) > 50


def _shuffled(lines: StreetLines, rng) -> StreetLines:
    """The same streets with ways and vertices in another order."""
    order, name = rng.permutation(len(lines.way_id)), rng.permutation(len(lines.place))
    rank = np.empty(len(name), dtype=np.int64)
    rank[name] = np.arange(len(name))
    parts = [rank[lines.vertex[lines.indptr[w] : lines.indptr[w + 1]]] for w in order]
    return replace(
        lines,
        place=lines.place[name],
        vertex_id=lines.vertex_id[name],
        vertex=np.concatenate(parts),
        indptr=np.concatenate([[0], np.cumsum([len(p) for p in parts])]),
        way_id=lines.way_id[order],
        kind=lines.kind[order],
        barrier=rank[lines.barrier],
        turns=tuple(turn._replace(via=int(rank[turn.via]) if turn.via >= 0 else -1) for turn in lines.turns)[::-1],
    )


@pytest.mark.parametrize("mode", ["walk", "drive"])
def test_the_order_of_ways_changes_nothing(real_data, mode):
    """The same bytes for any order of ways and vertices, with barriers and turn restrictions."""
    lines = read_osm(real_data / "malta" / "malta-latest.osm.pbf")
    graph, report = build_graph(lines, mode)
    other, told = build_graph(_shuffled(lines, np.random.default_rng(3)), mode)

    assert same(graph, other)
    assert report.to_dict() == told.to_dict() | {"length_km": pytest.approx(report.length_km)}


def test_gozo_is_an_island_without_ferries(real_data):
    """Victoria on Gozo is in another part than Valletta by street, and in the same one where ferries are used."""
    lines = read_osm(real_data / "malta" / "malta-latest.osm.pbf")
    towns = np.array([[14.5146, 35.8989], [14.2397, 36.0444]])
    part = {}
    for ferries in (False, True):
        graph, report = build_graph(lines, "walk", speeds=Speeds(ferries=ferries))
        near = [int(np.argmin(((graph.node_place - town) ** 2).sum(axis=1))) for town in towns]
        part[ferries] = graph.component[near].tolist()
        if not ferries:
            told = report

    assert part == {False: [0, 1], True: [0, 0]}
    assert told.left_out["ferry"] == 9
    assert told.largest_islands[0].length_km > 500
    assert told.main_km + told.island_km + told.between_km == pytest.approx(told.length_km)
    assert any("islands" in str(finding) for finding in told.findings())


def test_spots_lie_close_and_their_costs_add_up(real_data):
    """Neighbours on a chain are at most 50 m apart; to a spot and on from there is the chain's own time."""
    lines = read_osm(real_data / "r5r_poa" / "poa_osm.pbf")
    # in tunnels there are no spots
    above = tuple({k: v for k, v in tags.items() if k != "tunnel"} for tags in lines.kinds)
    graph, report = build_graph(replace(lines, kinds=above), "drive")
    on = np.flatnonzero(graph.spot_chain >= 0)
    for start, end in ((0, 1), (1, 0)):
        goes = on[graph.spot_from[on, start] != NO_WAY]
        whole = graph.spot_from[goes, start] + graph.spot_to[goes, end]
        first = np.unique(graph.spot_chain[goes], return_index=True)[1]
        by_chain = dict(zip(graph.spot_chain[goes][first].tolist(), whole[first].tolist(), strict=True))

        assert whole.tolist() == [by_chain[c] for c in graph.spot_chain[goes].tolist()]
        assert (graph.spot_from[goes] >= 0)[:, start].all()
    assert report.spots == len(graph.spot_place) > report.length_km * 1000 / SPOT_M
    order = np.lexsort((graph.spot_from[:, 0], graph.spot_chain))
    order = order[(graph.spot_chain[order] >= 0) & (graph.spot_from[order, 0] != NO_WAY)]
    same = graph.spot_chain[order][1:] == graph.spot_chain[order][:-1]
    step = ground_m(graph.spot_place[order][:-1], graph.spot_place[order][1:])[same]
    assert step.max() <= SPOT_M + 0.01


def test_edges_are_the_costs_of_chains():
    """Of two parallel chains the edge is the quicker; spots of both stay; a loop is no edge, but has spots."""
    xy = [(0, 0), (400, 0), (200, 300), (-40, 0), (-40, 40), (420, 0)]
    ways = [([0, 1], ROAD), ([0, 2, 1], ROAD), ([0, 3, 4, 0], ROAD), ([1, 5], ROAD), ([1, 2], {"highway": "proposed"})]
    graph, report = build_graph(streets(xy, ways), "walk")

    assert graph.head.tolist() == [1, 0, 2, 1]
    assert graph.cost.tolist() == pytest.approx([3000, 3000, 150, 150], abs=2)
    assert np.unique(graph.spot_chain).tolist() == [-1, 0, 1, 2]
    loop = graph.spot_node[:, 0] == graph.spot_node[:, 1]
    assert (loop & (graph.spot_chain >= 0)).sum() == 3
    assert report.left_out == {"not built": 1}
    assert report.islands == 0


def test_a_one_way_street_into_a_dead_end_is_left_by_nobody():
    """Where two pieces of a chain are not open in the same directions there is a node."""
    lines = streets([(0, 0), (100, 0), (200, 0), (300, 0)], [([0, 1], ONE_WAY), ([1, 2], ROAD), ([3, 2], ONE_WAY)])
    graph, report = build_graph(lines, "drive")

    assert len(graph.node_place) == 4
    assert sorted(np.bincount(graph.component).tolist()) == [1, 1, 2]
    assert report.between_km == pytest.approx(0.2, abs=1e-3)


def test_very_short_edges_take_a_decisecond():
    """No edge is free, and the spots on it do not go below nought."""
    lines = streets([(0, 0), (0.01, 0), (0.02, 0)], [([0, 1, 2], ROAD)])
    graph, _ = build_graph(lines, "drive")

    assert graph.cost.tolist() == [1, 1]
    assert graph.spot_to[graph.spot_chain >= 0].sum() == 1


def test_barriers_cut_a_street_for_those_they_stop():
    """A bollard on a street: people on foot pass, cars come up to it from both sides."""
    lines = streets([(0, 0), (100, 0), (200, 0)], [([0, 1, 2], ROAD)], barriers={1: {"barrier": "bollard"}})
    walk, told = build_graph(lines, "walk")
    drive, report = build_graph(lines, "drive")

    assert len(walk.node_place) == 2
    assert told.barriers_closed == 0
    assert len(drive.node_place) == 4
    assert report.barriers_closed == 1
    assert report.islands == 1
    assert report.length_km == pytest.approx(0.2, abs=1e-3)


def test_nobody_gets_on_or_off_on_motorways_in_tunnels_or_at_sea():
    """Spots are where a street can be entered."""
    ferry = {"route": "ferry", "duration": "0:10"}
    tags = [ROAD, {"highway": "motorway"}, ROAD | {"tunnel": "yes"}, ferry]
    xy = [(0, 0), (300, 0), (600, 0), (900, 0), (1200, 0), (1500, 0), (1800, 0), (2100, 0), (2400, 0)]
    lines = streets(xy, [([k, k + 1, k + 2], tag) for k, tag in zip((0, 2, 4, 6), tags, strict=True)])
    drive, _ = build_graph(lines, "drive", speeds=Speeds(ferries=True))
    walk, report = build_graph(lines, "walk", speeds=Speeds(ferries=True))
    east = (drive.spot_place[:, 0] - 8) / PER_M[0]

    assert east.max() == pytest.approx(600)
    assert walk.cost.max() >= 6000
    assert report.left_out == {"no access by class (motorway)": 1}


def test_graphs_are_saved_and_opened(tmp_path):
    """What is opened is what was saved; turned round twice it is the same."""
    graph, _ = build_graph(streets([(0, 0), (90, 0), (90, 90)], [([0, 1, 2], ONE_WAY), ([0, 2], ROAD)]), "drive")
    graph.save(tmp_path / "g")

    assert same(graph, StreetGraph.open(tmp_path / "g"))
    assert same(graph, graph.reversed().reversed())


def test_streets_that_no_one_can_use_are_an_error():
    """The reasons stand in the message; so do unknown modes."""
    lines = streets([(0, 0), (90, 0)], [([0, 1], {"highway": "footway"})])

    with pytest.raises(SchemaError, match=r"no street can be used by mode 'drive' .*no access by class \(footway\): 1"):
        build_graph(lines, "drive")
    with pytest.raises(UnknownNameError, match="unknown mode 'fly'"):
        build_graph(lines, "fly")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"kind": np.array([0, 1])}, "do not fit together"),
        ({"vertex": np.array([0, 7])}, "outside the 2 there are"),
        ({"place": np.array([[8.0, np.nan], [8.0, 49.0]])}, "have no place"),
    ],
)
def test_lines_that_do_not_fit_together_are_refused(change, match):
    """StreetLines checks its shapes."""
    lines = streets([(0, 0), (90, 0)], [([0, 1], ROAD)])

    with pytest.raises(SchemaError, match=match):
        replace(lines, **change)
