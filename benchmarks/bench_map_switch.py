"""Switching the indicator of a map of 300,000 cells: from the call to the picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.maps import browser, disc, hexagons, opened
from benchmarks.measure import row

ALL = "() => Object.values(civigrid.stores).length > 0 && Object.values(civigrid.stores).every(s => s.done)"
SWITCH = """async (other) => {
  let l; civigrid.map.eachLayer(x => { if (x.isCell) { l = x; } });
  let options = Object.assign({}, l.options), times = [];
  for (let k = 0; k < 12; k++) {
    let name = k % 2 ? "people" : other, began = performance.now();
    await l.setVariable(name, options);
    times.push(performance.now() - began);
    await new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}"""


def rows(*, smallest: bool) -> Iterator[dict[str, Any]]:
    """Median of twelve switches, at the first view and eight times nearer."""
    from civigrid.maps import make_map, to_html

    with browser() as started, TemporaryDirectory() as folder:
        if started is None:
            yield row("map-switch", "no browser is installed", (0.0, 0.0))
            return
        for words, cells in (
            ("squares", disc(20_000 if smallest else 300_000)),
            ("hexagons", hexagons(20_000 if smallest else 300_000)),
        ):
            path = Path(folder) / "m.html"
            path.write_text(to_html(make_map(cells, ["people", "from_abroad"], title="People")), encoding="utf-8")
            tab, _ = opened(started, path, ALL)
            for view in ("first view", "three zooms nearer"):
                seconds = tab.evaluate(SWITCH, "from_abroad") / 1000
                yield row("map-switch", f"{cells.data.sizes['cell']:,} {words}, {view}", (seconds, 0.0))
                tab.evaluate("civigrid.map.setZoom(civigrid.map.getZoom() + 3, {animate: false})")
                tab.wait_for_timeout(500)
            tab.context.close()
