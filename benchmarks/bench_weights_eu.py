"""23,000 jagged polygons to the EU 1 km grid, beside exactextract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.measure import installed, measure, row
from benchmarks.peers import Answer, exactextract_pairs
from benchmarks.tilings import polygons


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Weights alone, and the whole crosswalk; shares are compared polygon by polygon."""
    n, side_km = (200, 90.0) if smallest else (23_000, 950.0)
    theirs = measure(exactextract_pairs, n, side_km, 1000, 167, repeats=1) if installed("exactextract") else None
    for name, make in (("weights", _weights), ("crosswalk", _crosswalk)):
        seconds, peak, (corners, pairs, ours) = measure(make, n, side_km)
        size = f"{n:,} polygons, {corners:,} corners, {pairs:,} pairs"
        if theirs is None:
            yield row(name, size, (seconds, peak), "exactextract", None, "peer absent")
            continue
        sums = np.zeros(n)
        for (polygon, _, _), share in theirs[2].items():
            sums[polygon] += share
        text = f"cells covered by a polygon apart by at most {np.abs(sums - ours).max():.1e}"
        yield row(name, size, (seconds, peak), "exactextract", theirs[0], text)


def _weights(n: int, side_km: float) -> Callable[[], Any]:
    from civigrid.grid import SquareGrid
    from civigrid.kernels.sweep import expand_runs
    from civigrid.project.polygons import square_coverage

    shapes, grid = polygons(n, side_km, 167), SquareGrid(cell_size_m=1000)
    square_coverage(shapes[:2], grid)

    def form(found: Any) -> Any:
        polygon, _, _, share = expand_runs(found)
        return _corners(shapes), len(polygon), np.bincount(polygon, share, n)

    return Answer(lambda: square_coverage(shapes, grid), form)


def _crosswalk(n: int, side_km: float) -> Callable[[], Any]:
    from civigrid.grid import SquareGrid
    from civigrid.project import polygon_crosswalk

    shapes, grid = polygons(n, side_km, 167), SquareGrid(cell_size_m=1000)
    polygon_crosswalk(shapes[:2], grid)
    return Answer(
        lambda: polygon_crosswalk(shapes, grid),
        lambda found: (_corners(shapes), found.measure.nnz, np.asarray(found.measure.sum(axis=1)) / 1e6),
    )


def _corners(shapes: Any) -> int:
    import shapely

    return int(shapely.get_num_coordinates(shapes.to_numpy()).sum())
