"""D, Gini and H of a synthetic city, beside PySAL's segregation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.measure import installed, measure, row

NAMES = {"dissimilarity": "Dissim", "gini": "Gini", "information": "Entropy"}


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Sizes by number of cells; the two answers are compared."""
    for n in (2_000,) if smallest else (20_000, 100_000):
        for ours, theirs in NAMES.items():
            seconds, peak, value = measure(_civigrid, ours, n)
            if installed("segregation") is None:
                yield row(ours, f"{n:,} cells", (seconds, peak), "segregation", None, "peer absent")
                continue
            other, _, peer = measure(_pysal, theirs, n, repeats=1)
            yield row(ours, f"{n:,} cells", (seconds, peak), "segregation", other, f"apart by {abs(value - peer):.1e}")


def city(n: int) -> Any:
    """Counts of a group and of all others."""
    rng = np.random.default_rng(2)
    total = rng.integers(1, 400, n)
    group = rng.binomial(total, rng.beta(2, 8, n))
    return np.stack([group, total - group], axis=1).astype(float)


def _civigrid(name: str, n: int) -> Callable[[], float]:
    from civigrid.kernels import segregation

    counts, ones = city(n), np.ones(n, dtype=np.int64)
    return lambda: getattr(segregation, name)(counts, ones).estimate


def _pysal(name: str, n: int) -> Callable[[], float]:
    import geopandas as gpd
    import segregation.singlegroup as peer

    counts = city(n)
    points = gpd.points_from_xy(np.arange(n), np.zeros(n))
    frame = gpd.GeoDataFrame({"g": counts[:, 0], "t": counts.sum(axis=1)}, geometry=points, crs="EPSG:3035")
    small = frame.iloc[:50]
    getattr(peer, name)(small, group_pop_var="g", total_pop_var="t")
    return lambda: float(getattr(peer, name)(frame, group_pop_var="g", total_pop_var="t").statistic)
