"""An invented street grid: some edges missing, random detours, nodes along a curve; and cells and services on it."""

from __future__ import annotations

from typing import Any

import numpy as np

BLOCK_M = 80.0
SPEED_KMH = {"walk": 4.8, "drive": 30.0}
ORIGIN = (13.4, 52.5)
"""Where the corner of the city lies, degrees."""


def street_grid(side: int, mode: str = "walk", seed: int = 7) -> Any:
    """Streets of ``side * side`` crossings, 12 % of edges missing, detours up to 40 %, every edge both ways.

    With 400 crossings a side: 160,000 nodes and 562,000 directed edges; half an hour on foot reaches some 1,300.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    from civigrid.kernels.morton import interleave
    from civigrid.travel.graph import StreetGraph

    rng = np.random.default_rng(seed)
    row, col = np.divmod(np.arange(side * side), side)
    order = np.argsort(interleave(row, col), kind="stable")
    number = np.empty(side * side, dtype=np.int64)
    number[order] = np.arange(side * side)
    at = number.reshape(side, side)
    a = np.concatenate([at[:, :-1].ravel(), at[:-1].ravel()])
    b = np.concatenate([at[:, 1:].ravel(), at[1:].ravel()])
    kept = rng.random(len(a)) >= 0.12
    a, b = a[kept], b[kept]
    metres = BLOCK_M * (1 + 0.4 * rng.random(len(a)))
    cost = np.rint(np.concatenate([metres, metres]) * 36 / SPEED_KMH[mode]).astype(np.int32)
    tail, head = np.concatenate([a, b]), np.concatenate([b, a])
    by_tail = np.lexsort((head, tail))
    tail, head, cost = tail[by_tail], head[by_tail].astype(np.int32), cost[by_tail]
    indptr = np.searchsorted(tail, np.arange(side * side + 1)).astype(np.int64)
    _, label = connected_components(csr_array((cost, head, indptr), shape=(side * side, side * side)), directed=False)
    rank = np.argsort(np.argsort(-np.bincount(label), kind="stable"), kind="stable")
    place = lonlat_of(np.column_stack([col[order], row[order]]) * BLOCK_M)
    node = np.arange(side * side, dtype=np.int32)
    zero = np.zeros((side * side, 2), dtype=np.int32)
    return StreetGraph(
        mode=mode,
        node_place=place,
        indptr=indptr,
        head=head,
        cost=cost,
        component=rank[label].astype(np.int32),
        spot_place=place,
        spot_node=np.column_stack([node, node]),
        spot_to=zero,
        spot_from=zero,
        spot_chain=np.full(side * side, -1, dtype=np.int32),
    )


def lonlat_of(metres: Any) -> Any:
    """Degrees of metres east and north of the corner, shape (place, 2)."""
    lat = ORIGIN[1] + metres[:, 1] / 111_195
    return np.column_stack([ORIGIN[0] + metres[:, 0] / (111_195 * np.cos(np.radians(ORIGIN[1]))), lat])


def cells_in(side: int, n: int, seed: int = 8) -> Any:
    """Centres of `n` cells anywhere in the city, as origins."""
    from civigrid.travel.places import Origins

    place = lonlat_of(np.random.default_rng(seed).random((n, 2)) * (side - 1) * BLOCK_M)
    ids = np.arange(n, dtype=np.uint64)
    return Origins(cell_id=ids, place=place, row=np.arange(n, dtype=np.int64), weight=np.ones(n))


def services_in(side: int, n: int, seed: int = 9) -> Any:
    """Places of `n` services anywhere in the city."""
    import geopandas as gpd
    import shapely

    place = lonlat_of(np.random.default_rng(seed).random((n, 2)) * (side - 1) * BLOCK_M)
    return gpd.GeoSeries(shapely.points(place), [f"service {i}" for i in range(n)], crs="EPSG:4326")
