"""EU 1 km cells and H3 resolution 8: the crosswalk in blocks, first made, then read from its cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.census import census_file
from benchmarks.measure import against, measure
from benchmarks.peers import Answer


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Cold and from the cache, each beside a floor of the same run."""
    with TemporaryDirectory() as folder:
        path, what = census_file(Path(folder), smallest=smallest)
        for state in ("cold", "cached"):
            seconds, peak, found = measure(_crosswalk, str(path), folder, state, repeats=1)
            size = f"{what}: {found['cells']:,} cells, {found['pairs']:,} pairs, {state}"
            checked = f"shares sum to 1 within {found['error']:.0e}"
            yield against("h3_crosswalk", size, (seconds, peak), found["floor"], found["seconds"], checked)


def _crosswalk(path: str, folder: str, state: str) -> Callable[[], Any]:
    from civigrid.engine import Scheduler
    from civigrid.grid import H3Grid
    from civigrid.io.census import read_census_grid
    from civigrid.io.parts import BlockFolder
    from civigrid.project import grid_crosswalk

    source, _ = read_census_grid(Path(path), columns=["T"])
    ids = source.table.index.to_numpy().astype(np.uint64)
    grid_crosswalk(ids[:50], source.grid, H3Grid(8))
    store = BlockFolder(Path(folder) / "blocks")

    def form(crosswalk: Any) -> dict[str, Any]:
        began = time.perf_counter()
        if state == "cold":
            _corners(crosswalk.cell_id, crosswalk.grid)
        else:
            for block in (Path(folder) / "blocks").glob("*.arrow"):
                block.read_bytes()
        floor = "corners of the hexagons by h3ronpy and PROJ" if state == "cold" else "reading the bytes"
        return {
            "cells": len(crosswalk.unit_id),
            "pairs": crosswalk.measure.nnz,
            "error": float(np.abs(crosswalk.placed_share - 1).max()),
            "floor": floor,
            "seconds": time.perf_counter() - began,
        }

    return Answer(
        lambda: grid_crosswalk(ids, source.grid, H3Grid(8), scheduler=Scheduler("threads"), store=store), form
    )


def _corners(cells: Any, grid: Any) -> None:
    """What no crosswalk can do without: corners of every hexagon, in the plane."""
    from pyproj import Transformer

    there = Transformer.from_crs("EPSG:4326", "EPSG:3035", always_xy=True)
    for part in np.array_split(cells, max(len(cells) // 200_000, 1)):
        corners = grid.vertices(part)
        there.transform(corners[..., 0], corners[..., 1])
