"""Polygons to 1 km cells: the crosswalk beside exactextract, tobler and geopandas, and the sweep beside a bare loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.measure import against, growth, installed, measure, row
from benchmarks.peers import Answer, exactextract_pairs, overlay_pairs, tobler_pairs
from benchmarks.tilings import bare_loop, polygons

SIZES = ((500, 223.0), (1_000, 316.0), (10_000, 1_000.0))
PEERS = {
    "exactextract": (exactextract_pairs, 10_000),
    "tobler": (tobler_pairs, 10_000),
    "geopandas": (overlay_pairs, 1_000),
}
"""How pairs are made by a peer, and with how many polygons it ends within a minute or so."""
CELL = 1000


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Sizes by number of polygons; every share is compared.

    Weights are what exactextract gives, validity asked; the crosswalk is that as a sparse matrix with its sums.
    """
    seconds_by_size = []
    for n, side_km in ((100, 50.0),) if smallest else SIZES:
        repeats = 25 if n <= 1_000 else 7
        weights, ours = (measure(make, n, side_km, repeats=repeats) for make in (_weights, _crosswalk))
        seconds_by_size.append((n, weights[0]))
        size = f"{n:,} polygons x {int(side_km**2):,} cells, {len(ours[2]):,} pairs"
        for peer, (make, most) in PEERS.items():
            if installed(peer) is None or n > most:
                why = "peer absent" if installed(peer) is None else "takes longer than a minute: not run"
                yield row("weights", size, weights[:2], peer, None, why)
                continue
            other, _, theirs = measure(make, n, side_km, CELL, repeats=1 if n > 1_000 else 3)
            for name, mine in (("weights", weights), ("crosswalk", ours)):
                yield row(name, size, mine[:2], peer, other, _apart(mine[2], theirs))
        for name, make_sweep in (("sweep", True), ("sweep, NumPy twin", False)):
            swept = measure(_sweep, n, side_km, make_sweep, repeats=repeats)
            bare = measure(_bare, n, side_km, repeats=repeats)
            yield against(name, size, swept[:2], "bare loop", bare[0], _apart(swept[2], bare[2]))
    if len(seconds_by_size) > 1:
        yield row("weights", growth(seconds_by_size), (seconds_by_size[-1][1], 0.0))


def _apart(ours: Any, theirs: Any) -> str:
    apart = max(abs(theirs.get(k, 0.0) - ours.get(k, 0.0)) for k in ours.keys() | theirs.keys())
    return f"largest difference of a share {apart:.1e}"


def _keyed(polygon: Any, row_: Any, col: Any, share: Any) -> dict[tuple[int, int, int], float]:
    keys = zip(polygon.tolist(), row_.tolist(), col.tolist(), strict=True)
    return dict(zip(keys, share.tolist(), strict=True))


def _weights(n: int, side_km: float) -> Callable[[], Any]:
    from civigrid.grid import SquareGrid
    from civigrid.kernels.sweep import expand_runs
    from civigrid.project.polygons import square_coverage

    shapes, grid = polygons(n, side_km), SquareGrid(cell_size_m=CELL)
    square_coverage(shapes[:2], grid)
    return Answer(lambda: square_coverage(shapes, grid), lambda found: _keyed(*expand_runs(found)))


def _crosswalk(n: int, side_km: float) -> Callable[[], Any]:
    from civigrid.grid import SquareGrid
    from civigrid.project import polygon_crosswalk

    shapes, grid = polygons(n, side_km), SquareGrid(cell_size_m=CELL)
    polygon_crosswalk(shapes[:2], grid)

    def form(crosswalk: Any) -> Any:
        found = crosswalk.measure.tocoo()
        row_, col = grid.row_col(crosswalk.cell_id[found.col])
        return _keyed(found.row, row_, col, found.data / CELL**2)

    return Answer(lambda: polygon_crosswalk(shapes, grid), form)


def _sweep(n: int, side_km: float, compiled: bool) -> Callable[[], Any]:
    from civigrid.kernels.sweep import coverage, expand_runs
    from civigrid.project.geometry import rings_of

    rings = rings_of(polygons(n, side_km))
    coverage(rings, CELL, compiled=compiled)
    return Answer(lambda: coverage(rings, CELL, compiled=compiled), lambda found: _keyed(*expand_runs(found)))


def _bare(n: int, side_km: float) -> Callable[[], Any]:
    from shapely import get_coordinates, get_num_coordinates, orient_polygons

    # shells the right way round, so that no loop has to ask
    shapes = orient_polygons(polygons(n, side_km).to_numpy())
    xy, start = get_coordinates(shapes), np.append(0, np.cumsum(get_num_coordinates(shapes)))
    many = 300 * len(shapes) + 4 * int(np.ceil(side_km)) ** 2
    bare_loop(xy, start[:2], float(CELL), *(np.empty(9_999, kind) for kind in (np.int64, np.int64, np.float64)))

    def work() -> Any:
        out = np.empty(many, np.int64), np.empty(many, np.int64), np.empty(many)
        n_pairs = bare_loop(xy, start, float(CELL), *out)
        return tuple(column[:n_pairs] for column in out)

    return Answer(work, lambda found: _keyed(found[0], found[1] // 8192, found[1] % 8192, found[2]))
