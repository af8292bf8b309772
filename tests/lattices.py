"""Invented streets with every vertex kept beside their contracted graph: an oracle for searches."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from civigrid.travel.graph import NO_WAY, StreetGraph
from civigrid.travel.places import Origins
from civigrid.travel.snap import snap

STEP = 0.001


@dataclass(frozen=True)
class Lattice:
    """A street graph; `full` holds every vertex as a node, in the order of the graph's spots."""

    graph: StreetGraph
    full: csr_array

    def between(self, one, other):
        """Deciseconds between spots over all vertices by SciPy, infinite where there is no way."""
        return dijkstra(self.full, indices=one)[:, other]


def lattice(side=6, seed=0, one_way=0.2, missing=0.15, islands=True):
    """Crossings joined by chains of 0 to 3 vertices, some one-way, costs by direction; and an island far away."""
    rng = np.random.default_rng(seed)
    at = np.arange(side * side).reshape(side, side)
    joined = np.concatenate([np.column_stack([at[:, :-1].ravel(), at[:, 1:].ravel()]),
                             np.column_stack([at[:-1].ravel(), at[1:].ravel()])])  # fmt: skip
    joined = joined[rng.random(len(joined)) >= missing]
    place = np.column_stack(np.divmod(np.arange(side * side), side))[:, ::-1] * STEP
    if islands:
        joined = np.concatenate([joined, [[side * side, side * side + 1]]])
        place = np.concatenate([place, [[1.0, 1.0], [1.0 + STEP, 1.0]]])
    return _build(place, joined, rng, one_way)


def _build(node_place, joined, rng, one_way):
    n = len(node_place)
    spots = [(p, (i, i), (0, 0), (0, 0), -1) for i, p in enumerate(node_place)]
    edges, vertex = [], []
    for chain, (a, b) in enumerate(joined):
        inner = int(rng.integers(0, 4))
        ahead, back = rng.integers(1, 400, (2, inner + 1))
        open_back = rng.random() >= one_way
        run = [a, *range(len(spots), len(spots) + inner), b]
        vertex += [(u, v, c) for u, v, c in zip(run[:-1], run[1:], ahead, strict=True)]
        edges.append((a, b, ahead.sum()))
        if open_back:
            vertex += [(v, u, c) for u, v, c in zip(run[:-1], run[1:], back, strict=True)]
            edges.append((b, a, back.sum()))
        for i in range(1, inner + 1):
            place = node_place[a] + (node_place[b] - node_place[a]) * i / (inner + 1)
            home = (back[:i].sum(), back[i:].sum()) if open_back else (NO_WAY, NO_WAY)
            spots.append((place, (a, b), (home[0], ahead[i:].sum()), (ahead[:i].sum(), home[1]), chain))
    tail, head, cost = np.array(sorted(edges)).T
    _, label = connected_components(csr_array((cost, (tail, head)), shape=(n, n)), connection="strong")
    rank = np.argsort(np.argsort(-np.bincount(label), kind="stable"), kind="stable")
    u, v, c = np.array(vertex).T
    columns = [np.array(part) for part in zip(*spots, strict=True)]
    graph = StreetGraph(
        mode="walk", node_place=np.asarray(node_place, float), indptr=np.searchsorted(tail, np.arange(n + 1)),
        head=head.astype(np.int32), cost=cost.astype(np.int32), component=rank[label].astype(np.int32),
        spot_place=columns[0], **{f"spot_{k}": part.astype(np.int32) for k, part in
                                  zip(("node", "to", "from", "chain"), columns[1:], strict=True)},
    )  # fmt: skip
    return Lattice(graph, csr_array((c.astype(float), (u, v)), shape=(len(spots), len(spots))))


def origins_at(place, row=None, weight=None):
    """Origins at places, by default each a cell of its own."""
    row = np.arange(len(place)) if row is None else np.asarray(row)
    weight = np.ones(len(place)) if weight is None else np.asarray(weight)
    ids = np.arange(row.max() + 1 if len(row) else 0, dtype=np.uint64) * 3 + 1
    return Origins(cell_id=ids, place=np.asarray(place, float).reshape(-1, 2), row=row, weight=weight)


def sites_at(place, names=None):
    """Sites at places."""
    place = np.asarray(place, float).reshape(-1, 2)
    names = [f"s{i:03d}" for i in range(len(place))] if names is None else names
    return gpd.GeoSeries(shapely.points(place), names, crs="EPSG:4326")


def dense(times):
    """Seconds as a matrix, infinite where there is no pair."""
    matrix = np.full((len(times.cell_id), len(times.site_id)), np.inf)
    matrix[times.rows(), times.site] = times.seconds
    return matrix


def whole_seconds(deciseconds):
    """Round deciseconds once, half up."""
    return np.floor((deciseconds + 5) / 10)


def expected_ds(city, here, there):
    """Deciseconds between places by SciPy, from where they are snapped, shape (here, there)."""
    a, b = snap(city.graph, here), snap(city.graph, there)
    assert not a.beyond.any()
    assert not b.beyond.any()
    return a.walk_ds(4.8)[:, None] + city.between(a.spot, b.spot) + b.walk_ds(4.8)
