"""People allocated at random with fixed margins, beside PySAL's SingleValueTest of an index without space."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.measure import installed, measure, row
from benchmarks.peers import Answer


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Kernel H of ours; D without space of both, as many allocations: by seconds per allocation."""
    side, draws = (20, 40) if smallest else (100, 1000)
    seconds, peak, found = measure(_civigrid, side, draws, 3000, "H", repeats=1)
    size = f"{side * side:,} cells, {draws:,} permutations"
    text = f"H under a biweight kernel of 3 km: expected {found[1]:.5f}, p = {found[2]:.4f}"
    yield row("permutation", size, (seconds, peak), checked=text)
    side, draws = (10, 4) if smallest else (50, 50)
    seconds, peak, found = measure(_civigrid, side, draws, None, "D")
    size = f"{side * side:,} cells, {draws:,} permutations, D without space"
    if installed("segregation") is None:
        yield row("permutation", size, (seconds, peak), "segregation", None, "peer absent")
        return
    other, _, theirs = measure(_pysal, side, draws, repeats=1)
    text = f"D apart by {abs(found[0] - theirs[0]):.1e}; expected {found[1]:.4f}, peer {theirs[1]:.4f} (multinomial)"
    yield row("permutation", size, (seconds, peak), "segregation", other, text)


def _city(side: int) -> Any:
    """Rows, columns and counts of a group and of all others."""
    rng = np.random.default_rng(2)
    row, col = (v.ravel() for v in np.indices((side, side)))
    size = rng.negative_binomial(0.6, 0.6 / 120.6, side * side) + 1
    group = rng.binomial(size, rng.beta(2, 12, side * side))
    return row, col, group, size - group


def _civigrid(side: int, draws: int, radius: float | None, index: str) -> Callable[[], Any]:
    from civigrid.cells import make_cells
    from civigrid.grid import SquareGrid
    from civigrid.kernels.convolution import Kernel
    from civigrid.layers.segregation.neighbourhoods.permuted import permutation_test
    from civigrid.types import Column

    grid = SquareGrid(cell_size_m=1000)
    row, col, a, b = _city(side)
    ids = grid.from_row_col(row + 3000, col + 4000)
    cells = make_cells(grid, ids, {"a": a, "b": b}, {"a": Column(), "b": Column()})
    kernel = None if radius is None else Kernel("biweight", radius)

    def work(some: int) -> Any:
        return permutation_test(cells, ["a", "b"], kernel, index, draws=some)

    work(2)
    return Answer(lambda: work(draws), lambda found: (found.estimate, found.expected, found.p))


def _pysal(side: int, draws: int) -> Callable[[], Any]:
    import geopandas as gpd
    from segregation.inference import SingleValueTest
    from segregation.multigroup import MultiDissim

    row, col, a, b = _city(side)
    frame = gpd.GeoDataFrame({"a": a, "b": b}, geometry=gpd.points_from_xy(col, row), crs="EPSG:3035")
    index = MultiDissim(frame, groups=["a", "b"])

    def work(some: int) -> Any:
        return SingleValueTest(
            index, iterations_under_null=some, null_approach="evenness", n_jobs=1, backend="threading"
        )

    work(2)
    return Answer(lambda: work(draws), lambda found: (float(index.statistic), float(np.mean(found.est_sim))))
