"""What chance makes of segregation at every scale: the analytic null beside the profile it corrects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.bench_kernel import GROUPS, RADII_M, profile
from benchmarks.census import census_file
from benchmarks.measure import against, measure


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Estimates with expectations and corrected values, beside estimates alone: at most twice as long."""
    with TemporaryDirectory() as folder:
        path, what = census_file(Path(folder), smallest=smallest)
        plain, plain_peak, _ = measure(profile, str(path), False, repeats=1)
        seconds, peak, (cells, _) = measure(profile, str(path), True, repeats=1)
        size = f"{what}: {cells:,} cells, {len(RADII_M)} radii to 30 km, {len(GROUPS)} groups"
        text = f"{seconds / plain:.2f} times the profile alone, whose peak is {plain_peak:.0f} MB"
        yield against("null", size, (seconds, peak), "the profile alone", plain, text)
