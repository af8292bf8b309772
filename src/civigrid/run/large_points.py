"""When a run counts points from their file instead of reading them: the same answer, in less memory."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from civigrid.io.hashing import sha256_of
from civigrid.io.pieces import PARQUET, TEXT, rows_of
from civigrid.run import config
from civigrid.run.inputs import with_name
from civigrid.run.paths import resolve
from civigrid.run.points import PointFile
from civigrid.source import Finding, Report, Source

STREAM_ROWS = 1_000_000
"""Tables of points with at least this many rows are counted from their file."""
_FILTERS = ("kinds", "kind_column", "layer")
"""Options that choose among the rows: such tables are services, and small."""


def point_file(about: config.Source, item: config.Cells, base: Path) -> PointFile | None:
    """Say how to count a source's points from its file; None where it is read as any other source.

    Parameters
    ----------
    about : config.Source
        The source of the run file.
    item : config.Cells
        The cells to be made of it.
    base : Path
        Folder of the run file.
    """
    options = about.options
    if about.reader != "points" or item.method != "points" or any(options.get(name) for name in _FILTERS):
        return None
    path = resolve(about.path, base)
    if path.suffix.lower() not in (*PARQUET, *TEXT) or not all(options.get(name) for name in ("x", "y", "crs")):
        return None
    if rows_of(path) < STREAM_ROWS:
        return None
    return PointFile(
        path=path,
        x=str(options["x"]),
        y=str(options["y"]),
        crs=str(options["crs"]),
        by=item.by,
        columns=tuple(options.get("counts", ())),
    )


def unread(file: PointFile, about: config.Source) -> tuple[Source, Report]:
    """Give a source with its terms and no rows, and a note that says so."""
    source = Source(name=about.name, table=pd.DataFrame(), files={file.path.name: sha256_of(file.path)})
    text = f"{file.path.name}: counted piece by piece, ids are not checked"
    return with_name(source, about), Report((Finding("note", "points.streamed", text, rows_of(file.path)),))
