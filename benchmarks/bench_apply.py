"""Saved weights times 50 variables of 100,000 units; the floor is one pass over the same bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.measure import against, measure
from benchmarks.peers import Answer
from benchmarks.tilings import polygons

VARIABLES = 50


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Counts to cells, all variables at once."""
    n, side_km = (500, 60.0) if smallest else (100_000, 1_000.0)
    seconds, peak, found = measure(_apply, n, side_km)
    size = f"{n:,} units x {VARIABLES} variables, {found['pairs']:,} pairs, {found['cells']:,} cells"
    checked = f"people kept within {found['error']:.0e}; weights loaded in {found['loaded']:.2f} s"
    yield against("apply", size, (seconds, peak), "a copy of input and output", found["seconds"], checked)


def _apply(n: int, side_km: float) -> Callable[[], Any]:
    from civigrid.crosswalk import Crosswalk
    from civigrid.grid import SquareGrid
    from civigrid.project import polygon_crosswalk

    saved = polygon_crosswalk(polygons(n, side_km), SquareGrid(cell_size_m=1000)).to_bytes()
    began = time.perf_counter()
    crosswalk = Crosswalk.from_bytes(saved)
    loaded = time.perf_counter() - began
    counts = np.random.default_rng(5).integers(0, 3_000, (n, VARIABLES)).astype(float)

    def form(cells: Any) -> dict[str, Any]:
        began = time.perf_counter()
        kept = cells.copy(), counts.copy()
        seconds = time.perf_counter() - began
        del kept
        error = float(np.abs(cells.sum(axis=0) / counts.sum(axis=0) - 1).max())
        pairs, many = crosswalk.measure.nnz, len(crosswalk.cell_id)
        return {"pairs": pairs, "cells": many, "error": error, "loaded": loaded, "seconds": seconds}

    return Answer(lambda: crosswalk.apply_extensive(counts), form)
