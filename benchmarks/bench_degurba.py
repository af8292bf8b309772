"""Degree of urbanisation, level 1 and 2, of Europe: beside its floor, one scipy label of the same raster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from math import log
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import measure, row

DATA = Path(os.environ.get("CIVIGRID_DATA", Path(__file__).resolve().parents[1] / ".." / "shared" / "data"))
CENSUS = "eu_census2021_1km/census2021_1km_v2.parquet"


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """A sixteenth, a quarter and all of Europe (its cells are sorted by place), with the growth as an exponent.

    No library in Python does this work; the floor is one of its steps, done once, on dense cells in memory.
    """
    real = (DATA / CENSUS).exists() and not smallest
    before: tuple[float, int] | None = None
    for part in (16, 4, 1) if real else (1,):
        seconds, peak, (n, found) = measure(_degurba, part, real)
        floor, _, shape = measure(_floor, part, real)
        grows = f"; grows with cells^{log(seconds / before[0]) / log(n / before[1]):.2f}" if before else ""
        before = seconds, n
        checked = f"floor: one ndimage.label of {shape[0]:,} x {shape[1]:,}; {found} centres{grows}"
        yield row("degurba", f"{n:,} cells", (seconds, peak), "scipy", floor, checked)
    if real:
        for kind, workers in (("serial", 1), ("threads", 2)):
            seconds, peak, n = measure(_labels, kind, workers)
            size = f"{n:,} clusters in blocks of 256, {kind}"
            yield row("cluster labels", size, (seconds, peak), "scipy", floor, "the same floor")


def _cells(part: int, real: bool) -> Any:
    """Cells with residents and land: of Europe, or an invented town where only life is asked for."""
    from civigrid.cells import make_cells
    from civigrid.grid import SquareGrid
    from civigrid.io.cells import read_cells
    from civigrid.types import Column

    if real:
        cells = read_cells(DATA / CENSUS, columns=["T", "LAND_SURFACE"])
        return cells.isel(cell=slice(0, cells.sizes["cell"] // part))
    grid, rng = SquareGrid(cell_size_m=1000), np.random.default_rng(0)
    line, col = np.divmod(np.arange(200 * 200), 200)
    near = np.hypot(line % 50 - 25, col % 50 - 25)
    persons = np.rint(rng.exponential(size=len(line)) * 6000 * np.exp(-near / 4))
    values = {"T": persons, "LAND_SURFACE": np.ones(len(line))}
    about = {"T": Column(), "LAND_SURFACE": Column(kind="intensive", units="1")}
    return make_cells(grid, grid.from_row_col(3000 + line, 4000 + col), values, about)


def _degurba(part: int, real: bool) -> Callable[[], Any]:
    from civigrid.layers.typology import with_degurba

    cells = _cells(part, real)
    # compiled kernels are loaded, not timed
    with_degurba(cells.isel(cell=slice(0, 1000)), "T", land="LAND_SURFACE")

    def work() -> tuple[int, int]:
        made = with_degurba(cells, "T", land="LAND_SURFACE")
        return cells.sizes["cell"], len(set(made["urban_centre"].to_numpy().tolist())) - 1

    return work


def _floor(part: int, real: bool) -> Callable[[], Any]:
    from scipy import ndimage

    from civigrid.cells import grid_of, ids_of

    cells = _cells(part, real)
    line, col = (v - v.min() for v in grid_of(cells).row_col(ids_of(cells)))
    raster = np.zeros((int(line.max()) + 1, int(col.max()) + 1), dtype=bool)
    raster[line, col] = np.nan_to_num(cells["T"].to_numpy()) >= 300

    def work() -> tuple[int, ...]:
        ndimage.label(raster, np.ones((3, 3), dtype=int))
        return raster.shape

    return work


def _labels(kind: str, workers: int) -> Callable[[], Any]:
    from civigrid.cells import grid_of, ids_of
    from civigrid.engine import Scheduler
    from civigrid.layers.typology.clusters import label_clusters

    cells = _cells(1, True)
    ids = ids_of(cells)[np.nan_to_num(cells["T"].to_numpy()) >= 300]
    label_clusters(grid_of(cells), ids[:1000], "queen")
    scheduler = Scheduler(kind, workers)  # type: ignore[arg-type]
    return lambda: label_clusters(grid_of(cells), ids, "queen", scheduler=scheduler, cells_per_block=256)[1]
