"""A file of cells to tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from civigrid.engine import Scheduler
from civigrid.io.cells import read_cells
from civigrid.release import Profile, release
from civigrid.tiles import TileOptions, make_tiles, write_tiles


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


def tiles_text(found: dict[str, Any]) -> str:
    """Say in words what was made."""
    low, high = found["zooms"]
    lines = [f"{found['tiles']:,} tiles, zoom {low} to {high}, {found['bytes'] / 1e6:,.1f} MB in {found['out']}"]
    lines += [f"{layer:16} {n:,} cells" for layer, n in found["layers"].items()]
    if found["totals_equal"] and all(found["totals_equal"].values()):
        lines.append("totals are equal on all levels")
    lines += [f"hidden   {n:,} of {name}" for name, n in found["suppressed"].items()]
    return "\n".join([*lines, *found["notes"]])
