"""The five nearest sites of each of three kinds for every node, beside pandana."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from benchmarks.bench_walk import pandana_network
from benchmarks.measure import growth, installed, measure, row
from benchmarks.peers import Answer
from benchmarks.street_city import street_grid

KINDS = (0.0003, 0.003, 0.03)
"""Sites of each kind by node: rare, common, everywhere."""
K = 5


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Seconds for all nodes and one kind (the mean of three); 160,000 nodes without the peer, whose table is slow."""
    points = []
    for side in (20,) if smallest else (100, 200):
        ours = _each(measure(partial(_civigrid, side), repeats=3))
        points.append((side * side, ours[0]))
        size = f"{side * side:,} nodes, {K} nearest of one kind, 1 thread"
        if installed("pandana") is None:
            yield row("nearest", size, ours[:2], "pandana", None, "peer absent")
            continue
        theirs = _each(measure(partial(_pandana, side), repeats=1))
        apart = np.abs(ours[2] - theirs[2]).max()
        told = f"{_by_node(ours[0], side)}, peer {_by_node(theirs[0], side)}; apart by {apart / 10:.1f} s at most"
        yield row("nearest", size, ours[:2], "pandana", theirs[0], told)
    if smallest:
        return
    ours = _each(measure(partial(_civigrid, 400), repeats=3))
    size = f"160,000 nodes, {K} nearest of one kind, 1 thread: {growth([*points, (160_000, ours[0])])}"
    yield row("nearest", size, ours[:2], checked=_by_node(ours[0], 400))


def _each(found: tuple[float, float, Any]) -> tuple[float, float, Any]:
    return found[0] / len(KINDS), found[1], found[2]


def _by_node(seconds: float, side: int) -> str:
    return f"{seconds * 1000 / side**2:.5f} ms per node"


def _sites(side: int, city: Any) -> list[Any]:
    """Sites of each kind, every one at a node: the peer knows no way to a door."""
    rng = np.random.default_rng(4)
    some = [rng.integers(0, side * side, max(int(share * side * side), 2 * K)) for share in KINDS]
    return [gpd.GeoSeries(shapely.points(city.node_place[at]), crs="EPSG:4326") for at in some]


def _civigrid(side: int) -> Callable[[], Any]:
    from civigrid.travel.nearest_sites import node_nearest

    city, few = street_grid(side), street_grid(5)
    sites = _sites(side, city)
    node_nearest(few, _sites(5, few)[0], K)
    return Answer(
        lambda: [node_nearest(city, some, K) for some in sites],
        lambda found: np.stack([np.where(site >= 0, cost, 0) for site, cost in found]),
    )


def _pandana(side: int) -> Callable[[], Any]:
    city = street_grid(side)
    network, far = pandana_network(city), 1e8
    places = [some.get_coordinates() for some in _sites(side, city)]

    def work() -> list[Any]:
        found = []
        for i, at in enumerate(places):
            network.set_pois(str(i), far, K, at.x, at.y)
            found.append(network.nearest_pois(far, str(i), num_pois=K, include_poi_ids=False))
        return found

    return Answer(work, lambda found: np.stack([np.where(np.asarray(f) < far, f, 0) for f in found]))
