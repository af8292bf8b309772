"""Two workers against one on the 100 m job of `weights_100m`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.bench_weights_100m import runs
from benchmarks.measure import against, measure


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """One worker beside two: the ratio is how much quicker two are."""
    n, side_km = (400, 30.0) if smallest else (23_000, 950.0)
    one, two = (measure(runs, n, side_km, workers) for workers in (1, 2))
    checked = "as many runs" if one[2]["runs"] == two[2]["runs"] else "runs differ"
    yield against("scaling", f"{n:,} polygons to 100 m", two[:2], "one worker", one[0], checked)
