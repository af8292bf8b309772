"""Hexagons with many attributes for the benchmarks of tiles, and how other programs tile them."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

DEEP = (9, 10)
"""Zooms at which the cells themselves are shown: all that the others make; ours makes all zooms from 0."""


def cpu_seconds() -> float:
    """Processor seconds of this process and of the programs it has called."""
    used = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def hexagons(n: int) -> Any:
    """Give `n` H3 cells of resolution 8 with ten counts and ten rates, released."""
    from civigrid.cells import make_cells
    from civigrid.grid import H3Grid
    from civigrid.release import public_grid, release
    from civigrid.types import Column

    grid = H3Grid(8)
    side = np.sqrt(n * 0.74) / 111.32 / 2
    lat, lon = np.mgrid[52 - side : 52 + side : 0.004, 9 - 1.624 * side : 9 + 1.624 * side : 0.006]
    # those of one place follow each other
    ids = np.unique(grid.cell_at(np.stack([lon.ravel(), lat.ravel()], axis=1)))[:n]
    assert len(ids) == n
    rng = np.random.default_rng(0)
    people = np.rint(np.exp(rng.normal(4, 1.5, len(ids))))
    values = {"people": people}
    values |= {f"count_{k}": np.floor(people * rng.random(len(ids)) * 0.4) for k in range(9)}
    values |= {f"rate_{k}": rng.random(len(ids)).round(4) for k in range(10)}
    rate = Column(kind="intensive", units="1", weight="people")
    about = {name: rate if name.startswith("rate") else Column() for name in values}
    return release(make_cells(grid, ids, values, about), public_grid())


def ours(n: int, geometry_only: bool) -> Callable[[], Any]:
    """Make all zooms; give processor seconds, megabytes, and whether each cell is there with its id."""
    from pmtiles.reader import MmapSource, all_tiles

    from civigrid.engine.execute import Scheduler
    from civigrid.tiles import TileOptions, make_tiles, write_tiles

    cells = hexagons(n)

    def work() -> Any:
        with TemporaryDirectory() as folder:
            out, began = Path(folder) / "t.pmtiles", cpu_seconds()
            made = make_tiles(cells, TileOptions(geometry_only=geometry_only), Scheduler("serial"))
            said = write_tiles(made, out)
            used = cpu_seconds() - began
            with out.open("rb") as stream:
                tiles = sum(1 for _ in all_tiles(MmapSource(stream)))
            assert tiles == said["tiles"]
        return used, said["bytes"] / 1e6, f"{said['tiles']} tiles, zoom 0 to {said['zooms'][1]}"

    work()
    return work


def _frame(n: int) -> Any:
    from civigrid.cells import to_geodataframe

    frame = to_geodataframe(hexagons(n).data).to_crs("EPSG:4326")
    named = frame[[c for c in frame if c == "geometry" or c.startswith(("people", "count", "rate"))]]
    return named[[c for c in named if not c.endswith("_status")]].reset_index(drop=True)


def freestiler(n: int, first: int = DEEP[0]) -> Callable[[], Any]:
    """The cells at their two zooms by freestiler, or at all zooms from the first."""
    from freestiler import freestile

    frame = _frame(n)
    return _timed(lambda out: freestile(frame, out, layer_name="cells", min_zoom=first, max_zoom=DEEP[1], quiet=True))


def gdal(n: int) -> Callable[[], Any]:
    """The same by GDAL's PMTiles driver."""
    import pyogrio

    frame = _frame(n)
    options = {"MINZOOM": DEEP[0], "MAXZOOM": DEEP[1], "MAX_SIZE": 2_000_000_000, "MAX_FEATURES": 2_000_000_000}
    return _timed(
        lambda out: pyogrio.write_dataframe(frame, out, layer="cells", driver="PMTiles", dataset_options=options)
    )


def tippecanoe(n: int) -> Callable[[], Any]:
    """The same by tippecanoe, from GeoJSON that is written beforehand."""
    import pyogrio

    folder = TemporaryDirectory()
    source = Path(folder.name) / "cells.geojsonl"
    pyogrio.write_dataframe(_frame(n), source, driver="GeoJSONSeq")
    program = str(Path(sys.executable).parent / "tippecanoe")
    words = [program, "-q", "-f", f"-Z{DEEP[0]}", f"-z{DEEP[1]}", "-l", "cells", "-P"]
    words += ["--no-tile-size-limit", "--no-feature-limit", "--no-line-simplification", "--no-tiny-polygon-reduction"]

    def work(out: Path) -> None:
        assert folder.name
        subprocess.run([*words, "-o", str(out), str(source)], check=True, capture_output=True)

    return _timed(work)


def _timed(work: Callable[[Path], Any]) -> Callable[[], Any]:
    def call() -> Any:
        with TemporaryDirectory() as folder:
            out, began = Path(folder) / "t.pmtiles", cpu_seconds()
            work(out)
            return cpu_seconds() - began, out.stat().st_size / 1e6, ""

    return call
