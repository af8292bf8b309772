"""German census grids: cells named by their centres, semicolons, decimal commas, dashes for what is withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from civigrid.errors import SourceError, first_few
from civigrid.grid import SquareGrid
from civigrid.io.hashing import sha256_of
from civigrid.io.protection import declare_noise
from civigrid.io.tables import read_table, to_numbers
from civigrid.source import Finding, Report, Source
from civigrid.types import Column, Floats, Status

_PAIRS = (("x_mp", "y_mp"), ("easting", "northing"), ("x", "y"))


def read_german_grid(
    path: Path,
    *,
    cell_size_m: int = 100,
    counts: Sequence[str] = ("population", "Einwohner"),
    rates: Mapping[str, str] | None = None,
    absent_is: str = "unavailable",
    noise_variance: float | None = None,
) -> tuple[Source, Report]:
    """Read a German census grid (Zensus 2011, 2022), whose coordinates are cell centres.

    Parameters
    ----------
    path : Path
        CSV (``;``, decimal comma) or Parquet; centre columns ``x_mp_100m, y_mp_100m``, ``easting, northing`` or
        ``x, y``, EPSG:3035.
    cell_size_m : int
        Side of the cells.
    counts : sequence of str
        Columns of persons; those present are read.
    rates : mapping of str to str, optional
        Columns of rates, each with its unit.
    absent_is : {"unavailable", "confidential"}
        What an empty entry means: not published, or withheld.
    noise_variance : float, optional
        Variance of the noise that the publisher added to each count, persons2.  By default none is declared.

    Returns
    -------
    tuple of Source and Report
        One row per cell; -1 and dashes are missing, with a finding.

    Raises
    ------
    SourceError
        No centre columns, coordinates that are no centres, no wanted column.
    """
    path = Path(path)
    table = read_table(path, text=path.suffix != ".parquet")
    grid = SquareGrid(cell_size_m=cell_size_m)
    ids = grid.cell_at(_centres(table, path, cell_size_m))
    names = [n for n in counts if n in table.columns]
    wanted = [*names, *(rates or {})]
    if not wanted or (lacking := sorted(set(rates or {}) - set(table.columns))):
        raise SourceError(f"{path.name} lacks {counts if not wanted else lacking}. It has {list(table.columns)[:10]}.")
    unknown = Status.CONFIDENTIAL if absent_is == "confidential" else Status.UNAVAILABLE
    values, status, findings = {}, {}, []
    for name in wanted:
        number, missing = to_numbers(table[name])
        value = number.to_numpy(copy=True)
        gone = missing.to_numpy() | (value < 0)
        value[gone] = np.nan
        values[name] = value
        status[name] = np.where(gone, unknown, np.where(value == 0, Status.OBSERVED_ZERO, Status.OK)).astype(np.uint8)
        if gone.any():
            text = f"{name} is missing in {int(gone.sum()):,} of {len(ids):,} cells (empty, dash or -1)"
            first = tuple(hex(i) for i in ids[gone][:5].tolist())
            findings.append(Finding("note", "german-grid.missing", text, int(gone.sum()), first))
    order = np.argsort(ids, kind="stable")
    data = pd.DataFrame(values, index=pd.Index(ids, name="cell_id")).iloc[order]
    about = {n: Column(long_name="Residents" if n in ("population", "Einwohner") else n) for n in names}
    about |= {n: Column(kind="intensive", units=u, long_name=n, weight=names[0]) for n, u in (rates or {}).items()}
    status = {n: codes[order] for n, codes in status.items()}
    files = {path.name: sha256_of(path)}
    source = Source(name=path.stem, table=data, columns=about, grid=grid, status=status, files=files)
    return declare_noise(source, noise_variance), Report(tuple(findings))


def _centres(table: pd.DataFrame, path: Path, cell_size_m: int) -> Floats:
    for x, y in _PAIRS:
        for suffix in ("", f"_{cell_size_m}m", "_1km" if cell_size_m == 1000 else ""):
            if {x + suffix, y + suffix} <= set(table.columns):
                points = np.stack([to_numbers(table[n + suffix])[0].to_numpy() for n in (x, y)], axis=1)
                off = (points % cell_size_m != cell_size_m / 2).any(axis=1)
                if off.any():
                    raise SourceError(
                        f"{path.name}: {int(off.sum())} of {len(off)} points are no centres of {cell_size_m} m cells "
                        f"(first: {first_few(points[off][:1].tolist())}). Give cell_size_m=, or read them as corners."
                    )
                return points
    raise SourceError(f"{path.name} has no centre columns ({_PAIRS}). It has {list(table.columns)[:10]}.")
