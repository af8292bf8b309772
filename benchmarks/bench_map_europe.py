"""All inhabited square kilometres of Europe, three indicators, in one file that opens from a stick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.census import census_file
from benchmarks.maps import DRAWN, browser, opened
from benchmarks.measure import measure, row

SHOWN = ("T", "OTH", "share_OTH")


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Seconds to write, bytes, and processor seconds until the first picture stands.  No peer can do it."""
    with TemporaryDirectory() as folder:
        path, what = census_file(Path(folder), smallest=smallest)
        page = Path(folder) / "europe.html"
        ours = measure(_write, str(path), str(page), repeats=1 if smallest else 3)
        n, size = ours[2]
        yield row("map-europe", f"{what}: {n:,} cells, 3 indicators, written", ours[:2], checked=f"{size:.2f} MB")
        with browser() as started:
            if started is None:
                yield row("map-europe", "no browser is installed", (0.0, 0.0))
                return
            tab, found = opened(started, page, DRAWN)
            tab.wait_for_function("Object.values(civigrid.stores).every(s => s.done)", timeout=60_000)
            said = f"heap {found['heap_mb']:.0f} MB"
            yield row(
                "map-europe",
                f"{n:,} cells, first picture, processor seconds",
                (found["cpu_s"], found["heap_mb"]),
                checked=said,
            )


def _write(path: str, page: str) -> Callable[[], Any]:
    from civigrid.io.census import read_census_grid
    from civigrid.layers.segregation import segregation_cells
    from civigrid.maps import make_map, to_html
    from civigrid.project.gridded import project_cells
    from civigrid.release import public_grid, release

    cells = project_cells(read_census_grid(Path(path))[0]).cells
    cells = segregation_cells(cells, ["NAT", "EU_OTH", "OTH"])
    released = release(cells, public_grid())

    def write() -> Any:
        text = to_html(make_map(released, SHOWN, title="Europe")).encode()
        Path(page).write_bytes(text)
        return cells.sizes["cell"], len(text) / 1e6

    write()
    return write
