"""Swiping between two scenarios of 300,000 cells: pictures per second while the divider moves, and what one costs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.maps import browser, disc, hexagons, metrics, opened
from benchmarks.measure import row

READY = "() => Boolean(civigrid.map.civigridCompare) && Object.values(civigrid.stores).every(s => s.done)"
FRAMES = 120
SWIPE = """async (frames) => {
  let swipe = civigrid.map.civigridCompare.modes.swipe, times = [], began = performance.now();
  for (let k = 1; k <= frames; k++) {
    swipe.move(0.5 + 0.45 * Math.sin(2 * Math.PI * k / frames));
    times.push(await new Promise(done => requestAnimationFrame(done)));
  }
  let steps = times.slice(1).map((t, k) => t - times[k]).sort((a, b) => a - b);
  return { seconds: (times[times.length - 1] - times[0]) / 1000, worst: steps[Math.floor(0.95 * steps.length)] / 1000 };
}"""


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Seconds of a picture while the divider moves; its processor seconds, from the browser's own counters."""
    from civigrid.maps import compare_cells, make_compare_map, to_html
    from civigrid.release import public_grid, release

    n, frames = (20_000, 30) if smallest else (300_000, FRAMES)
    with browser() as started, TemporaryDirectory() as folder:
        if started is None:
            yield row("map-swipe", "no browser is installed", (0.0, 0.0))
            return
        for words, before in (("squares", disc(n)), ("hexagons", hexagons(n))):
            after = before.data.copy()
            after["people"] = np.rint(after["people"] * 1.2)
            page = make_compare_map(compare_cells(before, release(after, public_grid()), "people"), title="Swipe")
            path = Path(folder) / "m.html"
            path.write_text(to_html(page), encoding="utf-8")
            tab, figures = opened(started, path, READY)
            tab.wait_for_timeout(500)
            session = tab.context.new_cdp_session(tab)
            session.send("Performance.enable")
            for view in ("first view", "three zooms nearer"):
                was = metrics(session)
                found = tab.evaluate(SWIPE, frames)
                spent = metrics(session)
                each, cpu = found["seconds"] / (frames - 1), (spent["ProcessTime"] - was["ProcessTime"]) / frames
                said = f"{1 / each:.0f} pictures a second, 95th hundredth {1000 * found['worst']:.0f} ms"
                said += f", {1000 * cpu:.1f} ms of the page's process a picture"
                size = f"{before.data.sizes['cell']:,} {words}, {view}, seconds a picture"
                yield row("map-swipe", size, (each, figures["heap_mb"]), checked=said)
                tab.evaluate("civigrid.map.setZoom(civigrid.map.getZoom() + 3, {animate: false})")
                tab.wait_for_timeout(800)
            tab.context.close()
