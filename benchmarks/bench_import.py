"""How long ``import civigrid`` takes, beside ``import geopandas``; at most 0.3 s."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.measure import row


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """One row: seconds of an import in a fresh process, less that of an empty process."""
    repeats = 3 if smallest else 9
    empty, ours, peer = (_best(code, repeats) for code in ("pass", "import civigrid", "import geopandas"))
    yield row("import", "fresh process", (ours - empty, 0.0), "geopandas", peer - empty, f"empty process {empty:.3f} s")


def _best(code: str, repeats: int) -> float:
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        found.append(time.perf_counter() - began)
    return min(found)
