"""The 23,000 jagged polygons of `weights_eu` to 100 m cells, as runs, on one worker and on two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.measure import against, measure
from benchmarks.peers import Answer
from benchmarks.tilings import polygons


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """The floor is one copy of the runs that come out."""
    n, side_km = (200, 20.0) if smallest else (23_000, 950.0)
    seconds, peak, found = measure(runs, n, side_km, 1)
    size = f"{n:,} polygons, {found['cells']:,} cells in {found['runs']:,} runs"
    checked = f"area kept within {found['error']:.0e} of a polygon; a pair each would take {found['pairs_gb']:.1f} GB"
    yield against("weights_100m", size, (seconds, peak), "copying the runs", found["seconds"], checked)


def runs(n: int, side_km: float, workers: int) -> Callable[[], Any]:
    """Sweep in blocks on so many threads."""
    import time

    from civigrid.engine import Scheduler
    from civigrid.grid import SquareGrid
    from civigrid.project.polygons import square_coverage

    shapes, grid = polygons(n, side_km, 167), SquareGrid(cell_size_m=100)
    square_coverage(shapes[:2], grid)

    def form(found: Any) -> dict[str, Any]:
        length = found.stop - found.col
        area = np.bincount(found.polygon, found.share * length * 1e4, n)
        began = time.perf_counter()
        for column in found:
            column.copy()
        return {
            "cells": int(length.sum()),
            "runs": len(length),
            "error": float(np.abs(area / shapes.area.to_numpy() - 1).max()),
            "pairs_gb": float(length.sum()) * 32 / 1e9,
            "seconds": time.perf_counter() - began,
        }

    return Answer(lambda: square_coverage(shapes, grid, Scheduler("threads", workers)), form)
