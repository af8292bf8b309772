"""Travel times as Parquet, and the matrices of other engines as CSV or Parquet: one row by cell and site."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from civigrid.errors import SourceError, first_few
from civigrid.grid import Grid, SquareGrid, grid_from_dict
from civigrid.io.atomic import write_atomic
from civigrid.io.cells import ids_of_codes
from civigrid.io.codes import write_codes
from civigrid.io.tables import read_table, to_numbers
from civigrid.source import Finding
from civigrid.travel_times import TravelTimes, times_of_pairs
from civigrid.types import Ids, Ints

MARK = b"civigrid_times"
"""Key of a file's metadata that says how the times were made."""
UNITS = {"s": 1.0, "min": 60.0}
"""Seconds of one unit of time, by its name."""


def write_times(times: TravelTimes, grid: Grid, path: Path) -> None:
    """Write travel times as Parquet: ``code, site_id, seconds``, sorted by cell and site.

    A cell from which no site is reached is a row without a site; all sites are named in the file's metadata.
    """

    def write(temporary: Path) -> None:
        pq.write_table(_table(times, grid), temporary, compression="zstd", row_group_size=1_000_000)

    write_atomic(path, write)


def plain_table(times: TravelTimes, grid: Grid) -> pd.DataFrame:
    """Give ``code, site_id, seconds`` as text and numbers, one row by pair: what a CSV holds."""
    codes = np.array(_codes(grid, times.cell_id), dtype=object)
    return pd.DataFrame(
        {"code": codes[times.rows()], "site_id": times.site_id[times.site].astype(object), "seconds": times.seconds}
    )


def times_table(times: TravelTimes) -> pd.DataFrame:
    """Give travel times as a plain table ``cell_id, site, seconds``: what a part of a run keeps, with `times_of_table`.

    Site -1 marks a cell without any.
    """
    alone = np.flatnonzero(np.diff(times.indptr) == 0)
    return pd.DataFrame(
        {
            "cell_id": np.concatenate([times.cell_id[times.rows()], times.cell_id[alone]]),
            "site": np.concatenate([times.site, np.full(len(alone), -1, dtype=np.int32)]),
            "seconds": np.concatenate([times.seconds, np.zeros(len(alone), dtype=np.int32)]),
        }
    )


def times_of_table(table: pd.DataFrame, site_id: npt.NDArray[np.str_], *, limit_s: int, mode: str) -> TravelTimes:
    """Give the travel times that `times_table` made a table of.

    >>> ids = np.array([5, 9], dtype=np.uint64)
    >>> row, site, seconds = np.array([1]), np.array([0]), np.array([70])
    >>> times = times_of_pairs(ids, np.array(["a"]), row, site, seconds, limit_s=90, mode="walk")
    >>> times_of_table(times_table(times), times.site_id, limit_s=90, mode="walk").indptr
    array([0, 0, 1])
    """
    cell_id, row = np.unique(table["cell_id"].to_numpy(dtype=np.uint64), return_inverse=True)
    site, seconds = table["site"].to_numpy(), table["seconds"].to_numpy()
    known = site >= 0
    return times_of_pairs(cell_id, site_id, row[known], site[known], seconds[known], limit_s=limit_s, mode=mode)


def _table(times: TravelTimes, grid: Grid) -> pa.Table:
    alone = np.flatnonzero(np.diff(times.indptr) == 0)
    row = np.concatenate([times.rows(), alone])
    order = np.argsort(row, kind="stable")
    none = (np.arange(len(row)) >= len(times.seconds))[order]
    empty = np.zeros(len(alone), dtype=np.int32)
    site, seconds = np.concatenate([times.site, empty])[order], np.concatenate([times.seconds, empty])[order]
    codes = pa.array(_codes(grid, times.cell_id), type=pa.string())
    names = pa.array(times.site_id.tolist(), type=pa.string())
    columns = {
        "code": pa.DictionaryArray.from_arrays(pa.array(row[order].astype(np.int32)), codes),
        "site_id": pa.DictionaryArray.from_arrays(pa.array(site, mask=none), names),
        "seconds": pa.array(seconds, mask=none),
    }
    # sites in their order, also those that nobody reaches
    about = {"grid": grid.to_dict(), "limit_s": times.limit_s, "mode": times.mode, "sites": times.site_id.tolist()}
    return pa.table(columns).replace_schema_metadata({MARK: json.dumps(about, sort_keys=True).encode()})


def _codes(grid: Grid, cell_id: Ids) -> list[str]:
    if isinstance(grid, SquareGrid):
        return list(write_codes(cell_id, grid).astype(str))
    return [f"{i:x}" for i in cell_id.tolist()]


