"""Exact neighbourhoods of the k nearest persons: the EU grid at nine scales, and a city beside EquiPop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.census import census_file
from benchmarks.measure import against, growth, installed, measure, row
from benchmarks.peers import Answer

GROUPS = ("NAT", "EU_OTH", "OTH")
PRESETS = (200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200)
INDICES = ("D_multi", "H_multi", "R")
FEW = (200, 400, 800, 1600)


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """The continent beside the nine nearest cells, not persons; a city and countryside beside the peer; growth."""
    with TemporaryDirectory() as folder:
        path, what = census_file(Path(folder), smallest=smallest)
        scales = FEW if smallest else PRESETS
        seconds, peak, cells = measure(_profile, str(path), scales, repeats=1)
        floor, _, _ = measure(_nearest_cells, cells, repeats=1)
        size = f"{what}: {cells:,} cells, {len(scales)} k, {len(GROUPS)} groups, with expectations"
        yield against("knn", size, (seconds, peak), "9 nearest cells by scipy", floor, f"peak {peak:.0f} MB")
    points = []
    for side in (20,) if smallest else (50, 100):
        scales = FEW if smallest else PRESETS
        seconds, peak, (n, ours) = measure(_civigrid, side, scales)
        points.append((n, seconds))
        size = f"{n:,} cells of a city and its countryside, {len(scales)} k, 2 groups"
        if installed("equipop") is None:
            yield row("knn", size, (seconds, peak), "equipop", None, "peer absent")
            continue
        other, other_peak, theirs = measure(_equipop, side, scales, repeats=1)
        apart = np.abs(np.subtract(ours, theirs)).max()
        yield row(
            "knn", size, (seconds, peak), "equipop", other, f"apart by {apart:.1e}; peer's peak {other_peak:.0f} MB"
        )
    large = 60 if smallest else 1000
    seconds, peak, (n, _) = measure(_civigrid, large, FEW if smallest else PRESETS, repeats=1)
    yield row("knn", f"{n:,} cells, likewise", (seconds, peak), checked=growth([points[0], (n, seconds)]))


def _profile(path: str, scales: tuple[int, ...]) -> Callable[[], Any]:
    from civigrid.io.census import read_census_grid
    from civigrid.layers.segregation.neighbourhoods.nearest_table import nearest_table
    from civigrid.layers.segregation.neighbourhoods.spatial import SpatialOptions
    from civigrid.project import project_cells

    source, _ = read_census_grid(Path(path))
    cells = project_cells(source).cells[[n for name in GROUPS for n in (name, f"{name}_status")]]
    del source
    options = SpatialOptions(interval=False)

    def work(some: Any) -> Any:
        return nearest_table(some, GROUPS, scales, indices=INDICES, options=options)

    work(cells.isel(cell=slice(0, 2000)))  # compiled kernels
    return Answer(lambda: work(cells), lambda table: cells.sizes["cell"] if len(table) else 0)


def _nearest_cells(cells: int) -> Callable[[], Any]:
    """Find the nine nearest cells of each of so many."""
    from scipy.spatial import KDTree

    side = int(np.ceil(np.sqrt(2 * cells)))
    at = np.random.default_rng(0).choice(side * side, cells, replace=False)
    places = np.stack(np.divmod(np.sort(at), side), axis=1).astype(float)
    return lambda: float(KDTree(places).query(places, k=9)[0].max())


def _city(side: int) -> tuple[Any, Any, Any]:
    """Rows, columns and counts of a group and of all others: a dense core in a countryside, as large as it is dense."""
    rng = np.random.default_rng(2)
    row, col = (v.ravel() for v in np.indices((side, side)))
    density = 300 * np.exp(-np.hypot(row - side / 2, col - side / 2) / (side / 10)) + 4
    counts = rng.poisson(density[:, None] * np.stack([0.1 + 0.3 * col / side, 0.9 - 0.3 * col / side], axis=1))
    kept = counts.sum(axis=1) > 0
    return row[kept], col[kept], counts[kept].astype(float)


def _civigrid(side: int, scales: tuple[int, ...]) -> Callable[[], Any]:
    from civigrid.cells import ids_of, make_cells
    from civigrid.grid import SquareGrid
    from civigrid.layers.segregation.neighbourhoods.nearest import nearest_around
    from civigrid.types import Column

    grid = SquareGrid(cell_size_m=100)
    row, col, counts = _city(side)
    ids = grid.from_row_col(row + 30_000, col + 40_000)
    cells = make_cells(grid, ids, {"a": counts[:, 0], "b": counts[:, 1]}, {"a": Column(), "b": Column()})
    own = np.stack([cells["a"].to_numpy(), cells["b"].to_numpy()], axis=1)
    place = np.searchsorted(ids_of(cells), ids)

    def work() -> Any:
        return [(found.around.counts, found.radius_m) for found in nearest_around(cells, own, scales)]

    def form(found: Any) -> tuple[int, list[float]]:
        return len(ids), [float(v) for counts, radius in found for v in (*counts[place[::97], 0], *radius[place[::97]])]

    work()
    return Answer(work, form)


def _equipop(side: int, scales: tuple[int, ...]) -> Callable[[], Any]:
    import contextlib
    import io

    from equipop.cells import CellData
    from equipop.fastcounts import run_knn_counts

    row, col, counts = _city(side)
    data = CellData(col * 100.0 + 50, row * 100.0 + 50, counts.sum(axis=1), {"a": counts[:, 0]}, unit_size=100.0)

    def work() -> Any:
        with contextlib.redirect_stdout(io.StringIO()):
            return run_knn_counts(data, list(scales), report=False)

    def form(table: Any) -> list[float]:
        return [float(v) for k in scales for name in (f"T_a_{k}", f"Dist_{k}") for v in table[name].to_numpy()[::97]]

    return Answer(work, form)
