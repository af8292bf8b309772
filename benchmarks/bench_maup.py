"""The MAUP audit of one city: 6 sizes x 25 origins x 10 indices, beside a loop over settings and over one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.measure import against, growth, measure, row

INDICES = ("D", "H", "V", "isolation", "interaction", "D_multi", "G_multi", "H_multi", "M", "C")
"""Ten: five for each group, five for all groups."""
SIZES = (1, 2, 3, 4, 5, 10)
WIDE = (5, 6, 8, 10, 12, 16)
"""Sizes that have 25 origins each: 150 settings."""
CITIES = {"1 km": (2_000, 2_000.0, SIZES), "1 km, wide": (2_000, 2_000.0, WIDE), "100 m, wide": (30_000, 120.0, WIDE),
          "100 m": (30_000, 120.0, SIZES)}  # fmt: skip
"""Cells of a city, their mean number of people, and sides of blocks."""


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """The whole audit against the same indices setting by setting; sums against plain sums and a summed-area table."""
    seconds = []
    cities = {"small": (400, 500.0, SIZES)} if smallest else CITIES
    for name, (n, mean, sizes) in cities.items():
        settings = sum(min(s * s, 25) for s in sizes)
        size = f"{n:,} cells of {name}, {len(sizes)} sizes, {settings} settings, {len(INDICES)} indices, 3 groups"
        ours = measure(_audit, n, mean, sizes)
        loop = measure(_loop, n, mean, sizes, repeats=1)
        apart = max(abs(a - b) for a, b in zip(ours[2], loop[2], strict=True))
        yield against("maup", size, ours[:2], "loop over settings", loop[0], f"largest difference {apart:.1e}")
        if sizes == WIDE:
            continue
        seconds.append((n, ours[0]))
        sums, once, table = (measure(make, n, mean) for make in (_sums, _once, _table))
        same = f"apart by {abs(sums[2] - table[2]):.1e} from the table"
        yield against("maup, sums of all blocks", size, sums[:2], "as many plain sums", once[0])
        yield against("maup, sums of all blocks", size, sums[:2], "summed-area table", table[0], same)
    if len(seconds) > 1:
        yield row("maup", growth(seconds), (seconds[-1][1], 0.0))


def city(n: int, mean: float) -> Any:
    """Cells of a round city with three groups, the second and third towards its middle."""
    from civigrid.cells import make_cells
    from civigrid.grid import SquareGrid
    from civigrid.types import Column

    rng = np.random.default_rng(4)
    side = int(np.ceil(np.sqrt(n * 1.3)))
    row_, col = (v.ravel() for v in np.indices((side, side)))
    far = np.hypot(row_ - side / 2, col - side / 2) / side
    inside = np.sort(np.argsort(far, kind="stable")[:n])
    total = 1 + rng.negative_binomial(1, 1 / mean, n)
    share = np.stack([0.5 + far[inside], 0.3 - 0.3 * far[inside], 0.2 - 0.2 * far[inside]], axis=1)
    counts = rng.multinomial(total, share / share.sum(axis=1, keepdims=True)).astype(np.float64)
    grid = SquareGrid(cell_size_m=1000)
    ids = grid.from_row_col(2000 + row_[inside], 2000 + col[inside])
    names = ("a", "b", "c")
    return make_cells(grid, ids, dict(zip(names, counts.T, strict=True)), dict.fromkeys(names, Column()))


def _audit(n: int, mean: float, sizes: tuple[int, ...]) -> Callable[[], list[float]]:
    from civigrid.layers.segregation.maup.settings import MaupOptions
    from civigrid.layers.segregation.maup.table import maup_table

    cells, options = city(n, mean), MaupOptions(sizes=sizes)

    def work() -> list[float]:
        table = maup_table(cells, ["a", "b", "c"], indices=INDICES, options=options)
        found = table[table["index"] == "D_multi"]
        return [float(e) for e in found["corrected"]]

    work()
    return work


def _loop(n: int, mean: float, sizes: tuple[int, ...]) -> Callable[[], list[float]]:
    """The same indices with what chance makes of each, one setting after the other, as a user would."""
    from civigrid.cells import ids_of, make_cells
    from civigrid.grid import SquareGrid
    from civigrid.kernels.origins import cut, origins, sums
    from civigrid.layers.segregation import segregation_table
    from civigrid.types import Column

    cells = city(n, mean)
    grid = SquareGrid(cell_size_m=1000)
    row_, col = (v.astype(np.int64) for v in grid.row_col(ids_of(cells)))
    counts = np.stack([cells[g].to_numpy() for g in "abc"], axis=1)

    def work() -> list[float]:
        medians = []
        for size in sizes:
            found = []
            for shift in origins(size, 25, 0):
                held = sums(cut(row_, col, size, shift), counts)
                held = held[held.sum(axis=1) > 0]
                ids = grid.from_row_col(np.zeros(len(held), np.int64) + 2000, 900 + np.arange(len(held)) % 5000)
                if len(held) > 5000:
                    at = np.arange(len(held))
                    ids = grid.from_row_col(1000 + at // 5000, 900 + at % 5000)
                blocks = make_cells(grid, ids, dict(zip("abc", held.T, strict=True)), dict.fromkeys("abc", Column()))
                table = segregation_table(blocks, ["a", "b", "c"], indices=INDICES)
                found.append(float(table[table["index"] == "D_multi"]["corrected"].iloc[0]))
            medians.append(float(np.median(found)))
        return medians

    return work


def _settings(n: int, mean: float) -> tuple[Any, Any, Any, list[tuple[int, Any]]]:
    from civigrid.cells import grid_of, ids_of
    from civigrid.kernels.origins import origins

    cells = city(n, mean)
    row_, col = (v.astype(np.int64) for v in grid_of(cells).row_col(ids_of(cells)))
    counts = np.stack([cells[g].to_numpy() for g in "abc"], axis=1)
    return row_, col, counts, [(size, shift) for size in SIZES for shift in origins(size, 25, 0)]


def _sums(n: int, mean: float) -> Callable[[], float]:
    from civigrid.kernels.origins import cut, sums

    row_, col, counts, settings = _settings(n, mean)
    return lambda: float(sum((sums(cut(row_, col, size, shift), counts) ** 2).sum() for size, shift in settings))


def _once(n: int, mean: float) -> Callable[[], float]:
    """A floor: every count read and added once for each setting, into no block at all."""
    _, _, counts, settings = _settings(n, mean)
    return lambda: float(sum(counts[:, k].sum() for _ in settings for k in range(3)))


def _table(n: int, mean: float) -> Callable[[], float]:
    """The other way: one summed-area table of the box round the city, read at every corner of every block."""
    row_, col, counts, settings = _settings(n, mean)
    row_, col = row_ - 2000, col - 2000

    def work() -> float:
        rows_, cols = int(row_.max()) + 1, int(col.max()) + 1
        dense = np.zeros((rows_ + 1, cols + 1, 3))
        dense[row_ + 1, col + 1] = counts
        total = dense.cumsum(axis=0).cumsum(axis=1)
        found = 0.0
        for size, (a, b) in settings:
            # blocks of the audit begin at multiples of the size in the grid, not in the box
            south = np.clip(np.arange(-((2000 + a) % size), rows_ + size, size), 0, rows_)
            west = np.clip(np.arange(-((2000 + b) % size), cols + size, size), 0, cols)
            corners = total[np.ix_(south, west)]
            found += float((np.diff(np.diff(corners, axis=0), axis=1) ** 2).sum())
        return found

    return work
