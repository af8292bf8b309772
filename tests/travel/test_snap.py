"""Where places meet the streets: limits, islands, and spots that are none."""

from dataclasses import replace

import numpy as np
import pytest
from lattices import STEP, lattice

from civigrid.errors import SchemaError
from civigrid.travel.graph import StreetGraph
from civigrid.travel.places import on_the_globe
from civigrid.travel.snap import snap, spot_component


def test_the_main_network_is_preferred_within_limits():
    """By hand: a place 11 m from an island and 111 m from the main street, under several limits."""
    place = np.array([[0, 0], [STEP, 0], [0, STEP], [STEP, STEP], [0, -0.9 * STEP], [STEP, -0.9 * STEP]])
    zero, node = np.zeros((6, 2), np.int32), np.arange(6, dtype=np.int32)
    graph = StreetGraph(
        mode="walk", node_place=place, indptr=np.arange(7), head=np.array([1, 2, 3, 0, 5, 4], np.int32),
        cost=np.ones(6, np.int32), component=np.array([0, 0, 0, 0, 1, 1], np.int32), spot_place=place,
        spot_node=np.column_stack([node, node]), spot_to=zero, spot_from=zero, spot_chain=np.full(6, -1, np.int32),
    )  # fmt: skip
    here = np.array([[0.0, -STEP]])
    far = [float(np.linalg.norm(on_the_globe(here) - on_the_globe(place[[i]]))) for i in (0, 4)]

    assert [round(m) for m in far] == [111, 11]
    for limit, within, spot in ((500, 200, 0), (500, 101, 0), (500, 99, 4), (110, 200, 4), (11, 200, -1), (0, 0, -1)):
        on = snap(graph, here, limit_m=limit, main_within_m=within)

        assert (on.spot.tolist(), on.component.tolist()) == ([spot], [{0: 0, 4: 1, -1: -1}[spot]])
        assert on.metres.tolist() == pytest.approx([far[1] if spot else far[0]])
        assert on.walk_ds(3.6).tolist() == [0 if spot < 0 else round(on.metres[0] * 10)]


def test_spots_one_cannot_leave_or_reach_are_no_spots():
    """A dead end one-way is passed over; a one-way street between two nodes of the main network is part of it."""
    to = np.array([[-1, 5], [-1, 5], [4, -1], [-1, -1]], np.int32)
    back = np.array([[5, -1], [-1, -1], [5, -1], [3, 3]], np.int32)
    graph = lattice(seed=0).graph
    n = len(graph.node_place)
    one = replace(
        graph, component=np.zeros(n, np.int32), spot_place=graph.spot_place[:4], spot_to=to, spot_from=back,
        spot_node=np.array([[0, 1]] * 4, np.int32), spot_node_from=np.array([[0, 1]] * 4, np.int32),
        spot_chain=np.arange(4, dtype=np.int32),
    )  # fmt: skip
    two = replace(one, component=np.minimum(np.arange(n), 1).astype(np.int32))

    assert spot_component(one).tolist() == [0, -1, 0, -1]
    assert spot_component(two).tolist() == [1, -1, 0, -1]


def test_streets_without_spots_snap_nobody():
    """All places are infinitely far."""
    graph = lattice(seed=0).graph
    bare = replace(graph, **{f"spot_{k}": getattr(graph, f"spot_{k}")[:0] for k in
                             ("place", "node", "node_from", "to", "from", "chain")})  # fmt: skip
    on = snap(bare, np.zeros((2, 2)))

    assert on.spot.tolist() == [-1, -1]
    assert np.isinf(on.metres).all()


def test_limits_and_places_that_are_none_are_refused():
    """Negative metres, and places without coordinates."""
    graph = lattice(seed=0).graph

    with pytest.raises(SchemaError, match="limit_m = -1"):
        snap(graph, graph.spot_place, limit_m=-1)
    with pytest.raises(SchemaError, match="main_within_m = nan"):
        snap(graph, graph.spot_place, main_within_m=float("nan"))
    with pytest.raises(SchemaError, match="1 places have no coordinates"):
        snap(graph, np.array([[0.0, np.nan]]))
