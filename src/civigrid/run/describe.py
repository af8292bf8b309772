"""What a file holds, said before anyone writes a run file for it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from civigrid.cells import grid_of
from civigrid.errors import CivigridError, SourceError
from civigrid.io.cells import INSIDE, read_cells
from civigrid.io.census import read_census_grid
from civigrid.io.gtfs_report import check_gtfs
from civigrid.io.raster import RASTER, open_raster
from civigrid.io.tables import VECTOR, read_shapes, read_table


def describe_file(path: Path) -> dict[str, Any]:
    """Say what a file holds.

    Parameters
    ----------
    path : Path
        Table or vector file.

    Returns
    -------
    dict
        Rows, columns, CRS and extent of shapes, the pixels of a raster,
        or the cells and findings of a census grid, and the reader that fits.
    """
    path = Path(path)
    found: dict[str, Any] = {"file": path.name}
    if other := _no_table(path):
        return found | other
    if path.suffix.lower() in RASTER:
        lattice = open_raster(path).lattice
        box = ", ".join(f"{v:,.6g}" for v in lattice.bounds)
        return found | {
            "pixels": f"{lattice.rows} x {lattice.cols}",
            "crs": lattice.crs,
            "extent": box,
            "reader": "raster",
        }
    if path.suffix.lower() in VECTOR:
        frame = read_shapes(path)
        kinds = ", ".join(sorted(set(frame.geometry.geom_type.dropna())))
        box = ", ".join(f"{v:,.6g}" for v in frame.total_bounds)
        found |= {"rows": len(frame), "columns": ", ".join(map(str, frame.columns.drop("geometry")))}
        found |= {"shapes": kinds, "crs": frame.crs.to_string() if frame.crs else "none: give crs=", "extent": box}
        return found | {"reader": "points" if "Point" in kinds else "lines" if "Line" in kinds else "areas"}
    table = read_table(path)
    found |= {"rows": len(table), "columns": ", ".join(map(str, table.columns))}
    try:
        source, report = read_census_grid(path)
    except CivigridError:
        return found | {"reader": "points, german-grid, or counts joined to areas"}
    found |= {"reader": "census-grid", "grid": "" if source.grid is None else source.grid.id}
    return found | {f"note {i + 1}": str(finding) for i, finding in enumerate(report)}


def _no_table(path: Path) -> dict[str, Any]:
    """Say what a file is that no reader of tables opens: cells, streets, a timetable; nothing of any other."""
    if path.suffix == INSIDE and path.is_file():
        cells = read_cells(path)
        names = ", ".join(str(n) for n in cells.data_vars if not str(n).endswith("_status"))
        grid = grid_of(cells).id
        return {"cells": cells.sizes["cell"], "columns": names, "grid": grid, "reader": "none: cells of civigrid"}
    if path.suffix == ".pbf" and path.is_file():
        return {"MB": f"{path.stat().st_size / 1e6:,.1f}", "reader": "none: streets, for network of [[times]]"}
    if path.is_dir() and not any(path.glob("*.txt")):
        raise SourceError(f"{path.name} is a folder and no timetable. Name a file in it.")
    if path.is_dir() or (path.suffix == ".zip" and _is_timetable(path)):
        feed = check_gtfs(path)
        days = f"{feed['first_day']} to {feed['last_day']}"
        about = {"stops": feed["stops"], "trips": feed["trips"], "days": days}
        return {**about, "reader": "none: a timetable, for gtfs of [[times]]; civigrid gtfs-check tells more"}
    return {}


def _is_timetable(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as packed:
        return any(name.rpartition("/")[2] == "stop_times.txt" for name in packed.namelist())
