"""Neighbourhoods by kernels on squares and hexagons, and indices of what lies around."""

import numpy as np
import pytest

from civigrid.cells import make_cells
from civigrid.engine import Scheduler
from civigrid.errors import GridMismatchError, SchemaError
from civigrid.grid import H3Grid, SquareGrid
from civigrid.kernels.convolution import Kernel
from civigrid.layers.segregation.neighbourhoods.by_kernel import Neighbours, around, arounds
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=1000)
KERNELS = [
    Kernel("uniform", 0),
    Kernel("uniform", 2000),
    Kernel("triangular", 3500),
    Kernel("biweight", 4000),
    Kernel("gaussian", 6000, 2000),
    Kernel("exponential", 5000, 1000),
]
ABOUT = {"a": Column(), "b": Column(), "c": Column()}


def town(side=14, seed=3, empty=0.3, centre=(4_300, 3_200)):
    """Cells of a town with rows and columns that no block begins at, and counts of three groups."""
    rng = np.random.default_rng(seed)
    row, col = (v.ravel() for v in np.indices((side, side)))
    kept = rng.random(side * side) >= empty
    row, col = row[kept], col[kept]
    counts = rng.negative_binomial(0.8, [0.02, 0.05, 0.1], (len(row), 3)).astype(float)
    return on_squares(row + centre[1], col + centre[0], counts)


def on_squares(row, col, counts):
    ids = GRID.from_row_col(row, col)
    return make_cells(GRID, ids, {n: counts[:, k] for k, n in enumerate("abc"[: counts.shape[1]])}, ABOUT)


def counts_of(cells, names="abc"):
    return np.stack([cells[n].to_numpy() for n in names], axis=1)


def brute(cells, counts, kernel, places=None):
    """Distances between all pairs of cells."""
    row, col = GRID.row_col(cells["cell_id"].to_numpy())
    at = np.stack([row, col], axis=1) * 1000.0
    distance = np.sqrt(((at[:, None] - at[None]) ** 2).sum(axis=2))
    return kernel(distance)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_around_equals_all_pairs(kernel):
    """Sums, effective persons and the chance to meet oneself are those of the whole matrix of weights."""
    cells = town()
    counts = counts_of(cells)
    k = brute(cells, counts, kernel)
    t = counts.sum(axis=1)
    found = around(cells, counts, kernel)
    near = k @ t

    assert found.counts == pytest.approx(k @ counts, rel=1e-6)
    assert found.size == pytest.approx(np.where(near > 0, near**2 / np.maximum(k**2 @ t, 1e-300), 0), rel=1e-5)
    assert found.oneself == pytest.approx(np.where(near > 0, 1 / np.maximum(near, 1e-300), 0), rel=1e-6)
    assert found.about["radius_m"] == kernel.radius_m


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_nothing_depends_on_blocks_or_workers(kernel):
    """Blocks of 4, 7 or 512 cells, in threads or one by one: the same to the bit."""
    cells = town(side=30)
    counts = counts_of(cells)
    whole = around(cells, counts, kernel, scheduler=Scheduler("serial"))

    for side in (4, 7, 16):
        for scheduler in (Scheduler("serial"), Scheduler("threads", 2)):
            parts = around(cells, counts, kernel, cells_per_block=side, scheduler=scheduler)
            assert np.array_equal(parts.counts, whole.counts)
            assert np.array_equal(parts.size, whole.size)


def test_fractional_counts_do_not_depend_on_blocks():
    """Counts that are not whole agree to 1e-12."""
    cells = town(side=30)
    counts = counts_of(cells) / 7

    for kernel in KERNELS:
        parts = around(cells, counts, kernel, cells_per_block=8)
        assert parts.counts == pytest.approx(around(cells, counts, kernel).counts, rel=1e-12, abs=1e-12)


def test_processes_give_the_same():
    """Other processes read blocks and halos from a file."""
    cells = town(side=30)
    counts = counts_of(cells)
    kernel = Kernel("biweight", 5000)
    far = around(cells, counts, kernel, cells_per_block=16, scheduler=Scheduler("processes", 2))

    assert np.array_equal(far.counts, around(cells, counts, kernel).counts)


def test_turns_and_moves_of_the_map_change_nothing():
    """A town turned by 90 degrees, or moved by 137 cells, has the same neighbourhoods in its own order."""
    cells = town(side=20)
    row, col = GRID.row_col(cells["cell_id"].to_numpy())
    counts = counts_of(cells)
    rng = np.random.default_rng(1)
    for kernel in KERNELS:
        expected = around(cells, counts, kernel).counts
        for new_row, new_col in ((col - 1000, row + 1000), (row + 137, col - 55)):
            mixed = rng.permutation(len(row))
            moved = on_squares(new_row[mixed], new_col[mixed], counts[mixed])
            place = np.searchsorted(moved["cell_id"].to_numpy(), GRID.from_row_col(new_row, new_col))
            assert np.array_equal(around(moved, counts_of(moved), kernel).counts[place], expected)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_an_even_town_is_even_at_its_edges(kernel):
    """Where every cell has the same shares, so has every neighbourhood: edges and empty land do not count."""
    cells = town()
    size = counts_of(cells).sum(axis=1)
    even = size[:, None] * np.array([0.5, 0.25, 0.25])
    near = around(cells, even, kernel).counts
    inhabited = size > 0

    assert (near[inhabited] / near[inhabited].sum(axis=1, keepdims=True)) == pytest.approx(
        np.tile([0.5, 0.25, 0.25], (inhabited.sum(), 1)), abs=1e-13
    )


