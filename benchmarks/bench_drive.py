"""An hour by car on 160,000 nodes, per source and thread, beside SciPy, networkit and pandana."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.bench_walk import pandana_network
from benchmarks.measure import growth, installed, measure, row
from benchmarks.peers import Answer
from benchmarks.street_city import street_grid

LIMIT_DS = 36_000
SOURCES = 20


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Each engine's seconds per source, the nodes it reached, and whether the times are the same; growth."""
    side = 40 if smallest else 400
    ours = _each(measure(partial(_civigrid, side, LIMIT_DS)))
    size = f"{side * side:,} nodes, 60 min, per source and thread"
    theirs = _each(measure(partial(_scipy, side)))
    yield row("drive", size, ours[:2], "scipy", theirs[0], _same(ours[2], theirs[2]))
    if installed("networkit") is None:
        yield row("drive", size, ours[:2], "networkit", None, "peer absent")
    else:
        theirs = _each(measure(partial(_networkit, side)))
        yield row("drive", size, ours[:2], "networkit", theirs[0], f"{_same(ours[2], theirs[2])}; it has no bound")
    small = 20 if smallest else 100
    yield _beside_pandana(small)
    if not smallest:
        points = [(n * n, _each(measure(partial(_civigrid, n, 10**9)))[0]) for n in (100, 200, 400, 800)]
        yield row("drive", f"all nodes, no bound, {800 * 800:,}: {growth(points)}", (points[-1][1], 0.0))


def _each(found: tuple[float, float, Any]) -> tuple[float, float, Any]:
    return found[0] / SOURCES, found[1], found[2]


def _same(ours: Any, theirs: Any) -> str:
    nodes = f"{(ours < np.inf).sum() / SOURCES:,.0f} nodes by source"
    return f"{nodes}, the same times" if (ours == theirs).all() else f"{nodes}, TIMES DIFFER"


def _city(side: int) -> Any:
    """The streets, and sources in order: neighbours in time are neighbours in space, as for services."""
    return street_grid(side, "drive"), np.sort(np.random.default_rng(3).integers(0, side * side, SOURCES))


def _civigrid(side: int, bound: int) -> Callable[[], Any]:
    from civigrid.kernels.search import Seeds, graph_of, settled

    city, source = _city(side)
    graph = graph_of(city.indptr, city.head, city.cost)
    seeds = Seeds(np.arange(SOURCES + 1), source.astype(np.int32), np.zeros(SOURCES, np.int32))
    settled(graph, seeds, 1)

    def form(found: Any) -> Any:
        out = np.full((SOURCES, side * side), np.inf)
        for i in range(SOURCES):
            some = slice(found.starts[i], found.starts[i + 1])
            out[i, found.node[some]] = found.cost[some]
        return out

    return Answer(lambda: settled(graph, seeds, bound), form)


def _scipy(side: int) -> Callable[[], Any]:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    city, source = _city(side)
    n = side * side
    graph = csr_array((city.cost.astype(float), city.head, city.indptr), shape=(n, n))
    return lambda: dijkstra(graph, indices=source, limit=LIMIT_DS)


def _networkit(side: int) -> Callable[[], Any]:
    import networkit

    city, source = _city(side)
    n = side * side
    graph = networkit.Graph(n, weighted=True, directed=True)
    for tail, head, cost in zip(np.repeat(np.arange(n), np.diff(city.indptr)), city.head, city.cost, strict=True):
        graph.addEdge(int(tail), int(head), float(cost))
    networkit.setNumberOfThreads(1)

    def work() -> list[Any]:
        return [_distances(networkit.distance.Dijkstra(graph, int(s), False)) for s in source]

    def form(found: list[Any]) -> Any:
        ds = np.array(found)
        return np.where(ds <= LIMIT_DS, ds, np.inf)

    return Answer(work, form)


def _distances(search: Any) -> Any:
    return search.run().getDistances(True)


def _beside_pandana(side: int) -> dict[str, Any]:
    ours = _each(measure(partial(_civigrid, side, LIMIT_DS)))
    size = f"{side * side:,} nodes, 60 min, per source and thread"
    if installed("pandana") is None:
        return row("drive", size, ours[:2], "pandana", None, "peer absent")
    theirs = _each(measure(partial(_pandana, side), repeats=1))
    return row("drive", size, ours[:2], "pandana", theirs[0], f"{_same(ours[2], theirs[2])}; one route a pair")


def _pandana(side: int) -> Callable[[], Any]:
    city, source = _city(side)
    network, n = pandana_network(city), side * side
    one, other = np.repeat(source, n), np.tile(np.arange(n), SOURCES)

    def form(ds: Any) -> Any:
        whole = np.rint(np.asarray(ds)).reshape(SOURCES, n)
        return np.where(whole <= LIMIT_DS, whole, np.inf)

    return Answer(lambda: network.shortest_path_lengths(one, other), form)
