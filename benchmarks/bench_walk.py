"""Half an hour on foot from 100,000 cells to 5,000 services on 160,000 nodes, beside SciPy and pandana."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.measure import growth, installed, measure, row
from benchmarks.peers import Answer
from benchmarks.street_city import cells_in, services_in, street_grid

LIMIT_MIN = 30
LIMIT_DS = LIMIT_MIN * 600 + 4
SAMPLE = 250
"""Services that SciPy is asked for; its time is scaled to all."""


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """The matrix with one thread and with two; the searches alone; pandana on 10,000 nodes; growth."""
    side, cells, services = (40, 1_000, 50) if smallest else (400, 100_000, 5_000)
    size = f"{side * side:,} nodes, {services:,} services × {cells:,} cells, {LIMIT_MIN} min"
    some = min(SAMPLE, services)
    theirs = measure(partial(_scipy, side, cells, services, some), repeats=2)
    snapping = measure(partial(_snapping, side, cells, services), repeats=3)[0]
    for threads in (1, 2):
        ours = measure(partial(_civigrid, side, cells, services, threads, some))
        told = f"scipy: our snapping, {some} services scaled; {_same(ours[2], theirs[2])}; peak {ours[1]:.0f} MB"
        what = f"{size}, {threads} thread{'s' * (threads > 1)}, with snapping"
        yield row("walk", what, ours[:2], "scipy", snapping + theirs[0] * services / some, told)
    alone = measure(partial(_searches, side, services), repeats=3)
    peer = measure(partial(_scipy_searches, side, services, some), repeats=3)
    size = f"{side * side:,} nodes, {services:,} services: searches alone, 1 thread"
    told = f"{alone[2]:.0f} nodes by service; scipy: {some} services, scaled"
    yield row("walk", size, alone[:2], "scipy", peer[0] * services / some, told)
    yield _beside_pandana(*((20, 200, 10) if smallest else (100, 5_000, 500)))
    if not smallest:
        points = [(n * n, measure(partial(_civigrid, n, n * n // 2, n * n // 32, 1, 1))[0]) for n in (100, 200, 400)]
        yield row("walk", f"cells and services with the city: {growth(points)}", (points[-1][1], 0.0))


def _beside_pandana(side: int, cells: int, services: int) -> dict[str, Any]:
    size = f"{side * side:,} nodes, {services:,} services × {cells:,} cells, {LIMIT_MIN} min, 1 thread"
    some = min(20, services)
    ours = measure(partial(_civigrid, side, cells, services, 1, some))
    if installed("pandana") is None:
        return row("walk", size, ours[:2], "pandana", None, "peer absent")
    seconds, _, (found, off) = measure(partial(_pandana, side, cells, services, some), repeats=1)
    told = f"{some} services, scaled; {_same(ours[2], found)}; apart by {off:.1f} s at most; no bound, one route a pair"
    return row("walk", size, ours[:2], "pandana", seconds * services / some, told)


def _same(ours: Any, theirs: Any) -> str:
    equal = len(ours) == len(theirs) and (ours == theirs).all()
    return f"the same {len(ours):,} pairs" if equal else f"{len(ours):,} and {len(theirs):,} pairs, NOT THE SAME"


def _civigrid(side: int, cells: int, services: int, threads: int, some: int) -> Callable[[], Any]:
    from civigrid.engine import Scheduler
    from civigrid.travel.street_times import street_times

    scheduler = Scheduler("serial" if threads == 1 else "threads", threads)
    # compile, or load what was compiled, on a few nodes
    street_times(street_grid(5), cells_in(5, 5), services_in(5, 5), limit_min=LIMIT_MIN)
    city, homes, sites = street_grid(side), cells_in(side, cells), services_in(side, services)

    def form(found: Any) -> Any:
        times = found[0]
        keep = times.site < some
        return _rows(np.stack([times.rows()[keep], times.site[keep], times.seconds[keep]]))

    return Answer(lambda: street_times(city, homes, sites, limit_min=LIMIT_MIN, scheduler=scheduler), form)


def _rows(pairs: Any) -> Any:
    """Row, site and seconds, one pair a line, in one order."""
    return pairs.T[np.lexsort(pairs[::-1])]


def _places(side: int, cells: int, services: int, some: int) -> Any:
    """Nodes and walks of cells and of some services: snapped by us, as no peer does."""
    from civigrid.travel.places import lonlat
    from civigrid.travel.snap import snap

    city = street_grid(side)
    homes, sites = snap(city, cells_in(side, cells).place), snap(city, lonlat(services_in(side, services))[:some])
    return city, homes.spot, homes.walk_ds(4.8), sites.spot, sites.walk_ds(4.8)


def _snapping(side: int, cells: int, services: int) -> Callable[[], Any]:
    """The time to find the spots of all places: SciPy's matrix needs them too."""
    from civigrid.travel.places import lonlat
    from civigrid.travel.snap import snap

    city = street_grid(side)
    place = np.concatenate([cells_in(side, cells).place, lonlat(services_in(side, services))])
    return Answer(lambda: snap(city, place), lambda found: len(found.spot))


