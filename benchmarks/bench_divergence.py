"""Divergence at all scales around every cell, and the distortion of a city, beside PySAL's LocalDistortion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.measure import growth, installed, measure, row
from benchmarks.peers import Answer


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Cities by number of cells; the same sums of the divergence over rings are compared.

    The peer takes cells at one distance one after the other, in the order of rows, and sums over cells: compared is the
    sum over the rings of a line of cells seen from its end, where no two are equally far.
    """
    points = []
    for side in (20,) if smallest else (32, 75):
        seconds, peak, (ours, apart) = measure(_civigrid, side)
        points.append((side * side, seconds))
        size = f"{side * side:,} cells, 3 groups"
        if installed("segregation") is None:
            yield row("divergence", size, (seconds, peak), "segregation", None, "peer absent")
            continue
        other, other_peak, theirs = measure(_pysal, side, repeats=1)
        text = f"by persons {ours:.5f}, peer by cells, in the order of rows {theirs[0]:.5f}"
        text += f"; along a line apart by {abs(apart - theirs[1]):.1e}; peer's peak {other_peak:.0f} MB"
        yield row("divergence", size, (seconds, peak), "segregation", other, text)
    large = 40 if smallest else 141
    seconds, peak, _ = measure(_civigrid, large, repeats=1)
    text = growth([points[0], (large * large, seconds)])
    yield row("divergence", f"{large * large:,} cells, 3 groups", (seconds, peak), checked=text)


def _city(side: int) -> tuple[Any, Any, Any]:
    """Rows, columns and counts of three groups."""
    rng = np.random.default_rng(2)
    row, col = (v.ravel() for v in np.indices((side, side)))
    size = rng.integers(1, 400, side * side)
    share = np.stack([0.6 + 0 * col, 0.3 * (1 + np.sin(col / 9)), 0.3 * row / side + 0.01], axis=1)
    return row + 3000, col + 4000, rng.poisson(size[:, None] * share).astype(float) + np.eye(3)[0]


def _cells(side: int) -> Any:
    from civigrid.cells import make_cells
    from civigrid.grid import SquareGrid
    from civigrid.types import Column

    grid = SquareGrid(cell_size_m=1000)
    row, col, counts = _city(side)
    values = {n: counts[:, k] for k, n in enumerate("abc")}
    return make_cells(grid, grid.from_row_col(row, col), values, {n: Column() for n in "abc"})


def _line(side: int) -> Any:
    """Counts of a row of the city, whose first cell sees no two others equally far."""
    return _city(side)[2][:side]


def _civigrid(side: int) -> Callable[[], Any]:
    from civigrid.kernels.trajectories import city_of, trajectory
    from civigrid.layers.segregation.neighbourhoods.trajectories import trajectory_table

    cells, counts = _cells(side), _line(side)
    at = np.stack([np.zeros(side), np.arange(side)], axis=1)
    city = city_of(at, counts.astype(np.int64), 1.0, squares=True)
    line = float(trajectory(city, 0, counts.sum(axis=0) / counts.sum())[:, 2].sum())
    trajectory_table(_cells(5), ["a", "b", "c"])
    return Answer(lambda: trajectory_table(cells, ["a", "b", "c"]), lambda table: (float(table["estimate"][0]), line))


def _pysal(side: int) -> Callable[[], Any]:
    import geopandas as gpd
    import shapely
    from segregation.local import LocalDistortion

    row, col, counts = _city(side)
    squares = shapely.box(col * 1000, row * 1000, col * 1000 + 1000, row * 1000 + 1000)
    frame = gpd.GeoDataFrame(dict(zip("abc", counts.T, strict=True)), geometry=squares, crs="EPSG:3035")
    first = frame.iloc[:side]
    line = float(LocalDistortion(first, groups=list("abc")).statistics.iloc[0])
    size = counts.sum(axis=1)

    def form(found: Any) -> tuple[float, float]:
        by_cell = np.asarray(found.statistics, dtype=float).ravel() / len(frame)
        return float((by_cell * size).sum() / size.sum()), line

    return Answer(lambda: LocalDistortion(frame, groups=list("abc")), form)
