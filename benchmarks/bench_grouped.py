"""Twenty indices for every country, and for every urban centre, in one pass each: beside one zone after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.bench_aspatial import GROUPS, TWENTY
from benchmarks.census import census_file
from benchmarks.measure import against, measure


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """No peer groups; the floor is our own table of one zone, times the zones."""
    with TemporaryDirectory() as folder:
        path, what = census_file(Path(folder), smallest=smallest)
        for zone in ("country", "centre"):
            seconds, peak, (zones, cells) = measure(_grouped, path, zone, repeats=1)
            few, _, some = measure(_one_by_one, path, zone, repeats=1)
            alone = few * zones / some
            work = f"20 indices, 3 groups, by {zone}"
            note = f"floor: zone by zone, {some} of {zones} zones measured"
            yield against(work, f"{what}, {cells:,} cells, {zones} zones", (seconds, peak), "zone by zone", alone, note)


def _cells(path: Path, zone: str) -> Any:
    from civigrid.io.cells import read_cells
    from civigrid.layers.typology import with_centres

    if zone == "country":
        return read_cells(path, columns=GROUPS)
    cells = read_cells(path, columns=["T", *GROUPS])
    return with_centres(cells, "T", density_km2=1500.0, minimum_persons=5_000.0, largest=100_000, label="centre")


def _grouped(path: Path, zone: str) -> Callable[[], tuple[int, int]]:
    from civigrid.layers.segregation import segregation_table

    cells = _cells(path, zone)

    def work() -> tuple[int, int]:
        table = segregation_table(cells, GROUPS, zone=zone, indices=TWENTY)
        return int(table["zone"].nunique()) - 1, int(cells.sizes["cell"])

    return work


def _one_by_one(path: Path, zone: str) -> Callable[[], int]:
    from civigrid.layers.segregation import segregation_table

    cells = _cells(path, zone)
    names = cells[zone].to_numpy().astype(str)
    zones = np.unique(names)
    some = zones[:: max(1, len(zones) // 10)][:10]
    parts = [cells.isel(cell=names == z) for z in some]

    def work() -> int:
        for part in parts:
            segregation_table(part, GROUPS, indices=TWENTY)
        return len(some)

    return work
