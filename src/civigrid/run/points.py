"""Millions of points to cells: each worker reads a piece of the file, counts it, and forgets the places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from civigrid.engine import Scheduler, reduce_pieces
from civigrid.grid import Grid
from civigrid.io.pieces import Piece, plan_pieces, read_piece, rows_of
from civigrid.project.points import PointsAsked, cells_of_tally
from civigrid.project.spread import Projection
from civigrid.project.tally import Tally, Tallying, merge_tallies
from civigrid.types import Column, Floats

MOST_ROWS = 10_000_000
"""Rows of the largest piece: few pieces are few tallies to put together, and progress is told piece by piece."""
FEWEST_ROWS = 250_000


@dataclass(frozen=True, kw_only=True)
class PointFile:
    """A table of points, and how to read it: all that a task is told.

    Parameters
    ----------
    path : Path
        Parquet (read by row groups) or CSV (read by ranges of bytes), on a disk that all workers see.
    x, y : str
        Columns of easting (longitude) and northing (latitude).
    crs : str
        CRS of the coordinates.  Another one than the grid's costs more than all else: 0.2 to 0.3 µs a point.
    by : str
        Label column whose values become one count each; empty: no groups.
    columns : tuple of str
        Measured columns to add up, as floor space; their sums are exact before they are rounded once.
    encoding : str
        Encoding of a CSV; empty: UTF-8, and where that fails Windows-1252.
    """

    path: Path
    x: str
    y: str
    crs: str
    by: str = ""
    columns: tuple[str, ...] = ()
    encoding: str = ""


def stream_points(
    file: PointFile,
    grid: Grid,
    *,
    groups: Sequence[str] | None = None,
    total: str = "population",
    name: str = "",
    reference_date: str = "",
    rows_per_piece: int = 0,
    scheduler: Scheduler | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Projection:
    """Count the points of a table by cell and group, however many there are.

    Memory holds a batch of rows per worker and the counts, never the file.  A coordinate lives until its batch is
    counted; tasks and partial results hold none.

    Parameters
    ----------
    file : PointFile
        The table.
    grid : Grid
        Where to count: a point on a side of a square belongs to the cell above or right of it.
    groups : sequence of str, optional
        Values of the label column to expect; by default those that occur, sorted.
    total : str
        Name of the count of all points.
    name : str
        Name of the source; empty: that of the file.
    reference_date : str
        Date the points refer to.
    rows_per_piece : int
        Rows of a piece; 0: as suits the file and the workers.  No result depends on it.
    scheduler : Scheduler, optional
        Where pieces are read and counted; no result depends on it.
    progress : callable, optional
        Told, now and then, how many rows of how many are done.

    Returns
    -------
    Projection
        The same cells and ledger that `read_points` and `project_points` give, for any size of pieces, any number of
        workers, any scheduler.  Points outside the grid, without coordinates or without a group asked for stand in
        the ledger by group.

    Raises
    ------
    SourceError
        A file that cannot be read, columns it does not have, values that are no numbers, or too many groups.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from civigrid.grid import SquareGrid
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "register.csv"
    ...     lines = ["e,n,origin", "4000500,3000500,A", "4000999,3000000,B", "4001000,3000000,B"]
    ...     _ = path.write_text(chr(10).join(lines))
    ...     file = PointFile(path=path, x="e", y="n", crs="EPSG:3035", by="origin")
    ...     found = stream_points(file, SquareGrid(cell_size_m=1000))
    >>> found.cells["B"].values
    array([1., 1.])
    """
    scheduler = scheduler or Scheduler()
    rows = rows_per_piece or _rows_per_piece(rows_of(file.path), scheduler.n_workers)
    labels = (file.by,) if file.by else ()
    numbers = (file.x, file.y, *file.columns)
    pieces = plan_pieces(file.path, numbers=numbers, labels=labels, rows=rows, encoding=file.encoding)
    tally = _tally(partial(_count, file, grid), pieces, scheduler, progress)
    if tally is None:
        tally = Tallying(grid, len(file.columns)).result()
    asked = PointsAsked(
        source=name or file.path.stem,
        by=file.by,
        groups=groups,
        total=total,
        columns={c: Column(units="places", long_name=c) for c in file.columns},
        reference_date=reference_date,
    )
    return cells_of_tally(tally, grid, asked)


def _rows_per_piece(rows: int, workers: int) -> int:
    """As many pieces as workers, or a multiple of that."""
    pieces = workers * max(-(-rows // (workers * MOST_ROWS)), 1)
    return max(-(-rows // pieces), FEWEST_ROWS)


def _tally(
    count: Callable[[Piece], Tally],
    pieces: Sequence[Piece],
    scheduler: Scheduler,
    progress: Callable[[int, int], None] | None,
) -> Tally | None:
    if not pieces:
        return None
    upto = np.cumsum([piece.rows for piece in pieces])

    def done(n: int) -> None:
        if progress is not None:
            progress(int(upto[n - 1]), int(upto[-1]))

    return reduce_pieces(count, merge_tallies, pieces, scheduler, done=done)


def _count(file: PointFile, grid: Grid, piece: Piece) -> Tally:
    """Read a piece and count it: what a worker does."""
    tallying = Tallying(grid, len(file.columns))
    for batch in read_piece(piece):
        east, north, *values = (_floats(batch[n]) for n in (file.x, file.y, *file.columns))
        labels, codes = [], None
        if file.by:
            group = batch[file.by]
            labels = group.dictionary.to_pylist()
            codes = (group.indices.fill_null(-1) if group.null_count else group.indices).to_numpy()
        tallying.add(east, north, file.crs, labels, codes, values)
    return tallying.result()


def _floats(column: pa.Array) -> Floats:
    values: Floats = column.to_numpy(zero_copy_only=False)
    return values
