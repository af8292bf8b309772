"""All inhabited square kilometres of Europe with 13 variables to vector tiles of all zooms; one worker and two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.census import NAMES, census_file
from benchmarks.measure import measure, row
from benchmarks.tiles import cpu_seconds


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Processor seconds; what two workers gain; totals equal on all levels.  No peer keeps them."""
    with TemporaryDirectory() as folder:
        path, what = census_file(Path(folder), smallest=smallest)
        found = [measure(_make, str(path), workers, repeats=1 if smallest else 3) for workers in (1, 2)]
        (one, peak, (used, size, n, equal, tasks)), (two, more, again) = found
        assert equal
        assert again[3]
        said = f"{size:.1f} MB, all totals equal"
        yield row("tiles-europe", f"{what}: {n:,} cells, 13 variables, processor seconds", (used, peak), checked=said)
        yield row("tiles-europe", f"{n:,} cells, one worker, seconds", (one, peak))
        told = f"{one / two:.2f} times as fast; processor seconds {again[0]:.1f}"
        yield row("tiles-europe", f"{n:,} cells, two workers, seconds", (two, more), checked=told)
        share = 100 * tasks
        least = f"{1 / (1 - tasks / 2):.2f} times at most with two"
        yield row("tiles-europe", f"{share:.0f} % of the work is in tasks", (used, peak), checked=least)


def _make(path: str, workers: int) -> Callable[[], Any]:
    from civigrid.engine import arrays
    from civigrid.engine.execute import Scheduler
    from civigrid.io.census import read_census_grid
    from civigrid.project.gridded import project_cells
    from civigrid.release import public_grid, release
    from civigrid.tiles import TileOptions, make_tiles, write_tiles

    passed = release(project_cells(read_census_grid(Path(path), columns=list(NAMES))[0]).cells, public_grid())
    scheduler = Scheduler("serial") if workers == 1 else Scheduler("threads", workers)
    inside, whole = [0.0], arrays.map_pieces

    def counted(*given: Any, **named: Any) -> Any:
        began = cpu_seconds()
        found = whole(*given, **named)
        inside[0] += cpu_seconds() - began
        return found

    arrays.map_pieces = counted  # type: ignore[assignment]

    def work() -> Any:
        inside[0] = 0.0
        with TemporaryDirectory() as folder:
            began = cpu_seconds()
            said = write_tiles(make_tiles(passed, TileOptions(values=NAMES), scheduler), Path(folder) / "t.pmtiles")
            used = cpu_seconds() - began
        return (
            used,
            said["bytes"] / 1e6,
            passed.data.sizes["cell"],
            all(said["totals_equal"].values()),
            inside[0] / used,
        )

    return work
