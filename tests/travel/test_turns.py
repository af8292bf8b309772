"""Turn restrictions: the same ways as by a search over pairs of streets."""

from itertools import pairwise

import numpy as np
import pytest
from travel.streets import ONE_WAY, ROAD, at_m, spot_times, streets

from civigrid.travel.build_graph import build_graph
from civigrid.travel.lines import StreetLines, ground_m


def _turned(lines: StreetLines, source: int, ids) -> dict[int, float]:
    """Deciseconds from a vertex to all vertices, by a search over pairs of streets that minds the turns."""
    arcs = []
    for k in range(len(lines.way_id)):
        run = lines.vertex[lines.indptr[k] : lines.indptr[k + 1]].tolist()
        use = lines.kinds[lines.kind[k]]
        for a, b in pairwise(run):
            length = float(ground_m(lines.place[[a]], lines.place[[b]])[0])
            speed = float(use["maxspeed"]) * 0.8
            arcs.append((a, b, 36 * length / speed, k))
            if use.get("oneway") != "yes":
                arcs.append((b, a, 36 * length / speed, k))
    n = len(arcs)
    best = [np.inf] * n
    for i, arc in enumerate(arcs):
        if arc[0] == source:
            best[i] = arc[2]
    done = [False] * n
    for _ in range(n):
        i = min((j for j in range(n) if not done[j]), key=lambda j: best[j])
        done[i] = True
        for j in range(n):
            if arcs[i][1] == arcs[j][0] and _may(lines, arcs, i, j):
                best[j] = min(best[j], best[i] + arcs[j][2])
    found = {source: 0.0}
    for i in range(n):
        found[arcs[i][1]] = min(found.get(arcs[i][1], np.inf), best[i])
    return found


def _may(lines, arcs, i, j) -> bool:
    """Whether arc j may follow arc i: by every restriction there, and back only where streets meet or end."""
    via = arcs[i][1]
    if arcs[j][1] == arcs[i][0] and len({a[1] for a in arcs if a[0] == via} | {a[0] for a in arcs if a[1] == via}) == 2:
        return False
    own = [t for t in lines.turns if t.via == via and lines.way_id[arcs[i][3]] in t.from_ways]
    leaves = {lines.way_id[a[3]] for a in arcs if a[0] == via}
    only = [t for t in own if t.rule.startswith("only_") and leaves & set(t.to_ways)]
    to = lines.way_id[arcs[j][3]]
    if only and not any(to in t.to_ways for t in only):
        return False
    return not any(t.rule.startswith("no_") and to in t.to_ways for t in own)


def _town(rng):
    """Sixteen junctions 120 m apart, streets of three pieces, some one-way, and turn restrictions at six of them."""
    side = 4
    xy = [(x * 120, y * 120) for y in range(side) for x in range(side)]
    pairs = [(v, v + 1) for v in range(side**2) if v % side < side - 1]
    pairs += [(v, v + side) for v in range(side**2 - side)]
    ways = []
    for a, b in pairs:
        tags = {"highway": "residential", "maxspeed": str(rng.integers(20, 80))}
        if rng.random() < 0.2:
            tags["oneway"] = "yes"
        xy += [tuple(np.add(xy[a], np.subtract(xy[b], xy[a]) * part)) for part in (1 / 3, 2 / 3)]
        ways.append(([a, len(xy) - 2, len(xy) - 1, b], tags))
    # streets end at the corners too: all sixteen are junctions
    for corner, end in ((0, (-30, -30)), (3, (390, -30)), (12, (-30, 390)), (15, (390, 390))):
        xy.append(end)
        ways.append(([corner, len(xy) - 1], {"highway": "service", "maxspeed": "20"}))
    turns = []
    for via in rng.choice(side**2, size=6, replace=False).tolist():
        near = [k for k, pair in enumerate(pairs) if via in pair]
        for _ in range(2):
            rule = str(rng.choice(["no_left_turn", "no_u_turn", "only_straight_on"]))
            come, go = rng.choice(near, size=2).tolist()
            turns.append((rule, (come,), (come if rule == "no_u_turn" else go,), via))
    return streets(xy, ways, turns=turns)


