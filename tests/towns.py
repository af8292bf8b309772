"""Towns whose groups live apart, on square cells."""

import numpy as np

from civigrid.cells import make_cells
from civigrid.grid import SquareGrid
from civigrid.kernels.zones import zones_of
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=1000)
NAMES = ["a", "b", "c"]


def on_cells(counts, side, labels=None, grid=GRID):
    """Give a square town, row by row."""
    row, col = (v.ravel() for v in np.indices((side, side)))
    ids = grid.from_row_col(row + 3_205, col + 4_310)
    values = {n: counts[:, k] for k, n in enumerate(NAMES[: counts.shape[1]])}
    return make_cells(grid, ids, values, {n: Column() for n in values}, labels=labels)


def segregated(side=24, seed=4, mean=60.0, groups=3):
    """Draw a town whose groups live apart, in cells of very different size."""
    rng = np.random.default_rng(seed)
    row, col = (v.ravel() / side for v in np.indices((side, side)))
    size = rng.negative_binomial(0.6, 0.6 / (0.6 + mean), side * side)
    pull = np.stack([1.0 + 0 * row, 0.1 + 0.8 * row**2, 0.1 + 0.5 * np.sin(3 * col) ** 2], axis=1)[:, :groups]
    return rng.poisson(size[:, None] * pull / pull.sum(axis=1, keepdims=True)).astype(float)


def one(table, index, groups=None):
    rows = table[table["index"] == index]
    return (rows if groups is None else rows[rows["groups"] == groups]).iloc[0]


def value_of(function, own, near):
    lived = own.sum(axis=1) > 0
    return function(zones_of(own[lived], near[lived])).estimate[0]
