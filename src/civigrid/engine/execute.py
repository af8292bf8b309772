"""The only file that builds Dask graphs.

A graph holds a function, the path of a table and ranges of rows: no geometry, no person, no secret.  A table in memory
is spilled to a temporary Arrow file before it goes to other processes, and every worker reads its own rows from there.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain
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
T = TypeVar("T")
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


IN_FLIGHT = 4
"""Pieces per worker that are handed out together: what is read and not yet put together stays that small."""


def reduce_pieces(
    partial: Callable[[T], P],
    combine: Callable[..., P],
    pieces: Sequence[T],
    scheduler: Scheduler | None = None,
    *,
    done: Callable[[int], None] | None = None,
) -> P:
    """Compute partial results of pieces that workers fetch themselves, and put them together as they come.

    Parameters
    ----------
    partial : callable
        A piece to its partial result.
    combine : callable
        Several partial results to one; associative, to the last bit.
    pieces : sequence
        What to fetch: a path and a range of it, a window, never the data; at least one.
    scheduler : Scheduler, optional
        Where; no result depends on it.
    done : callable, optional
        Told, now and then, how many of the pieces are done.

    Returns
    -------
    object
        The partial results of all pieces, combined in their order.

    Examples
    --------
    >>> reduce_pieces(len, lambda *n: sum(n), ["a", "bc", "def"], Scheduler("serial"))
    6
    """
    scheduler = scheduler or Scheduler()
    serial = scheduler.kind == "serial" or len(pieces) == 1
    wave = FAN_IN if serial else max(FAN_IN, IN_FLIGHT * scheduler.n_workers)
    whole: list[P] = []
    with nullcontext() if serial else _running(scheduler) as compute:
        for first in range(0, len(pieces), wave):
            some = pieces[first : first + wave]
            if compute is None:
                part = _tree([partial(piece) for piece in some], combine)
            else:
                one, many = dask.delayed(partial, pure=False), dask.delayed(combine, pure=False)
                part = compute([_tree([one(piece) for piece in some], many)])[0]
            whole = [combine(*whole, part)]
            if done is not None:
                done(first + len(some))
    return whole[0]


def map_pieces(
    function: Callable[[T], R],
    pieces: Sequence[T],
    scheduler: Scheduler | None = None,
    *,
    done: Callable[[int], None] | None = None,
) -> list[R]:
    """Apply `function` to each piece, which workers fetch themselves; results in the order of the pieces.

    >>> map_pieces(len, ["a", "bc"], Scheduler("serial"))
    [1, 2]
    """
    if not pieces:
        return []
    return reduce_pieces(functools.partial(_listed, function), _chained, pieces, scheduler, done=done)


def _listed(function: Callable[[T], R], piece: T) -> list[R]:
    return [function(piece)]


def _chained(*lists: list[R]) -> list[R]:
    return list(chain(*lists))


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
    if scheduler.kind == "processes":
        # one pool for all calls: to start a process costs more than a piece
        with ProcessPoolExecutor(scheduler.n_workers, multiprocessing.get_context("spawn")) as pool:
            yield lambda lazy: list(dask.compute(*lazy, scheduler="processes", pool=pool))
        return
    if scheduler.kind == "threads":
        yield lambda lazy: list(dask.compute(*lazy, scheduler="threads", num_workers=scheduler.n_workers))
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
