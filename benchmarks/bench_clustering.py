"""ACL, RCL, SP and Pxx of the EU census by transforms in tiles, beside one transform of the map, and beside PySAL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.census import census_file
from benchmarks.measure import against, growth, installed, measure, row
from benchmarks.peers import Answer

NAMES = ("absolute_clustering", "relative_clustering", "spatial_proximity", "proximity_within")
PEERS = ("AbsoluteClustering", "RelativeClustering", "SpatialProximity")
"""PySAL has no Pxx of its own."""
GROUPS = ("NAT", "EU_OTH", "OTH")
DECAY_M = 1000.0


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """The census at once; growth by size; PySAL at 10,000 cells, as it holds all pairs of them."""
    with TemporaryDirectory() as folder:
        path, what = census_file(Path(folder), smallest=smallest)
        table = Path(folder) / "cells.npz"
        # in a process of its own: what reading takes is not what the index takes
        measure(_prepared, str(path), str(table), repeats=1)
        seconds, peak, (n, floor, values) = measure(_census, str(table), repeats=1 if smallest else 3)
    told = ", ".join(f"{k} {v:.4f}" for k, v in zip(("ACL", "RCL", "SP", "Pxx"), values, strict=True))
    yield against(
        "clustering", f"{what}: {n:,} cells, OTH against the rest", (seconds, peak), "one FFT of the map and back",
        floor, told,
    )  # fmt: skip
    points = []
    for size in (2_500,) if smallest else (2_500, 10_000, 1_000_000):
        side = int(np.sqrt(size))
        ours = measure(_city, side, repeats=5)
        points.append((size, ours[0]))
        if size > 10_000:
            continue
        if installed("segregation") is None:
            yield row("clustering", f"{size:,} cells", ours[:2], "segregation", None, "peer absent")
            continue
        theirs = measure(_pysal, side, repeats=1)
        yield row("clustering", f"{size:,} cells", ours[:2], "segregation", theirs[0], _told(ours[2], theirs))
    if len(points) > 1:
        yield row("clustering", growth(points), (points[-1][1], 0.0))


def _told(ours: Any, theirs: Any) -> str:
    """PySAL is wrong here (its proximity grows with distance, docs/peers.md): we agree with a loop over all pairs."""
    apart = max(abs(a - b) for a, b in zip(ours[:4], ours[4:], strict=True))
    pairs = ", ".join(
        f"{n} {a:.3f} here, {b:.3f} there" for n, a, b in zip(("ACL", "RCL", "SP"), ours, theirs[2], strict=False)
    )
    return f"all pairs apart by {apart:.0e}; peer is wrong (docs/peers.md): {pairs}; its peak {theirs[1]:.0f} MB"


def read(path: Path) -> dict[str, Any]:
    """Counts of the census by cell, and rows and columns; cells with a missing group are left out."""
    from civigrid.cells import grid_of, ids_of
    from civigrid.io.census import read_census_grid
    from civigrid.layers.segregation.groups import group_counts
    from civigrid.project import project_cells

    cells = project_cells(read_census_grid(path)[0]).cells
    counts, _ = group_counts(cells, GROUPS, "")
    lived = np.nan_to_num(counts).sum(axis=1) > 0
    line, col = grid_of(cells).row_col(ids_of(cells)[lived])  # type: ignore[attr-defined]
    return {"counts": np.stack([counts[lived, 2], counts[lived, :2].sum(axis=1)], axis=1), "row": line, "col": col}


def _prepared(path: str, table: str) -> Callable[[], Any]:
    return lambda: np.savez(table, **read(Path(path)))


def _values(counts: Any, line: Any, col: Any) -> list[float]:
    from civigrid.kernels import clustering
    from civigrid.kernels.proximity import square_proximity

    seen = clustering.near(counts, square_proximity(line, col, 1000.0, DECAY_M))
    return [getattr(clustering, name)(seen).value for name in NAMES]


def _census(path: str) -> Callable[[], Any]:
    import time

    from scipy import fft

    table = np.load(path)
    counts, line, col = table["counts"], table["row"], table["col"]
    _values(counts[:1000], line[:1000], col[:1000])

    def floor() -> float:
        shape = [fft.next_fast_len(int(np.ptp(v)) + 37, real=True) for v in (line, col)]
        dense = np.zeros(shape)
        began = time.perf_counter()
        fft.irfft2(fft.rfft2(dense), s=shape, overwrite_x=True)
        return time.perf_counter() - began

    return Answer(lambda: _values(counts, line, col), lambda values: (len(line), floor(), values))


def city(side: int) -> Any:
    """Counts of a group that lives in a quarter, and of all others, on a square of 1 km cells."""
    rng = np.random.default_rng(5)
    line, col = np.divmod(np.arange(side * side), side)
    size = rng.integers(20, 400, side * side)
    group = rng.binomial(size, np.where((line < side / 2) & (col < side / 2), 0.4, 0.05))
    return np.stack([group, size - group], axis=1).astype(float), line, col


def _city(side: int) -> Callable[[], Any]:
    from civigrid.kernels import clustering
    from civigrid.kernels.proximity import point_proximity

    counts, line, col = city(side)
    _values(*city(5))

    def form(values: list[float]) -> list[float]:
        if side > 100:
            return values
        places = 1000.0 * np.column_stack([col, line])
        seen = clustering.near(counts, point_proximity(places, np.full(side * side, 1e6), DECAY_M))
        return values + [getattr(clustering, name)(seen).value for name in NAMES]

    return Answer(lambda: _values(counts, line, col), form)


def _pysal(side: int) -> Callable[[], Any]:
    import warnings

    import geopandas as gpd
    import segregation.singlegroup as peer
    import shapely

    def frame(side: int) -> Any:
        counts, line, col = city(side)
        boxes = shapely.box(col * 1e3, line * 1e3, col * 1e3 + 1e3, line * 1e3 + 1e3)
        return gpd.GeoDataFrame({"g": counts[:, 0], "t": counts.sum(axis=1)}, geometry=boxes, crs="EPSG:3035")

    def work(table: Any) -> list[float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [float(getattr(peer, n)(table, group_pop_var="g", total_pop_var="t").statistic) for n in PEERS]

    work(frame(5))
    table = frame(side)
    return lambda: work(table)
