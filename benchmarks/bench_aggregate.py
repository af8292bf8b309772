"""1 km to 2, 5, 10, 20, 50 and 100 km: 13 variables with statuses, beside pygridmap's method in pandas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.census import NAMES, census_file
from benchmarks.measure import measure, row
from benchmarks.peers import Answer

SIZES = (2_000, 5_000, 10_000, 20_000, 50_000, 100_000)


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Sums of all levels are compared; the peer's have no statuses, only a number of flags."""
    with TemporaryDirectory() as folder:
        path, what = census_file(Path(folder), smallest=smallest)
        seconds, peak, (n, ours) = measure(_civigrid, str(path))
        other, _, theirs = measure(_groupby, str(path), repeats=1)
        apart = max(abs(ours[k] - theirs[k]) for k in ours)
        size = f"{what}: {n:,} cells, {len(SIZES)} levels"
        yield row("aggregate", size, (seconds, peak), "pandas", other, f"sums of levels apart by {apart:.0f}")


def _civigrid(path: str) -> Callable[[], Any]:
    from civigrid.io.census import read_census_grid
    from civigrid.project import project_cells, pyramid

    cells = project_cells(read_census_grid(Path(path))[0]).cells
    pyramid(cells.isel(cell=slice(0, 100)), [2_000])

    def form(levels: Any) -> Any:
        sums = {(size, n): float(np.nansum(level[n].to_numpy())) for size, level in levels.items() for n in NAMES}
        return cells.sizes["cell"], sums

    return Answer(lambda: pyramid(cells, SIZES), form)


def _groupby(path: str) -> Callable[[], Any]:
    """For each level a group-by of the corners rounded down: sums, confidential ones as 0, and how many they are."""
    import pandas as pd

    table = pd.read_parquet(path).drop(columns=["CNTR_ID"])

    def work() -> Any:
        levels = {}
        for size in SIZES:
            x, y = table["x"] // size * size, table["y"] // size * size
            levels[size] = table.drop(columns=["x", "y"]).groupby([x, y]).sum()
        return levels

    return Answer(work, lambda levels: {(s, n): float(level[n].sum()) for s, level in levels.items() for n in NAMES})
