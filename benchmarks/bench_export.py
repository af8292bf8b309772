"""The EU census, 13 variables with their statuses, as GeoParquet with polygons, beside geopandas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.census import NAMES, census_file
from benchmarks.measure import measure, row
from benchmarks.peers import Answer


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Both write the same cells from memory to one file, which is read back and counted."""
    with TemporaryDirectory() as folder:
        path, what = census_file(Path(folder), smallest=smallest)
        cells = Path(folder) / "eu.cells"
        # in a process of its own: what reading takes is not what writing takes
        measure(_prepared, str(path), str(cells), repeats=1)
        ours = measure(_ours, str(cells), str(Path(folder) / "ours.parquet"), repeats=3)
        theirs = measure(_theirs, str(cells), str(Path(folder) / "theirs.parquet"), repeats=1)
        size = f"{what}: {ours[2][0]:,} cells x {len(NAMES)} to GeoParquet with polygons"
        same = "rows, sum of T and area equal" if ours[2][:3] == theirs[2][:3] else f"{ours[2]} is not {theirs[2]}"
        told = f"{same}; {ours[2][3]:.0f} MB here, {theirs[2][3]:.0f} MB and a peak of {theirs[1]:.0f} MB there"
        yield row("export", size, ours[:2], "geopandas", theirs[0], told)


def _prepared(path: str, table: str) -> Callable[[], Any]:
    from civigrid.io.census import read_census_grid
    from civigrid.io.parts import save_cells
    from civigrid.project import project_cells

    return lambda: save_cells(project_cells(read_census_grid(Path(path))[0]).cells, Path(table))


def _ours(path: str, out: str) -> Callable[[], Any]:
    from civigrid.io.geoparquet import write_geoparquet
    from civigrid.io.parts import load_cells
    from civigrid.release import public_grid, release

    passed = release(load_cells(Path(path)), public_grid())
    return Answer(lambda: write_geoparquet(passed, Path(out)), lambda _: _counted(out))


def _theirs(path: str, out: str) -> Callable[[], Any]:
    import pandas as pd

    from civigrid.cells import measured, to_geodataframe
    from civigrid.io.parts import load_cells
    from civigrid.types import Status

    cells = load_cells(Path(path))
    words = pd.Index([s.name.lower() for s in Status])

    def work() -> None:
        frame = to_geodataframe(cells)
        for name in [f"{n}_status" for n in measured(cells) if f"{n}_status" in cells]:
            frame[name] = pd.Categorical.from_codes(frame[name], words)
        frame.to_parquet(out, compression="zstd", write_covering_bbox=True, index=False)

    return Answer(work, lambda _: _counted(out))


def _counted(out: str) -> tuple[int, float, float, float]:
    """Rows, residents, area of the first 1,000 shapes, megabytes."""
    import pyarrow.parquet as pq
    import shapely

    table = pq.read_table(out, columns=["T", "geometry"])
    residents = sum(v for v in table["T"].to_pylist() if v is not None)
    area = shapely.area(shapely.from_wkb(table["geometry"][:1000].to_pylist())).sum()
    return len(table), float(residents), float(area), Path(out).stat().st_size / 1e6
