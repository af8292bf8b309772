"""What a file holds, said before anyone writes a run file for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from civigrid.errors import CivigridError
from civigrid.io.census import read_census_grid
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
