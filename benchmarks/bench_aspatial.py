"""Twenty aspatial indices of Europe, with derivative, expectation and interval; each index beside PySAL's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.census import census_file
from benchmarks.measure import growth, installed, measure, row

GROUPS = ["NAT", "EU_OTH", "OTH"]
TWENTY = (
    "D", "G", "H", "A", "hutchens", "gorard", "minmax", "V", "isolation", "interaction",
    "exposure", "D_multi", "G_multi", "H_multi", "M", "divergence", "C", "R", "P", "simpson",
)  # fmt: skip
SINGLE = {
    "D": "Dissim", "G": "Gini", "H": "Entropy", "A": "Atkinson", "minmax": "MinMax", "V": "CorrelationR",
    "isolation": "Isolation", "interaction": "Interaction",
}  # fmt: skip
MULTI = {
    "D_multi": "MultiDissim", "G_multi": "MultiGini", "H_multi": "MultiInfoTheory", "C": "MultiSquaredCoefVar",
    "R": "MultiRelativeDiversity", "P": "MultiNormExposure", "divergence": "MultiDivergence",
}  # fmt: skip


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Europe in quarters of itself (its cells are sorted by place), then index by index at sizes the peer bears."""
    with TemporaryDirectory() as folder:
        path, what = census_file(Path(folder), smallest=smallest)
        points = []
        for part in (1,) if smallest else (16, 4, 1):
            seconds, peak, n = measure(_europe, path, part)
            points.append((n, seconds))
            grown = growth(points) if len(points) > 1 else ""
            yield row("20 indices, 3 groups", f"{what}, {n:,} cells", (seconds, peak), checked=grown)
    present = installed("segregation") is not None
    for ours, theirs in (SINGLE | MULTI).items():
        n = 1_000 if smallest else 200_000
        peer_n = n if ours != "G_multi" else min(n, 5_000)  # it holds cells x cells x groups
        # milliseconds: the first calls pay for fresh memory, as a long-running session does not
        seconds, peak, value = measure(_civigrid, ours, peer_n, repeats=20)
        if not present:
            yield row(ours, f"{peer_n:,} cells", (seconds, peak), "segregation", None, "peer absent")
            continue
        other, _, peer = measure(_pysal, ours, theirs, peer_n, repeats=1 if ours == "G" else 20)
        checked = f"apart by {abs(value - peer):.1e}"
        yield row(ours, f"{peer_n:,} cells", (seconds, peak), "segregation", other, checked)


def city(n: int, groups: int) -> Any:
    """Counts of groups by cell."""
    rng = np.random.default_rng(2)
    total = rng.integers(1, 400, n)
    share = rng.dirichlet(np.r_[np.full(groups - 1, 0.4), 2.0], n)
    return rng.multinomial(total, share).astype(float)


def _europe(path: Path, part: int) -> Callable[[], int]:
    from civigrid.io.cells import read_cells
    from civigrid.layers.segregation import segregation_table

    cells = read_cells(path, columns=GROUPS)
    cells = cells.isel(cell=slice(0, cells.sizes["cell"] // part))

    def work() -> int:
        assert np.isfinite(segregation_table(cells, GROUPS, indices=TWENTY)["estimate"]).all()
        return int(cells.sizes["cell"])

    return work


def _civigrid(name: str, n: int) -> Callable[[], float]:
    from civigrid.kernels.zones import zones_of
    from civigrid.layers.segregation.indices import index_named, with_parameters

    own = city(n, 2 if name in SINGLE else 3)
    value, _ = with_parameters(index_named(name))
    return lambda: float(value(zones_of(own)).estimate[0])


def _pysal(name: str, theirs: str, n: int) -> Callable[[], float]:
    import geopandas as gpd
    import pandas as pd
    from segregation import multigroup, singlegroup

    groups = 2 if name in SINGLE else 3
    counts = city(n, groups)
    frame = pd.DataFrame({f"g{k}": counts[:, k] for k in range(groups)} | {"t": counts.sum(axis=1)})
    if name in MULTI:
        names = [f"g{k}" for k in range(groups)]
        getattr(multigroup, theirs)(frame.iloc[:50], groups=names)
        return lambda: float(getattr(multigroup, theirs)(frame, groups=names).statistic)
    points = gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(np.arange(n), np.zeros(n)), crs="EPSG:3035")
    peer = getattr(singlegroup, theirs)
    peer(points.iloc[:50], group_pop_var="g0", total_pop_var="t")
    return lambda: float(peer(points, group_pop_var="g0", total_pop_var="t").statistic)