def _scipy(side: int, cells: int, services: int, some: int) -> Callable[[], Any]:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    city, home, home_walk, site, site_walk = _places(side, cells, services, some)
    n = side * side
    # both ways cost the same here: the graph is its own reverse
    graph = csr_array((city.cost.astype(float), city.head, city.indptr), shape=(n, n))

    def work() -> Any:
        found = []
        for first in range(0, some, 50):
            # a dense row for each service: no more than 50 at a time
            batch = slice(first, first + 50)
            between = dijkstra(graph, indices=site[batch], limit=LIMIT_DS)
            total = between[:, home] + (home_walk + site_walk[batch, None])
            at, cell = np.nonzero(total <= LIMIT_DS)
            found.append((cell, at + first, (total[at, cell].astype(np.int32) + 5) // 10))
        return found

    return Answer(work, lambda found: _rows(np.concatenate([np.stack(part) for part in found], axis=1)))


def _searches(side: int, services: int) -> Callable[[], Any]:
    from civigrid.kernels.search import Seeds, graph_of, settled

    city, _, _, site, _ = _places(side, 1, services, services)
    graph = graph_of(city.indptr, city.head, city.cost)
    seeds = Seeds(np.arange(services + 1), site.astype(np.int32), np.zeros(services, np.int32))
    settled(graph, seeds, 1)
    return Answer(lambda: settled(graph, seeds, LIMIT_DS), lambda found: len(found.node) / services)


def _scipy_searches(side: int, services: int, some: int) -> Callable[[], Any]:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    city, _, _, site, _ = _places(side, 1, services, some)
    n = side * side
    graph = csr_array((city.cost.astype(float), city.head, city.indptr), shape=(n, n))

    def work() -> None:
        for first in range(0, some, 50):
            dijkstra(graph, indices=site[first : first + 50], limit=LIMIT_DS)

    return work


def pandana_network(city: Any) -> Any:
    """The same streets for pandana, in deciseconds."""
    import pandana
    import pandas as pd

    tail = np.repeat(np.arange(len(city.node_place)), np.diff(city.indptr))
    x, y = (pd.Series(v) for v in city.node_place.T)
    costs = pd.DataFrame({"ds": city.cost.astype(float)})
    return pandana.Network(x, y, pd.Series(tail), pd.Series(city.head.astype(np.int64)), costs, twoway=False)


def _pandana(side: int, cells: int, services: int, some: int) -> Callable[[], Any]:
    city, home, home_walk, site, site_walk = _places(side, cells, services, some)
    network = pandana_network(city)
    cell, at = np.tile(np.arange(cells), some), np.repeat(np.arange(some), cells)

    def work() -> Any:
        # a route that is missing costs 4,294,967.295
        return np.asarray(network.shortest_path_lengths(home[cell], site[at]))

    def form(ds: Any) -> Any:
        total = ds + home_walk[cell] + site_walk[at]
        near = total <= LIMIT_DS
        whole = np.rint(total[near])
        pairs = np.stack([cell[near], at[near], (whole.astype(np.int64) + 5) // 10])
        return _rows(pairs), float(np.abs(total[near] - whole).max(initial=0) / 10)

    return Answer(work, form)