def test_people_outside_are_neighbours_only():
    """A part of a town with the rest outside has the neighbourhoods it has in the whole; overlaps count once."""
    cells = town(side=20)
    counts = counts_of(cells)
    inside = np.arange(len(counts)) % 3 == 0
    part = cells.isel(cell=np.flatnonzero(inside))
    for kernel in KERNELS:
        whole = around(cells, counts, kernel)
        found = around(part, counts[inside], kernel, outside=Neighbours(cells, counts))

        assert np.array_equal(found.counts, whole.counts[inside])
        assert np.array_equal(found.oneself, whole.oneself[inside])


def test_a_radius_beyond_the_map_holds_everyone():
    """With a radius of 100,000 km everyone is everyone's neighbour."""
    cells = town()
    counts = counts_of(cells)

    assert (around(cells, counts, Kernel("uniform", 1e8)).counts == counts.sum(axis=0)).all()


def test_unknown_counts_are_nobodys_neighbours():
    """A cell with NaN adds nothing to others, and has neighbours itself."""
    cells = town()
    counts = counts_of(cells)
    counts[5] = np.nan
    known = counts.copy()
    known[5] = 0

    assert np.array_equal(around(cells, counts, KERNELS[3]).counts, around(cells, known, KERNELS[3]).counts)


def test_nobody_around():
    """Where nobody lives within the radius, all is 0; no cells give no rows."""
    cells = on_squares(np.array([3000, 3050]), np.array([4000, 4000]), np.array([[0.0, 0, 0], [2, 1, 0]]))
    found = around(cells, counts_of(cells), Kernel("biweight", 3000))
    none = around(cells.isel(cell=slice(0, 0)), np.zeros((0, 3)), Kernel("biweight", 3000))

    assert (found.size[0], found.oneself[0]) == (0, 0)
    assert (found.size[1], found.oneself[1]) == (3, pytest.approx(1 / 3))
    assert none.counts.shape == (0, 3)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_back_is_the_transposed(kernel):
    """The sum of y times K x is that of x times K^T y, with neighbours outside too."""
    cells, other = town(), town(seed=9, centre=(4_310, 3_205))
    found = around(cells, counts_of(cells), kernel, outside=Neighbours(other, counts_of(other)))
    y = np.random.default_rng(0).normal(size=found.counts.shape)
    for rows in (np.arange(len(y)), np.arange(3, 11), np.array([], dtype=int)):
        places, back = found.back(rows, y[rows])
        assert (found.back.everyone[places] * back).sum() == pytest.approx((y * found.counts)[rows].sum(), rel=1e-11)


def hexagons(side, seed=0):
    grid = H3Grid(8)
    rng = np.random.default_rng(seed)
    # around the pentagon in Norway
    ids = np.unique(grid.cell_at(np.array([10.5362, 64.7]) + rng.uniform(-side, side, (4000, 2))))
    counts = rng.negative_binomial(0.8, [0.02, 0.05], (len(ids), 2)).astype(float)
    return make_cells(grid, ids, {"a": counts[:, 0], "b": counts[:, 1]}, ABOUT)


def test_hexagons_around_a_pentagon():
    """Around the pentagon in Norway neighbours are those of all pairs of geodesic distances, by pyproj."""
    from pyproj import Geod

    cells = hexagons(0.05)
    counts = counts_of(cells, "ab")
    at = H3Grid(8).centre(cells["cell_id"].to_numpy())
    n = len(at)
    first, second = np.divmod(np.arange(n * n), n)
    distance = Geod(ellps="WGS84").inv(*at[first].T, *at[second].T)[2].reshape(n, n)
    for kernel in KERNELS:
        found = around(cells, counts, kernel)
        assert found.counts == pytest.approx(kernel(distance) @ counts, rel=1e-5, abs=1e-4)


def test_hexagons_in_pieces(monkeypatch):
    """How many pairs are held at once changes nothing."""
    cells = hexagons(0.05)
    counts = counts_of(cells, "ab")
    whole = around(cells, counts, Kernel("biweight", 3000))
    monkeypatch.setattr("civigrid.kernels.true_distances.PAIRS_AT_ONCE", 50)
    parts = around(cells, counts, Kernel("biweight", 3000))

    assert np.array_equal(whole.counts, parts.counts)


def test_what_is_refused():
    """Neighbours of another grid, no kernel, and counts of other cells are refused."""
    cells = town()
    counts = counts_of(cells)
    h3 = hexagons(0.01)

    with pytest.raises(GridMismatchError, match="h3-r8"):
        around(cells, counts, KERNELS[1], outside=Neighbours(h3, counts_of(h3, "ab")))
    with pytest.raises(SchemaError, match="no kernel"):
        next(arounds(cells, counts, []))
    with pytest.raises(SchemaError, match="rows of counts"):
        around(cells, counts[1:], KERNELS[1])