@pytest.mark.parametrize("seed", range(10))
def test_turn_restrictions_equal_a_search_over_pairs_of_streets(seed):
    """Forbidden and prescribed turns, U-turns, one-way streets, neighbouring junctions with turns of their own."""
    rng = np.random.default_rng(seed)
    lines = _town(rng)
    graph, report = build_graph(lines, "drive")
    row = {tuple(p): v for v, p in enumerate(lines.place)}
    vertex = np.array([row[tuple(p)] for p in graph.spot_place])

    assert report.turns_applied + sum(report.turns_ignored.values()) == len(lines.turns)
    assert report.turns_applied > 0
    assert len(vertex) == len(lines.place) - len({t.via for t in lines.turns} - set(vertex.tolist()))
    for spot in rng.choice(len(vertex), size=6, replace=False):
        ours, expected = spot_times(graph, int(spot)), _turned(lines, int(vertex[spot]), row)
        other = (graph.spot_chain < 0) | (graph.spot_chain != graph.spot_chain[spot])
        known = np.array([expected.get(v, np.inf) for v in vertex.tolist()])
        assert ours[other].tolist() == pytest.approx(known[other].tolist(), abs=12)


def test_a_forbidden_turn_is_gone_round():
    """No left turn from the south to the west: the way round is taken, and nothing else changes."""
    xy = [(0, -200), (0, 0), (-200, 0), (0, 200), (-200, 200)]
    ways = [([0, 1], ROAD), ([1, 2], ROAD), ([1, 3], ROAD), ([3, 4, 2], ROAD)]
    free, _ = build_graph(streets(xy, ways), "drive")
    bound, report = build_graph(streets(xy, ways, turns=[("no_left_turn", (0,), (1,), 1)]), "drive")
    walk, told = build_graph(streets(xy, ways, turns=[("no_left_turn", (0,), (1,), 1)]), "walk")

    def between(graph, start, end):
        places = [tuple(p) for p in graph.spot_place]
        return spot_times(graph, places.index(tuple(at_m(xy[start]))))[places.index(tuple(at_m(xy[end])))]

    assert report.turns_applied == 1
    assert between(free, 0, 2) == pytest.approx(36 * 400 / 25, abs=3)
    assert between(bound, 0, 2) == pytest.approx(36 * 800 / 25, abs=6)
    assert between(bound, 2, 0) == pytest.approx(36 * 400 / 25, abs=6)
    assert told.turns_applied == 0
    assert len(walk.spot_place) == len(free.spot_place)


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        (("no_left_turn", (0,), (1,), -1, (), "leads via ways"), "leads via ways"),
        (("no_left_turn", (0,), (1,), 1, ("bicycle", "motor_vehicle")), "does not bind cars"),
        (("no_left_turn", (9,), (1,), 1), "its ways do not meet at its node, or are closed to cars"),
        (("no_left_turn", (2,), (1,), 1), "leads against a one-way street anyway"),
        (("no_left_turn", (3,), (0,), 1), "a way runs through its node"),
        (("no_left_turn", (0,), (1,), 4), "a barrier closes its node"),
        (("no_left_turn", (0,), (1,), 5), "its ways do not meet at its node, or are closed to cars"),
    ],
)
def test_restrictions_that_cannot_be_applied_are_counted(turn, reason):
    """Each with its reason; the streets stay as they are."""
    xy = [(0, -200), (0, 0), (-200, 0), (0, 200), (300, 0), (500, 500)]
    ways = [([0, 1], ROAD), ([1, 2], ROAD), ([1, 3], ONE_WAY), ([4, 1, 5], ROAD), ([5, 2], {"highway": "footway"})]
    lines = streets(xy, ways, turns=[turn], barriers={4: {"barrier": "block"}})
    graph, report = build_graph(lines, "drive")

    assert report.turns_ignored == {reason: 1}
    assert report.turns_applied == 0
    assert len(graph.node_place) == 6
