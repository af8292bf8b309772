"""The only file that builds Dask graphs.

A graph holds a function, the path of a table and ranges of rows: no geometry, no person, no secret.  A table in memory
is spilled to a temporary Arrow file before it goes to other processes, and every worker reads its own rows from there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeVar

import dask
import pyarrow as pa

from civigrid.engine.blocks import Block
from civigrid.engine.reduction import Columns, Reduction
from civigrid.errors import unknown_name

P = TypeVar("P")
R = TypeVar("R")
Kind = Literal["serial", "threads", "processes", "distributed"]
FAN_IN = 8
"""Partial results put together at a time; the tree's shape depends on the number of blocks alone."""


@dataclass(frozen=True)
class Scheduler:
    """Where blocks are computed; no result depends on it.

    Parameters
    ----------
    kind : {"serial", "threads", "processes", "distributed"}
        Local by default; nothing is started before it is needed.
    workers : int
        Local workers; 0 takes all cores.
    address : str
        Address of an existing Dask scheduler (``tcp://...``, ``tls://...``), which is used and never closed.
    """

    kind: Kind = "threads"
    workers: int = 0
    address: str = ""

    @classmethod
    def parse(cls, text: str, workers: int = 0) -> Scheduler:
        """Read what a run file or ``--scheduler`` says.

        >>> Scheduler.parse("tcp://10.0.0.1:8786").kind
        'distributed'
        """
        if "://" in text:
            return cls("distributed", workers, text)
        kinds: dict[str, Kind] = {"serial": "serial", "threads": "threads", "processes": "processes"}
        kinds["distributed"] = "distributed"
        if text not in kinds:
            raise unknown_name("scheduler", text, [*kinds, "tcp://HOST:PORT"])
        return cls(kinds[text], workers)

    @property
    def n_workers(self) -> int:
        """Local workers, all cores where none are given."""
        return self.workers or os.cpu_count() or 1


def map_blocks(
    function: Callable[[Columns], R], table: Columns, blocks: Sequence[Block], scheduler: Scheduler | None = None
) -> list[R]:
    """Apply `function` to the columns of each block; results in the order of the blocks."""
    scheduler = scheduler or Scheduler()
    if scheduler.kind == "serial" or len(blocks) <= 1:
        return [function(_rows(table, block)) for block in blocks]
    with _shared(table, scheduler) as where, _running(scheduler) as compute:
        return compute([dask.delayed(_on_block, pure=False)(function, where, b.start, b.stop) for b in blocks])


def reduce_blocks(
    reduction: Reduction[P, R], table: Columns, blocks: Sequence[Block], scheduler: Scheduler | None = None
) -> R:
    """Compute a reduction over all blocks: partial results, combined as a tree, finished here."""
    scheduler = scheduler or Scheduler()
    if scheduler.kind == "serial" or len(blocks) <= 1:
        parts: list[Any] = [reduction.partial(_rows(table, block)) for block in blocks]
        return reduction.finalize(_tree(parts, reduction.combine))
    with _shared(table, scheduler) as where, _running(scheduler) as compute:
        lazy = [dask.delayed(_on_block, pure=False)(reduction.partial, where, b.start, b.stop) for b in blocks]
        combine = dask.delayed(reduction.combine, pure=False)
        return reduction.finalize(compute([_tree(lazy, combine)])[0])


def _tree(parts: list[Any], combine: Callable[..., Any]) -> Any:
    while len(parts) > 1:
        parts = [combine(*parts[i : i + FAN_IN]) for i in range(0, len(parts), FAN_IN)]
    return combine(*parts)


def _rows(table: Columns, block: Block) -> Columns:
    return {name: column[block.start : block.stop] for name, column in table.items()}


def _on_block(function: Callable[[Columns], R], where: Columns | str, start: int, stop: int) -> R:
    """Read rows start to stop where the table lies, and apply the function: what a worker runs."""
    if isinstance(where, str):
        table = pa.ipc.open_file(pa.memory_map(where)).read_all().slice(start, stop - start)
        columns: Columns = {n: table[n].to_numpy(zero_copy_only=False) for n in table.column_names}
        return function(columns)
    return function({name: column[start:stop] for name, column in where.items()})


@contextmanager
def _shared(table: Columns, scheduler: Scheduler) -> Iterator[Any]:
    """Give the table in the form workers can read: itself for threads, a file for other processes."""
    if scheduler.kind == "threads":
        yield dask.delayed(dict(table), pure=False, traverse=False)
        return
    with TemporaryDirectory(prefix="civigrid-") as folder:
        path = Path(folder) / "table.arrow"
        arrays = {name: pa.array(column) for name, column in table.items()}
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, pa.table(arrays).schema) as writer:
            writer.write_table(pa.table(arrays))
        yield str(path)


@contextmanager
def _running(scheduler: Scheduler) -> Iterator[Callable[[list[Any]], list[Any]]]:
    """Give the function that computes delayed values on the scheduler."""
    if scheduler.kind != "distributed":
        options = {"scheduler": scheduler.kind, "num_workers": scheduler.n_workers}
        yield lambda lazy: list(dask.compute(*lazy, **options))
        return
    from distributed import Client, LocalCluster

    if scheduler.address:
        with Client(scheduler.address, set_as_default=False) as client:
            yield lambda lazy: list(client.gather(client.compute(lazy)))
        return
    # loopback only, and no dashboard: nothing listens that was not asked for
    with (
        LocalCluster(
            n_workers=scheduler.n_workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield lambda lazy: list(client.gather(client.compute(lazy)))
