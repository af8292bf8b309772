"""How the cost of each family of segregation grows with the number of cells, up to a million, as rows and a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import growth, measure, row

FIGURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "growth.svg"
WORK = ("20 indices", "clustering", "kernel, 3 radii", "k nearest, 3 k", "scales", "trajectories")
SIDES = (50, 100, 200, 400, 1000)
"""Cells along a city's side; trajectories, which look at every pair, end at the third."""


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Seconds of each family at growing sizes, with the exponent from one to the next."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for work in WORK:
        sides = (20, 40) if smallest else SIDES[: 3 if work == "trajectories" else None]
        points = []
        for side in sides:
            seconds, peak, cells = measure(_work, work, side, repeats=1 if side > 400 else 2)
            points.append((cells, seconds))
            text = growth(points[-2:]) if len(points) > 1 else ""
            yield row(work, f"{cells:,} cells, 3 groups", (seconds, peak), checked=text)
        curves[work] = points
    if not smallest:
        _draw(curves)


def _work(name: str, side: int) -> Callable[[], int]:
    from civigrid import segregation as seg
    from civigrid.cells import make_cells
    from civigrid.grid import SquareGrid
    from civigrid.layers.segregation import SpatialOptions
    from civigrid.types import Column

    rng = np.random.default_rng(2)
    line, col = (v.ravel() for v in np.indices((side, side)))
    size = rng.negative_binomial(1, 0.01, side * side) + 1
    share = np.stack([0.1 + 0.1 * np.sin(col / 9), 0.1 + 0.05 * np.cos(line / 13), 0.8 + 0 * col], axis=1)
    counts = rng.multinomial(size, share / share.sum(axis=1, keepdims=True)).astype(float)
    grid = SquareGrid(cell_size_m=1000)
    values = {n: counts[:, k] for k, n in enumerate("abc")}
    cells = make_cells(grid, grid.from_row_col(line + 1000, col + 1000), values, {n: Column() for n in "abc"})
    groups = list("abc")
    plain = SpatialOptions(interval=False)
    indices = [n for n in seg.INDICES if seg.INDICES[n].groups != "ordered"][:20]
    works: dict[str, Callable[[], Any]] = {
        "20 indices": lambda: seg.indices(cells, groups, indices=indices),
        "clustering": lambda: seg.pattern(cells, groups, indices=["ACL", "SP", "RCL"], decay_m=1000.0),
        "kernel, 3 radii": lambda: seg.profile(cells, groups, [2000, 5000, 10_000], indices=["D_multi", "H_multi"],
                                               options=plain),
        "k nearest, 3 k": lambda: seg.nearest(cells, groups, [200, 1600, 12_800], indices=["H_multi"], options=plain),
        "scales": lambda: seg.scales(cells, groups),
        "trajectories": lambda: seg.distortion(cells, groups),
    }  # fmt: skip

    def work() -> int:
        works[name]()
        return side * side

    work()
    return work


def _draw(curves: dict[str, list[tuple[int, float]]]) -> None:
    from civigrid.report.drawing import GROUPS, Mark, label_ends, new_figure, save

    figure, (axes,) = new_figure(
        "The cost of segregation grows with the number of cells",
        "Seconds on two cores against cells, both logarithmic; the exponent is that of the last two sizes. "
        "Trajectories look at every pair of cells, and grow with the square.",
        height=4.6,
    )
    marks = []
    for k, (name, points) in enumerate(curves.items()):
        n, seconds = np.log10(np.array(points)).T
        slope = (seconds[-1] - seconds[-2]) / (n[-1] - n[-2])
        axes.plot(n, seconds, "o-", color=GROUPS[k % len(GROUPS)], ms=3.5, lw=1.6)
        marks.append(Mark((n[-1], seconds[-1]), f"{name}: n^{slope:.2f}", GROUPS[k % len(GROUPS)]))
    for which, words in (("x", "Cells"), ("y", "Seconds")):
        low, high = (axes.get_xlim if which == "x" else axes.get_ylim)()
        at = np.arange(np.ceil(low), np.floor(high) + 1)
        getattr(axes, f"set_{which}ticks")(at, [f"{10.0**t:,.10g}" for t in at])
        getattr(axes, f"set_{which}label")(words)
    axes.grid(lw=0.4, alpha=0.6)
    label_ends(axes, marks)
    save(figure, FIGURE)
