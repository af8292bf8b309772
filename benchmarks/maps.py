"""Maps of invented cells and the browser that opens them, for the benchmarks of maps."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import installed

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--enable-precise-memory-info"]  # fmt: skip
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0))))"


def disc(n: int) -> Any:
    """Cells of 1 km in a disc of about `n`, with invented counts, released."""
    from civigrid.cells import make_cells
    from civigrid.grid import SquareGrid
    from civigrid.release import public_grid, release
    from civigrid.types import Column

    grid, radius = SquareGrid(cell_size_m=1000), int(np.sqrt(n / np.pi))
    row, col = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    inside = row**2 + col**2 <= radius**2
    return release(
        make_cells(
            grid, grid.from_row_col(2900 + row[inside], 4400 + col[inside]), _counts(inside.sum()), _about(Column)
        ),
        public_grid(),
    )


def hexagons(n: int) -> Any:
    """The same of H3 cells of resolution 8."""
    from civigrid.cells import make_cells
    from civigrid.grid import H3Grid
    from civigrid.release import public_grid, release
    from civigrid.types import Column

    grid = H3Grid(8)
    side = np.sqrt(n * 0.74) / 111.32 / 2
    lat, lon = np.mgrid[50 - side : 50 + side : 0.004, 9 - 1.556 * side : 9 + 1.556 * side : 0.006]
    ids = np.unique(grid.cell_at(np.stack([lon.ravel(), lat.ravel()], axis=1)))
    return release(make_cells(grid, ids, _counts(len(ids)), _about(Column)), public_grid())


def _counts(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    people = np.rint(np.exp(rng.normal(4, 1.5, n)))
    return {"people": people, "from_abroad": np.floor(people * rng.random(n) * 0.4)}


def _about(column: Any) -> dict[str, Any]:
    return {"people": column(long_name="People"), "from_abroad": column(long_name="Born abroad", part_of="people")}


def tuned_geojson(released: Any, path: Path) -> float:
    """Write the map as Folium does at its best: one property, five decimals, canvas, styled by a script."""
    import folium
    from branca.element import Element

    from civigrid.cells import to_geodataframe, values_of

    frame = to_geodataframe(released.data.drop_vars(list(released.data.data_vars))).to_crs("EPSG:4326")
    frame = frame[["geometry"]].assign(v=values_of(released.data, "people"))
    frame["geometry"] = frame.geometry.set_precision(1e-5)
    page = folium.Map(location=[50, 9], zoom_start=6, tiles=None, prefer_canvas=True)
    shapes = folium.GeoJson(frame, smooth_factor=0).add_to(page)
    # styled by a script: Folium's own way writes the id of every cell once more
    style = "f => ({weight: 0, fillOpacity: .9, fillColor: f.properties.v > 50 ? '#31688e' : '#fde725'})"
    page.get_root().script.add_child(Element(f"setTimeout(() => {shapes.get_name()}.setStyle({style}), 0);"))
    page.default_js, page.default_css = [], []
    page.save(str(path))
    return path.stat().st_size / 1e6


@contextmanager
def browser() -> Iterator[Any]:
    """A headless browser without a network; None where playwright or a browser is absent."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None or installed("playwright") is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=ARGS)
        yield started
        started.close()


def opened(started: Any, path: Path, ready: str) -> tuple[Any, dict[str, float]]:
    """Open a page from a file; give the tab, and processor seconds and memory until its first picture stands.

    Seconds are all of the tab's process, its start included: a page may get a process of its own. Memory is the
    script's heap with the arrays beside it.
    """
    tab = started.new_context(offline=True, viewport={"width": 1000, "height": 800}).new_page()
    session = tab.context.new_cdp_session(tab)
    session.send("Performance.enable")
    tab.goto(f"file://{path}", timeout=300_000)
    tab.wait_for_function(ready, timeout=300_000)
    tab.evaluate(PAINTED)
    painted = metrics(session)
    session.send("HeapProfiler.collectGarbage")
    return tab, {
        "cpu_s": painted["ProcessTime"],
        "heap_mb": sum(v for k, v in session.send("Runtime.getHeapUsage").items() if k in HELD) / 1e6,
    }


def metrics(session: Any) -> dict[str, float]:
    """Counters of the tab (CDP, domain Performance)."""
    return {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}


HELD = ("usedSize", "embedderHeapUsedSize", "backingStorageSize")
"""What a page holds (CDP, `Runtime.getHeapUsage`)."""
DRAWN = "() => { let l; civigrid.map.eachLayer(x => { if (x.isCell) { l = x; } }); return l && l.loaded; }"
"""Whether our layer has drawn."""