@dataclass(frozen=True, kw_only=True)
class Columns:
    """How a matrix of another engine is written.

    Parameters
    ----------
    origin, site : str
        Columns of the codes of cells, and of the ids of sites.
    time : str
        Column of times; empty time or text that is no number: not reached.
    unit : str
        Unit of the times: ``s`` or ``min``.
    limit_min : float or None
        Bound of the search, minutes; by default the longest time there is.
    """

    origin: str = "from_id"
    site: str = "to_id"
    time: str = "travel_time"
    unit: str = "min"
    limit_min: float | None = None


def read_times(path: Path, columns: Columns | None = None) -> tuple[TravelTimes, Grid, list[Finding]]:
    """Read travel times: what `write_times` wrote, or the matrix of another engine.

    Parameters
    ----------
    path : Path
        Parquet or CSV.
    columns : Columns, optional
        Needed unless civigrid wrote the file; the defaults are the names that r5r and r5py use.

    Returns
    -------
    tuple of TravelTimes, Grid and list of Finding
        Times, the grid of their cells, and what was noticed: pairs without a time, pairs given twice.

    Raises
    ------
    SourceError
        Unknown columns, codes that are no cells, negative times, an unknown unit.
    """
    path = Path(path)
    if path.suffix == ".parquet" and (about := (pq.read_schema(path).metadata or {}).get(MARK)) is not None:
        return _ours(path, json.loads(about))
    columns = columns or Columns()
    if columns.unit not in UNITS:
        raise SourceError(f"{columns.unit!r} is no unit of time here. Known: {', '.join(UNITS)}.")
    frame = read_table(path)
    wanted = [columns.origin, columns.site, columns.time]
    if lacking := [name for name in wanted if name not in frame.columns]:
        raise SourceError(
            f"{path.name} has no column {', '.join(lacking)}. It has {first_few(frame.columns, 12)}. Say which column "
            "holds the cells, the sites and the times."
        )
    return _of_frame(frame, columns, path)


def _ours(path: Path, about: dict[str, Any]) -> tuple[TravelTimes, Grid, list[Finding]]:
    frame = pq.read_table(path).to_pandas()
    grid, site_id = grid_from_dict(about["grid"]), np.array(about["sites"], dtype=str)
    cell_id, row = _rows(frame["code"], path)
    known = frame["seconds"].notna().to_numpy()
    site = pd.Index(site_id).get_indexer(pd.Index(frame["site_id"][known].astype(str)))
    seconds = frame["seconds"][known].to_numpy(dtype=np.int64)
    times = times_of_pairs(
        cell_id, site_id, row[known], site, seconds, limit_s=int(about["limit_s"]), mode=str(about["mode"])
    )
    return times, grid, []


def _rows(codes: pd.Series, path: Path) -> tuple[Ids, Ints]:
    """Sorted ids of the cells that codes name, and the row of each."""
    number, names = pd.factorize(codes.astype(str))
    ids = ids_of_codes(pd.Series(names), path)[0] if len(names) else np.empty(0, dtype=np.uint64)
    order = np.argsort(ids)
    place = np.empty(len(ids), dtype=np.int64)
    place[order] = np.arange(len(ids))
    return ids[order], place[number]


def _of_frame(frame: pd.DataFrame, columns: Columns, path: Path) -> tuple[TravelTimes, Grid, list[Finding]]:
    if not len(frame):
        raise SourceError(f"{path.name} has no rows: there are no travel times in it.")
    grid = ids_of_codes(frame[columns.origin].astype(str), path)[1]
    ordered, row = _rows(frame[columns.origin], path)
    site_id, site = np.unique(frame[columns.site].astype(str).to_numpy(dtype=str), return_inverse=True)
    times = to_numbers(frame[columns.time])[0].to_numpy(dtype=np.float64) * UNITS[columns.unit]
    if (negative := np.flatnonzero(times < 0)).size:
        raise SourceError(
            f"{path.name}: {negative.size} times are negative (first: {times[negative[0]] / UNITS[columns.unit]:g} "
            f"{columns.unit}). A pair that is not reached is left out, or has no time."
        )
    reached = np.isfinite(times)
    longest = float(times[reached].max(initial=0.0))
    limit_s = int(np.ceil(longest)) if columns.limit_min is None else round(columns.limit_min * 60)
    seconds = np.rint(np.where(reached, times, 0.0)).astype(np.int64)
    twice = len(row) - len(np.unique(row * len(site_id) + site))
    findings = []
    if not reached.all():
        n = int((~reached).sum())
        findings.append(Finding("note", "times.not-reached", f"{path.name}: {n} pairs have no time: not reached", n))
    if twice:
        text = f"{path.name}: {twice} pairs are there more than once: the shortest time counts"
        findings.append(Finding("warning", "times.repeated", text, twice))
    mode = f"imported from {path.name}, {columns.time}"
    made = times_of_pairs(ordered, site_id, row[reached], site[reached], seconds[reached], limit_s=limit_s, mode=mode)
    return made, grid, findings
