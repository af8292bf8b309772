"""All of Europe as one picture, A4 at 300 dots to the inch, without a browser; beside geopandas' plot."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.census import census_file
from benchmarks.measure import installed, measure, row

PART = 100_000
"""Cells that geopandas draws: all of them would take it minutes."""


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Yield a row for each format, and one beside geopandas."""
    with tempfile.TemporaryDirectory() as folder:
        path, what = census_file(Path(folder), smallest=smallest)
        for suffix in (".png", ".svg", ".pdf"):
            seconds, peak, (n, size) = measure(_ours, path, suffix, 0)
            yield row("picture", f"{n:,} cells to {suffix[1:]}, {what}", (seconds, peak), checked=f"{size:,} bytes")
        part = 1000 if smallest else PART
        ours, peer = measure(_ours, path, ".png", part), installed("geopandas")
        theirs = measure(_theirs, path, part, repeats=1)[0] if peer else None
        yield row("picture", f"{ours[2][0]:,} cells to png, {what}", ours[:2], "geopandas", theirs)


def _cells(path: Path, part: int) -> Any:
    from civigrid.io.cells import read_cells
    from civigrid.release import public_grid, release

    cells = read_cells(path, columns=["T"])
    return release(cells.isel(cell=slice(0, part or None)), public_grid())


def _ours(path: Path, suffix: str, part: int) -> Callable[[], tuple[int, int]]:
    from civigrid.report.static_map import static_map

    released = _cells(path, part)
    static_map(_cells(path, 100), "T").to_bytes(suffix)
    return lambda: (released.data.sizes["cell"], len(static_map(released, "T").to_bytes(suffix)))


def _theirs(path: Path, part: int) -> Callable[[], int]:
    import numpy as np
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.figure import Figure

    from civigrid.cells import to_geodataframe, values_of
    from civigrid.style import classify
    from civigrid.types import Column

    data = _cells(path, part).data
    frame = to_geodataframe(data[["T", "T_status"]])
    classes = classify(values_of(data, "T"), Column())
    norm = BoundaryNorm([0, 0.5, *classes.breaks, np.inf], len(classes.colors))

    def work() -> int:
        figure, out = Figure(figsize=(11.7, 8.3)), io.BytesIO()
        axes = figure.subplots()
        frame.plot("T", ax=axes, cmap=ListedColormap(classes.colors), norm=norm, missing_kwds={"color": "lightgrey"})
        figure.savefig(out, dpi=300)
        return len(out.getvalue())

    return work
