"""A file of cells, or of borders, to tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from civigrid.engine import Scheduler
from civigrid.errors import SchemaError
from civigrid.io.cells import read_cells
from civigrid.io.tables import read_shapes
from civigrid.release import Profile, release
from civigrid.tiles import ShapeOptions, TileOptions, make_tiles, write_shape_tiles, write_tiles

SHAPES = (".gpkg", ".geojson", ".geojsonl", ".shp", ".fgb")
"""Files that hold borders and no cells."""


def tiles_file(cells: Path, out: Path, options: TileOptions, profile: Profile, workers: int = 0) -> dict[str, Any]:
    """Make tiles of a file of cells.

    Parameters
    ----------
    cells : Path
        What `civigrid.io.cells.read_cells` understands.
    out : Path
        ``.pmtiles``, ``.mbtiles`` or a folder.
    options : TileOptions
        What they shall be like.
    profile : Profile
        Disclosure profile: all cells pass it before a tile or a parent is made.
    workers : int
        Workers; 0 takes all cores.  No byte depends on it.

    Returns
    -------
    dict
        As of `civigrid.tiles.write_tiles`, with the profile and what it hid.
    """
    passed = release(read_cells(cells), profile)
    scheduler = Scheduler("serial") if workers == 1 else Scheduler("threads", workers)
    found = write_tiles(make_tiles(passed, options, scheduler), out)
    return {
        **found,
        "profile": passed.profile,
        "suppressed": {n: k for n, k in passed.actions.items() if n in found["on_parents"]},
    }


def shapes_file(path: Path, out: Path, options: ShapeOptions, profile: Profile) -> dict[str, Any]:
    """Make tiles of borders, districts and other shapes that are no cells, with columns of words alone.

    Raises
    ------
    SchemaError
        A column of numbers: disclosure control knows counts of cells, not those of any shape.
    """
    shapes = read_shapes(path)
    if numbers := [c for c in options.columns if c in shapes and pd.api.types.is_numeric_dtype(shapes[c])]:
        raise SchemaError(
            f"{', '.join(numbers)} of {path.name} may be counts, and shapes carry words alone: "
            "project counts onto cells first (civigrid project), then make tiles of the cells."
        )
    n = write_shape_tiles(release(shapes, profile), out, options)
    size = out.stat().st_size if out.is_file() else sum(f.stat().st_size for f in out.rglob("*") if f.is_file())
    return {
        "out": str(out),
        "tiles": n,
        "bytes": size,
        "scheme": options.scheme,
        "zooms": [options.min_zoom, options.max_zoom],
        "layers": {options.layer: len(shapes)},
        "columns": list(options.columns),
        "profile": str(profile),
    }


def tiles_text(found: dict[str, Any]) -> str:
    """Say in words what was made."""
    low, high = found["zooms"]
    lines = [f"{found['tiles']:,} tiles, zoom {low} to {high}, {found['bytes'] / 1e6:,.1f} MB in {found['out']}"]
    lines += [
        f"{layer:16} {n:,} {'cells' if 'on_parents' in found else 'shapes'}" for layer, n in found["layers"].items()
    ]
    if "on_parents" not in found:
        return "\n".join(lines)
    if found["totals_equal"] and all(found["totals_equal"].values()):
        lines.append("totals are equal on all levels")
    lines += [f"hidden   {n:,} of {name}" for name, n in found["suppressed"].items()]
    return "\n".join([*lines, *found["notes"]])
