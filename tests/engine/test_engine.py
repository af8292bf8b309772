"""Blocks and schedulers: no result depends on where or in how many pieces it was computed."""

from hashlib import sha256

import numpy as np
import pytest
from distributed import LocalCluster

from civigrid.cells import make_cells
from civigrid.engine import Scheduler, densify, map_blocks, plan_blocks, sparsify
from civigrid.errors import UnknownNameError
from civigrid.grid import SquareGrid
from civigrid.layers.segregation import segregation_table
from civigrid.types import Column

GRID = SquareGrid(cell_size_m=1000)
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def scattered():
    """Five thousand scattered cells with fractional counts: sums would show any change of order."""
    rng = np.random.default_rng(7)
    row, col = np.unravel_index(rng.choice(200 * 200, 5_000, replace=False), (200, 200))
    values = {g: rng.gamma(1.0, 20.0, 5_000) for g in ("a", "b", "c")}
    return make_cells(GRID, GRID.from_row_col(3000 + row, 4000 + col), values, {g: Column() for g in values})


def digest(cells, scheduler, side):
    table = segregation_table(cells, ["a", "b", "c"], scheduler=scheduler, cells_per_block=side)
    return sha256(table.to_csv().encode()).hexdigest()


@pytest.mark.parametrize("kind", ["serial", "threads", "processes"])
def test_same_bytes_for_every_scheduler_worker_and_block(scattered, kind):
    """One and two workers, three block sizes: one hash."""
    expected = digest(scattered, Scheduler("serial"), 4096)
    found = {digest(scattered, Scheduler(kind, workers), side) for workers in (1, 2) for side in (16, 64, 256)}

    assert {expected} == found


def test_same_bytes_on_an_existing_cluster(scattered):
    """A cluster that someone else started is used by its address, gives the same, and is left running."""
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        found = digest(scattered, Scheduler.parse(cluster.scheduler_address), 64)

        assert digest(scattered, Scheduler("serial"), 4096) == found
        assert cluster.status.name == "running"


def test_an_own_cluster_listens_on_loopback_only(scattered):
    """Without an address a local cluster is started, used and closed."""
    assert digest(scattered, Scheduler("serial"), 4096) == digest(scattered, Scheduler("distributed", 1), 256)


def test_blocks_cover_every_row_once(scattered):
    """Blocks are the rows from first to last, without gap or overlap."""
    blocks = plan_blocks(GRID, scattered["cell_id"].values, 16)

    assert [0, *[b.stop for b in blocks]] == [*[b.start for b in blocks], 5_000]
    assert plan_blocks(GRID, np.empty(0, dtype=np.uint64), 16) == ()


@pytest.mark.parametrize("halo", [0, 1, 5])
def test_densify_is_a_lookup_with_a_halo(scattered, halo):
    """Every entry of the dense block is the value of its cell, or the fill; sparsify gives the values back."""
    ids, values = scattered["cell_id"].values, scattered["a"].values
    known = dict(zip(ids.tolist(), values.tolist(), strict=True))
    for block in plan_blocks(GRID, ids, 16)[::25]:
        dense = densify(GRID, ids, values, block, cells_per_side=16, halo=halo, fill=-1.0)
        row, col = (int(v[0]) for v in GRID.row_col(np.array([block.first], dtype=np.uint64)))
        side = np.arange(-halo, 16 + halo)
        around = GRID.from_row_col((row + side)[:, None], (col + side)[None, :])
        expected = [[known.get(int(i), -1.0) for i in line] for line in around]

        assert expected == dense.tolist()
        back = sparsify(GRID, ids, dense, block, cells_per_side=16, halo=halo)
        assert values[block.start : block.stop].tolist() == back.tolist()


def test_map_blocks_keeps_the_order(scattered):
    """Results come back in the order of the blocks."""
    table = {"a": scattered["a"].values}
    blocks = plan_blocks(GRID, scattered["cell_id"].values, 32)

    assert [len(b) for b in blocks] == map_blocks(_rows, table, blocks, Scheduler("threads", 2))
    assert [len(b) for b in blocks] == map_blocks(_rows, table, blocks, Scheduler("processes", 2))


def _rows(columns):
    return len(columns["a"])


def test_unknown_schedulers_are_named():
    """A misspelt scheduler is told what there is."""
    with pytest.raises(UnknownNameError, match="unknown scheduler 'thread'"):
        Scheduler.parse("thread")


def test_a_wrong_halo_is_refused(scattered):
    """A dense array that does not belong to the block is not read."""
    block = plan_blocks(GRID, scattered["cell_id"].values, 16)[0]

    with pytest.raises(ValueError, match="must have 18"):
        sparsify(GRID, scattered["cell_id"].values, np.zeros((16, 16)), block, cells_per_side=16, halo=1)
